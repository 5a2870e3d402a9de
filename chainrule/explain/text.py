"""Values in words: numbers, summaries of arrays, expressions, and the table of a whole explanation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .values import Value

INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@",
    "remainder": "%", "floor_divide": "//", "greater": ">", "greater_equal": ">=", "less": "<",
    "less_equal": "<=", "equal": "==", "not_equal": "!=",
}  # fmt: skip
"""How the operations that have an operator are written."""

SHOWN = 4
"""Vectors of up to so many elements are shown in full."""

LONGEST = 40
"""Parameters are shortened to so many letters."""


def number(x: Any, digits: int = 6) -> str:
    """A number in at most `digits` significant digits.

    >>> number(np.float64(0.1) + 0.2), number(True), number(2 - 1j)
    ('0.3', 'True', '2-1j')
    """
    if isinstance(x, complex | np.complexfloating):
        return f"{x:.{digits}g}"
    return f"{x:.{digits}g}" if isinstance(x, float | np.floating) else str(x)


def summary(x: Any, digits: int = 6) -> str:
    """An array in a few words: itself if it is short, otherwise its shape and range.

    >>> summary(np.array([1.0, 2.5])), summary(np.arange(6.0).reshape(2, 3)), summary(np.zeros((0, 3)))
    ('[1, 2.5]', '(2, 3) in 0 .. 5', '(0, 3)')
    >>> summary(np.array([[1.0, np.nan], [np.inf, 0.0]]))
    '(2, 2) in 0 .. inf, 1 nan'
    """
    x = np.asarray(x)
    if x.ndim == 0:
        return number(x[()], digits)
    if x.ndim == 1 and 0 < x.size <= SHOWN:
        return "[" + ", ".join(number(v, digits) for v in x) + "]"
    if x.size == 0 or x.dtype.kind not in "iuf":
        return f"{x.shape}" if x.dtype.kind == "f" else f"{x.shape} {x.dtype}"
    unknown = int(np.isnan(x).sum())
    if unknown == x.size:
        return f"{x.shape} all nan"
    low, high = (number(bound, min(digits, 4)) for bound in (np.nanmin(x), np.nanmax(x)))
    span = f"{x.shape} all {low}" if low == high else f"{x.shape} in {low} .. {high}"
    return f"{span}, {unknown} nan" if unknown else span


def expression(value: Value, digits: int = 6) -> str:
    """How a value was made: `v1 * v2`, `sum(v3, axes=(0,))`, `v1 with [0] = v2`, or the name of an input."""
    if value.operation is None:
        return value.label
    operands = [o.name if isinstance(o, Value) else _constant(o, digits) for o in value.operands]
    if value.operation in INFIX and len(operands) == 2 and not value.params:
        left, right = operands
        return f"{left} {INFIX[value.operation]} {right}"
    if value.operation == "negative":
        return f"-{operands[0]}"
    if value.operation == "getitem":
        return f"{operands[0]}[{_index(value.params['index'], operands[1:])}]"
    if value.operation == "setitem":
        return f"{operands[0]} with [{_index(value.params['index'], operands[2:])}] = {operands[1]}"
    said = [f"{k}={text}" for k, text in zip(value.params, map(_parameter, value.params.values()), strict=True) if text]
    text = f"{value.operation}({', '.join([*operands, *said])})"
    return text if value.part is None else f"{text}[{value.part}]"


def _constant(x: Any, digits: int) -> str:
    """A number or a short vector as it is; of another array only the shape."""
    x = np.asarray(x)
    return summary(x, digits) if x.ndim == 0 or (x.ndim == 1 and 0 < x.size <= SHOWN) else f"array{x.shape}"


def _index(index: Sequence[Any], arrays: Sequence[str]) -> str:
    rest = iter(arrays)
    return ", ".join(_entry(i, rest) for i in index)


def _entry(i: Any, arrays: Any) -> str:
    if isinstance(i, slice):
        start, stop, step = ("" if v is None else str(v) for v in (i.start, i.stop, i.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return str(i) if i is None or isinstance(i, int) else next(arrays)


def _parameter(x: Any) -> str:
    """A parameter, shortened; nothing for one that is off, and for what only the operation understands."""
    if x is None or x is False or not isinstance(x, bool | int | float | complex | str | tuple | np.dtype):
        return ""
    text = str(x)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def local_partials(value: Value) -> str:
    """`dv4/dv1 = 5, dv4/dv2 = 2`; of an operand that is there twice, `dv4/dv1 = 5 + 5`."""
    terms: dict[str, list[str]] = {}
    for operand, d in zip(value.operands, value.partials, strict=True):
        if d is not None:
            terms.setdefault(operand.name, []).append(number(d))
    return ", ".join(f"d{value.name}/d{name} = {' + '.join(d)}" for name, d in terms.items())


COLUMNS: tuple[tuple[str, Callable[[Value], str]], ...] = (
    ("", lambda v: v.name),
    ("operation", expression),
    ("value", lambda v: summary(v.value)),
    ("adjoint", lambda v: "" if v.adjoint is None else summary(v.adjoint)),
    ("local partials", local_partials),
)


def table(values: Sequence[Value]) -> str:
    """One aligned line per value; a column without entries is left out."""
    columns = []
    for title, cell in COLUMNS:
        cells = [cell(v) for v in values]
        if any(cells):
            width = max(map(len, (title, *cells)))
            columns.append([entry.ljust(width) for entry in (title, *cells)])
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))

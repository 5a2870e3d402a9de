"""A recorded program as data: variables, equations, and the graph that they make."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .memory import own
from .primitive import Aval, Primitive
from .trace import aval_of, bind, concrete


class Var:
    """A named value of a graph: its shape and dtype, no data."""

    __slots__ = ("aval", "name")

    def __init__(self, name: str, aval: Aval):
        self.name, self.aval = name, aval

    def __repr__(self) -> str:
        return self.name

    def typed(self) -> str:
        """The name and its type, as in `v3:float64[2,3]`."""
        return f"{self.name}:{np.dtype(self.aval.dtype)}[{','.join(map(str, self.aval.shape))}]"


@dataclass(slots=True, eq=False)
class Equation:
    """`outputs = primitive(*args, **params)`; args are Vars and constants."""

    primitive: Primitive
    args: tuple[Any, ...]
    params: dict[str, Any]
    outputs: tuple[Var, ...]

    def __str__(self) -> str:
        graphs = {k: v for k, v in self.params.items() if isinstance(v, Graph)}
        params = [f"{k}={v}" for k, v in self.params.items() if k not in graphs]
        left = ", ".join(v.typed() for v in self.outputs)
        inner = [textwrap.indent(f"{k}: {v}", "    ") for k, v in graphs.items()]
        return "\n".join([f"{left} = {self.primitive.name}({', '.join([*map(constant, self.args), *params])})", *inner])


def constant(x: Any) -> str:
    """How an argument is printed: a Var by its name, a small constant by its value."""
    if isinstance(x, Var):
        return x.name
    if aval_of(x).shape == ():
        return f"{x:.6g}" if np.dtype(aval_of(x).dtype).kind == "f" else str(x)
    return f"constant:{x.dtype}[{','.join(map(str, x.shape))}]"


@dataclass(slots=True, eq=False)
class Graph:
    """A program without control flow: what a function did to its arguments, in order.

    Calling it does the same to other arguments of the same shapes and dtypes. `guards` are the conditions that
    the function asked for on its way (in an `if`, say), with their answers: a call with arguments for which an
    answer differs raises, for the function would have done something else.
    """

    inputs: list[Var] = field(default_factory=list)
    equations: list[Equation] = field(default_factory=list)
    outputs: list[Var] = field(default_factory=list)
    constants: dict[Var, Any] = field(default_factory=dict)
    guards: list[tuple[Var, Any]] = field(default_factory=list)
    flatten: Callable[..., list[Any]] = list
    unflatten: Callable[[Sequence[Any]], Any] = list
    count: int = 0

    def new(self, aval: Aval) -> Var:
        """A fresh variable."""
        self.count += 1
        return Var(f"v{self.count}", aval)

    def __call__(self, *args: Any) -> Any:
        return self.unflatten(self.run(self.flatten(*args)))

    def run(self, leaves: Sequence[Any]) -> list[Any]:
        """The leaves of the output from those of the arguments."""
        for var, x in zip(self.inputs, leaves, strict=True):
            found = aval_of(x)
            if found.shape != var.aval.shape or np.dtype(found.dtype) != var.aval.dtype:
                raise ValueError(
                    f"graph: {var.typed()} was recorded; an array of shape {found.shape} and dtype "
                    f"{np.dtype(found.dtype)} was given: record the function again for it"
                )
        values: dict[Var, Any] = {**self.constants, **dict(zip(self.inputs, leaves, strict=True))}
        guards = dict(self.guards)
        for var in guards.keys() & values.keys():
            self.check(var, values[var], guards[var])
        for e in self.equations:
            args = [values[a] if isinstance(a, Var) else a for a in e.args]
            y = bind(e.primitive, *args, **e.params)
            for var, value in zip(e.outputs, y if e.primitive.multi else (y,), strict=True):
                values[var] = value
                if var in guards:
                    self.check(var, value, guards[var])
        given = set(self.inputs)
        # A constant of the graph, or a view of one, is not for the caller to write into.
        ys = [(v in given, values[v]) for v in self.outputs]
        return [y if as_given or not isinstance(y, np.ndarray) else own(y) for as_given, y in ys]

    def check(self, var: Var, value: Any, answer: Any) -> None:
        """Raises if `value` is not the answer that the function got when it looked at `var`."""
        found = concrete(value, "the value of a guard")
        if not np.array_equal(found, answer, equal_nan=answer.dtype.kind in "fc"):
            raise ValueError(
                f"graph: the function was recorded where {var.name} is {answer}, and it is {found} for these "
                "arguments: record it again for them"
            )

    def __str__(self) -> str:
        lines = [f"graph({', '.join(v.typed() for v in self.inputs)}):"]
        lines += [f"    {v.typed()} = {constant(x)}" for v, x in self.constants.items()]
        lines += [textwrap.indent(str(e), "    ") for e in self.equations]
        lines += [f"    guard {v.name} == {answer}" for v, answer in self.guards]
        lines.append(f"    return {', '.join(map(constant, self.outputs))}")
        return "\n".join(lines)

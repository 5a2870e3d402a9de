"""The body of a loop as a program of single numbers. Equal parts are shared, what is zero by structure is left out.

An operation's record says what one element of its result is in terms of elements of its operands: that rule,
`Primitive.element`, is called with a `Body`, which offers NumPy's elementwise functions for single numbers, and
returns a `Scalar`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .indices import Counter, Index, counting


class Scalar(NamedTuple):
    """A number in a body: where it stands there, and its dtype."""

    place: int
    dtype: np.dtype


class Step(NamedTuple):
    """How a number comes about: an operation on numbers that stand before it."""

    op: str
    """A ufunc's name; or "constant", "load", "gather", "index", "cast", "where", "sum", "max", ..."""
    args: tuple[int, ...]
    dtype: np.dtype
    data: Any = None
    """Of a constant its value; of a load the buffer and the index; of a reduction its counters."""


REDUCTIONS = {
    "sum": "add",
    "prod": "multiply",
    "max": "maximum",
    "min": "minimum",
    "any": "logical_or",
    "all": "logical_and",
}
"""The operation that each makes of two numbers."""


class LongReduction(Exception):
    """What was asked for takes a loop of its own."""


CHEAP = {"add", "subtract", "multiply", "negative", "maximum", "minimum", "where", "cast", "absolute", "load", "index"}
"""Steps that cost about as much as reading a number from memory, or less; others count tenfold."""


class Body:
    """Numbers, each made once: the same operation on the same numbers is the same number.

    `unroll` is the largest reduction that is written out term by term; a longer one is a loop. `can(op, dtypes)` says
    whether there is code for a step; where there is none, NotImplementedError is raised.
    """

    def __init__(self, unroll: int = 16, can: Callable[[str, list[np.dtype]], bool] = lambda op, dtypes: True):
        self.steps: list[Step] = []
        self._can = can
        self.unroll = unroll
        self.may_loop = True
        self._known: dict[Any, int] = {}
        self._ranks = 0
        self._turns: list[tuple[Counter, ...]] = []
        self._loops: dict[Any, tuple[Counter, ...]] = {}

    def counter(self, extent: int, name: str = "i") -> Counter:
        """A new loop."""
        self._ranks += 1
        return Counter(self._ranks - 1, extent, name)

    def step(self, op: str, args: Sequence[Scalar], dtype: np.dtype, data: Any = None, key: Any = None) -> Scalar:
        """The number that `op` makes of `args`. `key` tells apart what `data` cannot, by its equality."""
        places = tuple(a.place for a in args)
        known = op, places, dtype, data if key is None else key
        place = self._known.get(known)
        if place is None:
            if not self._can(op, [dtype, *(a.dtype for a in args)]):
                raise NotImplementedError(f"{op} of {', '.join(str(a.dtype) for a in args)}")
            place = self._known[known] = len(self.steps)
            self.steps.append(Step(op, places, dtype, data))
        return Scalar(place, dtype)

    # ---- where numbers come from

    def constant(self, value: Any, dtype: Any = None) -> Scalar:
        number = np.asarray(value, dtype)[()]
        return self.step("constant", (), number.dtype, number, key=number.tobytes())

    def zero(self, dtype: Any) -> Scalar:
        """A zero by structure: whatever it is multiplied with, the product is that zero again."""
        return self.step("zero", (), np.dtype(dtype), np.dtype(dtype).type(0), key=0)

    def load(self, buffer: Any, place: Index, dtype: np.dtype) -> Scalar:
        """The element of a buffer at a place that counters determine."""
        return self.step("load", (), dtype, (buffer, place))

    def gather(self, buffer: Any, place: Scalar, dtype: np.dtype) -> Scalar:
        """The element of a buffer at a place that is computed."""
        return self.step("gather", (place,), dtype, buffer)

    def number(self, index: Index) -> Scalar:
        """An index as a number to compute with."""
        if not index.terms:
            return self.constant(index.offset, np.intp)
        return self.step("index", (), np.dtype(np.intp), index)

    def cost(self, x: Scalar, enough: int) -> int:
        """What it takes to make x, in additions; beyond `enough` no further is counted."""
        seen, waiting, total = set(), [x.place], 0
        while waiting and total <= enough:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                step = self.steps[place]
                total += cost_of(step.op)
                waiting += step.args
        return total

    def needed(self, numbers: Iterable[Scalar]) -> set[int]:
        """The places of all that these numbers are made of, their own included."""
        seen: set[int] = set()
        waiting = [x.place for x in numbers]
        while waiting:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                waiting += self.steps[place].args
        return seen

    # ---- what is computed

    def is_zero(self, x: Scalar) -> bool:
        return self.steps[x.place].op == "zero"

    def value(self, x: Scalar) -> Any:
        """The value of a constant; None for what is none."""
        step = self.steps[x.place]
        return step.data if step.op in ("constant", "zero") else None

    def cast(self, x: Scalar, dtype: Any) -> Scalar:
        dtype = np.dtype(dtype)
        if x.dtype == dtype:
            return x
        if self.is_zero(x):
            return self.zero(dtype)
        value = self.value(x)
        if value is not None:
            with np.errstate(all="ignore"):
                return self.constant(value.astype(dtype))
        return self.step("cast", (x,), dtype)

    def apply(self, name: str, args: Sequence[Scalar], dtypes: Sequence[np.dtype], dtype: np.dtype) -> Scalar:
        """An elementwise function of NumPy's, with its operands cast to `dtypes` first."""
        xs = [self.cast(x, d) for x, d in zip(args, dtypes, strict=True)]
        short = SHORT.get(name)
        if short is not None:
            found = short(self, *xs)
            if found is not None:
                return self.cast(found, dtype)
        values = [self.value(x) for x in xs]
        if all(v is not None for v in values) and hasattr(np, name):
            with np.errstate(all="ignore"):
                return self.constant(np.asarray(getattr(np, name)(*values), dtype)[()])
        return self.step(name, xs, dtype)

    def multiply(self, a: Scalar, b: Scalar, dtype: np.dtype) -> Scalar:
        return self.apply("multiply", (a, b), (dtype, dtype), dtype)

    def where(self, condition: Scalar, a: Scalar, b: Scalar) -> Scalar:
        """One of two numbers of the same dtype."""
        value = self.value(condition)
        if value is not None:
            return a if value else b
        return a if a == b else self.step("where", (condition, a, b), a.dtype)

    def position(self, x: Scalar, n: int) -> Index | Scalar:
        """A position along an axis of length n, counted from its end if it is negative."""
        value = self.value(x)
        if value is not None:
            if not -n <= value < n:
                raise IndexError(f"index {value} is out of bounds for an axis of size {n}")
            return Index(int(value) % n)
        return self.step("position", (self.cast(x, np.intp),), np.dtype(np.intp), n)

    def reduce(self, op: str, extents: Sequence[int], term: Callable[..., Scalar], dtype: Any) -> Scalar:
        """The sum (or other reduction) of `term(*indices)` over all indices below `extents`, in `dtype`."""
        dtype, combine = np.dtype(dtype), REDUCTIONS[op]
        if math.prod(extents) <= self.unroll:
            terms = [self.cast(term(*map(Index, at)), dtype) for at in np.ndindex(*extents)]
            if not terms:
                return self.constant(EMPTY[op], dtype)
            while len(terms) > 1:  # in pairs: shorter chains of dependence, and smaller errors
                pairs = zip(terms[::2], terms[1::2], strict=False)
                joined = [self.apply(combine, pair, (dtype, dtype), dtype) for pair in pairs]
                terms = joined + terms[2 * len(joined) :]
            return terms[0]
        if not self.may_loop:
            raise LongReduction
        # One set of counters for all loops of these extents that stand at this depth: they can be run as one.
        key = len(self._turns), tuple(extents)
        if key not in self._loops:
            self._loops[key] = tuple(self.counter(n, "r") for n in extents)
        counters = self._loops[key]
        self._turns.append(counters)
        try:
            inner = self.cast(term(*map(counting, counters)), dtype)
        finally:
            self._turns.pop()
        return self.step(op, (inner,), dtype, tuple(c for c in counters if c.extent > 1))


def cost_of(op: str) -> int:
    """What a step takes, in additions."""
    return 0 if op in ("constant", "zero") else 1 if op in CHEAP else 10


EMPTY = {"sum": 0, "prod": 1, "any": False, "all": True}


# ---- what needs no operation --------------------------------------------------------------------------------------
#
# Exact in floating point whatever the operands are, apart from zeros by structure: those stay zero when multiplied by
# an infinity (docs/choices.md).


def _add(body: Body, a: Scalar, b: Scalar) -> Scalar | None:
    return b if body.is_zero(a) else a if body.is_zero(b) else None


def _subtract(body: Body, a: Scalar, b: Scalar) -> Scalar | None:
    return a if body.is_zero(b) else body.apply("negative", (b,), (b.dtype,), b.dtype) if body.is_zero(a) else None


def _multiply(body: Body, a: Scalar, b: Scalar) -> Scalar | None:
    if body.is_zero(a) or body.is_zero(b):
        return body.zero(a.dtype)
    for x, other in ((a, b), (b, a)):
        value = body.value(x)
        if value is not None and value == 1:
            return other
        if value is not None and value == -1:
            return body.apply("negative", (other,), (other.dtype,), other.dtype)
    return None


def _divide(body: Body, a: Scalar, b: Scalar) -> Scalar | None:
    if body.is_zero(a):
        return a
    value = body.value(b)
    return a if value is not None and value == 1 else None


def _negative(body: Body, x: Scalar) -> Scalar | None:
    if body.is_zero(x):
        return x
    step = body.steps[x.place]
    return Scalar(step.args[0], x.dtype) if step.op == "negative" else None


def _power(body: Body, a: Scalar, b: Scalar) -> Scalar | None:
    """The exponents that NumPy computes by other means."""
    value = body.value(b)
    if value is None or a.dtype.kind not in "fc":
        return None
    if value == 2:
        return body.apply("multiply", (a, a), (a.dtype, a.dtype), a.dtype)
    if value == 1:
        return a
    if value == -1:
        return body.apply("divide", (body.constant(1, a.dtype), a), (a.dtype, a.dtype), a.dtype)
    if value in (3, 4):
        square = body.multiply(a, a, a.dtype)
        return body.multiply(square, a if value == 3 else square, a.dtype)
    return body.constant(1, a.dtype) if value == 0 else None


def _square(body: Body, x: Scalar) -> Scalar | None:
    return body.apply("multiply", (x, x), (x.dtype, x.dtype), x.dtype)


def _positive(body: Body, x: Scalar) -> Scalar | None:
    return x


SHORT: dict[str, Callable[..., Scalar | None]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "power": _power,
    "square": _square,
    "positive": _positive,
    "conjugate": lambda body, x: x if x.dtype.kind != "c" else None,
}

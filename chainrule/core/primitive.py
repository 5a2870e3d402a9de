"""What an operation is: a name and one field per question that a transform may ask about it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple


class Aval(NamedTuple):
    """An abstract value: what is known of an array before it is computed.

    `dtype` is a NumPy dtype or, for a Python number, its type: NumPy lets those adapt to the other operand.
    """

    shape: tuple[int, ...]
    dtype: Any


class Part(NamedTuple):
    """One of the writes that make an array: at every index j below `shape`, `value(body, j)` goes where j leads to.

    That is `start + step * j`, axis by axis, or `places(body, j)`; add: what stood there stays, and is added to; apart:
    nothing else is written where this part is.
    """

    shape: tuple[int, ...]
    value: Callable[..., Any]
    start: tuple[int, ...] = ()
    step: tuple[int, ...] = ()
    places: Callable[..., Any] | None = None
    add: bool = False
    apart: bool = False


class Kept(NamedTuple):
    """What the tape keeps for a backward pass: which of the arguments, and whether the output."""

    args: tuple[bool, ...]
    output: bool


@cache
def keeps_nothing(wanted: tuple[bool, ...]) -> Kept:
    return Kept((False,) * len(wanted), False)


@cache
def keeps_all(wanted: tuple[bool, ...]) -> Kept:
    return Kept((True,) * len(wanted), True)


@cache
def keeps_args(wanted: tuple[bool, ...]) -> Kept:
    return Kept((True,) * len(wanted), False)


@cache
def keeps_output(wanted: tuple[bool, ...]) -> Kept:
    return Kept((False,) * len(wanted), True)


@dataclass(frozen=True, slots=True)
class Plain:
    """What `saves` and `vjp` come to where all that is differentiated is real and of the shape and dtype of the output.

    Nothing is to be summed, cast or conjugated then. Small arrays are mostly of this kind, and theirs is the time that
    an operation costs beyond its arithmetic: benchmarks/eager.py.
    """

    vjps: tuple[Callable[..., Any] | None, ...]
    """For each input `(ct, y, *x) -> cotangent`; None: the cotangent is `ct`"""
    saves: tuple[tuple[bool, ...], ...]
    """What is kept, of each input and of y; the index has bit i set if input i is wanted"""
    limit: float
    """Bytes of y up to which the short rules are to be used"""


@dataclass(frozen=True, eq=False, slots=True)
class Primitive:
    """One operation and every rule the library knows about it.

    Rules are written in plain NumPy, so a rule applied to tracers is traced in its turn; that is all there is
    to higher derivatives. `x` stands for the inputs, `y` for the output (a tuple of outputs if `multi`).
    Arrays are positional, parameters keyword-only. A tangent or cotangent known to be zero is None, and no
    rule is called with only Nones.
    """

    name: str
    impl: Callable[..., Any]
    """`(*x, **params) -> y`"""
    aval: Callable[..., Any]
    """`(*avals of x, **params) -> aval of y`"""
    jvp: Callable[..., Any] | None
    """`(tangents, y, *x, **params) -> tangent of y`; None: constant wherever it is differentiable"""
    vjp: Callable[..., tuple[Any, ...]] | None
    """`(wanted, ct, y, *x, **params) -> a cotangent per input`, None where it is zero or not wanted.

    What `saves` does not ask for is passed as a stand-in that has `.shape` and `.dtype` only."""
    saves: Callable[[tuple[bool, ...]], Kept]
    """`wanted -> Kept`: what `vjp` reads of its arguments and of the output"""
    batch: Callable[..., Any]
    """`(is_batched, *x, **params) -> y`; the batch axis is axis 0 of what is batched, and of every output"""
    slots: Callable[..., Any] | None
    """`(wanted, y, *x, **params) -> links of each input`, for each output if `multi`; see core/slots.py; None: what
    `impl` does is followed step by step"""
    multi: bool = False
    zeros: str | None = None
    """What becomes of a cotangent that is zero by structure (core/zeros.py): "stay": each element has its own, as in an
    elementwise operation; "move": `vjp` moves elements and adds them up; None: anything may become of it"""
    plain: Plain | None = None
    """For an elementwise operation: the short form of `saves` and `vjp`"""
    element: Callable[..., Any] | None = None
    """`(body, i, *x, **params) -> number`: the element of y at index i, in terms of elements of x; None for what no
    loop can do (compiler/scalars.py)"""
    parts: Callable[..., Any] | None = None
    """`(*x, **params) -> Parts`: the writes that make y, one after the other; instead of `element`"""
    slopes: Callable[..., Any] | None = None
    """`(wanted, *x) -> slopes`: something small from which `vjp` gets all that it reads of large arrays `x` and `y`, if
    it is given as its parameter `slopes`; the tape keeps that instead of what `saves` says"""

    memory: str | None = None
    """What is known of y's place in NumPy's memory: "ordered": in C order if all of x is, as what is elementwise;
    "view": a view of x; "reshape": in C order, and a view, if x is in C order; None: anything"""
    moves: bool = False
    """Whether it computes nothing: each element of y is one of x, or zero"""
    places: Callable[..., Any] | None = None
    """`(slices, *x, **params) -> x, params`: the same application with the numbers in its parameters among its
    arguments, those of slices only if asked for; so that loops may change them (compiler/roll.py)"""
    merged: Callable[..., Any] | None = None
    """`(x, **params) -> y`, for an operation of any number of arguments: one argument that stands for several in a
    row, which x holds along its axis 0"""

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


PRIMITIVES: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Enters `primitive` in the table of all operations; its name must be free."""
    if primitive.name in PRIMITIVES:
        raise ValueError(f"register: there is a primitive named {primitive.name!r} already")
    PRIMITIVES[primitive.name] = primitive
    return primitive

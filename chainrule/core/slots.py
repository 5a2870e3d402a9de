"""How the elements of an input reach those of the output: what the `slots` rules say of an operation.

The derivative of an array y in the n inputs of a program is held as a few pieces. A piece is an integer array `index`,
of the shape of y with any number of *slot axes* in front, and numbers `coef` that broadcast to it; its meaning is

    dy[s] / dx[index[r, s]] += coef[r, s]        for every slot r and every element s;  -1 stands for no input.

An operation moves pieces. What it says of an input is a list of links, `dy[s] += weight[r, s] * (the input, moved)[r,
s]`: `move` takes elements to places, which is done to indices and coefficients alike, and `weight` is the local
partial derivative. A sum, for one, turns its axes into slot axes.

Moves are values: equal ones do the same, so what they make of an index array is found again at the next call.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .trace import Tracer, aval_of

Box = tuple[range, ...]
"""A part of an array, one range with a positive step per axis. A piece may cover no more than such a part of y."""

BY_JVP = object()
"""The weight that the operation's `jvp` gives for each unit vector along the slot axes of the move."""


class Link(NamedTuple):
    """One way from an input to the output."""

    move: Any = None
    """None: every element stays where it is"""
    weight: Any = 1
    """A number; a function without arguments to an array that broadcasts to the slot axes and the shape of y, or that
    of the part that `move` covers; BY_JVP"""
    selects: bool = False
    """Whether an element of weight 0 was not chosen, so that no slope at it matters"""
    constant: bool = False
    """Whether the weights are made of constants alone: no entry is where one of them is 0, as in a constant matrix"""
    along_i: Callable[[], Any] | None = None
    """The weight along the imaginary unit where it is not i times that along 1, as in `irfft`; BY_JVP has both"""
    push: Callable[[Any], Any] | None = None
    """In the place of a weight: coefficients of the shape of y -> coefficients, for what is linear in reals only"""


SAME = (Link(),)


class Part(NamedTuple):
    """What a move does to a piece that covers a box: the part of y, a move for the part, and where the weights are."""

    box: Box
    move: Any
    cut: tuple[range, ...]
    """Of the slot axes and the axes of y"""


class Move:
    """Takes arrays of the shape of the input, with `lead` axes before that, to the slot axes and the shape of y."""

    __slots__ = ()

    fills: Any = False
    """Whether some elements of the result come from nowhere: they are 0"""
    box: Any = None
    """The part of y that it covers; None: all"""

    def __call__(self, a: Any, lead: int) -> Any:
        raise NotImplementedError

    def part(self, box: Box) -> Part | None:
        """The same for a part of the input; None where that has no simple form."""
        return None

    def own(self) -> None:
        """Makes copies of what others may change."""


def whole(shape: Sequence[int]) -> Box:
    return tuple(map(range, shape))


def lengths(box: Box) -> tuple[int, ...]:
    return tuple(map(len, box))


def slices(box: Sequence[range]) -> tuple[slice, ...]:
    """The index that reads a box."""
    return tuple(slice(r.start, None if r.stop < 0 else r.stop, r.step) for r in box)


def cut(weight: Any, ranges: Sequence[range]) -> Any:
    """The part of a weight, whose axes are the last of those that `ranges` are of, and may be 1."""
    count = len(weight.shape)
    own = ranges[len(ranges) - count :]
    return weight[tuple(slice(None) if n == 1 else s for n, s in zip(weight.shape, slices(own), strict=True))]


# ---- moves that keep axes together ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aligned(Move):
    """Axis k of y is axis `places[k]` of x, or, for None, one along which x is repeated; `slots` become slot axes."""

    places: tuple[int | None, ...]
    slots: tuple[int, ...]
    shape: tuple[int, ...]

    def __call__(self, a: Any, lead: int) -> Any:
        kept = [p for p in self.places if p is not None]
        order = [*range(lead), *(lead + p for p in (*self.slots, *kept))]
        if order != list(range(len(order))):
            a = np.transpose(a, order)
        front = a.shape[: lead + len(self.slots)]
        if len(kept) != len(self.places):
            sizes = iter(a.shape[len(front) :])
            a = np.reshape(a, (*front, *(1 if p is None else next(sizes) for p in self.places)))
        shape = (*front, *self.shape)
        return a if a.shape == shape else np.broadcast_to(a, shape)

    def part(self, box: Box) -> Part:
        to = tuple(range(n) if p is None else box[p] for p, n in zip(self.places, self.shape, strict=True))
        return Part(to, Aligned(self.places, self.slots, lengths(to)), (*(box[a] for a in self.slots), *to))


def stretched(x: tuple[int, ...], y: tuple[int, ...]) -> Aligned | None:
    """Broadcasting."""
    if x == y:
        return None
    lead = len(y) - len(x)
    repeated = [i for i, n in enumerate(x) if n == 1 and y[lead + i] != 1]
    return Aligned(
        (None,) * lead + tuple(None if i in repeated else i for i in range(len(x))), tuple(repeated), tuple(y)
    )


def reduced(x: tuple[int, ...], axes: Sequence[int], keepdims: bool, shape: tuple[int, ...]) -> Aligned:
    """The reduced axes become slot axes."""
    places = tuple(None if i in axes else i for i in range(len(x)) if keepdims or i not in axes)
    return Aligned(places, tuple(axes), shape)


def matched(x: str, slots: str, y: str, sizes: dict[str, int], shape: tuple[int, ...]) -> Aligned:
    """By letters, as in einsum: each axis of x has one; those in `slots` become slot axes, or are axes of y.

    An axis of x that is 1 where `sizes` has more is repeated.
    """
    thin = [i for i, (c, n) in enumerate(zip(x, shape, strict=True)) if n == 1 and sizes[c] != 1 and c in y]
    places = tuple(None if c not in x or x.index(c) in thin else x.index(c) for c in y)
    return Aligned(places, (*thin, *(x.index(c) for c in slots)), tuple(sizes[c] for c in y))


@dataclass(frozen=True, slots=True)
class Reshaped(Move):
    """The same elements in the same order, in another shape."""

    old: tuple[int, ...]
    new: tuple[int, ...]

    def __call__(self, a: Any, lead: int) -> Any:
        return np.reshape(a, (*a.shape[:lead], *self.new))

    def part(self, box: Box) -> Part | None:
        cuts = [k for k, (r, n) in enumerate(zip(box, self.old, strict=True)) if len(r) != n]
        if len(cuts) != 1:
            return None
        (k,) = cuts
        before, after = math.prod(self.old[:k]), math.prod(self.old[k + 1 :])
        to = _divided(before, box[k], self.old[k] * after, after, self.new)
        return None if to is None else Part(to, Reshaped(lengths(box), lengths(to)), to)


def _divided(before: int, r: range, step: int, after: int, shape: tuple[int, ...]) -> Box | None:
    """The box of an array of `shape` that holds, `before` times every `step` elements, blocks of `after` at `r`."""
    if before == 1 and r.step == 1:  # a stretch of elements
        inner = math.prod(shape)
        for k, n in enumerate(shape):
            inner //= n
            start, stop = r.start * after, r.stop * after
            if start % inner == 0 == stop % inner and math.prod(shape[:k]) == 1:
                return (*whole(shape[:k]), range(start // inner, stop // inner), *whole(shape[k + 1 :]))
        return None
    if len(shape) == 1 and len(r) == 1 and after == 1:
        return (range(r.start, shape[0], step),)
    for k, n in enumerate(shape):
        if math.prod(shape[:k]) == before and n * after == step and math.prod(shape[k + 1 :]) == after:
            return (*whole(shape[:k]), r, *whole(shape[k + 1 :]))
    return None


# ---- moves to and from a part ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read(Move):
    """`x[index]` for an index of integers, None and ranges, which stand for slices."""

    index: tuple[int | range | None, ...]

    def __call__(self, a: Any, lead: int) -> Any:
        entries = [slices((e,))[0] if type(e) is range else e for e in self.index]
        # An Ellipsis, so that what is left of an array of indices is an array.
        return a[(slice(None),) * lead + tuple(entries) + (Ellipsis,)]

    def part(self, box: Box) -> Part | None:
        axes, to, own = iter(box), [], []
        for e in self.index:
            r = range(1) if e is None else next(axes)
            if e is None:
                to.append(r)
                own.append(None)
            elif type(e) is not range:
                if e not in r:
                    return NOTHING
                own.append(r.index(e))
            else:
                here, there = _common(e, r)
                to.append(here)
                own.append(there)
        return Part(tuple(to), Read(tuple(own)), tuple(to)) if all(to) else NOTHING


NOTHING = Part((), None, ())
"""Nothing of the piece is left."""


def _common(read: range, held: range) -> tuple[range, range]:
    """The positions in `read` of what is in `held` too, and where it is there: regular both, as `read` and `held` are.

    read.start + i read.step = held.start + j held.step is a linear Diophantine equation in i and j.
    """
    common = math.gcd(read.step, held.step)
    ahead, left = divmod(held.start - read.start, common)
    if left or not read or not held:
        return range(0), range(0)
    turn, other = abs(held.step) // common, read.step // common
    first = ahead * pow(other, -1, turn) % turn
    step = read.step * turn // held.step
    at = (read.start + first * read.step - held.start) // held.step
    count = max(-((first - len(read)) // turn), 0)  # as many as `read` has
    skipped, end = _between(range(at, at + count * step, step), len(held))
    first, at, count = first + skipped * turn, at + skipped * step, end - skipped
    return range(first, first + count * turn, turn), range(at, at + count * step, step)


def _between(r: range, size: int) -> tuple[int, int]:
    """The positions in `r` of numbers from 0 on, below `size`: the first, and the end."""
    if r.step > 0:
        first, stop = -(r.start // r.step), -((r.start - size) // r.step)
    else:
        first, stop = -((size - 1 - r.start) // -r.step), r.start // -r.step + 1
    first = max(first, 0)
    return first, max(first, min(stop, len(r)))


@dataclass(frozen=True, slots=True)
class Placed(Move):
    """x as the part `box` of an array that has nothing else, after `slots` slot axes that earlier moves have made."""

    box: Box
    slots: int = 0

    def __call__(self, a: Any, lead: int) -> Any:
        shape = (*a.shape[: lead + self.slots], *lengths(self.box))
        return a if a.shape == shape else np.reshape(a, shape)

    def part(self, box: Box) -> Part | None:
        if len(box) != len(self.box):
            return None
        to = tuple(r[s] for r, s in zip(self.box, slices(box), strict=True))
        return Part(to, Placed(to), to)


@dataclass(frozen=True, slots=True)
class Spread(Move):
    """The part `box` of an array of `shape`, with zeros around it."""

    box_held: Box
    shape: tuple[int, ...]
    fills = True

    def __call__(self, a: Any, lead: int) -> Any:
        like: Any = a if isinstance(a, Tracer) else None
        out = np.zeros((*a.shape[:lead], *self.shape), a.dtype, like=like)
        out[(slice(None),) * lead + slices(self.box_held)] = a
        return out


@dataclass(frozen=True, slots=True)
class Chain(Move):
    """One move after the other; the last may cover a part."""

    moves: tuple[Move, ...]

    @property
    def fills(self) -> bool:
        return any(move.fills for move in self.moves)

    def own(self) -> None:
        for move in self.moves:
            move.own()

    @property
    def box(self) -> Any:
        return self.moves[-1].box

    def __call__(self, a: Any, lead: int) -> Any:
        for move in self.moves:
            a = move(a, lead)
        return a

    def part(self, box: Box) -> Part | None:
        moves, found = [], None
        for move in self.moves:
            found = move.part(box)
            if found is None or found is NOTHING:
                return found
            box = found.box
            moves.append(found.move)
        assert found is not None
        return Part(box, Chain(tuple(moves)), found.cut)


# ---- any other move -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mapped(Move):
    """`function(a, *args)` for an `a` with one axis in front of those of x, which comes out in front.

    args: hashable, or arrays in a `Contents`. slots: how many slot axes come after that one.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    fills: bool = False

    def __call__(self, a: Any, lead: int) -> Any:
        front = a.shape[:lead]
        out = self.function(np.reshape(a, (math.prod(front), *a.shape[lead:])), *map(plain, self.args))
        return np.reshape(out, (*front, *out.shape[1:]))

    def own(self) -> None:
        for arg in self.args:
            if isinstance(arg, Contents):
                arg.own()


@dataclass(slots=True, eq=False)
class Contents:
    """An array as a value, by what is in it."""

    array: np.ndarray
    sample: tuple[Any, ...] = field(init=False)

    def __post_init__(self):
        flat = self.array.reshape(-1)
        some = flat[:: max(1, flat.size // 8)][:9]
        self.sample = self.array.shape, self.array.dtype.char, some.tobytes()

    def __hash__(self) -> int:
        return hash(self.sample)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Contents) or self.sample != other.sample:
            return False
        return self.array is other.array or np.array_equal(self.array, other.array)

    def own(self) -> None:
        """Makes a copy of the array, so that nobody can change it."""
        self.array = self.array.copy()


def plain(x: Any) -> Any:
    """The array of a `Contents`; anything else as it is."""
    return x.array if type(x) is Contents else x


def ruled(primitive: Any, arrays: Sequence[Any] = (), fills: bool = False, **params: Any) -> Mapped:
    """The move of an operation that is linear in its first input, by its own `batch` rule."""
    return Mapped(_by_rule, (primitive, Params(params), *map(Contents, arrays)), fills)


def _by_rule(a: Any, primitive: Any, params: "Params", *arrays: Any) -> Any:
    return primitive.batch((True,) + (False,) * len(arrays), a, *arrays, **params.values)


@dataclass(slots=True, eq=False)
class Params:
    """Parameters of an operation as a value."""

    values: dict[str, Any]
    key: Any = field(init=False)

    def __post_init__(self):
        self.key = tuple((k, frozen(v)) for k, v in self.values.items())

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Params) and self.key == other.key


def gathered(source: np.ndarray) -> Mapped:
    """The move by the positions in x of what goes to the slot axes and the axes of y; -1 for nothing."""
    return Mapped(_gathered, (Contents(source),), fills=bool(source.size) and int(source.min()) < 0)


def _gathered(a: Any, source: np.ndarray) -> Any:
    flat = np.reshape(a, (a.shape[0], math.prod(a.shape[1:])))
    if not flat.shape[1]:
        return np.zeros((a.shape[0], *source.shape), a.dtype)
    found = flat[:, source]
    return np.where(source >= 0, found, np.zeros((), a.dtype)) if source.min(initial=0) < 0 else found


def frozen(x: Any) -> Any:
    """`x` as something that can be hashed: slices cannot in Python 3.11."""
    if isinstance(x, slice):
        return "slice", x.start, x.stop, x.step
    if isinstance(x, tuple | list):
        return tuple(map(frozen, x))
    return x


# ---- rules ----------------------------------------------------------------------------------------------------------


def nothing(wanted: Sequence[bool], y: Any, *x: Any, **params: Any) -> tuple[tuple[Link, ...], ...]:
    """The rule of an operation without derivatives."""
    return ((),) * len(x)


def mixing(
    wanted: Sequence[bool], shape: tuple[int, ...], core: int, x: Sequence[Any], cores: Sequence[int]
) -> tuple[tuple[Link, ...], ...]:
    """Links of an operation whose last `core` axes of y depend on all of the last `cores[i]` axes of each input.

    The axes before these are batch axes, which broadcast against each other.
    """
    lead = len(shape) - core

    def link(v: Any, count: int) -> Link:
        batch = v.shape[: len(v.shape) - count]
        thin = [i for i, n in enumerate(batch) if n == 1 and shape[lead - len(batch) + i] != 1]
        places = (None,) * (lead - len(batch)) + tuple(None if i in thin else i for i in range(len(batch)))
        slots = (*thin, *range(len(batch), len(v.shape)))
        return Link(Aligned(places + (None,) * core, slots, tuple(shape)), BY_JVP)

    return tuple((link(v, c),) if on else () for on, v, c in zip(wanted, x, cores, strict=True))


def everything(wanted: Sequence[bool], y: Any, *x: Any, **params: Any) -> Any:
    """The rule of an operation of which everything may depend on everything; y may be several outputs."""
    if isinstance(y, tuple):
        return tuple(everything(wanted, v, *x) for v in y)
    return mixing(wanted, y.shape, len(y.shape), x, [len(aval_of(v).shape) for v in x])

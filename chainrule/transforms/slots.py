"""Slots. Each value travels with a few pieces, which say of each element what inputs it depends on, and by how much.

One pass over the operations gives the sparse Jacobian, pattern and numbers (core/slots.py says what pieces are).
Moving indices about is the same work at every call, so it is done once: `Indices` remember what was made of them.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import user_line
from ..core.primitive import Primitive
from ..core.slots import (
    BY_JVP,
    NOTHING,
    Aligned,
    Box,
    Chain,
    Contents,
    Link,
    Move,
    Spread,
    cut,
    lengths,
    whole,
)
from ..core.trace import Trace, Tracer, bind, concrete, is_traced
from .assembling import entries
from .batching import vmap
from .layout import Layout

MANY = 64
"""Pieces, or entries for each element, from which on equal entries are looked for and united."""

FEW, MUCH = 64, 16
"""Of so few numbers, those that depend on so many inputs each are set aside."""

TOO_MANY = 1 << 27
"""Entries that one operation may have."""


def not_sparse(count: int) -> ValueError:
    """The error of a sparse Jacobian that would have too many entries on the way."""
    return ValueError(
        f"jacobian: {count} entries would be needed for one operation (at {user_line()}), so this Jacobian is not "
        "sparse there: take products with it (cr.linear_operator), or a dense one of fewer inputs"
    )


class Index:
    """An array of input numbers, known by its identity."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray):
        self.array = array


class Piece(NamedTuple):
    """Which inputs some elements depend on, and by how much (None: the pattern alone is asked for)."""

    index: Index  # pyright: ignore[reportIncompatibleMethodOverride]
    coef: Any
    box: Box | None = None


class Indices:
    """The index arrays of one function of arrays of these shapes, and layouts made of them, kept from call to call."""

    def __init__(self, shapes: Sequence[tuple[int, ...]], is_complex: bool = False):
        self.is_complex = is_complex
        sizes = [math.prod(s) for s in shapes]
        self.size = sum(sizes)
        ends = np.cumsum([0, *sizes])
        self.columns = [range(int(a), int(b)) for a, b in itertools.pairwise(ends)]
        self.shapes = tuple(shapes)
        self.clear()

    def clear(self) -> None:
        base = np.arange(self.size, dtype=np.int32 if self.size < 2**31 else np.int64)
        self.table: dict[Any, list[Index]] = {}
        self.made: dict[tuple[Index, Any, int], Index] = {}
        self.routes: dict[Any, Route | None] = {}
        self.layouts: dict[Any, Any] = {}
        self.count = 0
        parts = zip(self.columns, self.shapes, strict=True)
        self.seeds = [self.intern(base[c.start : c.stop].reshape(s)) for c, s in parts]
        self.limit = 0

    def tidy(self) -> None:
        """To be called after each call: forgets everything where most of it cannot be of use again."""
        if not self.limit:
            self.limit = 4 * self.count + 1000
        elif self.count > self.limit:
            self.clear()

    def intern(self, array: np.ndarray) -> Index:
        """`array` as an index; an old one, if it has the same contents."""
        key: Any = array.shape
        if array.size:
            places = [tuple(n * k // 4 for n in array.shape) for k in (0, 1, 2, 3)]
            key = (array.shape, *(int(array[p]) for p in places), int(array[(-1,) * array.ndim]))
        same = self.table.setdefault(key, [])
        for index in same:
            if np.array_equal(index.array, array):
                return index
        same.append(Index(array))
        self.count += 1
        return same[-1]

    def layout(self, pieces: Sequence["Piece"], shape: tuple[int, ...], columns: range) -> Layout:
        """Where the numbers of pieces of an array of `shape` go."""
        key = shape, columns, tuple((id(p.index), p.box) for p in pieces)
        found = self.layouts.get(key)
        if found is None:
            layout = Layout([(p.index.array, p.box) for p in pieces], shape, columns)
            found = self.layouts[key] = layout, [p.index for p in pieces]  # kept, for their ids are the key
        return found[0]

    def moved(self, index: Index, move: Move, lead: int) -> Index:
        found = self.made.get((index, move, lead))
        if found is None:
            array = index.array
            moved = move(array + 1, lead) - 1 if move.fills else move(array, lead)
            if moved.size > TOO_MANY:
                raise not_sparse(moved.size)
            found = self.intern(moved)
            move.own()  # it is a key from now on
            self.made[index, move, lead] = found
        return found

    def route(
        self, piece: "Piece", move: Move, x_shape: Sequence[int], shape: tuple[int, ...], zeros: Contents | None
    ) -> "Route | None":
        """How a piece of an array of `x_shape` goes through a move; None if nothing of it is left.

        zeros: where the weights are 0, so that nothing comes of it.
        """
        key = piece.index, piece.box, move, shape, zeros
        if key not in self.routes:
            if zeros is not None:
                zeros.own()
            self.routes[key] = self._route(piece.index, piece.box, move, tuple(x_shape), shape, zeros)
        return self.routes[key]

    def _route(
        self, index: Index, box: Box | None, move: Move, x_shape: Any, shape: Any, zeros: Contents | None
    ) -> "Route | None":
        part = None if box is None else move.part(box)
        if part is NOTHING:
            return None
        held, cut_to = x_shape if box is None else lengths(box), None
        if part is not None:
            move, box, cut_to = part.move, None if part.box == whole(shape) else part.box, part.cut
        else:
            if box is not None:
                move = Chain((Spread(box, x_shape), move))
            box = move.box
        found = self.moved(index, move, index.array.ndim - len(held))
        if zeros is not None:
            there = zeros.array if cut_to is None else cut(zeros.array, cut_to)
            found = self.intern(np.where(there, -1, found.array).astype(found.array.dtype))
        array, slots = found.array, found.array.ndim - len(shape)
        same = [k for k in range(slots) if array.shape[k] == 1 or (array.size and not array.strides[k])]
        rest = array[tuple(0 if k in same else slice(None) for k in range(array.ndim))]
        return Route(found, move, held, cut_to, box, self.intern(rest) if same else found, tuple(same))


class Route(NamedTuple):
    """How pieces with some index go through a move: structure, which does not change with the numbers."""

    index: Index  # pyright: ignore[reportIncompatibleMethodOverride]
    """That of the result"""
    move: Move | None
    """For the coefficients, which cover `held`"""
    held: tuple[int, ...]
    cut: Any
    """The part of the weights that is wanted; None: all"""
    box: Box | None
    """Of the result"""
    once: Index
    """`index` without the slot axes `same`, along which it is the same everywhere: there coefficients are added up"""
    same: tuple[int, ...]


class Slotted(Tracer):
    """A value and its pieces."""

    __slots__ = ()

    pieces = Tracer.companion


class _Settings(NamedTuple):
    indices: Indices
    mode: str
    aside: list[tuple[Any, tuple[Piece, ...]]] | None


class SlotTrace(Trace):
    """Computes the value, and moves the pieces.

    mode: "values", "local" (the pattern at these values), or "global" (the pattern at all values: what would depend on
    them raises). aside: whether few numbers that depend on much are set aside. They take the place of their inputs in
    what depends on them, numbered after the inputs, and their own pieces are kept in a list.
    """

    __slots__ = ()

    writes_in_place = False

    def __init__(self, indices: Indices, mode: str = "values", aside: bool = False):
        super().__init__()
        self.state = _Settings(indices, mode, [] if aside else None)

    def seed(self, xs: Sequence[Any]) -> list[Slotted]:
        one = 1 if self.state.mode == "values" else None
        return [Slotted(self, x, (Piece(i, one),)) for x, i in zip(xs, self.state.indices.seeds, strict=True)]

    def lift(self, value: Any) -> Slotted:
        return Slotted(self, value, ())

    def concrete(self, tracer: Tracer, what: str) -> Any:
        if self.state.mode == "global":
            raise ValueError(
                f"sparsity: {what} was asked for (at {user_line()}), so the pattern depends on the values: with "
                "local=True it is that of the branches and indices taken at x"
            )
        return super().concrete(tracer, what)

    def is_constant(self, tracer: Tracer) -> bool:
        return not tracer.companion

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        own = [a.__class__ is Slotted and a._trace is self for a in args]
        values = [a.primal if on else a for a, on in zip(args, own, strict=True)]
        if primitive.slots is None:
            return primitive.impl(*args, **params)
        y = bind(primitive, *values, **params)
        wanted = [bool(on and a.companion) for a, on in zip(args, own, strict=True)]
        if self.state.mode == "global":
            # What is a constant for derivatives depends on values nonetheless: rules that look at it must not.
            values = [a if on and not w else v for a, v, on, w in zip(args, values, own, wanted, strict=True)]
        elif primitive.jvp is None:
            return y
        outputs = y if primitive.multi else (y,)
        if primitive.jvp is None or not any(wanted):
            pieces: Any = ((),) * len(outputs)
        else:
            links = primitive.slots(wanted, y, *values, **params)
            step = _Step(self, primitive, args, values, y, params)
            pieces = [
                step.pieces(v, per) for v, per in zip(outputs, links if primitive.multi else (links,), strict=True)
            ]
        whole_y = tuple(Slotted(self, v, p) for v, p in zip(outputs, pieces, strict=True))
        return whole_y if primitive.multi else whole_y[0]


class _Step:
    """What happens to pieces at one operation."""

    def __init__(self, trace: SlotTrace, primitive: Primitive, args: Any, values: list[Any], y: Any, params: Any):
        self.indices, self.mode, self.aside = trace.state
        self.primitive, self.args, self.values, self.y, self.params = primitive, args, values, y, params
        self.blocks: dict[Any, Any] = {}

    def pieces(self, y: Any, links: Sequence[Sequence[Link]]) -> tuple[Piece, ...]:
        """The pieces of an output, from the links of all inputs; pieces with the same index are added up."""
        shape, found = y.shape, {}
        for i, of_input in enumerate(links):
            if not of_input:
                continue
            pieces, x_shape = self.pieces_of(self.args[i]), self.values[i].shape
            for link in of_input:
                weight = self.weight(i, link, y)
                zeros = zeros_of(weight) if link.constant else None
                for piece in pieces:
                    new = self.carried(piece, link, weight, x_shape, shape, zeros)
                    if new is None:
                        continue
                    key = id(new.index), new.box
                    old = found.get(key)
                    if old is not None and new.coef is not None:
                        new = Piece(new.index, old.coef + new.coef, new.box)
                    found[key] = new
        return tuple(found.values())

    def pieces_of(self, x: Slotted) -> tuple[Piece, ...]:
        """Those of an argument; many are united before anything else is done with them."""
        pieces, shape = x.pieces, x.shape
        if self.aside is not None and math.prod(shape) <= FEW:
            if sum(p.index.array.size for p in pieces) > MUCH * math.prod(shape):
                x.pieces = pieces = self.set_aside(x)
            return pieces
        if len(pieces) > MANY or sum(p.index.array.size for p in pieces) > MANY * (math.prod(shape) + MANY):
            x.pieces = pieces = united(self.indices, pieces, shape, x.dtype)
        return pieces

    def set_aside(self, x: Slotted) -> tuple[Piece, ...]:
        assert self.aside is not None
        start = self.indices.size + sum(math.prod(value.shape) for value, _ in self.aside)
        self.aside.append((x.primal, x.pieces))
        numbers = np.arange(start, start + math.prod(x.shape), dtype=self.indices.seeds[0].array.dtype)
        return (Piece(self.indices.intern(numbers.reshape(x.shape)), 1),)

    def weight(self, i: int, link: Link, y: Any) -> Any:
        """A number or an array; None if nobody asks for it."""
        if self.mode != "values" and not link.constant and not (link.selects and self.mode == "local"):
            return None
        if link.weight is BY_JVP:
            return self.by_jvp(i, link.move, y)
        weight = link.weight() if callable(link.weight) else link.weight
        if self.mode != "values":
            return weight if link.constant else concrete(weight, "a selection")
        along_i = link.along_i() if link.along_i else None
        return weight if along_i is None else self.weights(weight, along_i)

    def carried(
        self, piece: Piece, link: Link, weight: Any, x_shape: Any, shape: Any, zeros: Contents | None
    ) -> Piece | None:
        """The piece that a link makes of a piece."""
        if link.push is not None:
            index, coef, _ = spread(self.indices, piece, x_shape)
            if coef is None:
                return Piece(index, None)
            front = np.shape(coef)[: max(np.ndim(coef) - len(shape), 0)]
            return Piece(index, self.push(link, np.broadcast_to(coef, (*front, *shape))))
        if link.move is None:
            if piece.coef is None and self.mode == "global":
                return piece
            route = Route(piece.index, None, (), piece.box, piece.box, piece.index, ())
        else:
            route = self.indices.route(piece, link.move, x_shape, shape, zeros)
            if route is None:
                return None
        if weight is not None and route.cut is not None and getattr(weight, "shape", ()):
            weight = cut(weight, route.cut)
        coef = piece.coef
        if coef is None:
            if self.mode == "local" and link.selects:
                return Piece(self.selected(route.index, weight), None, route.box)
            return Piece(route.once, None, route.box)
        if route.move is not None and getattr(coef, "shape", ()):
            coef = moved_coef(route.move, coef, route.held)
        coef = scaled(coef, weight, link.selects)
        return Piece(route.once, summed(coef, route.same, route.index.array.shape) if route.same else coef, route.box)

    def push(self, link: Link, coef: Any) -> Any:
        pushed: Any = link.push(coef)  # pyright: ignore[reportOptionalCall]
        if self.indices.is_complex:
            self.must_be_holomorphic(pushed, lambda: link.push(coef * 1j))  # pyright: ignore[reportOptionalCall]
        return pushed

    def must_be_holomorphic(self, along_1: Any, along_i: Callable[[], Any]) -> None:
        """Raises if the derivative along the imaginary unit is not i times that along 1: Cauchy and Riemann.

        Numbers that other transforms trace are not looked at.
        """
        if is_traced([along_1]):
            return
        if not np.allclose(1j * along_1, along_i(), 1e-3, 1e-6 * np.max(np.abs(along_1), initial=0), equal_nan=True):
            raise TypeError(
                f"{self.primitive.name} of these complex numbers is not holomorphic, so that one complex number an "
                "entry cannot hold its derivative; differentiate with respect to the real and the imaginary part"
            )

    def weights(self, along_1: Any, along_i: Any) -> Any:
        """The weights of an operation of complex numbers."""
        if not self.indices.is_complex:
            return _Real(along_1, along_i)
        self.must_be_holomorphic(along_1, lambda: along_i)
        return along_1

    def selected(self, index: Index, weight: Any) -> Index:
        """Without the elements that were not chosen."""
        return self.indices.intern(np.where(weight != 0, index.array, -1))

    def by_jvp(self, i: int, move: Aligned, y: Any) -> Any:
        """The derivative of y along each unit vector of some axes of input i: `(*sizes, *y.shape)`."""
        blocks = self.blocks.get((i, move.slots))
        if blocks is None:
            x = self.values[i]
            order = sorted(move.slots)
            sizes = [x.shape[a] for a in order]
            n = math.prod(sizes)
            if n * y.size > TOO_MANY:
                raise not_sparse(n * y.size)
            thin = [x.shape[a] if a in order else 1 for a in range(len(x.shape))]
            units = np.broadcast_to(np.eye(n, dtype=x.dtype).reshape(n, *thin), (n, *x.shape))
            turns = (1, 1j) if x.dtype.kind == "c" else (1,)
            blocks = self.blocks[i, move.slots] = order, sizes, *(self.pushed(i, units * u) for u in turns)
        order, sizes, *found = blocks
        outputs = self.y if self.primitive.multi else (self.y,)
        k = next(k for k, v in enumerate(outputs) if v is y)
        turn = [order.index(a) for a in move.slots]
        axes = (*turn, *range(len(turn), len(turn) + len(y.shape)))
        whole_t = [np.transpose(np.reshape(t[k], (*sizes, *y.shape)), axes) for t in found]
        return whole_t[0] if len(whole_t) == 1 else self.weights(*whole_t)

    def pushed(self, i: int, units: np.ndarray) -> tuple[Any, ...]:
        """The tangents of all outputs, one for each tangent of input i."""
        primitive, outputs = self.primitive, self.y if self.primitive.multi else (self.y,)
        jvp: Any = primitive.jvp

        def push(t):
            tangents = tuple(t if k == i else None for k in range(len(self.values)))
            found = jvp(tangents, self.y, *self.values, **self.params)
            found = tuple(found) if primitive.multi else (found,)
            zero = [np.zeros(v.shape) for v in outputs]
            return tuple(z if f is None else f for f, z in zip(found, zero, strict=True))

        if not len(units):
            return tuple(np.zeros((0, *v.shape)) for v in outputs)
        return vmap(push)(units)


class _Real(NamedTuple):
    """The weights of an operation that is linear in the real and in the imaginary part, each by itself."""

    along_1: Any
    along_i: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return self.along_1.shape

    def __getitem__(self, part: Any) -> Any:
        return _Real(self.along_1[part], self.along_i[part])


def zeros_of(weight: Any) -> Contents | None:
    """Where constant weights are 0; None if that is nowhere, or not known."""
    if not isinstance(weight, np.ndarray) or not weight.ndim or weight.all():
        return None
    return Contents(weight == 0)


def moved_coef(move: Move, coef: Any, held: tuple[int, ...]) -> Any:
    """Coefficients of a piece that covers `held` elements, moved like its index."""
    lead = max(coef.ndim - len(held), 0)
    shape = (*coef.shape[:lead], *held)
    return move(coef if coef.shape == shape else np.broadcast_to(coef, shape), lead)


def summed(coef: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """Coefficients that broadcast to `shape`, added up over some of its axes."""
    if not getattr(coef, "shape", ()):
        return coef * math.prod(shape[k] for k in axes)
    own = (1,) * (len(shape) - coef.ndim) + coef.shape
    alike = math.prod(shape[k] for k in axes if own[k] == 1)
    several = tuple(k for k in axes if own[k] != 1)
    coef = np.reshape(coef, own)
    if several:
        coef = np.sum(coef, axis=several, keepdims=True)
    coef = np.reshape(coef, [n for k, n in enumerate(coef.shape) if k not in axes])
    return coef if alike == 1 else coef * alike


def scaled(coef: Any, weight: Any, selects: bool = False) -> Any:
    """coef * weight; what was not chosen is 0, whatever it is."""
    if type(weight) is _Real:
        return np.real(coef) * weight.along_1 + np.imag(coef) * weight.along_i
    if selects and getattr(coef, "shape", ()):
        coef = np.where(weight != 0, coef, np.zeros((), coef.dtype))
    if type(weight) in (int, float):
        return coef if weight == 1 else -coef if weight == -1 else coef * weight
    if type(coef) in (int, float):
        if getattr(weight, "dtype", np.dtype(float)).kind == "b":
            return np.where(weight, float(coef), 0.0)
        return weight if coef == 1 else -weight if coef == -1 else weight * coef
    return coef * weight


def spread(indices: Indices, piece: Piece, shape: tuple[int, ...]) -> Piece:
    """The piece as one that covers everything."""
    index, coef, box = piece
    if box is None:
        return piece
    held = lengths(box)
    move = Spread(box, tuple(shape))
    index = indices.moved(index, move, index.array.ndim - len(held))
    if getattr(coef, "shape", ()):
        coef = moved_coef(move, coef, held)
    return Piece(index, coef)


def dtype_of_coefs(coefs: Sequence[Any], dtype: Any) -> Any:
    """What holds the numbers of pieces of an array of `dtype`."""
    dtype = dtype if dtype.kind in "fc" else np.dtype(float)
    return np.result_type(dtype, *(c.dtype for c in coefs if hasattr(c, "dtype")))


def united(indices: Indices, pieces: Sequence[Piece], shape: tuple[int, ...], dtype: Any) -> tuple[Piece, ...]:
    """The same in one piece, in which no element has an input twice."""
    key = "united", shape, tuple((id(p.index), p.box) for p in pieces)
    made = indices.layouts.get(key)
    if made is None:
        layout = Layout([(p.index.array, p.box) for p in pieces], shape, range(indices.size))
        counts = np.diff(layout.indptr)
        depth = int(counts.max(initial=0))
        if depth * len(counts) > TOO_MANY:
            raise not_sparse(depth * len(counts))
        row = np.repeat(np.arange(len(counts)), counts)
        at = (np.arange(layout.nnz) - layout.indptr[row]) * len(counts) + row
        index = np.full(depth * len(counts), -1, indices.seeds[0].array.dtype)
        index[at] = layout.indices
        made = indices.layouts[key] = layout, at, indices.intern(index.reshape(depth, *shape)), pieces
    layout, at, index, _ = made
    if pieces[0].coef is None:
        return (Piece(index, None),)
    coefs = [p.coef for p in pieces]
    data = entries(layout, coefs, dtype_of_coefs(coefs, dtype))
    like: Any = data if isinstance(data, Tracer) else None
    coef = np.zeros(index.array.size, data.dtype, like=like)
    coef[at] = data
    return (Piece(index, np.reshape(coef, index.array.shape)),)

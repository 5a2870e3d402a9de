"""Sparse derivatives of array operations: what travels with a value, and how operations move it.

The Jacobian of an array y with respect to the flat input is a sum of pieces. Each says, for every element of y, up to R
inputs and a coefficient for each: `inputs` has the shape `(R, *y.shape)`, with 0 for no input and i + 1 for the i-th;
`coef` is a number, or an array that broadcasts to that shape. An operation that moves elements moves both by its own
`batch` rule, the leading axis being the batch; one that is elementwise multiplies `coef` by its local partial
derivative and leaves `inputs` alone. So the indices of most operations are those of their operands, the same arrays,
and equal pieces are found by identity.

Values change from call to call, indices seldom do: `Maps` keeps what has been done to indices.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .trace import concrete


def fixed(positions: Sequence[Any]) -> list[Any]:
    """Positions as plain arrays: what moves indices is known, or there is no pattern."""
    return [concrete(p, "an index, in a sparse Jacobian") for p in positions]


class Base:
    """What the indices of a piece count: `size` inputs."""

    __slots__ = ("is_real", "size")

    def __init__(self, size: int, is_real: bool):
        self.size, self.is_real = size, is_real


class Piece(NamedTuple):
    """`dy[s] / dx[inputs[r, s] - 1] += coef[r, s]`, where `inputs[r, s]` is not 0."""

    base: Base
    inputs: np.ndarray
    coef: Any


class Stack:
    """The pieces of an array that is put together of others along its first axis, while they stay apart.

    parts: of each its shape and its pieces (or its stack); whole: makes pieces of all of it, for rules that iterate
    over them.
    """

    __slots__ = ("_pieces", "_whole", "parts")

    def __init__(self, parts: list[tuple[tuple[int, ...], Any]], whole: Callable[[], list[Piece]]):
        self.parts, self._whole = parts, whole
        self._pieces: list[Piece] | None = None

    def __iter__(self) -> Iterator[Piece]:
        if self._pieces is None:
            self._pieces = self._whole()
        return iter(self._pieces)

    def __bool__(self) -> bool:
        return any(bool(pieces) for _, pieces in self.parts)

    def blocks(self) -> list[tuple[tuple[int, ...], list[Piece]]]:
        """The parts in order, those of parts among them."""
        found = []
        for shape, pieces in self.parts:
            found += pieces.blocks() if isinstance(pieces, Stack) else [(shape, pieces)]
        return found


class Maps:
    """What has been made of arrays of indices: done once, then looked up by the identity of what it was made of."""

    def __init__(self) -> None:
        self._made: dict[Any, list[tuple[Any, Any, Any]]] = {}
        self._kept: dict[int, np.ndarray] = {}

    def get(self, key: Any, index: np.ndarray, make: Callable[[np.ndarray], Any], positions: Sequence[Any] = ()) -> Any:
        """`make(index)`. `key` names what is done; `positions` are arrays that it depends on, too, by their values."""
        known = self._made.setdefault((key, id(index)), [])
        for _, before, made in known:
            if all(_same(a, b) for a, b in zip(before, positions, strict=True)):
                return made
        made = make(index)
        known.append((index, [np.array(p) for p in positions], made))  # `index` is kept, so that its id stays its own
        return made

    def keep(self, row: Sequence[Piece | None]) -> None:
        """Keeps arrays that a key names by their ids."""
        self._kept |= {id(p.inputs): p.inputs for p in row if p is not None}


def _same(a: np.ndarray, b: Any) -> bool:
    b = np.asarray(b)
    return a.shape == b.shape and np.array_equal(a, b)


def is_number(coef: Any) -> bool:
    return isinstance(coef, int | float | complex)


def full(coef: Any, shape: tuple[int, ...]) -> Any:
    """A coefficient as an array `(1 or R, *shape)`."""
    if is_number(coef):
        return np.full((1, *(1,) * len(shape)), coef, complex if isinstance(coef, complex) else float)
    return coef


def wide(a: Any, shape: tuple[int, ...]) -> Any:
    """`a` of shape `(R, *s)` with axes inserted so that `s` broadcasts to `shape`."""
    if np.ndim(a) == len(shape) + 1:
        return a
    dims = np.shape(a)
    return np.reshape(a, (dims[0], *(1,) * (len(shape) + 1 - len(dims)), *dims[1:]))


def stretch(a: Any, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(wide(a, shape), (np.shape(a)[0], *shape))


def moved(maps: Maps, key: Any, piece: Piece, shape: tuple[int, ...], move: Callable[..., Any], positions: Any = ()):
    """The piece of an array of this shape after its elements have been moved by `move`, a `batch` rule."""
    index = maps.get(key, piece.inputs, move, positions)
    coef = piece.coef if is_number(piece.coef) else move(stretch(piece.coef, shape))
    return Piece(piece.base, index, coef)


def times(maps: Maps, piece: Piece, d: Any, shape: tuple[int, ...]) -> Piece:
    """The piece times d, element by element, after broadcasting to `shape`."""
    index = piece.inputs
    if index.shape[1:] != shape:
        index = maps.get(("broadcast", shape), index, lambda index: stretch(index, shape))
    coef = piece.coef
    if not is_number(coef) and coef.ndim != len(shape) + 1:
        coef = wide(coef, shape)
    if is_number(d):
        coef = coef if d == 1 else coef * d
    else:
        d = wide(d[None], shape)
        coef = d if is_number(coef) and coef == 1 else coef * d
    return Piece(piece.base, index, coef)


def merged(pieces: Sequence[Piece]) -> list[Piece]:
    """The same sum, with the pieces that have one array of indices added up."""
    sums: dict[int, Piece] = {}
    for p in pieces:
        q = sums.get(id(p.inputs))
        sums[id(p.inputs)] = p if q is None else Piece(p.base, p.inputs, q.coef + p.coef)
    return list(sums.values())


def over(maps: Maps, piece: Piece, axes: tuple[int, ...], keepdims: bool, shape: tuple[int, ...]) -> Piece:
    """The piece of the sum over `axes` of an array of this shape: these axes join that of the slots."""
    rest = tuple(1 if a in axes else n for a, n in enumerate(shape) if keepdims or a not in axes)

    def join(a):
        a = np.moveaxis(a, [k + 1 for k in axes], range(1, len(axes) + 1))
        return np.reshape(a, (a.shape[0] * math.prod(a.shape[1 : 1 + len(axes)]), *rest))

    index = maps.get(("over", axes, keepdims), piece.inputs, join)
    coef = piece.coef
    if not is_number(coef):
        coef = join(np.broadcast_to(wide(coef, shape), piece.inputs.shape))
    return Piece(piece.base, index, coef)


def together(
    maps: Maps,
    key: Any,
    parts: Sequence[Sequence[Piece]],
    shapes: Sequence[tuple[int, ...]],
    join: Callable[..., Any],
    positions: Sequence[Any] = (),
) -> list[Piece]:
    """Pieces of an array that is put together of several: slot by slot the parts' own, put together likewise.

    `join` does it with arrays that have a leading axis, one for each part; `positions` are what it depends on besides.
    """
    bases = list(dict.fromkeys(p.base for pieces in parts for p in pieces))
    found = []
    for base in bases:
        columns = [sorted((p for p in pieces if p.base is base), key=_order) for pieces in parts]
        for k in range(max(map(len, columns))):
            row = [column[k] if k < len(column) else None for column in columns]
            found.append(_joined(maps, key, base, row, shapes, join, positions))
    return found


def _order(piece: Piece) -> Any:
    """Pieces with the same number as a coefficient are put together, which keeps it a number."""
    return (0, -abs(piece.coef), piece.coef.real) if is_number(piece.coef) else (1, 0, 0)


def _joined(maps, key, base, row, shapes, join, positions) -> Piece:
    deep = max(len(p.inputs) for p in row if p is not None)
    first = next(p for p in row if p is not None)

    def indices(_):
        whole = []
        for p, shape in zip(row, shapes, strict=True):
            a = np.zeros((deep, *shape), np.intp)
            if p is not None:
                a[: len(p.inputs)] = p.inputs
            whole.append(a)
        return join(*whole)

    ids = tuple(None if p is None else id(p.inputs) for p in row)
    index = maps.get((key, ids), first.inputs, indices, positions)
    maps.keep(row)
    coefs = [p.coef for p in row if p is not None]
    if all(is_number(c) and c == coefs[0] for c in coefs):
        return Piece(base, index, coefs[0])
    dtype = np.result_type(*(type(c) if is_number(c) else c.dtype for c in coefs), np.float32)
    whole = []
    for p, shape in zip(row, shapes, strict=True):
        if p is None:
            whole.append(np.zeros((deep, *shape), dtype))
            continue
        c = stretch(full(p.coef, shape), shape).astype(dtype)
        if len(c) == 1 or len(c) == deep:
            c = np.broadcast_to(c, (deep, *shape))
        else:
            c = np.concatenate([np.broadcast_to(c, p.inputs.shape), np.zeros((deep - len(c), *shape), c.dtype)])
        whole.append(c)
    return Piece(base, index, join(*whole))

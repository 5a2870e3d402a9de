"""Where the numbers of a few pieces go in the one array of a sparse matrix.

Pieces say for every element of an array which inputs it depends on (core/slots.py). Here they are put in order by row
and column, once; after that their numbers are written where they belong, mostly with a stride, and nothing is sorted.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.slots import Box, cut, lengths, slices, whole


class Structure:
    """Which entries a sparse matrix has: `indices` and `indptr` as in CSR form, each row in order."""

    shape: tuple[int, int]
    indices: np.ndarray
    indptr: np.ndarray

    @property
    def nnz(self) -> int:
        return len(self.indices)

    @property
    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each entry."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices.copy()

    @functools.cached_property
    def by_column(self) -> Any:
        """The structure by columns; the data are where the entries are in that by rows."""
        import scipy.sparse

        return scipy.sparse.csr_array((np.arange(self.nnz), self.indices, self.indptr), shape=self.shape).tocsc()

    def matrix(self, data: np.ndarray, format: str = "csr", once: bool = False) -> Any:
        """A matrix of SciPy's, made without the checks of SciPy's constructors.

        It has arrays of its own, unless it is made `once` and this structure is not used again.
        """
        import scipy.sparse

        own: Any = self
        if format == "csc":
            own, data = self.by_column, data[self.by_column.data]
        result = (scipy.sparse.csc_array if format == "csc" else scipy.sparse.csr_array)(self.shape, dtype=data.dtype)
        result.data = data
        result.indices, result.indptr = (own.indices, own.indptr) if once else (own.indices.copy(), own.indptr.copy())
        result.has_canonical_format = True
        return result if format in ("csr", "csc") else result.asformat(format)


class Write(NamedTuple):
    """Writes a part of a piece's numbers."""

    source: Any
    """The shape of the piece's index, and a box of it, or index arrays; None for all of it"""
    target: Any
    """`(offset, shape, strides)` in elements, or positions"""
    how: str
    """"set", "add", or "repeat", where positions repeat"""


class Layout(Structure):
    """The order of the numbers of `pieces`, each `(index, box)`, of an array of `shape`.

    columns: the inputs that count; the others are left out.
    """

    def __init__(self, pieces: Sequence[tuple[np.ndarray, Box | None]], shape: tuple[int, ...], columns: range):
        self.shape, self.columns = (math.prod(shape), len(columns)), columns
        self.shapes = [index.shape for index, _ in pieces]
        entries = [_Entries(index, box, shape, columns) for index, box in pieces]
        most = sum(e.flat.size for e in entries)
        small = np.int32 if max(most, *self.shape) < 2**31 else np.int64
        count = np.zeros(self.shape[0], small)
        for e in sorted(entries, key=lambda e: e.typical):
            e.take_ranks(count)
        starts = np.zeros(len(count) + 1, small)
        np.cumsum(count, out=starts[1:])
        self.indptr, self.indices = starts, np.empty(int(starts[-1]), small)
        for e in entries:
            self.indices[e.positions(starts)] = e.columns()
        moved, self.adds = self._sort()
        self._unwritten: Any = entries, starts, moved

    @functools.cached_property
    def writes(self) -> list[list[Write]]:
        """For each piece how its numbers are written; a pattern alone does without."""
        entries, starts, moved = self._unwritten
        self._unwritten = None
        seen = np.zeros(len(self.indices), bool) if self.adds else None
        return [e.writes(starts, moved, seen) for e in entries]

    def _sort(self) -> tuple[Any, bool]:
        """Sorts each row, of which few are out of order, and unites what is equal.

        Returns where each entry has gone, None for nowhere, and whether any were equal.
        """
        inner = self.indptr[1:-1]
        ends = inner[(inner > 0) & (inner < self.nnz)] - 1
        moved = None
        falls = self.indices[1:] < self.indices[:-1]
        falls[ends] = False
        if falls.any():
            moved = np.arange(self.nnz, dtype=self.indptr.dtype)
            rows = np.searchsorted(self.indptr, np.flatnonzero(falls), side="right") - 1
            self._sort_rows(rows[np.diff(rows, prepend=-1) > 0], moved)
        same = self.indices[1:] == self.indices[:-1]
        same[ends] = False
        if not same.any():
            return moved, False
        first = np.concatenate([[True], ~same])
        place = np.cumsum(first, dtype=self.indptr.dtype)
        self.indptr = np.concatenate([[0], place]).astype(place.dtype)[self.indptr]
        self.indices = self.indices[first]
        place -= 1
        return place if moved is None else place[moved], True

    def _sort_rows(self, rows: np.ndarray, moved: np.ndarray) -> None:
        import scipy.sparse

        # The numbers of the entries go with them.
        part = scipy.sparse.csr_array((moved, self.indices, self.indptr), shape=self.shape)
        part = part[rows] if len(rows) < self.shape[0] else part.copy()
        before = part.data.copy()
        part.has_sorted_indices = False
        part.sort_indices()
        self.indices[before] = part.indices
        moved[part.data] = before

    # -- numbers

    def fill(self, coefs: Sequence[Any], dtype: Any) -> np.ndarray:
        """The array of numbers from those of the pieces."""
        data = np.zeros(self.nnz, dtype) if self.adds else np.empty(self.nnz, dtype)
        for coef, writes in zip(coefs, self.writes, strict=True):
            for w in writes:
                put(data, coef, w)
        return data

    @functools.cached_property
    def places(self) -> list[np.ndarray]:
        """For each piece where its numbers go, in the shape of its index; -1 for nowhere."""
        every, found = np.arange(self.nnz), []
        for shape, writes in zip(self.shapes, self.writes, strict=True):
            place = np.full(shape, -1)
            for w in writes:
                at = view(every, w.target) if isinstance(w.target, tuple) else every[w.target]
                part = w.source[1]
                place[... if part is None else slices(part) if isinstance(w.target, tuple) else part] = at
            found.append(place)
        return found


class Stacked(Structure):
    """That of several matrices, one below the other."""

    def __init__(self, parts: Sequence[Structure], columns: int):
        self.shape = sum(part.shape[0] for part in parts), columns
        ends = np.cumsum([0, *(part.nnz for part in parts)])
        small = np.int32 if max(*self.shape, ends[-1]) < 2**31 else np.int64
        self.indices = np.concatenate([np.zeros(0, small), *(part.indices for part in parts)]).astype(small, copy=False)
        starts = [part.indptr[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
        self.indptr = np.concatenate([*starts, ends[-1:]]).astype(small, copy=False)


def put(data: np.ndarray, coef: Any, w: Write) -> None:
    """Writes the numbers of a piece."""
    values = read(coef, w)
    if isinstance(w.target, tuple):
        into = view(data, w.target)
        if w.how == "add":
            into += values
        else:
            into[...] = values
    elif w.how == "set":
        data[w.target] = values
    elif w.how == "add":
        data[w.target] += values
    else:
        np.add.at(data, w.target, values)


def read(coef: Any, w: Write) -> Any:
    """The part of the numbers of a piece that is written."""
    if not getattr(coef, "shape", ()):
        return coef
    shape, part = w.source
    if isinstance(w.target, tuple):
        return coef if part is None else cut(coef, part)
    return np.broadcast_to(coef, shape)[part]


def view(data: np.ndarray, target: tuple[int, tuple[int, ...], tuple[int, ...]]) -> np.ndarray:
    offset, shape, strides = target
    size = data.itemsize
    return np.ndarray(shape, data.dtype, data, offset * size, [s * size for s in strides])


def rows_of(box: Box, shape: tuple[int, ...]) -> Any:
    """An index that takes those in a box from all elements of an array of `shape`: a slice, if there is one."""
    inner = math.prod(shape)
    if not all(box):
        return slice(0)
    for k, (r, n) in enumerate(zip(box, shape, strict=True)):
        inner //= n
        if len(r) > 1:
            before = sum(b[0] * math.prod(shape[i + 1 :]) for i, b in enumerate(box[:k]))
            if box[k + 1 :] == whole(shape[k + 1 :]) and (r.step == 1 or inner == 1):
                return slice(
                    before + r[0] * inner, before + (r[-1] + 1) * inner if r.step == 1 else before + r[-1] + 1, r.step
                )
            break
    small = np.int32 if math.prod(shape) < 2**31 else np.int64
    return np.arange(math.prod(shape), dtype=small).reshape(shape)[slices(box)].ravel()


class _Entries:
    """The entries of one piece: a row of the index array for each slot, a column for each element that it covers."""

    def __init__(self, index: np.ndarray, box: Box | None, shape: tuple[int, ...], columns: range):
        part = shape if box is None else lengths(box)
        self.index, self.start, self.part = index, columns.start, part
        self.flat = index.reshape(math.prod(index.shape[: index.ndim - len(part)]), math.prod(part))
        self.rows: Any = slice(None) if box is None else rows_of(box, shape)
        self.valid = (self.flat >= columns.start) & (self.flat < columns.stop)
        self.typical = 0
        if self.valid.all():
            self.valid = None
        if self.flat.size:
            middle = self.flat.shape[1] // 2
            if self.valid is not None and self.valid.any():
                inside = np.flatnonzero(self.valid.any(axis=0))
                middle = int(inside[len(inside) // 2])
            row = int(np.arange(math.prod(shape))[self.rows][middle]) if box else middle
            found = self.flat[:, middle]
            self.typical = int(found[found >= 0].min(initial=2**31 - 1)) - row

    def take_ranks(self, count: np.ndarray) -> None:
        """Takes the next places in its rows, of which `count` are taken."""
        self.first = count[self.rows].copy()
        count[self.rows] += len(self.flat) if self.valid is None else np.sum(self.valid, axis=0, dtype=count.dtype)

    def columns(self) -> np.ndarray:
        found = self.flat if self.valid is None else self.flat[self.valid]
        return found - self.start if self.start else found

    def positions(self, starts: np.ndarray) -> np.ndarray:
        """Where its entries are, if its rows begin at `starts`: of all, or in one row those that are valid."""
        first = starts[:-1][self.rows] + self.first
        if self.valid is None:
            return first + np.arange(len(self.flat), dtype=first.dtype)[:, None]
        return (np.cumsum(self.valid, axis=0, dtype=first.dtype) + (first - 1))[self.valid]

    def writes(self, starts: np.ndarray, moved: Any, seen: Any) -> list[Write]:
        at = self.positions(starts)
        if moved is not None:
            at = moved[at]
        how = "set"
        if seen is not None:
            how = "add" if seen[at].any() else "set"
            if len(self.flat) > 1 and np.bincount(at.ravel(), minlength=len(seen)).max(initial=0) > 1:
                how = "repeat"
            seen[at] = True
        if not at.size:
            return []
        whole_at = at
        if self.valid is not None:
            whole_at = np.full(self.flat.shape, -1, at.dtype)
            whole_at[self.valid] = at
        return regular(whole_at.reshape(self.index.shape), how)


def regular(at: np.ndarray, how: str) -> list[Write]:
    """How to write to the positions `at`, -1 for none: with strides as far as these are regular."""
    shape = at.shape
    box = None if how == "repeat" else _affine_part(at)
    if box is None:
        rest = np.nonzero(at >= 0)
        return [Write((shape, rest), at[rest], how)]
    inner = at[slices(box)]
    strides = [_step(inner, k) for k in range(inner.ndim)]
    first = int(inner.reshape(-1)[0]) if inner.size else 0
    part = None if inner.shape == shape else box
    found = [Write((shape, part), (first, inner.shape, tuple(strides)), how)]
    if part is not None:
        outside = at >= 0
        outside[slices(box)] = False
        rest = np.nonzero(outside)
        if len(rest[0]) if rest else outside:
            found.append(Write((shape, rest), at[rest], how))
    return found


def _step(at: np.ndarray, axis: int) -> int:
    if at.shape[axis] < 2:
        return 0
    next_one = tuple(1 if k == axis else 0 for k in range(at.ndim))
    return int(at[next_one]) - int(at[(0,) * at.ndim])


def _affine_part(at: np.ndarray) -> Box | None:
    """A box in which positions are an affine function of the place, found around the middle; None if it is small."""
    middle = tuple(n // 2 for n in at.shape)
    expected = int(at[middle])
    for k, n in enumerate(at.shape):
        if n > 1:
            other = list(middle)
            other[k] += 1 if middle[k] + 1 < n else -1
            step = (int(at[tuple(other)]) - int(at[middle])) * (other[k] - middle[k])
            line = ((np.arange(n) - middle[k]) * step).astype(at.dtype)
            expected = expected + line.reshape(-1, *(1,) * (at.ndim - 1 - k))
    good = (at == expected) & (at >= 0)
    box = []
    for k, n in enumerate(at.shape):
        if good.all():
            box.append(range(n))
            continue
        share = good.mean(axis=tuple(a for a in range(at.ndim) if a != k))
        bad = np.flatnonzero(share < 0.5)
        low = bad[bad < middle[k]].max(initial=-1) + 1
        high = bad[bad > middle[k]].min(initial=n)
        if low <= middle[k] < high:
            box.append(range(int(low), int(high)))
        else:
            return None
    found = tuple(box)
    if not good[slices(found)].all() or 2 * math.prod(lengths(found)) < np.count_nonzero(at >= 0):
        return None
    return found if found else whole(at.shape)

"""From the pieces of a Jacobian to SciPy's sparse matrices: where each coefficient stands is found once, and kept."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.slots import Piece, is_number, wide

FEW = 0.2
"""The share of entries that may be put right one by one, after most of a piece has been written in one go."""


class Grid(NamedTuple):
    """Where most of a piece stands: that of slot r and row k at `start + slot * r + row * k`, for rows from..to."""

    start: int
    slot: int
    row: int
    first: int
    last: int


class Layout:
    """The structure of a sparse matrix, and where the coefficients of its pieces go.

    `rows` is the number of rows; the columns are those that the pieces' indices count.
    """

    def __init__(self, indices: Sequence[np.ndarray], rows: int, columns: int):
        self.shape = rows, columns
        self.slots = [len(i) for i in indices]
        self._keep = tuple(indices)
        places = np.concatenate([np.zeros((0, rows), np.intp), *(i.reshape(len(i), rows) for i in indices)]).T
        used = places > 0
        starts = np.concatenate([[0], np.cumsum(np.count_nonzero(used, axis=1))])
        source = np.arange(places.size).reshape(places.shape[::-1]).T[used]
        found: tuple[Any, Any, Any, Any] = _sorted(source, places[used] - 1, starts, self.shape)
        self.source, self.indices, self.indptr, self.groups = found
        self.nnz = len(self.indices)
        self.grids = self._grids() if self.groups is None else None

    # ---- writing in one go

    def _grids(self) -> tuple[list[Grid], list[tuple[np.ndarray, np.ndarray, np.ndarray]]] | None:
        """A grid for each piece, and what is wrong after all grids have been written; None if that is too much."""
        rows, owner = self.shape[0], np.full(self.nnz, -1)
        place = np.full(sum(self.slots) * rows, -1)
        place[self.source] = np.arange(self.nnz)
        grids, at = [], 0
        for n in self.slots:
            own = place[at : at + n * rows].reshape(n, rows)
            grid = _grid(own)
            if grid is None:
                return None
            grids.append(grid)
            covered = _view(owner, grid, n)
            covered[...] = np.arange(at, at + n * rows).reshape(n, rows)[:, grid.first : grid.last]
            at += n * rows
        wrong = np.flatnonzero(owner != self.source)
        if len(wrong) > FEW * self.nnz:
            return None
        fixes, at = [], 0
        sources = self.source[wrong]
        for n in self.slots:
            mine = (sources >= at) & (sources < at + n * rows)
            fixes.append((wrong[mine], *np.divmod(sources[mine] - at, rows)))
            at += n * rows
        return grids, fixes

    def fill(self, out: np.ndarray, coefs: Sequence[Any], shape: tuple[int, ...]) -> None:
        """Writes the entries of the matrix, in the order of its structure; `shape` is that of the value."""
        if self.grids is not None:
            grids, fixes = self.grids
            blocks = [c if is_number(c) else _block(c, n, shape) for c, n in zip(coefs, self.slots, strict=True)]
            for n, block, grid in zip(self.slots, blocks, grids, strict=True):
                whole = is_number(block) or block.shape[1] == 1
                _view(out, grid, n)[...] = block if whole else block[:, grid.first : grid.last]
            for block, (wrong, slots, rows) in zip(blocks, fixes, strict=True):
                if len(wrong):
                    out[wrong] = block if is_number(block) else _at(block, slots, rows)
            return
        rows = self.shape[0]
        whole, at = np.empty(sum(self.slots) * rows, out.dtype), 0
        for n, coef in zip(self.slots, coefs, strict=True):
            whole[at : at + n * rows].reshape(n, rows)[...] = coef if is_number(coef) else _block(coef, n, shape)
            at += n * rows
        if self.groups is None:
            np.take(whole, self.source, out=out, mode="clip")
        elif self.nnz:
            np.add.reduceat(np.take(whole, self.source, mode="clip"), self.groups, out=out)


class Structure:
    """That of a matrix whose blocks of rows have layouts of their own."""

    def __init__(self, layouts: Sequence[Layout], columns: int):
        self.layouts = layouts
        self.shape = sum(part.shape[0] for part in layouts), columns
        ends = np.cumsum([0, *(part.nnz for part in layouts)])
        self.ends = [int(n) for n in ends]
        self.nnz = self.ends[-1]
        small = np.int32 if max(*self.shape, self.nnz) < 2**31 else np.int64
        self.indices = np.concatenate([np.zeros(0, small), *(part.indices for part in layouts)]).astype(
            small, copy=False
        )
        starts = [part.indptr[:-1] + end for part, end in zip(layouts, ends[:-1], strict=True)]
        self.indptr = np.concatenate([*starts, ends[-1:]]).astype(small)

    @functools.cached_property
    def places(self) -> list[list[np.ndarray]]:
        """For each block and each of its pieces where its coefficients go."""
        return [places_of(part, start) for part, start in zip(self.layouts, self.ends[:-1], strict=True)]

    def data(self, blocks: Sequence[tuple[tuple[int, ...], Sequence[Any]]], dtype: Any) -> np.ndarray:
        """The entries: of each block the shape of the value and the coefficients of its pieces."""
        out = np.empty(self.nnz, dtype)
        for layout, start, end, (shape, coefs) in zip(self.layouts, self.ends[:-1], self.ends[1:], blocks, strict=True):
            if end > start:
                layout.fill(out[start:end], coefs, shape)
        return out

    # ---- other formats

    @functools.cached_property
    def by_column(self) -> Any:
        """The structure by columns, and the order of the entries there."""
        import scipy.sparse

        order = np.arange(1, self.nnz + 1)
        return scipy.sparse.csr_array((order, self.indices, self.indptr), shape=self.shape).tocsc()

    def matrix(self, data: np.ndarray, format: str) -> Any:
        import scipy.sparse

        if format == "csc":
            m = self.by_column
            return scipy.sparse.csc_array((data[m.data - 1], m.indices, m.indptr), shape=self.shape)
        made = scipy.sparse.csr_array((data, self.indices, self.indptr), shape=self.shape)
        return made if format == "csr" else made.asformat(format)

    @functools.cached_property
    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each entry."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices


def _sorted(source: np.ndarray, columns: np.ndarray, starts: np.ndarray, shape: tuple[int, int]):
    """The entries by rows and columns, those that meet in one place counted once: they are `groups` then."""
    import scipy.sparse

    small = np.int32 if max(*shape, len(columns)) < 2**31 else np.int64
    m = scipy.sparse.csr_array((source, columns.astype(small), starts.astype(small)), shape=shape)
    m.sort_indices()
    same = m.indices[1:] == m.indices[:-1]
    inner = m.indptr[1:-1]
    same[inner[(inner > 0) & (inner < len(m.indices))] - 1] = False
    if not same.any():
        return m.data, m.indices, m.indptr, None
    first = np.flatnonzero(np.concatenate([[True], ~same]))
    before = np.concatenate([[0], np.cumsum(np.concatenate([[True], ~same]))])
    return m.data, m.indices[first], before[m.indptr].astype(small), first


def _grid(place: np.ndarray) -> Grid | None:
    """The grid on which most of these places are, -1 standing for none."""
    n = len(place)
    known = np.flatnonzero(place[0] >= 0) if n else place
    if len(known) == 0:
        return None
    steps = np.diff(place[0, known]) if len(known) > 1 else np.array([1])
    apart = np.diff(known) if len(known) > 1 else np.array([1])
    steps = steps[apart == 1] if (apart == 1).any() else steps[:1]
    row = int(np.bincount(np.clip(steps, 0, None)).argmax())
    starts = place[0, known] - row * known
    start = int(np.sort(starts)[len(starts) // 2])
    slot = 0
    if n > 1:
        both = np.flatnonzero((place[0] >= 0) & (place[1] >= 0))
        if not len(both):
            return None
        slot = int(np.bincount(np.clip(place[1, both] - place[0, both], 0, None)).argmax())
    on = known[place[0, known] == start + row * known]
    if not len(on):
        return None
    return Grid(start, slot, row, int(on[0]), int(on[-1]) + 1)


def _view(data: np.ndarray, grid: Grid, slots: int) -> np.ndarray:
    rows, size = grid.last - grid.first, data.itemsize
    start = grid.start + grid.row * grid.first
    last = start + grid.slot * (slots - 1) + grid.row * (rows - 1)
    if start < 0 or last >= len(data):
        return np.empty((slots, rows), data.dtype)
    return np.lib.stride_tricks.as_strided(data[start:], (slots, rows), (grid.slot * size, grid.row * size))


def _at(block: np.ndarray, slots: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return block[slots if len(block) > 1 else 0, rows if block.shape[1] > 1 else 0]


def _block(coef: Any, slots: int, shape: tuple[int, ...]) -> np.ndarray:
    """A coefficient as `(slots or 1, rows or 1)`."""
    coef = wide(coef, shape)
    if coef.shape[1:] != shape and any(n != 1 for n in coef.shape[1:]):
        coef = np.broadcast_to(coef, (len(coef), *shape))
    return coef.reshape(len(coef), math.prod(coef.shape[1:]))


def places_of(layout: Any, start: int) -> list[np.ndarray]:
    """For each piece where its coefficients go: of shape `(R, rows)`, -1 for nowhere."""
    rows = layout.shape[0]
    place = np.full(sum(layout.slots) * rows, -1)
    ends = np.arange(layout.nnz)
    if layout.groups is not None:
        ends = np.repeat(ends, np.diff(np.append(layout.groups, len(layout.source))))
    place[layout.source] = ends + start
    bounds = np.cumsum([0, *layout.slots])
    return [place[a * rows : b * rows].reshape(b - a, rows) for a, b in itertools.pairwise(bounds)]


class Structures:
    """Structures that have been found, by the identity of the indices that they come from."""

    def __init__(self) -> None:
        self._layouts: dict[Any, Layout] = {}
        self._structures: dict[Any, Structure] = {}

    def get(self, blocks: Sequence[tuple[tuple[int, ...], Sequence[Piece]]], columns: int) -> Structure:
        keys = [(*(id(p.inputs) for p in pieces), math.prod(shape)) for shape, pieces in blocks]
        key = tuple(keys), columns
        found = self._structures.get(key)
        if found is None:
            layouts = []
            for k, (shape, pieces) in zip(keys, blocks, strict=True):
                if (k, columns) not in self._layouts:
                    self._layouts[k, columns] = Layout([p.inputs for p in pieces], math.prod(shape), columns)
                layouts.append(self._layouts[k, columns])
            found = self._structures[key] = Structure(layouts, columns)
        return found

    def matrix(self, blocks: Sequence[tuple[tuple[int, ...], Sequence[Piece]]], columns: int, dtype: Any) -> Any:
        """The Jacobian as a csr_array."""
        structure = self.get(blocks, columns)
        data = structure.data([(shape, [p.coef for p in pieces]) for shape, pieces in blocks], dtype)
        return structure.matrix(data, "csr")

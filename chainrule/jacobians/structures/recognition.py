"""Which structure a matrix has: from the pieces of slot propagation, or from a sparse matrix."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .banded import Banded, Diagonal
from .blocks import BlockDiagonal
from .stencil import Stencil
from .structured import Structured, numbers, numbers_in

MOST = 64
"""With more neighbors than this it is no stencil, and no band."""

FULL = 0.5
"""At least this part of the blocks, or of the diagonals, that would be stored must be nonzeros."""


def from_pieces(
    pieces: Iterable[tuple[np.ndarray, Any]], out: Sequence[int], source: Sequence[int]
) -> Structured | None:
    """The most specific structure of a Jacobian given as pieces, found without making the matrix.

    Parameters
    ----------
    pieces : iterable of pairs
        Of an integer array `index` of shape `(R, *out)` and `coef`, a number or an array that broadcasts to that:
        `dy[s] / dx[index[r, s]] += coef[r, s]`; `index` counts the elements of x in C order, -1 is none.
    out, source : tuples
        The shapes of y and of x.

    Returns
    -------
    Structured or None
        `Diagonal`, `Stencil` (constant coefficients), `Banded`, `BlockDiagonal` (of two blocks or more) or `Stencil`
        with varying coefficients, in this order of preference; None if it is none of them. Coefficients are kept as
        the views that they are, where there is one piece per neighbor or block.

    Notes
    -----
    Cost: a few passes over the index arrays.
    """
    out, source = tuple(out), tuple(source)
    m, n = math.prod(out), math.prod(source)
    read = []
    for index, coef in pieces:
        index, coef = np.asarray(index), numbers(coef, "from_pieces: the coefficients")
        if index.shape[1:] != out or index.dtype.kind not in "iu":
            raise ValueError(f"from_pieces: an index is an integer array of shape (R, *{out}); got {index.shape}")
        read.append((index, np.broadcast_to(coef, index.shape)))
    if not m or not n or not read:
        return None
    slots = sum(len(index) for index, _ in read)
    shifts = _shifts(read, out, source) if slots <= MOST else None
    if m == n and slots <= MOST and all(np.array_equal(i, _counting(i.shape)) for i, _ in read):
        return Diagonal(_total([c[r].reshape(m) for i, c in read for r in range(len(i))]))
    if shifts is not None and shifts.constant:
        return shifts
    if shifts is not None and len(out) == 1 and not any(shifts.periodic):
        diagonals = [np.broadcast_to(c, out) for c in shifts.coefficients]
        return Banded(diagonals, [k for (k,) in shifts.offsets], (m, n))
    blocks = _blocks(read, out, source)
    return shifts if blocks is None else blocks


def recognize(matrix: Any) -> Any:
    """The most specific structure of a sparse matrix, or the matrix itself as a `csr_array` if it has none.

    Parameters
    ----------
    matrix : scipy.sparse array or matrix, or array_like, of shape `(m, n)`
        Booleans, as of a pattern, count as ones.

    Returns
    -------
    Structured or scipy.sparse.csr_array
        `Diagonal`; `BlockDiagonal` (two blocks or more of one size, at least half full); `Stencil` along a line (full
        diagonals of equal numbers); `Banded` (up to 64 diagonals, at least half full).

    Notes
    -----
    Cost: O(nonzeros) times the number of block sizes that are possible.
    """
    import scipy.sparse

    A: Any = scipy.sparse.csr_array(matrix)
    if A.ndim != 2:
        raise ValueError(f"recognize: a matrix has rows and columns; got the shape {A.shape}")
    if not A.has_canonical_format:
        A = A.copy()
        A.sum_duplicates()
    if A.dtype.kind not in "fc":
        A = A.astype(float)
    m, n = A.shape
    rows, columns = np.repeat(np.arange(m), np.diff(A.indptr)), A.indices.astype(np.int64)
    number = np.bincount(columns - rows + m, minlength=1) if A.nnz else np.zeros(0, int)
    offsets = np.flatnonzero(number) - m
    if min(m, n) and np.all(offsets == 0):
        return Diagonal(A.diagonal(), (m, n))
    if not A.nnz or A.nnz == m * n:
        return A
    found = _blocks_of(A.data, rows, columns, (m, n))
    if found is not None or len(offsets) > MOST:
        return A if found is None else found
    lengths = np.minimum(m, n - offsets) - np.maximum(0, -offsets)
    if A.nnz < FULL * lengths.sum():
        return A
    diagonals = np.zeros((len(offsets), m), A.dtype)
    diagonals[np.searchsorted(offsets, columns - rows), rows] = A.data
    first = diagonals[np.arange(len(offsets)), np.maximum(0, -offsets)]
    constant = A.nnz == lengths.sum() and np.array_equal(A.data, first[np.searchsorted(offsets, columns - rows)])
    return Stencil(list(first), offsets.tolist(), m, n) if constant else Banded(list(diagonals), offsets, (m, n))


def _counting(shape: tuple[int, ...]) -> np.ndarray:
    """0, 1, 2, ... in each slot."""
    return np.broadcast_to(np.arange(math.prod(shape[1:])).reshape(shape[1:]), shape)


def _total(parts: list[np.ndarray]) -> np.ndarray:
    """The sum; one alone as it is, and numbers that are broadcast stay so."""
    if len(parts) > 1 and all(numbers_in(p) <= 1 for p in parts):
        return np.broadcast_to(sum(p.reshape(-1)[0] for p in parts), parts[0].shape)
    return parts[0] if len(parts) == 1 else np.sum(parts, axis=0)


# ---- shifts along a grid ----------------------------------------------------------------------------------------


def _shifts(read: list[tuple[np.ndarray, np.ndarray]], out: tuple[int, ...], source: tuple[int, ...]) -> Stencil | None:
    """The stencil, if each slot is the grid shifted by an offset."""
    if len(out) != len(source) or not out:
        return None
    found: dict[tuple[int, ...], list[np.ndarray]] = {}
    ends = [set() for _ in out]
    for index, coef in read:
        for r in range(len(index)):
            if not (index[r] >= 0).any():
                continue
            shift = _shift(index[r], out, source)
            if shift is None:
                return None
            offset, wraps = shift
            for k, wrap in enumerate(wraps):
                if wrap is not None:
                    ends[k].add(wrap)
            found.setdefault(offset, []).append(coef[r])
    if not found or any(len(e) > 1 for e in ends):
        return None
    periodic = [True in e for e in ends]
    coefficients = []
    for parts in found.values():
        total = _total(parts)
        coefficients.append(total.reshape(-1)[0] if numbers_in(total) <= 1 else total)
    return Stencil(coefficients, list(found), out, source, periodic)


def _shift(
    index: np.ndarray, out: tuple[int, ...], source: tuple[int, ...]
) -> tuple[tuple[int, ...], list[bool | None]] | None:
    """By how much it is shifted along each axis; and of each, if it comes to an end, whether it begins again there."""
    start = np.unravel_index(int(np.argmax(index >= 0)), out)
    offset = [int(a - b) for a, b in zip(np.unravel_index(index[start], source), start, strict=True)]
    predicted, outside = np.zeros((), np.int64), np.zeros((), bool)
    wraps: list[bool | None] = []
    for k, (size, length) in enumerate(zip(out, source, strict=True)):
        if size == length:  # the shorter way around
            offset[k] = (offset[k] + length // 2) % length - length // 2
        place = np.arange(size) + offset[k]
        beyond = (place < 0) | (place >= length)
        line = index[(*start[:k], slice(None), *start[k + 1 :])]
        wrap = None if not beyond.any() else bool((line[beyond] >= 0).any())
        wraps.append(wrap)
        axis = (slice(None),) + (None,) * (len(out) - k - 1)
        predicted = predicted + (place % length)[axis] * math.prod(source[k + 1 :])
        outside = outside | (beyond if not wrap else np.zeros(size, bool))[axis]
        if wrap and size != length:
            return None
    return (tuple(offset), wraps) if np.array_equal(np.where(outside, -1, predicted), index) else None


# ---- blocks -----------------------------------------------------------------------------------------------------


def _blocks(
    read: list[tuple[np.ndarray, np.ndarray]], out: tuple[int, ...], source: tuple[int, ...]
) -> BlockDiagonal | None:
    """Blocks over the batch axes that y and x have in common, before and after those that are mixed."""
    before = sum(1 for _ in itertools.takewhile(lambda k: k[0] == k[1], zip(out, source, strict=False)))
    m, n = math.prod(out), math.prod(source)
    flat = [(i.reshape(len(i), m), c) for i, c in read]
    row = np.arange(m)

    def same(count, row_of, column_of):
        """Whether all entries of a row are in its own batch element."""
        return count > 1 and all(np.all((i < 0) | (column_of(i) == row_of(row))) for i, _ in flat)

    b = c = 1
    for k in range(before, 0, -1):
        count = math.prod(out[:k])
        if same(count, lambda s, d=m // count: s // d, lambda i, d=n // count: i // d):
            b, out, source = count, out[k:], source[k:]
            break
    shared = zip(reversed(out), reversed(source), strict=False)
    after = sum(1 for _ in itertools.takewhile(lambda k: k[0] == k[1], shared))
    for k in range(after, 0, -1):
        count = math.prod(out[len(out) - k :])
        if same(count, lambda s, d=count: s % d, lambda i, d=count: i % d):
            c = count
            break
    p, q = m // b // c, n // b // c
    if b * c == 1 or sum(np.count_nonzero(i >= 0) for i, _ in flat) < FULL * b * p * q * c:
        return None
    (index, coef), ordered = flat[0], np.arange(q)[:, None]
    if len(flat) == 1 and len(index) == q and np.all(index >= 0) and np.all(index // c % q == ordered):
        return BlockDiagonal(coef.reshape(q, b, p, c).transpose(1, 2, 0, 3))
    blocks = np.zeros((b, p, q, c), np.result_type(*(coef for _, coef in flat)))
    for index, coef in flat:
        coef = coef.reshape(index.shape)
        for r in range(len(index)):
            s = np.flatnonzero(index[r] >= 0)
            o, i, t = np.unravel_index(s, (b, p, c))
            blocks[o, i, index[r][s] // c % q, t] += coef[r][s]
    return BlockDiagonal(blocks)


def _blocks_of(data: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> BlockDiagonal | None:
    """As many equal blocks as it can be cut into."""
    m, n = shape
    common = math.gcd(m, n)
    numbers_of_blocks = np.flatnonzero(common % np.arange(1, common + 1) == 0)[:0:-1] + 1
    some = slice(None, None, len(rows) // 1024 + 1)  # those that do not fit are found out by a few
    for b in numbers_of_blocks.tolist():
        p, q = m // b, n // b
        if len(data) < FULL * b * p * q or not np.array_equal(rows[some] // p, columns[some] // q):
            continue
        if not np.array_equal(rows // p, columns // q):
            continue
        blocks = np.zeros((b, p, q), data.dtype)
        blocks[rows // p, rows % p, columns % q] = data
        return BlockDiagonal(blocks)
    return None

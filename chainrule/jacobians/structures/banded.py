"""Diagonal and banded matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .structured import (
    Structured,
    counted,
    matrix_shape,
    multiple,
    numbers,
    numbers_in,
    sparse_solve,
)


@dataclass(frozen=True, eq=False, repr=False)
class Diagonal(Structured):
    """A diagonal matrix: the Jacobian of an elementwise function.

    Parameters
    ----------
    values : array of shape `(n,)`
        The entries (i, i). It is not copied.
    shape : tuple, optional
        By default `(n, n)`; else `n` is its smaller size.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> D = cr.Diagonal(np.array([1.0, 2.0, 4.0]))
    >>> D
    Diagonal(3 x 3, float64, 3 numbers stored)
    >>> D @ np.ones(3), D.solve(np.ones(3))
    (array([1., 2., 4.]), array([1.  , 0.5 , 0.25]))
    """

    values: np.ndarray
    shape: tuple[int, int] = None  # type: ignore[assignment]  # that of the values

    def __post_init__(self):
        values = numbers(self.values, "Diagonal: the values")
        if values.ndim != 1:
            raise ValueError(f"Diagonal: the values are a vector; got the shape {values.shape}")
        shape = (len(values),) * 2 if self.shape is None else matrix_shape(self.shape, "Diagonal")
        if len(values) != min(shape):
            raise ValueError(f"Diagonal: a matrix of shape {shape} has {min(shape)} entries; got {len(values)}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "shape", shape)

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    @property
    def T(self) -> "Diagonal":
        m, n = self.shape
        return Diagonal(self.values, (n, m))

    @property
    def stored(self) -> int:
        return numbers_in(self.values)

    def conj(self) -> Self:
        return type(self)(np.conjugate(self.values), self.shape)

    def diagonal(self) -> np.ndarray:
        return self.values

    def tocsr(self) -> Any:
        import scipy.sparse

        k, (m, _) = len(self.values), self.shape
        ends = np.minimum(np.arange(m + 1), k)
        return scipy.sparse.csr_array((np.ascontiguousarray(self.values), np.arange(k), ends), shape=self.shape)

    def solve(self, b: Any) -> np.ndarray:
        """The x with `D @ x = b`.

        Raises
        ------
        numpy.linalg.LinAlgError
            If an entry is 0.
        """
        right = self._system(b)
        if not self.values.all():
            i = int(np.flatnonzero(self.values == 0)[0])
            raise np.linalg.LinAlgError(f"solve: {self!r} is singular: entry {i} of the diagonal is 0")
        return (right / self.values[:, None]).reshape(np.shape(b))

    def _apply(self, x: np.ndarray) -> np.ndarray:
        k = len(self.values)
        y = self.values[:, None] * x[:k]
        return y if self.shape[0] == k else np.concatenate([y, np.zeros((self.shape[0] - k, x.shape[1]), y.dtype)])

    def _scaled(self, factor: Any) -> Self:
        return type(self)(multiple(self.values, factor), self.shape)

    def _plus(self, other: Structured) -> Structured | None:
        return Diagonal(self.values + other.values, self.shape) if isinstance(other, Diagonal) else None

    def _times(self, other: Structured) -> Structured | None:
        if not isinstance(other, Diagonal):
            return None
        shape = self.shape[0], other.shape[1]
        values, k = np.zeros(min(shape), np.result_type(self.dtype, other.dtype)), min(*self.shape, *other.shape)
        values[:k] = self.values[:k] * other.values[:k]
        return Diagonal(values, shape)


@dataclass(frozen=True, eq=False, repr=False)
class Banded(Structured):
    """A matrix whose entries lie on a few diagonals: of finite differences, of a chain of neighbors.

    Parameters
    ----------
    diagonals : sequence of arrays of shape `(m,)`
        By rows: `diagonals[k][i]` is the entry `(i, i + offsets[k])`; what would be outside is not used. They are not
        copied, and may be broadcast.
    offsets : sequence of ints
        How far above the main diagonal each is.
    shape : tuple, optional
        By default `(m, m)`.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> A = cr.Banded([np.ones(4), np.array([2.0, 3.0, 4.0, 0.0])], [0, 1])
    >>> A
    Banded(4 x 4, float64, 0 below and 1 above the diagonal, 8 numbers stored)
    >>> A @ np.ones(4)
    array([3., 4., 5., 1.])
    """

    diagonals: Sequence[np.ndarray]
    offsets: Sequence[int]
    shape: tuple[int, int] = None  # type: ignore[assignment]  # that of the diagonals

    def __post_init__(self):
        diagonals = [numbers(d, "Banded: the diagonals") for d in self.diagonals]
        offsets = [int(k) for k in self.offsets]
        if len(offsets) != len(diagonals) or len(set(offsets)) != len(offsets):
            raise ValueError(f"Banded: each of {len(diagonals)} diagonals has an offset of its own; got {offsets}")
        if self.shape is None and not diagonals:
            raise ValueError("Banded: without diagonals the shape is needed")
        shape = (len(diagonals[0]),) * 2 if self.shape is None else matrix_shape(self.shape, "Banded")
        wrong = [d.shape for d in diagonals if d.shape != (shape[0],)]
        if wrong:
            raise ValueError(f"Banded: each diagonal has an entry per row, the shape {(shape[0],)}; got {wrong[0]}")
        order = sorted(range(len(offsets)), key=offsets.__getitem__)
        object.__setattr__(self, "diagonals", tuple(diagonals[k] for k in order))
        object.__setattr__(self, "offsets", tuple(offsets[k] for k in order))
        object.__setattr__(self, "shape", shape)

    @property
    def dtype(self) -> np.dtype:
        return np.result_type(*self.diagonals) if self.diagonals else np.dtype(float)

    @property
    def widths(self) -> tuple[int, int]:
        """How many diagonals there are below and above the main one, empty ones between included."""
        return -min((0, *self.offsets)), max((0, *self.offsets))

    @property
    def T(self) -> "Banded":
        turned = []
        for d, k in zip(self.diagonals, self.offsets, strict=True):
            rows, columns = self._rows(k)
            new = np.zeros(self.shape[1], d.dtype)
            new[columns] = d[rows]
            turned.append(new)
        m, n = self.shape
        return Banded(turned, [-k for k in self.offsets], (n, m))

    @property
    def stored(self) -> int:
        return sum(numbers_in(d) for d in self.diagonals)

    def _said(self) -> str:
        below, above = self.widths
        full = below + above + 1 == len({0, *self.offsets})
        return f"{below} below and {above} above the diagonal" + (
            "" if full else f", {counted(len(self.offsets), 'diagonal')}"
        )

    def _rows(self, offset: int) -> tuple[slice, slice]:
        """The rows and the columns that a diagonal goes through."""
        m, n = self.shape
        start, stop = max(0, -offset), max(min(m, n - offset), max(0, -offset))
        return slice(start, stop), slice(start + offset, stop + offset)

    def conj(self) -> Self:
        return type(self)([np.conjugate(d) for d in self.diagonals], self.offsets, self.shape)

    def diagonal(self) -> np.ndarray:
        k = min(self.shape)
        found = [d for d, offset in zip(self.diagonals, self.offsets, strict=True) if offset == 0]
        return found[0][:k] if found else np.zeros(k, self.dtype)

    def tocsr(self) -> Any:
        import scipy.sparse

        m, n = self.shape
        columns = np.arange(m)[:, None] + np.array(self.offsets, int)
        inside = (columns >= 0) & (columns < n)
        data = np.stack(self.diagonals, -1) if self.diagonals else np.zeros((m, 0))
        ends = np.concatenate([[0], np.cumsum(inside.sum(1))])
        return scipy.sparse.csr_array((data[inside], columns[inside], ends), shape=self.shape)

    def lapack(self) -> np.ndarray:
        """The matrix in LAPACK's form, as `scipy.linalg.solve_banded` takes it: `ab[above + i - j, j]` is entry (i, j).

        Of shape `(below + above + 1, n)`, `below` and `above` being `widths`.
        """
        below, above = self.widths
        ab = np.zeros((below + above + 1, self.shape[1]), self.dtype)
        for d, k in zip(self.diagonals, self.offsets, strict=True):
            rows, columns = self._rows(k)
            ab[above - k, columns] = d[rows]
        return ab

    def solve(self, b: Any) -> np.ndarray:
        """The x with `A @ x = b`: by LAPACK's banded solver; if most of the band is empty, by a sparse factorisation.

        Raises
        ------
        numpy.linalg.LinAlgError or RuntimeError
            If the matrix is singular.
        """
        import scipy.linalg

        right, (below, above) = self._system(b), self.widths
        if not len(right):
            return np.zeros(np.shape(b), np.result_type(self.dtype, right))
        if below + above + 1 > 8 * max(len(self.offsets), 4):
            return sparse_solve(self.tocsr(), right).reshape(np.shape(b))
        return scipy.linalg.solve_banded((below, above), self.lapack(), right).reshape(np.shape(b))

    def _apply(self, x: np.ndarray) -> np.ndarray:
        y = np.zeros((self.shape[0], x.shape[1]), np.result_type(self.dtype, x.dtype))
        for d, k in zip(self.diagonals, self.offsets, strict=True):
            rows, columns = self._rows(k)
            y[rows] += d[rows, None] * x[columns]
        return y

    def _scaled(self, factor: Any) -> Self:
        return type(self)([multiple(d, factor) for d in self.diagonals], self.offsets, self.shape)

    def _plus(self, other: Structured) -> Structured | None:
        banded = as_banded(other)
        if banded is None:
            return None
        found = dict(zip(self.offsets, self.diagonals, strict=True))
        for d, k in zip(banded.diagonals, banded.offsets, strict=True):
            found[k] = found[k] + d if k in found else d
        return Banded(list(found.values()), list(found), self.shape)

    def _times(self, other: Structured) -> Structured | None:
        banded = as_banded(other)
        if banded is None or len(self.offsets) * len(banded.offsets) > 256:
            return None
        m, found = self.shape[0], {}
        dtype = np.result_type(self.dtype, other.dtype)
        for d, k in zip(self.diagonals, self.offsets, strict=True):
            rows, columns = self._rows(k)
            for e, q in zip(banded.diagonals, banded.offsets, strict=True):
                into = found.setdefault(k + q, np.zeros(m, dtype))
                into[rows] += d[rows] * e[columns]
        return Banded(list(found.values()), list(found), (m, other.shape[1]))

    def _after(self, other: Structured) -> Structured | None:
        banded = as_banded(other)
        return None if banded is None else banded._times(self)


def as_banded(A: Structured) -> Banded | None:
    """A diagonal matrix as a banded one; others than these are None."""
    if isinstance(A, Diagonal):
        m, k = A.shape[0], len(A.values)
        values = A.values if m == k else np.concatenate([A.values, np.zeros(m - k, A.dtype)])
        return Banded([values], [0], A.shape)
    return A if isinstance(A, Banded) else None

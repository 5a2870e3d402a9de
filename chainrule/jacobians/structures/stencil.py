"""Stencils: the same few neighbors for each point of a grid."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .banded import Banded, Diagonal
from .structured import Structured, counted, multiple, numbers, numbers_in, sparse_solve


@dataclass(frozen=True, eq=False, repr=False)
class Stencil(Structured):
    """A weighted sum of neighbors on a grid: finite differences, convolutions.

    Parameters
    ----------
    coefficients : sequence of numbers or arrays
        One per neighbor: a number, or an array that broadcasts to `grid`, if it varies from point to point.
    offsets : sequence of ints, or of tuples of ints
        Where each neighbor is: `y[i, j]` has the term `coefficient * x[i + offset[0], j + offset[1]]`.
    grid : int or tuple
        The shape of y.
    source : int or tuple, optional
        The shape of x, by default that of y.
    periodic : bool or tuple of bools
        Whether the grid goes on at the other end, for each axis or for all. Where it does not, neighbors that are
        outside count as 0.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> D = cr.Stencil([-1.0, 1.0], [0, 1], grid=3, source=4)
    >>> D
    Stencil(3 x 4, float64, 2 neighbors on a grid of 3, 2 numbers stored)
    >>> D @ np.array([1.0, 4.0, 9.0, 16.0])
    array([3., 5., 7.])
    """

    coefficients: Sequence[Any]
    offsets: Sequence[Any]
    grid: Any
    source: Any = None
    periodic: Any = False

    def __post_init__(self):
        grid = tuple(int(n) for n in np.atleast_1d(self.grid))
        source = grid if self.source is None else tuple(int(n) for n in np.atleast_1d(self.source))
        offsets = [tuple(int(k) for k in np.atleast_1d(o)) for o in self.offsets]
        periodic = tuple(bool(p) for p in np.broadcast_to(self.periodic, len(grid)))
        coefficients = [numbers(c, "Stencil: the coefficients") for c in self.coefficients]
        if len(source) != len(grid) or any(len(o) != len(grid) for o in offsets):
            raise ValueError(
                f"Stencil: grid, source and offsets have the same number of axes; got the grid {grid}, the source "
                f"{source} and the offsets {offsets}"
            )
        if len(offsets) != len(coefficients):
            raise ValueError(f"Stencil: a coefficient per offset; got {len(coefficients)} for {len(offsets)}")
        if any(p and n != s for p, n, s in zip(periodic, grid, source, strict=True)):
            raise ValueError(f"Stencil: along a periodic axis grid and source are as long; got {grid} and {source}")
        for c in coefficients:
            if np.broadcast_shapes(c.shape, grid) != grid:
                raise ValueError(f"Stencil: a coefficient of shape {c.shape} does not broadcast to the grid {grid}")
        for name, value in (("grid", grid), ("source", source), ("periodic", periodic)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "offsets", tuple(offsets))
        object.__setattr__(self, "coefficients", tuple(coefficients))

    @property
    def shape(self) -> tuple[int, int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The sizes of the two grids."""
        return int(np.prod(self.grid, dtype=int)), int(np.prod(self.source, dtype=int))

    @property
    def dtype(self) -> np.dtype:
        return np.result_type(*self.coefficients) if self.coefficients else np.dtype(float)

    @property
    def stored(self) -> int:
        return sum(numbers_in(c) for c in self.coefficients)

    @property
    def constant(self) -> bool:
        """Whether the coefficients are the same everywhere."""
        return all(numbers_in(c) <= 1 for c in self.coefficients)

    def _said(self) -> str:
        kind = "" if self.constant else ", varying"
        kind += ", periodic" if any(self.periodic) else ""
        return f"{counted(len(self.offsets), 'neighbor')} on a grid of {' x '.join(map(str, self.grid))}{kind}"

    def _parts(self, offset: tuple[int, ...]) -> list[tuple[tuple[slice, ...], tuple[slice, ...]]]:
        """The pieces of the grid, and of the source, that a neighbor at this offset relates."""
        axes = []
        for n, s, k, periodic in zip(self.grid, self.source, offset, self.periodic, strict=True):
            if periodic and n:
                k %= n
                parts = [(slice(0, n - k), slice(k, n))] + ([(slice(n - k, n), slice(0, k))] if k else [])
            else:
                start = max(0, -k)
                stop = max(start, min(n, s - k))
                parts = [(slice(start, stop), slice(start + k, stop + k))] if stop > start else []
            axes.append(parts)
        return [(tuple(a for a, _ in part), tuple(b for _, b in part)) for part in itertools.product(*axes)]

    @property
    def T(self) -> "Stencil":
        turned = []
        for c, offset in zip(self.coefficients, self.offsets, strict=True):
            if numbers_in(c) <= 1 and c.size:
                turned.append(c.reshape(-1)[0])
                continue
            new, c = np.zeros(self.source, c.dtype), np.broadcast_to(c, self.grid)
            for here, there in self._parts(offset):
                new[there] = c[here]
            turned.append(new)
        return Stencil(turned, [tuple(-k for k in o) for o in self.offsets], self.source, self.grid, self.periodic)

    def conj(self) -> Self:
        return self._with([np.conjugate(c) for c in self.coefficients])

    def _with(self, coefficients: Sequence[Any]) -> Self:
        return type(self)(coefficients, self.offsets, self.grid, self.source, self.periodic)

    def tocsr(self) -> Any:
        import scipy.sparse

        m, n = self.shape
        point = np.arange(m).reshape(self.grid)
        neighbor = np.arange(n).reshape(self.source)
        rows, columns, data = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0, self.dtype)]
        for c, offset in zip(self.coefficients, self.offsets, strict=True):
            c = np.broadcast_to(c, self.grid)
            for here, there in self._parts(offset):
                rows.append(point[here].ravel())
                columns.append(neighbor[there].ravel())
                data.append(c[here].ravel())
        entries = (np.concatenate(rows), np.concatenate(columns))
        return scipy.sparse.csr_array((np.concatenate(data), entries), shape=self.shape)

    def solve(self, b: Any) -> np.ndarray:
        """The x with `A @ x = b`.

        Constant coefficients on a periodic grid: by FFT, which makes the matrix diagonal. Along a line: banded. Else by
        a sparse factorisation.

        Raises
        ------
        numpy.linalg.LinAlgError or RuntimeError
            If the matrix is singular.
        """
        right = self._system(b)
        if all(self.periodic) and self.constant and self.grid and right.size:
            return self._solve_by_fft(right).reshape(np.shape(b))
        if len(self.grid) == 1 and not any(self.periodic):
            return as_banded(self).solve(b)
        return sparse_solve(self.tocsr(), right).reshape(np.shape(b))

    def _solve_by_fft(self, right: np.ndarray) -> np.ndarray:
        axes = tuple(range(len(self.grid)))
        column = np.zeros(self.grid, self.dtype)
        for c, offset in zip(self.coefficients, self.offsets, strict=True):
            column[tuple(-k % n for k, n in zip(offset, self.grid, strict=True))] += c.reshape(-1)[0]
        values = np.fft.fftn(column, axes=axes)
        if np.abs(values).min() <= 1e-14 * np.abs(values).max():
            raise np.linalg.LinAlgError(f"solve: {self!r} is singular: an eigenvalue is 0")
        found = np.fft.ifftn(np.fft.fftn(right.reshape(*self.grid, -1), axes=axes) / values[..., None], axes=axes)
        dtype = np.result_type(self.dtype, right.dtype)
        return (found if dtype.kind == "c" else found.real).astype(dtype).reshape(right.shape)

    def _apply(self, x: np.ndarray) -> np.ndarray:
        k = x.shape[1]
        x = x.reshape(*self.source, k)
        y = np.zeros((*self.grid, k), np.result_type(self.dtype, x.dtype))
        for c, offset in zip(self.coefficients, self.offsets, strict=True):
            c = np.broadcast_to(c, self.grid)[..., None]
            for here, there in self._parts(offset):
                y[here] += c[here] * x[there]
        return y.reshape(self.shape[0], k)

    def _scaled(self, factor: Any) -> Self:
        return self._with([multiple(c, factor) for c in self.coefficients])

    def _plus(self, other: Structured) -> Structured | None:
        if isinstance(other, Diagonal) and self.grid == self.source:
            other = Stencil([other.values.reshape(self.grid)], [(0,) * len(self.grid)], self.grid, None, self.periodic)
        if isinstance(other, Stencil) and (self.grid, self.source, self.periodic) == (
            other.grid,
            other.source,
            other.periodic,
        ):
            found = dict(zip(self.offsets, self.coefficients, strict=True))
            for c, k in zip(other.coefficients, other.offsets, strict=True):
                found[k] = found[k] + c if k in found else c
            return Stencil(list(found.values()), list(found), self.grid, self.source, self.periodic)
        if isinstance(other, Banded) and len(self.grid) == 1 and not any(self.periodic):
            return as_banded(self) + other
        return None

    def _times(self, other: Structured) -> Structured | None:
        if isinstance(other, Stencil) and all(self.periodic) and all(other.periodic) and self.grid == other.grid:
            if not (self.constant and other.constant):
                return None
            found: dict[Any, Any] = {}
            for (c, k), (d, q) in itertools.product(
                zip(self.coefficients, self.offsets, strict=True), zip(other.coefficients, other.offsets, strict=True)
            ):
                offset = tuple(a + b for a, b in zip(k, q, strict=True))
                found[offset] = found.get(offset, 0) + c * d
            return Stencil(list(found.values()), list(found), self.grid, None, True)
        if len(self.grid) == 1 and not any(self.periodic) and isinstance(other, Diagonal | Banded | Stencil):
            if isinstance(other, Stencil) and (len(other.grid) > 1 or any(other.periodic)):
                return None
            return as_banded(self)._times(as_banded(other) if isinstance(other, Stencil) else other)
        return None

    def _after(self, other: Structured) -> Structured | None:
        if isinstance(other, Diagonal) and other.shape[0] == other.shape[1]:
            values = other.values.reshape(self.grid)
            return self._with([values * c for c in self.coefficients])
        if isinstance(other, Banded) and len(self.grid) == 1 and not any(self.periodic):
            return other._times(as_banded(self))
        return None


def as_banded(A: Stencil) -> Banded:
    """A stencil along a line, not periodic, as a banded matrix; what is constant is broadcast."""
    m = A.shape[0]
    return Banded([np.broadcast_to(c, (m,)) for c in A.coefficients], [k for (k,) in A.offsets], A.shape)

"""A coloring as it is used: seeds, compressed products, and the matrix back from them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .substitution import Substitution, alone

ROOM = 1 << 23
"""How many numbers the seeds of a chunk, and their products, may have together unless `chunk` says otherwise."""


@dataclass(frozen=True, eq=False, repr=False)
class Coloring:
    """A coloring of the columns, the rows or both of a sparse pattern. It is made by :func:`coloring`.

    The columns of one color are evaluated together, by one product of the matrix with their sum (a jvp); the rows of
    one color by one product from the left (a vjp). The compressed products have the color first, as a batch has its
    axis first: `(colors, m)` of the columns, `(colors, n)` of the rows, for a matrix of shape `(m, n)`. (The papers
    have the colors of columns last.)

    Attributes
    ----------
    kind : str
        "column", "row", "bidirectional", "star" or "acyclic".
    order : str
        The order that it came from; "lattice" if it came from a formula, "distinct" if all colors differ.
    indptr, indices : integer arrays
        The pattern in CSR form, sorted; the numbers of :meth:`data` are in its order.
    shape : tuple
        The shape `(m, n)` of the pattern.
    column_colors, row_colors : integer arrays of shape `(n,)` and `(m,)`
        The color of each column and row from 0 on, -1 for those that are in no product.
    lower_bound : int
        A number of colors that no coloring of this kind and pattern is below.
    """

    kind: str
    order: str
    indptr: np.ndarray = field(repr=False)
    indices: np.ndarray = field(repr=False)
    shape: tuple[int, int]
    column_colors: np.ndarray
    row_colors: np.ndarray
    lower_bound: int

    def __repr__(self) -> str:
        m, n = self.shape
        sides = (
            f"{self.num_column_colors} of columns and {self.num_row_colors} of rows"
            if self.kind == "bidirectional"
            else f"order: {self.order}"
        )
        return (
            f"Coloring({self.kind}, {self.num_colors} colors, {sides}, lower bound {self.lower_bound}, "
            f"of a {m} x {n} pattern with {len(self.indices)} nonzeros)"
        )

    @functools.cached_property
    def num_column_colors(self) -> int:
        """The number of products with vectors: jvps."""
        return int(self.column_colors.max(initial=-1)) + 1

    @functools.cached_property
    def num_row_colors(self) -> int:
        """The number of products from the left: vjps."""
        return int(self.row_colors.max(initial=-1)) + 1

    @property
    def num_colors(self) -> int:
        """The number of products in all."""
        return self.num_column_colors + self.num_row_colors

    def seeds(self, dtype: Any = float) -> Any:
        """The sums of unit vectors to multiply with, a row per color: `(colors, n)` of columns, `(colors, m)` of rows.

        Of a bidirectional coloring both, in this order. Cost: as many numbers; `column_colors` and `row_colors` say the
        same with one each.
        """
        columns = _seeds(self.column_colors, 0, self.num_column_colors, dtype)
        rows = _seeds(self.row_colors, 0, self.num_row_colors, dtype)
        return (columns, rows) if self.kind == "bidirectional" else rows if self.kind == "row" else columns

    def compress(self, matrix: Any) -> Any:
        """The products of a known matrix with the seeds: what :meth:`data` takes."""
        columns, rows = self.seeds(getattr(matrix, "dtype", float)), None
        if self.kind == "bidirectional":
            columns, rows = columns
        if self.kind == "row":
            return np.asarray(columns @ matrix)
        products = np.asarray((matrix @ columns.T).T)
        return products if rows is None else (products, np.asarray(rows @ matrix))

    def data(self, compressed: Any) -> Any:
        """The numbers of the matrix, in the order of `indptr` and `indices`, from the products with the seeds.

        Parameters
        ----------
        compressed : array, or a pair of arrays for a bidirectional coloring
            `(colors, m)` of the columns, `(colors, n)` of the rows. Unless the coloring is acyclic it may be traced.

        Returns
        -------
        array of shape `(nonzeros,)`

        Notes
        -----
        Cost: one `take`. Of an acyclic coloring, one sparse triangular solve, in double precision.

        Raises
        ------
        ValueError
            If the shapes are not those of the products.
        """
        m, n = self.shape
        both = compressed if self.kind == "bidirectional" else (compressed,)
        shapes = {"row": [(self.num_row_colors, n)], "bidirectional": [(self.num_column_colors, m)]}
        expected = shapes.get(self.kind, [(self.num_column_colors, m)])
        if self.kind == "bidirectional":
            expected.append((self.num_row_colors, n))
        if [tuple(np.shape(c)) for c in both] != expected:
            raise ValueError(
                f"coloring: the products should have the shape {' and '.join(map(str, expected))}, a row per color; "
                f"got {' and '.join(str(tuple(np.shape(c))) for c in both)}"
            )
        flat = [np.reshape(c, -1) for c in both]
        products = flat[0] if len(flat) == 1 else np.concatenate(flat)
        if self.kind == "acyclic":
            return self._substitution.entries(np.asarray(products)[self._wanted])
        return np.take(products, self._source)

    def decompress(self, compressed: Any) -> Any:
        """The matrix, a `scipy.sparse.csr_array`, from its products with the seeds (see :meth:`data`)."""
        return self._matrix(self.data(compressed))

    def matrix(
        self,
        jvp: Callable[..., Any] | None = None,
        vjp: Callable[..., Any] | None = None,
        chunk: int | None = None,
        dtype: Any = float,
    ) -> Any:
        """The matrix of a linear map that is known by its products only.

        Parameters
        ----------
        jvp : callable, if there are colors of columns
            Takes vectors `(k, n)`, a row each, and returns the products `(k, m)`.
        vjp : callable, if there are colors of rows
            Takes vectors `(k, m)` and returns their products from the left with the matrix, `(k, n)`; nothing is
            conjugated.
        chunk : int, optional
            How many products at a time; by default so many that seeds and products have about 8 million numbers.
        dtype : dtype
            That of the seeds.

        Returns
        -------
        scipy.sparse.csr_array
            Of the pattern's shape and structure.

        Raises
        ------
        ValueError
            If a callable that is needed is missing, or returns another shape.

        Notes
        -----
        Cost: `num_colors` products, and one pass over the nonzeros. Memory: that of the result and of a chunk.

        Examples
        --------
        >>> import numpy as np
        >>> import chainrule as cr
        >>> A = np.diag([1.0, 2.0, 3.0]) + np.diag([4.0, 5.0], 1)
        >>> colors = cr.coloring(A)
        >>> colors.num_colors
        2
        >>> colors.matrix(lambda vectors: vectors @ A.T).toarray()
        array([[1., 4., 0.],
               [0., 2., 5.],
               [0., 0., 3.]])
        """
        m, n = self.shape
        chunk = max(1, ROOM // max(m + n, 1)) if chunk is None else chunk
        if chunk < 1:
            raise ValueError(f"coloring: chunk is a positive number of products; got {chunk}")
        if chunk >= max(self.num_column_colors, self.num_row_colors):
            columns = self._products("jvp", jvp, 0, self.num_column_colors, dtype)
            rows = self._products("vjp", vjp, 0, self.num_row_colors, dtype)
            return self.decompress(
                (columns, rows) if self.kind == "bidirectional" else rows if self.kind == "row" else columns
            )
        order, bounds = self._by_product
        source, values, done = self._wanted, np.empty(len(order), dtype), 0
        for name, product, number in (("jvp", jvp, self.num_column_colors), ("vjp", vjp, self.num_row_colors)):
            for first in range(0, number, chunk):
                last = min(first + chunk, number)
                found = self._products(name, product, first, last, dtype)
                wanted = order[bounds[done + first] : bounds[done + last]]
                offset = self._start(name) + first * found.shape[1]
                if not np.can_cast(found.dtype, values.dtype, "safe"):
                    values = values.astype(np.result_type(values, found))
                values[wanted] = np.take(found, source[wanted] - offset)
            done += number
        if self.kind == "acyclic":
            return self._matrix(self._substitution.entries(values))
        return self._matrix(values)

    def _products(self, name: str, product: Callable[..., Any] | None, first: int, last: int, dtype: Any) -> np.ndarray:
        """The products of one side with the colors from `first` to before `last`, a row each."""
        m, n = self.shape
        colors, length = (self.column_colors, m) if name == "jvp" else (self.row_colors, n)
        if first == last:
            return np.zeros((0, length), dtype)
        if product is None:
            raise ValueError(f"coloring: a {name} is needed, for the coloring has colors of that side")
        seeds = _seeds(colors, first, last, dtype)
        found = np.asarray(product(seeds))
        if found.shape != (len(seeds), length):
            raise ValueError(
                f"coloring: the {name} of vectors of shape {seeds.shape} should have the shape "
                f"{(len(seeds), length)}; got {found.shape}"
            )
        return found

    # ---- where the numbers are ----------------------------------------------------------------------------------

    def _start(self, side: str) -> int:
        """Where the products of this side begin among all, flattened."""
        return self.num_column_colors * self.shape[0] if side == "vjp" else 0

    @functools.cached_property
    def _rows(self) -> np.ndarray:
        return np.repeat(np.arange(self.shape[0], dtype=self.indices.dtype), np.diff(self.indptr))

    @functools.cached_property
    def _source(self) -> np.ndarray:
        """Of each nonzero, where it is among the products, flattened: those of columns, then those of rows."""
        m, n = self.shape
        i, j = self._rows, self.indices
        if self.kind == "column":
            return self.column_colors[j] * m + i
        if self.kind == "row":
            return self.row_colors[i] * n + j
        color = self.column_colors
        if self.kind == "star":
            here = alone(i, color[j], self.num_column_colors) | (i == j)
            return np.where(here, color[j] * n + i, color[i] * n + j)
        here = (color[j] >= 0) & alone(i, color[j] + 1, self.num_column_colors + 1)
        return np.where(here, color[j] * m + i, self._start("vjp") + self.row_colors[i] * n + j)

    @functools.cached_property
    def _substitution(self) -> Substitution:
        return Substitution(self._rows, self.indices, self.column_colors)

    @functools.cached_property
    def _wanted(self) -> np.ndarray:
        """The places among the products that are read."""
        return self._substitution.places if self.kind == "acyclic" else self._source

    @functools.cached_property
    def _by_product(self) -> tuple[np.ndarray, np.ndarray]:
        """Which of `_wanted` are read from which product: their numbers, product by product, and where each begins."""
        m, n = self.shape
        columns, rows = self.num_column_colors, self.num_row_colors
        starts = np.concatenate([np.arange(columns) * m, columns * m + np.arange(rows + 1) * n])
        product = np.searchsorted(starts, self._wanted, side="right") - 1
        order = np.argsort(product.astype(np.min_scalar_type(columns + rows)), kind="stable")  # 16 bits: by counting
        return order, np.concatenate([[0], np.cumsum(np.bincount(product, minlength=columns + rows))])

    def _matrix(self, data: Any) -> Any:
        import scipy.sparse as sparse

        return sparse.csr_array((data, self.indices, self.indptr), shape=self.shape)


def _seeds(colors: np.ndarray, first: int, last: int, dtype: Any) -> np.ndarray:
    seeds = np.zeros((last - first, len(colors)), dtype)
    chosen = np.flatnonzero((colors >= first) & (colors < last))
    seeds[colors[chosen] - first, chosen] = 1
    return seeds

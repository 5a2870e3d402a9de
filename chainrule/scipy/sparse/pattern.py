"""Where the stored values of a sparse matrix stand, and the two operations that all derivatives of it are made of.

    product   y = A x                    A has the stored values `a`, x is dense
    sample    a[k] = u[i_k] · v[j_k]     the values of the outer product u vᵀ where A stores one: (i_k, j_k)

Both are bilinear, and each gives the cotangents of the other: of `y = A x` that of a is the sample of the cotangent of
y and of x̄, that of x is Āᵀ times the cotangent of y; of a sample, with C the matrix that has its cotangent as stored
values, those of u and v are C v̄ and Cᵀ ū. So no derivative, of whatever order, needs a dense matrix.
"""

import copy
import math
from functools import cache, cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...core import slots
from ...core.primitive import Aval, Primitive, register
from ...core.trace import bind
from ...ops.families import add_up, adjoint, fit, keeps_others, spread
from ...ops.indexing import arrivals, put
from ...ops.subscripts import ARRAY


class Pattern:
    """A sparse matrix without its values. Nothing that it is made of may change."""

    def __init__(self, matrix):
        self.matrix = copy.copy(matrix)
        self.matrix.data = np.broadcast_to(np.zeros((), np.int64), matrix.data.shape)
        self._repeated = {}

    @property
    def shape(self):
        return self.matrix.shape

    @property
    def data_shape(self):
        return self.matrix.data.shape

    @property
    def size(self):
        """How many values are stored, those of a block or a diagonal that lie outside the matrix included."""
        return self.matrix.data.size

    def filled(self, data):
        """The matrix with these values."""
        matrix = copy.copy(self.matrix)
        matrix.data = data
        return matrix

    def tagged(self, start=1):
        """The matrix whose values are the numbers of its places: moving it tells where each value goes."""
        return self.filled(np.arange(start, start + self.size, dtype=np.int64).reshape(self.data_shape))

    @cached_property
    def places(self) -> tuple[Any, Any, Any]:
        """The row and the column of each stored value, and its position in the flattened data; None: all, in order."""
        matrix = self.matrix
        if matrix.format == "coo":
            return matrix.row, matrix.col, None
        if matrix.format in ("csr", "csc"):
            counts = np.diff(matrix.indptr)
            major = np.repeat(np.arange(len(counts), dtype=matrix.indices.dtype), counts)
            return (major, matrix.indices, None) if matrix.format == "csr" else (matrix.indices, major, None)
        coo = self.tagged().tocoo()
        positions = coo.data - 1
        return coo.row, coo.col, None if np.array_equal(positions, np.arange(self.size)) else positions

    @cached_property
    def triples(self):
        """The same in coordinate format: values in a row."""
        row, col, _ = self.places
        return self if self.matrix.format == "coo" else in_coordinates(row, col, self.shape)

    def values(self, data):
        """What stands in `data` at the places, in a row; axes in front are a batch."""
        flat = np.reshape(data, (*data.shape[: data.ndim - len(self.data_shape)], self.size))
        positions = self.places[2]
        return flat if positions is None else flat[..., positions]

    def data(self, values):
        """The inverse of `values`, with zeros where there is no place."""
        lead, positions = values.shape[:-1], self.places[2]
        if positions is not None:
            index = (*(slice(None),) * len(lead), ARRAY)
            values = bind(put, values, positions, index=index, shape=(*lead, self.size))
        return np.reshape(values, (*lead, *self.data_shape))

    def repeated(self, count):
        """Copies of it along the diagonal of a large matrix, in coordinate format."""
        if count not in self._repeated:
            self._repeated[count] = self._copies(count)
        return self._repeated[count]

    def _copies(self, count):
        row, col, _ = self.places
        m, n = self.shape
        step = np.arange(count, dtype=np.int64)[:, None]
        rows, cols = (step * m + row).ravel(), (step * n + col).ravel()
        return in_coordinates(rows, cols, (count * m, count * n))

    def __repr__(self):
        m, n = self.shape
        return f"<{self.matrix.format} {m}x{n}, {self.size} stored>"


def in_coordinates(row, col, shape):
    """The pattern of these places, in coordinate format."""
    return Pattern(sp.coo_array((np.zeros(len(row), np.int8), (row, col)), shape))


def concatenated(x):
    """The examples of a batch on top of each other."""
    return np.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def spread_out(x, on, size):
    """`x` with a batch axis."""
    return x if on else np.broadcast_to(x, (size, *x.shape))


def batch_size(is_batched, x):
    return next(a.shape[0] for a, on in zip(x, is_batched, strict=True) if on)


# ---- y = A x, or Aᵀ x -----------------------------------------------------------------------------------------------


def product_impl(data, x, *, pattern, transposed):
    matrix = pattern.filled(data)
    return (matrix.T if transposed else matrix) @ x


@cache
def product_dtype(*dtypes):
    """What SciPy's product of these has."""
    return (sp.csr_array(np.ones((1, 1), dtypes[0])) @ np.ones(1, dtypes[1])).dtype


def product_aval(data, x, *, pattern, transposed):
    return Aval((pattern.shape[transposed], *x.shape[1:]), product_dtype(data.dtype, x.dtype))


def product_jvp(tangents, y, data, x, **params):
    t_data, t_x = tangents
    return spread(
        add_up(
            (
                None if t_data is None else bind(product, t_data, x, **params),
                None if t_x is None else bind(product, data, t_x, **params),
            )
        ),
        y,
    )


def product_vjp(wanted, ct, y, data, x, *, pattern, transposed):
    ct_data = ct_x = None
    if wanted[0]:
        pair = (adjoint(x), ct) if transposed else (ct, adjoint(x))
        ct_data = fit(bind(sample, *pair, pattern=pattern), data)
    if wanted[1]:
        ct_x = fit(bind(product, adjoint(data), ct, pattern=pattern, transposed=not transposed), x)
    return ct_data, ct_x


def product_batch(is_batched, data, x, *, pattern, transposed):
    on_data, on_x = is_batched
    if not on_data:  # the examples are so many columns
        columns = np.moveaxis(x, 0, -1)
        flat = np.reshape(columns, (columns.shape[0], math.prod(columns.shape[1:])))
        y = bind(product, data, flat, pattern=pattern, transposed=transposed)
        return np.moveaxis(np.reshape(y, (y.shape[0], *columns.shape[1:])), -1, 0)
    count = len(data)
    values = np.ravel(pattern.values(data))
    y = bind(
        product,
        values,
        concatenated(spread_out(x, on_x, count)),
        pattern=pattern.repeated(count),
        transposed=transposed,
    )
    return np.reshape(y, (count, pattern.shape[transposed], *y.shape[1:]))


def product_slots(wanted, y, data, x, *, pattern, transposed):
    """y[i] is the sum of the stored values of row i, each times the x[j] of its column: a slot for each of a row."""
    row, col, at = pattern.places
    row, col = (col, row) if transposed else (row, col)
    at = np.arange(len(row)) if at is None else at
    of_data, of_x = [], []
    for rows, entries in slots_of_rows(row, y.shape[0]):
        placed = slots.Placed((rows, *slots.whole(y.shape[1:])), slots=1)
        there = entries >= 0
        deep = (*entries.shape, *(1,) * (len(y.shape) - 1))

        def filled(source, there=there):
            return np.where(there, source, -1) if len(row) else np.full(there.shape, -1)

        wide = np.broadcast_to(filled(at[entries]).reshape(deep), (*entries.shape, *y.shape[1:]))
        own, other = slots.gathered(wide), slots.Mapped(rows_of, (slots.Contents(filled(col[entries])),), True)
        of_data.append(slots.Link(slots.Chain((own, placed)), lambda col=col[entries]: x[col]))
        of_x.append(
            slots.Link(
                slots.Chain((other, placed)),
                lambda entries=entries, deep=deep: np.reshape(pattern.values(data)[entries], deep),
            )
        )
    return (tuple(of_data) if wanted[0] else (), tuple(of_x) if wanted[1] else ())


def rows_of(x, source):
    """x[:, source], and zeros where source is -1."""
    return np.where((source >= 0).reshape(*source.shape, *(1,) * (x.ndim - 2)), x[:, source], np.zeros((), x.dtype))


def slots_of_rows(row, count):
    """Rows, and for each slot which entry of a row is in it, -1 for none; rows that are much longer by themselves."""
    turn = arrivals(row)
    lengths = np.bincount(row, minlength=count)
    depth = min(int(lengths.max(initial=0)), 2 + 4 * len(row) // max(count, 1))
    long = np.flatnonzero(lengths > depth)
    if len(long) > 64:
        depth, long = int(lengths.max()), long[:0]
    entries = np.full((depth, count), -1)
    short = turn < depth
    short &= ~np.isin(row, long)
    entries[turn[short], row[short]] = np.flatnonzero(short)
    yield range(count), entries
    for i in long:
        yield range(int(i), int(i) + 1), np.flatnonzero(row == i)[:, None]


product = register(
    Primitive(
        "scipy.sparse.product",
        impl=product_impl,
        aval=product_aval,
        jvp=product_jvp,
        vjp=product_vjp,
        saves=keeps_others,
        batch=product_batch,
        slots=product_slots,
    )
)

# ---- a[k] = u[i_k] · v[j_k] -----------------------------------------------------------------------------------------

AT_ONCE = 1 << 18
"""Elements that are gathered at a time."""


def sample_impl(u, v, *, pattern):
    row, col, _ = pattern.places
    if u.ndim == 1:
        return pattern.data(u.take(row) * v.take(col))
    a = np.empty(len(row), np.result_type(u, v))
    step = max(AT_ONCE // max(u.shape[1], 1), 1)
    for k in range(0, len(row), step):
        part = slice(k, k + step)
        np.einsum("kc,kc->k", u.take(row[part], axis=0), v.take(col[part], axis=0), out=a[part])
    return pattern.data(a)


def sample_jvp(tangents, y, u, v, *, pattern):
    t_u, t_v = tangents
    return spread(
        add_up(
            (
                None if t_u is None else bind(sample, t_u, v, pattern=pattern),
                None if t_v is None else bind(sample, u, t_v, pattern=pattern),
            )
        ),
        y,
    )


def sample_vjp(wanted, ct, y, u, v, *, pattern):
    return (
        fit(bind(product, ct, adjoint(v), pattern=pattern, transposed=False), u) if wanted[0] else None,
        fit(bind(product, ct, adjoint(u), pattern=pattern, transposed=True), v) if wanted[1] else None,
    )


def sample_batch(is_batched, u, v, *, pattern):
    count = batch_size(is_batched, (u, v))
    u, v = (concatenated(spread_out(x, on, count)) for x, on in zip((u, v), is_batched, strict=True))
    values = bind(sample, u, v, pattern=pattern.repeated(count))
    return pattern.data(np.reshape(values, (count, pattern.triples.size)))


def sample_slots(wanted, y, u, v, *, pattern):
    row, col, at = pattern.places
    source = np.arange(len(row))
    if at is not None:  # y has places that nothing is stored in
        source = np.full(pattern.size, -1)
        source[at] = np.arange(len(row))
    source = source.reshape(y.shape)

    def links(own, other, own_at, other_at):
        place = np.where(source >= 0, own_at[source], -1) if len(row) else source
        if len(own.shape) == 1:
            return (slots.Link(slots.gathered(place), lambda: other[other_at[source]]),)
        columns = np.arange(own.shape[1]).reshape(-1, *(1,) * len(y.shape))
        spread_out = np.where(place >= 0, place * own.shape[1] + columns, -1)
        return (slots.Link(slots.gathered(spread_out), lambda: np.moveaxis(other[other_at[source]], -1, 0)),)

    return (links(u, v, row, col) if wanted[0] else (), links(v, u, col, row) if wanted[1] else ())


sample = register(
    Primitive(
        "scipy.sparse.sample",
        impl=sample_impl,
        aval=lambda u, v, *, pattern: Aval(pattern.data_shape, np.result_type(u.dtype, v.dtype)),
        jvp=sample_jvp,
        vjp=sample_vjp,
        saves=keeps_others,
        batch=sample_batch,
        slots=sample_slots,
    )
)

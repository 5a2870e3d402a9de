"""Diagonals, triangles and other patterns in a matrix."""

import numpy as np

from ...core.memory import view
from ...core.trace import bind
from ..indexing import put
from ..subscripts import ARRAY
from .tools import array, ndim, one_axis, shape, signature_of


@signature_of(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    n = ndim(a)
    if n < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    i, j = one_axis(axis1, n), one_axis(axis2, n)
    if i == j:
        raise ValueError("axis1 and axis2 cannot be the same")
    rows, columns = shape(a)[i], shape(a)[j]
    count = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    k = np.arange(count)
    last = lambda a: a if (i, j) == (n - 2, n - 1) else np.moveaxis(a, (i, j), (n - 2, n - 1))  # noqa: E731
    read = lambda a: last(a)[..., k + max(0, -offset), k + max(0, offset)]  # noqa: E731
    return view(read(a), a, read)  # in NumPy a read-only view


signature_of(np.linalg.diagonal)(lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))


@signature_of(np.diag)
def diag(v, k=0):
    if ndim(v) == 2:
        return np.diagonal(v, k)
    if ndim(v) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = shape(v)[0]
    i = np.arange(n)
    return bind(put, v, i + max(0, -k), i + max(0, k), index=(ARRAY, ARRAY), shape=(n + abs(k), n + abs(k)))


@signature_of(np.diagflat)
def diagflat(v, k=0):
    return np.diag(np.ravel(v), k)


@signature_of(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


signature_of(np.linalg.trace)(lambda x, /, *, offset=0, dtype=None: np.trace(x, offset, -2, -1, dtype))


def two_axes(m):
    """`m` with at least two axes: of a vector NumPy makes the rows of a square matrix."""
    m = array(m)
    return np.broadcast_to(m, (m.size, m.size)) if m.ndim == 1 else m


@signature_of(np.tril)
def tril(m, k=0):
    m = two_axes(m)
    return np.where(np.tri(*m.shape[-2:], k=k, dtype=bool), m, np.zeros((), m.dtype))


@signature_of(np.triu)
def triu(m, k=0):
    m = two_axes(m)
    return np.where(np.tri(*m.shape[-2:], k=k - 1, dtype=bool), np.zeros((), m.dtype), m)


@signature_of(np.vander)
def vander(x, N=None, increasing=False):
    x = array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    n = x.size if N is None else N
    x = x.astype(np.promote_types(x.dtype, int))
    columns = [np.ones_like(x)][:n]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    if not columns:
        return np.zeros_like(x, shape=(x.size, 0))
    return np.stack(columns if increasing else columns[::-1], axis=1)

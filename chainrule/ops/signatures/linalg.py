"""numpy.linalg: solving, decomposing, norms."""

import functools
import math
import operator
from typing import Any, NamedTuple

import numpy as np

from ...core.trace import bind
from .. import linalg
from ..control import stop_gradient
from .tools import all_axes, array, into, one_axis, signature_of

# ---- what is asked of a matrix --------------------------------------------------------------------------------------


def matrix(a: Any) -> Any:
    a = array(a)
    if len(a.shape) < 2:
        raise np.linalg.LinAlgError(f"{len(a.shape)}-dimensional array given. Array must be at least two-dimensional")
    return a


def square(a: Any) -> Any:
    a = matrix(a)
    if a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return a


def triangle_of(uplo: str) -> str:
    uplo = uplo.upper()
    if uplo not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return uplo


# ---- equations and inverses -----------------------------------------------------------------------------------------


@signature_of(np.linalg.solve)
def solve(a, b):
    a, b = square(a), array(b)
    if len(b.shape) == 1:
        return bind(linalg.solve, a, b[:, None])[..., 0]
    return bind(linalg.solve, a, b)


@signature_of(np.linalg.inv)
def inv(a):
    return bind(linalg.inv, square(a))


@signature_of(np.linalg.tensorsolve)
def tensorsolve(a, b, axes=None):
    a, b = array(a), array(b)
    if axes is not None:
        order = list(range(len(a.shape)))
        for k in axes:
            order.remove(k)
            order.append(k)
        a = np.transpose(a, order)
    free = a.shape[-(len(a.shape) - len(b.shape)) :]
    n = math.prod(free)
    if math.prod(a.shape) != n**2:
        raise np.linalg.LinAlgError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    return np.reshape(np.linalg.solve(np.reshape(a, (n, n)), np.ravel(b)), free)


@signature_of(np.linalg.tensorinv)
def tensorinv(a, ind=2):
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    a = array(a)
    n = math.prod(a.shape[ind:])
    return np.reshape(np.linalg.inv(np.reshape(a, (n, -1))), a.shape[ind:] + a.shape[:ind])


# ---- determinants ---------------------------------------------------------------------------------------------------


class SlogdetResult(NamedTuple):
    """What numpy.linalg.slogdet returns."""

    sign: Any
    logabsdet: Any


@signature_of(np.linalg.det)
def det(a):
    return bind(linalg.det, square(a))


@signature_of(np.linalg.slogdet)
def slogdet(a):
    return SlogdetResult(*bind(linalg.slogdet, square(a)))


# ---- products of matrices -------------------------------------------------------------------------------------------


@signature_of(np.linalg.matrix_power)
def matrix_power(a, n):
    a = square(a)
    try:
        n = operator.index(n)
    except TypeError as e:
        raise TypeError("exponent must be an integer") from e
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape) + np.zeros_like(a)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    power, result = a, None
    while n:
        if n & 1:
            result = power if result is None else np.matmul(result, power)
        n >>= 1
        if n:
            power = np.matmul(power, power)
    return result


@signature_of(np.linalg.multi_dot)
def multi_dot(arrays, *, out=None):
    """In the order of least work."""
    xs = [array(x) for x in arrays]
    if len(xs) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(xs) == 2:
        return np.dot(*xs, out=out)
    first, last = len(xs[0].shape) == 1, len(xs[-1].shape) == 1
    xs[0] = xs[0][None, :] if first else xs[0]
    xs[-1] = xs[-1][:, None] if last else xs[-1]
    for x in xs:
        if len(x.shape) != 2:
            raise np.linalg.LinAlgError(f"{len(x.shape)}-dimensional array given. Array must be two-dimensional")
    sizes = [x.shape[0] for x in xs] + [xs[-1].shape[1]]

    @functools.cache
    def cheapest(i, j):
        """The least number of multiplications for the product of i to j, and where to split it."""
        if i == j:
            return 0, i
        work = sizes[i] * sizes[j + 1]
        return min((cheapest(i, k)[0] + cheapest(k + 1, j)[0] + work * sizes[k + 1], k) for k in range(i, j))

    def product(i, j):
        k = cheapest(i, j)[1]
        return xs[i] if i == j else np.matmul(product(i, k), product(k + 1, j))

    y = product(0, len(xs) - 1)
    y = y[:, 0] if last else y
    return into(out, y[0] if first else y, "numpy.linalg.multi_dot")


# ---- norms ----------------------------------------------------------------------------------------------------------


@signature_of(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    x = array(x)
    if x.dtype.kind not in "fc":
        x = x.astype(float)
    ndim = len(x.shape)
    if axis is None:
        whole = ord is None or (ord in ("f", "fro") and ndim == 2) or (ord == 2 and ndim == 1)
        axes = tuple(range(ndim))
        if whole:
            return euclidean(x, axes, keepdims)
    else:
        axes = tuple(one_axis(a, ndim) for a in (axis if isinstance(axis, tuple) else (operator.index(axis),)))
    if len(axes) == 1:
        return norm_of_vectors(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    return norm_of_matrices(x, ord, axes, keepdims)


def euclidean(x, axes, keepdims):
    x = np.abs(x) if x.dtype.kind == "c" else x
    if not axes:
        return np.abs(x)
    return bind(linalg.length, x, axes=tuple(sorted(axes)), keepdims=bool(keepdims))


def norm_of_vectors(x, ord, axis, keepdims):
    if ord is None or ord == 2:
        return euclidean(x, (axis,), keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    size = np.abs(x)
    if ord == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum((size != 0).astype(size.dtype), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    return power(np.sum(power(size, ord), axis=axis, keepdims=keepdims), 1 / ord)


def power(x, p):
    """x**p for x >= 0, with slope 0 where x is 0 or infinite."""
    inside = (x > 0) & (x < np.inf)
    one = np.ones((), x.dtype)
    with np.errstate(divide="ignore"):
        return np.where(inside, np.where(inside, x, one) ** p, stop_gradient(x) ** p)


def norm_of_matrices(x, ord, axes, keepdims):
    if ord in (None, "fro", "f"):
        return euclidean(x, axes, keepdims)
    rows, columns = axes
    if ord in (2, -2, "nuc"):
        y = of_singular_values(np.linalg.svd(np.moveaxis(x, axes, (-2, -1)), compute_uv=False), ord)
        return np.expand_dims(y, tuple(sorted(axes))) if keepdims else y
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    summed, left = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=summed, keepdims=True)
    y = np.max(sums, axis=left, keepdims=True, initial=0) if ord > 0 else np.min(sums, axis=left, keepdims=True)
    return y if keepdims else np.squeeze(y, axis=axes)


def of_singular_values(s, ord):
    """The largest, the smallest or their sum. Those that are 0 but for rounding have slope 0."""
    if ord == -2:
        return np.min(s, axis=-1)
    floor = np.finfo(s.dtype).eps * np.max(stop_gradient(s), axis=-1, keepdims=True, initial=0)
    s = np.where(s > floor, s, stop_gradient(s))
    return np.max(s, axis=-1, initial=0) if ord == 2 else np.sum(s, axis=-1)


@signature_of(np.linalg.matrix_norm)
def matrix_norm(x, /, *, keepdims=False, ord: Any = "fro"):
    return np.linalg.norm(x, ord=ord, axis=(-2, -1), keepdims=keepdims)


@signature_of(np.linalg.vector_norm)
def vector_norm(x, /, *, axis=None, keepdims=False, ord: Any = 2):
    x = array(x)
    ndim = len(x.shape)
    axes = all_axes(axis, ndim)
    rest = [i for i in range(ndim) if i not in axes]
    count = math.prod(x.shape[i] for i in axes)
    rows = np.reshape(np.transpose(x, (*axes, *rest)), (count, *(x.shape[i] for i in rest)))
    y = np.linalg.norm(rows, ord=ord, axis=0)
    return np.expand_dims(y, axes) if keepdims else y

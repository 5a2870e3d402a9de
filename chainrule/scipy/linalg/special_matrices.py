"""Matrices made of given numbers, and circulant and Toeplitz systems."""

from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg

from ...core.trace import bind
from ...ops.control import check, stop_gradient
from ...ops.families import add_up, blockwise, fit, keeps, spread
from ...ops.signatures.tools import array
from ..namespace import instead_of
from .arguments import common, each, system

# ---- what only places its numbers: SciPy's own function says where, if it is given their positions -------------------


def placed(original: Any, arrays: Any, *args: Any) -> Any:
    """original(*arrays, *args), where every entry of the result is one of the arrays', or zero."""
    arrays = [array(a) for a in arrays]
    ends = np.cumsum([1, *(a.size for a in arrays)])
    labels = [np.arange(start, start + a.size).reshape(a.shape) for a, start in zip(arrays, ends[:-1], strict=True)]
    where = np.asarray(original(*labels, *args)).astype(int)
    dtype = np.result_type(*(a.dtype for a in arrays))
    return np.concatenate([np.zeros(1, dtype), *(np.ravel(a).astype(dtype) for a in arrays)])[where]


def conjugate_or(r: Any, c: Any) -> Any:
    return np.conjugate(c) if r is None else r


@instead_of(scipy.linalg.toeplitz)
def toeplitz(c, r=None):
    """A Toeplitz matrix, linear in its first column and row."""
    c = array(c)
    return placed(scipy.linalg.toeplitz, [c, conjugate_or(r, c)])


@instead_of(scipy.linalg.circulant)
def circulant(c):
    """A circulant matrix, linear in its first column."""
    return placed(scipy.linalg.circulant, [c])


@instead_of(scipy.linalg.hankel)
def hankel(c, r=None):
    """A Hankel matrix, linear in its first column and last row."""
    return placed(scipy.linalg.hankel, [c] if r is None else [c, r])


@instead_of(scipy.linalg.block_diag)
def block_diag(*arrs):
    """A matrix of blocks on the diagonal, linear in them."""
    return placed(scipy.linalg.block_diag, arrs)


@instead_of(scipy.linalg.leslie)
def leslie(f, s):
    """A Leslie matrix, linear in the fecundities and the survival rates."""
    return placed(scipy.linalg.leslie, [f, s])


@instead_of(scipy.linalg.convolution_matrix)
def convolution_matrix(a, n, mode="full"):
    """The matrix of a convolution, linear in `a`."""
    return placed(scipy.linalg.convolution_matrix, [a], n, mode)


# ---- what computes a little -----------------------------------------------------------------------------------------


def leading(a: Any, message: str) -> Any:
    bind(check, a[..., :1] != 0, error=ValueError, message=message)
    return a[..., :1]


@instead_of(scipy.linalg.companion)
def companion(a):
    """The companion matrix of a polynomial."""
    a = np.atleast_1d(array(a))
    n = a.shape[-1]
    if n < 2:
        raise ValueError("The length of `a` along the last axis must be at least 2.")
    row = -a[..., 1:] / (1.0 * leading(a, "The first coefficient(s) of `a` must not be zero."))
    ones = np.broadcast_to(np.eye(n - 2, n - 1, dtype=row.dtype), (*a.shape[:-1], n - 2, n - 1))
    return np.concatenate([row[..., None, :], ones], axis=-2)


@instead_of(scipy.linalg.fiedler_companion)
def fiedler_companion(a):
    """The Fiedler companion matrix of a polynomial."""
    a = np.atleast_1d(array(a))
    n = a.shape[-1]
    if n < 2:
        return scipy.linalg.fiedler_companion(np.zeros(a.shape))
    a = a / leading(a, "Leading coefficient is zero.")
    where = np.abs(scipy.linalg.fiedler_companion(np.arange(1, n + 1))).astype(int)
    fixed = np.broadcast_to(np.arange(2).astype(a.dtype), (*a.shape[:-1], 2))
    return np.concatenate([fixed, -a[..., 1:]], axis=-1)[..., where]


@instead_of(scipy.linalg.fiedler)
def fiedler(a):
    """The distances of given numbers from each other; the slope at equal ones is zero."""
    a = np.atleast_1d(array(a))
    if a.size == 0:
        return np.zeros(0)
    return np.abs(a[..., :, None] - a[..., None, :]) if a.size > 1 else np.zeros((1, 1))


@instead_of(scipy.linalg.khatri_rao)
def khatri_rao(a, b):
    """The Kronecker products of the columns."""
    a, b = array(a), array(b)
    if len(a.shape) < 2 or len(b.shape) < 2:
        raise ValueError("The both arrays should be 2-dimensional.")
    if a.shape[-1] != b.shape[-1]:
        raise ValueError("The number of columns for both arrays should be equal.")
    c = a[..., :, None, :] * b[..., None, :, :]
    return np.reshape(c, (*c.shape[:-3], c.shape[-3] * c.shape[-2], c.shape[-1]))


def kron(a, b):
    """The Kronecker product."""
    return np.kron(a, b)


of_older_releases = {
    name: instead_of(getattr(scipy.linalg, name))(function)
    for name, function in {"kron": kron}.items()
    if hasattr(scipy.linalg, name)
}


@instead_of(scipy.linalg.clarkson_woodruff_transform)
def clarkson_woodruff_transform(input_matrix, sketch_size, rng=None, **seed):
    """A random sketch of a matrix, linear in it."""
    a = array(input_matrix)
    return scipy.linalg.clarkson_woodruff_transform(np.eye(a.shape[-2]), sketch_size, rng, **seed) @ a


# ---- circulant systems ----------------------------------------------------------------------------------------------


def length(name, a, axis):
    if not -len(a.shape) <= axis < len(a.shape):
        raise ValueError(f"'{name}axis' entry is out of bounds")
    return a.shape[axis]


@instead_of(scipy.linalg.solve_circulant)
def solve_circulant(c, b, singular="raise", tol=None, caxis=-1, baxis=0, outaxis=0):
    """Solves a circulant system, differentiable in `c` and `b`; which frequencies count as zero is constant."""
    c, b = np.atleast_1d(array(c)), np.atleast_1d(array(b))
    n = length("c", c, caxis)
    if n != length("b", b, baxis):
        raise ValueError(f"Shapes of c {c.shape} and b {b.shape} are incompatible")
    fc = np.fft.fft(np.moveaxis(c, caxis, -1), axis=-1)
    fb = np.fft.fft(np.moveaxis(b, baxis, -1), axis=-1)
    size = np.abs(stop_gradient(fc))
    if tol is None:
        tol = np.max(size, axis=-1, keepdims=True, initial=0) * n * np.finfo(np.float64).eps
    zero = size <= tol
    if singular == "raise":
        bind(check, ~zero, error=np.linalg.LinAlgError, message="near singular circulant matrix.")
        q = fb / fc
    else:
        q = np.where(zero, np.zeros((), fc.dtype), fb / np.where(zero, np.ones((), fc.dtype), fc))
    x = np.fft.ifft(q, axis=-1)
    x = x if c.dtype.kind == "c" or b.dtype.kind == "c" else np.real(x)
    return np.moveaxis(x, -1, outaxis)


# ---- Toeplitz systems: T Y = B, where T_ij = t[i - j] for the column c and the row r of T ---------------------------
# dY = T⁻¹ (dB - dT Y). With Tᴴ z = g the cotangent of B is z, that of t[k] the sum of -z_i conj(y_j) over i - j = k.
# Tᴴ has the conjugate row of T for its column.


def column_and_row(c_or_cr: Any) -> tuple[Any, Any]:
    if isinstance(c_or_cr, tuple):
        c, r = c_or_cr
        return array(c), array(r)
    c = array(c_or_cr)
    return c, np.conjugate(c)


def toeplitz_of(c, r, b):
    c, r, b = (np.array(x) for x in (c, r, b))  # older SciPy asks for arrays that may be written into
    return scipy.linalg.solve_toeplitz((c, r), b, check_finite=False)


def toeplitz_jvp(tangents, y, c, r, b):
    dc, dr, db = tangents
    change = None
    if dc is not None or dr is not None:
        change = -product(np.zeros_like(c) if dc is None else dc, np.zeros_like(r) if dr is None else dr, y)
    return spread(bind(levinson, c, r, add_up((db, change))), y)


def toeplitz_vjp(wanted, ct, y, c, r, b):
    n = c.shape[-1]
    lead = np.broadcast_shapes(c.shape, r.shape)
    row = np.concatenate([np.broadcast_to(c, lead)[..., :1], np.broadcast_to(r, lead)[..., 1:]], axis=-1)
    z = bind(levinson, np.conjugate(row), np.conjugate(c), ct)
    if not (wanted[0] or wanted[1]):
        return None, None, fit(z, b)
    size = scipy.fft.next_fast_len(2 * n)
    spectrum = np.fft.fft(z, size, axis=-2) * np.conjugate(np.fft.fft(y, size, axis=-2))
    sums = -np.sum(np.fft.ifft(spectrum, axis=-2), axis=-1)
    of_r = np.concatenate([np.zeros_like(sums[..., :1]), sums[..., :-n:-1]], axis=-1)
    return (
        fit(sums[..., :n], c) if wanted[0] else None,
        fit(of_r, r) if wanted[1] else None,
        fit(z, b) if wanted[2] else None,
    )


levinson = blockwise(
    each(1, 1, 2)(toeplitz_of),
    name="scipy.linalg.solve_toeplitz",
    signature="(n),(n),(n,k)->(n,k)",
    jvp=toeplitz_jvp,
    vjp=toeplitz_vjp,
    saves=keeps((0, 1, "y"), (0, 1, "y"), (0, 1)),
)


def product(c: Any, r: Any, x: Any) -> Any:
    """The product of a Toeplitz matrix and a matrix, by the circulant matrix that it is a corner of."""
    n, m = c.shape[-1], r.shape[-1]
    lead = np.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    c, r = np.broadcast_to(c, (*lead, n)), np.broadcast_to(r, (*lead, m))
    whole = np.concatenate([c, r[..., :0:-1]], axis=-1)[..., None]
    if whole.dtype.kind == "c" or x.dtype.kind == "c":
        spectrum = np.fft.fft(whole, axis=-2) * np.fft.fft(x, n + m - 1, axis=-2)
        return np.fft.ifft(spectrum, axis=-2)[..., :n, :]
    spectrum = np.fft.rfft(whole, axis=-2) * np.fft.rfft(x, n + m - 1, axis=-2)
    return np.fft.irfft(spectrum, n + m - 1, axis=-2)[..., :n, :]


@instead_of(scipy.linalg.matmul_toeplitz)
def matmul_toeplitz(c_or_cr, x, check_finite=False, workers=None):
    """The product of a Toeplitz matrix and a matrix, differentiable in both."""
    c, r = column_and_row(c_or_cr)
    c, r, x, _ = common(c, r, x, np.zeros(0), finite=check_finite)  # SciPy computes it in double precision
    vector = len(x.shape) == 1
    x = x[:, None] if vector else x
    if x.shape[-2] != r.shape[-1]:
        raise ValueError("Incompatible dimensions.")
    y = product(c, r, x)
    return y[..., 0] if vector else y


@instead_of(scipy.linalg.solve_toeplitz)
def solve_toeplitz(c_or_cr, b, check_finite=True):
    """Solves a Toeplitz system, differentiable in its first column and row and in `b`."""
    c, r = column_and_row(c_or_cr)
    c, r, b, _ = common(c, r, b, np.zeros(0), finite=check_finite)  # SciPy computes it in double precision
    if c.shape[-1:] != r.shape[-1:]:
        raise ValueError("Incompatible dimensions.")
    _, b, back = system(c[..., None, :], b)
    return back(bind(levinson, c, r, b))

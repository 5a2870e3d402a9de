"""numpy.linalg: decompositions, and what is made of them."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import LostGradientError
from ...core.trace import Tracer, bind, concrete
from .. import decompositions, linalg
from ..control import stop_gradient
from ..linalg import hermitian
from .linalg import matrix, square, triangle_of
from .tools import NO, array, refuse, signature_of

# ---- what NumPy's named results are called --------------------------------------------------------------------------


class EigResult(NamedTuple):
    """What numpy.linalg.eig returns."""

    eigenvalues: Any
    eigenvectors: Any


class EighResult(NamedTuple):
    """What numpy.linalg.eigh returns."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """What numpy.linalg.qr returns."""

    Q: Any
    R: Any


class SVDResult(NamedTuple):
    """What numpy.linalg.svd returns."""

    U: Any
    S: Any
    Vh: Any


# ---- decompositions -------------------------------------------------------------------------------------------------


@signature_of(np.linalg.cholesky)
def cholesky(a, /, *, upper=False):
    lower = bind(decompositions.cholesky, square(a), uplo="U" if upper else "L")
    return hermitian(lower) if upper else lower


@signature_of(np.linalg.qr)
def qr(a, mode="reduced"):
    a = matrix(a)
    rows, columns = a.shape[-2:]
    if mode in ("f", "full"):
        warnings.warn("The 'full' option is deprecated in favor of 'reduced'.", DeprecationWarning, stacklevel=4)
        mode = "reduced"
    if mode in ("raw", "e", "economic"):
        raise refuse("numpy.linalg.qr", f"mode='{mode}' gives LAPACK's own data: use 'reduced'")
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = bind(decompositions.qr, a[..., :rows], p=rows if mode == "complete" else min(rows, columns))
    if columns > rows:
        r = np.concatenate([r, hermitian(q) @ a[..., rows:]], axis=-1)
    return r if mode == "r" else QRResult(q, r)


@signature_of(np.linalg.eigh)
def eigh(a, UPLO="L"):
    return EighResult(*bind(decompositions.eigh, square(a), uplo=triangle_of(UPLO)))


@signature_of(np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    return bind(decompositions.eigvalsh, square(a), uplo=triangle_of(UPLO))


@signature_of(np.linalg.eig)
def eig(a):
    a = square(a)
    w, v = bind(decompositions.eig, a)
    return EigResult(np.real(w), np.real(v)) if are_real(w, a) else EigResult(w, v)


@signature_of(np.linalg.eigvals)
def eigvals(a):
    a = square(a)
    w = bind(decompositions.eigvals, a)
    return np.real(w) if are_real(w, a) else w


def are_real(w: Any, a: Any) -> bool:
    """Whether NumPy would give these eigenvalues of `a` as real numbers, which depends on their values."""
    try:
        return a.dtype.kind != "c" and bool(np.all(np.imag(w) == 0))
    except LostGradientError:  # of a batch, where it differs from example to example
        return False


@signature_of(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    a = matrix(a)
    if hermitian:
        return of_eigenvalues(square(a), compute_uv)
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    if not compute_uv:
        return bind(decompositions.svdvals, a, k=k)
    p, q = (rows, columns) if full_matrices else (k, k)
    return SVDResult(*bind(decompositions.svd, a, k=k, p=p, q=q))


def of_eigenvalues(a, compute_uv):
    """The singular value decomposition of a Hermitian matrix, read from its lower triangle."""
    if not compute_uv:
        return np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1)[..., ::-1]
    w, u = np.linalg.eigh(a)
    order = np.argsort(np.abs(w), axis=-1)[..., ::-1]
    w, u = np.take_along_axis(w, order, axis=-1), np.take_along_axis(u, order[..., None, :], axis=-1)
    return SVDResult(u, np.abs(w), hermitian(u * np.copysign(1.0, w)[..., None, :]))


@signature_of(np.linalg.svdvals)
def svdvals(x, /):
    return svd(x, compute_uv=False)


# ---- what is made of them -------------------------------------------------------------------------------------------


@signature_of(np.linalg.pinv)
def pinv(a, rcond=None, hermitian=False, *, rtol=NO):
    a = matrix(a)
    if rcond is None:
        rcond = 1e-15 if rtol is NO else max(a.shape[-2:]) * np.finfo(real_dtype(a)).eps if rtol is None else rtol
    elif rtol is not NO:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if hermitian:
        a = linalg.whole(square(a), "L")
    if not all(a.shape[-2:]):
        return np.zeros_like(a, shape=(*a.shape[:-2], a.shape[-1], a.shape[-2]))
    return bind(decompositions.pinv, a, rtol=concrete(rcond, "numpy.linalg.pinv: rtol="))


def real_dtype(a: Any) -> np.dtype:
    return linalg.real_part_of(linalg.floating(a))


@signature_of(np.linalg.lstsq)
def lstsq(a, b, rcond=None):
    """The rank is constant, and so is which singular values count."""
    a, b = array(a), array(b)
    if len(a.shape) != 2 or len(b.shape) not in (1, 2):
        raise np.linalg.LinAlgError(f"lstsq: arrays of {len(a.shape)} and {len(b.shape)} dimensions were given, for 2")
    if a.shape[0] != b.shape[0]:
        raise np.linalg.LinAlgError("Incompatible dimensions")
    a, b = a.astype(linalg.floating(a, b)), b.astype(linalg.floating(a, b))
    rows, columns = a.shape
    eps = np.finfo(np.float64).eps  # NumPy computes it in double precision
    rtol = max(rows, columns) * eps if rcond is None else concrete(rcond, "numpy.linalg.lstsq: rcond=")
    rtol = rtol if 0 <= rtol < 1 else eps  # as LAPACK reads it
    matrix_b = b if len(b.shape) == 2 else b[:, None]
    x = bind(decompositions.lstsq, a, matrix_b, rtol=rtol)
    s = np.linalg.svdvals(a)
    rank = matrix_rank(a, rtol=rtol)
    errors = np.sum(np.abs(matrix_b - a @ x) ** 2, axis=0)
    errors = errors if columns < rows and is_of_rank(columns, rank) else errors[:0]
    return x if len(b.shape) == 2 else x[:, 0], errors, rank.astype(np.int32), s


def is_of_rank(n: int, rank: Any) -> bool:
    try:
        return bool(rank == n)
    except LostGradientError:  # of a batch, where it may differ from example to example, but its shape may not
        return True


@signature_of(np.linalg.matrix_rank)
def matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    A, tol, rtol = stop_gradient((array(A), tol, rtol))
    if not any(isinstance(x, Tracer) for x in (A, tol, rtol)):
        return np.linalg.matrix_rank(A, tol, hermitian, rtol=rtol)
    if len(A.shape) < 2:
        return np.any(A != 0).astype(int)
    s = np.linalg.svd(A, compute_uv=False, hermitian=hermitian)
    if tol is None:
        share = max(A.shape[-2:]) * np.finfo(s.dtype).eps if rtol is None else array(rtol)[..., None]
        tol = np.max(s, axis=-1, keepdims=True, initial=0) * share
    else:
        tol = array(tol)[..., None]
    return np.sum(s > tol, axis=-1)


@signature_of(np.linalg.cond)
def cond(x, p=None):
    x = matrix(x)
    if not all(x.shape[-2:]):
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        above, below = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        regular = below != 0
        ratio = above / np.where(regular, below, np.ones_like(below))
    else:
        regular = np.linalg.slogdet(stop_gradient(square(x)))[0] != 0
        x = np.where(regular[..., None, None], x, np.eye(x.shape[-1], dtype=x.dtype))
        ratio = np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))
    return np.where(regular, ratio, np.inf)

"""Singular values and vectors, and what is made of them: pseudoinverses, least squares, bases, angles; and norms.

The rules are those of ops/decompositions.py.
"""

from typing import Any

import numpy as np
import scipy.linalg

from ...core.primitive import keeps_output
from ...core.trace import bind, concrete
from ...ops import decompositions
from ...ops.control import stop_gradient
from ...ops.decompositions import assure
from ...ops.families import blockwise, keeps
from ...ops.linalg import hermitian, real_part_of, whole
from ...ops.signatures.tools import array, ndim
from ..namespace import instead_of
from .arguments import common, each, is_true, matrix, of_all, square, system
from .factors import orthogonal

# ---- singular value decomposition -----------------------------------------------------------------------------------


def svd_of(a, *, k, p, q, driver):
    return tuple(scipy.linalg.svd(a, p + q > 2 * k, check_finite=False, lapack_driver=driver))


def of_svd(rule):
    return lambda *args, driver, **sizes: rule(*args, **sizes)


decomposition = blockwise(
    each(2)(svd_of),
    name="scipy.linalg.svd",
    signature="(m,n)->(m,p),(k),(q,n)",
    jvp=of_svd(decompositions.svd_jvp),
    vjp=of_svd(decompositions.svd_vjp),
    saves=keeps_output,
    dtype=lambda a, **how: (a.dtype, real_part_of(a.dtype), a.dtype),
    multi=True,
)

values = blockwise(
    each(2)(lambda a, *, k, driver: scipy.linalg.svd(a, compute_uv=False, check_finite=False, lapack_driver=driver)),
    name="scipy.linalg.svdvals",
    signature="(m,n)->(k)",
    jvp=of_svd(decompositions.svdvals_jvp),
    vjp=of_svd(decompositions.svdvals_vjp),
    saves=keeps((0,)),
    dtype=lambda a, **how: real_part_of(a.dtype),
)


@instead_of(scipy.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, overwrite_a=False, check_finite=True, lapack_driver="gesdd"):
    """The singular value decomposition. The vectors are differentiable where the values are distinct."""
    if not isinstance(lapack_driver, str):
        raise TypeError("lapack_driver must be a string")
    if lapack_driver not in ("gesdd", "gesvd"):
        raise ValueError(f'lapack_driver must be "gesdd" or "gesvd", not "{lapack_driver}"')
    return parts(matrix(a, check_finite), full_matrices, compute_uv, lapack_driver)


def parts(a: Any, full: Any, vectors: Any = True, driver: str = "gesdd") -> Any:
    m, n = a.shape[-2:]
    k = min(m, n)
    if not vectors:
        return bind(values, a, k=k, driver=driver)
    p, q = (m, n) if full else (k, k)
    return tuple(bind(decomposition, a, k=k, p=p, q=q, driver=driver))


@instead_of(scipy.linalg.svdvals)
def svdvals(a, overwrite_a=False, check_finite=True):
    """The singular values, differentiable where they are not zero."""
    return parts(matrix(a, check_finite), True, False)


@instead_of(scipy.linalg.diagsvd)
def diagsvd(s, M, N):
    """The matrix with the singular values `s` on its diagonal."""
    s = array(s)
    k = s.shape[-1]
    if k not in (M, N):
        raise ValueError("Length of s must be M or N.")
    return s[..., :, None] * np.eye(k, N, dtype=s.dtype) if k == M else np.eye(M, k, dtype=s.dtype) * s[..., None, :]


# ---- bases of the range and of the null space -----------------------------------------------------------------------


def rank_of(s: Any, tolerance: Any) -> int:
    """How many of the singular values count, which must be the same for all matrices of a stack."""
    ranks = sorted({int(r) for r in np.ravel(of_all(np.sum(stop_gradient(s) > tolerance, axis=-1)))})
    if len(ranks) > 1:
        raise ValueError(f"all matrices of a stack must have the same rank; these have the ranks {ranks}")
    return ranks[0] if ranks else s.shape[-1]


def tolerance_of(s: Any, shape: Any, rcond: Any) -> Any:
    rcond = np.finfo(s.dtype).eps * max(shape[-2:]) if rcond is None else concrete(rcond, "scipy.linalg: rcond=")
    return np.max(stop_gradient(s), axis=-1, keepdims=True, initial=0.0) * rcond


@instead_of(scipy.linalg.orth)
def orth(A, rcond=None):
    """An orthonormal basis of the range: left singular vectors, differentiable as those are; the rank is constant."""
    a = matrix(A)
    u, s, _ = parts(a, False)
    return u[..., : rank_of(s, tolerance_of(s, a.shape, rcond))]


@instead_of(scipy.linalg.null_space)
def null_space(A, rcond=None, *, overwrite_a=False, check_finite=True, lapack_driver="gesdd"):
    """An orthonormal basis of the null space. The rank is constant.

    The matrix determines the space, not the basis: functions of the space, such as z zᴴ, have a derivative.
    """
    a = matrix(A, check_finite)
    _, s, vh = parts(a, True, driver=lapack_driver)
    return hermitian(vh[..., rank_of(s, tolerance_of(s, a.shape, rcond)) :, :])


@instead_of(scipy.linalg.subspace_angles)
def subspace_angles(A, B):
    """The angles between two ranges, from the largest on, differentiable where they are distinct and not zero.

    The columns of each matrix must be independent.
    """
    A, B = common(A, B, finite=True)
    if len(A.shape) < 2 or len(B.shape) < 2:
        raise ValueError(f"expected 2D arrays, got shapes {A.shape} and {B.shape}")
    if A.shape[-2] != B.shape[-2]:
        raise ValueError(f"A and B must have the same number of rows, got {A.shape[-2]} and {B.shape[-2]}")
    for x in (A, B):
        s = parts(stop_gradient(x), False, False)
        assure(
            s > tolerance_of(s, x.shape, None) if x.shape[-1] <= x.shape[-2] else np.zeros(1, bool),
            "scipy.linalg.subspace_angles: the columns of a matrix are not independent: take those of a basis",
        )
    a, b = (orthogonal(x, False)[0] for x in (A, B))
    inner = hermitian(a) @ b
    cosines = parts(inner, False, False)[..., ::-1]
    rest = b - a @ inner if a.shape[-1] >= b.shape[-1] else a - b @ hermitian(inner)
    sines = parts(rest, False, False)
    near = stop_gradient(cosines) ** 2 >= 0.5
    return np.where(near, np.arcsin(np.where(near, sines, 0)), np.arccos(np.where(near, 0, cosines)))


# ---- pseudoinverses -------------------------------------------------------------------------------------------------


def pinv_of(a, *, atol, rtol, is_hermitian):
    function = scipy.linalg.pinvh if is_hermitian else scipy.linalg.pinv
    return function(a, atol=atol, rtol=rtol, check_finite=False)


def of_pinv(rule):
    return lambda *args, **how: rule(*args, rtol=None)


pseudoinverse = blockwise(
    each(2)(pinv_of),
    name="scipy.linalg.pinv",
    signature="(m,n)->(n,m)",
    jvp=of_pinv(decompositions.pinv_jvp),
    vjp=of_pinv(decompositions.pinv_vjp),
    saves=keeps((0, "y")),
    dtype=lambda a, **how: a.dtype,
)


def pinv_and_rank(a, atol, rtol, return_rank, is_hermitian):
    atol, rtol = (None if x is None else float(concrete(x, "scipy.linalg.pinv: atol=, rtol=")) for x in (atol, rtol))
    y = bind(pseudoinverse, a, atol=atol, rtol=rtol, is_hermitian=is_hermitian)
    if not return_rank:
        return y
    s = parts(stop_gradient(a), False, False)
    cut = (atol or 0.0) + tolerance_of(s, a.shape, rtol)
    return y, np.sum(s > cut, axis=-1)


@instead_of(scipy.linalg.pinv)
def pinv(a, *, atol=None, rtol=None, return_rank=False, check_finite=True):
    """The pseudoinverse, differentiable among matrices of the same rank."""
    return pinv_and_rank(matrix(a, check_finite), atol, rtol, return_rank, False)


@instead_of(scipy.linalg.pinvh)
def pinvh(a, atol=None, rtol=None, lower=True, return_rank=False, check_finite=True):
    """The pseudoinverse of a Hermitian matrix, of which one triangle is read."""
    a = whole(square(a, check_finite), "L" if lower else "U")
    return pinv_and_rank(a, atol, rtol, return_rank, True)


# ---- least squares --------------------------------------------------------------------------------------------------


def lstsq_of(a, b, *, rtol, driver):
    results: Any = scipy.linalg.lstsq(a, b, rtol, check_finite=False, lapack_driver=driver)
    return results[0]


def of_lstsq(rule):
    return lambda *args, rtol, driver: rule(*args, rtol=rtol)


least_squares = blockwise(
    each(2, 2)(lstsq_of),
    name="scipy.linalg.lstsq",
    signature="(m,n),(m,k)->(n,k)",
    jvp=of_lstsq(decompositions.lstsq_jvp),
    vjp=of_lstsq(decompositions.lstsq_vjp),
    saves=keeps((0, 1, "y"), (0,)),
)


@instead_of(scipy.linalg.lstsq)
def lstsq(a, b, cond=None, overwrite_a=False, overwrite_b=False, check_finite=True, lapack_driver=None):
    """Least squares of minimum norm. The rank is constant, and so is which singular values count.

    The solution, the residues and the singular values are differentiable.
    """
    vector = ndim(b) == 1
    a, b, back = system(a, b, check_finite, rows=-2)
    m, n = a.shape[-2:]
    eps = float(np.finfo(a.dtype).eps)
    default = scipy.linalg.lstsq.default_lapack_driver  # pyright: ignore[reportFunctionMemberAccess]
    driver = default if lapack_driver is None else lapack_driver
    if driver not in ("gelsd", "gelsy", "gelss"):
        raise ValueError(f'LAPACK driver "{driver}" is not found')
    rtol = eps if cond is None else float(concrete(cond, "scipy.linalg.lstsq: cond="))
    rtol = rtol if rtol >= 0 else eps  # as LAPACK reads it
    if not m or not n:
        x, residues = np.zeros_like(b, shape=(*b.shape[:-2], n, b.shape[-1])), np.empty((0,))
        return back(x), residues if n else back_row(np.sum(np.abs(b) ** 2, axis=-2), vector), 0, np.empty((0,))
    x = bind(least_squares, a, b, rtol=rtol, driver=driver)
    s = parts(a, False, False)
    rank = np.sum(stop_gradient(s) > tolerance_of(s, a.shape, rtol), axis=-1)
    residues = np.empty((0,), x.dtype)
    if m > n and driver != "gelsy" and is_true(rank == n):
        residues = back_row(np.sum(np.abs(b - a @ x) ** 2, axis=-2), vector)
    return back(x), residues, rank, None if driver == "gelsy" else s


def back_row(x: Any, vector: bool) -> Any:
    """One number for each right-hand side; the only one, if it was a vector."""
    return x[..., 0] if vector else x


# ---- norms ----------------------------------------------------------------------------------------------------------


@instead_of(scipy.linalg.norm)
def norm(a, ord=None, axis=None, keepdims=False, check_finite=True):
    """Norms of vectors and matrices; at a kink the slope is that of numpy.linalg.norm."""
    (a,) = common(a, finite=check_finite)
    if len(a.shape) != 1 or axis is not None or keepdims or ord not in (None, 2):
        return np.linalg.norm(a, ord=ord, axis=axis, keepdims=keepdims)
    most = np.max(np.abs(stop_gradient(a)), initial=0)
    usual = (most > 0) & (most < np.inf)
    scale = np.exp2(np.floor(np.log2(np.where(usual, most, 1)))).astype(
        most.dtype
    )  # squares neither overflow nor vanish
    return scale * np.linalg.norm(a / scale)

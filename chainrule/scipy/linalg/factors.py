"""Triangular, orthogonal and unitary factors of matrices: Cholesky, LU, QR, polar."""

from typing import Any

import numpy as np
import scipy.linalg

from ...core.primitive import keeps_nothing, keeps_output
from ...core.trace import bind
from ...ops import decompositions
from ...ops.control import stop_gradient
from ...ops.decompositions import assure, over, skew
from ...ops.families import blockwise, fit, keeps, spread
from ...ops.linalg import diagonal, hermitian
from ..namespace import instead_of
from .arguments import common, each, matrix, refuse, square, system
from .equations import sylvester
from .solving import with_triangle

# ---- Cholesky: the rules are those of ops/decompositions.py ---------------------------------------------------------


def cholesky_of(a, *, uplo):
    lower = uplo == "L"
    factor = scipy.linalg.cholesky(a, lower=lower, check_finite=False)
    return factor if lower else factor.conj().T


cholesky_lower = blockwise(
    each(2)(cholesky_of),
    name="scipy.linalg.cholesky",
    signature="(m,m)->(m,m)",
    jvp=decompositions.cholesky_jvp,
    vjp=decompositions.cholesky_vjp,
    saves=keeps_output,
    dtype=lambda a, uplo: a.dtype,
)


def lower_factor(a: Any) -> Any:
    """The lower Cholesky factor of the matrix that the lower triangle of `a` tells."""
    return bind(cholesky_lower, a, uplo="L")


@instead_of(scipy.linalg.cholesky)
def cholesky(a, lower=False, overwrite_a=False, check_finite=True):
    """The Cholesky factor, differentiable in the triangle of `a` that is read."""
    factor = bind(cholesky_lower, square(a, check_finite), uplo="L" if lower else "U")
    return factor if lower else hermitian(factor)


@instead_of(scipy.linalg.cho_factor)
def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """The Cholesky factor, with what `a` has in the other triangle. It is differentiable."""
    a = square(a, check_finite)
    factor = bind(cholesky_lower, a, uplo="L" if lower else "U")
    return (factor + np.triu(a, 1) if lower else hermitian(factor) + np.tril(a, -1)), lower


@instead_of(scipy.linalg.cho_solve)
def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """Solves a x = b from the Cholesky factor of a, differentiable in one triangle of the factor and in `b`."""
    c, lower = c_and_lower
    c, b, back = system(c, b, check_finite)
    c = square(c)
    first, second = (0, 2) if lower else (2, 0)
    return back(with_triangle(c, with_triangle(c, b, first, lower), second, lower))


# ---- LU: A, with its rows interchanged, is L U; the interchanges are constant ---------------------------------------
# Columns of the identity fill L up to a square matrix, rows of it U. Then M = L⁻¹ dA U⁻¹ is tril(M, -1), which belongs
# to L, and triu(M), which belongs to U: dL = L tril(M, -1), dU = triu(M) U. L and U are kept in one matrix, with the
# cotangent g. So c = L⁻ᴴ (tril(Lᴴ g, -1) + triu(g Uᴴ)) U⁻ᴴ.


def lu_of(a, *, k):
    lu, piv = scipy.linalg.lu_factor(a, check_finite=False)
    return lu, piv.astype(np.int32)


def filled(lu):
    """L and U as square matrices."""
    m, n = lu.shape[-2:]
    k = min(m, n)
    zeros = np.zeros(lu.shape[:-2], lu.dtype)[..., None, None]
    low = np.tril(lu, -1)[..., :k] + np.eye(m, k, dtype=lu.dtype)
    up = np.triu(lu)[..., :k, :]
    low = np.concatenate([low, np.eye(m, dtype=lu.dtype)[:, k:] + zeros], axis=-1) if m > k else low
    up = np.concatenate([up, np.eye(n, dtype=lu.dtype)[k:] + zeros], axis=-2) if n > k else up
    return low, up


def over_upper(x, up, trans):
    """x U⁻¹ for trans=2, x U⁻ᴴ for trans=0."""
    return hermitian(with_triangle(up, hermitian(x), trans, False))


def lu_jvp(tangents, y, a, *, k):
    lu, piv = y
    low, up = filled(lu)
    da = rows(tangents[0], order_of(piv, a.shape[-2]))
    m = over_upper(with_triangle(low, da, 0, True, True), up, 2)
    return spread(low @ np.tril(m, -1) + np.triu(m) @ up, lu), None


def lu_vjp(wanted, ct, y, a, *, k):
    (lu, piv), g = y, ct[0]
    low, up = filled(lu)
    inner = np.tril(hermitian(low) @ g, -1) + np.triu(g @ hermitian(up))
    c = over_upper(with_triangle(low, inner, 2, True, True), up, 0)
    return (fit(rows(c, np.argsort(order_of(piv, a.shape[-2]), axis=-1)), a),)


packed = blockwise(
    each(2)(lu_of),
    name="scipy.linalg.lu_factor",
    signature="(m,n)->(m,n),(k)",
    jvp=lu_jvp,
    vjp=lu_vjp,
    saves=keeps_output,
    dtype=lambda a, k: (a.dtype, np.dtype(np.int32)),
    multi=True,
)


def order_of_rows(piv, *, m):
    """The order of the rows after LAPACK's interchanges."""
    order = np.arange(m)
    for i, k in enumerate(piv):
        order[[i, k]] = order[[k, i]]
    return order


interchanged = blockwise(
    each(1)(order_of_rows),
    name="scipy.linalg.order_of_rows",
    signature="(k)->(m)",
    jvp=None,
    vjp=None,
    saves=keeps_nothing,
    dtype=lambda piv, m: np.dtype(int),
)


def order_of(piv: Any, m: int) -> Any:
    return bind(interchanged, piv, m=m)


def rows(a: Any, order: Any) -> Any:
    """The rows of `a` in that order."""
    lead = np.broadcast_shapes(a.shape[:-2], order.shape[:-1])
    return np.take_along_axis(np.broadcast_to(a, (*lead, *a.shape[-2:])), order[..., None], axis=-2)


@instead_of(scipy.linalg.lu_factor)
def lu_factor(a, overwrite_a=False, check_finite=True):
    """L and U in one matrix, and the interchanges of rows, which are constant."""
    a = matrix(a, check_finite)
    return tuple(bind(packed, a, k=min(a.shape[-2:])))


@instead_of(scipy.linalg.lu_solve)
def lu_solve(lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True):
    """Solves a x = b from an LU factorization, differentiable in it and in `b`."""
    lu, piv = lu_and_piv
    lu, b, back = system(lu, b, check_finite)
    lu = square(lu)
    order = order_of(piv if hasattr(piv, "shape") else np.asarray(piv), lu.shape[-1])
    if trans == 0:
        return back(with_triangle(lu, with_triangle(lu, rows(b, order), 0, True, True), 0, False))
    x = with_triangle(lu, with_triangle(lu, b, trans, False), trans, True, True)
    return back(rows(x, np.argsort(order, axis=-1)))


@instead_of(scipy.linalg.lu)
def lu(a, permute_l=False, overwrite_a=False, check_finite=True, p_indices=False):
    """The LU decomposition. L and U are differentiable, the interchanges are constant."""
    a = matrix(a, check_finite)
    m, n = a.shape[-2:]
    k = min(m, n)
    whole, piv = bind(packed, a, k=k)
    low, up = np.tril(whole, -1)[..., :k] + np.eye(m, k, dtype=a.dtype), np.triu(whole)[..., :k, :]
    back = np.argsort(order_of(piv, m), axis=-1)
    if permute_l:
        return rows(low, back), up
    if p_indices:
        return back.astype(np.int32), low, up
    real = np.finfo(a.dtype).dtype
    return (back[..., None] == np.arange(m)).astype(real), low, up


# ---- QR -------------------------------------------------------------------------------------------------------------


def qr_of(a, *, p):
    mode = "full" if p > a.shape[-1] else "economic"
    return tuple(scipy.linalg.qr(a, mode=mode, check_finite=False))


tall = blockwise(
    each(2)(qr_of),
    name="scipy.linalg.qr",
    signature="(m,n)->(m,p),(p,n)",
    jvp=decompositions.qr_jvp,
    vjp=decompositions.qr_vjp,
    saves=keeps_output,
    dtype=lambda a, p: a.dtype,
    multi=True,
)

chosen_columns = blockwise(
    each(2)(lambda a: scipy.linalg.qr(a, mode="r", pivoting=True, check_finite=False)[-1].astype(np.int32)),
    name="scipy.linalg.chosen_columns",
    signature="(m,n)->(n)",
    jvp=None,
    vjp=None,
    saves=keeps_nothing,
    dtype=lambda a: np.dtype(np.int32),
)


def orthogonal(a: Any, full: bool) -> tuple[Any, Any]:
    """Q and R. Of a wide matrix they are those of its leading columns."""
    m, n = a.shape[-2:]
    q, r = bind(tall, a[..., :m], p=m if full else min(m, n))
    return (q, np.concatenate([r, hermitian(q) @ a[..., m:]], axis=-1)) if n > m else (q, r)


def pivoted(a: Any, pivoting: Any) -> tuple[Any, tuple[Any, ...]]:
    """`a` with its columns in the order that pivoting= gives them, and that order."""
    if not pivoting:
        return a, ()
    order = bind(chosen_columns, a)
    return np.take_along_axis(a, order[..., None, :], axis=-1), (order,)


@instead_of(scipy.linalg.qr)
def qr(a, overwrite_a=False, lwork=None, mode="full", pivoting=False, check_finite=True):
    """The QR decomposition, differentiable where the leading columns are independent; the pivots are constant.

    In mode "full" only what does not depend on how the basis is filled up has a derivative.
    """
    if mode not in ("full", "qr", "r", "economic", "raw"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    if mode == "raw":
        raise refuse("qr", "mode='raw' gives LAPACK's own data: use 'economic'")
    a = matrix(a, check_finite)
    a, order = pivoted(a, pivoting)
    q, r = orthogonal(a, mode in ("full", "qr"))
    if mode != "r":
        return q, r, *order
    m, k = a.shape[-2], r.shape[-2]
    r = np.concatenate([r, np.zeros_like(r, shape=(*r.shape[:-2], m - k, r.shape[-1]))], axis=-2) if m > k else r
    return (r, *order) if order or len(a.shape) == 2 else r  # as SciPy: alone of a stack


@instead_of(scipy.linalg.qr_multiply)
def qr_multiply(a, c, mode="right", pivoting=False, conjugate=False, overwrite_a=False, overwrite_c=False):
    """The product of Q and `c`, and R. They are differentiable as the results of qr are."""
    if mode not in ("left", "right"):
        raise ValueError(f"Mode argument can only be 'left' or 'right' but not '{mode}'")
    a, c = common(a, c, finite=True)
    a, order = pivoted(matrix(a), pivoting)
    vector = len(c.shape) == 1
    if vector:
        c = c[:, None] if mode == "left" else c[None, :]
    m, n = a.shape[-2:]
    full = bool(overwrite_c) and mode == "left" and m > n
    if (c.shape[-2] != (m if full else min(m, n))) if mode == "left" else (c.shape[-1] != m):
        raise ValueError(f"Array shapes are not compatible for the product with Q: {a.shape} and {c.shape}")
    q, r = orthogonal(a, full)
    q = np.conjugate(q) if conjugate else q
    y = q @ c if mode == "left" else c @ q
    return (y[..., 0] if mode == "left" else y[..., 0, :]) if vector else y, r[..., : min(m, n), :], *order


@instead_of(scipy.linalg.rq)
def rq(a, overwrite_a=False, lwork=None, mode="full", check_finite=True):
    """The RQ decomposition: the QR decomposition of the matrix turned by half a turn, and conjugate transposed."""
    if mode not in ("full", "r", "economic"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic']")
    a = matrix(a, check_finite)
    m, n = a.shape[-2:]
    turned = hermitian(a[..., ::-1, ::-1])
    q, r = (hermitian(x)[..., ::-1, ::-1] for x in orthogonal(turned, mode == "full"))
    if mode == "r" and n > m:
        r = np.concatenate([np.zeros_like(r, shape=(*r.shape[:-1], n - m)), r], axis=-1)
    return r if mode == "r" else (r, q)


# ---- polar: A = U P, for a matrix with at least as many rows as columns ---------------------------------------------
# With M = Uᴴ dA, dU = U Z + (I - U Uᴴ) dA P⁻¹, where P Z + Z P = M - Mᴴ. With P Y + Y P = skew(Uᴴ g) the cotangent is
# c = 2 U Y + (I - U Uᴴ) g P⁻¹. Higham (2008), Functions of Matrices, section 8.2.


def unitary_of(a):
    w, _, vh = scipy.linalg.svd(a, full_matrices=False, check_finite=False)
    return w @ vh


def positive_factor(y, a):
    """P. It must be regular, for U jumps where a singular value changes its sign."""
    p = hermitian(y) @ a
    p = 0.5 * (p + hermitian(p))
    s = np.linalg.eigvalsh(stop_gradient(p))
    least = 10 * s.shape[-1] * np.finfo(s.dtype).eps * s[..., -1:]
    assure(s > least, "scipy.linalg.polar: the matrix is singular, and its unitary factor has no derivative")
    return p


def beyond(x, y, p):
    """(I - U Uᴴ) X P⁻¹."""
    return over(x - y @ (hermitian(y) @ x), p) if y.shape[-2] > y.shape[-1] else 0


def unitary_jvp(tangents, y, a):
    (da,) = tangents
    p = positive_factor(y, a)
    turn = bind(sylvester, p, p, 2 * skew(hermitian(y) @ da))
    return spread(y @ turn + beyond(da, y, p), y)


def unitary_vjp(wanted, ct, y, a):
    p = positive_factor(y, a)
    turn = bind(sylvester, p, p, skew(hermitian(y) @ ct))
    return (fit(2 * (y @ turn) + beyond(ct, y, p), a),)


unitary = blockwise(
    each(2)(unitary_of),
    name="scipy.linalg.unitary_factor",
    signature="(m,n)->(m,n)",
    jvp=unitary_jvp,
    vjp=unitary_vjp,
    saves=keeps((0, "y")),
)


def unitary_factor(a: Any) -> Any:
    """U of A = U P, also for a wide matrix."""
    wide = a.shape[-1] > a.shape[-2]
    u = bind(unitary, hermitian(a) if wide else a)
    return hermitian(u) if wide else u


@instead_of(scipy.linalg.polar)
def polar(a, side="right"):
    """The polar decomposition, differentiable where the matrix has full rank."""
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    a = matrix(a)
    u = unitary_factor(a)
    p = hermitian(u) @ a if side == "right" else a @ hermitian(u)
    return u, 0.5 * (p + hermitian(p))


@instead_of(scipy.linalg.orthogonal_procrustes)
def orthogonal_procrustes(A, B, check_finite=True):
    """The orthogonal matrix that maps A most closely to B, and the scale; differentiable where Aᴴ B is regular."""
    A, B = common(A, B, finite=check_finite)
    if len(A.shape) < 2:
        raise ValueError(f"expected ndim to be 2, but observed {len(A.shape)}")
    if A.shape[-2:] != B.shape[-2:]:
        raise ValueError(f"the shapes of A and B differ ({A.shape} vs {B.shape})")
    m = hermitian(A) @ B
    r = unitary_factor(m)
    return r, np.sum(np.real(diagonal(hermitian(r) @ m)), axis=-1)

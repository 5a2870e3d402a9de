"""Decompositions of matrices, with a batch of them along the leading axes.

As in ops/linalg.py, `dA` is a tangent, `g` a cotangent, `Aᴴ` the conjugate transpose, and a cotangent c follows from
the tangent by `Re tr(gᴴ dY) = Re tr(cᴴ dA)`. `∘` is the elementwise product.

Where a result is not determined by the matrix alone, its derivative is that of a choice. A singular or eigenvector of
a complex Hermitian matrix may be turned by a phase, and vectors of one repeated value by any rotation among them. A
function that depends on such a choice has no derivative: asking for it raises LinAlgError.
"""

import numpy as np

from ..core.primitive import keeps_output
from ..core.trace import aval_of, bind
from .contractions import swap
from .families import blockwise, fit, keeps, spread
from .linalg import floating, hermitian, part, real_part_of, whole

# ---- pieces ---------------------------------------------------------------------------------------------------------


def complex_of(a):
    return np.result_type(floating(a), np.complex64)


def diagonal(a):
    return np.diagonal(a, 0, -2, -1)


def off_diagonal(a):
    return a * (1 - np.eye(a.shape[-1], dtype=real_part_of(a.dtype)))


def columns(w):
    """`w`, one number for each column of a matrix."""
    return w[..., None, :]


def gaps(w):
    """`w_j - w_i` at row i, column j."""
    return w[..., None, :] - w[..., :, None]


def largest(w):
    return np.max(np.abs(w), axis=-1, initial=0)


def given(g, y):
    """A cotangent of the output y; None stands for zeros."""
    return np.zeros(y.shape, y.dtype) if g is None else g


def apart_of(distance, factor, scale, *, what):
    rounding = max(10, distance.shape[-1]) * np.finfo(distance.dtype).eps
    near = np.abs(distance) <= rounding * scale[..., None, None]
    if np.any(near & (factor > 10 * rounding * np.max(factor, axis=(-2, -1), keepdims=True, initial=0))):
        raise np.linalg.LinAlgError(
            f"{what}: the derivative of the vectors does not exist here, for two values are the same, or one is 0: "
            "take a function of the values only (numpy.linalg.eigvalsh, svdvals), or a matrix that is not so special"
        )
    on = np.where(near, 0, 1).astype(distance.dtype)
    return np.broadcast_to(on, np.broadcast_shapes(distance.shape, factor.shape, (*scale.shape, 1, 1)))


apart = blockwise(
    apart_of,
    name="apart",
    signature="(i,j),(i,j),()->(i,j)",
    jvp=None,
    vjp=None,
    dtype=lambda distance, factor, scale, what: distance.dtype,
)


def reciprocal(distance, factor, scale, what):
    """1 / distance, to be multiplied by `factor`; 0 where both are 0, and an error where only the distance is.

    A distance is 0 if it is no more than the rounding of numbers of size `scale`.
    """
    on = bind(apart, np.abs(distance), np.abs(factor), scale, what=what)
    return on / np.where(on > 0, distance, np.ones((), distance.dtype))


def phase_of(turned, size, *, what):
    if np.any(np.abs(turned) > np.sqrt(np.finfo(size.dtype).eps) * size[..., None]):
        raise np.linalg.LinAlgError(
            f"{what}: the function depends on the phase of the complex vectors, which the matrix does not determine: "
            "let it depend on what is the same for all phases (absolute values, v vᴴ, v / v[0])"
        )
    return np.zeros(np.broadcast_shapes(turned.shape, (*size.shape, 1)), turned.dtype)


phase = blockwise(phase_of, name="phase", signature="(k),()->(k)", jvp=None, vjp=None, dtype=lambda t, s, what: t.dtype)


def without_phase(p, what):
    """Raises unless the cotangent is the same for all phases: p is its product with the vectors, Vᴴ g."""
    if p.dtype.kind == "c":
        bind(phase, np.imag(diagonal(p)), np.max(np.abs(p), axis=(-2, -1), initial=0), what=what)


# ---- Cholesky: A = L Lᴴ, read from one triangle of A ----------------------------------------------------------------
# dL = L Φ(L⁻¹ dA L⁻ᴴ), where Φ takes the lower triangle and half of the diagonal. So c = L⁻ᴴ Φ(Lᴴ g) L⁻¹.


def lower_half(a):
    return np.tril(a) - 0.5 * a * np.eye(a.shape[-1], dtype=real_part_of(a.dtype))


def cholesky_of(a, *, uplo):
    return np.linalg.cholesky(a) if uplo == "L" else hermitian(np.linalg.cholesky(a, upper=True))


def cholesky_jvp(tangents, y, a, *, uplo):
    inner = np.linalg.solve(y, hermitian(np.linalg.solve(y, whole(tangents[0], uplo))))
    return spread(y @ lower_half(inner), y)


def cholesky_vjp(wanted, ct, y, a, *, uplo):
    left = np.linalg.solve(hermitian(y), lower_half(hermitian(y) @ ct))
    return (fit(part(hermitian(np.linalg.solve(hermitian(y), hermitian(left))), uplo), a),)


cholesky = blockwise(
    cholesky_of,
    name="cholesky",
    signature="(m,m)->(m,m)",
    jvp=cholesky_jvp,
    vjp=cholesky_vjp,
    saves=keeps_output,
    dtype=lambda a, uplo: floating(a),
)

# ---- QR of a matrix with at least as many rows as columns; the diagonal of R is real --------------------------------
# With M = Qᴴ dA R⁻¹, dR = U(M) R, where U(M) is upper triangular: M + Mᴴ above the diagonal, Re M on it. Then
# dQ = (dA - Q dR) R⁻¹. U is the transpose of H, which mirrors an upper triangle: c = (g_Q + Q H(W)) R⁻ᴴ, where
# W = g_R Rᴴ - Qᴴ g_Q. Walter, Lehmann and Lamour (2012), On evaluating higher-order derivatives of the QR
# decomposition of tall matrices with full column rank in forward and reverse mode algorithmic differentiation.


def over(a, r):
    """a r⁻¹."""
    return swap(np.linalg.solve(swap(r), swap(a)))


def qr_jvp(tangents, y, a):
    q, r = y
    (da,) = tangents
    dr = part(over(hermitian(q) @ da, r), "U") @ r
    return spread(over(da - q @ dr, r), q), spread(dr, r)


def qr_vjp(wanted, ct, y, a):
    q, r = y
    gq, gr = given(ct[0], q), given(ct[1], r)
    w = gr @ hermitian(r) - hermitian(q) @ gq
    return (fit(over(gq + q @ whole(w, "U"), hermitian(r)), a),)


qr = blockwise(
    np.linalg.qr,
    name="qr",
    signature="(m,n)->(m,n),(n,n)",
    jvp=qr_jvp,
    vjp=qr_vjp,
    saves=keeps_output,
    dtype=floating,
    multi=True,
)

# ---- Hermitian eigenvalues: A V = V diag(w), read from one triangle of A --------------------------------------------
# With M = Vᴴ dA V, dw = diag M and dV = V (F∘M), where F_ij = 1 / (w_j - w_i), 0 on the diagonal.
# So c = V (diag g_w + F∘(Vᴴ g_V)) Vᴴ.


def eigh_of(a, *, uplo):
    return tuple(np.linalg.eigh(a, uplo))


def eigh_jvp(tangents, y, a, *, uplo):
    w, v = y
    m = hermitian(v) @ whole(tangents[0], uplo) @ v
    m_off = off_diagonal(m)
    turned = v @ (reciprocal(gaps(w), m_off, largest(w), "numpy.linalg.eigh") * m_off)
    return spread(np.real(diagonal(m)), w), spread(turned, v)


def eigh_vjp(wanted, ct, y, a, *, uplo):
    (w, v), (gw, gv) = y, ct
    inner = 0 if gw is None else gw[..., None] * np.eye(w.shape[-1], dtype=w.dtype)
    if gv is not None:
        p = hermitian(v) @ gv
        without_phase(p, "numpy.linalg.eigh")
        p = off_diagonal(p)
        inner = inner + reciprocal(gaps(w), p, largest(w), "numpy.linalg.eigh") * p
    return (fit(part(v @ inner @ hermitian(v), uplo), a),)


eigh = blockwise(
    eigh_of,
    name="eigh",
    signature="(m,m)->(m),(m,m)",
    jvp=eigh_jvp,
    vjp=eigh_vjp,
    saves=keeps_output,
    dtype=lambda a, uplo: (real_part_of(floating(a)), floating(a)),
    multi=True,
)


def eigvalsh_jvp(tangents, y, a, *, uplo):
    v = np.linalg.eigh(a, uplo)[1]
    return spread(np.real(np.sum(np.conjugate(v) * (whole(tangents[0], uplo) @ v), axis=-2)), y)


def eigvalsh_vjp(wanted, ct, y, a, *, uplo):
    v = np.linalg.eigh(a, uplo)[1]
    return (fit(part((v * columns(ct)) @ hermitian(v), uplo), a),)


eigvalsh = blockwise(
    lambda a, *, uplo: np.linalg.eigvalsh(a, uplo),
    name="eigvalsh",
    signature="(m,m)->(m)",
    jvp=eigvalsh_jvp,
    vjp=eigvalsh_vjp,
    saves=keeps((0,)),
    dtype=lambda a, uplo: real_part_of(floating(a)),
)

# ---- eigenvalues of any matrix: A V = V diag(w), complex ------------------------------------------------------------
# With M = V⁻¹ dA V, dw = diag M. dV = N(V (F∘M)), F as above, where N keeps to what LAPACK chooses: columns of length
# 1, and their largest component real. So c = V⁻ᴴ (diag g_w + conj(F)∘(Vᴴ Nᵀ(g_V))) Vᴴ.


def eig_of(a):
    w, v = np.linalg.eig(a)
    return w.astype(complex_of(aval_of(a)), copy=False), v.astype(complex_of(aval_of(a)), copy=False)


def pivots(v):
    """1 at the component of each column of v that LAPACK has made real; and these components."""
    size = np.abs(v) * (np.imag(v) == 0)
    at = np.arange(v.shape[-2])[:, None] == np.argmax(size, axis=-2)[..., None, :]
    return at, np.sum(np.real(v) * at, axis=-2, keepdims=True)


def along(v, x):
    """vᴴ x, column by column."""
    return np.sum(np.conjugate(v) * x, axis=-2, keepdims=True)


def eig_jvp(tangents, y, a):
    w, v = y
    m = np.linalg.solve(v, tangents[0] @ v)
    m_off = off_diagonal(m)
    x = v @ (reciprocal(gaps(w), m_off, largest(w), "numpy.linalg.eig") * m_off)
    at, pivot = pivots(v)
    turn = np.sum(np.imag(x) * at, axis=-2, keepdims=True) / pivot
    return spread(diagonal(m), w), spread(x - v * np.real(along(v, x)) - 1j * v * turn, v)


def eig_vjp(wanted, ct, y, a):
    (w, v), (gw, gv) = y, ct
    inner = 0 if gw is None else gw[..., None] * np.eye(w.shape[-1], dtype=w.dtype)
    if gv is not None:
        at, pivot = pivots(v)
        g = gv - v * np.real(along(v, gv)) - 1j * at * np.imag(along(v, gv)) / pivot
        p = off_diagonal(hermitian(v) @ g)
        inner = inner + np.conjugate(reciprocal(gaps(w), p, largest(w), "numpy.linalg.eig")) * p
    return (fit(np.linalg.solve(hermitian(v), inner @ hermitian(v)), a),)


eig = blockwise(
    eig_of,
    name="eig",
    signature="(m,m)->(m),(m,m)",
    jvp=eig_jvp,
    vjp=eig_vjp,
    saves=keeps_output,
    dtype=complex_of,
    multi=True,
)


def eigvals_jvp(tangents, y, a):
    v = bind(eig, a)[1]
    return spread(diagonal(np.linalg.solve(v, tangents[0] @ v)), y)


def eigvals_vjp(wanted, ct, y, a):
    vh = hermitian(bind(eig, a)[1])
    return (fit(np.linalg.solve(vh, ct[..., None] * vh), a),)


eigvals = blockwise(
    lambda a: np.linalg.eigvals(a).astype(complex_of(aval_of(a)), copy=False),
    name="eigvals",
    signature="(m,m)->(m)",
    jvp=eigvals_jvp,
    vjp=eigvals_vjp,
    saves=keeps((0,)),
    dtype=complex_of,
)

# ---- singular values: A = U diag(s) Vᴴ ------------------------------------------------------------------------------
# With M = Uᴴ dA V and S = diag s: ds = Re diag M,
#   dU = U (F∘(M S + S Mᴴ) + i Im diag M / 2S) + (I - U Uᴴ) dA V S⁻¹, and dV the same for Aᴴ, Mᴴ and -Im M,
# where F_ij = 1 / (s_j² - s_i²), 0 on the diagonal. With X = Uᴴ g_U and Y = Vᴴ g_V the cotangent is
#   c = U (diag g_s + (F∘(X - Xᴴ)) S + S (F∘(Y - Yᴴ)) + i Im diag(X - Y) / 2S) Vᴴ
#       + (I - U Uᴴ) g_U S⁻¹ Vᴴ + U S⁻¹ g_Vᴴ (I - V Vᴴ).
# Wan and Zhang (2019), Automatic differentiation for complex valued SVD. Of vectors that are there only to fill up a
# basis, U₂, the part along U is determined, dU₂ = -U dUᴴ U₂; the rest is a rotation among them, and is taken as 0.


def svd_of(a, *, k, p, q):
    return tuple(np.linalg.svd(a, full_matrices=p + q > 2 * k))


SVD = "numpy.linalg.svd"


def inverse_gaps(s, factor):
    """F, to be multiplied by `factor`."""
    return reciprocal(gaps(s) * (s[..., None, :] + s[..., :, None]), factor, largest(s) ** 2, SVD)


def inverse_values(s, *factors):
    """1 / s for each column; `factors` are the matrices whose columns it will multiply."""
    size = sum(np.sum(np.abs(f), axis=-2) for f in factors)
    return reciprocal(s[..., None], size[..., None], largest(s), SVD)[..., 0]


def beyond(b, u, k):
    """(I - U Uᴴ) b, or None if U has all the columns that there are."""
    return b - u @ (hermitian(u) @ b) if u.shape[-2] > k else None


def svd_jvp(tangents, y, a, *, k, p, q):
    u, s, vh = y
    (da,) = tangents
    v = hermitian(vh)
    u1, v1 = u[..., :k], v[..., :k]
    m = hermitian(u1) @ da @ v1
    s_m, m_s = s[..., :, None] * m, m * columns(s)
    f = inverse_gaps(s, off_diagonal(m))
    du, dv = u1 @ (f * (m_s + hermitian(m_s))), v1 @ (f * (s_m + hermitian(s_m)))
    past_u, past_v = beyond(da @ v1, u1, k), beyond(hermitian(da) @ u1, v1, k)
    turn = np.imag(diagonal(m))[..., None, :] if m.dtype.kind == "c" else None
    used = [x for x in (past_u, past_v, turn) if x is not None]
    if used:
        inverse = columns(inverse_values(s, *used))
        if turn is not None:
            du, dv = du + u1 * (0.5j * turn * inverse), dv - v1 * (0.5j * turn * inverse)
        du = du if past_u is None else du + past_u * inverse
        dv = dv if past_v is None else dv + past_v * inverse
    du, dv = filled_up(du, u, k), filled_up(dv, v, k)
    return spread(du, u), spread(np.real(diagonal(m)), s), spread(hermitian(dv), vh)


def filled_up(du, u, k):
    u1, u2 = u[..., :k], u[..., k:]
    return np.concatenate([du, -u1 @ (hermitian(du) @ u2)], axis=-1) if u2.shape[-1] else du


def svd_vjp(wanted, ct, y, a, *, k, p, q):
    u, s, vh = y
    v = hermitian(vh)
    gu = ct[0]
    gv = None if ct[2] is None else hermitian(ct[2])
    u1, v1 = u[..., :k], v[..., :k]
    inner = 0 if ct[1] is None else ct[1][..., None] * np.eye(k, dtype=s.dtype)
    outer, turn = 0, None
    if gu is not None or gv is not None:
        gu, gv = folded(given(gu, u), u, k), folded(given(gv, v), v, k)
        x, y_ = hermitian(u1) @ gu, hermitian(v1) @ gv
        without_phase(x + y_, SVD)
        x_off, y_off = off_diagonal(x - hermitian(x)), off_diagonal(y_ - hermitian(y_))
        f = inverse_gaps(s, np.abs(off_diagonal(x)) + np.abs(off_diagonal(y_)))
        inner = inner + (f * x_off) * columns(s) + s[..., :, None] * (f * y_off)
        past_u, past_v = beyond(gu, u1, k), beyond(gv, v1, k)
        turn = np.imag(diagonal(x - y_))[..., None, :] if x.dtype.kind == "c" else None
        used = [b for b in (past_u, past_v, turn) if b is not None]
        if used:
            inverse = columns(inverse_values(s, *used))
            if turn is not None:
                inner = inner + 0.5j * turn * inverse * np.eye(k, dtype=s.dtype)
            if past_u is not None:
                outer = outer + (past_u * inverse) @ hermitian(v1)
            if past_v is not None:
                outer = outer + u1 @ hermitian(past_v * inverse)
    return (fit(u1 @ inner @ hermitian(v1) + outer, a),)


def folded(gu, u, k):
    """The cotangent of U from that of U with U₂; an error if it depends on how U₂ fills up the basis."""
    g1, g2, u1, u2 = gu[..., :k], gu[..., k:], u[..., :k], u[..., k:]
    if not u2.shape[-1]:
        return g1
    rotation = hermitian(u2) @ g2
    bind(filling, rotation - hermitian(rotation), np.max(np.abs(gu), axis=(-2, -1), initial=0))
    return g1 - u2 @ (hermitian(g2) @ u1)


def filling_of(rotation, size):
    if np.any(np.abs(rotation) > np.sqrt(np.finfo(size.dtype).eps) * size[..., None, None]):
        raise np.linalg.LinAlgError(
            f"{SVD}: the function depends on the vectors that full_matrices=True fills up the basis with, and the "
            "matrix does not determine these: use full_matrices=False"
        )
    return np.zeros(np.broadcast_shapes(rotation.shape, (*size.shape, 1, 1)), rotation.dtype)


filling = blockwise(filling_of, name="filling", signature="(i,i),()->(i,i)", jvp=None, vjp=None, dtype=lambda r, s: r.dtype)

svd = blockwise(
    svd_of,
    name="svd",
    signature="(m,n)->(m,p),(k),(q,n)",
    jvp=svd_jvp,
    vjp=svd_vjp,
    saves=keeps_output,
    dtype=lambda a, k, p, q: (floating(a), real_part_of(floating(a)), floating(a)),
    multi=True,
)


def svdvals_jvp(tangents, y, a, *, k):
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return spread(np.real(np.sum(np.conjugate(u) * (tangents[0] @ hermitian(vh)), axis=-2)), y)


def svdvals_vjp(wanted, ct, y, a, *, k):
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return (fit((u * columns(ct)) @ vh, a),)


svdvals = blockwise(
    lambda a, *, k: np.linalg.svd(a, compute_uv=False),
    name="svdvals",
    signature="(m,n)->(k)",
    jvp=svdvals_jvp,
    vjp=svdvals_vjp,
    saves=keeps((0,)),
    dtype=lambda a, k: real_part_of(floating(a)),
)

# ---- pseudoinverse, where the rank does not change ------------------------------------------------------------------
# dP = -P dA P + P Pᴴ dAᴴ (I - A P) + (I - P A) dAᴴ Pᴴ P. Golub and Pereyra (1973), The differentiation of
# pseudo-inverses and nonlinear least squares problems whose variables separate, equation (4.12).


def pinv_of(a, rtol):
    return np.linalg.pinv(a, rtol=rtol)


def pinv_jvp(tangents, y, a, rtol):
    da = tangents[0]
    dah, yh = hermitian(da), hermitian(y)
    left, right = y @ (yh @ dah), (dah @ yh) @ y
    return spread(-(y @ da @ y) + left - left @ a @ y + right - y @ (a @ right), y)


def pinv_vjp(wanted, ct, y, a, rtol):
    gh, yh = hermitian(ct), hermitian(y)
    left, right = (gh @ y) @ yh, yh @ (y @ gh)
    total = -(yh @ ct @ yh) + left - a @ (y @ left) + right - (right @ y) @ a
    return fit(total, a), None


pinv = blockwise(
    pinv_of,
    name="pinv",
    signature="(m,n),()->(n,m)",
    jvp=pinv_jvp,
    vjp=pinv_vjp,
    saves=keeps((0, "y"), ()),
    dtype=lambda a, rtol: floating(a),
)

"""Decompositions of matrices, with a batch of them along the leading axes.

As in ops/linalg.py, `dA` is a tangent, `g` a cotangent, `Aᴴ` the conjugate transpose, and a cotangent c follows from
the tangent by `Re tr(gᴴ dY) = Re tr(cᴴ dA)`. `∘` is the elementwise product.

Where a result is not determined by the matrix alone, its derivative is that of a choice. A singular or eigenvector of
a complex Hermitian matrix may be turned by a phase, and vectors of one repeated value by any rotation among them. A
function that depends on such a choice has no derivative: asking for it raises LinAlgError. So does one that uses
repeated values together with their vectors, for V f(w) Vᴴ has slopes there that no cotangents of w and V tell.
"""

import numpy as np

from ..core.primitive import keeps_output
from ..core.trace import aval_of, bind
from .contractions import swap
from .control import check, stop_gradient
from .families import add_up, blockwise, fit, keeps, spread
from .linalg import diagonal, floating, hermitian, on_diagonal, part, real_part_of, whole

# ---- pieces ---------------------------------------------------------------------------------------------------------


def complex_of(a):
    return np.result_type(floating(a), np.complex64)


def off_diagonal(a):
    return a * (1 - np.eye(a.shape[-1], dtype=real_part_of(a.dtype)))


def columns(w):
    """`w`, one number for each column of a matrix."""
    return w[..., None, :]


def gaps(w):
    """`w_j - w_i` at row i, column j."""
    return columns(w) - w[..., :, None]


def given(g, y):
    """A cotangent of the output y; None stands for zeros."""
    return np.zeros(y.shape, y.dtype) if g is None else g


def quotient(x, distance, values, like, what, also=0):
    """x / distance; 0 where the distance is, and an error unless x and `also` are 0 there, too.

    They are 0 if they are no more than the rounding of numbers as large as those in `values`, and in `like`.
    """
    rounding = max(10, distance.shape[-1]) * np.finfo(distance.dtype).eps
    near = np.abs(distance) <= rounding * np.max(np.abs(values), axis=-1, initial=0)[..., None, None]
    matters = np.abs(x) + also > 10 * rounding * np.max(np.abs(like) + also, axis=(-2, -1), keepdims=True, initial=0)
    assure(
        ~(near & matters),
        f"{what}: the derivative of the vectors does not exist here, for two values are the same, or one is 0: take a "
        "function of the values only (numpy.linalg.eigvalsh, svdvals), or a matrix that is not so special",
    )
    return np.where(near, np.zeros((), x.dtype), x / np.where(near, np.ones((), distance.dtype), distance))


def shares(g):
    """At row i, column j: how much depends on the values i and j.

    If the two are the same, w and V cannot both be used: V f(w) Vᴴ has slopes that no cotangents of the two tell.
    """
    return 0 if g is None else off_diagonal(sums(np.abs(g)))


def sums(s):
    return columns(s) + s[..., :, None]


def skew(p):
    return 0.5 * (p - hermitian(p))


def vanishes(x, like, message):
    """Raises LinAlgError unless the matrix x is zero, but for the rounding of numbers as large as those in `like`."""
    size = np.max(np.abs(like), axis=(-2, -1), keepdims=True, initial=0)
    assure(np.abs(x) <= np.sqrt(np.finfo(x.dtype).eps) * size, message)


def assure(holds, message):
    bind(check, holds, error=np.linalg.LinAlgError, message=message)


def without_phase(p, what, like=None):
    """Raises unless the cotangent is the same for all phases: p is its product with the vectors, Vᴴ g.

    `like` is what p has been made of, if that is more than p shows.
    """
    if p.dtype.kind == "c":
        vanishes(
            columns(np.imag(diagonal(p))),
            p if like is None else like,
            f"{what}: the function depends on the phase of the complex vectors, which the matrix does not determine: "
            "let it depend on what is the same for all phases (absolute values, v vᴴ, v / v[0])",
        )


# Of an orthonormal basis [U U₂] whose last vectors are there only to fill it up, the part of dU₂ along U is determined,
# dU₂ = -U dUᴴ U₂. The rest is a rotation among them, and is taken as 0.


def filled_up(du, u, k):
    u1, u2 = u[..., :k], u[..., k:]
    return np.concatenate([du, -u1 @ (hermitian(du) @ u2)], axis=-1) if u2.shape[-1] else du


def folded(g, u, k, what):
    """The cotangent of U from that of [U U₂]; an error if it depends on how U₂ fills up the basis."""
    g1, g2, u1, u2 = g[..., :k], g[..., k:], u[..., :k], u[..., k:]
    if not u2.shape[-1]:
        return g1
    vanishes(
        skew(hermitian(u2) @ g2),
        g,
        f"{what}: the function depends on the vectors that fill up the basis, and the matrix does not determine these: "
        "leave them out (full_matrices=False, mode='reduced'), or take the space that they span (u2 @ u2ᴴ)",
    )
    return g1 - u2 @ (hermitian(g2) @ u1)


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


def qr_of(a, *, p):
    return tuple(np.linalg.qr(a, "complete" if p > a.shape[-1] else "reduced"))


def qr_jvp(tangents, y, a, *, p):
    q, r = y
    n = r.shape[-1]
    q1, r1 = q[..., :n], r[..., :n, :]
    (da,) = tangents
    dr = part(over(hermitian(q1) @ da, r1), "U") @ r1
    dq = filled_up(over(da - q1 @ dr, r1), q, n)
    if p > n:
        dr = np.concatenate([dr, np.zeros_like(r[..., n:, :])], axis=-2)
    return spread(dq, q), spread(dr, r)


def qr_vjp(wanted, ct, y, a, *, p):
    q, r = y
    n = r.shape[-1]
    gq, gr = folded(given(ct[0], q), q, n, "numpy.linalg.qr"), given(ct[1], r)[..., :n, :]
    q, r = q[..., :n], r[..., :n, :]
    w = gr @ hermitian(r) - hermitian(q) @ gq
    return (fit(over(gq + q @ whole(w, "U"), hermitian(r)), a),)


qr = blockwise(
    qr_of,
    name="qr",
    signature="(m,n)->(m,p),(p,n)",
    jvp=qr_jvp,
    vjp=qr_vjp,
    saves=keeps_output,
    dtype=lambda a, p: floating(a),
    multi=True,
)

# ---- Hermitian eigenvalues: A V = V diag(w), read from one triangle of A --------------------------------------------
# With M = Vᴴ dA V, dw = diag M and dV = V (F∘M), where F_ij = 1 / (w_j - w_i), 0 on the diagonal.
# So c = V (diag g_w + F∘X) Vᴴ, where X = (Vᴴ g_V - g_Vᴴ V) / 2: what is Hermitian in Vᴴ g_V cancels in c + cᴴ.


def eigh_of(a, *, uplo):
    return tuple(np.linalg.eigh(a, uplo))


def eigh_jvp(tangents, y, a, *, uplo):
    w, v = y
    m = hermitian(v) @ whole(tangents[0], uplo) @ v
    dv = v @ quotient(off_diagonal(m), gaps(w), w, m, "numpy.linalg.eigh")
    return spread(np.real(diagonal(m)), w), spread(dv, v)


def eigh_vjp(wanted, ct, y, a, *, uplo):
    (w, v), (gw, gv) = y, ct
    inner = 0 if gw is None else on_diagonal(gw)
    if gv is not None:
        p = hermitian(v) @ gv
        without_phase(p, "numpy.linalg.eigh")
        inner = inner + quotient(off_diagonal(skew(p)), gaps(w), w, p, "numpy.linalg.eigh", shares(gw))
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
    if not v.shape[-1]:
        return size, size
    at = np.arange(v.shape[-2])[:, None] == np.argmax(size, axis=-2)[..., None, :]
    return at, np.sum(np.real(v) * at, axis=-2, keepdims=True)


def along(v, x):
    """vᴴ x, column by column."""
    return np.sum(np.conjugate(v) * x, axis=-2, keepdims=True)


def has_all_vectors(v):
    """Raises unless V has an inverse. If eigenvalues meet without it (A is defective), their slopes are infinite."""
    if not v.shape[-1]:
        return
    assure(
        np.linalg.cond(stop_gradient(v), 1) * np.finfo(v.dtype).eps * max(10, v.shape[-1]) < 1,
        "numpy.linalg.eig: the matrix has fewer independent eigenvectors than rows, and the derivatives of eigenvalues "
        "that meet in this way are infinite: take a function of the matrix itself (trace, det, matrix_power)",
    )


def eig_jvp(tangents, y, a):
    w, v = y
    has_all_vectors(v)
    m = np.linalg.solve(v, tangents[0] @ v)
    x = v @ quotient(off_diagonal(m), gaps(w), w, m, "numpy.linalg.eig")
    at, pivot = pivots(v)
    turn = np.sum(np.imag(x) * at, axis=-2, keepdims=True) / pivot
    return spread(diagonal(m), w), spread(x - v * np.real(along(v, x)) - 1j * v * turn, v)


def eig_vjp(wanted, ct, y, a):
    (w, v), (gw, gv) = y, ct
    has_all_vectors(v)
    inner = 0 if gw is None else on_diagonal(gw)
    if gv is not None:
        at, pivot = pivots(v)
        g = gv - v * np.real(along(v, gv)) - 1j * at * np.imag(along(v, gv)) / pivot
        p = hermitian(v) @ g
        inner = inner + quotient(off_diagonal(p), np.conjugate(gaps(w)), w, p, "numpy.linalg.eig", shares(gw))
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
    has_all_vectors(v)
    return spread(diagonal(np.linalg.solve(v, tangents[0] @ v)), y)


def eigvals_vjp(wanted, ct, y, a):
    v = bind(eig, a)[1]
    has_all_vectors(v)
    vh = hermitian(v)
    return (fit(np.linalg.solve(vh, ct[..., None] * vh), a),)


eigvals = blockwise(
    lambda a: eig_of(a)[0],  # in the order in which the vectors come
    name="eigvals",
    signature="(m,m)->(m)",
    jvp=eigvals_jvp,
    vjp=eigvals_vjp,
    saves=keeps((0,)),
    dtype=complex_of,
)

# ---- singular values: A = U diag(s) Vᴴ ------------------------------------------------------------------------------
# These are the eigenvalues ±s of [[0, A], [Aᴴ, 0]]. With M = Uᴴ dA V, its Hermitian part M₊ and the rest M₋:
#   ds = diag M₊, dU = U (F∘M₊ + G∘M₋) + (I - U Uᴴ) dA V S⁻¹, dV = V (F∘M₊ - G∘M₋) + (I - V Vᴴ) dAᴴ U S⁻¹,
# where F_ij = 1 / (s_j - s_i), 0 on the diagonal, and G_ij = 1 / (s_j + s_i). With the skew parts X of Uᴴ g_U and Y of
# Vᴴ g_V the cotangent is
#   c = U (diag g_s + F∘(X + Y) + G∘(X - Y)) Vᴴ + (I - U Uᴴ) g_U S⁻¹ Vᴴ + U S⁻¹ g_Vᴴ (I - V Vᴴ).
# Wan and Zhang (2019), Automatic differentiation for complex valued SVD.


def svd_of(a, *, k, p, q):
    return tuple(np.linalg.svd(a, full_matrices=p + q > 2 * k))


SVD = "numpy.linalg.svd"


def beyond(b, u, s, also=0):
    """(I - U Uᴴ) B S⁻¹."""
    if u.shape[-2] == u.shape[-1]:
        return np.zeros_like(b)
    return quotient(b - u @ (hermitian(u) @ b), columns(s), s, b, SVD, also)


def svd_jvp(tangents, y, a, *, k, p, q):
    u, s, vh = y
    (da,) = tangents
    v = hermitian(vh)
    u1, v1 = u[..., :k], v[..., :k]
    m = hermitian(u1) @ da @ v1
    minus = skew(m)
    f = quotient(off_diagonal(m - minus), gaps(s), s, m, SVD)
    g = quotient(minus, sums(s), s, m, SVD)
    du = filled_up(u1 @ (f + g) + beyond(da @ v1, u1, s), u, k)
    dv = filled_up(v1 @ (f - g) + beyond(hermitian(da) @ u1, v1, s), v, k)
    return spread(du, u), spread(np.real(diagonal(m)), s), spread(hermitian(dv), vh)


def svd_vjp(wanted, ct, y, a, *, k, p, q):
    (u, s, vh), (gu, gs, gvh) = y, ct
    v = hermitian(vh)
    u1, v1 = u[..., :k], v[..., :k]
    inner = 0 if gs is None else on_diagonal(gs)
    if gu is None and gvh is None:
        return (fit(u1 @ inner @ hermitian(v1), a),)
    gu, gv = folded(given(gu, u), u, k, SVD), folded(hermitian(given(gvh, vh)), v, k, SVD)
    x, z = hermitian(u1) @ gu, hermitian(v1) @ gv
    size = sum(np.max(np.abs(g), axis=(-2, -1), keepdims=True, initial=0) for g in (gu, gv))
    like = np.abs(x) + np.abs(z) + size
    without_phase(x + z, SVD, like)
    x, z = skew(x), skew(z)
    phases = on_diagonal(np.abs(gs)) if gs is not None and x.dtype.kind == "c" else 0
    inner = inner + quotient(off_diagonal(x + z), gaps(s), s, like, SVD, shares(gs))
    inner = inner + quotient(x - z, sums(s), s, like, SVD, shares(gs) + phases)
    also = 0 if gs is None else columns(np.abs(gs))
    left, right = beyond(gu, u1, s, also), beyond(gv, v1, s, also)
    return (fit((u1 @ inner + left) @ hermitian(v1) + u1 @ hermitian(right), a),)


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


def pinv_of(a, *, rtol):
    return np.linalg.pinv(a, rtol=rtol)


def keeps_rank(a, y):
    """Raises if the pseudoinverse left out what is not 0."""
    a, y = stop_gradient((a, y))
    vanishes(
        a - a @ y @ a,
        a,
        "numpy.linalg.pinv: rtol= (rcond=) leaves out singular values that are not 0, and the derivative is that of a "
        "matrix whose rank does not change: write it with numpy.linalg.svd",
    )


def pinv_jvp(tangents, y, a, *, rtol):
    keeps_rank(a, y)
    da = tangents[0]
    dah, yh = hermitian(da), hermitian(y)
    left, right = y @ (yh @ dah), (dah @ yh) @ y
    return spread(-(y @ da @ y) + left - left @ a @ y + right - y @ (a @ right), y)


def pinv_vjp(wanted, ct, y, a, *, rtol):
    keeps_rank(a, y)
    gh, yh = hermitian(ct), hermitian(y)
    left, right = (gh @ y) @ yh, yh @ (y @ gh)
    return (fit(-(yh @ ct @ yh) + left - a @ (y @ left) + right - (right @ y) @ a, a),)


pinv = blockwise(
    pinv_of,
    name="pinv",
    signature="(m,n)->(n,m)",
    jvp=pinv_jvp,
    vjp=pinv_vjp,
    saves=keeps((0, "y")),
    dtype=lambda a, rtol: floating(a),
)

# ---- least squares: Y = P B for the pseudoinverse P -----------------------------------------------------------------
# With the residuals R = B - A Y, dY = P (dB - dA Y + Pᴴ dAᴴ R) + (I - P A) dAᴴ Pᴴ Y. The cotangent of B is Z = Pᴴ g,
# that of A is -Z Yᴴ + R (P Z)ᴴ + Pᴴ Y (g - Aᴴ Z)ᴴ.


def lstsq_of(a, b, *, rtol):
    if len(a.shape) == len(b.shape) == 2:
        return np.linalg.lstsq(a, b, rtol)[0]
    return np.linalg.pinv(a, rtol=rtol) @ b  # NumPy's own takes no stacks


def lstsq_jvp(tangents, y, a, b, *, rtol):
    da, db = tangents
    p = np.linalg.pinv(a, rtol=rtol)
    dy = None if db is None else p @ db
    if da is not None:
        keeps_rank(a, p)
        dah, ph = hermitian(da), hermitian(p)
        turned = dah @ (ph @ y)
        dy = add_up((dy, p @ (ph @ (dah @ (b - a @ y)) - da @ y - a @ turned) + turned))
    return spread(dy, y)


def lstsq_vjp(wanted, ct, y, a, b, *, rtol):
    p = np.linalg.pinv(a, rtol=rtol)
    ph = hermitian(p)
    z = ph @ ct
    if not wanted[0]:
        return None, fit(z, b)
    keeps_rank(a, p)
    c = (b - a @ y) @ hermitian(p @ z) - z @ hermitian(y) + ph @ (y @ hermitian(ct - hermitian(a) @ z))
    return fit(c, a), fit(z, b) if wanted[1] else None


lstsq = blockwise(
    lstsq_of,
    name="lstsq",
    signature="(m,n),(m,k)->(n,k)",
    jvp=lstsq_jvp,
    vjp=lstsq_vjp,
    saves=keeps((0, 1, "y"), (0,)),
    dtype=lambda a, b, rtol: floating(a, b),
)

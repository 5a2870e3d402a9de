"""Linear algebra: operations on whole matrices, with a batch of them along the leading axes.

`dA` is the tangent of A, `g` a cotangent, `Aᴴ` the conjugate transpose. Every cotangent follows from its tangent by
one equation, `Re tr(gᴴ dY) = Re tr(cᴴ dA)` for all dA, c being the cotangent of A. The formulas for real matrices are
mostly in Giles (2008), An extended collection of matrix derivative results.
"""

import numpy as np

from ..core.primitive import keeps_args, keeps_output
from ..core.trace import bind
from .contractions import swap
from .families import add_up, adjoint, blockwise, fit, keeps, reduction, spread

# ---- pieces ---------------------------------------------------------------------------------------------------------


def hermitian(x):
    """The conjugate transpose."""
    return swap(adjoint(x))


def floating(*avals):
    """The dtype that numpy.linalg computes these in: that of the floats, double precision for what is none."""
    return np.result_type(*(a.dtype if a.dtype.kind in "fc" else np.float64 for a in avals))


def real_part_of(dtype):
    return np.finfo(dtype).dtype


def diagonal(a):
    return np.diagonal(a, 0, -2, -1)


def on_diagonal(d):
    """A matrix with the vector `d` on its diagonal."""
    return d[..., None] * np.eye(d.shape[-1], dtype=d.dtype)


def real_diagonal(a):
    return np.real(a) * np.eye(a.shape[-1], dtype=real_part_of(a.dtype))


# What reads one triangle of a matrix takes it for Hermitian. `whole` is the matrix that it sees, a linear map of the
# one that it is given; `part` is the transpose of that map.


def triangle(a, uplo):
    """The part of `a` strictly below its diagonal ("L"), or above."""
    return np.tril(a, -1) if uplo == "L" else np.triu(a, 1)


def whole(a, uplo):
    half = triangle(a, uplo)
    return half + hermitian(half) + real_diagonal(a)


def part(g, uplo):
    return triangle(g + hermitian(g), uplo) + real_diagonal(g)


# ---- solve: A Y = B ------------------------------------------------------------------------------------------------
# dA Y + A dY = dB, so dY = A⁻¹ (dB - dA Y). The cotangent of B is c = A⁻ᴴ g, that of A is -c Yᴴ.


def solve_jvp(tangents, y, a, b):
    da, db = tangents
    return spread(np.linalg.solve(a, add_up((db, None if da is None else -(da @ y)))), y)


def solve_vjp(wanted, ct, y, a, b):
    c = np.linalg.solve(hermitian(a), ct)
    return fit(-(c @ hermitian(y)), a) if wanted[0] else None, fit(c, b) if wanted[1] else None


solve = blockwise(
    np.linalg.solve,
    name="solve",
    signature="(m,m),(m,n)->(m,n)",
    jvp=solve_jvp,
    vjp=solve_vjp,
    saves=keeps((0, "y"), (0,)),
    dtype=floating,
)

# ---- inverse: dY = -Y dA Y ------------------------------------------------------------------------------------------

inv = blockwise(
    np.linalg.inv,
    name="inv",
    signature="(m,m)->(m,m)",
    jvp=lambda tangents, y, a: spread(-(y @ tangents[0] @ y), y),
    vjp=lambda wanted, ct, y, a: (fit(-(hermitian(y) @ ct @ hermitian(y)), a),),
    saves=keeps_output,
    dtype=floating,
)

# ---- determinant: dy = tr(adj(A) dA) --------------------------------------------------------------------------------
# adj(A), the adjugate, is det(A) A⁻¹ where A is regular. A polynomial, it is smooth where A is singular, too; there
# we border (Govaerts 2000, Numerical methods for bifurcations of dynamical equilibria, ch. 3): with columns P, Q for
# up to three of the small singular values, A = B - P Qᴴ for a regular B, and by the determinant lemma
# det(A) = det(B) det(C), C = I - Qᴴ B⁻¹ P. C is 3 by 3, and its own adjugate is written out. So the slopes up to
# third order are right where the rank is at least m - 3, those up to second order everywhere (they are 0 below that).


def bordering_of(a):
    """B - A, P and Q: zeros where A is well conditioned."""
    m = a.shape[-1]
    p, q = (np.zeros((*a.shape[:-1], 3), a.dtype) for _ in range(2))
    if not a.size or is_regular(a):
        return np.zeros_like(a), p, q
    u, s, vh = np.linalg.svd(a)
    top = s[..., :1]
    top = np.where(top > 0, top, 1)
    small = np.where(s <= np.sqrt(np.finfo(s.dtype).eps) * top, top, 0)
    k = min(m, 3)
    p[..., :k] = (u * small[..., None, :])[..., m - k :]
    q[..., :k] = (hermitian(vh) * (small > 0)[..., None, :])[..., m - k :]
    return (u * small[..., None, :]) @ vh, p, q


def is_regular(a):
    """Whether no matrix is nearly singular, by a look at its inverse: much less work than singular values."""
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return False
    size = np.linalg.norm(a, 1, axis=(-2, -1)) * np.linalg.norm(inverse, 1, axis=(-2, -1))
    return not np.any(size >= np.finfo(a.dtype).eps ** -0.5)  # NaN stays NaN


bordering = blockwise(
    bordering_of,
    name="bordering",
    signature="(m,m)->(m,m),(m,3),(m,3)",
    jvp=None,
    vjp=None,
    multi=True,
    dtype=floating,
)


def adjugate(a):
    shift, p, q = bind(bordering, a)
    b = a + shift
    inverse, qh = np.linalg.inv(b), hermitian(q)
    left, right = inverse @ p, qh @ inverse
    c = np.eye(3, dtype=b.dtype) - qh @ left
    x, y, z = c[..., 0], c[..., 1], c[..., 2]
    adj_c = np.stack([np.cross(y, z), np.cross(z, x), np.cross(x, y)], axis=-2)
    det_c = np.sum(x * adj_c[..., 0, :], axis=-1)
    scale = np.linalg.det(b)[..., None, None]
    return scale * (det_c[..., None, None] * inverse + left @ adj_c @ right)


def det_jvp(tangents, y, a):
    return spread(np.sum(swap(adjugate(a)) * tangents[0], axis=(-2, -1)), y)


def det_vjp(wanted, ct, y, a):
    return (fit(ct[..., None, None] * hermitian(adjugate(a)), a),)


det = blockwise(
    np.linalg.det, name="det", signature="(m,m)->()", jvp=det_jvp, vjp=det_vjp, saves=keeps_args, dtype=floating
)

# ---- sign and logarithm of the determinant --------------------------------------------------------------------------
# With z = tr(A⁻¹ dA), d log|det| = Re z and d sign = i sign Im z. Together they take Re(conj(c) z) of z, where
# c = g_log + i Im(conj(sign) g_sign).


def slogdet_jvp(tangents, y, a):
    z = np.sum(diagonal(np.linalg.solve(a, tangents[0])), axis=-1)
    sign = y[0]
    turning = 1j * sign * np.imag(z) if sign.dtype.kind == "c" else None
    return None if turning is None else spread(turning, sign), spread(np.real(z), y[1])


def slogdet_vjp(wanted, ct, y, a):
    g_sign, g_log = ct
    c = g_log
    if g_sign is not None and a.dtype.kind == "c":
        turning = np.imag(np.conjugate(y[0]) * g_sign) * 1j  # in this order, of a NumPy number: a NumPy number
        c = turning if c is None else c + turning
    return (None if c is None else fit(c[..., None, None] * hermitian(np.linalg.inv(a)), a),)


slogdet = blockwise(
    np.linalg.slogdet,
    name="slogdet",
    signature="(m,m)->(),()",
    jvp=slogdet_jvp,
    vjp=slogdet_vjp,
    dtype=lambda a: (floating(a), real_part_of(floating(a))),
    multi=True,
)

# ---- Euclidean length of real numbers -------------------------------------------------------------------------------


def direction(y, x, axes):
    """x / |x|, and 0 at 0: there it is the subgradient of least norm."""
    at_zero = y == 0
    return np.where(at_zero, np.zeros((), x.dtype), x / np.where(at_zero, np.ones((), x.dtype), y))


length = reduction(
    lambda x, axis, keepdims=False: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    name="norm",
    loops=False,
    d=direction,
)

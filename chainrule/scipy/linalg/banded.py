"""Banded matrices: entry (i, j) of a matrix with `l` diagonals below its main one and `u` above is ab[u + i - j, j].

Some places of `ab` lie outside the matrix; nothing depends on them. A Hermitian matrix is given by one half of its
diagonals, and a factor of it has that shape, too; the rules see the lower half.
"""

from typing import Any

import numpy as np
import scipy.linalg

from ...core.trace import bind
from ...ops.families import add_up, adjoint, blockwise, fit, keeps, spread
from ...ops.linalg import hermitian
from ..namespace import instead_of
from .arguments import each, matrix, system
from .factors import lower_factor
from .solving import with_triangle

# ---- bands ----------------------------------------------------------------------------------------------------------


def places(ab: Any, u: int, sign: int) -> tuple[Any, Any, Any]:
    """At row r, column j of a band: r, j + sign (r - u) where that is inside the matrix, and where it is."""
    d, n = ab.shape[-2:]
    r = np.arange(d)[:, None]
    other = np.arange(n) + sign * (r - u)
    inside = (other >= 0) & (other < n)
    return r, np.where(inside, other, 0), inside


def by_rows(ab: Any, u: int) -> Any:
    """The band with its entries under their rows instead of their columns: c[r, i] is entry (i, i - (r - u))."""
    r, j, inside = places(ab, u, -1)
    return np.where(inside, ab[..., r, j], np.zeros((), ab.dtype))


def adjoint_band(ab: Any, u: int) -> Any:
    """The band of the conjugate transpose, which has as many diagonals above as this one has below."""
    return adjoint(by_rows(ab, u)[..., ::-1, :])


def times(ab: Any, u: int, y: Any) -> Any:
    """The product of a banded matrix and a matrix."""
    _, j, _ = places(ab, u, -1)
    return np.sum(by_rows(ab, u)[..., None] * y[..., j, :], axis=-3)


def on_band(ab: Any, u: int, x: Any, y: Any) -> Any:
    """The band of x yᴴ, of the shape of `ab`."""
    _, i, inside = places(ab, u, 1)
    entries = np.sum(x[..., i, :] * adjoint(y)[..., None, :, :], axis=-1)
    return np.where(inside, entries, np.zeros((), entries.dtype))


def dense(ab: Any, u: int) -> Any:
    """The matrix."""
    d, n = ab.shape[-2:]
    r = u + np.arange(n)[:, None] - np.arange(n)
    inside = (r >= 0) & (r < d)
    return np.where(inside, ab[..., np.where(inside, r, 0), np.arange(n)], np.zeros((), ab.dtype))


def lower_half(ab: Any, lower: Any) -> Any:
    """One half of a Hermitian band as the lower half."""
    return ab if lower else adjoint_band(ab, ab.shape[-2] - 1)


def hermitian_band(ab: Any) -> Any:
    """The whole band from its lower half, whose diagonal counts as real."""
    diagonal, below = np.real(ab[..., :1, :]).astype(ab.dtype), ab[..., 1:, :]
    above = adjoint(by_rows(ab, 0)[..., :0:-1, :])
    return np.concatenate([above, diagonal, below], axis=-2)


# ---- equations ------------------------------------------------------------------------------------------------------
# As in ops/linalg.py: dY = A⁻¹ (dB - dA Y). With c = A⁻ᴴ g the cotangent of B is c, that of the band the band of -c Yᴴ.


def solve_banded_of(ab, b, *, u, positive):
    if positive:
        return scipy.linalg.solveh_banded(ab[u:], b, lower=True, check_finite=False)
    return scipy.linalg.solve_banded((len(ab) - 1 - u, u), ab, b, check_finite=False)


def solve_banded_jvp(tangents, y, ab, b, *, u, positive):
    dab, db = tangents
    db = add_up((db, None if dab is None else -times(dab, u, y)))
    return spread(bind(banded, ab, db, u=u, positive=positive), y)


def solve_banded_vjp(wanted, ct, y, ab, b, *, u, positive):
    c = bind(banded, adjoint_band(ab, u), ct, u=ab.shape[-2] - 1 - u, positive=positive)
    return fit(-on_band(ab, u, c, y), ab) if wanted[0] else None, fit(c, b) if wanted[1] else None


banded = blockwise(
    each(2, 2)(solve_banded_of),
    name="scipy.linalg.solve_banded",
    signature="(d,n),(n,k)->(n,k)",
    jvp=solve_banded_jvp,
    vjp=solve_banded_vjp,
    saves=keeps((0, "y"), (0,)),
)


@instead_of(scipy.linalg.solve_banded)
def solve_banded(l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True):
    """Solves a x = b for a banded matrix, differentiable in `ab` and `b`."""
    lower, upper = l_and_u
    ab, b, back = system(ab, b, check_finite)
    if lower + upper + 1 != ab.shape[-2]:
        raise ValueError(f"l + u + 1 ({lower + upper + 1}) does not equal ab.shape[-2] ({ab.shape[-2]})")
    return back(bind(banded, ab, b, u=int(upper), positive=False))


@instead_of(scipy.linalg.solveh_banded)
def solveh_banded(ab, b, overwrite_ab=False, overwrite_b=False, lower=False, check_finite=True):
    """Solves a x = b for a positive definite banded matrix, differentiable in `ab` and `b`."""
    ab, b, back = system(ab, b, check_finite)
    return back(bind(banded, hermitian_band(lower_half(ab, lower)), b, u=ab.shape[-2] - 1, positive=True))


# ---- equations from a Cholesky factor: L Lᴴ Y = B -------------------------------------------------------------------
# dY = A⁻¹ (dB - dL LᴴY - L dLᴴ Y). With c = A⁻¹ g the cotangent of L is the band of -(c (LᴴY)ᴴ + Y (Lᴴc)ᴴ).


def cho_solve_banded_of(cb, b):
    return scipy.linalg.cho_solve_banded((cb, True), b, check_finite=False)


def cho_solve_banded_jvp(tangents, y, cb, b):
    dcb, db = tangents
    d = cb.shape[-2] - 1
    if dcb is not None:
        change = times(dcb, 0, times(adjoint_band(cb, 0), d, y)) + times(cb, 0, times(adjoint_band(dcb, 0), d, y))
        db = add_up((db, -change))
    return spread(bind(cho_banded, cb, db), y)


def cho_solve_banded_vjp(wanted, ct, y, cb, b):
    c = bind(cho_banded, cb, ct)
    if not wanted[0]:
        return None, fit(c, b)
    back = adjoint_band(cb, 0)
    d = cb.shape[-2] - 1
    found = -on_band(cb, 0, c, times(back, d, y)) - on_band(cb, 0, y, times(back, d, c))
    return fit(found, cb), fit(c, b) if wanted[1] else None


cho_banded = blockwise(
    each(2, 2)(cho_solve_banded_of),
    name="scipy.linalg.cho_solve_banded",
    signature="(d,n),(n,k)->(n,k)",
    jvp=cho_solve_banded_jvp,
    vjp=cho_solve_banded_vjp,
    saves=keeps((0, "y"), (0,)),
)


@instead_of(scipy.linalg.cho_solve_banded)
def cho_solve_banded(cb_and_lower, b, overwrite_b=False, check_finite=True):
    """Solves a x = b from the banded Cholesky factor of a, differentiable in the factor and in `b`."""
    cb, lower = cb_and_lower
    cb, b, back = system(cb, b, check_finite)
    return back(bind(cho_banded, lower_half(cb, lower), b))


# ---- Cholesky -------------------------------------------------------------------------------------------------------


@instead_of(scipy.linalg.cholesky_banded)
def cholesky_banded(ab, overwrite_ab=False, lower=False, check_finite=True):
    """The Cholesky factor of a positive definite banded matrix, as a band. It is differentiable."""
    ab = matrix(ab, check_finite)
    half = lower_half(ab, lower)
    half = np.concatenate([np.real(half[..., :1, :]).astype(ab.dtype), half[..., 1:, :]], axis=-2)
    factor = band_of_factor(half)
    inside = places(ab, 0 if lower else ab.shape[-2] - 1, 1)[2]
    return np.where(inside, factor if lower else adjoint_band(factor, 0), ab)


def band_of_factor(ab: Any) -> Any:
    """By blocks at least as large as the band is wide, in which the matrix is tridiagonal."""
    d, n = ab.shape[-2:]
    size = max(d, BLOCK)
    columns, below = [], None
    for start in range(0, n, size):
        strip = ab[..., start : start + size]
        block = dense(strip, 0)
        factor = lower_factor(block if below is None else block - below @ hermitian(below))
        rest = dense(strip, size)[..., : max(n - start - size, 0), :]
        below = hermitian(with_triangle(factor, hermitian(rest), 0, True))
        whole = np.concatenate([factor, below], axis=-2)
        width = strip.shape[-1]
        row = np.arange(d)[:, None] + np.arange(width)
        inside = row < whole.shape[-2]
        columns.append(np.where(inside, whole[..., np.where(inside, row, 0), np.arange(width)], np.zeros((), ab.dtype)))
    return np.concatenate(columns, axis=-1) if columns else ab


BLOCK = 32
"""Rows: smaller blocks cost more Python than arithmetic."""

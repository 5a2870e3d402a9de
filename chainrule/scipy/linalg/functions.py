"""Functions of matrices.

The derivative of a function of A along E stands in the upper right corner of the function of [[A, E], [0, A]]: Najfeld
and Havel (1995), Derivatives of the matrix exponential and their computation; Mathias (1996), A chain rule for matrix
functions. So it is a value of the function itself, and so are all its derivatives. A cotangent is the derivative at Aᴴ
along g, for these functions are real on the real axis.
"""

import functools
import warnings
from typing import Any

import numpy as np
import scipy.linalg

from ...core.primitive import keeps_args, keeps_output
from ...core.trace import bind
from ...ops.control import stop_gradient
from ...ops.decompositions import assure, complex_of
from ...ops.families import add_up, blockwise, fit, keeps, spread
from ...ops.linalg import hermitian
from ..namespace import instead_of
from .arguments import common, each, real_if, refuse, square
from .equations import regular_sylvester
from .solving import solve_general

# ---- the derivative of any of them ----------------------------------------------------------------------------------


def along(function: Any, a: Any, e: Any) -> Any:
    """The derivative of function(a) along e, which is scaled to the size of `a`, for the sake of the digits."""
    n = a.shape[-1]
    of_a, of_e = (np.max(np.abs(stop_gradient(x)), axis=(-2, -1), keepdims=True, initial=0) for x in (a, e))
    scale = np.where((of_e > 0) & (of_e < np.inf), of_e / np.where(of_a > 0, of_a, 1), 1).astype(of_a.dtype)
    lead = np.broadcast_shapes(a.shape, e.shape)
    a, e = np.broadcast_to(a, lead), np.broadcast_to(e / scale, lead)
    top, bottom = np.concatenate([a, e], axis=-1), np.concatenate([np.zeros_like(a), a], axis=-1)
    return scale * function(np.concatenate([top, bottom], axis=-2))[..., :n, n:]


def computed_as(function: Any, a: Any, *args: Any) -> Any:
    """`a` in the dtype of SciPy's result, which may be of double precision where that of `a` is not."""
    return a.astype(np.result_type(a.dtype, dtype_of_result(function, a.dtype, *args)))


@functools.cache
def dtype_of_result(function: Any, dtype: np.dtype, *args: Any) -> np.dtype:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(np.array([[2, 1], [1, 2]], dtype), *args).dtype


# ---- exponential, and what is made of it ----------------------------------------------------------------------------

# SciPy has a function of its own for the slope, which takes a third of the time and loses no digits: Al-Mohy and Higham
# (2009), Computing the Fréchet derivative of the matrix exponential. It is linear in E. Its derivative in A along F
# stands in the corner of itself, for [[A, F], [0, A]] and [[E, 0], [0, E]].


def frechet_of(a, e):
    return np.asarray(scipy.linalg.expm_frechet(a, e, compute_expm=False, check_finite=False)).astype(a.dtype)


def slope(a: Any, e: Any) -> Any:
    return bind(frechet, a, e)


def bent(a: Any, e: Any, f: Any) -> Any:
    """The second derivative of the exponential along e and f."""
    zeros = np.zeros_like(e)
    top, bottom = np.concatenate([e, zeros], axis=-1), np.concatenate([zeros, e], axis=-1)
    twice = np.concatenate([top, bottom], axis=-2)
    return along(lambda big: slope(big, twice), a, f)


def frechet_jvp(tangents, y, a, e):
    da, de = tangents
    along_a, along_e = None if da is None else bent(a, e, da), None if de is None else slope(a, de)
    return spread(add_up((along_a, along_e)), y)


def frechet_vjp(wanted, ct, y, a, e):
    ah = hermitian(a)
    return (
        fit(bent(ah, hermitian(e), ct), a) if wanted[0] else None,
        fit(slope(ah, ct), e) if wanted[1] else None,
    )


frechet = blockwise(
    each(2, 2)(frechet_of),
    name="scipy.linalg.expm_frechet",
    signature="(m,m),(m,m)->(m,m)",
    jvp=frechet_jvp,
    vjp=frechet_vjp,
    saves=keeps((0, 1), (0,)),
)


def exponential_of(a, *, alone):
    if alone:
        return scipy.linalg.expm(a)
    return beside(a)  # the last digits of what SciPy computes beside the slope are others


beside = each(2)(lambda a: scipy.linalg.expm_frechet(a, np.zeros_like(a), check_finite=False)[0].astype(a.dtype))

exponential = blockwise(
    exponential_of,
    name="scipy.linalg.expm",
    signature="(m,m)->(m,m)",
    jvp=lambda tangents, y, a, *, alone: spread(slope(a, tangents[0]), y),
    vjp=lambda wanted, ct, y, a, *, alone: (fit(slope(hermitian(a), ct), a),),
    saves=keeps_args,
)


def exp(a: Any) -> Any:
    return bind(exponential, a, alone=True)


@instead_of(scipy.linalg.expm)
def expm(A):
    """The matrix exponential, differentiable to any order."""
    (a,) = common(A)
    if len(a.shape) < 2 and a.size == 1:
        return np.exp(np.reshape(a, (1, 1)).astype(np.result_type(a.dtype, np.float64)))  # as SciPy
    return exp(square(a, error=np.linalg.LinAlgError))


def slope_of(a: Any) -> Any:
    return np.asarray(scipy.linalg.expm_frechet(a, a, compute_expm=False))


@instead_of(scipy.linalg.expm_frechet)
def expm_frechet(A, E, method=None, compute_expm=True, check_finite=True):
    """The derivative of the matrix exponential at A along E, differentiable in both."""
    a, e = common(A, E, finite=check_finite)
    a, e = square(a), square(e)
    if a.shape[-2:] != e.shape[-2:]:
        raise ValueError("expected A and E to be the same shape")
    if method not in (None, "SPS", "blockEnlarge"):
        raise ValueError(f"Unknown implementation {method}")
    a, e = (computed_as(slope_of, x) for x in (a, e))
    return (bind(exponential, a, alone=False), slope(a, e)) if compute_expm else slope(a, e)


def euler(a: Any) -> tuple[Any, Any]:
    """The cosine and the sine."""
    forth = exp(1j * a)
    if a.dtype.kind != "c":
        return np.real(forth), np.imag(forth)
    back = exp(-1j * a)
    return 0.5 * (forth + back), -0.5j * (forth - back)


def hyperbolic(a: Any) -> tuple[Any, Any]:
    """The hyperbolic cosine and sine."""
    forth, back = exp(a), exp(-a)
    return 0.5 * (forth + back), 0.5 * (forth - back)


@instead_of(scipy.linalg.cosm)
def cosm(A):
    """The matrix cosine, differentiable to any order."""
    return euler(square(A))[0]


@instead_of(scipy.linalg.sinm)
def sinm(A):
    """The matrix sine, differentiable to any order."""
    return euler(square(A))[1]


@instead_of(scipy.linalg.tanm)
def tanm(A):
    """The matrix tangent, differentiable to any order."""
    return bind(solve_general, *euler(square(A)), kind=None)


@instead_of(scipy.linalg.coshm)
def coshm(A):
    """The hyperbolic matrix cosine, differentiable to any order."""
    return hyperbolic(square(A))[0]


@instead_of(scipy.linalg.sinhm)
def sinhm(A):
    """The hyperbolic matrix sine, differentiable to any order."""
    return hyperbolic(square(A))[1]


@instead_of(scipy.linalg.tanhm)
def tanhm(A):
    """The hyperbolic matrix tangent, differentiable to any order."""
    return bind(solve_general, *hyperbolic(square(A)), kind=None)


# ---- logarithm and powers: complex inside, for so is the result if an eigenvalue is negative -------------------------


def as_complex(function):
    """`function` with complex results."""
    # A copy, for older SciPy asks for arrays that may be written into.
    return lambda a, *args: np.asarray(function(np.array(a), *args)).astype(complex_of(a), copy=False)


def off_the_cut(a: Any) -> None:
    """Raises if an eigenvalue is a negative number or zero: the function jumps there, or its slope is infinite."""
    w = np.linalg.eigvals(stop_gradient(a))
    near = np.sqrt(np.finfo(a.dtype).eps) * np.max(np.abs(w), axis=-1, keepdims=True, initial=0)
    assure(
        (np.real(w) > near) | (np.abs(np.imag(w)) > near),
        "scipy.linalg.logm, fractional_matrix_power: an eigenvalue is zero or negative: there is no derivative there",
    )


def log_slope(a, e):
    off_the_cut(a)
    return along(lambda x: bind(logarithm, x), a, e)


logarithm = blockwise(
    each(2)(as_complex(scipy.linalg.logm)),
    name="scipy.linalg.logm",
    signature="(m,m)->(m,m)",
    jvp=lambda tangents, y, a: spread(log_slope(a, tangents[0]), y),
    vjp=lambda wanted, ct, y, a: (fit(log_slope(hermitian(a), ct), a),),
    saves=keeps_args,
    dtype=complex_of,
)


def no_estimate(what: str, disp: Any) -> None:
    if disp is False:
        raise refuse(what, "disp=False returns an estimate of the error, too, which has no derivative: leave it away")


@instead_of(scipy.linalg.logm)
def logm(A, disp: Any = None):
    """The matrix logarithm, differentiable to any order where no eigenvalue is negative or zero."""
    no_estimate("logm", disp)
    a = computed_as(scipy.linalg.logm, square(A))
    return real_if(bind(logarithm, a), a)


# dY/dt = log(A) Y. The derivative in A is as above.


def power_jvp(tangents, y, a, t):
    da, dt = tangents
    off_the_cut(a)
    of_a = None if da is None else along(lambda x: bind(power, x, t), a, da)
    return spread(add_up((of_a, None if dt is None else dt[..., None, None] * (bind(logarithm, a) @ y))), y)


def power_vjp(wanted, ct, y, a, t):
    off_the_cut(a)
    of_a = of_t = None
    if wanted[0]:
        of_a = fit(along(lambda x: bind(power, x, t), hermitian(a), ct), a)
    if wanted[1]:
        of_t = fit(np.sum(np.real(np.conjugate(ct) * (bind(logarithm, a) @ y)), axis=(-2, -1)), t)
    return of_a, of_t


power = blockwise(
    each(2, 0)(as_complex(lambda a, t: scipy.linalg.fractional_matrix_power(a, float(t)))),
    name="scipy.linalg.fractional_matrix_power",
    signature="(m,m),()->(m,m)",
    jvp=power_jvp,
    vjp=power_vjp,
    saves=keeps((0, 1), (0, "y")),
    dtype=lambda a, t: complex_of(a),
)


@instead_of(scipy.linalg.fractional_matrix_power)
def fractional_matrix_power(A, t):
    """A power of a matrix, differentiable in both; with a fractional one no eigenvalue may be negative or zero."""
    a = square(A)
    if isinstance(t, int | float | np.generic) and t == int(t):
        return np.linalg.matrix_power(a, int(t))
    a = computed_as(scipy.linalg.fractional_matrix_power, a, 0.5)
    (t,) = common(t)
    return real_if(bind(power, a, t), a)


# ---- square root: Y dY + dY Y = dA ----------------------------------------------------------------------------------

SQRTM = "scipy.linalg.sqrtm: the root has no derivative here, for two eigenvalues of it add up to zero"

root = blockwise(
    each(2)(as_complex(scipy.linalg.sqrtm)),
    name="scipy.linalg.sqrtm",
    signature="(m,m)->(m,m)",
    jvp=lambda tangents, y, a: spread(regular_sylvester(y, y, tangents[0].astype(y.dtype), SQRTM), y),
    vjp=lambda wanted, ct, y, a: (fit(regular_sylvester(hermitian(y), hermitian(y), ct, SQRTM), a),),
    saves=keeps_output,
    dtype=complex_of,
)


@instead_of(scipy.linalg.sqrtm)
def sqrtm(A, disp: Any = None, blocksize: Any = None):
    """The principal square root, differentiable to any order where the matrix is regular."""
    no_estimate("sqrtm", disp)
    a = square(A, error=np.linalg.LinAlgError)
    return real_if(bind(root, a), a)


# ---- sign: with N = S A, N dS + dS N = dA - S dA S, so with Nᴴ Z + Z Nᴴ = g the cotangent is Z - Sᴴ Z Sᴴ ------------
# Kenney and Laub (1991), Polar decomposition and matrix sign function condition estimates.

SIGNM = "scipy.linalg.signm: the sign has no derivative here, for an eigenvalue lies on the imaginary axis"


def signm_of(a):
    y = np.asarray(scipy.linalg.signm(a))
    return (y if a.dtype.kind == "c" else np.real(y)).astype(a.dtype, copy=False)


def signm_jvp(tangents, y, a):
    n, (da,) = y @ a, tangents
    return spread(regular_sylvester(n, n, da - y @ da @ y, SIGNM), y)


def signm_vjp(wanted, ct, y, a):
    n, s = hermitian(y @ a), hermitian(y)
    z = regular_sylvester(n, n, ct, SIGNM)
    return (fit(z - s @ z @ s, a),)


sign = blockwise(
    each(2)(signm_of),
    name="scipy.linalg.signm",
    signature="(m,m)->(m,m)",
    jvp=signm_jvp,
    vjp=signm_vjp,
    saves=keeps((0, "y")),
)


@instead_of(scipy.linalg.signm)
def signm(A, disp: Any = None):
    """The matrix sign function, differentiable where no eigenvalue is on the imaginary axis."""
    no_estimate("signm", disp)
    return bind(sign, square(A))

"""The error function and its relatives, the normal distribution, and Fresnel's integrals.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

import math

import numpy as np
import scipy.special as sc

from .table import PI, SQRT_2, SQRT_2PI, SQRT_PI, special

erf = special(sc.erf, d=lambda x: 2 / SQRT_PI * np.exp(-x * x))
erfc = special(sc.erfc, d=lambda x: -2 / SQRT_PI * np.exp(-x * x))
erfi = special(sc.erfi, d=lambda x: 2 / SQRT_PI * np.exp(x * x))
erfinv = special(sc.erfinv, d=lambda y: SQRT_PI / 2 * np.exp(y * y))
erfcinv = special(sc.erfcinv, d=lambda y: -SQRT_PI / 2 * np.exp(y * y))

# ---- scaled: each satisfies f' = +-2 x f + c, which cancels for large arguments -------------------------------------

FAR = 16.0


def tail(q):
    """1 + 3 q + 15 q^2 + 105 q^3 + ...: the slopes of the asymptotic series 7.12.1, with q = +-1/(2 x^2)."""
    total = 1.0
    for odd in range(19, 1, -2):
        total = 1.0 + odd * q * total
    return total


def erfcx_slope(x, y):
    far = (np.abs(x) > FAR) & (np.real(x) >= 0)
    inverse = 1 / np.where(far, x, FAR)
    square = inverse * inverse
    return np.where(far, tail(-0.5 * square) * square / -SQRT_PI, 2 * x * y - 2 / SQRT_PI)


def dawsn_slope(x, y):
    square = x * x
    far = np.real(square) > FAR * FAR
    square = np.where(far, square, FAR * FAR)
    return np.where(far, tail(0.5 / square) / (-2 * square), 1 - 2 * x * y)


def wofz_slope(x, y):
    far = (np.abs(x) > FAR) & (np.imag(x) >= 0)
    square = np.where(far, x * x, FAR * FAR)
    return np.where(far, -1j * tail(0.5 / square) / (SQRT_PI * square), 2j / SQRT_PI - 2 * x * y)  # 7.10.2


erfcx = special(sc.erfcx, d=lambda x, y: erfcx_slope(x, y))
dawsn = special(sc.dawsn, d=lambda x, y: dawsn_slope(x, y))
wofz = special(sc.wofz, d=lambda x, y: wofz_slope(x, y))


def faddeeva(x, s, g):
    """w'(z) at z = (x + i g) / (s sqrt 2): Voigt's profile is Re w(z) / (s sqrt(2 pi))."""
    z = (x + 1j * g) / (SQRT_2 * s)
    return z, wofz_slope(z, sc.wofz(z))


def voigt_in_x(x, s, g):
    return np.real(faddeeva(x, s, g)[1]) / (2 * SQRT_PI * s * s)


def voigt_in_sigma(x, s, g, y):
    z, slope = faddeeva(x, s, g)
    return -(y + np.real(z * slope) / (SQRT_2PI * s)) / s


def voigt_in_gamma(x, s, g):
    return -np.imag(faddeeva(x, s, g)[1]) / (2 * SQRT_PI * s * s)


voigt_profile = special(
    sc.voigt_profile,
    d=(
        lambda a, b, c: voigt_in_x(a, b, c),
        lambda a, b, c, y: voigt_in_sigma(a, b, c, y),
        lambda a, b, c: voigt_in_gamma(a, b, c),
    ),
)

# ---- the normal distribution ----------------------------------------------------------------------------------------


def normal_density(x):
    return np.exp(-0.5 * x * x) / SQRT_2PI


def hazard(x):
    """density(x) / ndtr(x), without underflow of either on the left: erfcx is the ratio there."""
    left = np.real(x) < 0
    ratio = math.sqrt(2 / PI) / sc.erfcx(np.where(left, x, -1.0) / -SQRT_2)
    right = np.where(left, 0.0, x)
    return np.where(left, ratio, normal_density(right) / sc.ndtr(right))


ndtr = special(sc.ndtr, d=lambda x: normal_density(x))
log_ndtr = special(sc.log_ndtr, d=lambda x: hazard(x))
ndtri = special(sc.ndtri, d=lambda y: 1 / normal_density(y))
ndtri_exp = special(sc.ndtri_exp, d=lambda y: 1 / hazard(y))
# By differentiating the integral from 0 to a of exp(-h^2 (1 + x^2) / 2) / (2 pi (1 + x^2)).
owens_t = special(
    sc.owens_t,
    d=(
        lambda a, b: -0.5 * normal_density(a) * sc.erf(a * b / SQRT_2),
        lambda a, b: np.exp(-0.5 * a * a * (1 + b * b)) / (2 * PI * (1 + b * b)),
    ),
)

# ---- Fresnel's integrals --------------------------------------------------------------------------------------------

fresnel = special(sc.fresnel, d=(lambda x: np.sin(PI / 2 * x * x), lambda x: np.cos(PI / 2 * x * x)))
# The modified ones: F(x), the integral from x to infinity of exp(+-i t^2), and K(x) = c exp(-+i x^2) F(x).
EIGHTH = complex(math.sqrt(0.5), math.sqrt(0.5))
"""exp(i pi / 4)"""
modfresnelp = special(
    sc.modfresnelp,
    d=(lambda x: -np.exp(1j * (x * x)), lambda x, y: -2j * x * y[1] - EIGHTH.conjugate() / SQRT_PI),
)
modfresnelm = special(
    sc.modfresnelm,
    d=(lambda x: -np.exp(-1j * (x * x)), lambda x, y: 2j * x * y[1] - EIGHTH / SQRT_PI),
)

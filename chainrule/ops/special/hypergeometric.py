"""Hypergeometric functions, exponential integrals, and solutions of further linear equations of second order.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

import numpy as np
import scipy.special as sc

from .table import DEGREE, PI, Behind, Unknown, at, special

A, B, C = map(Unknown, "abc")

hyp0f1 = special(sc.hyp0f1, d=(Unknown("v"), lambda a, b: sc.hyp0f1(a + 1.0, b) / a))  # 16.3.1
hyp1f1 = special(sc.hyp1f1, d=(A, B, lambda a, b, c: a / b * sc.hyp1f1(a + 1.0, b + 1.0, c)))  # 13.3.15
hyperu = special(sc.hyperu, d=(A, B, lambda a, b, c: -a * sc.hyperu(a + 1.0, b + 1.0, c)))  # 13.3.22
hyp2f1 = special(  # 15.5.1
    sc.hyp2f1, d=(A, B, C, lambda a, b, c, d: a * b / c * sc.hyp2f1(a + 1.0, b + 1.0, c + 1.0, d))
)
wright_bessel = special(sc.wright_bessel, d=(A, B, lambda a, b, c: sc.wright_bessel(a, a + b, c)))  # 10.46.1
if hasattr(sc, "log_wright_bessel"):  # SciPy 1.14
    log_wright_bessel = special(
        sc.log_wright_bessel, d=(A, B, lambda a, b, c, y: np.exp(sc.log_wright_bessel(a, a + b, c) - y))
    )

# ---- exponential, trigonometric and hyperbolic integrals ------------------------------------------------------------


def sinhc(x):
    """sinh(x) / x; near 0 its Taylor series, which has derivatives there."""
    near = np.abs(x) < 1e-2
    square = np.where(near, x * x, 0.0)
    series = 1 + square / 6 * (1 + square / 20 * (1 + square / 42 * (1 + square / 72)))
    far = np.where(near, 1.0, x)
    return np.where(near, series, np.sinh(far) / far)


exp1 = special(sc.exp1, d=lambda x: -np.exp(-x) / x)
expi = special(sc.expi, d=lambda x: np.exp(x) / x)
sici = special(sc.sici, d=(lambda x: np.sinc(x / PI), lambda x: np.cos(x) / x))
shichi = special(sc.shichi, d=(lambda x: sinhc(x), lambda x: np.cosh(x) / x))


def expn_slope(n, x):
    """-E_(n-1), 8.19.13; E_(-1) is exp(-x) (1 + 1/x) / x."""
    zero = n == 0
    last = np.where(zero, x, 1.0)
    return -np.where(zero, np.exp(-last) * (1 + 1 / last) / last, sc.expn(np.where(zero, n, n - 1), x))


expn = special(sc.expn, d=(Unknown("n"), lambda a, b: expn_slope(a, b)))


def dilogarithm_slope(z):
    """log(z) / (1 - z), which near 1 is -F(1, 1; 2; 1 - z)."""
    near = np.abs(1 - z) < 0.25
    far = np.where(near, 2.0, z)
    return np.where(near, -at(sc.hyp2f1, 1.0, 1.0, 2.0, np.where(near, 1 - z, 0.0)), np.log(far) / (1 - far))


spence = special(sc.spence, d=lambda x: dilogarithm_slope(x))
# y exp(y) = x, so dy = exp(-y) / (1 + y) dx; the second and third arguments are the branch and the tolerance.
lambertw = special(Behind.ufunc(sc.lambertw), d=(lambda y: np.exp(-y) / (1 + y), None, None), name="lambertw")
wrightomega = special(sc.wrightomega, d=lambda y: y / (1 + y))  # y + log(y) = x

# ---- parabolic cylinder functions: w'' = (x^2/4 + a) w, 12.2.2, and w'' = (a - x^2/4) w, 12.2.3 ---------------------


def cylinder(v, x):
    return 0.25 * x * x - v - 0.5


V = Unknown("v")
pbdv = special(sc.pbdv, d=((V, lambda y: y[1]), (V, lambda a, b, y: cylinder(a, b) * y[0])))
pbvv = special(sc.pbvv, d=((V, lambda y: y[1]), (V, lambda a, b, y: cylinder(a, b) * y[0])))
pbwa = special(sc.pbwa, d=((A, lambda y: y[1]), (A, lambda a, b, y: (a - 0.25 * b * b) * y[0])))

# ---- Mathieu's functions: w'' = -(a - 2 q cos(2 z)) w, 28.2.1, and with cosh w'' = (a - 2 q cosh(2 z)) w, 28.20.1 ---

M, Q = Unknown("m"), Unknown("q")


def angular(ufunc, value):
    """The angle is in degrees, the derivative that the function gives by radians."""

    def second(m, q, x, y):
        return -DEGREE * (value(m, q) - 2 * q * np.cos(2 * DEGREE * x)) * y[0]

    return special(ufunc, d=((M, Q, lambda y: DEGREE * y[1]), (M, Q, lambda a, b, c, y: second(a, b, c, y))))


def radial(ufunc, value):
    def second(m, q, x, y):
        return (value(m, q) - 2 * q * np.cosh(2 * x)) * y[0]

    return special(ufunc, d=((M, Q, lambda y: y[1]), (M, Q, lambda a, b, c, y: second(a, b, c, y))))


mathieu_cem = angular(sc.mathieu_cem, sc.mathieu_a)
mathieu_sem = angular(sc.mathieu_sem, sc.mathieu_b)
mathieu_modcem1 = radial(sc.mathieu_modcem1, sc.mathieu_a)
mathieu_modcem2 = radial(sc.mathieu_modcem2, sc.mathieu_a)
mathieu_modsem1 = radial(sc.mathieu_modsem1, sc.mathieu_b)
mathieu_modsem2 = radial(sc.mathieu_modsem2, sc.mathieu_b)

# ---- spheroidal wave functions: ((1 - x^2) w')' + (cv - c^2 x^2 - m^2 / (1 - x^2)) w = 0, 30.2.1 --------------------
# Prolate inside [-1, 1] and, radial, beyond; oblate with -c^2, and radial with i x for x.


def spheroidal(ufunc, value, sign, imaginary=False):
    """`value` is the characteristic value, or None where it is the fourth argument of the ufunc.

    sign: of c^2 in the equation; imaginary: whether it is that of w(i x).
    """

    def second(m, c, x, cv, y):
        if imaginary:
            p = 1 + x * x
            return ((cv - c * c * x * x - m * m / p) * y[0] - 2 * x * y[1]) / p
        p = 1 - x * x
        return (2 * x * y[1] - (cv - sign * c * c * x * x - m * m / p) * y[0]) / p

    m, n, c, cv = map(Unknown, ("m", "n", "c", "cv"))
    if value is None:
        return special(
            ufunc,
            d=((m, n, c, cv, lambda y: y[1]), (m, n, c, cv, lambda a, c, d, e, y: second(a, c, e, d, y))),
        )
    return special(
        ufunc,
        d=((m, n, c, lambda y: y[1]), (m, n, c, lambda a, b, c, d, y: second(a, c, d, value(a, b, c), y))),
    )


pro_ang1 = spheroidal(sc.pro_ang1, sc.pro_cv, 1)
pro_rad1 = spheroidal(sc.pro_rad1, sc.pro_cv, 1)
pro_rad2 = spheroidal(sc.pro_rad2, sc.pro_cv, 1)
obl_ang1 = spheroidal(sc.obl_ang1, sc.obl_cv, -1)
obl_rad1 = spheroidal(sc.obl_rad1, sc.obl_cv, -1, imaginary=True)
obl_rad2 = spheroidal(sc.obl_rad2, sc.obl_cv, -1, imaginary=True)
pro_ang1_cv = spheroidal(sc.pro_ang1_cv, None, 1)
pro_rad1_cv = spheroidal(sc.pro_rad1_cv, None, 1)
pro_rad2_cv = spheroidal(sc.pro_rad2_cv, None, 1)
obl_ang1_cv = spheroidal(sc.obl_ang1_cv, None, -1)
obl_rad1_cv = spheroidal(sc.obl_rad1_cv, None, -1, imaginary=True)
obl_rad2_cv = spheroidal(sc.obl_rad2_cv, None, -1, imaginary=True)

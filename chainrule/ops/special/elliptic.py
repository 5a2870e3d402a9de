"""Elliptic integrals, in the parameter m = k^2, and what is made of them.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov. The textbook forms
of the derivatives in m are quotients that cancel at m = 0 (19.4.1, 19.4.5); these do not.
"""

import numpy as np
import scipy.special as sc

from .table import PI, at, common, special

# ---- complete -------------------------------------------------------------------------------------------------------


def k_slope(m):
    return k_slope_from(1 - m)


def k_slope_from(p):
    """Of K(m) = pi/2 F(1/2, 1/2; 1; m), 19.5.1, at m = 1 - p."""
    return PI / 8 * at(sc.hyp2f1, 0.5, 0.5, 2.0, 1 - p) / p


def e_slope(m):
    """Of E(m) = pi/2 F(-1/2, 1/2; 1; m), 19.5.2."""
    return -PI / 8 * at(sc.hyp2f1, 0.5, 1.5, 2.0, m)


ellipk = special(sc.ellipk, d=lambda x: k_slope(x))
ellipkm1 = special(sc.ellipkm1, d=lambda x: -k_slope_from(x))
ellipe = special(sc.ellipe, d=lambda x: e_slope(x))


def mean_in_second(a, b, y):
    """agm(a, b) = pi a / (2 K(1 - b^2/a^2)), 19.8.5, for |b| <= |a|; else by homogeneity, a M_a + b M_b = M."""
    a, b = common(a, b)
    swap = np.abs(b) > np.abs(a)
    high, low = np.where(swap, b, a), np.where(swap, a, b)
    r = low / high
    in_low = 4 / PI * r * np.square(y / high) * k_slope_from(r * r)
    return np.where(swap, (y - low * in_low) / high, in_low)


agm = special(sc.agm, d=(lambda a, b, y: mean_in_second(b, a, y), lambda a, b, y: mean_in_second(a, b, y)))

# ---- incomplete: phi is brought to [-pi/2, pi/2], a complete integral for each half turn ----------------------------


def delta(phi, m):
    s = np.sin(phi)
    return np.sqrt(1 - m * s * s)


def half_turns(phi, m, slope):
    """What the half turns contribute to a derivative in m, and the rest of the angle."""
    phi, m = common(phi, m)
    k = np.rint(phi / PI)
    return np.where(k == 0, 0.0, 2 * k * slope(np.where(k == 0, 0.0, m))), phi - k * PI


def f_in_m(phi, m):
    """Half the integral of sin^2 / delta^3, as one of Carlson's: substitute t = (sin(phi) / sin(theta))^2 - 1."""
    whole, rest = half_turns(phi, m, k_slope)
    s, c = np.sin(rest), np.cos(rest)
    return whole + s * s * s / 6 * at(sc.elliprd, c * c, 1.0, 1 - m * s * s)


def e_in_m(phi, m):
    """Minus half the integral of sin^2 / delta, 19.25.13."""
    whole, rest = half_turns(phi, m, e_slope)
    s, c = np.sin(rest), np.cos(rest)
    return whole - s * s * s / 6 * at(sc.elliprd, c * c, 1 - m * s * s, 1.0)


ellipkinc = special(sc.ellipkinc, d=(lambda a, b: 1 / delta(a, b), lambda a, b: f_in_m(a, b)))
ellipeinc = special(sc.ellipeinc, d=(lambda a, b: delta(a, b), lambda a, b: e_in_m(a, b)))

# ---- Jacobi's functions: sn, cn, dn and the angle that u is the integral to -----------------------------------------


def angle_in_m(m, y):
    """u = F(angle, m) stays as it is: d angle = -(dF/dm) / (dF/d angle) dm."""
    return -y[2] * f_in_m(y[3], m)


ellipj = special(
    sc.ellipj,
    d=(
        (lambda y: y[1] * y[2], lambda b, y: y[1] * angle_in_m(b, y)),
        (lambda y: -y[0] * y[2], lambda b, y: -y[0] * angle_in_m(b, y)),
        (
            lambda b, y: -b * y[0] * y[1],
            lambda b, y: -y[0] * (0.5 * y[0] + b * y[1] * angle_in_m(b, y)) / y[2],
        ),
        (lambda y: y[2], lambda b, y: angle_in_m(b, y)),
    ),
)

# ---- Carlson's symmetric integrals ----------------------------------------------------------------------------------


def rd(x, y, z):
    return sc.elliprd(*common(x, y, z))


elliprf = special(  # 19.18.1
    sc.elliprf,
    d=(lambda a, b, c: -rd(b, c, a) / 6, lambda a, b, c: -rd(c, a, b) / 6, lambda a, b, c: -rd(a, b, c) / 6),
)


def rc_in_x(x, y, value):
    """R_C(x, y) is R_F(x, y, y); where y < 0 it is the principal value, and the elementary form is as good."""
    x, y = common(x, y)
    left = np.real(y) < 0
    a, b = np.where(left, 1.0, x), np.where(left, 1.0, y)
    return np.where(left, (value - 1 / np.sqrt(x)) / (2 * np.where(left, y - x, 1.0)), -sc.elliprd(b, b, a) / 6)


def rc_in_y(x, y, value):
    """By homogeneity: x R_x + y R_y = -R / 2, 19.18.11."""
    return -(0.5 * value + x * rc_in_x(x, y, value)) / y


elliprc = special(sc.elliprc, d=(lambda a, b, y: rc_in_x(a, b, y), lambda a, b, y: rc_in_y(a, b, y)))

APART = 1e-3


def rd_in_x(x, y, z):
    """(R_D(x, y, z) - R_D(y, z, x)) / (2 (z - x)): 1/(t+x)(t+z) under the integral in partial fractions.

    It depends on x and z through their mean and the square of their difference. So where they are too close for the
    quotient, it is interpolated in that square between two that are further apart.
    """
    x, y, z = common(x, y, z)
    mean = 0.5 * (x + z)
    near = np.abs(z - x) < 4 * APART * np.abs(mean)

    def quotient(apart):
        a, b = np.where(near, (1 - apart) * mean, x), np.where(near, (1 + apart) * mean, z)
        return (sc.elliprd(a, y, b) - sc.elliprd(y, b, a)) / (2 * (b - a))

    one, two = quotient(APART), quotient(2 * APART)
    at_square = np.square(np.where(near, (z - x) / (2 * APART * np.where(near, mean, 1.0)), 1.0))
    return one + (two - one) * (at_square - 1) / 3


def rd_in_z(x, y, z, value):
    """By homogeneity: x R_x + y R_y + z R_z = -3/2 R, 19.18.11."""
    x, y, z = common(x, y, z)
    a, b = np.where(x == 0, 1.0, x), np.where(y == 0, 1.0, y)  # x R_x is 0 at 0, though R_x is infinite
    first = np.where(x == 0, 0.0, x * rd_in_x(a, y, z))
    second = np.where(y == 0, 0.0, y * rd_in_x(b, x, z))
    return -(1.5 * value + first + second) / z


elliprd = special(
    sc.elliprd,
    d=(
        lambda a, b, c: rd_in_x(a, b, c),
        lambda a, b, c: rd_in_x(b, a, c),
        lambda a, b, c, y: rd_in_z(a, b, c, y),
    ),
)


def rg_in_x(x, y, z):
    """(R_F(x, y, z) - x R_D(y, z, x) / 3) / 4: 1/8 the integral of t / (t + x) in place of that of 1."""
    x, y, z = common(x, y, z)
    zero = x == 0
    return 0.25 * (sc.elliprf(x, y, z) - np.where(zero, 0.0, x * sc.elliprd(y, z, np.where(zero, 1.0, x)) / 3))


elliprg = special(
    sc.elliprg,
    d=(lambda a, b, c: rg_in_x(a, b, c), lambda a, b, c: rg_in_x(b, c, a), lambda a, b, c: rg_in_x(c, a, b)),
)

"""Bessel functions, those of Airy, Kelvin and Struve, and their integrals.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov. The order is a
constant: the derivatives in it are no functions of scipy.special.
"""

import numpy as np
import scipy.special as sc

from .table import SQRT_PI, Unknown, at, common, real, special

ORDER = Unknown("v")


def halfway(f, a, b):
    """f_v' = (f_(v-1) - f_(v+1)) / 2: 10.6.1, for J, Y and the functions of Hankel."""
    return 0.5 * (f(a - 1, b) - f(a + 1, b))


def modified(f, a, b):
    """(f_(v-1) + f_(v+1)) / 2: 10.29.1, for I, and with the other sign for K."""
    return 0.5 * (f(a - 1, b) + f(a + 1, b))


jv = special(sc.jv, d=(ORDER, lambda a, b: halfway(sc.jv, a, b)))
yv = special(sc.yv, d=(ORDER, lambda a, b: halfway(sc.yv, a, b)))
yn = special(sc.yn, d=(Unknown("n"), lambda a, b: halfway(sc.yn, a, b)))
iv = special(sc.iv, d=(ORDER, lambda a, b: modified(sc.iv, a, b)))
kv = special(sc.kv, d=(ORDER, lambda a, b: -modified(sc.kv, a, b)))
kn = special(sc.kn, d=(Unknown("n"), lambda a, b: -modified(sc.kn, a, b)))
hankel1 = special(sc.hankel1, d=(ORDER, lambda a, b: halfway(sc.hankel1, a, b)))
hankel2 = special(sc.hankel2, d=(ORDER, lambda a, b: halfway(sc.hankel2, a, b)))

# ---- scaled: by exp(-|Im z|) J and Y, by exp(-|Re z|) I, by exp(z) K, by exp(-+i z) those of Hankel -----------------

jve = special(sc.jve, d=(ORDER, lambda a, b: halfway(sc.jve, a, real(b, "jve"))))
yve = special(sc.yve, d=(ORDER, lambda a, b: halfway(sc.yve, a, real(b, "yve"))))
ive = special(sc.ive, d=(ORDER, lambda a, b, y: modified(sc.ive, a, real(b, "ive")) - np.sign(b) * y))
kve = special(sc.kve, d=(ORDER, lambda a, b, y: y - modified(sc.kve, a, b)))
hankel1e = special(sc.hankel1e, d=(ORDER, lambda a, b, y: halfway(sc.hankel1e, a, b) - 1j * y))
hankel2e = special(sc.hankel2e, d=(ORDER, lambda a, b, y: halfway(sc.hankel2e, a, b) + 1j * y))

# ---- of order 0 and 1 -----------------------------------------------------------------------------------------------

j0 = special(sc.j0, d=lambda x: -sc.j1(x))
j1 = special(sc.j1, d=lambda x: 0.5 * (sc.j0(x) - at(sc.jv, 2.0, x)))
y0 = special(sc.y0, d=lambda x: -sc.y1(x))
y1 = special(sc.y1, d=lambda x, y: sc.y0(x) - y / x)
i0 = special(sc.i0, d=lambda x: sc.i1(x))
i1 = special(sc.i1, d=lambda x: 0.5 * (sc.i0(x) + at(sc.iv, 2.0, x)))
i0e = special(sc.i0e, d=lambda x, y: sc.i1e(x) - np.sign(x) * y)
i1e = special(sc.i1e, d=lambda x, y: 0.5 * (sc.i0e(x) + at(sc.ive, 2.0, x)) - np.sign(x) * y)
k0 = special(sc.k0, d=lambda x: -sc.k1(x))
k1 = special(sc.k1, d=lambda x, y: -sc.k0(x) - y / x)
k0e = special(sc.k0e, d=lambda x, y: y - sc.k1e(x))
k1e = special(sc.k1e, d=lambda x, y: y - sc.k0e(x) - y / x)

# ---- Airy's functions: w'' = x w, 9.2.1 -----------------------------------------------------------------------------

airy = special(sc.airy, d=(lambda y: y[1], lambda x, y: x * y[0], lambda y: y[3], lambda x, y: x * y[2]))


def root(x):
    """The slope of 2/3 x^(3/2), by whose exponential airye scales; the real part of that is constant where x < 0."""
    positive = real(x, "airye") >= 0
    return np.where(positive, np.sqrt(np.where(positive, x, 1.0)), 0.0)


airye = special(
    sc.airye,
    d=(
        lambda x, y: y[1] + root(x) * y[0],
        lambda x, y: x * y[0] + root(x) * y[1],
        lambda x, y: y[3] - root(x) * y[2],
        lambda x, y: x * y[2] - root(x) * y[3],
    ),
)

# ---- Kelvin's functions: x^2 w'' + x w' = i x^2 w, 10.61.3 ----------------------------------------------------------


def over(slope, x, part=lambda z: z):
    """w'/x of w = ber + i bei, the sum of (i x^2 / 4)^k / (k!)^2, 10.65.1; near 0 from that series."""
    near = np.abs(x) < 0.1
    q = np.where(near, 0.25j * (x * x), 0.0)
    series = 0.5j * (1 + q / 2 * (1 + q / 6 * (1 + q / 12 * (1 + q / 20))))
    return np.where(near, part(series), slope / np.where(near, 1.0, x))


kelvin = special(
    sc.kelvin,
    d=(
        lambda y: y[2],
        lambda y: y[3],
        lambda x, y: 1j * y[0] - over(y[2], x),
        lambda x, y: 1j * y[1] - y[3] / x,
    ),
)
ber = special(sc.ber, d=lambda x: sc.berp(x))
bei = special(sc.bei, d=lambda x: sc.beip(x))
ker = special(sc.ker, d=lambda x: sc.kerp(x))
kei = special(sc.kei, d=lambda x: sc.keip(x))
berp = special(sc.berp, d=lambda x, y: -sc.bei(x) - over(y, x, np.real))
beip = special(sc.beip, d=lambda x, y: sc.ber(x) - over(y, x, np.imag))
kerp = special(sc.kerp, d=lambda x, y: -sc.kei(x) - y / x)
keip = special(sc.keip, d=lambda x, y: sc.ker(x) - y / x)

# ---- Struve's functions ---------------------------------------------------------------------------------------------


def inhomogeneous(v, x):
    """(x/2)^v / (sqrt(pi) gamma(v + 3/2)), by which they differ from Bessel's."""
    v, x = common(v, x)
    return np.power(0.5 * x, v) * sc.rgamma(v + 1.5) / SQRT_PI


struve = special(  # 11.4.24
    sc.struve, d=(ORDER, lambda a, b: halfway(sc.struve, a, b) + 0.5 * inhomogeneous(a, b))
)
modstruve = special(  # 11.4.26
    sc.modstruve, d=(ORDER, lambda a, b: modified(sc.modstruve, a, b) + 0.5 * inhomogeneous(a, b))
)

# ---- integrals: the derivative is the integrand ---------------------------------------------------------------------


def beyond_one(sign, bessel, x):
    """(1 - J_0(x)) / x with sign -1, (I_0(x) - 1) / x with 1; near 0 by their series, 10.8.1 and 10.25.2."""
    near = np.abs(x) < 0.5
    a = np.where(near, x, 0.0)
    q = 0.25 * sign * a * a
    series = 0.25 * a * (1 + q / 4 * (1 + q / 9 * (1 + q / 16 * (1 + q / 25 * (1 + q / 36)))))
    return np.where(near, series, sign * (bessel - 1) / np.where(near, 1.0, x))


itairy = special(
    sc.itairy,
    d=(
        lambda x: sc.airy(x)[0],
        lambda x: sc.airy(x)[2],
        lambda x: sc.airy(-x)[0],
        lambda x: sc.airy(-x)[2],
    ),
)
itj0y0 = special(sc.itj0y0, d=(lambda x: sc.j0(x), lambda x: sc.y0(x)))
iti0k0 = special(sc.iti0k0, d=(lambda x: sc.i0(x), lambda x: sc.k0(x)))
it2j0y0 = special(sc.it2j0y0, d=(lambda x: beyond_one(-1, sc.j0(x), x), lambda x: -sc.y0(x) / x))
it2i0k0 = special(sc.it2i0k0, d=(lambda x: beyond_one(1, sc.i0(x), x), lambda x: -sc.k0(x) / x))
itstruve0 = special(sc.itstruve0, d=lambda x: at(sc.struve, 0.0, x))
itmodstruve0 = special(sc.itmodstruve0, d=lambda x: at(sc.modstruve, 0.0, x))
it2struve0 = special(sc.it2struve0, d=lambda x: -at(sc.struve, 0.0, x) / x)
besselpoly = special(  # the integral from 0 to 1 of x^l J_v(2 a x)
    sc.besselpoly,
    d=(
        lambda a, b, c: sc.besselpoly(a, b + 1.0, c - 1.0) - sc.besselpoly(a, b + 1.0, c + 1.0),
        Unknown("lmb"),
        Unknown("nu"),
    ),
)

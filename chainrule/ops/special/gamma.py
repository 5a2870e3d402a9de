"""The gamma function, its logarithmic derivatives, the beta function, and the incomplete forms of both.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

import math

import numpy as np
import scipy.special as sc

from .table import PI, Behind, Unknown, at, common, is_complex, special

gamma = special(sc.gamma, d=lambda x, y: y * sc.digamma(x))
gammaln = special(sc.gammaln, d=lambda x: sc.digamma(x))
loggamma = special(sc.loggamma, d=lambda x: sc.digamma(x))
gammasgn = special(sc.gammasgn, d=None)


def sine_and_cosine(x):
    """sin(pi x) and cos(pi x), to the last digit also next to their zeros: for a whole number n, x - n is exact."""
    n = np.rint(np.real(x))
    rest, sign = PI * (x - n), 1 - 2 * np.remainder(n, 2)
    return sign * np.sin(rest), sign * np.cos(rest)


SHIFT = 12
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
"""B_2, B_4, ...: so many that from `SHIFT` on the asymptotic series with them are right to the last digit."""


def trigamma(x):
    """zeta(2, x); on the left reflected, 5.15.6, for SciPy's zeta is far off there."""
    if is_complex(x):
        return complex_trigamma(x)
    left = x < 0
    sine = sine_and_cosine(np.where(left, x, 0.5))[0]
    whole = at(sc.zeta, 2.0, np.where(left, 1 - x, x))
    return np.where(left, PI * PI / (sine * sine) - whole, whole)


def complex_trigamma(z):
    """The sum of 1/(z + k)^2, from `SHIFT` on by the series 5.15.8; on the left reflected, 5.15.6."""
    left = np.real(z) < 0.5
    a = np.where(left, 1 - z, z)
    inverse = 1 / (a + SHIFT)
    total = 0.0
    for b in reversed(BERNOULLI):
        total = (total + b) * inverse * inverse
    total = (1 + 0.5 * inverse + total) * inverse
    for k in range(SHIFT):
        total = total + 1 / np.square(a + k)
    # With q = exp(2 pi i z) the square of the sine is -(1 - q)^2 / (4 q): even in z, so |q| <= 1 can be had.
    upper = np.where(left, np.where(np.imag(z) < 0, -z, z), 0.5)
    q1 = np.expm1(2j * PI * (upper - np.rint(np.real(upper))))
    return np.where(left, -4 * PI * PI * (1 + q1) / (q1 * q1) - total, total)


digamma = special(sc.digamma, d=lambda x: trigamma(x))


def digamma_gap(z, m):
    """digamma(z + m) - digamma(z), where both arguments are positive without cancellation.

    It is the sum of m / ((z + k) (z + k + m)), from `SHIFT` on by the series 5.11.2: of a polynomial p the difference
    p(b) - p(a) is b - a times its divided difference, which Horner's scheme gives along with p(a).
    """
    z, m = common(z, m)
    right = (z > 0) & (z + m > 0)
    low, gap = np.where(right, z, 1.0), np.where(right, m, 0.0)
    high = low + gap
    v, w = low + SHIFT, high + SHIFT
    product = v * w
    a, b = 1 / (v * v), 1 / (w * w)
    value, divided = 0.0, 0.0
    for j in range(len(BERNOULLI), 0, -1):
        divided = divided * b + value
        value = value * a + BERNOULLI[j - 1] / (2 * j)
    divided = divided * b + value
    total = 0.5 / product + divided * (v + w) / (product * product)
    for k in range(SHIFT):
        total = total + 1 / ((low + k) * (high + k))
    there, here = np.where(right, 1.0, z + m), np.where(right, 1.0, z)
    return np.where(right, np.log1p(gap / v) + gap * total, sc.digamma(there) - sc.digamma(here))


def rgamma_slope(x):
    """-digamma(x) / gamma(x), on the left by the reflection 5.5.3: there are the poles, where 1/gamma is smooth."""
    left = np.real(x) < 0.5
    a, b = np.where(left, x, 0.0), np.where(left, 1.0, x)
    sine, cosine = sine_and_cosine(a)
    reflected = sc.gamma(1 - a) * (cosine - sc.digamma(1 - a) * sine / PI)
    return np.where(left, reflected, -sc.rgamma(b) * sc.digamma(b))


rgamma = special(sc.rgamma, d=lambda x: rgamma_slope(x))
zeta = special(
    Behind.ufunc(sc.zeta, 2.0),
    d=(Unknown("x"), lambda a, b: -a * sc.zeta(a + 1.0, b)),  # 25.11.17
    name="zeta",
)
riemann_zeta = special(Behind.ufunc(sc.zeta), d=Unknown("x"), name="zeta")


def poch_in_z(z, m, y):
    """The slope of gamma(z + m) / gamma(z), by 5.5.3 where z is, or both are, on the left with the poles."""
    z, m = common(z, m)
    both = (z <= 0) & (z + m <= 0)
    one = (z <= 0) & ~both
    right = y * digamma_gap(np.where(z <= 0, 1.0, z), np.where(z <= 0, 0.0, m))

    a, b = np.where(one, z, 0.0), np.where(one, z + m, 1.0)
    sine, cosine = sine_and_cosine(a)
    across = sc.gamma(b) * sc.gamma(1 - a) * (cosine + (sc.digamma(b) - sc.digamma(1 - a)) * sine / PI)

    a, gap = np.where(both, 1 - z, 1.0), np.where(both, -m, 0.0)
    left = y * digamma_gap(a, gap)
    broken = both & (m != np.rint(m))  # sin(pi z) / sin(pi (z + m)) is constant for whole numbers m
    a, b = np.where(broken, 1 - z - m, 1.0), np.where(broken, m, 0.5)
    left = left + np.where(
        broken, PI * sine_and_cosine(b)[0] / np.square(sine_and_cosine(a)[0] + ~broken) * sc.poch(a, b), 0.0
    )
    return np.where(both, left, np.where(one, across, right))


poch = special(sc.poch, d=(lambda a, b, y: poch_in_z(a, b, y), lambda a, b, y: y * sc.digamma(a + b)))


def binomial_slopes(n, k, y):
    """Those of gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1)) in n and in k.

    Where n - k + 1 is on the left with the poles, by 5.5.3 it is beta(n + 1, k - n) sin(pi (k - n)) / pi; and for k + 1
    there n - k takes the place of k.
    """
    n, k = common(n, k)
    swap = (k < -0.5) & ((k == np.rint(k)) | (k - n <= 0.5))
    k = np.where(swap, n - k, k)
    left = k - n > 0.5
    a, b = np.where(left, 0.0, n), np.where(left, 0.0, k)
    by_n, by_k = y * digamma_gap(a + (1 - b), b), y * digamma_gap(b + 1, a - 2 * b)

    a, b = np.where(left, n + 1, 1.0), np.where(left, k - n, 1.0)
    sine, cosine = sine_and_cosine(b)
    scale, sine = sc.beta(a, b), sine / PI
    by_n = np.where(left, scale * ((sc.digamma(a) - sc.digamma(b)) * sine - cosine), by_n)
    by_k = np.where(left, scale * (cosine - digamma_gap(b, a) * sine), by_k)
    return np.where(swap, by_n + by_k, by_n), np.where(swap, -by_k, by_k)


binom = special(sc.binom, d=(lambda a, b, y: binomial_slopes(a, b, y)[0], lambda a, b, y: binomial_slopes(a, b, y)[1]))
beta = special(sc.beta, d=(lambda a, b, y: -y * digamma_gap(a, b), lambda a, b, y: -y * digamma_gap(b, a)))
betaln = special(sc.betaln, d=(lambda a, b: -digamma_gap(a, b), lambda a, b: -digamma_gap(b, a)))

# ---- incomplete: the slope in x is the density ----------------------------------------------------------------------
# For large parameters the powers and gamma functions in it are huge, and their logarithms cancel. So each power is
# taken of x over the place where it is largest or nearly so, and by Stirling's formula the rest is small.

LARGE = 16.0


def stirling_rest(a):
    """log gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2, which goes to 0: 5.11.1."""
    large = a > LARGE
    big, small = np.where(large, a, LARGE), np.where(large, 1.0, a)
    square = 1 / (big * big)
    series = (1 - (1 / 30 - (1 / 105 - square / 140) * square) * square) / (12 * big)
    direct = sc.gammaln(small) - sc.xlogy(small - 0.5, small) + small - 0.5 * math.log(2 * PI)
    return np.where(large, series, direct)


def log_power(p, x, center, gap):
    """p log(x / center), from the difference `gap` of the two where they are close."""
    near = np.abs(gap) < 0.5 * center
    close = p * np.log1p(np.where(near, gap / center, 0.0))
    return np.where(near, close, sc.xlogy(p, np.where(near, 1.0, x / center)))


def gamma_density(a, x):
    """x^(a-1) exp(-x) / gamma(a)."""
    a, x = common(a, x)
    far = x == np.inf
    gap = np.where(far, 0.0, x) - a
    density = np.exp(log_power(a - 1, np.where(far, 0.0, x), a, gap) - gap - stirling_rest(a))
    return np.where(far, 0.0, density / np.sqrt(2 * PI * a))


def beta_density(a, b, x, other=None):
    """x^(a-1) (1-x)^(b-1) / beta(a, b); `other` is 1 - x, where that is known better than from x."""
    a, b, x = common(a, b, x)
    n = a + b
    center, across = a / n, b / n
    other = 1 - x if other is None else other
    gap = np.where(x > 0.5, across - other, x - center)
    powers = log_power(a - 1, x, center, gap) + log_power(b - 1, other, across, -gap)
    rest = stirling_rest(n) - stirling_rest(a) - stirling_rest(b)
    return np.exp(powers + rest) * n * np.sqrt(n / (2 * PI * a * b))


gammainc = special(sc.gammainc, d=(Unknown("a"), lambda a, b: gamma_density(a, b)))
gammaincc = special(sc.gammaincc, d=(Unknown("a"), lambda a, b: -gamma_density(a, b)))
gammaincinv = special(sc.gammaincinv, d=(Unknown("a"), lambda a, y: 1 / gamma_density(a, y)))
gammainccinv = special(sc.gammainccinv, d=(Unknown("a"), lambda a, y: -1 / gamma_density(a, y)))
betainc = special(sc.betainc, d=(Unknown("a"), Unknown("b"), lambda a, b, c: beta_density(a, b, c)))
betaincc = special(sc.betaincc, d=(Unknown("a"), Unknown("b"), lambda a, b, c: -beta_density(a, b, c)))
betaincinv = special(sc.betaincinv, d=(Unknown("a"), Unknown("b"), lambda a, b, y: 1 / beta_density(a, b, y)))
betainccinv = special(sc.betainccinv, d=(Unknown("a"), Unknown("b"), lambda a, b, y: -1 / beta_density(a, b, y)))

"""The gamma function, its logarithmic derivatives, the beta function, and the incomplete forms of both.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

import numpy as np
import scipy.special as sc

from .table import PI, Behind, Unknown, at, common, real, special

gamma = special(sc.gamma, d=lambda x, y: y * sc.digamma(x))
gammaln = special(sc.gammaln, d=lambda x: sc.digamma(x))
loggamma = special(sc.loggamma, d=lambda x: sc.digamma(x))
gammasgn = special(sc.gammasgn, d=None)


def trigamma(x):
    """zeta(2, x); on the left reflected, 5.15.6, for SciPy's zeta is far off there."""
    left = x < 0
    sine = np.sin(PI * np.where(left, x, 0.5))
    whole = at(sc.zeta, 2.0, np.where(left, 1 - x, x))
    return np.where(left, PI * PI / (sine * sine) - whole, whole)


digamma = special(sc.digamma, d=lambda x: trigamma(real(x, "digamma")))


def rgamma_slope(x):
    """-digamma(x) / gamma(x), on the left by the reflection 5.5.3: there are the poles, where 1/gamma is smooth."""
    left = np.real(x) < 0.5
    a, b = np.where(left, x, 0.0), np.where(left, 1.0, x)
    reflected = sc.gamma(1 - a) * (np.cos(PI * a) - sc.digamma(1 - a) * np.sin(PI * a) / PI)
    return np.where(left, reflected, -sc.rgamma(b) * sc.digamma(b))


rgamma = special(sc.rgamma, d=lambda x: rgamma_slope(x))
zeta = special(
    Behind.ufunc(sc.zeta, 2.0),
    d=(Unknown("x"), lambda a, b: -a * sc.zeta(a + 1.0, b)),  # 25.11.17
    name="zeta",
)
riemann_zeta = special(Behind.ufunc(sc.zeta), d=Unknown("x"), name="zeta")
poch = special(
    sc.poch,
    d=(lambda a, b, y: y * (sc.digamma(a + b) - sc.digamma(a)), lambda a, b, y: y * sc.digamma(a + b)),
)


def binom_in_n(n, k, y):
    """By gamma(n+1) / (gamma(k+1) gamma(n-k+1)); where that is 0, at a pole, in factors that are finite there."""
    zero = y == 0
    n, k = common(n, k)
    a, b = n + 1, n - k + 1
    at_zero = sc.gamma(a) * sc.rgamma(k + 1) * (sc.digamma(a) * sc.rgamma(b) + rgamma_slope(b))
    return np.where(zero, at_zero, y * (sc.digamma(a) - sc.digamma(np.where(zero, 1.0, b))))


def binom_in_k(n, k, y):
    zero = y == 0
    n, k = common(n, k)
    a, b = k + 1, n - k + 1
    at_zero = sc.gamma(n + 1) * (rgamma_slope(a) * sc.rgamma(b) - sc.rgamma(a) * rgamma_slope(b))
    return np.where(zero, at_zero, y * (sc.digamma(np.where(zero, 1.0, b)) - sc.digamma(np.where(zero, 1.0, a))))


binom = special(sc.binom, d=(lambda a, b, y: binom_in_n(a, b, y), lambda a, b, y: binom_in_k(a, b, y)))

beta = special(
    sc.beta,
    d=(
        lambda a, b, y: y * (sc.digamma(a) - sc.digamma(a + b)),
        lambda a, b, y: y * (sc.digamma(b) - sc.digamma(a + b)),
    ),
)
betaln = special(
    sc.betaln,
    d=(lambda a, b: sc.digamma(a) - sc.digamma(a + b), lambda a, b: sc.digamma(b) - sc.digamma(a + b)),
)

# ---- incomplete: the slope in x is the density ----------------------------------------------------------------------

LARGE = 16.0


def gamma_density(a, x):
    """x^(a-1) exp(-x) / gamma(a). For large a by Stirling's formula, 5.11.3, whose large terms cancel on paper."""
    a, x = common(a, x)
    large = a > LARGE
    big = np.where(large, a, LARGE)
    rest = (1 - (1 / 30 - (1 / 105 - 1 / (140 * big * big)) / (big * big)) / (big * big)) / (12 * big)
    u = np.where(large, (x - big) / big, 0.0)
    stirling = sc.xlog1py(big - 1, u) - big * u - rest - 0.5 * np.log(2 * PI * big)
    small = np.where(large, 1.0, a)
    direct = sc.xlogy(small - 1, np.where(large, 1.0, x)) - x - sc.gammaln(small)
    return np.exp(np.where(large, stirling, direct))


def beta_density(a, b, x):
    """x^(a-1) (1-x)^(b-1) / beta(a, b)."""
    a, b, x = common(a, b, x)
    return np.exp(sc.xlogy(a - 1, x) + sc.xlog1py(b - 1, -x) - sc.betaln(a, b))


gammainc = special(sc.gammainc, d=(Unknown("a"), lambda a, b: gamma_density(a, b)))
gammaincc = special(sc.gammaincc, d=(Unknown("a"), lambda a, b: -gamma_density(a, b)))
gammaincinv = special(sc.gammaincinv, d=(Unknown("a"), lambda a, y: 1 / gamma_density(a, y)))
gammainccinv = special(sc.gammainccinv, d=(Unknown("a"), lambda a, y: -1 / gamma_density(a, y)))
betainc = special(sc.betainc, d=(Unknown("a"), Unknown("b"), lambda a, b, c: beta_density(a, b, c)))
betaincc = special(sc.betaincc, d=(Unknown("a"), Unknown("b"), lambda a, b, c: -beta_density(a, b, c)))
betaincinv = special(sc.betaincinv, d=(Unknown("a"), Unknown("b"), lambda a, b, y: 1 / beta_density(a, b, y)))
betainccinv = special(sc.betainccinv, d=(Unknown("a"), Unknown("b"), lambda a, b, y: -1 / beta_density(a, b, y)))

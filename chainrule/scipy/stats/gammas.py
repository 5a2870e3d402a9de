"""The gamma distribution and its kin: powers, inverses and logarithms of a gamma number, bells with other powers."""

import numpy as np
import scipy.special as sc
import scipy.stats

from .rules import LOG_2PI
from .univariate import continuous


def log_gamma(x, a):
    return sc.xlogy(a - 1, x) - x - sc.gammaln(a)


def gamma_entropy(a):
    return a + sc.gammaln(a) + (1 - a) * sc.digamma(a)


def where_above(threshold, a, value):
    """`value` of a where that is above the threshold, and infinity elsewhere: a moment."""
    there = a > threshold
    return np.where(there, value(np.where(there, a, threshold + 1.0)), np.where(np.isnan(a), np.nan, np.inf))


gamma = continuous(
    scipy.stats.gamma,
    log_gamma,
    mean=lambda a: a,
    var=lambda a: a,
    entropy=gamma_entropy,
)
erlang = continuous(
    scipy.stats.erlang,
    log_gamma,
    mean=lambda a: a,
    var=lambda a: a,
    entropy=gamma_entropy,
)
chi2 = continuous(
    scipy.stats.chi2,
    lambda x, df: log_gamma(0.5 * x, 0.5 * df) - np.log(2.0),
    mean=lambda df: df,
    var=lambda df: 2 * df,
    entropy=lambda df: gamma_entropy(0.5 * df) + np.log(2.0),
)
chi = continuous(
    scipy.stats.chi,
    lambda x, df: sc.xlogy(df - 1, x) - 0.5 * x * x - (0.5 * df - 1) * np.log(2.0) - sc.gammaln(0.5 * df),
    mean=lambda df: np.sqrt(2.0) * sc.poch(0.5 * df, 0.5),
    var=lambda df: df - 2 * np.square(sc.poch(0.5 * df, 0.5)),
    entropy=lambda df: sc.gammaln(0.5 * df) + 0.5 * (df - np.log(2.0) - (df - 1) * sc.digamma(0.5 * df)),
)
invgamma = continuous(
    scipy.stats.invgamma,
    lambda x, a: log_inverse(x, a),
    mean=lambda a: where_above(1.0, a, lambda a: 1 / (a - 1)),
    var=lambda a: where_above(2.0, a, lambda a: 1 / ((a - 1) * (a - 1) * (a - 2))),
    entropy=lambda a: a + sc.gammaln(a) - (1 + a) * sc.digamma(a),
)


def log_inverse(x, a):
    inside = x > 0
    x = np.where(inside, x, 1.0)
    return np.where(inside, -(a + 1) * np.log(x) - sc.gammaln(a) - 1 / x, -np.inf)


loggamma = continuous(
    scipy.stats.loggamma,
    lambda x, c: c * x - np.exp(x) - sc.gammaln(c),
    mean=lambda c: sc.digamma(c),
    var=lambda c: sc.zeta(2.0, c),
    entropy=lambda c: sc.gammaln(c) - c * sc.digamma(c) + c,
)
gengamma = continuous(
    scipy.stats.gengamma,
    lambda x, a, c: log_power_of_gamma(x, a, c),
    mean=lambda a, c: sc.poch(a, 1 / c),
    var=lambda a, c: sc.poch(a, 2 / c) - np.square(sc.poch(a, 1 / c)),
    entropy=lambda a, c: a + sc.gammaln(a) - a * sc.digamma(a) + sc.digamma(a) / c - np.log(np.abs(c)),
)


def log_power_of_gamma(x, a, c):
    inside = (x > 0) | (c > 0)
    x = np.where(inside, x, 1.0)
    return np.where(inside, np.log(np.abs(c)) + sc.xlogy(c * a - 1, x) - np.power(x, c) - sc.gammaln(a), -np.inf)


nakagami = continuous(
    scipy.stats.nakagami,
    lambda x, nu: np.log(2.0) + sc.xlogy(nu, nu) - sc.gammaln(nu) + sc.xlogy(2 * nu - 1, x) - nu * x * x,
    mean=lambda nu: sc.poch(nu, 0.5) / np.sqrt(nu),
    var=lambda nu: 1 - np.square(sc.poch(nu, 0.5)) / nu,
)
dgamma = continuous(
    scipy.stats.dgamma,
    lambda x, a: log_gamma(np.abs(x), a) - np.log(2.0),
    mean=lambda a: 0.0 * a,
    var=lambda a: a * (a + 1),
)
maxwell = continuous(
    scipy.stats.maxwell,
    lambda x: 2 * np.log(x) - 0.5 * x * x + np.log(2.0) - 0.5 * LOG_2PI,
    mean=lambda: 2 * np.sqrt(2 / np.pi),
    var=lambda: 3 - 8 / np.pi,
    entropy=lambda: np.euler_gamma + 0.5 * np.log(2 * np.pi) - 0.5,
)
rayleigh = continuous(
    scipy.stats.rayleigh,
    lambda x: np.log(x) - 0.5 * x * x,
    mean=lambda: np.sqrt(np.pi / 2),
    var=lambda: 2 - np.pi / 2,
    entropy=lambda: 0.5 * np.euler_gamma + 1 - 0.5 * np.log(2.0),
)

# ---- exp(-|x|^beta) -------------------------------------------------------------------------------------------------

gennorm = continuous(
    scipy.stats.gennorm,
    lambda x, beta: np.log(0.5 * beta) - sc.gammaln(1 / beta) - np.power(np.abs(x), beta),
    mean=lambda beta: 0.0 * beta,
    var=lambda beta: np.exp(sc.gammaln(3 / beta) - sc.gammaln(1 / beta)),
    entropy=lambda beta: 1 / beta - np.log(0.5 * beta) + sc.gammaln(1 / beta),
)
halfgennorm = continuous(
    scipy.stats.halfgennorm,
    lambda x, beta: np.log(beta) - sc.gammaln(1 / beta) - np.power(x, beta),
    entropy=lambda beta: 1 / beta - np.log(beta) + sc.gammaln(1 / beta),
)

# ---- lengths of normal vectors that are not centred -----------------------------------------------------------------

ncx2 = continuous(
    scipy.stats.ncx2,
    lambda x, df, nc: log_noncentral(x, df, nc),
    cdf=lambda x, df, nc: sc.chndtr(x, df, nc),
    mean=lambda df, nc: df + nc,
    var=lambda df, nc: 2 * df + 4 * nc,
)


def log_noncentral(x, df, nc):
    """By the Bessel function I; of its order, df / 2 - 1, there is no derivative."""
    x, nc = np.broadcast_arrays(x, nc)
    central = nc == 0
    away = np.where(central, 1.0, nc)
    root = np.sqrt(x * away)
    order = 0.5 * df - 1
    y = 0.5 * order * np.log(x / away) - 0.5 * np.square(np.sqrt(x) - np.sqrt(away)) + np.log(0.5 * sc.ive(order, root))
    return np.where(central, log_gamma(0.5 * x, 0.5 * df) - np.log(2.0), y)


rice = continuous(
    scipy.stats.rice,
    lambda x, b: np.log(x) - 0.5 * np.square(x - b) + np.log(sc.i0e(x * b)),
    cdf=lambda x, b: sc.chndtr(x * x, 2.0, b * b),
    mean=lambda b: np.sqrt(np.pi / 2) * sc.hyp1f1(-0.5, 1.0, -0.5 * b * b),
    var=lambda b: 2 + b * b - 0.5 * np.pi * np.square(sc.hyp1f1(-0.5, 1.0, -0.5 * b * b)),
)
argus = continuous(
    scipy.stats.argus,
    lambda x, chi: (
        3 * np.log(chi)
        - 0.5 * LOG_2PI
        - np.log(0.5 * sc.gammainc(1.5, 0.5 * chi * chi))
        + np.log(x)
        + 0.5 * np.log1p(-x * x)
        - 0.5 * chi * chi * (1 - x) * (1 + x)
    ),
    cdf=lambda x, chi: 1 - sc.gammainc(1.5, 0.5 * chi * chi * (1 - x) * (1 + x)) / sc.gammainc(1.5, 0.5 * chi * chi),
)

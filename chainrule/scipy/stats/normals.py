"""Distributions made of the normal one."""

import numpy as np
import scipy.special as sc
import scipy.stats

from .rules import LOG_2PI
from .univariate import continuous, exp


def log_normal(x):
    """The logarithm of the normal density."""
    return -0.5 * x * x - 0.5 * LOG_2PI


norm = continuous(
    scipy.stats.norm,
    log_normal,
    logcdf=lambda x: sc.log_ndtr(x),
    logsf=lambda x: sc.log_ndtr(-x),
    mean=lambda: 0.0,
    var=lambda: 1.0,
    entropy=lambda: 0.5 * (LOG_2PI + 1),
)
halfnorm = continuous(
    scipy.stats.halfnorm,
    lambda x: log_normal(x) + np.log(2.0),
    mean=lambda: np.sqrt(2 / np.pi),
    var=lambda: 1 - 2 / np.pi,
    entropy=lambda: 0.5 * np.log(np.pi / 2) + 0.5,
)
foldnorm = continuous(
    scipy.stats.foldnorm,
    lambda x, c: np.logaddexp(log_normal(x - c), log_normal(x + c)),
    cdf=lambda x, c: sc.ndtr(x - c) - sc.ndtr(-x - c),
    mean=lambda c: folded_mean(c),
    var=lambda c: c * c + 1 - np.square(folded_mean(c)),
)


def folded_mean(c):
    return 2 * np.exp(log_normal(c)) + c * sc.erf(c / np.sqrt(2.0))


lognorm = continuous(
    scipy.stats.lognorm,
    lambda x, s: log_normal(np.log(x) / s) - np.log(s * x),
    logcdf=lambda x, s: sc.log_ndtr(np.log(x) / s),
    logsf=lambda x, s: sc.log_ndtr(-np.log(x) / s),
    mean=lambda s: np.exp(0.5 * s * s),
    var=lambda s: np.expm1(s * s) * np.exp(s * s),
    entropy=lambda s: 0.5 * (1 + LOG_2PI) + np.log(s),
)
gibrat = continuous(
    scipy.stats.gibrat,
    lambda x: log_normal(np.log(x)) - np.log(x),
    mean=lambda: np.exp(0.5),
    var=lambda: np.e * (np.e - 1),
    entropy=lambda: 0.5 * (1 + LOG_2PI),
)
powernorm = continuous(
    scipy.stats.powernorm,
    lambda x, c: np.log(c) + log_normal(x) + (c - 1) * sc.log_ndtr(-x),
    logsf=lambda x, c: c * sc.log_ndtr(-x),
)
powerlognorm = continuous(
    scipy.stats.powerlognorm,
    lambda x, c, s: np.log(c / (x * s)) + log_normal(np.log(x) / s) + (c - 1) * sc.log_ndtr(-np.log(x) / s),
    logsf=lambda x, c, s: c * sc.log_ndtr(-np.log(x) / s),
)

# ---- truncated ------------------------------------------------------------------------------------------------------


def log_mass(a, b):
    """The logarithm of ndtr(b) - ndtr(a): on the side of 0 on which both are, from there; across 0 from 1."""
    across = (a <= 0) & (b >= 0)
    turn = ~across & (a > 0)
    low, high = np.where(turn, -b, a), np.where(turn, -a, b)
    low, high = np.where(across, -2.0, low), np.where(across, -1.0, high)
    upper = sc.log_ndtr(high)
    gap = sc.log_ndtr(low) - upper
    one_side = upper + np.where(gap > -1, np.log(-np.expm1(np.where(gap > -1, gap, -1.0))), np.log1p(-exp(gap)))
    a, b = np.where(across, a, 0.0), np.where(across, b, 1.0)
    return np.where(across, np.log1p(-sc.ndtr(a) - sc.ndtr(-b)), one_side)


def truncated_slopes(a, b):
    """The normal densities at the ends, and a and b times those, over the mass between."""
    mass = log_mass(a, b)
    ends = []
    for x in (a, b):
        far = np.isinf(x)
        near = np.where(far, 0.0, x)
        density = np.where(far, 0.0, np.exp(log_normal(near) - mass))
        ends.append((density, near * density))
    (p, ap), (q, bq) = ends
    return p - q, ap - bq


def truncated_var(a, b):
    mean, rest = truncated_slopes(a, b)
    return 1 + rest - mean * mean


truncnorm = continuous(
    scipy.stats.truncnorm,
    lambda x, a, b: log_normal(x) - log_mass(a, b),
    logcdf=lambda x, a, b: log_mass(a, x) - log_mass(a, b),
    logsf=lambda x, a, b: log_mass(x, b) - log_mass(a, b),
    support=lambda a, b: (a, b),
    mean=lambda a, b: truncated_slopes(a, b)[0],
    var=truncated_var,
    entropy=lambda a, b: 0.5 * (LOG_2PI + 1) + log_mass(a, b) + 0.5 * truncated_slopes(a, b)[1],
)

# ---- skewed, and of functions of a normal number --------------------------------------------------------------------

skewnorm = continuous(
    scipy.stats.skewnorm,
    lambda x, a: np.log(2.0) + log_normal(x) + sc.log_ndtr(a * x),
    cdf=lambda x, a: sc.ndtr(x) - 2 * sc.owens_t(x, a),
    mean=lambda a: np.sqrt(2 / np.pi) * a / np.sqrt(1 + a * a),
    var=lambda a: 1 - 2 / np.pi * a * a / (1 + a * a),
)
exponnorm = continuous(
    scipy.stats.exponnorm,
    lambda x, K: 0.5 / (K * K) - x / K - np.log(K) + sc.log_ndtr(x - 1 / K),
    cdf=lambda x, K: sc.ndtr(x) - exp(0.5 / (K * K) - x / K + sc.log_ndtr(x - 1 / K)),
    mean=lambda K: K,
    var=lambda K: 1 + K * K,
)
johnsonsu = continuous(
    scipy.stats.johnsonsu,
    lambda x, a, b: np.log(b) - 0.5 * np.log1p(x * x) + log_normal(a + b * np.arcsinh(x)),
    cdf=lambda x, a, b: sc.ndtr(a + b * np.arcsinh(x)),
    mean=lambda a, b: -np.exp(0.5 / (b * b)) * np.sinh(a / b),
    var=lambda a, b: 0.5 * np.expm1(1 / (b * b)) * (np.exp(1 / (b * b)) * np.cosh(2 * a / b) + 1),
)
johnsonsb = continuous(
    scipy.stats.johnsonsb,
    lambda x, a, b: np.log(b) - np.log(x) - np.log1p(-x) + log_normal(a + b * sc.logit(x)),
    cdf=lambda x, a, b: sc.ndtr(a + b * sc.logit(x)),
)
fatiguelife = continuous(
    scipy.stats.fatiguelife,
    lambda x, c: np.log1p(x) - 1.5 * np.log(x) - np.log(2 * c) + log_normal((np.sqrt(x) - 1 / np.sqrt(x)) / c),
    cdf=lambda x, c: sc.ndtr((np.sqrt(x) - 1 / np.sqrt(x)) / c),
    mean=lambda c: 1 + 0.5 * c * c,
    var=lambda c: c * c * (1 + 1.25 * c * c),
)
alpha = continuous(
    scipy.stats.alpha,
    lambda x, a: -2 * np.log(x) - sc.log_ndtr(a) + log_normal(a - 1 / x),
    cdf=lambda x, a: exp(sc.log_ndtr(a - 1 / x) - sc.log_ndtr(a)),
)
# The first passage of a Brownian motion; the two terms of its distribution function are a path and its reflection.
invgauss = continuous(
    scipy.stats.invgauss,
    lambda x, mu: log_normal((x / mu - 1) / np.sqrt(x)) - 1.5 * np.log(x),
    cdf=lambda x, mu: sc.ndtr((x / mu - 1) / np.sqrt(x)) + exp(2 / mu + sc.log_ndtr(-(x / mu + 1) / np.sqrt(x))),
    mean=lambda mu: mu,
    var=lambda mu: mu * mu * mu,
)


wald = continuous(
    scipy.stats.wald,
    lambda x: log_normal((x - 1) / np.sqrt(x)) - 1.5 * np.log(x),
    mean=lambda: 1.0,
    var=lambda: 1.0,
)
recipinvgauss = continuous(
    scipy.stats.recipinvgauss,
    lambda x, mu: np.where(x > 0, log_normal((1 / mu - x) / np.sqrt(x)) - 0.5 * np.log(x), -np.inf),
    cdf=lambda x, mu: sc.ndtr((x - 1 / mu) / np.sqrt(x)) - exp(2 / mu + sc.log_ndtr(-(x + 1 / mu) / np.sqrt(x))),
)
moyal = continuous(
    scipy.stats.moyal,
    lambda x: -0.5 * (x + np.exp(-x) + LOG_2PI),
    mean=lambda: np.euler_gamma + np.log(2.0),
    var=lambda: 0.5 * np.pi * np.pi,
)


def log_levy(x):
    inside = x > 0
    x = np.where(inside, x, 1.0)
    return np.where(inside, -0.5 / x - 1.5 * np.log(x) - 0.5 * LOG_2PI, -np.inf)


levy = continuous(
    scipy.stats.levy,
    log_levy,
    mean=lambda: np.inf,
    var=lambda: np.inf,
    entropy=lambda: 0.5 * (1 + 3 * np.euler_gamma + np.log(16 * np.pi)),
)
levy_l = continuous(scipy.stats.levy_l, lambda x: log_levy(-x))

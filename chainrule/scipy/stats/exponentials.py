"""Distributions with exponential tails, the logistic ones, those of extreme values, and those with tails of a power."""

import numpy as np
import scipy.special as sc
import scipy.stats

from .gammas import where_above
from .univariate import continuous, exp

PI = np.pi
EULER = np.euler_gamma

# ---- exponential ----------------------------------------------------------------------------------------------------

expon = continuous(
    scipy.stats.expon,
    lambda x: -x,
    mean=lambda: 1.0,
    var=lambda: 1.0,
    entropy=lambda: 1.0,
)
truncexpon = continuous(
    scipy.stats.truncexpon,
    lambda x, b: -x - np.log(-np.expm1(-b)),
    cdf=lambda x, b: np.expm1(-x) / np.expm1(-b),
    support=lambda b: (0.0, b),
    mean=lambda b: 1 - b / np.expm1(b),
)
genexpon = continuous(
    scipy.stats.genexpon,
    lambda x, a, b, c: np.log(a - b * np.expm1(-c * x)) - (a + b) * x - b * np.expm1(-c * x) / c,
    logsf=lambda x, a, b, c: -(a + b) * x - b * np.expm1(-c * x) / c,
)
laplace = continuous(
    scipy.stats.laplace,
    lambda x: -np.abs(x) - np.log(2.0),
    mean=lambda: 0.0,
    var=lambda: 2.0,
    entropy=lambda: np.log(2.0) + 1,
)


def laplace_below(x, kappa):
    total = kappa + 1 / kappa
    left, right = exp(np.minimum(x, 0.0) / kappa), exp(-np.maximum(x, 0.0) * kappa)
    return np.where(x < 0, left * kappa / total, 1 - right / (kappa * total))


laplace_asymmetric = continuous(
    scipy.stats.laplace_asymmetric,
    lambda x, kappa: np.where(x < 0, x / kappa, -x * kappa) - np.log(kappa + 1 / kappa),
    cdf=laplace_below,
    mean=lambda kappa: 1 / kappa - kappa,
    var=lambda kappa: 1 / (kappa * kappa) + kappa * kappa,
    entropy=lambda kappa: 1 + np.log(kappa + 1 / kappa),
)
gompertz = continuous(
    scipy.stats.gompertz,
    lambda x, c: np.log(c) + x - c * np.expm1(x),
    logsf=lambda x, c: -c * np.expm1(x),
    entropy=lambda c: 1 - np.log(c) - sc.exp1(c) * np.exp(c),
)
exponpow = continuous(
    scipy.stats.exponpow,
    lambda x, b: 1 + np.log(b) + sc.xlogy(b - 1, x) + np.power(x, b) - np.exp(np.power(x, b)),
    logsf=lambda x, b: -np.expm1(np.power(x, b)),
)

# ---- logistic -------------------------------------------------------------------------------------------------------

logistic = continuous(
    scipy.stats.logistic,
    lambda x: -np.abs(x) - 2 * np.log1p(np.exp(-np.abs(x))),
    mean=lambda: 0.0,
    var=lambda: PI * PI / 3,
    entropy=lambda: 2.0,
)
genlogistic = continuous(
    scipy.stats.genlogistic,
    lambda x, c: np.log(c) + c * np.minimum(x, 0.0) - np.maximum(x, 0.0) - (c + 1) * np.log1p(np.exp(-np.abs(x))),
    logcdf=lambda x, c: c * sc.log_expit(x),
    mean=lambda c: EULER + sc.digamma(c),
    var=lambda c: PI * PI / 6 + sc.zeta(2.0, c),
    entropy=lambda c: -np.log(c) + sc.digamma(c + 1) + EULER + 1,
)
halflogistic = continuous(
    scipy.stats.halflogistic,
    lambda x: np.log(2.0) - x - 2 * np.log1p(np.exp(-x)),
    mean=lambda: 2 * np.log(2.0),
    var=lambda: PI * PI / 3 - 4 * np.square(np.log(2.0)),
    entropy=lambda: 2 - np.log(2.0),
)
genhalflogistic = continuous(
    scipy.stats.genhalflogistic,
    lambda x, c: np.log(2.0) + (1 / c - 1) * np.log1p(-c * x) - 2 * np.log1p(np.power(1 - c * x, 1 / c)),
    cdf=lambda x, c: 2 / (1 + np.power(1 - c * x, 1 / c)) - 1,
    support=lambda c: (0.0, 1 / c),
    entropy=lambda c: 2 - (2 * c + 1) * np.log(2.0),
)
hypsecant = continuous(
    scipy.stats.hypsecant,
    lambda x: np.log(2 / PI) - np.abs(x) - np.log1p(np.exp(-2 * np.abs(x))),
    mean=lambda: 0.0,
    var=lambda: PI * PI / 4,
    entropy=lambda: np.log(2 * PI),
)

# ---- extreme values -------------------------------------------------------------------------------------------------

gumbel_r = continuous(
    scipy.stats.gumbel_r,
    lambda x: -x - np.exp(-x),
    mean=lambda: EULER,
    var=lambda: PI * PI / 6,
    entropy=lambda: EULER + 1,
)
gumbel_l = continuous(
    scipy.stats.gumbel_l,
    lambda x: x - np.exp(x),
    mean=lambda: -EULER,
    var=lambda: PI * PI / 6,
    entropy=lambda: EULER + 1,
)
weibull_min = continuous(
    scipy.stats.weibull_min,
    lambda x, c: np.log(c) + sc.xlogy(c - 1, x) - np.power(x, c),
    logsf=lambda x, c: -np.power(x, c),
    mean=lambda c: sc.gamma(1 + 1 / c),
    var=lambda c: sc.gamma(1 + 2 / c) - np.square(sc.gamma(1 + 1 / c)),
    entropy=lambda c: EULER + 1 - EULER / c - np.log(c),
)
weibull_max = continuous(
    scipy.stats.weibull_max,
    lambda x, c: np.log(c) + sc.xlogy(c - 1, -x) - np.power(-x, c),
    logcdf=lambda x, c: -np.power(-x, c),
    mean=lambda c: -sc.gamma(1 + 1 / c),
    var=lambda c: sc.gamma(1 + 2 / c) - np.square(sc.gamma(1 + 1 / c)),
    entropy=lambda c: EULER + 1 - EULER / c - np.log(c),
)
truncweibull_min = continuous(
    scipy.stats.truncweibull_min,
    lambda x, c, a, b: np.log(c) + sc.xlogy(c - 1, x) - np.power(x, c) - log_between(np.power(a, c), np.power(b, c)),
    logcdf=lambda x, c, a, b: log_between(np.power(a, c), np.power(x, c)) - log_between(np.power(a, c), np.power(b, c)),
    logsf=lambda x, c, a, b: log_between(np.power(x, c), np.power(b, c)) - log_between(np.power(a, c), np.power(b, c)),
    support=lambda c, a, b: (a, b),
)


def log_between(low, high):
    """The logarithm of exp(-low) - exp(-high)."""
    return -low + np.log(-np.expm1(low - high))


def two_sided_weibull(x, c):
    tail = 0.5 * np.exp(-np.power(np.abs(x), c))
    return np.where(x > 0, 1 - tail, tail)


dweibull = continuous(
    scipy.stats.dweibull,
    lambda x, c: np.log(0.5 * c) + sc.xlogy(c - 1, np.abs(x)) - np.power(np.abs(x), c),
    cdf=two_sided_weibull,
    mean=lambda c: 0.0 * c,
    var=lambda c: sc.gamma(1 + 2 / c),
    entropy=lambda c: EULER + 1 - EULER / c - np.log(c) + np.log(2.0),
)
exponweib = continuous(
    scipy.stats.exponweib,
    lambda x, a, c: np.log(a * c) + sc.xlogy(a - 1, -np.expm1(-np.power(x, c))) - np.power(x, c) + sc.xlogy(c - 1, x),
    logcdf=lambda x, a, c: a * np.log(-np.expm1(-np.power(x, c))),
)


def log_inverse_weibull(x, c):
    inside = x > 0
    x = np.where(inside, x, 1.0)
    return np.where(inside, np.log(c) - (c + 1) * np.log(x) - np.power(x, -c), -np.inf)


invweibull = continuous(
    scipy.stats.invweibull,
    log_inverse_weibull,
    logcdf=lambda x, c: -np.power(x, -c),
    mean=lambda c: where_above(1.0, c, lambda c: sc.gamma(1 - 1 / c)),
    var=lambda c: where_above(2.0, c, lambda c: sc.gamma(1 - 2 / c) - np.square(sc.gamma(1 - 1 / c))),
    entropy=lambda c: 1 + EULER + EULER / c - np.log(c),
)

TERMS = 14


def log1p_over(c, x):
    """log(1 + c x) / c, which goes to x with c to 0."""
    y = c * x
    near = np.abs(y) < 0.05
    small, c, y = np.where(near, y, 0.0), np.where(near, 1.0, c), np.where(near, 0.0, y)
    series = 0.0
    for k in range(TERMS, 0, -1):
        series = 1 / k - small * series
    return np.where(near, x * series, np.log1p(y) / c)


def one_sided(sign, c, which):
    """An end of the support at 1 / c for one sign of c."""
    end = 1 / np.where(sign * c > 0, c, 1.0)
    return np.where(sign * c > 0, end, which * np.inf)


def log_extreme(x, c):
    y = log1p_over(-c, x)
    return -np.exp(-y) - (1 - c) * y


genextreme = continuous(
    scipy.stats.genextreme,
    lambda x, c: log_extreme(x, c),
    logcdf=lambda x, c: -np.exp(-log1p_over(-c, x)),
    support=lambda c: (one_sided(-1, c, -1), one_sided(1, c, 1)),
    entropy=lambda c: EULER * (1 - c) + 1,
)
genpareto = continuous(
    scipy.stats.genpareto,
    lambda x, c: -(1 + c) * log1p_over(c, x),
    logsf=lambda x, c: -log1p_over(c, x),
    support=lambda c: (0.0, -one_sided(-1, c, -1)),
    mean=lambda c: where_above(-1.0, -c, lambda b: 1 / (1 + b)),
    var=lambda c: where_above(-0.5, -c, lambda b: 1 / (np.square(1 + b) * (1 + 2 * b))),
    entropy=lambda c: 1 + c,
)

# ---- tails of a power -----------------------------------------------------------------------------------------------

pareto = continuous(
    scipy.stats.pareto,
    lambda x, b: np.log(b) - (b + 1) * np.log(x),
    logsf=lambda x, b: -b * np.log(x),
    mean=lambda b: where_above(1.0, b, lambda b: b / (b - 1)),
    var=lambda b: where_above(2.0, b, lambda b: b / ((b - 2) * np.square(b - 1))),
    entropy=lambda b: 1 + 1 / b - np.log(b),
)
truncpareto = continuous(
    scipy.stats.truncpareto,
    lambda x, b, c: np.log(b / -np.expm1(-b * np.log(c))) - (b + 1) * np.log(x),
    cdf=lambda x, b, c: np.expm1(-b * np.log(x)) / np.expm1(-b * np.log(c)),
    support=lambda b, c: (1.0, c),
)
lomax = continuous(
    scipy.stats.lomax,
    lambda x, c: np.log(c) - (c + 1) * np.log1p(x),
    logsf=lambda x, c: -c * np.log1p(x),
    mean=lambda c: where_above(1.0, c, lambda c: 1 / (c - 1)),
    var=lambda c: where_above(2.0, c, lambda c: c / ((c - 2) * np.square(c - 1))),
    entropy=lambda c: 1 + 1 / c - np.log(c),
)
fisk = continuous(
    scipy.stats.fisk,
    lambda x, c: log_burr(x, c, 1.0),
    logcdf=lambda x, c: -np.logaddexp(0.0, -c * np.log(x)),
    logsf=lambda x, c: -np.logaddexp(0.0, c * np.log(x)),
    mean=lambda c: where_above(1.0, c, lambda c: 1 / np.sinc(1 / c)),
    entropy=lambda c: 2 - np.log(c),
)


def log_burr(x, c, d):
    return np.log(c * d) + sc.xlogy(c * d - 1, x) - (d + 1) * np.logaddexp(0.0, c * np.log(x))


burr = continuous(
    scipy.stats.burr,
    log_burr,
    logcdf=lambda x, c, d: -d * np.logaddexp(0.0, -c * np.log(x)),
    mean=lambda c, d: where_above(1.0, c, lambda c: d * sc.beta(1 - 1 / c, d + 1 / c)),
)
burr12 = continuous(
    scipy.stats.burr12,
    lambda x, c, d: np.log(c * d) + sc.xlogy(c - 1, x) - (d + 1) * np.logaddexp(0.0, c * np.log(x)),
    logsf=lambda x, c, d: -d * np.logaddexp(0.0, c * np.log(x)),
    mean=lambda c, d: where_above(1.0, c * d, lambda cd: d * sc.beta(1 + 1 / c, d - 1 / c)),
)
mielke = continuous(
    scipy.stats.mielke,
    lambda x, k, s: np.log(k) + sc.xlogy(k - 1, x) - (1 + k / s) * np.logaddexp(0.0, s * np.log(x)),
    cdf=lambda x, k, s: exp(-k / s * np.logaddexp(0.0, -s * np.log(x))),
)
kappa3 = continuous(
    scipy.stats.kappa3,
    lambda x, a: np.log(a) - (1 / a + 1) * np.log(a + np.power(x, a)),
    logcdf=lambda x, a: -np.log1p(a * np.power(x, -a)) / a,
)
loglaplace = continuous(
    scipy.stats.loglaplace,
    lambda x, c: np.log(0.5 * c) + sc.xlogy(np.where(x < 1, c - 1, -c - 1), x),
    cdf=lambda x, c: two_sided_power(x, c),
)


def two_sided_power(x, c):
    tail = 0.5 * np.power(np.where(x < 1, x, 1 / x), c)
    return np.where(x < 1, tail, 1 - tail)


cauchy = continuous(
    scipy.stats.cauchy,
    lambda x: -np.log(PI) - np.log1p(x * x),
    mean=lambda: np.nan,
    var=lambda: np.nan,
    entropy=lambda: np.log(4 * PI),
)
halfcauchy = continuous(
    scipy.stats.halfcauchy,
    lambda x: np.log(2 / PI) - np.log1p(x * x),
    mean=lambda: np.inf,
    var=lambda: np.inf,
    entropy=lambda: np.log(2 * PI),
)
foldcauchy = continuous(
    scipy.stats.foldcauchy,
    lambda x, c: np.logaddexp(-np.log1p(np.square(x - c)), -np.log1p(np.square(x + c))) - np.log(PI),
    cdf=lambda x, c: (np.arctan(x - c) + np.arctan(x + c)) / PI,
)


def skewed_below(x, a):
    left, right = np.arctan(np.minimum(x, 0.0) / (1 - a)), np.arctan(np.maximum(x, 0.0) / (1 + a))
    return 0.5 * (1 - a) + ((1 - a) * left + (1 + a) * right) / PI


skewcauchy = continuous(
    scipy.stats.skewcauchy,
    lambda x, a: -np.log(PI) - np.log1p(np.square(x / (1 + a * np.sign(x)))),
    cdf=skewed_below,
)

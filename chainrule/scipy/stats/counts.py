"""Distributions over whole numbers: differentiable in their parameters."""

import math

import numpy as np
import scipy.special as sc
import scipy.stats

from .betas import beta
from .gammas import where_above
from .rules import Rule, plainly
from .univariate import discrete

# ---- trials with two outcomes ---------------------------------------------------------------------------------------

bernoulli = discrete(
    scipy.stats.bernoulli,
    lambda k, p: sc.xlogy(k, p) + sc.xlog1py(1 - k, -p),
    mean=lambda p: p,
    var=lambda p: p * (1 - p),
    entropy=lambda p: sc.entr(p) + sc.entr(1 - p),
)
binom = discrete(
    scipy.stats.binom,
    lambda k, n, p: (
        sc.gammaln(n + 1) - sc.gammaln(k + 1) - sc.gammaln(n - k + 1) + sc.xlogy(k, p) + sc.xlog1py(n - k, -p)
    ),
    cdf=lambda k, n, p: beta.standard.sf(p, np.floor(k) + 1, n - np.floor(k)),
    support=lambda n, p: (0.0, n),
    mean=lambda n, p: n * p,
    var=lambda n, p: n * p * (1 - p),
)
geom = discrete(
    scipy.stats.geom,
    lambda k, p: np.log(p) + sc.xlog1py(k - 1, -p),
    cdf=lambda k, p: -np.expm1(np.floor(k) * np.log1p(-p)),
    logsf=lambda k, p: np.floor(k) * np.log1p(-p),
    mean=lambda p: 1 / p,
    var=lambda p: (1 - p) / (p * p),
)
nbinom = discrete(
    scipy.stats.nbinom,
    lambda k, n, p: sc.gammaln(n + k) - sc.gammaln(k + 1) - sc.gammaln(n) + n * np.log(p) + sc.xlog1py(k, -p),
    cdf=lambda k, n, p: beta.standard.cdf(p, n, np.floor(k) + 1),
    mean=lambda n, p: n * (1 - p) / p,
    var=lambda n, p: n * (1 - p) / (p * p),
)
betabinom = discrete(
    scipy.stats.betabinom,
    lambda k, n, a, b: -np.log(n + 1) - sc.betaln(n - k + 1, k + 1) + sc.betaln(k + a, n - k + b) - sc.betaln(a, b),
    support=lambda n, a, b: (0.0, n),
    mean=lambda n, a, b: n * a / (a + b),
    var=lambda n, a, b: n * a * b * (a + b + n) / (np.square(a + b) * (a + b + 1)),
)
betanbinom = discrete(
    scipy.stats.betanbinom,
    lambda k, n, a, b: -np.log(n + k) - sc.betaln(n, k + 1) + sc.betaln(a + n, b + k) - sc.betaln(a, b),
    mean=lambda n, a, b: where_above(1.0, a, lambda a: n * b / (a - 1)),
    var=lambda n, a, b: where_above(2.0, a, lambda a: n * b * (n + a - 1) * (a + b - 1) / ((a - 2) * np.square(a - 1))),
)

# ---- events ---------------------------------------------------------------------------------------------------------

poisson = discrete(
    scipy.stats.poisson,
    lambda k, mu: sc.xlogy(k, mu) - sc.gammaln(k + 1) - mu,
    cdf=lambda k, mu: sc.pdtr(k, mu),
    mean=lambda mu: mu,
    var=lambda mu: mu,
)


def difference_below(k, mu1, mu2):
    """By the distribution of the length of a normal vector that is not centred."""
    below = k < 0
    left = sc.chndtr(2 * mu2, np.where(below, -2 * k, 2.0), 2 * mu1)
    right = sc.chndtr(2 * mu1, np.where(below, 2.0, 2 * k + 2), 2 * mu2)
    return np.where(below, left, 1 - right)


skellam = discrete(
    scipy.stats.skellam,
    lambda k, mu1, mu2: (
        0.5 * k * np.log(mu1 / mu2)
        - np.square(np.sqrt(mu1) - np.sqrt(mu2))
        + np.log(sc.ive(np.abs(k), 2 * np.sqrt(mu1 * mu2)))
    ),
    cdf=lambda k, mu1, mu2: difference_below(np.floor(k), mu1, mu2),
    mean=lambda mu1, mu2: mu1 - mu2,
    var=lambda mu1, mu2: mu1 + mu2,
)

# ---- exponential ----------------------------------------------------------------------------------------------------

planck = discrete(
    scipy.stats.planck,
    lambda k, lambda_: np.log(-np.expm1(-lambda_)) - lambda_ * k,
    logsf=lambda k, lambda_: -lambda_ * (np.floor(k) + 1),
    mean=lambda lambda_: 1 / np.expm1(lambda_),
    var=lambda lambda_: np.exp(-lambda_) / np.square(np.expm1(-lambda_)),
    entropy=lambda lambda_: lambda_ / np.expm1(lambda_) - np.log(-np.expm1(-lambda_)),
)
boltzmann = discrete(
    scipy.stats.boltzmann,
    lambda k, lambda_, N: np.log(-np.expm1(-lambda_)) - np.log(-np.expm1(-lambda_ * N)) - lambda_ * k,
    cdf=lambda k, lambda_, N: np.expm1(-lambda_ * (np.floor(k) + 1)) / np.expm1(-lambda_ * N),
    support=lambda lambda_, N: (0.0, N - 1),
    mean=lambda lambda_, N: 1 / np.expm1(lambda_) - N / np.expm1(lambda_ * N),
)


def two_sided_below(k, a):
    tail = np.exp(-a * np.where(k < 0, -k - 1, k)) / (np.exp(a) + 1)
    return np.where(k < 0, tail, 1 - tail)


dlaplace = discrete(
    scipy.stats.dlaplace,
    lambda k, a: np.log(np.tanh(0.5 * a)) - a * np.abs(k),
    cdf=lambda k, a: two_sided_below(np.floor(k), a),
    mean=lambda a: 0.0 * a,
    var=lambda a: 0.5 / np.square(np.sinh(0.5 * a)),
    entropy=lambda a: a / np.sinh(a) - np.log(np.tanh(0.5 * a)),
)

# ---- tails of a power -----------------------------------------------------------------------------------------------

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
SHIFT = 13


def zeta(a, first=1.0):
    """Hurwitz's function by Euler's and Maclaurin's formula, of which every derivative in a is right, too."""
    total = sum(np.exp(-a * np.log(first + j)) for j in range(SHIFT))
    start = first + SHIFT
    power = np.exp(-a * np.log(start))
    total = total + power * (start / (a - 1) + 0.5)
    rising = power * a / start
    for i, b in enumerate(BERNOULLI):
        total = total + rising * b / math.factorial(2 * i + 2)
        rising = rising * (a + 2 * i + 1) * (a + 2 * i + 2) / (start * start)
    return total


zipf = discrete(
    scipy.stats.zipf,
    lambda k, a: -a * np.log(k) - np.log(zeta(a)),
    cdf=lambda k, a: 1 - zeta(a, np.floor(k) + 1) / zeta(a),
    mean=lambda a: where_above(2.0, a, lambda a: zeta(a - 1) / zeta(a)),
)

# The sum of p^j / j up to k is the integral of (1 - t^k) / (1 - t) up to p.
log_series = Rule(
    "stats.log_series",
    plainly(lambda k, p: -np.log1p(-p) * scipy.stats.logser.cdf(k, p)),
    (None, lambda y, k, p: np.expm1(k * np.log(p)) / (p - 1)),
)
logser = discrete(
    scipy.stats.logser,
    lambda k, p: k * np.log(p) - np.log(k) - np.log(-np.log1p(-p)),
    cdf=lambda k, p: -log_series(np.floor(k), p) / np.log1p(-p),
    mean=lambda p: p / ((p - 1) * np.log1p(-p)),
)
yulesimon = discrete(
    scipy.stats.yulesimon,
    lambda k, alpha: np.log(alpha) + sc.betaln(k, alpha + 1),
    cdf=lambda k, alpha: 1 - np.floor(k) * sc.beta(np.floor(k), alpha + 1),
    mean=lambda alpha: where_above(1.0, alpha, lambda a: a / (a - 1)),
)

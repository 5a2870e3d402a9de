"""The beta distribution and its kin: Student's t, F, and others on an interval or with the tails of a power."""

import numpy as np
import scipy.special as sc
import scipy.stats

from ..linalg.arguments import of_all
from .gammas import where_above
from .normals import log_normal
from .rules import Law
from .univariate import continuous


def log_beta(x, a, b):
    return sc.xlogy(a - 1, x) + sc.xlog1py(b - 1, -x) - sc.betaln(a, b)


# Next to 1 there may be most of a beta distribution where no number is left between x and 1: logit(x) has them.
LOGITS = Law(
    "beta",
    lambda w, a, b: a * sc.log_expit(w) + b * sc.log_expit(-w) - sc.betaln(a, b),
    cdf=lambda w, a, b: sc.betainc(a, b, sc.expit(w)),
    sf=lambda w, a, b: sc.betainc(b, a, sc.expit(-w)),
    ppf=lambda p, a, b: sc.logit(sc.betaincinv(a, b, p)),
    isf=lambda q, a, b: -sc.logit(sc.betaincinv(b, a, q)),
)

beta = continuous(
    scipy.stats.beta,
    log_beta,
    law=(LOGITS, lambda x: sc.logit(x)),
    mean=lambda a, b: a / (a + b),
    var=lambda a, b: a * b / (np.square(a + b) * (a + b + 1)),
    entropy=lambda a, b: (
        sc.betaln(a, b) - (a - 1) * sc.digamma(a) - (b - 1) * sc.digamma(b) + (a + b - 2) * sc.digamma(a + b)
    ),
)
betaprime = continuous(
    scipy.stats.betaprime,
    lambda x, a, b: sc.xlogy(a - 1, x) - sc.xlog1py(a + b, x) - sc.betaln(a, b),
    law=(LOGITS, lambda x: np.log(x)),
    mean=lambda a, b: where_above(1.0, b, lambda b: a / (b - 1)),
    var=lambda a, b: where_above(2.0, b, lambda b: a * (a + b - 1) / ((b - 2) * np.square(b - 1))),
)
f = continuous(
    scipy.stats.f,
    lambda x, dfn, dfd: (
        0.5 * dfd * np.log(dfd)
        + 0.5 * dfn * np.log(dfn)
        + sc.xlogy(0.5 * dfn - 1, x)
        - 0.5 * (dfn + dfd) * np.log(dfd + dfn * x)
        - sc.betaln(0.5 * dfn, 0.5 * dfd)
    ),
    mean=lambda dfn, dfd: where_above(2.0, dfd, lambda m: m / (m - 2)) + 0.0 * dfn,
    var=lambda dfn, dfd: where_above(
        4.0, dfd, lambda m: 2 * m * m * (dfn + m - 2) / (dfn * np.square(m - 2) * (m - 4))
    ),
)


def log_student(x, df):
    normal = df == np.inf
    n = np.where(normal, 1.0, df)
    y = -0.5 * (n + 1) * np.log1p(x * x / n) - sc.betaln(0.5 * n, 0.5) - 0.5 * np.log(n)
    return np.where(normal, log_normal(x), y)


def student_var(df):
    normal = df == np.inf
    n = np.where(normal, 3.0, df)
    infinite = np.where(df > 1, np.inf, np.nan)
    return np.where(normal, 1.0, np.where(df > 2, where_above(2.0, n, lambda n: n / (n - 2)), infinite))


t = continuous(
    scipy.stats.t,
    log_student,
    mean=lambda df: np.where(df > 1, 0.0, np.inf) + np.where(np.isnan(df), df, 0.0),
    var=student_var,
)
jf_skew_t = continuous(
    scipy.stats.jf_skew_t,
    lambda x, a, b: (
        (a + 0.5) * np.log1p(x / np.sqrt(a + b + x * x))
        + (b + 0.5) * np.log1p(-x / np.sqrt(a + b + x * x))
        - (a + b - 1) * np.log(2.0)
        - sc.betaln(a, b)
        - 0.5 * np.log(a + b)
    ),
)
arcsine = continuous(
    scipy.stats.arcsine,
    lambda x: -np.log(np.pi) - 0.5 * np.log(x) - 0.5 * np.log1p(-x),
    mean=lambda: 0.5,
    var=lambda: 0.125,
    entropy=lambda: np.log(np.pi / 4),
)
rdist = continuous(
    scipy.stats.rdist,
    lambda x, c: log_beta(0.5 * (x + 1), 0.5 * c, 0.5 * c) - np.log(2.0),
    mean=lambda c: 0.0 * c,
    var=lambda c: 1 / (c + 1),
)
semicircular = continuous(
    scipy.stats.semicircular,
    lambda x: np.log(2 / np.pi) + 0.5 * np.log1p(-x * x),
    mean=lambda: 0.0,
    var=lambda: 0.25,
    entropy=lambda: np.log(np.pi) - 0.5,
)
powerlaw = continuous(
    scipy.stats.powerlaw,
    lambda x, a: np.log(a) + sc.xlogy(a - 1, x),
    logcdf=lambda x, a: a * np.log(x),
    mean=lambda a: a / (a + 1),
    var=lambda a: a / ((a + 2) * np.square(a + 1)),
    entropy=lambda a: 1 - 1 / a - np.log(a),
)

# ---- on an interval -------------------------------------------------------------------------------------------------

uniform = continuous(
    scipy.stats.uniform,
    lambda x: 0.0 * x,
    mean=lambda: 0.5,
    var=lambda: 1 / 12,
    entropy=lambda: 0.0,
)


def log_triangle(x, c):
    rising = (x < c) | (c == 1)
    up, down = np.where(rising, x / np.where(c == 0, 1.0, c), 1.0), np.where(rising, 0.0, x - c)
    return np.log(2.0) + np.where(rising, np.log(up), np.log1p(-down / np.where(c == 1, 1.0, 1 - c)))


def triangle_below(x, c):
    rising = (x < c) | (c == 1)
    up, down = np.where(c == 0, 1.0, c), np.where(c == 1, 1.0, 1 - c)
    return np.where(rising, x * x / up, 1 - np.square(1 - x) / down)


triang = continuous(
    scipy.stats.triang,
    log_triangle,
    cdf=triangle_below,
    mean=lambda c: (c + 1) / 3,
    var=lambda c: (1 - c + c * c) / 18,
    entropy=lambda c: 0.5 - np.log(2.0) + 0.0 * c,
)


def log_trapezoid(x, c, d):
    rising, falling = x < c, x > d
    up, down = np.where(rising, x / c, 1.0), np.where(falling, (1 - x) / (1 - d), 1.0)
    return np.log(2 / (1 + d - c)) + np.log(up) + np.log(down)


def trapezoid_below(x, c, d):
    rising, falling = x < c, x > d
    area = np.where(rising, x * x / c, np.where(falling, 1 + d - c - np.square(1 - x) / (1 - d), 2 * x - c))
    return area / (1 + d - c)


trapezoid = continuous(scipy.stats.trapezoid, log_trapezoid, cdf=trapezoid_below)
loguniform, reciprocal = (
    continuous(
        original,
        lambda x, a, b: -np.log(x) - np.log(np.log(b) - np.log(a)),
        cdf=lambda x, a, b: (np.log(x) - np.log(a)) / (np.log(b) - np.log(a)),
        support=lambda a, b: (a, b),
        mean=lambda a, b: (b - a) / (np.log(b) - np.log(a)),
        var=lambda a, b: log_uniform_var(a, b),
        entropy=lambda a, b: 0.5 * (np.log(a) + np.log(b)) + np.log(np.log(b) - np.log(a)),
    )
    for original in (scipy.stats.loguniform, scipy.stats.reciprocal)
)


def log_uniform_var(a, b):
    width = np.log(b) - np.log(a)
    return 0.5 * (b - a) * (b + a) / width - np.square((b - a) / width)


bradford = continuous(
    scipy.stats.bradford,
    lambda x, c: np.log(c) - np.log1p(c * x) - np.log(np.log1p(c)),
    cdf=lambda x, c: np.log1p(c * x) / np.log1p(c),
    mean=lambda c: 1 / np.log1p(c) - 1 / c,
    entropy=lambda c: 0.5 * np.log1p(c) - np.log(c / np.log1p(c)),
)
anglit = continuous(
    scipy.stats.anglit,
    lambda x: np.log(np.cos(2 * x)),
    mean=lambda: 0.0,
    var=lambda: np.pi * np.pi / 16 - 0.5,
    entropy=lambda: 1 - np.log(2.0),
)
cosine = continuous(
    scipy.stats.cosine,
    lambda x: 2 * np.log(np.cos(0.5 * x)) - np.log(np.pi),
    mean=lambda: 0.0,
    var=lambda: np.pi * np.pi / 3 - 2,
    entropy=lambda: np.log(4 * np.pi) - 1,
)

# ---- around the circle ----------------------------------------------------------------------------------------------


def circle_below(x, kappa):
    """The Fourier series; its coefficients are ratios of Bessel functions, which fall off beyond sqrt(kappa)."""
    largest = np.max(np.nan_to_num(of_all(kappa)), initial=0.0)
    j = np.arange(1.0, 25.0 + 9.0 * np.sqrt(largest))
    x, kappa = x[..., None], kappa[..., None]
    waves = sc.ive(j, kappa) / sc.i0e(kappa) * np.sin(j * x) / j
    return 0.5 + (x[..., 0] + 2 * np.sum(waves, axis=-1)) / (2 * np.pi)


vonmises, vonmises_line = (
    continuous(original, lambda x, kappa: kappa * sc.cosm1(x) - np.log(2 * np.pi * sc.i0e(kappa)), cdf=circle_below)
    for original in (scipy.stats.vonmises, scipy.stats.vonmises_line)
)
wrapcauchy = continuous(
    scipy.stats.wrapcauchy,
    lambda x, c: np.log((1 - c) * (1 + c) / (2 * np.pi)) - np.log(np.square(1 - c) - 2 * c * sc.cosm1(x)),
)

"""Distribution functions. In the variable the slope is the density, in a quantile one over the density.

The number of successes in bdtr, pdtr and their kin is rounded down: constant between whole numbers.
"""

import numpy as np
import scipy.special as sc

from .elementary import in_power
from .gamma import beta_density, gamma_density
from .table import PI, SQRT_2PI, Unknown, at, common, special

# ---- chi-squared, gamma and Poisson: all the incomplete gamma function ----------------------------------------------

chdtr = special(sc.chdtr, d=(Unknown("v"), lambda a, b: 0.5 * gamma_density(0.5 * a, 0.5 * b)))
chdtrc = special(sc.chdtrc, d=(Unknown("v"), lambda a, b: -0.5 * gamma_density(0.5 * a, 0.5 * b)))
chdtri = special(sc.chdtri, d=(Unknown("v"), lambda a, y: -2 / gamma_density(0.5 * a, 0.5 * y)))
gdtr = special(
    sc.gdtr,
    d=(lambda a, b, c: c * gamma_density(b, a * c), Unknown("b"), lambda a, b, c: a * gamma_density(b, a * c)),
)
gdtrc = special(
    sc.gdtrc,
    d=(lambda a, b, c: -c * gamma_density(b, a * c), Unknown("b"), lambda a, b, c: -a * gamma_density(b, a * c)),
)
gdtrix = special(sc.gdtrix, d=(lambda a, y: -y / a, Unknown("b"), lambda a, b, y: 1 / (a * gamma_density(b, a * y))))
gdtria = special(sc.gdtria, d=(lambda b, c, y: 1 / (c * gamma_density(b, c * y)), Unknown("b"), lambda c, y: -y / c))
pdtr = special(sc.pdtr, d=(None, lambda a, b: -gamma_density(np.floor(a) + 1.0, b)))
pdtrc = special(sc.pdtrc, d=(None, lambda a, b: gamma_density(np.floor(a) + 1.0, b)))
pdtri = special(sc.pdtri, d=(None, lambda a, y: -1 / gamma_density(np.floor(a) + 1.0, y)))

# ---- the non-central chi-squared distribution -----------------------------------------------------------------------


def noncentral_density(x, df, nc):
    """By the Bessel function I, scaled; where nc or x is next to 0, by the series of that."""
    x, df, nc = common(x, df, nc)
    z = np.sqrt(nc * x)
    near = z < 1
    v = 0.5 * df - 1
    series = np.exp(-0.5 * (x + nc) - 0.5 * df * np.log(2.0) - sc.gammaln(0.5 * df) + sc.xlogy(v, x))
    series = series * sc.hyp0f1(0.5 * df, np.where(near, 0.25 * nc * x, 0.0))
    a, b = np.where(near, 1.0, x), np.where(near, 1.0, nc)
    bessel = np.exp(-0.5 * np.square(np.sqrt(a) - np.sqrt(b))) * np.power(a / b, 0.5 * v) * sc.ive(v, np.sqrt(a * b))
    return np.where(near, series, 0.5 * bessel)


chndtr = special(
    sc.chndtr,
    d=(
        lambda a, b, c: noncentral_density(a, b, c),
        Unknown("df"),
        lambda a, b, c: -noncentral_density(a, b + 2.0, c),
    ),
)
chndtrix = special(
    sc.chndtrix,
    d=(
        lambda b, c, y: 1 / noncentral_density(y, b, c),
        Unknown("df"),
        lambda b, c, y: noncentral_density(y, b + 2.0, c) / noncentral_density(y, b, c),
    ),
)

chndtrinc = special(
    sc.chndtrinc,
    d=(
        lambda a, b, y: noncentral_density(a, b, y) / noncentral_density(a, b + 2.0, y),
        Unknown("df"),
        lambda a, b, y: -1 / noncentral_density(a, b + 2.0, y),
    ),
)

# ---- binomial, F and Student's t: all the incomplete beta function --------------------------------------------------


def binomial_density(k, n, p):
    """The slope of the binomial distribution in p, but for the sign."""
    k = np.floor(k)
    return beta_density(k + 1.0, n - k, p)


bdtr = special(sc.bdtr, d=(None, Unknown("n"), lambda a, b, c: -binomial_density(a, b, c)))
bdtrc = special(sc.bdtrc, d=(None, Unknown("n"), lambda a, b, c: binomial_density(a, b, c)))
bdtri = special(sc.bdtri, d=(None, Unknown("n"), lambda a, b, y: -1 / binomial_density(a, b, y)))
nbdtr = special(sc.nbdtr, d=(None, Unknown("n"), lambda a, b, c: beta_density(b, np.floor(a) + 1.0, c)))
nbdtrc = special(sc.nbdtrc, d=(None, Unknown("n"), lambda a, b, c: -beta_density(b, np.floor(a) + 1.0, c)))
nbdtri = special(sc.nbdtri, d=(None, Unknown("n"), lambda a, b, y: 1 / beta_density(b, np.floor(a) + 1.0, y)))


def f_density(m, n, x):
    m, n, x = common(m, n, x)
    total = m * x + n
    return beta_density(0.5 * m, 0.5 * n, m * x / total, n / total) * m * n / (total * total)


fdtr = special(sc.fdtr, d=(Unknown("dfn"), Unknown("dfd"), lambda a, b, c: f_density(a, b, c)))
fdtrc = special(sc.fdtrc, d=(Unknown("dfn"), Unknown("dfd"), lambda a, b, c: -f_density(a, b, c)))
fdtri = special(sc.fdtri, d=(Unknown("dfn"), Unknown("dfd"), lambda a, b, y: 1 / f_density(a, b, y)))


def t_density(df, t):
    df, t = common(df, t)
    return np.exp(-0.5 * (df + 1) * np.log1p(t * t / df) - at(sc.betaln, 0.5, 0.5 * df) - 0.5 * np.log(df))


stdtr = special(sc.stdtr, d=(Unknown("df"), lambda a, b: t_density(a, b)))
stdtrit = special(sc.stdtrit, d=(Unknown("df"), lambda a, y: 1 / t_density(a, y)))

# ---- by their quantiles ---------------------------------------------------------------------------------------------


def lambda_density(p, y):
    """Of Tukey's lambda distribution, whose quantile of y is boxcox(y, p) - boxcox(1 - y, p)."""
    p, y = common(p, y)
    return 1 / (np.power(y, p - 1) + np.power(1 - y, p - 1))


def lambda_in_shape(p, y):
    p, y = common(p, y)
    return lambda_density(p, y) * (in_power(np.log1p(-y), p) - in_power(np.log(y), p))


tklmbda = special(sc.tklmbda, d=(lambda b, y: lambda_density(b, y), lambda b, y: lambda_in_shape(b, y)))


def over_normal_density(z):
    return SQRT_2PI * np.exp(0.5 * z * z)


# The mean, and the standard deviation, for which the normal distribution function at x is p.
nrdtrimn = special(
    sc.nrdtrimn,
    d=(lambda a, b: -b * over_normal_density(sc.ndtri(a)), lambda a: -sc.ndtri(a), 1),
)
nrdtrisd = special(
    sc.nrdtrisd,
    d=(
        lambda b: -1 / sc.ndtri(b),
        lambda b, y: -y * over_normal_density(sc.ndtri(b)) / sc.ndtri(b),
        lambda b: 1 / sc.ndtri(b),
    ),
)

# ---- Kolmogorov's distribution --------------------------------------------------------------------------------------


def kolmogorov_slope(x):
    """Of 2 times the sum of (-1)^(k-1) exp(-2 k^2 x^2), and for small x of the series that Jacobi's identity gives."""
    low = x < 0.8
    a, b = np.where(low, np.where(x > 0.04, x, 1.0), 1.0), np.where(low, 1.0, np.minimum(x, 40.0))
    square = np.square(b)
    right = sum((-1) ** k * k * k * np.exp(-2 * k * k * square) for k in range(1, 7))
    quarter = PI * PI / (8 * a * a)
    left = sum((1 - 2 * k * k * quarter) * np.exp(-k * k * quarter) for k in (1, 3, 5))
    return np.where(low, np.where(x > 0.04, SQRT_2PI * left / (a * a), 0.0), 8 * b * right)


kolmogorov = special(sc.kolmogorov, d=lambda x: kolmogorov_slope(x))
kolmogi = special(sc.kolmogi, d=lambda y: 1 / kolmogorov_slope(y))

"""scipy.stats on traced arrays.

The distributions are SciPy's, and take traced arguments: x or q, the shapes, loc and scale, also when they are frozen.
Their values are SciPy's; log-densities are differentiable to any order, and so are distribution functions, quantiles
and samples, in the shapes, too. Outside of the support the density is 0, and so is its slope.

Examples
--------
>>> import numpy as np
>>> import chainrule as cr
>>> from chainrule.scipy import stats
>>> x = np.array([1.0, 2.0, 4.0])
>>> cr.grad(lambda a: np.sum(stats.gamma.logpdf(x, a, scale=2.0)))(2.0)
np.float64(-1.268353...)
>>> cr.grad(lambda a: stats.gamma(a, scale=2.0).cdf(3.0))(2.0)
np.float64(-0.313488...)
>>> cr.grad(lambda s: stats.norm.rvs(0.0, s, size=3, random_state=0).mean())(1.0)
np.float64(1.0476...)
"""

import scipy.stats

from ..namespace import passing_through
from .betas import (
    anglit as anglit,
    arcsine as arcsine,
    beta as beta,
    betaprime as betaprime,
    bradford as bradford,
    cosine as cosine,
    f as f,
    jf_skew_t as jf_skew_t,
    loguniform as loguniform,
    powerlaw as powerlaw,
    rdist as rdist,
    reciprocal as reciprocal,
    semicircular as semicircular,
    t as t,
    trapezoid as trapezoid,
    triang as triang,
    uniform as uniform,
    vonmises as vonmises,
    vonmises_line as vonmises_line,
    wrapcauchy as wrapcauchy,
)
from .counts import (
    bernoulli as bernoulli,
    betabinom as betabinom,
    betanbinom as betanbinom,
    binom as binom,
    boltzmann as boltzmann,
    dlaplace as dlaplace,
    geom as geom,
    logser as logser,
    nbinom as nbinom,
    planck as planck,
    poisson as poisson,
    skellam as skellam,
    yulesimon as yulesimon,
    zipf as zipf,
)
from .exponentials import (
    burr as burr,
    burr12 as burr12,
    cauchy as cauchy,
    dweibull as dweibull,
    expon as expon,
    exponpow as exponpow,
    exponweib as exponweib,
    fisk as fisk,
    foldcauchy as foldcauchy,
    genexpon as genexpon,
    genextreme as genextreme,
    genhalflogistic as genhalflogistic,
    genlogistic as genlogistic,
    genpareto as genpareto,
    gompertz as gompertz,
    gumbel_l as gumbel_l,
    gumbel_r as gumbel_r,
    halfcauchy as halfcauchy,
    halflogistic as halflogistic,
    hypsecant as hypsecant,
    invweibull as invweibull,
    kappa3 as kappa3,
    laplace as laplace,
    laplace_asymmetric as laplace_asymmetric,
    logistic as logistic,
    loglaplace as loglaplace,
    lomax as lomax,
    mielke as mielke,
    pareto as pareto,
    skewcauchy as skewcauchy,
    truncexpon as truncexpon,
    truncpareto as truncpareto,
    truncweibull_min as truncweibull_min,
    weibull_max as weibull_max,
    weibull_min as weibull_min,
)
from .gammas import (
    argus as argus,
    chi as chi,
    chi2 as chi2,
    dgamma as dgamma,
    erlang as erlang,
    gamma as gamma,
    gengamma as gengamma,
    gennorm as gennorm,
    halfgennorm as halfgennorm,
    invgamma as invgamma,
    loggamma as loggamma,
    maxwell as maxwell,
    nakagami as nakagami,
    ncx2 as ncx2,
    rayleigh as rayleigh,
    rice as rice,
)
from .normals import (
    alpha as alpha,
    exponnorm as exponnorm,
    fatiguelife as fatiguelife,
    foldnorm as foldnorm,
    gibrat as gibrat,
    halfnorm as halfnorm,
    invgauss as invgauss,
    johnsonsb as johnsonsb,
    johnsonsu as johnsonsu,
    levy as levy,
    levy_l as levy_l,
    lognorm as lognorm,
    moyal as moyal,
    norm as norm,
    powerlognorm as powerlognorm,
    powernorm as powernorm,
    recipinvgauss as recipinvgauss,
    skewnorm as skewnorm,
    truncnorm as truncnorm,
    wald as wald,
)
from .refused import others
from .samples import (
    circmean as circmean,
    circstd as circstd,
    circvar as circvar,
    describe as describe,
    differential_entropy as differential_entropy,
    energy_distance as energy_distance,
    entropy as entropy,
    gmean as gmean,
    gstd as gstd,
    gzscore as gzscore,
    hmean as hmean,
    iqr as iqr,
    kstat as kstat,
    kurtosis as kurtosis,
    linregress as linregress,
    median_abs_deviation as median_abs_deviation,
    moment as moment,
    pearsonr as pearsonr,
    pmean as pmean,
    sem as sem,
    skew as skew,
    trim_mean as trim_mean,
    variation as variation,
    wasserstein_distance as wasserstein_distance,
    zmap as zmap,
    zscore as zscore,
)
from .transformations import (
    boxcox as boxcox,
    boxcox_llf as boxcox_llf,
    gaussian_kde as gaussian_kde,
    yeojohnson as yeojohnson,
    yeojohnson_llf as yeojohnson_llf,
)
from .vectors import (
    dirichlet as dirichlet,
    dirichlet_multinomial as dirichlet_multinomial,
    invwishart as invwishart,
    matrix_normal as matrix_normal,
    multinomial as multinomial,
    multivariate_normal as multivariate_normal,
    multivariate_t as multivariate_t,
    of_newer_releases,
    wishart as wishart,
)

globals().update(of_newer_releases)
globals().update(others(globals()))

__getattr__, __dir__ = passing_through(scipy.stats)

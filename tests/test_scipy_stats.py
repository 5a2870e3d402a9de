"""scipy.stats: distributions of numbers and of vectors, and statistics of samples."""

import inspect
import pickle

import numpy as np
import pytest
import scipy.stats as original

import chainrule as cr
from chainrule.core.errors import MissingRuleError
from chainrule.scipy import stats
from chainrule.scipy.stats.univariate import Discrete
from chainrule.testing import check_rules

rng = np.random.default_rng(0)

SHAPES = {
    # betas
    "anglit": (),
    "arcsine": (),
    "beta": (2.3, 1.6),
    "betaprime": (2.3, 3.1),
    "bradford": (1.3,),
    "cosine": (),
    "f": (3.4, 7.2),
    "jf_skew_t": (2.2, 3.1),
    "loguniform": (0.4, 2.3),
    "powerlaw": (1.7,),
    "rdist": (3.6,),
    "reciprocal": (0.4, 2.3),
    "semicircular": (),
    "t": (3.3,),
    "trapezoid": (0.3, 0.6),
    "triang": (0.45,),
    "uniform": (),
    "vonmises": (2.2,),
    "vonmises_line": (2.2,),
    "wrapcauchy": (0.4,),
    # exponentials
    "burr": (2.5, 1.4),
    "burr12": (2.5, 1.4),
    "cauchy": (),
    "dweibull": (2.1,),
    "expon": (),
    "exponpow": (1.4,),
    "exponweib": (1.6, 1.3),
    "fisk": (2.4,),
    "foldcauchy": (1.7,),
    "genexpon": (1.3, 0.8, 1.1),
    "genextreme": (0.15,),
    "genhalflogistic": (0.4,),
    "genlogistic": (1.6,),
    "genpareto": (0.2,),
    "gompertz": (0.9,),
    "gumbel_l": (),
    "gumbel_r": (),
    "halfcauchy": (),
    "halflogistic": (),
    "hypsecant": (),
    "invweibull": (2.6,),
    "kappa3": (1.2,),
    "laplace": (),
    "laplace_asymmetric": (1.6,),
    "logistic": (),
    "loglaplace": (2.4,),
    "lomax": (2.7,),
    "mielke": (2.1, 1.7),
    "pareto": (2.6,),
    "skewcauchy": (0.4,),
    "truncexpon": (2.3,),
    "truncpareto": (1.8, 5.3),
    "truncweibull_min": (1.6, 0.3, 2.2),
    "weibull_max": (1.8,),
    "weibull_min": (1.8,),
    # gammas
    "argus": (1.3,),
    "chi": (2.7,),
    "chi2": (3.4,),
    "dgamma": (1.6,),
    "erlang": (3.0,),
    "gamma": (2.4,),
    "gengamma": (1.8, 1.3),
    "gennorm": (1.4,),
    "halfgennorm": (1.4,),
    "invgamma": (2.7,),
    "loggamma": (1.3,),
    "maxwell": (),
    "nakagami": (1.3,),
    "ncx2": (3.0, 1.2),
    "rayleigh": (),
    "rice": (0.9,),
    # normals
    "alpha": (2.1,),
    "exponnorm": (1.4,),
    "fatiguelife": (0.8,),
    "foldnorm": (1.2,),
    "gibrat": (),
    "halfnorm": (),
    "invgauss": (0.7,),
    "johnsonsb": (0.8, 1.3),
    "johnsonsu": (0.8, 1.3),
    "levy": (),
    "levy_l": (),
    "lognorm": (0.6,),
    "moyal": (),
    "norm": (),
    "powerlognorm": (1.4, 0.6),
    "powernorm": (2.2,),
    "recipinvgauss": (0.8,),
    "skewnorm": (1.7,),
    "truncnorm": (-0.8, 1.7),
    "wald": (),
    # counts
    "bernoulli": (0.3,),
    "betabinom": (7, 2.2, 1.3),
    "betanbinom": (5, 3.2, 1.4),
    "binom": (9, 0.4),
    "boltzmann": (0.7, 12),
    "dlaplace": (0.6,),
    "geom": (0.3,),
    "logser": (0.7,),
    "nbinom": (3.4, 0.4),
    "planck": (0.5,),
    "poisson": (3.2,),
    "skellam": (2.3, 1.4),
    "yulesimon": (2.4,),
    "zipf": (2.3,),
}
"""Shapes to try each distribution at."""

CONSTANT = {"ncx2": 1}
"""How many of the first shapes are constants: there is no rule for them."""

ONE = [*(n for n in SHAPES if not isinstance(getattr(stats, n).standard, Discrete))]
COUNTS = [n for n in SHAPES if n not in ONE]
DENSITIES = ("pdf", "logpdf", "pmf", "logpmf")
FUNCTIONS = (*DENSITIES, "cdf", "logcdf", "sf", "logsf")
MOMENTS = ("mean", "var", "std", "entropy", "median", "support")

SHAPES = {name: tuple(map(float, shapes)) for name, shapes in SHAPES.items()}
each = pytest.mark.parametrize("name", SHAPES)
quiet = pytest.mark.filterwarnings("ignore:The shape parameter of the erlang")


def place(name):
    """Location and scale, or the location alone."""
    return (2.0,) if name in COUNTS else (0.3, 1.7)


def traced(f, *args):
    """What f gives for traced arguments."""
    return cr.vjp(f, *args)[0]


# ---- values ---------------------------------------------------------------------------------------------------------


def same_as_scipy(ours, theirs, x=None, rtol=1e-12):
    """In the far tails, and at infinity, SciPy may give up where ours does not."""
    ours, theirs = np.broadcast_arrays(ours, theirs)
    given_up = np.isneginf(theirs) & (ours < -30)
    if x is not None:
        given_up = given_up | (np.isinf(x) & np.isnan(theirs))
    np.testing.assert_allclose(np.where(given_up, 0, ours), np.where(given_up, 0, theirs), rtol=rtol, atol=1e-14)


@quiet
@each
def test_values(name):
    """In the middle, in the tails, at the ends of the support, outside, at infinity and for NaN."""
    ours, theirs, args = getattr(stats, name), getattr(original, name), (*SHAPES[name], *place(name))
    q = np.array([0.0, 1e-3 if name in COUNTS else 1e-9, 0.1, 0.4, 0.9, 0.999, 1.0])
    rtol = 1e-8 if name.startswith("trunc") else 1e-12  # next to an end, x itself is not known better
    far = 300 if name in COUNTS else 1e9  # SciPy adds some up
    x = np.concatenate([theirs.ppf(q, *args), [-far, -7.0, 0.3, 2.0, 2.5, far, -np.inf, np.inf, np.nan]])
    if name.startswith("levy") or name == "recipinvgauss":
        x = x[x != 0.3]  # where SciPy's is NaN
    for method in FUNCTIONS:
        if hasattr(theirs, method):
            y = traced(lambda x, *args, m=method: getattr(ours, m)(x, *args), x, *args)
            assert (y.dtype, y.shape) == (float, x.shape)
            with np.errstate(all="ignore"):
                same_as_scipy(y, getattr(theirs, method)(x, *args), x, rtol)
    q = np.concatenate([q, [-0.5, 1.5, np.nan]])
    for method in ("ppf", "isf"):
        same_as_scipy(
            traced(lambda q, *args, m=method: getattr(ours, m)(q, *args), q, *args), getattr(theirs, method)(q, *args)
        )


@quiet
@each
def test_moments(name):
    """Where there is a closed form, it is SciPy's value; where there is none, the error names it."""
    ours, theirs, args = getattr(stats, name), getattr(original, name), (*SHAPES[name], *place(name))
    for method in MOMENTS:
        call = lambda *args, m=method: getattr(ours, m)(*args)
        if getattr(ours.standard, method.replace("std", "var"), ()) is None:
            with pytest.raises(MissingRuleError, match=rf"scipy.stats.{name}.(var|{method}): it has no rule here"):
                traced(call, *args)
            continue
        for mine, expected in zip(outputs(traced(call, *args)), outputs(getattr(theirs, method)(*args)), strict=True):
            same_as_scipy(mine, expected, rtol=1e-9)


@quiet
@each
def test_bad_parameters_give_nan(name):
    ours, args = getattr(stats, name), (*SHAPES[name], *place(name))
    if name in ONE:
        assert np.isnan(traced(lambda x, s: ours.logpdf(x, *SHAPES[name], 0.0, s), 0.5, -1.0))
    for i in range(len(SHAPES[name])):
        bad = [*args[:i], np.nan, *args[i + 1 :]]
        for method in ("cdf", "sf", "ppf", "pdf" if name in ONE else "pmf"):
            assert np.isnan(traced(lambda *args, m=method: getattr(ours, m)(0.5, *args), *bad)), method


# ---- derivatives ----------------------------------------------------------------------------------------------------


@quiet
@each
def test_rules(name):
    """All parameters, in every column."""
    d, shapes = getattr(stats, name), SHAPES[name]
    n, fixed = len(shapes), CONSTANT.get(name, 0)
    q = np.array([0.2, 0.7])
    if name in COUNTS:
        if not n:
            return
        k = d.ppf(q, *shapes)
        methods = ("logpmf", "pmf", "cdf", "logsf")
        whole = np.array(shapes[fixed:], float)
        f = lambda v: tuple(getattr(d, m)(k, *shapes[:fixed], *(v[i] for i in range(n - fixed))) for m in methods)
    else:
        whole = np.array([*d.ppf(q, *shapes, *place(name)), *q, *shapes[fixed:], *place(name)])

        def f(v):
            args = [*shapes[:fixed], *(v[i] for i in range(4, len(whole)))]
            return (*(getattr(d, m)(v[:2], *args) for m in ("logpdf", "logcdf", "logsf")), d.ppf(v[2:4], *args))

    check_rules(f, whole, order=1)


@quiet
@each
def test_methods_agree(name):
    """The derivatives of the others follow from those: of cdf from logcdf, of isf from ppf."""
    d, shapes = getattr(stats, name), SHAPES[name]
    fixed = CONSTANT.get(name, 0)
    args = tuple(map(np.float64, (*shapes[fixed:], *place(name))))
    q = np.array([0.2, 0.7])
    x = d.ppf(q, *shapes, *place(name))
    steps = (*(0.1 * (i + 1) for i in range(len(args) - len(place(name)))), *(0.3, -0.2)[: len(place(name))])

    def slope(f):
        return cr.jvp(lambda *args: f(*shapes[:fixed], *args), args, steps)[1]

    density = "pdf" if name in ONE else "pmf"
    pairs = ((density, f"log{density}"), ("cdf", "logcdf"), ("sf", "logsf"))
    for plain, log in pairs:
        a = slope(lambda *args, m=plain: getattr(d, m)(x, *args))
        b = slope(lambda *args, m=log: getattr(d, m)(x, *args)) * getattr(d, plain)(x, *shapes, *place(name))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(
        slope(lambda *args: d.cdf(x, *args)), -slope(lambda *args: d.sf(x, *args)), rtol=1e-9, atol=1e-13
    )
    a, b = slope(lambda *args: d.isf(1 - q, *args)), slope(lambda *args: d.ppf(q, *args))
    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12)
    for moment in ("mean", "var", *(["entropy"] if name != "levy" else [])):  # SciPy integrates that numerically
        if getattr(d.standard, moment) is not None and np.isfinite(getattr(d, moment)(*shapes, *place(name))):
            f = lambda *args, m=moment: getattr(d, m)(*shapes[:fixed], *args)
            check_rules(f, *args, order=1)
            break


SECOND = {
    **{n: SHAPES[n] for n in ("norm", "gamma", "beta", "t", "f", "weibull_min", "genextreme", "vonmises", "truncnorm")},
    "genpareto": (0.0,),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_order(name):
    d, shapes = getattr(stats, name), SECOND[name]
    x = d.ppf(0.3, *shapes, *place(name))
    whole = np.array([x, *shapes, *place(name)])
    check_rules(lambda v: stats_of(d, v, ("logpdf", "logcdf")), whole)


def stats_of(d, v, methods):
    args = [v[i] for i in range(len(v))]
    return tuple(getattr(d, m)(*args) for m in methods)


@pytest.mark.parametrize("name", ["nbinom", "poisson", "logser", "betabinom", "zipf"])
def test_second_order_of_counts(name):
    fixed = 1 if name == "betabinom" else 0  # a whole number, so that there are no differences to compare with
    whole, varied = SHAPES[name][:fixed], np.array(SHAPES[name][fixed:], float)
    f = lambda v: getattr(stats, name).logcdf(np.array([1, 3]), *whole, *(v[i] for i in range(len(v))))
    check_rules(f, varied)


# Slopes in the shape of the logarithm of the cdf or the sf, by mpmath 1.3 with 30 digits: numerical integrals of the
# density, differentiated.
TAILS = {
    ("gamma", "logcdf", 0.001, (2.5,)): -8.0109935612069924,
    ("gamma", "logsf", 60.0, (2.5,)): 3.4079855746729833,
    ("gamma", "logcdf", 800.0, (1000.0,)): -0.22746211378048338,
    ("gamma", "logsf", 0.5, (0.01,)): 100.51011492582828,
    ("t", "logsf", 10000.0, (2.5,)): -8.4147320335651959,
    ("t", "logcdf", -30.0, (8.0,)): -1.9284015259426584,
    ("beta", "logcdf", 1e-06, (0.3, 4.0)): -12.308468652155573,
    ("beta", "logsf", 0.9, (2.0, 30.0)): 2.9254684676605906,
    ("beta", "logcdf", 0.999999999, (2.0, 0.1)): -0.010054648210457737,
}


@pytest.mark.parametrize("case", TAILS, ids=str)
def test_slopes_in_shapes_in_the_tails(case):
    name, method, x, (shape, *rest) = case
    f = lambda s: getattr(getattr(stats, name), method)(x, s, *rest)
    np.testing.assert_allclose(cr.grad(f)(shape), TAILS[case], rtol=1e-13)


def test_logarithms_in_the_far_tails():
    x = -1e4
    np.testing.assert_allclose(cr.grad(stats.norm.logcdf)(x), -x - 1 / x, rtol=1e-12)
    np.testing.assert_allclose(cr.grad(stats.norm.logsf)(-x), x + 1 / x, rtol=1e-12)
    assert cr.grad(stats.expon.logsf)(1e5) == -1
    assert cr.grad(stats.logistic.logcdf)(-1e5) == 1
    np.testing.assert_allclose(cr.grad(lambda c: stats.weibull_min.logsf(100.0, c))(3.0), -1e6 * np.log(100.0))
    np.testing.assert_allclose(cr.grad(lambda b: stats.pareto.logsf(1e300, b))(2.0), -np.log(1e300))
    np.testing.assert_allclose(cr.grad(lambda a: stats.truncnorm.logpdf(51.0, a, np.inf))(50.0), 50.0, rtol=1e-3)


# ---- edges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf"])
@pytest.mark.parametrize("x", [-1.0, -np.inf, np.inf])
def test_no_slope_outside_of_the_support(method, x):
    f = lambda x, a, loc, scale: getattr(stats.gamma, method)(x, a, loc, scale)
    assert cr.grad(f, argnums=(0, 1, 2, 3))(x, 2.0, 0.0, 3.0) == (0, 0, 0, 0)


def test_what_is_outside_or_unknown_leaves_the_rest_alone():
    x = np.array([-1.0, 1.0, np.nan, np.inf])
    for method in ("pdf", "cdf", "sf"):
        f = lambda a, x, m=method: np.nansum(getattr(stats.gamma, m)(x, a))
        assert cr.grad(f)(2.5, x) == cr.grad(f)(2.5, x[1:2])


def test_the_ends_of_the_support():
    assert cr.grad(stats.expon.logpdf)(0.0) == -1
    assert cr.grad(stats.uniform.pdf)(1.0) == 0
    assert cr.grad(lambda x: stats.gamma.pdf(x, 3.0))(0.0) == 0
    assert traced(lambda x: stats.gamma.pdf(x, 1.0), 0.0) == 1
    assert traced(lambda x: stats.powerlaw.pdf(x, 0.5), 0.0) == original.powerlaw.pdf(0.0, 0.5)
    assert cr.grad(lambda c: stats.genpareto.ppf(1.0, c))(-0.5) == 4.0  # the end -1/c
    assert cr.grad(lambda s: stats.gamma.ppf(0.0, 2.0, 0.0, s))(3.0) == 0


def test_where_parameters_are_not_valid():
    for f in (
        lambda s: stats.norm.logpdf(1.0, 0.0, s),
        lambda a: stats.gamma.cdf(1.0, a),
        lambda a: stats.t.ppf(0.3, a),
    ):
        value, slope = cr.value_and_grad(f)(-1.0)
        assert np.isnan(value)
        assert slope == 0
    assert traced(lambda t: stats.gamma.nnlf(t, np.ones(3)), np.array([-1.0, 0.0, 1.0])) == np.inf


def test_dtypes_are_scipys():
    x = np.array([1.0, 2.0], np.float32)
    y, pullback = cr.vjp(lambda x: stats.norm.logpdf(x), x)
    assert y.dtype == original.norm.logpdf(x).dtype == float
    assert pullback(np.ones(2))[0].dtype == np.float32
    assert cr.grad(lambda m: np.sum(stats.poisson.logpmf([3, 4], m)))(2.0) == 1.5
    assert cr.grad(lambda m: np.sum(stats.norm.logpdf([1, 2, 3], m, 2)))(2.0) == 0


def test_shapes_broadcast():
    a, x = np.array([1.0, 2.0, 3.0]), np.array([[0.5], [1.5]])
    f = lambda a: stats.gamma.cdf(x, a)
    assert cr.jacobian(f)(a).shape == (2, 3, 3)
    check_rules(f, a, order=1)
    check_rules(lambda x, s: stats.beta.logpdf(x, [2, 3], 1.5, 0, s), x / 3, np.array(2.0), order=1)
    assert traced(lambda a: stats.gamma.cdf(np.zeros((0, 1)), a), a).shape == (0, 3)
    assert traced(lambda a: stats.nbinom.cdf(np.zeros((0, 1)), a, 0.5), a).shape == (0, 3)


def test_mapped_over_shapes_and_counts():
    a = np.array([1.0, 2.0, 3.0])
    for f, x in (
        (lambda a, x: stats.gamma.logsf(x, a), np.array([0.5, 1.0, 2.0])),
        (lambda a, k: stats.nbinom.logcdf(k, a, 0.3), np.array([0, 3, 9])),
        (lambda a, x: stats.vonmises.cdf(x, a), np.array([0.5, 1.0, 2.0])),
    ):
        mapped = cr.vmap(cr.grad(f))(a, x)
        np.testing.assert_allclose(mapped, [cr.grad(f)(*pair) for pair in zip(a, x, strict=True)], rtol=1e-13)


def test_an_element_depends_on_its_own_arguments():
    pattern = cr.sparsity(lambda x: stats.gamma.logsf(x, 2.0), np.ones(3))
    np.testing.assert_array_equal(pattern.toarray(), np.eye(3, dtype=bool))


def test_degrees_of_freedom_without_end():
    assert cr.grad(lambda x: stats.t.logpdf(x, np.inf))(1.5) == -1.5
    assert traced(lambda x: stats.t.var(np.inf, 0.0, x), 3.0) == 9


def test_extreme_values_with_shape_zero():
    for name in ("genextreme", "genpareto"):
        d = getattr(stats, name)
        for method in ("logpdf", "cdf", "logsf", "ppf"):
            f = lambda c, d=d, m=method: getattr(d, m)(0.4, c)
            at, near = (cr.grad(f)(c) for c in (0.0, 1e-6))
            np.testing.assert_allclose(at, near, rtol=1e-5)


# ---- the objects ----------------------------------------------------------------------------------------------------


def test_plain_arguments_are_scipys_own():
    x = rng.gamma(2.0, size=20)
    for ours, theirs in ((stats.gamma, original.gamma), (stats.gamma(2.1, scale=3.0), original.gamma(2.1, scale=3.0))):
        args = (2.1, 0.0, 3.0) if hasattr(ours, "standard") else ()
        for method in ("pdf", "logsf", "ppf"):
            np.testing.assert_array_equal(getattr(ours, method)(x / 9, *args), getattr(theirs, method)(x / 9, *args))
        assert ours.rvs(*args, random_state=1) == theirs.rvs(*args, random_state=1)
    assert stats.gamma.fit(x) == original.gamma.fit(x)
    assert isinstance(stats.gamma, original.rv_continuous)
    assert isinstance(stats.poisson, original.rv_discrete)
    assert original.kstest(x, stats.expon.cdf) == original.kstest(x, original.expon.cdf)
    assert stats.gamma.expect(lambda x: x, (2.0,)) == original.gamma.expect(lambda x: x, (2.0,))


def test_signatures_are_scipys():
    for name in (*SHAPES, "multivariate_normal", "dirichlet", "wishart"):
        ours, theirs = getattr(stats, name), getattr(original, name)
        for method in (*FUNCTIONS, "ppf", "rvs", "nnlf", "interval", "expect", "mean", "entropy"):
            if hasattr(theirs, method):
                assert inspect.signature(getattr(ours, method)) == inspect.signature(getattr(theirs, method))
    for name, function in vars(stats).items():
        if inspect.isfunction(function) and not name.startswith("_") and hasattr(original, name):
            assert inspect.signature(function) == inspect.signature(getattr(original, name)), name


def test_names_and_positions():
    expected = traced(stats.gamma.logpdf, 1.5, 2.0, 0.1, 3.0)
    assert expected == traced(lambda x: stats.gamma.logpdf(x, a=2.0, scale=3.0, loc=0.1), 1.5)
    assert expected == traced(lambda a: stats.gamma(a, loc=0.1, scale=3.0).logpdf(1.5), 2.0)
    assert expected == traced(lambda x: stats.gamma(2.0, 0.1, 3.0).logpdf(x), 1.5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'b'"):
        traced(lambda x: stats.gamma.logpdf(x, 2.0, b=1.0), 1.5)


def test_frozen_distributions_do_all_that_the_others_do():
    for method in ("mean", "var", "std", "median", "entropy"):
        f = lambda s, m=method: getattr(stats.norm(loc=1.0, scale=s), m)()
        check_rules(f, 2.0)
    check_rules(lambda c: stats.genpareto(c).support()[1], -0.5)
    assert traced(lambda m: stats.poisson(m).pmf(2), 3.0) == pytest.approx(original.poisson(3.0).pmf(2), rel=1e-13)


def test_pickled():
    for d in (stats.gamma, stats.gamma(2.0), stats.poisson, stats.multivariate_normal, stats.loguniform):
        again = pickle.loads(pickle.dumps(d))
        assert type(again) is type(d)
    assert cr.grad(lambda x: pickle.loads(pickle.dumps(stats.gamma(2.0))).logpdf(x))(1.0) == 0


def test_samples_move_with_the_parameters():
    for name, shapes in (("norm", ()), ("gamma", (2.5,)), ("beta", (0.8, 2.1)), ("t", (4.0,)), ("weibull_min", (1.5,))):
        d = getattr(stats, name)
        args = tuple(map(np.float64, (*shapes, 0.4, 1.6)))
        x = d.rvs(*args, size=5, random_state=3)
        np.testing.assert_array_equal(traced(lambda *args, d=d: d.rvs(*args, size=5, random_state=3), *args), x)
        slopes = cr.jacobian(lambda *a, d=d: d.rvs(*a, size=5, random_state=3), argnums=tuple(range(len(args))))(*args)
        q = d.cdf(x, *args)
        expected = cr.jacobian(lambda *a, d=d, q=q: d.ppf(q, *a), argnums=tuple(range(len(args))))(*args)
        for ours, theirs in zip(slopes, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-8)
    hessian = cr.hessian(lambda a: np.sum(stats.gamma.rvs(a, size=3, random_state=0)))(2.5)
    slope = cr.grad(lambda a: np.sum(stats.gamma.rvs(a, size=3, random_state=0)))
    q = original.gamma.cdf(original.gamma.rvs(2.5, size=3, random_state=0), 2.5)
    slope = cr.grad(lambda a: np.sum(stats.gamma.ppf(q, a)))
    np.testing.assert_allclose(hessian, (slope(2.5 + 1e-5) - slope(2.5 - 1e-5)) / 2e-5, rtol=1e-6)


def test_the_gradient_of_an_expectation():
    """d/da E x^2 = 2 a + 1 for a gamma number, by samples, within four standard errors."""
    samples = lambda a: stats.gamma.rvs(a, size=4000, random_state=5) ** 2
    slopes = cr.jvp(samples, (np.float64(2.0),), (1.0,))[1]
    assert abs(np.mean(slopes) - 5) < 4 * np.std(slopes) / np.sqrt(4000)


def test_likelihoods():
    x = np.array([1.0, 2.0, 4.0])
    theta = np.array([2.0, 0.1, 1.5])
    np.testing.assert_allclose(traced(lambda t: stats.gamma.nnlf(t, x), theta), original.gamma.nnlf(theta, x))
    check_rules(lambda t: stats.gamma.nnlf(t, x), theta)
    check_rules(lambda m: stats.poisson.nnlf((m, 0), np.array([1, 2, 4])), 2.0)
    assert traced(lambda t: stats.gamma.nnlf(t, x - 2), theta) == np.inf


def test_intervals():
    for ours, theirs in zip(
        traced(lambda s: stats.norm.interval(0.9, 1.0, s), 2.0), original.norm.interval(0.9, 1.0, 2.0), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)
    check_rules(lambda c, s: stats.norm.interval(c, 1.0, s), 0.9, 2.0)


def test_stats_and_moments():
    for ours, theirs in zip(traced(lambda a: stats.gamma.stats(a), 2.0), original.gamma.stats(2.0), strict=True):
        assert ours == theirs
    assert traced(lambda a: stats.gamma.stats(a, moments="v"), 2.0) == 2
    assert traced(lambda a: stats.gamma.moment(2, a), 2.0) == original.gamma.moment(2, 2.0)


REFUSED = {
    "S.norm.fit(x)": "scipy.stats.norm.fit: the result of a search has no rule: minimise nnlf",
    "S.norm.expect(np.sin, loc=x[0])": "scipy.stats.norm.expect: take the mean of the function over ppf",
    "S.norm.fit_loc_scale(x)": "scipy.stats.norm.fit_loc_scale: write it with np.mean",
    "S.poisson.rvs(x)": "scipy.stats.poisson.rvs: whole numbers do not move",
    "S.t.stats(x, moments='s')": "scipy.stats.t.stats: of moments='s' there are rules here for 'm' and 'v' only",
    "S.gamma.moment(3, x)": "scipy.stats.gamma.moment: order=3: there are rules here for 1 and 2 only",
    "S.skewnorm.entropy(x)": "scipy.stats.skewnorm.entropy: it has no rule here, for want of a closed form",
    "S.landau.pdf(x)": "scipy.stats.landau.pdf: the distribution has no rules here",
    "S.landau(x).cdf(2)": "scipy.stats.landau.cdf: the distribution has no rules here",
    "S.hypergeom.cdf(x, 10, 5, 2)": "scipy.stats.hypergeom.cdf: the distribution has no rules here",
    "S.kendalltau(x, x)": "scipy.stats.kendalltau: it depends on the order of the data alone",
    "S.ttest_1samp(x, 0)": "scipy.stats.ttest_1samp: it has no rule here",
    "S.boxcox(x)": "scipy.stats.boxcox: without lmbda= it is searched for",
    "S.yeojohnson(x)": "scipy.stats.yeojohnson: without lmbda= it is searched for",
    "S.pearsonr(x, x, method=S.PermutationMethod())": "scipy.stats.pearsonr: method=",
    "S.describe(x, nan_policy='omit')": "scipy.stats.describe: nan_policy='omit' gives masked arrays",
    "S.multivariate_normal.logpdf(x, x, np.outer(x, x), allow_singular=True)": "the rank of a traced covariance",
    "S.multivariate_normal.cdf(x)": "scipy.stats.multivariate_normal.cdf: it is computed by random integration",
    "S.multivariate_normal(x).rvs()": "scipy.stats.multivariate_normal.rvs: take mean",
    "S.multivariate_normal(x).marginal(0)": "scipy.stats.multivariate_normal_gen.marginal: it has no rule here",
    "S.ncx2.logpdf(x, x, 1.0)": "scipy.special.ive: chainrule has no rule for its derivative in the argument v",
}


@pytest.mark.parametrize("line", REFUSED)
def test_refused(line):
    with pytest.raises(MissingRuleError) as error:
        cr.jvp(lambda x: eval(line, {"S": stats, "np": np, "x": x}), (np.array([1.0, 2.0, 4.0]),), (np.ones(3),))
    assert REFUSED[line] in str(error.value)


# ---- vectors and samples --------------------------------------------------------------------------------------------

COVARIANCES = [np.cov(rng.normal(size=(n, 9))) for n in (2, 3)]
TRACED = {
    "x": rng.gamma(3.0, size=(3, 4)),
    "v": rng.gamma(3.0, size=7),
    "u": rng.gamma(2.0, size=6) + 0.1,
    "w": rng.uniform(0.2, 1.0, size=7),
    "y": rng.normal(size=7),
    "z": rng.normal(size=(2, 7)),
    "s": np.float64(0.4),
    "m": rng.normal(size=3),
    "A": COVARIANCES[1],
    "B": COVARIANCES[0],
    "p": rng.normal(size=(4, 3)),
    "a": np.array([0.8, 1.5, 2.2]),
    "f": rng.normal(size=8).astype(np.float32),
    "M": rng.normal(size=(3, 2)),
}
PLAIN = {
    "np": np,
    "share": lambda x: np.exp(x) / np.sum(np.exp(x), axis=0),
    "singular": np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
    "full": np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]),
}

LINES = """
S.gmean(x)
S.gmean(x, axis=None)
S.gmean(v, weights=w)
S.gmean(x, axis=1, keepdims=True)
S.hmean(x)
S.hmean(v, weights=w)
S.pmean(x, 2.5, axis=1)
S.pmean(v, 0, weights=w)
S.trim_mean(v, 0.2)
S.trim_mean(x, 0.3, axis=1)
S.moment(x, 3)
S.moment(x, [1, 2, 4], axis=1)
S.moment(v, 1)
S.moment(v, 2, center=s)
S.skew(x)
S.skew(x, axis=1, bias=False)
S.kurtosis(v)
S.kurtosis(z, axis=1, bias=False, fisher=False)
S.sem(x)
S.sem(x, axis=(0, 1))
S.variation(x, ddof=1)
S.gstd(x)
S.kstat(v, 1)
S.kstat(v, 2)
S.kstat(v, 3)
S.kstat(y, 4)
S.describe(x)[2:]
S.iqr(v)
S.iqr(x, axis=1, rng=(10, 80), scale='normal')
S.median_abs_deviation(v, scale='normal')
S.median_abs_deviation(x, axis=1, center=np.mean)
S.zmap(v, y)
S.zscore(x, axis=1, ddof=1)
S.zscore(f)
S.gzscore(v)
S.entropy(x)
S.entropy(v, w, base=2)
S.differential_entropy(v)
S.differential_entropy(v, method='vasicek', base=2)
S.differential_entropy(v, method='correa')
S.differential_entropy(v, method='ebrahimi', window_length=2)
S.circmean(v)
S.circmean(x, high=3, low=-3, axis=1)
S.circvar(v)
S.circstd(v, high=4)
S.circstd(v, normalize=True)
tuple(S.pearsonr(v, y)[:2])
tuple(S.pearsonr(z, z**2 + y, axis=1, alternative='less')[:2])
tuple(S.linregress(v, y))
S.linregress(y, v, 'greater').intercept_stderr
S.wasserstein_distance(v, u)
S.wasserstein_distance(v, u, w)
S.energy_distance(v, y, w, w**2)
S.boxcox(v, s)
S.boxcox_llf(s, v)
S.boxcox_llf(s, x, axis=1)
S.yeojohnson(y, s)
S.yeojohnson_llf(s, y)
S.gaussian_kde(y)(u)
S.gaussian_kde(y, s).logpdf(u)
S.gaussian_kde(z, 'silverman', w).pdf(z[:, :3] + 0.1)
S.gaussian_kde(z, 'silverman', w).logpdf(z[:, 0] + 1)
S.multivariate_normal.logpdf(m, m * 2, A)
S.multivariate_normal.logpdf(p, m, A)
S.multivariate_normal.logpdf(p, m, s)
S.multivariate_normal.pdf(p, m, a)
S.multivariate_normal(m, A).logpdf(p)
S.multivariate_normal(cov=A).logpdf(p[0])
S.multivariate_normal.logpdf(y)
S.multivariate_normal.logpdf(y, s, s)
S.multivariate_normal.entropy(m, A)
S.multivariate_normal.logpdf(p, m, full, allow_singular=True)
S.multivariate_normal.logpdf(p[:, :1] * np.array([1.0, 1, 0]), None, singular, allow_singular=True)
S.multivariate_t.logpdf(p, m, A, s + 2)
S.multivariate_t(m, A, 3).pdf(p)
S.multivariate_t.logpdf(p, m, A, np.inf)
S.multivariate_t.entropy(m, A, s + 2)
S.matrix_normal.logpdf(M, M * 2, A, B)
S.matrix_normal(M, A, B).pdf(np.stack([M + 0.1, M * 1.1]))
S.matrix_normal.entropy(A, B)
S.wishart.logpdf(A, 4 + s, A * 2 + np.eye(3))
S.wishart.logpdf(np.stack([B, 2 * B], 2), 4, B)
S.wishart.logpdf(v, 3 + s, s)
S.wishart.mean(4 + s, A)
S.wishart.var(4 + s, A)
S.wishart.entropy(4 + s, A)
S.invwishart.logpdf(A, 4 + s, A * 2 + np.eye(3))
S.invwishart(4, A).logpdf(np.stack([A, A + np.eye(3)], 2))
S.dirichlet.logpdf(share(m)[:2], a)
S.dirichlet.pdf(share(p.T)[:2], a)
S.dirichlet.mean(a)
S.dirichlet.var(a)
S.dirichlet.cov(a)
S.dirichlet.entropy(a)
S.multinomial.logpmf([1, 0, 3], 4, share(m))
S.multinomial.pmf([[1, 0, 3], [1, 1, 1]], [4, 3], share(m))
S.multinomial.cov(4, share(m))
S.dirichlet_multinomial.logpmf([[1, 0, 3], [1, 1, 2]], a, 4)
S.dirichlet_multinomial.mean(a, 4)
S.normal_inverse_gamma.logpdf(m, a, s, s, 2 * s, s * s)
""".strip().splitlines()


def of_line(line, module):
    code = compile(line, line, "eval")
    names = [name for name in TRACED if name in code.co_names]
    f = lambda *xs: eval(code, {**PLAIN, "S": module, **dict(zip(names, xs, strict=True))})
    return f, [TRACED[name] for name in names]


def outputs(y):
    return y if isinstance(y, tuple) else (y,)


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    """The value is SciPy's, and every column of the rules holds."""
    f, xs = of_line(line, stats)
    plain = outputs(of_line(line, original)[0](*xs))
    for ours, expected in zip(outputs(f(*xs)), plain, strict=True):
        np.testing.assert_array_equal(ours, expected)
    for ours, expected in zip(outputs(traced(f, *xs)), plain, strict=True):
        assert (np.shape(ours), ours.dtype) == (np.shape(expected), np.asarray(expected).dtype)
        tolerance = 5e-6 if ours.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=1e-14)
    check_rules(f, *xs, order=1)


@pytest.mark.parametrize(
    "line", ["S.skew(v)", "S.multivariate_normal.logpdf(m, 2 * m, A)", "S.gaussian_kde(y).logpdf(u[:2])"]
)
def test_second_order_of_lines(line):
    f, xs = of_line(line, stats)
    check_rules(f, *xs)


def test_nan_policy():
    x = TRACED["x"].copy()
    x[1, 2] = np.nan
    for name in ("gmean", "skew", "kurtosis", "sem", "iqr", "variation"):
        ours, theirs = getattr(stats, name), getattr(original, name)
        found = traced(lambda x, f=ours: f(x, axis=0, nan_policy="omit"), x)
        np.testing.assert_allclose(found, theirs(x, axis=0, nan_policy="omit"), rtol=1e-12)
        slope = cr.grad(lambda x, f=ours: f(x, axis=0, nan_policy="omit")[2])(x)
        assert slope[1, 2] == 0
        assert np.isfinite(slope).all()
        assert np.isnan(traced(lambda x, f=ours: f(x, axis=0), x)).tolist() == [False, False, True, False]
        with pytest.raises(ValueError, match="contains nan"):
            traced(lambda x, f=ours: f(x, axis=0, nan_policy="raise"), x)
        with pytest.raises(ValueError, match="nan_policy must be one of"):
            traced(lambda x, f=ours: f(x, nan_policy="drop"), x)
    found = traced(lambda x: stats.zscore(x, nan_policy="omit"), x)
    np.testing.assert_allclose(found, original.zscore(x, nan_policy="omit"), rtol=1e-12)


def test_errors_are_scipys():
    for line in (
        "S.multivariate_normal.logpdf(m, np.zeros(2), A)",
        "S.multivariate_normal.logpdf(m, m, A[:2])",
        "S.multivariate_normal.logpdf(m, m, -A)",
        "S.multivariate_t.logpdf(m, m, A, -s)",
        "S.wishart.logpdf(A, s, A)",
        "S.wishart.logpdf(B, 5, A)",
        "S.matrix_normal.logpdf(M, M, B, B)",
        "S.dirichlet.logpdf(a, a)",
        "S.dirichlet.logpdf(share(m), m)",
        "S.dirichlet.logpdf(share(y), a)",
        "S.trim_mean(v, 0.6)",
        "S.iqr(v, rng=(1, 2, 3))",
        "S.entropy(v, base=-1)",
        "S.gaussian_kde(s)",
        "S.gaussian_kde(y, weights=a)",
        "S.gaussian_kde(z)(p)",
        "S.wasserstein_distance(v, u, u)",
        "S.linregress(v, y, 'both')",
    ):
        f, xs = of_line(line, original)
        with pytest.raises((ValueError, TypeError, np.linalg.LinAlgError)) as expected:
            f(*xs)
        with pytest.raises(expected.type):
            traced(of_line(line, stats)[0], *xs)


# ---- what there is --------------------------------------------------------------------------------------------------

VECTORS = {
    *("multivariate_normal", "multivariate_t", "matrix_normal", "wishart", "invwishart", "dirichlet", "multinomial"),
    *("dirichlet_multinomial", "normal_inverse_gamma"),
}
PASSED = {
    *("matrix_t", "multivariate_hypergeom", "ortho_group", "random_correlation", "random_table", "uniform_direction"),
    *("special_ortho_group", "unitary_group", "vonmises_fisher"),  # distributions of vectors
    *("Binomial", "Logistic", "Mixture", "Normal", "Uniform", "Covariance", "rv_continuous", "rv_discrete"),
    *("rv_histogram", "CensoredData", "BootstrapMethod", "MonteCarloMethod", "PermutationMethod"),
    *("ConstantInputWarning", "DegenerateDataWarning", "NearConstantInputWarning", "FitError"),  # classes
}
UNDECLARED = {
    *("crystalball", "dpareto_lognorm", "gausshyper", "genhyperbolic", "geninvgauss", "irwinhall", "kappa4", "ksone"),
    *("kstwo", "kstwobign", "landau", "levy_stable", "ncf", "nct", "norminvgauss", "pearson3", "rel_breitwigner"),
    *("studentized_range", "tukeylambda"),
    *("hypergeom", "nchypergeom_fisher", "nchypergeom_wallenius", "nhypergeom", "poisson_binom", "randint", "zipfian"),
}


def columns():
    """Every public callable of the installed scipy.stats, by what becomes of it here."""
    found = {
        "declared": set(),
        "undeclared": set(),
        "vectors": set(),
        "functions": set(),
        "refused": set(),
        "passed": set(),
    }
    for name in original.__all__:
        x, ours = getattr(original, name), vars(stats).get(name)
        if isinstance(x, original.rv_continuous | original.rv_discrete):
            found["declared" if hasattr(ours, "standard") else "undeclared"].add(name)
        elif hasattr(ours, "entered"):
            found["vectors"].add(name)
        elif inspect.isfunction(x) or name == "gaussian_kde":
            found["refused" if getattr(ours, "__module__", "").endswith("refused") else "functions"].add(name)
        elif callable(x):
            found["passed"].add(name)
    return found


def test_every_name_is_in_a_column():
    found = columns()
    assert found["declared"] == set(SHAPES), "a distribution without an example, or an example without one"
    assert found["undeclared"] <= UNDECLARED
    assert found["vectors"] <= VECTORS
    assert found["passed"] <= PASSED
    for name in found["functions"]:
        assert any(f"S.{name}(" in line for line in LINES), f"{name} has no example"
    for name in (*found["refused"], *found["undeclared"], *found["functions"], *found["vectors"]):
        assert name in vars(stats)
        assert inspect.getdoc(getattr(stats, name))

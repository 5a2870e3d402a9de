"""The ufuncs of scipy.special: that each has a line, their derivatives at awkward places, and what is refused.

The lines stand in `tests/special_cases.py`; `tests/test_rules.py` looks at the record of each operation.
"""

import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.special as sc

import chainrule as cr
from chainrule.core.primitive import PRIMITIVES
from chainrule.core.trace import UFUNCS
from chainrule.testing import check_rules
from columns import applications, special_lines
from special_cases import LINES, PLAIN, TRACED

inf, nan = np.inf, np.nan


def of_line(line):
    """A line as a function of its traced arrays, and these."""
    code = compile(line, line, "eval")
    names = [name for name in TRACED if name in code.co_names]
    f = lambda *xs: eval(code, {**PLAIN, **dict(zip(names, xs, strict=True))})
    return f, [TRACED[name] for name in names]


def outputs(y):
    return y if isinstance(y, tuple) else (y,)


# ---- the lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    """The value is SciPy's, to the bit, and every column of the rules holds."""
    f, xs = of_line(line)
    for y, plain in zip(outputs(cr.vjp(f, *xs)[0]), outputs(f(*xs)), strict=True):
        assert (y.shape, y.dtype) == (plain.shape, plain.dtype)
        np.testing.assert_array_equal(y, plain)
    check_rules(f, *xs)


NOT_IN_SINGLE_PRECISION = ("modfresnel", "bdtr", "mathieu", "pro_", "obl_")
"""Where SciPy's own float32 loops give NaN, warn, or do not return."""


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith(NOT_IN_SINGLE_PRECISION, 3)])
def test_single_precision_stays(line):
    """Results have SciPy's dtypes, derivatives those of the arguments, and the numbers are right to that precision."""
    f, xs = of_line(line)
    low = [x.astype(np.complex64 if x.dtype.kind == "c" else np.float32) for x in xs]
    y, pullback = cr.vjp(f, *low)
    found, expected = outputs(y), outputs(f(*low))
    assert [v.dtype for v in found] == [v.dtype for v in expected]
    high, whole = cr.vjp(f, *xs)
    seeds = [np.ones_like(v) for v in outputs(high)]
    cts = whole(tuple(seeds) if isinstance(high, tuple) else seeds[0])
    seeds = [np.ones_like(v) for v in found]
    for ct, exact, x in zip(pullback(tuple(seeds) if isinstance(y, tuple) else seeds[0]), cts, low, strict=True):
        assert (ct.shape, ct.dtype) == (x.shape, x.dtype)
        if not any(name in line for name in ROUGH):
            np.testing.assert_allclose(ct, exact, rtol=2e-3, atol=2e-3 * np.max(np.abs(exact)))


ROUGH = ("betainc(60.0", "gammainc(40.0", "round")
"""Lines whose derivatives change by more than that when the arguments are rounded to single precision."""


def test_the_order_may_be_an_integer():
    n, x = np.array([[0], [1], [2]]), np.array([0.5, 1.5])
    for f, slope in ((sc.jv, sc.jvp), (sc.yn, sc.yvp), (sc.iv, sc.ivp), (sc.kn, sc.kvp)):
        jacobian = cr.jacobian(lambda x, f=f: f(n, x))(x)
        expected = np.stack([slope(k, x) for k in range(3)])[:, :, None] * np.eye(2)
        np.testing.assert_allclose(jacobian, expected, rtol=1e-13, atol=0)
        np.testing.assert_allclose(cr.vmap(lambda k, f=f: f(k, x))(n), f(n, x), rtol=1e-13)
    assert cr.grad(lambda x: sc.eval_legendre(3, x))(0.5) == pytest.approx(0.375)
    assert cr.grad(lambda x: sc.expn(2, x))(np.float32(0.5)).dtype == np.float32


def test_broadcasting():
    a, b = np.array([[1.0], [2.0]]), np.array([0.5, 1.5, 2.5])
    da, db = cr.grad(lambda a, b: np.sum(sc.xlogy(a, b)), argnums=(0, 1))(a, b)
    np.testing.assert_allclose(da, np.full((2, 1), np.sum(np.log(b))))
    np.testing.assert_allclose(db, 3 / b)
    check_rules(lambda a, b: sc.betaln(a, b), a, b)
    check_rules(lambda a, b: sc.ellipj(a, b / 3), a, b)
    check_rules(lambda x: sc.gammaln(x), np.float64(2.5))
    assert cr.grad(lambda x: np.sum(sc.erf(x)))(np.zeros((0, 3))).shape == (0, 3)


def test_keywords():
    """NumPy's keywords of ufuncs: out=, where=, dtype=, and several outputs."""
    x = np.array([-0.5, 0.3, 1.2])

    def into(x):
        y, log = np.zeros_like(x), np.zeros_like(x)
        sc.erf(x, out=y)
        sc.log1p(x, out=log, where=x > 0)
        return y + log

    np.testing.assert_array_equal(cr.vjp(into, x)[0], into(x))
    check_rules(into, x)

    def both(x):
        sine, cosine = np.zeros_like(x), np.zeros_like(x)
        assert sc.sici(x, out=(sine, cosine))[0] is sine
        return sine * cosine

    check_rules(both, x[1:])
    assert cr.vjp(lambda x: sc.erf(x, dtype=np.float32), x)[0].dtype == np.float32
    np.testing.assert_allclose(cr.jacobian(lambda x: sc.xlogy.outer(x, x))(x[1:])[0, 1], [np.log(1.2), 0.3 / 1.2])


def test_third_derivatives():
    for f, third, x in (
        (sc.gammaln, sc.polygamma(2, 1.7), 1.7),
        (sc.digamma, sc.polygamma(3, 1.7), 1.7),
        (sc.expit, -0.125, 0.0),
        (sc.j0, 0.75 * sc.j1(0.5) - 0.25 * sc.jv(3, 0.5), 0.5),
        (sc.ndtr, -1 / np.sqrt(2 * np.pi), 0.0),
    ):
        assert cr.grad(cr.grad(cr.grad(f)))(x) == pytest.approx(third, rel=1e-12)


# ---- that each ufunc is accounted for --------------------------------------------------------------------------------

CONSTANT = {"gammasgn", "round"}

PARAMETER = "the inverse in a parameter, whose derivatives need the one in that parameter"
EIGENVALUE = "an eigenvalue; its slope is a mean value over the eigenfunction"
REFUSED = {
    **dict.fromkeys(
        ("bdtrik", "bdtrin", "btdtria", "btdtrib", "chdtriv", "chndtridf", "fdtridfd", "gdtrib"), PARAMETER
    ),
    **dict.fromkeys(("nbdtrik", "nbdtrin", "ncfdtridfd", "ncfdtridfn", "nctdtridf", "pdtrik", "stdtridf"), PARAMETER),
    **dict.fromkeys(("mathieu_a", "mathieu_b", "obl_cv", "pro_cv"), EIGENVALUE),
    **dict.fromkeys(("ncfdtr", "ncfdtri", "ncfdtrinc"), "the non-central F distribution: not written yet"),
    **dict.fromkeys(("nctdtr", "nctdtrinc", "nctdtrit"), "the non-central t distribution: not written yet"),
    **dict.fromkeys(("smirnov", "smirnovi"), "a sum of n terms"),
    "elliprj": "its derivative in p is no Carlson integral where p is close to another argument: not written yet",
    "zetac": "the slope of the zeta function is no function of scipy.special",
    "btdtr": "an old name of betainc, gone from SciPy 1.14 on",
    "btdtri": "an old name of betaincinv, gone from SciPy 1.14 on",
    "sph_harm": "gone from SciPy 1.17 on; sph_harm_y is no ufunc",
}
"""Ufuncs without a rule, each with the reason."""

INSTALLED = [name for name in dir(sc) if isinstance(getattr(sc, name), np.ufunc)]


@pytest.mark.parametrize("name", INSTALLED)
def test_each_ufunc_is_differentiable_or_constant_or_refused(name):
    ufunc = getattr(sc, name)
    xs = [np.array([0.3, 0.6])] * ufunc.nin
    assert (ufunc in UFUNCS) + (name in REFUSED) == 1, f"scipy.special.{name} is nowhere, or in two places"
    if name in REFUSED:
        with pytest.raises(
            cr.MissingRuleError, match=rf"^scipy.special.{name}: chainrule has no derivative rule for it \(used at .*"
        ):
            cr.vjp(ufunc, *xs)
        return
    primitive = UFUNCS[ufunc]
    assert (primitive.vjp is None) == (name in CONSTANT)
    assert name in CONSTANT or any(case.primitive == primitive.name for case in special_lines())


def test_constants():
    assert cr.grad(sc.gammasgn)(-0.5) == 0
    assert cr.grad(sc.round)(1.7) == 0


# ---- partial derivatives without a formula ---------------------------------------------------------------------------

ENTRIES = """
zeta x | gammainc a | gammaincc a | gammaincinv a | gammainccinv a | betainc a b | betaincc a b | betaincinv a b
betainccinv a b | chdtr v | chdtrc v | chdtri v | gdtr b | gdtrc b | gdtrix b | gdtria b | chndtr df | chndtrix df
chndtrinc df | bdtr n | bdtrc n | bdtri n | nbdtr n | nbdtrc n | nbdtri n | fdtr dfn dfd | fdtrc dfn dfd
fdtri dfn dfd | stdtr df | stdtrit df | jv v | yv v | yn n | iv v | kv v | kn n | hankel1 v | hankel2 v | jve v
yve v | ive v | kve v | hankel1e v | hankel2e v | struve v | modstruve v | besselpoly lmb nu | hyp0f1 v
hyp1f1 a b | hyperu a b | hyp2f1 a b c | wright_bessel a b | log_wright_bessel a b | expn n | pbdv v | pbvv v
pbwa a | mathieu_cem m q | mathieu_sem m q | mathieu_modcem1 m q | mathieu_modcem2 m q | mathieu_modsem1 m q
mathieu_modsem2 m q | pro_ang1 m n c | pro_rad1 m n c | pro_rad2 m n c | obl_ang1 m n c | obl_rad1 m n c
obl_rad2 m n c | pro_ang1_cv m n c cv | pro_rad1_cv m n c cv | pro_rad2_cv m n c cv | obl_ang1_cv m n c cv
obl_rad1_cv m n c cv | obl_rad2_cv m n c cv | eval_jacobi n alpha beta | eval_sh_jacobi n p q
eval_gegenbauer n alpha | eval_chebyt n | eval_chebyu n | eval_chebyc n | eval_chebys n | eval_sh_chebyt n
eval_sh_chebyu n | eval_legendre n | eval_sh_legendre n | eval_laguerre n | eval_genlaguerre n alpha
eval_hermite n | eval_hermitenorm n | lpmv m v
"""
UNKNOWN = {name: argument for name, *argument in (entry.split() for entry in re.split(r"[|\n]", ENTRIES) if entry)}


@pytest.mark.parametrize("name", [name for name in PRIMITIVES if name.startswith("special.")])
def test_a_partial_derivative_without_a_formula_is_refused_by_name(name):
    """All others are there; and what is refused in a rule is refused in every transform."""
    primitive = PRIMITIVES[name]
    jvp, vjp = primitive.jvp, primitive.vjp
    if jvp is None or vjp is None or name == "special.riemann_zeta":  # tests/test_rules.py
        return
    a = next(a for case in special_lines() for a in applications(case) if a.primitive is primitive)
    refused = []
    for i in range(len(a.args)):
        tangents = [np.ones(np.shape(x)) if k == i else None for k, x in enumerate(a.args)]
        wanted = tuple(k == i for k in range(len(a.args)))
        argument = missing_argument(name, lambda tangents=tangents: jvp(tangents, a.y, *a.args))
        args = [np.asarray(x) for x in a.args]
        assert argument == missing_argument(name, lambda w=wanted, args=args: vjp(w, a.seed(), a.y, *args))
        refused += [argument] if argument else []
    assert refused == UNKNOWN.get(name.removeprefix("special."), [])


def missing_argument(name, rule):
    """The argument for which a rule says that it has no formula, or None."""
    try:
        with np.errstate(all="ignore"):
            rule()
        return None
    except cr.MissingRuleError as error:
        message = str(error)
    text = r"scipy\.special\.(\w+): chainrule has no rule for its derivative in the argument (\w+) \(asked for at "
    found = re.match(text, message)
    assert found, message
    function, argument = found.groups()
    assert function == name.removeprefix("special.")
    assert f"chainrule.stop_gradient({argument})" in message
    return argument


def test_the_message_of_a_missing_partial_derivative():
    with pytest.raises(cr.MissingRuleError) as caught:
        cr.grad(lambda a: sc.gammainc(a, 2.0))(1.5)
    assert re.fullmatch(
        r"scipy\.special\.gammainc: chainrule has no rule for its derivative in the argument a \(asked for at "
        r".*test_special\.py:\d+, in .*\)\. Pass a as a constant, chainrule\.stop_gradient\(a\), or give the function "
        r"a rule of your own with chainrule\.custom\.",
        str(caught.value),
    )
    assert cr.grad(lambda a: a * sc.gammainc(cr.stop_gradient(a), 2.0))(1.5) == sc.gammainc(1.5, 2.0)


@pytest.mark.parametrize("name", ["jve", "yve", "ive"])
def test_what_is_not_holomorphic_is_refused(name):
    """These are scaled by exp(-|Im z|) or exp(-|Re z|)."""
    with pytest.raises(
        cr.MissingRuleError, match=rf"scipy.special.{name}: .* real arguments only; this one is complex"
    ):
        cr.vjp(lambda z: getattr(sc, name)(1.0, z), 0.5 + 0.2j)[1](1.0 + 0j)


def test_arguments_of_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="derivatives are taken"):
        cr.grad(sc.gammaln)(3)


# ---- functions that are no ufuncs ------------------------------------------------------------------------------------

ARRAY = np.array([0.3, 0.6, 0.9])

PYTHON = {
    "jvp": lambda x: sc.jvp(1, x),
    "yvp": lambda x: sc.yvp(1, x),
    "ivp": lambda x: sc.ivp(1, x),
    "kvp": lambda x: sc.kvp(1, x),
    "h1vp": lambda x: sc.h1vp(1, x),
    "assoc_laguerre": lambda x: sc.assoc_laguerre(x, 2, 1),
    "sinc": lambda x: sc.sinc(x),
    "zeta": lambda x: sc.zeta(2.0, x),
    "legendre": lambda x: sc.legendre(3)(x),
    "lambertw": lambda x: sc.lambertw(x),
}
"""Functions of scipy.special that are written with ufuncs, so that they work as they are."""


@pytest.mark.parametrize("name", PYTHON)
def test_functions_that_are_written_with_ufuncs(name):
    check_rules(PYTHON[name], ARRAY)


NO_UFUNCS = {
    "logsumexp": lambda x: sc.logsumexp(x),
    "softmax": lambda x: sc.softmax(x),
    "log_softmax": lambda x: sc.log_softmax(x),
    "multigammaln": lambda x: sc.multigammaln(x[0] + 2, 2),  # pyright: ignore[reportAttributeAccessIssue]
    "polygamma": lambda x: sc.polygamma(1, x),
    "spherical_jn": lambda x: sc.spherical_jn(1, x),
    "comb": lambda x: sc.comb(x, 2),
    "factorial": lambda x: sc.factorial(x),
    "legendre_p": lambda x: sc.legendre_p(2, x),
    "diric": lambda x: sc.diric(x, 3),
}


@pytest.mark.parametrize("name", NO_UFUNCS)
def test_a_function_that_is_no_ufunc_is_refused_at_the_users_line(name):
    """NumPy's protocols do not reach these. The message names the line of this file where the function is called."""
    f = NO_UFUNCS[name]
    with pytest.raises(cr.LostGradientError) as caught:
        cr.vjp(f, ARRAY)
    assert f"{__file__}:{f.__code__.co_firstlineno}, in <lambda>" in str(caught.value)


# ---- ends, poles, zeros ----------------------------------------------------------------------------------------------

EDGES = {
    # Where the value is defined by its limit, the slope is the limit of the slopes; infinite slopes are infinite.
    "entr": ((0.0, inf), (1.0, -1.0), (nan, nan)),
    "expit": ((-inf, 0.0), (-1000.0, 0.0), (0.0, 0.25), (800.0, 0.0), (inf, 0.0), (nan, nan)),
    "log_expit": ((-inf, 1.0), (-1000.0, 1.0), (0.0, 0.5), (800.0, 0.0), (inf, 0.0), (nan, nan)),
    "logit": ((0.0, inf), (0.5, 4.0), (1.0, inf), (nan, nan)),
    "erf": ((-inf, 0.0), (0.0, 2 / np.sqrt(np.pi)), (inf, 0.0), (nan, nan)),
    "erfc": ((-inf, 0.0), (inf, 0.0), (nan, nan)),
    "erfcx": ((-inf, -inf), (inf, 0.0), (nan, nan)),
    "dawsn": ((-inf, 0.0), (0.0, 1.0), (inf, 0.0)),
    "erfinv": ((-1.0, inf), (0.0, np.sqrt(np.pi) / 2), (1.0, inf), (1.5, nan), (nan, nan)),
    "erfcinv": ((0.0, -inf), (2.0, -inf), (nan, nan)),
    "ndtr": ((-inf, 0.0), (inf, 0.0), (nan, nan)),
    "log_ndtr": ((-inf, inf), (-1e5, 1e5 + 1e-5), (inf, 0.0), (nan, nan)),
    "ndtri": ((0.0, inf), (1.0, inf), (2.0, nan)),
    "exprel": ((-inf, 0.0), (0.0, 0.5), (1.0, 1.0), (1e5, inf), (inf, inf), (nan, nan)),
    "cbrt": ((0.0, inf),),
    "gammaln": ((0.0, -inf), (-2.0, nan), (1e30, np.log(1e30)), (inf, inf), (nan, nan)),
    "gamma": ((0.0, -inf), (-2.0, nan), (inf, inf), (nan, nan)),
    "rgamma": ((0.0, 1.0), (-1.0, -1.0), (-2.0, 2.0), (-3.0, -6.0), (1e30, 0.0)),
    "digamma": ((0.0, inf), (-2.0, inf), (1e20, 1e-20), (inf, 0.0), (nan, nan)),
    "j0": ((0.0, 0.0),),
    "j1": ((0.0, 0.5),),
    "i1": ((0.0, 0.5),),
    "y0": ((0.0, inf),),
    "k0": ((0.0, -inf), (inf, 0.0)),
    "k1": ((0.0, -inf), (inf, 0.0)),
    "beip": ((0.0, 0.5),),
    "exp1": ((0.0, -inf), (inf, 0.0)),
    "spence": ((0.0, -inf), (1.0, -1.0)),
    "ellipk": ((0.0, np.pi / 8), (1.0, inf)),
    "ellipkm1": ((0.0, -inf), (1.0, -np.pi / 8)),
    "ellipe": ((0.0, -np.pi / 8), (1.0, -inf)),
    "wrightomega": ((-inf, 0.0), (1.0, 0.5)),
    "kolmogorov": ((-1.0, 0.0), (0.0, 0.0), (inf, 0.0)),
    "sindg": ((180.0, -np.pi / 180),),
}


@pytest.mark.parametrize(("name", "x", "slope"), [(name, *pair) for name, pairs in EDGES.items() for pair in pairs])
def test_edge(name, x, slope):
    ufunc = getattr(sc, name)
    with np.errstate(all="ignore"):
        for found in (cr.grad(ufunc)(x), cr.jvp(ufunc, (x,), (1.0,))[1], cr.grad(ufunc)(np.float32(x))):
            np.testing.assert_allclose(found, slope, rtol=1e-14 if found.dtype == float else 1e-5, atol=1e-30)


EDGES_OF_TWO = [
    # x log y is 0 where x is 0, also at y = 0: the slope in x jumps from there to -inf, and is taken as 0.
    (sc.xlogy, (0.0, 0.0), (0.0, 0.0)),
    (sc.xlogy, (0.0, 2.0), (np.log(2.0), 0.0)),
    (sc.xlogy, (1.0, 0.0), (-inf, inf)),
    (sc.xlogy, (1.0, inf), (inf, 0.0)),
    (sc.xlogy, (0.0, nan), (nan, nan)),
    (sc.xlog1py, (0.0, -1.0), (0.0, 0.0)),
    (sc.xlog1py, (0.0, 1.0), (np.log(2.0), 0.0)),
    (sc.xlog1py, (1.0, -1.0), (-inf, inf)),
    (sc.rel_entr, (0.0, 0.0), (0.0, 0.0)),
    (sc.rel_entr, (0.0, 1.0), (-inf, 0.0)),
    (sc.rel_entr, (1.0, 0.0), (inf, -inf)),
    (sc.rel_entr, (2.0, 2.0), (1.0, -1.0)),
    (sc.kl_div, (0.0, 0.0), (0.0, 1.0)),
    (sc.kl_div, (0.0, 1.0), (-inf, 1.0)),
    (sc.kl_div, (1.0, 0.0), (inf, -inf)),
    (sc.kl_div, (2.0, 2.0), (0.0, 0.0)),
    (sc.huber, (1.0, 1.0), (0.0, 1.0)),
    (sc.huber, (1.0, -1.0), (0.0, -1.0)),
    (sc.huber, (0.0, 0.0), (0.0, 0.0)),
    (sc.pseudo_huber, (0.0, 0.0), (0.0, 0.0)),
    (sc.pseudo_huber, (0.0, 1.0), (1.0, 0.0)),
    (sc.boxcox, (1.0, 0.0), (1.0, 0.0)),
    (sc.boxcox, (0.0, 2.0), (0.0, 0.25)),
    (sc.agm, (1.0, 1.0), (0.5, 0.5)),
    (sc.binom, (2.0, 5.0), (1 / 30, -1 / 30)),
    (sc.binom, (2.0, -1.0), (0.0, 1 / 3)),
    (sc.binom, (3.0, 3.0), (11 / 6, -11 / 6)),
    (sc.binom, (0.0, 0.0), (0.0, 0.0)),
]


@pytest.mark.parametrize(("f", "xs", "slopes"), EDGES_OF_TWO, ids=lambda v: getattr(v, "__name__", str(v)))
def test_edge_of_two(f, xs, slopes):
    with np.errstate(all="ignore"):
        found = cr.grad(f, argnums=(0, 1))(*xs)
    np.testing.assert_allclose(found, slopes, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("a", "at_zero"), [(0.5, inf), (1.0, 1.0), (2.0, 0.0)])
def test_ends_of_the_incomplete_gamma_and_beta_functions(a, at_zero):
    """The slope is the density: at the ends infinite, finite or zero, and at infinity zero."""
    with np.errstate(all="ignore"):
        assert cr.grad(lambda x: sc.gammainc(a, x))(0.0) == pytest.approx(at_zero)
        assert cr.grad(lambda x: sc.gammaincc(a, x))(0.0) == pytest.approx(-at_zero)
        assert cr.grad(lambda x: sc.gammainc(a, x))(inf) == 0
        assert np.isnan(cr.grad(lambda x: sc.gammainc(a, x))(nan))
        assert cr.grad(lambda p: sc.gammaincinv(a, p))(0.0) == pytest.approx(1 / at_zero if at_zero else inf)
        for b in (0.5, 1.0, 2.0):
            scale = b if a == 1 else 1.0
            assert cr.grad(lambda x, b=b: sc.betainc(a, b, x))(0.0) == pytest.approx(at_zero * scale)
            assert cr.grad(lambda x, b=b: sc.betainc(b, a, x))(1.0) == pytest.approx(at_zero * scale)


def test_orders_at_zero():
    """J and I of order 1 have the slope 1/2 there, of higher orders 0."""
    for f in (sc.jv, sc.iv, sc.ive):
        for v, slope in ((0, 0.0), (1, 0.5), (2, 0.0), (1.5, 0.0)):
            assert cr.grad(lambda x, f=f, v=v: f(v, x))(0.0) == slope


def test_a_polynomial_at_its_ends():
    """No slope divides by 1 - x^2: P_n'(1) is n (n + 1) / 2, T_n'(1) is n^2, and a constant has the slope 0."""
    n, one = np.arange(6), np.ones(6)
    slope = lambda f, x: cr.jvp(lambda x: f(n, x), (x,), (one,))[1]
    np.testing.assert_allclose(slope(sc.eval_legendre, one), n * (n + 1) / 2)
    np.testing.assert_allclose(slope(sc.eval_chebyt, one), n**2)
    np.testing.assert_allclose(slope(sc.eval_hermite, 0 * one), [0, 2, 0, -12, 0, 120])
    np.testing.assert_allclose(slope(sc.eval_laguerre, 0 * one), -n)


# ---- to the last digits ----------------------------------------------------------------------------------------------

PRECISE = [
    ("sc.erfcx(x)", 30.0, -0.00062583541050748407),
    ("sc.erfcx(x)", 1000000.0, -5.6418958354691e-13),
    ("sc.dawsn(x)", 50.0, -0.00020012012016830307),
    ("sc.log_ndtr(x)", -40.0, 40.024968847207264),
    ("sc.log_ndtr(x)", 9.0, 1.0279773571668915e-18),
    ("sc.expm1(x)", -40.0, 4.248354255291589e-18),
    ("sc.expit(x)", 40.0, 4.248354255291589e-18),
    ("sc.log_expit(x)", 40.0, 4.248354255291589e-18),
    ("sc.cosm1(x)", 1e-09, -1.0000000000000001e-9),
    ("sc.tandg(x)", 89.999999, 57295779802398.202),
    ("sc.cotdg(x)", 1e-08, -5.7295779513082318e17),
    ("sc.exprel(x)", 1e-09, 0.50000000033333333),
    ("sc.exprel(x)", -100000.0, 1.0e-10),
    ("sc.boxcox(30.0, x)", 1e-10, 5.7840718158242687),
    ("sc.inv_boxcox(0.3, x)", 1e-10, -0.060743646338217042),
    ("sc.pseudo_huber(x, 1e-4)", 10000.0, 2.5000000000000002e-29),
    ("sc.powm1(0.3, x)", 30.0, -2.4788732369383601e-16),
    ("sc.digamma(x)", -3.0001, 100000003.00563118),
    ("sc.rgamma(x)", -3.0, -6.0),
    ("sc.beta(5.0, x)", 100000000.0, -1.1999998560000109e-46),
    ("sc.betaln(x, 1e-3)", 10000000000.0, -1.00000000004995e-13),
    ("sc.betaln(x, 1e-9)", 2.0, -6.4493406664616957e-10),
    ("sc.poch(x, 1e-9)", 30.0, 3.3895060471881299e-11),
    ("sc.poch(x, 3.0)", -2.0, 2.0),
    ("sc.poch(x, 2.0)", -5.0, -9.0),
    ("sc.binom(x, 5.0)", 2.0, 0.033333333333333333),
    ("sc.binom(x, 500.0)", 200.0, -6.5941966434658984e-148),
    ("sc.binom(x, 1e-9)", 30.0, 3.2783949378137636e-11),
    ("sc.gammainc(1e6, x)", 1001000.0, 0.00024180950473148183),
    ("sc.gammainc(30.0, x)", 3e-07, 7.7620678801765584e-221),
    ("sc.betainc(1e5, 2e5, x)", 0.334, 343.11652690258099),
    ("sc.betainc(2.0, 1e7, x)", 1e-07, 3678794.9635336141),
    ("sc.stdtr(1e8, x)", 3.0, 0.0044318490988745194),
    ("sc.kolmogorov(x)", 0.3, -0.00081939341969312957),
    ("sc.j1(x)", 1e-05, 0.49999999998125),
    ("sc.i0e(x)", 300.0, -3.8436374816510892e-5),
    ("sc.kve(2.0, x)", 300.0, -0.00012286694954086734),
    ("sc.it2j0y0(x)[0]", 0.001, 0.00024999998437500044),
    ("sc.ellipk(x)", 1e-12, 0.39269908169916594),
    ("sc.ellipe(x)", 1e-12, -0.39269908169887142),
    ("sc.ellipkm1(x)", 1e-15, -499999999999995.67),
    ("sc.ellipkinc(1.5, x)", 1e-12, 0.35735999899290546),
    ("sc.ellipeinc(50.0, x)", 0.9999, -79.865881898572314),
    ("sc.agm(x, 1.0)", 1.000000001, 0.49999999987499999),
    ("sc.elliprc(x, 1.0)", 1.0000001, -0.166666651666668),
    ("sc.elliprd(x, 7.0, 1.0)", 1.0000001, -0.13440635303087125),
    ("sc.elliprd(x, 7.0, 1.0)", 1.003, -0.1339954589591492),
    ("sc.elliprg(x, 7.0, 1e-6)", 1.0, 0.1403845436411058),
    ("sc.spence(x)", 1.000000001, -0.99999999949999996),
    ("sc.shichi(x)[0]", 0.001, 1.000000166666675),
    ("sc.chndtr(x, 3.0, 200.0)", 150.0, 0.0023433736898100575),
    ("sc.eval_legendre(30, x)", 1.0, 465.0),
]
"""Where the obvious formula cancels or overflows. The numbers were computed with 60 digits."""


@pytest.mark.parametrize(("expression", "x", "slope"), PRECISE)
def test_no_digits_are_lost(expression, x, slope):
    f = eval(f"lambda x: {expression}", {"sc": sc})
    with np.errstate(under="ignore"):
        found = cr.grad(f)(x), cr.jvp(f, (x,), (1.0,))[1]
    np.testing.assert_allclose(found, slope, rtol=5e-12, atol=0)


def test_the_trigamma_function_of_complex_numbers():
    """SciPy has none. On the left it is reflected, and far from the real axis nothing overflows."""
    for z, slope in (
        (-2.5 + 1e-3j, 9.5391492716919332 - 1.0820404030906197e-4j),
        (0.3 - 4j, -0.01267006383209528 + 0.25068810261755137j),
        (-3.0 + 1e-9j, -1e18 + 0j),
        (-4.5 - 500j, 0.0),
    ):
        found = cr.jvp(sc.digamma, (z,), (1.0 + 0j,))[1]
        np.testing.assert_allclose(found, slope, rtol=1e-13, atol=3e-3 if slope == 0 else 0)
    x = np.array([-3.3, -0.2, 0.4, 1.0, 7.5, 40.0])
    np.testing.assert_allclose(
        cr.jvp(sc.digamma, (x + 0j,), (np.ones(6) + 0j,))[1], cr.jvp(sc.digamma, (x,), (np.ones(6),))[1], rtol=1e-13
    )


def test_differences_of_digamma_agree_with_their_definition():
    """betaln, beta, poch and binom have them; where nothing cancels the definition is as good."""
    a, b = np.meshgrid([0.01, 0.7, 3.0, 11.9, 50.0], [0.5, 2.0, 30.0])
    da, db = cr.grad(lambda a, b: np.sum(sc.betaln(a, b)), argnums=(0, 1))(a, b)
    np.testing.assert_allclose(da, sc.digamma(a) - sc.digamma(a + b), rtol=1e-12)
    np.testing.assert_allclose(db, sc.digamma(b) - sc.digamma(a + b), rtol=1e-12)
    assert cr.grad(cr.grad(sc.betaln))(2.5, 0.3) == pytest.approx(
        sc.polygamma(1, 2.5) - sc.polygamma(1, 2.8), rel=1e-12
    )


# ---- it is not imported before it is needed --------------------------------------------------------------------------


def test_special_is_imported_lazily():
    """`import chainrule` leaves scipy.special alone; its rules come with the first of its ufuncs that is traced."""
    program = """
import sys
import numpy as np
import chainrule as cr
assert "scipy" not in sys.modules, sorted(m for m in sys.modules if m.startswith("scipy"))[:5]
assert cr.grad(np.sin)(0.0) == 1
assert not any(m.startswith("scipy") for m in sys.modules)
import scipy.special
assert cr.grad(np.cos)(0.0) == 0
assert "chainrule.ops.special" not in sys.modules
assert cr.grad(scipy.special.expit)(0.0) == 0.25
assert "chainrule.ops.special" in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)

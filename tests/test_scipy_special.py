"""The functions of scipy.special that are no ufuncs: values, rules, edges, digits, and that none is left out.

The ufuncs are in tests/test_special.py.
"""

import inspect
import math
import re
import warnings

import numpy as np
import pytest
import scipy.special as original
from numpy.testing import assert_allclose, assert_array_equal

import chainrule as cr
import columns
from cases import Case
from chainrule.core.primitive import PRIMITIVES
from chainrule.scipy import special
from chainrule.scipy.special.constants import REFUSED
from chainrule.testing import check_rules

inf, nan = np.inf, np.nan

# ---- one line for each way to call each function: its names stand for these arrays, which are differentiated --------

TRACED = {
    "x": np.array([0.3, 1.2, -0.7]),
    "y": np.array([[0.4], [-1.1]]),
    "p": np.array([1.3, 2.2, 3.7]),
    "u": np.array([0.3, -0.6, 0.75]),
    "t": np.array([0.4, 1.9, 4.2]),
    "s": np.float64(1.7),
    "r": np.float64(0.35),
    "z": np.array([0.4 + 1.2j, -0.3 + 0.5j, 1.1 - 0.8j]),
}
PLAIN = {
    "np": np,
    "n": np.array([[0], [1], [2], [5]]),
    "d": np.array([0, 1, 3, 4])[:, None, None],
    "m": np.array([-2, -1, 0, 1, 2, 3])[:, None],
    "signs": np.array([1.0, -2.0, 0.5]),
}

ROWS = """
sp.logsumexp(x, b=p)                                  sp.logsumexp(x)                sp.logsumexp(s)
sp.logsumexp(x + y, axis=0)                           sp.logsumexp(x * y, axis=(1, 0), keepdims=True)
sp.logsumexp(x, b=y * y, axis=-1)                     sp.logsumexp(x, 0, [1, 0, 2.0], True)
sp.logsumexp(x, b=signs * p, return_sign=True)[0]     sp.logsumexp(x + y, 1, return_sign=True)[0]
sp.logsumexp(z)                                       sp.logsumexp(z, b=x, return_sign=True)
sp.logsumexp(x, b=z * y, axis=0, keepdims=True)       sp.logsumexp(x + y, b=y)
sp.softmax(x)                  sp.softmax(x * y, axis=0)               sp.softmax(y, axis=(0, 1))
sp.softmax(s)                  sp.softmax(z)
sp.log_softmax(x)              sp.log_softmax(x * y, axis=-1)          sp.log_softmax(y, axis=(1, 0))
sp.log_softmax(s)              sp.log_softmax(z)
sp.softplus(x)                 sp.softplus(100 * x)                    sp.sinc(x)
sp.polygamma(n, p)             sp.polygamma(1, x)                      sp.polygamma(0, s)
sp.multigammaln(p + 2, 4)      sp.multigammaln(s, 1)
sp.comb(p + 4, p)              sp.comb(6, p)                           sp.comb(x, 2)
sp.comb(p, n, repetition=True)
sp.perm(p + 4, p)              sp.perm(6, p)                           sp.perm(-p, 2)
sp.factorial(x)                sp.factorial(s)                         sp.factorial(z, extend='complex')
sp.factorial(x, extend='complex')
sp.factorial2(p, extend='complex')                    sp.factorial2(z, extend='complex')
sp.factorialk(p, 3, extend='complex')                 sp.factorialk(p, -2.5, extend='complex')
sp.factorialk(s, 1 + 2j, extend='complex')
sp.zeta(2.5, p)                sp.lambertw(p)                          sp.assoc_laguerre(x, 3, 1)
sp.jvp(1.5, p, 2)              sp.yvp(1, p)                            sp.ivp(2, x, 0)
sp.kvp(1, z)                   sp.h1vp(0, p, 3)                        sp.h2vp(1, s)
sp.spherical_jn(n, p)          sp.spherical_jn(1, s, derivative=True)  sp.spherical_jn(n, z, True)
sp.spherical_yn(n, p)          sp.spherical_yn(n, z, derivative=True)
sp.spherical_in(n, p)          sp.spherical_in(n, z, derivative=True)
sp.spherical_kn(n, p)          sp.spherical_kn(n, z, derivative=True)
sp.riccati_jn(3, s)            sp.riccati_jn(0, s)                     sp.riccati_yn(2, s)
sp.lmbda(2.5, s)               sp.lmbda(0, s)
sp.pbdv_seq(2.5, s)            sp.pbdv_seq(0.3, s)                     sp.pbvv_seq(1.5, s)
sp.pbdn_seq(3, s)
sp.diric(x, n + 1)             sp.diric(p, 5)                          sp.diric(s, 4.0)
sp.lqn(3, r)                   sp.lqn(0, r)                            sp.lpn(2, r)
sp.lqmn(2, 3, r)               sp.lqmn(1, 2, s)
"""
OF_NEGATIVE_NUMBERS = """
sp.spherical_jn(n, x)          sp.spherical_yn(n, x)
sp.spherical_in(n, x)          sp.spherical_kn(n, x)
"""
OF_ARRAYS = """
sp.lqn(3, u)                   sp.lqmn(2, 3, u)
sp.lqn(2, z)                   sp.lqmn(1, 2, z)
"""
SINCE_DERIVATIVES = """
sp.legendre_p(n, u, diff_n=2)  sp.legendre_p(3, r)
sp.legendre_p_all(4, u)        sp.legendre_p_all(2, r, diff_n=1)
sp.assoc_legendre_p(d, m, u)                          sp.assoc_legendre_p(d, m, u, norm=True, diff_n=2)
sp.assoc_legendre_p(d, m, z, diff_n=1)                sp.assoc_legendre_p(d, m, z, norm=True)
sp.assoc_legendre_p(d, m, p, branch_cut=3)            sp.assoc_legendre_p(d, m, p, norm=True, branch_cut=3, diff_n=2)
sp.assoc_legendre_p(d, m, z, branch_cut=[3, 2, 2])
sp.assoc_legendre_p_all(3, 2, u, diff_n=1)            sp.assoc_legendre_p_all(2, 3, r, norm=True)
sp.sph_legendre_p(d, m, t, diff_n=2)                  sp.sph_legendre_p(2, 1, s)
sp.sph_legendre_p_all(3, 2, t)                        sp.sph_legendre_p_all(2, -3, s, diff_n=1)
sp.sph_harm_y(d, m, t, x)      sp.sph_harm_y(3, 2, t, y, diff_n=2)     sp.sph_harm_y(2, -1, s, r, diff_n=1)
sp.sph_harm_y_all(2, 2, t, y)  sp.sph_harm_y_all(2, 1, s, y, diff_n=2)
"""


def lines(rows):
    return [line for row in rows.splitlines() for line in re.split(r"\s{2,}", row.strip()) if line]


def function_of(line):
    return re.match(r"sp\.(\w+)", line).group(1)  # pyright: ignore[reportOptionalMemberAccess]


def takes(call):
    """Whether this release of SciPy takes the arguments of a call."""
    try:
        call()
    except ValueError:
        return False
    return True


EMPTY = takes(lambda: original.logsumexp([]))
HAS_DERIVATIVES = hasattr(original, "legendre_p")
HAS_EXTENSIONS = "extend" in inspect.signature(original.factorial).parameters
LINES = lines(ROWS) + (lines(SINCE_DERIVATIVES) if HAS_DERIVATIVES else [])
LINES += [] if np.isnan(original.spherical_jn(1, -0.5)) else lines(OF_NEGATIVE_NUMBERS)
LINES += lines(OF_ARRAYS) if takes(lambda: original.lqn(1, np.zeros(1))) else []
LINES = [line for line in LINES if hasattr(original, function_of(line)) and (HAS_EXTENSIONS or "extend" not in line)]
FUNCTIONS = {function_of(line): line for line in reversed(LINES)}
"""Each function, and its first line."""

if not HAS_EXTENSIONS:  # of integers only
    FUNCTIONS |= dict.fromkeys(("factorial2", "factorialk"), "")


def program(line, traced=TRACED, module=special):
    """The line as a function of the arrays of `traced` that it names, and those arrays."""
    code = compile(line, line, "eval")
    names = [name for name in traced if name in code.co_names]
    f = lambda *xs: eval(code, {**PLAIN, "sp": module, **dict(zip(names, xs, strict=True))})
    f.__name__ = line
    return f, [traced[name] for name in names]


def leaves(y):
    return list(y) if isinstance(y, tuple) else [y]


@pytest.fixture(autouse=True)
def quiet():
    """SciPy warns of functions that will be gone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


# ---- the lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    """The value is SciPy's, and every column of the rules holds: to second order for one line of each function."""
    f, xs = program(line)
    for y, plain in zip(leaves(cr.vjp(f, *xs)[0]), leaves(program(line, module=original)[0](*xs)), strict=True):
        assert (y.shape, y.dtype) == (np.shape(plain), np.asarray(plain).dtype)
        assert_allclose(y, plain, rtol=1e-13, atol=1e-15)
    check_rules(f, *xs, order=2 if line == FUNCTIONS[function_of(line)] else 1)


SINGLE = [line for line in LINES if not re.search(r"lqm?n|[xt], y|signs", line)]


@pytest.mark.parametrize("line", SINGLE)
def test_single_precision_stays(line):
    """Results have SciPy's dtypes, gradients those of the arguments, and the numbers are right to that precision."""
    low = {name: x.astype(np.complex64 if x.dtype.kind == "c" else np.float32) for name, x in TRACED.items()}
    (f, xs), (_, exact) = program(line, low), program(line)
    y, pullback = cr.vjp(f, *xs)
    for v, plain in zip(leaves(y), leaves(program(line, low, original)[0](*xs)), strict=True):
        assert v.dtype == np.asarray(plain).dtype
    high, whole = cr.vjp(f, *exact)
    seeds = lambda y: tuple(map(np.ones_like, y)) if isinstance(y, tuple) else np.ones_like(y)
    for ct, slope, x in zip(pullback(seeds(y)), whole(seeds(high)), xs, strict=True):
        assert (ct.shape, ct.dtype) == (x.shape, x.dtype)
        assert_allclose(ct, slope, rtol=0, atol=2e-3 * np.max(np.abs(slope)) + 1e-6)


OPERATIONS = [name for name in PRIMITIVES if name.startswith("scipy.special.")]


@pytest.fixture(scope="module")
def by_operation():
    """For each operation the lines that do it."""
    found = {name: [] for name in OPERATIONS}
    for line in LINES:
        f, xs = program(line)
        for name in {e.primitive.name for e in cr.record(f, *xs).equations} & found.keys():
            found[name].append(Case(name, line, f, tuple(xs), 1))
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, by_operation, monkeypatch):
    """Every operation has an example, and all columns of tests/columns.py hold."""
    assert by_operation[name], f"no line is an example of {name}"
    monkeypatch.setattr(columns, "examples_of", lambda name: by_operation[name][:4])
    for column, holds in columns.OF_PRIMITIVES.items():
        if columns.applies(column, PRIMITIVES[name]):
            holds(name)


# ---- logsumexp and softmax: infinities, far out, nothing -------------------------------------------------------------

FAR = [
    ([inf, 0.0], [1, 0]),
    ([inf, inf, 1.0], [0.5, 0.5, 0]),
    ([-inf, 0.0], [0, 1]),
    ([-inf, -inf], [0, 0]),
    ([-inf, inf], [0, 1]),
    ([1000.0, 1000.0], [0.5, 0.5]),
    ([1e8, 1e8 + math.log(3)], [0.25, 0.75]),
    ([-1000.0, -1000.0], [0.5, 0.5]),
    ([0.0, -40.0], [1, math.exp(-40)]),
    *([([], [])] if EMPTY else []),
]


@pytest.mark.parametrize(("a", "slope"), FAR)
def test_logsumexp_at_infinities_and_far_out(a, slope):
    a = np.array(a, float)
    for f in (special.logsumexp, lambda a: special.logsumexp(a, b=np.ones(a.shape))):
        y, g = cr.value_and_grad(f)(a)
        assert_allclose(y, original.logsumexp(a), rtol=1e-15)
        assert_allclose(g, slope, rtol=1e-7 if 1e8 in a else 2e-15)
        assert_allclose([cr.jvp(f, (a,), (e,))[1] for e in np.eye(a.size)], g, rtol=2e-15)
        bend = np.diag(g) - np.outer(g, g)
        assert_allclose(cr.hessian(f)(a), bend if np.isfinite(a).all() else np.zeros((a.size, a.size)), atol=1e-16)


def test_logsumexp_of_many_is_exact_where_its_value_is_large():
    """exp(a - y) would have lost the digits that y, near a million, does not have."""
    a = 1e6 + np.arange(5) / 4
    assert_allclose(cr.grad(special.logsumexp)(a), original.softmax(a), rtol=1e-15)


def test_weights():
    slopes = lambda a, b: cr.grad(lambda a, b: special.logsumexp(a, b=b), argnums=(0, 1))(np.array(a), np.array(b))
    assert_allclose(slopes([0.0, 0.0], [1.0, 3.0]), [[0.25, 0.75], [0.25, 0.25]])
    assert_allclose(slopes([inf, inf], [1.0, 3.0]), [[0.25, 0.75], [0.25, 0.25]])
    assert_allclose(slopes([-inf, -inf], [1.0, 3.0]), np.zeros((2, 2)))
    # What has no weight is not read, whatever it is.
    for unread in (900.0, inf, nan):
        f = lambda a: special.logsumexp(a, b=[1.0, 0.0, 1.0])
        assert_allclose(cr.grad(f)(np.array([1.0, unread, 1.0])), [0.5, 0, 0.5])
    with np.errstate(divide="ignore"):
        # The logarithm of a sum that is 0, but not by its terms, has an infinite slope.
        assert_array_equal(slopes([0.0, 0.0], [1.0, -1.0]), [[inf, -inf], [inf, inf]])
        assert_array_equal(slopes([0.0, 1.0], [0.0, 0.0]), [[0, 0], [inf, inf]])
    y, g = cr.value_and_grad(lambda a: special.logsumexp(a, b=[1.0, -2.0]))(np.zeros(2))
    assert np.isnan(y)
    assert_array_equal(g, [0, 0])  # NaN comes from nowhere: np.where does not take the branch


def test_nan_stays():
    y, g = cr.value_and_grad(special.logsumexp)(np.array([0.0, nan]))
    assert np.isnan(y)
    assert np.isnan(g).all()


def test_softmax_with_infinities():
    x = np.array([0.0, -inf, 0.0])
    assert_array_equal(cr.jacobian(special.softmax)(x), [[0.25, 0, -0.25], [0, 0, 0], [-0.25, 0, 0.25]])
    assert_array_equal(cr.jacobian(special.log_softmax)(x), [[0.5, 0, -0.5], [-0.5, 1, -0.5], [-0.5, 0, 0.5]])
    for f in (special.softmax, special.log_softmax):
        assert np.isfinite(cr.jacobian(cr.jacobian(f))(x)).all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for bad in ([inf, 0.0], [-inf, -inf]):  # as in SciPy
                assert_array_equal(cr.vjp(f, np.array(bad))[0], getattr(original, f.__name__)(bad))
    far = np.array([1000.0, 0.0, -1000.0])
    assert_array_equal(cr.grad(lambda x: special.log_softmax(x)[2])(far), [-1, 0, 1])
    assert_array_equal(cr.jacobian(special.softmax)(far), np.zeros((3, 3)))


def test_empty_arrays():
    if EMPTY:
        assert cr.vjp(lambda x: special.logsumexp(x, axis=1), np.zeros((2, 0)))[0].tolist() == [-inf, -inf]
    for f, shape in (
        (lambda x: special.logsumexp(x, axis=1), (0,)),
        (lambda x: special.softmax(x, axis=1), (0, 3)),
        (lambda x: special.spherical_jn(2, x), (0, 3)),
        (lambda x: special.polygamma(2, x), (0, 3)),
        (lambda x: special.multigammaln(x, 1), (0, 3)),
        (lambda x: special.diric(x, 3), (0, 3)),
    ):
        y, pullback = cr.vjp(f, np.zeros((0, 3)))
        assert y.shape == shape
        assert pullback(y)[0].shape == (0, 3)


def test_integers_are_numbers():
    for f in (special.logsumexp, special.softmax, special.log_softmax, lambda x: special.diric(x, 3)):
        assert_allclose(cr.vmap(f)(np.array([[1, 2, 3]]))[0], f(np.array([1, 2, 3])), rtol=1e-15)


# ---- ends, poles, zeros ----------------------------------------------------------------------------------------------


def derivative(f, x, times):
    for _ in range(times):
        f = lambda x, f=f: cr.jvp(f, (x,), (np.ones_like(x),))[1]
    return f(x)


def test_spherical_bessel_functions_at_zero_and_infinity():
    for n, bend in ((0, -1 / 3), (1, 0), (2, 2 / 15), (3, 0)):
        for f, sign in ((special.spherical_jn, 1), (special.spherical_in, -1 if n == 0 else 1)):
            assert_allclose(derivative(lambda z, f=f, n=n: f(n, z), 0.0, 1), 1 / 3 if n == 1 else 0, atol=1e-16)
            assert_allclose(derivative(lambda z, f=f, n=n: f(n, z), 0.0, 2), sign * bend, atol=1e-16)
        with np.errstate(all="ignore"):
            assert cr.grad(lambda z, n=n: special.spherical_yn(n, z))(0.0) == inf
            assert cr.grad(lambda z, n=n: special.spherical_kn(n, z))(0.0) == -inf
            assert cr.grad(lambda z, n=n: special.spherical_jn(n, z))(inf) == 0
            assert cr.grad(lambda z, n=n: special.spherical_kn(n, z))(inf) == 0


def test_diric_where_it_would_be_zero_by_zero():
    """Of n terms 1 - (n^2 - 1) x^2 / 24, and on."""
    x = np.array([0.0, 2 * np.pi, -2 * np.pi, 40 * np.pi])
    for n, sign in ((1, 1), (4, np.array([1, -1, -1, 1])), (101, 1)):
        f = lambda x, n=n: special.diric(x, n)
        assert_allclose(cr.vjp(f, x)[0], original.diric(x, n), rtol=1e-15)
        assert_allclose(derivative(f, x, 1), 0, atol=1e-10)
        assert_allclose(derivative(f, x, 2), -sign * np.full(4, (n**2 - 1) / 12), rtol=1e-13)
    with np.errstate(all="ignore"):
        assert np.isnan(cr.vjp(lambda x: special.diric(x, 2.5), x)[0]).all()


@pytest.mark.skipif(not HAS_DERIVATIVES, reason="since SciPy 1.15")
def test_functions_of_legendre_at_their_ends():
    """They are polynomials of even order; of order 1 there is a square root, and SciPy's infinite slope."""
    ends, p = np.array([1.0, -1.0]), np.polynomial.Polynomial
    q = np.polynomial.Legendre.basis(6).convert(kind=p)
    for k in range(5):
        for f, expected in (
            (lambda z: special.legendre_p(6, z)[0], q),
            (lambda z: special.assoc_legendre_p(6, 0, z)[0], q),
            (lambda z: special.assoc_legendre_p(6, 2, z)[0], p([1, 0, -1]) * q.deriv(2)),
            (lambda z: special.assoc_legendre_p(6, -2, z)[0], p([1, 0, -1]) * q.deriv(2) / (5 * 6 * 7 * 8)),
        ):
            assert_allclose(derivative(f, ends, k), (expected.deriv(k) if k else expected)(ends), rtol=1e-13)
    for norm in (False, True):
        f = lambda z, norm=norm: special.assoc_legendre_p(3, [[-1], [1], [3]], z, norm=norm)[0]
        with np.errstate(all="ignore"):
            found, (_, slope) = (
                derivative(f, ends, 1),
                special.assoc_legendre_p(3, [[-1], [1], [3]], ends, norm=norm, diff_n=1),
            )
        assert_array_equal(found, slope)
    for k in (1, 2):
        poles = np.array([0.0, np.pi])
        found = derivative(lambda x: special.sph_legendre_p(3, [[-1], [1], [2]], x)[0], poles, k)
        assert_allclose(found, special.sph_legendre_p(3, [[-1], [1], [2]], poles, diff_n=2)[k], atol=1e-15)


@pytest.mark.skipif(not HAS_DERIVATIVES, reason="since SciPy 1.15")
def test_derivatives_are_those_that_scipy_has():
    x = np.array([-0.99, -0.3, 1e-9, 0.6])
    for k in (1, 2):
        for n in (4, 90):
            m = np.array([[-3], [0], [1], [2], [40]])
            for f, args, options in (
                (special.legendre_p, (n,), {}),
                (special.assoc_legendre_p, (n, m), {"norm": True}),
                (special.sph_legendre_p, (n, m), {}),
            ):
                found = derivative(lambda x, f=f, a=args, o=options: f(*a, x, **o)[0], x, k)
                expected = f(*args, x, diff_n=2, **options)[k]
                assert_allclose(found, expected, rtol=2e-10, atol=1e-12 * np.max(np.abs(expected)))


def test_the_dual_of_a_sum_that_has_a_sign():
    """return_sign= gives the phase of a complex sum, which has a derivative."""
    a, b = TRACED["x"], np.array([1.0 + 1j, -2.0, 0.5j])
    f = lambda a: special.logsumexp(a, b=b, return_sign=True)
    log, phase = cr.jvp(f, (a,), (np.ones(3),))[1]
    assert_allclose(log, 1)
    assert_allclose(phase, 0, atol=1e-15)
    g = lambda b: special.logsumexp(a, b=b, return_sign=True)[1]
    assert_allclose(cr.jvp(g, (b,), (1j * b,))[1], 1j * g(b))
    assert cr.vjp(lambda a: special.logsumexp(a, b=signs, return_sign=True), a)[0][1] == np.sign(signs @ np.exp(a))


signs = PLAIN["signs"]

# ---- to the last digits ----------------------------------------------------------------------------------------------

PRECISE = [
    ("sp.logsumexp(np.append(x, 1e6))", 1000003.0, 0.95257412682243322),
    ("sp.log_softmax(np.append(x, 0.0))[1]", -40.0, -4.248354255291589e-18),
    ("sp.softmax(np.append(x, 0.0))[1]", 40.0, -4.248354255291589e-18),
    ("sp.polygamma(4, x)", 0.001, 1.1999999999999999e20),
    ("sp.polygamma(1, x)", -3.3, 68.769445477485234),
    ("sp.multigammaln(x, 10)", 1000000.0, 138.15507807959503),
    ("sp.comb(x, 5)", 300.5, 330789318.71302083),
    ("sp.spherical_jn(30, x)", 0.5, 3.1288696132491199e-50),
    ("sp.spherical_jn(2, x)", 1000.0, -0.00055906650415880423),
    ("sp.spherical_jn(5, x, derivative=True)", 0.001, 1.9240017686017732e-12),
    ("sp.spherical_yn(30, x)", 2.0, 2.1766839849051178e32),
    ("sp.spherical_in(3, x)", 0.0001, 2.8571428597883601e-10),
    ("sp.spherical_kn(3, x)", 600.0, -7.0201960408799401e-264),
    ("sp.riccati_jn(4, x)[1][4]", 0.01, 2.1163819144485145e-8),
    ("sp.diric(x, 9)", 1e-05, -6.6666666653555561e-5),
    ("sp.diric(x, 9)", 12.5663, 0.00047076238986962764),
    ("sp.lqmn(0, 5, x)[0][0, 5]", 30.0, -3.1746733468014687e-12),
    ("sp.lqn(3, x)[0][3]", 0.999, 515.00160742496949),
    ("sp.lmbda(2.5, x)[0][2]", 0.001, -0.0001428571349206351),
    ("sp.legendre_p(200, x)[0]", 0.9999, 5639.9250463738905),
    ("sp.assoc_legendre_p(60, 2, x, norm=True)[0]", 0.999999, -7106.4146245771338),
    ("sp.assoc_legendre_p(40, -3, x)[0]", -0.2, -2.1535227650521538e-5),
    ("sp.assoc_legendre_p(5, 3, x, branch_cut=3)[0]", 1.0001, 17.82800163975603),
    ("sp.sph_legendre_p(50, 20, x)[0]", 0.01, 1.4888912337557881e-27),
]
"""Where the obvious formula cancels, overflows, or divides by zero. The numbers were computed with 60 digits."""


@pytest.mark.parametrize(("expression", "x", "slope"), PRECISE)
def test_no_digits_are_lost(expression, x, slope):
    if not hasattr(original, function_of(expression)):
        pytest.skip("not in this release of SciPy")
    f = eval(f"lambda x: {expression}", {"sp": special, "np": np})
    assert_allclose([cr.grad(f)(x), cr.jvp(f, (x,), (1.0,))[1]], slope, rtol=5e-13, atol=0)


# ---- orders, and what else is a constant -----------------------------------------------------------------------------

OF_ORDERS = [
    ("sp.polygamma(k, 1.5)", "n"),
    ("sp.multigammaln(9.0, k)", "d"),
    ("sp.factorialk(4.0, k, extend='complex')", "k"),
    ("sp.spherical_jn(k, 1.5)", "n"),
    ("sp.spherical_kn(k, 1.5, derivative=True)", "n"),
    ("sp.riccati_jn(k, 1.5)[0][0]", "n"),
    ("sp.lmbda(k, 1.5)[0][0]", "v"),
    ("sp.pbdv_seq(k, 1.5)[0][0]", "v"),
    ("sp.diric(1.5, k)", "n"),
    ("sp.lqn(k, 1.5)[0][0]", "n"),
    ("sp.lqmn(k, 1, 1.5)[0][0]", "m"),
    ("sp.legendre_p(k, 0.5)[0]", "n"),
    ("sp.assoc_legendre_p(2, k, 0.5)[0]", "m"),
    ("sp.sph_harm_y(2, k, 0.5, 0.5).real", "m"),
]


@pytest.mark.parametrize(("expression", "argument"), OF_ORDERS)
def test_an_order_is_no_variable(expression, argument):
    name = function_of(expression)
    if not hasattr(original, name):
        pytest.skip("not in this release of SciPy")
    text = rf"^scipy\.special\.{name}: chainrule has no rule for its derivative in the argument {argument} \(asked for"
    with pytest.raises(cr.MissingRuleError, match=text):
        cr.grad(lambda k: eval(expression, {"sp": special, "k": k}))(2.0)


def test_the_order_may_be_mapped_over():
    n, x = np.array([0, 1, 3]), np.array([0.2, 0.5, 0.7])
    for f in (special.spherical_jn, special.polygamma, getattr(special, "legendre_p", special.spherical_in)):
        both = cr.vmap(f)(n, x)
        assert_allclose(both, np.stack([f(int(k), v) for k, v in zip(n, x, strict=True)]), rtol=1e-14)


def test_whole_numbers():
    """Where the answer counts something there is no derivative."""
    for f in (lambda x: special.comb(x, 1, exact=True), lambda x: special.perm(4, x, exact=True)):
        with pytest.raises(
            cr.MissingRuleError, match=r"^scipy\.special\.\w+: exact=True is for integers.*leave it away"
        ):
            cr.grad(f)(2.0)

    def counted(x):
        n = np.argsort(x) + 3  # integers that are traced
        assert special.comb(n[0], 2, exact=True) == original.comb(3, 2)
        assert special.factorial(n[0], exact=True) == 6
        assert special.factorial2(n[0], True) == 3
        assert special.factorialk(n, 3, exact=True).tolist() == original.factorialk(np.arange(3, 6), 3, True).tolist()
        assert special.stirling2(n, 2).tolist() == original.stirling2(np.arange(3, 6), 2).tolist()
        return np.sum(x)

    assert_array_equal(cr.grad(counted)(np.arange(3.0)), np.ones(3))


def test_errors_are_scipys():
    x = np.array([2.0, 3.0])
    calls = [
        lambda m, x: m.logsumexp(x, axis=3),
        lambda m, x: m.logsumexp(x, axis=(0, 0)),
        lambda m, x: m.logsumexp(x, b=np.ones(3)),
        lambda m, x: m.softmax(x, axis=1),
        lambda m, x: m.softmax(x[:0]),
        lambda m, x: m.multigammaln(x[0], 9),
        lambda m, x: m.multigammaln(x, 1.5),
        lambda m, x: m.factorial(x, exact=True),
        lambda m, x: m.factorial2(x),
        lambda m, x: m.factorialk(x, 3),
        lambda m, x: m.stirling2(x, 2),
        lambda m, x: m.riccati_jn(2, x),
        lambda m, x: m.riccati_jn(-2, x[0]),
        lambda m, x: m.lqn(-1, x),
        lambda m, x: m.lmbda(2, x),
    ]
    if HAS_EXTENSIONS:
        calls += [
            lambda m, x: m.factorial(x, extend="no"),
            lambda m, x: m.factorial(x, exact=True, extend="complex"),
            lambda m, x: m.factorialk(x, 0, extend="complex"),
            lambda m, x: m.factorial(1j * x),
        ]
    if HAS_DERIVATIVES:
        calls += [
            lambda m, x: m.legendre_p(3, x, diff_n=3),
            lambda m, x: m.legendre_p(2.5, x),
            lambda m, x: m.legendre_p_all(-1, x),
            lambda m, x: m.assoc_legendre_p_all(2, -1, x),
            lambda m, x: m.sph_harm_y(1, 1, x, x, diff_n=-1),
        ]
    for f in calls:
        with pytest.raises(Exception) as expected:  # noqa: PT011
            f(original, x)
        with pytest.raises(expected.type):
            cr.vjp(lambda x: f(special, x), x)  # noqa: B023


def test_a_function_of_legendre_that_scipy_has_as_zero():
    """SciPy's lqn(0, z) and lqn(1, z) are 0 from z = 1.02 on; those of a traced array are those of lqmn."""
    values, slopes = cr.vjp(lambda z: special.lqn(1, z), 1.7)[0]
    assert_allclose(values, [math.atanh(1 / 1.7), 1.7 * math.atanh(1 / 1.7) - 1], rtol=1e-15)
    assert_allclose(slopes[0], 1 / (1 - 1.7**2), rtol=1e-15)
    assert cr.grad(lambda z: special.lqn(1, z)[0][0])(1.7) == pytest.approx(slopes[0], rel=1e-15)


def test_what_scipy_does_not_give():
    for f, why in (
        (lambda x: special.pbdv_seq(-1.5, x), "orders of at least 0"),
        (lambda x: special.pbdn_seq(2, x + 1j), "for a complex z are not those of D"),
    ):
        with pytest.raises(cr.MissingRuleError, match=why):
            cr.vjp(f, 0.5)


# ---- that each function is accounted for -----------------------------------------------------------------------------

AS_THEY_ARE = {
    *("jvp", "yvp", "kvp", "ivp", "h1vp", "h2vp", "sinc", "softplus", "zeta", "lambertw", "assoc_laguerre"),
}
"""Functions that SciPy has written in ufuncs: they need nothing from us."""

CONSTANT = {"stirling2"}

ZEROS = "the zeros of a function"
POLYNOMIAL = "a polynomial of a given degree, which is differentiable where it is evaluated"
NODES = "the nodes of a quadrature"
NOT_OF_NUMBERS = {
    **dict.fromkeys(("SpecialFunctionError", "SpecialFunctionWarning"), "an error, a warning"),
    **dict.fromkeys(("errstate", "geterr", "seterr", "test"), "it sets or runs something"),
    **dict.fromkeys(("bernoulli", "euler"), "numbers of a given index"),
    **dict.fromkeys(("ai_zeros", "bi_zeros", "erf_zeros", "fresnel_zeros", "fresnelc_zeros", "fresnels_zeros"), ZEROS),
    **dict.fromkeys(("ber_zeros", "bei_zeros", "ker_zeros", "kei_zeros", "kelvin_zeros"), ZEROS),
    **dict.fromkeys(("berp_zeros", "beip_zeros", "kerp_zeros", "keip_zeros"), ZEROS),
    **dict.fromkeys(("jn_zeros", "jnp_zeros", "yn_zeros", "ynp_zeros", "jnjnp_zeros", "jnyn_zeros"), ZEROS),
    **dict.fromkeys(("y0_zeros", "y1_zeros", "y1p_zeros"), ZEROS),
    **dict.fromkeys(("legendre", "sh_legendre", "laguerre", "hermite", "hermitenorm"), POLYNOMIAL),
    **dict.fromkeys(("chebyt", "chebyu", "chebyc", "chebys", "sh_chebyt", "sh_chebyu"), POLYNOMIAL),
    **dict.fromkeys(("roots_legendre", "roots_sh_legendre", "roots_laguerre", "p_roots", "ps_roots", "l_roots"), NODES),
    **dict.fromkeys(("roots_chebyt", "roots_chebyu", "roots_chebyc", "roots_chebys", "t_roots", "u_roots"), NODES),
    **dict.fromkeys(("roots_sh_chebyt", "roots_sh_chebyu", "c_roots", "s_roots", "ts_roots", "us_roots"), NODES),
    **dict.fromkeys(("roots_hermite", "roots_hermitenorm", "h_roots", "he_roots"), NODES),
}


def public():
    """Everything that can be called and is no ufunc."""
    found = {name: getattr(original, name) for name in dir(original) if not name.startswith("_")}
    return [name for name, f in found.items() if callable(f) and not isinstance(f, np.ufunc)]


def test_every_function_is_in_one_column():
    tables = (FUNCTIONS, CONSTANT, NOT_OF_NUMBERS, REFUSED)
    wrong = {name: sum(name in table for table in tables) for name in public()}
    assert {name: n for name, n in wrong.items() if n != 1} == {}, "these are in no column, or in several"


GONE = {"legacy"}
"""Of comb, until SciPy 1.13."""

OURS = [name for name in public() if name not in NOT_OF_NUMBERS and name not in AS_THEY_ARE]


@pytest.mark.parametrize("name", OURS)
def test_a_function_has_scipys_name_and_signature(name):
    ours, theirs = getattr(special, name), getattr(original, name)
    assert ours is not theirs
    assert ours.__doc__ not in (None, theirs.__doc__)
    assert inspect.signature(ours) == inspect.signature(theirs)
    accepted = inspect.signature(ours.__wrapped__).parameters
    if isinstance(theirs, type(public)) and name not in REFUSED:
        assert set(inspect.signature(theirs).parameters) - GONE <= set(accepted), "a keyword that is not accepted"


def test_what_scipy_has_written_in_ufuncs_is_passed_through():
    for name in AS_THEY_ARE & {*public()}:
        assert getattr(special, name) is getattr(original, name)
        assert name in FUNCTIONS
    check_rules(lambda x: special.legendre(3)(x) + special.jacobi(2, 0.3, 0.1)(x), TRACED["x"])


@pytest.mark.parametrize("name", [name for name in REFUSED if hasattr(original, name)])
def test_refused_by_name(name):
    with pytest.raises(cr.MissingRuleError, match=rf"^scipy\.special\.{name}: .*test_scipy_special.py"):
        cr.grad(lambda x: np.sum(getattr(special, name)(3, x, 0.5)))(2.0)


def test_plain_arrays_go_to_scipy():
    x = TRACED["x"]
    assert_array_equal(special.logsumexp(x), original.logsumexp(x))
    assert_array_equal(special.spherical_jn(2, x), original.spherical_jn(2, x))
    assert_array_equal(special.roots_jacobi(3, 0.5, 0.5), original.roots_jacobi(3, 0.5, 0.5))
    assert special.gammaln is original.gammaln
    assert special.jn_zeros is original.jn_zeros
    assert {*public()} <= {*dir(special)}

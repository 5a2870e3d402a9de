"""scipy.interpolate: piecewise polynomials, splines, polynomials, grids and scattered points."""

import inspect
import re

import numpy as np
import pytest
import scipy.interpolate as original

import chainrule as cr
from chainrule.scipy import interpolate
from chainrule.testing import check_rules

rng = np.random.default_rng(8)

TRACED = {
    "x": np.cumsum(rng.uniform(0.4, 1.0, 6)),
    "y": rng.normal(size=6),
    "Y": rng.normal(size=(2, 6, 3)),
    "m": np.cumsum(rng.uniform(0.3, 1.0, 6)),
    "z": rng.normal(size=6) + 1j * rng.normal(size=6),
    "q": np.array([0.91, 1.83, 2.05, 3.97]),
    "Q": np.array([[0.2, 1.83], [2.05, 5.3]]),
    "t": np.array([0.0, 0.2, 0.3, 0.9, 1.7, 2.9, 3.5, 4.1, 4.2, 4.6]),
    "k": rng.normal(size=6),
    "d": rng.normal(size=6),
    "c": rng.normal(size=(3, 5)),
    "C": rng.normal(size=(4, 5, 2)),
    "p": np.array([[0, 0], [1, 0.1], [2.1, -0.1], [0.1, 1], [1.1, 1.2], [1.9, 0.8], [0.6, 2.1]]),
    "v": rng.normal(size=7),
    "g": np.array([0.0, 0.9, 1.7, 2.5]),
    "h": np.array([3.1, 1.8, 0.4]),
    "V": rng.normal(size=(4, 3)),
    "X": rng.uniform(0.5, 1.6, size=(3, 2)),
    "s": np.float64(1.37),
    "r": np.float64(2.61),
}
PLAIN = {
    "np": np,
    "nan": np.nan,
    "T": TRACED["t"],
    "P": TRACED["x"],
    "G": TRACED["g"],
    "H": TRACED["h"],
    "E": TRACED["p"],
}
PLAIN["M"] = TRACED["p"][:3] * 0.6 + TRACED["p"][3:6] * 0.25 + 0.15 * TRACED["p"][6]
RNG = {"rng", "random_state"} & set(inspect.signature(original.barycentric_interpolate).parameters)
PLAIN["SEED"] = dict.fromkeys(RNG, 0)  # the order in which SciPy multiplies is random
KERNELS = tuple(map(repr, ("linear", "thin_plate_spline", "cubic", "quintic")))
SMOOTH = tuple(map(repr, ("multiquadric", "inverse_multiquadric", "inverse_quadratic", "gaussian")))


def each(line, *values):
    return [line.replace("{}", value) for value in values]


LINES = [
    *each("I.PPoly(c, x)(q, {})", "0", "1", "2", "3"),
    "I.PPoly(c, x)(Q)",
    "I.PPoly(c, x)(Q, extrapolate='periodic')",
    "I.PPoly(c, x, False)(q)",
    "I.PPoly(c, -x)(-q)",
    "I.PPoly(C, x)(Q, 1)",
    "I.PPoly(np.moveaxis(C, 2, 0), x, axis=1)(Q)",
    "I.PPoly(c, x)(s)",
    "I.PPoly(c * 1j, x)(q)",
    "I.PPoly(c, x).derivative()(q)",
    "I.PPoly(C, x).derivative(2)(q, 1)",
    "I.PPoly(c, x).derivative(4)(q)",
    "I.PPoly(c, x).antiderivative()(Q)",
    "I.PPoly(C, x).antiderivative(2)(q)",
    "I.PPoly(c, x).integrate(s, r)",
    "I.PPoly(c, x).integrate(r, s - 4)",
    "I.PPoly(C, x).integrate(s, 2.0)",
    "I.PPoly(c, x, 'periodic').integrate(s - 9, r + 8)",
    *each("I.BPoly(c, x)(q, {})", "0", "1", "2", "3"),
    "I.BPoly(C, x)(Q)",
    "I.CubicHermiteSpline(x, y, d)(q)",
    "I.CubicHermiteSpline(x, Y, Y * 2, axis=1)(Q, 1)",
    *each("I.CubicSpline(x, y)(q, {})", "0", "1", "2", "3"),
    "I.CubicSpline(x, Y, axis=1)(Q)",
    "I.CubicSpline(x, z)(q)",
    "I.CubicSpline(x, y, extrapolate=False)(q)",
    "I.CubicSpline(x, y).integrate(s, r)",
    "I.CubicSpline(x, y).derivative()(q)",
    *each("I.CubicSpline(x, y, bc_type={})(Q)", "'natural'", "'clamped'", "((1, s), (2, r))", "('not-a-knot', (2, s))"),
    *each("I.CubicSpline(x, np.append(y[:-1], y[0]), bc_type='periodic')({})", "q", "Q"),
    "I.CubicSpline(x[:4], np.append(y[:3], y[0]), bc_type='periodic')(q)",
    "I.CubicSpline(x[:3], np.append(y[:2], y[0]), bc_type='periodic')(q)",
    *each("I.CubicSpline(x[:{}], y[:{}])(q)", "2", "3"),
    "I.CubicSpline(x[:3], y[:3], bc_type='natural')(q)",
    "I.PchipInterpolator(x, y)(q)",
    "I.PchipInterpolator(x, m)(Q, 1)",
    "I.PchipInterpolator(x, Y, axis=1)(q)",
    "I.PchipInterpolator(x[:2], y[:2])(q)",
    "I.pchip(x, m, extrapolate=False)(q)",
    "I.pchip_interpolate(x, m, q)",
    "I.pchip_interpolate(x, m, q, [0, 1])[1]",
    "I.Akima1DInterpolator(x, y)(q)",
    "I.Akima1DInterpolator(x, Y, axis=1, method='makima', extrapolate=True)(Q)",
    "I.Akima1DInterpolator(x[:2], y[:2])(s)",
    *each("I.BSpline(t, k, 3)(q, {})", "0", "1", "2", "3", "4"),
    "I.BSpline(t, np.append(k, k[:2]), 1)(Q)",
    "I.BSpline(t[:7], k, 0)(q)",
    "I.BSpline(t, Y, 3, axis=1)(Q, 1)",
    "I.BSpline(t, k, 3, extrapolate=False)(q)",
    "I.BSpline(t, z, 3, extrapolate='periodic')(Q)",
    "I.BSpline(t, k, 3).derivative()(q)",
    "I.BSpline(t, k, 3).derivative(2)(q, 1)",
    "I.BSpline(t, k, 3).antiderivative()(q)",
    "I.BSpline(t, Y, 3, axis=1).antiderivative(2)(q)",
    "I.BSpline(t, k, 3).integrate(s, r)",
    "I.BSpline(t, k, 3).integrate(r + 9, s, extrapolate=False)",
    "I.BSpline(t, Y[0], 3, 'periodic').integrate(s - 9, r + 7)",
    *each("I.make_interp_spline(x, y, k={})(q)", "0", "1", "2", "3", "4", "5"),
    "I.make_interp_spline(x, Y, axis=1)(Q)",
    "I.make_interp_spline(x, y)(q, 1)",
    "I.make_interp_spline(x, z, 2).c",
    "I.make_interp_spline(x, y).t",
    *each("I.make_interp_spline(x, y, bc_type={})(Q)", "'natural'", "'clamped'", "([(1, s)], [(2, r)])"),
    "I.make_interp_spline(x, y, 5, bc_type=([(1, s), (2, 0.0)], [(1, r), (3, 0.5)]))(q)",
    *each("I.make_interp_spline(x, np.append(y[:-1], y[0]), {}, bc_type='periodic')(Q)", "2", "3", "4", "5"),
    "I.make_interp_spline(x[:3], np.append(y[:2], y[0]), 3, bc_type='periodic')(q)",
    "I.make_interp_spline(x, y, 2, t=np.stack([*[x[0]] * 3, s, 2.4, r + 0.4, *[x[-1]] * 3]))(q)",
    *each("I.splev(q, (T, k, 3), {})", "0", "1"),
    "I.splev(Q, (T, np.append(k, np.zeros(4)), 3))",
    *each("I.splev(Q * 3, (T, k, 3), ext={})", "0", "1", "3"),
    *each("I.interp1d(x, y, {})(q)", "'linear'", "'cubic'", "'quadratic'", "'slinear'", "2"),
    *each("I.interp1d(P, y, {})(q)", "'nearest'", "'nearest-up'", "'previous'", "'next'", "'zero'"),
    *each("I.interp1d(x, y, {}, fill_value='extrapolate')(Q)", "'linear'", "'cubic'"),
    "I.interp1d(P, y, 'nearest', fill_value='extrapolate')(Q)",
    "I.interp1d(x, Y, axis=1)(Q[1, 0])",
    "I.interp1d(x, Y[:, :, 0], bounds_error=False, fill_value=s)(Q)",
    "I.interp1d(x[::-1], z, bounds_error=False, fill_value=(s, 2.0))(Q)",
    "I.interp1d(P[:1], y[:1])(P[:1])",
    "I.KroghInterpolator(x, y)(q)",
    "I.KroghInterpolator(x, Y, axis=1)(Q)",
    "I.KroghInterpolator(x, z).derivative(q, 2)",
    "I.KroghInterpolator(x, y).derivatives(q)",
    "I.KroghInterpolator(np.repeat(x[:3], [3, 1, 2]), y)(q)",
    "I.KroghInterpolator(np.repeat(x[:3], [3, 1, 2]), y).derivatives(s, 3)",
    "I.krogh_interpolate(x, y, q, 1)",
    "I.BarycentricInterpolator(x, y, **SEED)(q)",
    "I.BarycentricInterpolator(x, y, **SEED)(x)",
    "I.BarycentricInterpolator(x, Y, axis=1, **SEED)(Q)",
    "I.BarycentricInterpolator(P, y, **SEED).derivative(P[1:3])",
    "I.BarycentricInterpolator(x, z, **SEED).derivatives(s, 3)",
    "I.barycentric_interpolate(x, y, q, der=[1, 0], **SEED)",
    "I.RegularGridInterpolator((g, h), V)(X)",
    "I.RegularGridInterpolator((g, h), V)((Q[0, :], Q[1, :1]))",
    "I.RegularGridInterpolator((G, H), V, 'nearest')(X)",
    "I.RegularGridInterpolator((G, H), V, bounds_error=False, fill_value=s)(2 * X)",
    "I.RegularGridInterpolator((G, H), V, bounds_error=False, fill_value=None)(2 * X)",
    "I.RegularGridInterpolator((g,), V)(q[:2])",
    "I.RegularGridInterpolator((G, H[:1]), V[:, :1], bounds_error=False, fill_value=None)(X)",
    "I.interpn((G, H), V * 1j, X)",
    "I.interpn((g, h), V, X, method='nearest')",
    "I.interpn((G,), V, q[:2])",
    *each("I.RBFInterpolator(p, v, kernel={})(X)", *KERNELS),
    *each("I.RBFInterpolator(p, v, kernel={}, epsilon=s)(X)", *SMOOTH),
    "I.RBFInterpolator(p, np.stack([v, v * v], 1), smoothing=s, degree=2)(X)",
    "I.RBFInterpolator(p, v * 1j, smoothing=v * v, degree=-1, kernel='gaussian', epsilon=2.0)(X)",
    "I.LinearNDInterpolator(p, v)(M)",
    "I.LinearNDInterpolator(p, v, rescale=True)(X / 3)",
    "I.LinearNDInterpolator(p, np.stack([v, v * 1j], 1), fill_value=s)(X / 2)",
    "I.LinearNDInterpolator(E, v)(X[:, 0] / 3, X[:, 1] / 3)",
    "I.NearestNDInterpolator(E, v)(X)",
    "I.NearestNDInterpolator(E, np.stack([v, v], 1))(X[:, 0], 0.5)",
    *each("I.griddata(p, v, M, method={})", "'linear'", "'nearest'"),
    *each("I.griddata(P, y, q, method={})", "'linear'", "'nearest'", "'cubic'"),
    "I.splev(q, [T, [k, y], 3])[1]",
]


def of_line(line, module):
    code = compile(line, line, "eval")
    names = [name for name in TRACED if name in code.co_names]
    names += [n for c in code.co_consts if hasattr(c, "co_names") for n in c.co_names if n in TRACED and n not in names]
    f = lambda *xs: eval(code, {**PLAIN, "I": module, **dict(zip(names, xs, strict=True))})
    return f, [TRACED[name] for name in names]


CLOSE = ("I.RBF", "I.bary", "I.Bary")
"""Where a traced value is computed in other steps, and the rounding errors are not those of the plain one."""


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    """The value is SciPy's, and every column of the rules holds."""
    f, xs = of_line(line, interpolate)
    plain = np.asarray(of_line(line, original)[0](*xs))
    np.testing.assert_array_equal(f(*xs), plain)
    ours = cr.vjp(f, *xs)[0]
    assert (np.shape(ours), ours.dtype) == (plain.shape, plain.dtype)
    np.testing.assert_allclose(ours, plain, rtol=1e-11, atol=1e-11 * np.nanmax(np.abs(plain), initial=0))
    if line.startswith(CLOSE):
        cr.testing.check_gradients(lambda *xs: np.sum(np.real(f(*xs) * (1 + 1j))), *xs)
    elif np.all(np.isfinite(plain)):
        check_rules(f, *xs, order=2 if len(xs) < 3 else 1)


# ---- objects ---------------------------------------------------------------------------------------------------------


def test_objects_are_those_of_scipy():
    """Of plain data they have all that SciPy's have, and what they make can be asked with traced values again."""
    x, y = TRACED["x"], TRACED["y"]
    spline = interpolate.CubicSpline(x, y)
    assert isinstance(spline, original.CubicSpline)
    assert isinstance(spline, interpolate.PPoly)
    np.testing.assert_array_equal(spline.c, original.CubicSpline(x, y).c)
    np.testing.assert_array_equal(spline.roots(), original.CubicSpline(x, y).roots())
    for made in (spline.derivative(), spline.antiderivative(2), interpolate.make_interp_spline(x, y).derivative()):
        assert type(made).__module__.startswith("chainrule.")
        assert cr.grad(made)(1.3) == pytest.approx(made(1.3, 1))
    knots, c, k = interpolate.make_interp_spline(x, y).tck
    assert cr.grad(lambda c: interpolate.BSpline(knots, c, k).c[0])(c)[0] == 1
    assert cr.grad(lambda c: interpolate.BSpline(knots, c, k).tck[1][0])(c)[0] == 1
    assert cr.grad(lambda y: interpolate.CubicSpline(x, y).c[3, 0])(y)[0] == 1
    assert cr.grad(lambda x: interpolate.CubicSpline(x, y).x[0])(x)[0] == 1
    late = interpolate.BarycentricInterpolator(x)
    late.set_yi(y)
    assert cr.grad(late)(x[2]) == pytest.approx(late.derivative(x[2]))
    for plain in (interpolate.interp1d(x, y), interpolate.RegularGridInterpolator((x,), y)):
        assert np.isfinite(np.sum(plain([1.3])))


def test_at_knots():
    """The piece to the right counts, and of a polynomial every derivative is right at the points, too."""
    x, y = np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 0.0])
    assert cr.grad(interpolate.interp1d(x, y))(1.0) == -0.5
    assert cr.grad(interpolate.make_interp_spline(x, y, 1))(1.0) == -0.5
    assert cr.grad(interpolate.PPoly([[1.0, -0.5], [0.0, 1.0]], x))(1.0) == -0.5
    assert cr.grad(lambda t: interpolate.interpn((x,), y, t.reshape(1))[0])(np.array(1.0)) == -0.5
    parabola = interpolate.BarycentricInterpolator([0.0, 1.0, 2.0], [0.0, 1.0, 4.0])
    assert cr.grad(cr.grad(parabola))(1.0) == pytest.approx(2.0)
    assert cr.grad(interpolate.PPoly([[3.0, 4.0]], x).antiderivative())(1.0) == 4.0
    b = np.array([1.0, 2.0])
    assert cr.grad(lambda b: interpolate.PPoly([[3.0, 4.0]], x).integrate(b[0], b[1]))(b).tolist() == [-4.0, 4.0]


def test_shapes_and_nan():
    x, y = TRACED["x"], TRACED["y"]
    for make in (interpolate.CubicSpline, interpolate.PchipInterpolator, interpolate.make_interp_spline):
        at = np.array([np.nan, 1.3, 99.0])
        plain = make(x, y)(at)
        np.testing.assert_allclose(cr.vjp(lambda y: make(x, y)(at), y)[0], plain, rtol=1e-10)  # noqa: B023
        assert cr.vjp(lambda y: make(x, y)(np.zeros((0, 2))), y)[0].shape == (0, 2)  # noqa: B023
    empty = cr.vjp(lambda x: interpolate.CubicSpline(x, np.zeros((6, 0)))(1.0), x)[0]
    assert empty.shape == (0,)
    single = cr.vjp(lambda y: interpolate.interp1d(x, y, "nearest")(x), np.float32(y))[0]
    assert single.dtype == original.interp1d(x, np.float32(y), "nearest")(x).dtype
    assert cr.grad(lambda y: interpolate.CubicSpline(x, y)(1.3))(np.float32(y)).dtype == np.float32


def test_maps():
    """Over data, over queries, and over both."""
    x, ys, at = TRACED["x"], rng.normal(size=(3, 6)), rng.uniform(0.8, 3.0, (3, 4))
    for make in (interpolate.CubicSpline, interpolate.Akima1DInterpolator, interpolate.make_interp_spline):
        f = lambda y, t: make(x, y)(t)  # noqa: B023
        np.testing.assert_allclose(cr.vmap(f)(ys, at), [f(*row) for row in zip(ys, at, strict=True)], rtol=1e-12)
        np.testing.assert_allclose(cr.vmap(lambda t: f(ys[0], t))(at), f(ys[0], at), rtol=1e-12)  # noqa: B023


def test_against_a_closed_form():
    """A cubic is its own spline, so the slopes in the data along powers of x are powers of x."""
    x, t = TRACED["x"], np.linspace(0.8, 3.9, 5)
    for make in (interpolate.CubicSpline, interpolate.make_interp_spline, interpolate.BarycentricInterpolator):
        for power in range(4):
            slope = cr.jvp(lambda y: make(x, y)(t), (x**2,), (x**power,))[1]  # noqa: B023
            np.testing.assert_allclose(slope, t**power, rtol=1e-11)


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_errors_are_those_of_scipy():
    x, y, V = TRACED["x"], TRACED["y"], TRACED["V"]
    for f in (
        lambda m, y: m.CubicSpline(x[::-1], y),
        lambda m, y: m.CubicSpline(x[1:], y),
        lambda m, y: m.CubicSpline(x[:1], y[:1]),
        lambda m, y: m.CubicSpline(x[None], y),
        lambda m, y: m.CubicSpline(x * 1j, y),
        lambda m, y: m.CubicSpline(x, y / 0),
        lambda m, y: m.CubicSpline(x, y, bc_type="periodic"),
        lambda m, y: m.CubicSpline(x, y, bc_type="?"),
        lambda m, y: m.CubicSpline(x, y, bc_type=("natural",)),
        lambda m, y: m.CubicSpline(x, y, bc_type=((1, 2, 3), "natural")),
        lambda m, y: m.CubicSpline(x, y, bc_type=((3, 0.0), "natural")),
        lambda m, y: m.CubicSpline(x, y, bc_type=((1, [0.0]), "natural")),
        lambda m, y: m.CubicSpline(x, y, bc_type=("periodic", "natural")),
        lambda m, y: m.CubicHermiteSpline(x, y, y[1:]),
        lambda m, y: m.PchipInterpolator(x, y * 1j),
        lambda m, y: m.Akima1DInterpolator(x, y, method="?"),
        lambda m, y: m.PPoly(y, x),
        lambda m, y: m.PPoly(y[None], x),
        lambda m, y: m.PPoly(y[None, 1:], x, axis=1),
        lambda m, y: m.PPoly(y[None, :2], [0.0, 2.0, 1.0]),
        lambda m, y: m.BSpline(x, y, 3),
        lambda m, y: m.BSpline(TRACED["t"], y[1:], 3),
        lambda m, y: m.BSpline(TRACED["t"][::-1], y, 3),
        lambda m, y: m.BSpline(TRACED["t"], y, -1),
        lambda m, y: m.BSpline(TRACED["t"], y, 3).derivative(4),
        lambda m, y: m.make_interp_spline(x[::-1], y),
        lambda m, y: m.make_interp_spline(x[1:], y),
        lambda m, y: m.make_interp_spline(x, y, 1, bc_type="natural"),
        lambda m, y: m.make_interp_spline(x, y, bc_type="?"),
        lambda m, y: m.make_interp_spline(x, y, bc_type=([(1, 0.0)], None)),
        lambda m, y: m.make_interp_spline(x, y, bc_type="periodic"),
        lambda m, y: m.make_interp_spline(x, y, t=x),
        lambda m, y: m.splev(y, (TRACED["t"], y, 3), ext=2),
        lambda m, y: m.splev(y, (TRACED["t"], y, 3), ext=7),
        lambda m, y: m.splev(y, (TRACED["t"], y, 3), 4),
        lambda m, y: m.interp1d(x, y)(9.0),
        lambda m, y: m.interp1d(x, y, "?"),
        lambda m, y: m.interp1d(x[1:], y),
        lambda m, y: m.interp1d(x[:2], y[:2], "cubic"),
        lambda m, y: m.interp1d(x, y, bounds_error=True, fill_value="extrapolate"),
        lambda m, y: m.KroghInterpolator(x[1:], y),
        lambda m, y: m.KroghInterpolator([0, 1, 0, 2, 3, 4], y),
        lambda m, y: m.BarycentricInterpolator([0, 1, 0, 2, 3, 4], y),
        lambda m, y: m.RegularGridInterpolator((x,), y, "?"),
        lambda m, y: m.RegularGridInterpolator((x, x), y),
        lambda m, y: m.RegularGridInterpolator((x[1:],), y),
        lambda m, y: m.RegularGridInterpolator((np.zeros(6),), y),
        lambda m, y: m.RegularGridInterpolator((x,), y)([9.0]),
        lambda m, y: m.interpn((x,), y, [[1.0, 2.0]]),
        lambda m, y: m.RBFInterpolator(x, y),
        lambda m, y: m.RBFInterpolator(x[1:, None], y),
        lambda m, y: m.RBFInterpolator(x[:, None], y, kernel="?"),
        lambda m, y: m.RBFInterpolator(x[:, None], y, kernel="gaussian"),
        lambda m, y: m.RBFInterpolator(x[:, None], y, degree=-2),
        lambda m, y: m.RBFInterpolator(x[:, None], y, degree=9),
        lambda m, y: m.RBFInterpolator(x[:, None], y, smoothing=np.ones(2)),
        lambda m, y: m.RBFInterpolator(x[:, None], y)(x),
        lambda m, y: m.RBFInterpolator(x[:, None], y)(V),
        lambda m, y: m.LinearNDInterpolator(TRACED["p"], y),
        lambda m, y: m.griddata(TRACED["p"], TRACED["v"] * y[0], V[:, :2], "?"),
    ):
        with np.errstate(all="ignore"):
            with pytest.raises(Exception) as expected:  # noqa: PT011
                f(original, y)
            with pytest.raises(expected.type):
                cr.vjp(lambda y: (f(interpolate, y), y)[1], y)  # noqa: B023


def test_refused():
    def message(f):
        with pytest.raises(cr.MissingRuleError) as caught:
            cr.grad(lambda y: np.sum(f(y)))(TRACED["y"])
        return re.sub(r" \(at .*test_scipy_interpolate\.py:\d+, in .*\)", "", str(caught.value))

    x = TRACED["x"]
    assert message(lambda y: interpolate.CubicSpline(x, y).roots()) == (
        "scipy.interpolate.CubicSpline.solve: roots have no derivative here: find x with chainrule.stop_gradient, and "
        "take one step of Newton's method, x - p(x) / p(x, 1)"
    )
    assert message(lambda y: interpolate.CubicSpline(x, y).extend(y, x)).startswith("scipy.interpolate.CubicSpline.ext")
    assert message(lambda y: interpolate.BPoly(y[None, 1:], x).integrate(0, 1)) == (
        "scipy.interpolate.BPoly.integrate: of traced data there is none: use PPoly"
    )
    assert message(lambda y: interpolate.BSpline(TRACED["t"], y, 3).insert_knot(1.0)).startswith("scipy.interpolate.BS")
    assert message(lambda y: interpolate.RegularGridInterpolator((x,), y, "cubic")([1.0])) == (
        "scipy.interpolate.RegularGridInterpolator: no derivative for method='cubic': use 'linear', or "
        "make_interp_spline along each axis"
    )
    assert message(lambda y: interpolate.interpn((x, x), y * y[:, None], y, "splinef2d")).startswith(
        "scipy.interpolate.interpn: no derivative for method='splinef2d'"
    )
    assert message(lambda y: interpolate.RBFInterpolator(x[:, None], y, 3)(x[:, None])) == (
        "scipy.interpolate.RBFInterpolator: no derivative with neighbors=: leave it away"
    )
    scattered = lambda y: interpolate.griddata(TRACED["p"][:6], y, TRACED["X"], "cubic")
    assert message(scattered).startswith("scipy.interpolate.griddata: no derivative for method='cubic'")
    assert message(lambda y: interpolate.BarycentricInterpolator(y)).endswith("for traced xi, give yi at once")
    late = interpolate.BarycentricInterpolator(x)
    assert message(lambda y: late.set_yi(y)).startswith("scipy.interpolate.BarycentricInterpolator.set_yi")
    assert message(lambda y: late.add_xi(y)).startswith("scipy.interpolate.BarycentricInterpolator.add_xi")


# ---- that each function is accounted for -----------------------------------------------------------------------------

DIFFERENTIABLE = {name for line in LINES for name in re.findall(r"I\.(\w+)", line)}
NO_NUMBERS = {"test"}

SMOOTHING = "a smoothing or least-squares fit: use make_interp_spline, or solve for its coefficients"
REFUSED = {
    **dict.fromkeys(("UnivariateSpline", "InterpolatedUnivariateSpline", "LSQUnivariateSpline"), SMOOTHING),
    **dict.fromkeys(("BivariateSpline", "LSQBivariateSpline", "RectBivariateSpline"), SMOOTHING),
    **dict.fromkeys(("SmoothBivariateSpline", "SmoothSphereBivariateSpline", "RectSphereBivariateSpline"), SMOOTHING),
    **dict.fromkeys(("LSQSphereBivariateSpline", "make_lsq_spline", "make_smoothing_spline"), SMOOTHING),
    **dict.fromkeys(("make_splprep", "make_splrep", "generate_knots", "splprep", "splrep"), SMOOTHING),
    **dict.fromkeys(("bisplev", "bisplrep"), SMOOTHING),
    **dict.fromkeys(("insert", "spalde", "splantider", "splder", "splint", "sproot"), "use the methods of BSpline"),
    **dict.fromkeys(("NdBSpline", "NdPPoly"), "use BSpline along each axis"),
    **dict.fromkeys(("AAA", "FloaterHormannInterpolator"), "use BarycentricInterpolator"),
    **dict.fromkeys(("lagrange", "pade", "approximate_taylor_polynomial"), "it makes a poly1d of plain numbers"),
    "CloughTocher2DInterpolator": "use LinearNDInterpolator or RBFInterpolator",
    "Rbf": "use RBFInterpolator",
    "interp2d": "gone from SciPy 1.14 on",
}


def public(module):
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def test_each_function_is_in_one_column():
    for name in public(original):
        columns = (DIFFERENTIABLE, NO_NUMBERS, REFUSED)
        assert sum(name in column for column in columns) == 1, f"scipy.interpolate.{name} is nowhere, or in two places"


@pytest.mark.parametrize("name", sorted(DIFFERENTIABLE))
def test_each_has_the_signature_of_scipy(name):
    ours, theirs = getattr(interpolate, name), getattr(original, name)
    if isinstance(ours, type):
        assert issubclass(ours, theirs)
        ours, theirs = ours.__init__, theirs.__init__
    else:
        assert str(inspect.signature(ours)) == str(inspect.signature(theirs))  # NaN is not NaN
        ours = ours.__wrapped__
    expected = list(inspect.signature(theirs).parameters)
    assert list(inspect.signature(ours).parameters)[: len(expected)] == expected
    assert getattr(interpolate, name).__doc__ != getattr(original, name).__doc__


REFUSED_CALLS = """
I.UnivariateSpline(x, y) | I.InterpolatedUnivariateSpline(x, y) | I.LSQUnivariateSpline(x, y, [2.0])
I.SmoothBivariateSpline(x, y, y) | I.RectBivariateSpline(x, x, np.outer(y, y)) | I.make_lsq_spline(x, y, T)
I.make_smoothing_spline(x, y) | I.make_splrep(x, y) | I.make_splprep([y, y]) | I.splprep([y, y]) | I.splrep(x, y)
I.insert(1.0, (T, y, 3)) | I.splint(0.0, 1.0, (T, y, 3)) | I.sproot((T, y, 3))
I.spalde(1.0, (T, y, 3)) | I.NdBSpline((T,), y, 3) | I.NdPPoly(C[:, :, 0], (x,)) | I.AAA(x, y)
I.FloaterHormannInterpolator(x, y) | I.CloughTocher2DInterpolator(p, v) | I.Rbf(x, y) | I.pade(list(y), 2)
"""


@pytest.mark.parametrize("call", re.split(r" \| |\n", REFUSED_CALLS.strip()))
def test_what_is_not_there_says_so(call):
    name = re.match(r"I\.(\w+)", call).group(1)
    if not hasattr(original, name):
        pytest.skip("not in this release")
    f = lambda s: eval(call, {"I": interpolate, "np": np, **{k: v * s for k, v in TRACED.items()}, "T": TRACED["t"]})
    with pytest.raises((cr.LostGradientError, cr.MissingRuleError)):
        cr.vjp(f, 1.0)

"""scipy.integrate: integrals of samples and of functions, and initial value problems."""

import inspect
import re
import warnings

import numpy as np
import pytest
import scipy.integrate as original

import chainrule as cr
from chainrule.scipy import integrate
from chainrule.testing import check_rules

rng = np.random.default_rng(3)

# ---- integrals of samples --------------------------------------------------------------------------------------------

TRACED = {
    "y": rng.normal(size=(3, 7)),
    "v": rng.normal(size=5),
    "w": rng.normal(size=6),
    "x": np.cumsum(rng.uniform(0.3, 1.0, 5)),
    "X": np.cumsum(rng.uniform(0.3, 1.0, (3, 7)), axis=1),
    "u": np.cumsum(rng.uniform(0.3, 1.0, 6)),
    "h": np.float64(0.3),
    "f": rng.normal(size=(3, 4)).astype(np.float32),
    "z": rng.normal(size=5) + 1j * rng.normal(size=5),
    "a": np.float64(0.2),
    "b": np.float64(1.3),
    "k": np.float64(1.7),
    "p": np.array([0.4, 1.1, 0.7]),
}

LINES = """
I.trapezoid(v)
I.trapezoid(v, x)
I.trapezoid(y, dx=h, axis=0)
I.trapezoid(y, X)
I.trapezoid(f, axis=0)
I.trapezoid(z, x)
I.cumulative_trapezoid(v)
I.cumulative_trapezoid(v, x, initial=0)
I.cumulative_trapezoid(y, X)
I.cumulative_trapezoid(y, dx=h, axis=0, initial=0.0)
I.cumulative_trapezoid(f)
I.cumulative_trapezoid(v[:1], initial=0)
I.simpson(v)
I.simpson(w)
I.simpson(v, x)
I.simpson(w, x=u)
I.simpson(w, dx=h)
I.simpson(v[:2], x=x[:2])
I.simpson(v[:2], dx=h)
I.simpson(v[:1])
I.simpson(y, X)
I.simpson(y[:, :6], X[:, :6], axis=-1)
I.simpson(y, dx=h, axis=0)
I.simpson(y[:2], axis=0)
I.simpson(f)
I.simpson(f, axis=0)
I.simpson(z)
I.cumulative_simpson(v)
I.cumulative_simpson(w, dx=h, initial=h)
I.cumulative_simpson(v, x=x, initial=0)
I.cumulative_simpson(y, x=X)
I.cumulative_simpson(y, axis=0, dx=np.full((1, 7), 0.5))
I.cumulative_simpson(y, axis=0, x=np.array([0.0, 0.2, 1.0]), initial=np.ones((1, 7)))
I.cumulative_simpson(y[:2], axis=0, dx=h)
I.cumulative_simpson(f)
I.romb(v)
I.romb(v, dx=h)
I.romb(y[:, :5], axis=1)
I.romb(y, axis=0)
I.romb(f, axis=0)
I.fixed_quad(np.exp, a, b)[0]
I.fixed_quad(lambda x, k: np.sin(k * x), a, b, args=(k,), n=3)[0]
I.fixed_quad(lambda x, p: p[:, None] * x**2, 0, b, args=(p,))[0]
I.quad(lambda x, k: np.exp(-k * x), a, b, args=(k,), epsabs=1e-13)[0]
I.quad(lambda x, k: np.exp(-k * x), b, a, args=k, epsabs=1e-13)[0]
I.quad(lambda x, k: np.exp(-k * x**2), a, inf, args=(k,), epsabs=1e-13)[0]
I.quad(lambda x, k: np.exp(-k * x**2), -inf, inf, args=(k,), epsabs=1e-13)[0]
I.quad(lambda x, p: p[0] * np.exp(-p[1] * x) + p[2], a, b, args=(p,), epsabs=1e-13)[0]
I.quad(lambda x, d, n: d["k"] * x**n, a, b, args=({"k": k}, 3))[0]
I.quad(lambda x, k: np.exp(1j * k * x), a, b, args=(k,), complex_func=True)[0]
I.quad(lambda x, k: np.exp(-k * x), a, b, args=(k,), weight="cos", wvar=3.0, epsabs=1e-13)[0]
I.quad(lambda x, k: np.exp(-k * x), a, b, args=(k,), weight="sin", wvar=3.0, epsabs=1e-13)[0]
I.quad(lambda x, k: np.exp(-k * x), a, b, args=(k,), weight="cauchy", wvar=0.7, epsabs=1e-13)[0]
I.quad(lambda x, k: np.exp(-k * x), 0, 1, args=(k,), weight="alg", wvar=(-0.5, 0.5), epsabs=1e-13)[0]
I.quad(lambda x, k: np.abs(x - 0.5) ** k, 0, 1, args=(k,), points=[0.5], epsabs=1e-13)[0]
I.quad(lambda x: x**2, a, a)[0]
I.quad_vec(lambda x, p: np.exp(-p * x), a, b, args=(p,), epsrel=1e-13)[0]
I.quad_vec(lambda x, p: np.exp(-p * x), a, inf, args=(p,), epsrel=1e-12)[0]
I.quad_vec(lambda x, k: k * x**2, a, b, args=(k,), points=[0.5], quadrature="gk21", norm="max")[0]
I.dblquad(lambda y, x, k: np.exp(k * x * y), a, b, 0, lambda x: x, args=(k,))[0]
I.dblquad(lambda y, x: x * y, a, 1, h, k)[0]
I.nquad(lambda x, y, k: k * x * y, [lambda y, k: (0, k * y), (a, b)], args=(k,))[0]
""".strip().splitlines()


def of_line(line, module):
    code = compile(line, line, "eval")
    names = [name for name in TRACED if name in code.co_names]
    names += [n for c in code.co_consts if hasattr(c, "co_names") for n in c.co_names if n in TRACED and n not in names]

    def f(*xs):
        return eval(code, {"I": module, "np": np, "inf": np.inf, **dict(zip(names, xs, strict=True))})

    return f, [TRACED[name] for name in names]


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    f, xs = of_line(line, integrate)
    plain = of_line(line, original)[0](*xs)
    assert np.array_equal(f(*xs), plain, equal_nan=True)
    traced = cr.vjp(f, *xs)[0]
    assert (np.shape(traced), np.asarray(traced).dtype) == (np.shape(plain), np.asarray(plain).dtype)
    tolerance = 1e-5 if traced.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(traced, plain, rtol=tolerance, atol=tolerance * np.max(np.abs(plain), initial=0))
    check_rules(f, *xs, order=1 if "quad" in line and "fixed" not in line else 2)


def test_second_derivatives_of_integrals():
    k = np.float64(1.7)
    check_rules(lambda b, k: integrate.quad(lambda x, k: np.exp(-k * x), 0, b, args=(k,), epsabs=1e-13)[0], 1.3, k)
    check_rules(lambda k: integrate.quad(lambda x, k: np.exp(-k * x), 0, np.inf, args=(k,), epsabs=1e-13)[0], k)
    second = cr.hessian(lambda p: integrate.quad_vec(lambda x, p: np.exp(p * x), 0.0, 1.0, args=(p,))[0][1])
    np.testing.assert_allclose(second(np.array([0.5, 0.0])), [[0, 0], [0, 1 / 3]], atol=1e-12)
    one = cr.grad(cr.grad(lambda k: integrate.dblquad(lambda y, x, k: np.exp(k * x) * y, 0, 1, 0, 1, args=(k,))[0]))
    assert one(0.0) == pytest.approx(1 / 6)


def test_three_variables():
    def f(b, k):
        limits = (0, lambda x: x, 0, lambda x, y: x + y)
        return integrate.tplquad(lambda z, y, x, k: k * x * y * z, 0, b, *limits, args=(k,))[0]

    value = f(1.3, 1.7)
    assert cr.value_and_grad(f, argnums=(0, 1))(1.3, 1.7) == (
        pytest.approx(value),
        (pytest.approx(6 * value / 1.3), pytest.approx(value / 1.7)),
    )


def test_what_else_integrals_return():
    """Errors, infodicts and counts are constants, and SciPy's."""

    def outputs(k, module):
        f = lambda x, k: np.exp(-k * x)
        return [
            module.quad(f, 0, 1, args=(k,), full_output=1),
            module.quad_vec(f, 0, 1, args=(k,), full_output=True),
            module.nquad(lambda x, y, k: k * x * y, [(0, 1), (0, 1)], args=(k,), full_output=True),
            module.dblquad(lambda x, y, k: k * x * y, 0, 1, 0, 1, args=(k,)),
            module.fixed_quad(f, 0, 1, args=(k,)),
        ]

    found = []

    def compare(k):
        found.extend(outputs(k, integrate))
        for ours, expected in zip(found, outputs(2.0, original), strict=True):
            assert len(ours) == len(expected)
            assert cr.stop_gradient(ours[1]) == expected[1]
        return k

    cr.grad(compare)(2.0)
    assert found[0][2]["neval"] == 21
    assert found[1][2].success
    assert found[2][2] == {"neval": 441}
    slope = cr.grad(lambda k: integrate.quad(lambda x, k: np.exp(-k * x), 0, 1, args=(k,))[1])(2.0)
    assert slope == 0


def test_a_small_cotangent_is_not_lost_in_the_tolerance():
    f = lambda k: 1e-12 * integrate.quad(lambda x, k: np.exp(-k * x) * np.sqrt(x), 0, 1, args=(k,))[0]
    g = lambda k: 1e-12 * integrate.odeint(lambda y, t, k: -k * y, 1.0, [0.0, 1.0], args=(k,))[1, 0]
    assert cr.grad(f)(1.5) / 1e-12 == pytest.approx(cr.grad(lambda k: f(k) / 1e-12)(1.5), rel=1e-12)
    assert cr.grad(g)(1.5) / 1e-12 == pytest.approx(-np.exp(-1.5), rel=1e-6)
    assert cr.jvp(g, (1.5,), (1e-9,))[1] / 1e-21 == pytest.approx(-np.exp(-1.5), rel=1e-6)


# ---- initial value problems ------------------------------------------------------------------------------------------

TIGHT = {"rtol": 1e-12, "atol": 1e-12}
TIMES = np.array([0.0, 0.3, 1.0, 1.1])


def pendulum(y, t, b, c):
    angle, speed = y
    return [speed, -b * speed - c * np.sin(angle)]


def swing(y0, t, b, c, **options):
    return integrate.odeint(pendulum, y0, t, args=(b, c), **{**TIGHT, **options})


START = np.array([2.0, 0.1])


def test_odeint():
    """Of a pendulum with friction, in its start, the times, the friction and the force."""
    args = (START, TIMES, 0.25, 5.0)
    np.testing.assert_array_equal(cr.vjp(swing, *args)[0], original.odeint(pendulum, *args[:2], args=args[2:], **TIGHT))
    check_rules(swing, *args, order=1)


def test_second_derivatives_of_a_solution():
    """y = y0 exp(-k t), both through the adjoint of the adjoint and forward over reverse."""

    def f(k, y0):
        return integrate.odeint(lambda y, t, k: -k * y, y0, [0.0, 0.7, 2.0], args=(k,), **TIGHT)[:, 0]

    k, y0, t = 0.5, 1.2, np.array([0.0, 0.7, 2.0])
    np.testing.assert_allclose(cr.jacobian(f, argnums=(0, 1))(k, y0), [-t * f(k, y0), np.exp(-k * t)], atol=1e-10)
    second = cr.hessian(lambda k: np.sum(f(k, y0)))(k)
    for found in (second, cr.grad(cr.grad(lambda k: np.sum(f(k, y0))))(k)):
        assert found == pytest.approx(np.sum(t**2 * f(k, y0)), rel=1e-9)
    mixed = cr.grad(lambda y0: cr.grad(lambda k: np.sum(f(k, y0)))(k))(y0)
    assert mixed == pytest.approx(-np.sum(t * np.exp(-k * t)), rel=1e-9)
    third = cr.jvp(lambda k: cr.hessian(lambda k: np.sum(f(k, y0)))(k), (k,), (1.0,))[1]
    assert third == pytest.approx(-np.sum(t**3 * f(k, y0)), rel=1e-8)


def test_times():
    """Backwards, repeated, a single one; the slope in the first time is that of a later start."""
    f = lambda t, k: integrate.odeint(lambda y, t, k: -k * t * y, 1.0, t, args=(k,), **TIGHT)[:, 0]
    exact = lambda t, k: np.exp(-k * (t**2 - t[0] ** 2) / 2)
    for t in ([1.0, 0.4, 0.1], [0.2, 0.2, 0.9, 0.9], [0.3]):
        t = np.array(t)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for ours, expected in zip(
                cr.jacobian(f, argnums=(0, 1))(t, 1.5), cr.jacobian(exact, argnums=(0, 1))(t, 1.5), strict=True
            ):
                np.testing.assert_allclose(ours, expected, atol=1e-9)
            ct = np.arange(1.0, len(t) + 1)
            for ours, expected in zip(cr.vjp(f, t, 1.5)[1](ct), cr.vjp(exact, t, 1.5)[1](ct), strict=True):
                np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_args_may_be_trees():
    def f(y, t, d, name, n):
        assert name == "decay"
        return -d["k"][0] * y**n + d["A"] @ y

    args = {"k": (np.float64(0.5), 3), "A": np.array([[0.1, 0.2], [0.0, -0.3]])}
    loss = lambda d: np.sum(integrate.odeint(f, [1.0, 2.0], [0.0, 1.0], args=(d, "decay", 2), **TIGHT))
    found = cr.grad(lambda k, A: loss({"k": (k, 3), "A": A}), argnums=(0, 1))(args["k"][0], args["A"])
    cr.testing.check_gradients(lambda k, A: loss({"k": (k, 3), "A": A}), args["k"][0], args["A"])
    assert found[1].shape == (2, 2)


def test_types():
    """float32 and complex parameters keep their types; the solution is in double precision, as SciPy's."""
    f = lambda y0, k: integrate.odeint(lambda y, t, k: -k * y, y0, [0.0, 1.0], args=(k,), **TIGHT)[1, 0]
    value, pullback = cr.vjp(f, np.float32(1.0), np.float32(0.5))
    assert value.dtype == float
    assert [ct.dtype for ct in pullback(1.0)] == [np.float32] * 2
    spin = lambda z: integrate.odeint(lambda y, t, z: [(z * (y[0] + 1j * y[1])).real, (z * (y[0] + 1j * y[1])).imag],
                                      [1.0, 0.0], [0.0, 1.0], args=(z,), **TIGHT)[1, 0]  # fmt: skip
    z = 0.3 + 0.8j
    assert cr.grad(spin)(z) == pytest.approx(np.conj(np.exp(z)), rel=1e-9)
    assert cr.jvp(spin, (z,), (1j,))[1] == pytest.approx((1j * np.exp(z)).real, rel=1e-9)


def test_keywords_of_odeint():
    y0, t = START, TIMES
    expected = cr.grad(lambda y0: np.sum(swing(y0, t, 0.25, 5.0) ** 2))(y0)
    jac = lambda y, t, b, c: [[0, 1], [-c * np.cos(y[0]), -b]]
    for keywords in (
        {"Dfun": jac},
        {"Dfun": lambda *args: np.transpose(jac(*args)), "col_deriv": True},
        {"atol": [1e-12, 1e-13], "rtol": [1e-12, 1e-12]},
        {"hmax": 0.1, "h0": 0.001, "mxstep": 5000, "mxordn": 10, "mxords": 4, "hmin": 1e-14, "mxhnil": 1, "ixpr": 0},
        {"tcrit": [0.2, 0.95]},
        {"ml": 1, "mu": 1},
    ):
        f = lambda y0: np.sum(swing(y0, t, 0.25, 5.0, **keywords) ** 2)  # noqa: B023
        np.testing.assert_allclose(cr.grad(f)(y0), expected, rtol=1e-8)
        assert cr.jvp(f, (y0,), (y0,))[1] == pytest.approx(expected @ y0, rel=1e-8)
        assert cr.vjp(f, y0)[0] == f(y0)
    first = lambda y0: integrate.odeint(lambda t, y: pendulum(y, t, 0.25, 5.0), y0, t, tfirst=True, **TIGHT)
    np.testing.assert_allclose(cr.grad(lambda y0: np.sum(first(y0) ** 2))(y0), expected, rtol=1e-8)
    found = []
    cr.grad(lambda y0: found.append(swing(y0, t, 0.25, 5.0, full_output=True)) or y0 @ y0)(y0)
    ((_, infodict),) = found
    assert infodict["message"] == "Integration successful."


def test_maps():
    """Each example is solved with its own steps."""
    starts, k = np.array([[1.0, 0.0], [2.0, 0.3], [0.1, 0.1]]), 5.0
    f = lambda y0, c: swing(y0, TIMES, 0.25, c)
    np.testing.assert_array_equal(cr.vmap(f, (0, None))(starts, k), [f(y0, k) for y0 in starts])
    g = cr.grad(lambda y0, c: np.sum(f(y0, c) ** 2), argnums=(0, 1))
    both = cr.vmap(g, (0, None))(starts, k)
    for ours, expected in zip(both, zip(*(g(y0, k) for y0 in starts), strict=True), strict=True):
        np.testing.assert_allclose(ours, np.stack(expected), rtol=1e-9)  # the adjoint gets y(t) in another way
    assert cr.sparsity(lambda c: swing(START, TIMES, 0.25, c), 5.0).toarray().all()
    graph = cr.record(f, START, 5.0)
    np.testing.assert_array_equal(graph(START * 2, 4.0), f(START * 2, 4.0))
    assert "ode(" in str(graph)


def decay(t, y, k):
    return -k * t * y


@pytest.mark.parametrize("method", ["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA", original.RK45])
def test_solve_ivp(method):
    """Every method, in the limits, the start and the parameters; with and without t_eval."""
    tight = {"rtol": 1e-4, "atol": 1e-6} if method in ("BDF", "RK23") else {"rtol": 1e-9, "atol": 1e-10}
    close = 1e-3 if method in ("BDF", "RK23") else 1e-7
    options = {"method": method, "args": (1.5,), **tight}
    f = lambda t0, t1, y0, k: integrate.solve_ivp(decay, (t0, t1), [y0], **{**options, "args": (k,)}).y[0, -1]
    exact = lambda t0, t1, y0, k: y0 * np.exp(-k * (t1**2 - t0**2) / 2)
    point = (0.2, 1.4, 1.3, 1.5)
    assert cr.vjp(f, *point)[0] == pytest.approx(original.solve_ivp(decay, point[:2], [1.3], **options).y[0, -1])
    slopes = cr.grad(exact, argnums=(0, 1, 2, 3))(*point)
    np.testing.assert_allclose(cr.grad(f, argnums=(0, 1, 2, 3))(*point), slopes, atol=close)
    np.testing.assert_allclose(cr.jacobian(f, argnums=(0, 1, 2, 3))(*point), slopes, atol=close)
    times = np.array([0.2, 0.5, 1.1])
    found = []
    ys = lambda y0, t: found.append(integrate.solve_ivp(decay, (0.2, 1.4), y0, t_eval=t, **options)) or found[-1].y[0]
    ct = np.array([1.0, -2.0, 0.5])
    value, pullback = cr.vjp(ys, [1.3], times)
    (ct_y0,), ct_t = pullback(ct)
    plain = original.solve_ivp(decay, (0.2, 1.4), [1.3], t_eval=times, **options)
    np.testing.assert_allclose(value, plain.y[0], rtol=1e-12)  # the Jacobian is exact
    np.testing.assert_array_equal(value, integrate.solve_ivp(decay, (0.2, 1.4), [1.3], t_eval=times, **options).y[0])
    assert {k: v for k, v in found[0].items() if k not in "ty"} == {k: v for k, v in plain.items() if k not in "ty"}
    at = lambda t, y0: y0 * np.exp(-1.5 * (t**2 - 0.04) / 2)
    assert ct_y0 == pytest.approx(ct @ at(times, 1.0), abs=close)
    np.testing.assert_allclose(ct_t, ct * -1.5 * times * at(times, 1.3), atol=close)


def test_keywords_of_solve_ivp():
    expected = cr.grad(lambda y0: np.sum(swing(y0, TIMES, 0.25, 5.0) ** 2))(START)
    f = lambda t, y: np.stack(pendulum(y, t, 0.25, 5.0))
    for keywords in (
        {"vectorized": True, "method": "Radau"},
        {"jac": lambda t, y: [[0, 1], [-5 * np.cos(y[0]), -0.25]], "method": "Radau"},
        {"max_step": 0.1, "first_step": 0.01},
        {"atol": np.array([1e-9, 1e-10])},
    ):
        options = {"rtol": 1e-9, "atol": 1e-9, "t_eval": TIMES, **keywords}
        loss = lambda y0: np.sum(integrate.solve_ivp(f, (0.0, 1.1), y0, **options).y ** 2)  # noqa: B023
        np.testing.assert_allclose(cr.grad(loss)(START), expected, rtol=1e-6)


# ---- errors ----------------------------------------------------------------------------------------------------------

OUTSIDE = (
    r"scipy\.integrate\.{}: the function that it was given uses a traced value from outside \(at .*"
    r"test_scipy_integrate\.py:\d+, in .*\), and the derivative in that would be lost: pass the value in args"
)


@pytest.mark.parametrize("name", ["odeint", "solve_ivp", "quad", "quad_vec", "dblquad"])
def test_a_traced_value_from_outside(name):
    """Whether or not something that is passed is traced, too."""
    calls = {
        "odeint": lambda k, p: integrate.odeint(lambda y, t: -k * y, [p], [0.0, 1.0])[1, 0],
        "solve_ivp": lambda k, p: integrate.solve_ivp(lambda t, y: -k * y, [0.0, 1.0], [p]).y[0, -1],
        "quad": lambda k, p: integrate.quad(lambda x: np.exp(-k * x), 0, p)[0],
        "quad_vec": lambda k, p: integrate.quad_vec(lambda x: np.exp(-k * x), 0, p)[0],
        "dblquad": lambda k, p: integrate.dblquad(lambda y, x: k * x * y, 0, 1, 0, p)[0],
    }
    for p in (lambda k: 1.0, lambda k: k):
        with pytest.raises(cr.LeakedTracerError) as caught:
            cr.grad(lambda k: calls[name](k, p(k)))(0.5)  # noqa: B023
        assert re.fullmatch(OUTSIDE.format("quad" if name == "dblquad" and p(2) == 2 else name), str(caught.value))


def test_refused():
    def message(f):
        with pytest.raises(cr.MissingRuleError) as caught:
            cr.grad(f)(1.5)
        return re.sub(r" \(at .*test_scipy_integrate\.py:\d+, in .*\)", "", str(caught.value))

    ivp = lambda **options: lambda k: integrate.solve_ivp(decay, (0.0, 1.0), [k], args=(k,), **options).y[0, -1]
    assert message(ivp(events=lambda t, y: y[0])) == (
        "scipy.integrate.solve_ivp: events= has no derivative: solve up to a given time, which may be traced"
    )
    assert message(ivp(dense_output=True)) == (
        "scipy.integrate.solve_ivp: dense_output= has no derivative: name the times that are needed in t_eval"
    )
    assert message(lambda k: integrate.solve_ivp(decay, (0.0, 1.0), [k * 1j], args=(k,)).y[0, -1].real) == (
        "scipy.integrate.solve_ivp: no derivative of a complex initial value problem: solve for the real and "
        "imaginary parts"
    )
    weighted = lambda x: 1.0
    assert message(lambda k: integrate.quad(weighted, 0, 1, weight="cos", wvar=k)[0]) == (
        "scipy.integrate.quad: no derivative in wvar: write the weight into the function"
    )
    assert message(lambda k: integrate.quad(weighted, 0, k, weight="alg", wvar=(0.5, 0.5))[0]) == (
        "scipy.integrate.quad: no derivative in the limits, for weight='alg' is singular there"
    )


def test_errors_are_those_of_scipy():
    for f in (
        lambda m, v: m.simpson(v, x=v[1:]),
        lambda m, v: m.simpson(v[None], x=v[None, None]),
        lambda m, v: m.trapezoid(v, x=v[1:]),
        lambda m, v: m.cumulative_trapezoid(v[:0]),
        lambda m, v: m.cumulative_trapezoid(v, initial=1),
        lambda m, v: m.cumulative_simpson(v, x=v[::-1]),
        lambda m, v: m.cumulative_simpson(v, x=v[1:]),
        lambda m, v: m.cumulative_simpson(v, dx=v),
        lambda m, v: m.cumulative_simpson(v, axis=3),
        lambda m, v: m.romb(v[:4]),
        lambda m, v: m.fixed_quad(np.exp, v[0], np.inf),
        lambda m, v: m.quad(np.exp, v, 1.0),
        lambda m, v: m.odeint(lambda y, t: -y, v[None], [0, 1]),
        lambda m, v: m.odeint(lambda y, t: -y, v, [0, 2, 1]),
        lambda m, v: m.odeint(lambda y, t: -y, v, [[0], [1]]),
        lambda m, v: m.odeint(lambda y, t: -y[1:], v, [0, 1]),
        lambda m, v: m.solve_ivp(lambda t, y: -y, (0, 1), v, method="?"),
        lambda m, v: m.solve_ivp(lambda t, y: -y, (0, 1), v, t_eval=[2.0]),
    ):
        v = np.arange(1.0, 6.0)
        with pytest.raises(Exception) as expected:  # noqa: PT011
            f(original, v)
        with pytest.raises(expected.type):
            cr.vjp(lambda v: f(integrate, v), v)  # noqa: B023


# ---- that each function is accounted for -----------------------------------------------------------------------------

DIFFERENTIABLE = {
    *("trapezoid", "cumulative_trapezoid", "simpson", "cumulative_simpson", "romb", "fixed_quad"),
    *("quad", "quad_vec", "nquad", "dblquad", "tplquad", "odeint", "solve_ivp", "solve_bvp"),
}
MORE = {"solve_bvp": ["args"]}
"""What a function takes beyond SciPy's arguments."""
CONSTANT = {"newton_cotes", "lebedev_rule"}
"""Rules: places and weights."""

NO_NUMBERS = {"test", "IntegrationWarning", "ODEintWarning", "AccuracyWarning"}

WALK = "its steps are taken one at a time: use odeint or solve_ivp"
REFUSED = {
    **dict.fromkeys(("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA", "OdeSolver", "ode", "complex_ode"), WALK),
    **dict.fromkeys(("DenseOutput", "OdeSolution"), "what solve_ivp gives for dense_output"),
    **dict.fromkeys(("tanhsinh", "cubature", "nsum", "qmc_quad"), "use quad, quad_vec or nquad"),
}


def public(module):
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def test_each_function_is_in_one_column():
    columns = [DIFFERENTIABLE, CONSTANT, NO_NUMBERS, set(REFUSED)]
    for name in public(original):
        assert sum(name in column for column in columns) == 1, f"scipy.integrate.{name} is nowhere, or in two places"


@pytest.mark.parametrize("name", sorted(DIFFERENTIABLE))
def test_each_has_the_signature_of_scipy(name):
    ours = getattr(integrate, name)
    expected = inspect.signature(getattr(original, name)).parameters
    if name not in MORE:
        assert inspect.signature(ours) == inspect.signature(getattr(original, name))
    assert list(inspect.signature(inspect.unwrap(ours)).parameters) == [*expected, *MORE.get(name, [])]
    assert ours.__doc__ != getattr(original, name).__doc__


@pytest.mark.parametrize("name", [name for name in REFUSED if hasattr(original, name)])
def test_what_is_not_there_says_so(name):
    f = lambda *args: -args[-1]
    calls = {
        **dict.fromkeys(("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"), lambda c, x: c(f, 0.0, [x], 1.0)),
        **dict.fromkeys(("ode", "complex_ode"), lambda c, x: c(f).set_initial_value([x])),
        "OdeSolver": lambda c, x: c(f, 0.0, [x], 1.0, False),
        "DenseOutput": lambda c, x: c(0.0, 1.0)(x),
        "OdeSolution": lambda c, x: c([0.0, x], [None]),
        "tanhsinh": lambda c, x: c(np.exp, 0.0, x),
        "cubature": lambda c, x: c(np.exp, [0.0], [x]),
        "nsum": lambda c, x: c(np.exp, 0, x),
        "qmc_quad": lambda c, x: c(np.exp, 0, x),
        "solve_bvp": lambda c, x: c(f, f, [0.0, 1.0], [[x, x]]),
    }
    with pytest.raises((cr.LostGradientError, cr.MissingRuleError), match=r"scipy\.integrate\."):
        cr.grad(lambda x: calls[name](getattr(integrate, name), x) or x)(0.5)

"""Exact Jacobians for SciPy's implicit and boundary value solvers, and derivatives of what they find."""

import numpy as np
import pytest
import scipy.integrate as original

import chainrule as cr
from chainrule.scipy import integrate
from chainrule.scipy.integrate import stiff


def heat(t, y, k):
    """A reaction and diffusion on a line: three diagonals."""
    v = np.pad(y, 1)
    return k * (v[2:] - 2 * y + v[:-2]) * y.size**2 / 100 - y**3


def hands(n):
    """Its Jacobian at y, for k = 1, by hand."""
    off = np.full(n - 1, n**2 / 100)
    return lambda y: np.diag(off, 1) + np.diag(off, -1) - np.diag(np.full(n, 2 * n**2 / 100) + 3 * y**2)


@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA"])
@pytest.mark.parametrize("n", [5, 150])
def test_the_jacobian_is_exact_and_in_the_format_of_the_method(method, n):
    y = np.linspace(0.5, 1.5, n)
    options = stiff.exact(lambda y, t: heat(t, y, 1.0), y, 0.0, {"method": method})
    J = options["jac"](0.0, y)
    if n == 150 and method == "LSODA":
        assert (options["lband"], options["uband"]) == (1, 1)
        expected = hands(n)(y)
        np.testing.assert_allclose(J[1], np.diag(expected), rtol=1e-13)
        np.testing.assert_allclose(J[0, 1:], np.diag(expected, 1), rtol=1e-13)
        np.testing.assert_allclose(J[2, :-1], np.diag(expected, -1), rtol=1e-13)
        return
    assert (J.format == "csc") if n == 150 else isinstance(J, np.ndarray)
    np.testing.assert_allclose(J.toarray() if n == 150 else J, hands(n)(y), rtol=1e-13)


@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA"])
@pytest.mark.parametrize("n", [5, 150])
def test_fewer_evaluations_and_the_same_solution(method, n):
    y0 = np.linspace(0.5, 1.5, n)
    options = {"method": method, "args": (1.0,), "rtol": 1e-8, "atol": 1e-10}
    calls = []

    def counted(t, y, k):
        calls.append(isinstance(y, np.ndarray))
        return heat(t, y, k)

    ours = integrate.solve_ivp(counted, (0, 0.5), y0, **options)
    few = sum(calls)
    calls.clear()
    theirs = original.solve_ivp(counted, (0, 0.5), y0, **options)
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], rtol=1e-7)
    assert few <= len(calls) if method == "LSODA" else few < len(calls)


def test_what_the_user_gives_is_used():
    seen = []
    jac = lambda t, y: seen.append(t) or -np.eye(2)
    integrate.solve_ivp(lambda t, y: -y, (0, 1), np.ones(2), method="BDF", jac=jac)
    assert seen
    integrate.solve_ivp(lambda t, y: [-float(y[0])], (0, 1), [1.0], method="BDF", jac=np.array([[-1.0]]))
    integrate.solve_ivp(lambda t, y: [-float(y[0])], (0, 1), [1.0])  # explicit: nothing is differentiated
    with pytest.raises(cr.MissingRuleError, match=r"would drop its gradient.*else pass jac="):
        integrate.solve_ivp(lambda t, y: [-float(y[0])], (0, 1), [1.0], method="BDF")
    wide = integrate.solve_ivp(lambda t, y: -y[::-1], (0, 1), np.ones(120), method="LSODA", rtol=1e-8)
    np.testing.assert_allclose(wide.y[:, -1], np.exp(-1), rtol=1e-6)
    band = integrate.solve_ivp(heat, (0, 0.1), np.ones(120), method=original.LSODA, args=(1.0,))
    np.testing.assert_allclose(band.y, integrate.solve_ivp(heat, (0, 0.1), np.ones(120), method="LSODA", args=(1.0,)).y)
    with pytest.raises(TypeError, match="cannot be unpacked"):
        integrate.solve_ivp(heat, (0, 1), np.ones(3), method="BDF", args=1.0)
    whole = integrate.solve_ivp(lambda t, y: -y, (0, 1), np.ones(2), method="Radau", vectorized=True)
    np.testing.assert_allclose(whole.y[:, -1], np.exp(-1), rtol=1e-3)
    spin = integrate.solve_ivp(lambda t, y: 1j * y, (0, 1), np.ones(1, complex), method="BDF", rtol=1e-8)
    np.testing.assert_allclose(spin.y[0, -1], np.exp(1j), rtol=1e-5)


@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA", "odeint"])
def test_the_adjoint_of_a_stiff_problem(method):
    """y' = -k (y - cos t): solved backwards, y would grow by exp(2000)."""
    f = lambda t, y, k: -k * (y - np.cos(t))
    times = np.array([0.0, 2.0])

    def end(k, y0):
        if method == "odeint":
            return integrate.odeint(f, y0, times, (k,), tfirst=True, rtol=1e-10, atol=1e-12, mxstep=9000)[-1, 0]
        return integrate.solve_ivp(f, (0, 2), y0, method, args=(k,), rtol=1e-9, atol=1e-11).y[0, -1]

    k = 1000.0
    steady = lambda k: (k**2 * np.cos(2.0) + k * np.sin(2.0)) / (1 + k**2)
    of_k, of_y0 = cr.grad(end, argnums=(0, 1))(k, np.array([0.0]))
    assert of_k == pytest.approx(cr.grad(steady)(k), rel=1e-4)
    np.testing.assert_allclose(of_y0, 0, atol=1e-9)


@pytest.mark.parametrize("method", ["RK45", "BDF"])
def test_forward_and_reverse_agree_on_many_equations(method):
    y0 = np.linspace(0.5, 1.5, 120)
    options = {"method": method, "rtol": 1e-7, "atol": 1e-9}
    f = lambda k: np.sum(integrate.solve_ivp(heat, (0, 0.02), y0, args=(k,), **options).y[:, -1])
    g = cr.grad(f)(1.0)
    assert g == pytest.approx(cr.jvp(f, (1.0,), (1.0,))[1], rel=1e-4)
    assert g == pytest.approx((f(1.001) - f(0.999)) / 0.002, rel=1e-3)


# ---- the steps done again --------------------------------------------------------------------------------------------


def oscillator(t, y, k):
    return np.stack([y[1], k * (1 - y[0] ** 2) * y[1] - y[0]])


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau"])
@pytest.mark.parametrize("times", [None, [0.3, 1.0, 2.0]])
def test_the_discrete_adjoint(method, times):
    """Both modes agree to rounding errors, though the tolerance is loose; the values are SciPy's."""
    options = {"method": method, "t_eval": times, "rtol": 1e-4, "atol": 1e-6}

    def f(k, y0, end):
        y = integrate.solve_ivp(oscillator, (0, end), y0, args=(k,), adjoint="discrete", **options).y
        return np.sum(y[0, -2:] ** 2)

    point = (3.0, np.array([2.0, 0.0]), 2.0)
    plain = original.solve_ivp(oscillator, (0, 2.0), point[1], args=(3.0,), **options).y
    assert f(*point) == pytest.approx(
        np.sum(plain[0, -2:] ** 2), rel=1e-14 if times is None and method[0] != "R" else 1e-3
    )
    gradient = cr.grad(f, argnums=(0, 1, 2))(*point)
    assert gradient[0] == pytest.approx(cr.jvp(f, point, (1.0, np.zeros(2), 0.0))[1], rel=1e-12)
    assert gradient[2] == pytest.approx(cr.jvp(f, point, (0.0, np.zeros(2), 1.0))[1], rel=1e-12, abs=1e-14)
    fine = {**options, "rtol": 1e-9, "atol": 1e-11}
    last = lambda k: np.sum(
        integrate.solve_ivp(oscillator, (0, 2.0), point[1], args=(k,), **{**fine, "t_eval": [1.0, 2.0]}).y[0] ** 2
    )
    if times is not None:
        assert gradient[0] == pytest.approx(cr.grad(last)(3.0), rel=2e-2)


def test_the_discrete_adjoint_of_one_step_by_hand():
    """y' = k y by RK45: the polynomial 1 + z + ... + z**5 / 120 + z**6 / 600 of z = k h for each step."""
    f = lambda k: integrate.solve_ivp(lambda t, y, k: k * y, (0, 0.1), [1.0], args=(k,), adjoint="discrete").y[0, -1]
    steps = np.diff(original.solve_ivp(lambda t, y: -y, (0, 0.1), [1.0]).t)
    stability = lambda z: 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24 + z**5 / 120 + z**6 / 600
    by_hand = lambda k: np.prod(stability(k * steps))
    assert f(-1.0) == pytest.approx(by_hand(-1.0), rel=1e-15)
    assert cr.grad(f)(-1.0) == pytest.approx(cr.grad(by_hand)(-1.0), rel=1e-14)
    assert cr.grad(cr.grad(f))(-1.0) == pytest.approx(cr.grad(cr.grad(by_hand))(-1.0), rel=1e-13)


def test_errors_of_the_discrete_adjoint():
    with pytest.raises(ValueError, match='adjoint is "continuous" or "discrete"; got \'exact\''):
        integrate.solve_ivp(oscillator, (0, 1), [1.0, 0.0], args=(1.0,), adjoint="exact")
    with pytest.raises(cr.MissingRuleError, match="RK23, RK45, DOP853 and Radau, whose steps have a formula each; BDF"):
        integrate.solve_ivp(oscillator, (0, 1), [1.0, 0.0], "BDF", args=(1.0,), adjoint="discrete")


# ---- boundary value problems -----------------------------------------------------------------------------------------


def bratu(x, y, c):
    return np.stack([y[1], -c * np.exp(y[0])])


def ends(left, right, c):
    return np.stack([left[0], right[0]])


def solve(c, nodes=41, **options):
    x = np.linspace(0, 1, nodes)
    return integrate.solve_bvp(bratu, ends, x, np.zeros((2, nodes)), args=(c,), **{"tol": 1e-9, **options})


def test_solve_bvp_gets_exact_jacobians():
    x = np.linspace(0, 1, 41)
    plain = original.solve_bvp(
        lambda x, y: bratu(x, y, 1.0), lambda a, b: ends(a, b, 1.0), x, np.zeros((2, 41)), tol=1e-9
    )
    np.testing.assert_allclose(solve(1.0).sol(x), plain.sol(x), atol=1e-10)
    y = np.random.default_rng(0).normal(size=(2, 5))
    blocks = integrate.boundary_value.of_nodes(bratu, (1.5,))(np.arange(5.0), y)
    expected = np.zeros((2, 2, 5))
    expected[0, 1], expected[1, 0] = 1, -1.5 * np.exp(y[0])
    np.testing.assert_allclose(blocks, expected)
    of_a, of_b = integrate.boundary_value.at_ends(ends, (1.5,))(y[:, 0], y[:, 1])
    np.testing.assert_allclose(of_a, [[1, 0], [0, 0]])
    np.testing.assert_allclose(of_b, [[0, 0], [1, 0]])


def test_derivatives_of_the_bratu_problem():
    middle = lambda c: solve(c).sol(0.5)[0]
    f = lambda c: (result := solve(c)).y[0, np.searchsorted(result.x, 0.5)]
    assert cr.grad(f)(1.0) == pytest.approx((middle(1.01) - middle(0.99)) / 0.02, rel=1e-4)
    second = (middle(1.02) - 2 * middle(1.0) + middle(0.98)) / 4e-4
    assert cr.grad(cr.grad(f))(1.0) == pytest.approx(second, rel=1e-3)
    assert cr.jvp(f, (1.0,), (1.0,))[1] == pytest.approx(cr.grad(f)(1.0), rel=1e-12)
    loose = lambda c: solve(c, tol=1e-2).y[0, 20]
    np.testing.assert_allclose(cr.vmap(cr.grad(loose))(np.array([0.5, 1.0]))[1], cr.grad(loose)(1.0), rtol=1e-10)


def test_an_eigenvalue():
    """y'' = -(p q)**2 y, y(0) = y(1) = 0: p = 2 pi / q."""
    x = np.linspace(0, 1, 61)
    guess = np.stack([np.sin(2 * np.pi * x), 2 * np.pi * np.cos(2 * np.pi * x)])
    f = lambda x, y, p, q: np.stack([y[1], -((p[0] * q) ** 2) * y[0]])
    bc = lambda a, b, p, q: np.stack([a[0], b[0], a[1] - p[0]])
    p = lambda q: integrate.solve_bvp(f, bc, x, guess, p=[6.0], args=(q,), tol=1e-7, max_nodes=9000).p[0]
    assert p(1.1) == pytest.approx(2 * np.pi / 1.1)
    assert cr.grad(p)(1.1) == pytest.approx(-2 * np.pi / 1.21, rel=1e-6)


def test_errors_of_solve_bvp():
    with pytest.raises(RuntimeError, match="did not converge"):
        cr.grad(lambda c: solve(c, max_nodes=45).y[0, 1])(1.0)
    with pytest.raises(cr.MissingRuleError, match="singular term S"):
        cr.grad(lambda c: solve(c, S=np.zeros((2, 2))).y[0, 1])(1.0)
    with pytest.raises(cr.LeakedTracerError, match="pass the value in args"):
        cr.grad(
            lambda c: integrate.solve_bvp(
                lambda x, y: bratu(x, y, c), lambda a, b: ends(a, b, c), np.linspace(0, 1, 5), np.zeros((2, 5))
            ).y[0, 1]
        )(1.0)
    with pytest.raises(TypeError, match="args must be a tuple"):
        integrate.solve_bvp(bratu, ends, np.linspace(0, 1, 5), np.zeros((2, 5)), args=1.0)

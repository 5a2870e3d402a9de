"""Newton's method: its solutions against closed forms and SciPy's, its report, and its derivatives."""

import itertools
import re

import numpy as np
import pytest
import scipy.optimize

import chainrule as cr


def bratu(u, lam):
    """-u'' = lam exp(u) on a grid, u = 0 at the ends."""
    v = np.pad(u, 1)
    return (2 * u - v[:-2] - v[2:]) * (u.size + 1) ** 2 - lam * np.exp(u)


def plane(u, lam):
    """The same in two dimensions: five diagonals."""
    v = np.pad(u, 1)
    return (4 * u - v[:-2, 1:-1] - v[2:, 1:-1] - v[1:-1, :-2] - v[1:-1, 2:]) * (len(u) + 1) ** 2 - lam * np.exp(u)


@pytest.mark.parametrize("method", ["auto", "dense", "sparse", "krylov"])
@pytest.mark.parametrize("n", [40, 150])
def test_against_scipy(method, n):
    found = cr.newton(bratu, np.zeros(n), (1.0,), linear_solver=method)
    theirs = scipy.optimize.root(bratu, np.zeros(n), (1.0,), method="krylov", tol=1e-8)
    np.testing.assert_allclose(found.x, theirs.x, atol=1e-7)
    assert found.steps <= 5
    assert found.residual <= 1e-8
    assert found.evaluations >= found.steps + 1


@pytest.mark.parametrize("ordering", ["auto", "natural", "mmd", "colamd", "rcm"])
def test_two_dimensions(ordering):
    found = cr.newton(plane, np.zeros((20, 20)), (1.0,), ordering=ordering)
    assert found.x.shape == (20, 20)
    np.testing.assert_allclose(plane(found.x, 1.0), 0, atol=1e-9)
    np.testing.assert_allclose(found.x, found.x.T, atol=1e-12)
    if ordering == "auto":
        assert found.factors.ordering == "mmd"


def test_convergence_is_quadratic():
    history = cr.newton(bratu, np.zeros(100), (3.0,)).history
    assert history[-1] < 1e-8
    small = [r for r in history if 1e-9 < r < 1]
    assert all(later < 0.5 * r**1.5 for r, later in itertools.pairwise(small))


def test_the_line_search_makes_it_converge():
    with np.errstate(all="ignore"), pytest.raises((RuntimeError, np.linalg.LinAlgError)):
        cr.newton(np.arctan, np.array([3.0]), line_search=False)
    found = cr.newton(np.arctan, np.array([3.0]))
    assert abs(found.x[0]) < 1e-10
    assert found.evaluations > found.steps + 1


@pytest.mark.parametrize("n", [40, 300])
def test_derivatives_in_both_modes_and_of_second_order(n):
    f = lambda lam: np.max(cr.newton(bratu, np.zeros(n), (lam,)).x)
    slope = (f(1.001) - f(0.999)) / 0.002
    assert cr.grad(f)(1.0) == pytest.approx(slope, rel=1e-5)
    assert cr.jvp(f, (1.0,), (1.0,))[1] == pytest.approx(slope, rel=1e-5)
    second = (f(1.01) - 2 * f(1.0) + f(0.99)) / 1e-4
    assert cr.grad(cr.grad(f))(1.0) == pytest.approx(second, rel=1e-4)
    assert cr.jvp(cr.grad(f), (1.0,), (1.0,))[1] == pytest.approx(second, rel=1e-4)


def test_the_derivative_is_exact_though_the_factors_are_of_the_step_before():
    a = np.linspace(1, 4, 200)
    J = cr.jacobian(lambda a: cr.newton(lambda x, a: x**2 - a, np.ones(200), (a,)).x)(a)
    np.testing.assert_allclose(J, np.diag(0.5 / np.sqrt(a)), rtol=1e-13)


def test_the_last_factors_are_reused(monkeypatch):
    from chainrule.implicit import linear

    made = []
    factorize = linear.factorize
    monkeypatch.setattr(linear, "factorize", lambda *args: made.append(1) or factorize(*args))
    steps = cr.newton(bratu, np.zeros(300), (1.0,)).steps
    solving = len(made)
    made.clear()
    cr.grad(lambda lam: np.sum(cr.newton(bratu, np.zeros(300), (lam,)).x))(1.0)
    assert steps <= solving == len(made)


def test_trees():
    f = lambda s, a: [s["x"] * s["y"] - a, s["x"] - 2 * s["y"]]
    found = cr.newton(f, {"x": 1.0, "y": np.ones(())}, (8.0,))
    assert found.x["x"] == pytest.approx(4)
    assert found.x["y"] == pytest.approx(2)
    g = cr.grad(lambda a: cr.newton(f, {"x": 1.0, "y": 1.0}, (a,)).x["y"])(8.0)  # y = sqrt(a / 2)
    assert g == pytest.approx(0.125)


def test_the_report_prints(capsys):
    found = cr.newton(bratu, np.zeros(120), (1.0,), progress=True)
    lines = str(found).splitlines()
    assert lines[0] == "step  residual"
    assert len(lines) == found.steps + 3
    assert re.search(r"\d+ evaluations, .* s, <Banded of shape \(120, 120\), ordering 'banded'>", lines[-1])
    assert "newton: step 0, residual 1.000e+00" in capsys.readouterr().err


def test_errors():
    with pytest.raises(RuntimeError, match=r"it did not converge in 3 steps; the residual was .* \(tol=1e-10\)"):
        cr.newton(lambda x: np.exp(x) - 1e-8, np.full(2, 5.0), maxiter=3)
    with pytest.raises(RuntimeError, match="no step along Newton's direction lessens the residual"):
        cr.newton(lambda x: x + 1 - 2 * cr.stop_gradient(x), np.zeros(1))  # its slope is wrong
    with pytest.raises(np.linalg.LinAlgError, match="singular on the way"):
        cr.newton(lambda x: x * 0 + 1, np.ones(3))
    with pytest.raises(TypeError, match="x0 holds an array of dtype int64"):
        cr.newton(lambda x: x, np.arange(3))
    with pytest.raises(ValueError, match="f returns 1 numbers for 3 unknowns"):
        cr.newton(lambda x: x[:1], np.ones(3))
    with pytest.raises(ValueError, match="NaN or infinity at x0"):
        cr.newton(lambda x: x * np.nan, np.ones(3))
    with pytest.raises(TypeError, match="args must be a tuple"):
        cr.newton(bratu, np.ones(3), args=1.0)
    with pytest.raises(cr.LeakedTracerError, match="pass the value in args"):
        cr.grad(lambda a: cr.newton(lambda x: x - a, np.ones(1)).x[0])(2.0)


def test_steps_in_time_may_start_where_the_last_one_ended():
    def end(rate):
        x = np.ones(3)
        for _ in range(4):
            x = cr.newton(lambda new, old, rate: new - old + 0.1 * rate * new**2, x, (x, rate)).x
        return np.sum(x)

    h = 1e-5
    assert cr.grad(end)(0.7) == pytest.approx((end(0.7 + h) - end(0.7 - h)) / (2 * h), rel=1e-8)
    assert cr.jvp(end, (0.7,), (1.0,))[1] == pytest.approx(cr.grad(end)(0.7))

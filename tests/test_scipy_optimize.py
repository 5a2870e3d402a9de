"""scipy.optimize: exact derivatives for its solvers, and derivatives of what they find."""

import inspect
import warnings

import numpy as np
import pytest
import scipy.optimize as original
import scipy.sparse as sp
from hypothesis import assume, given, settings, strategies as st

import chainrule as cr
from chainrule.scipy import optimize
from chainrule.scipy.optimize import refused
from chainrule.testing import check_rules

# ---- minimize: what SciPy is given -----------------------------------------------------------------------------------


def rosenbrock(x, a=100.0):
    return np.sum(a * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


GRADIENT = ["CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "dogleg", "trust-ncg", "trust-krylov"]
METHODS = [*GRADIENT, "trust-exact", "trust-constr", "Nelder-Mead", "Powell", "COBYLA", "COBYQA"]


@pytest.mark.parametrize("method", METHODS)
def test_minimize_finds_the_minimum_by_every_method(method):
    options = {"maxiter": 4000}
    x0 = np.array([-1.2, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = np.array([0.9, 0.8]) if method == "dogleg" else x0  # dogleg needs a convex start
        found = optimize.minimize(rosenbrock, start, method=method, options=options)
    assert np.allclose(found.x, 1, atol=0.2 if method == "COBYLA" else 1e-3)


@pytest.mark.parametrize("method", ["CG", "BFGS", "L-BFGS-B", "SLSQP"])
def test_a_gradient_saves_evaluations(method):
    calls = []

    def fun(x):
        calls.append(x)
        return rosenbrock(x)

    x0 = np.full(10, -0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optimize.minimize(fun, x0, method=method)
        ours = len(calls)
        calls.clear()
        theirs = original.minimize(fun, x0, method=method)
    assert np.allclose(found.x, theirs.x, atol=1e-3)
    assert len(calls) > 5 * ours  # finite differences take ten for each gradient
    assert ours == found.nfev  # value and gradient share a pass


def test_what_the_user_gives_is_used():
    seen = []

    def jac(x, a):
        seen.append(a)
        return cr.grad(rosenbrock)(x, a)

    optimize.minimize(rosenbrock, np.zeros(3), args=(10.0,), jac=jac, method="L-BFGS-B")
    assert seen
    assert set(seen) == {10.0}
    both = optimize.minimize(lambda x: (rosenbrock(x), cr.grad(rosenbrock)(x)), np.zeros(3), jac=True)
    assert np.allclose(both.x, 1, atol=1e-4)
    found = optimize.minimize(lambda x: float(x[0]) ** 2, np.ones(1), jac="2-point", method="L-BFGS-B")
    assert np.allclose(found.x, 0, atol=1e-6)


def test_a_function_that_cannot_be_traced_says_what_else_there_is():
    import math

    with pytest.raises(TypeError, match="would drop its gradient") as caught:
        optimize.minimize(lambda x: math.exp(x[0]), np.ones(1))
    assert 'jac="2-point"' in caught.value.__notes__[0]


def test_an_integer_start_and_a_list():
    assert np.allclose(optimize.minimize(lambda x: (x[0] - 2) ** 2 + x[1] ** 2, [1, 1]).x, [2, 0], atol=1e-6)
    with pytest.raises(ValueError, match=r"a single number; an array of shape \(2,\)"):
        optimize.minimize(lambda x: x, np.ones(2))


def test_trust_constr_gets_sparse_derivatives():
    n = 200
    seen = []

    def fun(x):
        return np.sum((x - 1) ** 4)

    def con(x):
        seen.append(x)
        return x[1:] * x[:-1]

    constraint = original.NonlinearConstraint(con, 0.5, np.inf)
    found = optimize.minimize(fun, np.full(n, 2.0), method="trust-constr", constraints=constraint)
    assert np.allclose(found.x, 1, atol=2e-2)
    assert sp.issparse(found.jac[0])
    small = optimize.minimize(fun, np.full(3, 2.0), method="trust-constr", constraints=constraint)
    assert isinstance(small.jac[0], np.ndarray)


def test_slsqp_gets_jacobians_of_constraints():
    calls = []

    def circle(x, r):
        calls.append(1)
        return r**2 - x @ x

    def solve(module):
        calls.clear()
        constraint = {"type": "ineq", "fun": circle, "args": (2.0,)}
        return module.minimize(lambda x: -np.sum(x), np.zeros(20), method="SLSQP", constraints=[constraint]), len(calls)

    (ours, few), (theirs, many) = solve(optimize), solve(original)
    assert np.allclose(ours.x, theirs.x, atol=1e-6)
    assert many > 5 * few


# ---- minimize: derivatives of the solution ---------------------------------------------------------------------------


def quadratic(x, A, b):
    return 0.5 * x @ (A @ x) - b @ x


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-exact", "trust-krylov", "L-BFGS-B"])
def test_the_minimiser_of_a_quadratic_function(method):
    A, b = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -1.0])

    def best(A, b):
        return optimize.minimize(quadratic, np.zeros(2), args=(A, b), method=method, tol=1e-9).x

    x = np.linalg.solve(A, b)
    np.testing.assert_allclose(cr.jacobian(best, argnums=1)(A, b), np.linalg.inv(A), atol=1e-9)
    of_A = cr.jacobian(best)(A, b)
    # Of A only the symmetric part counts: d(A⁻¹) b = -A⁻¹ dA A⁻¹ b
    both = -np.einsum("ij,k->ijk", np.linalg.inv(A), x)
    np.testing.assert_allclose(of_A, (both + np.swapaxes(both, 1, 2)) / 2, atol=1e-6)


def test_the_minimum_itself_by_the_envelope_theorem():
    def lowest(a):
        return optimize.minimize(lambda x, a: np.sum((x - a) ** 2) + a[0] * x[1], np.zeros(2), args=(a,), tol=1e-10).fun

    a = np.array([1.0, 2.0])  # x = (a0, a1 - a0 / 2), the minimum is a0 a1 - a0**2 / 4
    np.testing.assert_allclose(cr.grad(lowest)(a), [a[1] - a[0] / 2, a[0]], atol=1e-7)
    np.testing.assert_allclose(cr.hessian(lowest)(a), [[-0.5, 1], [1, 0]], atol=1e-6)


def test_second_order_and_batches():
    def best(a):
        return optimize.minimize(lambda x, a: np.sum(x**4 / 4 + x**2 / 2 - a * x), np.ones(2), args=(a,), tol=1e-12).x

    a = np.array([2.0, 10.0])  # x**3 + x = a: x = 1, 2
    x, d = np.array([1.0, 2.0]), 1 / (3 * np.array([1.0, 4.0]) + 1)
    np.testing.assert_allclose(best(a), x, rtol=1e-6)
    np.testing.assert_allclose(cr.jacobian(best)(a), np.diag(d), atol=1e-6)
    second = cr.jacobian(cr.jacobian(best))(a)
    np.testing.assert_allclose(second[[0, 1], [0, 1], [0, 1]], -6 * x * d**3, rtol=1e-5)
    many = np.stack([a, a[::-1]])
    np.testing.assert_allclose(cr.vmap(best)(many), [x, x[::-1]], rtol=1e-6)
    np.testing.assert_allclose(cr.vmap(cr.jacobian(best))(many)[1], np.diag(d[::-1]), atol=1e-6)


@pytest.mark.parametrize("method", ["L-BFGS-B", "SLSQP", "trust-constr", "TNC"])
def test_bounds_hold_and_move_the_solution(method):
    def best(a, low):
        bounds = [(low, None), (None, 5.0)]
        f = lambda x, a: np.sum((x - a) ** 2)
        return optimize.minimize(f, np.ones(2), args=(a,), bounds=bounds, method=method, tol=1e-10).x

    a = np.array([-1.0, 3.0])
    np.testing.assert_allclose(cr.jacobian(best)(a, 0.5), [[0, 0], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(cr.jacobian(best, argnums=1)(a, 0.5), [1, 0], atol=1e-6)
    np.testing.assert_allclose(cr.jacobian(best)(-a, 0.5), np.eye(2), atol=1e-6)  # x = (1, -3): none is met


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_constraints(method):
    def best(a, r):
        circle = {"type": "eq", "fun": lambda x, r: x @ x - r**2, "args": (r,)}
        unused = {"type": "ineq", "fun": lambda x: 100 - x[0]}
        return optimize.minimize(
            lambda x, a: -(a @ x), np.ones(2), args=(a,), constraints=[circle, unused], method=method, tol=1e-11
        ).x

    a, r = np.array([3.0, 4.0]), 2.0  # x = r a / |a|
    n = a / 5
    np.testing.assert_allclose(best(a, r), r * n, atol=1e-6)
    np.testing.assert_allclose(cr.jacobian(best)(a, r), r / 5 * (np.eye(2) - np.outer(n, n)), atol=1e-5)
    np.testing.assert_allclose(cr.jacobian(best, argnums=1)(a, r), n, atol=1e-5)
    np.testing.assert_allclose(
        cr.jacobian(cr.jacobian(best, argnums=1))(a, r), (np.eye(2) - np.outer(n, n)) / 5, atol=1e-4
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_random_quadratic_programs(n, m, seed):
    """Against the equations of the constraints that hold: [[Q, Gᵀ], [G, 0]] (dx, dλ) = (db, dh)."""
    rng = np.random.default_rng(seed)
    A, G = rng.normal(size=(n, n)), rng.normal(size=(m, n))
    Q, b, h = A @ A.T + np.eye(n), 3 * rng.normal(size=n), rng.uniform(0.1, 1, m)

    def best(b, h):
        below = {"type": "ineq", "fun": lambda x, h: h - G @ x, "args": (h,)}
        return optimize.minimize(
            lambda x, b: 0.5 * x @ (Q @ x) - b @ x, np.zeros(n), args=(b,), constraints=[below], method="SLSQP",
            tol=1e-13,
        ).x  # fmt: skip

    x = best(b, h)
    held = G @ x > h - 1e-7
    force = np.linalg.lstsq(G[held].T, b - Q @ x, rcond=None)[0]
    assume(np.all(force > 1e-3))
    assume(np.all(np.abs(h - G @ x)[~held] > 1e-3))
    K = np.block([[Q, G[held].T], [G[held], np.zeros((held.sum(), held.sum()))]])
    assume(np.linalg.cond(K) < 1e4)
    inverse = np.linalg.inv(K)
    np.testing.assert_allclose(cr.jacobian(best)(b, h), inverse[:n, :n], atol=1e-5)
    of_h = np.zeros((n, m))
    of_h[:, held] = inverse[:n, n:]
    np.testing.assert_allclose(cr.jacobian(best, argnums=1)(b, h), of_h, atol=1e-5)


def test_linear_and_nonlinear_constraints_with_traced_ends():
    def best(A, b, c):
        linear = original.LinearConstraint(np.ones((1, 2)), 1.0, 1.0)
        return optimize.minimize(lambda x, c: np.sum((x - c) ** 2), np.ones(2), args=(c,), constraints=linear).x

    c = np.array([1.0, 2.0])  # projected on x0 + x1 = 1
    np.testing.assert_allclose(cr.jacobian(best, argnums=2)(0, 0, c), [[0.5, -0.5], [-0.5, 0.5]], atol=1e-7)

    def on_circle(r):
        ring = original.NonlinearConstraint(lambda x: x @ x, -np.inf, 1.0)
        ring.ub = r
        return optimize.minimize(lambda x: -x[0] - x[1], np.ones(2) / 2, constraints=ring, method="SLSQP", tol=1e-12).x

    np.testing.assert_allclose(cr.jacobian(on_circle)(2.0), [0.25, 0.25], atol=1e-6)  # x = sqrt(r / 2)


def test_many_unknowns():
    n = 400
    a = np.linspace(0.5, 2, n)

    def energy(x, a):
        return np.sum(a * x**2) + np.sum((x[1:] - x[:-1]) ** 2) - np.sum(x)

    def total(a):
        return np.sum(optimize.minimize(energy, np.zeros(n), args=(a,), method="L-BFGS-B", tol=1e-14).x)

    A = np.diag(2 * a) + 2 * (np.diag(np.r_[1, np.full(n - 2, 2), 1]) - np.eye(n, k=1) - np.eye(n, k=-1))
    x = np.linalg.solve(A, np.ones(n))
    np.testing.assert_allclose(cr.grad(total)(a), -np.linalg.solve(A, np.ones(n)) * 2 * x, atol=2e-5)


def test_minimize_scalar():
    best = lambda a: optimize.minimize_scalar(lambda x, a: np.exp(x) - a * x, args=(a,), tol=1e-10).x
    assert cr.grad(best)(2.0) == pytest.approx(0.5, rel=1e-6)  # x = log a
    assert cr.grad(cr.grad(best))(2.0) == pytest.approx(-0.25, rel=1e-5)
    bounded = lambda a, b: (
        optimize.minimize_scalar(
            lambda x, a: -a * x, bounds=(0.0, b), args=(a,), method="bounded", options={"xatol": 1e-10}
        ).x
    )
    assert cr.grad(bounded, argnums=(0, 1))(1.0, 3.0) == (pytest.approx(0), pytest.approx(1))


# ---- least squares ---------------------------------------------------------------------------------------------------

TIME = np.linspace(0, 3, 12)


def decay(p, y):
    return p[0] * np.exp(-p[1] * TIME) - y


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_the_fit_moves_with_the_data(loss):
    rng = np.random.default_rng(0)
    y = 2 * np.exp(-0.7 * TIME) + 0.05 * rng.normal(size=12)

    def fit(y, scale):
        return optimize.least_squares(
            decay, np.ones(2), args=(y,), loss=loss, f_scale=scale, ftol=None, xtol=1e-15, gtol=1e-14
        ).x

    J = cr.jacobian(fit)(y, 0.1)
    numeric = np.stack([(fit(y + e, 0.1) - fit(y - e, 0.1)) / 2e-4 for e in 1e-4 * np.eye(12)], axis=1)
    np.testing.assert_allclose(J, numeric, atol=3e-5)
    if loss == "linear":
        p = fit(y, 0.1)
        A = cr.jacobian(decay)(p, y)
        H = A.T @ A + np.einsum("i,ijk", decay(p, y), cr.jacobian(cr.jacobian(decay))(p, y))
        np.testing.assert_allclose(J, np.linalg.solve(H, A.T), atol=1e-8)
    else:
        slope = (fit(y, 0.1001) - fit(y, 0.0999)) / 2e-4
        np.testing.assert_allclose(cr.jacobian(fit, argnums=1)(y, 0.1), slope, atol=1e-4)


def test_least_squares_is_given_the_jacobian():
    seen = []

    def fun(x):
        seen.append(1)
        return x[1:] ** 2 - x[:-1]

    small = optimize.least_squares(fun, np.full(5, 2.0))
    assert isinstance(small.jac, np.ndarray)
    seen.clear()
    large = optimize.least_squares(fun, np.full(600, 2.0))
    assert sp.issparse(large.jac)
    assert len(seen) < 10 * large.nfev
    np.testing.assert_allclose(large.jac.toarray(), cr.jacobian(fun)(large.x), atol=1e-12)
    assert isinstance(optimize.least_squares(fun, np.full(600, 2.0), tr_solver="exact", max_nfev=3).jac, np.ndarray)
    theirs = optimize.least_squares(fun, np.full(5, 2.0), jac="3-point")
    np.testing.assert_allclose(theirs.cost, small.cost, atol=1e-9)
    lm = optimize.least_squares(lambda x: [x[0] - 1, 10 * (x[1] - x[0] ** 2)], [2, 2], method="lm")
    np.testing.assert_allclose(lm.x, 1)


def test_a_fit_at_its_bound():
    def fit(y, high):
        return optimize.least_squares(lambda p, y: p - y, np.zeros(2), args=(y,), bounds=(-np.inf, [high, 10.0])).x

    y = np.array([2.0, 3.0])
    np.testing.assert_allclose(cr.jacobian(lambda y: fit(y, 1.0))(y), [[0, 0], [0, 1]], atol=1e-5)


def test_curve_fit():
    rng = np.random.default_rng(1)
    y, sigma = 2 * np.exp(-0.7 * TIME) + 0.1 * rng.normal(size=12), np.linspace(0.1, 0.2, 12)
    curve = lambda t, a, b: a * np.exp(-b * t)

    def fit(t, y, sigma):
        return optimize.curve_fit(curve, t, y, [1.0, 1.0], sigma, xtol=1e-14, ftol=1e-14)

    theirs = original.curve_fit(curve, TIME, y, [1.0, 1.0], sigma)
    for ours in (fit(TIME, y, sigma), cr.vjp(fit, TIME, y, sigma)[0]):
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4)
    xs = [TIME, y, sigma]
    for i in range(3):
        J = cr.jacobian(fit, argnums=i)(*xs)
        for k in (0, 5):
            moved = [[x + s * 1e-4 * np.eye(12)[k] if j == i else x for j, x in enumerate(xs)] for s in (1, -1)]
            for part in (0, 1):
                numeric = (fit(*moved[0])[part] - fit(*moved[1])[part]) / 2e-4
                np.testing.assert_allclose(J[part][..., k], numeric, atol=2e-5 * (1 + np.abs(numeric).max()))


# ---- linear programs -------------------------------------------------------------------------------------------------


def test_linprog_in_a_vertex():
    A, b, c = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([4.0, 6.0]), np.array([-1.0, -1.0])

    def best(c, A, b):
        return optimize.linprog(c, A_ub=A, b_ub=b).x

    np.testing.assert_allclose(best(c, A, b), np.linalg.solve(A, b))
    np.testing.assert_allclose(cr.jacobian(best, argnums=2)(c, A, b), np.linalg.inv(A), atol=1e-12)
    np.testing.assert_allclose(cr.jacobian(best)(c, A, b), 0, atol=1e-12)
    np.testing.assert_allclose(
        cr.jacobian(best, argnums=1)(c, A, b), cr.jacobian(lambda A: np.linalg.solve(A, b))(A), atol=1e-12
    )
    lowest = lambda c: optimize.linprog(c, sp.csr_array(A), b, [[1.0, -1.0]], [0.0]).fun
    np.testing.assert_allclose(cr.grad(lowest)(c), original.linprog(c, A, b, [[1.0, -1.0]], [0.0]).x)
    with pytest.raises(RuntimeError, match="infeasible"):
        cr.grad(lambda b: optimize.linprog(c, A_ub=A, b_ub=b).fun)(-b)


def test_linear_least_squares_with_bounds():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(6, 3)), rng.normal(size=6)
    check_rules(lambda A, b: optimize.nnls(A, b)[0], A, b, order=2)
    check_rules(lambda A, b: optimize.lsq_linear(A, b, (-0.1, 0.2)).cost, A, b)
    np.testing.assert_allclose(cr.jacobian(lambda b: optimize.lsq_linear(A, b).x)(b), np.linalg.pinv(A), atol=1e-9)


def test_an_assignment_is_constant():
    cost = np.array([[4.0, 1.0], [2.0, 5.0]])
    total = lambda cost: np.sum(cost[optimize.linear_sum_assignment(cost)])
    np.testing.assert_allclose(cr.grad(total)(cost), [[0, 1], [1, 0]])


# ---- roots -----------------------------------------------------------------------------------------------------------


def system(x, a, b):
    return [x[0] + a * x[1] ** 2 - 3, x[0] * b - x[1]]


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "krylov", "df-sane"])
def test_root(method):
    def solve(a, b):
        return optimize.root(system, np.ones(2), args=(a, b), method=method, tol=1e-12).x

    a, b = np.float64(1.3), np.float64(0.8)
    x = optimize.root(system, np.ones(2), args=(a, b), tol=1e-12).x
    F = np.array([[1, 2 * a * x[1]], [b, -1]])
    np.testing.assert_allclose(cr.jacobian(solve)(a, b), -np.linalg.solve(F, [x[1] ** 2, 0]), rtol=1e-6)
    if method == "hybr":
        check_rules(solve, a, b, order=2)


def test_root_is_given_the_jacobian():
    calls = []

    def f(x):
        calls.append(1)
        return x**3 + np.roll(x, 1) - 1

    found = optimize.root(f, np.ones(30))
    ours = len(calls)
    calls.clear()
    theirs = original.root(f, np.ones(30))
    np.testing.assert_allclose(found.x, theirs.x, atol=1e-8)
    assert len(calls) > 1.5 * ours


def test_krylov_gets_exact_products():
    calls = []

    def f(u):  # the problem of Bratu in two dimensions
        calls.append(isinstance(u, np.ndarray))
        v = np.pad(u, 1)
        return 100 * (4 * u - v[:-2, 1:-1] - v[2:, 1:-1] - v[1:-1, :-2] - v[1:-1, 2:]) - np.exp(u)

    ours = optimize.root(f, np.zeros((9, 9)), method="krylov", tol=1e-9)
    evaluations = sum(calls)
    calls.clear()
    theirs = original.root(f, np.zeros((9, 9)), method="krylov", tol=1e-9)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-9)
    assert evaluations < len(calls) / 3
    told = optimize.root(f, np.zeros((9, 9)), method="krylov", tol=1e-9, options={"jac_options": {"method": "gmres"}})
    np.testing.assert_allclose(told.x, theirs.x, atol=1e-9)


def kepler(E, e, M):
    return E - e * np.sin(E) - M


SCALAR = {
    "brentq": lambda e, M: optimize.brentq(kepler, 0.0, 4.0, args=(e, M), xtol=1e-14),
    "brenth": lambda e, M: optimize.brenth(kepler, 0.0, 4.0, args=(e, M), xtol=1e-14),
    "bisect": lambda e, M: optimize.bisect(kepler, 0.0, 4.0, args=(e, M), xtol=1e-14),
    "ridder": lambda e, M: optimize.ridder(kepler, 0.0, 4.0, args=(e, M), xtol=1e-14),
    "toms748": lambda e, M: optimize.toms748(kepler, 0.0, 4.0, args=(e, M), xtol=1e-14),
    "newton": lambda e, M: optimize.newton(kepler, 1.0, args=(e, M)),
    "secant": lambda e, M: optimize.newton(kepler, 1.0, x1=1.1, args=(e, M)),
    "fsolve": lambda e, M: optimize.fsolve(kepler, 1.0, args=(e, M))[0],
    "fixed point": lambda e, M: optimize.fixed_point(lambda E, e, M: M + e * np.sin(E), 1.0, args=(e, M)),
    "root_scalar": lambda e, M: optimize.root_scalar(kepler, args=(e, M), bracket=[0, 4]).root,
    "root_scalar, newton": lambda e, M: optimize.root_scalar(kepler, args=(e, M), x0=1.0).root,
    "root_scalar, halley": lambda e, M: optimize.root_scalar(kepler, args=(e, M), x0=1.0, method="halley").root,
}


@pytest.mark.parametrize("name", SCALAR)
def test_keplers_equation(name):
    e, M = np.float64(0.3), np.float64(1.2)
    f = SCALAR[name]
    E = f(e, M)
    slope = 1 - e * np.cos(E)
    assert E - e * np.sin(E) == pytest.approx(M, abs=1e-7)
    value, (de, dM) = cr.value_and_grad(f, argnums=(0, 1))(e, M)
    assert value == E
    assert de == pytest.approx(np.sin(E) / slope, rel=1e-6)
    assert dM == pytest.approx(1 / slope, rel=1e-6)
    second = cr.grad(cr.grad(f, argnums=1), argnums=1)(e, M)
    assert second == pytest.approx(-e * np.sin(E) / slope**3, rel=1e-5)
    np.testing.assert_allclose(cr.vmap(f)(np.array([e, e]), np.array([M, 1.3])), [f(e, M), f(e, 1.3)], rtol=1e-12)


def test_newton_on_complex_numbers():
    root_of = lambda a: optimize.newton(lambda z, a: z**2 + a, 1 + 1j, args=(a,))
    assert root_of(1 + 0j) == pytest.approx(1j)
    np.testing.assert_allclose(cr.jacobian(root_of)(1 + 0j), 0.5j, rtol=1e-9)  # z = i sqrt(a)


def test_the_derivative_in_traced_limits_of_every_form():
    parabola = lambda x: np.sum((x - 3) ** 2)
    start = np.zeros(2)

    def first(**limits):
        return optimize.minimize(parabola, start, **limits, tol=1e-10).x[0]

    assert cr.grad(lambda b: first(bounds=original.Bounds(0, b)))(1.0) == pytest.approx(1)
    plane = lambda b: original.LinearConstraint(np.ones((1, 2)), -np.inf, b)
    assert cr.grad(lambda b: first(constraints=plane(b)))(1.0) == pytest.approx(0.5)
    curve = lambda b: original.NonlinearConstraint(np.sum, -np.inf, b)
    assert cr.grad(lambda b: first(constraints=curve(b)))(1.0) == pytest.approx(0.5)


def test_a_minimum_in_a_minimum():
    """The inner minimiser is x = y a / 2, the outer one y = 2 / a."""

    def inner(y, a):
        return optimize.minimize(
            lambda x, y, a: np.sum((x - y * a) ** 2) + np.sum(x**2), np.zeros(1), args=(y, a), tol=1e-10
        ).x[0]

    def outer(a):
        return optimize.minimize(lambda y, a: (inner(y, a) - 1) ** 2, np.ones(1), args=(a,), tol=1e-10).x[0]

    assert outer(2.0) == pytest.approx(1)
    assert cr.grad(outer)(2.0) == pytest.approx(-0.5, rel=1e-6)


def test_each_example_of_a_batch_has_its_own_active_bounds():
    best = lambda a: optimize.minimize(lambda x, a: np.sum((x - a) ** 2), np.zeros(1), args=(a,), bounds=[(0, 1)]).x[0]
    np.testing.assert_allclose(cr.vmap(cr.grad(best))(np.array([0.5, 2.0, -1.0])), [1, 0, 0], atol=1e-9)


def test_newton_on_an_array_has_a_diagonal_derivative():
    a = np.linspace(1, 9, 300)
    J = cr.jacobian(lambda a: optimize.newton(lambda x, a: x**2 - a, np.ones(300), args=(a,)))(a)
    np.testing.assert_allclose(J, np.diag(0.5 / np.sqrt(a)), atol=1e-9)


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_what_is_no_solution_has_no_derivative():
    with pytest.raises(RuntimeError, match="it did not converge, so there is no root to differentiate"):
        cr.grad(lambda a: optimize.root(lambda x, a: x**2 + a, np.ones(1), args=(a,)).x[0])(1.0)
    with pytest.raises(np.linalg.LinAlgError, match="singular matrix"):
        cr.grad(lambda a: optimize.minimize(lambda x, a: a * x[0], np.ones(1), args=(a,), bounds=None).x[0])(0.0)
    with pytest.raises(np.linalg.LinAlgError, match="singular matrix"):
        cr.grad(lambda a: optimize.root(lambda x, a: (x - a) * 0, np.ones(1), args=(a,)).x[0])(1.0)


def test_a_traced_value_from_outside_is_refused():
    functions = [
        lambda a: optimize.root(lambda x: x - a, np.ones(1)).x[0],
        lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), np.ones(1)).x[0],
        lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), np.ones(1), method="Nelder-Mead").x[0],
        lambda a: optimize.least_squares(lambda x: x - a, np.ones(1)).x[0],
        lambda a: optimize.brentq(lambda x: x - a, -5.0, 5.0),
        lambda a: optimize.newton(lambda x: x - a, 1.0),
        lambda a: optimize.minimize_scalar(lambda x: (x - a) ** 2).x,
        lambda a: optimize.fixed_point(lambda x: x / 2 + a, 1.0),
        lambda a: optimize.fsolve(lambda x: x - a, 1.0)[0],
        lambda a: optimize.root_scalar(lambda x: x - a, x0=1.0).root,
    ]
    for f in functions:
        with pytest.raises(cr.LeakedTracerError, match="pass the value in args"):
            cr.grad(f)(2.0)


def test_a_traced_tolerance_is_refused():
    with pytest.raises(cr.MissingRuleError, match="no derivative in tol"):
        cr.grad(lambda t: optimize.root(lambda x: x, np.ones(1), tol=t).x[0])(1e-3)


# ---- that each function is accounted for -----------------------------------------------------------------------------

DIFFERENTIABLE = {
    *("minimize", "minimize_scalar", "least_squares", "curve_fit", "lsq_linear", "nnls", "linprog"),
    *("root", "root_scalar", "fsolve", "newton", "fixed_point", "bisect", "brenth", "brentq", "ridder", "toms748"),
}
CONSTANT = {"linear_sum_assignment"}
"""Whole numbers."""
NO_NUMBERS = {
    *("Bounds", "LinearConstraint", "NonlinearConstraint", "OptimizeResult", "RootResults", "HessianUpdateStrategy"),
    *("BFGS", "SR1", "LbfgsInvHessProduct", "InverseJacobian", "KrylovJacobian", "BroydenFirst", "NoConvergence"),
    *("OptimizeWarning", "linprog_verbose_callback", "show_options", "test"),
}
REFUSED = refused.BY_NAME


def public(module):
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def test_each_function_is_in_one_column():
    columns = [DIFFERENTIABLE, CONSTANT, NO_NUMBERS, set(REFUSED)]
    for name in public(original):
        assert sum(name in column for column in columns) == 1, f"scipy.optimize.{name} is nowhere, or in two places"


@pytest.mark.parametrize("name", [name for name in REFUSED if hasattr(original, name)])
def test_what_is_not_there_says_so(name):
    with pytest.raises(cr.MissingRuleError, match=rf"scipy\.optimize\.{name}: no derivative: "):
        cr.grad(lambda x: getattr(optimize, name)(np.sin, x))(0.5)


def test_signatures_are_scipys():
    for name in DIFFERENTIABLE:
        assert inspect.signature(getattr(optimize, name)) == inspect.signature(getattr(original, name))
    assert optimize.OptimizeResult is original.OptimizeResult

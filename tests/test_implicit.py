"""Derivatives of solutions: cr.implicit, the operations under it, and the factorisations that they use."""

import contextlib
import re

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings, strategies as st

import chainrule as cr
from chainrule.implicit import factors, linear
from chainrule.implicit.factors import factorize
from chainrule.testing import check_rules

rng = np.random.default_rng(0)

# ---- closed forms ----------------------------------------------------------------------------------------------------


@cr.implicit(residual=lambda x, a: x**3 + x - a)
def cubic(a):
    return scipy.optimize.brentq(lambda x: x**3 + x - a, -10.0, 10.0, xtol=1e-15)


def test_a_number_to_the_fourth_order():
    """x**3 + x = a at a = 2: the derivatives of the inverse of a + a**3, by hand."""
    x = 1.0
    d = [3 * x**2 + 1, 6 * x, 6.0]
    first = 1 / d[0]
    second = -d[1] / d[0] ** 3
    third = 3 * d[1] ** 2 / d[0] ** 5 - d[2] / d[0] ** 4
    fourth = -15 * d[1] ** 3 / d[0] ** 7 + 10 * d[1] * d[2] / d[0] ** 6
    f = cubic
    for expected in (first, second, third, fourth):
        f = cr.grad(f)
        assert f(2.0) == pytest.approx(expected, rel=1e-12)


def test_nothing_is_done_where_nothing_is_traced():
    assert cubic(2.0) == pytest.approx(1.0)
    assert cubic.__name__ == "cubic"


def test_a_linear_system_is_what_solve_gives():
    solve = cr.implicit(residual=lambda x, A, b: A @ x - b)(lambda A, b: np.linalg.inv(A) @ b)
    A, b = rng.normal(size=(4, 4)) + 4 * np.eye(4), rng.normal(size=4)
    for i in (0, 1):
        np.testing.assert_allclose(
            cr.jacobian(solve, argnums=i)(A, b), cr.jacobian(np.linalg.solve, argnums=i)(A, b), rtol=1e-12
        )
        ours = cr.hessian(lambda *w: np.sum(np.sin(solve(*w))), argnums=(0, 1))(A, b)
        theirs = cr.hessian(lambda *w: np.sum(np.sin(np.linalg.solve(*w))), argnums=(0, 1))(A, b)
        np.testing.assert_allclose(ours[0][i], theirs[0][i], rtol=1e-9, atol=1e-12)


def test_a_fixed_point():
    """The stationary distribution of a Markov chain, found by iteration."""

    def iterate(P):
        p = np.full(len(P), 1 / len(P))
        for _ in range(300):
            p = p @ P
        return p

    P = rng.uniform(0.1, 1, (4, 4))
    P /= P.sum(axis=1, keepdims=True)
    stationary = cr.implicit(residual=lambda p, P: p - p @ P + 1 - np.sum(p))(iterate)
    rows = lambda W: W / W.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        cr.jacobian(lambda W: stationary(rows(W)))(P), cr.jacobian(lambda W: iterate(rows(W)))(P), atol=1e-12
    )


def by_lgmres(A, b):
    return scipy.sparse.linalg.lgmres(A, b, rtol=1e-13, atol=0)[0]


METHODS = ["auto", "dense", "sparse", "krylov", by_lgmres]


def network(x, A, b):
    return A @ np.tanh(x) + x**3 - b


@pytest.mark.parametrize("method", METHODS, ids=lambda method: getattr(method, "__name__", method))
def test_every_way_of_solving_gives_every_rule(method):
    A, b = rng.normal(size=(4, 4)) + 4 * np.eye(4), rng.normal(size=4)

    @cr.implicit(residual=network, linear_solver=method)
    def solve(A, b):
        return scipy.optimize.fsolve(lambda x: network(x, A, b), np.zeros(len(b)), xtol=1e-13)

    check_rules(solve, A, b, order=2)
    x = solve(A, b)
    J = np.linalg.inv(A * (1 - np.tanh(x) ** 2) + np.diag(3 * x**2))
    np.testing.assert_allclose(cr.jacobian(solve, argnums=1)(A, b), J, rtol=1e-8)
    many = np.stack([b, 2 * b, -b])
    np.testing.assert_allclose(cr.vmap(solve, (None, 0))(A, many), [solve(A, one) for one in many])
    of_many = cr.vmap(cr.jacobian(solve, argnums=1), (None, 0))(A, many)
    np.testing.assert_allclose(of_many[1], cr.jacobian(solve, argnums=1)(A, 2 * b), rtol=1e-8)


PIECES = {
    "cube": lambda x, p: x**3,
    "tanh": lambda x, p: np.tanh(p * x),
    "neighbours": lambda x, p: np.roll(x, 1) * x / 4,
    "sum": lambda x, p: np.sum(x * p) / len(x),
    "product": lambda x, p: 0.3 * np.outer(x, p) @ np.sin(x) / len(x),
    "choice": lambda x, p: np.where(x > p, x**2, 2 * p * x - p**2) / 5,
    "sorted": lambda x, p: np.sort(x) / 4,
}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=3),
    st.integers(1, 6),
    st.sampled_from(["dense", "sparse", "krylov"]),
    st.integers(0, 2**32 - 1),
)
def test_random_equations(pieces, n, method, seed):
    """4 x + pieces(x, p) = p: the derivative in p by differences of the solution, and both modes against each other."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.5, 2, n)
    residual = lambda x, p: 4 * x + sum(PIECES[name](x, p) for name in pieces) - p

    @cr.implicit(residual=residual, linear_solver=method)
    def solve(p):
        return cr.newton(residual, np.zeros(n), (p,), tol=1e-13).x

    with contextlib.suppress(RuntimeError):  # Newton's method may not find one
        x = solve(p)
        J = cr.jacobian(solve, mode="reverse")(p)
        np.testing.assert_allclose(cr.jacobian(solve, mode="forward")(p), J, rtol=1e-8, atol=1e-10)
        of_x, of_p = cr.jacobian(residual, argnums=(0, 1))(x, p)
        np.testing.assert_allclose(of_x @ J, -of_p, atol=1e-8)


def test_trees_and_dtypes():
    @cr.implicit(residual=lambda s, p: {"u": s["u"] - p["k"] * s["v"], "v": s["v"] ** 2 - p["c"]})
    def solve(p):
        v = np.sqrt(p["c"])
        return {"u": p["k"] * v, "v": v}

    p = {"k": np.float64(3.0), "c": np.array([4.0, 9.0])}
    got = cr.jacobian(solve)(p)
    np.testing.assert_allclose(got["u"]["c"], np.diag([0.75, 0.5]))
    np.testing.assert_allclose(got["u"]["k"], [2, 3])
    single = cr.implicit(residual=lambda x, a: x * x - a)(lambda a: np.sqrt(a))
    y, pullback = cr.vjp(single, np.float32([4.0]))
    assert y.dtype == np.float32
    assert pullback(np.float32([1.0]))[0] == np.float32(0.25)


def test_complex_numbers_count_as_two():
    root = cr.implicit(residual=lambda z, a: z**2 - a)(np.sqrt)
    np.testing.assert_allclose(cr.jacobian(root)(1 + 2j), 0.5 / np.sqrt(1 + 2j))
    other = cr.implicit(residual=lambda z, a: z * np.abs(z) - a)(lambda a: a / np.sqrt(np.abs(a)))  # not holomorphic
    check_rules(other, np.array([1 + 2j, -0.5j]))


def test_aux_and_keywords():
    @cr.implicit(residual=lambda x, a, *, power: x**power - a, has_aux=True)
    def solve(a, *, power):
        return a ** (1 / power), {"steps": 3, "name": "root"}

    (d, aux) = cr.grad(lambda a: solve(a, power=2), has_aux=True)(4.0)
    assert d == pytest.approx(0.25)
    assert aux == {"steps": 3, "name": "root"}


def test_a_starting_point_has_the_derivative_zero():
    solve = cr.implicit(residual=lambda x, a, start: x**2 - a)(lambda a, start: np.sqrt(a))
    assert cr.grad(solve, argnums=(0, 1))(4.0, 1.0) == (0.25, 0.0)


def test_one_factorisation_serves_all_derivatives(monkeypatch):
    made = []
    monkeypatch.setattr(linear, "factorize", lambda *args: made.append(1) or factorize(*args))
    A = rng.normal(size=(5, 5)) + 5 * np.eye(5)
    solve = cr.implicit(residual=network)(
        lambda A, b: scipy.optimize.fsolve(lambda x: network(x, A, b), np.zeros(5), xtol=1e-13)
    )
    cr.jacobian(lambda b: solve(A, b))(np.ones(5))
    assert len(made) == 1
    cr.hessian(lambda b: np.sum(solve(A, b) ** 2))(np.ones(5))
    assert len(made) <= 3  # a solution in each of the passes, with the same equation


def test_a_large_sparse_system_is_never_dense():
    n = 20_000

    def residual(u, k):  # a nonlinear diffusion on a line
        v = np.pad(u, 1)
        return k * (2 * u - v[:-2] - v[2:]) + u**3 - 1

    @cr.implicit(residual=residual)
    def solve(k):
        u = np.ones(n)
        for _ in range(8):
            main = 2 * k + 3 * u**2
            off = np.full(n - 1, -k)
            J = sp.diags_array([off, main, off], offsets=(-1, 0, 1)).tocsc()
            u = u - sp.linalg.spsolve(J, residual(u, k))
        return u

    total = lambda k: np.sum(solve(k))
    assert cr.grad(total)(2.0) == pytest.approx((total(2.001) - total(1.999)) / 0.002, rel=1e-6)


# ---- errors ----------------------------------------------------------------------------------------------------------


def message(residual, solver, x=2.0, error=ValueError, **options):
    with pytest.raises(error) as caught:
        cr.grad(lambda x: np.sum(cr.implicit(residual=residual, **options)(solver)(x)))(x)
    return str(caught.value)


def test_errors():
    wrong = message(lambda x, a: x + a, lambda a: a)
    assert wrong.startswith(
        "<lambda>: the residual is not zero at what the solver returned: its largest element is 4, "
    )
    assert "seems to be 4 away" in wrong
    assert "has 2 real numbers and the solution 1" in message(lambda x, a: np.stack([x, a]), lambda a: a)
    assert "holds NaN or infinity" in message(lambda x, a: x - a, lambda a: np.nan)
    singular = message(lambda x, a: 0 * (x - a), lambda a: a, error=np.linalg.LinAlgError)
    assert "is a singular matrix" in singular
    assert "dtype int64" in message(lambda x, a: x - a, lambda a: 3, error=TypeError)
    assert "no array of numbers" in message(lambda x, a: x - a, lambda a: "three", error=TypeError)
    assert "linear_solver is one of auto" in message(lambda x, a: x, lambda a: a, linear_solver="lu")
    assert "must return a pair" in message(lambda x, a: x - a, lambda a: a, error=TypeError, has_aux=True)
    stuck = message(
        lambda x, a: np.arange(1, 4) * x - a,
        lambda a: a / np.arange(1, 4),
        error=np.linalg.LinAlgError,
        linear_solver=lambda A, b: linear.krylov(A * 0, b),
    )
    assert "GMRES did not converge" in stuck
    with pytest.raises(TypeError, match=re.escape("Write @cr.implicit(residual=...)")):
        cr.implicit(3)


def test_the_tolerance_is_the_users():
    rough = cr.implicit(residual=lambda x, a: x**2 - a, tolerance=None)(lambda a: 1.4)
    assert cr.grad(rough)(2.0) == pytest.approx(1 / 2.8)


def test_traced_values_from_outside():
    solver = lambda a: a * 1.0
    with pytest.raises(cr.LeakedTracerError, match="the residual uses a traced value from outside"):
        cr.grad(lambda c: cr.implicit(residual=lambda x, a: x - a * c)(solver)(c))(1.0)
    with pytest.raises(cr.LeakedTracerError, match="the solver uses a traced value from outside"):
        cr.grad(lambda c: cr.implicit(residual=lambda x, a: x - a)(lambda a: a * c)(c))(1.0)


# ---- factorisations --------------------------------------------------------------------------------------------------

ORDERINGS = ["auto", "dense", "natural", "banded", "rcm", "mmd", "colamd"]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 150),
    st.lists(st.integers(-4, 4), min_size=1, max_size=4, unique=True),
    st.sampled_from(ORDERINGS),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_factorisations(n, diagonals, ordering, shuffled, seed):
    rng = np.random.default_rng(seed)
    diagonals = sorted({0, *(d for d in diagonals if abs(d) < n)})
    parts = [rng.normal(size=n - abs(k)) + (9 if k == 0 else 0) for k in diagonals]
    A = sp.diags_array(parts, offsets=diagonals, shape=(n, n)).tocsr()
    if shuffled:
        order = rng.permutation(n)
        A = A[order][:, order]
    F = factorize(A, ordering)
    for x in (rng.normal(size=n), rng.normal(size=(n, 3))):
        np.testing.assert_allclose(F.solve(A @ x), x, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(F.solve(A.T @ x, transposed=True), x, rtol=1e-10, atol=1e-12)
    again = factorize(2 * A, F.ordering)
    np.testing.assert_allclose(again.solve(A @ x), x / 2, rtol=1e-10, atol=1e-12)


def test_the_ordering_is_chosen_by_the_structure():
    n = 400
    three = sp.diags_array([np.ones(n - 1), 3 * np.ones(n), np.ones(n - 1)], offsets=(-1, 0, 1)).tocsr()
    assert factorize(three).ordering == ("banded", None)
    shuffle = rng.permutation(n)
    mixed = factorize(three[shuffle][:, shuffle])
    assert mixed.ordering[0] == "banded"
    assert len(mixed.ordering[1]) == n
    assert (mixed.lower, mixed.upper) == (1, 1)
    grid = sp.kron(sp.eye_array(60), three[:60, :60]) + sp.kron(three[:60, :60], sp.eye_array(60))
    assert factorize(grid.tocsr()).ordering == "mmd"
    random = sp.random_array((n, n), density=0.02, rng=np.random.default_rng(1)) + 9 * sp.eye_array(n)
    assert factorize(random.tocsr()).ordering == "colamd"
    assert factorize((3 * random + random[shuffle]).tocsr()).ordering == "dense"
    assert factorize(three[:50, :50]).ordering == "dense"


def test_errors_of_factorize():
    with pytest.raises(ValueError, match=r"must be square; its shape is \(2, 3\)"):
        factorize(np.ones((2, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="NaN or infinity"):
        factorize(np.array([[np.nan]]))
    with pytest.raises(ValueError, match="ordering is one of auto, dense"):
        factorize(np.eye(2), "amd")
    with pytest.raises(ValueError, match=r"b has shape \(3,\); \(2,\) or \(2, k\) is needed"):
        factorize(np.eye(2)).solve(np.ones(3))
    for ordering in ORDERINGS:
        with pytest.raises(np.linalg.LinAlgError, match="singular"):
            factorize(sp.csr_array(np.diag([1.0, 0.0, 2.0])), ordering)
    assert factorize(np.zeros((0, 0))).solve(np.zeros(0)).shape == (0,)


def test_refinement_corrects_factors_of_a_matrix_nearby():
    A = rng.normal(size=(30, 30)) + 9 * np.eye(30)
    renewed = []
    renew = lambda: renewed.append(1) or factorize(A)
    near = factors.Refined(factorize(A + 1e-3 * rng.normal(size=A.shape)), A, renew)
    far = factors.Refined(factorize(rng.normal(size=A.shape)), A, renew)
    x = rng.normal(size=30)
    for F in (near, far, far):
        np.testing.assert_allclose(F.solve(A @ x), x, rtol=1e-11)
        np.testing.assert_allclose(F.solve(A.T @ x, transposed=True), x, rtol=1e-11)
    assert len(renewed) == 1

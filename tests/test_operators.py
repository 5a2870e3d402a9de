"""linear_operator, propagate, affine and nlp: what surrounds a Jacobian, against dense algebra."""

import re

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from hypothesis import given, settings, strategies as st

import chainrule as cr

rng = np.random.default_rng(0)

# ---- linear operators ------------------------------------------------------------------------------------------------


def f(x):
    return np.sin(x[1:]) * x[:-1] ** 2


def test_products_are_those_of_the_jacobian():
    x = rng.normal(size=6)
    A, J = cr.linear_operator(f, x), cr.jacobian(f)(x)
    v, u = rng.normal(size=6), rng.normal(size=5)
    assert A.shape == (5, 6)
    assert A.dtype == float
    for ours, theirs in ((A, J), (A.T, J.T), (A.H, J.T)):
        w = v if theirs.shape[1] == 6 else u
        np.testing.assert_allclose(ours @ w, theirs @ w, rtol=1e-13)
        W = rng.normal(size=(theirs.shape[1], 4))
        np.testing.assert_allclose(ours @ W, theirs @ W, rtol=1e-13)
        np.testing.assert_allclose(ours @ np.zeros((theirs.shape[1], 0)), np.zeros((theirs.shape[0], 0)))
    np.testing.assert_allclose((A.T @ A + 2 * spla.aslinearoperator(np.eye(6))) @ v, J.T @ (J @ v) + 2 * v)


def test_trees_dtypes_and_complex_numbers():
    tree = {"a": rng.normal(size=(2, 2)), "b": 1.5}
    g = lambda t: (t["a"] @ t["a"], t["b"] * t["a"][0])
    A = cr.linear_operator(g, tree)
    flat = lambda v: np.concatenate([np.ravel(p) for p in g({"a": v[:4].reshape(2, 2), "b": v[4]})])
    J = cr.jacobian(flat)(np.append(tree["a"].ravel(), 1.5))
    np.testing.assert_allclose(A @ np.eye(5), J, rtol=1e-13)
    np.testing.assert_allclose(A.T @ np.eye(6), J.T, rtol=1e-13)
    single = cr.linear_operator(f, np.ones(3, np.float32))
    assert single.dtype == np.float32
    assert (single @ np.ones(3, np.float32)).dtype == np.float32
    z = rng.normal(size=3) + 1j * rng.normal(size=3)
    C, JC = cr.linear_operator(f, z), cr.jacobian(f)(z)
    w = rng.normal(size=2) + 1j
    np.testing.assert_allclose(C @ z, JC @ z)
    np.testing.assert_allclose(C.H @ w, JC.conj().T @ w)
    np.testing.assert_allclose(C.T @ w, JC.T @ w)


def test_f_is_evaluated_once_for_products_and_once_for_those_with_the_transpose():
    calls = []

    def counted(x):
        calls.append(1)
        return f(x)

    A = cr.linear_operator(counted, rng.normal(size=6))
    for _ in range(5):
        A @ np.ones(6)
    assert len(calls) == 1
    for _ in range(5):
        A.T @ np.ones(5)
    assert len(calls) == 2


def test_scipys_iterations_take_it():
    x = rng.normal(size=8)
    energy = lambda x: np.sum(x**4) + np.sum((x[1:] - x[:-1]) ** 2) + np.sum(x**2)
    H = cr.linear_operator(cr.grad(energy), x)
    largest = spla.eigsh(H, k=1, return_eigenvectors=False, v0=np.ones(8))
    np.testing.assert_allclose(largest[0], np.linalg.eigvalsh(cr.hessian(energy)(x))[-1])
    b = rng.normal(size=8)
    np.testing.assert_allclose(H @ spla.cg(H, b, rtol=1e-12)[0], b, atol=1e-9)
    A = cr.linear_operator(f, x)
    s = spla.svds(A, k=2, return_singular_vectors=False, v0=np.ones(7), solver="arpack")
    np.testing.assert_allclose(np.sort(s), np.sort(np.linalg.svd(cr.jacobian(f)(x))[1])[-2:])


def test_an_operator_of_integers_is_refused():
    with pytest.raises(TypeError, match="linear_operator: the argument has dtype int64"):
        cr.linear_operator(f, np.arange(3))


# ---- propagation of covariances --------------------------------------------------------------------------------------


def random_covariance(n):
    A = rng.normal(size=(n, n))
    return A @ A.T / n


@pytest.mark.parametrize("n", [5, 260])
@pytest.mark.parametrize("kind", ["variances", "dense", "sparse"])
def test_propagate(n, kind):
    x = rng.uniform(0.5, 1.5, n)
    variances = rng.uniform(0.01, 0.02, n)
    cov = {
        "variances": variances,
        "dense": 1e-2 * random_covariance(n),
        "sparse": sp.diags_array([variances, 1e-3 * np.ones(n - 1), 1e-3 * np.ones(n - 1)], offsets=(0, 1, -1)),
    }[kind]
    C = np.diag(cov) if kind == "variances" else cov.toarray() if kind == "sparse" else cov
    y, cov_y = cr.propagate(f, x, cov)
    J = cr.jacobian(f)(x)
    np.testing.assert_allclose(y, f(x))
    assert sp.issparse(cov_y) == (kind == "sparse" or (kind == "variances" and n > 200))
    cov_y = cov_y.toarray() if sp.issparse(cov_y) else cov_y
    np.testing.assert_allclose(cov_y, J @ C @ J.T, rtol=1e-11, atol=1e-15)


def test_correlations_are_kept_and_the_mean_is_corrected():
    """u - u is 0 without any error; and of normal x the mean of x0 x1 is off by their covariance."""
    x, C = np.array([2.0, 3.0]), np.array([[0.04, 0.01], [0.01, 0.09]])
    _, none = cr.propagate(lambda x: (x[0] + x[1]) - (x[1] + x[0]), x, C)
    np.testing.assert_allclose(none, [[0]])
    mean, _ = cr.propagate(lambda x: np.stack([x[0] * x[1], x[0] ** 2, x[1]]), x, C, second_order=True)
    np.testing.assert_allclose(mean, [6.01, 4.04, 3.0])
    many = np.linspace(1, 2, 250)
    mean, _ = cr.propagate(lambda x: np.sum(x**2), many, np.full(250, 0.1), second_order=True)
    assert mean == pytest.approx(np.sum(many**2) + 25)
    shaped, cov = cr.propagate(lambda x: x.T, np.ones((2, 3)), np.arange(6.0).reshape(2, 3))
    assert shaped.shape == (3, 2)
    np.testing.assert_allclose(np.diag(cov), [0, 3, 1, 4, 2, 5])


def test_errors_of_propagate():
    x = np.ones(2)
    for cov, said in (
        (np.ones(3), "cov has shape (3,); for x of shape (2,) it holds variances, of that shape, or is a matrix"),
        (np.array([-1.0, 1.0]), "negative variance"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), "not symmetric: it differs from its transpose by up to 2"),
        (np.array([np.nan, 1.0]), "NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            cr.propagate(np.sin, x, cov)
    with pytest.raises(TypeError, match="the mean has dtype int64"):
        cr.propagate(np.sin, np.arange(2), np.ones(2))


# ---- affine functions ------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_affine_functions(n, seed):
    rng = np.random.default_rng(seed)
    M, c, order = rng.normal(size=(3, n)), rng.normal(size=n), rng.integers(0, n, 5)

    def g(x):
        y = np.zeros_like(x)
        y[1:] = 2 * x[:-1]
        y[0] = x.sum()
        parts = [y, M @ x - 1, x[order] / 3, np.cumsum(x) - c, np.where(c > 0, x, 2.0), np.convolve(x, [1.0, -2.0])]
        return np.concatenate(parts)

    A, b = cr.affine(g, n)
    assert A.format == "csc"
    x = rng.normal(size=n)
    np.testing.assert_allclose(A @ x + b, g(x), atol=1e-12)


def test_affine_serves_linprog():
    """The cheapest flow of 3 units along two routes, the first of which takes 2."""
    A, b = cr.affine(lambda x: x[0] + x[1] - 3, 2)
    found = scipy.optimize.linprog([1.0, 2.0], A_eq=A, b_eq=-b, bounds=[(0, 2), (0, None)])
    np.testing.assert_allclose(found.x, [2, 1])
    constant, b = cr.affine(lambda x: np.ones(3), (2, 2))
    assert constant.shape == (3, 4)
    assert constant.nnz == 0
    np.testing.assert_allclose(b, 1)


CURVED = {
    "power": lambda x: x**2,
    "absolute": lambda x: np.abs(x),
    "greater": lambda x: np.where(x > 3, x, 2 * x),
    "less": lambda x: np.clip(x, -10, 10) if x[0] < 3 else x,
    "argsort": lambda x: np.sort(x),
    "max": lambda x: x.max(),
    "divide": lambda x: 1 / x,
    "multiply": lambda x: x[0] * x,
    "matmul": lambda x: x @ x,
    "maximum": lambda x: np.maximum(x, -100),
}


@pytest.mark.parametrize("operation", CURVED)
def test_what_is_not_affine_is_named_with_its_line(operation):
    with pytest.raises(ValueError, match=rf"affine: {operation} of what depends on x is not affine \(at .*test_op"):
        cr.affine(CURVED[operation], 3)


def test_errors_of_affine():
    with pytest.raises(ValueError, match="n is the size or the shape"):
        cr.affine(lambda x: x, -1)


# ---- nonlinear programs ----------------------------------------------------------------------------------------------


def luksan_vlcek(n):
    """Problem 1 of Luksan and Vlcek, Sparse and partially separable test problems, 1999."""

    def objective(x):
        return np.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)

    def constraints(x):
        a, b, c = x[:-2], x[1:-1], x[2:]
        return 3 * b**3 + 2 * c - 5 + np.sin(b - c) * np.sin(b + c) + 4 * b - a * np.exp(a - b) - 3

    return objective, constraints, np.where(np.arange(n) % 2 == 0, -1.2, 1.0)


def test_the_forms_that_ipopt_takes():
    objective, constraints, x = luksan_vlcek(12)
    program = cr.nlp(objective, constraints, x)
    x = x + 0.1 * rng.normal(size=12)
    multipliers = rng.normal(size=10)
    np.testing.assert_allclose(program.objective(x), objective(x))
    np.testing.assert_allclose(program.gradient(x), cr.grad(objective)(x))
    np.testing.assert_allclose(program.constraints(x), constraints(x))
    J = np.zeros((10, 12))
    J[program.jacobianstructure()] = program.jacobian(x)
    np.testing.assert_allclose(J, cr.jacobian(constraints)(x), rtol=1e-12)
    H = np.zeros((12, 12))
    rows, cols = program.hessianstructure()
    assert (rows >= cols).all()
    H[rows, cols] = program.hessian(x, multipliers, 0.5)
    whole = cr.hessian(lambda x: 0.5 * objective(x) + multipliers @ constraints(x))(x)
    np.testing.assert_allclose(H, np.tril(whole), rtol=1e-10, atol=1e-12)
    assert repr(program).startswith("<NonlinearProgram of 12 unknowns and 10 constraints, 30 entries in the Jacobian, ")


def test_value_and_gradient_share_a_pass():
    calls = []

    def objective(x):
        calls.append(1)
        return np.sum(x**2)

    program = cr.nlp(objective, None, np.ones(3))
    calls.clear()
    x = np.arange(3.0)
    program.objective(x), program.gradient(x), program.objective(x)
    assert len(calls) == 1
    assert program.m == 0
    assert program.jacobian(x).shape == (0,)


def test_trust_constr_solves_it():
    objective, constraints, x0 = luksan_vlcek(30)
    program = cr.nlp(objective, constraints, x0)
    found = scipy.optimize.minimize(**program.trust_constr(0.0, 0.0), options={"maxiter": 300})
    assert found.fun == pytest.approx(6.2324586324, rel=1e-6)
    assert sp.issparse(found.jac[0])
    free = scipy.optimize.minimize(**cr.nlp(lambda x: np.sum((x - 1) ** 4), None, np.zeros(4)).trust_constr())
    np.testing.assert_allclose(free.x, 1, atol=1e-2)


@pytest.mark.parametrize("n", [50, 2000])
def test_ipopt_solves_it(n):
    pytest.importorskip("cyipopt")
    objective, constraints, x0 = luksan_vlcek(n)
    program = cr.nlp(objective, constraints, x0)
    x, info = program.ipopt(0.0, 0.0, print_level=0, tol=1e-8, sb="yes")
    assert info["status"] == 0
    assert info["obj_val"] == pytest.approx(6.2324586324, rel=1e-8)
    np.testing.assert_allclose(constraints(x), 0, atol=1e-8)
    held, info = program.ipopt(0.0, 0.0, (-np.inf, np.full(n, 0.9)), print_level=0, sb="yes")
    assert held.max() <= 0.9 + 1e-7


def test_a_structure_that_changes_is_an_error():
    program = cr.nlp(lambda x: x[0] * x[1] if x[0] > 0 else x[1] * x[2], lambda x: x[:1], np.ones(3))
    with pytest.raises(ValueError, match=r"the Hessian of the Lagrangian has an entry at \(2, 1\) that it did not"):
        program.hessian(-np.ones(3), np.zeros(1), 1.0)


def test_errors_of_nlp():
    with pytest.raises(TypeError, match="nlp: x0 has dtype int64"):
        cr.nlp(np.sum, None, np.arange(3))
    with pytest.raises(ValueError, match="x0 holds NaN"):
        cr.nlp(np.sum, None, np.full(2, np.nan))
    with pytest.raises(ValueError, match=r"must be a single number; it has the shape \(3,\)"):
        cr.nlp(lambda x: x, None, np.ones(3))
    with pytest.raises(cr.LeakedTracerError, match="nlp: a function uses a traced value"):
        cr.grad(lambda a: cr.nlp(lambda x: np.sum(x), lambda x: a * x, np.ones(2)).n * a)(1.0)

"""Sparse Jacobians by slots: every operation, random programs, prepared ones, trees and bad input."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings, strategies as st

import chainrule as cr
from cases import CASES
from chainrule import testing

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # slopes at the edges of domains


def agrees(f, x, tolerance=1e-11):
    """The sparse Jacobian is the dense one, at the first call and when indices are known."""
    J = cr.jacobian(f, sparse=True)
    try:
        dense = np.asarray(cr.jacobian(f, flatten=True)(x))
        J(x)
    except TypeError as error:  # a step may be refused though what comes of it in the end is holomorphic
        if "not holomorphic" not in str(error) or x.dtype.kind != "c":
            raise
        return
    for _ in range(2):
        found = J(x)
        assert found.shape == dense.shape
        assert found.has_canonical_format
        np.testing.assert_allclose(found.toarray(), dense, rtol=tolerance, atol=tolerance)
    if not np.isnan(dense).any():
        assert testing.pattern_of(f, x)[np.abs(dense) > 1e-6 * np.max(np.abs(dense), initial=0)].all()


@pytest.mark.parametrize("primitive", dict.fromkeys(case.primitive for case in CASES))
def test_every_operation(primitive):
    for case in (case for case in CASES if case.primitive == primitive):
        example = testing.example(str(case), case.f, case.args)
        for k, y in enumerate(example.ys):
            for i, x in enumerate(example.xs):
                low = any(np.asarray(v).dtype in (np.float16, np.float32, np.complex64) for v in (x, y))
                with np.errstate(all="ignore"):
                    agrees(
                        lambda v, i=i, k=k, e=example: e.f(*e.xs[:i], v, *e.xs[i + 1 :])[k],
                        np.asarray(x),
                        1e-4 if low else 1e-11,
                    )


# ---- random programs ----------------------------------------------------------------------------------------------

STEPS = {
    "shift": lambda y, x: np.roll(y, 1) * x,
    "slope": lambda y, x: np.concatenate([y[1:] - y[:-1], y[:1]]),
    "square": lambda y, x: y * y + x,
    "sine": lambda y, x: np.sin(y),
    "choose": lambda y, x: np.where(x > 0, y, 2 * y),
    "larger": lambda y, x: np.maximum(y, x),
    "write": lambda y, x: _written(y),
    "matrix": lambda y, x: (y.reshape(2, -1).T @ np.array([[1.0, 2.0], [0.0, 1.0]])).T.ravel(),
    "own matrix": lambda y, x: (np.tanh(y.reshape(2, -1)) @ x.reshape(-1, 2)[:, :1]).sum() + y,
    "mean": lambda y, x: y - np.mean(y.reshape(2, -1), axis=0, keepdims=True).repeat(2, 0).ravel(),
    "sum": lambda y, x: y * np.sum(x[:3]),
    "sort": lambda y, x: np.sort(y),
    "take": lambda y, x: y[np.array([0, 0, 3, 1, -1, 2])[: len(y)]],
    "running": lambda y, x: np.cumsum(y),
    "system": lambda y, x: np.linalg.solve(np.eye(2) * 3 + y[:4].reshape(2, 2), y.reshape(2, -1)).ravel(),
}


def _written(y):
    z = np.zeros_like(y)
    z[::2] = y[::2] ** 2
    z[1] += y[0]
    return z


@settings(max_examples=60)
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=6), seed=st.integers(0, 50))
def test_random_programs(steps, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, 6)

    def f(x):
        y = x
        for step in steps:
            y = STEPS[step](y, x)
        return y

    agrees(f, x, 1e-9)
    J = cr.jacobian(f, sparse=True)
    prepared = J.prepare(x)
    np.testing.assert_allclose(prepared(x).toarray(), J(x).toarray(), rtol=1e-12, atol=1e-12)


@settings(max_examples=30)
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4), seed=st.integers(0, 50))
def test_random_programs_colored_and_structured(steps, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, 6)

    def f(x):
        y = x
        for step in steps:
            y = STEPS[step](y, x)
        return y

    dense = cr.jacobian(f)(x)
    np.testing.assert_allclose(cr.jacobian(f, mode="colored", sparse=True)(x).toarray(), dense, 1e-9, 1e-9)
    np.testing.assert_allclose(cr.jacobian(f, structure=True)(x).toarray(), dense, 1e-9, 1e-9)
    g = lambda x: np.sum(f(x) ** 2)
    H = cr.hessian(g)(x)
    np.testing.assert_allclose(cr.hessian(g, mode="colored", sparse=True)(x).toarray(), H, 1e-9, 1e-7)
    np.testing.assert_allclose(cr.hessian(g, structure=True)(x).toarray(), H, 1e-9, 1e-7)


# ---- what comes back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["csr", "csc", "coo", "bsr"])
def test_formats(format):
    x = np.linspace(0, 1, 20)
    f = lambda x: x[1:] * x[:-1] ** 2
    J = cr.jacobian(f, sparse=True, format=format)
    assert J(x).format == format
    assert isinstance(J(x), scipy.sparse.sparray)
    np.testing.assert_allclose(J(x).toarray(), cr.jacobian(f)(x))
    np.testing.assert_allclose(J.prepare(x)(x + 1).toarray(), cr.jacobian(f)(x + 1))


def test_trees_and_argnums():
    def f(a, p):
        return {"u": a[:, None] * p["W"], "v": p["b"] @ p["b"]}

    a, p = np.arange(1.0, 3), {"W": np.arange(6.0).reshape(2, 3), "b": np.ones(4)}
    sparse = cr.jacobian(f, argnums=(0, 1), sparse=True)(a, p)
    dense = cr.jacobian(f, argnums=(0, 1), flatten=True)(a, p)
    for out in ("u", "v"):
        np.testing.assert_allclose(sparse[out][0].toarray(), dense[out][0])
        for name in ("W", "b"):
            np.testing.assert_allclose(sparse[out][1][name].toarray(), dense[out][1][name])
    assert sparse["u"][1]["W"].nnz == 6
    assert sparse["u"][1]["b"].nnz == 0


def test_flattened_dense_and_slots_and_chunks_are_the_same():
    x = np.arange(6.0).reshape(2, 3)
    f = lambda x: np.sin(x).T * x[0][:, None]
    expected = cr.jacobian(f)(x)
    assert expected.shape == (3, 2, 2, 3)
    for options in ({"mode": "slots"}, {"mode": "forward", "chunk": 4}, {"mode": "reverse", "chunk": 5}):
        np.testing.assert_allclose(cr.jacobian(f, **options)(x), expected)
        np.testing.assert_allclose(cr.jacobian(f, flatten=True, **options)(x), expected.reshape(6, 6))


def test_aux_and_keywords():
    J, aux = cr.jacobian(lambda x, k=1.0: (k * x, "seen"), sparse=True, has_aux=True)(np.ones(3), k=2.0)
    np.testing.assert_array_equal(J.toarray(), 2 * np.eye(3))
    assert aux == "seen"


def test_what_depends_on_values_is_found_anew():
    J = cr.jacobian(lambda x: x[np.argsort(x)] * (2 if x[0] > 0 else 3), sparse=True)
    np.testing.assert_array_equal(J(np.array([1.0, 3.0, 2.0])).toarray(), 2 * np.eye(3)[[0, 2, 1]])
    np.testing.assert_array_equal(J(np.array([-1.0, -3.0, 2.0])).toarray(), 3 * np.eye(3)[[1, 0, 2]])


def test_closures_may_change_between_calls_and_not_of_a_prepared_one():
    scale = np.ones(3)
    J = cr.jacobian(lambda x: scale * x, sparse=True)
    prepared = J.prepare(np.ones(3))
    scale[:] = 5
    np.testing.assert_array_equal(J(np.ones(3)).data, [5, 5, 5])
    np.testing.assert_array_equal(prepared.data(np.ones(3)), [1, 1, 1])


def test_prepared():
    x = np.linspace(1, 2, 50)
    f = lambda x: np.concatenate([x[1:] * x[:-1], np.sum(x**3).reshape(1)])
    prepared = cr.jacobian(f, sparse=True).prepare(x)
    rows, columns = prepared.structure()
    data = prepared.data(2 * x)
    expected = cr.jacobian(f)(2 * x)
    np.testing.assert_allclose(data, expected[rows, columns])
    assert np.count_nonzero(expected) == prepared.nnz == len(data)
    data[:] = 0  # it is the caller's
    np.testing.assert_allclose(prepared.data(2 * x), expected[rows, columns])
    assert "50 x 50" in repr(prepared)


def test_a_prepared_one_says_where_it_does_not_hold():
    prepared = cr.jacobian(lambda x: x**2 if x[0] > 0 else x, sparse=True).prepare(np.ones(3))
    with pytest.raises(ValueError, match="prepare it again"):
        prepared.data(-np.ones(3))


def test_entries_have_derivatives():
    """The derivative of the sum of all second derivatives."""
    f = lambda x: np.sum(x[1:] * x[:-1] ** 3)
    x = np.linspace(1, 2, 6)
    H = cr.hessian(f, sparse=True)
    slots = cr.jacobian(cr.grad(f), sparse=True)
    total = lambda x: np.sum(slots.entries(x))
    np.testing.assert_allclose(total(x), H(x).sum())
    expected = cr.grad(lambda x: np.sum(cr.hessian(f)(x)))(x)
    np.testing.assert_allclose(cr.grad(total)(x), expected)
    np.testing.assert_allclose(cr.jvp(total, (x,), (x,))[1], expected @ x)
    np.testing.assert_allclose(cr.vmap(total)(np.stack([x, 2 * x])), [total(x), total(2 * x)])


def test_nothing_at_all():
    assert cr.jacobian(lambda x: x, sparse=True)(np.zeros(0)).shape == (0, 0)
    assert cr.jacobian(lambda x: np.ones(2), sparse=True)(np.ones(3)).nnz == 0
    assert cr.jacobian(lambda x: x[:0], sparse=True)(np.ones(3)).shape == (0, 3)
    assert cr.hessian(lambda x: np.sum(x), sparse=True)(np.ones(3)).nnz == 0


def test_rows_that_are_not_numbers_stay_where_they_are():
    J = cr.jacobian(lambda x: np.sqrt(x) * 2, sparse=True)(np.array([1.0, np.nan, 4.0]))
    np.testing.assert_allclose(J.diagonal(), [1.0, np.nan, 0.5])
    assert J.nnz == 3


def test_bad_input():
    with pytest.raises(TypeError, match="floating point"):
        cr.jacobian(np.square, sparse=True)(np.arange(3))
    with pytest.raises(TypeError):
        cr.jacobian(lambda x: "text", sparse=True)(np.ones(3))
    with pytest.raises(ValueError, match="format"):
        cr.jacobian(np.square, sparse=True, format="dia")


W, B = np.random.default_rng(0).normal(size=(5, 7)), np.random.default_rng(1).normal(size=(3, 7))
STRUCTURES = {
    "ReLU": (lambda v: np.maximum(v, 0), W[0], "Diagonal"),
    "fully connected, by the weights": (lambda M: M @ B[0], W, "BlockDiagonal"),
    "fully connected, by the input": (lambda v: W @ v, B[0], "csr_array"),
    "a batch": (lambda X: np.tanh(X @ W.T), B, "BlockDiagonal"),
    "second differences": (lambda x: x[2:] - 2 * x[1:-1] + x[:-2], np.arange(9.0), "Stencil"),
    "a bidiagonal one": (lambda x: x[1:] * x[:-1], np.arange(9.0), "Banded"),
    "a mean taken away": (lambda x: x - np.mean(x), np.arange(50.0), "LowRank"),
    "one deviation from the mean": (lambda x: (x - np.mean(x)) / np.std(x), np.arange(50.0), "LowRank"),
    "a step in two parts": (lambda x: np.where(x > 3, x, 0 * x), np.arange(9.0), "Diagonal"),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures(name):
    f, x, kind = STRUCTURES[name]
    J = cr.jacobian(f, structure=True)(x)
    dense = cr.jacobian(f, flatten=True)(x)
    assert type(J).__name__ == kind
    np.testing.assert_allclose(J.toarray(), dense, rtol=1e-12, atol=1e-14)
    v = np.linspace(-1, 1, dense.shape[1])
    np.testing.assert_allclose(J @ v, dense @ v, rtol=1e-12, atol=1e-12)
    by_color = cr.jacobian(f, structure=True, mode="colored")(x)
    np.testing.assert_allclose(by_color.toarray(), dense, rtol=1e-12, atol=1e-14)


def test_fully_connected_layers_store_their_input_once():
    x = np.arange(1.0, 1001)
    J = cr.jacobian(lambda W: W @ x, structure=True)(np.ones((500, 1000)))
    assert J.shape == (500, 500_000)
    assert J.stored == 1000
    assert np.shares_memory(J.blocks, x)


def test_hessians_of_functions_of_sums_have_low_rank():
    x = np.linspace(0.1, 1, 2000)
    f = lambda x: np.log(np.sum(np.exp(x))) + np.sum(x**3) * np.sum(np.sin(x)) + np.sum(x[1:] * x[:-1])
    H = cr.hessian(f, structure=True)(x)
    assert type(H).__name__ == "LowRank"
    assert H.left.shape[1] <= 3
    v = np.sin(x)
    np.testing.assert_allclose(H @ v, cr.hvp(f)(x, v), rtol=1e-11)


def test_what_is_set_aside_may_depend_on_what_was_before():
    def f(x):
        m = np.mean(x)
        s = np.sqrt(np.mean((x - m) ** 2))
        return np.sin(x) * s + m

    x = np.linspace(0.5, 2, 60)
    J = cr.jacobian(f, structure=True)(x)
    np.testing.assert_allclose(J.toarray(), cr.jacobian(f)(x), rtol=1e-12, atol=1e-14)
    blocks = cr.jacobian(lambda a, b: a * f(b), argnums=(0, 1), structure=True)(x, x)
    assert [type(b).__name__ for b in blocks] == ["Diagonal", "LowRank"]
    np.testing.assert_allclose(blocks[1].toarray(), cr.jacobian(lambda b: x * f(b))(x), rtol=1e-12, atol=1e-14)


def test_colored_jacobians_of_trees():
    def f(a, b):
        return {"u": a[1:] * b[0], "v": np.stack([a @ a, b @ b])}

    a, b = np.arange(1.0, 6), np.arange(2.0, 4)
    colored = cr.jacobian(f, argnums=(0, 1), sparse=True, mode="colored", format="csc", chunk=1)(a, b)
    dense = cr.jacobian(f, argnums=(0, 1))(a, b)
    for name in ("u", "v"):
        for found, expected in zip(colored[name], dense[name], strict=True):
            assert found.format == "csc"
            np.testing.assert_allclose(found.toarray(), expected)


def test_global_and_local_patterns():
    choose = lambda x: np.where(x > 0, x, x[::-1])
    x = np.array([1.0, -1.0, 2.0])
    assert cr.sparsity(choose, x).nnz == 5
    assert cr.sparsity(choose, x, local=True).nnz == 3
    assert cr.sparsity(lambda x: x * 0 + x[0] * np.zeros(3), x).nnz == 5  # a slope that happens to be zero counts
    branch = lambda x: x if x[0] > 0 else x[::-1]
    assert cr.sparsity(branch, x, local=True).toarray().trace() == 3
    with pytest.raises(ValueError, match="test_sparse_jacobians"):
        cr.sparsity(branch, x)


def test_zeros_of_constant_matrices_are_no_entries():
    n = 30
    A = np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
    x = np.linspace(1, 2, n)
    f = lambda x: np.sin(A @ (x * x)) + np.einsum("ij,j->i", A, x)
    J = cr.jacobian(f, sparse=True)
    for _ in range(2):
        assert J(x).nnz == 3 * n - 2
        np.testing.assert_allclose(J(x).toarray(), cr.jacobian(f)(x))
    assert cr.sparsity(f, x).nnz == 3 * n - 2
    A[0, 5] = 1.0
    assert J(x).nnz == 3 * n - 1
    assert J(x)[0, 5] != 0


def test_patterns_of_trees():
    f = lambda p: {"u": p["a"][1:] * p["b"], "v": (p["a"], p["b"])}
    found = cr.sparsity(f, {"a": np.ones(3), "b": np.ones(2)})
    assert found["u"]["a"].toarray().tolist() == [[False, True, False], [False, False, True]]
    assert found["u"]["b"].toarray().tolist() == [[True, False], [False, True]]
    assert found["v"][0]["a"].nnz == 3
    assert found["v"][0]["b"].nnz == 0
    assert found["v"][0]["b"].shape == (3, 2)


def test_plans_say_what_will_be_done():
    text = str(cr.jacobian(lambda x: x[1:] * x[:-1], sparse=True).plan(np.ones(100)))
    assert "99 x 100" in text
    assert "198 entries" in text
    assert "-> slots" in text
    assert "2 passes" in text
    assert "-> forward" in str(cr.jacobian(np.sin).plan(np.ones(3)))
    assert "-> reverse" in str(cr.jacobian(np.sum).plan(np.ones(9)))
    assert "star" in str(cr.hessian(lambda x: np.sum(x[1:] * x[:-1]), sparse=True).plan(np.ones(3)))

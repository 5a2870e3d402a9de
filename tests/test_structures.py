"""Structured matrices compute what their arrays do; what is recognized is the matrix that it was made from."""

import functools
import itertools

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg
from hypothesis import given, settings, strategies as st

import chainrule as cr
from chainrule.jacobians.structures import from_pieces, recognize
from chainrule.jacobians.structures.structured import numbers_in


def draw(rng, *shape, dtype=float):
    x = rng.uniform(0.5, 1.5, shape)
    return (x + 1j * rng.uniform(0.5, 1.5, shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def banded(rng, m, n, offsets, dtype=float):
    return cr.Banded([draw(rng, m, dtype=dtype) for _ in offsets], offsets, (m, n))


def examples(dtype):
    """One or more of each class: name, matrix, and the same as an array, made in another way."""
    rng = np.random.default_rng(0)
    make = functools.partial(draw, rng, dtype=dtype)
    v = make(6)
    yield "diagonal", cr.Diagonal(v), np.diag(v)
    yield "diagonal, tall", cr.Diagonal(v, (9, 6)), np.vstack([np.diag(v), np.zeros((3, 6))])
    yield "diagonal, wide", cr.Diagonal(v, (6, 8)), np.hstack([np.diag(v), np.zeros((6, 2))])
    same = np.broadcast_to(make(1), 6)
    yield "diagonal, equal", cr.Diagonal(same), np.diag(same)
    B = make(3, 2, 2)
    yield "blocks", cr.BlockDiagonal(B), sp.block_diag(list(B)).toarray()
    B = make(3, 2, 4)
    yield "blocks, wide", cr.BlockDiagonal(B), sp.block_diag(list(B)).toarray()
    B = make(2, 3)
    yield "blocks, equal", cr.BlockDiagonal(np.broadcast_to(B, (4, 2, 3))), np.kron(np.eye(4), B)
    B = make(2, 3, 3, 4)
    full = np.zeros((2, 3, 4, 2, 3, 4), dtype)
    for b, c in itertools.product(range(2), range(4)):
        full[b, :, c, b, :, c] = B[b, :, :, c]
    yield "blocks, interleaved", cr.BlockDiagonal(B), full.reshape(24, 24)
    for name, m, n, offsets in (
        ("tridiagonal", 6, 6, [-1, 0, 1]),
        ("banded, unordered", 6, 6, [2, 0, -3]),
        ("banded, tall", 7, 4, [-4, -1, 0, 2]),
        ("banded, wide", 4, 7, [-1, 0, 5]),
        ("banded, mostly empty", 60, 60, [-40, 0, 40]),
    ):
        A = banded(rng, m, n, offsets, dtype)
        full = np.zeros((m, n), dtype)
        for d, k in zip(A.diagonals, A.offsets, strict=True):
            for i in range(m):
                if 0 <= i + k < n:
                    full[i, i + k] = d[i]
        if m == n:
            full += 4 * np.eye(m)
            A = A + cr.Diagonal(np.full(m, 4.0, dtype))
        yield name, A, full
    for name, stencil in (
        ("stencil", cr.Stencil(make(3), [-1, 0, 1], 7)),
        ("stencil, periodic", cr.Stencil([*make(2), 5.0], [-1, 1, 0], 7, periodic=True)),
        ("stencil, shorter", cr.Stencil(make(2), [0, 1], 6, 7)),
        ("stencil, grid", cr.Stencil([*make(4), 9.0], [(0, 1), (0, -1), (1, 0), (-1, 0), (0, 0)], (3, 4))),
        (
            "stencil, periodic grid",
            cr.Stencil([*make(3), 9.0], [(0, 1), (-2, 0), (1, 1), (0, 0)], (3, 4), periodic=True),
        ),
        (
            "stencil, periodic one way",
            cr.Stencil([make(3, 1), make(4), 9.0], [(0, 1), (1, 0), (0, 0)], (3, 4), periodic=(True, False)),
        ),
        ("stencil, inner points", cr.Stencil([make(2, 3), 2.0], [(1, 1), (0, 2)], (2, 3), (4, 5))),
    ):
        full = np.zeros((*stencil.grid, *stencil.source), dtype)
        for c, offset in zip(stencil.coefficients, stencil.offsets, strict=True):
            c = np.broadcast_to(c, stencil.grid)
            for point in np.ndindex(stencil.grid):
                place = [a + b for a, b in zip(point, offset, strict=True)]
                place = [a % n if p else a for a, n, p in zip(place, stencil.source, stencil.periodic, strict=True)]
                if all(0 <= a < n for a, n in zip(place, stencil.source, strict=True)):
                    full[(*point, *place)] += c[point]
        yield name, stencil, full.reshape(stencil.shape)
    U, V = make(6, 2), make(6, 2)
    yield "low rank", cr.LowRank(U, V[:5]), U @ V[:5].T
    yield "low rank, plus diagonal", cr.LowRank(U, V, cr.Diagonal(v)), U @ V.T + np.diag(v)
    T = sp.csr_array(np.diag(v) + np.diag(v[:5], 1))
    yield "low rank, plus sparse", cr.LowRank(U, V) + T, U @ V.T + T.toarray()
    P, Q = make(3, 3) + 3 * np.eye(3, dtype=dtype), make(2, 2) + 2 * np.eye(2, dtype=dtype)
    yield "kronecker", cr.Kronecker(P, Q), np.kron(P, Q)
    yield (
        "kronecker of three",
        cr.Kronecker(cr.Diagonal(v), sp.csr_array(P), make(2, 3)),
        np.zeros(0),
    )


CASES = {}
for kind in (float, complex, np.float32):
    for name, matrix, array in examples(kind):
        if not array.size:
            array = functools.reduce(np.kron, [A if isinstance(A, np.ndarray) else A.toarray() for A in matrix.factors])
        CASES[f"{name}, {np.dtype(kind)}"] = matrix, array
SQUARE = [name for name, (A, _) in CASES.items() if A.shape[0] == A.shape[1]]
each = pytest.mark.parametrize("name", CASES)


def close(found, expected, dtype=float):
    found = found.toarray() if hasattr(found, "toarray") else found
    tolerance = 2e-4 if np.dtype(dtype).itemsize == 4 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@each
def test_the_array(name):
    A, full = CASES[name]
    assert A.shape == full.shape
    assert A.dtype.kind == full.dtype.kind
    close(A, full, A.dtype)
    assert A.toarray().dtype == A.dtype
    csr = A.tocsr()
    assert csr.format == "csr"
    close(csr, full, A.dtype)
    close(A.T, full.T, A.dtype)
    close(A.transpose(), full.T, A.dtype)
    close(A.H, full.conj().T, A.dtype)
    close(A.conj(), full.conj(), A.dtype)
    close(A.diagonal(), np.diagonal(full), A.dtype)


@each
def test_products(name):
    A, full = CASES[name]
    m, n = A.shape
    rng = np.random.default_rng(1)
    for x in (draw(rng, n), draw(rng, n, 3), draw(rng, n, dtype=complex), np.arange(n), draw(rng, n, 0)):
        found = A @ x
        assert type(found) is np.ndarray
        assert found.shape == (full @ x).shape
        close(found, full @ x, A.dtype)
    for x in (draw(rng, m), draw(rng, 3, m), draw(rng, m, dtype=complex)):
        found = x @ A
        assert type(found) is np.ndarray
        close(found, x @ full, A.dtype)
    X, Y = sp.random_array((n, 4), density=0.5, rng=rng), sp.random_array((4, m), density=0.5, rng=rng)
    for found, expected in ((A @ X, full @ X.toarray()), (Y @ A, Y.toarray() @ full)):
        assert sp.issparse(found)
        close(found, expected, A.dtype)
    close(A.dot(np.ones(n)), full @ np.ones(n), A.dtype)


@each
def test_as_a_linear_operator(name):
    A, full = CASES[name]
    L = A.as_linear_operator()
    assert isinstance(L, scipy.sparse.linalg.LinearOperator)
    assert (L.shape, L.dtype) == (A.shape, A.dtype)
    x, y = np.arange(A.shape[1]) + 1.0, np.arange(A.shape[0]) + 1.0
    close(L @ x, full @ x, A.dtype)
    close(L.H @ y, full.conj().T @ y, A.dtype)
    close(L @ np.stack([x, x], 1), full @ np.stack([x, x], 1), A.dtype)
    close(L.H @ np.stack([y, y], 1), full.conj().T @ np.stack([y, y], 1), A.dtype)


@each
def test_multiples(name):
    A, full = CASES[name]
    for found, expected in ((2 * A, 2 * full), (A * np.float32(3), 3 * full), (A / 4, full / 4), (-A, -full)):
        assert type(found) is type(A)
        close(found, expected, A.dtype)
    close(np.float64(2) * A, 2 * full, A.dtype)
    close(2j * A, 2j * full, A.dtype)
    assert (2 * A).stored == A.stored
    assert +A is A


@pytest.mark.parametrize("kind", ["float64", "complex128"])
def test_sums_and_products_of_all_pairs(kind):
    names = [n for n in CASES if n.endswith(kind)]
    for a, b in itertools.product(names, names):
        (A, full), (B, other) = CASES[a], CASES[b]
        if A.shape == B.shape:
            close(A + B, full + other)
            close(A - B, full - other)
        if A.shape[1] == B.shape[0]:
            close(A @ B, full @ other)
        if A.shape[0] == B.shape[0]:
            close(A.T @ B, full.T @ other)
    for a in names:
        A, full = CASES[a]
        S = sp.random_array(A.shape, density=0.3, rng=0)
        for found, expected in ((A + S, full + S), (S + A, full + S), (A - S, full - S), (S - A, S - full)):
            close(found, expected)
        ones = np.ones(A.shape)
        for found, expected in ((A + ones, full + 1), (ones + A, full + 1), (A - ones, full - 1), (ones - A, 1 - full)):
            assert type(found) is np.ndarray
            close(found, expected)


def test_what_is_closed_stays_structured():
    rng = np.random.default_rng(0)
    D, B = cr.Diagonal(draw(rng, 6)), cr.BlockDiagonal(draw(rng, 3, 2, 2))
    T, S = banded(rng, 6, 6, [-1, 0, 1]), cr.Stencil([1.0, -2.0, 1.0], [-1, 0, 1], 6)
    R = cr.Stencil([1.0, -2.0, 1.0], [-1, 0, 1], 6, periodic=True)
    L, K = cr.LowRank(draw(rng, 6, 1), draw(rng, 6, 1)), cr.Kronecker(draw(rng, 3, 3), draw(rng, 2, 2))
    expected = {
        (D, D): cr.Diagonal, (B, B): cr.BlockDiagonal, (D, B): cr.BlockDiagonal, (B, D): cr.BlockDiagonal,
        (T, T): cr.Banded, (D, T): cr.Banded, (T, D): cr.Banded, (T, S): cr.Banded, (S, T): cr.Banded,
        (R, R): cr.Stencil, (L, L): cr.LowRank, (D, L): cr.LowRank, (L, T): cr.LowRank, (S, L): cr.LowRank,
        (K, L): cr.LowRank,
    }  # fmt: skip
    for (a, b), kind in expected.items():
        assert type(a + b) is kind, (a, b, a + b)
        assert type(a @ b) is kind, (a, b, a @ b)
    assert type(K @ K) is cr.Kronecker
    assert type(K + cr.Kronecker(K.factors[0], np.eye(2))) is cr.Kronecker
    assert type(S + S) is type(R + D) is cr.Stencil
    assert sp.issparse(B @ T)
    assert sp.issparse(B + T)
    assert (T @ T).offsets == (-2, -1, 0, 1, 2)
    assert (R @ R).offsets == ((-2,), (-1,), (0,), (1,), (2,))


# ---- systems ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SQUARE)
def test_solve(name):
    A, full = CASES[name]
    if np.linalg.cond(full.astype(complex)) > 1e6:
        return
    rng = np.random.default_rng(2)
    for b in (draw(rng, len(full)), draw(rng, len(full), 2), draw(rng, len(full), dtype=complex)):
        x = A.solve(b)
        assert x.shape == b.shape
        close(full @ x, b, A.dtype)
    assert np.linalg.cond(full.astype(complex)) < 1e6


def test_most_square_examples_are_regular():
    regular = [n for n in SQUARE if np.linalg.cond(CASES[n][1].astype(complex)) < 1e6]
    assert len(regular) > 0.8 * len(SQUARE)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cr.Diagonal([1.0, 0.0]).solve([1.0, 1.0]), np.linalg.LinAlgError, "entry 1 of the diagonal is 0"),
        (lambda: cr.LowRank(np.ones((3, 1)), np.ones((3, 1))).solve(np.ones(3)), np.linalg.LinAlgError, "is singular"),
        (
            lambda: cr.Stencil([1.0, -2.0, 1.0], [-1, 0, 1], 8, periodic=True).solve(np.ones(8)),
            np.linalg.LinAlgError,
            "an eigenvalue is 0",
        ),
        (lambda: cr.BlockDiagonal(np.zeros((2, 2, 2))).solve(np.ones(4)), np.linalg.LinAlgError, "Singular"),
        (lambda: cr.Diagonal(np.ones(2), (3, 2)).solve(np.ones(3)), ValueError, "is not square"),
        (lambda: cr.Kronecker(np.ones((2, 3)), np.ones((3, 2))).solve(np.ones(6)), ValueError, "not square"),
        (lambda: cr.Diagonal(np.ones(3)).solve(np.ones(2)), ValueError, r"has 3 rows; got the shape \(2,\)"),
        (lambda: cr.Diagonal(np.ones((2, 2))), ValueError, "the values are a vector"),
        (lambda: cr.Diagonal(np.ones(2), (3, 3)), ValueError, "has 3 entries; got 2"),
        (lambda: cr.Diagonal(np.array(["a"])), TypeError, "should be numbers"),
        (lambda: cr.BlockDiagonal(np.ones((2, 2))), ValueError, "the blocks are an array of shape"),
        (lambda: cr.Banded([np.ones(3)], [0, 1]), ValueError, "an offset of its own"),
        (lambda: cr.Banded([np.ones(3)] * 2, [1, 1]), ValueError, "an offset of its own"),
        (lambda: cr.Banded([], []), ValueError, "the shape is needed"),
        (lambda: cr.Banded([np.ones(3)], [0], (4, 4)), ValueError, r"an entry per row, the shape \(4,\)"),
        (lambda: cr.Stencil([1.0], [(0, 1)], 5), ValueError, "same number of axes"),
        (lambda: cr.Stencil([1.0], [0, 1], 5), ValueError, "a coefficient per offset"),
        (lambda: cr.Stencil([1.0], [0], 4, 5, periodic=True), ValueError, "as long"),
        (lambda: cr.Stencil([np.ones(3)], [0], 4), ValueError, "broadcast"),
        (lambda: cr.LowRank(np.ones((3, 1)), np.ones((3, 2))), ValueError, "as many columns"),
        (lambda: cr.LowRank(np.ones((3, 1)), np.ones((3, 1)), cr.Diagonal(np.ones(2))), ValueError, "to be added"),
        (lambda: cr.Kronecker(), ValueError, "at least one factor"),
        (lambda: cr.Kronecker(np.ones(3)), ValueError, "the factors are matrices"),
        (lambda: cr.Diagonal(np.ones(3)) @ np.ones(2), ValueError, "the sizes do not fit"),
        (lambda: np.ones(2) @ cr.Diagonal(np.ones(3)), ValueError, "the sizes do not fit"),
        (lambda: cr.Diagonal(np.ones(3)) @ cr.Diagonal(np.ones(2)), ValueError, "the sizes do not fit"),
        (lambda: cr.Diagonal(np.ones(3)) + cr.Diagonal(np.ones(2)), ValueError, "the shapes differ"),
        (lambda: cr.Diagonal(np.ones(3)) + 1, TypeError, "unsupported"),
        (lambda: cr.Diagonal(np.ones(3)) * np.ones(3), TypeError, "does not support ufuncs"),
        (lambda: from_pieces([(np.zeros((1, 3)), 1.0)], (3,), (3,)), ValueError, "an integer array"),
        (lambda: from_pieces([(np.zeros((1, 2), int), 1.0)], (3,), (3,)), ValueError, "an integer array"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_empty_matrices():
    for A in (
        cr.Diagonal(np.zeros(0)),
        cr.BlockDiagonal(np.zeros((0, 2, 3))),
        cr.Banded([np.zeros(0)], [0]),
        cr.Stencil([1.0], [0], 0),
        cr.Stencil([1.0, 2.0], [0, 1], 0, periodic=True),
        cr.LowRank(np.zeros((0, 1)), np.zeros((0, 1))),
        cr.Kronecker(np.zeros((0, 0)), np.ones((2, 2))),
    ):
        assert A.toarray().shape == A.tocsr().shape == (0, 0)
        assert (A @ np.zeros(0)).shape == (0,)
        assert (A @ np.zeros((0, 2))).shape == (0, 2)
        assert A.T.shape == (0, 0)
        assert "0 x 0" in repr(A)


# ---- what is given is kept, not copied --------------------------------------------------------------------------


def test_nothing_is_copied():
    v, B = np.ones(4), np.ones((2, 3, 3))
    assert cr.Diagonal(v).values is v
    assert cr.Diagonal(v).T.values is v
    assert np.shares_memory(cr.BlockDiagonal(B).blocks, B)
    assert np.shares_memory(cr.BlockDiagonal(B).T.blocks, B)
    assert cr.Banded([v], [0]).diagonals[0] is v
    assert cr.LowRank(B[0], B[1]).left.base is B
    assert cr.Kronecker(B[0], B[1]).factors[0].base is B


def test_integers_become_floats():
    assert cr.Diagonal([1, 2]).dtype == float
    assert cr.Stencil([True], [0], 3).dtype == float


def test_what_they_say_of_themselves():
    rng = np.random.default_rng(0)
    said = {
        "Diagonal(3 x 3, float64, 1 number stored)": cr.Diagonal(np.broadcast_to(2.0, 3)),
        "BlockDiagonal(8 x 12, float32, 4 blocks of 2 x 3, 6 numbers stored)": cr.BlockDiagonal(
            np.broadcast_to(np.ones((2, 3), np.float32), (4, 2, 3))
        ),
        "BlockDiagonal(12 x 12, float64, 6 blocks of 2 x 2, 3 interleaved, 24 numbers stored)": cr.BlockDiagonal(
            np.ones((2, 2, 2, 3))
        ),
        "Banded(6 x 6, complex128, 1 below and 1 above the diagonal, 18 numbers stored)": banded(
            rng, 6, 6, [-1, 0, 1], complex
        ),
        "Banded(6 x 6, float64, 0 below and 4 above the diagonal, 2 diagonals, 12 numbers stored)": banded(
            rng, 6, 6, [0, 4]
        ),
        "Stencil(12 x 12, float64, 2 neighbors on a grid of 3 x 4, periodic, 2 numbers stored)": cr.Stencil(
            [1.0, -1.0], [(0, 0), (0, 1)], (3, 4), periodic=True
        ),
        "Stencil(3 x 3, float64, 1 neighbor on a grid of 3, varying, 3 numbers stored)": cr.Stencil(
            [np.ones(3)], [1], 3
        ),
        "LowRank(3 x 4, float64, rank 2, 14 numbers stored)": cr.LowRank(np.ones((3, 2)), np.ones((4, 2))),
        "Kronecker(6 x 8, float64, of 2 x 2 and 3 x 4, 16 numbers stored)": cr.Kronecker(
            np.ones((2, 2)), np.ones((3, 4))
        ),
    }
    for text, A in said.items():
        assert repr(A) == text


def test_a_layer_of_a_thousand_by_a_thousand_stores_its_input_only():
    m = n = 1000
    x = np.random.default_rng(0).normal(size=n)
    index = np.arange(m * n).reshape(m, n).T  # a view
    J = from_pieces([(index, x[:, None])], (m,), (m, n))
    assert type(J) is cr.BlockDiagonal
    assert J.shape == (m, m * n)
    assert J.stored == n
    assert np.shares_memory(J.blocks, x)
    W = np.random.default_rng(1).normal(size=(m, n))
    np.testing.assert_allclose(J @ W.ravel(), W @ x, rtol=1e-9, atol=1e-9)
    ct = np.ones(m)
    np.testing.assert_allclose(ct @ J, np.outer(ct, x).ravel())


# ---- recognition ------------------------------------------------------------------------------------------------


def dense_of(pieces, out, source):
    J = np.zeros((int(np.prod(out)), int(np.prod(source))), np.result_type(*(np.asarray(c) for _, c in pieces)))
    for index, coef in pieces:
        coef = np.broadcast_to(coef, index.shape).reshape(len(index), -1)
        for r, flat in enumerate(index.reshape(len(index), -1)):
            for s, k in enumerate(flat):
                if k >= 0:
                    J[s, k] += coef[r, s]
    return J


def seed(*shape):
    return np.arange(int(np.prod(shape))).reshape(shape)


def pieces_of(name):
    """Pieces as slot propagation makes them: those, the shape of y, the shape of x, and what should be recognized."""
    rng = np.random.default_rng(0)
    x = seed(8)[None]
    g = seed(5, 6)
    X, W = rng.normal(size=(7, 4)), seed(4, 3)
    match name:
        case "relu":
            return [(x, (rng.normal(size=8) > 0) * 1.0)], (8,), (8,), "Diagonal"
        case "elementwise of two paths":
            return [(x, rng.normal(size=8)), (x, 2.0)], (8,), (8,), "Diagonal"
        case "reshape":
            return [(x.reshape(1, 2, 4), 3.0)], (2, 4), (8,), "Diagonal"
        case "complex":
            return [(x, rng.normal(size=8) * 1j)], (8,), (8,), "Diagonal"
        case "difference":
            return [(x[:, 1:], 1.0), (x[:, :-1], -1.0)], (7,), (8,), "Stencil"
        case "central difference, periodic":
            return [(np.roll(x, -1, 1), 0.5), (np.roll(x, 1, 1), -0.5)], (8,), (8,), "Stencil"
        case "laplacian of inner points":
            inner = [g[1:-1, 1:-1], g[2:, 1:-1], g[:-2, 1:-1], g[1:-1, 2:], g[1:-1, :-2]]
            return [(i[None], c) for i, c in zip(inner, (-4.0, 1, 1, 1, 1), strict=True)], (3, 4), (5, 6), "Stencil"
        case "laplacian, zero outside":
            padded = np.pad(g, 1, constant_values=-1)
            around = [padded[1:-1, 1:-1], padded[2:, 1:-1], padded[:-2, 1:-1], padded[1:-1, 2:], padded[1:-1, :-2]]
            return [(np.stack(around), np.array([-4.0, 1, 1, 1, 1])[:, None, None])], (5, 6), (5, 6), "Stencil"
        case "varying difference":
            return [(x[:, 1:], rng.normal(size=7)), (x[:, :-1], -1.0)], (7,), (8,), "Banded"
        case "varying, periodic":
            return [(np.roll(x, -1, 1), rng.normal(size=8)), (x, -1.0)], (8,), (8,), "Stencil"
        case "varying, inner points":
            return [(g[None, 1:, 1:], rng.normal(size=(4, 5))), (g[None, :-1, 1:], 1.0)], (4, 5), (5, 6), "Stencil"
        case "layer by its weights":
            return [(seed(3, 4).T, rng.normal(size=(4, 1)))], (3,), (3, 4), "BlockDiagonal"
        case "layer of a batch by its weights":  # X @ W
            return [(np.broadcast_to(W[:, None], (4, 7, 3)), X.T[:, :, None])], (7, 3), (4, 3), "BlockDiagonal"
        case "layer of a batch by its input":  # X @ W for a known W
            known = rng.normal(size=(4, 3))
            index = np.broadcast_to(seed(7, 4).T[:, :, None], (4, 7, 3))
            return [(index, known[:, None, :])], (7, 3), (7, 4), "BlockDiagonal"
        case "per sample":
            s = seed(6, 2)
            parts = [(s[None, :, :1], rng.normal(size=(6, 1))), (s[None, :, 1:], rng.normal(size=(6, 1)))]
            both = [(np.broadcast_to(i, (1, 6, 2)), c * rng.normal(size=(6, 2))) for i, c in parts]
            return both, (6, 2), (6, 2), "BlockDiagonal"
        case "sum of an axis in the middle":
            s = seed(3, 4, 5)
            return [(np.moveaxis(s, 1, 0), rng.normal(size=(4, 3, 5)))], (3, 5), (3, 4, 5), "BlockDiagonal"
        case "softmax along the first axis":
            s = seed(3, 50)
            index = np.broadcast_to(s[:, None], (3, 3, 50))
            return [(index, rng.normal(size=(3, 3, 50)))], (3, 50), (3, 50), "BlockDiagonal"
        case "dense":
            return [(np.broadcast_to(seed(8)[:, None], (8, 5)), rng.normal(size=(8, 5)))], (5,), (8,), "NoneType"
        case "gather":
            return [(rng.permutation(8)[None], 1.0)], (8,), (8,), "NoneType"
        case "nothing":
            return [(np.full((1, 8), -1), 1.0)], (8,), (8,), "NoneType"
        case "number":
            return [(np.zeros((1,), int), 3.0)], (), (), "Diagonal"
        case "empty":
            return [(np.zeros((1, 0), int), 3.0)], (0,), (3,), "NoneType"
    raise AssertionError(name)


@pytest.mark.parametrize(
    "name",
    [
        "relu", "elementwise of two paths", "reshape", "complex", "difference", "central difference, periodic",
        "laplacian of inner points", "laplacian, zero outside", "varying difference", "varying, periodic",
        "varying, inner points", "layer by its weights", "layer of a batch by its weights",
        "layer of a batch by its input", "per sample", "sum of an axis in the middle", "softmax along the first axis",
        "dense", "gather", "nothing", "number", "empty",
    ],
)  # fmt: skip
def test_structure_of_pieces(name):
    pieces, out, source, kind = pieces_of(name)
    found = from_pieces(pieces, out, source)
    assert type(found).__name__ == kind, found
    if found is not None:
        np.testing.assert_array_equal(found.toarray(), dense_of(pieces, out, source))
        assert found.stored <= sum(max(numbers_in(np.asarray(c)), 1) * (len(i) + 1) for i, c in pieces)


def test_stored_by_recognized_structures():
    stored = {
        "reshape": 1, "difference": 2, "laplacian of inner points": 5, "laplacian, zero outside": 5,
        "central difference, periodic": 2, "varying difference": 8, "layer by its weights": 4,
        "layer of a batch by its weights": 28, "layer of a batch by its input": 12,
    }  # fmt: skip
    for name, number in stored.items():
        pieces, out, source, _ = pieces_of(name)
        assert from_pieces(pieces, out, source).stored == number, name


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_is_recognized_is_right(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    source = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    out = data.draw(st.sampled_from([source, source[::-1], (int(np.prod(source)),), source[:1], (3,), (2, 2)]))
    n, pieces = int(np.prod(source)), []
    for _ in range(data.draw(st.integers(1, 3))):
        R = data.draw(st.integers(1, 4))
        kind = data.draw(st.sampled_from(["any", "shift", "blocks"]))
        if kind == "shift" and out == source:
            shift = tuple(data.draw(st.integers(-2, 2)) for _ in source)
            index = np.roll(seed(*source), shift, tuple(range(len(source))))[None]
        elif kind == "blocks" and out[0] == source[0]:
            base = np.arange(out[0]).reshape(-1, *[1] * (len(out) - 1)) * (n // source[0])
            index = base + rng.integers(0, n // source[0], (R, *out))
        else:
            index = rng.integers(-1, n, (R, *out))
        pieces.append((index, data.draw(st.sampled_from([1.0, -2.0, rng.normal(size=out)]))))
    found = from_pieces(pieces, out, source)
    if found is not None:
        np.testing.assert_allclose(found.toarray(), dense_of(pieces, out, source), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("matrix", "kind"),
    [
        (sp.diags_array(np.arange(1.0, 6), offsets=0), cr.Diagonal),
        (sp.eye_array(4, 6), cr.Diagonal),
        (np.eye(5, dtype=bool), cr.Diagonal),
        (sp.csr_array((3, 3)), cr.Diagonal),
        (sp.block_diag([np.ones((2, 3))] * 4), cr.BlockDiagonal),
        (sp.block_diag([np.array([[1.0, 2], [3, 4j]])] * 4), cr.BlockDiagonal),
        (sp.diags_array([np.ones(9), -2 * np.ones(10), np.ones(9)], offsets=[-1, 0, 1]), cr.Stencil),
        (sp.diags_array([np.arange(1.0, 10), np.ones(10)], offsets=[-1, 0]), cr.Banded),
        (sp.csr_array(np.triu(np.ones((100, 100)))), sp.csr_array),
        (sp.random_array((40, 40), density=0.1, rng=0), sp.csr_array),
        (np.ones((4, 5)), sp.csr_array),
    ],
)
def test_structure_of_matrices(matrix, kind):
    found = recognize(matrix)
    assert type(found) is kind
    full = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    np.testing.assert_array_equal(found.toarray(), full)


@settings(max_examples=100, deadline=None)
@given(
    m=st.integers(0, 8), n=st.integers(0, 8), values=st.sampled_from([[0, 1], [0, 0, 1], [0, 0, 0, 0, 1, 2]]),
    seed=st.integers(0, 99), spread=st.integers(0, 8),
)  # fmt: skip
def test_recognize_is_exact(m, n, values, seed, spread):
    A = np.random.default_rng(seed).choice(values, (m, n)).astype(float)
    A *= np.abs(np.arange(n) - np.arange(m)[:, None]) <= spread
    np.testing.assert_array_equal(recognize(A).toarray(), A)


def test_recognize_wants_a_matrix():
    with pytest.raises(ValueError, match="rows and columns"):
        recognize(sp.coo_array(np.ones(3)))

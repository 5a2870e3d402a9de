"""Colorings: valid by their definitions, as few colors as the papers give, and the matrix back from its products."""

import itertools
import time
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings, strategies as st

import chainrule as cr
from chainrule.jacobians.coloring.greedy import ORDERS

KINDS = ("column", "row", "bidirectional", "star", "acyclic")
SYMMETRIC = ("star", "acyclic")


# ---- patterns ---------------------------------------------------------------------------------------------------


def band(n, width=1):
    return sp.diags_array(
        [np.ones(n - abs(k)) for k in range(-width, width + 1)], offsets=range(-width, width + 1), format="csr"
    )


def grid(*sizes):
    """The 2k + 1 neighbors of each point of a grid of k dimensions."""
    A = sp.csr_array((np.prod(sizes), np.prod(sizes)))
    for k in range(len(sizes)):
        parts = [band(n) if i == k else sp.eye_array(n) for i, n in enumerate(sizes)]
        for i, part in enumerate(parts):
            whole = part if i == 0 else sp.kron(whole, part)  # noqa: F821
        A = A + whole
    return sp.csr_array(A)


def periodic(n, fields=2):
    """The Brusselator: a periodic n x n grid, each point with its neighbors and with the other field."""
    point = np.arange(n * n).reshape(n, n)
    around = [point, *(np.roll(point, s, a) for a in (0, 1) for s in (1, -1))]
    rows, columns = [], []
    for f in range(fields):
        for other in around:
            rows.append(point.ravel() + f * n * n)
            columns.append(other.ravel() + f * n * n)
        rows.append(point.ravel() + f * n * n)
        columns.append(point.ravel() + (1 - f) * n * n)
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    return sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=(fields * n * n,) * 2)


def arrow(n, width=0):
    """A band, a dense first row and a dense first column."""
    A = band(n, width).tolil()
    A[0] = 1
    A[:, 0] = 1
    return A.tocsr()


def numbers(pattern, symmetric=False, dtype=float):
    """A matrix of this pattern with random numbers, none of them 0."""
    rng = np.random.default_rng(0)
    A = sp.csr_array(pattern).astype(dtype)
    A.data = rng.uniform(1, 2, A.nnz).astype(dtype)
    if np.dtype(dtype).kind == "c":
        A.data += 1j * rng.uniform(1, 2, A.nnz)
    return sp.csr_array(A + A.T) if symmetric else A


# ---- definitions ------------------------------------------------------------------------------------------------


def distance_two(P, colors):
    """No two columns of a color have a nonzero in the same row."""
    return all(
        len(set(colors[np.flatnonzero(row)])) == np.count_nonzero(row) and (colors[row] >= 0).all() for row in P != 0
    )


def neighbors(P):
    return [[j for j in np.flatnonzero(row) if j != i] for i, row in enumerate(P)]


def is_star(P, colors):
    """Neighbors differ, and every path of four vertices has three colors."""
    near = neighbors(P)
    for b in range(len(P)):
        for c in near[b]:
            if colors[b] == colors[c]:
                return False
            for a, d in itertools.product(near[b], near[c]):
                if len({a, b, c, d}) == 4 and len({colors[v] for v in (a, b, c, d)}) == 2:
                    return False
    return True


def is_acyclic(P, colors):
    """Neighbors differ, and no cycle has two colors only."""
    near = neighbors(P)
    if any(colors[a] == colors[b] for a in range(len(P)) for b in near[a]):
        return False
    for pair in itertools.combinations(sorted(set(colors)), 2):
        chosen = [v for v in range(len(P)) if colors[v] in pair]
        edges = sum(1 for a in chosen for b in near[a] if b > a and colors[b] in pair)
        seen, parts = set(), 0
        for v in chosen:
            parts += v not in seen
            waiting = [v]
            while waiting:
                w = waiting.pop()
                if w not in seen:
                    seen.add(w)
                    waiting += [x for x in near[w] if colors[x] in pair]
        if edges != len(chosen) - parts:
            return False
    return True


def can_be_read(P, rows, columns):
    """Each entry is alone among those of its row with its column's color, or of its column with its row's."""
    for i, j in np.argwhere(P):
        by_column = columns[j] >= 0 and sum(1 for k in np.flatnonzero(P[i]) if columns[k] == columns[j]) == 1
        by_row = rows[i] >= 0 and sum(1 for k in np.flatnonzero(P[:, j]) if rows[k] == rows[i]) == 1
        if not (by_column or by_row):
            return False
    return True


def is_valid(P, coloring):
    rows, columns = coloring.row_colors, coloring.column_colors
    return {
        "column": lambda: distance_two(P, columns),
        "row": lambda: distance_two(P.T, rows),
        "bidirectional": lambda: can_be_read(P, rows, columns),
        "star": lambda: is_star(P, columns),
        "acyclic": lambda: is_acyclic(P, columns),
    }[coloring.kind]()


def optimum(P, kind):
    """The fewest colors, by trying all."""
    P = P.T if kind == "row" else P
    n = len(P)
    some = np.flatnonzero(P.any(0))
    valid = {"column": distance_two, "row": distance_two, "star": is_star, "acyclic": is_acyclic}[kind]
    for k in range(n + 1):
        for colors in itertools.product(range(k), repeat=len(some)):
            whole = np.full(n, -1)
            whole[some] = colors
            if valid(P[np.ix_(some, some)] if kind in SYMMETRIC else P, whole[some] if kind in SYMMETRIC else whole):
                return k
    raise AssertionError


@st.composite
def patterns(draw, square=False, most=7):
    m = draw(st.integers(0 if not square else 1, most))
    n = m if square else draw(st.integers(0, most))
    flat = draw(st.lists(st.booleans(), min_size=m * n, max_size=m * n))
    P = np.array(flat, int).reshape(m, n)
    return P | P.T if square else P


orders = st.sampled_from(["auto", *ORDERS])


@settings(max_examples=150, deadline=None)
@given(P=patterns(), kind=st.sampled_from(KINDS[:3]), order=orders)
def test_every_coloring_is_one(P, kind, order):
    found = cr.coloring(P, kind, order)
    assert is_valid(P, found)
    assert found.lower_bound <= found.num_colors
    A = numbers(P)
    assert (found.decompress(found.compress(A)) != A).nnz == 0


@settings(max_examples=150, deadline=None)
@given(P=patterns(square=True), kind=st.sampled_from(SYMMETRIC), order=orders)
def test_every_symmetric_coloring_is_one(P, kind, order):
    found = cr.coloring(P, kind, order)
    assert is_valid(P, found)
    assert found.lower_bound <= found.num_colors
    A = numbers(P, symmetric=True)
    back = found.decompress(found.compress(A)).toarray()
    if kind == "star":
        np.testing.assert_array_equal(back, A.toarray())
    else:
        np.testing.assert_allclose(back, A.toarray(), rtol=1e-13, atol=1e-13)


@settings(max_examples=25, deadline=None)
@given(P=patterns(square=True, most=5), kind=st.sampled_from(["column", "row", "star", "acyclic"]))
def test_lower_bounds_are_below_the_optimum(P, kind):
    found, best = cr.coloring(P, kind), optimum(P, kind)
    assert found.lower_bound <= best <= found.num_colors


@pytest.mark.parametrize("order", ["auto", *ORDERS])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "P", [band(60, 2), grid(9, 11), periodic(8), arrow(40, 1), sp.random_array((50, 50), density=0.05, rng=1)]
)
def test_colorings_of_larger_patterns(P, kind, order):
    P = sp.csr_array(P + P.T if kind in SYMMETRIC else P)
    found = cr.coloring(P, kind, order)
    assert is_valid(P.toarray(), found)
    A = numbers(P, symmetric=kind in SYMMETRIC)
    np.testing.assert_allclose(found.decompress(found.compress(A)).toarray(), A.toarray(), rtol=1e-13, atol=1e-13)


# ---- as many colors as there should be --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("P", "kind", "colors"),
    [
        (band(100), "column", 3),
        (band(100), "row", 3),
        (band(100), "star", 3),  # the chromatic numbers of a path: Gebremedhin, Manne, Pothen 2005, section 5
        (band(100), "acyclic", 2),
        (band(1000, 50), "column", 101),
        (grid(30, 31), "column", 5),
        (grid(12, 13, 14), "column", 7),
        (sp.kron(band(20), band(21)), "column", 9),
        (sp.kron(sp.kron(band(9), band(8)), band(7)), "column", 27),
        (grid(30, 31), "star", 5),  # star chromatic number of a grid: Fertin, Raspaud, Reed 2004
        (periodic(36), "column", 6),  # a perfect code of both fields; first fit takes 10 to 13
        (arrow(200), "bidirectional", 3),
        (arrow(200), "star", 2),
        (arrow(200), "acyclic", 2),
        (arrow(200), "column", 200),
        (sp.eye_array(50), "column", 1),
        (np.ones((7, 5)), "column", 5),
        (np.ones((7, 5)), "row", 7),
        (np.ones((6, 6)), "star", 6),
    ],
)
def test_the_number_of_colors(P, kind, colors):
    assert cr.coloring(P, kind).num_colors == colors


def cameras(number, points, views=3):
    """A bundle adjustment: each of two rows per view has the 9 parameters of a camera and the 3 of a point."""
    rng = np.random.default_rng(0)
    camera, point = rng.integers(0, number, views * points), np.repeat(np.arange(points), views)
    columns = np.hstack([9 * camera[:, None] + np.arange(9), 9 * number + 3 * point[:, None] + np.arange(3)])
    columns = np.repeat(columns, 2, axis=0).ravel()
    rows = np.repeat(np.arange(len(columns) // 12), 12)
    return sp.csr_array((np.ones(len(rows)), (rows, columns)))


def collocation(nodes, states=4):
    """Trapezoids node by node: each state at two nodes with some of the others, and one number that all depend on."""
    blocks = []
    for s in range(states):
        A = np.zeros((1, 2 * (states + 1)))
        A[0, [s, s + states + 1, -1, states]] = 1
        A[0, (s + 1) % states] = A[0, (s + 1) % states + states + 1] = 1
        blocks.append(A)
    once = np.vstack(blocks)
    P = sp.lil_array((states * (nodes - 1), (states + 1) * nodes + 1))
    for k in range(nodes - 1):
        P[states * k : states * (k + 1), (states + 1) * k : (states + 1) * (k + 2)] = once
    P[:, -1] = 1
    return P.tocsr()


@pytest.mark.parametrize(
    ("P", "colors"),
    [
        (cameras(40, 500), 12),
        (collocation(600), 7),
        (sp.hstack([grid(40, 50), np.ones((2000, 2))]), 7),
        (periodic(66), 8),
    ],
)
def test_formulas(P, colors):
    P = sp.csr_array(P)
    found = cr.coloring(P)
    assert found.order == "lattice"
    assert found.num_colors <= colors
    keys = np.repeat(np.arange(P.shape[0]), np.diff(P.indptr)) * 99 + found.column_colors[P.indices]
    assert len(np.unique(keys)) == P.nnz


def test_the_example_of_the_papers():
    # Gebremedhin, Manne, Pothen 2005, figure 1.1: an arrow-shaped Hessian, for which distance 2 needs n colors, and a
    # star coloring 2, an acyclic one as few.
    A = arrow(5)
    assert [cr.coloring(A, kind).num_colors for kind in ("column", "star", "acyclic")] == [5, 2, 2]


@pytest.mark.parametrize("n", [10, 17, 24, 35])
def test_first_fit_in_natural_order_is_scipys_grouping(n):
    from scipy.optimize._numdiff import group_columns

    P = periodic(n)
    expected = group_columns(P, order=np.arange(P.shape[1]))
    np.testing.assert_array_equal(cr.coloring(P, "column", "natural").column_colors, expected)


@pytest.mark.parametrize("n", [20, 47, 50, 64, 65, 66, 71, 90])
def test_no_more_colors_than_largest_first(n):
    P = periodic(n)
    assert cr.coloring(P).num_colors <= cr.coloring(P, order="largest first").num_colors


def test_smallest_last_needs_no_more_than_the_degeneracy_and_one():
    # Of a tree every order by smallest last takes 2 colors, whatever the numbering (Matula, Beck 1983).
    rng = np.random.default_rng(0)
    n = 300
    above = np.array([rng.integers(0, k) for k in range(1, n)])
    name = rng.permutation(n)
    i, j = name[1:], name[above]
    graph = sp.csr_array((np.ones(2 * (n - 1)), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    assert cr.coloring(graph, "acyclic", "smallest last").num_colors == 2


@pytest.mark.parametrize("width", [1, 3])
def test_arrows_take_twice_the_band_and_a_few(width):
    n = 2000
    assert cr.coloring(arrow(n, width), "bidirectional").num_colors <= 2 * (2 * width + 1) + 4
    assert cr.coloring(arrow(n, width), "star").num_colors <= 2 * (2 * width + 1) + 4
    assert cr.coloring(arrow(n, width), "auto").kind == "bidirectional"


def test_auto_takes_the_cheaper_side():
    tall = sp.random_array((300, 20), density=0.1, rng=0)
    assert cr.coloring(sp.csr_array(np.vstack([np.eye(3)] * 9)), "auto").kind == "column"
    assert cr.coloring(sp.csr_array(np.hstack([np.eye(3)] * 9)), "auto").kind == "row"
    assert cr.coloring(tall, "auto").kind == "column"


# ---- dense rows and columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*KINDS, "auto"])
def test_a_dense_row_and_column_cost_no_quadratic_time(kind):
    P = arrow(100_000, 1)
    start = time.perf_counter()
    cr.coloring(P, kind)
    assert time.perf_counter() - start < 10  # about 0.3 s; a visit of all pairs of neighbors would take minutes


def test_rows_that_are_half_dense_cost_no_quadratic_time():
    n = 40_000
    P = band(n).tolil()
    P[0, ::2] = 1
    P[1, : n // 2] = 1
    start = time.perf_counter()
    found = cr.coloring(P)
    assert time.perf_counter() - start < 10
    assert found.lower_bound == n // 2 + 1 <= found.num_colors


def test_a_color_that_a_wide_row_never_takes_costs_no_quadratic_time():
    # The first column has color 0, so no column of a row that it is in can fill that gap in the colors of the wide row.
    n = 40_000
    P = band(n).tolil()
    P[1:, 0] = 1
    P[0] = 0
    P[0, 1::2] = 1
    start = time.perf_counter()
    found = cr.coloring(P)
    assert time.perf_counter() - start < 10
    assert found.lower_bound == n // 2 <= found.num_colors <= n // 2 + 2


def test_wide_rows_are_colored_as_they_should():
    P = sp.random_array((80, 3000), density=0.3, rng=0)
    found, A = cr.coloring(P), numbers(P)
    assert found.lower_bound > 512
    assert (found.matrix(lambda v: (A @ v.T).T, chunk=500) != A).nnz == 0


# ---- the matrix back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [None, 1, 3])
def test_matrix_from_products(kind, dtype, chunk):
    A = numbers(grid(12, 13), kind in SYMMETRIC, dtype)
    found = cr.coloring(A, kind)
    back = found.matrix(lambda v: (A @ v.T).T, lambda u: u @ A, chunk, dtype)
    assert back.dtype == dtype
    assert back.format == "csr"
    tolerance = 20 * np.finfo(dtype).eps if kind == "acyclic" else 0
    np.testing.assert_allclose(back.toarray(), A.toarray(), rtol=tolerance)
    np.testing.assert_array_equal(back.toarray(), found.decompress(found.compress(A)).toarray())


def test_memory_stays_bounded_by_the_chunk():
    # 400 products of 40,000 numbers: 128 MB; a chunk of 4 with its seeds: 2.6 MB.
    m, n = 40_000, 400
    rng = np.random.default_rng(0)
    A = sp.csr_array((rng.normal(size=m), (np.arange(m), rng.integers(0, n, m))), shape=(m, n))
    A = sp.csr_array(A + sp.csr_array((np.ones(n), (np.zeros(n, int), np.arange(n))), shape=(m, n)))
    found = cr.coloring(A)
    assert found.num_colors == n
    found.matrix(lambda v: (A @ v.T).T, chunk=4)  # its plan is kept
    tracemalloc.start()
    back = found.matrix(lambda v: (A @ v.T).T, chunk=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (back != A).nnz == 0
    assert peak < 10e6


def test_products_of_another_dtype_than_the_seeds():
    A = numbers(band(20), dtype=complex)
    back = cr.coloring(A).matrix(lambda v: (A @ v.T).T)
    np.testing.assert_array_equal(back.toarray(), A.toarray())


@pytest.mark.parametrize("mode", ["column", "row", "bidirectional"])
def test_jacobian_of_a_program(mode):
    def f(x):
        return np.concatenate([np.sin(x[1:]) * x[:-1] + x[0], np.sum(x**2, keepdims=True)])

    x = np.linspace(0.1, 1, 30)
    found = cr.coloring(cr.sparsity(f, x), mode)
    _, push = cr.linearize(f, x)
    _, pull = cr.vjp(f, x)
    J = found.matrix(cr.vmap(push), lambda u: cr.vmap(pull)(u)[0])
    np.testing.assert_allclose(J.toarray(), cr.jacobian(f)(x), rtol=1e-14)


@pytest.mark.parametrize("kind", ["star", "acyclic"])
def test_hessian_of_a_program(kind):
    def f(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = np.linspace(0.5, 1.5, 40)
    found = cr.coloring(band(40), kind)
    _, push = cr.linearize(cr.grad(f), x)
    assert found.num_colors == {"star": 3, "acyclic": 2}[kind]
    np.testing.assert_allclose(found.matrix(cr.vmap(push)).toarray(), cr.hessian(f)(x), rtol=1e-11, atol=1e-10)


def test_substitution_along_a_chain_of_a_million():
    n = 1_000_000
    A = numbers(band(n), symmetric=True)
    found = cr.coloring(A, "acyclic", "natural")
    assert found.num_colors == 2
    colors = np.arange(n) % 2
    products = np.stack([A @ (colors == c) for c in (0, 1)]).astype(float)
    back = found.data(products[[found.column_colors[0], found.column_colors[1]]])
    # Errors add up along the chain, as those of a sum of as many terms.
    np.testing.assert_allclose(back, A.data, rtol=1e-9)


def test_data_can_be_differentiated():
    A = numbers(band(6))
    found = cr.coloring(A)
    B = found.compress(A)
    slope = cr.grad(lambda B: np.sum(found.data(B) ** 2))(B)
    expected = np.zeros_like(B)
    i, j = A.tocoo().coords
    expected[found.column_colors[j], i] = 2 * A.data
    np.testing.assert_array_equal(slope, expected)


def test_seeds_are_sums_of_unit_vectors():
    found = cr.coloring(band(5))
    np.testing.assert_array_equal(found.seeds(), [[1, 0, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0]])
    assert found.seeds(np.float32).dtype == np.float32
    columns, rows = cr.coloring(arrow(9), "bidirectional").seeds()
    assert columns.shape[1] == rows.shape[1] == 9
    assert len(columns) + len(rows) == 3


def test_what_is_empty_needs_no_product():
    A = sp.csr_array(([1.0, 2.0], ([0, 3], [1, 1])), shape=(5, 4))
    found = cr.coloring(A)
    np.testing.assert_array_equal(found.column_colors, [-1, 0, -1, -1])
    np.testing.assert_array_equal(found.row_colors, [-1] * 5)
    np.testing.assert_array_equal(found.decompress(found.compress(A)).toarray(), A.toarray())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 3)])
def test_patterns_without_nonzeros(kind, shape):
    if kind in SYMMETRIC and shape[0] != shape[1]:
        return
    found = cr.coloring(np.zeros(shape), kind)
    assert found.num_colors == found.lower_bound == 0
    back = found.matrix()
    assert back.shape == shape
    assert back.nnz == 0


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
def test_every_format_is_read(form):
    P = grid(4, 5)
    found = cr.coloring(P.asformat(form))
    np.testing.assert_array_equal(found.column_colors, cr.coloring(P).column_colors)
    np.testing.assert_array_equal(found.indices, P.indices)


def test_patterns_may_have_zeros_duplicates_and_nan():
    P = sp.coo_array(([0.0, np.nan, 1.0, 1.0], ([0, 0, 1, 1], [0, 1, 1, 1])), shape=(2, 2))
    found = cr.coloring(P)
    assert found.num_colors == 2
    assert len(found.indices) == 3
    assert cr.coloring(np.array([[np.nan, 1.0]])).num_colors == 2


def test_the_pattern_given_is_left_alone():
    P = sp.csr_array((np.array([5.0, 6.0]), np.array([1, 0]), np.array([0, 2, 2])), shape=(2, 2))
    cr.coloring(P)
    np.testing.assert_array_equal(P.indices, [1, 0])
    np.testing.assert_array_equal(P.data, [5.0, 6.0])


def test_what_it_says_of_itself():
    assert repr(cr.coloring(band(100))) == (
        "Coloring(column, 3 colors, order: lattice, lower bound 3, of a 100 x 100 pattern with 298 nonzeros)"
    )
    assert repr(cr.coloring(arrow(100), "bidirectional")) == (
        "Coloring(bidirectional, 3 colors, 2 of columns and 1 of rows, lower bound 3, of a 100 x 100 pattern with "
        "298 nonzeros)"
    )


# ---- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cr.coloring(np.ones(3)), r"a pattern has rows and columns; got an array of shape \(3,\)"),
        (lambda: cr.coloring(np.ones((2, 2)), "columns"), "kind is one of column, row, .*; got 'columns'"),
        (lambda: cr.coloring(np.ones((2, 2)), order="best"), "order is one of natural, .*; got 'best'"),
        (lambda: cr.coloring(np.ones((2, 3)), "star"), r"symmetric pattern; got one of shape \(2, 3\)"),
        (
            lambda: cr.coloring([[1, 0, 1], [0, 1, 0], [0, 0, 1]], "acyclic"),
            r"an entry at \(0, 2\) and none at \(2, 0\)",
        ),
        (lambda: cr.coloring([[None, 1]]), "got objects"),
        (lambda: cr.coloring(band(9)).data(np.ones((9, 3))), r"shape \(3, 9\), a row per color; got \(9, 3\)"),
        (lambda: cr.coloring(band(9)).matrix(), "a jvp is needed"),
        (lambda: cr.coloring(band(9), "row").matrix(lambda v: v), "a vjp is needed"),
        (lambda: cr.coloring(band(9)).matrix(lambda v: v.T), r"shape \(3, 9\); got \(9, 3\)"),
        (lambda: cr.coloring(band(9)).matrix(lambda v: v, chunk=0), "chunk is a positive number"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

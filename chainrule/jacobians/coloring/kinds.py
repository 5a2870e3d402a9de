"""The kinds of colorings, and which attempts at each are worth their time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .compression import Coloring
from .greedy import ORDERS, first_fit
from .lattice import lattice
from .substitution import alone, cover
from .symmetric import acyclic, star

KINDS = ("column", "row", "bidirectional", "star", "acyclic")

LARGE = 1 << 19
"""From this many nonzeros on, "auto" tries less: each attempt takes a good part of a second."""

SMALL = 1 << 17
"""Up to this many visits of neighbors several orders are tried, and the best is kept."""


def coloring(pattern: Any, kind: str = "column", order: str = "auto") -> Coloring:
    """Color a sparse pattern, so that a matrix of this pattern follows from few products.

    Parameters
    ----------
    pattern : scipy.sparse array or matrix, or array_like, of shape `(m, n)`
        Its stored entries, of a dense array those that are not 0, are the nonzeros. The values do not matter.
    kind : "column", "row", "bidirectional", "star", "acyclic" or "auto"
        "column": no two columns of a color have a nonzero in the same row; products with vectors (jvps). "row": the
        same of the transpose (vjps). "bidirectional": both sorts of products, for patterns with a few dense rows and
        columns. "star", "acyclic": for a symmetric matrix (a Hessian), of which a_ij may be read as a_ji; of an acyclic
        coloring by substitution, with fewer colors and rounding errors that add up along a chain of entries. "auto":
        column or row, what promises fewer colors; bidirectional if that promises many fewer.
    order : str
        In which order the greedy algorithms take the vertices: "natural", "largest first", "smallest last",
        "incidence degree", "dynamic largest first" or "random". "auto" tries a formula for bands and grids ("lattice"),
        then "largest first", and of small patterns "natural" and "smallest last" too; it keeps the best.

    Returns
    -------
    Coloring
        The colors, their number and a lower bound; seeds; the matrix back from compressed products (`.decompress`,
        `.data`) or from callables that make them (`.matrix`).

    Raises
    ------
    ValueError
        If the pattern is not two-dimensional, or is to be symmetric and is not, or if `kind` or `order` is unknown.

    Notes
    -----
    Cost: O(nonzeros) for the orders "natural", "largest first" and "random", and for "auto"; a dense row or column
    changes nothing in that. "smallest last", "incidence degree" and "dynamic largest first" visit the neighbors of each
    vertex, O(sum of squared row sizes), but those in very wide rows.

    The algorithms: column and row, Gebremedhin, Manne, Pothen, "What color is your Jacobian?", SIAM Review 47 (2005),
    algorithm 3.2; star and acyclic, Gebremedhin, Tarafdar, Manne, Pothen, "New acyclic and star coloring algorithms
    with application to computing Hessians", SIAM J. Sci. Comput. 29 (2007), algorithms 4.1 and 3.1; bidirectional,
    Montoison, Dalle, Gebremedhin, "Revisiting sparse matrix coloring and bicoloring" (2025): a star coloring of the
    graph of rows and columns, and no color that no entry needs (here the fewest, by Kőnig's theorem); or, if that is
    fewer, the few widest rows, or columns, by themselves (Coleman and Verma, "The efficient computation of sparse
    Jacobian matrices using automatic differentiation", 1998).

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> arrow = np.eye(100) + (np.arange(100) == 0) + (np.arange(100) == 0)[:, None]
    >>> cr.coloring(arrow).num_colors
    100
    >>> cr.coloring(arrow, "bidirectional").num_colors
    3
    >>> cr.coloring(arrow, "star")
    Coloring(star, 2 colors, order: largest first, lower bound 2, of a 100 x 100 pattern with 298 nonzeros)
    """
    if kind not in (*KINDS, "auto"):
        raise ValueError(f"coloring: kind is one of {', '.join(KINDS)} or auto; got {kind!r}")
    if order not in (*ORDERS, "auto"):
        raise ValueError(f"coloring: order is one of {', '.join(ORDERS)} or auto; got {order!r}")
    P = _pattern(pattern)
    if kind == "auto":
        kind = _promising(P)
    if kind in ("star", "acyclic"):
        return _symmetric(P, kind, order)
    if kind == "bidirectional":
        return _bidirectional(P, order)
    name, colors = _one_sided(P, kind, order)
    columns, rows = (colors, _none(P.shape[0])) if kind == "column" else (_none(P.shape[1]), colors)
    return _finished(P, kind, name, columns, rows, _widest(P, kind))


def _pattern(pattern: Any) -> Any:
    """The pattern as a sorted `csr_array` of ones without duplicates."""
    import scipy.sparse as sparse

    if not sparse.issparse(pattern):
        pattern = np.asarray(pattern)
        if pattern.dtype == object:
            raise ValueError("coloring: the pattern is a sparse matrix or an array of numbers; got objects")
        pattern = pattern != 0
    if pattern.ndim != 2:
        raise ValueError(f"coloring: a pattern has rows and columns; got an array of shape {pattern.shape}")
    P = sparse.csr_array(pattern)
    P = sparse.csr_array((np.ones(P.nnz, np.int8), P.indices, P.indptr), shape=P.shape)
    if not P.has_canonical_format:
        P = P.copy()
        P.sum_duplicates()
        P.data[:] = 1
    return P


def _none(size: int) -> np.ndarray:
    return np.full(size, -1, np.intp)


def _widest(P: Any, kind: str) -> int:
    """The most nonzeros in a row (of a column coloring) or column: so many colors are needed."""
    counts = np.diff(P.indptr) if kind == "column" else np.bincount(P.indices, minlength=P.shape[1])
    return int(counts.max(initial=0))


def _promising(P: Any) -> str:
    """The kind of products that the pattern needs fewest of, by the lower bounds."""
    columns, rows = _widest(P, "column"), _widest(P, "row")
    side = "column" if columns <= rows else "row"
    counts = np.diff(P.indptr) if side == "column" else np.bincount(P.indices, minlength=P.shape[1])
    usual = np.median(counts[counts > 0]) if P.nnz else 0
    return "bidirectional" if min(columns, rows) > 4 * usual + 8 else side


def _finished(P: Any, kind: str, order: str, columns: np.ndarray, rows: np.ndarray, bound: int) -> Coloring:
    m, n = P.shape
    for colors in (columns, rows):
        colors.flags.writeable = False
    return Coloring(kind, order, P.indptr, P.indices, (m, n), columns, rows, bound)


def _best(
    attempts: Sequence[tuple[str, Callable[[], np.ndarray | None]]], enough: int, count: Callable[[np.ndarray], int]
) -> tuple[str, np.ndarray]:
    """The first attempt with at most `enough` colors, or else the best: its name and the colors."""
    best: tuple[int, str, np.ndarray] | None = None
    for name, attempt in attempts:
        colors = attempt()
        if colors is not None and (best is None or count(colors) < best[0]):
            best = count(colors), name, colors
        if best is not None and best[0] <= enough:
            break
    assert best is not None
    return best[1:]


def _orders(order: str, visits: int) -> tuple[str, ...]:
    if order != "auto":
        return (order,)
    return ("largest first", "natural", "smallest last") if visits <= SMALL else ("largest first",)


def _number(colors: np.ndarray) -> int:
    return int(colors.max(initial=-1)) + 1


# ---- columns or rows --------------------------------------------------------------------------------------------


def _one_sided(P: Any, kind: str, order: str) -> tuple[str, np.ndarray]:
    """A partial distance-2 coloring of the columns or the rows; -1 for those without nonzeros."""
    cliques, members = (P, P.T.tocsr()) if kind == "column" else (P.T.tocsr(), P)
    some, widest = np.diff(members.indptr) > 0, _widest(P, kind)
    if widest == np.count_nonzero(some):  # each a color of its own: nothing to find
        return "distinct", np.where(some, np.cumsum(some) - 1, -1)
    sizes = np.diff(cliques.indptr).astype(np.int64)

    def greedy(name):
        def attempt():
            sequence = ORDERS[name](members, cliques)
            sequence = sequence[some[sequence]]
            colors = _none(len(some))
            colors[sequence] = first_fit(members, sequence, None, widest)
            return colors

        return name, attempt

    attempts: list[Any] = [greedy(name) for name in _orders(order, int(sizes @ sizes))]
    if order == "auto":
        attempts.insert(0, ("lattice", lambda: _compact(lattice(members, cliques, widest), some)))
    # First fit takes about twice the bound on grids, so what a formula found is kept if it is well below that; of a
    # large pattern, if it is below at all.
    good = 2 * widest - 1 if P.nnz > LARGE else widest + widest // 4 + 1
    return _best(attempts, max(good, widest) if order == "auto" else widest, _number)


def _compact(colors: np.ndarray | None, some: np.ndarray) -> np.ndarray | None:
    """Without the numbers that nobody has; -1 where there is nothing."""
    if colors is None:
        return None
    used = np.flatnonzero(np.bincount(colors[some], minlength=1))
    place = _none(int(colors.max(initial=-1)) + 1)
    place[used] = np.arange(len(used))
    return np.where(some, place[colors], -1)


# ---- symmetric --------------------------------------------------------------------------------------------------


def _symmetric(P: Any, kind: str, order: str) -> Coloring:
    import scipy.sparse as sparse

    n, graph = P.shape[0], _graph(P, kind)
    nodes = int(np.count_nonzero(np.diff(P.indptr)))
    edges = graph.nnz // 2
    degrees = np.diff(graph.indptr).astype(np.int64)
    # The edges between two colors make a forest: with k colors there are at most (k - 1) nodes - k (k - 1) / 2 of them.
    bound = next(k for k in range(n + 1) if (k - 1) * nodes - k * (k - 1) // 2 >= edges) if nodes else 0
    if kind == "star" and bound == 2 and np.any((degrees[graph.indices] > 1) & (np.repeat(degrees, degrees) > 1)):
        bound = 3  # two colors make stars; an edge between two vertices with more of them is in none

    def greedy(name):
        def attempt():
            sequence = _graph_order(graph, name)
            return star(graph, sequence) if kind == "star" else acyclic(graph, sequence)

        return name, attempt

    if nodes > 1 and edges == nodes * (nodes - 1) // 2:
        name, colors = "distinct", np.arange(n)
    else:
        attempts: list[Any] = [greedy(name) for name in _orders(order, int(degrees @ degrees))]
        enough = bound
        if order == "auto" and kind == "star":  # a coloring of distance 2 is a star coloring
            eye: Any = sparse.eye_array(n, format="csr")
            near, widest = (graph + eye).tocsr(), int(degrees.max(initial=0)) + 1
            attempts.insert(0, ("lattice", lambda: lattice(near, near, widest)))
            enough = widest if P.nnz > LARGE else bound
        name, colors = _best(attempts, enough, _number)
    colors = _compact(colors, np.diff(P.indptr) > 0)
    assert colors is not None
    return _finished(P, kind, name, colors, _none(n), bound)


def _graph(P: Any, kind: str) -> Any:
    """The adjacency graph of a symmetric pattern: without the diagonal."""
    import scipy.sparse as sparse

    m, n = P.shape
    if m != n:
        raise ValueError(f"coloring: a coloring of kind {kind} is of a symmetric pattern; got one of shape {(m, n)}")
    T = P.T.tocsr()
    if not (np.array_equal(T.indptr, P.indptr) and np.array_equal(T.indices, P.indices)):
        lonely = (P.astype(np.int8) - T.astype(np.int8)).tocoo()
        lonely.eliminate_zeros()
        i, j = (int(k[np.argmax(lonely.data)]) for k in lonely.coords)
        raise ValueError(
            f"coloring: a coloring of kind {kind} is of a symmetric pattern; this one has an entry at {(i, j)} "
            f"and none at {(j, i)}"
        )
    rows = np.repeat(np.arange(n), np.diff(P.indptr))
    off = rows != P.indices
    return sparse.csr_array((P.data[off], (rows[off], P.indices[off])), shape=P.shape)


def _graph_order(graph: Any, name: str) -> np.ndarray:
    """An order of the vertices of a graph: its edges are cliques of two."""
    import scipy.sparse as sparse

    if name == "natural":
        return np.arange(graph.shape[0])
    upper = sparse.triu(graph, format="coo")
    edges = np.arange(upper.nnz)
    both = (np.concatenate([edges, edges]), np.concatenate([upper.row, upper.col]))
    cliques = sparse.csr_array((np.ones(2 * upper.nnz, np.int8), both), shape=(upper.nnz, graph.shape[0]))
    return ORDERS[name](cliques.T.tocsr(), cliques)


# ---- both sides -------------------------------------------------------------------------------------------------


def _bidirectional(P: Any, order: str) -> Coloring:
    """A star coloring of the graph whose vertices are the rows and the columns and whose edges are the nonzeros."""
    import scipy.sparse as sparse

    m, n = P.shape
    if not P.nnz:
        return _finished(P, "bidirectional", "distinct", _none(n), _none(m), 0)
    graph: Any = sparse.block_array([[None, P], [P.T, None]], format="csr")
    graph.sort_indices()
    bound = -(-P.nnz // max(m, n))  # a product tells at most max(m, n) numbers

    def greedy(name):
        def attempt():
            return _needed(P, star(graph, _graph_order(graph, name), proper=False))

        return name, attempt

    def count(colors):
        return _number(colors[:m]) + _number(colors[m:])

    attempts = [
        ("dense rows apart", lambda: _apart(P, order)),
        ("dense columns apart", lambda: np.roll(_apart(P.T.tocsr(), order), m)),
    ]
    degrees = np.diff(graph.indptr).astype(np.int64)
    if order != "auto" or P.nnz <= LARGE:
        attempts += [greedy(name) for name in _orders(order, int(degrees @ degrees))]
    name, colors = _best(attempts, bound, count)
    return _finished(P, "bidirectional", name, colors[m:].copy(), colors[:m].copy(), bound)


def _apart(P: Any, order: str) -> np.ndarray:
    """The widest rows read by products from the left, all others by products with vectors; the number that is best.

    (A complete direct cover: Hossain and Steihaug 1998; Coleman and Verma 1998.) The rows that stand apart do not
    constrain the columns, nor the others the colors of these rows.
    """
    m, n = P.shape
    sizes = np.diff(P.indptr)
    falling = np.argsort(-sizes, kind="stable")
    counts, most, best, number = np.zeros(n, np.int64), 0, int(sizes.max()), 0
    for k in range(m):  # with k rows apart at least `most` colors of rows are needed, and the next row's of columns
        if sizes[falling[k]] + most < best:
            best, number = int(sizes[falling[k]]) + most, k
        if most >= best:
            break
        row = P.indices[P.indptr[falling[k]] : P.indptr[falling[k] + 1]]
        counts[row] += 1
        most = max(most, int(counts[row].max(initial=0)))
    apart = np.sort(falling[:number])
    rest = np.ones(m, bool)
    rest[apart] = False
    colors = _none(m + n)
    colors[apart] = _one_sided(P[apart], "row", order)[1]
    colors[m:] = _one_sided(P[np.flatnonzero(rest)], "column", order)[1]
    return colors


def _needed(P: Any, colors: np.ndarray) -> np.ndarray:
    """The colors of rows and columns that some entry is read from, and as few of them as will do; -1 for the others."""
    m = P.shape[0]
    rows, columns = colors[:m], colors[m:]
    i, j = np.repeat(np.arange(m), np.diff(P.indptr)), P.indices
    a, b = rows[i], columns[j]
    by_row, by_column = alone(j, a, _number(rows)), alone(i, b, _number(columns))
    need_row, need_column = np.zeros(_number(rows), bool), np.zeros(_number(columns), bool)
    need_row[a[~by_column]] = True
    need_column[b[~by_row]] = True
    either = by_row & by_column & ~need_row[a] & ~need_column[b]
    pairs = np.unique(a[either] * len(need_column) + b[either])
    more_rows, more_columns = cover(*np.divmod(pairs, len(need_column)), (len(need_row), len(need_column)))
    kept = []
    for side, need in ((rows, need_row | more_rows), (columns, need_column | more_columns)):
        place = np.where(need, np.cumsum(need) - 1, -1)
        kept.append(place[side])
    return np.concatenate(kept)

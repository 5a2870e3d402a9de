"""Which of its numbers a compressed matrix tells outright, and how the others follow by substitution."""

from typing import Any

import numpy as np


def alone(first: np.ndarray, color: np.ndarray, colors: int) -> np.ndarray:
    """For each entry, whether it is the only one of its row (or column) `first` that has this color."""
    keys = first.astype(np.int64) * colors + color
    if colors * (int(first.max(initial=0)) + 1) <= 8 * len(keys) + (1 << 20):
        return np.bincount(keys)[keys] == 1 if len(keys) else np.zeros(0, bool)
    _, place, count = np.unique(keys, return_inverse=True, return_counts=True)
    return count[place] == 1


class Substitution:
    """The numbers of a symmetric matrix from its products by an acyclic coloring.

    The product of row i with color c is the sum of the a_ij with j of color c. Let these sums be the nodes of a graph,
    and each a_ij = a_ji an edge between the two that it occurs in. The coloring is acyclic if and only if this graph is
    a forest; so every edge belongs to the node at its lower end, and

        edge above a node = sum of the node - edges below it,

    from the leaves to the roots: a triangular system with a unit diagonal. (Gebremedhin, Pothen, Tarafdar, Walther
    2009, section 5, algorithm `IndirectRecover`, which visits the trees one by one.)

    Attributes
    ----------
    places : integer array
        Where the sums of the nodes, and then the entries of the diagonal, are among the products `(colors, n)`,
        flattened.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray, colors: np.ndarray):
        import scipy.sparse as sparse
        import scipy.sparse.linalg as linalg

        n = len(colors)
        self.off = np.flatnonzero(rows != columns)
        self.on = np.flatnonzero(rows == columns)
        i, j = rows[self.off].astype(np.int64), columns[self.off].astype(np.int64)
        keys, here = np.unique(colors[j] * n + i, return_inverse=True)
        there = np.searchsorted(keys, colors[i] * n + j)
        size = len(keys)
        self.places = np.concatenate([keys, colors[rows[self.on]] * n + rows[self.on]])
        order, above = _from_the_roots(here, there, size)
        position = np.empty(size, np.intp)
        position[order] = np.arange(size)
        self.order = order
        self.above = position[np.where(above[here] == there, here, there)]
        lower = np.flatnonzero(above >= 0)
        entries = np.concatenate([np.arange(size), position[above[lower]]])
        entries_of = np.concatenate([np.arange(size), position[lower]])
        system = sparse.csc_array((np.ones(len(entries)), (entries, entries_of)), shape=(size, size))
        # SuperLU in its natural order finds a triangular matrix with a unit diagonal as it is, and fills nothing.
        self.solve = (
            linalg.splu(system, permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"Equil": False}).solve
            if size
            else lambda b: b
        )

    def entries(self, read: np.ndarray) -> np.ndarray:
        """The entries, in the order in which their rows and columns were given, from the products at `places`."""
        sums = read[: len(self.order)][self.order]
        values = self.solve(np.real(sums).astype(np.float64))
        if sums.dtype.kind == "c":
            values = values + 1j * self.solve(np.imag(sums).astype(np.float64))
        data = np.empty(len(self.off) + len(self.on), read.dtype)
        data[self.off] = values[self.above]
        data[self.on] = read[len(self.order) :]
        return data


def _from_the_roots(here: np.ndarray, there: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The nodes of a forest with these edges (each in both directions), leaves first; the node above each, or -1."""
    import scipy.sparse as sparse
    from scipy.sparse import csgraph

    forest = sparse.csr_array((np.ones(len(here), np.int8), (here, there)), shape=(size, size))
    number, label = csgraph.connected_components(forest, directed=False)
    if len(here) // 2 != size - number:
        raise ValueError("coloring: the coloring is not acyclic: the numbers of a cycle of two colors cannot be told")
    _, roots = np.unique(label, return_index=True)
    # A search that begins at every root at once: at one more node, above them all.
    entries = np.concatenate([here, np.full(number, size)])
    entries_of = np.concatenate([there, roots])
    tree = sparse.csr_array((np.ones(len(entries)), (entries, entries_of)), shape=(size + 1, size + 1))
    order, above = csgraph.breadth_first_order(tree, size)
    above = np.where(above[:size] == size, -1, above[:size])
    return order[:0:-1], above


def cover(first: np.ndarray, second: np.ndarray, shape: tuple[int, int]) -> tuple[Any, Any]:
    """The fewest colors that touch every pair of a row color and a column color: of rows, of columns (boolean arrays).

    By the theorem of Kőnig (1931) there are as many as there are pairs in a maximum matching.
    """
    import scipy.sparse as sparse
    from scipy.sparse import csgraph

    pairs = sparse.csr_array((np.ones(len(first), np.int8), (first, second)), shape=shape)
    matched = csgraph.maximum_bipartite_matching(pairs, perm_type="column")  # of each row, its column
    partner = np.full(shape[1], -1)
    partner[matched[matched >= 0]] = np.flatnonzero(matched >= 0)
    rows, columns = matched < 0, np.zeros(shape[1], bool)
    waiting = np.flatnonzero(rows).tolist()
    while waiting:
        r = waiting.pop()
        for c in pairs.indices[pairs.indptr[r] : pairs.indptr[r + 1]].tolist():
            if not columns[c]:
                columns[c] = True
                rows[partner[c]] = True
                waiting.append(int(partner[c]))
    return ~rows & (np.diff(pairs.indptr) > 0), columns

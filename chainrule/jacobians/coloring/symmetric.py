"""Star and acyclic colorings: of the adjacency graph of a symmetric pattern, and of the graph of rows and columns.

Rows i and j of a symmetric matrix tell the same number, a_ij = a_ji, twice; so a coloring needs to let only one of them
be read. Both algorithms are greedy. The sets of colors that they forbid are kept as the bits of integers, one per
vertex, so that a vertex costs a few steps per neighbor, where the papers' algorithms visit the neighbors' neighbors.
"""

from typing import Any

import numpy as np


def star(graph: Any, order: np.ndarray, proper: bool = True) -> np.ndarray:
    """A star coloring (Gebremedhin, Tarafdar, Manne, Pothen 2007, algorithm 4.1): every path of 4 has 3 colors.

    The edges between two colors then form stars. An edge can be read at its spoke: there no other edge leads to the
    color of the hub.

    Parameters
    ----------
    graph : csr_array of shape `(n, n)`
        A symmetric pattern without a diagonal.
    order : integer array
        The vertices, in the order in which they are colored.
    proper : bool
        Whether neighbors must differ, too. In the graph of rows and columns they need not: a row and a column of the
        same color are not evaluated together.

    Returns
    -------
    integer array
        The color of each vertex.
    """
    ends, flat = graph.indptr.tolist(), graph.indices.tolist()
    n = graph.shape[0]
    bit = [0] * n  # the color, as a bit; 0 while there is none
    around = [0] * n  # the colors of the neighbors
    hubs = [0] * n  # those of neighbors that are the hub of a star of which this vertex is a spoke
    spokes = [0] * n  # the colors of the spokes of which this vertex is the hub
    for v in order.tolist():
        neighbors = flat[ends[v] : ends[v + 1]]
        seen = twice = 0
        for w in neighbors:
            twice |= seen & bit[w]
            seen |= bit[w]
        forbidden = seen if proper else 0
        for w in neighbors:
            if bit[w]:
                # With two neighbors of the color of w, v becomes a hub: none of its spokes can have a neighbor of the
                # color of v. With one, v becomes a spoke of w, unless w is itself a spoke: of a hub of that color.
                forbidden |= around[w] if bit[w] & twice else hubs[w]
        bit[v] = color = ~forbidden & (forbidden + 1)
        around[v], spokes[v] = seen, twice
        mine = 0
        for w in neighbors:
            theirs = bit[w]
            if theirs & twice:
                hubs[w] |= color
            elif theirs and around[w] & color:
                mine |= theirs
                if not spokes[w] & color:  # a lone edge becomes a star: its other end is a spoke
                    spokes[w] |= color
                    hubs[next(x for x in flat[ends[w] : ends[w + 1]] if bit[x] == color and x != v)] |= theirs
            around[w] |= color
        hubs[v] |= mine
    return np.fromiter((b.bit_length() - 1 for b in bit), np.intp, n)


def acyclic(graph: Any, order: np.ndarray) -> np.ndarray:
    """An acyclic coloring (Gebremedhin, Tarafdar, Manne, Pothen 2007, algorithm 3.1): every cycle has 3 colors.

    The edges between two colors then form trees, whose numbers are found from the leaves to the root. A tree is known
    at its vertices by the color of the neighbors there; trees that grow together are joined as disjoint sets.

    Parameters
    ----------
    graph : csr_array of shape `(n, n)`
        A symmetric pattern without a diagonal.
    order : integer array
        The vertices, in the order in which they are colored.

    Returns
    -------
    integer array
        The color of each vertex.
    """
    ends, flat = graph.indptr.tolist(), graph.indices.tolist()
    n = graph.shape[0]
    colors = [-1] * n
    trees: list[dict[int, int]] = [{} for _ in range(n)]  # by the color of the neighbors in it
    parents: list[int] = []

    def root(t: int) -> int:
        while parents[t] != t:
            parents[t] = t = parents[parents[t]]
        return t

    for v in order.tolist():
        neighbors = [w for w in flat[ends[v] : ends[v + 1]] if colors[w] >= 0]
        forbidden = 0
        for w in neighbors:
            forbidden |= 1 << colors[w]
        met: dict[int, int] = {}
        for w in neighbors:
            for c, t in trees[w].items():
                if not forbidden >> c & 1 and met.setdefault(root(t), w) != w:
                    forbidden |= 1 << c  # two ways into one tree: a cycle
        colors[v] = color = (~forbidden & (forbidden + 1)).bit_length() - 1
        for w in neighbors:
            here, there = trees[v].get(colors[w]), trees[w].get(color)
            if here is None and there is None:
                here = there = len(parents)
                parents.append(here)
            elif here is not None and there is not None:
                parents[root(there)] = root(here)
            tree = there if here is None else here
            trees[v][colors[w]] = trees[w][color] = tree  # pyright: ignore[reportArgumentType]
    return np.array(colors, np.intp)

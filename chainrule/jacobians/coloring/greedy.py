"""First fit: vertices take, one after another, the smallest color that no clique of theirs has yet.

The partial distance-2 coloring of columns asks that no two columns with a nonzero in the same row share a color: the
columns are vertices, and each row is a clique of them. For a coloring of rows the two change places. So there is one
algorithm; it is given the *membership* matrix, a row per vertex and a column per clique.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

BLOCK = 1 << 14
"""How many vertices are handed from NumPy to Python at a time: their lists stay in the cache, and memory bounded."""

WIDE = 512
"""From this many colors on, a set of colors is a set; up to there it is an integer with a bit per color."""


def first_fit(members: Any, order: np.ndarray, taken: list[int] | None = None, widest: int = 0) -> np.ndarray:
    """The greedy partial distance-2 coloring (Gebremedhin, Manne, Pothen 2005, algorithm 3.2).

    Where the algorithm of the paper visits the neighbors of a vertex, here each clique remembers the colors of its
    members as the bits of one integer, so that a vertex costs two visits to each of its cliques, not one to each of
    their members: O(nonzeros) in all, however dense the neighborhoods are.

    Parameters
    ----------
    members : csr_array of shape `(vertices, cliques)`
        Row v says of which cliques v is a member.
    order : integer array
        The vertices to color, in this order.
    taken : list of int, optional
        The colors that each clique has from the start, as bits. It is changed.
    widest : int
        The size of the largest clique.

    Returns
    -------
    integer array
        The color of each vertex of `order`.
    """
    if taken is None and widest > WIDE:
        return _first_fit_wide(members, order)
    colors_of = taken or [0] * members.shape[1]
    bits = []
    for cliques_of in _lists(members, order):
        for cliques in cliques_of:
            forbidden = 0
            for k in cliques:
                forbidden |= colors_of[k]
            free = ~forbidden & (forbidden + 1)  # its lowest bit that is not set
            for k in cliques:
                colors_of[k] |= free
            bits.append(free)
    return np.fromiter((b.bit_length() - 1 for b in bits), np.intp, len(bits))


def _first_fit_wide(members: Any, order: np.ndarray) -> np.ndarray:
    """The same with colors without end: the next color that a clique may have free is known for each that it has not.

    These links are shortened as they are followed, as in disjoint sets: so a clique of k members costs about k steps
    to find them all a color, not k²/2.
    """
    following: list[dict[int, int]] = [{} for _ in range(members.shape[1])]
    colors = []
    for cliques_of in _lists(members, order):
        for cliques in cliques_of:
            c, before = 0, -1
            while c != before:
                before = c
                for k in cliques:
                    c = _free(following[k], c)
            for k in cliques:
                following[k][c] = c + 1
            colors.append(c)
    return np.array(colors, np.intp)


def _free(following: dict[int, int], c: int) -> int:
    """The first color from c on that is not among those taken."""
    while c in following:
        beyond = following[c]
        if beyond in following:
            following[c] = following[beyond]
        c = beyond
    return c


def _lists(members: Any, order: np.ndarray) -> Iterator[Iterator[list[int]]]:
    """The rows of `members` in this order as lists, a block at a time."""
    whole = len(order) == members.shape[0] and bool(np.all(order[1:] > order[:-1]))
    for start in range(0, len(order), BLOCK):
        part = members[start : start + BLOCK] if whole else members[order[start : start + BLOCK]]
        flat, ends = part.indices.tolist(), part.indptr.tolist()
        yield (flat[a:b] for a, b in itertools.pairwise(ends))


# ---- orders -----------------------------------------------------------------------------------------------------


def degrees(members: Any, cliques: Any) -> np.ndarray:
    """How many neighbors each vertex has, one that it meets in two cliques counted twice: O(nonzeros)."""
    return members.astype(np.int64) @ (np.diff(cliques.indptr).astype(np.int64) - 1)


def natural(members: Any, cliques: Any) -> np.ndarray:
    return np.arange(members.shape[0])


def random(members: Any, cliques: Any) -> np.ndarray:
    return np.random.default_rng(0).permutation(members.shape[0])


def largest_first(members: Any, cliques: Any) -> np.ndarray:
    """By falling degree (Welsh and Powell 1967)."""
    return np.argsort(-degrees(members, cliques), kind="stable")


def smallest_last(members: Any, cliques: Any) -> np.ndarray:
    """Last is a vertex of the smallest degree; before it, one of what remains without it (Matula and Beck 1983)."""
    return _while_degrees_change(members, cliques, degrees(members, cliques), -1)[::-1]


def dynamic_largest_first(members: Any, cliques: Any) -> np.ndarray:
    """The next vertex has the largest degree among those still to come (Gebremedhin, Manne, Pothen 2005, sec. 6)."""
    degree = degrees(members, cliques)
    return _while_degrees_change(members, cliques, degree.max(initial=0) - degree, 1)


def incidence_degree(members: Any, cliques: Any) -> np.ndarray:
    """The next vertex has the most neighbors among those that have been (Coleman and Moré 1983)."""
    most = degrees(members, cliques).max(initial=0)
    return _while_degrees_change(members, cliques, np.full(members.shape[0], most), -1)


def _while_degrees_change(members: Any, cliques: Any, key: np.ndarray, step: int) -> np.ndarray:
    """Take the vertex of the smallest key, add `step` to the keys of its neighbors that are left; and so on.

    The keys are in buckets; an entry whose key has changed since is skipped, and if the key has grown, put back. The
    members of a clique so wide that the visits would be quadratic are not visited: this is an order, not a proof.
    """
    sizes = np.diff(cliques.indptr)
    visited = (sizes > 1) & (sizes <= max(64, int(8 * np.sqrt(members.nnz))))
    ends, flat = cliques.indptr.tolist(), cliques.indices.tolist()
    member_ends, member_flat = members.indptr.tolist(), members.indices.tolist()
    keys, visit, order = key.tolist(), visited.tolist(), []
    buckets: dict[int, list[int]] = {}
    for v in range(len(keys) - 1, -1, -1):  # so that among equals the first comes first
        buckets.setdefault(keys[v], []).append(v)
    lowest = min(keys, default=0)
    left = [True] * len(keys)
    while len(order) < len(keys):
        bucket = buckets.get(lowest)
        if not bucket:
            lowest += 1
            continue
        v = bucket.pop()
        if not left[v] or keys[v] != lowest:
            if left[v] and keys[v] > lowest:
                buckets.setdefault(keys[v], []).append(v)
            continue
        left[v] = False
        order.append(v)
        for k in member_flat[member_ends[v] : member_ends[v + 1]]:
            if visit[k]:
                for w in flat[ends[k] : ends[k + 1]]:
                    if left[w]:
                        keys[w] = now = keys[w] + step
                        if step < 0:
                            buckets.setdefault(now, []).append(w)
                            lowest = min(lowest, now)
    return np.array(order, np.intp)


ORDERS: dict[str, Callable[[Any, Any], np.ndarray]] = {
    "natural": natural,
    "largest first": largest_first,
    "smallest last": smallest_last,
    "incidence degree": incidence_degree,
    "dynamic largest first": dynamic_largest_first,
    "random": random,
}

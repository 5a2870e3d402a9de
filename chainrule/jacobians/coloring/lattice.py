"""Colorings by a formula, for patterns that repeat: bands, and stencils on grids of one or more fields.

On a grid the color of the point (x, y, z) can be `(x + a y + b z) mod p`: a perfect code, where first fit wastes a
color here and there. A 5-point stencil needs 5 colors so; first fit takes 6 to 9. The grid is found in the pattern
itself, from the distances between the members of its cliques (see `greedy` for cliques and members); the formula from
a sample of them. The whole is then verified, and where it does not fit (at the seams of a periodic grid) repaired.
"""

import itertools
from typing import Any

import numpy as np

from .greedy import first_fit

SAMPLE = 1 << 17
"""How many pairs of members of a clique, about, are looked at to find a formula."""

SEAMS = 0.05
"""The part of the cliques that a formula may be wrong about, to be worth a repair."""

ATTEMPTS = 6
"""How many formulas are tried, each right about what those before it were wrong about."""

Formula = tuple[int, tuple[int, ...]]
"""`p`, and the factors of the digits."""

EVERYWHERE = 0.25
"""Whoever is in more than this part of the cliques has a color of its own, beside those of a formula."""

PERIOD = 256
"""The longest period, in vertices, that is looked for along a chain."""

MOST = 62
"""The most colors of a formula: a clique's are the bits of one 64-bit word."""


def lattice(members: Any, cliques: Any, widest: int) -> np.ndarray | None:
    """A coloring by a formula, repaired where it does not fit; None if the pattern has no such form.

    Cost: a few passes over the nonzeros, none of them sorts.
    """
    everywhere = np.diff(members.indptr) > max(EVERYWHERE * cliques.shape[0], 8)
    if 0 < np.count_nonzero(everywhere) < widest - 1:
        return _beside(members, cliques, everywhere)
    simple = _band(cliques, widest, members.shape[0])
    simple = _places(members, cliques) if simple is None else simple
    if simple is not None or widest > MOST // 2 or widest < 2:
        return simple
    pairs = _pairs(cliques)
    strides, best = _strides(pairs[1] - pairs[0]), None
    if len(strides) == 1:
        best = _repeated(members, cliques)
        if best is not None and best.max() < widest:
            return best
    for attempt in range(ATTEMPTS):
        exact, near = _formula(pairs, strides, widest)
        # A formula that is wrong somewhere is only worth its repair if there is none that may be right everywhere.
        formula = exact if exact is not None or attempt else near
        if formula is None:
            break
        color = _colors(members.shape[0], strides, *formula)
        bad = _bad(cliques, color)
        if len(bad) < SEAMS * cliques.shape[0]:
            color = _repaired(members, cliques, color, bad) if len(bad) else color
            best = color if best is None or color.max() < best.max() else best
        if not len(bad):
            break
        pairs = np.concatenate([pairs, _pairs(cliques, bad)], axis=1)  # so that the next is right there, too
    return best


def _beside(members: Any, cliques: Any, everywhere: np.ndarray) -> np.ndarray | None:
    """With a color of its own for each member of nearly all cliques (a dense column): a formula for the others."""
    others = np.flatnonzero(~everywhere)
    part = members[others]
    rest = part.T.tocsr()
    color = lattice(part, rest, int(np.diff(rest.indptr).max(initial=0)))
    if color is None:
        return None
    whole = np.empty(len(everywhere), color.dtype)
    whole[others] = color
    whole[everywhere] = color.max(initial=-1) + 1 + np.arange(np.count_nonzero(everywhere))
    return whole


def _places(members: Any, cliques: Any) -> np.ndarray | None:
    """The place that each has in its cliques, if it is the same in all: that of 9 parameters of a camera, say."""
    place = np.arange(len(cliques.indices)) - np.repeat(cliques.indptr[:-1], np.diff(cliques.indptr))
    color = np.zeros(members.shape[0], place.dtype)
    color[cliques.indices] = place
    return color if np.array_equal(color[cliques.indices], place) else None


def _repeated(members: Any, cliques: Any) -> np.ndarray | None:
    """What first fit does along a chain: from some vertex on it repeats itself."""
    n = members.shape[0]
    if n < 8 * PERIOD:
        return None
    start = first_fit(members[: 4 * PERIOD], np.arange(4 * PERIOD))
    once = start[PERIOD : 2 * PERIOD]
    period = next((q for q in range(1, PERIOD) if np.array_equal(once, start[PERIOD + q : 2 * PERIOD + q])), None)
    if period is None or start.max() >= MOST:
        return None
    color = start[PERIOD + (np.arange(n) - PERIOD) % period]
    bad = _bad(cliques, color)
    if not len(bad):
        return color
    return _repaired(members, cliques, color, bad) if len(bad) < SEAMS * cliques.shape[0] else None


def _band(cliques: Any, widest: int, n: int) -> np.ndarray | None:
    """The optimal coloring `j mod p` of a band that is full somewhere, of whatever width."""
    some = np.diff(cliques.indptr) > 0
    first, last = cliques.indptr[:-1][some], cliques.indptr[1:][some] - 1
    if not len(first):
        return None
    span = int((cliques.indices[last].astype(np.int64) - cliques.indices[first]).max()) + 1
    return np.arange(n) % widest if span == widest else None


def _pairs(cliques: Any, among: np.ndarray | None = None) -> np.ndarray:
    """The pairs of members of a sample of the cliques, a column each, the smaller member first."""
    sizes = np.diff(cliques.indptr)
    chosen = np.flatnonzero(sizes > 1) if among is None else among
    number = max(256, 2 * SAMPLE // int(sizes.max()) ** 2)
    if len(chosen) > number:
        chosen = np.random.default_rng(0).choice(chosen, number, replace=False)
    pairs = []
    for size in np.unique(sizes[chosen]):
        starts = cliques.indptr[chosen[sizes[chosen] == size]]
        members = cliques.indices[starts[:, None] + np.arange(size)].astype(np.int64)
        second, first = np.tril_indices(size, -1)
        pairs.append(np.stack([members[:, first].ravel(), members[:, second].ravel()]))
    return np.concatenate(pairs, axis=1)


def _strides(distances: np.ndarray) -> list[int]:
    """How far apart neighbors along each axis of the grid are: `[1, N]` for N columns of a grid.

    The smallest distances belong to the first axis. What is left begins with steps along the next, give or take some
    along those before; the middle of them is its stride; its multiples are explained by it; and so on.
    """
    distances, count = np.unique(distances, return_counts=True)
    rest = distances[count > 0.05 * count.max()]  # what is rare is a seam
    strides = [int(rest[0])]
    jumps = np.flatnonzero(rest[1:] > 2 * rest[:-1])
    reach = int(rest[jumps[0]] if len(jumps) else rest[-1])
    rest = rest[rest > reach]
    while len(rest) and len(strides) < 4:
        group = rest[rest <= rest[0] + 2 * reach]
        stride = int(group[(len(group) - 1) // 2])
        times = np.rint(rest / stride)
        explained = np.abs(rest - times * stride) <= reach
        found = np.unique(times[explained])
        # A multiple with none before it is a step along the next axis.
        explained &= times <= np.count_nonzero(found == np.arange(1, len(found) + 1))
        strides.append(stride)
        reach = int(rest[explained].max())
        rest = rest[~explained]
    return strides


def _digits(index: np.ndarray, strides: list[int]) -> list[np.ndarray]:
    digits = []
    for stride in reversed(strides):
        digit, index = np.divmod(index, stride)
        digits.append(digit)
    return digits[::-1]


def _formula(pairs: np.ndarray, strides: list[int], widest: int) -> tuple[Formula | None, Formula | None]:
    """The formula with the fewest colors that no pair has the same color by; and such that nearly none has."""
    first, second = (np.stack(_digits(side, strides)) for side in pairs)
    steps, near = second - first, None
    spans = [int(np.abs(s).max()) * 2 + 1 for s in steps]
    if np.prod(spans, dtype=float) > 2.0**62:
        return None, None
    keys = np.zeros(pairs.shape[1], np.int64)
    for step, span in zip(steps, spans, strict=True):
        keys = keys * span + step
    _, one, weight = np.unique(keys, return_index=True, return_counts=True)
    steps = steps[:, one]
    for p in range(widest, min(2 * widest, MOST) + 1):
        factors = np.array([(1, *a) for a in itertools.product(range(p), repeat=len(strides) - 1)])
        if factors.shape[0] * len(one) > 1 << 22:
            break
        wrong = (factors @ steps % p == 0) @ weight
        best = int(np.argmin(wrong))
        formula = p, tuple(factors[best].tolist())
        if wrong[best] == 0:
            return formula, near
        if near is None and wrong[best] < SEAMS * weight.sum():
            near = formula
    return None, near


def _colors(n: int, strides: list[int], p: int, factors: tuple[int, ...]) -> np.ndarray:
    color = np.zeros(n, np.int64)
    for factor, digit in zip(factors, _digits(np.arange(n), strides), strict=True):
        color += factor * digit
    return color % p


def _bad(cliques: Any, color: np.ndarray) -> np.ndarray:
    """The cliques with two members of the same color."""
    sizes = np.diff(cliques.indptr)
    some = np.flatnonzero(sizes)
    bits = np.left_shift(np.uint64(1), color.astype(np.uint64))
    masks = np.bitwise_or.reduceat(bits[cliques.indices], cliques.indptr[some])
    return some[np.bitwise_count(masks) != sizes[some]]


def _repaired(members: Any, cliques: Any, color: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """First fit for all but one of those that share a clique and a color."""
    part = cliques[bad]
    keys = np.repeat(np.arange(len(bad)), np.diff(part.indptr)) * (MOST + 1) + color[part.indices]
    order = np.argsort(keys, kind="stable")
    again = np.unique(part.indices[order[1:][np.diff(keys[order]) == 0]])
    moved = np.zeros(len(color), bool)
    moved[again] = True
    ours = members[again]
    touched, place = np.unique(ours.indices, return_inverse=True)
    near = cliques[touched]
    bits = np.left_shift(np.uint64(1), color[near.indices].astype(np.uint64))
    kept = np.where(moved[near.indices], np.uint64(0), bits)
    taken = np.bitwise_or.reduceat(kept, near.indptr[:-1]).tolist()
    ours.indices, ours._shape = place.astype(ours.indices.dtype), (len(again), len(touched))
    color = color.copy()
    color[again] = first_fit(ours, np.arange(len(again)), taken)
    return color

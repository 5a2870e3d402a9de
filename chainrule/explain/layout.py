"""Where the boxes and edges of a layered drawing go, from left to right.

The method of Sugiyama, Tagawa and Toda (Methods for Visual Understanding of Hierarchical System Structures,
1981): layers by longest paths, an order within each layer by barycenters, and heights that keep edges
straight. An edge across several layers runs through a point in each layer between; all edges of one box share
those points, so that a value that is used in many places leaves as one line.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of the boxes, for each edge the points between its ends, and the size of it all."""

    centers: list[tuple[float, float]]
    bends: list[list[tuple[float, float]]]
    """Pairs of points, where the edge enters and leaves a layer that it crosses."""
    width: float
    height: float


def layered(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    gap: float = 90.0,
    space: float = 22.0,
) -> Layout:
    """A drawing of an acyclic graph; its boxes are numbered so that every edge goes from lower to higher.

    Parameters
    ----------
    sizes : sequence of (width, height)
        One per box.
    edges : sequence of (source, target)
    gap, space : float
        Distances between layers, and between boxes in one.

    Returns
    -------
    Layout

    Examples
    --------
    >>> layered([(40, 20), (40, 20)], [(0, 1)], gap=60).centers
    [(20.0, 10.0), (120.0, 10.0)]
    """
    layer_of = _layers(len(sizes), edges)
    points, links, chains = _split(layer_of, edges)
    rows = _order(points, links)
    heights = [sizes[p][1] if p < len(sizes) else 0.0 for p in range(len(points))]
    y = _heights(rows, links, heights, space)

    widths = [max((sizes[p][0] for p in row if p < len(sizes)), default=0.0) for row in rows]
    left = [sum(widths[:i]) + i * gap for i in range(len(rows))]
    top = min((y[p] - h / 2 for p, h in enumerate(heights)), default=0.0)
    bottom = max((y[p] + h / 2 for p, h in enumerate(heights)), default=0.0)

    centers = [(left[layer_of[p]] + widths[layer_of[p]] / 2, y[p] - top) for p in range(len(sizes))]
    bends = [
        [(left[points[p]] + side * widths[points[p]], y[p] - top) for p in chain for side in (0, 1)] for chain in chains
    ]
    return Layout(centers, bends, sum(widths) + gap * max(0, len(rows) - 1), bottom - top)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box: after all its sources; if it has none, just before its first target."""
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    layer = [0] * count
    for box in range(count):
        layer[box] = max((layer[s] + 1 for s in sources[box]), default=0)
    for box in range(count):
        if not sources[box] and targets[box]:
            layer[box] = min(layer[t] for t in targets[box]) - 1
    return layer


def _split(layer_of: Sequence[int], edges: Sequence[tuple[int, int]]):
    """Edges as links from layer to layer: the layers of all points, the links, the points of each edge."""
    points = list(layer_of)
    between: dict[tuple[int, int], int] = {}  # (source, layer) -> the point where the edges of the source cross it
    links: dict[tuple[int, int], None] = {}
    chains = []
    for source, target in edges:
        chain = []
        last = source
        for layer in range(layer_of[source] + 1, layer_of[target]):
            if (source, layer) not in between:
                between[source, layer] = len(points)
                points.append(layer)
            chain.append(between[source, layer])
            links[last, chain[-1]] = None
            last = chain[-1]
        links[last, target] = None
        chains.append(chain)
    return points, list(links), chains


def _neighbours(count: int, links: Sequence[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        before[b].append(a)
        after[a].append(b)
    return before, after


def _order(points: Sequence[int], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The points of each layer from top to bottom, with few crossings: the best of some barycenter sweeps."""
    before, after = _neighbours(len(points), links)
    rows: list[list[int]] = [[] for _ in range(max(points, default=-1) + 1)]
    for point, layer in enumerate(points):
        rows[layer].append(point)
    best, fewest = [list(row) for row in rows], _crossings(rows, after)
    place = {p: i for row in rows for i, p in enumerate(row)}
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        near, walk = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        for row in walk:
            row.sort(key=lambda p: sum(place[q] for q in near[p]) / len(near[p]) if near[p] else place[p])
            place.update((p, i) for i, p in enumerate(row))
        crossings = _crossings(rows, after)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _crossings(rows: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> int:
    """How many pairs of links cross: inversions, counted layer by layer."""
    total = 0
    for row, following in pairwise(rows):
        place = {p: i for i, p in enumerate(following)}
        met: list[int] = []
        for p in row:
            ends = sorted(place[q] for q in after[p])
            total += sum(len(met) - bisect_right(met, end) for end in ends)
            for end in ends:
                insort(met, end)
    return total


def _heights(
    rows: Sequence[Sequence[int]], links: Sequence[tuple[int, int]], heights: Sequence[float], space: float
) -> list[float]:
    """The height of every point: close to its neighbours', and far enough from those above and below."""
    before, after = _neighbours(len(heights), links)
    box = [h > 0 for h in heights]
    y = [0.0] * len(heights)
    for row in rows:
        offsets = _offsets(row, heights, space)
        middle = (offsets[-1] + heights[row[-1]] / 2) / 2 if row else 0.0
        for p, offset in zip(row, offsets, strict=True):
            y[p] = offset - middle
    for sweep in range(2 * SWEEPS):
        near, walk = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        if sweep >= 2 * SWEEPS - 3:  # in the end boxes mind both sides, and long edges stay level with their source
            near, walk = [a + b if on else a for a, b, on in zip(before, after, box, strict=True)], rows
        for row in walk:
            offsets = _offsets(row, heights, space)
            wish = [sum(y[q] for q in near[p]) / len(near[p]) if near[p] else y[p] for p in row]
            # A bend in a long edge is uglier than a box off the middle of its neighbours.
            weight = [1.0 if box[p] else 4.0 for p in row]
            fitted = _increasing([w - o for w, o in zip(wish, offsets, strict=True)], weight)
            for p, level, offset in zip(row, fitted, offsets, strict=True):
                y[p] = level + offset
    return y


def _offsets(row: Sequence[int], heights: Sequence[float], space: float) -> list[float]:
    """How far below the first point of a row each one is when they stand as close as they may."""
    offsets, at = [], 0.0
    for i, p in enumerate(row):
        if i:
            at += (heights[row[i - 1]] + heights[p]) / 2 + space
        offsets.append(at)
    return offsets


def _increasing(wish: Sequence[float], weight: Sequence[float]) -> list[float]:
    """The nondecreasing sequence closest to `wish` in weighted least squares: pool adjacent violators.

    >>> _increasing([1.0, 3.0, 2.0, 5.0], [1.0, 1.0, 1.0, 1.0])
    [1.0, 2.5, 2.5, 5.0]
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for x, w in zip(wish, weight, strict=True):
        pool = (x, w, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, total, length = pools.pop()
            both = total + pool[1]
            pool = ((mean * total + pool[0] * pool[1]) / both, both, length + pool[2])
        pools.append(pool)
    return [mean for mean, _, length in pools for _ in range(length)]

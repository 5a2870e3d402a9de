"""The picture of an explanation: boxes from left to right, drawn with nothing but strings."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from .layout import layered
from .text import expression, number, summary
from .values import Value

SIZE = 13.0
"""The height of the letters; all text is monospaced, so that its width is known."""

ADVANCE = 0.61 * SIZE
LINE = 17.0
HEAD = 2 * LINE
MARGIN = 24.0
PADDING = 10.0
GAP = 92.0

LONGEST = 38
"""Expressions are shortened to so many letters."""

WIDEST = 68.0
"""Labels of edges are apart if their centres are."""

STYLE = """
.chainrule text { font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace }
.chainrule text { fill: #1f2933 }
.chainrule .title { font-weight: 600 }
.chainrule .name { fill: #7b8794 }
.chainrule .value { fill: #1d5fa6 }
.chainrule .adjoint { fill: #c2410c }
.chainrule .box { fill: #ffffff; stroke: #9aa5b1; stroke-width: 1.2 }
.chainrule .input .box { fill: #eef4fb; stroke: #7ba3d0 }
.chainrule .output .box { fill: #fdf3ec; stroke: #d98a5b; stroke-width: 1.8 }
.chainrule .edge { fill: none; stroke: #9aa5b1; stroke-width: 1.3 }
.chainrule .tip { fill: #9aa5b1 }
.chainrule .partial { font-size: 11px; fill: #52606d; text-anchor: middle }
.chainrule .partial { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
"""
"""All of it for this picture alone: a notebook shows several on one page."""

Point = tuple[float, float]


def drawing(title: str, values: Sequence[Value], inputs: Sequence[Value], outputs: Sequence[Value]) -> str:
    """An SVG document that shows how every value was made, what it is, and its adjoint."""
    place = {id(v): i for i, v in enumerate(values)}
    wires = [
        (place[id(operand)], i, partial)
        for i, v in enumerate(values)
        for operand, partial in zip(v.operands, v.partials, strict=True)
        if isinstance(operand, Value)
    ]
    texts = [_lines(v) for v in values]
    sizes = [_size(lines) for lines in texts]
    layout = layered(sizes, [(a, b) for a, b, _ in wires], GAP)
    ends = _ports(wires, layout.centers, layout.bends, sizes)
    routes = [
        [_right(layout.centers[a], sizes[a]), *bend, end]
        for (a, _, _), bend, end in zip(wires, layout.bends, ends, strict=True)
    ]
    kinds = {id(v): "input" for v in inputs} | {id(v): "output" for v in outputs}
    parts = [
        *_edges(routes),
        *_edge_labels(routes, [partial for _, _, partial in wires]),
        *(
            _box(v, lines, center, size, kinds.get(id(v), "operation"))
            for v, lines, center, size in zip(values, texts, layout.centers, sizes, strict=True)
        ),
    ]
    shown = True, any(v.adjoint is not None for v in values), any(d is not None for _, _, d in wires)
    legend = [entry for entry, on in zip(LEGEND, shown, strict=True) if on]
    return _page(title, layout.width, layout.height, parts, legend)


# ---- the page ----------------------------------------------------------------------------------------------

LEGEND = (
    ("value", "value"),
    ("adjoint: d result / d value", "adjoint"),
    ("on an edge: local partial derivative", "name"),
)
"""What each colour means: the words, and their class."""


def _page(title: str, width: float, height: float, parts: list[str], legend: list[tuple[str, str]]) -> str:
    """The whole document: a title, `parts`, which fill width and height, and the legend."""
    words = ADVANCE * max(len(title), sum(len(text) + 3 for text, _ in legend))
    right, bottom = max(width, words) + 2 * MARGIN, height + 2 * MARGIN + 2 * HEAD
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="chainrule" '
        f'width="{right:.0f}" height="{bottom:.0f}" viewBox="0 0 {right:.0f} {bottom:.0f}">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text class="title" x="{MARGIN:g}" y="{MARGIN + SIZE:g}">{escape(title)}</text>',
        f'<g transform="translate({MARGIN:g} {MARGIN + HEAD:g})">',
        *parts,
        "</g>",
    ]
    x = MARGIN
    for text, kind in legend:
        lines.append(f'<text class="{kind}" x="{x:.1f}" y="{bottom - MARGIN:.1f}">{text}</text>')
        x += ADVANCE * (len(text) + 3)
    return "\n".join([*lines, "</svg>", ""])


# ---- boxes -------------------------------------------------------------------------------------------------

Line = list[tuple[str, str]]
"""Pieces of text, each with its class."""


def _lines(v: Value) -> list[Line]:
    made = expression(v, 4)
    made = made if len(made) <= LONGEST else made[: LONGEST - 3] + "..."
    lines = [[("name", f"{v.name} = "), ("", made)], [("value", summary(v.value, 5))]]
    return lines if v.adjoint is None else [*lines, [("adjoint", summary(v.adjoint, 5))]]


def _size(lines: list[Line]) -> tuple[float, float]:
    longest = max(sum(len(text) for _, text in line) for line in lines)
    return ADVANCE * longest + 2 * PADDING, LINE * len(lines) + PADDING


def _box(v: Value, lines: list[Line], center: Point, size: tuple[float, float], kind: str) -> str:
    (x, y), (w, h) = center, size
    left, top = x - w / 2, y - h / 2
    rows = [
        f'<text x="{x:.1f}" y="{top + PADDING / 2 + LINE * (i + 0.76):.1f}" text-anchor="middle" '
        'xml:space="preserve">'
        + "".join(f'<tspan class="{c}">{escape(text)}</tspan>' if c else escape(text) for c, text in line)
        + "</text>"
        for i, line in enumerate(lines)
    ]
    return "\n".join(
        [
            f'<g class="{kind}">',
            f"<title>{escape(f'{v.name} = {expression(v)}')}</title>",
            f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{w:.1f}" height="{h:.1f}" rx="7"/>',
            *rows,
            "</g>",
        ]
    )


# ---- edges -------------------------------------------------------------------------------------------------


def _right(center: Point, size: tuple[float, float]) -> Point:
    return center[0] + size[0] / 2, center[1]


def _ports(
    wires: Sequence[tuple[int, int, object]],
    centers: Sequence[Point],
    bends: Sequence[Sequence[Point]],
    sizes: Sequence[tuple[float, float]],
) -> list[Point]:
    """Where each edge meets its target: spread over its left side, in the order of their heights."""
    coming: dict[int, list[int]] = {}
    for k, (_, target, _) in enumerate(wires):
        coming.setdefault(target, []).append(k)
    ends: list[Point] = [(0.0, 0.0)] * len(wires)
    for target, edges in coming.items():
        (x, y), (w, h) = centers[target], sizes[target]
        edges.sort(key=lambda k: (bends[k][-1] if bends[k] else centers[wires[k][0]])[1])
        for i, k in enumerate(edges):
            ends[k] = x - w / 2, y + h * ((i + 1) / (len(edges) + 1) - 0.5)
    return ends


def _edges(routes: Sequence[Sequence[Point]]) -> list[str]:
    """A smooth line through the points of each route, with an arrowhead; what several share is drawn once."""
    drawn: set[tuple[Point, Point]] = set()
    lines = []
    for route in routes:
        (u, v), path, end = route[-1], [], None
        for a, b in pairwise([*route[:-1], (u - 6, v)]):
            if (a, b) not in drawn:
                drawn.add((a, b))
                path.append(_stretch(a, b) if a == end else f"M{a[0]:.1f} {a[1]:.1f}{_stretch(a, b)}")
                end = b
        tip = f'<path class="tip" d="M{u:.1f} {v:.1f}l-8 -4v8z"/>'
        lines.append(f'<path class="edge" d="{"".join(path)}"/>{tip}')
    return lines


def _stretch(a: Point, b: Point) -> str:
    """A curve from a to b, level at both ends."""
    (x, y), (u, v) = a, b
    if v == y:
        return f"L{u:.1f} {v:.1f}"
    mid = (x + u) / 2
    return f"C{mid:.1f} {y:.1f} {mid:.1f} {v:.1f} {u:.1f} {v:.1f}"


def _edge_labels(routes: Sequence[Sequence[Point]], partials: Sequence[object]) -> list[str]:
    """The local partial derivatives, each on the last stretch of its edge where it is in nobody's way."""
    taken: dict[int, list[Point]] = {}  # by columns of one width, so that only three of them need a look

    def is_free(spot: Point) -> bool:
        near = int(spot[0] // WIDEST)
        there = (p for column in (near - 1, near, near + 1) for p in taken.get(column, ()))
        return all(abs(spot[0] - x) > WIDEST or abs(spot[1] - y) > 12 for x, y in there)

    labels = []
    for route, partial in zip(routes, partials, strict=True):
        if partial is None:
            continue
        text = number(partial, 4)
        spots = [_along(route[-2], route[-1], t) for t in (0.64, 0.5, 0.36, 0.74)]
        x, y = next(filter(is_free, spots), spots[0])
        taken.setdefault(int(x // WIDEST), []).append((x, y))
        labels.append(f'<text class="partial" x="{x:.1f}" y="{y + 4:.1f}">{escape(text)}</text>')
    return labels


def _along(a: Point, b: Point, t: float) -> Point:
    """The point at `t` of the curve that `_stretch` draws from a to b."""
    s = t * t * (3 - 2 * t)
    mid = (a[0] + b[0]) / 2
    x = (1 - t) ** 3 * a[0] + 3 * t * (1 - t) * mid + t**3 * b[0]
    return x, a[1] + (b[1] - a[1]) * s

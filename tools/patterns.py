"""Draws the pictures of docs/jacobians.md: `python tools/patterns.py` writes them into docs/."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

import chainrule as cr

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import sparse_tasks

SIDE, GAP, TOP = 220, 36, 44
INK, FRAME, ENTRY = "#777777", "#a0a0a0", "#3f76ac"
COLORS = ("#3f76ac", "#d9822b", "#4f9d69", "#b3546c", "#8c6bb1", "#c2a83e", "#4ba3b5", "#8a6d5b", "#9a9a9a", "#2f4b7c")


def panel(left: float, title: str, under: str, A: Any, colors: Sequence[int] | None = None) -> list[str]:
    """A matrix, a square for each entry, in the color of its column."""
    A = A.tocoo()
    m, n = A.shape
    cell = SIDE / max(m, n)
    x0, y0 = left + (SIDE - cell * n) / 2, TOP + (SIDE - cell * m) / 2
    size = max(cell * 0.9, 0.8)
    x1, y1 = x0 + (cell - size) / 2, y0 + (cell - size) / 2
    shapes = [
        f'<text x="{left + SIDE / 2:.1f}" y="18" class="title">{title}</text>',
        f'<text x="{left + SIDE / 2:.1f}" y="34" class="under">{under}</text>',
        f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{cell * n:.1f}" height="{cell * m:.1f}" class="frame"/>',
    ]
    paths: dict[str, list[str]] = {}
    for i, j in zip(A.row.tolist(), A.col.tolist(), strict=True):
        color = ENTRY if colors is None else COLORS[colors[j] % len(COLORS)]
        paths.setdefault(color, []).append(
            f"M{x1 + j * cell:.1f} {y1 + i * cell:.1f}h{size:.1f}v{size:.1f}h-{size:.1f}z"
        )
    return shapes + [f'<path fill="{color}" d="{"".join(path)}"/>' for color, path in paths.items()]


def picture(name: str, about: str, panels: Sequence[tuple[Any, ...]]) -> None:
    width, height = len(panels) * (SIDE + GAP) - GAP + 2, TOP + SIDE + 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="-1 0 {width} {height}">',
        f"<title>{about}</title>",
        "<style>text { font: 13px sans-serif; text-anchor: middle; fill: " + INK + " } .title { font-weight: bold }",
        f".under {{ font-size: 11px }} .frame {{ fill: none; stroke: {FRAME}; stroke-width: 1 }}</style>",
    ]
    for k, args in enumerate(panels):
        lines += panel(k * (SIDE + GAP), *args)
    (Path(__file__).parent.parent / "docs" / name).write_text("\n".join([*lines, "</svg>", ""]))


def pattern(f: Any, x: np.ndarray) -> Any:
    return cr.sparsity(f, x, local=True)


def tasks() -> None:
    panels = []
    for title, task in {
        "reaction and diffusion, 2-D": sparse_tasks.brusselator(72),
        "flight of a rocket": sparse_tasks.goddard_with_cost(60),
        "cameras and points": sparse_tasks.bundle_adjustment(90),
    }.items():
        A = pattern(lambda x, task=task: task.f(np, x), task.x)
        panels.append((title, f"{A.shape[0]} × {A.shape[1]}, {A.nnz} entries", A))
    picture("patterns.svg", "The entries of three Jacobians", panels)


def five_points(u: Any) -> Any:
    """Each cell of a grid with its neighbors."""
    v = np.pad(u, 1)
    return (v[2:, 1:-1] + v[:-2, 1:-1] + v[1:-1, 2:] + v[1:-1, :-2] - 4 * u) * u


def colors() -> None:
    A = pattern(five_points, np.ones((6, 6)))
    found = cr.coloring(A)
    compressed = scipy.sparse.csr_array((A.astype(float) @ found.seeds().T) != 0)
    panels = [
        ("the columns in colors", f"{found.num_colors} colors for {A.shape[1]} columns", A, found.column_colors),
        ("a product for each color", "in which no two entries meet", compressed, range(found.num_colors)),
    ]
    picture("colors.svg", "A coloring of a pattern, and the products that it takes", panels)


def layers() -> None:
    rng = np.random.default_rng(0)
    W, x, X = rng.normal(size=(5, 4)), rng.normal(size=4), rng.normal(size=(4, 4))
    panels = []
    for title, f, at in (
        ("W x by W", lambda W: W @ x, W),
        ("W x by x", lambda x: W @ x, x),
        ("ReLU", lambda h: np.maximum(h, 0), W @ x),
        ("a batch, tanh(X Wᵀ) by X", lambda X: np.tanh(X @ W.T), X),
    ):
        kind = type(cr.jacobian(f, structure=True)(at)).__name__
        panels.append((title, kind if kind != "csr_array" else "full", cr.sparsity(f, at)))
    picture("layers.svg", "The Jacobians of the layers of a network", panels)


if __name__ == "__main__":
    tasks()
    colors()
    layers()

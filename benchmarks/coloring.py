"""Colorings of sparse patterns: the time and the number of colors, and what it takes to get the matrix back.

Beside SciPy's `group_columns` (compiled; what its solvers use), asdex (numba, largest first) and CasADi (C++). The
patterns are those of `tests/sparse_tasks.py`, which are regular, and two that are not: a mesh of random triangles, and
a random one. Every coloring is checked before anything is timed; numba is warm beforehand.

    python benchmarks/coloring.py [--quick] [--only column symmetric both decompression] [--json FILE]
"""

import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core for everybody

import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import DifferentResults, Ratio, Report, interleave, parser

import numpy as np
import scipy.sparse as sp
from scipy.optimize._numdiff import group_columns
from scipy.spatial import Delaunay

import chainrule as cr

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from sparse_tasks import HESSIANS, JACOBIANS

# ---- patterns -------------------------------------------------------------------------------------------------------


def of_task(name: str) -> Callable[[int], sp.csr_array]:
    def make(n: int) -> sp.csr_array:
        task = {**JACOBIANS, **HESSIANS}[name](n)
        return ones(task.by_hand()(task.x))

    return make


def ones(A: Any) -> sp.csr_array:
    A = sp.csr_array(A)
    A.sum_duplicates()
    return sp.csr_array((np.ones(A.nnz), A.indices, A.indptr), shape=A.shape)


def mesh(n: int) -> sp.csr_array:
    """Which points of a triangulation of n random ones are neighbors."""
    corners = Delaunay(np.random.default_rng(0).uniform(size=(n, 2))).simplices
    i, j = corners[:, [0, 1, 2]].ravel(), corners[:, [1, 2, 0]].ravel()
    A = sp.coo_array((np.ones(len(i)), (i, j)), shape=(n, n))
    return ones(A + A.T + sp.eye_array(n))


def at_random(n: int) -> sp.csr_array:
    """About six in a row."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, n, 6 * n), rng.integers(0, n, 6 * n)
    return ones(sp.coo_array((np.ones(6 * n), places), shape=(n, n)))


COLUMN = {name: of_task(name) for name in ("brusselator", "burgers", "cart pole", "bundle adjustment")}
COLUMN |= {"mesh": mesh, "random": at_random}
SYMMETRIC = {"chained rosenbrock": of_task("chained rosenbrock"), "mesh": mesh}
BOTH = {"goddard": of_task("goddard"), "goddard with cost": of_task("goddard with cost")}


# ---- the tools: each returns the number of colors -------------------------------------------------------------------


def pattern_of_asdex(P: sp.csr_array) -> Any:
    from asdex import SparsityPattern

    rows, columns = P.tocoo().coords
    return SparsityPattern.from_coo(rows.astype(np.int32), columns.astype(np.int32), P.shape)


def pattern_of_casadi(P: sp.csr_array) -> Any:
    import casadi as ca

    C = P.tocsc()
    return ca.Sparsity(*P.shape, C.indptr.tolist(), C.indices.tolist())


def tools(P: sp.csr_array, kind: str) -> dict[str, Callable[[], int]]:
    """What is to be timed, the pattern given in the form that each wants."""
    from asdex.coloring import color_cols, color_symmetric

    theirs, symbolic = pattern_of_asdex(P), pattern_of_casadi(P)
    runs: dict[str, Callable[[], int]] = {
        "chainrule": lambda: cr.coloring(P, kind).num_colors,
        "largest first": lambda: cr.coloring(P, kind, "largest first").num_colors,
    }
    if kind == "column":
        runs["scipy"] = lambda: int(group_columns(P).max()) + 1
        runs["asdex"] = lambda: color_cols(theirs)[1]
        runs["casadi"] = lambda: symbolic.uni_coloring().size2()
    elif kind == "star":
        runs["asdex"] = lambda: color_symmetric(theirs)[1]
        runs["casadi"] = lambda: symbolic.star_coloring().size2()
    return runs


def must_be_right(name: str, P: sp.csr_array, kind: str) -> None:
    """The matrix comes back from its products."""
    rng = np.random.default_rng(0)
    A = P.copy()
    A.data = rng.uniform(1, 2, A.nnz)
    if kind in ("star", "acyclic"):
        A = sp.csr_array(A + A.T)
    found = cr.coloring(P, kind)
    back = found.matrix(lambda v: (A @ v.T).T, lambda u: u @ A)
    off = abs(back - A).max()
    if not off <= (1e-9 if kind == "acyclic" else 0):
        raise DifferentResults(f"{name}: the matrix comes back with an error of {off:.2g}")


# ---- the tables -----------------------------------------------------------------------------------------------------


def sizes(quick: bool) -> tuple[int, ...]:
    return (10_000,) if quick else (100_000, 1_000_000)


def columns(report: Report, quick: bool) -> None:
    names = ("chainrule", "largest first", "scipy", "asdex", "casadi")
    report.section("Columns: ms (colors)", "pattern", "n", *names, "/ scipy", "colors / LF")
    for n in sizes(quick):
        for name, make in COLUMN.items():
            P = make(n)
            must_be_right(name, P, "column")
            runs = tools(P, "column")
            found, times = {tool: run() for tool, run in runs.items()}, timed(runs, quick)
            report.row(
                name,
                P.shape[1],
                *(f"{1e3 * times[t]:.3g} ({found[t]})" for t in names),
                Ratio(times["chainrule"] / times["scipy"], 1.5),
                Ratio(found["chainrule"] / found["asdex"], 1),
            )


def symmetric(report: Report, quick: bool) -> None:
    report.section("Star: ms (colors)", "pattern", "n", "chainrule", "asdex", "casadi", "acyclic", "/ asdex")
    for n in sizes(quick):
        for name, make in SYMMETRIC.items():
            P = make(n)
            runs = tools(P, "star")
            runs["acyclic"] = lambda P=P: cr.coloring(P, "acyclic").num_colors
            del runs["largest first"]
            for kind in ("star", "acyclic"):
                must_be_right(name, P, kind)
            found, times = {tool: run() for tool, run in runs.items()}, timed(runs, quick)
            cells = {t: f"{1e3 * times[t]:.3g} ({found[t]})" for t in runs}
            shown = (cells[t] for t in ("chainrule", "asdex", "casadi", "acyclic"))
            report.row(name, P.shape[1], *shown, times["chainrule"] / times["asdex"])


def both(report: Report, quick: bool) -> None:
    report.section("Rows and columns, with dense ones: ms (colors)", "pattern", "n", "column", "row", "bidirectional")
    for n in sizes(quick):
        for name, make in BOTH.items():
            P = make(n)
            must_be_right(name, P, "bidirectional")
            kinds = ("column", "row", "bidirectional")
            runs = {k: functools.partial(cr.coloring, P, k) for k in kinds}
            times = timed(runs, quick)
            report.row(name, P.shape[1], *(f"{1e3 * times[k]:.3g} ({runs[k]().num_colors})" for k in kinds))


def decompression(report: Report, quick: bool) -> None:
    columns = ("ms", "copy of the data ms", "/ copy")
    report.section("The numbers of the matrix from its products", "pattern", "n", "kind", *columns)
    for n in sizes(quick):
        P = of_task("chained rosenbrock")(n)
        for kind in ("column", "star", "acyclic"):
            found = cr.coloring(P, kind)
            products, data = found.compress(P), np.ones(P.nnz)
            runs = {"ours": lambda f=found, p=products: f.data(p), "copy": data.copy}
            times = timed(runs, quick)
            times_ms = (1e3 * times["ours"], 1e3 * times["copy"])
            report.row("chained rosenbrock", n, kind, *times_ms, times["ours"] / times["copy"])


def timed(runs: dict[str, Callable[[], Any]], quick: bool) -> dict[str, float]:
    start = time.perf_counter()
    for run in runs.values():
        run()
    slow = time.perf_counter() - start > 5
    return {tool: t.median for tool, t in interleave(runs, 3 if quick or slow else 7, 0.01).items()}


TABLES: dict[str, Callable[[Report, bool], None]] = {
    "column": columns,
    "symmetric": symmetric,
    "both": both,
    "decompression": decompression,
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), help="some of the tables")
    options = options.parse_args()
    for kind in ("column", "star"):  # numba
        for run in tools(ones(sp.eye_array(4)), kind).values():
            run()
    report = Report("Colorings", options)
    for name in options.only:
        TABLES[name](report, options.quick)
    report.finish()


if __name__ == "__main__":
    main()

"""Sparse Jacobians and Hessians: the pattern, the first one, every further one, and what solvers make of them.

Beside asdex (JAX: patterns, coloring, compiled products), CasADi (SX: an expression a number; MX: one an array),
SciPy's grouped finite differences with the pattern given, and the derivative by hand. The programs are those of
`tests/sparse_tasks.py`. All results are compared with those by hand before anything is timed. The process is held on
one core, so that nobody has more threads than another; numba, which asdex's coloring is made of, is warm beforehand.

    python benchmarks/sparse.py [--quick] [--only pattern first warm growth solvers] [--json FILE]
"""

import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before anybody counts cores

import functools
import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import DifferentResults, Ratio, Report, interleave, parser, peak_over_start

import numpy as np
import scipy.sparse as sp
from scipy.optimize._numdiff import approx_derivative, group_columns

import chainrule as cr

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import sparse_tasks
from sparse_tasks import HESSIANS, JACOBIANS, LADYBUG, Task

MAKERS = {**JACOBIANS, **HESSIANS}
LARGE = ("brusselator", "burgers", "goddard", "bundle adjustment")


def make(name: str, n: int) -> Task:
    return MAKERS[name](LADYBUG if name == "bundle adjustment" and n == 100_000 else n)


# ---- the tools: each makes, of a task, the function that returns the derivative at a point ------------------------


def chainrule(task: Task) -> Callable[[np.ndarray], sp.csr_array]:
    transform = cr.hessian if task.hessian else cr.jacobian
    return transform(lambda x: task.f(np, x), sparse=True)


def prepared(task: Task) -> Callable[[np.ndarray], np.ndarray]:
    """The entries alone, the pattern known: what IPOPT asks for, and what asdex and CasADi are timed with."""
    return chainrule(task).prepare(task.x).data


def ones(J: sp.csr_array) -> sp.csr_array:
    return sp.csr_array((np.ones(J.nnz), J.indices, J.indptr), shape=J.shape)


def differences(task: Task) -> Callable[[np.ndarray], sp.csr_array]:
    pattern = ones(task.by_hand()(task.x))
    groups = group_columns(pattern)
    f = lambda x: task.f(np, x)
    return lambda x: approx_derivative(f, x, method="2-point", sparsity=(pattern, groups))


def asdex(task: Task) -> Callable[[np.ndarray], Any]:
    """A function that returns the entries in asdex's order, still JAX's; `as_csr` makes a matrix of them."""
    import asdex
    import jax

    f, x = lambda x: task.f(jax.numpy, x), jax.numpy.asarray(task.x)
    kind = "hessian" if task.hessian else "jacobian"
    coloring = getattr(asdex, f"{kind}_coloring_from_sparsity")(getattr(asdex, f"{kind}_sparsity")(f, x))
    compiled = jax.jit(getattr(asdex, f"{kind}_from_coloring")(f, coloring))
    return lambda x: jax.block_until_ready(compiled(x))


def casadi(kind: str) -> Callable[[Task], Callable[[np.ndarray], Any]]:
    """A function that returns a column of entries by columns of the matrix, without the copy of CasADi's own matrix."""

    def prepare(task: Task) -> Callable[[np.ndarray], Any]:
        import casadi as ca

        assert task.casadi is not None
        x = getattr(ca, kind).sym("x", task.x.size)
        y = task.casadi(ca, x)
        matrix = ca.hessian(y, x)[0] if task.hessian else ca.jacobian(y, x)
        buffer, run = ca.Function("J", [x], [matrix]).buffer()
        data = np.zeros(matrix.nnz())
        buffer.set_res(0, memoryview(data))
        structure = matrix.sparsity()
        indices, starts = np.array(structure.row()), np.array(structure.colind())

        def at(x):
            buffer.set_arg(0, memoryview(x))
            run()
            return sp.csc_array((data, indices, starts), shape=matrix.shape)

        return at

    return prepare


def as_csr(J: Any) -> sp.csr_array:
    if not sp.issparse(J):  # JAX's BCOO
        places = np.asarray(J.indices)
        J = sp.coo_array((np.asarray(J.data), (places[:, 0], places[:, 1])), shape=J.shape)
    J = sp.csr_array(J).copy()  # SciPy sorts in place, and some of these share their indices
    J.sum_duplicates()
    return J


def must_agree(name: str, tool: str, J: Any, expected: sp.csr_array, rtol: float = 1e-10) -> None:
    off, scale = abs(as_csr(J) - as_csr(expected)).max(), abs(expected).max()
    if not off <= rtol * scale:
        raise DifferentResults(f"{name}: {tool} differs by {off:.2g} from the result by hand (largest {scale:.2g})")


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def median_of(run: Callable[[], Any], rounds: int) -> float:
    return statistics.median(seconds(run)[0] for _ in range(rounds))


# ---- what is shown: of each table, one row -----------------------------------------------------------------------


def milliseconds(*times: float | None) -> list[float | str]:
    return ["" if t is None else 1e3 * t for t in times]


def pattern(task: Task, name: str, rounds: int, against_f: bool = False) -> tuple[Any, ...]:
    """The time to the pattern as CSR, of a function that was never seen before."""
    import asdex
    import jax

    ours = median_of(lambda: cr.sparsity(lambda x: task.f(np, x), task.x), rounds)
    f = median_of(lambda: task.f(np, task.x), 2 * rounds)
    if against_f:
        return *milliseconds(f, ours), Ratio(ours / f, 15), "", ""
    found = cr.sparsity(lambda x: task.f(np, x), task.x)
    theirs, other = seconds(lambda: asdex.jacobian_sparsity(lambda x: task.f(jax.numpy, x), jax.numpy.asarray(task.x)))
    needed = ones(task.by_hand()(task.x))
    if needed.multiply(ones(found)).nnz < needed.nnz:
        raise DifferentResults(f"{name}: the pattern has not all of the result by hand")
    if found.nnz > other.nnz:
        print(f"  {name}: our pattern has {found.nnz} entries, asdex's {other.nnz}")
    target = 1 / 100 if name == "brusselator" else 1
    return *milliseconds(f, ours), ours / f, 1e3 * theirs, Ratio(ours / theirs, target)


def first(task: Task, name: str, rounds: int) -> tuple[Any, ...]:
    """Everything from the function to the first matrix: patterns, colors, compilation."""
    expected = task.by_hand()(task.x)
    must_agree(name, "chainrule", chainrule(task)(task.x), expected)
    ours = median_of(lambda: chainrule(task)(task.x), rounds)
    others: dict[str, float | None] = {}
    for tool, prepare in (("asdex", asdex), ("SX", casadi("SX")), ("MX", casadi("MX"))):
        if tool == "MX" and name == "bundle adjustment":
            others[tool] = None  # a graph of 400,000 reads of single elements
            continue
        others[tool], J = seconds(functools.partial(first_of, prepare, task))
        must_agree(name, tool, J, expected)
    limits = [Ratio(ours / t, most) for t, most in ((others["asdex"], 1 / 50), (others["SX"], 1 / 10)) if t]
    return *milliseconds(ours, *others.values()), *limits


def first_of(prepare: Callable[[Task], Callable[[np.ndarray], Any]], task: Task) -> Any:
    return prepare(task)(task.x)


def warm(task: Task, name: str, rounds: int) -> tuple[Any, ...]:
    """Every further one.

    Those of chainrule and by hand are finished SciPy matrices, and a call of chainrule's derives the pattern anew.
    Those of the prepared one, asdex and CasADi are the entries of a pattern that is fixed.
    """
    x, expected = task.x, task.by_hand()(task.x)
    runs: dict[str, Callable[[np.ndarray], Any]] = {"by hand": task.by_hand(), "chainrule": chainrule(task)}
    runs["asdex"] = asdex(task)
    if not task.hessian:
        runs["differences"] = differences(task)
    for tool, J in runs.items():
        must_agree(name, tool, J(x), expected, 1e-4 if tool == "differences" else 1e-10)
    runs |= {"prepared": prepared(task), "f": functools.partial(task.f, np)}
    calls = {tool: functools.partial(J, x) for tool, J in runs.items()}
    times = {tool: t.median for tool, t in interleave(calls, rounds, 0.1).items()}
    ours, ready, hand, other = (times[tool] for tool in ("chainrule", "prepared", "by hand", "asdex"))
    small = x.size < 50_000 and name != "bundle adjustment"
    return (
        *milliseconds(times["f"], hand, ours, ready, other, times.get("differences")),
        ours / hand if small else Ratio(ours / hand, 2 if task.hessian else 2.5),
        ready / hand if small else Ratio(ready / hand, 2 if task.hessian else 2.5),
        ours / other if small else Ratio(ours / other, 1),
        Ratio(ready / other, 1.5 if small else 1),
        Ratio(ready / times["differences"], 1 / 20) if "differences" in times else "",
    )


def growth(small: Task, large: Task, rounds: int) -> tuple[Any, ...]:
    """From n to ten times n, a dense row and a dense column included; and the memory beside that of the result."""
    firsts, warms, J = [], [], None
    for task in (small, large):
        firsts.append(median_of(functools.partial(first_of, chainrule, task), rounds))
        J = chainrule(task)
        J(task.x)
        warms.append(median_of(functools.partial(J, task.x), 2 * rounds))
    del J
    kept = chainrule(large)(large.x)
    size_of_result = kept.data.nbytes + kept.indices.nbytes + kept.indptr.nbytes
    del kept
    peak = peak_over_start(lambda: chainrule(large)(large.x))
    in_ten = lambda times: (*milliseconds(*times), Ratio(times[1] / times[0] / 10, 1.5))
    return *in_ten(firsts), *in_ten(warms), Ratio(peak / size_of_result, 3)


# ---- the tables ---------------------------------------------------------------------------------------------------


def patterns(report: Report, quick: bool) -> None:
    n, rounds = (10_000, 3) if quick else (100_000, 7)
    report.section("The pattern", "task", "n", "f ms", "chainrule ms", "/ f", "asdex ms", "/ asdex")
    for name in LARGE:
        task = make(name, n)
        report.row(name, task.x.size, *pattern(task, name, rounds))
    task = make("brusselator", 10 * n)
    report.row("brusselator", task.x.size, *pattern(task, "brusselator", rounds, against_f=True))


def firsts(report: Report, quick: bool) -> None:
    n, rounds = (10_000, 3) if quick else (100_000, 7)
    report.section("The first one", "task", "n", "chainrule ms", "asdex ms", "SX ms", "MX ms", "/ asdex", "/ SX")
    for name in (*LARGE, "chained rosenbrock"):
        task = make(name, n)
        report.row(name, task.x.size, *first(task, name, rounds))


def warms(report: Report, quick: bool) -> None:
    columns = ("task", "n", "f ms", "by hand ms", "chainrule ms", "prepared ms", "asdex ms", "differences ms")
    ratios = ("/ by hand", "prepared / by hand", "/ asdex", "prepared / asdex", "prepared / differences")
    report.section("Every further one", *columns, *ratios)
    for n in (1_000,) if quick else (1_000, 10_000, 100_000):
        for name in MAKERS:
            if name == "goddard with cost" and n > 2_000:
                continue  # asdex colors its dense row and column in a time that is quadratic in n
            task = make(name, n)
            report.row(name, task.x.size, *warm(task, name, 3 if quick else 9))


def growths(report: Report, quick: bool) -> None:
    n, rounds = (10_000, 3) if quick else (100_000, 5)
    columns = ("first ms", "10 n", "/ 10", "warm ms", "10 n", "/ 10", "peak / result")
    report.section("Ten times as many", "task", *columns)
    for name in MAKERS:
        report.row(name, *growth(MAKERS[name](n), MAKERS[name](10 * n), rounds))


TABLES: dict[str, Callable[[Report, bool], None]] = {
    "pattern": patterns,
    "first": firsts,
    "warm": warms,
    "growth": growths,
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), help="some of the tables")
    options = options.parse_args()
    import jax

    jax.config.update("jax_enable_x64", True)
    asdex(sparse_tasks.burgers(20))(np.ones(20))  # numba
    asdex(sparse_tasks.chained_rosenbrock(20))(np.ones(20))
    report = Report("Sparse Jacobians and Hessians", options)
    for name in options.only:
        TABLES[name](report, options.quick)
    report.finish()


if __name__ == "__main__":
    main()

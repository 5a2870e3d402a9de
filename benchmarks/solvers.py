"""What exact sparse derivatives cost inside solvers: an implicit step, a stiff problem, IPOPT, a solution's derivative.

Beside the same solver with the Jacobian written by hand, and with SciPy's sparse factorisation or finite differences in
the place of ours. Results are compared before anything is timed. IPOPT needs the extra `ipopt`.

    python benchmarks/solvers.py [--quick] [--only step stiff ipopt derivative] [--json FILE]
"""

import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before anybody counts cores

import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness import Ratio, Report, interleave, parser, time_tools

import numpy as np
import scipy.integrate
import scipy.sparse
import scipy.sparse.linalg

import chainrule as cr
from chainrule.implicit.factors import factorize
from chainrule.scipy import integrate

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import sparse_tasks

ROUNDS = 5


def newton_by_hand(task, solver):
    """Newton's method with the Jacobian by hand; `solver(J, F)` solves a system."""
    jacobian = task.by_hand()

    def run():
        u = task.x.copy()
        for _ in range(20):
            du = solver(jacobian(u), task.f(np, u))
            u = u - du
            if np.max(np.abs(du)) < 1e-10:
                break
        return [u]

    return run


def steps(report: Report, quick: bool) -> None:
    """An implicit Euler step of Burgers' equation."""
    report.section(
        "An implicit step, ms", "equations", "cr.newton", "by hand, banded", "by hand, splu", "ours/splu", "banded/splu"
    )
    for n in (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000):
        task = sparse_tasks.burgers(n)
        runs: dict[str, Callable] = {
            "ours": lambda task=task: [cr.newton(lambda u: task.f(np, u), task.x).x],
            "banded": newton_by_hand(task, lambda J, F: factorize(J, "banded").solve(F)),
            "splu": newton_by_hand(task, lambda J, F: scipy.sparse.linalg.splu(J.tocsc()).solve(F)),
        }
        times = time_tools("step", runs, 2 if quick else ROUNDS, 0.2, rtol=1e-8)
        ours, banded, splu = (times[name].median for name in runs)
        large = n == 1_000_000
        report.row(
            n,
            ours * 1e3,
            banded * 1e3,
            splu * 1e3,
            ours / splu,
            Ratio(banded / splu, 1 / 3) if large else banded / splu,
        )


def stiff(report: Report, quick: bool) -> None:
    """solve_ivp by BDF on the Brusselator."""
    report.section("solve_ivp, BDF, the Brusselator, s", "equations", "ours", "by hand", "differences", "ours/by hand")
    for n in (512, 2048) if quick else (512, 2048, 8192):
        task = sparse_tasks.brusselator(n)

        def solve(module, task=task, **more):
            f = lambda t, y: task.f(np, y)
            return [module.solve_ivp(f, (0, 1), task.x, method="BDF", rtol=1e-6, atol=1e-8, **more).y[:, -1]]

        jacobian = task.by_hand()
        runs: dict[str, Callable] = {
            "ours": lambda solve=solve: solve(integrate),
            "by hand": lambda solve=solve, J=jacobian: solve(scipy.integrate, jac=lambda t, y: J(y)),
        }
        if n <= 512 or (n <= 2048 and not quick):
            runs["differences"] = lambda solve=solve: solve(scipy.integrate)
        times = time_tools("stiff", runs, 1 if quick else 3, 0, rtol=1e-4)
        ours, hand = times["ours"].median, times["by hand"].median
        rest = times["differences"].median if "differences" in times else "-"
        report.row(n, ours, hand, rest, Ratio(ours / hand, 1.15))


def luksan_vlcek(n):
    def objective(x):
        return np.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)

    def constraints(x):
        a, b, c = x[:-2], x[1:-1], x[2:]
        return 3 * b**3 + 2 * c - 5 + np.sin(b - c) * np.sin(b + c) + 4 * b - a * np.exp(a - b) - 3

    return objective, constraints, np.where(np.arange(n) % 2 == 0, -1.2, 1.0)


class Timed:
    """A program whose calls are timed."""

    def __init__(self, program):
        self.seconds = {}
        for name in ("objective", "gradient", "constraints", "jacobian", "hessian"):
            setattr(program, name, self.timed(name, getattr(program, name)))

    def timed(self, name, call):
        def run(*args):
            start = time.perf_counter()
            y = call(*args)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            return y

        return run


def ipopt(report: Report, quick: bool) -> None:
    """IPOPT on problem 1 of Luksan and Vlcek: how much of the solve is derivatives."""
    columns = ("set-up", "solve", "gradient", "Jacobian", "Hessian", "share")
    report.section("IPOPT, Luksan-Vlcek 1, s", "unknowns", *columns)
    for n in (1_000, 10_000) if quick else (10_000, 100_000):
        start = time.perf_counter()
        program = cr.nlp(*luksan_vlcek(n))
        set_up = time.perf_counter() - start
        calls = Timed(program)
        start = time.perf_counter()
        _, info = program.ipopt(0.0, 0.0, print_level=0, tol=1e-8, sb="yes")
        solve = time.perf_counter() - start
        assert abs(info["obj_val"] - 6.2324586324) < 1e-8, info
        parts = [calls.seconds[name] for name in ("gradient", "jacobian", "hessian")]
        report.row(n, set_up, solve, *parts, Ratio(sum(parts) / solve, 0.15))


def bratu(u, strength):
    """-Laplace u = strength exp(u) on a square."""
    v = np.pad(u, 1)
    laplace = 4 * u - v[:-2, 1:-1] - v[2:, 1:-1] - v[1:-1, :-2] - v[1:-1, 2:]
    return laplace * (len(u) + 1) ** 2 - strength * np.exp(u)


def bratu_by_hand(u, strength):
    """Its Jacobian."""
    n = len(u)
    line = scipy.sparse.diags_array([-np.ones(n - 1), 2 * np.ones(n), -np.ones(n - 1)], offsets=(-1, 0, 1))
    laplace = scipy.sparse.kron(line, scipy.sparse.eye_array(n)) + scipy.sparse.kron(scipy.sparse.eye_array(n), line)
    return ((n + 1) ** 2 * laplace - scipy.sparse.diags_array(strength * np.exp(u.ravel()))).tocsr()


def derivatives(report: Report, quick: bool) -> None:
    """The gradient of a functional of a solution: with the last factors of Newton's method, beside a factorisation."""
    report.section("A derivative of a solution, ms", "unknowns", "solve", "pullback", "factorisation", "pullback/fact.")
    for size in (50,) if quick else (50, 178, 400):
        start = np.zeros((size, size))
        _, pullback = cr.vjp(lambda s, start=start: cr.newton(bratu, start, (s,)).x, 1.0)
        found = cr.newton(bratu, start, (1.0,))
        J = bratu_by_hand(found.x, 1.0)
        runs = {
            "solve": lambda start=start: cr.newton(bratu, start, (1.0,)),
            "pullback": lambda pullback=pullback, start=start: pullback(np.ones_like(start)),
            "factorisation": lambda J=J: factorize(J, "mmd"),
        }
        times = interleave(runs, 2 if quick else ROUNDS, 0.1)
        solve, back, factors = (times[name].median for name in runs)
        report.row(size**2, solve * 1e3, back * 1e3, factors * 1e3, back / factors)


TABLES: dict[str, Callable[[Report, bool], None]] = {
    "step": steps,
    "stiff": stiff,
    "ipopt": ipopt,
    "derivative": derivatives,
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), help="some of the tables")
    options = options.parse_args()
    report = Report("Sparse derivatives inside solvers", options)
    for name in options.only:
        TABLES[name](report, options.quick)
    report.finish()


if __name__ == "__main__":
    main()

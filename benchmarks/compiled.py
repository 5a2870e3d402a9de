"""Compiled programs: every further call, and the first one, beside jax.jit and eager NumPy or chainrule.

Elementwise chains with their gradients, from ten numbers to a million; and small problems: the Jacobian of the hand of
a robot's arm with seven joints, the gradient of a likelihood of ten parameters and a thousand points, and the gradient
through ten steps of Runge and Kutta. Results are compared before anything is timed. The process is held on one
core.

    python benchmarks/compiled.py [--quick] [--json FILE]
"""

import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before anybody counts cores

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
from harness import DifferentResults, Ratio, Report, interleave, parser

import chainrule as cr


class Task(NamedTuple):
    """`f(np, *args)` is to be differentiated by `how`: "value", "grad" or "jacobian"."""

    f: Callable[..., Any]
    args: tuple[Any, ...]
    how: str
    most: float
    """of jax.jit's time"""


def chain(np, x):
    return np.tanh(np.sin(x) * np.exp(-x * x) + np.log(1 + x * x))


def hand(np, q):
    """Where the hand is, by the angles of the joints."""
    pose = np.eye(4)
    for k in range(7):
        c, s, one = np.cos(q[k]), np.sin(q[k]), 1 + 0 * q[k]
        turn = [[c, -s, 0 * c, 0.3 * one], [s, c, 0 * c, 0 * c], [0 * c, 0 * c, one, 0.1 * one], [0 * c] * 3 + [one]]
        if k % 2:
            turn = [turn[0], turn[2], [-x for x in turn[1]], turn[3]]
        pose = pose @ np.stack([np.stack(row) for row in turn])
    return pose[:3, 3]


def likelihood(np, p, x, y):
    """Of a sum of three bells and a background, with an unknown scatter."""
    model = p[0] + sum(p[k] * np.exp(-(((x - p[k + 1]) / p[k + 2]) ** 2)) for k in (1, 4, 7))
    scatter = np.exp(p[9]) if len(p) > 9 else 1.0
    return np.sum(((y - model) / scatter) ** 2 / 2 + np.log(scatter))


def hunt(np, p):
    """The number of animals after ten steps of the equations of Lotka and Volterra."""
    y = np.stack([1 + 0 * p[0], 1 + 0 * p[0]])

    def change(y):
        return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])

    for _ in range(10):
        a = change(y)
        b = change(y + 0.005 * a)
        c = change(y + 0.005 * b)
        d = change(y + 0.01 * c)
        y = y + 0.01 / 6 * (a + 2 * b + 2 * c + d)
    return np.sum(y)


def tasks(quick: bool) -> dict[str, Task]:
    rng = numpy.random.default_rng(0)
    found = {}
    for n in (10, 1_000, 100_000) if quick else (10, 1_000, 10_000, 100_000, 1_000_000):
        x = numpy.linspace(0.1, 2, n)
        found[f"chain, {n}"] = Task(chain, (x,), "value", 1)
        found[f"its gradient, {n}"] = Task(lambda np, x: np.sum(chain(np, x)), (x,), "grad", 1)
    x, p = numpy.linspace(0, 1, 1000), numpy.array([0.1, 1, 0.2, 0.1, 2, 0.5, 0.1, 1, 0.8, 0.3])
    found["arm, 7 joints"] = Task(hand, (numpy.linspace(0, 1, 7),), "jacobian", 1 / 3)
    found["likelihood"] = Task(likelihood, (p, x, numpy.sin(9 * x) + rng.normal(size=1000)), "grad", 1 / 3)
    found["Runge-Kutta, 10 steps"] = Task(hunt, (numpy.array([1.5, 1.0, 3.0, 1.0]),), "grad", 1 / 3)
    return found


def ours(task: Task) -> Callable[..., Any]:
    f = functools.partial(task.f, numpy)
    return {"value": lambda f: f, "grad": cr.grad, "jacobian": cr.jacobian}[task.how](f)


def theirs(task: Task) -> Callable[..., Any]:
    import jax

    f = functools.partial(task.f, jax.numpy)
    made = jax.jit({"value": lambda f: f, "grad": jax.grad, "jacobian": jax.jacfwd}[task.how](f))
    return lambda *args: jax.block_until_ready(made(*args))


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compared(name: str, task: Task, rounds: int) -> tuple[Any, ...]:
    import jax

    eager, compiled, peer = ours(task), cr.compile(ours(task)), theirs(task)
    arrays = tuple(map(jax.numpy.asarray, task.args))
    first = seconds(lambda: compiled(*task.args)), seconds(lambda: peer(*arrays))
    expected = eager(*task.args)
    for tool, found in (("chainrule", compiled(*task.args)), ("jax.jit", peer(*arrays))):
        if not numpy.allclose(found, expected, rtol=1e-9, atol=1e-9 * numpy.max(numpy.abs(expected))):
            raise DifferentResults(f"{name}: {tool} differs from eager")
    calls = {
        "eager": functools.partial(eager, *task.args),
        "chainrule": functools.partial(compiled, *task.args),
        "jax.jit": functools.partial(peer, *arrays),
    }
    times = {tool: 1e6 * t.median for tool, t in interleave(calls, rounds, 0.05).items()}
    ratio = Ratio(times["chainrule"] / times["jax.jit"], task.most)
    return *times.values(), ratio, *(1e3 * t for t in first), Ratio(first[0] / first[1], 0.5)


def main() -> None:
    options = parser(__doc__).parse_args()
    import jax

    jax.config.update("jax_enable_x64", True)
    cr.compile(lambda x: x + 1)(numpy.ones(3))  # LLVM, and
    jax.jit(lambda x: x + 1)(numpy.ones(3))  # XLA
    report = Report("Compiled programs", options)
    columns = ("task", "eager us", "chainrule us", "jax.jit us", "/ jax.jit", "first ms", "jax.jit ms", "/ jax.jit")
    report.section("Further calls, and the first", *columns)
    for name, task in tasks(options.quick).items():
        report.row(name, *compared(name, task, 3 if options.quick else 9))
    report.finish()


if __name__ == "__main__":
    main()

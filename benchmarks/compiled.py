"""Compiled programs: every further call, and the first one, beside eager chainrule, jax.jit, numba and CasADi.

Elementwise chains with their gradients, from ten numbers to ten million, which numba has as a loop, the gradient
derived by hand; and small problems, which CasADi has as expressions of single numbers (SX) on its virtual machine: the
Jacobian of the hand of a robot's arm with seven joints, the gradient of a likelihood of ten parameters and a thousand
points, and the gradient through a thousand steps of Runge and Kutta, for which JAX has a scan. Results are compared
before anything is timed. The process is held on one core.

    python benchmarks/compiled.py [--quick] [--json FILE]
"""

import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before anybody counts cores

import functools
import time
import math
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
    in_jax: Callable[..., Any] | None = None
    """the same as JAX wants to see it"""
    by_numba: Callable[..., Any] | None = None
    """a loop for numba"""
    casadi: bool = False


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
    scatter = np.exp(p[9])
    return np.sum(((y - model) / scatter) ** 2 / 2 + np.log(scatter))


STEPS = 1_000


def step(np, p, y):
    """One step of Runge and Kutta of the equations of Lotka and Volterra."""

    def change(y):
        return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])

    a = change(y)
    b = change(y + 0.005 * a)
    c = change(y + 0.005 * b)
    d = change(y + 0.01 * c)
    return y + 0.01 / 6 * (a + 2 * b + 2 * c + d)


def hunt(np, p):
    """The number of animals after all steps."""
    y = np.stack([1 + 0 * p[0], 1 + 0 * p[0]])
    for _ in range(STEPS):
        y = step(np, p, y)
    return np.sum(y)


def hunt_in_jax(p):
    import jax

    np = jax.numpy
    return np.sum(jax.lax.scan(lambda y, _: (step(np, p, y), None), np.ones(2), None, STEPS)[0])


def chain_loop(x):
    y = numpy.empty_like(x)
    for i in range(len(x)):
        v = x[i]
        y[i] = math.tanh(math.sin(v) * math.exp(-v * v) + math.log(1 + v * v))
    return y


def slope_loop(x):
    y = numpy.empty_like(x)
    for i in range(len(x)):
        v = x[i]
        s, e = math.sin(v), math.exp(-v * v)
        t = math.tanh(s * e + math.log(1 + v * v))
        y[i] = (1 - t * t) * (math.cos(v) * e - 2 * v * s * e + 2 * v / (1 + v * v))
    return y


class Casadi:
    """CasADi's expressions under the names of NumPy that the small problems use."""

    def __init__(self, casadi: Any):
        self.casadi, self.exp, self.log, self.sin, self.cos = casadi, casadi.exp, casadi.log, casadi.sin, casadi.cos
        self.sum, self.eye = casadi.sum1, casadi.SX.eye

    def stack(self, parts: Any) -> Any:
        rows = self.casadi.vertcat(*parts) if parts[0].shape == (1, 1) else self.casadi.horzcat(*parts).T
        return rows


def tasks(quick: bool) -> dict[str, Task]:
    rng = numpy.random.default_rng(0)
    found = {}
    for n in (10, 1_000, 100_000) if quick else (10, 1_000, 10_000, 100_000, 1_000_000, 10_000_000):
        x = numpy.linspace(0.1, 2, n)
        found[f"chain, {n}"] = Task(chain, (x,), "value", 1, by_numba=chain_loop)
        found[f"its gradient, {n}"] = Task(lambda np, x: np.sum(chain(np, x)), (x,), "grad", 1, by_numba=slope_loop)
    x, p = numpy.linspace(0, 1, 1000), numpy.array([0.1, 1, 0.2, 0.1, 2, 0.5, 0.1, 1, 0.8, 0.3])
    found["arm, 7 joints"] = Task(hand, (numpy.linspace(0, 1, 7),), "jacobian", 1 / 3, casadi=True)
    data = numpy.sin(9 * x) + rng.normal(size=1000)
    found["likelihood"] = Task(likelihood, (p, x, data), "grad", 1 / 3, casadi=True)
    start = numpy.array([1.5, 1.0, 3.0, 1.0])
    found["Runge-Kutta, 1,000 steps"] = Task(hunt, (start,), "grad", 1 / 3, lambda *p: hunt_in_jax(*p), casadi=True)
    return found


def ours(task: Task) -> Callable[..., Any]:
    f = functools.partial(task.f, numpy)
    return {"value": lambda f: f, "grad": cr.grad, "jacobian": cr.jacobian}[task.how](f)


def theirs(task: Task) -> Callable[..., Any]:
    import jax

    f = task.in_jax or functools.partial(task.f, jax.numpy)
    made = jax.jit({"value": lambda f: f, "grad": jax.grad, "jacobian": jax.jacfwd}[task.how](f))
    return lambda *args: jax.block_until_ready(made(*args))


def loop(task: Task) -> Callable[..., Any]:
    """The third peer: numba's loop, or CasADi's function."""
    if task.by_numba is not None:
        import numba

        return numba.njit(task.by_numba)
    import casadi

    p = casadi.SX.sym("p", task.args[0].size)
    y = task.f(Casadi(casadi), p, *(casadi.DM(a) for a in task.args[1:]))
    J = casadi.jacobian(y, p)
    made = casadi.Function("made", [p], [J if task.how == "jacobian" else casadi.vec(J)])
    shape = (3, task.args[0].size) if task.how == "jacobian" else (task.args[0].size,)
    return lambda p, *rest: numpy.array(made(p)).reshape(shape)


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compared(name: str, task: Task, rounds: int) -> tuple[Any, ...]:
    import jax

    eager, compiled, peer, third = ours(task), cr.compile(ours(task)), theirs(task), loop(task)
    arrays = tuple(map(jax.numpy.asarray, task.args))
    first = seconds(lambda: compiled(*task.args)), seconds(lambda: peer(*arrays))
    expected = eager(*task.args)
    for tool, run in (("chainrule", compiled), ("jax.jit", lambda *_: peer(*arrays)), ("the third", third)):
        found = run(*task.args)
        if not numpy.allclose(found, expected, rtol=1e-9, atol=1e-9 * numpy.max(numpy.abs(expected))):
            raise DifferentResults(f"{name}: {tool} differs from eager")
    calls = {
        "eager": functools.partial(eager, *task.args),
        "chainrule": functools.partial(compiled, *task.args),
        "jax.jit": functools.partial(peer, *arrays),
        "third": functools.partial(third, *task.args),
    }
    times = {tool: 1e6 * t.median for tool, t in interleave(calls, rounds, 0.05).items()}
    ratios = Ratio(times["chainrule"] / times["jax.jit"], task.most), Ratio(times["chainrule"] / times["third"], 1)
    return *times.values(), *ratios, *(1e3 * t for t in first), Ratio(first[0] / first[1], 0.5)


def main() -> None:
    options = parser(__doc__).parse_args()
    import jax

    jax.config.update("jax_enable_x64", True)
    cr.compile(lambda x: x + 1)(numpy.ones(3))  # LLVM, and
    jax.jit(lambda x: x + 1)(numpy.ones(3))  # XLA
    report = Report("Compiled programs", options)
    columns = ("task", "eager us", "chainrule us", "jax.jit us", "third us", "/ jax.jit", "/ third")
    report.section(
        "Further calls, and the first (the third peer: numba of the chains, CasADi of the others)",
        *(*columns, "first ms", "jax.jit ms", "first / jax.jit"),
    )
    for name, task in tasks(options.quick).items():
        report.row(name, *compared(name, task, 3 if options.quick else 9))
    report.finish()


if __name__ == "__main__":
    main()

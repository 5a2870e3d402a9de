"""The objectives of ADBench, with their gradients and Jacobians, compiled from plain NumPy: beside JAX and others.

A mixture of Gaussians (GMM), bundle adjustment (BA) and a recurrent network (LSTM): `benchmarks/adbench/` has them as
plain NumPy, and says where JAX is given something else. The inputs are read from a folder with ADBench's files, or made
at the same sizes. All results are compared before anything is timed. The process is held on one core.

    python benchmarks/adbench.py [--quick] [--data FOLDER] [--only gmm ba lstm] [--torch-compile] [--json FILE]
"""

import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before anybody counts cores

import argparse
import functools
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from harness import Ratio, Report, compare, interleave, load, parser

import numpy as np
from adbench import ba, data, gmm, lstm

import chainrule as cr

Run = Callable[[], Any]


class Peer(NamedTuple):
    """A tool's way to the result: `run()` gives what the tool gives, `arrays(that)` NumPy's arrays in our order."""

    run: Run
    arrays: Callable[[Any], list[np.ndarray]]


def plain(found: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in found]


def value_and_gradients(found: Any) -> list[np.ndarray]:
    value, gradients = found
    return [np.asarray(value), *map(np.asarray, gradients)]


# ---- GMM -----------------------------------------------------------------------------------------------------------


def gmm_peers(task: data.Mixture) -> dict[str, Peer]:
    import autograd
    import autograd.numpy
    import jax
    import torch

    *wanted, x, gamma, m = task

    def of(namespace: Any, x: Any) -> Callable[..., Any]:
        return lambda *parameters: gmm.objective(namespace, *parameters, x, gamma, m)

    ours = cr.compile(cr.value_and_grad(of(np, x), (0, 1, 2)))
    in_jax = jax.jit(jax.value_and_grad(of(jax.numpy, jax.numpy.asarray(x)), (0, 1, 2)))
    arrays = list(map(jax.numpy.asarray, wanted))
    tensors = [torch.tensor(a, requires_grad=True) for a in wanted]
    in_autograd = autograd.value_and_grad(lambda parameters: of(autograd.numpy, x)(*parameters))
    in_torch = of(Torch(torch), torch.tensor(x))

    def torch_run() -> Any:
        y = in_torch(*tensors)
        return y.detach(), torch.autograd.grad(y, tensors)

    def autograd_run() -> Any:
        return in_autograd(tuple(wanted))

    return {
        "chainrule": Peer(lambda: ours(*wanted), value_and_gradients),
        "jax.jit": Peer(lambda: jax.block_until_ready(in_jax(*arrays)), value_and_gradients),
        "torch": Peer(torch_run, value_and_gradients),
        "autograd": Peer(autograd_run, value_and_gradients),
        "by hand": Peer(lambda: gmm.by_hand(*task), value_and_gradients),
    }


class Torch:
    """PyTorch under the names of NumPy that the objectives use."""

    def __init__(self, torch: Any):
        self.torch, self.exp, self.log, self.matmul = torch, torch.exp, torch.log, torch.matmul
        self.sqrt, self.sin, self.cos, self.stack = torch.sqrt, torch.sin, torch.cos, torch.stack

    def sum(self, x: Any, axis: Any = None) -> Any:
        return self.torch.sum(x) if axis is None else self.torch.sum(x, axis)

    def max(self, x: Any, axis: int) -> Any:
        return self.torch.amax(x, axis)

    def expand_dims(self, x: Any, axis: int) -> Any:
        return self.torch.unsqueeze(x, axis)

    def swapaxes(self, x: Any, a: int, b: int) -> Any:
        return self.torch.swapaxes(x, a, b)

    def concatenate(self, parts: Any, axis: int = 0) -> Any:
        return self.torch.cat(parts, axis)

    def zeros(self, shape: Any) -> Any:
        return self.torch.zeros(shape, dtype=self.torch.float64)


def gmm_report(report: Report, options: argparse.Namespace) -> None:
    tools = ("chainrule", "jax.jit", "torch", "autograd", "by hand")
    report.section(
        "GMM: value and gradient, ms a call", "size", *tools, "/ best peer", "first ms", "jax.jit ms", "/ jax.jit"
    )
    for name in list(data.GMM)[: 3 if options.quick else None]:
        peers = gmm_peers(data.mixture(name, options.data))
        times, first = measured(f"GMM {name}", peers, options)
        best = min(times[t] for t in tools[1:4])
        report.row(name, *times.values(), Ratio(times["chainrule"] / best, 1), *firsts(first))


# ---- BA ------------------------------------------------------------------------------------------------------------


def blocks(np: Any, jacobian: Any, project: Any) -> Callable[..., Any]:
    """The Jacobian of one observation: two rows, a column for each number of its camera and point, and its weight."""
    of_one = jacobian(functools.partial(project, np), (0, 1, 2))

    def rows(camera, point, weight, feature):
        return np.concatenate([J.reshape(2, -1) for J in of_one(camera, point, weight, feature)], 1)

    return rows


def ba_peers(task: data.Bundle) -> dict[str, Peer]:
    """The entries of the sparse Jacobian in ADBench's order: all blocks, row by row, and the weights' own rows."""
    import jax

    jnp = jax.numpy
    cameras, points, weights, _ = task
    each = np.arange(len(weights))
    camera_of, point_of = each % len(cameras), each % len(points)

    def entries(np: Any, vmap: Any, jacobian: Any) -> Callable[..., Any]:
        rows = vmap(blocks(np, jacobian, ba.residual))

        def of_all(cameras, points, weights, features):
            J = rows(cameras[camera_of], points[point_of], weights, features)
            return np.concatenate([J.reshape(-1), -2 * weights])

        return of_all

    ours = cr.compile(entries(np, cr.vmap, cr.jacobian))
    in_jax = jax.jit(entries(jnp, jax.vmap, jax.jacfwd))

    def expert(cameras, points, weights, features):
        """Two pullbacks of the whole batch, each number of an observation an array of its own."""
        numbers = (*cameras[camera_of].T, *points[point_of].T, weights)
        f = lambda *v: ba.residual_of_arrays(jnp, v[:11], v[11:14], v[14], features.T)
        _, pullback = jax.vjp(f, *numbers)
        one, zero = jnp.ones(len(weights)), jnp.zeros(len(weights))
        J = jnp.stack([jnp.stack(pullback((one, zero)), 1), jnp.stack(pullback((zero, one)), 1)], 1)
        return jnp.concatenate([J.reshape(-1), -2 * weights])

    by_expert, arrays = jax.jit(expert), list(map(jnp.asarray, task))
    return {
        "chainrule": Peer(lambda: [ours(*task)], plain),
        "jacfwd": Peer(lambda: [jax.block_until_ready(in_jax(*arrays))], plain),
        "arrays": Peer(lambda: [jax.block_until_ready(by_expert(*arrays))], plain),
    }


def ba_report(report: Report, options: argparse.Namespace) -> None:
    report.section(
        "BA: Jacobian, ns an observation (JAX: vmap(jacfwd), and an expert's two pullbacks of arrays)",
        *("observations", "chainrule", "jacfwd", "arrays", "/ C++ (84)", "/ jacfwd", "/ arrays"),
        *("first ms", "jax.jit ms", "/ jax.jit"),
    )
    for name in list(data.BA)[: 1 if options.quick else None]:
        task = data.bundle(name, options.data)
        times, first = measured(f"BA {name}", ba_peers(task), options)
        count = len(task.weights)
        ns = [1e6 * t / count for t in times.values()]
        ratios = Ratio(ns[0] / 84, 1.5), Ratio(ns[0] / ns[1], 1 / 25), Ratio(ns[0] / ns[2], 1 / 6)
        report.row(f"{count:,}", *ns, *ratios, *firsts(first))


# ---- LSTM ----------------------------------------------------------------------------------------------------------


def lstm_peers(task: data.Sequence) -> dict[str, Peer]:
    import jax

    ours = cr.compile(cr.value_and_grad(lambda m, e, s, t: lstm.objective(np, m, e, s, t), (0, 1)))
    in_jax = jax.jit(jax.value_and_grad(functools.partial(lstm.scanned, jax), (0, 1)))
    arrays = list(map(jax.numpy.asarray, task))
    return {
        "chainrule": Peer(lambda: ours(*task), value_and_gradients),
        "scan": Peer(lambda: jax.block_until_ready(in_jax(*arrays)), value_and_gradients),
    }


FIRST = {"l2 c1024": 0.5, "l4 c1024": 1.0, "l4 c4096": 1.0}


def lstm_report(report: Report, options: argparse.Namespace) -> None:
    report.section(
        "LSTM: value and gradient, ms a call (JAX: jit(scan); ours: Python's loops)",
        *("size", "chainrule", "jax.jit", "/ jax.jit", "first ms", "jax.jit ms", "/ jax.jit"),
    )
    for name in list(data.LSTM)[: 1 if options.quick else None]:
        times, first = measured(f"LSTM {name}", lstm_peers(data.sequence(name, options.data)), options)
        ratio = Ratio(times["chainrule"] / times["scan"], 0.25)
        report.row(name, *times.values(), ratio, *firsts(first, FIRST[name]))


# ---- measuring -----------------------------------------------------------------------------------------------------


def measured(case: str, peers: dict[str, Peer], options: argparse.Namespace) -> tuple[dict[str, float], list[float]]:
    """Milliseconds a call of each tool, and those of the first call of the first two, after the results agree."""
    first, results = [], {}
    for name, peer in peers.items():
        gc.collect()
        start = time.perf_counter()
        found = peer.run()
        first.append(1e3 * (time.perf_counter() - start))
        results[name] = [np.array(a, float) for a in peer.arrays(found)]
        del found
    compare(case, results, 1e-9)
    del results
    runs = {name: peer.run for name, peer in peers.items()}
    times = interleave(runs, 3 if options.quick else 7, 0.05 if options.quick else 0.2)
    return {name: 1e3 * t.median for name, t in times.items()}, first[:2]


def firsts(first: list[float], most: float = 0.5) -> tuple[Any, ...]:
    return *first, Ratio(first[0] / first[1], most)


REPORTS = {"gmm": gmm_report, "ba": ba_report, "lstm": lstm_report}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", type=Path, metavar="FOLDER", help="ADBench's files; without it, inputs are made")
    arguments.add_argument("--only", nargs="+", choices=REPORTS, default=list(REPORTS), help="a part of it")
    options = arguments.parse_args()
    load(["torch", "autograd", "jax"])
    import jax

    jax.jit(lambda x: x + 1)(np.ones(3))  # XLA, and
    cr.compile(lambda x: x + 1)(np.ones(3))  # LLVM are there
    report = Report("ADBench", options)
    for name in options.only:
        REPORTS[name](report, options)
    report.finish()


if __name__ == "__main__":
    main()

"""What every benchmark here shares: the tools side by side, fair timing, peak memory, and a table of ratios.

A program to measure is written once and takes the array namespace as its first argument: `numpy` for chainrule,
`torch`, `autograd.numpy` or `jax.numpy` for the peers. A `Tool` says how each of them spells an array and a gradient.
"""

import argparse
import gc
import importlib.metadata
import itertools
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ != "__main__":
    for variable in THREADS:  # read once, when the library that obeys it is loaded: so before NumPy is
        os.environ.setdefault(variable, os.environ.get("OMP_NUM_THREADS", "1"))

import numpy as np  # noqa: E402


class Tool(NamedTuple):
    """How one library spells the things that a benchmark needs."""

    name: str
    np: Any
    """the namespace that a program is written in"""
    constant: Callable[[np.ndarray], Any]
    wanted: Callable[[np.ndarray], Any]
    """an array that a gradient will be asked of"""
    grad: Callable[[Callable[..., Any], tuple[int, ...]], Callable[..., tuple[Any, ...]]]
    """`(f, argnums) -> g`, where `g(*args)` is the tuple of gradients of the scalar `f(*args)`"""


def chainrule_tool() -> Tool:
    import chainrule

    return Tool("chainrule", np, np.array, np.array, lambda f, argnums: chainrule.grad(f, argnums))


def torch_tool() -> Tool:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def grad(f, argnums):
        # The leaves are marked once, outside the clock, and nothing is accumulated: PyTorch's cheapest way.
        return lambda *args: torch.autograd.grad(f(*args), [args[i] for i in argnums])

    return Tool("torch", torch, torch.tensor, lambda x: torch.tensor(x, requires_grad=True), grad)


def autograd_tool() -> Tool:
    import autograd
    import autograd.numpy as anp

    return Tool("autograd", anp, np.array, np.array, lambda f, argnums: autograd.grad(f, argnums))


def jax_tool() -> Tool:
    import jax

    jax.config.update("jax_enable_x64", True)

    def grad(f, argnums):
        g = jax.grad(f, argnums)
        return lambda *args: jax.block_until_ready(g(*args))

    return Tool("jax", jax.numpy, jax.numpy.asarray, jax.numpy.asarray, grad)


TOOLS = {"chainrule": chainrule_tool, "torch": torch_tool, "autograd": autograd_tool, "jax": jax_tool}


def load(names: Iterable[str]) -> list[Tool]:
    """The tools of these names, ready to be timed in this process."""
    tools = [TOOLS[name]() for name in names]
    # What the peers bring along (PyTorch: 300,000 objects) must not be walked again by every collection that an
    # allocation of somebody else's triggers.
    gc.collect()
    gc.freeze()
    return tools


class DifferentResults(AssertionError):
    """Two tools that should compute the same thing do not: their times mean nothing."""


def compare(case: str, results: dict[str, Sequence[Any]], rtol: float) -> None:
    """Raises `DifferentResults` unless every tool's arrays equal the first tool's, up to `rtol` of the largest."""
    (first, expected), *others = ((name, [np.asarray(a) for a in arrays]) for name, arrays in results.items())
    for name, arrays in others:
        for i, (a, b) in enumerate(zip(expected, arrays, strict=True)):
            if a.shape != b.shape or a.dtype != b.dtype:
                raise DifferentResults(
                    f"{case}: result {i} is {a.dtype}{a.shape} from {first}, but {b.dtype}{b.shape} from {name}"
                )
            off, scale = np.max(np.abs(a - b), initial=0), np.max(np.abs(a), initial=0)
            if not off <= rtol * scale:
                raise DifferentResults(
                    f"{case}: result {i} differs by {off:.2g} (largest value {scale:.2g}) between {first} and {name}"
                )


class Timing(NamedTuple):
    """Seconds a call."""

    median: float
    minimum: float


def interleave(runs: dict[str, Callable[[], Any]], rounds: int, seconds: float) -> dict[str, Timing]:
    """Times every run once a round, in an order that rotates, so that a slow moment of the machine hits them all.

    Each is called as often as fills about `seconds` a round.
    """
    clock = time.perf_counter
    calls = {}
    for name, run in runs.items():
        run()
        start = clock()
        run()
        calls[name] = max(1, round(seconds / (clock() - start)))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(rounds):
        order = list(runs)
        for name in order[i % len(order) :] + order[: i % len(order)]:
            run = runs[name]
            gc.collect()
            start = clock()
            for _ in itertools.repeat(None, calls[name]):
                run()
            times[name].append((clock() - start) / calls[name])
    return {name: Timing(statistics.median(each), min(each)) for name, each in times.items()}


def time_tools(
    case: str, runs: dict[str, Callable[[], Sequence[Any]]], rounds: int, seconds: float, rtol: float = 1e-10
) -> dict[str, Timing]:
    """First the results, then the clock: nobody is fast at computing something else."""
    compare(case, {name: run() for name, run in runs.items()}, rtol)
    return interleave(runs, rounds, seconds)


# --- memory: of this process, as the kernel counts it -----------------------------------------------------------


def resident(field: str = "VmRSS") -> int:
    """Bytes of memory that this process holds (VmRSS) or has held at most since `reset_peak` (VmHWM)."""
    with open("/proc/self/status") as status:
        found = re.search(rf"{field}:\s+(\d+) kB", status.read())
    if found is None:
        raise OSError(f"this kernel's /proc/self/status has no {field}: the memory benchmarks need Linux")
    return int(found[1]) * 1024


def reset_peak() -> None:
    """Sets VmHWM back to VmRSS."""
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")


def peak_over_start(run: Callable[[], Any]) -> int:
    """Bytes by which this process grew, at its largest, while `run` ran."""
    gc.collect()
    reset_peak()
    start = resident()
    run()
    return resident("VmHWM") - start


def in_own_process(script: str, *arguments: str) -> Any:
    """What `script` prints, as JSON, in a process that returns freed blocks to the kernel at once.

    Without that, what one step has freed hides in malloc's free lists, and the next step seems to need nothing.
    """
    environment = os.environ | {
        "MALLOC_MMAP_THRESHOLD_": "16384",
        "MALLOC_TRIM_THRESHOLD_": "0",
        "MALLOC_ARENA_MAX": "1",
    }
    done = subprocess.run([sys.executable, script, *arguments], env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


# --- the report -------------------------------------------------------------------------------------------------


def machine() -> str:
    """Cores, threads and versions, in a line."""
    packages = []
    for name in ("chainrule", "numpy", *TOOLS):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = "from source" if name == "chainrule" else ""
        if version and f"{name} {version}" not in packages:
            packages.append(f"{name} {version}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{processor()}, {cores} cores, {os.environ['OMP_NUM_THREADS']} thread(s) used, "
        f"{platform.system()}, Python {platform.python_version()}, {', '.join(packages)}"
    )


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            found = re.search(r"model name\s*:\s*(.+)", file.read())
    except OSError:
        found = None
    return found[1] if found else platform.machine()


class Report:
    """A table that prints row by row as it is measured, with a target beside each ratio."""

    def __init__(self, title: str, options: argparse.Namespace):
        self.options = options
        self.rows: list[dict[str, Any]] = []
        self.columns: tuple[str, ...] = ()
        self.title, self.machine = title, machine()
        print(f"{title}\n{self.machine}")

    def section(self, heading: str, *columns: str) -> None:
        """Starts a table; its first column is wide, the others hold numbers."""
        self.columns = columns
        print(f"\n{heading}\n{columns[0]:<34}" + "".join(f"{name:>16}" for name in columns[1:]))

    def row(self, *values: Any) -> None:
        """One line; a float is printed to three digits, a `Ratio` with its verdict."""
        self.rows.append(dict(zip(self.columns, values, strict=True)))
        print(f"{values[0]:<34}" + "".join(f"{show(value):>16}" for value in values[1:]), flush=True)

    def finish(self) -> None:
        """Counts the targets met, and writes `--json`."""
        ratios = [value for row in self.rows for value in row.values() if isinstance(value, Ratio)]
        print(f"\n{sum(ratio.met for ratio in ratios)} of {len(ratios)} targets met")
        if self.options.json:
            with open(self.options.json, "w") as file:
                json.dump(
                    {"title": self.title, "machine": self.machine, "rows": self.rows},
                    file,
                    indent=1,
                    default=lambda ratio: ratio._asdict(),
                )


class Ratio:
    """Ours over a peer's, and the most that it should be."""

    def __init__(self, value: float, target: float):
        self.value, self.target, self.met = value, target, value <= target

    def _asdict(self) -> dict[str, Any]:
        return {"ratio": self.value, "target": self.target, "met": self.met}

    def __str__(self) -> str:
        return f"{self.value:.2f} {'<=' if self.met else '> '} {self.target:g}"


def show(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def parser(about: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a first look, not a finding")
    options.add_argument("--json", metavar="FILE", help="write the rows there as well")
    return options

"""A chain of a million operations: no recursion, time linear in its length, memory what it must keep.

Time is shown an operation, for chains of 10,000 to 1,000,000 operations on one number: a linear backward pass shows
the same cost in every row. (Python's collector walks the graph while it grows; its cost an operation is bounded.)

Memory, each chain in its own process. `sin` keeps its input for the backward pass and `tanh` its output, so a chain
of either on k numbers must keep k * 8 bytes an operation; in `y = tanh(y * a + b)` with constants the products and sums
are needed by nobody, so it must keep k * 8 bytes for every three operations. The peak is the kernel's high-water mark
(VmHWM) of the process over what it held before (VmRSS), forward and backward together. On one number the values
are 8 bytes, and the peak shows what a node costs: that row has no target.

Last, what is left once the graph is gone, with the garbage collector switched off all along: blocks that Python's
allocators and NumPy have handed out (tracemalloc), objects that the collector knows. Both ends of a graph's
life: after a gradient, and for a graph that is dropped with no backward pass at all.

    python benchmarks/long_chain.py [--quick] [--json FILE]
"""

import gc
import json
import sys
import time
import tracemalloc

from harness import Ratio, Report, in_own_process, parser, peak_over_start

import numpy as np

TARGET = 1.5
GONE = 0.001
"""of the peak may seem to be left: interned strings, caches, the measuring itself"""
NUMBERS = 256
"""in each array whose memory is measured: 2 kB, so that the values and not the nodes decide"""


def sin(y, length):
    for _ in range(length):
        y = np.sin(y)
    return np.sum(y)


def tanh(y, length):
    for _ in range(length):
        y = np.tanh(y)
    return np.sum(y)


def steps(y, length):
    for _ in range(length // 3):
        y = np.tanh(y * 1.01 + 0.02)
    return np.sum(y)


def kept(program, length: int, numbers: int) -> int:
    """Bytes of values that any backward pass over the chain needs."""
    return length // (3 if program is steps else 1) * numbers * 8


PROGRAMS = {program.__name__: program for program in (sin, tanh, steps)}


def memory(program: str, length: str, numbers: str) -> int:
    """In a process of its own: bytes at the peak over the start."""
    import chainrule

    gradient = chainrule.grad(PROGRAMS[program])
    x = np.linspace(0.3, 0.9, int(numbers))
    gradient(x, 100)
    return peak_over_start(lambda: gradient(x, int(length)))


def left_over(ending: str, length: str) -> dict[str, int]:
    """In a process of its own: what is left of a graph, with no collector to help."""
    import chainrule

    def backward():
        chainrule.grad(steps)(x, int(length))

    def by_hand():
        v = chainrule.variable(x)
        steps(v, int(length)).backward()

    def dropped():
        steps(chainrule.variable(x), int(length))

    run = {"grad": backward, "variable": by_hand, "dropped": dropped}[ending]
    x = np.linspace(0.3, 0.9, 8)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    run()  # Python keeps a few thousand freed tuples and floats for reuse: let them be there before
    blocks, objects = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
    tracemalloc.reset_peak()
    run()
    peak = tracemalloc.get_traced_memory()[1] - blocks
    return {
        "peak": peak,
        "bytes": tracemalloc.get_traced_memory()[0] - blocks,
        "objects": len(gc.get_objects()) - objects,
    }


def main() -> None:
    options = parser(__doc__).parse_args()
    import chainrule

    report = Report("A chain of a million operations", options)
    longest = 100_000 if options.quick else 1_000_000
    x = np.array([0.5])
    report.section(
        "Time: microseconds an operation, forward and backward",
        "chain, operations",
        "microseconds",
        "/ the first",
    )
    for program in (sin, steps):
        first = None
        gradient = chainrule.grad(program)
        gradient(x, 1000)
        for length in (10_000, 100_000, 1_000_000):
            if length <= longest:
                times = []
                for _ in range(max(1, 300_000 // length)):
                    start = time.perf_counter()
                    gradient(x, length)
                    times.append((time.perf_counter() - start) / length * 1e6)
                each = sorted(times)[len(times) // 2]
                first = first or each
                report.row(f"{program.__name__}, {length:,}", each, each / first)
    report.section(
        f"Memory of {longest:,} operations: MB",
        "chain, numbers in each",
        "must keep",
        "peak",
        "bytes more/op",
        "peak / must keep",
    )
    for program in PROGRAMS.values():
        for numbers in (NUMBERS, 1):
            peak = in_own_process(__file__, "memory", program.__name__, str(longest), str(numbers))
            must = kept(program, longest, numbers)
            report.row(
                f"{program.__name__}, {numbers}",
                must / 1e6,
                peak / 1e6,
                (peak - must) / longest,
                "" if numbers == 1 else Ratio(peak / must, TARGET),
            )
    length = longest // 10
    report.section(
        f"Left of a graph of {length:,} operations, collector off",
        "ending",
        "peak, bytes",
        "left, bytes",
        "left, objects",
        "left / peak",
    )
    for ending in ("grad", "variable", "dropped"):
        left = in_own_process(__file__, "left_over", ending, str(length))
        report.row(ending, left["peak"], left["bytes"], left["objects"], Ratio(left["bytes"] / left["peak"], GONE))
    report.finish()


if __name__ == "__main__":
    workers = {"memory": memory, "left_over": left_over}
    if sys.argv[1:2] and sys.argv[1] in workers:
        print(json.dumps(workers[sys.argv[1]](*sys.argv[2:])))
    else:
        main()

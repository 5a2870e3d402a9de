"""What one operation costs in eager mode, forward and backward, on arrays too small for the arithmetic to matter.

Three kinds of chain (100 operations: multiply, add, sin, tanh, again and again) differ in the other operand of
multiply and add: a Python number, a constant array, or an array that is differentiated too. `--each` also times
every operation in a chain of its own. Last comes a whole program: 100 steps of `y = tanh(y * w + b)` on 10 numbers,
with the gradients of `w` and `b`.

Everything is timed from the call to the gradient: tracing, the sum at the end, and the backward pass.
PyTorch's leaves exist before the clock starts; chainrule and autograd wrap their arrays within it.
The column `by hand` makes the same NumPy calls, forward and backward, with no library around them: what is left of a
ratio when a tape costs nothing. (NumPy's own float64 `sin` and `cos` take 8 ns an element where PyTorch takes 1.)

    python benchmarks/eager.py [--quick] [--each] [--jax] [--json FILE]
"""

from harness import Ratio, Report, Tool, load, parser, time_tools

import numpy

TARGET = 0.5
LENGTH = 100
SIZES = 1, 10, 100, 1000


def mixed(np, y, a, b):
    for _ in range(LENGTH // 4):
        y = y * a
        y = y + b
        y = np.sin(y)
        y = np.tanh(y)
    return np.sum(y)


def multiply(np, y, a, b):
    for _ in range(LENGTH):
        y = y * a
    return np.sum(y)


def add(np, y, a, b):
    for _ in range(LENGTH):
        y = y + b
    return np.sum(y)


def sin(np, y, a, b):
    for _ in range(LENGTH):
        y = np.sin(y)
    return np.sum(y)


def tanh(np, y, a, b):
    for _ in range(LENGTH):
        y = np.tanh(y)
    return np.sum(y)


def steps(np, y, w, b):
    for _ in range(LENGTH):
        y = np.tanh(y * w + b)
    return np.sum(y)


PROGRAMS = {
    mixed: ("multiply", "add", "sin", "tanh") * (LENGTH // 4),
    multiply: ("multiply",) * LENGTH,
    add: ("add",) * LENGTH,
    sin: ("sin",) * LENGTH,
    tanh: ("tanh",) * LENGTH,
    steps: ("multiply", "add", "tanh") * LENGTH,
}


def by_hand(operations, argnums, y, a, b):
    """The gradients in `argnums` of the sum of `y` after `operations`, with nothing but the NumPy calls."""
    kept = []
    for operation in operations:
        if operation == "multiply":
            kept.append(y)
            y = y * a
        elif operation == "add":
            y = y + b
        elif operation == "sin":
            kept.append(y)
            y = numpy.sin(y)
        else:
            y = numpy.tanh(y)
            kept.append(y)
    numpy.sum(y)
    ct, ct_a, ct_b = numpy.ones_like(y), None, None
    for operation in reversed(operations):
        if operation == "multiply":
            x = kept.pop()
            if 1 in argnums:
                ct_a = ct * x if ct_a is None else ct_a + ct * x
            ct = ct * a
        elif operation == "add":
            if 2 in argnums:
                ct_b = ct if ct_b is None else ct_b + ct
        elif operation == "sin":
            ct = ct * numpy.cos(kept.pop())
        else:
            x = kept.pop()
            ct = ct * (1 - x * x)
    cotangents = ct, ct_a, ct_b
    return [cotangents[i] for i in argnums]


def calls(tools: list[Tool], program, operand: str, n: int, argnums: tuple[int, ...]):
    """By name, what differentiates `program` on `n` numbers; its first argument is a constant if not in `argnums`."""
    y, a, b = (numpy.linspace(low, high, n) for low, high in ((0.3, 0.9), (0.95, 1.05), (-0.1, 0.1)))
    if operand == "number":
        a, b = 1.01, 0.02

    def call(tool):
        gradient = tool.grad(lambda *args: program(tool.np, *args), argnums)
        args = [
            x if isinstance(x, float) else tool.wanted(x) if i in argnums else tool.constant(x)
            for i, x in enumerate((y, a, b))
        ]
        return lambda: gradient(*args)

    return {tool.name: call(tool) for tool in tools} | {"by hand": lambda: by_hand(PROGRAMS[program], argnums, y, a, b)}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--each", action="store_true", help="also every operation in a chain of its own")
    options.add_argument("--jax", action="store_true", help="also JAX without jit (slow)")
    options = options.parse_args()
    tools = load(["chainrule", "torch", "autograd"] + ["jax"] * options.jax)
    ours, *peers = (tool.name for tool in tools)
    rounds, seconds = (5, 0.02) if options.quick else (15, 0.05)
    report = Report("Eager cost of an operation, forward and backward", options)
    columns = ours, *peers, "by hand", *(f"/ {peer}" for peer in peers)

    def measure(case, runs, operations, unit):
        times = time_tools(case, runs, rounds, seconds)
        report.row(
            case,
            *(times[name].median / operations / unit for name in (ours, *peers, "by hand")),
            *(Ratio(times[ours].median / times[peer].median, TARGET) for peer in peers),
        )

    report.section(f"Chains of {LENGTH} operations: microseconds an operation", "chain, other operand, size", *columns)
    for program in [mixed, multiply, add, sin, tanh] if options.each else [mixed]:
        for operand in ("none",) if program in (sin, tanh) else ("number", "array", "traced"):
            wanted = {mixed: (0, 1, 2), multiply: (0, 1), add: (0, 2)}[program] if operand == "traced" else (0,)
            for n in SIZES:
                measure(
                    f"{program.__name__}, {operand}, {n}",
                    calls(tools, program, operand, n, wanted),
                    LENGTH,
                    1e-6,
                )
    report.section("Whole loop: milliseconds a gradient", "program", *columns)
    measure("100 of y = tanh(y * w + b), 10", calls(tools, steps, "traced", 10, (1, 2)), 1, 1e-3)
    report.finish()


if __name__ == "__main__":
    main()

"""The gradients of five whole programs, on the same code as HIPS autograd: those of `examples/`.

The Hessian of the radial basis functions, the gradients of the others. Each program is taken from its example, which is
written for an array namespace: `numpy` under chainrule, `chainrule.compat.autograd.numpy` under its operators, and
`autograd.numpy` under autograd's.

    python benchmarks/autograd_programs.py [--quick] [--json FILE]
"""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from harness import Ratio, Report, load, parser, time_tools

import numpy

import chainrule
import chainrule.compat.autograd
import chainrule.compat.autograd.numpy
import chainrule.scipy.integrate

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import bayesian_neural_network
import fluid_simulation
import gaussian_process
import predator_and_prey
import rbf_network

TARGET = 1.0


class Library(NamedTuple):
    """What the programs need of a library."""

    np: Any
    value_and_grad: Callable[..., Any]
    grad: Callable[..., Any]
    hessian: Callable[..., Any]
    solve: Callable[..., Any]
    """`solve(f, y0, t, *args)`, an ODE"""


def libraries() -> dict[str, Library]:
    import autograd
    import autograd.scipy.integrate

    compat = chainrule.compat.autograd
    odeint, theirs = chainrule.scipy.integrate.odeint, autograd.scipy.integrate.odeint
    solve = lambda f, y0, t, *args: odeint(f, y0, t, args)
    their_solve = lambda f, y0, t, *args: theirs(f, y0, t, autograd.builtins.tuple(args))
    operators = lambda home: (home.value_and_grad, home.grad, home.hessian)
    return {
        "chainrule": Library(numpy, *operators(chainrule), solve),
        "compat": Library(compat.numpy, *operators(compat), solve),
        "autograd": Library(autograd.numpy, *operators(autograd), their_solve),
    }


# ---- the programs: each a call that returns arrays ----------------------------------------------------------------


def gaussian_process_gradient(library: Library, n: int):
    x, y = gaussian_process.data(n)
    theta = numpy.array([0.2, -0.5, -1.5])
    f = library.value_and_grad(functools.partial(gaussian_process.surprise, library.np))
    return lambda: f(theta, x, y)


def bayesian_gradient(library: Library, draws: int):
    rng = numpy.random.default_rng(0)
    size = bayesian_neural_network.SIZE
    x, y = bayesian_neural_network.data(rng)
    q = 0.5 * rng.standard_normal(size), numpy.full(size, -3.0)
    noise = rng.standard_normal((draws, size))
    f = library.grad(functools.partial(bayesian_neural_network.shortfall, library.np))
    return lambda: f(q, noise, x, y)


def fluid_gradient(library: Library, n: int, steps: int):
    smoke, target = fluid_simulation.scene(n)
    velocity = numpy.random.default_rng(0).standard_normal(2 * smoke.size)
    f = library.value_and_grad(functools.partial(fluid_simulation.mismatch, library.np))
    return lambda: f(velocity, smoke, target, steps)


def ode_gradient(library: Library):
    f = library.value_and_grad(functools.partial(predator_and_prey.misfit, library.np, library.solve))
    return lambda: f(predator_and_prey.START)


def rbf_hessian(library: Library, bumps: int):
    x, y = rbf_network.data()
    theta = rbf_network.start(bumps)
    f = library.hessian(functools.partial(rbf_network.loss, library.np))
    return lambda: (f(theta, x, y),)


PROGRAMS: dict[str, tuple[Callable[[Library], Callable[[], Any]], float]] = {
    "Gaussian process, 50 points": (lambda library: gaussian_process_gradient(library, 50), 1e-8),
    "Gaussian process, 500 points": (lambda library: gaussian_process_gradient(library, 500), 1e-8),
    "Bayesian network, 10 draws": (lambda library: bayesian_gradient(library, 10), 1e-9),
    "Bayesian network, 100 draws": (lambda library: bayesian_gradient(library, 100), 1e-9),
    "fluid, 32 x 32, 20 steps": (lambda library: fluid_gradient(library, 32, 20), 1e-8),
    "fluid, 128 x 128, 20 steps": (lambda library: fluid_gradient(library, 128, 20), 1e-8),
    "predators and prey, 21 years": (ode_gradient, 1e-4),
    "radial functions, Hessian of 9": (lambda library: rbf_hessian(library, 3), 1e-9),
    "radial functions, Hessian of 60": (lambda library: rbf_hessian(library, 20), 1e-9),
}
"""Name -> the program, and how far results may differ: those of the ODE's solver as far as its tolerance lets them."""


def arrays_of(run: Callable[[], Any]) -> Callable[[], list[numpy.ndarray]]:
    """A call that returns its results one by one, for the comparison."""
    return lambda: [numpy.asarray(leaf) for leaf in run()]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", metavar="TEXT", default="", help="the programs with this text in their name")
    options = options.parse_args()
    load(["autograd"])
    tools = libraries()
    report = Report("Gradients of whole programs", options)
    report.section("Milliseconds", "program", *tools, "/ autograd", "compat / autograd")
    rounds, seconds = (5, 0.05) if options.quick else (15, 0.2)
    for name, (program, rtol) in PROGRAMS.items():
        if options.only not in name:
            continue
        runs = {tool: arrays_of(program(library)) for tool, library in tools.items()}
        times = time_tools(name, runs, rounds, seconds, rtol)
        report.row(
            name,
            *(times[tool].median * 1e3 for tool in tools),
            *(Ratio(times[tool].median / times["autograd"].median, TARGET) for tool in ("chainrule", "compat")),
        )
    report.finish()


if __name__ == "__main__":
    main()

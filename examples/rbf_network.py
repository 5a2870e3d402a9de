"""A network of radial basis functions, trained by Newton's method and sized by the Hessian at the end.

The network is a sum of bumps, each with a height, a place and a width; all three are trained. With the Hessian of the
loss Newton's method needs twenty steps where gradient descent needs thousands: along each of its eigenvectors it goes
as far as the curvature says (Dauphin et al. 2014, arXiv:1406.2572, who take its absolute value to leave saddle points).
At the minimum the same Hessian says how wide it is, hence how probable the data are under a network of that size
(MacKay 1992, A practical Bayesian framework): so the number of bumps is chosen without any test data.

The model is written once, for the array namespace `np`. It runs twice: as plain NumPy under `chainrule`, and under
`chainrule.compat.autograd` as a program for HIPS autograd would. The results must be equal.

Run it with `python examples/rbf_network.py` (seconds).
"""

import os

import numpy as np
from rich.console import Console
from rich.table import Table

import chainrule as cr
import chainrule.compat.autograd.numpy as anp
from chainrule.compat import autograd

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
SIZES = (2, 3) if QUICK else (1, 2, 3, 4, 5, 6)
NOISE, PRIOR = 0.1, 2.0  # of the measurements; of the parameters
TRUTH = np.array([1.0, -0.8, 1.2, -1.5, 0.3, 1.8, -0.7, 0.0, -0.9])  # three bumps


# ---- the model --------------------------------------------------------------------------------------------------


def network(np, theta, x):
    """The sum of bumps at each x; theta holds their heights, places and logarithms of widths, as rows."""
    heights, places, widths = np.reshape(theta, (3, -1))
    return np.exp(-0.5 * ((x[:, None] - places) / np.exp(widths)) ** 2) @ heights


def loss(np, theta, x, y):
    """Minus the logarithm of the probability of the data and of the parameters, up to a constant."""
    return 0.5 * np.sum((y - network(np, theta, x)) ** 2) / NOISE**2 + 0.5 * np.sum(theta**2) / PRIOR**2


def evidence(theta, value, hessian, n):
    """The logarithm of the probability of the data under a network of this size, by Laplace's approximation."""
    constant = n * np.log(NOISE * np.sqrt(2 * np.pi)) + len(theta) * np.log(PRIOR)
    return -value - constant - 0.5 * np.linalg.slogdet(hessian)[1]


# ---- the program ------------------------------------------------------------------------------------------------


def data(n=80):
    rng = np.random.default_rng(3)
    x = rng.uniform(-3, 3, n)
    return x, network(np, TRUTH, x) + NOISE * rng.standard_normal(n)


def start(size):
    return np.concatenate([np.full(size, 0.1), np.linspace(-2, 2, size + 2)[1:-1], np.full(size, -0.5)])


def train(f, gradient, hessian, theta, tolerance=1e-6):
    """Newton's method with the absolute values of the curvatures, and shorter steps while these lead uphill."""
    value = f(theta)
    steps = 0
    while np.linalg.norm(g := gradient(theta)) > tolerance and steps < 100:
        curvatures, directions = np.linalg.eigh(hessian(theta))
        step = directions @ (directions.T @ g / np.maximum(np.abs(curvatures), 1e-3))
        while (new := f(theta - step)) > value and np.linalg.norm(step) > 1e-12:
            step = step / 2
        theta, value, steps = theta - step, new, steps + 1
    return theta, value, steps


def trained(np, library, size, x, y):
    """Parameters, loss, Hessian and number of steps of a network of this size."""

    def f(theta):
        return loss(np, theta, x, y)

    theta, value, steps = train(f, library.grad(f), library.hessian(f), start(size))
    return theta, value, library.hessian(f)(theta), steps


def main():
    x, y = data()
    grid = np.linspace(-3, 3, 200)
    evidences = {}
    table = Table("bumps", "steps", "loss", "log evidence", "by compat.autograd", "error on the truth")
    for size in SIZES:
        theta, value, hessian, steps = trained(np, cr, size, x, y)
        again, value_again, hessian_again, _ = trained(anp, autograd, size, x, y)
        np.testing.assert_allclose(again, theta, atol=1e-4)
        evidences[size] = evidence(theta, value, hessian, len(x))
        error = np.sqrt(np.mean((network(np, theta, grid) - network(np, TRUTH, grid)) ** 2))
        numbers = value, evidences[size], evidence(again, value_again, hessian_again, len(x)), error
        table.add_row(str(size), str(steps), *(f"{number:.4f}" for number in numbers))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"The data speak for {max(evidences, key=lambda n: evidences[n])} bumps; they were made of three.")


if __name__ == "__main__":
    main()

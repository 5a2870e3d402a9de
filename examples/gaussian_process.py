"""Gaussian process regression: the kernel is fitted by the marginal likelihood of the data.

A Gaussian process says how alike the values of a function are at two points, by a kernel; here by a smooth one with
an amplitude and a length, and noise on top. How likely the data are under it is a number, log N(y; 0, K), which is
differentiated through the Cholesky factorisation of K to find the three hyperparameters (Rasmussen and Williams 2006,
algorithm 2.1 and section 5.4).

The model is written once, for the array namespace `np`. It runs twice: as plain NumPy under `chainrule`, and under
`chainrule.compat.autograd` as a program for HIPS autograd would. The results must be equal.

Run it with `python examples/gaussian_process.py` (seconds).
"""

import functools
import os

import numpy as np
import scipy.optimize
from rich.console import Console
from rich.table import Table

import chainrule as cr
import chainrule.compat.autograd.numpy as anp
from chainrule.compat import autograd

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
NAMES = "amplitude", "length", "noise"


# ---- the model --------------------------------------------------------------------------------------------------


def kernel(np, theta, a, b):
    """The covariance of the function's values at a and at b; theta holds logarithms."""
    amplitude, length = np.exp(theta[0]), np.exp(theta[1])
    return amplitude**2 * np.exp(-0.5 * ((a[:, None] - b) / length) ** 2)


def surprise(np, theta, x, y):
    """Minus the logarithm of the marginal likelihood of the data."""
    K = kernel(np, theta, x, x) + np.exp(2 * theta[2]) * np.eye(len(x))
    L = np.linalg.cholesky(K)
    white = np.linalg.solve(L, y)
    return 0.5 * np.sum(white**2) + np.sum(np.log(np.diag(L))) + 0.5 * len(x) * np.log(2 * np.pi)


def posterior(theta, x, y, at):
    """Mean and standard deviation of the function, given the data."""
    K = kernel(np, theta, x, x) + np.exp(2 * theta[2]) * np.eye(len(x))
    across = kernel(np, theta, at, x)
    variance = kernel(np, theta, at, at) - across @ np.linalg.solve(K, across.T)
    return across @ np.linalg.solve(K, y), np.sqrt(np.diag(variance))


# ---- the program ------------------------------------------------------------------------------------------------


def truth(x):
    return np.sin(3 * x) + 0.3 * x


def data(n, noise=0.2):
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(-3, 3, n))
    return x, truth(x) + noise * rng.standard_normal(n)


def fit(value_and_grad, x, y):
    """The hyperparameters that make the data most likely."""
    return scipy.optimize.minimize(value_and_grad, np.zeros(3), args=(x, y), jac=True, method="BFGS")


def main():
    x, y = data(30 if QUICK else 120)
    found = fit(cr.value_and_grad(functools.partial(surprise, np)), x, y)
    moved = fit(autograd.value_and_grad(functools.partial(surprise, anp)), x, y)
    np.testing.assert_allclose(moved.x, found.x, rtol=1e-4)

    console = Console(highlight=False)
    title = f"{len(x)} points, {found.nit} steps"
    table = Table("hyperparameter", "start", "plain NumPy", "compat.autograd", title=title)
    for name, a, b in zip(NAMES, np.exp(found.x), np.exp(moved.x), strict=True):
        table.add_row(name, "1", f"{a:.6f}", f"{b:.6f}")
    table.add_row("surprise", f"{surprise(np, np.zeros(3), x, y):.2f}", f"{found.fun:.6f}", f"{moved.fun:.6f}")
    console.print(table)

    at = np.linspace(-4, 4, 9)
    table = Table("x", "function", "mean", "deviation", title="Prediction (the data end at 3)")
    for row in zip(at, truth(at), *posterior(found.x, x, y, at), strict=True):
        table.add_row(*(f"{value:+.3f}" for value in row))
    console.print(table)


if __name__ == "__main__":
    main()

"""A Bayesian neural network by black-box variational inference: it says how sure it is.

The weights of a small network have a normal distribution each, with a mean and a deviation of its own. Both are fitted
by the evidence lower bound: how well networks drawn from the distribution explain the data, less how far it is from
the prior. Its gradient comes through the draws (Kingma and Welling 2014, arXiv:1312.6114): a draw is
mean + deviation * noise, and only the noise is random. The network is the black box: nothing is derived by hand.

The model is written once, for the array namespace `np`. It runs twice: as plain NumPy under `chainrule`, and under
`chainrule.compat.autograd` with its `adam`, as a program for HIPS autograd would. The results must be equal.

Run it with `python examples/bayesian_neural_network.py` (some seconds).
"""

import functools
import itertools
import os

import numpy as np
from rich.console import Console
from rich.table import Table

import chainrule as cr
import chainrule.compat.autograd.numpy as anp
from chainrule.compat import autograd
from chainrule.compat.autograd.misc.optimizers import adam

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
LAYERS = (1, 8, 1) if QUICK else (1, 20, 1)
DRAWS, STEPS, RATE = (4, 60, 0.05) if QUICK else (10, 1500, 0.02)
NOISE, PRIOR = 0.1, 1.5  # of the measurements; of the weights
SIZE = sum((m + 1) * n for m, n in itertools.pairwise(LAYERS))


# ---- the model --------------------------------------------------------------------------------------------------


def outputs(np, weights, x):
    """What each of the networks, rows of `weights`, says of each x: (networks, points)."""
    h, start = np.broadcast_to(x[:, None], (len(weights), len(x), 1)), 0
    for m, n in itertools.pairwise(LAYERS):
        W = np.reshape(weights[:, start : start + m * n], (-1, m, n))
        b = weights[:, None, start + m * n : start + (m + 1) * n]
        h, start = np.matmul(h if start == 0 else np.exp(-(h**2)), W) + b, start + (m + 1) * n
    return h[:, :, 0]


def shortfall(np, q, noise, x, y):
    """Minus the evidence lower bound of the distribution q (up to a constant), by one draw for each row of noise."""
    mean, log_deviation = q
    weights = mean + np.exp(log_deviation) * noise
    misfit = 0.5 * np.sum((y - outputs(np, weights, x)) ** 2, axis=1) / NOISE**2
    prior = 0.5 * np.sum(weights**2, axis=1) / PRIOR**2
    return np.mean(misfit + prior) - np.sum(log_deviation)


# ---- the program ------------------------------------------------------------------------------------------------


def truth(x):
    return np.cos(2 * x) * x / 2


def data(rng):
    x = rng.uniform(-1.5, 1.5, 40)
    return x, truth(x) + NOISE * rng.standard_normal(len(x))


def descend(gradient, q, steps, rate, b1=0.9, b2=0.999):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980)."""
    means, squares = ([np.zeros_like(p) for p in q] for _ in range(2))
    for i in range(steps):
        for k, g in enumerate(gradient(q, i)):
            means[k] = b1 * means[k] + (1 - b1) * g
            squares[k] = b2 * squares[k] + (1 - b2) * g**2
            step = means[k] / (1 - b1 ** (i + 1)) / (np.sqrt(squares[k] / (1 - b2 ** (i + 1))) + 1e-8)
            q = (*q[:k], q[k] - rate * step, *q[k + 1 :])
    return q


def main():
    rng = np.random.default_rng(0)
    x, y = data(rng)
    start = 0.7 * rng.standard_normal(SIZE), np.full(SIZE, -3.0)
    noise = rng.standard_normal((STEPS, DRAWS, SIZE))

    plain = cr.grad(functools.partial(shortfall, np))
    found = descend(lambda q, i: plain(q, noise[i], x, y), start, STEPS, RATE)
    moved = autograd.grad(functools.partial(shortfall, anp))
    again = adam(lambda q, i: moved(q, noise[i], x, y), start, num_iters=STEPS, step_size=RATE)
    np.testing.assert_allclose(again[0], found[0], atol=1e-4)

    console = Console(highlight=False)
    table = Table("", "start", "plain NumPy", "compat.autograd", title=f"{SIZE} weights, {STEPS} steps")
    judge = rng.standard_normal((200, SIZE))
    table.add_row("minus the bound", *(f"{shortfall(np, q, judge, x, y):.4f}" for q in (start, found, again)))
    console.print(table)

    at = np.linspace(-3, 3, 13)
    drawn = outputs(np, found[0] + np.exp(found[1]) * judge, at)
    table = Table("x", "function", "mean", "deviation", "data near", title="Without data they are less sure")
    for row in zip(at, truth(at), drawn.mean(0), drawn.std(0), strict=True):
        table.add_row(*(f"{value:+.2f}" for value in row), "*" * int(np.sum(np.abs(x - row[0]) < 0.25)))
    console.print(table)


if __name__ == "__main__":
    main()

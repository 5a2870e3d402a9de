"""Three stochastic optimisers. Each takes `grad(x, i)`, where i counts the steps, and returns the x it arrives at.

x may be a tree of arrays. `callback(x, i, g)` is called before each step.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .flatten import flatten


def unflatten_optimizer(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """An optimiser of vectors as one of trees of arrays."""

    @functools.wraps(optimize)
    def of_trees(grad, x0, callback=None, *args, **kwargs):
        start, tree = flatten(x0)
        said = (lambda x, i, g: callback(tree(x), i, tree(g))) if callback else None
        return tree(optimize(lambda x, i: flatten(grad(tree(x), i))[0], start, said, *args, **kwargs))

    return of_trees


def steps(grad: Callable[..., Any], x: Any, callback: Any, num_iters: int, step: Callable[..., Any]) -> Any:
    """x after `num_iters` times `x = x + step(gradient, i)`."""
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        x = x + step(g, i)
    return x


@unflatten_optimizer
def sgd(grad, x, callback=None, num_iters=200, step_size=0.1, mass=0.9):
    """Gradient descent with momentum: `mass` is the share of the velocity that a step keeps."""
    velocity = np.zeros_like(x)

    def step(g, i):
        nonlocal velocity
        velocity = mass * velocity - (1 - mass) * g
        return step_size * velocity

    return steps(grad, x, callback, num_iters, step)


@unflatten_optimizer
def rmsprop(grad, x, callback=None, num_iters=100, step_size=0.1, gamma=0.9, eps=1e-8):
    """Steps along the gradient over the root of its mean square, of which `gamma` is the memory."""
    square = np.ones_like(x)

    def step(g, i):
        nonlocal square
        square = gamma * square + (1 - gamma) * g**2
        return -step_size * g / (np.sqrt(square) + eps)

    return steps(grad, x, callback, num_iters, step)


@unflatten_optimizer
def adam(grad, x, callback=None, num_iters=100, step_size=0.001, b1=0.9, b2=0.999, eps=1e-8):
    """Steps along the mean of the gradient over the root of its mean square (Kingma and Ba 2015, arXiv:1412.6980)."""
    mean, square = np.zeros_like(x), np.zeros_like(x)

    def step(g, i):
        nonlocal mean, square
        mean = b1 * mean + (1 - b1) * g
        square = b2 * square + (1 - b2) * g**2
        return -step_size * (mean / (1 - b1 ** (i + 1))) / (np.sqrt(square / (1 - b2 ** (i + 1))) + eps)

    return steps(grad, x, callback, num_iters, step)

"""checkpoint: the same derivatives, computed from less memory."""

import gc
import tracemalloc
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14, strict=True)

X = np.array([0.3, -1.2, 2.0])


def block(x, w):
    return np.tanh(np.sin(x) * w) + x


def deep(x, w, block=block):
    for _ in range(4):
        x = block(x, w)
    return np.sum(x**2)


def test_gradients_are_the_same():
    expected = cr.grad(deep, (0, 1))(X, 2.0)
    found = cr.grad(partial(deep, block=cr.checkpoint(block)), (0, 1))(X, 2.0)
    agree(found[0], expected[0])
    agree(found[1], expected[1])


@pytest.mark.parametrize(
    "transform",
    [
        cr.grad,
        cr.hessian,
        lambda f: cr.jacobian(f, mode="forward"),
        lambda f: lambda x: cr.jvp(f, (x,), (np.cos(x),))[1],
        lambda f: lambda x: cr.linearize(f, x)[1](np.cos(x)),
        lambda f: lambda x: cr.hvp(f)(x, np.cos(x)),
        lambda f: lambda x: cr.vmap(f)(np.stack([x, 2 * x])),
        lambda f: lambda x: cr.vmap(cr.grad(f))(np.stack([x, 2 * x])),
        lambda f: lambda x: cr.grad(lambda xs: np.sum(cr.vmap(f)(xs)))(np.stack([x, 2 * x])),
        lambda f: lambda x: cr.record(f, x)(2 * x),
        lambda f: lambda x: cr.record(cr.grad(f), x)(2 * x),
        lambda f: lambda x: cr.grad(cr.record(f, x))(2 * x),
        lambda f: cr.grad(cr.checkpoint(f)),
        lambda f: lambda x: cr.grad(lambda x: cr.grad(cr.checkpoint(f))(x) @ x)(x),
    ],
    ids=lambda t: None,
)
def test_every_transform_of_a_checkpointed_function(transform):
    f = lambda x: deep(x, 2.0)
    again = lambda x: deep(x, 2.0, cr.checkpoint(block))
    agree(transform(again)(X), transform(f)(X), rtol=1e-11)


def test_a_checkpoint_within_a_checkpoint():
    inner = cr.checkpoint(block)
    outer = cr.checkpoint(lambda x, w: inner(inner(x, w), w))
    plain = lambda x: np.sum(block(block(x, 2.0), 2.0) ** 2)
    nested = lambda x: np.sum(outer(x, 2.0) ** 2)
    agree(cr.grad(nested)(X), cr.grad(plain)(X))
    agree(cr.hessian(nested)(X), cr.hessian(plain)(X), rtol=1e-11)


def test_trees_keywords_and_arguments_that_are_no_floats():
    @cr.checkpoint
    def f(p, kind, n, mask=None, *, scale):
        y = p["w"] * scale if kind == "linear" else np.exp(p["w"])
        y = y * n + p["b"][0]
        return {"y": np.where(mask, y, 0.0), "n": n * 1.0}

    p = {"w": X, "b": [np.array(2.0), None]}
    mask = np.array([True, False, True])
    g = cr.grad(lambda p: np.sum(f(p, "linear", 3, mask, scale=2.0)["y"]))(p)
    agree(g["w"], np.array([6.0, 0.0, 6.0]))
    agree(g["b"][0], np.array(2.0))
    assert g["b"][1] is None


def test_several_results_of_which_one_is_used():
    f = cr.checkpoint(lambda x: (np.sin(x), np.cos(x), np.sum(x)))
    agree(cr.grad(lambda x: np.sum(f(x)[0]))(X), np.cos(X))
    agree(cr.grad(lambda x: f(x)[2])(X), np.ones(3))


def test_the_arguments_and_nothing_else_are_kept():
    n, layers = 100_000, 30

    def peak(block):
        def f(x):
            for _ in range(layers):
                x = block(x)
            return np.sum(x)

        gc.collect()
        tracemalloc.start()
        cr.grad(f)(np.full(n, 0.1))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most / (8 * n)

    step = lambda x: np.tanh(np.sin(np.exp(-x * x)) * x)
    plain, again = peak(step), peak(cr.checkpoint(step))
    assert again < layers + 25, f"{again:.0f} arrays: one for each block and those of one block are enough"
    assert again < plain / 3, f"{again:.0f} arrays with checkpoints, {plain:.0f} without"


def test_a_traced_value_that_is_not_an_argument_is_an_error():
    def f(x, y):
        return np.sum(cr.checkpoint(lambda x: x * y)(x))

    with pytest.raises(cr.LeakedTracerError, match="as an argument"):
        cr.grad(f, (0, 1))(X, X)


def test_a_function_that_writes_into_its_argument_is_refused():
    # In NumPy the caller would see it, and the second run would start from other values.
    def writes(x):
        x *= 2
        return x + 0.0

    x = X.copy()
    for argument in (lambda x: x, lambda x: x * 1.0):
        with pytest.raises(ValueError, match="read-only"):
            cr.grad(lambda x, argument=argument: np.sum(cr.checkpoint(writes)(argument(x)) ** 2))(x)
        agree(x, X)


def test_rounding_that_differs_between_the_two_runs_is_no_change():
    # The first run is plain NumPy, the second traced: some operations are written differently, to the last bit.
    r = np.random.default_rng(0)
    for _ in range(20):
        a = r.normal(size=(6, 4))
        f = lambda a: np.sum(np.cumprod(np.einsum("ij,kj,kl->il", a, a, a) * 0.1, axis=0) * np.var(a))
        agree(cr.grad(cr.checkpoint(f))(a), cr.grad(f)(a), rtol=1e-9)


def test_rounding_in_single_precision_within_a_double_precision_result_is_no_change():
    # bugs.md: the result's dtype says nothing about how closely the runs agree
    r = np.random.default_rng(0)
    for _ in range(20):
        x = r.normal(size=9).astype(np.float32)
        f = lambda x: np.sum(np.cumprod(x).astype(float)) * np.mean(x, where=x > -9)
        assert_allclose(cr.grad(cr.checkpoint(f))(x), cr.grad(f)(x), rtol=1e-4, atol=1e-6)


def test_variables_held_by_hand():
    x = cr.variable(X)
    cr.checkpoint(lambda x: np.sum(np.sin(x) ** 2))(x).backward()
    agree(x.grad, 2 * np.sin(X) * np.cos(X))


def test_without_a_transform_it_is_the_function():
    agree(cr.checkpoint(block)(X, 2.0), block(X, 2.0))
    assert cr.checkpoint(block).__name__ == "block"

"""Derivatives of mapped functions."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14, strict=True)

W = np.array([[0.5, -1.0], [2.0, 0.3], [-0.7, 0.1]])
XS = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0], [0.2, 0.4, -0.6], [2.0, -2.0, 1.0]])


def layer(w, x):
    return np.tanh(x @ w)


def test_grad_of_vmap_adds_over_the_examples():
    mapped = lambda w: np.sum(cr.vmap(layer, (None, 0))(w, XS) ** 2)
    agree(cr.grad(mapped)(W), cr.grad(lambda w: np.sum(layer(w, XS) ** 2))(W))


def test_grad_by_the_mapped_argument():
    mapped = lambda xs: np.sum(cr.vmap(layer, (None, 0))(W, xs) ** 2)
    agree(cr.grad(mapped)(XS), cr.grad(lambda xs: np.sum(layer(W, xs) ** 2))(XS))


def test_vjp_and_jvp_and_linearize_of_vmap():
    f = lambda w, xs: cr.vmap(layer, (None, 0))(w, xs)
    tw, txs, ct = np.cos(W), np.sin(XS), np.arange(8.0).reshape(4, 2)
    y, t = cr.jvp(f, (W, XS), (tw, txs))
    agree(y, layer(W, XS))
    agree(t, cr.jvp(layer, (W, XS), (tw, txs))[1])
    agree(cr.linearize(f, W, XS)[1](tw, txs), t)
    for found, expected in zip(cr.vjp(f, W, XS)[1](ct), cr.vjp(layer, W, XS)[1](ct), strict=True):
        agree(found, expected)


@pytest.mark.parametrize("in_axis", [0, 1])
@pytest.mark.parametrize("out_axis", [0, 1, -1])
def test_axes_are_put_back(in_axis, out_axis):
    xs = np.moveaxis(XS, 0, in_axis)
    f = lambda xs: np.sum(np.cumsum(cr.vmap(np.sin, in_axis, out_axis)(xs), axis=out_axis) ** 2)
    g = lambda xs: np.sum(np.cumsum(np.moveaxis(np.sin(np.moveaxis(xs, in_axis, 0)), 0, out_axis), axis=out_axis) ** 2)
    agree(cr.grad(f)(xs), cr.grad(g)(xs))


def test_hessian_of_a_mapped_function():
    f = lambda w: np.sum(cr.vmap(lambda x: np.prod(np.sin(x * w)))(XS))
    g = lambda w: np.sum(np.prod(np.sin(XS * w), axis=1))
    w = np.array([0.3, 0.7, -0.5])
    agree(cr.hessian(f)(w), cr.hessian(g)(w))


def test_jacobian_of_vmap_is_block_diagonal():
    J = cr.jacobian(cr.vmap(lambda x: np.stack([x[0] * x[1], x[2] ** 2])))(XS)
    assert J.shape == (4, 2, 4, 3)
    one = cr.vmap(cr.jacobian(lambda x: np.stack([x[0] * x[1], x[2] ** 2])))(XS)
    for i in range(4):
        for j in range(4):
            agree(J[i, :, j, :], one[i] if i == j else np.zeros((2, 3)))


def test_grad_of_vmap_of_grad():
    # The sum of squared gradients of examples, as a penalty.
    penalty = lambda w: np.sum(cr.vmap(cr.grad(lambda x, w: np.sum(layer(w, x))), (0, None))(XS, w) ** 2)
    h, E = 1e-6, np.zeros_like(W)
    E[1, 0] = h
    numeric = (penalty(W + E) - penalty(W - E)) / (2 * h)
    assert_allclose(cr.grad(penalty)(W)[1, 0], numeric, rtol=1e-8)


def test_grad_of_nested_vmaps():
    outer = cr.vmap(cr.vmap(lambda a, b: np.sin(a * b), (None, 0)), (0, None))
    a, b = np.array([0.5, 1.0]), np.array([1.0, 2.0, 3.0])
    agree(outer(a, b), np.sin(np.outer(a, b)))
    ga, gb = cr.grad(lambda a, b: np.sum(outer(a, b)), (0, 1))(a, b)
    agree(ga, np.cos(np.outer(a, b)) @ b)
    agree(gb, a @ np.cos(np.outer(a, b)))


def test_grad_of_vmap_with_writes_and_indices():
    def f(x):
        y = x.copy()
        y[1:] += x[:-1] ** 2
        y[0] *= 3
        return y[np.array([0, 0, 2])]

    def loop(xs):
        return np.stack([f(x) for x in xs])

    w = np.arange(12.0).reshape(4, 3)
    agree(cr.grad(lambda xs: np.sum(w * cr.vmap(f)(xs)))(XS), cr.grad(lambda xs: np.sum(w * loop(xs)))(XS))


def test_a_traced_value_from_outside_is_the_same_for_all_examples():
    f = lambda w: np.sum(cr.vmap(lambda x: layer(w, x))(XS))
    agree(cr.grad(f)(W), cr.grad(lambda w: np.sum(layer(w, XS)))(W))


def test_an_example_may_write_into_an_array_that_all_share():
    def f(w):
        def one(x):
            y = w.copy()
            y[0] = x
            return y * y

        return np.sum(cr.vmap(one)(np.array([1.0, 2.0])))

    agree(cr.grad(f)(np.array([5.0, 3.0])), np.array([0.0, 12.0]))


def test_variables_held_by_hand_in_vmap():
    w = cr.variable(W)
    loss = np.sum(cr.vmap(layer, (None, 0))(w, XS) ** 2)
    loss.backward()
    agree(w.grad, cr.grad(lambda w: np.sum(layer(w, XS) ** 2))(W))


def test_sparsity_of_vmap():
    pattern = cr.sparsity(cr.vmap(lambda x: np.stack([x[0], x[1] * x[2]])), XS).toarray()
    expected = np.kron(np.eye(4), [[1, 0, 0], [0, 1, 1]]).astype(bool)
    assert np.array_equal(pattern, expected)


def test_record_of_vmap_and_vmap_of_a_graph():
    f = lambda x: np.tanh(x) @ W
    graph = cr.record(cr.vmap(f), XS)
    agree(graph(2 * XS), f(2 * XS))
    agree(cr.vmap(cr.record(f, XS[0]))(XS), f(XS))

"""A derivative for every example: vmap of what the other transforms return."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14, strict=True)

W = np.array([[0.5, -1.0], [2.0, 0.3], [-0.7, 0.1]])
XS = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0], [0.2, 0.4, -0.6], [2.0, -2.0, 1.0]])
YS = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, 1.0]])


def loss(w, x, y):
    return np.sum((np.tanh(x @ w) - y) ** 2)


def rows(f, *batches):
    """f of one example after the other."""
    return np.stack([f(*example) for example in zip(*batches, strict=True)])


def test_gradients_for_every_example():
    found = cr.vmap(cr.grad(loss), in_axes=(None, 0, 0))(W, XS, YS)
    agree(found, rows(lambda x, y: cr.grad(loss)(W, x, y), XS, YS))
    agree(np.sum(found, axis=0), cr.grad(lambda w: sum(loss(w, x, y) for x, y in zip(XS, YS, strict=True)))(W))


def test_gradients_for_every_example_by_every_argument():
    found = cr.vmap(cr.grad(loss, argnums=(0, 1, 2)), in_axes=(None, 0, 0))(W, XS, YS)
    expected = [cr.grad(loss, argnums=(0, 1, 2))(W, x, y) for x, y in zip(XS, YS, strict=True)]
    for k in range(3):
        agree(found[k], np.stack([e[k] for e in expected]))


def test_values_and_gradients():
    values, gradients = cr.vmap(cr.value_and_grad(loss), in_axes=(None, 0, 0))(W, XS, YS)
    agree(values, rows(lambda x, y: loss(W, x, y), XS, YS))
    agree(gradients, rows(lambda x, y: cr.grad(loss)(W, x, y), XS, YS))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_batch_may_be_any_axis(axis):
    xs, ys = np.moveaxis(XS, 0, axis), np.moveaxis(YS, 0, axis)
    found = cr.vmap(cr.grad(loss), in_axes=(None, axis, axis), out_axes=-1)(W, xs, ys)
    agree(found, np.moveaxis(rows(lambda x, y: cr.grad(loss)(W, x, y), XS, YS), 0, -1))


def test_trees_in_and_out():
    model = lambda p, x: np.tanh(x @ p["w"]) @ p["v"]
    p = {"w": W, "v": np.array([1.0, -2.0])}
    found = cr.vmap(cr.grad(model), in_axes=(None, 0))(p, XS)
    assert found.keys() == p.keys()
    for k in p:
        agree(found[k], rows(lambda x, k=k: cr.grad(model)(p, x)[k], XS))
    many = {"w": np.stack([W, 2 * W]), "v": p["v"]}  # an ensemble that shares one layer
    found = cr.vmap(cr.grad(model), in_axes=({"w": 0, "v": None}, None))(many, XS[0])
    agree(found["w"], np.stack([cr.grad(model)({**p, "w": w}, XS[0])["w"] for w in many["w"]]))


def test_vmap_of_vmap_of_grad():
    found = cr.vmap(cr.vmap(cr.grad(loss), (None, 0, 0)), (0, None, None))(np.stack([W, -W]), XS, YS)
    agree(found, np.stack([rows(lambda x, y, w=w: cr.grad(loss)(w, x, y), XS, YS) for w in (W, -W)]))


def test_vmap_of_hessian():
    f = lambda x: np.sum(np.sin(x) * np.prod(x))
    agree(cr.vmap(cr.hessian(f))(XS), rows(cr.hessian(f), XS), rtol=1e-11)


def test_vmap_of_hvp_and_of_jvp():
    f = lambda x: np.sum(np.sin(x) ** 3)
    agree(cr.vmap(cr.hvp(f))(XS, XS[::-1]), rows(cr.hvp(f), XS, XS[::-1]))
    push = lambda x, t: cr.jvp(np.sin, (x,), (t,))[1]
    agree(cr.vmap(push)(XS, XS[::-1]), np.cos(XS) * XS[::-1])


def test_vmap_of_a_pullback_is_a_jacobian():
    f = lambda x: np.stack([x[0] * x[1], np.sin(x[2])])
    _, pullback = cr.vjp(f, XS[0])
    (J,) = cr.vmap(pullback)(np.eye(2))
    agree(J, cr.jacobian(f)(XS[0]))


def test_vmap_of_a_push_is_a_jacobian():
    f = lambda x: np.stack([x[0] * x[1], np.sin(x[2])])
    _, push = cr.linearize(f, XS[0])
    agree(cr.vmap(push, out_axes=1)(np.eye(3)), cr.jacobian(f)(XS[0]))


def test_vmap_of_jacobians_in_both_modes():
    f = lambda x: np.outer(x[:2], np.sin(x))
    for mode in ("forward", "reverse"):
        agree(cr.vmap(cr.jacobian(f, mode=mode))(XS), rows(cr.jacobian(f), XS))


def test_vmap_of_grad_of_what_is_written_into():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        for i in range(1, len(x)):
            y[i] = np.sin(y[i - 1]) * x[i]
        return y.sum()

    agree(cr.vmap(cr.grad(f))(XS), rows(cr.grad(f), XS))


def test_vmap_of_grad_with_indices_that_differ():
    # The gradient of a row of a table, looked up by each example: a scatter for each.
    f = lambda table, i: np.sum(table[i] ** 2)
    table, which = np.arange(6.0).reshape(3, 2), np.array([2, 0, 2, 1])
    found = cr.vmap(cr.grad(f), (None, 0))(table, which)
    agree(found, rows(lambda i: cr.grad(f)(table, int(i)), which))


def test_vmap_of_grad_through_sort_where_and_extremes():
    f = lambda x: np.sum(np.sort(x) * np.arange(3)) + np.max(x) + np.sum(np.where(x > 0.3, x**2, x))
    agree(cr.vmap(cr.grad(f))(XS), rows(cr.grad(f), XS))


def test_vmap_of_grad_of_logsumexp_and_of_a_power():
    agree(cr.vmap(cr.grad(np.logaddexp.reduce))(XS), rows(cr.grad(np.logaddexp.reduce), XS))
    power = lambda a, b: cr.grad(lambda a: a**b)(a)
    a, b = np.array([0.5, 2.0, 3.0]), np.array([2.0, 0.0, 1.0])
    agree(cr.vmap(power)(a, b), b * a ** (b - 1))


def test_vmap_of_grad_of_one_example_is_refused_where_it_branches():
    with pytest.raises(cr.LostGradientError, match=r"np\.where"):
        cr.vmap(cr.grad(lambda x: x if x > 0 else -x))(np.array([1.0, -1.0]))


def test_a_constant_gradient_is_repeated():
    agree(cr.vmap(cr.grad(lambda x: np.sum(3 * x)))(XS), np.full_like(XS, 3.0))


def test_an_empty_batch():
    assert cr.vmap(cr.grad(lambda x: np.sum(x**2)))(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_dtypes_stay(dtype):
    xs = XS.astype(dtype)
    found = cr.vmap(cr.grad(lambda x: np.sum(np.abs(x) ** 2)))(xs)
    assert found.dtype == dtype
    assert_allclose(found, 2 * xs, rtol=1e-6)


def test_keyword_arguments_are_the_same_for_all_examples():
    f = lambda x, *, scale: np.sum(scale * x**2)
    agree(cr.vmap(lambda x, **kw: cr.grad(f)(x, **kw))(XS, scale=3.0), 6 * XS)

"""A sigmoid layer whose forward and backward passes are written by hand, in every transform."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-15, strict=True)  # strict: shapes and dtypes agree too

BOTTOM = np.array([-4.0, -1.0, 0.0, 0.5, 3.0])
UPSTREAM = np.array([1.0, -2.0, 3.0, 0.5, 10.0])


def formula(x):
    """The same function in plain NumPy, for chainrule to differentiate by itself."""
    return 1 / (1 + np.exp(-x))


def make_layer(rules):
    """The layer with its own vjp, its own jvp, or both, and a list of which rule was called."""
    called = []

    @cr.custom
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    if "vjp" in rules:

        @sigmoid.defvjp
        def _(top_diff, top, bottom):
            called.append("vjp")
            return (top_diff * top * (1 - top),)

    if "jvp" in rules:

        @sigmoid.defjvp
        def _(tangents, top, bottom):
            called.append("jvp")
            return tangents[0] * top * (1 - top)

    return sigmoid, called


every_rule = pytest.mark.parametrize("rules", [("vjp",), ("jvp",), ("vjp", "jvp")], ids="+".join)

SIGMA = formula(BOTTOM)
FIRST = SIGMA * (1 - SIGMA)
SECOND = FIRST * (1 - 2 * SIGMA)


@every_rule
def test_a_handwritten_layer_computes_its_formula(rules):
    sigmoid, called = make_layer(rules)
    agree(sigmoid(BOTTOM), SIGMA)
    assert called == []


@every_rule
def test_a_handwritten_layer_takes_part_in_the_gradient(rules):
    sigmoid, called = make_layer(rules)
    agree(cr.grad(lambda x: UPSTREAM @ sigmoid(x))(BOTTOM), UPSTREAM * FIRST)
    if "vjp" in rules:
        assert called == ["vjp"]


@every_rule
def test_a_handwritten_layer_takes_part_in_forward_mode(rules):
    sigmoid, called = make_layer(rules)
    y, tangent = cr.jvp(sigmoid, (BOTTOM,), (UPSTREAM,))
    agree(y, SIGMA)
    agree(tangent, UPSTREAM * FIRST)
    if "jvp" in rules:
        assert called == ["jvp"]


@every_rule
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_a_handwritten_layer_has_a_diagonal_jacobian(rules, mode):
    sigmoid, _ = make_layer(rules)
    agree(cr.jacobian(sigmoid, mode=mode)(BOTTOM), np.diag(FIRST))


@every_rule
def test_a_handwritten_layer_takes_part_in_the_hessian(rules):
    # d2/dx2 of sum u sigma(x) is diag(u sigma (1 - sigma) (1 - 2 sigma)).
    sigmoid, _ = make_layer(rules)
    agree(cr.hessian(lambda x: UPSTREAM @ sigmoid(x))(BOTTOM), np.diag(UPSTREAM * SECOND))
    agree(cr.hvp(lambda x: UPSTREAM @ sigmoid(x))(BOTTOM, BOTTOM), UPSTREAM * SECOND * BOTTOM)


@every_rule
def test_a_handwritten_layer_takes_part_in_vmap_around_and_inside_other_transforms(rules):
    sigmoid, _ = make_layer(rules)
    batch = np.stack([BOTTOM, BOTTOM + 1, -BOTTOM])
    agree(cr.vmap(sigmoid)(batch), formula(batch))
    slopes = formula(batch) * (1 - formula(batch))
    agree(cr.vmap(cr.grad(lambda x: np.sum(sigmoid(x))))(batch), slopes)
    agree(cr.grad(lambda batch: np.sum(cr.vmap(sigmoid)(batch)))(batch), slopes)
    agree(cr.jvp(cr.vmap(sigmoid), (batch,), (np.ones_like(batch),))[1], slopes)


@every_rule
def test_a_handwritten_layer_takes_part_in_a_hand_held_graph(rules):
    sigmoid, _ = make_layer(rules)
    bottom = cr.variable(BOTTOM)
    top = sigmoid(bottom * 2)
    top.backward(UPSTREAM)
    twice = formula(2 * BOTTOM)
    agree(top.value, twice)
    agree(bottom.grad, UPSTREAM * 2 * twice * (1 - twice))


@every_rule
def test_a_handwritten_layer_inside_a_network_gives_the_gradients_of_the_formula(rules):
    sigmoid, _ = make_layer(rules)
    rng = np.random.default_rng(3)
    parameters = {"W1": rng.standard_normal((6, 5)), "W2": rng.standard_normal((2, 6))}

    def loss(activation, p):
        return np.sum((p["W2"] @ activation(p["W1"] @ BOTTOM)) ** 2)

    ours = cr.grad(partial(loss, sigmoid))(parameters)
    reference = cr.grad(partial(loss, formula))(parameters)
    for name in parameters:
        agree(ours[name], reference[name])


def test_a_handwritten_backward_pass_is_used_as_it_stands():
    # Twice the true derivative, to see whose rule it is.
    @cr.custom
    def layer(x):
        return np.tanh(x)

    @layer.defvjp
    def _(top_diff, top, bottom):
        return (2 * top_diff * (1 - top**2),)

    agree(cr.grad(lambda x: np.sum(layer(x)))(BOTTOM), 2 * (1 - np.tanh(BOTTOM) ** 2))


def test_a_handwritten_layer_with_parameters_returns_one_cotangent_for_each_argument():
    @cr.custom
    def inner_product(bottom, weight):
        return weight @ bottom

    @inner_product.defvjp
    def _(top_diff, top, bottom, weight):
        return weight.T @ top_diff, np.outer(top_diff, bottom)

    W, u = np.arange(10.0).reshape(2, 5), np.array([2.0, -1.0])
    _, pullback = cr.vjp(inner_product, BOTTOM, W)
    by_bottom, by_weight = pullback(u)
    agree(by_bottom, W.T @ u)
    agree(by_weight, np.outer(u, BOTTOM))

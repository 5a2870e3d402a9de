"""One step of a recurrent network, made on the fly and differentiated by hand; then several of them."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14, strict=True)  # strict: shapes and dtypes agree too

rng = np.random.default_rng(2)
W_H = rng.standard_normal((20, 20)) / 5
W_X = rng.standard_normal((20, 10)) / 5
X = rng.standard_normal((1, 10))
PREV_H = rng.standard_normal((1, 20))


# -- next_h = tanh(W_x x^T + W_h prev_h^T), then next_h.backward(ones) -------------------------------------
#
#     delta     = 1 (1 - next_h^2)                     (20, 1)
#     dL/dW_x   = delta x              (20, 1) (1, 10) = (20, 10)
#     dL/dW_h   = delta prev_h         (20, 1) (1, 20) = (20, 20)
#     dL/dx     = delta^T W_x          (1, 20) (20, 10) = (1, 10)
#     dL/dprev_h = delta^T W_h         (1, 20) (20, 20) = (1, 20)


def step(w_x, w_h, x, prev_h):
    i2h = w_x @ x.T
    h2h = w_h @ prev_h.T
    return np.tanh(i2h + h2h)


NEXT_H = np.tanh(W_X @ X.T + W_H @ PREV_H.T)


def test_one_recurrent_step_is_a_column_of_the_size_of_the_state():
    next_h = step(cr.variable(W_X), cr.variable(W_H), cr.variable(X), cr.variable(PREV_H))
    agree(next_h.value, NEXT_H)
    assert next_h.shape == (20, 1)


def test_a_backward_pass_of_ones_gives_the_four_gradients_of_a_recurrent_step():
    w_x, w_h, x, prev_h = (cr.variable(v) for v in (W_X, W_H, X, PREV_H))
    step(w_x, w_h, x, prev_h).backward(np.ones((20, 1)))
    delta = 1 - NEXT_H**2
    agree(w_x.grad, delta @ X)
    agree(w_h.grad, delta @ PREV_H)
    agree(x.grad, delta.T @ W_X)
    agree(prev_h.grad, delta.T @ W_H)


def test_a_seed_of_ones_is_the_gradient_of_the_sum():
    summed, seeded = cr.variable(W_H), cr.variable(W_H)
    step(W_X, summed, X, PREV_H).sum().backward()
    step(W_X, seeded, X, PREV_H).backward(np.ones((20, 1)))
    agree(seeded.grad, summed.grad)


def test_any_other_seed_weights_the_outputs():
    seed = rng.standard_normal((20, 1))
    w_h = cr.variable(W_H)
    step(W_X, w_h, X, PREV_H).backward(seed)
    agree(w_h.grad, (seed * (1 - NEXT_H**2)) @ PREV_H)


def test_a_column_of_outputs_needs_a_seed():
    next_h = step(cr.variable(W_X), W_H, X, PREV_H)
    with pytest.raises((TypeError, ValueError), match=r"\(20, 1\)"):
        next_h.backward()


def test_a_seed_of_another_shape_is_refused():
    next_h = step(cr.variable(W_X), W_H, X, PREV_H)
    with pytest.raises((TypeError, ValueError), match=r"\(20, 1\)"):
        next_h.backward(np.ones((1, 20)))


def test_the_pullback_of_a_recurrent_step_gives_the_same_four():
    next_h, pullback = cr.vjp(step, W_X, W_H, X, PREV_H)
    delta = 1 - NEXT_H**2
    agree(next_h, NEXT_H)
    for ct, expected in zip(
        pullback(np.ones((20, 1))), (delta @ X, delta @ PREV_H, delta.T @ W_X, delta.T @ W_H), strict=True
    ):
        agree(ct, expected)


def test_the_jacobian_of_the_next_state_by_the_previous_one_is_a_scaled_matrix():
    # d next_h / d prev_h = diag(1 - next_h^2) W_h, with the unit axes of the row and the column between.
    jacobian = cr.jacobian(step, argnums=3)(W_X, W_H, X, PREV_H)
    assert jacobian.shape == (20, 1, 1, 20)
    agree(jacobian.reshape(20, 20), (1 - NEXT_H**2) * W_H)


# -- Several steps with the same weights: backpropagation through time -------------------------------------
#
#     h_t = tanh(W_x x_t + W_h h_(t-1))    L = 1.h_T
#     delta_T = 1 - h_T^2    delta_(t-1) = (W_h^T delta_t) (1 - h_(t-1)^2)
#     dL/dW_x = sum_t delta_t x_t^T    dL/dW_h = sum_t delta_t h_(t-1)^T


@pytest.mark.parametrize("length", [1, 2, 7])
def test_over_several_steps_the_shared_weights_gather_one_term_per_step(length):
    inputs = rng.standard_normal((length, 1, 10))
    w_x, w_h, first = cr.variable(W_X), cr.variable(W_H), cr.variable(PREV_H)
    h = first
    for x in inputs:
        h = step(w_x, w_h, x, h).T
    h.backward(np.ones((1, 20)))

    states = [PREV_H]
    for x in inputs:
        states.append(step(W_X, W_H, x, states[-1]).T)
    upstream, by_x, by_h = np.ones((1, 20)), np.zeros_like(W_X), np.zeros_like(W_H)
    for t in reversed(range(length)):
        delta = (upstream * (1 - states[t + 1] ** 2)).T
        by_x += delta @ inputs[t]
        by_h += delta @ states[t]
        upstream = delta.T @ W_H
    agree(w_x.grad, by_x)
    agree(w_h.grad, by_h)
    agree(first.grad, upstream)


def test_the_gradient_of_a_late_state_by_an_early_one_is_a_product_of_jacobians():
    def run(h, steps):
        for _ in range(steps):
            h = np.tanh(W_H @ h)
        return h

    h = PREV_H[0]
    product = np.eye(20)
    state = h
    for _ in range(4):
        state = np.tanh(W_H @ state)
        product = (1 - state**2)[:, None] * W_H @ product
    agree(cr.jacobian(lambda h: run(h, 4))(h), product)


def test_truncated_backpropagation_stops_at_a_detached_state():
    # With h_1 detached, only the last step has terms.
    w_h = cr.variable(W_H)
    h1 = step(W_X, w_h, X, PREV_H).detach()
    step(W_X, w_h, X, h1.T).backward(np.ones((20, 1)))
    h2 = np.tanh(W_X @ X.T + W_H @ NEXT_H)
    agree(w_h.grad, (1 - h2**2) @ NEXT_H.T)

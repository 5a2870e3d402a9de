"""Logistic regression with labels +1 and -1: one sample, its combined form, and the regularised loss."""

from functools import partial
from itertools import pairwise

import numpy as np
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14, strict=True)  # strict: shapes and dtypes agree too

rng = np.random.default_rng(1)
SAMPLES, FEATURES, PENALTY = 40, 5, 0.3
X = rng.standard_normal((SAMPLES, FEATURES))
Y = np.where(X @ rng.standard_normal(FEATURES) + 0.5 * rng.standard_normal(SAMPLES) > 0, 1.0, -1.0)
W = rng.standard_normal(FEATURES)


def sigma(u):
    return 1 / (1 + np.exp(-u))


# -- One sample: L = -log sigma(w^T x), dL/dw = -(1 - sigma(w^T x)) x^T, a row -----------------------------


def test_the_combined_form_of_one_sample_is_a_multiple_of_the_row_x():
    x = X[0][:, None]
    row = cr.jacobian(lambda w: -np.log(1 / (1 + np.exp(-(w @ x)))))(W)
    assert row.shape == (1, FEATURES)
    agree(row, -(1 - sigma(W @ x)) * x.T)


def test_the_combined_form_is_the_product_of_the_three_factors_of_the_chain_rule():
    # dL/ds = -1/s    ds/du = s (1 - s)    du/dw = x^T    so    dL/dw = -(1 - s) x^T
    x = X[0][:, None]
    u = W @ x
    s = sigma(u)
    by_s, by_u, by_w = (
        cr.jacobian(lambda s: -np.log(s))(s),
        cr.jacobian(sigma)(u),
        cr.jacobian(lambda w: w @ x)(W),
    )
    agree(by_s, -1 / s[None, :])
    agree(by_u, (s * (1 - s))[None, :])
    agree(by_w, x.T)
    agree(by_s @ by_u @ by_w, -(1 - s) * x.T)


def test_hand_held_columns_give_the_combined_form_as_a_column():
    w, x = cr.variable(W[:, None]), X[0][:, None]
    loss = -np.log(1 / (1 + np.exp(-w.T @ x)))
    assert loss.shape == (1, 1)
    loss.backward(np.ones((1, 1)))
    agree(w.grad, -(1 - sigma(W @ x)) * x)


def test_the_label_flips_the_sign_inside_the_sigmoid_and_outside():
    # L = -log sigma(y w^T x): dL/dw = -(1 - sigma(y w^T x)) y x^T
    for y in (1.0, -1.0):
        gradient = cr.grad(lambda w, y=y: -np.log(sigma(y * (w @ X[0]))))(W)
        agree(gradient, -(1 - sigma(y * (W @ X[0]))) * y * X[0])


# -- All samples, with an L2 penalty ----------------------------------------------------------------------
#
#     L(w)     = sum_i log(1 + exp(-y_i w^T x_i)) + lambda/2 |w|^2
#     dL/dw    = -sum_i (1 - sigma(y_i w^T x_i)) y_i x_i^T + lambda w^T
#     d2L/dw2  = X^T diag(s_i (1 - s_i)) X + lambda I            with s_i = sigma(y_i w^T x_i), as y_i^2 = 1


def loss(w):
    return np.sum(np.log(1 + np.exp(-Y * (X @ w)))) + PENALTY / 2 * w @ w


def closed_gradient(w):
    return -((1 - sigma(Y * (X @ w))) * Y) @ X + PENALTY * w


def closed_hessian(w):
    s = sigma(Y * (X @ w))
    return X.T @ np.diag(s * (1 - s)) @ X + PENALTY * np.eye(FEATURES)


def test_the_gradient_of_regularised_logistic_regression():
    value, gradient = cr.value_and_grad(loss)(W)
    agree(value, loss(W))
    agree(gradient, closed_gradient(W))


def test_a_loop_over_the_samples_has_the_gradient_of_the_matrix_form():
    w = cr.variable(W)
    total = PENALTY / 2 * (w @ w)
    for x, y in zip(X, Y, strict=True):
        total = total - np.log(1 / (1 + np.exp(-y * (w @ x))))
    total.backward()
    agree(w.grad, closed_gradient(W))


def test_backward_passes_of_single_samples_accumulate_to_the_gradient_of_their_sum():
    w = cr.variable(W)
    (PENALTY / 2 * (w @ w)).backward()
    for x, y in zip(X, Y, strict=True):
        np.log(1 + np.exp(-y * (w @ x))).backward()
    agree(w.grad, closed_gradient(W))


def test_the_jacobian_of_the_losses_has_one_row_per_sample():
    def losses(w):
        return np.log(1 + np.exp(-Y * (X @ w)))

    rows = cr.jacobian(losses)(W)
    assert rows.shape == (SAMPLES, FEATURES)
    agree(rows, -((1 - sigma(Y * (X @ W))) * Y)[:, None] * X)
    agree(rows.sum(axis=0) + PENALTY * W, closed_gradient(W))


def test_batched_gradients_of_single_samples_are_the_rows_of_that_jacobian():
    def sample_loss(w, x, y):
        return np.log(1 + np.exp(-y * (w @ x)))

    rows = cr.vmap(cr.grad(sample_loss), in_axes=(None, 0, 0))(W, X, Y)
    agree(rows, -((1 - sigma(Y * (X @ W))) * Y)[:, None] * X)


def test_the_hessian_of_regularised_logistic_regression():
    hessian = cr.hessian(loss)(W)
    agree(hessian, closed_hessian(W))
    agree(cr.hvp(loss)(W, X[0]), closed_hessian(W) @ X[0])
    assert np.linalg.eigvalsh(hessian).min() > PENALTY


def test_newton_steps_with_these_derivatives_reach_the_point_where_the_gradient_is_zero():
    w = np.zeros(FEATURES)
    for _ in range(12):
        w = w - np.linalg.solve(cr.hessian(loss)(w), cr.grad(loss)(w))
    assert_allclose(closed_gradient(w), np.zeros(FEATURES), atol=1e-12)


def test_gradient_descent_with_hand_held_weights_lowers_the_loss_at_every_step():
    values, w = [], np.zeros(FEATURES)
    for _ in range(30):
        held = cr.variable(w)
        value = loss(held)
        value.backward()
        values.append(float(value.value))
        w = w - 0.02 * held.grad
    assert np.isclose(values[0], SAMPLES * np.log(2.0))
    assert all(later < earlier for earlier, later in pairwise(values))


def test_the_penalty_alone_pulls_towards_zero():
    agree(cr.grad(lambda w: PENALTY / 2 * np.sum(w**2))(W), PENALTY * W)


def test_the_stable_form_has_the_same_gradient_and_a_finite_one_far_out():
    # log(1 + e^(-m)) = logaddexp(0, -m); its derivative is -(1 - sigma(m)), and -1 for m far below 0.
    agree(cr.grad(lambda w: np.sum(np.logaddexp(0, -Y * (X @ w))) + PENALTY / 2 * w @ w)(W), closed_gradient(W))
    margins = np.array([-800.0, 0.0, 800.0])
    agree(cr.grad(lambda m: np.sum(np.logaddexp(0, -m)))(margins), np.array([-1.0, -0.5, 0.0]))

"""Layers of a network: fully connected, ReLU, max, softmax, and two of them in a row."""

from functools import partial

import numpy as np
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-15, strict=True)  # strict: shapes and dtypes agree too

rng = np.random.default_rng(0)
M, N = 4, 3
W = rng.standard_normal((M, N))
b = rng.standard_normal(M)
h = rng.standard_normal(N)
c = rng.standard_normal(M)


def sigma(z):
    return 1 / (1 + np.exp(-z))


# -- The fully connected layer z = W h + b, with a loss L(z) above it -------------------------------------
#
#     dz/dh  = W                 (M, N)
#     dL/dh  = dL/dz W           (1, M) (M, N) = (1, N)
#     dL/dW_i = dL/dz_i h^T      (1, N), for row i of W: z_i alone depends on it
#     dL/dW  = (dL/dz)^T h^T     (M, 1) (1, N) = (M, N), those rows on top of each other
#     dL/db  = dL/dz             (1, M), as dz/db is the identity
#
# Here L = c.sigma(z), so dL/dz = c sigma(z) (1 - sigma(z)).


def loss(z):
    return (c @ sigma(z)).reshape(1)


Z = W @ h + b
DL_DZ = (c * sigma(Z) * (1 - sigma(Z)))[None, :]


def test_the_gradient_above_the_layer_is_a_row():
    agree(cr.jacobian(loss)(Z), DL_DZ)


def test_a_fully_connected_layer_has_its_matrix_as_jacobian():
    agree(cr.jacobian(lambda h: W @ h + b)(h), W)


def test_the_gradient_below_a_fully_connected_layer_is_the_row_above_times_its_matrix():
    agree(cr.jacobian(lambda h: loss(W @ h + b))(h), DL_DZ @ W)


def test_the_gradient_by_the_bias_is_the_gradient_above_the_layer():
    agree(cr.jacobian(lambda b: W @ h + b)(b), np.eye(M))
    agree(cr.jacobian(lambda b: loss(W @ h + b))(b), DL_DZ)


def test_the_gradient_by_one_row_of_the_matrix_is_one_number_times_the_input():
    for i in range(M):

        def loss_of_row(row, i=i):
            return loss(np.stack([row if k == i else W[k] for k in range(M)]) @ h + b)

        agree(cr.jacobian(loss_of_row)(W[i]), DL_DZ[:, i : i + 1] @ h[None, :])


def test_the_gradient_by_the_matrix_is_a_column_times_a_row():
    gradient = cr.jacobian(lambda W: loss(W @ h + b))(W)
    assert gradient.shape == (1, M, N)
    agree(gradient[0], DL_DZ.T @ h[None, :])


def test_the_gradient_by_the_matrix_is_the_row_above_times_the_jacobian_of_the_layer():
    dz_dw = cr.jacobian(lambda W: W @ h + b)(W)
    assert dz_dw.shape == (M, M, N)
    for i in range(M):
        agree(dz_dw[i, i], h)
    assert np.count_nonzero(dz_dw) == M * N
    agree(np.tensordot(DL_DZ, dz_dw, axes=1)[0], DL_DZ.T @ h[None, :])


def test_one_backward_pass_by_hand_gives_every_gradient_of_the_layer():
    held_w, held_b, held_h = cr.variable(W), cr.variable(b), cr.variable(h)
    loss(held_w @ held_h + held_b).backward(np.ones(1))
    agree(held_w.grad, np.outer(DL_DZ, h))
    agree(held_b.grad, DL_DZ[0])
    agree(held_h.grad, (DL_DZ @ W)[0])


def test_over_a_batch_the_gradients_of_the_samples_add_up():
    # Samples are rows of H: Z = H W^T + b, dL/dW = (dL/dZ)^T H, dL/dH = dL/dZ W, dL/db = sum over the batch.
    H = rng.standard_normal((5, N))
    upstream = rng.standard_normal((5, M))
    _, pullback = cr.vjp(lambda W, b, H: H @ W.T + b, W, b, H)
    by_w, by_b, by_h = pullback(upstream)
    agree(by_w, upstream.T @ H)
    agree(by_w, sum(np.outer(upstream[s], H[s]) for s in range(5)))
    agree(by_b, upstream.sum(axis=0))
    agree(by_h, upstream @ W)


def test_the_gradients_of_single_samples_come_from_a_batched_gradient():
    H = rng.standard_normal((5, N))
    per_sample = cr.vmap(cr.grad(lambda W, h: loss(W @ h + b)[0]), in_axes=(None, 0))(W, H)
    Z = H @ W.T + b
    deltas = c * sigma(Z) * (1 - sigma(Z))
    agree(per_sample, np.einsum("si,sj->sij", deltas, H))


# -- ReLU: dy/dx is 1 where x > 0 and 0 where x < 0 -------------------------------------------------------


def test_a_relu_passes_the_gradient_where_its_input_is_positive_and_stops_it_where_negative():
    x, upstream = np.array([-2.0, 3.0, -0.5, 1.0]), np.array([10.0, 20.0, 30.0, 40.0])
    held = cr.variable(x)
    y = np.maximum(held, 0)
    y.backward(upstream)
    agree(y.value, np.array([0.0, 3.0, 0.0, 1.0]))
    agree(held.grad, np.array([0.0, 20.0, 0.0, 40.0]))


def test_a_relu_has_a_diagonal_jacobian_of_zeros_and_ones():
    x = np.array([-2.0, 3.0, -0.5, 1.0])
    agree(cr.jacobian(lambda x: np.maximum(0, x))(x), np.diag([0.0, 1.0, 0.0, 1.0]))


def test_a_relu_written_by_selection_or_by_a_mask_has_the_same_gradient():
    x = np.array([-2.0, 3.0, -0.5, 1.0])
    expected = np.array([0.0, 1.0, 0.0, 1.0])
    agree(cr.grad(lambda x: np.sum(np.where(x > 0, x, 0)))(x), expected)
    agree(cr.grad(lambda x: np.sum(x * (x > 0)))(x), expected)


def test_at_its_kink_a_relu_has_one_of_its_subgradients():
    assert 0 <= cr.grad(lambda x: np.maximum(x, 0))(0.0) <= 1


def test_a_layer_with_relu_gives_no_gradient_to_the_rows_that_are_switched_off():
    # y = max(W h + b, 0): dL/dW_i = 0 for z_i < 0, upstream_i h^T for z_i > 0.
    upstream = rng.standard_normal(M)
    shifted = np.array([5.0, -5.0, 5.0, -5.0]) - W @ h
    held = cr.variable(W)
    np.maximum(held @ h + shifted, 0).backward(upstream)
    agree(held.grad, np.outer(upstream * [1, 0, 1, 0], h))


# -- Max over several: a router ---------------------------------------------------------------------------


def test_a_max_over_a_vector_has_a_row_with_a_single_one():
    x = np.array([1.0, 7.0, -3.0, 5.0])
    agree(cr.jacobian(lambda x: np.max(x, keepdims=True))(x), np.array([[0.0, 1.0, 0.0, 0.0]]))


def test_a_max_over_windows_sends_each_gradient_to_the_winner_of_its_window():
    # Max pooling of a 4 by 4 image by 2 by 2.
    image = np.array([[1.0, 2, 5, 3], [4, 0, 1, 2], [9, 8, 0, 1], [7, 6, 3, 2]])

    def pool(image):
        return image.reshape(2, 2, 2, 2).max(axis=(1, 3))

    y, pullback = cr.vjp(pool, image)
    agree(y, np.array([[4.0, 5.0], [9.0, 3.0]]))
    (ct,) = pullback(np.array([[10.0, 20.0], [30.0, 40.0]]))
    agree(ct, np.array([[0.0, 0, 20, 0], [10, 0, 0, 0], [30, 0, 0, 0], [0, 0, 40, 0]]))


def test_a_tie_shares_one_gradient_and_never_makes_two():
    shares = cr.grad(np.max)(np.array([1.0, 2.0, 2.0]))
    assert shares[0] == 0
    assert np.all(shares >= 0)
    agree(shares.sum(), 1.0)


# -- Softmax and cross-entropy ----------------------------------------------------------------------------


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def test_the_jacobian_of_a_softmax_is_diagonal_minus_outer_product():
    # dp_i/dz_j = p_i (delta_ij - p_j)
    p = softmax(Z)
    agree(cr.jacobian(softmax)(Z), np.diag(p) - np.outer(p, p))


def test_the_gradient_of_the_cross_entropy_of_a_softmax_is_the_error_of_the_probabilities():
    # L = -log p_k: dL/dz = (p - onehot(k))^T
    onehot = np.array([0.0, 0.0, 1.0, 0.0])
    agree(cr.grad(lambda z: -np.log(softmax(z)[2]))(Z), softmax(Z) - onehot)


# -- Two layers -------------------------------------------------------------------------------------------


def test_two_layers_multiply_their_jacobians_from_the_loss_downwards():
    # L = |W2 relu(W1 x)|^2:  dL/dy = 2 y^T,  dL/dW2 = 2 y h^T,  dL/dz = 2 y^T W2 diag(z > 0),
    #                         dL/dW1 = (dL/dz)^T x^T,  dL/dx = dL/dz W1
    W1, W2, x = rng.standard_normal((6, 3)), rng.standard_normal((2, 6)), rng.standard_normal(3)
    w1, w2, held_x = cr.variable(W1), cr.variable(W2), cr.variable(x)
    np.sum((w2 @ np.maximum(w1 @ held_x, 0)) ** 2).backward()

    z = W1 @ x
    hidden = np.maximum(z, 0)
    dy = 2 * (W2 @ hidden)[None, :]
    dz = dy @ W2 @ np.diag((z > 0).astype(float))
    agree(w2.grad, dy.T @ hidden[None, :])
    agree(w1.grad, dz.T @ x[None, :])
    agree(held_x.grad, (dz @ W1)[0])


def test_a_matrix_shared_by_two_layers_gets_the_sum_of_both_gradients():
    # y = V tanh(V x) with upstream u:  dL/dV = u h^T + ((V^T u) (1 - h^2)) x^T
    V, x, u = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal(3)
    _, pullback = cr.vjp(lambda V: V @ np.tanh(V @ x), V)
    hidden = np.tanh(V @ x)
    agree(pullback(u)[0], np.outer(u, hidden) + np.outer((V.T @ u) * (1 - hidden**2), x))


def test_parameters_in_a_dictionary_have_their_gradients_in_a_dictionary():
    gradients = cr.grad(lambda p: loss(p["W"] @ h + p["b"])[0])({"W": W, "b": b})
    assert set(gradients) == {"W", "b"}
    agree(gradients["W"], np.outer(DL_DZ, h))
    agree(gradients["b"], DL_DZ[0])

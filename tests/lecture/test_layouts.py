"""Numerator layout: one row per output, one column per input.

dv/ds  is a column    (m, 1)        `cr.jacobian` of f from shape S_in to shape S_out
ds/dv  is a row       (1, n)        has the shape S_out + S_in: here (m,) + (n,), with
dv/du  is a matrix    (m, n)        a scalar s written as an array of shape (1,).
"""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-13, atol=1e-15, strict=True)  # strict: shapes and dtypes agree too

modes = pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])

W = np.array([[1.0, 2.0, -1.0], [0.5, -3.0, 4.0]])
A = np.array([[2.0, 1.0, 0.0], [-1.0, 3.0, 5.0], [4.0, 0.5, -2.0]])
w = np.array([1.0, -2.0, 3.0])
x = np.array([0.5, 1.5, -1.0])


# -- y = [x, x^2]: dy/dx = [1, 2x], a column --------------------------------------------------------------


@modes
def test_the_derivative_of_a_vector_by_a_scalar_is_a_column(mode):
    s = np.array([3.0])
    column = cr.jacobian(lambda s: np.concatenate([s, s**2]), mode=mode)(s)
    agree(column, np.array([[1.0], [6.0]]))


@modes
def test_stacking_x_and_its_square_has_the_derivative_one_and_twice_x(mode):
    agree(cr.jacobian(lambda x: np.stack([x, x**2]), mode=mode)(3.0), np.array([1.0, 6.0]))


def test_one_forward_pass_gives_the_column_and_two_backward_passes_its_entries():
    def f(x):
        return np.stack([x, x**2])

    y, tangent = cr.jvp(f, (3.0,), (1.0,))
    agree(y, np.array([3.0, 9.0]))
    agree(tangent, np.array([1.0, 6.0]))
    _, pullback = cr.vjp(f, 3.0)
    agree(pullback(np.array([1.0, 0.0])), [1.0])
    agree(pullback(np.array([0.0, 1.0])), [6.0])


def test_a_row_times_a_column_is_the_derivative_of_a_scalar_by_a_scalar():
    # z = y1 y2 with y = [x, x^2] is x^3.  dz/dy = [y2, y1] = [x^2, x];  dz/dx = [x^2, x] [1, 2x]^T = 3 x^2.
    def inner(s):
        return np.concatenate([s, s**2])

    def outer(y):
        return y[0:1] * y[1:2]

    s = np.array([3.0])
    row, column = cr.jacobian(outer)(inner(s)), cr.jacobian(inner)(s)
    agree(row, np.array([[9.0, 3.0]]))
    agree(row @ column, np.array([[27.0]]))
    agree(cr.jacobian(lambda s: outer(inner(s)))(s), np.array([[27.0]]))


# -- s = w^T x: ds/dx = w^T and ds/dw = x^T, rows ---------------------------------------------------------


@modes
def test_the_derivative_of_a_scalar_by_a_vector_is_a_row(mode):
    agree(cr.jacobian(lambda x: w[None, :] @ x, mode=mode)(x), w[None, :])
    agree(cr.jacobian(lambda w: w @ x[:, None], mode=mode)(w), x[None, :])


def test_the_gradient_of_a_scalar_without_axes_has_the_shape_of_its_input():
    agree(cr.grad(lambda x: w @ x)(x), w)
    agree(cr.grad(lambda w: w @ x)(w), x)
    column = x[:, None]
    agree(cr.grad(lambda c: (w @ c)[0])(column), w[:, None])


@modes
def test_column_vectors_keep_their_axes_in_the_jacobian(mode):
    # w^T x with both as (3, 1) matrices is a (1, 1) matrix; its Jacobian has the shape (1, 1) + (3, 1).
    column = w[:, None]
    jacobian = cr.jacobian(lambda c: column.T @ c, mode=mode)(x[:, None])
    agree(jacobian, column.reshape(1, 1, 3, 1))


# -- s = w^T A w: ds/dw = w^T (A + A^T) -------------------------------------------------------------------


@modes
def test_the_derivative_of_a_quadratic_form_is_the_row_w_times_a_plus_its_transpose(mode):
    row = cr.jacobian(lambda w: (w @ A @ w).reshape(1), mode=mode)(w)
    agree(row, w[None, :] @ (A + A.T))


def test_the_derivative_of_a_symmetric_quadratic_form_is_twice_w_times_a():
    symmetric = A + A.T
    row = cr.jacobian(lambda w: (w @ symmetric @ w).reshape(1))(w)
    agree(row, 2 * w[None, :] @ symmetric)


def test_the_hessian_of_a_quadratic_form_is_a_plus_its_transpose():
    def quadratic(w):
        return w @ A @ w

    agree(cr.hessian(quadratic)(w), A + A.T)
    agree(cr.hvp(quadratic)(w, x), (A + A.T) @ x)


def test_the_derivative_of_a_quadratic_form_by_its_matrix_is_the_outer_product():
    # d/dA_ij of the sum of w_i A_ij w_j is w_i w_j.
    agree(cr.grad(lambda A: w @ A @ w)(A), w[:, None] @ w[None, :])


def test_a_quadratic_form_of_hand_held_columns_is_a_one_by_one_matrix():
    held = cr.variable(w[:, None])
    s = held.T @ A @ held
    assert s.shape == (1, 1)
    s.backward(np.ones((1, 1)))
    agree(held.grad, (A + A.T) @ w[:, None])


# -- y = W x: dy/dx = W, and dy_i/dW_i = x^T, one row of W at a time --------------------------------------


@modes
def test_the_derivative_of_a_vector_by_a_vector_has_a_row_for_each_output(mode):
    jacobian = cr.jacobian(lambda x: W @ x, mode=mode)(x)
    assert jacobian.shape == (2, 3)
    agree(jacobian, W)


@modes
def test_the_derivative_of_a_matrix_product_by_its_matrix_is_x_in_the_row_of_its_output(mode):
    # y_i = W_i x depends on row i of W alone: dy_i/dW_i = x^T and dy_i/dW_j = 0.
    jacobian = cr.jacobian(lambda W: W @ x, mode=mode)(W)
    assert jacobian.shape == (2, 2, 3)
    agree(jacobian[0, 0], x)
    agree(jacobian[1, 1], x)
    agree(jacobian[0, 1], np.zeros(3))
    agree(jacobian[1, 0], np.zeros(3))


def test_matrices_by_matrices_have_the_axes_of_both():
    # Y = W X: dY_ik / dX_jl = W_ij delta_kl.
    X = np.arange(12.0).reshape(3, 4)
    jacobian = cr.jacobian(lambda X: W @ X)(X)
    assert jacobian.shape == (2, 4, 3, 4)
    agree(jacobian, np.einsum("ij,kl->ikjl", W, np.eye(4)))


# -- The chain rule: dv/ds = dv/du du/ds, in the order of the formulas -------------------------------------


def test_jacobians_multiply_from_the_left_in_the_order_of_composition():
    def u(x):
        return np.sin(W @ x)

    def v(u):
        return np.stack([u[0] * u[1], u[0] - u[1], np.exp(u[1])])

    dv, du = cr.jacobian(v)(u(x)), cr.jacobian(u)(x)
    assert dv.shape == (3, 2)
    assert du.shape == (2, 3)
    agree(du, np.cos(W @ x)[:, None] * W)
    agree(cr.jacobian(lambda x: v(u(x)))(x), dv @ du)


def test_a_tangent_is_a_column_on_the_right_and_a_cotangent_a_row_on_the_left():
    def f(x):
        return np.sin(W @ x)

    tangent, cotangent = np.array([1.0, -1.0, 2.0]), np.array([3.0, -2.0])
    jacobian = cr.jacobian(f)(x)
    agree(cr.jvp(f, (x,), (tangent,))[1], jacobian @ tangent)
    agree(cr.vjp(f, x)[1](cotangent)[0], cotangent @ jacobian)


def test_an_elementwise_function_has_a_diagonal_jacobian():
    agree(cr.jacobian(np.tanh)(x), np.diag(1 - np.tanh(x) ** 2))


@modes
@pytest.mark.parametrize("in_shape", [(), (1,), (3,), (2, 3)])
@pytest.mark.parametrize("out_shape", [(), (1,), (4,), (4, 2)])
def test_every_jacobian_has_the_shape_of_the_output_and_then_of_the_input(in_shape, out_shape, mode):
    # y_o = scale_o * sum of x^2: dy_o/dx_i = 2 scale_o x_i.
    size = np.prod(in_shape, dtype=int)
    point = np.arange(1.0, 1 + size).reshape(in_shape)
    scale = np.arange(1.0, 1 + np.prod(out_shape, dtype=int)).reshape(out_shape)
    jacobian = cr.jacobian(lambda x: scale * np.sum(x**2), mode=mode)(point)
    agree(jacobian, np.multiply.outer(scale, 2 * point))

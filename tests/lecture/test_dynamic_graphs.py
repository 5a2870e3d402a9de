"""Graphs that Python's own control flow makes as it runs: if, for, while, and a gradient taken half-way."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-15, strict=True)  # strict: shapes and dtypes agree too


# -- if ---------------------------------------------------------------------------------------------------


def bent(x):
    if x > 1:
        return x**3
    return 5 * x


@pytest.mark.parametrize(("x", "derivative"), [(2.0, 12.0), (0.5, 5.0)])
def test_an_if_on_a_value_differentiates_the_branch_taken(x, derivative):
    agree(cr.grad(bent)(x), derivative)
    agree(cr.jvp(bent, (x,), (1.0,))[1], derivative)
    held = cr.variable(x)
    bent(held).backward()
    agree(held.grad, derivative)


def test_an_input_of_the_branch_not_taken_has_the_gradient_zero():
    def choose(x, a, b):
        return x * a if x > 0 else x * b

    agree(cr.grad(choose, argnums=(0, 1, 2))(2.0, 3.0, 4.0), [3.0, 2.0, 0.0])
    agree(cr.grad(choose, argnums=(0, 1, 2))(-2.0, 3.0, 4.0), [4.0, 0.0, -2.0])


def test_a_hand_held_input_of_the_branch_not_taken_is_not_in_the_graph():
    x, a, b = cr.variable(2.0), cr.variable(3.0), cr.variable(4.0)
    (x * a if x > 0 else x * b).backward()
    agree(a.grad, 2.0)
    assert b.grad is None


def test_an_if_may_depend_on_a_property_of_a_whole_array():
    # sum x doubled if |x| > 1: the gradient is 2 there and 1 elsewhere.
    def f(x):
        s = np.sum(x)
        return 2 * s if np.linalg.norm(x) > 1 else s

    agree(cr.grad(f)(np.array([3.0, 4.0])), np.array([2.0, 2.0]))
    agree(cr.grad(f)(np.array([0.3, 0.4])), np.array([1.0, 1.0]))


# -- for --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_a_for_loop_of_n_products_has_the_derivative_of_a_power(n):
    # x^n: n x^(n-1)
    def power(x):
        y = 1.0 + 0 * x
        for _ in range(n):
            y = y * x
        return y

    agree(cr.grad(power)(1.5), n * 1.5 ** (n - 1.0) if n else 0.0)


def test_a_for_loop_over_a_polynomial_has_the_derivatives_by_the_point_and_by_the_coefficients():
    # p(x) = sum c_k x^k by Horner: dp/dx = sum k c_k x^(k-1), dp/dc_k = x^k
    def horner(c, x):
        p = 0.0 * x
        for k in reversed(range(len(c))):
            p = p * x + c[k]
        return p

    c, x = np.array([1.0, -2.0, 0.5, 3.0]), 1.2
    by_c, by_x = cr.grad(horner, argnums=(0, 1))(c, x)
    k = np.arange(4)
    agree(by_c, x**k)
    agree(by_x, np.sum(k[1:] * c[1:] * x ** (k[1:] - 1.0)))


def test_a_for_loop_that_fills_an_array_is_differentiated_through_its_writes():
    # y_0 = x_0, y_i = a y_(i-1) + x_i, s = sum y: dy_i/dx_j = a^(i-j), dy_i/da = sum_j (i-j) a^(i-j-1) x_j
    def filtered(a, x):
        y = np.zeros_like(a * x)
        y[0] = x[0]
        for i in range(1, len(x)):
            y[i] = a * y[i - 1] + x[i]
        return y

    a, x = 0.8, np.array([1.0, -2.0, 3.0, 0.5])
    lag = np.subtract.outer(np.arange(4), np.arange(4))
    by_x = np.where(lag >= 0, a ** np.maximum(lag, 0), 0.0)
    by_a = np.where(lag >= 1, lag * a ** np.maximum(lag - 1.0, 0), 0.0) @ x
    agree(cr.jacobian(filtered, argnums=1)(a, x), by_x)
    agree(cr.jacobian(filtered, argnums=0)(a, x), by_a)


def test_filling_a_plain_array_with_results_says_which_array_to_make_instead():
    a, y = cr.variable(np.array([0.8, 0.9])), np.zeros(2)
    with pytest.raises(TypeError, match=r"np\.zeros_like\(x\)"):
        y[:] = a * a

    # NumPy puts an error of its own in front of that of a single number.
    with pytest.raises((TypeError, ValueError)) as refused:
        y[0] = a[0] * a[1]
    assert "np.zeros_like(x)" in f"{refused.value} {refused.value.__cause__}"


def test_a_loop_whose_length_is_data_makes_a_new_graph_for_every_sample():
    # h <- tanh(w h + x_t) over sequences of different lengths: checked against the recurrence for dh/dw.
    for sequence in ([0.1], [0.5, -0.3, 0.8], [0.2] * 11):
        w = cr.variable(0.7)
        h = 0.0
        for x in sequence:
            h = np.tanh(w * h + x)
        h.backward()

        value, tangent = 0.0, 0.0
        for x in sequence:
            following = np.tanh(0.7 * value + x)
            tangent = (1 - following**2) * (value + 0.7 * tangent)
            value = following
        agree(w.grad, tangent)


# -- while ------------------------------------------------------------------------------------------------


def test_a_while_loop_that_doubles_has_a_power_of_two_as_its_derivative():
    x = np.array([0.3, -0.4])  # norm 0.5: eleven doublings until it is 1024
    held = cr.variable(x)
    y, doublings = held, 0
    while np.linalg.norm(y) < 1000:
        y = y * 2
        doublings += 1
    assert doublings == 11
    seed = np.array([1.0, 0.1])
    y.backward(seed)
    agree(held.grad, 2.0**11 * seed)


def heron(a):
    """The square root of a, by Heron's rule, until it moves no more."""
    x = a
    while True:
        following = (x + a / x) / 2
        if abs(following - x) < 1e-12:
            return following
        x = following


def test_a_while_loop_that_converges_to_a_square_root_has_the_derivative_of_the_square_root():
    # d sqrt(a) / da = 1 / (2 sqrt a), its second derivative -1 / (4 a^(3/2)).
    agree(cr.grad(heron)(9.0), 1 / 6)
    agree(cr.jvp(heron, (9.0,), (1.0,))[1], 1 / 6)
    assert_allclose(cr.grad(cr.grad(heron))(9.0), -1 / 108, rtol=1e-8)


def test_if_for_and_while_in_one_program():
    # x = 3: the loop makes 3 -> 9 -> 81 (two squarings pass 50), the if takes the logarithm:
    # s = sum_k k log x^4 = 6 * 4 log x, ds/dx = 24 / x.
    def program(x):
        y = x
        while y < 50:
            y = y * y
        total = 0.0
        for k in (1, 2, 3):
            if y > 10:
                total += k * np.log(y)
            else:
                total += k * y
        return total

    agree(cr.grad(program)(3.0), 24 / 3)
    # x = 60: no squaring, ds/dx = 6 / x.
    agree(cr.grad(program)(60.0), 6 / 60)


# -- A gradient taken half-way, then more nodes, then the gradient again -----------------------------------


def test_a_gradient_is_taken_half_way_and_again_after_more_nodes_were_added():
    # y = x^2: dy/dx = 2x.  Then z = y sin x: dz/dx = 2x sin x + x^2 cos x.
    x = cr.variable(1.3)
    y = x * x
    y.backward(retain_graph=True)
    agree(x.grad, 2.6)

    x.grad = None
    z = y * np.sin(x)
    z.backward()
    agree(x.grad, 2 * 1.3 * np.sin(1.3) + 1.3**2 * np.cos(1.3))


def test_without_a_reset_the_two_gradients_add():
    x = cr.variable(1.3)
    y = x * x
    y.backward(retain_graph=True)
    z = y * x
    z.backward()
    agree(x.grad, 2 * 1.3 + 3 * 1.3**2)


def test_the_gradient_half_way_may_decide_which_nodes_follow():
    # A line search in one graph: if the slope of y is steep, go on with log y, otherwise with y^2.
    for start, derivative in ((5.0, 2 / 5.0), (0.1, 4 * 0.1**3)):
        x = cr.variable(start)
        y = x * x
        y.backward(retain_graph=True)
        steep = abs(x.grad) > 1
        x.grad = None
        (np.log(y) if steep else y**2).backward()
        agree(x.grad, derivative)


def test_a_loop_may_take_a_gradient_at_every_step_of_one_growing_graph():
    # y_k = x^k: after step k, dy_k/dx = k x^(k-1).
    x = cr.variable(1.1)
    y = x
    for k in range(2, 8):
        y = y * x
        x.grad = None
        y.backward(retain_graph=True)
        agree(x.grad, k * 1.1 ** (k - 1.0))


def test_without_retain_graph_a_second_backward_pass_says_what_to_do():
    x = cr.variable(1.3)
    y = np.sin(x * x)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_a_new_graph_on_the_same_variable_needs_nothing_kept():
    x = cr.variable(1.3)
    (x * x).backward()
    x.grad = None
    (x * x * x).backward()
    agree(x.grad, 3 * 1.3**2)


def test_the_gradient_half_way_may_itself_be_differentiated():
    # g = dy/dx = 3 x^2 for y = x^3; then d/dx (g^2 + y) = 36 x^3 + 3 x^2.
    x = cr.variable(2.0)
    y = x * x * x
    y.backward(create_graph=True)
    gradient = x.grad
    x.grad = None
    (gradient * gradient + y).backward()
    agree(np.asarray(x.grad), 36 * 8.0 + 12.0)


def test_nodes_made_without_gradients_are_constants_of_what_follows():
    # c = x^2 is made under no_grad, so d(c x)/dx = c.
    x = cr.variable(3.0)
    with cr.no_grad():
        c = x * x
    (c * x).backward()
    agree(x.grad, 9.0)

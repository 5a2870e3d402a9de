"""Graphs of scalars: forward values, the adjoint of every node, and the same numbers from both modes."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-13, atol=1e-15, strict=True)  # strict: shapes and dtypes agree too


# -- f(x, y, z) = (x + y) z at (-2, 5, -4) ----------------------------------------------------------------
#
#     q = x + y = 3        f = q z = -12
#     df/df = 1    df/dq = z = -4    df/dz = q = 3    df/dx = df/dq * 1 = -4    df/dy = df/dq * 1 = -4


def sum_times(x, y, z):
    return (x + y) * z


def test_a_sum_times_a_number_is_evaluated_forwards():
    x, y, z = cr.variable(-2.0), cr.variable(5.0), cr.variable(-4.0)
    q = x + y
    f = q * z
    agree(q.value, 3.0)
    agree(f.value, -12.0)


def test_a_sum_hands_its_adjoint_on_unchanged_and_a_product_swaps_its_factors():
    x, y, z = cr.variable(-2.0), cr.variable(5.0), cr.variable(-4.0)
    sum_times(x, y, z).backward()
    agree(x.grad, -4.0)
    agree(y.grad, -4.0)
    agree(z.grad, 3.0)


def test_the_gradient_function_gives_one_derivative_per_argument():
    value, gradients = cr.value_and_grad(sum_times, argnums=(0, 1, 2))(-2.0, 5.0, -4.0)
    agree(value, -12.0)
    assert isinstance(gradients, tuple)
    agree(gradients, [-4.0, -4.0, 3.0])


def test_the_adjoint_of_the_sum_is_the_other_factor():
    agree(cr.grad(lambda q: q * -4.0)(3.0), -4.0)


def test_a_seed_is_the_adjoint_that_arrives_from_above():
    # Downstream = upstream * local: with 10 arriving at f, everything is ten times as large.
    x, y, z = cr.variable(-2.0), cr.variable(5.0), cr.variable(-4.0)
    sum_times(x, y, z).backward(10.0)
    agree(x.grad, -40.0)
    agree(y.grad, -40.0)
    agree(z.grad, 30.0)


@pytest.mark.parametrize(("direction", "tangent"), [((1.0, 0, 0), -4.0), ((0, 1.0, 0), -4.0), ((0, 0, 1.0), 3.0)])
def test_forward_mode_finds_one_of_the_three_derivatives_per_pass(direction, tangent):
    value, t = cr.jvp(sum_times, (-2.0, 5.0, -4.0), tuple(map(float, direction)))
    agree(value, -12.0)
    agree(t, tangent)


def test_the_graph_of_a_sum_times_a_number_has_the_nodes_of_the_drawing():
    x, y, z = cr.variable(-2.0), cr.variable(5.0), cr.variable(-4.0)
    product = sum_times(x, y, z).node
    q, last = product.parents
    assert product.primitive.name == "multiply"
    assert q.primitive.name == "add"
    assert q.parents == (x.node, y.node)
    assert last is z.node
    assert [leaf.primitive for leaf in (x.node, y.node, z.node)] == [None, None, None]


# -- f(x1, x2) = ln x1 + x1 x2 - sin x2 at (2, 5) ---------------------------------------------------------
#
#     v1 = ln x1        v1' = x1' / x1              v1~ = v4~          =  1
#     v2 = x1 x2        v2' = x1' x2 + x1 x2'       v2~ = v4~          =  1
#     v3 = sin x2       v3' = x2' cos x2            v3~ = -v5~         = -1
#     v4 = v1 + v2      v4' = v1' + v2'             v4~ = v5~          =  1
#     v5 = v4 - v3      v5' = v4' - v3'             v5~                =  1
#
#     x1~ = v1~ / x1 + v2~ x2 = 1 / x1 + x2 = 5.5        x2~ = v2~ x1 + v3~ cos x2 = x1 - cos x2 = 1.716...

X1, X2 = 2.0, 5.0


def log_product_sine(x1, x2, nudges=(0.0, 0.0, 0.0, 0.0, 0.0)):
    """Every intermediate, f being the last. A nudge added to one shows what its change does to f."""
    n1, n2, n3, n4, n5 = nudges
    v1 = np.log(x1) + n1
    v2 = x1 * x2 + n2
    v3 = np.sin(x2) + n3
    v4 = v1 + v2 + n4
    v5 = v4 - v3 + n5
    return v1, v2, v3, v4, v5


def test_the_forward_values_of_the_logarithm_product_and_sine():
    values = [v.value for v in log_product_sine(cr.variable(X1), cr.variable(X2))]
    agree(values, [np.log(2.0), 10.0, np.sin(5.0), np.log(2.0) + 10.0, np.log(2.0) + 10.0 - np.sin(5.0)])
    assert round(float(values[-1]), 3) == 11.652


def test_forward_mode_along_x1_carries_one_tangent_per_intermediate():
    _, tangents = cr.jvp(log_product_sine, (X1, X2), (1.0, 0.0))
    agree(tangents, [1 / X1, X2, 0.0, 1 / X1 + X2, 1 / X1 + X2])


def test_forward_mode_along_x2_carries_one_tangent_per_intermediate():
    _, tangents = cr.jvp(log_product_sine, (X1, X2), (0.0, 1.0))
    agree(tangents, [0.0, X1, np.cos(X2), X1, X1 - np.cos(X2)])


def test_reverse_mode_gives_both_derivatives_in_one_pass():
    x1, x2 = cr.variable(X1), cr.variable(X2)
    log_product_sine(x1, x2)[-1].backward()
    agree(x1.grad, 5.5)
    agree(x2.grad, X1 - np.cos(X2))


def test_reverse_mode_gives_the_adjoint_of_every_intermediate():
    nudges = tuple(cr.variable(0.0) for _ in range(5))
    log_product_sine(cr.variable(X1), cr.variable(X2), nudges)[-1].backward()
    agree([n.grad for n in nudges], [1.0, 1.0, -1.0, 1.0, 1.0])


def test_the_vector_form_has_the_gradient_of_the_scalar_form():
    def f(x):
        return np.log(x[0]) + x[0] * x[1] - np.sin(x[1])

    x = np.array([X1, X2])
    agree(cr.grad(f)(x), np.array([5.5, X1 - np.cos(X2)]))
    # Second derivatives: [[-1/x1^2, 1], [1, sin x2]].
    agree(cr.hessian(f)(x), np.array([[-1 / X1**2, 1.0], [1.0, np.sin(X2)]]))


# -- f(x1, x2) = x1 x2 + sin x2, the adjoint of every node ------------------------------------------------
#
#     w1 = x1    w2 = x2    w3 = w1 w2    w4 = sin w2    w5 = w3 + w4 = f
#
#     w5~ = 1
#     w4~ = w5~ * dw5/dw4 = 1
#     w3~ = w5~ * dw5/dw3 = 1
#     w2~ = w3~ * dw3/dw2 + w4~ * dw4/dw2 = w1 + cos w2
#     w1~ = w3~ * dw3/dw1 = w2


def product_and_sine(x1, x2):
    return x1 * x2 + np.sin(x2)


def test_the_two_derivatives_of_a_product_and_a_sine():
    gradients = cr.grad(product_and_sine, argnums=(0, 1))(X1, X2)
    agree(gradients, [X2, X1 + np.cos(X2)])


def test_the_adjoints_of_a_product_and_a_sine_walked_by_hand_node_by_node():
    # Each intermediate is cut from what made it, so that it is a leaf of what follows and keeps its adjoint;
    # handing that adjoint to what made it goes one node further back.
    w1, w2 = cr.variable(X1), cr.variable(X2)
    product, sine = w1 * w2, np.sin(w2)
    w3, w4 = cr.variable(product.value), cr.variable(sine.value)
    total = w3 + w4
    w5 = cr.variable(total.value)

    w5.backward()
    agree(w5.grad, 1.0)
    total.backward(w5.grad)
    agree(w4.grad, 1.0)
    agree(w3.grad, 1.0)
    sine.backward(w4.grad)
    agree(w2.grad, np.cos(X2))  # one of its two branches so far
    assert w1.grad is None
    product.backward(w3.grad)
    agree(w2.grad, X1 + np.cos(X2))
    agree(w1.grad, X2)


def test_each_adjoint_of_a_product_and_a_sine_is_the_derivative_of_the_rest_of_the_program():
    w1, w2 = X1, X2
    w3, w4 = w1 * w2, np.sin(w2)
    agree(cr.grad(lambda w5: w5)(w3 + w4), 1.0)
    agree(cr.grad(lambda w4: w3 + w4)(w4), 1.0)
    agree(cr.grad(lambda w3: w3 + w4)(w3), 1.0)
    agree(cr.grad(lambda w2: w1 * w2 + np.sin(w2))(w2), w1 + np.cos(w2))
    agree(cr.grad(lambda w1: w1 * w2 + w4)(w1), w2)


def test_one_backward_pass_over_the_whole_graph_equals_the_walk_by_hand():
    x1, x2 = cr.variable(X1), cr.variable(X2)
    product_and_sine(x1, x2).backward()
    agree(x1.grad, X2)
    agree(x2.grad, X1 + np.cos(X2))


# -- L = -log(1 / (1 + e^(-w.x))) -------------------------------------------------------------------------
#
#     u = w.x    a = -u    e = exp(a)    d = 1 + e    s = 1 / d    l = log s    L = -l
#
#     l~ = -1
#     s~ = l~ / s         = -d
#     d~ = s~ * (-1/d^2)  = 1 / d
#     e~ = d~             = 1 / d
#     a~ = e~ * e         = e / d
#     u~ = -a~            = -e / d  = -(1 - s)        since 1 - s = 1 - 1/d = e / d
#     w~ = u~ x           = -(1 - s) x


def one_sample_loss(w, x, nudges):
    u = w @ x + nudges["u"]
    a = -u + nudges["a"]
    e = np.exp(a) + nudges["e"]
    d = 1 + e + nudges["d"]
    s = 1 / d + nudges["s"]
    log_s = np.log(s) + nudges["l"]
    return -log_s


def test_the_adjoint_of_every_node_of_the_negative_log_of_a_sigmoid():
    w, x = np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0, 1.0])  # w.x = 1
    s = 1 / (1 + np.exp(-1.0))
    nudges = {name: cr.variable(0.0) for name in "uaedsl"}
    held = cr.variable(w)
    loss = one_sample_loss(held, x, nudges)
    loss.backward()

    agree(loss.value, -np.log(s))
    agree(nudges["l"].grad, -1.0)
    agree(nudges["s"].grad, -1 / s)
    agree(nudges["d"].grad, s)
    agree(nudges["e"].grad, s)
    agree(nudges["a"].grad, 1 - s)
    agree(nudges["u"].grad, -(1 - s))
    agree(held.grad, -(1 - s) * x)


def test_a_sigmoid_may_be_one_node_or_four_with_the_same_derivative():
    # d sigma / du = e^(-u) / (1 + e^(-u))^2 = (1 - sigma) sigma
    def sigma(u):
        return 1 / (1 + np.exp(-u))

    for u in (-3.0, 0.0, 1.0, 4.0):
        agree(cr.grad(sigma)(u), (1 - sigma(u)) * sigma(u))


# -- Gradients add where a value branches -----------------------------------------------------------------


def test_gradients_add_at_a_branch():
    # f = g(x) + h(x) with g = 3x and h = x^2: df/dx = 3 + 2x.
    agree(cr.grad(lambda x: 3 * x + x**2)(4.0), 3.0 + 8.0)


def test_a_value_used_twice_by_one_operation_gets_both_shares():
    # x x: each factor gets the other, x + x.
    x = cr.variable(7.0)
    (x * x).backward()
    agree(x.grad, 14.0)


def test_gradients_add_over_every_path_from_a_value_to_the_output():
    # b = a x, c = a + b, f = b c:  df/da over a->b->f, a->b->c->f, a->c->f.
    #     df/db = c + b    df/dc = b    df/da = (c + b) x + b    df/dx = (c + b) a
    a, x = cr.variable(3.0), cr.variable(2.0)
    b = a * x
    c = a + b
    (b * c).backward()
    agree(a.grad, (9.0 + 6.0) * 2.0 + 6.0)
    agree(x.grad, (9.0 + 6.0) * 3.0)


def test_a_ladder_of_branches_doubles_at_every_rung():
    # x_(k+1) = x_k + x_k: 2^30 paths lead from the top to the bottom; each node is still visited once.
    x = cr.variable(1.0)
    y = x
    for _ in range(30):
        y = y + y
    y.backward()
    agree(x.grad, 2.0**30)


def test_a_skip_connection_adds_one_to_the_derivative():
    # y = x + tanh x: dy/dx = 1 + (1 - tanh^2 x).
    agree(cr.grad(lambda x: x + np.tanh(x))(0.5), 2 - np.tanh(0.5) ** 2)


# -- Max routes -------------------------------------------------------------------------------------------


def test_a_max_routes_the_whole_gradient_to_the_larger_input():
    x, y = cr.variable(4.0), cr.variable(5.0)
    np.maximum(x, y).backward(9.0)
    agree(x.grad, 0.0)
    agree(y.grad, 9.0)


def test_a_gate_of_each_kind_in_one_graph():
    # f = 2 (x y + max(z, w)) at (3, -4, 2, -1): sum distributes, product swaps, max routes.
    x, y, z, w = (cr.variable(v) for v in (3.0, -4.0, 2.0, -1.0))
    f = 2 * (x * y + np.maximum(z, w))
    f.backward()
    agree(f.value, -20.0)
    agree([v.grad for v in (x, y, z, w)], [-8.0, 6.0, 2.0, 0.0])

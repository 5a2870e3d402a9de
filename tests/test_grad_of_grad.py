"""Derivatives of derivatives, to depth four, and perturbations that must not be confused."""

import itertools
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14)


def pushed(f):
    """df/dx of a function of a number, by forward mode."""
    return lambda x: cr.jvp(f, (x,), (np.ones_like(x),))[1]


def linearized(f):
    return lambda x: cr.linearize(f, x)[1](np.ones_like(x))


def pulled(f):
    return lambda x: cr.vjp(f, x)[1](np.float64(1.0))[0]


MODES = {"grad": cr.grad, "jvp": pushed, "linearize": linearized, "vjp": pulled, "jacobian": cr.jacobian}


# ---- the n-th derivative ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("modes", list(itertools.product(["grad", "jvp"], repeat=4)), ids="-".join)
def test_four_derivatives_in_every_order_of_modes(modes):
    f, x = np.sin, 0.7
    for mode, expected in zip(modes, (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin), strict=True):
        f = MODES[mode](f)
        agree(f(x), expected(x))


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(MODES, repeat=2)))
def test_two_derivatives_in_every_pair_of_modes(outer, inner):
    f = lambda x: np.exp(np.sin(x)) * x
    expected = np.exp(np.sin(0.4)) * (2 * np.cos(0.4) + 0.4 * (np.cos(0.4) ** 2 - np.sin(0.4)))
    agree(MODES[outer](MODES[inner](f))(0.4), expected)


@pytest.mark.parametrize(
    ("f", "x", "derivatives"),
    [
        (lambda x: x**5, 2.0, [80.0, 160.0, 240.0, 240.0]),
        (lambda x: 1 / x, 2.0, [-1 / 4, 2 / 8, -6 / 16, 24 / 32]),
        (np.log, 2.0, [1 / 2, -1 / 4, 2 / 8, -6 / 16]),
        (np.exp, 0.5, [np.exp(0.5)] * 4),
        (np.sqrt, 4.0, [1 / 4, -1 / 32, 3 / 256, -15 / 2048]),
        (lambda x: np.sum(np.stack([x, x, x]) ** 4), 1.0, [12.0, 36.0, 72.0, 72.0]),
        (lambda x: np.prod(np.stack([x, x, x, x])), 1.0, [4.0, 12.0, 24.0, 24.0]),
        (lambda x: np.stack([x, x]) @ np.stack([x * x, x]), 1.0, [5.0, 8.0, 6.0, 0.0]),
        (lambda x: x**3 if x > 1 else x, 2.0, [12.0, 12.0, 6.0, 0.0]),
        (lambda x: np.where(x > 0, x**4, 0.0), 1.0, [4.0, 12.0, 24.0, 24.0]),
    ],
)
def test_derivatives_of_every_order(f, x, derivatives):
    for expected in derivatives:
        f = cr.grad(f)
        agree(f(x), expected)


def test_a_derivative_of_a_constant_is_zero():
    agree(cr.grad(cr.grad(lambda x: 3 * x))(1.0), 0.0)
    agree(cr.grad(cr.grad(lambda x: np.float64(2.0)))(1.0), 0.0)
    agree(cr.grad(cr.grad(lambda x: np.floor(x)))(1.5), 0.0)


def test_an_array_written_into_has_all_its_derivatives():
    def power(x):
        y = np.zeros_like(x, shape=(5,))
        y[0] = x
        for i in range(1, 5):
            y[i] = y[i - 1] * x
        return y[4]

    f = power
    for expected in (80.0, 160.0, 240.0, 240.0):
        f = cr.grad(f)
        agree(f(2.0), expected)


def test_a_number_read_through_an_ellipsis_is_still_differentiated_twice():
    agree(cr.grad(cr.grad(lambda x: x[...] ** 2 + x**3))(np.float64(1.0)), 8.0)
    agree(cr.grad(cr.grad(lambda x: x[()] * x[None][0] + x**3))(np.float64(1.0)), 8.0)


# ---- confusion of perturbations (Siskind and Pearlmutter 2005, 2019) --------------------------------------------


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(MODES, repeat=2)))
def test_a_perturbation_of_an_outer_variable_is_a_constant_inside(outer, inner):
    # d/dx (x * d/dy (x + y) at y = 1) at x = 1 is 1; who confuses dx with dy gets 2.
    D, d = MODES[outer], MODES[inner]
    agree(D(lambda x: x * d(lambda y: x + y)(np.float64(1.0)))(np.float64(1.0)), 1.0)


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(MODES, repeat=2)))
def test_a_product_of_perturbations_is_not_lost(outer, inner):
    # d/dx d/dy (x y) = 1; d/dx d/dy (x^2 y^3) = 6 x y^2; and d/dx (3 x^2 y^2 at y = x) = 12 x^3.
    D, d = MODES[outer], MODES[inner]
    agree(D(lambda x: d(lambda y: x * y)(np.float64(3.0)))(np.float64(2.0)), 1.0)
    agree(D(lambda x: d(lambda y: x**2 * y**3)(np.float64(3.0)))(np.float64(2.0)), 6 * 2 * 9)
    agree(D(lambda x: d(lambda y: x**2 * y**3)(x))(np.float64(2.0)), 12 * 2**3)


def test_the_inner_variable_may_be_the_outer_one():
    # d/dx (x d/dx' x'^2 at x' = x) = d/dx 2 x^2
    agree(cr.grad(lambda x: x * cr.grad(lambda y: y * y)(x))(3.0), 12.0)
    agree(pushed(lambda x: x * pushed(lambda y: y * y)(x))(3.0), 12.0)


def test_a_derivative_that_is_carried_out_by_a_closure():
    # Manzyuk, Pearlmutter, Radul, Rush, Siskind: a function whose derivative is a function. s(u) = f -> x -> f(x + u);
    # its derivative at 0, applied to itself twice, must give the second derivative.
    def shifted(u):
        return lambda f: lambda x: f(x + u)

    for d in (cr.grad, pushed):
        hat = lambda f, d=d: lambda x: d(lambda u: shifted(u)(f)(x))(np.float64(0.0))
        agree(hat(np.sin)(0.3), np.cos(0.3))
        agree(hat(hat(np.sin))(0.3), -np.sin(0.3))
        agree(hat(hat(hat(np.sin)))(0.3), -np.cos(0.3))


def test_three_variables_at_three_levels():
    f = lambda x: cr.grad(lambda y: cr.grad(lambda z: x * y**2 * z**3)(2.0) * y)(3.0) * x
    # d/dz = 3 x y^2 z^2 = 12 x y^2; times y: 12 x y^3; d/dy: 36 x y^2 = 324 x; times x: 324 x^2; d/dx: 648 x
    agree(cr.grad(f)(5.0), 648 * 5.0)


def test_a_loop_of_gradient_steps_is_differentiated():
    def trained(rate):
        w = 1.0
        for _ in range(3):
            w = w - rate * cr.grad(lambda w: w**2)(w)
        return w

    agree(trained(0.1), 0.8**3)
    agree(cr.grad(trained)(0.1), -2 * 3 * 0.8**2)
    agree(cr.grad(cr.grad(trained))(0.1), 4 * 3 * 2 * 0.8)


# ---- arrays -----------------------------------------------------------------------------------------------------


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    n = len(x)
    H = np.zeros((n, n))
    for i in range(n - 1):
        H[i, i] += 2 - 400 * (x[i + 1] - 3 * x[i] ** 2)
        H[i + 1, i + 1] += 200
        H[i, i + 1] += -400 * x[i]
        H[i + 1, i] += -400 * x[i]
    return H


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("inner", [cr.grad, lambda f: cr.jacobian(f, mode="forward")])
def test_the_hessian_in_every_pair_of_modes(mode, inner):
    x = np.array([0.5, -1.0, 2.0, 0.3])
    agree(cr.jacobian(inner(rosenbrock), mode=mode)(x), rosenbrock_hessian(x))
    agree(cr.hessian(rosenbrock)(x), rosenbrock_hessian(x))


def test_third_and_fourth_derivatives_of_arrays_are_symmetric_in_all_axes():
    f = lambda x: np.sum(np.sin(x) * np.prod(x)) + np.tanh(x @ x)
    x = np.array([0.3, 0.8, -0.5])
    third = cr.jacobian(cr.hessian(f))(x)
    fourth = cr.hessian(lambda x: cr.jacobian(cr.grad(f))(x)[0, 1])(x)
    for axes in itertools.permutations(range(3)):
        agree(np.transpose(third, axes), third, rtol=1e-9)
    assert third.shape == (3, 3, 3)
    agree(fourth, np.swapaxes(fourth, 0, 1), rtol=1e-9)
    h = 1e-5
    step = np.array([h, 0, 0])
    agree(third[..., 0], (cr.hessian(f)(x + step) - cr.hessian(f)(x - step)) / (2 * h), rtol=1e-6)


def test_grad_of_a_function_of_a_gradient_penalises_it():
    # Of the critic f(x) = tanh(w x) the penalty (|df/dx| - 1)^2, differentiated by w.
    x = np.array([0.3, -0.4])

    def penalty(w):
        gradient = cr.grad(lambda x: np.tanh(w @ x))(x)
        return (np.sqrt(gradient @ gradient) - 1) ** 2

    w, h = np.array([0.5, 1.5]), 1e-6
    numeric = [(penalty(w + e) - penalty(w - e)) / (2 * h) for e in np.eye(2) * h]
    agree(cr.grad(penalty)(w), numeric, rtol=1e-8)


def test_value_and_grad_of_value_and_grad():
    (value, slope), second = cr.value_and_grad(lambda x: cr.grad(np.sin)(x), has_aux=False)(0.3), None
    agree(value, np.cos(0.3))
    agree(slope, -np.sin(0.3))
    (y, aux), second = cr.value_and_grad(lambda x: cr.value_and_grad(np.sin)(x), has_aux=True)(0.3)
    agree([y, aux, second], [np.sin(0.3), np.cos(0.3), np.cos(0.3)])


def test_a_complex_function_twice():
    # f(z) = |z|^4: df = 4 |z|^2 z as a gradient; the gradient of its real part's sum is again real analytic.
    f = lambda z: np.abs(z) ** 4
    z = 0.6 - 0.3j
    agree(cr.grad(f)(z), 4 * abs(z) ** 2 * z)
    inner = lambda z: np.real(cr.grad(f)(z))  # 4 (x^2 + y^2) x
    agree(cr.grad(inner)(z), 12 * z.real**2 + 4 * z.imag**2 + 8j * z.real * z.imag)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays_through_two_derivatives(dtype):
    x = np.array([0.5, 1.5], dtype)
    assert cr.grad(lambda x: np.sum(cr.grad(lambda x: np.sum(x**3))(x)))(x).dtype == dtype
    assert cr.hessian(lambda x: np.sum(x**3))(x).dtype == dtype


def test_a_leaked_variable_of_the_inner_level_is_an_error():
    kept = []

    def f(x):
        cr.grad(lambda y: kept.append(y) or y * x)(1.0)
        return kept[0] * x

    with pytest.raises(cr.LeakedTracerError, match="stor"):
        cr.grad(f)(2.0)

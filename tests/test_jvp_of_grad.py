"""Forward over reverse, reverse over forward: products of Hessians with vectors, and what they must agree on."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-11, atol=1e-13)


def loss(w, x):
    h = np.tanh(x @ w["in"] + w["bias"])
    return np.mean((h @ w["out"]) ** 2) + 0.1 * np.sum(w["in"] ** 2)


def example():
    r = np.random.default_rng(0)
    w = {"in": r.normal(size=(3, 4)), "bias": r.normal(size=4), "out": r.normal(size=(4, 2))}
    v = {k: r.normal(size=a.shape) for k, a in w.items()}
    return w, v, r.normal(size=(5, 3))


def dot(a, b):
    return sum(np.sum(a[k] * b[k]) for k in a)


def products(f, w, v):
    """The Hessian of f at w times v, in every way."""
    yield "hvp", cr.hvp(f)(w, v)
    yield "jvp of grad", cr.jvp(cr.grad(f), (w,), (v,))[1]
    yield "grad of jvp", cr.grad(lambda w: cr.jvp(f, (w,), (v,))[1])(w)
    yield "grad of grad", cr.grad(lambda w: dot(cr.grad(f)(w), v))(w)
    yield "linearize of grad", cr.linearize(cr.grad(f), w)[1](v)
    yield "vjp of grad", cr.vjp(cr.grad(f), w)[1](v)[0]
    yield "vjp of linearize", cr.vjp(lambda w: cr.linearize(f, w)[1](v), w)[1](1.0)[0]
    yield "jvp of vjp", cr.jvp(lambda w: cr.vjp(f, w)[1](1.0)[0], (w,), (v,))[1]
    yield "jvp of the recorded grad", cr.jvp(cr.record(cr.grad(f), w), (w,), (v,))[1]
    yield "the recorded hvp", cr.record(cr.hvp(f), w, v)(w, v)


def test_every_way_to_a_hessian_vector_product():
    w, v, x = example()
    f = lambda w: loss(w, x)
    h = 1e-4
    up, down, up2, down2 = (cr.grad(f)({k: a + s * h * v[k] for k, a in w.items()}) for s in (1, -1, 2, -2))
    numeric = {k: (8 * (up[k] - down[k]) - (up2[k] - down2[k])) / (12 * h) for k in w}
    for name, found in products(f, w, v):
        assert found.keys() == w.keys(), name
        for k in w:
            agree(found[k], numeric[k], rtol=1e-8, atol=1e-9, err_msg=name)


def test_the_product_is_that_of_the_hessian():
    w, v, x = example()
    f = lambda w: loss({"in": w, "bias": example()[0]["bias"], "out": example()[0]["out"]}, x)
    H = cr.hessian(f)(w["in"])
    assert H.shape == (3, 4, 3, 4)
    agree(cr.hvp(f)(w["in"], v["in"]), np.tensordot(H, v["in"], 2))
    agree(H, np.transpose(H, (2, 3, 0, 1)))


@pytest.mark.parametrize("position", [0, 1])
def test_hvp_by_argnums(position):
    f = lambda a, b, scale: scale * np.sum(np.sin(a) * b**3)
    a, b, v = np.array([0.3, 0.7]), np.array([1.0, 2.0]), np.array([1.0, -1.0])
    found = cr.hvp(f, argnums=position)(a, b, 2.0, v)
    agree(found, 2 * (-np.sin(a) * b**3 * v if position == 0 else 6 * np.sin(a) * b * v))


def test_hvp_takes_keywords():
    agree(cr.hvp(lambda x, *, power: np.sum(x**power))(np.array([2.0]), np.array([1.0]), power=3), [12.0])


def test_jvp_of_grad_of_a_vector_function_through_vjp():
    # sum_k ct_k Hess f_k v
    f = lambda x: np.stack([x[0] ** 2 * x[1], np.sin(x[1])])
    x, v, ct = np.array([1.0, 2.0]), np.array([0.5, -1.0]), np.array([3.0, 4.0])
    found = cr.jvp(lambda x: cr.vjp(f, x)[1](ct)[0], (x,), (v,))[1]
    H = 3 * np.array([[2 * x[1], 2 * x[0]], [2 * x[0], 0]]) + 4 * np.array([[0, 0], [0, -np.sin(x[1])]])
    agree(found, H @ v)


def test_a_pullback_may_be_differentiated_in_its_cotangent():
    x, ct, t = np.array([0.3, 0.4]), np.array([1.0, 2.0]), np.array([5.0, 6.0])
    _, pullback = cr.vjp(np.sin, x)
    agree(cr.jvp(lambda ct: pullback(ct)[0], (ct,), (t,))[1], np.cos(x) * t)
    agree(cr.grad(lambda ct: np.sum(pullback(ct)[0] ** 2))(ct), 2 * np.cos(x) ** 2 * ct)


def test_a_push_may_be_differentiated_in_its_tangent():
    x, t = np.array([0.3, 0.4]), np.array([5.0, 6.0])
    _, push = cr.linearize(np.sin, x)
    agree(cr.grad(lambda t: np.sum(push(t) ** 2))(t), 2 * np.cos(x) ** 2 * t)


def test_gauss_newton_products_combine_all_three():
    # J^T H J v, the curvature of a loss after a model.
    r = np.random.default_rng(1)
    A, w, v = r.normal(size=(4, 3)), r.normal(size=3), r.normal(size=3)
    model, objective = (lambda w: np.tanh(A @ w)), (lambda y: np.sum(y**4))
    y, push = cr.linearize(model, w)
    _, pullback = cr.vjp(model, w)
    (found,) = pullback(cr.hvp(objective)(y, push(v)))
    J = cr.jacobian(model)(w)
    agree(found, J.T @ (12 * y**2 * (J @ v)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_the_product_has_the_dtype_of_the_argument(dtype):
    x = np.array([0.5, 1.5]).astype(dtype)
    f = lambda x: np.sum(np.abs(x) ** 4)
    found = cr.hvp(f)(x, np.ones_like(x))
    assert found.dtype == dtype
    agree(found, [12 * 0.5**2, 12 * 1.5**2], rtol=1e-5)


def test_the_product_for_complex_numbers_is_the_derivative_of_the_gradient():
    f = lambda z: np.sum(np.abs(z) ** 4) + np.sum(np.real(z**3))
    z, v, h = np.array([0.4 - 0.8j, 1.0 + 0.1j]), np.array([0.3 + 1j, -2.0 + 0.5j]), 1e-5
    numeric = (cr.grad(f)(z + h * v) - cr.grad(f)(z - h * v)) / (2 * h)
    agree(cr.hvp(f)(z, v), numeric, rtol=1e-8)
    agree(cr.grad(lambda z: np.real(np.vdot(v, cr.grad(f)(z))))(z), numeric, rtol=1e-8)


def test_errors_name_the_function():
    with pytest.raises(TypeError, match=r"hvp\(f\)\(x, v\)"):
        cr.hvp(np.sum)(np.ones(2))
    with pytest.raises(ValueError, match="shape"):
        cr.hvp(lambda x: np.sum(x**2))(np.ones(2), np.ones(3))

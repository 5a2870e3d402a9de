"""Rules that users write, in every transform and to every order."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr
from chainrule.testing import check_rules

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14)

X = np.array([0.3, -1.2, 2.0])


def plain(x):
    return 1 / (1 + np.exp(-x))


def with_vjp():
    f = cr.custom(plain)
    f.defvjp(lambda ct, y, x: (ct * y * (1 - y),))
    return f


def with_jvp():
    f = cr.custom(plain)
    f.defjvp(lambda tangents, y, x: tangents[0] * y * (1 - y))
    return f


def with_both():
    f = with_vjp()
    f.defjvp(lambda tangents, y, x: tangents[0] * y * (1 - y))
    return f


def with_operations():
    """A rule that is written in operations of x, not of y."""
    f = cr.custom(plain)
    f.defvjp(lambda ct, y, x: (ct * np.exp(-x) / (1 + np.exp(-x)) ** 2,))
    return f


RULES = [with_vjp, with_jvp, with_both, with_operations, lambda: cr.custom(plain)]
TRANSFORMS = {
    "grad": lambda f: cr.grad(lambda x: np.sum(f(x) ** 2)),
    "jvp": lambda f: lambda x: cr.jvp(f, (x,), (np.cos(x),))[1],
    "linearize": lambda f: lambda x: cr.linearize(f, x)[1](np.cos(x)),
    "jacobian forward": lambda f: cr.jacobian(f, mode="forward"),
    "jacobian reverse": lambda f: cr.jacobian(f, mode="reverse"),
    "hessian": lambda f: cr.hessian(lambda x: np.sum(f(x) ** 3)),
    "grad of grad": lambda f: cr.grad(lambda x: cr.grad(lambda x: np.sum(f(x) ** 2))(x) @ x),
    "grad of jvp": lambda f: cr.grad(lambda x: np.sum(cr.jvp(f, (x,), (x,))[1])),
    "jvp of jvp": lambda f: lambda x: cr.jvp(lambda x: cr.jvp(f, (x,), (x,))[1], (x,), (np.cos(x),))[1],
    "vmap": lambda f: lambda x: cr.vmap(f)(np.stack([x, 2 * x])),
    "vmap of grad": lambda f: lambda x: cr.vmap(cr.grad(lambda x: np.sum(f(x))))(np.stack([x, 2 * x])),
    "vmap of jvp": lambda f: lambda x: cr.vmap(lambda x: cr.jvp(f, (x,), (x,))[1])(np.stack([x, 2 * x])),
    "grad of vmap": lambda f: cr.grad(lambda x: np.sum(cr.vmap(f)(np.stack([x, x * x])))),
    "jvp of vmap": lambda f: lambda x: cr.jvp(lambda x: cr.vmap(f)(np.stack([x, x * x])), (x,), (x,))[1],
    "vmap of vmap": lambda f: lambda x: cr.vmap(cr.vmap(f))(np.stack([x, 2 * x])),
    "hessian of vmap": lambda f: cr.hessian(lambda x: np.sum(cr.vmap(f)(np.stack([x, x * x])))),
    "record": lambda f: lambda x: cr.record(f, x)(2 * x),
    "record of grad": lambda f: lambda x: cr.record(cr.grad(lambda x: np.sum(f(x))), x)(2 * x),
    "grad of record": lambda f: lambda x: cr.grad(lambda y: np.sum(cr.record(f, x)(y)))(2 * x),
    "checkpoint": lambda f: cr.grad(cr.checkpoint(lambda x: np.sum(f(f(x)) ** 2))),
    "fourth": lambda f: lambda x: cr.hessian(lambda x: cr.hessian(lambda x: np.sum(f(x)))(x)[0, 0])(x),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("rule", RULES, ids=["vjp", "jvp", "both", "operations", "none"])
def test_every_rule_in_every_transform(rule, name):
    transform = TRANSFORMS[name]
    agree(transform(rule())(X), transform(plain)(X), rtol=1e-11)


@pytest.mark.parametrize("rule", RULES, ids=["vjp", "jvp", "both", "operations", "none"])
def test_all_columns_hold(rule):
    check_rules(rule(), X)


def test_the_rule_is_used_and_not_the_operations():
    f = cr.custom(lambda x: x**2)
    f.defvjp(lambda ct, y, x: (ct * 100.0,))
    assert cr.grad(f)(3.0) == 100.0
    assert cr.jvp(f, (3.0,), (1.0,))[1] == 100.0
    assert cr.vmap(cr.grad(f))(np.ones(2)).tolist() == [100.0, 100.0]
    f.defjvp(lambda tangents, y, x: tangents[0] * 7.0)
    assert (cr.grad(f)(3.0), cr.jvp(f, (3.0,), (1.0,))[1]) == (100.0, 7.0)


def test_several_arguments_and_results():
    @cr.custom
    def polar(r, phi):
        return r * np.cos(phi), r * np.sin(phi)

    @polar.defvjp
    def back(ct, y, r, phi):
        cx, cy = ct
        x, y = y
        return cx * np.cos(phi) + cy * np.sin(phi), -cx * y + cy * x

    check_rules(polar, np.array([1.0, 2.0]), np.array([0.3, 0.4]))
    f = lambda r, phi: np.sum(polar(r, phi)[0] * polar(r, phi)[1] ** 2)
    g = lambda r, phi: np.sum(r * np.cos(phi) * (r * np.sin(phi)) ** 2)
    args = np.array([1.0, 2.0]), np.array([0.3, 0.4])
    for found, expected in zip(cr.grad(f, (0, 1))(*args), cr.grad(g, (0, 1))(*args), strict=True):
        agree(found, expected)


def test_an_argument_that_gets_none():
    f = cr.custom(lambda x, n: x**n)
    f.defvjp(lambda ct, y, x, n: (ct * n * x ** (n - 1), None))
    agree(cr.grad(lambda x: f(x, 3))(2.0), 12.0)
    gx, gn = cr.grad(f, (0, 1))(2.0, 3.0)
    agree([gx, gn], [12.0, 0.0])
    agree(cr.jvp(f, (2.0, 3.0), (1.0, 1.0))[1], 12.0)  # bugs.md
    agree(cr.vmap(cr.grad(f), (0, None))(np.array([2.0, 3.0]), 3.0), [12.0, 27.0])


def test_arguments_that_are_no_arrays():
    @cr.custom
    def f(x, kind, options):
        return x * 2 if kind == "double" else x * options["factor"]

    @f.defvjp
    def back(ct, y, x, kind, options):
        return ct * (2 if kind == "double" else options["factor"]), None, None

    agree(cr.grad(lambda x: f(x, "double", {"factor": 5.0}))(1.0), 2.0)
    agree(cr.grad(lambda x: f(x, "other", {"factor": 5.0}))(1.0), 5.0)
    agree(cr.vmap(lambda x: f(x, "other", {"factor": 5.0}))(X), 5 * X)


def test_keywords_are_constants_that_rules_receive():
    @cr.custom
    def f(x, *, power):
        return x**power

    @f.defvjp
    def back(ct, y, x, *, power):
        return (ct * power * x ** (power - 1),)

    agree(cr.grad(lambda x: f(x, power=3))(2.0), 12.0)
    agree(cr.hessian(lambda x: f(x, power=3))(np.float64(2.0)), 12.0)


def test_trees_of_arguments_and_results():
    @cr.custom
    def f(p):
        return {"out": [p["a"] * p["b"], np.sum(p["a"])]}

    @f.defvjp
    def back(ct, y, p):
        c, s = ct["out"]
        return ({"a": c * p["b"] + s, "b": c * p["a"]},)

    p = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    check_rules(f, p)
    found = cr.grad(lambda p: np.sum(f(p)["out"][0]) + 10 * f(p)["out"][1])(p)
    agree(found["a"], [13.0, 14.0])
    agree(found["b"], [1.0, 2.0])


def test_a_rule_may_use_a_transform():
    # The square root by Newton's method, differentiated by the implicit function theorem.
    @cr.custom
    def root(x):
        y = x
        for _ in range(60):
            y = (y + x / y) / 2
        return y

    residual = lambda y, x: y * y - x

    @root.defvjp
    def back(ct, y, x):
        dy, dx = cr.grad(residual, (0, 1))(y, x)
        return (-ct * dx / dy,)

    f = root
    for expected in (1 / 6, -1 / 108, 3 / 8 * 9.0**-2.5):
        f = cr.grad(f)
        agree(f(9.0), expected)


def test_a_custom_function_within_a_custom_function():
    inner = with_vjp()
    outer = cr.custom(lambda x: inner(x) ** 2)
    outer.defvjp(lambda ct, y, x: (ct * 2 * inner(x) * inner(x) * (1 - inner(x)),))
    for name, transform in TRANSFORMS.items():
        agree(transform(outer)(X), transform(lambda x: plain(x) ** 2)(X), rtol=1e-11, err_msg=name)


def test_gradient_clipping_as_a_rule():
    @cr.custom
    def clipped(x):
        return x

    @clipped.defvjp
    def back(ct, y, x):
        return (np.clip(ct, -1, 1),)

    agree(cr.grad(lambda x: np.sum(clipped(x) * np.array([0.5, 5.0, -5.0])))(X), [0.5, 1.0, -1.0])


def test_complex_rules():
    f = cr.custom(lambda z: np.exp(z))
    f.defvjp(lambda ct, y, z: (ct * np.conj(y),))
    check_rules(f, np.array([0.3 + 0.4j, -1.0 + 2j]))


def test_a_custom_function_that_calls_out_of_python():
    # What NumPy's protocols cannot see: the rule is all there is.
    import math

    f = cr.custom(lambda x: np.asarray(math.gamma(float(x))))
    f.defvjp(lambda ct, y, x: (ct * y * 0.4227843350984671,))  # the digamma function at 2
    agree(cr.grad(f)(2.0), 0.4227843350984671)


# ---- errors -----------------------------------------------------------------------------------------------------


def test_a_closed_over_tracer_is_an_error():
    def outer(x):
        f = cr.custom(lambda y: x * y)
        f.defvjp(lambda ct, out, y: (ct,))
        return f(x * 2)

    with pytest.raises(cr.LeakedTracerError, match="as an argument"):
        cr.grad(outer)(1.0)


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda ct, y, x: ct, TypeError, "must return a tuple"),
        (lambda ct, y, x: (ct, ct), TypeError, "each of its 1 arguments"),
        (lambda ct, y, x: (np.sum(ct),), ValueError, "shape"),
        (lambda ct, y, x: ([ct],), ValueError, "structure"),
    ],
)
def test_a_wrong_result_of_a_rule_is_named(rule, error, message):
    f = cr.custom(lambda x: x * 2)
    f.defvjp(rule)
    with pytest.raises(error, match=message):
        cr.grad(lambda x: np.sum(f(x)))(X)


def test_a_wrong_tangent_is_named():
    f = cr.custom(lambda x: x * 2)
    f.defjvp(lambda tangents, y, x: np.sum(tangents[0]))
    with pytest.raises(ValueError, match="shape"):
        cr.jvp(f, (X,), (X,))

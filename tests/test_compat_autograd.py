"""HIPS autograd's names and meanings: every name is there or refused, and the answers are autograd's own."""

import importlib
import inspect
import warnings
from typing import Any

import numpy as np
import optree
import pytest

import autograd_answers
import chainrule as cr
import chainrule.compat.autograd.numpy as anp
from autograd_names import NAMES, OF_DISTRIBUTIONS
from chainrule.compat import autograd
from chainrule.compat.autograd.extend import defjvp, defjvp_argnums, defvjp, primitive, vspace
from chainrule.compat.autograd.misc import const_graph, flatten
from chainrule.compat.autograd.refused import REFUSED, reasons
from chainrule.compat.autograd.test_util import check_equivalent, check_grads, check_jvp, check_vjp, combo_check
from chainrule.compat.autograd.tracer import getval, isbox

HOME = "chainrule.compat."


# ---- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", NAMES)
def test_every_name_is_there_or_refused_with_a_reason(module):
    ours = importlib.import_module(HOME + module)
    refused = reasons(module.removeprefix("autograd."))
    absent = {n for names in OF_DISTRIBUTIONS.get(module, {}) for n in names.split()}
    for name in NAMES[module].split():
        if name in refused:
            with pytest.raises(cr.MissingRuleError, match=rf"{module}\.{name} "):
                getattr(ours, name)
        elif name in absent:
            assert not hasattr(ours, name), f"{module}.{name} is there after all"
        else:
            assert hasattr(ours, name), f"{module}.{name}"


def test_nothing_is_refused_that_autograd_does_not_have():
    for module in REFUSED:
        assert reasons(module).keys() <= set(NAMES[f"autograd.{module}"].split()), module
    for module, names in OF_DISTRIBUTIONS.items():
        assert set(" ".join(names).split()) <= set(NAMES[module].split()), module


@pytest.mark.parametrize("module", ["numpy", "numpy.fft", "numpy.linalg", "numpy.random", "scipy.linalg"])
def test_the_namespaces_are_chainrules_and_have_all_that_numpy_and_scipy_have(module):
    ours, chainrules = (importlib.import_module(f"{home}.{module}") for home in (f"{HOME}autograd", "chainrule"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated names
        for name in dir(importlib.import_module(module)):
            value = getattr(chainrules, name)
            if not name.startswith("_") and not inspect.ismodule(value):
                assert getattr(ours, name) is value, name
    assert dir(ours) == dir(chainrules)


def test_what_has_no_such_name_says_so():
    extend = importlib.import_module(HOME + "autograd.extend")
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        extend.nonsense  # noqa: B018
    with pytest.raises(cr.MissingRuleError, match="isbox"):
        from chainrule.compat.autograd.extend import Box  # noqa: F401


# ---- answers ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def names():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return autograd_answers.namespace(HOME + "autograd")


@pytest.mark.parametrize("expression", autograd_answers.ANSWERS)
def test_the_answer_is_autograds(expression, names):
    ours: Any = autograd_answers.plain(eval(expression, names))
    leaves, structure = optree.tree_flatten(ours)
    expected, expected_structure = optree.tree_flatten(autograd_answers.ANSWERS[expression])
    assert structure == expected_structure
    tolerance = 1e-6 if "decay" in expression or "swing" in expression else 1e-9
    for found, answer in zip(leaves, expected, strict=True):
        if isinstance(answer, float | complex | np.ndarray):
            assert (type(found), np.shape(found)) == (type(answer), np.shape(answer))
            np.testing.assert_allclose(found, answer, rtol=tolerance, atol=1e-12)
        else:
            assert found == answer


# ---- what is not autograd's answer, by intention ----------------------------------------------------------------


def test_derivatives_of_complex_functions_in_forward_mode_are_along_the_real_axis():
    z = 1 + 2j
    assert autograd.deriv(lambda z: z**2)(z) == 2 * z  # autograd: 2 * z * (1 + 1j)


def test_jacobians_of_complex_results():
    z = np.array([1 + 2j, 3.0])
    np.testing.assert_allclose(autograd.jacobian(lambda z: z**2)(z), np.diag(2 * z))  # autograd: ValueError
    np.testing.assert_allclose(autograd.jacobian(lambda x: 1j * x)(np.ones(2)), 1j * np.eye(2))


def test_jacobians_of_real_results_by_complex_arguments_are_rows_of_gradients():
    z = np.array([1 + 2j, 3.0])
    np.testing.assert_allclose(autograd.jacobian(lambda z: np.abs(z) ** 2)(z), np.diag(2 * np.conjugate(z)))
    np.testing.assert_allclose(autograd.jacobian(lambda z: np.sum(np.imag(z)))(z), [-1j, -1j])


def test_all_containers_are_differentiated_in_both_modes():
    x = np.array([1.0, 2.0])
    f = lambda p: [p["x"] ** 2, {"y": p["x"][0]}]
    vjp, y = autograd.make_vjp(f)({"x": x})
    np.testing.assert_array_equal(vjp([np.ones(2), {"y": 3.0}])["x"], 2 * x + [3, 0])
    (square, _), (tangent, of_y) = autograd.make_jvp(f)({"x": x})({"x": x})
    np.testing.assert_array_equal(square, y[0])
    np.testing.assert_array_equal(tangent, 2 * x**2)
    assert of_y == {"y": 1.0}


def test_gradients_with_respect_to_all_arguments_by_name():
    def f(a, *rest, b=2.0, **options):
        return a**2 * rest[0] * b * options["c"]

    assert autograd.multigrad_dict(f)(3.0, 5.0, c=7.0) == {
        "a": 420.0,
        "rest": (126.0,),
        "b": 315.0,
        "options": {"c": 90.0},
    }


def test_one_rule_is_enough_for_both_modes():
    back = primitive(lambda x: x**3)
    defvjp(back, lambda ans, x: lambda g: 3 * g * x**2)
    forth = primitive(lambda x: x**3)
    defjvp(forth, lambda g, ans, x: 3 * g * x**2)
    x = np.array([1.0, -2.0])
    for f in (back, forth):
        np.testing.assert_allclose(autograd.deriv(f)(x), 3 * x**2)
        np.testing.assert_allclose(autograd.elementwise_grad(f)(x), 3 * x**2)
        check_grads(f, modes=["fwd", "rev"], order=2)(x)
        np.testing.assert_allclose(cr.vmap(cr.grad(lambda x, f=f: f(x)))(x), 3 * x**2)


# ---- primitives -------------------------------------------------------------------------------------------------


def test_arguments_that_are_not_differentiated_may_be_anything():
    @primitive
    def apply(f, x, times, label=None):
        for _ in range(times):
            x = f(x)
        return x

    defvjp(apply, lambda ans, f, x, times, label=None: lambda g: g * times, argnums=[1])
    defjvp(apply, lambda g, ans, f, x, times, label=None: g * times, argnums=[1])
    assert autograd.grad(lambda x: apply(lambda v: v + 1, x, 3, label="text"))(2.0) == 3.0
    assert autograd.deriv(lambda x: apply(lambda v: v + 1, x, 3, label="text"))(2.0) == 3.0
    assert apply(abs, -1.0, 1) == 1.0


def test_primitives_as_methods():
    class Scale:
        factor = 3.0

        @primitive
        def __call__(self, x):
            return self.factor * x

    defvjp(Scale.__call__, None, lambda ans, self, x: lambda g: g * self.factor)
    assert autograd.grad(Scale())(2.0) == 3.0


def test_a_missing_rule_is_named():
    f = primitive(lambda a, b: a * b)
    f.__name__ = "product"
    with pytest.raises(NotImplementedError, match=r"VJP of product wrt argnums \(0,\) not defined"):
        autograd.grad(f)(1.0, 2.0)
    defvjp(f, lambda ans, a, b: lambda g: g * b)
    assert autograd.grad(f)(1.0, 2.0) == 2.0
    with pytest.raises(NotImplementedError, match="VJP of product wrt argnum 1 not defined"):
        autograd.grad(f, 1)(1.0, 2.0)
    g = primitive(lambda a, b: a * b)
    g.__name__ = "product"
    defjvp(g, lambda g, ans, a, b: g * b)
    with pytest.raises(NotImplementedError, match="JVP of product wrt argnum 1 not defined"):
        autograd.make_jvp(g, 1)(1.0, 2.0)(1.0)


def test_what_is_no_rule_or_no_primitive_is_refused():
    f = primitive(lambda x: x)
    with pytest.raises(TypeError, match="Bad VJP '3' for"):
        defvjp(f, 3)
    with pytest.raises(TypeError, match="Bad JVP 'other' for"):
        defjvp(f, "other")
    with pytest.raises(TypeError, match=r"sin is no primitive; make one, f = primitive\(sin\)"):
        defvjp(np.sin, lambda ans, x: lambda g: g)
    with pytest.raises(TypeError, match="defjvp_argnums: sin is no primitive"):
        defjvp(np.sin, "same")
    with pytest.raises(TypeError, match="defjvp_argnums"):
        defjvp_argnums(np.sin, print)


def test_rules_that_are_zero_and_rules_that_are_the_function():
    f = primitive(lambda a, b: a * np.floor(b))
    defvjp(f, lambda ans, a, b: lambda g: g * np.floor(b), None)
    defjvp(f, "same", None)
    assert autograd.grad(f, (0, 1))(2.0, 3.5) == (3.0, 0.0)
    assert autograd.make_jvp(f, (0, 1))(2.0, 3.5)((1.0, 1.0)) == (6.0, 3.0)
    assert autograd.make_jvp(f, 1)(2.0, 3.5)(1.0) == (6.0, 0.0)


# ---- values -----------------------------------------------------------------------------------------------------


def test_traced_values_and_their_types():
    seen = []

    def f(x, y):
        seen.append((isbox(x), isbox(y), type(getval(x)), getval({"a": [x]})["a"][0].tolist()))
        seen.append((autograd.isinstance(x, np.ndarray), autograd.type(x), autograd.isinstance(x, tuple)))
        return anp.sum(x)

    autograd.grad(f)(np.ones(2), np.ones(2))
    autograd.make_jvp(f)(np.ones(2), np.ones(2))(np.ones(2))
    assert seen == [(True, False, np.ndarray, [1.0, 1.0]), (True, np.ndarray, False)] * 2
    assert not any(map(isbox, (1.0, np.float64(1.0), [1.0], None, "text", print)))


def test_arrays_that_can_be_filled_are_arrays():
    a = anp.zeros(2)
    assert not isbox(a)
    assert autograd.isinstance(a, np.ndarray)
    assert autograd.type(a) is np.ndarray
    without_rule = primitive(lambda x: x + 1)
    np.testing.assert_array_equal(without_rule(a), [1, 1])
    filled = primitive(lambda x: anp.array([x, 2 * x]))
    defvjp(filled, lambda ans, x: lambda g: g[0] + 2 * g[1])
    assert autograd.grad(lambda x: anp.sum(filled(x)))(1.0) == 3.0


def test_vector_spaces():
    space = vspace({"a": np.ones((2, 2)), "b": (1 + 1j,)})
    assert (space.size, space.iscomplex) == (6, True)
    assert space.shape == {"a": (2, 2), "b": ((),)}
    assert space == vspace(space.randn()) != vspace({"a": np.ones((2, 2)), "b": (1.0,)})
    assert len({space, vspace(space.zeros())}) == 1
    v = space.randn()
    assert np.isclose(space.inner_prod(v, v), sum(space.inner_prod(v, e) ** 2 for e in space.standard_basis()))
    assert space.covector(v)["b"][0] == np.conj(v["b"][0])
    np.testing.assert_array_equal(space.add(v, space.scalar_mul(v, -1.0))["a"], np.zeros((2, 2)))
    assert repr(vspace(np.ones(3))) == "VSpace(float64[3])"
    with pytest.raises(TypeError, match="3 is no floating point number"):
        vspace([1.0, 3])
    with pytest.raises(cr.MissingRuleError, match="dataclass"):
        type(space).register(complex)


# ---- errors -----------------------------------------------------------------------------------------------------


def test_gradients_of_what_is_no_single_real_number():
    for op in (autograd.grad, autograd.value_and_grad):
        with pytest.raises(TypeError, match=r"single real number.*jacobian.*returned VSpace\(float64\[2\]\)"):
            op(lambda x: x)(np.ones(2))
        with pytest.raises(TypeError, match=r"holomorphic_grad; this one returned VSpace\(complex128\[\]\)"):
            op(lambda z: z)(1j)
    with pytest.raises(TypeError, match="must return real numbers"):
        autograd.elementwise_grad(lambda z: z)(np.ones(2) * 1j)


def test_integers_are_not_differentiated():
    for x in (3, np.arange(3)):
        with pytest.raises(TypeError, match="floating point"):
            autograd.grad(lambda x: anp.sum(x**2))(x)


def test_wrong_argnums():
    with pytest.raises(TypeError, match="argnum is an integer or a tuple of them; got 'x'"):
        autograd.grad(lambda x: x, "x")(1.0)
    with pytest.raises(IndexError):
        autograd.grad(lambda x: x, 1)(1.0)
    with pytest.raises(ValueError, match="is not in list"):
        autograd.grad_named(lambda x: x, "y")


def test_a_real_argument_of_holomorphic_grad_is_warned_of():
    with pytest.warns(UserWarning, match="not complex"):
        assert autograd.holomorphic_grad(lambda z: z**3)(2.0) == 12.0


def test_what_cannot_be_flattened_or_made_of_a_vector():
    with pytest.raises(ValueError, match=r"a vector of 4 numbers is needed; its shape is \(3,\)"):
        flatten([np.ones(3), 1.0])[1](np.ones(3))


def test_a_recorded_function_refuses_other_shapes():
    f = const_graph(lambda x: anp.sum(x**2))
    assert f(np.ones(2)) == 2.0
    with pytest.raises(ValueError, match="shape"):
        f(np.ones(3))


# ---- checks -----------------------------------------------------------------------------------------------------


@primitive
def wrong(x):
    return x**2


defvjp(wrong, lambda ans, x: lambda g: 3 * g * x)
defjvp(wrong, lambda g, ans, x: 3 * g * x)


def test_wrong_rules_are_found():
    x = np.array([1.0, 2.0])
    with pytest.raises(AssertionError, match=r"Derivative \(VJP\) check of wrong failed with arg"):
        check_vjp(wrong, x)
    with pytest.raises(AssertionError, match="Value mismatch"):
        check_jvp(wrong, x)
    for modes in (["fwd"], ["rev"]):
        with pytest.raises(AssertionError):
            check_grads(wrong, modes=modes, order=1)(x)
    with pytest.raises(ValueError, match="modes are"):
        check_grads(np.sin, modes=["back"])(x)


def test_right_rules_pass():
    x = np.array([0.5, 2.0])
    check_grads(lambda x, y: {"a": x * y, "b": (np.exp(1j * x),)}, argnum=(0, 1))(x, 3.0)
    check_grads(lambda z: np.exp(z) * np.abs(z))(x + 1j)
    combo_check(np.sum, modes=["rev"])([x, np.ones((2, 2))], axis=[None, 0], keepdims=[True, False])


def test_things_that_are_alike():
    check_equivalent({"a": np.ones(2)}, {"a": np.ones(2)})
    with pytest.raises(AssertionError, match="VSpace mismatch"):
        check_equivalent(np.ones(2), np.ones(3))

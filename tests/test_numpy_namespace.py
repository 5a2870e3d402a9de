"""chainrule.numpy and cr.patch_numpy: what NumPy's protocols cannot hand over."""

import copy
import inspect
import pickle
import threading
import types

import numpy
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.numpy import Buffer, creation, functional
from chainrule.testing import check_rules

T = np.array([0.3, 1.7, -0.4])

# ---- arrays of traced values --------------------------------------------------------------------------------------

MADE = {
    "array": lambda t: cnp.array([[t[0], 2.0], [t[1] * t[2], t[0]]]),
    "array of arrays": lambda t: cnp.array([t, t**2, np.ones(3)]),
    "array with dtype": lambda t: cnp.array([t[0], t[1]], dtype=complex) * 1j,
    "array with ndmin": lambda t: cnp.array(t[0], ndmin=3),
    "asarray": lambda t: cnp.asarray([t[0], t[1]]) * cnp.asarray(t[:2]),
    "ascontiguousarray": lambda t: cnp.ascontiguousarray(t[::-1]) + cnp.asfortranarray(t) * cnp.require(t),
    "asarray_chkfinite": lambda t: cnp.asarray_chkfinite(t) ** 2,
    "full": lambda t: cnp.full((2, 3), t) + cnp.full(3, t[0]),
    "full_like": lambda t: cnp.full_like(np.ones((2, 2)), t[1]),
    "r_": lambda t: cnp.r_[t, 1:3, t[0], 0:1:3j, [t[1], 5]],
    "r_ in two axes": lambda t: cnp.r_["0,2", t, t**2, np.ones((1, 3))],
    "r_ with columns": lambda t: cnp.r_["1,2,0", t, t**2],
    "r_ of traced steps": lambda t: cnp.r_[t[0] : t[1] : 4j, 2],
    "c_": lambda t: cnp.c_[t, t**2, np.ones(3)],
    "fromiter": lambda t: cnp.fromiter((t[0] * k for k in range(4)), float),
    "diag": lambda t: cnp.diag(t) @ cnp.diagflat(t),
    "arange": lambda t: cnp.arange(t[0], t[1], 0.5),
    "linspace": lambda t: cnp.linspace(t[0], t[1], 5),
    "logspace": lambda t: cnp.logspace(t[0], t[1], 3) + cnp.geomspace(t[0], t[1], 3),
    "vectorize": lambda t: cnp.vectorize(lambda a, b: a * b if a > 0 else a - b)(t, t[:, None]),
    "vectorize, two results": lambda t: cnp.concatenate(cnp.vectorize(lambda a: (a * a, np.sin(a)))(t)),
    "vectorize with a signature": lambda t: cnp.vectorize(np.vdot, signature="(n),(n)->()")(t, np.ones((2, 3))),
    "vectorize, excluded": lambda t: cnp.vectorize(lambda p, x: np.sum(p * x), excluded=[0])(t, t**2),
    "vectorize, keywords": lambda t: cnp.vectorize(lambda a, p=2.0: a * p, otypes=[float])(t, p=t[0]),
    "ndenumerate": lambda t: cnp.array([v * (i + 1) for (i,), v in cnp.ndenumerate(t)]),
    "kaiser": lambda t: cnp.kaiser(5, t[1]),
    "passed through": lambda t: cnp.sin(t) + cnp.linalg.norm(t) + cnp.random.default_rng(3).normal(size=3),
}


@pytest.mark.parametrize("name", MADE)
def test_rules_of_what_is_made(name):
    check_rules(MADE[name], T)


@pytest.mark.parametrize("name", MADE)
def test_values_are_numpys(name):
    plain = eval_with(numpy, name)
    assert_allclose(np.asarray(cr.vjp(MADE[name], T)[0]), plain, rtol=1e-14)
    assert_allclose(np.asarray(MADE[name](T)), plain, rtol=1e-14)


def eval_with(module, name):
    f = types.FunctionType(MADE[name].__code__, {**globals(), "cnp": module})
    return np.asarray(f(T))


def test_decorator_with_options():
    @cnp.vectorize(signature="(n)->()")
    def total(row):
        return np.sum(row**2)

    assert_allclose(cr.grad(lambda t: np.sum(total(np.outer([1.0, 2.0], t))))(T), 10 * T)


def test_refusals_name_what_to_do():
    with pytest.raises(
        cr.MissingRuleError, match=r"otypes=dtype\('int64'\) would lose its gradient .*: leave otypes out"
    ):
        cr.grad(lambda t: np.sum(cnp.vectorize(lambda a: a * 2, otypes=[int])(t)))(T)
    with pytest.raises(cr.MissingRuleError, match=r"numpy.r_: matrices and directives in between are not supported"):
        cr.grad(lambda t: np.sum(cnp.r_["c", t]))(T)
    with pytest.raises(cr.MissingRuleError, match=r"numpy.fromiter: traced values become floating point numbers"):
        cr.grad(lambda t: np.sum(cnp.fromiter(t, int)))(T)
    with pytest.raises(ValueError, match=r"iterator too short: Expected 5 but iterator had only 3 items"):
        cr.grad(lambda t: np.sum(cnp.fromiter(t, float, 5)))(T)
    with pytest.raises(ValueError, match="array must not contain infs or NaNs"):
        cr.grad(lambda t: np.sum(cnp.asarray_chkfinite(t)))(np.array([np.inf]))
    with pytest.raises(ValueError, match="size 0 inputs"):
        cr.grad(lambda t: np.sum(cnp.vectorize(lambda a: a)(t)))(np.ones(0))
    with pytest.raises(TypeError, match="wrong number of positional arguments: expected 2, got 1"):
        cr.grad(lambda t: cnp.vectorize(np.vdot, signature="(n),(n)->()")(t))(T)


@pytest.mark.parametrize("name", [*creation.__all__, "kaiser"])
def test_parameters_are_numpys(name):
    ours, numpys = getattr(cnp, name), getattr(np, name)
    if name != "fromiter":
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(numpys).parameters)
    assert ours.__doc__
    assert not any(isinstance(p, Buffer) for p in inspect.signature(ours).parameters)


def test_everything_else_is_numpys_own():
    ours = {*creation.__all__, *functional.__all__}
    for name in numpy.__all__:
        if name not in ours and name not in ("linalg", "fft", "random"):
            assert getattr(cnp, name) is getattr(numpy, name)
    assert ours <= set(dir(cnp))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = cnp.nonsense


def test_submodules_are_where_numpy_has_them():
    from chainrule.numpy.fft import rfft
    from chainrule.numpy.linalg import solve
    from chainrule.numpy.random import default_rng

    assert (rfft, solve, default_rng) == (np.fft.rfft, np.linalg.solve, np.random.default_rng)
    import chainrule.numpy.linalg

    assert "solve" in dir(chainrule.numpy.linalg)


# ---- arrays that can be filled ------------------------------------------------------------------------------------

MAKERS = {
    "zeros": lambda: cnp.zeros((2, 3)),
    "ones": lambda: cnp.ones((2, 3)),
    "empty": lambda: cnp.empty((2, 3)).clip(1.0, 1.0),
    "full": lambda: cnp.full((2, 3), 4.0),
    "eye": lambda: cnp.eye(2, 3),
    "tri": lambda: cnp.tri(2, 3),
    "zeros_like": lambda: cnp.zeros_like(np.ones((2, 3))),
    "array": lambda: cnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    "copy": lambda: cnp.copy(np.ones((2, 3))),
    "a copy's method": lambda: cnp.ones((2, 3)).copy(),
    "a result": lambda: 2.0 * cnp.ones((2, 3)) + np.arange(3),
    "a reshape": lambda: cnp.linspace(0, 1, 6).reshape(2, 3),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_array_that_is_made_can_be_filled(name):
    def f(t):
        a = MAKERS[name]()
        a[0, 1] = t[0]
        a[1] = t**2
        a[:, 2] *= t[1]
        return a[:, 1:]

    assert isinstance(MAKERS[name](), Buffer)
    check_rules(f, T)


def test_views_of_a_buffer_share_with_it():
    def f(t):
        a = cnp.zeros((3, 3))
        row, turned, flat = a[1], a.T, a.reshape(-1)
        row[2] = t[0]
        turned[0, 0] = t[1]
        flat[8] = t[2]
        a[2][0] = t[0] * t[1]
        for i, line in enumerate(a):
            line[1] = t[i]
        return a + 0 * row

    assert_array_equal(cr.jacobian(lambda t: f(t).sum())(T), [1 + 1 + T[1], 1 + 1 + T[0], 2])
    expected = np.zeros((3, 3))
    expected[:] = [[T[1], T[0], 0], [0, T[1], T[0]], [T[0] * T[1], T[2], T[2]]]
    assert_array_equal(np.asarray(f(T)), expected)


def test_a_buffer_behaves_as_an_array():
    a = cnp.ones(3)
    a[1] = 5
    assert repr(a) == "Buffer([1., 5., 1.])"
    assert str(a) == "[1. 5. 1.]"
    assert (len(a), a.shape, a.dtype, a.ndim, a.size, a.tolist()) == (3, (3,), np.dtype(float), 1, 3, [1.0, 5.0, 1.0])
    assert (float(a[1]), a.sum(), a.max().item(), a[1:].sum().item()) == (5.0, 7.0, 5.0, 6.0)
    assert type(a[1]) is np.float64
    assert type(a > 1) is np.ndarray
    assert type(cnp.zeros(3, int)) is np.ndarray
    plain = np.asarray(a)
    assert type(plain) is np.ndarray
    plain[0] = 9
    assert a[0] == 1
    for other in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert isinstance(other, Buffer)
        other[0] = 7.0
        assert a[0] == 1
    assert np.asarray(a, np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="gives its values as a copy"):
        np.asarray(a, copy=False)
    assert_array_equal(np.linalg.solve(cnp.eye(2) * 2, np.ones(2)), [0.5, 0.5])


def test_what_a_buffer_was_is_kept_by_the_tape():
    def f(x):
        b = cnp.ones(3)
        y = b * x
        b[0] = x
        z = b * x
        b += z
        return np.sum(y * z) + b.sum()

    assert_allclose(cr.grad(f)(2.0), 27)
    assert_allclose(cr.jvp(f, (2.0,), (1.0,))[1], 27)
    large = lambda x: (lambda b: [np.sum(b * x), b.__setitem__(0, 5.0)][0])(cnp.ones(10000))
    assert cr.grad(large)(2.0) == 10000


def test_buffers_leave_transforms_as_plain_arrays():
    def f(x):
        b = cnp.zeros(2)
        b[1] = 3.0
        return b

    assert type(cr.vjp(f, 1.0)[0]) is np.ndarray
    assert type(cr.jvp(f, (1.0,), (1.0,))[0]) is np.ndarray
    assert type(cr.vmap(f)(np.ones(3))) is np.ndarray
    assert type(cr.record(f, 1.0)(1.0)) is np.ndarray
    assert_array_equal(cr.jacobian(f)(1.0), [0, 0])
    value, aux = cr.value_and_grad(lambda x: (x * 2, f(x)), has_aux=True)(1.0)[0]
    assert value == 2
    assert type(aux) is np.ndarray


def test_buffers_go_into_transforms_and_sit_beside_variables():
    assert_array_equal(cr.grad(lambda x: np.sum(x**2))(cnp.ones(3)), [2, 2, 2])
    assert_array_equal(cr.vmap(np.sum)(cnp.ones((2, 3))), [3, 3])
    w = cr.variable(np.ones(3))
    b = cnp.zeros(3)
    b[1:] = 3 * w[:2]
    b.sum().backward()
    assert_array_equal(w.grad, [3, 3, 0])


# ---- old code as it is --------------------------------------------------------------------------------------------

SOURCE = """
import numpy as np
from numpy import zeros
from numpy import linalg as la
import scipy.special as sc
from scipy.special import logsumexp

def filled(x):
    a = np.zeros(3)
    b = zeros(2)
    for i in range(3):
        a[i] = x ** i
    b[0] = x
    return np.array([a.sum(), b[0], la.norm(a)])

def softened(x):
    return logsumexp(x) + sc.logsumexp(2 * x)
"""


def old_module(source=SOURCE):
    module = types.ModuleType("old_program")
    exec(source, vars(module))
    return module


def test_patched_code_runs_unchanged():
    old = old_module()
    with pytest.raises(ValueError, match="setting an array element") as error:  # NumPy's own, because of ours
        cr.jacobian(old.filled)(2.0)
    assert isinstance(error.value.__cause__, cr.LostGradientError)
    with cr.patch_numpy(old):
        assert old.np is cnp
        assert_allclose(cr.jacobian(old.filled)(2.0), [5, 1, 36 / np.sqrt(21) / 2])
        assert_allclose(cr.grad(old.softened)(np.zeros(4)), np.full(4, 0.75))
    assert old.np is np
    assert old.zeros is np.zeros
    assert np.zeros is numpy.zeros
    assert type(np.zeros(2)) is np.ndarray


def test_the_callers_module_is_patched_by_default():
    with cr.patch_numpy():
        assert np is cnp
        with cr.patch_numpy():
            assert np is cnp
        assert np is cnp
    assert np is numpy


def test_names_come_back_after_an_error():
    def fails():
        with cr.patch_numpy():
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert np is numpy


def test_names_stay_until_the_last_thread_is_done():
    old, inside, leave = old_module(), threading.Event(), threading.Event()

    def other():
        with cr.patch_numpy(old):
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=other)
    with cr.patch_numpy(old):
        thread.start()
        inside.wait(5)
    assert old.np is cnp
    leave.set()
    thread.join()
    assert old.np is np


def test_patching_says_what_it_needs():
    with pytest.raises(TypeError, match=r"patch_numpy: modules are patched; 'old' is a str"), cr.patch_numpy("old"):
        pass
    with (
        pytest.raises(ValueError, match="no global name in empty_program stands for NumPy or SciPy"),
        cr.patch_numpy(types.ModuleType("empty_program")),
    ):
        pass

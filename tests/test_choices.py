"""What docs/choices.md states and does not show: one line for each number, one test for each promise.

The numbers that other libraries tend to get wrong are in tests/test_behaviours.py.
"""

import threading

import numpy as np
import pytest

import chainrule as cr

nan, inf = np.nan, np.inf

CORNERS = {
    "maximum, tie": (np.maximum, (2.0, 2.0), (0.5, 0.5)),
    "minimum, tie": (np.minimum, (2.0, 2.0), (0.5, 0.5)),
    "fmax, tie": (np.fmax, (2.0, 2.0), (0.5, 0.5)),
    "fmin, tie": (np.fmin, (2.0, 2.0), (0.5, 0.5)),
    "fmax, NaN": (np.fmax, (nan, 3.0), (0, 1)),
    "maximum, NaN": (np.maximum, (nan, 3.0), (1, 1)),
    "max, NaN": (np.max, ([nan, 1.0],), ([1, 0],)),
    "min, tie of three": (np.min, ([1.0, 1.0, 1.0, 3.0],), ([1 / 3, 1 / 3, 1 / 3, 0],)),
    "minimum of maximum": (lambda x: np.sum(np.minimum(np.maximum(x, 0), 1)), ([0.0, 1.0],), ([0.5, 0.5],)),
    "cbrt": (np.cbrt, (0.0,), (inf,)),
    "sqrt of a sum of squares": (lambda x: np.sqrt(np.sum(x**2)), ([0.0, 0.0],), ([nan, nan],)),
    "negative base, traced exponent": (np.power, (-1.0, 2.0), (-2, nan)),
    "floor_divide": (np.floor_divide, (7.5, 2.0), (0, 0)),
    "fmod": (np.fmod, (-7.5, 2.0), (1, 3)),
    "logaddexp, both -infinite": (np.logaddexp, (-inf, -inf), (0.5, 0.5)),
    "logsumexp, two infinite": (np.logaddexp.reduce, ([inf, inf, 0.0],), ([0.5, 0.5, 0],)),
    "piecewise": (lambda x: np.sum(np.piecewise(x, [x > 0], [np.log, 0.0])), ([0.0, 2.0],), ([0, 0.5],)),
    "nansum": (np.nansum, ([nan, 1.0],), ([0, 1],)),
    "nan_to_num": (lambda x: np.sum(np.nan_to_num(x)), ([nan, 1.0],), ([0, 1],)),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corner(name):
    f, args, expected = CORNERS[name]
    args = [np.array(a) if isinstance(a, list) else a for a in args]
    with np.errstate(all="ignore"):
        found = cr.grad(f, argnums=tuple(range(len(args))))(*args)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_pullback_is_the_adjoint():
    rng = np.random.default_rng(0)
    z, t, ct = (rng.normal(size=3) + 1j * rng.normal(size=3) for _ in range(3))

    def f(z):
        return np.sin(z) * np.conjugate(z) + np.abs(z)

    _, slope = cr.jvp(f, (z,), (t,))
    (back,) = cr.vjp(f, z)[1](ct)
    np.testing.assert_allclose(np.real(np.vdot(ct, slope)), np.real(np.vdot(back, t)))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_the_jacobian_of_a_complex_result_is_complex(mode):
    J = cr.jacobian(lambda x: x * (1 + 2j), mode=mode)(np.ones(1))
    np.testing.assert_allclose(J, [[1 + 2j]])


@pytest.mark.parametrize("view", [lambda y: y[:2, :2], lambda y: y.reshape(2, 2), lambda y: y.T])
def test_a_write_into_a_view_is_one_into_the_array(view):
    def program(x):
        y = x.copy()
        part = view(y)
        part[0, 1] = 5.0
        y[0, 0] *= 3.0
        return y.sum() + part[0, 0]

    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    value, gradient = cr.value_and_grad(program)(x)
    assert value == program(x)
    assert gradient[0, 0] == 6
    assert sorted(gradient.ravel()) == [0, 1, 1, 6]


def test_an_argument_of_the_caller_is_not_written_into():
    def f(x):
        x[0] = 0.0
        return x.sum()

    x = np.array([1.0, 2.0])
    assert cr.grad(f)(x).tolist() == [0, 1]
    assert x.tolist() == [1, 2]


def test_a_derivative_is_an_array_of_its_own():
    a, b, seed = np.ones(2), np.ones(2), np.ones(2)
    y, pullback = cr.vjp(lambda a, b: a + b, a, b)
    arrays = [a, b, seed, y, *pullback(seed)]
    assert not any(np.shares_memory(u, v) for i, u in enumerate(arrays) for v in arrays[:i])


@pytest.mark.parametrize("n", [10, 4096, 4097, 100_000])
def test_what_is_returned_is_not_what_the_tape_needs(n):
    y, pullback, aux = cr.vjp(lambda x: (lambda y: (y, y * y))(np.exp(x)), np.zeros(n), has_aux=True)
    y[:], aux[:] = 0.0, 0.0
    assert pullback(np.ones(n))[0][0] == 1


@pytest.mark.parametrize("n", [4096, 4097])
def test_small_arrays_are_copied_and_large_ones_watched(n):
    data, w = np.ones(n), cr.variable(np.ones(n))
    y = np.sum(w * data)
    data[-1] = 5.0
    if data.nbytes <= 32_768:
        y.backward()
        assert w.grad[-1] == 1
    else:
        with pytest.raises(cr.ModifiedArrayError, match=r"shape \(4097,\).*test_choices.py"):
            y.backward()


def test_what_no_rule_reads_is_not_watched():
    x = np.ones(100_000)
    _, pullback = cr.vjp(lambda x: np.sum(2 * x), x)
    x[:] = 0.0
    assert pullback(1.0)[0][0] == 2


def test_a_variable_copies_its_value():
    a = np.ones(2)
    w = cr.variable(a)
    a[0] = 7.0
    assert w.value.tolist() == [1, 1]


@pytest.mark.parametrize("how", ["value", "in place"])
def test_a_variable_stays_the_same_when_it_is_set(how):
    w = cr.variable([1.0, 2.0])
    y = np.sum(w * w)
    with cr.no_grad():
        if how == "value":
            w.value = np.zeros(2)
        else:
            w -= w.value
    y.backward()
    assert w.grad.tolist() == [2, 4]
    assert w.value.tolist() == [0, 0]


def test_a_shared_part_is_released_for_all():
    w = cr.variable([1.0, 2.0])
    h = np.exp(w)
    one, other = np.sum(h), np.sum(h * h)
    one.backward()
    with pytest.raises(cr.FreedTapeError):
        other.backward()


def test_no_grad_holds_for_one_thread():
    found = []
    w = cr.variable(1.0)
    with cr.no_grad():
        thread = threading.Thread(target=lambda: found.append(w * 2))
        thread.start()
        thread.join()
        found.append(w * 2)
    assert isinstance(found[0], cr.Variable)
    assert not isinstance(found[1], cr.Variable)

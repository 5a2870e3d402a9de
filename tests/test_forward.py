"""jvp and linearize: the kinds of their arguments and results, and what they refuse, by the exact words."""

import numpy as np
import pytest

import chainrule as cr


@pytest.mark.parametrize("tangent", [1, 1.0, True, np.float32(1), np.ones((), np.int8)])
def test_python_numbers_give_numpy_scalars(tangent):
    y, t = cr.jvp(lambda x: x * x, (3.0,), (tangent,))
    assert (type(y), y, type(t), t) == (np.float64, 9.0, np.float64, 6.0)


@pytest.mark.parametrize("f", [lambda x: 7.0, lambda x: 7, lambda x: x], ids=["a float", "an int", "the input"])
def test_a_result_that_nothing_was_computed_for(f):
    y, t = cr.jvp(f, (3.0,), (1.0,))
    assert isinstance(y, np.generic)
    assert (type(t), t) == (np.float64, 1.0 if y == 3 else 0.0)


def test_a_tangent_takes_the_dtype_of_its_primal():
    for x in (np.float32(2), np.ones(3, np.float32), np.ones(2, np.complex64)):
        y, t = cr.jvp(lambda x: 2 * x, (x,), (np.ones(x.shape),))
        assert (y.dtype, t.dtype) == (x.dtype, x.dtype)
        assert np.all(t == 2)


def test_a_zero_dimensional_array_stays_one():
    y, t = cr.jvp(np.sin, (np.array(0.0),), (1.0,))
    assert isinstance(y, np.generic | np.ndarray)
    assert (y.shape, t.shape) == ((), ())
    assert t == 1


def test_lists_of_numbers_are_trees():
    assert cr.jvp(lambda x: x[0] * x[1], ([2.0, 3.0],), ([1, 0],)) == (6.0, 3.0)
    y, push = cr.linearize(lambda x: x["a"] * x["b"], {"a": 3.0, "b": np.ones(2)})
    assert push({"a": 1, "b": np.ones(2)}).tolist() == [4.0, 4.0]
    assert y.tolist() == [3.0, 3.0]


def test_the_linear_part_is_that_of_the_values_then():
    x = np.array([1.0, 2.0])
    y, push = cr.linearize(np.exp, x)
    expected = np.exp(x)
    x[:] = 0
    y[:] = 0
    assert np.array_equal(push(np.ones(2)), expected)


def refused(f, *args):
    with pytest.raises((TypeError, ValueError)) as error:
        f(*args)
    return f"{error.type.__name__}: {error.value}"


def test_what_jvp_refuses():
    x = np.ones(3)
    assert refused(cr.jvp, np.sin, x, x) == (
        "TypeError: jvp: primals and tangents must be tuples of the same length: jvp(f, (x,), (t,))"
    )
    assert refused(cr.jvp, np.sin, (x,), (np.ones(2),)) == (
        "ValueError: jvp: tangent 0 has shape (2,), its primal has shape (3,)"
    )
    assert refused(cr.jvp, np.sin, (x,), (x + 0j,)) == (
        "TypeError: jvp: tangent 0 has dtype complex128, its primal has dtype float64"
    )
    assert refused(cr.jvp, np.sin, (3,), (1,)) == (
        "TypeError: jvp: primal 0 has type int; derivatives are taken with respect to floating point numbers. "
        "Convert it (x.astype(float), float(x)), or leave it out of what is differentiated (argnums, lambda)"
    )
    assert refused(cr.jvp, lambda x: "no", (x,), (x,)) == (
        "TypeError: jvp: the function returned 'no' among its results; return arrays and numbers, and anything else as "
        "auxiliary data (has_aux=True)"
    )


def test_what_linearize_refuses():
    assert refused(cr.linearize, lambda x, n: x * n, 2.0, 3) == (
        "TypeError: linearize: argument 1 has type int; derivatives are taken with respect to floating point numbers. "
        "Convert it (x.astype(float), float(x)), or leave it out of what is differentiated (argnums, lambda)"
    )
    assert refused(cr.linearize, lambda x: "no", 2.0) == (
        "TypeError: linearize: the function returned 'no' among its results; return arrays and numbers only"
    )
    _, push = cr.linearize(np.sin, np.ones(3))
    assert refused(push) == "TypeError: push: 1 tangents are needed; 0 were given"
    assert refused(push, np.ones(2)) == "ValueError: push: a tangent has shape (2,), its primal has shape (3,)"


def test_what_record_refuses():
    assert refused(cr.record, lambda x, mode: x, 2.0, "sum") == (
        "TypeError: record: argument 1 holds 'sum', which is no array of numbers; bind such arguments beforehand "
        "(functools.partial, lambda)"
    )
    assert refused(cr.record, lambda x: {"no"}, 2.0) == (
        "TypeError: record: the function returned {'no'} among its results; return arrays and numbers only"
    )

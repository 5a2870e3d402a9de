"""cr.checked: where infinities and NaNs begin."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

HERE = __file__


def line_of(text):
    """The number of the line of this file that ends with the comment `text`."""
    with open(HERE, encoding="utf-8") as file:
        return next(i for i, line in enumerate(file, 1) if line.rstrip().endswith(f"# {text}"))


def distance(x):
    squares = np.sum(x**2)
    return np.sqrt(squares)  # the root


def message(f, *args):
    with pytest.raises(cr.NonFiniteError) as error:
        cr.checked(f)(*args)
    return str(error.value)


def test_finite_results_are_those_of_the_function():
    x = np.array([3.0, 4.0])
    assert cr.checked(distance)(x) == 5
    assert_array_equal(cr.checked(cr.grad(distance))(x), cr.grad(distance)(x))
    assert_array_equal(cr.checked(cr.hessian(distance))(x), cr.hessian(distance)(x))
    found = cr.checked(lambda x, n, flag=True: {"y": x * n, "name": "a", "n": n})(np.ones(2), 3, flag=False)
    assert_array_equal(found["y"], [3, 3])
    assert (found["name"], found["n"]) == ("a", 3)
    assert type(cr.checked(np.sum)(x)) is np.float64
    assert cr.checked(lambda x: x.astype(np.float32))(x).dtype == np.float32


def test_a_value_that_begins_in_the_forward_pass():
    text = message(lambda p: np.sum(np.log(p) * p), np.array([0.5, 0.0]))  # the log
    assert re.fullmatch(
        rf"checked: the result of <lambda> is not finite\. It began at {re.escape(HERE)}:{line_of('the log')}, in "
        r"<lambda>: log\(0\.0\) = -inf for 1 of 2 elements, the first at index \[1\]\. The arguments come from "
        r"argument 0\.",
        text,
    )


def test_a_slope_that_begins_in_the_backward_pass_names_the_line_of_the_forward_pass():
    text = message(cr.grad(distance), np.zeros(2))
    assert "divide(0.5, 0.0) = inf" in text
    assert f"The arguments come from sqrt at {HERE}:{line_of('the root')}, in distance" in text


def test_the_first_of_several_is_named():
    text = message(lambda x: np.exp(x) / np.sum(np.exp(x)), np.array([1.0, 1000.0]))
    assert "exp(1000.0) = inf" in text
    assert "exp(800.0) = inf" in message(cr.grad(lambda x: np.log1p(np.exp(x))), 800.0)
    assert "an array of shape (2, 2)" in message(lambda a: np.linalg.inv(a), np.eye(2) * 1e-320)
    assert "result 1 of <lambda>" in message(lambda x: (x, 1 / x), 0.0)


def test_what_was_there_to_begin_with():
    assert "It was there to begin with, in argument 0." in message(lambda x: x * 2, np.array([1.0, np.nan]))
    assert "It was there to begin with, in a constant, met at" in message(lambda x: x * np.inf, 1.0)


def test_what_does_not_reach_a_result_is_no_error():
    x = np.array([-1.0, 0.0, 4.0])
    assert cr.checked(lambda x: np.sum(np.where(x > 0, np.log(x), 0)))(x) == np.log(4)
    assert_array_equal(cr.checked(cr.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0))))(x), [0, 0, 0.25])
    assert cr.checked(lambda x: 1 / np.exp(x))(1000.0) == 0


def test_within_other_transforms():
    inner = cr.checked(lambda x: np.sum(np.log(x)))
    assert_array_equal(cr.grad(inner)(np.array([1.0, 2.0])), [1, 0.5])
    with pytest.raises(cr.NonFiniteError, match=r"log\(0\.0\) = -inf"):
        cr.grad(inner)(np.array([1.0, 0.0]))
    with pytest.raises(cr.NonFiniteError, match="2 of 4 elements"):
        cr.checked(cr.vmap(lambda x: np.log(x)))(np.array([[1.0, 0.0], [0.0, 1.0]]))
    with pytest.raises(cr.LostGradientError, match="vmap: the truth value"):
        cr.vmap(inner)(np.ones((2, 2)))


def test_a_written_array_is_watched():
    def f(x):
        y = np.zeros_like(x)
        y[0] = 1 / x[1]
        return y

    assert "divide(1, 0.0) = inf" in message(f, np.array([1.0, 0.0]))
    assert_array_equal(cr.checked(f)(np.array([1.0, 2.0])), [0.5, 0])

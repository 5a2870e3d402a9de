"""Zeros that are structural stay zero through any slope; zeros that are computed do not."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import chainrule as cr

X = np.array([-1.0, 0.0, 4.0])


def overwritten(x):
    y = np.sqrt(x)
    y[x <= 0] = 0
    return np.sum(y)


def overwritten_one_by_one(x):
    y = np.log(x)
    for i in range(2):
        y[i] = 3.0
    return np.sum(y)


def read_one_by_one(x):
    y = np.log(x)
    return y[2] + y[2] ** 2 + 0 * x[0]


def selected_twice(x):
    y = np.sqrt(x)
    return np.sum(np.where(x > 0, y, 0) + np.where(x > 0, 2 * y, 0))


def kept_among_overwritten(x):
    y = np.where(x > 0, np.log(x), 1.0)
    y[0] = y[2] * 2
    y += 1
    return np.sum(y**2)


# Each depends on x[2] only, whatever happens to -1 and 0: the function, and the same of x[2] alone.
SELECTIONS = {
    "where": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)), np.sqrt),
    "where, the other way round": (lambda x: np.sum(np.where(x <= 0, 7.0, 1 / x)), lambda x: 1 / x),
    "where in where": (
        lambda x: np.sum(np.where(x > 0, np.where(x > 1, np.log(x) * 2, x), 0)),
        lambda x: 2 * np.log(x),
    ),
    "a branch that overflows": (
        lambda x: np.sum(np.where(x < 4, 0.0, np.exp(-1e3 * (x - 4)))),
        lambda x: np.exp(-1e3 * (x - 4)),
    ),
    "an index": (lambda x: np.log(x)[2], np.log),
    "an index read twice": (lambda x: np.sum(np.log(x)[np.array([2, 2])]), lambda x: 2 * np.log(x)),
    "a mask": (lambda x: np.sum(np.log(x)[x > 0]), np.log),
    "a slice": (lambda x: np.sum((np.sqrt(x) * 3)[2:] ** 3), lambda x: (3 * np.sqrt(x)) ** 3),
    "a reshape between": (lambda x: np.sum(np.log(x).reshape(3, 1)[2]), np.log),
    "a transpose and a stack between": (lambda x: np.sum(np.stack([np.log(x), x]).T[2]), lambda x: np.log(x) + x),
    "a sum between": (lambda x: np.sum(np.log(x)[:, None] * np.ones(2), axis=1)[2], lambda x: 2 * np.log(x)),
    "a dtype between": (lambda x: np.sum(np.log(x).astype(np.float32)[2]).astype(float), np.log),
    "overwritten": (overwritten, np.sqrt),
    "overwritten one by one": (overwritten_one_by_one, lambda x: np.log(x) + 6),
    "read one by one": (read_one_by_one, lambda x: np.log(x) + np.log(x) ** 2),
    "selected twice": (selected_twice, lambda x: 3 * np.sqrt(x)),
    "kept among overwritten": (kept_among_overwritten, lambda x: (2 * np.log(x) + 1) ** 2 + 4 + (np.log(x) + 1) ** 2),
    "np.select": (lambda x: np.sum(np.select([x > 3, x > -9], [np.log(x), 2.0])), np.log),
    "np.piecewise": (lambda x: np.sum(np.piecewise(x, [x > 3], [np.log, 0.0])), np.log),
    "np.take": (lambda x: np.take(np.log(x), 2), np.log),
    "np.diagonal": (lambda x: np.diagonal(np.log(np.outer(x, [1.0, 1.0, 1.0])))[2], np.log),
    "np.max": (lambda x: np.max(np.log(x[1:]) + 0 * x[2]), np.log),
    "np.min along an axis": (
        lambda x: np.sum(np.min(-np.sqrt(np.stack([x, x + 0])[:, 1:]), axis=1)),
        lambda x: -2 * np.sqrt(x),
    ),
    "np.tril": (lambda x: np.sum(np.tril(1 / np.outer([1.0, 1.0, 1.0], x[::-1]))[:1]), lambda x: 1 / x),
}


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_was_not_selected_gets_zeros(name):
    f, alone = SELECTIONS[name]
    rtol = 1e-6 if "dtype" in name else 1e-13
    slope, bend = cr.grad(alone)(X[2]), cr.grad(cr.grad(alone))(X[2])

    def right(found, expected):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=0)

    right(cr.grad(f)(X), [0, 0, slope])
    right([cr.jvp(f, (X,), (e,))[1] for e in np.eye(3)], [0, 0, slope])
    v = cr.variable(X)
    f(v).backward()
    right(v.grad, [0, 0, slope])
    right(cr.jacobian(lambda x: f(x) * np.ones(2), mode="reverse")(X), [[0, 0, slope]] * 2)
    for mode in ("forward", "reverse"):
        right(cr.jacobian(cr.grad(f), mode=mode)(X), [[0, 0, 0], [0, 0, 0], [0, 0, bend]])
    if "mask" not in name and "piecewise" not in name and name != "overwritten":  # these ask for values
        right(cr.vmap(cr.grad(f))(np.stack([X, X])), [[0, 0, slope]] * 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_broadcast_argument_gets_its_share_of_what_was_selected():
    f = lambda s, x: np.sum(np.where(x > 0, np.log(x) * s, 0.0))
    assert_array_equal(cr.grad(f, argnums=(0, 1))(2.0, X)[0], np.log(4.0))
    column = cr.grad(lambda a: np.sum(np.where(np.eye(2, dtype=bool), np.log(a) + np.ones(2), 0)))(
        np.array([[0.0], [2.0]])
    )
    assert_array_equal(column, [[np.inf], [0.5]])
    assert_array_equal(
        cr.grad(lambda a: np.sum(np.where([[False], [True]], np.log(a) * np.ones(2), 0)))(np.array([[0.0], [2.0]])),
        [[0.0], [1.0]],
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_zero_that_is_computed_times_infinity_is_nan():
    assert np.isnan(cr.grad(lambda x: np.sqrt(x) ** 2)(0.0))
    assert np.isnan(cr.grad(lambda x: np.sqrt(x) * 0.0)(0.0))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinite_slopes_of_what_was_selected_stay():
    assert_array_equal(cr.grad(lambda x: np.sum(np.where(x >= 0, np.sqrt(x), 0)))(X), [0, np.inf, 0.25])
    assert_array_equal(cr.grad(lambda x: np.sqrt(x)[1:].sum())(X), [0, np.inf, 0.25])


def test_no_warning_comes_of_slopes_that_nothing_flows_through():
    x = np.array([0.0, 4.0])
    assert_array_equal(cr.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)))(x), [0, 0.25])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_explain_agrees():
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0))
    adjoints = {v.name: v.adjoint for v in cr.explain(f)(X).values}
    assert_array_equal(next(iter(adjoints.values())), [0, 0, 0.25])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_long_loop_of_selections_needs_no_recursion_and_linear_time():
    def f(x):
        for _ in range(3000):
            x = np.where(x > 0, np.log(x) + 1, x)
        return np.sum(x)

    assert_array_equal(cr.grad(f)(np.array([0.0, 1.0])), [1.0, 1.0])

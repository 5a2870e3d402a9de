"""Recordings that compute no value before it is asked for: the same programs, and NumPy's memory as it is."""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.ahead import Tracing
from chainrule.core.primitive import PRIMITIVES
from chainrule.transforms.lazy import Values
from chainrule.transforms.recording import record_leaves

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4))


def recorded(f, *args):
    """The graph of f, and its values as far as they have been computed."""
    graph, values, _, _ = record_leaves(f, args, "compile", Tracing)
    return graph, values


def test_nothing_is_computed_unless_it_is_asked_for():
    graph, values = recorded(lambda x: np.sum(np.sin(x) * x), X)
    assert isinstance(values, Values)
    assert set(values) == set(graph.inputs)


def test_what_is_looked_at_is_computed_and_the_rest_is_not():
    def f(x):
        y = np.sin(x)
        return np.exp(y) if np.sum(np.cos(x)) > -100 else y

    graph, values = recorded(f, X)
    names = {e.outputs[0]: e.primitive.name for e in graph.equations}
    assert {names[v] for v in values if v in names} == {"cos", "sum", "greater"}
    assert graph.guards[0][1] == True  # noqa: E712


def test_a_chain_that_is_computed_late_needs_no_recursion():
    def f(x):
        for _ in range(20_000):
            x = x * 0.9999 + 1e-4
        return x if x > 0 else -x

    assert np.isclose(cr.compile(f)(2.0), f(2.0))


def test_constants_are_as_they_were_when_they_were_used():
    scale = np.ones(3)

    def f(x):
        y = x * scale
        scale[:] = 7.0  # which the product has not seen
        return y if np.sum(y) < 10 else -y

    x = np.ones(3)
    scale[:] = 1.0
    assert np.array_equal(cr.compile(f)(x), [1, 1, 1])


def forms(x):
    """Arrays that lie in memory in different ways."""
    yield "made", np.sin(x)
    yield "turned", np.sin(x).T
    yield "made of what is turned", np.exp(x.T)
    yield "a part", np.sin(x)[:, 1:3]
    yield "a row", np.sin(x)[1]
    yield "a column", np.sin(x)[:, 1]
    yield "product", x @ x.T
    yield "stretched", np.copy(np.broadcast_to(x[0], (3, 4)))
    yield "taken", np.sin(x)[:, np.array([2, 0])]


READS = {
    "ravel": np.ravel,
    "reshape": lambda y: np.reshape(y, -1),
    "with an axis": lambda y: y[None],
    "reshaped with an axis": lambda y: np.reshape(y, (1, *y.shape)),
    "turned": np.transpose,
    "Fortran": lambda y: np.ravel(y, order="F"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("form", [name for name, _ in forms(X)])
@pytest.mark.parametrize("through", [False, True])
def test_what_shares_memory_in_numpy_does_so_here(form, read, through):
    """Writing into either of the two, the other changes just where NumPy's does."""

    def f(x):
        y = dict(forms(x))[form]
        z = READS[read](y)
        if through:
            z[(0,) * len(z.shape)] = 100.0
        else:
            y[(0,) * len(y.shape)] = 100.0
        return np.sum(y) + 2 * np.sum(z)

    assert np.isclose(cr.compile(f)(X), f(X))


def test_views_of_views():
    def f(x):
        y = np.exp(x.T)
        z = np.reshape(np.reshape(y, (2, 6)), -1)
        w = np.ravel(z)
        w[3] = 50.0
        return np.sum(y), np.sum(z), np.sum(w)

    assert np.allclose(cr.compile(f)(X), f(X))


def test_every_operation_that_is_said_to_give_views_does():
    cases = {
        "reshape": {"shape": (4, 3)},
        "transpose": {"axes": (1, 0)},
        "broadcast_to": {"shape": (2, 3, 4)},
        "sliding_window_view": {"sizes": (2,), "axes": (0,)},
    }
    assert set(cases) == {p.name for p in PRIMITIVES.values() if p.memory in ("view", "reshape")}
    for name, params in cases.items():
        assert np.shares_memory(PRIMITIVES[name].impl(X, **params), X), name
        if PRIMITIVES[name].memory == "view":  # in whatever order x lies
            turned = np.asfortranarray(X)
            assert np.shares_memory(PRIMITIVES[name].impl(turned, **params), turned), name


def test_orders_that_are_said_to_be_kept_are():
    arrays = [rng.normal(size=(2, 3, 3)) for _ in range(3)]
    for a, b in itertools.permutations(arrays, 2):
        assert np.matmul(a, b).flags.c_contiguous


def test_an_operation_that_fails_says_so_as_ever():
    with pytest.raises(ValueError, match="core dimension"):
        cr.compile(lambda x: x @ np.ones(7))(X)
    with pytest.raises(IndexError, match="out of bounds"):
        cr.compile(lambda x: np.sin(x)[5])(X)

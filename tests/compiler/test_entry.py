"""cr.compile: what it takes, what it gives back, and when it traces again."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import special

import chainrule as cr
from chainrule.compiler.entry import TRACES
from programs import programs

X = np.linspace(0.1, 2, 12)


def count(compiled):
    return compiled.stats()["programs"]


def test_kinds_of_arguments_and_results():
    f = cr.compile(lambda p, n, *, scale=1.0: {"y": np.sin(p["a"]) * n * scale, "z": (p["b"].sum(), 2.5)})
    for n in (2, 2.0, np.float32(2), np.int64(2), True):
        for scale in (1.0, X[:3]):
            p = {"a": X[:3], "b": np.arange(4)}
            found, expected = f(p, n, scale=scale), f.__wrapped__(p, n, scale=scale)
            np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-14)
            assert found["y"].dtype == expected["y"].dtype
            assert found["z"] == expected["z"]
    assert count(f) == 10
    f({"a": X[:3] + 1, "b": np.arange(4)}, 7.0)
    assert count(f) == 11  # without a scale it is another signature


def test_shapes_and_dtypes_have_programs_of_their_own():
    f = cr.compile(lambda x: x * 2 + 1)
    for x in (X, X[:5], X.astype(np.float32), X.reshape(3, 4), np.arange(3), X * 1j, X[:0], np.array(1.5), 1.5, 3):
        found, expected = f(x), x * 2 + 1
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert np.asarray(found).dtype == np.asarray(expected).dtype
    assert count(f) == 10


@pytest.mark.parametrize(
    "x",
    [X[::2], X[::-1], np.asfortranarray(X.reshape(3, 4)), X.astype(">f8"), X.reshape(3, 4).T, np.broadcast_to(1.5, 5)],
    ids=["strided", "reversed", "Fortran", "byte-swapped", "transposed", "broadcast"],
)
def test_any_layout(x):
    f = cr.compile(lambda x: np.exp(x) + x.sum())
    for _ in range(2):
        np.testing.assert_allclose(f(x), np.exp(x) + x.sum(), rtol=1e-14)


def test_results_belong_to_the_caller():
    c = np.arange(3.0)
    f = cr.compile(lambda x: (x + 1, c, np.zeros(3)))
    first = f(X[:3])
    for y in first:
        y[:] = 99
    second = f(X[:3])
    np.testing.assert_allclose(second[0], X[:3] + 1)
    np.testing.assert_array_equal(second[1], [0, 1, 2])
    np.testing.assert_array_equal(second[2], 0)
    np.testing.assert_array_equal(c, [0, 1, 2])


def test_static_arguments():
    f = cr.compile(lambda x, n, name: x**n if name == "power" else x * n, static_argnums=(1, -1))
    assert f(2.0, 3, "power") == 8
    assert f(3.0, 3, "power") == 27
    assert f(2.0, 3, "times") == 6
    assert count(f) == 2
    with pytest.raises(TypeError, match="argument 1 holds 'power', which is no array of numbers"):
        cr.compile(lambda x, name: x)(2.0, "power")
    with pytest.raises(TypeError, match="hashable"):
        cr.compile(lambda x, n: x, static_argnums=1)(2.0, [1])


def test_branches_in_any_order():
    def f(x):
        y = np.sum(x)
        if y > 3:
            return x * 2
        if y > 0:
            return x - 1
        return -x if x[0] > -1 else x * x

    c = cr.compile(f)
    rng = np.random.default_rng(0)
    for _ in range(60):
        x = rng.normal(size=3) * 2
        np.testing.assert_allclose(c(x), f(x))
    assert count(c) == 4
    g = cr.compile(cr.grad(lambda x: np.sum(f(x))))
    for _ in range(40):
        x = rng.normal(size=3) * 2
        np.testing.assert_allclose(g(x), cr.grad(lambda x: np.sum(f(x)))(x))


def test_loops_of_data_dependent_length():
    def collatz(x):
        steps = 0 * x
        while x > 1:
            x = x / 2 if x % 2 == 0 else 3 * x + 1
            steps = steps + 1
        return steps

    c = cr.compile(collatz)
    for n in (6.0, 7.0, 6.0, 1.0):
        assert c(n) == collatz(n)


def test_too_many_ways_run_eagerly_and_say_so_once():
    c = cr.compile(lambda x: x * int(np.floor(x)))
    for n in range(TRACES):
        assert c(n + 0.5) == (n + 0.5) * n
    with pytest.warns(RuntimeWarning, match=f"has gone {TRACES} ways .*runs eagerly"):
        assert c(77.5) == 77.5 * 77
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert c(99.5) == 99.5 * 99
    assert count(c) == TRACES
    with pytest.raises(ValueError, match="runs eagerly"):
        c.graph(1.5)


def test_transforms_go_through():
    f = cr.compile(lambda x: np.sum(np.sin(x) * x))
    f(X)
    np.testing.assert_allclose(cr.grad(f)(X), np.cos(X) * X + np.sin(X))
    np.testing.assert_allclose(cr.hessian(f)(X), np.diag(2 * np.cos(X) - np.sin(X) * X))
    np.testing.assert_allclose(cr.vmap(f)(np.stack([X, 2 * X])), [f(X), f(2 * X)])
    both = cr.compile(cr.value_and_grad(lambda x: f(x) ** 2))
    np.testing.assert_allclose(both(X)[1], 2 * f(X) * cr.grad(f)(X), rtol=1e-12)


def test_errors_of_the_function_are_its_own():
    def f(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        cr.compile(f)(1.0)
    c = cr.compile(lambda a: np.linalg.inv(a))
    c(np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        c(np.zeros((2, 2)))
    np.testing.assert_allclose(c(2 * np.eye(2)), np.eye(2) / 2)


def test_calls_between_kernels():
    def f(A, b):
        x = np.linalg.solve(A @ A.T + np.eye(len(A)), np.tanh(b))
        return np.sum(np.sort(x) * np.exp(-x))

    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(6, 6)), rng.normal(size=6)
    c = cr.compile(cr.grad(f, argnums=(0, 1)))
    for _ in range(2):
        for ours, expected in zip(c(A, b), cr.grad(f, argnums=(0, 1))(A, b), strict=True):
            np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)
    assert c.stats()["calls"] > 0


OF_TWO = [np.arctan2, np.hypot, np.logaddexp, np.logaddexp2, np.power, np.fmod, np.mod, np.floor_divide, np.copysign]
OF_TWO += [np.fmax, np.fmin, np.maximum, np.heaviside, special.xlogy, special.xlog1py]


@pytest.mark.parametrize("f", OF_TWO, ids=lambda f: f.__name__)
def test_functions_of_a_vector_and_a_number(f):
    """A column meets an array: in its row it is one number."""
    a, b = np.random.default_rng(0).uniform(0.5, 2.0, size=(300, 40)), np.linspace(0.6, 1.9, 300)[:, None]
    for g in (f, lambda a, b: f(b, a)):
        np.testing.assert_allclose(cr.compile(g)(a, b), g(a, b), rtol=1e-14)


def test_to_look_inside():
    f = cr.compile(lambda x: np.sin(x) * 1 + np.sum(x))
    assert "sin" in str(f.graph(X))
    assert len(f.plan(X).steps) == f.stats()["kernels"] > 0
    assert "define" in f.ir(X)
    assert {"simplify", "plan", "lower", "native"} <= {*f.stats()["seconds"]}
    assert "1 programs" in repr(f)


def test_threads():
    f = cr.compile(lambda x, n: np.cumsum(np.sin(x) * n).sum())
    wrong = []

    def work(k):
        x = X[: 3 + k % 4] + k
        for n in range(20):
            y = f(x, float(n))
            if not np.isclose(y, np.cumsum(np.sin(x) * n).sum(), rtol=1e-12):
                wrong.append((k, n, y))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@settings(max_examples=40)
@given(programs())
def test_random_programs(p):
    f, xs = p.f, p.xs
    with np.errstate(all="ignore"):
        expected = f(*xs)
        found = cr.compile(f)(*xs)
    rtol = 1e-9 if p.exact else 3e-3
    for ours, y in zip(found, expected, strict=True):
        assert np.shape(ours) == np.shape(y)
        size = max(1.0, np.max(np.abs(y), initial=0))
        assert np.max(np.abs(np.asarray(ours) - y), initial=0) <= rtol * size


def test_places_that_are_computed():
    def f(x, k):
        y = np.zeros(30, like=x)
        y[k] = x
        return y

    k = np.array([*range(19, -1, -1), 3, 3])
    x = np.arange(22.0)
    np.testing.assert_array_equal(cr.compile(f)(x, k), f(x, k))

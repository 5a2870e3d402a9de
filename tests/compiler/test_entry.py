"""cr.compile: what it takes, what it gives back, and when it traces again."""

import re
import threading as python_threads
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import special

import chainrule as cr
from chainrule.compiler import threads
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


def test_what_it_does_is_told_to_those_who_ask(monkeypatch, capsys):
    f = cr.compile(lambda x: np.sin(x) * 2 if np.sum(x) > 0 else -x)
    f(X)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("CHAINRULE_LOG", "other,compile")
    f(-X)
    told = capsys.readouterr().err
    assert "compile <lambda>: for float64[12], way 2 through it" in told
    assert re.search(r"3 equations recorded, 3 left; \d kernels?, 0 loops, 0 calls; 0 KiB", told)
    assert all(f"{phase} " in told for phase in ("trace", "simplify", "plan", "lower", "native"))
    f(X)
    assert capsys.readouterr().err == ""


def test_functions_that_run_eagerly_are_told_of(monkeypatch, capsys):
    monkeypatch.setenv("CHAINRULE_LOG", "compile")

    def steps(x):
        n = 0
        while x > n:
            n += 1
        return x * n

    f = cr.compile(steps)
    for k in range(TRACES):
        f(k + 0.5)
    with pytest.warns(RuntimeWarning, match="runs eagerly"):
        f(TRACES + 0.5)
    assert "runs eagerly" in capsys.readouterr().err


def test_fastmath_is_for_real_numbers():
    x = np.array([1.0, 800.0, np.nan, np.inf])
    f = lambda x: (x - x, np.log(1 + np.exp(x)))
    with np.errstate(all="ignore"):
        expected = f(x)
    for found, y in zip(cr.compile(f)(x), expected, strict=True):
        np.testing.assert_array_equal(found, y)
    zero, soft = cr.compile(f, fastmath=True)(x)
    np.testing.assert_array_equal(zero, 0)
    np.testing.assert_allclose(soft[:2], np.logaddexp(x[:2], 0))


LONG = {
    "elementwise": lambda x, m: np.tanh(np.sin(x) * np.exp(-x * x)),
    "rows": lambda x, m: np.exp(m) / np.sum(np.exp(m), axis=1, keepdims=True),
    "columns": lambda x, m: np.sum(np.sin(m) ** 2, axis=0),
    "strides": lambda x, m: np.cos(m).T[::2] * 2,
    "joined": lambda x, m: np.concatenate([np.sin(x), np.cos(x[::-1])]),
    "scattered": lambda x, m: np.bincount(np.arange(len(x)) % 7, np.exp(x)),
    "written into": lambda x, m: written_into(np.sin(x)),
    "gradient": lambda x, m: cr.grad(lambda x: np.sum(np.tanh(np.sin(x) * np.exp(-x * x))))(x),
}


def written_into(x):
    x[::3] = np.exp(x[1::3])
    return x


@pytest.mark.parametrize("name", LONG)
def test_long_loops_give_the_same_on_any_number_of_threads(name):
    x, m = np.linspace(-2, 2, 120_000), np.random.default_rng(0).normal(size=(700, 300))
    f, found = cr.compile(LONG[name]), []
    try:
        for count in (1, 2, 3):
            threads.set_threads(count)
            found += [f(x, m) for _ in range(3)]
    finally:
        threads.set_threads(1)
    np.testing.assert_allclose(found[0], LONG[name](x, m), rtol=1e-11, atol=1e-13)
    assert all(np.array_equal(y, found[0]) for y in found)


def test_long_loops_are_shared():
    x = np.linspace(-2, 2, 120_000)
    f = cr.compile(LONG["elementwise"])
    f(x, x)
    assert threads.PARALLEL in f._ways[next(iter(f._ways))][0][0].modules[0].table
    g = cr.compile(LONG["elementwise"])
    g(x[:100], x)
    assert threads.PARALLEL not in g._ways[next(iter(g._ways))][0][0].modules[0].table


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

    workers = [python_threads.Thread(target=work, args=(k,)) for k in range(8)]
    for t in workers:
        t.start()
    for t in workers:
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

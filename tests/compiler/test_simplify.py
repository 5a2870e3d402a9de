"""Simplified graphs: the same results, from fewer equations."""

import time

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings, strategies as st

import chainrule as cr
from cases import CASES
from chainrule import testing
from chainrule.compiler.check import check
from chainrule.compiler.rewrites import EXACT, FAST, REORDERED, STABLE
from chainrule.compiler.roll import roll
from chainrule.compiler.simplify import simplify
from chainrule.core.graph import Graph

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))


def names(graph):
    return [e.primitive.name for e in graph.equations]


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape or not np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"):
        return False
    return a.dtype.kind not in "fc" or all(signs_agree(p(a), p(b)) for p in (np.real, np.imag))


def signs_agree(a, b):
    """Of all but NaN."""
    return bool(np.all((np.signbit(a) == np.signbit(b)) | np.isnan(a)))


def exactly(f, *args):
    """The graph of f, simplified exactly; it has been seen to give the same."""
    with np.errstate(all="ignore"):
        graph = cr.record(f, *args)
        new = simplify(graph, stable=False)
        check(new)
        for a, b in zip(graph.run(graph.flatten(*args)), new.run(new.flatten(*args)), strict=True):
            assert same(a, b), (a, b)
    return new


def test_sums_of_products_of_matrices():
    """Over rows or columns: what is summed first is multiplied once."""
    a, b = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 3, 4))
    for axis, keepdims in ((1, False), (2, False), (1, True), (0, False), ((1, 2), False)):
        f = lambda a, b, axis=axis, keepdims=keepdims: np.sum(-(a @ b), axis=axis, keepdims=keepdims)
        graph = cr.record(f, a, b)
        new = simplify(graph, stable=False, reorder=True)
        check(new)
        assert np.allclose(new(a, b), f(a, b), rtol=1e-13)
        smaller = [e.outputs[0].aval.shape for e in new.equations if e.primitive.name == "matmul"]
        assert (smaller == [(2, 5, 4)]) == (axis in (0, (1, 2)))
        assert len(simplify(graph, stable=False).equations) == len(graph.equations)


# ---- one thing at a time ---------------------------------------------------------------------------------------------

GONE = {
    "times 1": lambda x: np.sin(x) * 1.0,
    "times an array of ones": lambda x: np.ones((3, 4)) * np.sin(x),
    "divided by 1": lambda x: np.sin(x) / 1,
    "to the power of 1": lambda x: np.sin(x) ** 1,
    "minus 0": lambda x: np.sin(x) - 0,
    "plus the other zero": lambda x: np.sin(x) + -0.0,
    "twice negative": lambda x: np.negative(-np.sin(x)),
    "copies": lambda x: np.copy(np.sin(x)),
    "the same shape": lambda x: np.sin(x).reshape(3, 4).reshape(2, 6).reshape(3, 4),
    "there and back": lambda x: np.sin(x).T.T,
    "all of it": lambda x: np.sin(x)[:, 0:4][...],
    "the same dtype": lambda x: np.sin(x).astype(float),
    "a plain choice": lambda x: np.where(np.ones((3, 4), bool), np.sin(x), 7.0),
    "one part": lambda x: np.concatenate([np.sin(x)]),
    "dead code": lambda x: (np.cos(x) * 3, np.sin(x))[1],
    "a choice of the same": lambda x: np.where(x > 0, np.sin(x), np.sin(x)),
}


@pytest.mark.parametrize("what", GONE)
def test_what_does_nothing_is_gone(what):
    assert names(exactly(GONE[what], X)) == ["sin"]


STAYS = {
    "plus 0": lambda x: np.sin(x) + 0.0,
    "plus a whole 0": lambda x: np.sin(x) + 0,
    "times 0": lambda x: np.sin(x) * 0.0,
    "minus itself": lambda x: np.sin(x) - np.sin(x),
    "minus the other zero": lambda x: np.sin(x) - -0.0,
    "another dtype": lambda x: np.sin(x).astype(np.float32),
    "ones that broadcast": lambda x: np.ones((2, 3, 4)) * np.sin(x),
    "a choice that broadcasts": lambda x: np.where(np.ones((2, 3, 4), bool), np.sin(x), 7.0),
}


@pytest.mark.parametrize("what", STAYS)
def test_what_changes_a_bit_stays(what):
    x = np.array(X)
    x[0, :4] = 0.0, -0.0, np.inf, np.nan
    assert len(names(exactly(STAYS[what], x))) == 2


def test_special_values_keep_their_bits():
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324])
    for f in (*GONE.values(), *STAYS.values()):
        exactly(f, np.resize(x, (3, 4)))
    z = np.zeros(6, complex)
    z.real, z.imag = x, x[::-1]
    exactly(lambda z: (z * 1, z / 1, z - 0, np.negative(-z), z**1, z * -1), z)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float32, np.complex64])
def test_dtypes_stay(dtype):
    x = np.array([0, 1, 3]).astype(dtype)
    exactly(lambda x: (x * 1, x / 1, x * 1.0, np.add(x, 0), np.power(x, 1), np.power(x, 2), x.reshape(3), x.T), x)


def test_constants_are_folded_up_to_a_size():
    assert names(exactly(lambda x: x * np.sum(np.arange(5.0).reshape(1, 5) @ cr.stop_gradient(np.eye(5))), 2.0)) == [
        "multiply"
    ]
    graph = cr.record(lambda x: np.broadcast_to(np.zeros(1, like=x), (400, 400)) * x, 2.0)
    assert len(simplify(graph).equations) == len(graph.equations)


def test_common_sub_expressions_are_shared():
    new = exactly(lambda x, y: np.sin(x * y) + np.cos(y * x) * np.sin(x * y), X, Y)
    assert sorted(names(new)) == ["add", "cos", "multiply", "multiply", "sin"]
    new = exactly(lambda x, y: (x - y) * (y - x), X, Y)
    assert names(new).count("subtract") == 2


def test_results_stay_arrays_of_their_own():
    graph = simplify(cr.record(lambda x: (x * 1, np.sin(x), np.sin(x)), X))
    a, b, c = graph(X)
    assert not np.shares_memory(a, X)
    assert not np.shares_memory(b, c)
    assert names(graph).count("sin") == 2


def test_moves_are_joined():
    assert names(exactly(lambda x: x.reshape(2, 6).reshape(4, 3), X)) == ["reshape"]
    assert names(exactly(lambda x: np.broadcast_to(np.broadcast_to(x, (2, 3, 4)), (5, 2, 3, 4)), X)) == ["broadcast_to"]
    y = rng.normal(size=(2, 3, 4))
    new = exactly(lambda x: np.transpose(np.transpose(x, (1, 2, 0)), (2, 1, 0)), y)
    assert names(new) == ["transpose"]


def test_rows_with_equal_steps_are_slices():
    for index in (np.arange(2, 9, 3), np.arange(9, -1, -3), np.arange(10)[::-1]):
        (e,) = exactly(lambda x, i=index: x[i], np.arange(20.0).reshape(10, 2)).equations
        assert isinstance(e.params["index"][0], slice)
    for index in (np.array([1, 2, 4]), np.array([3]), np.array([-1, 0, 1]), np.array([2, 2])):
        (e,) = exactly(lambda x, i=index: x[i], np.arange(20.0).reshape(10, 2)).equations
        assert not isinstance(e.params["index"][0], slice)


def written(x, *places):
    y = np.copy(x)
    for i, place in enumerate(places):
        y[place] = np.sin(x[place]) + i
    return y


FEW = np.array([0, 1, 4])
READS = {
    "a part of two": (lambda x: np.concatenate([np.sin(x), x])[1:3], ["getitem", "sin"]),
    "backwards": (lambda x: np.concatenate([x, np.sin(x)])[6:3:-2], ["getitem", "sin"]),
    "from both": (lambda x: np.concatenate([np.sin(x), x])[2:4], ["concatenate", "getitem", "sin"]),
    "none of them": (lambda x: np.concatenate([np.sin(x), x])[2:2], ["concatenate", "getitem", "sin"]),
    "another axis": (lambda x: np.concatenate([x, np.sin(x)], axis=1)[1:, 5], ["getitem", "sin"]),
    "several at once": (lambda x: np.concatenate([np.sin(x), x])[FEW], ["concatenate", "getitem", "sin"]),
    "one of a stack": (lambda x: np.stack([x, np.sin(x)])[1], ["sin"]),
    "one of a stack of columns": (lambda x: np.stack([x, np.sin(x)], axis=1)[:, 1], ["getitem", "reshape", "sin"]),
    "what was written": (lambda x: written(x, 1)[1] + 0 * x[1], ["add", "add", "getitem", "multiply", "sin"]),
    "what is elsewhere": (lambda x: np.sin(written(x, 1, (2, 3))[0]), ["getitem", "sin"]),
    "written twice": (lambda x: written(x, 1, 1), ["add", "getitem", "setitem", "sin"]),
    "half of what was written": (
        lambda x: written(x, slice(0, 2))[1:3],
        ["add", "getitem", "getitem", "setitem", "sin"],
    ),
}


@pytest.mark.parametrize("what", READS)
def test_what_is_read_is_found_where_it_comes_from(what):
    f, expected = READS[what]
    assert sorted(names(exactly(f, X))) == expected


INDICES = st.one_of(
    st.integers(-5, 4), st.builds(slice, *[st.none() | st.integers(-6, 6)] * 2, st.sampled_from([None, 1, 2, -1, -3]))
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(INDICES, INDICES), min_size=1, max_size=3), st.tuples(INDICES, INDICES), INDICES)
def test_any_reads_of_what_has_been_written_and_joined(writes, read, other):
    def f(x, v):
        y = np.copy(x)
        for i, at in enumerate(writes):
            y[at] = v[at[::-1]].T * i
        return y[read], np.concatenate([y, x, v.T], axis=1)[read[0], other], np.concatenate([y, x])[other]

    exactly(f, np.arange(25.0).reshape(5, 5), np.arange(25.0, 50.0).reshape(5, 5))


def test_guards_of_constants_are_decided():
    graph = cr.record(lambda x: x if np.sum(np.zeros(3, like=x)) == 0 else -x, X)
    new = simplify(graph)
    assert not new.guards
    x = np.array(2.0)
    with pytest.raises(ValueError, match="record it again"):
        simplify(cr.record(lambda x: x if x > 0 else -x, x))(-x)


def test_inner_graphs_are_simplified():
    def f(c, xs):
        return cr.scan(lambda c, x: (np.sin(c) * 1 + x, np.cos(c)), c, xs)[0]

    (e,) = exactly(f, 0.5, np.ones(4)).equations
    assert names(e.params["body"]) == ["sin", "add"]  # the ys are nobody's
    assert len(e.outputs) == 1


def test_carries_that_nobody_reads_are_gone():
    def f(x):
        return cr.fori_loop(0, 4, lambda i, c: (c[0] * 2, c[1] + c[0], np.sin(c[2])), (x, x, x))[2]

    (e,) = exactly(f, 0.5).equations
    assert e.params["carries"] == 1
    (e,) = exactly(lambda x: cr.fori_loop(0, 4, lambda i, c: (c[0] * 2, c[1] + c[0]), (x, x))[1], 0.5).equations
    assert e.params["carries"] == 2


# ---- stable forms ----------------------------------------------------------------------------------------------------

V = np.array([-1000.0, -40.0, -1e-9, 0.0, 3e-17, 1.0, 40.0, 1000.0])
FORMS = {
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), scipy.special.expit, ["special.expit"]),
    "sigmoid, the sum the other way": (lambda x: 1 / (np.exp(-x) + 1), scipy.special.expit, ["special.expit"]),
    "softplus": (lambda x: np.log(1 + np.exp(x)), lambda x: np.logaddexp(x, 0), ["logaddexp"]),
    "expm1": (lambda x: np.exp(x) - 1, np.expm1, ["expm1"]),
    "log1p": (lambda x: np.log(1 + x), np.log1p, ["log1p"]),
    "logsumexp": (lambda x: np.log(np.sum(np.exp(x))), scipy.special.logsumexp, None),
    "logsumexp, kept": (
        lambda x: np.log(np.sum(np.exp(x), axis=0, keepdims=True)),
        lambda x: scipy.special.logsumexp(x, axis=0, keepdims=True),
        None,
    ),
    "softmax": (lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True), scipy.special.softmax, None),
}


@pytest.mark.parametrize("what", FORMS)
def test_stable_forms(what):
    f, meant, expected = FORMS[what]
    with np.errstate(all="ignore"):
        graph = simplify(cr.record(f, V))
        check(graph)
        np.testing.assert_allclose(graph(V), meant(V), rtol=4e-16 if what == "softplus" else 2e-15, atol=0)
        special = np.array([np.inf, -np.inf, np.nan, 1.0])
        for v in (special, special[:1], special[1:2], special[2:], special[[0, 3]], special[[1, 3]]):
            again = simplify(cr.record(f, v))
            a, b = f(v), again(v)
            assert np.all(np.isnan(a) | (a == b) | np.isclose(a, b, rtol=1e-15)), (v, a, b)
    if expected:
        assert names(graph) == expected


def test_gradients_of_stable_forms():
    with np.errstate(all="ignore"):
        for f, slope in (
            (lambda x: 1 / (1 + np.exp(-x)), lambda x: scipy.special.expit(x) * scipy.special.expit(-x)),
            (lambda x: np.log(1 + np.exp(x)), scipy.special.expit),
        ):
            graph = simplify(cr.record(cr.grad(lambda x, f=f: np.sum(f(x))), V))
            np.testing.assert_allclose(graph(V), slope(V), rtol=1e-15)


def test_a_shifted_logsumexp_is_left_alone():
    def f(x):
        top = np.max(x, axis=1, keepdims=True)
        return np.log(np.sum(np.exp(x - top), axis=1))

    graph = cr.record(f, X)
    assert names(simplify(graph)) == names(graph)


def test_a_sigmoid_is_left_alone_where_its_parts_are_needed_anyway():
    def f(x):
        e = np.exp(-x)
        return 1 / (1 + e), e

    assert "special.expit" not in names(simplify(cr.record(f, X)))
    loop = lambda x: cr.fori_loop(0, 9, lambda i, x: 1 / (1 + np.exp(-x)), x)
    assert "special.expit" in str(simplify(cr.record(loop, X)))
    assert "special.expit" not in str(simplify(cr.record(cr.grad(lambda x: np.sum(loop(x))), X)))


def test_stable_forms_of_other_dtypes():
    assert "special.expit" not in names(simplify(cr.record(lambda x: 1 / (1 + np.exp(-x)), X + 1j)))
    graph = simplify(cr.record(lambda x: 1 / (1 + np.exp(-x)), X.astype(np.float32)))
    assert graph.outputs[0].aval.dtype == np.float32


def test_fastmath_is_asked_for():
    f = lambda x: (x + 0) * 2 + np.sin(x) * 0 + np.log(np.exp(x))
    graph = cr.record(f, X)
    assert len(simplify(graph, fastmath=True).equations) < len(simplify(graph).equations)
    np.testing.assert_allclose(simplify(graph, fastmath=True)(X), f(X), rtol=1e-14)


# ---- everything ----------------------------------------------------------------------------------------------------

EXAMPLES = [c for c in CASES if c.order > 1 or c.primitive in ("scan", "cond", "while_loop")]


@pytest.mark.parametrize("case", EXAMPLES, ids=str)
def test_every_example_gives_the_same(case):
    """Exactly, of the function and of its vjp; with stable forms, to rounding."""
    example = testing.example("simplify", case.f, case.args)
    pulled = testing.pulled(example)
    for one in (example, pulled):
        graph = cr.record(one.f, *one.xs)
        leaves = graph.flatten(*one.xs)
        expected = graph.run(leaves)
        new = simplify(graph, stable=False)
        check(new)
        for a, b in zip(expected, new.run(leaves), strict=True):
            assert same(a, b), (a, b)
        other = roll(simplify(graph), least=3)
        check(other)
        for a, b in zip(expected, other.run(leaves), strict=True):
            tolerance = 1e-12 if np.asarray(a).dtype in (np.float64, np.complex128) else 1e-4
            np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


def test_every_rewrite_is_named_by_an_operation():
    assert all(rule.root.primitive is not None for rule in [*EXACT, *STABLE, *REORDERED, *FAST])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=25))
def test_random_programs(steps):
    x = np.resize([0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.0], 12).reshape(3, 4)

    def f(x, y):
        made = [x, y, 0.0, 1.0, np.ones((3, 4)), -0.0]
        for k, i, j in steps:
            a, b = made[i % len(made)], made[j % len(made)]
            made.append(
                [
                    lambda a, b: a + b,
                    lambda a, b: a * b,
                    lambda a, b: a - b,
                    lambda a, b: a / b if isinstance(b, cr.core.trace.Tracer) else b,
                    lambda a, b: -a,
                    lambda a, b: np.sin(a),
                    lambda a, b: np.where(np.asarray(1.0) > 0, a, b),
                    lambda a, b: a**1,
                    lambda a, b: np.reshape(np.broadcast_to(a, (3, 4)), (3, 4)),
                    lambda a, b: np.transpose(np.broadcast_to(b, (3, 4))).T,
                ][k](a, b)
            )
        return made[-1] + 0 * x, made[-2] + 0 * y

    with np.errstate(all="ignore"):
        exactly(f, x, X)


# ---- cost --------------------------------------------------------------------------------------------------------


def long(n):
    def f(x):
        for i in range(n):
            x = np.sin(x) * 1 + (i % 7) * np.cos(x)
        return x

    return cr.record(f, 0.5)


def test_time_is_linear_in_the_number_of_equations():
    def seconds(graph):
        start = time.perf_counter()
        simplify(graph)
        return time.perf_counter() - start

    small, large = long(1000), long(12_000)
    assert len(large.equations) > 50_000
    least = min(seconds(small) for _ in range(3))
    assert seconds(large) < 30 * least + 1


def test_a_rolled_loop_is_simplified():
    def f(x):
        return cr.grad(lambda x: np.sum(np.stack(list(scanned(x)))))(x)

    def scanned(x):
        for i in range(40):
            x = np.tanh(x) * 1.0
            yield x * i

    graph = cr.record(f, X)
    new = simplify(roll(graph), stable=False)
    check(new)
    assert sum(isinstance(p, Graph) for e in new.equations for p in e.params.values()) == 2
    assert same(graph(X), new(X))

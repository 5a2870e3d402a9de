"""Loops of Python, rolled up again: the same bits, from as many equations for ten thousand steps as for ten."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainrule as cr
from chainrule.compiler.program import Program
from chainrule.compiler.roll import roll
from chainrule.core.graph import Graph

rng = np.random.default_rng(7)
W, H = rng.normal(size=(3, 3)) / 2, rng.normal(size=3)


def equations(graph):
    """How many there are, those of inner graphs included."""
    return sum(1 + sum(equations(p) for p in e.params.values() if isinstance(p, Graph)) for e in graph.equations)


def scans(graph):
    """The scans of a graph: of each its length, and the scans in its body."""
    return [(e.params["length"], scans(e.params["body"])) for e in graph.equations if e.primitive.name == "scan"]


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def outcome(graph, leaves):
    """What a graph gives, or that it was recorded for other values."""
    try:
        return graph.run(leaves)
    except ValueError as error:
        return ["record it again" in str(error)]


def rolled(f, *args, least=16):
    """The rolled graph of f, which has been seen to give what f gives, in every bit."""
    graph = cr.record(f, *args)
    new = roll(graph, least)
    for leaves in (graph.flatten(*args), [x * np.asarray(1.0625, x.dtype) for x in graph.flatten(*args)]):
        expected, found = outcome(graph, leaves), outcome(new, leaves)
        for a, b in zip(expected, found, strict=True):
            assert same(a, b), f"{a} is now {b}"
    if equations(new) < 300:
        compiled_gives_the_same(new, graph.flatten(*args))
    return new


def compiled_gives_the_same(graph, leaves):
    expected, found = graph.run(leaves), Program(graph)(leaves)
    for a, b in zip(expected, found, strict=True):
        low = np.asarray(a).dtype == np.float32
        np.testing.assert_allclose(b, a, rtol=1e-4 if low else 1e-10, atol=1e-12 * np.max(np.abs(a), initial=1))
        assert np.asarray(b).dtype == np.asarray(a).dtype


def size(f, *args):
    return equations(rolled(f, *args))


# ---- what is to be rolled --------------------------------------------------------------------------------------------


def rnn(W, h, xs):
    t = 0.0
    for i in range(len(xs)):
        h = np.tanh(W @ h + xs[i])
        t = t + np.sum(h * h)
    return t


def collected(x, n):
    ys = []
    for _ in range(n):
        x = x * 0.9 + 1
        ys.append(np.sin(x))
    return np.stack(ys)


def filled(x, n):
    y = np.zeros((n, 3), like=x)
    for i in range(n):
        y[i] = x * i
    return y


def recurrence(a, n):
    y = np.zeros(n, like=a)
    y[0] = 1.0
    for i in range(1, n):
        y[i] = y[i - 1] * a[i] + 0.5
    return y


def fibonacci(x, n):
    a, b, c = x, 2 * x, x + 1
    for _ in range(n):
        a, b, c = b, c, a * 0.3 + c * 0.2
    return c


def two_back(x, n):
    ys = [x, x * 2]
    for _ in range(n):
        ys.append(ys[-2] * 0.5 + np.sin(ys[-1]))
    return ys[-1] + ys[-3]


def in_a_row(x, n):
    for _ in range(n):
        x = np.sin(x)
    for _ in range(n):
        x = np.cos(x) * 0.5
    return x


def nested(x, n):
    for _ in range(n):
        for _ in range(n):
            x = np.sin(x) * 0.9
        x = np.exp(x)
    return x


def of_a_matrix(x, m):
    for i in range(m.shape[0]):
        for j in range(m.shape[1]):
            x = np.tanh(x + m[i, j])
        x = x * 2
    return x


def layers(x, weights):
    for w in weights:
        x = np.tanh(w @ x)
    return x


def windows(x, n):
    t = 0.0
    for i in range(n):
        t = t + np.sum(x[i : i + 3] ** 2) * x[-1 - i]
    return t


def columns(m):
    h = m[:, 0]
    for i in range(m.shape[1]):
        h = np.sin(h) + m[:, i]
    return h


def every_third(x):
    t = 0.0
    for i in range(0, len(x), 3):
        t = t * 0.5 + x[i]
    return t


def with_numbers(x, n):
    for i in range(n):
        x = x + (0.1 * i) * np.sin(x)
    return x


def with_arrays(x, n):
    table = np.random.default_rng(0).normal(size=(n, 3))
    for i in range(n):
        x = np.tanh(x + table[i].copy())
    return x


def shuffled(x, n):
    order = np.random.default_rng(0).permutation(n)
    t = 0.0
    for i in order:
        t = t * 0.5 + x[i]
    return t


def alternating(x, y, n):
    for _ in range(n):
        x, y = np.sin(y), np.cos(x)
    return x - y


def rk4(y, n):
    def f(y):
        return np.stack([y[0] * (1.1 - 0.4 * y[1]), y[1] * (0.1 * y[0] - 0.4)])

    h = 0.01
    for _ in range(n):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(y)


def integers(x, n):
    k = np.array([3, 5])
    for i in range(n):
        x = x * k + i
    return x


def guarded(x, n):
    for _ in range(n):
        if x > 0:
            x = x * 0.99
    return x


def early_exit(x):
    for _ in range(1000):
        x = x * 0.9 + 0.01
        if x < 0.2:
            break
    return x


def lstm_step(p, h, c, x):
    z = p["w"] @ np.concatenate([h, x]) + p["b"]
    i, f, o, g = z[0:3], z[3:6], z[6:9], z[9:12]
    c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    return np.tanh(c) / (1 + np.exp(-o)), c


def lstm(params, xs):
    h, c = np.zeros(3), np.zeros(3)
    loss = 0.0
    for x in xs:
        h, c = lstm_step(params, h, c, x)
        loss = loss + np.sum((h - x) ** 2)
    return loss / len(xs)


N = 40
XS = rng.normal(size=(N, 3))
PROGRAMS = {
    "a recurrent network": (rnn, W, H, XS),
    "values collected": (lambda x: collected(x, N), H),
    "rows written": (lambda x: filled(x, N), H),
    "a linear recurrence": (lambda a: recurrence(a, N), XS[:, 0].copy()),
    "three carried": (lambda x: fibonacci(x, N), 0.3),
    "two back": (lambda x: two_back(x, N), H),
    "several loops": (lambda x: in_a_row(x, N), 0.5),
    "nested": (lambda x: nested(x, 20), 0.5),
    "over a matrix": (of_a_matrix, 0.5, rng.normal(size=(20, 30))),
    "layers": (layers, H, [rng.normal(size=(3, 3)) for _ in range(20)]),
    "windows": (lambda x: windows(x, N - 3), XS[:, 0].copy()),
    "columns": (columns, XS.T.copy()),
    "every third": (every_third, rng.normal(size=60)),
    "numbers": (lambda x: with_numbers(x, N), H),
    "arrays": (lambda x: with_arrays(x, N), H),
    "shuffled": (lambda x: shuffled(x, N), rng.normal(size=N)),
    "alternating": (lambda x, y: alternating(x, y, N), 0.3, 0.4),
    "rk4": (lambda y: rk4(y, N), np.array([1.0, 0.5])),
    "integers": (lambda x: integers(x, N), np.array([1, 2])),
    "a guard in each": (lambda x: guarded(x, N), 0.5),
    "early exit": (early_exit, 0.9),
    "an LSTM": (lstm, {"w": rng.normal(size=(12, 6)), "b": rng.normal(size=12)}, XS),
    "float32": (rnn, W.astype(np.float32), H.astype(np.float32), XS.astype(np.float32)),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_loop_is_rolled(what):
    f, *args = PROGRAMS[what]
    before = equations(cr.record(f, *args))
    new = rolled(f, *args)
    assert scans(new), "nothing was rolled"
    assert equations(new) < max(before / 6, 30)


@pytest.mark.parametrize("what", [w for w in PROGRAMS if w != "integers"])
def test_a_gradient_is_rolled(what):
    f, *args = PROGRAMS[what]
    g = cr.grad(lambda *args: np.sum(f(*args)), tuple(range(len(args))))
    before = equations(cr.record(g, *args))
    new = rolled(g, *args)
    assert scans(new), "nothing was rolled"
    assert equations(new) < max(before / 4, 90)


@pytest.mark.parametrize("what", ["a recurrent network", "three carried", "rk4", "windows"])
def test_second_derivatives_are_rolled(what):
    f, *args = PROGRAMS[what]
    h = lambda x, *rest: cr.jvp(cr.grad(lambda x: f(x, *rest)), (x,), (np.ones_like(x),))[1]
    new = rolled(h, *args)
    assert scans(new)


SIZES = {
    "a recurrent network": lambda n: (rnn, W, H, rng.normal(size=(n, 3))),
    "rows written": lambda n: (lambda x: filled(x, n), H),
    "a linear recurrence": lambda n: (lambda a: recurrence(a, n), rng.normal(size=n)),
    "values collected": lambda n: (lambda x: collected(x, n), H),
    "nested": lambda n: (lambda x: nested(x, n // 10), 0.5),
    "rk4": lambda n: (lambda y: rk4(y, n), np.array([1.0, 0.5])),
}


@pytest.mark.parametrize("what", SIZES)
@pytest.mark.parametrize("grad", [False, True])
def test_the_size_does_not_depend_on_the_length(what, grad):
    def of(n):
        f, *args = SIZES[what](n)
        g = cr.grad(lambda *args: np.sum(f(*args)), tuple(range(len(args)))) if grad else f
        return equations(roll(cr.record(g, *args)))

    assert of(200) == of(400)


# ---- structure ---------------------------------------------------------------------------------------------------


def test_inner_loops_are_scans_in_the_bodies_of_outer_ones():
    assert scans(rolled(lambda x: nested(x, 20), 0.5)) == [(20, [(20, [])])]


def layered(weights, xs):
    """A loop over layers in a loop over time: each layer has a state."""
    states = [np.zeros(3) for _ in weights]
    total = 0.0
    for x in xs:
        for i in range(len(weights)):
            states[i] = np.tanh(weights[i] * states[i] + x)
            x = states[i]
        total = total + np.sum(x * x)
    return total


def test_a_loop_over_layers_in_a_loop_over_time():
    weights, xs = rng.normal(size=(20, 3)), rng.normal(size=(25, 3))
    new = rolled(cr.value_and_grad(layered), weights, xs)
    nested = [n for n, inner in scans(new) if inner]
    assert len(nested) == 2, "one forth and one back"
    assert all(len(inner) == 1 for _, inner in scans(new) if inner)
    assert equations(new) < 250


def test_short_inner_loops_stay_in_the_body():
    def f(x, xs):
        for i in range(50):
            for w in (0.1, 0.2, 0.3):
                x = np.tanh(w * x + xs[i])
        return x

    assert scans(rolled(f, 0.5, rng.normal(size=50))) == [(50, [])]


def test_a_body_that_repeats_something_is_rolled_as_a_whole():
    def f(x, a, b, c):
        for _ in range(50):
            x = x * a
            x = x * b
            x = x * c
        return x

    new = rolled(f, 1.0, 0.9, 1.1, 1.01)
    assert scans(new) == [(50, [])]
    assert len(new.equations[0].params["body"].equations) == 3


def test_collected_values_are_stacked_by_the_scan():
    names = [e.primitive.name for e in rolled(lambda x: collected(x, N), H).equations]
    assert names.count("concatenate") <= 1
    assert names.count("getitem") <= 1


def test_values_read_after_the_loop_are_taken_from_the_stack():
    def f(x):
        ys = []
        for _ in range(50):
            x = np.sin(x)
            ys.append(x)
        return ys[3] * ys[17] + ys[-1]

    new = rolled(f, 0.5)
    assert [e.primitive.name for e in new.equations] == ["scan", "getitem", "getitem", "multiply", "getitem", "add"]


def test_the_last_value_alone_is_no_stack():
    (e,) = rolled(lambda x: in_a_row(x, N), 0.5).equations[:1]
    assert [v.aval.shape for v in e.outputs] == [()]


def test_a_loop_that_reads_backwards_runs_backwards():
    new = rolled(cr.grad(rnn), W, H, XS)
    assert [e.params["reverse"] for e in new.equations if e.primitive.name == "scan"] == [False, True]


def test_guards_of_all_iterations_are_one():
    graph = rolled(lambda x: guarded(x, N), 0.5)
    assert len(graph.guards) == 1
    with pytest.raises(ValueError, match="record it again"):
        graph(-0.5)


def test_loops_within_branches_and_scans_are_rolled():
    def f(x):
        return cr.scan(lambda c, v: (in_a_row(c + v, 20), None), x, np.ones(3))[0]

    assert scans(rolled(f, 0.5)) == [(3, [(20, []), (20, [])])]


def test_a_rolled_graph_can_be_differentiated():
    graph = rolled(rnn, W, H, XS)
    for a, b in zip(cr.grad(graph, (0, 1, 2))(W, H, XS), cr.grad(rnn, (0, 1, 2))(W, H, XS), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(cr.vmap(graph, (None, 0, None))(W, XS[:2], XS), [rnn(W, h, XS) for h in XS[:2]])


# ---- arrays that are written row by row ------------------------------------------------------------------------------


def handed_on(graph):
    """The shapes of what the scans of a graph hand from step to step."""
    return [
        v.aval.shape
        for e in graph.equations
        if e.primitive.name == "scan"
        for v in e.params["body"].outputs[: e.params["carries"]]
    ]


def sums_of_neighbors(x, n):
    y = np.copy(x)
    for i in range(2, n):
        y[i] = y[i] + y[i - 1] * 0.5 + y[i - 2] * 0.25 + y[0]
    return y


STACKED = {
    "rows written": lambda: (lambda x: filled(x, N), H),
    "a linear recurrence": lambda: (lambda a: recurrence(a, N), XS[:, 0].copy()),
    "neighbors": lambda: (lambda x: sums_of_neighbors(x, N), XS),
    "a gradient of rows": lambda: (cr.grad(rnn, 2), W, H, XS),
    "a gradient of neighbors": lambda: (cr.grad(lambda x: np.sum(sums_of_neighbors(x, N) ** 2)), XS),
}


@pytest.mark.parametrize("what", STACKED)
def test_arrays_written_row_by_row_are_stacked(what):
    f, *args = STACKED[what]()
    graph = rolled(f, *args)
    if what != "a gradient of neighbors":  # where y[0] is added to in every step
        assert not {(N, 3), (N,)} & set(handed_on(graph))


def written_twice(x, n):
    y = np.zeros((n, 3), like=x)
    for i in range(n):
        y[i // 2] = x * i + y[i // 2]
    return y


def read_late(x, n):
    y = np.copy(x)
    for i in range(n):
        y[i] = y[i] + np.sum(y)
    return y


def read_before_and_after(x, n):
    y = np.copy(x)
    for i in range(n):
        y[i] = y[n - 1 - i] * 2
    return y


def written_in_any_order(x, n):
    y = np.copy(x)
    for i in np.random.default_rng(3).permutation(n):
        y[i] = np.sin(y[i])
    return y


def read_at_an_array_of_places(x, n):
    y = np.copy(x)
    places = np.array([0, 2])
    for i in range(n):
        y[i] = np.sum(y[places], axis=0) * 0.1
    return y


OTHERS = [written_twice, read_late, read_before_and_after, written_in_any_order, read_at_an_array_of_places]


@pytest.mark.parametrize("f", OTHERS)
def test_what_else_is_done_with_rows(f):
    x = H if f is written_twice else XS
    graph = rolled(lambda x: f(x, N), x)
    assert scans(graph)
    assert ((N, 3) in handed_on(graph)) == (f is not written_in_any_order)
    rolled(cr.grad(lambda x: np.sum(f(x, N) ** 2)), x)


# ---- what must not be rolled -----------------------------------------------------------------------------------------


def lookback(x):
    """Each value reads one that is ever further back."""
    ys = [x]
    for i in range(60):
        ys.append(np.sin(ys[-1]) + ys[i // 2])
    return ys[-1]


def other_shapes(x):
    for _ in range(30):
        x = np.concatenate([x, x[:1] * 0.5])
    return x


def other_operations(x):
    order = [np.sin, np.cos, np.tanh, np.exp, np.arctan, np.sinh, np.sqrt]
    for k in np.random.default_rng(2).integers(0, 7, 200):
        x = order[k](x * 0.1 + 2)
    return x


def scattered_weights(x, ws):
    for k in np.random.default_rng(1).integers(0, 3, 100):
        x = np.tanh(x + ws[k])
    return x


NEAR = {
    "ever further back": (lookback, 0.3),
    "other shapes": (other_shapes, np.ones(2)),
    "other operations": (other_operations, 0.3),
    "any of three weights": (scattered_weights, 0.1, [0.1, -0.2, 0.3]),
}


@pytest.mark.parametrize("what", NEAR)
def test_what_cannot_be_proved_gives_the_same_all_the_same(what):
    f, *args = NEAR[what]
    rolled(f, *args)
    rolled(cr.grad(lambda *args: np.sum(f(*args))), *args)


def test_a_loop_that_is_too_short_is_left_alone():
    graph = cr.record(lambda x: in_a_row(x, 10), 0.5)
    assert roll(graph) is graph or not scans(roll(graph))
    assert scans(roll(graph, least=5))


def test_one_iteration_that_differs_is_left_outside():
    def f(x):
        for i in range(60):
            x = np.sin(x) * 0.9
            if i == 30:
                x = np.exp(x)
        return x

    assert [n for n, _ in scans(rolled(f, 0.5))] == [31, 29]


def test_one_iteration_that_reads_something_else_is_left_outside():
    def f(x, y):
        for i in range(60):
            x = np.sin(x) * (y if i != 30 else x)
        return x

    found = [n for n, _ in scans(rolled(f, 0.5, 0.7))]
    assert found == [30, 29]


def test_zeros_of_both_signs_are_two_constants():
    def f(x):
        for i in range(40):
            x = np.copysign(x, 0.0 if i % 2 else -0.0) * 0.9
        return x

    rolled(f, 0.5)


def test_python_numbers_among_rows_keep_the_dtype():
    def f(x):
        for i in range(40):
            x = x * 1.01 + 0.1 * i
        return x

    assert rolled(f, np.float32(1.5)).outputs[0].aval.dtype == np.float32


# ---- any program -----------------------------------------------------------------------------------------------------

STEPS = [
    lambda s, i, xs: s | {"a": np.sin(s["a"]) + s["b"]},
    lambda s, i, xs: s | {"b": s["a"] * xs[i]},
    lambda s, i, xs: s | {"a": s["a"] - s["old"], "old": s["a"]},
    lambda s, i, xs: s | {"b": np.tanh(s["b"] + xs[-1 - i])},
    lambda s, i, xs: s | {"a": np.where(s["a"] > s["b"], s["a"] * 0.5, s["b"])},
    lambda s, i, xs: s | {"b": s["b"] * (0.1 * i)},
    lambda s, i, xs: s | {"ys": [*s["ys"], s["a"]]},
    lambda s, i, xs: s | {"a": s["a"] + s["ys"][-1]} if s["ys"] else s,
    lambda s, i, xs: s | {"b": s["b"] + np.sum(xs[i : i + 2] * s["a"])},
    lambda s, i, xs: s | {"a": s["a"] * 0.3} if i % 7 == 3 else s,
]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=5), min_size=1, max_size=3),
    st.integers(5, 30),
    st.integers(2, 6),
    st.booleans(),
)
def test_random_loops(loops, n, least, grad):
    xs = np.random.default_rng(n).normal(size=n + 2)

    def f(a, xs):
        s = {"a": a, "b": a * 0.5, "old": a, "ys": []}
        for body in loops:
            for i in range(n):
                for k in body:
                    s = STEPS[k](s, i, xs)
        return s["a"] + s["b"] + sum(s["ys"][:9]) + sum(s["ys"][-5:])

    with np.errstate(all="ignore"):
        rolled(cr.grad(f, (0, 1)) if grad else f, 0.7, xs, least=least)


# ---- cost --------------------------------------------------------------------------------------------------------


def test_an_lstm_of_two_layers_over_a_thousand_steps():
    def two_layers(params, xs):
        states = [(np.zeros(3), np.zeros(3)) for _ in params]
        loss = 0.0
        for t in range(len(xs) - 1):
            x = xs[t]
            for i, p in enumerate(params):
                states[i] = lstm_step(p, *states[i], x)
                x = states[i][0]
            loss = loss + np.sum((x - xs[t + 1]) ** 2)
        return loss

    params = [{"w": rng.normal(size=(12, 6)), "b": rng.normal(size=12)} for _ in range(2)]
    xs = rng.normal(size=(1025, 3))
    graph = cr.record(cr.value_and_grad(two_layers), params, xs)
    new = roll(graph)
    assert len(graph.equations) > 100_000
    assert equations(new) < 800
    assert len(scans(new)) == 2
    for a, b in zip(graph.run(graph.flatten(params, xs)), new.run(graph.flatten(params, xs)), strict=True):
        assert same(a, b)


def test_ten_thousand_steps():
    def f(x):
        for _ in range(10_000):
            x = x - 0.01 * np.sin(x)
        return x

    new = roll(cr.record(cr.grad(f), 1.0))
    assert equations(new) < 30
    assert same(new(1.0), cr.grad(f)(1.0))

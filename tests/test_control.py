"""cond, while_loop, scan and fori_loop: Python as they stand, one equation where recorded, the same derivatives."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainrule as cr
from chainrule.core.graph import Graph

rng = np.random.default_rng(5)
W, H = rng.normal(size=(3, 3)) / 2, rng.normal(size=3)
XS = rng.normal(size=(6, 3))


def rnn(W, h, xs):
    def step(h, x):
        h = np.tanh(W @ h + x)
        return h, np.sum(h * h)

    h, ys = cr.scan(step, h, xs)
    return np.sum(h) + ys @ np.arange(len(xs))


def rnn_in_python(W, h, xs):
    total = 0.0
    for i in range(len(xs)):
        h = np.tanh(W @ h + xs[i])
        total = total + i * np.sum(h * h)
    return np.sum(h) + total


def names(graph):
    """The operations of a graph, and of the graphs in it."""
    found = []
    for e in graph.equations:
        found.append(e.primitive.name)
        found += [n for p in e.params.values() if isinstance(p, Graph) for n in names(p)]
    return found


def loops(graph):
    return [e for e in graph.equations if e.primitive.name in ("scan", "while_loop")]


# ---- eagerly ---------------------------------------------------------------------------------------------------------


def test_scan_is_a_loop():
    carry, ys = cr.scan(lambda c, x: (c + x, {"c": c, "x": x}), 1.0, np.arange(4.0))
    assert carry == 7.0
    np.testing.assert_array_equal(ys["c"], [1, 1, 2, 4])
    np.testing.assert_array_equal(ys["x"], np.arange(4.0))


def test_scan_backwards_keeps_ys_beside_xs():
    carry, ys = cr.scan(lambda c, x: (c + x, c), 0.0, np.arange(4.0), reverse=True)
    assert carry == 6
    np.testing.assert_array_equal(ys, [6, 5, 3, 0])


def test_scan_over_a_tree():
    carry, ys = cr.scan(lambda c, x: (c + x["a"] @ x["b"], None), 0.0, {"a": XS, "b": XS})
    assert carry == pytest.approx(np.sum(XS * XS))
    assert ys is None


@pytest.mark.parametrize("record", [False, True])
def test_scan_of_no_steps(record):
    def f(c):
        return cr.scan(lambda c, x: (c * 2, (c, x)), c, np.zeros((0, 2), np.float32))

    carry, (ys, xs) = (cr.record(f, 1.5) if record else f)(1.5)
    assert carry == 1.5
    assert ys.shape == (0,)
    assert ys.dtype == np.float64
    assert xs.shape == (0, 2)
    assert xs.dtype == np.float32


def test_fori_loop_and_while_loop():
    assert cr.fori_loop(2, 5, lambda i, c: c * i, 1) == 24
    assert cr.fori_loop(5, 2, lambda i, c: c * i, 1) == 1
    assert cr.while_loop(lambda c: c["n"] < 10, lambda c: {"n": c["n"] * 2}, {"n": 1}) == {"n": 16}


def test_cond_does_one_of_both_only():
    done = []
    assert cr.cond(np.True_, lambda x: x + 1, lambda x: done.append(x), 2) == 3
    assert cr.cond(0, lambda x: done.append(x), lambda x: x - 1, 2) == 1
    assert not done


def test_bodies_may_look_at_values_as_python_does():
    def f(x):
        return cr.fori_loop(0, 4, lambda i, c: c * x if c > 2 else c + x + DATA[i], 1.0)

    DATA = np.arange(4.0)
    expected = 1.0
    for i in range(4):
        expected = expected * 1.5 if expected > 2 else expected + 1.5 + DATA[i]
    assert f(1.5) == expected
    graph = cr.record(f, 1.5)  # unrolled
    assert graph(1.5) == expected
    assert not loops(graph)
    assert cr.grad(f)(1.5) == cr.grad(graph)(1.5)


# ---- recorded: one equation ----------------------------------------------------------------------------------------


def test_a_recorded_scan_is_one_equation():
    graph = cr.record(rnn, W, H, XS)
    assert [e.primitive.name for e in loops(graph)] == ["scan"]
    assert graph(W, H, XS) == pytest.approx(rnn_in_python(W, H, XS), rel=1e-14)
    assert "\n        body: graph(" in str(graph)


def test_a_recorded_gradient_is_a_loop_forth_and_one_back():
    graph = cr.record(cr.grad(rnn, (0, 1, 2)), W, H, XS)
    assert [e.params["reverse"] for e in loops(graph)] == [False, False, True]  # the first gives the value
    for a, b in zip(graph(W, H, XS), cr.grad(rnn_in_python, (0, 1, 2))(W, H, XS), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_the_size_of_a_graph_does_not_depend_on_the_length():
    sizes = {len(names(cr.record(cr.grad(rnn), W, H, np.zeros((n, 3))))) for n in (2, 5, 50)}
    assert len(sizes) == 1


def test_what_does_not_change_is_computed_once():
    def f(W, h):
        return np.sum(cr.scan(lambda h, _: (np.exp(W) @ h, None), h, length=4)[0])

    graph = cr.record(cr.grad(f, 1), W, H)
    back = loops(graph)[-1]
    assert "exp" not in [e.primitive.name for e in back.params["body"].equations]
    expected = np.linalg.matrix_power(np.exp(W).T, 4) @ np.ones(3)
    np.testing.assert_allclose(graph(W, H), expected, rtol=1e-13)


def test_arguments_that_are_not_differentiated_have_no_tangents():
    graph = cr.record(lambda x, c: cr.jvp(lambda c: cr.scan(lambda c, x: (c * 2, x), c, x), (c,), (c,))[1], XS, 1.0)
    assert len(loops(graph)[-1].outputs) == 2  # c and its tangent


def test_branches_are_one_equation_and_reach_outside():
    def f(x, y):
        return cr.cond(x > y, lambda: {"a": x * y}, lambda: {"a": np.sin(y)})["a"]

    graph = cr.record(cr.grad(f, (0, 1)), 2.0, 1.0)
    assert [e.primitive.name for e in graph.equations].count("cond") == 2
    assert not graph.guards
    assert graph(2.0, 1.0) == (1.0, 2.0)
    assert graph(1.0, 2.0) == (0.0, np.cos(2.0))


def test_a_plain_predicate_is_decided_when_recorded():
    assert names(cr.record(lambda x: cr.cond(True, np.sin, np.cos, x), 1.0)) == ["sin"]


def test_a_branch_not_taken_may_fail_or_go_on_for_ever():
    def f(a):
        return cr.cond(
            a[0, 0] > 0, lambda: np.linalg.cholesky(a), lambda: cr.while_loop(lambda c: c[0, 0] < 0, lambda c: c + 1, a)
        )

    graph = cr.record(f, -np.eye(2))
    np.testing.assert_array_equal(graph(-np.eye(2)), np.eye(2)[::-1])
    np.testing.assert_array_equal(graph(4 * np.eye(2)), 2 * np.eye(2))


def test_the_rounds_of_a_while_loop_are_a_guard_of_its_gradient_only():
    def f(x):
        return cr.while_loop(lambda c: c < 10, lambda c: c * x, x)

    assert cr.record(f, 2.0)(3.0) == 27
    graph = cr.record(cr.grad(f), 2.0)
    assert graph(2.0) == 4 * 2.0**3
    with pytest.raises(ValueError, match="record it again"):
        graph(3.0)


def test_python_numbers_take_the_dtype_that_they_meet():
    def f(x):
        return cr.fori_loop(0, 3, lambda i, c: c + x, 0.0)

    x = np.float32(0.1)
    assert f(x).dtype == np.float32
    graph = cr.record(f, x)
    assert loops(graph)
    assert graph(x) == f(x)
    assert graph(x).dtype == np.float32
    g = cr.record(lambda x: cr.scan(lambda c, x: (0.0, c + x), x[0], x)[1], np.ones(3, np.float32))
    assert g.outputs[0].aval.dtype == np.float32


def test_writing_into_a_carried_array():
    def f(x):
        def step(i, y):
            y = np.copy(y)
            y[i] = y[i - 1] * x[i] + y[i]
            return y

        return cr.fori_loop(1, 5, step, x)

    def python(x):
        y = np.copy(x)
        for i in range(1, 5):
            y[i] = y[i - 1] * x[i] + y[i]
        return y

    x = np.array([0.3, -1.2, 0.8, 2.0, 1.1])
    graph = cr.record(f, x)
    assert loops(graph)
    np.testing.assert_array_equal(graph(x), python(x))
    expected = cr.jacobian(python)(x)
    for g in (graph, cr.record(lambda x: cr.jacobian(f)(x), x)):
        np.testing.assert_allclose(cr.jacobian(g)(x) if g is graph else g(x), expected, rtol=1e-13)
    gradient = cr.record(cr.grad(lambda x: np.sum(np.sin(f(x)))), x)
    assert loops(gradient)
    np.testing.assert_allclose(gradient(x), cr.grad(lambda x: np.sum(np.sin(python(x))))(x), rtol=1e-14)


@pytest.mark.parametrize("places", [[[0, 1], [2, 3]], [[1, 1], [0, 3]], [[2, 2], [2, 2]]])
def test_writing_at_several_places_of_a_carried_array(places):
    places = np.array(places)

    def f(x):
        def step(y, place):
            y = np.copy(y)
            y[place] = y[place] * x[0] + np.stack([x[1] * y[0], x[2]])
            return y, None

        return np.sum(np.sin(cr.scan(step, x, places)[0]))

    x = np.array([0.3, -1.2, 0.8, 2.0])
    gradient = cr.record(cr.grad(f), x)
    assert loops(gradient)
    np.testing.assert_allclose(gradient(x), cr.grad(f)(x), rtol=1e-14)
    numeric = [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(gradient(x), numeric, atol=1e-8)
    np.testing.assert_allclose(
        cr.vmap(cr.grad(f))(np.stack([x, x + 1])), [cr.grad(f)(x), cr.grad(f)(x + 1)], rtol=1e-14
    )


# ---- every transform, eagerly and recorded ---------------------------------------------------------------------------


def grown(x):
    """The first power of x above 100, but for x itself."""
    return cr.while_loop(lambda c: np.abs(c) < 100, lambda c: c * x, x)


def power(x, n):
    return cr.fori_loop(0, n, lambda i, y: y * x, 1.0)


X, K = np.array([1.5, 2.0, 9.0]), np.array([12, 7, 3])
GROWN = {
    "the value": (lambda: grown, X**K),
    "grad": (lambda: cr.grad(grown), K * X ** (K - 1)),
    "jvp": (lambda: lambda x: cr.jvp(grown, (x,), (2.0,))[1], 2 * K * X ** (K - 1)),
    "grad of grad": (lambda: cr.grad(cr.grad(grown)), K * (K - 1) * X ** (K - 2)),
    "jvp of grad": (lambda: lambda x: cr.jvp(cr.grad(grown), (x,), (1.0,))[1], K * (K - 1) * X ** (K - 2)),
    "grad of jvp": (lambda: cr.grad(lambda x: cr.jvp(grown, (x,), (1.0,))[1]), K * (K - 1) * X ** (K - 2)),
}


@pytest.mark.parametrize("what", GROWN)
@pytest.mark.parametrize("how", ["alone", "vmap", "record", "record(vmap)", "vmap(record)"])
def test_a_while_loop_under_transforms(what, how):
    make, expected = GROWN[what]
    f = make()
    found = {
        "alone": lambda: [f(x) for x in X],
        "vmap": lambda: cr.vmap(f)(X),
        "record": lambda: [cr.record(f, x)(x) for x in X],
        "record(vmap)": lambda: cr.record(cr.vmap(f), X)(X),
        "vmap(record)": lambda: cr.vmap(cr.record(grown, 2.0))(X) if what == "the value" else cr.vmap(f)(X),
    }[how]()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_gradient_of_a_mapped_while_loop():
    f = lambda x: np.sum(cr.vmap(grown)(x))
    expected = K * X ** (K - 1)
    np.testing.assert_allclose(cr.grad(f)(X), expected)
    np.testing.assert_allclose(cr.record(cr.grad(f), X)(X), expected)
    np.testing.assert_allclose(cr.grad(cr.record(f, X))(X), expected)


@pytest.mark.parametrize("record", [False, True])
def test_mapped_bounds(record):
    f = cr.vmap(cr.grad(power), (None, 0))
    n = np.array([0, 1, 4])
    found = (cr.record(lambda x: f(x, n), 3.0) if record else lambda x: f(x, n))(3.0)
    np.testing.assert_allclose(found, n * 3.0 ** np.maximum(n - 1, 0))


@pytest.mark.parametrize("record", [False, True])
def test_a_mapped_predicate_chooses_and_drops_infinite_slopes(record):
    def f(x):
        return cr.cond(x > 0, np.sqrt, lambda x: 0.0 * x, x)

    x = np.array([-4.0, 0.0, 4.0])
    with np.errstate(all="ignore" if record else "warn"):  # recorded, both branches are there for everybody to see
        found = (cr.record(cr.vmap(cr.grad(f)), x) if record else cr.vmap(cr.grad(f)))(x)
    np.testing.assert_array_equal(found, [0, 0, 0.25])
    g = cr.record(f, 1.0)
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(cr.vmap(g)(x)))(x), [0, 0, 0.25])


def test_a_scan_mapped_over_some_arguments():
    hs = np.stack([H, -H, 2 * H])
    graph = cr.record(rnn, W, H, XS)
    expected = [rnn_in_python(W, h, XS) for h in hs]
    np.testing.assert_allclose(cr.vmap(graph, (None, 0, None))(W, hs, XS), expected, rtol=1e-13)
    xs = np.stack([XS, XS[::-1]], 1)
    expected = [rnn_in_python(W, H, xs[:, i]) for i in range(2)]
    np.testing.assert_allclose(cr.record(cr.vmap(rnn, (None, None, 1)), W, H, xs)(W, H, xs), expected, rtol=1e-13)


def test_second_derivatives_of_a_scan():
    f, g = (lambda h: rnn(W, h, XS)), (lambda h: rnn_in_python(W, h, XS))
    expected = cr.hessian(g)(H)
    np.testing.assert_allclose(cr.hessian(f)(H), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(cr.record(cr.hessian(f), H)(H), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(cr.hessian(cr.record(f, H))(H), expected, rtol=1e-12, atol=1e-14)
    back = cr.record(cr.grad(lambda h: np.sum(cr.grad(f)(h) ** 2)), H)
    np.testing.assert_allclose(back(H), 2 * expected @ cr.grad(g)(H), rtol=1e-11)


def test_linearize_and_checkpoint_and_variables():
    _y, push = cr.linearize(lambda h: rnn(W, h, XS), H)
    assert push(H) == pytest.approx(cr.grad(rnn_in_python, 1)(W, H, XS) @ H, rel=1e-12)
    f = cr.checkpoint(rnn)
    np.testing.assert_allclose(cr.grad(f, 1)(W, H, XS), cr.grad(rnn_in_python, 1)(W, H, XS), rtol=1e-12)
    h = cr.variable(H)
    rnn(W, h, XS).backward()
    np.testing.assert_allclose(h.grad, cr.grad(rnn_in_python, 1)(W, H, XS), rtol=1e-12)


def test_the_pattern_of_a_scan_is_that_of_its_steps():
    graph = cr.record(lambda x: cr.scan(lambda c, x: (c * x, c), 1.0, x)[1], np.ones(4))
    np.testing.assert_array_equal(cr.sparsity(graph, np.ones(4)).toarray(), np.tri(4, k=-1, dtype=bool))


def test_the_pattern_of_a_branch_is_that_of_the_one_taken():
    graph = cr.record(lambda x: cr.cond(x[0] > 0, lambda x: x[::-1], lambda x: 2 * x, x), np.ones(2))
    np.testing.assert_array_equal(cr.sparsity(graph, np.ones(2), local=True).toarray(), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(cr.sparsity(graph, -np.ones(2), local=True).toarray(), np.eye(2))


OPERATIONS = [
    lambda c, x: c * x,
    lambda c, x: np.sin(c) + x,
    lambda c, x: c / (1 + x * x),
    lambda c, x: cr.cond(c > x, lambda: c - x, lambda: c * 0.5),
    lambda c, x: np.where(x > 0, c, 1.0),
    lambda c, x: cr.fori_loop(0, 2, lambda i, v: np.cos(v + i) * x, c),
]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.sampled_from(range(len(OPERATIONS))), min_size=1, max_size=4),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from([(0,), (1,), (0, 1), (2,)]),
)
def test_loops_of_any_operations(chosen, n, reverse, argnums):
    """Values and derivatives of both modes: eager, recorded, and as a Python loop."""

    def step(carry, x, a):
        c, d = carry
        for k in chosen:
            c, d = OPERATIONS[k](c, x), c * a
        return (c, d), c + d

    def f(c, xs, a):
        (c, d), ys = cr.scan(lambda carry, x: step(carry, x, a), (c, 0.5), xs, reverse=reverse)
        return c * d + np.sum(ys * ys)

    def python(c, xs, a):
        carry, total = (c, 0.5), 0.0
        for i in reversed(range(n)) if reverse else range(n):
            carry, y = step(carry, xs[i], a)
            total = total + y * y
        return carry[0] * carry[1] + total

    args = 0.7, np.random.default_rng(n).normal(size=n), 1.2
    expected = cr.grad(python, argnums)(*args)
    for g in (cr.grad(f, argnums), cr.record(cr.grad(f, argnums), *args), cr.grad(cr.record(f, *args), argnums)):
        for a, b in zip(g(*args), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    ts = tuple(np.ones_like(a) for a in args)
    slope = cr.jvp(python, args, ts)[1]
    for g in (f, cr.record(f, *args)):
        np.testing.assert_allclose(cr.jvp(g, args, ts)[1], slope, rtol=1e-10, atol=1e-13)
    pushed = cr.record(lambda *args: cr.jvp(f, args, ts)[1], *args)
    np.testing.assert_allclose(pushed(*args), slope, rtol=1e-10, atol=1e-13)


# ---- errors ----------------------------------------------------------------------------------------------------------

WRONG = {
    "a carry of another shape": (
        lambda x: cr.scan(lambda c, _: (np.concatenate([c, c]), None), x, length=2),
        TypeError,
        r"scan: the carry was an array of shape \(3,\) and dtype float64 before a step and is an array of shape \(6,\) "
        r"and dtype float64 after it \(at .*test_control.py",
    ),
    "a carry of another dtype": (
        lambda x: cr.while_loop(lambda c: np.sum(c) < 9, lambda c: c * (1 + 1j), x),
        TypeError,
        r"while_loop: the carry was .* dtype float64 before a step and is .* dtype complex128 after it",
    ),
    "a carry of another structure": (
        lambda x: cr.fori_loop(0, 2, lambda i, c: (c, c), x),
        TypeError,
        r"the carry was \* before a step and is PyTreeSpec\(\(\*, \*\).* after it",
    ),
    "no pair": (lambda x: cr.scan(lambda c, _: c, x, length=1), TypeError, r"f must return a pair \(carry, y\)"),
    "no length": (lambda x: cr.scan(lambda c, _: (c, None), x), ValueError, "there is neither xs nor length"),
    "two lengths": (
        lambda x: cr.scan(lambda c, _: (c, None), x, (x, x[1:])),
        ValueError,
        r"xs and length say \[2, 3\]",
    ),
    "a number to run over": (lambda x: cr.scan(lambda c, _: (c, None), x, 3.0), ValueError, "no axis to run over"),
    "a predicate of several": (lambda x: cr.cond(x > 0, np.sin, np.cos, x), ValueError, r"cond: pred .* shape \(3,\)"),
    "a condition of several": (
        lambda x: cr.while_loop(lambda c: c < 1, lambda c: c + 1, x),
        ValueError,
        r"what cond_f returns must be a single truth value; it has shape \(3,\)",
    ),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("record", [False, True])
def test_errors(what, record):
    f, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        cr.record(f, np.ones(3)) if record else f(np.ones(3))


@pytest.mark.parametrize("mapped", [False, True])
def test_branches_that_differ(mapped):
    run = (lambda f: cr.vmap(f)(np.ones(2))) if mapped else (lambda f: cr.record(f, 1.0))
    with pytest.raises(ValueError, match=r"true_f returned the structure PyTreeSpec\(\(\*, \*\).*, false_f \*"):
        run(lambda x: cr.cond(x > 0, lambda: (x, x), lambda: x))
    with pytest.raises(ValueError, match=r"true_f returned an array of shape \(2,\) where false_f .* \(\)"):
        run(lambda x: cr.cond(x > 0, lambda: np.stack([x, x]), lambda: x))


def test_what_is_no_array_of_numbers():
    with pytest.raises(TypeError, match="scan: the carry holds 'a', which is no array of numbers"):
        cr.record(lambda x: cr.scan(lambda c, _: (c, None), (x, "a"), length=1), 1.0)


def test_a_while_loop_within_a_scan_has_no_recorded_gradient():
    def f(x):
        return cr.scan(lambda c, _: (cr.while_loop(lambda v: v < 9, lambda v: v * x, c) / 4, None), x, length=2)[0]

    assert cr.record(f, 2.0)(2.0) == f(2.0)
    assert cr.jvp(cr.record(f, 2.0), (2.0,), (1.0,))[1] == pytest.approx(cr.grad(f)(2.0))
    with pytest.raises(TypeError, match=r"how often it goes round .* use chainrule.fori_loop or chainrule.scan"):
        cr.record(cr.grad(f), 2.0)


def test_a_value_that_escapes_from_a_body_is_noticed():
    kept = []
    with pytest.raises(cr.LeakedTracerError):
        cr.record(lambda x: cr.scan(lambda c, _: (kept.append(c * 2) or c, None), x, length=2)[0] + kept[0], 1.0)


# ---- cost --------------------------------------------------------------------------------------------------------


def test_eagerly_no_operation_is_recorded(monkeypatch):
    def fails(*args):
        raise AssertionError("a body was recorded")

    monkeypatch.setattr("chainrule.transforms.control.body_of", fails)
    x = np.ones(3)
    cr.grad(lambda x: np.sum(cr.scan(lambda c, _: (np.sin(c), None), x, length=3)[0]))(x)
    cr.vmap(lambda x: cr.cond(x > 0, np.sin, np.cos, x))(x)
    cr.vmap(lambda x: cr.while_loop(lambda c: c < 3, lambda c: c + x, x))(x)

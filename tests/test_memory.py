"""Memory: nothing is kept that is not needed, and all goes when the graph does, without the garbage collector."""

import copy
import gc
import pickle
import tracemalloc
import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import chainrule as cr


@pytest.fixture
def no_gc():
    """The collector is off: what is freed is freed by reference counts."""
    gc.disable()
    gc.freeze()  # what is there already is not looked at, which is most of the time that a collection takes
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


x = np.array([0.3, 0.5, 0.7, 1.1, 1.3])


def plain(x):
    return np.sum(np.sin(x) * x / (1 + x**2))


def filled(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = x[i] * 2
    row = y[1:]
    row *= 3
    np.add.at(y, np.array([0, 0]), x[:2])
    return np.sum(y * y[::-1])


def looped(x):
    y = x
    for _ in range(20):
        y = np.tanh(y * 1.1) + np.max(x)
    return np.sum(np.where(y > 0.5, y, y**2))


@cr.custom
def cubed(x):
    return x**3


@cubed.defvjp
def _(ct, y, x):
    return (3 * ct * x**2,)


@cubed.defjvp
def _(tangents, y, x):
    return 3 * tangents[0] * x**2


again = cr.checkpoint(np.sin)

FUNCTIONS = {
    "plain": plain,
    "filled": filled,
    "looped": looped,
    "custom": lambda x: np.sum(cubed(x)),
    "checkpoint": lambda x: np.sum(again(x)),
    "products": lambda x: np.sum(np.einsum("i,j->ij", x, x) @ np.outer(x, x)),
    "selected": lambda x: np.sum(np.sort(x)[::2]) + np.max(x) + np.prod(x) + np.cumsum(x)[2],
}


def by_hand(f):
    w = cr.variable(x)
    f(w).backward()
    return w.grad


def twice(f):
    w = cr.variable(x)
    y = f(w)
    y.backward(create_graph=True)
    first, w.grad = w.grad, None
    np.sum(first * first).backward()


USES = {
    "grad": lambda f: cr.grad(f)(x),
    "grad of grad": lambda f: cr.grad(lambda x: np.sum(cr.grad(f)(x)))(x),
    "jvp": lambda f: cr.jvp(f, (x,), (x,)),
    "vjp": lambda f: cr.vjp(f, x)[1](1.0),
    "vjp, not pulled": lambda f: cr.vjp(f, x),
    "linearize": lambda f: cr.linearize(f, x)[1](x),
    "hessian": lambda f: cr.hessian(f)(x),
    "jacobian": lambda f: cr.jacobian(lambda x: x * f(x), mode="reverse")(x),
    "vmap": lambda f: cr.vmap(f)(np.stack([x, x])),
    "vmap of grad": lambda f: cr.vmap(cr.grad(f))(np.stack([x, x])),
    "record": lambda f: cr.record(f, x)(x),
    "sparsity": lambda f: cr.sparsity(lambda x: x * f(x), x, local=True),
    "variable": by_hand,
    "variable, not backward": lambda f: f(cr.variable(x)),
    "create_graph": twice,  # bugs.md 18
    "tree": lambda f: cr.grad(lambda p: f(p["a"]) + f(p["b"][0]))({"a": x, "b": (x, 2.0)}),
}


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS.keys())
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_no_reference_cycles(no_gc, use, f):
    for _ in range(2):  # what is made once (caches, imports) is made in the first
        found = use(f)
        del found
        cycles = gc.collect()
    assert cycles == 0


def test_no_reference_cycles_after_an_error(no_gc):
    def fails(x):
        y = np.sin(x)
        raise KeyError(str(y.shape))

    for use in (cr.grad, lambda f: cr.vmap(f), lambda f: lambda x: cr.jvp(f, (x,), (x,))):
        for _ in range(2):
            with pytest.raises(KeyError):
                use(fails)(x)
            gc.collect()
        try:
            use(fails)(x)
        except KeyError as error:
            error.__traceback__ = None
        assert gc.collect() == 0


def test_a_checkpoint_made_in_a_function_is_no_garbage(no_gc):
    def f(x):
        return np.sum(cr.checkpoint(np.sin)(x))

    for _ in range(2):
        cr.grad(f)(x)
        cycles = gc.collect()
    assert cycles == 0


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_memory_returns_to_its_start(no_gc, monkeypatch, use):
    monkeypatch.setattr("test_memory.x", np.linspace(0.3, 1.3, 200))
    tracemalloc.start()
    try:
        for _ in range(10):  # NumPy keeps some small pieces of memory for the next time
            use(looped)
        gc.collect()
        start = tracemalloc.get_traced_memory()[0]
        for _ in range(10):
            use(looped)
        assert gc.collect() == 0  # it finds nothing, but CPython's lists of free tuples, which count as used, go
        assert tracemalloc.get_traced_memory()[0] - start < 10 * x.nbytes  # not one array for each use
    finally:
        tracemalloc.stop()


def test_memory_returns_when_the_last_variable_goes(no_gc):
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        w = cr.variable(np.ones(1000))
        y = w
        for _ in range(200):
            y = np.sin(y)
        assert tracemalloc.get_traced_memory()[0] - start > 200 * 8000
        del w
        assert tracemalloc.get_traced_memory()[0] - start > 200 * 8000
        del y
        assert gc.collect() == 0
        assert tracemalloc.get_traced_memory()[0] - start < 2_000
    finally:
        tracemalloc.stop()


def test_backward_lets_go_of_the_values_though_the_result_is_held(no_gc):
    tracemalloc.start()
    try:
        w = cr.variable(np.ones(1000))
        y = w
        for _ in range(200):
            y = np.sin(y)
        full = tracemalloc.get_traced_memory()[0]
        y.backward(np.ones(1000))
        assert tracemalloc.get_traced_memory()[0] < full - 190 * 8000
    finally:
        tracemalloc.stop()


def test_a_failed_backward_pass_keeps_nothing(no_gc):
    @cr.custom
    def f(x):
        return x * 1.0

    @f.defvjp
    def _(ct, y, x):
        raise KeyboardInterrupt

    w, watched = cr.variable(np.ones(n)), Watched()
    y = np.sum(f(watched.see("argument", w * 2.0)))
    try:
        y.backward()
    except KeyboardInterrupt as error:
        error.__traceback__ = None
    assert w.grad is None
    assert watched.alive() == {"argument"}  # the tape is whole: what was interrupted can be done again
    del y
    assert watched.alive() == set()


# -- what a rule does not need is not kept -------------------------------------------------------------------


class Watched:
    """Which of the arrays that it was shown are alive."""

    def __init__(self):
        self.arrays = {}

    def see(self, name, tracer):
        self.arrays[name] = weakref.ref(tracer.primal)
        return tracer

    def alive(self):
        return {name for name, array in self.arrays.items() if array() is not None}


n = 1000
NOT_KEPT = {
    "x + 1": lambda a: a + 1.0,
    "1 - x": lambda a: 1.0 - a,
    "2 * x": lambda a: 2.0 * a,
    "x / 3": lambda a: a / 3.0,
    "sum": lambda a: np.sum(a),
    "mean": lambda a: np.mean(a, axis=0),
    "cumsum": lambda a: np.cumsum(a),
    "x[2:]": lambda a: a[[2, 3]],
    "exp, which needs its output": lambda a: np.exp(a),
    "tanh, which needs its output": lambda a: np.tanh(a),
    "concatenate": lambda a: np.concatenate([a, a]),
    "where": lambda a: np.where(np.arange(n) > 5, a, 0.0),
    "a product with a constant matrix": lambda a: np.ones((2, n)) @ a,
    "astype": lambda a: a.astype(np.float32),
    "floor": lambda a: np.floor(a),
    "einsum with a constant": lambda a: np.einsum("i,ji->j", a, np.ones((3, n))),
}

KEPT = {
    "x * x": lambda a: a * a,
    "sin": lambda a: np.sin(a),
    "x ** 3": lambda a: a**3,
    "max": lambda a: np.max(a),
}


@pytest.mark.parametrize("f", NOT_KEPT.values(), ids=NOT_KEPT.keys())
@pytest.mark.parametrize("hold", ["variable", "vjp"])
def test_what_no_rule_reads_goes_at_once(no_gc, f, hold):
    watched = Watched()

    def g(w):
        return f(watched.see("argument", w + w))

    if hold == "variable":
        held = g(cr.variable(np.ones(n)))
    else:
        held = cr.vjp(g, np.ones(n))
    assert watched.alive() == set()
    del held


@pytest.mark.parametrize("f", KEPT.values(), ids=KEPT.keys())
def test_what_a_rule_reads_stays_and_goes_with_the_tape(no_gc, f):
    watched = Watched()
    y = f(watched.see("argument", cr.variable(np.ones(n)) * 2.0))
    assert watched.alive() == {"argument"}
    del y
    assert watched.alive() == set()


def test_constants_are_not_kept_where_only_their_shape_matters(no_gc):
    class Data(np.ndarray):
        pass

    data = np.ones(10_000).view(Data)
    watched = weakref.ref(data)
    y = cr.variable(np.ones(10_000)) + data
    del data
    assert watched() is None
    assert y.shape == (10_000,)


def test_jvp_keeps_nothing(no_gc):
    watched, names = Watched(), iter(range(100))

    def f(x):
        for _ in range(5):
            x = watched.see(next(names), np.sin(x))
        assert len(watched.alive()) <= 2
        return x

    cr.jvp(f, (np.ones(n),), (np.ones(n),))


def test_a_checkpoint_keeps_its_arguments_only(no_gc):
    def deep(x):
        for _ in range(50):
            x = np.sin(x)
        return x

    def held(f):
        tracemalloc.start()
        try:
            _, pullback = cr.vjp(lambda x: f(x * 2.0), np.ones(10_000))
            bytes_held = tracemalloc.get_traced_memory()[0]
            pullback(np.ones(10_000))
            return bytes_held
        finally:
            tracemalloc.stop()

    assert held(cr.checkpoint(deep)) < 5 * 80_000
    assert held(deep) > 45 * 80_000


def test_the_backward_pass_of_grad_frees_as_it_goes():
    # Forward keeps 100 arrays; the backward pass must not need 100 more for cotangents.
    def deep(x):
        for _ in range(100):
            x = np.sin(x)
        return np.sum(x)

    cr.grad(deep)(np.ones(10_000))
    tracemalloc.start()
    try:
        cr.grad(deep)(np.ones(10_000))
        assert tracemalloc.get_traced_memory()[1] < 1.1 * 100 * 80_000
    finally:
        tracemalloc.stop()


# -- long chains: nothing recurses ---------------------------------------------------------------------------


def chain(y, count, step):
    for _ in range(count):
        y = step(y)
    return y


def test_a_chain_of_a_million_by_hand_is_differentiated_and_dropped(no_gc):
    w = cr.variable(1.0)
    y = chain(w, 1_000_000, lambda y: y * 1.0000001)
    y.backward(retain_graph=True)
    assert_allclose(w.grad, 1.0000001**1_000_000, rtol=1e-9)
    y.backward()
    assert repr(y) == "Variable(1.1051709126143134)"
    assert repr(y.node).endswith("multiply, shape (), float64>")
    with pytest.raises(TypeError, match="cannot be copied or pickled with its history"):
        copy.deepcopy(y)
    gc.collect()
    del y
    assert gc.collect() == 0


def test_a_chain_of_a_million_that_was_never_differentiated_is_dropped(no_gc):
    y = chain(cr.variable(1.0), 1_000_000, np.sin)
    gc.collect()
    del y
    assert gc.collect() == 0


@pytest.mark.parametrize(
    "step",
    [
        lambda y: y * 1.0000001,
        lambda y: np.reshape(y * 1.0, (1, 1))[0],
        lambda y: np.concatenate([y[1:], y[:1]]),
        lambda y: cubed(y) ** (1 / 3),
    ],
    ids=["multiply", "reshape", "concatenate", "custom"],
)
def test_a_long_chain_of_any_kind_is_differentiated_and_dropped(no_gc, step):
    y = chain(cr.variable(np.ones(1)), 20_000, step)
    y.backward(np.ones(1))
    y = chain(cr.variable(np.ones(1)), 20_000, step)
    gc.collect()
    del y
    assert gc.collect() == 0


def test_a_chain_of_many_through_grad():
    gradient = cr.grad(lambda x: chain(x, 200_000, lambda y: y * 1.0000001))(1.0)
    assert_allclose(gradient, 1.0000001**200_000, rtol=1e-9)
    assert_allclose(cr.jvp(lambda x: chain(x, 100_000, np.sin), (0.0,), (1.0,))[1], 1.0)


def test_long_chains_under_other_transforms():
    count = 8_000
    step = lambda y: y + 1e-9 * y * y
    wanted = cr.jvp(lambda x: chain(x, count, step), (1.0,), (1.0,))[1]
    assert_allclose(cr.grad(lambda x: chain(x, count, step))(1.0), wanted)
    _, push = cr.linearize(lambda x: chain(x, count, step), 1.0)
    assert_allclose(push(1.0), wanted)
    graph = cr.record(lambda x: chain(x, count, step), 1.0)
    assert_allclose(graph(1.0), chain(1.0, count, step))
    assert str(graph).count("\n") == 3 * count + 1
    assert_allclose(cr.hvp(lambda x: chain(x, count, step))(1.0, 1.0), 2 * count * 1e-9, rtol=1e-3)
    del graph, push


def test_a_diamond_with_two_to_the_hundredth_paths_takes_a_hundred_steps():
    def f(x):
        for _ in range(100):
            x = x + x
        return x

    assert cr.grad(f)(1.0) == 2.0**100
    w = cr.variable(1.0)
    f(w).backward()
    assert w.grad == 2.0**100


def test_a_wide_graph_and_a_deep_tree():
    xs = [np.float64(i) for i in range(20_000)]
    gradient = cr.grad(lambda xs: sum(x * x for x in xs))(xs)
    assert gradient[-1] == 2 * xs[-1]


# -- copies and pickles --------------------------------------------------------------------------------------


def test_a_variable_is_copied_and_pickled_by_its_value():
    w = cr.variable([1.0, 2.0])
    np.sum(w * w).backward()
    for other in (copy.deepcopy(w), pickle.loads(pickle.dumps(w))):
        assert isinstance(other, cr.Variable)
        assert np.array_equal(other.value, [1, 2])
        assert other.grad is None
        np.sum(other * 3).backward()
        assert np.array_equal(w.grad, [2, 4])
    shared = copy.deepcopy({"a": w, "b": [w]})
    assert shared["a"].value is not w.value


def test_a_variable_in_two_places_of_a_tree_is_copied_once():
    w = cr.variable([1.0, 2.0])
    both = copy.deepcopy([w, w])
    assert both[0] is both[1]
    both = pickle.loads(pickle.dumps([w, w]))
    assert both[0] is both[1]


def test_a_result_is_not_copied_or_pickled_with_its_history():
    y = cr.variable([1.0, 2.0]) * 2
    text = (
        "a value on the tape cannot be copied or pickled with its history; take its value with detach(), or pickle "
        "the variables that it was computed from"
    )
    for use in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError) as caught:
            use(y)
        assert str(caught.value) == text
    assert np.array_equal(pickle.loads(pickle.dumps(y.detach())), [2, 4])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, np.copy, lambda x: x.copy()])
def test_a_copy_inside_a_transform_is_an_operation(copied):  # bugs.md 19
    f = lambda x: np.sum(copied(x) * x)
    x = np.array([1.0, 2.0])
    assert cr.grad(f)(x).tolist() == [2, 4]
    assert cr.jvp(f, (x,), (x,))[1] == 10
    assert cr.hessian(f)(x).tolist() == [[2, 0], [0, 2]]
    assert cr.vmap(lambda x: copied(x) * x)(x).tolist() == [1, 4]
    assert cr.record(f, x)(x) == 5

    def written(p):
        q = copy.deepcopy(p) if copied is copy.deepcopy else {"x": copied(p["x"])}
        q["x"] *= 2
        return np.sum(q["x"] * p["x"])

    assert cr.grad(written)({"x": x})["x"].tolist() == [4, 8]


@pytest.mark.parametrize(
    "use",
    [
        lambda f, x: cr.grad(f)(x),
        lambda f, x: cr.jvp(f, (x,), (x,)),
        lambda f, x: cr.vmap(f)(x),
        lambda f, x: cr.record(f, x),
        lambda f, x: cr.sparsity(f, x),
    ],
    ids=["grad", "jvp", "vmap", "record", "sparsity"],
)
def test_a_traced_value_inside_a_transform_is_not_pickled(use):  # bugs.md 19
    with pytest.raises(TypeError, match="pickled"):
        use(lambda x: (pickle.dumps(x), x)[1], np.ones(2))


# -- arrays that are too large -------------------------------------------------------------------------------


def test_a_result_that_does_not_fit_raises_and_harms_nothing():
    w = cr.variable(np.ones(10))
    y = w * 2
    with pytest.raises(MemoryError):
        np.broadcast_to(y, (10**8, 10**4, 10)) * 2.0
    np.sum(y).backward()
    assert np.array_equal(w.grad, np.full(10, 2.0))
    with pytest.raises(MemoryError):
        cr.grad(lambda x: np.sum(np.broadcast_to(x, (10**8, 10**4, 10)) * 2.0))(np.ones(10))
    assert np.array_equal(cr.grad(np.sum)(np.ones(3)), np.ones(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("select", [np.maximum, np.minimum])
def test_of_large_arrays_the_choice_is_kept_in_a_byte_each(select, dtype):
    rng = np.random.default_rng(4)
    a, b, ct = rng.integers(-2, 3, (3, 400, 100)).astype(dtype)  # with many ties
    a[0, :3] = b[0, 1:4] = np.nan
    whole = cr.vjp(select, a, b)[1](ct)
    rows = [cr.vjp(select, *row)[1](c) for row, c in zip(zip(a, b, strict=True), ct, strict=True)]  # kept as they are
    for i in (0, 1):
        assert whole[i].dtype == dtype
        assert_array_equal(whole[i], np.stack([row[i] for row in rows]))
    shared = cr.vjp(select, a, b[:, :1])[1](ct)[1]
    assert_array_equal(shared, cr.vjp(select, a, np.repeat(b[:, :1], 100, axis=1))[1](ct)[1].sum(1, keepdims=True))
    node = select(cr.variable(a) * 1, b).node
    kept = [*node.params["slopes"], *node.args, node.y]
    assert sum(k.nbytes for k in kept if isinstance(k, np.ndarray)) == a.size

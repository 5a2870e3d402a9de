"""Scans that are joined, and what is moved out of them: the same bits from less work."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainrule as cr
from chainrule.compiler.check import check
from chainrule.compiler.hoist import hoist
from chainrule.compiler.join import join
from chainrule.compiler.simplify import simplify

rng = np.random.default_rng(11)
XS = rng.normal(size=(6, 3))
A = rng.normal(size=3)


def loops(graph):
    """Of each scan its length, and the number of its equations."""
    return [
        (e.params["length"], len(e.params["body"].equations)) for e in graph.equations if e.primitive.name == "scan"
    ]


def same(graph, new, *args):
    check(new)
    leaves = graph.flatten(*args)
    for a, b in zip(graph.run(leaves), new.run(leaves), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def simplified(f, *args):
    graph = cr.record(f, *args)
    new = simplify(graph, stable=False)
    same(graph, new, *args)
    return new


def total(step, init, xs=XS):
    carry, ys = cr.scan(step, init, xs)
    return np.sum(carry) + np.sum(ys)


def tanh_step(c, x):
    c = np.tanh(c * 0.5 + x)
    return c, c * c


# ---- joined ----------------------------------------------------------------------------------------------------------


def test_a_value_and_its_gradient_are_one_loop_forth_and_one_back():
    f = cr.value_and_grad(lambda a: total(tanh_step, a))
    assert len(loops(cr.record(f, A))) == 3
    assert len(loops(simplified(f, A))) == 2


def test_two_loops_that_do_the_same_are_one():
    f = lambda a: (total(tanh_step, a), total(tanh_step, a) * 2)
    assert loops(simplified(f, A)) == loops(simplified(lambda a: total(tanh_step, a), A))


def test_carries_are_the_same_if_they_become_the_same():
    three = lambda c, x: ((c[0] + x, c[1] + x, c[2] + x * 1.5), c[0] * c[1] * c[2])
    new = simplified(lambda a: (total(lambda c, x: (c + x, c), a), cr.scan(three, (a, a, a), XS)[1]), A)
    ((e,),) = [[e for e in new.equations if e.primitive.name == "scan"]]
    assert e.params["carries"] == 2


def test_carries_that_exchange_their_values_stay_two():
    swap = lambda c, x: ((c[1] * 0.5, c[0] * 0.25 + x), c[0])
    new = simplified(lambda a: (cr.scan(swap, (a, a), XS), cr.scan(swap, (a, a), XS)), A)
    ((e,),) = [[e for e in new.equations if e.primitive.name == "scan"]]
    assert e.params["carries"] == 2


def test_results_that_are_the_same_are_arrays_of_their_own():
    f = lambda a: (cr.scan(tanh_step, a, XS), cr.scan(tanh_step, a, XS))
    new = simplified(f, A)
    (c, ys), (d, zs) = new(A)
    assert len(loops(new)) == 1
    assert not np.shares_memory(c, d)
    assert not np.shares_memory(ys, zs)


def test_many_loops_that_do_the_same_are_one():
    one = lambda c, x: ((c[0] + x, c[1] * 2), c[1])
    both = lambda c, x: ((c[0] + x, c[1] * 2, c[1] * 2), (c[2], c[1]))
    f = lambda a: (cr.scan(one, (a, a), XS), cr.scan(both, (a, a, a), XS), cr.scan(one, (a, a), XS))
    assert loops(simplified(f, A)) == [(6, 2)]


def test_constants_of_bodies():
    step = lambda c, x: (c * np.ones(3) + x, np.arange(3.0))
    graph = cr.record(lambda a: (cr.scan(step, a, XS), cr.scan(step, a, XS)), A)
    new = join(graph)
    same(graph, new, A)
    assert len(loops(new)) == 1


def test_a_loop_that_waits_for_another_is_not_joined_with_it():
    f = lambda a: total(tanh_step, cr.scan(tanh_step, a, XS)[0])
    assert len(loops(simplified(f, A))) == 2


def test_loops_that_wait_for_each_other_crosswise_are_not_joined_in_a_circle():
    other = lambda c, x: (np.sin(c) - x, c)

    def f(a):
        one, two = cr.scan(tanh_step, a, XS)[0], cr.scan(other, a, XS)[0]
        return cr.scan(other, one, XS), cr.scan(tanh_step, two, XS), cr.scan(other, two, XS), one

    simplified(f, A)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: (total(tanh_step, a), total(lambda c, x: (np.sin(c) - x * 3, c), a)),
        lambda a: (total(tanh_step, a), total(tanh_step, a, XS[:5])),
        lambda a: (total(tanh_step, a), cr.scan(tanh_step, a, XS, reverse=True)),
    ],
    ids=["no work in common", "another length", "another direction"],
)
def test_loops_that_have_nothing_in_common_stay_two(f):
    assert len(loops(simplified(f, A))) == 2


def test_a_graph_without_such_loops_is_left_as_it_is():
    graph = cr.record(lambda a: total(tanh_step, a), A)
    assert join(graph) is graph
    assert hoist(cr.record(np.sin, A)).equations


# ---- moved out -------------------------------------------------------------------------------------------------------


def test_what_does_not_change_is_done_before_the_loop():
    def body(c, x, w):
        return np.tanh(np.sin(w)[:3] * np.exp(w) * c + x), np.cos(w)

    graph = cr.record(lambda a, w: cr.scan(lambda c, x: body(c, x, w), a, XS), A, A)
    new = hoist(graph)
    same(graph, new, A, A)
    assert loops(new) == [(6, 3)]


def test_it_leaves_the_outer_loops_too():
    def f(a, w):
        inner = lambda c, x: (np.tanh(c * np.sin(w) + x), None)
        return cr.scan(lambda c, x: (cr.scan(inner, c, XS)[0], np.sum(x)), a, XS)

    graph = cr.record(f, A, A)
    new = hoist(graph)
    same(graph, new, A, A)
    assert "sin" in [e.primitive.name for e in new.equations]


def test_of_a_loop_that_is_never_run_nothing_is_done():
    f = lambda a, w: cr.scan(lambda c, x: (c * np.sin(w), c), a, np.zeros((0, 3)))
    graph = cr.record(f, A, A)
    new = hoist(graph)
    same(graph, new, A, A)
    assert len(new.equations) == len(graph.equations)


# ---- any loops -------------------------------------------------------------------------------------------------------

STEPS = [
    lambda c, x, w: (c[0] + x, c[1]),
    lambda c, x, w: (c[1], c[0]),
    lambda c, x, w: (np.sin(c[0]), c[1] * w),
    lambda c, x, w: (c[0] * np.cos(w), c[1] - x),
    lambda c, x, w: (c[0] * 0.5, c[0] * 0.5),
    lambda c, x, w: (np.where(c[0] > c[1], c[0], c[1]), c[0] + c[1]),
]
PROGRAMS = st.lists(
    st.tuples(
        st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=3),
        st.tuples(st.integers(0, 5), st.integers(0, 5)),
        st.booleans(),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(PROGRAMS, st.sampled_from(["value", "gradient", "both"]))
def test_any_loops(program, mode):
    def f(a, w):
        made = [a, a * 2, w]
        for steps, begin, reverse, y in program:

            def step(c, x, steps=steps, y=y):
                for k in steps:
                    c = STEPS[k](c, x, w)
                return c, c[y] * w

            c, ys = cr.scan(step, tuple(made[i % len(made)] for i in begin), XS, reverse=reverse)
            made += [*c, ys[2]]
        return sum(made[3:])

    value = lambda a, w: np.sum(f(a, w))
    g = {"value": f, "gradient": cr.grad(value, (0, 1)), "both": cr.value_and_grad(value, (0, 1))}[mode]
    simplified(g, A, A * 0.3)

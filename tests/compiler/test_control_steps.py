"""Loops and branches as native code: what is handed on is changed where it stands, and nothing is lost by that."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.control import Branch, Loop, While, steps_within
from chainrule.compiler.kernels import Call
from chainrule.core.tree import flatten

XS = np.linspace(0.1, 0.9, 24)


def rotated(x):
    return cr.fori_loop(0, 5, lambda i, c: (c[1], c[2], c[0] + i), (x, 2 * x, x * x))


def exchanged(x):
    """Each of the two is read after the other has been changed."""
    return cr.fori_loop(0, 7, lambda i, c: (c[1] * 0.5, c[0] + c[1]), (x, x + 1))


def neighbors(x):
    """A new array of which each element needs several of the old one."""
    return cr.fori_loop(0, 9, lambda i, x: x - 0.1 * (x - np.roll(x, 1)), x)


def reversed_in_place(x):
    return cr.fori_loop(0, 3, lambda i, x: x[::-1] * 2, x)


def looked_up(x):
    k = np.array([3, 1, 2, 0] * 6)
    return cr.fori_loop(0, 3, lambda i, x: x[k] * 0.5, x)


def accumulated(x):
    """A sum that is the same array in every turn, one place of it written at a time."""

    def turn(total, row):
        k, v = row
        total[k] += v
        return total, v

    return cr.scan(turn, np.zeros(5, like=x), (np.arange(24) % 5, x))


def handed_through(x):
    return cr.scan(lambda c, v: (c, (c, v, c * v)), x[0], x)


def read_before_and_after(x):
    def turn(c, v):
        new = c * v
        return new, new + c

    return cr.scan(turn, x[:3] + 0, x)


def one_value_twice(x):
    def turn(c, v):
        new = np.sin(c[0]) + v
        return (new, new), (new, new)

    return cr.scan(turn, (x[0], x[1]), x)


def backwards(x):
    return cr.scan(lambda c, v: (c * 0.9 + v, c), 0.5, x, reverse=True)


def nested(x):
    def outer(c, v):
        c = cr.fori_loop(0, 4, lambda i, c: np.tanh(c + v * i), c)
        return c, np.sum(c)

    return cr.scan(outer, x[:10] * 2, x)


def no_turn(x):
    return cr.scan(lambda c, v: (c + v, c), x[0], x[:0])


def until(x):
    return cr.while_loop(lambda c: np.sum(c[0]) < 100, lambda c: (c[0] * 1.5, c[1] + 1), (x, 0))


def never(x):
    return cr.while_loop(lambda c: np.sum(c) < 0, lambda c: c * 2, x)


def chosen(x):
    return cr.cond(np.sum(x) > 3, lambda x: (x * 2, x, 1.0), lambda x: (x, np.sin(x), 2.0), x)


def chosen_in_each_turn(x):
    step = lambda c, v: (cr.cond(v > 0.5, lambda c: c * 0.9, lambda c: np.roll(c, 2), c), c[0])
    return cr.scan(step, x[:10], x)


def of_booleans(x):
    return cr.scan(lambda c, v: (np.logical_xor(c, v > 0.4), c), np.arange(24) % 2 == 0, x)


def of_integers(x):
    return cr.fori_loop(0, 6, lambda i, c: (c[1], c[0] + c[1]), (np.floor(x * 9).astype(int), np.arange(24)))


def leaves_of(tree):
    return flatten(tree)[0]


PROGRAMS = [
    f
    for f in list(globals().values())
    if callable(f) and getattr(f, "__module__", "") == __name__ and f is not leaves_of
]


def agree(f, *args):
    expected, found = f(*args), (compiled := cr.compile(f))(*args)
    for a, b in zip(leaves_of(expected), leaves_of(found), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-13, atol=1e-15)
        assert np.asarray(b).dtype == np.asarray(a).dtype
    return compiled.plan(*args)


@pytest.mark.parametrize("f", PROGRAMS)
def test_a_native_loop_gives_what_python_gives(f):
    plan = agree(f, XS)
    assert any(isinstance(step, Loop | While | Branch) for step in plan.steps) or f is no_turn
    assert not any(isinstance(step, Call) for step in plan.steps)


def total(tree):
    return sum(np.sum(y * 1.0) for y in leaves_of(tree))


@pytest.mark.parametrize("f", [f for f in PROGRAMS if f not in (of_booleans, of_integers, until)])
def test_and_so_do_its_derivatives(f):
    agree(cr.value_and_grad(lambda x: total(f(x))), XS)
    agree(lambda x: cr.jvp(f, (x,), (np.cos(x),))[1], XS)
    agree(
        lambda x: cr.jvp(cr.grad(lambda x: total(f(x) ** 2 if not isinstance(f(x), tuple) else f(x))), (x,), (x,)), XS
    )


def test_a_sum_is_changed_where_it_stands():
    plan = agree(lambda x: cr.fori_loop(0, 50, lambda i, c: c + x * i, np.zeros(24)), XS)
    (loop,) = (s for s in plan.steps if isinstance(s, Loop))
    assert (loop.body.before, loop.body.after) == ([], [])


def test_what_is_read_elsewhere_is_copied():
    plan = agree(reversed_in_place, XS)
    (loop,) = (s for s in plan.steps if isinstance(s, Loop))
    assert len(loop.body.after) == 1


def test_inner_loops_change_what_the_outer_ones_hand_on():
    f = lambda x: cr.fori_loop(0, 5, lambda i, c: cr.fori_loop(0, 6, lambda j, c: c * 0.9 + x, c), x)
    plan = agree(f, XS)
    assert all(not s.body.before and not s.body.after for s in steps_within(plan.steps) if isinstance(s, Loop))


def test_a_body_that_has_to_be_called():
    """No kernel sorts: then turns are done one by one, with what is native in between."""

    def f(x):
        return cr.scan(lambda c, v: (np.sort(np.sin(c) * v), np.sum(c)), x[::-1] + 0, x)

    plan = agree(f, XS)
    assert any(isinstance(step, Call) for step in plan.steps)
    agree(cr.grad(lambda x: total(f(x))), XS)


def test_python_loops_become_native_ones():
    def f(x, w):
        out = []
        for i in range(200):
            x = np.tanh(w @ x) + 0.01 * i
            out.append(np.sum(x))
        return np.stack(out)

    w = np.linspace(-1, 1, 25).reshape(5, 5)
    plan = agree(f, XS[:5], w)
    assert [type(s) for s in plan.steps if not hasattr(s, "extents")] == [Loop]
    plan = agree(cr.value_and_grad(lambda x, w: np.sum(f(x, w)), (0, 1)), XS[:5], w)
    assert len([s for s in plan.steps if isinstance(s, Loop)]) == 2


def test_a_function_that_looks_at_values_is_rolled_all_the_same():
    def f(x):
        for _ in range(400):
            x = x * 1.01 if x < 2 else x * 0.5
        return x

    compiled = cr.compile(cr.grad(f))
    for x in (0.5, 1.5, 0.5, 3.0):
        np.testing.assert_allclose(compiled(x), cr.grad(f)(x), rtol=1e-12)


def test_what_is_not_to_be_differentiated_is_not():
    def f(x):
        for _ in range(300):
            with cr.no_grad():
                size = abs(x)
            x = np.sin(x) * 0.1 + x * (0.9 + size / 1000)
        return x

    np.testing.assert_allclose(cr.compile(cr.grad(f))(0.3), cr.grad(f)(0.3), rtol=1e-10)

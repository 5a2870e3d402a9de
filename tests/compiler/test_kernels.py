"""Kernels: what they say, done by a simple interpreter, is what the graph does."""

import interpreter
import numpy as np
import pytest

import chainrule as cr
from cases import CASES
from chainrule import testing
from chainrule.compiler.kernels import Call, Kernel, Plan
from chainrule.transforms.recording import record_leaves

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def planned(f, *xs):
    """The plan of f, and its buffers' values by the interpreter and by the graph."""
    graph, values, _, leaves = record_leaves(f, xs)
    plan = Plan(graph)
    return plan, interpreter.run(plan, leaves), [values[v] for v in graph.outputs]


def must_agree(f, *xs):
    plan, found, expected = planned(f, *xs)
    low = any(np.asarray(v).dtype in (np.float16, np.float32, np.complex64) for v in (*xs, *expected))
    for ours, eager in zip(found, expected, strict=True):
        assert np.shape(ours) == np.shape(eager)
        assert np.asarray(ours).dtype == np.asarray(eager).dtype
        np.testing.assert_allclose(ours, eager, rtol=1e-4 if low else 1e-12, atol=1e-5 if low else 1e-12)
    return plan


@pytest.mark.parametrize("primitive", dict.fromkeys(case.primitive for case in CASES))
def test_every_operation_and_its_derivatives(primitive):
    for case in (case for case in CASES if case.primitive == primitive):
        example = testing.example(str(case), case.f, case.args)
        seeds, tangents = example.seeds(), example.directions()
        must_agree(example.f, *example.xs)
        must_agree(lambda *xs, e=example, s=seeds: list(cr.vjp(e.f, *xs)[1](s)), *example.xs)
        must_agree(lambda *xs, e=example, t=tangents: list(cr.jvp(e.f, xs, t)[1]), *example.xs)


def kernels(plan):
    return [step for step in plan.steps if isinstance(step, Kernel)]


def test_a_chain_is_one_kernel():
    x = np.linspace(0.1, 1, 100)
    plan = must_agree(cr.grad(lambda x: np.sum(np.tanh(np.sin(x) * 2) ** 2)), x)
    assert [k.extents for k in plan.steps] == [(100,)]
    assert len(plan.steps[0].stores) == 1


def test_a_long_chain_needs_no_recursion():
    def f(x):
        for _ in range(3000):
            x = np.sin(x)
        return x

    assert len(must_agree(f, np.ones(20)).steps) == 1


def test_a_long_reduction_is_a_kernel_of_its_own():
    plan = must_agree(lambda x: x / np.sum(x, axis=1, keepdims=True), np.random.default_rng(0).random((30, 40)))
    assert [k.extents for k in kernels(plan)] == [(30,), (30, 40)]


def test_what_is_dear_is_made_once():
    """The exponentials are needed before and after the sum."""
    plan = must_agree(lambda x: (e := np.exp(x)) / np.sum(e), np.linspace(0, 1, 50))
    steps = [k.body.steps[p].op for k in kernels(plan) for p in k.body.needed(s.value for s in k.stores)]
    assert steps.count("exp") == 1 or len(kernels(plan)) == 2


def test_short_axes_are_written_out():
    """Rotations of a thousand points: nothing but the result is stored, in one loop."""

    def rotated(r, x):
        angle = np.sqrt(np.sum(r * r, axis=1, keepdims=True))
        axis = r / angle
        return np.cos(angle) * x + np.sin(angle) * np.cross(axis, x) + axis * np.sum(axis * x, 1, keepdims=True)

    rng = np.random.default_rng(0)
    r, x = rng.standard_normal((2, 1000, 3))
    plan = must_agree(cr.vmap(cr.jacobian(lambda r, x: rotated(r[None], x[None])[0])), r, x)
    assert [step.extents for step in kernels(plan)] == [(1000,)]
    assert not [step for step in plan.steps if isinstance(step, Call)]
    assert len(kernels(plan)[0].stores) == 9


def test_writes_and_positions_that_are_computed():
    def f(x, i):
        y = np.zeros_like(x)
        y[::3] = x[::3] ** 2
        return y + x[i]

    i = np.array([3, -1, 0] * 20)
    must_agree(f, np.linspace(0, 1, 60), i)
    must_agree(cr.grad(lambda x, i: np.sum(f(x, i) ** 2)), np.linspace(0, 1, 60), i)

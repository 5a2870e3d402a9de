"""Threads and asyncio tasks: what is private to each, and what several of them may share."""

import asyncio
import contextvars
import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

THREADS = 8


@pytest.fixture(autouse=True)
def switching_often():
    """Threads take turns every few instructions, so that whatever can go wrong between two of them does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def all_at_once(f, count=THREADS):
    """[f(0), f(1), ...], each in its own thread, all let go at the same moment."""
    barrier = threading.Barrier(count)

    def run(i):
        barrier.wait()
        return f(i)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def loss(x, k):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = np.sin(x[i] * (k + 1)) + (y[i - 1] if i else 0)
    return np.sum(y * np.exp(x) * np.max(x))


x = np.linspace(0.1, 1.0, 8)

USES = {
    "grad": lambda f: cr.grad(f)(x),
    "jvp": lambda f: cr.jvp(f, (x,), (x,))[1],
    "hessian": lambda f: cr.hessian(f)(x[:4]),
    "vmap of grad": lambda f: cr.vmap(cr.grad(f))(np.stack([x, x[::-1]])),
    "grad of grad": lambda f: cr.grad(lambda x: np.sum(cr.grad(f)(x) ** 2))(x),
    "record": lambda f: cr.record(f, x)(x * 0.9),
    "linearize": lambda f: cr.linearize(f, x)[1](x),
    "sparsity": lambda f: cr.sparsity(lambda x: x * f(x), x).toarray(),
    "checkpoint": lambda f: cr.grad(cr.checkpoint(f))(x),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_transforms_in_threads_do_not_meet(use):
    wanted = [use(lambda x, k=k: loss(x, k)) for k in range(THREADS)]
    for found, one in zip(all_at_once(lambda k: use(lambda x: loss(x, k))), wanted, strict=True):
        assert np.array_equal(found, one)


def test_different_transforms_at_the_same_time():
    uses = list(USES.values())[:THREADS]
    wanted = [use(lambda x: loss(x, 1)) for use in uses]
    found = all_at_once(lambda i: uses[i](lambda x: loss(x, 1)), len(uses))
    for a, b in zip(found, wanted, strict=True):
        assert np.array_equal(a, b)


def test_perturbations_are_not_confused_across_threads():
    # d/dx [x d/dy (x + y) at y = x] = 1 in each thread, whoever else is at it.
    def inner(x):
        return x * cr.grad(lambda y: x + y)(x)

    assert all_at_once(lambda i: [float(cr.grad(inner)(float(i + 1))) for _ in range(50)]) == [[1.0] * 50] * THREADS


def test_a_transform_may_use_threads_inside():
    def f(x):
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(lambda i: np.sin(x[i]) * x[i - 1], range(len(x))))
        return np.sum(np.stack(parts) ** 2)

    def alone(x):
        return np.sum(np.stack([np.sin(x[i]) * x[i - 1] for i in range(len(x))]) ** 2)

    assert_allclose(cr.grad(f)(x), cr.grad(alone)(x), rtol=1e-14)
    assert_allclose(cr.jvp(f, (x,), (x,))[1], cr.jvp(alone, (x,), (x,))[1], rtol=1e-14)


def test_a_pullback_may_be_called_in_many_threads():
    y, pullback = cr.vjp(lambda x: np.cumsum(np.sin(x) * x), x)
    wanted = [pullback(y * i)[0] for i in range(THREADS)]
    for found, one in zip(all_at_once(lambda i: pullback(y * i)[0]), wanted, strict=True):
        assert np.array_equal(found, one)
    y, push = cr.linearize(lambda x: np.cumsum(np.sin(x) * x), x)
    wanted = [push(x * i) for i in range(THREADS)]
    for found, one in zip(all_at_once(lambda i: push(x * i)), wanted, strict=True):
        assert np.array_equal(found, one)


# -- variables held by hand, shared -----------------------------------------------------------------------------------


def test_backward_passes_into_a_shared_variable_add_up_exactly():
    w = cr.variable(np.ones(3))

    def run(i):
        for _ in range(100):
            np.sum(w * 2.0).backward()

    all_at_once(run)
    assert np.array_equal(w.grad, np.full(3, 2.0 * 100 * THREADS))


def test_backward_passes_over_a_shared_tape_add_up_exactly():
    w, b = cr.variable(np.ones(3)), cr.variable(1.0)
    y = np.sum(np.tanh(w) * b)
    all_at_once(lambda i: [y.backward(retain_graph=True) for _ in range(50)])
    assert_allclose(w.grad, 50 * THREADS * (1 - np.tanh(1.0) ** 2), rtol=1e-12)
    assert_allclose(b.grad, 50 * THREADS * 3 * np.tanh(1.0), rtol=1e-12)


def test_a_variable_made_in_one_thread_is_used_in_another():
    (w,) = all_at_once(lambda i: cr.variable(x), 1)
    (y,) = all_at_once(lambda i: np.sum(w * w), 1)
    all_at_once(lambda i: y.backward(), 1)
    assert np.array_equal(w.grad, 2 * x)


def test_losses_in_threads_are_put_together_in_one():
    w = cr.variable(x)
    parts = all_at_once(lambda i: np.sum(np.sin(w * (i + 1))))
    sum(parts[1:], parts[0]).backward()
    assert_allclose(w.grad, sum((i + 1) * np.cos(x * (i + 1)) for i in range(THREADS)), rtol=1e-12)


# -- no_grad -------------------------------------------------------------------------------------------------


def test_no_grad_holds_for_its_own_thread_only():
    w, inside, done = cr.variable(x), threading.Event(), threading.Event()
    found = {}

    def pauses():
        with cr.no_grad():
            inside.set()
            found["paused"] = w * 2
            done.wait(10)
            found["still paused"] = w * 2
        found["after"] = w * 2

    thread = threading.Thread(target=pauses)
    thread.start()
    inside.wait(10)
    y = np.sum(w * w)
    y.backward()
    assert np.array_equal(w.grad, 2 * x)
    assert_allclose(cr.grad(np.sum)(x), 1)
    done.set()
    thread.join()
    assert type(found["paused"]) is np.ndarray
    assert type(found["still paused"]) is np.ndarray
    assert isinstance(found["after"], cr.Variable)
    assert isinstance(w * 2, cr.Variable)


def test_no_grad_in_every_second_thread():
    w = cr.variable(x)

    def run(i):
        kinds = set()
        for _ in range(100):
            if i % 2:
                with cr.no_grad():
                    kinds.add(type(np.sin(w) * 2))
            else:
                kinds.add(type(np.sin(w) * 2))
        return kinds

    for i, kinds in enumerate(all_at_once(run)):
        assert kinds == ({np.ndarray} if i % 2 else {cr.Variable})


def test_no_grad_nests_and_ends_with_an_error():
    w = cr.variable(x)
    with cr.no_grad():
        with cr.no_grad():
            assert type(w * 2) is np.ndarray
        assert type(w * 2) is np.ndarray
        with pytest.raises(ZeroDivisionError), cr.no_grad():
            1 / 0  # noqa: B018
        assert type(w * 2) is np.ndarray
    assert isinstance(w * 2, cr.Variable)


def test_no_grad_within_grad_makes_constants_and_leaves_other_transforms_alone():
    def f(x):
        with cr.no_grad():
            scale = np.max(np.abs(x))
        return np.sum(x * scale)

    assert cr.grad(f)(np.array([1.0, -3.0])).tolist() == [3, 3]

    def inner(x):
        with cr.no_grad():
            return cr.jvp(np.sin, (x,), (1.0,))[1]

    assert_allclose(inner(0.5), np.cos(0.5))


# -- asyncio -------------------------------------------------------------------------------------------------


def test_no_grad_holds_for_its_own_task_only():
    w = cr.variable(x)

    async def paused():
        with cr.no_grad():
            kinds = set()
            for _ in range(20):
                await asyncio.sleep(0)
                kinds.add(type(w * 2))
        return kinds

    async def recording():
        kinds = set()
        for _ in range(20):
            await asyncio.sleep(0)
            kinds.add(type(w * 2))
        return kinds

    async def main():
        return await asyncio.gather(paused(), recording(), paused(), recording())

    assert asyncio.run(main()) == [{np.ndarray}, {cr.Variable}, {np.ndarray}, {cr.Variable}]


def test_backward_passes_in_tasks_that_take_turns():
    w = cr.variable(x)

    async def step(k):
        y = w * 1.0
        for _ in range(5):
            y = np.sin(y * (k + 1))
            await asyncio.sleep(0)
        np.sum(y).backward()

    async def main():
        await asyncio.gather(*(step(k) for k in range(5)))

    asyncio.run(main())

    def alone(x, k):
        for _ in range(5):
            x = np.sin(x * (k + 1))
        return np.sum(x)

    assert_allclose(w.grad, sum(cr.grad(alone)(x, k) for k in range(5)), rtol=1e-12)


def test_a_generator_may_be_resumed_in_another_transform():
    # Transforms that end in another order than they started: each has its own level, none is on a stack.
    def squares():
        while True:
            value = yield
            yield value * value

    def f(x):
        g = squares()
        next(g)
        y = g.send(x)
        return cr.grad(lambda z: y * z * z)(x)

    assert cr.grad(f)(3.0) == 6 * 9.0  # f = 2 x^3


def test_a_context_may_be_copied():
    w = cr.variable(x)
    with cr.no_grad():
        context = contextvars.copy_context()
    assert isinstance(w * 2, cr.Variable)
    with cr.no_grad():
        assert type(w * 2) is np.ndarray
    assert isinstance(contextvars.Context().run(lambda: w * 2), cr.Variable)
    del context


# -- processes -----------------------------------------------------------------------------------------------


def gradient_in_a_process(k):
    w = cr.variable(x)
    loss(w, k).backward()
    return w.grad


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_gradients_after_a_fork():
    wanted = [gradient_in_a_process(k) for k in range(2)]  # used before the fork, too
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(gradient_in_a_process, range(2))
    for a, b in zip(found, wanted, strict=True):
        assert np.array_equal(a, b)


# -- interrupted ---------------------------------------------------------------------------------------------


def test_gradients_are_all_or_nothing_when_a_pass_is_interrupted():
    a, b = cr.variable(1.0), cr.variable(2.0)

    @cr.custom
    def stops(x):
        return x * 1.0

    interrupts = [True]

    @stops.defvjp
    def _(ct, y, x):
        if interrupts:
            raise KeyboardInterrupt
        return (ct,)

    y = stops(a) * b
    with pytest.raises(KeyboardInterrupt):
        y.backward(retain_graph=True)
    assert a.grad is None
    assert b.grad is None
    interrupts.clear()
    y.backward()
    assert (a.grad, b.grad) == (2.0, 1.0)


def test_an_interrupted_pass_that_was_to_release_the_tape_can_be_seen():
    a = cr.variable(np.ones(3))

    @cr.custom
    def stops(x):
        return x * 1.0

    @stops.defvjp
    def _(ct, y, x):
        raise KeyboardInterrupt

    y = np.sum(np.sin(stops(a)))
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    assert a.grad is None
    with pytest.raises((cr.FreedTapeError, KeyboardInterrupt)):  # never a gradient of a part
        y.backward()
    assert a.grad is None
    np.sum(a * 2).backward()
    assert np.array_equal(a.grad, [2, 2, 2])

"""Loops on several threads: the same results to the last bit on any number, and no way to come to a standstill."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from chainrule.compiler import threads
from chainrule.compiler.builtin import Argument, Options, Result, enter
from chainrule.compiler.llvm import Module, Reduction, f64, i32, i64, ptr
from chainrule.compiler.target import host


def plan(n, pays=0, loops=1, release_gil=False):
    """(x, y) -> sum of squares; y = x * x."""
    module = Module(host())
    f = module.function("plan", ptr, ptr, returns=i32)
    x, y, total = (f.load(ptr, f.offset(f.args[0], k, ptr)) for k in range(3))

    def body(lanes, x, y):
        value = lanes.load(f64, x)
        lanes.store(value * value, y)
        return [value * value]

    for _ in range(loops):
        (s,) = threads.shared_loop(f, n, 8, body, [x, y], [Reduction(f64, 0.0, lambda a, b: a + b)], pays=pays)
    f.store(s, total)
    f.ret(f.constant(0, i32))
    array = Argument(np.ndarray, np.dtype(float), (n,))
    arguments = [array, array._replace(written=True)]
    options = Options(release_gil=release_gil)
    return enter(module, f, arguments, [Result(float, ())], options, threads.addresses())


@pytest.fixture(autouse=True)
def _as_before():
    yield
    threads.set_threads(1)


@pytest.mark.parametrize("n", [0, 1, 100, threads.CHUNK, threads.CHUNK + 1, 3 * threads.CHUNK + 17, 200_003])
def test_the_number_of_threads_changes_no_bit(n):
    x, found = np.random.default_rng(n).standard_normal(n), set()
    for pays in (0, 10**9):
        f = plan(n, pays)
        for count in (1, 2, 3, 7):
            threads.set_threads(count)
            for _ in range(5):
                y = np.full(n, np.nan)
                found.add(float(f(x, y)))
                np.testing.assert_array_equal(y, x * x)
    assert len(found) == 1
    np.testing.assert_allclose(found.pop(), np.sum(x * x), rtol=1e-12)


def test_chunks_are_at_most_so_many():
    n = threads.CHUNK * threads.CHUNKS + 5
    x, y = np.ones(n), np.empty(n)
    threads.set_threads(2)
    assert plan(n)(x, y) == n
    assert (y == 1).all()


def test_many_short_loops_after_each_other():
    n = 2 * threads.CHUNK
    f, x, y = plan(n, loops=40), np.ones(n), np.empty(n)
    threads.set_threads(3)
    for _ in range(50):
        assert f(x, y) == n


def test_calls_from_several_threads_at_once():
    """One of them has the pool; the others do their loops alone."""
    n = 4 * threads.CHUNK
    f, failures = plan(n, loops=5, release_gil=True), []
    threads.set_threads(2)

    def work(value):
        x, y = np.full(n, value), np.empty(n)
        failures.extend(1 for _ in range(40) if f(x, y) != n * value * value or not (y == value * value).all())

    workers = [threading.Thread(target=work, args=(float(k),)) for k in range(4)]
    for t in workers:
        t.start()
    for t in workers:
        t.join()
    assert not failures


def test_any_work_can_be_shared():
    """The rows of a matrix, sorted by counting; a row is a piece of work."""
    rows, n = 50, 40
    module = Module(host())
    f = module.function("plan", ptr, ptr, returns=i32)
    x, y, size = (f.load(ptr, f.offset(f.args[0], k, ptr)) for k in range(3))
    columns = f.load(i64, size)

    def work(g, k, x, y, columns):
        row = k * columns

        def element(i):
            value = g.load(f64, g.offset(x, row + i, f64))

            def smaller(j, count):
                return [count + g.convert(g.load(f64, g.offset(x, row + j, f64)) < value, i64)]

            (place,) = g.loop(columns, smaller, [g.constant(0, i64)])
            g.store(value, g.offset(y, row + place, f64))

        g.loop(columns, element)

    threads.share(f, f.constant(rows, i64), work, [x, y, columns])
    f.ret(f.constant(0, i32))
    array = Argument(np.ndarray, np.dtype(float), (rows, n))
    run = enter(module, f, [array, array._replace(written=True), Argument(int)], foreign=threads.addresses())
    x = np.random.default_rng(0).standard_normal((rows, n))
    for count in (1, 3):
        threads.set_threads(count)
        y = np.empty_like(x)
        assert run(x, y, n) is None
        np.testing.assert_array_equal(y, np.sort(x, axis=1))


def test_subnormals_are_zero_on_every_thread():
    n = 8 * threads.CHUNK
    x, y = np.full(n, 1e-160), np.empty(n)
    threads.set_threads(3)
    assert plan(n)(x, y) == 0.0
    assert not y.any()


def test_threads_end_when_their_number_changes():
    def ours():
        return sum(t.name.startswith("chainrule-") for t in threading.enumerate())

    for count in (4, 2, 1, 3):
        threads.set_threads(count)
        assert ours() == count - 1


def test_errors():
    with pytest.raises(ValueError, match="set_threads: count is 0, there has to be at least the caller's own thread"):
        threads.set_threads(0)


def test_the_environment_says_how_many(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    monkeypatch.delenv("CHAINRULE_NUM_THREADS", raising=False)
    assert threads.default_threads() == 3
    monkeypatch.setenv("CHAINRULE_NUM_THREADS", "5")
    assert threads.default_threads() == 5
    monkeypatch.setenv("CHAINRULE_NUM_THREADS", "many")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= threads.default_threads() <= (os.cpu_count() or 1)


def python(code):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=os.path.dirname(__file__),
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


PROGRAM = """
import os, sys, numpy as np
import test_shared_loops as t
from chainrule.compiler import threads
n = 4 * threads.CHUNK
f, x, y = t.plan(n), np.ones(n), np.empty(n)
threads.set_threads(3)
print(int(f(x, y)), flush=True)
"""


def test_a_process_ends_with_its_threads_running():
    assert python(PROGRAM) == [str(4 * threads.CHUNK)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_works_on_alone():
    code = (
        PROGRAM
        + """
child = os.fork()
if child == 0:
    print(int(f(x, y)), flush=True)
    print(int(t.plan(n)(x, y)), len(threads._pool.threads), flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
print(int(f(x, y)))
sys.exit(status)
"""
    )
    total = str(4 * threads.CHUNK)
    assert python(code) == [total, total, total, "0", total]

"""The way into a plan: what it accepts, what it refuses and how, and that nothing is lost or kept on the way."""

import ctypes
import gc
import math
import sys
import threading
import weakref

import numpy as np
import pytest

from chainrule.compiler import builtin, native
from chainrule.compiler.builtin import Argument, Options, Result, SlowEntry, enter
from chainrule.compiler.llvm import Module, Reduction, f32, f64, i8, i32, i64, ptr
from chainrule.compiler.target import host

ARRAY = Argument(np.ndarray, np.dtype(float), (2, 3))


def plan(write, count, name="plan"):
    """A module with a plan that `write(f, *pointers)` writes; it returns the plan's status, 0 if None."""
    module = Module(host())
    f = module.function(name, ptr, ptr, returns=i32)
    status = write(f, *(f.load(ptr, f.offset(f.args[0], k, ptr)) for k in range(count)))
    f.ret(f.constant(0, i32) if status is None else status)
    return module, f


def scaled_sum(n=6):
    """(array, number) -> (array * number, its sum)"""

    def write(f, x, s, y, total):
        factor = f.load(f64, s)

        def body(lanes):
            made = lanes.load(f64, x) * factor
            lanes.store(made, y)
            return [made]

        (value,) = f.vector_loop(n, 4, body, [Reduction(f64, 0.0, lambda a, b: a + b)])
        f.store(value, total)

    return (*plan(write, 4), [ARRAY, Argument(float)], [Result(float, (2, 3)), Result(float, ())])


def slow(module, f, arguments, results, options=None):
    options = options or Options()
    return SlowEntry(native.link(module), f.name, arguments, results, options)


BOTH = pytest.mark.parametrize("make", [enter, slow], ids=["builtin", "slow"])


@BOTH
@pytest.mark.parametrize("release_gil", [False, True])
@pytest.mark.parametrize("workspace", [0, 1000])
def test_results(make, release_gil, workspace):
    f = make(*scaled_sum(), Options(workspace, release_gil))
    x = np.arange(6.0).reshape(2, 3)
    y, total = f(x, 2.5)
    np.testing.assert_array_equal(y, 2.5 * x)
    assert y.flags.owndata
    assert y.flags.writeable
    assert y.flags.c_contiguous
    assert type(total) is np.float64
    assert total == 37.5
    again, _ = f(x, 1.0)
    assert not np.shares_memory(again, y)


@BOTH
def test_what_is_not_as_compiled_is_refused_with_its_number(make):
    f = make(*scaled_sum())
    x = np.ones((2, 3))
    frozen = x.copy()
    frozen.flags.writeable = False
    assert isinstance(f(frozen, 1.0), tuple), "an argument that is only read need not be writeable"
    assert isinstance(f(np.frombuffer(bytes(48)).reshape(2, 3), 1.0), tuple)

    class Sub(np.ndarray):
        pass

    raw = np.zeros(49, np.int8)[1:].view(np.float64).reshape(2, 3)
    for wrong in [
        x.T,
        x[:, :2],
        np.ones((3, 2)),
        np.ones(6),
        np.ones((1, 2, 3)),
        np.ones((2, 0)),
        np.ones((2, 6))[:, ::2],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        x.astype(np.float32),
        x.astype(">f8"),
        x.astype(int),
        x.astype(complex),
        x.view(Sub),
        raw,
        [[1.0] * 3] * 2,
        1.0,
        None,
        np.float64(1),
        np.array(1.0),
    ]:
        assert f(wrong, 1.0) == -1, wrong
    for wrong in [1, True, np.float64(1.0), np.float32(1.0), "1", None, np.array(1.0), 1j]:
        assert f(x, wrong) == -2, wrong
    assert f() == f(x) == f(x, 1.0, 1.0) == 0


def test_refused_arrays_can_be_fitted():
    f, x = enter(*scaled_sum()), np.arange(6.0).reshape(2, 3)
    own_dtype = x.astype(np.dtype(float, metadata={"unit": "m"}))
    for other in [np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x.astype(">f8"), own_dtype]:
        assert f(other, 2.0) == -1
        copy = builtin.fitted(other, ARRAY)
        np.testing.assert_array_equal(f(copy, 2.0)[0], 2 * x)
    for other in [x.T, x.astype(np.float32), x[:1], 1.0, [1.0], None]:
        assert builtin.fitted(other, ARRAY) is None
    assert builtin.fitted(x, ARRAY._replace(written=True)) is None
    assert builtin.fitted(x, Argument(float)) is None


SCALARS = [1.5, 7, -(2**62), True, False, 1 - 2j]
SCALARS += [
    t(3)
    for t in (np.float64, np.float32, np.int64, np.int32, np.int8, np.uint16, np.bool_, np.complex128, np.complex64)
]


@BOTH
@pytest.mark.parametrize("value", SCALARS, ids=lambda v: type(v).__name__ + str(v))
def test_numbers_arrive_with_all_their_bits(make, value):
    wanted = np.asarray(value)

    def write(f, x, y):
        for k in range(wanted.nbytes):
            f.store(f.load(i8, f.offset(x, k, i8)), f.offset(y, k, i8))

    f = make(*plan(write, 2), [Argument(type(value))], [Result(wanted.dtype, (1,))])
    np.testing.assert_array_equal(f(value), [wanted])
    other = 1 if not isinstance(value, int) or isinstance(value, bool) else 1.0
    assert f(other) == -1


@BOTH
def test_an_integer_beyond_64_bits_is_refused(make):
    f = make(*plan(lambda f, x, y: f.store(f.load(i64, x), y), 2), [Argument(int)], [Result(np.int64, ())])
    assert f(-1) == -1
    assert type(f(-1)) is np.int64, "a result, not a refusal"
    assert f(2**63 - 1) == 2**63 - 1
    assert type(f(2**63)) is int
    assert f(-(2**63)) == -(2**63)
    assert type(f(-(2**63) - 1)) is int
    assert f(2**70) == -1


@BOTH
def test_every_kind_of_result(make):
    kinds = [np.float32, np.int32, np.int16, np.complex64, np.bool_, np.uint64]
    shapes = [(3,), (), (0, 4), (1, 2, 1), (), (2,)]

    def write(f, *results):
        for at, kind, shape in zip(results, kinds, shapes, strict=True):
            for k in range(math.prod(shape) * np.dtype(kind).itemsize):
                f.store(f.constant(1, i8), f.offset(at, k, i8))

    results = [Result(kind, shape) for kind, shape in zip(kinds, shapes, strict=True)]
    made = make(*plan(write, 6), [], results)()
    for x, kind, shape in zip(made, kinds, shapes, strict=True):
        assert isinstance(x, np.ndarray if shape else kind)
        assert (x.dtype, x.shape) == (kind, shape)
        assert x.tobytes() == bytes([1]) * x.nbytes


@BOTH
def test_without_results_it_returns_none_and_writes_where_it_may(make):
    module, f = plan(lambda f, x: f.store(f.constant(7.0, f64), x), 1)
    run = make(module, f, [Argument(np.ndarray, np.dtype(float), (2,), written=True)], [])
    x = np.zeros(2)
    assert run(x) is None
    assert x[0] == 7.0
    x.flags.writeable = False
    assert run(x) == -1


@BOTH
def test_a_status_is_handed_on(make):
    def write(f, x, y):
        value = f.load(f64, x)
        f.store(value, y)
        return f.select(value > 0.0, 0, 3, type=i32)

    run = make(*plan(write, 2), [Argument(float)], [Result(float, ())], Options(workspace=8))
    assert run(2.0) == 2.0
    for _ in range(5):
        assert run(-2.0) == 3
        assert type(run(-2.0)) is int


def test_the_workspace_is_aligned_and_of_its_size():
    def write(f, y):
        f.store(f.emit(i64, f"ptrtoint {f.args[1]!r} to i64"), y)
        f.store(f.constant(1, i8), f.offset(f.args[1], 99_999, i8))

    run = enter(*plan(write, 1), [], [Result(np.int64, ())], Options(workspace=100_000))
    places = {int(run()) for _ in range(10)}
    assert len(places) == 1, "it is kept from call to call"
    assert places.pop() % 64 == 0


def test_calls_at_the_same_time_have_their_own_workspace():
    """A plan that writes a number into its workspace, works for a while, and reads it again."""

    def write(f, x, y):
        f.store(f.load(f64, x), f.args[1])
        last = f.loop(200_000, lambda k, s: [s * 0.5 + 1.0], [f.constant(0.0, f64)])
        f.store(f.load(f64, f.args[1]) + last[0] - 2.0, y)

    run = enter(*plan(write, 2), [Argument(float)], [Result(float, ())], Options(64, release_gil=True))
    wrong = []

    def work(value):
        wrong.extend(value for _ in range(30) if abs(run(value) - value) > 1e-9)

    threads = [threading.Thread(target=work, args=(float(k),)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_subnormals_are_zero_inside_and_only_inside():
    def write(f, x, y):
        f.store(f.load(f64, x) * 0.5, y)

    tiny = sys.float_info.min
    arguments = ([Argument(float)], [Result(float, ())])
    assert enter(*plan(write, 2), *arguments)(tiny) == 0.0
    assert np.float64(tiny) * 0.5 > 0
    assert enter(*plan(write, 2), *arguments, Options(flush_subnormals=False))(tiny) == tiny / 2


def test_references_are_neither_lost_nor_kept():
    f = enter(*scaled_sum())
    x, s = np.ones((2, 3)), 1.5
    before = sys.getrefcount(x), sys.getrefcount(s), sys.getrefcount(None), sys.getrefcount(x.dtype)
    for _ in range(1000):
        f(x, s)
        f(x.T, s)
        f(x, x)
        f(x)
    after = sys.getrefcount(x), sys.getrefcount(s), sys.getrefcount(None), sys.getrefcount(x.dtype)
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 50
    y, total = f(x, s)
    assert sys.getrefcount(y) == 2
    gone = weakref.ref(y)
    del y, total
    gc.collect()
    assert gone() is None


def test_a_plan_can_be_replaced_by_a_better_one():
    arguments = [Argument(float)], [Result(float, ())]

    def program(factor, level):
        module, _ = plan(lambda f, x, y: f.store(f.load(f64, x) * factor, y), 2)
        return native.link(module, level=level)

    first = program(2.0, 0)
    entry = builtin.entry_of(first["plan"], *arguments, keep=[first])
    run = builtin.callable_of(entry)
    assert run(3.0) == 6.0
    second = program(5.0, 2)
    entry.redirect("plan", second["plan"], second)
    gone = weakref.ref(second)
    del first, second, entry
    gc.collect()
    assert run(3.0) == 15.0
    assert gone() is not None
    del run
    gc.collect()
    assert gone() is None


def test_the_builtin_keeps_its_program_and_goes_with_it():
    f = enter(*scaled_sum(), Options(workspace=100))
    program = weakref.ref(f.__self__)
    f(np.ones((2, 3)), 1.0)
    gc.collect()
    assert program() is not None
    del f
    gc.collect()
    assert program() is None


def test_the_layout_of_objects_is_the_one_that_is_read():
    assert builtin.layout_is_known()
    for kind in {type(v) for v in SCALARS}:
        assert builtin.number_is_known(kind)
    assert callable(enter(*scaled_sum()))
    assert not isinstance(enter(*scaled_sum()), SlowEntry)


def test_where_the_layout_is_unknown_the_slow_way_is_taken(monkeypatch):
    monkeypatch.setattr(builtin, "layout_is_known", lambda: False)
    f = enter(*scaled_sum())
    assert isinstance(f, SlowEntry)
    assert f(np.ones((2, 3)), 2.0)[1] == 12.0
    assert f(np.ones(3), 2.0) == -1


def test_a_result_that_is_too_large_raises_as_numpy_does():
    run = enter(*plan(lambda f, y, z: None, 2), [], [Result(float, (2,)), Result(float, (2**45,))])
    with pytest.raises(MemoryError, match="Unable to allocate"):
        run()


def test_many_arguments():
    kinds = [Argument(np.ndarray, np.dtype(np.float32), (k,)) for k in range(1, 40)]

    def write(f, *pointers):
        *sources, goal = pointers
        total = f.constant(0.0, f32)
        for k, x in enumerate(sources):
            total = total + f.load(f32, f.offset(x, k, f32))
        f.store(total, goal)

    run = enter(*plan(write, 40), kinds, [Result(np.float32, ())])
    x = [np.full(k, k, np.float32) for k in range(1, 40)]
    assert run(*x) == sum(range(1, 40))
    x[30] = x[30].astype(float)
    assert run(*x) == -31
    assert ctypes.sizeof(ctypes.c_void_p) == 8

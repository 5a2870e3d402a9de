"""The writer of IR: each kind of instruction beside NumPy, on vectors of every width, here and on lesser machines."""

import ctypes
import math
import mmap
import operator
import sys

import numpy as np
import pytest

from chainrule.compiler import native
from chainrule.compiler.llvm import Module, Reduction, f32, f64, i1, i8, i16, i32, i64, literal, ptr
from chainrule.compiler.target import Target, baseline, host

P, N = ctypes.c_void_p, ctypes.c_int64
TYPES = {"float64": f64, "float32": f32, "int64": i64, "int32": i32, "int16": i16, "int8": i8}

LESSER = {
    "host": host(),
    "avx2": Target(host().triple, "haswell", "+avx2,+fma,+sse4.1,+sse4.2,+avx,+ssse3,+sse3,+bmi,+bmi2"),
    "plain": Target(host().triple, "x86-64", ""),
}
targets = pytest.mark.parametrize("target", LESSER if host().is_x86 else ["host"])


def run(write, *arrays, parameters=(), target="host"):
    """Writes a function of pointers with `write(f, *pointers)` and calls it with these arrays."""
    module = Module(LESSER[target])
    f = module.function("run", *[ptr] * len(arrays), *parameters)
    write(f, *f.args)
    f.ret()
    program = native.load(native.object_code(module), ["run"])
    program.function("run", *[P] * len(arrays))(*(a.ctypes.data for a in arrays))
    return str(module)


def numbers(dtype, n=64, seed=0):
    g = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (g.standard_normal(n) * 100).astype(dtype)
    info = np.iinfo(dtype)
    return g.integers(info.min, info.max, n, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_constant_has_the_bits_of_the_number(dtype):
    info = np.finfo(dtype)
    wanted = [0.0, -0.0, 1.0, -2.5, 0.1, math.pi, 1e300, -1e-300, math.inf, -math.inf, 1e5, 0.0009765625, 123456789.0]
    wanted += [float(info.tiny), float(info.smallest_subnormal), float(info.max), math.nan]
    with np.errstate(over="ignore"):
        expected = np.array(wanted).astype(dtype)
    y = np.empty(len(wanted), dtype)

    def write(f, at):
        for k, value in enumerate(wanted):
            f.store(f.constant(value, TYPES[dtype]), f.offset(at, k, TYPES[dtype]))

    run(write, y)
    assert y.tobytes() == expected.tobytes()


def test_short_exact_constants_can_be_read():
    assert literal(0.5, f64) == "0.5"
    assert literal(0.1, f64) == "0x3FB999999999999A"
    assert literal(0.1, f32) == "0x3FB99999A0000000"
    assert literal(True, i1) == "true"


OPERATORS = [operator.add, operator.sub, operator.mul]
ON_FLOATS = [*OPERATORS, operator.truediv]
ON_INTEGERS = [*OPERATORS, operator.and_, operator.or_, operator.xor]


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("dtype", TYPES)
def test_operators_are_numpys(dtype, width):
    chosen = ON_FLOATS if dtype.startswith("f") else ON_INTEGERS
    a, b = numbers(dtype, width), numbers(dtype, width, 1)
    y = np.empty((len(chosen) + 1, width), dtype)
    kind = TYPES[dtype].vector(width)

    def write(f, x, z, at):
        u, v = f.load(kind, x), f.load(kind, z)
        for k, op in enumerate(chosen):
            f.store(op(u, v), f.offset(at, k * width, kind.element))
        f.store(1 - (-u) * 2 + 3, f.offset(at, len(chosen) * width, kind.element))

    run(write, a, b, y)
    one, two, three = np.ones(1, dtype), np.full(1, 2, dtype), np.full(1, 3, dtype)
    with np.errstate(over="ignore"):
        for row, op in zip(y, chosen, strict=False):
            np.testing.assert_array_equal(row, op(a, b))
        np.testing.assert_array_equal(y[-1], one - (-a) * two + three)


@targets
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_comparisons_mean_what_numpys_do(dtype, target):
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 2.0, -1.0] if dtype.startswith("f") else range(-4, 4)
    a, b = (x.ravel() for x in np.meshgrid(np.array(special, dtype), np.array(special, dtype)))
    chosen = [operator.lt, operator.le, operator.gt, operator.ge]
    y = np.empty((7, a.size), np.int8)

    def write(f, x, z, at):
        def body(lanes):
            u, v = lanes.load(TYPES[dtype], x), lanes.load(TYPES[dtype], z)
            made = [op(u, v) for op in chosen] + [u.eq(v), u.ne(v), u.is_nan() if dtype.startswith("f") else u.ne(u)]
            for k, value in enumerate(made):
                lanes.store(f.convert(value, i8, signed=False), f.offset(at, k * a.size, i8))

        f.vector_loop(a.size, LESSER[target].lanes(64), body)

    run(write, a, b, y, target=target)
    for row, op in zip(y, [*chosen, operator.eq, operator.ne, lambda u, v: np.isnan(u)], strict=True):
        np.testing.assert_array_equal(row, op(a, b))


@targets
@pytest.mark.parametrize("goal", TYPES)
@pytest.mark.parametrize("source", TYPES)
def test_conversions_are_numpys(source, goal, target):
    x = (numbers("float64", 40) if "float" in source else numbers("int8", 40)).astype(source)
    y = np.empty(x.size, goal)

    def write(f, a, at):
        f.vector_loop(x.size, 4, lambda lanes: lanes.store(f.convert(lanes.load(TYPES[source], a), TYPES[goal]), at))

    run(write, x, y, target=target)
    wide = (
        x.astype("int64") if "int" in goal else x
    )  # C leaves open what happens to floats out of range; NumPy wraps here
    keep = np.abs(x) < 127
    np.testing.assert_array_equal(y[keep], wide.astype(goal)[keep])


@targets
@pytest.mark.parametrize("width", [2, 8])
def test_gather_and_scatter_touch_what_is_asked_for_only(width, target):
    x, places = np.arange(100.0), np.random.default_rng(0).permutation(100)[:37]
    y, z = np.zeros(37), np.zeros(100)

    def write(f, source, at, gathered, scattered):
        def body(lanes):
            index = lanes.load(i64, at)
            value = f.gather(f64, source, index, lanes.mask)
            lanes.store(value, gathered)
            f.scatter(value * 2.0, scattered, index, lanes.mask)

        f.vector_loop(37, width, body)

    run(write, x, places, y, z, target=target)
    np.testing.assert_array_equal(y, x[places])
    expected = np.zeros(100)
    expected[places] = 2 * x[places]
    np.testing.assert_array_equal(z, expected)


@targets
@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize(
    ("width", "unroll", "once"), [(1, 1, False), (4, 1, False), (8, 3, False), (8, 4, False), (8, 1, True)]
)
def test_a_vector_loop_does_every_element_once(width, unroll, once, static, target):
    for n in [0, 1, 7, 8, 9, 23, 24, 25, 31, 32, 33, 64, 100]:
        x, y, s, m = numbers("float64", n), np.full(n + 3, -1.0), np.empty(1), np.empty(1)
        count = np.array([n])

        def write(f, a, at, total, largest, size, n=n):
            def body(lanes):
                v = lanes.load(f64, a)
                lanes.store(v + f.convert(lanes.places(), f64), at)
                return v, v

            add = Reduction(f64, 0.0, operator.add)
            top = Reduction(f64, -math.inf, lambda u, v: f.select(u > v, u, v))
            extent = n if static else f.load(i64, size)
            sums = f.vector_loop(extent, width, body, [add, top], unroll, once)
            for value, place in zip(sums, (total, largest), strict=True):
                f.store(value, place)

        run(write, x, y, s, m, count, target=target)
        np.testing.assert_array_equal(y[:n], x + np.arange(n))
        assert (y[n:] == -1).all()
        np.testing.assert_allclose(s[0], x.sum(), rtol=1e-12, atol=1e-12)
        assert m[0] == (x.max() if n else -np.inf)


@pytest.mark.skipif(sys.platform != "linux", reason="protects a page as Linux does")
@pytest.mark.parametrize("once", [False, True])
@targets
def test_nothing_beyond_the_end_is_read_or_written(target, once):
    """The array ends where a page ends, and the next page may not be touched."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + page), page, 0) == 0
    bytes_ = np.frombuffer(memory, np.int8, page)
    for n in range(1, 20):
        x = bytes_[page - 8 * n :].view(np.float64)
        x[:] = np.arange(n)

        def write(f, a, n=n):
            def body(lanes):
                lanes.store(lanes.load(f64, a) + f.gather(f64, a, lanes.places(), lanes.mask), a)

            f.vector_loop(n, 8, body, once=once)

        run(write, x, target=target)
        np.testing.assert_array_equal(x, 2.0 * np.arange(n))


def test_a_vector_loop_can_start_elsewhere():
    x, y = numbers("float64", 50), np.zeros(50)
    run(lambda f, a, at: f.vector_loop(41, 8, lambda lanes: lanes.store(lanes.load(f64, a), at), start=5), x, y)
    np.testing.assert_array_equal(y[5:41], x[5:41])
    assert not y[:5].any()
    assert not y[41:].any()


def test_arrays_need_no_more_alignment_than_their_elements():
    raw = np.zeros(8 * 40 + 8, np.int8)
    for shift in (0, 8):
        x = raw[shift : shift + 320].view(np.float64)
        x[:] = numbers("float64", 40)
        y = np.empty(41)[1:]
        run(lambda f, a, at: f.vector_loop(40, 8, lambda lanes: lanes.store(lanes.load(f64, a), at)), x, y)
        np.testing.assert_array_equal(y, x)


def test_loops_and_branches():
    """Collatz: the length of the path of each number to 1."""
    y = np.empty(30, np.int64)

    def write(f, at):
        def number(k):
            def turn(n, length):
                (following,) = f.when((n & 1).eq(0), lambda: [n >> 1], lambda: [n * 3 + 1])
                return following, length + 1

            _, length = f.repeat(lambda n, _: n.ne(1), turn, [k + 1, f.constant(0, i64)])
            f.store(length, f.offset(at, k, i64))

        f.loop(30, number)

    run(write, y)
    expected = []
    for n in range(1, 31):
        length = 0
        while n != 1:
            n, length = n // 2 if n % 2 == 0 else 3 * n + 1, length + 1
        expected.append(length)
    np.testing.assert_array_equal(y, expected)


def test_a_loop_carries_values():
    y = np.empty(1)

    def write(f, at):
        a, b = f.loop(20, lambda k, a, b: (b, a + b), [f.constant(0.0, f64), f.constant(1.0, f64)], step=2)
        f.store(a * 1000.0 + b, at)

    run(write, y)
    assert y[0] == 55 * 1000 + 89


def test_what_stands_there_already_is_not_written_again():
    y = np.empty(3)

    def write(f, at):
        x = f.load(f64, at)
        f.store(x * 2.0 + x * 2.0, at)
        f.when(x > 0.0, lambda: [x * 3.0], lambda: [x * 3.0])
        f.store(x * 3.0, f.offset(at, 1, f64))

    y[:] = 1.0
    text = run(write, y)
    assert text.count("splat") == 0
    assert text.count(", 2.0") == 1
    assert text.count(", 3.0") == 3, "a branch may not have been taken, so what it has computed is written again"
    np.testing.assert_array_equal(y[:2], [4.0, 3.0])


def test_shuffles_elements_and_folds():
    x, y = numbers("float64", 8), np.empty(12)

    def write(f, a, at):
        v = f.load(f64.vector(8), a)
        f.store(f.shuffle(v, range(7, -1, -1)), at)
        f.store(f.fold(v, operator.add), f.offset(at, 8, f64))
        f.store(f.element(v, 3), f.offset(at, 9, f64))
        doubled = f.each(lambda e: e + e, f64, v)
        f.store(f.element(doubled, 5), f.offset(at, 10, f64))
        f.store(f.convert(f.any(v > 1e9), f64), f.offset(at, 11, f64))

    run(write, x, y)
    np.testing.assert_array_equal(y[:8], x[::-1])
    np.testing.assert_allclose(y[8], x.sum())
    np.testing.assert_array_equal(y[9:], [x[3], 2 * x[5], 0.0])


def test_functions_of_c_are_called_through_a_table():
    def text_and_module():
        module = Module(host())
        f = module.function("run", f64, returns=f64)
        f.ret(f.call(module.foreign("cosine", f64, f64), f.args[0]) + 1.0)
        return str(module), module

    (text, module), (again, _) = text_and_module(), text_and_module()
    assert text == again
    cosine = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(math.cos)
    address = ctypes.cast(cosine, P).value
    assert str(address) not in text
    run = native.link(module, {"cosine": address}).function("run", ctypes.c_double, returns=ctypes.c_double)
    assert run(0.5) == math.cos(0.5) + 1.0


def test_ten_thousand_operations_are_ten_thousand_lines():
    module = Module(host())
    f = module.function("run", f64, returns=f64)
    x = f.args[0]
    for k in range(5000):
        x = x * 1.25 + float(k)
    f.ret(x)
    assert len(f.lines) == 10001
    assert max(map(len, f.lines)) < 60


def test_errors_of_the_writer():
    f = Module(host()).function("run", f64, f32)
    a, b = f.args
    with pytest.raises(TypeError, match=r"double %a0 and float %a1 are of different types"):
        a + b
    with pytest.raises(TypeError, match="use select or branch"):
        bool(a > 0.0)
    with pytest.raises(ValueError, match="there is a function named 'run' already"):
        f.module.function("run")
    with pytest.raises(ValueError, match="a mask needs a vector"):
        f.load(f64, a, mask=a > 0.0)


def test_targets():
    wide = Target("x86_64-unknown-linux-gnu", "skylake-avx512", "+avx512f,+avx512dq,+avx512vl,+avx512bw,+fma,+avx2")
    assert (wide.lanes(64), wide.lanes(32), wide.masks, wide.fused) == (8, 16, True, True)
    assert (LESSER["avx2"].lanes(64), LESSER["avx2"].masks) == (4, False)
    assert (LESSER["plain"].lanes(64), LESSER["plain"].fused) == (2, False)
    arm = baseline("arm64-apple-macosx")
    assert (arm.lanes(32), arm.fused, arm.is_arm) == (4, True, True)

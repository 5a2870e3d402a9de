"""Each function beside mpmath, NumPy and SciPy: over the whole range of floats, and at every special value.

`CHAINRULE_EXHAUSTIVE=1` takes all 2**32 numbers of float32 for every function of one argument; it takes about an hour.
"""

import ctypes
import functools
import os
from typing import NamedTuple

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from chainrule.compiler import native, subnormals, vectormath
from chainrule.compiler.llvm import Module, f32, f64, i32, i64, ptr
from chainrule.compiler.target import Target, host
from chainrule.compiler.vectormath.bounds import ULP

EXHAUSTIVE = bool(os.environ.get("CHAINRULE_EXHAUSTIVE"))
FLOATS = {"float64": f64, "float32": f32}


class Peer(NamedTuple):
    """What a function is compared with."""

    exact: object
    """the function in mpmath, of numbers at which it is finite"""
    numpy: object
    arguments: int = 1
    scale: object = None
    """an error is measured by the last place of this, if it is larger than the result: where results are differences"""


def at_least_one(*x):
    return max(1.0, *map(abs, x))


def larger(a, b):
    return max(abs(a), abs(b), 1.0)


# SciPy's own are right to the last digits except at the few places that are mended here.


def expit(x):
    return np.where(x < -500, np.exp(x), scipy.special.expit(x))


def gammaln(x):
    return np.where(np.abs(x) < 1e-300, -np.log(np.abs(x)), scipy.special.gammaln(x))


def log_ndtr(x):
    return np.where(x < -1e150, -np.inf, scipy.special.log_ndtr(np.maximum(x, -1e150)))


def digamma(x):
    rest = x - np.rint(x)
    return np.where((x < 0) & (np.abs(rest) < 1e-14) & (rest != 0), -1 / rest, scipy.special.digamma(x))


PEERS = {
    "exp": Peer(mp.exp, np.exp),
    "exp2": Peer(lambda x: mp.power(2, x), np.exp2),
    "expm1": Peer(mp.expm1, np.expm1),
    "log": Peer(mp.log, np.log),
    "log2": Peer(lambda x: mp.log(x) / mp.log(2), np.log2),
    "log10": Peer(mp.log10, np.log10),
    "log1p": Peer(mp.log1p, np.log1p),
    "sinh": Peer(mp.sinh, np.sinh),
    "cosh": Peer(mp.cosh, np.cosh),
    "tanh": Peer(mp.tanh, np.tanh),
    "arcsinh": Peer(mp.asinh, np.arcsinh),
    "arccosh": Peer(mp.acosh, np.arccosh),
    "arctanh": Peer(mp.atanh, np.arctanh),
    "sigmoid": Peer(lambda x: 1 / (1 + mp.exp(-x)), expit),
    "softplus": Peer(lambda x: mp.log1p(mp.exp(x)), lambda x: np.logaddexp(0, x)),
    "sin": Peer(mp.sin, np.sin),
    "cos": Peer(mp.cos, np.cos),
    "tan": Peer(mp.tan, np.tan),
    "arcsin": Peer(mp.asin, np.arcsin),
    "arccos": Peer(mp.acos, np.arccos),
    "arctan": Peer(mp.atan, np.arctan),
    "arctan2": Peer(mp.atan2, np.arctan2, 2),
    "power": Peer(mp.power, np.power, 2),
    "cbrt": Peer(lambda x: mp.sign(x) * mp.cbrt(abs(x)), np.cbrt),
    "hypot": Peer(mp.hypot, np.hypot, 2),
    "logaddexp": Peer(lambda a, b: max(a, b) + mp.log1p(mp.exp(-abs(a - b))), np.logaddexp, 2, larger),
    "logaddexp2": Peer(
        lambda a, b: max(a, b) + mp.log1p(mp.power(2, -abs(a - b))) / mp.log(2), np.logaddexp2, 2, larger
    ),
    "erf": Peer(mp.erf, scipy.special.erf),
    "erfc": Peer(mp.erfc, scipy.special.erfc),
    "erfcx": Peer(lambda x: mp.exp(x * x) * mp.erfc(x), scipy.special.erfcx),
    "gammaln": Peer(lambda x: mp.log(abs(mp.gamma(x))), gammaln, 1, at_least_one),
    "digamma": Peer(mp.digamma, digamma, 1, at_least_one),
    "ndtr": Peer(mp.ncdf, scipy.special.ndtr),
    "log_ndtr": Peer(lambda x: mp.log(mp.ncdf(x)) if x < 0 else mp.log1p(-mp.ncdf(-x)), log_ndtr),
    "log_expit": Peer(lambda x: -mp.log1p(mp.exp(-x)), lambda x: -np.logaddexp(0, -x)),
    "logit": Peer(lambda x: mp.log(x / (1 - x)) if 0 < x < 1 else mp.nan, scipy.special.logit),
    "exp10": Peer(lambda x: mp.power(10, x), scipy.special.exp10),
    "xlogy": Peer(lambda x, y: x * mp.log(y), scipy.special.xlogy, 2),
    "xlog1py": Peer(lambda x, y: x * mp.log1p(y), scipy.special.xlog1py, 2),
    "entr": Peer(lambda x: -x * mp.log(x) if x > 0 else mp.nan, scipy.special.entr),
}

EXACT = {  # rounding, comparisons and remainders: nothing may be lost
    "floor": (np.floor, 1),
    "ceil": (np.ceil, 1),
    "rint": (np.rint, 1),
    "trunc": (np.trunc, 1),
    "absolute": (np.absolute, 1),
    "sqrt": (np.sqrt, 1),
    "sign": (np.sign, 1),
    "isnan": (np.isnan, 1),
    "isinf": (np.isinf, 1),
    "isfinite": (np.isfinite, 1),
    "signbit": (np.signbit, 1),
    "copysign": (np.copysign, 2),
    "maximum": (np.maximum, 2),
    "minimum": (np.minimum, 2),
    "fmax": (np.fmax, 2),
    "fmin": (np.fmin, 2),
    "fmod": (np.fmod, 2),
    "remainder": (np.remainder, 2),
    "floor_divide": (np.floor_divide, 2),
}

AVX2 = Target(host().triple, "haswell", "+avx2,+fma,+sse4.1,+sse4.2,+avx,+ssse3,+sse3,+bmi,+bmi2")
PLAIN = Target(host().triple, "x86-64", "")
"""what every x86-64 has: no fused multiply-add, and no rounding instruction"""


@functools.cache
def kernel(name, dtype="float64", target=None, width=None, flags="", flush=False):
    """The function over arrays of one dimension."""
    function, kind, target = getattr(vectormath, name), FLOATS[dtype], target or host()
    count = PEERS[name].arguments if name in PEERS else EXACT[name][1]
    module = Module(target)
    f = module.function("run", *[ptr] * (count + 1), i64)
    f.flags = flags

    def body(lanes):
        made = function(*(lanes.load(kind, a) for a in f.args[:count]))
        lanes.store(f.convert(made, kind), f.args[count])
        return ()

    saved = subnormals.flush(f) if flush else None
    f.vector_loop(f.args[-1], width or target.lanes(kind.bits), body)
    if saved is not None:
        subnormals.restore(f, saved)
    f.ret()
    program = native.load(native.object_code(module), ["run"])
    run = program.function("run", *[ctypes.c_void_p] * (count + 1), ctypes.c_int64)

    def call(*x):
        x = [np.ascontiguousarray(a, dtype) for a in x]
        y = np.empty_like(x[0])
        run(*(a.ctypes.data for a in x), y.ctypes.data, y.size)
        return y

    return call


def bits_of(dtype, n, seed=0):
    """Floats of any size: random bits."""
    integers = {"float64": np.uint64, "float32": np.uint32}[dtype]
    return np.random.default_rng(seed).integers(0, np.iinfo(integers).max, n, dtype=integers).view(dtype)


def sample(dtype, n, seed=0):
    """Of every size, and many where functions are interesting."""
    g = np.random.default_rng(seed)
    u = g.uniform(-1, 1, n)
    with np.errstate(over="ignore"):
        near = [u, 1 + u * 1e-3, u * 3, u * 30, u * 800, np.exp(u * 40), -np.exp(u * 40)]
        x = np.concatenate([bits_of(dtype, n, seed), *near]).astype(dtype)
    return x[np.isfinite(x)]


def specials(dtype):
    info = np.finfo(dtype)
    thresholds = {
        "float64": [
            709.7,
            709.79,
            710.4,
            710.5,
            745.1,
            745.2,
            1023.9,
            1024,
            1074.5,
            1075.5,
            2**53 + 2.0,
            1e22,
            27.2,
            171.6,
        ],
        "float32": [88.7, 88.8, 89.4, 89.5, 103.9, 104.0, 127.9, 128, 149.5, 150.5, 2**24 + 2.0, 1e22, 10.1, 35.0],
    }[dtype]
    sizes = [
        0.0,
        0.25,
        0.5,
        0.75,
        1.0,
        1.5,
        2.0,
        2.5,
        3.0,
        4.0,
        8.0,
        9.0,
        10.0,
        1e-3,
        1e-10,
        1e-20,
        100.0,
        1000.0,
        1e10,
    ]
    edge = [
        info.tiny,
        info.smallest_subnormal,
        5 * info.smallest_subnormal,
        info.max,
        info.eps,
        1 - info.epsneg,
        1 + info.eps,
    ]
    sizes += [*thresholds, *map(float, edge), np.pi / 4, np.pi / 2, np.pi, np.inf]
    x = np.array(sizes, dtype)
    return np.concatenate([x, -x, [np.nan]]).astype(dtype)


def errors(name, y, *x):
    """How far each result is off, in units in the last place; numbers at which nothing finite is to come out are 0."""
    peer = PEERS[name]
    made = np.zeros(y.shape)
    with mp.workprec(1300 if name in ("sin", "cos", "tan") else 160):
        for k in range(y.size):
            arguments = [mp.mpf(float(a[k])) for a in x]
            try:
                exact = peer.exact(*arguments)
            except (ZeroDivisionError, ValueError, OverflowError):  # a pole
                continue
            if not isinstance(exact, mp.mpf) or not mp.isfinite(exact):
                continue
            nearest = y.dtype.type(float(exact))
            if not np.isfinite(nearest) or not np.isfinite(y[k]):
                made[k] = (
                    0.0 if nearest == y[k] or abs(exact) > 0.999999 * mp.mpf(float(np.finfo(y.dtype).max)) else np.inf
                )
                continue
            size = (
                nearest if peer.scale is None else y.dtype.type(max(abs(nearest), peer.scale(*map(float, arguments))))
            )
            unit = mp.mpf(float(np.spacing(np.abs(size))))
            made[k] = float(abs(mp.mpf(float(y[k])) - exact) / unit)
    return made


def check(name, dtype, y, *x):
    bound = ULP[name][dtype == "float32"]
    error = errors(name, y, *x)
    worst = int(np.argmax(error))
    assert error[worst] <= bound, f"{name}{tuple(a[worst] for a in x)} gives {y[worst]!r}: {error[worst]} ulp"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", PEERS)
def test_the_error_is_within_its_bound(name, dtype):
    x = [sample(dtype, 60, seed) for seed in range(PEERS[name].arguments)]
    count = min(map(len, x))
    x = [a[:count] if k == 0 else np.random.default_rng(9).permutation(a)[:count] for k, a in enumerate(x)]
    check(name, dtype, kernel(name, dtype)(*x), *x)


def places(name, dtype):
    """The special numbers, for two arguments each with each."""
    x = specials(dtype)
    if (PEERS[name].arguments if name in PEERS else EXACT[name][1]) == 1:
        return (x,)
    return tuple(a.ravel() for a in np.meshgrid(x, x))


def expected(name, *x):
    """NumPy's results, float32 by way of float64, since there NumPy itself is not always to the last bit."""
    function, dtype = (PEERS[name].numpy if name in PEERS else EXACT[name][0]), x[0].dtype
    if name in PEERS and name not in ("cbrt", "arctan2"):
        x = [a.astype(np.float64) for a in x]
    return function(*x).astype(dtype)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("target", [None, AVX2, PLAIN], ids=["host", "avx2", "plain"])
@pytest.mark.parametrize("name", PEERS)
def test_special_values_are_numpys(name, dtype, target):
    if target is not None and not host().is_x86:
        pytest.skip("x86-64 only")
    x = places(name, dtype)
    y, wanted = kernel(name, dtype, target)(*x), expected(name, *x)
    same = (np.isnan(y) == np.isnan(wanted)) & (np.isfinite(y) == np.isfinite(wanted))
    plain = np.isfinite(y) & np.isfinite(wanted)
    same &= plain | np.isnan(y) | (y == wanted)
    signs = (wanted == 0) | np.isinf(wanted)
    if name not in ("logaddexp", "logaddexp2", "softplus", "gammaln"):  # a sum of zero has no sign of its own
        same &= ~signs | (np.signbit(y) == np.signbit(wanted)) | (y != 0)
    size = np.abs(np.where(plain, wanted, 1))
    peers = 2048 if name in ("ndtr", "log_ndtr") else 16  # SciPy's own errors
    if PEERS[name].scale is not None:
        for a in (*x, np.ones_like(y)):
            size = np.maximum(size, np.where(np.isfinite(a), np.abs(a), 1))
    with np.errstate(all="ignore"):
        same &= ~plain | (np.abs(y - wanted) <= peers * np.spacing(size, dtype=dtype))
    k = int(np.argmin(same))
    assert same.all(), f"{name}{tuple(a[k] for a in x)} gives {y[k]!r}, NumPy {wanted[k]!r}; {np.sum(~same)} such"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("target", [None, AVX2, PLAIN], ids=["host", "avx2", "plain"])
@pytest.mark.parametrize("name", EXACT)
def test_exact_functions_are_numpys_to_the_last_bit(name, dtype, target):
    if target is not None and not host().is_x86:
        pytest.skip("x86-64 only")
    function, count = EXACT[name]
    for x in (places(name, dtype), [sample(dtype, 300, k)[:1800] for k in range(count)]):
        y, wanted = kernel(name, dtype, target)(*x), function(*x).astype(dtype)
        zeros_differ = (y == 0) & (wanted == 0) if name in ("maximum", "minimum", "fmax", "fmin") else False
        same = (np.isnan(y) & np.isnan(wanted)) | (
            (y == wanted) & ((np.signbit(y) == np.signbit(wanted)) | zeros_differ)
        )
        k = int(np.argmin(same))
        assert same.all(), f"{name}{tuple(a[k] for a in x)} gives {y[k]!r}, NumPy {wanted[k]!r}; {np.sum(~same)} such"


WORST = [
    float.fromhex("0x1.6ac5b262ca1ffp+849"),  # 6381956970095103 * 2**797, as close to a multiple of pi / 2 as any
    float.fromhex("0x1.921fb54442d18p+0"),
    1e22,
    2.0**20,
    np.nextafter(2.0**20, 0),
    np.nextafter(2.0**20, 2.0**21),
    2.0**1023,
    float(np.finfo(float).max),
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_arguments_lose_nothing(name, dtype):
    g = np.random.default_rng(1)
    multiples = np.pi / 2 * np.rint(10.0 ** g.uniform(0, 15 if dtype == "float64" else 6, 200))
    powers = g.uniform(1, 2, 200) * 2.0 ** g.integers(15, 1023 if dtype == "float64" else 127, 200)
    with np.errstate(over="ignore"):
        x = np.concatenate([WORST, multiples, powers]).astype(dtype)
    x = np.concatenate([x, -x])
    x = x[np.isfinite(x)]
    check(name, dtype, kernel(name, dtype)(x), x)


def test_one_large_argument_changes_nothing_for_the_others():
    x = np.linspace(0.1, 7.9, 64)
    alone = kernel("sin")(x)
    for k in range(64):
        z = x.copy()
        z[k] = 1e300
        together = kernel("sin")(z)
        assert (np.delete(together, k) == np.delete(alone, k)).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.skipif(not host().is_x86, reason="x86-64 only")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("target", [AVX2, PLAIN], ids=["avx2", "plain"])
@pytest.mark.parametrize("name", PEERS)
def test_lesser_machines_hold_nearly_the_same_bounds(name, target, dtype):
    x = [sample(dtype, 25, 30 + seed) for seed in range(PEERS[name].arguments)]
    count = min(map(len, x))
    x = [np.random.default_rng(k).permutation(a)[:count] for k, a in enumerate(x)]
    y = kernel(name, dtype, target)(*x)
    bound = ULP[name][dtype == "float32"]
    allowed = bound if target.fused else bound + 1.0  # without fused multiply-add each step rounds twice
    assert errors(name, y, *x).max() <= allowed
    # one number at a time is the same program
    np.testing.assert_array_equal(kernel(name, dtype, target, 1)(*x), y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [n for n in PEERS if PEERS[n].arguments == 1])
def test_float32_beside_float64(name):
    """A million numbers, or all 2**32."""
    total = 2**32 if EXHAUSTIVE else 2**20
    step, chunk, peer, bound = 2**32 // total, 2**20, PEERS[name], ULP[name][1]
    for start in range(0, total, chunk):
        bits = (np.arange(start, min(start + chunk, total), dtype=np.uint64) * step).astype(np.uint32)
        x = bits.view(np.float32)
        y, exact = kernel(name, "float32")(x), peer.numpy(x.astype(np.float64))
        nearest = exact.astype(np.float32)
        usable = np.isfinite(nearest) & np.isfinite(y)
        assert (usable | (nearest == y) | (np.isnan(nearest) & np.isnan(y)) | near_the_end(exact)).all()
        size = np.abs(nearest[usable])
        if peer.scale is not None:
            size = np.maximum(size, np.maximum(np.abs(x[usable]), np.float32(1)))
        error = np.abs(y[usable] - exact[usable]) / np.spacing(size)
        k = int(np.argmax(error))
        assert error[k] <= bound, f"{name}({x[usable][k]!r}) gives {y[usable][k]!r}: {error[k]} ulp"


def near_the_end(exact):
    """Where float32 ends a result may be its largest number or infinity."""
    return np.abs(np.abs(exact) / float(np.finfo(np.float32).max) - 1) < 1e-6


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_integer_quotients_and_remainders(dtype):
    kind, info = {np.int64: i64, np.int32: i32}[dtype], np.iinfo(dtype)
    values = np.array([0, 1, -1, 2, -2, 3, -3, 7, -7, 100, info.max, info.min, info.max - 1, info.min + 1], dtype)
    a, b = (x.ravel() for x in np.meshgrid(values, values))
    for name, wanted in (("floor_divide", np.floor_divide), ("remainder", np.remainder)):
        module, y = Module(host()), np.empty_like(a)
        f = module.function("run", ptr, ptr, ptr)
        x, z, at = f.args
        function = getattr(vectormath, name)

        def body(lanes, x=x, z=z, at=at, function=function):
            lanes.store(function(lanes.load(kind, x), lanes.load(kind, z)), at)

        f.vector_loop(a.size, 4, body)
        f.ret()
        native.link(module).function("run", *[ctypes.c_void_p] * 3)(a.ctypes.data, b.ctypes.data, y.ctypes.data)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(y, wanted(a, b))


def test_sin_and_cos_of_one_number_share_the_reduction():
    def lines(*names):
        f = Module(host()).function("run", f64.vector(8))
        for name in names:
            getattr(vectormath, name)(f.args[0])
        return len(f.lines)

    assert lines("sin", "cos") < lines("sin") + 25


def test_every_function_is_tested():
    assert set(vectormath.__all__) == {*PEERS, *EXACT}
    assert set(ULP) == {*PEERS}


@pytest.mark.parametrize("name", PEERS)
def test_what_may_be_assumed_outside_changes_nothing_inside(name):
    x = [sample("float64", 50, k)[:300] for k in range(PEERS[name].arguments)]
    loose = kernel(name, flags="reassoc nsz arcp contract afn ")(*x)
    np.testing.assert_array_equal(loose, kernel(name)(*x))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", vectormath.__all__)
def test_where_subnormals_are_zero_they_are_zeros(name, dtype):
    """Each function of a subnormal is that of the zero, and what comes out subnormal may be zero, too."""
    info, count = np.finfo(dtype), (PEERS[name].arguments if name in PEERS else EXACT[name][1])
    tiny = np.array([info.smallest_subnormal, info.tiny / 2, info.tiny * 0.999, 0.0], dtype)
    others = np.array([0.5, 1.0, -2.0, 30.0, np.inf], dtype)
    first = np.concatenate([tiny, -tiny])
    x = (first,) if count == 1 else tuple(a.ravel() for a in np.meshgrid(first, np.concatenate([others, first])))
    zero = [np.where(np.abs(a) < info.tiny, np.copysign(0, a), a).astype(dtype) for a in x]
    y, wanted = kernel(name, dtype, flush=True)(*x), kernel(name, dtype, flush=True)(*zero)
    y, wanted = (np.where(np.abs(a) < info.tiny, 0, a) for a in (y, wanted))
    np.testing.assert_array_equal(y, wanted)
    assert np.float64(5e-324) * 1.0 == 5e-324, "the state is restored"

"""The bottom of the compiler: its elementwise functions beside NumPy's, SciPy's and the C library's, in nanoseconds an
element and in units in the last place; what a call costs; what compiling costs; and when threads pay.

The functions run over 4,096 elements in cache. Ours are compiled at level 2 (and 0, which is made three times faster);
the C library's are called one by one from a loop of ours, as a C compiler without vector functions would. Errors are
the largest over some thousand random arguments in the same interval, against mpmath (float64) or float64 (float32).
Times are the least of all rounds.

    python benchmarks/vectormath.py [--quick] [--json FILE]
"""

import ctypes
import ctypes.util
import time

from harness import Ratio, Report, interleave, parser

import mpmath as mp
import numpy as np
import scipy.special

from chainrule.compiler import native, threads, vectormath
from chainrule.compiler.builtin import Argument, Options, Result, enter
from chainrule.compiler.llvm import Module, Reduction, f32, f64, i32, i64, ptr
from chainrule.compiler.target import host

ELEMENTS = 4096
KINDS = {"float64": f64, "float32": f32}
TARGET = 1.5
"""Ours over NumPy's, whose functions are its authors' own or Intel's, by machine"""

# name: (NumPy's or SciPy's, mpmath's, libm's name, intervals of the arguments)
FUNCTIONS = {
    "exp": (np.exp, mp.exp, "exp", (-5, 5)),
    "exp2": (np.exp2, lambda x: mp.power(2, x), "exp2", (-5, 5)),
    "expm1": (np.expm1, mp.expm1, "expm1", (-5, 5)),
    "log": (np.log, mp.log, "log", (0.001, 100)),
    "log2": (np.log2, lambda x: mp.log(x) / mp.log(2), "log2", (0.001, 100)),
    "log10": (np.log10, mp.log10, "log10", (0.001, 100)),
    "log1p": (np.log1p, mp.log1p, "log1p", (-0.9, 10)),
    "sin": (np.sin, mp.sin, "sin", (-20, 20)),
    "cos": (np.cos, mp.cos, "cos", (-20, 20)),
    "tan": (np.tan, mp.tan, "tan", (-20, 20)),
    "sinh": (np.sinh, mp.sinh, "sinh", (-5, 5)),
    "cosh": (np.cosh, mp.cosh, "cosh", (-5, 5)),
    "tanh": (np.tanh, mp.tanh, "tanh", (-5, 5)),
    "arcsin": (np.arcsin, mp.asin, "asin", (-1, 1)),
    "arccos": (np.arccos, mp.acos, "acos", (-1, 1)),
    "arctan": (np.arctan, mp.atan, "atan", (-5, 5)),
    "arcsinh": (np.arcsinh, mp.asinh, "asinh", (-5, 5)),
    "arccosh": (np.arccosh, mp.acosh, "acosh", (1, 50)),
    "arctanh": (np.arctanh, mp.atanh, "atanh", (-0.99, 0.99)),
    "arctan2": (np.arctan2, mp.atan2, "atan2", (-5, 5), (-5, 5)),
    "power": (np.power, mp.power, "pow", (0.1, 5), (-5, 5)),
    "cbrt": (np.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x)), "cbrt", (-5, 5)),
    "hypot": (np.hypot, mp.hypot, "hypot", (-5, 5), (-5, 5)),
    "logaddexp": (np.logaddexp, lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), None, (1, 5), (1, 5)),
    "sigmoid": (scipy.special.expit, lambda x: 1 / (1 + mp.exp(-x)), None, (-5, 5)),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x: mp.log1p(mp.exp(x)), None, (-5, 5)),
    "erf": (scipy.special.erf, mp.erf, "erf", (-3, 3)),
    "erfc": (scipy.special.erfc, mp.erfc, "erfc", (-3, 5)),
    "erfcx": (scipy.special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), None, (-3, 5)),
    "gammaln": (scipy.special.gammaln, mp.loggamma, "lgamma", (0.1, 20)),
    "digamma": (scipy.special.digamma, mp.digamma, None, (2, 20)),
    "fmod": (np.fmod, None, "fmod", (-100, 100), (1, 5)),
    "floor": (np.floor, None, "floor", (-5, 5)),
}


def kernel(function, count, kind, width, level, addresses=None):
    """`function` over arrays; (what gives the call for certain arrays, seconds to compile)."""
    module = Module(host())
    f = module.function("run", *[ptr] * (count + 1), i64)

    def body(lanes):
        lanes.store(function(f, *(lanes.load(kind, a) for a in f.args[:count])), f.args[count])

    f.vector_loop(f.args[-1], width, body)
    f.ret()
    start = time.perf_counter()
    program = native.link(module, addresses, level)
    taken = time.perf_counter() - start
    run = program.function("run", *[ctypes.c_void_p] * (count + 1), ctypes.c_int64)

    def of(*x):
        places = [*(a.ctypes.data for a in x), x[0].size]
        return lambda: run(*places)

    return of, taken


def ours(name, count, kind, level):
    function = getattr(vectormath, name)
    return kernel(lambda f, *x: function(*x), count, kind, host().lanes(kind.bits), level)


def of_libm(name, count, kind):
    """The C library's function, called once for each element."""
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    address = ctypes.cast(getattr(library, name + ("f" if kind is f32 else "")), ctypes.c_void_p).value

    def call(f, *x):
        return f.call(f.module.foreign(name, kind, *[kind] * count), *x)

    return kernel(call, count, kind, 1, 2, {name: address})[0]


def worst(y, exact):
    """The largest error in units in the last place."""
    nearest = exact.astype(y.dtype)
    unit = np.spacing(np.abs(nearest)).astype(np.longdouble)
    return float(np.max(np.abs(y.astype(np.longdouble) - exact) / unit))


def exact_results(name, x, count=1500):
    """In more digits than the results have."""
    if x[0].dtype == np.float32:
        return FUNCTIONS[name][0](*(a.astype(float) for a in x)).astype(np.longdouble)
    with mp.workprec(120):
        values = [
            FUNCTIONS[name][1](*map(mp.mpf, map(float, args))) for args in zip(*(a[:count] for a in x), strict=True)
        ]
        high = np.array([float(v) for v in values], np.longdouble)
        return high + np.array([float(v - mp.mpf(float(h))) for v, h in zip(values, high, strict=True)], np.longdouble)


def functions(report, options):
    report.section(
        "Nanoseconds an element; errors in units in the last place",
        *(
            "function",
            "ours",
            "level 0",
            "NumPy",
            "libm",
            "/ NumPy",
            "ulp ours",
            "ulp NumPy",
            "ulp libm",
            "ms",
            "ms level 0",
        ),
    )
    g = np.random.default_rng(0)
    for name, (peer, exactly, c_name, *intervals) in FUNCTIONS.items():
        for dtype, kind in KINDS.items():
            x = [g.uniform(*interval, ELEMENTS).astype(dtype) for interval in intervals]
            results = {key: np.empty_like(x[0]) for key in ("ours", "level 0", "libm")}
            run, taken = ours(name, len(x), kind, 2)
            quick, taken_quickly = ours(name, len(x), kind, 0)
            calls = {
                "ours": run(*x, results["ours"]),
                "level 0": quick(*x, results["level 0"]),
                "NumPy": lambda peer=peer, x=x: peer(*x),
            }
            if c_name:
                calls["libm"] = of_libm(c_name, len(x), kind)(*x, results["libm"])
            times = interleave(calls, rounds=5 if options.quick else 25, seconds=0.002)
            times = {key: t.minimum / ELEMENTS * 1e9 for key, t in times.items()}
            results["NumPy"] = peer(*x)
            errors = dict.fromkeys(("ours", "NumPy", "libm"), "")
            if exactly:
                exact = exact_results(name, x)
                errors |= {k: worst(results[k][: exact.size], exact) for k in errors if k in times}
            ratio = Ratio(times["ours"] / times["NumPy"], TARGET)
            row = (times["ours"], times["level 0"], times["NumPy"], times.get("libm", ""), ratio, *errors.values())
            report.row(f"{name} {dtype}", *row, taken * 1e3, taken_quickly * 1e3)


def plan(n, shared=False, options=None):
    """tanh(a x + b), and the sum of it."""
    module = Module(host())
    f = module.function("plan", ptr, ptr, returns=i32)
    x, b, a, y, total = (f.load(ptr, f.offset(f.args[0], k, ptr)) for k in range(5))
    factor = f.load(f64, a)

    def body(lanes, x, b, y, factor):
        made = vectormath.tanh(lanes.load(f64, x) * factor + lanes.load(f64, b))
        lanes.store(made, y)
        return [made]

    rules = [Reduction(f64, 0.0, lambda u, v: u + v)]
    if shared:
        (s,) = threads.shared_loop(f, n, host().lanes(64), body, [x, b, y, factor], rules, pays=0)
    else:
        (s,) = f.vector_loop(n, host().lanes(64), lambda lanes: body(lanes, x, b, y, factor), rules)
    f.store(s, total)
    f.ret(f.constant(0, i32))
    array = Argument(np.ndarray, np.dtype(float), (n,))
    results = [Result(float, (n,)), Result(float, ())]
    return enter(module, f, [array, array, Argument(float)], results, options, threads.addresses(), level=2)


def calls(report, options):
    report.section("A call: (10 numbers, 10 numbers, a float) -> (10 numbers, their sum); nanoseconds", "how", "a call")
    x, b = np.random.default_rng(0).standard_normal((2, 10))
    module = Module(host())
    f = module.function("nothing", ptr, ptr, ptr, ptr, ptr)
    f.ret()
    bare = native.link(module).function("nothing", *[ctypes.c_void_p] * 5)
    y, s = np.empty(10), np.empty(1)
    ways = {
        "the builtin": plan(10),
        "without flushing subnormals": plan(10, options=Options(flush_subnormals=False)),
        "with a workspace": plan(10, options=Options(workspace=4096)),
        "releasing the GIL": plan(10, options=Options(release_gil=True)),
        "NumPy": lambda x, b, a: ((made := np.tanh(a * x + b)), made.sum()),
        "ctypes: five pointers, nothing done": lambda x, b, a: bare(*(v.ctypes.data for v in (x, b, y, y, s))),
    }
    times = interleave(
        {name: lambda way=way: way(x, b, 2.0) for name, way in ways.items()}, 5 if options.quick else 25, 0.005
    )
    for name, t in times.items():
        report.row(name, t.minimum * 1e9)


def sharing(report, options):
    report.section(
        "Threads: tanh and a sum; microseconds", "elements", "1 thread", "2 threads", "after a pause", "1 / 2"
    )
    for n in (1_000, 10_000, 20_000, 50_000, 100_000, 1_000_000, 10_000_000):
        run = plan(n, shared=True)
        x, b = np.random.default_rng(0).standard_normal((2, n))
        times = []
        for count in (1, 2):
            threads.set_threads(count)
            found = interleave({"": lambda run=run, x=x, b=b: run(x, b, 2.0)}, 3 if options.quick else 9, 0.02)
            times.append(found[""].minimum)
        waits = []
        for _ in range(10 if options.quick else 50):
            time.sleep(0.002)
            start = time.perf_counter()
            run(x, b, 2.0)
            waits.append(time.perf_counter() - start)
        report.row(f"{n:,}", *(t * 1e6 for t in (*times, float(np.median(waits)))), times[0] / times[1])
    threads.set_threads(1)


def main() -> None:
    options = parser(__doc__).parse_args()
    report = Report("Elementwise functions, calls and threads of the compiler", options)
    functions(report, options)
    calls(report, options)
    sharing(report, options)
    report.finish()


if __name__ == "__main__":
    main()

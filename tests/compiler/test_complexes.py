"""Complex functions beside NumPy: finite numbers to a few units in the last place, and the special ones."""

import ctypes
import functools

import numpy as np
import pytest

from chainrule.compiler import native
from chainrule.compiler.llvm import Module, f32, f64, ptr
from chainrule.compiler.target import host
from chainrule.compiler.vectormath import complexes
from chainrule.compiler.vectormath.complexes import Complex

ONE = [
    "negative",
    "conjugate",
    "square",
    "reciprocal",
    "absolute",
    "angle",
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "sinh",
    "cosh",
]
TWO = ["add", "subtract", "multiply", "divide"]
KINDS = {"complex128": f64, "complex64": f32}


@functools.cache
def kernel(name, dtype, n):
    """Of arrays of pairs; parts are read and written with a stride of two."""
    module, kind = Module(host()), KINDS[dtype]
    count = 2 if name in TWO else 1
    f = module.function("run", *[ptr] * (count + 1))

    def body(lanes):
        places = lanes.places() * 2
        pairs = [Complex(*(f.gather(kind, a, places + k, lanes.mask) for k in range(2))) for a in f.args[:count]]
        made = getattr(complexes, name)(*pairs)
        parts = made if isinstance(made, Complex) else complexes.of_real(made)
        for k, part in enumerate(parts):
            f.scatter(part, f.args[count], places + k, lanes.mask)

    f.vector_loop(n, host().lanes(kind.bits), body)
    f.ret()
    run = native.link(module).function("run", *[ctypes.c_void_p] * (count + 1))

    def call(*x):
        y = np.empty(n, dtype)
        run(*(a.ctypes.data for a in x), y.ctypes.data)
        return y

    return call


def numbers(dtype, n, seed):
    g = np.random.default_rng(seed)
    sizes = np.exp(g.uniform(-3, 3, n)) * np.exp(1j * g.uniform(-np.pi, np.pi, n))
    near_one = np.exp(1j * g.uniform(-np.pi, np.pi, n)) * (1 + g.uniform(-1e-3, 1e-3, n))
    return np.concatenate([sizes, near_one, g.standard_normal(n) + 0j, 1j * g.standard_normal(n)]).astype(dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", ONE + TWO)
def test_finite_numbers(name, dtype):
    x = [numbers(dtype, 100, seed) for seed in range(2 if name in TWO else 1)]
    y = kernel(name, dtype, x[0].size)(*x)
    wide = [a.astype(np.clongdouble) for a in x]
    wanted = getattr(np, name)(*wide)
    assert (np.abs(y - wanted) <= 6 * np.finfo(dtype).eps * np.abs(wanted)).all()


SPECIAL = [0.0, -0.0, 1.0, -1.0, 700.0, -1e5, 1e-310, np.inf, -np.inf, np.nan]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["negative", "conjugate", "reciprocal", "absolute", "angle", "exp", "sqrt", *TWO])
def test_special_numbers(name):
    z = np.array([complex(a, b) for a in SPECIAL for b in SPECIAL])
    x = (z,) if name in ONE else tuple(a.ravel() for a in np.meshgrid(z, z))
    y, wanted = kernel(name, "complex128", x[0].size)(*x), getattr(np, name)(*x).astype(complex)
    if name == "sqrt":
        known = np.isfinite(x[0])
        y, wanted = y[known], wanted[known]
    size = np.where(np.isfinite(wanted), np.abs(wanted), 0)
    for part, other in ((y.real, wanted.real), (y.imag, wanted.imag)):
        same = (np.isnan(part) & np.isnan(other)) | (part == other) | (np.abs(part - other) <= 1e-15 * size)
        k = int(np.argmin(same))
        assert same.all(), f"{[a[k] for a in x]}: {y[k]}, NumPy {wanted[k]}; {np.sum(~same)}"

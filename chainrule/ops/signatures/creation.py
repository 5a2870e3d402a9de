"""Making arrays: constants of a trace, which can be filled, ranges with traced ends, and change of dtype."""

import operator
from typing import Any

import numpy as np

from ...core.memory import Memory
from ...core.trace import CREATION, Tracer, aval_of, bind, is_traced, operand
from .. import moves
from .tools import array, common_dtype, dims_of, ndim, plain, refuse, shape as shape_of, signature_of

# ---- arrays like others ---------------------------------------------------------------------------------------------


def filled(value, like, dtype, shape):
    """An array of `value`, of the trace that `like` belongs to."""
    found = aval_of(like)
    y = np.full(found.shape if shape is None else dims_of(shape), value, found.dtype if dtype is None else dtype)
    if not isinstance(like, Tracer) or y.dtype.kind not in "fc":
        return y
    tracer = like._trace.lift(y)
    tracer.memory = Memory(owned=like._trace.writes_in_place)
    return tracer


@signature_of(np.zeros_like, np.empty_like)
def zeros_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return filled(0, a, dtype, shape)


@signature_of(np.ones_like)
def ones_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return filled(1, a, dtype, shape)


@signature_of(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    like = a if isinstance(a, Tracer) or not isinstance(fill_value, Tracer) else fill_value
    y = filled(0, like, aval_of(a).dtype if dtype is None else dtype, shape_of(a) if shape is None else shape)
    y[...] = fill_value
    return y


# ---- the keyword like=, with which NumPy hands over functions that have no array argument ---------------------------


@signature_of(np.zeros, np.empty)
def zeros(shape, dtype=float, order="C", *, device=None, like=None):
    return filled(0, like, dtype, shape)


@signature_of(np.ones)
def ones(shape, dtype=float, order="C", *, device=None, like=None):
    return filled(1, like, dtype, shape)


@signature_of(np.full)
def full(shape, fill_value, dtype=None, order="C", *, device=None, like=None):
    like = fill_value if like is None else like
    y = filled(0, like, aval_of(operand(fill_value)).dtype if dtype is None else dtype, shape)
    y[...] = fill_value
    return y


@signature_of(np.array)
def array_like(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, like=None):
    y = nested(object)
    y = traced_like(y if dtype is None else y.astype(dtype), like)
    y = np.copy(y) if copy else y
    return np.reshape(y, (1,) * (ndmin - y.ndim) + y.shape)


@signature_of(np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)
def asarray(a, dtype=None, order="K", *, device=None, copy=None, like=None):
    return array_like(a, dtype, copy=copy, like=like)


@signature_of(np.require)
def require(a, dtype=None, requirements=None, *, like=None):
    return array_like(a, dtype, copy=None, like=like)


def nested(a):
    """Nested lists of numbers, arrays and tracers as one array."""
    if isinstance(a, tuple | list) and is_traced(a):
        return np.stack([nested(part) for part in a])
    return array(a)


def traced_like(y, like):
    """`y` as an array of the trace that `like` belongs to."""
    if isinstance(y, Tracer):
        return y
    traced = filled(0, like, y.dtype, y.shape)
    traced[...] = y
    return traced


@signature_of(np.arange)
def arange(start, stop=None, step=1, dtype=None, *, device=None, like=None):
    if stop is None:
        start, stop = 0, start
    ends = [plain(x, "numpy.arange (how many numbers there are)") for x in (start, stop, step)]
    plainly = np.arange(*ends, dtype=dtype)
    if plainly.dtype.kind not in "fc" or not any(isinstance(x, Tracer) for x in (start, step)):
        return traced_like(plainly, like)
    y = start + step * np.arange(len(plainly))
    return y if dtype is None else y.astype(dtype)


def with_like(function):
    """NumPy's function, whose result becomes an array of the trace that `like` belongs to."""

    def implementation(*args, like=None, **kwargs):
        return traced_like(function(*args, **kwargs), like)

    return implementation


READERS = (np.frombuffer, np.fromfile, np.fromiter, np.fromstring, np.loadtxt, np.genfromtxt)

for function in (np.eye, np.identity, np.tri, np.fromfunction, *READERS):
    signature_of(function)(with_like(function))

CREATION.update((np.eye, np.identity, np.tri, np.fromfunction, np.arange, np.require, *READERS))
CREATION.update((np.ascontiguousarray, np.asfortranarray))


# ---- copies, and change of dtype ------------------------------------------------------------------------------------


@signature_of(np.copy)
def copy(a, order="K", subok=False):
    return bind(moves.copy, a, order=order)


@signature_of(np.astype, "astype")
def astype(x, dtype, /, *, copy=True, device=None, casting: Any = "unsafe"):
    dtype = np.dtype(dtype)
    if not np.can_cast(x.dtype, dtype, casting):
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to {dtype!r} according to the rule {casting!r}")
    if dtype == x.dtype:
        return bind(moves.copy, x) if copy else x
    if dtype.kind not in "fciub":
        raise refuse("numpy.astype", f"dtype {dtype} does not hold numbers")
    return bind(moves.astype if dtype.kind in "fc" else moves.astype_constant, x, dtype=dtype)


# ---- ranges ---------------------------------------------------------------------------------------------------------


@signature_of(np.linspace)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    found = common_dtype(operand(start), operand(stop), 0.0)
    start, stop = array(start).astype(found), array(stop).astype(found)
    gap, pieces = stop - start, num - 1 if endpoint else num
    step = gap / pieces if pieces > 0 else np.nan
    k = np.reshape(np.arange(num, dtype=np.real(np.zeros((), found)).dtype), (-1,) + (1,) * gap.ndim)
    y = k * (step if pieces > 0 else gap) + start
    if endpoint and num > 1:
        y = np.concatenate([y[:-1], np.broadcast_to(stop, gap.shape)[None]])
    y = np.moveaxis(as_range(y, found if dtype is None else np.dtype(dtype)), 0, axis)
    return (y, step) if retstep else y


def as_range(y, dtype):
    return np.floor(y).astype(dtype) if dtype.kind in "iu" else y.astype(dtype)


@signature_of(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base: Any = 10.0, dtype=None, axis=0):
    n = max(ndim(x) for x in (start, stop, base))
    if ndim(base):  # one base for each pair of ends
        start, stop = (np.reshape(operand(x), (1,) * (n - ndim(x)) + shape_of(x)) for x in (start, stop))
        base = np.expand_dims(np.reshape(base, (1,) * (n - ndim(base)) + shape_of(base)), axis)
    y = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else y.astype(dtype)


@signature_of(np.geomspace)
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    num = operator.index(num)
    found = np.result_type(array(start).dtype, array(stop).dtype, float if dtype is None else dtype, 0.0)
    start, stop = np.broadcast_arrays(array(start).astype(found), array(stop).astype(found))
    if any(not isinstance(x, Tracer) and np.any(x == 0) for x in (start, stop)):
        raise ValueError("Geometric sequence cannot include zero")
    direction = np.sign(start)  # of a complex number, the number of size 1
    first, last = (np.log10(x / direction) for x in (start, stop))
    y = np.power(10.0, np.linspace(first, last, num, endpoint)) * direction
    exact = [start[None]] if num else []
    if num > 1:
        exact += [y[1:-1], stop[None]] if endpoint else [y[1:]]
    y = np.concatenate([*exact, y[:0]]) if exact else y
    return np.moveaxis(as_range(y, found if dtype is None else np.dtype(dtype)), 0, axis)


@signature_of(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    out = [np.reshape(array(x), tuple(-1 if i == k else 1 for i in range(n))) for k, x in enumerate(xi)]
    if indexing == "xy" and n > 1:
        out = [np.swapaxes(x, 0, 1) for x in out]
    out = out if sparse else np.broadcast_arrays(*out)
    return tuple(map(np.copy, out)) if copy else tuple(out)

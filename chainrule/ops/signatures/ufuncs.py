"""Ufuncs with keywords, and by their methods: reduce, accumulate, reduceat, outer, at."""

import importlib
import math
import sys
from typing import Any

import numpy as np

from ...core.memory import written
from ...core.trace import LATE, UFUNCS, Tracer, aval_of, bind, missing, name_of, operand
from .. import indexing
from .elementwise import COMPOSITE
from .reductions import axes_of, like, logsumexp, masked
from .tools import along, array, given, into, ndim, one_axis, refuse, shape, signature_of, written_into


@signature_of("ufunc")
def ufunc_call(ufunc, method, inputs, kwargs):
    """What NumPy asks of `__array_ufunc__` when it is more than one operation, or one that is not known yet."""
    if ufunc not in UFUNCS and "scipy.special" in sys.modules:
        importlib.import_module(LATE["scipy.special"])  # ufuncs do not say where they come from
    return METHODS[method](ufunc, *inputs, **kwargs)


def call(
    ufunc,
    *inputs,
    out=None,
    where=True,
    dtype=None,
    signature=None,
    casting: Any = "same_kind",
    order="K",
    subok=True,
    axes=None,
    axis=None,
    keepdims=False,
):
    name = name_of(ufunc)
    inputs = [operand(x) for x in inputs]
    if dtype is not None or signature is not None:
        inputs = as_loop(ufunc, inputs, dtype, signature, casting)
    y = over_axes(ufunc, inputs, axes, axis, keepdims) if ufunc.signature else apply(ufunc, inputs)
    ys = y if isinstance(y, tuple) else (y,)
    outs = out if isinstance(out, tuple) else (out,) * len(ys)
    done = tuple(into(o, selected(where, stretched(y, o), o, name), name) for o, y in zip(outs, ys, strict=True))
    return done if isinstance(y, tuple) else done[0]


def apply(ufunc, inputs):
    if ufunc in UFUNCS:
        return bind(UFUNCS[ufunc], *inputs)
    if ufunc in COMPOSITE:
        return COMPOSITE[ufunc](*as_loop(ufunc, inputs))
    raise missing(name_of(ufunc))


def stretched(y, out):
    """`y` in the shape of the keyword out=, which takes part in broadcasting."""
    if isinstance(out, Tracer) and y.shape != out.shape and np.broadcast_shapes(y.shape, out.shape) == out.shape:
        return np.broadcast_to(y, out.shape)
    return y


def selected(where, y, old, name):
    """The keyword where=: `y` there, what was in `out` elsewhere."""
    if where is True:
        return y
    if old is None or old is Ellipsis:
        raise refuse(name, "where= without out= leaves the other elements undefined: use np.where on the result")
    return np.where(where, y, old)


def as_loop(ufunc, inputs, dtype=None, signature=None, casting: Any = "same_kind"):
    """The inputs cast as NumPy casts them, by the keywords dtype= and signature= if these are given."""
    given_types = tuple(np.dtype(bool) if type(x) is bool else aval_of(x).dtype for x in inputs) + (None,) * ufunc.nout
    if dtype is not None:
        signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    chosen = {} if signature is None else {"signature": signature}
    types = ufunc.resolve_dtypes(given_types, casting=casting, **chosen)
    return [
        array(x).astype(to) if np.dtype(found) != to else x
        for x, found, to in zip(inputs, given_types, types, strict=False)
    ]


def over_axes(ufunc, inputs, axes, axis, keepdims):
    """A generalised ufunc over other axes than the last ones."""
    cores = ufunc.signature.split("->")[0][1:-1].split("),(")
    for x, core in zip(inputs, cores, strict=True):
        if len(shape(x)) < len([n for n in core.split(",") if "?" not in n]):
            raise ValueError(f"{ufunc.__name__}: an operand of shape {shape(x)} has too few axes for ({core})")
    if axis is not None or keepdims:
        if "," in "".join(cores):
            raise TypeError(f"{ufunc.__name__}: axis= and keepdims= need a single core dimension; use axes=")
        axes = [(-1 if axis is None else axis,)] * ufunc.nin
    if axes is not None:
        axes = [(i,) if isinstance(i, int) else tuple(i) for i in axes]
        inputs = [
            np.moveaxis(x, core, range(-len(core), 0)) if core else x for x, core in zip(inputs, axes, strict=False)
        ]
    check_core(ufunc, inputs, cores)
    y = apply(ufunc, inputs)
    if keepdims:
        return np.expand_dims(y, -1 if axis is None else axis)
    core = () if axes is None or len(axes) == ufunc.nin else axes[ufunc.nin]
    return np.moveaxis(y, range(-len(core), 0), core) if core else y


def check_core(ufunc, inputs, cores):
    """Raises where the axes of one name differ in length; those of length 1 are not stretched here."""
    lengths = {}
    for x, core in zip(inputs, cores, strict=True):
        names = core.split(",")
        names = [n for n in names if "?" not in n] if ndim(x) < len(names) else [n.rstrip("?") for n in names]
        for name, length in zip(names, shape(x)[ndim(x) - len(names) :], strict=True):
            if lengths.setdefault(name, length) != length:
                raise ValueError(
                    f"{ufunc.__name__}: operands of shapes {' and '.join(str(shape(x)) for x in inputs)} do not fit "
                    f"{ufunc.signature}: {name} is {lengths[name]} and {length}"
                )


# ---- reduce ---------------------------------------------------------------------------------------------------------


def reduce(
    ufunc, a, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims=False, initial: Any = None, where: Any = True
):
    name = f"{name_of(ufunc)}.reduce"
    a = array(a) if dtype is None else array(a).astype(dtype)
    if ufunc in REDUCTIONS:
        extra = {"initial": initial} if given(initial) else {}
        return into(out, REDUCTIONS[ufunc](a, axis=axis, keepdims=keepdims, where=where, **extra), name)
    if not can_scan(ufunc):
        raise missing(name)
    a = as_operand(ufunc, a)
    if ufunc is np.logaddexp:
        y = logsumexp(masked(a, where, -np.inf), axis, keepdims)
        return into(out, np.logaddexp(y, initial) if given(initial) else y, name)
    axes = axes_of(axis, a)
    if len(axes) > 1 and ufunc not in COMMUTATIVE:
        raise ValueError(f"reduction operation '{ufunc.__name__}' is not reorderable, so at most one axis may be given")
    rest = tuple(n for i, n in enumerate(a.shape) if i not in axes)
    count = math.prod(a.shape[i] for i in axes)
    steps = list(np.reshape(np.moveaxis(a, axes, range(len(axes))), (count, *rest)))
    there = [True] * count
    if where is not True:
        there = list(np.reshape(np.moveaxis(np.broadcast_to(where, a.shape), axes, range(len(axes))), (count, *rest)))
    start = initial if given(initial) else ufunc.identity
    if start is None and not (count and where is True):
        name = ufunc.__name__
        raise ValueError(f"reduction operation {name} has no identity: it needs initial= for where=, or for nothing")
    total = steps.pop(0) if start is None else np.broadcast_to(like(start, a), rest)
    for step, on in zip(steps, there[count - len(steps) :], strict=True):
        total = ufunc(total, step) if on is True else np.where(on, ufunc(total, step), total)
    return into(out, np.expand_dims(total, axes) if keepdims else total, name)


REDUCTIONS: dict[Any, Any] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.fmax: np.nanmax,
    np.fmin: np.nanmin,
    np.logical_and: np.all,
    np.logical_or: np.any,
}

COMMUTATIVE = {np.hypot, np.logaddexp2, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm}


def can_scan(ufunc):
    return ufunc in UFUNCS and ufunc.nin == 2 and ufunc.signature is None


def as_operand(ufunc, a):
    """`a` in the dtype that the ufunc computes in; an error if it takes no numbers of that kind."""
    return a.astype(ufunc.resolve_dtypes((a.dtype, a.dtype, None))[0])


# ---- accumulate, reduceat, outer, at --------------------------------------------------------------------------------


def accumulate(ufunc, a, axis=0, dtype=None, out=None):
    name = f"{name_of(ufunc)}.accumulate"
    a = array(a) if dtype is None else array(a).astype(dtype)
    if not shape(a):
        raise TypeError("cannot accumulate on a scalar")
    axis = one_axis(axis, ndim(a))
    if ufunc is np.add:
        y = np.cumsum(a, axis=axis)
    elif ufunc is np.multiply:
        y = np.cumprod(a, axis=axis)
    elif can_scan(ufunc):
        y = scan(ufunc, as_operand(ufunc, a), axis)
    else:
        raise missing(name)
    return into(out, y, name)


def scan(ufunc, a, axis):
    """y[k] = f(y[k - 1], a[k]), one after the other: not every ufunc is associative."""
    steps = [a[along(axis, k)] for k in range(shape(a)[axis])]
    for k in range(1, len(steps)):
        steps[k] = ufunc(steps[k - 1], steps[k])
    return np.stack(steps, axis=axis) if steps else a


def reduceat(ufunc, a, indices, axis=0, dtype=None, out=None):
    axis = one_axis(axis, len(shape(a)))
    n = shape(a)[axis]
    starts = np.asarray(indices).tolist()
    if any(not 0 <= start < n for start in starts):
        raise IndexError(f"{name_of(ufunc)}.reduceat: an index of {starts} is out of bounds for an axis of {n}")
    parts = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        part = a[along(axis, slice(start, max(stop, start + 1)))]
        parts.append(reduce(ufunc, part, axis=axis, dtype=dtype, keepdims=True))
    return into(out, np.concatenate(parts, axis=axis), f"{name_of(ufunc)}.reduceat")


def outer(ufunc, a, b, **kwargs):
    a, b = array(a), array(b)
    return call(ufunc, np.reshape(a, a.shape + (1,) * len(b.shape)), b, **kwargs)


def at(ufunc, a, indices, b: Any = None):
    """Writes into `a`, taking repeated indices one after the other."""
    name = f"{name_of(ufunc)}.at"
    a = written_into(a, name)
    entries, arrays = indexing.parse(indices, a.shape)
    target = indexing.out_shape(a.shape, entries, arrays)
    if b is not None:
        b = np.broadcast_to(b, target)
        if not np.can_cast(b.dtype, a.dtype, "same_kind"):
            raise TypeError(f"{name}: values of dtype {b.dtype} cannot be written into an array of dtype {a.dtype}")
    if ufunc in (np.add, np.subtract) and b is not None:
        change = array(b if ufunc is np.add else -b).astype(a.dtype)
        written(a, a + bind(indexing.put, change, *arrays, index=entries, shape=a.shape), owned=False)
        return
    if any(isinstance(i, Tracer) for i in arrays):
        raise refuse(name, "traced indices are supported for np.add and np.subtract only")
    places = np.ravel(np.arange(a.size).reshape(a.shape)[indexing.fill_in(entries, arrays)])
    turns = indexing.arrivals(places)
    for turn in range(int(turns.max(initial=-1)) + 1):  # each place at most once in a turn
        chosen = np.flatnonzero(turns == turn)
        where = np.unravel_index(places[chosen], a.shape) if a.shape else (None,)
        a[where] = ufunc(a[where]) if b is None else ufunc(a[where], np.ravel(b)[chosen])


METHODS = {
    "__call__": call,
    "reduce": reduce,
    "accumulate": accumulate,
    "reduceat": reduceat,
    "outer": outer,
    "at": at,
}

"""Ufuncs with keywords and by their methods, and the functions that are ufuncs in all but name."""

import numpy as np

from ...core.memory import written
from ...core.trace import UFUNCS, Tracer, bind, missing, name_of, operand
from .. import indexing, selections
from .tools import array, into, one_axis, refuse, shape, signature_of


@signature_of("ufunc")
def ufunc_call(ufunc, method, inputs, kwargs):
    """What NumPy asks of `__array_ufunc__` when it is more than one operation."""
    name = name_of(ufunc)
    if method != "__call__":
        return METHODS[method](ufunc, name, *inputs, **kwargs)
    out, where, dtype = kwargs.pop("out", None), kwargs.pop("where", True), kwargs.pop("dtype", None)
    kwargs.pop("casting", None)
    if kwargs:
        raise refuse(name, f"the keyword {next(iter(kwargs))}= is not supported")
    y = apply(ufunc, inputs)
    if isinstance(y, tuple):
        if out is not None or where is not True or dtype is not None:
            raise refuse(name, "out=, where= and dtype= are not supported, for it has several results")
        return y
    if dtype is not None:
        y = y.astype(dtype)
    if where is not True:
        (old,) = out if out is not None else (None,)
        if old is None:
            raise refuse(name, "where= without out= leaves the other elements undefined: use np.where on the result")
        y = np.where(where, y, old)
    return into(out, y, name)


def apply(ufunc, inputs):
    if ufunc in UFUNCS:
        return bind(UFUNCS[ufunc], *map(operand, inputs))
    if ufunc in COMPOSITE:
        return COMPOSITE[ufunc](*inputs)
    raise missing(name_of(ufunc))


def modf(x):
    whole = np.trunc(x)
    return x - whole, whole


def frexp(x):
    """x = mantissa * 2**exponent; the exponent is a whole number, constant between powers of two."""
    from ...core.trace import concrete

    _, exponent = np.frexp(concrete(x, "np.frexp"))
    return x * np.ldexp(1.0, -exponent), exponent


COMPOSITE = {
    np.divmod: lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)),
    np.modf: modf,
    np.frexp: frexp,
    np.vecdot: lambda a, b: np.sum(np.conjugate(a) * b, axis=-1),
    np.matvec: lambda a, b: np.matmul(a, array(b)[..., None])[..., 0],
    np.vecmat: lambda a, b: np.matmul(np.conjugate(array(a))[..., None, :], b)[..., 0, :],
}


# ---- methods of ufuncs --------------------------------------------------------------------------------------------


def reduce(ufunc, name, a, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=True):
    extra = {} if initial is None or initial is np._NoValue else {"initial": initial}
    if where is not True:
        extra["where"] = where
    if isinstance(out, tuple):
        (out,) = out
    if ufunc is np.logaddexp:
        from .reductions import logsumexp

        if extra:
            raise refuse(name + ".reduce", "initial= and where= are not supported")
        return into(out, logsumexp(a, axis, keepdims), name)
    if ufunc not in REDUCTIONS:
        raise missing(f"{name}.reduce")
    if ufunc in (np.add, np.multiply) and dtype is not None:
        extra["dtype"] = dtype
    return into(out, REDUCTIONS[ufunc](a, axis=axis, keepdims=keepdims, **extra), name)


REDUCTIONS = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.fmax: np.nanmax,
    np.fmin: np.nanmin,
    np.logical_and: np.all,
    np.logical_or: np.any,
}


def accumulate(ufunc, name, a, axis=0, dtype=None, out=None):
    if ufunc is np.add:
        y = np.cumsum(a, axis=axis, dtype=dtype)
    elif ufunc is np.multiply:
        y = np.cumprod(a, axis=axis, dtype=dtype)
    elif ufunc in UFUNCS and UFUNCS[ufunc].vjp is not None:
        y = scan(ufunc, a, axis)
    else:
        raise missing(f"{name}.accumulate")
    return into(out, y, name)


def scan(ufunc, a, axis):
    """y[k] = f(y[k - 1], a[k]), one after the other: not every ufunc is associative."""
    axis = one_axis(axis, len(shape(a)))
    lead = (slice(None),) * axis
    steps = [a[(*lead, k)] for k in range(shape(a)[axis])]
    for k in range(1, len(steps)):
        steps[k] = ufunc(steps[k - 1], steps[k])
    return np.stack(steps, axis=axis) if steps else a


def reduceat(ufunc, name, a, indices, axis=0, dtype=None, out=None):
    axis = one_axis(axis, len(shape(a)))
    n = shape(a)[axis]
    lead = (slice(None),) * axis
    starts = np.asarray(indices).tolist()
    parts = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        part = a[(*lead, slice(start, max(stop, start + 1)))]
        parts.append(ufunc.reduce(part, axis=axis, keepdims=True))
    return into(out, np.concatenate(parts, axis=axis), name)


def outer(ufunc, name, a, b, **kwargs):
    a, b = array(a), array(b)
    return ufunc_call(ufunc, "__call__", (np.reshape(a, a.shape + (1,) * len(b.shape)), b), kwargs)


def at(ufunc, name, a, indices, b=None):
    """Writes into `a`, taking repeated indices one after the other."""
    if not isinstance(a, Tracer):
        into(a, b, f"{name}.at")
    entries, arrays = indexing.parse(indices, len(a.shape))
    if ufunc in (np.add, np.subtract):
        target = indexing.out_shape(a.shape, entries, arrays)
        b = np.broadcast_to(b if ufunc is np.add else np.negative(b), target).astype(a.dtype)
        written(a, a + bind(indexing.put, b, *arrays, index=entries, shape=a.shape), owned=False)
        return
    whole = [np.ravel(i) for i in np.broadcast_arrays(*arrays)]
    if arrays and len({tuple(int(i[k]) for i in whole) for k in range(len(whole[0]))}) != len(whole[0]):
        raise refuse(f"{name}.at", "repeated indices are supported for np.add and np.subtract only")
    a[indices] = ufunc(a[indices]) if b is None else ufunc(a[indices], b)


METHODS = {"reduce": reduce, "accumulate": accumulate, "reduceat": reduceat, "outer": outer, "at": at}


# ---- functions of each element that are no ufuncs -----------------------------------------------------------------


@signature_of(np.where)
def where(condition, x=None, y=None, /):
    if x is None and y is None:
        return np.nonzero(condition)
    return bind(selections.where, operand(condition), operand(x), operand(y))


@signature_of(np.real)
def real(val):
    return bind(selections.real, val) if val.dtype.kind == "c" else val


@signature_of(np.imag)
def imag(val):
    return bind(selections.imag, val) if val.dtype.kind == "c" else np.zeros_like(val)


@signature_of(np.angle)
def angle(z, deg=False):
    if z.dtype.kind != "c":
        y = np.where(z < 0, np.pi, 0.0)
    else:
        y = bind(selections.angle, z)
    return np.rad2deg(y) if deg else y


@signature_of(np.clip)
def clip(a, a_min=np._NoValue, a_max=np._NoValue, out=None, *, min=np._NoValue, max=np._NoValue, **kwargs):
    low = a_min if a_min is not np._NoValue else None if min is np._NoValue else min
    high = a_max if a_max is not np._NoValue else None if max is np._NoValue else max
    y = array(a)
    if low is not None:  # closed interval: at its ends the gradient goes to `a`
        y = np.where(y < low, low, y).astype(
            np.result_type(y.dtype, low if isinstance(low, int | float) else low.dtype)
        )
    if high is not None:
        y = np.where(y > high, high, y).astype(
            np.result_type(y.dtype, high if isinstance(high, int | float) else high.dtype)
        )
    return into(out, y, "numpy.clip")


@signature_of(np.round, np.around)
def round_(a, decimals=0, out=None):
    return into(out, np.rint(a) if decimals == 0 else np.rint(a * 10.0**decimals) / 10.0**decimals, "numpy.round")


@signature_of(np.fix)
def fix(x, out=None):
    return into(out, np.trunc(x), "numpy.fix")


@signature_of(np.sinc)
def sinc(x):
    """sin(pi x) / (pi x); near 0 its Taylor series, which has all derivatives."""
    t = np.pi * x
    near = np.abs(t) < 1e-2
    s = np.where(near, t, 0.0)
    s2 = s * s
    series = 1 - s2 / 6 * (1 - s2 / 20 * (1 - s2 / 42 * (1 - s2 / 72)))
    far = np.where(near, 1.0, t)
    return np.where(near, series, np.sin(far) / far)


@signature_of(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    big = np.finfo(x.dtype).max
    y = np.where(np.isnan(x), nan, x)
    y = np.where(np.isposinf(x), big if posinf is None else posinf, y)
    return np.where(np.isneginf(x), -big if neginf is None else neginf, y).astype(x.dtype)


signature_of(np.isposinf)(lambda x, out=None: np.isinf(x) & (x > 0))
signature_of(np.isneginf)(lambda x, out=None: np.isinf(x) & (x < 0))
signature_of(np.isreal)(lambda x: np.imag(x) == 0)
signature_of(np.iscomplex)(lambda x: np.imag(x) != 0)


@signature_of(np.isclose)
def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    near = np.abs(a - b) <= atol + rtol * np.abs(b)
    near = (near & np.isfinite(b)) | (np.equal(a, b))
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


@signature_of(np.select)
def select(condlist, choicelist, default=0):
    y = operand(default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = (
            np.where(condition, choice, y)
            if isinstance(choice, Tracer) or isinstance(y, Tracer) or isinstance(condition, Tracer)
            else bind(selections.where, condition, operand(choice), y)
        )
    return y


@signature_of(np.choose)
def choose(a, choices, out=None, mode="raise"):
    a = operand(a)
    parts = np.broadcast_arrays(*choices) if isinstance(choices, tuple | list) else choices
    index = np.broadcast_to(a, np.broadcast_shapes(shape(a), shape(parts[0])))
    n = len(parts)
    if mode == "raise":
        if np.any(index < 0) or np.any(index >= n):
            raise ValueError("invalid entry in choice array")
    else:
        index = np.remainder(index, n) if mode == "wrap" else np.clip(index, 0, n - 1)
    y = np.broadcast_to(parts[0], index.shape)
    for k in range(1, n):
        y = np.where(index == k, parts[k], y)
    return into(out, y, "numpy.choose")


@signature_of(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    conditions = [condlist] if not isinstance(condlist, tuple | list) else list(condlist)
    if len(funclist) == len(conditions) + 1:
        last = ~np.any(np.stack([np.asarray(c) for c in conditions]), axis=0)
        conditions = [*conditions, last]
    y = np.zeros_like(x)
    for condition, f in zip(conditions, funclist, strict=True):
        # Only the elements that a branch is chosen for are given to it: elsewhere it may not be defined.
        y[condition] = f(x[condition], *args, **kw) if callable(f) else f
    return y


@signature_of(np.i0)
def i0(x):
    from scipy.special import i0 as bessel

    return bessel(x)

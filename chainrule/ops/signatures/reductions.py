"""Sums, means, extremes, products, norms of all kinds: NumPy's reductions with all their keywords."""

import numpy as np

from ...core.trace import aval_of, bind
from .. import reductions
from ..families import reduced_shape
from .tools import all_axes, array, constant_function, into, ndim, one_axis, shape, signature_of

NO = np._NoValue


def given(value):
    return value is not None and value is not NO


def is_on(keepdims):
    return keepdims is not NO and bool(keepdims)


def reduce(primitive, a, axis, keepdims):
    return bind(primitive, a, axes=all_axes(axis, ndim(a)), keepdims=is_on(keepdims))


def masked(a, where, neutral):
    return a if where is True or where is NO else np.where(where, a, np.asarray(neutral).astype(a.dtype))


@signature_of(np.sum)
def sum_(a, axis=None, dtype=None, out=None, keepdims=NO, initial=NO, where=NO):
    a = array(a)
    if dtype is not None:
        a = a.astype(dtype)
    y = reduce(reductions.sum_, masked(a, where, 0), axis, keepdims)
    return into(out, y + initial if given(initial) else y, "numpy.sum")


@signature_of(np.prod)
def prod(a, axis=None, dtype=None, out=None, keepdims=NO, initial=NO, where=NO):
    a = array(a)
    if dtype is not None:
        a = a.astype(dtype)
    y = reduce(reductions.prod, masked(a, where, 1), axis, keepdims)
    return into(out, y * initial if given(initial) else y, "numpy.prod")


def extreme(primitive, pair, worst, name):
    def implementation(a, axis=None, out=None, keepdims=NO, initial=NO, where=NO):
        a = array(a)
        axes = all_axes(axis, ndim(a))
        if not (where is True or where is NO) and not given(initial):
            raise ValueError(
                f"reduction operation '{name}' does not have an identity, so to use a where mask one has to specify 'initial'"
            )
        a = masked(a, where, worst)
        if a.size == 0 and given(initial):
            return into(out, np.full(reduced_shape(a.shape, axes, is_on(keepdims)), initial, a.dtype), f"numpy.{name}")
        y = bind(primitive, a, axes=axes, keepdims=is_on(keepdims))
        return into(out, pair(y, initial) if given(initial) else y, f"numpy.{name}")

    return implementation


signature_of(np.max, np.amax)(extreme(reductions.max_, np.maximum, -np.inf, "max"))
signature_of(np.min, np.amin)(extreme(reductions.min_, np.minimum, np.inf, "min"))


@signature_of(np.ptp)
def ptp(a, axis=None, out=None, keepdims=NO):
    return into(out, np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims), "numpy.ptp")


def count_of(a, axis, where):
    """How many elements each mean is over."""
    if where is True or where is NO:
        return int(np.prod([shape(a)[i] for i in all_axes(axis, ndim(a))], dtype=np.intp))
    return np.sum(np.broadcast_to(where, shape(a)), axis=axis)


@signature_of(np.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=NO, *, where=NO):
    a = array(a)
    count = count_of(a, axis, where)
    if np.ndim(count):
        count = np.reshape(count, np.shape(np.sum(np.zeros(shape(a)), axis=axis, keepdims=is_on(keepdims)))).astype(
            a.real.dtype
        )
    y = np.sum(a, axis, dtype, keepdims=keepdims, where=where)
    return into(out, y / count if not isinstance(count, int) or count else y * np.nan, "numpy.mean")


@signature_of(np.var)
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NO, *, where=NO, mean=NO, correction=NO):
    a = array(a)
    if dtype is not None:
        a = a.astype(dtype)
    center = np.mean(a, axis, keepdims=True, where=where) if mean is NO else mean
    gap = a - center
    squares = np.real(gap) ** 2 + np.imag(gap) ** 2 if gap.dtype.kind == "c" else gap * gap
    total = np.sum(squares, axis, keepdims=keepdims, where=where)
    free = count_of(a, axis, where) - (correction if given(correction) else ddof)
    free = np.maximum(free, 0)
    if np.ndim(free):
        free = np.reshape(free, shape(total))
    return into(out, total / free.astype(total.dtype) if np.all(free != 0) else total * np.nan, "numpy.var")


@signature_of(np.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NO, *, where=NO, mean=NO, correction=NO):
    v = np.var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction)
    return into(out, root(v), "numpy.std")


def root(v):
    """sqrt(v), with slope 0 at v = 0: the subgradient of least norm of a norm or a deviation at its minimum."""
    zero = np.equal(v, 0)
    return np.where(zero, np.zeros((), v.dtype), np.sqrt(np.where(zero, np.ones((), v.dtype), v)))


@signature_of(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=NO):
    a = array(a)
    if weights is None:
        y = np.mean(a, axis, keepdims=keepdims)
        return (y, np.full(shape(y), count_of(a, axis, True), y.dtype)) if returned else y
    weights = array(weights)
    if weights.shape != a.shape:
        axes = all_axes(axis, ndim(a))
        if weights.shape != tuple(a.shape[i] for i in axes):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        weights = np.reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))
        weights = np.broadcast_to(weights, a.shape)
    total = np.sum(weights, axis, keepdims=keepdims)
    y = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (y, total) if returned else y


# ---- running forms --------------------------------------------------------------------------------------------


def flat_if_none(a, axis):
    return (np.ravel(a), 0) if axis is None else (a, one_axis(axis, ndim(a)))


@signature_of(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    a, axis = flat_if_none(array(a), axis)
    return into(out, bind(reductions.cumsum, a if dtype is None else a.astype(dtype), axis=axis), "numpy.cumsum")


@signature_of(np.cumprod)
def cumprod(a, axis=None, dtype=None, out=None):
    a, axis = flat_if_none(array(a), axis)
    a = a if dtype is None else a.astype(dtype)
    return into(out, np.moveaxis(reductions.running_product(np.moveaxis(a, axis, -1)), -1, axis), "numpy.cumprod")


def cumulative(function, start):
    def implementation(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        if axis is None and ndim(x) != 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        y = function(x, 0 if axis is None else axis, dtype)
        if include_initial:
            i = one_axis(0 if axis is None else axis, ndim(x))
            edge = np.full(tuple(1 if k == i else n for k, n in enumerate(shape(y))), start, y.dtype)
            y = np.concatenate([edge, y], axis=i)
        return into(out, y, "numpy.cumulative")

    return implementation


signature_of(np.cumulative_sum)(cumulative(np.cumsum, 0))
signature_of(np.cumulative_prod)(cumulative(np.cumprod, 1))


@signature_of(np.diff)
def diff(a, n=1, axis=-1, prepend=NO, append=NO):
    a = array(a)
    axis = one_axis(axis, ndim(a))
    edge = tuple(1 if i == axis else k for i, k in enumerate(a.shape))
    wide = lambda v: np.broadcast_to(v, edge) if np.ndim(v) == 0 else v  # noqa: E731
    parts = [*([] if prepend is NO else [wide(prepend)]), a, *([] if append is NO else [wide(append)])]
    a = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    lead = (slice(None),) * axis
    for _ in range(n):
        a = a[(*lead, slice(1, None))] - a[(*lead, slice(None, -1))]
    return a


@signature_of(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    y = np.diff(np.ravel(ary))
    parts = [
        *([] if to_begin is None else [np.ravel(to_begin)]),
        y,
        *([] if to_end is None else [np.ravel(to_end)]),
    ]
    return np.concatenate(parts) if len(parts) > 1 else y


@signature_of(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    axis = one_axis(axis, ndim(y))
    lead = (slice(None),) * axis
    if x is not None:
        dx = np.diff(x) if ndim(x) == 1 else np.diff(x, axis=axis)
        if ndim(dx) == 1:
            dx = np.reshape(dx, tuple(-1 if i == axis else 1 for i in range(ndim(y))))
    return np.sum(dx * (y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) / 2.0, axis=axis)


# ---- exponential sums ------------------------------------------------------------------------------------------


def logsumexp(a, axis=None, keepdims=False):
    """log(sum(exp(a))) over some axes, as np.logaddexp.reduce computes it."""
    return reduce(reductions.logsumexp, a, axis, keepdims)


# ---- leaving NaN out --------------------------------------------------------------------------------------------


def nan_as(value, function):
    """A reduction that sees `value` where there is NaN, so that no gradient goes there."""

    def implementation(a, axis=None, *args, **kwargs):
        return function(np.where(np.isnan(a), np.asarray(value, aval_of(a).dtype), a), axis, *args, **kwargs)

    return implementation


signature_of(np.nansum)(nan_as(0, np.sum))
signature_of(np.nanprod)(nan_as(1, np.prod))
signature_of(np.nancumsum)(nan_as(0, np.cumsum))
signature_of(np.nancumprod)(nan_as(1, np.cumprod))
signature_of(np.nanmax)(nan_as(-np.inf, np.max))
signature_of(np.nanmin)(nan_as(np.inf, np.min))


def nan_where(function):
    def implementation(a, axis=None, dtype=None, out=None, *args, where=NO, **kwargs):
        there = ~np.isnan(a)
        if not (where is NO or where is True):
            there = there & where
        clean = np.where(there, a, np.zeros((), aval_of(a).dtype))
        return function(clean, axis, dtype, out, *args, where=there, **kwargs)

    return implementation


signature_of(np.nanmean)(nan_where(np.mean))
signature_of(np.nanvar)(nan_where(np.var))
signature_of(np.nanstd)(nan_where(np.std))


# ---- questions, and positions ------------------------------------------------------------------------------------


def question(primitive, name):
    def implementation(a, axis=None, out=None, keepdims=NO, *, where=NO):
        if not (where is NO or where is True):
            a = np.where(where, a, name == "all")
        return into(out, reduce(primitive, array(a), axis, keepdims), f"numpy.{name}")

    return implementation


signature_of(np.any)(question(reductions.any_, "any"))
signature_of(np.all)(question(reductions.all_, "all"))


@signature_of(np.count_nonzero)
def count_nonzero(a, axis=None, *, keepdims=False):
    return reduce(reductions.count_nonzero, array(a), axis, keepdims)


def position(primitive):
    def implementation(a, axis=None, out=None, *, keepdims=NO):
        flat, i = flat_if_none(array(a), axis)
        y = bind(primitive, flat, axis=i)
        if is_on(keepdims):
            y = np.reshape(y, tuple(1 if axis is None or k == i else n for k, n in enumerate(shape(a))))
        return into(out, y, f"numpy.{primitive.name}")

    return implementation


signature_of(np.argmax)(position(reductions.argmax))
signature_of(np.argmin)(position(reductions.argmin))

for function in (
    np.array_equal,
    np.array_equiv,
    np.allclose,
    np.nonzero,
    np.flatnonzero,
    np.argwhere,
    np.iterable,
):
    constant_function(function)

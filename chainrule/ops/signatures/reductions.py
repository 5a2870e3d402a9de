"""Sums, means, extremes, products and their running forms, with all their keywords, also leaving NaN out."""

import math

import numpy as np

from ...core.trace import Tracer, bind
from .. import reductions
from ..families import reduced_shape
from .tools import (
    NO,
    all_axes,
    array,
    flat_or_number,
    given,
    into,
    is_everywhere,
    is_inexact,
    is_on,
    ndim,
    one_axis,
    shape,
    signature_of,
)


def axes_of(axis, a):
    """The axes to reduce; of a number NumPy lets one reduce axis 0."""
    return () if not ndim(a) and axis in (0, -1) else all_axes(axis, ndim(a))


def reduce(primitive, a, axis, keepdims):
    return bind(primitive, a, axes=axes_of(axis, a), keepdims=is_on(keepdims))


def masked(a, where, neutral):
    """`a` with an element that changes nothing where it is to be left out."""
    return a if is_everywhere(where) else np.where(where, a, np.asarray(neutral).astype(a.dtype))


def like(value, y):
    """`value` in the dtype of `y`: the keyword initial=."""
    return value.astype(y.dtype) if isinstance(value, Tracer) else np.asarray(value).astype(y.dtype)


@signature_of(np.sum)
def sum_(a, axis=None, dtype=None, out=None, keepdims=NO, initial=NO, where=NO):
    a = array(a)
    if dtype is not None:
        a = a.astype(dtype)
    y = reduce(reductions.sum_, masked(a, where, 0), axis, keepdims)
    return into(out, y + like(initial, y) if given(initial) else y, "numpy.sum")


@signature_of(np.prod)
def prod(a, axis=None, dtype=None, out=None, keepdims=NO, initial=NO, where=NO):
    a = array(a)
    if dtype is not None:
        a = a.astype(dtype)
    y = reduce(reductions.prod, masked(a, where, 1), axis, keepdims)
    return into(out, y * like(initial, y) if given(initial) else y, "numpy.prod")


def extreme(primitive, pair, worst, name):
    def implementation(a, axis=None, out=None, keepdims=NO, initial=NO, where=NO):
        a = array(a)
        axes = axes_of(axis, a)
        if not is_everywhere(where) and not given(initial):
            raise ValueError(
                f"reduction operation '{name}' does not have an identity, so to use a where mask one has to specify "
                "'initial'"
            )
        if not is_everywhere(where):
            a = masked(a, where, worst if is_inexact(a) else initial)
        if a.size == 0 and given(initial):
            dims = reduced_shape(a.shape, axes, is_on(keepdims))
            return into(out, np.broadcast_to(like(initial, a), dims), f"numpy.{name}")
        y = reduce(primitive, a, axis, keepdims)
        return into(out, pair(y, like(initial, y)) if given(initial) else y, f"numpy.{name}")

    return implementation


signature_of(np.max, np.amax)(extreme(reductions.max_, np.maximum, -np.inf, "max"))
signature_of(np.min, np.amin)(extreme(reductions.min_, np.minimum, np.inf, "min"))


@signature_of(np.ptp)
def ptp(a, axis=None, out=None, keepdims=NO):
    return into(out, np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims), "numpy.ptp")


def logsumexp(a, axis=None, keepdims=False):
    """log(sum(exp(a))) over some axes, as np.logaddexp.reduce computes it."""
    return reduce(reductions.logsumexp, a, axis, keepdims)


# ---- means and deviations -------------------------------------------------------------------------------------------


def count_of(a, axis, where, keepdims):
    """How many elements each sum is over."""
    if is_everywhere(where):
        return math.prod(shape(a)[i] for i in all_axes(axis, ndim(a)))
    return np.sum(np.broadcast_to(where, shape(a)), axis=axis, keepdims=is_on(keepdims))


def quotient(total, count):
    """total / count; like NumPy NaN or inf, with a warning, where there is nothing to count."""
    if type(count) is int:
        return total / count
    dtype = np.result_type(total.dtype, np.float16)
    return total / (count.astype(dtype) if isinstance(count, Tracer) else np.asarray(count, dtype))


def in_single(a, dtype):
    """NumPy computes the means of half precision numbers in single precision: the dtypes to use and to return."""
    return (np.float32, np.float16) if dtype is None and a.dtype == np.float16 else (dtype, None)


@signature_of(np.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=NO, *, where=NO):
    a = array(a)
    inner, outer = in_single(a, dtype)
    y = quotient(sum_(a, axis, inner, keepdims=keepdims, where=where), count_of(a, axis, where, keepdims))
    return into(out, y if outer is None else y.astype(outer), "numpy.mean")


@signature_of(np.var)
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NO, *, where=NO, mean=NO, correction=NO):
    a = array(a)
    if given(correction):
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    inner, outer = in_single(a, dtype)
    gap = a - (mean if given(mean) else np.mean(a, axis, inner, keepdims=True, where=where))
    squares = np.real(gap) ** 2 + np.imag(gap) ** 2 if gap.dtype.kind == "c" else gap * gap
    free = np.maximum(count_of(a, axis, where, keepdims) - ddof, 0)
    y = quotient(np.sum(squares, axis, inner, keepdims=keepdims, where=where), free)
    return into(out, y if outer is None else y.astype(outer), "numpy.var")


@signature_of(np.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NO, *, where=NO, mean=NO, correction=NO):
    v = np.var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction)
    return into(out, root(v), "numpy.std")


def root(v):
    """sqrt(v), with slope 0 at v = 0: the subgradient of least norm of a norm or a deviation at its minimum."""
    zero = np.equal(v, 0)
    return np.where(zero, np.zeros((), v.dtype), np.sqrt(np.where(zero, np.ones((), v.dtype), v)))


# ---- running forms --------------------------------------------------------------------------------------------------


def running(a, axis, dtype):
    """The array and the axis to accumulate along."""
    a, axis = flat_or_number(a, axis)
    return (a if dtype is None else a.astype(dtype)), axis


@signature_of(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    a, axis = running(a, axis, dtype)
    return into(out, bind(reductions.cumsum, a, axis=axis), "numpy.cumsum")


@signature_of(np.cumprod)
def cumprod(a, axis=None, dtype=None, out=None):
    a, axis = running(a, axis, dtype)
    a = a.astype(np.cumprod(np.ones(1, a.dtype)).dtype)
    return into(out, np.moveaxis(reductions.running_product(np.moveaxis(a, axis, -1)), -1, axis), "numpy.cumprod")


def cumulative(function, start):
    def implementation(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        x = np.atleast_1d(x)
        if axis is None and ndim(x) != 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = one_axis(0 if axis is None else axis, ndim(x))
        y = function(x, axis, dtype)
        if include_initial:
            edge = np.full(tuple(1 if k == axis else n for k, n in enumerate(shape(y))), start, y.dtype)
            y = np.concatenate([edge, y], axis=axis)
        return into(out, y, f"numpy.cumulative_{function.__name__[3:]}")

    return implementation


signature_of(np.cumulative_sum)(cumulative(np.cumsum, 0))
signature_of(np.cumulative_prod)(cumulative(np.cumprod, 1))


# ---- leaving NaN out ------------------------------------------------------------------------------------------------


def without_nan(value, function):
    """A function that sees `value` where there is NaN, so that no gradient goes there."""

    def implementation(a, axis=None, *args, **kwargs):
        a = array(a)
        return function(np.where(np.isnan(a), np.asarray(value, a.dtype), a), axis, *args, **kwargs)

    return implementation


signature_of(np.nansum)(without_nan(0, np.sum))
signature_of(np.nanprod)(without_nan(1, np.prod))
signature_of(np.nancumsum)(without_nan(0, np.cumsum))
signature_of(np.nancumprod)(without_nan(1, np.cumprod))


def nan_extreme(function, worst):
    """The extreme of what is not NaN; NaN where there is nothing else."""

    def implementation(a, axis=None, out=None, keepdims=NO, initial=NO, where=NO):
        a = array(a)
        if not is_inexact(a):
            return function(a, axis, out, keepdims, initial, where)
        gone = np.isnan(a)
        y = function(np.where(gone, np.asarray(worst, a.dtype), a), axis, None, keepdims, initial, where)
        if not given(initial):
            y = np.where(np.all(gone, axis, keepdims=is_on(keepdims)), np.asarray(np.nan, a.dtype), y)
        return into(out, y, f"numpy.nan{function.__name__}")

    return implementation


signature_of(np.nanmax)(nan_extreme(np.max, -np.inf))
signature_of(np.nanmin)(nan_extreme(np.min, np.inf))


def there_is_a_number(a, where):
    """The elements that count, and the array with 0 for NaN."""
    a = array(a)
    there = ~np.isnan(a)
    if not is_everywhere(where):
        there = there & where
    return there, np.where(there, a, np.zeros((), a.dtype))


@signature_of(np.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=NO, *, where=NO):
    there, clean = there_is_a_number(a, where)
    return np.mean(clean, axis, dtype, out, keepdims, where=there)


@signature_of(np.nanvar)
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NO, *, where=NO, mean=NO, correction=NO):
    there, clean = there_is_a_number(a, where)
    y = np.var(clean, axis, dtype, None, ddof, keepdims, where=there, mean=mean, correction=correction)
    free = count_of(clean, axis, there, keepdims) - (correction if given(correction) else ddof)
    return into(out, np.where(free <= 0, np.asarray(np.nan, y.dtype), y), "numpy.nanvar")


@signature_of(np.nanstd)
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NO, *, where=NO, mean=NO, correction=NO):
    v = np.nanvar(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction)
    return into(out, root(v), "numpy.nanstd")


# ---- questions, and positions ---------------------------------------------------------------------------------------


def question(primitive, name):
    def implementation(a, axis=None, out=None, keepdims=NO, *, where=NO):
        if not is_everywhere(where):
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
        flat, i = flat_or_number(a, axis)
        y = bind(primitive, flat, axis=i)
        if is_on(keepdims):
            y = np.reshape(y, tuple(1 if axis is None or k == i else n for k, n in enumerate(shape(a))))
        return into(out, y, f"numpy.{primitive.name}")

    return implementation


signature_of(np.argmax)(position(reductions.argmax))
signature_of(np.argmin)(position(reductions.argmin))
signature_of(np.nanargmax)(position(reductions.nanargmax))
signature_of(np.nanargmin)(position(reductions.nanargmin))

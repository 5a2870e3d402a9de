"""Differences, integrals and interpolation of sampled functions, and functions applied along axes."""

from typing import Any

import numpy as np

from ...core.trace import Tracer, bind, operand
from .. import contractions
from ..indexing import read_part
from .creation import nested
from .tools import NO, all_axes, along, array, as_float, common_dtype, is_inexact, ndim, one_axis, shape, signature_of

# ---- differences ----------------------------------------------------------------------------------------------------


def neighbours(a, axis):
    """Each element and the one after it."""
    return a[along(axis, slice(None, -1))], a[along(axis, slice(1, None))]


@signature_of(np.diff)
def diff(a, n=1, axis=-1, prepend=NO, append=NO):
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    a = array(a)
    if n == 0:
        return a
    axis = one_axis(axis, ndim(a))
    edge = tuple(1 if i == axis else k for i, k in enumerate(a.shape))
    ends = [None if v is NO else np.broadcast_to(v, edge) if np.ndim(v) == 0 else v for v in (prepend, append)]
    parts = [part for part in (ends[0], a, ends[1]) if part is not None]
    a = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        left, right = neighbours(a, axis)
        a = np.not_equal(right, left) if a.dtype == bool else right - left
    return a


@signature_of(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    y = np.diff(np.ravel(ary))
    ends = [[] if v is None else [np.ravel(v)] for v in (to_begin, to_end)]
    for end in (*ends[0], *ends[1]):
        if not np.can_cast(end.dtype, y.dtype, "same_kind"):
            raise TypeError(f"numpy.ediff1d: dtype {end.dtype} of an end does not fit the dtype {y.dtype} of the array")
    parts = [*ends[0], y, *ends[1]]
    return np.concatenate(parts).astype(y.dtype) if len(parts) > 1 else y


@signature_of(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    f = array(f)
    if not is_inexact(f):
        f = f.astype(float)
    axes = tuple(range(f.ndim)) if axis is None else all_axes_in_order(axis, f.ndim)
    if not varargs:
        varargs = (1.0,)
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        varargs = varargs * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    out = [slopes(f, i, operand(x), edge_order) for i, x in zip(axes, varargs, strict=True)]
    return out[0] if len(out) == 1 else tuple(out)


def all_axes_in_order(axis, n):
    several = axis if isinstance(axis, tuple | list) else (axis,)
    all_axes(tuple(several), n)
    return [one_axis(i, n) for i in several]


def slopes(f, axis, x, edge_order):
    """Central differences, of second order for uneven steps too; `x` is the step, or the places along the axis."""
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
            "required."
        )
    if ndim(x) and shape(x) != (n,):
        raise ValueError(
            f"numpy.gradient: distances must be a number or have shape ({n},) for axis {axis}; they have {shape(x)}"
        )
    steps = np.diff(x if is_inexact(x) else array(x).astype(float)) if ndim(x) else None
    step = lambda k: x if steps is None else steps[k]  # noqa: E731
    at = lambda k: f[along(axis, slice(k, k + 1 or None))]  # noqa: E731
    if edge_order == 1:
        start, end = (at(1) - at(0)) / step(0), (at(-1) - at(-2)) / step(-1)
    else:
        start = slope_of_parabola(0, at(0), at(1), at(2), step(0), step(1))
        end = slope_of_parabola(2, at(-3), at(-2), at(-1), step(-2), step(-1))
    if n == 2:
        return np.concatenate([start, end], axis=axis).astype(f.dtype)
    before, here, after = (f[along(axis, s)] for s in (slice(None, -2), slice(1, -1), slice(2, None)))
    if steps is None:
        inner = (after - before) / (2.0 * x)
    else:
        left, right = neighbours(np.reshape(steps, tuple(-1 if i == axis else 1 for i in range(f.ndim))), axis)
        inner = slope_of_parabola(1, before, here, after, left, right)
    return np.concatenate([start, inner, end], axis=axis).astype(f.dtype)


def slope_of_parabola(point, a, b, c, left, right):
    """The slope, at one of three points, of the parabola through them; they are `left` and `right` apart."""
    both = left + right
    twice = (0.0, 2.0 * left, 2.0 * both)[point]
    return (
        (twice - left - both) / (left * both) * a
        - (twice - both) / (left * right) * b
        + (twice - left) / (both * right) * c
    )


@signature_of(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    p = array(p)
    axis = one_axis(axis, p.ndim)
    step = np.diff(p, axis=axis)
    discont = period / 2 if discont is None else discont
    whole = common_dtype(step, operand(period)).kind in "iu"
    half = period // 2 if whole else period / 2
    short = np.mod(step + half, period) - half
    if not whole or period % 2 == 0:  # a step of half a period keeps its sign
        short = np.where((short == -half) & (step > 0), half, short)
    correction = np.where(np.abs(step) < discont, 0, short - step)
    first, others = p[along(axis, slice(None, 1))], p[along(axis, slice(1, None))]
    return np.concatenate([first, others + np.cumsum(correction, axis)], axis)


# ---- integrals ------------------------------------------------------------------------------------------------------


@signature_of(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = array(y)
    axis = one_axis(axis, y.ndim)
    if x is not None:
        x = array(x)
        dx = np.diff(x) if x.ndim == 1 else np.diff(x, axis=axis)
        if x.ndim == 1:
            dx = np.reshape(dx, tuple(-1 if i == axis else 1 for i in range(y.ndim)))
    left, right = neighbours(y, axis)
    return np.sum(dx * (right + left) / 2.0, axis=axis)


# ---- interpolation --------------------------------------------------------------------------------------------------


@signature_of(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """At a point of `xp` the slope is that of the segment to its right, as it is the one that NumPy looks up."""
    x, xp = as_float(x, "numpy.interp"), as_float(xp, "numpy.interp")
    fp = array(fp).astype(complex if array(fp).dtype.kind == "c" else float)
    if xp.ndim != 1 or fp.shape != xp.shape:
        raise ValueError(f"numpy.interp: xp and fp must be of one length; they have shapes {xp.shape} and {fp.shape}")
    if not xp.size:
        raise ValueError("array of sample points is empty")
    if period is not None:
        if not isinstance(period, Tracer) and period == 0:
            raise ValueError("period must be a non-zero value")
        period, left, right = abs(period), None, None
        x, xp = np.mod(x, period), np.mod(xp, period)
        order = np.argsort(xp)
        xp, fp = read_part(xp, order), read_part(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    if xp.size == 1:
        y = np.broadcast_to(fp[0], x.shape)
    else:
        k = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, xp.size - 1)
        slope = read_part(np.diff(fp) / np.diff(xp), np.minimum(k, xp.size - 2))
        y = slope * (x - read_part(xp, k)) + read_part(fp, k)
    y = np.where(x < xp[0], fp[0] if left is None else left, y)
    return np.where(x > xp[-1], fp[-1] if right is None else right, y)


# ---- sliding products -----------------------------------------------------------------------------------------------


@signature_of(np.convolve)
def convolve(a, v, mode: Any = "full"):
    a, v = np.atleast_1d(array(a), array(v))
    if a.ndim > 1 or v.ndim > 1:
        raise ValueError("object too deep for desired array")
    if not a.size or not v.size:
        raise ValueError(f"numpy.convolve: {'v' if a.size else 'a'} cannot be empty")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"convolve: mode must be 'full', 'same' or 'valid'; it is {mode!r}")
    if a.size < v.size:
        a, v = v, a
    n, m = a.size, v.size
    full = bind(contractions.convolve, a, v)
    if mode == "full":
        return full
    start = m - 1 if mode == "valid" else (m - 1) // 2
    return full[start : start + (n - m + 1 if mode == "valid" else n)]


@signature_of(np.correlate)
def correlate(a, v, mode: Any = "valid"):
    a, v = array(a), array(v)
    if not a.ndim or not v.ndim:
        raise ValueError("correlate: both must have one axis; one is a number")
    if a.size >= v.size:
        return np.convolve(a, np.conjugate(v)[::-1], mode)
    return np.conjugate(np.correlate(v, a, mode))[::-1]


# ---- a function applied along axes ----------------------------------------------------------------------------------


@signature_of(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    arr = array(arr)
    axis = one_axis(axis, arr.ndim)
    rows = np.moveaxis(arr, axis, -1)
    lead = rows.shape[:-1]
    if 0 in lead:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [nested(func1d(rows[i], *args, **kwargs)) for i in np.ndindex(*lead)]
    y = np.reshape(np.stack(results), (*lead, *shape(results[0])))
    made = range(len(lead), y.ndim)
    return np.moveaxis(y, made, range(axis, axis + len(made)))


@signature_of(np.apply_over_axes)
def apply_over_axes(func, a, axes):
    a = array(a)
    for axis in np.atleast_1d(axes).tolist():
        axis = axis + a.ndim if axis < 0 else axis
        y = func(a, axis)
        y = np.expand_dims(y, axis) if y.ndim == a.ndim - 1 else y
        if y.ndim != a.ndim:
            raise ValueError("function is not returning an array of the correct shape")
        a = y
    return a

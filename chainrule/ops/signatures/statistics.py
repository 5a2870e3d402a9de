"""Averages with weights, order statistics, covariances and histograms."""

import math
import warnings

import numpy as np

from ...core.trace import Tracer, bind
from ..indexing import put
from ..subscripts import ARRAY
from .reductions import count_of
from .tools import (
    NO,
    all_axes,
    array,
    as_float,
    common_dtype,
    into,
    is_inexact,
    is_on,
    ndim,
    plain,
    shape,
    signature_of,
)


@signature_of(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=NO):
    a = array(a)
    all_axes(axis, ndim(a))
    if weights is None:
        y = np.mean(a, axis, keepdims=keepdims)
        return (y, np.full(shape(y), count_of(a, axis, True, keepdims), y.dtype)) if returned else y
    weights = like_values(weights, a, axis)
    dtype = np.result_type(a.dtype, weights.dtype, *([] if is_inexact(a) else [np.float64]))
    total = np.sum(weights, axis, dtype=dtype, keepdims=keepdims)
    if not isinstance(total, Tracer) and np.any(total == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    y = np.sum(np.multiply(a, weights, dtype=dtype), axis, keepdims=keepdims) / total
    return (y, np.copy(np.broadcast_to(total, shape(y)))) if returned else y


def like_values(weights, a, axis):
    """Weights in the shape of `a`; they may be given for the reduced axes only."""
    weights, dims = array(weights), shape(a)
    if weights.shape == dims:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    order = [i % len(dims) for i in (axis if isinstance(axis, tuple | list) else (axis,))]
    if weights.shape != tuple(dims[i] for i in order):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = np.transpose(weights, np.argsort(order))
    weights = np.reshape(weights, tuple(n if i in order else 1 for i, n in enumerate(dims)))
    return np.broadcast_to(weights, dims)


# ---- order statistics -----------------------------------------------------------------------------------------------


def joined(a, axis):
    """`a` with the axes to reduce as one last axis, and the shape of the result with them kept."""
    dims = shape(a)
    axes = all_axes(axis, len(dims))
    rest = [i for i in range(len(dims)) if i not in axes]
    count = math.prod(dims[i] for i in axes)
    flat = np.reshape(np.transpose(a, [*rest, *axes]), (*(dims[i] for i in rest), count))
    return flat, tuple(1 if i in axes else n for i, n in enumerate(dims))


def in_order(flat, skip_nan):
    """Sorted along the last axis, and how many count; NaN is at the end."""
    ordered = np.sort(flat, axis=-1)
    if not skip_nan or not is_inexact(flat):
        return ordered, flat.shape[-1]
    return ordered, np.sum(~np.isnan(flat), axis=-1, keepdims=True)


def pick(ordered, position, n):
    """The elements at these positions of the last axis; beyond the n that count it is the first or the last of them."""
    position = np.maximum(np.minimum(position, n - 1), 0)
    return np.take_along_axis(ordered, np.broadcast_to(position, (*ordered.shape[:-1], shape(position)[-1])), axis=-1)


def spoilt_by_nan(y, ordered):
    """`y`, NaN where there is one among the elements: it is the last."""
    if not is_inexact(ordered):
        return y
    last = ordered[..., -1:]
    return np.where(np.isnan(last), last, y)


def median_of(a, axis, out, keepdims, skip_nan, name):
    flat, kept = joined(array(a), axis)
    if flat.shape[-1] == 0:
        return into(out, np.mean(a, axis, keepdims=keepdims), name)
    ordered, n = in_order(flat, skip_nan)
    n = np.reshape(n, (1,)) if isinstance(n, int) else n
    y = np.mean(np.stack([pick(ordered, (n - 1) // 2, n), pick(ordered, n // 2, n)]), axis=0)
    y = (y if skip_nan else spoilt_by_nan(y, ordered))[..., 0]
    return into(out, np.reshape(y, kept) if is_on(keepdims) else y, name)


@signature_of(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return median_of(a, axis, out, keepdims, False, "numpy.median")


@signature_of(np.nanmedian)
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=NO):
    return median_of(a, axis, out, keepdims, True, "numpy.nanmedian")


def between(at):
    """The two elements around a position, and how far from the first to the second it lies."""
    low = np.floor(at)
    return low, low + 1, at - low


def exactly(at):
    return at, at, None


def plotting_position(alpha, beta):
    return lambda n, q: between(n * q + (alpha + q * (1 - alpha - beta)) - 1)


def averaged_inverted_cdf(n, q):
    low, high, share = between(n * q - 1)
    return low, high, np.where(share == 0, 0.5, 1.0)


def closest_observation(n, q):
    low, high, share = between(n * q - 1.5)
    return exactly(np.where((share == 0) & (low % 2 == 1), low, high))


METHODS = {
    "inverted_cdf": lambda n, q: exactly(np.ceil(n * q - 1)),
    "averaged_inverted_cdf": averaged_inverted_cdf,
    "closest_observation": closest_observation,
    "interpolated_inverted_cdf": plotting_position(0, 1),
    "hazen": plotting_position(0.5, 0.5),
    "weibull": plotting_position(0, 0),
    "linear": lambda n, q: between((n - 1) * q),
    "median_unbiased": plotting_position(1 / 3, 1 / 3),
    "normal_unbiased": plotting_position(3 / 8, 3 / 8),
    "lower": lambda n, q: exactly(np.floor((n - 1) * q)),
    "higher": lambda n, q: exactly(np.ceil((n - 1) * q)),
    "midpoint": lambda n, q: (np.floor((n - 1) * q), np.ceil((n - 1) * q), 0.5),
    "nearest": lambda n, q: exactly(np.rint((n - 1) * q)),
}
"""For n ordered elements and q: the places of two of them, and the share of the second, None if it is one and the same.

The numbered methods of R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, The American Statistician
50 (1996) 361-365, and NumPy's others."""


def quantile_of(a, q, axis, out, method, keepdims, weights, skip_nan, name):
    a, weak = array(a), type(q) in (int, float)
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    if method not in METHODS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {', '.join(METHODS)}")
    q = array(q)
    if not isinstance(q, Tracer) and np.any((q < 0) | (q > 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    if skip_nan and not a.size:
        return np.nanmean(a, axis, out=out, keepdims=keepdims)
    flat, kept = joined(a, axis)
    if method == "linear" and q.dtype.kind in "iu":
        method = "nearest"  # the first or the last, with no difference to multiply, which may be infinite
    if weights is None:
        ordered, n = in_order(flat, skip_nan)
        count = n if isinstance(n, int) else n.astype(common_dtype(q, 0.0))
        low, high, share = METHODS[method](count, np.ravel(q))
        y = between_elements(ordered, n, low, high, share, weak)
    else:
        if method != "inverted_cdf":
            raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
        ordered, position = by_weight(flat, joined(like_values(weights, a, axis), axis)[0], np.ravel(q), skip_nan)
        y = pick(ordered, position, flat.shape[-1])
    if not skip_nan:
        y = spoilt_by_nan(y, ordered)
    y = np.moveaxis(y, -1, 0)
    return into(out, np.reshape(y, (*q.shape, *(kept if is_on(keepdims) else y.shape[1:]))), name)


def between_elements(ordered, n, low, high, share, weak):
    first = pick(ordered, low.astype(np.intp), n)
    if share is None:
        return first
    share = np.asarray(share) if not isinstance(share, Tracer) else share
    if weak and is_inexact(ordered):  # q is a Python number, which adapts its dtype
        share = share.astype(ordered.dtype)
    return first + (pick(ordered, high.astype(np.intp), n) - first) * share


def by_weight(flat, weights, q, skip_nan):
    """The sorted elements, and the place of the first one at which the cumulative weight reaches q."""
    if not isinstance(weights, Tracer) and np.any(weights < 0):
        raise ValueError("Weights must be non-negative.")
    if skip_nan and is_inexact(flat):
        weights = np.where(np.isnan(flat), np.zeros((), weights.dtype), weights)
    order = np.argsort(flat, axis=-1)
    cdf = np.cumsum(np.take_along_axis(weights, order, axis=-1), axis=-1, dtype=np.float64)
    cdf = cdf / cdf[..., -1:]
    cdf = np.where(cdf == 0, -1.0, cdf)
    below = cdf[..., None, :] < q[:, None]
    return np.take_along_axis(flat, order, axis=-1), np.sum(below, axis=-1)


def quantile_function(name, skip_nan, scale):
    def implementation(
        a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None
    ):
        q = q if scale == 1 else q / scale if type(q) in (int, float) else np.true_divide(q, scale)
        return quantile_of(a, q, axis, out, method, keepdims, weights, skip_nan, name)

    return implementation


signature_of(np.quantile)(quantile_function("numpy.quantile", False, 1))
signature_of(np.percentile)(quantile_function("numpy.percentile", False, 100))
signature_of(np.nanquantile)(quantile_function("numpy.nanquantile", True, 1))
signature_of(np.nanpercentile)(quantile_function("numpy.nanpercentile", True, 100))


# ---- covariances ----------------------------------------------------------------------------------------------------


@signature_of(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    given = [array(x) for x in ([m] if y is None else [m, y])]
    if any(x.ndim > 2 for x in given):
        raise ValueError(f"numpy.cov: arrays of at most two axes are needed; they have {[x.ndim for x in given]}")
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    dtype = np.result_type(*(x.dtype for x in given), np.float64) if dtype is None else dtype
    rows = [np.atleast_2d(x).astype(dtype) for x in given]
    if not rowvar:
        turned = [given[0].ndim == 2, *(row.shape[0] != 1 for row in rows[1:])]
        rows = [np.transpose(row) if turn else row for row, turn in zip(rows, turned, strict=True)]
    if not rows[0].shape[0]:
        return np.zeros((0, 0))
    X = np.concatenate(rows, axis=0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    w = sample_weights(fweights, aweights, X.shape[1])
    if w is None:
        X, factor = X - np.mean(X, axis=1, keepdims=True), X.shape[1] - ddof
        weighted = X
    else:
        total = np.sum(w)
        X = X - np.sum(X * w, axis=1, keepdims=True) / total
        lost = ddof if aweights is None else ddof * np.sum(w * aweights) / total
        weighted, factor = X * w, total - lost if ddof else total
    if not isinstance(factor, Tracer) and factor <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=4)
        factor = 0.0
    c = X @ np.conjugate(weighted).T
    return np.squeeze(c * np.true_divide(1, factor).astype(c.dtype))


def sample_weights(fweights, aweights, n):
    """The weight of each sample: how often it was observed times how much it counts; None for 1."""
    w = None
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        weights = as_float(weights, "numpy.cov")
        if weights.shape != (n,):
            raise RuntimeError(f"numpy.cov: {name} has shape {weights.shape}; there are {n} samples")
        if not isinstance(weights, Tracer):
            if np.any(weights < 0):
                raise ValueError(f"{name} cannot be negative")
            if name == "fweights" and np.any(weights != np.rint(weights)):
                raise TypeError("fweights must be integer")
        w = weights if w is None else w * weights
    return w


@signature_of(np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    c = np.cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / deviation[:, None] / deviation
    if c.dtype.kind == "c":
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)


# ---- counting -------------------------------------------------------------------------------------------------------


@signature_of(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    places = plain(x, "numpy.bincount")
    counts = np.bincount(places, minlength=minlength)
    if weights is None:
        return counts
    if shape(weights) != np.shape(places):
        raise ValueError("The weights and list don't have the same length.")
    if not np.size(places):  # NumPy counts, then
        return counts
    weights = as_float(weights, "numpy.bincount")
    return bind(put, weights, np.asarray(places, np.intp), index=(ARRAY,), shape=counts.shape)

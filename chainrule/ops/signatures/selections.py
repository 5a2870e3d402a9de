"""Choosing elements: take, sort and its kin, quantiles."""

import numpy as np

from ...core.trace import Tracer, aval_of, bind, concrete
from .. import reductions
from .tools import array, constant_function, into, ndim, one_axis, refuse, shape, signature_of


@signature_of(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    a = array(a)
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = one_axis(axis, len(a.shape))
    indices = indices if isinstance(indices, Tracer) else np.asarray(indices)
    if mode == "wrap":
        indices = np.remainder(indices, a.shape[axis])
    elif mode == "clip":
        indices = np.minimum(np.maximum(indices, 0), a.shape[axis] - 1)
    y = part(a, (slice(None),) * axis + (indices,))
    return into(out, y, "numpy.take")


def part(a, index):
    """a[index], where either of them, or both, may be traced."""
    from ..indexing import read_part

    return read_part(a, index)


@signature_of(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    arr = array(arr)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = one_axis(axis, len(arr.shape))
    index = []
    for i, n in enumerate(arr.shape):
        if i == axis:
            index.append(indices)
        else:
            index.append(np.reshape(np.arange(n), tuple(-1 if k == i else 1 for k in range(len(arr.shape)))))
    return part(arr, tuple(index))


@signature_of(np.compress)
def compress(condition, a, axis=None, out=None):
    chosen = np.flatnonzero(concrete(condition, "numpy.compress"))
    return into(out, np.take(a, chosen, axis=axis), "numpy.compress")


@signature_of(np.extract)
def extract(condition, arr):
    return np.take(np.ravel(arr), np.flatnonzero(concrete(condition, "numpy.extract")))


# ---- order ----------------------------------------------------------------------------------------------------


@signature_of(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    flat, axis = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, ndim(a)))
    return bind(reductions.argsort, flat, axis=axis, kind="stable")


@signature_of(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    if order is not None:
        raise refuse("numpy.sort", "order= is for structured arrays")
    a, axis = (np.ravel(a), 0) if axis is None else (array(a), axis)
    return np.take_along_axis(a, np.argsort(a, axis=axis), axis=axis)


@signature_of(np.argpartition)
def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    flat, axis = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, ndim(a)))
    return bind(reductions.argpartition, flat, axis=axis, kth=kth)


@signature_of(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    a, axis = (np.ravel(a), 0) if axis is None else (array(a), axis)
    return np.take_along_axis(a, np.argpartition(a, kth, axis=axis), axis=axis)


# ---- quantiles ------------------------------------------------------------------------------------------------


def joined(a, axis):
    """`a` with the axes to reduce as one last axis, and the shape of the result with them kept."""
    n = ndim(a)
    axes = (
        tuple(range(n))
        if axis is None
        else tuple(sorted(one_axis(i, n) for i in (axis if isinstance(axis, tuple | list) else (axis,))))
    )
    rest = [i for i in range(n) if i not in axes]
    dims = shape(a)
    flat = np.reshape(
        np.transpose(a, [*rest, *axes]),
        (*(dims[i] for i in rest), -1) if np.prod(dims) else (*(dims[i] for i in rest), 0),
    )
    return flat, tuple(1 if i in axes else k for i, k in enumerate(dims))


@signature_of(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    flat, kept = joined(array(a), axis)
    n = flat.shape[-1]
    if n == 0:
        raise refuse("numpy.median", "the median of no elements has no derivative")
    ordered = np.sort(flat, axis=-1)
    y = ordered[..., n // 2] if n % 2 else 0.5 * (ordered[..., n // 2 - 1] + ordered[..., n // 2])
    gone = np.isnan(ordered[..., -1])
    if np.any(gone):
        y = np.where(gone, np.nan, y).astype(y.dtype)
    return into(out, np.reshape(y, kept) if keepdims else y, "numpy.median")


@signature_of(np.quantile)
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    if weights is not None:
        raise refuse("numpy.quantile", "weights= is not supported")
    if isinstance(q, Tracer):
        raise refuse("numpy.quantile", "a traced q is not supported")
    flat, kept = joined(array(a), axis)
    n = flat.shape[-1]
    q = np.asarray(q, float)
    if np.any((q < 0) | (q > 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    low, high, share = between(q, n, method)
    ordered = np.sort(flat, axis=-1)
    share = np.asarray(share, aval_of(ordered).dtype)
    y = (1 - share) * np.take(ordered, low, axis=-1) + share * np.take(ordered, high, axis=-1)
    if q.ndim:
        lead = y.ndim - q.ndim
        y = np.moveaxis(y, tuple(range(lead, y.ndim)), tuple(range(q.ndim)))
        y = np.reshape(y, q.shape + kept) if keepdims else y
    elif keepdims:
        y = np.reshape(y, kept)
    return into(out, y, "numpy.quantile")


def between(q, n, method):
    """Between which two of n ordered values the quantile lies, and how far along (Hyndman and Fan 1996, type 7)."""
    at = q * (n - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, n - 1)
    share = at - low
    if method == "lower":
        return low, low, np.zeros_like(share)
    if method == "higher":
        up = np.ceil(at).astype(int)
        return up, up, np.zeros_like(share)
    if method == "nearest":
        near = np.rint(at).astype(int)
        return near, near, np.zeros_like(share)
    if method == "midpoint":
        return low, np.ceil(at).astype(int), np.full_like(share, 0.5)
    if method != "linear":
        raise refuse(
            "numpy.quantile",
            f"method={method!r} is not supported; linear, lower, higher, nearest and midpoint are",
        )
    return low, high, share


@signature_of(np.percentile)
def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    return np.quantile(a, np.asarray(q) / 100, axis, out, overwrite_input, method, keepdims, weights=weights)


for function in (np.searchsorted, np.digitize, np.unique, np.isin, np.bincount):
    constant_function(function)

"""Putting arrays together, taking them apart, and repeating them."""

import math
from typing import Any

import numpy as np

from ...core.trace import bind
from .. import moves
from .tools import (
    along,
    array,
    dims_of,
    flat_if_none,
    flat_or_number,
    into,
    ndim,
    one_axis,
    plain,
    sequence,
    shape,
    signature_of,
)

# ---- together -------------------------------------------------------------------------------------------------------


@signature_of(np.concatenate, np.concat)
def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting: Any = "same_kind"):
    if out is not None and dtype is not None:
        raise TypeError("concatenate() only takes `out` or `dtype` as an argument, but both were provided.")
    arrays = [array(a) for a in sequence(arrays)]
    if axis is None:
        arrays, axis = [np.ravel(a) for a in arrays], 0
    if not arrays[0].shape:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    axis = one_axis(axis, len(arrays[0].shape))
    common = np.result_type(*(a.dtype for a in arrays)) if dtype is None else np.dtype(dtype)
    arrays = [a if a.dtype == common else np.astype(a, common) for a in arrays if castable(a, common, casting)]
    return into(out, bind(moves.concatenate, *arrays, axis=axis), "numpy.concatenate")


def castable(a, dtype, casting):
    if not np.can_cast(a.dtype, dtype, casting):
        raise TypeError(f"Cannot cast array data from {a.dtype!r} to {dtype!r} according to the rule {casting!r}")
    return True


@signature_of(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting: Any = "same_kind"):
    arrays = [array(a) for a in sequence(arrays)]
    if len({a.shape for a in arrays}) != 1:
        raise ValueError("all input arrays must have the same shape")
    dims = arrays[0].shape
    axis = one_axis(axis, len(dims) + 1)
    rows = [bind(moves.reshape, a, shape=(*dims[:axis], 1, *dims[axis:])) for a in arrays]
    return np.concatenate(rows, axis=axis, out=out, dtype=dtype, casting=casting)


@signature_of(np.vstack)
def vstack(tup, *, dtype=None, casting: Any = "same_kind"):
    return np.concatenate([np.atleast_2d(a) for a in sequence(tup)], axis=0, dtype=dtype, casting=casting)


@signature_of(np.hstack)
def hstack(tup, *, dtype=None, casting: Any = "same_kind"):
    arrays = [np.atleast_1d(a) for a in sequence(tup)]
    return np.concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@signature_of(np.dstack)
def dstack(tup):
    return np.concatenate([np.atleast_3d(a) for a in sequence(tup)], axis=2)


@signature_of(np.column_stack)
def column_stack(tup):
    columns = [array(a) for a in sequence(tup)]
    return np.concatenate([np.reshape(a, (-1, 1)) if a.ndim < 2 else a for a in columns], axis=1)


@signature_of(np.block)
def block(arrays):
    def depth(x):
        return 1 + max(map(depth, x)) if isinstance(x, list) else 0

    levels = depth(arrays)
    longest = max(levels, *(ndim(leaf) for leaf in leaves(arrays)))

    def build(x, level):
        if not isinstance(x, list):
            return np.reshape(x, (1,) * (longest - ndim(x)) + shape(x))
        return np.concatenate([build(part, level + 1) for part in x], axis=longest - levels + level)

    return build(arrays, 0) if levels else np.copy(arrays)


def leaves(x):
    return [leaf for part in x for leaf in leaves(part)] if isinstance(x, list) else [x]


@signature_of(np.append)
def append(arr, values, axis=None):
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis=axis)


@signature_of(np.insert)
def insert(arr, obj, values, axis=None):
    arr, axis = flat_if_none(arr, axis)
    dims = shape(arr)
    n = dims[axis]
    values = array(values).astype(arr.dtype)
    where = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(plain(obj, "numpy.insert"))
    where = np.flatnonzero(where) if where.dtype == bool else where.astype(np.intp)
    if np.any((where < -n) | (where > n)):
        raise IndexError(f"index {obj} is out of bounds for axis {axis} with size {n}")
    if where.size == 1:  # one place, into which `values` may bring several
        values = np.reshape(values, (1,) * (len(dims) - ndim(values)) + shape(values))
        values = np.moveaxis(values, 0, axis) if where.ndim == 0 else values
        where = np.repeat(where, shape(values)[axis])
    values = np.squeeze(values, tuple(range(ndim(values) - len(dims))))
    new = np.broadcast_to(values, (*dims[:axis], where.size, *dims[axis + 1 :]))
    order = np.argsort(np.concatenate([np.where(where < 0, where + n, where), np.arange(n) + 0.5]), kind="stable")
    return np.take(np.concatenate([new, arr], axis=axis), order, axis=axis)


# ---- apart ----------------------------------------------------------------------------------------------------------


@signature_of(np.delete)
def delete(arr, obj, axis=None):
    arr, axis = flat_if_none(arr, axis)
    rest = np.delete(np.arange(arr.shape[axis]), obj if isinstance(obj, slice) else plain(obj, "numpy.delete"))
    return np.take(arr, rest, axis=axis)


@signature_of(np.array_split)
def array_split(ary, indices_or_sections, axis=0):
    ary = array(ary)
    axis = one_axis(axis, ary.ndim)
    n = ary.shape[axis]
    if np.ndim(indices_or_sections) == 0:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extras = divmod(n, sections)
        ends = np.cumsum([each + 1] * extras + [each] * (sections - extras)).tolist()
        starts = [0, *ends[:-1]]
    else:
        cuts = [int(i) for i in indices_or_sections]
        starts, ends = [0, *cuts], [*cuts, n]
    return [ary[along(axis, slice(a, b))] for a, b in zip(starts, ends, strict=True)]


@signature_of(np.split)
def split(ary, indices_or_sections, axis=0):
    if np.ndim(indices_or_sections) == 0 and shape(ary)[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return np.array_split(ary, indices_or_sections, axis)


def split_along(name, least, axis_of):
    """np.hsplit and its kin, for arrays of at least so many axes."""

    def implementation(ary, indices_or_sections):
        if ndim(ary) < least:
            raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
        return np.split(ary, indices_or_sections, axis=axis_of(ndim(ary)))

    return implementation


signature_of(np.vsplit)(split_along("vsplit", 2, lambda n: 0))
signature_of(np.hsplit)(split_along("hsplit", 1, lambda n: 1 if n > 1 else 0))
signature_of(np.dsplit)(split_along("dsplit", 3, lambda n: 2))


@signature_of(np.unstack)
def unstack(x, /, *, axis=0):
    if not ndim(x):
        raise ValueError("Input array must be at least 1-d.")
    return tuple(np.moveaxis(x, axis, 0))


# ---- over and over --------------------------------------------------------------------------------------------------


@signature_of(np.tile)
def tile(A, reps):
    reps = dims_of(reps)
    n = max(len(reps), ndim(A))
    reps = (1,) * (n - len(reps)) + reps
    dims = (1,) * (n - ndim(A)) + shape(A)
    A = np.reshape(A, tuple(k for d in dims for k in (1, d)))
    A = np.broadcast_to(A, tuple(k for r, d in zip(reps, dims, strict=True) for k in (r, d)))
    return np.copy(np.reshape(A, tuple(r * d for r, d in zip(reps, dims, strict=True))))


@signature_of(np.repeat)
def repeat(a, repeats, axis=None):
    a, axis = flat_or_number(a, axis)
    counts = np.asarray(plain(repeats, "numpy.repeat"))
    if counts.ndim:
        return np.take(a, np.repeat(np.arange(shape(a)[axis]), counts), axis=axis)
    dims = a.shape
    a = np.broadcast_to(np.expand_dims(a, axis + 1), (*dims[: axis + 1], int(counts), *dims[axis + 1 :]))
    return np.copy(np.reshape(a, (*dims[:axis], dims[axis] * int(counts), *dims[axis + 1 :])))


@signature_of(np.resize)
def resize(a, new_shape):
    dims = dims_of(new_shape)
    flat, count = np.ravel(a), math.prod(dims)
    if any(n < 0 for n in dims):
        raise ValueError("all elements of `new_shape` must be non-negative")
    if flat.size == 0 or count == 0:
        return np.zeros_like(flat, shape=dims)
    return np.reshape(flat[np.arange(count) % flat.size], dims)

"""Choosing elements, by position or by condition, and writing into them."""

from typing import Any

import numpy as np

from ...core.trace import bind, concrete, operand
from .. import selections
from ..indexing import read_part
from .creation import nested
from .tools import (
    all_axes,
    along,
    array,
    common_dtype,
    constant_function,
    flat_if_none,
    flat_or_number,
    into,
    ndim,
    one_axis,
    plain,
    shape,
    signature_of,
    written_into,
)

# ---- by position ----------------------------------------------------------------------------------------------------


@signature_of(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    a, axis = flat_or_number(a, axis)
    indices = within(indices, a.shape[axis], mode, "numpy.take")
    return into(out, read_part(a, along(axis, indices)), "numpy.take")


def within(indices, n, mode, what):
    """Positions along an axis of length n, by the keyword mode=."""
    indices = array(indices)
    if indices.dtype.kind not in "iub" and indices.size:
        raise TypeError(f"{what}: positions are integers; those given have dtype {indices.dtype}")
    if mode == "wrap":
        return np.remainder(indices, n)
    if mode == "clip":
        return np.minimum(np.maximum(indices, 0), n - 1)
    if mode != "raise":
        raise ValueError(f"{what}: mode must be 'raise', 'wrap' or 'clip'; it is {mode!r}")
    return indices


def along_axis(dims, indices, axis):
    """The index that reads, or writes, for each place along all other axes its own `indices` along `axis`."""
    places = np.ogrid[tuple(slice(n) for n in dims)] if len(dims) > 1 else [np.arange(dims[0])]
    return tuple(indices if i == axis else place for i, place in enumerate(places))


@signature_of(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    arr, axis = flat_if_none(arr, axis)
    if ndim(indices) != ndim(arr):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return read_part(arr, along_axis(arr.shape, indices, axis))


@signature_of(np.compress)
def compress(condition, a, axis=None, out=None):
    chosen = np.flatnonzero(concrete(condition, "numpy.compress"))
    return into(out, np.take(a, chosen, axis=axis), "numpy.compress")


@signature_of(np.extract)
def extract(condition, arr):
    return np.take(np.ravel(arr), np.flatnonzero(concrete(condition, "numpy.extract")))


@signature_of(np.trim_zeros)
def trim_zeros(filt, trim="fb", axis=None):
    trim = trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    if not ndim(filt):
        return filt
    index = [slice(None)] * ndim(filt)
    for i, places in enumerate(np.nonzero(filt)):
        if i in all_axes(axis, ndim(filt)):
            first, last = (places.min(), places.max()) if len(places) else (0, -1)
            index[i] = slice(first if "f" in trim or not len(places) else None, last + 1 if "b" in trim else None)
    return filt[tuple(index)]


def places_of(function):
    """Where there is something other than zero; a recorded graph asks only for that, not for the values."""

    def implementation(a):
        return function(plain(np.not_equal(a, 0), f"numpy.{function.__name__}"))

    return implementation


for function in (np.nonzero, np.flatnonzero, np.argwhere):
    signature_of(function)(places_of(function))

constant_function(np.isin)


# ---- by condition ---------------------------------------------------------------------------------------------------


@signature_of(np.where)
def where(condition, x=None, y=None, /):
    if x is None and y is None:
        return np.nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    return bind(selections.where, operand(condition), operand(x), operand(y))


@signature_of(np.select)
def select(condlist, choicelist, default=0):
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            f"numpy.select: as many choices as conditions are needed, at least one; there are {len(choicelist)} "
            f"choices and {len(condlist)} conditions"
        )
    choices = [operand(choice) for choice in (*choicelist, default)]
    dtype = common_dtype(*choices)
    *choices, y = (array(choice).astype(dtype) for choice in choices)
    for i, (condition, choice) in reversed(list(enumerate(zip(condlist, choices, strict=True)))):
        condition = array(condition)
        if condition.dtype != bool:
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
        y = bind(selections.where, condition, choice, y)
    return y


@signature_of(np.choose)
def choose(a, choices, out=None, mode="raise"):
    parts = [operand(c) for c in choices]
    index = within(a, len(parts), mode, "numpy.choose")
    if mode == "raise" and np.any((index < 0) | (index >= len(parts))):
        raise ValueError("invalid entry in choice array")
    y = parts[0]
    for k in range(1, len(parts)):
        y = bind(selections.where, index == k, parts[k], y)
    dims = np.broadcast_shapes(shape(index), *map(shape, parts))
    return into(out, y if shape(y) == dims else np.broadcast_to(y, dims), "numpy.choose")


@signature_of(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    conditions = conditions_of(condlist, ndim(x))
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(funclist) != len(conditions):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    y = np.zeros_like(x)
    for condition, f in zip(conditions, funclist, strict=True):
        # Only the elements that a branch is chosen for are given to it: elsewhere it may not be defined.
        if callable(f):
            if condition.any():
                y[condition] = f(x[condition], *args, **kw)
        else:
            y[condition] = f
    return y


def conditions_of(condlist, n):
    """The conditions of np.piecewise as plain masks; a single one may stand without a list."""
    condlist = plain(condlist, "a condition of numpy.piecewise (np.where keeps the shape)")
    if np.ndim(condlist) == 0 or (n and np.ndim(condlist[0]) == 0):
        condlist = [condlist]
    return [np.asarray(c, bool) for c in condlist]


# ---- writing --------------------------------------------------------------------------------------------------------


@signature_of(np.copyto)
def copyto(dst, src, casting: Any = "same_kind", where=True):
    dst, src = written_into(dst, "numpy.copyto"), operand(src)
    if not isinstance(src, int | float | complex) and not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule {casting!r}")
    src = np.broadcast_to(src, dst.shape)
    dst[...] = src if where is True else np.where(where, src, dst)


@signature_of(np.put)
def put(a, ind, v, mode="raise"):
    a = written_into(a, "numpy.put")
    places = np.ravel(plain(ind, "numpy.put"))
    if places.size and not a.size:
        raise IndexError("cannot replace elements of an empty array")
    places = within(places, a.size, mode, "numpy.put")
    write_flat(a, places, repeated(v, places.size))


@signature_of(np.place)
def place(arr, mask, vals):
    arr = written_into(arr, "numpy.place")
    places = np.flatnonzero(plain(of_one_size(arr, mask, "numpy.place"), "numpy.place"))
    if len(places):
        if not np.size(nested(vals)):
            raise ValueError("Cannot insert from an empty array!")
        write_flat(arr, places, repeated(vals, len(places)))


@signature_of(np.putmask)
def putmask(a, mask, values):
    a = written_into(a, "numpy.putmask")
    mask, values = of_one_size(a, mask, "numpy.putmask"), nested(values)
    if not values.size:
        return
    if values.ndim:
        values = np.reshape(np.resize(values, a.size), a.shape)
    a[...] = np.where(np.reshape(mask, a.shape), values, a)


def of_one_size(a, mask, function):
    if np.size(mask) != a.size:
        raise ValueError(f"{function}: mask and data must be of one size; got {np.size(mask)} and {a.size}")
    return mask


def write_flat(a, places, values):
    """Does `a.flat[places] = values`."""
    if not np.size(places) or not np.size(values):
        return
    if np.min(places) < -a.size or np.max(places) >= a.size:
        wrong = places[(places < -a.size) | (places >= a.size)][0]
        raise IndexError(f"index {wrong} is out of bounds for size {a.size}")
    if a.shape:
        a[np.unravel_index(np.where(places < 0, places + a.size, places), a.shape)] = values
    else:  # NumPy unravels nothing of an array without axes; of several values the last one stays
        a[()] = values[-1] if np.shape(values) else values


def repeated(values, count):
    """`values` over and over, until there are `count`."""
    values = nested(values)
    return np.resize(values, count) if values.ndim and values.size else values


@signature_of(np.put_along_axis)
def put_along_axis(arr, indices, values, axis):
    arr = written_into(arr, "numpy.put_along_axis")
    indices = plain(indices, "numpy.put_along_axis")
    if axis is not None:
        arr[along_axis(arr.shape, indices, one_axis(axis, ndim(arr)))] = values
    elif indices.ndim != 1:
        raise ValueError("when axis=None, `indices` must have a single dimension.")
    else:
        write_flat(arr, indices, np.broadcast_to(values, indices.shape))


@signature_of(np.fill_diagonal)
def fill_diagonal(a, val, wrap=False):
    a = written_into(a, "numpy.fill_diagonal")
    mask = np.zeros(a.shape, bool)
    np.fill_diagonal(mask, True, wrap)
    places = np.flatnonzero(mask)
    write_flat(a, places, repeated(val, len(places)))

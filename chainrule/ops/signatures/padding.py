"""np.pad in all its modes, one axis after the other."""

import numpy as np

from ...core.trace import Tracer, bind
from ..indexing import put
from .creation import nested
from .tools import along, array, is_inexact, signature_of

KEYWORDS = {
    "constant": "constant_values",
    "linear_ramp": "end_values",
    "maximum": "stat_length",
    "mean": "stat_length",
    "median": "stat_length",
    "minimum": "stat_length",
    "reflect": "reflect_type",
    "symmetric": "reflect_type",
    "edge": None,
    "wrap": None,
    "empty": None,
}


@signature_of(np.pad)
def pad(array_, pad_width, mode="constant", **kwargs):
    a = array(array_)
    given = list(pad_width.values()) if isinstance(pad_width, dict) else [pad_width]
    if not isinstance(pad_width, dict) and not np.size(pad_width):
        raise TypeError("`pad_width` must be of integral type.")
    widths = pairs(pad_width, a.ndim)
    if any(np.min(width, initial=0) < 0 for width in given):
        raise ValueError("index can't contain negative values")
    if callable(mode):
        return by_function(a, widths, mode, kwargs)
    if mode not in KEYWORDS:
        raise ValueError(f"mode '{mode}' is not supported")
    option = kwargs.pop(KEYWORDS[mode], None)
    if kwargs:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {set(kwargs)}")
    if mode in ("constant", "empty"):
        return with_constants(a, widths, 0 if option is None else option)
    options = [option] * a.ndim if KEYWORDS[mode] in (None, "reflect_type") else pairs(option, a.ndim)
    for axis, (before, after) in enumerate(widths):
        if before or after:
            if not a.shape[axis]:
                raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
            a = MODES[mode](a, axis, before, after, options[axis])
    return a


def pairs(value, n):
    """What to use before and after each axis, from a number, a pair, or a pair per axis; of a dict the default is 0."""
    if isinstance(value, dict):
        found = [(0, 0)] * n
        for axis, pair in value.items():
            found[axis] = tuple(np.broadcast_to(pair, 2).tolist())
        return found
    if value is None:
        return [(None, None)] * n
    whole = np.broadcast_to(nested(value), (n, 2))
    return [(row[0], row[1]) for row in whole] if isinstance(whole, Tracer) else [tuple(r) for r in whole.tolist()]


def with_constants(x, widths, values):
    """Zeros with `x` inside, or other constants: the last axis fills the corners."""
    inner = tuple(slice(b, b + n) for n, (b, _) in zip(x.shape, widths, strict=True))
    total = tuple(n + b + a for n, (b, a) in zip(x.shape, widths, strict=True))
    if isinstance(values, int | float) and values == 0:
        return bind(put, x, index=inner, shape=total)
    for axis, (width, ends) in enumerate(zip(widths, pairs(values, x.ndim), strict=True)):
        x = framed(x, axis, *(np.broadcast_to(v, thick(x, axis, k)) for v, k in zip(ends, width, strict=True)))
    return x


def thick(x, axis, width):
    """The shape of `x` with another length along one axis."""
    return (*x.shape[:axis], width, *x.shape[axis + 1 :])


def framed(x, axis, before, after):
    return np.concatenate([before.astype(x.dtype), x, after.astype(x.dtype)], axis=axis)


# ---- the modes, along one axis: what stands there is made of what is there ------------------------------------------


def moved(mode):
    """Elements that stand elsewhere already: NumPy says where by padding their positions."""

    def implementation(x, axis, before, after, option):
        if option == "odd" and x.shape[axis] > 1:
            return mirrored(x, axis, before, after, mode == "symmetric")
        if option not in (None, "even", "odd"):
            raise ValueError(f"numpy.pad: reflect_type must be 'even' or 'odd'; it is {option!r}")
        return np.take(x, np.pad(np.arange(x.shape[axis]), (before, after), mode=mode), axis=axis)

    return implementation


def mirrored(x, axis, before, after, with_edge):
    """Reflection in the point at the edge, again and again where one is not long enough."""
    n, skip = x.shape[axis], 0 if with_edge else 1
    while before or after:
        length = x.shape[axis]
        reach = length // n * n if with_edge else (length - 1) // (n - 1) * (n - 1)
        left, right = min(reach, before), min(reach, after)
        starts = np.flip(x[along(axis, slice(skip, skip + left))], axis)
        ends = np.flip(x[along(axis, slice(length - skip - right, length - skip))], axis)
        first, last = x[along(axis, slice(0, 1))], x[along(axis, slice(length - 1, length))]
        x = np.concatenate([2 * first - starts, x, 2 * last - ends], axis=axis)
        before, after = before - left, after - right
    return x


def ramp(x, axis, before, after, option):
    """From the edge on straight to the end value, which is reached at the last element."""
    first, last = (0 if end is None else end for end in option)
    edge = x[along(axis, 0)], x[along(axis, x.shape[axis] - 1)]
    left = np.linspace(first, edge[0], before, endpoint=False, dtype=x.dtype, axis=axis)
    right = np.flip(np.linspace(last, edge[1], after, endpoint=False, dtype=x.dtype, axis=axis), axis)
    return framed(x, axis, left, right)


def statistic(function):
    """A statistic of some of the elements next to the edge, or of all."""

    def implementation(x, axis, before, after, option):
        n = x.shape[axis]
        left, right = (n if k is None else min(k, n) for k in option)
        ends = x[along(axis, slice(None, left))], x[along(axis, slice(n - right, None))]
        if not (left and right) and function in (np.max, np.min):
            raise ValueError("stat_length of 0 yields no value for padding")
        found = [function(part, axis=axis, keepdims=True) for part in ends]
        found = found if is_inexact(x) else [np.rint(v) for v in found]
        wide = (np.broadcast_to(v, thick(x, axis, k)) for v, k in zip(found, (before, after), strict=True))
        return framed(x, axis, *wide)

    return implementation


MODES = {
    "edge": moved("edge"),
    "wrap": moved("wrap"),
    "reflect": moved("reflect"),
    "symmetric": moved("symmetric"),
    "linear_ramp": ramp,
    "maximum": statistic(np.max),
    "minimum": statistic(np.min),
    "mean": statistic(np.mean),
    "median": statistic(np.median),
}


def by_function(a, widths, function, kwargs):
    """The user's function fills in the edges of each row of an array padded with zeros, in place."""
    y = with_constants(a, widths, 0)
    for axis in range(y.ndim):
        rows = np.moveaxis(y, axis, -1)
        for i in np.ndindex(*rows.shape[:-1]):
            row = rows[i]
            function(row, np.asarray(widths[axis]), axis, kwargs)
            rows[i] = row
    return y

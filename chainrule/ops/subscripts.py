"""What stands between the brackets of `x[index]`.

An index is held as a tuple with one entry per axis read or made: integers, slices, None, and ARRAY where an index
array stands; the arrays themselves are arguments of the operations, since they may be traced (a batch of them, say).
"""

import operator
from functools import cache

import numpy as np

from ..core.errors import LostGradientError, user_line
from ..core.primitive import Kept
from ..core.trace import Tracer, aval_of, concrete
from .families import pad_axes


class _Array:
    """Marks the place of an index array."""

    def __repr__(self):
        return "ARRAY"


ARRAY = _Array()


def fill_in(index, arrays):
    """The index as NumPy takes it."""
    if not arrays:
        return index
    arrays = iter(arrays)
    return tuple(next(arrays) if i is ARRAY else i for i in index)


def parse(index, shape):
    """`index` as (entries, arrays), with Ellipsis written out and masks turned into the positions they select."""
    if type(index) is int:
        return (index,), []
    if type(index) is slice:
        return (plain_slice(index),), []
    items = list(index) if isinstance(index, tuple) else [index]
    entries, arrays, masks = [], [], {}
    for item in items:
        if item is None or item is Ellipsis or isinstance(item, slice):
            entries.append(item if not isinstance(item, slice) else plain_slice(item))
        elif isinstance(item, bool | np.bool_) or (getattr(item, "shape", None) == () and item.dtype == bool):
            entries.append(bool(item))
        elif isinstance(item, int | np.integer):
            entries.append(int(item))
        else:
            if aval_of(item).dtype == np.bool_:
                masks[len(arrays)] = np.shape(item)
            for array in index_arrays(item):
                entries.append(ARRAY)  # also of one position: the result is a copy, where an integer makes a view
                arrays.append(array)
    used = sum(1 for e in entries if e is not None and e is not Ellipsis and not isinstance(e, bool))
    if Ellipsis in [e for e in entries if e is not ARRAY]:
        at = next(i for i, e in enumerate(entries) if e is Ellipsis)
        if len(shape) > used or not stands_between(at, entries):
            entries[at : at + 1] = [slice(None)] * (len(shape) - used)
    check_masks(masks, entries, shape)
    return tuple(entries), arrays


def check_masks(masks, entries, shape):
    """Raises, as NumPy does, where a mask does not fit; `masks` has their shapes by the first of their positions."""
    axis = count = 0
    for entry in entries:
        if entry is ARRAY:
            for i, n in enumerate(masks.get(count, ())):
                if axis + i < len(shape) and shape[axis + i] != n:
                    raise IndexError(
                        f"boolean index did not match indexed array along axis {axis + i}; size of axis is "
                        f"{shape[axis + i]} but size of corresponding boolean axis is {n}"
                    )
            count += 1
        axis += entry is ARRAY or isinstance(entry, slice) or type(entry) is int


def stands_between(at, entries):
    """Whether the Ellipsis at `at` separates positions: even for no axes at all it makes NumPy put theirs first."""
    return all(any(e is ARRAY or type(e) is int for e in side) for side in (entries[:at], entries[at + 1 :]))


def plain_slice(s):
    """A slice of Python integers: traced whole numbers (the result of np.argmax under a recorder, say) are read."""
    if type(s.start) in _PLAIN and type(s.stop) in _PLAIN and type(s.step) in _PLAIN:
        return s
    return slice(*(None if v is None else operator.index(v) for v in (s.start, s.stop, s.step)))


_PLAIN = frozenset({int, type(None)})


def index_arrays(item):
    """An index array, or the arrays of positions that a boolean mask stands for."""
    item = item if isinstance(item, Tracer) else np.asarray(item)
    if isinstance(item, Tracer) and item.dtype.kind not in "bui":
        raise LostGradientError(
            f"a traced array of dtype {item.dtype} was used as an index (at {user_line()}): indices are integers; "
            "use stop_gradient(i).astype(int), or interpolate if the position itself is to be differentiated"
        )
    if item.dtype.kind == "b":
        return list(np.nonzero(concrete(item, "a boolean mask as an index (np.where keeps the shape)")))
    if item.size == 0 and item.dtype.kind == "f":
        item = item.astype(np.intp)
    return [item]


def out_shape(shape, index, arrays):
    """The shape of x[index], from moving no data."""
    if len(index) == 1 and type(index[0]) is int and shape and -shape[0] <= index[0] < shape[0]:  # most often
        return shape[1:]
    blank = np.broadcast_to(np.zeros((), bool), shape)
    return blank[fill_in(index, [np.broadcast_to(np.zeros((), np.intp), np.shape(a)) for a in arrays])].shape


def keeps_from(first):
    """Of the arguments, the tape keeps the index arrays, which stand from position `first` on."""

    @cache
    def saves(wanted):
        return Kept(tuple(i >= first for i in range(len(wanted))), False)

    return saves


# ---- numbers of an index as arguments ---------------------------------------------------------------------------


def as_arguments(slices, shape, index, arrays):
    """The same index with an array for each of its whole numbers; for the slices, too, if `slices`, where it can be."""
    partial = any(isinstance(e, slice) and e != slice(None) for e in index)
    if slices and partial and not arrays and all(isinstance(e, slice) or type(e) is int for e in index):
        index = (*index, *(slice(None),) * (len(shape) - len(index)))
        count = sum(isinstance(e, slice) for e in index)
        found, place = [], 0
        for e, n in zip(index, shape, strict=True):
            if isinstance(e, slice):
                found.append(np.arange(n)[e].reshape(-1, *(1,) * (count - place - 1)))
                place += 1
            else:
                found.append(np.intp(e))
        return (ARRAY,) * len(index), found
    arrays = iter(arrays)
    found = [next(arrays) if e is ARRAY else np.intp(e) for e in index if e is ARRAY or type(e) is int]
    return tuple(ARRAY if type(e) is int else e for e in index), found


def places_from(first, shape_of):
    """The field `places` of an operation whose index arrays stand from position `first` on."""

    def places(slices, *x, index, **params):
        entries, arrays = as_arguments(slices, shape_of(x[0], params), index, x[first:])
        return (*x[:first], *arrays), params | {"index": entries}

    return places


# ---- a batch axis in front ------------------------------------------------------------------------------------


def advanced_position(index, shapes):
    """Where the axes of the index arrays stand in x[index], and how many there are."""
    where = [i for i, e in enumerate(index) if e is ARRAY or type(e) is int]
    count = len(np.broadcast_shapes(*shapes))
    if where[-1] - where[0] + 1 != len(where):  # NumPy puts them first when something stands between them
        return 0, count
    return sum(1 for e in index[: where[0]]), count


def batched_index(x_batched, arrays_batched, n, index, arrays):
    """The index that reads every example at once, and where the batch axis is in what it reads."""
    if not any(arrays_batched):
        index = (slice(None), *index)
        if not arrays:
            return index, arrays, 0
        position, count = advanced_position(index, [np.shape(a) for a in arrays])
        return index, arrays, count if position == 0 else 0
    shapes = [np.shape(a)[1:] if on else np.shape(a) for a, on in zip(arrays, arrays_batched, strict=True)]
    count = len(np.broadcast_shapes(*shapes))
    arrays = [pad_axes(a, count) if on else a for a, on in zip(arrays, arrays_batched, strict=True)]
    position, _ = advanced_position(index, shapes)
    if x_batched:
        arrays = [np.arange(n).reshape(n, *(1,) * count), *arrays]
        # All advanced indices together, the batch first; NumPy then puts their axes in front.
        return (ARRAY, *index), arrays, ("front", position, count)
    return index, arrays, position


def to_front(y, at):
    """Brings the batch axis of what a batched index reads to axis 0."""
    if isinstance(at, tuple):
        _, position, count = at
        return np.moveaxis(y, range(1, 1 + count), range(1 + position, 1 + position + count)) if position else y
    return np.moveaxis(y, at, 0) if at else y


def from_front(y, at):
    """The inverse of `to_front`."""
    if isinstance(at, tuple):
        _, position, count = at
        return np.moveaxis(y, range(1 + position, 1 + position + count), range(1, 1 + count)) if position else y
    return np.moveaxis(y, 0, at) if at else y

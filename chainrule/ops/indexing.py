"""Reading and writing parts of an array: `x[index]`, its transpose, and `x[index] = v`.

An index is held as a tuple with one entry per axis read or made: integers, slices, None, and ARRAY where an index
array stands; the arrays themselves are arguments, since they may be traced (a batch of them, say).
"""

import math
import operator
from functools import cache

import numpy as np

from ..core import dependence
from ..core.accumulate import Cleared, Scattered
from ..core.errors import LostGradientError, user_line
from ..core.memory import fresh, read, refresh, view, written
from ..core.primitive import Aval, Kept, Part, Primitive, register
from ..core.trace import FRONT_ENDS, Tracer, aval_of, bind, concrete, dtype_of
from .families import cast, pad_axes, stretched_index


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


# ---- x[index] ---------------------------------------------------------------------------------------------------


def getitem_impl(x, *arrays, index, copy):
    y = x[fill_in(index, arrays)]
    return y.copy() if copy else y


def getitem_vjp(wanted, ct, y, x, *arrays, index, copy):
    def add(total):
        add_at(total, index, arrays, ct)

    shape, read = x.shape, ct.shape  # and not the arrays: what marks is kept for longer

    def mark(support, own):
        where = fill_in(index, arrays)
        if isinstance(own, Tracer) or isinstance(support, Tracer):
            own = np.ones(read) if own is None else own.astype(float)
            return support | (bind(put, own, *arrays, index=index, shape=shape) != 0)
        if own is None:
            support[where] = True
        else:
            np.logical_or.at(support, where, own)
        return support

    # Traced positions make a traced result, which the sum that is added to need not be.
    traced = any(isinstance(a, Tracer) for a in arrays)
    ct_x = bind(put, ct, *arrays, index=index, shape=x.shape) if traced else Scattered(ct, shape, add, mark)
    return (ct_x, *(None,) * len(arrays))


def getitem_batch(is_batched, x, *arrays, index, copy):
    n = next(np.shape(a)[0] for a, on in zip((x, *arrays), is_batched, strict=True) if on)
    index, arrays, at = batched_index(is_batched[0], is_batched[1:], n, index, arrays)
    return to_front(bind(getitem, x, *arrays, index=index, copy=copy), at)


def getitem_sparsity(deps, x, *arrays, index, copy):
    return getitem_batch((True,) + (False,) * len(arrays), deps[0], *arrays, index=index, copy=False)


def source(body, i, shape, index, arrays):
    """Where the element of x[index] at i stands in x, of this shape: along each axis an index, or a computed number."""
    index, i, found = whole(index, shape), list(i), iter(())
    if arrays:
        wide = np.broadcast_shapes(*(a.shape for a in arrays))
        first = advanced_position(index, [a.shape for a in arrays])[0]
        chosen = tuple(i[first : first + len(wide)])
        del i[first : first + len(wide)]
        found = iter([a(stretched_index(chosen, a.shape)) for a in arrays])
    at, rest = [], iter(i)
    for e in index:
        if e is None:
            next(rest)
        elif isinstance(e, slice):
            start, _, step = e.indices(shape[len(at)])
            at.append(next(rest) * step + start)
        else:
            at.append(body.position(next(found), shape[len(at)]) if e is ARRAY else e % shape[len(at)])
    return tuple(at)


def whole(index, shape):
    """`index` with an entry for every axis of x."""
    if any(isinstance(e, bool) for e in index):
        raise NotImplementedError("an index of True or False")
    return (*index, *(slice(None),) * (len(shape) - sum(e is not None for e in index)))


def part_at(index, shape, value, arrays, add):
    """The part of x, of this shape, that writes `value(body, i)` at x[index], i being an index of x[index]."""
    index = whole(index, shape)
    if arrays:
        wide = out_shape(shape, index, arrays)
        return Part(wide, value, places=lambda body, i: source(body, i, shape, index, arrays), add=add)
    entries = [e for e in index if e is not None]
    axes = [range(n)[e] if isinstance(e, slice) else [e % n] for e, n in zip(entries, shape, strict=True)]

    def of_box(body, j):
        at = iter(j)
        i = [0 if e is None else next(at) for e in index]
        return value(body, tuple(k for k, e in zip(i, index, strict=True) if e is None or isinstance(e, slice)))

    step = [a.step if isinstance(a, range) else 1 for a in axes]
    start = [a[0] if len(a) else 0 for a in axes]
    return Part(tuple(map(len, axes)), of_box, tuple(start), tuple(step), add=add)


def put_parts(ct, *arrays, index, shape):
    nothing = Part(shape, lambda body, j: body.zero(ct.dtype), (0,) * len(shape), (1,) * len(shape))
    return [nothing, part_at(index, shape, lambda body, i: ct(i), arrays, add=bool(arrays))]


def setitem_parts(x, v, *arrays, index, in_place):
    def value(body, i):
        extra = len(v.shape) - len(i)  # assignment drops leading axes of 1
        at = stretched_index(i, v.shape[extra:]) if extra > 0 else stretched_index(i, v.shape)
        return body.cast(v((0,) * extra + at), x.dtype)

    before = Part(x.shape, lambda body, j: x(j), (0,) * len(x.shape), (1,) * len(x.shape))
    return [before, part_at(index, x.shape, value, arrays, add=False)]


def getitem_element(body, i, x, *arrays, index, copy):
    return x(source(body, i, x.shape, index, arrays))


getitem = register(
    Primitive(
        "getitem",
        impl=getitem_impl,
        aval=lambda x, *arrays, index, copy: Aval(out_shape(x.shape, index, arrays), x.dtype),
        jvp=lambda tangents, y, x, *arrays, index, copy: bind(getitem, tangents[0], *arrays, index=index, copy=copy),
        vjp=getitem_vjp,
        saves=keeps_from(1),
        batch=getitem_batch,
        sparsity=getitem_sparsity,
        element=getitem_element,
        zeros="move",
        moves=True,
        places=places_from(1, lambda x, params: x.shape),
    )
)

# ---- its transpose: zeros with `ct` added at index ----------------------------------------------------------------


def put_impl(ct, *arrays, index, shape):
    total = np.zeros(shape, ct.dtype)
    add_at(total, index, arrays, ct)
    return total


def add_at(total, index, arrays, ct):
    """total[index] += ct, every time an element is met."""
    if isinstance(total, Tracer) and arrays:
        total += bind(put, ct, *arrays, index=index, shape=total.shape)
    elif isinstance(total, Tracer):
        total[index] = total[index] + ct
    elif arrays:
        scatter(total, fill_in(index, arrays), ct)
    else:
        total[index] += ct


MANY = 1000
"""From how many elements on `np.add.at` is so much quicker along one axis that it pays to look for their positions."""


def scatter(total, where, ct):
    """np.add.at(total, where, ct)."""
    if ct.size < max(MANY, total.size // 8) or not total.flags.c_contiguous:
        np.add.at(total, where, ct)
    else:
        positions = np.arange(total.size).reshape(total.shape)[where]
        np.add.at(total.reshape(-1), positions.ravel(), ct.ravel())


def put_batch(is_batched, ct, *arrays, index, shape):
    n = next(np.shape(a)[0] for a, on in zip((ct, *arrays), is_batched, strict=True) if on)
    if not is_batched[0]:
        ct = np.broadcast_to(ct, (n, *np.shape(ct)))
    index, arrays, at = batched_index(True, is_batched[1:], n, index, arrays)
    return bind(put, from_front(ct, at), *arrays, index=index, shape=(n, *shape))


def arrivals(places):
    """The how-manieth arrival in its place each one is, from 0."""
    turn = np.zeros(len(places), np.intp)
    order = np.argsort(places, kind="stable")
    first = np.diff(places[order], prepend=-1) != 0
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    turn[order] = np.arange(len(order)) - starts
    return turn


def put_sparsity(deps, ct, *arrays, index, shape):
    """Element by element, since several may land in one place."""
    d = deps[0]
    target = np.arange(math.prod(shape)).reshape(shape)[fill_in(index, arrays)].ravel()
    columns = d.reshape(len(d), target.size)
    turn = arrivals(target)
    parts = []
    for k in range(int(turn.max(initial=-1)) + 1):
        part = np.zeros((len(d), math.prod(shape)), np.intp)
        part[:, target[turn == k]] = columns[:, turn == k]
        parts.append(part.reshape(len(d), *shape))
    return dependence.union(parts, shape)


put = register(
    Primitive(
        "put",
        impl=put_impl,
        aval=lambda ct, *arrays, index, shape: Aval(shape, ct.dtype),
        jvp=lambda tangents, y, ct, *arrays, index, shape: bind(put, tangents[0], *arrays, index=index, shape=shape),
        vjp=lambda wanted, ct, y, x, *arrays, index, shape: (
            bind(getitem, ct, *arrays, index=index, copy=False),
            *(None,) * len(arrays),
        ),
        saves=keeps_from(1),
        batch=put_batch,
        sparsity=put_sparsity,
        parts=put_parts,
        places=places_from(1, lambda ct, params: params["shape"]),
    )
)


# ---- x with x[index] replaced by v ---------------------------------------------------------------------------------


def setitem_impl(x, v, *arrays, index, in_place):
    if not in_place:
        x = np.array(x)
    x[fill_in(index, arrays)] = v
    return x


def survivors(shape, index, arrays):
    """Which of the elements written at `index` are still there afterwards: of repeated ones, the last."""
    written = out_shape(shape, index, arrays)
    turn = np.arange(math.prod(written)).reshape(written)
    place = bind(setitem, np.zeros(shape, np.intp), turn, *arrays, index=index, in_place=True)
    return bind(getitem, place, *arrays, index=index, copy=True) == turn


def setitem_jvp(tangents, y, x, v, *arrays, index, in_place):
    tx, tv = tangents[:2]
    if tx is None:
        tx, in_place = np.zeros(x.shape, y.dtype), False
    tv = np.zeros((), y.dtype) if tv is None else tv
    return bind(setitem, tx, tv, *arrays, index=index, in_place=in_place)


def setitem_vjp(wanted, ct, y, x, v, *arrays, index, in_place):
    ct_v = None
    if wanted[1]:
        ct_v = bind(getitem, ct, *arrays, index=index, copy=True)
        if any(math.prod(a.shape) > 1 for a in arrays):
            alive = survivors(x.shape, index, arrays)
            if isinstance(alive, Tracer) or not alive.all():
                ct_v = np.where(alive, ct_v, np.zeros((), ct.dtype))
        ct_v = sum_to(ct_v, v)

    def clear(total):
        total[fill_in(index, arrays)] = 0

    if not wanted[0]:
        ct_x = None
    elif any(isinstance(a, Tracer) for a in arrays):
        ct_x = bind(setitem, ct, np.zeros((), ct.dtype), *arrays, index=index, in_place=False)
    else:
        ct_x = Cleared(ct, clear)
    return (ct_x, ct_v, *(None,) * len(arrays))


def sum_to(ct, v):
    """`ct` summed to the shape of `v`, which assignment broadcasts, dropping leading axes of 1 if need be."""
    shape = v.shape
    while len(shape) > len(ct.shape):
        shape = shape[1:]
    lead = len(ct.shape) - len(shape)
    stretched = [lead + i for i, n in enumerate(shape) if n == 1 and ct.shape[lead + i] != 1]
    axes = (*range(lead), *stretched)
    return cast(np.reshape(np.sum(ct, axis=axes) if axes else ct, v.shape), v.dtype)


def setitem_batch(is_batched, x, v, *arrays, index, in_place):
    n = next(np.shape(a)[0] for a, on in zip((x, v, *arrays), is_batched, strict=True) if on)
    if not is_batched[0]:
        x, in_place = np.broadcast_to(x, (n, *np.shape(x))), False
    shapes = [np.shape(a)[1:] if on else np.shape(a) for a, on in zip(arrays, is_batched[2:], strict=True)]
    target = out_shape(np.shape(x)[1:], index, [np.zeros(s, np.intp) for s in shapes])
    extra = max(0, np.ndim(v) - is_batched[1] - len(target))  # assignment drops leading axes of 1
    if is_batched[1]:
        v = np.reshape(v, (n, *np.shape(v)[1 + extra :]))
        v = np.broadcast_to(pad_axes(v, len(target)), (n, *target))
    else:
        v = np.broadcast_to(np.reshape(v, np.shape(v)[extra:]), (n, *target))
    index, arrays, at = batched_index(True, is_batched[2:], n, index, arrays)
    return bind(setitem, x, from_front(v, at), *arrays, index=index, in_place=in_place)


def setitem_sparsity(deps, x, v, *arrays, index, in_place):
    old = dependence.nothing(x.shape) if deps[0] is None else deps[0]
    target = out_shape(x.shape, index, arrays)
    new = dependence.nothing(target) if deps[1] is None else deps[1]
    extra = max(0, new.ndim - 1 - len(target))
    new = new.reshape(len(new), *new.shape[1 + extra :])
    inner = new.shape[1:][max(0, new.ndim - 1 - len(target)) :]  # assignment drops leading axes of 1
    new = np.broadcast_to(new.reshape(len(new), *(1,) * (len(target) - len(inner)), *inner), (len(new), *target))
    depth = max(len(old), len(new))
    whole = np.concatenate([np.zeros((depth - len(old), *x.shape), np.intp), old])
    pad = np.concatenate([np.zeros((depth - len(new), *target), np.intp), new])
    return setitem_batch((True, True) + (False,) * len(arrays), whole, pad, *arrays, index=index, in_place=False)


setitem = register(
    Primitive(
        "setitem",
        impl=setitem_impl,
        aval=lambda x, v, *arrays, index, in_place: Aval(x.shape, x.dtype),
        jvp=setitem_jvp,
        vjp=setitem_vjp,
        saves=keeps_from(2),
        batch=setitem_batch,
        sparsity=setitem_sparsity,
        parts=setitem_parts,
        zeros="move",
        moves=True,
        places=places_from(2, lambda x, params: x.shape),
    )
)


# ---- what Tracer calls ----------------------------------------------------------------------------------------------


def read_part(x, index):
    """`x[index]` of a traced x, or of a plain x and a traced index."""
    if isinstance(x, Tracer) and x.memory is not None:
        refresh(x)
    entries, arrays = parse(index, np.shape(x))
    memory = x.memory if isinstance(x, Tracer) else None
    owned = memory is not None and memory.owned
    y = bind(getitem, x, *arrays, index=entries, copy=owned and not arrays)
    if memory is not None and owned:
        memory.owned = True  # y is a copy
    if arrays or not isinstance(y, Tracer):
        return y
    return view(
        y,
        x,
        remake=lambda base: bind(getitem, base, index=entries, copy=False),
        write_back=lambda base, part: overwrite(base, entries, [], part),
        key=entries,
        copied=owned,
        number=not _has_ellipsis(index),
    )


def _has_ellipsis(index):
    return index is Ellipsis or (type(index) is tuple and any(i is Ellipsis for i in index))


def write_part(x, index, value):
    """`x[index] = value` of a traced x: from now on the tracer x stands for the new array."""
    if x.memory is not None:
        refresh(x)
    entries, arrays = parse(index, np.shape(x))
    if x.shape == () and _has_ellipsis(index) and np.shape(value):
        value = np.reshape(value, ())  # NumPy takes x[...] = [1.0]; without the Ellipsis it does not
    memory = value.memory if isinstance(value, Tracer) else None
    if memory is not None and memory.base is x and memory.key == entries and fresh(value) and not arrays:
        return  # the last step of `x[i] += v`: it has been written already
    overwrite(x, entries, arrays, value)


def overwrite(x, entries, arrays, value):
    """Writes `value` into a traced x, at an index as `parse` returns it."""
    x._trace.check_writable(x)
    if x.memory is not None:
        refresh(x)
    if isinstance(value, Tracer):
        if value.memory is not None:
            read(value)
    elif not isinstance(value, np.ndarray | np.generic | int | float | complex):
        value = np.asarray(value)
    if dtype_of(value).kind == "c" and x.dtype.kind != "c":
        raise TypeError(
            f"a complex value cannot be written into an array of dtype {x.dtype} (at {user_line()}): "
            "make the array complex, np.zeros(shape, complex, like=x), or write np.real(value)"
        )
    owned = x.memory is not None and x.memory.owned
    new = bind(setitem, x, value, *arrays, index=entries, in_place=owned)
    written(x, new, owned=True)


FRONT_ENDS["getitem"] = read_part
FRONT_ENDS["setitem"] = write_part

"""Reading and writing parts of an array: `x[index]`, its transpose, and `x[index] = v`.

What an index is made of stands in subscripts.py.
"""

import math
from functools import lru_cache

import numpy as np

from ..core import slots
from ..core.accumulate import Cleared, Scattered
from ..core.errors import user_line
from ..core.memory import fresh, read, refresh, view, written
from ..core.primitive import Aval, Part, Primitive, register
from ..core.trace import FRONT_ENDS, Tracer, bind, concrete, dtype_of
from .families import cast, pad_axes, stretched_index
from .subscripts import (
    ARRAY,
    advanced_position,
    batched_index,
    fill_in,
    from_front,
    keeps_from,
    out_shape,
    parse,
    places_from,
    to_front,
)

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


def getitem_slots(wanted, y, x, *arrays, index, copy):
    ranges = as_ranges(index, x.shape)
    if ranges is not None:
        move = slots.Read(ranges)
    else:
        move = slots.ruled(getitem, positions(arrays), index=index, copy=False)
    return ((slots.Link(move),), *((),) * len(arrays))


def as_ranges(index, shape):
    """The index with its slices as ranges, one for each axis; None if it has arrays."""
    if any(e is ARRAY or isinstance(e, bool) for e in index):
        return None
    sizes = iter(shape)
    ranges = []
    for e in index:
        if e is None:
            ranges.append(None)
        else:
            n = next(sizes)
            ranges.append(range(n)[e] if isinstance(e, slice) else e % n)
    return (*ranges, *map(range, sizes))


def positions(arrays):
    """Index arrays, which must not depend on values where a pattern is to hold for all."""
    return [np.asarray(concrete(a, "an index")) for a in arrays]


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
        element=getitem_element,
        slots=getitem_slots,
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


def put_slots(wanted, y, ct, *arrays, index, shape):
    """A slot for each arrival in one place."""
    box = as_box(index, shape)
    if box is not None:
        move = slots.Placed(box)
    else:
        move = slots.gathered(senders(shape, slots.Params({"index": index}), *map(slots.Contents, positions(arrays))))
    return ((slots.Link(move),), *((),) * len(arrays))


def as_box(index, shape):
    """The part of an array that is written at `index`; None if it has arrays, or turns an axis round."""
    ranges = as_ranges(index, shape)
    if ranges is None or any(type(r) is range and r.step < 0 for r in ranges):
        return None
    return tuple(r if type(r) is range else range(r, r + 1) for r in ranges if r is not None)


@lru_cache(maxsize=8)
def senders(shape, index, *arrays):
    """For each turn, and each place of an array of `shape`, which element is put there at `index`; -1 for none."""
    for a in arrays:
        a.own()  # it stays a key
    target = np.arange(math.prod(shape)).reshape(shape)[fill_in(index.values["index"], [a.array for a in arrays])]
    turn = arrivals(target.ravel())
    source = np.full((int(turn.max(initial=-1)) + 1, math.prod(shape)), -1)
    source[turn, target.ravel()] = np.arange(target.size)
    return source.reshape(len(source), *shape)


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
        parts=put_parts,
        places=places_from(1, lambda ct, params: params["shape"]),
        slots=put_slots,
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


def setitem_slots(wanted, y, x, v, *arrays, index, in_place):
    arrays = positions(arrays)
    box = as_box(index, x.shape)
    old = new = ()
    if wanted[0] and box is not None and all(r.step <= FEW for r in box):
        old = tuple(slots.Link(slots.Chain((slots.Read(part), slots.Placed(part)))) for part in around(box, x.shape))
    elif wanted[0]:
        old = (slots.Link(slots.Mapped(cleared, (slots.Params({"index": index}), *map(slots.Contents, arrays)), True)),)
    if wanted[1]:
        target = out_shape(x.shape, index, arrays)
        inner = v.shape[max(0, len(v.shape) - len(target)) :]  # assignment drops leading axes of 1
        moves = [slots.Reshaped(v.shape, inner), slots.stretched(inner, target)]
        if box is not None:
            moves.append(slots.Placed(box))
        else:
            params = slots.Params({"index": index})
            moves.append(slots.gathered(writers(x.shape, params, *map(slots.Contents, arrays))))
        new = (slots.Link(slots.Chain(tuple(m for m in moves if m is not None))),)
    return (old, new, *((),) * len(arrays))


def around(box, shape):
    """What a box leaves of an array, in boxes."""
    if not all(box):
        yield slots.whole(shape)
        return
    for k, r in enumerate(box):
        between = (range(r.start + i, r[-1], r.step) for i in range(1, r.step))
        for side in (range(r.start), *between, range(r[-1] + 1, shape[k])):
            if side:
                yield (*box[:k], side, *map(range, shape[k + 1 :]))


FEW = 4
"""The largest step of a slice of which the rest is taken as slices too."""


def cleared(x, index, *arrays):
    """`x`, with an axis in front, and zeros at the index."""
    zero = np.zeros((), x.dtype)
    return setitem_batch(
        (True, False) + (False,) * len(arrays), x, zero, *arrays, index=index.values["index"], in_place=False
    )


@lru_cache(maxsize=8)
def writers(shape, index, *arrays):
    """For each place of an array of `shape`, which of the elements written at `index` stays there; -1 for none."""
    for a in arrays:
        a.own()
    source = np.full(shape, -1)
    where = fill_in(index.values["index"], [a.array for a in arrays])
    source[where] = np.arange(source[where].size).reshape(source[where].shape)
    return source


setitem = register(
    Primitive(
        "setitem",
        impl=setitem_impl,
        aval=lambda x, v, *arrays, index, in_place: Aval(x.shape, x.dtype),
        jvp=setitem_jvp,
        vjp=setitem_vjp,
        saves=keeps_from(2),
        batch=setitem_batch,
        parts=setitem_parts,
        slots=setitem_slots,
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

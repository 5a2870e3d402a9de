"""Structural operations: they move elements and compute nothing."""

from typing import Any

import numpy as np

from ..core import slots
from ..core.primitive import Aval, Part, Primitive, keeps_nothing, register
from ..core.trace import bind
from .families import cast, fit, spread, stretched_index, structural


def batched_shape(x, shape):
    return (x.shape[0], *shape)


reshape = structural(
    lambda x, *, shape: np.reshape(x, shape),
    name="reshape",
    transpose=lambda ct, x, *, shape: np.reshape(ct, x.shape),
    batch=lambda x, *, shape: bind(reshape, x, shape=batched_shape(x, shape)),
    element=lambda body, i, x, *, shape: x.flat(i, shape),
    move=lambda y, x, *, shape: slots.Reshaped(x.shape, y.shape),
    memory="reshape",
)


def broadcast_batch(x, *, shape):
    """(B, 1, n) -> (B, m, n): the new axes of each example go behind the batch axis."""
    inner = x.shape[1:]
    x = np.reshape(x, (x.shape[0], *(1,) * (len(shape) - len(inner)), *inner))
    return bind(broadcast_to, x, shape=batched_shape(x, shape))


broadcast_to = structural(
    lambda x, *, shape: np.broadcast_to(x, shape),
    name="broadcast_to",
    transpose=lambda ct, x, *, shape: fit(ct, x),
    batch=broadcast_batch,
    element=lambda body, i, x, *, shape: x(stretched_index(i, x.shape)),
    move=lambda y, x, *, shape: slots.stretched(x.shape, y.shape),
    memory="view",
)

transpose = structural(
    lambda x, *, axes: np.transpose(x, axes),
    name="transpose",
    transpose=lambda ct, x, *, axes: np.transpose(ct, inverse_permutation(axes)),
    batch=lambda x, *, axes: bind(transpose, x, axes=(0, *(i + 1 for i in axes))),
    element=lambda body, i, x, *, axes: x(tuple(i[k] for k in inverse_permutation(axes))),
    move=lambda y, x, *, axes: slots.Aligned(tuple(axes), (), y.shape),
    memory="view",
)


def inverse_permutation(axes):
    inverse = [0] * len(axes)
    for i, a in enumerate(axes):
        inverse[a] = i
    return tuple(inverse)


def _copy(x, *, order: Any = "K"):
    return x.copy(order) if isinstance(x, np.ndarray) else x


# A copy in NumPy's memory. The value does not change; the tracer of the result shares nothing with that of x.
copy = structural(
    _copy,
    name="copy",
    transpose=lambda ct, x, *, order="K": ct,
    batch=lambda x, *, order="K": bind(copy, x, order="C" if order == "C" else "K"),
    element=lambda body, i, x, *, order="K": x(i),
    move=lambda y, x, *, order="K": None,
)


# ---- change of dtype ----------------------------------------------------------------------------------------


def astype_vjp(wanted, ct, y, x, *, dtype):
    return (cast(ct, x.dtype),)


astype = register(
    Primitive(
        "astype",
        impl=lambda x, *, dtype: x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype)[()],
        aval=lambda x, *, dtype: Aval(x.shape, np.dtype(dtype)),
        jvp=lambda tangents, y, x, *, dtype: cast(tangents[0], np.dtype(dtype)),
        vjp=astype_vjp,
        saves=keeps_nothing,
        batch=lambda is_batched, x, *, dtype: bind(astype, x, dtype=dtype),
        element=lambda body, i, x, *, dtype: body.cast(x(i), dtype),
        slots=lambda wanted, y, x, *, dtype: ((slots.Link(push=lambda coef: cast(coef, np.dtype(dtype))),),),
        zeros="stay",
    )
)


# Integers and booleans have no derivative.
astype_constant = register(
    Primitive(
        "astype_constant",
        impl=lambda x, *, dtype: np.asarray(x).astype(dtype),
        aval=lambda x, *, dtype: Aval(x.shape, np.dtype(dtype)),
        jvp=None,
        vjp=None,
        saves=keeps_nothing,
        batch=lambda is_batched, x, *, dtype: bind(astype_constant, x, dtype=dtype),
        element=lambda body, i, x, *, dtype: body.cast(x(i), dtype),
        slots=slots.nothing,
    )
)


# ---- concatenate: any number of inputs ----------------------------------------------------------------------


def concatenate_impl(*x, axis):
    return np.concatenate(x, axis=axis)


def concatenate_aval(*avals, axis):
    shapes = [a.shape for a in avals]
    first = list(shapes[0])
    for s in shapes:
        if len(s) != len(first) or any(i != axis and m != n for i, (m, n) in enumerate(zip(s, first, strict=True))):
            raise ValueError(f"concatenate: shapes {shapes} differ in more than axis {axis}")
    first[axis] = sum(s[axis] for s in shapes)
    return Aval(tuple(first), np.result_type(*(a.dtype for a in avals)))


def concatenate_jvp(tangents, y, *x, axis):
    whole = [np.zeros(np.shape(v), y.dtype) if t is None else t for t, v in zip(tangents, x, strict=True)]
    return spread(np.concatenate(whole, axis=axis), y)


def concatenate_vjp(wanted, ct, y, *x, axis):
    parts, start = [], 0
    lead = (slice(None),) * axis
    for v, on in zip(x, wanted, strict=True):
        stop = start + np.shape(v)[axis]
        parts.append(cast(ct[(*lead, slice(start, stop))], v.dtype) if on else None)
        start = stop
    return tuple(parts)


def concatenate_batch(is_batched, *x, axis):
    n = next(v.shape[0] for v, on in zip(x, is_batched, strict=True) if on)
    x = [v if on else np.broadcast_to(v, (n, *np.shape(v))) for v, on in zip(x, is_batched, strict=True)]
    return bind(concatenate, *x, axis=axis + 1)


def concatenate_slots(wanted, y, *x, axis):
    links, end = [], 0
    before, after = slots.whole(y.shape[:axis]), slots.whole(y.shape[axis + 1 :])
    for v, on in zip(x, wanted, strict=True):
        place = range(end, end + np.shape(v)[axis])
        links.append((slots.Link(slots.Placed((*before, place, *after))),) if on else ())
        end = place.stop
    return tuple(links)


def concatenate_parts(*x, axis):
    dtype = np.result_type(*(v.dtype for v in x))
    parts, at = [], 0
    for v in x:
        start = tuple(at if k == axis else 0 for k in range(len(v.shape)))
        parts.append(Part(v.shape, lambda body, j, v=v: body.cast(v(j), dtype), start, (1,) * len(v.shape), apart=True))
        at += v.shape[axis]
    return parts


def concatenate_merged(x, *, axis):
    """(n, a, b) -> (a, n b), along the last axis, say."""
    shape = x.shape[1:]
    moved = np.moveaxis(x, 0, axis)
    return np.reshape(moved, (*shape[:axis], x.shape[0] * shape[axis], *shape[axis + 1 :]))


concatenate = register(
    Primitive(
        "concatenate",
        impl=concatenate_impl,
        aval=concatenate_aval,
        jvp=concatenate_jvp,
        vjp=concatenate_vjp,
        saves=keeps_nothing,
        batch=concatenate_batch,
        parts=concatenate_parts,
        slots=concatenate_slots,
        zeros="move",
        moves=True,
        merged=concatenate_merged,
    )
)


# ---- windows: overlapping views, whose transpose adds -----------------------------------------------------------


def windows_impl(x, *, sizes, axes):
    return np.lib.stride_tricks.sliding_window_view(x, sizes, axis=axes)


def windows_source(i, ndim, axes):
    """Where the element of a window is in the array: the window's place, and the offset in it."""
    at = list(i[:ndim])
    for a, offset in zip(axes, i[ndim:], strict=True):
        at[a] = at[a] + offset
    return tuple(at)


def windows_transpose(ct, x, *, sizes, axes):
    """Adds every window back where it was taken: one addition of a shifted array per offset in the window."""
    return bind(windows_add, ct, shape=x.shape, axes=axes)


def windows_add_impl(ct, *, shape, axes):
    ndim = len(shape)
    out = np.zeros(shape, ct.dtype)
    for offset in np.ndindex(*ct.shape[ndim:]):
        place = [slice(None)] * ndim
        for a, o in zip(axes, offset, strict=True):
            place[a] = slice(o, o + ct.shape[a])
        out[tuple(place)] += ct[(..., *offset)]
    return out


windows = structural(
    windows_impl,
    name="sliding_window_view",
    transpose=windows_transpose,
    batch=lambda x, *, sizes, axes: bind(windows, x, sizes=sizes, axes=tuple(a + 1 for a in axes)),
    element=lambda body, i, x, *, sizes, axes: x(windows_source(i, len(x.shape), axes)),
    memory="view",
)


def windows_add_slots(wanted, y, ct, *, shape, axes):
    """A link for each offset in the window, to where it is added."""
    links = []
    for offset in np.ndindex(*ct.shape[len(shape) :]):
        box = list(slots.whole(ct.shape[: len(shape)]))
        read = slots.Read((*box, *offset))
        for a, o in zip(axes, offset, strict=True):
            box[a] = range(o, o + ct.shape[a])
        links.append(slots.Link(slots.Chain((read, slots.Placed(tuple(box))))))
    return (tuple(links),)


windows_add = structural(
    windows_add_impl,
    name="add_windows",
    transpose=lambda ct, x, *, shape, axes: bind(windows, ct, sizes=x.shape[len(shape) :], axes=axes),
    batch=lambda ct, *, shape, axes: bind(
        windows_add, ct, shape=(ct.shape[0], *shape), axes=tuple(a + 1 for a in axes)
    ),
    slots=windows_add_slots,
)

"""Shapes and places: reshape, transpose, concatenate, pad, tile, split, and making arrays like others."""

import operator

import numpy as np

from ...core.memory import Memory, view
from ...core.trace import Tracer, aval_of, bind
from .. import moves
from ..indexing import ARRAY, put
from .tools import all_axes, array, ndim, one_axis, refuse, sequence, shape, signature_of

# ---- what is known without looking -------------------------------------------------------------------------

signature_of(np.shape)(lambda a: shape(a))
signature_of(np.ndim)(lambda a: ndim(a))


@signature_of(np.size)
def size(a, axis=None):
    dims = shape(a)
    return int(np.prod([dims[i] for i in all_axes(axis, len(dims))], dtype=np.intp))


signature_of(np.iscomplexobj)(lambda x: aval_of(x).dtype.kind == "c")
signature_of(np.isrealobj)(lambda x: aval_of(x).dtype.kind != "c")
signature_of(np.result_type)(
    lambda *xs: np.result_type(*(aval_of(x).dtype if isinstance(x, Tracer) else x for x in xs))
)
signature_of(np.can_cast)(
    lambda a, to, casting="safe": np.can_cast(aval_of(a).dtype if isinstance(a, Tracer) else a, to, casting)
)
signature_of(np.min_scalar_type)(lambda a: aval_of(a).dtype)
signature_of(np.common_type)(lambda *xs: np.common_type(*(np.empty(0, aval_of(x).dtype) for x in xs)))
signature_of(np.shares_memory, np.may_share_memory)(lambda a, b, max_work=None: a is b)

# ---- arrays like others: constants of the same trace, which can be filled ------------------------------------


def filled(value, like, dtype, dims, subok=True):
    found = aval_of(like)
    dims = found.shape if dims is None else dims if isinstance(dims, tuple) else tuple(np.atleast_1d(dims).tolist())
    y = np.full(dims, value, found.dtype if dtype is None else dtype)
    if not isinstance(like, Tracer) or y.dtype.kind not in "fc":
        return y
    tracer = like._trace.lift(y)
    tracer.memory = Memory(owned=like._trace.writes_in_place)
    return tracer


signature_of(np.ascontiguousarray, np.asfortranarray)(
    lambda a, dtype=None, *, like=None: a if dtype is None else a.astype(dtype)
)


@signature_of(np.zeros_like)
def zeros_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return filled(0, a, dtype, shape)


@signature_of(np.ones_like)
def ones_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return filled(1, a, dtype, shape)


signature_of(np.empty_like)(zeros_like)


@signature_of(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    y = filled(0, a, dtype, shape)
    if isinstance(fill_value, Tracer):
        return np.broadcast_to(fill_value.astype(y.dtype), y.shape)
    y[...] = fill_value
    return y


@signature_of(np.zeros, np.empty)
def zeros(shape, dtype=float, order="C", *, device=None, like=None):
    return filled(0, like, dtype, shape)


@signature_of(np.ones)
def ones(shape, dtype=float, order="C", *, device=None, like=None):
    return filled(1, like, dtype, shape)


@signature_of(np.full)
def full(shape, fill_value, dtype=None, order="C", *, device=None, like=None):
    dtype = dtype or np.asarray(0 if isinstance(fill_value, Tracer) else fill_value).dtype
    y = filled(
        0,
        like if like is not None else fill_value,
        fill_value.dtype if isinstance(fill_value, Tracer) else dtype,
        shape,
    )
    y[...] = fill_value
    return y


@signature_of(np.asarray, np.asanyarray, np.array)
def asarray(a, dtype=None, *args, like=None, copy=None, **kwargs):
    """With like=: lists of traced values become traced arrays."""
    y = nested(a)
    y = y if dtype is None or y.dtype == np.dtype(dtype) else y.astype(dtype)
    return y if isinstance(y, Tracer) or like is None else filled(y, like, y.dtype, y.shape)


def nested(a):
    """Nested lists of numbers, arrays and tracers as one array."""
    if isinstance(a, tuple | list) and contains_tracer(a):
        return np.stack([nested(part) for part in a])
    return array(a)


def contains_tracer(a):
    return isinstance(a, Tracer) or (isinstance(a, tuple | list) and any(map(contains_tracer, a)))


@signature_of(np.copy)
def copy(a, order="K", subok=False):
    return bind(moves.copy, a)


@signature_of(np.astype, "astype")
def astype(x, dtype, /, *, copy=True, device=None, casting="unsafe"):
    dtype = np.dtype(dtype)
    if not np.can_cast(x.dtype, dtype, casting):
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to {dtype!r} according to the rule {casting!r}")
    if dtype == x.dtype:
        return bind(moves.copy, x)
    if dtype.kind not in "fc":
        return bind(moves.astype_constant, x, dtype=dtype)
    return bind(moves.astype, x, dtype=dtype)


# ---- reshape and transpose: views, where NumPy's are ------------------------------------------------------------


def as_view(function):
    """Marks the result as a view of the first argument, made again by `function` when that has been written into."""

    def implementation(a, *args, **kwargs):
        y = function(a, *args, **kwargs)
        if isinstance(a, Tracer) and y is not a:
            view(y, a, remake=lambda base: function(base, *args, **kwargs))
        return y

    return implementation


def full_shape(dims, count):
    """`dims` with -1 replaced by what is left."""
    dims = (
        tuple(operator.index(n) for n in dims)
        if isinstance(dims, tuple | list | np.ndarray)
        else (operator.index(dims),)
    )
    if -1 in dims:
        known = int(np.prod([n for n in dims if n != -1], dtype=np.intp))
        if dims.count(-1) > 1 or known == 0 or count % known:
            raise ValueError(f"cannot reshape array of size {count} into shape {dims}")
        dims = tuple(count // known if n == -1 else n for n in dims)
    return dims


@signature_of(np.reshape)
@as_view
def reshape(a, /, shape=None, order="C", *, copy=None):
    a = array(a)
    if order == "F":
        return np.transpose(np.reshape(np.transpose(a), full_shape(shape, a.size)[::-1]))
    dims = full_shape(shape, a.size)
    if int(np.prod(dims, dtype=np.intp)) != a.size:
        raise ValueError(f"cannot reshape array of size {a.size} into shape {dims}")
    return bind(moves.reshape, a, shape=dims)


@signature_of(np.ravel)
def ravel(a, order="C"):
    return np.reshape(a, -1, order="F" if order == "F" else "C")


signature_of("flat")(lambda a: np.reshape(a, -1))


@signature_of(np.transpose, np.permute_dims)
@as_view
def transpose(a, axes=None):
    n = ndim(a)
    axes = tuple(range(n))[::-1] if axes is None else tuple(one_axis(i, n) for i in axes)
    if sorted(axes) != list(range(n)):
        raise ValueError("axes don't match array")
    return bind(moves.transpose, a, axes=axes)


@signature_of(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x, /):
    if ndim(x) < 2:
        raise ValueError(f"matrix_transpose: the array must have at least two axes; it has {ndim(x)}")
    return np.swapaxes(x, -1, -2)


@signature_of(np.swapaxes)
def swapaxes(a, axis1, axis2):
    axes = list(range(ndim(a)))
    i, j = one_axis(axis1, len(axes)), one_axis(axis2, len(axes))
    axes[i], axes[j] = axes[j], axes[i]
    return np.transpose(a, axes)


@signature_of(np.moveaxis)
def moveaxis(a, source, destination):
    n = ndim(a)
    several = lambda x: [x] if np.ndim(x) == 0 else list(x)  # noqa: E731
    source, destination = ([one_axis(i, n) for i in several(x)] for x in (source, destination))
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [i for i in range(n) if i not in source]
    for to, come in sorted(zip(destination, source, strict=True)):
        order.insert(to, come)
    return np.transpose(a, order)


@signature_of(np.rollaxis)
def rollaxis(a, axis, start=0):
    n = ndim(a)
    axis, start = one_axis(axis, n), start + n if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@signature_of(np.squeeze)
def squeeze(a, axis=None):
    dims = shape(a)
    gone = [i for i, n in enumerate(dims) if n == 1] if axis is None else all_axes(axis, len(dims))
    if any(dims[i] != 1 for i in gone):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return np.reshape(a, tuple(n for i, n in enumerate(dims) if i not in gone))


@signature_of(np.expand_dims)
def expand_dims(a, axis):
    several = axis if isinstance(axis, tuple | list) else (axis,)
    n = ndim(a) + len(several)
    new = all_axes(tuple(several), n)
    rest = iter(shape(a))
    return np.reshape(a, tuple(1 if i in new else next(rest) for i in range(n)))


def at_least(n, pad):
    def implementation(*arys):
        out = [np.reshape(a, pad(shape(a))) if ndim(a) < n else array(a) for a in arys]
        return out[0] if len(out) == 1 else tuple(out)

    return implementation


signature_of(np.atleast_1d)(at_least(1, lambda s: (1,)))
signature_of(np.atleast_2d)(at_least(2, lambda s: (1, *s) if s else (1, 1)))
signature_of(np.atleast_3d)(at_least(3, lambda s: (*s, 1) if len(s) == 2 else (1, *(s or (1,)), 1)))


@signature_of(np.broadcast_to)
def broadcast_to(array, shape, subok=False):
    dims = tuple(shape) if isinstance(shape, tuple | list) else (int(shape),)
    return bind(moves.broadcast_to, array, shape=dims)


@signature_of(np.broadcast_arrays)
def broadcast_arrays(*args, subok=False):
    dims = np.broadcast_shapes(*map(shape, args))
    return tuple(np.broadcast_to(a, dims) for a in args)


# ---- joining and splitting ------------------------------------------------------------------------------------


@signature_of(np.concatenate, np.concat)
def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = [array(a) for a in sequence(arrays)]
    if axis is None:
        arrays, axis = [np.ravel(a) for a in arrays], 0
    if any(not a.shape for a in arrays):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    common = np.result_type(*(a.dtype for a in arrays)) if dtype is None else np.dtype(dtype)
    arrays = [a if a.dtype == common else a.astype(common) for a in arrays]
    if out is not None:
        raise refuse("numpy.concatenate", "out= is not supported")
    return bind(moves.concatenate, *arrays, axis=one_axis(axis, len(arrays[0].shape)))


@signature_of(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = [array(a) for a in sequence(arrays)]
    if len({a.shape for a in arrays}) != 1:
        raise ValueError("all input arrays must have the same shape")
    axis = one_axis(axis, len(arrays[0].shape) + 1)
    return np.concatenate([np.expand_dims(a, axis) for a in arrays], axis=axis, dtype=dtype)


@signature_of(np.vstack)
def vstack(tup, *, dtype=None, casting="same_kind"):
    return np.concatenate([np.atleast_2d(a) for a in sequence(tup)], axis=0, dtype=dtype)


@signature_of(np.hstack)
def hstack(tup, *, dtype=None, casting="same_kind"):
    arrays = [np.atleast_1d(a) for a in sequence(tup)]
    return np.concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1, dtype=dtype)


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
    longest = max(levels, max(ndim(leaf) for leaf in leaves(arrays)))

    def build(x, level):
        if not isinstance(x, list):
            return np.reshape(x, (1,) * (longest - ndim(x)) + shape(x))
        return np.concatenate([build(part, level + 1) for part in x], axis=longest - levels + level)

    return build(arrays, 0)


def leaves(x):
    return [leaf for part in x for leaf in leaves(part)] if isinstance(x, list) else [x]


@signature_of(np.append)
def append(arr, values, axis=None):
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis=axis)


@signature_of(np.array_split)
def array_split(ary, indices_or_sections, axis=0):
    axis = one_axis(axis, ndim(ary))
    n = shape(ary)[axis]
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
    lead = (slice(None),) * axis
    return [ary[(*lead, slice(a, b))] for a, b in zip(starts, ends, strict=True)]


@signature_of(np.split)
def split(ary, indices_or_sections, axis=0):
    if np.ndim(indices_or_sections) == 0 and shape(ary)[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return np.array_split(ary, indices_or_sections, axis)


signature_of(np.vsplit)(lambda ary, sections: np.split(ary, sections, axis=0))
signature_of(np.hsplit)(lambda ary, sections: np.split(ary, sections, axis=1 if ndim(ary) > 1 else 0))
signature_of(np.dsplit)(lambda ary, sections: np.split(ary, sections, axis=2))


@signature_of(np.unstack)
def unstack(x, /, *, axis=0):
    return tuple(np.moveaxis(x, axis, 0))


# ---- moving within an array --------------------------------------------------------------------------------------


@signature_of(np.flip)
def flip(m, axis=None):
    axes = all_axes(axis, ndim(m))
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(ndim(m)))]


signature_of(np.flipud)(lambda m: np.flip(m, 0))
signature_of(np.fliplr)(lambda m: np.flip(m, 1))


@signature_of(np.rot90)
def rot90(m, k=1, axes=(0, 1)):
    i, j = (one_axis(a, ndim(m)) for a in axes)
    if i == j:
        raise ValueError("Axes must be different.")
    k %= 4
    if k == 0:
        return m[...]
    if k == 2:
        return np.flip(m, (i, j))
    return np.swapaxes(np.flip(m, j), i, j) if k == 1 else np.flip(np.swapaxes(m, i, j), j)


@signature_of(np.roll)
def roll(a, shift, axis=None):
    if axis is None:
        return np.reshape(np.roll(np.ravel(a), shift, 0), shape(a))
    shifts, axes = np.broadcast_arrays(shift, axis)
    for s, i in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        i = one_axis(i, ndim(a))
        n = shape(a)[i]
        s = s % n if n else 0
        if s:
            lead = (slice(None),) * i
            a = np.concatenate([a[(*lead, slice(n - s, None))], a[(*lead, slice(None, n - s))]], axis=i)
    return array(a)


signature_of(np.fft.fftshift)(lambda x, axes=None: shifted(x, axes, 1))
signature_of(np.fft.ifftshift)(lambda x, axes=None: shifted(x, axes, -1))


def shifted(x, axes, sign):
    axes = all_axes(axes, ndim(x))
    half = [shape(x)[i] // 2 if sign > 0 else -(shape(x)[i] // 2) for i in axes]
    return np.roll(x, half, axes)


@signature_of(np.tile)
def tile(A, reps):
    reps = tuple(np.atleast_1d(reps).tolist())
    n = max(len(reps), ndim(A))
    reps = (1,) * (n - len(reps)) + reps
    dims = (1,) * (n - ndim(A)) + shape(A)
    A = np.reshape(A, tuple(k for d in dims for k in (1, d)))
    A = np.broadcast_to(A, tuple(k for r, d in zip(reps, dims, strict=True) for k in (r, d)))
    return np.reshape(A, tuple(r * d for r, d in zip(reps, dims, strict=True)))


@signature_of(np.repeat)
def repeat(a, repeats, axis=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = one_axis(axis, ndim(a))
    counts = np.asarray(repeats)
    if counts.ndim == 0:
        a = np.expand_dims(a, axis + 1)
        dims = shape(a)
        a = np.broadcast_to(a, (*dims[: axis + 1], int(counts), *dims[axis + 2 :]))
        return np.reshape(a, (*dims[:axis], dims[axis] * int(counts), *dims[axis + 2 :]))
    return np.take(a, np.repeat(np.arange(shape(a)[axis]), counts), axis=axis)


@signature_of(np.resize)
def resize(a, new_shape):
    dims = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    flat, count = np.ravel(a), int(np.prod(dims))
    if flat.size == 0 or count == 0:
        return np.zeros_like(flat, shape=dims)
    return np.reshape(flat[np.arange(count) % flat.size], dims)


@signature_of(np.pad)
def pad(array, pad_width, mode="constant", **kwargs):
    dims = shape(array)
    widths = pad_widths(pad_width, len(dims))
    if mode == "constant":
        values = kwargs.pop("constant_values", 0)
        if kwargs:
            raise ValueError(f"unsupported keyword arguments for mode 'constant': {set(kwargs)}")
        return pad_constant(array, dims, widths, values)
    if mode in ("edge", "reflect", "symmetric", "wrap"):  # where NumPy takes each element from
        if kwargs.get("reflect_type", "even") != "even":
            raise refuse("numpy.pad", "reflect_type='odd' is not supported")
        for axis, (before, after) in enumerate(widths):
            if before or after:
                source = np.pad(np.arange(dims[axis]), (before, after), mode=mode)
                array = np.take(array, source, axis=axis)
        return array
    raise refuse("numpy.pad", f"mode={mode!r} is not supported; constant, edge, reflect, symmetric and wrap are")


def pad_widths(pad_width, n):
    if isinstance(pad_width, dict):
        return [np.broadcast_to(pad_width.get(i, pad_width.get(i - n, 0)), 2).tolist() for i in range(n)]
    return np.broadcast_to(np.asarray(pad_width), (n, 2)).tolist()


def pad_constant(x, dims, widths, values):
    inner = tuple(slice(b, b + n) for n, (b, _) in zip(dims, widths, strict=True))
    total = tuple(n + b + a for n, (b, a) in zip(dims, widths, strict=True))
    y = bind(put, x, index=inner, shape=total)
    if not np.any(values):
        return y
    frame = np.pad(np.zeros(dims), widths, constant_values=values)
    return y + frame.astype(y.dtype)


@signature_of(np.delete)
def delete(arr, obj, axis=None):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(shape(arr)[axis]), obj), axis=axis)


@signature_of(np.insert)
def insert(arr, obj, values, axis=None):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = one_axis(axis, ndim(arr))
    dims = shape(arr)
    n = dims[axis]
    scalar = np.ndim(obj) == 0 and not isinstance(obj, slice)
    values = array(values)
    if scalar:  # one place, into which `values` may bring several
        values = np.moveaxis(values, 0, axis) if ndim(values) == len(dims) and axis else values
        values = np.reshape(values, (1,) * (len(dims) - ndim(values)) + shape(values))
        count = shape(values)[axis] if len(shape(values)) else 1
        where = np.full(count, int(obj))
    else:
        where = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
        if where.dtype.kind == "b":
            where = np.flatnonzero(where)
        count = len(where)
    new = np.broadcast_to(values, (*dims[:axis], count, *dims[axis + 1 :]))
    where = np.where(where < 0, where + n, where)
    order = np.argsort(np.concatenate([where, np.arange(n) + 0.5]), kind="stable")
    return np.take(np.concatenate([new, arr], axis=axis), order, axis=axis)


# ---- diagonals and triangles ------------------------------------------------------------------------------------


@signature_of(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    n = ndim(a)
    if n < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    i, j = one_axis(axis1, n), one_axis(axis2, n)
    a = np.moveaxis(a, (i, j), (n - 2, n - 1))
    rows, columns = a.shape[-2:]
    count = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    k = np.arange(count)
    return a[..., k + max(0, -offset), k + max(0, offset)]


signature_of(np.linalg.diagonal)(lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))


@signature_of(np.diag)
def diag(v, k=0):
    if ndim(v) == 2:
        return np.diagonal(v, k)
    if ndim(v) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = shape(v)[0]
    i = np.arange(n)
    return bind(put, v, i + max(0, -k), i + max(0, k), index=(ARRAY, ARRAY), shape=(n + abs(k), n + abs(k)))


@signature_of(np.diagflat)
def diagflat(v, k=0):
    return np.diag(np.ravel(v), k)


@signature_of(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


signature_of(np.linalg.trace)(lambda x, /, *, offset=0, dtype=None: np.trace(x, offset, -2, -1, dtype))


@signature_of(np.tril)
def tril(m, k=0):
    return np.where(np.tri(*shape(m)[-2:], k=k, dtype=bool), m, np.zeros((), m.dtype))


@signature_of(np.triu)
def triu(m, k=0):
    return np.where(np.tri(*shape(m)[-2:], k=k - 1, dtype=bool), np.zeros((), m.dtype), m)


@signature_of(np.vander)
def vander(x, N=None, increasing=False):
    n = shape(x)[0] if N is None else N
    columns = [np.ones_like(x)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    columns = columns[:n] if increasing else columns[:n][::-1]
    return np.stack(columns, axis=1) if columns else np.zeros_like(x, shape=(shape(x)[0], 0))


@signature_of(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    out = [np.reshape(x, tuple(-1 if i == k else 1 for i in range(n))) for k, x in enumerate(xi)]
    if indexing == "xy" and n > 1:
        out = [np.swapaxes(x, 0, 1) for x in out]
    return tuple(out) if sparse else tuple(np.broadcast_arrays(*out))


@signature_of(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    sizes = tuple(window_shape) if isinstance(window_shape, tuple | list) else (int(window_shape),)
    axes = tuple(range(ndim(x))) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(one_axis(a, ndim(x)) for a in axes)
    if len(sizes) != len(axes):
        raise ValueError(f"sliding_window_view: {len(sizes)} window sizes for {len(axes)} axes")
    if len(set(axes)) != len(axes):
        raise refuse("numpy.lib.stride_tricks.sliding_window_view", "an axis given twice is not supported")
    return bind(moves.windows, x, sizes=sizes, axes=axes)

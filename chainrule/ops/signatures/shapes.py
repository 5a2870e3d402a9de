"""Shapes: what is known of them without looking, reshape and transpose, and moving within an array."""

import math
import operator
from typing import Any

import numpy as np

from ...core.deferred import Deferred, known
from ...core.memory import beneath, is_view, layout, view
from ...core.trace import Tracer, aval_of, bind, operand
from .. import moves
from .tools import all_axes, along, array, dims_of, ndim, one_axis, plain, refuse, shape, signature_of

# ---- what is known without looking ----------------------------------------------------------------------------------

signature_of(np.shape)(lambda a: shape(a))
signature_of(np.ndim)(lambda a: ndim(a))


@signature_of(np.size)
def size(a, axis=None):
    dims = shape(a)
    return math.prod(dims[i] for i in all_axes(axis, len(dims)))


signature_of(np.iscomplexobj)(lambda x: aval_of(x).dtype.kind == "c")
signature_of(np.isrealobj)(lambda x: aval_of(x).dtype.kind != "c")
signature_of(np.result_type)(
    lambda *xs: np.result_type(*(aval_of(x).dtype if isinstance(x, Tracer) else x for x in xs))
)


@signature_of(np.can_cast)
def can_cast(from_, to, casting: Any = "safe"):
    return np.can_cast(aval_of(from_).dtype if isinstance(from_, Tracer) else from_, to, casting)


signature_of(np.common_type)(lambda *xs: np.common_type(*(np.empty(0, aval_of(x).dtype) for x in xs)))


def blank(x: Any) -> Any:
    """An array of the shape of `x`, of no size in memory."""
    return np.broadcast_to(0.0, shape(x))


for function in (np.diag_indices_from, np.tril_indices_from, np.triu_indices_from):
    signature_of(function)(lambda arr, *args, function=function, **kw: function(blank(arr), *args, **kw))


@signature_of(np.min_scalar_type)
def min_scalar_type(a):
    return np.min_scalar_type(plain(a, "numpy.min_scalar_type")) if not ndim(a) else a.dtype


@signature_of(np.shares_memory, np.may_share_memory)
def shares_memory(a, b, max_work=None):
    """Whether one is a view of the other, or both of a third: a traced array shares memory with no plain one."""
    return origin(a) is origin(b) and 0 not in (*shape(a), *shape(b))


def origin(x):
    while isinstance(x, Tracer) and x.memory is not None and x.memory.base is not None:
        x = x.memory.base
    return x


# ---- reshape and transpose: views, where NumPy's are ----------------------------------------------------------------


def as_view(function: Any, inverse: Any = None) -> Any:
    """Marks the result as a view of the first argument, made again by `function` when that has been written into.

    `inverse(part, base, *args)` is the array that takes the place of `base` when the view has been written into;
    None: NumPy makes the view read-only.
    """

    def implementation(a, *args, **kwargs):
        y = function(a, *args, **kwargs)

        def remake(base):
            return function(base, *args, **kwargs)

        def write_back(base, part):
            base[...] = inverse(part, base, *args, **kwargs)

        if not isinstance(a, Tracer) or y is a:
            return y
        like, under = layout(a), beneath(y, a)
        if like is a and isinstance(under[0], Deferred) and not under[0].is_view_of(under[1]):
            view(y, a, remake, write_back if inverse else None, number=False)
            if y.memory is not None:
                y.memory.is_view = lambda: is_view(*under)
        elif is_view(y, a) and (like is a or is_view(function(like, *args, **kwargs), like)):
            view(y, a, remake, write_back if inverse else None, number=False)
        return y

    return implementation


def full_shape(dims, count):
    """`dims` with -1 replaced by what is left."""
    dims = tuple(operator.index(n) for n in dims) if np.iterable(dims) else (operator.index(dims),)
    if -1 in dims:
        known = math.prod(n for n in dims if n != -1)
        if dims.count(-1) > 1 or known == 0 or count % known:
            raise ValueError(f"cannot reshape array of size {count} into shape {dims}")
        dims = tuple(count // known if n == -1 else n for n in dims)
    return dims


def reshape_in_order(a, dims, order):
    """A reshape; in Fortran's order that is one of the transposed array."""
    if math.prod(dims) != a.size:
        raise ValueError(f"cannot reshape array of size {a.size} into shape {dims}")
    if order != "F":
        return bind(moves.reshape, a, shape=dims)
    turned = bind(moves.reshape, reversed_axes(a), shape=dims[::-1])
    return reversed_axes(turned)


def reversed_axes(a):
    return bind(moves.transpose, a, axes=tuple(range(ndim(a)))[::-1])


view_reshaped = as_view(reshape_in_order, lambda part, base, dims, order: reshape_in_order(part, base.shape, order))


@signature_of(np.reshape)
def reshape(a, /, shape=None, order="C", *, copy=None):
    if order not in ("C", "F", "A"):
        raise ValueError(f"order must be one of 'C', 'F', 'A'; it is {order!r}")
    a = array(a)
    y = view_reshaped(a, full_shape(shape, a.size), order)
    return np.copy(y) if copy else y


@signature_of(np.ravel)
def ravel(a, order="C"):
    y = np.reshape(a, -1, order="F" if order == "F" else "C")
    memory = y.memory if isinstance(y, Tracer) else None
    if memory is None or memory.is_view is None:
        return y if is_contiguous(y) else np.copy(y)
    shares = memory.is_view
    value = value_of(y)
    memory.is_view = lambda: shares() and known(value).flags.c_contiguous
    return y


def is_contiguous(x):
    """Whether the array under `x` is: NumPy's ravel makes a copy of what is not."""
    x = known(value_of(x))
    return not isinstance(x, np.ndarray) or x.flags.c_contiguous


def value_of(x):
    """The value under `x`, computed or not."""
    while isinstance(x, Tracer):
        x = x.primal
    return x


@signature_of("flat")
def flat(a):
    """Always a view in effect, even where a reshape has to copy."""

    def write_back(base, part):
        base[...] = np.reshape(part, base.shape)

    flatten = lambda base: bind(moves.reshape, base, shape=(base.size,))  # noqa: E731
    return view(flatten(a), a, flatten, write_back)


def permute(a, axes):
    return bind(moves.transpose, a, axes=axes)


view_permuted = as_view(permute, lambda part, base, axes: permute(part, moves.inverse_permutation(axes)))


@signature_of(np.transpose, np.permute_dims)
def transpose(a, axes=None):
    n = ndim(a)
    axes = tuple(range(n))[::-1] if axes is None else tuple(one_axis(i, n) for i in dims_of(axes))
    if sorted(axes) != list(range(n)):
        raise ValueError("axes don't match array")
    return view_permuted(a, axes)


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
    source, destination = (
        [one_axis(i, n) for i in (axes if np.iterable(axes) else (axes,))] for axes in (source, destination)
    )
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
    if not 0 <= start <= n:
        raise np.exceptions.AxisError(f"'start' arg requires {-n} <= start < {n + 1}, but {start} was passed in")
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@signature_of(np.squeeze)
def squeeze(a, axis=None):
    dims = shape(a)
    if not dims and axis in (0, -1):
        return np.reshape(a, ())
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
        out = [np.reshape(array(a), pad(shape(a))) if ndim(a) < n else array(a) for a in arys]
        return out[0] if len(out) == 1 else tuple(out)

    return implementation


signature_of(np.atleast_1d)(at_least(1, lambda s: (1,)))
signature_of(np.atleast_2d)(at_least(2, lambda s: (1, *s) if s else (1, 1)))
signature_of(np.atleast_3d)(at_least(3, lambda s: (*s, 1) if len(s) == 2 else (1, *(s or (1,)), 1)))


view_stretched = as_view(lambda a, dims: bind(moves.broadcast_to, a, shape=dims))


@signature_of(np.broadcast_to)
def broadcast_to(array, shape, subok=False):
    return view_stretched(operand(array), dims_of(shape))


@signature_of(np.broadcast_arrays)
def broadcast_arrays(*args, subok=False):
    dims = np.broadcast_shapes(*map(shape, args))
    return tuple(np.broadcast_to(a, dims) for a in args)


@signature_of(np.ix_)
def ix_(*args):
    positions = [np.flatnonzero(x) if array(x).dtype == bool else array(x) for x in args]
    if any(ndim(x) != 1 for x in positions):
        raise ValueError("Cross index must be 1 dimensional")
    n = len(positions)
    return tuple(np.reshape(x, tuple(-1 if i == k else 1 for i in range(n))) for k, x in enumerate(positions))


# ---- moving within an array -----------------------------------------------------------------------------------------


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
    given = a
    shifts, axes = np.broadcast_arrays(shift, axis)
    for s, i in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        i = one_axis(i, ndim(a))
        n = shape(a)[i]
        s = s % n if n else 0
        if s:
            a = np.concatenate([a[along(i, slice(n - s, None))], a[along(i, slice(None, n - s))]], axis=i)
    return np.copy(a) if a is given else array(a)


# ---- windows --------------------------------------------------------------------------------------------------------


@signature_of(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    name = "numpy.lib.stride_tricks.sliding_window_view"
    if writeable:
        raise refuse(name, "writeable=True is not supported: the windows of a traced array overlap")
    sizes = dims_of(window_shape)
    axes = tuple(range(ndim(x))) if axis is None else tuple(axis) if np.iterable(axis) else (axis,)
    axes = tuple(one_axis(a, ndim(x)) for a in axes)
    if len(sizes) != len(axes):
        raise ValueError(f"sliding_window_view: {len(sizes)} window sizes for {len(axes)} axes")
    if len(set(axes)) != len(axes):
        raise refuse(name, "an axis given twice is not supported")
    return view_of_windows(x, sizes, axes)


view_of_windows = as_view(lambda x, sizes, axes: bind(moves.windows, x, sizes=sizes, axes=axes))

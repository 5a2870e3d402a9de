"""The families of operation. A family turns one local formula into a whole `Primitive`.

    elementwise   y[i] = f(a[i], b[i], ...)        add, multiply, sin, ...
    reduction     y[i] = R_j x[i, j]               sum, max, prod, ...
    structural    y[i] = x[m(i)], a linear map     reshape, transpose, getitem, ...
    blockwise     y[i, :] = f(x[i, :], ...)        solve, cholesky, eigh, fft, sort, ...: rules by hand

`d` is always the same thing, the local partial derivative dy/dx: a number (the operation is linear in that input),
a function of what it needs by name (`x`, or `a`, `b`, `c`, for the inputs, `y` for the output), or None (no
derivative where defined).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..core import slots as _slots
from ..core.memory import COPY_BELOW
from ..core.primitive import Aval, Kept, Plain, Primitive, keeps_all, keeps_nothing, register
from ..core.trace import UFUNCS, bind, dtype_of
from ..core.zeros import Supported, cast as cast, fit as fit

# ---- pieces of rules ----------------------------------------------------------------------------------------


def stretched(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` broadcast to `shape`: a view; a copy of what is small, for making a view takes longer."""
    if isinstance(x, np.ndarray | np.generic) and math.prod(shape) <= SMALL:
        y = np.empty(shape, x.dtype)
        y[...] = x
        return y
    return np.broadcast_to(x, shape)


SMALL = 1024
"""Elements."""


def spread(t: Any, y: Any) -> Any:
    """A tangent `t` broadcast and promoted to the shape and dtype of `y`."""
    if np.shape(t) != y.shape:
        t = stretched(t, y.shape)
    return t if t.dtype == y.dtype else t.astype(y.dtype)


def add_up(terms: Sequence[Any]) -> Any:
    """The sum of the terms that are not None; None if there are none."""
    total = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return total


def adjoint(d: Any) -> Any:
    """The conjugate of a local partial derivative: what multiplies a cotangent."""
    return np.conjugate(d) if dtype_of(d).kind == "c" else d


def pad_axes(x: Any, ndim: int) -> Any:
    """Inserts axes after the batch axis until the rest of `x` has `ndim`: `(B, n)` -> `(B, 1, n)`."""
    shape = np.shape(x)
    if len(shape) == ndim + 1:
        return x
    return np.reshape(x, (shape[0], *(1,) * (ndim + 1 - len(shape)), *shape[1:]))


def aligned(is_batched: Sequence[bool], x: Sequence[Any]) -> list[Any]:
    """`x` with axes inserted so that broadcasting matches their batch axes with each other only."""
    ndim = max(np.ndim(a) - on for a, on in zip(x, is_batched, strict=True))
    return [pad_axes(a, ndim) if on else a for a, on in zip(x, is_batched, strict=True)]


# ---- what the tape keeps ------------------------------------------------------------------------------------


@cache
def keeps_others(wanted: tuple[bool, ...]) -> Kept:
    """For a multilinear operation: each argument is needed by the cotangents of the others."""
    return Kept(tuple(any(wanted[:i] + wanted[i + 1 :]) for i in range(len(wanted))), False)


def keeps(*needs: Sequence[int | str]) -> Callable[[tuple[bool, ...]], Kept]:
    """From what each input's cotangent reads: positions of arguments, and "y"."""

    @cache
    def saves(wanted: tuple[bool, ...]) -> Kept:
        read = {n for need, on in zip(needs, wanted, strict=True) if on for n in need}
        return Kept(tuple(i in read for i in range(len(wanted))), "y" in read)

    return saves


# ---- elementwise --------------------------------------------------------------------------------------------


def _reads(d: Any) -> tuple[int | str, ...]:
    """What the partial derivative `d` asks for by name: positions of arguments, and "y"."""
    if not callable(d):
        return ()
    names = d.__code__.co_varnames[: d.__code__.co_argcount]
    return tuple("y" if n == "y" else 0 if n == "x" else "abcde".index(n) for n in names)


def _evaluate(d: Any, reads: tuple[Any, ...], y: Any, x: Sequence[Any]) -> Any:
    """The partial derivative, a number or an array."""
    return d(*[y if r == "y" else x[r] for r in reads]) if callable(d) else d


def scale(t: Any, d: Any) -> Any:
    """t * d for a partial derivative d."""
    if d.__class__ in (int, float):
        return t if d == 1 else -t if d == -1 else t * d
    return t * d


def halved(s: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """s / 2 for small integers s."""
    d = s.astype(dtype)
    d *= 0.5
    return d


def scale_adjoint(ct: Any, d: Any) -> Any:
    """ct * conj(d): what a partial derivative does to a cotangent."""
    return scale(ct, np.conjugate(d) if ct.dtype.kind == "c" else d)


def partials(wanted, y, x, d, reads, selects, outputs=None):
    """Links of an elementwise operation with the partial derivatives `d`, which see `outputs`, or `y`, as y."""

    def link(d_i, read, x_i):
        outs = y if outputs is None else outputs
        weight = (lambda: _evaluate(d_i, read, outs, x)) if callable(d_i) else d_i
        return _slots.Link(_slots.stretched(x_i.shape, y.shape), weight, selects)

    return tuple(
        (link(d_i, read, x_i),) if on and d_i is not None else ()
        for on, d_i, read, x_i in zip(wanted, d, reads, x, strict=True)
    )


def _plain(d: Sequence[Any], reads: Sequence[Any], saves: Callable[..., Kept], limit: float) -> Plain | None:
    """The short form of the rules of an operation with the partial derivatives `d`."""
    if len(d) > 2 or None in d:
        return None
    combinations = [tuple(bool(bits >> i & 1) for i in range(len(d))) for bits in range(2 ** len(d))]
    kept = tuple((*keep.args, keep.output) for keep in map(saves, combinations))
    return Plain(tuple(map(_plain_vjp, d, reads)), kept, limit)


def _plain_vjp(d: Any, reads: tuple[int | str, ...]) -> Callable[..., Any] | None:
    """ct * d as a function of (ct, y, *x). One call less for what reads a single value: these are the hottest rules."""
    if not callable(d):
        return None if d == 1 else (lambda ct, y, a, b: -ct) if d == -1 else lambda ct, y, a, b: ct * d
    if reads == ("y",):
        return lambda ct, y, a, b: ct * d(y)
    if reads == (0,):
        return lambda ct, y, a, b: ct * d(a)
    if reads == (1,):
        return lambda ct, y, a, b: ct * d(b)
    return lambda ct, y, a, b: ct * _evaluate(d, reads, y, (a, b))


def elementwise(
    ufunc: Any,
    *,
    d: Any,
    name: str | None = None,
    keys: Sequence[Any] = (),
    halves: Any = (),
    selects: bool = False,
    element: Any = None,
):
    """A primitive for a NumPy ufunc, or for a function that broadcasts like one, from its partials `d`.

    `keys` are further ufuncs that mean the same. `halves` are functions of the inputs that give the partials in halves,
    as small integers, if they are whole numbers of them: the tape keeps these of large arrays. selects: where a partial
    is 0, that input was not chosen. `element` is what a loop does, for a function that is no ufunc.
    """
    d = d if isinstance(d, tuple) else (d,)
    reads = tuple(map(_reads, d))
    saves = keeps(*reads)
    constant = all(d_i is None for d_i in d)

    def aval(*avals):
        shape = np.broadcast_shapes(*(a.shape for a in avals))
        return Aval(shape, result_dtype(ufunc, avals))

    def jvp(tangents, y, *x):
        total = add_up(
            [
                scale(t, _evaluate(d_i, r, y, x))
                for t, d_i, r in zip(tangents, d, reads, strict=True)
                if t is not None and d_i is not None
            ]
        )
        return None if total is None else spread(total, y)

    def vjp(wanted, ct, y, *x, slopes=None):
        if slopes is not None:
            return tuple(
                None if s is None else fit(ct * halved(s, ct.dtype), x_i) for s, x_i in zip(slopes, x, strict=True)
            )
        return tuple(
            fit(scale_adjoint(ct, _evaluate(d_i, r, y, x)), x_i) if on and d_i is not None else None
            for d_i, r, x_i, on in zip(d, reads, x, wanted, strict=True)
        )

    def slopes(wanted, *x):
        return tuple(half(*x) if on else None for half, on in zip(halves, wanted, strict=True))

    def batch(is_batched, *x):
        return bind(primitive, *aligned(is_batched, x))

    def slots_of(wanted, y, *x):
        return partials(wanted, y, x, d, reads, selects)

    def own_element(body, i, *x):
        dtypes = _resolved(ufunc, [a.aval for a in x])
        return body.apply(ufunc.__name__, [a(stretched_index(i, a.shape)) for a in x], dtypes[: len(x)], dtypes[-1])

    primitive = register(
        Primitive(
            name or ufunc.__name__,
            ufunc,
            aval,
            None if constant else jvp,
            None if constant else vjp,
            saves,
            batch,
            slots_of,
            element=element or (own_element if isinstance(ufunc, np.ufunc) else None),
            zeros="stay",
            plain=_plain(d, reads, saves, COPY_BELOW if halves else math.inf),
            slopes=slopes if halves else None,
        )
    )
    for key in (ufunc, *keys):
        if isinstance(key, np.ufunc):
            UFUNCS[key] = primitive
    return primitive


def jointly(ufunc: Any, *, d: Sequence[Any], name: str | None = None) -> Primitive:
    """The same for a ufunc with several outputs: a row of partials for each, which see all of them as the tuple `y`."""
    rows = [row if isinstance(row, tuple) else (row,) for row in d]
    reads = [tuple(map(_reads, row)) for row in rows]
    saves = keeps(*(tuple(n for read in column for n in read) for column in zip(*reads, strict=True)))

    def aval(*avals):
        shape = np.broadcast_shapes(*(a.shape for a in avals))
        return tuple(Aval(shape, dtype) for dtype in _resolved(ufunc, avals)[len(avals) :])

    def jvp(tangents, y, *x):
        totals = [
            add_up(
                [
                    t * _evaluate(d_i, r, y, x)
                    for t, d_i, r in zip(tangents, row, read, strict=True)
                    if t is not None and d_i is not None
                ]
            )
            for row, read in zip(rows, reads, strict=True)
        ]
        return tuple(None if t is None else spread(t, y_k) for t, y_k in zip(totals, y, strict=True))

    def vjp(wanted, ct, y, *x):
        def cotangent(i):
            terms = [
                scale_adjoint(ct_k, _evaluate(row[i], read[i], y, x))
                for ct_k, row, read in zip(ct, rows, reads, strict=True)
                if ct_k is not None and row[i] is not None
            ]
            total = add_up(terms)
            return None if total is None else fit(total, x[i])

        return tuple(cotangent(i) if on else None for i, on in enumerate(wanted))

    def batch(is_batched, *x):
        return bind(primitive, *aligned(is_batched, x))

    def slots_of(wanted, y, *x):
        return tuple(partials(wanted, v, x, row, read, False, y) for v, row, read in zip(y, rows, reads, strict=True))

    primitive = register(Primitive(name or ufunc.__name__, ufunc, aval, jvp, vjp, saves, batch, slots_of, multi=True))
    UFUNCS[ufunc] = primitive
    return primitive


def result_dtype(ufunc: Any, avals: Sequence[Aval]) -> np.dtype:
    """The dtype `ufunc` gives for these operands, Python numbers adapting to the others (NEP 50)."""
    if isinstance(ufunc, np.ufunc):
        return _resolved(ufunc, avals)[len(avals)]
    return np.asarray(
        ufunc(*(np.ones((), a.dtype) if isinstance(a.dtype, np.dtype) else a.dtype(1) for a in avals))
    ).dtype


def _resolved(ufunc: np.ufunc, avals: Sequence[Aval]) -> tuple[np.dtype, ...]:
    """The dtypes of all operands and outputs."""
    dtypes = (np.dtype(bool) if a.dtype is bool else a.dtype for a in avals)
    return ufunc.resolve_dtypes((*dtypes, *(None,) * ufunc.nout))


def stretched_index(i: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Where broadcasting takes the element at index `i` from in an array of this shape."""
    return tuple(k if n != 1 else 0 for k, n in zip(i[len(i) - len(shape) :], shape, strict=True))


# ---- reduction ----------------------------------------------------------------------------------------------


def reduction(impl: Callable[..., Any], *, name: str, d: Any, selects: bool = False, loops: bool = True) -> Primitive:
    """A primitive for `impl(x, axis=axes)` from the weights `d` = dy/dx, shaped like x (None: no derivative).

    `d(y, x, axes)` sees y with the reduced axes kept as 1. selects: an element of weight 0 was not chosen, so that no
    slope at it matters. loops: whether a loop that a compiler knows by `name` does it, element by element. The
    primitive's parameters are `axes`, a tuple of axes counted from 0 in increasing order, and `keepdims`.
    """

    def run(x, *, axes, keepdims):
        return impl(x, axis=axes, keepdims=keepdims)

    def aval(x, *, axes, keepdims):
        dtype = np.asarray(impl(np.ones((1,) * len(x.shape), x.dtype), axis=axes)).dtype
        return Aval(reduced_shape(x.shape, axes, keepdims), dtype)

    def jvp(tangents, y, x, *, axes, keepdims):
        (t,) = tangents
        if callable(d):
            weights = d(kept(y, x.shape, axes), x, axes)
            t = (np.where(weights != 0, t, np.zeros((), t.dtype)) if selects else t) * weights
        return spread(np.sum(t, axis=axes, keepdims=keepdims), y)

    def vjp(wanted, ct, y, x, *, axes, keepdims):
        ct = stretched(kept(ct, x.shape, axes), x.shape)
        if callable(d):
            weights = d(kept(y, x.shape, axes), x, axes)
            ct = ct * adjoint(weights)
            if selects:
                return (Supported(cast(ct, x.dtype), weights != 0),)
        return (cast(ct, x.dtype),)

    def batch(is_batched, x, *, axes, keepdims):
        return bind(primitive, x, axes=tuple(i + 1 for i in axes), keepdims=keepdims)

    def slots_of(wanted, y, x, *, axes, keepdims):  # y[i] depends on every x[i, j]
        move = _slots.reduced(x.shape, axes, keepdims, y.shape)
        weight = (lambda: move(d(kept(y, x.shape, axes), x, axes), 0)) if callable(d) else d
        return ((_slots.Link(move, weight, selects),),)

    def element(body, i, x, *, axes, keepdims):
        kept_axes = [k for k in range(len(x.shape)) if k not in axes]
        at = dict(zip(kept_axes, [n for k, n in enumerate(i) if not (keepdims and k in axes)], strict=True))

        def term(*j):
            place = at | dict(zip(axes, j, strict=True))
            return x(tuple(place[k] for k in range(len(x.shape))))

        dtype = aval(x.aval, axes=axes, keepdims=keepdims).dtype
        return body.reduce(name, [x.shape[k] for k in axes], term, dtype)

    saves = keeps_all if callable(d) else keeps_nothing
    primitive = register(
        Primitive(
            name,
            run,
            aval,
            None if d is None else jvp,
            None if d is None else vjp,
            saves,
            batch,
            _slots.nothing if d is None else slots_of,
            element=element if loops else None,
            zeros=None if callable(d) else "move",
        )
    )
    return primitive


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def kept(y: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """A reduced `y` with the reduced axes of `shape` back as 1; a number as it is, since that broadcasts anyway."""
    return y if y.shape == () else np.reshape(y, reduced_shape(shape, axes, True))


# ---- structural ---------------------------------------------------------------------------------------------


def structural(
    impl: Callable[..., Any],
    *,
    name: str,
    transpose: Callable[..., Any],
    batch: Callable[..., Any],
    element: Callable[..., Any] | None = None,
    move: Callable[..., Any] | None = None,
    slots: Callable[..., Any] | None = None,
    memory: str | None = None,
) -> Primitive:
    """A primitive that only moves elements of its one input; `impl` says where to.

    Being linear, its tangent map is the operation itself, and its cotangent is `transpose(ct, x, **params)`, x
    being asked for its shape only. `batch(x, **params)` does it with a batch axis in front, which moves slots, too,
    unless `move(y, x, **params)` says it in a form that keeps parts together, or `slots` is a rule of its own.
    """

    def aval(x, **params):
        return Aval(np.shape(impl(np.broadcast_to(np.zeros((), bool), x.shape), **params)), x.dtype)

    def jvp(tangents, y, x, **params):
        return bind(primitive, tangents[0], **params)

    def vjp(wanted, ct, y, x, **params):
        return (transpose(ct, x, **params),)

    def batch_rule(is_batched, x, **params):
        return batch(x, **params)

    def moved(wanted, y, x, **params):
        return ((_slots.Link(move(y, x, **params) if move else _slots.ruled(primitive, **params)),),)

    rules = aval, jvp, vjp, keeps_nothing, batch_rule, slots or moved
    primitive = Primitive(name, impl, *rules, element=element, zeros="move", moves=True, memory=memory)
    return register(primitive)


# ---- blockwise ----------------------------------------------------------------------------------------------


def blockwise(
    impl: Callable[..., Any],
    *,
    name: str,
    signature: str,
    jvp: Callable[..., Any] | None,
    vjp: Callable[..., Any] | None,
    saves: Callable[..., Kept] | None = None,
    dtype: Callable[..., Any] | None = None,
    multi: bool = False,
) -> Primitive:
    """A primitive whose rules are written by hand, and that treats the leading axes of its inputs as a batch.

    `signature` is that of a generalised ufunc, "(m,m),(m,n)->(m,n)": the axes that are mixed. All other axes
    broadcast. Sizes that appear on the right only are given by parameters of that name. `dtype(*avals, **params)` is
    the dtype of the output, a tuple if there are several; by default the promoted, at least floating, dtype of
    the inputs.
    """
    saves = saves or (keeps_all if vjp else keeps_nothing)
    left, right = signature.replace(" ", "").split("->")
    cores_in, cores_out = _cores(left), _cores(right)

    def aval(*avals, **params):
        sizes = dict(params)
        for a, core in zip(avals, cores_in, strict=True):
            sizes.update(zip(core, a.shape[len(a.shape) - len(core) :], strict=True))
        lead = np.broadcast_shapes(*(a.shape[: len(a.shape) - len(c)] for a, c in zip(avals, cores_in, strict=True)))
        dtypes = dtype(*avals, **params) if dtype else np.result_type(*(a.dtype for a in avals), np.float32)
        out = [(*lead, *(int(n) if n.isdigit() else sizes[n] for n in core)) for core in cores_out]
        if not multi:
            return Aval(out[0], dtypes)
        dtypes = dtypes if isinstance(dtypes, tuple) else (dtypes,) * len(out)
        return tuple(map(Aval, out, dtypes))

    def batch(is_batched, *x, **params):
        ndim = max(np.ndim(a) - on - len(c) for a, on, c in zip(x, is_batched, cores_in, strict=True))
        x = [pad_axes(a, ndim + len(c)) if on else a for a, on, c in zip(x, is_batched, cores_in, strict=True)]
        return bind(primitive, *x, **params)

    def slots_of(wanted, y, *x, **params):
        counts = [len(c) for c in cores_in]
        outputs = zip(y if multi else (y,), cores_out, strict=True)
        found = tuple(_slots.mixing(wanted, v.shape, len(core), x, counts) for v, core in outputs)
        return found if multi else found[0]

    primitive = register(
        Primitive(name, impl, aval, jvp, vjp, saves, batch, slots_of if jvp else _slots.nothing, multi)
    )
    return primitive


def _cores(text: str) -> list[tuple[str, ...]]:
    """The axes of each operand: `(m,n),()` gives `[("m", "n"), ()]`."""
    return [tuple(n for n in part.split(",") if n) for part in text[1:-1].split("),(")]


def size(shape: Sequence[int]) -> int:
    return math.prod(shape)

"""Reductions, and their running forms. A reduction's derivative is an array of weights, one for both modes."""

import numpy as np

from ..core import slots
from ..core.primitive import Aval, Primitive, keeps_nothing, register
from ..core.trace import bind
from .families import cast, reduced_shape, reduction, spread


def share_of_extreme(y, x, axes):
    """1 at the maximum (or minimum, or NaN, which is both), split evenly among ties."""
    chosen = ((x == y) | (x != x)).astype(y.dtype)
    return chosen / np.sum(chosen, axis=axes, keepdims=True)


def others(y, x, axes):
    """The product of all other elements, without a division: right through zeros, to any order."""
    shape = x.shape
    last = np.moveaxis(x, axes, range(len(shape) - len(axes), len(shape)))
    lead = tuple(n for i, n in enumerate(shape) if i not in axes)
    rows = np.reshape(last, (*lead, -1)) if x.size else np.reshape(last, (*lead, 0))
    before, after = running_product(rows[..., :-1]), running_product(rows[..., :0:-1])[..., ::-1]
    one = np.ones_like(rows[..., :1])
    weights = np.concatenate([one, before], axis=-1) * np.concatenate([after, one], axis=-1)
    back = np.reshape(weights, (*lead, *(shape[i] for i in axes)))
    return np.moveaxis(back, range(len(shape) - len(axes), len(shape)), axes)


def running_product(x):
    """Cumulative product along the last axis by doubling (Hillis and Steele 1986): log2(n) multiplications."""
    step, n = 1, x.shape[-1]
    while step < n:
        x = np.concatenate([x[..., :step], x[..., step:] * x[..., :-step]], axis=-1)
        step *= 2
    return x


def softmax_weights(y, x, axes):
    """exp(x - y); infinities share what they can, nothing is NaN."""
    top = np.isposinf(y)
    at_top = np.isposinf(x).astype(y.dtype)
    finite = np.isfinite(y)
    weights = np.exp(np.where(finite, x, 0.0) - np.where(finite, y, 0.0))
    count = np.sum(at_top, axis=axes, keepdims=True)
    weights = np.where(top, at_top / np.where(top, count, 1.0), weights)
    return np.where(np.isneginf(y), 0.0, np.where(np.isnan(y), y, weights))


def logsumexp_of(x, axis, keepdims=False):
    """log(sum(exp(x))) with the largest element taken out, so that nothing overflows."""
    x = np.asarray(x)
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    at_top = x == top
    count = np.sum(at_top, axis=axis, keepdims=True).astype(x.dtype)
    rest = np.sum(np.where(at_top, np.zeros((), x.dtype), np.exp(x - shift)), axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # log1p: next to one large element, small ones count
        y = np.where(np.isfinite(top), np.log1p(rest / count) + np.log(count) + shift, top).astype(x.dtype)
    return y if keepdims else np.squeeze(y, axis=axis)


# The methods, where there are any: np.sum takes a microsecond longer to come to the same.
sum_ = reduction(lambda x, **how: x.sum(**how), name="sum", d=1)
max_ = reduction(lambda x, **how: x.max(**how), name="max", d=share_of_extreme, selects=True)
min_ = reduction(lambda x, **how: x.min(**how), name="min", d=share_of_extreme, selects=True)
prod = reduction(lambda x, **how: x.prod(**how), name="prod", d=others)
logsumexp = reduction(logsumexp_of, name="logsumexp", d=softmax_weights, loops=False)
any_ = reduction(np.any, name="any", d=None)
all_ = reduction(np.all, name="all", d=None)
count_nonzero = reduction(np.count_nonzero, name="count_nonzero", d=None, loops=False)


# ---- cumulative sum: linear ---------------------------------------------------------------------------------


def cumsum_jvp(tangents, y, x, *, axis):
    return spread(np.cumsum(tangents[0], axis=axis), y)


def cumsum_vjp(wanted, ct, y, x, *, axis):
    return (cast(np.flip(np.cumsum(np.flip(ct, axis), axis=axis), axis), x.dtype),)


def cumsum_slots(wanted, y, x, *, axis):
    """y[k] is the sum of x[0], ..., x[k]: slot k - j of y[k] is x[j]."""
    return ((slots.Link(slots.Mapped(earlier, (axis,), fills=True)),),)


def earlier(x, axis):
    """What came how many steps before along an axis, 0 where there was nothing: `(B, n, *shape)`."""
    n = x.shape[axis + 1]
    lead = (slice(None),) * (axis + 1)
    zeros = np.zeros_like(x)
    padded = np.concatenate([zeros[(*lead, slice(1, None))], x], axis=axis + 1)
    if not n:
        return np.reshape(x, (x.shape[0], 0, *x.shape[1:]))
    return np.stack([padded[(*lead, slice(n - 1 - k, 2 * n - 1 - k))] for k in range(n)], axis=1)


cumsum = register(
    Primitive(
        "cumsum",
        impl=lambda x, *, axis: np.cumsum(x, axis=axis),
        aval=lambda x, *, axis: Aval(x.shape, np.cumsum(np.ones(1, x.dtype)).dtype),
        jvp=cumsum_jvp,
        vjp=cumsum_vjp,
        saves=keeps_nothing,
        batch=lambda is_batched, x, *, axis: bind(cumsum, x, axis=axis + 1),
        slots=cumsum_slots,
    )
)


# ---- positions: integers, so no derivative --------------------------------------------------------------------


def positions(impl, *, name, reduces):
    """A primitive for positions along an axis: argmax, argmin (which reduce it) and argsort (which does not)."""

    def shape(x, axis):
        return reduced_shape(x.shape, (axis,), False) if reduces else x.shape

    def batch(is_batched, x, *, axis, **params):
        return bind(primitive, x, axis=axis + 1, **params)

    primitive = register(
        Primitive(
            name,
            impl=lambda x, *, axis, **params: impl(x, axis=axis, **params),
            aval=lambda x, *, axis, **params: Aval(shape(x, axis), np.dtype(np.intp)),
            jvp=None,
            vjp=None,
            saves=keeps_nothing,
            batch=batch,
            slots=slots.nothing,
        )
    )
    return primitive


argmax = positions(np.argmax, name="argmax", reduces=True)
argmin = positions(np.argmin, name="argmin", reduces=True)
nanargmax = positions(np.nanargmax, name="nanargmax", reduces=True)
nanargmin = positions(np.nanargmin, name="nanargmin", reduces=True)
argsort = positions(np.argsort, name="argsort", reduces=False)
argpartition = positions(np.argpartition, name="argpartition", reduces=False)

"""Sums of exponentials and their logarithms: the values are SciPy's, and the derivatives as stable.

The derivative of logsumexp is exp(a) / sum(b exp(a)), the share of an element. Infinite elements share what they can,
and a sum that is 0 whatever the weights, since every element is -inf, has slope 0: nothing is NaN that need not be.
"""

import math
from typing import Any

import numpy as np
import scipy.special

from ...core.primitive import keeps_output
from ...core.trace import bind
from ...ops.control import stop_gradient
from ...ops.families import add_up, adjoint, blockwise, fit, reduced_shape, spread
from ...ops.signatures.tools import all_axes, array
from ..namespace import instead_of

# ---- logsumexp: a, b -> log |sum of b exp(a)|, and the sign (of a complex sum, the phase) ---------------------------


def logsumexp_impl(a, b):
    return scipy.special.logsumexp(a, -1, b, return_sign=True)


def slopes(wanted, ys, a, b):
    """b exp(a) / total and exp(a) / total, total being sum(b exp(a)): those of the logarithm of the sum in a and in b.

    The known logarithm only keeps numbers small: its own rounding error, large if it is large, cancels in the quotient.
    An element whose weight is 0 is not read, as in SciPy.
    """
    log = stop_gradient(ys[0])[..., None]
    infinite = np.isposinf(log)
    with np.errstate(over="ignore", invalid="ignore"):  # of what is not read
        e = np.exp(np.where(infinite, 0, a) - np.where(np.isfinite(log), log, 0))
        e = np.where(infinite, np.isposinf(np.real(a)), e)
        be = np.where((b != 0) | np.isfinite(e), b * e, 0)
    total = np.sum(be, axis=-1, keepdims=True)
    return [share(v, total) if on else None for on, v in zip(wanted, (be, e), strict=True)]


def share(part, total):
    """part / total; of nothing, nothing."""
    return part / np.where((part == 0) & (total == 0), 1, total)


def logsumexp_jvp(tangents, ys, a, b):
    log, sign = ys
    wanted = [t is not None for t in tangents]
    parts = zip(tangents, slopes(wanted, ys, a, b), strict=True)
    slope = add_up([np.sum(t * d, axis=-1) for t, d in parts if t is not None])
    if sign.dtype.kind != "c":
        return spread(slope, log), None
    return spread(np.real(slope), log), spread(1j * np.imag(slope) * sign, sign)


def logsumexp_vjp(wanted, cts, ys, a, b):
    ct, ct_sign = cts
    sign = ys[1]
    ct = np.zeros(ys[0].shape, ys[0].dtype) if ct is None else ct
    if ct_sign is not None and sign.dtype.kind == "c":
        ct = ct + 1j * np.imag(np.conjugate(sign) * ct_sign)
    ct = ct[..., None]
    pairs = zip(slopes(wanted, ys, a, b), (a, b), strict=True)
    return tuple(None if d is None else fit(ct * adjoint(d), x) for d, x in pairs)


def logsumexp_dtypes(a, b):
    dtype = np.result_type(a.dtype, b.dtype)
    return np.finfo(dtype).dtype, dtype


log_sum = blockwise(
    logsumexp_impl,
    name="scipy.special.logsumexp",
    signature="(n),(n)->(),()",
    jvp=logsumexp_jvp,
    vjp=logsumexp_vjp,
    dtype=logsumexp_dtypes,
    multi=True,
)


@instead_of(scipy.special.logsumexp)
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """log(sum(b exp(a))), differentiable in a and in the weights b, real and complex."""
    a, weighted = floating(a), b is not None
    b = floating(b) if weighted else np.ones(1, a.dtype)
    dtype, shape = np.result_type(a.dtype, b.dtype), np.broadcast_shapes(a.shape, b.shape, (1,))
    axes = all_axes(axis, len(shape))
    a = rows(np.broadcast_to(a.astype(dtype), shape), axes)
    b = rows(np.broadcast_to(b.astype(dtype), shape), axes) if weighted else b
    log, sign = (np.reshape(y, reduced_shape(shape, axes, keepdims)) for y in bind(log_sum, a, b))
    if return_sign:
        return log, sign
    if dtype.kind == "c":
        return log + 1j * np.angle(sign)
    return np.where((sign < 0) & (log > -np.inf), np.nan, log) if weighted else log


def floating(x: Any) -> Any:
    x = array(x)
    return x if x.dtype.kind in "fc" else x.astype(float)


def rows(x: Any, axes: tuple[int, ...]) -> Any:
    """`x` with these axes as one, the last."""
    lead = [n for i, n in enumerate(x.shape) if i not in axes]
    count = math.prod(x.shape[i] for i in axes)
    return np.reshape(np.moveaxis(x, axes, range(len(lead), len(x.shape))), (*lead, count))


def from_rows(y: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The inverse, for an array of that shape."""
    lead = [n for i, n in enumerate(shape) if i not in axes]
    moved = np.reshape(y, (*lead, *(shape[i] for i in axes)))
    return np.moveaxis(moved, range(len(lead), len(shape)), axes)


# ---- softmax and its logarithm: of the rows of x --------------------------------------------------------------------


def inner(a, b):
    return np.sum(a * b, axis=-1, keepdims=True)


softmax_rows = blockwise(
    lambda x: scipy.special.softmax(x, -1),
    name="scipy.special.softmax",
    signature="(n)->(n)",
    jvp=lambda tangents, y, x: y * (tangents[0] - inner(y, tangents[0])),
    vjp=lambda wanted, ct, y, x: (adjoint(y) * (ct - inner(adjoint(y), ct)),),
    saves=keeps_output,
    dtype=lambda x: x.dtype,
)


def log_softmax_jvp(tangents, y, x):
    return tangents[0] - inner(np.exp(y), tangents[0])


def log_softmax_vjp(wanted, ct, y, x):
    return (ct - adjoint(np.exp(y)) * np.sum(ct, axis=-1, keepdims=True),)


log_softmax_rows = blockwise(
    lambda x: scipy.special.log_softmax(x, -1),
    name="scipy.special.log_softmax",
    signature="(n)->(n)",
    jvp=log_softmax_jvp,
    vjp=log_softmax_vjp,
    saves=keeps_output,
    dtype=lambda x: x.dtype,
)


def of_rows(primitive: Any, x: Any, axis: Any) -> Any:
    x = floating(x)
    axes = all_axes(axis, len(x.shape))
    return from_rows(bind(primitive, rows(x, axes)), x.shape, axes)


@instead_of(scipy.special.softmax)
def softmax(x, axis=None):
    """exp(x) / sum(exp(x)); differentiable in x. Elements that are -inf have the value and the slope 0."""
    return of_rows(softmax_rows, x, axis)


@instead_of(scipy.special.log_softmax)
def log_softmax(x, axis=None):
    """x - log(sum(exp(x))); differentiable in x."""
    return of_rows(log_softmax_rows, x, axis)

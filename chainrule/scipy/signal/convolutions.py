"""Convolutions and correlations of arrays with any number of axes: bilinear, so each derivative is a convolution again.

There are two ways to compute all entries of a convolution: from the sums (`full`) and by Fourier transforms
(`by_fft`). Everything else is a part of it, or the convolution of a padded array.
"""

from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

from ...core.primitive import Aval, Primitive, register
from ...core.trace import bind
from ...ops.contractions import convolve_slots
from ...ops.families import add_up, adjoint, fit, keeps_others, spread
from ...ops.signatures.tools import array, common_dtype, one_axis
from ..namespace import instead_of

# ---- full: y[k] = sum of a[i] b[j] over i + j = k, for arrays of the same number of axes -----------------------------


def full_impl(a, b):
    return scipy.signal.convolve(a, b, "full", "direct")


def full_shape(a, b):
    return tuple(n + m - 1 for n, m in zip(a.shape, b.shape, strict=True))


def full_aval(a, b):
    return Aval(full_shape(a, b), np.result_type(a.dtype, b.dtype))


def full_jvp(tangents, y, a, b):
    ta, tb = tangents
    return spread(
        add_up((None if ta is None else bind(full, ta, b), None if tb is None else bind(full, a, tb))),
        y,
    )


def full_vjp(wanted, ct, y, a, b):
    """The adjoint of sliding b over an array is to slide it over ct, without turning it round."""
    return tuple(
        fit(bind(full, ct, turned(adjoint(other)))[inner(other.shape, x.shape)], x) if on else None
        for x, other, on in zip((a, b), (b, a), wanted, strict=True)
    )


def turned(x: Any) -> Any:
    return x[(slice(None, None, -1),) * x.ndim]


def inner(start: Any, shape: Any) -> tuple[slice, ...]:
    """What is left of `shape` after the first `start - 1` places."""
    return tuple(slice(m - 1, m - 1 + n) for m, n in zip(start, shape, strict=True))


def full_batch(is_batched, a, b):
    if all(is_batched):
        return np.stack([bind(full, a[k], b[k]) for k in range(np.shape(a)[0])])
    return bind(full, *(x if on else x[None] for x, on in zip((a, b), is_batched, strict=True)))


full = register(
    Primitive(
        "scipy.signal.convolve",
        impl=full_impl,
        aval=full_aval,
        jvp=full_jvp,
        vjp=full_vjp,
        saves=keeps_others,
        batch=full_batch,
        slots=convolve_slots,
    )
)


def convolved(a: Any, b: Any) -> Any:
    """All entries of the convolution."""
    return np.convolve(a, b) if a.ndim == 1 else bind(full, a, b)


def by_fft(a: Any, b: Any, axes: Any = None) -> Any:
    """The same along some axes, by Fourier transforms; along the others the arrays are multiplied."""
    axes = [i for i in range(a.ndim) if axes is None or i in axes]
    along = [i for i in axes if a.shape[i] != 1 and b.shape[i] != 1]  # a number is a factor
    if not along:
        return a * b
    is_real = "c" not in (a.dtype.kind, b.dtype.kind)
    lengths = [a.shape[i] + b.shape[i] - 1 for i in along]
    fast: Any = [scipy.fft.next_fast_len(n, is_real) for n in lengths]
    there, back = (np.fft.rfftn, np.fft.irfftn) if is_real else (np.fft.fftn, np.fft.ifftn)
    y = back(there(a, fast, along) * there(b, fast, along), fast, along)
    return y[tuple(slice(lengths[along.index(i)]) if i in along else slice(None) for i in range(a.ndim))]


# ---- the parts of it that are asked for ------------------------------------------------------------------------------


def operands(in1: Any, in2: Any) -> tuple[Any, Any]:
    a, b = array(in1), array(in2)
    if a.ndim != b.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    return a, b


def check_mode(mode: Any) -> None:
    if mode not in ("full", "same", "valid"):
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")


def larger_first(a: Any, b: Any, mode: str, axes: Any = None) -> tuple[Any, Any]:
    """For mode="valid": the array that is at least as long along each of the axes, and the other."""
    if mode != "valid":
        return a, b
    longer = [a.shape[i] - b.shape[i] for i in range(a.ndim) if axes is None or i in axes]
    if any(n < 0 for n in longer) and any(n > 0 for n in longer):
        raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
    return (b, a) if any(n < 0 for n in longer) else (a, b)


def part(y: Any, a: Any, b: Any, mode: str, axes: Any = None) -> Any:
    """The middle of all entries: as long as `a` is, or those where the arrays overlap completely."""
    if mode == "full":
        return y
    axes = range(y.ndim) if axes is None else axes
    lengths = {"same": a.shape, "valid": [n - m + 1 for n, m in zip(a.shape, b.shape, strict=True)]}[mode]
    return y[
        tuple(
            slice((k - n) // 2, (k - n) // 2 + n) if mode == "same" or i in axes else slice(None)
            for i, (k, n) in enumerate(zip(y.shape, lengths, strict=True))
        )
    ]


@instead_of(scipy.signal.convolve)
def convolve(in1, in2, mode="full", method="auto"):
    """The convolution of two arrays; differentiable in both. Each method is differentiated by the same.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.signal import convolve
    >>> cr.jacobian(lambda x: convolve(x, [1.0, 2.0], "valid"))(np.zeros(3))
    array([[2., 1., 0.],
           [0., 2., 1.]])
    """
    a, b = operands(in1, in2)
    if not a.ndim:
        return a * b
    check_mode(mode)
    a, b = larger_first(a, b, mode)
    if method == "auto":
        like = (np.broadcast_to(np.ones((), x.dtype), x.shape) for x in (a, b))
        method = scipy.signal.choose_conv_method(*like, mode=mode)
    if method == "direct":
        return part(convolved(a, b), a, b, mode)
    if method != "fft":
        raise ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'.")
    return part(by_fft(a, b), a, b, mode).astype(common_dtype(a, b))


@instead_of(scipy.signal.correlate)
def correlate(in1, in2, mode="full", method="auto"):
    """The correlation of two arrays, of which the second is conjugated; differentiable in both."""
    a, b = operands(in1, in2)
    if not a.ndim:
        return a * adjoint(b)
    check_mode(mode)
    return convolve(a, turned(adjoint(b)), mode, method)


@instead_of(scipy.signal.fftconvolve)
def fftconvolve(in1, in2, mode="full", axes=None):
    """The convolution of two arrays by Fourier transforms; differentiable in both."""
    a, b = operands(in1, in2)
    if not a.ndim:
        return a * b
    check_mode(mode)
    if 0 in (*a.shape, *b.shape):
        return np.zeros(0)
    if axes is not None:
        axes = [one_axis(i, a.ndim) for i in (axes if np.iterable(axes) else (axes,))]
        if not axes:
            raise ValueError("when provided, axes cannot be empty")
        if len(set(axes)) != len(axes):
            raise ValueError("all axes must be unique")
    along = [i for i in range(a.ndim) if (axes is None or i in axes) and a.shape[i] != 1 and b.shape[i] != 1]
    if any(len({a.shape[i], b.shape[i], 1}) > 2 for i in range(a.ndim) if i not in along):
        raise ValueError(f"incompatible shapes for in1 and in2: {a.shape} and {b.shape}")
    a, b = larger_first(a, b, mode, along)
    return part(by_fft(a, b, along), a, b, mode, along)


@instead_of(scipy.signal.oaconvolve)
def oaconvolve(in1, in2, mode="full", axes=None):
    """The convolution of two arrays by Fourier transforms; differentiable in both.

    Traced arrays are transformed as a whole, not in blocks: the result is the same but for rounding.
    """
    return fftconvolve(in1, in2, mode, axes)


# ---- images ----------------------------------------------------------------------------------------------------------

FILL, WRAP, MIRROR = None, "wrap", "symmetric"
BOUNDARIES: dict[str, Any] = {
    **{"fill": FILL, "pad": FILL, "wrap": WRAP, "circular": WRAP, "symm": MIRROR, "symmetric": MIRROR},
}


def sliding(a: Any, b: Any, mode: str, boundary: str, fillvalue: Any, start: Any = None) -> Any:
    """The convolution of an image with b; what lies beyond its edges is made up.

    start: twice the place, among all, where the entries for mode="same" start.
    """
    check_mode(mode)
    if boundary not in BOUNDARIES:
        raise ValueError("Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or 'symm').")
    if mode == "valid":
        return part(bind(full, a, b), a, b, mode)
    widths, how = [(m - 1, m - 1) for m in b.shape], BOUNDARIES[boundary]
    wide = np.pad(a, widths) if how is None else np.pad(a, widths, how)
    if how is None:
        wide = np.where(np.pad(np.zeros(a.shape), widths, constant_values=1), fillvalue, wide)
    y = part(bind(full, wide, b), wide, b, "valid")
    if mode == "full":
        return y
    start = [m - 1 for m in b.shape] if start is None else start
    return y[tuple(slice(k // 2, k // 2 + n) for k, n in zip(start, a.shape, strict=True))]


def images(in1: Any, in2: Any, what: str) -> tuple[Any, Any]:
    a, b = array(in1), array(in2)
    if not a.ndim == b.ndim == 2:
        raise ValueError(f"{what} inputs must both be 2-D arrays")
    return a, b


@instead_of(scipy.signal.convolve2d)
def convolve2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """The convolution of two images; differentiable in both and in fillvalue."""
    return sliding(*larger_first(*images(in1, in2, "convolve2d"), mode), mode, boundary, fillvalue)


@instead_of(scipy.signal.correlate2d)
def correlate2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """The correlation of two images, of which the second is conjugated; differentiable in both and in fillvalue."""
    a, b = images(in1, in2, "correlate2d")
    first, second = larger_first(a, b, mode)
    y = sliding(first, turned(adjoint(second)), mode, boundary, fillvalue, start=second.shape)
    return y if first is a else turned(y)

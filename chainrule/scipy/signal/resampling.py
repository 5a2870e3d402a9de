"""Signals at other rates."""

import math
import operator
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

from ...core.trace import is_traced
from ...ops.fft import real_dtype
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import along, one_axis, refuse
from ..namespace import instead_of
from .convolutions import convolved
from .filters import sosfilt, sosfiltfilt

# ---- upsampled, filtered, downsampled --------------------------------------------------------------------------------

PADDING: dict[str, tuple[Any, dict[str, Any]]] = {
    "wrap": ("wrap", {}),
    "periodic": ("wrap", {}),
    "edge": ("edge", {}),
    "symmetric": ("symmetric", {}),
    "reflect": ("reflect", {}),
    "antireflect": ("reflect", {"reflect_type": "odd"}),
}


def extended(x: Any, width: int, mode: str, cval: Any, axis: int) -> Any:
    """x with `width` more samples at each end of an axis."""
    if not width or (mode == "constant" and not is_traced(cval) and cval == 0):
        widths = [(width, width) if i == axis else (0, 0) for i in range(x.ndim)]
        return np.pad(x, widths)
    widths = [(width, width) if i == axis else (0, 0) for i in range(x.ndim)]
    if mode in PADDING:
        how, options = PADDING[mode]
        return np.pad(x, widths, how, **options)
    own = np.pad(np.ones(x.shape, bool), widths)
    if mode == "constant":
        return np.where(own, np.pad(x, widths), cval)
    n = x.shape[axis]
    if mode == "antisymmetric":
        sign = np.where((np.arange(-width, n + width) // n) % 2, -1.0, 1.0)
        return np.pad(x, widths, "symmetric") * np.reshape(sign, shape_along(x, axis))
    at = lambda k: x[along(axis, slice(k, k + 1 or None))]  # noqa: E731
    if mode == "smooth":
        left, right = (at(1) - at(0), at(-1) - at(-2)) if n > 1 else (at(0) * 0, at(0) * 0)
    elif mode == "line":
        left = right = (at(-1) - at(0)) / (n - 1) if n > 1 else at(0) * 0
    else:
        raise ValueError(f"Unknown mode: {mode}")
    steps = np.reshape(np.arange(1.0, width + 1), shape_along(x, axis))
    return np.concatenate([at(0) - np.flip(steps, axis) * left, x, at(-1) + steps * right], axis)


def shape_along(x: Any, axis: int) -> tuple[int, ...]:
    return tuple(-1 if i == axis else 1 for i in range(x.ndim))


@instead_of(scipy.signal.upfirdn)
def upfirdn(h, x, up=1, down=1, axis=-1, mode="constant", cval=0):
    """x with zeros put between its samples, filtered by h, and only some of that; differentiable in h, x and cval."""
    h, x = nested(h), nested(x)
    if h.ndim != 1 or not h.size:
        raise ValueError("h must be 1-D with non-zero length")
    up, down = int(up), int(down)
    if up < 1 or down < 1:
        raise ValueError("Both up and down must be >= 1")
    dtype = np.result_type(h.dtype, x.dtype, np.float32)
    axis, n, taps = one_axis(axis, x.ndim), x.shape[axis], h.shape[0]
    width = -(-(taps - 1) // up)
    x = np.moveaxis(extended(x.astype(dtype), width, mode, cval, axis), axis, -1)
    apart = np.stack([x, *[np.zeros(x.shape, dtype)] * (up - 1)], -1)
    apart = np.reshape(apart, (*x.shape[:-1], x.shape[-1] * up))
    kernel = np.reshape(h.astype(dtype), (1,) * (x.ndim - 1) + (-1,))
    count = ((n - 1) * up + taps - 1) // down + 1
    start = width * up
    y = convolved(apart, kernel)[..., start : start + (count - 1) * down + 1 : down]
    return np.moveaxis(y, -1, axis)


BACKGROUNDS: dict[str, Any] = {"mean": np.mean, "median": np.median, "minimum": np.min, "maximum": np.max}


@instead_of(scipy.signal.resample_poly)
def resample_poly(x, up, down, axis=0, window=("kaiser", 5.0), padtype="constant", cval=None):
    """x at up/down times its rate, by a filter between; differentiable in x, in a window of numbers, and in cval."""
    x = nested(x)
    if up != int(up) or down != int(down):
        raise ValueError(f"{'up' if up != int(up) else 'down'} must be an integer")
    up, down = int(up), int(down)
    if up < 1 or down < 1:
        raise ValueError("up and down must be >= 1")
    if cval is not None and padtype != "constant":
        raise ValueError("cval has no effect when padtype is ", padtype)
    up, down = up // math.gcd(up, down), down // math.gcd(up, down)
    if up == down == 1:
        return np.copy(x)
    axis = one_axis(axis, x.ndim)
    n = x.shape[axis]
    count = -(-n * up // down)
    h: Any
    if isinstance(window, list) or hasattr(window, "shape"):
        h = nested(window)
        if h.ndim > 1:
            raise ValueError("window must be 1-D")
        half = (h.size - 1) // 2
    else:
        half = 10 * max(up, down)
        h = scipy.signal.firwin(2 * half + 1, 1.0 / max(up, down), window=window)
        h = h.astype(x.dtype) if x.dtype.kind in "fc" else h
    h = h * up
    before = down - half % down
    first = (half + before) // down
    after = 0
    while ((n - 1) * up + h.size + before + after - 1) // down + 1 < count + first:
        after += 1
    h = np.concatenate([np.zeros(before, h.dtype), h, np.zeros(after, h.dtype)])
    keep = along(axis, slice(first, first + count))
    if padtype in BACKGROUNDS:
        background = BACKGROUNDS[padtype](x, axis=axis, keepdims=True)
        return upfirdn(h, x - background, up, down, axis)[keep] + background
    if padtype != "constant" and padtype not in MODES:
        raise ValueError("padtype must be one of: maximum, mean, median, minimum, " + ", ".join(MODES))
    return upfirdn(h, x, up, down, axis, padtype, 0 if cval is None else cval)[keep]


MODES = ("constant", *PADDING, "antisymmetric", "smooth", "line")


@instead_of(scipy.signal.decimate)
def decimate(x, q, n=None, ftype="iir", axis=-1, zero_phase=True):
    """Each q-th sample of x, filtered before; differentiable in x."""
    x, q = nested(x), operator.index(q)
    n = None if n is None else operator.index(n)
    dtype = x.dtype if x.dtype.kind in "fc" and x.dtype != np.float16 else np.dtype(float)
    axis = one_axis(axis, x.ndim)
    every = along(axis, slice(None, None, q))
    if ftype == "fir":
        b: Any = scipy.signal.firwin((20 * q if n is None else n) + 1, 1.0 / q, window="hamming")
        b = b.astype(dtype)
        if zero_phase:
            return resample_poly(x, 1, q, axis, b)
        return upfirdn(b, x, 1, q, axis)[along(axis, slice(-(-x.shape[axis] // q)))]
    if ftype == "iir":
        sos: Any = scipy.signal.cheby1(8 if n is None else n, 0.05, 0.8 / q, output="sos")
        sos = sos.astype(dtype)
        return (sosfiltfilt if zero_phase else sosfilt)(sos, x, axis)[every]
    if isinstance(ftype, scipy.signal.dlti):
        raise refuse("scipy.signal.decimate", "ftype= an instance of dlti: use filtfilt, and take each q-th sample")
    raise ValueError("invalid ftype")


# ---- by Fourier transforms -------------------------------------------------------------------------------------------


@instead_of(scipy.signal.resample)
def resample(x, num, t=None, axis=0, window=None, domain="time"):
    """x at `num` places, by its Fourier coefficients; differentiable in x, in a window of numbers, and in t."""
    if domain not in ("time", "freq"):
        raise ValueError(f"Acceptable domain flags are 'time' or 'freq', not domain={domain}")
    x = nested(x)
    axis = one_axis(axis, x.ndim)
    x = np.moveaxis(x, axis, -1)
    n, m = x.shape[-1], min(num, x.shape[-1])
    half = m // 2 + 1
    if window is None:
        weights = None
    elif callable(window):
        weights = nested(window(scipy.fft.fftfreq(n)))
    elif hasattr(window, "shape"):
        if window.shape != (n,):
            raise ValueError(f"window.shape={window.shape} != ({n},), the number of frequency bins")
        weights = nested(window)
    else:
        weights = scipy.fft.fftshift(scipy.signal.get_window(window, n))
    if domain == "time" and x.dtype.kind != "c":
        spectrum = np.fft.rfft(x)
        if weights is not None:
            folded = (weights[1:] + weights[:0:-1]) / 2
            spectrum = spectrum * np.concatenate([weights[:1], folded])[: spectrum.shape[-1]]
        share = np.ones(half)
        if m % 2 == 0 and num != n:
            share[m // 2] = 2.0 if num < n else 0.5
        y = np.fft.irfft(spectrum[..., :half] * (share * (num / n)), num)
        y = y.astype(real_dtype(spectrum.dtype))
    else:
        spectrum = np.fft.fft(x) if domain == "time" else x
        if weights is not None:
            spectrum = spectrum * weights
        low, high = spectrum[..., :half], spectrum[..., half - m :] if half < m else spectrum[..., :0]
        if m % 2 == 0 and num < n:  # the two halves of the highest frequency make one
            both = low[..., m // 2 :] + spectrum[..., n - m // 2 : n - m // 2 + 1]
            low, high = np.concatenate([low[..., : m // 2], both], -1), high
        elif m % 2 == 0 and n < num:
            both = low[..., m // 2 :] / 2
            low, high = np.concatenate([low[..., : m // 2], both], -1), np.concatenate([both, high], -1)
        gap = np.zeros((*spectrum.shape[:-1], num - low.shape[-1] - high.shape[-1]), spectrum.dtype)
        y = np.fft.ifft(np.concatenate([low, gap, high], -1) * (num / n), num)
    y = np.moveaxis(y, -1, axis)
    if t is None:
        return y
    t = nested(t)
    return y, np.arange(0, num) * (t[1] - t[0]) * n / num + t[0]

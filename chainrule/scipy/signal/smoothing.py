"""Smoothing, medians, trends, and the analytic signal."""

import itertools
import math
from typing import Any

import numpy as np
import scipy.signal

from ...ops.fft import real_dtype
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import along, one_axis
from ..namespace import instead_of
from .convolutions import convolved, correlate, part

# ---- Savitzky and Golay ----------------------------------------------------------------------------------------------

PADDING: dict[str, Any] = {"mirror": "reflect", "constant": "constant", "nearest": "edge", "wrap": "wrap"}


@instead_of(scipy.signal.savgol_filter)
def savgol_filter(x, window_length, polyorder, deriv=0, delta=1.0, axis=-1, mode="interp", cval=0.0):
    """x, or its derivative, by polynomials fitted to windows of it; differentiable in x, delta and cval.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.signal import savgol_filter
    >>> cr.grad(lambda x: savgol_filter(x, 3, 1)[1])(np.zeros(4))
    array([0.33333333, 0.33333333, 0.33333333, 0.        ])
    """
    if mode not in (*PADDING, "interp"):
        raise ValueError("mode must be 'mirror', 'constant', 'nearest' 'wrap' or 'interp'.")
    x = nested(x)
    x = x if x.dtype in (np.float32, np.float64) else x.astype(float)
    axis, n = one_axis(axis, x.ndim), x.shape[axis]
    weights = scipy.signal.savgol_coeffs(window_length, polyorder, deriv)
    before = window_length // 2
    if mode == "interp":
        if window_length > n:
            raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
        start, end = edges(window_length, polyorder, deriv)
        at = lambda part: x[along(axis, part)]  # noqa: E731
        fitted = [
            np.moveaxis(np.tensordot(m, at(part), (1, axis)), 0, axis)
            for m, part in ((start, slice(window_length)), (end, slice(n - window_length, n)))
        ]
        inside = slid(padded(x, axis, (window_length - 1 - before, before), "constant", 0.0), weights, axis)
        y = np.concatenate([fitted[0], inside[along(axis, slice(before, n - before))], fitted[1]], axis)
    else:
        y = slid(padded(x, axis, (window_length - 1 - before, before), PADDING[mode], cval), weights, axis)
    return (y / delta**deriv).astype(x.dtype)


def padded(x: Any, axis: int, widths: tuple[int, int], how: Any, value: Any) -> Any:
    """x with made-up values before and after it along an axis."""
    all_widths = [widths if i == axis else (0, 0) for i in range(x.ndim)]
    if how != "constant":
        return np.pad(x, all_widths, how)
    own = np.pad(np.ones(x.shape, bool), all_widths)
    return np.where(own, np.pad(x, all_widths), value)


def slid(x: Any, weights: np.ndarray, axis: int) -> Any:
    """The sums of weighted neighbours along an axis, where there are enough of them."""
    kernel = np.reshape(weights, tuple(-1 if i == axis else 1 for i in range(x.ndim)))
    return part(convolved(x, kernel), x, kernel, "valid")


def edges(window: int, order: int, deriv: int) -> tuple[np.ndarray, np.ndarray]:
    """What takes the first (the last) samples to the values of their polynomial at the ends, or its derivative."""
    places, half = np.arange(window), window // 2
    fitted = np.polyfit(places, np.eye(window), order)
    powers = order - np.arange(order + 1)
    for _ in range(deriv):
        fitted, powers = fitted[:-1] * powers[: len(fitted) - 1, None] if len(fitted) > 1 else 0 * fitted, powers - 1
        powers = powers[: len(fitted)]
    values = np.vander(places, len(fitted)) @ fitted
    return values[:half], values[window - half :]


# ---- order statistics ------------------------------------------------------------------------------------------------


def windows(x: Any, shape: tuple[int, ...]) -> Any:
    """All neighbours of each element within a box, along a first axis; zeros beyond the edges."""
    wide = np.pad(x, [(n // 2, n // 2) for n in shape])
    parts = [tuple(slice(k, k + n) for k, n in zip(at, x.shape, strict=True)) for at in np.ndindex(*shape)]
    return np.stack([wide[p] for p in parts])


def sizes_of(kernel_size: Any, ndim: int) -> tuple[int, ...]:
    size = np.asarray(3 if kernel_size is None else kernel_size)
    sizes = tuple(int(n) for n in (np.repeat(size, ndim) if size.shape == () else size))
    if any(n % 2 != 1 for n in sizes):
        raise ValueError("Each element of kernel_size should be odd.")
    return sizes


@instead_of(scipy.signal.medfilt)
def medfilt(volume, kernel_size=None):
    """The median of the neighbours of each element, which are zero beyond the edges; it selects one of them.

    Of equal ones the slope goes to the first.
    """
    volume = np.atleast_1d(nested(volume))
    if volume.dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype={volume.dtype} is not supported by medfilt")
    around = windows(volume, sizes_of(kernel_size, volume.ndim))
    return np.sort(around, axis=0)[len(around) // 2]


@instead_of(scipy.signal.medfilt2d)
def medfilt2d(input, kernel_size=3):
    """The median of the neighbours of each element of an image; see :func:`medfilt`."""
    return medfilt(input, kernel_size)


@instead_of(scipy.signal.order_filter)
def order_filter(a, domain, rank):
    """The element of that rank among the neighbours where `domain` is not zero; it selects one of them."""
    a, domain = nested(a), np.asarray(domain)
    if any(n % 2 != 1 for n in domain.shape):
        raise ValueError("Each dimension of domain argument should have an odd number of elements.")
    around = windows(a, domain.shape)[np.flatnonzero(domain != 0)]
    return np.sort(around, axis=0)[rank]


@instead_of(scipy.signal.wiener)
def wiener(im, mysize=None, noise=None):
    """Wiener's filter, from the mean and the variance around each element; differentiable in im and noise."""
    im = nested(im)
    mysize = np.asarray(3 if mysize is None else mysize)
    box = np.ones(np.repeat(mysize, im.ndim) if mysize.shape == () else mysize)
    mean = correlate(im, box, "same") / float(math.prod(box.shape))
    variance = correlate(im**2, box, "same") / float(math.prod(box.shape)) - mean**2
    noise = np.mean(variance) if noise is None else noise
    kept = variance >= noise
    return np.where(kept, (im - mean) * (1 - noise / np.where(kept, variance, 1.0)) + mean, mean)


# ---- trends ----------------------------------------------------------------------------------------------------------


@instead_of(scipy.signal.detrend)
def detrend(data, axis=-1, type="linear", bp=0, overwrite_data=False):
    """Data less their mean, or less the lines that fit them best between break points; differentiable in data."""
    if type not in ("linear", "l", "constant", "c"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    data = nested(data)
    if type in ("constant", "c"):
        return data - np.mean(data, axis, keepdims=True)
    axis, n = one_axis(axis, data.ndim), data.shape[axis]
    breaks = np.unique(np.concatenate(np.atleast_1d(0, bp, n)))
    if np.any(breaks > n):
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    x, parts = np.moveaxis(data, axis, -1), []
    for start, stop in itertools.pairwise(breaks):
        lines = np.stack([np.arange(1, stop - start + 1) / (stop - start), np.ones(stop - start)], 1)
        basis = np.linalg.qr(lines)[0].astype(x.dtype if x.dtype.kind in "fc" else float)
        piece = x[..., start:stop]
        parts.append(piece - (piece @ basis) @ basis.T)
    return np.moveaxis(np.concatenate(parts, -1), -1, axis)


# ---- the analytic signal ---------------------------------------------------------------------------------------------


def one_sided(n: int) -> np.ndarray:
    """Weights that double the positive frequencies and drop the negative ones."""
    weights = np.zeros(n)
    weights[: (n + 1) // 2] = 2.0
    weights[0] = 1.0
    if n % 2 == 0:
        weights[n // 2] = 1.0
    return weights


def real_signal(x: Any) -> Any:
    x = nested(x)
    if x.dtype.kind == "c":
        raise ValueError("x must be real.")
    return x


@instead_of(scipy.signal.hilbert)
def hilbert(x, N=None, axis=-1):
    """The analytic signal of a real one, by Fourier transforms; differentiable in x."""
    x = real_signal(x)
    axis = one_axis(axis, x.ndim)
    n = x.shape[axis] if N is None else N
    if n <= 0:
        raise ValueError("N must be positive.")
    spectrum = np.fft.fft(x, n, axis)
    weights = one_sided(n).astype(real_dtype(spectrum.dtype))
    weights = np.reshape(weights, tuple(-1 if i == axis else 1 for i in range(x.ndim)))
    return np.fft.ifft(spectrum * weights, axis=axis)


@instead_of(scipy.signal.hilbert2)
def hilbert2(x, N=None, axes=(-2, -1)):
    """The analytic signal of a real image, by Fourier transforms along two axes; differentiable in x."""
    x = np.atleast_2d(real_signal(x))
    if len(axes) != 2:
        raise ValueError("axes must be a tuple of length 2")
    first, second = (one_axis(i, x.ndim) for i in axes)
    if first == second:
        raise ValueError("axes must contain 2 distinct axes")
    sizes = (x.shape[first], x.shape[second]) if N is None else (N, N) if isinstance(N, int) else tuple(N)
    if len(sizes) != 2 or min(sizes) <= 0:
        raise ValueError("N must be positive." if isinstance(N, int) else "N must hold exactly two positive integers")
    spectrum = np.fft.fft2(x, sizes, (first, second))
    for axis, n in zip((first, second), sizes, strict=True):
        k = np.arange(n)
        weights = np.where(k < (n + 1) // 2, np.where(k == 0, 1.0, 2.0), 0.0).astype(real_dtype(spectrum.dtype))
        spectrum = spectrum * np.reshape(weights, tuple(-1 if i == axis else 1 for i in range(x.ndim)))
    return np.fft.ifft2(spectrum, axes=(first, second))

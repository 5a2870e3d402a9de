"""Spectra of signals, cut into overlapping segments that are each weighted by a window and Fourier-transformed."""

import warnings
from typing import Any

import numpy as np
import scipy.signal

from ...ops.signatures.creation import nested
from ...ops.signatures.tools import one_axis
from ..namespace import instead_of
from .filters import extended
from .smoothing import detrend as without_trend

# ---- segments --------------------------------------------------------------------------------------------------------


def window_of(window: Any, nperseg: Any, n: int) -> tuple[Any, int]:
    """The weights within a segment, and its length."""
    if isinstance(window, str | tuple):
        nperseg = 256 if nperseg is None else int(nperseg)
        if nperseg < 1:
            raise ValueError("nperseg must be a positive integer")
        if nperseg > n:
            warnings.warn(f"nperseg={nperseg} is greater than signal length {n}, using nperseg={n}", stacklevel=4)
            nperseg = n
        return scipy.signal.get_window(window, nperseg), nperseg
    weights = nested(window)
    if weights.ndim != 1:
        raise ValueError("window must be 1-D")
    if nperseg is not None and nperseg != weights.shape[0]:
        raise ValueError("value specified for nperseg is different from length of window")
    if weights.shape[0] > n:
        raise ValueError("window is longer than input signal")
    return weights, weights.shape[0]


def lengths(nperseg: int, noverlap: Any, nfft: Any, default: int) -> tuple[int, int]:
    """How far the segments are apart, and the length of the transforms."""
    nfft = nperseg if nfft is None else int(nfft)
    if nfft < nperseg:
        raise ValueError("nfft must be greater than or equal to nperseg.")
    noverlap = default if noverlap is None else int(noverlap)
    if noverlap >= nperseg:
        raise ValueError("noverlap must be less than nperseg.")
    return nperseg - noverlap, nfft


def segments(x: Any, nperseg: int, step: int) -> Any:
    """(..., n) -> (..., segments, nperseg)."""
    starts = np.arange(0, x.shape[-1] - nperseg + 1, step)
    return x[..., starts[:, None] + np.arange(nperseg)]


def transformed(x: Any, weights: Any, step: int, nfft: int, trend: Any, onesided: bool) -> Any:
    """(..., n) -> (..., segments, frequencies)."""
    parts = segments(x, weights.shape[0], step)
    if trend:
        parts = trend(parts) if callable(trend) else without_trend(parts, type=trend)
    parts = parts * weights
    return np.fft.rfft(parts, nfft) if onesided else np.fft.fft(parts, nfft)


def scale_of(weights: Any, fs: Any, scaling: str) -> Any:
    if scaling not in ("density", "spectrum"):
        raise ValueError(f"Unknown scaling: {scaling!r}")
    return 1.0 / (fs * np.sum(weights * weights)) if scaling == "density" else 1.0 / np.sum(weights) ** 2


def frequencies(nfft: int, fs: Any, onesided: bool) -> Any:
    return (np.fft.rfftfreq if onesided else np.fft.fftfreq)(nfft) * fs


def doubled(power: Any, nfft: int) -> Any:
    """A one-sided power spectrum with the power of the other side."""
    share = np.full(power.shape[-1], 2.0)
    share[0] = 1.0
    if nfft % 2 == 0:
        share[-1] = 1.0
    return power * share


# ---- power -----------------------------------------------------------------------------------------------------------


def cross_powers(x, y, fs, window, nperseg, noverlap, nfft, trend, return_onesided, scaling, axis, share=2):
    """The frequencies, and for each segment conj(x) y: (..., segments, frequencies).

    share: of a segment, which overlaps with the next: one in so many samples.
    """
    same, x, y = y is x, nested(x), nested(y)
    x, y = (np.moveaxis(v, one_axis(axis, v.ndim), -1) for v in (x, y))
    n = max(x.shape[-1], y.shape[-1])
    x, y = (
        v if v.shape[-1] == n else np.concatenate([v, np.zeros((*v.shape[:-1], n - v.shape[-1]))], -1) for v in (x, y)
    )
    weights, nperseg = window_of(window, nperseg, n)
    step, nfft = lengths(nperseg, noverlap, nfft, nperseg // share)
    onesided = return_onesided and "c" not in (x.dtype.kind, y.dtype.kind)
    dtype = np.result_type(x.dtype, y.dtype, np.complex64)
    first = transformed(x, weights, step, nfft, trend, onesided)
    if same:
        power, dtype = np.real(first) ** 2 + np.imag(first) ** 2, np.finfo(dtype).dtype
    else:
        power = np.conjugate(first) * transformed(y, weights, step, nfft, trend, onesided)
    power = power * scale_of(weights, fs, scaling)
    power = doubled(power, nfft) if onesided else power
    return frequencies(nfft, fs, onesided), power.astype(dtype)


def median_bias(n: int) -> float:
    """The median of n powers of noise over their mean (Allen et al. 2012, FINDCHIRP, appendix B)."""
    k = 2 * np.arange(1.0, (n - 1) // 2 + 1)
    return 1 + np.sum(1.0 / (k + 1) - 1.0 / k)


@instead_of(scipy.signal.csd)
def csd(
    x, y, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant", return_onesided=True,
    scaling="density", axis=-1, average="mean",
):  # fmt: skip
    """The frequencies, and the cross power density by Welch's method; differentiable in x, y, fs and window."""
    f, power = cross_powers(x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis)
    count = power.shape[-2]
    if average not in ("mean", "median"):
        raise ValueError(f"Parameter average={average!r} must be 'median' or 'mean'!")
    if average == "mean" or count == 1:
        power = np.mean(power, axis=-2)
    else:
        middle = lambda v: np.median(v, axis=-2) / median_bias(count)  # noqa: E731
        power = middle(np.real(power)) + 1j * middle(np.imag(power)) if power.dtype.kind == "c" else middle(power)
    return f, np.moveaxis(power, -1, axis)


@instead_of(scipy.signal.welch)
def welch(
    x, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant", return_onesided=True,
    scaling="density", axis=-1, average="mean",
):  # fmt: skip
    """The frequencies, and the power spectral density by Welch's method; differentiable in x, fs and window.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.signal import welch
    >>> x = np.sin(np.arange(16.0))
    >>> cr.grad(lambda x: np.sum(welch(x, nperseg=8)[1]))(x).shape
    (16,)
    """
    x = nested(x)
    return csd(x, x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average)


@instead_of(scipy.signal.periodogram)
def periodogram(
    x, fs=1.0, window="boxcar", nfft=None, detrend="constant", return_onesided=True, scaling="density", axis=-1
):
    """The frequencies, and the power spectral density of the signal as a whole; differentiable in x, fs and window."""
    x = nested(x)
    if not x.size:
        return np.zeros(x.shape), np.zeros(x.shape)
    axis = one_axis(axis, x.ndim)
    x, n = np.moveaxis(x, axis, -1), x.shape[axis]
    if nfft is not None and nfft < n:
        x, n, nfft = x[..., :nfft], nfft, None
    window = "boxcar" if window is None else window
    if not isinstance(window, str | tuple) and nested(window).size != n:
        raise ValueError("the size of the window must be the same size of the input on the specified axis")
    f, power = welch(x, fs, window, n, 0, nfft, detrend, return_onesided, scaling)
    return f, np.moveaxis(power, -1, axis)


@instead_of(scipy.signal.coherence)
def coherence(x, y, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant", axis=-1):
    """The frequencies, and the coherence of two signals by Welch's method; differentiable in x, y, fs and window."""
    options = (fs, window, nperseg, noverlap, nfft, detrend)
    f, xx = welch(x, *options, axis=axis)
    _, yy = welch(y, *options, axis=axis)
    _, xy = csd(x, y, *options, axis=axis)
    return f, (np.real(xy) ** 2 + np.imag(xy) ** 2) / xx / yy


# ---- spectra in time -------------------------------------------------------------------------------------------------


def spectra(x, fs, window, nperseg, noverlap, nfft, trend, onesided, scaling, axis, boundary, padded, share):
    """The frequencies, the times, and for each segment its spectrum: (..., frequencies, segments)."""
    x = nested(x)
    last = one_axis(axis, x.ndim)
    x = np.moveaxis(x, last, -1)
    weights, nperseg = window_of(window, nperseg, x.shape[-1])
    step, nfft = lengths(nperseg, noverlap, nfft, nperseg // share)
    if boundary not in ("even", "odd", "constant", "zeros", None):
        raise ValueError(f"Unknown boundary option '{boundary}'")
    half = nperseg // 2
    if boundary == "zeros":
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)])
    elif boundary is not None:
        x = extended(x, half, boundary, x.ndim - 1)
    if padded:
        short = (-(x.shape[-1] - nperseg) % step) % nperseg
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, short)])
    if onesided and x.dtype.kind == "c":
        warnings.warn("Input data is complex, switching to return_onesided=False", stacklevel=3)
        onesided = False
    dtype = np.result_type(x.dtype, np.complex64)
    z = transformed(x, weights, step, nfft, trend, onesided) * np.sqrt(scale_of(weights, fs, scaling))
    time = np.arange(nperseg / 2, x.shape[-1] - nperseg / 2 + 1, step) / fs
    if boundary is not None:
        time = time - (nperseg / 2) / fs
    z = np.moveaxis(z.astype(dtype), -2, -1)
    return frequencies(nfft, fs, onesided), time, np.moveaxis(z, -2, last)


@instead_of(scipy.signal.stft)
def stft(
    x, fs=1.0, window="hann", nperseg=256, noverlap=None, nfft=None, detrend=False, return_onesided=True,
    boundary="zeros", padded=True, axis=-1, scaling="spectrum",
):  # fmt: skip
    """The frequencies, the times, and the short-time Fourier transform; differentiable in x, fs and window."""
    if scaling not in ("spectrum", "psd"):
        raise ValueError(f"Parameter scaling={scaling!r} not in ['spectrum', 'psd']!")
    scaling = "density" if scaling == "psd" else scaling
    return spectra(x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, boundary, padded, 2)


@instead_of(scipy.signal.spectrogram)
def spectrogram(
    x, fs=1.0, window=("tukey", 0.25), nperseg=None, noverlap=None, nfft=None, detrend="constant",
    return_onesided=True, scaling="density", axis=-1, mode="psd",
):  # fmt: skip
    """The frequencies, the times, and the power, magnitude or phase of segments; differentiable in x, fs and window."""
    modes = ["psd", "complex", "magnitude", "angle", "phase"]
    if mode not in modes:
        raise ValueError(f"unknown value for mode {mode}, must be one of {modes}")
    f, time, z = spectra(
        x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, None, False, 8
    )
    place = one_axis(axis, z.ndim - 1)
    if mode == "psd":
        power = np.moveaxis(np.real(z) ** 2 + np.imag(z) ** 2, place, -1)
        onesided = return_onesided and nested(x).dtype.kind != "c"
        count = window_of(window, nperseg, nested(x).shape[axis])[1] if nfft is None else int(nfft)
        return f, time, np.moveaxis(doubled(power, count) if onesided else power, -1, place)
    if mode == "magnitude":
        z = np.abs(z)
    elif mode in ("angle", "phase"):
        z = np.angle(z)
        z = np.unwrap(z, axis=place if axis >= 0 else axis - 1) if mode == "phase" else z
    return f, time, z


@instead_of(scipy.signal.istft)
def istft(
    Zxx, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, input_onesided=True, boundary=True,
    time_axis=-1, freq_axis=-2, scaling="spectrum",
):  # fmt: skip
    """The times, and the signal with this short-time Fourier transform; differentiable in Zxx, fs and window."""
    z = nested(Zxx)
    z = z if z.dtype.kind == "c" else z + 0j
    if z.ndim < 2:
        raise ValueError("Input stft must be at least 2d!")
    rows, columns = one_axis(freq_axis, z.ndim), one_axis(time_axis, z.ndim)
    if rows == columns:
        raise ValueError("Must specify differing time and frequency axes!")
    z = np.moveaxis(z, (columns, rows), (-2, -1))
    count, default = z.shape[-2], 2 * (z.shape[-1] - 1) if input_onesided else z.shape[-1]
    nperseg = default if nperseg is None else int(nperseg)
    if nperseg < 1:
        raise ValueError("nperseg must be a positive integer")
    if nfft is None:
        nfft = nperseg if input_onesided and nperseg == default + 1 else default
    elif nfft < nperseg:
        raise ValueError("nfft must be greater than or equal to nperseg.")
    step, nfft = lengths(nperseg, noverlap, max(int(nfft), nperseg), nperseg // 2)
    if isinstance(window, str | tuple):
        weights: Any = scipy.signal.get_window(window, nperseg)
    else:
        weights = nested(window)
        if weights.ndim != 1:
            raise ValueError("window must be 1-D")
        if weights.shape[0] != nperseg:
            raise ValueError(f"window must have length of {nperseg}")
    parts = (np.fft.irfft if input_onesided else np.fft.ifft)(z, nfft)[..., :nperseg]
    if scaling == "spectrum":
        factor = np.sum(weights)
    elif scaling == "psd":
        factor = np.sqrt(fs * np.sum(weights**2))
    else:
        raise ValueError(f"Parameter scaling={scaling!r} not in ['spectrum', 'psd']!")
    x = overlapped(parts * (weights * factor), step)
    norm = overlapped(np.broadcast_to(weights**2, (count, nperseg)), step)
    if boundary:
        inside = slice(nperseg // 2, -(nperseg // 2))
        x, norm = x[..., inside], norm[inside]
    enough = norm > 1e-10
    if not np.all(enough):
        text = "NOLA condition failed, STFT may not be invertible."
        text += "" if boundary else " Possibly due to missing boundary"
        warnings.warn(text, stacklevel=3)
    x = (x / np.where(enough, norm, 1.0)).astype(parts.dtype)
    x = np.moveaxis(x, -1, columns - (rows < columns)) if x.ndim > 1 else x
    return np.arange(x.shape[0]) / fs, x


def overlapped(parts: Any, step: int) -> Any:
    """(..., segments, nperseg) -> (..., n): what the segments add up to, each `step` after the one before."""
    count, size = parts.shape[-2:]
    pieces = -(-size // step)
    parts = np.pad(parts, [(0, 0)] * (parts.ndim - 1) + [(0, pieces * step - size)])
    parts = np.reshape(parts, (*parts.shape[:-1], pieces, step))
    rows: Any = 0
    for k in range(pieces):
        rows = rows + np.pad(parts[..., k, :], [(0, 0)] * (parts.ndim - 3) + [(k, pieces - 1 - k), (0, 0)])
    return np.reshape(rows, (*rows.shape[:-2], -1))[..., : size + (count - 1) * step]

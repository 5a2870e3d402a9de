"""NumPy's discrete Fourier transforms: those along one axis, and in several axes one after the other."""

import operator

import numpy as np

from ...core.trace import bind
from .. import fft as transforms
from .tools import array, into, one_axis, shape, signature_of


def along(primitive, a, n, axis, norm):
    axis, n = one_axis(axis, len(shape(a))), operator.index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    norm = norm_of(norm)
    if primitive is transforms.rfft and array(a).dtype.kind == "c":
        raise TypeError("numpy.fft.rfft: the input must be real; use numpy.fft.fft for a complex one")
    return bind(primitive, array(a), n=n, axis=axis, norm=norm)


def norm_of(norm):
    norm = "backward" if norm is None else norm
    if norm not in transforms.OTHER_NORM:
        raise ValueError(f'Invalid norm value {norm}; should be "backward","ortho" or "forward".')
    return norm


def length(a, axis):
    return shape(a)[one_axis(axis, len(shape(a)))]


def length_of_signal(a, axis):
    """The even length whose half spectrum is as long as this axis."""
    return 2 * (length(a, axis) - 1)


# ---- along one axis -------------------------------------------------------------------------------------------------


@signature_of(np.fft.fft)
def fft(a, n=None, axis=-1, norm=None, out=None):
    return into(out, along(transforms.fft, a, length(a, axis) if n is None else n, axis, norm), "numpy.fft.fft")


@signature_of(np.fft.ifft)
def ifft(a, n=None, axis=-1, norm=None, out=None):
    return into(out, along(transforms.ifft, a, length(a, axis) if n is None else n, axis, norm), "numpy.fft.ifft")


@signature_of(np.fft.rfft)
def rfft(a, n=None, axis=-1, norm=None, out=None):
    return into(out, along(transforms.rfft, a, length(a, axis) if n is None else n, axis, norm), "numpy.fft.rfft")


@signature_of(np.fft.irfft)
def irfft(a, n=None, axis=-1, norm=None, out=None):
    y = along(transforms.irfft, a, length_of_signal(a, axis) if n is None else n, axis, norm)
    return into(out, y, "numpy.fft.irfft")


@signature_of(np.fft.hfft)
def hfft(a, n=None, axis=-1, norm=None, out=None):
    """The spectrum, real, of a signal whose second half mirrors the first."""
    y = np.fft.irfft(np.conjugate(a), n, axis, transforms.OTHER_NORM[norm_of(norm)])
    return into(out, y, "numpy.fft.hfft")


@signature_of(np.fft.ihfft)
def ihfft(a, n=None, axis=-1, norm=None, out=None):
    y = np.conjugate(np.fft.rfft(a, n, axis, transforms.OTHER_NORM[norm_of(norm)]))
    return into(out, y, "numpy.fft.ihfft")


# ---- along several axes ---------------------------------------------------------------------------------------------


def sizes_and_axes(a, s, axes, last=length):
    """One length for each axis; `last` says what the last one is by default."""
    if axes is None:
        axes = range(-len(shape(a) if s is None else s), 0)
    axes = list(axes)
    if s is None:
        return [*(length(a, i) for i in axes[:-1]), *(last(a, i) for i in axes[-1:])], axes
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return [length(a, i) if n == -1 else n for n, i in zip(s, axes, strict=True)], axes


def each(function, a, s, axes, norm):
    """`function` along one axis after the other, the last one first, as NumPy does."""
    for n, i in reversed(list(zip(s, axes, strict=True))):
        a = function(a, n, i, norm)
    return a


@signature_of(np.fft.fftn)
def fftn(a, s=None, axes=None, norm=None, out=None):
    return into(out, each(np.fft.fft, array(a), *sizes_and_axes(a, s, axes), norm), "numpy.fft.fftn")


@signature_of(np.fft.ifftn)
def ifftn(a, s=None, axes=None, norm=None, out=None):
    return into(out, each(np.fft.ifft, array(a), *sizes_and_axes(a, s, axes), norm), "numpy.fft.ifftn")


@signature_of(np.fft.rfftn)
def rfftn(a, s=None, axes=None, norm=None, out=None):
    s, axes = sizes_and_axes(a, s, axes)
    y = np.fft.rfft(a, s[-1], axes[-1], norm)
    return into(out, each(np.fft.fft, y, s[:-1], axes[:-1], norm), "numpy.fft.rfftn")


@signature_of(np.fft.irfftn)
def irfftn(a, s=None, axes=None, norm=None, out=None):
    s, axes = sizes_and_axes(a, s, axes, last=length_of_signal)
    for n, i in zip(s[:-1], axes[:-1], strict=True):
        a = np.fft.ifft(a, n, i, norm)
    return into(out, np.fft.irfft(a, s[-1], axes[-1], norm), "numpy.fft.irfftn")


def in_plane(function):
    """The transform of the last two axes, which has the signature of `function` but for that default."""

    def implementation(a, s=None, axes=(-2, -1), norm=None, out=None):
        return function(a, s, axes, norm, out)

    return implementation


signature_of(np.fft.fft2)(in_plane(fftn))
signature_of(np.fft.ifft2)(in_plane(ifftn))
signature_of(np.fft.rfft2)(in_plane(rfftn))
signature_of(np.fft.irfft2)(in_plane(irfftn))


# ---- the zero frequency in the middle -------------------------------------------------------------------------------


@signature_of(np.fft.fftshift)
def fftshift(x, axes=None):
    axes = shifted_axes(x, axes)
    return np.roll(x, [shape(x)[i] // 2 for i in axes], axes)


@signature_of(np.fft.ifftshift)
def ifftshift(x, axes=None):
    axes = shifted_axes(x, axes)
    return np.roll(x, [-(shape(x)[i] // 2) for i in axes], axes)


def shifted_axes(x, axes):
    """`axes` as NumPy reads it: None for all, one, or several, of which each counts, also if it comes twice."""
    ndim = len(shape(x))
    several = range(ndim) if axes is None else axes if np.iterable(axes) else (axes,)
    return tuple(one_axis(i, ndim) for i in several)

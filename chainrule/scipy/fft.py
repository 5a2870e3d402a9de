"""scipy.fft on traced arrays.

All transforms are linear in the array; the fast Hankel transforms are differentiable in their parameters, too. Single
precision stays single. `workers` and `scipy.fft.set_workers` hold for the values; `overwrite_x` overwrites nothing.

Examples
--------
>>> import numpy as np
>>> import chainrule as cr
>>> from chainrule.scipy import fft
>>> cr.grad(lambda x: np.sum(np.abs(fft.fft(x)) ** 2))(np.array([1.0, 2.0, 3.0]))  # Parseval: 2 n x
array([ 6., 12., 18.])
>>> cr.grad(lambda x: fft.dct(x)[1])(np.ones(3)).round(3)
array([ 1.732,  0.   , -1.732])
"""

import contextlib
import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
import scipy.special

from ..core.trace import bind, is_traced
from ..ops.fft import OTHER_NORM, complex_dtype, fourier, half, mirrored, real_dtype, whole
from ..ops.signatures.tools import array, one_axis
from .namespace import instead_of, passing_through

# ---- the operations -------------------------------------------------------------------------------------------------
# The adjoints are those of numpy.fft, in ops/fft.py. They are written with the functions of this page.

_fft = fourier(
    scipy.fft.fft,
    name="scipy.fft.fft",
    reads=whole,
    gives=whole,
    dtype=complex_dtype,
    adjoint=lambda ct, n, axis, norm: bind(_ifft, ct, n=n, axis=axis, norm=norm),
)
_ifft = fourier(
    scipy.fft.ifft,
    name="scipy.fft.ifft",
    reads=whole,
    gives=whole,
    dtype=complex_dtype,
    adjoint=lambda ct, n, axis, norm: bind(_fft, ct, n=n, axis=axis, norm=norm),
)
_rfft = fourier(
    scipy.fft.rfft,
    name="scipy.fft.rfft",
    reads=whole,
    gives=half,
    dtype=complex_dtype,
    adjoint=lambda ct, n, axis, norm: bind(_irfft, mirrored(ct, n, axis, 0.5), n=n, axis=axis, norm=norm),
)
_irfft = fourier(
    scipy.fft.irfft,
    name="scipy.fft.irfft",
    reads=half,
    gives=whole,
    dtype=real_dtype,
    adjoint=lambda ct, n, axis, norm: mirrored(bind(_rfft, ct, n=n, axis=axis, norm=norm), n, axis, 2.0),
)

INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}
"""Of each type of a cosine or sine transform the type that undoes it, up to a factor."""

ENDS = {("dct", 1): (0, -1), ("dct", 2): (0,), ("dct", 3): (0,), ("dst", 2): (-1,), ("dst", 3): (-1,)}
"""What an even or odd signal, of which the array is a part, has once only: it has half the weight of the others."""


def trigonometric(kind: str, type: int, orthogonal: bool) -> Any:
    """The operation that scipy.fft.dct or dst does for this type, with or without `orthogonalize`.

    The matrix of type 2 is the transpose of that of type 3, those of types 1 and 4 are symmetric; but for the ends,
    which enter types 1 and 3 with half their weight, and which types 1 and 2 leave with twice that. Orthogonalized,
    they are scaled by the square root of it on either side, and nothing is left to do.
    """
    ends = () if orthogonal else ENDS.get((kind, type), ())
    function = getattr(scipy.fft, kind)

    def run(x, n, axis, norm):
        return function(x, type, n, axis, norm, orthogonalize=orthogonal)

    def adjoint(ct, n, axis, norm):
        if type != 3:
            ct = weighted(ct, ends, axis, 2.0)
        transpose = TRIGONOMETRIC[kind, INVERSE[type], orthogonal]
        ct = bind(transpose, ct, n=n, axis=axis, norm=OTHER_NORM[norm])  # the same factor
        return ct if type == 2 else weighted(ct, ends, axis, 0.5)

    return fourier(
        run,
        name=f"scipy.fft.{kind}{type}" + ".orthogonal" * orthogonal,
        reads=whole,
        gives=whole,
        dtype=lambda dtype: dtype,
        adjoint=adjoint,
    )


def weighted(ct: Any, ends: tuple[int, ...], axis: int, weight: float) -> Any:
    """`ct` with its elements at the ends of an axis times `weight`."""
    if not ends:
        return ct
    weights = np.ones(ct.shape[axis], np.finfo(ct.dtype).dtype)
    weights[list(ends)] = weight
    return ct * weights.reshape(-1, *(1,) * (len(ct.shape) - axis - 1))


TRIGONOMETRIC = {
    (kind, type, orthogonal): trigonometric(kind, type, orthogonal)
    for kind in ("dct", "dst")
    for type in INVERSE
    for orthogonal in ((False, True) if (kind, type) in ENDS else (False,))
}

# ---- arguments ------------------------------------------------------------------------------------------------------


def floating(x: Any) -> Any:
    """`x` in the precision that SciPy transforms it in: its own, or a higher one where that is none of SciPy's."""
    x = array(x)
    if x.dtype.kind not in "fc":
        return x.astype(float)
    return x.astype(np.float32) if x.dtype == np.float16 else x


def real(x: Any) -> Any:
    x = floating(x)
    if x.dtype.kind == "c":
        raise TypeError("x must be a real sequence")
    return x


def norm_of(norm: Any) -> str:
    if norm is not None and norm not in OTHER_NORM:
        raise ValueError(f'Invalid norm value {norm!r}, should be "backward", "ortho" or "forward"')
    return norm or "backward"


def computing(workers: Any, plan: Any = None) -> contextlib.AbstractContextManager[Any]:
    """SciPy's keywords that say how to compute."""
    if plan is not None:
        raise NotImplementedError("Passing a precomputed plan is not yet supported by scipy.fft functions")
    return contextlib.nullcontext() if workers is None else scipy.fft.set_workers(workers)


def along(primitive: Any, x: Any, n: Any, axis: Any, norm: Any) -> Any:
    axis, n = one_axis(operator.index(axis), len(x.shape)), operator.index(n)
    if n < 1:
        raise ValueError(f"invalid number of data points ({n}) specified")
    return bind(primitive, x, n=n, axis=axis, norm=norm_of(norm))


def length(x: Any, n: Any, axis: Any) -> Any:
    """The length of a transform along an axis."""
    return x.shape[one_axis(axis, len(x.shape))] if n is None else n


def length_of_signal(x: Any, n: Any, axis: Any) -> Any:
    """The same for one that reads half a spectrum: by default the even length of which this is one."""
    return 2 * (length(x, None, axis) - 1) if n is None else n


def sizes_and_axes(x: Any, s: Any, axes: Any) -> tuple[list[Any], list[int]]:
    """A length for each axis, None for its own, and the axes, counted from 0."""
    ndim = len(x.shape)
    sizes = None if s is None else whole_numbers(s, "shape")
    if axes is not None:
        axes = [a + ndim if a < 0 else a for a in whole_numbers(axes, "axes")]
        if any(not 0 <= a < ndim for a in axes):
            raise ValueError("axes exceeds dimensionality of input")
        if len(set(axes)) != len(axes):
            raise ValueError("all axes must be unique")
    elif sizes is not None and len(sizes) > ndim:
        raise ValueError("shape requires more axes than are present")
    else:
        axes = list(range(0 if sizes is None else ndim - len(sizes), ndim))
    if sizes is None:
        return [None] * len(axes), axes
    if len(sizes) != len(axes):
        raise ValueError("when given, axes and shape arguments have to be of the same length")
    return [None if n == -1 else n for n in sizes], axes


def whole_numbers(xs: Any, what: str) -> list[int]:
    try:
        return [operator.index(x) for x in (xs if np.iterable(xs) else (xs,))]
    except TypeError:
        raise ValueError(f"{what} must be a scalar or iterable of integers") from None


# ---- Fourier transforms along one axis ------------------------------------------------------------------------------


@instead_of(scipy.fft.fft)
def fft(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The discrete Fourier transform along an axis; linear in x."""
    x = floating(x)
    with computing(workers, plan):
        return along(_fft, x, length(x, n, axis), axis, norm)


@instead_of(scipy.fft.ifft)
def ifft(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The inverse of `fft`; linear in x."""
    x = floating(x)
    with computing(workers, plan):
        return along(_ifft, x, length(x, n, axis), axis, norm)


@instead_of(scipy.fft.rfft)
def rfft(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """Half the spectrum of a real signal; linear in x."""
    x = real(x)
    with computing(workers, plan):
        return along(_rfft, x, length(x, n, axis), axis, norm)


@instead_of(scipy.fft.irfft)
def irfft(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The real signal of half a spectrum; linear in x, of whose first entry it reads the real part only."""
    x = floating(x)
    with computing(workers, plan):
        return along(_irfft, x, length_of_signal(x, n, axis), axis, norm)


@instead_of(scipy.fft.hfft)
def hfft(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The real spectrum of a signal whose second half mirrors the first; linear in the conjugate of x."""
    return irfft(np.conjugate(x), n, axis, OTHER_NORM[norm_of(norm)], overwrite_x, workers, plan=plan)


@instead_of(scipy.fft.ihfft)
def ihfft(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The inverse of `hfft`; linear in x, which is real."""
    return np.conjugate(rfft(x, n, axis, OTHER_NORM[norm_of(norm)], overwrite_x, workers, plan=plan))


# ---- along several axes: one after the other ------------------------------------------------------------------------


def several(function: Callable[..., Any], x: Any, s: Any, axes: Any, *options: Any) -> Any:
    """`function(x, n, axis, *options)` for each axis."""
    for n, axis in zip(*sizes_and_axes(x, s, axes), strict=True):
        x = function(x, n, axis, *options)
    return x


def last_of(x: Any, s: Any, axes: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The length and axis of a transform of real numbers, and those of the others, which are of complex ones."""
    sizes, axes = sizes_and_axes(x, s, axes)
    if not axes:
        raise ValueError("at least 1 axis must be transformed")
    sizes = [length(x, n, axis) for n, axis in zip(sizes[:-1], axes[:-1], strict=True)] + sizes[-1:]
    return (sizes[-1], axes[-1]), (sizes[:-1], axes[:-1])


@instead_of(scipy.fft.fftn)
def fftn(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The discrete Fourier transform along several axes; linear in x."""
    with computing(workers, plan):
        return several(fft, array(x), s, axes, norm)


@instead_of(scipy.fft.ifftn)
def ifftn(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The inverse of `fftn`; linear in x."""
    with computing(workers, plan):
        return several(ifft, array(x), s, axes, norm)


@instead_of(scipy.fft.rfftn)
def rfftn(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """Half the spectrum of a real array; linear in x."""
    x = real(x)
    (n, axis), (s, axes) = last_of(x, s, axes)
    with computing(workers, plan):
        return several(fft, rfft(x, n, axis, norm), s, axes, norm)


@instead_of(scipy.fft.irfftn)
def irfftn(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The real array of half a spectrum; linear in x."""
    x = floating(x)
    (n, axis), (s, axes) = last_of(x, s, axes)
    with computing(workers, plan):
        return irfft(several(ifft, x, s, axes, norm), n, axis, norm)


@instead_of(scipy.fft.hfftn)
def hfftn(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The real spectrum of a signal whose second half mirrors the first; linear in the conjugate of x."""
    return irfftn(np.conjugate(x), s, axes, OTHER_NORM[norm_of(norm)], overwrite_x, workers, plan=plan)


@instead_of(scipy.fft.ihfftn)
def ihfftn(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
    """The inverse of `hfftn`; linear in x, which is real."""
    return np.conjugate(rfftn(x, s, axes, OTHER_NORM[norm_of(norm)], overwrite_x, workers, plan=plan))


def in_plane(original: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """The transform of the last two axes, which differs from `function`, of all of them, in that default only."""

    def implementation(x, s=None, axes=(-2, -1), norm=None, overwrite_x=False, workers=None, *, plan=None):
        return function(x, s, axes, norm, overwrite_x, workers, plan=plan)

    implementation.__name__ = implementation.__qualname__ = original.__name__
    implementation.__doc__ = f"`{function.__name__}` of the last two axes."
    return instead_of(original)(implementation)


fft2 = in_plane(scipy.fft.fft2, fftn)
ifft2 = in_plane(scipy.fft.ifft2, ifftn)
rfft2 = in_plane(scipy.fft.rfft2, rfftn)
irfft2 = in_plane(scipy.fft.irfft2, irfftn)
hfft2 = in_plane(scipy.fft.hfft2, hfftn)
ihfft2 = in_plane(scipy.fft.ihfft2, ihfftn)

# ---- cosine and sine transforms -------------------------------------------------------------------------------------


def one_of(kind: str, forward: bool, x: Any, type: Any, n: Any, axis: Any, norm: Any, orthogonalize: Any) -> Any:
    x, norm = floating(x), norm_of(norm)
    if type not in INVERSE:
        raise ValueError(f"invalid {kind.upper()} type: {type}")
    if orthogonalize is None or x.dtype.kind == "c":  # SciPy does not hand it on there
        orthogonalize = norm == "ortho"
    if not forward:
        type, norm = INVERSE[type], OTHER_NORM[norm]
    primitive = TRIGONOMETRIC[kind, type, bool(orthogonalize) and (kind, type) in ENDS]
    return along(primitive, x, length(x, n, axis), axis, norm)


def cosines_or_sines(kind: str, forward: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A transform along an axis, and the one along several."""
    name = kind if forward else f"i{kind}"

    def one(x, type=2, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, orthogonalize=None):
        with computing(workers):
            return one_of(kind, forward, x, type, n, axis, norm, orthogonalize)

    def of_several(x, type=2, s=None, axes=None, norm=None, overwrite_x=False, workers=None, orthogonalize=None):
        def function(x, n, axis):
            return one_of(kind, forward, x, type, n, axis, norm, orthogonalize)

        with computing(workers):
            return several(function, array(x), s, axes)

    one.__name__ = one.__qualname__ = name
    of_several.__name__ = of_several.__qualname__ = f"{name}n"
    what = f"{'The' if forward else 'The inverse of the'} discrete {'cosine' if kind == 'dct' else 'sine'} transform"
    one.__doc__ = f"{what} along an axis; linear in x."
    of_several.__doc__ = f"{what} along several axes; linear in x."
    return tuple(instead_of(getattr(scipy.fft, f.__name__))(f) for f in (one, of_several))  # pyright: ignore[reportReturnType]


dct, dctn = cosines_or_sines("dct", True)
idct, idctn = cosines_or_sines("dct", False)
dst, dstn = cosines_or_sines("dst", True)
idst, idstn = cosines_or_sines("dst", False)

# ---- fast Hankel transforms: Hamilton, Mon. Not. R. Astron. Soc. 312 (2000), appendix B ------------------------------

LN2 = math.log(2)


@instead_of(scipy.fft.fht)
def fht(a, dln, mu, offset=0.0, bias=0.0):
    """The Hankel transform of samples at equal steps of the logarithm; differentiable in all arguments."""
    a = array(a)
    n, biased = a.shape[-1], is_traced(bias) or bias != 0
    j = np.arange(n) - (n - 1) / 2
    if biased:
        a = a * np.exp(-bias * j * dln)
    y = convolved(a, lambda spectrum: spectrum * coefficients(n, dln, mu, offset, bias))
    return y * np.exp(-bias * (j * dln + offset)) if biased else y


@instead_of(scipy.fft.ifht)
def ifht(A, dln, mu, offset=0.0, bias=0.0):
    """The inverse of `fht`; differentiable in all arguments."""
    a = array(A)
    n, biased = a.shape[-1], is_traced(bias) or bias != 0
    j = np.arange(n) - (n - 1) / 2
    if biased:
        a = a * np.exp(bias * (j * dln + offset))
    y = convolved(a, lambda spectrum: spectrum / np.conjugate(coefficients(n, dln, mu, offset, bias, inverse=True)))
    return y / np.exp(-bias * j * dln) if biased else y


def convolved(a: Any, changed: Callable[[Any], Any]) -> Any:
    """The signal, backwards, of the spectrum of `a` after a change, which does not raise its precision."""
    spectrum = rfft(a, axis=-1)
    return np.flip(irfft(changed(spectrum).astype(spectrum.dtype), a.shape[-1], axis=-1), axis=-1)


def coefficients(n: int, dln: Any, mu: Any, offset: Any, bias: Any, inverse: bool = False) -> Any:
    """(kr)^(-2iy) 2^x gamma((mu + 1 + x) / 2) / gamma((mu + 1 - x) / 2) with x = bias + 2iy at the frequencies y."""
    above, below = (mu + 1 + bias) / 2, (mu + 1 - bias) / 2
    y = np.pi * np.arange(n // 2 + 1) / (n * dln)
    over, under = scipy.special.loggamma(above + 1j * y), scipy.special.loggamma(below + 1j * y)
    u = np.exp(over - np.conjugate(under) + LN2 * bias + 2j * y * (LN2 - offset))
    first, rest = u[0], u[1:]
    first = np.where(np.isfinite(first), first, 2.0**bias * scipy.special.poch(below, above - below))
    singular = first == 0 if inverse else np.isinf(first)
    if not is_traced(singular) and singular:
        what = "singular inverse transform" if inverse else "singular transform"
        warnings.warn(f"{what}; consider changing the bias", stacklevel=6)
    first = np.where(singular, np.inf if inverse else 0.0, first)
    if n % 2 == 0:
        rest = np.concatenate([rest[:-1], np.real(rest[-1:])])
    return np.concatenate([first[None], rest])


# ---- what needs no rule of its own ----------------------------------------------------------------------------------


@instead_of(scipy.fft.fftshift)
def fftshift(x, axes=None):
    """The zero frequency in the middle: it moves elements."""
    return np.fft.fftshift(x, axes)


@instead_of(scipy.fft.ifftshift)
def ifftshift(x, axes=None):
    """The inverse of `fftshift`: it moves elements."""
    return np.fft.ifftshift(x, axes)


__getattr__, __dir__ = passing_through(scipy.fft)

"""Discrete Fourier transforms along one axis: linear, so the tangent is the operation itself.

Each reads the first elements of the axis, filling up with zeros where there are too few, and gives
`y[k] = c sum_j x[j] exp(-+2 pi i j k / n)`. The parameter `norm` names the factor c: "backward" for 1 in fft and rfft
and 1/n in their inverses, "forward" the other way round, "ortho" for 1/sqrt(n) in all of them. The adjoint has the
opposite sign in the exponent and the same factor, so it is the inverse under the other norm.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import slots
from ..core.primitive import Aval, Primitive, keeps_nothing, register
from ..core.trace import bind
from .families import cast, spread

OTHER_NORM: dict[str, Any] = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def whole(n: int) -> int:
    """The length of a spectrum, or of a signal."""
    return n


def half(n: int) -> int:
    """The length of the first half of the spectrum of a real signal; the other half mirrors it."""
    return n // 2 + 1


def fourier(
    function: Callable[..., Any],
    *,
    name: str,
    reads: Callable[[int], int],
    gives: Callable[[int], int],
    dtype: Callable[[Any], np.dtype],
    adjoint: Callable[..., Any],
) -> Primitive:
    """A primitive for NumPy's `function(x, n, axis, norm)`.

    reads, gives: from n, how many elements along the axis go in and come out; adjoint: `(ct, n, axis, norm)` -> the
    cotangent of what was read, `norm` being that of the adjoint already.
    """

    def run(x, *, n, axis, norm):
        return function(x, n, axis, norm)

    def out_shape(x, n, axis):
        return (*x.shape[:axis], gives(n), *x.shape[axis + 1 :])

    def aval(x, *, n, axis, norm):
        return Aval(out_shape(x, n, axis), dtype(x.dtype))

    def jvp(tangents, y, x, *, n, axis, norm):
        return spread(bind(primitive, tangents[0], n=n, axis=axis, norm=norm), y)

    def vjp(wanted, ct, y, x, *, n, axis, norm):
        ct_x = cast(adjoint(ct, n, axis, OTHER_NORM[norm]), x.dtype)
        return (resized(ct_x, x.shape[axis], axis),)

    def batch(is_batched, x, *, n, axis, norm):
        return bind(primitive, x, n=n, axis=axis + 1, norm=norm)

    def slots_of(wanted, y, x, *, n, axis, norm):  # y[k] depends on every x[j] that is read
        count = min(reads(n), x.shape[axis])
        read = tuple(range(count if k == axis else m) for k, m in enumerate(x.shape))
        places = tuple(None if k == axis else k for k in range(len(x.shape)))

        def weight(unit: complex = 1):
            d = function(np.eye(count, dtype=x.dtype) * unit, n, 1, norm)
            return np.reshape(d, (count, *(1,) * axis, d.shape[1], *(1,) * (len(x.shape) - axis - 1)))

        move = slots.Chain((slots.Read(read), slots.Aligned(places, (axis,), y.shape)))
        return ((slots.Link(move, weight, along_i=lambda: weight(1j) if x.dtype.kind == "c" else None),),)

    primitive = register(Primitive(name, run, aval, jvp, vjp, keeps_nothing, batch, slots_of))
    return primitive


def first(x: Any, count: int, axis: int) -> Any:
    """The first `count` elements along an axis, or all if there are fewer."""
    return x[(slice(None),) * axis + (slice(count),)]


def resized(x: Any, length: int, axis: int) -> Any:
    """`x` cut, or filled up with zeros, to `length` along an axis."""
    missing = length - x.shape[axis]
    if missing <= 0:
        return first(x, length, axis) if missing else x
    zeros = np.zeros((*x.shape[:axis], missing, *x.shape[axis + 1 :]), x.dtype)
    return np.concatenate([x, zeros], axis=axis)


def mirrored(ct: Any, n: int, axis: int, weight: float) -> Any:
    """A half spectrum with `weight` on each frequency that the other half repeats.

    Those without a mirror image are frequency 0 and, if n is even, n/2.
    """
    weights = np.full(half(n), weight, np.finfo(ct.dtype).dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return ct * weights.reshape(-1, *(1,) * (len(ct.shape) - axis - 1))


def complex_dtype(dtype):
    return np.result_type(dtype, 1j)


def real_dtype(dtype):
    return np.finfo(complex_dtype(dtype)).dtype


fft = fourier(
    np.fft.fft,
    name="fft",
    reads=whole,
    gives=whole,
    dtype=complex_dtype,
    adjoint=lambda ct, n, axis, norm: np.fft.ifft(ct, n, axis, norm),
)
ifft = fourier(
    np.fft.ifft,
    name="ifft",
    reads=whole,
    gives=whole,
    dtype=complex_dtype,
    adjoint=lambda ct, n, axis, norm: np.fft.fft(ct, n, axis, norm),
)
# irfft adds the mirror image of what it is given, and the adjoint of rfft must not: half of each with its image is
# the real part of it alone. The adjoint of irfft, in turn, gives to each frequency the share of its image.
rfft = fourier(
    np.fft.rfft,
    name="rfft",
    reads=whole,
    gives=half,
    dtype=complex_dtype,
    adjoint=lambda ct, n, axis, norm: np.fft.irfft(mirrored(ct, n, axis, 0.5), n, axis, norm),
)
irfft = fourier(
    np.fft.irfft,
    name="irfft",
    reads=half,
    gives=whole,
    dtype=real_dtype,
    adjoint=lambda ct, n, axis, norm: mirrored(np.fft.rfft(ct, n, axis, norm), n, axis, 2.0),
)

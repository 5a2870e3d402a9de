"""Complex numbers as pairs of values, the real part and the imaginary part.

Products and quotients are computed as NumPy does it, so that infinities and NaN come out where they do there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ..llvm import Value
from . import exponential, special, trigonometric
from .floats import absolute as size_of, copysign, muladd, sqrt as real_sqrt, two_product


class Complex(NamedTuple):
    """re + i im."""

    re: Value
    im: Value


def _zero(x: Value) -> Value:
    return x.f.constant(0.0, x.type)


def of_real(x: Value) -> Complex:
    return Complex(x, _zero(x))


def add(a: Complex, b: Complex) -> Complex:
    return Complex(a.re + b.re, a.im + b.im)


def subtract(a: Complex, b: Complex) -> Complex:
    return Complex(a.re - b.re, a.im - b.im)


def negative(a: Complex) -> Complex:
    return Complex(-a.re, -a.im)


def conjugate(a: Complex) -> Complex:
    return Complex(a.re, -a.im)


def multiply(a: Complex, b: Complex) -> Complex:
    return Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)


def square(a: Complex) -> Complex:
    return multiply(a, a)


def divide(a: Complex, b: Complex) -> Complex:
    """By the ratio of the parts of b (R. L. Smith, "Algorithm 116: Complex division", CACM 5, 1962)."""
    f = b.re.f
    wide = size_of(b.re) >= size_of(b.im)
    large, small = f.select(wide, b.re, b.im), f.select(wide, b.im, b.re)
    zero = b.re.eq(0.0) & b.im.eq(0.0)
    ratio = small / large
    scale = 1.0 / (large + small * ratio)
    first, second = f.select(wide, a.re, a.im), f.select(wide, a.im, a.re)
    re = (first + second * ratio) * scale
    im = (second - first * ratio) * scale
    divisor = size_of(b.re)
    im = f.select(wide, im, -im)
    return Complex(f.select(zero, a.re / divisor, re), f.select(zero, a.im / divisor, im))


def reciprocal(a: Complex) -> Complex:
    f = a.re.f
    wide = size_of(a.re) >= size_of(a.im)
    large, small = f.select(wide, a.re, a.im), f.select(wide, a.im, a.re)
    ratio = small / large
    divisor = large + small * ratio
    first, second = 1.0 / divisor, ratio / divisor
    return Complex(f.select(wide, first, second), -f.select(wide, second, first))


def absolute(a: Complex) -> Value:
    return special.hypot(a.re, a.im)


def angle(a: Complex) -> Value:
    return trigonometric.arctan2(a.im, a.re)


def exp(a: Complex) -> Complex:
    """exp(re) (cos im + i sin im); an infinite factor times a zero is that zero, as C has it (C23, G.6.3.1)."""
    f, size = a.re.f, exponential.exp(a.re)
    real = a.im.eq(0.0)
    cosine, sine = trigonometric.cos(a.im), trigonometric.sin(a.im)
    lost = a.re.eq(-math.inf) & cosine.is_nan()  # exp(-inf + i inf) is zero
    re = f.select(lost, 0.0, size * cosine)
    im = f.select(lost, 0.0, size * sine)
    unknown = a.re.eq(math.inf) & cosine.is_nan()  # exp(inf + i nan) is infinite, in a direction that is not known
    re = f.select(unknown, math.inf, re)
    return Complex(f.select(real, size, re), f.select(real, a.im, im))


def log(a: Complex) -> Complex:
    """log |a| + i angle; near |a| = 1 from |a|**2 - 1, which is small there."""
    f = a.re.f
    x, y = size_of(a.re), size_of(a.im)
    large, small = f.select(x < y, y, x), f.select(x < y, x, y)
    near = (large > 0.5) & (large < 2.0) & (small < 2.0)
    s = f.select(near, small, 0.0)
    b = f.select(near, large, 1.0)
    p, e = two_product(s, s)
    excess = muladd(b - 1.0, b + 1.0, p) + e
    close = exponential.log1p(excess) * 0.5
    return Complex(f.select(near & (size_of(excess) < 0.75), close, exponential.log(absolute(a))), angle(a))


def sqrt(a: Complex) -> Complex:
    """The root with a positive real part: its larger part first, of numbers brought away from the ends of the range.

    W. Kahan, "Branch cuts for complex elementary functions, or: much ado about nothing's sign bit", 1987.
    """
    f = a.re.f
    bias = 1023 if a.re.type.bits == 64 else 127
    x, y = size_of(a.re), size_of(a.im)
    large = f.select(x < y, y, x)
    up, down = large > 2.0 ** (bias - 4), large < 2.0 ** (60 - bias)
    scale = f.select(up, 2.0**-4, f.select(down, 2.0**60, 1.0, type=x.type))
    back = f.select(up, 2.0**2, f.select(down, 2.0**-30, 1.0, type=x.type))
    u, v = x * scale, y * scale
    t = real_sqrt((u + special.hypot(u, v)) * 0.5)
    other = f.select(t.eq(0.0), 0.0, v / (t + t))
    positive = a.re.bits() >= 0
    re = f.select(positive, t, other) * back
    im = copysign(f.select(positive, other, t) * back, a.im)
    infinite = a.im.eq(math.inf) | a.im.eq(-math.inf)
    far = x.eq(math.inf) & ~infinite
    re = f.select(infinite, math.inf, f.select(far & ~positive, size_of(a.im - a.im), f.select(far, math.inf, re)))
    im = f.select(infinite, a.im, f.select(far & positive, copysign(a.im - a.im, a.im), im))
    return Complex(re, f.select(far & ~positive, copysign(math.inf, a.im), im))


def sinh(a: Complex) -> Complex:
    cosine, sine = trigonometric.cos(a.im), trigonometric.sin(a.im)
    re, im = exponential.sinh(a.re) * cosine, exponential.cosh(a.re) * sine
    f, real = a.re.f, a.im.eq(0.0)
    return Complex(f.select(real, exponential.sinh(a.re), re), f.select(real, a.im, im))


def cosh(a: Complex) -> Complex:
    cosine, sine = trigonometric.cos(a.im), trigonometric.sin(a.im)
    re, im = exponential.cosh(a.re) * cosine, exponential.sinh(a.re) * sine
    f, real = a.re.f, a.im.eq(0.0)
    return Complex(f.select(real, exponential.cosh(a.re), re), f.select(real, a.re * a.im, im))


def sin(a: Complex) -> Complex:
    """-i sinh(i a)."""
    turned = sinh(Complex(-a.im, a.re))
    return Complex(turned.im, -turned.re)


def cos(a: Complex) -> Complex:
    """cosh(i a)."""
    return cosh(Complex(-a.im, a.re))

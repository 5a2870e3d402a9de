"""sin, cos, tan and their inverses.

The argument is reduced by multiples of pi / 2 that are subtracted in three parts, so that the first product is exact
(W. J. Cody and W. Waite, 1980), as long as it is below 2**20. If one in a vector is larger, those of that vector are
reduced one by one with as many digits of 2 / pi as it takes (M. H. Payne and R. N. Hanek, "Radian reduction for
trigonometric functions", SIGNUM Newsletter 18, 1983).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..llvm import RARE, Function, Module, Type, Value, f32, f64, i64, ptr
from .coefficients import PI, PI_HALF, PIO2, PIO4, TWO_OVER_PI, TWO_OVER_PI_DIGITS
from .floats import (
    Accuracy,
    absolute,
    copysign,
    elementary,
    lesser,
    muladd,
    nearest,
    polynomial,
    quick_two_sum,
    sqrt,
    two_parts,
    two_product,
    two_sum,
)
from .rounding import rint

NEAR = 2.0**20

# ---- reduction ----------------------------------------------------------------------------------------------------


def reduced(x: Value) -> tuple[Value, Value, Value]:
    """The quadrant, as bits whose last two count, and the rest r in two parts: x = quadrant pi / 2 + r."""
    return x.f.once(("reduced", x.text), lambda: _reduced(x))


def _reduced(x: Value) -> tuple[Value, Value, Value]:
    f = x.f
    wide = f.convert(x, f64)
    (quadrant, high, low) = f.when(f.any(absolute(wide) > NEAR), lambda: _far_lanes(wide), lambda: _near(wide))
    if x.type.bits == 64:
        return quadrant, high, low
    r = f.convert(high, f32)
    return f.convert(quadrant, x.type.integer), r, f.convert(high - f.convert(r, f64), f32)


def _near(x: Value) -> tuple[Value, Value, Value]:
    n, quadrant = nearest(x * TWO_OVER_PI[0])
    first, second, third = PI_HALF
    rest = muladd(n, -first, x)  # exact: the product has 53 bits, and the difference no more
    high, error = two_sum(rest, n * -second)
    high, low = quick_two_sum(high, muladd(n, -third, error))
    return quadrant, high, low


def _far_lanes(x: Value) -> Sequence[Value]:
    """Each number by itself, the large ones by the long way; in memory, so that this takes few instructions here."""
    f, width = x.f, x.type.width
    values, quadrants = f.scratch(f64, 2 * width), f.scratch(i64, width)
    lows = f.offset(values, width, f64)
    f.store(x, values)
    f.call(_far_function(f.module), values, lows, quadrants, f.constant(width, i64))
    return f.load(i64.vector(width), quadrants), f.load(x.type, values), f.load(x.type, lows)


def _far_function(module: Module) -> Function:
    """`(numbers, lows, quadrants, how many)`, a function of its own in the module that is written."""
    name = "reduce_far"
    if name not in module.functions:
        f = module.function(name, ptr, ptr, ptr, i64, exported=False, attributes=RARE)
        values, lows, quadrants, count = f.args

        def one(i: Value) -> None:
            x = f.load(f64, f.offset(values, i, f64))
            quadrant, high, low = f.when(absolute(x) > NEAR, lambda: _payne_hanek(x), lambda: _near(x))
            f.store(quadrant, f.offset(quadrants, i, i64))
            f.store(high, f.offset(values, i, f64))
            f.store(low, f.offset(lows, i, f64))

        f.loop(count, one)
        f.ret()
    return module.functions[name]


_i128 = Type("i128", "int", 128, "i128")


def _payne_hanek(x: Value) -> tuple[Value, Value, Value]:
    """x = m 2**s with an integer m, times the 192 binary digits of 2 / pi of which the first has, times m, weight 2."""
    f = x.f
    bits = x.bits()
    exponent = (bits.shifted(52)) & 0x7FF
    m = (bits & (2**52 - 1)) | 2**52
    # Digit i of 2 / pi has weight 2**-i. The table has 64 zeros first, so digit i stands at 63 + i.
    at = exponent - 1075 - 1 + 63
    word, shift = at.shifted(6), at & 63
    table = f.module.array(f, "two_over_pi_digits", i64, TWO_OVER_PI_DIGITS)
    words = [f.load(i64, f.offset(table, word + k, i64)) for k in range(4)]
    window = [_joined(words[k], words[k + 1], shift) for k in range(3)]
    # the last 192 bits of the product; its value is that times 2**-190
    low, middle = _product(m, window[2]), _product(m, window[1])
    middle = middle + low.shifted(64)
    top = m * window[0] + f.convert(middle.shifted(64), i64)
    rest = f.convert(middle, i64)
    quadrant = top.shifted(62)
    high = (top << 2) | rest.shifted(62)
    low = rest << 2
    quadrant = quadrant + high.shifted(63)  # to the nearest; what is left is from -1/2 to 1/2
    fraction, more = _as_floats(high, low)
    p, e = two_product(fraction, f.constant(PIO2[0], f64))
    p, e = quick_two_sum(p, e + muladd(fraction, PIO2[1], more * PIO2[0]))
    negative = x < 0.0
    special = exponent.eq(0x7FF)
    p = f.select(special, math.nan, f.select(negative, -p, p))
    return f.select(negative, 0 - quadrant, quadrant), p, f.select(negative, -e, e)


def _joined(a: Value, b: Value, shift: Value) -> Value:
    """The 64 bits from `shift` on of two words."""
    f = a.f
    f.module.declare("llvm.fshl.i64", i64, [i64, i64, i64])
    return f.emit(i64, f"call i64 @llvm.fshl.i64({a!r}, {b!r}, {shift!r})")


def _product(a: Value, b: Value) -> Value:
    f = a.f
    return f.convert(a, _i128, signed=False) * f.convert(b, _i128, signed=False)


def _as_floats(high: Value, low: Value) -> tuple[Value, Value]:
    """The signed fraction of 128 bits as the sum of two doubles: of four pieces of 32 bits, each of them exact."""
    f = high.f
    pieces = [high >> 32, high & 0xFFFFFFFF, low.shifted(32), low & 0xFFFFFFFF]
    a, b, c, d = (f.convert(p, f64) * 2.0 ** (-32 * (k + 1)) for k, p in enumerate(pieces))
    s, e = quick_two_sum(a, b)
    s, t = two_sum(s, c)
    return quick_two_sum(s, (e + t) + d)


# ---- sin, cos, tan ------------------------------------------------------------------------------------------------


def _sin_cos(r: Value, low: Value, c: Accuracy) -> tuple[Value, Value]:
    """Of r + low, |r| <= pi / 4 (the arrangement is that of fdlibm's k_sin.c and k_cos.c)."""
    z = r * r
    half = z * 0.5
    sine = r + muladd(z * r, polynomial(z, c.SIN), muladd(low, -half, low))
    w = 1.0 - half
    cosine = w + (((1.0 - w) - half) + muladd(z * z, polynomial(z, c.COS), -(r * low)))
    return sine, cosine


def _with_sign(x: Value, quadrant: Value) -> Value:
    """-x in the quadrants 2 and 3."""
    bits = x.type.bits
    return (x.bits() ^ ((quadrant & 2) << (bits - 2))).as_float()


@elementary()
def sin(x: Value, c: Accuracy) -> Value:
    f = x.f
    quadrant, r, low = reduced(x)
    sine, cosine = _sin_cos(r, low, c)
    y = _with_sign(f.select((quadrant & 1).ne(0), cosine, sine), quadrant)
    return f.select(x.eq(0.0), x, y)


@elementary()
def cos(x: Value, c: Accuracy) -> Value:
    quadrant, r, low = reduced(x)
    sine, cosine = _sin_cos(r, low, c)
    return _with_sign(x.f.select((quadrant & 1).ne(0), sine, cosine), quadrant + 1)


@elementary()
def tan(x: Value, c: Accuracy) -> Value:
    f = x.f
    quadrant, r, low = reduced(x)
    sine, cosine = _sin_cos(r, low, c)
    odd = (quadrant & 1).ne(0)
    y = f.select(odd, -cosine, sine) / f.select(odd, sine, cosine)
    return f.select(x.eq(0.0), x, y)


def sin_cos_of_pi(x: Value, c: Accuracy) -> tuple[Value, Value]:
    """sin and cos of pi r, where r is x less the nearest integer: |r| <= 1/2."""
    f = x.f
    r = x - rint(x)
    a = absolute(r)
    far = a > 0.25
    v = f.select(far, 0.5 - a, a)
    p, e = two_product(v, f.constant(PI[0], x.type))
    sine, cosine = _sin_cos(p, muladd(v, PI[1], e), c)
    return copysign(f.select(far, cosine, sine), r), f.select(far, sine, cosine)


# ---- inverses -----------------------------------------------------------------------------------------------------


def _arcsin_of(a: Value, c: Accuracy) -> tuple[Value, Value, Value]:
    """For 0 <= a <= 1: whether a > 1/2; then sqrt((1 - a) / 2), else a; and of that, the arcsine less itself."""
    f = a.f
    large = a > 0.5
    z = f.select(large, (1.0 - a) * 0.5, a * a)
    s = f.select(large, sqrt(z), a)
    return large, s, s * z * polynomial(z, c.ARCSIN)


@elementary()
def arcsin(x: Value, c: Accuracy) -> Value:
    f, a = x.f, absolute(x)
    large, s, more = _arcsin_of(a, c)
    right, rest = two_parts(PIO2, x)
    y = f.select(large, right - ((s + s) - (rest - (more + more))), s + more)
    return copysign(f.select(a.is_nan(), a, y), x)


@elementary()
def arccos(x: Value, c: Accuracy) -> Value:
    f, a = x.f, absolute(x)
    large, s, more = _arcsin_of(a, c)
    twice = (s + s) + (more + more)
    negative = x < 0.0
    (right, rest), (straight, below) = two_parts(PIO2, x), two_parts(PI, x)
    far = f.select(negative, straight - (twice - below), twice)
    signed, more = f.select(negative, -s, s), f.select(negative, -more, more)
    near = right - (signed - (rest - more))
    return f.select(large, far, near)


def _arctan_of(y: Value, x: Value, c: Accuracy) -> tuple[Value, Value]:
    """The arctangent of y / x for 0 <= y <= x, in a large part and the rest."""
    f = y.f
    # arctan(t) = pi/4 + arctan((t - 1) / (t + 1)) above tan(pi / 8)
    large = y > x * 0.41421356237309503
    t = f.select(large, y - x, y) / f.select(large, y + x, x)
    z = t * t
    base, more = (f.select(large, part, 0.0, type=y.type) for part in two_parts(PIO4, y))
    return quick_two_sum(base, t + (t * z * polynomial(z, c.ARCTAN) + more))


@elementary()
def arctan(x: Value, c: Accuracy) -> Value:
    f, a = x.f, absolute(x)
    one = f.constant(1.0, x.type)
    outside = a > 1.0
    infinite = a.eq(math.inf)
    top = f.select(outside, one, a)
    below = f.select(outside, f.select(infinite, 1.0, a), one)
    high, low = _arctan_of(f.select(infinite, 0.0, top), below, c)
    right, rest = two_parts(PIO2, x)
    y = f.select(outside, right - (high - (rest - low)), high + low)
    return copysign(f.select(a.is_nan(), a, y), x)


@elementary()
def arctan2(y: Value, x: Value, c: Accuracy) -> Value:
    """The angle of the point (x, y), from -pi to pi."""
    f = y.f
    a, b = absolute(y), absolute(x)
    both = a.eq(math.inf) & b.eq(math.inf)
    a, b = f.select(both, 1.0, a), f.select(both, 1.0, b)
    swapped = a > b
    top, below = lesser(a, b), f.select(swapped, a, b)
    below = f.select(below.eq(0.0), 1.0, below)
    # so that the sum of the two is finite; what this loses is nothing beside the larger
    huge = below > 2.0 ** (1000 if x.type.bits == 64 else 120)
    infinite = below.eq(math.inf)
    top, below = (f.select(huge, v * 0.25, v) for v in (top, below))
    top, below = f.select(infinite, 0.0, top), f.select(infinite, 1.0, below)
    high, low = _arctan_of(top, below, c)
    negative = x.bits() < 0
    # pi/2 - angle, pi - angle, or pi/2 + angle: the sign of the angle, and what it is added to
    base, more = (
        f.select(swapped, right, f.select(negative, straight, 0.0, type=x.type))
        for right, straight in zip(two_parts(PIO2, x), two_parts(PI, x), strict=True)
    )
    minus = swapped ^ negative
    high, low = f.select(minus, -high, high), f.select(minus, -low, low)
    s, e = quick_two_sum(base, high)
    angle = s + (e + (low + more))
    angle = f.select(base.eq(0.0), high + low, angle)
    return f.select(x.is_nan() | y.is_nan(), x + y, copysign(angle, y))

"""exp, log and what is made of them.

exp: x = k log 2 + r with |r| <= log(2) / 2, subtracted in two parts (W. J. Cody and W. Waite, "Software Manual for the
Elementary Functions", 1980), then a polynomial. log: x = 2**k m, and with s = (m - 1) / (m + 1) a polynomial in s**2,
added so that the largest term, m - 1, stays exact (K. C. Ng, in fdlibm's e_log.c, Sun Microsystems 1993).
"""

from __future__ import annotations

import math

from ..llvm import Value
from .coefficients import LN2, LN2_32, LN2_64, LOG2E, LOG10_2, LOG10E
from .floats import (
    Accuracy,
    absolute,
    copysign,
    elementary,
    format_of,
    greater,
    lesser,
    muladd,
    polynomial,
    power_of_two,
    quick_two_sum,
    small_integer,
    split,
    two_parts,
    two_product,
    two_sum,
)

INF, NAN = math.inf, math.nan

# ---- exp ----------------------------------------------------------------------------------------------------------

LARGEST = {64: 711.0, 32: 90.0}
"""Above it exp is infinite"""
INFINITE = {64: 709.9, 32: 88.9}
"""Here exp is infinite already, and k is that of the largest numbers"""
SMALLEST = {64: -746.0, 32: -104.5}
"""Below it exp is zero"""


def reduced(x: Value, c: Accuracy) -> tuple[Value, Value]:
    """k and exp(r) - 1, for x = k log 2 + r within the limits above."""
    k, r, rest = reduced_pair(x, c)
    return k, r + rest


def reduced_pair(x: Value, c: Accuracy) -> tuple[Value, Value, Value]:
    """k, r and exp(r) - 1 - r."""
    fmt = format_of(x)
    high, low = LN2_64 if x.type.bits == 64 else LN2_32
    shifted = muladd(x, LOG2E[0], fmt.magic)
    n, k = shifted - fmt.magic, shifted.bits() - fmt.bits_of(fmt.magic)
    rest, small = muladd(n, -high, x), n * low
    r = rest - small
    error = (rest - r) - small
    return k, r, muladd(r * r, polynomial(r, c.EXP), error)


def scaled(x: Value, k: Value) -> Value:
    """2**k x, for k that may be beyond the exponents of floats by half: in two steps, so that it rounds at the end."""
    half = k >> 1
    return (x * power_of_two(half, x.type)) * power_of_two(k - half, x.type)


def clamped(x: Value) -> Value:
    return greater(lesser(x, LARGEST[x.type.bits]), SMALLEST[x.type.bits])


@elementary()
def exp(x: Value, c: Accuracy) -> Value:
    k, p = reduced(clamped(x), c)
    return scaled(p + 1.0, k)


@elementary()
def exp2(x: Value, c: Accuracy) -> Value:
    fmt = format_of(x)
    x = greater(lesser(x, fmt.bias + 2.0), -(fmt.bias + fmt.mantissa + 2.0))
    shifted = x + fmt.magic
    r = x - (shifted - fmt.magic)
    return scaled(muladd(r, polynomial(r, c.EXP2), 1.0), shifted.bits() - fmt.bits_of(fmt.magic))


def expm1_of(k: Value, r: Value, rest: Value) -> Value:
    """2**k (1 + r + rest) - 1; twice its half, since 2**k may be infinite."""
    half = power_of_two(k - 1, r.type)
    high, low = quick_two_sum(r, rest)
    y = muladd(low, half, muladd(high, half, half - 0.5))
    return y + y


@elementary()
def expm1(x: Value, c: Accuracy) -> Value:
    x = greater(lesser(x, INFINITE[x.type.bits]), -40.0)
    y = expm1_of(*reduced_pair(x, c))
    return x.f.select(x.eq(0.0), x, y)  # for the sign of zero


@elementary()
def sigmoid(x: Value, c: Accuracy) -> Value:
    """1 / (1 + exp(-x))."""
    k, p = reduced(greater(-absolute(x), SMALLEST[x.type.bits]), c)
    e = scaled(p + 1.0, k)
    return x.f.select(x < 0.0, e, 1.0) / (e + 1.0)


# ---- hyperbolic functions -----------------------------------------------------------------------------------------


@elementary()
def sinh(x: Value, c: Accuracy) -> Value:
    a = lesser(absolute(x), LARGEST[x.type.bits])
    k, r, rest = reduced_pair(a, c)
    e = expm1_of(k, r, rest)
    y = x.f.select(a < 20.0, (e + e / (e + 1.0)) * 0.5, scaled((r + rest) + 1.0, k - 1))
    return copysign(y, x)


@elementary()
def cosh(x: Value, c: Accuracy) -> Value:
    k, p = reduced(lesser(absolute(x), LARGEST[x.type.bits]), c)
    half = scaled(p + 1.0, k - 1)
    return half + 0.25 / half


@elementary()
def tanh(x: Value, c: Accuracy) -> Value:
    f, a = x.f, lesser(absolute(x), 22.0)
    e = expm1_of(*reduced_pair(a + a, c))
    large = a > 0.5
    quotient = f.select(large, 2.0, e) / (e + 2.0)
    return copysign(f.select(large, 1.0 - quotient, quotient), x)


# ---- log ----------------------------------------------------------------------------------------------------------


def normal(x: Value) -> tuple[Value, Value]:
    """x made normal by a power of two, and k, a float, and m with x = 2**k m."""
    fmt = format_of(x)
    tiny = x < fmt.smallest
    shift = float(fmt.mantissa + 2)
    k, m = split(x.f.select(tiny, x * 2.0**shift, x))
    k = small_integer(k)
    return x.f.select(tiny, k - shift, k), m


def log_series(m: Value, c: Accuracy) -> tuple[Value, Value, Value]:
    """f = m - 1, and h and e with log(m) = f - (h - e)."""
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    h = f * f * 0.5
    return f, h, s * muladd(z, polynomial(z, c.LOG), h)


def log_ends(x: Value, y: Value, zero: float = 0.0) -> Value:
    """y, and what the logarithm is where x is at the ends of its range (x = zero is where it is -inf) or beyond."""
    f = x.f
    y = f.select(x.eq(INF), x, y)
    y = f.select(x.eq(zero), -INF, y)
    return f.select(f.compare("ult", "", x, zero), f.select(x.is_nan(), x, NAN), y)


@elementary()
def log(x: Value, c: Accuracy) -> Value:
    high, low = LN2_64 if x.type.bits == 64 else LN2_32
    k, m = normal(x)
    f, h, e = log_series(m, c)
    return log_ends(x, muladd(k, high, f - (h - muladd(k, low, e))))


def log_pair(x: Value, c: Accuracy) -> tuple[Value, Value, Value]:
    """k and, in two parts, log(m)."""
    k, m = normal(x)
    f, h, e = log_series(m, c)
    high, low = quick_two_sum(f, e - h)
    return k, high, low


@elementary()
def log2(x: Value, c: Accuracy) -> Value:
    k, high, low = log_pair(x, c)
    factor, more = two_parts(LOG2E, x)
    p, e = two_product(high, x.f.constant(factor, x.type))
    s, t = quick_two_sum(k, p)
    return log_ends(x, s + (t + (e + muladd(low, factor, high * more))))


@elementary()
def log10(x: Value, c: Accuracy) -> Value:
    k, high, low = log_pair(x, c)
    (factor, more), (of_two, less) = two_parts(LOG10E, x), two_parts(LOG10_2, x)
    p, e = two_product(high, x.f.constant(factor, x.type))
    q, d = two_product(k, x.f.constant(of_two, x.type))
    s, t = quick_two_sum(q, p)
    rest = muladd(low, factor, high * more) + muladd(k, less, d)
    return log_ends(x, s + (t + (e + rest)))


def log1p_of(h: Value, low: Value | None, c: Accuracy, below_one: bool = False) -> Value:
    """log(1 + h + low), for finite h > -1, and low much smaller than h; `below_one`: -1/4 < h <= 1."""
    fmt = format_of(h)
    one = h.f.constant(1.0, h.type)
    u, error = quick_two_sum(one, h) if below_one else two_sum(one, h)
    if low is not None:
        error = error + low
    k, m = split(u)
    # What u has lost goes with the scale of m; above 2**1000 it is nothing, and its scale would be subnormal.
    limit = fmt.bias - 2
    scale = ((fmt.bias - (k if below_one else h.f.select(k > limit, limit, k))) << fmt.mantissa).as_float()
    high, small = LN2_64 if h.type.bits == 64 else LN2_32
    if low is None:
        f, rest = muladd(error, scale, m - 1.0), small_integer(k) * small
    else:
        f, rest = two_sum(m - 1.0, error * scale)
        rest = muladd(small_integer(k), small, rest - rest * f)
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    e = s * muladd(z, polynomial(z, c.LOG), half)
    return muladd(small_integer(k), high, f - (half - (e + rest)))


@elementary()
def log1p(x: Value, c: Accuracy) -> Value:
    y = log_ends(x, log1p_of(x, None, c), -1.0)
    return x.f.select(absolute(x) < format_of(x).smallest, x, y)  # zero keeps its sign, and the smallest their digits


@elementary()
def softplus(x: Value, c: Accuracy) -> Value:
    """log(1 + exp(x))."""
    k, p = reduced(greater(-absolute(x), SMALLEST[x.type.bits]), c)
    return greater(x, 0.0) + log1p_of(scaled(p + 1.0, k), None, c, below_one=True)


def log_of_sum(a: Value, b: Value, rest, at_equal: float) -> Value:
    """max(a, b) + rest(-|a - b|), and what NumPy has where they are equal, infinite or NaN."""
    f = a.f
    distance = absolute(a - b)
    y = greater(a, b) + rest(-distance)
    y = f.select(distance.is_nan(), a + b, y)
    return f.select(a.eq(b), a + at_equal, y)


@elementary()
def logaddexp(a: Value, b: Value, c: Accuracy) -> Value:
    def rest(d: Value) -> Value:
        k, p = reduced(greater(d, SMALLEST[d.type.bits]), c)
        return log1p_of(scaled(p + 1.0, k), None, c, below_one=True)

    return log_of_sum(a, b, rest, LN2[0])


@elementary()
def logaddexp2(a: Value, b: Value, c: Accuracy) -> Value:
    return log_of_sum(a, b, lambda d: log1p_of(exp2(d), None, c, below_one=True) * LOG2E[0], 1.0)


# ---- inverse hyperbolic functions ---------------------------------------------------------------------------------


HALF_DIGITS = {64: 2.0**28, 32: 2.0**13}
"""Beyond it a square is so large beside 1 that a number has no digits for the 1, below its inverse so small"""


@elementary()
def arcsinh(x: Value, c: Accuracy) -> Value:
    """log1p(a + (sqrt(1 + a a) - 1)), a = |x|, with the root in two parts; of large a the logarithm of 2 a."""
    f, a = x.f, absolute(x)
    large = a > HALF_DIGITS[x.type.bits]
    b = f.select(large, 1.0, a)
    p, e = two_product(b, b)
    root, more = root_of(*_plus_one(p, e))
    high, low = two_sum(b, root - 1.0)
    # log(2 a) = log1p(a - 1) + log(2)
    y = log1p_of(f.select(large, a - 1.0, high), f.select(large, 0.0, low + more), c)
    y = f.select(large, y + LN2[0], y)
    y = f.select(a.eq(INF), a, y)
    return copysign(f.select(a < 1.0 / HALF_DIGITS[x.type.bits], a, y), x)


def _plus_one(p: Value, e: Value) -> tuple[Value, Value]:
    s, t = two_sum(p.f.constant(1.0, p.type), p)
    return s, t + e


def root_of(high: Value, low: Value) -> tuple[Value, Value]:
    """The square root of a sum of two parts, in two parts."""
    root = high.f.intrinsic("sqrt", high)
    p, e = two_product(root, root)
    return root, (((high - p) - e) + low) / (root + root)


@elementary()
def arccosh(x: Value, c: Accuracy) -> Value:
    """log1p(t + sqrt(2 t + t t)), t = x - 1."""
    f = x.f
    large = x > HALF_DIGITS[x.type.bits]
    t = f.select(large, 1.0, x - 1.0)
    p, e = two_product(t, t)
    s, error = two_sum(t + t, p)
    root, more = root_of(s, error + e)
    high, low = two_sum(t, root)
    zero = s.eq(0.0)
    y = log1p_of(f.select(large, x - 1.0, high), f.select(large, 0.0, low + more), c)
    y = f.select(large, y + LN2[0], f.select(zero, 0.0, y))
    y = f.select(x.eq(INF), x, y)
    return f.select(x < 1.0, NAN, f.select(x.is_nan(), x, y))


@elementary()
def arctanh(x: Value, c: Accuracy) -> Value:
    """log1p(2 a / (1 - a)) / 2, a = |x|, with the quotient in two parts."""
    f, a = x.f, absolute(x)
    one = f.constant(1.0, x.type)
    below, error = two_sum(one, -a)
    q = (a + a) / below
    p, e = two_product(q, below)
    rest = ((((a + a) - p) - e) - q * error) / below
    y = log1p_of(q, rest, c) * 0.5
    y = f.select(a.eq(1.0), INF, y)
    y = f.select(a > 1.0, NAN, y)
    return copysign(f.select(a < 1.0 / HALF_DIGITS[x.type.bits], a, y), x)

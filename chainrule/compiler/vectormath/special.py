"""Powers and roots, the error function, the logarithm of the gamma function and its derivative."""

from __future__ import annotations

import math

from ..llvm import Value
from .coefficients import DIGAMMA_ROOT, HALF_LOG_2PI, LN2, LN2_64, LOG_PI, PI, TWO_OVER_ROOT_PI, TWO_THIRDS
from .exponential import INF, NAN, clamped, log, log1p, log_pair, normal, reduced, root_of, scaled
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
    sqrt,
    two_product,
    two_sum,
)
from .rounding import rint
from .trigonometric import sin_cos_of_pi

# ---- powers and roots ---------------------------------------------------------------------------------------------


def _long_log(x: Value, c: Accuracy) -> tuple[Value, Value]:
    """log(x) to about 64 bits, as the sum of two numbers, for positive finite x.

    It is the series of `exponential.log` with its first two terms in two parts, as fdlibm's e_pow.c has it.
    """
    f = x.f
    k, m = normal(x)
    if c.bits == 32:
        k, high, low = log_pair(x, c)
        return muladd(k, LN2[0], high), low
    top = m - 1.0
    below, lost = two_sum(m, f.constant(1.0, type=x.type))
    inverse = 1.0 / below
    s = top * inverse
    p, e = two_product(s, below)
    rest = (((top - p) - e) - s * lost) * inverse
    z, more = two_product(s, s)
    more = muladd(s + s, rest, more)
    q, e = two_product(z, f.constant(TWO_THIRDS[0], x.type))
    e = e + muladd(more, TWO_THIRDS[0], z * TWO_THIRDS[1])
    q, t = quick_two_sum(q, z * z * polynomial(z, c.LOG_LONG))
    r, d = two_product(s, q)
    d = d + muladd(s, t + e, rest * q)
    high, low = quick_two_sum(s + s, r)
    low = low + ((rest + rest) + d)
    high, more = quick_two_sum(k * LN2_64[0], high)
    return quick_two_sum(high, more + muladd(k, LN2_64[1], low))


@elementary(in_float32=False)
def power(x: Value, y: Value, c: Accuracy) -> Value:
    """exp(y log x), the logarithm and the product in two parts; special cases as C has them (C23, F.10.4.5)."""
    f, a = x.f, absolute(x)
    special = a.eq(0.0) | a.eq(INF)
    high, low = _long_log(f.select(special, 1.0, a), c)
    limit = 2.0**65
    z = greater(lesser(y, limit), -limit)
    p, e = two_product(z, high)
    inside = clamped(p)
    e = f.select(inside.eq(p), muladd(z, low, e), 0.0)
    k, m = reduced(inside, c)
    made = scaled(1.0 + (m + muladd(e, m, e)), k)
    made = f.select(special, f.select(a.eq(0.0) ^ (y < 0.0), 0.0, INF, type=x.type), made)
    whole = rint(y).eq(y)
    half = y * 0.5
    odd = whole & rint(half).ne(half)
    negative = x.bits() < 0
    made = f.select(negative & odd, -made, made)
    made = f.select((x < 0.0) & ~whole & ~special, NAN, made)
    made = f.select(x.is_nan() | y.is_nan(), x + y, made)
    return f.select(y.eq(0.0) | x.eq(1.0), 1.0, made)


@elementary(in_float32=False)
def cbrt(x: Value, c: Accuracy) -> Value:
    """c**(-1/3) by a polynomial and Halley's iteration, then the root from that, corrected by its own error."""
    f, fmt, a = x.f, format_of(x), absolute(x)
    tiny = a < fmt.smallest
    bits = f.select(tiny, a * 2.0**54, a).bits()
    exponent = (bits >> fmt.mantissa) - fmt.bias
    third = (((exponent + 1200) * 21846) >> 16) - 400
    m = (bits - ((third * 3) << fmt.mantissa)).as_float()
    y = polynomial(m, c.ROOT3)
    for _ in range(2 if c.bits == 64 else 1):
        e = 1.0 - m * (y * y * y)
        y = muladd(y * e, muladd(e, 2.0 / 9.0, 1.0 / 3.0), y)
    r = m * (y * y)
    if c.bits == 64:
        square, lost = two_product(r, r)
        cube, less = two_product(square, r)
        error = ((cube - m) + less) + lost * r
        r = r - error * (y * y) * (1.0 / 3.0)
    r = r * power_of_two(f.select(tiny, third - 18, third), type=x.type)
    return copysign(f.select((a < INF) & (a > 0.0), r, a), x)


@elementary(in_float32=False)
def hypot(x: Value, y: Value, c: Accuracy) -> Value:
    """The square root of x**2 + y**2, of numbers brought near 1 by a power of two."""
    f = x.f
    a, b = absolute(x), absolute(y)
    large, small = f.select(a < b, b, a), f.select(a < b, a, b)
    if c.bits == 32:
        made = sqrt(muladd(large, large, small * small))
    else:
        up, down = large > 2.0**500, large < 2.0**-450
        scale = f.select(up, 2.0**-600, f.select(down, 2.0**600, 1.0, type=x.type))
        back = f.select(up, 2.0**600, f.select(down, 2.0**-600, 1.0, type=x.type))
        p, e = two_product(large * scale, large * scale)
        q, d = two_product(small * scale, small * scale)
        s, t = quick_two_sum(p, q)
        root, more = root_of(s, t + (e + d))
        made = (root + more) * back
        made = f.select(large.eq(0.0), 0.0, made)
    made = f.select(a.is_nan() | b.is_nan(), a + b, made)
    return f.select(a.eq(INF) | b.eq(INF), INF, made)


ROOT_HALF = math.sqrt(0.5)

# ---- the error function -------------------------------------------------------------------------------------------


def _erf_near(x: Value, c: Accuracy) -> Value:
    """erf for |x| <= 1."""
    z = x * x
    first, rest = TWO_OVER_ROOT_PI
    return muladd(x, first, x * muladd(z, polynomial(z, c.ERF), rest))


def _scaled_erfc(a: Value, c: Accuracy) -> Value:
    """exp(a**2) erfc(a) for a >= 0: a polynomial in (a - 4) / (a + 4), over 1 + 2 a.

    M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x**2) erfc(x) in 0 <= x < inf",
    Mathematics of Computation 36, 1981.
    """
    b = lesser(a, 1e100)
    t = (b - 4.0) / (b + 4.0)
    return polynomial(t, c.ERFCX) * 0.5 / (a + 0.5)


def _exp_of_square(a: Value, factor: float, c: Accuracy) -> tuple[Value, Value]:
    """k and m with 2**k m = exp(factor a**2), for a factor of plus or minus a power of two; nothing is lost."""
    p, e = two_product(a, a)
    p, e = p * factor, e * factor
    inside = clamped(p)
    k, m = reduced(inside, c)
    return k, 1.0 + (m + a.f.select(inside.eq(p), muladd(e, m, e), 0.0))


@elementary(in_float32=False)
def erf(x: Value, c: Accuracy) -> Value:
    f, a = x.f, absolute(x)
    b = lesser(a, 7.0)
    k, m = _exp_of_square(b, -1.0, c)
    far = 1.0 - scaled(m, k) * _scaled_erfc(b, c)
    return f.select(a < 1.0, _erf_near(x, c), copysign(far, x))


@elementary(in_float32=False)
def erfc(x: Value, c: Accuracy) -> Value:
    f, a = x.f, absolute(x)
    b = lesser(a, 30.0)
    k, m = _exp_of_square(b, -1.0, c)
    far = scaled(m * _scaled_erfc(b, c), k)
    far = f.select(x < 0.0, 2.0 - far, far)
    return f.select(a < 0.5, 1.0 - _erf_near(x, c), far)


@elementary(in_float32=False)
def erfcx(x: Value, c: Accuracy) -> Value:
    """exp(x**2) erfc(x)."""
    f, a = x.f, absolute(x)
    far = _scaled_erfc(a, c)
    k, m = _exp_of_square(lesser(a, 30.0), 1.0, c)
    big = scaled(m, k)
    far = f.select(x < 0.0, (big + big) - far, far)
    y = f.select(a < 0.5, big * (1.0 - _erf_near(x, c)), far)
    return f.select(x.eq(-INF), INF, f.select(x.eq(INF), 0.0, y))


@elementary(in_float32=False)
def ndtr(x: Value, c: Accuracy) -> Value:
    """The normal distribution: erfc(-x / sqrt(2)) / 2."""
    f, a = x.f, absolute(x)
    k, m = _exp_of_square(lesser(a, 40.0), -0.5, c)
    tail = scaled(m * _scaled_erfc(a * ROOT_HALF, c), k - 1)
    tail = f.select(x < 0.0, tail, 1.0 - tail)
    return f.select(a < 1.0, muladd(_erf_near(x * ROOT_HALF, c), 0.5, 0.5), tail)


@elementary(in_float32=False)
def log_ndtr(x: Value, c: Accuracy) -> Value:
    """The logarithm of ndtr, also where that is too small to be a float."""
    f, far = x.f, x < -1.0
    a = f.select(far, -x, 1.0)
    tail = log(_scaled_erfc(a * ROOT_HALF, c) * 0.5) - a * a * 0.5
    return f.select(far, tail, log1p(-ndtr(f.select(far, 0.0, -x))))


# ---- the gamma function -------------------------------------------------------------------------------------------


def _gammaln_of_positive(x: Value, c: Accuracy) -> Value:
    """Near 1 and 2, where it is zero, by polynomials; from 2.5 to 8 by steps down, above 8 by Stirling's formula."""
    f = x.f
    small, near_one, far = x < 0.5, x < 1.5, x >= 8.0
    stepped = f.select(far, 2.0, x)
    product = f.constant(1.0, x.type)
    rest = stepped
    for k in range(1, 7):
        t = stepped - float(k)
        inside = t >= 1.5
        product, rest = f.select(inside, product * t, product), f.select(inside, t, rest)
    u = f.select(small, x, f.select(near_one, x - 1.0, rest - 2.0))
    near = u * f.select(near_one, polynomial(u, c.LGAMMA1), polynomial(u, c.LGAMMA2))
    k, high, low = log_pair(f.select(small | far, x, product), c)
    main, lost = quick_two_sum(k * LN2_64[0], high)
    low = muladd(k, LN2_64[1], low) + lost
    logarithm = main + low
    less, lost = two_sum(main, f.constant(-1.0, type=x.type))
    inverse = 1.0 / x
    w = inverse * inverse
    series = muladd(inverse, polynomial(w, c.STIRLING), HALF_LOG_2PI[0] - 0.5)
    stirling = muladd(x - 0.5, less + (lost + low), series)
    y = f.select(far, stirling, f.select(small, near - logarithm, near + logarithm))
    return f.select(x.eq(0.0) | (x > 1e306), INF, y)


@elementary(in_float32=False)
def gammaln(x: Value, c: Accuracy) -> Value:
    """The logarithm of |Gamma(x)|; of negative x by reflection, so that near its zeros the error is an absolute one."""
    f, a = x.f, absolute(x)
    y = _gammaln_of_positive(a, c)

    def reflected() -> list[Value]:
        sine, _ = sin_cos_of_pi(a, c)
        size = absolute(sine) * a
        whole = size.eq(0.0)
        z = f.select(a < 2.0**-60, y, LOG_PI[0] - (log(f.select(whole, 1.0, size)) + y))
        return [f.select(x < 0.0, f.select(sine.eq(0.0), INF, z), y)]

    (y,) = f.when(f.any(x < 0.0), reflected, lambda: [y])
    y = f.select(a.eq(INF), x, y)
    return f.select(x.is_nan(), x, y)


@elementary(in_float32=False)
def digamma(x: Value, c: Accuracy) -> Value:
    """The derivative of gammaln: steps down to [1, 2], a polynomial there; above 9 its asymptotic series."""
    f = x.f
    negative = x < 0.0
    a = f.select(negative, 1.0 - x, x)
    small, far = a < 1.0, a >= 9.0
    stepped = f.select(far, 1.5, f.select(small, a + 1.0, a))
    rest = stepped
    total = f.select(small, -1.0 / a, 0.0)
    for k in range(1, 8):
        t = stepped - float(k)
        inside = t >= 1.0
        total = f.select(inside, total + 1.0 / t, total)
        rest = f.select(inside, t, rest)
    near = ((rest - DIGAMMA_ROOT[0]) - DIGAMMA_ROOT[1]) * polynomial(rest - 1.5, c.DIGAMMA) + total
    inverse = 1.0 / a
    w = inverse * inverse
    y = f.select(far, log(f.select(far, a, 9.0)) - (inverse * 0.5 + w * polynomial(w, c.DIGAMMA_FAR)), near)

    def reflected() -> list[Value]:
        sine, cosine = sin_cos_of_pi(x, c)
        made = y - PI[0] * cosine / sine
        return [f.select(negative, f.select(sine.eq(0.0) | x.eq(-INF), math.nan, made), y)]

    (y,) = f.when(f.any(negative), reflected, lambda: [y])
    return f.select(x.eq(0.0), -1.0 / x, f.select(x.eq(INF), INF, y))

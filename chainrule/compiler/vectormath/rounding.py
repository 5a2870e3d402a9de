"""Rounding, quotients and remainders, the larger and the smaller: what is exact, with NumPy's signs and NaNs."""

from __future__ import annotations

import math

from ..llvm import Value
from .floats import absolute, copysign, elementary, format_of, two_product

__all__ = [
    "absolute",
    "ceil",
    "copysign",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "isfinite",
    "isinf",
    "isnan",
    "maximum",
    "minimum",
    "remainder",
    "rint",
    "sign",
    "signbit",
    "trunc",
]


def _by_instruction(x: Value) -> bool:
    target = x.f.target
    return target.is_arm or "sse4.1" in target.has


@elementary()
def rint(x: Value, c: object) -> Value:
    """To the nearest integer, of two the even one."""
    if _by_instruction(x):
        return x.f.intrinsic("rint", x)
    large = 2.0 ** format_of(x).mantissa
    a = absolute(x)
    return copysign(x.f.select(a < large, (a + large) - large, a), x)


def _towards(x: Value, name: str, up: bool) -> Value:
    if _by_instruction(x):
        return x.f.intrinsic(name, x)
    y = rint(x)
    y = x.f.select(y < x, y + 1.0, y) if up else x.f.select(y > x, y - 1.0, y)
    return copysign(y, x)


@elementary()
def floor(x: Value, c: object) -> Value:
    return _towards(x, "floor", False)


@elementary()
def ceil(x: Value, c: object) -> Value:
    return _towards(x, "ceil", True)


@elementary()
def trunc(x: Value, c: object) -> Value:
    if _by_instruction(x):
        return x.f.intrinsic("trunc", x)
    return copysign(floor(absolute(x)), x)


# ---- remainders ---------------------------------------------------------------------------------------------------


def _exponent(x: Value) -> Value:
    """The exponent of a positive number."""
    fmt = format_of(x)
    tiny = x < fmt.smallest
    shift = fmt.mantissa + 2
    bits = x.f.select(tiny, x * 2.0**shift, x).bits()
    k = (bits >> fmt.mantissa) - fmt.bias
    return x.f.select(tiny, k - shift, k)


def _times_power(x: Value, k: Value) -> Value:
    """2**k x for 0 <= k, where the result is finite: in three steps, for x may be subnormal and k beyond 1023."""
    fmt = format_of(x)
    third = (k * 21846) >> 16
    rest = k - third - third
    step = ((third + fmt.bias) << fmt.mantissa).as_float()
    return x * step * step * ((rest + fmt.bias) << fmt.mantissa).as_float()


@elementary()
def fmod(a: Value, b: Value, c: object) -> Value:
    """What is left of a after b has been taken away as often as possible; exact, with the sign of a.

    Long division, 50 bits of the quotient in each turn (22 for float32); most often there is one turn.
    """
    f, fmt = a.f, format_of(a)
    size, step = absolute(b), absolute(a)
    valid = (step < math.inf) & size.ne(0.0) & ~b.is_nan()
    size, step, huge = f.select(valid, size, 1.0), f.select(valid, step, 0.0), 2.0 ** (fmt.bias - 10)

    def turn(r: Value) -> list[Value]:
        k = _exponent(r) - _exponent(size) - (fmt.mantissa - 2)
        k = f.select((k > 0) & (r >= size), k, 0)
        d = _times_power(size, k)
        # a quotient rounded up may take the product beyond the largest number
        scale = f.select(r > huge, 2.0**-10, 1.0, type=r.type)
        part, d = r * scale, d * scale
        q = trunc(part / d)
        p, e = two_product(q, d)
        left = (part - p) - e
        left = f.select(left < 0.0, left + d, left)
        left = f.select(left >= d, left - d, left)
        return [f.select(r >= size, f.select(r > huge, left * 2.0**10, left), r)]

    (r,) = f.repeat(lambda r: f.any(r >= size), turn, [step])
    return f.select(valid, copysign(r, a), math.nan)


@elementary()
def remainder(a: Value, b: Value, c: object) -> Value:
    """The rest of the floored quotient, with the sign of b, as Python and NumPy have it."""
    f = a.f
    if not a.type.is_float:
        return _integer_divmod(a, b)[1]
    r = fmod(a, b)
    other = (r < 0.0) ^ (b < 0.0)
    y = f.select(r.eq(0.0), copysign(0.0, b), f.select(other, r + b, r))
    return f.select(r.is_nan(), r, y)


@elementary()
def floor_divide(a: Value, b: Value, c: object) -> Value:
    """The quotient rounded down, exactly as NumPy computes it."""
    f = a.f
    if not a.type.is_float:
        return _integer_divmod(a, b)[0]
    r = fmod(a, b)
    q = (a - r) / b
    q = f.select(r.ne(0.0) & ((r < 0.0) ^ (b < 0.0)), q - 1.0, q)
    down = floor(q)
    down = f.select(q - down > 0.5, down + 1.0, down)
    return f.select(b.eq(0.0), a / b, f.select(q.eq(0.0), copysign(0.0, a / b), down))


def _integer_divmod(a: Value, b: Value) -> tuple[Value, Value]:
    """Both rounded down; 0 and 0 where b is 0, and no trap where the quotient is too large."""
    f, name = a.f, a.type.name
    zero, minus = b.eq(0), b.eq(-1)
    d = f.select(zero | minus, 1, b)
    q, r = f.emit(a.type, f"sdiv {name} {a.text}, {d.text}"), f.emit(a.type, f"srem {name} {a.text}, {d.text}")
    down = r.ne(0) & ((r < 0) ^ (d < 0))
    q, r = f.select(down, q - 1, q), f.select(down, r + d, r)
    return f.select(zero, 0, f.select(minus, 0 - a, q)), r


# ---- comparisons --------------------------------------------------------------------------------------------------


def _chosen(a: Value, b: Value, first: Value) -> Value:
    return a.f.select(first, a, b)


def maximum(a: Value, b: Value) -> Value:
    """NaN if either is."""
    return _chosen(a, b, (a >= b) | a.is_nan() if a.type.is_float else a >= b)


def minimum(a: Value, b: Value) -> Value:
    return _chosen(a, b, (a <= b) | a.is_nan() if a.type.is_float else a <= b)


def fmax(a: Value, b: Value) -> Value:
    """The other one if one is NaN."""
    return _chosen(a, b, (a >= b) | b.is_nan() if a.type.is_float else a >= b)


def fmin(a: Value, b: Value) -> Value:
    return _chosen(a, b, (a <= b) | b.is_nan() if a.type.is_float else a <= b)


def isnan(x: Value) -> Value:
    return x.is_nan()


def isinf(x: Value) -> Value:
    return absolute(x).eq(math.inf)


def isfinite(x: Value) -> Value:
    return absolute(x) < math.inf


def signbit(x: Value) -> Value:
    return (x.bits() if x.type.is_float else x) < 0


def sign(x: Value) -> Value:
    """-1, 0 or 1; NaN of NaN."""
    f = x.f
    y = f.select(x > 0, 1, f.select(x < 0, f.constant(-1, type=x.type), 0))
    return f.select(x.is_nan(), x, y) if x.type.is_float else y

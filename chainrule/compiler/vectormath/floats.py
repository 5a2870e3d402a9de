"""What the functions here are made of: formats of floats, sums and products with their rounding errors, polynomials."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence
from typing import Any

from ..llvm import Type, Value, f32, f64, float_of
from . import coefficients


class Format:
    """A format of floats: how many bits its mantissa has after the point, and the exponent of 1."""

    def __init__(self, type: Type, mantissa: int, bias: int, pack: str):
        self.type, self.mantissa, self.bias, self.bits = type, mantissa, bias, type.bits
        self.smallest = 2.0 ** (1 - bias)
        """the smallest normal number"""
        self.magic = 1.5 * 2.0**mantissa
        """Added to a number and taken away again, it leaves the nearest integer; its last bits are that integer."""
        self._pack = pack

    def bits_of(self, value: float) -> int:
        return struct.unpack(self._pack[1], struct.pack(self._pack[0], value))[0]


FORMATS = {64: Format(f64, 52, 1023, "dq"), 32: Format(f32, 23, 127, "fi")}


def format_of(x: Value) -> Format:
    return FORMATS[x.type.bits]


class Accuracy:
    """The polynomials for results of 53 bits or of 24, by name."""

    def __init__(self, bits: int):
        self.bits = bits

    def __getattr__(self, name: str) -> tuple[float, ...]:
        return getattr(coefficients, f"{name}_{self.bits}")


ACCURACIES = {64: Accuracy(64), 32: Accuracy(32)}


def elementary(in_float32: bool = True) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Makes a function of values out of one that takes the polynomials, too, as its last argument.

    Without `in_float32` it is computed in doubles, with the polynomials for float32, where the argument is of float32.
    What it computes is exactly what is written: LLVM may not rearrange it, whatever it may do around it.
    """

    def decorate(rule: Callable[..., Value]) -> Callable[..., Value]:
        @functools.wraps(rule)
        def function(*args: Value) -> Value:
            f, kind = args[0].f, args[0].type
            flags, f.flags = f.flags, ""
            f.note(f"{rule.__name__} of {', '.join(a.text for a in args)}")
            if kind.bits == 32 and not in_float32:
                made = f.convert(rule(*(f.convert(a, f64) for a in args), ACCURACIES[32]), f32)
            else:
                made = rule(*args, ACCURACIES.get(kind.bits))
            f.flags = flags
            return made

        return function

    return decorate


# ---- arithmetic ---------------------------------------------------------------------------------------------------


def muladd(a: Any, b: Any, c: Any) -> Value:
    """a * b + c, rounded once where that is quicker and twice elsewhere."""
    return _three("fmuladd", a, b, c)


def fma(a: Any, b: Any, c: Any) -> Value:
    """a * b + c, rounded once; only for targets that have it as an instruction."""
    return _three("fma", a, b, c)


def _three(name: str, a: Any, b: Any, c: Any) -> Value:
    known = next(v for v in (a, b, c) if isinstance(v, Value))
    f = known.f
    args = [v if isinstance(v, Value) else f.constant(v, known.type) for v in (a, b, c)]
    return f.intrinsic(name, *args)


def two_parts(constant: tuple[float, float], x: Value) -> tuple[float, float]:
    """A constant as the sum of two numbers of the format of x."""
    if x.type.bits == 64:
        return constant
    return float_of(constant[0]), constant[0] - float_of(constant[0])


def two_sum(a: Value, b: Value) -> tuple[Value, Value]:
    """a + b rounded, and the error of that (Knuth, TAOCP 2, section 4.2.2, theorem B)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def quick_two_sum(a: Value, b: Value) -> tuple[Value, Value]:
    """The same where |a| >= |b| or a = 0 (Dekker, Numerische Mathematik 18, 1971)."""
    s = a + b
    return s, b - (s - a)


def two_product(a: Value, b: Value) -> tuple[Value, Value]:
    """a * b rounded, and the error of that; without fused multiply-add by splitting (Dekker 1971, as above)."""
    p = a * b
    if p.f.target.fused:
        return p, fma(a, b, -p)
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _halves(a: Value) -> tuple[Value, Value]:
    """a in two parts of half the bits: the high one by cutting bits, which cannot overflow."""
    fmt = format_of(a)
    cut = (fmt.mantissa + 2) // 2
    high = (a.bits() & -(1 << cut)).as_float()
    return high, a - high


def polynomial(x: Value, terms: Sequence[float], first: Any = None) -> Value:
    """The sum of `terms[k] * x**k`; `first` instead of the lowest, if given.

    Two chains, of the even and of the odd powers, so that each need wait half as long.
    """
    f = x.f
    values = [f.constant(t, x.type) for t in terms]
    if first is not None:
        values[0] = first if isinstance(first, Value) else f.constant(first, x.type)
    if len(values) < 5:
        return _horner(x, values)
    square = x * x
    return muladd(_horner(square, values[1::2]), x, _horner(square, values[::2]))


def _horner(x: Value, values: Sequence[Value]) -> Value:
    made = values[-1]
    for value in reversed(values[:-1]):
        made = muladd(made, x, value)
    return made


# ---- parts of floats ----------------------------------------------------------------------------------------------


def absolute(x: Value) -> Value:
    return x.f.intrinsic("fabs", x) if x.type.is_float else x.f.select(x < 0, -x, x)


def copysign(x: Any, sign: Value) -> Value:
    x = x if isinstance(x, Value) else sign.f.constant(x, sign.type)
    return x.f.intrinsic("copysign", x, sign)


def sqrt(x: Value) -> Value:
    return x.f.intrinsic("sqrt", x)


def lesser(a: Value, b: Any) -> Value:
    """The lesser of two; a if it is NaN."""
    return a.f.select(a > b, b, a)


def greater(a: Value, b: Any) -> Value:
    return a.f.select(a < b, b, a)


def power_of_two(n: Value, type: Type) -> Value:
    """2**n as a float, for integers n in the range of the exponents of normal numbers."""
    fmt = FORMATS[type.bits]
    return ((n + fmt.bias) << fmt.mantissa).as_float()


def small_integer(n: Value) -> Value:
    """An integer below 2**22 in size as a float of the same size in bits, by an addition."""
    fmt = FORMATS[n.type.bits]
    return (n + fmt.bits_of(fmt.magic)).as_float() - fmt.magic


def nearest(x: Value) -> tuple[Value, Value]:
    """The integer nearest to a number below 2**22 in size, as a float and as bits whose last ones are the integer's."""
    fmt = format_of(x)
    shifted = x + fmt.magic
    return shifted - fmt.magic, shifted.bits()


def split(x: Value) -> tuple[Value, Value]:
    """k and m with x = 2**k m and m between sqrt(1/2) and sqrt(2), for normal positive x."""
    fmt = format_of(x)
    bits = x.bits()
    k = (bits - fmt.bits_of(0.5**0.5)) >> fmt.mantissa
    return k, (bits - (k << fmt.mantissa)).as_float()

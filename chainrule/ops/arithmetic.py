"""Elementwise operations. To add one, add one entry: its local partial derivatives."""

import math
from typing import Any

import numpy as np

from ..core.trace import NUMBERS, Tracer, aval_of
from .families import elementwise

LN2, LN10 = float(np.log(2.0)), float(np.log(10.0))

add = elementwise(np.add, d=(1, 1))
subtract = elementwise(np.subtract, d=(1, -1))
multiply = elementwise(np.multiply, d=(lambda b: b, lambda a: a))


def inverse(b):
    """1/b, and not Python's ZeroDivisionError where b is the Python number 0 but NumPy's infinity."""
    return 1.0 / b if b.__class__ not in NUMBERS or b else math.inf


divide = elementwise(np.true_divide, d=(lambda b: inverse(b), lambda y, b: -y / b))
negative = elementwise(np.negative, d=-1)
positive = elementwise(np.positive, d=1)
reciprocal = elementwise(np.reciprocal, d=lambda y: -y * y)
square = elementwise(np.square, d=lambda x: 2.0 * x)
sqrt = elementwise(np.sqrt, d=lambda y: 0.5 / y)
cbrt = elementwise(np.cbrt, d=lambda y: 1 / (3 * y * y))


# ---- powers -------------------------------------------------------------------------------------------------


def power_in_base(a, b):
    """b a^(b-1), and 0 where b = 0, whatever a: x**0 is the constant 1."""
    exponent = np.where(b == 0, 1.0, b - 1) if np.ndim(b) or isinstance(b, Tracer) else 1.0 if b == 0 else b - 1
    return b * np.power(a, exponent)


def power_in_exponent(a, b, y):
    """a^b log a, and its limit 0 where a = 0 and b > 0 (at b = 0 too, by convention)."""
    zero = (a == 0) & (np.real(b) >= 0)
    base = np.where(zero, 1.0, a).astype(y.dtype)  # as NumPy's power casts it: a negative one has a complex logarithm
    return np.where(zero, np.zeros((), y.dtype), y * np.log(base))


power = elementwise(np.power, d=(power_in_base, power_in_exponent))
float_power = elementwise(np.float_power, d=(power_in_base, power_in_exponent))

# ---- exponentials and logarithms ----------------------------------------------------------------------------

exp = elementwise(np.exp, d=lambda y: y)
exp2 = elementwise(np.exp2, d=lambda y: LN2 * y)
expm1 = elementwise(np.expm1, d=lambda x: np.exp(x))
log = elementwise(np.log, d=lambda x: 1.0 / x)
log2 = elementwise(np.log2, d=lambda x: 1 / (LN2 * x))
log10 = elementwise(np.log10, d=lambda x: 1 / (LN10 * x))
log1p = elementwise(np.log1p, d=lambda x: 1.0 / (1.0 + x))


def share(this, other, y, exp):
    """The weight of `this` in a logaddexp y: exp(this - y); infinities share what they can, nothing is NaN."""
    finite = np.isfinite(y)
    return np.where(finite, exp(np.where(finite, this - np.where(finite, y, 0.0), 0.0)), chosen(this, other, y))


def chosen(this, other, y):
    """1 where y is `this`, 1/2 where it is both, 0 where it is `other`."""
    zero, half, one = map(y.dtype.type, (0, 0.5, 1))
    return np.where(this == y, np.where(other == y, half, one), zero)


logaddexp = elementwise(
    np.logaddexp, d=(lambda a, b, y: share(a, b, y, np.exp), lambda a, b, y: share(b, a, y, np.exp))
)
logaddexp2 = elementwise(
    np.logaddexp2, d=(lambda a, b, y: share(a, b, y, np.exp2), lambda a, b, y: share(b, a, y, np.exp2))
)

# ---- trigonometric and hyperbolic ---------------------------------------------------------------------------

sin = elementwise(np.sin, d=lambda x: np.cos(x))
cos = elementwise(np.cos, d=lambda x: -np.sin(x))
tan = elementwise(np.tan, d=lambda y: 1.0 + y * y)
arcsin = elementwise(np.arcsin, d=lambda x: 1.0 / np.sqrt(1.0 - x * x))
arccos = elementwise(np.arccos, d=lambda x: -1.0 / np.sqrt(1.0 - x * x))
arctan = elementwise(np.arctan, d=lambda x: 1.0 / (1.0 + x * x))
sinh = elementwise(np.sinh, d=lambda x: np.cosh(x))
cosh = elementwise(np.cosh, d=lambda x: np.sinh(x))
tanh = elementwise(np.tanh, d=lambda y: 1.0 - y * y)
arcsinh = elementwise(np.arcsinh, d=lambda x: 1.0 / np.sqrt(1.0 + x * x))
arccosh = elementwise(np.arccosh, d=lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)))
arctanh = elementwise(np.arctanh, d=lambda x: 1.0 / (1.0 - x * x))
deg2rad = elementwise(np.deg2rad, d=float(np.pi / 180), keys=(np.radians,), name="deg2rad")
rad2deg = elementwise(np.rad2deg, d=float(180 / np.pi), keys=(np.degrees,), name="rad2deg")


def over_square(u, a, b):
    """u / (a^2 + b^2), and 0 where a = b = 0."""
    r2 = a * a + b * b
    return np.where(r2 == 0, 0.0, u / np.where(r2 == 0, 1.0, r2))


arctan2 = elementwise(np.arctan2, d=(lambda a, b: over_square(b, a, b), lambda a, b: over_square(-a, a, b)))


def direction(u, y):
    """u / y, and 0 where y = 0: the subgradient of least norm of a distance."""
    zero = y == 0
    return np.where(zero, 0.0, u / np.where(zero, 1.0, y))


hypot = elementwise(np.hypot, d=(lambda a, y: direction(a, y), lambda b, y: direction(b, y)))

# ---- absolute value, sign, rounding -------------------------------------------------------------------------

absolute_real = elementwise(np.fabs, d=lambda x: np.sign(x))
copysign = elementwise(np.copysign, d=(lambda a, y: np.sign(a) * np.sign(y), None))
floor = elementwise(np.floor, d=None)
ceil = elementwise(np.ceil, d=None)
trunc = elementwise(np.trunc, d=None)
rint = elementwise(np.rint, d=None)
signbit = elementwise(np.signbit, d=None)
heaviside = elementwise(np.heaviside, d=(None, lambda a: np.where(a == 0, 1.0, 0.0)))
spacing = elementwise(np.spacing, d=None)
nextafter = elementwise(np.nextafter, d=(1, None))
floor_divide = elementwise(np.floor_divide, d=(None, None))
remainder = elementwise(np.remainder, d=(1, lambda a, b: -np.floor_divide(a, b)))
fmod = elementwise(np.fmod, d=(1, lambda a, b: -np.trunc(a / b)))
ldexp = elementwise(np.ldexp, d=(lambda b: np.exp2(b), None))
exponent = elementwise(lambda x: np.frexp(x)[1], d=None, name="exponent")

# ---- selection: a tie is shared evenly ----------------------------------------------------------------------


def wins(a, b, dtype: Any = np.int8):
    """2 where a > b, 1 where they are equal, 0 where a < b; 2 where either is NaN, for so is the larger then."""
    return np.add(np.logical_not(a < b), np.logical_not(a <= b), dtype=dtype)


def loses(a, b):
    return wins(b, a)


def larger(a, b):
    """The slope of the larger of both in a."""
    dtype = np.result_type(*(x.dtype for x in map(aval_of, (a, b)) if x.dtype not in NUMBERS))
    return wins(a, b, dtype) * 0.5


maximum = elementwise(
    np.maximum,
    d=(lambda a, b: larger(a, b), lambda a, b: larger(b, a)),
    halves=(wins, loses),
    selects=True,
)
minimum = elementwise(
    np.minimum,
    d=(lambda a, b: larger(b, a), lambda a, b: larger(a, b)),
    halves=(loses, wins),
    selects=True,
)
fmax = elementwise(np.fmax, d=(lambda a, b, y: chosen(a, b, y), lambda a, b, y: chosen(b, a, y)), selects=True)
fmin = elementwise(np.fmin, d=(lambda a, b, y: chosen(a, b, y), lambda a, b, y: chosen(b, a, y)), selects=True)

# ---- constant wherever they have a derivative ---------------------------------------------------------------

equal = elementwise(np.equal, d=(None, None))
not_equal = elementwise(np.not_equal, d=(None, None))
less = elementwise(np.less, d=(None, None))
less_equal = elementwise(np.less_equal, d=(None, None))
greater = elementwise(np.greater, d=(None, None))
greater_equal = elementwise(np.greater_equal, d=(None, None))
logical_and = elementwise(np.logical_and, d=(None, None))
logical_or = elementwise(np.logical_or, d=(None, None))
logical_xor = elementwise(np.logical_xor, d=(None, None))
logical_not = elementwise(np.logical_not, d=None)
bitwise_and = elementwise(np.bitwise_and, d=(None, None))
bitwise_or = elementwise(np.bitwise_or, d=(None, None))
bitwise_xor = elementwise(np.bitwise_xor, d=(None, None))
invert = elementwise(np.invert, d=None)
left_shift = elementwise(np.left_shift, d=(None, None))
right_shift = elementwise(np.right_shift, d=(None, None))
bitwise_count = elementwise(np.bitwise_count, d=None)
gcd = elementwise(np.gcd, d=(None, None))
lcm = elementwise(np.lcm, d=(None, None))
isfinite = elementwise(np.isfinite, d=None)
isinf = elementwise(np.isinf, d=None)
isnan = elementwise(np.isnan, d=None)

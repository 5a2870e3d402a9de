"""An example for each operation and for each awkward form of its arguments. `tests/test_rules.py` checks all of them.

To add one, add a line:

    case("matmul", "vectors", np.matmul, V, W)

says that `np.matmul(V, W)` is an example of the primitive matmul, and what is special about it. The arrays after the
function are differentiated if they are floating point or complex; anything else that the function reads is a constant.
The function must be smooth around them, to about a hundredth of their size for float32 and a thousandth otherwise.
An operation that gives whole numbers or booleans is put to use: `np.where(x < y, np.sin(x), y)`.

A function of several results returns a tuple. Two keywords come last: `order=1` where there is a derivative but no
second one (at a tie, say), and `looks=True` for what looks at values, so that it cannot be mapped over a batch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.special  # noqa: F401  (before the first ufunc of it is met)

import chainrule as cr
from chainrule.core.trace import Tracer, bind
from chainrule.ops import control, decompositions, indexing, linalg, moves, selections
from chainrule.ops.subscripts import ARRAY


class Case(NamedTuple):
    primitive: str
    form: str
    f: Callable[..., Any]
    args: tuple[Any, ...]
    order: int = 2
    looks: bool = False

    def __str__(self) -> str:
        return f"{self.primitive}, {self.form}"


CASES: list[Case] = []


def case(primitive: str, form: str, f: Callable[..., Any], *args: Any, order: int = 2, looks: bool = False) -> None:
    CASES.append(Case(primitive, form, f, args, order, looks))


def single(x):
    """x in single precision."""
    return x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)


rng = np.random.default_rng(3)
V = np.array([-1.3, 0.4, 2.1])
W = np.array([0.7, -0.6, 1.9])
M = np.array([[0.3, -1.7, 0.9], [1.4, 0.6, -0.8]])
N = np.array([[-0.5, 1.1, 0.2], [0.8, -1.2, 1.6]])
B = rng.uniform(0.3, 2.0, (2, 3, 2))
Z = np.array([0.6 + 0.8j, -1.2 + 0.5j, 1.1 - 0.7j])
U = np.array([0.8 - 0.3j, 1.4 + 0.6j, -0.5 + 0.2j])
C = np.stack([Z, U])
NONE, NO_ROWS, NO_COLUMNS = np.zeros(0), np.zeros((0, 3)), np.zeros((2, 0))

# ---- elementwise, of one argument: each in the same forms -----------------------------------------------------------

ANY, POSITIVE, INSIDE, OUTSIDE = V, np.array([0.3, 1.7, 2.6]), np.array([-0.7, 0.2, 0.6]), np.array([1.2, 1.9, 3.1])

UNARY = {
    "negative": (np.negative, ANY),
    "positive": (np.positive, ANY),
    "reciprocal": (np.reciprocal, ANY),
    "square": (np.square, ANY),
    "sqrt": (np.sqrt, POSITIVE),
    "cbrt": (np.cbrt, ANY),
    "exp": (np.exp, ANY),
    "exp2": (np.exp2, ANY),
    "expm1": (np.expm1, ANY),
    "log": (np.log, POSITIVE),
    "log2": (np.log2, POSITIVE),
    "log10": (np.log10, POSITIVE),
    "log1p": (np.log1p, INSIDE),
    "sin": (np.sin, ANY),
    "cos": (np.cos, ANY),
    "tan": (np.tan, ANY),
    "arcsin": (np.arcsin, INSIDE),
    "arccos": (np.arccos, INSIDE),
    "arctan": (np.arctan, ANY),
    "sinh": (np.sinh, ANY),
    "cosh": (np.cosh, ANY),
    "tanh": (np.tanh, ANY),
    "arcsinh": (np.arcsinh, ANY),
    "arccosh": (np.arccosh, OUTSIDE),
    "arctanh": (np.arctanh, INSIDE),
    "deg2rad": (np.deg2rad, ANY),
    "rad2deg": (np.rad2deg, ANY),
    "fabs": (np.fabs, ANY),
    "absolute": (np.absolute, ANY),
    "conjugate": (np.conjugate, ANY),
    "sign": (lambda x: x * np.sign(x), ANY),
    "floor": (lambda x: x * np.floor(2 * x), ANY),
    "ceil": (lambda x: x * np.ceil(2 * x), ANY),
    "trunc": (lambda x: x * np.trunc(2 * x), ANY),
    "rint": (lambda x: x * np.rint(2 * x), ANY),
    "spacing": (lambda x: 2.0**52 * x * np.spacing(x), ANY),
    "copy": (np.copy, ANY),
}
REAL_ONLY = {"cbrt", "deg2rad", "rad2deg", "fabs", "floor", "ceil", "trunc", "spacing"}
ZS = {"arccosh": Z + 2, "arcsin": Z / 2, "arccos": Z / 2, "arctanh": Z / 2, "tan": Z / 2}

for _name, (_f, _x) in UNARY.items():
    case(_name, "an array", _f, _x)
    case(_name, "a number", _f, _x[1])
    case(_name, "0-d", _f, np.array(_x[2]))
    case(_name, "empty", _f, NO_COLUMNS)
    case(_name, "float32", _f, single(_x))
    if _name not in REAL_ONLY:
        case(_name, "complex", _f, ZS.get(_name, Z))
        case(_name, "complex64, 0-d", _f, single(ZS.get(_name, Z))[0])

case("sign", "complex, alone", np.sign, Z)
for _name, _f in {"real": selections.real, "imag": selections.imag}.items():
    case(_name, "complex", lambda z, p=_f: bind(p, z), Z)
    case(_name, "complex, 0-d", lambda z, p=_f: bind(p, z), np.array(Z[0]))
    case(_name, "complex64", lambda z, p=_f: bind(p, z), single(C))
    case(_name, "a real array", lambda x, p=_f: np.sin(x) + bind(p, x), V)
    case(_name, "empty", lambda z, p=_f: bind(p, z), NO_ROWS * 1j)
case("angle", "complex", np.angle, Z)
case("angle", "complex, 0-d", np.angle, np.array(Z[1]))
case("angle", "complex64", np.angle, single(C))
case("angle", "beside a real array", lambda x, z: x * np.angle(z), V, Z)
case("deg2rad", "radians", np.radians, V)
case("rad2deg", "degrees", np.degrees, V)
case("sqrt", "complex, left half-plane", np.sqrt, -Z)
case("arccosh", "complex, left half-plane", np.arccosh, -Z)
case("absolute", "at zero", np.abs, np.array([0.0, -1.5]), order=1)
case("absolute", "not contiguous", np.abs, M.T[::-2])

# ---- elementwise, of two arguments ----------------------------------------------------------------------------------

P, Q = POSITIVE, np.array([[2.2, 0.9, 1.4], [0.5, 1.25, 3.2]])

BINARY = {
    "add": (np.add, V, N),
    "subtract": (np.subtract, V, N),
    "multiply": (np.multiply, V, N),
    "divide": (np.divide, V, N),
    "power": (np.power, P, N),
    "float_power": (np.float_power, P, N),
    "logaddexp": (np.logaddexp, V, N),
    "logaddexp2": (np.logaddexp2, V, N),
    "arctan2": (np.arctan2, V, N),
    "hypot": (np.hypot, V, N),
    "copysign": (np.copysign, V, N),
    "remainder": (np.remainder, V, Q),
    "fmod": (np.fmod, V, Q),
    "floor_divide": (lambda a, b: a * b * np.floor_divide(a, b), V, Q),
    "nextafter": (np.nextafter, V, N),
    "heaviside": (lambda a, b: b * np.heaviside(a, b), V, N),
    "maximum": (np.maximum, V, N),
    "minimum": (np.minimum, V, N),
    "fmax": (np.fmax, V, N),
    "fmin": (np.fmin, V, N),
    "equal": (lambda a, b: np.where(np.floor(a) == np.floor(b), np.sin(a), b), V, N),
    "not_equal": (lambda a, b: np.where(np.floor(a) != np.floor(b), np.sin(a), b), V, N),
    "less": (lambda a, b: np.where(a < b, np.sin(a), b), V, N),
    "less_equal": (lambda a, b: np.where(a <= b, np.sin(a), b), V, N),
    "greater": (lambda a, b: np.where(a > b, np.sin(a), b), V, N),
    "greater_equal": (lambda a, b: np.where(a >= b, np.sin(a), b), V, N),
    "logical_and": (lambda a, b: np.where(np.logical_and(a > 0, b > 0), np.sin(a), b), V, N),
    "logical_or": (lambda a, b: np.where(np.logical_or(a > 0, b > 0), np.sin(a), b), V, N),
    "logical_xor": (lambda a, b: np.where(np.logical_xor(a > 0, b), np.sin(a), b), V, N),
}
COMPLEX = {
    "add": (Z, C),
    "subtract": (Z, C),
    "multiply": (Z, C),
    "divide": (Z, C),
    "power": (Z, C),
    "float_power": (Z, C),
}

for _name, (_f, _a, _b) in BINARY.items():
    case(_name, "two arrays", _f, np.stack([_a, _a[::-1]]), _b)
    case(_name, "broadcast over the first", _f, _a, _b)
    case(_name, "broadcast over the second", lambda b, a, f=_f: f(a, b), _b[0], np.stack([_a, _a[::-1]]))
    case(_name, "stretched, both", _f, _a[:, None], _b[1])
    case(_name, "a 0-d array and an array", _f, np.array(_a[0]), _b)
    case(_name, "two numbers", _f, _a[0], _b[0, 1])
    case(_name, "empty", _f, NO_ROWS, _b[0])
    case(_name, "float32", _f, single(_a), single(_b))
    case(_name, "float32 and float64", _f, single(_a), _b)
    if _name in COMPLEX:
        _z, _c = COMPLEX[_name]
        case(_name, "complex", _f, _z, _c)
        case(_name, "real and complex", _f, _a, _c)
        case(_name, "complex and real, broadcast", _f, _c, _b[0])
        case(_name, "complex64 and float32", _f, single(_c), single(_b[1]))
for _name in ("add", "subtract", "multiply", "divide", "logaddexp", "maximum", "minimum", "hypot", "arctan2"):
    _f, _a, _b = BINARY[_name]
    case(_name, "a Python number on the right", lambda a, f=_f: f(a, 0.75), _a)
    case(_name, "a Python number on the left, float32", lambda b, f=_f: f(0.75, b), single(_b))
    case(_name, "integers on the right", lambda a, f=_f: f(a, np.array([[1], [3]])), _a)

case("add", "an array and itself", lambda x: x + x, M)
case("multiply", "an array and itself", lambda x: x * x, M)
case("multiply", "a complex constant", lambda x: x * 2j, V)
case("multiply", "by zero", lambda x: x * 0.0, V)
case("divide", "an array by itself", lambda x: x / x, M)
case("divide", "a real number by a complex one", lambda z: 1 / z, Z)
case("subtract", "an array from its transpose", lambda x: x - x.T, M[:, :2])
case("power", "an array to itself", lambda x: x**x, P)
case("power", "a whole number as exponent", lambda x: x**3, V)
case("power", "a half, float32", lambda x: x**0.5, single(P))
case("power", "exponents 0, 1 and 2 at zero", lambda x: x ** np.array([0, 1, 2]), np.zeros(3))
case("power", "exponent zero everywhere", lambda x: np.exp(x) + x**0, V)
case("power", "a negative base", lambda x: x ** np.array([2, -3, 0]), V)
case("power", "base zero, a slope in the exponent", lambda b: np.power(np.array([0.0, 2.0, 0.5]), b), P)
case("power", "a number to an array", lambda x: 2.5**x, N)
case("power", "a number to a float32 array", lambda x: 2**x, single(N))
case("power", "a negative number to a complex power", lambda z: np.power(-2.0, z), Z)
case("float_power", "a whole number as exponent", lambda x: np.float_power(x, 2), V)
case("float_power", "of float32, which gives float64", lambda x: np.float_power(x, 1.5), single(P))
case("logaddexp", "equal arguments", np.logaddexp, V, V.copy())
case("logaddexp", "far apart", np.logaddexp, np.array([800.0, -800.0]), np.array([-3.0, 2.0]))
case("logaddexp2", "equal arguments", np.logaddexp2, V, V.copy())
case("arctan2", "on the axes", np.arctan2, np.array([1.5, 0.0, -2.0]), np.array([0.0, 2.5, 0.0]))
case("hypot", "one leg is zero", np.hypot, np.array([0.0, 1.2]), np.array([-0.8, 0.0]))
case("maximum", "rectifier", lambda x: np.maximum(x, 0), M)
case("maximum", "ties", np.maximum, M, M.copy(), order=1)
case("minimum", "ties", np.minimum, M, M.copy(), order=1)
case("fmax", "ties", np.fmax, M, M.copy(), order=1)
case("fmin", "ties", np.fmin, M, M.copy(), order=1)
case("fmax", "NaN gives way", lambda x: np.fmax(np.where(M > 1, np.nan, x), x * x), M)
case("fmin", "NaN gives way", lambda x: np.fmin(x * x, np.where(M > 1, np.nan, x)), M)
case("copysign", "a number's sign", lambda x: np.copysign(x, -1.0), M)
case("remainder", "of both signs", lambda x: np.remainder(x, np.array([0.5, -0.7, 1.1])), V)
case("fmod", "of both signs", lambda x: np.fmod(x, np.array([0.5, -0.7, 1.1])), V)
case("heaviside", "at zero, the value there", lambda b: np.heaviside(np.array([0.0, 1.0, -1.0]), b), V)
case("heaviside", "the value at zero", lambda b: b * np.heaviside(np.array([0.0, 1.0, -1.0]), b), V)
case("ldexp", "an array of exponents", lambda x: np.ldexp(x, np.array([2, -1, 0])), M)
case("ldexp", "a number", lambda x: np.ldexp(x, 3), V[0])
case("ldexp", "float32", lambda x: np.ldexp(x, 3), single(V))
case("ldexp", "exponents of the argument", lambda x: np.ldexp(x, np.rint(x).astype(int)), V)
case("exponent", "frexp", lambda x: np.frexp(x)[0] * np.frexp(x)[1], M)
case("exponent", "frexp, float32", lambda x: np.frexp(x)[0] * np.frexp(x)[1], single(V))
case("logical_not", "as a condition", lambda x: np.where(np.logical_not(x > 0), np.sin(x), x), M)
case("signbit", "as a condition", lambda x: np.where(np.signbit(x), np.sin(x), x), M)
case("isfinite", "as a condition", lambda x: np.where(np.isfinite(np.where(x > 1, np.inf, x)), np.sin(x), x), M)
case("isinf", "as a condition", lambda x: np.where(np.isinf(np.where(x > 1, np.inf, x)), np.sin(x), x), M)
case("isnan", "as a condition", lambda x: np.where(np.isnan(np.where(x > 1, np.nan, x)), np.sin(x), x), M)

# Whole numbers of traced values.
whole = lambda x: np.floor(4 * x + 0.3).astype(int)
case("bitwise_and", "booleans", lambda a, b: np.where((a > 0) & (b > 0), np.sin(a), b), V, N)
case("bitwise_and", "integers", lambda a, b: a * (whole(a) & whole(b)), V, N)
case("bitwise_or", "booleans", lambda a, b: np.where((a > 0) | (b > 0), np.sin(a), b), V, N)
case("bitwise_or", "integers", lambda a, b: a * (whole(a) | whole(b)), V, N)
case("bitwise_xor", "booleans", lambda a, b: np.where((a > 0) ^ (b > 0), np.sin(a), b), V, N)
case("bitwise_xor", "integers", lambda a, b: a * (whole(a) ^ whole(b)), V, N)
case("invert", "booleans", lambda x: np.where(~(x > 0), np.sin(x), x), M)
case("invert", "integers", lambda x: x * ~whole(x), M)
case("left_shift", "integers", lambda a, b: a * (whole(a) << np.abs(whole(b))), V, N)
case("right_shift", "integers", lambda a, b: a * (whole(a) >> np.abs(whole(b))), V, N)
case("bitwise_count", "integers", lambda x: x * np.bitwise_count(whole(x)), M)
case("gcd", "integers", lambda a, b: a * np.gcd(whole(a), whole(b)), V, N)
case("lcm", "integers", lambda a, b: a * np.lcm(whole(a), whole(b)), V, N)
case("astype_constant", "to integers", lambda x: x * (3 * x).astype(int), M)
case("astype_constant", "to booleans, 0-d", lambda x: x + x * np.floor(x).astype(bool), np.array(2.5))
case("stop_gradient", "of what is constant", lambda x: x * cr.stop_gradient(np.sign(x)), M)
case("stop_gradient", "0-d", lambda x: x * cr.stop_gradient(np.sign(x)), np.array(1.5))

# ---- selection and change of dtype ----------------------------------------------------------------------------------

HOLES = np.array([[True, False, True], [False, False, True]])
case("where", "two arrays", lambda a, b: np.where(HOLES, a, b), M, N)
case("where", "broadcast", lambda a, b: np.where(HOLES, a, b), V, np.array(0.4))
case("where", "a condition that broadcasts", lambda a, b: np.where(HOLES[:, :1], a, b), V, N)
case("where", "a number", lambda a: np.where(HOLES, a, 0.0), single(M))
case("where", "complex and real", lambda a, b: np.where(HOLES, a, b), C, V)
case("where", "float32 and float64", lambda a, b: np.where(HOLES[0], a, b), single(V), W)
case("where", "empty", lambda a, b: np.where(np.zeros((0, 3), bool), a, b), NO_ROWS, V)
case("where", "a condition of the arguments", lambda a, b: np.where(a * b > 0, a * b, a - b), V, N)
case("astype", "to float32", lambda x: x.astype(np.float32), M)
case("astype", "to float64", lambda x: x.astype(float), single(M))
case("astype", "to complex", lambda x: x.astype(complex) * (1 + 2j), M)
case("astype", "of complex, narrower", lambda x: x.astype(np.complex64), C)
case("astype", "0-d", lambda x: x.astype(np.float32), np.array(0.7))
case("astype", "real part by cast", lambda z: bind(moves.astype, np.real(z), dtype=np.float32), Z)
case("copy", "not contiguous", lambda x: x.T.copy(), M)

# ---- reductions -----------------------------------------------------------------------------------------------------

TIED = np.array([[0.4, 1.3, 1.3], [-0.2, 0.4, -1.1]])
REDUCTIONS = {
    "sum": np.sum,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "logsumexp": np.logaddexp.reduce,
}
for _name, _f in REDUCTIONS.items():
    case(_name, "all axes", lambda x, f=_f: f(x, axis=None), M)
    case(_name, "axis 0", lambda x, f=_f: f(x, axis=0), M)
    case(_name, "a negative axis", lambda x, f=_f: f(x, axis=-1), B)
    case(_name, "the middle axis, kept", lambda x, f=_f: f(x, axis=1, keepdims=True), B)
    case(_name, "two axes", lambda x, f=_f: f(x, axis=(0, 2)), B)
    case(_name, "two axes, kept", lambda x, f=_f: f(x, axis=(-1, 0), keepdims=True), B)
    case(_name, "no axis", lambda x, f=_f: f(x, axis=()), M)
    case(_name, "0-d", lambda x, f=_f: f(x, axis=None), np.array(0.7))
    case(_name, "nothing left", lambda x, f=_f: f(x, axis=1), NO_ROWS)
    case(_name, "an axis of 1", lambda x, f=_f: f(x, axis=1), V[:, None])
    case(_name, "float32", lambda x, f=_f: f(x, axis=0), single(M))
    case(_name, "a transposed array", lambda x, f=_f: f(x.T, axis=0), M)
for _name in ("sum", "prod"):
    _f = REDUCTIONS[_name]
    case(_name, "complex", lambda x, f=_f: f(x, axis=-1), C)
    case(_name, "complex64, all axes", _f, single(C))
    case(_name, "nothing to reduce", lambda x, f=_f: f(x, axis=1), NO_COLUMNS)
case("prod", "one zero in a row", lambda x: np.prod(x, axis=1), np.array([[1.5, 0.0, -0.7], [0.3, 2.0, 1.1]]))
case("prod", "two zeros in a row", lambda x: np.prod(x, axis=1), np.array([[1.5, 0.0, 0.0], [0.3, 0.0, 1.1]]))
case("max", "a tie of two", lambda x: np.max(x, axis=1), TIED, order=1)
case("min", "ties elsewhere", lambda x: np.min(x, axis=1), TIED)
case("logsumexp", "equal elements", lambda x: np.logaddexp.reduce(x, axis=1), TIED)
case("logsumexp", "large numbers", lambda x: np.logaddexp.reduce(x + np.array([800.0, 799.5, -900.0])), V)
case("cumsum", "axis 0", lambda x: np.cumsum(x, axis=0), M)
case("cumsum", "a negative axis", lambda x: np.cumsum(x, axis=-1), B)
case("cumsum", "the middle axis", lambda x: np.cumsum(x, axis=1), B)
case("cumsum", "flattened", np.cumsum, M)
case("cumsum", "complex", np.cumsum, C)
case("cumsum", "float32", lambda x: np.cumsum(x, axis=1), single(M))
case("cumsum", "empty", lambda x: np.cumsum(x, axis=0), NO_ROWS)
case("any", "as a condition", lambda x: np.where(np.any(x > 1, axis=1, keepdims=True), np.sin(x), x), M)
case("any", "all axes", lambda x: np.where(np.any(x > 1), np.sin(x), x), M)
case("all", "as a condition", lambda x: np.where(np.all(x > 0, axis=0), np.sin(x), x), M)
case("all", "all axes, kept", lambda x: np.where(np.all(x > -2, keepdims=True), np.sin(x), x), M)
case("count_nonzero", "an axis", lambda x: x * np.count_nonzero(x > 0, axis=0), M)
case("count_nonzero", "all axes, kept", lambda x: x * np.count_nonzero(x > 0, axis=(0, 1), keepdims=True), M)
case("argmax", "an axis", lambda x: x * np.argmax(x, axis=1, keepdims=True), M)
case("argmax", "what stands there", lambda x: np.take_along_axis(x * x, np.argmax(x, axis=0)[None], 0), M)
case("argmin", "an axis", lambda x: x[0] * np.argmin(x, axis=0), M)
case("argmin", "all axes", lambda x: np.sin(x) * np.argmin(x), M)
case("nanargmax", "an axis", lambda x: x[0] * np.nanargmax(np.where(x > 1.2, np.nan, x), axis=0), M)
case("nanargmin", "an axis", lambda x: x[0] * np.nanargmin(np.where(x < -1, np.nan, x), axis=0), M)
case("argsort", "in order", lambda x: np.take_along_axis(x * x, np.argsort(x, axis=1), 1), M)
case("argsort", "axis 0", lambda x: np.sin(x) * np.argsort(x, axis=0), M)
case("argpartition", "in two halves", lambda x: np.take_along_axis(x, np.argpartition(x, 1, axis=1)[:, 1:2], 1), M)
case("searchsorted", "between knots", lambda x: x * np.searchsorted(np.array([-1.0, 0.5, 1.5]), x), M)
case("searchsorted", "traced knots", lambda a, x: x * np.searchsorted(np.sort(a), x, side="right"), V, N)
case("digitize", "in bins", lambda x: x * np.digitize(x, np.array([-1.0, 0.5, 1.5])), M)
case("digitize", "in falling bins", lambda x: x * np.digitize(x, np.array([1.5, 0.5, -1.0]), right=True), V)
case("lexsort", "by two keys", lambda a, b: (a * b)[np.lexsort((a, np.floor(b)))], V, W)
case("lexsort", "an axis", lambda x: np.take_along_axis(x, np.lexsort((x, np.floor(x)), axis=0), 0), M)

# ---- structural -----------------------------------------------------------------------------------------------------

case("reshape", "two axes to one", lambda x: np.reshape(x, -1), M)
case("reshape", "to another order", lambda x: np.reshape(x, (3, 2), order="F"), M)
case("reshape", "0-d to one axis", lambda x: np.reshape(x, (1, 1)), np.array(0.7))
case("reshape", "to 0-d", lambda x: np.reshape(x, ()), V[:1])
case("reshape", "empty", lambda x: np.reshape(x, (0, 5)), NO_COLUMNS)
case("reshape", "complex", lambda x: np.reshape(x, (3, 2)), C)
case("reshape", "float32", lambda x: x.reshape(3, -1), single(M))
case("broadcast_to", "a new axis", lambda x: np.broadcast_to(x, (2, 3)), V)
case("broadcast_to", "an axis of 1", lambda x: np.broadcast_to(x, (3, 2)), V[:, None])
case("broadcast_to", "both", lambda x: np.broadcast_to(x, (2, 3, 2)), V[:, None])
case("broadcast_to", "0-d", lambda x: np.broadcast_to(x, (2, 3)), np.array(0.7))
case("broadcast_to", "an axis of 1 that stays", lambda x: np.broadcast_to(x, (2, 1, 3)), V[None])
case("broadcast_to", "a new axis of 1 before one that is stretched", lambda x: np.broadcast_to(x, (1, 3)), V[:1])
case("broadcast_to", "to nothing", lambda x: np.broadcast_to(x, (0, 3)), V)
case("broadcast_to", "complex64", lambda x: np.broadcast_to(x, (2, 3)), single(Z))
case("transpose", "of a matrix", np.transpose, M)
case("transpose", "a cycle of three", lambda x: np.transpose(x, (2, 0, 1)), B)
case("transpose", "negative axes", lambda x: np.transpose(x, (-1, -3, -2)), B)
case("transpose", "of a vector", np.transpose, V)
case("transpose", "empty", lambda x: np.moveaxis(x, 0, -1), np.zeros((2, 0, 3)))
case("transpose", "complex", np.transpose, C)
case("transpose", "swapped axes, float32", lambda x: np.swapaxes(x, 0, 2), single(B))
case("concatenate", "two arrays", lambda a, b: np.concatenate([a, b]), M, N)
case("concatenate", "of different lengths", lambda a, b: np.concatenate([a, b], axis=1), M, N[:, :1])
case("concatenate", "a negative axis", lambda a, b: np.concatenate([a, b[..., :1]], axis=-1), B, B * B)
case("concatenate", "three, one of them a constant", lambda a, b: np.concatenate([a, W, b]), V, V[:2])
case("concatenate", "one array", lambda a: np.concatenate([a]), V)
case("concatenate", "one array twice", lambda a: np.concatenate([a, a], axis=1), M)
case("concatenate", "nothing and something", lambda a, b: np.concatenate([a, b]), NO_ROWS, M)
case("concatenate", "float32, float64 and complex", lambda a, b, z: np.concatenate([a, b, z]), single(V), W, Z)
case("concatenate", "dtypes that differ", lambda a, z: bind(moves.concatenate, a, z, axis=0), single(V), Z)
case("concatenate", "a stack", lambda a, b: np.stack([a, b], axis=1), V, W)
case("sliding_window_view", "one axis", lambda x: np.lib.stride_tricks.sliding_window_view(x, 2), V)
case("sliding_window_view", "the last axis", lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=-1), B)
case("sliding_window_view", "two axes", lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), (1, 0)), M)
case("sliding_window_view", "complex", lambda x: np.lib.stride_tricks.sliding_window_view(x, 3), Z)
case("sliding_window_view", "float32", lambda x: np.lib.stride_tricks.sliding_window_view(x, 1), single(V))


def windows_at(shape, axes):
    """Adds windows of an array of that shape where they were taken."""

    def f(ct):
        if isinstance(ct, Tracer):
            return bind(moves.windows_add, ct, shape=shape, axes=axes)
        total, places = np.zeros(shape, ct.dtype), np.arange(np.prod(shape)).reshape(shape)
        np.add.at(total.reshape(-1), np.lib.stride_tricks.sliding_window_view(places, ct.shape[len(shape) :], axes), ct)
        return total

    return f


case("add_windows", "one axis", windows_at((4,), (0,)), N.T)
case("add_windows", "two axes", windows_at((3, 2), (1, 0)), B[:, None, :2])
case("add_windows", "complex", windows_at((3,), (0,)), C.T[:2])

# ---- reading and writing parts --------------------------------------------------------------------------------------

ROW, COLUMN = np.array([1, 0, 1, 1]), np.array([2, 0, 2, -1])  # repeated, and from the end

INDICES = {
    "an integer": (M, 1),
    "an integer from the end": (M, (slice(None), -1)),
    "one element": (M, (1, 2)),
    "a slice": (M, (slice(None), slice(1, None))),
    "a negative step": (M, (slice(None), slice(None, None, -2))),
    "a new axis": (M, (None, slice(None), 1, None)),
    "an ellipsis": (B, (Ellipsis, 0)),
    "an ellipsis for nothing": (V, (1, Ellipsis)),
    "nothing": (M, slice(2, 1)),
    "positions, repeated": (M, ROW),
    "positions on the second axis": (M, (slice(None), COLUMN)),
    "pairs of positions": (M, (ROW, COLUMN)),
    "pairs that broadcast": (M, (ROW[:2, None], COLUMN)),
    "a matrix of positions": (V, np.array([[0, 2], [2, 2]])),
    "positions and an integer": (B, (1, COLUMN, 0)),
    "positions apart": (B, (ROW, slice(None), ROW)),
    "an integer and positions apart": (B, (1, slice(None), ROW)),
    "positions, a slice and a new axis": (B, (slice(None), COLUMN, None, slice(None, None, -1))),
    "one position": (M, np.array(1)),
    "no positions": (M, np.array([], int)),
    "a mask": (M, M > 0.5),
    "a mask of rows": (M, np.array([False, True])),
    "a mask and a slice": (B, (slice(None), np.array([True, False, True]), slice(1, None))),
    "a boolean": (V, True),
    "all of a 0-d array": (np.array(0.7), Ellipsis),
    "complex": (C, (slice(None), COLUMN)),
    "float32": (single(M), (ROW, slice(None, 2))),
    "empty": (NO_COLUMNS, (slice(None), slice(0, 2))),
}


def put_at(index, shape):
    """Adds into zeros at `index`: the transpose of reading there."""
    entries, arrays = indexing.parse(index, shape)

    def f(ct):
        if isinstance(ct, Tracer):
            return bind(indexing.put, ct, *arrays, index=entries, shape=shape)
        total = np.zeros(shape, ct.dtype)
        np.add.at(total, index, ct)
        return total

    return f


def setting(index):
    """x with v written at `index`, into a copy."""

    def f(x, v):
        entries, arrays = indexing.parse(index, np.shape(x))
        return bind(indexing.setitem, x, v, *arrays, index=entries, in_place=False)

    return f


def reading(*entries):
    """x at the positions that would sort y, which stand where `entries` has ARRAY."""
    return lambda x, y: bind(indexing.getitem, x, np.argsort(y), index=entries, copy=False)


for _name, (_x, _index) in INDICES.items():
    _part = np.asarray(_x[_index])
    _new = np.linspace(0.5, 2.5, _part.size).reshape(_part.shape).astype(_x.dtype)
    case("getitem", _name, lambda x, index=_index: x[index], _x)
    case("put", _name, put_at(_index, _x.shape), _new)
    case("setitem", _name, setting(_index), _x, _new)
case("getitem", "traced positions", reading(ARRAY), V, W)
case("getitem", "traced positions after a slice", reading(slice(None), ARRAY), M, W)
case("getitem", "traced positions in the middle", reading(slice(None), ARRAY, None, slice(1)), B, W)
case("getitem", "traced positions and an integer", reading(1, ARRAY), M, W)
case("getitem", "traced positions and an integer apart", reading(1, ARRAY, None, 0), B, W)
case(
    "getitem", "traced positions, an integer in front and apart", reading(0, slice(None), ARRAY), B[:, :, [0, 1, 1]], W
)
case("getitem", "a plain array at traced positions", lambda y: y * reading(ARRAY)(V, y), W)
case("getitem", "a part of an array that is being filled", lambda x: _filled(x), M)
case("getitem", "overlapping parts", lambda x: x[1:] * x[:-1], V)
case("getitem", "a part of what is added to something else", lambda x: _added_and_read(x), V)
case(
    "getitem",
    "pairs of traced positions that broadcast",
    lambda x, y: bind(indexing.getitem, x, np.argsort(y[:2])[:, None], np.argsort(y), index=(ARRAY, ARRAY), copy=False),
    M,
    W,
)
case("put", "traced positions", lambda ct, y: bind(indexing.put, ct, np.argsort(y), index=(ARRAY,), shape=(4,)), V, W)
case(
    "put",
    "traced positions after a slice",
    lambda ct, y: bind(indexing.put, ct, np.argsort(y), index=(slice(None), ARRAY), shape=(2, 4)),
    M,
    W,
)
case(
    "put",
    "constants at traced positions",
    lambda y: np.sin(y) * bind(indexing.put, V, np.argsort(y), index=(ARRAY,), shape=(3,)),
    W,
)
case("setitem", "a number", setting((slice(None), 1)), M, np.array(0.3))
case("setitem", "a row into all rows", setting(slice(None)), M, V)
case("setitem", "one value at repeated positions", setting(ROW), M, V)
case("setitem", "leading axes of 1", setting(0), M, V[None, None])
case("setitem", "a stretched axis of 1", setting((slice(None), COLUMN)), M, N[:, :1])
case("setitem", "float64 into float32", setting(COLUMN), single(V), np.array([0.3, 0.5, 0.8, 1.3]))
case("setitem", "real into complex", setting(0), C, V)
case("setitem", "a constant", lambda x: setting((slice(None), 1))(x, 3.0), M)
case("setitem", "into a constant", lambda v: setting((slice(None), COLUMN[:3]))(np.zeros((2, 3), like=v), v), V)
case("setitem", "one part after another", lambda x: _filled(x), M)
case("setitem", "what was read is added to", lambda x: _doubled(x), M)
case("setitem", "traced positions", lambda x, v, y: setting(np.argsort(y))(x, v), V, V * V, W, looks=True)
case("setitem", "a plain value at traced positions", lambda x, y: setting(np.argsort(y)[:2])(x, 2.0), V, W)
case("setitem", "by a mask of values", lambda x: setting(x.shape and M > 0)(x, 0.0), M)


def _filled(x):
    y = np.zeros_like(x)
    for k in range(3):
        y[:, k] = np.sin(x[:, k]) if k == 0 else y[:, k - 1] * x[:, k]
    return y


def _doubled(x):
    y = np.copy(x)
    y[0] += y[1]
    y[:, 1] *= x[:, 0]
    return y


def _added_and_read(x):
    a, b = np.exp(x), np.sin(x)
    return a[:2], a + b


# ---- contractions ---------------------------------------------------------------------------------------------------

case("matmul", "matrices", np.matmul, M, N.T)
case("matmul", "vectors", np.matmul, V, W)
case("matmul", "a vector and a matrix", np.matmul, V, N.T)
case("matmul", "a matrix and a vector", np.matmul, M, W)
case("matmul", "a vector and a stack", np.matmul, V, B)
case("matmul", "a stack and a vector", np.matmul, B, V[:2])
case("matmul", "a stack and a matrix", np.matmul, B, M[:, :2])
case("matmul", "a matrix and a stack", np.matmul, M, B)
case("matmul", "stacks that broadcast", np.matmul, B[:, None], np.stack([M, N])[:, :, :2])
case("matmul", "a matrix and itself", lambda x: x @ x, M[:, :2])
case("matmul", "a matrix and its transpose", lambda x: x @ x.T, M)
case("matmul", "nothing between", np.matmul, NO_COLUMNS, NO_ROWS)
case("matmul", "no rows", np.matmul, NO_ROWS, V)
case("matmul", "complex", np.matmul, C, N.T * (1 + 0.5j))
case("matmul", "complex vectors", np.matmul, Z, U)
case("matmul", "real and complex", np.matmul, M, Z)
case("matmul", "complex and real", np.matmul, C, N.T)
case("matmul", "float32", np.matmul, single(M), single(N.T))
case("matmul", "float32 and float64", np.matmul, single(M), W)
case("matmul", "integers", lambda x: np.array([[1, 2], [0, -1], [3, 1]]) @ x, M)

EINSUMS = {
    "ij,jk->ik": (M, N.T),
    "ij,ij->": (M, N),
    "ij,jk,k->i": (M, N.T, V[:2]),
    "ij->": (M,),
    "ii->i": (M[:, :2],),
    "ii->": (M[:, :2],),
    "iij->ji": (B[:, :2],),
    "iii->i": (B[:, :2],),
    "i,j->ij": (V, W[:2]),
    "i,i->i": (V, W),
    "ij,k->k": (M, V),
    "ijk,j->ki": (B, V),
    ",i->i": (np.array(0.7), V),
    "...j,jk->...k": (B, N[:, :2]),
    "ij,jk->ik ": (C, N.T),
    "ij,kj->ik": (single(M), single(N)),
    "ij,jk ->ik": (single(M), N.T),
    "i,ij->j": (NONE, NO_ROWS),
    "ij,jk-> ik": (V[:, None], M),
}
for _subscripts, _xs in EINSUMS.items():
    case("einsum", f"{_subscripts!r}", lambda *x, s=_subscripts: np.einsum(s, *x), *_xs)
case("einsum", "an operand twice", lambda x: np.einsum("ij,kj->ik", x, x), M)
case("einsum", "a constant", lambda x: np.einsum("ij,j", x, W), M)
case("einsum", "complex", lambda a, b: np.einsum("ij,kj->ik", a, b), C, C * 1j + 1)
case("einsum", "a thin axis that is summed over", lambda a, b: np.einsum("ij,jk->ik", a, b), M[:, :1], M.T)
case("matmul", "a tensor product", lambda a, b: np.tensordot(a, b, axes=([0, 1], [0, 1])), B, M)
case("convolve", "a longer and a shorter", np.convolve, V, W[:2])
case("convolve", "a shorter and a longer", np.convolve, W[:2], V)
case("convolve", "where they overlap whole", lambda a, b: np.convolve(a, b, "valid"), V, W[:2])
case("convolve", "of the same size", lambda a, b: np.convolve(a, b, "same"), V, W)
case("convolve", "one number", np.convolve, V, W[:1])
case("convolve", "with itself", lambda x: np.convolve(x, x), V)
case("convolve", "complex", np.convolve, Z, U[:2])
case("convolve", "real and complex", np.convolve, V, U[:2])
case("convolve", "float32", np.convolve, single(V), single(W))

# ---- Fourier transforms ---------------------------------------------------------------------------------------------

for _name in ("fft", "ifft", "rfft", "irfft"):
    _f = getattr(np.fft, _name)
    case(_name, "of even length", lambda x, f=_f: f(x, 4), V)
    case(_name, "of odd length", lambda x, f=_f: f(x, 3), V)
    case(_name, "cut", lambda x, f=_f: f(x, 2), W)
    case(_name, "filled up", lambda x, f=_f: f(x, 5), W[:2])
    case(_name, "the first axis", lambda x, f=_f: f(x, axis=0), M)
    case(_name, "a negative axis", lambda x, f=_f: f(x, axis=-2), B)
    case(_name, "divided by n", lambda x, f=_f: f(x, norm="forward"), V)
    case(_name, "unitary", lambda x, f=_f: f(x, norm="ortho"), V)
    case(_name, "one number", lambda x, f=_f: f(x, 1), V[:1])
    case(_name, "float32", lambda x, f=_f: f(x), single(M))
    if _name != "rfft":
        case(_name, "complex", _f, C)
        case(_name, "complex64, unitary", lambda x, f=_f: f(x, norm="ortho"), single(C))

# ---- linear algebra -------------------------------------------------------------------------------------------------

S = np.array([[2.0, 0.3, -0.4], [0.5, 1.7, 0.2], [-0.3, 0.6, 2.4]])
SC = S + 1j * np.array([[0.2, -0.5, 0.3], [0.1, 0.4, -0.2], [0.6, -0.1, 0.3]])
SS = np.stack([S, S.T @ S])
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, -1.0, 0.5]])
TALL = np.array([[0.3, -1.7], [0.9, 1.4], [0.6, -0.8], [-1.1, 0.2]])
TALLC = TALL + 1j * np.array([[0.2, 0.5], [-0.3, 0.8], [0.7, 0.1], [0.4, -0.6]])


def positive(a):
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(a.shape[-1])


def turned(v, reference=None):
    """The columns of v, turned so that the first component of the reference is real: they have no phase."""
    first = (v if reference is None else reference)[:1]
    return v * np.conj(first) / np.abs(first)


case("solve", "a matrix", np.linalg.solve, S, M.T)
case("solve", "a vector", np.linalg.solve, S, V)
case("solve", "complex", np.linalg.solve, SC, C.T)
case("solve", "a stack and a matrix", np.linalg.solve, SS, M.T)
case("solve", "stacks that broadcast", np.linalg.solve, SS[:, None], np.stack([M.T, N.T]))
case("solve", "float32", np.linalg.solve, single(S), single(M.T))
case("inv", "a matrix", np.linalg.inv, S)
case("inv", "a stack", np.linalg.inv, SS)
case("inv", "complex", np.linalg.inv, SC)
case("inv", "float32", np.linalg.inv, single(S))
case("det", "a matrix", np.linalg.det, S)
case("det", "a stack", np.linalg.det, SS)
case("det", "singular", np.linalg.det, SINGULAR)
case("det", "complex", np.linalg.det, SC)
NINE = np.arange(1.0, 10.0).reshape(3, 3)
# The bordering is no smooth function, but the adjugate that is computed by it is. Turned round, this one is regular.
case("bordering", "of a singular matrix", lambda a: linalg.adjugate(a * NINE), SINGULAR / NINE, order=1)
case("slogdet", "a matrix", np.linalg.slogdet, S)
case("slogdet", "a stack", np.linalg.slogdet, SS)
case("slogdet", "complex", np.linalg.slogdet, SC)
case("norm", "all axes", np.linalg.norm, V)
case("norm", "an axis", lambda x: np.linalg.norm(x, axis=1), M)
case("cholesky", "a matrix", np.linalg.cholesky, positive(S))
case("cholesky", "the upper triangle", lambda a: np.linalg.cholesky(a, upper=True), positive(S))
case("cholesky", "a stack", np.linalg.cholesky, positive(SS))
case("cholesky", "complex", np.linalg.cholesky, positive(SC))
case("cholesky", "complex, the upper triangle", lambda a: np.linalg.cholesky(a, upper=True), positive(SC))
case("cholesky", "float32", np.linalg.cholesky, single(positive(S)))
for _name, _a in {"square": S, "tall": TALL, "wide": TALL.T, "a stack": SS}.items():
    case("qr", _name, np.linalg.qr, _a)
    case("pinv", _name, np.linalg.pinv, _a)
    case("svd", _name, lambda a: np.linalg.svd(a, full_matrices=False), _a)
    case("svdvals", _name, np.linalg.svdvals, _a)
for _name, _a in {"complex, square": SC, "complex, tall": TALLC, "complex, wide": TALLC.T}.items():
    case("qr", _name, np.linalg.qr, _a)
    case("pinv", _name, np.linalg.pinv, _a)
    case("svdvals", _name, np.linalg.svdvals, _a)


def turned_svd(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return turned(u), s, turned(vh.T.conj(), u)


def bases_of_svd(a):
    """The vectors of a whole basis; those that fill it up as the space that they span."""
    u, s, vh = np.linalg.svd(a)
    k = len(s)
    return u[:, :k], s, vh[:k], u[:, k:] @ u[:, k:].T, vh[k:].T @ vh[k:]


def space(v):
    return v @ np.conj(v).T


def whole_qr(a):
    """The vectors that fill up the basis as the space that they span."""
    q, r = np.linalg.qr(a, "complete")
    n = a.shape[1]
    return q[:, :n], r, space(q[:, n:])


APART = np.array([[2.0, 0.3, -0.4], [0.5, -1.0, 0.2], [-0.3, 0.6, 0.7]])
case("svd", "complex, square", turned_svd, SC)
case("svd", "complex, tall", turned_svd, TALLC)
case("svd", "complex, wide", turned_svd, TALLC.T)
case("svd", "a whole basis, tall", bases_of_svd, TALL)
case("svd", "a whole basis, wide", bases_of_svd, TALL.T)
case("svd", "float32", lambda a: np.linalg.svd(a, full_matrices=False), single(TALL))
case("qr", "float32", np.linalg.qr, single(TALL))
for _name, _a in {"tall": TALL, "wide": TALL.T, "square": S, "complex": TALLC}.items():
    _b = np.cos(np.arange(2 * len(_a))).reshape(-1, 2)
    case("lstsq", _name, lambda a, b: np.linalg.lstsq(a, b)[:2], _a, _b)
    case("lstsq", f"{_name}, of constants", lambda a, b=_b: np.linalg.lstsq(a, b)[0], _a)
    case("lstsq", f"{_name}, constant matrix", lambda b, a=_a: np.linalg.lstsq(a, b)[0], _b)
    case("svdvals", f"{_name}, the condition", np.linalg.cond, _a)
case("lstsq", "a vector", lambda a, b: np.linalg.lstsq(a, b)[0], TALL, np.array([0.5, -1.2, 0.8, 0.1]))
case("lstsq", "less than full rank", lambda a, b: np.linalg.lstsq(a @ a.T, b, 1e-8)[0], TALL, TALL + 1)
case("lstsq", "float32", lambda a, b: np.linalg.lstsq(a, b)[0], single(TALL), single(TALL[:, :1] + 1))
case("lstsq", "real and complex", lambda a, b: np.linalg.lstsq(a, b)[0], TALL, TALLC)
for _p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc"):
    _primitive = "svdvals" if _p in (None, 2, -2) else "inv"
    case(_primitive, f"the condition, p={_p}", lambda a, p=_p: np.linalg.cond(a, p), S)
    case(_primitive, f"the condition, p={_p}, complex", lambda a, p=_p: np.linalg.cond(a, p), SC)
case("inv", "the condition, a stack", lambda a: np.linalg.cond(a, "fro"), SS)
case("inv", "the condition, float32", lambda a: np.linalg.cond(a, 1), single(S))
case("qr", "complete, tall", lambda a: whole_qr(a), TALL)
case("qr", "complete, complex", lambda a: whole_qr(a), TALLC)
case("qr", "complete, wide", lambda a: np.linalg.qr(a, "complete"), TALL.T)
case("qr", "R only", lambda a: np.linalg.qr(a, "r"), TALL)
case("eigh", "for singular values", lambda a: np.linalg.svd(a, hermitian=True), APART)
case("pinv", "less than full rank", lambda a: np.linalg.pinv(a @ a.T, rtol=1e-8), TALL)
case("eigh", "a matrix", np.linalg.eigh, S)
case("eigh", "the upper triangle", lambda a: np.linalg.eigh(a, "U"), S)
case("eigh", "a stack", np.linalg.eigh, SS)
case("eigh", "complex", lambda a: (lambda w, v: (w, turned(v)))(*np.linalg.eigh(a)), SC)
case("eigh", "float32", np.linalg.eigh, single(S))
HOLDS = {"error": ValueError, "message": "it does not hold"}
case("check", "a comparison", lambda x: np.where(bind(control.check, x < 3, **HOLDS), x * x, x), V)
case("eigvalsh", "a matrix", np.linalg.eigvalsh, S)
case("eigvalsh", "the upper triangle", lambda a: np.linalg.eigvalsh(a, "U"), S)
case("eigvalsh", "a stack", np.linalg.eigvalsh, SS)
case("eigvalsh", "complex", np.linalg.eigvalsh, SC)
case("eigvals", "real", lambda a: bind(decompositions.eigvals, a), APART)
case("eigvals", "complex", np.linalg.eigvals, SC)
case("eigvals", "a rotation, of complex eigenvalues", np.linalg.eigvals, np.array([[0.3, -1.2], [0.9, 0.1]]))
case("eigvals", "a stack", lambda a: bind(decompositions.eigvals, a), np.stack([APART, APART.T @ APART]))
case("eigvals", "float32", lambda a: bind(decompositions.eigvals, a), single(APART))
# The sign of a vector is LAPACK's choice, and may change from here to there; its length and its phase may not.
for _name, _a in {
    "real": APART,
    "a stack": np.stack([APART, APART.T @ APART]),
    "complex": SC,
    "a rotation": np.array([[0.3, -1.2], [0.9, 0.1]]),
}.items():
    case("eig", _name, lambda a: (lambda w, v: (w, np.abs(v), v * v))(*bind(decompositions.eig, a)), _a)

# ---- control flow: eagerly it is Python, so the operations are those of recorded functions ---------------------------


def recorded(primitive: str, form: str, f: Callable[..., Any], *args: Any, order: int = 2) -> None:
    case(primitive, form, cr.record(f, *args), *args, order=order)


def recurrence(W, h, xs):
    def step(h, x):
        h = np.tanh(W @ h + x)
        return h, h[0] * x

    return cr.scan(step, h, xs)


def both_ways(a, x):
    """Carries that move only after a while, an integer among them, and results that are not all asked for."""

    def step(carry, x):
        p, q, n = carry
        return (q * a, x * p, n + 1), {"sum": p + n, "none": n}

    (p, _, n), ys = cr.scan(step, (1.0, a, 0), x, reverse=True)
    return p, ys["sum"] * n


def sqrt_by_newton(a):
    return cr.while_loop(lambda x: np.abs(x * x - a) > 1e-13, lambda x: 0.5 * (x + a / x), 0.9 * a + 0.3)


def doubled_up(a, x):
    return cr.while_loop(lambda c: np.sum(c[0] * c[0]) < 40, lambda c: (c[0] * 1.7, c[1] + a * c[0]), (x, x))


S2, H2 = np.array([[0.3, -0.5, 0.1], [0.7, 0.2, 0.4], [0.1, -0.3, 0.6]]), np.array([0.3, -0.2, 0.5])
recorded("scan", "a recurrent network", recurrence, S2, H2, np.stack([V, W]))
recorded("scan", "float32", recurrence, single(S2), single(H2), single(np.stack([V, W])))
recorded("scan", "complex", recurrence, S2 * (0.4 + 0.2j), H2 * 1j, np.stack([Z, U]) / 3)
recorded("scan", "backwards, an integer", both_ways, 1.3, V)
recorded("scan", "no steps", recurrence, S2, H2, NO_ROWS)
recorded("scan", "no xs", lambda x: cr.scan(lambda c, _: (np.sin(c), c), x, length=3), V)
recorded("scan", "no carry", lambda xs, a: cr.scan(lambda c, x: (c, np.sin(a * x)), None, xs)[1], M, 0.7)
recorded("scan", "by number", lambda x: cr.fori_loop(1, 4, lambda i, c: np.sin(c) * i + x[i - 1], 0.5), V)
recorded("scan", "in a scan", lambda h, xs: cr.scan(lambda h, x: cr.scan(lambda g, v: (g * v, g), h, x), h, xs), 0.7, M)
recorded("cond", "the first", lambda x: cr.cond(np.sum(x) > 0, np.sin, np.exp, x), V)
recorded("cond", "the second", lambda x: cr.cond(np.sum(x) > 9, np.sin, np.exp, x), V)
recorded("cond", "from outside", lambda x, y: cr.cond(x[0] < y[0], lambda z: (x * z, z), lambda z: (y, x), y), V, W)
recorded("cond", "a float32, a number", lambda x: cr.cond(x > 0, lambda x: x * x, lambda x: 0.0, x), single(V)[2])
recorded("cond", "complex", lambda z: cr.cond(np.real(z) > 0, np.sin, np.exp, z), Z[0])
recorded("scan", "of branches", lambda xs: cr.scan(lambda c, x: (cr.cond(x > c, np.sin, np.exp, x), x), 0.3, xs), V)
recorded("while_loop", "Newton's method", sqrt_by_newton, 1.7)
recorded("while_loop", "two arrays", doubled_up, W, V)
recorded("while_loop", "float32", doubled_up, single(W), single(V))
recorded("while_loop", "no rounds", lambda x: cr.while_loop(lambda c: np.sum(c) > 99, np.sin, x), V)
recorded("while_loop", "a traced bound", lambda x: cr.fori_loop(0, np.argmax(x) + 1, lambda i, c: c * x, x), V)

"""NumPy's elementwise functions as LLVM IR: vectors of float64 or float32 of any width, without a library.

Each function takes values of the program that is written and returns one; it has NumPy's name, and NumPy's results at
zeros, infinities and NaN. No function of the platform is called, so results are the same wherever fused multiply-adds
are. The bounds that tests hold each function to, in units in the last place, stand in `tests/compile/test_vectormath.py`.
"""

from .exponential import (
    arccosh,
    arcsinh,
    arctanh,
    cosh,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    sigmoid,
    sinh,
    softplus,
    tanh,
)
from .floats import absolute, copysign, sqrt
from .rounding import (
    ceil,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    isfinite,
    isinf,
    isnan,
    maximum,
    minimum,
    remainder,
    rint,
    sign,
    signbit,
    trunc,
)
from .special import cbrt, digamma, erf, erfc, erfcx, gammaln, hypot, power
from .trigonometric import arccos, arcsin, arctan, arctan2, cos, sin, tan

"""NumPy's elementwise functions as LLVM IR: vectors of float64 or float32 of any width, without a library.

Each function takes values of the program that is written and returns one; it has NumPy's name, and NumPy's results at
zeros, infinities and NaN. No function of the platform is called, so results are the same wherever fused multiply-adds
are. How exact each of them is stands in `bounds.py`.
"""

from collections.abc import Callable

from ..values import Value
from .derived import entr, exp10, log_expit, logit, xlog1py, xlogy
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
from .special import cbrt, digamma, erf, erfc, erfcx, gammaln, hypot, log_ndtr, ndtr, power
from .trigonometric import arccos, arcsin, arctan, arctan2, cos, sin, tan

OTHER_NAMES = {"expit": sigmoid, "psi": digamma, "fabs": absolute}


def named(name: str) -> Callable[..., Value] | None:
    """The function that NumPy or, after `special.`, SciPy has by this name; None if there is none here.

    Examples
    --------
    >>> named("special.expit") is sigmoid
    True
    """
    name = name.removeprefix("special.")
    return OTHER_NAMES.get(name) or (globals()[name] if name in __all__ else None)


__all__ = [
    "absolute",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "exp",
    "exp2",
    "exp10",
    "expm1",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "gammaln",
    "hypot",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_expit",
    "log_ndtr",
    "logaddexp",
    "logaddexp2",
    "logit",
    "maximum",
    "minimum",
    "ndtr",
    "power",
    "remainder",
    "rint",
    "sigmoid",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
    "xlog1py",
    "xlogy",
]

"""Functions of SciPy's that are short expressions in the others, arranged so that no digits are lost."""

from __future__ import annotations

from ..llvm import Value
from .exponential import INF, arctanh, log, log1p, softplus
from .floats import Accuracy, elementary
from .special import power


@elementary()
def log_expit(x: Value, c: Accuracy) -> Value:
    """log(1 / (1 + exp(-x)))."""
    return -softplus(-x)


@elementary()
def logit(x: Value, c: Accuracy) -> Value:
    """log(x / (1 - x)); above 1/4 as 2 arctanh(2 x - 1), for it is zero at 1/2."""
    f, low = x.f, x < 0.25
    return f.select(low, log(x / (1.0 - x)), arctanh(f.select(low, 0.0, (x + x) - 1.0)) * 2.0)


@elementary()
def exp10(x: Value, c: Accuracy) -> Value:
    return power(x.f.constant(10.0, x.type), x)


def _times(x: Value, y: Value, of: Value) -> Value:
    """x y, and zero where x is zero, whatever y is, but for a NaN that was given."""
    return x.f.select(x.eq(0.0) & ~of.is_nan(), 0.0, x * y)


@elementary()
def xlogy(x: Value, y: Value, c: Accuracy) -> Value:
    return _times(x, log(y), y)


@elementary()
def xlog1py(x: Value, y: Value, c: Accuracy) -> Value:
    return _times(x, log1p(y), y)


@elementary()
def entr(x: Value, c: Accuracy) -> Value:
    """-x log(x)."""
    f = x.f
    return f.select(x < 0.0, -INF, f.select(x.eq(0.0), 0.0, -(x * log(x))))

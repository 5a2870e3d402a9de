"""Making arrays: of traced values, and such as can be filled with them."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import MissingRuleError, user_line
from ..core.memory import own
from ..core.trace import FRONT_ENDS, is_traced
from .buffers import buffer

__all__ = [
    "arange",
    "array",
    "asanyarray",
    "asarray",
    "asarray_chkfinite",
    "ascontiguousarray",
    "asfortranarray",
    "copy",
    "diag",
    "diagflat",
    "empty",
    "empty_like",
    "eye",
    "fromiter",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "require",
    "tri",
    "zeros",
    "zeros_like",
]


def named(function: Callable[..., Any], original: Any, what: str) -> Any:
    """`function` under the name of NumPy's `original`."""
    function.__name__ = function.__qualname__ = original.__name__
    function.__doc__ = f"`numpy.{original.__name__}`{what}"
    function.__signature__ = inspect.signature(original)  # pyright: ignore[reportFunctionMemberAccess]
    return function


def maker(original: Any) -> Any:
    """NumPy's function, also of traced values. What it makes can be filled with traced values."""

    def function(*args, **kwargs):
        if is_traced((args, kwargs)):
            return FRONT_ENDS[original](*args, **kwargs)
        y = original(*args, **kwargs)
        return buffer(own(y)) if kwargs.get("copy", True) is True else y

    return named(function, original, ", also of traced values; the result can be filled with traced values.")


def view_of(original: Any) -> Any:
    """NumPy's function, which returns what it is given if that is an array, also of traced arrays."""

    def function(*args, **kwargs):
        return (FRONT_ENDS[original] if is_traced((args, kwargs)) else original)(*args, **kwargs)

    return named(function, original, ", which leaves a traced array as it is.")


arange = maker(np.arange)
array = maker(np.array)
copy = maker(np.copy)
diag = maker(np.diag)
diagflat = maker(np.diagflat)
empty = maker(np.empty)
empty_like = maker(np.empty_like)
eye = maker(np.eye)
full = maker(np.full)
full_like = maker(np.full_like)
geomspace = maker(np.geomspace)
identity = maker(np.identity)
linspace = maker(np.linspace)
logspace = maker(np.logspace)
ones = maker(np.ones)
ones_like = maker(np.ones_like)
tri = maker(np.tri)
zeros = maker(np.zeros)
zeros_like = maker(np.zeros_like)

asarray = view_of(np.asarray)
asanyarray = view_of(np.asanyarray)
ascontiguousarray = view_of(np.ascontiguousarray)
asfortranarray = view_of(np.asfortranarray)
require = view_of(np.require)


def asarray_chkfinite(a, dtype=None, order=None):
    """`numpy.asarray_chkfinite`, which leaves a traced array as it is."""
    y = asarray(a, dtype, order)
    if y.dtype.kind in "fc" and not np.all(np.isfinite(y)):
        raise ValueError("array must not contain infs or NaNs")
    return y


def fromiter(iter, dtype, count=-1, *, like=None):
    """`numpy.fromiter`, also of traced values."""
    values = list(iter) if count < 0 else [value for _, value in zip(range(count), iter, strict=False)]
    if len(values) < count:
        raise ValueError(f"iterator too short: Expected {count} but iterator had only {len(values)} items.")
    if np.dtype(dtype).kind not in "fc" and is_traced(values):
        raise MissingRuleError(
            f"numpy.fromiter: traced values become floating point numbers; dtype={dtype} was asked for (at "
            f"{user_line()})"
        )
    return array(values, dtype) if values else zeros(0, dtype)

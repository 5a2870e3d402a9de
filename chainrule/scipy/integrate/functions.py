"""Functions that a user passes to a solver: their further arguments, and traced values that they take from elsewhere.

A solver calls them with plain numbers, many times over. What it is differentiated in, it must be given: a function that
reaches for a traced value from outside gives a traced result for plain arguments, and that is an error.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import LeakedTracerError, LostGradientError, user_line
from ...core.primitive import Aval
from ...core.trace import Tracer, aval_of, frozen
from ...implicit.vectors import Parameters as Parameters, real_vector as real_vector
from ...ops.control import stop_gradient
from ...ops.families import fit
from ...ops.signatures.creation import nested


def untraced(value: Any, what: str) -> Any:
    """What a function gave for plain arguments, as an array; an error if it is traced."""
    value = frozen(nested(value))
    if isinstance(value, Tracer):
        raise leaked(what)
    return value


def leaked(what: str) -> LeakedTracerError:
    return LeakedTracerError(
        f"scipy.{what}: the function that it was given uses a traced value from outside (at {user_line()}), and the "
        "derivative in that would be lost: pass the value in args"
    )


def plainly(original: Callable[..., Any], what: str) -> Callable[..., Any]:
    """SciPy's function, for plain arguments; an error that says what to do if it meets a traced value all the same."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except LostGradientError as error:
            raise leaked(what) from error

    return function


# ---- pieces of rules -------------------------------------------------------------------------------------------------


def largest(*xs: Any) -> Any:
    """The largest absolute value in these arrays, as a constant; 1 if that is 0.

    Tangents and cotangents are divided by it, for absolute tolerances are meant for numbers of a common size.
    """
    sizes = [np.max(np.abs(stop_gradient(x))) for x in xs if x is not None and 0 not in aval_of(x).shape]
    size = np.max(np.stack(sizes)) if sizes else 0.0
    return np.where(size > 0, size, 1.0)


def replaced(whole, places, some):
    whole = list(whole)
    for i, x in zip(places, some, strict=True):
        whole[i] = x
    return whole


def like(x, vector):
    """The array of the shape and dtype of `x` that has this `real_vector`."""
    shape, dtype = aval_of(x)
    if np.dtype(dtype).kind == "c":
        real, imag = np.split(vector, 2)
        vector = real + 1j * imag
    return fit(np.reshape(vector, shape), Aval(shape, np.dtype(dtype)))

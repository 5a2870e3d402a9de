"""What the functions of scipy.linalg ask of their arguments, and how one that takes a matrix takes a stack of them."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import LostGradientError, MissingRuleError, user_line
from ...core.trace import bind, concrete
from ...ops.control import check
from ...ops.signatures.tools import array

# ---- dtypes and shapes ----------------------------------------------------------------------------------------------

LAPACK = {np.dtype(np.longdouble): np.dtype(np.float64), np.dtype(np.clongdouble): np.dtype(np.complex128)}


def lapack_dtype(*dtypes: Any) -> np.dtype:
    """The dtype that LAPACK computes these in: single or double precision, real or complex."""
    dtype = np.result_type(*dtypes, np.float32)
    return LAPACK.get(dtype, dtype)


def common(*xs: Any, finite: Any = False) -> list[Any]:
    """These as arrays of one dtype of LAPACK's; with `finite`, SciPy's check_finite=, without an infinity or NaN."""
    xs = tuple(map(array, xs))
    dtype = lapack_dtype(*(x.dtype for x in xs))
    if finite:
        for x in xs:
            bind(check, np.isfinite(x), error=ValueError, message="array must not contain infs or NaNs")
    return [x if x.dtype == dtype else x.astype(dtype) for x in xs]


def matrix(a: Any, finite: Any = False) -> Any:
    """`a` as a matrix, or a stack of them."""
    (a,) = common(a, finite=finite)
    if len(a.shape) < 2:
        raise ValueError(f"expected a matrix; an array of shape {a.shape} was given")
    return a


def square(a: Any, finite: Any = False, error: type[Exception] = ValueError) -> Any:
    """`a` as a square matrix, or a stack of them."""
    (a,) = common(a, finite=finite)
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise error(f"expected square matrix; an array of shape {a.shape} was given")
    return a


def system(a: Any, b: Any, finite: Any = False, rows: int = -1) -> tuple[Any, Any, Callable[[Any], Any]]:
    """The matrix and the right-hand sides of a x = b as matrices, and what makes a vector of x if b was one."""
    a, b = common(a, b, finite=finite)
    if len(a.shape) < 2 or not b.shape:
        raise ValueError(f"expected a matrix and right-hand sides; shapes {a.shape} and {b.shape} were given")
    vector = len(b.shape) == 1
    b = b[:, None] if vector else b
    if b.shape[-2] != a.shape[rows]:
        raise ValueError(f"shapes of the matrix {a.shape} and of the right-hand side {b.shape} are not compatible")
    return a, b, (lambda x: x[..., 0]) if vector else (lambda x: x)


def of_all(x: Any) -> Any:
    """The plain values of `x`; those of all examples, where there is a batch of them."""
    while True:
        try:
            return concrete(x, "")
        except LostGradientError:
            x = x.primal


def is_true(x: Any) -> bool:
    """Whether all of `x` is true, in all examples of a batch."""
    return bool(np.all(of_all(np.all(x))))


def real_if(x: Any, a: Any) -> Any:
    """`x`, which is complex, as SciPy gives it: real numbers, if they are and `a` is."""
    return np.real(x) if a.dtype.kind != "c" and is_true(np.imag(x) == 0) else x


def refuse(what: str, why: str) -> MissingRuleError:
    """The error for a function, a keyword or a value of one that is not supported."""
    return MissingRuleError(f"scipy.linalg.{what}: {why} (used with a traced array at {user_line()})")


# ---- stacks ---------------------------------------------------------------------------------------------------------


def each(*cores: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function of single arrays, with so many axes, one of stacks of them, along leading axes that broadcast.

    SciPy does the same from release 1.17 on; before that it takes single matrices only.
    """

    def over(function):
        @functools.wraps(function)
        def of_stack(*xs, **params):
            shapes = [np.shape(x) for x in xs]
            inner = [s[len(s) - n :] for s, n in zip(shapes, cores, strict=True)]
            lead = np.broadcast_shapes(*(s[: len(s) - n] for s, n in zip(shapes, cores, strict=True)))
            if not lead:
                return function(*xs, **params)
            xs = [np.broadcast_to(x, (*lead, *core)) for x, core in zip(xs, inner, strict=True)]
            items = [tuple(x[at] for x in xs) for at in np.ndindex(lead)]
            if 0 in lead:  # one that is not there tells the shapes
                items = [tuple(example(x.dtype, core) for x, core in zip(xs, inner, strict=True))]
            results = [function(*item, **params) for item in items]
            if not isinstance(results[0], tuple):
                return stack(results, lead)
            return tuple(stack(parts, lead) for parts in zip(*results, strict=True))

        return of_stack

    return over


def example(dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """An array of that shape; a regular one, if it is a matrix."""
    return np.eye(*shape, dtype=dtype) if len(shape) == 2 else np.ones(shape, dtype)


def stack(parts: Any, lead: tuple[int, ...]) -> np.ndarray:
    whole = np.stack(parts)[: math.prod(lead)]
    return whole.reshape(*lead, *whole.shape[1:])

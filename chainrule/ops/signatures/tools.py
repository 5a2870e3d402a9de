"""What the signatures share: entering the table, axes, and the keywords that mean the same everywhere."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.errors import MissingRuleError, user_line
from ...core.memory import write
from ...core.trace import FRONT_ENDS, Tracer, aval_of, concrete, name_of


def signature_of(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters the decorated function as what these NumPy functions mean for traced arrays."""

    def enter(implementation):
        for function in functions:
            FRONT_ENDS[function] = implementation
        return implementation

    return enter


def ndim(x: Any) -> int:
    return len(aval_of(x).shape)


def shape(x: Any) -> tuple[int, ...]:
    return aval_of(x).shape


def array(x: Any) -> Any:
    """`x` as something with a shape and a dtype: a tracer, an array or a NumPy scalar."""
    return x if isinstance(x, Tracer | np.ndarray | np.generic) else np.asarray(x)


def one_axis(axis: Any, ndim: int) -> int:
    """`axis` counted from 0."""
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return int(axis) % ndim


def all_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis`, which may be None for all, an integer or a tuple, as increasing axes counted from 0."""
    if axis is None:
        return tuple(range(ndim))
    several = axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(sorted(one_axis(a, ndim) for a in several))
    if len(set(axes)) != len(axes):
        raise ValueError("duplicate value in 'axis'")
    return axes


def into(out: Any, y: Any, what: str) -> Any:
    """The keyword out=: `y`, written into `out` if that is given."""
    if isinstance(out, tuple):
        (out,) = out
    if out is None:
        return y
    if isinstance(out, Tracer):
        return write(out, y if isinstance(y, Tracer) else array(y), what)
    raise TypeError(
        f"{what}: out= is a plain array, which cannot hold traced values (at {user_line()}): leave out= away, or make the "
        "array with np.zeros_like(x) or np.empty_like(x), x being the traced array"
    )


def refuse(what: str, why: str) -> MissingRuleError:
    """The error for a keyword, or a value of it, that is not supported."""
    return MissingRuleError(f"{what}: {why} (at {user_line()})")


def constant_function(function: Any) -> None:
    """Enters a function whose result has no derivative anywhere: it sees plain values and returns one."""

    def implementation(*args, **kwargs):
        plain = [_plain(a, function) for a in args]
        return function(*plain, **{k: _plain(v, function) for k, v in kwargs.items()})

    FRONT_ENDS[function] = implementation


def _plain(x: Any, function: Any) -> Any:
    if isinstance(x, tuple | list):
        return type(x)(_plain(v, function) for v in x)
    return concrete(x, name_of(function))


def sequence(xs: Any) -> Sequence[Any]:
    """The arrays of a list of arrays, or the rows of an array."""
    return xs if isinstance(xs, tuple | list) else list(xs)

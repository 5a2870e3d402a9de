"""What the signatures share: entering the table, axes, and the keywords that mean the same everywhere."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.errors import LostGradientError, MissingRuleError, user_line
from ...core.memory import write
from ...core.trace import FRONT_ENDS, NUMBERS, Tracer, aval_of, concrete, name_of

NO: Any = np._NoValue
"""What NumPy takes for a keyword that was not given, where None means something."""


def signature_of(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters the decorated function as what these NumPy functions mean for traced arrays."""

    def enter(implementation):
        for function in functions:
            FRONT_ENDS[function] = implementation
        return implementation

    return enter


def shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Tracer | np.ndarray) else aval_of(x).shape


def ndim(x: Any) -> int:
    return len(shape(x))


def array(x: Any) -> Any:
    """`x` as something with a shape and a dtype: a tracer, an array or a NumPy scalar."""
    return x if isinstance(x, Tracer | np.ndarray | np.generic) else np.asarray(x)


def common_dtype(*xs: Any) -> np.dtype:
    """The dtype that NumPy promotes these to; Python numbers adapt to the others."""
    return np.result_type(*(x if type(x) in NUMBERS else aval_of(x).dtype for x in xs))


def is_inexact(x: Any) -> bool:
    """Whether `x` holds floating point or complex numbers: what may be NaN, and has derivatives."""
    return np.dtype(aval_of(x).dtype).kind in "fc"


def as_float(x: Any, what: str) -> Any:
    """`x` in double precision, for a function that computes in that and takes nothing that does not fit."""
    x = array(x)
    if not np.can_cast(x.dtype, float):
        raise TypeError(
            f"{what}: an array of dtype {x.dtype} does not fit into float64: take its real part, or astype it"
        )
    return x.astype(float)


# ---- axes -----------------------------------------------------------------------------------------------------------


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


def flat_if_none(a: Any, axis: Any) -> tuple[Any, int]:
    """For axis=None: `a` as one axis, and that axis."""
    return (np.ravel(a), 0) if axis is None else (array(a), one_axis(axis, ndim(a)))


def flat_or_number(a: Any, axis: Any) -> tuple[Any, int]:
    """The same, for the functions that take a number for an array of one axis."""
    return flat_if_none(a, None if axis in (0, -1) and not ndim(a) else axis)


def along(axis: int, part: Any) -> tuple[Any, ...]:
    """The index that reads `part` of one axis."""
    return (*(slice(None),) * axis, part)


def dims_of(shape: Any) -> tuple[int, ...]:
    """A shape, which may be given as one number, as a tuple."""
    return tuple(int(n) for n in shape) if np.iterable(shape) else (int(shape),)


# ---- keywords -------------------------------------------------------------------------------------------------------


def given(value: Any) -> bool:
    """Whether a keyword was given."""
    return value is not None and value is not NO


def is_on(keepdims: Any) -> bool:
    return keepdims is not NO and bool(keepdims)


def is_everywhere(where: Any) -> bool:
    """Whether the keyword where= leaves nothing out."""
    return where is NO or where is True


def into(out: Any, y: Any, what: str) -> Any:
    """The keyword out=: `y`, written into `out` if that is given."""
    if isinstance(out, tuple):
        (out,) = out
    if out is None or out is Ellipsis:
        return y
    if isinstance(out, Tracer):
        return write(out, y if isinstance(y, Tracer) else array(y), what)
    if not isinstance(y, Tracer):  # a constant: positions, truth values
        np.copyto(out, y, casting="same_kind")
        return out
    raise into_plain(what, "out= is a plain array; leave it away, or make the array with np.empty_like(x)")


def written_into(a: Any, what: str) -> Any:
    """`a`, which `what` is going to write traced values into."""
    if isinstance(a, Tracer):
        return a
    raise into_plain(what, "the array to write into is a plain one; make it with np.zeros_like(x) or x.copy()")


def into_plain(what: str, why: str) -> LostGradientError:
    return LostGradientError(
        f"{what}: a plain array cannot hold traced values (at {user_line()}): {why}, x being the traced array"
    )


def refuse(what: str, why: str) -> MissingRuleError:
    """The error for a keyword, or a value of it, that is not supported."""
    return MissingRuleError(f"{what}: {why} (at {user_line()})")


# ---- constants ------------------------------------------------------------------------------------------------------


def constant_function(*functions: Any) -> None:
    """Enters functions whose results have no derivative anywhere: they see plain values and return them."""
    for function in functions:
        FRONT_ENDS[function] = _constant(function)


def _constant(function: Any) -> Callable[..., Any]:
    def implementation(*args, **kwargs):
        what = name_of(function)
        return function(*(plain(a, what) for a in args), **{k: plain(v, what) for k, v in kwargs.items()})

    return implementation


def plain(x: Any, what: str) -> Any:
    """The plain values of `x`, an array or a nest of lists of arrays, for `what`."""
    if isinstance(x, tuple | list):
        return type(x)(plain(v, what) for v in x)
    return concrete(x, what)


def sequence(xs: Any) -> Sequence[Any]:
    """The arrays of a list of arrays, or the rows of an array."""
    return xs if isinstance(xs, tuple | list) else list(xs)

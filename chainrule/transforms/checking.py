"""Where infinities and NaNs begin. A value travels with the operation that made it, and with where it went bad."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import NonFiniteError, user_line
from ..core.primitive import Primitive
from ..core.trace import Trace, Tracer, aval_of, bind, concrete
from ..core.tree import flatten
from . import arguments


class Origin:
    """Where a value comes from.

    made: what made it, and in which line; bad: where the first value that is not finite appeared on the way to it.
    """

    __slots__ = ("bad", "made")

    def __init__(self, made: str, bad: str | None):
        self.made, self.bad = made, bad


class Checked(Tracer):
    """A value, and where it comes from."""

    __slots__ = ()

    companion: Origin


class CheckingTrace(Trace):
    """Computes the value, and notes where a value appears that is not finite."""

    __slots__ = ()

    def lift(self, value: Any) -> Checked:
        return Checked(self, value, Origin("a constant", _bad(value, f"a constant, met at {user_line()}")))

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        own = [a.__class__ is Checked and a._trace is self for a in args]
        values = [a.primal if on else a for a, on in zip(args, own, strict=True)]
        y = bind(primitive, *values, **params)
        line = user_line()
        before = [
            a.companion.bad if on else _bad(a, f"a constant, met at {line}") for a, on in zip(args, own, strict=True)
        ]
        bad = next((b for b in before if b is not None), None)

        def came_from(result):
            if is_finite(result):
                return Origin(f"{primitive.name} at {line}", None)
            makers = [a.companion.made if on else None for a, on in zip(args, own, strict=True)]
            return Origin(f"{primitive.name} at {line}", bad or birth(primitive, result, values, makers, line))

        if primitive.multi:
            return tuple(Checked(self, part, came_from(part)) for part in y)
        return Checked(self, y, came_from(y))


def is_finite(x: Any) -> bool:
    """Whether all elements are finite; integers are."""
    if np.dtype(aval_of(x).dtype).kind not in "fc":
        return True
    return bool(np.all(np.isfinite(x)))


def _bad(x: Any, what: str) -> str | None:
    return None if is_finite(x) else f"It was there to begin with, in {what}."


def birth(primitive: Primitive, y: Any, values: list[Any], makers: list[str | None], line: str) -> str:
    """A sentence on an operation that made something not finite of finite arguments."""
    y = np.asarray(concrete(y, "a value that is not finite"))
    values = [np.asarray(concrete(x, "a value that is not finite")) for x in values]
    wrong = ~np.isfinite(y)
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    if primitive.zeros == "stay":  # elementwise: the element is made of the arguments' at its place
        given = ", ".join(str(np.broadcast_to(x, y.shape)[first]) for x in values)
    else:
        given = ", ".join(f"an array of shape {x.shape}" if x.ndim else str(x) for x in values)
    where = f" for {wrong.sum()} of {y.size} elements, the first at index {list(first)}" if y.ndim else ""
    sources = list(dict.fromkeys(m for m in makers if m is not None))
    come = f" The arguments come from {'; '.join(sources)}." if sources else ""
    return f"It began at {line}: {primitive.name}({given}) = {y[first]}{where}.{come}"


def checked(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, which raises where a result is not finite, and says which operation began it.

    Around a derivative, `checked(grad(f))`, it watches both passes.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays.

    Returns
    -------
    callable
        The same function. Infinities and NaNs that come up on the way and do not reach a result, as in a branch that
        `np.where` did not take, are no error.

    Raises
    ------
    NonFiniteError
        If a result is infinite or NaN. The message names the first operation on the way to it that made such a value of
        finite ones, with its arguments, and the lines that these come from.

    Notes
    -----
    Cost: another look at each intermediate, and at the stack, several microseconds an operation: for finding errors.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> def distance(x):
    ...     return np.sqrt(np.sum(x**2))
    >>> cr.grad(distance)(np.array([3.0, 4.0]))
    array([0.6, 0.8])
    >>> with np.errstate(divide="ignore", invalid="ignore"):
    ...     cr.checked(cr.grad(distance))(np.zeros(2))
    Traceback (most recent call last):
        ...
    chainrule.core.errors.NonFiniteError: checked: ...
    """

    @functools.wraps(f, updated=())
    def checked_f(*args, **kwargs):
        trace = CheckingTrace()

        def watched(leaf, where):
            if not isinstance(leaf, arguments.ARRAYS) or np.dtype(aval_of(leaf).dtype).kind not in "fc":
                return leaf
            value = arguments.differentiable(leaf, "checked", where)
            return Checked(trace, value, Origin(where, _bad(value, where)))

        with trace:
            output = f(
                *(_mapped(arg, lambda x, i=i: watched(x, f"argument {i}")) for i, arg in enumerate(args)),
                **{k: _mapped(arg, lambda x, k=k: watched(x, f"argument {k}")) for k, arg in kwargs.items()},
            )
            leaves, structure = flatten(output)
            found = [
                arguments.own_value(trace, leaf, "checked") if isinstance(leaf, arguments.ARRAYS) else (leaf, None)
                for leaf in leaves
            ]
        for i, (value, origin) in enumerate(found):
            if origin is not None and not is_finite(value):
                name = getattr(f, "__name__", "the function")
                which = f"result {i} of {name}" if len(found) > 1 else f"the result of {name}"
                raise NonFiniteError(f"checked: {which} is not finite. {origin.bad}")
        return structure.unflatten([v if o is None else arguments.result(v, v) for v, o in found])

    return checked_f


def _mapped(tree: Any, function: Callable[[Any], Any]) -> Any:
    leaves, structure = flatten(tree)
    return structure.unflatten(list(map(function, leaves)))

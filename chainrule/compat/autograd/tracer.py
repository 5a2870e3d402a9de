"""Traced values, and functions that are operations of their own."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import optree

import chainrule as cr
from chainrule.numpy import Buffer

from .conventions import conjugated
from .refused import refusing
from .util import subvals
from .wrap_util import get_name, wraps

__getattr__ = refusing(__name__)


def isbox(x: Any) -> bool:
    """Whether `x` is a traced array."""
    return (
        not isinstance(x, np.ndarray | np.generic | Buffer)
        and hasattr(type(x), "__array_ufunc__")
        and cr.stop_gradient(x) is not x
    )


def getval(x: Any) -> Any:
    """The value of a traced array, or of all that are in a tuple, a list or a dict; anything else as it is.

    Examples
    --------
    >>> from chainrule.compat.autograd import grad
    >>> from chainrule.compat.autograd.tracer import getval
    >>> def f(x):
    ...     print(getval(x))
    ...     return x**2
    >>> grad(f)(3.0)
    3.0
    np.float64(6.0)
    """
    value = cr.stop_gradient(x)
    return np.asarray(value) if isinstance(value, Buffer) else value


def notrace_primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """f, of the values of its arguments, as a constant for every derivative."""

    @wraps(f_raw)
    def f_wrapped(*args, **kwargs):
        return f_raw(*map(getval, args), **kwargs)

    return f_wrapped


class primitive:
    """A function that is differentiated by rules given with defvjp and defjvp.

    One of the two is enough for both modes: what is missing follows from the other by transposition. Arguments that
    are not differentiated may be anything.

    Raises
    ------
    NotImplementedError
        When differentiated without a rule.

    Examples
    --------
    >>> import chainrule.compat.autograd.numpy as np
    >>> from chainrule.compat.autograd import deriv, grad
    >>> from chainrule.compat.autograd.extend import defvjp, primitive
    >>> @primitive
    ... def log1pexp(x):
    ...     return np.logaddexp(0, x)
    >>> defvjp(log1pexp, lambda ans, x: lambda g: g / (1 + np.exp(-x)))
    >>> grad(log1pexp)(0.0), deriv(log1pexp)(0.0)
    (np.float64(0.5), np.float64(0.5))
    """

    def __init__(self, f_raw: Callable[..., Any]):
        functools.update_wrapper(self, f_raw, updated=())
        self.fun, self.__name__ = f_raw, get_name(f_raw)
        self.vjps: Callable[..., Any] | None = None
        self.jvps: Callable[..., Any] | None = None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        traced = tuple(i for i, arg in enumerate(args) if any(map(isbox, optree.tree_leaves(arg))))
        if not traced:
            return self.fun(*args, **kwargs)
        whole = lambda xs: subvals(args, zip(traced, xs, strict=True))  # noqa: E731
        call = cr.custom(wraps(self)(lambda *xs: self.fun(*whole(xs), **kwargs)))
        vjps, jvps = self.vjps, self.jvps
        if vjps is not None:

            @call.defvjp
            def pull(ct, ans, *xs):
                cts = vjps(traced, ans, whole(xs), kwargs)(conjugated(ct))
                return tuple(map(conjugated, cts))

        if jvps is not None:
            call.defjvp(lambda tangents, ans, *xs: jvps(traced, tangents, ans, whole(xs), kwargs))
        if vjps is None and jvps is None:
            raise NotImplementedError(
                f"VJP of {self.__name__} wrt argnums {traced} not defined: give it with defvjp or defjvp, or leave "
                "@primitive out, if the function is made of NumPy's"
            )
        return call(*(args[i] for i in traced))

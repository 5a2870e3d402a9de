"""From operators on functions of one argument to operators on functions of many."""

import functools
from collections.abc import Callable
from typing import Any

from .util import subvals


def get_name(f: Any) -> str:
    return getattr(f, "__name__", "[unknown name]")


def get_doc(f: Any) -> str:
    return getattr(f, "__doc__", None) or ""


def wraps(fun: Any, namestr: str = "{fun}", docstr: str = "{doc}", **kwargs: Any) -> Callable[[Any], Any]:
    """A decorator that names a function after `fun`."""

    def rename(f):
        f.__name__ = namestr.format(fun=get_name(fun), **kwargs)
        f.__doc__ = docstr.format(fun=get_name(fun), doc=get_doc(fun), **kwargs)
        return f

    return rename


def wrap_nary_f(fun: Any, op: Any, argnum: Any) -> Callable[[Any], Any]:
    """A decorator that names the result of the operator `op` on `fun`."""
    name = "{op}_of_{fun}_wrt_argnum_{argnum}"
    doc = "{op} of {fun} with respect to argument number {argnum}, as a function of the arguments of {fun}."
    return wraps(fun, name, doc, op=get_name(op), argnum=argnum)


def unary_to_nary(unary_operator: Callable[..., Any]) -> Callable[..., Any]:
    """The operator `op(fun, x)` on functions of one argument as `op(fun, argnum=0)(*args, **kwargs)`.

    With a tuple or list for argnum, x is the tuple of those arguments.

    Examples
    --------
    >>> from chainrule.compat.autograd.wrap_util import unary_to_nary
    >>> @unary_to_nary
    ... def doubled(fun, x):
    ...     return fun(2 * x)
    >>> doubled(lambda a, b: a - b, argnum=1)(10, 3)
    4
    """

    @functools.wraps(unary_operator)
    def nary_operator(fun, argnum=0, *op_args, **op_kwargs):
        if not isinstance(argnum, int | tuple | list):
            raise TypeError(f"{get_name(unary_operator)}: argnum is an integer or a tuple of them; got {argnum!r}")

        several = not isinstance(argnum, int)
        places = argnum if several else (argnum,)

        @wrap_nary_f(fun, unary_operator, argnum)
        def nary_f(*args, **kwargs):
            def unary_f(x):
                return fun(*subvals(args, zip(places, x if several else (x,), strict=True)), **kwargs)

            unary_f.__name__ = get_name(fun)
            chosen = tuple(args[i] for i in places)
            return unary_operator(unary_f, chosen if several else chosen[0], *op_args, **op_kwargs)

        return nary_f

    return nary_operator

"""What the modules share: entering a function that stands in for one of SciPy's, and passing the others through.

A solver calls the functions that it is given with plain numbers, many times over. What these are differentiated in,
they must be given: a function that reaches for a traced value from outside gives a traced result for plain arguments,
and that is an error.
"""

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..core.errors import LeakedTracerError, LostGradientError, user_line
from ..core.trace import Tracer, frozen, is_traced
from ..ops.signatures.creation import nested


def instead_of(original: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes the decorated function what `original`, a function of SciPy's, does if an argument is traced."""

    def enter(implementation):
        @functools.wraps(implementation)
        def function(*args, **kwargs):
            return (implementation if is_traced((args, kwargs)) else original)(*args, **kwargs)

        function.__signature__ = inspect.signature(original)  # pyright: ignore[reportAttributeAccessIssue]
        return function

    return enter


def standing_for(original: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives the decorated function the signature of `original`, a function of SciPy's that it is called in place of."""

    def enter(implementation):
        @functools.wraps(implementation)
        def function(*args, **kwargs):
            return implementation(*args, **kwargs)

        function.__signature__ = inspect.signature(original)  # pyright: ignore[reportAttributeAccessIssue]
        return function

    return enter


def passing_through(module: ModuleType) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module that has, beside its own names, those of a module of SciPy's."""

    def __getattr__(name: str) -> Any:
        return getattr(module, name)

    def __dir__() -> list[str]:
        return dir(module)

    return __getattr__, __dir__


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

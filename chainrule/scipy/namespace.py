"""What the modules share: entering a function that stands in for one of SciPy's, and passing the others through."""

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..core.trace import is_traced


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

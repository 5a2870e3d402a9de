"""How an object of SciPy's, a distribution, comes to take traced arguments."""

import functools
import inspect
from typing import Any

from ...core.errors import MissingRuleError, user_line
from ...core.trace import is_traced


def stand_in(original: Any, methods: type, attributes: dict[str, Any]) -> Any:
    """A twin of `original`, an object of SciPy's: the same, but what is traced goes to `methods`.

    Its class is derived from the original's, so SciPy takes the one for the other. The functions in `methods` have the
    twin for their `self`.
    """
    base = type(original)
    own = {name: function for name, function in inspect.getmembers(methods, inspect.isfunction) if hasattr(base, name)}
    both = {name: _either(function, getattr(base, name)) for name, function in own.items()}
    key = base, getattr(original, "name", None)
    common = {"__module__": __name__, "__doc__": base.__doc__, "__reduce__": _reduce, "twin_of": key}
    TWINS[key] = type(base.__name__, (base,), {**both, **attributes, **common})
    return _restored(key, original.__getstate__())


TWINS: dict[tuple[type, str | None], type] = {}
"""Class of SciPy's, and the distribution's name, for some have one class -> the class of its twin."""


def _either(ours: Any, theirs: Any) -> Any:
    def method(self, *args, **kwargs):
        return (ours if is_traced((args, kwargs)) else theirs)(self, *args, **kwargs)

    functools.update_wrapper(method, ours)
    method.__signature__ = inspect.signature(theirs)  # pyright: ignore[reportFunctionMemberAccess]
    return method


def _reduce(self: Any) -> Any:
    """How to pickle a twin: its class has no name by which it could be found."""
    return _restored, (self.twin_of, self.__getstate__())


def _restored(key: tuple[type, str | None], state: Any) -> Any:
    twin = object.__new__(TWINS[key])
    if hasattr(key[0], "__setstate__"):
        twin.__setstate__(state)
    else:
        twin.__dict__.update(state or {})
    return twin


def refuse(what: str, why: str) -> MissingRuleError:
    """The error for a function, a keyword or a value of one that is not supported."""
    return MissingRuleError(f"scipy.stats.{what}: {why} (used with a traced array at {user_line()})")

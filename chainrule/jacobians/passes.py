"""The value and the gradient of a function at the same place, from one pass."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.trace import is_traced
from ..transforms.reverse import vjp


class Passes:
    """A real function of a vector, of whose last pass the tape is kept.

    Solvers ask for the value, and then for the gradient at the same place: the first call leaves the tape, the second
    walks back over it. `leaked(value)` makes the error for a value that is traced though x is not.
    """

    def __init__(self, f: Callable[..., Any], leaked: Callable[[Any], Exception]):
        self.f, self.leaked = f, leaked
        self.last: Any = None  # (x, value, pullback)

    def at(self, x: np.ndarray) -> tuple[Any, Callable[..., Any]]:
        """The value at x, and the pullback."""
        last = self.last
        if last is None or not np.array_equal(last[0], x, equal_nan=True):
            y, pullback = vjp(self.f, x)
            if is_traced(y):
                raise self.leaked(y)
            last = self.last = x.copy(), y, pullback
        return last[1:]

    def value(self, x: np.ndarray) -> Any:
        return self.at(x)[0]

    def gradient(self, x: np.ndarray) -> Any:
        y, pullback = self.at(x)
        return pullback(np.ones((), y.dtype))[0]

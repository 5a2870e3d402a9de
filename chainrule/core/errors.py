"""The errors that somebody would catch, and the user's own line for their messages."""

import os
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

LIBRARIES = ("numpy", "scipy")


class MissingRuleError(NotImplementedError):
    """A NumPy or SciPy function, or one of its keywords, that chainrule cannot differentiate (yet)."""


class LostGradientError(TypeError):
    """A traced value was about to become a plain number or array, which would drop its gradient."""


class ModifiedArrayError(RuntimeError):
    """An array that the tape still needs was changed behind its back."""


class FreedTapeError(RuntimeError):
    """A second backward pass over a tape whose values the first one has released."""


class LeakedTracerError(RuntimeError):
    """A traced value was used after the transform that made it had ended."""


def user_line() -> str:
    """Where the innermost frame outside chainrule, NumPy and SciPy is: `file.py:12, in f`."""
    packages = [HERE, *(os.path.dirname(sys.modules[m].__file__ or "") for m in LIBRARIES if m in sys.modules)]
    inner = (*(package + os.sep for package in packages), "<frozen", "<__array_function__")
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(inner):
            return f"{name}:{frame.f_lineno}, in {frame.f_code.co_name}"
        frame = frame.f_back
    return "an unknown line"

"""The errors that somebody would catch, and the user's own line for their messages."""

import functools
import itertools
import os
import sys
from types import FrameType

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

LIBRARIES = ("numpy", "scipy")


class MissingRuleError(NotImplementedError):
    """A NumPy or SciPy function, or one of its keywords, that chainrule cannot differentiate (yet)."""


class LostGradientError(TypeError):
    """A traced value was about to become a plain number or array, which would drop its gradient."""


class ModifiedArrayError(RuntimeError):
    """An array that the tape still needs was changed behind its back."""


class NonFiniteError(FloatingPointError):
    """A result that was to be finite is infinite or NaN."""


class FreedTapeError(RuntimeError):
    """A second backward pass over a tape whose values the first one has released."""


class LeakedTracerError(RuntimeError):
    """A traced value was used after the transform that made it had ended."""


def user_line() -> str:
    """Where the innermost frame outside chainrule, NumPy and SciPy is: `file.py:12, in f`."""
    frame = _user_frame()[0]
    if frame is None:
        return "an unknown line"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}"


def scipy_function() -> str | None:
    """The function of SciPy that the user has called, as `scipy.linalg.expm`; None if it is none of SciPy's."""
    called = _user_frame()[1]
    module = called.f_globals.get("__name__", "") if called is not None else ""
    if called is None or not module.startswith("scipy."):
        return None
    public = itertools.takewhile(lambda part: not part.startswith("_"), module.split("."))
    name = called.f_code.co_qualname.split(".<locals>")[0].removesuffix(".__init__")
    if name.startswith("_") and "self" in called.f_locals:  # of a class that is not public
        name = type(called.f_locals["self"]).__name__ + name[len(name.partition(".")[0]) :]
    return ".".join((*public, name))


def _user_frame() -> tuple[FrameType | None, FrameType | None]:
    """The innermost frame of the user's, and the one that was called from there."""
    inner = (HERE, *(_folder(name) for name in LIBRARIES if name in sys.modules), "<frozen", "<__array_function__")
    frame, called = sys._getframe(1), None
    while frame is not None and frame.f_code.co_filename.startswith(inner):
        frame, called = frame.f_back, frame
    return frame, called


@functools.cache
def _folder(name: str) -> str:
    """Where the code of a module that has been imported lies."""
    return os.path.dirname(sys.modules[name].__file__ or "") + os.sep

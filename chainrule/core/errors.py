"""The errors that somebody would catch, and the user's own line for their messages."""

import functools
import importlib
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


def instead(function: str) -> str:
    """What to do in the place of this function of SciPy's."""
    module, _, name = function.rpartition(".")
    try:
        ours = importlib.import_module(f"chainrule.{module}")
    except ModuleNotFoundError:  # a method
        sparse = module.startswith("scipy.sparse.") and not module.startswith("scipy.sparse.linalg.")
        return "use an operator (A @ x; A * x, of a sparse array)" if sparse else "write this with NumPy"
    return f"use chainrule.{function}" if name in vars(ours) else "write this with NumPy"


SPARSE_OPERATORS = frozenset(
    {"_matmul_dispatch", "_multiply_2d_with_broadcasting", "multiply", "_divide", "_comparison", "dot"}
)
"""Where SciPy's sparse matrices look at what they have met."""


def may_step_aside(frame: FrameType | None) -> bool:
    """Whether `frame` is an operator of a sparse matrix, which leaves what it cannot read to the other operand."""
    if frame is None or frame.f_code.co_name not in SPARSE_OPERATORS:
        return False
    name = ""
    while frame is not None and frame.f_globals.get("__name__", "").startswith("scipy.sparse._"):
        frame, name = frame.f_back, frame.f_code.co_name
    return name == "dot" or name.startswith("__")


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

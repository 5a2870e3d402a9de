"""Old code as it is: `np` in a module stands for chainrule.numpy for a while."""

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

_lock = threading.Lock()
_patched: dict[str, tuple[int, dict[str, Any]]] = {}
"""Module name -> how many blocks have patched it, and what it had under the names that have been replaced."""

LIBRARIES = ("numpy", "scipy")


@contextlib.contextmanager
def patch_numpy(*modules: ModuleType) -> Iterator[None]:
    """Lets NumPy and SciPy stand for `chainrule.numpy` and `chainrule.scipy` in modules as they are.

    Within the block, the global names of these modules that stand for NumPy, SciPy, or one of their modules or
    functions (`np`, `numpy`, `scipy`, `logsumexp`, ...) stand for ours, so that `a = np.zeros(n); a[i] = t` and
    `np.array([t0, t1])` work. Nothing else changes: NumPy and SciPy themselves stay as they are, and so do the modules
    that are not named.

    Parameters
    ----------
    *modules : modules
        Where; of a package, all its modules that have been imported. By default the module of the caller.

    Returns
    -------
    context manager
        The names are put back when it is left.

    Raises
    ------
    TypeError
        If something else than a module is given.
    ValueError
        If nothing in the modules stands for NumPy or SciPy. Names that a function imports itself are out of reach.

    Notes
    -----
    Blocks can be nested, and entered by several threads: the names are put back when the last one ends. A function that
    was defined with `np.zeros` as the default of an argument keeps that.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> def powers(x):
    ...     a = np.zeros(3)
    ...     for i in range(3):
    ...         a[i] = x**i
    ...     return a
    >>> with cr.patch_numpy():
    ...     slopes = cr.jacobian(powers)(2.0)
    >>> slopes
    array([0., 1., 4.])
    """
    for module in modules:
        if not isinstance(module, ModuleType):
            raise TypeError(f"patch_numpy: modules are patched; {module!r} is a {type(module).__name__}")
    spaces = [vars(m) for module in modules for m in _parts(module)] or [sys._getframe(2).f_globals]
    found = [_replaced(space) for space in spaces]
    if not any(found) and not any(_name(space) in _patched for space in spaces):
        raise ValueError(
            f"patch_numpy: no global name in {', '.join(map(_name, spaces))} stands for NumPy or SciPy: name the "
            "modules whose code is to be patched, patch_numpy(module)"
        )
    with contextlib.ExitStack() as stack:
        for space, replaced in zip(spaces, found, strict=True):
            stack.enter_context(_in_place(space, replaced))
        yield


def _name(space: dict[str, Any]) -> str:
    return space.get("__name__", "a module")


def _parts(module: ModuleType) -> list[ModuleType]:
    """The module, and of a package what is in it."""
    inside = f"{module.__name__}."
    return [module, *(m for name, m in list(sys.modules.items()) if name.startswith(inside) and m is not None)]


def _replaced(space: dict[str, Any]) -> dict[str, Any]:
    """What to put under which names."""
    ours = {name: _ours(value) for name, value in list(space.items())}
    return {name: value for name, value in ours.items() if value is not None}


def _ours(value: Any) -> Any:
    """What stands in for `value`, if it is NumPy or SciPy, or a part of one that we have ourselves."""
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if not isinstance(module, str) or module.partition(".")[0] not in LIBRARIES:
        return None
    public = ".".join(part for part in module.split(".") if not part.startswith("_"))
    try:
        namespace = importlib.import_module(f"chainrule.{public}")
    except ModuleNotFoundError:
        return None
    if isinstance(value, ModuleType):
        return namespace
    return vars(namespace).get(getattr(value, "__name__", ""))


@contextlib.contextmanager
def _in_place(space: dict[str, Any], replaced: dict[str, Any]) -> Iterator[None]:
    """`replaced` in the globals of one module; they are put back by the last block that needs them."""
    key = _name(space)
    with _lock:
        count, before = _patched.get(key, (0, {}))
        before = {name: space[name] for name in replaced} | before
        space.update(replaced)
        _patched[key] = count + 1, before
    try:
        yield
    finally:
        with _lock:
            count, before = _patched[key]
            if count > 1:
                _patched[key] = count - 1, before
            else:
                del _patched[key]
                space.update(before)

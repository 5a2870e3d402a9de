"""What steers differentiation itself."""

from typing import Any

import numpy as np

from ..core import slots
from ..core.primitive import Primitive, keeps_nothing, register
from ..core.trace import Tracer, bind
from ..core.tree import map_leaves
from .families import elementwise

# A copy: the user may write into what he gets, and the tape may hold the other.
constant = elementwise(lambda x: np.array(x)[()], d=None, name="stop_gradient", element=lambda body, i, x: x(i))


def _check(holds, *, error, message):
    if not np.all(holds):
        raise error(message)
    return holds


# For rules that hold in some places only: an `if` in a rule would have to know the values of a whole batch.
check = register(
    Primitive(
        "check",
        impl=_check,
        aval=lambda holds, *, error, message: holds,
        jvp=None,
        vjp=None,
        saves=keeps_nothing,
        batch=lambda is_batched, holds, *, error, message: bind(check, holds, error=error, message=message),
        slots=slots.nothing,
    )
)


def stop_gradient(x: Any) -> Any:
    """x, as a constant for every derivative: its tangents and cotangents are zero.

    Parameters
    ----------
    x : tree of arrays
        What to treat as a constant.

    Returns
    -------
    tree of arrays
        The same values; plain arrays where no batch is mapped over.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.grad(lambda x: x * cr.stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    return map_leaves(lambda leaf: bind(constant, leaf) if isinstance(leaf, Tracer) else leaf, x)

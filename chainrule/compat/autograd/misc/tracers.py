"""Functions that are traced once."""

from collections.abc import Callable
from typing import Any

import chainrule as cr

from ..refused import refusing
from ..wrap_util import wraps

__getattr__ = refusing(__name__)


def const_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """fun, with its first arguments given, recorded at the first call; later calls repeat what it did.

    Raises
    ------
    ValueError
        If later arguments have other shapes, or would make fun go another way.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.compat.autograd.misc import const_graph
    >>> f = const_graph(lambda a, x: a * np.sin(x), 2.0)
    >>> f(0.0), f(np.pi / 2)
    (np.float64(0.0), np.float64(2.0))
    """
    graph = None

    @wraps(fun)
    def repeated(*rest):
        nonlocal graph
        if graph is None:
            graph = cr.record(lambda *rest: fun(*args, *rest, **kwargs), *rest)
        return graph(*rest)

    return repeated


def const_graph_unary(fun: Callable[..., Any]) -> Callable[..., Any]:
    """const_graph of a function of one argument."""
    return const_graph(fun)

"""Sparsity patterns. Each element travels with the numbers of the inputs that it may depend on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.dependence import nothing
from ..core.primitive import Primitive
from ..core.trace import NUMBERS, Trace, Tracer, aval_of, bind
from . import arguments


class Dependent(Tracer):
    """A value, and which inputs each of its elements may depend on (core/dependence.py)."""

    __slots__ = ()

    deps = Tracer.companion


class SparsityTrace(Trace):
    """Computes the value, and moves and unites the dependences."""

    __slots__ = ()

    writes_in_place = False

    def lift(self, value: Any) -> Dependent:
        return Dependent(self, value, nothing(np.shape(value)))

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        own = [a.__class__ is Dependent and a._trace is self for a in args]
        values = [a.primal if on else a for a, on in zip(args, own, strict=True)]
        y = bind(primitive, *values, **params)
        if primitive.jvp is None:
            return y
        # A rule sees values where there are any (positions in an index array), and needs only shapes of the rest.
        deps = [a.companion if on else None for a, on in zip(args, own, strict=True)]
        shaped = [aval_of(v) if type(v) in NUMBERS else v for v in values]
        found = primitive.sparsity(deps, *shaped, **params)
        if primitive.multi:
            return tuple(Dependent(self, v, d) for v, d in zip(y, found, strict=True))
        return Dependent(self, y, found)


def sparsity(f: Callable[..., Any], x: Any) -> Any:
    """Which entries of the Jacobian of f at x can be other than zero.

    Parameters
    ----------
    f : callable
        A NumPy function of one array that returns one array.
    x : array of floats
        Where to look: branches and indices that depend on values are those that x takes.

    Returns
    -------
    scipy.sparse.csr_array
        Of booleans, with a row per output element and a column per input element, both in C order.

    Raises
    ------
    TypeError
        If x is not floating point, or f returns something that is no array.

    Notes
    -----
    Cost: one evaluation of f, and work in proportion to the dependences met on the way.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.sparsity(lambda x: x[1:] * x[:-1], np.ones(3)).toarray()
    array([[ True,  True, False],
           [False,  True,  True]])
    """
    import scipy.sparse

    x = np.asarray(arguments.differentiable(x, "sparsity", "the argument"))
    trace = SparsityTrace()
    with trace:
        y = f(Dependent(trace, x, np.arange(1, x.size + 1).reshape(1, *x.shape)))
        value, deps = arguments.finished(trace, y, "sparsity", aux=False)
    size = int(np.prod(aval_of(value).shape, dtype=np.intp))
    columns = np.zeros((0, size), np.intp) if deps is None else np.reshape(deps, (len(deps), size))
    row, column = np.nonzero(columns.T)[0], columns.T[columns.T > 0] - 1
    return scipy.sparse.csr_array((np.ones(len(row), bool), (row, column)), shape=(size, x.size))

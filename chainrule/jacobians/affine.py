"""Affine functions as a matrix and a vector, for linear programming."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import user_line
from ..core.primitive import Primitive
from ..core.trace import Trace, Tracer, aval_of, bind
from ..transforms import arguments
from .jacobian import jacobian

ELSEWHERE: tuple[Callable[[Any], Any], ...] = (lambda v: -v, lambda v: v * far(v), lambda v: -v * far(v))
"""Where else the slopes of an operation are looked at: there comparisons turn round, and bounds are left behind"""


class Traced(Tracer):
    """An affine function of x: its value at some place."""

    __slots__ = ()


class AffineTrace(Trace):
    """Computes the value, and raises at the first operation that is not affine in what depends on x."""

    __slots__ = ()

    writes_in_place = False

    def lift(self, value: Any) -> Traced:
        return Traced(self, value)

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if params.get("in_place"):
            params = params | {"in_place": False}
        own = [isinstance(a, Traced) and a._trace is self for a in args]
        values = [a.primal if on else a for a, on in zip(args, own, strict=True)]
        y = bind(primitive, *values, **params)
        if primitive.jvp is None or not _is_linear(primitive, own, values, y, params):
            raise ValueError(
                f"affine: {primitive.name} of what depends on x is not affine (at {user_line()}); the result must be "
                "a constant plus constants times elements of x"
            )
        return tuple(Traced(self, v) for v in y) if primitive.multi else Traced(self, y)

    def concrete(self, tracer: Tracer, what: str) -> Any:
        raise ValueError(f"affine: {what} was asked of what depends on x (at {user_line()}): that is not affine")


def _is_linear(primitive: Primitive, own: list[bool], values: list[Any], y: Any, params: dict[str, Any]) -> bool:
    """Whether the slopes are the same at other places."""
    assert primitive.jvp is not None
    rng = np.random.default_rng(1)
    slopes = tuple(
        rng.uniform(0.5, 1.5, aval_of(v).shape).astype(aval_of(v).dtype) if on else None
        for v, on in zip(values, own, strict=True)
    )
    with np.errstate(all="ignore"):
        found = _parts(primitive, primitive.jvp(slopes, y, *values, **params))
        for place in ELSEWHERE:
            moved = [place(v) if on else v for v, on in zip(values, own, strict=True)]
            there = primitive.jvp(slopes, bind(primitive, *moved, **params), *moved, **params)
            for a, b in zip(found, _parts(primitive, there), strict=True):
                if (a is None) != (b is None) or (a is not None and not np.allclose(a, b, rtol=1e-12, atol=0)):
                    return False
    return True


def far(v: Any) -> Any:
    """A factor that leads far away, and yet far from overflow."""
    return v.dtype.type(np.finfo(v.dtype).max ** 0.2)


def _parts(primitive: Primitive, t: Any) -> tuple[Any, ...]:
    return tuple(t) if primitive.multi else (t,)


def affine(f: Callable[..., Any], n: int | tuple[int, ...]) -> tuple[Any, np.ndarray]:
    """A and b with f(x) = A x + b, for `scipy.optimize.linprog`, `milp` and `LinearConstraint`.

    Parameters
    ----------
    f : callable
        A NumPy function of one array that returns one array, and is affine: sums, products with constants, indices,
        and whatever else is made of them.
    n : int or tuple of ints
        The size of its argument, or its shape.

    Returns
    -------
    A : (m, n) scipy.sparse.csc_array
        A row per output element, a column per input element, in C order. HiGHS takes this format as it is.
    b : (m,) array
        f(0), flat.

    Raises
    ------
    ValueError
        If f is not affine; the message names the first operation that is not, and the line where it was done.

    Notes
    -----
    Cost: a sparse Jacobian of f, and some five evaluations. Every operation is looked at by itself: its slopes must not
    change with what depends on x. So `abs`, `where` and an index that depend on x are found out wherever x lies.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> A, b = cr.affine(lambda x: x[1:] - 2 * x[:-1] + 3, 3)
    >>> A.toarray(), b
    (array([[-2.,  1.,  0.],
           [ 0., -2.,  1.]]), array([3., 3.]))
    """
    shape = tuple(n) if isinstance(n, tuple | list) else (n,)
    if any(not isinstance(k, int | np.integer) or k < 0 for k in shape):
        raise ValueError(f"affine: n is the size or the shape of the argument; got {n!r}")
    x = np.random.default_rng(20250101).uniform(0.5, 1.5, shape)
    trace = AffineTrace()
    with trace:
        arguments.finished(trace, f(Traced(trace, x)), "affine", aux=False)
    J = jacobian(lambda x: np.ravel(f(x)), sparse=True)(x)
    return J.tocsc(), np.array(np.ravel(f(np.zeros(shape))), float)

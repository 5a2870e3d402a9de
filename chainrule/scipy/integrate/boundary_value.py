"""Boundary value problems y' = f(x, y, p), bc(y(a), y(b), p) = 0: exact Jacobians for SciPy, and derivatives.

SciPy finds y at the nodes of a mesh such that a cubic spline satisfies the equation at the nodes and between them
(Kierzenka and Shampine 2001). These collocation equations define y and p as functions of whatever else f and bc
are given; their Jacobian is sparse, one block beside the next.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

from ...core.trace import concrete, is_traced
from ...implicit.functions import Call
from ...implicit.linear import LinearSolver
from ...jacobians.jacobian import jacobian
from ...ops.control import stop_gradient
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import refuse
from ...transforms.batching import vmap
from ...transforms.forward import jvp
from ..namespace import untraced
from .stiff import differentiated

WHAT = "scipy.integrate.solve_bvp"


def solve_bvp(
    fun, bc, x, y, p=None, S=None, fun_jac: Any = None, bc_jac: Any = None, tol=1e-3, max_nodes=1000, verbose=0,
    bc_tol=None, *, args=(),
):  # fmt: skip
    """The solution of a boundary value problem, with exact Jacobians, and with derivatives.

    SciPy's arguments, and `args`: further arguments of fun and bc, fun(x, y, *args) or fun(x, y, p, *args), which may
    hold arrays, numbers, and trees of them. Where `fun_jac` or `bc_jac` is not given, SciPy gets the exact one.

    Of the result, `y`, `p` and `yp` are differentiable in args, in both modes and to any order: they are those at the
    nodes `x` of the mesh, which is constant. The first guess has the derivative zero, and `sol` is constant. There is
    no derivative with a singular term S.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import solve_bvp
    >>> x = np.linspace(0, 1, 5)
    >>> def middle(a):  # y'' = a, y(0) = y(1) = 0
    ...     f = lambda x, y, a: np.stack([y[1], a + 0 * y[0]])
    ...     ends = lambda left, right, a: np.stack([left[0], right[0]])
    ...     return solve_bvp(f, ends, x, np.zeros((2, 5)), args=(a,)).y[0, 2]
    >>> cr.grad(middle)(2.0)
    np.float64(-0.125)
    """
    if not isinstance(args, tuple):
        raise TypeError(f"{WHAT}: args must be a tuple; it is of type {type(args).__name__}")
    x, y, p = (None if v is None else concrete(nested(v), f"{WHAT}: the first guess") for v in (x, y, p))
    if is_traced(args) and S is not None:
        raise refuse(WHAT, "no derivative with a singular term S")

    def solver(*w):
        f = lambda x, y, *p: untraced(fun(x, y, *p, *w), "integrate.solve_bvp")  # noqa: E731
        ends = lambda ya, yb, *p: untraced(bc(ya, yb, *p, *w), "integrate.solve_bvp")  # noqa: E731
        blocks = (lambda x, y, *p: fun_jac(x, y, *p, *w)) if fun_jac else of_nodes(fun, w)
        of_ends = (lambda ya, yb, *p: bc_jac(ya, yb, *p, *w)) if bc_jac else at_ends(bc, w)
        found = scipy.integrate.solve_bvp(f, ends, x, y, p, S, blocks, of_ends, tol, max_nodes, verbose, bc_tol)
        if is_traced(args) and not found.success:
            raise RuntimeError(
                f"{WHAT}: it did not converge, so there is no solution to differentiate: {found.message}"
            )
        return (found.x, found.y.T, np.zeros(0) if found.p is None else found.p), found

    if not is_traced(args):
        return solver(*args)[1]
    equations = lambda state, *w: collocation(fun, bc, state, p is not None, w)  # noqa: E731
    (nodes, columns, parameters), found = Call(WHAT, equations, solver, LinearSolver(who=WHAT), None, True)(*args)
    y = columns.T
    changed: dict[str, Any] = {"y": y, "p": None if p is None else parameters}
    changed["yp"] = nested(fun(stop_gradient(nodes), y, *([] if p is None else [parameters]), *args))
    return type(found)({**found, **changed})


def collocation(fun: Any, bc: Any, state: Any, has_p: bool, w: Any) -> tuple[Any, Any, Any]:
    """Three equations: the mesh is what it is, y satisfies the collocation equations, and the boundary conditions."""
    x, y, p = stop_gradient(state[0]), state[1].T, [state[2]] if has_p else []
    h = x[1:] - x[:-1]
    f = nested(fun(x, y, *p, *w))
    middle = (y[:, 1:] + y[:, :-1]) / 2 - h / 8 * (f[:, 1:] - f[:, :-1])
    of_middle = nested(fun(x[:-1] + h / 2, middle, *p, *w))
    left = y[:, 1:] - y[:, :-1] - h / 6 * (f[:, :-1] + f[:, 1:] + 4 * of_middle)
    return state[0] - x, left.T, nested(bc(y[:, 0], y[:, -1], *p, *w))


def of_nodes(fun: Callable[..., Any], w: tuple[Any, ...]) -> Callable[..., Any]:
    """`fun_jac`: blocks of shape (n, n, m), and (n, k, m) for p. What happens at one node is nobody else's concern."""

    def blocks(x, y, p=None):
        given = [y] if p is None else [y, p]

        def along(*tangents):
            return jvp(lambda y, *p: nested(fun(x, y, *p, *w)), given, tangents)[1]

        def columns(place):
            """A derivative for each row of y, or each element of p."""
            count = given[place].shape[0]
            if not count:
                return np.zeros((y.shape[0], 0, y.shape[1]))
            seeds = np.zeros((count, *given[place].shape))
            seeds[np.arange(count), np.arange(count)] = 1
            zeros = [np.zeros_like(v) for v in given]
            mapped = vmap(lambda seed: along(*[seed if i == place else z for i, z in enumerate(zeros)]))
            return np.moveaxis(mapped(seeds), 0, 1)

        return differentiated(lambda: columns(0) if p is None else (columns(0), columns(1)))

    return blocks


def at_ends(bc: Callable[..., Any], w: tuple[Any, ...]) -> Callable[..., Any]:
    """`bc_jac`: the derivatives of the boundary conditions in ya, yb and p."""

    def jacobians(ya, yb, *p):
        places = tuple(range(2 + len(p)))
        of_ends = jacobian(lambda ya, yb, *p: nested(bc(ya, yb, *p, *w)), places)
        return differentiated(lambda: of_ends(ya, yb, *p))

    return jacobians

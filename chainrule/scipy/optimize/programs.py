"""Linear programs and linear least squares with bounds: derivatives of their solutions, and of assignments."""

from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from ...core.trace import Tracer, is_traced
from ...ops.signatures.creation import nested
from ..namespace import standing_for
from .derivatives import no_derivative, original, plain_tree
from .minimization import TOLERANCE
from .roots import converged
from .stationary import ON_UNKNOWNS, Rows, ends_of, minimizer


def matrix(A: Any) -> Any:
    """A matrix as it may stand in a tree of parameters: sparse ones do not, and are constants."""
    return A if A is None or scipy.sparse.issparse(A) else nested(A)


class Fixed:
    """A sparse matrix, which is a constant, hidden from what looks for arrays."""

    def __init__(self, A: Any):
        self.A = A


def hidden(A: Any) -> Any:
    A = matrix(A)
    return Fixed(A) if scipy.sparse.issparse(A) else A


def shown(A: Any) -> Any:
    return A.A if isinstance(A, Fixed) else A


def pairs(bounds: Any, n: int) -> tuple[Any, Any]:
    """The lower and the upper bounds of linprog, which may be one pair for all."""
    if isinstance(bounds, scipy.optimize.Bounds):
        return bounds.lb, bounds.ub
    if bounds is None:
        bounds = (0, None)
    if not isinstance(bounds, np.ndarray | Tracer) and len(bounds) == 2 and all(np.ndim(e) == 0 for e in bounds):
        bounds = [tuple(bounds)] * n
    low, high = zip(*((a, b) for a, b in bounds), strict=True)
    return (
        nested([-np.inf if v is None else v for v in low]),
        nested([np.inf if v is None else v for v in high]),
    )


@standing_for(scipy.optimize.linprog)
def linprog(
    c, A_ub=None, b_ub=None, A_eq=None, b_eq=None, bounds=(0, None), method="highs", callback=None, options=None,
    x0=None, integrality=None,
):  # fmt: skip
    """A linear program. Of the result, `x` and `fun` are differentiable in c, the matrices, b_ub, b_eq and bounds.

    A solution in a vertex moves with the constraints that meet there, as many as there are unknowns; it does not depend
    on c. Where more of them meet, or the solution is not unique, the derivative does not exist, and that is an error.
    Sparse matrices are constants. :func:`chainrule.affine` makes the matrices of functions.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import linprog
    >>> cr.grad(lambda b: linprog([-1.0, -2.0], A_ub=[[1.0, 1.0], [0.0, 1.0]], b_ub=b).fun)(np.array([4.0, 3.0]))
    array([-1., -1.])
    """
    what = "optimize.linprog"
    given = (c, A_ub, b_ub, A_eq, b_eq, bounds)
    if not is_traced((given, x0, integrality)):
        return original.linprog(c, A_ub, b_ub, A_eq, b_eq, bounds, method, callback, options, x0, integrality)
    no_derivative(what, x0=x0, integrality=integrality)
    c = nested(c).astype(float)
    rows, of_rows = [ON_UNKNOWNS], [pairs(bounds, c.shape[0])]
    for A, b, low in ((A_ub, b_ub, -np.inf), (A_eq, b_eq, None)):
        if A is not None:
            rows.append(Rows(lambda x, w: shown(w[0]) @ x, lambda w, low=low: (w[1] if low is None else low, w[1])))
            of_rows.append((hidden(A), nested(b).astype(float)))

    def solver(args, of_rows):
        limits = np.stack(np.broadcast_arrays(*of_rows[0]), axis=1)
        pieces = iter(of_rows[1:])
        ub = next(pieces) if A_ub is not None else (None, None)
        eq = next(pieces) if A_eq is not None else (None, None)
        found = original.linprog(
            args[0], shown(ub[0]), ub[1], shown(eq[0]), eq[1], limits, method, callback, options, None, integrality
        )
        converged(what, found.success, found.message, parameters)
        return found.x, found

    parameters = ((c,), of_rows)
    x, found = minimizer(what, lambda x, args: args[0] @ x, rows, solver, parameters, TOLERANCE)
    return type(found)({**found, "x": x, "fun": c @ x})


def _least_squares(what: str, A: Any, b: Any, ends: Any, solve: Any) -> tuple[Any, Any]:
    """The x between two ends that minimises |A x - b|²/2, with derivatives; `solve(A, b, ends) -> (x, report)`."""
    parameters = ((hidden(A), nested(b)), [ends])

    def objective(x, args):
        r = shown(args[0]) @ x - args[1]
        return np.sum(r * r) / 2

    def solver(args, of_rows):
        return solve(shown(args[0]), args[1], of_rows[0])

    return minimizer(what, objective, [ON_UNKNOWNS], solver, parameters, TOLERANCE)


@standing_for(scipy.optimize.lsq_linear)
def lsq_linear(A, b, bounds=(-np.inf, np.inf), **options):
    """Linear least squares with bounds. Of the result, `x`, `fun` and `cost` are differentiable in A, b and bounds.

    A sparse matrix is a constant, and a LinearOperator is refused.
    """
    what = "optimize.lsq_linear"
    if not is_traced((A, b, bounds)):
        return original.lsq_linear(A, b, bounds, **options)
    ends = ends_of(bounds)

    def solve(A, b, ends):
        found = original.lsq_linear(A, b, ends, **options)
        converged(what, found.success, found.message, b_traced)
        return found.x, found

    b_traced = (A, b, bounds)
    x, found = _least_squares(what, A, b, ends, solve)
    r = A @ x - nested(b)
    return type(found)({**found, "x": x, "fun": r, "cost": np.sum(r * r) / 2})


@standing_for(scipy.optimize.nnls)
def nnls(A, b, **options):
    """Least squares with x >= 0: x and the norm of the residual, differentiable in A and b."""
    if not is_traced((A, b)):
        return original.nnls(A, b, **options)
    solve = lambda A, b, ends: (original.nnls(A, b, **options)[0], None)  # noqa: E731
    x, _ = _least_squares("optimize.nnls", A, b, (0.0, np.inf), solve)
    return x, np.linalg.norm(nested(A) @ x - nested(b))


def linear_sum_assignment(cost_matrix, maximize=False):
    """The rows and columns of the cheapest assignment: whole numbers, and so constants.

    The cost itself, `cost[row, col].sum()`, is differentiable in the costs.
    """
    return original.linear_sum_assignment(plain_tree(cost_matrix, "linear_sum_assignment"), maximize)

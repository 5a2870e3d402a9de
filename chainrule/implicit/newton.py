"""Newton's method with sparse Jacobians, which SciPy does not have; its last factors serve for the derivatives."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.errors import LeakedTracerError, user_line
from ..core.trace import Tracer, concrete, is_traced
from ..core.tree import flatten
from ..jacobians.operators import linear_operator
from .factors import DENSE_BELOW, Refined
from .functions import Call
from .linear import LinearSolver
from .vectors import Layout, Parameters, real_vector

SUFFICIENT = 1e-4
"""Share of the decrease that the slope promises which a step must bring (Armijo)"""
SHORTEST = 2.0**-30
"""Share of a Newton step below which the line search gives up"""


@dataclass(slots=True)
class Solution:
    """What Newton's method has found.

    x: the solution, like x0; residual: the largest absolute value of f at x; steps: Newton steps; evaluations: of f,
    those of the line search included; history: the residual before the first step and after each; factors: the last
    factorised Jacobian; seconds: the time it took.
    """

    x: Any
    residual: float
    steps: int
    evaluations: int
    history: list[float] = field(repr=False)
    factors: Any = field(repr=False)
    seconds: float = field(repr=False)

    def __str__(self) -> str:
        lines = ["step  residual"]
        lines += [f"{i:4d}  {r:.3e}" for i, r in enumerate(self.history)]
        return "\n".join([*lines, f"{self.evaluations} evaluations, {self.seconds:.3g} s, {self.factors}"])


def newton(
    f: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    *,
    tol: float = 1e-10,
    maxiter: int = 50,
    linear_solver: Any = "auto",
    ordering: Any = "auto",
    line_search: bool = True,
    progress: bool = False,
) -> Solution:
    """A root of f(x, *args), by Newton's method with the exact Jacobian: sparse, banded, dense, or by products only.

    Parameters
    ----------
    f : callable
        A NumPy function of x and `args` that returns as many numbers as x has. Trees of arrays are welcome for both.
    x0 : array or tree of arrays of floats
        Where to start. It may be traced; the solution does not depend on it.
    args : tuple
        Further arguments of f: arrays, numbers, or trees of them. The solution is differentiable in these.
    tol : float
        The solution is found when no element of f is larger than this, or when a Newton step moves no element of x by
        more than this, relative to 1 + max|x|.
    maxiter : int
        How many steps are tried.
    linear_solver : str or callable
        "auto": a dense matrix up to 100 unknowns, a sparse one above; "dense"; "sparse"; "krylov": GMRES with products,
        no matrix; or a function `(LinearOperator, b) -> x`.
    ordering : str or tuple
        The order of elimination of a sparse matrix: "auto" takes LAPACK's banded solver where there are few diagonals,
        "mmd" where the structure is symmetric, else "colamd"; or "natural", "banded", "rcm". It is chosen once.
    line_search : bool
        Whether a step that does not lessen the norm of f is halved until it does.
    progress : bool
        Whether a line on standard error tells of each step.

    Returns
    -------
    Solution
        Its `x` is like x0, and differentiable in `args`, in both modes and to any order; `residual`, `steps`,
        `evaluations`, `history` and `factors` tell how it was found, and it prints as a table. The derivatives use the
        last factors; if x moved once more after them, with iterative refinement.

    Raises
    ------
    RuntimeError
        If it does not converge, with the history of the residual.
    numpy.linalg.LinAlgError
        If the Jacobian is singular on the way.
    ValueError
        If f returns another number of elements than x has, or holds NaN or infinity at x0.
    TypeError
        If x0 is not floating point.
    LeakedTracerError
        If f uses a traced value that is not in `args`.

    Notes
    -----
    Cost: for each step a Jacobian, a factorisation, and an evaluation of f or more. Source: Dennis and Schnabel,
    Numerical Methods for Unconstrained Optimization and Nonlinear Equations, 1996, algorithm A6.3.1.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> def f(u, load):  # -u'' + u**3 = load on a grid, u = 0 at the ends
    ...     v = np.pad(u, 1)
    ...     return (2 * u - v[:-2] - v[2:]) * len(u) ** 2 + u**3 - load
    >>> solution = cr.newton(f, np.zeros(200), (1.0,))
    >>> solution.steps, solution.factors
    (3, <Banded of shape (200, 200), ordering 'banded'>)
    >>> cr.grad(lambda load: np.max(cr.newton(f, np.zeros(200), (load,)).x))(1.0)
    np.float64(0.1257469)
    """
    linear = LinearSolver(linear_solver, ordering, "newton")
    if not isinstance(args, tuple):
        raise TypeError(f"newton: args must be a tuple; it is of type {type(args).__name__}")
    leaves, structure = flatten(x0)
    leaves = [concrete(leaf, "x0 of newton") for leaf in leaves]
    x0 = structure.unflatten([leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)[()] for leaf in leaves])
    layout = Layout(x0, "newton", "x0")
    search = Search(f, layout, linear, tol, maxiter, line_search, progress)
    if not is_traced(args):
        found = search(layout.vector(x0), args)
        found.x = layout.tree(found.x)
        return found

    def solver(*args):
        found = search(layout.vector(x0), args)
        call.problem.last = (
            tuple(map(np.array, (found.x, *Parameters((args, {})).arrays))),
            search.at_solution(found, args),
        )
        return layout.tree(found.x), found

    call = Call("newton", f, solver, linear, None, True)
    x, found = call(*args)
    found.x = x
    return found


class Search:
    """Newton's method on vectors."""

    def __init__(
        self, f: Any, layout: Layout, linear: LinearSolver, tol: float, maxiter: int, halves: bool, tells: bool
    ):
        self.f, self.layout, self.linear = f, layout, linear
        self.tol, self.maxiter, self.halves, self.tells = tol, maxiter, halves, tells
        self.residual = self._residual  # one object, by which the linear solver knows it again
        self.evaluations, self.fresh = 0, True  # whether the last factors are those of the last place

    def _residual(self, x: Any, args: Any) -> Any:
        return real_vector(*flatten(self.f(self.layout.tree(x), *args))[0])

    def value(self, x: np.ndarray, args: Any) -> np.ndarray:
        self.evaluations += 1
        F = self.residual(x, args)
        if isinstance(F, Tracer):
            raise LeakedTracerError(
                f"newton: f uses a traced value from outside (at {user_line()}), and the derivative in that would be "
                "lost: pass the value in args"
            )
        if F.shape != x.shape:
            raise ValueError(f"newton: f returns {F.size} numbers for {x.size} unknowns: as many are needed")
        return F

    def __call__(self, x: np.ndarray, args: Any) -> Solution:
        began, self.evaluations = time.perf_counter(), 0
        F = self.value(x, args)
        if not np.isfinite(F).all():
            raise ValueError("newton: f holds NaN or infinity at x0: start elsewhere")
        history, factors, self.fresh = [_largest(F)], None, True
        for step in range(self.maxiter + 1):
            self.tell(step, history)
            if history[-1] <= self.tol and factors is not None:
                break
            if step == self.maxiter:
                raise self.failed(f"it did not converge in {step} steps", history)
            factors, self.fresh = self.factorised(x, args), True
            dx = -factors.solve(F)
            if _largest(dx) <= self.tol * (1 + _largest(x)):
                break
            x, F = self.moved(x, F, dx, args, history)
            self.fresh = False
            history.append(_largest(F))
        if factors is not None and self.tells:
            print(file=sys.stderr)
        seconds = time.perf_counter() - began
        return Solution(x, history[-1], len(history) - 1, self.evaluations, history, factors, seconds)

    def factorised(self, x: np.ndarray, args: Any) -> Any:
        try:
            return self.linear.at(self.residual, x, args)
        except np.linalg.LinAlgError as error:
            raise np.linalg.LinAlgError(
                f"newton: the Jacobian is singular on the way ({error}): start elsewhere, or see whether the "
                "equations determine every unknown"
            ) from error

    def at_solution(self, found: Solution, args: Any) -> Any:
        """The factors for derivatives: the last ones if x has not moved since, else those with corrections."""
        if self.fresh or found.factors.ordering == "krylov":
            return found.factors if self.fresh else self.factorised(found.x, args)
        if found.x.size <= DENSE_BELOW:
            return self.factorised(found.x, args)
        operator = linear_operator(lambda x: self.residual(x, args), found.x)
        return Refined(found.factors, operator, lambda: self.factorised(found.x, args))

    def moved(self, x: Any, F: Any, dx: Any, args: Any, history: list[float]) -> tuple[Any, Any]:
        """The next place: along dx by the largest of 1, 1/2, 1/4, ... that lessens the norm enough."""
        share, norm = 1.0, np.linalg.norm(F)
        while True:
            there = x + share * dx
            with np.errstate(all="ignore"):
                F = self.value(there, args)
            if np.linalg.norm(F) <= (1 - SUFFICIENT * share) * norm or (not self.halves and np.isfinite(F).all()):
                return there, F
            share /= 2
            if share < SHORTEST or not self.halves:
                raise self.failed("no step along Newton's direction lessens the residual", history)

    def failed(self, why: str, history: list[float]) -> RuntimeError:
        last = ", ".join(f"{r:.3g}" for r in history[-6:])
        return RuntimeError(
            f"newton: {why}; the residual was {'..., ' if len(history) > 6 else ''}{last} (tol={self.tol:g}). Start "
            "nearer to the solution, or raise maxiter or tol"
        )

    def tell(self, step: int, history: list[float]) -> None:
        if self.tells:
            print(f"\rnewton: step {step}, residual {history[-1]:.3e} ", end="", file=sys.stderr, flush=True)


def _largest(v: np.ndarray) -> float:
    return float(np.max(np.abs(v), initial=0.0))

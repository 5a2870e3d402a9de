"""`cr.implicit`: a derivative for any function that solves equations, however it does that."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import LeakedTracerError
from ..core.trace import Tracer, bind, is_traced
from ..core.tree import flatten
from .linear import LinearSolver
from .solutions import Problem, solution
from .vectors import Layout, Parameters, real_vector


def implicit(
    residual: Callable[..., Any],
    *,
    linear_solver: Any = "auto",
    ordering: Any = "auto",
    tolerance: float | None = 1e-3,
    has_aux: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a function that solves `residual(x, ...) = 0` for x the derivatives of its solution.

    The function may do whatever it likes to find x: call SciPy, Fortran, a program of its own. It is called with plain
    arrays, and its steps are not differentiated: the derivative is that of the equation (implicit function theorem).

    Parameters
    ----------
    residual : callable
        A NumPy function `residual(x, *args, **kwargs)` of the solution and of all arguments of the solver, whose result
        is zero at the solution. Trees are welcome for both; there must be as many equations as unknowns. For a
        fixed point of g it is `x - g(x, ...)`, for a minimum `cr.grad(objective)`.
    linear_solver : str or callable
        How systems with the derivative of the residual in x are solved. "dense" and "sparse" factorise it, once for
        all derivatives at a solution; "auto" is "dense" up to 100 unknowns and "sparse" above; "krylov" is GMRES with
        products, without a matrix. A function `(operator, b) -> x` takes a `LinearOperator` or its transpose.
    ordering : str or tuple
        The order of elimination of "sparse": "auto", "natural", "banded", "rcm", "mmd" or "colamd".
    tolerance : float or None
        The solution is refused if Newton's method would move it by more than this, relative to 1 + max|x|: what is no
        solution has no such derivative. None: do not look.
    has_aux : bool
        Whether the solver returns `(x, aux)`; aux, a report perhaps, is a constant.

    Returns
    -------
    callable
        A decorator. The decorated function takes the same arguments. It can be differentiated in all arrays among them
        that the residual depends on, in both modes and to any order; a starting point has the derivative zero.

    Raises
    ------
    ValueError
        When differentiated, if the residual is not zero at the solution, or has another size than it.
    numpy.linalg.LinAlgError
        When differentiated, if the derivative of the residual in x is singular.
    TypeError
        If the solution is not floating point.
    LeakedTracerError
        If the residual or the solver uses a traced value that is not among the arguments.

    Notes
    -----
    Cost of a derivative: one factorisation at each solution, then for each tangent or cotangent a solution with it, and
    a jvp or vjp of the residual. Source: Griewank and Walther, Evaluating Derivatives, 2008, chapter 15.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.optimize
    >>> import chainrule as cr
    >>> @cr.implicit(residual=lambda x, a: x**3 + x - a)
    ... def cube_root_like(a):
    ...     return scipy.optimize.brentq(lambda x: x**3 + x - a, -10, 10)
    >>> cr.grad(cube_root_like)(2.0)  # 1 / (3 x**2 + 1) at x = 1
    np.float64(0.25)
    """
    linear = LinearSolver(linear_solver, ordering)
    if not callable(residual):
        raise TypeError(f"implicit: residual must be a function; got {residual!r}. Write @cr.implicit(residual=...)")

    def decorate(solver: Callable[..., Any]) -> Callable[..., Any]:
        who = getattr(solver, "__name__", "implicit")

        @functools.wraps(solver, updated=())
        def solve(*args: Any, **kwargs: Any) -> Any:
            if not is_traced((args, kwargs)):
                return solver(*args, **kwargs)
            call = Call(who, residual, solver, LinearSolver(linear.method, ordering, who), tolerance, has_aux)
            return call(*args, **kwargs)

        return solve

    return decorate


class Call:
    """One call of a solver: the problem in vectors that the trees of its arguments and of its result make."""

    def __init__(self, who: str, residual: Any, solver: Any, linear: LinearSolver, tolerance: Any, has_aux: bool):
        self.who, self.residual, self.solver, self.has_aux = who, residual, solver, has_aux
        self.problem = Problem(who, self.vector_residual, self.vector_solver, linear, tolerance)
        self.layout: Any = None
        self.aux: Any = None
        self.arguments: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.arguments = Parameters((args, kwargs))
        x = bind(solution, *self.arguments.arrays, problem=self.problem)
        x = self.layout.tree(x)
        return (x, self.aux) if self.has_aux else x

    def vector_solver(self, *arrays: Any) -> np.ndarray:
        args, kwargs = self.arguments.args(arrays)
        x = self.solver(*args, **kwargs)
        if self.has_aux:
            if not isinstance(x, tuple) or len(x) != 2:
                raise TypeError(f"{self.who}: with has_aux=True the solver must return a pair (x, aux)")
            x, self.aux = x
        leaves = flatten(x)[0]
        if any(isinstance(leaf, Tracer) for leaf in leaves):
            raise LeakedTracerError(
                f"{self.who}: the solver uses a traced value from outside; its derivative cannot see that: pass the "
                "value as an argument"
            )
        self.layout = Layout(x, self.who, "the solution")
        return np.array(real_vector(*leaves))  # a copy: the solver may keep what it returned, and write into it

    def vector_residual(self, x: Any, *arrays: Any) -> Any:
        args, kwargs = self.arguments.args(arrays)
        return real_vector(*flatten(self.residual(self.layout.tree(x), *args, **kwargs))[0])

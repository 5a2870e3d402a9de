"""Minimisers: exact gradients, Hessians and constraint Jacobians for SciPy's methods, and their derivatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from ...core.trace import is_traced
from ...implicit.factors import DENSE_BELOW
from ...jacobians.jacobian import hessian
from ...ops.signatures.creation import nested
from ..namespace import standing_for
from .derivatives import Objective, Residuals, as_tuple, no_derivative, original, plain_tree, start
from .roots import converged, scalar
from .stationary import ON_UNKNOWNS, Rows, minimizer

PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov"})
"""Methods that are given products with the Hessian"""
MATRIX = frozenset({"dogleg", "trust-exact"})
"""Methods that are given a dense Hessian"""
GRADIENT = PRODUCTS | MATRIX | {"cg", "bfgs", "l-bfgs-b", "tnc", "slsqp", "trust-constr"}
"""Methods that take a gradient"""
TOLERANCE = 1e-2
"""How far from a minimiser a result may be, of which a derivative is asked, relative to 1 + max|x|"""


@standing_for(scipy.optimize.minimize)
def minimize(
    fun, x0, args=(), method=None, jac=None, hess=None, hessp=None, bounds=None, constraints=(), tol=None,
    callback=None, options=None,
):  # fmt: skip
    """A minimiser of a function of a vector, found with exact derivatives, and with derivatives.

    Where `jac` is not given, methods that take a gradient get it, from the pass that gave the value. Where neither
    `hess` nor `hessp` is, "Newton-CG", "trust-ncg" and "trust-krylov" get products with the Hessian, "dogleg" and
    "trust-exact" the matrix, and "trust-constr" a sparse one from 100 unknowns on. Constraints get their Jacobians, and
    for "trust-constr" the Hessians of theirs, all dense or all sparse; one with `jac="2-point"`, SciPy's default, too.

    Of the result, `x` and `fun` are differentiable in args, in the bounds, in the `args` of constraints that are dicts,
    in `lb` and `ub` of a NonlinearConstraint, and in A, `lb` and `ub` of a LinearConstraint, in both modes and to any
    order. The multipliers that this takes are found at the solution. The derivative is as accurate as the minimiser:
    ask for a small `tol`. At a constraint that is met with no force on it, the derivative is that without it.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import minimize
    >>> def best(a):
    ...     return minimize(lambda x, a: np.sum((x - a) ** 2), np.zeros(2), args=(a,), bounds=[(0, 1), (0, 9)]).x
    >>> cr.jacobian(best)(np.array([2.0, 3.0]))  # the first is held by its bound
    array([[0., 0.],
           [0., 1.]])
    """
    what, args = "optimize.minimize", as_tuple(args)
    no_derivative(what, jac=jac, hess=hess, hessp=hessp, tol=tol, options=options)
    x0 = np.atleast_1d(start(x0, what))
    rows, of_rows, rebuilt = standard(bounds, constraints, what)

    def solver(args, of_rows):
        limits, tied = rebuilt(of_rows)
        problem = Objective((lambda x, *w: fun(x, *w)[0]) if jac is True else fun, args, what)
        if method is None:
            chosen = "slsqp" if tied else "bfgs" if limits is None else "l-bfgs-b"
        else:
            chosen = method if callable(method) else method.lower()
        given = supplied(problem, chosen, x0.size, jac, hess, hessp)
        tied, more = with_derivatives(tied, chosen, x0, what)
        found = original.minimize(
            fun if jac is True else problem.value if given["jac"] == problem.gradient else problem.plain_value,
            x0, args, method, bounds=limits, constraints=tied, tol=tol, callback=callback,
            options={**more, **(options or {})} or None, **given,
        )  # fmt: skip
        return found.x, found

    parameters = (args, of_rows)
    if not is_traced(parameters):
        return solver(*parameters)[1]

    def checked(args, of_rows):
        x, found = solver(args, of_rows)
        converged(what, found.success or accepted(found), found.message, parameters)
        return x, found

    def objective(x, args):
        y = fun(x, *args)
        return np.reshape(nested(y[0] if jac is True else y), ())

    x, found = minimizer(what, objective, rows, checked, parameters, TOLERANCE)
    return type(found)({**found, "x": x, "fun": objective(x, args)})


def accepted(found: Any) -> bool:
    """Whether a method that stopped for lack of precision had come to a stationary point all the same."""
    slope = getattr(found, "jac", None)
    return getattr(found, "status", None) == 2 and slope is not None and bool(np.max(np.abs(slope), initial=0) < 1e-4)


def supplied(problem: Objective, method: Any, size: int, jac: Any, hess: Any, hessp: Any) -> dict[str, Any]:
    """What SciPy's `minimize` is given for jac, hess and hessp, for this method."""
    custom = callable(method)
    if jac is None and (custom or method in GRADIENT):
        jac = problem.gradient
    if hess is None and hessp is None and not isinstance(jac, str):
        if custom or method in PRODUCTS:
            hessp = problem.hessp
        elif method in MATRIX:
            hess = problem.hessian
        elif method == "trust-constr":
            hess = problem.hessian if size < DENSE_BELOW else problem.sparse_hessian
    return {"jac": jac, "hess": hess, "hessp": hessp}


# ---- constraints -----------------------------------------------------------------------------------------------------


def standard(bounds: Any, constraints: Any, what: str) -> tuple[list[Rows], list[Any], Any]:
    """Bounds and constraints as rows, their parameters, and how SciPy's form of them comes from plain parameters."""
    kinds = [Limits(bounds)] if bounds is not None else []
    several = isinstance(constraints, list | tuple) or (not isinstance(constraints, dict) and np.iterable(constraints))
    for one in constraints if several else [constraints]:
        kinds.append(constraint(one, what))

    def rebuilt(of_rows: Sequence[Any]) -> tuple[Any, list[Any]]:
        plain = [kind.rebuilt(w) for kind, w in zip(kinds, of_rows, strict=True)]
        return (plain[0], plain[1:]) if bounds is not None else (None, plain)

    return [Rows(kind.value, kind.ends) for kind in kinds], [kind.parameters for kind in kinds], rebuilt


class Limits:
    """Bounds on the unknowns themselves."""

    def __init__(self, bounds: Any):
        self.keep: Any = None
        if isinstance(bounds, scipy.optimize.Bounds):
            lower, upper, self.keep = bounds.lb, bounds.ub, bounds.keep_feasible
        else:
            pairs = [tuple(pair) for pair in bounds]
            lower = nested([-np.inf if low is None else low for low, _ in pairs])
            upper = nested([np.inf if high is None else high for _, high in pairs])
        self.parameters = (lower, upper)

    def value(self, x: Any, w: Any) -> Any:
        return x

    def ends(self, w: Any) -> Any:
        return w

    def rebuilt(self, w: Any) -> Any:
        return original.Bounds(*w) if self.keep is None else original.Bounds(*w, self.keep)


class Linear:
    """A LinearConstraint."""

    def __init__(self, given: Any):
        self.given = given
        self.parameters = (given.A, given.lb, given.ub)

    def value(self, x: Any, w: Any) -> Any:
        A = self.given.A if scipy.sparse.issparse(self.given.A) else w[0]
        return A @ x

    def ends(self, w: Any) -> Any:
        return w[1:]

    def rebuilt(self, w: Any) -> Any:
        return original.LinearConstraint(*w, keep_feasible=self.given.keep_feasible)


class Nonlinear:
    """A NonlinearConstraint."""

    def __init__(self, given: Any):
        self.given = given
        self.parameters = (given.lb, given.ub)

    def value(self, x: Any, w: Any) -> Any:
        return self.given.fun(x)

    def ends(self, w: Any) -> Any:
        return w

    def rebuilt(self, w: Any) -> Any:
        old = self.given
        sparsity = old.finite_diff_jac_sparsity
        return original.NonlinearConstraint(
            old.fun, *w, old.jac, old.hess, old.keep_feasible, old.finite_diff_rel_step, sparsity
        )


class Dictionary:
    """A constraint as a dict: type "eq" or "ineq", fun, jac, args."""

    def __init__(self, given: dict[str, Any]):
        self.given = given
        self.parameters = as_tuple(given.get("args", ()))

    def value(self, x: Any, w: Any) -> Any:
        return self.given["fun"](x, *w)

    def ends(self, w: Any) -> Any:
        return 0.0, 0.0 if self.given["type"].lower() == "eq" else np.inf

    def rebuilt(self, w: Any) -> Any:
        return {**self.given, "args": w}


def constraint(given: Any, what: str) -> Any:
    if isinstance(given, dict):
        return Dictionary(given)
    if isinstance(given, scipy.optimize.LinearConstraint):
        return Linear(given)
    if isinstance(given, scipy.optimize.NonlinearConstraint):
        return Nonlinear(given)
    raise TypeError(f"scipy.{what}: a constraint is a dict, a LinearConstraint or a NonlinearConstraint; got {given!r}")


def with_derivatives(tied: Any, method: Any, x0: np.ndarray, what: str) -> tuple[Any, dict[str, Any]]:
    """The constraints with Jacobians and, for trust-constr, Hessians; and the options that belong to them."""
    if method not in ("slsqp", "trust-constr"):
        return tied, {}
    sparse = method == "trust-constr" and x0.size >= DENSE_BELOW
    out: list[Any] = []
    for given in tied:
        if isinstance(given, dict) and given.get("jac") is None:
            f = Residuals(given["fun"], given["args"], what, "jac to this constraint")
            if method == "slsqp":
                out.append({**given, "fun": f.value, "jac": f.jacobian})
            else:
                lower, upper = Dictionary(given).ends(())
                out.append(exact(original.NonlinearConstraint(f, lower, upper), method, sparse, what))
        elif isinstance(given, scipy.optimize.NonlinearConstraint) and given.jac == "2-point":
            out.append(exact(given, method, sparse, what))
        else:
            out.append(given)
    return out, {"sparse_jacobian": sparse} if method == "trust-constr" and out else {}


def exact(given: Any, method: str, sparse: bool, what: str) -> Any:
    """A NonlinearConstraint with its derivatives."""
    f = Residuals(given.fun, (), what, 'jac="3-point" to this constraint')

    hess = hessian(lambda x, v: np.sum(f(x) * v), sparse=sparse)

    default = type(given.hess) is scipy.optimize.BFGS and method == "trust-constr"
    jac = f.sparse_jacobian if sparse else f.jacobian
    return original.NonlinearConstraint(
        f.value, given.lb, given.ub, jac, hess if default else given.hess, given.keep_feasible
    )


# ---- of a number -----------------------------------------------------------------------------------------------------


@standing_for(scipy.optimize.minimize_scalar)
def minimize_scalar(fun, bracket=None, bounds=None, args=(), method=None, tol=None, options=None):
    """A minimiser of a function of a number, with derivatives.

    SciPy's methods take no derivative here. Of the result, `x` and `fun` are differentiable in args and in the bounds,
    as those of :func:`minimize` are; what brackets the minimum has the derivative zero.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import minimize_scalar
    >>> cr.grad(lambda a: minimize_scalar(lambda x, a: x**2 - 2 * a * x, args=(a,)).x)(3.0)
    np.float64(1.0)
    """
    what, args = "optimize.minimize_scalar", as_tuple(args)
    no_derivative(what, tol=tol, options=options)
    bracket = plain_tree(bracket, what)

    def solver(args, of_rows):
        limits = of_rows[0] if of_rows else None
        found = original.minimize_scalar(
            lambda x, *w: scalar(fun(x, *w), what), bracket, limits, args, method, tol, options
        )
        if is_traced(parameters):
            converged(what, found.success, getattr(found, "message", ""), parameters)
        return np.reshape(np.asarray(found.x, float), (1,)), found

    parameters = (args, [] if bounds is None else [tuple(bounds)])
    if not is_traced(parameters):
        return solver(*parameters)[1]

    def objective(x, args):
        return np.reshape(nested(fun(x[0], *args)), ())

    rows = [ON_UNKNOWNS] if bounds is not None else []
    x, found = minimizer(what, objective, rows, solver, parameters, TOLERANCE)
    return type(found)({**found, "x": x[0], "fun": objective(x, args)})

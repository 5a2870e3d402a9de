"""Least squares: exact Jacobians for SciPy's methods, and the derivatives of the fit in data and settings."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from ...core.trace import is_traced
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import refuse
from ...transforms.reverse import grad
from .derivatives import Residuals, no_derivative, plain_tree, standing_for, start
from .minimization import TOLERANCE
from .roots import converged
from .stationary import Rows, minimizer

SPARSE_FROM = 500
"""Unknowns from which the Jacobian is sparse: below, SciPy's dense factorisation is faster than its iteration"""

LOSSES: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.where(z <= 1, 1.0, z)) - 1),
    "cauchy": lambda z: np.log1p(z),
    "arctan": lambda z: np.arctan(z),
}
"""What SciPy's losses make of a squared residual"""


@standing_for(scipy.optimize.least_squares)
def least_squares(
    fun, x0, jac="2-point", bounds=(-np.inf, np.inf), method="trf", ftol=1e-8, xtol=1e-8, gtol=1e-8, x_scale=None,
    loss="linear", f_scale=1.0, diff_step=None, tr_solver=None, tr_options=None, jac_sparsity=None, max_nfev=None,
    verbose=0, args=(), kwargs=None, **more,
):  # fmt: skip
    """A minimiser of a sum of squares, or of a robust loss of them, found with the exact Jacobian, and with derivatives.

    Where `jac` is not given ("2-point", SciPy's default), it is the exact one: a dense array below 500 unknowns, or where
    the method takes no other ("lm", or tr_solver="exact"), a sparse matrix above; `jac_sparsity` is not needed then.

    Of the result, `x`, `fun` and `cost` are differentiable in args and kwargs, in the bounds and in f_scale, in both
    modes and to any order. It is the derivative of the true minimiser: the curvature of the residuals is in it, which
    Gauss and Newton leave out.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import least_squares
    >>> t = np.arange(4.0)
    >>> def rate(y):
    ...     return least_squares(lambda p, y: p[0] * np.exp(-p[1] * t) - y, np.ones(2), args=(y,), gtol=1e-13).x[1]
    >>> cr.grad(rate)(2 * np.exp(-0.5 * t))
    array([ 0.26491681, -0.15602631, -0.28672694, -0.29041848])
    """
    what = "optimize.least_squares"
    no_derivative(what, x_scale=x_scale, ftol=ftol, xtol=xtol, gtol=gtol, diff_step=diff_step)
    x0 = np.atleast_1d(start(x0, what))
    more = {k: v for k, v in more.items() if v is not None}
    exact_jac = jac is None or (isinstance(jac, str) and jac == "2-point")
    ends = (bounds.lb, bounds.ub) if isinstance(bounds, scipy.optimize.Bounds) else tuple(bounds)

    def solver(parameters, of_rows):
        args, kwargs, f_scale = parameters
        f = Residuals(fun, tuple(args), what, 'jac="3-point"', kwargs)
        given, sparsity = jac, jac_sparsity
        if exact_jac:
            dense = method == "lm" or tr_solver == "exact" or x0.size < SPARSE_FROM
            given, sparsity = f.jacobian if dense else f.sparse_jacobian, None
        elif callable(jac):
            given = lambda x: jac(x, *args, **kwargs)  # noqa: E731
        limits = of_rows[0] if of_rows else (-np.inf, np.inf)
        found = scipy.optimize.least_squares(
            f.value, x0, given, limits, method, ftol, xtol, gtol, 1.0 if x_scale is None else x_scale, loss, f_scale,
            diff_step, tr_solver, tr_options or {}, sparsity, max_nfev, verbose, **more,
        )  # fmt: skip
        return found.x, found

    bounded = is_traced(ends) or not all(np.isinf(np.asarray(end)).all() for end in ends)
    parameters = ((tuple(args), kwargs or {}, f_scale), [ends] if bounded else [])
    if not is_traced(parameters):
        return solver(*parameters)[1]

    def residuals(x, parameters):
        args, kwargs, _ = parameters
        return np.ravel(nested(fun(x, *args, **kwargs)))

    rho = loss_of(loss, what)

    def cost(x, parameters):
        f_scale = parameters[2]
        return 0.5 * np.sum(rho((residuals(x, parameters) / f_scale) ** 2)) * f_scale**2

    def checked(parameters, of_rows):
        x, found = solver(parameters, of_rows)
        converged(what, found.success, found.message, args_traced)
        return x, found

    args_traced = parameters
    rows = [Rows(lambda x, w: x, lambda w: w)] if bounded else []
    x, found = minimizer(what, cost, rows, checked, parameters, TOLERANCE)
    changed = {"x": x, "fun": residuals(x, parameters[0]), "cost": cost(x, parameters[0])}
    return type(found)({**found, **changed})


def loss_of(loss: Any, what: str) -> Callable[[Any], Any]:
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    if callable(loss):
        return lambda z: loss(z)[0]
    raise ValueError(f"scipy.{what}: loss is one of {', '.join(LOSSES)}, or a function; got {loss!r}")

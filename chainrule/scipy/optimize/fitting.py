"""Least squares: exact Jacobians for SciPy's methods, and the derivatives of the fit in data and settings."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from ...core.trace import is_traced
from ...jacobians.jacobian import jacobian
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import refuse
from ..namespace import standing_for, untraced
from .derivatives import Residuals, no_derivative, original, start
from .minimization import TOLERANCE
from .roots import converged
from .stationary import ends_of, held_by, minimizer

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
    fun, x0, jac: Any = "2-point", bounds=(-np.inf, np.inf), method="trf", ftol=1e-8, xtol=1e-8, gtol=1e-8,
    x_scale=None, loss="linear", f_scale=1.0, diff_step=None, tr_solver=None, tr_options=None, jac_sparsity=None,
    max_nfev=None, verbose=0, args=(), kwargs=None, **more,
):  # fmt: skip
    """A minimiser of a sum of squares, or of a robust loss of them, with the exact Jacobian, and with derivatives.

    Where `jac` is not given ("2-point", SciPy's default), it is the exact one: a dense array below 500 unknowns, or
    where the method takes no other ("lm", or tr_solver="exact"); a sparse matrix above. `jac_sparsity` is not needed.

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
    more = {k: v for k, v in {**more, "x_scale": x_scale}.items() if v is not None}
    exact_jac = jac is None or (isinstance(jac, str) and jac == "2-point")
    ends = ends_of(bounds)

    def solver(parameters, of_rows):
        args, kwargs, f_scale = parameters
        f = Residuals(fun, tuple(args), what, 'jac="3-point"', kwargs)
        given: Any = jac
        sparsity = jac_sparsity
        if exact_jac:
            dense = method == "lm" or tr_solver == "exact" or x0.size < SPARSE_FROM
            given, sparsity = f.jacobian if dense else f.sparse_jacobian, None
        elif not isinstance(jac, str):
            user: Any = jac
            given = lambda x: user(x, *args, **kwargs)  # noqa: E731
        limits = of_rows[0] if of_rows else (-np.inf, np.inf)
        found = original.least_squares(
            f.value, x0, given, limits, method, ftol, xtol, gtol, loss=loss, f_scale=f_scale, diff_step=diff_step,
            tr_solver=tr_solver, tr_options=tr_options or {}, jac_sparsity=sparsity, max_nfev=max_nfev,
            verbose=verbose, **more,
        )  # fmt: skip
        return found.x, found

    rows, of_rows = held_by(ends)
    parameters = ((tuple(args), kwargs or {}, f_scale), of_rows)
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
    x, found = minimizer(what, cost, rows, checked, parameters, TOLERANCE)
    changed = {"x": x, "fun": residuals(x, parameters[0]), "cost": cost(x, parameters[0])}
    return type(found)({**found, **changed})


def loss_of(loss: Any, what: str) -> Callable[[Any], Any]:
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    if not isinstance(loss, str):
        return lambda z: loss(z)[0]
    raise ValueError(f"scipy.{what}: loss is one of {', '.join(LOSSES)}, or a function; got {loss!r}")


@standing_for(scipy.optimize.curve_fit)
def curve_fit(
    f, xdata, ydata, p0=None, sigma=None, absolute_sigma=False, check_finite=None, bounds=(-np.inf, np.inf),
    method=None, jac: Any = None, *, full_output=False, nan_policy=None, **kwargs,
):  # fmt: skip
    """Parameters of the curve f(x, *p) through data, and their covariance, found with the exact Jacobian.

    Parameters and covariance are differentiable in xdata, ydata, sigma and bounds, in both modes and to any order.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import curve_fit
    >>> x = np.arange(4.0)
    >>> cr.jacobian(lambda y: curve_fit(lambda x, a, b: a * x + b, x, y)[0])(2 * x + 1)  # the line through points
    array([[-0.3, -0.1,  0.1,  0.3],
           [ 0.7,  0.4,  0.1, -0.2]])
    """
    what = "optimize.curve_fit"
    no_derivative(what, jac=jac)
    ends = ends_of(bounds)
    p0 = None if p0 is None else start(p0, what)

    @functools.wraps(f)
    def curve(x, *p):
        return untraced(nested(f(x, *p)), what)

    def slopes(x, *p):
        return Residuals(lambda p: nested(f(x, *p)), (), what, 'jac="3-point"').jacobian(np.array(p, float))

    def fit(xdata, ydata, sigma, ends):
        return original.curve_fit(
            curve, xdata, ydata, p0, sigma, absolute_sigma, check_finite, ends, method, slopes if jac is None else jac,
            full_output=True, nan_policy=nan_policy, **kwargs,
        )  # fmt: skip

    if not is_traced((xdata, ydata, sigma, ends)):
        found = fit(xdata, ydata, sigma, ends)
        return found if full_output else found[:2]
    if nan_policy == "omit":
        raise refuse(what, 'nan_policy="omit" has no derivative: leave the missing data out')
    rows, of_rows = held_by(ends)
    ydata = nested(ydata)
    parameters = (
        (nested(xdata) if isinstance(xdata, list | tuple) else xdata, ydata, sigma),
        of_rows,
    )

    def residuals(p, args):
        xdata, ydata, sigma = args
        r = np.ravel(nested(f(xdata, *p)) - ydata)
        if sigma is None:
            return r
        sigma = nested(sigma)
        return np.linalg.solve(np.linalg.cholesky(sigma), r) if sigma.ndim == 2 else r / sigma

    def solver(args, of_rows):
        xdata, ydata, sigma = args
        p, *report = fit(xdata, ydata, sigma, of_rows[0] if of_rows else ends)
        return p, report

    half = lambda p, args: 0.5 * np.sum(residuals(p, args) ** 2)  # noqa: E731
    p, report = minimizer(what, half, rows, solver, parameters, TOLERANCE)
    J = jacobian(lambda p: residuals(p, parameters[0]))(p)
    covariance = np.linalg.inv(J.T @ J)
    if not absolute_sigma:
        freedom = ydata.size - p.size
        if freedom <= 0:
            raise ValueError(f"scipy.{what}: a covariance needs more data ({ydata.size}) than parameters ({p.size})")
        covariance = covariance * (2 * half(p, parameters[0]) / freedom)
    return (p, covariance, *report[1:]) if full_output else (p, covariance)

"""Roots and fixed points: exact Jacobians for SciPy's solvers, and the derivatives of what they find.

A root x of f(x, w) = 0 has the derivative -(df/dx)⁻¹ df/dw, whatever has found it (implicit/solutions.py).
"""

import functools
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse.linalg

from ...core.trace import is_traced
from ...implicit.functions import Call
from ...implicit.linear import LinearSolver
from ...jacobians.operators import linear_operator
from ...ops.signatures.creation import nested
from ...transforms.forward import jvp
from ..namespace import leaked, standing_for
from .derivatives import Residuals, as_tuple, differentiated, no_derivative, original, plain_tree, start

TOLERANCE = 1e-3
"""How far from a root a result may be, of which a derivative is asked, relative to 1 + max|x|"""


def solved(what: str, equations: Callable[..., Any], solver: Callable[..., Any], args: Any) -> tuple[Any, Any]:
    """What `solver(*args) -> (x, report)` finds, with the derivatives in args of the root of `equations(x, *args)`."""
    if not is_traced(args):
        return solver(*args)
    who = f"scipy.{what}"
    return Call(who, equations, solver, LinearSolver(who=who), TOLERANCE, True)(*args)


def converged(what: str, success: bool, message: Any, args: Any) -> None:
    """Raises if a derivative is asked of what is no root."""
    if is_traced(args) and not success:
        raise RuntimeError(f"scipy.{what}: it did not converge, so there is no root to differentiate: {message}")


@standing_for(scipy.optimize.root)
def root(fun, x0, args=(), method="hybr", jac=None, tol=None, callback=None, options=None):
    """A root of a vector function, with its exact Jacobian, and with derivatives.

    The methods "hybr" and "lm" are given the Jacobian of `fun` if `jac` is not, and "krylov" products with it, which
    SciPy would take by differences; the others take neither. For many unknowns
    see :func:`chainrule.newton`. Of the result, `x` is differentiable in args, which may hold arrays, numbers, and
    trees of them, in both modes and to any order; x0 has the derivative zero, and the rest is constant. What fun uses
    of traced values must be in args.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import root
    >>> def solve(a):
    ...     return root(lambda x, a: [x[0] + x[1] - a, x[0] - x[1] ** 2], np.ones(2), args=(a,)).x
    >>> cr.jacobian(solve)(2.0)  # at x = (1, 1)
    array([0.66666667, 0.33333333])
    """
    what, args = "optimize.root", as_tuple(args)
    no_derivative(what, jac=jac, tol=tol, options=options)
    x0 = start(x0, what)

    def solver(*w):
        f = Residuals(fun, w, what, 'jac="2-point"')
        given = jac
        if jac is None and str(method).lower() in ("hybr", "lm"):
            given = f.jacobian
        elif jac == "2-point":
            given = None
        of_fun, chosen = fun if jac is True else f.value, options
        if str(method).lower() == "krylov" and "method" not in (options or {}).get("jac_options", {}):
            products = ExactProducts(f)
            of_fun, chosen = products.value, with_products(options or {}, products)
        found = original.root(of_fun, x0, w, method, given, tol, callback, chosen)
        converged(what, found.success, found.message, args)
        return found.x, found

    def equations(x, *w):
        y = fun(x, *w)
        return nested(y[0] if jac is True else y)

    x, found = solved(what, equations, solver, args)
    return type(found)({**found, "x": x})


class ExactProducts:
    """The inner iteration of the method "krylov", with exact products in the place of differences.

    SciPy hands over its operator of differences and the right-hand side, which is f at the place in question.
    """

    def __init__(self, f: Residuals):
        self.f = f
        self.places: deque[tuple[Any, Any]] = deque(maxlen=4)
        self.outer: list[Any] = []  # directions that LGMRES carries on from one step to the next

    def value(self, x: Any, *args: Any) -> np.ndarray:
        y = self.f.value(x)
        self.places.append((np.array(x, float), np.ravel(y)))
        return y

    def solve(self, operator: Any, b: np.ndarray, **options: Any) -> Any:
        x = next((x for x, y in reversed(self.places) if np.array_equal(y, b)), None)
        exact = operator if x is None else linear_operator(self.f, x)
        kept = {"outer_v": self.outer, "prepend_outer_v": True, "store_outer_Av": False, "outer_k": 10, "atol": 0}
        return scipy.sparse.linalg.lgmres(exact, b, **{**kept, **options, "maxiter": 1})


def with_products(options: dict[str, Any], products: ExactProducts) -> dict[str, Any]:
    """The options, with the inner iteration among them; SciPy reads its signature."""

    @functools.wraps(scipy.sparse.linalg.lgmres)
    def solve(operator, b, **options):
        return products.solve(operator, b, **options)

    return {**options, "jac_options": {**options.get("jac_options", {}), "method": solve}}


@standing_for(scipy.optimize.fsolve)
def fsolve(
    func, x0, args=(), fprime=None, full_output=0, col_deriv=0, xtol=1.49012e-8, maxfev=0, band=None, epsfcn=None,
    factor=100, diag=None,
):  # fmt: skip
    """A root of a vector function by MINPACK's hybrd and hybrj, with its exact Jacobian; differentiable as `root` is.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import fsolve
    >>> cr.grad(lambda a: fsolve(lambda x, a: x**2 - a, 1.0, args=(a,))[0])(4.0)
    np.float64(0.25)
    """
    what, args = "optimize.fsolve", as_tuple(args)
    no_derivative(what, fprime=fprime, xtol=xtol, epsfcn=epsfcn, factor=factor, diag=diag)
    x0 = start(x0, what)

    def solver(*w):
        f = Residuals(func, w, what, "epsfcn=1e-16")
        exact = fprime is None and band is None and epsfcn is None
        x, *report = original.fsolve(
            f.value, x0, w, f.jacobian if exact else fprime, True, col_deriv and not exact, xtol, maxfev, band, epsfcn,
            factor, diag,
        )  # fmt: skip
        _, code, message = report
        converged(what, code == 1, message, args)
        if code != 1 and not full_output:  # as SciPy does where it is not asked for the full output
            warnings.warn(str(message), RuntimeWarning, stacklevel=5)
        return x, report

    x, report = solved(what, lambda x, *w: nested(func(x, *w)), solver, args)
    return (x, *report) if full_output else x


# ---- functions of a number -------------------------------------------------------------------------------------------


def slope(f: Callable[..., Any], what: str, option: str, order: int = 1) -> Callable[..., Any]:
    """The derivative of f(x, *args) in x, a number or an array whose elements are equations of their own."""

    @differentiated(what, option)
    def derivative(x, *args):
        x = np.asarray(x)
        x = x.astype(float) if x.dtype.kind not in "fc" else x
        y, t = jvp(lambda x: nested(f(x, *args)), (x,), (np.ones(x.shape, x.dtype),))
        if is_traced((y, t)):
            raise leaked(what)
        return t

    return derivative if order == 1 else slope(derivative_of(f), what, option, order - 1)


def derivative_of(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *args: jvp(lambda x: nested(f(x, *args)), (x,), (np.ones(np.shape(x)),))[1]


@standing_for(scipy.optimize.root_scalar)
def root_scalar(
    f, args=(), method=None, bracket=None, fprime=None, fprime2=None, x0=None, x1=None, xtol=None, rtol=None,
    maxiter=None, options=None,
):  # fmt: skip
    """A root of a function of a number, with derivatives.

    The methods "newton" and "halley" get the derivatives of `f` that are not given; without a method, from x0 alone, it
    is Newton's. Of the result, `root` is differentiable in args as `root` is.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import root_scalar
    >>> cr.grad(lambda a: root_scalar(lambda x, a: x**3 - a, args=(a,), bracket=[0, 9]).root)(8.0)
    np.float64(0.083333333)
    """
    what, args = "optimize.root_scalar", as_tuple(args)
    no_derivative(what, fprime=fprime, fprime2=fprime2)
    bracket, x0, x1 = (plain_tree(v, what) for v in (bracket, x0, x1))
    if method is None and bracket is None and x0 is not None and x1 is None and not fprime and not fprime2:
        method = "newton"
    first, second = fprime, fprime2
    if method in ("newton", "halley") and fprime is None:
        first = slope(f, what, 'method="secant"')
    if method == "halley" and fprime2 is None:
        second = slope(f, what, 'method="secant"', 2)

    def solver(*w):
        found = original.root_scalar(
            lambda x: scalar(f(x, *w), what) if fprime is not True else f(x, *w),
            (), method, bracket, bound(first, w), bound(second, w), x0, x1, xtol, rtol, maxiter, options,
        )  # fmt: skip
        converged(what, found.converged, found.flag, args)
        return np.float64(found.root), found

    def equation(x, *w):
        y = f(x, *w)
        return y[0] if fprime is True else y

    x, found = solved(what, equation, solver, args)
    if is_traced(x):
        found.root = x
    return found


def bound(f: Any, w: tuple[Any, ...]) -> Any:
    return (lambda x: f(x, *w)) if callable(f) else f


def scalar(y: Any, what: str) -> Any:
    if is_traced(y):
        raise leaked(what)
    return y


def _bracketed(name: str) -> Callable[..., Any]:
    find_root = getattr(original, name)
    what = f"optimize.{name}"

    @standing_for(find_root)
    def find(f, a, b, args=(), **options):
        args = as_tuple(args)
        a, b = plain_tree((a, b), what)
        full_output = options.pop("full_output", False)

        def solver(*w):
            x, report = find_root(lambda x: scalar(f(x, *w), what), a, b, full_output=True, **options)
            converged(what, report.converged, report.flag, args)
            return np.float64(x), report

        if not is_traced(args):
            return find_root(lambda x: scalar(f(x, *args), what), a, b, full_output=full_output, **options)
        x, report = solved(what, f, solver, args)
        return (x, report) if full_output else x

    find.__name__ = find.__qualname__ = name
    find.__doc__ = f"""A root of f(x, *args) between a and b, by SciPy's {name}; differentiable in args as `root` is.

    The ends of the interval have the derivative zero.
    """
    return find


bisect, brenth, brentq, ridder, toms748 = map(_bracketed, ("bisect", "brenth", "brentq", "ridder", "toms748"))


@standing_for(scipy.optimize.newton)
def newton(
    func, x0, fprime=None, args=(), tol=1.48e-8, maxiter=50, fprime2=None, x1=None, rtol=0.0, full_output=False,
    disp=True,
):  # fmt: skip
    """A root of a function of a number, or of each element of an array, by Newton's method with the exact derivative.

    Where neither `fprime` nor `x1` is given, SciPy would use the secant method; here it is given the derivative.
    Differentiable in args as `root` is.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import newton
    >>> cr.jacobian(lambda a: newton(lambda x, a: x**2 - a, np.ones(2), args=(a,)))(np.array([4.0, 9.0]))
    array([[0.25      , 0.        ],
           [0.        , 0.16666667]])
    """
    what, args = "optimize.newton", as_tuple(args)
    no_derivative(what, fprime=fprime, fprime2=fprime2, x1=x1, tol=tol)
    x0 = start(x0, what)[()]
    if fprime is None and x1 is None:
        fprime = slope(func, what, "x1, which makes it the secant method")

    def solver(*w):
        x, *report = original.newton(
            lambda x, *w: scalar(func(x, *w), what), x0, fprime, w, tol, maxiter, fprime2, x1, rtol, True, disp
        )
        flags = np.all(report[0].converged if np.ndim(x) == 0 else report[0])
        converged(what, bool(flags), "more iterations are needed, or another start", args)
        return np.asarray(x)[()], report

    if not is_traced(args):
        f = lambda x, *w: scalar(func(x, *w), what)  # noqa: E731
        return original.newton(f, x0, fprime, args, tol, maxiter, fprime2, x1, rtol, full_output, disp)
    x, report = solved(what, lambda x, *w: nested(func(x, *w)), solver, args)
    return (x, *report) if full_output else x


@standing_for(scipy.optimize.fixed_point)
def fixed_point(func, x0, args=(), xtol=1e-8, maxiter=500, method="del2"):
    """A fixed point x = func(x, *args), of each element or of all together; differentiable in args as `root` is.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.optimize import fixed_point
    >>> cr.grad(lambda a: fixed_point(lambda x, a: np.sqrt(x + a), 1.0, args=(a,)))(2.0)  # x = 2: 1 / (2 x - 1)
    np.float64(0.33333333)
    """
    what, args = "optimize.fixed_point", as_tuple(args)
    x0 = start(x0, what)

    def solver(*w):
        f = lambda x, *w: scalar(nested(func(x, *w)), what)  # noqa: E731
        return np.asarray(original.fixed_point(f, x0, w, xtol, maxiter, method)), None

    x, _ = solved(what, lambda x, *w: x - nested(func(x, *w)), solver, args)
    return x[()]

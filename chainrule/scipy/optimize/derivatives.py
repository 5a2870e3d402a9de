"""Functions that a user passes to an optimiser, with the derivatives that SciPy asks for, in the format that it takes.

SciPy asks for the value, the gradient and the Hessian at the same place one after the other, each by a call of its own.
The value and the gradient share one pass here: the first leaves the tape, the second walks back.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from ...core.errors import LostGradientError, MissingRuleError, user_line
from ...core.trace import Tracer, concrete, frozen, is_traced
from ...implicit.factors import DENSE_BELOW
from ...jacobians.jacobian import hessian, jacobian
from ...jacobians.passes import Passes
from ...ops.signatures.creation import nested
from ...transforms.forward import linearize
from ...transforms.reverse import grad
from ..namespace import leaked, untraced

original: Any = scipy.optimize
"""SciPy's own functions; type checkers would guess the types of their arguments from the defaults."""


def as_tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def plain_tree(x: Any, what: str) -> Any:
    """Tuples, lists and dicts with the plain values of the traced arrays in them."""
    if isinstance(x, tuple | list):
        return type(x)(plain_tree(v, what) for v in x)
    if isinstance(x, dict):
        return {k: plain_tree(v, what) for k, v in x.items()}
    return concrete(x, what) if isinstance(x, Tracer) else x


def start(x0: Any, what: str) -> np.ndarray:
    """A starting point: its derivative is zero, so its plain value; whole numbers become floating point ones."""
    x0 = np.asarray(concrete(frozen(nested(x0)), f"{what}: the starting point"))
    return x0.astype(float) if x0.dtype.kind in "iub" else x0


def differentiated(what: str, option: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds to an error of ours what else the user of this function of SciPy's can do: name `option`."""

    def enter(method):
        @functools.wraps(method)
        def tried(*args, **kwargs):
            try:
                return method(*args, **kwargs)
            except (LostGradientError, MissingRuleError) as error:
                error.add_note(f"scipy.{what}: or pass {option}, and SciPy takes finite differences instead.")
                raise

        return tried

    return enter


class Objective:
    """A real function of a vector: value, gradient, Hessian and products with it, all at plain vectors."""

    def __init__(self, fun: Callable[..., Any], args: tuple[Any, ...], what: str, option: str = 'jac="2-point"'):
        self.fun, self.args, self.what = fun, args, what
        self.sparse = hessian(self, sparse=True)
        self.slope: Any = None  # (x, products with the Hessian there)
        self.at = differentiated(what, option)(Passes(self, lambda _: leaked(what)).at)

    def __call__(self, x: Any) -> Any:
        """The value, a number; x may be traced."""
        y = nested(self.fun(x, *self.args))
        if y.size != 1:
            raise ValueError(
                f"scipy.{self.what}: the objective must be a single number; an array of shape {y.shape} was returned"
            )
        return y if y.shape == () else np.reshape(y, ())

    def value(self, x: np.ndarray, *args: Any) -> Any:
        return self.at(x)[0]

    def plain_value(self, x: np.ndarray, *args: Any) -> Any:
        """The value for a method that asks for no gradient."""
        return untraced(nested(self.fun(x, *self.args)), self.what)

    def gradient(self, x: np.ndarray, *args: Any) -> Any:
        y, pullback = self.at(x)
        return pullback(np.ones((), y.dtype))[0]

    def hessian(self, x: np.ndarray, *args: Any) -> Any:
        return hessian(self)(x)

    def sparse_hessian(self, x: np.ndarray, *args: Any) -> Any:
        return self.sparse(x)

    def hessp(self, x: np.ndarray, v: np.ndarray, *args: Any) -> Any:
        """The Hessian times v; solvers ask for many products at one x, so the gradient is linearised once there."""
        last = self.slope
        if last is None or not np.array_equal(last[0], x, equal_nan=True):
            last = self.slope = x.copy(), linearize(grad(self), x)[1]
        return last[1](v)


class Residuals:
    """A vector function of a vector: value and Jacobian, dense or sparse, at plain vectors; the last value is kept."""

    def __init__(self, fun: Callable[..., Any], args: tuple[Any, ...], what: str, option: str, kwargs: Any = None):
        self.fun, self.args, self.kwargs, self.what = fun, args, kwargs or {}, what
        self.last: Any = None  # (x, value)
        self.sparse = jacobian(self.vector, sparse=True)
        self.jacobian = differentiated(what, option)(self.jacobian)
        self.sparse_jacobian = differentiated(what, option)(self.sparse_jacobian)

    def __call__(self, x: Any) -> Any:
        """The value as a vector; x may be traced."""
        y = nested(self.fun(x, *self.args, **self.kwargs))
        return y if y.ndim else np.reshape(y, (1,))

    def vector(self, x: Any) -> Any:
        return np.ravel(self(x))

    def value(self, x: Any, *args: Any) -> np.ndarray:
        last = self.last
        if last is None or not np.array_equal(last[0], x, equal_nan=True):
            last = self.last = np.array(x), untraced(self(x), self.what)
        return last[1]

    def jacobian(self, x: np.ndarray, *args: Any) -> np.ndarray:
        return untraced(jacobian(self.vector)(x), self.what)

    def sparse_jacobian(self, x: np.ndarray, *args: Any) -> Any:
        return self.sparse(x)

    def fitting(self, size: int, dense_below: int = DENSE_BELOW) -> Callable[..., Any]:
        """The dense or the sparse Jacobian, by the number of unknowns."""
        return self.jacobian if size < dense_below else self.sparse_jacobian


def no_derivative(what: str, **options: Any) -> None:
    """Raises if one of these, which have no derivative, is traced."""
    for name, value in options.items():
        if is_traced(value):
            raise MissingRuleError(
                f"scipy.{what}: no derivative in {name} (at {user_line()}): pass chainrule.stop_gradient({name})"
            )

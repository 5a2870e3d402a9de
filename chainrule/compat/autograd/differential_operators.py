"""Derivatives of functions, by autograd's names: each takes a function and returns a function.

What `@unary_to_nary` stands above is called `op(fun, argnum=0)`; with a tuple for argnum the derivative is a tuple.
"""

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr

from . import core
from .conventions import conjugated
from .core import VSpace as VSpace, defvjp_argnum as defvjp_argnum, primitive as primitive, vspace
from .wrap_util import unary_to_nary

make_vjp = unary_to_nary(core.make_vjp)
make_jvp = unary_to_nary(core.make_jvp)


def pull_ones(fun: Callable[..., Any], x: Any, accept: Callable[[VSpace], bool], error: str) -> tuple[Any, Any]:
    """fun(x), and the pullback of ones, if the value is acceptable."""
    vjp, ans = core.make_vjp(fun, x)
    space = vspace(ans)
    if not accept(space):
        raise TypeError(f"{error}; this one returned {space}")
    return ans, vjp(space.ones())


def value_and_gradient(fun: Callable[..., Any], x: Any) -> tuple[Any, Any]:
    error = "grad: the function must return a single real number. Try jacobian, elementwise_grad or holomorphic_grad"
    return pull_ones(fun, x, lambda space: space.size == 1, error)


@unary_to_nary
def value_and_grad(fun, x):
    """The value of a function that returns a single real number, and its gradient."""
    return value_and_gradient(fun, x)


@unary_to_nary
def grad(fun, x):
    """The gradient of a function that returns a single real number.

    With respect to a complex argument z = x + iy it is df/dx - i df/dy.

    Examples
    --------
    >>> from chainrule.compat.autograd import grad
    >>> grad(lambda x, y: x * y**2, argnum=(0, 1))(2.0, 3.0)
    (np.float64(9.0), np.float64(12.0))
    """
    return value_and_gradient(fun, x)[1]


@unary_to_nary
def elementwise_grad(fun, x):
    """The sum of each column of the Jacobian; of a function that works element by element, its derivative."""
    error = "elementwise_grad: the function must return real numbers"
    return pull_ones(fun, x, lambda space: not space.iscomplex, error)[1]


@unary_to_nary
def deriv(fun, x):
    """The sum of each row of the Jacobian, in forward mode."""
    return core.make_jvp(fun, x)(vspace(x).ones())[1]


@unary_to_nary
def jacobian(fun, x):
    """The Jacobian, of shape (shape of the result) + (shape of the argument)."""
    if not vspace(x).iscomplex:
        return cr.jacobian(fun)(x)
    y, pullback = cr.vjp(fun, x)
    if y.dtype.kind == "c":
        return cr.jacobian(fun)(x)
    (rows,) = cr.vmap(pullback)(np.eye(y.size).reshape(y.size, *y.shape))
    return np.conjugate(rows).reshape(y.shape + x.shape)


@unary_to_nary
def holomorphic_grad(fun, x):
    """The derivative of a holomorphic function that returns a single number."""
    if not vspace(x).iscomplex:
        warnings.warn("Input to holomorphic_grad is not complex", stacklevel=3)
    return grad(lambda x: np.real(fun(x)))(x)


def grad_named(fun, argname):
    """The gradient with respect to the argument of this name."""
    return grad(fun, list(inspect.signature(fun).parameters).index(argname))


@unary_to_nary
def hessian(fun, x):
    """The Hessian; of a function that returns an array, those of its elements."""
    return jacobian(jacobian(fun))(x)


@unary_to_nary
def make_hvp(fun, x):
    """A function that multiplies a vector with the Hessian at x, and the gradient there."""
    return core.make_vjp(grad(fun), x)


def hessian_tensor_product(fun, argnum=0):
    """The Hessian times a tensor, as a function of fun's arguments and, last, the tensor."""

    def product(*args, **kwargs):
        *args, tensor = args
        return make_jvp(grad(fun, argnum), argnum)(*args, **kwargs)(tensor)[1]

    return product


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun, argnum=0):
    """A tensor times the Jacobian, as a function of fun's arguments and, last, the tensor."""

    def contracted(*args, **kwargs):
        *args, tensor = args
        return np.tensordot(tensor, fun(*args, **kwargs), axes=np.ndim(tensor))

    return jacobian(contracted, argnum)


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun, x):
    """A function that multiplies a vector with the Jacobian at x, without evaluating fun again."""
    return cr.linearize(fun, x)[1]


def half_square(x):
    return 0.5 * np.sum(x**2, axis=-1)


def make_ggnvp(f, g=half_square, f_argnum=0):
    """A function that multiplies a vector with the generalised Gauss-Newton matrix of g(f(x)) at x."""

    @unary_to_nary
    def at(f, x):
        y, push = cr.linearize(f, x)
        vjp, _ = core.make_vjp(f, x)
        return lambda v: vjp(core.make_jvp(grad(g), y)(push(v))[1])

    return at(f, f_argnum)


@unary_to_nary
def grad_and_aux(fun, x):
    """The gradient of the first of two results of fun, and the second as it is."""
    ans, pullback, aux = cr.vjp(fun, x, has_aux=True)
    return conjugated(pullback(vspace(ans).ones())[0]), aux


def multigrad_dict(fun):
    """The gradients with respect to all arguments, as a dict by their names."""
    signature = inspect.signature(fun)

    def gradients(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        names = list(given.arguments)

        def of_values(*values):
            call = inspect.BoundArguments(signature, OrderedDict(zip(names, values, strict=True)))
            return fun(*call.args, **call.kwargs)

        found = grad(of_values, tuple(range(len(names))))(*given.arguments.values())
        return OrderedDict(zip(names, found, strict=True))

    return gradients


checkpoint = cr.checkpoint

"""Integrals of sampled functions, and of functions at fixed places: sums with weights."""

from typing import Any

import numpy as np
import scipy.integrate
import scipy.special

from ...core.trace import bind
from ...ops.control import check
from ...ops.signatures.tools import along, array, ndim, one_axis, plain
from ..namespace import instead_of


def distances(x: Any, y: Any, axis: int) -> Any:
    """The distances between the places `x`, one-dimensional or shaped as `y` is, along an axis of y."""
    x = array(x)
    if x.ndim not in (1, y.ndim):
        raise ValueError("If given, shape of x must be 1-D or the same as y.")
    if x.ndim == 1:
        x = np.reshape(x, tuple(-1 if i == axis else 1 for i in range(y.ndim)))
    if x.shape[axis] != y.shape[axis]:
        raise ValueError("If given, length of x along axis must be the same as y.")
    return np.diff(x, axis=axis)


def samples(y: Any, axis: int) -> tuple[Any, int]:
    y = array(y)
    return y, one_axis(axis, y.ndim)


@instead_of(scipy.integrate.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral by the trapezoidal rule; differentiable in y, x and dx.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import trapezoid
    >>> cr.grad(lambda y: trapezoid(y, dx=0.5))(np.ones(3))
    array([0.25, 0.5 , 0.25])
    """
    return np.trapezoid(y, x, dx, axis)


@instead_of(scipy.integrate.cumulative_trapezoid)
def cumulative_trapezoid(y, x=None, dx=1.0, axis=-1, initial=None):
    """The integrals up to each place by the trapezoidal rule; differentiable in y, x and dx."""
    y, axis = samples(y, axis)
    if y.shape[axis] == 0:
        raise ValueError("At least one point is required along `axis`.")
    if initial is not None and (ndim(initial) or plain(initial, "scipy.integrate.cumulative_trapezoid: initial") != 0):
        raise ValueError("`initial` must be `None` or `0`.")
    left, right = y[along(axis, slice(None, -1))], y[along(axis, slice(1, None))]
    sums = np.cumsum((dx if x is None else distances(x, y, axis)) * (right + left) / 2.0, axis=axis)
    if initial is None:
        return sums
    first = np.zeros((*sums.shape[:axis], 1, *sums.shape[axis + 1 :]), sums.dtype)
    return np.concatenate([first, sums], axis)


def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0: steps of no length add nothing."""
    return np.where(b != 0, a / np.where(b != 0, b, 1.0), 0.0)


def parabolas(y: Any, stop: int, h: Any, dx: Any, axis: int) -> Any:
    """Simpson's rule over the first `stop` intervals, an even number; `h` are their lengths, None if all are dx."""
    a, b, c = (y[along(axis, slice(k, stop + k, 2))] for k in range(3))
    if h is None:
        return np.sum(a + 4.0 * b + c, axis=axis) * (dx / 3.0)
    left, right = h[along(axis, slice(0, stop, 2))], h[along(axis, slice(1, stop, 2))]
    both, quotient = left + right, ratio(left, right)
    terms = a * (2.0 - ratio(1.0, quotient)) + b * (both * ratio(both, left * right)) + c * (2.0 - quotient)
    return np.sum(both / 6.0 * terms, axis=axis)


@instead_of(scipy.integrate.simpson)
def simpson(y, x=None, *, dx=1.0, axis=-1):
    """The integral by Simpson's rule, as SciPy has it for uneven steps and even numbers of samples.

    Differentiable in y, x and dx.
    """
    y, axis = samples(y, axis)
    n = y.shape[axis]
    h = None if x is None else distances(x, y, axis)
    if n % 2:
        return parabolas(y, n - 1, h, dx, axis)
    last = lambda a, k: a[along(axis, -k)]  # noqa: E731
    if n == 2:
        return 0.5 * (dx if h is None else last(h, 1)) * (last(y, 1) + last(y, 2))
    start = parabolas(y, n - 2, h, dx, axis)
    # The last interval is that of a parabola through the last three points (Cartwright 2017).
    p, q = (dx, dx) if h is None else (last(h, 2), last(h, 1))
    whole = 6 * (p + q)
    end = ratio(2 * q**2 + 3 * p * q, whole) * last(y, 1)
    end = end + ratio(q**2 + 3.0 * p * q, 6 * p) * last(y, 2) - ratio(q**3, p * whole) * last(y, 3)
    return (start + end).astype(start.dtype) if start.ndim else start + end


@instead_of(scipy.integrate.cumulative_simpson)
def cumulative_simpson(y, *, x=None, dx=1.0, axis=-1, initial=None):
    """The integrals up to each place by Simpson's rule; differentiable in y, x, dx and initial."""
    y = array(y)
    if not -y.ndim <= axis < y.ndim:
        raise ValueError(f"`axis={axis}` is not valid for `y` with `y.ndim={y.ndim}`.")
    axis, one = axis % y.ndim, tuple(1 if i == axis % y.ndim else k for i, k in enumerate(y.shape))
    y = y.astype(np.result_type(y.dtype, np.float32) if y.dtype.kind in "fc" else float)
    if x is not None and array(x).shape not in ((y.shape[axis],), y.shape):
        raise ValueError(
            "If given, shape of `x` must be the same as `y` or 1-D with the same length as `y` along `axis`."
        )
    if x is None and ndim(dx) and array(dx).shape != one:
        raise ValueError(
            "If provided, `dx` must either be a scalar or have the same shape as `y` but with only 1 point along "
            "`axis`."
        )
    if y.shape[axis] < 3:
        sums = cumulative_trapezoid(y, x, dx, axis)
    else:
        if x is not None:
            dx = distances(x, y, axis)
            bind(check, dx > 0, error=ValueError, message="Input x must be strictly increasing.")
        else:
            dx = array(dx)  # in double precision, as SciPy takes a number here
        rule = even_interval if x is None else uneven_interval
        a, b, c = (y[along(axis, slice(k, y.shape[axis] - 2 + k))] for k in range(3))
        p, q = (dx, dx) if x is None else (dx[along(axis, slice(-1))], dx[along(axis, slice(1, None))])
        # The first of the two intervals of each parabola, and the second: one of each in turn, and the last second one.
        both = np.concatenate([rule(a, b, c, p, q), rule(c, b, a, q, p)], axis)
        k = np.arange(y.shape[axis] - 1)
        order = np.where((k % 2 == 1) | (k == k[-1]), k - 1 + len(k) - 1, k)
        sums = np.cumsum(both[along(axis, order)], axis=axis)
    if initial is None:
        return sums
    if ndim(initial) and array(initial).shape != one:
        raise ValueError(
            "If provided, `initial` must either be a scalar or have the same shape as `y` but with only 1 point along "
            "`axis`."
        )
    initial = np.broadcast_to(initial, one)
    return np.concatenate([initial, sums + initial], axis)


def even_interval(a: Any, b: Any, c: Any, p: Any, q: Any) -> Any:
    """The integral of a parabola from its first to its second point; p and q, their distances, are the same."""
    return p / 3 * (5 * a / 4 + 2 * b - c / 4)


def uneven_interval(a: Any, b: Any, c: Any, p: Any, q: Any) -> Any:
    whole, other = p / (p + q), p / q
    return p / 6 * ((3 - whole) * a + (3 + whole * other + whole) * b - whole * other * c)


@instead_of(scipy.integrate.romb)
def romb(y, dx=1.0, axis=-1, show=False):
    """The integral by Romberg's method, from one plus a power of two samples; differentiable in y and dx."""
    y, axis = samples(y, axis)
    count = y.shape[axis] - 1
    if count < 1 or count & (count - 1):
        raise ValueError("Number of samples must be one plus a non-negative power of 2.")
    if show:
        scipy.integrate.romb(plain(y, "romb: show"), plain(dx, "romb: show"), axis, show)
    h = count * array(dx).astype(float)
    column = [(y[along(axis, 0)] + y[along(axis, -1)]) / 2.0 * h]
    step = count
    while step > 1:
        between = y[along(axis, slice(step // 2, count, step))]
        row = [0.5 * (column[0] + h * np.sum(between, axis=axis))]
        for j, before in enumerate(column, 1):
            row.append(row[-1] + (row[-1] - before) / (4**j - 1))
        column, step, h = row, step // 2, h / 2.0
    return column[-1]


@instead_of(scipy.integrate.fixed_quad)
def fixed_quad(func, a, b, args=(), n=5):
    """The integral by Gauss and Legendre's rule of order n, which evaluates func once, at n places.

    Differentiable in a, b and args, and in what else func uses.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import fixed_quad
    >>> cr.grad(lambda b: fixed_quad(np.cos, 0.0, b, n=9)[0])(1.0)  # cos(1)
    np.float64(0.540302306)
    """
    places, weights = scipy.special.roots_legendre(n)
    finite = np.isfinite(a) & np.isfinite(b)
    bind(check, finite, error=ValueError, message="Gaussian quadrature is only available for finite limits.")
    y = (b - a) * (np.real(places) + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(weights * func(y, *args), axis=-1), None

"""Piecewise polynomials: their evaluation, derivatives and integrals, and those that go through given points.

A class here is SciPy's class, with methods that take over where the data or the query are traced. Which piece a query
lies in is a constant; at a breakpoint it is the piece to its right, as it is SciPy's.
"""

import itertools
from typing import Any

import numpy as np
import scipy.interpolate
import scipy.special

from ...core.trace import bind, is_traced
from ...ops.control import check
from ...ops.indexing import read_part
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import refuse
from ..linalg import solve_banded
from ..namespace import instead_of

sp: Any = scipy.interpolate  # whose classes, with their slots and properties, are not to be checked here

# ---- pieces ----------------------------------------------------------------------------------------------------------


def ensure(holds: Any, message: str) -> None:
    """Raises a ValueError where `holds`, which may be traced, does not."""
    bind(check, holds, error=ValueError, message=message)


def floating(x: Any) -> Any:
    """`x` in double precision, complex if it is."""
    x = nested(x)
    return x.astype(complex if x.dtype.kind == "c" else float)


def interval(knots: Any, x: Any, first: int, last: int) -> Any:
    """Between which of the knots each x lies, counted from `first` to `last`; the knots may descend."""
    sign = np.where(knots[-1] >= knots[0], 1.0, -1.0)
    return np.clip(np.searchsorted(sign * knots, sign * x, side="right") - 1, first, last)


def like_columns(s: Any, c: Any) -> Any:
    """`s` with axes for those of the coefficients `c` that come after its first."""
    return np.reshape(s, (*s.shape, *(1,) * (c.ndim - 1)))


def to_period(x: Any, start: Any, end: Any) -> Any:
    return start + np.mod(x - start, end - start)


def where_defined(y: Any, x: Any, start: Any, end: Any, extrapolate: Any) -> Any:
    """y, and NaN where x is NaN or beyond the ends."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    defined = x == x if extrapolate else (low <= x) & (x <= high)
    return np.where(np.reshape(defined, (*x.shape, *(1,) * (y.ndim - x.ndim))), y, np.nan)


def back_to(y: Any, ndim: int, axis: int) -> Any:
    """The axes of the query, the first `ndim`, moved to where the axis of the data was."""
    return np.moveaxis(y, range(ndim), range(axis, axis + ndim)) if axis else y


def polynomial(c: Any, s: Any, i: Any, nu: int) -> Any:
    """The nu-th derivative at s of the polynomial with the coefficients c[:, i], the highest first."""
    degree = c.shape[0] - 1
    s = like_columns(s, c[0])
    y = np.zeros(np.broadcast_shapes(s.shape, (*i.shape, *c.shape[2:])), c.dtype)
    for power in range(degree, nu - 1, -1):
        y = y * s + read_part(c[degree - power], i) * scipy.special.poch(power - nu + 1, nu)
    return y


class PPoly(sp.PPoly):
    """A piecewise polynomial with the coefficients c and the breakpoints x.

    Its values, derivatives and integrals are differentiable in c, x, and where they are asked for; solve and roots
    are not.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.interpolate import PPoly
    >>> cr.grad(lambda c: PPoly(c, [0.0, 1.0, 2.0])(1.5))(np.ones((2, 2)))
    array([[0. , 0.5],
           [0. , 1. ]])
    """

    def __init__(self, c, x, extrapolate=None, axis=0):
        if not is_traced((c, x)):
            return super().__init__(c, x, extrapolate, axis)
        c, x = floating(c), floating(x)
        if c.ndim < 2:
            raise ValueError("Coefficients array must be at least 2-dimensional.")
        if not 0 <= axis < c.ndim - 1:
            raise ValueError(f"axis={axis} must be between 0 and {c.ndim - 1}")
        if x.ndim != 1:
            raise ValueError("x must be 1-dimensional")
        c = np.moveaxis(c, (axis, axis + 1), (0, 1))
        if x.shape[0] < 2:
            raise ValueError("at least 2 breakpoints are needed")
        if not c.shape[0]:
            raise ValueError("polynomial must be at least of order 0")
        if c.shape[1] != x.shape[0] - 1:
            raise ValueError("number of coefficients != len(x)-1")
        step = np.diff(x)
        ensure(np.all(step >= 0) | np.all(step <= 0), "`x` must be strictly increasing or decreasing.")
        self._take(c, x, extrapolate, axis)

    def _take(self, c, x, extrapolate, axis):
        self._c, self._x, self.axis = c, x, axis
        self.extrapolate = True if extrapolate is None else extrapolate

    @property
    def c(self):
        return self._c

    @c.setter
    def c(self, c):
        self._c = c

    @property
    def x(self):
        return self._x

    @x.setter
    def x(self, x):
        self._x = x

    def _is_traced(self):
        return is_traced((self._c, self._x))

    def _of(self, c, extrapolate=None):
        """A piecewise polynomial with other coefficients."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        if not is_traced((c, self._x)):
            return PPoly.construct_fast(c, self._x, extrapolate, self.axis)
        new: Any = object.__new__(PPoly)
        new._take(c, self._x, extrapolate, self.axis)
        return new

    def __call__(self, x, nu=0, extrapolate=None):
        if not (is_traced(x) or self._is_traced()):
            return super().__call__(x, nu, extrapolate)
        if nu < 0:
            raise ValueError("Order of derivative cannot be negative")
        x = floating(x)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        start, end = self._x[0], self._x[-1]
        if extrapolate == "periodic":
            x, extrapolate = to_period(x, start, end), False
        y = self._values(x, nu)
        return back_to(where_defined(y, x, start, end, extrapolate), x.ndim, self.axis)

    def _values(self, x, nu):
        i = interval(self._x, x, 0, self._x.shape[0] - 2)
        return polynomial(self._c, x - read_part(self._x, i), i, nu)

    def derivative(self, nu=1):
        if not self._is_traced():
            return super().derivative(nu)
        if nu < 0:
            return self.antiderivative(-nu)
        degree = self._c.shape[0] - 1
        powers = np.arange(degree, nu - 1, -1)
        if not powers.size:
            return self._of(np.zeros((1, *self._c.shape[1:]), self._c.dtype))
        return self._of(self._c[: len(powers)] * like_columns(scipy.special.poch(powers - nu + 1, nu), self._c))

    def antiderivative(self, nu=1):
        if not self._is_traced():
            return super().antiderivative(nu)
        if nu <= 0:
            return self.derivative(-nu)
        whole: Any = self
        for _ in range(nu):
            whole = whole._integrated()
        return whole

    def _integrated(self):
        """The antiderivative that is 0 at the first breakpoint, and continuous."""
        c = self._c / like_columns(np.arange(self._c.shape[0], 0.0, -1.0), self._c)
        steps = np.diff(self._x)
        over = c[0] * like_columns(steps, c[0])
        for row in c[1:]:
            over = (over + row) * like_columns(steps, row)
        start = np.concatenate([np.zeros((1, *over.shape[1:]), over.dtype), np.cumsum(over, axis=0)[:-1]])
        return self._of(np.concatenate([c, start[None]]), False if self.extrapolate == "periodic" else None)

    def integrate(self, a, b, extrapolate=None):
        if not (is_traced((a, b)) or self._is_traced()):
            return super().integrate(a, b, extrapolate)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        a, b, whole = floating(a), floating(b), PPoly._integrated(self)
        if extrapolate != "periodic":
            return whole(b, extrapolate=extrapolate) - whole(a, extrapolate=extrapolate)
        start, end = self._x[0], self._x[-1]
        up_to = lambda x: (  # noqa: E731
            np.floor((x - start) / (end - start)) * whole(end) + whole(to_period(x, start, end))
        )
        return up_to(b) - up_to(a)

    def solve(self, y=0.0, discontinuity=True, extrapolate=None):
        if is_traced(y) or self._is_traced():
            raise refuse(
                f"scipy.interpolate.{type(self).__name__}.solve",
                "roots have no derivative here: find x with chainrule.stop_gradient, and take one step of Newton's "
                "method, x - p(x) / p(x, 1)",
            )
        return super().solve(y, discontinuity, extrapolate)

    def extend(self, c, x, *args):
        if is_traced((c, x)) or self._is_traced():
            raise refuse(f"scipy.interpolate.{type(self).__name__}.extend", "concatenate the coefficients instead")
        return super().extend(c, x, *args)


class BPoly(sp.BPoly):
    """A piecewise polynomial in Bernstein's basis; its values and derivatives are differentiable in c, x and the query.

    Of a traced one there are no antiderivative and no integrals.
    """

    def __init__(self, c, x, extrapolate=None, axis=0):
        if not is_traced((c, x)):
            return super().__init__(c, x, extrapolate, axis)
        checked = PPoly(c, x, extrapolate, axis)
        self._c, self._x, self.axis, self.extrapolate = checked.c, checked.x, axis, checked.extrapolate

    c = PPoly.c
    x = PPoly.x
    _is_traced = PPoly._is_traced

    def __call__(self, x, nu=0, extrapolate=None):
        if not (is_traced(x) or self._is_traced()):
            return super().__call__(x, nu, extrapolate)
        return PPoly.__call__(self, x, nu, extrapolate)

    def _values(self, x, nu):
        i = interval(self._x, x, 0, self._x.shape[0] - 2)
        step = np.diff(self._x)
        c = self._c
        for _ in range(nu):
            degree = c.shape[0] - 1
            if not degree:
                c = 0 * c
                break
            c = degree * np.diff(c, axis=0) / like_columns(step, c[0])
        s = like_columns((x - read_part(self._x, i)) / read_part(step, i), c[0])
        rows = [read_part(row, i) for row in c]
        while len(rows) > 1:  # de Casteljau
            rows = [(1 - s) * p + s * q for p, q in itertools.pairwise(rows)]
        return rows[0] + np.zeros(np.broadcast_shapes(s.shape, rows[0].shape))

    def derivative(self, nu=1):
        return self._refused("derivative", super().derivative, nu)

    def antiderivative(self, nu=1):
        return self._refused("antiderivative", super().antiderivative, nu)

    def integrate(self, a, b, extrapolate=None):
        return self._refused("integrate", super().integrate, a, b, extrapolate)

    def extend(self, c, x):
        return self._refused("extend", super().extend, c, x)

    def _refused(self, name, method, *args):
        if is_traced(args) or self._is_traced():
            raise refuse(f"scipy.interpolate.BPoly.{name}", "of traced data there is none: use PPoly")
        return method(*args)


# ---- through given points --------------------------------------------------------------------------------------------


def prepared(x: Any, y: Any, axis: int, *others: Any) -> tuple[Any, ...]:
    """The places, their distances shaped to go with y, and y and others with the axis in front."""
    x, y = floating(x), floating(y)
    if x.dtype.kind == "c":
        raise ValueError("`x` must contain real values.")
    more = [floating(v) for v in others]
    if any(v.shape != y.shape for v in more):
        raise ValueError("The shapes of `y` and `dydx` must be identical.")
    if x.ndim != 1:
        raise ValueError("`x` must be 1-dimensional.")
    if x.shape[0] < 2:
        raise ValueError("`x` must contain at least 2 elements.")
    axis = axis % y.ndim
    if x.shape[0] != y.shape[axis]:
        raise ValueError(f"The length of `y` along `axis`={axis} doesn't match the length of `x`")
    ensure(np.isfinite(x), "`x` must contain only finite values.")
    ensure(np.isfinite(y), "`y` must contain only finite values.")
    steps = np.diff(x)
    ensure(steps > 0, "`x` must be strictly increasing sequence.")
    y, *more = (np.moveaxis(v, axis, 0) for v in (y, *more))
    return (x, like_columns(steps, y), y, axis, *more)


class CubicHermiteSpline(PPoly, sp.CubicHermiteSpline):
    """Cubic pieces with given values and slopes; differentiable in x, y, dydx, and where it is asked for."""

    def __init__(self, x, y, dydx, axis=0, extrapolate=None):
        if not is_traced((x, y, dydx)):
            return sp.CubicHermiteSpline.__init__(self, x, y, dydx, axis, extrapolate)
        x, steps, y, axis, slopes = prepared(x, y, axis, dydx)
        self._take(hermite(steps, y, slopes), x, extrapolate, axis)


def hermite(steps: Any, y: Any, slopes: Any) -> Any:
    """The coefficients of cubics from values and slopes at their ends."""
    mean, left, right = np.diff(y, axis=0) / steps, slopes[:-1], slopes[1:]
    t = (left + right - 2 * mean) / steps
    return np.stack([t / steps, (mean - left) / steps - t, left, y[:-1]])


class CubicSpline(PPoly, sp.CubicSpline):
    """The cubic spline through given points; differentiable in x, y, the slopes in bc_type, and the query.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.interpolate import CubicSpline
    >>> x = np.arange(4.0)
    >>> cr.grad(lambda y: CubicSpline(x, y)(1.5))(x**2)
    array([-0.0625,  0.5625,  0.5625, -0.0625])
    """

    def __init__(self, x, y, axis=0, bc_type="not-a-knot", extrapolate=None):
        if not is_traced((x, y, bc_type)):
            return sp.CubicSpline.__init__(self, x, y, axis, bc_type, extrapolate)
        x, steps, y, axis = prepared(x, y, axis)
        ends = conditions(bc_type, y, axis)
        y = y.astype(np.result_type(y.dtype, *(end[1].dtype for end in ends if not isinstance(end, str))))
        if extrapolate is None:
            extrapolate = "periodic" if ends[0] == "periodic" else True
        slopes = np.zeros_like(y) if 0 in y.shape else spline_slopes(x, steps, y, ends)
        self._take(hermite(steps, y, slopes), x, extrapolate, axis)


def conditions(bc_type: Any, y: Any, axis: int) -> list[Any]:
    """What holds at the first and at the last point: "not-a-knot", "periodic", or (order, value)."""
    if isinstance(bc_type, str):
        if bc_type == "periodic":
            ensure(
                np.isclose(y[0], y[-1], rtol=1e-15, atol=1e-15),
                f"The first and last `y` point along axis {axis} must be identical (within machine precision) when "
                "bc_type='periodic'.",
            )
        bc_type = (bc_type, bc_type)
    elif len(bc_type) != 2:
        raise ValueError("`bc_type` must contain 2 elements to specify start and end conditions.")
    elif any(isinstance(end, str) and end == "periodic" for end in bc_type):
        raise ValueError(
            "'periodic' `bc_type` is defined for both curve ends and cannot be used with other boundary conditions."
        )
    return [condition(end, y.shape[1:]) for end in bc_type]


def condition(end: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(end, str):
        if end in ("clamped", "natural"):
            return 1 if end == "clamped" else 2, np.zeros(shape)
        if end not in ("not-a-knot", "periodic"):
            raise ValueError(f"bc_type={end} is not allowed.")
        return end
    try:
        order, value = end
    except (TypeError, ValueError) as error:
        raise ValueError("A specified derivative value must be given in the form (order, value).") from error
    if order not in (1, 2):
        raise ValueError("The specified derivative order must be 1 or 2.")
    value = nested(value)
    if value.shape != shape:
        raise ValueError(f"`deriv_value` shape {value.shape} is not the expected one {shape}.")
    return order, value


def spline_slopes(x: Any, steps: Any, y: Any, ends: list[Any]) -> Any:
    """The slopes for which the second derivatives agree: a tridiagonal system."""
    n, h, mean = x.shape[0], np.diff(x), np.diff(y, axis=0) / steps
    start, end = ends
    if n == 2:
        start, end = ((1, mean[0]) if isinstance(v, str) else v for v in ends)
    if n == 3 and start == "not-a-knot" and end == "not-a-knot":  # a parabola
        middle = (steps[0] * mean[1] + steps[1] * mean[0]) / (steps[0] + steps[1])
        return np.stack([2 * mean[0] - middle, middle, 2 * mean[1] - middle])
    if n == 3 and start == "periodic":
        slope = np.sum(mean / steps, axis=0) / np.sum(1.0 / steps, axis=0)
        return np.stack([slope] * 3)
    one = np.ones(1)
    inner = 3 * (steps[1:] * mean[:-1] + steps[:-1] * mean[1:])
    if start == "periodic":
        return cyclic(h, steps, mean, inner)
    first, second, b_start = end_row(start, h, steps, mean, y, 1)
    last, before, b_end = end_row(end, h[::-1], steps[::-1], mean[::-1], y[::-1], -1)
    upper = np.concatenate([0 * one, second, h[:-1]])
    middle = np.concatenate([first, 2 * (h[:-1] + h[1:]), last])
    lower = np.concatenate([h[1:], before, 0 * one])
    b = np.concatenate([b_start[None], inner, b_end[None]])
    return solved(np.stack([upper, middle, lower]), b)


def solved(bands: Any, b: Any) -> Any:
    return np.reshape(solve_banded((1, 1), bands, np.reshape(b, (b.shape[0], -1))), b.shape)


def end_row(end: Any, h: Any, steps: Any, mean: Any, y: Any, direction: int) -> tuple[Any, Any, Any]:
    """The first equation: the coefficients of the first two slopes, and the right-hand side."""
    if isinstance(end, str):  # the third derivatives of the first two pieces agree
        d = steps[0] + steps[1]
        return h[1:2], h[:1] + h[1:2], ((steps[0] + 2 * d) * steps[1] * mean[0] + steps[0] ** 2 * mean[1]) / d
    order, value = end
    if order == 1:
        return np.ones(1), np.zeros(1), value + 0 * y[0]
    return 2 * h[:1], h[:1], direction * (-0.5 * value * steps[0] ** 2) + 3 * direction * (y[1] - y[0])


def cyclic(h: Any, steps: Any, mean: Any, inner: Any) -> Any:
    """The slopes of a periodic spline: what is left of a cyclic system after one unknown is put aside."""
    right = 3 * (steps[0] * mean[-1] + steps[-1] * mean[0])
    b = np.concatenate([right[None], inner])
    zero = np.zeros(1)
    middle = np.concatenate([2 * (h[-1:] + h[:1]), 2 * (h[:-1] + h[1:])])
    upper = np.concatenate([zero, h[-1:], h[:-1]])[: len(h) - 1]
    lower = np.concatenate([h[1:], zero])[: len(h) - 2]
    bands = np.stack([upper, middle[:-1], np.concatenate([lower, zero])])
    n = len(h) - 1
    aside = np.concatenate([-h[:1], np.zeros(n - 2), -h[-3:-2]]) if n > 1 else -h[:1] - h[-3:-2]
    one, two = solved(bands, b[:-1]), solved(bands, like_columns(aside, b[0:1]) + 0 * b[:-1])
    last = (b[-1] - steps[-2] * one[0] - steps[-1] * one[-1]) / (
        2 * (steps[-1] + steps[-2]) + steps[-2] * two[0] + steps[-1] * two[-1]
    )
    slopes = one + last * two
    return np.concatenate([slopes, last[None], slopes[:1]])


def real_data(y: Any, name: str) -> None:
    if y.dtype.kind == "c":
        raise ValueError(f"`{name}` only works with real values for `y`: take np.real of it first.")


class PchipInterpolator(PPoly, sp.PchipInterpolator):
    """Cubic pieces that are monotonic where the points are; differentiable in x, y and the query.

    Where slopes of neighbouring secants change their sign, the slope is 0 and so is its derivative.
    """

    def __init__(self, x, y, axis=0, extrapolate=None):
        if not is_traced((x, y)):
            return sp.PchipInterpolator.__init__(self, x, y, axis, extrapolate)
        x, steps, y, axis = prepared(x, y, axis)
        real_data(y, "PchipInterpolator")
        self._take(hermite(steps, y, monotonic_slopes(steps, y)), x, extrapolate, axis)

    def _find_derivatives(self, *args, **kwargs):  # SciPy's, which is a static method there
        return sp.PchipInterpolator._find_derivatives(*args, **kwargs)


def monotonic_slopes(h: Any, y: Any) -> Any:
    """The weighted harmonic means of neighbouring secants (Fritsch and Butland 1984), 0 where their signs differ."""
    m = np.diff(y, axis=0) / h
    if y.shape[0] == 2:
        return np.concatenate([m, m])
    flat = (np.sign(m[1:]) != np.sign(m[:-1])) | (m[1:] == 0) | (m[:-1] == 0)
    p, q = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    left, right = (np.where(flat, 1.0, v) for v in (m[:-1], m[1:]))
    mean = (p / left + q / right) / (p + q)
    inner = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, mean))
    ends = [end_slope(h[0], h[1], m[0], m[1]), end_slope(h[-1], h[-2], m[-1], m[-2])]
    return np.concatenate([ends[0][None], inner, ends[1][None]])


def end_slope(h: Any, other: Any, m: Any, next_m: Any) -> Any:
    """That of a parabola through three points, limited so that the shape is kept."""
    d = ((2 * h + other) * m - h * next_m) / (h + other)
    steep = (np.sign(m) != np.sign(next_m)) & (np.abs(d) > 3.0 * np.abs(m))
    return np.where(np.sign(d) != np.sign(m), 0.0, np.where(steep, 3.0 * m, d))


class Akima1DInterpolator(PPoly, sp.Akima1DInterpolator):
    """Akima's cubic pieces; differentiable in x, y and the query, unless neighbouring secants have the same slope."""

    def __init__(self, x, y, axis=0, *, method="akima", extrapolate=None):
        if not is_traced((x, y)):
            return sp.Akima1DInterpolator.__init__(self, x, y, axis, method=method, extrapolate=extrapolate)
        if method not in ("akima", "makima"):
            raise NotImplementedError(f"`method`={method} is unsupported.")
        x, steps, y, axis = prepared(x, y, axis)
        real_data(y, "Akima1DInterpolator")
        slopes = akima_slopes(steps, y, method)
        self._take(hermite(steps, y, slopes), x, False if extrapolate is None else extrapolate, axis)


def akima_slopes(h: Any, y: Any, method: str) -> Any:
    m = np.diff(y, axis=0) / h
    if y.shape[0] == 2:
        return np.concatenate([m, m])
    before, after = 2.0 * m[0] - m[1], 2.0 * m[-1] - m[-2]
    ends = (2.0 * before - m[0], before), (after, 2.0 * after - m[-1])
    m = np.concatenate([np.stack(ends[0]), m, np.stack(ends[1])])
    change = np.abs(np.diff(m, axis=0))
    if method == "makima":
        change = change + 0.5 * np.abs(m[1:] + m[:-1])
    p, q = change[2:], change[:-2]
    total = p + q
    enough = total > 1e-9 * np.max(total)
    share = q / np.where(enough, total, 1.0)
    return np.where(enough, m[1:-2] + share * (m[2:-1] - m[1:-2]), 0.5 * (m[3:] + m[:-3]))


@instead_of(scipy.interpolate.pchip_interpolate)
def pchip_interpolate(xi, yi, x, der=0, axis=0):
    """The values, or derivatives of order `der`, of :class:`PchipInterpolator` at x."""
    p = PchipInterpolator(xi, yi, axis)
    return [p(x, nu) for nu in der] if np.iterable(der) else p(x, der)

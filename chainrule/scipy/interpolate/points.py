"""Through points on a line: interp1d, and polynomials through all of them."""

import math
from typing import Any

import numpy as np
import scipy.interpolate

from ...core.trace import is_traced
from ...ops.indexing import read_part
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import one_axis, plain, refuse
from ...transforms.forward import jvp
from ..namespace import instead_of
from .bsplines import make_interp_spline
from .piecewise import back_to, ensure, floating, like_columns

sp: Any = scipy.interpolate

# ---- interp1d --------------------------------------------------------------------------------------------------------

DEGREES = {"zero": 0, "slinear": 1, "quadratic": 2, "cubic": 3}


class interp1d(sp.interp1d):
    """A function through given points, of a kind: "linear", "nearest", "previous", "cubic", ...

    Differentiable in y and fill_value, and in x and the query where the kind is no step; at a point the slope of a
    linear one is that of the segment to its right.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.interpolate import interp1d
    >>> cr.grad(interp1d([0.0, 1.0, 3.0], [0.0, 1.0, 0.0]))(1.5)
    np.float64(-0.5)
    """

    def __init__(
        self, x, y, kind="linear", axis=-1, copy=True, bounds_error=None, fill_value=np.nan, assume_sorted=False
    ):
        self._traced = is_traced((x, y, fill_value))
        self._given = fill_value
        if not self._traced:
            super().__init__(x, y, kind, axis, copy, bounds_error, fill_value, assume_sorted)
        x, y = nested(x), nested(y)
        x, y = (v if v.dtype.kind in "fc" else v.astype(float) for v in (x, y))
        if x.ndim != 1:
            raise ValueError("the x array must have exactly one dimension.")
        if not y.ndim:
            raise ValueError("the y array must have at least one dimension.")
        self._kind_, self._axis = DEGREES.get(kind, kind), one_axis(axis, y.ndim)
        if not isinstance(self._kind_, int) and kind not in ("linear", "nearest", "nearest-up", "previous", "next"):
            raise NotImplementedError(f"{kind} is unsupported: Use fitpack routines for other types.")
        if x.shape[0] != y.shape[axis]:
            raise ValueError("x and y arrays must be equal in length along interpolation axis.")
        least = self._kind_ + 1 if isinstance(self._kind_, int) else 1
        if x.shape[0] < least:
            raise ValueError(f"x and y arrays must have at least {least} entries")
        y = np.moveaxis(y, self._axis, 0)
        if not assume_sorted:
            order = np.argsort(x, kind="stable")
            x, y = read_part(x, order), read_part(y, order)
        self._x_, self._y_ = x, y
        if self._traced:
            self.x, self.y, self.axis, self.bounds_error = x, np.moveaxis(y, 0, self._axis), self._axis, bounds_error
        self._beyond = isinstance(fill_value, str) and fill_value == "extrapolate"
        if self._beyond and bounds_error:
            raise ValueError("Cannot extrapolate and raise at the same time.")
        self._raises = not self._beyond and (bounds_error is None or bounds_error)
        if not self._beyond:
            ends = fill_value if isinstance(fill_value, tuple) and len(fill_value) == 2 else (fill_value, fill_value)
            try:
                self._fill = [np.broadcast_to(nested(v), y.shape[1:]) for v in ends]
            except ValueError:
                self._fill = [np.broadcast_to(np.reshape(nested(v), y.shape[1:]), y.shape[1:]) for v in ends]

    def __call__(self, x):
        if not (self._traced or is_traced(x)):
            return super().__call__(x)
        x = nested(x)
        x = x if x.dtype.kind in "fc" else x.astype(float)
        knots = self._x_
        below, above = x < knots[0], x > knots[-1]
        if self._raises:
            ensure(~below, "A value in x_new is below the interpolation range's minimum value.")
            ensure(~above, "A value in x_new is above the interpolation range's maximum value.")
        y = self._within(x)
        if self._beyond:
            sides = {"previous": (below, np.nan), "next": (above, np.nan)}
            if self._kind_ in sides:
                side, value = sides[self._kind_]
                y = np.where(like_columns(side, self._y_), value, y)
        else:
            for side, value in zip((below, above), self._fill, strict=True):
                y = np.where(like_columns(side, self._y_), value.astype(y.dtype), y)
        return back_to(y, x.ndim, self._axis)

    def _within(self, x):
        knots, y, n = self._x_, self._y_, self._x_.shape[0]
        at = lambda i: read_part(y, np.clip(i, 0, n - 1))  # noqa: E731
        if isinstance(self._kind_, int):
            return make_interp_spline(knots, y, self._kind_, check_finite=False)(x)
        if self._kind_ == "linear":
            if n == 1:
                return at(np.zeros(x.shape, int))
            i = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, n - 2)
            left, right = at(i), at(i + 1)
            step = like_columns(read_part(knots, i + 1) - read_part(knots, i), y)
            return (right - left) / step * like_columns(x - read_part(knots, i), y) + left
        if self._kind_ in ("nearest", "nearest-up"):
            middle = knots[1:] / 2.0 + knots[:-1] / 2.0
            return at(np.searchsorted(middle, x, side="left" if self._kind_ == "nearest" else "right"))
        if self._kind_ == "previous":
            return at(np.searchsorted(knots, x, side="right") - 1)
        return at(np.searchsorted(knots, x, side="left"))


# ---- polynomials through all points ----------------------------------------------------------------------------------


def slope_of(f: Any, order: int) -> Any:
    """The derivative of that order of a function that treats each element of its argument alike."""
    if not order:
        return f
    return lambda x: jvp(slope_of(f, order - 1), (x,), (np.ones(x.shape),))[1]


class KroghInterpolator(sp.KroghInterpolator):
    """The polynomial through given points, with derivatives where places are repeated, in Newton's form.

    Its values and derivatives are differentiable in xi, yi and the query.
    """

    def __init__(self, xi, yi, axis=0):
        self._traced = is_traced((xi, yi))
        if not self._traced:
            super().__init__(xi, yi, axis)
        x, y = floating(xi), floating(yi)
        self._axis = one_axis(axis, y.ndim)
        y = np.moveaxis(y, self._axis, 0)
        if x.shape != y.shape[:1]:
            raise ValueError("x and y arrays must be equal in length along interpolation axis.")
        self._x_, self._newton = x, divided_differences(x, y)
        if self._traced:
            self.xi, self.yi, self.n = x, y, x.shape[0]

    def __call__(self, x):
        return self.derivative(x, 0)

    def derivative(self, x, der=1):
        if not (self._traced or is_traced(x)):
            return super().derivative(x, der) if der else super().__call__(x)
        return self._all(x, der + 1)[der]

    def derivatives(self, x, der=None):
        if not (self._traced or is_traced(x)):
            return super().derivatives(x, der)
        return np.stack(self._all(x, self._x_.shape[0] if der is None else der))

    def _all(self, x, count):
        """The value and the derivatives below that order, from the Taylor coefficients at x."""
        x, c = floating(x), self._newton
        taylor = [c[-1] + np.zeros((*x.shape, *c[-1].shape))] + [0.0 * like_columns(x, c[-1][None])] * (count - 1)
        for k in range(len(c) - 2, -1, -1):
            w = like_columns(x - self._x_[k], c[-1][None])
            taylor = [taylor[0] * w + c[k], *(taylor[j] * w + taylor[j - 1] for j in range(1, count))]
        full = np.zeros((*x.shape, *c[-1].shape))
        return [back_to(math.factorial(j) * t + full, x.ndim, self._axis) for j, t in enumerate(taylor)]


def divided_differences(x: Any, y: Any) -> list[Any]:
    """Newton's coefficients. A place that comes again, right after itself, is given with the next derivative."""
    places = plain(x, "scipy.interpolate.KroghInterpolator: which of xi are the same")
    c, n = [y[0]], x.shape[0]
    row: list[Any] = [None] * n  # a place that comes again goes on from its last row
    for k in range(1, n):
        same = 0
        while same < k and places[k - same - 1] == places[k]:
            same += 1
        row[0] = y[k] / math.factorial(same)
        for i in range(k - same):
            if places[i] == places[k]:
                raise ValueError("Elements of `xi` can't be equal.")
            row[i + 1] = ((row[i + 1] if same else c[i]) - row[i]) / (x[i] - x[k])
        c.append(row[k - same])
    return c


class BarycentricInterpolator(sp.BarycentricInterpolator):
    """The polynomial through given points, in its barycentric form; differentiable in xi, yi and the query.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.interpolate import BarycentricInterpolator
    >>> cr.grad(BarycentricInterpolator([0.0, 1.0, 2.0], [0.0, 1.0, 4.0]))(1.0)
    np.float64(2.0)
    """

    def __init__(self, xi, yi=None, axis=0, *, wi=None, rng=None, random_state=None):
        self._traced = is_traced((xi, yi))
        if not self._traced:
            seed = {k: v for k, v in (("rng", rng), ("random_state", random_state)) if v is not None}
            super().__init__(xi, yi, axis, **({} if wi is None else {"wi": wi}), **seed)
            return
        if yi is None:
            raise refuse("scipy.interpolate.BarycentricInterpolator", "for traced xi, give yi at once")
        x, y = floating(xi), floating(yi)
        self._y_axis = one_axis(axis, y.ndim)
        if x.shape[0] != y.shape[self._y_axis]:
            raise ValueError("x and y arrays must be equal in length along interpolation axis.")
        self.xi, self._y_, self.n = x, np.moveaxis(y, self._y_axis, 0), x.shape[0]
        self.wi = barycentric_weights(x) if wi is None else wi

    def __call__(self, x):
        return self.derivative(x, 0)

    def derivative(self, x, der=1):
        if not (self._traced or is_traced(x)):
            return super().derivative(x, der) if der else super().__call__(x)
        x = floating(x)
        y = self._y_ if self._traced else np.reshape(self.yi, (self.n, *self._y_extra_shape))
        return back_to(slope_of(lambda x: barycentric(x, self.xi, self.wi, y), der)(x), x.ndim, self._y_axis)

    def derivatives(self, x, der=None):
        if not (self._traced or is_traced(x)):
            return super().derivatives(x, der)
        return np.stack([self.derivative(x, k) for k in range(self.n if der is None else der)])

    def set_yi(self, yi, axis=None):
        if self._traced or is_traced(yi):
            raise refuse("scipy.interpolate.BarycentricInterpolator.set_yi", "make a new one for traced values")
        super().set_yi(yi, axis)

    def add_xi(self, xi, yi=None):
        if self._traced or is_traced((xi, yi)):
            raise refuse("scipy.interpolate.BarycentricInterpolator.add_xi", "make a new one for traced values")
        super().add_xi(xi, yi)


def barycentric_weights(x: Any) -> Any:
    n = x.shape[0]
    scale = 4.0 / (np.max(x) - np.min(x)) if n > 1 else 1.0
    product = np.prod(np.where(np.eye(n, dtype=bool), 1.0, scale * (x[:, None] - x)), axis=1)
    ensure(product != 0.0, "Interpolation points xi must be distinct.")
    return 1.0 / product


def barycentric(x: Any, places: Any, weights: Any, y: Any) -> Any:
    """The polynomial at x, as y_k + (x - x_k) q(x) with k the place nearest to x.

    q interpolates the divided differences at the other places, whose weights are those of the whole times x_i - x_k.
    So nothing is divided by x - x_k, and the derivatives are right at the places, too.
    """
    n = places.shape[0]
    gaps = x[..., None] - places
    k = np.argmin(np.abs(gaps), axis=-1)
    here, own = read_part(y, k), np.expand_dims(k, -1) == np.arange(n)
    if n == 1:
        return here + 0.0 * like_columns(x, y)
    shares = np.where(own, 0.0, weights / np.where(own, 1.0, gaps))
    change = np.tensordot(shares, y, 1) - like_columns(np.sum(shares, axis=-1), y) * here
    place = read_part(places, k)
    distance = np.sum(shares * (places - place[..., None]), axis=-1)
    return here + like_columns((x - place) / distance, y) * change


def orders(p: Any, x: Any, der: Any) -> Any:
    if not np.iterable(der):
        return p.derivative(x, der) if der else p(x)
    return p.derivatives(x, int(max(der)) + 1)[np.asarray(der)]


@instead_of(scipy.interpolate.krogh_interpolate)
def krogh_interpolate(xi, yi, x, der=0, axis=0):
    """The values, or derivatives of order `der`, of :class:`KroghInterpolator` at x."""
    return orders(KroghInterpolator(xi, yi, axis), x, der)


@instead_of(scipy.interpolate.barycentric_interpolate)
def barycentric_interpolate(xi, yi, x, axis=0, *, der=0, rng=None):
    """The values, or derivatives of order `der`, of :class:`BarycentricInterpolator` at x."""
    return orders(BarycentricInterpolator(xi, yi, axis), x, der)

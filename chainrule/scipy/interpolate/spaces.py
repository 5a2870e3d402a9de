"""Through points in a plane or a space: on a grid, or scattered."""

import itertools
import math
import warnings
from typing import Any

import numpy as np
import scipy.interpolate
import scipy.special

from ...core.trace import is_traced
from ...ops.indexing import read_part
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import plain, refuse
from ..namespace import instead_of
from .piecewise import ensure, floating, interval, like_columns
from .points import interp1d

sp: Any = scipy.interpolate


def coordinates(xi: Any, ndim: int | None = None) -> Any:
    """Points as (..., ndim), from such an array or from a tuple of arrays that broadcast."""
    if isinstance(xi, tuple) and len(xi) == 1:
        (xi,) = xi
    if isinstance(xi, tuple):
        return np.stack(np.broadcast_arrays(*map(floating, xi)), axis=-1)
    xi = floating(xi)
    return np.reshape(xi, (-1, 1 if ndim is None else ndim)) if xi.ndim == 1 else xi


# ---- on a grid -------------------------------------------------------------------------------------------------------


class RegularGridInterpolator(sp.RegularGridInterpolator):
    """A function on a grid, between whose points it is linear in each direction ("linear"), or a step ("nearest").

    Differentiable in values, points, fill_value, and the query. The other methods are SciPy's, for plain data.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.interpolate import RegularGridInterpolator
    >>> f = RegularGridInterpolator(([0.0, 1.0], [0.0, 2.0]), np.array([[0.0, 2.0], [4.0, 6.0]]))
    >>> cr.grad(lambda x: f(x)[0])(np.array([0.5, 0.5]))
    array([4., 1.])
    """

    def __init__(
        self, points, values, method="linear", bounds_error=True, fill_value=np.nan, *, solver=None, solver_args=None
    ):
        self._traced = is_traced((tuple(points), values, fill_value))
        if not self._traced:
            super().__init__(points, values, method, bounds_error, fill_value, solver=solver, solver_args=solver_args)
            return
        if method not in self._ALL_METHODS:
            raise ValueError(f"Method '{method}' is not defined")
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value
        values = nested(values)
        values = values if values.dtype.kind in "fc" else values.astype(float)
        if len(points) > values.ndim:
            raise ValueError(f"There are {len(points)} point arrays, but values has {values.ndim} dimensions")
        grid = []
        for i, p in enumerate(map(floating, points)):
            if p.ndim != 1:
                raise ValueError(f"The points in dimension {i} must be 1-dimensional")
            if values.shape[i] != p.shape[0]:
                raise ValueError(f"There are {p.shape[0]} points and {values.shape[i]} values in dimension {i}")
            if p.shape[0] > 1 and plain(p[0] > p[-1], "scipy.interpolate.RegularGridInterpolator: points"):
                p, values = p[::-1], np.flip(values, i)
            ensure(np.diff(p) > 0, f"The points in dimension {i} must be strictly ascending or descending")
            grid.append(p)
        self._grid, self._values = tuple(grid), values

    def __call__(self, xi, method=None, *, nu=None):
        if not (self._traced or is_traced(xi)):
            return super().__call__(xi, method, **({} if nu is None else {"nu": nu}))
        method = self.method if method is None else method
        if method not in self._ALL_METHODS:
            raise ValueError(f"Method '{method}' is not defined")
        if method not in ("linear", "nearest") or nu is not None:
            raise refuse(
                "scipy.interpolate.RegularGridInterpolator",
                f"no derivative for method={method!r}: use 'linear', or make_interp_spline along each axis",
            )
        grid = self._grid if hasattr(self, "_grid") else self.grid
        values = self._values if hasattr(self, "_values") else self.values
        ndim = len(grid)
        x = coordinates(xi, ndim)
        if x.shape[-1] != ndim:
            raise ValueError(
                f"The requested sample points xi have dimension {x.shape[-1]} but this RegularGridInterpolator has "
                f"dimension {ndim}"
            )
        x = [x[..., i] for i in range(ndim)]
        inside = [(p[0] <= v) & (v <= p[-1]) for p, v in zip(grid, x, strict=True)]
        if self.bounds_error:
            for i, holds in enumerate(inside):
                ensure(holds, f"One of the requested xi is out of bounds in dimension {i}")
        y = on_grid(grid, values, x, method)
        if not self.bounds_error and self.fill_value is not None:
            every = inside[0]
            for holds in inside[1:]:
                every = every & holds
            missing = np.any(np.stack([np.isnan(v) for v in x]), axis=0)
            y = np.where(like_columns(every | missing, values[(0,) * (ndim - 1)]), y, self.fill_value)
        return y


def on_grid(grid: Any, values: Any, x: list[Any], method: str) -> Any:
    """The values in the corners of the cell around x, weighted; or the nearest."""
    sizes = [p.shape[0] for p in grid]
    cells = [interval(p, v, 0, max(n - 2, 0)) for p, v, n in zip(grid, x, sizes, strict=True)]
    one_more = [min(n - 1, 1) for n in sizes]
    shares = []
    for p, v, i, more in zip(grid, x, cells, one_more, strict=True):
        left = read_part(p, i)
        shares.append((v - left) / (read_part(p, i + 1) - left) if more else 0.0 * v)
    flat = np.reshape(values, (-1, *values.shape[len(grid) :]))

    def corner(steps):
        place = 0
        for i, step, n in zip(cells, steps, sizes, strict=True):
            place = place * n + i + step
        return read_part(flat, place)

    if method == "nearest":
        missing = np.any(np.stack([np.isnan(v) for v in x]), axis=0)
        y = corner([np.where(s <= 0.5, 0, more) for s, more in zip(shares, one_more, strict=True)])
        return np.where(like_columns(missing, flat), np.nan, y)
    total: Any = 0.0
    for steps in itertools.product((0, 1), repeat=len(grid)):
        weight = 1.0
        for step, share in zip(steps, shares, strict=True):
            weight = weight * (share if step else 1 - share)
        total = total + corner([min(a, b) for a, b in zip(steps, one_more, strict=True)]) * like_columns(weight, flat)
    return total


@instead_of(scipy.interpolate.interpn)
def interpn(points, values, xi, method="linear", bounds_error=True, fill_value=np.nan):
    """The values of :class:`RegularGridInterpolator` at xi."""
    if method == "splinef2d":
        raise refuse("scipy.interpolate.interpn", "no derivative for method='splinef2d': use 'linear'")
    return RegularGridInterpolator(points, values, method, bounds_error, fill_value)(xi)


# ---- radial basis functions ------------------------------------------------------------------------------------------

# Each as a function of the square of the distance. Those that are not smooth at 0 have the slope 0 there.


def away(square: Any, f: Any) -> Any:
    """f(square), and 0 where that is 0."""
    there = square > 0
    return np.where(there, f(np.where(there, square, 1.0)), 0.0)


KERNELS: dict[str, Any] = {
    "linear": lambda q: away(q, lambda q: -np.sqrt(q)),
    "thin_plate_spline": lambda q: away(q, lambda q: 0.5 * q * np.log(q)),
    "cubic": lambda q: away(q, lambda q: q * np.sqrt(q)),
    "quintic": lambda q: away(q, lambda q: -(q**2) * np.sqrt(q)),
    "multiquadric": lambda q: -np.sqrt(q + 1),
    "inverse_multiquadric": lambda q: 1 / np.sqrt(q + 1),
    "inverse_quadratic": lambda q: 1 / (q + 1),
    "gaussian": lambda q: np.exp(-q),
}
LEAST_DEGREE = {"multiquadric": 0, "linear": 0, "thin_plate_spline": 1, "cubic": 1, "quintic": 2}
SCALE_FREE = ("linear", "thin_plate_spline", "cubic", "quintic")


class RBFInterpolator(sp.RBFInterpolator):
    """A sum of radial functions around the points y, and a polynomial, with the values d there.

    Differentiable in y, d, smoothing, epsilon, and the query; neighbors= is for plain data only.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.interpolate import RBFInterpolator
    >>> y = np.array([[0.0], [1.0], [2.0]])
    >>> cr.grad(lambda x: RBFInterpolator(y, y[:, 0] * 3)(x)[0])(np.array([[0.5]]))
    array([[3.]])
    """

    def __init__(self, y, d, neighbors=None, smoothing=0.0, kernel="thin_plate_spline", epsilon=None, degree=None):
        self._traced = is_traced((y, d, smoothing, epsilon))
        self._of = (y, d, neighbors, smoothing, kernel, epsilon, degree)
        self._fitted: Any = None
        if not self._traced:
            super().__init__(y, d, neighbors, smoothing, kernel, epsilon, degree)
        else:
            self._fit()

    def _fit(self):
        y, d, neighbors, smoothing, kernel, epsilon, degree = self._of
        if neighbors is not None:
            raise refuse("scipy.interpolate.RBFInterpolator", "no derivative with neighbors=: leave it away")
        y, d, smoothing = floating(y), floating(d), floating(smoothing)
        if y.ndim != 2:
            raise ValueError("`y` must be a 2-dimensional array.")
        count, ndim = y.shape
        if d.shape[0] != count:
            raise ValueError(f"Expected the first axis of `d` to have length {count}.")
        if smoothing.shape not in ((), (count,)):
            raise ValueError(f"Expected `smoothing` to be a scalar or have shape ({count},).")
        kernel = kernel.lower()
        if kernel not in KERNELS:
            raise ValueError(f"`kernel` must be one of {set(KERNELS)}.")
        if epsilon is None:
            if kernel not in SCALE_FREE:
                raise ValueError(f"`epsilon` must be specified if `kernel` is not one of {set(SCALE_FREE)}.")
            epsilon = 1.0
        least = LEAST_DEGREE.get(kernel, -1)
        degree = max(least, 0) if degree is None else int(degree)
        if degree < -1:
            raise ValueError("`degree` must be at least -1.")
        if -1 < degree < least:
            warnings.warn(f"`degree` should not be below {least} except -1 when `kernel` is '{kernel}'.", stacklevel=3)
        powers = [
            monomial
            for total in range(degree + 1)
            for monomial in itertools.combinations_with_replacement(range(ndim), total)
        ]
        if len(powers) > count:
            raise ValueError(
                f"At least {len(powers)} data points are required when `degree` is {degree} and the number of "
                f"dimensions is {ndim}."
            )
        low, high = np.min(y, axis=0), np.max(y, axis=0)
        shift, scale = (high + low) / 2, (high - low) / 2
        scale = np.where(scale == 0.0, 1.0, scale)

        def row(x):
            """What the coefficients are multiplied by for the values at x."""
            gaps = epsilon * (x[:, None, :] - y)
            parts = [KERNELS[kernel](np.sum(gaps * gaps, axis=-1))]
            if powers:
                z = (x - shift) / scale
                one = np.ones(x.shape[0])
                columns = [math.prod([z[:, k] for k in monomial], start=one) for monomial in powers]
                parts.append(np.stack(columns, axis=1))
            return np.concatenate(parts, axis=1)

        top = row(y)
        top = top + np.concatenate([np.eye(count) * smoothing, np.zeros((count, len(powers)))], axis=1)
        tail = np.concatenate([top[:, count:].T, np.zeros((len(powers), len(powers)))], axis=1)
        values = np.concatenate([np.reshape(d, (count, -1)), np.zeros((len(powers), math.prod(d.shape[1:])))])
        coefficients = np.linalg.solve(np.concatenate([top, tail]), values)
        self._fitted = row, coefficients, ndim, d.shape[1:]

    def __call__(self, x):
        if not (self._traced or is_traced(x)):
            return super().__call__(x)
        if self._fitted is None:
            self._fit()
        fitted: Any = self._fitted
        row, coefficients, ndim, shape = fitted
        x = floating(x)
        if x.ndim != 2:
            raise ValueError("`x` must be a 2-dimensional array.")
        if x.shape[1] != ndim:
            raise ValueError(f"Expected the second axis of `x` to have length {ndim}.")
        return np.reshape(row(x) @ coefficients, (x.shape[0], *shape))


# ---- scattered points ------------------------------------------------------------------------------------------------


class LinearNDInterpolator(sp.LinearNDInterpolator):
    """A function that is linear on the triangles (or simplices) between scattered points.

    Differentiable in values, points and the query; which points make a triangle, and which triangle a query is in, are
    constants.
    """

    def __init__(self, points, values, fill_value=np.nan, rescale=False):
        self._traced = is_traced((points, values, fill_value))
        self._of = points, values, fill_value
        if not self._traced:
            super().__init__(points, values, fill_value, rescale)
            return
        if not isinstance(points, scipy.spatial.Delaunay):
            points = plain(coordinates(points), "scipy.interpolate.LinearNDInterpolator: points")
        places: Any = getattr(points, "points", points)
        if nested(values).shape[:1] != (len(places),):
            raise ValueError("different number of values and points")
        super().__init__(points, np.zeros(len(places)), 0.0, rescale)

    def __call__(self, *args):
        if not (self._traced or is_traced(args)):
            return super().__call__(*args)
        points, values, fill_value = self._of
        points = points.points if isinstance(points, scipy.spatial.Delaunay) else coordinates(points)
        values = floating(values)
        x = coordinates(args, points.shape[1])
        if x.shape[-1] != points.shape[1]:
            raise ValueError(f"number of dimensions in xi does not match x: {x.shape[-1]} and {points.shape[1]}")
        at = plain(x, "scipy.interpolate.LinearNDInterpolator: where the query lies")
        simplex = self.tri.find_simplex(self._scale_x(at))
        corners = self.tri.simplices[simplex]
        first, others = read_part(points, corners[..., 0]), read_part(points, corners[..., 1:])
        edges = np.swapaxes(others - first[..., None, :], -1, -2)
        shares = np.linalg.solve(edges, (x - first)[..., None])[..., 0]
        shares = np.concatenate([1.0 - np.sum(shares, axis=-1, keepdims=True), shares], axis=-1)
        inside = np.reshape(simplex >= 0, (*simplex.shape, *(1,) * (values.ndim - 1)))
        terms = read_part(values, corners) * np.reshape(shares, (*shares.shape, *(1,) * (values.ndim - 1)))
        return np.where(inside, np.sum(terms, axis=simplex.ndim), fill_value)


class NearestNDInterpolator(sp.NearestNDInterpolator):
    """The value at the nearest of scattered points; differentiable in the values y, and constant in the query."""

    def __init__(self, x, y, rescale=False, tree_options=None):
        self._of = y
        self._traced = is_traced((x, y))
        if self._traced:
            x = plain(coordinates(x), "scipy.interpolate.NearestNDInterpolator: points")
        count = len(y) if self._traced else 0
        super().__init__(x, np.arange(float(count)) if self._traced else y, rescale, tree_options)

    def __call__(self, *args, **query_options):
        if not (self._traced or is_traced(args)):
            return super().__call__(*args, **query_options)
        x = plain(coordinates(args, self.points.shape[1]), "scipy.interpolate.NearestNDInterpolator: the query")
        distance, i = self.tree.query(self._scale_x(x), **query_options)
        values = floating(self._of)
        found = np.isfinite(distance)
        y = read_part(values, np.where(found, i, 0))
        return np.where(np.reshape(found, (*found.shape, *(1,) * (values.ndim - 1))), y, np.nan)


@instead_of(scipy.interpolate.griddata)
def griddata(points, values, xi, method="linear", fill_value=np.nan, rescale=False):
    """The values at xi of a function through scattered points, method "linear" or "nearest".

    See :class:`LinearNDInterpolator` and :class:`NearestNDInterpolator`; on a line, :class:`interp1d`.
    """
    points = floating(points) if not isinstance(points, tuple) else coordinates(points)
    ndim = points.ndim if points.ndim < 2 else points.shape[-1]
    if ndim == 1 and method in ("nearest", "linear", "cubic"):
        if isinstance(xi, tuple):
            if len(xi) != 1:
                raise ValueError("invalid number of dimensions in xi")
            (xi,) = xi
        beyond: Any = "extrapolate" if method == "nearest" else fill_value
        return interp1d(np.ravel(points), values, method, 0, bounds_error=False, fill_value=beyond)(xi)
    if method == "nearest":
        return NearestNDInterpolator(points, values, rescale)(xi)
    if method == "linear":
        return LinearNDInterpolator(points, values, fill_value, rescale)(xi)
    if method == "cubic" and ndim == 2:
        raise refuse("scipy.interpolate.griddata", "no derivative for method='cubic': use 'linear', or RBFInterpolator")
    raise ValueError(f"Unknown interpolation method {method!r} for {ndim} dimensional data")

"""Splines in the basis of B-splines, by de Boor's recurrences; through given points, by a banded system.

On the interval t[i] <= x < t[i+1] a spline of degree k has the coefficients c[i-k], ..., c[i]. A derivative lowers the
degree by differences of neighbouring ones; the rest of the degree is taken up by weighted means (de Boor 1972).
"""

import functools
import operator
from typing import Any

import numpy as np
import scipy.interpolate

from ...core.trace import is_traced
from ...ops.indexing import read_part
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import one_axis, refuse
from ..linalg import solve_banded
from ..namespace import instead_of
from .piecewise import back_to, ensure, floating, interval, like_columns, to_period, where_defined

sp: Any = scipy.interpolate


def combined(rows: list[Any], t: Any, x: Any, i: Any, nu: int) -> Any:
    """The nu-th derivative at x of the spline with the coefficients `rows` on the interval i."""
    k = len(rows) - 1
    at = lambda j: read_part(t, i + j)  # noqa: E731
    for r in range(1, k + 1):
        for j in range(k, r - 1, -1):
            left, width = at(j - k), at(j + 1 - r) - at(j - k)
            if r <= nu:
                rows[j] = (k - r + 1) * (rows[j] - rows[j - 1]) / like_columns(width, rows[j])
            else:
                share = like_columns((x - left) / width, rows[j])
                rows[j] = (1.0 - share) * rows[j - 1] + share * rows[j]
    return rows[k] if nu <= k else 0 * rows[k]


def spline_value(t: Any, c: Any, k: int, x: Any, nu: int) -> Any:
    """The spline with the knots t and the coefficients c, (n, ...), or its nu-th derivative, at x."""
    i = interval(t, x, k, t.shape[0] - k - 2)
    shape = np.broadcast_shapes((*x.shape, *(1,) * (c.ndim - 1)), (*i.shape, *c.shape[1:]))
    flat = lambda v: np.reshape(v, (-1, *v.shape[x.ndim :]))  # noqa: E731
    rows = [flat(read_part(c, i + (j - k))) for j in range(k + 1)]
    return np.reshape(combined(rows, t, flat(x), flat(i), nu), shape)


def basis(t: Any, k: int, x: Any, i: Any, nu: int = 0) -> Any:
    """The k + 1 basis functions that are not 0 on the interval i, or their derivatives, at x: (..., k + 1)."""
    return combined([np.broadcast_to(row, (*i.shape, k + 1)) for row in np.eye(k + 1)], t, x, i, nu)


class BSpline(sp.BSpline):
    """A spline with the knots t and the coefficients c.

    Its values, derivatives and integrals are differentiable in t, c, and where they are asked for. Its other methods
    are those of SciPy, for plain data.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.interpolate import BSpline
    >>> knots = np.array([0.0, 0.0, 1.0, 2.0, 2.0])
    >>> cr.grad(lambda c: BSpline(knots, c, 1)(1.25))(np.ones(3))
    array([0.  , 0.75, 0.25])
    """

    def __init__(self, t, c, k, extrapolate=True, axis=0):
        if not is_traced((t, c)):
            return super().__init__(t, c, k, extrapolate, axis)
        t, c, k = floating(t), floating(c), operator.index(k)
        axis, n = one_axis(axis, c.ndim), t.shape[0] - k - 1
        if k < 0:
            raise ValueError("Spline order cannot be negative.")
        if t.ndim != 1:
            raise ValueError("Knot vector must be one-dimensional.")
        if n < k + 1:
            raise ValueError(f"Need at least {2 * k + 2} knots for degree {k}")
        c = np.moveaxis(c, axis, 0)
        if c.shape[0] < n:
            raise ValueError("Knots, coefficients and degree are inconsistent.")
        ensure(np.diff(t) >= 0, "Knots must be in a non-decreasing order.")
        ensure(t[k] < t[n], "Need at least two internal knots.")
        ensure(np.isfinite(t), "Knots should not have nans or infs.")
        self._take(t, c, k, extrapolate if extrapolate == "periodic" else bool(extrapolate), axis)

    def _take(self, t, c, k, extrapolate, axis):
        self._t, self._c, self.k, self.extrapolate, self.axis = t, c, k, extrapolate, axis

    @property
    def t(self):
        return self._t

    @t.setter
    def t(self, t):
        self._t = t

    @property
    def c(self):
        return self._c

    @c.setter
    def c(self, c):
        self._c = c

    @property
    def tck(self):
        return self._t, self._c, self.k

    def _is_traced(self):
        return is_traced((self._t, self._c))

    def _domain(self):
        return self._t[self.k], self._t[self._t.shape[0] - self.k - 1]

    def _coefficients(self):
        """Without those that are not used."""
        return self._c[: self._t.shape[0] - self.k - 1]

    def __call__(self, x, nu=0, extrapolate=None):
        if not (is_traced(x) or self._is_traced()):
            return super().__call__(x, nu, extrapolate)
        x = floating(x)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        start, end = self._domain()
        if extrapolate == "periodic":
            x, extrapolate = to_period(x, start, end), False
        y = spline_value(self._t, self._coefficients(), self.k, x, nu)
        return back_to(where_defined(y, x, start, end, extrapolate), x.ndim, self.axis)

    def derivative(self, nu=1):
        if not self._is_traced():
            return super().derivative(nu)
        if nu < 0:
            return self.antiderivative(-nu)
        if nu > self.k:
            raise ValueError(f"Order of derivative (n = {nu}) must be <= order of spline (k = {self.k})")
        t, c, k = self._t, self._coefficients(), self.k
        for _ in range(nu):
            width = t[k + 1 : -1] - t[1 : -k - 1]
            c = k * np.diff(c, axis=0) / like_columns(width, c)
            t, k = t[1:-1], k - 1
        return spline_of(t, c, k, self.extrapolate, self.axis)

    def antiderivative(self, nu=1):
        if not self._is_traced():
            return super().antiderivative(nu)
        if nu < 0:
            return self.derivative(-nu)
        t, c, k = self._t, self._coefficients(), self.k
        for _ in range(nu):
            t, c, k = integrated(t, c, k)
        return spline_of(t, c, k, False if self.extrapolate == "periodic" else self.extrapolate, self.axis)

    def integrate(self, a, b, extrapolate=None):
        if not (is_traced((a, b)) or self._is_traced()):
            return super().integrate(a, b, extrapolate)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        start, end = self._domain()
        t, c, k = integrated(self._t, self._coefficients(), self.k)
        whole = lambda x: spline_value(t, c, k, floating(x), 0)  # noqa: E731
        if extrapolate == "periodic":
            turns = lambda x: np.floor((x - start) / (end - start)) * (whole(end) - whole(start))  # noqa: E731
            a, b = floating(a), floating(b)
            return turns(b) + whole(to_period(b, start, end)) - turns(a) - whole(to_period(a, start, end))
        if not extrapolate:
            a, b = np.clip(a, start, end), np.clip(b, start, end)
        return whole(b) - whole(a)

    def insert_knot(self, x, m=1):
        if is_traced(x) or self._is_traced():
            raise refuse("scipy.interpolate.BSpline.insert_knot", "of traced data there is none")
        return super().insert_knot(x, m)


def spline_of(t: Any, c: Any, k: int, extrapolate: Any, axis: int) -> Any:
    """A BSpline, of data that are known to be right."""
    if not is_traced((t, c)):
        return BSpline.construct_fast(t, c, k, extrapolate, axis)
    new: Any = object.__new__(BSpline)
    new._take(t, c, k, extrapolate, axis)
    return new


def integrated(t: Any, c: Any, k: int) -> tuple[Any, Any, int]:
    """The antiderivative that is 0 at the first knot."""
    width = t[k + 1 :] - t[: -k - 1]
    sums = np.cumsum(c * like_columns(width, c), axis=0) / (k + 1)
    sums = np.concatenate([np.zeros((1, *sums.shape[1:]), sums.dtype), sums])
    return np.concatenate([t[:1], t, t[-1:]]), sums, k + 1


# ---- through given points --------------------------------------------------------------------------------------------


def knots_for(x: Any, k: int, bc_type: Any, deriv_l: Any, deriv_r: Any) -> Any:
    ends = lambda inside, count: np.concatenate([x[:1]] * count + [inside] + [x[-1:]] * count)  # noqa: E731
    if bc_type == "periodic":
        if k % 2 == 0:
            x = np.concatenate([x[:1], x[1:-1] - np.diff(x)[:-1] / 2, x[-1:]])
        h, n = np.diff(x), x.shape[0]
        around = np.arange(k) % (n - 1)
        before = x[0] - np.cumsum(read_part(h[::-1], around))[::-1]
        return np.concatenate([before, x, x[-1] + np.cumsum(read_part(h, around))])
    if deriv_l is not None or deriv_r is not None:
        return ends(x, k)
    inside = x if k % 2 else (x[1:] + x[:-1]) / 2
    cut = (k + 1) // 2 if k % 2 else k // 2
    return ends(inside[cut:-cut], k + 1)


def end_conditions(deriv: Any, shape: tuple[int, ...], where: str, k: int) -> list[tuple[int, Any]]:
    if deriv is None:
        return []
    if isinstance(deriv, str):
        if deriv not in ("clamped", "natural"):
            raise ValueError(f"Unknown boundary condition : {deriv}")
        deriv = [(1 if deriv == "clamped" else 2, np.zeros(shape))]
    try:
        deriv = [(order, nested(value)) for order, value in deriv]
    except TypeError as error:
        raise ValueError(
            "Derivatives, `bc_type`, should be specified as a pair of iterables of pairs of (order, value)."
        ) from error
    if not all(0 <= order <= k for order, _ in deriv):
        raise ValueError(f"Bad boundary conditions at the {where}.")
    return deriv


@functools.wraps(scipy.interpolate.make_interp_spline)
def plain_spline(*args: Any, **kwargs: Any) -> Any:
    """SciPy's spline, ready for a traced query."""
    spline = scipy.interpolate.make_interp_spline(*args, **kwargs)
    return BSpline.construct_fast(spline.t, spline.c, spline.k, spline.extrapolate, spline.axis)


@instead_of(plain_spline)
def make_interp_spline(x, y, k=3, t=None, bc_type=None, axis=0, check_finite=True):
    """The spline of degree k through given points, as a :class:`BSpline`.

    Differentiable in x, y, t, the values in bc_type, and the query.
    """
    deriv_l = deriv_r = None
    if isinstance(bc_type, str) and bc_type not in ("not-a-knot", "periodic"):
        deriv_l = deriv_r = bc_type
    elif bc_type is not None and not isinstance(bc_type, str):
        try:
            deriv_l, deriv_r = bc_type
        except TypeError as error:
            raise ValueError(f"Unknown boundary condition: {bc_type}") from error
    x, y, k = floating(x), floating(y), operator.index(k)
    axis = one_axis(axis, y.ndim)
    y = np.moveaxis(y, axis, 0)
    if check_finite:
        for v in (x, y):
            ensure(np.isfinite(v), "array must not contain infs or NaNs")
    periodic = isinstance(bc_type, str) and bc_type == "periodic"
    if x.shape != y.shape[:1]:
        raise ValueError(f"Shapes of x {x.shape} and y {y.shape} are incompatible")
    ensure(np.diff(x) > 0, "Expect x to be a 1D strictly increasing sequence.")
    if periodic:
        message = "First and last points does not match while periodic case expected"
        ensure(np.isclose(y[0], y[-1], atol=1e-15), message)
    if k < 0:
        raise ValueError("Expect non-negative k.")
    if k == 0 or (k == 1 and t is None):
        if deriv_l is not None or deriv_r is not None or t is not None:
            raise ValueError(f"Too much info for k={k}: t and bc_type can only be None.")
        return spline_of(np.concatenate([*[x[:1]] * k, x, x[-1:]]), y, k, True, axis)
    if periodic and t is not None:
        raise NotImplementedError("For periodic case t is constructed automatically and can not be passed manually")
    t = knots_for(x, k, bc_type if periodic else None, deriv_l, deriv_r) if t is None else floating(t)
    n = x.shape[0]
    if t.ndim != 1:
        raise ValueError("Expect t to be a 1-D sorted array_like.")
    ensure(np.diff(t) >= 0, "Expect t to be a 1-D sorted array_like.")
    if t.shape[0] < n + k + 1:
        raise ValueError(f"Got {t.shape[0]} knots, need at least {n + k + 1}.")
    ensure((x[0] >= t[k]) & (x[-1] <= t[-k - 1]), "Out of bounds: x must lie between the inner knots.")
    if periodic:
        return spline_of(t, periodic_coefficients(x, y, t, k), k, "periodic", axis)
    left = end_conditions(deriv_l, y.shape[1:], "start", k)
    right = end_conditions(deriv_r, y.shape[1:], "end", k)
    count = t.shape[0] - k - 1
    if count - n != len(left) + len(right):
        raise ValueError(
            f"The number of derivatives at boundaries does not match: expected {count - n}, got "
            f"{len(left)}+{len(right)}"
        )
    if 0 in y.shape:
        return spline_of(t, np.zeros((count, *y.shape[1:])), k, True, axis)
    i = interval(t, x, k, count - 1)
    rows = [basis(t, k, x, i)]
    rows = [
        *(basis(t, k, x[:1], i[:1], order) for order, _ in left),
        *rows,
        *(basis(t, k, x[-1:], i[-1:], order) for order, _ in right),
    ]
    places = np.concatenate([*[i[:1]] * len(left), i, *[i[-1:]] * len(right)])
    b = np.concatenate([*(v[None] for _, v in left), y, *(v[None] for _, v in right)])
    return spline_of(t, collocated(np.concatenate(rows), places, b, k), k, True, axis)


def collocated(values: Any, i: Any, b: Any, k: int) -> Any:
    """The coefficients, from the values of the basis in each row, and the interval that belongs to it."""
    count = b.shape[0]
    row, first = np.arange(count)[:, None], i[:, None] - k + np.arange(k + 1)
    bands = np.zeros_like(values, shape=(2 * k + 1, count))
    bands[k + row - first, first] = values
    return np.reshape(solve_banded((k, k), bands, np.reshape(b, (count, -1))), b.shape)


def periodic_coefficients(x: Any, y: Any, t: Any, k: int) -> Any:
    """Those of a spline whose first k coefficients are its last ones: a cyclic system, one equation a point."""
    n = x.shape[0] - 1
    i = interval(t, x[:-1], k, n + k - 1)
    values = basis(t, k, x[:-1], i)
    columns = (i[:, None] - k + np.arange(k + 1)) % n
    system = np.zeros_like(values, shape=(n, n))
    np.add.at(system, (np.arange(n)[:, None], columns), values)
    c = np.reshape(np.linalg.solve(system, np.reshape(y[:-1], (n, -1))), y[:-1].shape)
    return c[np.arange(n + k) % n]


@instead_of(scipy.interpolate.splev)
def splev(x, tck, der=0, ext=0):
    """The spline with the knots, coefficients and degree `tck`, or a derivative of it, at x.

    Differentiable in x and in the coefficients and knots in tck. ext= as SciPy has it.
    """
    if isinstance(tck, scipy.interpolate.BSpline):
        return tck(x, der, extrapolate=ext == 0)
    t, c, k = tck
    if isinstance(c, list | tuple) and np.ndim(c[0]):
        return [splev(x, (t, part, k), der, ext) for part in c]
    if not 0 <= der <= k:
        raise ValueError(f"0<=der={der}<=k={k} must hold")
    if ext not in (0, 1, 2, 3):
        raise ValueError(f"ext = {ext} not in (0, 1, 2, 3) ")
    x, t, c = floating(x), floating(t), floating(c)
    start, end = t[k], t[-k - 1]
    inside = (start <= x) & (x <= end)
    if ext == 2:
        ensure(inside, "Found x value not in the domain")
    if ext == 3:
        x = np.clip(x, start, end)
    y = spline_value(t, c[: t.shape[0] - k - 1], k, x, der)
    return np.where(inside, y, 0.0) if ext == 1 else y

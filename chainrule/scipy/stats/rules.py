"""Functions of numbers that SciPy computes, with derivatives of ours: what the distributions are made of.

A distribution is declared by its log-density alone. The slope of its distribution function F in x is the density, that
of the quantile is one over it; and in a parameter p the slope of F is an integral, of the derivative of the density. By
the implicit function theorem the quantile then moves by -(dF/dp) / density.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.primitive import Aval, Primitive, keeps_all, keeps_nothing, register
from ...core.slots import Link, nothing, stretched
from ...core.trace import bind
from ...ops.families import add_up, aligned, fit, spread
from ...ops.signatures.tools import as_float
from ...transforms.forward import jvp
from ..linalg.arguments import of_all

LOG_2PI = math.log(2 * math.pi)

# ---- a function of numbers, from its value and its slopes -----------------------------------------------------------


class Rule(NamedTuple):
    """A function that broadcasts like a ufunc: how NumPy computes it, and its partial derivatives."""

    name: str
    value: Callable[..., Any]
    """`(*x) -> y`, of plain arrays"""
    slopes: tuple[Callable[..., Any] | None, ...]
    """For each argument `(y, *x) -> dy/dx`, in NumPy; None: it is constant in that one"""

    def __call__(self, *x: Any) -> Any:
        return bind(evaluate, *x, of=self)

    def __repr__(self) -> str:
        return self.name


def _aval(*x, of):
    return Aval(np.broadcast_shapes(*(a.shape for a in x)), np.dtype(float))


def _jvp(tangents, y, *x, of):
    moved = zip(tangents, of.slopes, strict=True)
    total = add_up([t * slope(y, *x) for t, slope in moved if t is not None and slope is not None])
    return None if total is None else spread(total, y)


def _vjp(wanted, ct, y, *x, of):
    return tuple(
        fit(ct * slope(y, *x), x_i) if on and slope is not None else None
        for on, slope, x_i in zip(wanted, of.slopes, x, strict=True)
    )


def _slots(wanted, y, *x, of):
    return tuple(
        (Link(stretched(x_i.shape, y.shape), lambda slope=slope: slope(y, *x)),) if on and slope is not None else ()
        for on, slope, x_i in zip(wanted, of.slopes, x, strict=True)
    )


evaluate = Primitive(
    "scipy.stats.function",
    impl=lambda *x, of: of.value(*x),
    aval=_aval,
    jvp=_jvp,
    vjp=_vjp,
    saves=keeps_all,
    batch=lambda is_batched, *x, of: bind(evaluate, *aligned(is_batched, x), of=of),
    slots=_slots,
    zeros="stay",
)
register(evaluate)


class Constant(NamedTuple):
    """A function that broadcasts like a ufunc, and has no slope anywhere: a condition, a step function."""

    name: str
    value: Callable[..., Any]
    dtype: Any = bool

    def __call__(self, *x: Any) -> Any:
        return bind(look, *x, of=self)

    def __repr__(self) -> str:
        return self.name


look = Primitive(
    "scipy.stats.constant",
    impl=lambda *x, of: np.broadcast_to(of.value(*x), np.broadcast_shapes(*map(np.shape, x))).astype(of.dtype)[()],
    aval=lambda *x, of: Aval(np.broadcast_shapes(*(a.shape for a in x)), np.dtype(of.dtype)),
    jvp=None,
    vjp=None,
    saves=keeps_nothing,
    batch=lambda is_batched, *x, of: bind(look, *aligned(is_batched, x), of=of),
    slots=nothing,
)
register(look)


def plainly(method: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's `method`, which takes vectors of numbers, for arrays that broadcast; NaN where one of them is NaN."""

    def value(*x):
        x = np.broadcast_arrays(*x)
        known = ~np.any([np.isnan(v) for v in x], axis=0)
        y = np.full(known.shape, np.nan)
        if known.any():
            with np.errstate(all="ignore"):
                y[known] = method(*(v[known] for v in x))
        return y[()]

    return value


def numbers(*xs: Any) -> list[Any]:
    """These as arrays of float64, which is what SciPy's distributions compute in."""
    return [as_float(x, "scipy.stats") for x in xs]


def partial(f: Callable[..., Any], i: int) -> Callable[..., Any]:
    """df/dx_i of a function that broadcasts like a ufunc, as such a function."""

    def slope(*x):
        return jvp(lambda x_i: f(*x[:i], x_i, *x[i + 1 :]), (x[i],), (np.ones_like(x[i]),))[1]

    return slope


# ---- integrals up to x, and beyond ----------------------------------------------------------------------------------
# Of a function that is small where the density is, taken over t = F^-1(p exp(-v)) for v from 0 to infinity, p = F(x).
# In v it is exp(-v) times something that grows slowly, whatever the distribution: a power of v, as a rule. The nodes
# are those of the double exponential rule v = exp(s - exp(-s)): H. Takahasi, M. Mori, Publ. RIMS 9 (1974).

STEP = 0.15
_s = np.arange(-3.6, 3.75, STEP)
_v = np.exp(_s - np.exp(-_s))
NODES, WEIGHTS = np.exp(-_v), STEP * (1 + np.exp(-_s)) * _v * np.exp(-_v)


class Law(NamedTuple):
    """A distribution as an integral over it sees it: functions of (x, *parameters), the quantiles of (p, *parameters).

    All but the log-density are of plain numbers.
    """

    name: str
    logpdf: Callable[..., Any]
    cdf: Callable[..., Any]
    sf: Callable[..., Any]
    ppf: Callable[..., Any]
    isf: Callable[..., Any]

    def nodes(self, x: Any, *theta: Any) -> tuple[np.ndarray, np.ndarray]:
        """Points t and weights w, along a new last axis: the sum of w g(t) is the integral of g up to x.

        That is for a g whose integral over everything is 0, for it is the lesser tail that is integrated over.
        """
        p, q = self.cdf(x, *theta), self.sf(x, *theta)
        below = (p <= q)[..., None]
        mass = np.where(below, p[..., None], q[..., None])
        u = mass * NODES
        each = [v[..., None] for v in theta]
        t = np.where(below, self.ppf(np.where(below, u, 0.5), *each), self.isf(np.where(below, 0.5, u), *each))
        density = np.exp(self.logpdf(t, *each))
        usable = (density > 0) & np.isfinite(density) & np.isfinite(t)
        inside = np.broadcast_to(x[..., None], t.shape)  # where nothing is lost with a weight of 0
        w = np.where(below, WEIGHTS, -WEIGHTS) * mass / np.where(usable, density, np.inf)
        return np.where(usable, t, inside), w


def integral(law: Law, g: Callable[..., Any], order: Sequence[int]) -> Rule:
    """The integral of g(t, *parameters) over t up to x; `order` says which derivatives of the density g is.

    Its slope in x is g, and in a parameter it is the same integral of the slope of g.
    """

    def value(x, *theta):
        x, *theta = np.broadcast_arrays(x, *theta)
        with np.errstate(all="ignore"):
            t, w = law.nodes(x, *theta)
            y = w * g(t, *(v[..., None] for v in theta))
            return np.sum(np.where(w == 0, 0.0, y), axis=-1) + 0.0 * x

    def in_parameter(i):
        return lambda y, x, *theta: integral(law, partial(g, i + 1), (*order, i))(x, *theta)

    count = law.logpdf.__code__.co_argcount - 1
    name = f"{law.name}.cdf, differentiated in {', '.join(map(str, order))}"
    return Rule(name, value, (lambda y, x, *theta: g(x, *theta), *map(in_parameter, range(count))))


def summed(g: Callable[..., Any], first: float) -> Callable[..., Any]:
    """The sum of g(j, *parameters) over the whole numbers j from `first` to k, as a function of (k, *parameters)."""

    def total(k, *theta):
        count = 1 + int(np.max(np.nan_to_num(np.floor(of_all(k)) - first, nan=-1), initial=-1))
        j = np.floor(k)[..., None] - np.arange(count)
        there = j >= first
        terms = g(np.where(there, j, first), *(v[..., None] for v in theta))
        return np.sum(np.where(there, terms, 0.0), axis=-1)

    return total

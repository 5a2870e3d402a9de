"""Distributions of one number: what one of SciPy's does with traced arguments, from a short declaration.

What is declared is the logarithm of the density, or of the probabilities of whole numbers, for location 0 and scale 1,
in NumPy and scipy.special. All other values come from SciPy; the slopes of the distribution function and of its inverse
follow (rules.py). A closed form of the distribution function may be declared, for speed, and one of its logarithm for
the far tails, where SciPy has that.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.trace import concrete
from ...ops.control import stop_gradient
from .rules import Constant, Law, Rule, integral, numbers, partial, plainly, summed
from .standing_in import refuse, stand_in

Function = Callable[..., Any]


class Standard:
    """A distribution with location 0 and scale 1: functions of (x, *shapes), and moments, functions of the shapes.

    Only `logdensity` has to be declared.

    cdf: a closed form of the distribution function, for its slopes in the shapes; logcdf and logsf: those of its
    logarithm, and of that of 1 - cdf, where they are right in the far tails, too; support: its ends, as a function of
    the shapes, where they are no numbers; law: see `Continuous`.
    """

    shift = 0
    """How far below the support the quantile of 0 is."""

    def __init__(
        self,
        original: Any,
        logdensity: Function,
        *,
        cdf: Function | None = None,
        logcdf: Function | None = None,
        logsf: Function | None = None,
        support: Function | None = None,
        mean: Function | None = None,
        var: Function | None = None,
        entropy: Function | None = None,
        law: Any = None,
    ):
        self.original, self.name, self.logdensity, self.law = original, original.name, logdensity, law
        self.mean, self.var, self.entropy = mean, var, entropy
        self.support = support or (lambda *shapes: (np.float64(original.a), np.float64(original.b)))
        self.valid = Constant(f"{self.name}, valid shapes", lambda *x: original._argcheck(*x) & ~np.isnan(sum(x)))
        forms = ((cdf, lambda y: 1.0), (logcdf, np.exp), (logsf, lambda y: -np.exp(y)))
        self.closed = next(((form, factor) for form, factor in forms if form is not None), None)
        self.in_shape = [self._in_shape(i) for i in range(original.numargs)]
        """The slopes of the distribution function in the shapes, functions of (x, *shapes)."""
        self.cdf = self._rule("cdf", 1.0)
        self.sf = self._rule("sf", -1.0)
        self.logcdf = logcdf or self._rule("logcdf", 1.0)
        self.logsf = logsf or self._rule("logsf", -1.0)

    density: Function
    ppf: Function
    isf: Function
    middle: Function
    """A point inside of the support, a constant, from the shapes."""
    position: Function
    """`(x, loc, scale) ->` where that is in the standardised distribution"""
    inside: Function
    """`(x, closed, *shapes) ->` whether that is in the support, whose ends belong to it if `closed`"""
    _of_x: Function
    """The slope of a function in x, from what it is where there is one."""
    _by_integration: Function
    """The slope of the distribution function in the i-th shape, for want of a closed form."""

    def of_scipy(self, name: str) -> Function:
        return plainly(getattr(self.original, f"_{name}"))

    def _in_shape(self, i: int) -> Function:
        if self.closed is None:
            return self._by_integration(i)
        f, factor = self.closed
        slope = partial(f, i + 1)
        return lambda x, *shapes: factor(f(x, *shapes)) * slope(x, *shapes)

    def _rule(self, name: str, sign: float) -> Rule:
        """SciPy's function `name`: that of the distribution up to the sign and a constant, or the logarithm."""
        if name.startswith("log"):
            in_x = self._of_x(lambda y, *x: sign * exp(np.where(y == -np.inf, y, self.logdensity(*x) - y)))
            slopes = [lambda y, *x, f=f: sign * f(*x) * exp(np.where(y == -np.inf, y, -y)) for f in self.in_shape]
        else:
            in_x = self._of_x(lambda y, *x: sign * self.density(*x))
            slopes = [lambda y, *x, f=f: sign * f(*x) for f in self.in_shape]
        return Rule(f"{self.name}.{name}", self.of_scipy(name), (in_x, *slopes))


def exp(y: Any) -> Any:
    """Where it is 0, so is its slope, be that of y infinite."""
    zero = y == -np.inf
    return np.where(zero, 0.0, np.exp(np.where(zero, 0.0, y)))


class Continuous(Standard):
    """The declaration of a continuous distribution.

    law: the same distribution as an integral over it sees it (rules.py), and a function of x that gives its variable,
    where x itself cannot tell places near an end of the support apart.
    """

    def __init__(self, original: Any, logdensity: Function, **rest: Any):
        super().__init__(original, logdensity, **rest)
        self.closed_support = Constant(f"{self.name}, support", original._support_mask)
        self.open_support = Constant(f"{self.name}, open support", original._open_support_mask)
        self.ppf, self.isf = self._inverse("ppf", 1.0), self._inverse("isf", -1.0)
        self.sample = Rule(f"{self.name}.rvs", lambda x, *shapes: x + 0.0 * sum(shapes), (None, *self._moving()))

    def density(self, x: Any, *shapes: Any) -> Any:
        """Where it is 0, so is its slope."""
        return exp(self.logdensity(x, *shapes))

    def _moving(self) -> list[Function]:
        """How the quantile y moves with each shape."""
        return [lambda y, p, *shapes, f=f: -f(y, *shapes) / self.density(y, *shapes) for f in self.in_shape]

    def _inverse(self, name: str, sign: float) -> Rule:
        slopes = (lambda y, p, *shapes: sign / self.density(y, *shapes), *self._moving())
        return Rule(f"{self.name}.{name}", self.of_scipy(name), slopes)

    def _of_x(self, slope: Function) -> Function:
        return slope

    def _by_integration(self, i: int) -> Function:
        law, variable = self.law or (Law(self.name, self.logdensity, *map(self.of_scipy, QUANTILES)), lambda x: x)
        found = integral(law, partial(lambda *x: exp(law.logpdf(*x)), i + 1), (i,))
        return lambda x, *shapes: found(variable(x), *shapes)

    def position(self, x: Any, loc: Any, scale: Any) -> Any:
        return (x - loc) / scale

    def inside(self, x: Any, closed: bool, *shapes: Any) -> Any:
        return self.closed_support(x, *shapes) & np.isfinite(x) if closed else self.open_support(x, *shapes)

    def middle(self, *shapes: Any) -> Any:
        """A point inside of the support, as a constant."""
        a, b = map(stop_gradient, self.support(*shapes))
        low, high = np.isfinite(a), np.isfinite(b)
        a, b = np.where(low, a, 0.0), np.where(high, b, 0.0)
        return np.where(low & high, 0.5 * (a + b), np.where(low, a + 0.75, np.where(high, b - 0.75, 0.25)))


QUANTILES = ("cdf", "sf", "ppf", "isf")


class Discrete(Standard):
    """The declaration of a distribution over whole numbers, which are constants, and so is the location."""

    shift = 1

    def __init__(self, original: Any, logdensity: Function, **rest: Any):
        super().__init__(original, logdensity, **rest)
        self.possible = Constant(f"{self.name}, support", original._nonzero)
        slopes = [partial(logdensity, i + 1) for i in range(original.numargs)]
        slopes = [lambda y, *x, f=f: np.where(y == 0, 0.0, y * f(*x)) for f in slopes]
        self.density = Rule(f"{self.name}.pmf", self.of_scipy("pmf"), (None, *slopes))
        self.ppf, self.isf = (Constant(f"{self.name}.{m}", self.of_scipy(m), float) for m in ("ppf", "isf"))

    def _of_x(self, slope: Function) -> None:
        return None

    def _by_integration(self, i: int) -> Function:
        return summed(lambda *x: partial(self.density, i + 1)(*x), self.original.a)

    def position(self, x: Any, loc: Any, scale: Any) -> Any:
        return stop_gradient(x - loc) / scale

    def inside(self, x: Any, closed: bool, *shapes: Any) -> Any:
        a, b = self.support(*shapes)
        return np.isfinite(x) & (a <= x) & ((x <= b) & self.possible(x, *shapes) if closed else x < b)

    def middle(self, *shapes: Any) -> Any:
        """The end of the support that is finite, as a constant."""
        a, b = map(stop_gradient, self.support(*shapes))
        return np.where(np.isfinite(a), a, np.where(np.isfinite(b), b, 0.0))


# ---- location and scale ---------------------------------------------------------------------------------------------


def parameters(self: Any, args: Any, kwds: Any) -> tuple[list[Any], Any, Any]:
    """The shapes, the location and the scale, which is NaN where they are not valid."""
    shapes, loc, scale = self._parse_args(*args, **kwds)
    loc, scale, *shapes = numbers(loc, scale, *shapes)
    valid = self.standard.valid(*shapes) if shapes else self.standard.original._argcheck() == 1
    return shapes, loc, np.where((scale > 0) & valid, scale, np.nan)


def at(self: Any, x: Any, args: Any, kwds: Any, name: str, below: float, above: float, density: Any = None) -> Any:
    """The function `name` of the standardised distribution, and outside of the support constants.

    density: how that is scaled.
    """
    standard = self.standard
    shapes, loc, scale = parameters(self, args, kwds)
    (x,) = numbers(x)
    with np.errstate(all="ignore"):
        z = standard.position(x, loc, scale)
        inside = standard.inside(z, density is not None, *shapes)
        y = getattr(standard, name)(np.where(inside, z, np.where(np.isnan(z), z, standard.middle(*shapes))), *shapes)
        y = y if density is None else density(y, scale)
        return np.where(
            inside, y, np.where(np.isnan(z), np.nan, np.where(z <= standard.support(*shapes)[0], below, above))
        )


def inverted(self: Any, p: Any, args: Any, kwds: Any, name: str, at_0: int, at_1: int) -> Any:
    """The quantile `name`; for p = 0 and p = 1 these ends of the support."""
    standard = self.standard
    shapes, loc, scale = parameters(self, args, kwds)
    (p,) = numbers(p)
    with np.errstate(all="ignore"):
        ends = standard.support(*shapes)
        ends = (ends[0] - standard.shift, ends[1])
        inside = (p > 0) & (p < 1)
        z = getattr(standard, name)(np.where(inside, p, 0.5), *shapes)
        z = np.where(inside, z, np.where(p == 0, ends[at_0], np.where(p == 1, ends[at_1], np.nan)))
        return np.where(np.isnan(scale), np.nan, z * scale + loc)


def moments(self: Any, args: Any, kwds: Any, *names: str) -> tuple[Any, Any, list[Any]]:
    """The location, the scale, and these moments of the standardised distribution."""
    shapes, loc, scale = parameters(self, args, kwds)
    for name in names:
        if getattr(self.standard, name) is None:
            raise refuse(f"{self.name}.{name}", "it has no rule here, for want of a closed form; integrate over ppf")
    with np.errstate(all="ignore"):
        return loc, scale, [getattr(self.standard, name)(*shapes) for name in names]


class Methods:
    """What a distribution does with traced arguments.

    Differentiable in x or q, the shapes, loc and scale: pdf, logpdf, cdf, logcdf, sf, logsf, ppf, isf, median,
    interval, support, nnlf; rvs, in the parameters; and mean, var, std, stats (of moments 'mv'), moment (up to 2) and
    entropy where there is a closed form. Outside of the support, and where the density is 0, its slope is 0.

    Discrete distributions: in the shapes only. The quantiles and the support are whole numbers, which have no slopes.
    """

    def _get_support(self: Any, *shapes):
        return self.standard.support(*shapes)

    def pdf(self: Any, x, *args, **kwds):
        """The density, differentiable in x and all parameters."""
        return at(self, x, args, kwds, "density", 0.0, 0.0, density=lambda y, scale: y / scale)

    def logpdf(self: Any, x, *args, **kwds):
        """The logarithm of the density, differentiable in x and all parameters."""
        return at(self, x, args, kwds, "logdensity", -np.inf, -np.inf, density=lambda y, scale: y - np.log(scale))

    def pmf(self: Any, k, *args, **kwds):
        """The probability of k, differentiable in the shapes; k and loc are constants."""
        return at(self, k, args, kwds, "density", 0.0, 0.0, density=lambda y, scale: y / scale)

    def logpmf(self: Any, k, *args, **kwds):
        """The logarithm of the probability of k, differentiable in the shapes; k and loc are constants."""
        return at(self, k, args, kwds, "logdensity", -np.inf, -np.inf, density=lambda y, scale: y - np.log(scale))

    def cdf(self: Any, x, *args, **kwds):
        """The distribution function: its slope in x is the density (of a discrete one, 0)."""
        return at(self, x, args, kwds, "cdf", 0.0, 1.0)

    def logcdf(self: Any, x, *args, **kwds):
        """The logarithm of the distribution function."""
        return at(self, x, args, kwds, "logcdf", -np.inf, 0.0)

    def sf(self: Any, x, *args, **kwds):
        """The survival function, 1 - cdf."""
        return at(self, x, args, kwds, "sf", 1.0, 0.0)

    def logsf(self: Any, x, *args, **kwds):
        """The logarithm of the survival function."""
        return at(self, x, args, kwds, "logsf", 0.0, -np.inf)

    def ppf(self: Any, q, *args, **kwds):
        """The quantile: its slope in q is one over the density there (of a discrete one, 0)."""
        return inverted(self, q, args, kwds, "ppf", 0, 1)

    def isf(self: Any, q, *args, **kwds):
        """The quantile of 1 - q."""
        return inverted(self, q, args, kwds, "isf", 1, 0)

    def median(self: Any, *args, **kwds):
        """The quantile of 1/2."""
        return self.ppf(0.5, *args, **kwds)

    def interval(self: Any, confidence, *args, **kwds):
        """The quantiles between which the probability is `confidence`, with equal probabilities on both sides."""
        (alpha,) = numbers(confidence)
        return self.ppf(0.5 * (1.0 - alpha), *args, **kwds), self.ppf(0.5 * (1.0 + alpha), *args, **kwds)

    def support(self: Any, *args, **kwds):
        """The ends of the support."""
        shapes, loc, scale = parameters(self, args, kwds)
        a, b = self.standard.support(*shapes)
        return a * scale + loc, b * scale + loc

    def mean(self: Any, *args, **kwds):
        """The mean, where it has a closed form."""
        loc, scale, (mean,) = moments(self, args, kwds, "mean")
        return mean * scale + loc

    def var(self: Any, *args, **kwds):
        """The variance, where it has a closed form."""
        _, scale, (var,) = moments(self, args, kwds, "var")
        return var * scale * scale

    def std(self: Any, *args, **kwds):
        """The square root of the variance."""
        return np.sqrt(self.var(*args, **kwds))

    def entropy(self: Any, *args, **kwds):
        """The entropy, where it has a closed form."""
        _, scale, (entropy,) = moments(self, args, kwds, "entropy")
        return entropy + np.log(scale)

    def stats(self: Any, *args, moments="mv", **kwds):
        """The mean ('m') and the variance ('v'), where they have closed forms; 's' and 'k' are refused."""
        if set(moments) - set("mv"):
            raise refuse(f"{self.name}.stats", f"of moments={moments!r} there are rules here for 'm' and 'v' only")
        found = [getattr(self, name)(*args, **kwds) for name in ("mean", "var") if name[0] in moments]
        return found[0] if len(found) == 1 else tuple(found)

    def moment(self: Any, order, *args, **kwds):
        """The mean of x**order, for order 1 and 2."""
        if order not in (1, 2):
            raise refuse(f"{self.name}.moment", f"order={order!r}: there are rules here for 1 and 2 only")
        mean = self.mean(*args, **kwds)
        return mean if order == 1 else self.var(*args, **kwds) + mean * mean

    def nnlf(self: Any, theta, x):
        """The negative log-likelihood of a sample x; `theta` has the shapes, loc and scale (if discrete, no scale).

        It is infinite where the parameters are not valid, or x is outside of the support, and its slope is 0 there.
        """
        density = getattr(self, "logpdf" if hasattr(self, "logpdf") else "logpmf")
        y = -np.sum(density(np.ravel(x), *(theta[i] for i in range(len(theta)))))
        return np.where(np.isnan(y), np.inf, y)

    def rvs(self: Any, *args, **kwds):
        """A sample that moves with the parameters.

        The numbers are SciPy's for this random_state. Each stays the quantile of the same probability when a parameter
        p changes: it moves by -(dF/dp) / density (M. Figurnov, S. Mohamed, A. Mnih, *Implicit reparameterization
        gradients*, NeurIPS 2018). So the gradient of the mean of f(sample) is an unbiased estimate of that of the
        expectation. A sample of a discrete distribution cannot move, and is refused.
        """
        if isinstance(self.standard, Discrete):
            raise refuse(
                f"{self.name}.rvs", "whole numbers do not move with the parameters: take stop_gradient of these"
            )
        size, state = kwds.pop("size", None), kwds.pop("random_state", None)
        shapes, loc, scale = parameters(self, args, kwds)
        whole = [concrete(v, f"{self.name}.rvs") for v in (*shapes, loc, scale)]
        if size is None:
            size = np.broadcast_shapes(*map(np.shape, whole))
        plain = self.standard.original.rvs(*whole[:-2], size=size, random_state=state)
        return self.standard.sample(np.asarray(plain, float), *shapes) * scale + loc

    def expect(self: Any, *args, **kwds):
        """It is refused: the function that it takes is integrated adaptively, by looking at values."""
        raise refuse(
            f"{self.name}.expect", "take the mean of the function over ppf(q), q being evenly spread in (0, 1)"
        )

    def fit(self: Any, *args, **kwds):
        """It is refused: its result is that of a search."""
        raise refuse(f"{self.name}.fit", "the result of a search has no rule: minimise nnlf with its gradient")

    def fit_loc_scale(self: Any, *args, **kwds):
        """It is refused: see mean and var."""
        raise refuse(f"{self.name}.fit_loc_scale", "write it with np.mean and np.var of the data")


def continuous(original: Any, logdensity: Function, **rest: Any) -> Any:
    """SciPy's distribution `original`, which takes traced arguments, from its declaration (see `Standard`)."""
    return stand_in(original, Methods, {"standard": Continuous(original, logdensity, **rest)})


def discrete(original: Any, logdensity: Function, **rest: Any) -> Any:
    """The same for a distribution over whole numbers."""
    return stand_in(original, Methods, {"standard": Discrete(original, logdensity, **rest)})

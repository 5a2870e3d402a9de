"""Statistics of samples along axes: means, moments, scores, entropies, and how far two samples are from each other."""

import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sc
import scipy.stats

from ...core.trace import bind, concrete
from ...ops.control import check
from ...ops.signatures.tools import all_axes, array, is_inexact, one_axis
from ..namespace import instead_of
from .betas import beta as beta_distribution, t as t_distribution
from .standing_in import refuse

# ---- axes and NaN ---------------------------------------------------------------------------------------------------


def floats(x: Any) -> Any:
    """`x` as an array of floating point numbers, in its own precision."""
    x = array(x)
    return x if is_inexact(x) else x.astype(float)


def along(function: Callable[..., Any], xs: Any, axis: Any, nan_policy: str, keepdims: Any, what: str) -> Any:
    """`function`, which reduces the last axis of arrays of one shape, over the axes that were asked for."""
    xs = np.broadcast_arrays(*map(floats, xs)) if len(xs) > 1 else [floats(xs[0])]
    axes = all_axes(axis, xs[0].ndim)
    rest = [n for i, n in enumerate(xs[0].shape) if i not in axes]
    ends = range(-len(axes), 0)
    xs = [np.reshape(np.moveaxis(x, axes, ends), (*rest, math.prod(x.shape[i] for i in axes))) for x in xs]
    policed(xs, nan_policy)
    y = without_nan(function, xs, what) if nan_policy == "omit" else function(*xs)
    return np.expand_dims(y, axes) if keepdims else y


def policed(xs: Any, nan_policy: str) -> None:
    if nan_policy not in ("propagate", "raise", "omit"):
        raise ValueError(f"nan_policy must be one of {{'propagate', 'raise', 'omit'}}; {nan_policy!r} was given")
    if nan_policy == "raise":
        for x in xs:
            bind(check, ~np.isnan(x), error=ValueError, message="The input contains nan values")


def without_nan(function: Callable[..., Any], xs: Any, what: str) -> Any:
    """Row by row, for in each others may be missing; from all arrays what is missing in one."""
    missing = np.any([np.isnan(concrete(x, f"scipy.stats.{what}, nan_policy='omit'")) for x in xs], axis=0)
    if not missing.any():
        return function(*xs)
    lead = missing.shape[:-1]
    rows = [function(*(x[at][~missing[at]] for x in xs)) for at in np.ndindex(lead)]
    return np.reshape(np.stack(rows), lead)


def weighted_mean(x: Any, weights: Any) -> Any:
    if weights is None:
        return np.mean(x, axis=-1)
    return np.sum(x * weights, axis=-1) / np.sum(weights, axis=-1)


def with_weights(mean: Callable[..., Any], a: Any, dtype: Any, weights: Any, rest: Any) -> Any:
    xs = [a] if weights is None else [a, weights]
    xs = [floats(x) if dtype is None else array(x).astype(dtype) for x in xs]
    return along(lambda x, w=None: mean(x, w), xs, *rest)


# ---- means ----------------------------------------------------------------------------------------------------------


def no_negatives(a: Any) -> Any:
    return np.where(a < 0, np.nan, a)


@instead_of(scipy.stats.gmean)
def gmean(a, axis=0, dtype=None, weights=None, *, nan_policy="propagate", keepdims=False):
    """The geometric mean, differentiable in a and the weights."""
    rest = (axis, nan_policy, keepdims, "gmean")
    return with_weights(lambda x, w: np.exp(weighted_mean(np.log(x), w)), a, dtype, weights, rest)


@instead_of(scipy.stats.hmean)
def hmean(a, axis=0, dtype=None, *, weights=None, nan_policy="propagate", keepdims=False):
    """The harmonic mean, differentiable in a and the weights."""
    rest = (axis, nan_policy, keepdims, "hmean")
    return with_weights(lambda x, w: 1.0 / weighted_mean(1.0 / no_negatives(x), w), a, dtype, weights, rest)


@instead_of(scipy.stats.pmean)
def pmean(a, p, *, axis=0, dtype=None, weights=None, nan_policy="propagate", keepdims=False):
    """The mean of the power p, differentiable in a and the weights; p is a number."""
    if not isinstance(p, int | float):
        raise ValueError("Power mean only defined for exponent of type int or float.")
    if p == 0:
        return gmean(a, axis, dtype, weights, nan_policy=nan_policy, keepdims=keepdims)
    if math.isinf(p):
        raise NotImplementedError("Power mean only implemented for finite `p`")
    rest = (axis, nan_policy, keepdims, "pmean")
    power = lambda x, w: weighted_mean(no_negatives(x) ** float(p), w) ** (1 / p)  # noqa: E731
    return with_weights(power, a, dtype, weights, rest)


@instead_of(scipy.stats.trim_mean)
def trim_mean(a, proportiontocut, axis=0, *, nan_policy="propagate", keepdims=False):
    """The mean without the smallest and the largest parts, differentiable in a."""

    def of_rows(x):
        n = x.shape[-1]
        cut = int(proportiontocut * n)
        if 2 * cut >= n:
            raise ValueError("Proportion too big.")
        middle = np.mean(np.sort(x, axis=-1)[..., cut : n - cut], axis=-1)
        return np.where(np.any(np.isnan(x), axis=-1), np.nan, middle)

    return along(of_rows, [a], axis, nan_policy, keepdims, "trim_mean")


# ---- moments --------------------------------------------------------------------------------------------------------


def central(x: Any, *orders: int) -> list[Any]:
    """Central moments."""
    dev = x - np.mean(x, axis=-1, keepdims=True)
    return [np.mean(dev**k, axis=-1) for k in orders]


def is_constant(x: Any, variance: Any) -> Any:
    """Whether a variance is rounding error."""
    return variance <= np.square(np.finfo(variance.dtype).eps * np.mean(x, axis=-1))


@instead_of(scipy.stats.moment)
def moment(a, order=1, axis=0, nan_policy="propagate", *, center=None, keepdims=False):
    """The moments around `center`, by default the mean; differentiable in a and center."""

    def of_rows(x, k):
        if k != round(k):
            raise ValueError("All elements of `order` must be integral.")
        if k == 0 or (k == 1 and center is None):
            return 0.0 * np.sum(x, axis=-1) + (k == 0)
        dev = x - (np.mean(x, axis=-1, keepdims=True) if center is None else center)
        return np.mean(dev ** int(k), axis=-1)

    orders = np.asarray(order)
    if orders.ndim > 1 or not orders.size:
        raise ValueError("`order` must be a scalar or a non-empty 1D array.")
    rest = ([a], axis, nan_policy, keepdims, "moment")
    parts = [along(lambda x, k=k: of_rows(x, k), *rest) for k in orders.ravel()]
    return np.stack(parts) if orders.ndim else parts[0]


@instead_of(scipy.stats.skew)
def skew(a, axis=0, bias=True, nan_policy="propagate", *, keepdims=False):
    """The third central moment over the power 3/2 of the second."""

    def of_rows(x):
        n = x.shape[-1]
        m2, m3 = central(x, 2, 3)
        constant = is_constant(x, m2)
        m2 = np.where(constant, np.nan, m2)
        y = m3 / m2**1.5
        return y if bias or n <= 2 else y * (math.sqrt((n - 1.0) * n) / (n - 2.0))

    return along(of_rows, [a], axis, nan_policy, keepdims, "skew")


@instead_of(scipy.stats.kurtosis)
def kurtosis(a, axis=0, fisher=True, bias=True, nan_policy="propagate", *, keepdims=False):
    """The fourth central moment over the square of the second; with fisher less 3."""

    def of_rows(x):
        n = x.shape[-1]
        m2, m4 = central(x, 2, 4)
        m2 = np.where(is_constant(x, m2), np.nan, m2)
        y = m4 / (m2 * m2)
        if not bias and n > 3:
            y = ((n * n - 1.0) * y - 3 * (n - 1) ** 2.0) / (n - 2) / (n - 3) + 3.0
        return y - 3.0 if fisher else y

    return along(of_rows, [a], axis, nan_policy, keepdims, "kurtosis")


@instead_of(scipy.stats.sem)
def sem(a, axis=0, ddof=1, nan_policy="propagate", *, keepdims=False):
    """The standard error of the mean."""
    of_rows = lambda x: np.std(x, axis=-1, ddof=ddof) / x.shape[-1] ** 0.5  # noqa: E731
    return along(of_rows, [a], axis, nan_policy, keepdims, "sem")


@instead_of(scipy.stats.variation)
def variation(a, axis=0, nan_policy="propagate", ddof=0, *, keepdims=False):
    """The standard deviation over the mean."""
    of_rows = lambda x: np.std(x, axis=-1, ddof=ddof) / np.mean(x, axis=-1)  # noqa: E731
    return along(of_rows, [a], axis, nan_policy, keepdims, "variation")


@instead_of(scipy.stats.gstd)
def gstd(a, axis=0, ddof=1, *, keepdims=False, nan_policy="propagate"):
    """The geometric standard deviation."""
    of_rows = lambda x: np.exp(np.std(np.log(x), axis=-1, ddof=ddof))  # noqa: E731
    return along(of_rows, [a], axis, nan_policy, keepdims, "gstd")


@instead_of(scipy.stats.kstat)
def kstat(data, n=2, *, axis=None, nan_policy="propagate", keepdims=False):
    """The n-th k-statistic, n from 1 to 4: an unbiased estimate of the cumulant."""
    if n not in (1, 2, 3, 4):
        raise ValueError("k-statistics only supported for 1<=n<=4")

    def of_rows(x):
        size = float(x.shape[-1])
        if n == 1:
            return np.mean(x, axis=-1)
        m2, mn = central(x, 2, n)
        if n == 2:
            return size / (size - 1) * m2
        if n == 3:
            return size * size / ((size - 1) * (size - 2)) * mn
        whole = size * size * ((size + 1) * mn - 3 * (size - 1) * m2 * m2)
        return whole / ((size - 1) * (size - 2) * (size - 3))

    return along(of_rows, [data], axis, nan_policy, keepdims, "kstat")


DescribeResult = namedtuple("DescribeResult", ("nobs", "minmax", "mean", "variance", "skewness", "kurtosis"))


@instead_of(scipy.stats.describe)
def describe(a, axis=0, ddof=1, bias=True, nan_policy="propagate"):
    """The number of observations, and differentiable the extremes, the mean, the variance, skewness and kurtosis."""
    a = floats(a)
    policed([a], nan_policy)
    if nan_policy == "omit":
        raise refuse("describe", "nan_policy='omit' gives masked arrays, which have no derivatives")
    if not a.size:
        raise ValueError("The input must not be empty.")
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    extremes = np.min(a, axis=axis), np.max(a, axis=axis)
    shapes = skew(a, axis, bias), kurtosis(a, axis, True, bias)
    return DescribeResult(a.shape[axis], extremes, np.mean(a, axis=axis), np.var(a, axis=axis, ddof=ddof), *shapes)


# ---- order ----------------------------------------------------------------------------------------------------------


@instead_of(scipy.stats.iqr)
def iqr(x, axis=None, rng=(25, 75), scale=1.0, nan_policy="propagate", interpolation: Any = "linear", keepdims=False):
    """The range between two percentiles, differentiable in x."""
    if isinstance(scale, str):
        if scale.lower() != "normal":
            raise ValueError(f"{scale} not a valid scale for `iqr`")
        scale = 2 * math.sqrt(2) * sc.erfinv(0.5)
    if len(rng) != 2:
        raise TypeError("`rng` must be a two element sequence.")
    if np.isnan(rng).any():
        raise ValueError("`rng` must not contain NaNs.")

    def of_rows(x):
        low, high = (np.percentile(x, p, axis=-1, method=interpolation) for p in sorted(rng))
        return (high - low) / scale

    return along(of_rows, [x], axis, nan_policy, keepdims, "iqr")


@instead_of(scipy.stats.median_abs_deviation)
def median_abs_deviation(x, axis=0, center=None, scale=1.0, nan_policy="propagate", *, keepdims=False):
    """The median of the distances from the median, or from what the function `center` gives."""
    if isinstance(scale, str):
        if scale.lower() != "normal":
            raise ValueError(f"{scale} is not a valid scale value.")
        scale = float(sc.ndtri(0.75))

    def of_rows(x):
        middle = np.median(x, axis=-1) if center is None else center(x, axis=-1)
        return np.median(np.abs(x - middle[..., None]), axis=-1) / scale

    return along(of_rows, [x], axis, nan_policy, keepdims, "median_abs_deviation")


# ---- scores ---------------------------------------------------------------------------------------------------------


@instead_of(scipy.stats.zmap)
def zmap(scores, compare, axis=0, ddof=0, nan_policy="propagate"):
    """Scores less the mean of `compare`, over its standard deviation."""
    same = scores is compare
    scores, compare = floats(scores), floats(compare)
    policed([compare], nan_policy)
    mean, std = (np.nanmean, np.nanstd) if nan_policy == "omit" else (np.mean, np.std)
    middle, width = mean(compare, axis=axis, keepdims=True), std(compare, axis=axis, ddof=ddof, keepdims=True)
    if same:
        width = np.where(width <= np.abs(np.finfo(width.dtype).eps * middle), np.nan, width)
    return (scores - middle) / width


@instead_of(scipy.stats.zscore)
def zscore(a, axis=0, ddof=0, nan_policy="propagate"):
    """The numbers less their mean, over their standard deviation."""
    return zmap(a, a, axis, ddof, nan_policy)


@instead_of(scipy.stats.gzscore)
def gzscore(a, *, axis=0, ddof=0, nan_policy="propagate"):
    """The scores of the logarithms."""
    return zscore(np.log(floats(a)), axis, ddof, nan_policy)


# ---- entropies ------------------------------------------------------------------------------------------------------


def in_base(base: Any) -> float:
    if base is not None and base <= 0:
        raise ValueError("`base` must be a positive number or `None`.")
    return 1.0 if base is None else math.log(base)


@instead_of(scipy.stats.entropy)
def entropy(pk, qk=None, base=None, axis=0, *, nan_policy="propagate", keepdims=False):
    """The entropy of probabilities, which are made to sum to 1, or that relative to others."""
    unit = in_base(base)

    def of_rows(p, q=None):
        p = p / np.sum(p, axis=-1, keepdims=True)
        if q is None:
            return np.sum(sc.entr(p), axis=-1) / unit
        return np.sum(sc.rel_entr(p, q / np.sum(q, axis=-1, keepdims=True)), axis=-1) / unit

    return along(of_rows, [pk] if qk is None else [pk, qk], axis, nan_policy, keepdims, "entropy")


@instead_of(scipy.stats.differential_entropy)
def differential_entropy(
    values, *, window_length=None, base=None, axis=0, method="auto", nan_policy="propagate", keepdims=False
):
    """An estimate of the entropy from the gaps in a sorted sample."""
    unit, method = in_base(base), method.lower()
    if method not in ("auto", "vasicek", "van es", "correa", "ebrahimi"):
        raise ValueError("`method` must be one of {'auto', 'correa', 'ebrahimi', 'van es', 'vasicek'}")

    def of_rows(x):
        n = x.shape[-1]
        m = math.floor(math.sqrt(n) + 0.5) if window_length is None else window_length
        if not 2 <= 2 * m < n:
            raise ValueError(f"Window length ({m}) must be positive and less than half the sample size ({n}).")
        kind = method if method != "auto" else "van es" if n <= 10 else "ebrahimi" if n <= 1000 else "vasicek"
        return ENTROPIES[kind](np.sort(x, axis=-1), n, m) / unit

    return along(of_rows, [values], axis, nan_policy, keepdims, "differential_entropy")


def padded(x: Any, m: int) -> Any:
    """A sorted sample, with its ends m times more."""
    return np.concatenate([*[x[..., :1]] * m, x, *[x[..., -1:]] * m], axis=-1)


def vasicek(x, n, m):
    x = padded(x, m)
    return np.mean(np.log(n / (2 * m) * (x[..., 2 * m :] - x[..., : -2 * m])), axis=-1)


def van_es(x, n, m):
    gaps = np.mean(np.log((n + 1) / m * (x[..., m:] - x[..., :-m])), axis=-1)
    return gaps + np.sum(1 / np.arange(m, n + 1)) + math.log(m) - math.log(n + 1)


def ebrahimi(x, n, m):
    x, i = padded(x, m), np.arange(1, n + 1)
    share = 1 + np.minimum(np.minimum(i - 1, n - i) / m, 1.0)
    return np.mean(np.log(n / (share * m) * (x[..., 2 * m :] - x[..., : -2 * m])), axis=-1)


def correa(x, n, m):
    windows = np.arange(n)[:, None] + np.arange(2 * m + 1)
    steps = np.arange(-m, m + 1)
    local = padded(x, m)[..., windows]
    dev = local - np.mean(local, axis=-1, keepdims=True)
    slopes = np.sum(dev * steps, axis=-1) / (n * np.sum(dev * dev, axis=-1))
    return -np.mean(np.log(slopes), axis=-1)


ENTROPIES = {"vasicek": vasicek, "van es": van_es, "ebrahimi": ebrahimi, "correa": correa}

# ---- around the circle ----------------------------------------------------------------------------------------------


def resultant(x: Any, period: Any) -> tuple[Any, Any]:
    """The mean of points on the unit circle: its length and its angle."""
    angle = x * (2 * math.pi / period)
    sine, cosine = np.mean(np.sin(angle), axis=-1), np.mean(np.cos(angle), axis=-1)
    return np.minimum(np.sqrt(sine * sine + cosine * cosine), 1.0), np.arctan2(sine, cosine)


@instead_of(scipy.stats.circmean)
def circmean(samples, high=2 * math.pi, low=0, axis=None, nan_policy="propagate", *, keepdims=False):
    """The direction of the mean of points on a circle, differentiable in the samples."""
    period = high - low
    of_rows = lambda x: np.mod(resultant(x, period)[1] * (period / (2 * math.pi)) - low, period) + low  # noqa: E731
    return along(of_rows, [samples], axis, nan_policy, keepdims, "circmean")


@instead_of(scipy.stats.circvar)
def circvar(samples, high=2 * math.pi, low=0, axis=None, nan_policy="propagate", *, keepdims=False):
    """1 less the length of the mean of points on a circle."""
    return along(lambda x: 1.0 - resultant(x, high - low)[0], [samples], axis, nan_policy, keepdims, "circvar")


@instead_of(scipy.stats.circstd)
def circstd(samples, high=2 * math.pi, low=0, axis=None, nan_policy="propagate", *, normalize=False, keepdims=False):
    """The standard deviation of the wrapped normal distribution with that length of the mean."""
    unit = 1.0 if normalize else (high - low) / (2 * math.pi)
    of_rows = lambda x: unit * np.sqrt(-2 * np.log(resultant(x, high - low)[0]))  # noqa: E731
    return along(of_rows, [samples], axis, nan_policy, keepdims, "circstd")


# ---- two samples ----------------------------------------------------------------------------------------------------

PearsonRResult = namedtuple("PearsonRResult", ("statistic", "pvalue"))
LinregressResult: Any = type(scipy.stats.linregress([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]))


def tail(cdf: Any, sf: Any, alternative: str) -> Any:
    """The probability that a test gives to what is as extreme."""
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError("`alternative` must be 'less', 'greater', or 'two-sided'.")
    return cdf if alternative == "less" else sf if alternative == "greater" else 2 * np.minimum(cdf, sf)


def correlation(x: Any, y: Any) -> Any:
    x, y = (v - np.mean(v, axis=-1, keepdims=True) for v in (x, y))
    x, y = (v / np.sqrt(np.sum(v * v, axis=-1, keepdims=True)) for v in (x, y))
    return np.clip(np.sum(x * y, axis=-1), -1.0, 1.0)


@instead_of(scipy.stats.pearsonr)
def pearsonr(x, y, *, alternative="two-sided", method=None, axis=0):
    """The correlation and its p-value, both differentiable in x and y; a named tuple."""
    if method is not None:
        raise refuse("pearsonr", f"method={method!r} draws random samples: leave it away")
    x, y = floats(x), floats(y)
    x, y, axis = (np.ravel(x), np.ravel(y), 0) if axis is None else (x, y, one_axis(axis, x.ndim))
    n = x.shape[axis]
    if n != y.shape[axis]:
        raise ValueError("`x` and `y` must have the same length along `axis`.")
    if n < 2:
        raise ValueError("`x` and `y` must have length at least 2.")
    r = along(correlation, [x, y], axis, "propagate", False, "pearsonr")
    if n == 2:
        return PearsonRResult(np.round(r), np.ones(r.shape))
    half = n / 2 - 1
    place = (half, half, -1, 2)
    return PearsonRResult(r, tail(beta_distribution.cdf(r, *place), beta_distribution.sf(r, *place), alternative))


@instead_of(scipy.stats.linregress)
def linregress(x, y, alternative="two-sided", *, axis=0, nan_policy="propagate", keepdims=False):
    """The line of least squares: everything in the result is differentiable in x and y."""

    def part(i):
        return along(lambda x, y: line(x, y, alternative)[i], [x, y], axis, nan_policy, keepdims, "linregress")

    slope, intercept, r, p, error, intercept_error = map(part, range(6))
    return LinregressResult(
        slope=slope, intercept=intercept, rvalue=r, pvalue=p, stderr=error, intercept_stderr=intercept_error
    )


def line(x: Any, y: Any, alternative: str) -> tuple[Any, ...]:
    n = x.shape[-1]
    if n < 2:
        raise ValueError("Inputs must not be empty.")
    mean_x, mean_y = np.mean(x, axis=-1), np.mean(y, axis=-1)
    dx, dy = x - mean_x[..., None], y - mean_y[..., None]
    xx, xy, yy = (np.mean(a * b, axis=-1) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    slope = xy / xx
    r = np.clip(xy / np.sqrt(xx * yy), -1.0, 1.0)
    if n == 2:
        zero = 0.0 * r
        return slope, mean_y - slope * mean_x, r, zero + np.where(yy == 0, 1.0, 0.0), zero, zero
    df = n - 2
    t = r * np.sqrt(df / ((1.0 - r + 1e-20) * (1.0 + r + 1e-20)))
    p = tail(t_distribution.cdf(t, df), t_distribution.sf(t, df), alternative)
    error = np.sqrt((1 - r * r) * yy / xx / df)
    return slope, mean_y - slope * mean_x, r, p, error, error * np.sqrt(xx + mean_x * mean_x)


def step_heights(values: Any, weights: Any, at: Any) -> Any:
    """The distribution function of a sample at these places, in the sorted union with another one."""
    order = np.argsort(values)
    places = np.searchsorted(values[order], at, side="right")
    if weights is None:
        return places / values.size
    weights = floats(weights)
    if weights.shape != values.shape:
        raise ValueError("Value and weight array-likes for the same empirical distribution must be of the same size.")
    heights = np.concatenate([np.zeros(1), np.cumsum(weights[order])])
    return heights[places] / heights[-1]


def between_steps(u_values: Any, v_values: Any, u_weights: Any, v_weights: Any) -> tuple[Any, Any]:
    """How far two distribution functions are from each other, and on how long an interval each."""
    u, v = (np.ravel(floats(x)) for x in (u_values, v_values))
    if not u.size or not v.size:
        raise ValueError("Distribution can't be empty.")
    both = np.sort(np.concatenate([u, v]))
    gap = step_heights(u, u_weights, both[:-1]) - step_heights(v, v_weights, both[:-1])
    return gap, np.diff(both)


@instead_of(scipy.stats.wasserstein_distance)
def wasserstein_distance(u_values, v_values, u_weights=None, v_weights=None):
    """The area between two distribution functions, differentiable in the values and the weights."""
    gap, width = between_steps(u_values, v_values, u_weights, v_weights)
    return np.sum(np.abs(gap) * width)


@instead_of(scipy.stats.energy_distance)
def energy_distance(u_values, v_values, u_weights=None, v_weights=None):
    """The distance of two distribution functions in square mean, differentiable in the values and the weights."""
    gap, width = between_steps(u_values, v_values, u_weights, v_weights)
    return math.sqrt(2) * np.sqrt(np.sum(gap * gap * width))

"""Distributions of vectors and matrices.

Of a symmetric matrix SciPy reads the lower triangle alone, in most places; what it does not read has no gradient. Axes
of length one are dropped from results, as SciPy does.
"""

from typing import Any

import numpy as np
import scipy.special as sc
import scipy.stats

from ...core.trace import bind, is_traced
from ...ops.control import check
from ..linalg import solve_triangular
from .rules import LOG_2PI, numbers
from .standing_in import refuse, stand_in

LOG_2 = np.log(2.0)


class Frozen:
    """A distribution with its parameters: what SciPy's has, and for traced arguments what the distribution does."""

    def __init__(self, distribution: Any, plain: Any, args: Any, kwargs: Any):
        self.distribution, self.plain, self.args, self.kwargs = distribution, plain, args, kwargs

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self.distribution.entered:
            if self.plain is None:
                raise refuse(f"{type(self.distribution).__name__}.{name}", "it has no rule here")
            return getattr(self.plain, name)

        def method(*x, **rest):
            if self.plain is not None and not is_traced((x, rest)):
                return getattr(self.plain, name)(*x, **rest)
            return getattr(self.distribution, name)(*x, *self.args, **self.kwargs, **rest)

        return method


def freeze(self: Any, *args: Any, **kwargs: Any) -> Frozen:
    plain = None if is_traced((args, kwargs)) else self.original(*args, **kwargs)
    kwargs.pop("seed", None)
    return Frozen(self, plain, args, kwargs)


def of_vectors(original: Any) -> Any:
    """Makes the decorated class what `original`, a distribution of SciPy's, does with traced arguments."""

    def enter(methods):
        entered = frozenset(name for name in dir(methods) if not name.startswith("_"))
        return stand_in(original, methods, {"original": original, "entered": entered, "__call__": freeze})

    return enter


class Density:
    """The density, from its logarithm."""

    def pdf(self: Any, *args, **kwargs):
        """The density; see logpdf."""
        return np.exp(self.logpdf(*args, **kwargs))

    def pmf(self: Any, *args, **kwargs):
        """The probability; see logpmf."""
        return np.exp(self.logpmf(*args, **kwargs))


def no_cdf(name: str, instead: str) -> Any:
    def cdf(self, *args, **kwargs):
        raise refuse(name, instead)

    cdf.__doc__ = f"It is refused: {instead}."
    return cdf


def holds(condition: Any, message: str) -> None:
    """SciPy's error for values that are not allowed, where they are known."""
    bind(check, condition, error=ValueError, message=message)


# ---- symmetric matrices ---------------------------------------------------------------------------------------------


def matrix_of(cov: Any, dim: int, what: str) -> Any:
    """A covariance, given as a number, a diagonal or a matrix, as a matrix."""
    shape = np.shape(cov)
    if len(shape) > 2:
        raise ValueError(f"Array {what!r} must be at most two-dimensional, but {what}.ndim = {len(shape)}")
    if len(shape) == 2:
        if shape != (dim, dim):
            raise ValueError(f"Array {what!r} of shape {shape} does not fit: it should be {(dim, dim)}")
        return cov
    if len(shape) == 1 and shape not in ((dim,), (1,)):
        raise ValueError(f"Array {what!r} of shape {shape} does not fit: it should be {(dim,)}")
    return cov * np.eye(dim)


def log_det(factor: Any) -> Any:
    """Of the matrix that has this Cholesky factor."""
    return 2 * np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def square_length(factor: Any, dev: Any) -> Any:
    """The squares of the lengths of vectors, the last axis of `dev`, as the matrix with this factor measures them."""
    flat = np.reshape(dev, (-1, dev.shape[-1]))
    white = solve_triangular(factor, flat.T, lower=True)
    return np.reshape(np.sum(white * white, axis=0), dev.shape[:-1])


def located(mean: Any, cov: Any, names: tuple[str, str]) -> tuple[int, Any, Any]:
    """The dimension, the mean as a vector, and the covariance as a matrix."""
    cov = 1.0 if cov is None else cov
    (cov,) = numbers(cov)
    if mean is None:
        dim = np.shape(cov)[0] if np.ndim(cov) == 2 else 1
        mean = np.zeros(dim)
    (mean,) = numbers(mean)
    dim = mean.size
    if dim == 1:
        mean, cov = np.reshape(mean, (1,)), np.reshape(cov, (1, 1))
    if np.ndim(mean) != 1:
        raise ValueError(f"Array {names[0]!r} must be a vector of length {dim}.")
    return dim, mean, matrix_of(cov, dim, names[1])


def quantiles(x: Any, dim: int) -> Any:
    """Points along the last axis."""
    (x,) = numbers(x)
    if x.ndim == 0:
        return np.reshape(x, (1,))
    return np.reshape(x, (-1, 1) if dim == 1 else (1, -1)) if x.ndim == 1 else x


def singular_logpdf(x: Any, mean: Any, cov: Any) -> Any:
    """The normal density on the subspace that a covariance without derivative has."""
    if is_traced(cov):
        raise refuse(
            "multivariate_normal",
            "allow_singular=True: the rank of a traced covariance is no smooth function of it; leave the keyword away",
        )
    s, u = np.linalg.eigh(cov)
    small = 1e6 * np.finfo(float).eps * np.max(np.abs(s))
    if np.min(s) < -small:
        raise ValueError("The input matrix must be symmetric positive semidefinite.")
    large = s > small
    dev = x - mean
    white = dev @ (u[:, large] / np.sqrt(s[large]))
    y = -0.5 * (np.sum(large) * LOG_2PI + np.sum(np.log(s[large])) + np.sum(white * white, axis=-1))
    outside = np.linalg.norm(dev @ u[:, ~large], axis=-1) >= 1e3 * small if not large.all() else False
    return np.where(outside, -np.inf, y)


@of_vectors(scipy.stats.multivariate_normal)
class multivariate_normal(Density):
    """Differentiable: logpdf, pdf and entropy, in the points, the mean and the covariance."""

    def logpdf(self: Any, x, mean=None, cov=1, allow_singular=False):
        """The logarithm of the density, differentiable in x, mean and cov.

        allow_singular : a covariance of less than full rank is a constant.
        """
        cov = cov.covariance if isinstance(cov, scipy.stats.Covariance) else cov
        dim, mean, cov = located(mean, cov, ("mean", "cov"))
        x = quantiles(x, dim)
        if allow_singular:
            return np.squeeze(singular_logpdf(x, mean, cov))
        factor = np.linalg.cholesky(cov)
        return np.squeeze(-0.5 * (dim * LOG_2PI + log_det(factor) + square_length(factor, x - mean)))

    def entropy(self: Any, mean=None, cov=1):
        """Differentiable in cov."""
        dim, _, cov = located(mean, cov, ("mean", "cov"))
        return 0.5 * (dim * (LOG_2PI + 1) + log_det(np.linalg.cholesky(cov)))

    cdf = no_cdf("multivariate_normal.cdf", "it is computed by random integration: for one variable use norm.cdf")
    logcdf = no_cdf("multivariate_normal.logcdf", "it is computed by random integration: for one variable use norm")
    rvs = no_cdf(
        "multivariate_normal.rvs", "take mean + z @ np.linalg.cholesky(cov).T of standard normal numbers z, which moves"
    )
    fit = no_cdf("multivariate_normal.fit", "write it with np.mean and np.cov of the data")


def freedom(df: Any) -> Any:
    df = 1.0 if df is None else df
    (df,) = numbers(df)
    holds(df > 0, "'df' must be greater than zero.")
    return df


@of_vectors(scipy.stats.multivariate_t)
class multivariate_t(Density):
    """Differentiable: logpdf, pdf and entropy, in the points and all parameters."""

    def logpdf(self: Any, x, loc=None, shape=1, df=1):
        """The logarithm of the density, differentiable in x, loc, shape and df."""
        df = freedom(df)
        dim, loc, shape = located(loc, shape, ("loc", "shape"))
        x = quantiles(x, dim)
        factor = np.linalg.cholesky(shape)
        square = square_length(factor, x - loc)
        normal = df == np.inf
        n = np.where(normal, 1.0, df)
        t = 0.5 * (n + dim)
        y = sc.gammaln(t) - sc.gammaln(0.5 * n) - 0.5 * dim * np.log(n * np.pi) - t * np.log1p(square / n)
        return np.squeeze(np.where(normal, -0.5 * (dim * LOG_2PI + square), y) - 0.5 * log_det(factor))

    def entropy(self: Any, loc=None, shape=1, df=1):
        """Differentiable in shape and df."""
        df = freedom(df)
        dim, _, shape = located(loc, shape, ("loc", "shape"))
        half = 0.5 * (df + dim)
        y = -sc.gammaln(half) + sc.gammaln(0.5 * df) + 0.5 * dim * np.log(df * np.pi)
        y = y + half * (sc.digamma(half) - sc.digamma(0.5 * df))
        return y + 0.5 * log_det(np.linalg.cholesky(shape))

    cdf = no_cdf("multivariate_t.cdf", "it is computed by random integration: for one variable use t.cdf")
    rvs = no_cdf("multivariate_t.rvs", "take those of the normal and of the chi-squared distribution, which move")


@of_vectors(scipy.stats.matrix_normal)
class matrix_normal(Density):
    """Differentiable: logpdf and pdf, in the matrices and all parameters, and entropy."""

    def logpdf(self: Any, X, mean=None, rowcov=1, colcov=1):
        """The logarithm of the density, differentiable in X, mean, rowcov and colcov."""
        (X,) = numbers(X)
        mean, row, col = matrix_parameters(mean, rowcov, colcov)
        rows, cols = row.shape[0], col.shape[0]
        X = X[None] if X.ndim == 2 else X
        if X.shape[-2:] != (rows, cols):
            raise ValueError("The shape of array `X` is not compatible with the distribution parameters.")
        row, col = np.linalg.cholesky(row), np.linalg.cholesky(col)
        dev = np.reshape(X - mean, (-1, rows, cols))
        white = solve_triangular(row, np.reshape(np.moveaxis(dev, 0, 1), (rows, -1)), lower=True)
        square = square_length(col, np.reshape(white, (rows, len(dev), cols)))
        square = np.reshape(np.sum(square, axis=0), X.shape[:-2])
        return np.squeeze(-0.5 * (rows * cols * LOG_2PI + cols * log_det(row) + rows * log_det(col) + square))

    def entropy(self: Any, rowcov=1, colcov=1):
        """Differentiable in rowcov and colcov."""
        _, row, col = matrix_parameters(None, rowcov, colcov)
        rows, cols = row.shape[0], col.shape[0]
        row, col = np.linalg.cholesky(row), np.linalg.cholesky(col)
        return 0.5 * (rows * cols * (LOG_2PI + 1) + cols * log_det(row) + rows * log_det(col))

    rvs = no_cdf("matrix_normal.rvs", "take mean + L @ z @ R.T of normal numbers z and the Cholesky factors L, R")


def matrix_parameters(mean, rowcov, colcov):
    rowcov, colcov = numbers(rowcov, colcov)
    if mean is None:
        shape = tuple(np.shape(c)[0] if np.ndim(c) else 1 for c in (rowcov, colcov))
        mean = np.zeros(shape)
    (mean,) = numbers(mean)
    if mean.ndim != 2:
        raise ValueError("Array `mean` must be two dimensional.")
    rows, cols = mean.shape
    return mean, matrix_of(rowcov, rows, "rowcov"), matrix_of(colcov, cols, "colcov")


# ---- random covariances ---------------------------------------------------------------------------------------------


def scale_matrix(df: Any, scale: Any) -> tuple[int, Any, Any]:
    scale = 1.0 if scale is None else scale
    (scale,) = numbers(scale)
    dim = np.shape(scale)[0] if np.ndim(scale) else 1
    scale = matrix_of(scale, dim, "scale")
    df = float(dim) if df is None else df
    (df,) = numbers(df)
    if df.ndim:
        raise ValueError("Degrees of freedom must be a scalar.")
    holds(df > dim - 1, "Degrees of freedom must be greater than the dimension of scale matrix minus 1.")
    return dim, df, scale


def matrices(x: Any, dim: int) -> Any:
    """Square matrices along the first axis; SciPy has them along the last one."""
    (x,) = numbers(x)
    if x.ndim == 1 and dim == 1:
        return np.reshape(x, (-1, 1, 1))
    x = matrix_of(x, dim, "x")[:, :, None] if x.ndim < 3 else x
    if x.shape[:2] != (dim, dim) or x.ndim > 3:
        raise ValueError(f"Quantiles have incompatible dimensions: should be {(dim, dim)}, got {x.shape[:2]}.")
    return np.moveaxis(x, -1, 0)


def log_gamma_of_matrices(a: Any, dim: int) -> Any:
    """scipy.special.multigammaln."""
    return 0.25 * dim * (dim - 1) * np.log(np.pi) + np.sum(sc.gammaln(a - 0.5 * np.arange(dim)))


@of_vectors(scipy.stats.wishart)
class wishart(Density):
    """Differentiable: logpdf and pdf, in the matrices and the parameters; mean, var, entropy."""

    def logpdf(self: Any, x, df, scale):
        """The logarithm of the density, differentiable in x, df and scale."""
        dim, df, scale = scale_matrix(df, scale)
        x = matrices(x, dim)
        factor = np.linalg.cholesky(scale)
        half = solve_triangular(factor, np.reshape(np.moveaxis(x, 0, 1), (dim, -1)), lower=True)
        whole = solve_triangular(factor, half, trans=1, lower=True)
        trace = np.einsum("iki->k", np.reshape(whole, (dim, len(x), dim)))
        y = 0.5 * (df - dim - 1) * log_det(np.linalg.cholesky(x)) - 0.5 * trace
        return np.squeeze(y - 0.5 * df * (dim * LOG_2 + log_det(factor)) - log_gamma_of_matrices(0.5 * df, dim))

    def mean(self: Any, df, scale):
        """Differentiable in df and scale."""
        _, df, scale = scale_matrix(df, scale)
        return np.squeeze(df * scale)

    def var(self: Any, df, scale):
        """Differentiable in df and scale."""
        _, df, scale = scale_matrix(df, scale)
        diagonal = np.diagonal(scale)
        return np.squeeze(df * (scale * scale + diagonal[:, None] * diagonal))

    def entropy(self: Any, df, scale):
        """Differentiable in df and scale."""
        dim, df, scale = scale_matrix(df, scale)
        digammas = np.sum(sc.digamma(0.5 * (df - np.arange(dim))))
        y = 0.5 * (dim + 1) * (log_det(np.linalg.cholesky(scale)) + dim * LOG_2)
        return y + log_gamma_of_matrices(0.5 * df, dim) - 0.5 * (df - dim - 1) * digammas + 0.5 * df * dim

    rvs = no_cdf("wishart.rvs", "take z.T @ z of rows of normal numbers, which move")


@of_vectors(scipy.stats.invwishart)
class invwishart(Density):
    """Differentiable: logpdf and pdf, in the matrices and the parameters."""

    def logpdf(self: Any, x, df, scale):
        """The logarithm of the density, differentiable in x, df and scale."""
        dim, df, scale = scale_matrix(df, scale)
        x = matrices(x, dim)
        factor, x = np.linalg.cholesky(scale), np.linalg.cholesky(x)
        white = np.linalg.solve(x, np.broadcast_to(factor, x.shape))
        y = 0.5 * df * (log_det(factor) - dim * LOG_2) - 0.5 * (df + dim + 1) * log_det(x)
        return np.squeeze(y - 0.5 * np.sum(white * white, axis=(-2, -1)) - log_gamma_of_matrices(0.5 * df, dim))

    rvs = no_cdf("invwishart.rvs", "take the inverse of z.T @ z of rows of normal numbers, which move")


# ---- proportions and counts -----------------------------------------------------------------------------------------


def concentrations(alpha: Any) -> Any:
    (alpha,) = numbers(alpha)
    if alpha.ndim != 1:
        raise ValueError(f"Parameter vector 'a' must be one dimensional, but a.shape = {alpha.shape}.")
    holds(alpha > 0, "All parameters must be greater than 0")
    return alpha


def log_beta_of_vectors(alpha: Any) -> Any:
    return np.sum(sc.gammaln(alpha), axis=-1) - sc.gammaln(np.sum(alpha, axis=-1))


@of_vectors(scipy.stats.dirichlet)
class dirichlet(Density):
    """Differentiable: logpdf and pdf, in the proportions and alpha; mean, var, cov and entropy."""

    def logpdf(self: Any, x, alpha):
        """The logarithm of the density, differentiable in x and alpha.

        Where x has one entry less than alpha, the last one follows from the others.
        """
        alpha = concentrations(alpha)
        (x,) = numbers(x)
        if x.ndim not in (1, 2) or x.shape[0] not in (len(alpha), len(alpha) - 1):
            raise ValueError(
                "Vector 'x' must have either the same number of entries as, or one entry fewer than, parameter vector "
                f"'a', but alpha.shape = {alpha.shape} and x.shape = {x.shape}."
            )
        if x.shape[0] < len(alpha):
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        powers = np.reshape(alpha, (-1,) + (1,) * (x.ndim - 1))
        holds(x >= 0, "Each entry in 'x' must be greater than or equal to zero.")
        holds((x > 0) | (powers >= 1), "Each entry in 'x' must be greater than zero if its alpha is less than one.")
        holds(np.abs(np.sum(x, axis=0) - 1) <= 1e-9, "The input vector 'x' must lie within the normal simplex.")
        return np.squeeze(np.sum(sc.xlogy(powers - 1, x), axis=0) - log_beta_of_vectors(alpha))

    def mean(self: Any, alpha):
        """Differentiable in alpha."""
        alpha = concentrations(alpha)
        return np.squeeze(alpha / np.sum(alpha))

    def var(self: Any, alpha):
        """Differentiable in alpha."""
        alpha = concentrations(alpha)
        total = np.sum(alpha)
        return np.squeeze(alpha * (total - alpha) / (total * total * (total + 1)))

    def cov(self: Any, alpha):
        """Differentiable in alpha."""
        alpha = concentrations(alpha)
        total = np.sum(alpha)
        mean = alpha / total
        return np.squeeze((np.eye(len(alpha)) * mean - mean[:, None] * mean) / (total + 1))

    def entropy(self: Any, alpha):
        """Differentiable in alpha."""
        alpha = concentrations(alpha)
        total = np.sum(alpha)
        y = log_beta_of_vectors(alpha) + (total - len(alpha)) * sc.digamma(total)
        return np.squeeze(y - np.sum((alpha - 1) * sc.digamma(alpha)))

    rvs = no_cdf("dirichlet.rvs", "take gamma.rvs(alpha), which moves, over its sum")


@of_vectors(scipy.stats.multinomial)
class multinomial(Density):
    """Differentiable: logpmf and pmf, in p; mean and cov."""

    def logpmf(self: Any, x, n, p):
        """The logarithm of the probability, differentiable in p. The counts are constants.

        p is read as it is; it should sum to 1.
        """
        n, p, valid = trials(n, p)
        x = np.asarray(x, dtype=float)
        if x.ndim == 0:
            raise ValueError("x must be an array.")
        if x.size and x.shape[-1] != p.shape[-1]:
            raise ValueError(
                f"Size of each quantile should be size of p: received {x.shape[-1]}, but expected {p.shape[-1]}."
            )
        possible = np.all((x == np.floor(x)) & (x >= 0), axis=-1) & (np.sum(x, axis=-1) == n)
        y = sc.gammaln(n + 1) + np.sum(sc.xlogy(x, p) - sc.gammaln(x + 1), axis=-1)
        return np.where(valid, np.where(possible, y, -np.inf), np.nan)

    def mean(self: Any, n, p):
        """Differentiable in p."""
        n, p, valid = trials(n, p)
        return np.where(valid[..., None], n[..., None] * p, np.nan)

    def cov(self: Any, n, p):
        """Differentiable in p."""
        n, p, valid = trials(n, p)
        each = np.eye(p.shape[-1]) * p[..., None, :] - p[..., :, None] * p[..., None, :]
        return np.where(valid[..., None, None], n[..., None, None] * each, np.nan)

    rvs = no_cdf("multinomial.rvs", "whole numbers do not move with the parameters: take stop_gradient of these")


def trials(n: Any, p: Any) -> tuple[Any, Any, Any]:
    """The number of trials, the probabilities, and whether they are valid.

    SciPy changes the last of probabilities that do not sum to 1.
    """
    (p,) = numbers(p)
    n = np.asarray(n, dtype=float)
    rest = 1 - np.sum(p[..., :-1], axis=-1, keepdims=True)
    off = np.abs(rest - p[..., -1:]) > 10 * np.finfo(float).eps
    p = np.concatenate([p[..., :-1], np.where(off, rest, p[..., -1:])], axis=-1)
    return n, p, np.all((p >= 0) & (p <= 1), axis=-1) & (n >= 0)


@of_vectors(scipy.stats.dirichlet_multinomial)
class dirichlet_multinomial(Density):
    """Differentiable: logpmf and pmf, in alpha; mean. The counts are constants."""

    def logpmf(self: Any, x, alpha, n):
        """The logarithm of the probability, differentiable in alpha."""
        (alpha,) = numbers(alpha)
        x, n = np.asarray(x, dtype=float), np.asarray(n, dtype=float)
        holds(alpha > 0, "`alpha` must contain only positive values.")
        holds((x >= 0) & (x == np.floor(x)), "`x` must contain only non-negative integers.")
        total = np.sum(alpha, axis=-1)
        each = sc.gammaln(x + alpha) - sc.gammaln(alpha) - sc.gammaln(x + 1)
        y = sc.gammaln(total) + sc.gammaln(n + 1) - sc.gammaln(n + total) + np.sum(each, axis=-1)
        return np.where(np.sum(x, axis=-1) == n, y, -np.inf)

    def mean(self: Any, alpha, n):
        """Differentiable in alpha."""
        (alpha,) = numbers(alpha)
        return np.asarray(n)[..., None] * alpha / np.sum(alpha, axis=-1, keepdims=True)


class NormalInverseGamma(Density):
    """Differentiable: logpdf and pdf, in the numbers and all parameters."""

    def logpdf(self: Any, x, s2, mu=0, lmbda=1, a=1, b=1):
        """The logarithm of the density, differentiable in everything."""
        x, s2, mu, lmbda, a, b = numbers(x, s2, mu, lmbda, a, b)
        valid, possible = (lmbda > 0) & (a > 0) & (b > 0), s2 > 0
        lmbda, a, b = (np.where(valid, v, np.nan) for v in (lmbda, a, b))
        s2 = np.where(possible, s2, np.where(np.isnan(s2), np.nan, 1.0))
        y = 0.5 * (np.log(lmbda) - LOG_2PI - np.log(s2)) + a * np.log(b) - sc.gammaln(a) - (a + 1) * np.log(s2)
        y = y - (2 * b + lmbda * np.square(x - mu)) / (2 * s2)
        return np.where(possible | np.isnan(y), y, -np.inf)


of_newer_releases = {
    name: of_vectors(getattr(scipy.stats, name))(methods)
    for name, methods in {"normal_inverse_gamma": NormalInverseGamma}.items()  # from SciPy 1.15 on
    if hasattr(scipy.stats, name)
}

"""Transformations that make a sample more normal, and the density that is estimated from one."""

from typing import Any

import numpy as np
import scipy.special as sc
import scipy.stats

from ...core.trace import Tracer, is_traced
from ...ops.control import stop_gradient
from ..linalg import solve_triangular
from ..namespace import instead_of
from .rules import LOG_2PI
from .samples import along, floats
from .standing_in import refuse

# ---- powers ---------------------------------------------------------------------------------------------------------


@instead_of(scipy.stats.boxcox)
def boxcox(x, lmbda=None, alpha=None, optimizer=None):
    """scipy.special.boxcox(x, lmbda), differentiable in both; without lmbda, which SciPy looks for, it is refused."""
    if lmbda is None:
        raise refuse("boxcox", "without lmbda= it is searched for: maximise boxcox_llf with its gradient")
    return sc.boxcox(x, lmbda)


@instead_of(scipy.stats.boxcox_llf)
def boxcox_llf(lmb, data, *, axis=0, keepdims=False, nan_policy="propagate"):
    """The log-likelihood of the normal distribution for transformed data, differentiable in lmb and data."""

    def of_rows(x):
        logs = np.log(x)
        spread = np.log(np.var(sc.boxcox(x, lmb), axis=-1))
        return (lmb - 1) * np.sum(logs, axis=-1) - 0.5 * x.shape[-1] * spread

    return along(of_rows, [data], axis, nan_policy, keepdims, "boxcox_llf")


@instead_of(scipy.stats.yeojohnson)
def yeojohnson(x, lmbda=None):
    """The transformation for any sign, differentiable in x and lmbda; without lmbda it is refused, as in boxcox."""
    if lmbda is None:
        raise refuse("yeojohnson", "without lmbda= it is searched for: maximise yeojohnson_llf with its gradient")
    x = floats(x)
    if x.dtype.kind == "c":
        raise ValueError("Yeo-Johnson transformation is not defined for complex numbers.")
    return either_sign(x, lmbda)


def either_sign(x, lmbda):
    left = x < 0
    return np.where(left, -sc.boxcox1p(np.where(left, -x, 0.0), 2 - lmbda), sc.boxcox1p(np.where(left, 0.0, x), lmbda))


@instead_of(scipy.stats.yeojohnson_llf)
def yeojohnson_llf(lmb, data, *, axis=0, nan_policy="propagate", keepdims=False):
    """The log-likelihood of the normal distribution for transformed data, differentiable in lmb and data."""

    def of_rows(x):
        logs = np.sum(np.sign(x) * np.log1p(np.abs(x)), axis=-1)
        return (lmb - 1) * logs - 0.5 * x.shape[-1] * np.log(np.var(either_sign(x, lmb), axis=-1))

    return along(of_rows, [data], axis, nan_policy, keepdims, "yeojohnson_llf")


# ---- a sum of bells -------------------------------------------------------------------------------------------------


class gaussian_kde(scipy.stats.gaussian_kde):
    """SciPy's estimate of a density; evaluate, logpdf and pdf are differentiable in the points and in the dataset.

    So they are in the weights, and in bw_method that is a number. What integrates, resamples or marginalises takes
    plain arrays.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy import stats
    >>> data = np.array([-1.0, 0.0, 2.0])
    >>> cr.grad(lambda x: stats.gaussian_kde(data).logpdf(x)[0])(np.array([1.0])).round(6)
    array([-0.207072])
    """

    def __init__(self, dataset, bw_method=None, weights=None):
        if not is_traced((dataset, bw_method, weights)):
            super().__init__(dataset, bw_method, weights)
            return
        self.dataset: Any = as_columns(dataset)
        if not self.dataset.size > 1:
            raise ValueError("`dataset` input should have multiple elements.")
        self.d, self.n = self.dataset.shape
        if weights is not None:
            weights = floats(weights)
            if weights.shape != (self.n,):
                raise ValueError("`weights` input should be of length n")
            self._weights: Any = weights / np.sum(weights)
            self._neff: Any = 1 / np.sum(np.square(self._weights))
        self.set_bandwidth(bw_method)

    def set_bandwidth(self, bw_method=None):
        """The factor from the spread of the data to that of a bell: a name, a number, or a function of the estimate."""
        super().set_bandwidth((lambda _: bw_method) if isinstance(bw_method, Tracer) else bw_method)

    def _compute_covariance(self):
        factor: Any = self.covariance_factor()  # pyright: ignore[reportCallIssue]
        if not is_traced((self.dataset, self.weights, factor)):
            super()._compute_covariance()
            return
        self.factor = factor
        dev = self.dataset - np.sum(self.dataset * self.weights, axis=1, keepdims=True)
        spread = (dev * self.weights) @ dev.T / (1 - np.sum(np.square(self.weights)))
        self.covariance: Any = spread * factor * factor
        self.cho_cov: Any = np.linalg.cholesky(self.covariance)

    def _energies(self, points: Any) -> tuple[Any, Any]:
        """For each point (rows) and each datum the exponent of the bell, and the logarithm of its height."""
        points = as_columns(points)
        if points.shape[0] != self.d:
            if points.shape != (1, self.d):
                raise ValueError(f"points have dimension {points.shape[0]}, dataset has dimension {self.d}")
            points = np.reshape(points, (self.d, 1))
        white = [solve_triangular(self.cho_cov, x, lower=True) for x in (points, self.dataset)]
        gaps = white[0][:, :, None] - white[1][:, None, :]
        height = -np.sum(np.log(np.diagonal(self.cho_cov))) - 0.5 * self.d * LOG_2PI
        return -0.5 * np.sum(gaps * gaps, axis=0), height

    def _is_plain(self, points: Any) -> bool:
        return not is_traced((points, self.dataset, self.weights, self.covariance))

    def evaluate(self, points):
        """The density at the columns of `points`."""
        if self._is_plain(points):
            return super().evaluate(points)
        exponents, height = self._energies(points)
        return np.exp(exponents) @ self.weights * np.exp(height)

    __call__ = evaluate

    def pdf(self, x):
        """The same."""
        return self.evaluate(x)

    def logpdf(self, x):
        """Its logarithm."""
        if self._is_plain(x):
            return super().logpdf(x)
        exponents, height = self._energies(x)
        exponents = exponents + np.log(self.weights)
        largest = stop_gradient(np.max(exponents, axis=1, keepdims=True))
        return np.log(np.sum(np.exp(exponents - largest), axis=1)) + largest[:, 0] + height


def as_columns(x: Any) -> Any:
    x = floats(x)
    return np.reshape(x, (1, -1)) if x.ndim < 2 else x

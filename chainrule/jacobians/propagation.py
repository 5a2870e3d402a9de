"""Propagation of uncertainty: the covariance of f(x) from that of x."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..transforms import arguments
from .jacobian import hessian, jacobian
from .operators import linear_operator

SPARSE_FROM = 200
"""Inputs from which the Jacobian is made as a sparse matrix"""


def propagate(f: Callable[..., Any], x: Any, cov: Any, second_order: bool = False) -> tuple[Any, Any]:
    """f(x) and its covariance, where x has the covariance `cov`: J C Jᵀ, with the exact Jacobian J.

    Parameters
    ----------
    f : callable
        A NumPy function of one array that returns one array.
    x : array of floats
        The mean, of any shape; n elements.
    cov : array or sparse matrix
        The covariance of x as a flat vector: variances, of the shape of x; or a matrix `(n, n)`, dense or sparse.
    second_order : bool
        Whether the mean of f is corrected by half the trace of Hessian times covariance, for each output.

    Returns
    -------
    mean : array
        f(x), of the shape that f gives; with the correction if `second_order`.
    cov_y : (m, m) array or sparse matrix
        The covariance of f(x) as a flat vector, with all correlations; sparse if `cov` is, or if it holds variances and
        n is 200 or more.

    Raises
    ------
    ValueError
        If `cov` does not fit x, is not symmetric, has a negative variance, or is not finite.
    TypeError
        If x is not floating point.

    Notes
    -----
    Cost: that of the Jacobian, which is sparse from 200 inputs on, and of its product with `cov`. The correction takes
    a Hessian for each output, so it is for few outputs. Source: JCGM 100:2008 (GUM), sections 5.1 and 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> mean, cov = cr.propagate(lambda x: np.stack([x[0] * x[1], x[0]]), np.array([2.0, 3.0]), np.array([0.01, 0.04]))
    >>> mean, cov
    (array([6., 2.]), array([[0.25, 0.03],
           [0.03, 0.01]]))
    """
    import scipy.sparse

    x = np.asarray(arguments.differentiable(x, "propagate", "the mean"))
    C = covariance(cov, x)
    y = np.asarray(f(x))
    if x.size >= SPARSE_FROM:
        J = jacobian(lambda x: np.ravel(f(x)), sparse=True)(x)
    else:
        J = jacobian(lambda x: np.ravel(f(x)))(x).reshape(y.size, x.size)
        J = scipy.sparse.csr_array(J) if scipy.sparse.issparse(cov) else J
    cov_y = J @ C @ J.T
    if scipy.sparse.issparse(cov_y) and x.size < SPARSE_FROM and not scipy.sparse.issparse(cov):
        cov_y = cov_y.toarray()
    return y + mean_shift(f, x, C, y) if second_order else y, cov_y


def covariance(cov: Any, x: np.ndarray) -> Any:
    """`cov` as a matrix `(n, n)`: a sparse one if that is what was given, or variances."""
    import scipy.sparse

    n = x.size
    is_sparse = scipy.sparse.issparse(cov)
    cov = cov if is_sparse else np.asarray(cov, float)
    if not np.isfinite(cov.data if is_sparse else cov).all():
        raise ValueError("propagate: cov holds NaN or infinity")
    if not is_sparse and cov.shape == x.shape and cov.shape != (n, n):
        C = scipy.sparse.diags_array(np.ravel(cov)).tocsr()
    elif cov.shape == (n, n):
        C = scipy.sparse.csr_array(cov) if is_sparse else cov
    else:
        raise ValueError(
            f"propagate: cov has shape {cov.shape}; for x of shape {x.shape} it holds variances, of that shape, or is "
            f"a matrix of shape ({n}, {n})"
        )
    if (C.diagonal() < 0).any():
        raise ValueError("propagate: cov has a negative variance; variances are squares of standard deviations")
    asymmetry = abs(C - C.T).max() if n else 0.0
    if asymmetry > 1e-8 * abs(C).max():
        raise ValueError(f"propagate: cov is not symmetric: it differs from its transpose by up to {asymmetry:.3g}")
    return C


def mean_shift(f: Callable[..., Any], x: np.ndarray, C: Any, y: np.ndarray) -> np.ndarray:
    """Half the trace of Hessian times covariance, for each output."""
    import scipy.sparse

    shifts = []
    for i in range(y.size):
        if x.size >= SPARSE_FROM:
            H = hessian(lambda x, i=i: np.ravel(f(x))[i], sparse=True)(x)
            shifts.append(H.multiply(C).sum() / 2)
        else:
            H = linear_operator(jacobian(lambda x, i=i: np.ravel(f(x))[i], mode="reverse"), x)
            shifts.append(np.trace(H @ (C.toarray() if scipy.sparse.issparse(C) else C)) / 2)
    return np.reshape(np.array(shifts), aval_of(y).shape)

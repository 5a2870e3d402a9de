"""The likelihood of a mixture of Gaussians, with a Wishart prior: a scalar of all its parameters.

Each Gaussian has a lower triangular matrix Q, the root of its inverse covariance: the logarithms of the diagonal come
first in its row of `icf`, then the columns below the diagonal, one after the other.
"""

import math

import numpy
from scipy.special import multigammaln


def logsumexp(np, x, axis):
    top = np.max(x, axis)
    return top + np.log(np.sum(np.exp(x - np.expand_dims(top, axis)), axis))


def triangles(np, icf, d):
    """Q of each row of `icf`, an array of shape `(k, d, d)`."""
    places = numpy.full((d, d), icf.shape[1])
    places[numpy.triu_indices(d, 1)[::-1]] = numpy.arange(d, icf.shape[1])
    places[numpy.diag_indices(d)] = numpy.arange(d)
    entries = np.concatenate([np.exp(icf[:, :d]), icf[:, d:], np.zeros((len(icf), 1))], 1)
    return entries[:, places]


def objective(np, alphas, means, icf, x, gamma, m):
    """The logarithm of the likelihood.

    `alphas` has shape `(k,)`, `means` `(k, d)`, `icf` `(k, d * (d + 1) / 2)`, and `x`, the points, `(n, d)`.
    """
    n, d = x.shape
    k = len(alphas)
    logs, below = icf[:, :d], icf[:, d:]
    Q = triangles(np, icf, d)
    away = np.matmul(x - means[:, None, :], np.swapaxes(Q, 1, 2))  # (k, n, d)
    main = (alphas + np.sum(logs, 1))[:, None] - 0.5 * np.sum(away**2, 2)
    prior = 0.5 * gamma**2 * (np.sum(np.exp(2 * logs)) + np.sum(below**2)) - m * np.sum(logs)
    likelihood = np.sum(logsumexp(np, main, 0)) - n * logsumexp(np, alphas, 0)
    return likelihood + prior + constant(n, d, k, gamma, m)


def constant(n, d, k, gamma, m):
    """What does not depend on the parameters."""
    degrees = d + m + 1
    of_prior = degrees * d * (math.log(gamma) - 0.5 * math.log(2)) - multigammaln(0.5 * degrees, d)
    return -n * d * 0.5 * math.log(2 * math.pi) - k * of_prior


def by_hand(alphas, means, icf, x, gamma, m):
    """Value and gradient as an expert writes them with NumPy: with a product of matrices less than reverse mode."""
    np, (n, d) = numpy, x.shape
    logs, below = icf[:, :d], icf[:, d:]
    Q = triangles(np, icf, d)
    centred = x - means[:, None, :]
    away = centred @ Q.swapaxes(1, 2)
    main = (alphas + logs.sum(1))[:, None] - 0.5 * np.einsum("kni,kni->kn", away, away)
    top = main.max(0)
    r = np.exp(main - top)
    total = r.sum(0)
    r /= total
    weights = r.sum(1)
    away *= r[:, :, None]
    means_grad = (away.sum(1)[:, None, :] @ Q)[:, 0]
    Q_grad = -(away.swapaxes(1, 2) @ centred)
    shares = np.exp(alphas - alphas.max())
    alphas_grad = weights - n * shares / shares.sum()
    diagonal = np.exp(logs)
    columns, rows = np.triu_indices(d, 1)
    logs_grad = weights[:, None] + Q_grad[:, range(d), range(d)] * diagonal + gamma**2 * diagonal**2 - m
    below_grad = Q_grad[:, rows, columns] + gamma**2 * below
    prior = 0.5 * gamma**2 * ((diagonal**2).sum() + (below**2).sum()) - m * logs.sum()
    value = (top + np.log(total)).sum() - n * logsumexp(np, alphas, 0) + prior + constant(n, d, len(alphas), gamma, m)
    return value, (alphas_grad, means_grad, np.concatenate([logs_grad, below_grad], 1))

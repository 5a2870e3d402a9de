"""Stands in for chainrule.jacobians.sparse until that is there: to be replaced by one line."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..transforms.batching import vmap
from ..transforms.forward import jvp
from ..transforms.reverse import grad
from .sparse import sparsity


def sparse_jacobian(f: Callable[..., Any]) -> Callable[..., Any]:
    """The Jacobian in the first argument, as a function of the same arguments that gives a csr_array."""
    return lambda x, *args: _by_groups(lambda x: f(x, *args), x)


def sparse_hessian(f: Callable[..., Any]) -> Callable[..., Any]:
    """The Hessian in the first argument, in the same way."""
    return sparse_jacobian(grad(f))


def _by_groups(f: Callable[..., Any], x: np.ndarray) -> Any:
    """One jvp for each group of columns that share no row."""
    import scipy.optimize._numdiff
    import scipy.sparse

    pattern = sparsity(f, x).tocsr()
    groups = scipy.optimize._numdiff.group_columns(pattern)
    count = int(groups.max(initial=-1)) + 1
    seeds = np.zeros((count, x.size))
    seeds[groups, np.arange(x.size)] = 1
    if not count or not pattern.nnz:
        return scipy.sparse.csr_array(pattern.shape)
    found = vmap(lambda t: np.ravel(jvp(f, (x,), (np.reshape(t, x.shape),))[1]))(seeds)
    row = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    return scipy.sparse.csr_array((found[groups[pattern.indices], row], pattern.indices, pattern.indptr), pattern.shape)

"""scipy.sparse.linalg.norm on sparse matrices with traced values."""

from typing import Any

import numpy as np
import scipy.sparse.linalg as spla

from ...core.errors import MissingRuleError, user_line
from .constructors import instead_of
from .eigenvalues import svds
from .matrices import Sparse


@instead_of(spla.norm)
def norm(x, ord=None, axis=None):
    """The norm of a sparse matrix, or of its rows or columns; differentiable in the stored values.

    At a zero row or matrix the gradient is 0, a subgradient; where columns tie in a maximum they share it.
    """
    if not isinstance(x, Sparse):
        raise TypeError("input is not sparse. use numpy.linalg.norm")
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    x = x.summed()
    if axis is None or isinstance(axis, tuple):
        row, column = (0, 1) if axis is None else of_two(axis)
        return of_matrix(x, ord, row, column)
    if axis not in (-2, -1, 0, 1):
        raise ValueError(f"Invalid axis {axis!r} for an array with shape {x.shape!r}")
    return of_vectors(x, ord, axis)


def of_two(axis: tuple[int, ...]) -> tuple[int, int]:
    if len(axis) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    row, column = axis
    if not (-2 <= row < 2 and -2 <= column < 2):
        raise ValueError(f"Invalid axis {axis!r} for a matrix")
    if row % 2 == column % 2:
        raise ValueError("Duplicate axes given.")
    return row % 2, column % 2


def of_matrix(x: Sparse, ord: Any, row: int, column: int) -> Any:
    if ord in (None, "f", "fro"):
        return np.linalg.norm(x.values())
    if ord == 2:
        return svds(x, k=1, return_singular_vectors=False)[0]
    if ord in (1, -1):
        sums = abs(x).sum(axis=row)
    elif ord in (np.inf, -np.inf):
        sums = abs(x).sum(axis=column)
    elif ord == -2:
        raise NotImplementedError
    else:
        raise ValueError("Invalid norm order for matrices.")
    return np.max(sums) if ord > 0 else np.min(sums)


def of_vectors(x: Sparse, ord: Any, axis: int) -> Any:
    if ord in (np.inf, -np.inf):
        raise MissingRuleError(
            f"scipy.sparse.linalg.norm: ord={ord} with an axis has no derivative rule (at {user_line()}); take "
            "np.linalg.norm(x.toarray(), ord, axis)"
        )
    if ord == 0:
        return np.ravel((x.toarray() != 0).sum(axis=axis))
    if ord == 1:
        return np.ravel(abs(x).sum(axis=axis))
    if not isinstance(ord, int | float | None):
        raise ValueError("Invalid norm order for vectors.")
    p = 2 if ord is None else ord
    powers = np.ravel(abs(x).power(p).sum(axis=axis))
    empty = powers == 0
    one = np.ones((), powers.dtype)
    return np.where(empty, np.zeros((), powers.dtype), np.where(empty, one, powers) ** (1 / p))

"""Sparse Jacobians from few products with vectors: those of a coloring of the pattern."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..transforms.layout import Structure
from .coloring import Coloring, coloring
from .operators import linear_operator


class Colored:
    """The Jacobian of a function of leaves from products; the coloring is kept as long as the pattern stays.

    symmetric: whether it is a Hessian, for which a star coloring needs about half as many products.
    """

    def __init__(self, symmetric: bool):
        self._symmetric = symmetric
        self._last: tuple[Any, Any, Coloring] | None = None

    def coloring(self, structure: Structure) -> Coloring:
        last = self._last
        if last is not None and all(map(np.array_equal, last[:2], (structure.indptr, structure.indices))):
            return last[2]
        pattern = structure.matrix(np.ones(structure.nnz, bool))
        if self._symmetric:  # of the two slopes of a pair one may have been zero
            pattern = (pattern + pattern.T).tocsr()
        found = coloring(pattern, "star" if self._symmetric else "auto")
        self._last = structure.indptr.copy(), structure.indices.copy(), found
        return found

    def matrix(self, f: Callable[..., Any], leaves: Sequence[Any], structure: Structure, chunk: int | None) -> Any:
        """The whole matrix, with a row per output element and a column per input element, as a csr_array."""
        A = linear_operator(lambda xs: f(*xs)[0], list(leaves))

        def from_the_left(vectors):
            return A.rmatmat(np.conj(vectors).T).conj().T

        return self.coloring(structure).matrix(lambda vectors: A.matmat(vectors.T).T, from_the_left, chunk, A.dtype)

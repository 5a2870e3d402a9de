"""How linear systems with the derivative of a function are solved: by a dense or a sparse matrix, or by products only.

The sparse Jacobian and the operator are those of chainrule.jacobians.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..jacobians.jacobian import jacobian
from ..jacobians.operators import linear_operator
from .factors import DENSE_BELOW, Factors, Iterative, factorize

METHODS = ("auto", "dense", "sparse", "krylov")


class LinearSolver:
    """A way to solve systems with the Jacobian of a function from and to `(n,)`.

    method: "auto" is "dense" up to 100 unknowns, "sparse" above; "krylov" needs no matrix; a function
    `(operator, b) -> x` is used in its place. ordering: as :func:`~chainrule.implicit.factors.factorize` takes it.
    """

    def __init__(self, method: Any = "auto", ordering: Any = "auto", who: str = "implicit"):
        if not callable(method) and method not in METHODS:
            raise ValueError(
                f"{who}: linear_solver is one of {', '.join(METHODS)}, or a function (operator, b) -> x; got {method!r}"
            )
        self.method, self.ordering = method, ordering
        self.structure: Any = None  # ((size, stored entries), ordering) of the last matrix
        self.sparse: Any = None  # (f, its sparse Jacobian), whose index work is done once

    def at(self, f: Callable[..., Any], x: np.ndarray, *args: Any) -> Factors:
        """The Jacobian of f(x, *args) in x, ready for solving."""
        method = self.method
        if method == "auto":
            method = "dense" if x.size <= DENSE_BELOW else "sparse"
        if method == "dense":
            return factorize(jacobian(f)(x, *args), "dense")
        if method == "sparse":
            if self.sparse is None or self.sparse[0] is not f:
                self.sparse = f, jacobian(f, sparse=True)
            return self.factorised(self.sparse[1](x, *args))
        return Iterative(linear_operator(lambda x: f(x, *args), x), method if callable(method) else krylov)

    def factorised(self, J: Any) -> Factors:
        """The order that was chosen for one matrix serves for the next, if that has as many entries."""
        shape = J.shape[0], J.nnz
        ordering = self.ordering
        if ordering == "auto" and self.structure is not None and self.structure[0] == shape:
            ordering = self.structure[1]
        factors = factorize(J, ordering)
        self.structure = shape, factors.ordering
        return factors


def krylov(operator: Any, b: Any) -> np.ndarray:
    """By GMRES, to a residual of 1e-10 relative to b; an error where it does not get there."""
    import scipy.sparse.linalg

    n = len(b)
    x, info = scipy.sparse.linalg.gmres(operator, b, rtol=1e-10, atol=0.0, restart=min(n, 60), maxiter=max(20, n))
    if info:
        left = np.linalg.norm(operator @ x - b) / np.linalg.norm(b)
        raise np.linalg.LinAlgError(
            f"GMRES did not converge: a residual of {left:.2g} relative to the right-hand side is left; give a "
            "linear_solver with a preconditioner, or a direct one"
        )
    return x

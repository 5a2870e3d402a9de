"""The Jacobian as a linear operator: products with it and with its transpose, and no matrix."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.batching import vmap
from ..transforms.forward import linearize
from ..transforms.reverse import vjp


class Flat:
    """A tree of arrays as one vector, in C order, leaf after leaf."""

    def __init__(self, tree: Any):
        leaves, self.structure = flatten(tree)
        self.avals = list(map(aval_of, leaves))
        self.dtype = np.result_type(np.float32, *(np.dtype(a.dtype) for a in self.avals)) if leaves else np.dtype(float)
        self.sizes = [int(np.prod(a.shape, dtype=int)) for a in self.avals]
        self.size = sum(self.sizes)

    def vector(self, tree: Any) -> Any:
        parts = [np.ravel(leaf) for leaf in flatten(tree)[0]]
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    def tree(self, vector: Any) -> Any:
        leaves, start = [], 0
        for aval, size in zip(self.avals, self.sizes, strict=True):
            part = np.reshape(vector[start : start + size], aval.shape)
            dtype = np.dtype(aval.dtype)
            if dtype.kind == "f" and part.dtype.kind == "c":
                part = np.real(part)
            leaves.append(part.astype(dtype) if dtype.kind in "fc" and part.dtype != dtype else part)
            start += size
        return self.structure.unflatten(leaves)


def linear_operator(f: Callable[..., Any], x: Any) -> Any:
    """The Jacobian of f at x as an operator for SciPy's iterative methods (`gmres`, `lsmr`, `eigsh`, `svds`).

    Parameters
    ----------
    f : callable
        A NumPy function of an array or tree of arrays that returns an array or tree of arrays.
    x : array or tree of arrays of floats
        Where to linearise. Trees are taken as vectors, leaf after leaf, each in C order.

    Returns
    -------
    scipy.sparse.linalg.LinearOperator
        Of shape `(m, n)`, with a row per output element and a column per input element. `A @ v` is a jvp, `A.T @ u` a
        vjp (`A.H` the adjoint, of a complex one), and a product with a matrix `(n, k)` one batched pass. `A.dtype` is
        that of the products.

    Raises
    ------
    TypeError
        If x is not floating point.

    Notes
    -----
    Cost: f is evaluated once when the operator is made, and once more at the first product with the transpose; after
    that a product costs about one to three evaluations of f, and none is made. Every intermediate is kept.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> A = cr.linear_operator(lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 3.0]))
    >>> A @ np.ones(3)
    array([3., 5.])
    >>> A.T @ np.ones(2)
    array([2., 4., 2.])
    """
    import scipy.sparse.linalg

    leaves, structure = flatten(x)
    leaves = [np.array(arguments.differentiable(leaf, "linear_operator", "the argument")) for leaf in leaves]
    x = structure.unflatten(leaves)
    y, push = linearize(f, x)
    inputs, outputs = Flat(x), Flat(y)
    pullbacks: list[Callable[..., Any]] = []

    def matvec(v):
        return outputs.vector(push(inputs.tree(np.ravel(v))))

    def rmatvec(u):
        if not pullbacks:
            pullbacks.append(vjp(f, x)[1])
        return inputs.vector(pullbacks[0](outputs.tree(np.ravel(u)))[0])

    def columns(product, size):
        def of_matrix(V):
            return np.ascontiguousarray(vmap(product)(V.T).T) if V.shape[1] else np.zeros((size, 0))

        return of_matrix

    operator: Any = scipy.sparse.linalg.LinearOperator  # which makes one of another class, unknown to type checkers
    return operator(
        (outputs.size, inputs.size),
        matvec=matvec,
        rmatvec=rmatvec,
        matmat=columns(matvec, outputs.size),
        rmatmat=columns(rmatvec, inputs.size),
        dtype=np.result_type(inputs.dtype, outputs.dtype),
    )

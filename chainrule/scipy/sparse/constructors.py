"""Sparse matrices of traced values: SciPy's constructors and builders, which only place what they are given."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...core.errors import MissingRuleError, user_line
from ...core.trace import FRONT_ENDS, is_traced
from .matrices import Sparse, as_dense, as_sparse, move, pairwise, picked
from .pattern import Pattern


def is_ours(x: Any) -> bool:
    """Whether `x`, or anything in the lists, tuples and dicts that it is, is traced."""
    if isinstance(x, list | tuple):
        return any(map(is_ours, x))
    return isinstance(x, Sparse) or is_traced(x) or (isinstance(x, dict) and any(map(is_ours, x.values())))


def instead_of(original: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes the decorated function what `original`, of SciPy's, does if an argument is traced or a matrix of ours."""

    def enter(implementation):
        @functools.wraps(implementation)
        def function(*args, **kwargs):
            return (implementation if is_ours((args, kwargs)) else original)(*args, **kwargs)

        function.__name__ = original.__name__
        function.__signature__ = inspect.signature(original)  # pyright: ignore[reportAttributeAccessIssue]
        FRONT_ENDS[original] = function
        return function

    return enter


# ---- from values and their places -----------------------------------------------------------------------------------


def constructor(original: Any) -> Callable[..., Any]:
    """csr_array and the like: of traced values a `Sparse`."""
    format, is_matrix = original.__name__[:3], issubclass(original, sp.spmatrix)

    def implementation(arg1, shape=None, dtype=None, copy=False, **options):
        options.pop("maxprint", None)  # how SciPy prints
        matrix = placed(original, arg1, shape, options).asformat(format, is_matrix, **options)
        return matrix if dtype is None else matrix.astype(dtype)

    implementation.__doc__ = CONSTRUCTED.format(original.__name__)
    return instead_of(original)(implementation)


CONSTRUCTED = """SciPy's {0}, which may have traced values.

The stored values are differentiable: `{0}((data, ...))` as SciPy takes them, where values at the same place add; of
a dense traced array every element is stored. Of traced values it gives a :class:`Sparse`, which cannot be changed.
"""


def placed(original: Any, arg1: Any, shape: Any, options: dict[str, Any]) -> Sparse:
    """The matrix as its arguments describe it, in whichever format that is."""
    if isinstance(arg1, Sparse) or sp.issparse(arg1):
        return as_sparse(arg1)
    if not isinstance(arg1, tuple) or len(arg1) not in (2, 3):
        return move(lambda x: sp.coo_array(x), arg1)
    data = as_dense(arg1[0])
    numbers = np.arange(1, data.size + 1).reshape(data.shape)
    if len(arg1) == 2 and original.__name__[:3] != "dia":
        original, options = sp.coo_array, {}
    matrix = original((numbers, *arg1[1:]), shape=shape, **options)
    return Sparse(picked(np.ravel(data), matrix.data), Pattern(matrix))


csr_array = constructor(sp.csr_array)
csc_array = constructor(sp.csc_array)
coo_array = constructor(sp.coo_array)
bsr_array = constructor(sp.bsr_array)
dia_array = constructor(sp.dia_array)
csr_matrix = constructor(sp.csr_matrix)
csc_matrix = constructor(sp.csc_matrix)
coo_matrix = constructor(sp.coo_matrix)
bsr_matrix = constructor(sp.bsr_matrix)
dia_matrix = constructor(sp.dia_matrix)


def refused(original: Any, instead: str, module: str = "scipy.sparse") -> Callable[..., Any]:
    """A function of SciPy's that raises if it is given traced values."""

    def implementation(*args, **kwargs):
        raise MissingRuleError(
            f"{module}.{original.__name__}: not there for traced values (at {user_line()}): {instead}"
        )

    implementation.__doc__ = f"SciPy's {original.__name__}; of traced values it raises: {instead}."
    return instead_of(original)(implementation)


_FIXED = "a matrix with traced values cannot be changed; make it with chainrule.scipy.sparse.coo_array((data, (i, j)))"
dok_array = refused(sp.dok_array, _FIXED)
lil_array = refused(sp.lil_array, _FIXED)
dok_matrix = refused(sp.dok_matrix, _FIXED)
lil_matrix = refused(sp.lil_matrix, _FIXED)

# ---- from diagonals and blocks --------------------------------------------------------------------------------------


def cast(matrix: Sparse, dtype: Any) -> Sparse:
    return matrix if dtype is None else matrix.astype(dtype)


@instead_of(sp.diags_array)
def diags_array(diagonals, /, *, offsets=0, shape=None, format=None, dtype=None):
    """A matrix of its diagonals, which are differentiable; a diagonal of one element is repeated."""
    options: dict[str, Any] = {"offsets": offsets, "shape": shape, "format": format, "dtype": np.int64}
    return cast(move(lambda d: sp.diags_array(d, **options), diagonals), dtype)


@instead_of(sp.diags)
def diags(diagonals, offsets=0, shape=None, format=None, dtype=None):
    """The same as a SciPy matrix; differentiable in the diagonals."""
    return cast(move(lambda d: sp.diags(d, offsets, shape, format, np.int64), diagonals), dtype)


@instead_of(sp.spdiags)
def spdiags(data, diags, m=None, n=None, format=None):
    """A matrix of the rows of `data` as its diagonals; differentiable in `data`."""
    return move(lambda d: sp.spdiags(d, diags, m, n, format), data)


@instead_of(sp.hstack)
def hstack(blocks, format=None, dtype=None):
    """Blocks side by side; differentiable in all of them."""
    return cast(move(lambda b: sp.hstack(b, format), blocks), dtype)


@instead_of(sp.vstack)
def vstack(blocks, format=None, dtype=None):
    """Blocks on top of each other; differentiable in all of them."""
    return cast(move(lambda b: sp.vstack(b, format), blocks), dtype)


@instead_of(sp.bmat)
def bmat(blocks, format=None, dtype=None):
    """A matrix of rows of blocks, None for zeros; differentiable in all of them."""
    return cast(move(lambda b: sp.bmat(b, format), blocks), dtype)


@instead_of(sp.block_array)
def block_array(blocks, *, format=None, dtype=None):
    """A matrix of rows of blocks, None for zeros; differentiable in all of them."""
    return cast(move(lambda b: sp.block_array(b, format=format), blocks), dtype)


@instead_of(sp.block_diag)
def block_diag(mats, format=None, dtype=None):
    """A matrix of blocks along its diagonal; differentiable in all of them."""
    return cast(move(lambda b: sp.block_diag(b, format), list(mats)), dtype)


@instead_of(sp.tril)
def tril(A, k=0, format=None):
    """The lower triangle; differentiable."""
    return move(lambda a: sp.tril(a, k, format), A)


@instead_of(sp.triu)
def triu(A, k=0, format=None):
    """The upper triangle; differentiable."""
    return move(lambda a: sp.triu(a, k, format), A)


# ---- products of them -----------------------------------------------------------------------------------------------


def sparse(x: Any) -> Sparse:
    """`x`, which may be a dense array, as a sparse matrix of ours."""
    return as_sparse(x) if isinstance(x, Sparse) or sp.issparse(x) else move(sp.coo_array, x)


@instead_of(sp.kron)
def kron(A, B, format=None):
    """The Kronecker product; differentiable in both."""
    return pairwise(lambda a, b: sp.kron(a, b, format), sparse(A), sparse(B))


@instead_of(sp.kronsum)
def kronsum(A, B, format=None):
    """The Kronecker sum: that of the products with the identity; differentiable in both."""
    A, B = sparse(A), sparse(B)
    if A.shape[0] != A.shape[1]:
        raise ValueError("A is not square")
    if B.shape[0] != B.shape[1]:
        raise ValueError("B is not square")
    left = kron(sp.eye_array(B.shape[0], dtype=A.dtype), A)
    right = kron(B, sp.eye_array(A.shape[0], dtype=B.dtype))
    return (left + right).asformat(format, A.is_matrix and B.is_matrix)


@instead_of(sp.find)
def find(A):
    """Row, column and value of all that is stored, the values differentiable. What is stored and zero is there, too."""
    one = sparse(A).tocoo().summed()
    row, col, _ = one.pattern.places
    return row, col, one.values()


# ---- what it is -----------------------------------------------------------------------------------------------------


def issparse(x: Any) -> bool:
    """Whether `x` is a sparse matrix, of SciPy's or with traced values."""
    return isinstance(x, Sparse) or sp.issparse(x)


def isspmatrix(x: Any) -> bool:
    """Whether `x` is a sparse matrix, and no sparse array."""
    return x.is_matrix if isinstance(x, Sparse) else sp.isspmatrix(x)

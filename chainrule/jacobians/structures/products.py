"""Matrices made of products of smaller ones: low rank, and Kronecker."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .structured import Structured, is_sparse, numbers, numbers_in, solve_with, stored_in


@dataclass(frozen=True, eq=False, repr=False)
class LowRank(Structured):
    """A product of a tall and a wide matrix, `left @ right.T`, plus a structured matrix if there is one.

    The Hessian of a function of a few sums has this form, and so has that of a sum of such and elementwise terms.

    Parameters
    ----------
    left : array of shape `(m, r)`
        It is not copied.
    right : array of shape `(n, r)`
        It is not copied. (Of a complex matrix it is `right.T` that is meant, not its conjugate.)
    rest : structured matrix or sparse array of shape `(m, n)`, optional
        What is added.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> u = np.array([[1.0], [2.0], [3.0]])
    >>> A = cr.Diagonal(np.ones(3)) + cr.LowRank(u, u)
    >>> A
    LowRank(3 x 3, float64, rank 1, plus Diagonal, 6 numbers stored)
    >>> A.solve(A @ np.array([1.0, 0.0, -1.0])).round(12)
    array([ 1.,  0., -1.])
    """

    left: np.ndarray
    right: np.ndarray
    rest: Any = None

    def __post_init__(self):
        left, right = numbers(self.left, "LowRank: left"), numbers(self.right, "LowRank: right")
        if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
            raise ValueError(
                "LowRank: left and right are matrices with as many columns, the rank; got the shapes "
                f"{left.shape} and {right.shape}"
            )
        if self.rest is not None and self.rest.shape != (len(left), len(right)):
            raise ValueError(f"LowRank: {self.rest!r} is to be added to a matrix of shape {(len(left), len(right))}")
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "right", right)

    @property
    def shape(self) -> tuple[int, int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The numbers of rows of `left` and of `right`."""
        return len(self.left), len(self.right)

    @property
    def dtype(self) -> np.dtype:
        return np.result_type(self.left, self.right, *([] if self.rest is None else [self.rest.dtype]))

    @property
    def T(self) -> "LowRank":
        return LowRank(self.right, self.left, None if self.rest is None else self.rest.T)

    @property
    def stored(self) -> int:
        factors = [self.left] if self.right is self.left else [self.left, self.right]
        return sum(map(numbers_in, factors)) + (0 if self.rest is None else stored_in(self.rest))

    def _said(self) -> str:
        return f"rank {self.left.shape[1]}" + ("" if self.rest is None else f", plus {type(self.rest).__name__}")

    def conj(self) -> Self:
        rest = None if self.rest is None else self.rest.conj()
        return type(self)(np.conjugate(self.left), np.conjugate(self.right), rest)

    def toarray(self) -> np.ndarray:
        product = self.left @ self.right.T
        return product if self.rest is None else product + self.rest.toarray()

    def tocsr(self) -> Any:
        """The matrix as a `scipy.sparse.csr_array`, with all its entries: they are m n in number."""
        import scipy.sparse

        return scipy.sparse.csr_array(self.toarray())

    def diagonal(self) -> np.ndarray:
        k = min(self.shape)
        found = np.einsum("ir,ir->i", self.left[:k], self.right[:k])
        return found if self.rest is None else found + self.rest.diagonal()

    def solve(self, b: Any) -> np.ndarray:
        """The x with `A @ x = b`, by the formula of Woodbury (1950): solutions with `rest`, and a system of rank r.

        Raises
        ------
        numpy.linalg.LinAlgError
            If there is no `rest`: a matrix of low rank is singular. And if the matrix is singular in spite of it.
        """
        right = self._system(b)
        if self.rest is None:
            if self.left.shape[1] < len(right):
                raise np.linalg.LinAlgError(f"solve: {self!r} is singular; add a matrix that is not")
            return np.linalg.solve(self.toarray(), right).reshape(np.shape(b))
        x, spread = solve_with(self.rest, right), solve_with(self.rest, self.left)
        small = np.eye(self.left.shape[1]) + self.right.T @ spread
        return (x - spread @ np.linalg.solve(small, self.right.T @ x)).reshape(np.shape(b))

    def _apply(self, x: np.ndarray) -> np.ndarray:
        y = self.left @ (self.right.T @ x)
        return y if self.rest is None else y + self.rest @ x

    def _scaled(self, factor: Any) -> Self:
        return type(self)(self.left * factor, self.right, None if self.rest is None else self.rest * factor)

    def _plus(self, other: Structured) -> Structured | None:
        if isinstance(other, LowRank):
            left, right = np.hstack([self.left, other.left]), np.hstack([self.right, other.right])
            rests = [r for r in (self.rest, other.rest) if r is not None]
            return LowRank(left, right, rests[0] + rests[1] if len(rests) == 2 else rests[0] if rests else None)
        return self._plus_sparse(other)

    def _plus_sparse(self, other: Any) -> "LowRank":
        return LowRank(self.left, self.right, other if self.rest is None else self.rest + other)

    def _times(self, other: Structured) -> Structured | None:
        product = LowRank(self.left, other.T @ self.right)
        return product if self.rest is None else product + self.rest @ other

    def _after(self, other: Structured) -> Structured | None:
        product = LowRank(other @ self.left, self.right)
        return product if self.rest is None else product + other @ self.rest


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Kronecker(Structured):
    """The Kronecker product of two or more matrices: a linear map along each axis of an array.

    `Kronecker(A, B) @ X.ravel()` is `(A @ X @ B.T).ravel()`.

    Parameters
    ----------
    factors : arrays, sparse arrays or structured matrices
        They are not copied.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> K = cr.Kronecker(A, B)
    >>> K
    Kronecker(4 x 4, float64, of 2 x 2 and 2 x 2, 8 numbers stored)
    >>> bool(np.all(K.toarray() == np.kron(A, B)))
    True
    """

    factors: tuple[Any, ...]

    def __init__(self, *factors: Any):
        if not factors:
            raise ValueError("Kronecker: at least one factor is needed")
        read = [A if isinstance(A, Structured) or is_sparse(A) else numbers(A, "Kronecker: a factor") for A in factors]
        wrong = [A.shape for A in read if len(A.shape) != 2]
        if wrong:
            raise ValueError(f"Kronecker: the factors are matrices; got one of shape {wrong[0]}")
        object.__setattr__(self, "factors", tuple(read))

    @property
    def shape(self) -> tuple[int, int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The products of the factors' sizes."""
        rows, columns = zip(*(A.shape for A in self.factors), strict=True)
        return int(np.prod(rows, dtype=int)), int(np.prod(columns, dtype=int))

    @property
    def dtype(self) -> np.dtype:
        return np.result_type(*(A.dtype for A in self.factors))

    @property
    def T(self) -> "Kronecker":
        return Kronecker(*(A.T for A in self.factors))

    @property
    def stored(self) -> int:
        return sum(map(stored_in, self.factors))

    def _said(self) -> str:
        return "of " + " and ".join(f"{m} x {n}" for m, n in (A.shape for A in self.factors))

    def conj(self) -> Self:
        return type(self)(*(A.conj() for A in self.factors))

    def diagonal(self) -> np.ndarray:
        if any(A.shape[0] != A.shape[1] for A in self.factors):
            return super().diagonal()
        return functools.reduce(np.kron, [A.diagonal() for A in self.factors])

    def toarray(self) -> np.ndarray:
        return functools.reduce(np.kron, [A if isinstance(A, np.ndarray) else A.toarray() for A in self.factors])

    def tocsr(self) -> Any:
        import scipy.sparse

        parts = [A.tocsr() if isinstance(A, Structured) else scipy.sparse.csr_array(A) for A in self.factors]
        return scipy.sparse.csr_array(functools.reduce(lambda a, b: scipy.sparse.kron(a, b, format="csr"), parts))

    def solve(self, b: Any) -> np.ndarray:
        """The x with `K @ x = b`: a solution with each factor.

        Raises
        ------
        ValueError
            If a factor is not square.
        numpy.linalg.LinAlgError or RuntimeError
            If a factor is singular.
        """
        right = self._system(b)
        if any(A.shape[0] != A.shape[1] for A in self.factors):
            raise ValueError(f"solve: the factors of {self!r} are not square")

        return self._along_axes(solve_with, right).reshape(np.shape(b))

    def _along_axes(self, act: Any, x: np.ndarray) -> np.ndarray:
        """Each factor's action on its axis of `x`, whose last axis is a batch."""
        x = x.reshape(*(A.shape[1] for A in self.factors), -1)
        for k, A in enumerate(self.factors):
            moved = np.moveaxis(x, k, 0)
            found = act(A, np.ascontiguousarray(moved.reshape(len(moved), -1)))
            x = np.moveaxis(found.reshape(len(found), *moved.shape[1:]), 0, k)
        return x.reshape(-1, x.shape[-1])

    def _apply(self, x: np.ndarray) -> np.ndarray:
        if not x.size:
            return np.zeros((self.shape[0], x.shape[1]), np.result_type(self.dtype, x.dtype))
        return self._along_axes(lambda A, b: A @ b, x)

    def _scaled(self, factor: Any) -> Self:
        return type(self)(self.factors[0] * factor, *self.factors[1:])

    def _plus(self, other: Structured) -> Structured | None:
        """A sum is a Kronecker product only if all factors but one are the very same objects."""
        if not isinstance(other, Kronecker) or len(other.factors) != len(self.factors):
            return None
        differ = [k for k, (A, B) in enumerate(zip(self.factors, other.factors, strict=True)) if A is not B]
        if len(differ) > 1 or any(A.shape != B.shape for A, B in zip(self.factors, other.factors, strict=True)):
            return None
        k = differ[0] if differ else 0
        return Kronecker(*self.factors[:k], self.factors[k] + other.factors[k], *self.factors[k + 1 :])

    def _times(self, other: Structured) -> Structured | None:
        if not isinstance(other, Kronecker) or len(other.factors) != len(self.factors):
            return None
        pairs: Sequence[Any] = list(zip(self.factors, other.factors, strict=True))
        if any(A.shape[1] != B.shape[0] for A, B in pairs):
            return None
        return Kronecker(*(A @ B for A, B in pairs))

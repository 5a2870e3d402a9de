"""What all structured matrices have in common: NumPy's and SciPy's operators, and how they meet each other."""

from typing import Any, Self

import numpy as np


class Structured:
    """A matrix that stores no more than its structure needs, and computes with that.

    `J @ x` and `x @ J` take vectors, matrices, sparse arrays and structured matrices. Arrays give arrays; sparse arrays
    give `csr_array`; structured matrices a structured one where the product has a structure, else a `csr_array`. The
    same holds for sums. What is given is kept as it is, not copied.

    Attributes
    ----------
    shape : tuple
        `(rows, columns)`.
    dtype : numpy.dtype
        That of the numbers.
    """

    __array_ufunc__ = None  # NumPy's operators leave it to ours
    ndim = 2
    shape: tuple[int, int]

    # ---- what each structure says for itself --------------------------------------------------------------------

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the numbers."""
        raise NotImplementedError

    @property
    def T(self) -> "Structured":
        """The transpose."""
        raise NotImplementedError

    def conj(self) -> Self:
        """The complex conjugate."""
        raise NotImplementedError

    def tocsr(self) -> Any:
        """The matrix as a `scipy.sparse.csr_array`."""
        raise NotImplementedError

    def solve(self, b: Any) -> np.ndarray:
        """The x with `J @ x = b`, for a vector `(n,)` or a matrix `(n, k)`."""
        raise NotImplementedError

    @property
    def stored(self) -> int:
        """How many numbers are kept; those that a view repeats count once."""
        raise NotImplementedError

    def _apply(self, x: np.ndarray) -> np.ndarray:
        """The product with a matrix `(n, k)`."""
        raise NotImplementedError

    def _scaled(self, factor: Any) -> Self:
        raise NotImplementedError

    def _plus(self, other: "Structured") -> "Structured | None":
        """The sum, if this class knows of one."""

    def _plus_sparse(self, other: Any) -> Any:
        return self.tocsr() + other

    def _times(self, other: "Structured") -> "Structured | None":
        """`self @ other`, if this class knows of a structure of it."""

    def _after(self, other: "Structured") -> "Structured | None":
        """`other @ self`, if this class knows of a structure of it."""

    def _said(self) -> str:
        """What is special about this one, for its repr."""
        return ""

    # ---- what follows -------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        said = f"{self._said()}, " if self._said() else ""
        m, n = self.shape
        return f"{type(self).__name__}({m} x {n}, {self.dtype}, {said}{counted(self.stored, 'number')} stored)"

    @property
    def H(self) -> "Structured":
        """The conjugate transpose."""
        return self.conj().T if self.dtype.kind == "c" else self.T

    def transpose(self) -> "Structured":
        """The transpose, as a method."""
        return self.T

    def toarray(self) -> np.ndarray:
        """The matrix as an array of shape `(m, n)`."""
        return self.tocsr().toarray()

    def diagonal(self) -> np.ndarray:
        """The entries on the main diagonal, an array of shape `(min(m, n),)`."""
        return self.tocsr().diagonal()

    def as_linear_operator(self) -> Any:
        """The matrix as a `scipy.sparse.linalg.LinearOperator`, for SciPy's iterative methods."""
        import scipy.sparse.linalg

        transposed, operator = self.H, scipy.sparse.linalg.LinearOperator
        make: Any = operator  # which makes one of another class, unknown to type checkers
        return make(
            self.shape,
            matvec=lambda x: self @ np.ravel(x),
            rmatvec=lambda x: transposed @ np.ravel(x),
            matmat=lambda x: self @ x,
            rmatmat=lambda x: transposed @ x,
            dtype=self.dtype,
        )

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Structured):
            return product(self, other)
        if is_sparse(other):
            return self.tocsr() @ other
        other = np.asarray(other)
        if other.ndim not in (1, 2) or other.shape[0] != self.shape[1]:
            raise ValueError(f"{self!r} @ an array of shape {other.shape}: the sizes do not fit")
        return self._apply(other[:, None])[:, 0] if other.ndim == 1 else self._apply(other)

    def __rmatmul__(self, other: Any) -> Any:
        if is_sparse(other):
            return other @ self.tocsr()
        other = np.asarray(other)
        if other.ndim not in (1, 2) or other.shape[-1] != self.shape[0]:
            raise ValueError(f"an array of shape {other.shape} @ {self!r}: the sizes do not fit")
        return (self.T @ other.T).T

    def dot(self, other: Any) -> Any:
        """`self @ other`."""
        return self @ other

    def __mul__(self, factor: Any) -> Any:
        return self._scaled(factor) if np.ndim(factor) == 0 and not is_sparse(factor) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, factor: Any) -> Any:
        return self._scaled(1 / factor) if np.ndim(factor) == 0 else NotImplemented

    def __neg__(self) -> Self:
        return self._scaled(-1)

    def __pos__(self) -> Self:
        return self

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Structured):
            if np.ndim(other) != 2 and not is_sparse(other):
                return NotImplemented
            return self._plus_sparse(other) if is_sparse(other) else self.toarray() + other
        if self.shape != other.shape:
            raise ValueError(f"{self!r} + {other!r}: the shapes differ")
        found = self._plus(other)
        found = other._plus(self) if found is None else found
        return self.tocsr() + other.tocsr() if found is None else found

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def _system(self, b: Any) -> np.ndarray:
        """The right sides of a system, checked, as a matrix."""
        if self.shape[0] != self.shape[1]:
            raise ValueError(f"solve: {self!r} is not square")
        b = np.asarray(b)
        if b.ndim not in (1, 2) or len(b) != self.shape[0]:
            raise ValueError(f"solve: a right side of {self!r} has {self.shape[0]} rows; got the shape {b.shape}")
        return b[:, None] if b.ndim == 1 else b


def product(a: Structured, b: Structured) -> Any:
    """`a @ b`, structured where one of the two knows how; else a `csr_array`."""
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"{a!r} @ {b!r}: the sizes do not fit")
    found = a._times(b)
    found = b._after(a) if found is None else found
    return a.tocsr() @ b.tocsr() if found is None else found


def is_sparse(x: Any) -> bool:
    """Whether this is a sparse array or matrix of SciPy's, which is not imported for it."""
    return hasattr(x, "tocsr") and not isinstance(x, Structured)


def solve_with(A: Any, b: np.ndarray) -> np.ndarray:
    """The x with `A @ x = b`, for a matrix of whatever kind."""
    if isinstance(A, Structured):
        return A.solve(b)
    return sparse_solve(A, b) if is_sparse(A) else np.linalg.solve(A, b)


def sparse_solve(A: Any, b: np.ndarray) -> np.ndarray:
    """The solution of a sparse system, complex right sides of a real one included."""
    import scipy.sparse.linalg

    lu = scipy.sparse.linalg.splu(A.tocsc(), permc_spec="MMD_AT_PLUS_A")
    if b.dtype.kind == "c" and A.dtype.kind != "c":
        return lu.solve(np.real(b).astype(A.dtype)) + 1j * lu.solve(np.imag(b).astype(A.dtype))
    return lu.solve(b.astype(A.dtype))


def numbers_in(array: np.ndarray) -> int:
    """How many numbers an array has in memory: what is broadcast counts once."""
    return int(np.prod([n for n, step in zip(array.shape, array.strides, strict=True) if step], dtype=int))


def stored_in(A: Any) -> int:
    """How many numbers a matrix of whatever kind stores."""
    return A.stored if isinstance(A, Structured) else A.nnz if is_sparse(A) else numbers_in(A)


def multiple(array: np.ndarray, factor: Any) -> np.ndarray:
    """`array * factor`; what is broadcast stays so."""
    if numbers_in(array) == array.size:
        return array * factor
    one = array[tuple(slice(None) if step else slice(0, 1) for step in array.strides)]
    return np.broadcast_to(one * factor, array.shape)


def numbers(x: Any, name: str) -> np.ndarray:
    """An array of numbers; integers and booleans become floats."""
    x = np.asarray(x)
    if x.dtype.kind not in "biufc":
        raise TypeError(f"{name} should be numbers; got an array of dtype {x.dtype}")
    return x if x.dtype.kind in "fc" else x.astype(float)


def matrix_shape(shape: Any, name: str) -> tuple[int, int]:
    m, n = (int(k) for k in shape)
    if m < 0 or n < 0:
        raise ValueError(f"{name}: a shape has no negative sizes; got {tuple(shape)}")
    return m, n


def counted(number: int, what: str) -> str:
    """`1 number`, `2 numbers`."""
    return f"{number} {what}{'' if number == 1 else 's'}"

"""A sparse matrix with traced values, and what it does with the other operands of an operator.

Whatever only moves stored values is done to the numbers of their places instead, by SciPy itself; the values follow.
That is most of what SciPy does with sparse matrices, with nothing written twice.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...core.errors import MissingRuleError, user_line
from ...core.memory import COPY_BELOW
from ...core.trace import FRONT_ENDS, NUMBERS, Tracer, bind
from ...ops.indexing import put
from ...ops.subscripts import ARRAY
from .pattern import Pattern, product


def added(values: Any, places: np.ndarray, size: int) -> Any:
    """An array of `size` zeros with `values` added at `places`."""
    return bind(put, values, places, index=(ARRAY,), shape=(size,))


def picked(values: Any, numbers: np.ndarray) -> Any:
    """The values with these numbers, counted from 1; 0 where the number is 0."""
    numbers = np.asarray(numbers)
    if numbers.shape == () or values.size != numbers.size or not np.array_equal(numbers.ravel(), _counted(values.size)):
        some = numbers > 0
        if some.all():
            return values[numbers - 1]
        values = added(values[numbers[some] - 1], np.flatnonzero(some), numbers.size)
    return values if values.shape == numbers.shape else np.reshape(values, numbers.shape)


def _counted(size: int) -> np.ndarray:
    return np.arange(1, size + 1)


class Sparse:
    """A sparse matrix whose stored values are traced.

    It is what the constructors and functions of `chainrule.scipy.sparse` make of traced values. Gradients are taken
    with respect to the values that it was made of. It cannot be changed: its structure is fixed, and what is done to it
    gives a new matrix.

    Attributes
    ----------
    data : traced array
        The stored values, as SciPy's sparse matrix of this format has them.
    pattern : Pattern
        Where they stand.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.sparse import csr_array
    >>> def f(data):
    ...     A = csr_array((data, ([0, 0, 1], [0, 2, 1])), shape=(2, 3))
    ...     return np.sum(A @ np.array([1.0, 10.0, 100.0]))
    >>> cr.grad(f)(np.ones(3))
    array([  1., 100.,  10.])
    """

    __slots__ = ("data", "pattern")
    __array_ufunc__ = None  # an array lets the operators below decide
    __array__ = Tracer.__array__
    __hash__ = object.__hash__

    ndim = 2

    def __init__(self, data: Any, pattern: Pattern):
        self.data, self.pattern = data, pattern

    # -- what it looks like

    shape = property(lambda self: self.pattern.shape)
    dtype = property(lambda self: self.data.dtype)
    format = property(lambda self: self.pattern.matrix.format)
    nnz = property(lambda self: int(self.pattern.matrix.nnz))
    size = nnz
    is_matrix = property(lambda self: isinstance(self.pattern.matrix, sp.spmatrix))
    T = property(lambda self: self.transpose())

    def __getattr__(self, name: str) -> Any:
        if name in STRUCTURE and hasattr(self.pattern.matrix, name):
            return getattr(self.pattern.matrix, name)
        raise AttributeError(
            f"{type(self.pattern.matrix).__name__}.{name}: not there for a sparse matrix with traced values "
            f"(at {user_line()})"
        )

    def __repr__(self) -> str:
        m, n = self.shape
        return f"<{type(self.pattern.matrix).__name__} with {self.nnz} traced values, shape ({m}, {n}), {self.dtype}>"

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous; use getnnz() or shape[0]")

    def __bool__(self) -> bool:
        raise ValueError("The truth value of a sparse array with traced values is ambiguous.")

    def getnnz(self, axis: int | None = None) -> Any:
        return (
            self.nnz if axis is None else np.bincount(self.pattern.places[1 - axis % 2], minlength=self.shape[axis - 1])
        )

    def getformat(self) -> str:
        return self.format

    def get_shape(self) -> tuple[int, int]:
        return self.shape

    # -- its values

    def values(self) -> Any:
        """The stored values in a row, in the order of `pattern.places`."""
        return self.pattern.values(self.data)

    def map(self, f: Callable[[Any], Any]) -> "Sparse":
        """The matrix of `f(value)`; f must make 0 of 0."""
        one = self.summed()
        return Sparse(f(one.data), one.pattern)

    def summed(self) -> "Sparse":
        """The same matrix with one value for a place, in row-major order; csc in column-major order."""
        matrix = self.pattern.matrix
        if matrix.format == "dia" or (matrix.format != "coo" and matrix.has_canonical_format):
            return self
        row, col, _ = self.pattern.places
        merged, data = merge(self.values(), row, col, self.shape)
        return Sparse(data, merged).asformat(self.format, self.is_matrix)

    def astype(self, dtype: Any, casting: str = "unsafe", copy: bool = True) -> "Sparse":
        return Sparse(self.data.astype(dtype, casting=casting), self.pattern)

    def copy(self) -> "Sparse":
        return self

    def conj(self, copy: bool = True) -> "Sparse":
        return Sparse(np.conjugate(self.data), self.pattern) if self.dtype.kind == "c" else self

    conjugate = conj
    real = property(lambda self: Sparse(np.real(self.data), self.pattern))
    imag = property(lambda self: Sparse(np.imag(self.data), self.pattern))

    def power(self, n: Any, dtype: Any = None) -> "Sparse":
        if n == 0:
            raise NotImplementedError("zero power is not supported as it would densify the matrix.")
        return self.map(lambda data: (data if dtype is None else data.astype(dtype)) ** n)

    # -- moving them

    def transpose(self, axes: Any = None, copy: bool = False) -> "Sparse":
        return move(lambda a: a.transpose(axes), self, summed=False)

    def getH(self) -> "Sparse":
        return self.transpose().conj()

    def asformat(self, format: str | None, matrix: bool | None = None, **blocks: Any) -> "Sparse":
        """The same matrix in another format, as a SciPy matrix or array."""
        matrix = self.is_matrix if matrix is None else matrix
        if format in (None, self.format) and matrix == self.is_matrix and not blocks:
            return self
        format = format or self.format
        if format not in FORMATS:
            raise MissingRuleError(
                f"to{format}: a sparse matrix with traced values is immutable, and {format} is a format for changing "
                f"matrices (at {user_line()}); it can be in {', '.join(FORMATS)}"
            )
        kind = getattr(sp, f"{format}_{'matrix' if matrix else 'array'}")
        blocks = {k: v for k, v in blocks.items() if v is not None}
        return move(lambda a: kind(a.asformat(format, **blocks)), self, summed=format != "coo")

    def tocsr(self, copy: bool = False) -> "Sparse":
        return self.asformat("csr")

    def tocsc(self, copy: bool = False) -> "Sparse":
        return self.asformat("csc")

    def tocoo(self, copy: bool = False) -> "Sparse":
        return self.asformat("coo")

    def todia(self, copy: bool = False) -> "Sparse":
        return self.asformat("dia")

    def tobsr(self, blocksize: Any = None, copy: bool = False) -> "Sparse":
        return self.asformat("bsr", blocksize=blocksize)

    def tolil(self, copy: bool = False) -> "Sparse":
        return self.asformat("lil")

    def todok(self, copy: bool = False) -> "Sparse":
        return self.asformat("dok")

    def toarray(self, order: Any = None, out: Any = None) -> Any:
        if out is not None:
            raise MissingRuleError(f"toarray: out= is not there for traced values (at {user_line()})")
        row, col, _ = self.pattern.places
        m, n = self.shape
        return np.reshape(added(self.values(), row.astype(np.intp) * n + col, m * n), (m, n))

    todense = toarray

    def reshape(self, *shape: Any, order: str = "C", copy: bool = False) -> "Sparse":
        return move(lambda a: a.reshape(*shape, order=order), self)

    def diagonal(self, k: int = 0) -> Any:
        return move(lambda a: a.diagonal(k), self)

    def trace(self, offset: int = 0) -> Any:
        return np.sum(self.diagonal(offset))

    def __getitem__(self, index: Any) -> Any:
        return move(lambda a: a[index], self.tocsr() if self.format in ("coo", "bsr", "dia") else self)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            f"a sparse matrix with traced values cannot be written into (at {user_line()}): make it of the values that "
            "it shall have, or add a matrix to it"
        )

    def getrow(self, i: int) -> "Sparse":
        return self[[i], :]

    def getcol(self, j: int) -> "Sparse":
        return self[:, [j]]

    def nonzero(self) -> tuple[np.ndarray, np.ndarray]:
        """Where values are stored, be they zero or not."""
        row, col, _ = self.summed().pattern.places
        return row, col

    # -- sums

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        if out is not None:
            raise MissingRuleError(f"sum: out= is not there for traced values (at {user_line()})")
        if axis in (None, (0, 1), (1, 0)):
            y = np.sum(self.values())
        elif axis in (0, -2, 1, -1):
            on_columns = axis in (0, -2)
            place = self.pattern.places[on_columns]
            y = added(self.values(), place, self.shape[on_columns])
            y = np.expand_dims(y, axis) if self.is_matrix else y
        else:
            raise ValueError(f"axis out of range: {axis}")
        return y if dtype is None else y.astype(dtype)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        m, n = self.shape
        return self.sum(axis, dtype, out) / (m * n if axis is None else m if axis in (0, -2) else n)

    # -- operators

    def __neg__(self):
        return Sparse(-self.data, self.pattern)

    def __pos__(self):
        return self

    def __abs__(self):
        return self.map(np.abs)

    def __matmul__(self, other):
        if is_number(other):
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        return matmul(self, other)

    def __rmatmul__(self, other):
        if is_number(other):
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        return matmul(as_sparse(other), self) if is_sparse(other) else dense_matmul(other, self)

    def dot(self, other):
        return self * other if is_number(other) else self @ other

    def __mul__(self, other):
        return matmul(self, other) if self.is_matrix and not is_number(other) else self.multiply(other)

    def __rmul__(self, other):
        return self.__rmatmul__(other) if self.is_matrix and not is_number(other) else self.multiply(other)

    def multiply(self, other):
        return multiply(self, other)

    def __truediv__(self, other):
        if is_sparse(other):
            return self.toarray() / as_sparse(other).toarray()
        return self.multiply(1 / as_dense(other))

    def __rtruediv__(self, other):
        return as_dense(as_sparse(other).toarray() if is_sparse(other) else other) / self.toarray()

    def __add__(self, other):
        return add(self, other)

    __radd__ = __add__

    def __sub__(self, other):
        return add(self, -other if is_sparse(other) or is_number(other) else -as_dense(other))

    def __rsub__(self, other):
        return add(-self, other)

    def __pow__(self, n):
        return matrix_power(self, n) if self.is_matrix else self.power(n)


FORMATS = ("csr", "csc", "coo", "bsr", "dia")

STRUCTURE = frozenset(
    {"indices", "indptr", "offsets", "coords", "row", "col", "blocksize", "has_canonical_format", "has_sorted_indices"}
)
"""What SciPy's matrices tell of where their values stand."""


def _of_values(name: str) -> Callable[[Sparse], Sparse]:
    ufunc = getattr(np, name)

    def method(self):
        return self.map(ufunc)

    method.__name__ = name
    return method


ZERO_OF_ZERO = (
    *("sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "expm1", "log1p", "sqrt"),
    *("deg2rad", "rad2deg", "rint", "sign", "floor", "ceil", "trunc"),
)
for _name in ZERO_OF_ZERO:
    setattr(Sparse, _name, _of_values(_name))


def _compared(comparison: Callable[[Any, Any], Any]) -> Callable[[Sparse, Any], Any]:
    def method(self, other):
        return comparison(self.toarray(), as_sparse(other).toarray() if is_sparse(other) else other)

    return method


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Sparse, f"__{_name}__", _compared(getattr(operator, _name)))


# ---- what it is made of ---------------------------------------------------------------------------------------------


def is_sparse(x: Any) -> bool:
    return isinstance(x, Sparse) or sp.issparse(x)


def is_number(x: Any) -> bool:
    """Whether `x` is a number to SciPy: also an array of no axes."""
    return type(x) in NUMBERS or (not isinstance(x, Sparse) and getattr(x, "shape", None) == ())


def as_dense(x: Any) -> Any:
    return x if isinstance(x, Tracer) or is_number(x) else np.asarray(x)


def as_sparse(x: Any) -> Sparse:
    """A sparse matrix of SciPy's as ours, in a format that has its values in one array."""
    if isinstance(x, Sparse):
        return x
    if x.ndim != 2:
        raise MissingRuleError(
            f"{type(x).__name__} of shape {x.shape}: of sparse arrays, matrices only meet traced values "
            f"(at {user_line()}); use A.reshape(1, -1)"
        )
    if x.format not in FORMATS:
        x = x.tocsr()
    elif x.data.nbytes <= COPY_BELOW:  # as the tape does with the values: of large ones it notices a change
        x = x.copy()
    return Sparse(x.data, Pattern(x))


def merge(values: Any, row: np.ndarray, col: np.ndarray, shape: tuple[int, int]) -> tuple[Pattern, Any]:
    """The csr pattern of these places, once each, and what stands there: the sums of the values at the same place."""
    keys, places = np.unique(row.astype(np.int64) * shape[1] + col, return_inverse=True)
    values = added(values, places.ravel(), len(keys))
    columns = max(shape[1], 1)
    counts = np.bincount(keys // columns, minlength=shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return Pattern(sp.csr_array((np.zeros(len(keys), np.int8), keys % columns, indptr), shape)), values


def move(f: Callable[..., Any], *parts: Any, summed: bool = True) -> Any:
    """f, which only moves stored values, of trees of matrices and arrays: done to the numbers of the places.

    summed: values that stand in one place are added first, for their numbers must not be.
    """
    flat: list[Any] = []

    def tagged(x):
        if isinstance(x, list | tuple):
            return type(x)(map(tagged, x))
        if x is None:
            return None
        start = 1 + sum(v.size for v in flat)
        if is_sparse(x):
            x = as_sparse(x).summed() if summed else as_sparse(x)
            flat.append(np.ravel(x.data))
            return x.pattern.tagged(start)
        x = as_dense(x)
        flat.append(np.ravel(x))
        return np.arange(start, start + np.size(x)).reshape(np.shape(x))

    moved = f(*map(tagged, parts))
    values = flat[0] if len(flat) == 1 else np.concatenate(flat)
    if sp.issparse(moved):
        if moved.ndim != 2:
            raise MissingRuleError(
                f"a sparse array of {moved.ndim} axes with traced values (at {user_line()}): only matrices have rules; "
                "for a row use A[[i], :]"
            )
        return Sparse(picked(values, moved.data), Pattern(moved))
    return picked(values, moved)


def pairwise(f: Callable[..., Any], a: Sparse, b: Sparse) -> Sparse:
    """f, of which each stored value is the product of one of a and one of b: a Kronecker product, say."""
    a, b = a.summed(), b.summed()
    ones_a, ones_b = (x.pattern.filled(np.ones(x.pattern.data_shape, np.int64)) for x in (a, b))
    of_a, of_b = f(a.pattern.tagged(), ones_b), f(ones_a, b.pattern.tagged())
    values = picked(np.ravel(a.data), of_a.data) * picked(np.ravel(b.data), of_b.data)
    return Sparse(values, Pattern(of_a))


# ---- with other operands --------------------------------------------------------------------------------------------


def dense_product(a: Sparse, x: Any, transposed: bool = False) -> Any:
    """A x, or Aᵀ x, for a vector or a matrix x."""
    x = as_dense(x)
    n = a.shape[not transposed]
    if x.ndim not in (1, 2):
        raise ValueError("could not interpret dimensions")
    if x.shape[0] != n:
        signature = f"(n,k={n}),(k={x.shape[0]},{'1?' if x.ndim == 1 or x.shape[1] == 1 else 'm'})"
        raise ValueError(f"matmul: dimension mismatch with signature {signature}->(n,{signature[-3:-1].strip(',')})")
    return bind(product, a.data, x, pattern=a.pattern, transposed=transposed)


def matmul(a: Sparse, b: Any) -> Any:
    return sparse_product(a, as_sparse(b)) if is_sparse(b) else dense_product(a, b)


def dense_matmul(x: Any, a: Sparse) -> Any:
    x = as_dense(x)
    y = dense_product(a, x.T, transposed=True)
    return y.T


def sparse_product(a: Sparse, b: Sparse) -> Sparse:
    """The product of two: each stored value of a with the row of b that it meets."""
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"matmul: dimension mismatch with signature (n,k={a.shape[1]}),(k={b.shape[0]},m)->(n,m)")
    matrix = a.is_matrix
    a, b = a.tocsr().summed(), b.tocsr().summed()
    row, col, _ = a.pattern.places
    start, counts = b.indptr[col], np.diff(b.indptr)[col]
    of_a = np.repeat(np.arange(len(col)), counts)
    of_b = np.arange(len(of_a)) + np.repeat(start - (np.cumsum(counts) - counts), counts)
    shape = (a.shape[0], b.shape[1])
    pattern, data = merge(a.data[of_a] * b.data[of_b], row[of_a], b.indices[of_b], shape)
    return Sparse(data, pattern).asformat("csr", matrix)


def matrix_power(a: Sparse, n: int) -> Sparse:
    if a.shape[0] != a.shape[1]:
        raise TypeError("sparse matrix is not square")
    n = operator.index(n)
    if n < 0:
        raise ValueError("exponent must be >= 0")
    if n == 0:
        return as_sparse(type(a.pattern.matrix)(sp.eye_array(a.shape[0], dtype=a.dtype)))
    half = matrix_power(a, n // 2) if n > 1 else a
    return a if n == 1 else half @ half @ a if n % 2 else half @ half


def multiply(a: Sparse, b: Any) -> Any:
    """Element by element."""
    if is_number(b):
        return Sparse(a.data * b, a.pattern)
    if is_sparse(b):
        return pairwise(lambda x, y: x.multiply(y), a.tocsr() if a.format == "dia" else a, as_sparse(b))
    b = as_dense(b)
    if b.ndim > 2:
        return a.toarray() * b
    shape = (1,) * (2 - b.ndim) + b.shape
    if np.broadcast_shapes(a.shape, shape) != a.shape:
        raise ValueError(f"inconsistent shapes {a.shape} and {b.shape}")
    row, col, _ = a.pattern.places
    at = tuple(place if n > 1 else 0 for n, place in zip(shape, (row, col), strict=True))
    factors = np.reshape(b, shape)[at]
    return Sparse(a.values() * factors, a.pattern.triples).asformat("coo", a.is_matrix)


def add(a: Sparse, b: Any) -> Any:
    if is_sparse(b):
        b = as_sparse(b)
        if a.shape != b.shape:
            raise ValueError("inconsistent shapes")
        if a.pattern is b.pattern:
            return Sparse(a.data + b.data, a.pattern)
        (row_a, col_a, _), (row_b, col_b, _) = a.pattern.places, b.pattern.places
        pattern, data = merge(
            np.concatenate([a.values(), b.values()]),
            np.concatenate([row_a, row_b]),
            np.concatenate([col_a, col_b]),
            a.shape,
        )
        return Sparse(data, pattern).asformat("csc" if a.format == "csc" else "csr", a.is_matrix)
    if is_number(b):
        if not isinstance(b, Tracer) and b == 0:
            return a
        raise NotImplementedError("adding a nonzero scalar to a sparse array is not supported")
    b = as_dense(b)
    if np.broadcast_shapes(a.shape, b.shape) != a.shape:
        raise ValueError(f"inconsistent shapes {a.shape} and {b.shape}")
    return a.toarray() + b


# ---- SciPy's own matrices, where they meet a traced array -----------------------------------------------------------

OPERATORS: dict[str, Callable[..., Any]] = {
    "matmul": operator.matmul,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "add": operator.add,
    "subtract": operator.sub,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


def operand(primitive: Any, a: Any, b: Any) -> Any:
    """An operator of a traced array and a sparse matrix of SciPy's."""
    if primitive.name not in OPERATORS:
        return NotImplemented
    a, b = (as_sparse(x) if sp.issparse(x) else x for x in (a, b))
    return OPERATORS[primitive.name](a, b)


FRONT_ENDS["scipy.sparse"] = operand

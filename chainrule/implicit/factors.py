"""Factorisations of square matrices: made once, used for many systems with the matrix and with its transpose."""

from collections.abc import Callable
from typing import Any

import numpy as np

DENSE_BELOW = 100
"""Equations up to which a sparse matrix is factorised as a dense one: LAPACK is faster than SuperLU there."""
FULL_FROM = 0.03
"""Share of stored entries from which that holds up to `FULL_BELOW` equations: the factors fill up"""
FULL_BELOW = 5000
BAND_LIMIT = 24
"""Diagonals up to which a banded factorisation was faster than a sparse one of the same matrix"""
SYMMETRIC_FROM = 0.9
"""Share of the entries whose mirror image is stored, too, from which the structure counts as symmetric"""


class Factors:
    """A factorised matrix.

    ordering: the ordering that was chosen, to be given to :func:`factorize` for another matrix of the same structure;
    solves: how many systems have been solved.
    """

    def __init__(self, shape: tuple[int, int], ordering: Any):
        self.shape, self.ordering, self.solves = shape, ordering, 0

    def solve(self, b: Any, transposed: bool = False) -> np.ndarray:
        """The solution x of `A x = b`, or of `Aᵀ x = b`; b has the shape `(n,)` or `(n, k)`."""
        b = np.asarray(b)
        n = self.shape[0]
        if b.ndim not in (1, 2) or b.shape[0] != n:
            raise ValueError(f"solve: b has shape {b.shape}; ({n},) or ({n}, k) is needed")
        if not b.size:
            return np.zeros(b.shape)
        self.solves += 1
        return self._solve(b, transposed)

    def _solve(self, b: np.ndarray, transposed: bool) -> np.ndarray:
        raise NotImplementedError

    def __repr__(self) -> str:
        order = self.ordering[0] if isinstance(self.ordering, tuple) else self.ordering
        return f"<{type(self).__name__} of shape {self.shape}, ordering {order!r}>"


def factorize(J: Any, ordering: Any = "auto") -> Factors:
    """A factorisation of the square matrix J, dense or sparse, for solving with it and with its transpose.

    Parameters
    ----------
    J : (n, n) array or sparse matrix
        The matrix. It must be real and square.
    ordering : str or tuple
        In which order unknowns are eliminated. "auto" chooses one: "dense" up to 100 unknowns, and up to 5000 where
        many entries are stored; "banded" where that, or the reverse Cuthill-McKee order, leaves few diagonals; "mmd"
        (minimum degree on Jᵀ + J) where the structure is nearly symmetric; "colamd" otherwise. "natural" keeps the
        given order. The `ordering` of another factorisation skips the choice: for a matrix of the same structure.

    Returns
    -------
    Factors
        Its `solve(b, transposed=False)` takes `b` of shape `(n,)` or `(n, k)`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If J is singular, or holds NaN or infinity.
    ValueError
        If J is not square, or the ordering is unknown.

    Notes
    -----
    Sources: Cuthill and McKee 1969; George and Liu 1989 (minimum degree); Davis et al. 2004, algorithm 836 (COLAMD);
    the factorisations are LAPACK's getrf, gttrf and gbtrf, and SuperLU's.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.implicit.factors import factorize
    >>> factorize(np.array([[2.0, 1.0], [0.0, 4.0]])).solve(np.array([4.0, 4.0]))
    array([1.5, 1. ])
    """
    import scipy.sparse

    is_sparse = scipy.sparse.issparse(J)
    if not is_sparse:
        J = np.asarray(J)
    if J.ndim != 2 or J.shape[0] != J.shape[1]:
        raise ValueError(f"factorize: the matrix must be square; its shape is {J.shape}")
    if not J.shape[0]:
        return Factors(J.shape, ordering)
    if not np.isfinite(J.data if is_sparse else J).all():
        raise np.linalg.LinAlgError("factorize: the matrix holds NaN or infinity, so no system with it has a solution")
    if ordering == "auto":
        ordering = choose(J) if is_sparse else "dense"
    if ordering == "dense":
        return Dense(J.toarray() if is_sparse else J)
    if isinstance(ordering, tuple) and ordering[0] == "banded":
        return Banded(J, ordering)
    if ordering == "banded":
        return Banded(J, ("banded", None))
    if ordering == "rcm":
        return Banded(J, ("banded", _reverse_cuthill_mckee(scipy.sparse.csr_array(J))))
    if ordering in SUPERLU:
        return Sparse(J, ordering)
    raise ValueError(f"factorize: ordering is one of auto, dense, banded, rcm, {', '.join(SUPERLU)}; got {ordering!r}")


def choose(J: Any) -> Any:
    """The ordering that is expected to be cheapest for this sparse matrix."""
    n = J.shape[0]
    if n <= DENSE_BELOW:
        return "dense"
    if sum(bandwidths(*_places(J))) < BAND_LIMIT:
        return "banded", None
    if n <= FULL_BELOW and J.nnz >= FULL_FROM * n**2:
        return "dense"
    J = J.tocsr()
    order = _reverse_cuthill_mckee(J)
    place = np.empty(n, np.intp)
    place[order] = np.arange(n)
    row, col = _places(J)
    if sum(bandwidths(place[row], place[col])) < BAND_LIMIT:
        return "banded", order
    pattern = J.astype(bool).astype(np.int8)
    shared = pattern.multiply(pattern.T).nnz
    return "mmd" if shared >= SYMMETRIC_FROM * pattern.nnz else "colamd"


def _places(J: Any) -> tuple[np.ndarray, np.ndarray]:
    row, col = J.tocoo().coords
    return row, col


def bandwidths(row: np.ndarray, col: np.ndarray) -> tuple[int, int]:
    """How many diagonals there are below and above the main one."""
    distance = row.astype(np.intp) - col
    return max(int(distance.max(initial=0)), 0), max(int(-distance.min(initial=0)), 0)


def _reverse_cuthill_mckee(J: Any) -> np.ndarray:
    import scipy.sparse.csgraph

    return scipy.sparse.csgraph.reverse_cuthill_mckee(J.tocsr(), symmetric_mode=False)


class Dense(Factors):
    """By LAPACK's getrf."""

    def __init__(self, J: np.ndarray):
        super().__init__(J.shape, "dense")
        self.lu, self.pivots, info = _lapack("getrf")(J)
        _check(info)

    def _solve(self, b, transposed):
        return _lapack("getrs")(self.lu, self.pivots, b, trans=int(transposed))[0]


class Banded(Factors):
    """By LAPACK's gbtrf, or gttrf for three diagonals, after a permutation of rows and columns alike."""

    def __init__(self, J: Any, ordering: tuple[str, Any]):
        import scipy.sparse

        super().__init__(J.shape, ordering)
        self.order = ordering[1]
        J = scipy.sparse.csr_array(J).tocoo()
        J.sum_duplicates()
        row, col = J.coords
        if self.order is not None:
            place = np.empty(len(self.order), np.intp)
            place[self.order] = np.arange(len(self.order))
            row, col = place[row], place[col]
        self.lower, self.upper = bandwidths(row, col)
        band = np.zeros((2 * self.lower + self.upper + 1, J.shape[0]))
        band[self.lower + self.upper + row - col, col] = J.data
        self.is_tridiagonal = self.lower == self.upper == 1
        if self.is_tridiagonal:
            *self.factors, info = _lapack("gttrf")(band[3, :-1], band[2], band[1, 1:])
        else:
            *self.factors, info = _lapack("gbtrf")(band, self.lower, self.upper, overwrite_ab=True)
        _check(info)

    def _solve(self, b, transposed):
        b = b if self.order is None else b[self.order]
        if self.is_tridiagonal:
            x = _lapack("gttrs")(*self.factors, b, trans="T" if transposed else "N")[0]
        else:
            band, pivots = self.factors
            x = _lapack("gbtrs")(band, self.lower, self.upper, b, pivots, trans=int(transposed))[0]
        x = np.reshape(x, b.shape)
        if self.order is None:
            return x
        y = np.empty_like(x)
        y[self.order] = x
        return y


SUPERLU = {"natural": "NATURAL", "colamd": "COLAMD", "mmd": "MMD_AT_PLUS_A"}


class Sparse(Factors):
    """By SuperLU."""

    def __init__(self, J: Any, ordering: str):
        import scipy.sparse.linalg

        super().__init__(J.shape, ordering)
        J = scipy.sparse.csc_array(J).astype(float)
        try:
            self.lu = scipy.sparse.linalg.splu(J, permc_spec=SUPERLU[ordering])
        except RuntimeError as error:
            if "singular" in str(error):
                _check(1)
            raise

    def _solve(self, b, transposed):
        return self.lu.solve(np.ascontiguousarray(b, float), "T" if transposed else "N")


class Iterative(Factors):
    """No factors, but an iteration with products: `solver(operator, b)` gives the solution."""

    def __init__(self, operator: Any, solver: Callable[..., Any]):
        super().__init__(operator.shape, "krylov")
        self.operator, self.solver = operator, solver

    def _solve(self, b, transposed):
        operator = self.operator.T if transposed else self.operator
        columns = [self.solver(operator, c) for c in (b.T if b.ndim == 2 else b[None])]
        return np.stack(columns, axis=-1) if b.ndim == 2 else np.asarray(columns[0])


class Refined(Factors):
    """Factors of a matrix nearby, and corrections with products (Wilkinson's iterative refinement).

    Where these do not converge fast, `renew()` makes the factors of the matrix itself.
    """

    def __init__(self, factors: Factors, operator: Any, renew: Callable[[], Factors]):
        super().__init__(factors.shape, factors.ordering)
        self.factors, self.operator, self.renew, self.is_exact = factors, operator, renew, False

    def _solve(self, b, transposed):
        y = self.factors.solve(b, transposed)
        if self.is_exact:
            return y
        A = self.operator.T if transposed else self.operator
        before = np.inf
        while True:
            dy = self.factors.solve(b - A @ y, transposed)
            y = y + dy
            size = np.max(np.abs(dy))
            if size <= 1e-14 * np.max(np.abs(y)):
                return y
            if not size <= before / 4:  # no faster than rounding errors let it
                if size <= 1e-11 * np.max(np.abs(y)):
                    return y
                self.factors, self.is_exact = self.renew(), True
                return self.factors.solve(b, transposed)
            before = size


def _lapack(name: str) -> Any:
    """LAPACK's routine of this name, in double precision."""
    import scipy.linalg

    return scipy.linalg.get_lapack_funcs(name)


def _check(info: int) -> None:
    if info:
        raise np.linalg.LinAlgError("factorize: the matrix is singular")

"""scipy.sparse.linalg on traced arrays: solutions of linear systems, with gradients of the stored values.

The gradient of a matrix is that of its stored values: an array of the shape of `A.data`, and nothing dense on the way.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from ...core.errors import MissingRuleError, user_line
from ...core.trace import FRONT_ENDS, Tracer, bind, concrete
from ...ops.linalg import floating
from ..namespace import passing_through
from .constructors import instead_of, is_ours, refused, sparse, tril, triu
from .eigenvalues import eigs as eigs, eigsh as eigsh, svds as svds
from .exponential import expm_multiply as expm_multiply
from .matrices import Sparse, add, as_dense, is_sparse, matrix_power as power_of
from .norms import norm as norm
from .solving import Direct, Iteration, OfOperator, Triangular, solve

# ---- direct ---------------------------------------------------------------------------------------------------------


def system(A: Any, b: Any, method: Any, trans: str = "N") -> Any:
    """The solution of A x = b, of the transposed system ("T"), or of the adjoint one ("H")."""
    transposed = trans != "N"
    if b.dtype.kind not in "fc":
        b = b.astype(float)
    conjugated = trans == "H" and A.data.dtype.kind == "c"
    return bind(solve, A.data, b, pattern=A.pattern, method=method, transposed=transposed, conjugated=conjugated)


def square(A: Any) -> Sparse:
    """A as a matrix of ours with one value for a place."""
    A = sparse(A).summed()
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"matrix must be square (has shape {A.shape})")
    return A if A.format in ("csc", "csr") else A.tocsc()


def right_hand_side(b: Any, n: int, who: str) -> Any:
    if is_sparse(b):
        raise MissingRuleError(
            f"{who}: a sparse right-hand side is not there for traced values (at {user_line()}): use b.toarray()"
        )
    b = as_dense(b)
    if b.ndim not in (1, 2) or b.shape[0] != n:
        raise ValueError(f"matrix - rhs dimension mismatch (({n}, {n}) - {b.shape})")
    return b


@instead_of(spla.spsolve)
def spsolve(A, b, permc_spec=None, use_umfpack=True):
    """Solves A x = b; differentiable in the stored values of A and in b.

    A is factorised once, for the solution and for all its derivatives (chainrule/scipy/sparse/solving.py).
    """
    A = square(A)
    b = right_hand_side(b, A.shape[0], "spsolve")
    b = np.ravel(b) if b.ndim == 2 and b.shape[1] == 1 else b
    return system(A, b, Direct(warns=True, permc_spec=permc_spec))


class Factorised:
    """A factorised matrix: SciPy's `SuperLU`, which also solves with traced right-hand sides and traced values."""

    def __init__(self, A: Sparse, method: Direct, lu: Any = None):
        self.matrix, self.method, self.lu = A, method, lu

    shape = property(lambda self: self.matrix.shape)

    def solve(self, rhs, trans="N"):
        """Solves with the factors; differentiable in rhs and in the values of the matrix."""
        if self.lu is not None and not is_ours(rhs):
            return self.lu.solve(rhs, trans)
        if trans not in ("N", "T", "H"):
            raise ValueError("trans must be N, T, or H")
        return system(self.matrix, right_hand_side(rhs, self.shape[0], "splu"), self.method, trans)

    def __getattr__(self, name):
        if self.lu is not None:
            return getattr(self.lu, name)
        if hasattr(spla.SuperLU, name):
            raise MissingRuleError(
                f"splu: {name} of a matrix with traced values has no derivative (at {user_line()}); `solve` has"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def splu(A, permc_spec=None, diag_pivot_thresh=None, relax=None, panel_size=None, options=None):
    """The factors of A; differentiable is their `solve`, in the stored values of A and in the right-hand side."""
    chosen: dict[str, Any] = {
        "permc_spec": permc_spec,
        "diag_pivot_thresh": diag_pivot_thresh,
        "relax": relax,
        "panel_size": panel_size,
        "options": options,
    }
    method = Direct(**chosen)
    if not is_ours(A):
        lu = spla.splu(A, **chosen)
        matrix = square(A)
        method.last = matrix.pattern, floating(matrix.data), matrix.data, lu
        return Factorised(matrix, method, lu)
    factorised = Factorised(square(A), method)
    factorised.solve(np.zeros(factorised.shape[0], floating(factorised.matrix.data)))  # raises if A is singular
    return factorised


def factorized(A):
    """A function that solves with A; differentiable in the stored values of A and in the right-hand side."""
    return splu(A).solve


FRONT_ENDS[spla.splu], FRONT_ENDS[spla.factorized] = splu, factorized


@instead_of(spla.spsolve_triangular)
def spsolve_triangular(A, b, lower=True, overwrite_A=False, overwrite_b=False, unit_diagonal=False):
    """Solves A x = b by substitution; differentiable in the stored values of A and in b."""
    A = square(A)
    row, col, _ = A.pattern.places
    if np.any(row < col if lower else row > col):
        raise np.linalg.LinAlgError("A is not triangular")
    if unit_diagonal:  # whatever stands on the diagonal is not read
        A = add((tril if lower else triu)(A, -1 if lower else 1), sp.eye_array(A.shape[0], dtype=A.dtype)).tocsc()
    return system(A, right_hand_side(b, A.shape[0], "spsolve_triangular"), Triangular(lower))


# ---- iterative ------------------------------------------------------------------------------------------------------

ONCE = ("x0", "callback", "callback_type", "outer_v", "store_outer_Av", "CU")
PRECONDITIONERS = ("M", "M1", "M2")


def iterative(original: Callable[..., Any]) -> Callable[..., Any]:
    """The stand-in for one of SciPy's iterations."""
    signature = inspect.signature(original)
    who = original.__name__

    def implementation(*args, **kwargs):
        given = signature.bind(*args, **kwargs).arguments
        A, b = given.pop("A"), given.pop("b")
        first = {k: given.pop(k) for k in ONCE if k in given}
        if "x0" in first and not isinstance(first["x0"], str | None):
            first["x0"] = concrete(first["x0"], f"x0 of {who}")  # the solution does not depend on it
        preconditioners = {k: constant(given.pop(k), who) for k in PRECONDITIONERS if k in given}
        method = Iteration(original, first, given, preconditioners)
        if isinstance(A, spla.LinearOperator):
            data, pattern = np.zeros(0), OfOperator(A)
        else:
            A = sparse(A).summed()
            data, pattern = A.data, A.pattern
        m, n = pattern.shape
        if m != n:
            raise ValueError(f"expected square matrix, but got shape={(pattern.shape,)}")
        b = as_dense(b)
        if b.shape not in ((n,), (n, 1)):
            raise ValueError(f"shapes of A {pattern.shape} and b {b.shape} are incompatible")
        b = b if b.dtype.kind in "fc" else b.astype(float)
        x = bind(solve, data, np.ravel(b), pattern=pattern, method=method, transposed=False, conjugated=False)
        return x, method.info

    implementation.__doc__ = (
        f"SciPy's {who}; differentiable in the stored values of A and in b.\n\n"
        "The derivative is that of the exact solution, by the implicit function theorem, found by the same iteration\n"
        "to the same tolerance, on A or on its adjoint; x0 and the preconditioner have none. A may be a\n"
        "LinearOperator: a constant, whose adjoint product (rmatvec) reverse mode needs."
    )
    return instead_of(original)(implementation)


def constant(M: Any, who: str) -> Any:
    """A preconditioner as a constant: it changes the way to the solution only."""
    if isinstance(M, Sparse):
        return M.pattern.filled(concrete(M.data, f"the preconditioner of {who}"))
    return concrete(M, f"the preconditioner of {who}") if isinstance(M, Tracer) else M


bicg = iterative(spla.bicg)
bicgstab = iterative(spla.bicgstab)
cg = iterative(spla.cg)
cgs = iterative(spla.cgs)
gcrotmk = iterative(spla.gcrotmk)
gmres = iterative(spla.gmres)
lgmres = iterative(spla.lgmres)
minres = iterative(spla.minres)
qmr = iterative(spla.qmr)
tfqmr = iterative(spla.tfqmr)

# ---- functions of a matrix ------------------------------------------------------------------------------------------


@instead_of(spla.matrix_power)
def matrix_power(A, power):
    """A to a whole power; differentiable in the stored values of A."""
    return power_of(sparse(A), power)


def _refused(original: Callable[..., Any], instead: str) -> Callable[..., Any]:
    return refused(original, instead, "scipy.sparse.linalg")


inv = _refused(
    spla.inv,
    "the inverse of a sparse matrix is dense; solve with chainrule.scipy.sparse.linalg.spsolve or splu, or take "
    "np.linalg.inv(A.toarray())",
)
expm = _refused(
    spla.expm,
    "the exponential of a sparse matrix is dense; take chainrule.scipy.sparse.linalg.expm_multiply, or "
    "chainrule.scipy.linalg.expm(A.toarray())",
)
spilu = _refused(
    spla.spilu, "an incomplete factorisation is a preconditioner: make it of chainrule.stop_gradient(values)"
)
lsqr = _refused(spla.lsqr, "solve the normal equations, spsolve(A.T @ A, A.T @ b), or cg on them")
lsmr = _refused(spla.lsmr, "solve the normal equations, spsolve(A.T @ A, A.T @ b), or cg on them")
lobpcg = _refused(spla.lobpcg, "use eigsh")
onenormest = _refused(spla.onenormest, "use norm(A, 1)")
aslinearoperator = _refused(spla.aslinearoperator, "a LinearOperator gives plain arrays; pass the matrix itself")


__getattr__, __dir__ = passing_through(spla)

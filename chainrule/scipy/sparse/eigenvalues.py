"""Some eigenvalues and singular values of sparse matrices, with their vectors.

A pair satisfies (A - λ) v = 0 and vᴴ v = 1, so its tangents are those of a bordered system, which is regular where λ is
simple:

    K [dv, -dλ] = [-dA v, 0],    K = [[A - λ, v], [vᴴ, 0]]

where vᴴ dv = 0 chooses the phase. With [p, q] = K⁻ᴴ [cv, -cλ] for the cotangents of v and λ, that of A is -p vᴴ. If
A is Hermitian and cv is zero, p is -cλ v, and there is nothing to solve. The singular values of A are the positive
eigenvalues of [[0, A], [Aᴴ, 0]], with [u, v] / √2 as vectors.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from ...core import slots
from ...core.errors import MissingRuleError, user_line
from ...core.primitive import Aval, Primitive, keeps_all, keeps_args, register
from ...core.trace import Tracer, bind
from ...ops.decompositions import without_phase
from ...ops.families import adjoint, fit, spread
from ...ops.linalg import floating, hermitian, real_part_of
from .constructors import bmat, instead_of, sparse
from .matrices import Sparse
from .pattern import batch_size, product, sample
from .solving import Direct, solve

# ---- methods --------------------------------------------------------------------------------------------------------


class Method:
    """How SciPy finds the pairs. Those of the last matrix are kept, for the derivatives ask for them again."""

    is_hermitian = True

    def __init__(self, options: dict[str, Any]):
        self.options, self.last = options, None

    def pairs(self, pattern: Any, data: Any) -> tuple[Any, Any]:
        last = self.last
        if last is None or last[0] is not pattern or not np.array_equal(last[1], data):
            self.last = last = pattern, np.array(data), self.compute(pattern.filled(data))
        return last[2]

    def compute(self, matrix: Any) -> Any:
        raise NotImplementedError


class Hermitian(Method):
    """Of a Hermitian matrix."""

    def compute(self, matrix: Any) -> Any:
        w, v = spla.eigsh(matrix, **self.options)
        order = np.argsort(w)  # of complex matrices SciPy has them in no order
        return w[order], v[:, order]


class General(Method):
    """Of any matrix."""

    is_hermitian = False

    def compute(self, matrix: Any) -> Any:
        return spla.eigs(matrix, **self.options)


class Singular(Method):
    """Of the block A with `rows` rows in [[0, A], [Aᴴ, 0]]."""

    def __init__(self, options, rows):
        super().__init__(options)
        self.rows = rows

    def compute(self, matrix: Any) -> Any:
        found: Any = spla.svds(matrix.tocsr()[: self.rows, self.rows :], **self.options)
        u, s, vh = found
        return s, np.concatenate([u, vh.conj().T]) / np.sqrt(np.array(2, s.dtype))


# ---- the operations -------------------------------------------------------------------------------------------------


def bordered(a: Sparse, value: Any, v: Any) -> Sparse:
    """K, in the docstring above."""
    n = a.shape[0]
    shifted = a - sparse(sp.eye_array(n, dtype=a.dtype, format="csr")) * value
    return bmat([[shifted, v[:, None]], [adjoint(v)[None, :], None]], format="csc")


def solved(k: Sparse, b: Any, transposed: bool = False) -> Any:
    conjugated = transposed and k.dtype.kind == "c"
    return bind(solve, k.data, b, pattern=k.pattern, method=Direct(), transposed=transposed, conjugated=conjugated)


def simple(values: Any, who: str) -> None:
    """Raises where values that are about to be differentiated with their vectors are not simple."""
    if isinstance(values, Tracer) or len(values) < 2:
        return
    gaps = np.abs(values[:, None] - values)
    gaps[np.diag_indices(len(values))] = np.inf
    if np.min(gaps) <= 1e3 * np.finfo(values.dtype).eps * np.max(np.abs(values)):
        raise np.linalg.LinAlgError(
            f"{who}: eigenvalues or singular values are repeated, and the vectors of such have no derivative (at "
            f"{user_line()})"
        )


def pairs_jvp(tangents, y, data, *, pattern, method, who):
    w, v = y
    simple(w, who)
    a, moved = Sparse(data, pattern), bind(product, tangents[0], v, pattern=pattern, transposed=False)
    zero = np.zeros(1, moved.dtype)
    columns = [solved(bordered(a, w[i], v[:, i]), np.concatenate([-moved[:, i], zero])) for i in range(w.shape[0])]
    dw = np.stack([-c[-1] for c in columns])
    return spread(np.real(dw) if method.is_hermitian else dw, w), spread(np.stack([c[:-1] for c in columns], 1), v)


def pairs_vjp(wanted, ct, y, data, *, pattern, method, who):
    (w, v), (gw, gv) = y, ct
    if gv is None and method.is_hermitian:
        p = -v * gw
    else:
        if gv is not None:
            simple(w, who)
            if v.dtype.kind == "c":
                without_phase(hermitian(v) @ gv, who)
        a, columns = Sparse(data, pattern), []
        for i in range(w.shape[0]):
            right = np.zeros(v.shape[0], v.dtype) if gv is None else gv[:, i]
            last = np.zeros(1, w.dtype) if gw is None else -gw[i : i + 1]
            columns.append(solved(bordered(a, w[i], v[:, i]), np.concatenate([right, last]), transposed=True)[:-1])
        p = np.stack(columns, 1)
    return (fit(-bind(sample, p, adjoint(v), pattern=pattern), data),)


def pairs_batch(is_batched, data, **params):
    each = [bind(pairs, data[i], **params) for i in range(batch_size(is_batched, (data,)))]
    return tuple(np.stack(part) for part in zip(*each, strict=True))


def pairs_aval(data, *, pattern, method, who):
    k = method.options["k"]
    dtype = floating(data)
    if not method.is_hermitian:
        dtype = np.result_type(dtype, np.complex64)
        return Aval((k,), dtype), Aval((pattern.shape[0], k), dtype)
    return Aval((k,), real_part_of(dtype)), Aval((pattern.shape[0], k), dtype)


pairs = register(
    Primitive(
        "scipy.sparse.pairs",
        impl=lambda data, *, pattern, method, who: method.pairs(pattern, data),
        aval=pairs_aval,
        jvp=pairs_jvp,
        vjp=pairs_vjp,
        saves=keeps_all,
        batch=pairs_batch,
        slots=slots.everything,
        multi=True,
    )
)

# The values alone, of a Hermitian matrix: their derivatives need no system to be solved, nor that they are simple.


def values_jvp(tangents, y, data, **params):
    v = bind(pairs, data, **params)[1]
    moved = bind(product, tangents[0], v, pattern=params["pattern"], transposed=False)
    return spread(np.real(np.sum(adjoint(v) * moved, axis=0)), y)


def values_vjp(wanted, ct, y, data, **params):
    v = bind(pairs, data, **params)[1]
    return (fit(bind(sample, v * ct, adjoint(v), pattern=params["pattern"]), data),)


values = register(
    Primitive(
        "scipy.sparse.values",
        impl=lambda data, *, pattern, method, who: method.pairs(pattern, data)[0],
        aval=lambda data, **params: pairs_aval(data, **params)[0],
        jvp=values_jvp,
        vjp=values_vjp,
        saves=keeps_args,
        batch=lambda is_batched, data, **params: np.stack([bind(values, d, **params) for d in data]),
        slots=slots.everything,
    )
)


# ---- SciPy's functions ----------------------------------------------------------------------------------------------


def start(n: int, v0: Any, dtype: Any, rng: Any) -> Any:
    """Where the iteration begins: the same for the same matrix, or the vectors would have another sign each time."""
    return np.random.default_rng(0 if rng is None else rng).uniform(-1, 1, n).astype(dtype) if v0 is None else v0


def refuse(who: str, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise MissingRuleError(
                f"scipy.sparse.linalg.{who}: {name}= has no derivative rule (at {user_line()}): for a generalised "
                "problem with constant M, multiply by the inverse of its Cholesky factor"
            )


@instead_of(spla.eigsh)
def eigsh(
    A,
    k=6,
    M=None,
    sigma=None,
    which="LM",
    v0=None,
    ncv=None,
    maxiter=None,
    tol=0,
    return_eigenvectors=True,
    Minv=None,
    OPinv=None,
    mode="normal",
    rng=None,
):
    """k eigenvalues and eigenvectors of a Hermitian matrix; differentiable in its stored values.

    Those of a function of the vectors need simple eigenvalues; of complex vectors it must not depend on the phase.
    The iteration starts from the same vector each time, if v0 does not say otherwise.
    """
    refuse("eigsh", M=M, Minv=Minv)
    A = sparse(A).summed()
    options = {
        "k": k,
        "sigma": sigma,
        "which": which,
        "ncv": ncv,
        "maxiter": maxiter,
        "tol": tol,
        "OPinv": OPinv,
        "mode": mode,
    }
    options["v0"] = start(A.shape[0], v0, floating(A.data), rng)
    params = {"pattern": A.pattern, "method": Hermitian(options), "who": "scipy.sparse.linalg.eigsh"}
    if return_eigenvectors:
        return bind(pairs, A.data, **params)
    w = bind(values, A.data, **params)
    return w if sigma is not None or which not in IN_ORDER_OF else w[np.argsort(IN_ORDER_OF[which](w))]


IN_ORDER_OF = {"LM": np.abs, "SM": lambda w: -np.abs(w), "SA": np.negative}
"""How SciPy sorts eigenvalues that are asked for without their vectors, where that is not by size."""


@instead_of(spla.eigs)
def eigs(
    A,
    k=6,
    M=None,
    sigma=None,
    which="LM",
    v0=None,
    ncv=None,
    maxiter=None,
    tol=0,
    return_eigenvectors=True,
    Minv=None,
    OPinv=None,
    OPpart=None,
    rng=None,
):
    """k eigenvalues and eigenvectors of a matrix; differentiable in its stored values where they are simple.

    A function of the vectors must not depend on their phase. The iteration starts from the same vector each time, if
    v0 does not say otherwise.
    """
    refuse("eigs", M=M, Minv=Minv)
    A = sparse(A).summed()
    options = {
        "k": k,
        "sigma": sigma,
        "which": which,
        "ncv": ncv,
        "maxiter": maxiter,
        "tol": tol,
        "OPinv": OPinv,
        "OPpart": OPpart,
    }
    options["v0"] = start(A.shape[0], v0, floating(A.data), rng)
    w, v = bind(pairs, A.data, pattern=A.pattern, method=General(options), who="scipy.sparse.linalg.eigs")
    return (w, v) if return_eigenvectors else w


@instead_of(spla.svds)
def svds(
    A,
    k=6,
    ncv=None,
    tol=0,
    which="LM",
    v0=None,
    maxiter=None,
    return_singular_vectors=True,
    solver="arpack",
    rng=None,
    options=None,
    *,
    random_state=None,
):
    """k singular values and vectors of a matrix; differentiable in its stored values.

    Those of a function of the vectors need singular values that are simple and not zero; of complex vectors it must not
    depend on the phase.
    """
    A = sparse(A).summed()
    m, n = A.shape
    if solver == "arpack":
        v0 = start(min(m, n), v0, floating(A.data), random_state if rng is None else rng)
    chosen = {
        "k": k,
        "ncv": ncv,
        "tol": tol,
        "which": which,
        "v0": v0,
        "maxiter": maxiter,
        "solver": solver,
        "options": options,
    }
    both = bmat([[None, A], [A.getH(), None]], format="csr")
    params = {"pattern": both.pattern, "method": Singular(chosen, m), "who": "scipy.sparse.linalg.svds"}
    if return_singular_vectors is False:
        return bind(values, both.data, **params)
    s, x = bind(pairs, both.data, **params)
    x = x * np.sqrt(np.array(2, s.dtype))
    u, vh = x[:m], hermitian(x[m:])
    return u if return_singular_vectors != "vh" else None, s, vh if return_singular_vectors != "u" else None

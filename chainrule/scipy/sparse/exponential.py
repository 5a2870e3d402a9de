"""The exponential of a sparse matrix, times vectors: Taylor's series in steps that are small enough.

Al-Mohy and Higham (2011), Computing the action of the matrix exponential, algorithm 3.2, without early termination.
It is made of products with the matrix, and so are its derivatives.
"""

import contextlib
import math
from typing import Any

import numpy as np
import scipy.sparse.linalg as spla

from ...core.deferred import known
from ...core.errors import LostGradientError, MissingRuleError, user_line
from ...core.trace import Tracer
from .constructors import instead_of, sparse
from .matrices import Sparse, as_dense

LIMITS = {10: 0.144, 15: 0.641, 20: 1.44, 25: 2.43, 30: 3.54, 35: 4.7, 40: 6.0, 45: 7.2, 50: 8.5, 55: 9.9}
"""Up to what size of the matrix so many terms give double precision: tables A.3 of Higham (2008), Functions of
matrices, and 3.1 of the paper."""


@instead_of(spla.expm_multiply)
def expm_multiply(A, B, start=None, stop=None, num=None, endpoint=None, traceA=None):
    """exp(t A) B, for one t or at many; differentiable in the stored values of A and in B.

    The derivative is that of the series, which is exact to rounding. The tape keeps every product with A.
    """
    if isinstance(A, spla.LinearOperator):
        raise MissingRuleError(
            f"scipy.sparse.linalg.expm_multiply: no derivative rule for a LinearOperator (at {user_line()}): pass a "
            "sparse matrix"
        )
    A, B = sparse(A).summed(), as_dense(B)
    if A.shape[0] != A.shape[1]:
        raise ValueError("expected A to be like a square matrix")
    if A.shape[1] != B.shape[0]:
        raise ValueError(f"shapes of matrices A {A.shape} and B {B.shape} are incompatible")
    if B.dtype.kind not in "fc" and A.dtype.kind not in "fc":
        B = B.astype(float)
    mean = (A.trace() if traceA is None else traceA) / max(A.shape[0], 1)
    if all(v is None for v in (start, stop, num, endpoint)):
        return action(A, B, mean, 1.0)
    if start is None or stop is None:
        raise ValueError("expm_multiply: start and stop are needed together")
    options: dict[str, Any] = {k: v for k, v in (("num", num), ("endpoint", endpoint)) if v is not None}
    times = np.linspace(start, stop, **options)
    steps = [action(A, B, mean, float(times[0]))]
    for h in np.diff(times):
        steps.append(action(A, steps[-1], mean, float(h)))
    return np.stack(steps)


def action(A: Sparse, B: Any, mean: Any, t: float) -> Any:
    """exp(t A) B. The series is that of A with the mean of its diagonal taken out, which is smaller."""
    if t == 0 or 0 in B.shape:
        return B + 0 * (A.data.sum() if A.nnz else 0)
    terms, steps = length(A, mean, t)
    for _ in range(steps):
        total = term = B
        for j in range(1, terms + 1):
            term = (A @ term - mean * term) * (t / (steps * j))
            total = total + term
        B = total * np.exp(mean * (t / steps))
    return B


def length(A: Sparse, mean: Any, t: float) -> tuple[int, int]:
    """How many terms in how many steps take the fewest products."""
    size = abs(t) * (np.max(abs(A).sum(axis=0)) + abs(mean))
    bound = plain(size)
    if not np.isfinite(bound):
        return 10, 1
    terms, steps = min(((m, max(math.ceil(bound / limit), 1)) for m, limit in LIMITS.items()), key=math.prod)
    if isinstance(size, Tracer):
        with contextlib.suppress(LostGradientError):  # of a batch `plain` has seen the largest
            bool(size <= steps * LIMITS[terms])  # a graph that is recorded here must not be used for larger ones
    return terms, steps


def plain(x: Any) -> float:
    """The value of x; of a batch the largest."""
    while isinstance(x, Tracer):
        x = x.primal
    return float(np.max(known(x)))

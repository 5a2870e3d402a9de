"""Solutions of sparse linear systems, A x = b, by whichever method.

With dA the tangent of A, dx = A⁻¹ (db - dA x). With ct the cotangent of x, that of b is c = A⁻ᴴ ct, and that of A
is -c xᴴ, of which only the stored places are computed. So every derivative is a solution with A or with Aᴴ, found by
the method that found x: a factorisation is done once, and an iteration goes to the same tolerance.
"""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from ...core import slots
from ...core.primitive import Aval, Primitive, register
from ...core.trace import bind
from ...ops.families import adjoint, fit, keeps, spread
from ...ops.linalg import floating
from .pattern import batch_size, concatenated, product, sample, spread_out

# ---- methods: how to solve with the values `data` at the places of `pattern` ----------------------------------------


class Direct:
    """By factors, L U = A. They are kept, with the values that they belong to."""

    takes_columns = True

    def __init__(self, warns: bool = False, **options: Any):
        self.warns, self.options, self.last = warns, options, None

    def factors(self, pattern: Any, data: Any, dtype: Any) -> Any:
        last = self.last  # read once: another thread may be at work
        if last is None or last[0] is not pattern or last[1] != dtype or not np.array_equal(last[2], data):
            last = pattern, dtype, np.array(data), self.factorise(pattern, data.astype(dtype))
            self.last = last
        return last[3]

    def factorise(self, pattern: Any, data: Any) -> Any:
        return spla.splu(pattern.filled(data).tocsc(), **self.options)

    def solve(self, pattern: Any, data: Any, b: Any, transposed: bool, conjugated: bool) -> Any:
        is_real = data.dtype.kind != "c"
        dtype = floating(data, np.real(b) if is_real else b)
        try:
            lu = self.factors(pattern, data, dtype)
        except RuntimeError as error:
            if not self.warns or "singular" not in str(error):
                raise
            warnings.warn("Matrix is exactly singular", spla.MatrixRankWarning, stacklevel=2)
            return np.full(b.shape, np.nan, floating(data, b))
        if b.dtype.kind == "c" and is_real:
            trans = "T" if transposed else "N"
            return lu.solve(_as(b.real, dtype), trans) + 1j * lu.solve(_as(b.imag, dtype), trans)
        if conjugated and not transposed:
            return np.conjugate(lu.solve(_as(np.conjugate(b), dtype)))
        return lu.solve(_as(b, dtype), "H" if conjugated else "T" if transposed else "N")


def _as(b: Any, dtype: Any) -> Any:
    return np.ascontiguousarray(b, dtype)


class Triangular:
    """By substitution."""

    takes_columns = True

    def __init__(self, lower: bool):
        self.lower = lower

    def solve(self, pattern: Any, data: Any, b: Any, transposed: bool, conjugated: bool) -> Any:
        matrix = _turned(pattern.filled(data), transposed, conjugated)
        matrix = sp.csc_array(matrix.astype(floating(data)))
        return spla.spsolve_triangular(matrix, b, lower=self.lower != transposed)


def _turned(matrix: Any, transposed: bool, conjugated: bool) -> Any:
    matrix = matrix.T if transposed else matrix
    return matrix.conj() if conjugated else matrix


class Iteration:
    """By one of SciPy's iterations, a vector at a time.

    x0 and the callback are for the first solution only; what a preconditioner is to A, its transpose is to Aᵀ. `info`
    tells of the first solution. Where that converged, but not a derivative or another example of a batch, it warns.
    """

    takes_columns = False

    def __init__(self, function: Any, first: dict[str, Any], options: dict[str, Any], preconditioners: dict[str, Any]):
        self.function, self.first, self.options, self.preconditioners = function, first, options, preconditioners
        self.info: int | None = None

    def solve(self, pattern: Any, data: Any, b: Any, transposed: bool, conjugated: bool) -> Any:
        linear = spla.aslinearoperator
        turned = {
            k: _turned_operator(linear(m), transposed, conjugated)
            for k, m in self.preconditioners.items()
            if m is not None
        }
        matrix = pattern.filled(data)
        if isinstance(matrix, spla.LinearOperator):
            matrix = _turned_operator(matrix, transposed, conjugated)
        else:
            matrix = _turned(matrix, transposed, conjugated)
        options = self.options if self.info is not None else self.options | self.first
        x, info = self.function(matrix, b, **options, **turned)
        if self.info is None:
            self.info = info
        elif info and not self.info:
            warnings.warn(
                f"{self.function.__name__}: the solution converged, but a derivative of it did not, or another example "
                f"of the batch (info={info}): raise maxiter, or give a preconditioner",
                RuntimeWarning,
                stacklevel=2,
            )
        return x


def _turned_operator(operator: Any, transposed: bool, conjugated: bool) -> Any:
    if conjugated:
        return operator.H if transposed else operator.H.T
    return operator.T if transposed else operator


class OfOperator:
    """Stands for the pattern of a matrix that is known by its products only, and is constant."""

    data_shape = (0,)

    def __init__(self, operator: Any):
        self.operator, self.shape = operator, operator.shape

    def filled(self, data: Any) -> Any:
        return self.operator


# ---- the operation --------------------------------------------------------------------------------------------------


def solve_impl(data, b, *, pattern, method, transposed, conjugated):
    return method.solve(pattern, data, b, transposed, conjugated)


def solve_jvp(tangents, y, data, b, **params):
    t_data, t_b = tangents
    if t_data is not None:
        t_data = np.conjugate(t_data) if params["conjugated"] else t_data
        moved = bind(product, t_data, y, pattern=params["pattern"], transposed=params["transposed"])
        t_b = -moved if t_b is None else t_b - moved
    return spread(bind(solve, data, t_b, **params), y)


def solve_vjp(wanted, ct, y, data, b, *, pattern, method, transposed, conjugated):
    c = bind(
        solve,
        data,
        ct,
        pattern=pattern,
        method=method,
        transposed=not transposed,
        conjugated=not conjugated and data.dtype.kind == "c",
    )
    ct_data = None
    if wanted[0]:
        pair = (adjoint(y), c) if transposed else (c, adjoint(y))
        ct_data = -bind(sample, *pair, pattern=pattern)
        ct_data = fit(np.conjugate(ct_data) if conjugated else ct_data, data)
    return ct_data, fit(c, b) if wanted[1] else None


def solve_batch(is_batched, data, b, *, pattern, method, **params):
    on_data, on_b = is_batched
    count = batch_size(is_batched, (data, b))
    if not method.takes_columns:
        rows = [
            bind(solve, data[i] if on_data else data, b[i] if on_b else b, pattern=pattern, method=method, **params)
            for i in range(count)
        ]
        return np.stack(rows) if rows else np.zeros(b.shape, floating(data, b))
    if on_data:  # one large system, with the matrices along its diagonal
        values = np.ravel(pattern.values(data))
        large = concatenated(spread_out(b, on_b, count))
        y = bind(solve, values, large, pattern=pattern.repeated(count), method=method, **params)
        return np.reshape(y, (count, y.shape[0] // max(count, 1), *y.shape[1:]))
    columns = np.moveaxis(b, 0, -1)
    y = bind(solve, data, np.reshape(columns, (columns.shape[0], -1)), pattern=pattern, method=method, **params)
    return np.moveaxis(np.reshape(y, columns.shape), -1, 0)


solve = register(
    Primitive(
        "scipy.sparse.solve",
        impl=solve_impl,
        aval=lambda data, b, **params: Aval(b.shape, floating(data, b)),
        jvp=solve_jvp,
        vjp=solve_vjp,
        saves=keeps((0, "y"), (0,)),
        batch=solve_batch,
        slots=slots.everything,
    )
)

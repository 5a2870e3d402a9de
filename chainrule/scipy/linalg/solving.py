"""Systems of linear equations, inverses and determinants."""

import functools
from typing import Any

import numpy as np
import scipy.linalg

from ...core.primitive import keeps_args, keeps_output
from ...core.trace import bind
from ...ops import linalg
from ...ops.contractions import swap
from ...ops.families import add_up, blockwise, fit, keeps, spread
from ...ops.linalg import diagonal, hermitian, on_diagonal, triangle, whole
from ..namespace import instead_of
from .arguments import each, square, system

# ---- a y = b: as in ops/linalg.py, dY = A⁻¹ (dB - dA Y), so B gets c = A⁻ᴴ g, and A gets -c Yᴴ -----------------------


def solver(name, impl, transposed):
    """The primitive for one way to solve a y = b. `transposed` says how to solve aᴴ y = b."""

    def jvp(tangents, y, a, b, **params):
        da, db = tangents
        return spread(bind(primitive, a, add_up((db, None if da is None else -(da @ y))), **params), y)

    def vjp(wanted, ct, y, a, b, **params):
        c = bind(primitive, hermitian(a), ct, **transposed(**params))
        return fit(-(c @ hermitian(y)), a) if wanted[0] else None, fit(c, b) if wanted[1] else None

    primitive = blockwise(
        each(2, 2)(impl),
        name=name,
        signature="(m,m),(m,n)->(m,n)",
        jvp=jvp,
        vjp=vjp,
        saves=keeps((0, "y"), (0,)),
    )
    return primitive


def solve_of(a, b, *, kind):
    keywords = {} if kind is None else {"assume_a": kind}
    return scipy.linalg.solve(a, b, check_finite=False, **keywords)


def other_side(kind: str | None) -> str | None:
    """What the transpose is, if a matrix is that."""
    return {"upper triangular": "lower triangular", "lower triangular": "upper triangular"}.get(kind or "", kind)


solve_general = solver("scipy.linalg.solve", solve_of, lambda kind: {"kind": other_side(kind)})

solve_triangle = solver(
    "scipy.linalg.solve_triangular",
    lambda a, b, *, lower, unit: scipy.linalg.solve_triangular(a, b, 0, lower, unit, check_finite=False),
    lambda lower, unit: {"lower": not lower, "unit": unit},
)

# ---- what of a matrix is read, by what it is said to be -------------------------------------------------------------


def symmetric(a, uplo):
    half = triangle(a, uplo)
    return half + swap(half) + on_diagonal(diagonal(a))


SEEN = {
    "diagonal": lambda a, uplo: on_diagonal(diagonal(a)),
    "tridiagonal": lambda a, uplo: np.triu(np.tril(a, 1), -1),
    "upper triangular": lambda a, uplo: np.triu(a),
    "lower triangular": lambda a, uplo: np.tril(a),
    **dict.fromkeys(("sym", "symmetric"), symmetric),
    **dict.fromkeys(("her", "hermitian", "pos", "positive definite"), whole),
    **dict.fromkeys((None, "gen", "general", "banded"), lambda a, uplo: a),
}


def seen(a: Any, kind: str | None, lower: Any) -> Any:
    """The matrix that SciPy takes `a` for: with assume_a= it reads only a part of it."""
    if kind not in SEEN:
        raise ValueError(f"{kind} is not a recognized matrix structure")
    return SEEN[kind](a, "L" if lower else "U")


@instead_of(scipy.linalg.solve)
def solve(a, b, lower=False, overwrite_a=False, overwrite_b=False, check_finite=True, assume_a=None, transposed=False):
    """Solves a x = b, differentiable in `a` and `b`. Only the part of `a` that `assume_a` lets SciPy read counts."""
    a, b, back = system(square(a), b, check_finite)
    if transposed and a.dtype.kind == "c":
        raise NotImplementedError("scipy.linalg.solve: transposed=True is for real matrices only")
    a, kind = seen(a, assume_a, lower), assume_a
    if transposed:
        a, kind = swap(a), other_side(kind)
    return back(bind(solve_general, a, b, kind=kind))


@instead_of(scipy.linalg.solve_triangular)
def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """Solves a x = b for a triangular matrix, differentiable in `b` and in what is read of `a`: one triangle of it.

    With `unit_diagonal` the diagonal is not read.
    """
    a, b, back = system(square(a), b, check_finite)
    return back(with_triangle(a, b, trans, lower, unit_diagonal))


def with_triangle(a: Any, b: Any, trans: Any, lower: Any, unit: Any = False) -> Any:
    """The same for a matrix `b`."""
    trans, lower, unit = {"N": 0, "T": 1, "C": 2}.get(trans, trans), bool(lower), bool(unit)
    a = np.tril(a, -1 if unit else 0) if lower else np.triu(a, 1 if unit else 0)
    if unit:
        a = a + np.eye(a.shape[-1], dtype=a.dtype)
    if trans:
        a, lower = (hermitian(a) if trans == 2 else swap(a)), not lower
    return bind(solve_triangle, a, b, lower=lower, unit=unit)


# ---- inverse and determinant ----------------------------------------------------------------------------------------


def inv_of(a, *, kind):
    keywords = {} if kind is None else {"assume_a": kind}
    return scipy.linalg.inv(a, check_finite=False, **keywords)


def without_params(rule):
    """A rule of ops/, for a primitive that has parameters which say how the value is computed."""

    @functools.wraps(rule)
    def same(*args, **params):
        return rule(*args)

    return same


inverse = blockwise(
    each(2)(inv_of),
    name="scipy.linalg.inv",
    signature="(m,m)->(m,m)",
    jvp=without_params(linalg.inv.jvp),
    vjp=without_params(linalg.inv.vjp),
    saves=keeps_output,
)

determinant = blockwise(
    each(2)(lambda a: scipy.linalg.det(a, check_finite=False)),
    name="scipy.linalg.det",
    signature="(m,m)->()",
    jvp=linalg.det_jvp,
    vjp=linalg.det_vjp,
    saves=keeps_args,
    dtype=lambda a: np.result_type(a.dtype, np.float64),
)


@instead_of(scipy.linalg.inv)
def inv(a, overwrite_a=False, check_finite=True, *, assume_a=None, lower=False):
    """The inverse of a matrix, differentiable in what `assume_a` lets SciPy read of it."""
    return bind(inverse, seen(square(a, check_finite), assume_a, lower), kind=assume_a)


@instead_of(scipy.linalg.det)
def det(a, overwrite_a=False, check_finite=True):
    """The determinant, differentiable at singular matrices, too."""
    return bind(determinant, square(a, check_finite))

"""Eigenvalues and eigenvectors of any matrix, standard and generalized.

The rules for the standard problem are those of ops/decompositions.py. Vectors are complex inside, and real in the end
where SciPy's are.
"""

from typing import Any

import numpy as np
import scipy.linalg

from ...core.primitive import keeps_args, keeps_output
from ...core.trace import bind
from ...ops import decompositions
from ...ops.contractions import swap
from ...ops.decompositions import (
    assure,
    columns,
    complex_of,
    gaps,
    off_diagonal,
    quotient,
    shares,
    without_phase as same_for_all_phases,
)
from ...ops.families import add_up, blockwise, fit, keeps, spread
from ...ops.linalg import diagonal, hermitian, on_diagonal, real_part_of
from ..namespace import instead_of
from .arguments import common, each, is_true, refuse, square

# ---- standard -------------------------------------------------------------------------------------------------------


def eig_of(a, *, left):
    found: Any
    if not left:
        found = scipy.linalg.eig(a, check_finite=False)
    else:  # of the conjugate transpose, in the order of the values of the matrix
        w, v = scipy.linalg.eig(a.conj().T, left=True, right=False, check_finite=False)  # pyright: ignore
        found = w.conj(), v
    return tuple(x.astype(complex_of(a), copy=False) for x in found)


def either_side(rule):
    return lambda *args, left: rule(*args)


eig_standard = blockwise(
    each(2)(eig_of),
    name="scipy.linalg.eig",
    signature="(m,m)->(m),(m,m)",
    jvp=either_side(decompositions.eig_jvp),
    vjp=either_side(decompositions.eig_vjp),
    saves=keeps_output,
    dtype=lambda a, left: complex_of(a),
    multi=True,
)


def eigvals_jvp(tangents, y, a):
    v = bind(eig_standard, a, left=False)[1]
    decompositions.has_all_vectors(v)
    return spread(diagonal(np.linalg.solve(v, tangents[0] @ v)), y)


def eigvals_vjp(wanted, ct, y, a):
    v = bind(eig_standard, a, left=False)[1]
    decompositions.has_all_vectors(v)
    vh = hermitian(v)
    return (fit(np.linalg.solve(vh, ct[..., None] * vh), a),)


eigvals_standard = blockwise(
    each(2)(lambda a: eig_of(a, left=False)[0]),  # in the order in which the vectors come
    name="scipy.linalg.eigvals",
    signature="(m,m)->(m)",
    jvp=eigvals_jvp,
    vjp=eigvals_vjp,
    saves=keeps((0,)),
    dtype=complex_of,
)

# Generalized: A V = B V diag(w), Uᴴ A = diag(w) Uᴴ B. With D = diag(Uᴴ B V) and M = D⁻¹ Uᴴ (dA V - dB V diag(w)),
# dw = diag M, dV = P(V (F∘M)), F as above, where P takes away what lies along each column itself: they have length 1,
# and their phase is not determined by the matrices. The same with Aᴴ, Bᴴ and the conjugate values for U.

EIG = "scipy.linalg.eig"


def pencil_of(a, b):
    found: Any = scipy.linalg.eig(a, b, left=True, right=True, check_finite=False)
    return tuple(x.astype(complex_of(a), copy=False) for x in found)


def scales(w, u, b, v):
    """D, which is what the slopes are divided by."""
    bv = b @ v
    d = np.sum(np.conjugate(u) * bv, axis=-2)
    assure(np.isfinite(w), f"{EIG}: an eigenvalue is infinite, for b is singular, and has no derivative")
    assure(
        np.abs(d) > 100 * np.finfo(d.dtype).eps * np.max(np.abs(bv), axis=-2, initial=0),
        f"{EIG}: there are fewer independent eigenvectors than rows, and the slopes of the values are infinite",
    )
    return d


def across(g, v):
    """What of g is not along the columns of v."""
    return g - v * np.sum(np.conjugate(v) * g, axis=-2, keepdims=True)


def pencil_change(tangents, w, u, b, v):
    """M."""
    da, db = tangents
    d = scales(w, u, b, v)
    change = (0 if da is None else da @ v) - (0 if db is None else (db @ v) * columns(w))
    return (hermitian(u) @ change) / d[..., None]


def pencil_jvp(tangents, y, a, b):
    w, u, v = y
    m = pencil_change(tangents, w, u, b, v)
    back = pencil_change([None if t is None else hermitian(t) for t in tangents], np.conjugate(w), v, hermitian(b), u)
    dv = across(v @ quotient(off_diagonal(m), gaps(w), w, m, EIG), v)
    du = across(u @ quotient(off_diagonal(back), gaps(np.conjugate(w)), w, back, EIG), u)
    return spread(diagonal(m), w), spread(du, u), spread(dv, v)


def turned(g, w, v, is_complex, also):
    """conj(F)∘(Vᴴ P(g)), an error if it depends on phases."""
    p = hermitian(v) @ g
    has_phase = np.any(np.imag(v) != 0, axis=-2, keepdims=True) | is_complex
    same_for_all_phases(p * has_phase.astype(np.imag(p).dtype), EIG)
    return quotient(off_diagonal(hermitian(v) @ across(g, v)), np.conjugate(gaps(w)), w, p, EIG, also)


def pencil_vjp(wanted, ct, y, a, b):
    (w, u, v), (gw, gu, gv) = y, ct
    is_complex = a.dtype.kind == "c"
    d = scales(w, u, b, v)
    inner = [] if gw is None else [on_diagonal(gw)]
    if gv is not None:
        inner.append(turned(gv, w, v, is_complex, shares(gw)))
    found_a, found_b = [], []
    if inner:
        right = add_up(inner) / np.conjugate(d)[..., None]
        found_a.append(u @ right @ hermitian(v))
        found_b.append(-(u @ (right * columns(np.conjugate(w))) @ hermitian(v)))
    if gu is not None:
        left = hermitian(turned(gu, np.conjugate(w), u, is_complex, shares(gw)) / d[..., None])
        found_a.append(u @ left @ hermitian(v))
        found_b.append(-(u @ (left * np.conjugate(w)[..., None]) @ hermitian(v)))
    return fit(add_up(found_a), a) if wanted[0] else None, fit(add_up(found_b), b) if wanted[1] else None


pencil = blockwise(
    each(2, 2)(pencil_of),
    name="scipy.linalg.eig_general",
    signature="(m,m),(m,m)->(m),(m,m),(m,m)",
    jvp=pencil_jvp,
    vjp=pencil_vjp,
    saves=keeps((1, "y"), (1, "y")),
    dtype=lambda a, b: complex_of(a),
    multi=True,
)


def pencil_values_jvp(tangents, y, a, b):
    w, u, v = bind(pencil, a, b)
    return spread(diagonal(pencil_change(tangents, w, u, b, v)), y)


def pencil_values_vjp(wanted, ct, y, a, b):
    return pencil_vjp(wanted, (ct, None, None), bind(pencil, a, b), a, b)


pencil_values = blockwise(
    each(2, 2)(lambda a, b: pencil_of(a, b)[0]),
    name="scipy.linalg.eigvals_general",
    signature="(m,m),(m,m)->(m)",
    jvp=pencil_values_jvp,
    vjp=pencil_values_vjp,
    saves=keeps_args,
    dtype=lambda a, b: complex_of(a),
)


def pair_of(a, b, check_finite):
    """The matrices of an eigenvalue problem; None for no b."""
    a = square(a, check_finite)
    if b is None:
        return a, None
    a, b = common(a, square(b, check_finite))
    if a.shape[-2:] != b.shape[-2:]:
        raise ValueError("a and b must have the same shape")
    return a, b


def not_homogeneous(wanted: Any) -> None:
    if wanted:
        raise refuse("eig", "homogeneous_eigvals=True gives pairs that the matrices determine up to a factor: leave it")


@instead_of(scipy.linalg.eig)
def eig(
    a,
    b=None,
    left=False,
    right=True,
    overwrite_a=False,
    overwrite_b=False,
    check_finite=True,
    homogeneous_eigvals=False,
):
    """Eigenvalues, and left and right eigenvectors, differentiable where the values are distinct.

    With `b`, functions of complex vectors have a derivative if they do not depend on the phases.
    """
    not_homogeneous(homogeneous_eigvals)
    a, b = pair_of(a, b, check_finite)
    if not (left or right):
        return values(a, b)
    w, u, v = standard(a, left, right) if b is None else bind(pencil, a, b)
    real = a.dtype.kind != "c" and is_true(np.imag(w) == 0)
    vectors: list[Any] = [x for x, on in ((u, left), (v, right)) if on]
    return w, *(np.real(x) if real else x for x in vectors)


def standard(a: Any, left: Any, right: Any) -> tuple[Any, Any, Any]:
    """The values, and the vectors that are asked for, of one of the two sides at least."""
    w = u = v = None
    if left:
        w, u = bind(eig_standard, hermitian(a), left=True)
        w = np.conjugate(w)
    if right:
        w, v = bind(eig_standard, a, left=False)
    return w, u, v


def values(a: Any, b: Any) -> Any:
    return bind(eigvals_standard, a) if b is None else bind(pencil_values, a, b)


@instead_of(scipy.linalg.eigvals)
def eigvals(a, b=None, overwrite_a=False, check_finite=True, homogeneous_eigvals=False):
    """Eigenvalues of any matrix, or of a pair of them. They are complex."""
    not_homogeneous(homogeneous_eigvals)
    return values(*pair_of(a, b, check_finite))


# ---- similar matrices -----------------------------------------------------------------------------------------------


def balancing_of(a, *, permute, scale):
    return tuple(scipy.linalg.matrix_balance(a, permute, scale, separate=True)[1])


balancing = blockwise(
    each(2)(balancing_of),
    name="scipy.linalg.balancing",
    signature="(m,m)->(m),(m)",
    jvp=None,
    vjp=None,
    dtype=lambda a, **how: (np.dtype(float), np.dtype(int)),
    multi=True,
)


@instead_of(scipy.linalg.matrix_balance)
def matrix_balance(A, permute=True, scale=True, separate=False, overwrite_a=False):
    """A matrix whose rows and columns are of similar norm: linear in `A`, for the powers of 2 are constant."""
    a = square(A, finite=True)
    scaling, order = bind(balancing, a, permute=bool(permute), scale=bool(scale))
    b = np.take_along_axis(np.take_along_axis(a, order[..., None], axis=-2), order[..., None, :], axis=-1)
    b = (b * (scaling[..., None, :] / scaling[..., None])).astype(a.dtype)
    if separate:
        return b, (scaling, order)
    return b, np.take_along_axis(on_diagonal(scaling), np.argsort(order, axis=-1)[..., None], axis=-2)


@instead_of(scipy.linalg.cdf2rdf)
def cdf2rdf(w, v):
    """Real blocks and vectors from complex pairs, differentiable in both; which are pairs is constant."""
    w, v = common(w, finite=True)[0], common(v, finite=True)[0]
    if len(v.shape) != len(w.shape) + 1 or v.shape[-2:] != 2 * w.shape[-1:]:
        raise ValueError(f"expected n values, and n vectors in a square matrix; {w.shape} and {v.shape} were given")
    paired = np.imag(w) != 0
    count = np.cumsum(paired, axis=-1)
    if not is_true(count[..., -1:] % 2 == 0):
        raise ValueError("expected complex-conjugate pairs of eigenvalues")
    first, second = paired & (count % 2 == 1), paired & (count % 2 == 0)
    partner = (first[..., :, None] & second[..., None, :] & (count[..., None, :] == count[..., :, None] + 1)) * 1.0
    wr = on_diagonal(np.real(w)) + (partner + swap(partner)) * np.imag(w)[..., None]
    own = np.where(first, 0.5j, np.where(second, 0.5, 1.0))
    turn = own[..., None] * np.eye(w.shape[-1]) + 0.5 * partner - 0.5j * swap(partner)
    return wr.astype(real_part_of(w.dtype)), np.real(v @ turn)

"""Eigenvalues and eigenvectors of Hermitian matrices, however they are stored; standard and generalized problems.

The rules for the standard problem are those of ops/decompositions.py.
"""

from typing import Any

import numpy as np
import scipy.linalg

from ...core.primitive import keeps_output
from ...core.trace import bind, concrete
from ...ops import decompositions
from ...ops.decompositions import (
    gaps,
    off_diagonal,
    quotient,
    shares,
    skew,
    sums,
    without_phase as same_for_all_phases,
)
from ...ops.families import blockwise, fit, keeps, spread
from ...ops.linalg import diagonal, hermitian, on_diagonal, real_part_of, whole
from ..namespace import instead_of
from .arguments import common, each, matrix, refuse, square
from .banded import dense, hermitian_band, lower_half

EIGH = "scipy.linalg.eigh"

# ---- how SciPy computes those of a Hermitian matrix; `options` are keywords of its function --------------------------


def by_eigh(a, uplo, values_only, options):
    return scipy.linalg.eigh(a, lower=uplo == "L", eigvals_only=values_only, check_finite=False, **options)


def by_band(a, uplo, values_only, options):
    options = dict(options)
    d = options.pop("d")
    if uplo == "L":
        band = np.stack([np.pad(np.diagonal(a, -k), (0, k)) for k in range(d)])
    else:
        band = np.stack([np.pad(np.diagonal(a, k), (k, 0)) for k in range(d - 1, -1, -1)])
    return scipy.linalg.eig_banded(band, uplo == "L", values_only, check_finite=False, **options)


def by_tridiagonal(a, uplo, values_only, options):
    return scipy.linalg.eigh_tridiagonal(np.diagonal(a), np.diagonal(a, -1), values_only, check_finite=False, **options)


WAYS = {"full": by_eigh, "banded": by_band, "tridiagonal": by_tridiagonal}


def all_of(find, some):
    """All values and vectors; `some`, if it is not empty, are the options for a few of them.

    LAPACK finds a few by other means, and their signs may be others. These are the ones that SciPy gives.
    """
    w, v = find({})
    if some:
        few, their = find(dict(some))
        k = len(few)
        if k:
            at = int(np.argmin([np.sum(np.abs(w[i : i + k] - few)) for i in range(len(w) - k + 1)]))
            w[at : at + k], v[:, at : at + k] = few, their
    return w, v


def eigh_of(a, *, uplo, way, options, some):
    return all_of(lambda more: WAYS[way](a, uplo, False, {**dict(options), **more}), some)


def eigvalsh_of(a, *, uplo, way, options):
    return WAYS[way](a, uplo, True, dict(options))


def reading(rule):
    """A rule of ops/, for a primitive that has parameters which say how the value is computed."""
    return lambda *args, uplo, **how: rule(*args, uplo=uplo)


eigh_standard = blockwise(
    each(2)(eigh_of),
    name="scipy.linalg.eigh",
    signature="(m,m)->(m),(m,m)",
    jvp=reading(decompositions.eigh_jvp),
    vjp=reading(decompositions.eigh_vjp),
    saves=keeps_output,
    dtype=lambda a, **how: (real_part_of(a.dtype), a.dtype),
    multi=True,
)

eigvalsh_standard = blockwise(
    each(2)(eigvalsh_of),
    name="scipy.linalg.eigvalsh",
    signature="(m,m)->(m)",
    jvp=reading(decompositions.eigvalsh_jvp),
    vjp=reading(decompositions.eigvalsh_vjp),
    saves=keeps((0,)),
    dtype=lambda a, **how: real_part_of(a.dtype),
)

# ---- generalized: A V = B V diag(w), Vᴴ B V = I; the rules see whole Hermitian matrices ----------------------------
# With M = Vᴴ dA V and N = Vᴴ dB V, H = M - N∘(w_i + w_j)/2 takes the place of M in the standard problem: dw = diag H,
# dV = V (F∘H - N/2), F as there. The cotangent of A is V (diag g_w + F∘X) Vᴴ, where X and Y are the skew and the
# Hermitian part of Vᴴ g_V; that of B is -V ((diag g_w + F∘X)∘(w_i + w_j)/2 + Y/2) Vᴴ.
# Type 3, B A V = V diag(w), is that problem for A and B⁻¹, so N = -(B⁻¹V)ᴴ dB B⁻¹V. So is type 2, A B V = V diag(w),
# for the vectors B V: there M = (B V)ᴴ dA B V, N = -Vᴴ dB V, and dV = V (F∘H + N/2).


def general_of(a, b, *, lower, kind, options, some):
    def find(more):
        keywords = {**dict(options), **more}
        return scipy.linalg.eigh(a, b, lower=lower, type=kind, check_finite=False, **keywords)

    return all_of(find, some)


def general_sides(v, b, kind):
    """What M and N are made of, and their signs in N and in dV."""
    if kind == 1:
        return v, v, 1, -0.5
    return (b @ v, v, -1, 0.5) if kind == 2 else (v, np.linalg.solve(b, v), -1, -0.5)


def means(w):
    return 0.5 * sums(w)


def general_change(tangents, w, v, b, kind):
    """H, N and the sign of N in dV."""
    da, db = tangents
    of_a, of_b, sign, share = general_sides(v, b, kind)
    m = 0 if da is None else hermitian(of_a) @ da @ of_a
    n = 0 if db is None else sign * (hermitian(of_b) @ db @ of_b)
    return m - n * means(w), n, share


def general_jvp(tangents, y, a, b, *, lower, kind, options, some):
    w, v = y
    h, n, share = general_change(tangents, w, v, b, kind)
    dv = v @ (quotient(off_diagonal(h), gaps(w), w, h, EIGH) + share * n)
    return spread(np.real(diagonal(h)), w), spread(dv, v)


def general_vjp(wanted, ct, y, a, b, *, lower, kind, options, some):
    (w, v), (gw, gv) = y, ct
    inner, rest = 0 if gw is None else on_diagonal(gw), 0
    of_a, of_b, sign, share = general_sides(v, b, kind)
    if gv is not None:
        p = hermitian(v) @ gv
        same_for_all_phases(p, EIGH)
        inner = inner + quotient(off_diagonal(skew(p)), gaps(w), w, p, EIGH, shares(gw))
        rest = share * (p - skew(p))
    return (
        fit(of_a @ inner @ hermitian(of_a), a) if wanted[0] else None,
        fit(of_b @ (sign * (rest - inner * means(w))) @ hermitian(of_b), b) if wanted[1] else None,
    )


eigh_general = blockwise(
    each(2, 2)(general_of),
    name="scipy.linalg.eigh_general",
    signature="(m,m),(m,m)->(m),(m,m)",
    jvp=general_jvp,
    vjp=general_vjp,
    saves=keeps((1, "y"), (1, "y")),
    dtype=lambda a, b, **how: (real_part_of(a.dtype), a.dtype),
    multi=True,
)


def values_of(a, b, *, lower, kind, options):
    return scipy.linalg.eigvalsh(a, b, lower=lower, type=kind, check_finite=False, **dict(options))


def values_jvp(tangents, y, a, b, *, lower, kind, options):
    w, v = bind(eigh_general, a, b, lower=lower, kind=kind, options=options, some=())
    return spread(np.real(diagonal(general_change(tangents, w, v, b, kind)[0])), y)


def values_vjp(wanted, ct, y, a, b, *, lower, kind, options):
    how = {"lower": lower, "kind": kind, "options": options, "some": ()}
    w, v = bind(eigh_general, a, b, **how)
    return general_vjp(wanted, (ct, None), (w, v), a, b, **how)


eigvalsh_general = blockwise(
    each(2, 2)(values_of),
    name="scipy.linalg.eigvalsh_general",
    signature="(m,m),(m,m)->(m)",
    jvp=values_jvp,
    vjp=values_vjp,
    saves=keeps((0, 1), (0, 1)),
    dtype=lambda a, b, **how: real_part_of(a.dtype),
)

# ---- eigh and its relatives -----------------------------------------------------------------------------------------


class Choice:
    """Which values are asked for: all, some by index, or those in an interval without its lower end."""

    def __init__(self, name: str, by_index: Any = None, by_value: Any = None):
        self.by_index = None if by_index is None else tuple(int(concrete(i, name)) for i in by_index)
        self.by_value = None if by_value is None else tuple(float(concrete(x, name)) for x in by_value)

    def of_values(self, w: Any) -> Any:
        """Those of the values w. How many are in an interval depends on the values."""
        return w[..., self.part(w)]

    def of_vectors(self, w: Any, v: Any) -> tuple[Any, Any]:
        part = self.part(w)
        return w[..., part], v[..., part]

    def part(self, w: Any) -> Any:
        if self.by_index is not None:
            return slice(self.by_index[0], self.by_index[1] + 1)
        if self.by_value is None:
            return slice(None)
        low, high = self.by_value
        inside = (w > low) & (w <= high)
        if len(w.shape) > 1:
            raise refuse("eigh", "an interval selects from a single matrix only, for numbers may differ: use indices")
        return np.flatnonzero(inside)


def eigh_or_values(a, b, lower, values_only, kind, check_finite, by_index, by_value, driver):
    if by_index is not None and by_value is not None:
        raise ValueError("Either index or value subset can be requested.")
    a = square(a, check_finite)
    choice = Choice("scipy.linalg.eigh: subset_by_...=", by_index, by_value)
    options = () if driver is None else (("driver", driver),)
    some = ()
    if by_index is not None:
        low, high = choice.by_index  # pyright: ignore[reportGeneralTypeIssues]
        if not 0 <= low <= high < a.shape[-1]:
            raise ValueError(f"Requested eigenvalue indices are not valid: {low} to {high} of {a.shape[-1]}")
        some = (("subset_by_index", choice.by_index),)
    if by_value is not None:
        low, high = choice.by_value  # pyright: ignore[reportGeneralTypeIssues]
        if not low < high:
            raise ValueError(f"Requested eigenvalue bounds are not valid: {low} to {high}")
        some = (("subset_by_value", choice.by_value),)
    if some and driver in ("ev", "evd", "gv", "gvd"):
        raise ValueError(f'"{driver}" cannot compute subsets of eigenvalues')
    if b is None:
        how = {"uplo": "L" if lower else "U", "way": "full", "options": options}
        if values_only:
            return choice.of_values(bind(eigvalsh_standard, a, **how))
        return choice.of_vectors(*bind(eigh_standard, a, **how, some=some))
    a, b = common(a, square(b, check_finite))
    if a.shape[-2:] != b.shape[-2:]:
        raise ValueError(f"wrong b dimensions {b.shape}, should be {a.shape}")
    if kind not in (1, 2, 3):
        raise ValueError('"type" keyword only accepts 1, 2, and 3.')
    a, b = (whole(x, "L" if lower else "U") for x in (a, b))
    how = {"lower": bool(lower), "kind": int(kind), "options": options}
    if values_only:
        return choice.of_values(bind(eigvalsh_general, a, b, **how))
    return choice.of_vectors(*bind(eigh_general, a, b, **how, some=some))


@instead_of(scipy.linalg.eigh)
def eigh(
    a,
    b=None,
    *,
    lower=True,
    eigvals_only=False,
    overwrite_a=False,
    overwrite_b=False,
    type=1,
    check_finite=True,
    subset_by_index=None,
    subset_by_value=None,
    driver=None,
):
    """Eigenvalues and vectors of a Hermitian matrix, or of a pair of them. One triangle is read.

    The vectors are differentiable where the values are distinct, up to the phase of complex ones.
    """
    return eigh_or_values(a, b, lower, eigvals_only, type, check_finite, subset_by_index, subset_by_value, driver)


@instead_of(scipy.linalg.eigvalsh)
def eigvalsh(
    a,
    b=None,
    *,
    lower=True,
    overwrite_a=False,
    overwrite_b=False,
    type=1,
    check_finite=True,
    subset_by_index=None,
    subset_by_value=None,
    driver=None,
):
    """Eigenvalues of a Hermitian matrix, or of a pair of them. One triangle is read."""
    return eigh_or_values(a, b, lower, True, type, check_finite, subset_by_index, subset_by_value, driver)


SELECT = {0: "a", 1: "v", 2: "i", "all": "a", "value": "v", "index": "i", "a": "a", "v": "v", "i": "i"}


def selected(a, uplo, way, options, values_only, select, select_range):
    """For the functions that take select=: a value, an index, or all."""
    select = select.lower() if isinstance(select, str) else select
    if select not in SELECT:
        raise ValueError("invalid argument for select")
    some, choice = (), Choice("")
    if SELECT[select] != "a":
        ends = np.asarray(select_range)
        if ends.shape != (2,) or ends[1] < ends[0]:
            raise ValueError("select_range must be a 2-element array-like in nondecreasing order")
        by_value = SELECT[select] == "v"
        if not by_value and (ends.dtype.kind not in "iu" or ends[0] < 0 or ends[1] >= a.shape[-1]):
            raise ValueError(f"select_range must be two indices below {a.shape[-1]}; {select_range} was given")
        ends = tuple(ends.tolist())
        choice = Choice("", None if by_value else ends, ends if by_value else None)
        some = (("select", SELECT[select]), ("select_range", ends))
    how = {"uplo": uplo, "way": way, "options": options}
    if values_only:
        return choice.of_values(bind(eigvalsh_standard, a, **how))
    return choice.of_vectors(*bind(eigh_standard, a, **how, some=some))


def of_band(a_band, lower, values_only, select, select_range, check_finite):
    ab = matrix(a_band, check_finite)
    d = ab.shape[-2]
    a = dense(hermitian_band(lower_half(ab, lower)), d - 1)
    options = (("d", d),)
    return selected(a, "L" if lower else "U", "banded", options, values_only, select, select_range)


@instead_of(scipy.linalg.eig_banded)
def eig_banded(
    a_band,
    lower=False,
    eigvals_only=False,
    overwrite_a_band=False,
    select="a",
    select_range=None,
    max_ev=0,
    check_finite=True,
):
    """Eigenvalues and vectors of a Hermitian band matrix, differentiable as those of eigh are.

    A traced one is written out in full.
    """
    return of_band(a_band, lower, eigvals_only, select, select_range, check_finite)


@instead_of(scipy.linalg.eigvals_banded)
def eigvals_banded(a_band, lower=False, overwrite_a_band=False, select="a", select_range=None, check_finite=True):
    """Eigenvalues of a Hermitian band matrix. A traced one is written out in full."""
    return of_band(a_band, lower, True, select, select_range, check_finite)


def of_tridiagonal(d, e, values_only, select, select_range, check_finite, tol, lapack_driver):
    d, e = common(d, e, finite=check_finite)
    if len(d.shape) < 1 or len(e.shape) < 1:
        raise ValueError("expected a 1-D array")
    if d.dtype.kind == "c":
        raise TypeError("Only real arrays currently supported")
    n = d.shape[-1]
    if n != e.shape[-1] + 1:
        raise ValueError(f"d ({n}) must have one more element than e ({e.shape[-1]})")
    below = np.concatenate([e, np.zeros_like(e, shape=(*e.shape[:-1], 1))], axis=-1)
    lead = np.broadcast_shapes(d.shape[:-1], e.shape[:-1])
    ab = np.stack([np.broadcast_to(x, (*lead, n)) for x in (d, below)], axis=-2)
    options = (("tol", float(concrete(tol, "scipy.linalg.eigh_tridiagonal: tol="))), ("lapack_driver", lapack_driver))
    return selected(dense(hermitian_band(ab), 1), "L", "tridiagonal", options, values_only, select, select_range)


@instead_of(scipy.linalg.eigh_tridiagonal)
def eigh_tridiagonal(
    d, e, eigvals_only=False, select="a", select_range=None, check_finite=True, tol=0.0, lapack_driver="auto"
):
    """Eigenvalues and vectors of a symmetric tridiagonal matrix, differentiable as those of eigh are.

    A traced one is written out in full.
    """
    return of_tridiagonal(d, e, eigvals_only, select, select_range, check_finite, tol, lapack_driver)


@instead_of(scipy.linalg.eigvalsh_tridiagonal)
def eigvalsh_tridiagonal(d, e, select="a", select_range=None, check_finite=True, tol=0.0, lapack_driver="auto"):
    """Eigenvalues of a symmetric tridiagonal matrix. A traced one is written out in full."""
    return of_tridiagonal(d, e, True, select, select_range, check_finite, tol, lapack_driver)

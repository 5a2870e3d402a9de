"""Matrix equations: Sylvester, Lyapunov, Riccati."""

from typing import Any

import numpy as np
import scipy.linalg

from ...core.trace import bind
from ...ops.control import check, stop_gradient
from ...ops.decompositions import assure
from ...ops.families import add_up, blockwise, fit, keeps, spread
from ...ops.linalg import hermitian
from ..namespace import instead_of
from .arguments import common, each, square
from .solving import solve_general

# ---- Sylvester: A X + X B = Q ---------------------------------------------------------------------------------------
# A dX + dX B = dQ - dA X - X dB. With Aᴴ c + c Bᴴ = g the cotangents of A, B and Q are -c Xᴴ, -Xᴴ c and c.


def sylvester_jvp(tangents, y, a, b, q):
    da, db, dq = tangents
    right = add_up((dq, None if da is None else -(da @ y), None if db is None else -(y @ db)))
    return spread(bind(sylvester, a, b, right), y)


def sylvester_vjp(wanted, ct, y, a, b, q):
    c = bind(sylvester, hermitian(a), hermitian(b), ct)
    found = (lambda: -(c @ hermitian(y)), lambda: -(hermitian(y) @ c), lambda: c)
    return tuple(fit(f(), x) if on else None for f, x, on in zip(found, (a, b, q), wanted, strict=True))


sylvester = blockwise(
    each(2, 2, 2)(scipy.linalg.solve_sylvester),
    name="scipy.linalg.solve_sylvester",
    signature="(m,m),(n,n),(m,n)->(m,n)",
    jvp=sylvester_jvp,
    vjp=sylvester_vjp,
    saves=keeps((0, 1, "y"), (0, 1, "y"), (0, 1)),
)


def regular_sylvester(a: Any, b: Any, q: Any, message: str) -> Any:
    """X, or an error if the equation has no solution, where LAPACK gives that of an equation nearby."""
    x = bind(sylvester, a, b, q)
    large, most = (np.max(np.abs(stop_gradient(v)), axis=(-2, -1), initial=0) for v in (x, q))
    size = sum(np.max(np.abs(stop_gradient(v)), axis=(-2, -1), initial=0) for v in (a, b))
    assure(large * size * (100 * np.finfo(x.dtype).eps) <= most, message)
    return x


@instead_of(scipy.linalg.solve_sylvester)
def solve_sylvester(a, b, q):
    """Solves a x + x b = q, differentiable in all three."""
    a, b, q = common(a, b, q)
    a, b = square(a), square(b)
    if len(q.shape) < 2 or q.shape[-2:] != (a.shape[-1], b.shape[-1]):
        raise ValueError(f"solve_sylvester: shapes {a.shape}, {b.shape} and {q.shape} are not compatible")
    return bind(sylvester, a, b, q)


@instead_of(scipy.linalg.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a, q):
    """Solves a x + x aᴴ = q, differentiable in both."""
    a, q = pair(*common(a, q))
    return bind(sylvester, a, hermitian(a), q)


def pair(a, q):
    a, q = square(a), square(q)
    if a.shape[-2:] != q.shape[-2:]:
        raise ValueError("Matrix a and q should have the same shape.")
    return a, q


solve_lyapunov = solve_continuous_lyapunov


@instead_of(scipy.linalg.solve_discrete_lyapunov)
def solve_discrete_lyapunov(a, q, method=None):
    """Solves a x aᴴ - x + q = 0, differentiable in both."""
    a, q = pair(*common(a, q, np.zeros(0))[:2])  # SciPy computes it in double precision
    return discrete(a, q, method)


def discrete(a: Any, q: Any, method: str | None = None) -> Any:
    """By a linear system for the entries of x, or by a continuous equation for the Cayley transform of a."""
    n = a.shape[-1]
    method = ("bilinear" if n >= 10 else "direct") if method is None else method.lower()
    eye = np.eye(n, dtype=a.dtype)
    if method == "direct":
        kron = a[..., :, None, :, None] * np.conjugate(a)[..., None, :, None, :]
        left = np.eye(n * n, dtype=a.dtype) - np.reshape(kron, (*a.shape[:-2], n * n, n * n))
        x = bind(solve_general, left, np.reshape(q, (*q.shape[:-2], n * n, 1)), kind=None)
        return np.reshape(x, (*x.shape[:-2], n, n))
    if method != "bilinear":
        raise ValueError(f"Unknown solver {method}")
    ah = hermitian(a)
    inverse = np.linalg.inv(ah + eye)
    b = (ah - eye) @ inverse
    c = 2 * np.linalg.inv(a + eye) @ q @ inverse
    return bind(sylvester, hermitian(b), b, -c)


# ---- Riccati --------------------------------------------------------------------------------------------------------
# Discrete: Q + Aᴴ X A - X - Wᴴ K = 0, where W = Bᴴ X A + Sᴴ and K = (R + Bᴴ X B)⁻¹ W. Continuous:
# Q + Aᴴ X + X A - Wᴴ K = 0, where W = Bᴴ X + Sᴴ and K = R⁻¹ W. With the closed loop C = A - B K, and T for C (discrete)
# or I (continuous), the left side changes with the matrices, while X stays, by
#   D = dQ + Kᴴ dR K + [dAᴴ X T - Kᴴ dBᴴ X T - Kᴴ dSᴴ],
# and the conjugate transpose of what is in brackets. So dX solves Cᴴ dX C - dX + D = 0, or Cᴴ dX + dX C + D = 0. With
# the solution L of the adjoint equation, C L Cᴴ - L + g = 0, or C L + L Cᴴ + g = 0, the cotangents of A, B, Q, R and S
# are 2 X T L, -2 X T L Kᴴ, L, K L Kᴴ and -2 L Kᴴ.


def gain(y, a, b, r, s, is_discrete):
    """K and C, and X T."""
    bx = hermitian(b) @ y
    k = np.linalg.solve(r + bx @ b, bx @ a + hermitian(s)) if is_discrete else np.linalg.solve(r, bx + hermitian(s))
    loop = a - b @ k
    return k, loop, y @ loop if is_discrete else y


def closed(loop, right, is_discrete):
    """The solution of loop x loopᴴ - x + right = 0, or loop x + x loopᴴ + right = 0."""
    return discrete(loop, right) if is_discrete else bind(sylvester, loop, hermitian(loop), -right)


def riccati_of(a, b, q, r, s, *, is_discrete, balanced):
    solver = scipy.linalg.solve_discrete_are if is_discrete else scipy.linalg.solve_continuous_are
    return solver(a, b, q, r, None, s if np.any(s) else None, balanced)


def riccati_jvp(tangents, y, a, b, q, r, s, *, is_discrete, balanced):
    da, db, dq, dr, ds = tangents
    k, loop, xt = gain(y, a, b, r, s, is_discrete)
    kh = hermitian(k)
    whole = add_up((dq, None if dr is None else kh @ dr @ k))
    half = add_up(
        (
            None if da is None else hermitian(da) @ xt,
            None if db is None else -(kh @ hermitian(db) @ xt),
            None if ds is None else -(kh @ hermitian(ds)),
        )
    )
    change = add_up((whole, None if half is None else half + hermitian(half)))
    return spread(closed(hermitian(loop), change, is_discrete), y)


def riccati_vjp(wanted, ct, y, a, b, q, r, s, *, is_discrete, balanced):
    k, loop, xt = gain(y, a, b, r, s, is_discrete)
    kh = hermitian(k)
    c = closed(loop, 0.5 * (ct + hermitian(ct)), is_discrete)
    found = (
        lambda: 2 * (xt @ c),
        lambda: -2 * (xt @ c @ kh),
        lambda: c,
        lambda: k @ c @ kh,
        lambda: -2 * (c @ kh),
    )
    return tuple(fit(f(), x) if on else None for f, x, on in zip(found, (a, b, q, r, s), wanted, strict=True))


riccati = blockwise(
    each(2, 2, 2, 2, 2)(riccati_of),
    name="scipy.linalg.solve_are",
    signature="(m,m),(m,n),(m,m),(n,n),(m,n)->(m,m)",
    jvp=riccati_jvp,
    vjp=riccati_vjp,
    saves=keeps(*[(0, 1, 3, 4, "y")] * 5),
)


def solve_are(a, b, q, r, e, s, balanced, is_discrete):
    names = [name for name, x in (("e", e), ("s", s)) if x is not None]
    a, b, q, r, *rest = common(a, b, q, r, *(x for x in (e, s) if x is not None), np.zeros(0))  # in double precision
    found: dict[str, Any] = {"a": a, "q": q, "r": r, **dict(zip(names, rest, strict=False))}
    m, n = b.shape[-2:] if len(b.shape) > 1 else (0, 0)
    for name, x in found.items():
        shape = (n, n) if name == "r" else (m, n) if name == "s" else (m, m)
        if x.shape[-2:] != shape:
            raise ValueError(f"Matrix {name} should have the shape {shape}; {x.shape} was given")
    e, s = found.get("e"), found.get("s", np.zeros((m, n), b.dtype))
    q, r = (symmetric(x, name) for x, name in ((q, "q"), (r, "r")))
    if e is None:
        return bind(riccati, a, b, q, r, s, is_discrete=is_discrete, balanced=bool(balanced))
    a, b = np.linalg.solve(e, a), np.linalg.solve(e, b)  # an equation for eᴴ x e, where s stays as it is
    y = bind(riccati, a, b, q, r, s, is_discrete=is_discrete, balanced=bool(balanced))
    eh = hermitian(e)
    return hermitian(np.linalg.solve(eh, hermitian(np.linalg.solve(eh, y))))


def symmetric(x, name):
    """A Hermitian matrix, as which rules and finite differences see it; an error if it is not."""
    xh = hermitian(x)
    gap, size = (np.linalg.norm(stop_gradient(v), 1, axis=(-2, -1)) for v in (x - xh, x))
    message = f"Matrix {name} should be symmetric/hermitian."
    bind(check, gap <= 100 * np.spacing(size), error=ValueError, message=message)
    return 0.5 * (x + xh)


@instead_of(scipy.linalg.solve_continuous_are)
def solve_continuous_are(a, b, q, r, e=None, s=None, balanced=True):
    """Solves the continuous-time algebraic Riccati equation, differentiable in all matrices.

    `q` and `r` are Hermitian, and so are their tangents and cotangents.
    """
    return solve_are(a, b, q, r, e, s, balanced, False)


@instead_of(scipy.linalg.solve_discrete_are)
def solve_discrete_are(a, b, q, r, e=None, s=None, balanced=True):
    """Solves the discrete-time algebraic Riccati equation, differentiable in all matrices.

    `q` and `r` are Hermitian, and so are their tangents and cotangents.
    """
    return solve_are(a, b, q, r, e, s, balanced, True)

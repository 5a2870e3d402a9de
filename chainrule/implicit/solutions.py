"""Two operations: the solution of F(x, p) = 0, and of linear systems with dF/dx; and their derivatives.

Where F(x, p) = 0 defines x as a function of p, and A = dF/dx is not singular,

    A dx = -(dF/dp) dp                                  so in forward mode one system with A,
    Aᵀ c = ct,  and the cotangent of p is -(dF/dp)ᵀ c   and in reverse mode one with Aᵀ

(the implicit function theorem; Griewank and Walther 2008, section 15.2, for the derivatives of the linear systems).
The system itself is an operation, `y = A(x, p)⁻¹ b`, with derivatives in x, p and b:

    A dy = db - d(A y),     Aᵀ c = ct: the cotangent of b is c, that of (x, p) is that of -cᵀ (A(x, p) y)

d(A y) at a constant y is a derivative of the product A y, which is a jvp of F, or a vjp for Aᵀ. So a derivative of any
order consists of jvps and vjps of F and of systems with one and the same matrix, which is factorised once.

x, F and b are real vectors here; whatever else the user has is flattened (vectors.py).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import slots
from ..core.errors import LeakedTracerError, user_line
from ..core.primitive import Aval, Primitive, keeps_all
from ..core.trace import Tracer, bind
from ..transforms.batching import vmap
from ..transforms.forward import jvp
from ..transforms.reverse import vjp
from .linear import LinearSolver


class Problem:
    """F(x, p) = 0 in real vectors x and F of one length, with arrays p.

    who: the name for messages; residual: `(x, *p) -> F`; solver: `(*p) -> x`, plain arrays; linear: how to solve with
    dF/dx; tolerance: how far from a solution, in Newton's estimate, x may be, as a share of 1 + max|x|; None: anywhere.
    """

    def __init__(
        self,
        who: str,
        residual: Callable[..., Any],
        solver: Callable[..., Any],
        linear: LinearSolver,
        tolerance: float | None = None,
    ):
        self.who, self.residual, self.solver = who, residual, solver
        self.linear, self.tolerance = linear, tolerance
        self.size = 0
        self.last: Any = None  # (x, p, factors)

    def solve(self, *p: Any) -> np.ndarray:
        x = self.solver(*p)
        self.size = len(x)
        self.plain_residual(x, *p)
        return x

    def plain_residual(self, x: Any, *p: Any) -> np.ndarray:
        """F of plain arrays; an error if it is traced all the same, or has another size than x."""
        found = self.residual(x, *p)
        if isinstance(found, Tracer):
            raise LeakedTracerError(
                f"{self.who}: the residual uses a traced value from outside (at {user_line()}), and the derivative in "
                "that would be lost: pass the value as an argument"
            )
        if np.shape(found) != np.shape(x):
            raise ValueError(
                f"{self.who}: the residual has {np.size(found)} real numbers and the solution {np.size(x)}: as many "
                "equations as unknowns are needed"
            )
        return found

    def factors(self, x: np.ndarray, p: Sequence[Any]) -> Any:
        """dF/dx at x and p, ready for solving; the last one is kept."""
        last = self.last  # read once: another thread may be at work
        if last is None or not _same((x, *p), last[0]):
            factors = self.factorised(x, p)
            last = self.last = tuple(np.array(v) for v in (x, *p)), factors
        return last[1]

    def factorised(self, x: np.ndarray, p: Sequence[Any]) -> Any:
        if not np.isfinite(x).all():
            raise ValueError(f"{self.who}: the solution holds NaN or infinity, so it has no derivative")
        F = self.plain_residual(x, *p)
        try:
            factors = self.linear.at(self.residual, x, *p)
        except np.linalg.LinAlgError as error:
            raise np.linalg.LinAlgError(
                f"{self.who}: the derivative of the residual in the solution is a singular matrix ({error}): the "
                "solution is not isolated there, and has no derivative. Add the equation that is missing, or scale"
            ) from error
        if self.tolerance is not None and x.size:
            self.check(x, F, factors)
        return factors

    def check(self, x: np.ndarray, F: np.ndarray, factors: Any) -> None:
        """Raises where Newton's method would go far from x: then x is no solution of this residual."""
        off = np.max(np.abs(factors.solve(F)))
        if not off <= self.tolerance * (1 + np.max(np.abs(x))):
            raise ValueError(
                f"{self.who}: the residual is not zero at what the solver returned: its largest element is "
                f"{np.max(np.abs(F)):.3g}, and the solution seems to be {off:.3g} away. Solve more accurately, see "
                "whether the residual is that of the same problem, with the same arguments, or raise the tolerance. (A "
                "tiny residual and a large distance: the equations hardly determine the solution.)"
            )

    def __repr__(self) -> str:
        return self.who


def _same(arrays: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(
        np.shape(a) == np.shape(b) and np.asarray(a).dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
        for a, b in zip(arrays, others, strict=True)
    )


def among(p: Sequence[Any], places: Sequence[int], some: Sequence[Any]) -> list[Any]:
    """p, with these in some places."""
    whole = list(p)
    for i, value in zip(places, some, strict=True):
        whole[i] = value
    return whole


def given(parts: Sequence[Any]) -> list[int]:
    """The positions of those that are not None, or not False."""
    return [i for i, part in enumerate(parts) if part is not None and part is not False]


# ---- the solution: p -> x (n,) ---------------------------------------------------------------------------------------


def solution_jvp(tangents, x, *p, problem):
    on = given(tangents)
    _, t = jvp(lambda *some: problem.residual(x, *among(p, on, some)), [p[i] for i in on], [tangents[i] for i in on])
    return bind(system, -t, x, *p, problem=problem, transposed=False)


def solution_vjp(wanted, ct, x, *p, problem):
    on = given(wanted)
    c = bind(system, ct, x, *p, problem=problem, transposed=True)
    _, pullback = vjp(lambda *some: problem.residual(x, *among(p, on, some)), *(p[i] for i in on))
    return tuple(among([None] * len(p), on, pullback(-c)))


def solution_batch(is_batched, *p, problem):
    """Each example is a problem of its own."""
    found = [bind(solution, *row, problem=problem) for row in rows_of(is_batched, p)]
    if len({x.shape for x in found}) > 1:
        raise ValueError(f"{problem.who}: under vmap the solutions of all examples must have one size; they differ")
    return np.stack(found)


def rows_of(is_batched, args):
    count = next(np.shape(a)[0] for a, on in zip(args, is_batched, strict=True) if on)
    return [[a[k] if on else a for a, on in zip(args, is_batched, strict=True)] for k in range(count)]


solution = Primitive(
    "solution",
    impl=lambda *p, problem: problem.solve(*p),
    aval=lambda *avals, problem: Aval((problem.size,), np.dtype(float)),
    jvp=solution_jvp,
    vjp=solution_vjp,
    saves=keeps_all,
    batch=solution_batch,
    slots=slots.everything,
)

# ---- the system: b (..., n), x (n,), p -> y (..., n) with A(x, p) y = b ----------------------------------------------


def system_impl(b, x, *p, problem, transposed):
    flat = np.reshape(b, (-1, b.shape[-1]))
    y = problem.factors(x, p).solve(flat[0] if len(flat) == 1 else flat.T, transposed)
    return np.reshape(y.T, b.shape)


def product(y, x, p, problem, transposed):
    """A y, or Aᵀ y, for each y along the last axis."""

    def one(y):
        if transposed:
            return vjp(lambda x: problem.residual(x, *p), x)[1](y)[0]
        return jvp(lambda x: problem.residual(x, *p), (x,), (y,))[1]

    if len(y.shape) == 1:
        return one(y)
    return np.reshape(vmap(one)(np.reshape(y, (-1, y.shape[-1]))), y.shape)


def system_jvp(tangents, y, b, x, *p, problem, transposed):
    db, *rest = tangents
    on = given(rest)
    if on:
        xp = [x, *p]
        _, moved = jvp(
            lambda *some: product(y, (whole := among(xp, on, some))[0], whole[1:], problem, transposed),
            [xp[i] for i in on],
            [rest[i] for i in on],
        )
        db = -moved if db is None else db - moved
    return bind(system, db, x, *p, problem=problem, transposed=transposed)


def system_vjp(wanted, ct, y, b, x, *p, problem, transposed):
    on, xp = given(wanted[1:]), [x, *p]
    c = bind(system, ct, x, *p, problem=problem, transposed=not transposed)
    cts: list[Any] = [None] * len(xp)
    if on:
        _, pullback = vjp(
            lambda *some: product(y, (whole := among(xp, on, some))[0], whole[1:], problem, transposed),
            *(xp[i] for i in on),
        )
        cts = among(cts, on, pullback(-c))
    return c if wanted[0] else None, *cts


def system_batch(is_batched, b, x, *p, problem, transposed):
    """Right-hand sides of one matrix together; with several matrices each by itself."""
    if not any(is_batched[1:]):
        return bind(system, b, x, *p, problem=problem, transposed=transposed)
    rows = rows_of(is_batched, (b, x, *p))
    return np.stack([bind(system, *row, problem=problem, transposed=transposed) for row in rows])


def system_slots(wanted, y, b, *x, problem, transposed):
    return slots.mixing(wanted, y.shape, 1, (b, *x), [1, *(len(v.shape) for v in x)])


system = Primitive(
    "system",
    impl=system_impl,
    aval=lambda b, *avals, problem, transposed: Aval(b.shape, np.dtype(float)),
    jvp=system_jvp,
    vjp=system_vjp,
    saves=keeps_all,
    batch=system_batch,
    slots=system_slots,
)

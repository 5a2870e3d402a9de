"""Where minimisers lie: the conditions of Karush, Kuhn and Tucker, as equations that the derivatives follow from.

A minimiser x of f(x, w) with lower <= c(x, w) <= upper has multipliers m, one for each row of c, with

    df/dx = Σ mᵢ dcᵢ/dx;  mᵢ = 0 where the row is free,  cᵢ = lowerᵢ where mᵢ > 0,  cᵢ = upperᵢ where mᵢ < 0.

(x, m) is the root of as many equations, and has the derivatives of a root (Fiacco 1976; Nocedal and Wright 2006,
chapter 12). A bound is a row like any other. At a row that is just met, without a multiplier, the two one-sided
derivatives differ: it counts as free.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from ...core.trace import Tracer, is_traced
from ...implicit.functions import Call
from ...implicit.linear import LinearSolver
from ...jacobians.jacobian import jacobian
from ...ops.signatures.creation import nested
from ...transforms.reverse import grad

MET = 1e-5
"""How near to its bound a row is met, relative to 1 + its size"""
NO_FORCE = 1e-6
"""Multipliers below this share of the gradient count as zero"""
DENSE_SIZE = 1_000_000
"""Elements of the matrix of active rows up to which multipliers are found by dense least squares"""


class Rows(NamedTuple):
    """Constraints lower <= value(x, w) <= upper, with `ends(w) -> (lower, upper)`; w are their parameters."""

    value: Callable[[Any, Any], Any]
    ends: Callable[[Any], tuple[Any, Any]]


ON_UNKNOWNS = Rows(lambda x, w: x, lambda w: w)
"""Bounds, with their ends as parameters"""


def ends_of(bounds: Any) -> tuple[Any, Any]:
    """The lower and the upper ends of bounds that are a pair, or SciPy's `Bounds`."""
    if isinstance(bounds, scipy.optimize.Bounds):
        return bounds.lb, bounds.ub
    lower, upper = bounds
    return lower, upper


def held_by(ends: tuple[Any, Any]) -> tuple[list[Rows], list[Any]]:
    """The rows and their parameters of bounds with these ends: none where all are infinite."""
    if not is_traced(ends) and all(np.isinf(np.asarray(end)).all() for end in ends):
        return [], []
    return [ON_UNKNOWNS], [ends]


def values_of(rows: Sequence[Rows], x: Any, parameters: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The values of all rows, and their lower and upper ends, each as one vector."""
    found = []
    for row, w in zip(rows, parameters, strict=True):
        value = np.ravel(nested(row.value(x, w)))
        found.append((value, *(np.broadcast_to(nested(end), value.shape) for end in row.ends(w))))
    if not found:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    value, lower, upper = (np.concatenate(part) for part in zip(*found, strict=True))
    return value, lower, upper


def minimizer(
    what: str,
    objective: Callable[..., Any],
    rows: Sequence[Rows],
    solver: Callable[..., Any],
    parameters: tuple[Any, Sequence[Any]],
    tolerance: float,
) -> tuple[Any, Any]:
    """What `solver(args, of_rows) -> (x, report)` finds, with derivatives in all of `parameters`.

    objective: `(x, args) -> number`; parameters: `(args, a tree for each of rows)`.
    """

    def lagrangian(x, m, args, of_rows):
        return objective(x, args) - np.sum(m * values_of(rows, x, of_rows)[0])

    def conditions(state, args, of_rows):
        x, m = state
        slope = grad(lambda x: lagrangian(x, m, args, of_rows))(x)
        value, lower, upper = values_of(rows, x, of_rows)
        is_met = (m != 0) | (lower == upper)
        end = np.where(m > 0, lower, upper)
        end = np.where(is_met, end, np.zeros(()))
        return slope, np.where(is_met, value - end, m)

    def solve(args, of_rows):
        x, report = solver(args, of_rows)
        return (x, multipliers(objective, rows, x, args, of_rows)), report

    who = f"scipy.{what}"
    (x, _), report = Call(who, conditions, solve, LinearSolver(who=who), tolerance, True)(*parameters)
    return x, report


def multipliers(objective: Any, rows: Sequence[Rows], x: np.ndarray, args: Any, of_rows: Any) -> np.ndarray:
    """The multipliers at x by least squares: zero where a row is free, or would pull instead of push."""
    value, lower, upper = values_of(rows, x, of_rows)
    if isinstance(value, Tracer) or not len(value):  # a traced one is refused where the conditions are looked at
        return np.zeros(len(value))
    slope = grad(lambda x: objective(x, args))(x)
    near = MET * (1 + np.abs(value))
    at_lower, at_upper = value - lower <= near, upper - value <= near
    equal = lower == upper
    active = np.flatnonzero(at_lower | at_upper)
    m = np.zeros(len(value))
    smallest = NO_FORCE * np.max(np.abs(slope), initial=0)
    while len(active):
        m[:] = 0
        m[active] = fitted(lambda x, a=active: values_of(rows, x, of_rows)[0][a], x, slope)
        right = equal | (at_lower & (m > smallest)) | (at_upper & (m < -smallest))
        if right[active].all():
            break
        m[:] = 0
        active = active[right[active]]
    return m


def fitted(values: Callable[..., Any], x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """The multipliers of these rows that come nearest to balancing the slope."""
    import scipy.sparse.linalg

    count = len(values(x))
    if count * x.size <= DENSE_SIZE:
        return np.linalg.lstsq(jacobian(values)(x).T, slope, rcond=None)[0]
    A = jacobian(values, sparse=True)(x)
    return scipy.sparse.linalg.lsmr(A.T, slope, atol=1e-13, btol=1e-13, conlim=1e12)[0]

"""The steps of a Runge-Kutta method, done again: their derivative is that of the numbers that the method gives.

The adjoint of initial_value.py belongs to the exact solution, and meets the numbers up to the tolerance. Here SciPy
chooses the steps, which are constants, and the formula of each step is differentiated as any other program is (a
discrete adjoint; Hairer, Nørsett and Wanner 1993, section II.6). Forward and reverse mode then agree to rounding
errors, whatever the tolerance. Each step is done again in the backward pass, so that only the values between the steps
are kept. A step of Radau's method is the solution of its collocation equations; the last factors of their Jacobian
serve for the derivative.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

from ...core.trace import concrete
from ...implicit.newton import newton
from ...ops.control import stop_gradient
from ...ops.signatures.tools import refuse
from ...transforms.custom import checkpoint
from .stiff import name_of

EXPLICIT: dict[str, Any] = {
    name: getattr(scipy.integrate, name) for name in ("RK23", "RK45", "DOP853") if hasattr(scipy.integrate, name)
}
ROOT = 6**0.5
RADAU_NODES = np.array([(4 - ROOT) / 10, (4 + ROOT) / 10, 1.0])
RADAU = np.array(
    [
        [(88 - 7 * ROOT) / 360, (296 - 169 * ROOT) / 1800, (-2 + 3 * ROOT) / 225],
        [(296 + 169 * ROOT) / 1800, (88 + 7 * ROOT) / 360, (-2 - 3 * ROOT) / 225],
        [(16 - ROOT) / 36, (16 + ROOT) / 36, 1 / 9],
    ]
)
"""Radau IIA of order 5: Hairer and Wanner 1996, table IV.5.6"""

Step = Callable[..., Any]
"""`(y, t, h, *w) -> y at t + h`"""


def step_of(method: Any, system: Callable[..., Any]) -> Step:
    """The formula of a step for dy/dt = system(y, t, *w)."""
    name = name_of(method)
    if name in EXPLICIT:
        return explicit(EXPLICIT[name], system)
    if name == "Radau":
        return radau(system)
    raise refuse(
        "scipy.integrate.solve_ivp",
        f"adjoint='discrete' is there for {', '.join(EXPLICIT)} and Radau, whose steps have a formula each; {name} "
        "builds on the steps before",
    )


def explicit(tableau: Any, system: Callable[..., Any]) -> Step:
    def step(y, t, h, *w):
        slopes = [system(y, t, *w)]
        for c, row in zip(tableau.C[1:], tableau.A[1:], strict=True):
            moved = sum(a * k for a, k in zip(row, slopes, strict=False) if a)
            slopes.append(system(y + h * moved, t + c * h, *w))
        return y + h * sum(b * k for b, k in zip(tableau.B, slopes, strict=True) if b)

    return step


def radau(system: Callable[..., Any]) -> Step:
    def collocation(z, y, t, h, *w):
        slopes = np.stack([system(y + z[i], t + c * h, *w) for i, c in enumerate(RADAU_NODES)])
        return z - h * (RADAU @ slopes)

    def step(y, t, h, *w):
        return y + newton(collocation, np.zeros((3, *y.shape)), (y, t, h, *w)).x[2]

    return step


def replayed(system: Any, y0: Any, times: Any, w: Any, steps: np.ndarray, method: Any) -> Any:
    """y at each of `times`, one a row; between them are the times `steps` that SciPy has chosen."""
    step = checkpoint(step_of(method, system))
    at = np.asarray(concrete(stop_gradient(times), "the times of adjoint='discrete'"))
    direction = np.sign(at[-1] - at[0])
    y, rows = y0, [y0]
    for i in range(len(at) - 1):
        inside = steps[(direction * steps > direction * at[i]) & (direction * steps < direction * at[i + 1])]
        length = times[i + 1] - times[i]
        shares = np.concatenate([[0.0], (inside - at[i]) / (at[i + 1] - at[i] or 1.0), [1.0]])
        for share, size in zip(shares[:-1], np.diff(shares), strict=True):
            y = step(y, times[i] + share * length, size * length, *w)
        rows.append(y)
    return np.stack(rows)

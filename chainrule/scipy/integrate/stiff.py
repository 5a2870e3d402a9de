"""Exact Jacobians for SciPy's implicit methods: what each of them takes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import LostGradientError, MissingRuleError
from ...implicit.factors import BAND_LIMIT, DENSE_BELOW, bandwidths
from ...jacobians.jacobian import jacobian
from ...ops.signatures.creation import nested

IMPLICIT = ("BDF", "Radau", "LSODA")
"""Methods of solve_ivp that take a Jacobian"""


def takes_jacobian(options: dict[str, Any]) -> bool:
    """Whether the method takes a Jacobian, and none of it was given."""
    given = ("jac", "jac_sparsity", "lband", "uband")
    return name_of(options.get("method", "RK45")) in IMPLICIT and all(options.get(key) is None for key in given)


def name_of(method: Any) -> str:
    """The name of a method that is given by its name or its class."""
    return method if isinstance(method, str) else getattr(method, "__name__", "")


def exact(system: Callable[[Any, Any], Any], y0: Any, t0: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options that give SciPy the Jacobian of `system(y, t)`.

    BDF and Radau take it dense below 100 equations, above in the format that they factorise (CSC). LSODA takes no
    sparse matrix: it is told the band, where that is narrow, and given the diagonals in rows. SciPy passes the further
    arguments of the function to the Jacobian, too; `system` has them already.
    """
    y0 = np.asarray(y0)
    y0 = y0.astype(float) if y0.dtype.kind in "iub" else y0

    of_system = jacobian(system)

    def dense(t, y, *args):
        return differentiated(lambda: of_system(y, t))

    if y0.size < DENSE_BELOW or y0.dtype.kind == "c":
        return {"jac": dense}

    of_large_system = jacobian(system, sparse=True)

    def sparse(t, y, *args):
        return differentiated(lambda: of_large_system(y, t))

    if name_of(options["method"]) != "LSODA":
        return {"jac": lambda t, y, *args: sparse(t, y).tocsc()}
    row, col = sparse(t0, y0).tocoo().coords
    lower, upper = bandwidths(row, col)
    if lower + upper >= BAND_LIMIT:
        return {"jac": lambda t, y, *args: sparse(t, y).toarray()}

    def packed(t, y, *args):
        J = sparse(t, y).tocoo()
        row, col = J.coords
        if any(found > told for found, told in zip(bandwidths(row, col), (lower, upper), strict=True)):
            raise ValueError(
                f"scipy.integrate.solve_ivp: the Jacobian had {lower} and {upper} diagonals beside the main one at the "
                f"start, and has more at t = {t}: pass lband and uband"
            )
        band = np.zeros((lower + upper + 1, y.size))
        band[upper + row - col, col] = J.data
        return band

    return {"jac": packed, "lband": lower, "uband": upper}


def differentiated(jacobian: Callable[[], Any]) -> Any:
    """The Jacobian; where the function cannot be differentiated, an error that says what else there is."""
    try:
        return jacobian()
    except (LostGradientError, MissingRuleError) as error:
        raise MissingRuleError(
            f"{error} The solver was going to be given the exact Jacobian of this function; else pass jac=, or call "
            "scipy.integrate itself, which takes finite differences."
        ) from error


def of_function(fun: Callable[..., Any], args: Any, vectorized: bool) -> Callable[[Any, Any], Any]:
    """A function that solve_ivp was given, fun(t, y, *args), as `system(y, t)`."""
    args = tuple(args) if np.iterable(args) else ()  # SciPy says what is wrong with what cannot be unpacked
    if vectorized:
        return lambda y, t: np.ravel(nested(fun(t, np.reshape(y, (-1, 1)), *args)))
    return lambda y, t: np.atleast_1d(nested(fun(t, y, *args)))

"""Nonlinear programs: exact sparse derivatives in the forms that IPOPT and SciPy's trust-constr take."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import LeakedTracerError, user_line
from ..core.trace import is_traced
from ..core.tree import flatten
from ..transforms import arguments
from .jacobian import hessian, jacobian
from .passes import Passes


class Fixed:
    """Sparse matrices of one structure: `matrix(x)` may store fewer entries than it has, never others."""

    def __init__(self, matrix: Callable[..., Any], structure: Any, what: str):
        self.matrix, self.what, self.shape = matrix, what, structure.shape
        structure = structure.tocsr()
        structure.sort_indices()
        self.indptr, self.indices = structure.indptr, structure.indices
        counts = np.diff(structure.indptr)
        self.rows, self.cols = np.repeat(np.arange(len(counts)), counts), structure.indices.copy()

    def data(self, *args: Any) -> np.ndarray:
        """The entries at these arguments, in the order of `rows` and `cols`."""
        found = self.matrix(*args).tocsr()
        found.sort_indices()
        if np.array_equal(found.indptr, self.indptr) and np.array_equal(found.indices, self.indices):
            return found.data
        row, col = found.tocoo().coords
        n = max(self.shape[1], 1)
        keys, mine = row.astype(np.int64) * n + col, self.rows.astype(np.int64) * n + self.cols
        places = np.searchsorted(mine, keys)
        inside = places < len(mine)
        inside[inside] = mine[places[inside]] == keys[inside]
        if not (inside | (found.data == 0)).all():
            i = int(np.flatnonzero(~inside & (found.data != 0))[0])
            raise ValueError(
                f"nlp: {self.what} has an entry at ({row[i]}, {col[i]}) that it did not have at x0: its structure "
                "depends on values (a branch, an index), and solvers need one that does not change"
            )
        data = np.zeros(len(mine))
        data[places[inside]] = found.data[inside]
        return data


class NonlinearProgram:
    """The minimum of objective(x) under limits on constraints(x), with exact derivatives; made by :func:`nlp`.

    Vectors are flat. Its methods are those that cyipopt calls; `structure` of both matrices is found at x0 and kept.

    Attributes
    ----------
    x0 : (n,) array
        Where to start.
    n, m : int
        How many unknowns and constraints there are.
    """

    def __init__(self, objective: Callable[..., Any], constraints: Callable[..., Any] | None, x0: Any):
        x0 = np.asarray(arguments.differentiable(x0, "nlp", "x0"), float)
        if not np.isfinite(x0).all():
            raise ValueError("nlp: x0 holds NaN or infinity")
        self.shape, self.x0 = x0.shape, x0.ravel().copy()
        self._objective, self._constraints = objective, constraints
        self._passes = Passes(self.cost, _leaked)
        self._last: Any = None  # (x, constraints)
        self.n, self.m = self.x0.size, len(self.constraints(self.x0))
        of_rows, self._of_lagrangian = jacobian(self.rows, sparse=True), hessian(self.lagrangian, sparse=True)
        self._jacobian = Fixed(of_rows, of_rows(self.x0), "the Jacobian")
        generic = np.random.default_rng(0).uniform(1, 2, self.m)  # no two terms cancel
        self._hessian = Fixed(self._lower, self._lower(self.x0, generic, 1.0), "the Hessian of the Lagrangian")

    # -- the functions, of flat vectors that may be traced

    def cost(self, x: Any) -> Any:
        y = self._objective(np.reshape(x, self.shape))
        if np.size(y) != 1:
            raise ValueError(f"nlp: the objective must be a single number; it has the shape {np.shape(y)}")
        return np.reshape(y, ())

    def rows(self, x: Any) -> Any:
        leaves = flatten(self._constraints(np.reshape(x, self.shape)))[0] if self._constraints is not None else []
        parts = [np.ravel(leaf) for leaf in leaves]
        return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.zeros(0)

    def lagrangian(self, x: Any, multipliers: Any, obj_factor: Any) -> Any:
        return obj_factor * self.cost(x) + np.sum(multipliers * self.rows(x))

    def _lower(self, x: Any, multipliers: Any, obj_factor: Any) -> Any:
        """The lower triangle of the Hessian of the Lagrangian."""
        import scipy.sparse

        return scipy.sparse.tril(self._of_lagrangian(x, multipliers, obj_factor), format="csr")

    # -- what IPOPT calls

    def objective(self, x: np.ndarray) -> Any:
        """The objective at x."""
        return self._passes.value(x)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Its gradient, `(n,)`; from the pass that gave the value at the same x."""
        return self._passes.gradient(x)

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """The constraints at x, `(m,)`."""
        if self._last is None or not np.array_equal(self._last[0], x):
            found = self.rows(x)
            if is_traced(found):
                raise _leaked(found)
            self._last = x.copy(), np.asarray(found, float)
        return self._last[1]

    def jacobianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the entries of the Jacobian of the constraints."""
        return self._jacobian.rows, self._jacobian.cols

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """These entries at x, in the same order."""
        return self._jacobian.data(x)

    def hessianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the entries of the Hessian of the Lagrangian, lower triangle."""
        return self._hessian.rows, self._hessian.cols

    def hessian(self, x: np.ndarray, lagrange: np.ndarray, obj_factor: float) -> np.ndarray:
        """These entries, of `obj_factor * objective + lagrange @ constraints`, in the same order."""
        return self._hessian.data(x, lagrange, obj_factor)

    # -- solvers

    def ipopt(
        self, lower: Any = 0.0, upper: Any = 0.0, bounds: Any = (-np.inf, np.inf), **options: Any
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Solves the program with IPOPT, which the extra `chainrule[ipopt]` brings.

        `lower <= constraints(x) <= upper`; bounds are a pair for x; options are IPOPT's own. Returns x, of the shape of
        x0, and cyipopt's report.
        """
        try:
            import cyipopt  # pyright: ignore[reportMissingImports]  (an extra)
        except ImportError as error:
            raise ImportError('nlp: IPOPT is not installed: pip install "chainrule[ipopt]"') from error
        low, high = (np.broadcast_to(np.asarray(b, float), self.shape).ravel() for b in bounds)
        problem = cyipopt.Problem(  # pyright: ignore[reportAttributeAccessIssue]
            n=self.n,
            m=self.m,
            problem_obj=self,
            lb=np.clip(low, -IPOPT_INFINITY, None),
            ub=np.clip(high, None, IPOPT_INFINITY),
            cl=np.clip(np.broadcast_to(np.asarray(lower, float), self.m), -IPOPT_INFINITY, None),
            cu=np.clip(np.broadcast_to(np.asarray(upper, float), self.m), None, IPOPT_INFINITY),
        )
        for name, value in options.items():
            problem.add_option(name, value)
        x, info = problem.solve(self.x0)
        return np.reshape(x, self.shape), info

    def trust_constr(self, lower: Any = 0.0, upper: Any = 0.0) -> dict[str, Any]:
        """The arguments for `scipy.optimize.minimize(**program.trust_constr(lower, upper))`: sparse matrices."""
        import scipy.optimize

        empty = np.zeros(self.m)
        arguments = {
            "fun": self.objective,
            "x0": self.x0,
            "jac": self.gradient,
            "hess": lambda x: self._symmetric(self.hessian(x, empty, 1.0)),
            "method": "trust-constr",
        }
        if not self.m:
            return arguments
        jac: Any = lambda x: self._csr(self._jacobian, self.jacobian(x))  # noqa: E731
        hess: Any = lambda x, v: self._symmetric(self.hessian(x, v, 0.0))  # noqa: E731
        rows = scipy.optimize.NonlinearConstraint(self.constraints, lower, upper, jac, hess)
        return {**arguments, "constraints": [rows]}

    def _csr(self, fixed: Fixed, data: np.ndarray) -> Any:
        import scipy.sparse

        return scipy.sparse.csr_array((data, fixed.indices, fixed.indptr), fixed.shape)

    def _symmetric(self, data: np.ndarray) -> Any:
        import scipy.sparse

        L = self._csr(self._hessian, data)
        return (L + scipy.sparse.tril(L, -1).T).tocsr()

    def __repr__(self) -> str:
        entries = f"{len(self._jacobian.rows)} entries in the Jacobian, {len(self._hessian.rows)} in the Hessian"
        return f"<NonlinearProgram of {self.n} unknowns and {self.m} constraints, {entries}>"


IPOPT_INFINITY = 2e19
"""What IPOPT takes for infinity, and more"""


def _leaked(value: Any) -> LeakedTracerError:
    return LeakedTracerError(f"nlp: a function uses a traced value from outside (at {user_line()}): pass plain arrays")


def nlp(objective: Callable[..., Any], constraints: Callable[..., Any] | None, x0: Any) -> NonlinearProgram:
    """A nonlinear program with exact sparse derivatives, for IPOPT and for SciPy's trust-constr.

    Parameters
    ----------
    objective : callable
        A NumPy function of x that returns a single number.
    constraints : callable or None
        A NumPy function of x that returns an array, or a tree of arrays, whose elements are to lie between limits.
    x0 : array of floats
        Where to start, of any shape.

    Returns
    -------
    NonlinearProgram
        An object with the methods that `cyipopt.Problem` calls: objective, gradient, constraints, jacobian,
        jacobianstructure, hessian (of the Lagrangian) and hessianstructure. `program.ipopt(lower, upper, bounds)`
        solves it; `program.trust_constr(lower, upper)` gives the arguments for `scipy.optimize.minimize`.

    Raises
    ------
    TypeError
        If x0 is not floating point.
    ValueError
        If the objective is no single number, if x0 is not finite, or, later, if an entry comes up that x0 had not.

    Notes
    -----
    Cost: a sparse Jacobian and a sparse Hessian for the structure. The value and the gradient at one x share a pass.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.optimize
    >>> import chainrule as cr
    >>> program = cr.nlp(lambda x: np.sum(x**2), lambda x: x[:-1] * x[1:], np.full(3, 2.0))
    >>> program
    <NonlinearProgram of 3 unknowns and 2 constraints, 4 entries in the Jacobian, 5 in the Hessian>
    >>> found = scipy.optimize.minimize(**program.trust_constr(1.0, np.inf))
    >>> np.round(found.x, 2)
    array([0.84, 1.19, 0.84])
    """
    return NonlinearProgram(objective, constraints, x0)

"""What is not differentiable here: SciPy's other solvers, each refused by its name with what stands in for it."""

from typing import Any

import scipy.optimize

from ...ops.signatures.tools import refuse
from ..namespace import instead_of

REASONS = {
    "use minimize": "fmin fmin_bfgs fmin_cg fmin_cobyla fmin_l_bfgs_b fmin_ncg fmin_powell fmin_slsqp fmin_tnc",
    "use minimize_scalar": "brent fminbound golden",
    "use root, or chainrule.newton": "anderson broyden1 broyden2 diagbroyden excitingmixing linearmixing newton_krylov",
    "use least_squares": "leastsq",
    "pass stop_gradient of the arguments, and what it finds as x0 to minimize": "basinhopping brute direct "
    "differential_evolution dual_annealing shgo",
    "its solution has whole numbers, and jumps": "milp quadratic_assignment",
    "it is a step of a solver": "bracket line_search",
    "chainrule.grad is exact": "approx_fprime check_grad",
    "it has no rule here": "isotonic_regression rosen rosen_der rosen_hess rosen_hess_prod",
}
BY_NAME = {name: reason for reason, names in REASONS.items() for name in names.split()}


def function_refused(name: str) -> Any:
    def function(*args, **kwargs):
        raise refuse(f"scipy.optimize.{name}", f"no derivative: {BY_NAME[name]}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"It is not differentiable here: {BY_NAME[name]}."
    return instead_of(getattr(scipy.optimize, name))(function)


functions = {name: function_refused(name) for name in BY_NAME if hasattr(scipy.optimize, name)}

"""scipy.optimize with exact derivatives: for its solvers, and of what they find.

SciPy's own arguments. Where a derivative may be given and is not, SciPy gets the exact one, in the format that its
method takes: a dense or a sparse Jacobian, a Hessian or products with it. And what is found can be differentiated in
`args`, and in the bounds and constraints, in both modes and to any order, by the implicit function theorem; what a
function uses of traced values must be among its arguments.
"""

import scipy.optimize

from ..namespace import passing_through
from .fitting import curve_fit as curve_fit, least_squares as least_squares
from .minimization import minimize as minimize, minimize_scalar as minimize_scalar
from .programs import (
    linear_sum_assignment as linear_sum_assignment,
    linprog as linprog,
    lsq_linear as lsq_linear,
    nnls as nnls,
)
from .refused import functions as _refused
from .roots import (
    bisect as bisect,
    brenth as brenth,
    brentq as brentq,
    fixed_point as fixed_point,
    fsolve as fsolve,
    newton as newton,
    ridder as ridder,
    root as root,
    root_scalar as root_scalar,
    toms748 as toms748,
)

globals().update(_refused)
__getattr__, __dir__ = passing_through(scipy.optimize)

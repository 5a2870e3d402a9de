"""scipy.integrate on traced arrays: integrals of samples and of functions, and initial and boundary value problems.

What a function that is integrated uses of traced values must be among its arguments, `args`.
"""

import scipy.integrate

from ..namespace import passing_through
from .boundary_value import solve_bvp as solve_bvp
from .initial_value import odeint as odeint, solve_ivp as solve_ivp
from .quadrature import (
    dblquad as dblquad,
    nquad as nquad,
    quad as quad,
    quad_vec as quad_vec,
    tplquad as tplquad,
)
from .samples import (
    cumulative_simpson as cumulative_simpson,
    cumulative_trapezoid as cumulative_trapezoid,
    fixed_quad as fixed_quad,
    romb as romb,
    simpson as simpson,
    trapezoid as trapezoid,
)

__getattr__, __dir__ = passing_through(scipy.integrate)

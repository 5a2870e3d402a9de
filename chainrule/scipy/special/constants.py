"""What has no derivative: functions of whole numbers, which are constant, and those that are refused by name."""

from typing import Any

import numpy as np
import scipy.special

from ...core.errors import MissingRuleError, user_line
from ...core.trace import Tracer
from ...ops.signatures.tools import plain
from ...ops.special.table import refusal
from ..namespace import instead_of


def fixed(x: Any, function: str, argument: str) -> Any:
    """`x`, an argument of scipy.special's `function` in which it has no rule: it must be a constant."""
    if isinstance(x, Tracer) and x.dtype.kind in "fc":
        refusal(f"scipy.special.{function}", argument)()
    return x


def whole_number(x: Any, function: str, argument: str) -> int:
    """`x` as an integer that is not negative: it counts something."""
    number = plain(fixed(x, function, argument), f"scipy.special.{function}: {argument}")
    if np.ndim(number) or number < 0 or int(number) != number:
        raise ValueError(f"{argument} must be a non-negative integer.")
    return int(number)


@instead_of(scipy.special.stirling2)
def stirling2(N, K, *, exact=False):
    """The number of ways to part N things into K sets. It is constant."""
    N, K = (plain(x, "scipy.special.stirling2") for x in (N, K))
    return scipy.special.stirling2(N, K, exact=exact)


# ---- refused --------------------------------------------------------------------------------------------------------

PARAMETERS = "its parameters are constants: the derivatives in them are not those of a polynomial"
ROOTS = "the roots and weights are constants: their derivatives in the parameters are not written"
EIGENVALUE = "it comes with an eigenvalue, whose slope is a mean value over the eigenfunction"
LAME = "a function of Lamé, whose polynomial SciPy does not give: its derivative is not written"
GONE = "it is gone from SciPy 1.17 on: use assoc_legendre_p_all, or lpmv"

REFUSED = {
    **dict.fromkeys(("jacobi", "genlaguerre", "gegenbauer", "sh_jacobi"), PARAMETERS),
    **dict.fromkeys(("roots_jacobi", "roots_genlaguerre", "roots_gegenbauer", "roots_sh_jacobi"), ROOTS),
    **dict.fromkeys(("j_roots", "la_roots", "cg_roots", "js_roots"), ROOTS),
    **dict.fromkeys(("mathieu_even_coef", "mathieu_odd_coef", "obl_cv_seq", "pro_cv_seq"), EIGENVALUE),
    **dict.fromkeys(("ellip_harm", "ellip_harm_2", "ellip_normal"), LAME),
    **dict.fromkeys(("lpmn", "clpmn"), GONE),
    "btdtr": "it is gone from SciPy 1.14 on: use betainc",
    "btdtri": "it is gone from SciPy 1.14 on: use betaincinv",
}
"""Functions, with the reason and what to do."""


def refused_function(name: str) -> Any:
    def function(*args, **kwargs):
        raise MissingRuleError(f"scipy.special.{name}: {REFUSED[name]} (used with a traced array at {user_line()})")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"It is not differentiable here: {REFUSED[name]}."
    return instead_of(getattr(scipy.special, name))(function)


refused = {name: refused_function(name) for name in REFUSED if hasattr(scipy.special, name)}

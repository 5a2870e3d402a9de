"""What has no derivative: answers about a matrix, which are constant, and functions that are refused by name."""

from typing import Any

import scipy.linalg

from ...core.trace import concrete
from ..namespace import instead_of
from .arguments import refuse

# ---- answers --------------------------------------------------------------------------------------------------------


@instead_of(scipy.linalg.bandwidth)
def bandwidth(a):
    """How many diagonals there are below and above the main one. It is constant."""
    return scipy.linalg.bandwidth(concrete(a, "scipy.linalg.bandwidth"))


@instead_of(scipy.linalg.issymmetric)
def issymmetric(a, atol=None, rtol=None):
    """Whether a matrix is symmetric. It is constant."""
    return scipy.linalg.issymmetric(concrete(a, "scipy.linalg.issymmetric"), atol, rtol)


@instead_of(scipy.linalg.ishermitian)
def ishermitian(a, atol=None, rtol=None):
    """Whether a matrix is Hermitian. It is constant."""
    return scipy.linalg.ishermitian(concrete(a, "scipy.linalg.ishermitian"), atol, rtol)


# ---- refused --------------------------------------------------------------------------------------------------------

VECTORS = "the matrix does not determine its vectors up to the sign: use eig, or functions of the matrix"
UPDATE = "it keeps signs that the matrix does not determine: use qr of the changed matrix"

REFUSED = {
    "cossin": VECTORS,
    "expm_cond": "it is a norm of an operator that SciPy computes as a matrix of n**2 rows: use expm_frechet",
    "funm": "the derivative of a function given in Python is not known: use expm, logm, sqrtm, ..., or eig",
    "hessenberg": "Householder's reflections have no rule here: use eigvals, or functions of the matrix itself",
    "ldl": "its blocks depend on pivots: use cholesky, lu, or eigh",
    "ordqz": VECTORS,
    "qr_delete": UPDATE,
    "qr_insert": UPDATE,
    "qr_update": UPDATE,
    "qz": VECTORS,
    "rsf2csf": VECTORS,
    "schur": VECTORS,
}
"""Functions, with the reason and what to do."""


def refusal(name: str) -> Any:
    def function(*args, **kwargs):
        raise refuse(name, REFUSED[name])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"It is not differentiable here: {REFUSED[name]}."
    return instead_of(getattr(scipy.linalg, name))(function)


refused = {name: refusal(name) for name in REFUSED if hasattr(scipy.linalg, name)}

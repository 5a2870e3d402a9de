"""Dirichlet's kernel, and functions of Legendre of whole degree and order, which are constants.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

import math
from typing import Any

import numpy as np
import scipy.special

from ...core.trace import bind
from ...ops.families import elementwise
from ...ops.signatures.tools import array
from ..namespace import instead_of
from .constants import fixed, whole_number
from .exponentials import floating

# ---- Dirichlet's kernel ---------------------------------------------------------------------------------------------


PI_HIGH = math.floor(math.pi * 2**25) / 2**25
PI_LOW = math.pi - PI_HIGH + math.sin(math.pi)
"""The number pi in two parts: the first has so few digits that multiples of it are exact."""


@instead_of(scipy.special.diric)
def diric(x, n):
    """sin(n x / 2) / (n sin(x / 2)); differentiable in x.

    The quotient of two cardinal sines of the distance from the nearest multiple of 2 pi, where it would be 0 / 0.
    """
    n = array(fixed(n, "diric", "n"))
    half = 0.5 * (floating(x) + (n - n))
    turns = np.rint(half / np.pi)
    rest = ((half - turns * PI_HIGH) - turns * PI_LOW) / np.pi
    sign = 1 - 2 * np.remainder(turns * (n - 1), 2)
    return np.where((n <= 0) | (n != np.floor(n)), np.nan, sign * np.sinc(n * rest) / np.sinc(rest))


# ---- functions of Legendre of the second kind -----------------------------------------------------------------------


def second_kind(m, n, z):
    """Q_n^m(z), all three broadcast against each other."""
    m, n, z = map(np.asarray, (m, n, z))
    top = int(np.max(m, initial=0)), int(np.max(n, initial=0))
    table = np.stack([scipy.special.lqmn(*top, v)[0] for v in np.ravel(z)] or [np.zeros((1, 1), z.dtype)], -1)
    return table[m, n, np.arange(z.size).reshape(z.shape)]


def second_kind_slope(m, n, z):
    """See 14.10.4."""
    return ((n + 1) * z * bind(legendre_q, m, n, z) - (n + 1 - m) * bind(legendre_q, m, n + 1, z)) / (1 - z * z)


legendre_q = elementwise(
    second_kind, name="scipy.special.lqmn", d=(None, None, lambda a, b, c: second_kind_slope(a, b, c))
)


@instead_of(scipy.special.lqn)
def lqn(n, z):
    """The functions Q of Legendre up to degree n, and their derivatives; differentiable in z."""
    n, z = whole_number(n, "lqn", "n"), floating(z)
    args = 0, counting(n, z.ndim), z
    return bind(legendre_q, *args), second_kind_slope(*args)


@instead_of(scipy.special.lqmn)
def lqmn(m, n, z):
    """The functions Q of Legendre up to order m and degree n, and their derivatives; differentiable in z."""
    m, n, z = whole_number(m, "lqmn", "m"), whole_number(n, "lqmn", "n"), floating(z)
    args = counting(m, z.ndim + 1), counting(n, z.ndim), z
    return bind(legendre_q, *args), second_kind_slope(*args)


def counting(n: int, ndim: int) -> np.ndarray:
    """0, ..., n, in front of so many axes."""
    return np.arange(n + 1).reshape(-1, *(1,) * ndim)


def derivatives_of_legendre(n: Any, z: Any, count: int) -> list[Any]:
    """P_n(z) and its first derivatives, by 18.9.19: Gegenbauer's polynomials."""
    found = [scipy.special.eval_legendre(n, z).astype(z.dtype)]
    factor = 1.0
    for k in range(1, count + 1):
        factor *= 2 * k - 1
        found.append((factor * scipy.special.eval_gegenbauer(n - k, k + 0.5, z)).astype(z.dtype))
    return found


# ---- of the first kind, of releases up to 1.16 ----------------------------------------------------------------------


def lpn(n, z):
    """The polynomials of Legendre up to degree n, and their derivatives; differentiable in z."""
    n, z = whole_number(n, "lpn", "n"), floating(z)
    return tuple(derivatives_of_legendre(counting(n, z.ndim), z.astype(np.result_type(z.dtype, float)), 1))


of_older_releases = {
    f.__name__: instead_of(getattr(scipy.special, f.__name__))(f) for f in (lpn,) if hasattr(scipy.special, f.__name__)
}

"""Spherical Bessel functions, what is made of them, and sequences of functions of consecutive orders.

The order is a constant. Equation numbers are those of the Digital Library of Mathematical Functions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from ...core.trace import bind
from ...ops.families import elementwise
from ...ops.fft import real_dtype
from ...ops.signatures.tools import array, plain, refuse
from ...ops.special.polynomials import below
from ..namespace import instead_of
from .constants import fixed, whole_number

# ---- spherical Bessel functions, each with its slope, which has no division by z -------------------------------------


def neighbours(primitive: Any, n: Any, z: Any) -> tuple[Any, Any]:
    """n f_(n-1) / (2n + 1) and (n + 1) f_(n+1) / (2n + 1)."""
    lower, upper = bind(primitive, below(n), z), bind(primitive, n + 1, z)
    low, high = (c.astype(real_dtype(upper.dtype)) for c in (n / (2 * n + 1), (n + 1) / (2 * n + 1)))
    return np.where(n == 0, 0, low * lower), high * upper


def falling(primitive: Any, n: Any, z: Any) -> Any:
    """See 10.51.2. Where f_n is infinite, the second term is by far the larger one."""
    lower, upper = neighbours(primitive, n, z)
    return np.where(np.isinf(upper), -upper, lower - upper)


def rising(primitive: Any, n: Any, z: Any) -> Any:
    """See 10.51.5."""
    lower, upper = neighbours(primitive, n, z)
    return lower + upper


jn = elementwise(
    lambda n, z: scipy.special.spherical_jn(n, z),
    name="scipy.special.spherical_jn",
    d=(None, lambda a, b: falling(jn, a, b)),
)
yn = elementwise(
    lambda n, z: scipy.special.spherical_yn(n, z),
    name="scipy.special.spherical_yn",
    d=(None, lambda a, b: falling(yn, a, b)),
)
in_ = elementwise(
    lambda n, z: scipy.special.spherical_in(n, z),
    name="scipy.special.spherical_in",
    d=(None, lambda a, b: rising(in_, a, b)),
)
kn = elementwise(
    lambda n, z: scipy.special.spherical_kn(n, z),
    name="scipy.special.spherical_kn",
    d=(None, lambda a, b: -rising(kn, a, b)),
)


def orders(n: Any, function: str) -> Any:
    return array(fixed(n, function, "n")).astype(int)


@instead_of(scipy.special.spherical_jn)
def spherical_jn(n, z, derivative=False):
    """The spherical Bessel function of the first kind, or its derivative; differentiable in z."""
    n, z = orders(n, "spherical_jn"), array(z)
    return falling(jn, n, z) if derivative else bind(jn, n, z)


@instead_of(scipy.special.spherical_yn)
def spherical_yn(n, z, derivative=False):
    """The spherical Bessel function of the second kind, or its derivative; differentiable in z."""
    n, z = orders(n, "spherical_yn"), array(z)
    return falling(yn, n, z) if derivative else bind(yn, n, z)


@instead_of(scipy.special.spherical_in)
def spherical_in(n, z, derivative=False):
    """The modified spherical Bessel function of the first kind, or its derivative; differentiable in z."""
    n, z = orders(n, "spherical_in"), array(z)
    return rising(in_, n, z) if derivative else bind(in_, n, z)


@instead_of(scipy.special.spherical_kn)
def spherical_kn(n, z, derivative=False):
    """The modified spherical Bessel function of the second kind, or its derivative; differentiable in z."""
    n, z = orders(n, "spherical_kn"), array(z)
    return -rising(kn, n, z) if derivative else bind(kn, n, z)


# ---- sequences, and their derivatives -------------------------------------------------------------------------------


def number(x: Any) -> Any:
    x = array(x)
    if x.shape:
        raise ValueError("arguments must be scalars.")
    return x if x.dtype.kind in "fc" else x.astype(float)


def times_argument(function: Callable[..., Any], n: int, x: Any) -> tuple[Any, Any]:
    f = function(np.arange(n + 1), x)
    return x * f, f + x * function(np.arange(n + 1), x, derivative=True)


@instead_of(scipy.special.riccati_jn)
def riccati_jn(n, x):
    """x times the spherical Bessel functions of the first kind up to order n, and the derivatives; each in x."""
    return times_argument(spherical_jn, whole_number(n, "riccati_jn", "n"), number(x))


@instead_of(scipy.special.riccati_yn)
def riccati_yn(n, x):
    """x times the spherical Bessel functions of the second kind up to order n, and the derivatives; each in x."""
    return times_argument(spherical_yn, whole_number(n, "riccati_yn", "n"), number(x))


def up_to(v: Any, function: str, least: int) -> np.ndarray:
    """The orders from the fraction of v up to v, and at least so many."""
    v = float(plain(fixed(v, function, "v"), f"scipy.special.{function}: v"))
    if v < 0:
        raise refuse(f"scipy.special.{function}", "it has rules for orders of at least 0")
    return v - int(v) + np.arange(max(int(v) + 1, least))


@instead_of(scipy.special.lmbda)
def lmbda(v, x):
    """Jahnke and Emden's functions Lambda up to order v, and the derivatives; differentiable in x."""
    v, x = up_to(v, "lmbda", 1), number(x)
    q = -0.25 * x * x  # 10.16.9
    return scipy.special.hyp0f1(v + 1, q), -0.5 * x / (v + 1) * scipy.special.hyp0f1(v + 2, q)


@instead_of(scipy.special.pbdv_seq)
def pbdv_seq(v, x):
    """The parabolic cylinder functions D up to order v, and the derivatives; differentiable in x."""
    return scipy.special.pbdv(up_to(v, "pbdv_seq", 2), number(x))


@instead_of(scipy.special.pbvv_seq)
def pbvv_seq(v, x):
    """The parabolic cylinder functions V up to order v, and the derivatives; differentiable in x."""
    return scipy.special.pbvv(up_to(v, "pbvv_seq", 2), number(x))


@instead_of(scipy.special.pbdn_seq)
def pbdn_seq(n, z):
    """The parabolic cylinder functions D up to order n, as complex numbers, and the derivatives; each in z."""
    n, z = len(up_to(n, "pbdn_seq", 2)) - 1, number(z)
    if z.dtype.kind == "c":
        raise refuse("scipy.special.pbdn_seq", "SciPy's values for a complex z are not those of D; take a real one")
    z = z.astype(complex)
    values = [np.exp(-0.25 * z * z)]
    values.append(z * values[0])
    for k in range(1, n):  # 12.8.1
        values.append(z * values[k] - k * values[k - 1])
    slopes = [-0.5 * z * values[0]] + [k * values[k - 1] - 0.5 * z * values[k] for k in range(1, n + 1)]  # 12.8.2
    return np.stack(values), np.stack(slopes)

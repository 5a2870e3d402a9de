"""Functions of Legendre of the first kind, and spherical harmonics, with as many derivatives as asked for.

SciPy has them since release 1.15. Degree and order are constants. Equation numbers are those of the Digital Library of
Mathematical Functions, https://dlmf.nist.gov.
"""

import operator
from typing import Any

import numpy as np
import scipy.special

from ...core.trace import bind
from ...ops.families import elementwise
from ...ops.signatures.tools import array
from ..namespace import instead_of
from .constants import fixed, whole_number
from .exponentials import floating
from .polynomials import counting, derivatives_of_legendre

# ---- the operations -------------------------------------------------------------------------------------------------


def associated(normalized: bool) -> Any:
    """The functions w^e D^k P_n(z), D being d/dz, which contain P_n^k: that is the one with e = k.

    Here w is P_1^1: -sqrt(1 - z^2), or sqrt(z^2 - 1) beyond 1 (`cut` 3), so that w w' is z or -z. So the slope is
    a sum of two of them, whatever e is, and even powers of w never become negative: at 1 and -1 polynomials have all
    derivatives. With `normalized` they are divided by the norm of P_n^k.
    """

    def run(n, k, e, z, cut):
        p = scipy.special.assoc_legendre_p(n, k, z, branch_cut=cut, norm=normalized)[0]
        if np.all(e == k):
            return p.astype(z.dtype)
        w = scipy.special.assoc_legendre_p(1, 1, z, branch_cut=cut)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(w == 0, at_end(n, k, e, z, cut), p * np.power(w, e - k)).astype(z.dtype)

    def at_end(n, k, e, z, cut):
        inside = k <= n
        count = scipy.special.poch(np.where(inside, n - k + 1.0, 1.0), 2.0 * k)
        slope = np.where(inside, count / (2.0**k * scipy.special.gamma(k + 1.0)), 0)
        slope = slope * np.where(np.real(z) < 0, (-1.0) ** (n - k), 1.0)
        if normalized:
            slope = slope * np.sqrt((n + 0.5) / count)
        return np.where(e == 0, slope, np.where(e > 0, 0.0, np.where(cut == 2, -np.inf, np.inf) * slope))

    def derivative(n, k, e, z, cut, order=1):
        """That of w^e D^k P_n."""
        if order == 0:
            return bind(primitive, n, k, e, z, cut)
        less = np.where(e == 0, e, e - 2)
        rest = z * derivative(n, k, less, z, cut, order - 1)
        if order > 1:
            rest = rest + (order - 1) * derivative(n, k, less, z, cut, order - 2)
        up = derivative(n, k + 1, e, z, cut, order - 1)
        if normalized:
            up = up * np.sqrt(np.maximum((n - k) * (n + k + 1), 0)).astype(z.dtype)
        return (e * np.where(cut == 2, -1, 1)).astype(z.dtype) * rest + up

    name = "scipy.special.assoc_legendre_p" + ".normalized" * normalized
    d = (None, None, None, lambda a, b, c, d, e: derivative(a, b, c, d, e), None)
    primitive = elementwise(run, name=name, d=d)
    return derivative


def spherical(n: Any, m: Any, theta: Any, order: int) -> Any:
    """The derivative of that order of the polar part of a spherical harmonic: with those of m + 1 and m - 1, 14.10.

    SciPy takes the absolute value of the sine.
    """
    if order == 0:
        return bind(polar, n, m, theta)
    up = np.sqrt(np.maximum((n - m) * (n + m + 1), 0)).astype(theta.dtype)
    down = np.sqrt(np.maximum((n + m) * (n - m + 1), 0)).astype(theta.dtype)
    sign = np.where(np.sin(theta) < 0, -0.5, 0.5).astype(theta.dtype)
    return sign * (up * spherical(n, m + 1, theta, order - 1) - down * spherical(n, m - 1, theta, order - 1))


associated_p, normalized_p = associated(False), associated(True)
polar = elementwise(
    lambda n, m, theta: scipy.special.sph_legendre_p(n, m, theta)[0].astype(theta.dtype),
    name="scipy.special.sph_legendre_p",
    d=(None, None, lambda a, b, c: spherical(a, b, c, 1)),
)


def associated_of(n: Any, m: Any, z: Any, cut: Any, norm: bool, count: int) -> Any:
    cut, k = array(cut), np.abs(m)
    # Those of order -k are proportional to those of order k, 14.9.3 and 14.9.13.
    factor = np.where((m < 0) & (cut == 2), (-1.0) ** k, 1.0)
    if not norm:
        inside = (m < 0) & (k <= n)
        factor = factor / np.where(inside, scipy.special.poch(np.where(inside, n - k + 1.0, 1.0), 2.0 * k), 1)
    derivative, factor = normalized_p if norm else associated_p, factor.astype(z.dtype)
    return np.stack([factor * derivative(n, k, k, z, cut, order) for order in range(count + 1)])


def polar_of(n: Any, m: Any, theta: Any, count: int) -> Any:
    return np.stack([spherical(n, m, theta, order) for order in range(count + 1)])


def harmonics_of(n: Any, m: Any, theta: Any, phi: Any, count: int) -> Any:
    turn = 1j * m.astype(phi.dtype)
    wave = np.exp(turn * phi)
    p = [spherical(n, m, theta, order) * wave for order in range(count + 1)]
    if not count:
        return p[0]
    gradient = np.stack([p[1], turn * p[0]], -1)
    if count == 1:
        return p[0], gradient
    mixed = turn * p[1]
    return p[0], gradient, np.stack([np.stack([p[2], mixed], -1), np.stack([mixed, turn * turn * p[0]], -1)], -2)


# ---- arguments ------------------------------------------------------------------------------------------------------


def degree(n: Any, function: str, argument: str = "n") -> Any:
    n = array(fixed(n, function, argument))
    if n.dtype.kind not in "iub":
        raise TypeError(f"scipy.special.{function}: {argument} must be an integer")
    return n.astype(int)


def degrees_and_orders(n: Any, m: Any, function: str, ndim: int) -> tuple[Any, Any]:
    """All of them, as the functions called _all have them: the orders 0, ..., m, -m, ..., -1."""
    m = abs(operator.index(m))
    both = np.concatenate([np.arange(m + 1), np.arange(-m, 0)])
    return counting(whole_number(n, function, "n"), ndim + 1), both.reshape(-1, *(1,) * ndim)


def in_precision(original: Any, orders: int, diff_n: Any, *zs: Any) -> Any:
    """The number of derivatives, if SciPy takes that, and `zs` in the precision of its result."""
    zs = tuple(map(floating, zs))
    y = original(*(0,) * orders, *(np.zeros((), z.dtype) for z in zs), diff_n=diff_n)
    precision = np.finfo((y[0] if isinstance(y, tuple) else y).dtype).dtype
    return operator.index(diff_n), *(z.astype(np.result_type(precision, z.dtype)) for z in zs)


# ---- the functions --------------------------------------------------------------------------------------------------


@instead_of(scipy.special.legendre_p)
def legendre_p(n, z, *, diff_n=0):
    """The polynomials of Legendre and their derivatives up to order diff_n; differentiable in z."""
    count, z = in_precision(scipy.special.legendre_p, 1, diff_n, z)
    return np.stack(derivatives_of_legendre(degree(n, "legendre_p"), z, count))


@instead_of(scipy.special.legendre_p_all)
def legendre_p_all(n, z, *, diff_n=0):
    """Those of all degrees up to n, along the second axis."""
    count, z = in_precision(scipy.special.legendre_p_all, 1, diff_n, z)
    return np.stack(derivatives_of_legendre(counting(whole_number(n, "legendre_p_all", "n"), z.ndim), z, count))


@instead_of(scipy.special.assoc_legendre_p)
def assoc_legendre_p(n, m, z, *, branch_cut=2, norm=False, diff_n=0):
    """The associated functions of Legendre and their derivatives up to order diff_n; differentiable in z."""
    count, z = in_precision(scipy.special.assoc_legendre_p, 2, diff_n, z)
    n, m = degree(n, "assoc_legendre_p"), degree(m, "assoc_legendre_p", "m")
    return associated_of(n, m, z, branch_cut, norm, count)


@instead_of(scipy.special.assoc_legendre_p_all)
def assoc_legendre_p_all(n, m, z, *, branch_cut=2, norm=False, diff_n=0):
    """Those of all degrees up to n, along the second axis, and all orders from -m to m, along the third."""
    count, z = in_precision(scipy.special.assoc_legendre_p_all, 2, diff_n, z)
    if operator.index(m) < 0:
        raise ValueError("m must be a non-negative integer.")
    n, m = degrees_and_orders(n, m, "assoc_legendre_p_all", max(z.ndim, np.ndim(branch_cut)))
    return associated_of(n, m, z, branch_cut, norm, count)


@instead_of(scipy.special.sph_legendre_p)
def sph_legendre_p(n, m, theta, *, diff_n=0):
    """The polar part of spherical harmonics and its derivatives up to order diff_n; differentiable in theta."""
    count, theta = in_precision(scipy.special.sph_legendre_p, 2, diff_n, theta)
    return polar_of(degree(n, "sph_legendre_p"), degree(m, "sph_legendre_p", "m"), theta, count)


@instead_of(scipy.special.sph_legendre_p_all)
def sph_legendre_p_all(n, m, theta, *, diff_n=0):
    """Those of all degrees up to n, along the second axis, and all orders from -m to m, along the third."""
    count, theta = in_precision(scipy.special.sph_legendre_p_all, 2, diff_n, theta)
    return polar_of(*degrees_and_orders(n, m, "sph_legendre_p_all", theta.ndim), theta, count)


@instead_of(scipy.special.sph_harm_y)
def sph_harm_y(n, m, theta, phi, *, diff_n=0):
    """The spherical harmonics, and their gradients and Hessians up to diff_n; differentiable in theta and phi."""
    count, theta, phi = in_precision(scipy.special.sph_harm_y, 2, diff_n, theta, phi)
    return harmonics_of(degree(n, "sph_harm_y"), degree(m, "sph_harm_y", "m"), theta, phi, count)


@instead_of(scipy.special.sph_harm_y_all)
def sph_harm_y_all(n, m, theta, phi, *, diff_n=0):
    """Those of all degrees up to n, along the first axis, and all orders from -m to m, along the second."""
    count, theta, phi = in_precision(scipy.special.sph_harm_y_all, 2, diff_n, theta, phi)
    n, m = degrees_and_orders(n, m, "sph_harm_y_all", max(theta.ndim, phi.ndim))
    return harmonics_of(n, m, theta, phi, count)

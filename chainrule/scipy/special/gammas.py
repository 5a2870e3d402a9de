"""Gamma functions that are no ufuncs, and numbers of arrangements, which are gamma functions of real numbers.

They are written in ufuncs of scipy.special, as SciPy's are, and have the derivatives of these.
"""

from typing import Any

import numpy as np
import scipy.special

from ...core.trace import Tracer, bind
from ...ops.control import check
from ...ops.signatures.tools import array, plain, refuse
from ..namespace import instead_of
from .constants import fixed


@instead_of(scipy.special.polygamma)
def polygamma(n, x):
    """The derivative of order n of the digamma function; differentiable in x, by the next one."""
    n, x = array(fixed(n, "polygamma", "n")), array(x)
    factor = (-1.0) ** (n + 1) * scipy.special.gamma(n + 1.0)
    return np.where(n == 0, scipy.special.psi(x), factor * scipy.special.zeta(n + 1, x))


@instead_of(scipy.special.multigammaln)  # pyright: ignore[reportAttributeAccessIssue]
def multigammaln(a, d):
    """The logarithm of the multivariate gamma function in d dimensions; differentiable in a."""
    a, d = array(a), np.asarray(plain(fixed(d, "multigammaln", "d"), "scipy.special.multigammaln: d"))[()]
    if np.ndim(d) or np.floor(d) != d:
        raise ValueError("d should be a positive integer (dimension)")
    low = 0.5 * (d - 1)
    bind(check, a > low, error=ValueError, message=f"multigammaln: a must be larger than (d - 1) / 2, which is {low}")
    return d * (d - 1) * 0.25 * np.log(np.pi) + sum(scipy.special.gammaln(a - j / 2) for j in range(int(d)))


# ---- numbers of arrangements ----------------------------------------------------------------------------------------


@instead_of(scipy.special.comb)
def comb(N, k, *, exact=False, repetition=False):
    """The number of ways to choose k of N things; differentiable in N and k."""
    if exact:
        return scipy.special.comb(*integers("comb", N, k), exact=True, repetition=repetition)
    N, k = array(N), array(k)
    if repetition:
        return np.where((k == 0) & (N >= 0), 1.0, scipy.special.binom(N + k - 1, k))
    return np.where(possible(N, k), scipy.special.binom(N, k), 0.0)


@instead_of(scipy.special.perm)
def perm(N, k, exact=False):
    """The number of ways to choose k of N things in order; differentiable in N and k."""
    if exact:
        return scipy.special.perm(*integers("perm", N, k), exact=True)
    N, k = array(N), array(k)
    return np.where(possible(N, k), scipy.special.poch(N - k + 1, k), 0.0)


def integers(name: str, *xs: Any) -> list[Any]:
    """The plain values of these, which have no derivative."""
    if any(isinstance(x, Tracer) and x.dtype.kind in "fc" for x in xs):
        raise refuse(f"scipy.special.{name}", "exact=True is for integers, which have no derivative: leave it away")
    return [plain(x, f"scipy.special.{name}") for x in xs]


def possible(N: Any, k: Any) -> Any:
    return (k <= N) & (N >= 0) & (k >= 0)


@instead_of(scipy.special.factorial)
def factorial(n, exact=False, extend="zero"):
    """gamma(n + 1); differentiable in n, and constant where it is an integer."""
    return multifactorial("factorial", n, 1, exact, extend)


@instead_of(scipy.special.factorial2)
def factorial2(n, exact=False, extend="zero"):
    """The product of every second number; with extend="complex" it is differentiable in n."""
    return multifactorial("factorial2", n, 2, exact, extend)


@instead_of(scipy.special.factorialk)
def factorialk(n, k, exact=False, extend="zero"):
    """The product of every k-th number; with extend="complex" it is differentiable in n."""
    return multifactorial("factorialk", n, plain(fixed(k, "factorialk", "k"), "factorialk: k"), exact, extend)


def multifactorial(name: str, n: Any, k: Any, exact: bool, extend: str) -> Any:
    real = name == "factorial" and extend == "zero" and not exact
    if not isinstance(n, Tracer) or n.dtype.kind not in ("f" if real else "fc") or not (real or extend == "complex"):
        # Integers, or an error. SciPy has had `extend` since 1.15.
        args = (plain(n, f"scipy.special.{name}"), *([k] if name == "factorialk" else []))
        return getattr(scipy.special, name)(*args, exact=exact, **({} if extend == "zero" else {"extend": extend}))
    if exact:
        raise ValueError("Incompatible options: `exact=True` and `extend='complex'`")
    if k == 0:
        raise ValueError("Parameter k cannot be zero!")
    if extend == "zero":
        values = np.where(n < 0, 0.0, scipy.special.gamma(n + 1))
        return values.astype(float) if n.shape else values
    if k == 1:
        return gamma_of_next(n)
    in_complex = isinstance(k, complex) or k < 0
    base, power = (complex(k), (n / k).astype(complex)) if in_complex else (k, n / k)
    factor = scipy.special.rgamma(1 / k + 1) / base ** (1 / k)
    return np.power(base, power) * gamma_of_next(n / k) * factor.item()


def gamma_of_next(n: Any) -> Any:
    """gamma(n + 1), of a real number NaN at the pole next to 0."""
    values = scipy.special.gamma(n + 1)
    return values if values.dtype.kind == "c" else np.where(n == -1, np.nan, values)

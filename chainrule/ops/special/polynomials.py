"""Orthogonal polynomials, and functions of Legendre: the degree and the parameters are constants.

Equation numbers are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov. The derivative of
each polynomial is another of one degree less, so that none divides by 1 - x^2.
"""

import numpy as np
import scipy.special as sc

from ...core.trace import NUMBERS
from .table import Unknown, common, special

N, ALPHA, BETA, P, Q = map(Unknown, ("n", "alpha", "beta", "p", "q"))


def below(n):
    """n - 1, and 0 for 0: where the factor n takes care of it, and SciPy knows no degree of -1."""
    return (n - 1 if n else n) if type(n) in NUMBERS else np.where(n == 0, n, n - 1)


def jacobi_slope(n, alpha, beta, x):
    """See 18.9.15."""
    n, alpha, beta, x = common(n, alpha, beta, x)
    factor = np.where(n == 0, 0.0, 0.5 * (n + alpha + beta + 1))
    return factor * sc.eval_jacobi(below(n), alpha + 1, beta + 1, x)


eval_jacobi = special(sc.eval_jacobi, d=(N, ALPHA, BETA, lambda a, b, c, d: jacobi_slope(a, b, c, d)))
eval_sh_jacobi = special(  # monic
    sc.eval_sh_jacobi,
    d=(N, P, Q, lambda a, b, c, d: a * sc.eval_sh_jacobi(below(a), b + 2, c + 1, d)),
)
eval_gegenbauer = special(  # 18.9.19
    sc.eval_gegenbauer, d=(N, ALPHA, lambda a, b, c: 2 * b * sc.eval_gegenbauer(a - 1, b + 1, c))
)
eval_chebyt = special(sc.eval_chebyt, d=(N, lambda a, b: a * sc.eval_chebyu(a - 1, b)))  # 18.9.21
eval_chebyu = special(sc.eval_chebyu, d=(N, lambda a, b: 2 * sc.eval_gegenbauer(a - 1, 2.0, b)))
eval_chebyc = special(sc.eval_chebyc, d=(N, lambda a, b: a * sc.eval_chebys(a - 1, b)))  # 2 T_n(x/2)
eval_chebys = special(sc.eval_chebys, d=(N, lambda a, b: sc.eval_gegenbauer(a - 1, 2.0, 0.5 * b)))  # U_n(x/2)
eval_sh_chebyt = special(sc.eval_sh_chebyt, d=(N, lambda a, b: 2 * a * sc.eval_sh_chebyu(a - 1, b)))  # T_n(2x-1)
eval_sh_chebyu = special(sc.eval_sh_chebyu, d=(N, lambda a, b: 4 * sc.eval_gegenbauer(a - 1, 2.0, 2 * b - 1)))
eval_legendre = special(sc.eval_legendre, d=(N, lambda a, b: sc.eval_gegenbauer(a - 1, 1.5, b)))
eval_sh_legendre = special(sc.eval_sh_legendre, d=(N, lambda a, b: 2 * sc.eval_gegenbauer(a - 1, 1.5, 2 * b - 1)))
eval_laguerre = special(sc.eval_laguerre, d=(N, lambda a, b: -sc.eval_genlaguerre(a - 1, 1.0, b)))  # 18.9.23
eval_genlaguerre = special(sc.eval_genlaguerre, d=(N, ALPHA, lambda a, b, c: -sc.eval_genlaguerre(a - 1, b + 1.0, c)))
eval_hermite = special(sc.eval_hermite, d=(N, lambda a, b: 2 * a * sc.eval_hermite(below(a), b)))  # 18.9.25
eval_hermitenorm = special(sc.eval_hermitenorm, d=(N, lambda a, b: a * sc.eval_hermitenorm(below(a), b)))


def lpmv_slope(m, v, x, y):
    """See 14.10.5."""
    m, v, x = common(m, v, x)
    return (v * x * y - (v + m) * sc.lpmv(m, v - 1, x)) / (x * x - 1)


lpmv = special(sc.lpmv, d=(Unknown("m"), Unknown("v"), lambda a, b, c, y: lpmv_slope(a, b, c, y)))

"""The ufuncs of scipy.special, one entry each; a page by subject.

SciPy is slow to import, so this package is imported when the first of its ufuncs meets a traced array
(ops/signatures/ufuncs.py). Not here are the functions that have no derivative in terms of others of scipy.special:
those raise by name.
"""

from . import bessel, distributions, elementary, elliptic, errors, gamma, hypergeometric, polynomials

__all__ = ["bessel", "distributions", "elementary", "elliptic", "errors", "gamma", "hypergeometric", "polynomials"]

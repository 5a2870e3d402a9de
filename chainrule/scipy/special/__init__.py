"""scipy.special on traced arrays: its functions that are no ufuncs.

Degrees, orders and numbers of things are constants, unless it says otherwise. The ufuncs, and functions that SciPy has
written in them (`jvp`, `softplus`, `sinc`, ...), are differentiable as they are.

Examples
--------
>>> import numpy as np
>>> import chainrule as cr
>>> from chainrule.scipy import special
>>> cr.grad(special.logsumexp)(np.log([1.0, 2.0, 5.0]))
array([0.125, 0.25 , 0.625])
>>> cr.grad(lambda x: special.polygamma(0, x))(1.0)  # pi^2 / 6
np.float64(1.6449340668482266)
"""

import scipy.special

from ..namespace import passing_through
from .bessel import (
    lmbda as lmbda,
    pbdn_seq as pbdn_seq,
    pbdv_seq as pbdv_seq,
    pbvv_seq as pbvv_seq,
    riccati_jn as riccati_jn,
    riccati_yn as riccati_yn,
    spherical_in as spherical_in,
    spherical_jn as spherical_jn,
    spherical_kn as spherical_kn,
    spherical_yn as spherical_yn,
)
from .constants import (
    refused,
    stirling2 as stirling2,
)
from .exponentials import (
    log_softmax as log_softmax,
    logsumexp as logsumexp,
    softmax as softmax,
)
from .gammas import (
    comb as comb,
    factorial as factorial,
    factorial2 as factorial2,
    factorialk as factorialk,
    multigammaln as multigammaln,
    perm as perm,
    polygamma as polygamma,
)
from .polynomials import (
    diric as diric,
    lqmn as lqmn,
    lqn as lqn,
    of_older_releases,
)

if hasattr(scipy.special, "legendre_p"):  # SciPy 1.15
    from .harmonics import (
        assoc_legendre_p as assoc_legendre_p,
        assoc_legendre_p_all as assoc_legendre_p_all,
        legendre_p as legendre_p,
        legendre_p_all as legendre_p_all,
        sph_harm_y as sph_harm_y,
        sph_harm_y_all as sph_harm_y_all,
        sph_legendre_p as sph_legendre_p,
        sph_legendre_p_all as sph_legendre_p_all,
    )

globals().update(refused | of_older_releases)

__getattr__, __dir__ = passing_through(scipy.special)

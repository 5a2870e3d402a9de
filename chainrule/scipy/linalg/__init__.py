"""scipy.linalg on traced arrays.

Functions of a single matrix take stacks of them, along leading axes. Only what SciPy reads of a matrix gets a gradient:
one triangle, one half of the diagonals. Where a result is not determined by the matrix (the vectors of a repeated
eigenvalue, the phase of a complex one), asking for its derivative raises LinAlgError.

Examples
--------
>>> import numpy as np
>>> import chainrule as cr
>>> from chainrule.scipy import linalg
>>> cr.grad(lambda a: np.trace(linalg.expm(a)))(np.array([[0.0, 1.0], [0.0, 0.0]]))
array([[1., 0.],
       [1., 1.]])
"""

import scipy.linalg

from ..namespace import passing_through
from .banded import (
    cho_solve_banded as cho_solve_banded,
    cholesky_banded as cholesky_banded,
    solve_banded as solve_banded,
    solveh_banded as solveh_banded,
)
from .constants import (
    bandwidth as bandwidth,
    ishermitian as ishermitian,
    issymmetric as issymmetric,
    refused,
)
from .eigenvalues import (
    cdf2rdf as cdf2rdf,
    eig as eig,
    eigvals as eigvals,
    matrix_balance as matrix_balance,
)
from .equations import (
    solve_continuous_are as solve_continuous_are,
    solve_continuous_lyapunov as solve_continuous_lyapunov,
    solve_discrete_are as solve_discrete_are,
    solve_discrete_lyapunov as solve_discrete_lyapunov,
    solve_lyapunov as solve_lyapunov,
    solve_sylvester as solve_sylvester,
)
from .factors import (
    cho_factor as cho_factor,
    cho_solve as cho_solve,
    cholesky as cholesky,
    lu as lu,
    lu_factor as lu_factor,
    lu_solve as lu_solve,
    orthogonal_procrustes as orthogonal_procrustes,
    polar as polar,
    qr as qr,
    qr_multiply as qr_multiply,
    rq as rq,
)
from .functions import (
    coshm as coshm,
    cosm as cosm,
    expm as expm,
    expm_frechet as expm_frechet,
    fractional_matrix_power as fractional_matrix_power,
    logm as logm,
    signm as signm,
    sinhm as sinhm,
    sinm as sinm,
    sqrtm as sqrtm,
    tanhm as tanhm,
    tanm as tanm,
)
from .hermitian_eigenvalues import (
    eig_banded as eig_banded,
    eigh as eigh,
    eigh_tridiagonal as eigh_tridiagonal,
    eigvals_banded as eigvals_banded,
    eigvalsh as eigvalsh,
    eigvalsh_tridiagonal as eigvalsh_tridiagonal,
)
from .singular_values import (
    diagsvd as diagsvd,
    lstsq as lstsq,
    norm as norm,
    null_space as null_space,
    orth as orth,
    pinv as pinv,
    pinvh as pinvh,
    subspace_angles as subspace_angles,
    svd as svd,
    svdvals as svdvals,
)
from .solving import (
    det as det,
    inv as inv,
    solve as solve,
    solve_triangular as solve_triangular,
)
from .special_matrices import (
    block_diag as block_diag,
    circulant as circulant,
    clarkson_woodruff_transform as clarkson_woodruff_transform,
    companion as companion,
    convolution_matrix as convolution_matrix,
    fiedler as fiedler,
    fiedler_companion as fiedler_companion,
    hankel as hankel,
    khatri_rao as khatri_rao,
    leslie as leslie,
    matmul_toeplitz as matmul_toeplitz,
    of_older_releases,
    solve_circulant as solve_circulant,
    solve_toeplitz as solve_toeplitz,
    toeplitz as toeplitz,
)

globals().update(refused | of_older_releases)

__getattr__, __dir__ = passing_through(scipy.linalg)

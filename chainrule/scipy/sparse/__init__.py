"""scipy.sparse on traced arrays: products with constant sparse matrices, and matrices whose stored values are traced.

A sparse matrix of SciPy's, as a constant, meets traced arrays in the user's own code: `A @ x`, `x @ A`, `A * x`. A
matrix of which the values are traced is made with the functions here instead of SciPy's; with plain values they give
SciPy's own matrices.

Examples
--------
>>> import numpy as np
>>> import chainrule as cr
>>> from chainrule.scipy import sparse
>>> b = np.array([1.0, 0.0, 2.0])
>>> def energy(d):
...     A = sparse.diags_array([-d, 4 + 0 * b, -d], offsets=[-1, 0, 1])
...     return b @ sparse.linalg.spsolve(A.tocsc(), b)
>>> cr.grad(energy)(np.array([1.0, 1.0]))
array([0.13010204, 0.2372449 ])
"""

import importlib

import scipy.sparse

from ..namespace import passing_through
from .constructors import (
    block_array as block_array,
    block_diag as block_diag,
    bmat as bmat,
    bsr_array as bsr_array,
    bsr_matrix as bsr_matrix,
    coo_array as coo_array,
    coo_matrix as coo_matrix,
    csc_array as csc_array,
    csc_matrix as csc_matrix,
    csr_array as csr_array,
    csr_matrix as csr_matrix,
    dia_array as dia_array,
    dia_matrix as dia_matrix,
    diags as diags,
    diags_array as diags_array,
    dok_array as dok_array,
    dok_matrix as dok_matrix,
    find as find,
    hstack as hstack,
    issparse as issparse,
    isspmatrix as isspmatrix,
    kron as kron,
    kronsum as kronsum,
    lil_array as lil_array,
    lil_matrix as lil_matrix,
    spdiags as spdiags,
    tril as tril,
    triu as triu,
    vstack as vstack,
)
from .matrices import Sparse as Sparse

_others, __dir__ = passing_through(scipy.sparse)


def __getattr__(name: str):
    return importlib.import_module(f"{__name__}.linalg") if name == "linalg" else _others(name)

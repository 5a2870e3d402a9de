"""Sparse Jacobians and Hessians of functions of one vector."""

from .jacobian import hessian, jacobian


def sparse_jacobian(f, x):
    return jacobian(f, sparse=True)(x)


def sparse_hessian(f, x):
    return hessian(f, sparse=True)(x)

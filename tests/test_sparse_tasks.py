"""Sparse derivatives of whole programs (`sparse_tasks.py`) against those by hand, and against dense ones."""

import numpy as np
import pytest

import chainrule as cr
from sparse_tasks import HESSIANS, JACOBIANS

MAKERS = {**JACOBIANS, **HESSIANS}
every_program = pytest.mark.parametrize("name", MAKERS)


def derivative(task, **options):
    transform = cr.hessian if task.hessian else cr.jacobian
    return transform(lambda x: task.f(np, x), **options)


def structure(J):
    J = J.tocsr().sorted_indices()
    return J.indptr, J.indices


@every_program
@pytest.mark.parametrize("n", [60, 3000])
def test_against_the_derivative_by_hand(name, n):
    task = MAKERS[name](n)
    expected = task.by_hand()(task.x).copy()
    found = derivative(task, sparse=True)(task.x)
    assert found.shape == expected.shape
    assert abs(found - expected).max() <= 1e-13 * abs(expected).max()


@every_program
def test_against_the_dense_derivative(name):
    task = MAKERS[name](60)
    dense = derivative(task)(task.x)
    found = derivative(task, sparse=True)(task.x).toarray()
    np.testing.assert_allclose(found, dense, rtol=0, atol=1e-13 * np.abs(dense).max())


@every_program
def test_no_entry_more_than_by_hand(name):
    """Where a program has entries that no input makes different from zero, the pattern may have them too."""
    task = MAKERS[name](300)
    expected = task.by_hand()(task.x)
    found = derivative(task, sparse=True)(task.x)
    for ours, by_hand in zip(structure(found), structure(expected), strict=True):
        np.testing.assert_array_equal(ours, by_hand)

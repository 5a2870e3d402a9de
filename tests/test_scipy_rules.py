"""Every operation of chainrule.scipy by the columns of tests/columns.py, but those of linalg, special and fft.

The tests of these three modules run their own. What the functions make of an operation is in the tests of each module.
"""

import importlib
import pkgutil

import numpy as np
import pytest
import scipy.sparse as sp

import chainrule as cr
import chainrule.scipy
import columns
from cases import Case
from chainrule.core.primitive import PRIMITIVES
from chainrule.scipy import integrate, signal, sparse, stats
from chainrule.scipy.sparse import linalg as sparse_linalg

for _, module, _ in pkgutil.walk_packages(chainrule.scipy.__path__, "chainrule.scipy."):
    importlib.import_module(module)

ELSEWHERE = ("scipy.linalg.", "scipy.special.", "scipy.fft.")
OPERATIONS = [name for name in PRIMITIVES if name.startswith("scipy.") and not name.startswith(ELSEWHERE)]

rng = np.random.default_rng(5)
A = sp.random_array((5, 4), density=0.5, rng=rng, format="csr")
SQUARE = sp.csr_array(np.diag([4.0, 5.0, 6.0]) + sp.random_array((3, 3), density=0.7, rng=rng).toarray())
SYMMETRIC = sp.csr_array(np.diag([1.0, 3.0, 7.0, 12.0, 20.0]) + 0.1)


def matrix(data, like):
    return sparse.csr_array((data, like.indices, like.indptr), shape=like.shape)


x, X, b = rng.normal(size=4), rng.normal(size=(4, 2)), rng.normal(size=3)
EXACT = {"rtol": 1e-10, "atol": 1e-10}


def decay(y, t, k):
    return -k * y * np.sin(t + 1)


def braked(y, t, k):
    return -k * y**2


EXAMPLES = {
    "scipy.sparse.product": [
        (lambda x: A @ x, x),
        (lambda x: A @ x, X),
        (lambda data, x: matrix(data, A) @ x, A.data, x),
        (lambda data, x: matrix(data, A).T @ x, A.data, rng.normal(size=5)),
    ],
    "scipy.sparse.sample": [
        (lambda x: cr.grad(lambda data: np.sum((matrix(data, A) @ x) ** 2))(A.data), x),
        (lambda x: cr.grad(lambda data: np.sum((matrix(data, A) @ x) ** 2))(A.data), X),
    ],
    "scipy.sparse.solve": [
        (lambda data, b: sparse_linalg.spsolve(matrix(data, SQUARE), b), SQUARE.data, b),
        (lambda b: sparse_linalg.spsolve(sparse.csr_array(SQUARE), b), b),
    ],
    "scipy.sparse.values": [
        (lambda data: sparse_linalg.eigsh(matrix(data, SYMMETRIC), k=2, return_eigenvectors=False), SYMMETRIC.data),
    ],
    "scipy.sparse.pairs": [
        (lambda data: np.abs(sparse_linalg.eigsh(matrix(data, SYMMETRIC), k=2)[1]), SYMMETRIC.data),
    ],
    "scipy.signal.convolve": [
        (lambda a, b: signal.convolve(a, b, mode="same"), rng.normal(size=7), rng.normal(size=3)),
        (lambda a, b: signal.fftconvolve(a, b, axes=1), rng.normal(size=(2, 6)), rng.normal(size=(2, 4))),
        (lambda a, b: signal.convolve2d(a, b, mode="valid"), rng.normal(size=(5, 4)), rng.normal(size=(2, 3))),
    ],
    "scipy.signal.lfilter": [
        (lambda b, a, x: signal.lfilter(b, a, x), rng.normal(size=3), np.array([1.2, 0.3, -0.2]), rng.normal(size=8)),
        (lambda x, zi: signal.lfilter([0.5, 0.2], [1.0, -0.4], x, zi=zi)[0], rng.normal(size=6), np.array([0.3])),
    ],
    "scipy.stats.function": [
        (lambda x, a: stats.gamma.logcdf(x, a), np.array([0.5, 2.0, 3.0]), 1.7),
        (lambda x, a, b: stats.beta.logcdf(x, a, b), np.array([0.3, 0.8]), 1.2, 1.9),
        (lambda q, a, b: stats.beta.ppf(q, a, b), np.array([[0.3], [0.8]]), np.array([1.2, 2.5]), np.float64(1.9)),
        (lambda p: stats.binom.logcdf(np.arange(3), 5, p), 0.4),
    ],
    "scipy.stats.constant": [(lambda x, m: x * stats.poisson.ppf(x, m), np.array([0.3, 0.9]), 4.0)],
    "scipy.integrate.quad": [
        (lambda a, b, k: integrate.quad(lambda x, k: np.exp(-k * x), a, b, args=(k,), epsabs=1e-13)[0], 0.2, 1.3, 0.7),
    ],
    "scipy.integrate.ode": [
        (lambda y, k: integrate.odeint(decay, y, [0.0, 0.5, 1.0], args=(k,), **EXACT), np.ones(2), 0.7),
        (lambda y, k: integrate.odeint(braked, y, [0.0, 0.5, 1.0], args=(k,), **EXACT), np.ones(2), 0.7),
        (lambda y, t, k: integrate.odeint(decay, y, t, args=(k,), **EXACT), np.ones(2), np.array([0.0, 0.4]), 0.7),
    ],
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, monkeypatch):
    assert EXAMPLES.get(name), f"there is no example of {name}"
    cases = [Case(name, f"{name}, {i}", f, tuple(xs), 1) for i, (f, *xs) in enumerate(EXAMPLES[name])]
    monkeypatch.setattr(columns, "examples_of", lambda name: cases)
    for column, holds in columns.OF_PRIMITIVES.items():
        if columns.applies(column, PRIMITIVES[name]):
            holds(name)

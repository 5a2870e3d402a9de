"""Behaviours that tend to be wrong, one after the other: what is right, in both modes, and once more differentiated.

Each line has a function, where it is looked at, and its gradient; and the Hessian, where that means something. Where
another answer than the one that is mathematically right (or usual) is given, the line of docs/choices.md that says why
is named in a comment.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.special as sc
from numpy.testing import assert_allclose

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of what is infinite
nan, inf = np.nan, np.inf


class Right(NamedTuple):
    """What is right: `slopes`, a gradient by each of `args`, and `bend`, the Hessian by the only one."""

    f: Any
    args: tuple[Any, ...]
    slopes: tuple[Any, ...]
    bend: Any = None


def at(f, *args, slope=None, slopes=None, bend=None):
    args = tuple(np.array(a, float) if isinstance(a, list) else a for a in args)
    return Right(f, args, (slope,) if slopes is None else slopes, bend)


def none(*shape):
    return np.zeros(shape + shape)


def assigned(x):
    y = np.zeros(1, like=x)
    y[np.array([0, 0])] = x
    return 2 * y[0]


X = np.array([0.0, -1.0, 4.0])
A = np.array([[1.0, 2.0], [3.0, 4.0]])
FIRST = np.array([True, False])
SOME = np.array([[True, False], [True, True], [False, False]])
SYMMETRIC = np.array([[2.0, 1.0], [1.0, 3.0]])
TALL = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]])

BEHAVIOURS = {
    # 1: structural zeros through infinite and undefined slopes
    "where around a square root": at(
        lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)), X, slope=[0, 0, 0.25], bend=np.diag([0, 0, -1 / 32])
    ),
    # 2
    "an element that was not read": at(lambda x: np.log(x)[1], [0.0, 2.0], slope=[0, 0.5], bend=np.diag([0, -0.25])),
    "a mask that selects": at(
        lambda x: np.sum(np.where(FIRST, 0, np.sqrt(x))), [0.0, 4.0], slope=[0, 0.25], bend=np.diag([0, -1 / 32])
    ),
    # choices.md, "Zero times infinity is not zero": a mask that is multiplied is arithmetic
    "a mask that is multiplied": at(lambda x: np.sqrt(x) * 0.0, 0.0, slope=nan),
    # 3. choices.md, "Zero times infinity is not zero": inf in the middle, and 0 * inf behind it
    "a sigmoid written out": at(lambda x: 1 / (1 + np.exp(-x)), -800.0, slope=nan),
    "a sigmoid": at(sc.expit, -800.0, slope=0, bend=0),
    "a sigmoid by tanh": at(lambda x: 0.5 * (1 + np.tanh(x / 2)), -800.0, slope=0, bend=0),
    # 4. The forward pass overflows: what cr.checked says of it is below
    "log1p of exp": at(lambda x: np.log1p(np.exp(x)), 800.0, slope=nan),
    "logaddexp": at(lambda x: np.logaddexp(0, x), 800.0, slope=1, bend=0),
    "a softmax by logaddexp": at(
        lambda x: np.exp(x - np.logaddexp.reduce(x))[0], [1000.0, 0.0], slope=[0, 0], bend=none(2)
    ),
    # 5
    "logsumexp of nothing": at(np.logaddexp.reduce, [-inf, -inf], slope=[0, 0], bend=none(2)),
    # 6
    "logsumexp of an infinity": at(np.logaddexp.reduce, [inf, 0.0], slope=[1, 0], bend=none(2)),
    "logaddexp of an infinity": at(np.logaddexp, inf, 0.0, slopes=(1, 0)),
    "logaddexp of two infinities": at(np.logaddexp, inf, inf, slopes=(0.5, 0.5)),
    # 7
    "abs": at(np.abs, 0.0, slope=0, bend=0),
    "the norm of order 1": at(lambda x: np.linalg.norm(x, 1), [0.0, 2.0], slope=[0, 1], bend=none(2)),
    # 8. choices.md, "A distance has slope 0 where it is 0"; sqrt has an infinite slope there: this is another program
    "the square root of a square": at(lambda x: np.sqrt(x**2), 0.0, slope=nan),
    # 9
    "a norm": at(np.linalg.norm, [0.0, 0.0], slope=[0, 0]),
    "a norm of order 3": at(lambda x: np.linalg.norm(x, 3), [0.0, 0.0], slope=[0, 0]),
    "a norm of a complex vector": at(np.linalg.norm, np.zeros(2, complex), slope=[0, 0]),
    # 10. choices.md, "A distance has slope 0 where it is 0": taken twice, so its Hessian is 0 where 2 I is the truth
    "a norm squared": at(lambda x: np.linalg.norm(x) ** 2, [0.0, 0.0], slope=[0, 0], bend=none(2)),
    "a square of a norm": at(lambda x: x @ x, [0.0, 0.0], slope=[0, 0], bend=2 * np.eye(2)),
    # 11
    "sqrt": at(np.sqrt, 0.0, slope=inf),
    "arcsin": at(np.arcsin, 1.0, slope=inf),
    "arccosh": at(np.arccosh, 1.0, slope=inf),
    # 12
    "max with ties": at(np.max, [1.0, 1.0, 0.0], slope=[0.5, 0.5, 0], bend=none(3)),
    "amax with ties": at(np.amax, [1.0, 1.0, 0.0], slope=[0.5, 0.5, 0]),
    "the method max with ties": at(lambda x: x.max(axis=0), [1.0, 1.0, 0.0], slope=[0.5, 0.5, 0]),
    "maximum.reduce with ties": at(np.maximum.reduce, [1.0, 1.0, 0.0], slope=[0.5, 0.5, 0]),
    "nanmax with ties": at(np.nanmax, [1.0, 1.0, nan], slope=[0.5, 0.5, 0]),
    "the infinite norm with ties": at(lambda x: np.linalg.norm(x, inf), [1.0, -1.0, 0.0], slope=[0.5, -0.5, 0]),
    "min with ties": at(np.min, [1.0, 1.0, 3.0], slope=[0.5, 0.5, 0]),
    # 13
    "maximum of x and 0": at(lambda x: np.maximum(x, 0), 0.0, slope=0.5, bend=0),
    "a relu by where": at(lambda x: np.where(x > 0, x, 0.0), 0.0, slope=0, bend=0),
    "clip at its ends": at(lambda x: np.sum(np.clip(x, 0, 1)), [0.0, 1.0], slope=[1, 1], bend=none(2)),
    "clip from below": at(lambda x: np.clip(x, 0, None), 0.0, slope=1),
    # 14
    "sort with ties": at(lambda x: np.sort(x) @ np.array([1.0, 2.0, 4.0]), [1.0, 0.0, 0.0], slope=[4, 1, 2]),
    "sort along an axis": at(lambda x: np.sum(np.sort(x, axis=0)[0]), A, slope=[[1, 1], [0, 0]]),
    "partition": at(lambda x: np.partition(x, 1)[1], [3.0, 1.0, 2.0], slope=[0, 0, 1]),
    "partition along an axis": at(lambda x: np.sum(np.partition(x, 1, axis=0)[1]), A, slope=[[0, 0], [1, 1]]),
    # 15
    "median of four": at(np.median, [1.0, 2.0, 3.0, 4.0], slope=[0, 0.5, 0.5, 0], bend=none(4)),
    "median with ties": at(np.median, [1.0, 2.0, 2.0, 4.0], slope=[0, 0.5, 0.5, 0]),
    "median of equal elements": at(np.median, [2.0, 2.0, 2.0], slope=[0, 1, 0]),  # choices.md, "Order"
    "quantile": at(lambda x: np.quantile(x, 0.25), [1.0, 2.0, 3.0, 4.0], slope=[0.25, 0.75, 0, 0]),
    # 16. choices.md, "Steps": zero, and no warning
    "floor": at(np.floor, 1.5, slope=0, bend=0),
    "round": at(np.round, 1.5, slope=0, bend=0),
    "sign": at(np.sign, 0.0, slope=0, bend=0),
    "heaviside": at(lambda x: np.heaviside(x, 0.5), 0.0, slope=0, bend=0),
    "argmax": at(lambda x: x[np.argmax(x)] + np.argmax(x), [1.0, 3.0], slope=[0, 1], bend=none(2)),
    "a comparison": at(lambda x: np.sum((x > 0) * 1.0), [1.0, -3.0], slope=[0, 0], bend=none(2)),
    "integers": at(lambda x: np.sum(x.astype(int)), [1.0, -3.0], slope=[0, 0], bend=none(2)),
    # 17
    "prod with a zero": at(np.prod, [0.0, 2.0, 3.0], slope=[6, 0, 0], bend=[[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
    "prod with two zeros": at(np.prod, [0.0, 0.0, 3.0], slope=[0, 0, 0], bend=[[0, 3, 0], [3, 0, 0], [0, 0, 0]]),
    # 18
    "cumprod through a zero": at(
        lambda x: np.cumprod(x)[2], [0.0, 2.0, 3.0], slope=[6, 0, 0], bend=[[0, 3, 2], [3, 0, 0], [2, 0, 0]]
    ),
    # 19: to third order below
    "x**0": at(lambda x: x**0, 0.0, slope=0, bend=0),
    "x**0.0 of a negative number": at(lambda x: x**0.0, -1.0, slope=0, bend=0),
    "x**1": at(lambda x: x**1, 0.0, slope=1, bend=0),
    "x**2.0": at(lambda x: x**2.0, 0.0, slope=0, bend=2),
    # 20. choices.md, "Powers": 0 by convention, where -inf is the limit
    "x**x": at(lambda x: x**x, 0.0, slope=0),
    "0**y": at(lambda y: 0.0**y, 0.0, slope=0),
    "0**y at 2": at(lambda y: 0.0**y, 2.0, slope=0, bend=0),
    # 21. choices.md, "Powers": a negative base has no real logarithm; the warning is NumPy's
    "(-1)**y": at(lambda y: (-1.0) ** y, 2.0, slope=nan),
    "x**2 of a negative number": at(lambda x: x**2, -1.0, slope=-2, bend=2),
    # 22
    "std of equal elements": at(np.std, [1.0, 1.0], slope=[0, 0]),
    "var of one element": at(lambda x: np.var(x, ddof=1), [1.0], slope=[nan]),
    # 23
    "arctan2": at(np.arctan2, 0.0, 0.0, slopes=(0, 0)),
    "hypot": at(np.hypot, 0.0, 0.0, slopes=(0, 0)),
    "sinc": at(np.sinc, 0.0, slope=0, bend=-(np.pi**2) / 3),
    # choices.md, "Special functions": xlogy has slope 0 where both arguments make the term 0; entr has the limit
    "xlogy": at(lambda x: sc.xlogy(x, x), 0.0, slope=0),
    "entr": at(sc.entr, 0.0, slope=inf),
    # 24
    "sum where": at(lambda x: np.sum(x, where=FIRST), [2.0, 3.0], slope=[1, 0], bend=none(2)),
    "mean where": at(lambda x: np.mean(x, where=FIRST), [2.0, 3.0], slope=[1, 0]),
    "prod where": at(lambda x: np.prod(x, where=FIRST), [2.0, 3.0], slope=[1, 0]),
    "var where": at(
        lambda x: np.var(x, where=np.array([True, True, False])),
        [2.0, 4.0, 7.0],
        slope=[-1, 1, 0],
        bend=[[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 0]],
    ),
    "max where": at(lambda x: np.max(x, initial=0, where=FIRST), [2.0, 3.0], slope=[1, 0]),
    "max with an initial value that wins": at(lambda x: np.max(x, initial=5), [2.0, 3.0], slope=[0, 0]),
    # 25
    "where, broadcast": at(lambda x: np.sum(np.where(SOME, x, 0)), [1.0, 2.0], slope=[2, 1], bend=none(2)),
    "einsum, broadcast": at(lambda x, y: np.einsum("i,i", x, y), [1.0, 2.0], [3.0], slopes=([3, 3], [3])),
    "norm along an axis": at(
        lambda x: np.sum(np.linalg.norm(x, axis=1, keepdims=True)),
        [[3.0, 4.0], [0.0, 1.0]],
        slope=[[0.6, 0.8], [0, 1]],
    ),
    # 26
    "a trace by einsum": at(lambda x: np.einsum("ii->", x), A, slope=np.eye(2), bend=none(2, 2)),
    "a diagonal by einsum": at(lambda x: np.einsum("ii->i", x) @ np.array([1.0, 2.0]), A, slope=[[1, 0], [0, 2]]),
    "a repeated index in a product": at(
        lambda x, y: np.sum(np.einsum("iij,jk->k", x, y)),
        np.ones((2, 2, 2)),
        A,
        slopes=([[[3, 7], [0, 0]], [[0, 0], [3, 7]]], np.full((2, 2), 2)),
    ),
    # 27
    "an index read twice": at(
        lambda x: np.sum(x[np.array([0, 0, 1])] ** 2), [1.0, 2.0], slope=[4, 4], bend=np.diag([4, 2])
    ),
    "take_along_axis": at(
        lambda x: np.sum(np.take_along_axis(x, np.array([0, 0]), 0) ** 2),
        [1.0, 2.0],
        slope=[4, 0],
        bend=np.diag([4, 0]),
    ),
    # 28
    "an index written twice": at(assigned, [1.0, 2.0], slope=[0, 2], bend=none(2)),
    # 30
    "det of a singular matrix": at(
        np.linalg.det,
        [[1.0, 2.0], [2.0, 4.0]],
        slope=[[4, -2], [-2, 1]],
        bend=[[[[0, 0], [0, 1]], [[0, 0], [-1, 0]]], [[[0, -1], [0, 0]], [[1, 0], [0, 0]]]],
    ),
    "det of rank n - 2": at(np.linalg.det, np.outer([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]), slope=np.zeros((3, 3))),
    # 31: the function rebuilt of the vectors raises, below
    "eigenvalues of the identity": at(lambda a: np.sum(np.linalg.eigvalsh(a)), np.eye(2), slope=np.eye(2)),
    "exp of eigenvalues of the identity": at(
        lambda a: np.sum(np.exp(np.linalg.eigvalsh(a))), np.eye(2), slope=np.e * np.eye(2)
    ),
    # 32
    "singular values of the identity": at(lambda a: np.sum(np.linalg.svdvals(a)), np.eye(2), slope=np.eye(2)),
    # choices.md, "Norms": slope 0 in a singular value that is 0
    "the nuclear norm of zero": at(lambda a: np.linalg.norm(a, "nuc"), np.zeros((2, 2)), slope=np.zeros((2, 2))),
    # 33: what raises, below
    "lstsq": at(
        lambda b: np.sum(np.linalg.lstsq(TALL, b)[0]),
        np.ones(3),
        slope=np.sum(np.linalg.pinv(TALL), axis=0),
        bend=none(3),
    ),
    "the qr of a wide matrix": at(
        lambda a: (lambda q, r: np.sum(TALL.T * (q @ r)))(*np.linalg.qr(a)), TALL.T + 0.3, slope=TALL.T
    ),
    "a matrix to a power": at(lambda a: np.trace(np.linalg.matrix_power(a, 3)), A, slope=3 * (A @ A).T),
    "the 2-norm of a matrix": at(lambda a: np.linalg.norm(a, 2), np.diag([3.0, 2.0]), slope=np.diag([1, 0])),
    # 34. choices.md, "One triangle": the gradient is that of the function of the triangle that is read
    "cholesky": at(lambda a: np.sum(np.log(np.diag(np.linalg.cholesky(a)))), SYMMETRIC, slope=[[0.3, 0], [-0.2, 0.2]]),
    "eigh": at(lambda a: np.sum(np.linalg.eigh(a)[0] ** 2), SYMMETRIC, slope=[[4, 0], [4, 6]]),
    "the upper triangle": at(lambda a: np.sum(np.linalg.eigvalsh(a, "U") ** 2), SYMMETRIC, slope=[[4, 4], [0, 6]]),
    # 35
    "eig of a matrix that is not symmetric": at(
        lambda a: np.sum(np.real(np.linalg.eig(a)[0]) ** 2),
        A,
        slope=2 * A.T,
        bend=[[[[2, 0], [0, 0]], [[0, 0], [2, 0]]], [[[0, 2], [0, 0]], [[0, 0], [0, 2]]]],
    ),
    # 39
    "Re(z^2)": at(lambda z: np.real(z**2), 1 + 2j, slope=2 - 4j),
    "the size of a complex number": at(np.abs, 0j, slope=0),
    "the angle of a complex number": at(np.angle, 0j, slope=0),
    "a real number in a complex program": at(lambda x: np.abs(x * (1 + 2j)) ** 2, 2.0, slope=20, bend=10),
    # 40
    "an input that does not matter": at(lambda a, b: a * 1.0, 1.0, [1.0, 1.0], slopes=(1, [0, 0])),
    "nested": at(lambda x: x * cr.grad(lambda y: x + y)(1.0), 1.0, slope=1, bend=0),
    # and more
    "sqrt(x)**2": at(lambda x: np.sqrt(x) ** 2, 0.0, slope=nan),  # choices.md, "Zero times infinity is not zero"
    "rfft of odd length": at(
        lambda x: np.sum(np.abs(np.fft.rfft(x)[1:]) ** 2),
        [1.0, 0.0, 0.0],
        slope=[2, -1, -1],
        bend=[[2, -1, -1], [-1, 2, -1], [-1, -1, 2]],
    ),
    "np.gradient": at(lambda x: np.gradient(x) @ np.array([1.0, 2.0, 4.0]), [1.0, 2.0, 4.0], slope=[-2, -3, 5]),
    "clip by arrays": at(lambda x, low: np.sum(np.clip(x, low, None)), [1.0, 2.0], [0.0, 3.0], slopes=([1, 0], [0, 1])),
    "repeat by an array": at(lambda x: np.sum(np.repeat(x, np.array([2, 1])) ** 2), [1.0, 2.0], slope=[4, 4]),
    "roll by an array": at(lambda x: np.roll(x, np.array(1))[0], [1.0, 2.0], slope=[0, 1]),
    "copy and dot": at(lambda x: x.copy().dot(x), [1.0, 2.0], slope=[2, 4], bend=2 * np.eye(2)),
    "whole division": at(lambda x: np.sum(x // 2 + x), [1.0, 3.0], slope=[1, 1]),
    "add.reduce": at(np.add.reduce, [1.0, 2.0], slope=[1, 1]),
    "a sqrt of a Python number": at(np.sqrt, 0.0, slope=inf),
    "a sqrt of an array of no axes": at(np.sqrt, np.array(0.0), slope=inf),
    "a sqrt of a NumPy number": at(np.sqrt, np.float64(0.0), slope=inf),
}


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_gradient(name):
    f, args, slopes, _ = BEHAVIOURS[name]
    found = cr.grad(f, argnums=tuple(range(len(args))))(*args)
    for ours, right, x in zip(found, slopes, args, strict=True):
        assert np.shape(ours) == np.shape(x)
        assert_allclose(ours, right, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_slopes_along_each_element(name):
    """One argument and one element at a time: a tangent of 0 elsewhere times an infinite slope would be NaN."""
    f, args, slopes, _ = BEHAVIOURS[name]
    for i, (x, right) in enumerate(zip(args, slopes, strict=True)):
        alone = lambda v, i=i: f(*args[:i], v, *args[i + 1 :])
        for e, along in zip(basis(x), basis(x, np.asarray(right)), strict=True):
            found = cr.jvp(alone, (x,), (e,))[1]
            assert_allclose(found, np.sum(along), rtol=1e-12, atol=1e-13)


def basis(x, of=1):
    """Unit tangents, one for each element, and one more for its imaginary part; or what each selects of `of`."""
    x = np.asarray(x)
    for i in np.ndindex(*x.shape):
        for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
            e = np.zeros(x.shape, x.dtype)
            if isinstance(of, int):
                e[i] = unit
                yield e
            else:
                g = np.broadcast_to(of, x.shape)[i]
                yield np.imag(g) if unit == 1j else np.real(g)


@pytest.mark.parametrize("name", [name for name, right in BEHAVIOURS.items() if len(right.args) == 1])
def test_gradients_of_a_batch(name):
    f, (x,), (slope,), _ = BEHAVIOURS[name]
    found = cr.vmap(cr.grad(f))(np.stack([x, x]))
    assert_allclose(found, np.broadcast_to(slope, (2, *np.shape(x))), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", [name for name, right in BEHAVIOURS.items() if right.bend is not None])
def test_hessian(name):
    f, (x,), _, bend = BEHAVIOURS[name]
    for mode in ("forward", "reverse"):
        assert_allclose(cr.jacobian(cr.grad(f), mode=mode)(x), bend, atol=1e-12)
    for e, row in zip(basis(x), np.reshape(bend, (np.size(x), -1)), strict=True):
        for d, one in zip(basis(x), row, strict=True):
            slope = lambda v, e=e: cr.jvp(f, (v,), (e,))[1]
            assert_allclose(cr.jvp(slope, (x,), (d,))[1], one, atol=1e-12)


# ---- 19: to higher orders ------------------------------------------------------------------------------------------

HIGHER = {
    "x**0": (lambda x: x**0, [0, 0, 0]),
    "x**1": (lambda x: x**1, [1, 0, 0]),
    "x**2": (lambda x: x**2, [0, 2, 0]),
    "x**2.0": (lambda x: x**2.0, [0, 2, 0]),
    "an array as exponent": (lambda x: np.power(x, np.array(2.0)), [0, 2, 0]),
    "x**3": (lambda x: x**3, [0, 0, 6]),
    "x * x * x": (lambda x: x * x * x, [0, 0, 6]),
    "sinc": (np.sinc, [0, -(np.pi**2) / 3, 0]),
    "abs": (np.abs, [0, 0, 0]),
    "prod": (lambda x: np.prod(x * np.ones(3)), [0, 0, 6]),
    "cumprod": (lambda x: np.cumprod(x * np.ones(3))[-1], [0, 0, 6]),
    "logaddexp": (lambda x: np.logaddexp(x, 0.0), [1 / 2, 1 / 4, 0]),
}


@pytest.mark.parametrize("name", HIGHER)
def test_derivatives_of_higher_order_at_a_zero(name):
    f, right = HIGHER[name]
    found = forward = f
    for one in right:
        found = cr.grad(found)
        forward = lambda x, f=forward: cr.jvp(f, (x,), (np.float64(1.0),))[1]
        assert_allclose(found(0.0), one, atol=1e-12)
        assert_allclose(forward(0.0), one, atol=1e-12)


# ---- 4, 8, 21 and more: what is not finite is named ------------------------------------------------------------------

NOT_FINITE = {
    "a sigmoid written out": "exp(800.0) = inf",
    "log1p of exp": "exp(800.0) = inf",
    "the square root of a square": "divide(0.5, 0.0) = inf",
    "(-1)**y": "log(-1.0) = nan",
    "sqrt(x)**2": "divide(0.5, 0.0) = inf",
    "a mask that is multiplied": "divide(0.5, 0.0) = inf",
    "sqrt": "divide(0.5, 0.0) = inf",
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_where_a_slope_stops_being_finite(name):
    f, args, _, _ = BEHAVIOURS[name]
    with pytest.raises(cr.NonFiniteError) as error:
        cr.checked(cr.grad(f))(*args)
    assert NOT_FINITE[name] in str(error.value)
    assert "test_behaviours.py" in str(error.value)


def test_a_softmax_that_overflows_is_reported_in_the_forward_pass():
    softmax = lambda x: (np.exp(x) / np.sum(np.exp(x)))[0]
    with pytest.raises(cr.NonFiniteError, match=r"exp\(1000\.0\) = inf for 1 of 2 elements"):
        cr.checked(softmax)(np.array([1000.0, 0.0]))


def test_a_nan_that_does_no_harm_is_no_error():
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0))
    assert_allclose(cr.checked(cr.grad(f))(X), [0, 0, 0.25])


# ---- 29, 31, 32, 33, 37, 40: what raises -----------------------------------------------------------------------------

SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
VECTORS = "the derivative of the vectors does not exist here"
RAISES = {
    # 29
    "an index out of range": (
        lambda x: x[5],
        np.ones(3),
        IndexError,
        "index 5 is out of bounds for axis 0 with size 3",
    ),
    "take out of range": (lambda x: np.take(x, [5])[0], np.ones(3), IndexError, "out of bounds"),
    # 31. choices.md, "Vectors that the matrix does not determine": their cotangents do not tell f' between equal values
    "exp of a matrix by eigh": (
        lambda a: (lambda w, v: np.sum((v * np.exp(w)) @ v.T))(*np.linalg.eigh(a)),
        np.eye(2),
        np.linalg.LinAlgError,
        rf"numpy\.linalg\.eigh: {VECTORS}",
    ),
    # 32
    "a matrix by its svd": (
        lambda a: (lambda u, s, vh: np.sum((u * s) @ vh))(*np.linalg.svd(a)),
        np.eye(2),
        np.linalg.LinAlgError,
        rf"numpy\.linalg\.svd: {VECTORS}",
    ),
    # 33
    "the inverse of a singular matrix": (
        lambda a: np.sum(np.linalg.inv(a)),
        SINGULAR,
        np.linalg.LinAlgError,
        "Singular",
    ),
    "a singular system": (
        lambda a: np.sum(np.linalg.solve(a, np.ones(2))),
        SINGULAR,
        np.linalg.LinAlgError,
        "Singular matrix",
    ),
    "cholesky of a matrix that is not positive definite": (
        lambda a: np.sum(np.linalg.cholesky(a)),
        -np.eye(2),
        np.linalg.LinAlgError,
        "not positive definite",
    ),
    # 37
    "an integer array": (np.sum, np.arange(3), TypeError, "grad: argument 0 has dtype int64; derivatives"),
    "an integer": (lambda x: x * 2.0, 3, TypeError, "grad: argument 0 has type int; derivatives are taken with"),
    "a boolean array": (np.sum, np.array([True]), TypeError, "grad: argument 0 has dtype bool; derivatives are taken"),
    # 40
    "float": (lambda x: float(x[0]), np.ones(2), cr.LostGradientError, r"float\(\) of a traced value would drop"),
    "math.sin": (lambda x: math.sin(x), 1.0, cr.LostGradientError, r"float\(\) of a traced value would drop its"),
    "np.array": (lambda x: np.sum(np.array([x, x])), 1.0, cr.LostGradientError, "would drop its gradient"),
}


@pytest.mark.parametrize("name", RAISES)
def test_what_raises(name):
    f, x, kind, words = RAISES[name]
    with pytest.raises(kind, match=words):
        cr.grad(f)(x)
    if np.asarray(x).dtype.kind == "f":
        with pytest.raises(kind, match=words):
            cr.jvp(f, (x,), (np.ones_like(x),))


def test_pinv_of_a_matrix_of_lower_rank():  # 33: a multiple of it has the inverse multiple
    a, g = np.outer([1.0, 2.0], [3.0, 1.0]), np.array([[0.3, -1.2], [0.7, 0.5]])
    f = lambda a: np.sum(g * np.linalg.pinv(a))
    assert_allclose(np.sum(cr.grad(f)(a) * a), -f(a), rtol=1e-12)
    assert_allclose(cr.jvp(f, (a,), (a,))[1], -f(a), rtol=1e-12)


# ---- 36, 38: kinds of number -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (0,), (2, 0)])
def test_what_was_broadcast_has_the_shape_of_the_input(shape):
    x, big = np.ones(shape), np.ones((3, *(2 if n == 1 else n for n in shape)))
    found = cr.grad(lambda x: np.sum(x * big))(x)
    assert type(found) is np.ndarray
    assert found.shape == shape
    assert_allclose(found, np.full(shape, big.size / max(x.size, 1)))


@pytest.mark.parametrize("kind", [float, np.float64, np.array])
def test_a_number_has_a_gradient_of_its_kind(kind):
    found = cr.grad(lambda x: np.sum(x * np.ones(3)))(kind(2.0))
    assert type(found) is (np.ndarray if kind is np.array else np.float64)
    assert found.shape == ()
    assert found == 3


@pytest.mark.parametrize("f", [np.mean, lambda x: np.sum(x * np.ones(3)), np.std, lambda x: x @ np.arange(3.0)])
def test_float32_is_kept(f):
    x = np.array([1.0, 2.0, 4.0], np.float32)
    assert cr.grad(f)(x).dtype == np.float32
    assert cr.jvp(f, (x,), (x,))[1].dtype == f(x).dtype


# ---- 40: state -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 10_000])
def test_an_array_that_is_changed_after_its_use(n):
    """Small arrays are copied; a change of a large one is noticed."""
    data, w = np.full(n, 2.0), cr.variable(np.ones(n))
    loss = np.sum(w * data)
    data[:] = 0
    if n == 3:
        loss.backward()
        assert w.grad.tolist() == [2, 2, 2]
    else:
        with pytest.raises(cr.ModifiedArrayError, match=r"was changed in place after it was used at .*test_behaviours"):
            loss.backward()


def test_a_pullback_may_be_called_again_and_adds_up_nothing():
    _, pullback = cr.vjp(lambda x: np.sum(x**2), np.array([3.0]))
    assert pullback(1.0)[0] == pullback(1.0)[0] == 6


def test_perturbations_are_not_confused():
    f = lambda x: x * cr.jvp(lambda y: x + y, (1.0,), (1.0,))[1]
    assert cr.grad(f)(1.0) == cr.jvp(f, (1.0,), (1.0,))[1] == 1


# ---- and more --------------------------------------------------------------------------------------------------------


def test_methods_that_work_in_place():
    def f(x):
        y = x.copy()
        y.sort()
        np.add.at(y, [0, 0], x[:2])
        np.multiply(y, 2.0, out=y)
        return y @ np.array([1.0, 10.0, 100.0])

    x = np.array([3.0, 1.0, 2.0])
    assert cr.grad(f)(x).tolist() == [202, 4, 20]
    assert [cr.jvp(f, (x,), (e,))[1] for e in np.eye(3)] == [202, 4, 20]

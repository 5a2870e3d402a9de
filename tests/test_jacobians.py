"""Dense Jacobians and Hessians: the three modes, layouts and shapes, trees, argnums, auxiliary results."""

import dataclasses
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14, strict=True)
MODES = ["auto", "forward", "reverse"]

X = np.array([0.5, -1.0, 2.0])


def numeric(f, x, h=1e-5):
    """The Jacobian by central differences, in numerator layout."""
    columns = []
    for i in np.ndindex(*x.shape):
        e = np.zeros_like(x)
        e[i] = h
        columns.append((8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h))
    return np.reshape(np.stack(columns, axis=-1), np.shape(f(x)) + x.shape)


FUNCTIONS = [
    lambda x: np.sin(x),
    lambda x: np.sum(x**2),
    lambda x: np.stack([x[0] * x[1], x[2] ** 2]),
    lambda x: np.outer(x, np.exp(x)),
    lambda x: np.reshape(x, (3, 1)) * np.tanh(x),
    lambda x: np.concatenate([x, x[::-1] ** 2, np.ones(2)]),
    lambda x: np.cumprod(x),
    lambda x: np.linalg.norm(x),
    lambda x: x[np.array([0, 0, 2])] * x[1],
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_all_modes_agree_with_differences(f, mode):
    assert_allclose(cr.jacobian(f, mode=mode)(X), numeric(f, X), rtol=1e-8, atol=1e-9, strict=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape_in", [(), (1,), (3,), (2, 3), (2, 1, 2), (0,), (2, 0)])
@pytest.mark.parametrize("shape_out", [(), (1,), (2,), (3, 2), (0,), (0, 3)])
def test_the_shape_is_that_of_the_output_and_then_that_of_the_input(shape_in, shape_out, mode):
    x = np.ones(shape_in)
    J = cr.jacobian(lambda x: np.broadcast_to(np.sum(x), shape_out) * 2, mode=mode)(x)
    assert isinstance(J, np.ndarray | np.generic)
    agree(np.asarray(J), np.full(shape_out + shape_in, 2.0))


def test_numerator_layout():
    W = np.arange(6.0).reshape(2, 3)
    agree(cr.jacobian(lambda x: W @ x)(X), W)
    agree(cr.jacobian(lambda x: X @ x)(X), X)  # of a number by a vector: a row
    agree(cr.jacobian(lambda t: t * X)(np.array(2.0)), X)  # of a vector by a number: a column
    agree(cr.jacobian(lambda W: W @ X)(W), np.einsum("ik,j->ikj", np.eye(2), X))
    agree(cr.jacobian(lambda W: np.trace(W @ W.T))(W), 2 * W)
    agree(cr.jacobian(lambda W: W.T)(W), np.einsum("ik,jl->jikl", np.eye(2), np.eye(3)))


@pytest.mark.parametrize("mode", MODES)
def test_argnums(mode):
    f = lambda a, b: a[:2] * b
    a, b = X, np.array([3.0, 4.0])
    Ja, Jb = np.array([[3.0, 0, 0], [0, 4, 0]]), np.diag(a[:2])
    agree(cr.jacobian(f, mode=mode)(a, b), Ja)
    agree(cr.jacobian(f, 1, mode=mode)(a, b), Jb)
    agree(cr.jacobian(f, -1, mode=mode)(a, b), Jb)
    for argnums in ((0, 1), [0, 1]):
        found = cr.jacobian(f, argnums, mode=mode)(a, b)
        assert isinstance(found, tuple)
        agree(found[0], Ja)
        agree(found[1], Jb)
    swapped = cr.jacobian(f, (1, 0), mode=mode)(a, b)
    agree(swapped[0], Jb)
    (only,) = cr.jacobian(f, (0,), mode=mode)(a, b)
    agree(only, Ja)


@pytest.mark.parametrize("mode", MODES)
def test_trees_of_arguments(mode):
    f = lambda p: np.tanh(p["w"] @ p["x"][0]) + p["b"]
    p = {"w": np.arange(6.0).reshape(2, 3) / 6, "x": [X], "b": 1.0}
    J = cr.jacobian(f, mode=mode)(p)
    assert J.keys() == p.keys()
    d = 1 - np.tanh(p["w"] @ X) ** 2
    agree(J["w"], np.einsum("ik,i,j->ikj", np.eye(2), d, X))
    agree(J["x"][0], d[:, None] * p["w"])
    agree(J["b"], np.ones(2))


@pytest.mark.parametrize("mode", MODES)
def test_trees_of_results(mode):
    f = lambda p: {"y": (p["a"] * 2, np.sum(p["b"])), "z": [np.outer(p["a"], p["b"])]}
    p = {"a": X, "b": np.array([1.0, 2.0])}
    J = cr.jacobian(f, mode=mode)(p)
    agree(J["y"][0]["a"], 2 * np.eye(3))
    agree(J["y"][0]["b"], np.zeros((3, 2)))
    agree(J["y"][1]["b"], np.ones(2))
    agree(J["z"][0]["a"], np.einsum("ik,j->ijk", np.eye(3), p["b"]))
    agree(J["z"][0]["b"], np.einsum("i,jk->ijk", X, np.eye(2)))


def test_trees_and_argnums_together():
    f = lambda p, x: (p["w"] * x, np.sum(x))
    J = cr.jacobian(f, (0, 1))({"w": 3.0}, X)
    assert isinstance(J, tuple)
    assert isinstance(J[0], tuple)
    agree(J[0][0]["w"], X)
    agree(J[0][1], 3 * np.eye(3))
    agree(J[1][1], np.ones(3))


@pytest.mark.parametrize("mode", MODES)
def test_dataclasses(mode):
    @dataclasses.dataclass
    class Line:
        slope: np.ndarray
        offset: float

    J = cr.jacobian(lambda line: line.slope * 2 + line.offset, mode=mode)(Line(X, 1.0))
    assert isinstance(J, Line)
    agree(J.slope, 2 * np.eye(3))
    agree(J.offset, np.ones(3))


@pytest.mark.parametrize("mode", MODES)
def test_auxiliary_results(mode):
    f = lambda x: (x**2, {"label": "square", "n": 3, "none": None, "half": x / 2})
    J, aux = cr.jacobian(f, mode=mode, has_aux=True)(X)
    agree(J, np.diag(2 * X))
    assert (aux["label"], aux["n"], aux["none"]) == ("square", 3, None)
    agree(aux["half"], X / 2)
    with pytest.raises(TypeError, match="pair"):
        cr.jacobian(np.sin, mode=mode, has_aux=True)(X)


@pytest.mark.parametrize("mode", MODES)
def test_keywords_and_other_arguments_are_constants(mode):
    f = lambda x, kind, *, power: x**power if kind == "power" else x
    agree(cr.jacobian(f, mode=mode)(X, "power", power=3), np.diag(3 * X**2))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes(mode, dtype):
    J = cr.jacobian(lambda x: np.stack([x[0] * 2, x[1]]), mode=mode)(np.ones(3, dtype))
    assert J.dtype == dtype


@pytest.mark.parametrize("mode", MODES)
def test_a_result_that_is_constant_or_not_reached(mode):
    agree(cr.jacobian(lambda x: np.ones(2), mode=mode)(X), np.zeros((2, 3)))
    agree(cr.jacobian(lambda x: (x * 1, np.ones(2)), mode=mode)(X)[1], np.zeros((2, 3)))
    agree(cr.jacobian(lambda x: np.floor(x), mode=mode)(X), np.zeros((3, 3)))


# ---- complex numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_holomorphic_functions(mode):
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    agree(cr.jacobian(lambda z: z**3, mode=mode)(z), np.diag(3 * z**2))
    A = np.array([[1.0, 2j], [1 - 1j, 0.5]])
    agree(cr.jacobian(lambda z: A @ np.exp(z), mode=mode)(z), A * np.exp(z))


@pytest.mark.parametrize("mode", MODES)
def test_complex_functions_of_real_numbers(mode):
    J = cr.jacobian(lambda x: np.exp(1j * x), mode=mode)(X)
    agree(J, np.diag(1j * np.exp(1j * X)))


def test_complex_functions_of_real_numbers_with_fewer_results_than_arguments():
    agree(cr.jacobian(lambda x: np.sum(np.exp(1j * x)))(X), 1j * np.exp(1j * X))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("f", [np.conjugate, np.abs, np.real, np.imag, lambda z: np.sum(np.exp(np.conjugate(z)))])
def test_functions_that_are_not_holomorphic_raise(f, mode):
    for dtype in (np.complex128, np.complex64):
        with pytest.raises(TypeError, match="not holomorphic"):
            cr.jacobian(f, mode=mode)(np.array([1 + 2j, 3 - 1j], dtype))


def test_holomorphic_functions_in_single_precision_of_several_arguments():
    z, x = np.array([1 + 2j, 3 - 1j], np.complex64), np.array([0.5, 2.0], np.float32)
    of_z, of_x = cr.jacobian(lambda z, x: np.exp(z) * x, argnums=(0, 1))(z, x)
    np.testing.assert_allclose(of_z, np.diag(np.exp(z) * x), rtol=1e-5)
    np.testing.assert_allclose(of_x, np.diag(np.exp(z)), rtol=1e-5)
    with pytest.raises(TypeError, match="not holomorphic"):
        cr.jacobian(lambda z, x: np.conjugate(z) * x, argnums=(0, 1))(z, x)


def test_the_gradient_of_a_square_is_holomorphic_and_that_of_a_real_part_is_not():
    z = np.array([1 + 2j, 3 - 1j])
    agree(cr.hessian(lambda z: np.sum(np.abs(z) ** 2))(z), 2 * np.eye(2, dtype=complex))
    with pytest.raises(TypeError, match="not holomorphic"):
        cr.hessian(lambda z: np.sum(np.real(z**2)))(z)


# ---- Hessians ---------------------------------------------------------------------------------------------------


def test_hessians_by_argnums():
    f = lambda a, b: np.sum(a**2 * b[0]) + b[1] ** 3
    a, b = X, np.array([2.0, 3.0])
    agree(cr.hessian(f)(a, b), 4 * np.eye(3))
    agree(cr.hessian(f, 1)(a, b), np.diag([0.0, 18.0]))
    H = cr.hessian(f, (0, 1))(a, b)
    agree(H[0][1], np.stack([2 * a, 0 * a], axis=1))
    agree(H[1][0], np.stack([2 * a, 0 * a]))


def test_hessians_of_trees_are_trees_of_blocks():
    f = lambda p: np.sum(np.outer(p["a"], p["b"]) ** 2)
    p = {"a": X, "b": np.array([1.0, 2.0])}
    H = cr.hessian(f)(p)
    agree(H["a"]["a"], 2 * 5 * np.eye(3))
    agree(H["a"]["b"], 4 * np.outer(p["a"], p["b"]))
    agree(H["b"]["a"], 4 * np.outer(p["b"], p["a"]))


@pytest.mark.parametrize("shape", [(), (2,), (2, 2), (0,)])
def test_the_shape_of_a_hessian(shape):
    assert np.shape(cr.hessian(lambda x: np.sum(x**3))(np.ones(shape))) == shape + shape


# ---- cost, errors -----------------------------------------------------------------------------------------------


def test_the_function_runs_once_whatever_the_number_of_rows():
    calls = []

    def f(x):
        calls.append(1)
        return np.sin(x)

    cr.jacobian(f, mode="forward")(X)
    cr.jacobian(f, mode="reverse")(X)
    assert len(calls) == 2


def test_auto_takes_the_mode_with_fewer_passes():
    # Looked at through a rule that counts: how often a pass goes through it in either direction.
    counts = {"jvp": 0, "vjp": 0}
    f = cr.custom(np.sin)

    @f.defvjp
    def back(ct, y, x):
        counts["vjp"] += 1
        return (ct * np.cos(x),)

    @f.defjvp
    def push(tangents, y, x):
        counts["jvp"] += 1
        return tangents[0] * np.cos(x)

    cr.jacobian(lambda x: np.sum(f(x)))(np.ones(10))
    assert counts["jvp"] == 0
    cr.jacobian(lambda t: f(t * np.ones(10)))(1.0)
    assert counts["jvp"] > 0


def test_errors():
    with pytest.raises(ValueError, match="auto, forward, reverse, slots, colored; got 'sideways'"):
        cr.jacobian(np.sin, mode="sideways")
    with pytest.raises(TypeError, match="floating point"):
        cr.jacobian(np.sin)(np.array([1, 2]))
    with pytest.raises(TypeError, match="single"):
        cr.hessian(np.sin)(X)
    with pytest.raises(ValueError, match="argnums"):
        cr.jacobian(np.sin, argnums=1)(X)

"""What established libraries get wrong without a word, and this one must not.

Each value and each slope is compared with the same thing said in another way or with finite differences, in both modes.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr
import chainrule.scipy as cs
from chainrule.testing import check_gradients, check_rules

rng = np.random.default_rng(3)
X = rng.normal(size=(3, 4))
Y = rng.normal(size=(3, 4))
MASK = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, False]])
Z = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))


def same_slopes(f, g, *xs):
    """Raises if f and g differ in value or slope, forwards or backwards, or in the slope of the slope."""
    every = tuple(range(len(xs)))
    ts = tuple(rng.normal(size=np.shape(x)) for x in xs)
    assert_allclose(f(*xs), g(*xs), rtol=1e-12)
    for ours, right in zip(cr.grad(f, argnums=every)(*xs), cr.grad(g, argnums=every)(*xs), strict=True):
        assert_allclose(ours, right, rtol=1e-12, atol=1e-13)
    assert_allclose(cr.jvp(f, xs, ts)[1], cr.jvp(g, xs, ts)[1], rtol=1e-12)
    bend = lambda h: cr.jvp(lambda *v: cr.grad(h)(*v), xs, ts)[1]
    assert_allclose(bend(f), bend(g), rtol=1e-10, atol=1e-12)


# ---- where= in reductions --------------------------------------------------------------------------------------------

WHERE = {
    "sum": {},
    "prod": {},
    "mean": {},
    "var": {"ddof": 1},
    "std": {},
    "max": {"initial": -9.0},
    "min": {"initial": 9.0},
    "nansum": {},
    "nanprod": {},
    "nanmean": {},
    "nanvar": {},
    "nanstd": {},
    "nanmax": {"initial": -9.0},
    "nanmin": {"initial": 9.0},
}


@pytest.mark.parametrize("name", WHERE)
def test_where_leaves_elements_out(name):
    f = getattr(np, name)
    same_slopes(lambda x: f(x, where=MASK, **WHERE[name]), lambda x: f(x[MASK], **WHERE[name]), X)
    same_slopes(
        lambda x: np.sum(f(x, axis=1, where=MASK, **WHERE[name]) ** 2),
        lambda x: sum(f(row[there], **WHERE[name]) ** 2 for row, there in zip(x, MASK, strict=True)),
        X,
    )


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.logaddexp, np.logaddexp2, np.hypot])
def test_where_in_the_reductions_of_a_ufunc(ufunc):
    same_slopes(
        lambda x: np.sum(ufunc.reduce(x, axis=1, where=MASK) ** 2),
        lambda x: sum(ufunc.reduce(row[there]) ** 2 for row, there in zip(x, MASK, strict=True)),
        X,
    )


def test_where_of_a_ufunc():
    same_slopes(
        lambda x, y: np.sum(np.multiply(x, y, out=x + 1.0, where=MASK) ** 2),
        lambda x, y: np.sum(np.where(MASK, x * y, x + 1) ** 2),
        X,
        Y,
    )


# ---- norms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
def test_infinite_norms(axis):
    for p, extreme in ((np.inf, np.max), (-np.inf, np.min)):
        vectors = lambda x, p=p: np.sum(np.linalg.norm(x, p, axis=axis) ** 2)
        same_slopes(vectors, lambda x, extreme=extreme: np.sum(extreme(np.abs(x), axis=axis) ** 2), X)
        matrix = lambda x, p=p: np.linalg.norm(x, p)
        same_slopes(matrix, lambda x, extreme=extreme: extreme(np.sum(np.abs(x), axis=1)), X)
    assert cr.grad(lambda x: np.linalg.norm(x, np.inf))(np.array([1.0, -3.0, 2.0])).tolist() == [0, -1, 0]


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, 2, -1, -2, np.inf, -np.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_of_matrices(ord, keepdims):
    check_rules(lambda x: np.linalg.norm(x, ord, axis=(0, 2), keepdims=keepdims), rng.normal(size=(3, 2, 3)), order=1)


# ---- complex numbers -------------------------------------------------------------------------------------------------


def test_complex_slogdet():
    """log|det A| + i arg det A = log det A, whose derivative is the inverse."""
    log_det = lambda a: (lambda sign, size: size + 1j * np.angle(sign))(*np.linalg.slogdet(a))
    assert_allclose(cr.jacobian(log_det, mode="forward")(Z), np.linalg.inv(Z).T, rtol=1e-12)
    assert_allclose(cr.jacobian(log_det, mode="reverse")(Z), np.linalg.inv(Z).T, rtol=1e-12)
    check_gradients(lambda a: np.imag(np.linalg.slogdet(a)[0]) + 2 * np.linalg.slogdet(a)[1], Z)


def test_complex_sign():
    """z / |z|: it is not constant."""
    same = lambda z: z / np.abs(z)
    t = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    assert_allclose(cr.jvp(np.sign, (Z,), (t,))[1], cr.jvp(same, (Z,), (t,))[1], rtol=1e-12)
    assert_allclose(cr.vjp(np.sign, Z)[1](t)[0], cr.vjp(same, Z)[1](t)[0], rtol=1e-12)
    assert np.all(np.abs(cr.vjp(np.sign, Z)[1](t)[0]) > 0)


# ---- triangular systems ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1])
def test_a_triangular_system_with_ones_on_the_diagonal(lower, trans):
    """What is not read, on the diagonal and in the other triangle, has no slope."""
    a, b = rng.normal(size=(3, 3)), rng.normal(size=3)
    part = np.tril(np.ones((3, 3)), -1) if lower else np.triu(np.ones((3, 3)), 1)

    def dense(a, b):
        whole = a * part + np.eye(3)
        return np.sum(np.linalg.solve(whole.T if trans else whole, b) ** 2)

    solved = lambda a, b: cs.linalg.solve_triangular(a, b, lower=lower, trans=trans, unit_diagonal=True)
    same_slopes(lambda a, b: np.sum(solved(a, b) ** 2), dense, a, b)


# ---- taken for constants, or joined along another axis ---------------------------------------------------------------


def test_multi_dot():
    a, b, c, d = (rng.normal(size=shape) for shape in ((2, 3), (3, 4), (4, 2), (2,)))
    same_slopes(
        lambda a, b, c, d: np.sum(np.linalg.multi_dot([a, b, c, d]) ** 2),
        lambda a, b, c, d: np.sum((a @ (b @ (c @ d))) ** 2),
        *(a, b, c, d),
    )


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_choose(mode):
    places = np.array([1, 0, 2, 1])
    same_slopes(
        lambda x, y: np.sum(np.choose(places % 2 if mode == "raise" else places, [x, y], mode=mode) ** 2),
        lambda x, y: np.sum(np.where(np.minimum(places, 1) if mode == "clip" else places % 2, y, x) ** 2),
        X[0],
        Y[0],
    )


JOINED = {
    "concat": lambda x, y: np.concat([x, y], axis=1)[1, 5] * x[0, 0],
    "concatenate": lambda x, y: np.concatenate([x, y], axis=1)[1, 5] * x[0, 0],
    "dstack": lambda x, y: np.dstack([x, y])[1, 1, 1] * np.dstack([x, y])[0, 0, 0],
    "stack": lambda x, y: np.stack([x, y], axis=-1)[1, 1, 1] * x[0, 0],
    "hstack": lambda x, y: np.hstack([x, y])[1, 5] * x[0, 0],
    "vstack": lambda x, y: np.vstack([x, y])[4, 1] * x[0, 0],
    "column_stack": lambda x, y: np.column_stack([x, y])[1, 5] * x[0, 0],
    "block": lambda x, y: np.block([[x, y]])[1, 5] * x[0, 0],
    "append": lambda x, y: np.append(x, y, axis=1)[1, 5] * x[0, 0],
}


@pytest.mark.parametrize("name", JOINED)
def test_joined_arrays(name):
    same_slopes(JOINED[name], lambda x, y: y[1, 1] * x[0, 0], X, Y)


# ---- zeros -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.prod, lambda x: np.cumprod(x)[-1], np.multiply.reduce, np.nanprod])
@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_prod_with_zeros(f, zeros):
    x = np.array([2.0, -3.0, 5.0, 0.5])
    x[:zeros] = 0
    same_slopes(f, lambda x: x[0] * x[1] * x[2] * x[3], x)


def test_sinc_at_zero():
    """1 - (pi x)^2 / 6 + (pi x)^4 / 120."""
    f = derivative = np.sinc
    for right in (0, -(np.pi**2) / 3, 0, np.pi**4 / 5):
        derivative, f = cr.grad(derivative), lambda x, f=f: cr.jvp(f, (x,), (1.0,))[1]
        assert_allclose(derivative(0.0), right, atol=1e-10)
        assert_allclose(f(0.0), right, atol=1e-10)


# ---- Fourier transforms of another length ----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_transforms_of_another_length(name, n):
    """They are linear: the slopes are the transforms of unit vectors."""
    f = lambda x: getattr(np.fft, name)(x, n)
    columns = np.stack([f(e) for e in np.eye(4)], axis=-1)
    assert_allclose(cr.jacobian(f, mode="forward")(X[0]), columns, atol=1e-14)
    assert_allclose(cr.jacobian(f, mode="reverse")(X[0]), columns, atol=1e-14)


# ---- what is no derivative at all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (1,), (), (2, 1)])
def test_a_seed_of_another_shape(shape):
    seed, x = np.ones(shape), np.ones(2)
    with pytest.raises(ValueError, match=r"pullback: the seed has shape .*, the output has shape \(2,\)") as error:
        cr.vjp(lambda x: x * 2, x)[1](seed)
    assert str(shape) in str(error.value)
    with pytest.raises(ValueError, match=r"backward: the seed has shape .*, the output has shape \(2,\)"):
        (cr.variable(x) * 2).backward(seed)
    with pytest.raises(ValueError, match=r"jvp: tangent 0 has shape .*, its primal has shape \(2,\)"):
        cr.jvp(lambda x: x * 2, (x,), (seed,))


@pytest.mark.parametrize("x", [np.arange(3), np.array([True, False]), np.arange(3, dtype=np.uint8), np.array(3)])
def test_integer_arrays(x):
    for use in (cr.grad(np.sum), cr.variable, lambda x: cr.vjp(np.sum, x), lambda x: cr.jvp(np.sum, (x,), (x,))):
        with pytest.raises(TypeError, match=f"dtype {x.dtype}; derivatives are taken with respect to floating point"):
            use(x)


@pytest.mark.parametrize("n", [10, 100_000])
@pytest.mark.parametrize("f", [lambda w, a: np.sum(w * a), lambda w, a: w @ a, lambda w, a: np.sum(w**2 * np.sin(a))])
def test_an_array_that_was_kept_and_is_changed(f, n):
    """The right gradient, or an error: never another one."""
    data, w = rng.normal(size=n), rng.normal(size=n)
    right = cr.grad(f)(w, data.copy())
    kept = cr.variable(w)
    y = f(kept, data)
    _, pullback = cr.vjp(lambda w: f(w, data), w)
    data *= 2
    for backward in (lambda: (y.backward(), kept.grad)[1], lambda: pullback(1.0)[0]):
        try:
            found = backward()
        except cr.ModifiedArrayError as refusal:
            error = str(refusal)
        else:
            error = None
        if error:
            assert f"shape ({n},)" in error
            assert __file__ in error
        else:
            assert_allclose(found, right)


@pytest.mark.parametrize("n", [10, 100_000])
def test_a_view_of_an_array_that_was_kept_is_changed(n):
    base = rng.normal(size=2 * n)
    right = base[:n].copy()
    w = cr.variable(np.ones(n))
    y = np.sum(w * base[:n])
    base[0] = 7.0
    if n == 10:
        y.backward()
        assert_allclose(w.grad, right)
    else:
        with pytest.raises(cr.ModifiedArrayError):
            y.backward()


def test_a_seed_of_whole_numbers_is_made_floating_point():
    found = cr.vjp(lambda x: x * 2, np.ones(2, np.float32))[1](np.array([1, 2]))[0]
    assert found.dtype == np.float32
    assert found.tolist() == [2, 4]


def test_a_backward_pass_that_runs_out_of_memory_adds_to_no_gradient():
    a, b = cr.variable(np.ones(2)), cr.variable(2.0)
    full = [True]

    @cr.custom
    def large(x):
        return x * 1.0

    @large.defvjp
    def _(ct, y, x):
        if full:
            raise MemoryError
        return (ct,)

    y = np.sum(large(a) * b)
    with pytest.raises(MemoryError):
        y.backward(retain_graph=True)
    assert a.grad is None
    assert b.grad is None
    full.clear()
    y.backward()
    assert (a.grad.tolist(), b.grad) == ([2, 2], 2)

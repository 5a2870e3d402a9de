"""The edges: kinks and ties, zeros and infinities, empty arrays, dtypes, memory layouts, odd inputs and odd outputs.

What is a choice is stated in docs/choices.md; the tests here are for the rest, and for the corners of the choices.
What other libraries tend to get wrong is in tests/test_behaviours.py.
"""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr
from chainrule.core.trace import UFUNCS

nan, inf = np.nan, np.inf


def gradient(f, *args):
    """The gradient with respect to all arguments; NumPy's warnings of what is infinite are expected here."""
    args, forward = tuple(map(np.float64, args)), []
    with np.errstate(all="ignore"):
        found = cr.grad(f, argnums=tuple(range(len(args))))(*args)
        for k, x in enumerate(args):  # one at a time, for a zero tangent times an infinite slope is NaN
            alone = lambda x, k=k: f(*args[:k], x, *args[k + 1 :])
            forward.append(cr.jvp(alone, (x,), (np.float64(1.0),))[1])
    assert_allclose(forward, found)
    return [float(g) for g in found]


# -- kinks and ties ------------------------------------------------------------------------------------------

TIES = {
    "max of all": (np.max, [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
    "max along an axis": (lambda x: np.sum(np.max(x, axis=0)), [[2.0, 1.0], [2.0, 3.0]], [[0.5, 0], [0.5, 1]]),
    "min with keepdims": (lambda x: np.sum(np.min(x, axis=1, keepdims=True)), [[2.0, 2.0, 2.0]], [[1 / 3] * 3]),
    "max with initial, a tie": (lambda x: np.max(x, initial=1.0), [1.0, 0.0], [0.5, 0]),
    "max of infinities": (np.max, [inf, inf, 0.0], [0.5, 0.5, 0]),
    "max with NaN": (np.max, [nan, 1.0], [1, 0]),
    "ptp": (np.ptp, [1.0, 3.0, 3.0], [-1, 0.5, 0.5]),
    "maximum of itself": (lambda x: np.sum(np.maximum(x, x)), [1.0, 2.0], [1, 1]),
    "maximum with a number": (lambda x: np.sum(np.maximum(x, 1.0)), [0.0, 1.0, 2.0], [0, 0.5, 1]),
    "minimum broadcast": (lambda x: np.sum(np.minimum(x, x[:, None])), [1.0, 1.0], [2, 2]),
    "maximum.accumulate": (lambda x: np.sum(np.maximum.accumulate(x)), [1.0, 1.0], [1.5, 0.5]),
    "abs": (lambda x: np.sum(np.abs(x)), [-2.0, -0.0, 0.0, 2.0], [-1, 0, 0, 1]),
    "fabs": (lambda x: np.sum(np.fabs(x)), [-2.0, 0.0], [-1, 0]),
    "clip from one side": (lambda x: np.sum(np.clip(x, None, 1)), [-1.0, 1.0, 2.0], [1, 1, 0]),
    "clip with low above high": (lambda x: np.sum(np.clip(x, 2, 1)), [0.0, 1.5, 3.0], [0, 0, 0]),
    "sort": (lambda x: np.sort(x) @ [1.0, 2.0, 4.0], [1.0, 0.0, 1.0], [2, 1, 4]),
    "var of a constant": (np.var, [2.0, 2.0, 2.0], [0, 0, 0]),
    "prod along an axis": (lambda x: np.sum(np.prod(x, axis=0)), [[0.0, 2.0], [3.0, 0.0]], [[3, 0], [0, 2]]),
    "cumprod": (lambda x: np.sum(np.cumprod(x)), [2.0, 0.0, 3.0], [1, 2 + 6, 0]),
    "nanprod": (np.nanprod, [nan, 0.0, 3.0], [0, 3, 0]),
    "logaddexp.reduce, a mask": (np.logaddexp.reduce, [-inf, 0.0, 0.0], [0, 0.5, 0.5]),
    "logaddexp.reduce, large": (np.logaddexp.reduce, [1e4, 0.0], [1, 0]),
    "log1p of exp by logaddexp": (lambda x: np.sum(np.logaddexp(0, x)), [-800.0, 0.0, 800.0], [0, 0.5, 1]),
}


@pytest.mark.parametrize(("f", "x", "wanted"), TIES.values(), ids=TIES.keys())
def test_at_a_kink(f, x, wanted):
    x = np.array(x)
    with np.errstate(all="ignore"):
        assert_allclose(cr.grad(f)(x), wanted, atol=1e-15)
        basis = np.eye(x.size).reshape(x.size, *x.shape)
        assert_allclose([cr.jvp(f, (x,), (e,))[1] for e in basis], np.ravel(wanted), atol=1e-15)
        assert_allclose(cr.vmap(cr.grad(f))(np.stack([x, x])), [wanted, wanted], atol=1e-15)


@pytest.mark.parametrize(
    ("f", "args", "wanted"),
    [
        (np.cbrt, (0.0,), [inf]),
        (lambda x: x**0.5, (0.0,), [inf]),
        (np.log, (0.0,), [inf]),
        (np.reciprocal, (0.0,), [-inf]),
        (lambda a, b: a / b, (1.0, 0.0), [inf, -inf]),
        (lambda x: x**-1, (0.0,), [-inf]),
        (lambda b: np.power(0.0, b), (0.0,), [0]),
        (np.power, (0.0, 1.0), [1, 0]),
        (np.power, (0.0, 2.0), [0, 0]),
        (np.power, (2.0, 0.0), [0, np.log(2)]),
        (np.float_power, (0.0, 1.0), [1, 0]),
        (np.hypot, (inf, 1.0), [nan, 0]),
        (np.arctan2, (0.0, -1.0), [-1, 0]),
        (np.logaddexp, (-inf, -inf), [0.5, 0.5]),
        (np.logaddexp2, (-inf, 0.0), [0, 1]),
        (np.remainder, (4.0, 2.0), [1, -2]),
        (np.copysign, (-2.0, 1.0), [-1, 0]),
        (np.tanh, (1000.0,), [0]),
        (np.exp, (1000.0,), [inf]),
        (np.exp, (-1000.0,), [0]),
        (np.fmax, (nan, 1.0), [0, 1]),
    ],
)
def test_at_a_singular_point(f, args, wanted):
    assert_allclose(gradient(f, *args), wanted, atol=1e-15)


def test_hessian_of_a_product_with_zeros():
    assert_allclose(cr.hessian(np.prod)(np.array([0.0, 0.0, 3.0])), [[0, 3, 0], [3, 0, 0], [0, 0, 0]])


# -- where, and NaN in what was not chosen -------------------------------------------------------------------


def test_where_gives_an_exact_zero_to_the_side_that_was_not_chosen():
    for other in (nan, inf, -inf):
        a, b = cr.grad(lambda a, b: np.where(a > 0, a, b), argnums=(0, 1))(1.0, other)
        assert (a, b) == (1, 0)
    assert cr.grad(lambda x: np.where(x > 0, x, nan))(1.0) == 1
    with np.errstate(all="ignore"):
        assert cr.grad(lambda x: np.where(x > 2, np.exp(x * 1e4), x))(1.0) == 1


def test_an_infinite_slope_times_a_zero_is_nan():
    with np.errstate(all="ignore"):
        assert np.isnan(cr.grad(lambda x: np.sqrt(x) * 0.0)(0.0))
        assert np.isnan(cr.grad(lambda x: np.sqrt(np.sum(x**2)))(np.zeros(2))).all()


def test_numpy_warns_of_it():
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert cr.grad(np.sqrt)(np.float64(0.0)) == inf


# -- empty arrays --------------------------------------------------------------------------------------------

EMPTY = {
    "sum": np.sum,
    "sum of squares": lambda x: np.sum(x * x),
    "prod": np.prod,
    "max with initial": lambda x: np.max(x, initial=0.0),
    "dot": lambda x: np.dot(x, x),
    "einsum": lambda x: np.einsum("i,i->", x, x),
    "cumsum": lambda x: np.sum(np.cumsum(x)),
    "cumprod": lambda x: np.sum(np.cumprod(x)),
    "sort": lambda x: np.sum(np.sort(x)),
    "concatenate": lambda x: np.sum(np.concatenate([x, np.ones(2), x])),
    "matmul": lambda x: np.sum(np.ones((3, 0)) @ x),
    "reshape": lambda x: np.sum(np.reshape(x, (0, 3))),
    "broadcast": lambda x: np.sum(np.broadcast_to(x, (4, 0)) + np.ones((4, 1))),
    "index": lambda x: np.sum(x[:0] + x[np.array([], int)] + x[np.zeros(0, bool)]),
    "filled": lambda x: np.sum(np.concatenate([np.zeros_like(x), np.zeros(0, like=x)])),
    "written": lambda x: np.sum(np.stack([x, x]).T.reshape(-1)),
    "logaddexp.reduce": np.logaddexp.reduce,
    "where": lambda x: np.sum(np.where(x > 0, x, 0)),
    "nothing is read": lambda x: 1.0,
}


@pytest.mark.parametrize("f", EMPTY.values(), ids=EMPTY.keys())
def test_empty_arrays(f):
    x = np.zeros(0)
    assert cr.grad(f)(x).shape == (0,)
    value, tangent = cr.jvp(f, (x,), (x,))
    assert_allclose(value, f(x))
    assert tangent == 0
    assert cr.hessian(f)(x).shape == (0, 0)
    assert cr.vmap(f)(np.zeros((3, 0))).shape == (3,)
    assert_allclose(cr.record(f, x)(x), f(x))
    assert cr.sparsity(f, x, local=True).shape == (1, 0)
    w = cr.variable(x)
    y = f(w)
    if isinstance(y, cr.Variable) and y.node is not None:
        y.backward()
        assert w.grad.shape == (0,)


def test_empty_outputs():
    x = np.ones(3)
    assert cr.jacobian(lambda x: x[:0])(x).shape == (0, 3)
    assert cr.jacobian(lambda x: x[:0], mode="forward")(x).shape == (0, 3)
    assert cr.jacobian(lambda x: x[:0], mode="reverse")(x).shape == (0, 3)
    y, pullback = cr.vjp(lambda x: x[:0], x)
    assert np.array_equal(pullback(y)[0], np.zeros(3))
    assert cr.vmap(np.sin)(np.zeros((0, 3))).shape == (0, 3)
    assert cr.grad(lambda p: np.sum(p["a"]))({"a": x, "b": []})["b"] == []


def test_an_empty_maximum_raises_as_in_numpy():
    with pytest.raises(ValueError, match="zero-size array to reduction operation maximum which has no identity"):
        cr.grad(np.max)(np.zeros(0))


# -- 0-d arrays, NumPy scalars, Python numbers ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128])
def test_the_kind_of_a_number_is_kept(dtype):
    f = lambda x: np.abs(x * 2) ** 2
    scalar, array = dtype(1.5), np.array(1.5, dtype)
    for g in (cr.grad(f), lambda x: cr.vjp(f, x)[1](f(x))[0]):
        assert type(g(scalar)) is dtype
        assert type(g(array)) is np.ndarray
        assert g(array).shape == ()
        assert g(array).dtype == dtype
    tangent = cr.jvp(lambda x: x * 2, (scalar,), (scalar,))[1]
    assert type(tangent) is dtype


def test_python_numbers_become_numpy_scalars():
    assert type(cr.grad(np.sin)(1.0)) is np.float64
    assert type(cr.grad(lambda z: np.abs(z))(1.0 + 1j)) is np.complex128
    assert type(cr.value_and_grad(lambda x: x * x)(1.0)[0]) is np.float64
    assert type(cr.jvp(lambda x: x * x, (1.0,), (1.0,))[1]) is np.float64
    assert type(cr.grad(lambda x: 3)(1.0)) is np.float64


def test_shapes_of_one_element_are_told_apart():
    for shape in ((), (1,), (1, 1)):
        x = np.ones(shape)
        assert cr.grad(np.sum)(x).shape == shape
        assert cr.jacobian(np.sin)(x).shape == shape + shape
        assert cr.vjp(lambda x: x + np.ones((2, 3)), x)[1](np.ones((2, 3)))[0].shape == shape
        w = cr.variable(x)
        (w * np.ones((2, 3))).backward(np.ones((2, 3)))
        assert w.grad.shape == shape


# -- dtypes --------------------------------------------------------------------------------------------------

PROGRAMS_32 = {
    "python numbers": lambda x: np.sum(2 * x + x**2 / 3 - 1.5 * x),
    "mean": np.mean,
    "std": np.std,
    "norm by hand": lambda x: np.sqrt(np.sum(x * x)),
    "max": np.max,
    "where": lambda x: np.sum(np.where(x > 0, x, 0.0)),
    "clip": lambda x: np.sum(np.clip(x, 0.0, 1.0)),
    "sigmoid": lambda x: np.sum(1 / (1 + np.exp(-x))),
    "filled": lambda x: np.sum(np.stack([x[0], x[1] * 2.0])),
    "products": lambda x: x @ x + np.einsum("i,i->", x, x),
    "logaddexp.reduce": np.logaddexp.reduce,
    "prod": np.prod,
    "cumsum": lambda x: np.sum(np.cumsum(x) ** 2),
    "power": lambda x: np.sum(x**2.5) + np.sum(2.0**x),
    "hypot and arctan2": lambda x: np.sum(np.hypot(x, 1.0) + np.arctan2(x, 2.0)),
    "sinc": lambda x: np.sum(np.sinc(x)),
    "median": np.median,
    "quantile": lambda x: np.quantile(x, 0.3),
    "sort": lambda x: np.sort(x)[0],
    "var": np.var,
    "abs": lambda x: np.sum(np.abs(x)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble])
@pytest.mark.parametrize("f", PROGRAMS_32.values(), ids=PROGRAMS_32.keys())
def test_a_program_stays_in_the_dtype_of_its_input(f, dtype):
    x = np.array([0.3, 0.7, 0.5, 1.1], dtype)
    seen = []

    def watched(x):
        y = f(x)
        seen.append((y.dtype, getattr(y, "primal", y).dtype))
        return y

    assert cr.grad(watched)(x).dtype == dtype
    assert seen == [(f(x).dtype, f(x).dtype)]
    value, tangent = cr.jvp(f, (x,), (x,))
    assert (value.dtype, tangent.dtype) == (f(x).dtype, f(x).dtype)
    _, pullback = cr.vjp(f, x)
    assert pullback(value)[0].dtype == dtype
    assert cr.hvp(f)(x, x).dtype == dtype
    assert cr.jacobian(f)(x).dtype == dtype
    assert cr.vmap(f)(np.stack([x, x])).dtype == f(x).dtype
    w = cr.variable(x)
    f(w).backward()
    assert w.grad.dtype == dtype
    assert cr.record(f, x).outputs[0].aval.dtype == f(x).dtype


def test_intermediate_cotangents_stay_in_single_precision():
    cotangents = []

    @cr.custom
    def f(x):
        return x * 1

    @f.defvjp
    def _(ct, y, x):
        cotangents.append(ct.dtype)
        return (ct,)

    for g in PROGRAMS_32.values():
        cr.grad(lambda x, g=g: g(f(x)))(np.array([0.3, 0.7, 0.5, 1.1], np.float32))
    assert set(cotangents) == {np.dtype(np.float32)}


def test_mixed_precision_comes_back_in_the_dtype_of_each_input():
    a, b = cr.grad(lambda a, b: np.sum(a * b), argnums=(0, 1))(np.ones(3, np.float32), np.ones(3))
    assert (a.dtype, b.dtype) == (np.float32, np.float64)
    z, x = cr.grad(lambda z, x: np.sum(np.abs(z * x)), argnums=(0, 1))(np.ones(3, np.complex64), np.ones(3))
    assert (z.dtype, x.dtype) == (np.complex64, np.float64)
    assert cr.jvp(lambda x: x * 2, (np.ones(3, np.float32),), (np.ones(3),))[1].dtype == np.float32
    assert cr.grad(lambda x: np.sum(x.astype(np.float16).astype(float)))(np.ones(3, np.float32)).dtype == np.float32


def test_half_precision_overflows_to_infinity_and_is_not_hidden():
    x = np.full(2, 300, np.float16)
    with np.errstate(over="ignore"):
        assert np.array_equal(cr.grad(lambda x: np.sum(x * x * x))(x), [inf, inf])


def test_extended_precision_is_kept():
    third = np.longdouble(1) / 3
    assert cr.grad(lambda x: x * x * x)(third) == 3 * third * third
    assert cr.grad(np.sin)(third) == np.cos(third)
    assert cr.jvp(lambda x: x / np.longdouble(3), (third,), (np.longdouble(1),))[1] == third


def takes_floats(ufunc):
    if getattr(np, ufunc.__name__, None) is not ufunc:  # of scipy.special: tests/test_special.py
        return False
    return ufunc.signature is None and ufunc.nin < 3 and any(t.startswith("f" * ufunc.nin) for t in ufunc.types)


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
@pytest.mark.parametrize("ufunc", list(filter(takes_floats, UFUNCS)), ids=lambda u: u.__name__)
def test_rules_of_ufuncs_stay_in_the_dtype(ufunc, dtype):
    def both(f, x):
        value = f(x)
        if value.dtype.kind not in "fc" or value.shape != x.shape:
            return
        dtypes = {cr.vjp(f, x)[1](value)[0].dtype, cr.jvp(f, (x,), (x,))[1].dtype}
        w = cr.variable(x)
        y = f(w)
        if getattr(y, "node", None) is not None:
            y.backward(value)
            dtypes |= set() if w.grad is None else {w.grad.dtype}  # None: the rule passes nothing back
        assert dtypes == {np.dtype(dtype)}

    x = np.array([0.25, 0.5], dtype)
    with np.errstate(all="ignore"):
        if ufunc.nin == 1:
            both(ufunc, x + 1 if ufunc is np.arccosh else x)
            return
        for other in (2.0, 2, 0.5, np.array(0.5, dtype), np.array([0.5, 2.0], dtype)):
            try:
                ufunc(x, other)
            except TypeError:
                continue
            if ufunc(x, other).dtype == dtype:
                both(lambda x, other=other: ufunc(x, other), x)
            try:
                ufunc(other, x)
            except TypeError:
                continue
            if ufunc(other, x).dtype == dtype:
                both(lambda x, other=other: ufunc(other, x), x)


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (1, "type int"),
        (True, "type bool"),
        (np.int32(1), "dtype int32"),
        (np.arange(3), "dtype int64"),
        (np.ones(2, bool), "dtype bool"),
        (np.ones(2, np.uint8), "dtype uint8"),
        (np.array([1.0, None]), "dtype object"),
        (np.array(["a"]), "dtype <U1"),
        ("text", "type str"),
        (np.array(["2020-01-01"], "M8[D]"), r"dtype datetime64\[D\]"),
        (np.zeros(2, [("a", float)]), r"dtype \[\('a', '<f8'\)\]"),
        ({"w": np.ones(2), "n": 3}, "type int"),
        (object(), "type object"),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_what_is_no_floating_point_number_is_refused(x, found):
    for use in (
        cr.grad(lambda x: 0.0),
        cr.value_and_grad(lambda x: 0.0),
        cr.jacobian(lambda x: np.zeros(2)),
        cr.hessian(lambda x: 0.0),
        lambda x: cr.vjp(lambda x: 0.0, x),
        lambda x: cr.jvp(lambda x: 0.0, (x,), (x,)),
        lambda x: cr.linearize(lambda x: 0.0, x),
    ):
        with pytest.raises(TypeError, match=found + "; derivatives are taken with respect to floating point numbers"):
            use(x)


def test_integers_and_booleans_inside_a_program_are_constants():
    f = lambda x: np.sum(x * np.arange(3) * np.array([True, False, True]) * x.astype(int) * len(x))
    assert cr.grad(f)(np.array([1.5, 2.5, 3.5])).tolist() == [0, 0, 18]
    assert cr.grad(lambda x, n: x**n)(2.0, 3) == 12
    assert cr.grad(lambda x, n: np.sum(x * n))(np.ones(2), np.array([3, 4])).tolist() == [3, 4]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int64, bool])
def test_whole_exponents_of_any_dtype(dtype):
    # b - 1 wraps around to a large number where b is an unsigned 0.
    exponents = np.array([0, 1, 2, 3]).astype(dtype)
    n = exponents.astype(float)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        for x in (np.full(4, 2.0), np.full(4, -2.0), np.zeros(4)):
            if dtype is bool:  # NumPy has no power of booleans
                assert_allclose(cr.grad(lambda x: np.sum(x * exponents))(x), n)
                continue
            wanted = np.where(n == 0, 0.0, n * x ** np.maximum(n - 1, 0))
            assert_allclose(cr.grad(lambda x: np.sum(x**exponents))(x), wanted)
            assert_allclose(cr.jvp(lambda x: np.sum(x**exponents), (x,), (np.ones(4),))[1], np.sum(wanted))
            second = np.where(n < 2, 0.0, n * (n - 1) * x ** np.maximum(n - 2, 0))
            assert_allclose(np.diag(cr.hessian(lambda x: np.sum(x**exponents))(x)), second)
        assert_allclose(cr.grad(lambda x: x ** dtype(1))(3.0), 1) if dtype is not bool else None


def test_unsigned_factors_do_not_wrap():
    unsigned = np.array([0, 1, 255], np.uint8)
    for f in (lambda x: x - unsigned, lambda x: unsigned - x, lambda x: x * unsigned, lambda x: x / (unsigned + 1.0)):
        x = np.array([1.0, 2.0, 3.0])
        assert_allclose(cr.grad(lambda x, f=f: np.sum(f(x)))(x), cr.jacobian(f)(x).diagonal())
    assert cr.grad(lambda x: np.sum(unsigned - x))(np.ones(3)).tolist() == [-1, -1, -1]


# -- complex numbers -----------------------------------------------------------------------------------------


def test_complex_conventions():
    z = 1.0 + 2.0j
    assert_allclose(cr.grad(lambda z: np.real(z**2))(z), 2 - 4j)
    assert_allclose(cr.grad(lambda z: np.imag(z**2))(z), 4 + 2j)
    assert_allclose(cr.grad(lambda z: np.abs(z) ** 2)(z), 2 * z)
    assert_allclose(cr.grad(lambda z: np.real(np.conj(z) * z))(z), 2 * z)
    assert_allclose(cr.jvp(lambda z: z**2, (z,), (1j,))[1], 2j * z)
    assert_allclose(cr.jacobian(lambda z: z**2)(z), 2 * z)
    assert_allclose(cr.jacobian(lambda z: z**2, mode="reverse")(z), 2 * z)
    assert cr.grad(np.abs)(0j) == 0
    assert cr.grad(np.angle)(0j) == 0
    real = cr.grad(lambda x: np.abs(np.exp(1j * x) + 1) ** 2)(0.5)
    assert type(real) is np.float64
    assert_allclose(real, -2 * np.sin(0.5))


def test_a_gradient_step_goes_down():
    z, target = np.array([1 + 1j, -2j]), np.array([3j, 1.0])
    loss = lambda z: np.sum(np.abs(np.exp(1j * z) - target) ** 2)
    assert loss(z - 1e-3 * cr.grad(loss)(z)) < loss(z)


# -- memory layouts ------------------------------------------------------------------------------------------

X = np.arange(1.0, 13.0).reshape(3, 4)

LAYOUTS = {
    "C order": lambda: X.copy(),
    "Fortran order": lambda: np.asfortranarray(X),
    "transposed": lambda: np.ascontiguousarray(X.T).T,
    "negative strides": lambda: X[::-1, ::-1].copy()[::-1, ::-1],
    "every second": lambda: np.repeat(np.repeat(X, 2, 0), 2, 1)[::2, ::2],
    "an offset": lambda: np.pad(X, 1)[1:-1, 1:-1],
    "read-only": lambda: read_only(X.copy()),
    "another byte order": lambda: X.astype(X.dtype.newbyteorder()),
    "not aligned": lambda: np.frombuffer(b"x" + X.tobytes(), np.uint8)[1:].view(float).reshape(3, 4),
    "a memory map's class": lambda: X.copy().view(np.memmap),
    "a record array's class": lambda: X.copy().view(np.recarray),
}


def read_only(x):
    x.flags.writeable = False
    return x


def mixed(x):
    y = np.zeros_like(x)
    y[1:] = x[:-1] * 2
    y += np.sin(x)
    return np.sum(np.reshape(y, (2, 6)) @ np.ones((6, 3))) + np.sum(x.T @ x) + np.max(np.cumsum(x, axis=0))


@pytest.mark.parametrize("make", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_memory_layout(make):
    x = make()
    assert np.array_equal(x, X)
    wanted = cr.grad(mixed)(X)
    found = cr.grad(mixed)(x)
    assert type(found) is np.ndarray
    assert found.flags.writeable
    assert_allclose(found, wanted)
    assert_allclose(cr.jvp(mixed, (x,), (x,))[1], np.sum(wanted * X))
    assert_allclose(cr.grad(lambda c, x: np.sum(c * x))(X, x), X)
    assert_allclose(cr.vjp(lambda y: y * 2.0, X)[1](x)[0], 2 * X)
    w = cr.variable(x)
    mixed(w).backward()
    assert_allclose(w.grad, wanted)
    assert_allclose(cr.vmap(np.sum, in_axes=1)(x), X.sum(0))
    assert_allclose(cr.record(mixed, X)(x.astype(float)), mixed(X))
    assert np.array_equal(x, X)


def test_broadcast_inputs_of_stride_zero():
    x = np.broadcast_to(np.array([2.0]), (3, 4))
    found = cr.grad(lambda x: np.sum(x * x * np.arange(4)))(x)
    assert_allclose(found, np.broadcast_to(4.0 * np.arange(4), (3, 4)))
    found[0, 0] = 7
    assert x[0, 0] == 2
    assert found[1, 0] == 0


# -- subclasses ----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", ["matrix", "MaskedArray"])
def test_subclasses_that_mean_something_else_are_refused(name):  # bugs.md 20
    # The product of two matrices is no elementwise product, and a mask would be dropped.
    x = np.matrix([[1.0, 2.0], [3.0, 4.0]]) if name == "matrix" else np.ma.masked_array([1.0, 2.0], [True, False])
    for use in (
        cr.grad(np.sum),
        lambda x: cr.jvp(np.sum, (x,), (np.asarray(x),)),
        cr.variable,
        lambda x: cr.vmap(np.sum)(x),
        lambda x: cr.record(np.sum, x),
        lambda x: cr.grad(lambda y: np.sum(y * x))(np.ones(2)),
        lambda x: cr.grad(lambda y: np.sum(x * y))(np.ones(2)),
        lambda x: cr.jvp(lambda y: np.sum(x + y), (np.ones(2),), (np.ones(2),)),
    ):
        with pytest.raises(TypeError, match=f"{name}|about to become a plain array"):
            use(x)


@pytest.mark.parametrize(
    "constant",
    [np.array([1, 2], object), np.array(["a", "b"]), np.array([1, 2], "m8[s]"), np.zeros(2, [("a", float)])],
    ids=["object", "text", "timedelta", "structured"],
)
def test_constants_that_are_no_numbers_are_refused(constant):  # bugs.md 21
    for f in (lambda x: np.sum(x * constant), lambda x: np.sum(constant * x)):
        with pytest.raises(TypeError):
            cr.grad(f)(np.ones(2))
        with pytest.raises(TypeError):
            cr.jvp(f, (np.ones(2),), (np.ones(2),))


@pytest.mark.parametrize("other", [None, "a", object(), {}], ids=lambda v: type(v).__name__)
def test_operands_that_are_no_numbers_raise_pythons_error(other):
    with pytest.raises(TypeError, match="unsupported operand type"):
        cr.grad(lambda x: x + other)(1.0)
    with pytest.raises(TypeError, match="unsupported operand type"):
        cr.variable(1.0) - other


def test_an_operand_may_do_it_itself():
    class Scale:
        def __rmul__(self, x):
            return x * 3.0

        def __radd__(self, x):
            return x + 1.0

    assert cr.grad(lambda x: (x * Scale() + Scale()) * 2)(1.0) == 6


# -- aliasing: what comes out is the caller's own ------------------------------------------------------------

IDENTITIES = {
    "itself": lambda x: x,
    "a sum with zero": lambda x: x + 0,
    "a reshape": lambda x: np.reshape(x, (2, -1)),
    "a transpose": lambda x: x.T,
    "a part": lambda x: x[1:],
    "a copy": lambda x: x.copy(),
    "twice": lambda x: (x, x),
    "overlapping parts": lambda x: (x[1:], x[:-1], x),
    "broadcast": lambda x: np.broadcast_to(x, (3, *x.shape)),
    "stacked": lambda x: np.stack([x]),
    "real part": lambda x: np.real(x),
    "swapped": lambda x: np.swapaxes(x[None], 0, 1),
}


def arrays(tree):
    return [a for part in tree for a in arrays(part)] if isinstance(tree, tuple | list) else [np.asarray(tree)]


@pytest.mark.parametrize("n", [4, 10_000])
@pytest.mark.parametrize("f", IDENTITIES.values(), ids=IDENTITIES.keys())
def test_no_result_shares_memory_with_anything(f, n):
    x, t = np.arange(1.0, n + 1), np.ones(n)
    y, pullback = cr.vjp(f, x)
    seeds = tuple(np.ones(a.shape) for a in y) if isinstance(y, tuple) else np.ones(y.shape)
    first, second = pullback(seeds)[0], pullback(seeds)[0]
    value, tangent = cr.jvp(f, (x,), (t,))
    linear, push = cr.linearize(f, x)
    batch = cr.vmap(f)(x[None])
    J = cr.jacobian(f)(x[:4])
    everything = [x, t]
    for tree in (y, seeds, first, second, value, tangent, linear, push(t), push(t), batch, J):
        for a in arrays(tree):
            assert a.flags.writeable
            assert not any(np.may_share_memory(a, b) and np.shares_memory(a, b) for b in everything)
            everything.append(a)


def test_gradients_of_several_inputs_share_nothing():
    x = np.ones(5)
    a, b = cr.grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(x, x)
    assert not np.shares_memory(a, b)
    assert not np.shares_memory(a, x)
    found = cr.grad(lambda p: np.sum(p["a"] + p["b"][0]))({"a": x, "b": [x]})
    assert not np.shares_memory(found["a"], found["b"][0])
    v, w = cr.variable(x), cr.variable(x)
    seed = np.ones(5)
    (v + w).backward(seed)
    assert not np.shares_memory(v.grad, w.grad)
    assert not np.shares_memory(v.grad, seed)
    assert not np.shares_memory(v.value, x)


def test_the_same_array_given_twice_is_two_inputs():
    x = np.array([1.0, 2.0])
    a, b = cr.grad(lambda a, b: np.sum(a * b * b), argnums=(0, 1))(x, x)
    assert (a.tolist(), b.tolist()) == ([1, 4], [2, 8])
    found = cr.grad(lambda p: np.sum(p[0] * p[1] * p[1]))([x, x])
    assert (found[0].tolist(), found[1].tolist()) == ([1, 4], [2, 8])
    assert cr.jvp(lambda a, b: a * b, (x, x), (x, 0 * x))[1].tolist() == [1, 4]
    w = cr.variable(x)
    np.sum(w * w).backward()
    assert w.grad.tolist() == [2, 4]


# -- odd outputs ---------------------------------------------------------------------------------------------

CONSTANTS = {
    "a Python number": lambda x: 3.0,
    "a whole number": lambda x: 3,
    "an array": lambda x: np.array(3.0),
    "a position": lambda x: np.argmax(x),
    "a comparison": lambda x: np.all(x > 0),
    "rounded": lambda x: np.sum(np.floor(x)),
    "as integers": lambda x: np.sum(x.astype(int)),
    "stopped": lambda x: np.sum(cr.stop_gradient(x)),
    "made like x": lambda x: np.sum(np.ones_like(x)),
    "overwritten": lambda x: np.sum(overwritten(x * 2)),
    "a length": lambda x: len(x) * 1.0,
    "detached": lambda x: np.sum(np.zeros(3, like=x)),
}


def overwritten(y):
    y[...] = 1.0
    return y


@pytest.mark.parametrize("f", CONSTANTS.values(), ids=CONSTANTS.keys())
def test_a_constant_has_a_gradient_of_zeros(f):
    x = np.array([1.0, 2.0, 3.0])
    assert cr.grad(f)(x).tolist() == [0, 0, 0]
    assert cr.value_and_grad(f)(x)[0] == f(x)
    assert cr.jvp(f, (x,), (x,))[1] == 0
    assert cr.jacobian(f)(x).tolist() == [0, 0, 0]
    assert cr.jacobian(f, mode="forward")(x).tolist() == [0, 0, 0]
    assert not cr.hessian(f)(x).any()
    assert cr.linearize(f, x)[1](x) == 0
    y, pullback = cr.vjp(f, x)
    assert y == f(x)
    assert pullback(1.0)[0].tolist() == [0, 0, 0]
    assert cr.record(f, x)(x) == f(x)
    assert not cr.sparsity(f, x).toarray().any()
    assert cr.vmap(f)(np.stack([x, x])).tolist() == [f(x)] * 2
    assert cr.grad(cr.checkpoint(f))(x).tolist() == [0, 0, 0]


def test_an_input_that_is_not_touched_has_a_gradient_of_zeros():
    b = cr.grad(lambda a, b: np.sum(a), argnums=1)(np.ones(2), np.ones((2, 3), np.float32))
    assert not b.any()
    assert (b.shape, b.dtype) == ((2, 3), np.float32)
    w, v = cr.variable(np.ones(2)), cr.variable(np.ones(2))
    np.sum(w).backward()
    assert v.grad is None  # nothing was passed back to it


def test_an_output_that_nobody_seeds_or_reads():
    _, pullback = cr.vjp(lambda x: {"a": x * 2, "b": np.exp(x)}, np.ones(2))
    assert pullback({"a": np.ones(2), "b": np.zeros(2)})[0].tolist() == [2, 2]
    y = cr.variable(np.ones(2))
    first, _ = np.split(y * 3, 2)
    np.sum(first).backward()
    assert y.grad.tolist() == [3, 0]


def test_an_output_that_is_an_input():
    assert cr.grad(lambda x: x)(2.0) == 1
    assert cr.jacobian(lambda x: x)(np.ones(2)).tolist() == [[1, 0], [0, 1]]
    w = cr.variable(np.ones(2))
    w.backward(np.array([3.0, 4.0]))
    assert w.grad.tolist() == [3, 4]
    y, pullback = cr.vjp(lambda a, b: (b, a, a), 1.0, 2.0)
    assert y == (2, 1, 1)
    assert pullback((5.0, 1.0, 1.0)) == (2, 5)


def test_trees_with_none_and_nothing():
    found = cr.grad(lambda p: p["a"] * 2 + p["c"][0])({"a": 1.0, "b": None, "c": (1.0,), "d": {}})
    assert found == {"a": 2, "b": None, "c": (1,), "d": {}}


# -- nesting -------------------------------------------------------------------------------------------------


def test_perturbations_are_not_confused_at_three_levels():
    assert cr.grad(lambda x: x * cr.grad(lambda y: x + y)(1.0))(1.0) == 1
    assert cr.jvp(lambda x: x * cr.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1] == 1
    # d/dx [x d/dy (y d/dz (x y z) at z = 1) at y = 2] at x = 3:  x y inside, y (x y) = x y^2, 2 x y = 4x, x (4x), 8x.
    f = lambda x: x * cr.grad(lambda y: y * cr.grad(lambda z: x * y * z)(1.0))(2.0)
    assert cr.grad(f)(3.0) == 24
    derivative = lambda f: lambda x: cr.jvp(f, (x,), (1.0,))[1]
    f = lambda x: x * derivative(lambda y: y * cr.grad(lambda z: x * y * z)(1.0))(2.0)
    assert derivative(f)(3.0) == 24
    assert cr.vmap(cr.grad(f))(np.array([3.0, 1.0])).tolist() == [24, 8]


def test_a_variable_inside_a_transform_is_a_constant_of_it():
    w = cr.variable(3.0)
    y = cr.grad(lambda x: x * x * w)(2.0)
    assert isinstance(y, cr.Variable)
    y.backward()
    assert w.grad == 4


def test_ten_levels():
    f = np.sin
    for _ in range(8):
        f = cr.grad(f)
    assert_allclose(f(0.3), np.sin(0.3))
    f = np.exp
    for k in range(6):
        f = cr.grad(f) if k % 2 else (lambda x, f=f: cr.jvp(f, (x,), (1.0,))[1])
    assert_allclose(f(0.3), np.exp(0.3))


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
def test_many_elements_read_by_arrays_of_positions(layout):
    """Beyond a thousand their cotangents are added up in another way: along one axis, where that can be done."""
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(-40, 40, (40, 40)), rng.integers(0, 40, (40, 40))
    for shape, index in (
        ((40, 40), (rows, columns)),
        ((3, 40, 40), (slice(None), columns, rows)),
        ((40, 3, 40), (rows[:, :1], slice(None, None, -1), columns[:1])),
        ((5000,), rng.integers(0, 5000, 3000)),
        ((60, 60), rng.random((60, 60)) > 0.5),
    ):
        x = layout(rng.standard_normal(shape))
        y, pullback = cr.vjp(lambda x, index=index: x[index], x)
        ct, total = rng.standard_normal(y.shape), np.zeros(shape)
        np.add.at(total, index, ct)
        assert_allclose(pullback(ct)[0], total, rtol=1e-14)

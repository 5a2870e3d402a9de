"""Discrete Fourier transforms: the rules of each, and what is known of them in closed form."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.errors import LostGradientError, MissingRuleError
from chainrule.testing import check_rules

rng = np.random.default_rng(5)
NORMS = ("backward", "ortho", "forward")
REAL = {np.fft.rfft, np.fft.ihfft}
"""What takes real arrays only."""
ALONG_AN_AXIS = (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft)
IN_PLANES = (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2)
IN_ALL = (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn)


def real(*shape):
    return rng.normal(size=shape)


def complex_(*shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def same_value(f, *xs):
    """f of traced arrays gives what NumPy gives: the bits, the shape and the dtype."""
    expected, found = f(*xs), cr.vjp(f, *xs)[0]
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found, expected)


# ---- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 2, 3, 5, 6])
@pytest.mark.parametrize("function", ALONG_AN_AXIS, ids=lambda f: f.__name__)
def test_along_an_axis(function, n, norm):
    """An axis of 4: what is read may be shorter or longer, of even or odd length."""
    for x in (real(4), complex_(4))[: 1 if function in REAL else 2]:
        f = lambda x: function(x, n, norm=norm)
        same_value(f, x)
        check_rules(f, x, order=2 if norm == "ortho" else 1)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("function", ALONG_AN_AXIS, ids=lambda f: f.__name__)
def test_lengths(function, length):
    if length == 1 and function in (np.fft.irfft, np.fft.hfft):
        with pytest.raises(ValueError, match=r"Invalid number of FFT data points \(0\) specified"):
            cr.vjp(function, real(1))
        return
    same_value(function, real(length))
    check_rules(function, real(length), order=1)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("function", ALONG_AN_AXIS, ids=lambda f: f.__name__)
def test_axes(function, axis):
    f = lambda x: function(x, axis=axis)
    same_value(f, real(2, 3, 4))
    check_rules(f, real(2, 3, 4), order=1)


@pytest.mark.parametrize(
    "keywords", [{}, {"s": (2, 5)}, {"s": (-1, 4)}, {"axes": (1, 0)}, {"norm": "forward"}], ids=str
)
@pytest.mark.parametrize("function", IN_PLANES, ids=lambda f: f.__name__)
def test_in_planes(function, keywords):
    for x in (real(2, 3, 3), complex_(2, 3, 3))[: 1 if function is np.fft.rfft2 else 2]:
        f = lambda x: function(x, **keywords)
        same_value(f, x)
        check_rules(f, x, order=1)


@pytest.mark.parametrize(
    "keywords",
    [{}, {"axes": (0,)}, {"axes": (2, 0)}, {"s": (3, 2), "axes": (0, 2)}, {"axes": (1, 1)}, {"norm": "ortho"}],
    ids=str,
)
@pytest.mark.parametrize("function", IN_ALL, ids=lambda f: f.__name__)
def test_in_several_axes(function, keywords):
    for x in (real(2, 3, 3), complex_(2, 3, 3))[: 1 if function is np.fft.rfftn else 2]:
        f = lambda x: function(x, **keywords)
        same_value(f, x)
        check_rules(f, x, order=1)


@pytest.mark.parametrize("axes", [None, 0, 1, (0, 1), (1, 1), -1], ids=str)
@pytest.mark.parametrize("function", [np.fft.fftshift, np.fft.ifftshift])
def test_shifts(function, axes):
    f = lambda x: function(x, axes)
    same_value(f, complex_(3, 4))
    check_rules(f, real(3, 4), order=1)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n):
    """They are in proportion to 1/d, the sampling rate, which may be what is differentiated by."""
    for function in (np.fft.fftfreq, np.fft.rfftfreq):
        f = lambda d: function(n, d)  # noqa: B023
        same_value(f, np.float64(0.3))
        check_rules(f, np.float64(0.3))
        np.testing.assert_allclose(cr.jacobian(f)(0.5), -f(0.5) / 0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("function", [*ALONG_AN_AXIS, *IN_PLANES, *IN_ALL], ids=lambda f: f.__name__)
def test_dtypes(function, dtype):
    """The results have NumPy's dtypes, and the cotangents that of the argument."""
    x = complex_(3, 4).astype(dtype) if dtype in (np.complex64, np.complex128) else real(3, 4).astype(dtype)
    if x.dtype.kind == "c" and function.__name__ in {"rfft", "ihfft", "rfft2", "rfftn"}:
        with pytest.raises(TypeError, match=r"numpy.fft.rfft: the input must be real; use numpy.fft.fft"):
            cr.vjp(function, x)
        return
    same_value(function, x)
    y, pullback = cr.vjp(function, x)
    assert pullback(y)[0].dtype == dtype
    assert cr.jvp(function, (x,), (x,))[1].dtype == y.dtype
    check_rules(function, x, order=1)


def test_whole_numbers_are_transformed_as_floats():
    """A constant takes part in a traced program; under vmap it is traced itself."""
    n = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(cr.vmap(np.fft.fft)(n), np.fft.fft(n))
    np.testing.assert_array_equal(cr.vmap(np.fft.rfft)(n), np.fft.rfft(n))


# ---- keywords and errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [*ALONG_AN_AXIS, *IN_PLANES, *IN_ALL], ids=lambda f: f.__name__)
def test_out(function):
    """The result is `out` (which NumPy 2.4 forgets in hfft, ifft2 and irfft2 of plain arrays)."""

    def f(x):
        y = function(x)
        out = np.zeros(y.shape, y.dtype, like=x)
        result = function(x, out=out)
        assert result is out or type(x) is np.ndarray
        return result

    x = real(2, 3)
    same_value(f, x)
    check_rules(f, x, order=1)


def test_out_that_cannot_hold_the_result():
    x = real(4)
    with pytest.raises(LostGradientError, match=r"numpy.fft.fft: a plain array cannot hold traced values"):
        cr.vjp(lambda x: np.fft.fft(x, out=np.zeros(4, complex)), x)
    with pytest.raises(ValueError, match=r"an array of shape \(3,\) cannot hold a result of shape \(4,\)"):
        cr.vjp(lambda x: np.fft.fft(x, out=np.zeros(3, complex, like=x)), x)
    with pytest.raises(
        TypeError, match="a result of dtype complex128 cannot be written into an array of dtype float64"
    ):
        cr.vjp(lambda x: np.fft.fft(x, out=x * 1.0), x)


NO_LENGTH: Any = 2.5
NO_NORM: Any = "unit"


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: np.fft.fft(x, 0), ValueError, r"Invalid number of FFT data points \(0\) specified"),
        (lambda x: np.fft.fft(x, NO_LENGTH), TypeError, "cannot be interpreted as an integer"),
        (lambda x: np.fft.fft(x, axis=2), np.exceptions.AxisError, "axis 2 is out of bounds"),
        (lambda x: np.fft.fft2(x[0]), np.exceptions.AxisError, "axis -2 is out of bounds"),
        (lambda x: np.fft.fft(x[0, 0]), np.exceptions.AxisError, "axis -1 is out of bounds"),
        (lambda x: np.fft.fft(x, norm=NO_NORM), ValueError, 'Invalid norm value unit; should be "backward","ortho"'),
        (lambda x: np.fft.hfft(x, norm=NO_NORM), ValueError, 'Invalid norm value unit; should be "backward","ortho"'),
        (lambda x: np.fft.fftn(x, (2,), (0, 1)), ValueError, "Shape and axes have different lengths"),
        (lambda x: np.fft.fftshift(x, 2), np.exceptions.AxisError, "axis 2 is out of bounds"),
    ],
)
def test_errors(f, error, message):
    with pytest.raises(error, match=message):
        cr.vjp(f, real(2, 3))
    with pytest.raises((error, IndexError)):  # as NumPy, which is not always as clear
        f(real(2, 3))


def test_nothing_is_missing():
    """Each function of numpy.fft either is in the table or is written with others that are."""
    x = real(4)
    arguments = {"fftfreq": (4, 0.5), "rfftfreq": (4, 0.5)}
    for name in np.fft.__all__:
        args = arguments.get(name, (x.reshape(2, 2),))
        try:
            cr.vjp(lambda v, name=name: getattr(np.fft, name)(*args[:-1], v), args[-1])  # noqa: B023
        except MissingRuleError as error:
            raise AssertionError(f"numpy.fft.{name}") from error


# ---- what is known in closed form -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 4, 5])
@pytest.mark.parametrize("norm", NORMS)
def test_the_jacobian_is_the_matrix_of_the_transform(n, norm):
    factor = {"backward": 1, "ortho": n**-0.5, "forward": 1 / n}[norm]
    j, k = np.meshgrid(np.arange(n), np.arange(n))
    matrix = factor * np.exp(-2j * np.pi * j * k / n)
    np.testing.assert_allclose(cr.jacobian(lambda z: np.fft.fft(z, norm=norm))(complex_(n)), matrix, atol=1e-14)
    np.testing.assert_allclose(
        cr.jacobian(lambda x: np.fft.rfft(x, norm=norm))(real(n)), matrix[: n // 2 + 1], atol=1e-14
    )
    # The gradient of a real function follows df/dx + i df/dy: that of Re(conj(c) . F z) is F^H c.
    c = complex_(n)
    gradient = cr.grad(lambda z: np.real(np.vdot(c, np.fft.fft(z, norm=norm))))(complex_(n))
    np.testing.assert_allclose(gradient, matrix.conj().T @ c, atol=1e-14)


@pytest.mark.parametrize("n", [4, 5])
@pytest.mark.parametrize("norm", NORMS)
def test_round_trips_are_the_identity(n, norm):
    """So are their Jacobians, and pullbacks give back the cotangent."""
    x, z, ct = real(2, n), complex_(2, n), real(2, n)
    trips = {
        "fft": lambda v: np.fft.ifft(np.fft.fft(v, norm=norm), norm=norm),
        "fftn": lambda v: np.fft.ifftn(np.fft.fftn(v, norm=norm), norm=norm),
        "fft2": lambda v: np.fft.fft2(np.fft.ifft2(v, norm=norm), norm=norm),
        "shift": lambda v: np.fft.ifftshift(np.fft.fftshift(v)),
    }
    for trip in trips.values():
        (back,) = cr.vjp(trip, z)[1](ct + 1j * ct[::-1])
        np.testing.assert_allclose(back, ct + 1j * ct[::-1], atol=1e-14)
    real_trips = {
        "rfft": lambda v: np.fft.irfft(np.fft.rfft(v, norm=norm), n, norm=norm),
        "rfftn": lambda v: np.fft.irfftn(np.fft.rfftn(v, norm=norm), v.shape, (0, 1), norm=norm),
        "rfft2": lambda v: np.fft.irfft2(np.fft.rfft2(v, norm=norm), v.shape, norm=norm),
        "ihfft": lambda v: np.fft.hfft(np.fft.ihfft(v, norm=norm), n, norm=norm),
    }
    for trip in real_trips.values():
        np.testing.assert_allclose(cr.vjp(trip, x)[1](ct)[0], ct, atol=1e-14)
        np.testing.assert_allclose(cr.jvp(trip, (x,), (ct,))[1], ct, atol=1e-14)


@pytest.mark.parametrize("n", [4, 5])
def test_energy_is_kept(n):
    """Parseval: sum |F x|^2 = n sum |x|^2, so the gradient is 2 n x and the Hessian 2 n times the identity."""
    energy = lambda v: np.sum(np.abs(np.fft.fft(v)) ** 2)
    x, z = real(n), complex_(n)
    np.testing.assert_allclose(cr.grad(energy)(x), 2 * n * x)
    np.testing.assert_allclose(cr.grad(energy)(z), 2 * n * z)
    np.testing.assert_allclose(cr.hessian(energy)(x), 2 * n * np.eye(n), atol=1e-12)
    plane = lambda v: np.sum(np.abs(np.fft.fftn(v, norm="ortho")) ** 2)
    np.testing.assert_allclose(cr.grad(plane)(complex_(2, 3) * 0 + z[:3]), 2 * np.broadcast_to(z[:3], (2, 3)))


@pytest.mark.parametrize("n", [6, 7])
def test_convolution_theorem(n):
    """A cyclic convolution by way of the spectrum has the derivatives of the sum that it is."""
    a, b, ct = real(n), real(n), real(n)
    direct = lambda a, b: np.stack([np.sum(a * np.roll(b[::-1], k + 1)) for k in range(n)])
    fast = lambda a, b: np.fft.irfft(np.fft.rfft(a) * np.fft.rfft(b), n)
    np.testing.assert_allclose(fast(a, b), direct(a, b))
    for ours, theirs in zip(cr.vjp(fast, a, b)[1](ct), cr.vjp(direct, a, b)[1](ct), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)


def test_spectral_derivative():
    """The derivative of a wave by its spectrum, differentiated by the frequency of the wave."""
    n = 32
    x = 2 * np.pi * np.arange(n) / n
    k = np.fft.rfftfreq(n, 1 / n)
    slope = lambda amplitude: np.fft.irfft(1j * k * np.fft.rfft(amplitude * np.sin(3 * x)), n)
    np.testing.assert_allclose(cr.jvp(slope, (2.0,), (1.0,))[1], 3 * np.cos(3 * x), atol=1e-12)


def test_what_is_not_read_has_no_derivative():
    """Of a longer array only the first n elements are transformed, and the pattern says so."""
    x = real(5)
    assert cr.grad(lambda x: np.sum(np.abs(np.fft.rfft(x, 3)) ** 2))(x)[3:].tolist() == [0, 0]
    z = complex_(5)
    assert cr.grad(lambda z: np.sum(np.fft.irfft(z, 4) ** 2))(z)[3:].tolist() == [0, 0]
    # The zero frequency of a real signal is real: the imaginary part is not read.
    assert cr.grad(lambda z: np.sum(np.fft.irfft(z, 4) ** 2))(z)[0].imag == 0

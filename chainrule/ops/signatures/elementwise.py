"""Functions of each element that are no ufuncs, and the ufuncs that are made of others."""

import numpy as np

from ...core.memory import view
from ...core.trace import Tracer, bind, operand
from .. import arithmetic, selections
from .tools import array, given, into, is_inexact, ndim, refuse, shape, signature_of


def modf(x):
    whole = np.trunc(x)
    return np.where(np.isinf(x), 0.0, x - whole), whole


def frexp(x):
    """x = mantissa * 2**exponent; the exponent is a whole number, constant between powers of two."""
    exponent = bind(arithmetic.exponent, x)
    return np.ldexp(x, -exponent), exponent


COMPOSITE = {
    np.divmod: lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)),
    np.modf: modf,
    np.frexp: frexp,
    np.vecdot: lambda a, b: np.sum(np.conjugate(a) * b, axis=-1),
    np.matvec: lambda a, b: np.matmul(a, array(b)[..., None])[..., 0],
    np.vecmat: lambda a, b: np.matmul(np.conjugate(array(a))[..., None, :], b)[..., 0, :],
}


# ---- complex numbers ------------------------------------------------------------------------------------------------


@signature_of(np.real)
def real(val):
    if val.dtype.kind != "c":
        return val

    def write_back(base, part):
        base[...] = part + 1j * np.imag(base)

    return view(bind(selections.real, val), val, lambda base: bind(selections.real, base), write_back)


@signature_of(np.imag)
def imag(val):
    if val.dtype.kind != "c":
        return np.zeros_like(val)

    def write_back(base, part):
        base[...] = np.real(base) + 1j * part

    return view(bind(selections.imag, val), val, lambda base: bind(selections.imag, base), write_back)


@signature_of(np.angle)
def angle(z, deg=False):
    y = bind(selections.angle, z) if z.dtype.kind == "c" else np.arctan2(0, z)
    return y * (180 / np.pi) if deg else y


@signature_of(np.real_if_close)
def real_if_close(a, tol=100):
    if a.dtype.kind != "c":
        return a
    limit = tol * np.finfo(a.dtype).eps if tol > 1 else tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < limit) else a


signature_of(np.isreal)(lambda x: np.imag(x) == 0)
signature_of(np.iscomplex)(lambda x: np.imag(x) != 0)


# ---- rounding and limits --------------------------------------------------------------------------------------------


@signature_of(np.clip)
def clip(a, a_min=np._NoValue, a_max=np._NoValue, out=None, *, min=np._NoValue, max=np._NoValue, **kwargs):
    """A closed interval: at its ends the gradient goes to `a`."""
    if kwargs:
        raise refuse("numpy.clip", f"the keyword {next(iter(kwargs))}= is not supported")
    y = array(a)
    low, high = (first if first is not np._NoValue else second for first, second in ((a_min, min), (a_max, max)))
    if given(low):
        low = operand(low)
        y = np.where((y < low) | np.isnan(low), low, y)
    if given(high):
        high = operand(high)
        y = np.where((y > high) | np.isnan(high), high, y)
    return into(out, np.copy(y) if y is a else y, "numpy.clip")


@signature_of(np.round, np.around)
def round_(a, decimals=0, out=None):
    scale = 10.0 ** abs(decimals)
    if decimals == 0 or (not is_inexact(a) and decimals > 0):
        y = np.rint(a) if is_inexact(a) else np.copy(a)
    else:
        y = np.rint(a * scale) / scale if decimals > 0 else np.rint(a / scale) * scale
    return into(out, y.astype(a.dtype), "numpy.round")


@signature_of(np.fix)
def fix(x, out=None):
    return into(out, np.trunc(x), "numpy.fix")


@signature_of(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    if not is_inexact(x):
        return np.copy(x) if copy else x
    if x.dtype.kind == "c":
        y = nan_to_num(np.real(x), True, nan, posinf, neginf) + 1j * nan_to_num(np.imag(x), True, nan, posinf, neginf)
    else:
        big = np.finfo(x.dtype).max
        y = np.where(np.isnan(x), nan, x)
        y = np.where(np.isposinf(x), big if posinf is None else posinf, y)
        y = np.where(np.isneginf(x), -big if neginf is None else neginf, y).astype(x.dtype)
    if copy:
        return y
    x[...] = y
    return x


# ---- questions ------------------------------------------------------------------------------------------------------


def is_infinite(name, on_that_side):
    def implementation(x, out=None):
        if x.dtype.kind == "c":
            raise TypeError(f"{name}: a complex infinity has no sign; an array of dtype {x.dtype} was given")
        return into(out, np.isinf(x) & on_that_side(x), name)

    return implementation


signature_of(np.isposinf)(is_infinite("numpy.isposinf", lambda x: x > 0))
signature_of(np.isneginf)(is_infinite("numpy.isneginf", lambda x: x < 0))


@signature_of(np.isclose)
def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    a, b = operand(a), operand(b)
    near = np.abs(a - b) <= atol + rtol * np.abs(b)
    near = (near & np.isfinite(b)) | np.equal(a, b)
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


@signature_of(np.allclose)
def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    return truth(np.all(np.isclose(a, b, rtol, atol, equal_nan)))


@signature_of(np.array_equal)
def array_equal(a1, a2, equal_nan=False):
    a1, a2 = operand(a1), operand(a2)
    if shape(a1) != shape(a2):
        return False
    same = np.equal(a1, a2)
    return truth(np.all(same | (np.isnan(a1) & np.isnan(a2)) if equal_nan else same))


@signature_of(np.array_equiv)
def array_equiv(a1, a2):
    try:
        return truth(np.all(np.equal(*np.broadcast_arrays(a1, a2))))
    except ValueError:  # the shapes do not broadcast
        return False


def truth(value):
    return value if isinstance(value, Tracer) else bool(value)


signature_of(np.iterable)(lambda y: ndim(y) > 0)


# ---- special functions ----------------------------------------------------------------------------------------------


@signature_of(np.sinc)
def sinc(x):
    """sin(pi x) / (pi x); near 0 its Taylor series, which has derivatives there."""
    t = np.pi * x
    near = np.abs(t) < 1e-2
    s = np.where(near, t, 0.0)
    s2 = s * s
    series = 1 - s2 / 6 * (1 - s2 / 20 * (1 - s2 / 42 * (1 - s2 / 72)))
    far = np.where(near, 1.0, t)
    return np.where(near, series, np.sin(far) / far)


@signature_of(np.i0)
def i0(x):
    from scipy.special import i0 as bessel

    return bessel(x)

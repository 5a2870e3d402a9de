"""Transfer functions: as polynomials, as zeros and poles, as sections of second order, and their responses."""

import operator
import warnings
from typing import Any

import numpy as np
import scipy.signal

from ...ops.signatures.creation import nested
from ...ops.signatures.tools import plain, refuse
from ..namespace import instead_of

# ---- polynomials -----------------------------------------------------------------------------------------------------


def vector(x: Any) -> Any:
    x = np.atleast_1d(nested(x))
    return x if x.dtype.kind in "fc" else x.astype(float)


def value(c: Any, x: Any) -> Any:
    """The polynomial with the coefficients c, the highest first, at x."""
    y = c[..., 0] + np.zeros_like(x)
    for k in range(1, c.shape[-1]):
        y = y * x + c[..., k]
    return y


def from_roots(x: Any, roots: Any) -> Any:
    return np.prod(x - roots[:, None], axis=0)


@instead_of(scipy.signal.normalize)
def normalize(b, a):
    """The coefficients divided by the first one of a, without leading zeros; differentiable in both.

    Coefficients that are zero at the front of b are left out if they are constants.
    """
    num, den = np.atleast_2d(nested(b)), np.atleast_1d(nested(a))
    if den.ndim != 1 or num.ndim > 2:
        raise ValueError("Denominator polynomial must be rank-1 array, the numerator rank-1 or rank-2.")
    start = np.flatnonzero(plain(den, "scipy.signal.normalize"))
    if not start.size:
        raise ValueError("Denominator must have at least on nonzero element.")
    num, den = num / den[start[0]], den[start[0] :] / den[start[0]]
    used = np.flatnonzero(np.any(np.abs(plain(num, "scipy.signal.normalize")) > 1e-14, axis=0))
    first = used[0] if used.size else num.shape[1] - 1
    if first or not used.size:
        text = "Badly conditioned filter coefficients (numerator): the results may be meaningless"
        warnings.warn(text, scipy.signal.BadCoefficients, stacklevel=3)
    num = num[:, first:]
    return num[0] if num.shape[0] == 1 else num, den


@instead_of(scipy.signal.zpk2tf)
def zpk2tf(z, p, k):
    """The polynomials with these zeros and poles; differentiable in z, p and k.

    They are real if the zeros and poles are real, or constants that come in conjugate pairs.
    """
    z, p, k = vector(z), vector(p), nested(k)
    if z.ndim > 1:
        raise refuse("scipy.signal.zpk2tf", "zeros of several numerators: call it for one at a time")
    return k * polynomial(z), polynomial(p)


def polynomial(roots: Any) -> Any:
    """The coefficients of the monic polynomial with these roots; real for conjugate pairs, as numpy.poly has it."""
    c = np.ones(1)
    for root in roots:
        c = np.concatenate([c, np.zeros(1)]) - root * np.concatenate([np.zeros(1), c])
    if c.dtype.kind == "c":
        values = plain(roots, "scipy.signal.zpk2tf: complex roots")
        if np.all(np.sort(values) == np.sort(values.conj())):
            return np.real(c)
    return c


@instead_of(scipy.signal.tf2zpk)
def tf2zpk(b, a):
    """The zeros, the poles and the gain of polynomials, by numpy.roots; differentiable in both, if roots are simple."""
    b, a = normalize(b, a)
    return np.roots(b), np.roots(a), b[0]


@instead_of(scipy.signal.sos2tf)
def sos2tf(sos):
    """The polynomials that sections multiply to; differentiable in sos."""
    sos = nested(sos)
    b, a = np.ones(1), np.ones(1)
    for row in sos:
        b, a = np.convolve(b, row[:3]), np.convolve(a, row[3:])
    return b, a


# ---- from one band, and from one kind of time, to another ------------------------------------------------------------


def excess(z: Any, p: Any) -> int:
    degree = p.shape[0] - z.shape[0]
    if degree < 0:
        raise ValueError("Improper transfer function. Must have at least as many poles as zeros.")
    return degree


@instead_of(scipy.signal.bilinear_zpk)
def bilinear_zpk(z, p, k, fs):
    """The filter in steps of time with the response of an analog one; differentiable in z, p, k and fs."""
    z, p = vector(z), vector(p)
    twice, degree = 2.0 * fs, excess(z, p)
    zeros = np.concatenate([(twice + z) / (twice - z), -np.ones(degree)])
    return zeros, (twice + p) / (twice - p), k * np.real(np.prod(twice - z) / np.prod(twice - p))


@instead_of(scipy.signal.lp2lp_zpk)
def lp2lp_zpk(z, p, k, wo=1.0):
    """A low-pass filter at another frequency; differentiable in z, p, k and wo."""
    z, p = vector(z), vector(p)
    return wo * z, wo * p, k * wo ** excess(z, p)


@instead_of(scipy.signal.lp2hp_zpk)
def lp2hp_zpk(z, p, k, wo=1.0):
    """A high-pass filter made of a low-pass one; differentiable in z, p, k and wo."""
    z, p = vector(z), vector(p)
    zeros = np.concatenate([wo / z, np.zeros(excess(z, p))])
    return zeros, wo / p, k * np.real(np.prod(-z) / np.prod(-p))


def alike(z: Any, p: Any) -> tuple[Any, Any]:
    """Zeros and poles of one dtype: the signs of zeros, and so the order of conjugate roots, depend on it."""
    z, p = vector(z), vector(p)
    return z.astype(np.result_type(z.dtype, p.dtype)), p.astype(np.result_type(z.dtype, p.dtype))


def shifted(x: Any, wo: Any) -> Any:
    x = x.astype(complex)
    root = np.sqrt(x**2 - wo**2)
    return np.concatenate([x + root, x - root])


@instead_of(scipy.signal.lp2bp_zpk)
def lp2bp_zpk(z, p, k, wo=1.0, bw=1.0):
    """A band-pass filter made of a low-pass one; differentiable in z, p, k, wo and bw."""
    z, p = alike(z, p)
    degree = excess(z, p)
    zeros = np.concatenate([shifted(z * bw / 2, wo), np.zeros(degree)])
    return zeros, shifted(p * bw / 2, wo), k * bw**degree


@instead_of(scipy.signal.lp2bs_zpk)
def lp2bs_zpk(z, p, k, wo=1.0, bw=1.0):
    """A band-stop filter made of a low-pass one; differentiable in z, p, k, wo and bw."""
    z, p = alike(z, p)
    ends = [np.full(excess(z, p), 1j) * wo, np.full(excess(z, p), -1j) * wo]
    zeros = np.concatenate([shifted((bw / 2) / z, wo), *ends])
    return zeros, shifted((bw / 2) / p, wo), k * np.real(np.prod(-z) / np.prod(-p))


# ---- responses -------------------------------------------------------------------------------------------------------


def angles(worN: Any, whole: bool, fs: Any, include_nyquist: bool = False) -> Any:
    """Frequencies in radians a sample: so many of them, or those that are given."""
    worN = 512 if worN is None else worN
    try:
        count = operator.index(worN)
    except TypeError:
        return 2 * np.pi * vector(worN) / fs
    if count < 0:
        raise ValueError(f"worN must be nonnegative, got {count}")
    return np.linspace(0, 2 * np.pi if whole else np.pi, count, endpoint=include_nyquist and not whole)


@instead_of(scipy.signal.freqz)
def freqz(b, a=1, worN=512, whole=False, plot=None, fs=2 * np.pi, include_nyquist=False):
    """The frequencies, and the response of a filter to them; differentiable in b, a, worN and fs.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.signal import freqz
    >>> cr.grad(lambda a: np.abs(freqz([1.0], np.stack([1.0, a]), [0.0])[1][0]))(-0.5)  # 1 / (1 + a)
    np.float64(-4.0)
    """
    b, a = vector(b), vector(a)
    if b.ndim > 1 or a.ndim > 1:
        raise refuse("scipy.signal.freqz", "coefficients with several axes: call it for one filter at a time")
    w = angles(worN, whole, fs, include_nyquist)
    z = np.exp(-1j * w)
    h = value(b[::-1], z) / value(a[::-1], z)
    return shown(plot, w * (fs / (2 * np.pi)), h, "scipy.signal.freqz")


def shown(plot: Any, w: Any, h: Any, what: str) -> tuple[Any, Any]:
    if plot is not None:
        plot(plain(w, f"{what}: plot"), plain(h, f"{what}: plot"))
    return w, h


@instead_of(scipy.signal.freqz_zpk)
def freqz_zpk(z, p, k, worN=512, whole=False, fs=2 * np.pi):
    """The frequencies, and the response of a filter with these zeros and poles; differentiable in z, p, k and worN."""
    z, p = vector(z), vector(p)
    w = angles(worN, whole, fs)
    at = np.exp(1j * w)
    return w * (fs / (2 * np.pi)), k * from_roots(at, z) / from_roots(at, p)


def freqz_sos(sos, worN=512, whole=False, fs=2 * np.pi):
    """The frequencies, and the response to them of sections of second order; differentiable in sos."""
    sos = np.atleast_2d(nested(sos))
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError("sos array must be shape (n_sections, 6)")
    if not sos.shape[0]:
        raise ValueError("Cannot compute frequencies with no sections")
    found = [freqz(row[:3], row[3:], worN, whole, fs=fs) for row in sos]
    h = found[0][1]
    for _, factor in found[1:]:
        h = h * factor
    return found[0][0], h


sosfreqz = instead_of(scipy.signal.sosfreqz)(freqz_sos)
if hasattr(scipy.signal, "freqz_sos"):  # from SciPy 1.15 on
    freqz_sos = instead_of(scipy.signal.freqz_sos)(freqz_sos)


@instead_of(scipy.signal.freqs)
def freqs(b, a, worN=200, plot=None):
    """The frequencies, and the response of an analog filter to them; differentiable in b, a and worN."""
    b, a = vector(b), vector(a)
    worN = 200 if worN is None else worN
    if isinstance(worN, int):
        w = scipy.signal.findfreqs(plain(b, "scipy.signal.freqs"), plain(a, "scipy.signal.freqs"), worN)
    else:
        w = vector(worN)
    s = 1j * w
    return shown(plot, w, value(b, s) / value(a, s), "scipy.signal.freqs")


@instead_of(scipy.signal.freqs_zpk)
def freqs_zpk(z, p, k, worN=200):
    """The frequencies, and the response of an analog filter with these zeros and poles; differentiable in z, p, k."""
    z, p = vector(z), vector(p)
    worN = 200 if worN is None else worN
    if isinstance(worN, int):
        z_, p_ = plain(z, "scipy.signal.freqs_zpk"), plain(p, "scipy.signal.freqs_zpk")
        w = scipy.signal.findfreqs(z_, p_, worN, kind="zp")
    else:
        w = vector(worN)
    s = 1j * w
    return w, k * from_roots(s, z) / from_roots(s, p)


@instead_of(scipy.signal.group_delay)
def group_delay(system, w=512, whole=False, fs=2 * np.pi):
    """The frequencies, and by how many samples a filter delays them; differentiable in the coefficients, w and fs.

    Where the response is 0 there is no delay, and the derivative is not finite.
    """
    b, a = map(vector, system)
    w = angles(w, whole, fs)
    c = np.convolve(b, np.conjugate(a[::-1]))
    z = np.exp(-1j * w)
    delay = np.real(value((c * np.arange(c.size))[::-1], z) / value(c[::-1], z)) - a.size + 1
    return w * (fs / (2 * np.pi)), delay

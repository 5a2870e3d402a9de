"""scipy.signal: convolutions, filters, spectra."""

import inspect
import re

import numpy as np
import pytest
import scipy.signal as original

import chainrule as cr
from chainrule.scipy import signal
from chainrule.testing import check_rules

rng = np.random.default_rng(5)
SOS = original.butter(3, 0.3, output="sos")
b, a = original.butter(2, 0.4)

TRACED = {
    "v": rng.normal(size=5),
    "u": rng.normal(size=3),
    "x": rng.normal(size=(3, 6)),
    "k": rng.normal(size=(2, 3)),
    "w": rng.normal(size=24),
    "q": rng.normal(size=24),
    "z": rng.normal(size=6) + 1j * rng.normal(size=6),
    "c": rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)),
    "f": rng.normal(size=12).astype(np.float32),
    "b": b,
    "a": a,
    "s": np.float64(0.7),
    "r": np.delete(SOS, 3, axis=1),
    "zi": rng.normal(size=2),
    "B": rng.normal(size=(2, 3, 4)),
}


PLAIN = {
    "np": np,
    "sos": SOS,
    "ba": (b, a),
    "whole": lambda r: np.concatenate([r[:, :3], np.ones((len(r), 1)), r[:, 3:]], axis=1),
}
"""whole: sections with the coefficient that must be 1."""


def each(line, *values):
    return [line.replace("{}", value) for value in values]


MODES = ("'full'", "'same'", "'valid'")
UPFIRDN = ("constant", "wrap", "edge", "smooth", "symmetric", "reflect", "antisymmetric", "antireflect", "line")
UPFIRDN = tuple(map(repr, UPFIRDN))
BOUNDS = ("'fill'", "'wrap'", "'symm'")

LINES = [
    *each("S.convolve(v, u, {})", *MODES),
    *each("S.convolve(u, v, {}, 'direct')", *MODES),
    *each("S.convolve(v, u, {}, 'fft')", *MODES),
    *each("S.convolve(x, k, {}, 'direct')", *MODES),
    *each("S.convolve(k, x, {}, method='fft')", *MODES),
    "S.convolve(s, s)",
    "S.convolve(x, c, method='direct')",
    "S.convolve(f, f[:3])",
    "S.convolve(v, [1, 2])",
    "S.convolve(x[None], B, 'same')",
    *each("S.correlate(v, u, {})", *MODES),
    *each("S.correlate(k, x, {}, 'direct')", *MODES),
    *each("S.correlate(z, u, {}, 'fft')", *MODES),
    "S.correlate(x, c)",
    "S.correlate(u, z, method='direct')",
    "S.correlate(s, s)",
    *each("S.fftconvolve(x, k, {})", *MODES),
    "S.fftconvolve(x, k[:1], axes=1)",
    "S.fftconvolve(x, k[:1], 'valid', axes=[-1])",
    "S.fftconvolve(z, u)",
    "S.fftconvolve(f, f[:3], 'same')",
    *each("S.oaconvolve(w, u, {})", *MODES),
    *each("S.convolve2d(x, k, {})", *MODES),
    *each("S.convolve2d(x, k, 'full', {})", *BOUNDS),
    *each("S.convolve2d(x, k, 'same', {})", *BOUNDS),
    "S.convolve2d(k, x, 'same', 'fill', s)",
    "S.convolve2d(k, x, 'valid')",
    "S.convolve2d(x, c, 'same', 'symm')",
    *each("S.correlate2d(x, k, {})", *MODES),
    *each("S.correlate2d(x, c, 'same', {}, 2.0)", *BOUNDS),
    "S.correlate2d(k, x, 'valid')",
    "S.correlate2d(k, x, 'same')",
    "S.lfilter(b, a, w)",
    "S.lfilter(b, 2.0 * a, x)",
    "S.lfilter(b, a, x, 0)",
    "S.lfilter(b, a, w, zi=zi)",
    "S.lfilter(b, a, x, zi=zi[None, :])",
    "S.lfilter(u, s, v)",
    "S.lfilter(u, [s], v, zi=zi)",
    "S.lfilter([1.0], a, v)",
    "S.lfilter(u[:2], [1.0, 0.5, 0.2, 0.1], v, zi=u)",
    "S.lfilter([s], [2.0], v)",
    "S.lfilter(b, a, z)",
    "S.lfilter(b, z[:3] / 3, w)",
    "S.lfilter(f[:2], f[2:5] + 4, f[5:])",
    "S.lfilter_zi(b, a)",
    "S.lfilter_zi(u, 2.0 * a)",
    "S.lfilter_zi(b[:2], a)",
    "S.lfiltic(b, a, zi)",
    "S.lfiltic(b, a, u, zi[:1])",
    "S.lfiltic(v, a, zi, u)",
    "S.sosfilt(whole(r), w)",
    "S.sosfilt(whole(r), x, 0)",
    "S.sosfilt(whole(r), w, zi=zi[:, None] * np.stack([s, 2.0]))",
    "S.sosfilt_zi(whole(r))",
    *each("S.filtfilt(b, a, w, padtype={})", "'odd'", "'even'", "'constant'", "None"),
    "S.filtfilt(b, a, x, 1, padlen=2)",
    "S.filtfilt(b, a, x, axis=0, padlen=1)",
    "S.filtfilt(*ba, w, method='gust')",
    "S.filtfilt(*ba, w, method='gust', irlen=8)",
    "S.filtfilt(*ba, x, axis=0, method='gust')",
    "S.filtfilt([s], [2.0], v, method='gust')",
    "S.sosfiltfilt(sos, w)",
    "S.sosfiltfilt(whole(r), x, padtype='even', padlen=3)",
    "S.deconvolve(v, u)",
    *each("S.savgol_filter(w, 5, 2, mode={})", "'interp'", "'mirror'", "'constant'", "'nearest'", "'wrap'"),
    *each("S.savgol_filter(w, 4, 2, mode={})", "'interp'", "'mirror'", "'constant'", "'nearest'", "'wrap'"),
    "S.savgol_filter(x, 3, 1, axis=0)",
    "S.savgol_filter(w, 7, 3, deriv=1, delta=s)",
    "S.savgol_filter(w, 7, 3, deriv=2, delta=s, mode='constant', cval=s)",
    "S.savgol_filter(w, 5, 1, deriv=2)",
    "S.savgol_filter(w[:5], 5, 2)",
    "S.savgol_filter(f, 5, 2, mode='nearest')",
    "S.medfilt(w)",
    "S.medfilt(x)",
    "S.medfilt(x, [3, 1])",
    "S.medfilt(f + np.arange(0, 36, 3, dtype=np.float32) % 7, 5)",
    "S.medfilt2d(x)",
    "S.medfilt2d(x, [1, 3])",
    "S.order_filter(x, np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), 1)",
    "S.order_filter(w, np.ones(3), 2)",
    "S.wiener(w)",
    "S.wiener(x, 3, s)",
    "S.wiener(x, (1, 3))",
    "S.detrend(w)",
    "S.detrend(x, 0, 'constant')",
    "S.detrend(x, axis=0)",
    "S.detrend(w, bp=[5, 12])",
    "S.detrend(z)",
    "S.detrend(f)",
    "S.hilbert(w)",
    "S.hilbert(v)",
    "S.hilbert(x, axis=0, N=5)",
    "S.hilbert(x, 4)",
    "S.hilbert(f)",
    "S.hilbert2(x)",
    "S.hilbert2(B, (4, 5))",
    "S.hilbert2(B, 4, axes=(0, 2))",
    *each("S.upfirdn(u, v, 2, 3, mode={})", *UPFIRDN),
    *each("S.upfirdn(w[:7], v, mode={})", *UPFIRDN),
    "S.upfirdn(u, x, 3, 1, 0)",
    "S.upfirdn(u, x, 3, 1, 0, 'constant', s)",
    "S.upfirdn([s], z, 2, 1)",
    "S.upfirdn(f[:3], f)",
    *each("S.resample_poly(v, 3, 2, window=[0.2, 0.5, 1.0, 0.5, 0.2], padtype={})", *UPFIRDN),
    *each("S.resample_poly(w, 2, 3, padtype={})", "'mean'", "'median'", "'minimum'", "'maximum'"),
    "S.resample_poly(x, 2, 4, axis=1)",
    "S.resample_poly(x, 4, 2, axis=0, cval=s)",
    "S.resample_poly(w, 3, 3)",
    "S.resample_poly(w, 3, 2, window=u)",
    "S.resample_poly(f, 1, 2)",
    "S.decimate(np.tile(w, 2), 2)",
    "S.decimate(x, 2, 3, axis=0, zero_phase=False)",
    *each("S.decimate(w, 3, ftype='fir', zero_phase={})", "True", "False"),
    *each("S.resample(w, {})", "10", "11", "24", "30", "31"),
    *each("S.resample(w[:9], {}, window='hann')", "4", "5", "12", "13"),
    *each("S.resample(z, {}, window=np.arange(6.0))", "3", "4", "6", "8", "9"),
    *each("S.resample(z[:5], {})", "3", "4", "6", "7"),
    "S.resample(x, 4, axis=1)",
    "S.resample(x, 4, w[:6], axis=1)",
    "S.resample(w, 8, window=np.abs)",
    "S.resample(w, 8, window=q)",
    "S.resample(x, 4, domain='freq')",
    "S.resample(z, 8, domain='freq')",
    "S.resample(f, 6)",
    "S.periodogram(w)[1]",
    "S.periodogram(x, s, 'hann', axis=0, detrend='linear')",
    "S.periodogram(w, 2.0, nfft=30, scaling='spectrum')",
    "S.periodogram(w, nfft=9, return_onesided=False, detrend=False)",
    "S.periodogram(z)[1]",
    "S.welch(w, nperseg=8)[1]",
    "S.welch(w, s, np.abs(q[:7]), noverlap=3, nfft=9)",
    "S.welch(x, nperseg=4, axis=1, detrend=lambda v: v - v[..., :1])[1]",
    "S.welch(w, nperseg=8, average='median')[1]",
    "S.welch(f, nperseg=4)[1]",
    "S.csd(w, q, nperseg=8)[1]",
    "S.csd(w[:20], q, s, nperseg=8, scaling='spectrum', average='median')",
    "S.csd(z, v, nperseg=3)[1]",
    "S.csd(x, w[:6], nperseg=3)[1]",
    "S.csd(w, w, nperseg=5)[1]",
    "S.coherence(w, q, nperseg=6)[1]",
    *each("S.spectrogram(w, nperseg=8, mode={})[2]", "'psd'", "'complex'", "'magnitude'", "'angle'", "'phase'"),
    "S.spectrogram(x, s, 'hann', 3, 1, 5, False, False, 'spectrum', 1)",
    "S.spectrogram(B, nperseg=2, axis=1, mode='phase', detrend=False)[2]",
    "S.stft(w, nperseg=8)[2]",
    *each("S.stft(w, s, nperseg=5, boundary={}, padded=False)", "'even'", "'odd'", "'constant'", "None"),
    "S.stft(x.T, nperseg=4, axis=0, detrend='constant', return_onesided=False, scaling='psd')[2]",
    "S.stft(f, nperseg=4)[2]",
    "S.istft(c[:, :2] + np.zeros((3, 2, 2)))",
    "S.istft(np.stack([z, 2 * z, z, z], 1)[:5], s, nperseg=8, scaling='psd')",
    "S.istft(np.stack([z, 2 * z, z, z])[:, :5], 1, 'boxcar', 9, 6, boundary=False, time_axis=0, freq_axis=1)",
    "S.istft(np.stack([z, z**2, z], 1), np.float64(2.0), np.abs(q[:6]), nfft=6, input_onesided=False)",
    "S.istft(B, nperseg=4)[1]",
    "S.freqz(b, a, 4)[1]",
    "S.freqz(u)[1][::100]",
    "S.freqz(u, worN=4, whole=True)[1]",
    "S.freqz(u, s, worN=5, include_nyquist=True)[1]",
    "S.freqz(b, a, np.abs(v), fs=s)",
    "S.freqz(z, worN=3)[1]",
    "S.freqz_zpk(z[:2], z[2:5], s, 4)[1]",
    "S.freqz_zpk(v[:2], v[2:], 2.0, np.abs(u), fs=s)",
    "S.sosfreqz(whole(r), 4)[1]",
    "S.freqs(b, a, np.abs(v))",
    "S.freqs(b, a, 3)[1]",
    "S.freqs_zpk(z[:2], z[2:5], s, np.abs(v))",
    "S.group_delay((u, a), [0.3, 1.0, 2.0])[1]",
    "S.group_delay((u, 2.0), np.abs(v), fs=s)",
    "S.normalize(u, 2.0 * a)",
    "S.normalize(np.stack([u, u * u]), [0, s])",
    "S.zpk2tf(v, u, s)",
    "S.zpk2tf([], z, 2.0)",
    "S.zpk2tf([0.5], v, 2.0)",
    "S.tf2zpk([1.0, 3.0, 2.0], v)",
    "S.tf2zpk(np.stack([s, 3.0, 1.0]), [1.0, -1.0])",
    "S.sos2tf(whole(r))",
    "S.bilinear_zpk(v[:2], u, s, 2.0)",
    "S.bilinear_zpk(z[:2], z[2:], 1.0, s)",
    "S.lp2lp_zpk(v[:2], u, 2.0, s)",
    "S.lp2hp_zpk(v[:2], z, 2.0, s)",
    "S.lp2bp_zpk(v[:2], z, 2.0, s, 0.3)",
    "S.lp2bs_zpk(v[:2], z, s, 0.5, s)",
    *each("S.chirp(w, s, 1.5, 2.0, {}, 30)", "'linear'", "'quadratic'", "'log'", "'hyperbolic'"),
    "S.chirp(w, 2.0, s, 2.0, 'quadratic', vertex_zero=False)",
    "S.chirp(w, s, 2.0, 1.0, phi=s, complex=True)",
    "S.chirp(w, 1.0, 2.0, 1.0, 'log', s)",
    "S.gausspulse(w, s)",
    "S.gausspulse(w, 2.0, s, -s, retquad=True, retenv=True)",
    "S.gausspulse('cutoff', s, tpr=-50 * s)",
    "S.sweep_poly(w, u, s)",
    "S.sweep_poly(w, np.poly1d([1.0, 2.0]))",
    "S.sawtooth(w)",
    "S.sawtooth(w, s)",
]


def of_line(line, module):
    code = compile(line, line, "eval")
    names = [name for name in TRACED if name in code.co_names]
    f = lambda *xs: eval(code, {**PLAIN, "S": module, **dict(zip(names, xs, strict=True))})
    return f, [TRACED[name] for name in names]


def outputs(y):
    return y if isinstance(y, tuple) else (y,)


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    """The value is SciPy's, and every column of the rules holds."""
    f, xs = of_line(line, signal)
    plain = outputs(of_line(line, original)[0](*xs))
    for ours, expected in zip(outputs(f(*xs)), plain, strict=True):
        np.testing.assert_array_equal(ours, expected)
    for ours, expected in zip(outputs(cr.vjp(f, *xs)[0]), plain, strict=True):
        assert (np.shape(ours), ours.dtype) == (np.shape(expected), np.asarray(expected).dtype)
        tolerance = 5e-6 if ours.dtype in (np.float32, np.complex64) else 1e-13
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance * np.max(np.abs(expected), initial=0))
    check_rules(f, *xs, order=2 if line.startswith(CURVED) else 1)


CURVED = tuple(
    f"S.{name}" for name in ("lfilter", "sosfilt(", "filtfilt(b, a, w", "convolve", "wiener", "csd(z", "freq")
)
"""Lines of which second derivatives are looked at: the others are made of the same operations."""


# ---- edges -----------------------------------------------------------------------------------------------------------


def test_long_filters():
    """Derivatives in the coefficients of a recursive filter of high order, against those of its definition."""
    x, c = rng.normal(size=40), 0.1 * rng.normal(size=9)

    def by_hand(c, x):
        y = []
        for n in range(len(x)):
            y.append(x[n] - sum(c[k] * y[n - 1 - k] for k in range(min(n, len(c)))))
        return np.stack(y)

    def ours(c, x):
        return signal.lfilter([1.0], np.concatenate([np.ones(1), c]), x)

    ct = rng.normal(size=40)
    for found, expected in zip(cr.vjp(ours, c, x)[1](ct), cr.vjp(by_hand, c, x)[1](ct), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_batches_of_filters():
    """vmap over coefficients, and gradients of that."""
    bs, rest = rng.normal(size=(4, 3)), 0.2 * rng.normal(size=(4, 2))
    x = rng.normal(size=(4, 10))
    f = lambda b, r, x: signal.lfilter(b, np.concatenate([np.ones(1), r]), x)
    np.testing.assert_allclose(cr.vmap(f)(bs, rest, x), [f(*row) for row in zip(bs, rest, x, strict=True)], rtol=1e-13)
    for axes in ((0, 0, 0), (0, None, None), (None, 0, None), (0, None, 0)):
        args = [v if on == 0 else v[0] for v, on in zip((bs, rest, x), axes, strict=True)]
        loss = lambda *args, axes=axes: np.sum(cr.vmap(f, axes)(*args) ** 2)
        cr.testing.check_gradients(loss, *args, samples=4)


def test_patterns():
    x = rng.normal(size=(5, 6))
    blur = cr.sparsity(lambda x: signal.convolve(x, np.ones((3, 3)), "valid", "direct"), x)
    assert blur.toarray().sum(axis=1).tolist() == [9] * 12
    assert cr.sparsity(lambda x: signal.medfilt(x, 3), rng.normal(size=6), local=True).shape == (6, 6)


def test_edges():
    assert cr.vjp(lambda x: signal.fftconvolve(x, np.ones((0, 2))), np.ones((2, 2)))[0].shape == (0,)
    value, pullback = cr.vjp(lambda x: signal.lfilter([1.0, 1.0], [1.0, 0.5], x), np.zeros((2, 0)))
    assert value.shape == (2, 0)
    assert pullback(np.zeros((2, 0)))[0].shape == (2, 0)
    f = np.float32([0.3, 0.5, 0.2])
    for name, args in {"lfilter": (f, f + 1, f), "convolve": (f, f), "hilbert": (f,), "resample": (f, 5)}.items():
        y = cr.vjp(lambda v, name=name, args=args: getattr(signal, name)(v, *args[1:]), f)[0]
        assert y.dtype == getattr(original, name)(*args).dtype


def test_errors_are_those_of_scipy():
    v, x = np.arange(1.0, 6.0), np.ones((2, 3))
    for f in (
        lambda m, v: m.convolve(v, x),
        lambda m, v: m.convolve(v, v, "middle"),
        lambda m, v: m.convolve(v, v, method="slow"),
        lambda m, v: m.convolve(v[None], np.ones((2, 3)), "valid"),
        lambda m, v: m.correlate(v, v, "middle"),
        lambda m, v: m.fftconvolve(v[:3, None] * [1.0, 1.0], x, axes=1),
        lambda m, v: m.fftconvolve(v, v, axes=()),
        lambda m, v: m.convolve2d(v, v),
        lambda m, v: m.convolve2d(v[None], x, boundary="?"),
        lambda m, v: m.convolve2d(v[None], x, "?"),
        lambda m, v: m.lfilter(x, v, v),
        lambda m, v: m.lfilter([], v, v),
        lambda m, v: m.lfilter(v, v, v, zi=x),
        lambda m, v: m.lfilter(v, v, v, zi=v),
        lambda m, v: m.lfilter_zi(v[:1], [2.0]),
        lambda m, v: m.sosfilt(x, v),
        lambda m, v: m.sosfilt([[1, 0, 0, 2, 0, 0]], v),
        lambda m, v: m.sosfilt(SOS, v, zi=v),
        lambda m, v: m.filtfilt([1.0], [1.0, 0.5], v),
        lambda m, v: m.filtfilt([1.0], [1.0, 0.5], v, padtype="?"),
        lambda m, v: m.filtfilt([1.0], [1.0, 0.5], v, method="?"),
        lambda m, v: m.savgol_filter(v, 7, 2),
        lambda m, v: m.savgol_filter(v, 3, 4),
        lambda m, v: m.savgol_filter(v, 3, 1, mode="?"),
        lambda m, v: m.medfilt(v, 2),
        lambda m, v: m.hilbert(v * 1j),
        lambda m, v: m.hilbert(v, 0),
        lambda m, v: m.detrend(v, type="?"),
        lambda m, v: m.detrend(v, bp=9),
        lambda m, v: m.upfirdn([], v),
        lambda m, v: m.upfirdn([1.0], v, 0),
        lambda m, v: m.upfirdn([1.0, 2.0], v, mode="?"),
        lambda m, v: m.resample_poly(v, 1.5, 2),
        lambda m, v: m.resample_poly(v, 3, 2, padtype="?"),
        lambda m, v: m.resample(v, 4, window=np.ones(2)),
        lambda m, v: m.resample(v, 4, domain="?"),
        lambda m, v: m.decimate(v, 2, ftype="?"),
        lambda m, v: m.welch(v, nperseg=3, noverlap=3),
        lambda m, v: m.welch(v, nperseg=3, nfft=2),
        lambda m, v: m.welch(v, nperseg=3, scaling="?"),
        lambda m, v: m.welch(v, nperseg=3, average="?"),
        lambda m, v: m.stft(v, nperseg=3, boundary="?"),
        lambda m, v: m.istft(v),
        lambda m, v: m.spectrogram(v, nperseg=3, mode="?"),
        lambda m, v: m.normalize(v, 0 * v),
        lambda m, v: m.lp2lp_zpk(v, v[:1], 1.0),
        lambda m, v: m.chirp(v, 1.0, -1.0, 2.0, "?"),
        lambda m, v: m.chirp(v, 1.0, 2.0, -1.0, "log"),
        lambda m, v: m.gausspulse(v, -1.0),
    ):
        with pytest.raises(Exception) as expected:  # noqa: PT011
            f(original, v)
        with pytest.raises(expected.type):
            cr.vjp(lambda v: f(signal, v), v)  # noqa: B023
    with pytest.warns(original.BadCoefficients):
        original.normalize(0 * v, [2.0])
    with pytest.warns(original.BadCoefficients):
        cr.vjp(lambda v: signal.normalize(0 * v, [2.0]), v)


# ---- that each function is accounted for -----------------------------------------------------------------------------

DIFFERENTIABLE = {name for line in LINES for name in re.findall(r"S\.(\w+)", line)} | {"freqz_sos"}

CONSTANT = {
    *("choose_conv_method", "correlation_lags", "check_COLA", "check_NOLA", "closest_STFT_dual_window", "czt_points"),
    *("get_window", "savgol_coeffs", "max_len_seq", "unit_impulse", "square", "findfreqs", "band_stop_obj"),
    *("kaiserord", "buttord", "cheb1ord", "cheb2ord", "ellipord"),
    *("bessel", "besselap", "butter", "buttap", "cheby1", "cheb1ap", "cheby2", "cheb2ap", "ellip", "ellipap"),
    *("firls", "firwin", "firwin2", "firwin_2d", "remez", "gammatone", "iircomb", "iirdesign", "iirfilter"),
    *("iirnotch", "iirpeak", "minimum_phase"),
}
"""Windows, designs of filters, sizes: their arguments are not differentiated."""

AS_THEY_ARE = {"kaiser_atten", "kaiser_beta"}
"""A formula of a number."""

POSITIONS = {
    *("argrelextrema", "argrelmax", "argrelmin", "find_peaks", "find_peaks_cwt", "peak_prominences", "peak_widths"),
    *("unique_roots",),
}
"""They look for places: find them in cr.stop_gradient(x), and read x there."""

NO_NUMBERS = {"test", "BadCoefficients", "abcd_normalize"}

SYSTEMS = "state space: write x' = A x + B u with integrate.odeint, or the powers of A"
SPLINES = "use chainrule.scipy.interpolate"
REFUSED = {
    **dict.fromkeys(("StateSpace", "TransferFunction", "ZerosPolesGain", "lti", "dlti", "bode", "dbode"), SYSTEMS),
    **dict.fromkeys(("cont2discrete", "dfreqresp", "dimpulse", "dlsim", "dstep", "freqresp", "impulse"), SYSTEMS),
    **dict.fromkeys(("lsim", "step", "place_poles", "ss2tf", "ss2zpk", "tf2ss", "zpk2ss"), SYSTEMS),
    **dict.fromkeys(("cspline1d", "cspline1d_eval", "cspline2d", "qspline1d", "qspline1d_eval"), SPLINES),
    **dict.fromkeys(("qspline2d", "spline_filter", "gauss_spline", "symiirorder1", "symiirorder2"), SPLINES),
    **dict.fromkeys(("tf2sos", "zpk2sos", "sos2zpk"), "which roots make a section is a matter of choice"),
    **dict.fromkeys(("residue", "residuez", "invres", "invresz"), "which roots are the same is a matter of choice"),
    **dict.fromkeys(("bilinear", "lp2bp", "lp2bs", "lp2hp", "lp2lp"), "use it for zeros and poles, as lp2lp_zpk"),
    **dict.fromkeys(("CZT", "ZoomFFT", "czt", "zoom_fft"), "multiply by np.exp(-1j * np.outer(w, n))"),
    **dict.fromkeys(("ShortTimeFFT",), "use stft, istft and spectrogram"),
    "envelope": "use np.abs(hilbert(x))",
    "sepfir2d": "use convolve2d, first with the row and then with the column",
    "sosfreqz": "its new name is freqz_sos",
    "lombscargle": "not written yet",
    "vectorstrength": "use np.abs(np.mean(np.exp(2j * np.pi * events / period)))",
}


def public(module):
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def test_each_function_is_in_one_column():
    refused = {name for name in REFUSED if name not in DIFFERENTIABLE}
    columns = [DIFFERENTIABLE, AS_THEY_ARE, CONSTANT, POSITIONS, NO_NUMBERS, refused]
    for name in public(original):
        assert sum(name in column for column in columns) == 1, f"scipy.signal.{name} is nowhere, or in two places"


def test_formulas_of_numbers():
    assert cr.grad(signal.kaiser_beta)(60.0) == pytest.approx(0.1102)
    assert cr.grad(lambda width: signal.kaiser_atten(20, width))(0.1) == pytest.approx(2.285 * 19 * np.pi)


@pytest.mark.parametrize("name", sorted(DIFFERENTIABLE & public(original) - {"sosfreqz"}))
def test_each_has_the_signature_of_scipy(name):
    ours, theirs = getattr(signal, name), getattr(original, name)
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert list(inspect.signature(ours.__wrapped__).parameters) == list(inspect.signature(theirs).parameters)
    assert ours.__doc__ != theirs.__doc__


REFUSED_CALLS = """
S.StateSpace(k[:2, :2], k[:, :1], k[:1, :2], [[0.0]]) | S.TransferFunction(v, v) | S.lti(v, v) | S.step((v, v))
S.dlti(v, v) | S.bode((v, v)) | S.dimpulse((v, v, 0.1)) | S.lsim((v, v), v, v)
S.cspline1d(v) | S.spline_filter(x) | S.gauss_spline(v, 3) | S.symiirorder1(v, 0.1, 0.1)
S.tf2sos(b, a) | S.zpk2sos(v, v, 1.0) | S.sos2zpk(sos) | S.residue(u, v) | S.residuez(u, v) | S.invres(v, v, v)
S.bilinear(b, a) | S.lp2lp(b, a) | S.lp2hp(b, a) | S.lp2bp(b, a) | S.lp2bs(b, a) | S.czt(v) | S.zoom_fft(v, 0.2)
S.envelope(v) | S.sepfir2d(x, v, v) | S.lombscargle(v, v, u) | S.vectorstrength(v, 1.0) | S.find_peaks(v)
S.peak_widths(v, [1]) | S.butter(2, v[0] ** 2) | S.firwin(5, v[0] ** 2)
S.firls(5, [0, 0.5], np.abs(v[:2])) | S.unique_roots(v) | S.minimum_phase(v) | S.tf2ss(v, v) | S.ss2tf(x, x, x, x)
"""


@pytest.mark.parametrize("call", re.split(r" \| |\n", REFUSED_CALLS.strip()))
def test_what_is_not_there_says_so(call):
    """With the name of the function: nothing is turned into a plain array in silence."""
    name = re.match(r"S\.(\w+)", call).group(1)
    if not hasattr(original, name):
        pytest.skip("not in this release")
    names = {**TRACED, "sos": SOS}

    def f(scale):
        return eval(call, {"S": signal, "np": np, **{k: v * scale for k, v in names.items()}})

    with pytest.raises((cr.LostGradientError, cr.MissingRuleError)):
        cr.vjp(f, 1.0)

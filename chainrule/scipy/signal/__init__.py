"""scipy.signal on traced arrays."""

import scipy.signal

from ..namespace import passing_through
from .convolutions import (
    convolve as convolve,
    convolve2d as convolve2d,
    correlate as correlate,
    correlate2d as correlate2d,
    fftconvolve as fftconvolve,
    oaconvolve as oaconvolve,
)
from .filters import (
    deconvolve as deconvolve,
    filtfilt as filtfilt,
    lfilter as lfilter,
    lfilter_zi as lfilter_zi,
    lfiltic as lfiltic,
    sosfilt as sosfilt,
    sosfilt_zi as sosfilt_zi,
    sosfiltfilt as sosfiltfilt,
)
from .resampling import (
    decimate as decimate,
    resample as resample,
    resample_poly as resample_poly,
    upfirdn as upfirdn,
)
from .smoothing import (
    detrend as detrend,
    hilbert as hilbert,
    hilbert2 as hilbert2,
    medfilt as medfilt,
    medfilt2d as medfilt2d,
    order_filter as order_filter,
    savgol_filter as savgol_filter,
    wiener as wiener,
)
from .spectra import (
    coherence as coherence,
    csd as csd,
    istft as istft,
    periodogram as periodogram,
    spectrogram as spectrogram,
    stft as stft,
    welch as welch,
)
from .systems import (
    bilinear_zpk as bilinear_zpk,
    freqs as freqs,
    freqs_zpk as freqs_zpk,
    freqz as freqz,
    freqz_sos as freqz_sos,
    freqz_zpk as freqz_zpk,
    group_delay as group_delay,
    lp2bp_zpk as lp2bp_zpk,
    lp2bs_zpk as lp2bs_zpk,
    lp2hp_zpk as lp2hp_zpk,
    lp2lp_zpk as lp2lp_zpk,
    normalize as normalize,
    sos2tf as sos2tf,
    sosfreqz as sosfreqz,
    tf2zpk as tf2zpk,
    zpk2tf as zpk2tf,
)
from .waveforms import chirp as chirp, gausspulse as gausspulse, sawtooth as sawtooth, sweep_poly as sweep_poly

__getattr__, __dir__ = passing_through(scipy.signal)

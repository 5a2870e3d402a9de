"""Waveforms as functions of time and of their parameters."""

import numpy as np
import scipy.signal

from ...core.trace import bind
from ...ops.control import check
from ...ops.signatures.creation import nested
from ..namespace import instead_of


def ensure(holds, message):
    bind(check, holds, error=ValueError, message=message)


@instead_of(scipy.signal.chirp)
def chirp(t, f0, t1, f1, method="linear", phi=0, vertex_zero=True, *, complex=False):
    """A cosine whose frequency goes from f0 at time 0 to f1 at time t1; differentiable in all numbers.

    With f0 and f1 equal, a logarithmic or hyperbolic one has a constant frequency; it has no derivative in f0 and f1.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.signal import chirp
    >>> cr.grad(lambda t: chirp(t, 1.0, 2.0, 3.0))(0.25)  # -2 pi (1 + t) sin(2 pi t + pi t**2)
    np.float64(-7.70306958)
    """
    t = nested(t)
    if method in ("linear", "lin", "li"):
        phase = 2 * np.pi * (f0 * t + 0.5 * (f1 - f0) / t1 * t * t)
    elif method in ("quadratic", "quad", "q"):
        beta = (f1 - f0) / t1**2
        late = f1 * t + beta * ((t1 - t) ** 3 - t1**3) / 3
        phase = 2 * np.pi * (f0 * t + beta * t**3 / 3 if vertex_zero else late)
    elif method in ("logarithmic", "log", "lo"):
        ensure(f0 * f1 > 0.0, "For a logarithmic chirp, f0 and f1 must be nonzero and have the same sign.")
        if f0 == f1:
            phase = 2 * np.pi * f0 * t
        else:
            phase = 2 * np.pi * t1 / np.log(f1 / f0) * f0 * (np.power(f1 / f0, t / t1) - 1.0)
    elif method in ("hyperbolic", "hyp"):
        ensure(f0 * f1 != 0, "For a hyperbolic chirp, f0 and f1 must be nonzero.")
        if f0 == f1:
            phase = 2 * np.pi * f0 * t
        else:
            end = -f1 * t1 / (f0 - f1)
            phase = 2 * np.pi * (-end * f0) * np.log(np.abs(1 - t / end))
    else:
        raise ValueError(
            f"method must be 'linear', 'quadratic', 'logarithmic', or 'hyperbolic'; a value of {method!r} was given."
        )
    phase = phase + np.deg2rad(phi)
    return np.exp(1j * phase) if complex else np.cos(phase)


@instead_of(scipy.signal.gausspulse)
def gausspulse(t, fc=1000, bw=0.5, bwr=-6, tpr=-60, retquad=False, retenv=False):
    """A sine in a bell-shaped envelope; differentiable in t, fc, bw, bwr and tpr."""
    ensure(np.asarray(True) if fc is None else fc >= 0, f"Center frequency (fc={fc}) must be >=0.")
    ensure(bw > 0, f"Fractional bandwidth (bw={bw}) must be > 0.")
    ensure(bwr < 0, f"Reference level for bandwidth (bwr={bwr}) must be < 0 dB")
    a = -((np.pi * fc * bw) ** 2) / (4.0 * np.log(np.power(10.0, bwr / 20.0)))
    if isinstance(t, str):
        if t != "cutoff":
            raise ValueError("If `t` is a string, it must be 'cutoff'")
        ensure(tpr < 0, "Reference level for time cutoff must be < 0 dB")
        return np.sqrt(-np.log(np.power(10.0, tpr / 20.0)) / a)
    t = nested(t)
    envelope = np.exp(-a * t * t)
    pulse, other = envelope * np.cos(2 * np.pi * fc * t), envelope * np.sin(2 * np.pi * fc * t)
    found = (pulse, *([other] if retquad else []), *([envelope] if retenv else []))
    return found if len(found) > 1 else pulse


@instead_of(scipy.signal.sweep_poly)
def sweep_poly(t, poly, phi=0):
    """A cosine whose frequency is a polynomial in t; differentiable in t, its coefficients, and phi."""
    poly = np.atleast_1d(nested(poly.coeffs if isinstance(poly, np.poly1d) else poly))
    whole = np.concatenate([poly / np.arange(len(poly), 0, -1), np.zeros(1)])
    return np.cos(2 * np.pi * np.polyval(whole, nested(t)) + phi * np.pi / 180)


@instead_of(scipy.signal.sawtooth)
def sawtooth(t, width=1):
    """A wave that rises for the share `width` of its period of 2 pi, and falls for the rest; differentiable in both."""
    t, width = np.broadcast_arrays(nested(t), nested(width))
    turn = np.mod(t, 2 * np.pi)
    inside = (width >= 0) & (width <= 1)
    rises = inside & (turn < width * 2 * np.pi)
    up = turn / (np.pi * np.where(rises, width, 1.0)) - 1
    falls = inside & ~rises
    down = (np.pi * (width + 1) - turn) / (np.pi * (1 - np.where(falls, width, 0.0)))
    return np.where(rises, up, np.where(falls, down, np.nan)).astype(float)

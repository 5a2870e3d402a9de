"""Polynomials as arrays of coefficients, the highest power first."""

import warnings

import numpy as np

from .tools import array, plain, signature_of


def of_polynomials(function):
    """Takes and, if it does, returns np.poly1d: a polynomial with its coefficients in it, traced or not."""

    def implementation(*args, **kwargs):
        plain_args = (a.coeffs if isinstance(a, np.poly1d) else a for a in args)
        y = function(*plain_args, **kwargs)
        if not any(isinstance(a, np.poly1d) for a in args):
            return y
        return tuple(map(np.poly1d, y)) if isinstance(y, tuple) else np.poly1d(y)

    return implementation


@signature_of(np.polyval)
def polyval(p, x):
    x = x if isinstance(x, np.poly1d) else array(x)
    y = 0 if isinstance(x, np.poly1d) else np.zeros_like(x)
    for c in p.coeffs if isinstance(p, np.poly1d) else array(p):
        y = y * x + c
    return y


def with_zeros(a, b):
    """The coefficients of both, as many of one as of the other."""
    n = max(a.size, b.size)
    return (p if p.size == n else np.concatenate([np.zeros(n - p.size, p.dtype), p]) for p in (a, b))


@signature_of(np.polyadd)
@of_polynomials
def polyadd(a1, a2):
    a, b = with_zeros(np.atleast_1d(a1), np.atleast_1d(a2))
    return a + b


@signature_of(np.polysub)
@of_polynomials
def polysub(a1, a2):
    a, b = with_zeros(np.atleast_1d(a1), np.atleast_1d(a2))
    return a - b


@signature_of(np.polymul)
@of_polynomials
def polymul(a1, a2):
    trimmed = (np.trim_zeros(np.atleast_1d(p), "f") for p in (a1, a2))
    a, b = (p if p.size else np.zeros(1, p.dtype) for p in trimmed)
    return np.convolve(a, b)


@signature_of(np.polydiv)
@of_polynomials
def polydiv(u, v):
    r, v = np.atleast_1d(u) + 0.0, np.atleast_1d(v) + 0.0
    if not r.size or not v.size:
        raise IndexError("polydiv: a polynomial without coefficients")
    dtype = np.result_type(r.dtype, v.dtype)
    r, steps, n = r.astype(dtype), r.size - v.size + 1, v.size
    q, scale = [], 1 / v[0]
    for k in range(steps):
        q.append(scale * r[k])
        r = np.concatenate([r[:k], r[k : k + n] - q[-1] * v, r[k + n :]])
    small = plain(np.isclose(r, 0, rtol=1e-14), "numpy.polydiv")
    first = int(np.argmin(np.append(small[:-1], False)))
    return np.stack(q) if q else np.zeros(1, dtype), r[first:]


@signature_of(np.polyder)
@of_polynomials
def polyder(p, m=1):
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    n = len(p)
    for k in range(int(m)):
        p = array(p)[:-1] * np.arange(n - 1 - k, 0, -1)
    return p


@signature_of(np.polyint)
@of_polynomials
def polyint(p, m=1, k=None):
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    m = int(m)
    k = np.zeros(m) if k is None else np.atleast_1d(k)
    k = np.broadcast_to(k, (m,)) if k.size == 1 else k
    if k.size < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), k[i : i + 1]])
    return p


# ---- roots ----------------------------------------------------------------------------------------------------------


@signature_of(np.poly)
def poly(seq_of_zeros):
    zeros = np.atleast_1d(seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        zeros = np.linalg.eigvals(zeros)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if not zeros.size:
        return 1.0
    zeros = zeros.astype(np.mintypecode([zeros.dtype.char]))
    one = np.ones(1, zeros.dtype)
    a = one
    for zero in zeros:
        a = np.convolve(a, np.concatenate([one, -zero[None]]))
    in_pairs = a.dtype.kind == "c" and np.all(np.sort(zeros) == np.sort(np.conjugate(zeros)))
    return np.real(a) if in_pairs else a


@signature_of(np.roots)
def roots(p):
    p = np.atleast_1d(p)
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    inner = np.trim_zeros(p)
    if not inner.size:
        return np.zeros(0)
    at_zero = p.size - np.trim_zeros(p, "b").size
    if inner.size == 1:
        return np.zeros(at_zero)
    companion = np.eye(inner.size - 1, k=-1, dtype=inner.dtype)[1:]
    found = np.linalg.eigvals(np.concatenate([(-inner[1:] / inner[0])[None], companion]))
    return np.concatenate([found, np.zeros(at_zero, found.dtype)])


# ---- least squares --------------------------------------------------------------------------------------------------


@signature_of(np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    x, y, count = array(x) + 0.0, array(y) + 0.0, int(deg) + 1
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1 or not x.size:
        raise TypeError("expected non-empty 1D vector for x")
    if y.ndim not in (1, 2) or x.size != y.shape[0]:
        raise TypeError(f"expected a 1D or 2D array of {x.size} rows for y; its shape is {y.shape}")
    rcond = x.size * np.finfo(x.dtype).eps if rcond is None else rcond
    left, right = np.vander(x, count), y
    if w is not None:
        w = array(w) + 0.0
        if w.shape != x.shape:
            raise TypeError(f"expected weights of shape {x.shape}; theirs is {w.shape}")
        left, right = left * w[:, None], right * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(left * left, axis=0))  # columns of length 1 are better conditioned
    left = left / scale
    c, residuals, rank, s = np.linalg.lstsq(left, right, rcond)
    if rank != count and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=4)
    c = np.transpose(np.transpose(c) / scale)
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.transpose(left) @ left) / np.outer(scale, scale)
    factor = 1.0
    if cov != "unscaled":
        if x.size <= count:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = residuals / (x.size - count)
    return c, base * factor if y.ndim == 1 else base[:, :, None] * factor

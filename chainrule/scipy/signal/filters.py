"""Filters that feed back: lfilter, what is made of it, and its initial states.

With a[0] = 1, K delays and N samples, y = lfilter(b, a, x, zi) and its last state zf solve

    conv(a, y) + (zf, N places later) = conv(b, x) + zi        (N + K equations)

A tangent of y solves the same equations with another right-hand side. A cotangent solves the transposed ones: the
filter runs backwards from the cotangent of zf, and what comes out, times x, y and b, makes the cotangents.
"""

from typing import Any

import numpy as np
import scipy.signal

from ...core.trace import bind
from ...ops.control import check
from ...ops.families import add_up, adjoint, blockwise, fit, keeps, spread
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import along, one_axis, plain
from ..namespace import instead_of

# ---- the operation: b, a[1:], x, zi -> y, zf -------------------------------------------------------------------------


def filtered_impl(b, rest, x, zi):
    if b.ndim > 1 or rest.ndim > 1:  # a batch of filters
        lead = np.broadcast_shapes(b.shape[:-1], rest.shape[:-1], x.shape[:-1], zi.shape[:-1])
        wide = [np.broadcast_to(v, (*lead, v.shape[-1])) for v in (b, rest, x, zi)]
        both = [filtered_impl(*(v[k] for v in wide)) for k in np.ndindex(*lead)]
        ends = (x.shape[-1], zi.shape[-1])
        return tuple(
            np.reshape([one[i] for one in both], (*lead, n)).astype(np.result_type(b, rest, x, zi))
            for i, n in enumerate(ends)
        )
    lead = np.broadcast_shapes(x.shape[:-1], zi.shape[:-1])
    a = np.concatenate([np.ones(1, rest.dtype), rest])
    wide = (np.broadcast_to(v, (*lead, v.shape[-1])) for v in (x, zi))
    x, zi = (np.array(v) for v in wide)
    return scipy.signal.lfilter(b, a, x, zi=zi)


def zeros(shape, like):
    return np.zeros(shape, like.dtype)


def product(c, x, length):
    """The first entries of the convolution of c, one-dimensional, with x along its last axis."""
    c, short = c[..., :length], length - x.shape[-1]
    if short > 0:
        x = np.concatenate([x, zeros((*x.shape[:-1], short), x)], -1)
    nothing = zeros((max(c.shape[-1] - 1, 0),), x)
    if not c.shape[-1]:
        return zeros((*x.shape[:-1], length), x)
    return bind(filtered, c, zeros((0,), x), x[..., :length], nothing)[0]


def filtered_jvp(tangents, ys, b, rest, x, zi):
    db, dr, dx, dzi = tangents
    y, zf = ys
    n, k = y.shape[-1], zf.shape[-1]
    parts = []
    if dx is not None or dzi is not None:
        dx = zeros(x.shape, y) if dx is None else dx
        parts.append(bind(filtered, b, rest, dx, zeros(zi.shape, y) if dzi is None else dzi))
    if db is not None or dr is not None:
        moved = [] if db is None else [product(db, x, n + k)]
        if dr is not None:
            late = product(dr, y, n + k - 1)
            moved.append(np.concatenate([zeros((*late.shape[:-1], 1), y), -late], -1))
        source = add_up(moved)
        one = np.eye(1, k + 1, dtype=y.dtype)[0]
        dy, end = bind(filtered, one, rest, source[..., :n], zeros((k,), y))
        parts.append((dy, end + source[..., n:]))
    return tuple(spread(add_up(some), v) for some, v in zip(zip(*parts, strict=True), ys, strict=True))


def filtered_vjp(wanted, cts, ys, b, rest, x, zi):
    g, h = cts
    y, zf = ys
    n, k = y.shape[-1], zf.shape[-1]
    rest = adjoint(rest)
    # Backwards in time; what comes before the first sample is the cotangent of the last state.
    start = zeros((k,), y)
    if h is not None and rest.shape[-1]:
        start = -flipped(product(flipped(padded(rest, k)), h, k))
    source = zeros(y.shape, y) if g is None else flipped(g)
    one = np.eye(1, k + 1, dtype=y.dtype)[0]
    answer = flipped(bind(filtered, one, padded(rest, k), source, start)[0])
    tail = zeros((*answer.shape[:-1], k), y) if h is None else h
    answer = np.concatenate([answer, tail], -1)

    def against(v, delays):
        """The sums of answer[m] v[m - delay], for each delay."""
        return np.stack([np.sum(answer[..., d : d + n] * adjoint(v), axis=-1) for d in delays], -1)

    ct_b = fit(against(x, range(b.shape[-1])), b) if wanted[0] else None
    ct_rest = None
    if wanted[1]:
        count = rest.shape[-1]
        ct_rest = fit(-against(y, range(1, count + 1)), rest) if count else zeros((0,), rest)
    ct_x = fit(flipped(product(adjoint(b), flipped(answer), n + k))[..., :n], x) if wanted[2] else None
    return ct_b, ct_rest, ct_x, fit(answer[..., :k], zi) if wanted[3] else None


def flipped(x):
    return x[..., ::-1]


def padded(c, k):
    missing = k - c.shape[-1]
    return np.concatenate([c, zeros((*c.shape[:-1], missing), c)], -1) if missing else c


filtered = blockwise(
    filtered_impl,
    name="scipy.signal.lfilter",
    signature="(p),(q),(n),(k)->(n),(k)",
    jvp=filtered_jvp,
    vjp=filtered_vjp,
    saves=keeps((1, 2), (1, "y"), (0, 1), (1,)),
    multi=True,
)

# ---- one filter ------------------------------------------------------------------------------------------------------


def coefficients(c: Any, name: str) -> Any:
    c = np.atleast_1d(nested(c))
    if c.ndim != 1 or not c.shape[0]:
        raise ValueError(f"Parameter {name} is not a non-empty 1d array, since {name}.shape={c.shape}!")
    return c


def signal(x: Any) -> Any:
    x = nested(x)
    if not x.ndim:
        raise ValueError("x must be at least 1-D")
    return x


def to_last(x: Any, axis: int) -> Any:
    return np.moveaxis(x, axis, -1)


@instead_of(scipy.signal.lfilter)
def lfilter(b, a, x, axis=-1, zi=None):
    """x filtered by the rational transfer function with the coefficients b and a, along an axis.

    Differentiable in b, a, x and zi; of the final state that is returned with zi, too.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.signal import lfilter
    >>> cr.jacobian(lambda x: lfilter([1.0], [1.0, -0.5], x))(np.zeros(3))
    array([[1.  , 0.  , 0.  ],
           [0.5 , 1.  , 0.  ],
           [0.25, 0.5 , 1.  ]])
    """
    b, a, x = coefficients(b, "b"), coefficients(a, "a"), signal(x)
    given = (b, a, x) if zi is None else (b, a, x, nested(zi))
    dtype = np.result_type(*(v.dtype for v in given))
    if dtype.kind not in "fc":
        raise NotImplementedError(f"input type '{dtype}' not supported")
    b, a, x, *state = (v.astype(dtype) for v in given)
    axis, delays = one_axis(axis, x.ndim), max(len(b), len(a)) - 1
    x = to_last(x, axis)
    start = np.zeros(delays, dtype)
    if state:
        (start,) = state
        if start.ndim != x.ndim:
            raise ValueError(
                f"Dimensions of parameters x and zi must match, but x.ndim={x.ndim}, zi.ndim={start.ndim}!"
            )
        start = to_last(start, axis)
        expected = (*x.shape[:-1], delays)
        if start.shape[-1] != delays or any(n not in (1, m) for n, m in zip(start.shape, expected, strict=True)):
            raise ValueError(f"Unexpected shape for parameter zi: expected {expected}, found {start.shape}.")
    if len(a) > 1:
        bind(check, a[0] != 0, error=ValueError, message="scipy.signal.lfilter: a[0] must not be 0")
    y, end = (np.moveaxis(v, -1, axis) for v in bind(filtered, b / a[0], a[1:] / a[0], x, start))
    return y if zi is None else (y, end)


@instead_of(scipy.signal.lfilter_zi)
def lfilter_zi(b, a):
    """The state of a filter that a constant 1 has gone through for ever; differentiable in b and a."""
    b, a = np.atleast_1d(nested(b)), np.atleast_1d(nested(a))
    for c, name in ((b, "Numerator b"), (a, "Denominator a")):
        if c.ndim != 1:
            raise ValueError(f"{name} must be 1-D.")
    while len(a) > 1 and a[0] == 0.0:
        a = a[1:]
    n = max(len(a), len(b))
    if n < 2:
        raise ValueError("The length of `a` must be at least 2.")
    b, a = (padded(c / a[0], n) for c in (b, a))
    first = np.eye(n - 1)[0]
    return np.linalg.solve(np.eye(n - 1) - np.eye(n - 1, k=1) + a[1:, None] * first, b[1:] - a[1:] * b[0])


@instead_of(scipy.signal.lfiltic)
def lfiltic(b, a, y, x=None):
    """The state of a filter from the last outputs y and inputs x, the latest first; differentiable in all four."""
    b, a = (np.atleast_1d(nested(c)) for c in (b, a))
    if b.ndim > 1 or a.ndim > 1:
        raise ValueError("Filter coefficients must be 1-D.")
    while len(a) > 1 and a[0] == 0.0:
        a = a[1:]
    n, m = len(a) - 1, len(b) - 1
    y, x = (np.atleast_1d(nested(v)) for v in (y, np.zeros(m) if x is None else x))
    y, x = (padded(v, k) if len(v) < k else v for v, k in ((y, n), (x, m)))
    k = max(n, m)
    if not k:
        return np.zeros(0, y.dtype)
    past = [np.sum(b[i + 1 :] * x[: max(m - i, 0)]) - np.sum(a[i + 1 :] * y[: max(n - i, 0)]) for i in range(k)]
    return np.stack(past) / a[0]


# ---- sections of second order ----------------------------------------------------------------------------------------


def sections(sos: Any) -> Any:
    sos = np.atleast_2d(nested(sos))
    if sos.ndim != 2:
        raise ValueError("sos array must be 2D")
    if sos.shape[1] != 6:
        raise ValueError("sos array must be shape (n_sections, 6)")
    return sos


@instead_of(scipy.signal.sosfilt)
def sosfilt(sos, x, axis=-1, zi=None):
    """x filtered by one section of second order after the other; differentiable in sos, x and zi."""
    sos, x = sections(sos), signal(x)
    bind(check, sos[:, 3] == 1, error=ValueError, message="sos[:, 3] should be all ones")
    given = (sos, x) if zi is None else (sos, x, nested(zi))
    dtype = np.result_type(*(v.dtype for v in given))
    if dtype.kind not in "fc":
        raise NotImplementedError(f"input type '{dtype}' not supported")
    sos, x, *state = (v.astype(dtype) for v in given)
    axis, count = one_axis(axis, x.ndim), sos.shape[0]
    expected = (count, *x.shape[:axis], 2, *x.shape[axis + 1 :])
    if state and state[0].shape != expected:
        raise ValueError(f"Invalid zi shape: it must be {expected}, got {state[0].shape}.")
    y = to_last(x, axis)
    start = to_last(state[0], axis + 1) if state else np.zeros((count, 2), dtype)
    ends = []
    for row, z in zip(sos, start, strict=True):
        y, end = bind(filtered, row[:3], row[4:], y, z)
        ends.append(np.moveaxis(end, -1, axis))
    y = np.moveaxis(y, -1, axis)
    return y if zi is None else (y, np.stack(ends))


@instead_of(scipy.signal.sosfilt_zi)
def sosfilt_zi(sos):
    """The states of sections that a constant 1 has gone through for ever; differentiable in sos."""
    sos = nested(sos)
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError("sos must be shape (n_sections, 6)")
    rows, scale = [], 1.0
    for row in sos:
        b, a = row[:3], row[3:]
        rows.append(scale * lfilter_zi(b, a))
        scale = scale * np.sum(b) / np.sum(a)
    return np.stack(rows)


# ---- forwards and backwards ------------------------------------------------------------------------------------------


def extended(x: Any, edge: int, padtype: Any, axis: int) -> Any:
    """x with `edge` more samples at each end."""
    if padtype is None or not edge:
        return x
    part = lambda start, stop, step=1: x[along(axis, slice(start, stop, step))]  # noqa: E731
    first, last = part(0, 1), part(-1, None)
    if padtype == "constant":
        return np.concatenate([np.repeat(first, edge, axis), x, np.repeat(last, edge, axis)], axis)
    left, right = part(edge, 0, -1), part(-2, -(edge + 2), -1)
    if padtype == "odd":
        left, right = 2 * first - left, 2 * last - right
    return np.concatenate([left, x, right], axis)


def edge_of(padtype: Any, padlen: Any, x: Any, axis: int, taps: int) -> int:
    if padtype not in ("even", "odd", "constant", None):
        raise ValueError(
            f"Unknown value '{padtype}' given to padtype. padtype must be 'even', 'odd', 'constant', or None."
        )
    edge = 0 if padtype is None else taps * 3 if padlen is None else padlen
    if x.shape[axis] <= edge:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {edge}.")
    return edge


def both_ways(run: Any, state: Any, x: Any, edge: int, padtype: Any, axis: int) -> Any:
    """x filtered forwards and then backwards; `state` is that of a constant 1."""
    there = lambda v: run(v, state * v[along(axis, slice(0, 1))])[0]  # noqa: E731
    turned = lambda v: v[along(axis, slice(None, None, -1))]  # noqa: E731
    y = turned(there(turned(there(extended(x, edge, padtype, axis)))))
    return y[along(axis, slice(edge, -edge))] if edge else y


@instead_of(scipy.signal.filtfilt)
def filtfilt(b, a, x, axis=-1, padtype="odd", padlen=None, method="pad", irlen=None):
    """x filtered forwards and backwards; differentiable in b, a and x."""
    b, a, x = coefficients(b, "b"), coefficients(a, "a"), signal(x)
    if method not in ("pad", "gust"):
        raise ValueError("method must be 'pad' or 'gust'.")
    axis = one_axis(axis, x.ndim)
    if method == "gust":
        return np.moveaxis(gustafsson(b, a, to_last(x, axis), irlen), -1, axis)
    edge = edge_of(padtype, padlen, x, axis, max(len(a), len(b)))
    state = lfilter_zi(b, a)
    state = np.reshape(state, tuple(-1 if i == axis else 1 for i in range(x.ndim)))
    return both_ways(lambda v, zi: lfilter(b, a, v, axis, zi), state, x, edge, padtype, axis)


def gustafsson(b: Any, a: Any, x: Any, irlen: Any) -> Any:
    """The initial states for which it does not matter which way comes first (Gustafsson 1996)."""
    order = max(len(b), len(a)) - 1
    if not order:
        return (b[0] / a[0]) ** 2 * x
    n = x.shape[-1]
    m = n if irlen is None or n <= 2 * irlen else irlen
    response = lfilter(b, a, np.zeros(m), zi=np.eye(1, order)[0])[0]
    free = np.stack([np.concatenate([np.zeros(k), response[: m - k]]) for k in range(order)], 1)
    after = lfilter(b, a, free[::-1], 0)
    there = flipped(lfilter(b, a, flipped(lfilter(b, a, x))))
    back = lfilter(b, a, flipped(lfilter(b, a, flipped(x))))
    gap, nothing = back - there, np.zeros((m, order))
    if m == n:
        system, change = np.concatenate([after[::-1] - free, free[::-1] - after], 1), [after[::-1], free[::-1]]
        change = np.concatenate(change, 1)
    else:
        gap = np.concatenate([gap[..., :m], gap[..., -m:]], -1)
        blocks = lambda p, q: np.concatenate(  # noqa: E731
            [np.concatenate([p, nothing], 1), np.concatenate([nothing, q], 1)]
        )
        system, change = blocks(after[::-1] - free, free[::-1] - after), blocks(after[::-1], free[::-1])
    states = np.linalg.lstsq(system, np.reshape(gap, (-1, gap.shape[-1])).T, None)[0]
    moved = np.reshape((change @ states).T, gap.shape)
    if m < n:
        middle = np.zeros((*x.shape[:-1], n - 2 * m))
        moved = np.concatenate([moved[..., :m], middle, moved[..., m:]], -1)
    return there + moved


@instead_of(scipy.signal.sosfiltfilt)
def sosfiltfilt(sos, x, axis=-1, padtype="odd", padlen=None):
    """x filtered by sections of second order, forwards and backwards; differentiable in sos and x."""
    sos, x = sections(sos), signal(x)
    axis = one_axis(axis, x.ndim)
    taps = 2 * sos.shape[0] + 1
    if padlen is None:  # coefficients that are 0 are none
        last = plain(sos[:, 2::3], "scipy.signal.sosfiltfilt: without padlen, which of sos are zero,")
        taps -= int(np.min(np.sum(last == 0, axis=0)))
    edge = edge_of(padtype, padlen, x, axis, taps)
    state = sosfilt_zi(sos)
    state = np.reshape(state, (sos.shape[0], *(2 if i == axis else 1 for i in range(x.ndim))))
    return both_ways(lambda v, zi: sosfilt(sos, v, axis, zi), state, x, edge, padtype, axis)


@instead_of(scipy.signal.deconvolve)
def deconvolve(signal, divisor):
    """The quotient and the remainder of two polynomials; differentiable in both."""
    num, den = coefficients(signal, "signal"), coefficients(divisor, "divisor")
    if len(den) > len(num):
        return [], num
    impulse = np.eye(1, len(num) - len(den) + 1)[0]
    quotient = lfilter(num, den, impulse)
    return quotient, num - np.convolve(den, quotient)

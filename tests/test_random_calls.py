"""Random calls of every function: what NumPy accepts has NumPy's value and the right derivative, what it does not is
refused as NumPy refuses it.

The calls are the same each time; CHAINRULE_EXAMPLES=20 tries twenty times as many, others at each run.
"""

import builtins
import functools
import os
import warnings

import numpy as np
import pytest
from hypothesis import event, given, note, settings, strategies as st

import chainrule as cr
from calls import CALLS, OUT, Call, Slot
from chainrule import testing
from signature_cases import FUNCTIONS
from test_signatures import leaves

FACTOR = int(os.environ.get("CHAINRULE_EXAMPLES", "1"))


def function_of(name):
    """What to call; None where this NumPy has not got it."""
    try:
        return CALLS[name].run or functools.reduce(getattr, name.split("."), np)
    except AttributeError:
        return None


METHODS = {n for n in dir(np.ndarray) if not n.startswith("_")} - {"sort", "partition", "resize", "var", "std"}
"""Those that are called as the function is: some work in place, and two do not know correction=."""


def filled_in(tree, xs):
    """`tree` with arrays in the places of the slots."""
    if isinstance(tree, Slot):
        return xs[tree.index]
    if isinstance(tree, dict):
        return {k: filled_in(v, xs) for k, v in tree.items()}
    return type(tree)(filled_in(v, xs) for v in tree) if type(tree) in (list, tuple) else tree


def drawn(draw, name):
    """A random call as a function of arrays, and these arrays."""
    c = Call(draw)
    entry = CALLS[name]
    args = entry.arguments(c)
    kwargs = {k: kind if kind is OUT else kind(c) for k, kind in entry.keywords.items() if draw(st.integers(0, 2)) == 0}
    function = function_of(name)
    with_out = kwargs.pop("out", None) is OUT
    as_method = isinstance(args[0], Slot) and name in METHODS and entry.run is None and draw(st.booleans())
    run = (lambda x, *rest, **kw: getattr(x, name)(*rest, **kw)) if as_method else function

    def f(*xs):
        given = filled_in(kwargs, xs)
        if with_out:
            plain = [a.astype(x.dtype) for a, x in zip(c.arrays, xs, strict=True)]
            model = leaves(function(*filled_in(args, plain), **filled_in(kwargs, plain)))
            outs = [np.zeros_like(xs[0], shape=np.shape(y), dtype=np.asarray(y).dtype) for y in model]
            given["out"] = outs[0] if len(outs) == 1 else tuple(outs)
        return run(*filled_in(args, xs), **given)

    note(f"{'x.' if as_method else 'np.'}{name}(*{args}, **{kwargs}){', with out=' * with_out} of {c.arrays}")
    return f, c.arrays


def outcome(f, xs):
    """What f gives, as a list of arrays, or the error that it raises."""
    try:
        return [*map(np.asarray, leaves(f(*xs)))]
    except Exception as error:
        return error


def public(error):
    """The class of an error, as a user can name it."""
    names = {*dir(np.exceptions), *dir(np.linalg), *dir(builtins)}
    return next(c for c in type(error).__mro__ if c.__name__ in names)


COMPLEX = "does not fit into float64"
LENGTH_3 = "vectors of length 3 are needed"
REFUSED = {
    "histogram": ["complex numbers are in no order"],
    "histogram_bin_edges": ["complex"],
    "interp": [COMPLEX],
    "cross": [LENGTH_3],
    "linalg.cross": [LENGTH_3],
}
"""What may be refused by name: the function, and words of the message."""


@pytest.mark.parametrize("name", [name for name in CALLS if function_of(name) is not None])
def test_call(name):
    @settings(max_examples=8 * FACTOR, derandomize=FACTOR == 1, database=None)
    @given(st.data())
    def check(data):
        f, xs = drawn(data.draw, name)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            agrees(name, f, xs)

    check()


def refused(name, error):
    return isinstance(error, Exception) and any(words in str(error) for words in REFUSED.get(name, ()))


def agrees(name, f, xs):
    expected = outcome(f, [x.copy() for x in xs])
    found = outcome(lambda *xs: cr.vjp(lambda *xs: leaves(f(*xs)), *xs)[0], xs)
    if isinstance(expected, Exception):
        if not refused(name, found) and "newaxis" not in str(expected):  # NumPy's own slip: the median over axis=()
            either = (ValueError, IndexError)  # of two things that are wrong, which one is said is not looked at
            if "not supported for the input types" in str(found):
                either = (*either, TypeError)
            kinds = either if isinstance(expected, either) else public(expected)
            assert isinstance(found, kinds), f"{found!r} instead of {expected!r}"
        return
    if isinstance(found, Exception):
        reads_nothing = isinstance(found, IndexError) and not any(y.size for y in expected)
        if not reads_nothing and not refused(name, found):
            raise found
        return
    assert len(found) == len(expected)
    low = max((np.finfo(x.dtype).eps for x in (*xs, *expected) if x.dtype.kind in "fc"), default=1e-16)
    largest = max(np.max(np.abs(x), initial=0) for x in xs)
    for ours, numpys in zip(map(np.asarray, found), expected, strict=True):
        assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)
        size = np.max(np.abs(numpys), initial=0, where=np.isfinite(numpys)) if numpys.dtype.kind in "fc" else 0
        np.testing.assert_allclose(ours, numpys, rtol=100 * low, atol=100 * low * max(size, largest))
    if all(y.dtype.kind not in "fc" for y in expected):
        return
    if not all(np.isfinite(y).all() for y in expected):
        return
    derivatives_are_right(name, f, xs)


def derivatives_are_right(name, f, xs):
    case = testing.example(name, lambda *xs: leaves(f(*xs)), tuple(xs))
    seeds, ts = case.seeds(), case.directions()
    cts = cr.vjp(case.f, *case.xs)[1](seeds)
    _, slopes = cr.jvp(case.f, case.xs, ts)
    for a, b in zip((*cts, *slopes), (*case.xs, *case.ys), strict=True):
        assert (a.shape, a.dtype) == (np.shape(b), b.dtype)
    products = lambda us, vs: sum(np.sum(np.conj(u) * v, dtype=complex) for u, v in zip(us, vs, strict=True))
    dot = lambda us, vs: float(np.real(products(us, vs)))
    sizes = lambda xs: [np.abs(x) for x in xs]
    size = dot(sizes((*seeds, *cts)), sizes((*slopes, *ts)))
    if not np.isfinite(size):
        event("infinite slope")
        return
    exact = 1e-9 if case.eps < 1e-10 else 2e-3
    assert abs(dot(seeds, slopes) - dot(cts, ts)) <= exact * (size + 1e-3), (dot(seeds, slopes), dot(cts, ts))
    if any(x.dtype in (np.float32, np.complex64) for x in case.xs):
        wide = [x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in case.xs]
        try:
            numeric = cr.jvp(case.f, wide, [t.astype(x.dtype) for t, x in zip(ts, wide, strict=True)])[1]
        except TypeError as error:
            assert "rule 'safe'" in str(error)  # noqa: PT017 - float64 does not fit into the dtype that was asked for
            return
        if [s.shape for s in slopes] == [s.shape for s in numeric]:  # rounding has made no zeros that polydiv trims
            steepest = max((np.max(np.abs(s), initial=0) for s in numeric), default=0)
            close(slopes, numeric, 2e-3 + 1e-7 * steepest)  # where x is near to a pole, rounding it moves slopes far
        return
    gaps = []
    for h in (1e-4, 1e-6, 3e-3):
        try:
            close(slopes, differences(case, ts, h), 1e-5 if case.eps < 1e-10 else 3e-2, (*case.ys, *case.xs))
            return
        except AssertionError as e:
            gaps.append(e)
    raise gaps[0]


def close(ours, other, rtol, rounded=()):
    """rounded: what was rounded to single precision before differences were taken of it."""
    slack = max((np.max(np.abs(v), initial=0) for v in rounded if rtol > 1e-4), default=0)
    for a, b in zip(ours, other, strict=True):
        size = np.max(np.abs(b), initial=0) + slack
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * size + 1e-7 * (rtol > 1e-4) * 100 + 1e-7)


def differences(case, ts, h):
    at = lambda k: case.f(*(np.asarray(x + k * h * t) for x, t in zip(case.xs, ts, strict=True)))
    return [(8 * (a - b) - (c - d)) / (12 * h) for a, b, c, d in zip(at(1), at(-1), at(2), at(-2), strict=True)]


ELSEWHERE = {
    "piecewise": "a list of functions",
    "poly1d": "a class",
    "empty_like": "it has no values",
    "unique_values": "in no order",
    "histogram2d": "as histogram, with more arguments",
    "histogramdd": "as histogram, with more arguments",
    "matrix_rank": "constant",
    "LinAlgError": "an error",
}
"""What is not called here."""


def test_every_function_is_called():
    names = [*FUNCTIONS, *(f"linalg.{n}" for n in np.linalg.__all__), *(f"fft.{n}" for n in np.fft.__all__)]
    assert [n for n in names if n not in CALLS and n.split(".")[-1] not in ELSEWHERE] == []

"""scipy.fft on traced arrays: values, rules, keywords, errors, and that no function is left out."""

import inspect
import itertools
import re

import numpy as np
import pytest
import scipy.fft as original
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import chainrule as cr
import columns
from cases import Case
from chainrule.core.primitive import PRIMITIVES
from chainrule.scipy import fft
from chainrule.testing import check_rules

rng = np.random.default_rng(5)

# ---- one line for each way to call each function: its names stand for these arrays, which are differentiated --------

TRACED = {
    "x": rng.normal(size=4),
    "y": rng.normal(size=5),
    "w": rng.normal(size=(3, 4)),
    "z": rng.normal(size=4) + 1j * rng.normal(size=4),
    "c": rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)),
    "q": rng.normal(size=(2, 2, 3)),
    "one": rng.normal(size=1),
    "dln": np.float64(0.3),
    "mu": np.float64(0.7),
    "off": np.float64(0.15),
    "bias": np.float64(-0.15),
}

NORMS = ("backward", "ortho", "forward")
REAL = ("rfft", "ihfft")
"""What takes real arrays only."""
ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
TRIGONOMETRIC = ("dct", "idct", "dst", "idst")


def arrays(function, *names):
    """Of these names those that `function` takes."""
    return [name for name in names if TRACED[name].dtype.kind == "f" or not function.startswith(REAL)]


LINES = [
    *(f"S.{f}({a})" for f in ONE for a in arrays(f, "x", "y", "z")),
    *(f"S.{f}({a}, {n}, norm='{norm}')" for f in ONE for a in arrays(f, "x", "z") for n in (3, 6) for norm in NORMS),
    *(f"S.{f}(w, 5, 0, norm='ortho')" for f in ONE),
    *(f"S.{f}(y, 1)" for f in ONE),
    *(f"S.{f}(one)" for f in ("fft", "ifft", "rfft", "ihfft")),
    *(f"S.{f}n({a})" for f in ONE for a in arrays(f, "w", "c", "x")),
    *(f"S.{f}n({a}, (4, 3), (0, -1), '{norm}')" for f in ONE for a in arrays(f, "q", "c") for norm in NORMS),
    *(f"S.{f}n(q, s=(-1, 2))" for f in ONE),
    *(f"S.{f}n(q, axes=1)" for f in ONE),
    *(f"S.{f}2({a})" for f in ONE for a in arrays(f, "q", "c")),
    *(f"S.{f}2(w, (2, 5), (1, 0), 'forward')" for f in ONE),
    "S.fftn(z, axes=())",
    "S.dctn(w, axes=())",
    *(
        f"S.{f}({a}, {t}, norm='{norm}')"
        for f in TRIGONOMETRIC
        for t in (1, 2, 3, 4)
        for a in ("y", "z")
        for norm in NORMS
    ),
    *(
        f"S.{f}(w, {t}, {n}, 0, '{norm}', orthogonalize={on})"
        for f in TRIGONOMETRIC
        for t, n in ((1, 2), (2, 4), (3, 5), (4, 3))
        for norm, on in itertools.product(NORMS, (True, False))
    ),
    *(f"S.{f}(z, {t}, orthogonalize=True)" for f in TRIGONOMETRIC for t in (1, 2, 3)),
    *(f"S.{f}(one, {t})" for f in TRIGONOMETRIC for t in (2, 3, 4)),
    *(f"S.{f}n({a})" for f in TRIGONOMETRIC for a in ("q", "c", "x")),
    *(f"S.{f}n(q, {t}, (4, -1), (2, 0), 'ortho')" for f in TRIGONOMETRIC for t in (1, 2, 3)),
    *(f"S.{f}n(c, 3, s=4, norm='forward', orthogonalize=False)" for f in TRIGONOMETRIC),
    *(f"S.{f}({a}, dln, mu, off, bias)" for f in ("fht", "ifht") for a in ("w", "y")),
    *(f"S.{f}(w, 0.2, mu)" for f in ("fht", "ifht")),
    *(f"S.{f}(y, dln, 1.5, bias=0.2)" for f in ("fht", "ifht")),
    "S.fhtoffset(dln, mu, off, bias)",
    "S.fhtoffset(dln, 0.4)",
    "S.fftshift(w)",
    "S.fftshift(y, 0)",
    "S.ifftshift(w, axes=(1,))",
    "S.fftfreq(5, dln)",
    "S.rfftfreq(n=4, d=dln)",
]


def function_of(line):
    return re.match(r"S\.(\w+)", line).group(1)  # pyright: ignore[reportOptionalMemberAccess]


FUNCTIONS = {function_of(line): line for line in reversed(LINES)}
"""Each function, and its first line."""


def program(line, traced=TRACED, module=fft):
    """The line as a function of the arrays of `traced` that it names, and those arrays."""
    code = compile(line, line, "eval")
    names = [name for name in traced if name in code.co_names]
    f = lambda *xs: eval(code, {"np": np, "S": module, **dict(zip(names, xs, strict=True))})
    f.__name__ = line
    return f, [traced[name] for name in names]


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    """The value is SciPy's, and every column of the rules holds: to second order for one line of each function."""
    f, xs = program(line)
    plain, found = program(line, module=original)[0](*xs), cr.vjp(f, *xs)[0]
    assert (found.shape, found.dtype) == (np.shape(plain), np.asarray(plain).dtype)
    assert_allclose(found, plain, rtol=0, atol=2e-15 * np.max(np.abs(plain)))
    check_rules(f, *xs, order=2 if line == FUNCTIONS[function_of(line)] != "S.fhtoffset(dln, mu, off, bias)" else 1)


def has_kind(line, kind):
    return any(x.dtype.kind == kind for x in program(line)[1])


@pytest.mark.parametrize("line", [*FUNCTIONS.values(), *(f"S.{f}({a}, 3)" for f in TRIGONOMETRIC for a in "xz")])
def test_single_precision_stays(line):
    low = {name: x.astype(np.complex64 if x.dtype.kind == "c" else np.float32) for name, x in TRACED.items()}
    f, xs = program(line, low)
    y, pullback = cr.vjp(f, *xs)
    assert y.dtype == program(line, low, original)[0](*xs).dtype
    exact, whole = cr.vjp(*(lambda f, xs: (f, *xs))(*program(line)))
    assert_allclose(y, exact, rtol=0, atol=1e-5 * np.max(np.abs(exact)))
    for ct, slope, x in zip(pullback(np.ones_like(y)), whole(np.ones_like(exact)), xs, strict=True):
        assert (ct.shape, ct.dtype) == (x.shape, x.dtype)
        assert_allclose(ct, slope, rtol=0, atol=1e-4 * np.max(np.abs(slope)) + 1e-5)


OPERATIONS = [name for name in PRIMITIVES if name.startswith("scipy.fft.")]


@pytest.fixture(scope="module")
def by_operation():
    """For each operation some lines that do it."""
    found = {name: [] for name in OPERATIONS}
    for line in LINES:
        f, xs = program(line)
        for name in {e.primitive.name for e in cr.record(f, *xs).equations} & found.keys():
            found[name].append(Case(name, line, f, tuple(xs), 1))
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, by_operation, monkeypatch):
    """Every operation has an example, and all columns of tests/columns.py hold."""
    assert by_operation[name], f"no line is an example of {name}"
    monkeypatch.setattr(columns, "examples_of", lambda name: by_operation[name][:4])
    for column, holds in columns.OF_PRIMITIVES.items():
        if columns.applies(column, PRIMITIVES[name]):
            holds(name)


# ---- closed forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TRIGONOMETRIC)
@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("type", [1, 2, 3, 4])
@pytest.mark.parametrize(("norm", "on"), [*itertools.product(NORMS, (None, True, False))])
def test_a_pullback_is_the_transposed_matrix(name, n, type, norm, on):
    f = lambda x: getattr(fft, name)(x, type, norm=norm, axis=0, orthogonalize=on)
    matrix = getattr(original, name)(np.eye(n), type, norm=norm, axis=0, orthogonalize=on)
    ct = rng.normal(size=(n, 2))
    assert_allclose(cr.vjp(f, np.zeros((n, 2)))[1](ct)[0], matrix.T @ ct, rtol=0, atol=1e-14 * np.max(np.abs(matrix)))


def test_parseval():
    for f, scale in ((fft.fft, 1), (lambda x: fft.fft(x, norm="ortho"), 1 / 4), (fft.ifft, 1 / 16)):
        gradient = cr.grad(lambda x, f=f: np.sum(np.abs(f(x)) ** 2))(TRACED["z"])
        assert_allclose(gradient, 8 * scale * TRACED["z"])


def test_what_is_not_read_has_no_slope():
    z = TRACED["z"]
    assert_array_equal(cr.grad(lambda x: np.sum(fft.fft(x, 2).real))(TRACED["x"]) != 0, [True, False, False, False])
    first = cr.grad(lambda z: np.sum(fft.irfft(z) ** 3))(z)
    assert_array_equal(first.imag[[0, 3]], [0, 0])  # those of frequencies 0 and n/2 are not read
    padded = cr.vjp(lambda x: fft.dct(x, n=6), TRACED["x"])[1](np.ones(6))[0]
    assert_allclose(padded, original.dct(np.eye(6), axis=0).sum(0)[:4])


def test_hankel_transforms_undo_each_other():
    a = TRACED["w"]
    f = lambda a: fft.ifht(fft.fht(a, 0.3, 0.7, 0.2, 0.1), 0.3, 0.7, 0.2, 0.1)
    assert_allclose(cr.jvp(f, (a,), (a,))[1], a, rtol=1e-13)


def test_singular_hankel_transforms_warn_as_scipys_do():
    a = np.arange(1.0, 6.0)
    for name, mu, bias in (("ifht", -1.0, 0.0), ("fht", -1.0, 0.0), ("ifht", 1.0, 2.0), ("fht", 1.0, -2.0)):
        with (
            pytest.warns(UserWarning, match="consider changing the bias")
            if (singular := (name == "ifht") == (bias >= 0) and bias != 0)
            else np.errstate()
        ):
            expected = getattr(original, name)(a, 0.1, mu, bias=bias)
        with pytest.warns(UserWarning, match="consider changing the bias") if singular else np.errstate():
            found = cr.vjp(lambda a, n=name, m=mu, b=bias: getattr(fft, n)(a, 0.1, m, bias=b), a)[0]
        assert_allclose(found, expected, rtol=1e-13)


# ---- keywords and errors ---------------------------------------------------------------------------------------------


def test_workers_and_overwriting():
    """Memory and speed only: `workers` is handed on, and nothing that the tape needs is overwritten."""
    x = TRACED["w"].copy()
    for name in (*ONE, *TRIGONOMETRIC):
        for suffix in ("", "n"):
            f = lambda x, name=name + suffix: getattr(fft, name)(x * x, overwrite_x=True, workers=2)
            assert_allclose(cr.vjp(f, x)[0], f(x))
            check_rules(f, x, order=1)
    assert_array_equal(x, TRACED["w"])
    with fft.set_workers(2):
        assert fft.get_workers() == 2
        check_rules(fft.fft, x, order=1)


ERRORS = """
S.fft(x, axis=3) | S.fft(x, 0) | S.fft(x, -1) | S.fft(x, norm='a') | S.rfft(1j * x) | S.ihfft(1j * x) | S.fft(x, 2.5)
S.fft(x, plan=1) | S.rfftn(x, plan=1) | S.hfft2(x, plan=1) | S.fft(x, workers=0) | S.dct(x, workers=0)
S.fft(x[0, 0])
S.fft(x[:, :0]) | S.irfft(x[:, :1]) | S.fftn(x, (2, 3, 4)) | S.fftn(x, (2, 3), (0,)) | S.fftn(x, (0, 2))
S.fftn(x, axes=3) | S.fftn(x, axes=(0, 0)) | S.fftn(x, axes=1.5) | S.fftn(x, 2.5) | S.rfftn(x, axes=())
S.irfftn(x, axes=()) | S.fft2(x[0]) | S.rfftn(1j * x) | S.fftn(x, norm='a') | S.hfft(x, norm='a')
S.dct(x, 5) | S.dst(x, 0) | S.idctn(x, 7) | S.dct(x, 1, 1) | S.dct(x, norm='a') | S.dct(x, axis=-3)
S.dctn(x, axes=(1, 1))
S.fft(x, nonsense=1) | S.fht(x, 0.1)
"""


@pytest.mark.parametrize("line", [line for row in ERRORS.strip().splitlines() for line in row.split(" | ")])
def test_errors_are_scipys(line):
    f, xs = program(line, {"x": TRACED["w"]}, original)
    with pytest.raises(Exception) as expected:  # noqa: PT011 - whatever SciPy raises
        f(*xs)
    f, xs = program(line, {"x": TRACED["w"]}, fft)
    with pytest.raises(expected.type):
        cr.vjp(f, *xs)


def test_integers_and_half_precision_are_transformed_in_a_higher_one():
    for x in (np.arange(4), np.arange(4) > 1, np.arange(4, dtype=np.float16)):
        for name in ("fft", "rfftn", "dct", "idstn"):
            expected = getattr(original, name)(x)
            found = cr.vmap(getattr(fft, name))(x[None])[0]
            assert found.dtype == expected.dtype
            assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_lengths_are_constants():
    assert cr.grad(lambda x: np.sum(fft.fft(x, fft.next_fast_len(x.size + 1)).real))(np.ones(6)).shape == (6,)
    with pytest.raises(cr.LostGradientError):
        cr.grad(lambda n: np.sum(fft.fft(np.ones(3), n).real))(3.0)


def test_empty_batches():
    for f, shape in ((fft.fft, (0, 3)), (fft.rfft, (0, 2)), (fft.dct, (0, 3)), (lambda x: fft.fftn(x, axes=1), (0, 3))):
        y, pullback = cr.vjp(f, np.zeros((0, 3)))
        assert y.shape == shape
        assert pullback(y)[0].shape == (0, 3)


# ---- that each function is accounted for -----------------------------------------------------------------------------

AS_THEY_ARE = {"fhtoffset", "fftfreq", "rfftfreq"}
"""Functions that SciPy has written in ufuncs: they need nothing from us."""

CONSTANT: set[str] = set()

NOT_OF_NUMBERS = {
    **dict.fromkeys(("next_fast_len", "prev_fast_len"), "a length"),
    **dict.fromkeys(("set_backend", "skip_backend", "set_global_backend", "register_backend"), "it sets something"),
    **dict.fromkeys(("get_workers", "set_workers", "test"), "it sets or runs something"),
}

REFUSED: dict[str, str] = {}


def public():
    return [name for name in dir(original) if not name.startswith("_") and callable(getattr(original, name))]


def test_every_function_is_in_one_column():
    tables = (FUNCTIONS, CONSTANT, NOT_OF_NUMBERS, REFUSED)
    wrong = {name: sum(name in table for table in tables) for name in public()}
    assert {name: n for name, n in wrong.items() if n != 1} == {}, "these are in no column, or in several"


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - AS_THEY_ARE))
def test_a_function_has_scipys_name_and_signature(name):
    ours, theirs = getattr(fft, name), getattr(original, name)
    assert ours is not theirs
    assert ours.__name__ == name
    assert ours.__doc__ not in (None, theirs.__doc__)
    assert inspect.signature(ours) == inspect.signature(theirs)
    parameters = inspect.signature(theirs).parameters
    accepted = inspect.signature(ours.__wrapped__).parameters
    assert list(parameters) == list(accepted)
    for key, ours in accepted.items():
        assert ours.default == parameters[key].default
        assert ours.kind in (parameters[key].kind, ours.POSITIONAL_OR_KEYWORD)  # SciPy's signature was asked before


def test_the_rest_is_passed_through():
    for name in AS_THEY_ARE | NOT_OF_NUMBERS.keys() & {*public()}:
        assert getattr(fft, name) is getattr(original, name)
    assert {*public()} <= {*dir(fft)}
    x = TRACED["w"]
    assert_array_equal(fft.dctn(x, 3), original.dctn(x, 3))


def test_without_the_namespace_it_is_refused_at_the_users_line():
    for name in ("fft", "dct"):
        with pytest.raises(cr.LostGradientError, match=r"test_scipy_fft\.py"):
            cr.vjp(getattr(original, name), TRACED["x"])


def test_the_coefficients_of_a_hankel_transform_at_a_pole():
    """Where gamma is infinite above and below, a Pochhammer symbol stands for the quotient."""
    a = np.arange(1.0, 5.0)
    f = lambda a: fft.fht(a, 0.1, -3.0, bias=0.0)
    assert np.isfinite(cr.vjp(f, a)[0]).all()
    assert_allclose(cr.vjp(f, a)[0], original.fht(a, 0.1, -3.0))
    assert scipy.special.poch(-1.0, 0.0) == 1

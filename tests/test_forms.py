"""Arrays as they come: every line of the table again, with its arrays laid out in memory in another way, in single
precision, and complex.

How an array lies in memory changes no value, so nothing that is found may differ but by rounding. `LINEAR` are lines
for numpy.linalg and numpy.fft, which have tables of another kind.
"""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule import testing
from signature_cases import PLAIN, TRACED
from test_signatures import LINES, program

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # where the numbers are others than those of the line

POSITIVE = "(np.conj(np.swapaxes(B, -1, -2)) @ B + np.eye(4))"
LINEAR = [
    "np.linalg.solve(A + 3 * np.eye(3), x)",
    "np.linalg.inv(A + 3 * np.eye(3))",
    "np.linalg.det(A)",
    "np.linalg.slogdet(A)",
    *[f"np.linalg.{name}({POSITIVE})" for name in ("cholesky", "eigvalsh", "eigh")],
    "np.linalg.svd(B, full_matrices=False)[1]",
    "np.linalg.svdvals(x)",
    "np.linalg.qr(x.T)",
    "np.linalg.pinv(x)",
    "np.linalg.lstsq(x.T, w, rcond=None)[0]",
    "np.linalg.cond(A)",
    "np.sum(np.linalg.eigvals(A) ** 3)",
    "np.linalg.multi_dot([A, x, w])",
    "np.linalg.matrix_power(A, 3)",
    *[f"np.linalg.norm(x, {p}, axis=1)" for p in ("None", "1", "2", "3", "0.5", "inf", "-inf")],
    *[f"np.linalg.norm(x, {p})" for p in ("'fro'", "'nuc'", "1", "2", "-2", "inf")],
    "np.linalg.vector_norm(B, axis=(0, 2), keepdims=True)",
    "np.linalg.tensorsolve(np.reshape(A + 3 * np.eye(3), (3, 1, 3)), w[:3, None])",
    "np.linalg.tensorinv(A + 3 * np.eye(3), 1)",
    "np.linalg.trace(B, offset=1)",
    "np.linalg.cross(A, B[0, :, :3])",
    *[f"np.fft.{name}(x, 5)" for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")],
    *[f"np.fft.{name}(B)" for name in ("fft2", "ifftn", "rfftn", "irfft2", "fftshift")],
]
EVERY = [*LINES, *LINEAR]


def fortran(x):
    return np.asfortranarray(x) if x.ndim else x


def backwards(x):
    """Of negative strides."""
    flipped = (slice(None, None, -1),) * x.ndim
    return x[flipped].copy()[flipped] if x.ndim else x


def gaps(x):
    """Every second element of an array that is twice as long in each direction."""
    wide = np.zeros([2 * n for n in x.shape], x.dtype)
    view = wide[(..., *(slice(None, None, 2),) * x.ndim)]
    view[...] = x
    return view


def swapped(x):
    """Of the other byte order."""
    return x.astype(x.dtype.newbyteorder())


def read_only(x):
    return np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape)


LAYOUTS = (fortran, backwards, gaps, swapped, read_only)


def single(x):
    return x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)


def complex_(x):
    """With an imaginary part, if it has none."""
    return x if x.dtype.kind == "c" else x + 0.3j * np.cos(1.23 + np.arange(x.size)).reshape(x.shape)


def reformed(form, names):
    """The arrays and numbers of `names` in another form."""
    return {k: form(np.asarray(v)) if isinstance(v, np.ndarray | np.generic) else v for k, v in names.items()}


def of_line(line, form=None, constants=False):
    """A line as an example, with its arrays in another form, and its constants too."""
    if form is None:
        f, xs = program(line)
    else:
        f, xs = program(line, reformed(form, TRACED), reformed(form, PLAIN) if constants else PLAIN)
    return testing.example("", f, tuple(xs))


def derivatives(case, seeds, ts):
    """Values, cotangents and tangents."""
    ys, pullback = cr.vjp(case.f, *case.xs)
    return [*ys, *pullback(seeds), *cr.jvp(case.f, case.xs, ts)[1]]


def kind(x):
    """Shape and dtype, whatever the order of the bytes."""
    return np.shape(x), np.asarray(x).dtype.newbyteorder("=")


def of_numpys_kind(found, case):
    """Raises if values and derivatives are not of the shapes and dtypes that NumPy gives the values."""
    assert list(map(kind, found)) == list(map(kind, (*case.ys, *case.xs, *case.ys)))


def alike(found, expected, rtol):
    for ours, other in zip(found, expected, strict=True):
        size = np.max(np.abs(other), initial=0, where=np.isfinite(other))
        np.testing.assert_allclose(ours, other, rtol=rtol, atol=rtol * size)


OTHERWISE = {
    fortran: {"np.dot(A, x, out=np.zeros_like(x))", "filled(lambda a: a.reshape(-1).__setitem__(5, s))(x)"},
    read_only: {"np.median(x, 0, overwrite_input=True)"},
    single: {"np.stack(x.tolist()[1])"},
    complex_: {
        f"np.linalg.eigh({POSITIVE})",  # the vectors have a phase, which is LAPACK's
        "np.arange(s, 4, dtype=np.float32, like=v)",
        "np.cov(f, dtype=np.float32)",
        "filled(lambda a: setattr(a, 'real', x))(z)",
        "filled(lambda a: setattr(a, 'imag', x))(z)",
    },
}
"""Lines that NumPy refuses for arrays of this form, or that mean something else for them."""


def lines_for(form):
    return [line for line in EVERY if line not in OTHERWISE.get(form, ())]


@pytest.mark.parametrize("form", LAYOUTS)
def test_of_another_layout(form):
    """Values and derivatives are those of arrays that lie as usual."""
    for line in lines_for(form):
        usual = of_line(line)
        case = of_line(line, form, constants=True)
        seeds, ts = usual.seeds(), usual.directions()
        found = derivatives(case, seeds, ts)
        of_numpys_kind(found, case)
        alike(found, derivatives(usual, seeds, ts), 1e-12 if usual.eps < 1e-10 else 1e-5)


def test_in_single_precision():
    """Derivatives have the dtype of what they are derivatives by, and are right to that precision."""
    for line in lines_for(single):
        usual, case = of_line(line), of_line(line, single)
        seeds, ts = usual.seeds(), usual.directions()
        low = tuple(seed.astype(y.dtype) for seed, y in zip(seeds, case.ys, strict=True))
        found = derivatives(case, low, list(map(single, ts)))
        of_numpys_kind(found, case)
        alike(found, derivatives(usual, seeds, ts), 1e-3)


REFUSED = "does not fit into float64|a complex value cannot be written into|complex numbers are in no order"
"""What we say where NumPy warns that it leaves the imaginary part away."""


def test_complex():
    """Where NumPy takes complex arrays; where it does not, ours is an error of the same type."""
    refused = 0
    for line in lines_for(complex_):
        f, xs = program(line, reformed(complex_, TRACED))
        try:
            case = testing.example(line, f, tuple(xs))
        except (TypeError, ValueError) as error:
            refused += 1
            with pytest.raises((type(error), cr.MissingRuleError)):
                cr.vjp(f, *xs)
            continue
        try:
            testing.jvp_agrees_with_differences(case)
            testing.vjp_is_the_transpose(case)
        except (TypeError, cr.MissingRuleError) as refusal:
            if not re.search(REFUSED, str(refusal)):
                raise
            refused += 1
    assert refused < len(EVERY) / 5, refused

"""Every public function of the installed NumPy, and every method of its arrays, is in one column of the table."""

import contextlib
import types
import warnings

import numpy as np
import pytest

import chainrule as cr
import coverage_page
import coverage_table as table
from chainrule.core.trace import Tracer
from signature_cases import FUNCTIONS, METHODS, PLAIN, TRACED
from test_signatures import leaves, program

NUMPY = {
    "differentiable": FUNCTIONS,
    "constant": table.CONSTANT,
    "not numbers": table.NOT_NUMBERS,
    "refused": table.REFUSED,
    "deprecated": table.DEPRECATED,
}

NDARRAY = {
    "differentiable": METHODS,
    "constant": table.METHODS_CONSTANT,
    "not numbers": table.METHODS_NOT_NUMBERS,
    "refused": table.METHODS_REFUSED,
}

OPTIONAL = {"float128", "complex256"}
"""Names that some platforms lack."""


def functions():
    """The names of NumPy's public functions and classes."""
    found = [n for n in dir(np) if not n.startswith("_") and callable(getattr(np, n))]
    return [n for n in found if not isinstance(getattr(np, n), types.ModuleType)]


def columns_of(name, owner, columns):
    """The columns that have that name, or another name of the same object."""
    names = {name} if any(name in column for column in columns.values()) else aliases(name, owner)
    return [c for c, column in columns.items() if names & set(column)]


def aliases(name, owner):
    return {n for n in dir(owner) if getattr(owner, n) is getattr(owner, name)}


@pytest.mark.parametrize("name", functions())
def test_every_function_is_in_one_column(name):
    assert len(columns_of(name, np, NUMPY)) == 1


@pytest.mark.parametrize("name", dir(np.ndarray))
def test_every_method_is_in_one_column(name):
    """A method of the name of a function is in the column of the function, which has a line for it."""
    columns = columns_of(name, np.ndarray, NDARRAY)
    if not columns:
        lines = {**FUNCTIONS, **table.CONSTANT}.get(name, [])
        assert any(f".{name}(" in line for line in lines), name
    assert len(columns) <= 1


def test_nothing_in_the_table_is_gone():
    for column in NUMPY.values():
        assert not [n for n in column if not hasattr(np, n) and n not in OPTIONAL]
    for column in NDARRAY.values():
        assert not [n for n in column if not hasattr(np.ndarray, n)]


def test_a_tracer_has_what_an_array_has():
    """And nothing else, but for what transforms add."""
    extra = [n for n in dir(Tracer) if not n.startswith("_") and not hasattr(np.ndarray, n)]
    assert extra == ["companion", "memory", "primal"]


CONSTANT = [line for lines in (*table.CONSTANT.values(), *table.METHODS_CONSTANT.values()) for line in lines]


@pytest.mark.parametrize("line", CONSTANT)
def test_constant(line):
    """The value is NumPy's, and no derivative comes of it."""
    f, xs = program(line)
    if not xs:
        return
    expected = leaves(f(*xs))
    into_plain = "np.zeros(" in line  # which a recorded result cannot be written into
    for found in (cr.vjp(f, *xs)[0], cr.jvp(f, xs, xs)[0], expected if into_plain else cr.record(f, *xs)(*xs)):
        for ours, numpys in zip(found, expected, strict=True):
            assert np.shape(ours) == np.shape(numpys)
            assert np.asarray(ours).dtype == np.asarray(numpys).dtype
            np.testing.assert_array_equal(ours, numpys)
    for slope in cr.jvp(f, xs, xs)[1]:
        assert not np.any(slope)


@pytest.mark.parametrize("line", [*table.REFUSED.values(), *table.METHODS_REFUSED.values()])
def test_refused(line):
    """An error that names the function, or the user's line where NumPy does not say which function it was."""
    code = compile(line, "user.py", "eval")

    def f(traced):
        return eval(code, {**PLAIN, **TRACED, **traced})

    for transform in (cr.grad, lambda f: lambda x: cr.record(f, x), lambda f: lambda x: cr.jvp(f, (x,), (x,))):
        caught = error_of(transform(f), {name: TRACED[name] for name in "xvs"})
        error = caught if isinstance(caught, OURS) else caught.__cause__ or caught
        if not line.startswith(NUMPYS_OWN):
            assert isinstance(error, OURS)
            assert "user.py:1" in str(error) or line.removeprefix("x.") in str(error)


def error_of(f, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            y = f(x)
        except Exception as error:
            return error
    raise AssertionError(f"no error, but {y!r}")


OURS = (cr.LostGradientError, cr.MissingRuleError, AttributeError)
NUMPYS_OWN = ("np.nditer", "np.nested_iters")
"""Here NumPy sees on its own that there is no array."""

UNTRIED = ("settings", "reads data", "of the installation")
HARMLESS = [name for name, why in table.NOT_NUMBERS.items() if why not in UNTRIED]


@pytest.mark.parametrize("name", HARMLESS)
def test_not_numbers(name):
    """No array of objects comes out, nor a plain array of the values."""

    def f(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(TypeError, ValueError, AttributeError, KeyError, NotImplementedError):
                found.append(getattr(np, name)(x))
        return np.sum(x)

    found = []
    cr.grad(f)(TRACED["W"])
    for y in found:
        assert not isinstance(y, np.ndarray) or (y.dtype != object and not np.array_equal(y, TRACED["W"]))


INTO_PLAIN = [
    "np.copyto(a, v)",
    "np.put(a, [0, 1], v)",
    "np.place(a, a == 0, v)",
    "np.putmask(a, a == 0, v)",
    "np.put_along_axis(a, np.arange(5), v, 0)",
    "np.fill_diagonal(np.zeros((5, 5)), v)",
    "np.add.at(a, [0, 0], s)",
    "np.multiply.at(a, 1, s)",
    "np.add(v, 1, out=a)",
    "np.modf(v, out=(a, a))",
    "np.cumsum(v, out=a)",
    "np.sum(x, axis=1, out=a[:3])",
    "np.concatenate([v[:2], v[:3]], out=a)",
    "a.__setitem__(0, s)",
    "a.__setitem__(slice(None), v)",
    "a.fill(s)",
    "a.put([0], s)",
    "a.dot(v)",
    "np.full(3, s)",
    "np.array([s, 1.0])",
    "np.array([[s, s], [1.0, s]])",
    "np.array([s, s], dtype=object)",
    "np.mean([s, s])",
    "np.max((s, s))",
    "np.vectorize(lambda t: t)(v)",
    "__import__('math').sin(s)",
    "np.random.normal(s)",
    "np.random.default_rng(0).normal(v, 1.0)",
]


@pytest.mark.parametrize("line", INTO_PLAIN)
def test_a_plain_array_takes_no_traced_value(line):
    """Nor does one come of a list of them: an error, with the user's line, where the gradient would have been lost."""
    code = compile(line, "user.py", "eval")
    a = np.zeros(5)
    error = error_of(cr.grad(lambda traced: eval(code, {"np": np, "a": a, **traced})), {n: TRACED[n] for n in "xvs"})
    error = error if isinstance(error, OURS) else error.__cause__
    assert isinstance(error, OURS)
    assert "user.py:1" in str(error)
    assert not a.any()


def test_the_page_shows_the_table():
    assert coverage_page.PAGE.read_text(encoding="utf-8") == coverage_page.page(), "run python tests/coverage_page.py"

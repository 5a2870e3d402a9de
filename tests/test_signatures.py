"""Every function of NumPy with all its keywords: the value is NumPy's, and the derivatives are right in every mode."""

import itertools
import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule import testing
from chainrule.testing import check_rules
from signature_cases import FUNCTIONS, LIKE, METHODS, PLAIN, TRACED, is_together

EVERY = {**FUNCTIONS, **{f"ndarray.{name}": lines for name, lines in METHODS.items()}}
LINES = list(dict.fromkeys(line for lines in (*EVERY.values(), LIKE) for line in lines))
FIRST = {lines[0] for lines in EVERY.values()}


def program(line, traced=TRACED, plain=PLAIN):
    """The line as a function of the arrays of `traced` that it names, and those arrays."""
    code = compile(line, line, "eval")
    names = [name for name in traced if name in names_in(code)]

    def f(*arrays):
        if is_together(line):
            nothing = sum(np.sum(np.real(a)) for a in arrays) * 0.0
            arrays = [a + nothing.astype(a.dtype) for a in arrays]
        return leaves(eval(code, {**plain, **traced, **dict(zip(names, arrays, strict=True))}))

    f.__name__ = str(line)
    return f, [traced[name] for name in names]


def names_in(code):
    inner = [names_in(c) for c in code.co_consts if hasattr(c, "co_names")]
    return set(code.co_names).union(*inner)


def leaves(y):
    """The arrays of a result, of whatever lists and tuples they are in."""
    if isinstance(y, np.flatiter):
        return [np.array(y)]
    return [leaf for part in y for leaf in leaves(part)] if isinstance(y, tuple | list) else [y]


def same_values(f, xs):
    """Raises if a traced run of f gives other values, shapes or dtypes than NumPy."""
    expected = f(*xs)
    found = cr.vjp(f, *xs)[0]
    assert len(found) == len(expected)
    for ours, numpys in zip(found, expected, strict=True):
        ours, numpys = np.asarray(ours), np.asarray(numpys)
        assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)
        eps = max(np.finfo(d).eps if d.kind in "fc" else 0 for d in (ours.dtype, *(x.dtype for x in xs)))
        np.testing.assert_allclose(ours, numpys, rtol=50 * eps, atol=20 * eps)


@pytest.mark.parametrize("line", LINES)
def test_value_is_numpys(line):
    same_values(*program(line))


@pytest.mark.parametrize("line", LINES)
def test_derivatives(line):
    """To second order for one line of each function: other keywords do not change what is differentiated again."""
    f, xs = program(line)
    check_rules(f, *xs, order=2 if line in FIRST else 1)


SMALL = [
    np.float64(0.7),
    np.array(0.7),
    np.zeros(0),
    np.zeros((3, 0)),
    np.zeros((0, 3)),
    np.array([2.3]),
    np.array([[1.7]]),
    np.array([[1.7, 0.6]]),
]
KEYWORDS = [{}, {"axis": 0}, {"axis": -1}, {"axis": None}, {"keepdims": True}]
UNLIKE = {"empty_like"}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in UNLIKE and callable(getattr(np, name))])
def test_small_and_empty_arrays(name):
    """Where NumPy gives a result, ours is the same, and has derivatives."""
    function = getattr(np, name)
    for x, keywords in itertools.product(SMALL, KEYWORDS):
        f = lambda a, keywords=keywords: leaves(function(a, **keywords))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                expected = f(x.copy())
            except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError):
                continue
            if not all(isinstance(y, np.ndarray | np.generic | float | int) for y in expected):
                continue
            same_values(f, [x])
            floats = [y for y in map(np.asarray, expected) if y.dtype.kind in "fc"]
            if floats and all(np.isfinite(y).all() for y in floats):
                case = testing.example(f"{name}, {x.shape}, {keywords}", f, (x,))
                testing.jvp_agrees_with_differences(case)
                testing.vjp_is_the_transpose(case)

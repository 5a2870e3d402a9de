"""Every function of NumPy with all its keywords: the value is NumPy's, and the derivatives are right in every mode."""

import numpy as np
import pytest
from signature_cases import FUNCTIONS, METHODS, PLAIN, TRACED, is_together

import chainrule as cr
from chainrule.testing import check_rules

EVERY = {**FUNCTIONS, **{f"ndarray.{name}": lines for name, lines in METHODS.items()}}
LINES = list(dict.fromkeys(line for lines in EVERY.values() for line in lines))
FIRST = {lines[0] for lines in EVERY.values()}


def program(line):
    """The line as a function of the arrays of `TRACED` that it names, and those arrays."""
    code = compile(line, line, "eval")
    names = [name for name in TRACED if name in names_in(code)]

    def f(*arrays):
        if is_together(line):
            nothing = sum(np.sum(np.real(a)) for a in arrays) * 0.0
            arrays = [a + nothing.astype(a.dtype) for a in arrays]
        return leaves(eval(code, {**PLAIN, **TRACED, **dict(zip(names, arrays, strict=True))}))

    f.__name__ = str(line)
    return f, [TRACED[name] for name in names]


def names_in(code):
    inner = [names_in(c) for c in code.co_consts if hasattr(c, "co_names")]
    return set(code.co_names).union(*inner)


def leaves(y):
    """The arrays of a result, of whatever lists and tuples they are in."""
    if isinstance(y, np.flatiter):
        return [np.array(y)]
    return [leaf for part in y for leaf in leaves(part)] if isinstance(y, tuple | list) else [y]


@pytest.mark.parametrize("line", LINES)
def test_value_is_numpys(line):
    f, xs = program(line)
    expected = f(*xs)
    found = cr.vjp(f, *xs)[0]
    assert len(found) == len(expected)
    for ours, numpys in zip(found, expected, strict=True):
        ours, numpys = np.asarray(ours), np.asarray(numpys)
        assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)
        eps = max(np.finfo(d).eps if d.kind in "fc" else 0 for d in (ours.dtype, *(x.dtype for x in xs)))
        np.testing.assert_allclose(ours, numpys, rtol=50 * eps, atol=20 * eps)


@pytest.mark.parametrize("line", LINES)
def test_derivatives(line):
    """To second order for one line of each function: other keywords do not change what is differentiated again."""
    f, xs = program(line)
    check_rules(f, *xs, order=2 if line in FIRST else 1)

"""Every rule of every operation, column by column, on the examples of `tests/cases.py`; and that none is left out.

The columns stand in `tests/columns.py`. The examples of scipy.special run in `tests/test_special.py`.
"""

import numpy as np
import pytest
import scipy.special as sc

import chainrule as cr
from cases import CASES
from columns import (
    CHECKS,
    OF_PRIMITIVES,
    OPERATIONS,
    applications,
    applies,
    check,
    columns_of,
    examples_of,
    has_tight_pattern,
    pattern_is_tight,
    special_lines,
    uses,
)
from special_cases import LINES

# ---- the columns -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("column", "case"), [pytest.param(n, c, id=f"{c}-{n}") for c in CASES for n in columns_of(c)])
def test_rule(column, case):
    check(column, case)


@pytest.mark.parametrize("case", [c for c in CASES if has_tight_pattern(c)], ids=str)
def test_pattern_is_tight(case):
    pattern_is_tight(case)


@pytest.mark.parametrize(
    ("column", "name"),
    [pytest.param(c, n, id=f"{n}-{c}") for n, p in OPERATIONS.items() for c in OF_PRIMITIVES if applies(c, p)],
)
def test_operation(column, name):
    OF_PRIMITIVES[column](name)


# ---- that none is left out -------------------------------------------------------------------------------------------

DIFFERENTIABLE = [name for name, p in OPERATIONS.items() if p.vjp is not None]
"""The others are constant wherever they have a derivative."""


REFUSED = {"special.riemann_zeta": sc.zeta}
"""Functions that can be called, and of whose only derivative there is no formula: asking for it is an error."""


@pytest.mark.parametrize("name", REFUSED)
def test_a_derivative_without_a_rule_is_refused(name):
    f, x = REFUSED[name], np.array([1.5, 2.5])
    with pytest.raises(cr.MissingRuleError, match="no rule for its derivative"):
        cr.jvp(f, (x,), (x,))
    with pytest.raises(cr.MissingRuleError, match="no rule for its derivative"):
        cr.vjp(f, x)[1](x)
    assert [e.primitive.name for e in cr.record(f, x).equations] == [name]
    np.testing.assert_array_equal(cr.vmap(f)(x), f(x))


@pytest.mark.parametrize("name", [n for n in OPERATIONS if n not in REFUSED])
def test_every_operation_has_an_example(name):
    assert examples_of(name), f"no line in tests/cases.py, or tests/special_cases.py, is an example of {name}"


def test_every_example_is_of_an_operation_that_there_is():
    assert {c.primitive for c in CASES} <= OPERATIONS.keys()


def test_every_example_has_a_name_of_its_own():
    names = [str(c) for c in CASES]
    assert len(set(names)) == len(names), sorted({n for n in names if names.count(n) > 1})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_example_applies_what_it_is_an_example_of(case):
    assert case.primitive in {a.primitive.name for a in applications(case)}


def test_every_line_of_special_functions_is_an_example():
    assert {c.form for c in special_lines()} == set(LINES)


@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if not n.startswith("special.")])
def test_no_column_of_an_operation_is_empty(name):
    """Every column has an example, and every argument that can be differentiated."""
    examples = examples_of(name)
    assert {column for case in examples for column in columns_of(case)} == CHECKS.keys()
    assert not all(case.looks for case in examples), f"vmap is checked for no example of {name}"
    found = uses(name, examples)
    able = {i for a in found for i, on in enumerate(a.able()) if on}
    traced = {i for a in found for i, on in enumerate(a.traced) if on}
    assert able <= traced, f"no example differentiates {name} in its arguments {able - traced}"


@pytest.mark.parametrize("name", [n for n in OPERATIONS if n not in DIFFERENTIABLE])
def test_a_constant_is_applied_to_what_is_differentiated(name):
    found = uses(name, examples_of(name))
    assert any(any(a.traced) for a in found)
    assert not name.startswith("special.") or all(any(a.traced) for a in found)

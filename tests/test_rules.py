"""Every rule of every operation, column by column, on the examples of `tests/cases.py`; and that none is left out.

The columns are those of `chainrule.testing`. Two more hold for the library's own rules: a sparsity pattern has nothing
that the Jacobian has not, and the tape keeps nothing that no rule reads.
"""

import functools
import inspect
import itertools

import numpy as np
import pytest

import chainrule as cr
import coverage_table
import special_cases
from cases import CASES, Case
from chainrule import testing
from chainrule.core.graph import Var
from chainrule.core.primitive import PRIMITIVES, Aval, Kept, Plain, Primitive, keeps_nothing
from chainrule.core.trace import FRONT_ENDS, UFUNCS, aval_of, bind
from chainrule.testing import COLUMNS, OF_DERIVATIVES
from test_signatures import LINES, program

# ---- the columns -----------------------------------------------------------------------------------------------------

ORDERS = {"": lambda example: example, "the vjp: ": testing.pulled, "the jvp: ": testing.pushed}

CHECKS = {
    **{name: ("", check) for name, check in COLUMNS.items()},
    **{order + c.__name__: (order, c) for order in list(ORDERS)[1:] for c in OF_DERIVATIVES},
}
"""Each column, and those of the second order: the vjp and the jvp of an example are examples in their turn."""


def check(column: str, case: Case) -> None:
    """Raises if `column` does not hold for `case`."""
    order, holds = CHECKS[column]
    example = ORDERS[order](testing.example("check_rules", case.f, case.args))
    done = holds(example)
    assert done is not False or case.looks, f"{case}: it looks at values, so vmap could not be checked"


def columns_of(case: Case) -> list[str]:
    return [column for column, (order, _) in CHECKS.items() if not order or case.order > 1]


@pytest.mark.parametrize(("column", "case"), [pytest.param(n, c, id=f"{c}-{n}") for c in CASES for n in columns_of(c)])
def test_rule(column, case):
    check(column, case)


# ---- patterns with nothing too much ----------------------------------------------------------------------------------

ZERO_BY_VALUE = {
    *("where", "max", "min", "maximum", "minimum", "fmax", "fmin", "heaviside", "remainder", "fmod", "absolute"),
    *("floor", "trunc", "floor_divide", "power", "arctan2", "hypot", "prod", "irfft", "exponent", "astype_constant"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"),
    *("logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "right_shift", "argmax", "argmin", "nanargmax"),
    *("nanargmin", "argsort", "searchsorted", "digitize"),
}
"""Operations, or what their examples do with the results, of which a slope happens to be zero."""

ZERO_BY_CHANCE = {
    *("multiply, by zero", "divide, an array by itself", "subtract, an array from its transpose"),
    *("matmul, integers", "logaddexp, far apart", "logsumexp, large numbers"),
}
TIGHT = [c for c in CASES if c.primitive not in ZERO_BY_VALUE and str(c) not in ZERO_BY_CHANCE]


def pattern_is_tight(case: Case) -> None:
    """Where the sparsity pattern has an entry, the Jacobian is not zero."""
    example = testing.example("check_rules", case.f, case.args)
    for i, k in itertools.product(range(len(example.xs)), range(len(example.ys))):
        x = np.asarray(example.xs[i])
        one = lambda v, i=i, k=k: example.f(*example.xs[:i], v, *example.xs[i + 1 :])[k]
        pattern = cr.sparsity(one, x).toarray()
        jacobian = np.zeros(pattern.shape)
        for j, at in enumerate(np.ndindex(*x.shape)):
            for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
                e = np.zeros_like(x)
                e[at] = unit
                jacobian[:, j] += np.abs(np.ravel(cr.jvp(one, (x,), (e,))[1]))
        assert np.array_equal(pattern, jacobian != 0), f"{case}: argument {i}, result {k}: too much in the pattern"


@pytest.mark.parametrize("case", TIGHT, ids=str)
def test_pattern_is_tight(case):
    pattern_is_tight(case)


# ---- what the tape keeps ---------------------------------------------------------------------------------------------


def applications(case: Case):
    """What the primitive of `case` is applied to in it, with the result: `(args, y, params)`."""
    example = testing.example("check_rules", case.f, case.args)
    graph = cr.record(example.f, *example.xs)
    values = {**graph.constants, **dict(zip(graph.inputs, example.xs, strict=True))}
    for e in graph.equations:
        args = [values[a] if isinstance(a, Var) else a for a in e.args]
        y = bind(e.primitive, *args, **e.params)
        values.update(zip(e.outputs, y if e.primitive.multi else (y,), strict=True))
        if e.primitive.name == case.primitive:
            yield e.primitive, [a if type(a) in (int, float, complex) else np.asarray(a) for a in args], y, e.params


def reads_what_it_keeps(primitive: Primitive, cases: list[Case]) -> None:
    """The vjp gives the same if all that `saves` does not ask for is a stand-in, and misses all that it asks for."""
    asked, missed = set(), set()
    for args, y, params in (a[1:] for case in cases for a in applications(case)):
        able = [isinstance(a, np.ndarray) and a.dtype.kind in "fc" for a in args]
        ct = tuple(map(np.ones_like, y)) if primitive.multi else np.ones_like(y)
        for wanted in itertools.product(*((False, True) if on else (False,) for on in able)):
            if not any(wanted):
                continue
            kept = primitive.saves(wanted)
            plain = vjp_with(primitive, kept, wanted, ct, y, args, params)
            everything = Kept((True,) * len(args), True)
            expected = vjp_with(primitive, everything, wanted, ct, y, args, params)
            assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(plain, expected, strict=True))
            for i, on in enumerate((*kept.args, kept.output)):
                if on:
                    asked.add((wanted, i))
                    without = Kept(tuple(k and i != n for n, k in enumerate(kept.args)), kept.output and i < len(args))
                    try:
                        vjp_with(primitive, without, wanted, ct, y, args, params)
                    except (TypeError, AttributeError, IndexError, ValueError):
                        missed.add((wanted, i))
    assert asked <= missed, f"{primitive}: kept and never read, by what is wanted: {sorted(asked - missed)}"


def vjp_with(primitive, kept, wanted, ct, y, args, params):
    """The cotangents that are not None, as arrays, from what is kept only."""
    ys = tuple(map(aval_of, y)) if primitive.multi else aval_of(y)
    xs = [a if on or type(a) in (int, float, complex) else Aval(a.shape, a.dtype) for a, on in zip(args, kept.args)]
    found = primitive.vjp(wanted, ct, y if kept.output else ys, *xs, **params)
    return [np.asarray(cr.core.accumulate.dense(c)) for c in found if c is not None]


def by_primitive() -> dict[str, list[Case]]:
    return {name: [c for c in CASES if c.primitive == name] for name in dict.fromkeys(c.primitive for c in CASES)}


DIFFERENTIABLE = [(PRIMITIVES[n], c) for n, c in by_primitive().items() if PRIMITIVES[n].vjp is not None]


@pytest.mark.parametrize(("primitive", "cases"), DIFFERENTIABLE, ids=lambda v: getattr(v, "name", ""))
def test_reads_what_it_keeps(primitive, cases):
    reads_what_it_keeps(primitive, cases)

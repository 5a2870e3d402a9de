"""What must hold for every example of tests/cases.py, and for every operation: the columns of tests/test_rules.py.

Those of an example are the columns of `chainrule.testing`, for the example, its vjp and its jvp, and one more: that its
sparsity pattern has nothing that the Jacobian has not. Those of an operation take all its examples together, and look
at what it is applied to in them: that its short rules agree with the long ones, that the tape keeps what the rules
read and no more, that a constant is one.
"""

import importlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
import special_cases
from cases import CASES, Case
from chainrule import testing
from chainrule.core.errors import MissingRuleError
from chainrule.core.graph import Var
from chainrule.core.primitive import PRIMITIVES, Kept, Primitive
from chainrule.core.trace import LATE, NUMBERS, aval_of, bind
from chainrule.core.zeros import dense
from chainrule.testing import COLUMNS, OF_DERIVATIVES

for late in LATE.values():
    importlib.import_module(late)  # the whole table, from the start

# ---- columns of an example -------------------------------------------------------------------------------------------

OPERATIONS = {name: p for name, p in PRIMITIVES.items() if not name.startswith("scipy.")}
"""Those of NumPy and of scipy.special's ufuncs; tests/test_scipy_rules.py has the others."""

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


ZERO_EVERYWHERE = {
    *("multiply, by zero", "matmul, integers", "trunc, a number", "maximum, integers on the right"),
    *("divide, an array by itself", "subtract, an array from its transpose", "logsumexp, large numbers"),
    *("power, exponents 0, 1 and 2 at zero", "power, a negative base"),
    *(
        "power, base zero, a slope in the exponent",
        "heaviside, at zero, the value there",
        "heaviside, the value at zero",
    ),
    *("where, two arrays", "where, broadcast", "where, a condition that broadcasts", "where, a number"),
    *("where, complex and real", "where, float32 and float64"),
    *("irfft, of even length", "irfft, unitary", "irfft, a negative axis", "irfft, float32", "irfft, divided by n"),
}
"""Examples that have a slope which happens to be zero, whatever the argument: a constant that they contain makes it so,
or the sine of a frequency that is real."""


LOOSE = {
    **dict.fromkeys(("solve", "lstsq"), "each column of the result depends on one column of the right-hand side only"),
    "slogdet": "the sign is constant for real matrices",
    **dict.fromkeys(("cholesky", "eigh", "eigvalsh"), "one triangle of the matrix is never read"),
    "qr": "a column of Q and R depends on the columns of the matrix up to there, and R is triangular",
    "bordering": "the last columns stand for singular values that may not be small",
}
"""Operations whose patterns have too much in them, and what they do not know."""


def has_tight_pattern(case: Case) -> bool:
    return case.primitive not in LOOSE and str(case) not in ZERO_EVERYWHERE


def pattern_is_tight(case: Case) -> None:
    """Where the sparsity pattern has an entry, the Jacobian is not zero, here or elsewhere (a maximum has others)."""
    example = testing.example("check_rules", case.f, case.args)
    for i, k in itertools.product(range(len(example.xs)), range(len(example.ys))):

        def one(xs, i=i, k=k):
            return lambda v: example.f(*xs[:i], v, *xs[i + 1 :])[k]

        left = pattern(one(example.xs), np.asarray(example.xs[i]))
        for xs in itertools.chain([example.xs], elsewhere(example.xs)):
            if not left.any():
                break
            left &= ~slopes(one(xs), np.asarray(xs[i]), left.shape)
        assert not left.any(), f"{case}: argument {i}, result {k}: too much in the pattern, at {np.argwhere(left)}"


def pattern(f: Callable[..., Any], x: np.ndarray) -> np.ndarray:
    """The pattern for all arguments, or, if values decide, that at x."""
    try:
        return cr.sparsity(f, x).toarray()
    except ValueError:
        return cr.sparsity(f, x, local=True).toarray()


def slopes(f: Callable[..., Any], x: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where the Jacobian of f at x is not zero; nowhere, if f is not defined there."""
    found = np.zeros(shape, bool)
    for j, at in enumerate(np.ndindex(*x.shape)):
        for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
            e = np.zeros_like(x)
            e[at] = unit
            with np.errstate(all="ignore"):
                column = np.ravel(cr.jvp(f, (x,), (e,))[1])
            found[:, j] |= np.isfinite(column) & (column != 0)
    return found


def elsewhere(xs: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Other arguments of the same sizes, in another order and with other signs."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        moved = [rng.permutation(np.ravel(x)).reshape(np.shape(x)) for x in xs]
        yield [(x * rng.choice([-1, 1], x.shape)).astype(x.dtype) for x in moved]


# ---- what an operation is applied to ---------------------------------------------------------------------------------


class Application(NamedTuple):
    """One operation of an example: `y = primitive(*args, **params)`."""

    primitive: Primitive
    args: list[Any]
    y: Any
    params: dict[str, Any]
    traced: list[bool]
    """Which of the arguments depend on those of the example"""

    def able(self) -> list[bool]:
        """Which of the arguments can be differentiated."""
        return [isinstance(a, np.ndarray) and a.dtype.kind in "fc" for a in self.args]

    def choices(self) -> Iterator[tuple[bool, ...]]:
        """Every choice of some of those."""
        return filter(any, itertools.product(*((False, True) if on else (False,) for on in self.able())))

    def seed(self) -> Any:
        ones = [np.ones_like(y) for y in (self.y if self.primitive.multi else (self.y,))]
        return tuple(ones) if self.primitive.multi else ones[0]

    def cotangents(self, wanted: tuple[bool, ...], kept: Kept) -> list[Any]:
        """What the vjp makes of what is kept: of the rest it sees the shape and the dtype."""
        vjp, multi, args, y = self.primitive.vjp, self.primitive.multi, self.args, self.y
        assert vjp is not None
        if not kept.output:
            y = tuple(map(aval_of, y)) if multi else aval_of(y)
        xs = [a if on or type(a) in NUMBERS else aval_of(a) for a, on in zip(args, kept.args, strict=True)]
        with np.errstate(all="ignore"):  # a slope that no example asks for may be infinite
            found = vjp(wanted, self.seed(), y, *xs, **self.params)
        return [None if c is None else np.asarray(dense(c)) for c in found]


def applications(case: Case) -> Iterator[Application]:
    """All operations of an example, in order."""
    example = testing.example("check_rules", case.f, case.args)
    graph = cr.record(example.f, *example.xs)
    values = {**graph.constants, **dict(zip(graph.inputs, example.xs, strict=True))}
    for e in graph.equations:
        args = [values[a] if isinstance(a, Var) else a for a in e.args]
        y = bind(e.primitive, *args, **e.params)
        values.update(zip(e.outputs, y if e.primitive.multi else (y,), strict=True))
        traced = [isinstance(a, Var) for a in e.args]
        yield Application(e.primitive, [a if type(a) in NUMBERS else np.asarray(a) for a in args], y, e.params, traced)


def uses(name: str, cases: list[Case]) -> list[Application]:
    """Where `cases` apply the operation of that name."""
    return [a for case in cases for a in applications(case) if a.primitive.name == name]


@cache
def special_lines() -> list[Case]:
    """The lines of tests/special_cases.py, each as an example of the function of scipy.special that it ends with."""
    return [case for line in special_cases.LINES for case in [of_line(line)] if case is not None]


def of_line(line: str) -> Case | None:
    code = compile(line, line, "eval")
    names = [name for name in special_cases.TRACED if name in code.co_names]
    f = lambda *xs: eval(code, {**special_cases.PLAIN, **dict(zip(names, xs, strict=True))})
    args = tuple(special_cases.TRACED[name] for name in names)
    found = [e.primitive.name for e in cr.record(f, *args).equations if e.primitive.name.startswith("special.")]
    return Case(found[-1], line, f, args, 1) if found else None


@cache
def examples_of(name: str) -> list[Case]:
    """All examples of an operation."""
    return [c for c in (special_lines() if name.startswith("special.") else CASES) if c.primitive == name]


# ---- columns of an operation -----------------------------------------------------------------------------------------


def reads_what_it_keeps(name: str) -> None:
    """The vjp needs all that `saves` asks for, for every choice of arguments, and nothing else."""
    asked, missed = set(), set()
    for a in uses(name, examples_of(name)):
        for wanted in a.choices():
            kept = a.primitive.saves(wanted)
            try:
                expected = a.cotangents(wanted, Kept((True,) * len(a.args), True))
            except (MissingRuleError, np.linalg.LinAlgError):  # or it depends on a phase
                continue
            found = a.cotangents(wanted, kept)
            assert all(map(same, found, expected)), f"{name}: the cotangents differ if only {kept} is kept"
            arrays = [on and type(x) not in NUMBERS for on, x in zip(kept.args, a.args, strict=True)]
            for i in [i for i, on in enumerate((*arrays, kept.output)) if on]:
                asked.add((wanted, i))
                less = Kept(tuple(k and i != n for n, k in enumerate(kept.args)), kept.output and i < len(a.args))
                if not succeeds(a, wanted, less, expected):
                    missed.add((wanted, i))
    assert asked <= missed, f"{name}: kept and never read, by what is wanted: {sorted(asked - missed)}"


def succeeds(a: Application, wanted: tuple[bool, ...], kept: Kept, expected: list[Any]) -> bool:
    try:
        return all(map(same, a.cotangents(wanted, kept), expected))
    except (TypeError, AttributeError, IndexError, ValueError):
        return False


def same(a: Any, b: Any) -> bool:
    """Whether two cotangents agree in every bit."""
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


def short_rules_agree(name: str) -> None:
    """Wherever they hold, the short rules of an operation are the long ones; each choice of arguments is tried."""
    plain, done = PRIMITIVES[name].plain, set()
    assert plain is not None
    for a, wanted in shortened(name):
        kept = a.primitive.saves(wanted)
        bits = sum(on << i for i, on in enumerate(wanted))
        assert plain.saves[bits] == (*kept.args, kept.output), f"{name}: what is kept differs for {wanted}"
        xs = [x if on else None for x, on in zip(a.args, kept.args, strict=True)] + [None] * (2 - len(a.args))
        expected = a.cotangents(wanted, kept)
        for i in [i for i, on in enumerate(wanted) if on]:
            rule = plain.vjps[i] or (lambda ct, *_: ct)
            with np.errstate(all="ignore"):
                found = rule(a.seed(), a.y if kept.output else None, *xs)
            assert same(np.asarray(found), expected[i]), f"{name}: the short rule {i} differs"
        done.add(wanted)
    real = any(np.asarray(a.y).dtype.kind == "f" for a in uses(name, examples_of(name)))
    refused = [is_refused(name, i) for i in range(len(plain.vjps))]
    possible = itertools.product(*((False,) if no else (False, True) for no in refused))
    missing = set(filter(any, possible)) - done
    assert not missing or not real, f"no example for the short rules of {name} with {missing} wanted"


def shortened(name: str) -> Iterator[tuple[Application, tuple[bool, ...]]]:
    """Where the short rules of an operation hold, and for which choices of arguments."""
    for a in uses(name, examples_of(name)):
        y = np.asarray(a.y)
        for wanted in a.choices():
            alike = [not on or (x.shape, x.dtype) == (y.shape, y.dtype) for x, on in zip(a.args, wanted, strict=True)]
            if y.dtype.kind == "f" and all(alike) and not any(is_refused(name, i) for i, on in enumerate(wanted) if on):
                yield a, wanted


@cache
def is_refused(name: str, i: int) -> bool:
    """Whether there is no rule for a derivative in the i-th argument."""
    for a in uses(name, examples_of(name))[:1]:
        try:
            a.cotangents(tuple(k == i for k in range(len(a.args))), Kept((True,) * len(a.args), True))
        except MissingRuleError:
            return True
        except (AttributeError, TypeError):  # of a Python number
            pass
    return False


def slopes_of_large_arrays_agree(name: str) -> None:
    """What the tape keeps of large arrays instead of them gives the same cotangents."""
    for a in uses(name, examples_of(name)):
        for wanted in a.choices():
            assert a.primitive.slopes is not None
            slopes = a.primitive.slopes(wanted, *a.args)
            nothing = Kept((False,) * len(a.args), False)
            expected = a.cotangents(wanted, Kept((True,) * len(a.args), True))
            found = a._replace(params=a.params | {"slopes": slopes}).cotangents(wanted, nothing)
            assert all(map(same, found, expected)), f"{name}: the cotangents differ by {slopes}"


def is_constant(name: str) -> None:
    """What has no derivative keeps nothing, and depends on nothing."""
    for a in uses(name, examples_of(name)):
        assert not any(
            (*a.primitive.saves((True,) * len(a.args)).args, a.primitive.saves((True,) * len(a.args)).output)
        )
        found = a.primitive.slots((True,) * len(a.args), a.y, *a.args, **a.params)
        for links in found if a.primitive.multi else [found]:
            assert not any(links), f"{name}: a constant depends on its arguments"


OF_PRIMITIVES: dict[str, Callable[[str], None]] = {
    check.__name__: check
    for check in (reads_what_it_keeps, short_rules_agree, slopes_of_large_arrays_agree, is_constant)
}


OF_GRAPHS = {"scan", "cond", "while_loop"}
"""Operations that have graphs for parameters, on which it depends what is read."""


def applies(column: str, primitive: Primitive) -> bool:
    """Whether an operation has what that column looks at."""
    return {
        "reads_what_it_keeps": primitive.vjp is not None and primitive.name not in OF_GRAPHS,
        "short_rules_agree": primitive.plain is not None,
        "slopes_of_large_arrays_agree": primitive.slopes is not None,
        "is_constant": primitive.vjp is None,
    }[column]


# ---- all of them -----------------------------------------------------------------------------------------------------


def everything(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every check of an operation and its examples, the quick ones first, each with what it is."""
    examples = examples_of(name)
    for case in examples:
        for column in COLUMNS:
            yield f"{case}: {column}", lambda column=column, case=case: check(column, case)
        if has_tight_pattern(case):
            yield f"{case}: pattern_is_tight", lambda case=case: pattern_is_tight(case)
    for column, holds in OF_PRIMITIVES.items():
        if applies(column, PRIMITIVES[name]):
            yield f"{name}: {column}", lambda holds=holds: holds(name)
    for case in examples:
        for column in columns_of(case)[len(COLUMNS) :]:
            yield f"{case}: {column}", lambda column=column, case=case: check(column, case)


def of_column(name: str, column: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """The checks of one column, for an operation."""
    return ((label, run) for label, run in everything(name) if label.endswith(f": {column}"))

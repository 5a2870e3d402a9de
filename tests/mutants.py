"""How good are the rule checks? Plants wrong rules, one at a time, and counts those that the checks catch.

    python tests/mutants.py        (-v: and what caught each slip)

Two kinds. *Slips* (tests/slips.py) are edits of the source. *Faults* are made of the table of operations: each field
of each record in turn is replaced by one that does something else. A mutant is caught if a check of `tests/columns.py`
fails on the examples of the operations that it concerns. One that survives shows a hole in `tests/cases.py`, or says
the same in other words; then it is no mutant.

Nothing is written to disk: the library is imported once more for each slip, with the edited text of one module.
"""

import collections
import contextlib
import dataclasses
import importlib
import importlib.machinery
import itertools
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import columns
from chainrule.core import slots
from chainrule.core.primitive import PRIMITIVES
from slips import SLIPS, Slip

OURS = ("chainrule", "cases", "columns")
"""What is imported anew for each slip."""


# ---- slips -----------------------------------------------------------------------------------------------------------


class Edited(importlib.machinery.SourceFileLoader):
    """Loads a module from an edited text of its file."""

    def __init__(self, name: str, path: str, slip: Slip):
        super().__init__(name, path)
        self.slip = slip

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        source = self.get_data(path).decode()
        found = source.count(self.slip.old)
        if found != 1:
            raise LookupError(
                f"tests/slips.py: {self.slip.module} has {self.slip.old!r} {found} times, and should have it once: "
                "write down what is there now"
            )
        return compile(source.replace(self.slip.old, self.slip.new), path, "exec", dont_inherit=True)


class Planter:
    """Finds the module that is to be loaded with a slip in it."""

    def __init__(self, slip: Slip):
        self.slip = slip

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self.slip.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = Edited(name, spec.origin, self.slip)
        return spec


@contextlib.contextmanager
def planted(slip: Slip | None) -> Iterator[Any]:
    """The module `columns` over a library of its own, with `slip` in it; everything is put back afterwards."""

    def ours():
        return {name: module for name, module in sys.modules.items() if name.split(".")[0] in OURS}

    before = ours()
    for name in before:
        del sys.modules[name]
    finders = [] if slip is None else [Planter(slip)]
    sys.meta_path[:0] = finders
    try:
        yield importlib.import_module("columns")
    finally:
        for finder in finders:
            sys.meta_path.remove(finder)
        for name in ours():
            del sys.modules[name]
        sys.modules.update(before)


def first_failure(checks: Iterator[tuple[str, Callable[[], Any]]]) -> str | None:
    """The name of the first check that fails, and how."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, check in checks:
            try:
                check()
            except Exception as error:
                return f"{name}: {type(error).__name__}: {error}"
    return None


def caught(slip: Slip) -> str | None:
    """What catches a slip; None if nothing does."""
    with planted(slip) as own:
        return first_failure(itertools.chain.from_iterable(map(own.everything, slip.operations)))


def sound() -> str | None:
    """What fails without any slip, of all that is looked at."""
    names = dict.fromkeys(name for slip in SLIPS for name in slip.operations)
    with planted(None) as own:
        return first_failure(itertools.chain.from_iterable(map(own.everything, names)))


# ---- faults ----------------------------------------------------------------------------------------------------------


def over(rule: Callable[..., Any], spoil: Callable[[Any], Any]) -> Callable[..., Any]:
    """`rule`, with its result, or each of several, spoiled."""

    def spoiled(*args: Any, **params: Any) -> Any:
        y = rule(*args, **params)
        return tuple(map(spoil, y)) if type(y) is tuple else spoil(y)

    return spoiled


def changed(y: Any) -> Any:
    """Another value of the same shape and dtype."""
    kind = y.dtype.kind
    return ~y if kind == "b" else y + y.dtype.type(1) if kind in "iu" else y * y.dtype.type(1.5)


def scaled(x: Any) -> Any:
    """A tangent or cotangent that is half as large again."""
    return None if x is None else (x.dense() if hasattr(x, "dense") else x) * 1.5


def one_longer(plain: Any, i: int) -> Any:
    """Short rules of which the i-th is wrong."""
    rule = plain.vjps[i] or (lambda ct, *args: ct)
    rules = tuple((lambda *args: 1.5 * rule(*args)) if k == i else r for k, r in enumerate(plain.vjps))
    return dataclasses.replace(plain, vjps=rules)


def bent(s: Any) -> Any:
    """Slopes that are larger, small as they may be."""
    return None if s is None else s + s.dtype.type(1)


def one_scaled(rule: Callable[..., Any], i: int) -> Callable[..., Any]:
    """A vjp whose i-th cotangent is wrong."""

    def spoiled(*args: Any, **params: Any) -> Any:
        return tuple(scaled(ct) if k == i else ct for k, ct in enumerate(rule(*args, **params)))

    return spoiled


def relinked(rule: Callable[..., Any], change: Callable[[slots.Link], slots.Link | None]) -> Callable[..., Any]:
    """The `slots` rule with each link changed, or, for None, left out."""

    def spoiled(wanted: Any, y: Any, *x: Any, **params: Any) -> Any:
        found = rule(wanted, y, *x, **params)
        of_input = lambda links: tuple(new for new in map(change, links) if new is not None)
        if isinstance(y, tuple):
            return tuple(tuple(map(of_input, links)) for links in found)
        return tuple(map(of_input, found))

    return spoiled


def heavier(link: slots.Link) -> slots.Link:
    """A link with another weight."""
    if link.push is not None:
        return link._replace(push=lambda coef, push=link.push: push(coef) * 1.5)
    if link.weight is slots.BY_JVP:
        return link
    weight, old = (link.weight if callable(link.weight) else lambda: link.weight), link.along_i
    along_i = None if old is None else lambda: None if old() is None else old() * 1.5
    return link._replace(weight=lambda: weight() * 1.5, along_i=along_i)


def one_less(saves: Callable[..., Any], i: int) -> Callable[..., Any]:
    """Keeps all that `saves` does but for the i-th argument; the output if i is -1."""

    def spoiled(wanted: Any) -> Any:
        kept = saves(wanted)
        args = tuple(on and k != i for k, on in enumerate(kept.args))
        return kept._replace(args=args, output=kept.output and i != -1)

    return spoiled


def all_kept(saves: Callable[..., Any]) -> Callable[..., Any]:
    return lambda wanted: saves(wanted)._replace(args=(True,) * len(wanted), output=True)


class Fault(NamedTuple):
    """In the record of an operation, what one field is to be, and the columns one of which should notice."""

    operation: str
    what: str
    field: str
    value: Any
    columns: tuple[str, ...]


EQUIVALENT = {
    ("check", "another value"),
    ("check", "examples in another order"),
    ("while_loop", "another value"),
}
"""No faults: what a check gives is true everywhere. The derivative of a loop is a loop, whose value changes likewise;
tests/test_control.py compares loops with Python's own."""


def faults_of(name: str) -> Iterator[Fault]:
    """All that is wrong in turn with the record of an operation."""
    return (fault for fault in planted_in(name) if (name, fault.what) not in EQUIVALENT)


def planted_in(name: str) -> Iterator[Fault]:
    p = PRIMITIVES[name]

    def fault(what: str, field: str, value: Any, *noticing: str) -> Fault:
        return Fault(name, what, field, value, noticing)

    uses = columns.uses(name, columns.examples_of(name))
    if not uses:  # tests/test_rules.py says where that is so
        return
    choices = [(a, wanted) for a in uses for wanted in a.choices() if has_rules(a, wanted)]
    yield fault("another value", "impl", over(p.impl, changed), "jvp_agrees_with_differences", "vmap_is_a_loop")
    for what, spoil in {
        "another shape": lambda a: a._replace(shape=(*a.shape, 1)),
        "another dtype": lambda a: a._replace(dtype=np.dtype(np.clongdouble)),
    }.items():
        yield fault(what, "aval", over(p.aval, spoil), "recording_foretells_shapes_and_dtypes")
    yield fault("examples in another order", "batch", over(p.batch, lambda y: y[::-1]), "vmap_is_a_loop")
    if p.vjp is None or p.jvp is None:
        yield fault("dependences of a constant", "slots", slots.everything, "is_constant")
        yield fault("keeping for a constant", "saves", all_kept(p.saves), "is_constant")
        return
    yield fault("another tangent", "jvp", over(p.jvp, scaled), "jvp_agrees_with_differences")
    for i in sorted({i for a, wanted in choices for i in sloping(a, wanted)}):
        yield fault(f"another cotangent {i}", "vjp", one_scaled(p.vjp, i), "vjp_is_the_transpose", "short_rules_agree")
    if p.slots is not None:
        yield from faults_of_slots(name, uses, p.slots, fault)
    if columns.applies("reads_what_it_keeps", p):
        yield from faults_of_saves(choices, p.saves, fault)
    if p.slopes is not None:
        yield fault("other slopes of large arrays", "slopes", over(p.slopes, bent), "slopes_of_large_arrays_agree")
    if p.plain is not None:
        for i in sorted({i for _, wanted in columns.shortened(name) for i, on in enumerate(wanted) if on}):
            yield fault(f"another short rule {i}", "plain", one_longer(p.plain, i), "short_rules_agree")


def faults_of_saves(choices: Any, saves: Callable[..., Any], fault: Callable[..., Fault]) -> Iterator[Fault]:
    for i in sorted({i for a, wanted in choices for i in arrays(saves(wanted), a.args)}):
        yield fault(f"keeping without {i}", "saves", one_less(saves, i), "reads_what_it_keeps")
    more = all_kept(saves)
    if any({*arrays(more(wanted), a.args)} > {*arrays(saves(wanted), a.args)} for a, wanted in choices):
        yield fault("keeping everything", "saves", more, "reads_what_it_keeps")


def faults_of_slots(name: str, uses: Any, rule: Callable[..., Any], fault: Callable[..., Fault]) -> Iterator[Fault]:
    yield fault("no dependences", "slots", relinked(rule, lambda link: None), "pattern_covers_the_jacobian")
    if any(link.weight is not slots.BY_JVP for a in uses for link in links_of(a)):
        yield fault("other weights", "slots", relinked(rule, heavier), "pattern_covers_the_jacobian")
    if any(map(columns.has_tight_pattern, columns.examples_of(name))):
        yield fault("dependences on everything", "slots", slots.everything, "pattern_is_tight")


def has_rules(a: Any, wanted: tuple[bool, ...]) -> bool:
    """Whether there is a rule for all that is wanted."""
    if a.primitive.vjp is None:
        return False
    try:
        a.cotangents(wanted, a.primitive.saves(wanted))
    except (NotImplementedError, np.linalg.LinAlgError):  # or it depends on a phase
        return False
    return True


def links_of(a: Any) -> Iterator[slots.Link]:
    """What the `slots` rule says of an application."""
    found = a.primitive.slots(a.able(), a.y, *a.args, **a.params)
    for links in found if a.primitive.multi else [found]:
        yield from itertools.chain(*links)


def sloping(a: Any, wanted: tuple[bool, ...]) -> Iterator[int]:
    """The arguments that have a cotangent other than zero."""
    found = a.cotangents(wanted, a.primitive.saves(wanted))
    return (i for i, ct in enumerate(found) if ct is not None and np.any(ct != 0))


def arrays(kept: Any, args: Any) -> Iterator[int]:
    """Of the arguments, the arrays that are kept, and -1 for the output."""
    yield from (i for i, on in enumerate(kept.args) if on and isinstance(args[i], np.ndarray))
    if kept.output:
        yield -1


def noticed(fault: Fault) -> str | None:
    """What notices a fault; None if nothing does."""
    p = PRIMITIVES[fault.operation]
    sound = getattr(p, fault.field)
    object.__setattr__(p, fault.field, fault.value)  # records are frozen
    try:
        for column in fault.columns:
            failure = first_failure(columns.of_column(fault.operation, column))
            if failure:
                return failure
    finally:
        object.__setattr__(p, fault.field, sound)
    return None


# ---- the score -------------------------------------------------------------------------------------------------------


def report() -> bool:
    """Plants everything, prints the score, and says whether nothing survived."""
    start = time.perf_counter()
    wrong = sound()
    if wrong:
        print(f"Without any mutant a check fails: {wrong}")
        return False
    counts, survivors = collections.Counter(), []
    for slip in SLIPS:
        group = f"slips in {slip.module.removeprefix('chainrule.')}"
        counts[group] += 1
        try:
            failure = caught(slip)
        except LookupError as error:
            failure = None
            print(error)
        if failure is None:
            survivors.append((group, str(slip)))
        elif "-v" in sys.argv:
            print(f"{slip}\n    caught by {failure}")
    for name in columns.OPERATIONS:
        for fault in faults_of(name):
            group = f"faults of the field {fault.field}"
            counts[group] += 1
            if noticed(fault) is None:
                survivors.append((group, f"{name}: {fault.what}"))
    missed = collections.Counter(group for group, _ in survivors)
    total = sum(counts.values())
    print(f"{'':36}planted  caught")
    for group, count in [*counts.items(), ("all", total)]:
        print(f"{group:36}{count:7}{count - (len(survivors) if group == 'all' else missed[group]):8}")
    for group, what in survivors:
        print(f"survives, of the {group}: {what}")
    print(f"{total - len(survivors)} of {total} caught in {time.perf_counter() - start:.0f} s")
    return not survivors


if __name__ == "__main__":
    sys.exit(not report())

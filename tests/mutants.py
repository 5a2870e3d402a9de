"""How good are the rule checks? Plants wrong rules, one at a time, and counts those that the checks catch.

    python tests/mutants.py

Two kinds. *Slips* (tests/slips.py) are edits of the source. *Faults* are made of the table of operations: each field of
each record in turn is replaced by one that does something else. A mutant is caught if a check of `tests/columns.py`
fails on the examples of the operations that it concerns. One that survives shows a hole in `tests/cases.py`, or says the
same in other words; then it is no mutant.

Nothing is written to disk: the library is imported once more for each slip, with the edited text of one module.
"""

import collections
import contextlib
import functools
import importlib
import importlib.machinery
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
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
                f"tests/slips.py: {self.slip.old!r} stands {found} times in {self.slip.module}, and should once: say "
                "what is there now"
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


def all_checks(columns: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name in names:
        yield from columns.everything(name)


def caught(slip: Slip) -> str | None:
    """What catches a slip; None if nothing does."""
    with planted(slip) as columns:
        return first_failure(all_checks(columns, slip.operations))


def sound() -> str | None:
    """What fails without any slip, of all that is looked at."""
    with planted(None) as columns:
        names = dict.fromkeys(name for slip in SLIPS for name in slip.operations)
        return first_failure(all_checks(columns, tuple(names)))


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


def one_scaled(rule: Callable[..., Any], i: int) -> Callable[..., Any]:
    """A vjp whose i-th cotangent is wrong."""

    def spoiled(*args: Any, **params: Any) -> Any:
        return tuple(scaled(ct) if k == i else ct for k, ct in enumerate(rule(*args, **params)))

    return spoiled


def everywhere(deps: Any) -> Any:
    """All dependences of all elements, for each of them."""
    every = np.unique(deps)
    return np.broadcast_to(every.reshape(-1, *(1,) * (deps.ndim - 1)), (len(every), *deps.shape[1:]))


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
    """In the record of an operation, what one field is to be, and the column that should notice."""

    operation: str
    what: str
    field: str
    value: Any
    column: str


def faults_of(p: Any, columns: Any) -> Iterator[Fault]:
    """All that is wrong in turn with the record of the primitive `p`."""
    fault = functools.partial(Fault, p.name)
    uses = columns.uses(p.name, columns.examples_of(p.name))
    kept = {i for a in uses for wanted in a.choices() for i in reads(p.saves(wanted), a.args)}
    everything_kept = all(all(p.saves(w)[0]) and p.saves(w)[1] for a in uses for w in a.choices())
    yield fault("another value", "impl", over(p.impl, changed), "jvp_agrees_with_differences")
    longer = over(p.aval, lambda a: a._replace(shape=(*a.shape, 1)))
    yield fault("another shape", "aval", longer, "recording_foretells_shapes_and_dtypes")
    wider = over(p.aval, lambda a: a._replace(dtype=np.dtype(np.clongdouble)))
    yield fault("another dtype", "aval", wider, "recording_foretells_shapes_and_dtypes")
    yield fault("the examples in another order", "batch", over(p.batch, lambda y: y[::-1]), "vmap_is_a_loop")
    if p.vjp is None:
        dependent = lambda deps, *avals, **params: p.sparsity(deps, *avals, **params) + 1
        yield fault("what a constant depends on", "sparsity", dependent, "is_constant")
        yield fault("what a constant keeps", "saves", all_kept(p.saves), "is_constant")
        return
    yield fault("another tangent", "jvp", over(p.jvp, scaled), "jvp_agrees_with_differences")
    for i in sorted({i for a in uses for i, on in enumerate(a.traced) if on and a.able()[i]}):
        yield fault(f"another cotangent {i}", "vjp", one_scaled(p.vjp, i), "vjp_is_the_transpose")
    yield fault("no pattern", "sparsity", over(p.sparsity, lambda s: s[:0]), "pattern_covers_the_jacobian")
    yield fault("a pattern of everything", "sparsity", over(p.sparsity, everywhere), "pattern_is_tight")
    for i in sorted(kept):
        yield fault(f"keeps not {i}", "saves", one_less(p.saves, i), "reads_what_it_keeps")
    if not everything_kept:
        yield fault("keeps everything", "saves", all_kept(p.saves), "reads_what_it_keeps")


def reads(kept: Any, args: Any) -> Iterator[int]:
    """Of the arguments, the arrays that are kept, and -1 for the output."""
    yield from (i for i, on in enumerate(kept.args) if on and isinstance(args[i], np.ndarray))
    if kept.output:
        yield -1

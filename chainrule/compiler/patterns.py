"""Rewrites of equations, each written as two functions: what is to be found, and what to put in its place.

    Rewrite(before=lambda x: np.exp(x) - 1, after=lambda x: np.expm1(x))

`before` is run once, on values that stand for anything, and what it does is the pattern. Its positional arguments match
any argument of an operation, the same one wherever they stand; `*xs` matches all further ones, if they are few; its
keyword-only arguments, given to `bind`, match any parameter. A number matches that number and arrays of nothing else.
`after` is recorded where the pattern is found, and has its shapes and dtypes, so it may look at those; it returns
NotImplemented where the rewrite does not hold.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Var
from ..core.primitive import Primitive
from ..core.trace import NUMBERS, UFUNCS, Trace, Tracer
from .repeats import bits, known

COMMUTATIVE = frozenset(
    UFUNCS[ufunc]
    for ufunc in (
        *(np.add, np.multiply, np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_xor),
        *(np.bitwise_and, np.bitwise_or, np.bitwise_xor),
    )
)
"""Operations that give the same bits with their two arguments exchanged."""


class Term(NamedTuple):
    """An operation in a pattern."""

    primitive: Primitive
    args: tuple[Any, ...]
    params: dict[str, Any]


class Blank(NamedTuple):
    """Something in a pattern that matches anything, but the same everywhere."""

    name: str


class Rest(NamedTuple):
    """The last argument in a pattern, if it matches any number of them, up to MOST: a rewrite costs no more than so."""

    name: str


MOST = 16


class Pattern(Tracer):
    """A value of a pattern: its companion is a Term or a Blank."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(float)


class PatternTrace(Trace):
    """Writes down what is done, and does nothing."""

    __slots__ = ()

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        given = tuple(a.companion if isinstance(a, Pattern) else a for a in args)
        return Pattern(self, None, Term(primitive, given, params))


class Rewrite:
    """A rule: where `before` is found, and `when` holds, `after` takes its place.

    `when` is called with the names that were bound, and with a function that gives the equation that makes a value.
    whole: it is not worth while where something that `before` makes on its way is a result of the graph.
    """

    def __init__(
        self,
        before: Callable[..., Any],
        after: Callable[..., Any],
        when: Callable[..., bool] | None = None,
        whole: bool = False,
    ):
        self.after, self.when, self.whole = after, when, whole
        names = inspect.signature(before).parameters.values()
        blanks = {p.name: Rest(p.name) if p.kind is p.VAR_POSITIONAL else Blank(p.name) for p in names}
        trace = PatternTrace()
        with trace:
            positional = [Pattern(trace, None, blanks[p.name]) for p in names if p.kind is not p.KEYWORD_ONLY]
            root = before(*positional, **{p.name: blanks[p.name] for p in names if p.kind is p.KEYWORD_ONLY}).companion
        self.root: Term = root
        self.params = [p.name for p in names if p.kind is p.KEYWORD_ONLY]
        self.args = [p.name for p in names if p.kind is not p.KEYWORD_ONLY]
        self.rest = next((p.name for p in names if p.kind is p.VAR_POSITIONAL), None)
        heads = [head(t) for t in root.args]
        self.heads = [heads, heads[::-1]] if root.primitive in COMMUTATIVE else [heads]

    def may_match(self, kinds: Sequence[Any]) -> bool:
        """Whether an equation may match whose arguments are of these kinds: what `kind` says of them."""
        for heads in self.heads:
            for h, k in zip(heads, kinds):  # noqa: B905 (the lengths are compared later)
                if h is not None and h is not k:
                    break
            else:
                return True
        return False

    def arguments(self, bound: dict[str, Any]) -> list[Any]:
        """What `after` is to be called with, of the names that were bound."""
        args = [bound[name] for name in self.args]
        return args if self.rest is None else [*args[:-1], *args[-1]]

    def match(self, e: Equation, made: Mapping[Var, Equation], results: Container[Var]) -> dict[str, Any] | None:
        """What the names stand for if `e` is such an operation; None if it is not."""
        bound: dict[str, Any] = {BETWEEN: ()}
        found = _matches(self.root, e, made, bound)
        if not found or (self.whole and any(v in results for v in bound[BETWEEN])):
            return None
        return bound if self.when is None or self.when(bound, made.get) else None


class Table:
    """Rewrites, in the order in which they are tried, by what an equation is and what its arguments are."""

    def __init__(self, rules: Sequence[Rewrite]):
        self._by_root: dict[Primitive, list[Rewrite]] = {}
        self._by_kinds: dict[tuple[Any, ...], list[Rewrite]] = {}
        for rule in rules:
            self._by_root.setdefault(rule.root.primitive, []).append(rule)

    def candidates(self, e: Equation, made: Mapping[Var, Equation]) -> list[Rewrite]:
        """The rules that may match `e`, as far as can be seen from the operations that make its arguments."""
        rules = self._by_root.get(e.primitive)
        if rules is None:
            return []
        key = (e.primitive, *[kind(a, made) for a in e.args])
        found = self._by_kinds.get(key)
        if found is None:
            found = self._by_kinds[key] = [rule for rule in rules if rule.may_match(key[1:])]
        return found


BETWEEN = "what is made on the way"
CONSTANT = "a constant"


def head(t: Any) -> Any:
    """What an argument must be to be `t`: made by this operation, a constant, or (None) anything."""
    return t.primitive if isinstance(t, Term) else None if isinstance(t, Blank | Rest) else CONSTANT


def kind(a: Any, made: Mapping[Var, Equation]) -> Any:
    """The operation that makes an argument, None if there is none."""
    if not isinstance(a, Var):
        return CONSTANT
    e = made.get(a)
    return None if e is None else e.primitive


def _matches(term: Term, e: Equation | None, made: Mapping[Var, Equation], bound: dict[str, Any]) -> bool:
    """Whether the operation `e` is one of `term`; patterns are small, so this may call itself."""
    if e is None or e.primitive is not term.primitive or len(e.args) > MOST:
        return False
    own, given = term.args, e.args
    if own and isinstance(own[-1], Rest) and len(given) >= len(own):
        bound[own[-1].name] = given[len(own) - 1 :]
        own, given = own[:-1], given[: len(own) - 1]
    if len(given) != len(own) or term.params.keys() != e.params.keys():
        return False
    for name, p in term.params.items():
        if isinstance(p, Blank):
            if bound.setdefault(p.name, e.params[name]) != e.params[name]:
                return False
        elif p != e.params[name]:
            return False
    orders = [given, given[::-1]] if term.primitive in COMMUTATIVE else [given]
    for args in orders:
        trial = dict(bound)
        if all(_fits(t, a, made, trial) for t, a in zip(own, args, strict=True)):
            bound.update(trial)
            return True
    return False


def _fits(t: Any, a: Any, made: Mapping[Var, Equation], bound: dict[str, Any]) -> bool:
    """Whether the argument `a` is what `t` asks for."""
    if isinstance(t, Blank):
        return bound.setdefault(t.name, a) is a or is_same_constant(bound[t.name], a)
    if isinstance(t, Term):
        if not isinstance(a, Var) or not _matches(t, made.get(a), made, bound):
            return False
        bound[BETWEEN] += (a,)
        return True
    return is_number(a, t)


def is_same_constant(a: Any, b: Any) -> bool:
    return not isinstance(a, Var) and not isinstance(b, Var) and type(a) is type(b) and np.array_equal(a, b)


def is_number(x: Any, number: Any) -> bool:
    """Whether a constant is this number, or an array of it; zeros have a sign."""
    if isinstance(x, Var):
        return False
    if type(x) in NUMBERS and x != number:
        return False
    x = np.asarray(x)
    if x.dtype.kind not in "fciub" or not x.size or not np.all(x == number):
        return False
    return number != 0 or bool(np.all(np.signbit(np.real(x).astype(float)) == np.signbit(number)))


# ---- what is the same ------------------------------------------------------------------------------------------------


def work(e: Equation) -> Hashable:
    """What an equation does, and to what: the same for equations whose results are the same in every bit."""
    args = [a if isinstance(a, Var) else bits(a) for a in e.args]
    if e.primitive in COMMUTATIVE:
        args.sort(key=hash)
    return e.primitive, known(e.params) if e.params else (), *args

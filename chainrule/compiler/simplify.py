"""Graph -> graph: the same results from fewer and cheaper equations.

One walk over the equations folds constants, rewrites (compiler/rewrites.py) and finds common sub-expressions; one walk
back drops what nobody reads. What a loop need not repeat is moved out of it (compiler/hoist.py), and loops that share
some of their work are joined (compiler/join.py). All but the former are done again as long as they change something.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ..core.garbage import put_off
from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..core.trace import NUMBERS, aval_of
from ..transforms.bodies import graph_of
from ..transforms.scans import narrowed, scan
from .hoist import hoist
from .join import join
from .patterns import Table, work
from .repeats import aval_like, bits, known
from .rewrites import EXACT, FAST, REORDERED, STABLE

FOLDED = 1 << 16
"""Elements of a constant that is made here, beyond those of what it is made of."""

ROUNDS = 4
"""Walks: each finds what the one before has laid open."""

CHAIN = 16
"""Rewrites of what a rewrite has written, in a row."""


def simplify(graph: Graph, fastmath: bool = False, stable: bool = True, reorder: bool = False) -> Graph:
    """`graph`, simplified.

    Parameters
    ----------
    graph : Graph
        As :func:`chainrule.record` makes it.
    fastmath : bool
        Whether to take rewrites that hold for real numbers, but not for NaN, infinities and signed zeros.
    stable : bool
        Whether to take those that replace formulas by others with the same meaning and a smaller error.
    reorder : bool
        Whether to take those that add up in another order.

    Returns
    -------
    Graph
        Without any of these it gives the same results, in every bit.

    Notes
    -----
    Cost: in proportion to the number of equations.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.compiler.simplify import simplify
    >>> print(simplify(cr.record(lambda x: np.log(1 + np.exp(x)) * 1 + np.sin(2.0), np.ones(3))))
    graph(v1:float64[3]):
        v7:float64[3] = logaddexp(v1, 0)
        v6:float64[3] = add(v7, 0.909297)
        return v6
    """
    rules = [*(STABLE if stable else []), *EXACT, *(REORDERED if reorder else []), *(FAST if fastmath else [])]
    with put_off:
        if any(e.primitive is scan for e in graph.equations):  # they are joined while they still do the same
            graph = simplified(hoist(graph), Table(EXACT), {})
        return simplified(graph, Table(rules), {})


def simplified(graph: Graph, rules: Table, cache: dict[Hashable, Any]) -> Graph:
    """The graph after all walks; inner graphs first."""
    graph = alive(graph)
    for _ in range(ROUNDS):
        size = len(graph.equations)
        graph = join(graph)
        walk = Walk(graph, rules, cache)
        graph = alive(walk.graph())
        if not walk.changed and len(graph.equations) == size:
            break
    return graph


# ---- dead code -----------------------------------------------------------------------------------------------------


def alive(graph: Graph) -> Graph:
    """Without what no result and no guard depends on."""
    needed = {*graph.outputs, *(v for v, _ in graph.guards)}
    kept = []
    for e in reversed(graph.equations):
        used = [v in needed for v in e.outputs]
        if not any(used) and not has_effect(e):
            continue
        if e.primitive is scan and not all(used):
            args, params, on = narrowed(e.args, e.params, used)
            e = Equation(scan, args, params, tuple(v for v, b in zip(e.outputs, on, strict=True) if b))
        kept.append(e)
        needed.update(a for a in e.args if isinstance(a, Var))
    constants = {v: x for v, x in graph.constants.items() if v in needed}
    return Graph(
        graph.inputs, kept[::-1], graph.outputs, constants, graph.guards, graph.flatten, graph.unflatten, graph.count
    )


def has_effect(e: Equation) -> bool:
    """Whether an equation is there to raise an error: its outputs are never read."""
    return "error" in e.params


# ---- the walk ------------------------------------------------------------------------------------------------------


class Walk:
    """One walk over the equations of a graph, from the first to the last.

    names: what stands for a variable of the old graph, or of a rewrite, in the new one: a variable or a constant; made:
    the equation that makes a variable of the new graph; seen: its outputs, by how they are made. Each result stays an
    array of its own: what is `taken` takes the place of none.
    """

    def __init__(self, old: Graph, rules: Table, cache: dict[Hashable, Any]):
        self.old, self.rules, self.cache = old, rules, cache
        self.names: dict[Var, Any] = dict(old.constants)
        self.made: dict[Var, Equation] = {}
        self.seen: dict[Hashable, tuple[Var, ...]] = {}
        self.equations: list[Equation] = []
        self.count = old.count
        self.changed = False
        self.own = set(old.outputs)
        self.taken = self.own | set(old.inputs)

    def graph(self) -> Graph:
        for e in self.old.equations:
            self.visit(e)
        constants: dict[Var, Any] = {}
        outputs = []
        for v in self.old.outputs:
            found = self.names.get(v, v)
            outputs.append(found if isinstance(found, Var) else self.named(found, constants))
        guards = []
        for v, answer in self.old.guards:
            found = self.names.get(v, v)
            if isinstance(found, Var):
                guards.append((found, answer))
            elif not np.array_equal(found, answer, equal_nan=answer.dtype.kind in "fc"):
                guards.append((self.named(found, constants), answer))
        rest = guards, self.old.flatten, self.old.unflatten, self.count
        return Graph(self.old.inputs, self.equations, outputs, constants, *rest)

    def named(self, value: Any, constants: dict[Var, Any]) -> Var:
        v = self.new(aval_like(np.asarray(value)))
        constants[v] = value
        return v

    def new(self, aval: Aval) -> Var:
        self.count += 1
        return Var(f"v{self.count}", aval)

    def visit(self, e: Equation, depth: int = 0) -> None:
        """Writes an equation, or what it comes to."""
        args = tuple([self.names.get(a, a) if isinstance(a, Var) else a for a in e.args])
        e = Equation(e.primitive, args, self.inner(e.params), e.outputs)
        if self.folded(e) or (depth < CHAIN and self.rewritten(e, depth)) or self.shared(e):
            self.changed = True
            return
        self.equations.append(e)
        self.made.update((v, e) for v in e.outputs)

    def inner(self, params: dict[str, Any]) -> dict[str, Any]:
        graphs = {k: simplified(p, self.rules, self.cache) for k, p in params.items() if isinstance(p, Graph)}
        return params | graphs if graphs else params

    def folded(self, e: Equation) -> bool:
        """Computes an equation of constants, if the result is no larger than these, or small."""
        if not e.outputs or has_effect(e) or any(isinstance(a, Var) for a in e.args):
            return False
        size = max([math.prod(aval_of(a).shape) for a in e.args], default=0)
        if any(isinstance(p, Graph) for p in e.params.values()):
            return False
        if sum(math.prod(v.aval.shape) for v in e.outputs) > max(FOLDED, size):
            return False
        try:
            with np.errstate(all="ignore"):
                ys = e.primitive.impl(*e.args, **e.params)
        except (ArithmeticError, ValueError):  # it says so when it is run
            return False
        for v, y in zip(e.outputs, ys if e.primitive.multi else (ys,), strict=True):
            self.names[v] = constant(y, v.aval)
        return True

    def shared(self, e: Equation) -> bool:
        """Finds an equation that does the same."""
        found = self.seen.setdefault(work(e), e.outputs)
        if found is e.outputs:
            return False
        return all([self.becomes(v, f) for v, f in zip(e.outputs, found, strict=True)])  # noqa: C419 (each of them)

    def becomes(self, v: Var, found: Any) -> bool:
        """Puts `found` in the place of v, unless v is a result and `found` an input or another one."""
        if v in self.own:
            if found in self.taken:
                return False
            self.taken.add(found)
        self.names[v] = found
        return True

    # -- rewrites

    def rewritten(self, e: Equation, depth: int) -> bool:
        """Puts something else in the place of an equation, if a rule says so."""
        for rule in self.rules.candidates(e, self.made):
            bound = rule.match(e, self.made, self.own)
            if bound is None:
                continue
            args, params = rule.arguments(bound), {name: bound[name] for name in rule.params}
            graph = self.recorded(rule, lambda *xs, rule=rule, params=params: rule.after(*xs, **params), args, params)
            if graph is None or [v.aval for v in graph.outputs] != [v.aval for v in e.outputs]:
                continue
            found = self.splice(graph, args, depth + 1)
            if not isinstance(found, Var) or self.becomes(e.outputs[0], found):
                self.names[e.outputs[0]] = found
                return True
        return False

    def recorded(self, who: Hashable, f: Any, args: Sequence[Any], params: Any = ()) -> Graph | None:
        """The graph of f on arguments like these; None if it says that it does not hold."""
        key = who, known(dict(params)), *(aval_like(a) if isinstance(a, Var) else bits(a) for a in args)
        if key not in self.cache:
            blanks = [np.broadcast_to(np.zeros((), a.aval.dtype), a.aval.shape) for a in args if isinstance(a, Var)]
            self.cache[key] = recorded_if_it_holds(f, args, blanks)
        return self.cache[key]

    def splice(self, graph: Graph, args: Sequence[Any], depth: int = 0) -> Any:
        """Writes the equations of a graph for these arguments; what its result is."""
        variables = dict(zip(graph.inputs, [a for a in args if isinstance(a, Var)], strict=True))
        for e in graph.equations:
            outputs = tuple(self.new(v.aval) for v in e.outputs)
            given = tuple(variables[a] if isinstance(a, Var) else a for a in e.args)
            self.visit(Equation(e.primitive, given, e.params, outputs), depth)
            variables.update(zip(e.outputs, outputs, strict=True))
        (result,) = graph.outputs
        if result in graph.constants:
            return constant(graph.constants[result], result.aval)
        found = variables[result]
        return self.names.get(found, found)


class Refused(Exception):
    """A rewrite does not hold."""


def recorded_if_it_holds(f: Any, args: Sequence[Any], blanks: Sequence[Any]) -> Graph | None:
    def of_variables(leaves):
        left = iter(leaves)
        y = f(*(next(left) if isinstance(a, Var) else a for a in args))
        if y is NotImplemented:
            raise Refused
        return y

    try:
        return graph_of(of_variables, blanks)
    except Refused:
        return None


def constant(y: Any, aval: Aval) -> Any:
    """A constant of a graph: an array that cannot be written into, or a number of NumPy's."""
    if type(y) in NUMBERS:
        y = np.asarray(y, aval.dtype)
    if not isinstance(y, np.ndarray) or y.shape == ():
        return np.asarray(y)[()]
    y = y.copy()
    y.flags.writeable = False
    return y

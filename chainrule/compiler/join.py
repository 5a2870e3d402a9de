"""Graph -> graph: scans that can run side by side become one, where they do some of the same work.

The value of a recorded loop, and what its backward pass needs, are two scans, of which one does again what the other
does. In one body, equations that do the same are shared. So are carries that begin with the same and, supposing that
they always are the same, become the same: classes of carries are split until this holds (Alpern, Wegman and Zadeck,
Detecting equality of variables in programs, 1988).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..transforms.scans import Split, scan, split
from .emission import Emitter, renamed
from .patterns import work
from .repeats import bits

LATEST = 8
"""How many scans are tried that another might be joined with, the latest ones."""


def join(graph: Graph) -> Graph:
    """`graph`, with the same results in every bit, and scans joined that share some of their work."""
    order = by_level(graph)
    if order is None:
        return graph
    emitter = Emitter(graph)
    names: dict[Var, Var] = {}
    like: dict[Hashable, list[int]] = {}
    for level, e in order:
        e = renamed(e, names)
        if e.primitive is scan:
            earlier = like.setdefault((level, e.params["length"], e.params["reverse"]), [])
            pairs = ((i, Pair(emitter, emitter.equations[i], e)) for i in earlier[-LATEST:])
            place, pair = next(((i, pair) for i, pair in pairs if pair.pays()), (-1, None))
            if pair is not None:
                emitter.equations[place] = pair.scan()
                names = {v: pair.same.get(other, other) for v, other in names.items()} | pair.same
                continue
            earlier.append(len(emitter.equations))
        emitter.equations.append(e)
    for v in dict.fromkeys(graph.outputs):
        if v in names:  # each result is an array of its own
            emitter.emit(np.copy, names[v], out=v)
    joined = len(emitter.equations) != len(graph.equations) or bool(names)
    return emitter.graph(graph.outputs, [(names.get(v, v), answer) for v, answer in graph.guards]) if joined else graph


def by_level(graph: Graph) -> list[tuple[int, Equation]] | None:
    """The equations by how many scans they wait for, one after another; those of one level do not wait for each other.

    Scans come after all else of their level. None if no level has two.
    """
    ready: dict[Var, int] = {}
    order = []
    for e in graph.equations:
        level = max([ready.get(a, 0) for a in e.args if isinstance(a, Var)], default=0)
        order.append((level, e))
        level += e.primitive is scan
        ready.update((v, level) for v in e.outputs)
    levels = [level for level, e in order if e.primitive is scan]
    if len(set(levels)) == len(levels):
        return None
    return sorted(order, key=lambda at: (at[0], at[1].primitive is scan))


class Half(NamedTuple):
    """A scan: the inputs of its body, what they are, what the body makes of them, and the scan's results."""

    inputs: Split
    given: Split
    made: Split
    results: Split
    equations: Sequence[Equation]


def half(e: Equation, emitter: Emitter) -> Half:
    """The parts of a scan, with new variables for all in its body: two scans may have the same body."""
    body, consts, carries = e.params["body"], e.params["consts"] + len(e.params["body"].constants), e.params["carries"]
    inputs = [*body.constants, *body.inputs]
    names = {v: emitter.new(v.aval) for v in [*inputs, *(v for q in body.equations for v in q.outputs)]}
    equations = [renamed(q, names) for q in body.equations]
    return Half(
        split([names[v] for v in inputs], consts, carries),
        split([*body.constants.values(), *e.args], consts, carries),
        split([names[v] for v in body.outputs], 0, carries),
        split(e.outputs, 0, carries),
        [Equation(q.primitive, q.args, q.params, tuple(names[v] for v in q.outputs)) for q in equations],
    )


class Pair:
    """Two scans as one.

    names: what stands for a variable of the bodies; consts, rows: the inputs of the body by the arguments that they
    are; carries: what is handed on; leaders: for each carry the first one that is always the same; equations: the body.
    same: results that are those of others, too.
    """

    def __init__(self, emitter: Emitter, first: Equation, second: Equation):
        self.count, self.params = emitter.count, first.params
        self.halves = [half(first, emitter), half(second, emitter)]
        self.names: dict[Var, Var] = {}
        self.consts: dict[Hashable, tuple[Var, Any]] = {}
        self.rows: dict[Hashable, tuple[Var, Any]] = {}
        for h in self.halves:
            for v, a in zip(h.inputs.consts, h.given.consts, strict=True):
                self.names[v] = self.consts.setdefault(name(a), (v, a))[0]
            for v, a in zip(h.inputs.xs, h.given.xs, strict=True):
                self.names[v] = self.rows.setdefault(name(a), (v, a))[0]
        self.carries = [v for h in self.halves for v in h.inputs.carry]
        self.begin = [a for h in self.halves for a in h.given.carry]
        self.same: dict[Var, Var] = {}
        self.share()

    def share(self) -> None:
        """Finds the carries that are the same, and with them the equations."""
        after = [v for h in self.halves for v in h.made.carry]
        classes = numbered([(name(a), v.aval) for a, v in zip(self.begin, self.carries, strict=True)])
        while True:
            self.leaders = [classes.index(c) for c in classes]
            names = self.names | {v: self.carries[i] for v, i in zip(self.carries, self.leaders, strict=True)}
            self.equations = distinct([q for h in self.halves for q in h.equations], names)
            self.become = [names.get(v, v) for v in after]
            finer = numbered(list(zip(classes, map(name, self.become), strict=True)))
            if max(finer, default=0) == max(classes, default=0):
                self.names = names
                return
            classes = finer

    def pays(self) -> bool:
        return len(self.equations) < sum(len(h.equations) for h in self.halves)

    def scan(self) -> Equation:
        """The scan of both; of results that are the same it has one."""
        kept = [i for i, leader in enumerate(self.leaders) if i == leader]
        finals = [v for h in self.halves for v in h.results.carry]
        self.same.update((v, finals[i]) for v, i in zip(finals, self.leaders, strict=True) if v is not finals[i])
        stacks: dict[Hashable, tuple[Any, Var]] = {}
        for h in self.halves:
            for v, stack in zip(h.made.xs, h.results.xs, strict=True):
                value = self.names.get(v, v)
                found = stacks.setdefault(name(value), (value, stack))[1]
                if found is not stack:
                    self.same[stack] = found
        consts, rows = self.consts.values(), self.rows.values()
        inputs = [*(v for v, _ in consts), *(self.carries[i] for i in kept), *(v for v, _ in rows)]
        outputs = [*(self.become[i] for i in kept), *(value for value, _ in stacks.values())]
        body = Graph(inputs, self.equations, outputs, count=self.count)
        args = (*(a for _, a in consts), *(self.begin[i] for i in kept), *(a for _, a in rows))
        results = (*(finals[i] for i in kept), *(stack for _, stack in stacks.values()))
        return Equation(scan, args, self.params | {"body": body, "consts": len(consts), "carries": len(kept)}, results)


def name(a: Any) -> Hashable:
    """The same for arguments that are the same."""
    return a if isinstance(a, Var) else bits(a)


def numbered(keys: Sequence[Hashable]) -> list[int]:
    """For each key the number of its class, from 0 on."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def distinct(equations: Sequence[Equation], names: dict[Var, Var]) -> list[Equation]:
    """Those of `equations` that do something new; `names` says of the outputs of the others what they are."""
    seen: dict[Hashable, tuple[Var, ...]] = {}
    out = []
    for e in equations:
        e = renamed(e, names)
        found = seen.setdefault(work(e), e.outputs)
        if found is e.outputs:
            out.append(e)
        else:
            names.update(zip(e.outputs, found, strict=True))
    return out

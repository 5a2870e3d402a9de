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
    results, names = set(graph.outputs), {}
    like: dict[Hashable, list[int]] = {}
    for level, e in order:
        e = renamed(e, names)
        if e.primitive is scan:
            earlier = like.setdefault((level, e.params["length"], e.params["reverse"]), [])
            joined = next(filter(None, (together(emitter, i, e) for i in earlier[-LATEST:])), None)
            if joined is not None:
                emitter.equations[joined.place] = joined.equation
                for v, other in joined.same.items():
                    names[v] = other
                    if v in results:  # each result is an array of its own
                        emitter.emit(np.copy, other, out=v)
                continue
            earlier.append(len(emitter.equations))
        emitter.equations.append(e)
    return emitter.graph(graph.outputs, graph.guards) if names else graph


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


class Joined(NamedTuple):
    """Two scans as one, which stands in the place of the first; same: results of the second that the first has, too."""

    place: int
    equation: Equation
    same: dict[Var, Var]


class Half(NamedTuple):
    """One of the two: the inputs of its body, what they are, what the body makes of them, and the scan's results."""

    inputs: Split
    given: Split
    made: Split
    results: Split
    equations: Sequence[Equation]


def half(e: Equation, emitter: Emitter) -> Half:
    """The parts of a scan, with new variables for all in its body: two scans may have the same body."""
    body, consts, carries = e.params["body"], e.params["consts"], e.params["carries"]
    names: dict[Any, Any] = dict(body.constants)
    for v in [*body.inputs, *(v for q in body.equations for v in q.outputs)]:
        names[v] = emitter.new(v.aval)
    equations = [renamed(q, names) for q in body.equations]
    equations = [Equation(q.primitive, q.args, q.params, tuple(names[v] for v in q.outputs)) for q in equations]
    inputs = split([names[v] for v in body.inputs], consts, carries)
    made = split([names[v] for v in body.outputs], 0, carries)
    return Half(inputs, split(e.args, consts, carries), made, split(e.outputs, 0, carries), equations)


def name(a: Any) -> Hashable:
    """The same for arguments that are the same."""
    return a if isinstance(a, Var) else bits(a)


def together(emitter: Emitter, place: int, second: Equation) -> Joined | None:
    """The scan in this place, with another; None if they have nothing in common."""
    first = emitter.equations[place]
    halves = [half(first, emitter), half(second, emitter)]
    names: dict[Var, Any] = {}
    shared: dict[Hashable, tuple[Var, Any]] = {}
    rows: dict[Hashable, tuple[Var, Any]] = {}
    for h in halves:
        for found, inputs, given in ((shared, h.inputs.consts, h.given.consts), (rows, h.inputs.xs, h.given.xs)):
            for v, a in zip(inputs, given, strict=True):
                names[v] = found.setdefault(name(a), (v, a))[0]
    carries = [v for h in halves for v in h.inputs.carry]
    begin = [a for h in halves for a in h.given.carry]
    after = [v for h in halves for v in h.made.carry]
    classes = numbered([(name(a), v.aval) for a, v in zip(begin, carries, strict=True)])
    while True:
        leaders = [classes.index(c) for c in classes]
        equal = names | {v: carries[i] for v, i in zip(carries, leaders, strict=True)}
        equations = distinct([q for h in halves for q in h.equations], equal)
        become = [equal.get(v, v) if isinstance(v, Var) else v for v in after]
        finer = numbered(list(zip(classes, map(name, become), strict=True)))
        if max(finer, default=0) == max(classes, default=0):
            break
        classes = finer
    if len(equations) >= sum(len(h.equations) for h in halves):
        return None
    return written(emitter, place, first, halves, (shared, rows), (leaders, carries, begin, become), equal, equations)


def written(emitter, place, first, halves, inputs, carried, equal, equations) -> Joined | None:
    """The scan of both."""
    (shared, rows), (leaders, carries, begin, become) = inputs, carried
    kept = [i for i, leader in enumerate(leaders) if i == leader]
    same: dict[Var, Var] = {}
    finals = [v for h in halves for v in h.results.carry]
    same.update((v, finals[i]) for v, i in zip(finals, leaders, strict=True) if v is not finals[i])
    stacks: dict[Hashable, tuple[Any, Var]] = {}
    for h in halves:
        for v, stack in zip(h.made.xs, h.results.xs, strict=True):
            value = equal.get(v, v) if isinstance(v, Var) else v
            found = stacks.setdefault(name(value), (value, stack))[1]
            if found is not stack:
                same[stack] = found
    outputs = [*(become[i] for i in kept), *(value for value, _ in stacks.values())]
    if not all(isinstance(v, Var) for v in outputs) or any(v in halves[0].results.carry for v in same):
        return None
    if any(stack in same for stack in halves[0].results.xs):
        return None
    names = [*(v for v, _ in shared.values()), *(carries[i] for i in kept), *(v for v, _ in rows.values())]
    args = (*(a for _, a in shared.values()), *(begin[i] for i in kept), *(a for _, a in rows.values()))
    params = first.params | {
        "body": Graph(names, equations, outputs, count=emitter.count),
        "consts": len(shared),
        "carries": len(kept),
    }
    return Joined(
        place, Equation(scan, args, params, (*(finals[i] for i in kept), *(s for _, s in stacks.values()))), same
    )


def numbered(keys: Sequence[Hashable]) -> list[int]:
    """For each key the number of its class, from 0 on."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def distinct(equations: Sequence[Equation], names: dict[Var, Any]) -> list[Equation]:
    """Those of `equations` that do something new; `names` says of the outputs of the others what they are."""
    seen: dict[Hashable, tuple[Var, ...]] = {}
    out = []
    for e in equations:
        e = Equation(
            e.primitive, tuple(names.get(a, a) if isinstance(a, Var) else a for a in e.args), e.params, e.outputs
        )
        found = seen.setdefault(work(e), e.outputs)
        if found is e.outputs:
            out.append(e)
        else:
            names.update(zip(e.outputs, found, strict=True))
    return out

"""What the iterations of a loop read, if a stretch of equations that repeats is one.

In each of its places an iteration may read one of four things:

    Same       one value that was there before the loop, or a constant
    Rows       a value or constant of its own for each iteration, from before the loop
    Local      what the same iteration has made
    Carried    what the iteration `back` iterations ago has made; in the first ones, something from before the loop

Where a place is none of these, the stretch is shortened to its longest part of which it is true, or given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..core.trace import NUMBERS, aval_of
from .repeats import Run, Tokens, aval_like, by_shapes, by_sources, known, repeats

DEPTH = 8
"""How many iterations back a value may be read."""

EFFORT = 16
"""How often each equation may take part in an attempt, on the average."""

ATTEMPTS = 6
"""How often a stretch is shortened before it is given up."""


class Same(NamedTuple):
    """One value, from before the loop."""

    token: int


class Rows(NamedTuple):
    """A value for each iteration, from before the loop; `dtype` is theirs, which Python numbers adapt to."""

    tokens: tuple[int, ...]
    dtype: Any


class Local(NamedTuple):
    """An output of an equation of the same iteration, by its place in the period."""

    equation: int
    output: int


class Carried(NamedTuple):
    """An output of the iteration `back` iterations ago; `first` is what the first ones read instead."""

    equation: int
    output: int
    back: int
    first: tuple[int, ...]


Source = Same | Rows | Local | Carried


class Step(NamedTuple):
    """An equation of the body: its first occurrence, the parameters for all, and where the arguments come from."""

    equation: Equation
    params: dict[str, Any]
    sources: list[Source]


class Loop(NamedTuple):
    """A proved loop."""

    run: Run
    steps: list[Step]


class Differs(Exception):
    """Some iterations are not like the others; `bad` are their numbers."""

    def __init__(self, bad: Any):
        self.bad = np.asarray(bad, np.intp)


def found(graph: Graph, tokens: Tokens, least: int) -> list[Loop]:
    """The loops of a graph that can be proved, in order; of nested ones the inner ones."""
    plain = by_shapes(graph, tokens)
    fine = by_sources(plain, tokens, least)
    taken = np.zeros(len(plain), bool)
    loops, budget = [], EFFORT * len(plain)
    for run in repeats(fine, least):
        if taken[run.start : run.end].any():
            continue
        budget -= run.end - run.start
        if budget < 0:
            break
        loop = proved(graph, tokens, cut(tokens, graph, extended(plain, taken, run)), least)
        if loop is not None:
            loops.append(loop)
            taken[loop.run.start : loop.run.end] = True
    return sorted(loops, key=lambda loop: loop.run.start)


def extended(plain: np.ndarray, taken: np.ndarray, run: Run) -> tuple[int, int, int]:
    """The start, end and period of a run, as far as the shapes alone repeat: the first iteration reads other places."""
    start, end, period = run.start, run.end, run.period
    while start > 0 and not taken[start - 1] and plain[start - 1] == plain[start - 1 + period]:
        start -= 1
    while end < len(plain) and not taken[end] and plain[end] == plain[end - period]:
        end += 1
    return start, end, period


def cut(tokens: Tokens, graph: Graph, stretch: tuple[int, int, int]) -> Run:
    """A stretch as a run that begins where the fewest numbers are handed from one iteration to the next."""
    start, end, period = stretch
    middle = start + (end - start) // period // 2 * period
    reach: dict[int, int] = {}
    for j in range(period):
        for t in tokens.row(middle + j):
            if t >= 0 and tokens.where[t] >= start:
                reach[t] = max(reach.get(t, 0), middle + j - int(tokens.where[t]))
    cost = np.zeros(2 * period + 1)
    for t, length in reach.items():
        if length > DEPTH * period:  # no carry
            continue
        at = (int(tokens.where[t]) - start) % period + 1
        size = 1 + float(np.prod(tokens.vars[t].aval.shape))
        cost += length // period * size
        cost[at : at + length % period] += size
    cost = cost[:period] + cost[period : 2 * period]
    shift = int(np.argmin(cost[: max(1, min(period, end - start - period + 1))]))
    return Run(start + shift, period, (end - start - shift) // period)


def proved(graph: Graph, tokens: Tokens, run: Run, least: int) -> Loop | None:
    """The loop that a run is, or the longest part of it; None if that is too short."""
    for _ in range(ATTEMPTS):
        if run.times < least:
            return None
        try:
            return Loop(run, [step(graph, tokens, run, j) for j in range(run.period)])
        except Differs as difference:
            edges = [-1, *np.unique(difference.bad).tolist(), run.times]
            gaps = np.diff(edges) - 1
            i = int(np.argmax(gaps))
            run = Run(run.start + (edges[i] + 1) * run.period, run.period, int(gaps[i]))
    return None


def step(graph: Graph, tokens: Tokens, run: Run, j: int) -> Step:
    """The equation in place j of all iterations, proved to be one."""
    rows = range(run.start + j, run.end, run.period)
    equations = [graph.equations[i] for i in rows]
    first = equations[0]
    begin = tokens.start[run.start + j : run.end : run.period]
    columns = tokens.flat[begin[:, None] + np.arange(len(first.args))]
    params = first.params
    if params:
        kinds = [known(e.params) for e in equations]
        if any(kind != kinds[0] for kind in kinds):
            params, columns = with_places(tokens, equations, columns)
    sources = [source(tokens, run, j, columns[:, s]) for s in range(columns.shape[1])]
    return Step(first, params, [typed(graph, tokens, run, first, params, sources, s) for s in range(len(sources))])


def with_places(
    tokens: Tokens, equations: Sequence[Equation], columns: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """The parameters without the numbers that differ, and the arguments with them."""
    places = equations[0].primitive.places
    if places is None:
        raise Differs(range(len(equations)))
    for slices in (False, True):
        rows, kinds = [], []
        for e, row in zip(equations, columns, strict=True):
            # Tokens pass for the arguments: only the first one's shape is looked at.
            shaped = [a.aval if isinstance(a, Var) else aval_of(a) for a in e.args]
            args, params = places(slices, *shaped, **e.params)
            given = iter(row.tolist())
            rows.append([next(given) if isinstance(a, Aval) else tokens.token(a) for a in args])
            kinds.append(params)
        if len(set(map(known, kinds))) == 1:
            return kinds[0], np.array(rows, np.intp)
    raise Differs(range(len(equations)))


def source(tokens: Tokens, run: Run, j: int, column: np.ndarray) -> Source:
    """What the iterations read in one place."""
    where = np.where(column >= 0, tokens.where[np.maximum(column, 0)], -1)
    mine = where >= run.start
    if not mine.any():
        if (column == column[0]).all():
            return Same(int(column[0]))
        values, counts = np.unique(column, return_counts=True)
        if values.max() >= 0 and counts.max() >= run.times - 2:  # one value but for one or two
            raise Differs(np.flatnonzero(column != values[counts.argmax()]))
        return Rows(tuple(column.tolist()), None)
    if (column == column[0]).all():  # made in the loop, for all further iterations
        raise Differs(range((int(where[0]) - run.start) // run.period + 1))
    if 2 * np.count_nonzero(mine) < len(column):  # nearly all of them read what was there before
        raise Differs(np.flatnonzero(mine))
    iterations, offsets = np.divmod(where - run.start, run.period)
    numbers = np.arange(run.times)
    backs = (numbers - iterations)[mine]
    back = int(np.bincount(backs).argmax())
    at = numbers[mine][backs == back][-1]
    offset, output = int(offsets[at]), int(tokens.output[column[at]])
    late = numbers >= back
    right = mine & (iterations == numbers - back) & (offsets == offset)
    right[mine] &= tokens.output[column[mine]] == output
    bad = np.where(late, ~right, mine)
    if bad.any():
        raise Differs(numbers[bad])
    if back > DEPTH:
        raise Differs(numbers)
    return Carried(offset, output, back, tuple(column[:back].tolist())) if back else Local(offset, output)


def typed(
    graph: Graph, tokens: Tokens, run: Run, e: Equation, params: dict[str, Any], sources: list[Source], s: int
) -> Source:
    """A source with one shape and dtype for all that it stands for; Python numbers adapt, where no value changes."""
    at = sources[s]
    if isinstance(at, Carried):
        aval = graph.equations[run.start + at.equation].outputs[at.output].aval
        bad = [k for k, t in enumerate(at.first) if not adapts(tokens.argument(t), aval)]
        if bad:
            raise Differs(bad)
    if not isinstance(at, Rows):
        return at
    values = [tokens.argument(t) for t in at.tokens]
    avals = {aval_like(v) for v in values if type(v) not in NUMBERS}
    weak = {type(v): v for v in values if type(v) in NUMBERS}
    if weak and not avals and len(e.args) == len(sources):
        others = [aval_like(a) for i, a in enumerate(e.args) if i != s]
        kinds = [a.dtype(1) if a.dtype in NUMBERS else a.dtype for a in others]
        aval = Aval((), np.result_type(*kinds, *weak.values()))
        ys = e.primitive.aval(*others[:s], aval, *others[s:], **params)
        if [aval_like(y) for y in (ys if e.primitive.multi else (ys,))] == [v.aval for v in e.outputs]:
            avals = {aval}
    if len(avals) != 1 or not all(adapts(v, next(iter(avals))) for v in values):
        raise Differs(range(run.times))
    return at._replace(dtype=next(iter(avals)).dtype)


def adapts(x: Any, aval: Aval) -> bool:
    """Whether `x` is of this shape and dtype, or a Python number that can be."""
    if type(x) in NUMBERS:
        with np.errstate(all="ignore"):
            same = np.asarray(x).astype(aval.dtype)
        return aval.shape == () and bool(same == x or (same != same and x != x))
    return aval_like(x) == Aval(tuple(aval.shape), np.dtype(aval.dtype))

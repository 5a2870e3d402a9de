"""Repetitions in a long list of equations: where a stretch of it follows itself, at least as far as can be seen.

An equation is seen as a word: its operation, its parameters, the shapes and dtypes that it meets, and of each argument
where it comes from, if that is the same for many equations: a certain value, or how many equations before. A loop of
Python leaves a stretch of words that repeats. Its period is among the distances at which sequences of words recur; all
distances that are frequent are tried. Nothing is proved here: compile/roll.py looks at what is found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..core.trace import NUMBERS, aval_of


class Run(NamedTuple):
    """Equations from `start` on that repeat with this period, so many times."""

    start: int
    period: int
    times: int

    @property
    def end(self) -> int:
        return self.start + self.period * self.times


# ---- what is compared ------------------------------------------------------------------------------------------------


class Tokens:
    """Every argument of every equation as a whole number: values of the graph from 0 on, constants below 0."""

    def __init__(self, graph: Graph):
        self.values: dict[Var, int] = {}
        self.made: list[tuple[int, int]] = []
        """For each value the equation that makes it, -1 for none, and which of its outputs it is"""
        self.constants: dict[Hashable, int] = {}
        self.of: list[Any] = []
        """What stands behind the constant -1 - i"""
        self._arrays: dict[int, tuple[Any, int]] = {}
        self._named = graph.constants
        for v in [*graph.inputs, *graph.constants]:
            self.enter(v, -1, 0)
        self.rows = []
        """For each equation the tokens of its arguments"""
        for i, e in enumerate(graph.equations):
            self.rows.append([self.token(a) for a in e.args])
            for k, v in enumerate(e.outputs):
                self.enter(v, i, k)
        self.vars = list(self.values)
        self.where = np.array([i for i, _ in self.made], np.intp)
        self.output = np.array([k for _, k in self.made], np.intp)

    def enter(self, v: Var, equation: int, output: int) -> None:
        self.values[v] = len(self.made)
        self.made.append((equation, output))

    def token(self, a: Any) -> int:
        if isinstance(a, Var):
            if a not in self._named:
                return self.values[a]
            a = self._named[a]
        if type(a) is np.ndarray and id(a) in self._arrays:
            return self._arrays[id(a)][1]
        token = self.constants.setdefault(bits(a), -1 - len(self.constants))
        if -token > len(self.of):
            self.of.append(a)
        if type(a) is np.ndarray:
            self._arrays[id(a)] = a, token  # which keeps the array, and so its id
        return token

    def argument(self, token: int) -> Any:
        """What has this token."""
        return self.vars[token] if token >= 0 else self.of[-1 - token]


def bits(x: Any) -> Hashable:
    """What tells a constant from all that are not the same in every bit."""
    if type(x) in NUMBERS:
        return type(x), repr(x)
    x = np.asarray(x)
    return x.dtype.str, x.shape, x.tobytes()


def aval_like(x: Any) -> Aval:
    """The shape and dtype of an argument, or of what has both; the dtype of a Python number is its type."""
    aval = x.aval if isinstance(x, Var) else aval_of(x)
    return aval if aval.dtype in NUMBERS else Aval(tuple(aval.shape), np.dtype(aval.dtype))


def known(p: Any) -> Hashable:
    """A parameter, as something that can be compared."""
    if isinstance(p, Graph):
        return structure(p)
    if isinstance(p, tuple | list):
        return type(p), tuple(map(known, p))
    if isinstance(p, dict):
        return tuple((k, known(v)) for k, v in p.items())
    if isinstance(p, slice):
        return slice, p.start, p.stop, p.step
    if isinstance(p, np.ndarray | np.generic):
        return bits(p)
    try:
        hash(p)
    except TypeError:
        return id(p)
    return type(p), p


def structure(graph: Graph) -> Hashable:
    """The same for graphs that do the same, whatever their variables are called."""
    tokens = Tokens(graph)
    rows = [
        (e.primitive.name, id(e.primitive), known(e.params), *(bits(tokens.of[-1 - t]) if t < 0 else t for t in row))
        for e, row in zip(graph.equations, tokens.rows, strict=True)
    ]
    inputs = tuple(aval_like(v) for v in graph.inputs)
    constants = tuple(bits(x) for x in graph.constants.values())
    return inputs, constants, tuple(rows), tuple(tokens.values[v] for v in graph.outputs)


def shapes_of(e: Equation) -> Hashable:
    """The word of an equation without where its arguments come from; a number may be of any dtype."""
    args, params = e.args, e.params
    if e.primitive.places is not None:
        avals = [a.aval if isinstance(a, Var) else a for a in args]
        args, params = e.primitive.places(True, *avals, **params)
    return (
        *(id(e.primitive), known(params), len(e.args)),
        *(aval_like(v) for v in e.outputs),
        *(a if a.shape else () for a in map(aval_like, args)),
    )


def words(graph: Graph, tokens: Tokens, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Each equation as two whole numbers: by its shapes, and also by where its arguments come from."""
    names: dict[Hashable, int] = {}
    plain = [names.setdefault(shapes_of(e), len(names)) for e in graph.equations]
    seen: Counter[tuple[int, int, bool, int]] = Counter()
    for i, (word, row) in enumerate(zip(plain, tokens.rows, strict=True)):
        for s, t in enumerate(row):
            seen[word, s, True, t] += 1
            if t >= 0 and tokens.made[t][0] >= 0:
                seen[word, s, False, i - tokens.made[t][0]] += 1
    sources: dict[Hashable, int] = {}
    fine = []
    for i, (word, row) in enumerate(zip(plain, tokens.rows, strict=True)):
        labels = []
        for s, t in enumerate(row):
            back = i - tokens.made[t][0] if t >= 0 else 0
            if seen[word, s, True, t] >= least:
                labels.append((True, t))
            else:
                labels.append((False, back) if seen[word, s, False, back] >= least else None)
        fine.append(sources.setdefault((word, *labels), len(sources)))
    return np.array(plain, np.intp), np.array(fine, np.intp)


# ---- where they repeat -----------------------------------------------------------------------------------------------


def periods(sequence: np.ndarray, least: int) -> list[int]:
    """Distances at which sequences of 1, 2, 4, 8, ... words often come again, in increasing order."""
    found: set[int] = set()
    names, length = sequence, 1
    while len(names) > least:
        order = np.argsort(names, kind="stable")
        again = names[order[1:]] == names[order[:-1]]
        distance = (order[1:] - order[:-1])[again]
        if not len(distance):
            break
        values, counts = np.unique(distance, return_counts=True)
        often = counts >= least
        found.update(values[often][np.argsort(-counts[often], kind="stable")][:MOST].tolist())
        if not often.any():
            break
        pairs = names[:-length] * (int(names.max()) + 1) + names[length:]
        names = np.unique(pairs, return_inverse=True)[1]
        length *= 2
    return sorted(found)


MOST = 24
"""Distances looked at for each length of sequences, the most frequent ones."""


def repeats(sequence: np.ndarray, least: int) -> Iterator[Run]:
    """Where words repeat at least so many times: short periods first, of each the longest stretches first."""
    for period in periods(sequence, least):
        if period * least > len(sequence):
            continue
        same = np.concatenate([[False], sequence[period:] == sequence[:-period], [False]])
        edges = np.flatnonzero(same[1:] != same[:-1])
        starts, ends = edges[::2], edges[1::2]
        counts = (ends - starts) // period + 1
        for i in np.flatnonzero(counts >= least)[np.argsort(-counts[counts >= least], kind="stable")]:
            yield Run(int(starts[i]), period, int(counts[i]))

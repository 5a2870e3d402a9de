"""Repetitions in a long list of equations: where a stretch of it follows itself, at least as far as can be seen.

An equation is seen as a word: its operation, its parameters, the shapes and dtypes that it meets, and of each argument
where it comes from, if that is the same for many equations: a certain value, or how many equations before. A loop of
Python leaves a stretch of words that repeats. Its period is among the distances at which sequences of words recur; all
distances that are frequent are tried. Nothing is proved here: compiler/roll.py looks at what is found.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..core.trace import NUMBERS, aval_of
from ..transforms.recording import SMALL, same_bits


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
    """Every argument of every equation as a whole number: values of the graph from 0 on, constants below 0.

    flat, start: the tokens of the arguments of all equations in a row, and where those of each equation begin. made:
    the first value that each equation makes; the others of one with several follow. where, output: for each value the
    equation that makes it, -1 for none, and which of its outputs it is. forms: its shape and dtype, as a number, too.
    """

    def __init__(self, graph: Graph):
        self.values: dict[Var, int] = {}
        self.avals: dict[Hashable, int] = {}
        self.of: list[Any] = []  # what stands behind the constant -1 - i
        self._constants: dict[Hashable, int] = {}
        self._arrays: dict[int, tuple[Any, int]] = {}
        self._named = graph.constants
        values, forms = self.values, []
        for v in [*graph.inputs, *graph.constants]:
            values[v] = len(values)
            forms.append(self.form(v.aval))
        where, output = [-1] * len(values), [0] * len(values)
        flat, start, made = [], [0], []
        for i, e in enumerate(graph.equations):
            for a in e.args:
                flat.append(values[a] if type(a) is Var and a not in self._named else self.token(a))
            start.append(len(flat))
            made.append(len(values))
            for k, v in enumerate(e.outputs):
                values[v] = len(values)
                forms.append(self.form(v.aval))
                where.append(i)
                output.append(k)
        self.vars, self.forms = list(values), forms
        self.flat, self.start, self.made = (np.array(x, np.intp) for x in (flat, start, made))
        self.where, self.output = np.array(where, np.intp), np.array(output, np.intp)

    def form(self, aval: Any) -> int:
        """A shape and dtype as a whole number."""
        return self.avals.setdefault(aval, len(self.avals))

    def token(self, a: Any) -> int:
        if isinstance(a, Var):
            if a not in self._named:
                return self.values[a]
            a = self._named[a]
        if type(a) is np.ndarray and id(a) in self._arrays:
            return self._arrays[id(a)][1]
        token = self._constants.setdefault(bits(a), -1 - len(self._constants))
        if -token > len(self.of):
            self.of.append(a)
        if type(a) is np.ndarray:
            self._arrays[id(a)] = a, token  # which keeps the array, and so its id
        return token

    def argument(self, token: int) -> Any:
        """What has this token."""
        return self.vars[token] if token >= 0 else self.of[-1 - token]

    def row(self, i: int) -> list[int]:
        """The tokens of the arguments of equation i."""
        return self.flat[self.start[i] : self.start[i + 1]].tolist()


def bits(x: Any) -> Hashable:
    """What tells a constant from all that are not the same in every bit."""
    if type(x) in NUMBERS:
        return type(x), repr(x)
    x = np.asarray(x)
    return (x.dtype.str, x.shape, x.tobytes()) if x.nbytes <= SMALL else Bits(x)


class Bits:
    """A large array, which nobody writes into, by its bits; they are looked at where others may be the same."""

    __slots__ = ("array", "sample")

    def __init__(self, array: np.ndarray):
        self.array = array
        step = max(array.size // 16, 1)
        self.sample = hash((array.dtype, array.shape, array.flat[::step].tobytes()))

    def __hash__(self) -> int:
        return self.sample

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Bits):
            return NotImplemented
        return self.array is other.array or (self.sample == other.sample and same_bits(self.array, other.array))


def aval_like(x: Any) -> Aval:
    """The shape and dtype of an argument, or of what has both; the dtype of a Python number is its type."""
    aval = x.aval if isinstance(x, Var) else aval_of(x)
    return aval if aval.dtype in NUMBERS else Aval(tuple(aval.shape), np.dtype(aval.dtype))


def known(p: Any) -> Hashable:
    """A parameter, as something that can be compared."""
    cls = type(p)
    if cls in PLAIN:
        return cls, p
    if cls is tuple or cls is list:
        return cls, *map(known, p)
    if cls is dict:
        return tuple((k, known(v)) for k, v in p.items())
    if cls is slice:
        return slice, p.start, p.stop, p.step
    if cls is Graph:
        return structure(p)
    if isinstance(p, np.ndarray | np.generic):
        return bits(p)
    return (cls, p) if isinstance(p, Hashable) else id(p)


PLAIN = frozenset({bool, int, str, type(None)})


def structure(graph: Graph) -> Hashable:
    """The same for graphs that do the same, whatever their variables are called."""
    tokens = Tokens(graph)
    rows = [
        (e.primitive, known(e.params), *(bits(tokens.of[-1 - t]) if t < 0 else t for t in tokens.row(i)))
        for i, e in enumerate(graph.equations)
    ]
    inputs = tuple(aval_like(v) for v in graph.inputs)
    constants = tuple(bits(x) for x in graph.constants.values())
    return inputs, constants, tuple(rows), tuple(tokens.values[v] for v in graph.outputs)


def by_shapes(graph: Graph, tokens: Tokens) -> np.ndarray:
    """Each equation as a number: its operation, parameters but for numbers in them, shapes; a number has any dtype."""
    names: dict[Hashable, int] = {}
    words, seen = [], {}
    forms, values, scalars = tokens.forms, tokens.values, {tokens.form(()): -1}
    for aval, form in tokens.avals.items():
        if isinstance(aval, Aval) and aval.shape == ():
            scalars[form] = -1
    for e in graph.equations:
        shapes = [forms[values[a]] if type(a) is Var else tokens.form(constant_form(a)) for a in e.args]
        shapes = [scalars.get(f, f) for f in shapes]
        key = e.primitive, known(e.params) if e.params else (), *shapes, *(forms[values[v]] for v in e.outputs)
        word = seen.get(key)
        if word is None:
            word = seen[key] = names.setdefault(without_numbers(e, key), len(names))
        words.append(word)
    return np.array(words, np.intp)


def constant_form(x: Any) -> Hashable:
    """The shape and dtype of a constant; nothing of a number."""
    aval = aval_like(x)
    return aval if aval.shape else ()


def without_numbers(e: Equation, key: tuple[Hashable, ...]) -> Hashable:
    """`key` of an equation, without the numbers in its parameters that loops may change."""
    if e.primitive.places is None:
        return key
    avals = [a.aval if isinstance(a, Var) else a for a in e.args]
    args, params = e.primitive.places(True, *avals, **e.params)
    return e.primitive, known(params), *map(constant_form, args), *(aval_like(v) for v in e.outputs)


def by_sources(words: np.ndarray, tokens: Tokens, least: int) -> np.ndarray:
    """Each equation as a number that also tells of each argument where it comes from, if that is frequent.

    Frequent is one value, in this place of equations of this word, or one distance back to the equation that makes it.
    The numbers are hashes, and the same for different equations once in 1e19 pairs or so, which does no harm.
    """
    counts = np.diff(tokens.start)
    equation = np.repeat(np.arange(len(words)), counts)
    slot = np.arange(len(tokens.flat)) - np.repeat(tokens.start[:-1], counts)
    place = hashed(words[equation], slot)
    made = np.where(tokens.flat >= 0, tokens.where[np.maximum(tokens.flat, 0)], -1)
    one, back = hashed(place, tokens.flat), hashed(place, equation - made, np.ones_like(made))
    source = np.where(often(one, least), one, np.where((made >= 0) & often(back, least), back, place))
    total = np.zeros(len(words), np.uint64)
    np.add.at(total, equation, hashed(source))
    return hashed(words, total)


def hashed(*columns: Any) -> np.ndarray:
    """One number of 64 bits for each row of some columns (the finaliser of SplitMix64, Steele et al. 2014)."""
    h = np.full(len(columns[0]), 0x9E3779B97F4A7C15, np.uint64)
    for column in columns:
        x = np.asarray(column).astype(np.uint64) + h * np.uint64(3)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h = x ^ (x >> np.uint64(31))
    return h


def often(x: np.ndarray, least: int) -> np.ndarray:
    """Which elements occur so many times."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return counts[inverse] >= least


# ---- where they repeat -----------------------------------------------------------------------------------------------


def periods(sequence: np.ndarray, least: int) -> list[int]:
    """Distances at which sequences of 1, 2, 4, 8, ... words often come again, in increasing order."""
    found: set[int] = set()
    names, length = np.unique(sequence, return_inverse=True)[1], 1
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

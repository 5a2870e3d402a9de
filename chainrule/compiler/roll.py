"""Graph -> graph: what a loop of Python has left behind becomes a loop again, one `scan`.

compiler/repeats.py finds stretches of equations that repeat, compiler/iterations.py proves that they do the same, up to
what each iteration reads. What all of them read becomes a constant of the scan, what each has for itself an array that
it runs over, what an earlier one has made is handed on. Values that are read after the loop become stacked results, or
a last carry. So a loop is right by construction. No operation is done in another order or on other shapes, but for
those that only move elements: what these make of rows is made of all rows at once. So results keep every bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.garbage import put_off
from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..core.trace import NUMBERS
from ..transforms.scans import scan
from .emission import Emitter
from .iterations import Carried, Local, Loop, Rows, Same, Source, found
from .repeats import Tokens
from .writes import stack_writes

LEAST = 16
"""Iterations below which a loop is left as it is: straight code is quicker, and short enough."""


def roll(graph: Graph, least: int = LEAST) -> Graph:
    """`graph` with its repeated stretches as scans.

    Parameters
    ----------
    graph : Graph
        As :func:`chainrule.record` makes it.
    least : int
        The number of iterations from which a loop is rolled.

    Returns
    -------
    Graph
        It gives the same results, in every bit; inner loops are scans within the bodies of the outer ones.

    Notes
    -----
    Cost: in proportion to `n log n` for n equations, once for each depth of nesting.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.compiler.roll import roll
    >>> def f(x):
    ...     for _ in range(1000):
    ...         x = x - 0.01 * x * x
    ...     return x
    >>> graph = cr.record(f, 1.0)
    >>> len(graph.equations), len(roll(graph).equations), roll(graph)(0.5) == f(0.5)
    (3000, 1, np.True_)
    """
    with put_off:
        return rolled(graph, least)


def rolled(graph: Graph, least: int) -> Graph:
    """The graph after as many passes as find something; inner graphs first."""
    graph = replaced(graph, [inside(e, least) for e in graph.equations])
    while True:
        tokens = Tokens(graph)
        loops = found(graph, tokens, least)
        if not loops:
            return stack_writes(graph)
        new = Writer(graph, tokens).write(loops)
        if len(new.equations) >= len(graph.equations):
            return stack_writes(graph)
        graph = new


def inside(e: Equation, least: int) -> Equation:
    """`e` with the graphs among its parameters rolled."""
    graphs = {k: rolled(p, least) for k, p in e.params.items() if isinstance(p, Graph)}
    return Equation(e.primitive, e.args, e.params | graphs, e.outputs) if graphs else e


def replaced(graph: Graph, equations: list[Equation]) -> Graph:
    """`graph` with other equations."""
    rest = graph.outputs, graph.constants, graph.guards, graph.flatten, graph.unflatten, graph.count
    return Graph(graph.inputs, equations, *rest)


# ---- the new graph -------------------------------------------------------------------------------------------------


class Slice(NamedTuple):
    """Rows of a stack, with equal steps between."""

    stack: Var
    start: int
    step: int
    length: int

    def of(self, x: Any) -> Any:
        """Those rows of `x`."""
        stop = self.start + self.step * self.length
        return x[self.start : stop if stop >= 0 else None : self.step]

    def is_all(self) -> bool:
        return self.start == 0 and self.step == 1 and self.length == self.stack.aval.shape[0]


class Writer(Emitter):
    """Writes a graph again with loops in it.

    rows: where the values of loops are that are read later: a stack, and the place in it; alone: those that have been
    taken out.
    """

    def __init__(self, graph: Graph, tokens: Tokens):
        super().__init__(graph)
        self.tokens = tokens
        self.rows: dict[Var, tuple[Var, int]] = {}
        self.alone: set[Var] = set()
        self.last = last_uses(graph, tokens)

    def write(self, loops: list[Loop]) -> Graph:
        at = 0
        for loop in loops:
            self.keep(self.old.equations[at : loop.run.start])
            written = Rolled(self, loop)
            if written.pays():
                written.write()
            else:
                self.keep(self.old.equations[loop.run.start : loop.run.end])
            at = loop.run.end
        self.keep(self.old.equations[at:])
        guards = list(self.guards())
        for v in self.old.outputs:
            self.argument(v)
        return self.graph(self.old.outputs, guards)

    def argument(self, a: Any) -> Any:
        """An argument of the old graph in the new one; what has been stacked is taken out."""
        if isinstance(a, Var) and a in self.rows and a not in self.alone:
            stack, place = self.rows[a]
            self.emit(lambda x: x[place], stack, out=a)
            self.alone.add(a)
        return a

    def keep(self, equations: Sequence[Equation]) -> None:
        """Writes equations as they are."""
        for e in equations:
            if self.rows and any(isinstance(a, Var) and a in self.rows for a in e.args):
                args = self.merged(e) if e.primitive.merged is not None else tuple(map(self.argument, e.args))
                e = Equation(e.primitive, args, e.params, e.outputs)
            self.equations.append(e)

    def merged(self, e: Equation) -> tuple[Any, ...]:
        """The arguments of an operation of any number of them, with one for many that are rows of a stack."""
        args: list[Any] = []
        merge = e.primitive.merged
        assert merge is not None
        for piece in self.pieces(e.args):
            if isinstance(piece, Slice):
                args.append(self.emit(lambda x, piece=piece: merge(piece.of(x), **e.params), piece.stack))
            else:
                args += map(self.argument, piece)
        return tuple(args)

    def pieces(self, args: Sequence[Any]) -> list[Slice | list[Any]]:
        """`args` in a row of slices of stacks, as long as can be, and lists of others between them."""
        out: list[Slice | list[Any]] = []
        places = [self.rows.get(a) if isinstance(a, Var) else None for a in args]
        i = 0
        while i < len(args):
            end = self.reach(places, i)
            if end - i >= SHORT:
                (stack, first), (_, second) = places[i], places[i + 1]  # pyright: ignore[reportGeneralTypeIssues]
                out.append(Slice(stack, first, second - first, end - i))
                i = end
            else:
                if not out or isinstance(out[-1], Slice):
                    out.append([])
                out[-1].append(args[i])  # pyright: ignore[reportAttributeAccessIssue]
                i += 1
        return out

    def reach(self, places: Sequence[Any], i: int) -> int:
        """How far the rows from place i on go on in equal steps."""
        if i + 1 >= len(places) or places[i] is None or places[i + 1] is None:
            return i
        stack, first = places[i]
        step = places[i + 1][1] - first
        if step == 0:
            return i
        end = i
        while end < len(places) and places[end] is not None and places[end] == (stack, first + step * (end - i)):
            end += 1
        return end

    def stacked(self, args: Sequence[Any], dtype: Any) -> Any:
        """An array with `args` along axis 0: a variable, or a constant."""
        if not any(isinstance(a, Var) for a in args):
            return np.stack([np.asarray(a, dtype) for a in args])
        parts = []
        for piece in self.pieces(args):
            if isinstance(piece, Slice):
                parts.append(piece.stack if piece.is_all() else self.emit(piece.of, piece.stack))
            else:
                parts.append(self.joined([self.argument(a) for a in piece], dtype))
        if len(parts) == 1:
            return parts[0]
        variables = [p for p in parts if isinstance(p, Var)]

        def join(*xs):
            given = iter(xs)
            return np.concatenate([next(given) if isinstance(p, Var) else p for p in parts])

        return self.emit(join, *variables)

    def joined(self, args: Sequence[Any], dtype: Any) -> Any:
        variables = [a for a in args if isinstance(a, Var)]
        if not variables:
            return np.stack([np.asarray(a, dtype) for a in args])

        def join(*xs):
            given = iter(xs)
            return np.stack([next(given) if isinstance(a, Var) else np.asarray(a, dtype) for a in args])

        return self.emit(join, *variables)

    def guards(self) -> Iterator[tuple[Var, Any]]:
        """The guards, those of all rows of a stack as one."""
        of_stack: dict[Var, dict[int, Any]] = {}
        for v, answer in self.old.guards:
            if v in self.rows:
                stack, place = self.rows[v]
                of_stack.setdefault(stack, {})[place] = answer
        whole = {stack for stack, answers in of_stack.items() if len(answers) == stack.aval.shape[0]}
        for v, answer in self.old.guards:
            if v not in self.rows or self.rows[v][0] not in whole:
                yield self.argument(v), answer
        for stack in whole:
            yield stack, np.stack([of_stack[stack][i] for i in range(len(of_stack[stack]))])


SHORT = 4
"""Rows of a stack that are taken out one by one rather than as a slice."""


def last_uses(graph: Graph, tokens: Tokens) -> np.ndarray:
    """For each value the last equation that reads it; of results and guards the number of equations."""
    last = np.full(len(tokens.vars), -1)
    read = tokens.flat >= 0
    np.maximum.at(last, tokens.flat[read], np.repeat(np.arange(len(graph.equations)), np.diff(tokens.start))[read])
    last[[tokens.values[v] for v in [*graph.outputs, *(v for v, _ in graph.guards)]]] = len(graph.equations)
    return last


# ---- a loop ----------------------------------------------------------------------------------------------------------


class Register(NamedTuple):
    """One value handed from iteration to iteration: its name in the body, what it is first, what it becomes."""

    name: Var
    first: Any
    next: Any


class Rolled:
    """Writes one loop as a scan."""

    def __init__(self, writer: Writer, loop: Loop):
        self.writer, self.run, self.steps = writer, loop.run, loop.steps
        self.tokens, self.equations = writer.tokens, writer.old.equations
        self.hoisted = self.moving()
        self.reverse = self.is_backwards()
        self.consts: dict[int, Var] = {}
        self.xs: dict[Any, tuple[Var, Any]] = {}
        self.stacks: dict[Rows, Any] = {}
        self.values: dict[tuple[int, int], Var] = {}
        self.registers: dict[Carried, list[Register]] = {}
        self.results: list[tuple[Var, Var]] = []
        self.finals: dict[Var, Var] = {}

    def moving(self) -> set[int]:
        """The steps that only move elements of rows: they are done for all iterations at once, before the loop."""
        found: set[int] = set()
        for j, step in enumerate(self.steps):
            rows = [isinstance(s, Rows) or (isinstance(s, Local) and s.equation in found) for s in step.sources]
            same = [isinstance(s, Same) for s in step.sources]
            if step.equation.primitive.moves and any(rows) and all(a or b for a, b in zip(rows, same, strict=True)):
                found.add(j)
        return found

    def is_backwards(self) -> bool:
        """Whether the loop runs through more of what it reads from the end to the beginning."""
        votes = 0
        for step in self.steps:
            for s in step.sources:
                if isinstance(s, Rows):
                    first, second = (self.place(t) for t in s.tokens[:2])
                    if first is not None and second is not None:
                        votes += 1 if second > first else -1
        return votes < 0

    def place(self, token: int) -> Any:
        """Where a row stands among others: in its stack, or as a whole number."""
        a = self.tokens.argument(token)
        if isinstance(a, Var):
            return self.writer.rows[a][1] if a in self.writer.rows else None
        return int(a) if isinstance(a, int | np.integer) else None

    def pays(self) -> bool:
        """Whether the loop is shorter than its iterations, with all that has to be put in a row for it."""
        rows = {s for step in self.steps for s in step.sources if isinstance(s, Rows)}
        singles = 0
        for s in rows:
            for piece in self.writer.pieces([self.tokens.argument(t) for t in s.tokens]):
                if not isinstance(piece, Slice):
                    singles += sum(isinstance(a, Var) for a in piece)
        return 2 * singles <= self.run.times * self.run.period

    def place_of(self, k: int) -> int:
        """The row of iteration k in what the scan runs over."""
        return self.run.times - 1 - k if self.reverse else k

    # -- what it reads

    def stack(self, rows: Rows) -> Any:
        """The rows along axis 0, outside of the loop."""
        if rows not in self.stacks:
            args = [self.tokens.argument(t) for t in rows.tokens]
            self.stacks[rows] = self.writer.stacked(args[::-1] if self.reverse else args, rows.dtype)
        return self.stacks[rows]

    def read(self, source: Source) -> Any:
        """An argument within the body."""
        if isinstance(source, Same):
            a = self.tokens.argument(source.token)
            if not isinstance(a, Var):
                return a
            if source.token not in self.consts:
                self.consts[source.token] = self.writer.new(a.aval)
            return self.consts[source.token]
        if isinstance(source, Rows):
            return self.row(source, self.stack(source))
        if isinstance(source, Local):
            key = source.equation, source.output
            return self.values[key] if source.equation not in self.hoisted else self.row(key, self.values[key])
        return self.register(source)[-1].name

    def row(self, key: Any, stack: Any) -> Var:
        if key not in self.xs:
            shape, dtype = stack.aval if isinstance(stack, Var) else (stack.shape, stack.dtype)
            self.xs[key] = self.writer.new(Aval(shape[1:], dtype)), stack
        return self.xs[key][0]

    def register(self, source: Carried) -> list[Register]:
        """The chain of registers that hold a value for so many iterations; what the first becomes is known later."""
        if source not in self.registers:
            aval = self.made(source.equation, source.output, 0).aval
            chain: list[Register] = []
            for token in reversed(source.first):
                first = self.tokens.argument(token)
                if type(first) in NUMBERS:
                    first = np.asarray(first).astype(aval.dtype)
                chain.append(Register(self.writer.new(aval), first, chain[-1].name if chain else None))
            self.registers[source] = chain
        return self.registers[source]

    def made(self, j: int, output: int, k: int) -> Var:
        """What iteration k has made in place j."""
        return self.equations[self.run.start + k * self.run.period + j].outputs[output]

    # -- what it makes

    def write(self) -> None:
        body = [e for j in range(len(self.steps)) for e in self.written(j)]
        for j, step in enumerate(self.steps):
            for output in range(len(step.equation.outputs)):
                self.leave(j, output)
        if body:
            self.write_scan(body)

    def written(self, j: int) -> Iterator[Equation]:
        """The equation of place j, if it stays within the loop."""
        step = self.steps[j]
        e = step.equation
        if j in self.hoisted:
            self.values[j, 0] = self.all_at_once(j)
            return
        args = tuple(map(self.read, step.sources))
        for i, v in enumerate(e.outputs):
            self.values[j, i] = self.writer.new(v.aval)
        yield Equation(e.primitive, args, step.params, tuple(self.values[j, i] for i in range(len(e.outputs))))

    def all_at_once(self, j: int) -> Var:
        """The results of place j in all iterations."""
        step = self.steps[j]
        given: list[Any] = []
        for s in step.sources:
            if isinstance(s, Rows):
                given.append(self.stack(s))
            elif isinstance(s, Same):
                given.append(self.writer.argument(self.tokens.argument(s.token)))
            else:
                assert isinstance(s, Local)
                given.append(self.values[s.equation, s.output])
        flags = tuple(not isinstance(s, Same) for s in step.sources)
        variables = [a for a in given if isinstance(a, Var)]

        def f(*xs):
            left = iter(xs)
            whole = [next(left) if isinstance(a, Var) else a for a in given]
            return step.equation.primitive.batch(flags, *whole, **step.params)

        return self.writer.emit(f, *variables)

    def leave(self, j: int, output: int) -> None:
        """Sees to it that what place j makes is there for whoever reads it after the loop."""
        count, rows = self.run.times, self.writer.rows
        run, values = self.run, self.tokens.made[self.run.start + j : self.run.end : self.run.period] + output
        read = np.flatnonzero(self.writer.last[values] >= run.end).tolist()
        if not read:
            return
        made = [self.tokens.vars[t] for t in values]
        if j in self.hoisted:
            rows.update((made[k], (self.values[j, 0], self.place_of(k))) for k in read)
        elif read == [count - 1]:
            self.leave_last(j, output, made[-1])
        else:
            value = self.values[j, output]
            stack = self.writer.new(Aval((count, *value.aval.shape), value.aval.dtype))
            self.results.append((value, stack))
            rows.update((made[k], (stack, self.place_of(k))) for k in read)

    def leave_last(self, j: int, output: int, v: Var) -> None:
        """Hands the value of the last iteration out, in a register: one that there is, or one that nobody reads."""
        key = next((s for s in self.registers if (s.equation, s.output) == (j, output)), None)
        if key is None:
            key = Carried(j, output, 1, ())
            blank = np.zeros(v.aval.shape, v.aval.dtype)
            self.registers[key] = [Register(self.writer.new(v.aval), blank, None)]
        self.finals[self.registers[key][0].name] = v

    def write_scan(self, body: list[Equation]) -> None:
        registers = [
            r if r.next is not None else r._replace(next=self.read(Local(s.equation, s.output)))
            for s, chain in self.registers.items()
            for r in chain
        ]
        writer = self.writer
        consts = [writer.argument(self.tokens.argument(t)) for t in self.consts]
        first = [writer.argument(r.first) for r in registers]
        graph = Graph(
            [*self.consts.values(), *(r.name for r in registers), *(x for x, _ in self.xs.values())],
            body,
            [*(r.next for r in registers), *(value for value, _ in self.results)],
            count=writer.count,
        )
        finals = [self.finals.get(r.name) or writer.new(r.name.aval) for r in registers]
        params = {"length": self.run.times, "reverse": self.reverse}
        writer.equations.append(
            Equation(
                scan,
                (*consts, *first, *(stack for _, stack in self.xs.values())),
                {"body": graph, "consts": len(consts), "carries": len(registers), **params},
                (*finals, *(stack for _, stack in self.results)),
            )
        )

"""Graph -> graph: an array that a scan writes row by row becomes a stack of rows, written at once after it.

`y[i] = ...` in a loop hands the whole array from step to step. Where each step writes a row of its own, and what it
reads of the array is a row that nobody has written yet, or the one that was written so many steps before, the array
need not be handed on. The rows written are a result of the scan, the rows read something that it runs over, or a carry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..core.trace import bind
from ..ops.indexing import ARRAY, getitem, setitem
from ..transforms.scans import narrowed, scan, split
from .emission import Emitter, renamed

FAR = 8
"""Steps before which a row may have been written that is read."""


def stack_writes(graph: Graph) -> Graph:
    """`graph`, with the same results in every bit, and no array handed on by a scan that need not be."""
    emitter = Emitter(graph)
    for e in graph.equations:
        graphs = {k: stack_writes(p) for k, p in e.params.items() if isinstance(p, Graph)}
        if graphs:
            e = Equation(e.primitive, e.args, e.params | graphs, e.outputs)
        finals = []
        while e.primitive is scan:
            found = next(filter(None, (written(e, i) for i in range(e.params["carries"]))), None)
            if found is None:
                break
            e, final = found.stacked(e, emitter)
            finals.append(final)
        emitter.equations.append(e)
        for final in finals:
            final()
    return emitter.graph(graph.outputs, graph.guards)


class Read(NamedTuple):
    """An equation of the body that reads a row: which in each iteration, and how long ago that was written.

    rows are those of the iterations in order; back: 0 if nobody has written the row before.
    """

    equation: Equation
    rows: np.ndarray
    back: int


class Written(NamedTuple):
    """An array that is handed on: its place among the carries, the equation that writes a row, and those that read.

    again: those that read what the same iteration has written.
    """

    place: int
    write: Equation
    rows: np.ndarray
    reads: list[Read]
    again: list[Equation]

    def stacked(self, e: Equation, emitter: Emitter) -> tuple[Equation, Callable[[], Any]]:
        """The scan without that array, and what writes the array after it."""
        body, reverse = e.params["body"], e.params["reverse"]
        consts, carries = e.params["consts"], e.params["carries"]
        inputs, given = split(body.inputs, consts, carries), split(e.args, consts, carries)
        outputs, results = split(body.outputs, 0, carries), split(e.outputs, 0, carries)
        array, value, place = given.carry[self.place], self.write.args[1], self.place
        before = [array] if isinstance(array, Var) else []

        def rows_of(rows: np.ndarray) -> Any:
            return emitter.emit(lambda *x: bind(getitem, *(x or (array,)), rows, index=(ARRAY,), copy=False), *before)

        def row_of(row: np.ndarray) -> Any:
            return emitter.emit(lambda *x: bind(getitem, *(x or (array,)), index=(int(row),), copy=False), *before)

        for parts in (inputs.carry, given.carry, outputs.carry, results.carry):
            del parts[place]
        for read in self.reads:
            (name,) = read.equation.outputs
            if not read.back:
                inputs.xs.append(name)
                given.xs.append(rows_of(read.rows[::-1] if reverse else read.rows))
                continue
            chain = [*(emitter.new(name.aval) for _ in range(read.back - 1)), name]
            inputs.carry.extend(chain)
            given.carry.extend(map(row_of, read.rows[: read.back][::-1]))
            outputs.carry.extend([value, *chain[:-1]])
            results.carry.extend(emitter.new(name.aval) for _ in chain)
        stack = emitter.new(Aval((len(self.rows), *value.aval.shape), value.aval.dtype))
        gone = [self.write, *(read.equation for read in self.reads), *self.again]
        names = {q.outputs[0]: value for q in self.again}
        step = Graph(
            [*inputs.consts, *inputs.carry, *inputs.xs],
            [renamed(q, names) for q in body.equations if all(q is not g for g in gone)],
            [names.get(v, v) for v in (*outputs.carry, *outputs.xs, value)],
            body.constants,
            count=emitter.count,
        )
        args, made = (*given.consts, *given.carry, *given.xs), (*results.carry, *results.xs, stack)
        params = e.params | {"body": step, "carries": len(inputs.carry)}
        args, params, _ = narrowed(args, params, [True] * len(made))
        places = self.rows[::-1] if reverse else self.rows

        def final() -> Any:
            def write(rows: Any, *x: Any) -> Any:
                return bind(setitem, *(x or (array,)), rows, places, index=(ARRAY,), in_place=False)

            return emitter.emit(write, stack, *before, out=e.outputs[place])

        return Equation(scan, args, params, made), final


def written(e: Equation, i: int) -> Written | None:
    """What is known of the i-th carry of a scan, if it is an array that can be stacked."""
    body, length = e.params["body"], e.params["length"]
    inputs = split(body.inputs, e.params["consts"], e.params["carries"])
    xs = split(e.args, e.params["consts"], e.params["carries"]).xs
    array, new = inputs.carry[i], body.outputs[i]
    write = next((q for q in body.equations if new in q.outputs), None)
    if write is None or write.primitive is not setitem or write.args[0] is not array or not length:
        return None
    value = write.args[1]
    if not isinstance(value, Var) or value.aval != array.aval._replace(shape=array.aval.shape[1:]):
        return None
    if body.outputs.count(new) > 1 or array in body.outputs:
        return None
    if any(k and (a is new or a is array) for q in body.equations for k, a in enumerate(q.args)):
        return None
    step = -1 if e.params["reverse"] else 1
    known = {name: x[::step] for name, x in zip(inputs.xs, xs, strict=True) if is_places(x)}
    rows = places(write, 2, known, length)
    if rows is None or len(np.unique(rows)) < length:
        return None
    turn = np.full(array.aval.shape[0], length)
    turn[rows] = np.arange(length)
    reads, again = [], []
    for q in body.equations:
        if q.args and q.args[0] is new:
            found = places(q, 1, known, length) if q.primitive is getitem else None
            if found is None or not np.array_equal(found, rows):
                return None
            again.append(q)
        elif q is not write and q.args and q.args[0] is array:
            found = places(q, 1, known, length) if q.primitive is getitem else None
            back = None if found is None else since(turn[found])
            if found is None or back is None:
                return None
            reads.append(Read(q, found, back))
    return Written(i, write, rows, reads, again)


def since(turns: np.ndarray) -> int | None:
    """How long before its step each row has been written, if it is always the same; 0: never, None: it differs."""
    steps = np.arange(len(turns))
    late = turns < steps
    if not late.any():
        return 0
    backs = np.unique((steps - turns)[late])
    back = int(backs[0])
    return back if len(backs) == 1 and back <= FAR and np.array_equal(late, steps >= back) else None


def is_places(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in "iu"


def places(q: Equation, first: int, known: dict[Var, np.ndarray], length: int) -> np.ndarray | None:
    """Which row of its array an equation reads or writes in each step; None if it is not one row, or not known."""
    head, *rest = q.params["index"] or [None]
    if any(not isinstance(r, slice) or r != slice(None) for r in rest):
        return None
    shape = (q.args[0] if isinstance(q.args[0], Var) else q.outputs[0]).aval.shape
    if type(head) is int and len(q.args) == first:
        rows = np.full(length, head)
    elif head is ARRAY and len(q.args) == first + 1 and isinstance(q.args[first], Var) and q.args[first] in known:
        rows = known[q.args[first]]
    else:
        return None
    return rows % shape[0] if shape and np.all((rows >= -shape[0]) & (rows < shape[0])) else None

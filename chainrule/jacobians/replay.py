"""A recorded program that is run again and again, with as little around NumPy's calls as can be."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.graph import Graph, Var


class Program:
    """The equations of a graph that its outputs and guards need, in order, as calls."""

    def __init__(self, graph: Graph):
        needed = {*graph.outputs, *(v for v, _ in graph.guards)}
        kept = []
        for e in reversed(graph.equations):
            if not needed.isdisjoint(e.outputs):
                kept.append(e)
                needed |= {a for a in e.args if isinstance(a, Var)}
        kept.reverse()
        place: dict[Any, int] = {v: k for k, v in enumerate(graph.inputs)}
        self.inputs = len(place)
        self.start: list[Any] = [None] * len(place)

        def put(value: Any) -> int:
            self.start.append(value)
            return len(self.start) - 1

        for v, value in graph.constants.items():
            place[v] = put(value)
        self.calls = []
        for e in kept:
            args = [place[a] if isinstance(a, Var) else put(a) for a in e.args]
            for v in e.outputs:
                place[v] = put(None)
            run = functools.partial(e.primitive.impl, **e.params) if e.params else e.primitive.impl
            self.calls.append((run, tuple(args), place[e.outputs[0]], len(e.outputs) if e.primitive.multi else 0))
        self.guards = [(place[v], answer) for v, answer in graph.guards]
        self.outputs = [place[v] for v in graph.outputs]

    def __call__(self, leaves: Sequence[Any]) -> list[Any]:
        """The outputs; raises if what the function looked at is different for these inputs."""
        values = list(self.start)
        values[: self.inputs] = leaves
        for run, args, at, several in self.calls:
            if len(args) == 1:
                y = run(values[args[0]])
            elif len(args) == 2:
                y = run(values[args[0]], values[args[1]])
            else:
                y = run(*[values[a] for a in args])
            if several:
                values[at : at + several] = y
            else:
                values[at] = y
        for at, answer in self.guards:
            if not np.array_equal(values[at], answer, equal_nan=answer.dtype.kind in "fc"):
                raise ChangedPattern(
                    "what the function looked at (in an `if`, or as an index) is different here from where the "
                    "Jacobian was prepared, so that its entries are others: prepare it again, or call it unprepared"
                )
        return [values[k] for k in self.outputs]


class ChangedPattern(ValueError):
    """A prepared derivative was asked for where the function does something else than where it was prepared."""

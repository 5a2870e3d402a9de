"""Writing equations: what passes from graph to graph have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..transforms.bodies import graph_of


class Emitter:
    """The equations of a new graph, as far as they are written.

    New variables are named as no variable of `old` is.
    """

    def __init__(self, old: Graph):
        self.old = old
        self.equations: list[Equation] = []
        self.constants = dict(old.constants)
        self.count = old.count

    def new(self, aval: Aval) -> Var:
        """A fresh variable."""
        self.count += 1
        return Var(f"v{self.count}", aval)

    def emit(self, f: Callable[..., Any], *args: Var, out: Var | None = None) -> Var:
        """Writes the equations of `f(*args)`; the variable of the result, `out` if given."""
        if not args:  # of constants
            value = np.asarray(f())
            v = self.new(Aval(value.shape, value.dtype))
            self.constants[v] = value
            return v
        blanks = [np.broadcast_to(np.zeros((), a.aval.dtype), a.aval.shape) for a in args]
        graph = graph_of(lambda leaves: f(*leaves), blanks)
        names = dict(zip(graph.inputs, args, strict=True))
        (result,) = graph.outputs
        if out is not None:
            names[result] = out
        for e in graph.equations:
            names.update((v, self.new(v.aval)) for v in e.outputs if v not in names)
            given = tuple(names[a] if isinstance(a, Var) else a for a in e.args)
            self.equations.append(Equation(e.primitive, given, e.params, tuple(names[v] for v in e.outputs)))
        return names[result]

    def graph(self, outputs: list[Var], guards: list[Any]) -> Graph:
        """The new graph, with the inputs of the old one."""
        read = {a for e in self.equations for a in e.args if isinstance(a, Var)}
        read |= {*outputs, *(v for v, _ in guards)}
        constants = {v: x for v, x in self.constants.items() if v in read}
        old = self.old
        return Graph(
            old.inputs, self.equations, outputs, constants, guards, old.flatten, old.unflatten, count=self.count
        )


def renamed(e: Equation, names: Mapping[Var, Any]) -> Equation:
    """An equation that reads what `names` says instead of some variables."""
    return Equation(
        e.primitive, tuple([names.get(a, a) if isinstance(a, Var) else a for a in e.args]), e.params, e.outputs
    )

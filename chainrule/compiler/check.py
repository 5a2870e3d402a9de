"""What a legal graph is; used between passes in tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval
from ..core.trace import aval_of


def check(graph: Graph) -> None:
    """Raises if `graph`, or a graph among its parameters, is none.

    Each variable is assigned once, before it is read. Each equation foretells the shapes and dtypes of its outputs.
    Constants and guards fit their variables, and the inner graphs of an equation fit its arguments.

    Parameters
    ----------
    graph : Graph
        What a pass has made.

    Raises
    ------
    ValueError
        That names the equation, or the variable.
    """
    known: set[Var] = set()

    def assign(v: Var, where: str) -> None:
        if v in known:
            raise ValueError(f"check: {v} is assigned twice, the second time by {where}")
        known.add(v)

    for v in graph.inputs:
        assign(v, "the inputs")
    for v, x in graph.constants.items():
        assign(v, "the constants")
        if form(aval_of(x)) != form(v.aval):
            raise ValueError(f"check: {v.typed()} is a constant of shape {np.shape(x)} and dtype {aval_of(x).dtype}")
    for e in graph.equations:
        for a in e.args:
            if isinstance(a, Var) and a not in known:
                raise ValueError(f"check: {a} is read before it is assigned, in {e}")
            if not isinstance(a, Var) and np.dtype(aval_of(a).dtype).kind not in "fciub":
                raise ValueError(f"check: an argument is no array of numbers, in {e}")
        check_equation(e)
        for v in e.outputs:
            assign(v, str(e))
    for v in [*graph.outputs, *(v for v, _ in graph.guards)]:
        if v not in known:
            raise ValueError(f"check: {v} is a result or a guard, and is never assigned")
    for v, answer in graph.guards:
        if np.shape(answer) != v.aval.shape:
            raise ValueError(f"check: {v.typed()} is a guard with an answer of shape {np.shape(answer)}")


def check_equation(e: Equation) -> None:
    """Raises if an equation has other outputs than its operation, or an inner graph is none."""
    found = e.primitive.aval(*(a.aval if isinstance(a, Var) else aval_of(a) for a in e.args), **e.params)
    avals = list(found) if e.primitive.multi else [found]
    if list(map(form, avals)) != [form(v.aval) for v in e.outputs]:
        raise ValueError(f"check: {avals} is foretold of {e}")
    for p in e.params.values():
        if isinstance(p, Graph):
            check(p)


def form(aval: Any) -> Aval:
    return Aval(tuple(aval.shape), np.dtype(aval.dtype))

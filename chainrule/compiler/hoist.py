"""Graph -> graph: what is the same in all iterations of a scan is done once, before it."""

from __future__ import annotations

from typing import Any

from ..core.graph import Equation, Graph, Var
from ..transforms.scans import scan, split
from .emission import Emitter, renamed


def hoist(graph: Graph) -> Graph:
    """`graph`, with the same results in every bit; what inner loops need not repeat leaves outer ones, too."""
    if not any(isinstance(p, Graph) for e in graph.equations for p in e.params.values()):
        return graph
    emitter = Emitter(graph)
    for e in graph.equations:
        graphs = {k: hoist(p) for k, p in e.params.items() if isinstance(p, Graph)}
        if graphs:
            e = Equation(e.primitive, e.args, e.params | graphs, e.outputs)
        emitter.equations.append(without_constants(e, emitter) if e.primitive is scan and e.params["length"] else e)
    return emitter.graph(graph.outputs, graph.guards)


def without_constants(e: Equation, emitter: Emitter) -> Equation:
    """A scan without the equations of its body that read nothing which changes; they are written before it."""
    body, consts, carries = e.params["body"], e.params["consts"], e.params["carries"]
    inputs, given = split(body.inputs, consts, carries), split(e.args, consts, carries)
    names: dict[Var, Any] = body.constants | dict(zip(inputs.consts, given.consts, strict=True))
    equations, moved = [], []
    for q in body.equations:
        if "error" in q.params or any(isinstance(a, Var) and a not in names for a in q.args):
            equations.append(q)
            continue
        outputs = tuple(emitter.new(v.aval) for v in q.outputs)
        emitter.equations.append(Equation(q.primitive, renamed(q, names).args, q.params, outputs))
        names.update(zip(q.outputs, outputs, strict=True))
        moved += q.outputs
    if not moved:
        return e
    read = {a for q in equations for a in q.args if isinstance(a, Var)} | set(body.outputs)
    kept = [v for v in [*inputs.consts, *moved] if v in read]
    step = Graph([*kept, *inputs.carry, *inputs.xs], equations, body.outputs, body.constants, count=body.count)
    args = (*(names[v] for v in kept), *given.carry, *given.xs)
    return Equation(scan, args, e.params | {"body": step, "consts": len(kept)}, e.outputs)

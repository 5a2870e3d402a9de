"""The operation `cond`: one of two graphs, by a number that is known only when the program runs.

predicate, operands  ->  ys        operands  ->  ys        `no` and `yes`, two graphs
"""

import numpy as np

from ..core.graph import Graph
from ..core.primitive import Primitive, keeps_args, register
from ..core.trace import aval_of, bind
from .bodies import broadcast, graph_of, mapped, pulled, pushed
from .scans import chosen, filled, is_floating, placed


def cond_impl(predicate, *operands, no: Graph, yes: Graph):
    return tuple((yes if predicate else no).run(operands))


def cond_aval(predicate, *avals, no: Graph, yes: Graph):
    return tuple(v.aval for v in yes.outputs)


def cond_batch(is_batched, predicate, *operands, no: Graph, yes: Graph):
    """Both branches, and a choice, where the predicate differs from example to example."""
    size = next(aval_of(a).shape[0] for a, on in zip((predicate, *operands), is_batched, strict=True) if on)
    on = is_batched[1:]

    def whole(graph):
        def run(leaves):
            ys, ours = mapped(graph, size, leaves, on)
            return [y if b else broadcast(y, size) for y, b in zip(ys, ours, strict=True)]

        return run

    if not is_batched[0]:
        graphs = [graph_of(whole(graph), operands) for graph in (no, yes)]
        return bind(cond, predicate, *operands, no=graphs[0], yes=graphs[1])
    with np.errstate(all="ignore"):  # what is not chosen is nobody's concern
        pairs = zip(whole(yes)(operands), whole(no)(operands), strict=True)
    return tuple(np.where(np.reshape(predicate, (size, *(1,) * (np.ndim(a) - 1))), a, b) for a, b in pairs)


def cond_jvp(tangents, ys, predicate, *operands, no: Graph, yes: Graph):
    on, count = [t is not None for t in tangents[1:]], len(operands)
    leaves = [*operands, *chosen(tangents[1:], on)]
    if not any(on):
        return (None,) * len(ys)
    moved = [False] * len(ys)

    def along(graph):
        def run(leaves):
            ys, ts = pushed(graph, leaves[:count], placed(leaves[count:], on))
            moved[:] = [a or t is not None for a, t in zip(moved, ts, strict=True)]
            return filled(ts, ys, moved)

        return run

    for graph in (no, yes):  # to find out which results move, whatever the branch
        graph_of(along(graph), leaves)
    graphs = [graph_of(along(graph), leaves) for graph in (no, yes)]
    return tuple(placed(bind(cond, predicate, *leaves, no=graphs[0], yes=graphs[1]), moved))


def cond_vjp(wanted, cts, ys, predicate, *operands, no: Graph, yes: Graph):
    """A choice between the cotangents of the branches, which are done again for that."""
    on, count = [w and is_floating(x) for w, x in zip(wanted[1:], operands, strict=True)], len(operands)
    seeded = [ct is not None for ct in cts]
    leaves = [*operands, *chosen(cts, seeded)]

    def back(graph):
        def run(leaves):
            _, found = pulled(graph, leaves[:count], on, placed(leaves[count:], seeded))
            return filled(found, operands, on)

        return run

    graphs = [graph_of(back(graph), leaves) for graph in (no, yes)]
    return None, *placed(bind(cond, predicate, *leaves, no=graphs[0], yes=graphs[1]), on)


cond = register(
    Primitive(
        "cond",
        impl=cond_impl,
        aval=cond_aval,
        jvp=cond_jvp,
        vjp=cond_vjp,
        saves=keeps_args,
        batch=cond_batch,
        slots=None,
        multi=True,
    )
)

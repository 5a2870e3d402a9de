"""The operation `while_loop`: a body that is done as long as a condition holds.

consts, carry  ->  carry        consts, carry  ->  going, one boolean        `condition`, a graph
                                consts, carry  ->  carry                     `body`, a graph
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import user_line
from ..core.graph import Graph
from ..core.primitive import Primitive, keeps_args, register
from ..core.trace import aval_of, bind, concrete, frozen
from .batching import Batched
from .bodies import LooksAtValuesError, broadcast, graph_of, mapped, part, pushed
from .scans import chosen, filled, placed, scan_vjp, split


def while_impl(*args, condition: Graph, body: Graph, consts: int):
    shared, carry = list(args[:consts]), list(args[consts:])
    while condition.run([*shared, *carry])[0]:
        carry = body.run([*shared, *carry])
    return tuple(carry)


def while_aval(*avals, condition: Graph, body: Graph, consts: int):
    return tuple(v.aval for v in body.outputs)


def select(going: Any, new: Any, old: Any) -> Any:
    """`new` for the examples of a batch that are still going, `old` for the others."""
    return np.where(np.reshape(going, (*np.shape(going), *(1,) * (np.ndim(old) - np.ndim(going)))), new, old)


def while_batch(is_batched, *args, condition: Graph, body: Graph, consts: int):
    """Goes on until all examples have come to their end; one that has stays as it is."""
    size = next(aval_of(a).shape[0] for a, on in zip(args, is_batched, strict=True) if on)
    on = list(is_batched)
    while True:
        start = [x if b == a else broadcast(x, size) for x, a, b in zip(args, is_batched, on, strict=True)]
        state = {}

        def going(leaves, on=on, state=state):
            (held,), (state["masked"],) = mapped(condition, size, leaves, on)
            return [np.any(held)] if state["masked"] else [held]

        def step(leaves, on=on, state=state):
            ys, ours = mapped(body, size, leaves, on)
            state["ours"] = [b or state["masked"] for b in ours]
            wide = [y if b or not w else broadcast(y, size) for y, b, w in zip(ys, ours, on[consts:], strict=True)]
            if not state["masked"]:
                return wide
            (held,), _ = mapped(condition, size, leaves, on)
            return [select(held, y, x) if w else y for y, x, w in zip(wide, leaves[consts:], on[consts:], strict=True)]

        graphs = graph_of(going, start), graph_of(step, start)
        wider = [*on[:consts], *(a or b for a, b in zip(on[consts:], state["ours"], strict=True))]
        if wider == on:
            break
        on = wider
    ys = bind(while_loop, *start, condition=graphs[0], body=graphs[1], consts=consts)
    return tuple(y if b else broadcast(y, size) for y, b in zip(ys, on[consts:], strict=True))


def while_jvp(tangents, ys, *args, condition: Graph, body: Graph, consts: int):
    """A loop over pairs of values and tangents."""
    on, count = [t is not None for t in tangents], len(args)
    while True:
        moved: list[bool] = []

        def both(leaves, on=on, moved=moved):
            ys, ts = pushed(body, leaves[:count], placed(leaves[count:], on))
            moved[:] = [t is not None for t in ts]
            return [*ys, *filled(ts, ys, on[consts:])]

        ts = [*chosen(tangents[:consts], on[:consts]), *filled(tangents[consts:], args[consts:], on[consts:])]
        graph = graph_of(both, [*args, *ts])
        further = [*on[:consts], *(a or b for a, b in zip(on[consts:], moved, strict=True))]
        if further == on:
            break
        on = further
    more = sum(on[:consts])
    v, dv = graph.inputs[:count], graph.inputs[count:]
    inputs = [*v[:consts], *dv[:more], *v[consts:], *dv[more:]]
    extra = [condition.new(d.aval) for d in dv]
    found = bind(
        while_loop,
        *(*args[:consts], *ts[:more], *args[consts:], *ts[more:]),
        condition=part(
            condition,
            [*condition.inputs[:consts], *extra[:more], *condition.inputs[consts:], *extra[more:]],
            condition.outputs,
        ),
        body=part(graph, inputs, graph.outputs),
        consts=consts + more,
    )
    return tuple(placed(found[count - consts :], on[consts:]))


def while_vjp(wanted, cts, ys, *args, condition: Graph, body: Graph, consts: int):
    """The vjp of the scan that does the body as often as the loop has done it.

    How often that is has to be known, so that what the steps leave can be kept: it is counted by doing the loop again.
    In a recorded graph the count becomes a guard. Of a batch each example has its own, and rests after that.
    """
    times = counted(args, condition, body, consts)
    length = longest(times)
    if not isinstance(times, Batched):
        params = {"body": body, "consts": consts, "carries": len(ys), "length": length, "reverse": False}
        return scan_vjp(wanted, cts, ys, *args, **params)

    def step(leaves):
        limit, before, i = leaves[consts], leaves[consts + 1 : -1], leaves[-1]
        after = body.run([*leaves[:consts], *before])
        return [np.where(i < limit, a, b) for a, b in zip(after, before, strict=True)]

    steps = np.arange(length)
    whole = [*args[:consts], times, *args[consts:], steps]
    graph = graph_of(step, [*whole[:-1], np.intp(0)])
    params = {"body": graph, "consts": consts + 1, "carries": len(ys), "length": length, "reverse": False}
    flags = [*wanted[:consts], False, *wanted[consts:], False]
    found = scan_vjp(flags, cts, ys, *whole, **params)
    shared, carry, _ = split(found, consts + 1, len(ys))
    return (*shared[:-1], *carry)


def counted(args: Sequence[Any], condition: Graph, body: Graph, consts: int) -> Any:
    """How often the loop goes round."""

    def step(leaves):
        return [*body.run(leaves[:-1]), leaves[-1] + 1]

    wider = part(condition, [*condition.inputs, condition.new(aval_of(np.intp(0)))], condition.outputs)
    start = [*args, np.intp(0)]
    count = bind(while_loop, *start, condition=wider, body=graph_of(step, start), consts=consts)[-1]
    return np.floor_divide(count, 1)  # a whole number without a derivative


def longest(times: Any) -> int:
    """The largest of the counts of a batch, or the only one."""
    while isinstance(times, Batched):
        times = np.max(frozen(times).primal, initial=0)
    try:
        return int(concrete(times, "the number of rounds of a while_loop"))
    except LooksAtValuesError as error:
        raise LooksAtValuesError(
            f"while_loop: its backward pass has to know how often it goes round (at {user_line()}), and that differs "
            "from one iteration of the loop around it to the next: use chainrule.fori_loop or chainrule.scan with as "
            "many rounds as may be needed, and np.where for those that are not"
        ) from error


while_loop = register(
    Primitive(
        "while_loop",
        impl=while_impl,
        aval=while_aval,
        jvp=while_jvp,
        vjp=while_vjp,
        saves=keeps_args,
        batch=while_batch,
        slots=None,
        multi=True,
    )
)

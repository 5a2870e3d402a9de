"""The operation `scan`: a body that is done a known number of times, each time to what it has made of the last.

    consts, carry, xs  ->  carry, ys        consts, carry, xs[i]  ->  carry, ys[i]      the body, a graph

What is read by all iterations comes first, then what is handed from one to the next, then what has an entry for each.
Its derivatives are scans of the derivatives of the body, so they have derivatives in their turn.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.deferred import item
from ..core.graph import Graph, Var
from ..core.primitive import Aval, Primitive, keeps_args, register
from ..core.trace import aval_of, bind
from .bodies import broadcast, depends, differentiable, example, graph_of, mapped, part, pulled, pushed, reaches

Flags = Sequence[bool]


def chosen(values: Sequence[Any], on: Flags) -> list[Any]:
    """Those of `values` that are `on`."""
    return [v for v, b in zip(values, on, strict=True) if b]


def placed(values: Sequence[Any], on: Flags) -> list[Any]:
    """The inverse of `chosen`: None where nothing was chosen."""
    left = iter(values)
    return [next(left) if b else None for b in on]


def zeros_like(x: Any) -> np.ndarray:
    return np.zeros(aval_of(x).shape, aval_of(x).dtype)


def filled(values: Sequence[Any], like: Sequence[Any], on: Flags) -> list[Any]:
    """Those of `values` that are `on`, with zeros for None."""
    return [zeros_like(x) if v is None else v for v, x, b in zip(values, like, on, strict=True) if b]


def is_floating(x: Any) -> bool:
    return np.dtype(aval_of(x).dtype).kind in "fc"


class Split(NamedTuple):
    """The arguments of a scan, or anything that goes with them, by what they are to the body."""

    consts: list[Any]
    carry: list[Any]
    xs: list[Any]


def split(values: Sequence[Any], consts: int, carries: int) -> Split:
    values = list(values)
    return Split(values[:consts], values[consts : consts + carries], values[consts + carries :])


def one_of_each(xs: Sequence[Any]) -> list[Any]:
    """An example of what the body gets of `xs`."""
    rows = map(example, xs)
    return [item(x, (0,)) if x.shape[0] else np.ones(x.shape[1:], x.dtype)[()] for x in rows]


def loop(body: Graph, consts: Sequence[Any], carry: Sequence[Any], xs: Sequence[Any], length: int, reverse: bool):
    """The results of a scan; of `consts` and `xs` it gets what the body reads."""
    read = {a for e in body.equations for a in e.args if isinstance(a, Var)} | set(body.outputs)
    inputs = split(body.inputs, len(consts), len(carry))
    on = [[v in read for v in vs] for vs in (inputs.consts, inputs.xs)]
    kept = [*chosen(inputs.consts, on[0]), *inputs.carry, *chosen(inputs.xs, on[1])]
    return bind(
        scan,
        *(*chosen(consts, on[0]), *carry, *chosen(xs, on[1])),
        body=part(body, kept, body.outputs),
        consts=sum(on[0]),
        carries=len(carry),
        length=length,
        reverse=reverse,
    )


def narrowed(
    args: Sequence[Any], params: dict[str, Any], used: Flags
) -> tuple[tuple[Any, ...], dict[str, Any], list[bool]]:
    """The arguments and parameters of a scan of which some results are read, and which results it still has."""
    body, consts, carries = params["body"], params["consts"], params["carries"]
    on = list(used)
    for _ in range(carries + 1):
        read = split(reaches(body, on), consts, carries).carry
        on[:carries] = [a or b for a, b in zip(on[:carries], read, strict=True)]
    inputs, given = split(body.inputs, consts, carries), split(args, consts, carries)
    outputs, carried = chosen(body.outputs, on), on[:carries]
    step = part(body, [*inputs.consts, *chosen(inputs.carry, carried), *inputs.xs], outputs)
    read = {a for e in step.equations for a in e.args if isinstance(a, Var)} | set(outputs)
    keep = Split([v in read for v in inputs.consts], carried, [v in read for v in inputs.xs])
    step.inputs = [v for vs, bs in zip(inputs, keep, strict=True) for v in chosen(vs, bs)]
    left = tuple(a for xs, bs in zip(given, keep, strict=True) for a in chosen(xs, bs))
    return left, params | {"body": step, "consts": sum(keep.consts), "carries": sum(carried)}, on


# ---- values, shapes ---------------------------------------------------------------------------------


def scan_impl(*args, body: Graph, consts: int, carries: int, length: int, reverse: bool):
    shared, carry, xs = split(args, consts, carries)
    rows: list[Any] = [None] * length
    for i in range(length - 1, -1, -1) if reverse else range(length):
        out = body.run([*shared, *carry, *(x[i] for x in xs)])
        carry, rows[i] = out[:carries], out[carries:]
    if not length:
        return (*carry, *(np.zeros((0, *v.aval.shape), v.aval.dtype) for v in body.outputs[carries:]))
    return (*carry, *map(np.stack, zip(*rows, strict=True)))


def scan_aval(*avals, body: Graph, consts: int, carries: int, length: int, reverse: bool):
    ys = [v.aval for v in body.outputs]
    return (*ys[:carries], *(Aval((length, *y.shape), y.dtype) for y in ys[carries:]))


# ---- a batch -----------------------------------------------------------------------------------------------------


def scan_batch(is_batched, *args, body: Graph, consts: int, carries: int, length: int, reverse: bool):
    size = next(aval_of(a).shape[0] for a, on in zip(args, is_batched, strict=True) if on)
    on = split(is_batched, consts, carries)
    shared, carry, xs = split(args, consts, carries)
    xs = [np.moveaxis(x, 0, 1) if b else x for x, b in zip(xs, on.xs, strict=True)]
    while True:
        flags = [*on.consts, *on.carry, *on.xs]
        start = [x if b == a else broadcast(x, size) for x, a, b in zip(carry, is_batched[consts:], on.carry)]  # noqa: B905
        ours: list[bool] = []

        def whole(leaves, flags=flags, ours=ours, wide=on.carry):
            ys, found = mapped(body, size, leaves, flags)
            ours[:] = found
            ys[:carries] = [broadcast(y, size) if w and not f else y for y, f, w in zip(ys, found, wide, strict=False)]
            return ys

        graph = graph_of(whole, [*shared, *start, *one_of_each(xs)])
        wider = [a or b for a, b in zip(on.carry, ours[:carries], strict=True)]
        if wider == on.carry:
            break
        on = on._replace(carry=wider)
    ys = loop(graph, shared, start, xs, length, reverse)
    return (
        *(y if b else broadcast(y, size) for y, b in zip(ys, on.carry, strict=False)),
        *(np.moveaxis(y, 1, 0) if b else broadcast(y, size) for y, b in zip(ys[carries:], ours[carries:], strict=True)),
    )


# ---- forward mode ------------------------------------------------------------------------------------------------


def scan_jvp(tangents, ys, *args, body: Graph, consts: int, carries: int, length: int, reverse: bool):
    """A scan of pairs of values and tangents; of carries that never get a tangent, of values only."""
    t = split(tangents, consts, carries)
    shared, carry, xs = split(args, consts, carries)
    on = Split(*([v is not None for v in part] for part in t))
    count = len(args)
    while True:
        flags = [*on.consts, *on.carry, *on.xs]
        moved: list[bool] = []

        def both(leaves, flags=flags, moved=moved, going=on.carry):
            ys, ts = pushed(body, leaves[:count], placed(leaves[count:], flags))
            moved[:] = [s is not None for s in ts]
            return [*ys[:carries], *filled(ts[:carries], ys[:carries], going), *chosen(ts[carries:], moved[carries:])]

        start = filled(t.carry, carry, on.carry)
        tx = chosen(t.xs, on.xs)
        graph = graph_of(
            both, [*shared, *carry, *one_of_each(xs), *chosen(t.consts, on.consts), *start, *one_of_each(tx)]
        )
        further = [a or b for a, b in zip(on.carry, moved[:carries], strict=True)]
        if further == on.carry:
            break
        on = on._replace(carry=further)
    tc = chosen(t.consts, on.consts)
    v, dv = split(graph.inputs[:count], consts, carries), split(graph.inputs[count:], len(tc), len(start))
    inputs = [*v.consts, *dv.consts, *v.carry, *dv.carry, *v.xs, *dv.xs]
    step = part(graph, inputs, graph.outputs)
    found = loop(step, [*shared, *tc], [*carry, *start], [*xs, *tx], length, reverse)
    return tuple(placed(found[carries:], [*on.carry, *moved[carries:]]))


# ---- reverse mode ------------------------------------------------------------------------------------------------


def active(body: Graph, wanted: Split, cts: Sequence[Any], consts: int, carries: int) -> list[bool]:
    """Which of the carries have cotangents that matter: they depend on what is wanted, and results depend on them."""
    moving, reached = list(wanted.carry), [ct is not None for ct in cts[:carries]]
    for _ in range(carries + 1):
        found = depends(body, [*wanted.consts, *moving, *wanted.xs], differentiable)
        moving = [a or v in found for a, v in zip(moving, body.outputs, strict=False)]
    for _ in range(carries + 1):
        found = reaches(body, [*reached, *(ct is not None for ct in cts[carries:])], differentiable)
        reached = [a or b for a, b in zip(reached, split(found, consts, carries).carry, strict=True)]
    return [a and b and is_floating(v.aval) for a, b, v in zip(moving, reached, body.outputs, strict=False)]


def scan_vjp(wanted, cts, ys, *args, body: Graph, consts: int, carries: int, length: int, reverse: bool):
    """Two scans: one that keeps what the second needs, which goes back and hands cotangents from step to step.

    The cotangents of what all iterations read are added up on the way.
    """
    wanted = [w and is_floating(a) for w, a in zip(wanted, args, strict=True)]
    on = split(wanted, consts, carries)
    shared, carry, xs = split(args, consts, carries)
    carried = active(body, on, cts, consts, carries)
    count, sums = len(args), sum(on.consts)
    seeds = filled(cts[:carries], carry, carried)
    ct_ys = [ct is not None for ct in cts[carries:]]
    totals = [zeros_like(x) for x in chosen(shared, on.consts)]
    rows = chosen(cts[carries:], ct_ys)

    def back(leaves):
        """The new carry; the sums, the cotangents of the carry, and those of xs."""
        values, totals = leaves[:count], leaves[count : count + sums]
        ends = count + sums + len(seeds)
        after = [*placed(leaves[count + sums : ends], carried), *placed(leaves[ends:], ct_ys)]
        mine = [*on.consts, *carried, *on.xs]
        ys, found = pulled(body, values, mine, after)
        found = split(found, consts, carries)
        added = [s if ct is None else s + ct for s, ct in zip(totals, chosen(found.consts, on.consts), strict=True)]
        before = split(values, consts, carries)
        return [
            *ys[:carries],
            *added,
            *filled(found.carry, before.carry, carried),
            *filled(found.xs, before.xs, on.xs),
        ]

    graph = graph_of(back, [*shared, *carry, *one_of_each(xs), *totals, *seeds, *one_of_each(rows)])
    before, after, kept = two_phases(graph, consts, carries, count, sums + len(seeds))
    invariant = list(part(graph, graph.inputs[:consts], kept.consts).run(shared))
    stacks: Sequence[Any] = ()
    if kept.carry:
        stacks = loop(before, [*shared, *invariant], carry, xs, length, reverse)[carries:]
    found = loop(after, [*shared, *invariant], [*totals, *seeds], [*xs, *stacks, *rows], length, not reverse)
    cts_carry = placed(found[sums : sums + len(seeds)], carried)
    return (
        *placed(found[:sums], on.consts),
        *(ct if w else None for ct, w in zip(cts_carry, on.carry, strict=True)),
        *placed(found[sums + len(seeds) :], on.xs),
    )


def two_phases(graph: Graph, consts: int, carries: int, count: int, backs: int) -> tuple[Graph, Graph, Split]:
    """The step back of a scan in two graphs: what can be known on the way forth, and what needs cotangents.

    The third result has what the second graph reads of what the first can know: what is the same in all iterations
    (among `consts`), and what is not (`carry`).
    """
    inputs = split(graph.inputs[:count], consts, carries)
    late = depends(graph, [i >= count for i in range(len(graph.inputs))])
    early = depends(graph, [i < count for i in range(len(graph.inputs))])
    varying = depends(graph, [consts <= i < count for i in range(len(graph.inputs))])
    results = graph.outputs[carries:]
    read = [a for e in graph.equations if not late.isdisjoint(e.outputs) for a in e.args if isinstance(a, Var)]
    needed = dict.fromkeys(v for v in [*read, *results] if v in early and v not in late)
    same = [v for v in needed if v not in varying and v not in set(inputs.consts)]
    kept = [v for v in needed if v in varying and v not in set(inputs.xs)]
    seeds = split(graph.inputs[count:], backs, 0)
    before = part(graph, [*inputs.consts, *same, *inputs.carry, *inputs.xs], [*graph.outputs[:carries], *kept])
    after = part(graph, [*inputs.consts, *same, *seeds.consts, *inputs.xs, *kept, *seeds.xs], results)
    return before, after, Split(same, kept, [])


scan = register(
    Primitive(
        "scan",
        impl=scan_impl,
        aval=scan_aval,
        jvp=scan_jvp,
        vjp=scan_vjp,
        saves=keeps_args,
        batch=scan_batch,
        slots=None,
        multi=True,
    )
)

"""The tape: nodes that hang together by their parents, and the backward pass over them."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.accumulate import Sums
from ..core.errors import FreedTapeError
from ..core.primitive import Aval, Primitive

_order = itertools.count()

FREED: Any = ("freed",)

F64, F32 = np.dtype(np.float64), np.dtype(np.float32)


class Node:
    """One operation on the tape: what it was, what it was applied to, and what its backward rule will read.

    parents: the nodes of the arguments (None for constants); args, y: the arguments and the output, as far as the
    rule needs them, otherwise something with their `.shape` and `.dtype` (for y: None); plain: real, and of the
    shape and dtype of every parent, so that its cotangents need no fitting; order: nodes are numbered as they are
    made, so their order is a topological one.
    """

    __slots__ = (
        "args",
        "dtype",
        "order",
        "params",
        "parents",
        "plain",
        "primitive",
        "shape",
        "snapshots",
        "y",
    )

    primitive: Primitive | None

    def __init__(self, primitive, parents, args, y, params, shape, dtype, plain, snapshots):
        self.primitive = primitive
        self.parents = parents
        self.args = args
        self.y = y
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.plain = plain
        self.snapshots = snapshots
        self.order = next(_order)

    def __repr__(self):
        name = self.primitive.name if self.primitive else "input"
        return f"<node {self.order}: {name}, shape {self.shape}, {self.dtype}>"


class Input(Node):
    """A node without parents: something the gradient is taken with respect to."""

    __slots__ = ("grad",)

    def __init__(self, value, snapshots):
        super().__init__(None, (), (), None, {}, value.shape, value.dtype, False, snapshots)
        self.grad = None


class Output(Node):
    """One of several outputs of the operation at its only parent."""

    __slots__ = ("count", "position")

    def __init__(self, parent, position, count, y):
        super().__init__(None, (parent,), (), None, {}, y.shape, y.dtype, False, None)
        self.position, self.count = position, count


def tape(outputs: Sequence[Node]) -> list[Node]:
    """Every node that `outputs` depend on, themselves included, in topological order."""
    seen = set(outputs)
    waiting = list(seen)
    while waiting:
        for parent in waiting.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(seen, key=_order_of)


def _order_of(node: Node) -> int:
    return node.order


def backward(seeds: list[tuple[Node, Any]], *, release: bool = False, trace: Any = None) -> dict[Input, Any]:
    """The cotangents of all inputs, from those of some outputs.

    Each node is let go as soon as it has been used; `seeds` is emptied for that. release: also drop what those nodes
    keep that somebody else holds. trace: put the pass itself on the tape of this trace.
    """
    sums = Sums()
    for node, seed in seeds:
        sums.add(node, seed)
    nodes = tape(list(sums))
    seeds.clear()
    found = {}
    while nodes:
        node = nodes.pop()
        if node.snapshots is not None:
            for shot in node.snapshots:
                shot.check()
        ct = sums.pop(node, None)
        if ct is None:
            continue
        primitive, args, parents = node.primitive, node.args, node.parents
        if node.plain and trace is None and args is not FREED:  # what an operation on small arrays costs
            for parent, rule in zip(parents, primitive.plain_vjp):  # type: ignore[union-attr]  # noqa: B905
                if parent is not None and rule is not None:
                    ct_x = rule(ct, node.y, *args)
                    if parent in sums:
                        sums.add(parent, ct_x, node)
                    else:
                        sums[parent] = ct_x
        elif primitive is not None:
            for parent, ct_x in zip(parents, _cotangents(node, ct, trace), strict=True):
                if ct_x is not None and parent is not None:
                    sums.add(parent, ct_x, node)
        elif isinstance(node, Output):
            sums.put(parents[0], node.position, node.count, ct)
        else:
            found[node] = ct
        if release:
            node.args, node.y, node.snapshots = FREED, None, None
    return found


def _cotangents(node: Node, ct: Any, trace: Any) -> tuple[Any, ...]:
    """The cotangents of the arguments of the operation at `node`, from that of its output."""
    args, y = node.args, node.y
    if args is FREED:
        raise FreedTapeError(
            "backward: an earlier backward pass has released the values on this tape; call it with "
            "retain_graph=True to go back a second time"
        )
    if trace is not None:
        args, y = _on_tape(trace, node, args, y)
    wanted = tuple([p is not None for p in node.parents])
    return node.primitive.vjp(wanted, ct, node if y is None else y, *args, **node.params)  # type: ignore[union-attr]


def _on_tape(trace: Any, node: Node, args: Any, y: Any) -> tuple[list[Any], Any]:
    """The kept values of `node` as the variables that they were."""
    args = [
        trace.at(arg, parent) if parent is not None and arg is not parent else arg
        for arg, parent in zip(args, node.parents, strict=True)
    ]
    if isinstance(y, tuple):
        y = tuple(v if isinstance(v, Aval) else trace.at(v, Output(node, i, len(y), v)) for i, v in enumerate(y))
    elif y is not None:
        y = trace.at(y, node)
    return args, y

"""The tape: nodes that hang together by their parents, and the backward pass over them."""

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.accumulate import SMALL, Sums
from ..core.errors import FreedTapeError
from ..core.memory import Snapshot
from ..core.primitive import Aval
from ..core.zeros import Supported, dense, pull

order = itertools.count()

FREED: Any = ("freed",)


class Node:
    """One place on the tape: what was done there, to what, and what the backward rule will read.

    primitive: None for an input; parents: the nodes of the arguments (None for constants); args, y: the arguments and
    the output, as far as the rule needs them; order: nodes are numbered as they are made, so their order is a
    topological one.
    """

    __slots__ = ("args", "dtype", "order", "parents", "primitive", "shape", "y")

    args: Any
    dtype: Any
    order: int
    parents: tuple["Node | None", ...]
    primitive: Any
    shape: tuple[int, ...]
    y: Any

    params: dict[str, Any] = {}  # noqa: RUF012  (shared by all that have none; never written to)
    snapshots: Sequence[Snapshot] = ()

    def __init__(self, primitive, parents, args, y, shape, dtype):
        self.primitive, self.parents, self.args, self.y = primitive, parents, args, y
        self.shape, self.dtype = shape, dtype
        self.order = next(order)

    def check(self) -> None:
        """Raises if an array of the caller's that is kept here has changed."""
        for shot in self.snapshots:
            shot.check()

    def release(self) -> None:
        """Lets go of what the backward rule would read."""
        if self.primitive is not None:
            self.args, self.y = FREED, None

    def __repr__(self):
        name = self.primitive.name if self.primitive else "input"
        return f"<node {self.order}: {name}, shape {self.shape}, {self.dtype}>"


class Input(Node):
    """Something that gradients are taken with respect to. It has no parents.

    borrowed: the value is an array of the caller's, too large to be copied, that no rule has asked for yet.
    """

    __slots__ = ("borrowed", "grad", "snapshots")

    def __init__(self, value, borrowed=False):
        super().__init__(None, (), (), None, value.shape, value.dtype)
        self.borrowed, self.grad, self.snapshots = borrowed, None, ()

    def watch(self, value):
        """To be called when a rule is going to read the value."""
        if self.borrowed:
            self.borrowed, self.snapshots = False, (Snapshot(value),)


class Operation(Node):
    """An operation of any kind.

    What the rule does not need of an argument is there as something with its `.shape` and `.dtype`; y is None if the
    rule does not need it.
    """

    __slots__ = ("params", "snapshots")

    def __init__(self, primitive, parents, args, y, params, shape, dtype, snapshots):
        # as Node does: a call less for each operation
        self.primitive, self.parents, self.args, self.y = primitive, parents, args, y
        self.shape, self.dtype, self.order = shape, dtype, next(order)
        self.params, self.snapshots = params, snapshots

    def release(self):
        super().release()
        self.params, self.snapshots = {}, ()


class Plain(Node):
    """An elementwise operation for which the short rules hold (core/primitive.py: Plain). What is not kept is None."""

    __slots__ = ()


class Output(Node):
    """One of several outputs of the operation at its only parent."""

    __slots__ = ("count", "position")

    def __init__(self, parent, position, count, y):
        super().__init__(None, (parent,), (), None, y.shape, y.dtype)
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
    return sorted(seen, key=operator.attrgetter("order"))


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
        ct = sums.pop(node, None)
        if ct is None:
            if type(node) is Input:  # reached, but by slopes only that are zero
                found[node] = np.zeros(node.shape, node.dtype)
            continue
        if type(node) is Plain and trace is None and node.args is not FREED and ct.__class__ is not Supported:
            # what an operation on small arrays costs
            a, b = node.args
            rules = node.primitive.plain.vjps
            for i, parent in enumerate(node.parents):
                if parent is not None:
                    rule = rules[i]
                    ct_x = ct if rule is None else rule(ct, node.y, a, b)
                    total = sums.get(parent)
                    if total is None:
                        sums[parent] = ct_x
                    elif total.size < SMALL:
                        sums[parent] = total + ct_x
                    else:
                        sums.add(parent, ct_x, node)
        elif node.primitive is not None:
            for parent, ct_x in zip(node.parents, _cotangents(node, ct, trace), strict=True):
                if ct_x is not None and parent is not None:
                    sums.add(parent, ct_x, node)
        elif isinstance(node, Output):
            sums.put(node.parents[0], node.position, node.count, dense(ct))
        else:
            node.check()
            found[node] = dense(ct)
        if release:
            node.release()
    return found


def _cotangents(node: Node, ct: Any, trace: Any) -> tuple[Any, ...]:
    """The cotangents of the arguments of the operation at `node`, from that of its output."""
    args, y = node.args, node.y
    if args is FREED:
        raise FreedTapeError(
            "backward: an earlier backward pass has released the values on this tape; call it with "
            "retain_graph=True to go back a second time"
        )
    node.check()
    if type(node) is Plain:
        args = [node if arg is None else arg for arg in args[: len(node.parents)]]
    if trace is not None:
        args, y = _on_tape(trace, node, args, y)
    wanted = tuple([p is not None for p in node.parents])
    return pull(node.primitive, wanted, ct, node if y is None else y, args, node.params)


def _on_tape(trace: Any, node: Node, args: Any, y: Any) -> tuple[list[Any], Any]:
    """The kept values of `node` as the variables that they were."""
    args = [
        arg if parent is None or isinstance(arg, Node) else trace.at(arg, parent)
        for arg, parent in zip(args, node.parents, strict=True)
    ]
    if isinstance(y, tuple):
        y = tuple(v if isinstance(v, Aval) else trace.at(v, Output(node, i, len(y), v)) for i, v in enumerate(y))
    elif y is not None:
        y = trace.at(y, node)
    return args, y

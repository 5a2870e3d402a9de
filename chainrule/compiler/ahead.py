"""Functions to be differentiated in a function that is being compiled: recorded, and rolled up, before that.

A loop of Python leaves an equation for each operation of each turn, and its derivative several more. Rolled up first
(compiler/roll.py), it is differentiated as a loop: of a body, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.errors import LostGradientError
from ..core.primitive import Primitive
from ..core.trace import Tracer, frozen
from ..core.tree import flatten
from ..transforms.batching import Batched
from ..transforms.bodies import BodyTrace, body_of, close
from ..transforms.lazy import LazyTrace
from ..transforms.recording import RecordingTrace
from ..transforms.reverse import no_tape
from .roll import roll

WORTH_WHILE = 512
"""Equations below which a function is differentiated as it is."""


class Tracing(LazyTrace):
    """Records what is to be compiled."""

    __slots__ = ()

    def prepare(self, f: Callable[..., Any], primals: Sequence[Any]) -> Callable[..., Any]:
        return ahead(f, primals)


class AheadTrace(LazyTrace, BodyTrace):
    """Records, within the former, a function with the values that are there, at which it may look."""

    __slots__ = ()

    prepare = Tracing.prepare
    concrete = RecordingTrace.concrete
    is_constant = RecordingTrace.is_constant

    def captured(self, x: Tracer) -> Any:
        return self.capture(x)

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if no_tape():
            raise LostGradientError("a part of this function is not to be differentiated")
        return super().process(primitive, args, params)


def ahead(f: Callable[..., Any], primals: Sequence[Any]) -> Callable[..., Any]:
    """f, or a graph with loops that does the same for arguments that have the values of `primals`."""
    leaves, structure = flatten(tuple(primals))
    captured: dict[Any, Any] = {}
    try:
        body = body_of(lambda given: f(*structure.unflatten(given)), leaves, captured, "compile", AheadTrace)
    except Exception:  # whatever it is, f has it again when it is differentiated, and says where
        return f
    if len(body.graph.equations) < WORTH_WHILE:
        return f
    outside = close([body], captured)
    if body.graph.guards and any(map(is_batched, [*leaves, *outside])):  # the examples may go different ways
        return f
    graph = roll(body.graph)
    if 2 * len(graph.equations) > len(body.graph.equations):
        return f

    def rolled(*args):
        return body.structure.unflatten(graph.run([*outside, *flatten(args)[0]]))

    return rolled


def is_batched(x: Any) -> bool:
    while isinstance(x, Tracer) and not isinstance(x, Batched):
        x = frozen(x)
        x = x.primal if isinstance(x, Tracer) and not isinstance(x, Batched) else x
    return isinstance(x, Batched)

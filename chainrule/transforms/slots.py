"""Sparse Jacobians, in one pass: each value travels with the pieces of its Jacobian (core/slots.py)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.slots import Base, Maps, Piece
from ..core.trace import Trace, Tracer, aval_of, bind
from . import arguments


class Slotted(Tracer):
    """A value, and the pieces of its Jacobian."""

    __slots__ = ()

    pieces = Tracer.companion


class SlotsTrace(Trace):
    """Computes the value, and what an operation makes of the pieces."""

    __slots__ = ()

    writes_in_place = False

    def __init__(self, maps: Maps):
        super().__init__()
        self.state = maps

    def lift(self, value: Any) -> Slotted:
        return Slotted(self, value, [])

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        own = [a.__class__ is Slotted and a._trace is self for a in args]
        values = [a.primal if on else a for a, on in zip(args, own, strict=True)]
        if params.get("in_place"):
            params = params | {"in_place": False}
        y = bind(primitive, *values, **params)
        pieces = [a.companion if on else None for a, on in zip(args, own, strict=True)]
        if primitive.jvp is None or not any(pieces):
            return y
        if primitive.slots is None:
            raise NotImplementedError(primitive.name)
        return Slotted(self, y, primitive.slots(self.state, pieces, y, *values, **params))

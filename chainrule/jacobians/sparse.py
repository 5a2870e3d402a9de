"""Sparse Jacobians as SciPy's matrices, of functions as they are."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.slots import Base, Maps, Piece
from ..core.trace import aval_of
from ..transforms import arguments
from ..transforms.slots import Slotted, SlotsTrace
from .assembly import Layout, dtype_of


class Sparse:
    """A sparse Jacobian as a function; what is found out of its structure is kept."""

    def __init__(self, f: Callable[..., Any], format: str = "csr"):
        self.f, self.format = f, format
        self.maps = Maps()
        self.layouts: dict[Any, Layout] = {}

    def pieces(self, x: np.ndarray, *rest: Any) -> tuple[Any, list[Piece]]:
        base = self.__dict__.setdefault("base", Base(x.size))
        seed = self.maps.get(("seed", x.shape), SEED, lambda _: np.arange(1, x.size + 1).reshape(1, *x.shape))
        trace = SlotsTrace(self.maps)
        with trace:
            y = self.f(Slotted(trace, x, [Piece(base, seed, 1)]), *rest)
            value, pieces = arguments.finished(trace, y, "jacobian", aux=False)
        return value, pieces or []

    def layout(self, y: Any, pieces: list[Piece], columns: int) -> Layout:
        key = tuple(id(p.index) for p in pieces), y.shape, columns
        found = self.layouts.get(key)
        if found is None:
            found = self.layouts[key] = Layout([p.index for p in pieces], math.prod(y.shape), columns)
        return found

    def __call__(self, x: Any, *rest: Any) -> Any:
        x = np.asarray(x)
        y, pieces = self.pieces(x, *rest)
        layout = self.layout(y, pieces, x.size)
        return layout.matrix(layout.data([p.coef for p in pieces], y.shape, dtype_of(pieces, x.dtype)), self.format)


SEED = np.zeros(0)

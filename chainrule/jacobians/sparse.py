"""Sparse Jacobians as SciPy's matrices, of functions as they are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..transforms import arguments
from ..transforms.slots import Context, Slotted, SlotsTrace, blocks_of


class Sparse:
    """A sparse Jacobian as a function; what is found out of its structure is kept."""

    def __init__(self, f: Callable[..., Any], format: str = "csr"):
        self.f, self.format = f, format
        self.context = Context()

    def blocks(self, x: np.ndarray, *rest: Any):
        base = self.context.base(x.shape, x.dtype)
        trace = SlotsTrace(self.context)
        with trace:
            y = self.f(Slotted(trace, x, [self.context.seed(x.shape, base)]), *rest)
            value, pieces = arguments.finished(trace, y, "jacobian", aux=False)
        return base, value, blocks_of(value, pieces)

    def __call__(self, x: Any, *rest: Any) -> Any:
        x = np.asarray(x)
        base, y, blocks = self.blocks(x, *rest)
        J = self.context.structures.matrix(blocks, base, y.dtype if y.dtype.kind in "fc" else x.dtype)
        return J if self.format == "csr" else J.asformat(self.format)

"""Positions among ordered values: whole numbers, constant wherever they have a derivative."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import slots
from ..core.primitive import Aval, Primitive, register
from ..core.trace import bind
from .families import keeps_nothing


def whole_numbers(impl: Callable[..., Any], *, name: str, shape: Callable[..., tuple[int, ...]]) -> Primitive:
    """A primitive for a function to whole numbers that takes one example at a time.

    `shape(*avals)` is the shape of its result.
    """

    def aval(*avals, **params):
        return Aval(shape(*avals), np.dtype(np.intp))

    def batch(is_batched, *x, **params):
        n = next(a.shape[0] for a, on in zip(x, is_batched, strict=True) if on)
        rows = [[a[k] if on else a for a, on in zip(x, is_batched, strict=True)] for k in range(n)]
        return np.stack([bind(primitive, *row, **params) for row in rows])

    primitive = register(Primitive(name, impl, aval, None, None, keeps_nothing, batch, slots.nothing))
    return primitive


searchsorted = whole_numbers(
    lambda a, v, *, side: np.asarray(np.searchsorted(a, v, side)), name="searchsorted", shape=lambda a, v: v.shape
)
digitize = whole_numbers(
    lambda x, bins, *, right: np.asarray(np.digitize(x, bins, right)), name="digitize", shape=lambda x, bins: x.shape
)
lexsort = whole_numbers(lambda *keys, axis: np.lexsort(keys, axis), name="lexsort", shape=lambda *keys: keys[0].shape)

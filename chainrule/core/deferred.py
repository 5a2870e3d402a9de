"""Values that nobody has asked for yet.

A recording needs shapes and dtypes, which come from `Primitive.aval`. Numbers it needs only where the program looks at
them (`if x > 0`): those can wait till then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .primitive import Aval


class Deferred:
    """In the place of an array that has not been computed. One that is no more than this is anything of its shape."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval):
        self.aval = aval

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        return self.aval.dtype

    def compute(self) -> Any:
        """The value."""
        return np.ones(self.shape, self.dtype)

    def is_in_order(self) -> bool:
        """Whether it certainly lies in memory in C order."""
        return True

    def is_view_of(self, base: Any) -> bool:
        """Whether it certainly is a view of another."""
        return False


class Item(Deferred):
    """`x[index]`, for whole numbers along the first axes."""

    __slots__ = ("index", "x")

    def __init__(self, x: Deferred, index: Any):
        super().__init__(Aval(x.shape[len(index) :], x.dtype))
        self.x, self.index = x, index

    def compute(self) -> Any:
        return known(self.x)[self.index]

    def is_in_order(self) -> bool:
        return self.x.is_in_order()


def known(x: Any) -> Any:
    """`x`, computed if it was not yet."""
    return x.compute() if isinstance(x, Deferred) else x


def item(x: Any, index: tuple[int, ...]) -> Any:
    """`x[index]`, for whole numbers along the first axes; deferred if x is."""
    return Item(x, index) if isinstance(x, Deferred) else x[index]


def is_in_order(x: Any) -> bool:
    """Whether an array certainly lies in memory in C order."""
    return x.is_in_order() if isinstance(x, Deferred) else not isinstance(x, np.ndarray) or x.flags.c_contiguous

"""Adding cotangents up where branches of the graph meet, in linear time.

Most cotangents are arrays, and a sum of arrays is a new array. Two kinds are worth more care, because a loop makes
many of them: the cotangent of an array of which one part was read, and of one of which a part was overwritten.
Both differ from zero, or from another array, in that part only, and are added in place.
"""

from collections.abc import Callable
from typing import Any

import numpy as np


class Scattered:
    """A cotangent that is zero but for one part: `add(total)` adds that part to an array in place."""

    __slots__ = ("add", "like", "shape")

    def __init__(self, like: Any, shape: tuple[int, ...], add: Callable[[Any], None]):
        self.like, self.shape, self.add = like, shape, add

    def dense(self) -> Any:
        total = zeros(self.shape, self.like)
        self.add(total)
        return total


class Cleared:
    """`ct` with one part set to zero: `clear(total)` does that in place."""

    __slots__ = ("clear", "ct")

    def __init__(self, ct: Any, clear: Callable[[Any], None]):
        self.ct, self.clear = ct, clear

    def dense(self) -> Any:
        total = np.copy(self.ct)
        self.clear(total)
        return total


def zeros(shape: tuple[int, ...], like: Any) -> Any:
    """Zeros of the kind of `like`: a plain array, or a tracer that traced values can be written into."""
    return np.zeros_like(like, shape=shape)


def dense(ct: Any) -> Any:
    """Any cotangent as an array."""
    return ct.dense() if isinstance(ct, Scattered | Cleared) else ct


DEFERRED = frozenset({Scattered, Cleared})

SMALL = 1024
"""Elements below which a new sum costs less than finding out whether the old one may be overwritten."""


class Sums(dict[Any, Any]):
    """The cotangents collected so far, by node. A sum that was made here is our own and is added to in place."""

    __slots__ = ("_own",)

    def __init__(self):
        super().__init__()
        self._own: set[int] = set()  # by id: a node held here would hold all that it was computed from

    def add(self, node: Any, ct: Any, source: Any = None) -> None:
        """Adds `ct`, which comes from the operation at `source`, whose own sum has just been taken out."""
        total = self.get(node)
        if ct.__class__ is Scattered:
            ct.add(self._own_total(node, total, ct))
        elif ct.__class__ is Cleared:
            if total is None and id(source) in self._own:
                ct.clear(ct.ct)
                self[node] = ct.ct
                self._own.add(id(node))
            else:
                self.add(node, ct.dense())
        elif total is None:
            self[node] = ct
        elif total.size < SMALL:
            self[node] = total + ct
        elif id(node) in self._own and _in_place(total, ct):
            np.add(total, ct, out=total)
        else:
            self[node] = total + ct
            self._own.add(id(node))

    def put(self, node: Any, position: int, count: int, ct: Any) -> None:
        """Adds `ct` to the cotangent of one of the `count` outputs of `node`."""
        outputs = self.setdefault(node, [None] * count)
        outputs[position] = ct if outputs[position] is None else outputs[position] + ct

    def _own_total(self, node: Any, total: Any, ct: Scattered) -> Any:
        """The sum for `node` as an array that `ct` may be added to in place."""
        if total is None:
            self[node] = zeros(ct.shape, ct.like)
        elif hasattr(ct.like, "companion") and not hasattr(total, "companion"):
            self[node] = zeros(ct.shape, ct.like) + total
        elif id(node) not in self._own or not total.shape:  # a sum of 0-d arrays is a number
            self[node] = np.copy(total)
        self._own.add(id(node))
        return self[node]


def _in_place(total: Any, ct: Any) -> bool:
    return (
        total.__class__ is np.ndarray
        and ct.__class__ is np.ndarray
        and total.dtype == ct.dtype
        and total.shape == ct.shape
    )

"""Adding cotangents up where branches of the graph meet, in linear time.

Most cotangents are arrays, and a sum of arrays is a new array. Two kinds are worth more care, because a loop makes
many of them: the cotangent of an array of which one part was read, and of one of which a part was overwritten.
Both differ from zero, or from another array, in that part only, and are added in place.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .zeros import Supported, dense


class Scattered:
    """A cotangent that is zero but for one part: `add(total)` adds that part to an array in place.

    `mark(mask, own)` is the mask with the part entered, or those of its elements that `own` says, if not all; done when
    somebody asks for the mask.
    """

    __slots__ = ("add", "like", "mark", "shape", "support")

    def __init__(self, like: Any, shape: tuple[int, ...], add: Callable[[Any], None], mark: Callable[[Any, Any], Any]):
        self.like, self.shape, self.add, self.mark = like, shape, add, mark
        self.support = None

    def whole(self) -> Any:
        total = Supported(zeros(self.shape, self.like), np.zeros(self.shape, bool))
        self.add_to(total)
        return total

    def dense(self) -> Any:
        return self.whole().dense()

    def add_to(self, total: Any) -> None:
        """Adds the part to `total`, which may know its support."""
        if total.__class__ is Supported:
            mark, own = self.mark, self.support
            total.marks.append(lambda mask: mark(mask, own))
            total = total.value
        self.add(total)


class Cleared:
    """`ct` with one part set to zero: `clear(total)` does that in place."""

    __slots__ = ("clear", "ct", "support")

    def __init__(self, ct: Any, clear: Callable[[Any], None]):
        self.ct, self.clear = ct, clear
        self.support = None

    def whole(self, own: bool = False, supported: bool = True) -> Any:
        """The cotangent. own: `ct` is nobody else's, and may be overwritten; supported: it is to know its support."""
        own = own and self.ct.shape != ()  # a number cannot be overwritten
        total = self.ct if own else np.copy(self.ct)
        self.clear(total)
        if not supported:
            return total
        support = np.ones(total.shape, bool) if self.support is None else self.support
        if support is self.support and not own:
            support = np.copy(support)
        self.clear(support)
        return Supported(total, support)

    def dense(self) -> Any:
        return self.whole(supported=False)


def zeros(shape: tuple[int, ...], like: Any) -> Any:
    """Zeros of the kind of `like`: a plain array, or a tracer that traced values can be written into."""
    return np.zeros_like(like, shape=shape)


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
            ct.add_to(self._own_total(node, total, ct))
        elif ct.__class__ is Cleared:
            own = total is None and id(source) in self._own
            self.add(node, ct.whole(own, carries(node)))
            if own:
                self._own.add(id(node))
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
            new = zeros(ct.shape, ct.like)
            self[node] = Supported(new, np.zeros(ct.shape, bool)) if carries(node) else new
        elif hasattr(ct.like, "companion") and not hasattr(dense(total), "companion"):
            self[node] = zeros(ct.shape, ct.like) + total
        elif total.__class__ is Supported:
            if id(node) not in self._own or not total.shape:
                self[node] = total.copy()
        elif id(node) not in self._own or not total.shape:  # a sum of 0-d arrays is a number
            self[node] = np.copy(total)
        self._own.add(id(node))
        return self[node]


def carries(node: Any) -> bool:
    """Whether the rule at `node` passes supports on."""
    return node.primitive is not None and node.primitive.zeros is not None


def _in_place(total: Any, ct: Any) -> bool:
    return (
        total.__class__ is np.ndarray
        and ct.__class__ is np.ndarray
        and total.dtype == ct.dtype
        and total.shape == ct.shape
    )

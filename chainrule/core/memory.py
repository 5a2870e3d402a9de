"""NumPy's memory, as a tracer stands in for it: writing in place, views, and arrays that must not change.

Writing into a traced array is a functional update: a new value, which the same tracer object now stands for.
Three things make that agree with NumPy, where memory is shared.

*Owned arrays.* The result of an update is an array that nobody else has seen, so the next update may overwrite
it: filling an array element by element takes linear time. Whoever reads the whole array may keep it, so a read
ends the ownership and the next update copies.

*Views.* `row = y[0]` shares memory with `y` in NumPy: writing into one changes the other. The tracer of a view
remembers its base and how it was made of it. Before it is read, it is made again if the base has been written
into since; when it is written into, the base is too.

*Snapshots.* The tape keeps arrays of the caller, who may change them before the backward pass. Small ones are
copied; of large ones the tape keeps a checksum, and the backward pass raises if it no longer fits.
"""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .deferred import Deferred, known
from .errors import ModifiedArrayError, user_line

COPY_BELOW = 32768
"""Bytes up to which a caller's array is copied instead of checksummed: a copy takes less than a tenth of the time
there, and what an operation makes of the array is mostly as large."""


class Memory:
    """How a tracer shares memory. Attached to a tracer at its first write, or if it is a view.

    is_view: None, or what says whether it is a view at all; asked when one of the two is written into.
    """

    __slots__ = ("base", "copied", "is_view", "key", "owned", "remake", "root", "seen", "version", "write_back")

    def __init__(self, owned=False, base=None, remake=None, write_back=None, key=None, copied=False):
        self.owned = owned
        self.version = 0  # counted at the root of the views only
        self.base, self.remake, self.write_back, self.key, self.copied = base, remake, write_back, key, copied
        self.is_view: Callable[[], bool] | None = None
        if base is not None:
            above = base.memory
            self.root = base if above is None or above.base is None else above.root
            self.seen = version(self.root)


def version(root: Any) -> int:
    """How often `root`, or any view of it, has been written into."""
    return 0 if root.memory is None else root.memory.version


def fresh(view: Any) -> bool:
    """Whether nothing that `view` shares memory with has been written into since it was made, or made again."""
    return view.memory.seen == version(view.memory.root)


def view(y: Any, base: Any, remake: Any, write_back: Any = None, *, key=None, copied=False, number=True) -> Any:
    """Marks `y` as sharing memory with `base`, where NumPy's result would.

    copied: it is a copy as yet, for `base` is owned; number: a `y` of no axes is a number in NumPy, not an array.
    """
    if type(y) is type(base) and y is not base and (y.shape or not number):
        y.memory = Memory(base=base, remake=remake, write_back=write_back, key=key, copied=copied)
    return y


def layout(x: Any) -> Any:
    """An array that lies in memory as NumPy's would in the place of `x`, which may be a part that we have copied."""
    parts, root = [], x
    while root.memory is not None and root.memory.base is not None:
        parts.append(root.memory)
        root = root.memory.base
    if not any(part.copied for part in parts):
        return x
    memory: Any = root.memory
    array = root
    owned = memory.owned
    for part in reversed(parts):
        array = part.remake(array)
    memory.owned = owned  # nobody keeps what has been read here
    return array


def is_view(y: Any, base: Any) -> bool:
    """Whether NumPy made the array under `y` a view of the one under `base`: a reshape, for one, may have to copy."""
    y, base = beneath(y, base)
    if isinstance(y, Deferred) and y.is_view_of(base):
        return True
    y, base = known(y), known(base)
    return isinstance(y, np.ndarray) and np.may_share_memory(y, base)


def beneath(y: Any, base: Any) -> tuple[Any, Any]:
    """The plain values, computed or not, under two tracers."""
    while hasattr(y, "companion") and hasattr(base, "companion"):
        y, base = y.primal, base.primal
    return y, base


def decide(tracer: Any) -> None:
    """Finds out whether what may be a view is one."""
    memory = tracer.memory
    if memory.is_view is not None:
        if not memory.is_view():
            tracer.memory = Memory(owned=memory.owned)
        memory.is_view = None


def become(tracer: Any, new: Any) -> None:
    """Makes `tracer` stand for what `new` stands for, whichever trace that belongs to."""
    if not hasattr(new, "companion"):  # a plain array
        tracer._trace.hold(tracer, new)
        return
    tracer.__class__ = new.__class__
    tracer._trace, tracer.primal, tracer.companion = new._trace, new.primal, new.companion


def refresh(tracer: Any) -> None:
    """Makes a view again from its base, if what they share has been written into."""
    stale = []
    while tracer.memory is not None and tracer.memory.base is not None and not fresh(tracer):
        decide(tracer)
        if tracer.memory.base is None:
            break
        stale.append(tracer)
        tracer = tracer.memory.base
    for view in reversed(stale):
        memory = view.memory
        become(view, memory.remake(memory.base))
        memory.seen, memory.owned = version(memory.root), False


def read(tracer: Any) -> None:
    """To be called before the whole of `tracer` is read: afterwards others may hold its array."""
    if tracer.memory.base is not None:
        refresh(tracer)
    tracer.memory.owned = False


def written(tracer: Any, new: Any, owned: bool) -> Any:
    """Records that `tracer` has been overwritten with `new`, and tells its base if it is a view."""
    if tracer.memory is None:
        tracer.memory = Memory()
    decide(tracer)
    become(tracer, new)
    memory = tracer.memory
    memory.owned = owned and tracer._trace.writes_in_place
    if memory.base is None:
        memory.version += 1
    else:
        if memory.write_back is None:
            raise ValueError(
                f"writing into a view that NumPy shares with another traced array (at {user_line()}): "
                "write into that array itself, or into a copy() of the view"
            )
        memory.seen = version(memory.root)  # what is read here is what has just been written
        memory.write_back(memory.base, tracer)
        memory.seen = version(memory.root)
    return tracer


def write(tracer: Any, new: Any, what: str) -> Any:
    """Overwrites all of `tracer` with `new`, as `y += v` does; shape and dtype stay as NumPy keeps them."""
    tracer._trace.check_writable(tracer)
    if new.shape != tracer.shape:
        raise ValueError(
            f"{what}: an array of shape {tracer.shape} cannot hold a result of shape {new.shape} in place "
            f"(at {user_line()})"
        )
    if new.dtype != tracer.dtype:
        if not np.can_cast(new.dtype, tracer.dtype, "same_kind"):
            raise TypeError(
                f"{what}: a result of dtype {new.dtype} cannot be written into an array of dtype {tracer.dtype} "
                f"(at {user_line()})"
            )
        new = new.astype(tracer.dtype)
    return written(tracer, new, owned=False)


def own(x: np.ndarray) -> np.ndarray:
    """`x`, or a copy of it if it is a view or cannot be written into: an array for somebody to have for himself."""
    return x if x.flags.owndata and x.flags.writeable else x.copy()


def read_only(x: Any) -> Any:
    """`x`, which others hold, too, as users' code may have it: what is an array cannot be written into."""
    if isinstance(x, np.ndarray):
        x = x.view()
        x.flags.writeable = False
    return x


class Snapshot:
    """A large array of the caller's that the tape keeps, and the checksum by which it notices a change."""

    __slots__ = ("array", "checksum", "line")

    def __init__(self, array: np.ndarray):
        self.array, self.checksum, self.line = array, checksum(array), user_line()

    def check(self) -> None:
        if checksum(self.array) != self.checksum:
            raise ModifiedArrayError(
                f"an array of shape {self.array.shape} and dtype {self.array.dtype} was changed in place after it "
                f"was used at {self.line}, and the backward pass needs its old values: use a copy() there, or "
                "change the array after the backward pass"
            )


def checksum(array: Any) -> int:
    """CRC-32 of the elements: any change in up to 32 adjacent bits, other changes but for 1 in 4e9."""
    return zlib.crc32(np.ascontiguousarray(array).data)


def snapshot(x: Any, snapshots: list[Snapshot]) -> Any:
    """What the tape keeps of `x`, a constant of the caller's; large arrays are entered in `snapshots`."""
    if x.__class__ is not np.ndarray:
        return np.array(x) if isinstance(x, np.ndarray) else x
    if x.nbytes <= COPY_BELOW:
        return x.copy()
    snapshots.append(Snapshot(x))
    return x

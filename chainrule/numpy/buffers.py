"""Arrays without traced content, as yet, into which traced values can be written.

A plain array cannot hold a traced value: `a = np.zeros(3); a[0] = t` fails, for the memory of `a` is NumPy's. A
`Buffer` can, for it is a tracer, of the lowest of all traces. What is computed from buffers alone is computed at once,
and arrays that come of it are buffers again. What is written into one makes it a tracer of the trace that the value
belongs to, as any write does (core/memory.py).
"""

from typing import Any

import numpy as np

from ..core.memory import Memory, read
from ..core.primitive import Primitive
from ..core.trace import Trace, Tracer


class Buffer(Tracer):
    """An array of :mod:`chainrule.numpy`: traced values can be written into it.

    To NumPy, SciPy and others that know plain arrays only it gives its values, `np.asarray(a)`.

    Examples
    --------
    >>> import chainrule as cr
    >>> import chainrule.numpy as np
    >>> a = np.zeros(3)
    >>> a
    Buffer([0., 0., 0.])
    >>> def f(x):
    ...     a = np.zeros(3)
    ...     a[1] = x
    ...     return a @ a
    >>> cr.grad(f)(2.0)
    np.float64(4.0)
    """

    __slots__ = ()

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("a buffer gives its values as a copy: leave out copy=False")
        return np.array(value_of(self), dtype)

    def __repr__(self):
        return f"Buffer({np.array2string(value_of(self), separator=', ', prefix='Buffer(')})"

    def __str__(self):
        return str(value_of(self))

    def __reduce__(self):
        return buffer, (np.array(self),)

    def item(self, *args):
        return value_of(self).item(*args)

    def tolist(self):
        return value_of(self).tolist()


def value_of(x: Buffer) -> np.ndarray:
    """The array under `x`, to be read at once."""
    if x.memory is not None:
        read(x)
    return x.primal


class BufferTrace(Trace):
    """Computes the value, and nothing else."""

    __slots__ = ()

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        y = primitive.impl(*(a.primal if isinstance(a, Buffer) else a for a in args), **params)
        return tuple(map(self.lift, y)) if primitive.multi else self.lift(y)

    def lift(self, value: Any) -> Any:
        """`value` as a buffer, if it is an array of floating point numbers, which derivatives are of."""
        return Buffer(self, value) if isinstance(value, np.ndarray) and value.dtype.kind in "fc" else value

    def frozen(self, tracer: Tracer) -> Any:
        return tracer.primal

    def concrete(self, tracer: Tracer, what: str) -> Any:
        return tracer.primal

    def is_constant(self, tracer: Tracer) -> bool:
        return True


BUFFERS = BufferTrace(level=-1)


def buffer(value: Any) -> Any:
    """`value`, an array that nobody else has, as one that traced values can be written into."""
    tracer = BUFFERS.lift(value)
    if isinstance(tracer, Buffer):
        tracer.memory = Memory(owned=True)
    return tracer

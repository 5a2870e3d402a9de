"""vmap. A batched value carries its batch axis in front, where operations do not see it."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import LostGradientError, user_line
from ..core.primitive import Primitive
from ..core.trace import NUMBERS, Trace, Tracer, aval_of, frozen, plain_array
from ..core.tree import broadcast_prefix, flatten
from . import arguments


class Batched(Tracer):
    """An array whose axis 0 is the batch; its shape is that of one example."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.primal.shape[1:]


class BatchTrace(Trace):
    """Does an operation for all examples at once, by its `batch` rule."""

    __slots__ = ()

    def __init__(self, size: int):
        super().__init__()
        self.state = size

    @property
    def size(self) -> int:
        """Of the batch."""
        return self.state

    def lift(self, value: Any) -> Batched:
        return Batched(self, np.array(np.broadcast_to(value, (self.size, *np.shape(value)))))

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        is_batched = tuple([a.__class__ is Batched and a._trace is self for a in args])
        y = primitive.batch(
            is_batched, *(a.primal if on else a for a, on in zip(args, is_batched, strict=True)), **params
        )
        return tuple(Batched(self, v) for v in y) if primitive.multi else Batched(self, y)

    def concrete(self, tracer: Tracer, what: str) -> Any:
        raise LostGradientError(
            f"vmap: {what} was asked for, and it differs from example to example (at {user_line()}): choose with "
            "np.where, or loop over the examples in Python"
        )


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """f mapped over one axis of its arguments, in one pass over the whole batch.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays, written for one example.
    in_axes : int, None, or a tree of them
        Which axis of each argument runs over the batch; None: the argument is the same for all examples. A tuple has
        one entry per argument, and an entry may be a tree with the structure of its argument.
    out_axes : int or a tree of ints
        Where the batch axis goes in the results.

    Returns
    -------
    callable
        Takes f's arguments, with the batch axes, and returns f's results with a batch axis each. Keyword
        arguments are the same for all examples.

    Raises
    ------
    ValueError
        If the batch axes differ in size, or `in_axes` fits no argument.
    LostGradientError
        If f looks at a value that differs from example to example (in an `if`, say).

    Notes
    -----
    Cost: about that of f on arrays larger by the size of the batch.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> A, x = np.ones((5, 2, 3)), np.ones((5, 3))
    >>> cr.vmap(lambda A, x: A @ x)(A, x).shape
    (5, 2)
    >>> cr.vmap(lambda A, x: A @ x, in_axes=(0, None), out_axes=1)(A, x[0]).shape
    (2, 5)
    """

    @functools.wraps(f, updated=())
    def vmap_f(*args, **kwargs):
        axes_of = in_axes if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
        if len(axes_of) != len(args):
            raise ValueError(f"vmap: in_axes has {len(axes_of)} entries; {len(args)} arguments were given")
        trees, sizes = [], set()
        for i, (arg, prefix) in enumerate(zip(args, axes_of, strict=True)):
            leaves, structure = flatten(arg)
            leaves = [plain_array(x) if isinstance(x, np.ndarray) else frozen(x) for x in leaves]
            axes = broadcast_prefix(prefix, arg, f"vmap: in_axes of argument {i}")
            axes = [axis if axis is None else _axis(axis, leaf, i) for leaf, axis in zip(leaves, axes, strict=True)]
            sizes |= {aval_of(leaf).shape[axis] for leaf, axis in zip(leaves, axes, strict=True) if axis is not None}
            trees.append((structure, leaves, axes))
        if len(sizes) != 1:
            raise ValueError(
                "vmap: no argument has a batch axis; in_axes is None for all of them"
                if not sizes
                else f"vmap: the batch axes have different sizes: {sorted(sizes)}"
            )
        trace = BatchTrace(sizes.pop())
        batched = [
            s.unflatten(
                [x if a is None else Batched(trace, _to_front(x, a)) for x, a in zip(leaves, axes, strict=True)]
            )
            for s, leaves, axes in trees
        ]
        with trace:
            output = f(*batched, **kwargs)
            leaves, structure = flatten(output)
            places = broadcast_prefix(out_axes, output, "vmap: out_axes")
            return structure.unflatten([_unbatched(trace, leaf, a) for leaf, a in zip(leaves, places, strict=True)])

    return vmap_f


def _to_front(x: Any, axis: int) -> Any:
    """`x` with the batch axis in front, in memory, too: what is a view of one example must be one of the batch."""
    return np.copy(np.moveaxis(x, axis, 0), order="C") if axis else x


def _axis(axis: int, leaf: Any, i: int) -> int:
    ndim = len(aval_of(leaf).shape)
    if not -ndim <= axis < ndim:
        raise ValueError(f"vmap: argument {i} has shape {aval_of(leaf).shape}: it has no axis {axis} to map over")
    return axis % ndim


def _unbatched(trace: BatchTrace, leaf: Any, axis: int) -> Any:
    value, _ = arguments.finished(trace, leaf, "vmap", aux=False)
    if isinstance(leaf, Batched) and leaf._trace is trace:
        y = value
    else:
        value = np.asarray(value) if type(value) in NUMBERS else value
        y = np.broadcast_to(value, (trace.size, *value.shape))
    return arguments.result(np.moveaxis(y, 0, axis) if axis else y, np.empty(0))

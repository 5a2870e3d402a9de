"""Sparse Jacobians, in one pass: each value travels with the pieces of its Jacobian (core/slots.py)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.dependence import compact
from ..core.primitive import Primitive
from ..core.slots import Base, Maps, Piece, Stack, fixed
from ..core.trace import Trace, Tracer, aval_of, bind
from .assembly import Structures


class Slotted(Tracer):
    """A value, and the pieces of its Jacobian."""

    __slots__ = ()

    pieces = Tracer.companion


class Context:
    """What is kept from call to call: indices, and the structures that come of them.

    `groups(pattern)` colors the columns of a sparse pattern.
    """

    def __init__(self, groups: Callable[[Any], np.ndarray]):
        self.maps, self.structures, self.groups = Maps(), Structures(), groups
        self.bases: dict[Any, Base] = {}

    def base(self, shapes: tuple[tuple[int, ...], ...], is_complex: bool) -> Base:
        """The inputs, leaf after leaf."""
        return self.bases.setdefault((shapes, is_complex), Base(sum(map(math.prod, shapes)), not is_complex))

    def seed(self, shape: tuple[int, ...], base: Base, start: int = 0) -> Piece:
        """The identity: the derivative of the inputs from number `start` on by themselves."""

        def make(_):
            return np.arange(start + 1, start + math.prod(shape) + 1).reshape(1, *shape)

        return Piece(base, self.maps.get(("seed", shape, start), NOTHING, make), 1)


NOTHING = np.zeros(0)


class SlotsTrace(Trace):
    """Computes the value, and what an operation makes of the pieces."""

    __slots__ = ()

    writes_in_place = False

    def __init__(self, context: Context):
        super().__init__()
        self.state = context

    def lift(self, value: Any) -> Slotted:
        return Slotted(self, value, [])

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        own = [a.__class__ is Slotted and a._trace is self for a in args]
        values = [a.primal if on else a for a, on in zip(args, own, strict=True)]
        if params.get("in_place"):
            params = params | {"in_place": False}
        y = bind(primitive, *values, **params)
        pieces = [a.companion if on else None for a, on in zip(args, own, strict=True)]
        if primitive.jvp is None:
            return y
        if not any(pieces):  # a constant that traced values may be written into
            return tuple(map(self.lift, y)) if primitive.multi else self.lift(y)
        context = self.state
        if primitive.slots is None:
            made = by_products(context, primitive, pieces, y, values, params)
            return (
                tuple(Slotted(self, *v) for v in zip(y, made, strict=True))
                if primitive.multi
                else Slotted(self, y, made[0])
            )
        return Slotted(self, y, primitive.slots(context.maps, pieces, y, *values, **params))


def by_products(context: Context, primitive: Primitive, pieces, y, x, params) -> list[list[Piece]]:
    """The pieces of the outputs of an operation without a rule of its own, from tangents along groups of inputs.

    Inputs are in one group if no element of an output depends on two of them (Curtis, Powell and Reid 1974).
    """
    outputs = y if primitive.multi else (y,)
    found: list[list[Piece]] = [[] for _ in outputs]
    for base in dict.fromkeys(p.base for own in pieces for p in own or []):
        mine = [[p for p in own or [] if p.base is base] for own in pieces]
        columns = _columns(context, primitive, base, mine, y, x, params)
        if columns is None:
            continue
        groups, indices = columns
        dtypes = [v.dtype if v.dtype.kind in "fc" else float for v in outputs]
        coefs = [np.zeros(i.shape, dtype) for i, dtype in zip(indices, dtypes, strict=True)]
        for group in range(int(groups.max(initial=-1)) + 1):
            seed = np.concatenate([[0.0], groups == group])
            tangents = [_tangent(own, seed, v) if own else None for own, v in zip(mine, x, strict=True)]
            slopes = primitive.jvp(tangents, y, *x, **params)  # pyright: ignore[reportOptionalCall]
            if not base.is_real and group == 0:
                _must_be_holomorphic(primitive, tangents, slopes, y, x, params)
            for n, slope in enumerate(slopes if primitive.multi else (slopes,)):
                if slope is not None and coefs[n].size:
                    here = (indices[n] > 0) & (groups[indices[n] - 1] == group)
                    coefs[n] = np.where(here, slope, coefs[n])
        for own, index, coef in zip(found, indices, coefs, strict=True):
            if len(index):
                own.append(Piece(base, index, coef))
    return found


def _columns(context: Context, primitive: Primitive, base: Base, pieces, y, x, params) -> Any:
    """The group of each input, and for each output the inputs that its elements depend on; None if there are none."""
    ids = tuple(tuple(id(p.inputs) for p in own) for own in pieces)
    x = [fixed([v])[0] if np.dtype(aval_of(v).dtype).kind in "iub" else v for v in x]
    shapes = tuple(np.shape(v) for v in x)
    first = next((p for own in pieces for p in own), None)
    if first is None:
        return None

    def find(_):
        deps = [np.concatenate([p.inputs for p in own]) if own else None for own in pieces]
        shaped = [v if hasattr(v, "shape") else aval_of(v) for v in x]
        found = primitive.sparsity(deps, *shaped, **params)
        indices = [compact(np.asarray(d)) for d in (found if primitive.multi else (found,))]
        return context.groups(pattern_of(base.size, indices)), indices

    context.maps.keep([p for own in pieces for p in own])
    key = "columns", primitive.name, repr(params), ids, shapes
    return context.maps.get(key, first.inputs, find, [v for v in x if np.dtype(aval_of(v).dtype).kind in "iub"])


def pattern_of(size: int, indices: list[np.ndarray]) -> Any:
    """Indices of several outputs as a matrix of `size` columns, a row for each of their elements."""
    import scipy.sparse

    rows, columns, start = [], [], 0
    for index in indices:
        flat = np.reshape(index, (len(index), math.prod(index.shape[1:])))
        slot, row = np.nonzero(flat)
        rows.append(row + start)
        columns.append(flat[slot, row] - 1)
        start += flat.shape[1]
    entries = np.concatenate(rows), np.concatenate(columns)
    return scipy.sparse.csr_array((np.ones(len(entries[0])), entries), shape=(start, size))


def _tangent(pieces: list[Piece], seed: np.ndarray, x: Any) -> Any:
    """How x changes when the inputs change by `seed[1:]`."""
    total: Any = sum(np.sum(p.coef * seed[p.inputs], axis=0) for p in pieces)
    return total.astype(x.dtype if hasattr(x, "dtype") else float)


def _must_be_holomorphic(primitive: Primitive, tangents, slopes, y, x, params) -> None:
    turned = primitive.jvp([None if t is None else 1j * t for t in tangents], y, *x, **params)  # pyright: ignore
    for a, b in zip(slopes if primitive.multi else (slopes,), turned if primitive.multi else (turned,), strict=True):
        if a is not None and not np.allclose(1j * a, b, rtol=1e-3, atol=1e-6 * np.max(np.abs(a), initial=0)):
            raise TypeError(
                f"{primitive.name} of these complex numbers is not holomorphic, so that one complex number an entry "
                "cannot hold its derivative; differentiate with respect to the real and the imaginary part"
            )


def blocks_of(value: Any, pieces: Any) -> list[tuple[tuple[int, ...], list[Piece]]]:
    """Of each block of rows the shape of the value and its pieces."""
    if isinstance(pieces, Stack):
        return pieces.blocks()
    return [(np.shape(value), pieces or [])]

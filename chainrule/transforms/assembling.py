"""The numbers of a sparse matrix from those of its pieces, as an operation: so that it can be traced."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.primitive import Aval, Part, Primitive, keeps_nothing
from ..core.slots import Link, gathered
from ..core.trace import bind, is_traced
from ..core.zeros import fit
from .layout import Layout


def entries(layout: Layout, coefs: Sequence[Any], dtype: Any) -> Any:
    """The numbers of the matrix, in the order of its structure; those of the pieces may be traced."""
    coefs = list(coefs)
    if not is_traced(coefs):
        return layout.fill(coefs, dtype)
    known = tuple(c if type(c) in (int, float, complex) else None for c in coefs)
    arrays = [c for c, k in zip(coefs, known, strict=True) if k is None]
    return bind(assemble, *arrays, *positions(layout), layout=layout, known=known, dtype=np.dtype(dtype))


def positions(layout: Layout) -> list[np.ndarray]:
    """The positions that follow no rule: of each write that has such, those in the matrix, and those in its piece."""
    found = []
    for writes in layout.writes:
        for w in writes:
            if not isinstance(w.target, tuple):
                found += [w.target, *(np.asarray(i) for i in w.source[1])]
    return found


def _coefs(arrays: Sequence[Any], known: Sequence[Any]) -> list[Any]:
    """What the pieces hold: numbers that are known, and arrays, which come before the positions."""
    rest = iter(arrays)
    return [next(rest) if k is None else k for k in known]


def _fill(*arrays, layout, known, dtype):
    return layout.fill(_coefs(arrays, known), dtype)


def _parts(*arrays, layout, known, dtype):
    coefs = _coefs(arrays, known)
    places = iter(arrays[sum(k is None for k in known) :])
    parts = []
    if layout.adds:
        parts.append(Part((layout.nnz,), lambda body, j: body.zero(dtype), (0,), (1,)))
    for coef, writes in zip(coefs, layout.writes, strict=True):
        parts += [_part(coef, w, dtype, places, layout.adds) for w in writes]
    return parts


def _part(coef: Any, w: Any, dtype: np.dtype, positions: Iterator[Any], adds: bool) -> Part:
    """A write as a compiled loop does it (core/primitive.py)."""
    shape, part = w.source
    how = {"add": w.how != "set", "apart": not adds}

    def value(body, i):
        if type(coef) in (int, float, complex):
            return body.constant(coef, dtype)
        own = tuple(k if n != 1 else 0 for k, n in zip(i[len(i) - len(coef.shape) :], coef.shape, strict=True))
        return body.cast(coef(own), dtype)

    if isinstance(w.target, tuple):
        offset, extents, strides = w.target
        box = part or tuple(map(range, shape))

        def inner(body, j):
            return value(body, tuple(r.start + k * r.step for r, k in zip(box, j, strict=True)))

        def place(body, j):
            return [sum((k * s for k, s in zip(j, strides, strict=True)), offset)]

        return Part(extents, inner, places=place, **how)
    target = next(positions)
    source = [next(positions) for _ in part]
    return Part(
        target.shape,
        lambda body, j: value(body, tuple(body.position(s(j), n) for s, n in zip(source, shape, strict=True))),
        places=lambda body, j: [target(j)],
        **how,
    )


def _jvp(tangents, y, *arrays, layout, known, dtype):
    count = sum(k is None for k in known)
    given = zip(tangents[:count], arrays[:count], strict=True)
    whole = [np.zeros(a.shape, a.dtype) if t is None else t for t, a in given]
    known = tuple(None if k is None else 0 for k in known)
    return bind(assemble, *whole, *arrays[count:], layout=layout, known=known, dtype=dtype)


def _places(layout: Layout, known: Sequence[Any]) -> list[np.ndarray]:
    return [p for p, k in zip(layout.places, known, strict=True) if k is None]


def _vjp(wanted, ct, y, *arrays, layout, known, dtype):
    def pulled(a, place):
        wide = np.where(place < 0, np.zeros((), ct.dtype), ct[np.maximum(place, 0)])
        return fit(wide, a)

    places = _places(layout, known)
    found = [pulled(a, p) if on else None for on, a, p in zip(wanted, arrays, places, strict=False)]
    return (*found, *(None,) * (len(arrays) - len(found)))


def _slots(wanted, y, *arrays, layout, known, dtype):
    def link(a, place):
        source = np.broadcast_to(np.arange(a.size).reshape(a.shape), place.shape)[place >= 0]
        target = place[place >= 0]
        order = np.argsort(target, kind="stable")
        target = target[order]
        rank = np.arange(len(target)) - np.searchsorted(target, target)
        whole = np.full((int(rank.max(initial=-1)) + 1, layout.nnz), -1)
        whole[rank, target] = source[order]
        return Link(gathered(whole))

    places = _places(layout, known)
    found = [(link(a, p),) if on else () for on, a, p in zip(wanted, arrays, places, strict=False)]
    return (*found, *((),) * (len(arrays) - len(found)))


def _batch(is_batched, *arrays, **params):
    n = next(len(a) for a, on in zip(arrays, is_batched, strict=True) if on)
    rows = [[a[k] if on else a for a, on in zip(arrays, is_batched, strict=True)] for k in range(n)]
    return np.stack([bind(assemble, *row, **params) for row in rows])


assemble = Primitive(
    "assemble",
    impl=_fill,
    aval=lambda *avals, layout, known, dtype: Aval((layout.nnz,), dtype),
    jvp=_jvp,
    vjp=_vjp,
    saves=keeps_nothing,
    batch=_batch,
    slots=_slots,
    parts=_parts,
)

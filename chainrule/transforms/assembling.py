"""The numbers of a sparse matrix from those of its pieces, as an operation: so that it can be traced."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.primitive import Aval, Primitive, keeps_nothing
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
    return bind(assemble, *arrays, layout=layout, known=known, dtype=np.dtype(dtype))


def _fill(*arrays, layout, known, dtype):
    rest = iter(arrays)
    return layout.fill([next(rest) if k is None else k for k in known], dtype)


def _jvp(tangents, y, *arrays, layout, known, dtype):
    whole = [np.zeros(a.shape, a.dtype) if t is None else t for t, a in zip(tangents, arrays, strict=True)]
    return bind(assemble, *whole, layout=layout, known=tuple(None if k is None else 0 for k in known), dtype=dtype)


def _places(layout: Layout, known: Sequence[Any]) -> list[np.ndarray]:
    return [p for p, k in zip(layout.places, known, strict=True) if k is None]


def _vjp(wanted, ct, y, *arrays, layout, known, dtype):
    def pulled(a, place):
        wide = np.where(place < 0, np.zeros((), ct.dtype), ct[np.maximum(place, 0)])
        return fit(wide, a)

    places = _places(layout, known)
    return tuple(pulled(a, p) if on else None for on, a, p in zip(wanted, arrays, places, strict=True))


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
    return tuple((link(a, p),) if on else () for on, a, p in zip(wanted, arrays, places, strict=True))


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
)

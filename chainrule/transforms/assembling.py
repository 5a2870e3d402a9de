"""The entries of a sparse matrix from the coefficients of its pieces, as an operation: so that it can be recorded."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dependence
from ..core.primitive import Aval, Primitive, keeps_nothing
from ..core.slots import Piece, is_number
from ..core.trace import bind
from ..core.zeros import fit
from .assembly import Structure


def entries(structure: Structure, blocks: Sequence[tuple[tuple[int, ...], Sequence[Piece]]], dtype: Any) -> Any:
    """The entries of the matrix, in the order of its structure. The coefficients may be traced."""
    arrays: list[Any] = []
    numbers = []
    for shape, pieces in blocks:
        own = []
        for p in pieces:
            own.append(p.coef if is_number(p.coef) else None)
            if own[-1] is None:
                arrays.append(p.coef)
        numbers.append((shape, tuple(own)))
    if not arrays:
        return structure.data(numbers, dtype)
    return bind(assemble, *arrays, structure=structure, numbers=tuple(numbers), dtype=np.dtype(dtype))


def _filled(arrays: Sequence[Any], numbers: Any) -> list[tuple[tuple[int, ...], list[Any]]]:
    rest = iter(arrays)
    return [(shape, [next(rest) if c is None else c for c in own]) for shape, own in numbers]


def _jvp(tangents, y, *arrays, structure, numbers, dtype):
    without = tuple((shape, tuple(None if c is None else 0 for c in own)) for shape, own in numbers)
    whole = [np.zeros(a.shape, a.dtype) if t is None else t for t, a in zip(tangents, arrays, strict=True)]
    return bind(assemble, *whole, structure=structure, numbers=without, dtype=dtype)


def _vjp(wanted, ct, y, *arrays, structure, numbers, dtype):
    places = [p for p, (_, own) in zip(structure.places, numbers, strict=True) for p in _of_arrays(p, own)]
    shapes = [(shape, None) for shape, own in numbers for c in own if c is None]
    found = []
    for on, a, place, (shape, _) in zip(wanted, arrays, places, shapes, strict=True):
        if on:
            wide = np.where(place < 0, np.zeros((), ct.dtype), ct[np.maximum(place, 0)])
            found.append(fit(np.reshape(wide, (len(place), *shape)), a))
        else:
            found.append(None)
    return tuple(found)


def _of_arrays(places, own):
    return [p for p, c in zip(places, own, strict=True) if c is None]


def _batch(is_batched, *arrays, **params):
    n = next(len(a) for a, on in zip(arrays, is_batched, strict=True) if on)
    rows = [[a[k] if on else a for a, on in zip(arrays, is_batched, strict=True)] for k in range(n)]
    return np.stack([bind(assemble, *row, **params) for row in rows])


assemble = Primitive(
    "assemble",
    impl=lambda *arrays, structure, numbers, dtype: structure.data(_filled(arrays, numbers), dtype),
    aval=lambda *avals, structure, numbers, dtype: Aval((structure.nnz,), dtype),
    jvp=_jvp,
    vjp=_vjp,
    saves=keeps_nothing,
    batch=_batch,
    sparsity=lambda deps, *avals, structure, numbers, dtype: dependence.dense(
        [(d, len(a.shape)) for d, a in zip(deps, avals, strict=True)], (structure.nnz,), 1
    ),
)

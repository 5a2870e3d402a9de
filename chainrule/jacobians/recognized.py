"""Jacobians as structured matrices: what the pieces of slot propagation say of them, and what goes through few sums."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..transforms.slots import spread
from .sparse import Output
from .structures import LowRank, from_pieces, recognize


def structured(y: Output, columns: range, shape: Sequence[int], aside: Sequence[Output]) -> Any:
    """The Jacobian of y in an input of `shape`, the one with these columns.

    The most specific structured matrix, a LowRank if values were set aside on the way, a csr_array if there is none.
    """
    rest = _direct(y, columns, shape)
    numbers = range(y.indices.size, y.indices.size + sum(a.size for a in aside))
    left = y.matrix(numbers, "csc")
    used = np.flatnonzero(np.diff(left.indptr))
    if not len(used):
        return rest
    right = _rows(aside, columns, numbers, used)
    used = used[(right[used] != 0).any(axis=1)]
    if not len(used):
        return rest
    if len(used) >= min(rest.shape):
        return recognize(rest + left @ right)
    empty = not hasattr(rest, "stored") and not rest.nnz
    return LowRank(left[:, used].toarray(), right[used].T, None if empty else rest)


def _direct(y: Output, columns: range, shape: Sequence[int]) -> Any:
    """Without what was set aside."""
    out, pieces = aval_of(y.value).shape, []
    for p in y.pieces:
        whole = spread(y.indices, p, out)
        index = whole.index.array
        here = (index >= columns.start) & (index < columns.stop)
        if not here.all():
            index = np.where(here, index - columns.start, -1)
        elif columns.start:
            index = index - columns.start
        coef = np.broadcast_to(float(c) if isinstance(c := whole.coef, int) else c, index.shape)
        slots = math.prod(index.shape[: index.ndim - len(out)])
        if here.any():
            pieces.append((index.reshape(slots, *out), coef.reshape(slots, *out)))
    found = from_pieces(pieces, out, tuple(shape))
    return recognize(y.matrix(columns, "csr")) if found is None else found


def _rows(aside: Sequence[Output], columns: range, numbers: range, wanted: np.ndarray) -> np.ndarray:
    """The derivatives of what was set aside in the inputs, a row for each number; only of those on the way to `wanted`.

    What was set aside may depend on what was before, whose rows are put in.
    """
    found = np.zeros((len(numbers), len(columns)))
    ends = np.cumsum([a.size for a in aside])
    spans = [slice(end - a.size, end) for a, end in zip(aside, ends, strict=True)]
    inside = [a.matrix(numbers, "csr") for a in aside]
    needed = np.zeros(len(numbers), bool)
    needed[wanted] = True
    for span, own in zip(reversed(spans), reversed(inside), strict=True):
        if needed[span].any():
            needed[own.indices] = True
    for a, span, own in zip(aside, spans, inside, strict=True):
        if needed[span].any():
            found[span] = a.matrix(columns, "csr").toarray() + own @ found
    return found

"""Sparse Jacobians as SciPy's matrices, of functions as they are."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.slots import Piece
from ..core.trace import aval_of, is_traced
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.assembling import entries
from ..transforms.assembly import Structure
from ..transforms.recording import record_leaves
from ..transforms.slots import Context, SlotsTrace, Slotted, blocks_of
from .coloring import coloring
from .replay import Program

Blocks = list[tuple[tuple[int, ...], list[Piece]]]


def column_groups(pattern: Any) -> np.ndarray:
    """The color of each column of a pattern."""
    return coloring(pattern).column_colors


class Slots:
    """The Jacobian of a function of leaves by slots; what is found out of its structure is kept."""

    def __init__(self) -> None:
        self.context = Context(column_groups)

    def run(self, f: Callable[..., Any], leaves: Sequence[Any]) -> tuple[Any, Any, list[Blocks], Any]:
        """The output and `aux`, then for each leaf of the output its blocks of rows, and their base.

        `f(*leaves)` returns the output and aux.
        """
        shapes = tuple(np.shape(x) for x in leaves)
        base = self.context.base(shapes, any(aval_of(x).dtype.kind == "c" for x in leaves))
        trace, start, seeded = SlotsTrace(self.context), 0, []
        with trace:
            for x, shape in zip(leaves, shapes, strict=True):
                seeded.append(Slotted(trace, x, [self.context.seed(shape, base, start)]))
                start += math.prod(shape)
            output, aux = f(*seeded)
            outputs, structure = flatten(output)
            finished = [arguments.finished(trace, y, "jacobian", aux=False) for y in outputs]
        ys = [y for y, _ in finished]
        return structure.unflatten(ys), aux, [blocks_of(y, pieces) for y, pieces in finished], base

    def entries(self, f: Callable[..., Any], leaves: Sequence[Any]) -> tuple[Any, Structure]:
        """The entries of the whole matrix, which may be traced, and its structure."""
        y, _, blocks, base = self.run(f, leaves)
        rows = [block for one in blocks for block in one]
        structure = self.context.structures.get(rows, base.size)
        dtype = np.result_type(*(aval_of(v).dtype for v in (*flatten(y)[0], *leaves)))
        return entries(structure, rows, dtype), structure


class Prepared:
    """A sparse Jacobian whose structure is known: :meth:`structure`, and :meth:`data` at a point.

    It is made by `cr.jacobian(f, sparse=True).prepare(x)`. The operations that the entries come from have been
    recorded, and nothing else is done at a call: what f computes besides, the pattern, the arithmetic of zeros and ones
    fall away. What f takes from its surroundings is as it was when the Jacobian was prepared.
    """

    def __init__(
        self, slots: Slots, f: Callable[..., Any], leaves: Sequence[Any], flat: Callable[..., Any], format: str
    ):
        self._flat, self._format = flat, format

        structures: list[Structure] = []

        def data(*xs):
            found, structure = slots.entries(f, xs)
            structures.append(structure)
            return found

        self._program = Program(record_leaves(data, leaves)[0])
        self._structure: Structure = structures[-1]
        self.shape = self._structure.shape
        self.nnz = self._structure.nnz

    def __repr__(self) -> str:
        m, n = self.shape
        return f"<prepared Jacobian of shape {m} x {n}, {self.nnz} entries, {len(self._program.calls)} operations>"

    def structure(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each entry: two integer arrays of shape `(nnz,)`, by rows."""
        return self._structure.coordinates

    def data(self, *args: Any) -> np.ndarray:
        """The entries at a point, in the order of :meth:`structure`. Shape: `(nnz,)`.

        Raises
        ------
        ValueError
            If what f looks at (in an `if`, or as an index) is different there.
        """
        found = self._program(self._flat(*args))[0]
        return found if found.flags.writeable and found.base is None else found.copy()

    def __call__(self, *args: Any) -> Any:
        """The Jacobian at a point, in the format that was asked for."""
        return self._structure.matrix(self.data(*args), self._format)


def matrices(slots: Slots, blocks: list[Blocks], base: Any, ys: Sequence[Any], leaves: Sequence[Any], format: str):
    """For each leaf of the output, for each of the input, the block of the Jacobian."""
    bounds = np.cumsum([0, *(math.prod(np.shape(x)) for x in leaves)])
    found = []
    for y, own in zip(ys, blocks, strict=True):
        if is_traced([p.coef for _, pieces in own for p in pieces]):
            raise TypeError(
                "jacobian: SciPy's matrices cannot hold traced numbers: take the entries, "
                "cr.jacobian(f, sparse=True).prepare(x).data, or a dense Jacobian"
            )
        whole = slots.context.structures.matrix(
            own, base.size, np.result_type(*(aval_of(v).dtype for v in (y, *leaves)))
        )
        if len(leaves) == 1:
            found.append([whole if format == "csr" else whole.asformat(format)])
        else:
            found.append([whole[:, a:b].asformat(format) for a, b in itertools.pairwise(bounds)])
    return found

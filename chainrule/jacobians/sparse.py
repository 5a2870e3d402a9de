"""Sparse Jacobians and their patterns: by slots, in one pass over the operations (transforms/slots.py)."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import user_line
from ..core.trace import aval_of, is_traced
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.assembling import entries
from ..transforms.layout import Layout, Stacked, Structure
from ..transforms.recording import record_leaves
from ..transforms.slots import Indices, Piece, SlotTrace, dtype_of_coefs

SHAPES = 8
"""Of so many shapes of arguments indices are remembered."""


def sparsity(f: Callable[..., Any], x: Any, local: bool = False) -> Any:
    """Which entries of the Jacobian of f can be other than zero.

    Parameters
    ----------
    f : callable
        A NumPy function of one argument that returns an array or a tree of arrays.
    x : array or tree of arrays of floats
        An argument; of the global pattern only shapes and dtypes matter.
    local : bool
        False: the pattern holds for every x, which includes both branches of `np.where` and all that a maximum may
        choose. True: it is that at x, where branches and indices that depend on values are those that x takes.

    Returns
    -------
    scipy.sparse.csr_array
        Of booleans, with a row per output element and a column per input element, both in C order. If the output is a
        tree, so is the result, and every leaf of it is a tree like x.

    Raises
    ------
    ValueError
        If f looks at values (in an `if`, or as an index) and `local` is False. The message names the line.
    TypeError
        If x is not floating point, or f returns something that is no array of numbers.

    Notes
    -----
    Cost: one evaluation of f, and some tens of nanoseconds for each entry of the pattern.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.sparsity(lambda x: x[1:] * x[:-1], np.ones(3)).toarray()
    array([[ True,  True, False],
           [False,  True,  True]])
    """
    leaves, structure = flatten(x)
    leaves = [np.asarray(arguments.differentiable(leaf, "sparsity", "the argument")) for leaf in leaves]
    indices = Indices([leaf.shape for leaf in leaves])
    trace = SlotTrace(indices, "local" if local else "global")
    with trace:
        outputs, out_structure = flatten(f(structure.unflatten(trace.seed(leaves))))
        finished = [arguments.finished(trace, y, "sparsity", aux=False) for y in outputs]

    def block(value: Any, pieces: Any, columns: range) -> Any:
        layout = Layout([(p.index.array, p.box) for p in pieces or ()], aval_of(value).shape, columns)
        return layout.matrix(np.ones(layout.nnz, bool), once=True)

    rows = [structure.unflatten([block(*y, columns) for columns in indices.columns]) for y in finished]
    return out_structure.unflatten(rows)


class Output:
    """A leaf of what a function returns, with its pieces."""

    def __init__(self, indices: Indices, value: Any, pieces: Sequence[Piece], leaves: Sequence[Any]):
        self.indices, self.value, self.pieces = indices, arguments.array(value), pieces
        self.size = math.prod(aval_of(self.value).shape)
        self.dtypes = [aval_of(x).dtype for x in leaves]

    def layout(self, columns: range) -> Layout:
        """That of its Jacobian in some of the inputs."""
        return self.indices.layout(self.pieces, aval_of(self.value).shape, columns)

    def entries(self, columns: range) -> Any:
        """The numbers of its Jacobian, which may be traced."""
        coefs = [p.coef for p in self.pieces]
        dtype = dtype_of_coefs(coefs, np.result_type(aval_of(self.value).dtype, *self.dtypes))
        return entries(self.layout(columns), coefs, dtype)

    def matrix(self, columns: range, format: str) -> Any:
        """Its Jacobian in some of the inputs, as a matrix of SciPy's."""
        data = self.entries(columns)
        if is_traced([data]):
            raise TypeError(
                f"jacobian: SciPy's matrices cannot hold traced numbers (at {user_line()}): take the entries, "
                "cr.jacobian(f, sparse=True).entries(x), or a dense Jacobian"
            )
        return self.layout(columns).matrix(data, format)


class Run(NamedTuple):
    """What has come of a function of leaves: those of the output, their structure, `aux`, and what was set aside."""

    outputs: list[Output]
    structure: Any
    aux: Any
    indices: Indices
    aside: list[Output]

    @property
    def whole(self) -> Structure:
        """Of the whole matrix, with a row per output element and a column per input element."""
        layouts = [y.layout(range(self.indices.size)) for y in self.outputs]
        return layouts[0] if len(layouts) == 1 else Stacked(layouts, self.indices.size)


class Slots:
    """The Jacobian of a function of leaves by slots; what is found out of its structure is kept."""

    def __init__(self) -> None:
        self._known: dict[Any, Indices] = {}

    def run(self, f: Callable[..., Any], leaves: Sequence[Any], mode: str = "values", aside: bool = False) -> "Run":
        """Evaluates `f(*leaves)`, which returns the output and aux, with the pieces of what is on the way."""
        indices = self._indices(leaves)
        trace = SlotTrace(indices, mode, aside)
        with trace:
            output, aux = f(*trace.seed(leaves))
            found, structure = flatten(output)
            finished = [arguments.finished(trace, y, "jacobian", aux=False) for y in found]
            aux = arguments.without_tracers(trace, aux, "jacobian")
            set_aside = trace.state.aside or ()
        outputs = [Output(indices, y, pieces or (), leaves) for y, pieces in finished]
        return Run(outputs, structure, aux, indices, [Output(indices, *a, leaves) for a in set_aside])

    def _indices(self, leaves: Sequence[Any]) -> Indices:
        shapes = tuple(aval_of(x).shape for x in leaves)
        key = shapes, any(aval_of(x).dtype.kind == "c" for x in leaves)
        if key not in self._known:
            if len(self._known) >= SHAPES:
                self._known.clear()
            self._known[key] = Indices(*key)
        self._known[key].tidy()
        return self._known[key]

    def entries(self, f: Callable[..., Any], leaves: Sequence[Any]) -> tuple[Any, Structure]:
        """The numbers of the whole matrix, which may be traced, and its structure."""
        run = self.run(f, leaves)
        found = [y.entries(range(run.indices.size)) for y in run.outputs]
        return found[0] if len(found) == 1 else np.concatenate([np.zeros(0), *found]), run.whole


class ChangedPattern(ValueError):
    """A prepared derivative was asked for where the function does something else than where it was prepared."""


class Prepared:
    """A sparse Jacobian whose structure is known: :meth:`structure`, and :meth:`data` at a point.

    It is made by `cr.jacobian(f, sparse=True).prepare(x)`. The operations that the entries come from have been
    recorded, and compiled (:func:`chainrule.compile`) with what puts each entry in its place; nothing else is done at a
    call: what f computes besides, the pattern, the arithmetic of zeros and ones fall away. What f takes from its
    surroundings is as it was when the Jacobian was prepared.
    """

    def __init__(
        self, slots: Slots, f: Callable[..., Any], leaves: Sequence[Any], flat: Callable[..., Any], format: str
    ):
        from ..compiler.program import Program

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
        count = len(self._program.graph.equations)
        return f"<prepared Jacobian of shape {m} x {n}, {self.nnz} entries, {count} operations>"

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
        found = self._program(self._flat(*args))
        if found is None:
            raise ChangedPattern(
                "what the function looked at (in an `if`, or as an index) is different here from where the "
                "Jacobian was prepared, so that its entries are others: prepare it again, or call it unprepared"
            )
        return found[0] if found[0].flags.writeable and found[0].base is None else found[0].copy()

    def __call__(self, *args: Any) -> Any:
        """The Jacobian at a point, in the format that was asked for."""
        return self._structure.matrix(self.data(*args), self._format)

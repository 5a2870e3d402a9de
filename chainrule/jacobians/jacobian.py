"""`jacobian` and `hessian`: the same matrix, dense or sparse, by whichever way is cheapest."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.trace import aval_of
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.layout import Structure
from ..transforms.reverse import grad
from .colored import Colored
from .coloring import Coloring
from .dense import FEW, dense_jacobian
from .recognized import structured
from .sparse import Prepared, Run, Slots
from .structures import recognize

MODES = ("auto", "forward", "reverse", "slots", "colored")
FORMATS = ("csr", "csc", "coo", "bsr")


class Options(NamedTuple):
    """How a Jacobian is to be computed, and what it is to be."""

    who: str
    mode: str
    sparse: bool = False
    structure: bool = False
    flatten: bool = False
    format: str = "csr"
    chunk: int | None = None
    has_aux: bool = False

    def check(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"{self.who}: mode is one of {', '.join(MODES)}; got {self.mode!r}")
        if self.format not in FORMATS:
            raise ValueError(f"{self.who}: format is one of {', '.join(FORMATS)}; got {self.format!r}")
        if (self.sparse or self.structure) and self.mode in ("forward", "reverse"):
            wanted = "sparse" if self.sparse else "structured"
            raise ValueError(f"{self.who}: a {wanted} one is made in mode 'slots' or 'colored'; got mode {self.mode!r}")

    @property
    def is_dense(self) -> bool:
        return not (self.sparse or self.structure)

    def choice(self, m: int, n: int) -> str:
        """The mode that "auto" stands for, for so many outputs and inputs."""
        if self.mode != "auto":
            return self.mode
        return "slots" if not self.is_dense else "reverse" if m < n and n > FEW else "forward"


class Jacobian:
    """The Jacobian of a function, as a function of the same arguments; made by :func:`jacobian` and :func:`hessian`."""

    def __init__(self, f: Callable[..., Any], argnums: int | Sequence[int], options: Options, name: str):
        options.check()
        self._f, self._argnums, self._options, self._name = f, argnums, options, name
        self._slots, self._colored = Slots(), Colored(symmetric=options.who == "hessian")
        functools.update_wrapper(self, f, updated=())

    def __repr__(self) -> str:
        kind = "sparse " if self._options.sparse else "structured " if self._options.structure else ""
        return f"<{kind}{self._options.who} of {self._name}>"

    # ---- at a point

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        o = self._options
        if o.is_dense and o.mode in ("auto", "forward", "reverse"):
            made = dense_jacobian(self._f, self._argnums, o.mode, o.has_aux, o.chunk)(*args, **kwargs)
            J, *aux = made if o.has_aux else (made,)
            J = self._flat(J, *args) if o.flatten else J
            return (J, *aux) if o.has_aux else J
        leaves, structure, of_leaves = self._of_leaves(args, kwargs)
        run, rows = (self._by_color if o.mode == "colored" else self._by_slots)(of_leaves, leaves)
        if o.is_dense:
            rows = [[m.toarray() for m in row] for row in rows]
            if not o.flatten:
                rows = [
                    [np.reshape(m, (*np.shape(y.value), *np.shape(x))) for m, x in zip(row, leaves, strict=True)]
                    for row, y in zip(rows, run.outputs, strict=True)
                ]
        J = run.structure.unflatten([structure.unflatten(row) for row in rows])
        return (J, run.aux) if o.has_aux else J

    def _by_slots(self, f: Callable[..., Any], leaves: Sequence[Any]) -> tuple[Run, list[list[Any]]]:
        """For each leaf of the output, for each of the input, the block of the Jacobian."""
        o = self._options
        run = self._slots.run(f, leaves, aside=o.structure)
        if o.structure:
            inputs = [(columns, np.shape(x)) for columns, x in zip(run.indices.columns, leaves, strict=True)]
            return run, [[structured(y, *x, run.aside) for x in inputs] for y in run.outputs]
        return run, [[y.matrix(columns, o.format) for columns in run.indices.columns] for y in run.outputs]

    def _by_color(self, f: Callable[..., Any], leaves: Sequence[Any]) -> tuple[Run, list[list[Any]]]:
        """The same."""
        o = self._options
        if any(aval_of(x).dtype.kind == "c" for x in leaves):
            raise TypeError(f"{o.who}: mode 'colored' is for real arguments; use mode 'slots'")
        run = self._slots.run(f, leaves, "local")
        whole = self._colored.matrix(f, leaves, run.whole, o.chunk)
        ends = np.cumsum([0, *(y.size for y in run.outputs)])
        rows = [whole[a:b] for a, b in itertools.pairwise(ends)] if len(ends) > 2 else [whole]
        blocks = [[row[:, c.start : c.stop] for c in run.indices.columns] if len(leaves) > 1 else [row] for row in rows]
        return run, [[recognize(b) if o.structure else b.asformat(o.format) for b in row] for row in blocks]

    def _of_leaves(self, args: Any, kwargs: Any) -> tuple[list[Any], Any, Callable[..., Any]]:
        """The leaves of the chosen arguments, their structure, and f of leaves, which returns the result and aux."""
        who, has_aux = self._options.who, self._options.has_aux
        positions = arguments.argument_positions(self._argnums, len(args), who)
        several = isinstance(self._argnums, tuple | list)
        leaves, structure = flatten(tuple(args[i] for i in positions) if several else args[positions[0]])
        leaves = [arguments.differentiable(x, who, "an argument") for x in leaves]

        def of_leaves(*xs):
            tree = structure.unflatten(list(xs))
            whole = arguments.of_arguments(self._f, args, kwargs, positions)
            y = whole(*tree) if several else whole(tree)
            return arguments.split_aux(y, has_aux, who) if has_aux else (y, None)

        return leaves, structure, of_leaves

    def _flat(self, J: Any, *args: Any) -> Any:
        """Every block as a matrix with a row per output element and a column per input element."""
        positions = arguments.argument_positions(self._argnums, len(args), self._options.who)
        several = isinstance(self._argnums, tuple | list)
        leaves = flatten(tuple(args[i] for i in positions) if several else args[positions[0]])[0]
        blocks, structure = flatten(J)
        sizes = [math.prod(np.shape(x)) for x in leaves]
        flat = []
        for k, block in enumerate(blocks):
            n = sizes[k % len(sizes)]
            m = block.size // n if n else math.prod(block.shape[: block.ndim - np.ndim(leaves[k % len(sizes)])])
            flat.append(np.reshape(block, (m, n)))
        return structure.unflatten(flat)

    def entries(self, *args: Any, **kwargs: Any) -> Any:
        """The entries of the sparse Jacobian, row by row, as an array that has derivatives itself. Shape: `(nnz,)`."""
        leaves, _, of_leaves = self._of_leaves(args, kwargs)
        return self._slots.entries(of_leaves, leaves)[0]

    # ---- before

    def plan(self, *args: Any, **kwargs: Any) -> "Plan":
        """What a call with these arguments will do, why, and what the other ways would cost: an object to print.

        Cost: that of the pattern and of a coloring of it, about two to ten evaluations of f.
        """
        leaves, _, of_leaves = self._of_leaves(args, kwargs)
        run = self._slots.run(of_leaves, leaves, "local")
        coefficients = sum(p.index.array.size for y in run.outputs for p in y.pieces)
        return Plan(self._options, self._name, run.whole, coefficients, self._colored.coloring(run.whole))

    def prepare(self, *args: Any, **kwargs: Any) -> Prepared:
        """The sparse Jacobian with its structure fixed, for solvers that ask for the entries again and again.

        Parameters
        ----------
        *args, **kwargs
            Arguments as f takes them; the shapes and dtypes of those that are differentiated stay.

        Returns
        -------
        Prepared
            With `.structure()`, `.data(*args)` and `.shape`; calling it returns the matrix.

        Raises
        ------
        TypeError
            If the Jacobian is not a sparse one, or f has aux.

        Examples
        --------
        >>> import numpy as np
        >>> import chainrule as cr
        >>> J = cr.jacobian(lambda x: x[1:] * x[:-1], sparse=True).prepare(np.ones(3))
        >>> J.structure()
        (array([0, 0, 1, 1]), array([0, 1, 1, 2], dtype=int32))
        >>> J.data(np.array([1.0, 2.0, 3.0]))
        array([2., 1., 3., 2.])
        """
        who = self._options.who
        if not self._options.sparse or self._options.has_aux:
            raise TypeError(f"{who}: only a sparse one without aux can be prepared: {who}(f, sparse=True).prepare(x)")
        leaves, _, of_leaves = self._of_leaves(args, kwargs)
        shapes = [(np.shape(x), aval_of(x).dtype) for x in leaves]

        def flat(*given):
            found = self._of_leaves(given, kwargs)[0]
            if [(np.shape(x), aval_of(x).dtype) for x in found] != shapes:
                raise ValueError(
                    f"{who}: it was prepared for arrays of {', '.join(f'{d}{s}' for s, d in shapes)}; got "
                    f"{', '.join(f'{aval_of(x).dtype}{np.shape(x)}' for x in found)}: prepare it again"
                )
            return found

        return Prepared(Slots(), of_leaves, leaves, flat, self._options.format)


class Plan:
    """What a Jacobian will do: print it."""

    def __init__(self, options: Options, name: str, structure: Structure, coefficients: int, colors: Coloring):
        self.options, self.name, self.shape, self.entries = options, name, structure.shape, structure.nnz
        self.coefficients, self.colors = coefficients, colors
        self.mode = options.choice(*self.shape)

    def __str__(self) -> str:
        m, n = self.shape
        share = 100 * self.entries / max(m * n, 1)
        kind = "dense" if self.options.is_dense else "sparse" if self.options.sparse else "structured"
        ways = {
            "forward": f"{n} forward passes, one for each input, in one batch",
            "reverse": f"{m} reverse passes, one for each output, in one batch",
            "slots": f"one pass over the operations, {self.coefficients} coefficients at its end",
            "colored": f"{self.colors.num_colors} passes after one for the pattern: {self.colors.kind} coloring",
        }
        lines = [
            f"{self.options.who} of {self.name}, {m} x {n}: {self.entries} entries can be other than zero "
            f"({share:.3g} %); the result is {kind}"
        ]
        return "\n".join(lines + [f"{'->' if way == self.mode else '  '} {way}: {does}" for way, does in ways.items()])

    __repr__ = __str__


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    mode: str = "auto",
    sparse: bool = False,
    structure: bool = False,
    flatten: bool = False,
    format: str = "csr",
    chunk: int | None = None,
    has_aux: bool = False,
) -> Jacobian:
    """The Jacobian of f as a function of the same arguments, in numerator layout.

    Parameters
    ----------
    f : callable
        A NumPy function that returns an array or a tree of arrays.
    argnums : int or sequence of ints
        Which positional arguments to differentiate with respect to.
    mode : "auto", "forward", "reverse", "slots" or "colored"
        Forward costs a pass per input element, reverse one per output element; slots is one pass in which every
        element travels with the inputs that it depends on and with their coefficients; colored finds the pattern first
        and takes a pass per color of it (see :func:`coloring`). "auto" takes slots for a sparse or structured
        Jacobian, else the cheaper of the first two; `.plan(x)` of the result says what it takes, and what the others
        would cost.
    sparse : bool
        Whether to return matrices of `scipy.sparse` instead of arrays, of what can be other than zero.
    structure : bool
        Whether to return structured matrices: :class:`Diagonal`, :class:`BlockDiagonal`, :class:`Banded`,
        :class:`Stencil`, or :class:`LowRank` if much of it goes through few sums; a csr_array if it is none of these.
    flatten : bool
        Whether arrays are matrices with a row per output element and a column per input element, both in C order, as
        sparse ones always are.
    format : "csr", "csc", "coo" or "bsr"
        That of a sparse Jacobian.
    chunk : int, optional
        How many passes at a time are done together, but in mode slots: less memory, more time.
    has_aux : bool
        Whether f returns `(result, aux)`.

    Returns
    -------
    Jacobian
        Takes f's arguments. For f from shape `S_in` to `S_out` it returns an array of shape `S_out + S_in`: the
        derivative of a vector by a number is a column, that of a number by a vector a row. Flattened or sparse it has
        two axes. If the output is a tree, so is the result, and every leaf of it is a tree like the argument (a tuple
        of those if argnums is a sequence). With `has_aux` it returns `(jacobian, aux)`. It has the methods
        `.plan(*args)` and, if sparse, `.prepare(*args)`.

    Raises
    ------
    ValueError
        If `mode` or `format` is none of those.
    TypeError
        If an argument is not floating point, or f of a complex argument is not holomorphic: one complex number an
        entry cannot hold its derivative.

    Notes
    -----
    Cost: about that of f times the number of input elements (forward) or two to four times that of output elements
    (reverse), in one batched pass; for complex arguments one forward pass more, which finds out whether f is
    holomorphic. A sparse one takes a few evaluations of f and time in proportion to the entries; which inputs an
    element depends on is found anew at each call, so branches and computed positions may change, but what has been
    done to indices is remembered, so that later calls are quicker.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.jacobian(lambda x: np.stack([x[0] * x[1], x[0] + x[1], x[1]]))(np.array([2.0, 5.0]))
    array([[5., 2.],
           [1., 1.],
           [0., 1.]])
    >>> J = cr.jacobian(lambda x: x[1:] * x[:-1], sparse=True)(np.arange(1.0, 1e5))
    >>> J.shape, J.nnz
    ((99998, 99999), 199996)
    """
    name = getattr(f, "__name__", type(f).__name__)
    options = Options("jacobian", mode, sparse, structure, flatten, format, chunk, has_aux)
    return Jacobian(f, argnums, options, name)


def hessian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    mode: str = "auto",
    sparse: bool = False,
    structure: bool = False,
    flatten: bool = False,
    format: str = "csr",
    chunk: int | None = None,
) -> Jacobian:
    """The Hessian of f, a function that returns a single real number: forward over reverse, or slots over reverse.

    Parameters
    ----------
    f : callable
        A NumPy function that returns a single real number.
    argnums : int or sequence of ints
        Which positional arguments to differentiate with respect to.
    mode : "auto", "forward", "reverse", "slots" or "colored"
        How the gradient is differentiated, as in :func:`jacobian`; "colored" takes a star coloring.
    sparse, structure, flatten, format, chunk
        As in :func:`jacobian`. A function of sums has a Hessian with a part of low rank, which `structure` keeps so.

    Returns
    -------
    Jacobian
        Takes f's arguments; for an argument of shape `S` it returns an array of shape `S + S`, or a sparse matrix with
        a row and a column per element; for trees the trees of blocks. It has the methods of a Jacobian.

    Raises
    ------
    TypeError
        If f does not return a single real number, or an argument is not floating point.

    Notes
    -----
    Cost: a gradient for every element of the argument, in one batched pass; of a sparse one that of a few gradients.
    For products with a few vectors use :func:`hvp`.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    >>> cr.hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2), sparse=True)(np.ones(1000)).nnz
    2997
    """
    name = getattr(f, "__name__", type(f).__name__)
    mode = "forward" if mode == "auto" and not (sparse or structure) else mode
    options = Options("hessian", mode, sparse, structure, flatten, format, chunk)
    return Jacobian(grad(f, argnums), argnums, options, name)

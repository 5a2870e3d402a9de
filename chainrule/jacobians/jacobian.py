"""`jacobian` and `hessian`: the same matrix, dense or sparse, by whichever way is cheapest."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.reverse import grad
from .dense import dense_jacobian
from .sparse import Prepared, Slots, size_of

MODES = ("auto", "forward", "reverse", "slots")
FORMATS = ("csr", "csc", "coo", "bsr")


class Jacobian:
    """The Jacobian of a function, as a function of the same arguments; made by :func:`jacobian` and :func:`hessian`."""

    def __init__(self, f, argnums, mode, sparse, flatten, format, chunk, has_aux, who, name):
        self._f, self._argnums, self._who, self._name = f, argnums, who, name
        self._mode, self._sparse, self._flatten, self._format = mode, sparse, flatten, format
        self._chunk, self._has_aux = chunk, has_aux
        self._slots = Slots()
        functools.update_wrapper(self, f, updated=())

    def __repr__(self) -> str:
        return f"<{'sparse ' if self._sparse else ''}{self._who} of {self._name}>"

    # ---- at a point

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._sparse and self._mode != "slots":
            made = dense_jacobian(self._f, self._argnums, self._mode, self._has_aux, self._chunk)(*args, **kwargs)
            J, *aux = made if self._has_aux else (made,)
            J = self._flat(J, *args) if self._flatten else J
            return (J, *aux) if self._has_aux else J
        leaves, structure, of_leaves = self._of_leaves(args, kwargs)
        outputs, out_structure, aux, indices = self._slots.run(of_leaves, leaves)
        rows = [[y.matrix(columns, self._format) for columns in indices.columns] for y in outputs]
        if not self._sparse:
            rows = [[m.toarray() for m in row] for row in rows]
            if not self._flatten:
                rows = [
                    [np.reshape(m, (*np.shape(y.value), *np.shape(x))) for m, x in zip(row, leaves, strict=True)]
                    for row, y in zip(rows, outputs, strict=True)
                ]
        J = out_structure.unflatten([structure.unflatten(row) for row in rows])
        return (J, aux) if self._has_aux else J

    def _of_leaves(self, args: Any, kwargs: Any) -> tuple[list[Any], Any, Callable[..., Any]]:
        """The leaves of the chosen arguments, their structure, and f of leaves, which returns the result and aux."""
        positions = arguments.argument_positions(self._argnums, len(args), self._who)
        several = isinstance(self._argnums, tuple | list)
        leaves, structure = flatten(tuple(args[i] for i in positions) if several else args[positions[0]])
        leaves = [arguments.differentiable(x, self._who, "an argument") for x in leaves]

        def of_leaves(*xs):
            tree = structure.unflatten(list(xs))
            whole = arguments.of_arguments(self._f, args, kwargs, positions)
            y = whole(*tree) if several else whole(tree)
            return arguments.split_aux(y, self._has_aux, self._who) if self._has_aux else (y, None)

        return leaves, structure, of_leaves

    def _flat(self, J: Any, *args: Any) -> Any:
        """Every block as a matrix with a row per output element and a column per input element."""
        positions = arguments.argument_positions(self._argnums, len(args), self._who)
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
        """What a call with these arguments will do, why, and with which figures: an object to print.

        Cost: that of the pattern, about two to five evaluations of f.
        """
        leaves, _, of_leaves = self._of_leaves(args, kwargs)
        outputs, _, _, indices = self._slots.run(of_leaves, leaves)
        every = range(indices.size)
        m = size_of([y.value for y in outputs])
        entries = sum(y.layout(every).nnz for y in outputs)
        return Plan(self, m, indices.size, entries, sum(p.index.array.size for y in outputs for p in y.pieces))

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
        if not self._sparse or self._has_aux:
            raise TypeError(
                f"{self._who}: only a sparse one without aux can be prepared: {self._who}(f, sparse=True).prepare(x)"
            )
        leaves, _, of_leaves = self._of_leaves(args, kwargs)
        shapes = [(np.shape(x), aval_of(x).dtype) for x in leaves]

        def flat(*given):
            found = self._of_leaves(given, kwargs)[0]
            if [(np.shape(x), aval_of(x).dtype) for x in found] != shapes:
                raise ValueError(
                    f"{self._who}: it was prepared for arrays of {', '.join(f'{d}{s}' for s, d in shapes)}; got "
                    f"{', '.join(f'{aval_of(x).dtype}{np.shape(x)}' for x in found)}: prepare it again"
                )
            return found

        return Prepared(Slots(), of_leaves, leaves, flat, self._format)


class Plan:
    """What a Jacobian will do: print it."""

    def __init__(self, jacobian: Jacobian, m: int, n: int, entries: int, products: int):
        self.shape, self.entries, self.products = (m, n), entries, products
        self.sparse = jacobian._sparse
        mode = jacobian._mode
        self.mode = mode if mode != "auto" else "slots" if jacobian._sparse else "reverse" if m < n else "forward"
        self.name = jacobian._name

    def __str__(self) -> str:
        m, n = self.shape
        share = 100 * self.entries / max(m * n, 1)
        reasons = {
            "slots": f"one pass over the operations of {self.name}, {self.products} coefficients at its end",
            "forward": f"{n} forward passes, one for each input, in one batch",
            "reverse": f"{m} reverse passes, one for each output, in one batch",
        }
        return (
            f"{m} x {n} Jacobian of {self.name}: {self.entries} entries can be other than zero ({share:.3g} %)\\n"
            f"mode {self.mode}: {reasons[self.mode]}\\n"
            f"the result is {'sparse, with these entries' if self.sparse else f'dense, with {m * n} numbers'}"
        )

    __repr__ = __str__


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    mode: str = "auto",
    sparse: bool = False,
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
    mode : "auto", "forward", "reverse" or "slots"
        Forward costs a pass per input element, reverse one per output element; slots is one pass in which every
        element travels with the inputs that it depends on and with their coefficients. "auto" takes slots for a sparse
        Jacobian, else the cheaper of the first two; `.plan(x)` of the result says what it takes, and why.
    sparse : bool
        Whether to return matrices of `scipy.sparse` instead of arrays, of what can be other than zero.
    flatten : bool
        Whether arrays are matrices with a row per output element and a column per input element, both in C order, as
        sparse ones always are.
    format : "csr", "csc", "coo" or "bsr"
        That of a sparse Jacobian.
    chunk : int, optional
        How many passes at a time are done together in forward or reverse mode: less memory, more time.
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
    if mode not in MODES:
        raise ValueError(f"jacobian: mode is one of {', '.join(MODES)}; got {mode!r}")
    if format not in FORMATS:
        raise ValueError(f"jacobian: format is one of {', '.join(FORMATS)}; got {format!r}")
    if sparse and mode in ("forward", "reverse"):
        raise ValueError(f"jacobian: a sparse Jacobian is made in mode 'slots'; got mode {mode!r}")
    name = getattr(f, "__name__", type(f).__name__)
    return Jacobian(f, argnums, mode, sparse, flatten, format, chunk, has_aux, "jacobian", name)


def hessian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, sparse: bool = False, format: str = "csr"
) -> Jacobian:
    """The Hessian of f, a function that returns a single real number: forward over reverse, or slots over reverse.

    Parameters
    ----------
    f : callable
        A NumPy function that returns a single real number.
    argnums : int or sequence of ints
        Which positional arguments to differentiate with respect to.
    sparse : bool
        Whether to return matrices of `scipy.sparse` instead of arrays.
    format : "csr", "csc", "coo" or "bsr"
        That of a sparse Hessian.

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
    if format not in FORMATS:
        raise ValueError(f"hessian: format is one of {', '.join(FORMATS)}; got {format!r}")
    name = getattr(f, "__name__", type(f).__name__)
    mode = "slots" if sparse else "forward"
    return Jacobian(grad(f, argnums), argnums, mode, sparse, False, format, None, False, "hessian", name)

"""Dense Jacobians and Hessians, by a batch of forward or of reverse passes.

One layout convention, numerator layout: for f from shape `S_in` to shape `S_out` the Jacobian has shape
`S_out + S_in`. The derivative of a vector by a number is a column, that of a number by a vector a row, that of a
number by a matrix is shaped like the matrix.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.batching import vmap
from ..transforms.forward import jvp
from ..transforms.reverse import grad, vjp
from .choice import Choice
from .sparse import SparseJacobian

MODES = ("auto", "forward", "reverse", "slots", "colored")


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
) -> Any:
    """The Jacobian of f as a function of the same arguments, in numerator layout.

    Parameters
    ----------
    f : callable
        A NumPy function that returns an array or a tree of arrays.
    argnums : int or sequence of ints
        Which positional arguments to differentiate with respect to.
    mode : "auto", "forward", "reverse", "slots" or "colored"
        Forward costs a pass per input element, reverse one per output element; "auto" takes the cheaper. The others
        are for sparse results: "slots", one pass in which each element travels with the few inputs that it depends on;
        "colored", a pass for each of a few groups of inputs, or outputs, that do not meet.
    sparse : bool
        Whether the result is a sparse matrix.
    structure : bool
        Whether the result is a structured matrix where it has a structure: `Diagonal`, `BlockDiagonal`, `Banded` or
        `Stencil`; a sparse matrix elsewhere.
    flatten : bool
        Whether a dense result is a matrix, too: a row per output element, a column per input element, in C order.
    format : "csr", "csc", "coo" or "bsr"
        That of a sparse result.
    chunk : int, optional
        How many passes are made at a time in forward, reverse and colored mode, for memory's sake; by default all.
    has_aux : bool
        Whether f returns `(result, aux)`.

    Returns
    -------
    callable
        Takes f's arguments. For f from shape `S_in` to `S_out` it returns an array of shape `S_out + S_in`, or a
        matrix of shape `(prod(S_out), prod(S_in))`. If the output is a tree, so is the result, and every leaf of it is
        a tree like the argument (a tuple of those if argnums is a sequence). With `has_aux` it returns `(jacobian,
        aux)`.

        Its method `plan(*args)` says which mode would be taken, and why. If `sparse`, `prepare(*args)` gives the
        :class:`PreparedJacobian` for solvers, whose pattern stays.

    Raises
    ------
    ValueError
        If `mode` or `format` is none of those, or they do not fit.
    TypeError
        If an argument is not floating point.

    Notes
    -----
    Cost: about that of f times the number of input elements (forward) or two to four times that of output elements
    (reverse), in one batched pass. By slots: some evaluations of f, and 10 to 15 ns for each entry of the result; at
    the first call some 100 ns for each entry to put them in order, which further calls with the same shapes do not
    repeat. For complex arguments the result is that of a holomorphic function.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.jacobian(lambda x: np.stack([x[0] * x[1], x[0] + x[1], x[1]]))(np.array([2.0, 5.0]))
    array([[5., 2.],
           [1., 1.],
           [0., 1.]])
    >>> cr.jacobian(lambda x: x[1:] ** 2 - x[:-1], sparse=True)(np.ones(4)).toarray()
    array([[-1.,  2.,  0.,  0.],
           [ 0., -1.,  2.,  0.],
           [ 0.,  0., -1.,  2.]])
    """
    if mode not in MODES:
        raise ValueError(f"jacobian: mode is one of {', '.join(MODES)}; got {mode!r}")
    if chunk is not None and chunk < 1:
        raise ValueError(f"jacobian: chunk is a positive number of passes; got {chunk}")
    if sparse or structure:
        return SparseJacobian(f, argnums, mode, format, has_aux, structure=structure, chunk=chunk)
    if mode in ("slots", "colored"):
        raise ValueError(f"jacobian: mode={mode!r} makes a sparse matrix: give sparse=True, too")
    return DenseJacobian(f, argnums, mode, flatten, chunk, has_aux)


class DenseJacobian:
    """The dense Jacobian of a function, as a function of the same arguments: see :func:`jacobian`."""

    def __init__(self, f: Callable[..., Any], argnums: Any, mode: str, flatten: bool, chunk: int | None, has_aux: bool):
        functools.update_wrapper(self, f, updated=())
        self.f, self.argnums, self.mode, self.has_aux = f, argnums, mode, has_aux
        self.flatten, self.chunk = flatten, chunk

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        of_leaves, leaves, structure = self._of_leaves(args, kwargs)
        n = sum(_sizes(leaves))
        aux = None
        if self.mode == "forward":
            y, aux, columns = _forward(of_leaves, leaves, self.has_aux, self.chunk)
        else:
            y, pullback, *rest = vjp(of_leaves, *leaves, has_aux=self.has_aux)
            outputs, out_structure = flatten(y)
            aux = rest[0] if rest else None
            if self.mode == "reverse" or sum(_sizes(outputs)) < n:
                columns = _reverse(pullback, outputs, out_structure, leaves, self.chunk)
            else:
                del pullback
                y, _, columns = _forward(of_leaves, leaves, self.has_aux, self.chunk)
        outputs, out_structure = flatten(y)
        if self.flatten:
            columns = [
                [np.reshape(b, (_sizes([v])[0], _sizes([x])[0])) for b, x in zip(row, leaves, strict=True)]
                for row, v in zip(columns, outputs, strict=True)
            ]
        J = out_structure.unflatten([structure.unflatten(row) for row in columns])
        return (J, aux) if self.has_aux else J

    def _of_leaves(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Callable[..., Any], list[Any], Any]:
        """f as a function of the leaves to differentiate with respect to, these, and how they are arranged."""
        positions = arguments.argument_positions(self.argnums, len(args), "jacobian")
        several = isinstance(self.argnums, tuple | list)
        leaves, structure = flatten(tuple(args[i] for i in positions) if several else args[positions[0]])
        leaves = [arguments.differentiable(x, "jacobian", "an argument") for x in leaves]

        def of_leaves(*xs):
            tree = structure.unflatten(list(xs))
            whole = arguments.of_arguments(self.f, args, kwargs, positions)
            return whole(*tree) if several else whole(tree)

        return of_leaves, leaves, structure

    def plan(self, *args: Any, **kwargs: Any) -> "Choice":
        """What a call with these arguments would do, and why."""
        of_leaves, leaves, _ = self._of_leaves(args, kwargs)
        y = of_leaves(*leaves)
        outputs = flatten(arguments.split_aux(y, self.has_aux, "jacobian")[0])[0]
        n, m = sum(_sizes(leaves)), sum(_sizes(outputs))
        costs = {"forward": float(n), "reverse": float(m)}
        mode = self.mode if self.mode != "auto" else "reverse" if m < n else "forward"
        why = "it was asked for" if self.mode != "auto" else f"{m} outputs, {n} inputs: a pass for each of the fewer"
        return Choice(mode, why, (m, n), costs)


def _basis(leaves: Sequence[Any]) -> list[np.ndarray]:
    """For each leaf the unit vectors of all leaves together: `(n, *leaf.shape)`, n the number of all elements."""
    sizes = [math.prod(aval_of(x).shape) for x in leaves]
    n, start, basis = sum(sizes), 0, []
    for x, size in zip(leaves, sizes, strict=True):
        unit = np.zeros((n, size), np.dtype(aval_of(x).dtype))
        unit[np.arange(start, start + size), np.arange(size)] = 1
        basis.append(unit.reshape(n, *aval_of(x).shape))
        start += size
    return basis


def _mapped(f: Callable[..., Any], basis: Sequence[Any], chunk: int | None, out_axes: int = 0) -> Any:
    """vmap of f over `basis`, `chunk` at a time."""
    mapped, n = vmap(f, out_axes=out_axes), len(basis[0])
    if chunk is None or chunk >= n:
        return mapped(*basis)
    parts = [flatten(mapped(*(b[k : k + chunk] for b in basis))) for k in range(0, n, chunk)]
    return parts[0][1].unflatten(
        [np.concatenate(leaves, axis=out_axes) for leaves in zip(*(p[0] for p in parts), strict=True)]
    )


def _forward(
    f: Callable[..., Any], leaves: Sequence[Any], has_aux: bool, chunk: int | None
) -> tuple[Any, Any, list[list[Any]]]:
    seen = []

    def push(*tangents):
        y, t, *aux = jvp(f, tuple(leaves), tangents, has_aux=has_aux)
        seen[:] = [y, aux[0] if aux else None]
        return t

    t = _mapped(push, _basis(leaves), chunk, out_axes=-1) if sum(_sizes(leaves)) else None
    if t is None:
        seen[:] = [f(*leaves), None] if not has_aux else list(f(*leaves))
    y, aux = seen
    outputs = flatten(y)[0]
    whole = flatten(t)[0] if t is not None else [np.zeros((*aval_of(v).shape, 0)) for v in outputs]
    ends = np.cumsum(_sizes(leaves))[:-1]
    columns = []
    for v, w in zip(outputs, whole, strict=True):
        parts = np.split(w, ends, axis=-1)
        columns.append(
            [np.reshape(p, (*aval_of(v).shape, *aval_of(x).shape)) for p, x in zip(parts, leaves, strict=True)]
        )
    return y, aux, _owned(columns)


def _reverse(
    pullback: Callable[..., Any], outputs: Sequence[Any], out_structure: Any, leaves: Sequence[Any], chunk: int | None
) -> list[list[Any]]:
    basis = _basis([np.zeros(aval_of(v).shape, v.dtype if v.dtype.kind in "fc" else float) for v in outputs])
    if not sum(_sizes(outputs)):
        return [[np.zeros(aval_of(v).shape + aval_of(x).shape, x.dtype) for x in leaves] for v in outputs]

    def pulled(*cts):
        return pullback(out_structure.unflatten(list(cts)))

    def mapped(*basis):
        if sum(_sizes(outputs)) == 1:  # a gradient
            return [r[None] for r in pulled(*(b[0] for b in basis))]
        return _mapped(pulled, basis, chunk)

    rows = [np.conjugate(r) if r.dtype.kind == "c" else r for r in mapped(*basis)]  # a pullback is the adjoint
    kinds = [v.dtype.kind for v in outputs]
    if "c" in kinds and not all(x.dtype.kind == "c" for x in leaves):
        # Of a complex result the seed 1 tells a real argument the real part, and the seed i the imaginary part.
        turned = [b * 1j if kind == "c" else np.zeros_like(b) for b, kind in zip(basis, kinds, strict=True)]
        rows = [r if r.dtype.kind == "c" else r + 1j * i for r, i in zip(rows, mapped(*turned), strict=True)]
    ends = np.cumsum(_sizes(outputs))[:-1]
    by_input = [np.split(r, ends, axis=0) for r in rows]
    columns = []
    for k, v in enumerate(outputs):
        blocks = []
        for parts, x in zip(by_input, leaves, strict=True):
            block = np.reshape(parts[k], (*aval_of(v).shape, *aval_of(x).shape))
            blocks.append(block if "c" in (kinds[k], x.dtype.kind) else np.real(block))
        columns.append(blocks)
    return _owned(columns)


def _sizes(leaves: Sequence[Any]) -> list[int]:
    return [math.prod(aval_of(x).shape) for x in leaves]


def _owned(columns: list[list[Any]]) -> list[list[Any]]:
    return [[arguments.result(block, np.empty(0)) for block in row] for row in columns]


def hessian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    mode: str = "auto",
    sparse: bool = False,
    structure: bool = False,
    flatten: bool = False,
    format: str = "csr",
    chunk: int | None = None,
) -> Any:
    """The Hessian of f, a function that returns a single real number: the Jacobian of its gradient.

    Parameters
    ----------
    f : callable
        A NumPy function that returns a single real number.
    argnums : int or sequence of ints
        Which positional arguments to differentiate with respect to.
    mode, sparse, structure, flatten, format, chunk
        As of :func:`jacobian`; "auto" is forward over reverse where the result is dense.

    Returns
    -------
    callable
        Takes f's arguments; for an argument of shape `S` it returns an array of shape `S + S`, or a matrix, for trees
        the trees of blocks. It has the methods `plan` and `prepare` of :func:`jacobian`.

    Raises
    ------
    TypeError
        If f does not return a single real number, or an argument is not floating point.

    Notes
    -----
    Cost: a gradient for every element of the argument, in one batched pass; a sparse one some gradients, and time in
    proportion to its entries. For products with a few vectors use :func:`hvp`.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    >>> cr.hessian(lambda x: np.sum(x[1:] * x[:-1]), sparse=True)(np.ones(3)).toarray()
    array([[0., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]])
    """
    if mode == "auto" and not (sparse or structure):
        mode = "forward"
    return jacobian(grad(f, argnums), argnums, mode, sparse, structure, flatten, format, chunk)


def hvp(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The product of the Hessian of f with a vector, without the Hessian: forward over reverse.

    Parameters
    ----------
    f : callable
        A NumPy function that returns a single real number.
    argnums : int
        Which positional argument to differentiate with respect to.

    Returns
    -------
    callable
        Takes f's arguments and, last, the vector: a tree of the structure and shapes of the argument. Returns
        such a tree: `cr.hvp(f)(x, v)`.

    Raises
    ------
    TypeError
        If f does not return a single real number, or an argument is not floating point.

    Notes
    -----
    Cost: about twice that of a gradient.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """

    @functools.wraps(f, updated=())
    def hvp_f(*args, **kwargs):
        if len(args) < 2:
            raise TypeError("hvp: the arguments of the function and a vector are needed: hvp(f)(x, v)")
        *given, v = args
        (position,) = arguments.argument_positions(argnums, len(given), "hvp")
        gradient = arguments.of_arguments(grad(f, position), given, kwargs, (position,))
        return jvp(gradient, (given[position],), (v,))[1]

    return hvp_f

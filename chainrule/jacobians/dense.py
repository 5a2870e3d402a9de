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

from ..core.trace import aval_of, is_traced
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.batching import vmap
from ..transforms.forward import jvp
from ..transforms.reverse import grad, vjp

FEW = 4
"""Of so few inputs forward mode is taken without asking how many outputs there are, which takes an evaluation."""


def dense_jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int], mode: str, has_aux: bool, chunk: int | None
) -> Callable[..., Any]:
    """The Jacobian as arrays, by passes along unit vectors: see :func:`chainrule.jacobian`."""

    @functools.wraps(f, updated=())
    def jacobian_f(*args, **kwargs):
        positions = arguments.argument_positions(argnums, len(args), "jacobian")
        several = isinstance(argnums, tuple | list)
        leaves, structure = flatten(tuple(args[i] for i in positions) if several else args[positions[0]])
        chosen = structure if several else None
        leaves = [arguments.differentiable(x, "jacobian", "an argument") for x in leaves]
        aux = None

        def of_leaves(*xs):
            tree = structure.unflatten(list(xs))
            whole = arguments.of_arguments(f, args, kwargs, positions)
            return whole(*tree) if chosen is not None else whole(tree)

        n = sum(math.prod(aval_of(x).shape) for x in leaves)
        if mode == "forward" or (mode == "auto" and n <= FEW):
            y, aux, columns = _forward(of_leaves, leaves, has_aux, chunk)
        else:
            y, pullback, *rest = vjp(of_leaves, *leaves, has_aux=has_aux)
            outputs, out_structure = flatten(y)
            m = sum(math.prod(aval_of(v).shape) for v in outputs)
            aux = rest[0] if rest else None
            if mode == "reverse" or m < n:
                columns = _reverse(pullback, outputs, out_structure, leaves, chunk)
            else:
                del pullback
                y, _, columns = _forward(of_leaves, leaves, has_aux, chunk)
        if any(aval_of(x).dtype.kind == "c" for x in leaves):
            _must_be_holomorphic(of_leaves, leaves, columns, has_aux)
        _, out_structure = flatten(y)
        J = out_structure.unflatten([structure.unflatten(row) for row in columns])
        return (J, aux) if has_aux else J

    return jacobian_f


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


def in_chunks(f: Callable[..., Any], basis: Sequence[np.ndarray], chunk: int | None, axis: int) -> Any:
    """`vmap(f)` over the rows of `basis`, so many at a time; a list of leaves, with the batch along `axis`."""
    mapped = vmap(lambda *rows: flatten(f(*rows))[0], out_axes=axis)
    n = len(basis[0])
    if chunk is None or chunk >= n:
        return mapped(*basis)
    parts = [mapped(*(b[k : k + chunk] for b in basis)) for k in range(0, n, chunk)]
    return [np.concatenate(leaves, axis=axis) for leaves in zip(*parts, strict=True)]


def _forward(
    f: Callable[..., Any], leaves: Sequence[Any], has_aux: bool, chunk: int | None
) -> tuple[Any, Any, list[list[Any]]]:
    seen = []

    def push(*tangents):
        y, t, *aux = jvp(f, tuple(leaves), tangents, has_aux=has_aux)
        seen[:] = [y, aux[0] if aux else None]
        return t

    t = in_chunks(push, _basis(leaves), chunk, -1) if sum(_sizes(leaves)) else None
    if t is None:
        seen[:] = [f(*leaves), None] if not has_aux else list(f(*leaves))
    y, aux = seen
    outputs = flatten(y)[0]
    whole = t if t is not None else [np.zeros((*aval_of(v).shape, 0)) for v in outputs]
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
        return in_chunks(pulled, basis, chunk, 0)

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


def _must_be_holomorphic(f: Callable[..., Any], leaves: Sequence[Any], columns: list[list[Any]], has_aux: bool) -> None:
    """Raises if along a complex direction f does not do what its Jacobian says: the Cauchy-Riemann equations.

    Under other transforms the numbers are not known, and nothing is checked.
    """
    if is_traced(columns) or is_traced(list(leaves)):
        return
    along = [np.exp(1j + 1j * np.arange(x.size)).reshape(x.shape) if x.dtype.kind == "c" else None for x in leaves]
    tangents = [np.zeros_like(x) if t is None else t.astype(x.dtype) for x, t in zip(leaves, along, strict=True)]
    found = flatten(jvp(f, tuple(leaves), tuple(tangents), has_aux=has_aux)[1])[0]
    for slope, row in zip(found, columns, strict=True):
        blocks = [(J, t) for J, t in zip(row, along, strict=True) if t is not None]
        said = sum(np.tensordot(J, t, t.ndim) for J, t in blocks)
        size = sum(np.tensordot(np.abs(J), np.abs(t), t.ndim) for J, t in blocks) + np.abs(slope)
        if np.any(np.abs(slope - said) > np.sqrt(np.finfo(slope.dtype).eps) * size):
            raise TypeError(
                "jacobian: the function is not holomorphic (conjugate, abs, real and imag are not), so that one "
                "complex number an entry cannot hold its derivative; take its Jacobian with respect to the real and "
                "the imaginary part: cr.jacobian(lambda x, y: f(x + 1j * y), argnums=(0, 1))"
            )


def _sizes(leaves: Sequence[Any]) -> list[int]:
    return [math.prod(aval_of(x).shape) for x in leaves]


def _owned(columns: list[list[Any]]) -> list[list[Any]]:
    return [[arguments.result(block, np.empty(0)) for block in row] for row in columns]


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

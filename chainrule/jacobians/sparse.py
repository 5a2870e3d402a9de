"""Sparse Jacobians and their patterns: by slots, in one pass over the operations (transforms/slots.py)."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import user_line
from ..core.trace import Tracer, aval_of
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.layout import Layout
from ..transforms.reverse import grad
from ..transforms.slots import Piece, Plan, SlotTrace, dtype_of_coefs

FORMATS = ("csr", "csc", "coo", "bsr")


def layout_of(plan: Plan, pieces: Sequence[Piece], shape: tuple[int, ...], columns: range) -> Layout:
    """The layout of some pieces, made once."""
    key = shape, columns, tuple((id(p.index), p.box) for p in pieces)
    found = plan.layouts.get(key)
    if found is None:
        layout = Layout([(p.index.array, p.box) for p in pieces], shape, columns)
        found = plan.layouts[key] = layout, [p.index for p in pieces]  # their ids are the key
    return found[0]


def matrix(layout: Layout, data: np.ndarray) -> Any:
    """A csr_array, without the checks that its constructor makes."""
    import scipy.sparse

    result = scipy.sparse.csr_array(layout.shape, dtype=data.dtype)
    result.data, result.indices, result.indptr = data, layout.indices.copy(), layout.indptr.copy()
    result.has_canonical_format = True
    return result


def sparsity(f: Callable[..., Any], x: Any, local: bool = False) -> Any:
    """Which entries of the Jacobian of f can be other than zero.

    Parameters
    ----------
    f : callable
        A NumPy function of one array that returns one array.
    x : array of floats
        An argument; of the global pattern only its shape and dtype matter.
    local : bool
        False: the pattern holds for every x, which includes both branches of `np.where` and all that a maximum may
        choose. True: it is that at x, where branches and indices that depend on values are those that x takes.

    Returns
    -------
    scipy.sparse.csr_array
        Of booleans, with a row per output element and a column per input element, both in C order.

    Raises
    ------
    ValueError
        If f looks at values (in an `if`, or as an index) and `local` is False. The message names the line.
    TypeError
        If x is not floating point, or f returns something that is no array.

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
    x = np.asarray(arguments.differentiable(x, "sparsity", "the argument"))
    plan = Plan([x.shape])
    trace = SlotTrace(plan, "local" if local else "global")
    with trace:
        value, pieces = arguments.finished(trace, f(*trace.seed([x])), "sparsity", aux=False)
    layout = Layout([(p.index.array, p.box) for p in pieces or ()], aval_of(value).shape, plan.columns[0])
    return matrix(layout, np.ones(layout.nnz, bool))


class SparseJacobian:
    """The sparse Jacobian of a function, which remembers where its entries go: see :func:`chainrule.jacobian`."""

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: int | Sequence[int] = 0,
        mode: str = "auto",
        format: str = "csr",
        has_aux: bool = False,
        structure: bool = False,
        chunk: int | None = None,
    ):
        functools.update_wrapper(self, f, updated=())
        if format not in FORMATS:
            raise ValueError(f"jacobian: format is one of {', '.join(FORMATS)}; got {format!r}")
        self.f, self.argnums, self.mode, self.format, self.has_aux = f, argnums, mode, format, has_aux
        self.structure, self.chunk = structure, chunk
        self.plans: dict[Any, Plan] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outputs, structure, inputs, aux, plan = self.pieces(args, kwargs)
        blocks = [
            inputs.unflatten([self.block(plan, value, pieces, k) for k in range(len(plan.columns))])
            for value, pieces in outputs
        ]
        plan.tidy()
        J = structure.unflatten(blocks)
        return (J, aux) if self.has_aux else J

    def pieces(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The values and pieces of the outputs, and how outputs and inputs are arranged."""
        positions = arguments.argument_positions(self.argnums, len(args), "jacobian")
        several = isinstance(self.argnums, tuple | list)
        leaves, inputs = flatten(tuple(args[i] for i in positions) if several else args[positions[0]])
        leaves = [arguments.differentiable(x, "jacobian", "an argument") for x in leaves]
        plan = self.plan_of([aval_of(x).shape for x in leaves])
        whole = arguments.of_arguments(self.f, args, kwargs, positions)
        trace = SlotTrace(plan)
        with trace:
            tree = inputs.unflatten(trace.seed(leaves))
            y, aux = arguments.split_aux(whole(*tree) if several else whole(tree), self.has_aux, "jacobian")
            outputs, structure = flatten(y)
            outputs = [arguments.finished(trace, leaf, "jacobian") for leaf in outputs]
            aux = arguments.without_tracers(trace, aux, "jacobian")
        return [(arguments.array(v), p or ()) for v, p in outputs], structure, inputs, aux, plan

    def plan_of(self, shapes: Sequence[tuple[int, ...]]) -> Plan:
        key = tuple(shapes)
        plan = self.plans.get(key)
        if plan is None:
            if len(self.plans) > 8:
                self.plans.clear()
            plan = self.plans[key] = Plan(shapes)
        return plan

    def block(self, plan: Plan, value: Any, pieces: Sequence[Piece], k: int) -> Any:
        """The matrix of one output and the k-th input."""
        layout = layout_of(plan, pieces, value.shape, plan.columns[k])
        coefs = [p.coef for p in pieces]
        data = layout.fill(coefs, dtype_of_coefs(coefs, value.dtype))
        if isinstance(data, Tracer):
            raise TypeError(
                f"jacobian: SciPy's sparse matrices hold no traced values (at {user_line()}): differentiate "
                "the entries, which prepare(x).data gives as an array"
            )
        J = matrix(layout, data)
        return J if self.format == "csr" else J.asformat(self.format)


def sparse_jacobian(f: Callable[..., Any]) -> SparseJacobian:
    """The Jacobian in the first argument, as a csr_array."""
    return SparseJacobian(f)


def sparse_hessian(f: Callable[..., Any]) -> SparseJacobian:
    """The Hessian in the first argument, as a csr_array."""
    return SparseJacobian(grad(f))

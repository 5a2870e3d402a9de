"""Forward mode. Each value travels with its tangent; each operation pushes the tangent on."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.trace import Trace, Tracer, aval_of, bind
from ..core.tree import flatten, leaves_like, map_leaves
from . import arguments
from .recording import Var, prepared, record_leaves


class Dual(Tracer):
    """A value and its tangent (None: known to be zero)."""

    __slots__ = ()

    tangent = Tracer.companion


class ForwardTrace(Trace):
    """Computes the value and, where an argument has a tangent, the tangent."""

    __slots__ = ()

    def lift(self, value: Any) -> Dual:
        return Dual(self, value, None)

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        primals, tangents = [], []
        for arg in args:
            own = arg.__class__ is Dual and arg._trace is self
            primals.append(arg.primal if own else arg)
            tangents.append(arg.companion if own else None)
        y = bind(primitive, *primals, **params)
        if primitive.jvp is None:
            return y
        t = primitive.jvp(tuple(tangents), y, *primals, **params) if any(v is not None for v in tangents) else None
        if primitive.multi:
            return tuple(Dual(self, v, s) for v, s in zip(y, t or (None,) * len(y), strict=True))
        return Dual(self, y, t)


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """f(*primals) and its directional derivative along `tangents`: the Jacobian times `tangents`.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays.
    primals : tuple of trees of arrays
        Where to differentiate.
    tangents : tuple of trees of arrays
        Along what: the structure and shapes of `primals`.
    has_aux : bool
        Whether f returns a pair `(result, aux)`.

    Returns
    -------
    y, t : trees of arrays
        The value and its tangent, of the same structure, shapes and dtypes; with `has_aux`, aux as a third.

    Raises
    ------
    TypeError
        If `primals` is no tuple, or a leaf is not floating point.
    ValueError
        If a tangent has another shape than its primal.

    Notes
    -----
    Cost: two to three evaluations of f, whatever the number of outputs; nothing is kept.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> y, t = cr.jvp(np.sin, (np.array([0.0, 1.0]),), (np.array([1.0, 0.0]),))
    >>> t
    array([1., 0.])
    """
    who = "jvp"
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list) or len(primals) != len(tangents):
        raise TypeError("jvp: primals and tangents must be tuples of the same length: jvp(f, (x,), (t,))")
    f = prepared(f, primals)
    trace = ForwardTrace()
    args = []
    for i, (primal, tangent) in enumerate(zip(primals, tangents, strict=True)):
        leaves, structure = flatten(primal)
        seeds = leaves_like(structure, tangent, f"jvp: tangent {i}")
        args.append(structure.unflatten([_seeded(trace, x, t, i) for x, t in zip(leaves, seeds, strict=True)]))
    with trace:
        output, aux = arguments.split_aux(f(*args), has_aux, who)
        leaves, structure = flatten(output)
        pairs = [arguments.finished(trace, leaf, who) for leaf in leaves]
        aux = arguments.without_tracers(trace, aux, who)
    values = [np.asarray(v)[()] if not hasattr(v, "shape") else v for v, _ in pairs]
    slopes = [_zero(v) if t is None else t for v, (_, t) in zip(values, pairs, strict=True)]
    given = [leaf for tree in (*primals, *tangents) for leaf in flatten(tree)[0]]
    y = structure.unflatten(arguments.results(values, values, given))
    t = structure.unflatten(arguments.results(slopes, values, [*given, *values]))
    return (y, t, aux) if has_aux else (y, t)


def _zero(v: Any) -> Any:
    dtype = v.dtype if v.dtype.kind in "fc" else np.dtype(float)
    return np.zeros(v.shape, dtype)


def _seeded(trace: ForwardTrace, x: Any, t: Any, i: int) -> Dual:
    x = arguments.differentiable(x, "jvp", f"primal {i}")
    return Dual(trace, x, arguments.conform(t, aval_of(x), "jvp", f"tangent {i}", "its primal"))


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """f(*primals) and its linear part there, as a function of tangents that does not evaluate f again.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays.
    *primals : trees of arrays
        Where to linearise.

    Returns
    -------
    y : tree of arrays
        `f(*primals)`.
    push : callable
        `push(*tangents)` is the Jacobian times the tangents.

    Raises
    ------
    TypeError
        If a leaf is not floating point.

    Notes
    -----
    Cost: one evaluation of f, and one to two for each call of `push`. Keeps every intermediate.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> y, push = cr.linearize(lambda x: x**2, np.array([1.0, 3.0]))
    >>> push(np.array([1.0, 1.0]))
    array([2., 6.])
    """
    primals = tuple(
        map_leaves(lambda x, i=i: arguments.differentiable(x, "linearize", f"argument {i}"), primal)
        for i, primal in enumerate(primals)
    )
    graph, values, structure, inputs = record_leaves(f, primals, "linearize")
    outputs = [values[v] for v in graph.outputs]
    y = structure.unflatten(arguments.results(outputs, outputs, outputs))  # not the arrays that `push` reads
    structures = [flatten(p)[1] for p in primals]

    def push(*tangents):
        if len(tangents) != len(primals):
            raise TypeError(f"push: {len(primals)} tangents are needed; {len(tangents)} were given")
        flat = [t for s, t in zip(structures, tangents, strict=True) for t in leaves_like(s, t, "push: the tangent")]
        moving = {
            var: arguments.conform(t, aval_of(x), "push", "a tangent", "its primal")
            for var, t, x in zip(graph.inputs, flat, inputs, strict=True)
        }
        for equation in graph.equations:
            primitive = equation.primitive
            slopes = tuple(moving.get(a) if isinstance(a, Var) else None for a in equation.args)
            if primitive.jvp is None or all(s is None for s in slopes):
                continue
            xs = [values[a] if isinstance(a, Var) else a for a in equation.args]
            ys = [values[v] for v in equation.outputs]
            t = primitive.jvp(slopes, tuple(ys) if primitive.multi else ys[0], *xs, **equation.params)
            for v, s in zip(equation.outputs, t if primitive.multi else (t,), strict=True):
                if s is not None:
                    moving[v] = s
        slopes = [moving.get(v) for v in graph.outputs]
        slopes = [_zero(v) if s is None else s for s, v in zip(slopes, outputs, strict=True)]
        return structure.unflatten(arguments.results(slopes, outputs, flat))

    return y, push

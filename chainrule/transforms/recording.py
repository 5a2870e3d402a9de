"""The recorder: runs f and writes down, equation by equation, what it does."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.deferred import known
from ..core.garbage import put_off
from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval, Primitive
from ..core.trace import Trace, Tracer, aval_of, bind, concrete, running
from ..core.tree import flatten, leaves_like
from . import arguments


class Recorded(Tracer):
    """A value and its name in the graph."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.companion.aval.shape

    @property
    def dtype(self) -> np.dtype:
        return self.companion.aval.dtype


def prepared(f: Callable[..., Any], primals: Sequence[Any]) -> Callable[..., Any]:
    """f, or what a recording that it is differentiated in makes of it beforehand."""
    trace = next((t for t in reversed(running()) if isinstance(t, RecordingTrace)), None)
    return f if trace is None else trace.prepare(f, primals)


def is_recording() -> bool:
    """Whether the current thread or task is within a function that is being recorded."""
    return any(isinstance(trace, RecordingTrace) for trace in running())


SMALL = 1024
"""Bytes up to which an array is known by its bits, and not by which object it is."""


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays agree in shape, dtype and every bit."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    a, b = (np.ascontiguousarray(x).reshape(-1).view(np.uint8) for x in (a, b))
    return np.array_equal(a, b)


class RecordingTrace(Trace):
    """Computes the value, and writes an equation."""

    __slots__ = ()

    writes_in_place = False  # a graph's variables keep their values

    def __init__(self):
        super().__init__()
        self.state = Graph(), {}, {}

    @property
    def graph(self) -> Graph:
        """What has been written so far."""
        return self.state[0]

    @property
    def values(self) -> dict[Var, Any]:
        """The value of each variable of the graph."""
        return self.state[1]

    def name(self, value: Any) -> Recorded:
        """`value` under a new name."""
        aval = aval_of(value)
        var = self.graph.new(Aval(aval.shape, np.dtype(aval.dtype)))
        self.values[var] = value
        return Recorded(self, value, var)

    def prepare(self, f: Callable[..., Any], primals: Sequence[Any]) -> Callable[..., Any]:
        """What is differentiated in the place of f, for these arguments."""
        return f

    def lift(self, value: Any) -> Recorded:
        """A constant under a name, so that it can be written into."""
        named = self.name(value)
        self.graph.constants[named.companion] = self.constant(value)
        return named

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if params.get("in_place"):  # leave to overwrite an argument: here the argument is a variable, which stays
            params = params | {"in_place": False}
        own = [isinstance(a, Recorded) and a._trace is self for a in args]
        kept = tuple(a.companion if on else self.constant(a) for a, on in zip(args, own, strict=True))
        y = self.value(primitive, [a.primal if on else k for a, on, k in zip(args, own, kept, strict=True)], params)
        outputs = tuple(map(self.name, y)) if primitive.multi else (self.name(y),)
        self.graph.equations.append(Equation(primitive, kept, params, tuple(o.companion for o in outputs)))
        return outputs if primitive.multi else outputs[0]

    def constant(self, x: Any) -> Any:
        """What the graph keeps of `x`: nobody can change it, neither the caller nor who gets the graph's results.

        Of an array that is met again, and has not changed in between, it keeps one copy.
        """
        if type(x) is not np.ndarray:
            return x
        small = x.nbytes <= SMALL
        key = (x.dtype, x.shape, x.tobytes()) if small else id(x)
        _, kept = self.state[2].get(key, (None, None))
        if kept is None or not (small or same_bits(kept, x)):
            kept = x.copy()
            kept.flags.writeable = False
            self.state[2][key] = None if small else x, kept
        return kept

    def value(self, primitive: Primitive, values: list[Any], params: dict[str, Any]) -> Any:
        """What `primitive` makes of the values underneath."""
        return bind(primitive, *values, **params)

    def concrete(self, tracer: Tracer, what: str) -> Any:
        """The value; that it was asked for is a guard of the graph."""
        value = concrete(known(tracer.primal), what)
        self.graph.guards.append((tracer.companion, np.array(value)))
        return value

    def is_constant(self, tracer: Tracer) -> bool:
        """Whether every path from the inputs leads through an operation without derivatives."""
        made = {var: e for e in self.graph.equations for var in e.outputs}
        inputs, seen, waiting = set(self.graph.inputs), set(), [tracer.companion]
        while waiting:
            var = waiting.pop()
            if var in inputs:
                return False
            if var not in seen and var in made and made[var].primitive.vjp is not None:
                waiting += [a for a in made[var].args if isinstance(a, Var)]
            seen.add(var)
        return True


def record_leaves(
    f: Callable[..., Any], primals: Sequence[Any], who: str = "record", kind: type[RecordingTrace] = RecordingTrace
):
    """The graph of f, the values of its variables, the structure of the output, and the leaves of the arguments."""
    trace = kind()
    args, inputs = [], []
    for i, primal in enumerate(primals):
        leaves, structure = flatten(primal)
        named = [trace.name(arguments.input_leaf(leaf, who, i)) for leaf in leaves]
        trace.graph.inputs += [n.companion for n in named]
        inputs += [n.primal for n in named]
        args.append(structure.unflatten(named))
    graph, values = trace.graph, trace.values
    with put_off, trace:
        leaves, structure = flatten(f(*args))
        for leaf in leaves:
            value, var = arguments.finished(trace, leaf, who, aux=False)
            if var is None:  # a constant
                var = trace.lift(arguments.array(value)).companion
            trace.graph.outputs.append(var)
    return graph, values, structure, inputs


def record(f: Callable[..., Any], *primals: Any) -> Graph:
    """The graph of f on these arguments: the operations that it does, in order, as data.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays.
    *primals : trees of arrays
        Arguments to run it on. Their values matter where f looks at values (in an `if`, say).

    Returns
    -------
    Graph
        It prints, and calling it runs it. Python's control flow is unrolled; what f asked for on its way is
        in `guards`.

    Raises
    ------
    TypeError
        If an argument or a result is neither an array nor a number.

    Notes
    -----
    Cost: one evaluation of f.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> graph = cr.record(lambda x: np.sin(x) * 2, np.array([0.0, 1.0]))
    >>> print(graph)
    graph(v1:float64[2]):
        v2:float64[2] = sin(v1)
        v3:float64[2] = multiply(v2, 2)
        return v3
    """
    graph, _, structure, _ = record_leaves(f, primals)
    structures = [flatten(p)[1] for p in primals]

    def leaves_of(*args):
        if len(args) != len(structures):
            raise TypeError(f"graph: {len(structures)} arguments are needed; {len(args)} were given")
        leaves = [
            leaf for s, a in zip(structures, args, strict=True) for leaf in leaves_like(s, a, "graph: an argument")
        ]
        return list(map(arguments.array, leaves))

    graph.flatten, graph.unflatten = leaves_of, structure.unflatten
    return graph

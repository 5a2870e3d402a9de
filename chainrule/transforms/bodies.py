"""Bodies of loops and branches: functions recorded as graphs, to be differentiated and mapped as a whole.

A body is recorded once and stands for every iteration, so it cannot look at values. What it reaches for outside, a
traced value of a transform that is running around it, becomes an input of its graph: a graph refers to no tracer.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.deferred import Deferred, item
from ..core.errors import LostGradientError, user_line
from ..core.graph import Equation, Graph, Var
from ..core.primitive import Primitive
from ..core.trace import NUMBERS, Trace, Tracer, aval_of, frozen, running
from ..core.tree import flatten
from . import arguments
from .batching import Batched, BatchTrace
from .forward import Dual, ForwardTrace
from .recording import Recorded, RecordingTrace
from .reverse import ReverseTrace
from .tape import backward


class LooksAtValuesError(LostGradientError):
    """A body asked for a value that differs from one iteration to the next."""


@functools.cache
def resting(cls: type[Trace]) -> type[Trace]:
    """A trace of this kind while a body is being recorded within it: what is done with its tracers is done there."""

    def process(self, primitive, args, params):
        body = next(trace for trace in reversed(running()) if isinstance(trace, BodyTrace))
        return body.process(primitive, args, params)

    forms = {"process": process, "apply1": Trace.apply1, "apply2": Trace.apply2}
    return type(cls.__name__, (cls,), {"__slots__": (), "rests": True, **forms})


class BodyTrace(RecordingTrace):
    """Records with values of one example, which are there for their shapes and dtypes only.

    captured: the values from outside that any of the bodies recorded together has reached for, by what tells them.
    While it runs all transforms around it rest, so that a body does what it says even where it reads nothing but
    values from outside: a branch that is not taken does nothing.
    """

    __slots__ = ()

    def __init__(self, captured: dict[Any, Tracer]):
        super().__init__()
        self.state = *self.state, captured, {}, []

    def __enter__(self):
        for trace in running():
            if not hasattr(trace, "rests"):
                self.state[5].append((trace, type(trace)))
                trace.__class__ = resting(type(trace))
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        for trace, cls in self.state[5]:
            trace.__class__ = cls
        super().__exit__(*error)

    @property
    def names(self) -> dict[Any, Recorded]:
        """What stands for those of `captured` that this body has reached for."""
        return self.state[4]

    def capture(self, x: Any) -> Any:
        """`x`, or what stands for it here if it is a traced value from outside."""
        if not isinstance(x, Tracer) or x._trace is self:
            return x
        x = frozen(x)
        if not isinstance(x, Tracer):
            return x
        captured, names = self.state[3:5]
        key = x._trace.level, id(x.primal), id(x.companion)
        if key not in names:
            captured.setdefault(key, x)
            names[key] = self.name(example(x))
        return names[key]

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        return super().process(primitive, tuple(map(self.capture, args)), params)

    def value(self, primitive: Primitive, values: list[Any], params: dict[str, Any]) -> Any:
        """An example of the result; anything, where the operation cannot be done or is a loop, which may not end."""
        if not any(isinstance(p, Graph) for p in params.values()) and not any(isinstance(x, Deferred) for x in values):
            try:
                return super().value(primitive, values, params)
            except (ArithmeticError, ValueError):
                pass
        avals = primitive.aval(*map(aval_of, values), **params)
        return tuple(map(Deferred, avals)) if primitive.multi else Deferred(avals)

    def concrete(self, tracer: Tracer, what: str) -> Any:
        raise LooksAtValuesError(
            f"{what} was asked for in the body of a loop or branch (at {user_line()}), and it differs from one "
            "iteration to the next: choose with chainrule.cond or np.where"
        )

    def is_constant(self, tracer: Tracer) -> bool:
        return True  # to get to the error above


def example(x: Any) -> Any:
    """A plain value of the shape and dtype of `x`: its own, or that of the first example of a batch."""
    shape, dtype, batches = aval_of(x).shape, aval_of(x).dtype, 0
    while isinstance(x, Tracer):
        x, batches = frozen(x), batches + isinstance(x, Batched)
        if isinstance(x, Tracer):
            x = x.primal
    if not batches:
        return x
    first = (0,) * batches
    return item(x, first) if all(np.shape(x)[:batches]) else np.ones(shape, dtype)[()]


class Body(NamedTuple):
    """A recorded body: its graph, whose inputs are the leaves that it was given, and how its results are arranged.

    dtypes: those of the results; of a Python number its type.
    """

    graph: Graph
    structure: Any
    dtypes: list[Any]
    names: dict[Any, Recorded]


def body_of(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    captured: dict[Any, Tracer],
    who: str,
    kind: type[BodyTrace] = BodyTrace,
) -> Body:
    """`f(leaves)` as a graph. Python numbers among the leaves are no inputs: they adapt to what they meet."""
    trace = kind(captured)
    given = [leaf if type(leaf) in NUMBERS else trace.name(leaf) for leaf in map(example, leaves)]
    graph, names, dtypes = trace.graph, trace.names, []
    graph.inputs += [x.companion for x in given if isinstance(x, Recorded)]
    with trace, np.errstate(all="ignore"):
        results, structure = flatten(f(given))
        for result in results:
            dtypes.append(aval_of(arguments.output_leaf(result, who, False)).dtype)
            value, var = arguments.finished(trace, trace.capture(result), who)
            graph.outputs.append(trace.lift(arguments.array(value)).companion if var is None else var)
    return Body(graph, structure, dtypes, names)


def close(bodies: Sequence[Body], captured: dict[Any, Tracer]) -> list[Tracer]:
    """Makes what the bodies have reached for the first inputs of each of them; what these are, in that order."""
    for graph, _, _, names in bodies:
        own = [names[k].companion if k in names else graph.new(strong_aval(x)) for k, x in captured.items()]
        graph.inputs[:0] = own
    return list(captured.values())


def strong_aval(x: Any) -> Any:
    """The shape and dtype of `x`, a NumPy dtype also of a Python number."""
    aval = aval_of(x)
    return aval._replace(dtype=np.dtype(aval.dtype))


def graph_of(f: Callable[..., Any], leaves: Sequence[Any]) -> Graph:
    """`f(leaves)` as a graph, for an f that reaches for nothing outside."""
    return body_of(f, leaves, {}, "a rule").graph


# ---- a graph under a transform -----------------------------------------------------------------------------------


def pushed(graph: Graph, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The outputs of a graph and their tangents, None where they are zero."""
    trace = ForwardTrace()
    with trace:
        ys = graph.run([Dual(trace, x, t) for x, t in zip(primals, tangents, strict=True)])
        pairs = [arguments.own_value(trace, y, "jvp") for y in ys]
    return [y for y, _ in pairs], [t for _, t in pairs]


def pulled(
    graph: Graph, primals: Sequence[Any], wanted: Sequence[bool], cts: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """The outputs of a graph, and the cotangents of its inputs from theirs: None where not wanted, or zero."""
    trace = ReverseTrace()
    inputs = [trace.input(x) if on else x for x, on in zip(primals, wanted, strict=True)]
    with trace:
        pairs = [arguments.own_value(trace, y, "vjp") for y in graph.run(inputs)]
        found = backward([(n, ct) for (_, n), ct in zip(pairs, cts, strict=True) if n is not None and ct is not None])
    return [y for y, _ in pairs], [found.get(x.companion) if on else None for x, on in zip(inputs, wanted, strict=True)]


def mapped(graph: Graph, size: int, leaves: Sequence[Any], on: Sequence[bool]) -> tuple[list[Any], list[bool]]:
    """The outputs of a graph for a whole batch, which runs along axis 0 of the leaves that are `on`; likewise those."""
    trace = BatchTrace(size)
    with trace:
        ys = graph.run([Batched(trace, x) if b else x for x, b in zip(leaves, on, strict=True)])
        ours = [isinstance(y, Batched) and y._trace is trace for y in ys]
        return [arguments.own_value(trace, y, "vmap")[0] for y in ys], ours


def broadcast(x: Any, size: int) -> Any:
    """`x` for every example of a batch."""
    return np.broadcast_to(x, (size, *np.shape(x)))


# ---- parts of a graph --------------------------------------------------------------------------------------------


def depends(graph: Graph, on: Sequence[bool], through: Callable[[Equation], bool] = lambda e: True) -> set[Var]:
    """The variables that depend on the inputs that are `on`, by way of equations that let something through."""
    found = {v for v, b in zip(graph.inputs, on, strict=True) if b}
    for e in graph.equations:
        if through(e) and any(a in found for a in e.args if isinstance(a, Var)):
            found.update(e.outputs)
    return found


def reaches(graph: Graph, on: Sequence[bool], through: Callable[[Equation], bool] = lambda e: True) -> list[bool]:
    """Which inputs the outputs that are `on` depend on."""
    found = {v for v, b in zip(graph.outputs, on, strict=True) if b}
    for e in reversed(graph.equations):
        if through(e) and not found.isdisjoint(e.outputs):
            found.update(a for a in e.args if isinstance(a, Var))
    return [v in found for v in graph.inputs]


def differentiable(e: Equation) -> bool:
    """Whether derivatives pass through an equation."""
    return e.primitive.vjp is not None


def part(graph: Graph, inputs: Sequence[Var], outputs: Sequence[Var]) -> Graph:
    """The graph from some variables of a graph to others: the equations needed for that, and no more."""
    given, needed, equations = set(inputs), set(outputs), []
    for e in reversed(graph.equations):
        wanted = [v for v in e.outputs if v in needed and v not in given]
        if wanted:
            equations.append(e)
            needed.update(a for a in e.args if isinstance(a, Var))
    constants = {v: x for v, x in graph.constants.items() if v in needed and v not in given}
    return Graph(list(inputs), equations[::-1], list(outputs), constants, count=graph.count)

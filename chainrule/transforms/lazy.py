"""Recordings that compute a value when it is asked for, and most never."""

from __future__ import annotations

import functools
from typing import Any

from ..core.deferred import Deferred, is_in_order, known
from ..core.graph import Equation, Graph, Var
from ..core.memory import read
from ..core.primitive import Aval, Primitive
from ..core.trace import NUMBERS, Tracer, aval_of, bind
from .recording import Recorded, RecordingTrace


class Values(dict[Var, Any]):
    """The values of a graph's variables; those that are missing are computed from its equations."""

    def __init__(self, graph: Graph):
        super().__init__()
        self.graph = graph
        self._made: dict[Var, Equation] = {}
        self._seen = 0
        self._in_order: dict[Var, bool] = {}

    def equation(self, var: Var) -> Equation | None:
        """What makes a variable; None for an input."""
        for e in self.graph.equations[self._seen :]:
            self._made.update(dict.fromkeys(e.outputs, e))
        self._seen = len(self.graph.equations)
        return self._made.get(var)

    def __missing__(self, var: Var) -> Any:
        waiting = [var]
        while waiting:  # chains of them are as long as programs are
            if waiting[-1] in self:
                waiting.pop()
                continue
            e = self.equation(waiting[-1])
            assert e is not None, "inputs have values"
            missing = [a for a in e.args if isinstance(a, Var) and a not in self]
            waiting += missing
            if not missing:
                ys = bind(e.primitive, *[known(self[a]) if isinstance(a, Var) else a for a in e.args], **e.params)
                self.update(zip(e.outputs, ys if e.primitive.multi else (ys,), strict=True))
        return dict.__getitem__(self, var)

    def in_order(self, var: Var) -> bool:
        """Whether the value certainly lies in memory in C order."""
        waiting = [var]
        while waiting:
            v = waiting[-1]
            if v in self:
                self._in_order[v] = is_in_order(self[v])
            if v in self._in_order:
                waiting.pop()
                continue
            e = self.equation(v)
            if e is None or not (e.primitive.zeros == "stay" or e.primitive.memory in ("ordered", "reshape")):
                self._in_order[v] = False
                continue
            missing = [a for a in e.args if isinstance(a, Var) and a not in self._in_order]
            waiting += missing
            if not missing:
                self._in_order[v] = all(self._in_order[a] if isinstance(a, Var) else is_in_order(a) for a in e.args)
        return self._in_order[var]

    def viewed(self, var: Var) -> Var | None:
        """What the value certainly is a view of, if anything."""
        e = self.equation(var)
        if e is None or e.primitive.memory not in ("view", "reshape"):
            return None
        (x,) = e.args
        if not isinstance(x, Var):
            return None
        # A reshape is a view of what lies in order, and where nothing but axes of length one change.
        long = [[n for n in v.aval.shape if n != 1] for v in (x, var)]
        return x if e.primitive.memory == "view" or long[0] == long[1] or self.in_order(x) else None


class Lazy(Deferred):
    """The value of a variable."""

    __slots__ = ("values", "var")

    def __init__(self, values: Values, var: Var):
        self.aval, self.values, self.var = var.aval, values, var

    def compute(self) -> Any:
        return known(self.values[self.var])

    def is_in_order(self) -> bool:
        return self.values.in_order(self.var)

    def is_view_of(self, base: Any) -> bool:
        var = self.var
        while not (isinstance(base, Lazy) and base.var is var):
            above = self.values.viewed(var)
            if above is None:
                return False
            var = above
        return True


@functools.lru_cache(maxsize=1 << 14)
def result(primitive: Primitive, *avals: Aval) -> Any:
    """What an operation without parameters makes of arguments like these."""
    return primitive.aval(*avals)


NUMBER_AVALS = {kind: Aval((), kind) for kind in NUMBERS}


class LazyTrace(RecordingTrace):
    """Writes equations, and computes nothing before it is asked for."""

    __slots__ = ()

    def __init__(self, *args: Any):
        super().__init__(*args)
        graph, _, *rest = self.state
        self.state = graph, Values(graph), *rest

    def captured(self, x: Tracer) -> Any:
        """What stands for a traced value from outside."""
        return x

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        graph, values = self.state[:2]
        kept, avals = [], []
        for a in args:
            if a.__class__ is not Recorded or a._trace is not self:
                if a.__class__ in NUMBERS:
                    kept.append(a)
                    avals.append(NUMBER_AVALS[a.__class__])
                    continue
                if isinstance(a, Tracer):
                    a = self.captured(a)
                if a.__class__ is not Recorded or a._trace is not self:
                    kept.append(self.constant(a))
                    avals.append(aval_of(a))
                    continue
            kept.append(a.companion)
            avals.append(a.companion.aval)
        if params.get("in_place"):
            params = params | {"in_place": False}
        try:
            made = primitive.aval(*avals, **params) if params else result(primitive, *avals)
        except Exception:  # the shape depends on values, or the operation has an error to tell
            made = None
        if made is None:
            ys = bind(primitive, *[known(values[k]) if isinstance(k, Var) else k for k in kept], **params)
            outputs = tuple(map(self.name, ys if primitive.multi else (ys,)))
        else:
            outputs = tuple([self.unknown(graph, values, a) for a in (made if primitive.multi else (made,))])
        graph.equations.append(Equation(primitive, tuple(kept), params, tuple([y.companion for y in outputs])))
        return outputs if primitive.multi else outputs[0]

    def unknown(self, graph: Graph, values: Values, aval: Aval) -> Recorded:
        var = graph.new(aval)
        return Recorded(self, Lazy(values, var), var)

    # Operators on numbers and on values of this trace need none of what is checked otherwise.

    def apply1(self, primitive: Primitive, x: Any) -> Any:
        if x.memory is not None:
            read(x)
        return self.process(primitive, (x,), {})

    def apply2(self, primitive: Primitive, a: Any, b: Any) -> Any:
        for x in (a, b):
            if x.__class__ is Recorded and x._trace is self:
                if x.memory is not None:
                    read(x)
            elif x.__class__ not in NUMBERS:
                return super().apply2(primitive, a, b)
        return self.process(primitive, (a, b), {})

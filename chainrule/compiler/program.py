"""Plan -> program: something to call with the leaves of the arguments, which returns those of the results.

Kernels that follow each other become one native function, entered through a builtin (builtin.py). What no kernel does
is called in between, by its record. Values are dropped when nothing reads them any more; what stays within one native
function stands in its workspace, and takes the place of what is no longer needed there. What passes between native
functions and products of matrices does so in buffers that stay from one call of the program to the next.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..ops.contractions import matmul
from . import control, threads
from .builtin import Argument, Options, Result, enter
from .coalesce import coalesce
from .control import Control
from .kernels import Call, Kernel, Plan
from .llvm import Module
from .lower import can, lower
from .memory import ALIGNED, packed, size_of, workspace
from .roll import roll
from .simplify import simplify
from .target import host


class Step(NamedTuple):
    """`values[made] = run(*values[read])`; after that the values `done` are dropped."""

    run: Callable[..., Any]
    read: tuple[int, ...]
    made: tuple[int, ...]
    done: tuple[int, ...]
    guards: tuple[tuple[int, Any], ...]
    """places of what f looked at, and what it saw there"""


class Program:
    """A compiled graph. Results without axes are NumPy scalars.

    Attributes
    ----------
    graph, plan : Graph, Plan
        What it was made of.
    modules : list of Module
        The native functions.
    seconds : dict
        How long each phase took.
    workspace, buffers : int
        Bytes that native functions take besides results, and that stay between them.
    recorded : int
        How many equations there were at first.
    """

    def __init__(self, graph: Graph, seconds: dict[str, float] | None = None, fastmath: bool = False):
        self.fastmath, self.recorded = fastmath, len(graph.equations)
        self.seconds: dict[str, float] = dict(seconds or {})
        self.modules: list[Module] = []
        self.workspace = 0
        rolled, options = self._timed("roll", roll, graph), {"fastmath": fastmath, "stable": fastmath, "reorder": True}
        self.graph = self._timed("simplify", simplify, rolled, **options)
        self.plan = self._timed("plan", Plan, self.graph, can)
        self._timed("plan", coalesce, self.plan)
        for v in self.plan.stored:
            if 0 in v.aval.shape and v not in self.graph.inputs:  # nothing fills it
                self.plan.constants.setdefault(v, np.zeros(v.aval.shape, v.aval.dtype))
        self._buffers: dict[Var, int] = {}
        self._idle: list[list[tuple[int, np.ndarray]]] = []
        self._place = {v: k for k, v in enumerate(dict.fromkeys((*self.graph.inputs, *self.plan.constants)))}
        self._start: list[Any] = [None] * len(self.graph.inputs)
        self._start += [contiguous(x) for v, x in self.plan.constants.items() if v not in self.graph.inputs]
        self.steps = self._steps()
        self.outputs = tuple(self._place[v] for v in self.graph.outputs)
        self._count = len(self._place)
        self._owned = {self._place[v] for v in self.plan.constants}

    def _timed(self, phase: str, run: Callable[..., Any], *args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        found = run(*args, **options)
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start
        return found

    # ---- making it

    def _steps(self) -> list[Step]:
        """Native functions and calls, in order, with what each reads, makes and drops."""
        groups: list[list[Kernel | Control] | Call] = []
        for step in self.plan.steps:
            if isinstance(step, Call):
                groups.append(step)
            elif groups and isinstance(groups[-1], list):
                groups[-1].append(step)
            else:
                groups.append([step])
        ends = {*self.graph.outputs, *(v for v, _ in self.graph.guards)}
        last = {v: n for n, g in enumerate(groups) for v in read_by(g)}
        self._buffers, self.buffers = packed(self._spans(groups, ends))
        guards = dict(self.graph.guards)
        steps = []
        for n, g in enumerate(groups):
            made = [v for v in made_by(g) if v in ends or last.get(v, -1) > n]
            if not made and not isinstance(g, Call):
                continue
            kept = list(g.equation.outputs) if isinstance(g, Call) else made
            given = list(read_by(g))
            buffers = [v for v in kept if v in self._buffers]
            new = [v for v in kept if v not in self._buffers]
            run = self._call(g) if isinstance(g, Call) else self._native(n, g, given, buffers, new)
            for v in kept:
                self._place.setdefault(v, len(self._place))
            dropped = [
                v for v in {*given, *kept} if last.get(v, -1) <= n and v not in ends and v not in self.plan.constants
            ]
            steps.append(
                Step(
                    run,
                    tuple(self._place[v] for v in (*given, *buffers)),
                    tuple(self._place[v] for v in new),
                    tuple(self._place[v] for v in dropped if v not in self.graph.inputs),
                    tuple((self._place[v], guards[v]) for v in kept if v in guards),
                )
            )
        return steps

    def _spans(self, groups: Sequence[Any], ends: set[Var]) -> dict[Var, list[int]]:
        """The values that stay in buffers, and from which step to which they are needed."""
        spans, shares = {}, {}
        for n, g in enumerate(groups):
            fills = not isinstance(g, Call) or g.equation.primitive in FILLS
            for v in read_by(g):
                v = shares.get(v, v)
                if v not in spans:
                    continue
                spans[v][1] = n
                if not fills:
                    if isinstance(g, Call) and g.equation.outputs[0] in self.plan.views:
                        shares[g.equation.outputs[0]] = v
                    else:  # the result may be a view of it
                        del spans[v]
            if fills:
                spans |= {v: [n, n] for v in made_by(g) if v not in ends and size_of(v) >= LARGE}
        return {v: span for v, span in spans.items() if span[0] < span[1]}

    def _lend(self) -> list[tuple[int, np.ndarray]]:
        """Memory for one call, and the places of its arrays among the values."""
        memory, arrays = np.empty(self.buffers + ALIGNED, np.uint8), []
        start = -memory.ctypes.data % ALIGNED
        for v, at in self._buffers.items():
            count, dtype = math.prod(v.aval.shape), np.dtype(v.aval.dtype)
            x = memory[start + at : start + at + count * dtype.itemsize].view(dtype).reshape(v.aval.shape)
            arrays.append((self._place[v], x))
        return arrays

    def _call(self, call: Call) -> Callable[..., Any]:
        e = call.equation
        if e.outputs[0] in self._buffers:
            return functools.partial(fill, FILLS[e.primitive], self._arguments(e))
        params = {k: self._body(p) if isinstance(p, Graph) else p for k, p in e.params.items()}
        impl = functools.partial(e.primitive.impl, **params) if params else e.primitive.impl
        arguments = self._arguments(e)
        avals = [v.aval for v in e.outputs]

        def run(*values):
            y = impl(*[values[place] if known is None else known for place, known in arguments])
            ys = y if e.primitive.multi else (y,)
            return tuple(as_stored(x, aval) for x, aval in zip(ys, avals, strict=True))

        return run

    def _arguments(self, e: Equation) -> list[tuple[int, Any]]:
        """Where each argument of an equation is among the values that its call is given, or which constant it is."""
        order = list(read_by(Call(0, e)))
        return [(order.index(a), None) if isinstance(a, Var) else (0, a) for a in e.args]

    def _body(self, graph: Graph) -> Body:
        """The body of a loop or a branch that is not native throughout."""
        program = Program(graph, fastmath=self.fastmath)
        for phase, took in program.seconds.items():
            self.seconds[phase] = self.seconds.get(phase, 0.0) + took
        self.modules += program.modules
        return Body(graph, program)

    def _native(
        self,
        number: int,
        steps: list[Kernel | Control],
        read: Sequence[Var],
        buffers: Sequence[Var],
        new: Sequence[Var],
    ) -> Native:
        """A native function of what it reads and of the buffers that it fills, which makes `new`."""
        given = {v: k for k, v in enumerate([*read, *buffers, *new])}
        places, size = workspace(steps, given)
        self.workspace = max(self.workspace, size)
        module = Module(host())
        function = self._timed("lower", lower, module, f"plan{number}", steps, given, places)
        self.modules.append(module)
        arguments = [argument(v) for v in read] + [argument(v)._replace(written=True) for v in buffers]
        results = [Result(np.dtype(v.aval.dtype), v.aval.shape) for v in new]
        foreign = threads.addresses() if threads.PARALLEL in module.table else None
        entered = self._timed("native", enter, module, function, arguments, results, Options(size), foreign, LEVEL)
        return Native(entered, arguments, len(new))

    def counts(self) -> dict[str, int]:
        """How many kernels, loops and branches, and calls there are, those within others too."""
        steps = list(control.steps_within(self.plan.steps))
        kinds = {"kernels": Kernel, "loops": Control, "calls": Call}
        return {name: sum(isinstance(s, kind) for s in steps) for name, kind in kinds.items()}

    # ---- running it

    @property
    def direct(self) -> Callable[..., Any] | None:
        """The builtin itself, if there is nothing else to do; it returns an `int` for other arguments."""
        if len(self.steps) != 1 or self.graph.guards or self.steps[0].read != tuple(range(len(self.graph.inputs))):
            return None
        step = self.steps[0]
        return step.run.entered if isinstance(step.run, Native) and self.outputs == step.made else None

    def __call__(self, leaves: Sequence[Any]) -> list[Any] | None:
        """The results; None if the function would have gone another way for these arguments."""
        values = [as_number(x) for x in leaves] + self._start[len(leaves) :]
        values += [None] * (self._count - len(values))
        if not self._buffers:
            return self._run(values)
        try:
            lent = self._idle.pop()
        except IndexError:  # the first call, or one within or beside another
            lent = self._lend()
        for place, x in lent:
            values[place] = x
        try:
            return self._run(values)
        finally:
            self._idle.append(lent)

    def _run(self, values: list[Any]) -> list[Any] | None:
        for run, read, made, done, guards in self.steps:
            for place, y in zip(made, run(*[values[k] for k in read]), strict=True):
                values[place] = y
            for place, answer in guards:
                if not same(values[place], answer):
                    return None
            for place in done:
                values[place] = None
        return [np.array(values[k])[()] if k in self._owned else values[k] for k in self.outputs]


class Body(NamedTuple):
    """A compiled body, in the place of its graph."""

    graph: Graph
    program: Program

    @property
    def outputs(self) -> list[Var]:
        return self.graph.outputs

    def run(self, leaves: Sequence[Any]) -> list[Any]:
        found = self.program(leaves)
        assert found is not None, "a body has no guards"
        return found


class Native:
    """A native function, for arguments that may have to be brought into its form first."""

    def __init__(self, entered: Callable[..., Any], arguments: Sequence[Argument], count: int):
        self.entered, self.arguments, self.count = entered, arguments, count

    def __call__(self, *values: Any) -> Any:
        y = self.entered(*values)
        if type(y) is int:
            y = self.entered(*[fitting(x, a) for x, a in zip(values, self.arguments, strict=True)])
            if type(y) is int:
                raise TypeError(f"compile: argument {-1 - y} of a native function is not as it was compiled for")
        return y if self.count > 1 else (y,) if self.count else ()


LEVEL = 1
"""How hard LLVM works (native.py): below, loops keep their sums in memory and take twice the time; above, nothing that
could be measured is gained."""

FILLS = {matmul: np.matmul}
"""Operations whose function fills an array that it is given, and shares no memory with what it returns otherwise."""

LARGE = 1 << 14
"""Bytes from which a value has a buffer that stays."""


def fill(function: Callable[..., Any], arguments: Sequence[tuple[int, Any]], *values: Any) -> tuple[()]:
    """Calls a function of NumPy's that puts its result into the last of the values."""
    function(*[values[place] if known is None else known for place, known in arguments], out=values[-1])
    return ()


def as_number(x: Any) -> Any:
    """An array without axes as a NumPy scalar: what native functions take."""
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


def same(found: Any, answer: Any) -> bool:
    return bool(np.array_equal(found, answer, equal_nan=np.asarray(answer).dtype.kind in "fc"))


def read_by(step: list[Kernel | Control] | Call) -> dict[Var, None]:
    """What a step takes from before it."""
    if isinstance(step, Call):
        return dict.fromkeys(a for a in step.equation.args if isinstance(a, Var))
    own = made_by(step)
    return dict.fromkeys(v for k in step for v in sorted(control.read(k), key=str) if v not in own)


def made_by(step: list[Kernel | Control] | Call) -> dict[Var, None]:
    if isinstance(step, Call):
        return dict.fromkeys(step.equation.outputs)
    return dict.fromkeys(v for k in step for v in sorted(control.written(k), key=str))


NUMBERS = {float: np.dtype(float), int: np.dtype(int), bool: np.dtype(bool), complex: np.dtype(complex)}


def argument(var: Var) -> Argument:
    """What a native function is compiled for, in the place of a value."""
    dtype, shape = var.aval.dtype, var.aval.shape
    if dtype in NUMBERS:
        return Argument(dtype)
    if shape == ():
        return Argument(np.dtype(dtype).type)
    return Argument(np.ndarray, np.dtype(dtype), shape)


def fitting(x: Any, wanted: Argument) -> Any:
    """The same value as an object of the type that is wanted."""
    if wanted.type is np.ndarray:
        return np.ascontiguousarray(x, wanted.dtype).reshape(wanted.shape)
    return wanted.type(x[()] if isinstance(x, np.ndarray) else x)


def contiguous(x: Any) -> Any:
    return np.ascontiguousarray(x) if isinstance(x, np.ndarray) and x.ndim else as_number(x)


def as_stored(x: Any, aval: Any) -> Any:
    """What a call has made, as native functions take it."""
    return as_number(np.asarray(x, np.dtype(aval.dtype)))

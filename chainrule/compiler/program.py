"""Plan -> program: something to call with the leaves of the arguments, which returns those of the results.

Kernels that follow each other become one native function, entered through a builtin (builtin.py). What no kernel does
is called in between, by its record. Values are dropped when nothing reads them any more; what stays within one native
function stands in its workspace, and takes the place of what is no longer needed there.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Graph, Var
from . import control
from .builtin import Argument, Options, Result, enter
from .control import Control
from .kernels import Call, Kernel, Plan
from .llvm import Module
from .lower import can, lower
from .memory import workspace
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
    workspace : int
        Bytes that native functions take besides results.
    """

    def __init__(self, graph: Graph, seconds: dict[str, float] | None = None):
        self.seconds: dict[str, float] = dict(seconds or {})
        self.modules: list[Module] = []
        self.workspace = 0
        self.graph = self._timed("simplify", simplify, self._timed("roll", roll, graph), stable=False, reorder=True)
        self.plan = self._timed("plan", Plan, self.graph, can)
        for v in self.plan.stored:
            if 0 in v.aval.shape and v not in self.graph.inputs:  # nothing fills it
                self.plan.constants.setdefault(v, np.zeros(v.aval.shape, v.aval.dtype))
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
        guards = dict(self.graph.guards)
        steps = []
        for n, g in enumerate(groups):
            made = [v for v in made_by(g) if v in ends or last.get(v, -1) > n]
            if not made and not isinstance(g, Call):
                continue
            kept = list(g.equation.outputs) if isinstance(g, Call) else made
            given = list(read_by(g))
            run = self._call(g) if isinstance(g, Call) else self._native(n, g, given, made)
            for v in kept:
                self._place.setdefault(v, len(self._place))
            dropped = [
                v for v in {*given, *kept} if last.get(v, -1) <= n and v not in ends and v not in self.plan.constants
            ]
            steps.append(
                Step(
                    run,
                    tuple(self._place[v] for v in given),
                    tuple(self._place[v] for v in kept),
                    tuple(self._place[v] for v in dropped if v not in self.graph.inputs),
                    tuple((self._place[v], guards[v]) for v in kept if v in guards),
                )
            )
        return steps

    def _call(self, call: Call) -> Callable[..., Any]:
        e = call.equation
        params = {k: self._body(p) if isinstance(p, Graph) else p for k, p in e.params.items()}
        impl = functools.partial(e.primitive.impl, **params) if params else e.primitive.impl
        order = list(dict.fromkeys(a for a in e.args if isinstance(a, Var)))
        args = [order.index(a) if isinstance(a, Var) else a for a in e.args]
        known = [None if isinstance(a, Var) else a for a in e.args]
        traced = [isinstance(a, Var) for a in e.args]
        avals = [v.aval for v in e.outputs]

        def run(*values):
            y = impl(*[values[a] if on else k for a, k, on in zip(args, known, traced, strict=True)])
            ys = y if e.primitive.multi else (y,)
            return tuple(as_stored(x, aval) for x, aval in zip(ys, avals, strict=True))

        return run

    def _body(self, graph: Graph) -> Body:
        """The body of a loop or a branch that is not native throughout."""
        program = Program(graph)
        for phase, took in program.seconds.items():
            self.seconds[phase] = self.seconds.get(phase, 0.0) + took
        self.modules += program.modules
        return Body(graph, program)

    def _native(self, number: int, steps: list[Kernel | Control], read: Sequence[Var], made: Sequence[Var]) -> Any:
        given = {v: k for k, v in enumerate([*read, *made])}
        places, size = workspace(steps, given)
        self.workspace = max(self.workspace, size)
        module = Module(host())
        function = self._timed("lower", lower, module, f"plan{number}", steps, given, places)
        self.modules.append(module)
        arguments = [argument(v, self.graph.inputs) for v in read]
        results = [Result(np.dtype(v.aval.dtype), v.aval.shape) for v in made]
        entered = self._timed("native", enter, module, function, arguments, results, Options(size))
        return Native(entered, arguments, len(made) != 1)

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

    def __init__(self, entered: Callable[..., Any], arguments: Sequence[Argument], several: bool):
        self.entered, self.arguments, self.several = entered, arguments, several

    def __call__(self, *values: Any) -> Any:
        y = self.entered(*values)
        if type(y) is int:
            y = self.entered(*[fitting(x, a) for x, a in zip(values, self.arguments, strict=True)])
            if type(y) is int:
                raise TypeError(f"compile: argument {-1 - y} of a native function is not as it was compiled for")
        return y if self.several else (y,)


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


def argument(var: Var, inputs: Sequence[Var]) -> Argument:
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

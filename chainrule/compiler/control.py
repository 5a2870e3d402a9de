"""Steps of a plan that hold plans: `scan`, `while_loop` and `cond`, as far as their bodies are kernels throughout.

What a body reads and makes stands where the operation's own arguments and results stand: what is handed on in the place
of the last result, so that it is changed there; a stacked result row by row. Only where a body hands on, as it is, what
it has got, or reads what it has changed already, something is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.trace import aval_of
from ..transforms.branches import cond
from ..transforms.scans import scan
from ..transforms.whiles import while_loop
from .indices import Index

OPERATIONS = {scan, while_loop, cond}


class Place(NamedTuple):
    """Where a variable of a body stands: with one outside, or in the row of it that belongs to the turn."""

    outside: Var
    row: bool = False


@dataclass(eq=False)
class Region:
    """A plan that is done within a step.

    places: the variables that stand where some of those outside do. before, after: what is copied, from variable to
    variable, before the steps and after them. temporary: variables that last for one turn.
    """

    plan: Any
    places: dict[Var, Place] = field(default_factory=dict)
    before: list[tuple[Var, Var]] = field(default_factory=list)
    after: list[tuple[Var, Var]] = field(default_factory=list)
    temporary: list[Var] = field(default_factory=list)

    def makes(self, v: Var) -> bool:
        """Whether v is computed here, and stands nowhere yet."""
        return v in self.plan.filled and v not in self.places

    def put(self, v: Var, place: Place) -> None:
        """Has a result of the body stand at a place in the end."""
        if self.makes(v):
            self.places[v] = place
        else:
            goal = self.named(v, place)
            (self.after if v in self.plan.filled else self.before).append((v, goal))

    def hand_on(self, v: Var, old: Var, place: Place) -> None:
        """Has a result stand, in the end, where `old` stands, which the body gets."""
        if v is old:
            return
        if self.makes(v) and may_replace(self.plan, v, old):
            self.places[v] = place
            return
        if v not in self.plan.filled:  # it may be overwritten before it is copied
            self.temporary.append(Var(f"{v}.old", v.aval))
            self.before.append((v, self.temporary[-1]))
            v = self.temporary[-1]
        self.after.append((v, self.named(v, place)))

    def named(self, v: Var, place: Place) -> Var:
        goal = Var(f"{v}.new", v.aval)
        self.places[goal] = place
        return goal


@dataclass(eq=False)
class Loop:
    """`scan`: carries are copied from `start` to `results`, then there are `length` turns of the body."""

    number: int
    equation: Equation
    body: Region
    start: list[tuple[Var, Var]]
    length: int
    reverse: bool

    @property
    def regions(self) -> list[Region]:
        return [self.body]


@dataclass(eq=False)
class While:
    """`while_loop`: carries are copied from `start` to `results`; then turns of the body while `condition` holds."""

    number: int
    equation: Equation
    condition: Region
    body: Region
    start: list[tuple[Var, Var]]

    @property
    def regions(self) -> list[Region]:
        return [self.condition, self.body]


@dataclass(eq=False)
class Branch:
    """`cond`: one of two bodies."""

    number: int
    equation: Equation
    no: Region
    yes: Region

    @property
    def regions(self) -> list[Region]:
        return [self.no, self.yes]


Control = Loop | While | Branch


def control(e: Equation, number: int, planned: Callable[[Graph], Any]) -> Control | None:
    """The step for an operation with bodies; None if a body takes more than kernels.

    `planned` makes plans of graphs.
    """
    plans = {k: planned(fresh(g)) for k, g in e.params.items() if isinstance(g, Graph)}
    if not all(plan.is_native for plan in plans.values()):
        return None
    if e.primitive is cond:
        regions = []
        for plan in (plans["no"], plans["yes"]):
            region = Region(plan, standing(plan.graph.inputs, e.args[1:]))
            for v, out in zip(plan.graph.outputs, e.outputs, strict=True):
                region.put(v, Place(out))
            regions.append(region)
        return Branch(number, e, *regions)
    consts = e.params["consts"]
    carries = e.params["carries"] if e.primitive is scan else len(e.args) - consts
    start = list(zip(e.args[consts : consts + carries], e.outputs, strict=False))
    body = looped(plans["body"], e, consts, carries)
    if e.primitive is scan:
        return Loop(number, e, body, start, e.params["length"], e.params["reverse"])
    inputs = plans["condition"].graph.inputs
    condition = Region(plans["condition"], standing(inputs[:consts], e.args) | standing(inputs[consts:], e.outputs))
    return While(number, e, condition, body, start)


def looped(plan: Any, e: Equation, consts: int, carries: int) -> Region:
    """The body of a loop: what it hands on stands where the last result does."""
    inputs, outputs, end = plan.graph.inputs, plan.graph.outputs, consts + carries
    places = standing(inputs[:consts], e.args) | standing(inputs[consts:end], e.outputs)
    region = Region(plan, places | standing(inputs[end:], e.args[end:], row=True))
    for v, out in zip(outputs[carries:], e.outputs[carries:], strict=True):
        region.put(v, Place(out, row=True))
    for v, old, out in zip(outputs[:carries], inputs[consts:end], e.outputs, strict=False):
        region.hand_on(v, old, Place(out))
    return region


def standing(inside: Sequence[Var], outside: Sequence[Var], row: bool = False) -> dict[Var, Place]:
    return {v: Place(x, row) for v, x in zip(inside, outside, strict=False)}


def may_replace(plan: Any, new: Var, old: Var) -> bool:
    """Whether `new` may be put where `old` stands: `old` is not read later, nor elsewhere when it is written."""
    first = next(s.number for s in plan.steps if new in written(s))
    if any(old in read(s) for s in plan.steps[first + 1 :]):
        return False
    step = plan.steps[first]
    if old not in read(step):
        return True
    if isinstance(step, Control):  # it starts with the one, and makes the other of it
        at = [k for k, a in enumerate(step.equation.args) if a is old]
        start = getattr(step, "start", [])
        return len(at) == 1 and (old, new) in [(a, b) for a, b in start]
    goals = {s.place for s in step.stores if s.buffer is new and isinstance(s.place, Index)}
    places = [s.data for s in step.body.steps if s.op == "load" and s.data[0] is old]
    gathered = any(s.op == "gather" and s.data is old for s in step.body.steps)
    return not gathered and all(place in goals for _, place in places)


# ---- what steps read and make ------------------------------------------------------------------------------------


def read(step: Any) -> set[Var]:
    """The variables, of those around a step that is written as native code, that it reads."""
    if isinstance(step, Control):
        return {*step.equation.args, *(v for region in step.regions for v in region.plan.constants)}
    return {s.data[0] if s.op == "load" else s.data for s in step.needed() if s.op in ("load", "gather")}


def written(step: Any) -> set[Var]:
    """The variables that it makes."""
    return set(step.equation.outputs) if isinstance(step, Control) else {s.buffer for s in step.stores}


def steps_within(steps: Iterable[Any]) -> Iterator[Any]:
    """The steps, and those within them."""
    for step in steps:
        yield step
        if isinstance(step, Control):
            for region in step.regions:
                yield from steps_within(region.plan.steps)


# ---- preparing graphs --------------------------------------------------------------------------------------------


def fresh(graph: Graph) -> Graph:
    """The same with new variables, so that what is made for it is not taken for that of another."""
    names: dict[Var, Var] = {}

    def new(v: Any) -> Any:
        return names.setdefault(v, Var(v.name, v.aval)) if isinstance(v, Var) else v

    equations = [
        Equation(e.primitive, tuple(map(new, e.args)), e.params, tuple(map(new, e.outputs))) for e in graph.equations
    ]
    constants = {new(v): x for v, x in graph.constants.items()}
    return Graph([*map(new, graph.inputs)], equations, [*map(new, graph.outputs)], constants)


def as_given(e: Equation) -> list[Any]:
    """The arguments of an operation with bodies, numbers among them as arrays of the dtype that is expected."""
    graph = next(p for p in e.params.values() if isinstance(p, Graph))
    consts = e.params.get("consts", 0)
    end = consts + e.params["carries"] if e.primitive is scan else len(e.args)
    inputs = [None, *graph.inputs] if e.primitive is cond else graph.inputs
    found = []
    for k, (a, v) in enumerate(zip(e.args, inputs, strict=True)):
        known = isinstance(a, Var)
        dtype = v.aval.dtype if v is not None and not (known or k >= end) else None
        found.append(a if known else np.asarray(a, dtype if dtype is not None else np.dtype(aval_of(a).dtype)))
    return found

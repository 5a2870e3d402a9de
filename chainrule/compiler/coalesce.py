"""Plan -> plan: what is copied into its place in another array is made there.

So it is with arrays that are put together, and then put together with others: the inner ones need no memory, and no
copying.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.graph import Var
from .control import Control, read, written
from .indices import Index
from .kernels import Kernel, Plan, Store
from .scalars import Scalar


def coalesce(plan: Plan) -> None:
    """Makes the buffers of a plan parts of those that they are copied into, as far as nobody can tell.

    Notes
    -----
    Cost: in proportion to the size of the plan, times the copies that it begins with.
    """
    kept = {*plan.graph.inputs, *plan.graph.outputs, *plan.constants, *(v for v, _ in plan.graph.guards)}
    refused: set[tuple[Var, Var]] = set()
    while True:
        found = next((c for c in copies(plan.steps) if c[:2] not in refused and c[0] not in kept), None)
        if found is None:
            break
        source, goal, offset, at = found
        if can_move(plan.steps, source, goal, offset, at):
            move(plan.steps, source, goal, offset)
        else:
            refused.add((source, goal))
    plan.steps[:] = [s for s in plan.steps if not isinstance(s, Kernel) or s.stores]


def copies(steps: Sequence[Any]) -> list[tuple[Var, Var, int, int]]:
    """The buffers that a kernel copies as a whole: source, goal, where in that it begins, and the kernel's place."""
    found = []
    for at, kernel in enumerate(steps):
        if not isinstance(kernel, Kernel):
            continue
        counts: dict[tuple[Var, Var, int], list[Index]] = {}
        for store in kernel.stores:
            copied = what_is_copied(kernel, store)
            if copied is not None:
                counts.setdefault((copied[0], store.buffer, copied[2]), []).append(copied[1])
        turns = math.prod(kernel.extents)
        for (source, goal, offset), places in counts.items():
            size = math.prod(source.aval.shape)
            whole = min(p.low for p in places) == 0 and max(p.high for p in places) == size - 1
            if whole and turns * len(places) == size and source.aval.dtype == goal.aval.dtype:
                found.append((source, goal, offset, at))
    return found


def what_is_copied(kernel: Kernel, store: Store) -> tuple[Var, Index, int] | None:
    """Where a store's value is read from, and how much further on it is stored; None if it is no copy."""
    step = kernel.body.steps[store.value.place]
    if store.add or step.op != "load" or isinstance(store.place, Scalar):
        return None
    source, place = step.data
    between = store.place - place
    return None if between.terms or source is store.buffer else (source, place, between.offset)


def can_move(steps: Sequence[Any], source: Var, goal: Var, offset: int, at: int) -> bool:
    """Whether `source` can be a part of `goal`.

    Kernels alone make and read it, at places that are known, and nobody after the copy; and no kernel up to that one
    touches this part of the goal otherwise. All that is written is within one native function, without calls between.
    """
    run, written_in = 0, set()
    for step in steps:
        run += not isinstance(step, Kernel | Control)
        if not {source, goal}.isdisjoint(written(step) if isinstance(step, Kernel | Control) else ()):
            written_in.add(run)
    if len(written_in) > 1:
        return False
    part = range(offset, offset + math.prod(source.aval.shape))
    for k, step in enumerate(steps):
        if not isinstance(step, Kernel):
            if source in touched(step) or (k < at and goal in touched(step)):
                return False
            continue
        loads = [s.data for s in step.needed() if s.op == "load"]
        gathered = {s.data for s in step.needed() if s.op == "gather"}
        scattered = {s.buffer for s in step.stores if isinstance(s.place, Scalar)}
        if source in gathered | scattered or (k <= at and goal in gathered | scattered):
            return False
        if k > at and any(var is source for var, _ in loads):
            return False
        own = [s for s in step.stores if s.buffer is goal and not is_copy(step, s, source, offset)]
        others = [s.place for s in own if isinstance(s.place, Index)]
        others += [place for var, place in loads if var is goal]
        if k <= at and any(place.low < part.stop and place.high >= part.start for place in others):
            return False
    return True


def touched(step: Any) -> set[Var]:
    """What a step that is no kernel reads and makes."""
    if isinstance(step, Control):
        return read(step) | written(step)
    return {*(a for a in step.equation.args if isinstance(a, Var)), *step.equation.outputs}


def is_copy(kernel: Kernel, store: Store, source: Var, offset: int) -> bool:
    copied = what_is_copied(kernel, store)
    return copied is not None and copied[0] is source and copied[2] == offset


def move(steps: Sequence[Any], source: Var, goal: Var, offset: int) -> None:
    """Puts that part of the goal in the place of the source; the copies go."""
    for kernel in steps:
        if not isinstance(kernel, Kernel):
            continue
        stores = [s for s in kernel.stores if not (s.buffer is goal and is_copy(kernel, s, source, offset))]
        for k, s in enumerate(stores):
            if s.buffer is source and isinstance(s.place, Index):
                stores[k] = s._replace(buffer=goal, place=s.place + offset)
        kernel.stores[:] = stores
        for k, s in enumerate(kernel.body.steps):
            if s.op == "load" and s.data[0] is source:
                kernel.body.steps[k] = s._replace(data=(goal, s.data[1] + offset))

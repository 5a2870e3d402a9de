"""Runs plans with NumPy, a whole loop at a time: slow and simple, to see what a plan says."""

import math

import numpy as np

from chainrule.compiler.control import Branch, Control, Loop
from chainrule.compiler.indices import Index
from chainrule.compiler.kernels import Call, Kernel
from chainrule.compiler.scalars import REDUCTIONS
from chainrule.core.graph import Var


def run(plan, leaves):
    """The outputs of a plan, and its buffers."""
    graph = plan.graph
    given = plan.constants | dict(zip(graph.inputs, leaves, strict=True))
    buffers = {v: np.array(x).reshape(-1) for v, x in given.items()}
    for v in plan.stored:
        if 0 in v.aval.shape:
            buffers[v] = np.empty(0, v.aval.dtype)
    run_steps(plan.steps, buffers)
    return [buffers[v].reshape(v.aval.shape)[()] for v in graph.outputs]


def run_steps(steps, buffers):
    shaped = lambda v: buffers[v].reshape(v.aval.shape)[()]
    for step in steps:
        if isinstance(step, Control):
            for v in step.equation.outputs:
                buffers.setdefault(v, garbage(v))
            run_control(step, buffers)
        elif isinstance(step, Call):
            e = step.equation
            y = e.primitive.impl(*(shaped(a) if isinstance(a, Var) else a for a in e.args), **e.params)
            for v, part in zip(e.outputs, y if e.primitive.multi else (y,), strict=True):
                buffers[v] = np.array(part, v.aval.dtype).reshape(-1)
        else:
            run_kernel(step, buffers)


def run_control(step, buffers):
    if isinstance(step, Branch):
        run_region(step.yes if buffers[step.equation.args[0]][0] else step.no, buffers)
        return
    copy(step.start, buffers)
    if isinstance(step, Loop):
        for i in reversed(range(step.length)) if step.reverse else range(step.length):
            run_region(step.body, buffers, i)
        return
    (going,) = step.condition.plan.graph.outputs
    while run_region(step.condition, buffers)[going][0]:
        run_region(step.body, buffers)


def run_region(region, outside, turn=0):
    """What stands outside is seen, and changed, through views."""
    inside = dict(outside)
    for v, place in region.places.items():
        count, buffer = math.prod(v.aval.shape), outside[place.outside]
        inside[v] = buffer[turn * count : (turn + 1) * count] if place.row else buffer
    inside |= {v: garbage(v) for v in region.temporary}
    copy(region.before, inside)
    run_steps(region.plan.steps, inside)
    copy(region.after, inside)
    return inside


def copy(pairs, buffers):
    for source, goal in pairs:
        buffers[goal][:] = buffers[source]


def garbage(v):
    """A buffer that nothing is in yet: none of these numbers may stay."""
    return np.full(math.prod(v.aval.shape), 77, v.aval.dtype)


def run_kernel(kernel: Kernel, buffers):
    counters = {*kernel.counters, *(c for s in kernel.body.steps if s.op in REDUCTIONS for c in s.data)}
    axes = {c: k for k, c in enumerate(sorted(counters, key=lambda c: c.rank))}

    def grid(index: Index):
        total = np.full((1,) * len(axes), index.offset)
        for counter, factor in index.terms:
            shape = [counter.extent if k == axes[counter] else 1 for k in range(len(axes))]
            total = total + factor * np.arange(counter.extent).reshape(shape)
        return total

    values = []
    needed = kernel.body.needed(s.value for s in kernel.stores) | kernel.body.needed(
        s.place for s in kernel.stores if not isinstance(s.place, Index)
    )
    for n, s in enumerate(kernel.body.steps):
        args = [values[a] for a in s.args]
        with np.errstate(all="ignore"):
            values.append(evaluate(s, args, grid, axes, buffers) if n in needed else None)
    for store in kernel.stores:
        buffer = buffers.setdefault(store.buffer, garbage(store.buffer))
        place = grid(store.place) if isinstance(store.place, Index) else values[store.place.place]
        shape = tuple(c.extent if c in kernel.counters else 1 for c in axes)
        place, value = np.broadcast_to(place, shape).ravel(), np.broadcast_to(values[store.value.place], shape).ravel()
        if store.add:
            np.add.at(buffer, place, value)
        else:
            buffer[place] = value


def evaluate(s, args, grid, axes, buffers):
    if s.op in ("constant", "zero"):
        return np.full((1,) * len(axes), s.data)
    if s.op == "load":
        return buffers[s.data[0]][grid(s.data[1])]
    if s.op == "gather":
        return buffers[s.data][args[0]]
    if s.op == "index":
        return grid(s.data)
    if s.op == "cast":
        return args[0].astype(s.dtype)
    if s.op == "where":
        return np.where(*args)
    if s.op == "position":
        if ((args[0] < -s.data) | (args[0] >= s.data)).any():
            raise IndexError("out of bounds")
        return args[0] % s.data
    if s.op in REDUCTIONS:
        wide = list(args[0].shape)
        for c in s.data:
            wide[axes[c]] = c.extent
        reduce, over = getattr(np, REDUCTIONS[s.op]).reduce, tuple(axes[c] for c in s.data)
        return reduce(np.broadcast_to(args[0], wide), axis=over, keepdims=True).astype(s.dtype)
    return np.asarray(getattr(np, s.op)(*args)).astype(s.dtype)

"""Runs plans with NumPy, a whole loop at a time: slow and simple, to see what a plan says."""

import math

import numpy as np

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
    shaped = lambda v: buffers[v].reshape(v.aval.shape)[()]
    for step in plan.steps:
        if isinstance(step, Call):
            e = step.equation
            y = e.primitive.impl(*(shaped(a) if isinstance(a, Var) else a for a in e.args), **e.params)
            for v, part in zip(e.outputs, y if e.primitive.multi else (y,), strict=True):
                buffers[v] = np.array(part, v.aval.dtype).reshape(-1)
        else:
            run_kernel(step, buffers)
    return [shaped(v) for v in graph.outputs]


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
        fresh = np.full(math.prod(store.buffer.aval.shape), 77, store.buffer.aval.dtype)  # none of these may stay
        buffer = buffers.setdefault(store.buffer, fresh)
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

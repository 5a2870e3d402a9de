"""Where the values stand that only one native function sees: how long each is needed, and what takes its place then."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

import numpy as np

from ..core.graph import Var
from .control import Control, Region, read, written
from .kernels import Kernel

ALIGNED = 64
"""Bytes: buffers of a workspace begin at multiples of this."""


class Spans:
    """When each variable is needed, first and last, while steps are done one after the other.

    What stands where another variable does counts as that.
    """

    def __init__(self, steps: Iterable[Kernel | Control]):
        self.time = 0
        self.of: dict[Var, list[int]] = {}
        self.steps(steps, lambda v: v)

    def touch(self, variables: Iterable[Var], root: Callable[[Var], Var]) -> None:
        for v in map(root, variables):
            self.of.setdefault(v, [self.time, self.time])[1] = self.time

    def steps(self, steps: Iterable[Kernel | Control], root: Callable[[Var], Var]) -> None:
        for step in steps:
            self.time += 1
            self.touch((*read(step), *written(step)), root)
            if isinstance(step, Control):
                for region in step.regions:
                    self.region(region, root)
                self.time += 1  # what is outside is there in every turn
                self.touch((*read(step), *written(step)), root)

    def region(self, region: Region, outside: Callable[[Var], Var]) -> None:
        def root(v: Var) -> Var:
            place = region.places.get(v)
            return v if place is None else outside(place.outside)

        copied = [v for pair in (*region.before, *region.after) for v in pair]
        self.time += 1
        self.touch([*region.temporary, *copied], root)
        self.steps(region.plan.steps, root)
        self.time += 1
        self.touch([*region.temporary, *copied, *region.plan.graph.outputs], root)


def workspace(steps: Iterable[Kernel | Control], given: Container[Var]) -> tuple[dict[Var, int], int]:
    """Where each of the buffers that only these steps see stands, and how many bytes they take together.

    One takes the place of others that are no longer needed.
    """
    return packed({v: span for v, span in Spans(steps).of.items() if v not in given})


def packed(spans: Mapping[Var, Sequence[int]]) -> tuple[dict[Var, int], int]:
    """Where buffers begin that are needed from one time to another, both included, and how many bytes they take.

    The largest are placed first, each in the first gap that it fits in.
    """
    places: dict[Var, int] = {}
    for v in sorted(spans, key=lambda v: -size_of(v)):
        (first, last), at = spans[v], 0
        taken = sorted(
            (places[w], places[w] + size_of(w)) for w in places if spans[w][0] <= last and first <= spans[w][1]
        )
        for start, end in taken:
            if at + size_of(v) <= start:
                break
            at = max(at, end)
        places[v] = at
    return places, max((places[v] + size_of(v) for v in places), default=0)


def size_of(var: Var) -> int:
    """In bytes, up to the next place where a buffer may begin."""
    bytes_ = math.prod(var.aval.shape) * np.dtype(var.aval.dtype).itemsize
    return -(-max(bytes_, 1) // ALIGNED) * ALIGNED

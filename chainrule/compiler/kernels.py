"""Graph -> plan: kernels and calls, in order.

A kernel is a nest of loops around a body, which says what one turn computes and where it puts it. Calls are of what no
loop does.

A value is either stored, in a buffer that a kernel fills, or made anew wherever an element of it is needed. Making it
anew takes no memory, and nothing twice within a kernel, since there equal numbers are shared. Stored are the results,
what a call takes, what comes out of a loop of its own (a long reduction), what is put together of several writes
(`Primitive.parts`), and what another kernel has made already, unless it is quicker to make than to read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Equation, Graph, Var
from ..core.primitive import Aval, Part
from ..core.trace import NUMBERS, aval_of
from ..ops.moves import transpose
from .control import OPERATIONS, Control, as_given, control
from .indices import Counter, Index, NotAffine, counting, flat, strides_of, unflat
from .scalars import Body, LongReduction, Scalar, Step

SHORT = 16
"""The longest axis that is written out element by element, instead of as a loop."""
FEW = 7
"""The same where there is no other loop: an axis that is longer fills a vector."""
WRITTEN_OUT = 64
"""How many elements of an array at the most are written out in a body."""
OUTWEIGHED = 64
"""Up to so many turns a loop does not make up for a number that is made before it, if that is not QUICK."""
QUICK = 8
"""Up to this cost a number is rather made again than read."""


class Store(NamedTuple):
    """`buffer[place] = value`, or `+= value`."""

    buffer: Var
    place: Index | Scalar
    value: Scalar
    add: bool = False


@dataclass(eq=False)
class Kernel:
    """Loops around a body; the last counter runs fastest."""

    number: int
    counters: list[Counter]
    body: Body
    stores: list[Store] = field(default_factory=list)
    memo: dict[tuple[Var, tuple[Any, ...]], Scalar] = field(default_factory=dict)
    """elements that were needed"""
    written: dict[tuple[Var, Index], Scalar] = field(default_factory=dict)
    """elements that have been stored"""

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(c.extent for c in self.counters)

    def places(self) -> list[int]:
        """Where the numbers that are needed stand in the body, in order."""
        goals = [s.place for s in self.stores if isinstance(s.place, Scalar)]
        return sorted(self.body.needed([*(s.value for s in self.stores), *goals]))

    def needed(self) -> list[Step]:
        return [self.body.steps[p] for p in self.places()]


@dataclass(eq=False)
class Call:
    """An operation that is done on whole arrays, as its record says."""

    number: int
    equation: Equation


# ---- how the rules of operations see their operands ---------------------------------------------------------------


class Pending(Exception):
    """An element is needed that has not been made."""


class NeedsWhole(Exception):
    """A value is needed that is not stored."""

    def __init__(self, var: Var):
        self.var = var


class NotUniform(Exception):
    """The elements along an axis are made in different ways."""


class Conflict(Exception):
    """What is to be computed needs something that is complete only after this kernel."""


class Operand:
    """An argument of an equation: its shape, and its elements."""

    def __init__(self, maker: Maker, value: Any):
        self.maker, self.value = maker, value
        self.aval: Aval = value.aval if isinstance(value, Var) else aval_of(value)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.aval.dtype)

    def __call__(self, i: Sequence[Any]) -> Scalar:
        i = tuple(Index(k) if isinstance(k, int) else k for k in i)
        if isinstance(self.value, Var):
            return self.maker.element(self.value, i)
        return self.maker.kernel.body.constant(
            np.asarray(self.value).item() if self.aval.dtype in NUMBERS else np.ravel(self.value)[0]
        )

    def flat(self, i: Sequence[Any], shape: Sequence[int]) -> Scalar:
        """The element whose place, in C order, is that of index `i` in an array of another shape."""
        if any(isinstance(k, Scalar) for k in i):
            return self.maker.at_place(self.value, place_of(self.maker.kernel.body, i, shape))
        place = flat(i, shape)
        try:
            return self(unflat(place, self.shape))
        except NotAffine:
            return self.maker.at_place(self.value, place)


class Maker:
    """Makes elements of values within one kernel."""

    def __init__(self, plan: Plan, kernel: Kernel, root: Var, uniform: bool = False):
        self.plan, self.kernel, self.root = plan, kernel, root
        self.uniform = uniform
        """whether all elements are to be made in the same way"""
        self.at: tuple[Any, ...] = ()
        """the index of the element that is being defined"""

    def run(self, rule: Callable[[], Any]) -> Any:
        """What the rule comes to, after all that it needs; no recursion, so that chains may be of any length."""
        waiting: list[Any] = [None]
        while True:
            wanted = waiting[-1]
            try:
                if wanted is None:
                    return rule()
                if wanted not in self.kernel.memo:
                    self.kernel.memo[wanted] = self.find(*wanted)
                waiting.pop()
            except Pending as pending:
                waiting.append(pending.args)

    def element(self, var: Var, i: tuple[Any, ...]) -> Scalar:
        found = self.kernel.memo.get((var, i))
        if found is None:
            raise Pending(var, i)
        if self.is_outside(i) and var not in self.plan.stored and self.kernel.body.cost(found, QUICK) > QUICK:
            raise NeedsWhole(var)
        return found

    def is_outside(self, i: tuple[Any, ...]) -> bool:
        """Whether an element is needed once in a run of the innermost loop, which is too short to make up for it.

        It would be made one number at a time there, and in vectors in a loop of its own.
        """
        counters = self.kernel.counters
        if not counters or counters[-1].extent > OUTWEIGHED or not (i and self.at):
            return False
        last = counters[-1]
        return any(depends(k, last) for k in self.at) and not any(depends(k, last) for k in i)

    def find(self, var: Var, i: tuple[Any, ...]) -> Scalar:
        if var in self.plan.stored and var not in self.plan.views:
            return self.stored(var, i)
        if any(isinstance(k, Scalar) for k in i):
            raise NeedsWhole(var)
        self.plan.settle(var, self.kernel)
        if var in self.plan.stored:
            return self.stored(var, i)
        return self.define(var, i)

    def define(self, var: Var, i: tuple[Any, ...]) -> Scalar:
        """By the record of the operation that makes it."""
        e, body = self.plan.made_by[var], self.kernel.body
        self.at = i
        operands = [Operand(self, a) for a in e.args]
        body.may_loop = var is self.root
        if self.uniform and e.primitive.parts is not None:
            raise NotUniform
        try:
            if e.primitive.element is not None:
                found = e.primitive.element(body, i, *operands, **e.params)
            else:
                assert e.primitive.parts is not None
                found = of_parts(body, i, e.primitive.parts(*operands, **e.params))
        except LongReduction:
            raise NeedsWhole(var) from None
        except NotImplementedError:
            if var is self.root:
                raise
            raise NeedsWhole(var) from None
        return body.cast(found, var.aval.dtype)

    def stored(self, var: Var, i: tuple[Any, ...]) -> Scalar:
        if not any(isinstance(k, Scalar) for k in i):
            return self.read(var, flat(i, var.aval.shape))
        return self.at_place(var, place_of(self.kernel.body, i, var.aval.shape))

    def at_place(self, var: Var, place: Index | Scalar) -> Scalar:
        if var not in self.plan.stored or var in self.plan.views:
            raise NeedsWhole(var)
        if isinstance(place, Index):
            return self.read(var, place)
        self.must_be_there(var)
        return self.kernel.body.gather(var, place, var.aval.dtype)

    def read(self, var: Var, place: Index) -> Scalar:
        written = self.kernel.written.get((var, place))
        if written is not None:
            return written
        constant = self.plan.constants.get(var)
        if constant is not None and not place.terms:
            return self.kernel.body.constant(np.ravel(constant)[place.offset])
        self.must_be_there(var)
        return self.kernel.body.load(var, place, var.aval.dtype)

    def must_be_there(self, var: Var) -> None:
        if self.plan.filled.get(var, -1) >= self.kernel.number:
            raise Conflict


def of_parts(body: Body, i: tuple[Index, ...], parts: Sequence[Part]) -> Scalar:
    """The element at i of an array that is put together of parts; the last one that i is in has it."""
    for part in reversed(parts):
        j = within(i, part)
        if j is not None:
            if part.add:
                raise LongReduction
            return part.value(body, j)
    raise LongReduction  # none of them has it in every turn of the loop: it has to be stored


def within(i: tuple[Index, ...], part: Part) -> tuple[Index, ...] | None:
    """The index in the part of the element at i; None if i is not in it. Raises if it is so in some turns only."""
    if part.places is not None:
        raise LongReduction
    j, outside = [], False
    for k, start, step, n in zip(i, part.start, part.step, part.shape, strict=True):
        try:
            turn, rest = divmod((k - start) * (1 if step > 0 else -1), abs(step))
        except NotAffine:
            raise LongReduction from None
        outside |= turn.high < 0 or turn.low >= n or (not rest.terms and rest.offset != 0)
        if not outside and (turn.low < 0 or turn.high >= n or rest.terms):
            raise LongReduction
        j.append(turn)
    return None if outside else tuple(j)


def place_of(body: Body, i: Sequence[Index | Scalar], shape: Sequence[int]) -> Scalar:
    """The place, in C order, of an index with computed positions."""
    intp = np.dtype(np.intp)
    total = body.constant(0, intp)
    for k, stride in zip(i, strides_of(shape), strict=True):
        k = k if isinstance(k, Scalar) else body.number(k + Index(0))
        step = body.multiply(k, body.constant(stride, intp), intp)
        total = body.apply("add", (total, step), (intp, intp), intp)
    return total


# ---- the plan -----------------------------------------------------------------------------------------------------


class Plan:
    """What is done, in order."""

    def __init__(self, graph: Graph, can: Callable[[str, list[np.dtype]], bool] = lambda op, dtypes: True):
        self.graph, self.can = graph, can
        self.steps: list[Kernel | Control | Call] = []
        self.constants: dict[Var, Any] = dict(graph.constants)
        equations = [self.with_named_arrays(e) for e in graph.equations]
        self.made_by: dict[Var, Equation] = {v: e for e in equations for v in e.outputs}
        self.stored: set[Var] = {*graph.inputs, *self.constants}
        self.views: set[Var] = set()
        """what calls take as NumPy's views, and loops from what it is a view of"""
        self.filled: dict[Var, int] = {}
        """the number of the step after which a buffer is complete"""
        self.inlined: dict[Var, Kernel] = {}
        """the kernel that made elements of a value that is not stored"""
        self.results = {*graph.outputs, *(v for v, _ in graph.guards)}
        called = {a for e in equations if not has_elements(e) for a in (*e.args, *e.outputs) if isinstance(a, Var)}
        wanted = self.results | called
        for e in equations:
            for v in e.outputs:
                if v in wanted and v not in self.stored:
                    self.fill(v)

    @property
    def is_native(self) -> bool:
        """Whether there is nothing to call."""
        return not any(isinstance(step, Call) for step in self.steps)

    def with_named_arrays(self, e: Equation) -> Equation:
        """The equation with the arrays among its arguments under a name, so that they have a buffer."""
        bodies = e.primitive in OPERATIONS
        if not any(is_named(a, bodies) for a in e.args):
            return e
        args = []
        for a in as_given(e) if bodies else e.args:
            if is_named(a, bodies):
                var = Var(f"c{len(self.constants)}", Aval(a.shape, a.dtype))
                self.constants[var] = a
                a = var
            args.append(a)
        return Equation(e.primitive, tuple(args), e.params, e.outputs)

    def fill(self, var: Var) -> None:
        """Adds the steps that fill the buffer of `var`, those for what it needs before them."""
        waiting = [var]
        while waiting:
            try:
                if waiting[-1] not in self.stored or waiting[-1] in self.views:
                    self.attempt(waiting[-1])
                waiting.pop()
            except NeedsWhole as needed:
                waiting.append(needed.var)

    def attempt(self, var: Var) -> None:
        e = self.made_by[var]
        if has_elements(e):
            try:
                if e.primitive.parts is None or math.prod(var.aval.shape) <= WRITTEN_OUT:
                    self.fill_box(var, var.aval.shape, lambda maker, i: maker.define(var, i))
                    return
                if self.filled_in_parts(var, e):
                    return
            except NotImplementedError:  # a form of the operation that its rule does not cover
                pass
            except NeedsWhole as needed:
                if needed.var is not var:
                    raise
                if e.primitive.parts is not None and self.filled_in_parts(var, e):
                    return
        self.call(e)

    def filled_in_parts(self, var: Var, e: Equation) -> bool:
        """Fills `var` write by write, if there is code for all that takes."""
        try:
            self.fill_parts(var, e)
        except NotImplementedError:
            return False
        return True

    def call(self, e: Equation) -> None:
        for a in e.args:
            if isinstance(a, Var) and a not in self.stored:
                made = self.made_by[a]
                if made.primitive is not transpose or a in self.results:
                    raise NeedsWhole(a)
                self.call(made)
                self.views.add(a)
        step = None
        if e.primitive in OPERATIONS and all(self.can("load", [np.dtype(v.aval.dtype)]) for v in e.outputs):
            step = control(e, len(self.steps), lambda graph: Plan(graph, self.can))
        if isinstance(step, Control):
            for region in step.regions:
                self.constants |= region.plan.constants
                self.stored |= set(region.plan.constants)
        self.steps.append(step or Call(len(self.steps), e))
        self.stored |= set(e.outputs)
        self.filled |= dict.fromkeys(e.outputs, len(self.steps) - 1)

    def fill_parts(self, var: Var, e: Equation) -> None:
        """A kernel for each of the writes."""

        def parts(maker):
            return e.primitive.parts(*[Operand(maker, a) for a in e.args], **e.params)  # pyright: ignore

        start = len(self.steps)
        try:
            for n, part in enumerate(parts(Maker(self, self.new(()), var))):

                def value(maker, j, n=n):
                    maker.kernel.body.may_loop = False
                    return maker.kernel.body.cast(parts(maker)[n].value(maker.kernel.body, j), var.aval.dtype)

                def places(maker, j, n=n):
                    maker.kernel.body.may_loop = False
                    return parts(maker)[n].places(maker.kernel.body, j)

                beside = n > 0 and part.apart
                self.fill_box(var, part.shape, value, part, places, beside)
        except (NeedsWhole, NotImplementedError):
            self.undo(start, var)
            raise

    def undo(self, start: int, var: Var) -> None:
        """Takes back the steps from one on, and what they have stored."""
        del self.steps[start:]
        for v in [var, *(v for v, n in self.filled.items() if n >= start)]:
            self.stored.discard(v)
            self.filled.pop(v, None)

    def fill_box(
        self,
        var: Var,
        shape: tuple[int, ...],
        value: Callable[..., Scalar],
        part: Part | None = None,
        places: Callable[..., Any] | None = None,
        beside: bool = False,
    ) -> None:
        """A kernel, or an addition to one, that stores `value(maker, j)` for every j below `shape`.

        beside: whether a part may be written in the kernel that has written the one before.
        """
        loops = self.loops(var) if part is None else loop_axes(shape)
        last = len(shape) - 1
        if loops and last not in loops and shape[last] > FEW:  # long enough to fill a vector
            try:
                self.fill_loops(var, shape, [*loops, last], value, part, places, beside, uniform=True)
                return
            except NotUniform:
                pass
        self.fill_loops(var, shape, loops, value, part, places, beside)

    def fill_loops(self, var, shape, loops, value, part, places, beside, uniform=False) -> None:
        """The same, with these axes as loops."""
        extents = tuple(shape[a] for a in loops)
        last = next((s for s in reversed(self.steps) if isinstance(s, Kernel) and s.extents == extents), None)
        if beside:
            last = last if self.steps[-1] is last else None
        for kernel in (last if part is None or beside else None, self.new(extents)):
            if kernel is not None:
                try:
                    maker = Maker(self, kernel, var, uniform)
                    stores = self.stores(maker, var, shape, loops, value, part, places)
                except Conflict:
                    continue
                break
        else:
            raise AssertionError(f"{var} cannot be computed")
        if kernel.number == len(self.steps):
            self.steps.append(kernel)
        kernel.stores += stores
        if part is None:
            kernel.written |= {(var, s.place): s.value for s in stores if isinstance(s.place, Index)}
        self.stored.add(var)
        self.views.discard(var)
        self.filled[var] = max(kernel.number, self.filled.get(var, -1))

    def loops(self, var: Var) -> list[int]:
        """The axes that are loops in a kernel that makes `var`."""
        shape = var.aval.shape
        few = math.prod(shape) <= WRITTEN_OUT and max(shape, default=0) <= SHORT
        if few and self.made_by[var].primitive.parts is not None:  # of many things: each element is another
            return []
        return loop_axes(shape)

    def new(self, extents: Sequence[int]) -> Kernel:
        kernel = Kernel(len(self.steps), [], Body(FEW, self.can))
        kernel.counters = [kernel.body.counter(n) for n in extents]
        return kernel

    def stores(self, maker, var, shape, loops, value, part, places) -> list[Store]:
        """What one turn of the loops stores."""
        stores, add = [], part is not None and part.add
        for j in written_out(shape, loops, maker.kernel.counters):
            found = maker.run(lambda j=j: value(maker, j))
            if part is not None and part.places is not None:
                i = maker.run(lambda j=j: places(maker, j))
                known = not any(isinstance(k, Scalar) for k in i)
                place = flat(i, var.aval.shape) if known else place_of(maker.kernel.body, i, var.aval.shape)
            else:
                i = j if part is None else [s + d * k for s, d, k in zip(part.start, part.step, j, strict=True)]
                place = flat(i, var.aval.shape)
            stores.append(Store(var, place, found, add))
        return stores

    def settle(self, var: Var, kernel: Kernel) -> None:
        """Decides, when an element of `var` is needed in a second kernel, whether the first is to store it."""
        first = self.inlined.setdefault(var, kernel)
        if first is kernel or not has_elements(self.made_by[var]):
            return
        if self.steps[first.number : first.number + 1] != [first]:  # an attempt that came to nothing
            self.inlined[var] = kernel
            return
        if first.number >= kernel.number:
            return
        shape = var.aval.shape
        loops = self.loops(var)
        if tuple(shape[a] for a in loops) != first.extents:
            return
        made = {j: first.memo.get((var, j)) for j in written_out(shape, loops, first.counters)}
        if None in made.values() or sum(first.body.cost(v, QUICK) for v in made.values() if v) <= QUICK * len(made):
            return
        first.stores += [Store(var, flat(j, shape), v) for j, v in made.items() if v]
        first.written |= {(var, flat(j, shape)): v for j, v in made.items() if v}
        self.stored.add(var)
        self.filled[var] = first.number


def depends(k: Any, counter: Counter) -> bool:
    """Whether an index, or a part of one, changes with a counter; what is computed may."""
    return isinstance(k, Scalar) or (isinstance(k, Index) and k.factor(counter) != 0)


def is_named(x: Any, always: bool) -> bool:
    """Whether an argument gets a name: arrays do, single numbers too if a body takes them."""
    return not isinstance(x, Var) and (always or (isinstance(x, np.ndarray) and x.size > 1))


def has_elements(e: Equation) -> bool:
    return (e.primitive.element is not None or e.primitive.parts is not None) and not e.primitive.multi


def longest_short(extents: Sequence[int]) -> int:
    """Up to which length axes are written out: beside a loop that fills vectors all that are short, else few."""
    return SHORT if any(n > SHORT for n in extents) else FEW


def loop_axes(shape: Sequence[int]) -> list[int]:
    """The axes that are loops: the long ones, and the first of the others if too much would be written out."""
    loops = [a for a, n in enumerate(shape) if n > longest_short(shape)]
    for a, n in enumerate(shape):
        if math.prod(m for b, m in enumerate(shape) if b not in loops) <= WRITTEN_OUT:
            break
        if a not in loops and n > 1:
            loops.append(a)
    return sorted(loops)


def written_out(shape: Sequence[int], loops: Sequence[int], counters: Sequence[Counter]) -> Iterable[tuple[Index, ...]]:
    """The indices of one turn: along the loops the counters, along the other axes all there are."""
    at = dict(zip(loops, map(counting, counters), strict=True))
    axes = [[at[a]] if a in at else [Index(k) for k in range(n)] for a, n in enumerate(shape)]
    return itertools.product(*axes)

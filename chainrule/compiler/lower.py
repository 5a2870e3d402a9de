"""Kernels -> LLVM: each a nest of loops in one function, with the longest step of its innermost loop in vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.graph import Var
from . import threads, vectormath
from .control import Branch, Control, Loop, Region, While
from .indices import Counter, Index
from .kernels import Kernel, Store
from .llvm import Function, Lanes, Module, Reduction, Type, Value, f32, f64, i1, i8, i16, i32, i64, ptr
from .scalars import REDUCTIONS, Scalar, Step, cost_of

TYPES = {"f8": f64, "f4": f32, "i8": i64, "i4": i32, "i2": i16, "i1": i8, "b1": i1}
"""What a number is in a register, by its dtype; dtypes that are not here are left to NumPy."""


def type_of(dtype: np.dtype) -> Type:
    return TYPES[dtype.str[1:]]


def can(op: str, dtypes: Sequence[np.dtype]) -> bool:
    """Whether a step can be written; of `dtypes` the first is that of the result."""
    if not all(d.str[1:] in TYPES and d.isnative for d in dtypes):
        return False
    floating = all(d.kind == "f" for d in dtypes[1:])
    return op in ARITHMETIC or op in STRUCTURE or (floating and vectormath.named(op) is not None)


STRUCTURE = {"constant", "zero", "load", "gather", "index", "cast", "where", "position", *REDUCTIONS}


def larger(f: Function, a: Value, b: Value) -> Value:
    """NumPy's maximum: NaN if either is."""
    return f.select((a > b) | a.is_nan() if a.type.is_float else a > b, a, b)


def smaller(f: Function, a: Value, b: Value) -> Value:
    return f.select((a < b) | a.is_nan() if a.type.is_float else a < b, a, b)


ARITHMETIC: dict[str, Callable[..., Value]] = {
    "add": lambda f, a, b: a | b if a.type.element is i1 else a + b,
    "subtract": lambda f, a, b: a - b,
    "multiply": lambda f, a, b: a & b if a.type.element is i1 else a * b,
    "divide": lambda f, a, b: a / b,
    "negative": lambda f, x: -x,
    "absolute": lambda f, x: f.intrinsic("fabs", x) if x.type.is_float else f.select(x < 0, -x, x),
    "fabs": lambda f, x: f.intrinsic("fabs", x),
    "sqrt": lambda f, x: f.intrinsic("sqrt", x),
    "floor": lambda f, x: f.intrinsic("floor", x),
    "ceil": lambda f, x: f.intrinsic("ceil", x),
    "trunc": lambda f, x: f.intrinsic("trunc", x),
    "rint": lambda f, x: f.intrinsic("rint", x),
    "maximum": larger,
    "minimum": smaller,
    "less": lambda f, a, b: a < b,
    "less_equal": lambda f, a, b: a <= b,
    "greater": lambda f, a, b: a > b,
    "greater_equal": lambda f, a, b: a >= b,
    "equal": lambda f, a, b: a.eq(b),
    "not_equal": lambda f, a, b: a.ne(b),
    "bitwise_and": lambda f, a, b: a & b,
    "bitwise_or": lambda f, a, b: a | b,
    "bitwise_xor": lambda f, a, b: a ^ b,
    "invert": lambda f, x: ~x,
    "logical_and": lambda f, a, b: a & b,
    "logical_or": lambda f, a, b: a | b,
    "logical_xor": lambda f, a, b: a ^ b,
    "logical_not": lambda f, x: ~x,
    "isnan": lambda f, x: x.is_nan(),
}
"""What needs no function of our own, by the ufunc's name."""


def arithmetic(op: str) -> Callable[..., Value]:
    found = ARITHMETIC.get(op)
    if found is not None:
        return found
    function = vectormath.named(op)
    assert function is not None

    def all_of_one_width(f: Function, *args: Value) -> Value:
        width = max(a.type.width for a in args)
        return function(*(a if a.type.width == width else f.splat(a, width) for a in args))

    return all_of_one_width


def lower(
    module: Module, name: str, steps: Sequence[Kernel | Control], given: dict[Var, int], workspace: dict[Var, int]
) -> Function:
    """A function that does the steps one after the other, and returns 0.

    Its arguments are an array of pointers to buffers, in which `given` says where they are, and a pointer to memory, in
    which those of `workspace` begin after so many bytes.
    """
    f = module.function(name, ptr, ptr, returns=i32)
    bases = {v: f.load(ptr, f.offset(f.args[0], k, ptr)) for v, k in given.items()}
    bases |= {v: f.offset(f.args[1], place, i8) for v, place in workspace.items()}
    write(f, steps, bases, shared=True)
    f.ret(f.constant(0, i32))
    return f


def write(f: Function, steps: Sequence[Kernel | Control], bases: dict[Var, Value], shared: bool = False) -> None:
    """Writes steps; `bases` says where variables begin; `shared`: loops for which it pays are done by several cores."""
    for step in steps:
        if isinstance(step, Kernel):
            if 0 in step.extents or not step.stores:
                continue
            nest = Nest(f, step, bases.__getitem__)
            if shared and nest.cost() >= PAYS and nest.turns_are_apart():
                write_shared(f, step, nest.cost(), bases)
            else:
                nest.write()
        else:
            WRITERS[type(step)](f, step, bases)


PAYS = 10 * threads.PAYS
"""The cost of a loop, in additions, from which on it is shared."""


def write_shared(f: Function, kernel: Kernel, cost: int, bases: dict[Var, Value]) -> None:
    """A kernel whose outermost loop is cut into chunks. What is computed does not depend on who does which."""
    used = [*{s.data[0] if s.op == "load" else s.data: None for s in kernel.needed() if s.op in ("load", "gather")}]
    used = list(dict.fromkeys((*used, *(s.buffer for s in kernel.stores))))
    extent = kernel.counters[0].extent
    least = -(-10 * threads.CHUNK * extent // cost)
    chunk = -(-max(-(-extent // threads.CHUNKS), least) // 64) * 64 if len(kernel.counters) == 1 else max(least, 1)
    chunk = max(chunk, -(-extent // threads.CHUNKS))

    def work(g: Function, k: Value, *places: Value) -> None:
        start = k * chunk
        stop = start + chunk
        stop = g.select(stop > extent, g.constant(extent, i64), stop)
        Nest(g, kernel, dict(zip(used, places, strict=True)).__getitem__, (start, stop)).write()

    threads.share(f, f.constant(-(-extent // chunk), i64), work, [bases[v] for v in used])


def write_loop(f: Function, loop: Loop, bases: dict[Var, Value]) -> None:
    copied(f, loop.start, bases)

    def turn(i: Value) -> None:
        region(f, loop.body, bases, (loop.length - 1) - i if loop.reverse else i)

    f.loop(loop.length, turn)


def write_while(f: Function, loop: While, bases: dict[Var, Value]) -> None:
    copied(f, loop.start, bases)

    def going() -> Value:
        inside = region(f, loop.condition, bases)
        return truth(f, loop.condition.plan.graph.outputs[0], inside)

    def turn() -> None:
        region(f, loop.body, bases)

    f.repeat(going, turn, ())


def write_branch(f: Function, branch: Branch, bases: dict[Var, Value]) -> None:
    def write(region_: Region) -> None:
        region(f, region_, bases)

    f.when(truth(f, branch.equation.args[0], bases), lambda: write(branch.yes), lambda: write(branch.no))


WRITERS: dict[Any, Callable[..., None]] = {Loop: write_loop, While: write_while, Branch: write_branch}


def region(f: Function, part: Region, outside: dict[Var, Value], turn: Value | None = None) -> dict[Var, Value]:
    """Writes the steps of a region, and gives where its variables begin."""
    inside = dict(outside)
    for v, place in part.places.items():
        at = outside[place.outside]
        if place.row and turn is not None:
            at = f.offset(at, turn * math.prod(v.aval.shape), stored(v))
        inside[v] = at
    copied(f, part.before, inside)
    write(f, part.plan.steps, inside)
    copied(f, part.after, inside)
    return inside


def copied(f: Function, pairs: Sequence[tuple[Var, Var]], bases: dict[Var, Value]) -> None:
    """Copies buffers."""
    for source, goal in pairs:
        a, b, kind = bases[source], bases[goal], stored(goal)
        count = math.prod(goal.aval.shape)
        if a.text == b.text or not count:
            continue
        if count == 1:
            f.store(f.load(kind, a), b)
            continue

        def copy(lanes: Lanes, a: Value = a, b: Value = b, kind: Type = kind) -> None:
            lanes.store(lanes.load(kind, a), b)

        f.vector_loop(count, f.target.lanes(max(kind.bits, 8)), copy, once=f.target.masks)


def truth(f: Function, v: Var, bases: dict[Var, Value]) -> Value:
    return f.load(stored(v), bases[v]).ne(0)


def stored(v: Var) -> Type:
    """What a number of a variable is in memory."""
    kind = type_of(np.dtype(v.aval.dtype))
    return i8 if kind is i1 else kind


def moves(place: Index | Scalar, counter: Counter) -> bool:
    """Whether each turn of a loop certainly has a place of its own."""
    return isinstance(place, Index) and place.factor(counter) != 0


class Nest:
    """Writes one kernel."""

    def __init__(
        self, f: Function, kernel: Kernel, base: Callable[[Var], Value], turns: tuple[Value, Value] | None = None
    ):
        self.f, self.kernel, self.base = f, kernel, base
        self.range = turns
        """those of the outermost loop: from one on, and below the other; None: all"""
        self.steps = kernel.body.steps
        self.needed = kernel.places()
        self.turns: dict[Counter, Value] = {}
        """the counters of the loops that are open"""
        self.lanes: tuple[Counter, Lanes] | None = None
        """the one that counts in vectors"""
        self.values: dict[int, Value] = {}
        self.free: dict[int, frozenset[Counter]] = {}
        for p in self.needed:
            step = self.steps[p]
            own = frozenset().union(*(self.free[a] for a in step.args))
            if step.op in REDUCTIONS:
                own -= set(step.data)
            index = step.data[1] if step.op == "load" else step.data if step.op == "index" else None
            if isinstance(index, Index):
                own |= {c for c, _ in index.terms}
            self.free[p] = own
        self.vector = self.choose()

    def choose(self) -> Counter | None:
        """The counter along which most of what is read and written lies side by side."""
        own = self.kernel.counters
        loops = [*own, *(c for p in self.needed if self.steps[p].op in REDUCTIONS for c in self.steps[p].data)]
        innermost = {own[-1]} if own else set()
        innermost |= {
            self.steps[p].data[-1] for p in self.needed if self.steps[p].op in REDUCTIONS and self.steps[p].data
        }
        if own and any(s.add and not moves(s.place, own[-1]) for s in self.kernel.stores):  # it may meet in one place
            innermost -= set(own)
        places = [self.steps[p].data[1] for p in self.needed if self.steps[p].op == "load"]
        places += [s.place for s in self.kernel.stores if isinstance(s.place, Index)]

        def worth(counter: Counter) -> tuple[int, int]:
            return sum(1 if i.factor(counter) == 1 else -1 for i in places if i.factor(counter)), counter.extent

        candidates = [c for c in dict.fromkeys(loops) if c in innermost and c.extent > 1]
        return max(candidates, key=worth, default=None)

    def cost(self) -> int:
        """What all turns take, in additions."""
        own = [math.prod(c.extent for c in self.free[p]) * cost_of(self.steps[p].op) for p in self.needed]
        return sum(own) + math.prod(self.kernel.extents) * len(self.kernel.stores)

    def turns_are_apart(self) -> bool:
        """Whether no two turns write to one place, so that their order is of no importance."""
        return bool(self.kernel.counters) and not any(s.add or isinstance(s.place, Scalar) for s in self.kernel.stores)

    # ---- the loops of the kernel

    def write(self) -> None:
        self.level(0)

    def level(self, depth: int) -> None:
        """What depends on the first `depth` counters, and the loops within."""
        open_ = set(self.kernel.counters[:depth])
        self.compute([p for p in self.needed if self.free[p] <= open_ and p not in self.values])
        if depth == len(self.kernel.counters):
            for store in self.kernel.stores:
                self.store(store)
            return
        counter = self.kernel.counters[depth]
        self.loop(counter, lambda: self.level(depth + 1))

    def loop(self, counter: Counter, inside: Callable[[], None]) -> None:
        def scalar(i: Value) -> tuple[Value, ...]:
            self.within(counter, i, inside)
            return ()

        start, stop = self.range if self.range and counter is self.kernel.counters[0] else (0, counter.extent)
        if counter is not self.vector:
            self.f.loop(stop, scalar, start=start)
            return

        def vector(lanes: Lanes) -> tuple[Value, ...]:
            self.lanes = counter, lanes
            self.within(counter, lanes.index, inside)
            self.lanes = None
            return ()

        self.f.vector_loop(stop, self.width(), vector, once=self.f.target.masks, start=start)

    def within(self, counter: Counter, i: Value, inside: Callable[[], Any]) -> Any:
        """Does `inside` in a turn of a loop; what it has computed is forgotten after that."""
        before = dict(self.values)
        self.turns[counter] = i
        found = inside()
        del self.turns[counter]
        self.values = before
        return found

    def width(self) -> int:
        """How many numbers fill a vector: of the widest type that is computed with."""
        bits = [type_of(self.steps[p].dtype).bits for p in self.needed if self.steps[p].dtype.kind == "f"]
        return self.f.target.lanes(max(bits, default=64))

    # ---- numbers

    def compute(self, places: Iterable[int]) -> None:
        """Numbers of which all counters are open, in order; loops for those that are reductions."""
        waiting = list(places)
        while waiting:
            p = waiting.pop(0)
            if p in self.values:
                continue
            if self.steps[p].op in REDUCTIONS and self.steps[p].data:
                together = [p, *(q for q in waiting if self.joins(q, p))]
                for q, value in zip(together, self.reduce(together), strict=True):
                    self.values[q] = value
            else:
                self.values[p] = self.number(self.steps[p])

    def joins(self, q: int, p: int) -> bool:
        """Whether reduction q can be done in the loop of reduction p: it must not wait for anything else."""
        if self.steps[q].op not in REDUCTIONS or self.steps[q].data != self.steps[p].data:
            return False
        counters = set(self.steps[q].data)
        return all(self.free[a] & counters or a in self.values for a in self.inside(self.steps[q].args, counters))

    def inside(self, places: Iterable[int], counters: set[Counter]) -> list[int]:
        """All that a loop of these counters computes for `places`, and what that needs from outside."""
        seen, waiting = set(), list(places)
        while waiting:
            p = waiting.pop()
            if p not in seen:
                seen.add(p)
                if self.free[p] & counters:
                    waiting += self.steps[p].args
        return sorted(seen)

    def reduce(self, together: Sequence[int]) -> tuple[Value, ...]:
        """Several reductions in one loop."""
        counters = self.steps[together[0]].data
        inner = self.inside([a for p in together for a in self.steps[p].args], set(counters))
        self.compute([p for p in inner if not self.free[p] & set(counters) and p not in self.values])
        rules = [self.rule(self.steps[p]) for p in together]
        wide = self.lanes[1].width if self.lanes is not None else 1
        first = [self.f.constant(r.identity, r.type.vector(wide)) for r in rules]

        def nest(depth: int, sums: Sequence[Value]) -> Sequence[Value]:
            open_ = {*self.turns}
            self.compute([p for p in inner if self.free[p] <= open_ and p not in self.values])
            if depth == len(counters):
                terms = [self.values[self.steps[p].args[0]] for p in together]
                return [r.combine(s, t) for r, s, t in zip(rules, sums, terms, strict=True)]
            counter = counters[depth]
            if counter is not self.vector:
                return self.f.loop(
                    counter.extent, lambda i, *s: self.within(counter, i, lambda: nest(depth + 1, s)), sums
                )

            def vector(lanes: Lanes) -> Sequence[Value]:
                self.lanes = counter, lanes
                terms = self.within(counter, lanes.index, lambda: self.terms(inner, together, lanes.width))
                self.lanes = None
                return terms

            found = self.f.vector_loop(counter.extent, self.width(), vector, rules, unroll=4)
            return [r.combine(s, t) for r, s, t in zip(rules, sums, found, strict=True)]

        return tuple(nest(0, first))

    def terms(self, inner: Sequence[int], together: Sequence[int], width: int) -> list[Value]:
        """What a vector loop adds up."""
        self.compute([p for p in inner if self.free[p] <= set(self.turns) and p not in self.values])
        return [self.spread(self.values[self.steps[p].args[0]], width) for p in together]

    def spread(self, x: Value, width: int) -> Value:
        return x if x.type.width == width else self.f.splat(x, width)

    def rule(self, step: Step) -> Reduction:
        type_, name = type_of(step.dtype), REDUCTIONS[step.op]
        low, high = (-np.inf, np.inf) if type_.is_float else (-(2 ** (type_.bits - 1)), 2 ** (type_.bits - 1) - 1)
        identity = {"sum": 0, "prod": 1, "any": 0, "all": 1, "max": low, "min": high}[step.op]
        return Reduction(type_, identity, lambda a, b: ARITHMETIC[name](self.f, a, b))

    def number(self, step: Step) -> Value:
        f, args = self.f, [self.values[a] for a in step.args]
        if step.op in ("constant", "zero"):
            return f.constant(step.data.item(), type_of(step.dtype))
        if step.op == "index":
            return self.index(step.data)
        if step.op == "load":
            var, place = step.data
            return self.load(var, place, type_of(step.dtype))
        if step.op == "gather":
            kind = type_of(step.dtype)
            stored = i8 if kind is i1 else kind
            mask = self.lanes[1].mask if self.lanes is not None and args[0].type.width > 1 else None
            found = f.gather(stored, self.base(step.data), args[0], mask)
            return found.ne(0) if kind is i1 else found
        if step.op == "cast":
            return self.cast(args[0], step.dtype)
        if step.op == "where":
            condition, yes, no = args
            return f.select(condition, yes, no)
        if step.op == "position":
            return f.select(args[0] < 0, args[0] + step.data, args[0])
        if step.op in REDUCTIONS:  # over loops of one turn
            return args[0]
        return arithmetic(step.op)(f, *args)

    def cast(self, x: Value, dtype: np.dtype) -> Value:
        if dtype.kind == "b":
            return x.ne(0)
        return self.f.convert(x, type_of(dtype).vector(x.type.width), signed=x.type.element is not i1)

    # ---- memory

    def index(self, place: Index, vector: bool = True) -> Value:
        """The value of an index, one for each lane if it counts with the vectors."""
        total = None
        for counter, factor in place.terms:
            i = self.turns[counter]
            if vector and self.lanes is not None and counter is self.lanes[0]:
                i = self.lanes[1].places()
            term = i if factor == 1 else i * factor
            total = term if total is None else total + term
        if total is None:
            return self.f.constant(place.offset, i64)
        return total + place.offset if place.offset else total

    def load(self, var: Var, place: Index, kind: Type) -> Value:
        stored = i8 if kind is i1 else kind
        found = self.read(self.base(var), place, stored)
        return found.ne(0) if kind is i1 else found

    def read(self, base: Value, place: Index, kind: Type) -> Value:
        factor = place.factor(self.lanes[0]) if self.lanes is not None else 0
        if self.lanes is None or factor == 0:
            return self.f.load(kind, self.f.offset(base, self.index(place), kind))
        if factor == 1:
            return self.lanes[1].load(kind, base, self.index(place, vector=False))
        return self.f.gather(kind, base, self.index(place), self.lanes[1].mask)

    def store(self, store: Store) -> None:
        f, value, base = self.f, self.values[store.value.place], self.base(store.buffer)
        if value.type.element is i1:
            value = f.convert(value, i8.vector(value.type.width), signed=False)
        if isinstance(store.place, Scalar):
            place = self.values[store.place.place]
            if self.lanes is not None and place.type.width > 1:  # where places meet, the last lane has it
                lanes = self.lanes[1]
                f.scatter(self.spread(value, lanes.width), base, place, lanes.mask)
                return
            at = f.offset(base, place, value.type.element)
            if store.add:
                value = f.load(value.type, at) + value
            f.store(value, at)
            return
        if store.add:  # each turn has a place of its own
            value = self.read(base, store.place, value.type.element) + value
        factor = store.place.factor(self.lanes[0]) if self.lanes is not None else 0
        if self.lanes is None or factor == 0:
            f.store(value, f.offset(base, self.index(store.place), value.type.element))
            return
        lanes = self.lanes[1]
        value = self.spread(value, lanes.width)
        if factor == 1:
            lanes.store(value, base, self.index(store.place, vector=False))
        else:
            f.scatter(value, base, self.index(store.place), lanes.mask)

"""Loops over vectors, and what is left over; `Function.vector_loop` in `llvm.py` is the way in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .values import Type, Value, i64


class Reduction(NamedTuple):
    """How the numbers that a loop makes become one."""

    type: Type
    identity: float | int
    """what changes nothing"""
    combine: Callable[[Value, Value], Value]


@dataclass(frozen=True, slots=True)
class Lanes:
    """What one turn of a vector loop works on: `width` elements from `index`, of them those in `mask` (None: all)."""

    f: Any
    index: Value
    width: int
    mask: Value | None

    def load(self, element: Type, base: Value, index: Value | None = None, aligned: int | None = None) -> Value:
        """`base[index : index + width]`."""
        at = self.f.offset(base, self.index if index is None else index, element)
        return self.f.load(element.vector(self.width), at, self.mask, aligned)

    def store(self, value: Value, base: Value, index: Value | None = None, aligned: int | None = None) -> None:
        at = self.f.offset(base, self.index if index is None else index, value.type.element)
        self.f.store(value, at, self.mask, aligned)

    def places(self, type: Type = i64) -> Value:
        """The indices of the lanes."""
        start = self.index if type is i64 else self.f.convert(self.index, type)
        return start if self.width == 1 else self.f.splat(start, self.width) + self.f.iota(type.vector(self.width))


class VectorLoop:
    """Writes what `Function.vector_loop` describes."""

    def __init__(self, f, extent, width, body, reductions, unroll, once, start):
        self.f, self.extent, self.width, self.body, self.start = f, extent, width, body, start
        self.reductions = reductions
        self.unroll = unroll if not isinstance(extent, int) else max(1, min(unroll, extent // width))
        self.once = once and width > 1 and f.target.masks
        self.masked = width > 1 and f.target.masks

    def identities(self, width: int) -> list[Value]:
        return [self.f.constant(r.identity, r.type.vector(width)) for r in self.reductions]

    def turn(self, index: Value, width: int, mask: Value | None, sums: Sequence[Value]) -> list[Value]:
        made = self.body(Lanes(self.f, index, width, mask)) or ()
        if mask is not None:
            made = [self.f.select(mask, x, r.identity) for x, r in zip(made, self.reductions, strict=True)]
        return [r.combine(s, x) for s, x, r in zip(sums, made, self.reductions, strict=True)]

    def write(self) -> tuple[Value, ...]:
        f, step = self.f, self.width * self.unroll
        if self.once:
            return self.folded(self.masked_turns(self.start, self.identities(self.width)))
        count = self.extent - self.start
        full = count - count % step if isinstance(count, int) else self.whole(count, step)
        whole = self.start + full
        sums = self.main(whole, step)
        if isinstance(count, int) and full == count:
            return self.folded(sums)
        if self.masked:
            return self.folded(self.masked_turns(whole, sums))
        rest = f.loop(self.extent, lambda i, *s: self.turn(i, 1, None, s), self.identities(1), whole)
        return tuple(r.combine(a, b) for r, a, b in zip(self.reductions, self.folded(sums), rest, strict=True))

    def whole(self, count: Value, step: int) -> Value:
        return count & -step if step & (step - 1) == 0 else count - self.f.emit(i64, f"srem i64 {count.text}, {step}")

    def main(self, whole: Value | int, step: int) -> list[Value]:
        """The turns that fill vectors; the accumulators of the unrolled parts become one."""
        k, identities = len(self.reductions), self.identities(self.width)
        if isinstance(whole, int) and isinstance(self.start, int) and whole == self.start:
            return identities

        def turns(i: Value, *sums: Value) -> list[Value]:
            made = []
            for u in range(self.unroll):
                made += self.turn(i + u * self.width if u else i, self.width, None, sums[u * k : u * k + k])
            return made

        if whole == step and self.start == 0:  # one turn needs no loop
            sums = turns(self.f.constant(0, i64), *identities * self.unroll)
        else:
            sums = list(self.f.loop(whole, turns, identities * self.unroll, self.start, step))
        parts = [sums[u * k : u * k + k] for u in range(self.unroll)]
        while len(parts) > 1:
            half = (len(parts) + 1) // 2
            joined = [self.joined(a, b) for a, b in zip(parts[:half], parts[half:], strict=False)]
            parts = joined + parts[len(joined) : half]
        return parts[0]

    def joined(self, a: Sequence[Value], b: Sequence[Value]) -> list[Value]:
        return [r.combine(x, y) for r, x, y in zip(self.reductions, a, b, strict=True)]

    def masked_turns(self, start: Value | int, sums: Sequence[Value]) -> tuple[Value, ...]:
        f = self.f

        def turn(i: Value, *sums: Value) -> list[Value]:
            left = f.splat((self.extent - i), self.width)
            return self.turn(i, self.width, f.iota(i64.vector(self.width)) < left, sums)

        if isinstance(start, int) and isinstance(self.extent, int) and 0 <= self.extent - start <= self.width:
            return tuple(turn(f.constant(start, i64), *sums))
        return f.loop(self.extent, turn, sums, start, self.width)

    def folded(self, sums: Sequence[Value]) -> tuple[Value, ...]:
        return tuple(self.f.fold(x, r.combine) for x, r in zip(sums, self.reductions, strict=True))

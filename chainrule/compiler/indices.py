"""Indices as expressions: whole numbers that are sums of multiples of loop counters, with known ranges.

What a kernel reads and writes is at such indices, so that where an element lies in memory, whether two reads are the
same, and on which side of a border an index is, are questions of arithmetic that are answered while compiling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


class Counter:
    """A loop's counter: 0, 1, ..., extent - 1."""

    __slots__ = ("extent", "name", "rank")

    def __init__(self, rank: int, extent: int, name: str = "i"):
        self.rank, self.extent, self.name = rank, extent, f"{name}{rank}"

    def __repr__(self) -> str:
        return self.name


class Index:
    """`offset + sum of factor * counter`. Immutable; equal ones are equal and hash alike."""

    __slots__ = ("offset", "terms")

    def __init__(self, offset: int, terms: tuple[tuple[Counter, int], ...] = ()):
        self.offset, self.terms = offset, terms

    # ---- what is known of it

    @property
    def low(self) -> int:
        """The least value."""
        return self.offset + sum(f * (c.extent - 1) for c, f in self.terms if f < 0)

    @property
    def high(self) -> int:
        """The largest value."""
        return self.offset + sum(f * (c.extent - 1) for c, f in self.terms if f > 0)

    def factor(self, counter: Counter) -> int:
        """By how much it grows from one turn of that loop to the next."""
        return next((f for c, f in self.terms if c is counter), 0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self.offset == other.offset and self.terms == other.terms

    def __hash__(self) -> int:
        return hash((self.offset, self.terms))

    def __repr__(self) -> str:
        parts = [str(c) if f == 1 else f"{f} {c}" for c, f in self.terms]
        if self.offset or not parts:
            parts.append(str(self.offset))
        return " + ".join(parts)

    # ---- arithmetic

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.offset + other, self.terms)
        factors = dict(self.terms)
        for counter, factor in other.terms:
            factors[counter] = factors.get(counter, 0) + factor
        return _made(self.offset + other.offset, factors)

    __radd__ = __add__

    def __mul__(self, factor: int) -> Index:
        return _made(self.offset * factor, {c: f * factor for c, f in self.terms})

    __rmul__ = __mul__

    def __neg__(self) -> Index:
        return self * -1

    def __sub__(self, other: Index | int) -> Index:
        return self + -other

    def __rsub__(self, other: int) -> Index:
        return -self + other

    def __divmod__(self, n: int) -> tuple[Index, Index]:
        """Quotient and remainder, if both are indices again; raises `NotAffine` if they are not."""
        whole = {c: f // n for c, f in self.terms if f % n == 0}
        rest = Index(self.offset % n, tuple((c, f) for c, f in self.terms if f % n))
        if rest.low >= 0 and rest.high < n:
            return _made(self.offset // n, whole), rest
        raise NotAffine(f"({self}) divided by {n}")


def _made(offset: int, factors: dict[Counter, int]) -> Index:
    return Index(offset, tuple((c, f) for c, f in sorted(factors.items(), key=lambda item: item[0].rank) if f))


class NotAffine(Exception):
    """An index is no sum of multiples of counters."""


def counting(counter: Counter) -> Index:
    """The counter itself, as an index; that of a loop of one turn is 0."""
    return Index(0, ((counter, 1),)) if counter.extent > 1 else Index(0)


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements from one position to the next along each axis of an array in C order."""
    return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


def flat(index: Sequence[Index | int], shape: Sequence[int]) -> Index:
    """The place of `index` in an array of this shape in C order."""
    total = Index(0)
    for i, n in zip(index, strides_of(shape), strict=True):
        total = total + i * n
    return total


def unflat(place: Index, shape: Sequence[int]) -> tuple[Index, ...]:
    """The inverse of `flat`; raises `NotAffine` where some axis would count over the edge of another."""
    index = []
    for n in strides_of(shape):
        i, place = divmod(place, n)
        index.append(i)
    return tuple(index)

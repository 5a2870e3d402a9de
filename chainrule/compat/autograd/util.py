"""Small things of autograd's that programs have come to use."""

from collections.abc import Iterable, Sequence
from typing import Any

from .refused import refusing

__getattr__ = refusing(__name__)


def subvals(x: Sequence[Any], ivs: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    """`x` as a tuple, with other values in some places: pairs of a position and a value."""
    new = list(x)
    for i, v in ivs:
        new[i] = v
    return tuple(new)


def subval(x: Sequence[Any], i: int, v: Any) -> tuple[Any, ...]:
    """`x` as a tuple, with another value in place `i`."""
    return subvals(x, [(i, v)])


def func(f: Any) -> Any:
    return f

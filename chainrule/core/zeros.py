"""Structural zeros: where no gradient can flow, whatever the slopes.

`np.where(x > 0, np.sqrt(x), 0)` does not depend on `x[0]` if `x[0] <= 0`: the branch was not taken. Its derivative
there is 0, though the slope of sqrt is infinite at 0, and a cotangent of 0 times inf is NaN. Not every 0 * inf is 0,
however: `np.sqrt(x) ** 2` at 0 has the slope 1. So the zeros that are structural have to be told from those that are
computed.

A selection (`where`, an index, a write that replaces) makes a cotangent that knows its support, the elements that were
selected. The support passes through the rules of elementwise operations as it is, and through those that move elements
as these move; other rules get the array. Only where NaN or infinity has come up is the support put to use.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .primitive import Aval, Primitive


class Supported:
    """A cotangent, and the elements at which it may be other than zero.

    support: a mask of the shape of `value`; marks: functions `mask -> mask` that add to it, done when somebody asks;
    risky: whether the value has been multiplied by slopes, which may be infinite.
    """

    __slots__ = ("_support", "marks", "risky", "value")

    __array_ufunc__ = None

    def __init__(self, value: Any, support: Any, risky: bool = False):
        self.value, self._support, self.risky = value, support, risky
        self.marks: list[Any] = []

    @property
    def support(self) -> Any:
        if self.marks:
            for mark in self.marks:
                self._support = mark(self._support)
            self.marks.clear()
        return self._support

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def size(self) -> int:
        return self.value.size

    def dense(self) -> Any:
        """The array, with zeros outside of the support."""
        if not self.risky:
            return self.value
        if not hasattr(self.value, "companion") and np.isfinite(self.value).all():
            return self.value
        return np.where(self.support, self.value, np.zeros((), self.value.dtype))

    def fit(self, x: Any) -> "Supported":
        """The same, brought to the shape and dtype of `x`."""
        if self.shape == x.shape:
            return Supported(cast(self.value, x.dtype), self.support, self.risky)
        return Supported(fit(self.dense(), x), fit(self.support, Aval(x.shape, np.dtype(int))) != 0)

    def copy(self) -> "Supported":
        return Supported(np.copy(self.dense()), np.copy(self.support))

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Supported):
            return Supported(self.dense() + other.dense(), self.support | other.support)
        return self.dense() + other

    __radd__ = __add__


def dense(ct: Any) -> Any:
    """Any cotangent as an array."""
    return ct.dense() if hasattr(ct, "dense") else ct


def pull(
    primitive: Primitive, wanted: Sequence[bool], ct: Any, y: Any, x: Sequence[Any], params: dict[str, Any]
) -> tuple[Any, ...]:
    """The cotangents of the arguments of an operation, from that of its output: its rule, which knows no supports."""
    if ct.__class__ is not Supported:
        return primitive.vjp(wanted, ct, y, *x, **params)  # pyright: ignore[reportOptionalCall]
    with np.errstate(divide="ignore", invalid="ignore"):  # slopes where nothing flows are nobody's concern
        if primitive.zeros == "stay":
            return _elementwise(primitive, wanted, ct, y, x, params)
        if primitive.zeros == "move":
            return _moved(primitive, wanted, ct, y, x, params)
    return primitive.vjp(wanted, ct.dense(), y, *x, **params)  # pyright: ignore[reportOptionalCall]


def _elementwise(primitive, wanted, ct, y, x, params):
    """The products first, in the shape of the output; summed over broadcast axes after that."""
    shape = ct.value.shape
    wide = [_stretched(x_i, shape) if on else x_i for x_i, on in zip(x, wanted, strict=True)]
    out = []
    for found, x_i in zip(primitive.vjp(wanted, ct.value, y, *wide, **params), x, strict=True):
        if found is not None:
            chosen = found.__class__ is Supported
            found = Supported(
                found.value if chosen else found, ct.support & found.support if chosen else ct.support, risky=True
            ).fit(x_i)
        out.append(found)
    return tuple(out)


def _stretched(x: Any, shape: tuple[int, ...]) -> Any:
    if x.shape == shape:
        return x
    return np.broadcast_to(x, shape) if hasattr(x, "__array__") else Aval(shape, x.dtype)


def _moved(primitive, wanted, ct, y, x, params):
    """The support is moved by the rule that moves the values: linear, with no slope below zero, it cancels nothing."""
    found = primitive.vjp(wanted, ct.dense(), y, *x, **params)
    masks = None
    out = []
    for i, part in enumerate(found):
        if hasattr(part, "support"):  # a part of an array, which is in the support if the array's own is
            part.support = ct.support
        elif part is not None:
            if masks is None:
                masks = primitive.vjp(wanted, ct.support, y, *x, **params)
            part = Supported(part, dense(masks[i]) != 0)
        out.append(part)
    return tuple(out)


# ---- the transpose of broadcasting and of promotion -----------------------------------------------------------------


def fit(ct: Any, x: Any) -> Any:
    """`ct` brought to the shape and dtype of `x`."""
    if ct.shape == x.shape and ct.dtype is x.dtype:
        return ct
    if ct.shape != x.shape:
        shape = x.shape
        lead = len(ct.shape) - len(shape)
        stretched = [lead + i for i, n in enumerate(shape) if n == 1 and ct.shape[lead + i] != 1]
        ct = np.reshape(np.sum(ct, axis=(*range(lead), *stretched)), shape)
    return cast(ct, x.dtype)


def cast(ct: Any, dtype: np.dtype) -> Any:
    """`ct` as `dtype`; of a complex one the real part, where `dtype` is real."""
    if ct.dtype == dtype:
        return ct
    if ct.dtype.kind == "c" and dtype.kind != "c":
        ct = np.real(ct)
    return ct if ct.dtype == dtype else ct.astype(dtype)

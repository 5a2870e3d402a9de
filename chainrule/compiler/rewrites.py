"""The table of rewrites: what is put in the place of what. Each is two little functions (compiler/patterns.py).

EXACT ones change no bit of any result, of zeros the sign and of NaN the meaning included. STABLE ones give what the
formula means, where it loses digits or overflows on the way: they round otherwise. REORDERED ones add the same numbers
in another order. FAST ones hold for real numbers, and
are for those who have asked for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from ..core.graph import Var
from ..core.trace import UFUNCS, bind, dtype_of
from ..ops.indexing import ARRAY, getitem, setitem
from ..ops.moves import astype, broadcast_to, concatenate, copy, reshape, transpose
from ..ops.reductions import sum_
from ..ops.selections import where
from .patterns import Rewrite
from .repeats import aval_like

# ---- exact -----------------------------------------------------------------------------------------------------------


def of(kinds: str, f: Any) -> Any:
    """f, where all arguments are of these kinds of dtypes ("f": real floating point numbers)."""

    def restricted(*xs: Any, **params: Any) -> Any:
        return f(*xs, **params) if all(dtype_of(x).kind in kinds for x in xs) else NotImplemented

    return restricted


def stepped(x: Any, i: Any, *, index: Any, copy: Any) -> Any:
    """x[[2, 4, 6]] as x[2:7:2]: positions along the first axis with equal steps between."""
    if not isinstance(i, np.ndarray) or i.ndim != 1 or len(i) < 2 or i.dtype.kind != "i" or index[0] is not ARRAY:
        return NotImplemented
    first, step, last = int(i[0]), int(i[1]) - int(i[0]), int(i[-1])
    if step == 0 or min(first, last) < 0 or not np.array_equal(i, first + step * np.arange(len(i))):
        return NotImplemented
    if any(e is ARRAY or type(e) is int for e in index[1:]):
        return NotImplemented
    stop = last + (1 if step > 0 else -1)
    return bind(getitem, x, index=(slice(first, stop if stop >= 0 else None, step), *index[1:]), copy=copy)


def all_of_it(x: Any, *, index: Any, copy: Any) -> Any:
    """x[:], x[0:n]: x itself."""
    whole = all(isinstance(e, slice) and e.indices(n) == (0, n, 1) for e, n in zip(index, x.shape, strict=False))
    return x if whole and len(index) <= len(x.shape) else NotImplemented


def itself(x: Any, **params: Any) -> Any:
    """Taken where shape and dtype stay the same, as for all rewrites."""
    return x


def transposed(x: Any, *, axes: Any) -> Any:
    return x if axes == tuple(range(len(axes))) else NotImplemented


def places(index: Any, n: int) -> range | None:
    """The positions along an axis of n that an entry of an index stands for; None if that is not known."""
    if type(index) is int:
        return range(index % n, index % n + 1)
    return range(*index.indices(n)) if isinstance(index, slice) else None


def apart(one: Any, other: Any, shape: tuple[int, ...]) -> bool:
    """Whether two indices have no element in common."""
    for i, j, n in zip(one, other, shape, strict=False):
        a, b = places(i, n) if n else None, places(j, n) if n else None
        if a is None or b is None:  # the entries after a new axis, say, are of other axes of the array
            return False
        if not a or not b or max(a[0], a[-1]) < min(b[0], b[-1]) or max(b[0], b[-1]) < min(a[0], a[-1]):
            return True
    return False


def read_of_written(x: Any, v: Any, *, at: Any, in_place: Any, index: Any, copy: Any) -> Any:
    """What was written, if it is just that which is read; if nothing of it is, what was there before."""
    if at == index and dtype_of(x) == dtype_of(v):
        return v
    return bind(getitem, x, index=index, copy=copy) if apart(at, index, x.shape) else NotImplemented


def read_of_joined(*parts: Any, axis: Any, index: Any, copy: Any) -> Any:
    """A read of the one part that all of what is read belongs to."""
    i = index[axis] if axis < len(index) else slice(None)
    if not all(type(j) is int or isinstance(j, slice) for j in index[: axis + 1]):
        return NotImplemented
    whole = places(i, sum(part.shape[axis] for part in parts))
    start = 0
    for part in parts:
        end = start + part.shape[axis]
        if whole and start <= min(whole[0], whole[-1]) and max(whole[0], whole[-1]) < end:
            own = whole[0] - start
            if type(i) is not int:
                stop = whole[-1] - start + (1 if whole.step > 0 else -1)
                own = slice(own, stop if stop >= 0 else None, whole.step)
            return bind(getitem, part, index=(*index[:axis], own, *index[axis + 1 :]), copy=copy)
        start = end
    return NotImplemented


def read_of_one_row(x: Any, *, shape: Any, index: Any, copy: Any) -> Any:
    """The only row of an array that has been made a row."""
    return x if index == (0,) and shape == (1, *x.shape) else NotImplemented


def number_of_row(x: Any, *, index: Any, copy: Any, shape: Any) -> Any:
    """x[3:4], as a number, is x[3]."""
    row = places(index[0], x.shape[0]) if len(index) == len(x.shape) == 1 else None
    return bind(getitem, x, index=(row[0],), copy=copy) if shape == () and row and len(row) == 1 else NotImplemented


# A rewrite is taken where it has the shape and dtype of what it replaces. Of complex numbers even x * 1 is no x: a part
# that is infinite makes a NaN of the other.
EXACT = [
    Rewrite(lambda x: x * 1, of("fiu", itself)),
    Rewrite(lambda x: x / 1, of("f", itself)),
    Rewrite(lambda x: np.power(x, 1), of("fiu", itself)),
    Rewrite(lambda x: np.power(x, 2), lambda x: x * x if dtype_of(x).kind in "fiu" and x.shape else NotImplemented),
    Rewrite(lambda x: x - 0, of("fiu", itself)),
    Rewrite(lambda x: x + -0.0, of("f", itself)),
    Rewrite(lambda x: x + 0, of("iu", itself)),
    Rewrite(lambda x: x * -1, of("fi", lambda x: -x)),
    Rewrite(lambda x: np.negative(np.negative(x)), itself),
    Rewrite(lambda x: np.positive(x), itself),
    Rewrite(lambda a, b: a + np.negative(b), of("f", lambda a, b: a - b)),
    Rewrite(lambda a, b: a - np.negative(b), of("f", lambda a, b: a + b)),
    Rewrite(lambda x, y: bind(where, True, x, y), lambda x, y: x),
    Rewrite(lambda x, y: bind(where, False, y, x), lambda x, y: x),
    Rewrite(lambda c, x: bind(where, c, x, x), lambda c, x: x),
    Rewrite(lambda x, *, keepdims: bind(sum_, x, axes=(), keepdims=keepdims), of("f", itself)),
    Rewrite(lambda x, *, order: bind(copy, x, order=order), itself),
    Rewrite(lambda x: bind(copy, x), itself),
    Rewrite(lambda x, *, dtype: bind(astype, x, dtype=dtype), itself),
    Rewrite(lambda x, *, shape: bind(reshape, x, shape=shape), itself),
    Rewrite(
        lambda x, *, first, shape: bind(reshape, bind(reshape, x, shape=first), shape=shape),
        lambda x, *, first, shape: bind(reshape, x, shape=shape),
    ),
    Rewrite(lambda x, *, shape: bind(broadcast_to, x, shape=shape), itself),
    Rewrite(
        lambda x, *, first, shape: bind(broadcast_to, bind(broadcast_to, x, shape=first), shape=shape),
        lambda x, *, first, shape: bind(broadcast_to, x, shape=shape),
    ),
    Rewrite(lambda x, *, axes: bind(transpose, x, axes=axes), transposed),
    Rewrite(
        lambda x, *, first, axes: bind(transpose, bind(transpose, x, axes=first), axes=axes),
        lambda x, *, first, axes: bind(transpose, x, axes=tuple(first[i] for i in axes)),
    ),
    Rewrite(lambda x, *, index, copy: bind(getitem, x, index=index, copy=copy), all_of_it),
    Rewrite(lambda x, i, *, index, copy: bind(getitem, x, i, index=index, copy=copy), stepped),
    Rewrite(lambda x, *, axis: bind(concatenate, x, axis=axis), itself),
    Rewrite(
        lambda x, v, *, at, in_place, index, copy: bind(
            getitem, bind(setitem, x, v, index=at, in_place=in_place), index=index, copy=copy
        ),
        read_of_written,
    ),
    Rewrite(
        lambda x, v, w, *, at, in_place, later: bind(
            setitem, bind(setitem, x, v, index=at, in_place=in_place), w, index=at, in_place=later
        ),
        lambda x, v, w, *, at, in_place, later: bind(setitem, x, w, index=at, in_place=in_place),
    ),
    Rewrite(
        lambda *parts, axis, index, copy: bind(getitem, bind(concatenate, *parts, axis=axis), index=index, copy=copy),
        read_of_joined,
    ),
    Rewrite(
        lambda x, *, shape, index, copy: bind(getitem, bind(reshape, x, shape=shape), index=index, copy=copy),
        read_of_one_row,
    ),
    Rewrite(
        lambda x, *, index, copy, shape: bind(reshape, bind(getitem, x, index=index, copy=copy), shape=shape),
        number_of_row,
    ),
]


# ---- stable ----------------------------------------------------------------------------------------------------------


def largest(x: Any, axes: Any) -> Any:
    """The largest elements along axes, kept; 0 where they are infinite."""
    top = np.max(x, axis=axes, keepdims=True)
    return np.where(np.isfinite(top), top, np.zeros((), x.dtype))


def log_sum_exp(x: Any, *, axes: Any, keepdims: Any) -> Any:
    if dtype_of(x).kind != "f":
        return NotImplemented
    top = largest(x, axes)
    y = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    return y if keepdims else np.squeeze(y, axis=axes)


def softmax(x: Any, *, axes: Any) -> Any:
    if dtype_of(x).kind != "f":
        return NotImplemented
    e = np.exp(x - largest(x, axes))
    return e / np.sum(e, axis=axes, keepdims=True)


def not_shifted(bound: dict[str, Any], made: Any) -> bool:
    """Whether x is no difference yet of which the second part is the same along the axes: that has been seen to."""
    e = made(bound["x"]) if isinstance(bound["x"], Var) else None
    if e is None or e.primitive is not UFUNCS[np.subtract]:
        return True
    shape = aval_like(e.args[1]).shape
    shape = (1,) * (len(e.outputs[0].aval.shape) - len(shape)) + shape
    return any(shape[k] != 1 for k in bound["axes"])


expit = scipy.special.expit

STABLE = [
    # What the formula gives is right as it is; what is gained is the derivative, and time.
    Rewrite(lambda x: 1 / (1 + np.exp(-x)), of("f", lambda x: expit(x)), whole=True),
    Rewrite(lambda x: np.log(1 + np.exp(x)), of("f", lambda x: np.logaddexp(x, np.zeros((), x.dtype)))),
    Rewrite(lambda x: np.exp(x) - 1, of("f", lambda x: np.expm1(x))),
    Rewrite(lambda x: np.log(1 + x), of("f", lambda x: np.log1p(x))),
    Rewrite(
        lambda x, *, axes, keepdims: np.log(bind(sum_, np.exp(x), axes=axes, keepdims=keepdims)),
        log_sum_exp,
        when=not_shifted,
    ),
    Rewrite(
        lambda x, *, axes: np.exp(x) / bind(sum_, np.exp(x), axes=axes, keepdims=True),
        softmax,
        when=not_shifted,
    ),
    # the derivatives of the first two, as the rules of their operations leave them: the slope, and what it multiplies
    Rewrite(lambda x: (-expit(x) / (1 + np.exp(-x))) * np.exp(-x), of("f", lambda x: -(expit(x) * expit(-x)))),
    Rewrite(
        lambda ct, x: (ct * (-expit(x) / (1 + np.exp(-x)))) * np.exp(-x),
        of("f", lambda ct, x: -(ct * (expit(x) * expit(-x)))),
    ),
    Rewrite(lambda x: (1 / (1 + np.exp(x))) * np.exp(x), of("f", lambda x: expit(x))),
    Rewrite(lambda ct, x: (ct * (1 / (1 + np.exp(x)))) * np.exp(x), of("f", lambda ct, x: ct * expit(x))),
    Rewrite(lambda x: expit(x) * np.exp(-x), of("f", lambda x: expit(-x))),
    Rewrite(lambda ct, x: (ct * expit(x)) * np.exp(-x), of("f", lambda ct, x: ct * expit(-x))),
]

# ---- sums in another order -------------------------------------------------------------------------------------------


def sum_of_product(a: Any, b: Any, *, axes: Any, keepdims: Any) -> Any:
    """The sum over the rows, or the columns, of a product of matrices: a product of what is summed already."""
    n = len(a.shape)
    if n < 2 or n != len(b.shape) or axes not in ((n - 2,), (n - 1,)):
        return NotImplemented
    rows = axes == (n - 2,)
    y = np.sum(a, axis=n - 2, keepdims=True) @ b if rows else a @ np.sum(b, axis=n - 1, keepdims=True)
    return y if keepdims else np.squeeze(y, axis=axes)


REORDERED = [
    Rewrite(
        lambda x, *, axes, keepdims: bind(sum_, np.negative(x), axes=axes, keepdims=keepdims),
        of("f", lambda x, *, axes, keepdims: -bind(sum_, x, axes=axes, keepdims=keepdims)),
    ),
    Rewrite(
        lambda a, b, *, axes, keepdims: bind(sum_, np.matmul(a, b), axes=axes, keepdims=keepdims),
        of("f", sum_of_product),
    ),
]

# ---- for real numbers only -------------------------------------------------------------------------------------------

FAST = [
    Rewrite(lambda x: x + 0, lambda x: x),
    Rewrite(lambda x: x * 0, lambda x: np.zeros(x.shape, x.dtype)),
    Rewrite(lambda x: 0 / x, lambda x: np.zeros(x.shape, x.dtype)),
    Rewrite(lambda x: x - x, lambda x: np.zeros(x.shape, x.dtype)),
    Rewrite(lambda x: x / x, lambda x: np.ones(x.shape, x.dtype)),
    Rewrite(lambda x: np.log(np.exp(x)), lambda x: x),
    Rewrite(lambda x: np.exp(np.log(x)), lambda x: x),
    Rewrite(lambda a, b, c: a * c + b * c, lambda a, b, c: (a + b) * c),
]

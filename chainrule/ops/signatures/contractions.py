"""Products of arrays: dot and its kin, einsum, norms of vectors."""

import math
from typing import Any

import numpy as np

from ...core.trace import aval_of, bind, operand
from .. import contractions
from .tools import array, into, ndim, one_axis, signature_of


@signature_of(np.matmul)
def matmul(a, b):
    return bind(contractions.matmul, operand(a), operand(b))


@signature_of(np.dot)
def dot(a, b, out=None):
    a, b = array(a), array(b)
    if not a.shape or not b.shape:
        y = np.multiply(a, b)
    elif len(b.shape) <= 2 and (len(a.shape) <= 2 or len(b.shape) <= 2):
        y = np.matmul(a, b)
    else:
        y = np.tensordot(a, b, axes=(len(a.shape) - 1, len(b.shape) - 2))
    return into(out, y, "numpy.dot")


@signature_of(np.vdot)
def vdot(a, b, /):
    return np.dot(np.conjugate(np.ravel(array(a))), np.ravel(array(b)))


@signature_of(np.linalg.vecdot)
def vecdot(x1, x2, /, *, axis=-1):
    return np.vecdot(x1, x2, axis=axis)  # pyright: ignore[reportCallIssue]


@signature_of(np.inner)
def inner(a, b, /):
    a, b = array(a), array(b)
    return np.multiply(a, b) if not a.shape or not b.shape else np.tensordot(a, b, axes=(-1, -1))


@signature_of(np.outer)
def outer(a, b, out=None):
    return into(out, np.ravel(array(a))[:, None] * np.ravel(array(b))[None, :], "numpy.outer")


@signature_of(np.linalg.outer)
def linalg_outer(x1, x2, /):
    if ndim(x1) != 1 or ndim(x2) != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return np.outer(x1, x2)


signature_of(np.linalg.matmul)(lambda x1, x2, /: np.matmul(x1, x2))


@signature_of(np.tensordot)
def tensordot(a, b, axes: Any = 2):
    a, b = array(a), array(b)
    na, nb = len(a.shape), len(b.shape)
    if np.ndim(axes) == 0:
        axes_a, axes_b = list(range(na - int(axes), na)), list(range(int(axes)))
    else:
        axes_a, axes_b = ([x] if np.ndim(x) == 0 else list(x) for x in axes)
        axes_a, axes_b = [one_axis(i, na) for i in axes_a], [one_axis(i, nb) for i in axes_b]
    if [a.shape[i] for i in axes_a] != [b.shape[i] for i in axes_b]:
        raise ValueError(f"tensordot: shapes {a.shape} and {b.shape} do not match on axes {axes_a} and {axes_b}")
    free_a = [i for i in range(na) if i not in axes_a]
    free_b = [i for i in range(nb) if i not in axes_b]
    inner = math.prod(a.shape[i] for i in axes_a)
    rows, columns = [a.shape[i] for i in free_a], [b.shape[i] for i in free_b]
    left = np.reshape(np.transpose(a, free_a + axes_a), (math.prod(rows), inner))
    right = np.reshape(np.transpose(b, axes_b + free_b), (inner, math.prod(columns)))
    return np.reshape(np.matmul(left, right), (*rows, *columns))


signature_of(np.linalg.tensordot)(lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes))


@signature_of(np.kron)
def kron(a, b):
    a, b = array(a), array(b)
    n = max(len(a.shape), len(b.shape))
    sa, sb = ((1,) * (n - len(x.shape)) + x.shape for x in (a, b))
    wide = np.reshape(a, tuple(k for s in sa for k in (s, 1))) * np.reshape(b, tuple(k for s in sb for k in (1, s)))
    return np.reshape(wide, tuple(i * j for i, j in zip(sa, sb, strict=True)))


@signature_of(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(array(a), axisa, -1), np.moveaxis(array(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(
            f"numpy.cross: vectors of length 3 are needed (NumPy is dropping those of length 2); the lengths are "
            f"{a.shape[-1]} and {b.shape[-1]}"
        )
    u, v = ([x[..., i] for i in range(3)] for x in (a, b))
    parts = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
    return np.stack(parts, axis=axisc)


signature_of(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: np.cross(x1, x2, axis=axis))


@signature_of(np.einsum)
def einsum(*operands, out: Any = None, optimize=False, dtype=None, order="K", casting: Any = "safe"):
    if not isinstance(operands[0], str):
        operands = from_lists(operands)
    subscripts, *xs = operands
    xs = [array(x) for x in xs]
    plain = contractions.plain_subscripts(subscripts, [ndim(x) for x in xs])
    left, right = plain.split("->")
    is_view = len(xs) == 1 and set(left) == set(right) and out is None
    common = np.result_type(*(x.dtype for x in xs)) if dtype is None else dtype
    if out is not None and not np.can_cast(common, out.dtype, casting):
        raise TypeError(f"einsum: a result of dtype {common} cannot be cast to {out.dtype} by the rule {casting!r}")
    if dtype is not None and not is_view:
        if not all(np.can_cast(x.dtype, dtype, casting) for x in xs):
            found = ", ".join(str(x.dtype) for x in xs)
            raise TypeError(f"einsum: operands of dtypes {found} cannot be cast to {dtype} by the rule {casting!r}")
        xs = [x.astype(dtype) for x in xs]
    if len(xs) == 1 and sorted(left) == sorted(right):  # a transpose, which is a view in NumPy too
        return into(out, np.transpose(xs[0], [left.index(letter) for letter in right]), "numpy.einsum")
    return into(out, contract(plain, xs), "numpy.einsum")


def from_lists(operands):
    """The form einsum(x, [0, 1], y, [1, 2], [0, 2]) as subscripts."""
    spell = lambda axes: "".join("..." if i is Ellipsis else contractions.LETTERS[i] for i in axes)  # noqa: E731
    pairs = len(operands) // 2
    left = ",".join(spell(operands[2 * k + 1]) for k in range(pairs))
    right = "->" + spell(operands[-1]) if len(operands) % 2 else ""
    return [left + right, *operands[0 : 2 * pairs : 2]]


def contract(subscripts, xs):
    """Two operands at a time, in NumPy's order of least work, so that no cotangent is more work than the product."""
    ins, out = contractions.split(subscripts)
    if len(xs) == 1 and sorted(ins[0]) == sorted(set(out)):  # axes in another order: a view, as NumPy's is
        return np.transpose(xs[0], [ins[0].index(letter) for letter in out])
    if len(xs) <= 2:
        return bind(contractions.einsum, *xs, subscripts=subscripts)
    path = np.einsum_path(subscripts, *(np.broadcast_to(0.0, aval_of(x).shape) for x in xs), optimize="greedy")[0][1:]
    for step in path:
        chosen = sorted(step, reverse=True)
        letters, parts = [ins.pop(k) for k in chosen], [xs.pop(k) for k in chosen]
        left = set("".join(ins)) | set(out)
        keep = out if not ins else "".join(dict.fromkeys(c for c in "".join(letters) if c in left))
        ins.append(keep)
        xs.append(bind(contractions.einsum, *parts, subscripts=",".join(letters) + "->" + keep))
    return xs[0]

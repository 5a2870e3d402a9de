"""Contractions: multilinear, so the tangent is the operation itself and each cotangent a contraction again."""

import math
from typing import Any

import numpy as np

from ..core import dependence
from ..core.primitive import Aval, Primitive, register
from ..core.slots import Piece, is_number, merged, moved, stretch
from ..core.trace import UFUNCS, aval_of, bind
from .families import add_up, adjoint, fit, keeps_others, pad_axes, spread
from .indexing import ARRAY, put


def swap(x):
    """Matrix transpose: swaps the last two axes."""
    return np.swapaxes(x, -1, -2)


# ---- matmul: a (..., n, k), b (..., k, m), y (..., n, m); vectors are handled as NumPy does -------------------------


def matmul_aval(a, b):
    if not a.shape or not b.shape:
        raise ValueError("matmul: a 0-d operand; use * to multiply by a number")
    left = a.shape if len(a.shape) > 1 else (1, *a.shape)
    right = b.shape if len(b.shape) > 1 else (*b.shape, 1)
    if left[-1] != right[-2]:
        raise ValueError(f"matmul: {a.shape} @ {b.shape}: inner sizes {left[-1]} and {right[-2]} differ")
    lead = np.broadcast_shapes(left[:-2], right[:-2])
    rows = left[-2:-1] if len(a.shape) > 1 else ()
    columns = right[-1:] if len(b.shape) > 1 else ()
    return Aval((*lead, *rows, *columns), np.result_type(a.dtype, b.dtype))


def matmul_jvp(tangents, y, a, b):
    ta, tb = tangents
    return spread(add_up((None if ta is None else ta @ b, None if tb is None else a @ tb)), y)


def matmul_vjp(wanted, ct, y, a, b):
    on_a, on_b = wanted
    if len(a.shape) == 2 == len(b.shape):  # the common case, without padding
        return (
            fit(ct @ swap(adjoint(b)), a) if on_a else None,
            fit(swap(adjoint(a)) @ ct, b) if on_b else None,
        )
    vector_a, vector_b = len(a.shape) == 1, len(b.shape) == 1
    if vector_b:
        ct = ct[..., None]
    if vector_a:
        ct = ct[..., None, :]
    ct_a = ct_b = None
    if on_a:
        right = adjoint(b)
        ct_a = ct @ swap(right[:, None] if vector_b else right)
        ct_a = fit(ct_a[..., 0, :] if vector_a else ct_a, a)
    if on_b:
        left = adjoint(a)
        ct_b = swap(left[None, :] if vector_a else left) @ ct
        ct_b = fit(ct_b[..., 0] if vector_b else ct_b, b)
    return ct_a, ct_b


def matmul_batch(is_batched, a, b):
    (on_a, on_b) = is_batched
    ndim_a, ndim_b = np.ndim(a) - on_a, np.ndim(b) - on_b
    if ndim_a == 1 and not on_a and ndim_b > 1:  # (k) @ (B, ..., k, m): NumPy broadcasts it
        return np.matmul(a, b)
    if ndim_b == 1 and not on_b:
        return np.matmul(a, b)
    if ndim_b == 2 and not on_b and ndim_a >= 1 and on_a:  # (B, ..., k) @ (k, m): one matrix product
        return np.matmul(a, b)
    vector_a, vector_b = ndim_a == 1, ndim_b == 1
    if vector_a:
        a, ndim_a = a[..., None, :], 2
    if vector_b:
        b, ndim_b = b[..., None], 2
    ndim = max(ndim_a, ndim_b)
    y = np.matmul(pad_axes(a, ndim) if on_a else a, pad_axes(b, ndim) if on_b else b)
    if vector_b:
        y = y[..., 0]
    return y[..., 0, :] if vector_a and not vector_b else y[..., 0] if vector_a else y


def matmul_sparsity(deps, a, b):  # y[i, j] depends on row i of a and column j of b
    shape = matmul_aval(a, b).shape
    parts = []
    if deps[0] is not None:
        rows = dependence.over_axes(deps[0], (len(a.shape) - 1,))
        parts.append(rows if len(b.shape) == 1 else rows[..., None])
    if deps[1] is not None:
        if len(b.shape) == 1:
            columns = dependence.over_axes(deps[1], (0,))
        else:
            columns = dependence.over_axes(deps[1], (len(b.shape) - 2,))
            columns = columns if len(a.shape) == 1 else columns[..., None, :]
        parts.append(columns)
    return dependence.union(parts, shape)


def matmul_slots(maps, pieces, y, a, b):
    na, nb = len(a.shape), len(b.shape)
    lead = LETTERS[: max(na, nb, 2) - 2]
    left = lead[len(lead) - max(na - 2, 0) :] + ("yz" if na > 1 else "z")
    right = lead[len(lead) - max(nb - 2, 0) :] + ("zx" if nb > 1 else "z")
    out = lead + ("y" if na > 1 else "") + ("x" if nb > 1 else "")
    return einsum_slots(maps, pieces, y, a, b, subscripts=f"{left},{right}->{out}")


matmul = register(
    Primitive(
        "matmul",
        impl=np.matmul,
        aval=matmul_aval,
        jvp=matmul_jvp,
        vjp=matmul_vjp,
        saves=keeps_others,
        batch=matmul_batch,
        sparsity=matmul_sparsity,
        slots=matmul_slots,
    )
)
UFUNCS[np.matmul] = matmul


# ---- einsum: any number of operands; subscripts is one letter per axis, no ellipsis: "ij,jk->ik" --------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def split(subscripts):
    left, out = subscripts.split("->")
    return left.split(","), out


def sizes_of(subscripts, avals):
    sizes = {}
    for letters, a in zip(split(subscripts)[0], avals, strict=True):
        for letter, n in zip(letters, a.shape, strict=True):
            if sizes.setdefault(letter, n) != n and n != 1:
                if sizes[letter] != 1:
                    raise ValueError(f"einsum {subscripts!r}: sizes {sizes[letter]} and {n} of axis {letter!r} differ")
                sizes[letter] = n
    return sizes


def einsum_impl(*x, subscripts):
    return np.einsum(subscripts, *x, optimize=len(x) > 2)


def einsum_aval(*avals, subscripts):
    sizes = sizes_of(subscripts, avals)
    out = split(subscripts)[1]
    return Aval(tuple(sizes[letter] for letter in out), np.result_type(*(a.dtype for a in avals)))


def einsum_jvp(tangents, y, *x, subscripts):
    terms = [
        None if t is None else bind(einsum, *x[:i], t, *x[i + 1 :], subscripts=subscripts)
        for i, t in enumerate(tangents)
    ]
    return spread(add_up(terms), y)


def einsum_vjp(wanted, ct, y, *x, subscripts):
    return tuple(einsum_cotangent(i, ct, x, subscripts) if on else None for i, on in enumerate(wanted))


def einsum_cotangent(i, ct, x, subscripts):
    """The contraction of ct with the other operands, to the axes of operand i.

    Letters that stand in operand i only were summed over, and those of size 1 elsewhere were broadcast: ones give
    them back. Letters that it repeats were read on the diagonal: an identity matrix puts the cotangent back there.
    """
    ins, out = split(subscripts)
    sizes = sizes_of(subscripts, x)
    others = [(letters, adjoint(v)) for k, (letters, v) in enumerate(zip(ins, x, strict=True)) if k != i]
    terms = [(out, ct), *others]
    present = {c for letters, v in terms for c, n in zip(letters, aval_of(v).shape, strict=True) if n == sizes[c]}
    free = iter([c for c in LETTERS if c not in subscripts])
    target = []
    for letter, n in zip(ins[i], x[i].shape, strict=True):
        if letter in target:
            other = next(free)
            terms.append((letter + other, np.eye(n, dtype=ct.dtype)))
            present.add(other)
            letter = other
        elif n == 1 and sizes[letter] != 1:  # a stretched axis: sum the cotangent over it
            letter = next(free)
        if letter not in present:
            terms.append((letter, np.ones(n, ct.dtype)))
            present.add(letter)
        target.append(letter)
    result = bind(einsum, *(v for _, v in terms), subscripts=",".join(t for t, _ in terms) + "->" + "".join(target))
    return fit(result, x[i])


def einsum_batch(is_batched, *x, subscripts):
    ins, out = split(subscripts)
    b = next(c for c in LETTERS if c not in subscripts)
    ins = [b + letters if on else letters for letters, on in zip(ins, is_batched, strict=True)]
    return bind(einsum, *x, subscripts=",".join(ins) + "->" + b + out)


def einsum_sparsity(deps, *avals, subscripts):
    ins, out = split(subscripts)
    shape = einsum_aval(*avals, subscripts=subscripts).shape
    parts = []
    for d, letters in zip(deps, ins, strict=True):
        if d is None:
            continue
        axes = list(letters)
        for letter in set(letters):
            while axes.count(letter) > 1:  # read on the diagonal
                first = axes.index(letter)
                second = axes.index(letter, first + 1)
                d = np.moveaxis(np.diagonal(d, axis1=first + 1, axis2=second + 1), -1, first + 1)
                del axes[second]
        summed = tuple(k for k, letter in enumerate(axes) if letter not in out)
        d = dependence.over_axes(d, summed)
        axes = [letter for letter in axes if letter in out]
        order = sorted(range(len(axes)), key=lambda k, axes=axes: out.index(axes[k]))
        d = np.transpose(d, (0, *(k + 1 for k in order)))
        parts.append(
            d.reshape(len(d), *(d.shape[1 + sorted(axes, key=out.index).index(c)] if c in axes else 1 for c in out))
        )
    return dependence.union(parts, shape)


def einsum_slots(maps, pieces, y, *x, subscripts):
    """The products before they are summed, each a slot."""
    ins, _ = split(subscripts)
    found = []
    for k, own in enumerate(pieces):
        if own:
            rest = [(letters, v) for n, (letters, v) in enumerate(zip(ins, x, strict=True)) if n != k]
            found += operand_slots(maps, own, x[k].shape, ins[k], rest, sizes_of(subscripts, x), split(subscripts)[1])
    return merged(found)


def operand_slots(maps, pieces, shape, letters, rest, sizes, out):
    """Those of a contraction of an operand with `letters` and the others, `rest`, each with its own letters."""
    axes = list(letters)
    for letter in set(letters):
        while axes.count(letter) > 1:  # read on the diagonal
            first = axes.index(letter)
            second = axes.index(letter, first + 1)

            def on_diagonal(a, i=first + 1, j=second + 1):
                return np.moveaxis(np.diagonal(a, axis1=i, axis2=j), -1, i)

            pieces = [moved(maps, ("diagonal", first, second), p, shape, on_diagonal) for p in pieces]
            del axes[second]
            shape = shape[:second] + shape[second + 1 :]
    summed = [c for c, n in zip(axes, shape, strict=True) if c not in out and n == sizes[c]]
    order = [*summed, *out]
    # Of the others only what has these letters is left; the rest is summed beforehand.
    has = {c for others, v in rest for c, n in zip(others, v.shape, strict=True) if n == sizes[c]}
    kept_letters = "".join(c for c in order if c in has)
    factor: Any = 1
    if rest:
        factor = bind(einsum, *(v for _, v in rest), subscripts=",".join(s for s, _ in rest) + "->" + kept_letters)
        factor = np.reshape(factor, tuple(sizes[c] if c in has else 1 for c in order))
    lost = [c for c in sizes if c not in has and c not in out and c not in summed]  # sums of one term, or of none
    assert not any(sizes[c] != 1 for c in lost)
    wide_shape = tuple(sizes[c] for c in order)
    count, out_sizes = math.prod(sizes[c] for c in summed), tuple(sizes[c] for c in out)

    def arrange(a):
        """Axes in the order of `order`, those that the operand has not with a length of 1."""
        places = [axes.index(c) + 1 for c in order if c in axes]
        gone = [k + 1 for k, c in enumerate(axes) if c not in order]
        a = np.reshape(np.transpose(a, (0, *places, *gone)), (a.shape[0], *(a.shape[p] for p in places)))
        n = iter(a.shape[1:])
        return np.reshape(a, (a.shape[0], *(next(n) if c in axes else 1 for c in order)))

    def join(a):
        return np.reshape(np.broadcast_to(a, (a.shape[0], *wide_shape)), (a.shape[0] * count, *out_sizes))

    found = []
    for p in pieces:
        index = maps.get(("contract", letters, tuple(order), wide_shape), p.inputs, lambda a: join(arrange(a)))
        coef = p.coef
        if not is_number(coef):
            coef = arrange(stretch(coef, shape))
        if rest:
            coef = factor[None] if is_number(coef) and coef == 1 else coef * factor[None]
        if not is_number(coef):
            slots = (
                (len(p.inputs), *wide_shape[: len(summed)])
                if count > 1 or len(coef) > 1
                else coef.shape[: 1 + len(summed)]
            )
            coef = np.broadcast_to(coef, (*slots, *coef.shape[1 + len(summed) :]))
            coef = np.reshape(coef, (math.prod(slots), *coef.shape[1 + len(summed) :]))
        found.append(Piece(p.base, index, coef))
    return found


einsum = register(
    Primitive(
        "einsum",
        impl=einsum_impl,
        aval=einsum_aval,
        jvp=einsum_jvp,
        vjp=einsum_vjp,
        saves=keeps_others,
        batch=einsum_batch,
        sparsity=einsum_sparsity,
        slots=einsum_slots,
    )
)


def plain_subscripts(subscripts, ndims):
    """`subscripts` with the output written out and the ellipsis replaced by letters."""
    subscripts = subscripts.replace(" ", "")
    left, arrow, out = subscripts.partition("->")
    ins = left.split(",")
    if len(ins) != len(ndims):
        raise ValueError(f"einsum {subscripts!r}: {len(ins)} operands are named, {len(ndims)} are given")
    free = [c for c in LETTERS if c not in subscripts]
    longest = max((n - len(s) + 3 for s, n in zip(ins, ndims, strict=True) if "..." in s), default=0)
    dots = "".join(free[:longest])
    plain = []
    for s, n in zip(ins, ndims, strict=True):
        count = n - len(s) + 3
        plain.append(s.replace("...", dots[len(dots) - count :]) if "..." in s else s)
        if len(plain[-1]) != n:
            raise ValueError(f"einsum {subscripts!r}: {s!r} does not fit an operand with {n} axes")
    if arrow:
        out = out.replace("...", dots)
    else:
        letters = "".join(plain)
        out = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots))
    return ",".join(plain) + "->" + out


def ndim_of(x):
    return len(aval_of(x).shape)


# ---- convolution of two sequences: y[k] = sum of a[i] b[j] over i + j = k -------------------------------------------


def convolve_aval(a, b):
    return Aval((a.shape[0] + b.shape[0] - 1,), np.result_type(a.dtype, b.dtype))


def convolve_jvp(tangents, y, a, b):
    ta, tb = tangents
    return spread(add_up((None if ta is None else np.convolve(ta, b), None if tb is None else np.convolve(a, tb))), y)


def convolve_vjp(wanted, ct, y, a, b):
    """The adjoint of sliding b over a sequence is to slide it over ct, without turning it round."""
    n, m = a.shape[0], b.shape[0]
    return (
        fit(np.correlate(ct, b, "full")[m - 1 : m - 1 + n], a) if wanted[0] else None,
        fit(np.correlate(ct, a, "full")[n - 1 : n - 1 + m], b) if wanted[1] else None,
    )


def products(a, b):
    """Every a[..., i] b[..., j], and the place i + j that it is added to."""
    return a[..., :, None] * b[..., None, :], np.add.outer(np.arange(a.shape[-1]), np.arange(b.shape[-1]))


def convolve_batch(is_batched, a, b):
    terms, places = products(a, b)
    shape = (terms.shape[0], a.shape[-1] + b.shape[-1] - 1)
    return bind(put, terms, places, index=(slice(None), ARRAY), shape=shape)


def convolve_sparsity(deps, a, b):
    parts = []
    for d, other in zip(deps, (b, a), strict=True):
        if d is not None:
            wide = np.broadcast_to(d[..., None], (*d.shape, other.shape[0]))
            places = np.add.outer(np.arange(d.shape[-1]), np.arange(other.shape[0]))
            parts.append(put.sparsity([wide], wide[0], places, index=(ARRAY,), shape=convolve_aval(a, b).shape))
    return dependence.union(parts, convolve_aval(a, b).shape)


convolve = register(
    Primitive(
        "convolve",
        impl=np.convolve,
        aval=convolve_aval,
        jvp=convolve_jvp,
        vjp=convolve_vjp,
        saves=keeps_others,
        batch=convolve_batch,
        sparsity=convolve_sparsity,
    )
)

"""Contractions: multilinear, so the tangent is the operation itself and each cotangent a contraction again."""

import functools
import math
from functools import lru_cache

import numpy as np

from ..core.primitive import Aval, Primitive, register
from ..core.slots import Chain, Link, Mapped, gathered, matched
from ..core.trace import UFUNCS, aval_of, bind
from .families import add_up, adjoint, fit, keeps_others, pad_axes, spread, stretched_index
from .indexing import put
from .subscripts import ARRAY


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


def matmul_slots(wanted, y, a, b):  # y[i, j] depends on row i of a and column j of b
    rows, columns = "N" * (len(a.shape) > 1), "M" * (len(b.shape) > 1)
    lead = LETTERS[: len(y.shape) - len(rows) - len(columns)]
    left = lead[len(lead) - max(len(a.shape) - 2, 0) :] + rows + "K"
    right = lead[len(lead) - max(len(b.shape) - 2, 0) :] + "K" + columns
    return product_slots(wanted, (a, b), [left, right], lead + rows + columns)


SHORT_FOR_BLAS = 4
"""Sizes of a product of matrices up to which loops beat BLAS, however long the other two are."""


def matmul_element(body, i, a, b):
    rows, columns = (v.shape[k] if len(v.shape) > 1 else 1 for v, k in ((a, -2), (b, -1)))
    long, sizes = body.unroll, (rows, columns, a.shape[-1])
    if (min(sizes) > SHORT_FOR_BLAS and max(sizes) > long) or (a.shape[-1] > long and max(rows, columns) > long):
        raise NotImplementedError("BLAS is quicker")
    i = list(i)
    column = (i.pop(),) if len(b.shape) > 1 else ()
    row = (i.pop(),) if len(a.shape) > 1 else ()
    at_a, at_b = (stretched_index(tuple(i), v.shape[: max(0, len(v.shape) - 2)]) for v in (a, b))
    dtype = np.result_type(a.dtype, b.dtype)

    def term(k):
        return body.multiply(a((*at_a, *row, k)), b((*at_b, k, *column)), dtype)

    return body.reduce("sum", a.shape[-1:], term, dtype)


matmul = register(
    Primitive(
        "matmul",
        impl=np.matmul,
        aval=matmul_aval,
        jvp=matmul_jvp,
        vjp=matmul_vjp,
        saves=keeps_others,
        batch=matmul_batch,
        element=matmul_element,
        memory="ordered",
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


def einsum_slots(wanted, y, *x, subscripts):
    return product_slots(wanted, x, *split(subscripts))


def product_slots(wanted, x, ins, out):
    """Links of a sum of products, the axes of whose operands have letters: what is summed over becomes a slot axis."""
    sizes = sizes_of(",".join(ins) + "->" + out, x)
    return tuple(
        (product_link(i, x, ins, out, sizes, constant=sum(wanted) == 1),) if on else () for i, on in enumerate(wanted)
    )


def product_link(i, x, ins, out, sizes, constant):
    own, shape = ins[i], x[i].shape
    if len(set(own)) < len(own):  # it is read on the diagonal
        once = "".join(dict.fromkeys(own))
        first = Mapped(diagonals, (own, once))
        own, shape = once, tuple(sizes[c] for c in once)
    else:
        first = None
    summed = "".join(c for c in own if c not in out)
    stretched = {c for c, n in zip(own, shape, strict=True) if n != sizes[c]}
    move = matched(own, summed, out, sizes, shape)

    def weight():
        others = [(letters, v) for k, (letters, v) in enumerate(zip(ins, x, strict=True)) if k != i]
        if not others:
            return 1
        present = {c for letters, _ in others for c in letters}
        kept = [c for c in summed + out if c in present and not (c in summed and c in stretched)]
        product = np.einsum(",".join(letters for letters, _ in others) + "->" + "".join(kept), *(v for _, v in others))
        return np.reshape(product, [product.shape[kept.index(c)] if c in kept else 1 for c in summed + out])

    return Link(move if first is None else Chain((first, move)), weight, constant=constant)


def diagonals(a, letters, once):
    return np.einsum(f"...{letters}->...{once}", a)


def einsum_element(body, i, *x, subscripts):
    ins, out = split(subscripts)
    sizes = sizes_of(subscripts, x)
    summed = [c for c in sizes if c not in out]
    dtype = np.result_type(*(v.dtype for v in x))

    def term(*j):
        at = dict(zip(out, i, strict=True)) | dict(zip(summed, j, strict=True))
        factors = [
            v(stretched_index(tuple(at[c] for c in letters), v.shape)) for letters, v in zip(ins, x, strict=True)
        ]
        return functools.reduce(lambda p, q: body.multiply(p, q, dtype), factors[1:], body.cast(factors[0], dtype))

    return body.reduce("sum", [sizes[c] for c in summed], term, dtype)


einsum = register(
    Primitive(
        "einsum",
        impl=einsum_impl,
        aval=einsum_aval,
        jvp=einsum_jvp,
        vjp=einsum_vjp,
        saves=keeps_others,
        batch=einsum_batch,
        element=einsum_element,
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


def convolve_slots(wanted, y, a, b):
    """Links of a convolution over all axes: a slot for each element of the smaller operand."""
    turned = math.prod(a.shape) < math.prod(b.shape)
    large, small = (b, a) if turned else (a, b)
    source = pairs(large.shape, small.shape)
    own = np.arange(len(source)).reshape(-1, *(1,) * len(y.shape))

    def along_large():
        return np.reshape(small, (len(source), *(1,) * len(y.shape)))

    def along_small():
        return gathered(source)(large[None], 1)[0]

    links = (
        (Link(gathered(source), along_large),),
        (Link(gathered(np.where(source < 0, -1, own)), along_small),),
    )
    return tuple(link if on else () for link, on in zip(links[::-1] if turned else links, wanted, strict=True))


@lru_cache(maxsize=32)
def pairs(large, small):
    """For each element j of `small`, and each place k of the convolution, where in `large` k - j is; -1 for nowhere."""
    out = tuple(n + m - 1 for n, m in zip(large, small, strict=True))
    number = np.arange(math.prod(large)).reshape(large)
    source = np.full((math.prod(small), *out), -1)
    for one, at in zip(source, np.ndindex(*small), strict=True):
        one[tuple(slice(j, j + n) for j, n in zip(at, large, strict=True))] = number
    return source


convolve = register(
    Primitive(
        "convolve",
        impl=np.convolve,
        aval=convolve_aval,
        jvp=convolve_jvp,
        vjp=convolve_vjp,
        saves=keeps_others,
        batch=convolve_batch,
        slots=convolve_slots,
    )
)

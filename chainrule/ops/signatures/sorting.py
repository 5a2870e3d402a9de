"""Order: sort and its kin, positions among ordered values, and sets."""

import numpy as np

from ...core.trace import bind, operand
from .. import reductions, sorting
from ..indexing import read_part
from .tools import array, flat_if_none, flat_or_number, plain, refuse, sequence, signature_of


def unstructured(order, what):
    if order is not None:
        raise refuse(what, f"order={order!r} names a field of a structured array; this one holds numbers")


@signature_of(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    unstructured(order, "numpy.argsort")
    if kind is not None and stable is not None:
        raise ValueError("`kind` and keyword arguments can't be provided at the same time. Use only one of them.")
    a, axis = flat_or_number(a, axis)
    return bind(reductions.argsort, a, axis=axis, kind="stable")


@signature_of(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    """Always the stable permutation, whatever `kind`: of equal elements it says which cotangent goes where."""
    unstructured(order, "numpy.sort")
    if kind is not None and stable is not None:
        raise ValueError("`kind` and keyword arguments can't be provided at the same time. Use only one of them.")
    a, axis = flat_if_none(a, axis)
    return np.take_along_axis(a, np.argsort(a, axis=axis), axis=axis)


@signature_of(np.sort_complex)
def sort_complex(a):
    y = np.sort(a)
    return y if y.dtype.kind == "c" else y.astype(np.result_type(y.dtype, np.complex128))


@signature_of(np.argpartition)
def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    unstructured(order, "numpy.argpartition")
    a, axis = flat_or_number(a, axis)
    return bind(reductions.argpartition, a, axis=axis, kth=kth)


@signature_of(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    unstructured(order, "numpy.partition")
    a, axis = flat_if_none(a, axis)
    return np.take_along_axis(a, np.argpartition(a, kth, axis=axis), axis=axis)


@signature_of(np.lexsort)
def lexsort(keys, axis=-1):
    return bind(sorting.lexsort, *map(array, sequence(keys)), axis=axis)


# ---- positions among ordered values ---------------------------------------------------------------------------------


@signature_of(np.searchsorted)
def searchsorted(a, v, side="left", sorter=None):
    a = array(a) if sorter is None else read_part(array(a), array(sorter))
    return bind(sorting.searchsorted, a, array(v), side=side)


@signature_of(np.digitize)
def digitize(x, bins, right=False):
    return bind(sorting.digitize, array(x), array(bins), right=bool(right))


# ---- sets: elements chosen by value, so the values are looked at ----------------------------------------------------


@signature_of(np.unique)
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True
):
    """Of equal elements the first one is taken, and gets the cotangent."""
    _, index, inverse, counts = np.unique(plain(ar, "numpy.unique"), True, True, True, axis, equal_nan=equal_nan)
    values = np.take(ar, index, axis=axis)
    wanted = ((index, return_index), (inverse, return_inverse), (counts, return_counts))
    extra = tuple(found for found, on in wanted if on)
    return (values, *extra) if extra else values


@signature_of(np.unique_values)
def unique_values(x, /):
    return np.unique(x, equal_nan=False)


def with_traced_values(function):
    """Of what np.unique_all and its kin return, the values are traced and the rest are whole numbers."""

    def implementation(x, /):
        found = function(plain(x, f"numpy.{function.__name__}"))
        return found._replace(values=np.unique_values(x))

    return implementation


for function in (np.unique_all, np.unique_counts, np.unique_inverse):
    signature_of(function)(with_traced_values(function))


@signature_of(np.intersect1d)
def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    ar1, ar2 = operand(ar1), operand(ar2)
    a, b = (plain(x, "numpy.intersect1d") for x in (ar1, ar2))
    _, first, second = np.intersect1d(a, b, assume_unique, return_indices=True)
    values = np.take(ar1, first)
    return (values, first, second) if return_indices else values


@signature_of(np.union1d)
def union1d(ar1, ar2):
    return np.unique(np.concatenate([np.ravel(ar1), np.ravel(ar2)]))


@signature_of(np.setdiff1d)
def setdiff1d(ar1, ar2, assume_unique=False):
    values = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return values[np.isin(plain(values, "numpy.setdiff1d"), plain(ar2, "numpy.setdiff1d"), invert=True)]


@signature_of(np.setxor1d)
def setxor1d(ar1, ar2, assume_unique=False):
    both = [np.ravel(x) if assume_unique else np.unique(x) for x in (ar1, ar2)]
    values = np.sort(np.concatenate(both))
    found = plain(values, "numpy.setxor1d")
    twice = found[1:] == found[:-1]
    return values[~(np.append(twice, False) | np.append(False, twice))] if values.size else values

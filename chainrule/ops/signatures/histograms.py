"""Histograms: the counts are constant, the weights in each bin and the edges are not."""

import functools
from typing import Any

import numpy as np

from ...core.trace import Tracer, bind
from ..indexing import put
from ..subscripts import ARRAY
from .tools import array, as_float, common_dtype, ndim, plain, refuse, shape, signature_of


def edges_of(x, bins, range, weights, name, of_dtype=()):
    """The edges of the bins along one axis of the data, of the dtype of the ends and of what is in `of_dtype`."""
    if not isinstance(bins, str) and np.ndim(bins) == 1:
        edges = array(bins)
        if not isinstance(edges, Tracer) and np.any(edges[:-1] > edges[1:]):
            raise ValueError("`bins` must increase monotonically, when an array")
        return edges
    count = bins if not isinstance(bins, str) else bins_by_rule(x, bins, range, weights, name)
    if count < 1:
        raise ValueError("`bins` must be positive, when an integer")
    first, last = range if range is not None else (np.min(x), np.max(x)) if x.size else (0.0, 1.0)
    dtype = common_dtype(first, last, *of_dtype, 0.0)
    empty = np.where(first == last, 0.5, 0.0)
    return np.linspace(first - empty, last + empty, count + 1, dtype=dtype)


def bins_by_rule(x, rule: Any, range, weights, name):
    """How many bins a rule that looks at the data makes."""
    ends = None if range is None else plain(tuple(range), name)
    return (
        len(np.histogram_bin_edges(plain(x, name), rule, ends, None if weights is None else plain(weights, name))) - 1
    )


@signature_of(np.histogram_bin_edges)
def histogram_bin_edges(a, bins=10, range=None, weights=None):
    a = np.ravel(a)
    return edges_of(a, bins, range, weights, "numpy.histogram_bin_edges", (a,))


def bins_of(x, edges):
    """The bin of each element: -1 below the first, their number above the last, whose end is included."""
    return np.searchsorted(edges, x, side="right") - (x == edges[-1]) - 1


def added_up(weights, places, dims):
    """The sum of the weights in each bin, leaving out those that are in none."""
    inside = functools.reduce(np.logical_and, [(p >= 0) & (p < n) for p, n in zip(places, dims, strict=True)])
    weights = np.where(inside, weights, np.zeros((), weights.dtype))
    places = [np.where(inside, p, 0) for p in places]
    return bind(put, weights, *places, index=(ARRAY,) * len(places), shape=dims)


@signature_of(np.histogram)
def histogram(a, bins=10, range=None, density=None, weights=None):
    if weights is not None and shape(weights) != shape(a):
        raise ValueError("weights should have the same shape as a.")
    a = np.ravel(a)
    if a.dtype.kind == "c":
        raise refuse("numpy.histogram", "complex numbers are in no order that bins could have")
    edges = edges_of(a, bins, range, weights, "numpy.histogram", (a,))
    weights = np.ones(a.size, np.intp) if weights is None else np.ravel(weights)
    n = added_up(weights, [bins_of(a, edges)], (edges.size - 1,))
    if density:
        n = n / np.diff(edges).astype(float) / np.sum(n)
    return n, edges


@signature_of(np.histogramdd)
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    name = "numpy.histogramdd"
    if isinstance(sample, list | tuple):
        columns = list(map(array, sample))
    else:
        columns = list(np.transpose(sample)) if ndim(sample) > 1 else [np.ravel(sample)]
    several = list(bins) if np.iterable(bins) else [bins] * len(columns)
    ranges = [None] * len(columns) if range is None else list(range)
    if len(several) != len(columns) or len(ranges) != len(columns):
        raise ValueError(
            f"{name}: one entry of bins and range per dimension is needed; there are {len(columns)} dimensions, "
            f"{len(several)} entries of bins and {len(ranges)} of range"
        )
    edges = [edges_of(x, n, ends, None, name) for x, n, ends in zip(columns, several, ranges, strict=True)]
    places = [bins_of(x, e) for x, e in zip(columns, edges, strict=True)]
    weights = np.ones(len(columns[0])) if weights is None else as_float(weights, name)
    hist = added_up(weights, places, tuple(e.size - 1 for e in edges))
    if density:
        total = np.sum(hist)
        for i, e in enumerate(edges):
            hist = hist / np.expand_dims(np.diff(e), tuple(k for k, _ in enumerate(edges) if k != i))
        hist = hist / total
    return hist, edges


@signature_of(np.histogram2d)
def histogram2d(x, y, bins: Any = 10, range=None, density=None, weights=None):
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if hasattr(bins, "__len__") and len(bins) not in (1, 2):
        bins = [bins, bins]
    hist, edges = histogramdd([x, y], bins, range, density, weights)
    return hist, edges[0], edges[1]

"""Histograms: the counts are constant, the weights in each bin and the edges are not."""

import numpy as np

from ...core.trace import bind
from ..indexing import ARRAY, put
from .tools import array, common_dtype, plain, shape, signature_of


def edges_of(x, bins, range, weights, name):
    """The edges of the bins along one axis of the data, and their plain values."""
    if np.ndim(bins) == 1:
        return array(bins), np.asarray(plain(bins, name))
    values = plain(x, name)
    ends = None if range is None else plain(tuple(range), name)
    count = len(np.histogram_bin_edges(values, bins, ends, None if weights is None else plain(weights, name))) - 1
    if range is not None:
        first, last = range
    else:
        first, last = (np.min(x), np.max(x)) if values.size else (0.0, 1.0)
        ends = plain((first, last), name)
    if ends[0] == ends[1]:
        first, last = first - 0.5, last + 0.5
    edges = np.linspace(first, last, count + 1, dtype=common_dtype(first, last, x, 0.0))
    return edges, plain(edges, name)


@signature_of(np.histogram_bin_edges)
def histogram_bin_edges(a, bins=10, range=None, weights=None):
    return edges_of(np.ravel(a), bins, range, weights, "numpy.histogram_bin_edges")[0]


def bins_of(values, edges):
    """The bin of each value; -1 below the first and the number of bins above the last, whose end is included."""
    return np.searchsorted(edges, values, side="right") - (values == edges[-1]) - 1


@signature_of(np.histogram)
def histogram(a, bins=10, range=None, density=None, weights=None):
    name = "numpy.histogram"
    if weights is not None:
        weights = array(weights)
        if weights.shape != shape(a):
            raise ValueError("weights should have the same shape as a.")
        weights = np.ravel(weights)
    a = np.ravel(a)
    edges, plain_edges = edges_of(a, bins, range, weights, name)
    values = plain(a, name)
    if weights is None:
        n = np.histogram(values, plain_edges)[0]
    else:
        n = added_up(weights, [bins_of(values, plain_edges)], (len(plain_edges) - 1,))
    if density:
        n = n / np.diff(edges) / np.sum(n)
    return n, edges


def added_up(weights, places, dims):
    """The sum of the weights in each bin."""
    inside = np.flatnonzero(np.all([(p >= 0) & (p < n) for p, n in zip(places, dims, strict=True)], axis=0))
    index = (ARRAY,) * len(places)
    return bind(put, np.take(weights, inside), *(p[inside] for p in places), index=index, shape=dims)


@signature_of(np.histogramdd)
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    name = "numpy.histogramdd"
    columns = list(sample) if isinstance(sample, list | tuple) else list(np.transpose(np.atleast_2d(sample)))
    several = list(bins) if np.iterable(bins) else [bins] * len(columns)
    ranges = [None] * len(columns) if range is None else list(range)
    if len(several) != len(columns) or len(ranges) != len(columns):
        raise ValueError(
            f"{name}: one entry of bins and range per dimension is needed; there are {len(columns)} dimensions, "
            f"{len(several)} entries of bins and {len(ranges)} of range"
        )
    found = [edges_of(*each, None, name) for each in zip(map(array, columns), several, ranges, strict=True)]
    edges = [e for e, _ in found]
    places = [bins_of(plain(x, name), e) for x, (_, e) in zip(columns, found, strict=True)]
    weights = np.ones(len(places[0])) if weights is None else array(weights).astype(float)
    hist = added_up(weights, places, tuple(len(e) - 1 for _, e in found))
    if density:
        total = np.sum(hist)
        for i, e in enumerate(edges):
            hist = hist / np.expand_dims(np.diff(e), tuple(k for k, _ in enumerate(edges) if k != i))
        hist = hist / total
    return hist, edges


@signature_of(np.histogram2d)
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if np.iterable(bins) and len(bins) not in (1, 2):
        bins = [bins, bins]
    hist, edges = histogramdd([x, y], bins, range, density, weights)
    return hist, edges[0], edges[1]

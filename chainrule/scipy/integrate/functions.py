"""Pieces of the rules of integrals: scales, vectors, and parameters."""

from typing import Any

import numpy as np

from ...core.primitive import Aval
from ...core.trace import aval_of
from ...implicit.vectors import Parameters as Parameters, real_vector as real_vector
from ...ops.control import stop_gradient
from ...ops.families import fit


def largest(*xs: Any) -> Any:
    """The largest absolute value in these arrays, as a constant; 1 if that is 0.

    Tangents and cotangents are divided by it, for absolute tolerances are meant for numbers of a common size.
    """
    sizes = [np.max(np.abs(stop_gradient(x))) for x in xs if x is not None and 0 not in aval_of(x).shape]
    size = np.max(np.stack(sizes)) if sizes else 0.0
    return np.where(size > 0, size, 1.0)


def replaced(whole, places, some):
    whole = list(whole)
    for i, x in zip(places, some, strict=True):
        whole[i] = x
    return whole


def like(x, vector):
    """The array of the shape and dtype of `x` that has this `real_vector`."""
    shape, dtype = aval_of(x)
    if np.dtype(dtype).kind == "c":
        real, imag = np.split(vector, 2)
        vector = real + 1j * imag
    return fit(np.reshape(vector, shape), Aval(shape, np.dtype(dtype)))

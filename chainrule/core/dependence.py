"""Which inputs each element of an array may depend on: what the `sparsity` rules compute with.

The dependences of an array of shape `S` are an integer array of shape `(R, *S)`: for each element up to R numbers,
0 for none and `i + 1` for the i-th input. The leading axis behaves like the batch axis of the `batch` rules, so an
operation that only moves elements moves dependences too. None stands for those of a constant.
"""

import math
from typing import Any

import numpy as np


def nothing(shape: tuple[int, ...]) -> np.ndarray:
    """No dependence at all. Shape: `(0, *shape)`."""
    return np.zeros((0, *shape), np.intp)


def union(parts: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Whatever any of `parts` depends on, each broadcast to `shape`."""
    wide = [np.broadcast_to(_aligned(p, len(shape)), (len(p), *shape)) for p in parts if p is not None and len(p)]
    return compact(np.concatenate(wide)) if wide else nothing(shape)


def over_axes(deps: Any, axes: tuple[int, ...]) -> np.ndarray:
    """Dependences after a reduction over `axes`: the reduced axes join the leading one."""
    moved = np.moveaxis(deps, [a + 1 for a in axes], range(1, len(axes) + 1))
    rest = moved.shape[1 + len(axes) :]
    return compact(moved.reshape(len(deps) * math.prod(moved.shape[1 : 1 + len(axes)]), *rest))


def dense(parts: list[tuple[Any, int]], shape: tuple[int, ...], core: int) -> np.ndarray:
    """Dependences of an operation whose last `core` axes mix everything, batch element by batch element.

    parts: the dependences of each input and how many of its last axes are mixed. The rest are batch axes,
    which broadcast against each other.
    """
    lead = shape[: len(shape) - core]
    mixed = []
    for deps, axes in parts:
        if deps is not None:
            ndim = deps.ndim - 1
            mixed.append(over_axes(deps, tuple(range(ndim - axes, ndim))))
    together = union(mixed, lead)
    return np.broadcast_to(together.reshape(together.shape + (1,) * core), (len(together), *shape))


def compact(deps: np.ndarray) -> np.ndarray:
    """The same dependences, each number once per element, in as short a leading axis as holds them."""
    if len(deps) <= 1:
        return deps
    deps = np.sort(deps, axis=0)
    deps[1:][deps[1:] == deps[:-1]] = 0
    deps = np.sort(deps, axis=0)
    used = int(np.max(np.count_nonzero(deps, axis=0), initial=0))
    return deps[len(deps) - used :]


def _aligned(deps: np.ndarray, ndim: int) -> np.ndarray:
    return deps.reshape(len(deps), *(1,) * (ndim + 1 - deps.ndim), *deps.shape[1:])

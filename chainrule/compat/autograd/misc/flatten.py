"""Trees of arrays as vectors, and back."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optree


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All numbers of a tree of arrays as one vector, and the function that makes such a tree of a vector.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.compat.autograd.misc import flatten
    >>> vector, unflatten = flatten({"w": np.ones((2, 2)), "b": 3.0})
    >>> vector
    array([3., 1., 1., 1., 1.])
    >>> unflatten(2 * vector)
    {'w': array([[2., 2.],
           [2., 2.]]), 'b': array(6.)}
    """
    leaves, structure = optree.tree_flatten(value)
    shapes = [np.shape(leaf) for leaf in leaves]
    sizes = [math.prod(shape) for shape in shapes]

    def unflatten(vector):
        if np.shape(vector) != (sum(sizes),):
            raise ValueError(f"unflatten: a vector of {sum(sizes)} numbers is needed; its shape is {np.shape(vector)}")
        parts = np.split(vector, np.cumsum(sizes)[:-1]) if leaves else []
        return structure.unflatten([np.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)])

    return np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0), unflatten


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """`func`, of trees like `example`, as a function of vectors; how to make a tree; and `example` as a vector."""
    vector, unflatten = flatten(example)
    return lambda x, *args: flatten(func(unflatten(x), *args))[0], unflatten, vector

"""Trees of arrays as real vectors, for mathematics that knows only those."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import user_line
from ..core.trace import Tracer, aval_of
from ..core.tree import flatten
from ..transforms.arguments import short

ARRAYS = Tracer | np.ndarray | np.generic | int | float | complex


class Parameters:
    """The arrays in the tree `args`, in order, and where they belong."""

    def __init__(self, args: Any):
        leaves, self.structure = flatten(args)
        self.is_array = [isinstance(x, ARRAYS) and not isinstance(x, bool) for x in leaves]
        self.constants = [None if on else x for x, on in zip(leaves, self.is_array, strict=True)]
        self.arrays = [x for x, on in zip(leaves, self.is_array, strict=True) if on]

    def args(self, arrays: Sequence[Any]) -> Any:
        """The tree with these arrays in place of its own."""
        left = iter(arrays)
        both = zip(self.constants, self.is_array, strict=True)
        return self.structure.unflatten([next(left) if on else x for x, on in both])


class Layout:
    """The structure, shapes and dtypes of a tree of floating point arrays, and where they lie in a vector.

    Complex numbers stand as all real parts, then all imaginary parts, of their array: a residual that is not
    holomorphic is differentiated right, too.
    """

    def __init__(self, tree: Any, who: str, what: str):
        leaves, self.structure = flatten(tree)
        for leaf in leaves:
            if not isinstance(leaf, ARRAYS) or np.dtype(aval_of(leaf).dtype).kind not in "fciub":
                raise TypeError(f"{who}: {what} holds {short(leaf)}, which is no array of numbers")
            if np.dtype(aval_of(leaf).dtype).kind not in "fc":
                raise TypeError(
                    f"{who}: {what} holds an array of dtype {np.dtype(aval_of(leaf).dtype)} (at {user_line()}); "
                    "derivatives are of floating point numbers: let the solver start from such and return such"
                )
        self.avals = [aval_of(leaf) for leaf in leaves]
        self.is_array = [isinstance(leaf, np.ndarray | Tracer) for leaf in leaves]

    def vector(self, tree: Any) -> Any:
        """The numbers of a tree of this kind, in a row."""
        return real_vector(*flatten(tree)[0])

    def tree(self, vector: Any) -> Any:
        """The tree with these numbers."""
        leaves, start = [], 0
        for (shape, dtype), array in zip(self.avals, self.is_array, strict=True):
            dtype = np.dtype(dtype)
            size = int(np.prod(shape, dtype=int))
            part = vector if size == vector.shape[0] else vector[start : start + size]
            start += size
            if dtype.kind == "c":
                part = part + 1j * vector[start : start + size]
                start += size
            part = part if part.shape == shape else np.reshape(part, shape)
            part = part if part.dtype == dtype else part.astype(dtype)
            leaves.append(part if array or isinstance(part, Tracer) else part[()])
        return self.structure.unflatten(leaves)


def real_vector(*leaves: Any) -> Any:
    """The numbers of these arrays in double precision, in a row; of complex ones real parts, then imaginary parts."""
    parts = []
    for x in leaves:
        if np.dtype(aval_of(x).dtype).kind == "c":
            parts += [np.ravel(np.real(x)), np.ravel(np.imag(x))]
        else:
            parts.append(np.ravel(x))
    parts = [part if part.dtype == float else part.astype(float) for part in parts]
    return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.zeros(0)

"""Functions that NumPy calls element by element, and its ways of joining arrays by index."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.errors import MissingRuleError, user_line
from ..core.trace import Tracer, is_traced
from .creation import array

__all__ = ["c_", "kaiser", "ndenumerate", "r_", "vectorize"]


def kaiser(M, beta):
    """`numpy.kaiser`, differentiable in beta.

    Examples
    --------
    >>> import chainrule as cr
    >>> import chainrule.numpy as np
    >>> cr.jacobian(lambda beta: np.kaiser(3, beta))(2.0)
    array([-0.30609719,  0.        , -0.30609719])
    """
    if not is_traced(beta):
        return np.kaiser(M, beta)
    if M <= 1:
        return np.ones(max(int(M), 0)) + 0 * beta
    half = (M - 1) / 2.0
    return np.i0(beta * np.sqrt(1 - ((np.arange(M) - half) / half) ** 2)) / np.i0(beta)


def ndenumerate(arr) -> Iterator[tuple[tuple[int, ...], Any]]:
    """`numpy.ndenumerate`, also of a traced array: the index and the value of each element."""
    arr = array(arr)
    return ((index, arr[index]) for index in np.ndindex(arr.shape))


class vectorize:
    """`numpy.vectorize`, also of traced arrays: a function of numbers as one of arrays.

    Of traced arguments the function is called for each element, as by NumPy; all keywords work. `chainrule.vmap` does
    the same in one pass, where the function can be mapped.

    Raises
    ------
    MissingRuleError
        With the dtype of a result (otypes) that is not a floating point number.

    Examples
    --------
    >>> import chainrule as cr
    >>> import chainrule.numpy as np
    >>> @np.vectorize
    ... def bent(x):
    ...     return x**2 if x > 0 else 3 * x
    >>> cr.grad(lambda x: np.sum(bent(x)))(np.array([-1.0, 2.0]))
    array([3., 4.])
    """

    def __init__(self, pyfunc: Any = np._NoValue, otypes=None, doc=None, excluded=None, cache=False, signature=None):
        self.plain = np.vectorize(pyfunc, otypes, doc, excluded, cache, signature)
        self.waits = pyfunc is np._NoValue
        self.options = {"otypes": otypes, "doc": doc, "excluded": excluded, "cache": cache, "signature": signature}
        self.pyfunc, self.__doc__ = pyfunc, self.plain.__doc__

    def __call__(self, *args, **kwargs):
        if self.waits:  # a decorator with arguments
            return vectorize(*args, **kwargs, **self.options)
        if not is_traced((args, kwargs)):
            return self.plain(*args, **kwargs)
        return self._traced(args, kwargs)

    def _traced(self, args, kwargs):
        """The same, as NumPy does it, but for the arrays that the results are put into."""
        excluded = self.plain.excluded
        keys = [k for k in (*range(len(args)), *kwargs) if k not in excluded]
        values = {k: array(args[k] if isinstance(k, int) else kwargs[k]) for k in keys}
        inner = core_ndims(self.plain.signature, len(keys)) if self.plain.signature else [0] * len(keys)
        outer = np.broadcast_shapes(*(v.shape[: v.ndim - n] for v, n in zip(values.values(), inner, strict=True)))
        spread = {
            k: np.broadcast_to(v, outer + v.shape[v.ndim - n :])
            for (k, v), n in zip(values.items(), inner, strict=True)
        }

        def call(index):
            given = [spread[k][index] if k in spread else arg for k, arg in enumerate(args)]
            named = {k: spread[k][index] if k in spread else v for k, v in kwargs.items()}
            return self.pyfunc(*given, **named)

        found = [call(index) for index in np.ndindex(outer)]
        if not found:
            raise ValueError("cannot call `vectorize` on size 0 inputs of traced arrays: nothing tells the result")
        several = isinstance(found[0], tuple)
        rows = zip(*found, strict=True) if several else [found]
        otypes = self.plain.otypes
        results = []
        for i, row in enumerate(rows):
            y = array(list(row))
            y = np.reshape(y, outer + y.shape[1:])
            results.append(as_otype(y, otypes[i]) if otypes else y)
        return tuple(results) if several else results[0]


def core_ndims(signature: str, count: int) -> list[int]:
    """How many axes of each argument the function itself takes: 2, 1 for '(m,n),(n)->(m)'."""
    before = signature.replace(" ", "").split("->")[0]
    parts = before[1:-1].split("),(")
    if len(parts) != count:
        raise TypeError(f"wrong number of positional arguments: expected {len(parts)}, got {count}")
    return [len(part.split(",")) if part else 0 for part in parts]


def as_otype(y: Any, char: str) -> Any:
    if np.dtype(char).kind not in "fc" and isinstance(y, Tracer):
        raise MissingRuleError(
            f"numpy.vectorize: a traced result with otypes={char!r} would lose its gradient (at {user_line()}): leave "
            "otypes out"
        )
    return y.astype(char)


class Joiner:
    """`numpy.r_` or `numpy.c_`, also of traced values.

    Examples
    --------
    >>> import chainrule as cr
    >>> import chainrule.numpy as np
    >>> cr.jacobian(lambda x: np.r_[x, 1:3, x**2])(3.0)
    array([1., 0., 0., 6.])
    """

    def __init__(self, plain: Any, directive: str):
        self.plain, self.directive = plain, directive

    def __getitem__(self, key):
        key = key if isinstance(key, tuple) else (key,)
        if not is_traced(tuple((k.start, k.stop, k.step) if isinstance(k, slice) else k for k in key)):
            return array(self.plain[key])
        directive = self.directive
        if isinstance(key[0], str):
            directive, key = key[0], key[1:]
        if directive in ("r", "c") or any(isinstance(k, str) for k in key):
            raise MissingRuleError(
                f"numpy.r_: matrices and directives in between are not supported for traced values (at {user_line()})"
            )
        axis, ndmin, first = (*map(int, directive.split(",")), *(0, 1, -1)[directive.count(",") + 1 :])
        return np.concatenate([self.part(k, ndmin, first) for k in key], axis)

    def part(self, key, ndmin, first):
        """One of the parts, with the axes that it lacks: behind its own if `first` says where these begin."""
        if isinstance(key, slice):
            key = steps(key)
        y = array(key)
        missing = ndmin - y.ndim
        if missing <= 0:
            return y
        at = first % (missing + 1) if first < 0 else min(first, missing)
        return np.reshape(y, (1,) * at + y.shape + (1,) * (missing - at))


def steps(key: slice) -> Any:
    """The numbers that a slice stands for in `np.r_`: with an imaginary step, that many from start to stop."""
    start, step = 0 if key.start is None else key.start, 1 if key.step is None else key.step
    if isinstance(step, complex):
        return np.linspace(start, key.stop, int(abs(step)))
    return array(np.arange(start, key.stop, step))


r_ = Joiner(np.r_, "0")
c_ = Joiner(np.c_, "-1,2,0")

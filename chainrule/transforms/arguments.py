"""What every transform does with a user's arguments and results: leaves in, leaves out, with clear errors."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import LeakedTracerError
from ..core.memory import own, read
from ..core.primitive import Aval
from ..core.trace import NUMBERS, Ended, Trace, Tracer, aval_of, frozen, plain_array
from ..core.tree import flatten

ARRAYS = Tracer | np.ndarray | np.generic | float | int | complex


def differentiable(leaf: Any, who: str, where: str) -> Any:
    """`leaf` as a value to differentiate with respect to: an array or a NumPy scalar of floats."""
    leaf = frozen(leaf)
    if isinstance(leaf, Tracer):
        if leaf.dtype.kind in "fc":
            return leaf
    elif type(leaf) in (float, complex):
        return np.float64(leaf) if type(leaf) is float else np.complex128(leaf)
    elif isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "fc":
        return leaf if type(leaf) is np.ndarray or isinstance(leaf, np.generic) else plain_array(leaf)
    found = f"dtype {leaf.dtype}" if hasattr(leaf, "dtype") else f"type {type(leaf).__name__}"
    raise TypeError(
        f"{who}: {where} has {found}; derivatives are taken with respect to floating point numbers. "
        "Convert it (x.astype(float), float(x)), or leave it out of what is differentiated (argnums, lambda)"
    )


def own_value(trace: Trace, x: Any, who: str) -> tuple[Any, Any]:
    """The value and the companion of a result `x` of a function that `trace` has watched.

    What does not depend on the inputs has the companion None.
    """
    if isinstance(x, Tracer):
        if x.memory is not None:
            read(x)
        if x._trace is trace:
            return x.primal, x.companion
        if type(x._trace) is Ended or x._trace.level > trace.level:
            raise LeakedTracerError(
                f"{who}: the function returned a traced value of a transform that has ended; return it from "
                "the function that was transformed, instead of storing it outside"
            )
    return frozen(x), None


def array(x: Any) -> Any:
    """`x` with a shape and a dtype: a Python number as NumPy's."""
    return np.asarray(x)[()] if type(x) in NUMBERS else x


def result(x: Any, like: Any) -> Any:
    """A derivative as the user gets it: an array of its own, 0-d only if `like` was an array."""
    if isinstance(x, Tracer):
        return frozen(x)
    if x.shape == () and not isinstance(like, np.ndarray):
        return x[()]
    return own(np.asarray(x))


def results(xs: Sequence[Any], likes: Sequence[Any], taken: Sequence[Any] = ()) -> list[Any]:
    """`result` of each; no two share memory, nor one with anything in `taken`."""
    seen = {id(t) for t in taken}
    out = []
    for x, like in zip(xs, likes, strict=True):
        x = x.copy() if id(x) in seen and isinstance(x, np.ndarray) else result(x, like)
        seen.add(id(x))
        out.append(x)
    return out


def argument_positions(argnums: int | Sequence[int], count: int, who: str) -> tuple[int, ...]:
    """`argnums` as positions from 0, in the order given."""
    several = argnums if isinstance(argnums, tuple | list) else (argnums,)
    positions = []
    for i in several:
        if not isinstance(i, int | np.integer) or isinstance(i, bool):
            raise TypeError(f"{who}: argnums must be integers; got {argnums!r}")
        if not -count <= i < count:
            raise ValueError(f"{who}: argnums {argnums!r} does not fit a call with {count} positional arguments")
        positions.append(int(i) % count)
    if len(set(positions)) != len(positions):
        raise ValueError(f"{who}: argnums {argnums!r} names an argument twice")
    return tuple(positions)


def of_arguments(f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], positions: Sequence[int]):
    """`f` as a function of the arguments at `positions` only."""

    def f_of(*chosen):
        whole = list(args)
        for i, x in zip(positions, chosen, strict=True):
            whole[i] = x
        return f(*whole, **kwargs)

    return f_of


def split_aux(output: Any, has_aux: bool, who: str) -> tuple[Any, Any]:
    """The result and the auxiliary data of a function that returns both."""
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise TypeError(
            f"{who}: with has_aux=True the function must return a pair (result, aux); it returned {short(output)}"
        )
    return output


def short(x: Any) -> str:
    """What `x` is, in a few words."""
    if isinstance(x, Tracer | np.ndarray):
        return f"an array of shape {x.shape} and dtype {x.dtype}"
    text = repr(x)
    return text if len(text) < 60 else f"a {type(x).__name__}"


def input_leaf(x: Any, who: str, i: int) -> Any:
    """`x`, a leaf of argument `i` of a recorded function: an array, a number or a tracer."""
    if not isinstance(x, ARRAYS) or np.dtype(aval_of(x).dtype).kind not in "fciub":
        raise TypeError(
            f"{who}: argument {i} holds {short(x)}, which is no array of numbers; bind such arguments beforehand "
            "(functools.partial, lambda)"
        )
    x = frozen(x)
    return x if isinstance(x, Tracer) else np.array(plain_array(x))[()]


def output_leaf(x: Any, who: str, aux: bool = True) -> Any:
    """A leaf that a transformed function returned: an array, a number or a tracer. aux: whether there is `has_aux`."""
    if isinstance(x, ARRAYS):
        return x
    raise TypeError(
        f"{who}: the function returned {short(x)} among its results; return arrays and numbers"
        f"{', and anything else as auxiliary data (has_aux=True)' if aux else ' only'}"
    )


def finished(trace: Trace, leaf: Any, who: str, aux: bool = True) -> tuple[Any, Any]:
    """The value and the companion of a leaf that a transformed function returned."""
    return own_value(trace, output_leaf(leaf, who, aux), who)


def without_tracers(trace: Trace, tree: Any, who: str) -> Any:
    """`tree` with the values of the tracers of `trace` in their place; what is no array is left alone."""
    leaves, structure = flatten(tree)
    traced = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tracer)]
    values = [finished(trace, leaves[i], who)[0] for i in traced]
    for i, value in zip(traced, results(values, values, values), strict=True):
        leaves[i] = value
    return structure.unflatten(leaves)


def check_cotangent(ct: Any, y: Aval, who: str) -> Any:
    """`ct` as rules take the cotangent of an output `y`."""
    return conform(ct, y, who, "the seed", "the output")


def conform(x: Any, to: Aval, who: str, what: str, whose: str) -> Any:
    """`x` as rules take it: a tracer, an array or a NumPy scalar, of this shape and dtype.

    The last two arguments say what x is, and what it must be like.
    """
    x = frozen(x)
    found, dtype = aval_of(x), np.dtype(to.dtype)
    if found.shape != to.shape:
        raise ValueError(f"{who}: {what} has shape {found.shape}, {whose} has shape {to.shape}")
    kind = np.dtype(found.dtype).kind
    if kind not in "fciub" or (kind == "c" and dtype.kind != "c"):
        raise TypeError(f"{who}: {what} has dtype {found.dtype}, {whose} has dtype {dtype}")
    if not isinstance(x, Tracer | np.ndarray | np.generic):
        return np.asarray(x, dtype)[()]
    return x if x.dtype == dtype else x.astype(dtype)

"""Rules that users write, and one that is ours: checkpoint."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import slots
from ..core.errors import LeakedTracerError, ModifiedArrayError, user_line
from ..core.memory import read_only
from ..core.primitive import Aval, Primitive, keeps_all, keeps_args
from ..core.trace import Tracer, aval_of, bind, frozen
from ..core.tree import flatten, leaves_like
from . import arguments
from .batching import vmap
from .forward import jvp as forward_jvp
from .reverse import vjp as reverse_vjp


class Call:
    """One call of a custom function: how its array arguments and results are arranged in trees.

    structure: that of the pair of the positional arguments and the keywords; static: the leaves that are no arrays.
    """

    __slots__ = ("fingerprints", "output", "owner", "static", "structure")

    def __init__(self, owner: "custom", structure: Any, static: dict[int, Any]):
        self.owner, self.structure, self.static = owner, structure, static
        self.output: Any = None
        self.fingerprints: list[Any] | None = None

    def arguments(self, arrays: Sequence[Any], fill: Any = None) -> Any:
        """The positional arguments and the keywords from their arrays; `fill` stands for those that are no arrays."""
        left = map(read_only, arrays)
        count = self.structure.num_leaves
        return self.structure.unflatten(
            [
                self.static[i] if i in self.static and fill is None else fill if i in self.static else next(left)
                for i in range(count)
            ]
        )

    def result(self, arrays: Sequence[Any]) -> Any:
        """The result from its arrays."""
        return self.output.unflatten(list(map(read_only, arrays)))

    def __repr__(self) -> str:
        return f"{self.structure}"


def _by(method: str) -> Callable[..., Any]:
    """A rule that is this method of the function that was called: the primitive itself refers to no function."""
    return lambda *args, call: getattr(call.owner, method)(*args, call=call)


def _is_array(x: Any) -> bool:
    return isinstance(x, Tracer | np.ndarray | np.generic | float | complex) or type(x) is int


class custom:
    """Makes a function an operation of its own, which may have its own derivative rules.

    With :meth:`defvjp` or :meth:`defjvp`, or both, the function is differentiated by those rules instead of through its
    operations; what is missing follows from the other by transposition. It takes part in every transform, to any
    order, for the rules are NumPy code that is differentiated in its turn.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays. It must get every traced array that it
        uses as an argument. The arrays that it and its rules get are plain and cannot be written into.

    Raises
    ------
    LeakedTracerError
        When called, if f uses a traced value that is not among its arguments.
    ValueError, TypeError
        When differentiated, if a rule returns something of another structure or shape.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> @cr.custom
    ... def sigmoid(x):
    ...     return 1 / (1 + np.exp(-x))
    >>> @sigmoid.defvjp
    ... def backward(ct, y, x):
    ...     return (ct * y * (1 - y),)
    >>> cr.grad(sigmoid)(0.0)
    np.float64(0.25)
    """

    _saves = staticmethod(keeps_all)

    def __init__(self, f: Callable[..., Any]):
        functools.update_wrapper(self, f, updated=())
        self.f = f
        self.name = getattr(f, "__name__", "custom")
        self._vjp: Callable[..., Any] | None = None
        self._jvp: Callable[..., Any] | None = None

    def defvjp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Sets the rule of reverse mode: `rule(ct, y, *args) -> one cotangent per argument`, None for zero."""
        self._vjp = rule
        self.__dict__.pop("primitive", None)
        return rule

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Sets the rule of forward mode: `rule(tangents, y, *args) -> the tangent of y`."""
        self._jvp = rule
        self.__dict__.pop("primitive", None)
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._vjp is None and self._jvp is None:
            return self.f(*args, **kwargs)
        for name, value in kwargs.items():
            if any(isinstance(leaf, Tracer) for leaf in flatten(value)[0]):
                raise TypeError(
                    f"{self.name}: the keyword argument {name} is a traced value (at {user_line()}), and rules give "
                    "derivatives in positional arguments only: pass it as one"
                )
        return self._bind(args, kwargs)

    def _bind(self, args: Any, kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        static = {i: x for i, x in enumerate(leaves) if not _is_array(x)}
        call = Call(self, structure, static)
        outputs = bind(self.primitive, *(x for i, x in enumerate(leaves) if i not in static), call=call)
        return call.output.unflatten(outputs)

    @functools.cached_property
    def primitive(self) -> Primitive:
        """The operation, as the transforms see it."""
        return Primitive(
            self.name,
            impl=_by("_impl"),
            aval=_by("_aval"),
            jvp=_by("_push"),
            vjp=_by("_pull"),
            saves=self._saves,
            batch=_by("_batch"),
            slots=slots.everything,
            multi=True,
        )

    # -- the rules

    def _impl(self, *xs, call):
        leaves, call.output = self._results(xs, call)
        leaves = list(map(frozen, leaves))
        for leaf in leaves:
            if isinstance(leaf, Tracer):
                raise LeakedTracerError(
                    f"{self.name}: the function uses a traced value from outside; its rule cannot see that: pass the "
                    "value as an argument"
                )
        return tuple(map(arguments.array, leaves))

    def _results(self, xs, call):
        """The leaves and the structure of what the function gives."""
        args, kwargs = call.arguments(xs)
        return flatten(self.f(*args, **kwargs))

    def _aval(self, *avals, call):
        outputs = self._impl(*(np.ones(a.shape, a.dtype) for a in avals), call=call)
        return tuple(Aval(*aval_of(y)) for y in outputs)

    def _push(self, tangents, ys, *xs, call):
        full = [_zeros(x) if t is None else t for t, x in zip(tangents, xs, strict=True)]
        if self._jvp is not None:
            args, kwargs = call.arguments(xs)
            along, _ = call.arguments(full, fill=_NO)
            t = self._jvp(along, call.result(ys), *args, **kwargs)
            return self._checked(
                leaves_like(call.output, t, f"{self.name}: the tangent that its jvp rule returned"), ys, "jvp"
            )
        # The vjp rule is linear in ct, so its own pullback is the map from tangents to tangents.
        on = [i for i, t in enumerate(tangents) if t is not None]
        _, pullback = reverse_vjp(lambda *cts: tuple(self._filled(cts, ys, xs, call)[i] for i in on), *map(_zeros, ys))
        return pullback(tuple(tangents[i] for i in on))

    def _pull(self, wanted, cts, ys, *xs, call):
        cts = [_zeros(y) if ct is None else ct for ct, y in zip(cts, ys, strict=True)]
        if self._vjp is not None:
            found = self._cotangents(cts, ys, xs, call)
            return tuple(ct if on else None for ct, on in zip(found, wanted, strict=True))
        on = [i for i, w in enumerate(wanted) if w]

        def push(*tangents):
            full = [None] * len(xs)
            for i, t in zip(on, tangents, strict=True):
                full[i] = t
            return self._push(full, ys, *xs, call=call)

        _, pullback = reverse_vjp(push, *(_zeros(xs[i]) for i in on))
        back = dict(zip(on, pullback(tuple(cts)), strict=True))
        return tuple(back.get(i) for i in range(len(xs)))

    def _cotangents(self, cts, ys, xs, call):
        """What the user's vjp rule returns, leaf by leaf."""
        args, kwargs = call.arguments(xs)
        rule = self._vjp
        assert rule is not None
        found = rule(call.result(cts), call.result(ys), *args, **kwargs)
        if not isinstance(found, tuple) or len(found) != len(args):
            raise TypeError(
                f"{self.name}: its vjp rule must return a tuple with a cotangent (or None) for each of its {len(args)} "
                f"arguments; it returned {arguments.short(found)}"
            )
        leaves = []
        for ct, arg in zip(found, args, strict=True):
            args_leaves, structure = flatten(arg)
            arrays = [_is_array(x) for x in args_leaves]
            if ct is None:
                leaves += [None] * sum(arrays)
            else:
                both = zip(
                    leaves_like(structure, ct, f"{self.name}: a cotangent of its vjp rule"),
                    arrays,
                    strict=True,
                )
                leaves += [c for c, on in both if on]
        leaves += [None] * (len(xs) - len(leaves))  # the keywords
        return self._checked(leaves, xs, "vjp")

    def _checked(self, found, like, rule):
        out = []
        for v, x in zip(map(frozen, found), like, strict=True):
            if v is not None and aval_of(v).shape != aval_of(x).shape:
                raise ValueError(
                    f"{self.name}: its {rule} rule returned an array of shape {aval_of(v).shape} where "
                    f"{aval_of(x).shape} was expected"
                )
            out.append(read_only(v))
        return tuple(out)

    def _batch(self, is_batched, *xs, call):
        """The operation on a batch is an operation with rules of its own: those of one example, mapped."""
        axes = [0 if on else None for on in is_batched]
        batched = custom(lambda *xs: tuple(vmap(one_example, axes)(*xs)))
        batched.name = self.name

        def one_example(*xs):
            leaves, call.output = self._results(xs, call)
            return tuple(leaves)

        if self._vjp is not None:

            def back(cts, ys, *xs):
                one = vmap(lambda cts, ys, *xs: tuple(self._filled(cts, ys, xs, call)), [0, 0, *axes])
                return tuple(
                    ct if on else np.sum(ct, axis=0) for ct, on in zip(one(cts, ys, *xs), is_batched, strict=True)
                )

            batched.defvjp(back)
        if self._jvp is not None:
            batched.defjvp(
                lambda ts, ys, *xs: vmap(
                    lambda ts, ys, *xs: tuple(self._push(ts, ys, *xs, call=call)), [axes, 0, *axes]
                )(ts, ys, *xs)
            )
        return batched(*xs)

    def _filled(self, cts, ys, xs, call):
        found = self._cotangents(cts, ys, xs, call)
        return [_zeros(x) if ct is None else ct for ct, x in zip(found, xs, strict=True)]


class _Nothing:
    """Stands for the derivative of an argument that is no array."""

    def __repr__(self) -> str:
        return "no derivative"


_NO = _Nothing()


def _zeros(x: Any) -> np.ndarray:
    aval = aval_of(x)
    dtype = np.dtype(aval.dtype)
    return np.zeros(aval.shape, dtype if dtype.kind in "fc" else float)


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, whose intermediates are computed again in the backward pass instead of being kept.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays. It must get every traced array that it
        uses as an argument.

    Returns
    -------
    callable
        The same function. Of a call the tape keeps the arguments only.

    Raises
    ------
    LeakedTracerError
        When called, if f uses a traced value that is not among its arguments.
    ModifiedArrayError
        In the backward pass, if f gives another result than before: it must depend on its arguments only.

    Notes
    -----
    Cost: one more evaluation of f for each backward pass, and a weighted sum of its result, by which it is known again.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.grad(cr.checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    """
    return Checkpoint(f)


def fingerprint(y: Any) -> tuple[Any, Any]:
    """A weighted sum of y, and the same with absolute values."""
    y = np.ravel(y)
    y = y if y.dtype.kind in "fc" else y.astype(float)
    weights = 1 + np.arange(y.size) * GOLDEN % 1  # all different, so that the order of the elements counts
    return y @ weights, np.abs(y) @ weights


GOLDEN = 0.6180339887498949


def rounding(xs: Sequence[Any]) -> float:
    """The share in which results may differ from one evaluation to the next, by the coarsest dtype of `xs`.

    Some operations round otherwise when they are traced: they are done in other steps.
    """
    dtypes = [np.dtype(aval_of(x).dtype) for x in xs]
    return max([float(np.finfo(d).eps) ** 0.75 for d in dtypes if d.kind in "fc"], default=0.0)


def _same(first: Any, second: Any, share: float) -> bool:
    return all(not abs(a - b) > share * size for (a, size), (b, _) in zip(first, second, strict=True))


class Checkpoint(custom):
    """A function whose rules are those of its operations, done again."""

    _saves = staticmethod(keeps_args)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._bind(args, kwargs)

    def _impl(self, *xs, call):
        ys = super()._impl(*xs, call=call)
        call.fingerprints = list(map(fingerprint, ys))
        return ys

    def _pull(self, wanted, cts, ys, *xs, call):
        on = [i for i, w in enumerate(wanted) if w]
        again, pullback = reverse_vjp(self._of(xs, on, call), *(xs[i] for i in on))
        plain = call.fingerprints is not None and not any(isinstance(y, Tracer) for y in again)
        if plain and not _same(call.fingerprints, map(fingerprint, again), rounding((*xs, *again))):
            raise ModifiedArrayError(
                f"{self.name}: done again for the backward pass, this checkpointed function gave another result: "
                "it must depend on its arguments only. Pass it every array that changes, and a seed for random numbers"
            )
        seeds = tuple(_zeros(y) if ct is None else ct for ct, y in zip(cts, ys, strict=True))
        back = dict(zip(on, pullback(seeds), strict=True))
        return tuple(back.get(i) for i in range(len(xs)))

    def _push(self, tangents, ys, *xs, call):
        on = [i for i, t in enumerate(tangents) if t is not None]
        return forward_jvp(self._of(xs, on, call), [xs[i] for i in on], [tangents[i] for i in on])[1]

    def _batch(self, is_batched, *xs, call):
        axes = [0 if on else None for on in is_batched]
        return Checkpoint(vmap(self._of(xs, range(len(xs)), call), axes))(*xs)

    def _of(self, xs, on, call):
        """f as a function of the arrays at `on` among its arguments, that returns a tuple of arrays."""

        def of(*moved):
            whole = list(xs)
            for i, x in zip(on, moved, strict=True):
                whole[i] = x
            leaves, call.output = self._results(whole, call)
            return tuple(leaves)

        return of

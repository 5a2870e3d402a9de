"""`compile`: a function that is traced and compiled when it first gets arguments of a kind, and runs natively then."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import user_line
from ..core.trace import NUMBERS, is_traced
from ..core.tree import flatten
from ..transforms import arguments
from ..transforms.recording import record_leaves
from . import log

LEAVES = np.ndarray, np.generic, float, int, complex

TRACES = 32
"""Ways through a function, for arguments of one kind, beyond which it runs eagerly."""


def compile(
    f: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    donate_argnums: int | Sequence[int] = (),
    fastmath: bool = False,
) -> Compiled:
    """The same function, compiled: traced at its first call with arguments of a kind, and native code from then on.

    Parameters
    ----------
    f : callable
        A function of trees of arrays and numbers, transformed or not: `cr.compile(cr.value_and_grad(loss))`. It must
        depend on its arguments alone: what else it reads is as it was when it was traced, and what else it does (such
        as printing) is done then only.
    static_argnums : int or sequence of ints
        Positional arguments that are no arrays: f is traced for each of their values, which are to be hashable.
    donate_argnums : int or sequence of ints
        Positional arguments that are not used any more after the call, so that their memory may be. Accepted, and not
        made use of yet.
    fastmath : bool
        Whether formulas may be replaced by others that are the same for real numbers: `x - x` by 0, though x may be NaN
        or infinite, and `log(1 + exp(x))` by one that does not overflow.

    Returns
    -------
    Compiled
        Takes f's arguments, and returns what f returns, with new arrays. It has the methods `.graph`, `.plan` and
        `.ir`, each of which takes arguments, and `.stats()`.

    Notes
    -----
    Cost: at the first call with new structures, shapes, dtypes or static values a trace, an evaluation of f, and a few
    milliseconds to compile. Where f looks at values (`if x > 0`), the way that it takes is compiled together with a
    test, and another way when the test fails; after 32 ways it runs eagerly, and says so once. What no native code does
    is called in between.

    Results are those of f up to rounding: sums are added in another order, and functions such as `exp` are the
    compiler's own (docs/choices.md). Numbers too small to be normal are taken as zero. Results without axes are NumPy
    scalars, as those of NumPy's functions are.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> step = cr.compile(lambda w, x: w - 0.1 * cr.grad(lambda w: np.sum(np.tanh(x @ w) ** 2))(w))
    >>> step(np.ones(2), np.eye(2)).round(4)
    array([0.936, 0.936])
    >>> step.stats()["programs"]
    1
    """
    return Compiled(f, static_argnums, fastmath)


class Compiled:
    """A compiled function; made by :func:`compile`."""

    def __init__(self, f: Callable[..., Any], static_argnums: int | Sequence[int] = (), fastmath: bool = False):
        self._f, self._fastmath = f, fastmath
        self._static = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
        self._ways: dict[Any, list[tuple[Any, Any]]] = {}
        self._direct: Callable[..., Any] | None = None
        self._eager: set[Any] = set()
        functools.update_wrapper(self, f, updated=())

    def __repr__(self) -> str:
        return f"<compiled {self._name}, {self.stats()['programs']} programs>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._direct is not None and not kwargs:
            y = self._direct(*args)
            if type(y) is not int:
                return y
        if is_traced(list(args)) or is_traced(kwargs):
            return self._f(*args, **kwargs)
        key, leaves, of_leaves = self._signature(args, kwargs)
        if key in self._eager:
            return self._f(*args, **kwargs)
        ways = self._ways.setdefault(key, [])
        for n, (program, structure) in enumerate(ways):
            found = program(leaves)
            if found is not None:
                if n:  # the next call may go the same way
                    ways.insert(0, ways.pop(n))
                return structure.unflatten(found)
        if len(ways) >= TRACES:
            self._give_up(key)
            return self._f(*args, **kwargs)
        program, structure = self._compiled(of_leaves, leaves)
        ways.insert(0, (program, structure))
        log.compiled(self._name, key[1], len(ways), program)
        if not kwargs and not self._static and all(isinstance(a, LEAVES) for a in args):
            numbers = tuple(range(len(program.outputs)))
            if structure.unflatten(list(numbers)) == (numbers if len(numbers) > 1 else 0):  # as the builtin has them
                self._direct = program.direct
        return structure.unflatten(program(leaves))

    def _signature(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any], Callable[..., Any]]:
        """What a program is compiled for, the leaves that it takes, and f of these."""
        fixed = {range(len(args))[k]: args[k] for k in self._static if -len(args) <= k < len(args)}
        for k, x in fixed.items():
            try:
                hash(x)
            except TypeError:
                raise TypeError(
                    f"compile: argument {k} is static, so it has to be hashable; it is of type {type(x).__name__}"
                ) from None
        tree = [a for k, a in enumerate(args) if k not in fixed], kwargs
        leaves, structure = flatten(tree)
        leaves = [x if type(x) in NUMBERS else arguments.input_leaf(x, "compile", k) for k, x in enumerate(leaves)]
        kinds = tuple((type(x), x.dtype, x.shape) if isinstance(x, np.ndarray) else type(x) for x in leaves)

        def of_leaves(*xs):
            rest, named = structure.unflatten(list(xs))
            rest = iter(rest)
            return self._f(*[fixed[k] if k in fixed else next(rest) for k in range(len(args))], **named)

        return (structure, kinds, tuple(fixed.items())), leaves, of_leaves

    def _compiled(self, of_leaves: Callable[..., Any], leaves: Sequence[Any]) -> tuple[Any, Any]:
        from .ahead import Tracing
        from .program import Program

        start = time.perf_counter()
        graph, _, structure, _ = record_leaves(of_leaves, leaves, "compile", Tracing)
        return Program(graph, {"trace": time.perf_counter() - start}, self._fastmath), structure

    @property
    def _name(self) -> str:
        return getattr(self._f, "__name__", type(self._f).__name__)

    def _give_up(self, key: Any) -> None:
        self._eager.add(key)
        log.told(self._name, f"{TRACES} ways are too many: for arguments of this kind it runs eagerly from now on")
        warnings.warn(
            f"compile: {self._name} has gone {TRACES} ways for arguments of one kind (at {user_line()}), and runs "
            "eagerly for these from now on: make choices with np.where or chainrule.cond, and loops of unknown length "
            "with chainrule.while_loop",
            RuntimeWarning,
            stacklevel=3,
        )

    # ---- to look inside

    def _program(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self(*args, **kwargs)
        key, leaves, _ = self._signature(args, kwargs)
        if key in self._eager:
            raise ValueError("compile: this function runs eagerly for these arguments, so there is no program")
        return next(p for p, _ in self._ways[key] if p(leaves) is not None)

    def graph(self, *args: Any, **kwargs: Any) -> Any:
        """The graph, simplified, that is compiled for these arguments."""
        return self._program(args, kwargs).graph

    def plan(self, *args: Any, **kwargs: Any) -> Any:
        """The kernels and calls for these arguments, in order."""
        return self._program(args, kwargs).plan

    def ir(self, *args: Any, **kwargs: Any) -> str:
        """The LLVM IR of the native functions for these arguments."""
        return "\n".join(map(str, self._program(args, kwargs).modules))

    def stats(self) -> dict[str, Any]:
        """How many programs there are, of how many kernels and calls, and how long each phase has taken, in seconds."""
        programs = [p for ways in self._ways.values() for p, _ in ways]
        seconds: dict[str, float] = {}
        for p in programs:
            for phase, took in p.seconds.items():
                seconds[phase] = seconds.get(phase, 0.0) + took
        counts = [p.counts() for p in programs]
        return {
            "programs": len(programs),
            "equations": sum(len(p.graph.equations) for p in programs),
            **{kind: sum(c[kind] for c in counts) for kind in ("kernels", "loops", "calls")},
            "workspace": max((p.workspace for p in programs), default=0),
            "seconds": seconds,
        }

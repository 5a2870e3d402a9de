"""Reverse mode. The forward pass links nodes into a tape; the backward pass walks them in reverse order."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..core.errors import user_line
from ..core.memory import COPY_BELOW, Snapshot, read, read_only, snapshot
from ..core.primitive import Primitive, keeps_nothing
from ..core.trace import NUMBERS, NUMERIC, Trace, Tracer, aval_of, bind, not_numbers, plain_array
from ..core.tree import flatten, leaves_like
from . import arguments
from .recording import prepared
from .tape import Input, Node, Operation, Output, Plain, backward, order

_no_grad: ContextVar[bool] = ContextVar("chainrule_no_grad", default=False)
_paused = 0
"""How many no_grad contexts there are, in all threads: as long as there is none, nobody needs to ask for his own."""


def no_tape() -> bool:
    """Whether the current thread or task is within a no_grad context."""
    return _paused > 0 and _no_grad.get()


# ---- what travels: a value, and the node of the tape that made it -----------------------------------------------


class Variable(Tracer):
    """A value on the tape.

    Made by :func:`variable`, and by every operation on one. `node` is its place on the tape.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> x = cr.variable(3.0)
    >>> y = x * x
    >>> y.value, y.node.primitive
    (np.float64(9.0), <primitive multiply>)
    >>> y.backward()
    >>> x.grad
    array(6.)
    """

    __slots__ = ()

    @property
    def node(self) -> Any:
        """Its place on the tape; None for a constant."""
        if self.memory is not None:
            read(self)
        return self.companion

    @property
    def value(self) -> Any:
        """The value, as a read-only array."""
        if self.memory is not None:
            read(self)
        return read_only(self.primal)

    @value.setter
    def value(self, new: Any) -> None:
        if not isinstance(self.companion, Input):
            raise TypeError("only the value of a variable can be set, not that of a result computed from variables")
        new = np.array(new, self.dtype)
        if new.shape != self.shape:
            raise ValueError(f"value: this variable has shape {self.shape}; the new value has shape {new.shape}")
        self.primal = new

    @property
    def grad(self) -> Any:
        """The sum of the gradients of all backward passes so far; None before the first."""
        return self.companion.grad if isinstance(self.companion, Input) else None

    @grad.setter
    def grad(self, new: Any) -> None:
        if not isinstance(self.companion, Input):
            raise TypeError("only variables have a settable gradient, not the results computed from them")
        self.companion.grad = new

    def detach(self) -> Any:
        """The value as a constant: an array of its own."""
        if self.memory is not None:
            read(self)
        return np.array(self.primal) if isinstance(self.primal, np.ndarray) else self.primal

    def backward(self, seed: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Adds the gradient of this value to `.grad` of every variable that it was computed from.

        Parameters
        ----------
        seed : array of this value's shape, optional
            The cotangent to start from. May be left out for a single number (then it is 1).
        retain_graph : bool
            Keep what the tape holds, so that `backward` can be called on it again.
        create_graph : bool
            Put the gradients on the tape, too, so that they can be differentiated. Implies `retain_graph`.

        Raises
        ------
        ValueError
            If the value is not a single number and no seed is given, or the seed has another shape.
        FreedTapeError
            If an earlier backward pass has released the tape.

        Notes
        -----
        Cost: about one to three times that of the forward pass.

        Examples
        --------
        >>> import numpy as np
        >>> import chainrule as cr
        >>> w = cr.variable([1.0, 2.0])
        >>> y = np.sum(w * w)
        >>> y.backward()
        >>> w.grad
        array([2., 4.])
        """
        if self._trace is not OUTERMOST:
            self._trace.check_writable(self)  # raises if the transform that it belongs to has ended
            raise TypeError(
                f"backward: this value (at {user_line()}) belongs to a function that is being transformed; return it "
                "from there, or take gradients of it with chainrule.grad"
            )
        if self.node is None:
            raise ValueError("backward: this value does not depend on any variable")
        if seed is None:
            if self.size != 1:
                raise ValueError(
                    f"backward: a value of shape {self.shape} has no single gradient: give a seed of that shape, or "
                    "use chainrule.jacobian"
                )
            seed = np.ones(self.shape, self.dtype)
        given, seed = seed, arguments.check_cotangent(seed, aval_of(self), "backward")
        trace = self._trace if create_graph else None
        found = backward([(self.companion, seed)], release=not (retain_graph or create_graph), trace=trace)
        new = arguments.results(list(found.values()), [_AN_ARRAY] * len(found), [given])
        with _lock:  # all or nothing, whatever happened during the pass
            for node, ct in zip(found, new, strict=True):
                node.grad = ct if node.grad is None else arguments.result(node.grad + ct, _AN_ARRAY)

    def __reduce__(self):
        if self._trace is not OUTERMOST:
            return super().__reduce__()
        if isinstance(self.companion, Input):
            return variable, (self.detach(),)
        raise TypeError(
            "a value on the tape cannot be copied or pickled with its history; take its value with detach(), or pickle "
            "the variables that it was computed from"
        )

    def __deepcopy__(self, memo):
        if self._trace is not OUTERMOST:
            return self.copy()
        function, args = self.__reduce__()
        return function(*args)

    def __repr__(self):
        return (
            f"Variable({self.primal!r})"
            if self.companion is None or self.primal is None
            else f"Variable({self.primal})"
        )


_lock = threading.Lock()


# ---- what happens at an operation --------------------------------------------------------------------------------


class ReverseTrace(Trace):
    """Computes the value and, where an argument is on the tape, appends a node."""

    __slots__ = ()

    def input(self, value: Any) -> Variable:
        """`value` as something to differentiate with respect to."""
        borrowed = False
        if isinstance(value, np.ndarray):
            borrowed = value.nbytes > COPY_BELOW
            value = np.asarray(value) if borrowed else np.array(value)
        return Variable(self, value, Input(value, borrowed))

    def lift(self, value: Any) -> Variable:
        return Variable(self, value, None)

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if len(args) == 1:
            values, parents = (args[0].primal,), (args[0].companion,)
        else:
            values, parents = [], []
            for arg in args:
                if arg.__class__ is Variable and arg._trace is self:
                    values.append(arg.primal)
                    parents.append(arg.companion)
                else:
                    values.append(arg)
                    parents.append(None)
        y = bind(primitive, *values, **params)
        return y if primitive.vjp is None or no_tape() else self.append(primitive, y, values, parents, params)

    def append(self, primitive: Primitive, y: Any, values: Sequence[Any], parents: Sequence[Any], params: Any) -> Any:
        """The result `y` of an operation as what travels, with a node if any argument has one."""
        wanted = tuple([p is not None for p in parents])
        if True not in wanted:
            return tuple(map(self.lift, y)) if primitive.multi else Variable(self, y, None)
        if primitive.slopes is not None and type(y) is np.ndarray and y.nbytes > COPY_BELOW and y.dtype.kind == "f":
            params = params | {"slopes": primitive.slopes(wanted, *values)}
            keep = keeps_nothing(wanted)
        else:
            keep = primitive.saves(wanted)
        snapshots: list[Snapshot] = []
        kept = []
        for value, parent, on in zip(values, parents, keep.args, strict=True):
            if not on:
                kept.append(parent or aval_of(value))
            elif parent is None:
                kept.append(snapshot(value, snapshots))
            else:
                if type(parent) is Input:
                    parent.watch(value)
                kept.append(value)
        if not primitive.multi:
            if type(y) is not Variable and y.dtype.kind not in NUMERIC:
                raise not_numbers(y.dtype)
            y_kept, shape, dtype = y if keep.output else None, y.shape, y.dtype
        else:
            y_kept, shape, dtype = y if keep.output else tuple(map(aval_of, y)), (), None
        node = Operation(primitive, tuple(parents), tuple(kept), y_kept, params, shape, dtype, snapshots)
        if not primitive.multi:
            return Variable(self, y, node)
        return tuple(Variable(self, part, Output(node, i, len(y), part)) for i, part in enumerate(y))

    def at(self, value: Any, node: Node) -> Variable:
        """The variable with this place on the tape."""
        return Variable(self, value, node)

    # The next two do the same for elementwise operations under the short rules (core/primitive.py: Plain). They are
    # what an operation on small arrays costs, so they call no constructors: those are calls into Python, and two of
    # them take as long as the arithmetic (benchmarks/eager.py). A node shares what it can with its parents: of a long
    # chain on few numbers the nodes are most of the memory (benchmarks/long_chain.py).

    def apply1(self, primitive: Primitive, x: Any) -> Any:
        if x.memory is not None:
            read(x)
        value, parent, plain = x.primal, x.companion, primitive.plain
        if parent is None or plain is None or (_paused and no_tape()):
            return self.process(primitive, (x,), {})
        y = primitive.impl(value)
        dtype = y.dtype
        keep_x, keep_y = plain.saves[1]
        if (
            y.nbytes > plain.limit
            or parent.dtype is not dtype
            or (dtype is not F64 and dtype is not F32)
            or (keep_x and parent.primitive is None and value.nbytes > COPY_BELOW)
        ):
            return self.append(primitive, y, (value,), (parent,), {})
        node = _new(Plain)
        node.primitive, node.parents = primitive, (parent,)
        node.args, node.y = (value, None) if keep_x else NOTHING, y if keep_y else None
        node.shape, node.dtype, node.order = parent.shape, dtype, next(order)
        variable = _new(Variable)
        variable._trace, variable.primal, variable.companion, variable.memory = self, y, node, None
        return variable

    def apply2(self, primitive: Primitive, a: Any, b: Any) -> Any:
        if type(a) is Variable and a._trace is self:
            if a.memory is not None:
                read(a)
            value_a, parent_a = a.primal, a.companion
        elif type(a) in _CONSTANTS:
            value_a, parent_a = a, None
        else:
            return super().apply2(primitive, a, b)
        if type(b) is Variable and b._trace is self:
            if b.memory is not None:
                read(b)
            value_b, parent_b = b.primal, b.companion
        elif type(b) in _CONSTANTS:
            value_b, parent_b = b, None
        else:
            return super().apply2(primitive, a, b)
        plain = primitive.plain
        if plain is None or (_paused and no_tape()):
            return self.process(primitive, (a, b), {})
        y = primitive.impl(value_a, value_b)
        shape, dtype = y.shape, y.dtype
        wanted = 0
        fits = (dtype is F64 or dtype is F32) and y.nbytes <= plain.limit
        if parent_a is not None:
            wanted = 1
            fits = fits and parent_a.dtype is dtype and parent_a.shape == shape
        if parent_b is not None:
            wanted += 2
            fits = fits and parent_b.dtype is dtype and parent_b.shape == shape
        keep_a, keep_b, keep_y = plain.saves[wanted]
        # What is not the result of an operation may be the caller's array.
        if keep_a and (parent_a is None or parent_a.primitive is None) and type(value_a) is np.ndarray:
            fits = fits and value_a.nbytes <= COPY_BELOW
            if parent_a is None and fits:
                value_a = value_a.copy()
        if keep_b and (parent_b is None or parent_b.primitive is None) and type(value_b) is np.ndarray:
            fits = fits and value_b.nbytes <= COPY_BELOW
            if parent_b is None and fits:
                value_b = value_b.copy()
        if not fits or not wanted:
            return self.append(primitive, y, (value_a, value_b), (parent_a, parent_b), {})
        node = _new(Plain)
        node.primitive, node.parents = primitive, (parent_a, parent_b)
        if keep_a or keep_b:
            node.args = value_a if keep_a else None, value_b if keep_b else None
        else:
            node.args = NOTHING
        node.y = y if keep_y else None
        like: Any = parent_a or parent_b
        node.shape, node.dtype, node.order = like.shape, dtype, next(order)
        variable = _new(Variable)
        variable._trace, variable.primal, variable.companion, variable.memory = self, y, node, None
        return variable

    def hold(self, tracer: Tracer, value: Any) -> None:
        """Of a variable held by hand, under no_grad, only the value is new: it keeps its place and its gradient."""
        if self is OUTERMOST and isinstance(tracer.companion, Input):
            tracer.primal = value
        else:
            super().hold(tracer, value)

    def check_writable(self, tracer: Tracer) -> None:
        if self is OUTERMOST and isinstance(tracer.companion, Input) and not no_tape():
            raise ValueError(
                f"a variable was written into (at {user_line()}), which would lose its place on the tape: write into "
                "a copy(), set a new value with `variable.value = ...`, or update it under chainrule.no_grad()"
            )


NOTHING = (None, None)
"""What a node keeps of two arguments if it needs neither."""

_new = object.__new__  # constructors are calls into Python, and take as long as half the arithmetic
_AN_ARRAY = np.empty(0)
_CONSTANTS = NUMBERS | {np.ndarray, np.float64, np.float32}
F64, F32 = np.dtype(np.float64), np.dtype(np.float32)

OUTERMOST = ReverseTrace(level=0)
"""The trace of variables held by hand. It holds nothing: the tape hangs on the variables alone."""


# ---- the public functions ------------------------------------------------------------------------------------------


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """f(*primals) and its pullback: the function from the cotangent of the output to those of the inputs.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays.
    *primals : trees of arrays
        Where to linearise. All leaves must be floating point or complex.
    has_aux : bool
        Whether f returns a pair `(result, aux)`; aux is passed on as it is.

    Returns
    -------
    y : tree of arrays
        `f(*primals)`.
    pullback : callable
        `pullback(ct)`, with `ct` of the structure and shapes of `y`, is a tuple with the cotangent of each of
        `primals`: `ct` times the Jacobian. It may be called any number of times.
    aux : anything
        Only with `has_aux`.

    Raises
    ------
    TypeError
        If a leaf is not floating point, or f returns something that is no array.
    ModifiedArrayError
        By the pullback, if an array that f used was changed in between.

    Notes
    -----
    Cost: one evaluation of f, and for each pullback one to three times as much. Keeps every intermediate that a rule
    will read.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> y, pullback = cr.vjp(np.sin, np.array([0.0, 1.0]))
    >>> pullback(np.ones(2))
    (array([1.        , 0.54030231]),)
    """
    who = "vjp"
    y, pull, aux = _pullback(f, primals, who, has_aux, once=False)
    leaves, structure = flatten(y)
    avals = list(map(aval_of, leaves))

    def pullback(ct):
        seeds = leaves_like(structure, ct, "pullback: the seed")
        return pull([arguments.check_cotangent(s, a, "pullback") for s, a in zip(seeds, avals, strict=True)])

    return (y, pullback, aux) if has_aux else (y, pullback)


def _pullback(f: Callable[..., Any], primals: Sequence[Any], who: str, has_aux: bool, once: bool):
    """The output of f; a function from the leaves of its cotangent to a tuple of trees, called once only if so; aux."""
    trace = ReverseTrace()
    structures, inputs, nodes_in, args = [], [], [], []
    for i, primal in enumerate(primals):
        leaves, structure = flatten(primal)
        leaves = [arguments.differentiable(leaf, who, f"argument {i}") for leaf in leaves]
        variables = [trace.input(leaf) for leaf in leaves]
        args.append(structure.unflatten(variables))
        structures.append(structure)
        inputs += leaves
        nodes_in += [v.companion for v in variables]
        del variables
    f = prepared(f, primals)
    with trace:
        output, aux = arguments.split_aux(f(*args), has_aux, who)
        del args
        leaves, structure = flatten(output)
        outputs = [arguments.finished(trace, leaf, who) for leaf in leaves]
        if aux is not None:
            aux = arguments.without_tracers(trace, aux, who)
    del output, leaves
    values = [arguments.array(v) for v, _ in outputs]
    # What the tape keeps for a later pass must not be the array that the caller gets.
    y = structure.unflatten(arguments.results(values, values, inputs if once else inputs + values))
    nodes = [n for _, n in outputs]
    del outputs, values

    def pull(cts):
        seeds = [(n, ct) for n, ct in zip(nodes, cts, strict=True) if n is not None]
        if once:
            nodes.clear()  # so that the tape goes as the pass moves along
        found = backward(seeds)
        grads = [
            found[node] if node in found else np.zeros(x.shape, x.dtype)
            for node, x in zip(nodes_in, inputs, strict=True)
        ]
        grads = arguments.results(grads, inputs, cts)
        trees, end = [], 0
        for structure in structures:
            start, end = end, end + structure.num_leaves
            trees.append(structure.unflatten(grads[start:end]))
        return tuple(trees)

    return y, pull, aux


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns f and the gradient of f, a scalar, with respect to some arguments.

    Parameters
    ----------
    f : callable
        A NumPy function that returns a single real number (with `has_aux`: a pair of one and anything).
    argnums : int or sequence of ints
        Which positional arguments to differentiate with respect to.
    has_aux : bool
        Whether f returns `(value, aux)`.

    Returns
    -------
    callable
        Takes f's arguments and returns `(value, gradient)`, or `((value, aux), gradient)` with `has_aux`. The gradient
        has the structure, shapes and dtypes of the argument; it is a tuple if argnums is a sequence. For complex
        arguments z = x + iy it is df/dx + i df/dy, the direction of steepest ascent.

    Raises
    ------
    TypeError
        If f does not return a single real number, or an argument is not floating point.

    Notes
    -----
    Cost: one evaluation of f and a backward pass of one to three times as much.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> value, gradient = cr.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> print(value, gradient)
    5.0 [2. 4.]
    """

    @functools.wraps(f, updated=())
    def value_and_grad_f(*args, **kwargs):
        who = "grad"
        positions = arguments.argument_positions(argnums, len(args), who)
        chosen = [args[i] for i in positions]
        y, pull, aux = _pullback(arguments.of_arguments(f, args, kwargs, positions), chosen, who, has_aux, once=True)
        aval = aval_of(y) if isinstance(y, Tracer | np.ndarray | np.generic) else None
        if aval is None or aval.shape != ():
            raise TypeError(
                f"grad: the function must return a single number; it returned {arguments.short(y)}. "
                "Reduce it (np.sum, np.mean), or use chainrule.jacobian, or chainrule.vjp with a seed"
            )
        if aval.dtype.kind == "c":
            raise TypeError(
                "grad: the function must return a real number; it returned a complex one. Take np.real or np.abs of "
                "it, or use chainrule.vjp with a complex seed"
            )
        grads = pull([aval.dtype.type(1) if aval.dtype.kind == "f" else np.float64(1.0)])
        gradient = grads if isinstance(argnums, tuple | list) else grads[0]
        return ((y, aux), gradient) if has_aux else (y, gradient)

    return value_and_grad_f


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of f, a function that returns a single real number, as a function of the same arguments.

    Parameters
    ----------
    f, argnums, has_aux
        As for :func:`value_and_grad`.

    Returns
    -------
    callable
        Takes f's arguments and returns the gradient, or `(gradient, aux)` with `has_aux`.

    Raises
    ------
    TypeError
        If f does not return a single real number, or an argument is not floating point.

    Notes
    -----
    Cost: one evaluation of f and a backward pass of one to three times as much.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> def f(x):
    ...     return np.log(x[0]) + x[0] * x[1] - np.sin(x[1])
    >>> cr.grad(f)(np.array([2.0, 5.0]))
    array([5.5       , 1.71633781])
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f, updated=())
    def grad_f(*args, **kwargs):
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return grad_f


def variable(value: Any) -> Variable:
    """A variable held by hand: whatever is computed from it is put on a tape, made on the fly.

    Parameters
    ----------
    value : array_like
        Floating point or complex numbers; they are copied.

    Returns
    -------
    Variable
        It works like an array in NumPy code. After `y.backward()` on a result, `.grad` holds the gradient.

    Raises
    ------
    TypeError
        If `value` is not floating point.

    Notes
    -----
    The tape hangs on its variables: it goes when the last of them does, and no global object holds any part of it.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> w = cr.variable([[1.0, 2.0], [3.0, 4.0]])
    >>> h = np.tanh(w @ np.array([0.1, 0.2]))
    >>> h.backward(np.ones(2))
    >>> w.grad.shape
    (2, 2)
    """
    if isinstance(value, Variable):
        value = value.detach()
    array = np.array(plain_array(value))
    arguments.differentiable(array, "variable", "the value")
    return Variable(OUTERMOST, array, Input(array))


@contextlib.contextmanager
def no_grad() -> Iterator[None]:
    """A context in which nothing is put on a tape: results are constants, as plain arrays.

    It holds for the current thread or task only.

    Examples
    --------
    >>> import chainrule as cr
    >>> w = cr.variable([1.0, 2.0])
    >>> with cr.no_grad():
    ...     y = w * 2
    >>> y
    array([2., 4.])
    """
    global _paused
    token = _no_grad.set(True)
    with _lock:
        _paused += 1
    try:
        yield
    finally:
        with _lock:
            _paused -= 1
        _no_grad.reset(token)

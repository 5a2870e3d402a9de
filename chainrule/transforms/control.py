"""Control flow as functions: cond, scan, fori_loop and while_loop.

Called on plain arrays, or under grad, jvp and vmap, they are the `if`, `for` and `while` that they look like. Within a
function that is being recorded or compiled each becomes one operation, whose bodies are graphs (branches.py, scans.py,
whiles.py); a body that looks at values is unrolled there, as a loop written in Python is.
"""

import contextlib
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import LostGradientError, user_line
from ..core.trace import NUMBERS, Tracer, aval_of, bind, frozen, plain_array
from ..core.tree import flatten
from . import arguments
from .batching import Batched
from .bodies import body_of, close, strong_aval
from .branches import cond as cond_operation
from .recording import Recorded, is_recording
from .scans import loop, one_of_each
from .whiles import while_loop as while_operation


def cond(pred: Any, true_f: Callable[..., Any], false_f: Callable[..., Any], *operands: Any) -> Any:
    """`true_f(*operands)` if pred holds, else `false_f(*operands)`.

    Parameters
    ----------
    pred : bool, or array of shape `()`
        Which of the two.
    true_f, false_f : callable
        NumPy functions of trees of arrays. Where pred is not known before the program runs, they must return trees of
        the same structure and shapes; their dtypes are promoted.
    *operands : trees of arrays
        Their arguments.

    Returns
    -------
    tree of arrays
        What the function chosen returns.

    Raises
    ------
    ValueError
        If pred is no single number, or the functions return trees of different structures or shapes.

    Notes
    -----
    Cost: one of the functions. Under vmap, where pred differs from example to example, both are done for all examples;
    no derivative comes from what was not chosen. Recorded, it is one equation, whichever way pred goes.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> f = lambda x: cr.cond(x > 0, np.log, np.exp, x)
    >>> cr.grad(f)(2.0), cr.vmap(cr.grad(f))(np.array([-1.0, 4.0]))
    (np.float64(0.5), array([0.36787944, 0.25      ]))
    """
    check_single("cond: pred", pred)
    if isinstance(pred, Tracer):
        pred = truth(pred)
        if is_recording():
            try:
                return _recorded_cond(pred, true_f, false_f, operands)
            except LostGradientError:  # it looks at values: unrolled, it may
                pass
        if peeled(pred)[1]:
            with np.errstate(all="ignore"):  # what is not chosen is nobody's concern
                return _both(pred, true_f(*operands), false_f(*operands))
    return true_f(*operands) if pred else false_f(*operands)


def while_loop(cond_f: Callable[[Any], Any], body_f: Callable[[Any], Any], init: Any) -> Any:
    """What `carry = init; while cond_f(carry): carry = body_f(carry)` leaves in carry.

    Parameters
    ----------
    cond_f : callable
        Takes the carry and returns a bool, or an array of shape `()`.
    body_f : callable
        Takes the carry and returns the next one: of the same structure, shapes and dtypes.
    init : tree of arrays
        The first carry. Python numbers in it take the dtype that body_f gives them.

    Returns
    -------
    tree of arrays
        The last carry.

    Raises
    ------
    TypeError
        If body_f returns a carry of another structure, shape or dtype.
    ValueError
        If cond_f returns something else than a single number.

    Notes
    -----
    Differentiable in both modes, to any order. Reverse mode keeps what each round leaves; in a recorded graph the
    number of rounds is then a guard, for so much has to be kept. If that number is known beforehand, say so with
    :func:`fori_loop`. Under vmap all examples go on until the last has come to its end.

    Examples
    --------
    >>> import chainrule as cr
    >>> root = lambda a: cr.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)
    >>> root(2.0), cr.grad(root)(2.0)
    (1.414213562373095, np.float64(0.3535533905932738))
    """
    if is_recording():
        try:
            return _recorded_while(cond_f, body_f, init)
        except LostGradientError:  # it looks at values: unrolled, it may
            pass
    carry, first = init, True
    while True:
        going = truth(cond_f(carry))
        if first:
            check_single("while_loop: what cond_f returns", going)
        on, masked = peeled(going)
        if not on:
            return carry
        with np.errstate(all="ignore") if masked else contextlib.nullcontext():
            after = body_f(carry)
        if first:
            check_carry("while_loop", carry, after)
        carry, first = _both(going, after, carry) if masked else after, False


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """`carry, y = f(carry, x)` for each x of xs, in order: the last carry, and all y.

    Parameters
    ----------
    f : callable
        `f(carry, x) -> (carry, y)`. The carry keeps its structure, shapes and dtypes; y is any tree of arrays, or None.
    init : tree of arrays
        The first carry. Python numbers in it take the dtype that f gives them.
    xs : tree of arrays, optional
        What runs over axis 0 of each; without it x is None.
    length : int, optional
        How often; needed without xs.
    reverse : bool
        Whether to begin with the last x; y[i] belongs to x[i] all the same.

    Returns
    -------
    carry : tree of arrays
        The last carry.
    ys : tree of arrays
        Each y along a new axis 0.

    Raises
    ------
    TypeError
        If f returns no pair, or a carry of another structure, shape or dtype.
    ValueError
        If the arrays of xs, and length, differ in length, or none is given.

    Notes
    -----
    Recorded, it is one equation. Its vjp is a scan in the other direction over what the steps have kept.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> carry, ys = cr.scan(lambda c, x: (0.5 * c + x, c), 1.0, np.array([1.0, 2.0, 3.0]))
    >>> print(carry, ys)
    4.375 [1.   1.5  2.75]
    >>> cr.grad(lambda a: cr.scan(lambda c, _: (a * c, None), 1.0, length=3)[0])(2.0)
    np.float64(12.0)
    """
    rows, structure = flatten(xs)
    n = scan_length(rows, length)
    if is_recording():
        try:
            return _recorded_scan(f, init, rows, structure, n, reverse)
        except LostGradientError:  # it looks at values: unrolled, it may
            pass
    carry, ys = init, []
    for i in range(n - 1, -1, -1) if reverse else range(n):
        after, y = pair(f(carry, structure.unflatten([x[i] for x in rows])))
        if not ys:
            check_carry("scan", carry, after)
        carry = after
        ys.append(y)
    if not n:
        return init, _no_ys(f, init, rows, structure)
    return carry, _stacked(ys[::-1] if reverse else ys)


def fori_loop(lower: Any, upper: Any, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """What `carry = init; for i in range(lower, upper): carry = body(i, carry)` leaves in carry.

    Parameters
    ----------
    lower, upper : int, or array of integers of shape `()`
        The bounds. Where they are traced, this is a :func:`while_loop`.
    body : callable
        `body(i, carry) -> carry`. The carry keeps its structure, shapes and dtypes.
    init : tree of arrays
        The first carry. Python numbers in it take the dtype that body gives them.

    Returns
    -------
    tree of arrays
        The last carry.

    Raises
    ------
    TypeError
        If body returns a carry of another structure, shape or dtype, or a bound is no whole number.

    Notes
    -----
    Differentiable in both modes, to any order. Recorded with bounds that are plain integers, it is a :func:`scan`.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.fori_loop(1, 5, lambda i, p: p * i, 1)
    24
    >>> cr.grad(lambda x: cr.fori_loop(0, 3, lambda i, y: x * y, 1.0))(2.0)
    np.float64(12.0)
    """
    if isinstance(lower, Tracer) or isinstance(upper, Tracer):
        return while_loop(lambda c: c[0] < upper, lambda c: (c[0] + 1, body(c[0], c[1])), (lower + 0, init))[1]
    lower, upper = operator.index(lower), operator.index(upper)
    if is_recording():
        return scan(lambda carry, i: (body(i, carry), None), init, np.arange(lower, upper))[0]
    carry = init
    for i in range(lower, upper):
        after = body(i, carry)
        if i == lower:
            check_carry("fori_loop", carry, after)
        carry = after
    return carry


# ---- as operations of a recorded graph ---------------------------------------------------------------------------


def leaf_of(x: Any, who: str, what: str) -> Any:
    """`x`, a leaf of what is handed from step to step: an array, a tracer, or a Python number."""
    if not isinstance(x, arguments.ARRAYS) or np.dtype(aval_of(x).dtype).kind not in "fciub":
        raise TypeError(f"{who}: {what} holds {arguments.short(x)}, which is no array of numbers (at {user_line()})")
    if isinstance(x, Tracer) or type(x) in NUMBERS:
        return frozen(x)
    return plain_array(x)[()] if isinstance(x, np.generic) else plain_array(x)


def _recorded_cond(pred, true_f, false_f, operands):
    leaves, structure = flatten(operands)
    leaves = [leaf_of(x, "cond", "an operand") for x in leaves]
    arrays = [x for x in leaves if type(x) not in NUMBERS]

    def record(dtypes=None):
        captured: dict[Any, Tracer] = {}

        def run(f, given):
            ys, found = flatten(f(*structure.unflatten(given)))
            return found.unflatten(ys if dtypes is None else [as_dtype(y, d) for y, d in zip(ys, dtypes, strict=True)])

        return [
            body_of(lambda given, f=f: run(f, given), leaves, captured, "cond") for f in (false_f, true_f)
        ], captured

    bodies, captured = record()
    no, yes = bodies
    check_branches(
        yes.structure, no.structure, [v.aval.shape for v in yes.graph.outputs], [v.aval.shape for v in no.graph.outputs]
    )
    dtypes = [promoted(a, b) for a, b in zip(yes.dtypes, no.dtypes, strict=True)]
    if any(v.aval.dtype != d for body in bodies for v, d in zip(body.graph.outputs, dtypes, strict=True)):
        bodies, captured = record(dtypes)
    outside = close(bodies, captured)
    ys = bind(cond_operation, pred, *outside, *arrays, no=bodies[0].graph, yes=bodies[1].graph)
    return yes.structure.unflatten(ys)


def promoted(a: Any, b: Any) -> np.dtype:
    """The dtype of both, Python numbers adapting to the other."""
    return np.result_type(*(t(1) if t in NUMBERS else t for t in (a, b)))


def as_dtype(y: Any, dtype: np.dtype) -> Any:
    return y.astype(dtype) if hasattr(y, "astype") else np.asarray(y, dtype)[()]


def adapted(init: Sequence[Any], record: Callable[[list[Any]], Any]) -> list[Any]:
    """`init` with arrays for Python numbers, of the dtypes that the body, as `record` gives it, makes of them."""
    init = list(init)
    if not any(type(x) in NUMBERS for x in init):
        return init
    for i, (x, dtype) in enumerate(zip(init, record(init).dtypes, strict=False)):
        if type(x) in NUMBERS:
            fits = promoted(type(x), dtype) == np.dtype(dtype)
            init[i] = np.asarray(x, np.dtype(dtype) if fits else None)[()]
    return init


def after_step(who: str, structure: Any, before: Sequence[Any], tree: Any) -> list[Any]:
    """The leaves of the carry that a body has returned; Python numbers as what they have been, if they can be."""
    leaves, found = flatten(tree)
    if found != structure:
        raise TypeError(differs(who, structure, found))
    return [
        np.asarray(y, aval_of(x).dtype)[()]
        if type(y) in NUMBERS and type(x) not in NUMBERS and promoted(type(y), aval_of(x).dtype) == aval_of(x).dtype
        else y
        for x, y in zip(before, leaves, strict=True)
    ]


def _recorded_scan(f, init, rows, structure, n, reverse):
    leaves, carry_structure = flatten(init)
    leaves = [leaf_of(x, "scan", "the carry") for x in leaves]
    rows = [leaf_of(x, "scan", "xs") for x in rows]
    count = len(leaves)

    def step(given):
        carry, y = pair(f(carry_structure.unflatten(given[:count]), structure.unflatten(given[count:])))
        return tuple(after_step("scan", carry_structure, given[:count], carry)), y

    captured: dict[Any, Tracer] = {}
    ones = one_of_each(rows)
    leaves = adapted(leaves, lambda given: body_of(step, [*given, *ones], {}, "scan"))
    body = body_of(step, [*leaves, *ones], captured, "scan")
    check_avals("scan", leaves, [v.aval for v in body.graph.outputs[:count]])
    outside = close([body], captured)
    carry, ys = body.structure.unflatten(loop(body.graph, outside, leaves, rows, n, bool(reverse)))
    return carry_structure.unflatten(carry), ys


def _no_ys(f, init, rows, structure):
    """The empty stacks of a scan of no steps: what f would have returned is found by recording it."""
    leaves, carry_structure = flatten(init)

    def step(given):
        return f(carry_structure.unflatten(given[: len(leaves)]), structure.unflatten(given[len(leaves) :]))[1]

    body = body_of(step, [*leaves, *one_of_each(rows)], {}, "scan")
    return body.structure.unflatten([np.zeros((0, *v.aval.shape), v.aval.dtype) for v in body.graph.outputs])


def _recorded_while(cond_f, body_f, init):
    leaves, structure = flatten(init)
    leaves = [leaf_of(x, "while_loop", "the carry") for x in leaves]

    def step(given):
        return after_step("while_loop", structure, given, body_f(structure.unflatten(given)))

    def going(given):
        on = cond_f(structure.unflatten(given))
        check_single("while_loop: what cond_f returns", on)
        return truth(on)

    captured: dict[Any, Tracer] = {}
    leaves = adapted(leaves, lambda given: body_of(step, given, {}, "while_loop"))
    bodies = [body_of(going, leaves, captured, "while_loop"), body_of(step, leaves, captured, "while_loop")]
    check_avals("while_loop", leaves, [v.aval for v in bodies[1].graph.outputs])
    outside = close(bodies, captured)
    graphs = [body.graph for body in bodies]
    ys = bind(while_operation, *outside, *leaves, condition=graphs[0], body=graphs[1], consts=len(outside))
    return structure.unflatten(ys)


# ---- pieces ------------------------------------------------------------------------------------------------------


def truth(x: Any) -> Any:
    """`x` as a truth value, which has no derivative."""
    return np.not_equal(x, 0) if isinstance(x, Tracer) and x.dtype != bool else x


def peeled(x: Any) -> tuple[bool, bool]:
    """Whether `x`, a truth value, holds (of a batch: for any example), and whether it is one of a batch."""
    masked = False
    while isinstance(x, Tracer) and not isinstance(x, Recorded):
        x = frozen(x)
        if isinstance(x, Batched):
            masked, x = True, np.any(x.primal)
        elif isinstance(x, Tracer):
            x = x.primal
    return bool(x), masked


def _both(pred: Any, yes: Any, no: Any) -> Any:
    """The tree of what pred chooses, leaf by leaf."""
    (ys, structure), (ns, other) = flatten(yes), flatten(no)
    check_branches(structure, other, list(map(np.shape, ys)), list(map(np.shape, ns)))
    return structure.unflatten([np.where(pred, a, b) for a, b in zip(ys, ns, strict=True)])


def _stacked(trees: Sequence[Any]) -> Any:
    rows, structures = zip(*map(flatten, trees), strict=True)
    for found in structures:
        if found != structures[0]:
            raise TypeError(
                f"scan: f returned y of the structure {structures[0]} first, and {found} later (at {user_line()})"
            )
    return structures[0].unflatten([np.stack(column) for column in zip(*rows, strict=True)])


def scan_length(rows: Sequence[Any], length: int | None) -> int:
    """How many steps there are."""
    if any(not aval_of(x).shape for x in rows):
        raise ValueError(f"scan: xs holds a single number, which has no axis to run over (at {user_line()})")
    sizes = sorted({aval_of(x).shape[0] for x in rows} | (set() if length is None else {operator.index(length)}))
    if len(sizes) != 1 or sizes[0] < 0:
        what = f"xs and length say {sizes}" if sizes else "there is neither xs nor length"
        raise ValueError(f"scan: how many steps? {what} (at {user_line()}): give arrays of one length, or length=n")
    return sizes[0]


def pair(out: Any) -> Any:
    if not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(
            f"scan: f must return a pair (carry, y); it returned {arguments.short(out)} (at {user_line()}): return "
            "(carry, None) if there is no y"
        )
    return out


def check_single(what: str, x: Any) -> None:
    shape = aval_of(x).shape
    if shape != ():
        raise ValueError(
            f"{what} must be a single truth value; it has shape {shape} (at {user_line()}): reduce it (np.all, "
            "np.any), or choose element by element with np.where"
        )


def check_branches(yes: Any, no: Any, shapes_yes: Sequence[Any], shapes_no: Sequence[Any]) -> None:
    if yes != no:
        raise ValueError(f"cond: true_f returned the structure {yes}, false_f {no} (at {user_line()})")
    for a, b in zip(shapes_yes, shapes_no, strict=True):
        if a != b:
            raise ValueError(
                f"cond: true_f returned an array of shape {a} where false_f returned one of shape {b} "
                f"(at {user_line()}): both must return the same"
            )


def differs(who: str, before: Any, after: Any) -> str:
    return (
        f"{who}: the carry was {before} before a step and is {after} after it (at {user_line()}): it must keep its "
        "structure, shapes and dtypes"
    )


def check_carry(who: str, before: Any, after: Any) -> None:
    """Raises if a carry is not like the one before, as far as Python numbers do not adapt."""
    (old, structure), (new, found) = flatten(before), flatten(after)
    if structure != found:
        raise TypeError(differs(who, structure, found))
    weak = [type(a) in NUMBERS or type(b) in NUMBERS for a, b in zip(old, new, strict=True)]
    check_avals(
        who,
        [x for x, w in zip(old, weak, strict=True) if not w],
        [aval_of(x) for x, w in zip(new, weak, strict=True) if not w],
    )


def check_avals(who: str, before: Sequence[Any], after: Sequence[Any]) -> None:
    for x, b in zip(before, after, strict=True):
        a = strong_aval(x)
        if a != b:
            words = [f"an array of shape {v.shape} and dtype {np.dtype(v.dtype)}" for v in (a, b)]
            raise TypeError(differs(who, *words))

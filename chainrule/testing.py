"""Checks of derivative rules, the same for a user's own rules as for the library's.

A rule is one formula; a transform that uses it asks for a consequence of it. So one example of a function is enough
to check every rule that it meets, by laws that hold for all of them: the columns below. Only the first needs finite
differences; the others compare derivatives with each other, to nearly the last digit.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .core.errors import LostGradientError
from .core.primitive import Aval
from .core.trace import aval_of
from .core.tree import flatten
from .jacobians.jacobian import jacobian
from .jacobians.sparse import sparsity
from .transforms.batching import vmap
from .transforms.forward import jvp
from .transforms.recording import Var, record
from .transforms.reverse import value_and_grad, vjp

__all__ = ["check_gradients", "check_rules"]


def check_rules(f: Callable[..., Any], *args: Any, order: int = 2, rng: np.random.Generator | None = None) -> None:
    """Checks every derivative rule that `f(*args)` meets, in every transform.

    The columns: the jvp agrees with finite differences; the vjp is its transpose; values, shapes and dtypes are right;
    known zeros give zeros; `vmap` is a loop; a recorded graph foretells shapes and dtypes, and replayed it does what f
    does; the sparsity pattern covers the Jacobian; the result is the same every time, and nothing given is changed.
    With `order` 2 the vjp and the jvp are themselves functions that are checked, and so on.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a tree of arrays. It must be smooth near `args`, in a
        neighbourhood of about 1e-3 times their size.
    *args : trees of arrays
        An example. Floating point and complex leaves are differentiated, the others are constants. Small arrays
        (up to about 30 elements) keep it fast.
    order : int
        How often to differentiate.
    rng : numpy.random.Generator, optional
        Where the directions come from; by default the same ones every time.

    Raises
    ------
    AssertionError
        If a column does not hold: which one, for which argument, at which element, and the numbers.
    TypeError
        If there is nothing to differentiate: no floating point argument, or no floating point result.

    Notes
    -----
    Cost: some hundred evaluations of f, and as many again for each order. A function that looks at values (in an
    `if`, or with a boolean mask) cannot be mapped over a batch; for it `vmap` is left out.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.testing import check_rules
    >>> @cr.custom
    ... def cube(x):
    ...     return x**3
    >>> @cube.defvjp
    ... def back(ct, y, x):
    ...     return (ct * 2 * x**2,)
    >>> check_rules(cube, np.array([1.0, 2.0]))
    Traceback (most recent call last):
        ...
    AssertionError: cube: the jvp agrees with finite differences: argument 0: result 0, element (...): ...
    >>> @cube.defvjp
    ... def back(ct, y, x):
    ...     return (ct * 3 * x**2,)
    >>> check_rules(cube, np.array([1.0, 2.0]))
    """
    for check in columns(example("check_rules", f, args, rng), order):
        check()


def check_gradients(
    f: Callable[..., Any], *args: Any, samples: int = 20, rng: np.random.Generator | None = None
) -> None:
    """Compares the gradient of f, a function that returns a single real number, with finite differences.

    Along a random direction in all arguments together, and in single elements: all of them, or a random sample of
    each array where there are more than `samples`.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays that returns a single real number, and is smooth near `args`.
    *args : trees of arrays
        Where to compare. Floating point and complex leaves are differentiated, the others are constants.
    samples : int
        How many elements of each array to look at.
    rng : numpy.random.Generator, optional
        Where the direction and the sample come from; by default the same ones every time.

    Raises
    ------
    AssertionError
        If they differ: where, and the numbers.
    TypeError
        If f does not return a single real number, or no argument is floating point.

    Notes
    -----
    Cost: four evaluations of f for each element, and one gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.testing import check_gradients
    >>> check_gradients(lambda w, x: np.sum(np.tanh(w @ x)), np.ones((2, 3)), np.array([0.1, -0.2, 0.3]))
    >>> check_gradients(lambda x: np.sum(np.sign(x) * np.sinh(x)), np.array([-1.0, 2.0]))
    """
    case = example("check_gradients", f, args, rng)
    n = len(case.xs)
    value, gradient = value_and_grad(lambda *xs: case.f(*xs)[0], argnums=tuple(range(n)))(*case.xs)
    case.what = "the gradient agrees with finite differences"

    def compare(ts: Sequence[Any], where: str) -> None:
        ours = sum(_real_dot(g, t) for g, t in zip(gradient, ts, strict=True))
        numeric = differences(case.f, case.xs, ts)[0]
        case.close(np.asarray(ours), numeric, differences_tolerance(case), where, slack=np.abs(value))

    compare(case.directions(), "along a random direction")
    for i, x in enumerate(case.xs):
        flat = np.arange(x.size) if x.size <= samples else case.rng.choice(x.size, samples, replace=False)
        for k in flat:
            at = np.unravel_index(k, x.shape)
            for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
                ts = [np.zeros_like(v) for v in case.xs]
                ts[i][at] = unit * max(abs(x[at]), 0.1)
                compare(ts, f"argument {i}, element {tuple(map(int, at))}")


# ---- an example, as a function of arrays that returns a tuple of arrays -----------------------------------------


class Example:
    """A function of the arrays `xs` that returns a tuple of arrays, all of them floating point or complex."""

    def __init__(
        self, name: str, f: Callable[..., tuple[Any, ...]], xs: Sequence[np.ndarray], rng: np.random.Generator
    ):
        self.name, self.f, self.xs, self.rng = name, f, tuple(xs), rng
        self.what = ""
        self.ys = tuple(np.asarray(y) for y in f(*self.xs))
        dtypes = [v.dtype for v in (*self.xs, *self.ys)]
        self.eps = max(float(np.finfo(d).eps) for d in dtypes)

    def directions(self, of: Sequence[np.ndarray] | None = None) -> tuple[np.ndarray, ...]:
        """A random direction for each argument, or for `of`: each element moves in proportion to its size."""
        out = []
        for x in self.xs if of is None else of:
            size = np.maximum(np.abs(x), 0.1 * (np.max(np.abs(x), initial=0) or 10))
            t = self.rng.uniform(0.3, 1.0, x.shape) * self.rng.choice([-1.0, 1.0], x.shape) * size
            if x.dtype.kind == "c":
                t = t * np.exp(2j * np.pi * self.rng.uniform(size=x.shape))
            out.append(np.asarray(t).astype(x.dtype))
        return tuple(out)

    def seeds(self) -> tuple[np.ndarray, ...]:
        """A random cotangent for each output."""
        return self.directions(of=[np.ones_like(y) for y in self.ys])

    def close(self, ours: Any, expected: Any, rtol: float, where: str, slack: Any = 0.0) -> None:
        """Raises if `ours` differs from `expected` by more than rtol times its largest element."""
        ours, expected = np.asarray(ours), np.asarray(expected)
        assert ours.shape == expected.shape, f"{self}: {where}: shape {ours.shape} instead of {expected.shape}"
        if not expected.size:
            return
        scale = np.max(np.abs(expected)) + 1e-3 * np.max(slack) + np.sqrt(np.finfo(float).tiny)
        gap = np.abs(ours - expected)
        gap = np.where(np.isnan(gap) & ~(np.isnan(ours) & np.isnan(expected)), np.inf, gap)
        at = np.unravel_index(np.argmax(gap), gap.shape)
        assert not gap[at] > rtol * scale, (
            f"{self}: {where}, element {tuple(map(int, at))}: {ours[at]:.12g} instead of {expected[at]:.12g} "
            f"(they differ by {gap[at]:.3g}; {rtol * scale:.3g} is allowed)"
        )

    def alike(self, ours: Any, expected: Any, which: str) -> None:
        """Raises if `ours` has another shape or dtype than `expected`."""
        assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype), (
            f"{self}: {which} has shape {ours.shape} and dtype {ours.dtype} instead of {expected.shape} and "
            f"{expected.dtype}"
        )

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


def example(what: str, f: Callable[..., Any], args: tuple[Any, ...], rng: np.random.Generator | None = None) -> Example:
    """f as a function of the floating point leaves of `args` that returns those of its result, for `what` to check."""
    leaves, structure = flatten(args)
    on = [i for i, x in enumerate(leaves) if np.dtype(aval_of(x).dtype).kind in "fc"]

    def of_floats(*xs):
        whole = list(leaves)
        for i, x in zip(on, xs, strict=True):
            whole[i] = x
        outputs = flatten(f(*structure.unflatten(whole)))[0]
        return tuple(y for y in outputs if np.dtype(aval_of(y).dtype).kind in "fc")

    name = getattr(f, "__name__", type(f).__name__)
    xs = [leaves[i] if isinstance(leaves[i], np.ndarray) else np.asarray(leaves[i])[()] for i in on]
    case = Example(name, of_floats, xs, np.random.default_rng(0) if rng is None else rng)
    if not case.xs or not case.ys:
        missing = "results" if case.xs else "arguments"
        raise TypeError(f"{what}: {name} has no floating point {missing}: there is nothing to differentiate")
    return case


def differences(f: Callable[..., Any], xs: Sequence[Any], ts: Sequence[Any]) -> list[np.ndarray]:
    """The derivative of f at xs along ts, by central differences of fourth order."""
    eps = max(float(np.finfo(x.dtype).eps) for x in xs)
    h = 0.2 * eps**0.2

    def at(k):
        return [np.asarray(y) for y in f(*((x + k * h * t).astype(x.dtype) for x, t in zip(xs, ts, strict=True)))]

    return [(8 * (a - b) - (c - d)) / (12 * h) for a, b, c, d in zip(at(1), at(-1), at(2), at(-2), strict=True)]


def differences_tolerance(case: Example) -> float:
    """What central differences leave: rounding errors divided by the step."""
    return 3e4 * case.eps**0.8 if case.eps < 1e-10 else 3e-3


def exact_tolerance(case: Example) -> float:
    """What rounding leaves of an equation that holds exactly."""
    return 1e-10 if case.eps < 1e-10 else 1e-3


# ---- the columns ---------------------------------------------------------------------------------------------------


def jvp_agrees_with_differences(case: Example) -> None:
    """The jvp agrees with finite differences, for every argument alone and for all together."""
    case.what = "the jvp agrees with finite differences"
    together = [np.zeros(y.shape, y.dtype) for y in case.ys]
    ts = case.directions()
    for i, t in enumerate(ts):
        some = [i]
        for unit in (1, 1j) if case.xs[i].dtype.kind == "c" else (1,):  # complex: in both directions
            y, slope = jvp(_of(case, some), (case.xs[i],), ((unit * t).astype(t.dtype),))
            numeric = differences(_of(case, some), (case.xs[i],), (unit * t,))
            for k, (s, d, v) in enumerate(zip(slope, numeric, case.ys, strict=True)):
                case.close(y[k], v, 1e-14 if case.eps < 1e-10 else 1e-6, f"argument {i}: value {k}")
                case.alike(s, v, f"the tangent of result {k} along argument {i}")
                case.close(s, d, differences_tolerance(case), f"argument {i}: result {k}", slack=np.abs(v))
            if unit == 1:
                together = [a + b for a, b in zip(together, slope, strict=True)]
    for k, (s, d) in enumerate(zip(jvp(case.f, case.xs, ts)[1], together, strict=True)):
        size = np.abs(d) + np.max(np.abs(case.ys[k]), initial=0)
        case.close(s, d, exact_tolerance(case), f"all arguments: result {k}", slack=1e3 * size)


def vjp_is_the_transpose(case: Example) -> None:
    """The vjp is the transpose of the jvp, and of the shape and dtype of the argument."""
    case.what = "the vjp is the transpose of the jvp"
    seeds = case.seeds()
    ys, pullback = vjp(case.f, *case.xs)
    for k, (y, v) in enumerate(zip(ys, case.ys, strict=True)):
        case.close(y, v, 1e-14 if case.eps < 1e-10 else 1e-6, f"value {k}")
    whole = pullback(seeds)
    for i, (x, t) in enumerate(zip(case.xs, case.directions(), strict=True)):
        (ct,) = vjp(_of(case, [i]), x)[1](seeds)
        for found in (ct, whole[i]):
            case.alike(found, x, f"the cotangent of argument {i}")
        case.close(whole[i], ct, exact_tolerance(case), f"argument {i}, together with the others and alone")
        for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
            slope = jvp(_of(case, [i]), (x,), ((unit * t).astype(x.dtype),))[1]
            left = sum(_real_dot(c, s) for c, s in zip(seeds, slope, strict=True))
            right = _real_dot(ct, unit * t)
            size = sum(_size_dot(c, s) for c, s in zip(seeds, slope, strict=True)) + _size_dot(ct, t)
            assert abs(left - right) <= exact_tolerance(case) * size, (
                f"{case}: argument {i}: <ct, jvp(t)> is {left:.15g}, <vjp(ct), t> is {right:.15g}"
            )
    if len(ys) > 1:
        alone = [vjp(lambda *xs, k=k: case.f(*xs)[k], *case.xs)[1](seed) for k, seed in enumerate(seeds)]
        for i, cts in enumerate(zip(*alone, strict=True)):
            size = sum(map(np.abs, cts))
            case.close(
                sum(cts), whole[i], exact_tolerance(case), f"argument {i}, one result at a time", slack=1e3 * size
            )


def zeros_give_zeros(case: Example) -> None:
    """Zero tangents give zero tangents, zero cotangents zero cotangents."""
    case.what = "zeros give zeros"
    for k, s in enumerate(jvp(case.f, case.xs, [np.zeros_like(x) for x in case.xs])[1]):
        assert not np.any(s), f"{case}: the tangent of result {k} of zero tangents is {s}"
    for i, ct in enumerate(vjp(case.f, *case.xs)[1](tuple(map(np.zeros_like, case.ys)))):
        assert not np.any(ct), f"{case}: the cotangent of argument {i} of zero cotangents is {ct}"


def vmap_is_a_loop(case: Example) -> bool:
    """Mapped over a batch, in every subset of the arguments, f gives what a loop gives, and so do its tangents.

    False if f looks at values, which differ from example to example.
    """
    case.what = "vmap is a loop"
    n = len(case.xs)
    everything = tuple(range(n))
    subsets = [s for k in range(1, n + 1) for s in itertools.combinations(everything, k)]
    if n > 3:
        subsets = [everything, *((i,) for i in everything)]
    try:
        for on in subsets:
            _map_like_a_loop(case, on, 0)
        _map_like_a_loop(case, everything, -1)
    except LostGradientError:
        return False
    return True


def _map_like_a_loop(case: Example, on: Sequence[int], axis: int) -> None:
    """Compares a map of `case` over the arguments `on`, along `axis`, with a loop: the values and the tangents."""
    examples = _varied(case, on)
    axes = [axis if i in on else None for i in range(len(case.xs))]
    mapped = vmap(case.f, axes)
    batch = [np.stack([xs[i] for xs in examples], axis) if i in on else x for i, x in enumerate(case.xs)]
    loop = [case.f(*xs) for xs in examples]
    for k, y in enumerate(mapped(*batch)):
        rows = np.stack([np.asarray(ys[k]) for ys in loop])
        case.alike(y, rows, f"in_axes={axes}: result {k}")
        case.close(y, rows, exact_tolerance(case), f"in_axes={axes}: result {k}, (example, ...)")
    ts = [case.directions()[i] for i in on]
    slopes = jvp(
        lambda *moved: mapped(*_placed(batch, on, moved)),
        [batch[i] for i in on],
        [np.broadcast_to(np.expand_dims(t, axis), batch[i].shape) for i, t in zip(on, ts, strict=True)],
    )[1]
    loop = [jvp(lambda *moved, xs=xs: case.f(*_placed(xs, on, moved)), [xs[i] for i in on], ts)[1] for xs in examples]
    for k, s in enumerate(slopes):
        rows = np.stack([np.asarray(row[k]) for row in loop])
        case.close(s, rows, exact_tolerance(case), f"in_axes={axes}: the tangent of result {k}, (example, ...)")


def recording_foretells_shapes_and_dtypes(case: Example) -> None:
    """Each equation of the recorded graph, and the rule for shapes, foretells the shape and dtype of its result."""
    case.what = "a recording foretells shapes and dtypes"
    graph = record(case.f, *case.xs)
    for k, (var, y) in enumerate(zip(graph.outputs, case.ys, strict=True)):
        case.alike(var.aval, y, f"result {k}")
    for e in graph.equations:
        found = e.primitive.aval(*(a.aval if isinstance(a, Var) else aval_of(a) for a in e.args), **e.params)
        for aval, var in zip(found if e.primitive.multi else (found,), e.outputs, strict=True):
            case.alike(Aval(tuple(aval.shape), np.dtype(aval.dtype)), var.aval, f"what is foretold of {e}")


def a_replay_does_the_same(case: Example) -> None:
    """The recorded graph does what f does, also on other values."""
    case.what = "a replay of the recorded graph does the same"
    graph = record(case.f, *case.xs)
    for k, (y, v) in enumerate(zip(graph(*case.xs), case.ys, strict=True)):
        case.alike(np.asarray(y), v, f"result {k}")
        case.close(y, v, 1e-14 if case.eps < 1e-10 else 1e-6, f"result {k}")
    others = _scaled(case, 1.0625)
    try:
        again = graph(*others)
    except ValueError as error:
        if "record it again" in str(error):  # a guard: f would have done something else
            return
        raise
    for k, (y, v) in enumerate(zip(again, case.f(*others), strict=True)):
        case.close(y, v, exact_tolerance(case), f"on other values: result {k}")


def pattern_covers_the_jacobian(case: Example) -> None:
    """Where the Jacobian is not zero, the sparsity pattern has an entry; and the sparse Jacobian is the dense one."""
    case.what = "the sparsity pattern covers the Jacobian"
    for i, k in itertools.product(range(len(case.xs)), range(len(case.ys))):
        one = _of(case, [i])
        x = np.asarray(case.xs[i])

        def of(v, one=one, k=k):
            return one(v)[k]

        pattern = pattern_of(of, x)
        assert pattern.shape == (case.ys[k].size, x.size), f"{case}: its shape is {pattern.shape}"
        columns = []
        units = (1, 1j) if x.dtype.kind == "c" else (1,)
        for j, at in enumerate(np.ndindex(*x.shape)):
            for unit in units:
                e = np.zeros_like(x)
                e[at] = unit
                column = np.ravel(jvp(one, (x,), (e,))[1][k])
                missed = np.flatnonzero((column != 0) & ~pattern[:, j])
                assert not missed.size, (
                    f"{case}: result {k} at {missed[0]} (in C order) depends on argument {i} at {at} by "
                    f"{column[missed[0]]}; the pattern says that it does not"
                )
                columns.append(column)
        if columns:
            found, slack = sparse_columns(of, x), np.abs(case.ys[k])
            case.close(found, np.array(columns), exact_tolerance(case), "the sparse Jacobian, transposed", slack)


def sparse_columns(f: Callable[..., Any], x: np.ndarray) -> np.ndarray:
    """The columns of the sparse Jacobian, one after the other; of a complex number those along 1 and along i."""
    if x.dtype.kind != "c":
        return jacobian(f, sparse=True)(x).toarray().T
    parts = np.stack([np.real(x), np.imag(x)], axis=-1)
    return jacobian(lambda p: f((p[..., 0] + 1j * p[..., 1]).astype(x.dtype)), sparse=True)(parts).toarray().T


def pattern_of(f: Callable[..., Any], x: np.ndarray) -> np.ndarray:
    """The pattern of f for all x, or, if values decide, that at x, which the other includes."""
    local = sparsity(f, x, local=True).toarray()
    try:
        everywhere = sparsity(f, x).toarray()
    except ValueError:
        return local
    assert (everywhere | ~local).all(), "the pattern at x has entries that the pattern for all x has not"
    return local


def every_time_the_same(case: Example) -> None:
    """Every pass gives the same bits, and leaves what it was given as it was."""
    case.what = "every pass gives the same"
    before, seeds = [np.array(x) for x in case.xs], case.seeds()
    seeds_before = [s.copy() for s in seeds]
    ys, pullback = vjp(case.f, *case.xs)
    first, second = pullback(seeds), pullback(seeds)
    third = vjp(case.f, *case.xs)[1](seeds)
    for i, (a, b, c) in enumerate(zip(first, second, third, strict=True)):
        assert np.array_equal(a, b, equal_nan=True), f"{case}: the second call of the pullback differs in argument {i}"
        assert np.array_equal(a, c, equal_nan=True), f"{case}: the second pass differs in argument {i}"
        for given in (*case.xs, *seeds, *ys):
            assert not np.shares_memory(a, given), (
                f"{case}: the cotangent of argument {i} shares memory with something given"
            )
    for x, old in zip((*case.xs, *seeds), (*before, *seeds_before), strict=True):
        assert np.array_equal(x, old, equal_nan=True), f"{case}: something given was changed"


COLUMNS = {
    check.__name__: check
    for check in (
        jvp_agrees_with_differences,
        vjp_is_the_transpose,
        zeros_give_zeros,
        vmap_is_a_loop,
        recording_foretells_shapes_and_dtypes,
        a_replay_does_the_same,
        pattern_covers_the_jacobian,
        every_time_the_same,
    )
}

OF_DERIVATIVES = (
    jvp_agrees_with_differences,
    vjp_is_the_transpose,
    vmap_is_a_loop,
    recording_foretells_shapes_and_dtypes,
    a_replay_does_the_same,
)
"""The columns that are checked for the derivatives of a function: the others follow from its own."""


def columns(case: Example, order: int) -> Iterator[Callable[[], Any]]:
    """Every check of `case`, and of its derivatives up to `order`."""
    for check in COLUMNS.values():
        yield lambda check=check: check(case)
    yield from of_derivatives(case, order)


def of_derivatives(case: Example, order: int) -> Iterator[Callable[[], Any]]:
    """The checks of the derivatives of `case`."""
    if order > 1:
        for derivative in (pulled(case), pushed(case)):
            for check in OF_DERIVATIVES:
                yield lambda check=check, derivative=derivative: check(derivative)
            yield from of_derivatives(derivative, order - 1)


def pulled(case: Example) -> Example:
    """The vjp of an example, a function of its arguments and of the cotangents, as an example."""
    n = len(case.xs)
    return Example(
        f"the vjp of {case.name}",
        lambda *v: vjp(case.f, *v[:n])[1](v[n:]),
        (*case.xs, *case.seeds()),
        case.rng,
    )


def pushed(case: Example) -> Example:
    """The jvp of an example, a function of its arguments and of the tangents, as an example."""
    n = len(case.xs)
    return Example(
        f"the jvp of {case.name}",
        lambda *v: jvp(case.f, v[:n], v[n:])[1],
        (*case.xs, *case.directions()),
        case.rng,
    )


# ---- pieces --------------------------------------------------------------------------------------------------------


def _of(case: Example, on: Sequence[int]) -> Callable[..., tuple[Any, ...]]:
    """The function of the arguments `on` only; the others are constants."""
    return lambda *moved: case.f(*_placed(case.xs, on, moved))


def _placed(xs: Sequence[Any], on: Sequence[int], moved: Sequence[Any]) -> list[Any]:
    whole = list(xs)
    for i, x in zip(on, moved, strict=True):
        whole[i] = x
    return whole


def _scaled(case: Example, factor: float, on: Sequence[int] | None = None) -> list[Any]:
    return [(x * factor).astype(x.dtype) if on is None or i in on else x for i, x in enumerate(case.xs)]


def _varied(case: Example, on: Sequence[int]) -> list[Sequence[Any]]:
    """Three examples that differ in the arguments `on`: the third has their elements in another order, if f allows."""
    third = [np.flip(x) if i in on else x for i, x in enumerate(case.xs)]
    try:
        ys = case.f(*third)
        moved = all(np.all(np.isfinite(y)) for y in ys) and [np.shape(y) for y in ys] == [y.shape for y in case.ys]
    except (ArithmeticError, ValueError, RuntimeWarning):  # outside the domain of f
        moved = False
    return [case.xs, _scaled(case, 1.0625, on), third if moved else _scaled(case, 0.9375, on)]


def _real_dot(a: Any, b: Any) -> float:
    """The inner product of complex numbers as pairs of real ones."""
    return float(np.real(np.sum(np.conjugate(a) * b, dtype=complex)))


def _size_dot(a: Any, b: Any) -> float:
    return float(np.sum(np.abs(a) * np.abs(b), dtype=float))

"""Random programs: every transform, and every two of them, against finite differences and against each other.

CHAINRULE_EXAMPLES=20 tries twenty times as many programs.
"""

import os

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from programs import STEP, differences, programs

import chainrule as cr

FACTOR = int(os.environ.get("CHAINRULE_EXAMPLES", "1"))
REAL = ("float64", "float64", "float32")


def examples(count):
    return settings(max_examples=count * FACTOR)


# ---- what is compared, and how closely ----------------------------------------------------------------------------------


def exactness(p):
    """What rounding leaves of an equation that holds exactly."""
    return 1e-9 if p.exact else 3e-3


def same(ours, expected, rtol, what):
    """Arrays of the same shapes that differ by less than rtol times the largest element, or times 1."""
    assert len(ours) == len(expected), what
    for k, (a, b) in enumerate(zip(ours, expected, strict=True)):
        assert np.shape(a) == np.shape(b), f"{what}: result {k} has shape {np.shape(a)} instead of {np.shape(b)}"
        gap = np.max(np.abs(np.asarray(a) - b), initial=0)
        size = max(1.0, np.max(np.abs(b), initial=0))
        assert gap <= rtol * size, f"{what}: result {k} differs by {gap:.3g}:\n{a}\ninstead of\n{b}"


def same_type(ours, expected, what):
    for k, (a, b) in enumerate(zip(ours, expected, strict=True)):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), (
            f"{what}: result {k} has shape {a.shape} and dtype {a.dtype} instead of {b.shape} and {b.dtype}"
        )


def seeds_for(ys):
    """A cotangent for each array, always the same one."""
    r = np.random.default_rng(len(ys))
    seeds = []
    for y in ys:
        s = r.uniform(-1, 1, y.shape)
        s = s + 1j * r.uniform(-1, 1, y.shape) if y.dtype.kind == "c" else s
        seeds.append(np.asarray(s, y.dtype))
    return tuple(seeds)


def dot(a, b):
    """The inner product of tuples of arrays, complex numbers as pairs of real ones."""
    return sum(float(np.real(np.sum(np.conj(u) * v, dtype=complex))) for u, v in zip(a, b, strict=True))


def size(*tuples):
    return 1.0 + sum(float(np.sum(np.abs(v), dtype=float)) for vs in tuples for v in vs)


def loop(f, *batches):
    """f of one example after the other, stacked."""
    rows = [f(*xs) for xs in zip(*batches, strict=True)]
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


# ---- one transform ------------------------------------------------------------------------------------------------------


@examples(150)
@given(programs())
def test_jvp_agrees_with_finite_differences(p):
    expected = p.f(*p.xs)
    y, t = cr.jvp(p.f, tuple(p.xs), tuple(p.ts))
    same_type(y, expected, "the value")
    same_type(t, expected, "the tangent")
    same(y, expected, 1e-12 if p.exact else 1e-3, "the value")
    same(t, p.slopes(), 1e-7 if p.exact else 3e-3, "the tangent")


@examples(150)
@given(programs())
def test_vjp_is_the_transpose_of_jvp(p):
    y, pullback = cr.vjp(p.f, *p.xs)
    seeds = seeds_for(y)
    found = pullback(seeds)
    same_type(found, p.xs, "the cotangent")
    _, t = cr.jvp(p.f, tuple(p.xs), tuple(p.ts))
    left, right = dot(seeds, t), dot(found, p.ts)
    assert abs(left - right) <= exactness(p) * size(t, found), f"<ct, jvp(t)> is {left}, <vjp(ct), t> is {right}"
    same(pullback(seeds), found, 0, "the second call of the pullback")


@examples(60)
@given(programs())
def test_linearize_is_jvp(p):
    y, t = cr.jvp(p.f, tuple(p.xs), tuple(p.ts))
    value, push = cr.linearize(p.f, *p.xs)
    same(value, y, 1e-2 * exactness(p), "the value")
    same(push(*p.ts), t, 1e-2 * exactness(p), "the tangent")
    same_type(push(*p.ts), t, "the tangent")


@examples(60)
@given(programs())
def test_a_recorded_program_replays(p):
    graph = cr.record(p.f, *p.xs)
    assert str(graph).count("\n") >= len(graph.equations)
    for k in (0, 1, -2):
        expected = p.f(*p.at(k))
        same(graph(*p.at(k)), expected, 1e-2 * exactness(p), f"the replay at {k}")
        same_type(graph(*p.at(k)), expected, f"the replay at {k}")


@examples(60)
@given(programs(by_value=False))
def test_vmap_is_a_loop(p):
    batches = [np.stack([x, y, z]) for x, y, z in zip(p.at(0), p.at(1), p.at(-2), strict=True)]
    expected = loop(p.f, *batches)
    found = cr.vmap(p.f)(*batches)
    same(found, expected, 1e-2 * exactness(p), "the batch")
    same_type(found, expected, "the batch")
    other_axes = [np.moveaxis(b, 0, -1) for b in batches]
    same(cr.vmap(p.f, -1, -1)(*other_axes), [np.moveaxis(y, 0, -1) for y in found], 0, "the batch as last axis")
    if len(batches) > 1:
        try:
            some = cr.vmap(p.f, [0, *(None,) * (len(batches) - 1)])(batches[0], *p.xs[1:])
        except cr.LostGradientError as error:  # the others are plain arrays, into which it writes what is batched
            assert "plain array" in str(error)
        else:
            expected = loop(lambda x: p.f(x, *p.xs[1:]), batches[0])
            same(some, expected, 1e-2 * exactness(p), "a batch of one argument")


@examples(60)
@given(programs())
def test_checkpoint_changes_nothing(p):
    y, pullback = cr.vjp(p.f, *p.xs)
    again, pullback_again = cr.vjp(cr.checkpoint(p.f), *p.xs)
    seeds = seeds_for(y)
    same(again, y, 1e-2 * exactness(p), "the value")
    same(pullback_again(seeds), pullback(seeds), 1e-2 * exactness(p), "the cotangent")
    _, t = cr.jvp(p.f, tuple(p.xs), tuple(p.ts))
    _, t_again = cr.jvp(cr.checkpoint(p.f), tuple(p.xs), tuple(p.ts))
    same(t_again, t, 1e-2 * exactness(p), "the tangent")


@examples(40)
@given(programs(most=30, most_inputs=1, dtypes=("float64",)))
def test_the_sparsity_pattern_covers_the_jacobian(p):
    (x,) = p.xs
    first = lambda x: p.f(x)[0]
    pattern = cr.sparsity(first, x).toarray()
    J = np.reshape(cr.jacobian(first, mode="forward")(x), pattern.shape)
    assert not np.any((J != 0) & ~pattern), f"the Jacobian\n{J}\nhas entries where the pattern has none:\n{pattern}"


@examples(60)
@given(programs(most=80, dtypes=REAL))
def test_jacobians_forward_and_reverse_are_the_same(p):
    argnums = tuple(range(len(p.inputs)))
    forward = cr.jacobian(p.f, argnums, mode="forward")(*p.xs)
    reverse = cr.jacobian(p.f, argnums, mode="reverse")(*p.xs)
    auto = cr.jacobian(p.f, argnums)(*p.xs)
    _, t = cr.jvp(p.f, tuple(p.xs), tuple(p.ts))
    for k, s in enumerate(t):
        same(reverse[k], forward[k], exactness(p), f"result {k}: reverse and forward")
        same(auto[k], forward[k], exactness(p), f"result {k}: auto and forward")
        along_t = sum(np.tensordot(J, v, np.ndim(v)) for J, v in zip(forward[k], p.ts, strict=True))
        same([along_t], [s], 10 * exactness(p), f"result {k}: the Jacobian times t, and jvp")


@examples(60)
@given(programs())
def test_variables_held_by_hand_receive_what_vjp_gives(p):
    y, pullback = cr.vjp(p.f, *p.xs)
    seeds = seeds_for(y)
    expected = pullback(seeds)
    held = [cr.variable(x) for x in p.xs]
    ys = [(v, s) for v, s in zip(p.f(*held), seeds, strict=True) if isinstance(v, cr.Variable) and v.node is not None]
    for times in (1, 2):
        for v, s in ys:
            v.backward(s, retain_graph=True)
        for x, ct in zip(held, expected, strict=True):
            grad = np.zeros_like(ct) if x.grad is None else x.grad
            same([grad], [times * ct], exactness(p), "the accumulated gradient")


# ---- two transforms -----------------------------------------------------------------------------------------------------
# Each takes a function from a tuple of arrays to a tuple of arrays, and the program for what else it needs, and returns
# such a function.


def pulled(f, p):
    def g(*xs):
        y, pullback = cr.vjp(f, *xs)
        return pullback(seeds_for(y))

    return g


def graded(f, p):
    def total(*xs):
        ys = f(*xs)
        return sum(np.sum(np.real(y * np.conj(s))) for y, s in zip(ys, seeds_for(ys), strict=True))

    return cr.grad(total, tuple(range(len(p.inputs))))


def pushed(f, p):
    return lambda *xs: cr.jvp(f, xs, directions(p, xs))[1]


def linearized(f, p):
    return lambda *xs: cr.linearize(f, *xs)[1](*directions(p, xs))


def contracted(f, p):
    """The Jacobian times the direction."""

    def g(*xs):
        J = cr.jacobian(f, tuple(range(len(xs))))(*xs)
        return tuple(sum(np.tensordot(a, t, np.ndim(t)) for a, t in zip(row, p.direction, strict=True)) for row in J)

    return g


def mapped(f, p):
    return lambda *xs: cr.vmap(f)(*around(p, xs))


def replayed(f, p):
    return lambda *xs: cr.record(f, *xs)(*xs)


def checkpointed(f, p):
    return cr.checkpoint(f)


def directions(p, xs):
    return tuple(np.asarray(t).astype(x.dtype) for x, t in zip(xs, p.direction, strict=True))


def around(p, xs):
    """A batch of three for each argument: at a point, and to both sides on the line."""
    return [np.stack([x, x + STEP * t, x - STEP * t]) for x, t in zip(xs, directions(p, xs), strict=True)]


TRANSFORMS = {t.__name__: t for t in (pulled, graded, pushed, linearized, contracted, mapped, replayed, checkpointed)}


@pytest.mark.parametrize("inner", TRANSFORMS)
@pytest.mark.parametrize("outer", TRANSFORMS)
def test_two_transforms(outer, inner):
    by_value = "mapped" not in (outer, inner) and "contracted" not in (outer, inner)
    dtypes = ("float64",) if "contracted" in (outer, inner) else ("float64", "float64", "complex128")

    @examples(6)
    @given(programs(most=30, dtypes=dtypes, by_value=by_value))
    def check(p):
        two_transforms(p, outer, inner)

    check()


def two_transforms(p, outer, inner):
    g = TRANSFORMS[inner](p.wide, p)
    compare[outer](g, TRANSFORMS[outer](g, p), p)


def against_differences(g, tangent, p):
    xs = p.line()[0]
    same(tangent(*xs), *reference(g, p), "the tangent and finite differences")


def against_transpose(g, cotangent, p):
    xs = p.line()[0]
    found = cotangent(*xs)
    slopes, tolerance = reference(g, p)
    seeds = seeds_for(g(*xs))
    left, right = dot(seeds, slopes), dot(found, p.direction)
    assert abs(left - right) <= tolerance * size(slopes, found), f"<ct, differences> {left}, <vjp(ct), t> {right}"


def against_a_loop(g, batch, p):
    xs = p.line()[0]
    same(batch(*xs), loop(g, *around(p, xs)), 1e-9, "the batch and the loop")


def against_itself(g, again, p):
    xs = p.line()[0]
    same(again(*xs), g(*xs), 1e-9, "the function itself")


def reference(g, p):
    """The derivative of g along the line by finite differences, and how far to trust it."""
    at = {k: g(*xs) for k, xs in p.line().items()}
    one, two = ([differences({k: y[i] for k, y in at.items()}, s) for i in range(len(at[0]))] for s in (1, 2))
    largest = 1.0 + max(np.max(np.abs(v), initial=0) for v in one)
    gap = max(np.max(np.abs(a - b), initial=0) for a, b in zip(one, two, strict=True))
    return one, 1e-7 + gap / largest


compare = {
    "pulled": against_transpose,
    "graded": against_transpose,
    "pushed": against_differences,
    "linearized": against_differences,
    "contracted": against_differences,
    "mapped": against_a_loop,
    "replayed": against_itself,
    "checkpointed": against_itself,
}

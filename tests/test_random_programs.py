"""Random programs: every transform, and every two of them, against finite differences and against each other.

CHAINRULE_EXAMPLES=20 tries twenty times as many programs.
"""

import os

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainrule as cr
from programs import STEP, Program, differences, programs

FACTOR = int(os.environ.get("CHAINRULE_EXAMPLES", "1"))
REAL = ("float64", "float64", "float32")


def examples(count):
    return settings(max_examples=count * FACTOR)


# ---- what is compared, and how closely --------------------------------------------------------------------------


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


# ---- one transform ----------------------------------------------------------------------------------------------


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


@examples(100)
@given(programs())
def test_linearize_is_jvp(p):
    y, t = cr.jvp(p.f, tuple(p.xs), tuple(p.ts))
    value, push = cr.linearize(p.f, *p.xs)
    same(value, y, 1e-2 * exactness(p), "the value")
    same(push(*p.ts), t, 1e-2 * exactness(p), "the tangent")
    same_type(push(*p.ts), t, "the tangent")


@examples(100)
@given(programs())
def test_a_recorded_program_replays(p):
    graph = cr.record(p.f, *p.xs)
    assert str(graph).count("\n") >= len(graph.equations)
    for k in (0, 1, -2):
        expected = p.f(*p.at(k))
        same(graph(*p.at(k)), expected, 1e-2 * exactness(p), f"the replay at {k}")
        same_type(graph(*p.at(k)), expected, f"the replay at {k}")


@examples(100)
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
        except (cr.LostGradientError, ValueError):  # it writes what is batched into one of the others
            pass
        else:
            expected = loop(lambda x: p.f(x, *p.xs[1:]), batches[0])
            same(some, expected, 1e-2 * exactness(p), "a batch of one argument")


@examples(100)
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
    pattern = cr.sparsity(first, x, local=True).toarray()
    J = np.reshape(cr.jacobian(first, mode="forward")(x), pattern.shape)
    assert not np.any((J != 0) & ~pattern), f"the Jacobian\n{J}\nhas entries where the pattern has none:\n{pattern}"


@examples(100)
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


@examples(100)
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


# ---- two transforms ---------------------------------------------------------------------------------------------
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

    @examples(10)
    @given(programs(most=30, dtypes=dtypes, by_value=by_value))
    def check(p):
        two_transforms(p, outer, inner)

    check()


def two_transforms(p, outer, inner):
    g = TRANSFORMS[inner](p.wide, p)
    compare[outer](g, TRANSFORMS[outer](g, p), p)


@examples(100)
@given(
    programs(most=8, dtypes=("float64",), by_value=False),
    st.lists(st.sampled_from(sorted(TRANSFORMS)), min_size=3, max_size=4),
)
def test_three_and_four_transforms(p, names):
    outer, *inner = names
    g = p.wide
    for name in reversed(inner):
        g = TRANSFORMS[name](g, p)
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


# ---- programs that failed once ----------------------------------------------------------------------------------

FAILED_ONCE = {
    # bugs.md: this one, the next one, "a number read through an Ellipsis" and "a 0-d view"
    "a view written as a whole after its base was": """
        v = np.zeros_like(x, shape=(3,))
        w = v[-2:]
        u = w * 0.5
        v[-2:] = w * w + x[0]
        np.cos(u, out=w)
        return v * x[0]""",
    "a reshape that has to copy a part of an array that is our own": """
        v = np.zeros_like(x, shape=(2, 3))
        w = v[::-1].reshape(3, 2)
        w[0] = x
        return v + w[0, 0]""",
    "every row of an array that is our own": """
        v = np.zeros_like(x, shape=(3, 2)) + x
        for row in v:
            row *= x
        return v""",
    "a reshape that has to copy": """
        y = np.outer(x, x)
        z = y.T[:1].reshape(-1), y.T.reshape(-1)
        y[0, 1] = 5.0
        return np.concatenate(z)""",
    "a ravel of every second element": """
        y = np.concatenate([x, x])
        z = y[::2].ravel()
        z[0] = 5.0
        return y * z[0]""",
    "a roll by nothing": """
        y = np.roll(x, 0, axis=0)
        y[0] = 5.0
        return x * y""",
    "a broadcast array whose base is written into": """
        y = np.sin(x)
        z = np.broadcast_to(y, (3, 2))
        y[0] = 5.0
        return z * x""",
    "a diagonal whose base is written into": """
        y = np.outer(x, x)
        z = np.diag(y)
        y[0, 0] = 7.0
        return z * x""",
    "conj of real numbers, which is the array itself": """
        y = x * x
        z = y.conj()
        y *= 2
        return z * x""",
    "einsum that only transposes": """
        y = np.outer(x, x)
        z = np.einsum("ij->ji", y)
        y /= 2
        return z""",
    "tile, repeat, block and meshgrid, which copy": """
        y = x * 1
        z = np.tile(y, 1), np.repeat(y, 1), np.block(y), np.meshgrid(y)[0]
        for v in z:
            v[0] = 9.0
        return y * x""",
    "one position as an array, which copies": """
        y = np.outer(x, x)
        z = y[np.array(0)]
        z[0] = 5.0
        return y""",
    "an Ellipsis for nothing between index arrays": """
        y = np.outer(x, x)
        return y[None, -2, ..., np.array([1, 0, 0])]""",
    "einsum that stretches an axis": """
        y = x[:, None]
        return np.einsum("ij,jk->ik", y, y * np.ones((2, 1))) + np.einsum("...i,...i->...", x, y)""",
    "out= that is larger than the result": """
        y = np.zeros_like(x, shape=(3, 2))
        np.multiply(x, x, out=y)
        np.add(x, x[0], out=y[1:])
        return y""",
    "a number read through an Ellipsis": """
        s = x[0]
        return s[...] * s[...] + s**3 + (s[None] + s + s[None] + s)[0]""",
    "a view of a flipped array": """
        y = x * x
        z = np.flip(y)
        y += y
        return z""",
    "a 0-d view": """
        y = x * x
        z = y[0, ...], y[..., 1], y[:1].squeeze()
        y *= 3
        return z[0] * z[1] * z[2]""",
    "logsumexp and a power with a traced exponent": """
        return np.logaddexp.reduce(x) + np.power(x + 5, x[0]) + np.logaddexp.reduce(x - 9)""",
    "sorted": """
        y = np.stack([x, x * x, x[::-1] - 1])
        y.sort(axis=0)
        return y * np.median(y, axis=0)""",
    "padded from nothing": """
        return np.pad(x[:0], 1) + np.sum(x)""",
    "a value with more axes than its place": """
        y = np.zeros_like(x)
        y[...] = (x * x)[None]
        return y""",
    "a complex view of real numbers": """
        y = np.exp(1j * x)
        y.real[0] = x[1]
        y.imag *= 2
        return y""",
}


@pytest.mark.parametrize("name", FAILED_ONCE)
def test_programs_that_failed_once(name):
    scope = {"np": np}
    exec(f"def f(x):{FAILED_ONCE[name]}", scope)
    f = lambda x: (scope["f"](x),)
    p = Program([np.array([0.5, -0.75])], [np.array([0.25, 0.75])])
    p.f = p.wide = f
    (x,), (t,) = p.xs, p.ts
    expected = f(x.copy())
    y, tangent = cr.jvp(f, (x,), (t,))
    same(y, expected, 1e-12, "the value by jvp")
    same(tangent, p.slopes(), 1e-8, "the tangent")
    same(cr.linearize(f, x)[1](t), tangent, 1e-12, "linearize")
    y, pullback = cr.vjp(f, x)
    same(y, expected, 1e-12, "the value by vjp")
    assert abs(dot(seeds_for(y), tangent) - dot(pullback(seeds_for(y)), (t,))) < 1e-12, "vjp and jvp"
    same(cr.record(f, x)(2 * x), f(2 * x), 1e-12, "the replay")
    same(cr.vmap(f)(np.stack([x, 2 * x])), loop(f, np.stack([x, 2 * x])), 1e-12, "vmap")
    same(cr.checkpoint(f)(x), expected, 0, "checkpoint")
    held = cr.variable(x)
    (v,) = f(held)
    v.backward(seeds_for(y)[0])
    same([held.grad], pullback(seeds_for(y)), 1e-12, "a variable")
    for outer in TRANSFORMS:
        for inner in TRANSFORMS:
            two_transforms(p, outer, inner)
    pattern = cr.sparsity(lambda x: f(x)[0], x, local=True).toarray()
    J = np.reshape(cr.jacobian(f, mode="forward")(x)[0], pattern.shape)
    assert not np.any((J != 0) & ~pattern), "the sparsity pattern"

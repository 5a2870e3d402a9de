"""Arrays that the caller changes behind the tape's back: never a wrong gradient.

Every program here gets an array `c` that is its own to spoil, spoils it at a bad moment, and returns what it found and
what that must be, in terms of what `c` was. Small arrays are kept as copies, so there the gradient has to be right.
"""

import contextlib
import copy
import gc

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

SMALL, LARGE = 6, 6_000

PROGRAMS = {}


def program(f):
    PROGRAMS[f.__name__] = f
    return f


def spoiled(c):
    c[...] = c.dtype.type(1) if c.dtype.kind == "b" else 0
    return c


# -- constants of the function, changed while it runs --------------------------------------------------------


@program
def factor(c, one, was):
    def f(x):
        y = x * c
        spoiled(c)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def factor_on_the_left(c, one, was):
    def f(x):
        y = c * x
        spoiled(c)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def divisor(c, one, was):
    def f(x):
        y = x / c
        spoiled(c)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 / was**2


@program
def base_and_exponent(c, one, was):
    def f(x):
        y = c**x + x**c
        spoiled(c)
        return np.sum(y)

    return cr.grad(f)(one), was * np.log(was) + was


@program
def one_element_only(c, one, was):
    def f(x):
        y = x * c
        c[-1] += 1e-3
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def two_elements_swapped(c, one, was):
    def f(x):
        y = x * c
        c[[0, 1]] = c[[1, 0]]
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def a_zero_that_turns_negative(c, one, was):
    c[0] = 0.0

    def f(x):
        y = np.arctan2(x * 0, c - 1) * 0 + x / (1 / c)
        c[0] = -0.0
        return np.sum(y)

    with np.errstate(all="ignore"):
        return cr.grad(f)(one)[1:], was[1:]


@program
def factor_behind_a_view(c, one, was):
    half = c[::2]

    def f(x):
        y = x[::2] * half
        spoiled(c)
        return np.sum(y * y)

    wanted = np.zeros_like(c)
    wanted[::2] = 2 * c[::2] ** 2
    return cr.grad(f)(one), wanted


@program
def factor_behind_a_read_only_view(c, one, was):
    view = c[::-1]
    view.flags.writeable = False

    def f(x):
        y = x * view
        spoiled(c)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was[::-1] ** 2


@program
def factor_behind_a_broadcast(c, one, was):
    wide = np.broadcast_to(c[1:2], one.shape)

    def f(x):
        y = x * wide
        spoiled(c)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was[1] ** 2 * one


@program
def factor_of_another_layout(c, one, was):
    square = np.asfortranarray(np.broadcast_to(c[:3], (len(c), 3)))
    wanted = np.sum(2 * square**2, axis=1)

    def f(x):
        y = x[:, None] * square
        spoiled(square)
        return np.sum(y * y)

    return cr.grad(f)(one), wanted


@program
def factor_of_another_byte_order(c, one, was):
    swapped = c.astype(c.dtype.newbyteorder())

    def f(x):
        y = x * swapped
        spoiled(swapped)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def a_number_in_an_array(c, one, was):
    number = np.array(3.0)

    def f(x):
        y = x * number
        number[()] = 7.0
        return np.sum(y * y)

    return cr.grad(f)(one), 18 * one


@program
def a_subclass(c, one, was):
    masked = c.view(np.recarray)

    def f(x):
        y = x * masked
        spoiled(c)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def a_memory_that_others_write(c, one, was):
    memory = bytearray(c.tobytes())
    window = np.frombuffer(memory)

    def f(x):
        y = x * window
        memory[:] = bytes(len(memory))
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def dot_and_einsum(c, one, was):
    def f(x):
        y = np.dot(c, x) * np.einsum("i,i,i->", x, c, c)
        spoiled(c)
        return y

    return cr.grad(f)(one), was * np.sum(was**2) + was**2 * np.sum(was)


@program
def matrix(c, one, was):
    A = np.broadcast_to(c, (3, len(c))).copy()

    def f(x):
        y = A @ x
        spoiled(A)
        return np.sum(y * y)

    return cr.grad(f)(one), 6 * np.sum(was) * was


@program
def condition_of_where(c, one, was):
    condition = c > 2

    def f(x):
        y = np.where(condition, x * x, 3 * x)
        condition[...] = ~condition
        return np.sum(y)

    return cr.grad(f)(one), np.where(was > 2, 2.0, 3.0)


@program
def condition_of_select(c, one, was):
    condition = c > 2

    def f(x):
        y = np.select([condition], [x * x], default=3 * x)
        condition[...] = ~condition
        return np.sum(y)

    return cr.grad(f)(one), np.where(was > 2, 2.0, 3.0)


@program
def condition_of_where_keyword(c, one, was):
    condition = c > 2

    def f(x):
        y = np.sum(x * x, where=condition)
        condition[...] = ~condition
        return y

    return cr.grad(f)(one), np.where(was > 2, 2.0, 0.0)


@program
def bounds_of_clip(c, one, was):
    def f(x):
        y = np.clip(3 * x, 0, c)
        spoiled(c)
        return np.sum(y)

    return cr.grad(f)(one), np.where(was >= 3, 3.0, 0.0)


@program
def index_that_reads(c, one, was):
    index = np.arange(len(c))[::-1].copy()

    def f(x):
        y = x[index] * np.arange(len(c))
        spoiled(index)
        return np.sum(y)

    return cr.grad(f)(one), np.arange(len(was))[::-1]


@program
def index_that_writes(c, one, was):
    index = np.arange(len(c))[::-1].copy()

    def f(x):
        y = np.zeros_like(x)
        y[index] = x
        spoiled(index)
        return np.sum(y * np.arange(len(c)))

    return cr.grad(f)(one), np.arange(len(was))[::-1]


@program
def index_of_take_and_add_at(c, one, was):
    index = np.arange(len(c))[::-1].copy()

    def f(x):
        y = np.zeros_like(x)
        np.add.at(y, index, np.take(x, index) * np.arange(len(c)))
        spoiled(index)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * np.arange(len(was))[::-1] ** 2


@program
def mask_that_reads(c, one, was):
    mask = c > 2

    def f(x):
        y = x[mask]
        mask[...] = ~mask
        return np.sum(y * y)

    return cr.grad(f)(one), np.where(was > 2, 2.0, 0.0)


@program
def mask_that_writes(c, one, was):
    mask = c > 2

    def f(x):
        y = x * 1.0
        y[mask] = 0.0
        mask[...] = ~mask
        return np.sum(y * y)

    return cr.grad(f)(one), np.where(was > 2, 0.0, 2.0)


@program
def written_values(c, one, was):
    def f(x):
        y = np.zeros_like(x)
        y[...] = c
        z = np.full_like(x, 0) + c
        y *= x
        spoiled(c)
        return np.sum(y * y * z)

    return cr.grad(f)(one), 2 * was**3


@program
def joined_values(c, one, was):
    def f(x):
        y = np.concatenate([x, c]) * np.concatenate([c, x])
        spoiled(c)
        return np.sum(y)

    return cr.grad(f)(one), 2 * was


@program
def a_list_of_numbers(c, one, was):
    numbers = c.tolist()

    def f(x):
        y = x * numbers
        numbers[:] = [0.0] * len(numbers)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was**2


@program
def a_list_of_positions(c, one, was):
    positions = list(range(len(c)))[::-1]

    def f(x):
        y = x[positions] * np.arange(len(c))
        positions[:] = [0] * len(positions)
        return np.sum(y)

    return cr.grad(f)(one), np.arange(len(was))[::-1]


@program
def parameters(c, one, was):
    shape, axes, widths = [2, len(c) // 2], [1, 0], [[1, 1]]

    def f(x):
        y = np.transpose(np.reshape(np.pad(x, widths)[1:-1], shape), axes)
        shape[:], axes[:], widths[0][:] = [len(c), 1], [0, 1], [0, 0]
        return np.sum(y * np.arange(len(c)).reshape(-1, 2))

    return cr.grad(f)(one), np.arange(len(was)).reshape(-1, 2).T.ravel()


@program
def arrays_as_parameters(c, one, was):
    shifts, cuts, counts = np.array([1]), np.array([2, 4]), np.full(len(c), 2)

    def f(x):
        y = np.split(np.roll(x, shifts, [0]), cuts)[1]
        z = np.repeat(x, counts)
        shifts[...], cuts[...], counts[...] = 0, 1, 0
        return np.sum(y * [5.0, 7.0]) + np.sum(z)

    wanted = np.full(len(c), 2.0)
    wanted[1:3] += [5, 7]
    return cr.grad(f)(one), wanted


@program
def another_argument(c, one, was):
    def f(x, p):
        y = x * p["c"]
        spoiled(p["c"])
        return np.sum(y * y)

    return cr.grad(f)(one, {"c": c}), 2 * was**2


@program
def large_integers(c, one, was):
    integers = c.astype(int)

    def f(x):
        y = x * integers
        spoiled(integers)
        return np.sum(y * y)

    return cr.grad(f)(one), 2 * was.astype(int) ** 2


# -- between the forward pass and the pullback ---------------------------------------------------------------


@program
def between_vjp_and_pullback(c, one, was):
    _, pullback = cr.vjp(lambda x: x * c, one)
    wanted = c.copy()
    spoiled(c)
    return pullback(one)[0], wanted


@program
def the_input_of_vjp(c, one, was):
    _, pullback = cr.vjp(lambda x: x**3, c)
    wanted = 3 * c**2
    spoiled(c)
    return pullback(one)[0], wanted


@program
def an_array_that_is_input_and_constant(c, one, was):
    _, pullback = cr.vjp(lambda x: x * x * c, c)
    wanted = 2 * c**2
    spoiled(c)
    return pullback(one)[0], wanted


@program
def the_input_of_linearize(c, one, was):
    _, push = cr.linearize(lambda x: x**3, c)
    wanted = 3 * c**2
    spoiled(c)
    return push(one), wanted


@program
def a_constant_of_linearize(c, one, was):
    _, push = cr.linearize(lambda x: c * x, one)
    wanted = c.copy()
    spoiled(c)
    return push(one), wanted


@program
def a_constant_of_a_graph(c, one, was):
    graph = cr.record(lambda x: np.where(c > 2, x * c, np.concatenate([x[1:], c[:1]])), one)
    wanted = np.where(c > 2, c, np.append(one[1:], c[0]))
    spoiled(c)
    return graph(one), wanted


@program
def an_index_of_a_graph(c, one, was):
    index = np.arange(len(c))[::-1].copy()
    graph = cr.record(lambda x: x[index] * c, one)
    spoiled(index)
    return graph(c), was[::-1] * was


@program
def a_result_of_a_graph(c, one, was):  # bugs.md 15
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        return y, np.ones_like(x), x * 1

    graph = cr.record(f, one)
    for part in graph(one):
        spoiled(part)
    return graph(one)[1], one


@program
def a_parameter_of_a_graph(c, one, was):
    shape = [2, len(c) // 2]
    graph = cr.record(lambda x: np.reshape(x, shape), one)
    shape[:] = [1, 1]
    return graph(c), np.reshape(was, (2, -1))


@program
def a_constant_of_a_variable(c, one, was):
    w = cr.variable(one)
    y = w * c
    wanted = c.copy()
    spoiled(c)
    y.backward(one)
    return w.grad, wanted


@program
def the_array_that_a_variable_was_made_of(c, one, was):
    w = cr.variable(c)
    y = w**3
    wanted = 3 * c**2
    spoiled(c)
    y.backward(one)
    return w.grad, wanted


@program
def the_value_of_a_variable(c, one, was):
    w = cr.variable(c)
    y = w**3
    w.value = one * 7
    y.backward(one)
    return w.grad, 3 * was**2


@program
def an_update_of_a_variable(c, one, was):
    w = cr.variable(c)
    y = w**3
    with cr.no_grad():
        w -= 100
        w[0] = 1.0
    y.backward(one)
    return w.grad, 3 * was**2


@program
def two_updates_of_a_variable(c, one, was):
    w = cr.variable(c)
    with cr.no_grad():
        w[0] = 5.0
        w[1] = 5.0
    y = w**3
    wanted = 3 * np.array(w.value) ** 2
    with cr.no_grad():
        w[0] = 9.0
        w[1] = 9.0
    y.backward(one)
    return w.grad, wanted


@program
def the_gradient_that_was_handed_out(c, one, was):
    w = cr.variable(c)
    y = w * 3.0
    y.backward(one, retain_graph=True)
    spoiled(w.grad)
    y.backward(one)
    return w.grad, 3 * one


@program
def a_constant_under_a_second_derivative(c, one, was):
    _, pullback = cr.vjp(cr.grad(lambda x: np.sum(np.exp(x) * c)), one)
    wanted = c * np.e
    spoiled(c)
    return pullback(one)[0], wanted


@program
def a_constant_of_a_gradient_on_the_tape(c, one, was):
    w = cr.variable(one)
    y = np.sum(w**3 * c)
    y.backward(create_graph=True)
    first = w.grad
    wanted = 6 * c
    w.grad = None
    spoiled(c)
    np.sum(first).backward()
    return w.grad, wanted


@program
def a_constant_under_vmap(c, one, was):
    _, pullback = cr.vjp(cr.vmap(lambda x: x * c), one[None])
    wanted = c.copy()
    spoiled(c)
    return pullback(one[None])[0][0], wanted


@program
def the_batch_of_vmap(c, one, was):
    _, pullback = cr.vjp(lambda x: cr.vmap(lambda x, c: x * c)(x, c), one)
    wanted = c.copy()
    spoiled(c)
    return pullback(one)[0], wanted


@program
def an_argument_of_a_custom_rule(c, one, was):
    @cr.custom
    def f(x, c):
        return x * c

    @f.defvjp
    def _(ct, y, x, c):
        return ct * c, None

    _, pullback = cr.vjp(lambda x: f(x, c), one)
    wanted = c.copy()
    spoiled(c)
    return pullback(one)[0], wanted


@program
def a_keyword_of_a_custom_rule(c, one, was):  # bugs.md 14
    @cr.custom
    def f(x, *, c, options):
        return x * c * options["twice"]

    @f.defvjp
    def _(ct, y, x, *, c, options):
        return (ct * c * options["twice"],)

    options = {"twice": np.array([2.0])}
    _, pullback = cr.vjp(lambda x: f(x, c=c, options=options), one)
    spoiled(c)
    spoiled(options["twice"])
    return pullback(one)[0], 2 * was


@program
def a_weight_of_an_average(c, one, was):
    def f(x):
        y = np.average(x, weights=c) + np.interp(x[0], np.arange(len(c)), c)
        spoiled(c)
        return y * y

    wanted = was / np.sum(was)
    wanted[0] += was[2] - was[1] if len(was) > 2 else 0
    return cr.grad(f)(one) / (2 * (1 + was[1])), wanted


@program
def an_argument_of_a_checkpoint(c, one, was):
    f = cr.checkpoint(lambda x, c: x * x * c)
    _, pullback = cr.vjp(lambda x: f(x, c), one)
    wanted = 2 * c
    spoiled(c)
    return pullback(one)[0], wanted


@program
def what_a_checkpointed_function_sees_outside(c, one, was):
    f = cr.checkpoint(lambda x: x * x * c)
    _, pullback = cr.vjp(f, one)
    wanted = 2 * c
    c[1] += 0.5
    return pullback(one)[0], wanted


# -- what was handed out, changed ----------------------------------------------------------------------------


@program
def the_value_of_vjp(c, one, was):
    y, pullback = cr.vjp(lambda x: np.exp(-x), c)
    spoiled(y)
    return pullback(one)[0], -np.exp(-was)


@program
def the_values_of_vjp(c, one, was):
    ys, pullback = cr.vjp(lambda x: [x, np.exp(-x), x.T, x[1:], x.reshape(2, -1)], c)
    for y in ys:
        spoiled(y)
    return pullback([one * 0, one, one * 0, one[1:], np.reshape(one, (2, -1))])[0], -np.exp(-was) + 2 - (
        np.arange(len(was)) == 0
    )


@program
def auxiliary_data_of_vjp(c, one, was):
    def f(x):
        y = np.exp(-x)
        return y, {"y": y, "part": y[1:], "x": x, "text": "aux"}

    _, pullback, aux = cr.vjp(f, c, has_aux=True)
    for key in ("y", "part", "x"):
        spoiled(aux[key])
    return pullback(one)[0], -np.exp(-was)


@program
def the_value_of_linearize(c, one, was):
    y, push = cr.linearize(lambda x: np.exp(-x), c)
    spoiled(y)
    return push(one), -np.exp(-was)


@program
def a_gradient_of_vjp(c, one, was):
    _, pullback = cr.vjp(lambda x: (x * 1.0, x), c)
    first = pullback((one, one))[0]
    wanted = first.copy()
    spoiled(first)
    return pullback((one, one))[0], wanted


@program
def the_seed_of_a_pullback(c, one, was):
    seed = c.copy()
    _, pullback = cr.vjp(lambda x: x, one)
    gradient = pullback(seed)[0]
    spoiled(seed)
    return gradient, was


@program
def the_seed_of_backward(c, one, was):
    w, seed = cr.variable(one), c.copy()
    y = w + 0.0
    y.backward(seed, retain_graph=True)
    y.backward(seed)
    spoiled(seed)
    return w.grad, 2 * was


@program
def the_tangent_of_jvp(c, one, was):
    tangent = c.copy()
    _, t = cr.jvp(lambda x: x, (one,), (tangent,))
    spoiled(tangent)
    return t, was


@program
def a_stopped_gradient(c, one, was):
    def f(x):
        y = np.exp(-x)
        z = cr.stop_gradient(y)
        with contextlib.suppress(ValueError):  # read-only is an answer, too
            spoiled(z)
        return np.sum(y)

    return cr.grad(f)(c), -np.exp(-was)


@program
def the_value_of_an_intermediate(c, one, was):
    w = cr.variable(c)
    y = np.exp(-w)
    for plain in (y.value, w.value):
        with pytest.raises(ValueError, match="read-only"):
            plain[...] = 0
    spoiled(y.detach())
    spoiled(w.detach())
    y.backward(one)
    return w.grad, -np.exp(-was)


@program
def a_copy_of_a_variable(c, one, was):
    w = cr.variable(c)
    y = w**3
    other = copy.deepcopy(w)
    with cr.no_grad():
        other *= 0.0
    y.backward(one)
    return w.grad, 3 * was**2


@program
def a_tracer_written_after_use(c, one, was):
    def f(x):
        y = np.exp(-x)
        z = y * y
        y[...] = 0.0
        y += 1.0
        return np.sum(z)

    return cr.grad(f)(c), -2 * np.exp(-2 * was)


@program
def a_row_handed_out_and_written(c, one, was):
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        z = y * y  # from here on the tape may hold y's array
        y[0] = 5.0
        y[1] = x[1]
        return np.sum(z) + np.sum(y * y)

    wanted = np.zeros_like(c)
    wanted[:2] = 2 * c[:2]
    return cr.grad(f)(c), wanted


@pytest.mark.parametrize("n", [SMALL, LARGE])
@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_never_a_wrong_gradient(f, n):
    c = np.random.default_rng(n).uniform(1.0, 4.0, n)
    if f is what_a_checkpointed_function_sees_outside:
        with pytest.raises(cr.ModifiedArrayError, match="this checkpointed function gave another result"):
            f(c.copy(), np.ones(n), c)
        return
    try:
        found, wanted = f(c.copy(), np.ones(n), c)
    except cr.ModifiedArrayError as error:
        refused = str(error)
    else:
        assert_allclose(found, wanted, rtol=1e-12, atol=0)
        return
    assert n == LARGE, "a small array is copied"
    assert f"used at {__file__}:" in refused


# -- the error -----------------------------------------------------------------------------------------------


def test_the_error_names_the_array_and_the_line():
    data = np.ones((100, 100))
    w = cr.variable(np.ones(100))
    y = data @ w  # the line that the message has to name
    data[3, 4] = 2.0
    with pytest.raises(cr.ModifiedArrayError) as caught:
        y.backward(np.ones(100))
    line = test_the_error_names_the_array_and_the_line.__code__.co_firstlineno + 3
    assert str(caught.value) == (
        f"an array of shape (100, 100) and dtype float64 was changed in place after it was used at "
        f"{__file__}:{line}, in "
        "test_the_error_names_the_array_and_the_line, and the backward pass needs its old values: use a copy() "
        "there, or change the array after the backward pass"
    )
    assert w.grad is None


def test_a_change_that_is_taken_back_is_none():
    data = np.ones(10_000)
    w = cr.variable(np.ones(10_000))
    y = np.sum(w * data)
    data *= 3
    data /= 3
    y.backward()
    assert_allclose(w.grad, 1)


def test_what_no_rule_reads_may_change():
    data, index = np.ones(10_000), np.arange(10_000)
    w = cr.variable(np.ones(10_000))
    y = np.sum((w + data) - data)
    data[:] = 0
    index[:] = 0
    y.backward()
    assert_allclose(w.grad, 1)


def test_large_arrays_are_not_copied():
    data = np.ones(10_000)
    before = data.copy()
    y, pullback = cr.vjp(lambda x: x * data, np.ones(10_000))
    assert [a for a in gc.get_referrers(data) if a.__class__.__name__ == "Snapshot"]
    pullback(y)
    assert np.array_equal(data, before)
    assert data.flags.writeable


def test_a_training_loop_may_reuse_one_buffer_for_its_batches():
    # Each backward pass is over before the buffer is filled again.
    rng, buffer, w = np.random.default_rng(0), np.empty((100, 100)), np.zeros(100)
    for _ in range(3):
        buffer[:] = rng.normal(size=buffer.shape)
        gradient = cr.grad(lambda w: np.sum((buffer @ w - 1) ** 2))(w)
        assert_allclose(gradient, 2 * buffer.T @ (buffer @ w - 1), rtol=1e-10)
        w = w - 1e-3 * gradient


def test_the_callers_arrays_stay_writable_and_unchanged():
    x, c = np.ones(10_000), np.ones(10_000)
    cr.grad(lambda x: np.sum(x * c))(x)
    cr.jvp(lambda x: x * c, (x,), (c,))
    cr.linearize(lambda x: x * c, x)[1](c)
    cr.vmap(lambda x: x * c)(x[None])
    cr.record(lambda x: x * c, x)(x)
    cr.checkpoint(np.sin)(x)
    assert x.flags.writeable
    assert c.flags.writeable
    assert np.array_equal(x, np.ones(10_000))
    assert np.array_equal(c, np.ones(10_000))


# -- users' own functions and rules --------------------------------------------------------------------------


def doubling():
    """A custom function that writes into its argument, and a rule for it that writes into all that it gets."""

    @cr.custom
    def f(x):
        x *= 2
        return x * x

    return f


@pytest.mark.parametrize("n", [3, 10_000])
@pytest.mark.parametrize(
    "use",
    [
        lambda f, x: cr.grad(lambda x: np.sum(f(x)))(x),
        lambda f, x: cr.jvp(f, (x,), (x,)),
        lambda f, x: cr.record(f, x),
        lambda f, x: cr.grad(lambda x: np.sum(cr.checkpoint(f.f)(x)))(x),
    ],
    ids=["grad", "jvp", "record", "checkpoint"],
)
def test_a_custom_function_cannot_write_into_the_callers_array(use, n):
    f = doubling()
    f.defvjp(lambda ct, y, x: (8 * ct * x,))
    f.defjvp(lambda tangents, y, x: 8 * tangents[0] * x)
    x = np.arange(n) * 1.0
    with pytest.raises(ValueError, match="read-only"):
        use(f, x)
    assert np.array_equal(x, np.arange(n))
    assert x.flags.writeable


def test_a_rule_cannot_write_into_what_others_still_need():
    @cr.custom
    def f(x):
        return x * x

    @f.defvjp
    def _(ct, y, x):
        ct *= 2  # this cotangent also goes to the other side of the addition
        return (ct * x,)

    @f.defjvp
    def _(tangents, y, x):
        tangents[0][...] *= 2
        return tangents[0] * x

    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="read-only"):
        cr.grad(lambda x: np.sum(np.sin(f(x) + x)))(x)
    with pytest.raises(ValueError, match="read-only"):
        cr.jvp(f, (x,), (x,))


def test_what_a_rule_returns_is_not_shared():  # bugs.md 16
    kept = np.ones(3)

    @cr.custom
    def f(x):
        return x * 1.0

    f.defvjp(lambda ct, y, x: (kept,))
    gradient = cr.grad(lambda x: np.sum(f(x)))(np.ones(3))
    gradient[:] = 7.0
    assert np.array_equal(kept, np.ones(3))
    w = cr.variable(np.ones(3))
    for _ in range(2):
        f(w).backward(np.ones(3))
    assert_allclose(w.grad, 2)
    assert np.array_equal(kept, np.ones(3))

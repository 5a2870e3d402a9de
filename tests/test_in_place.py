"""Writing in place: every way NumPy has of it, under every transform; and what it costs.

Each program writes into an array that it made, and returns an array. NumPy itself runs it on plain arrays, so finite
differences of that run say what every derivative must be.
"""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr

X = np.random.default_rng(0).uniform(0.5, 1.5, (3, 3))

PROGRAMS = {}


def program(f):
    PROGRAMS[f.__name__] = f
    return f


# -- elements and slices ---------------------------------------------------------------------------------------------


@program
def one_element(x):
    y = np.zeros_like(x)
    y[0, 1] = x[2, 2] ** 2
    return y * x


@program
def like_keyword(x):
    y = np.zeros((4, 3), like=x)
    z = np.empty(3, like=x)
    z[...] = x[0]
    y[1:] = x * x
    y[0] = z
    return y * y


@program
def a_loop_over_elements(x):
    y = np.zeros_like(x)
    for i in range(3):
        for j in range(3):
            y[i, j] = x[j, i] ** 2 * (y[i, j - 1] if j else 1)
    return y


@program
def a_recurrence_over_rows(x):
    y = np.zeros_like(x, shape=(5, 3))
    y[0] = x[0]
    for i in range(1, 5):
        y[i] = np.tanh(x @ y[i - 1])
    return y


@program
def running_products(x):
    y = x * 1.0
    for i in range(1, 3):
        y[i] += y[i - 1]
        y[i] *= x[i]
    return y


@program
def augmented_element(x):
    y = x * 2
    y[1] += x[0] * x[2]
    y[2, 0] -= x[0, 0] ** 2
    y[:, 1] *= x[0]
    y[0] /= x[1]
    y[0, 0] **= 2
    return y


@program
def augmented_whole(x):
    y = x * 2
    other = y
    y += x**2
    y **= 2
    y /= x + 1
    y -= x
    y //= 1e9
    y += x
    y %= 0.9
    y @= x
    return y * other


@program
def slices_with_steps(x):
    y = x * 1.0
    y[1:, ::2] = x[:2, :2] ** 2
    y[::-1, 0] = x[:, 1]
    return y * x


@program
def broadcast_value(x):
    y = np.ones_like(x)
    y[:, 1] = x[0, 0]
    y[1:] = x[:1]
    y[0] = x[None, None, 1]
    return y * x


@program
def ellipsis_and_newaxis(x):
    y = x * 1.0
    y[None, :, 0] = x[1]
    y[0, None] = x[2]
    y[..., 2] = x[..., 0] ** 2
    return y * x


@program
def constants_are_written(x):
    y = x * x
    y[0] = 3.0
    y[1] = [1.0, 2.0, 3.0]
    y[2, 1:] = np.array([4, 5])
    return y * x


@program
def overlapping_parts(x):
    y = x * 1.0
    y[1:] = y[:-1]
    y[:-1] += y[1:]
    return y * x


@program
def assigned_to_itself(x):
    y = x * 1.0
    y[:] = y
    y[:] = y * x
    y[...] = y.T
    return y * x


@program
def into_the_argument(x):
    x[0] = x[1] ** 2
    x *= 2
    return x * x


# -- index arrays and masks --------------------------------------------------------------------------------------------


@program
def mask_with_a_number(x):
    y = x * 1.0
    y[x > 1] = 0
    y[x < 0.8] *= x[0, 0]
    return y


@program
def mask_with_values(x):
    y = x * 1.0
    mask = x > 0.8
    y[mask] = x[mask] ** 2
    return y * y


@program
def repeated_index(x):
    y = x * 1.0
    y[[0, 0, 1]] = x * x
    return y * x


@program
def repeated_index_of_two(x):
    y = x * 1.0
    y[[0, 0, 1], [1, 1, 2]] = x[2]
    return y * x


@program
def repeated_index_augmented(x):
    y = x * 1.0
    y[[0, 0, 1]] += x * x
    return y * x


@program
def swapped_rows(x):
    y = x * 1.0
    y[[0, 1]] = y[[1, 0]]
    return y * x


@program
def swapped_rows_by_copies(x):
    y = x * 1.0
    y[0], y[1] = y[1].copy(), y[0].copy()
    return y * x


@program
def swapped_rows_that_alias(x):  # the classic slip: both rows end up the same, in NumPy and here
    y = x * 1.0
    y[0], y[1] = y[1], y[0]
    return y * x


@program
def mixed_indices(x):
    y = np.zeros_like(x, shape=(3, 4, 5))
    y[[0, 1], :, [2, 3]] = np.sum(x)
    y[0, [1, 2], 1:3] = x[:2, :2]
    y[..., 0] += x[:, :1]
    return y * x[0, 0]


@program
def what_a_fancy_index_reads_is_a_copy(x):
    y = x * 1.0
    part = y[[0, 1]]
    part[:] = 0
    return y * x


# -- functions that write ----------------------------------------------------------------------------------------------


@program
def add_at(x):
    y = x * 1.0
    np.add.at(y, (np.array([0, 0, 1]), np.array([1, 1, 2])), x[0])
    np.subtract.at(y, np.array([2, 2]), x[:2])
    return y * y


@program
def multiply_at(x):
    y = x * 1.0
    np.multiply.at(y, np.array([0, 2]), x[0])
    return y * y


@program
def copyto(x):
    y = x * 1.0
    np.copyto(y, x[0] ** 2)
    np.copyto(y, x**3, where=x > 1)
    return y * x


@program
def put(x):
    y = x * 1.0
    np.put(y, [0, 4, 0], x[0] ** 2)
    return y * x


@program
def fill_diagonal(x):
    y = x * 1.0
    np.fill_diagonal(y, x[0] ** 2)
    z = x * x
    np.fill_diagonal(z, 0.0)
    return y * z + y


@program
def put_along_axis(x):
    y = x * 1.0
    np.put_along_axis(y, np.array([[1], [0], [2]]), x[0, 0] ** 2, axis=1)
    return y * x


@program
def place(x):
    y = x * 1.0
    np.place(y, x > 1, x[0] ** 2)
    return y * x


@program
def putmask(x):
    y = x * 1.0
    np.putmask(y, x > 1, x**2)
    return y * x


@program
def sort_and_partition(x):
    y = x * 1.0
    y.sort()
    z = x * 1.0
    z[0].sort()
    z.partition(1, axis=0)
    return y * x + np.sort(z, axis=0)


@program
def fill(x):
    y = x * 1.0
    y.fill(x[0, 0] ** 2)
    z = x * 1.0
    z[0].fill(x[1, 1])
    return y * z


@program
def out_of_ufuncs(x):
    y = np.empty_like(x)
    np.sin(x, out=y)
    np.multiply(y, x, out=y)
    np.sin(x[0], out=y[1])
    np.exp(x, out=y, where=x > 1)
    return y * x


@program
def out_of_reductions(x):
    y = np.zeros_like(x)
    np.sum(x * x, axis=0, out=y[0])
    np.add.reduce(x * x, axis=0, out=y[1])
    np.maximum.reduce(x, axis=1, out=y[:, 2])
    z = np.zeros_like(y[0])
    np.mean(x, 0, out=z)
    x.prod(axis=1, out=y[2])
    return y * z


@program
def out_of_running_sums(x):
    y = np.zeros_like(x)
    np.add.accumulate(x, axis=0, out=y)
    np.cumsum(x * y, axis=1, out=y)
    return y


@program
def out_of_products(x):
    y = np.empty_like(x)
    np.matmul(x, x, out=y)
    np.dot(y, x, out=y)
    z = np.zeros_like(x)
    np.einsum("ij,jk->ik", x, y, out=z)
    np.clip(z, 0.5, 5.0, out=z)
    return y + z


@program
def out_of_joins(x):
    y = np.zeros_like(x, shape=(6, 3))
    np.concatenate([x, x * x], out=y)
    z = np.zeros_like(x, shape=(2, 3))
    np.stack([x[0], y[4]], out=z)
    np.take(x, [2, 0], axis=0, out=y[:2])
    return y * z[0] * z[1]


# -- views -------------------------------------------------------------------------------------------------------------


@program
def a_row(x):
    y = x * 1.0
    row = y[0]
    row += 1
    row *= x[1]
    return y * y * row


@program
def a_row_read_after_its_base_was_written(x):
    y = x * 1.0
    row = y[0]
    y[0, 1] = x[2, 2] ** 2
    return row * row


@program
def views_of_views(x):
    y = x * 1.0
    y[1:][0] = x[2] ** 2
    y[1:][0][1] = x[0, 0]
    y[1:][0][1:] += x[0, :2]
    y.T[1][0] *= 3 * x[0, 0]
    return y * y


@program
def two_views_that_overlap(x):
    y = x * 1.0
    row, column = y[0], y[:, 0]
    row[0] = x[1, 1] ** 2
    column *= x[2]
    row += column
    return y * y + row + column


@program
def transposed(x):
    y = x * 1.0
    y.T[0] = x[2] ** 2
    np.swapaxes(y, 0, 1)[1] = x[1] ** 2
    np.moveaxis(y, 0, 1)[2] = x[0]
    return y * x


@program
def reshaped(x):
    y = x * 1.0
    y.reshape(-1)[4] = x[0, 0] ** 2
    y.ravel()[2:5] *= x[0]
    y.flat[7] = x[1, 1] ** 2
    return y * x


@program
def a_reshape_that_has_to_copy(x):
    y = x * 1.0
    y.T.ravel()[2:5] = x[0] ** 2
    y[:, :2].reshape(-1)[2] = x[0, 0] ** 2
    before = y.T.reshape(-1)
    y[0, 0] = 7 * x[1, 1]
    return y * x * before[0]


@program
def raveled_and_flattened(x):
    y = x * 1.0
    shared, own = y.ravel(), y.flatten()
    y[0, 0] = 7 * x[1, 1]
    return shared * own * x[0, 0]


@program
def axes_of_one(x):
    y = x * 1.0
    np.squeeze(y[:1])[1] = x[0, 0] ** 2
    y[:, None][0, 0] = x[1] ** 2
    np.expand_dims(y, 0)[0, 2] = x[0]
    return y * x


@program
def flipped_and_split(x):
    y = x * 1.0
    np.flip(y, 0)[0] = x[1] ** 2
    first, second, _ = np.split(y, 3)
    first *= x[1]
    second[0, 1:] = 2.0
    return y * x


@program
def rows_of_a_loop(x):
    y = np.zeros_like(x)
    for row, source in zip(y, x, strict=True):
        row[:] = source * source
    rows = list(y)
    rows[0] *= 2
    return y * x


@program
def a_copy_is_no_view(x):
    y = x * 1.0
    other, row = y.copy(), y[0].copy()
    other[0] += 5 * x[1]
    row += 1
    return y * other * row


@program
def diagonals_that_are_read(x):
    y = x * 1.0
    d, e = np.diagonal(y), np.diag(y)
    y[0, 0] = x[1, 1] ** 3
    return d * e * x[0]


@program
def broadcasts_and_windows_that_are_read(x):
    y = x * 1.0
    wide = np.broadcast_to(y[0], (3, 3))
    windows = np.lib.stride_tricks.sliding_window_view(y, (2, 2))
    y[0, 0] = x[1, 1] ** 3
    return wide * x * windows[0, 0, 0, 0]


@program
def real_and_imaginary_parts(x):
    y = x * (1 + 2j)
    real = y.real
    y[0] = x[1] * 3j
    y.imag[1] = x[0]
    return real * y.imag


# -- all programs, all transforms ----------------------------------------------------------------------------


def differences(f, x):
    """The Jacobian of `f` at `x`, by central differences; of a copy, for the programs write."""
    columns = []
    for i in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-6
        columns.append((np.array(f(x + step)) - np.array(f(x - step))) / 2e-6)
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *x.shape)


def agree(found, wanted, tolerance=1e-6):
    found = np.asarray(found)
    assert found.shape == np.shape(wanted)
    assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


all_programs = pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS.keys())

# A mask that differs from example to example selects a different number of elements in each.
RAGGED = {mask_with_a_number, mask_with_values, place}


def seeded(f):
    """`f` as a function to a single number, with other weights for each element."""
    return lambda x: np.sum(f(x) * np.cos(np.arange(np.size(X))[: f(X.copy()).shape[-1]]))


@all_programs
def test_first_derivatives(f):
    x, wanted = X.copy(), differences(f, X)
    agree(cr.jacobian(f, mode="reverse")(x), wanted)
    agree(cr.jacobian(f, mode="forward")(x), wanted)
    value, tangent = cr.jvp(f, (x,), (X,))
    agree(value, f(X.copy()))
    agree(tangent, np.tensordot(wanted, X, 2))
    agree(cr.linearize(f, x)[1](X), np.tensordot(wanted, X, 2))
    value, pullback = cr.vjp(f, x)
    for _ in range(2):
        agree(pullback(value)[0], np.tensordot(value, wanted, value.ndim))
    assert np.array_equal(x, X)


@all_programs
def test_held_by_hand(f):
    w, wanted = cr.variable(X), differences(f, X)
    y = f(w * 1.0)
    y.backward(np.ones(y.shape))
    agree(w.grad, wanted.sum(axis=tuple(range(y.ndim))))
    agree(w.value, X)


@all_programs
def test_second_derivatives(f):
    gradient = cr.grad(seeded(f))
    wanted = differences(gradient, X)
    agree(cr.hessian(seeded(f))(X), wanted, 1e-5)
    agree(cr.jacobian(gradient, mode="reverse")(X), wanted, 1e-5)


@all_programs
def test_batches(f):  # bugs.md 32
    xs = np.stack([X, X[::-1]], axis=-1)
    if f in RAGGED:
        with pytest.raises(cr.LostGradientError, match="differs from example to example"):
            cr.vmap(f, in_axes=-1)(xs)
        return
    agree(cr.vmap(f, in_axes=-1)(xs), np.stack([f(X.copy()), f(X[::-1].copy())]))
    gradients = np.stack([cr.grad(seeded(f))(X), cr.grad(seeded(f))(X[::-1])])
    agree(cr.vmap(cr.grad(seeded(f)), in_axes=-1)(xs), gradients)
    agree(cr.grad(lambda xs: np.sum(cr.vmap(seeded(f), in_axes=-1)(xs)))(xs), np.moveaxis(gradients, 0, -1))


@all_programs
def test_recorded(f):
    graph, of_gradient = cr.record(f, X.copy()), cr.record(cr.grad(seeded(f)), X.copy())
    wanted = cr.grad(seeded(f))(X)
    for _ in range(2):  # a graph keeps its constants from one call to the next
        agree(graph(X.copy()), f(X.copy()))
        agree(of_gradient(X.copy()), wanted)
    agree(cr.linearize(cr.grad(seeded(f)), X)[1](X), cr.hvp(seeded(f))(X, X))


@all_programs
def test_checkpointed(f):
    x = X.copy()
    if f is into_the_argument:  # it would be another function the second time
        with pytest.raises(ValueError, match="read-only"):
            cr.grad(cr.checkpoint(seeded(f)))(x)
        return
    agree(cr.grad(cr.checkpoint(seeded(f)))(x), cr.grad(seeded(f))(X))
    assert np.array_equal(x, X)


@all_programs
def test_patterns_cover_what_is_not_zero(f):
    wanted = differences(f, X)
    pattern = cr.sparsity(f, X.copy(), local=True).toarray()
    assert pattern[np.abs(wanted.reshape(pattern.shape)) > 1e-7].all()


# -- what has no element to tell apart -----------------------------------------------------------------------


def test_the_arguments_of_the_caller_stay_as_they_are():
    def f(x, c):
        x[0] = c[1]
        x += 1
        return np.sum(x * x)

    for n in (3, 10_000):  # kept as a copy, and by its checksum
        x, c = np.ones(n), np.arange(n) * 1.0
        gradient = cr.grad(f, argnums=(0, 1))(x, c)
        assert np.array_equal(x, np.ones(n))
        assert np.array_equal(c, np.arange(n))
        assert gradient[0][0] == 0
        assert gradient[1][1] == 4
        cr.jvp(f, (x, c), (x, c))
        cr.vmap(f, in_axes=(0, None))(x[None], c)
        cr.record(f, x, c)(x, c)
        cr.hvp(f)(x, c, x)
        assert np.array_equal(x, np.ones(n))


def test_a_plain_array_holds_no_traced_value():
    def f(x):
        y = np.zeros(2)
        np.sin(x, out=y)
        return y

    with pytest.raises(TypeError, match="out= is a plain array"):
        cr.vjp(f, np.ones(2))


def test_shape_and_dtype_stay():
    def grows(x):
        y = x[0] * x
        y += np.ones((3, 3))
        return y

    def turns_complex(x):
        y = x * 2
        y *= 1j
        return y

    with pytest.raises(
        ValueError, match=r"add: an array of shape \(3,\) cannot hold a result of shape \(3, 3\) in place"
    ):
        cr.vjp(grows, np.ones(3))
    with pytest.raises(
        TypeError, match="multiply: a result of dtype complex128 cannot be written into an array of dty"
    ):
        cr.vjp(turns_complex, np.ones(3))
    y, _ = cr.vjp(lambda x: np.add(x, 1.0, out=x * np.float32(2)), np.ones(3, np.float32))
    assert y.dtype == np.float32


def test_writing_where_numpy_refuses_is_refused():
    with pytest.raises(IndexError, match="out of bounds"):
        cr.grad(lambda x: x.__setitem__(5, 1.0))(np.ones(3))
    with pytest.raises(ValueError, match="could not broadcast"):
        cr.grad(lambda x: (x * 1).__setitem__(slice(2), np.ones(3)))(np.ones(3))
    with pytest.raises(IndexError, match="too many indices"):
        cr.grad(lambda x: (x * 1).__setitem__((0, 0), 1.0))(np.ones(3))


# -- linear time and memory: counted, not timed --------------------------------------------------------------


def filled_by_loop(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = x[i] * x[i - 1]
    return np.sum(y)


def filled_by_rows(x):
    y = np.zeros((len(x), 8), like=x)
    for i in range(len(x)):
        y[i, :] = x[i]
        y[i] *= 2.0
    return np.sum(y)


def carried_along(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i]
    return np.sum(y)


def added_to(x):
    total = np.zeros((4,), like=x)
    for i in range(len(x)):
        total[i % 4] += x[i]
    return np.sum(total * total)


LOOPS = pytest.mark.parametrize("loop", [filled_by_loop, filled_by_rows, carried_along, added_to])

USES = {
    "grad": cr.grad,
    "hvp": lambda f: lambda x: cr.hvp(f)(x, x),
    "jvp": lambda f: lambda x: cr.jvp(f, (x,), (x,)),
    "variable": lambda f: lambda x: f(cr.variable(x)).backward(),
    "grad of grad": lambda f: cr.grad(lambda x: np.sum(cr.grad(f)(x))),
    "grad of vmap": lambda f: lambda x: cr.grad(lambda x: np.sum(cr.vmap(f)(x)))(np.stack([x, x])),
}


def peak(f, *args):
    """The most bytes that were in use at once during f(*args)."""
    f(*args)
    tracemalloc.start()
    try:
        f(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@LOOPS
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_memory_of_a_loop_that_fills_an_array_is_linear(loop, use):
    # With a copy of the whole array at each step, four times the steps would need eight times as much.
    n = 100
    assert peak(use(loop), np.ones(4 * n)) < 6 * peak(use(loop), np.ones(n))


def copied_bytes(monkeypatch, f, x):
    """How many bytes assignments copied because the array was not their own."""
    from chainrule.core.primitive import PRIMITIVES

    setitem, copied = PRIMITIVES["setitem"], []
    run = setitem.impl

    def counted(a, v, *arrays, index, in_place):
        if not in_place:
            copied.append(np.asarray(a).nbytes)
        return run(a, v, *arrays, index=index, in_place=in_place)

    object.__setattr__(setitem, "impl", counted)
    try:
        f(x)
    finally:
        object.__setattr__(setitem, "impl", run)
    return sum(copied)


@LOOPS
@pytest.mark.parametrize("use", ["grad", "jvp", "variable"])
def test_bytes_copied_by_a_loop_that_fills_an_array_are_linear(monkeypatch, loop, use):
    n = 200
    once, twice = (copied_bytes(monkeypatch, USES[use](loop), np.ones(k)) for k in (n, 2 * n))
    assert twice <= 2 * once + 8 * n


def test_views_of_views_cost_the_same_however_deep():
    # Each read used to ask every base for news: twenty thousand views of views would take a minute then.
    w = cr.variable(np.ones(2))
    y = w
    for _ in range(20_000):
        y = y[::-1]
    y.backward(np.array([1.0, 2.0]))
    assert_allclose(w.grad, [1, 2])


# ---- writing into what an inner transform has used ----------------------------------------------------------------


def used_as_a_constant(x, use):
    y = x * 2
    answer = use(lambda w: np.sum(w * y), np.ones(3))
    y[0] = 50.0
    return answer()


def used_as_an_argument(x, use):
    y = x * 2
    answer = use(lambda w: np.sum(w * w) / 2, y)
    y[0] = 50.0
    return answer()


def by_pullback(f, w):
    pullback = cr.vjp(f, w)[1]
    return lambda: np.sum(pullback(1.0)[0])


def by_push(f, w):
    push = cr.linearize(f, w)[1]
    return lambda: push(np.ones(3))


def by_graph(f, w):
    graph = cr.record(cr.grad(f), w)
    return lambda: np.sum(graph(w * 1.0)) if isinstance(w, np.ndarray) else np.sum(graph(w))


@pytest.mark.parametrize("use", [by_pullback, by_push, by_graph])
def test_writing_into_what_an_inner_transform_has_used_changes_nothing_there(use):
    value, slope = cr.value_and_grad(lambda x: used_as_a_constant(x, use))(np.ones(3))
    assert value == 6
    assert_allclose(slope, [2, 2, 2])
    if use is not by_graph:  # which is given what is there now
        value, slope = cr.value_and_grad(lambda x: used_as_an_argument(x, use))(np.ones(3))
        assert value == 6
        assert_allclose(slope, [2, 2, 2])


def test_writing_into_a_result_of_an_inner_transform_changes_nothing_there():
    def f(x):
        y, pullback = cr.vjp(np.exp, x)
        expected = y * 1.0
        y[0] = 50.0
        (g,) = pullback(np.ones(3))
        return np.sum(g) + 0 * np.sum(expected)

    value, slope = cr.value_and_grad(f)(np.zeros(3))
    assert value == 3
    assert_allclose(slope, [1, 1, 1])

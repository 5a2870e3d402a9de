"""Programs with sparse derivatives, as their users would write them, with those derivatives by hand: for the tests and
for `benchmarks/sparse.py`.

Each is made for about n unknowns. A program takes the array namespace first: `numpy` under chainrule, `jax.numpy` under
its peers. The derivatives by hand are what somebody would write who has the formulas and an afternoon: the pattern is
made once, then every call computes the numbers that are not zero, and nothing else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
import scipy.sparse as sp

Sparse = Callable[[numpy.ndarray], sp.csr_array]


class Task(NamedTuple):
    """A program, a point, and what is known of its derivative there."""

    f: Callable[[Any, Any], Any]
    """`f(np, x)`: a vector, or, where the Hessian is asked for, a number"""
    x: numpy.ndarray
    by_hand: Callable[[], Sparse]
    """makes the pattern, and returns the function that fills it; its matrices share indices, which may be unsorted"""
    casadi: Callable[[Any, Any], Any] | None = None
    """`casadi(ca, x)`: the same program of a column of CasADi's symbols"""
    hessian: bool = False


def filled(rows: Any, columns: Any, shape: tuple[int, int], numbers: Callable[[numpy.ndarray], list[Any]]) -> Sparse:
    """The matrix whose entries, in the order of `rows` and `columns`, are `numbers(x)`, one after the other."""
    rows, columns = (numpy.concatenate([numpy.ravel(part) for part in parts]) for parts in (rows, columns))
    order = numpy.lexsort((columns, rows))
    indices = columns[order].astype(numpy.int32)
    starts = numpy.searchsorted(rows[order], numpy.arange(shape[0] + 1)).astype(numpy.int32)

    def at(x):
        data = numpy.concatenate([numpy.ravel(part) for part in numbers(x)])[order]
        return sp.csr_array((data, indices, starts), shape=shape)

    return at


def columns_of_casadi(ca: Any) -> Any:
    """The few functions that the programs need of a namespace, for columns of CasADi's symbols."""

    class Columns:
        asarray = staticmethod(ca.DM)
        concatenate = staticmethod(lambda parts: ca.vertcat(*parts))
        take = staticmethod(lambda x, places: x[numpy.ravel(places).tolist()])
        sum = staticmethod(ca.sum1)
        exp, sqrt, sin, cos = ca.exp, ca.sqrt, ca.sin, ca.cos

    return Columns


def as_written(f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The program in CasADi, where its namespace is all that differs."""
    return lambda ca, x: f(columns_of_casadi(ca), x)


# ---- partial differential equations -------------------------------------------------------------------------------


def brusselator(n: int) -> Task:
    """Right-hand side of the reaction and diffusion of two species on a periodic square grid."""
    side = max(3, round((n / 2) ** 0.5))
    cells = side * side
    a, b, spread = 3.4, 1.0, 10.0 * min(side - 1, 99) ** 2
    grid = numpy.linspace(0, 1, side)
    source = 5.0 * ((grid[:, None] - 0.3) ** 2 + (grid - 0.6) ** 2 <= 0.1**2)

    def laplacian(np, c):
        return np.roll(c, 1, 0) + np.roll(c, -1, 0) + np.roll(c, 1, 1) + np.roll(c, -1, 1) - 4 * c

    def f(np, y):
        u, v = y.reshape(2, side, side)
        reaction = u * u * v
        du = spread * laplacian(np, u) + b + reaction - (a + 1) * u + source
        dv = spread * laplacian(np, v) + a * u - reaction
        return np.concatenate([du.ravel(), dv.ravel()])

    place = numpy.arange(cells).reshape(side, side)
    around = [numpy.roll(place, step, axis) for axis in (0, 1) for step in (1, -1)]

    def by_hand():
        # Six entries a row: the cell, its four neighbours, and the other species in the cell.
        own = numpy.stack([part.ravel() for part in (place, *around)], axis=1)
        other = place.reshape(-1, 1)
        indices = numpy.concatenate([numpy.hstack([own, other + cells]), numpy.hstack([own + cells, other])])
        indices, starts = indices.astype(numpy.int32).ravel(), numpy.arange(0, 12 * cells + 1, 6, dtype=numpy.int32)

        def at(y):
            u, v = y[:cells], y[cells:]
            data = numpy.empty((2 * cells, 6))
            data[:, 1:5] = spread
            product, square = 2 * u * v, u * u
            data[:cells, 0] = product - (a + 1 + 4 * spread)
            data[:cells, 5] = square
            data[cells:, 0] = -4 * spread - square
            data[cells:, 5] = a - product
            return sp.csr_array((data.ravel(), indices, starts), shape=(2 * cells, 2 * cells))

        return at

    def casadi(ca, y):
        u, v = y[:cells], y[cells:]
        places = [part.ravel().tolist() for part in around]
        flow = lambda c: c[places[0]] + c[places[1]] + c[places[2]] + c[places[3]] - 4 * c
        reaction = u * u * v
        du = spread * flow(u) + b + reaction - (a + 1) * u + ca.DM(source.ravel())
        return ca.vertcat(du, spread * flow(v) + a * u - reaction)

    return Task(f, numpy.random.default_rng(0).uniform(0.5, 2, 2 * cells), by_hand, casadi)


def burgers(n: int) -> Task:
    """Residual of an implicit Euler step of Burgers' equation, central differences in space."""
    dx = 1 / (n + 1)
    dt, viscosity = dx / 2, 0.01
    before = numpy.sin(2 * numpy.pi * dx * numpy.arange(1, n + 1)) + 0.5
    steep, smooth = dt / (4 * dx), dt * viscosity / dx**2

    def f(np, u):
        end = np.asarray([0.5])
        whole = np.concatenate([end, u, end])
        left, right = whole[:-2], whole[2:]
        flow = steep * (right * right - left * left)
        return u - np.asarray(before) + flow - smooth * (right - 2 * u + left)

    def by_hand():
        # Tridiagonal; the two ends of the rows of three are cut off.
        places = numpy.arange(n)[:, None] + numpy.arange(-1, 2)
        indices = places.ravel()[1:-1].astype(numpy.int32)
        starts = numpy.clip(3 * numpy.arange(n + 1) - 1, 0, 3 * n - 2).astype(numpy.int32)

        def at(u):
            data = numpy.empty((n, 3))
            data[:, 1] = 1 + 2 * smooth
            data[1:, 0] = -2 * steep * u[:-1] - smooth
            data[:-1, 2] = 2 * steep * u[1:] - smooth
            return sp.csr_array((data.ravel()[1:-1], indices, starts), shape=(n, n))

        return at

    return Task(f, 0.98 * before, by_hand, as_written(f))


# ---- optimal control by collocation -------------------------------------------------------------------------------


def goddard(n: int) -> Task:
    """Defects of the trapezoidal rule for Goddard's rocket, with a free final time: its column is dense."""
    knots = max(3, (n - 1) // 4)
    rng = numpy.random.default_rng(0)
    states = [numpy.linspace(*ends, knots) for ends in ((1, 1.01), (0.01, 0.05), (1, 0.6))]
    x = numpy.concatenate([*states, rng.uniform(0.5, 3, knots), [0.2]])
    parts = [slice(i * knots, (i + 1) * knots) for i in range(4)]

    def f(np, x):
        height, speed, mass, thrust = (x[part] for part in parts)
        half = x[4 * knots] / (2 * (knots - 1))
        drag = 310 * speed * speed * np.exp(-500 * (height - 1))
        slopes = speed, (thrust - drag) / mass - 1 / (height * height), -2 * thrust
        defect = lambda y, dy: y[1:] - y[:-1] - half * (dy[1:] + dy[:-1])
        return np.concatenate([defect(y, dy) for y, dy in zip((height, speed, mass), slopes, strict=True)])

    def by_hand():
        k = numpy.arange(knots - 1)
        uses = ((0, 1), (0, 1, 2, 3), (2, 3))  # the variables that each equation reads
        rows = [i * (knots - 1) + k for i, use in enumerate(uses) for _ in (*use, *use, "time")]
        columns = []
        for use in uses:
            columns += [j * knots + k + end for j in use for end in (0, 1)]
            columns.append(numpy.full(knots - 1, 4 * knots))

        def numbers(x):
            h, v, m, u = (x[part] for part in parts)
            q, one = -x[4 * knots] / (2 * (knots - 1)), numpy.ones(knots - 1)
            drag = 310 * v * v * numpy.exp(-500 * (h - 1))
            pull = (u - drag) / m
            slope = pull - 1 / (h * h)
            by_h, by_v = q * (500 * drag / m + 2 / (h * h * h)), -2 * q * drag / (v * m)
            by_m, by_u = -q * pull / m, q / m
            in_time = lambda dy: (dy[1:] + dy[:-1]) / (-2 * (knots - 1))
            ends = lambda d: [d[:-1], d[1:]]
            return [
                *(-one, one, q * one, q * one, in_time(v)),
                *(*ends(by_h), by_v[:-1] - 1, by_v[1:] + 1, *ends(by_m), *ends(by_u), in_time(slope)),
                *(-one, one, -2 * q * one, -2 * q * one, in_time(-2 * u)),
            ]

        return filled(rows, columns, (3 * (knots - 1), 4 * knots + 1), numbers)

    return Task(f, x, by_hand, as_written(f))


def goddard_with_cost(n: int) -> Task:
    """The same with an integral of the whole flight below: a dense row and a dense column."""
    plain = goddard(n)
    knots = (plain.x.size - 1) // 4
    mass, thrust = slice(2 * knots, 3 * knots), slice(3 * knots, 4 * knots)

    def f(np, x):
        return np.concatenate([plain.f(np, x), np.sum(x[thrust] * x[thrust] * x[mass]).reshape(1)])

    def by_hand():
        above = plain.by_hand()
        columns = numpy.arange(2 * knots, 4 * knots, dtype=numpy.int32)

        def at(x):
            J = above(x)
            last = numpy.concatenate([x[thrust] ** 2, 2 * x[thrust] * x[mass]])
            data, indices = numpy.concatenate([J.data, last]), numpy.concatenate([J.indices, columns])
            return sp.csr_array((data, indices, numpy.append(J.indptr, data.size)), shape=(J.shape[0] + 1, J.shape[1]))

        return at

    return Task(f, plain.x, by_hand)


def cart_pole(n: int) -> Task:
    """Defects of the trapezoidal rule for a pole that is swung up on a cart: state by state, a matrix of knots."""
    knots = max(3, n // 5)
    step, cart, pole, length, gravity = 2 / (knots - 1), 1.0, 0.3, 0.5, 9.81
    time = numpy.linspace(0, 1, knots)
    start = numpy.stack([time, numpy.pi * time, numpy.sin(time), 1 + time, 5 * numpy.cos(7 * time)], axis=1)

    def f(np, z):
        z = z.reshape(knots, 5)
        state, angle, turn, push = z[:, :4], z[:, 1], z[:, 3], z[:, 4]
        s, c = np.sin(angle), np.cos(angle)
        load = cart + pole * s * s
        pulled = (push + pole * s * (length * turn * turn + gravity * c)) / load
        turned = -(push * c + pole * length * turn * turn * c * s + (cart + pole) * gravity * s) / (length * load)
        slope = np.stack([z[:, 2], turn, pulled, turned], axis=1)
        return (state[1:] - state[:-1] - step / 2 * (slope[1:] + slope[:-1])).ravel()

    def by_hand():
        k = numpy.arange(knots - 1)
        uses = ((0, 2), (1, 3), (2, 1, 3, 4), (3, 1, 4))  # of each state: itself, then what its slope reads
        rows = [4 * k + i for i, use in enumerate(uses) for _ in (*use, *use)]
        columns = [5 * (k + end) + j for use in uses for j in use for end in (0, 1)]

        def numbers(z):
            angle, turn, push = z.reshape(knots, 5)[:, (1, 3, 4)].T
            s, c = numpy.sin(angle), numpy.cos(angle)
            load, dload = cart + pole * s * s, 2 * pole * s * c
            swing = length * turn * turn
            top = push + pole * s * (swing + gravity * c)
            by_angle = (pole * (swing * c + gravity * (c * c - s * s)) * load - top * dload) / load**2
            by_turn, by_push = 2 * pole * length * turn * s / load, 1 / load
            low = -(push * c + pole * swing * c * s + (cart + pole) * gravity * s)
            dlow = push * s - pole * swing * (c * c - s * s) - (cart + pole) * gravity * c
            turned_by_angle = (dlow * load - low * dload) / (length * load**2)
            turned_by_turn, turned_by_push = -2 * pole * turn * c * s / load, -c / (length * load)
            q, one = -step / 2, numpy.ones(knots - 1)
            ends = lambda d: [q * d[:-1], q * d[1:]]
            return [
                *(-one, one, q * one, q * one),
                *(-one, one, q * one, q * one),
                *(-one, one, *ends(by_angle), *ends(by_turn), *ends(by_push)),
                *(q * turned_by_turn[:-1] - one, q * turned_by_turn[1:] + one),
                *(*ends(turned_by_angle), *ends(turned_by_push)),
            ]

        return filled(rows, columns, (4 * (knots - 1), 5 * knots), numbers)

    return Task(f, start.ravel(), by_hand)


# ---- fitting ------------------------------------------------------------------------------------------------------


LADYBUG = 23769
"""The unknowns of a small reconstruction of a street: 49 cameras, 7,776 points, 31,843 observations."""


def bundle_adjustment(n: int) -> Task:
    """Reprojection errors of points seen by cameras with a rotation vector, a shift, a focal length and distortion."""
    cameras = 49 if n == LADYBUG else max(2, int(0.0021 * n))
    points = (n - 9 * cameras) // 3
    count = 31843 if n == LADYBUG else 4 * points
    rng = numpy.random.default_rng(0)
    point = numpy.sort(numpy.concatenate([numpy.arange(points), rng.integers(0, points, count - points)]))
    camera = rng.integers(0, cameras, count)
    lens = numpy.tile([500.0, -1e-3, 1e-6], (cameras, 1))
    poses = numpy.hstack([rng.normal(0, 0.1, (cameras, 3)), rng.normal(0, 0.3, (cameras, 3)), lens])
    x = numpy.concatenate([poses.ravel(), (rng.normal(0, 1, (points, 3)) - [0, 0, 6]).ravel()])
    seen = rng.normal(0, 50, (2, count))
    of_camera = [9 * camera + i for i in range(9)]
    of_point = [9 * cameras + 3 * point + i for i in range(3)]

    def f(np, x):
        r0, r1, r2, t0, t1, t2, focal, k1, k2 = (np.take(x, places) for places in of_camera)
        x0, x1, x2 = (np.take(x, places) for places in of_point)
        square = r0 * r0 + r1 * r1 + r2 * r2 + 1e-12
        angle = np.sqrt(square)
        c, s = np.cos(angle), np.sin(angle) / angle
        k = (1 - c) / square * (r0 * x0 + r1 * x1 + r2 * x2)
        p0 = c * x0 + s * (r1 * x2 - r2 * x1) + k * r0 + t0
        p1 = c * x1 + s * (r2 * x0 - r0 * x2) + k * r1 + t1
        p2 = c * x2 + s * (r0 * x1 - r1 * x0) + k * r2 + t2
        u, v = -p0 / p2, -p1 / p2
        radius = u * u + v * v
        scale = focal * (1 + k1 * radius + k2 * radius * radius)
        return np.concatenate([scale * u - np.asarray(seen[0]), scale * v - np.asarray(seen[1])])

    def by_hand():
        columns = numpy.stack([*of_camera, *of_point])
        rows = numpy.broadcast_to(numpy.arange(count), columns.shape)

        def numbers(x):
            y = x[columns]
            r, t, (focal, k1, k2), p = y[:3], y[3:6], y[6:9], y[9:]
            square = numpy.sum(r * r, axis=0) + 1e-12
            angle = numpy.sqrt(square)
            c, s, dot = numpy.cos(angle), numpy.sin(angle) / angle, numpy.sum(r * p, axis=0)
            k = (1 - c) / square
            ds, dk = (c - s) / square, (s - 2 * k) / square  # by r, each times r
            cross = numpy.cross(r, p, axis=0)
            at = c * p + s * cross + k * dot * r + t
            zero = numpy.zeros(count)
            turn = numpy.array([[zero, -r[2], r[1]], [r[2], zero, -r[0]], [-r[1], r[0], zero]])
            tilt = numpy.array([[zero, p[2], -p[1]], [-p[2], zero, p[0]], [p[1], -p[0], zero]])  # of r cross p, by r
            same = numpy.eye(3)[:, :, None]
            by_r = (ds * cross - s * p + dk * dot * r)[:, None] * r + s * tilt + k * (r[:, None] * p + dot * same)
            by_p = c * same + s * turn + k * r[:, None] * r
            by_t = numpy.broadcast_to(same, (3, 3, count))
            u, v = -at[:2] / at[2]
            radius = u * u + v * v
            bent, dbent = 1 + k1 * radius + k2 * radius**2, 2 * (k1 + 2 * k2 * radius)
            rows = []
            for i, w in enumerate((u, v)):
                by_uv = [focal * ((bent if i == j else 0) + dbent * w * z) for j, z in enumerate((u, v))]
                by_at = [-by_uv[0] / at[2], -by_uv[1] / at[2], -(by_uv[0] * u + by_uv[1] * v) / at[2]]
                chain = lambda d, by_at=by_at: sum(a * row for a, row in zip(by_at, d, strict=True))
                by_lens = numpy.stack([bent * w, focal * radius * w, focal * radius**2 * w])
                rows += [chain(by_r), chain(by_t), by_lens, chain(by_p)]
            return rows

        return filled([rows, rows + count], [columns, columns], (2 * count, x.size), numbers)

    return Task(f, x, by_hand, as_written(f))


# ---- layers of a network ------------------------------------------------------------------------------------------


def fully_connected(n: int) -> Task:
    """The activations `W @ h` as a function of the n weights: every weight is in one row."""
    width = max(4, round(n**0.5))
    rng = numpy.random.default_rng(0)
    h = rng.standard_normal(width)

    def f(np, w):
        return w.reshape(width, width) @ np.asarray(h)

    def by_hand():
        indices = numpy.arange(width * width, dtype=numpy.int32)
        starts = numpy.arange(0, width * width + 1, width, dtype=numpy.int32)
        return lambda w: sp.csr_array((numpy.tile(h, width), indices, starts), shape=(width, width * width))

    return Task(f, rng.standard_normal(width * width) / width**0.5, by_hand)


def relu(n: int) -> Task:
    """The rectifier: a diagonal."""

    def f(np, x):
        return np.maximum(x, 0)

    def by_hand():
        indices, starts = numpy.arange(n, dtype=numpy.int32), numpy.arange(n + 1, dtype=numpy.int32)
        return lambda x: sp.csr_array(((x > 0).astype(float), indices, starts), shape=(n, n))

    return Task(f, numpy.random.default_rng(0).standard_normal(n), by_hand)


def softmax(n: int) -> Task:
    """The probabilities of ten classes for n / 10 samples as a function of the logits: a block a sample."""
    classes = 10
    samples = max(2, n // classes)

    def f(np, z):
        z = z.reshape(samples, classes)
        weights = np.exp(z - np.max(z, axis=1, keepdims=True))
        return (weights / np.sum(weights, axis=1, keepdims=True)).ravel()

    def by_hand():
        places = numpy.arange(samples * classes, dtype=numpy.int32).reshape(samples, 1, classes)
        indices = numpy.broadcast_to(places, (samples, classes, classes)).ravel()
        starts = numpy.arange(0, indices.size + 1, classes, dtype=numpy.int32)

        def at(z):
            p = f(numpy, z).reshape(samples, classes)
            blocks = -p[:, :, None] * p[:, None, :]
            blocks[:, numpy.arange(classes), numpy.arange(classes)] += p
            return sp.csr_array((blocks.ravel(), indices, starts), shape=(p.size, p.size))

        return at

    return Task(f, numpy.random.default_rng(0).standard_normal(samples * classes), by_hand)


# ---- Hessians -----------------------------------------------------------------------------------------------------


def chained_rosenbrock(n: int) -> Task:
    """Each number with the next: a tridiagonal Hessian."""

    def f(np, x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    def by_hand():
        places = numpy.arange(n)[:, None] + numpy.arange(-1, 2)
        indices = places.ravel()[1:-1].astype(numpy.int32)
        starts = numpy.clip(3 * numpy.arange(n + 1) - 1, 0, 3 * n - 2).astype(numpy.int32)

        def at(x):
            data = numpy.zeros((n, 3))
            data[:-1, 1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
            data[1:, 1] += 200
            data[1:, 0] = data[:-1, 2] = -400 * x[:-1]
            return sp.csr_array((data.ravel()[1:-1], indices, starts), shape=(n, n))

        return at

    return Task(f, numpy.linspace(-1.2, 1, n), by_hand, as_written(f), hessian=True)


def extended_rosenbrock(n: int) -> Task:
    """In pairs: a Hessian of two by two blocks."""
    pairs = n // 2

    def f(np, x):
        a, b = x[0::2], x[1::2]
        return np.sum(100 * (b - a**2) ** 2 + (1 - a) ** 2)

    def by_hand():
        first = 2 * numpy.arange(pairs)[:, None]
        indices = (first + numpy.array([0, 1, 0, 1])).ravel().astype(numpy.int32)
        starts = numpy.arange(0, 4 * pairs + 1, 2, dtype=numpy.int32)

        def at(x):
            a, b = x[0::2], x[1::2]
            data = numpy.empty((pairs, 4))
            data[:, 0] = 1200 * a * a - 400 * b + 2
            data[:, 1] = data[:, 2] = -400 * a
            data[:, 3] = 200
            return sp.csr_array((data.ravel(), indices, starts), shape=(2 * pairs, 2 * pairs))

        return at

    return Task(f, numpy.linspace(-1.2, 1, 2 * pairs), by_hand, as_written(f), hessian=True)


JACOBIANS: dict[str, Callable[[int], Task]] = {
    "brusselator": brusselator,
    "burgers": burgers,
    "goddard": goddard,
    "goddard with cost": goddard_with_cost,
    "cart pole": cart_pole,
    "bundle adjustment": bundle_adjustment,
    "fully connected": fully_connected,
    "relu": relu,
    "softmax": softmax,
}
HESSIANS: dict[str, Callable[[int], Task]] = {
    "chained rosenbrock": chained_rosenbrock,
    "extended rosenbrock": extended_rosenbrock,
}

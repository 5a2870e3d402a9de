"""Random NumPy programs, for tests of what must hold for every program.

A program is the source of a Python function, grown statement by statement. Each statement is run as it is added, by
plain NumPy and in float64, at seven points on a line through the inputs; it stays only if the function is still smooth
there: if central differences with a step and with twice that step agree. So finite differences are a sharp reference
for every program that comes out, however long it is, and a statement need not be harmless to be on the list below.
Values and slopes that grow too large are scaled down.
"""

import contextlib
import math
import random
import warnings
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.special
from hypothesis import strategies as st

STEP = 2.0**-9
POINTS = (0, 1, -1, 2, -2, 4, -4)
"""Where programs are run, in steps along the line."""

SMOOTH = 1e-9
"""By how much the slope by one step and by two may differ. It is of order 1."""

BENT = 1e-2
"""By how much the second derivative by one step and by two may differ."""

ROUNDED = 1e-4
"""By how much float32 may differ from float64: no comparison has another outcome."""

LARGEST = 4.0
MOST_ELEMENTS = 100


def differences(at, step=1):
    """The slope at 0 from the values at some points: central differences of fourth order."""
    a, b, c, d = (np.asarray(at[k * step]) for k in (1, -1, 2, -2))
    return (8 * (a - b) - (c - d)) / (12 * STEP * step)


def curvature(at, step=1):
    """The second derivative at 0 from the values at some points."""
    a, b, c = (np.asarray(at[k * step]) for k in (1, 0, -1))
    return (a - 2 * b + c) / (STEP * step) ** 2


@dataclass
class Program:
    """A function of some arrays, as source: `lines` between inputs `x0, x1, ...` and `outputs`, names of variables."""

    inputs: list[np.ndarray]
    direction: list[np.ndarray]
    lines: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    looks_at_values: bool = False
    """Whether it asks for the truth of a traced value, so that it cannot be mapped over a batch."""

    @property
    def source(self):
        names = ", ".join(f"x{i}" for i in range(len(self.inputs)))
        body = "".join(f"    {line}\n" for line in [*self.lines, f"return {', '.join(self.outputs)},"])
        return f"def f({names}):\n{body}"

    def __repr__(self):
        given = zip(self.inputs, self.direction, strict=True)
        values = "".join(
            f"x{i}, t{i} = np.array({x.tolist()}, np.{x.dtype}).reshape({x.shape}), np.array({t.tolist()})\n"
            for i, (x, t) in enumerate(given)
        )
        return f"\n{values}{self.source}"

    def compiled(self, wide):
        """The function; if wide, with float64 wherever it says float32."""
        scope = {**SCOPE, "F32": np.float64 if wide else np.float32}
        exec(self.source, scope)
        return scope["f"]

    @cached_property
    def f(self):
        return self.compiled(wide=False)

    @cached_property
    def wide(self):
        return self.compiled(wide=True)

    @property
    def xs(self):
        """The inputs: arrays of their own or, if 0-d, NumPy scalars."""
        return self.at(0)

    @property
    def ts(self):
        """The direction in which the program is known to be smooth."""
        return [t.astype(x.dtype)[()] for x, t in zip(self.inputs, self.direction, strict=True)]

    @property
    def exact(self):
        """Whether nothing in it is less exact than float64."""
        return "F32" not in self.source and all(x.dtype in (float, complex) for x in self.inputs)

    def line(self):
        """The inputs at every point, in float64."""
        wide = [x.astype(complex if x.dtype.kind == "c" else float) for x in self.inputs]
        return {k: [(x + k * STEP * t)[()] for x, t in zip(wide, self.direction, strict=True)] for k in POINTS}

    def at(self, k):
        """The inputs at one point, in their own dtypes."""
        return [x.astype(own.dtype) for x, own in zip(self.line()[k], self.inputs, strict=True)]

    def slopes(self, f=None):
        """The derivatives of the results of f (by default: of this program) along the line, by finite differences."""
        ys = {k: (self.wide if f is None else f)(*xs) for k, xs in self.line().items()}
        return [differences({k: y[i] for k, y in ys.items()}) for i in range(len(ys[0]))]


# ---- growing a program ------------------------------------------------------------------------------------------

SCOPE = {"np": np, "special": scipy.special, "F32": np.float64}


class Grower:
    """A program so far, with the values of its variables at every point, and at the first in its own dtypes."""

    def __init__(self, program):
        self.program = program
        self.names = [f"x{i}" for i in range(len(program.inputs))]
        self.writable = set()
        self.restart()

    def restart(self):
        """Runs everything again: what a rejected statement has overwritten comes back."""
        given = self.program.line()
        self.at = {k: {**SCOPE, **dict(zip(self.names, xs, strict=False))} for k, xs in given.items()}
        self.own = {**SCOPE, "F32": np.float32, **dict(zip(self.names, self.program.xs, strict=False))}
        for line in self.program.lines:
            self.run(line)

    def run(self, line):
        code = compile(line, "<program>", "exec")
        for scope in (*self.at.values(), self.own):
            exec(code, scope)

    def __getitem__(self, name):
        return self.at[0][name]

    def everywhere(self, name):
        return {k: scope[name] for k, scope in self.at.items()}

    def try_value(self, expression):
        """Adds a variable, if it may stay; scaled down if need be."""
        name = f"v{len(self.program.lines)}"
        if not self.runs(f"{name} = {expression}"):
            return
        size = self.size(name)
        if LARGEST < size < np.inf:
            expression = f"({expression}) * {2.0 ** -math.ceil(math.log2(size))}"
            if not self.runs(f"{name} = {expression}"):
                return
        if self.is_smooth(name):
            self.program.lines.append(f"{name} = {expression}")
            relatives = [n for n in self.names if np.shares_memory(self[n], self[name])]
            if np.ndim(self[name]) and np.size(self[name]) and not relatives:
                self.writable.add(name)
            self.names.append(name)

    def try_write(self, statement):
        """Adds a statement that writes into a variable, if it may stay."""
        if self.runs(statement) and all(map(self.is_smooth, self.names)):
            self.program.lines.append(statement)
        else:
            self.restart()

    def runs(self, line):
        with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
            warnings.simplefilter("error")
            try:
                self.run(line)
            except Exception:  # whatever NumPy does not like is not in the program
                return False
        return True

    def size(self, name):
        at = self.everywhere(name)
        if len({np.shape(v) for v in at.values()}) > 1:
            return np.inf
        with np.errstate(all="ignore"):
            parts = (*at.values(), differences(at))
        return max(float(np.max(np.abs(v), initial=0)) for v in parts)

    def is_smooth(self, name):
        """Whether a variable depends smoothly on the point, and is of moderate size."""
        value = np.asarray(self[name])
        if value.dtype.kind not in "fc" or value.size > MOST_ELEMENTS or not self.size(name) <= LARGEST:
            return False
        at, own = self.everywhere(name), self.own[name]
        if np.shape(own) != value.shape or np.max(np.abs(own - value), initial=0) > ROUNDED:
            return False
        # The second condition sees a corner at the very point, of which differences to both sides take the mean.
        return bool(
            np.all(np.abs(differences(at) - differences(at, 2)) <= SMOOTH)
            and np.all(np.abs(curvature(at) - curvature(at, 2)) <= BENT)
        )

    def pick(self, r, fits=lambda v: True, names=None):
        """A variable that fits, rather one of the last; None if there is none."""
        names = [n for n in self.names if fits(self[n]) and (names is None or n in names)]
        if not names:
            raise NothingFits
        return r.choice(names[-4:] if r.random() < 0.7 else names)


class NothingFits(Exception):
    pass


def is_real(v):
    return np.asarray(v).dtype.kind == "f"


def has_axes(low, high=9):
    return lambda v: low <= np.ndim(v) <= high


def grow(program, choices):
    """Adds a statement for each of `choices`, pairs of a kind and a seed, where one fits; then chooses the outputs."""
    g = Grower(program)
    for kind, seed in choices:
        r = random.Random(seed)
        with contextlib.suppress(NothingFits):
            KINDS[kind](g, r)
    r = random.Random(len(choices))
    program.outputs = [g.names[-1], *r.choices(g.names, k=r.choice([0, 1, 2]))]
    return program


# ---- statements -------------------------------------------------------------------------------------------------


def listed(text):
    """The templates of a table: one-liners between bars, with names of variables to be filled in."""
    return [template.strip() for template in text.replace("\n", "|").split("|") if template.strip()]


UNARY = listed("""
np.sin({a}) | np.cos({a}) | np.tanh({a}) | np.exp({a}) | np.expm1({a}) | np.sinh({a}) | np.cosh({a})
np.square({a}) | -{a} | +{a} | {a} * {a} | {a} ** 2 | {a} ** 3 | {a} ** 2 * 0.5 + {a} | 1 / (3 + {a} * {a})
np.reciprocal({a} + 6) | np.conj({a}) | np.real({a}) | np.imag({a}) | {a}.real | {a}.conj() | abs({a})
np.abs({a} + 5) | np.copy({a}) | 1 / (1 + np.exp(-{a})) | np.exp2({a}) | np.sqrt({a} + 5.5) | np.log({a} + 5.5)
np.log1p({a} * {a}) | np.tan({a} / 4) | np.sign({a}) * {a} | {a}.astype(complex) | np.angle({a} + 5.5)
{a} ** np.float64(2) | 3 - {a} | {a} - 0.5j | 2 * {a} | {a} / 3 | 2.0 / ({a} + 6) | {a}[...] * {a} | {a}[None] + {a}
{a} - np.max(np.abs({a}), initial=0)
""")
REAL = listed("""
np.arctan({a}) | np.arcsinh({a}) | np.arcsin({a} / 5) | np.arccos({a} / 5) | np.arctanh({a} / 5)
np.arccosh({a} + 6) | np.cbrt({a} + 5.5) | np.log2({a} + 5.5) | np.log10({a} + 5.5) | np.fabs({a}) | np.sinc({a})
special.expit({a}) | special.erf({a}) | special.gammaln({a} + 6) | special.log1p({a} * {a}) | np.deg2rad({a} * 30)
({a} + 5.5) ** 1.5 | 2.0**{a} | np.clip({a}, -0.6, 0.7) | {a}.clip(0.1) | np.maximum({a}, 0.1)
np.minimum(0.3, {a}) | np.nan_to_num({a}) | np.where({a} > 0.2, {a}, {a} * {a})
np.where({a} > 0, 1.0, np.exp({a})) | np.floor({a}) + {a} | {a} % 2.5 | np.round({a}) * {a} | {a}.astype(F32)
{a}.astype(float) | np.heaviside({a}, 0.5) * {a} | ({a} > 0) * {a}
np.select([{a} > 0.4, {a} < -0.4], [{a}, {a} * {a}], 0.5) | {a} // 1 + {a} | divmod({a}, 1.5)[1] | np.modf({a})[0]
np.sort({a}, axis=None) | {a} * (np.argmax({a}) if {a}.size else 1)
""")
BINARY = listed("""
{a} + {b} | {a} - {b} | {a} * {b} | {a} * {b} + {a} | {a} / ({b} * {b} + 3) | {a} / ({b} + 6.0) | np.add({a}, {b})
np.multiply({b}, {a}) | np.where(np.real({a}) > 0.1, {a}, {b}) | ({a} + 6) ** {b} | {a} * np.conj({b})
{b} - {a} * 2
""")
REAL_BINARY = listed("""
np.maximum({a}, {b}) | np.minimum({a}, {b}) | np.arctan2({a}, {b} + 5) | np.hypot({a}, {b} + 2)
np.logaddexp({a}, {b}) | np.fmax({a}, {b}) | np.where({a} > {b}, {a}, {b} ** 2) | {a} % ({b} + 7)
np.power({a} + 5.5, {b}) | np.copysign({a}, {b}) | np.clip({a}, {b} - 1, {b} + 1) | np.logaddexp2({a}, {b})
({a} < {b}) * {b}
""")
REDUCTIONS = listed("""
np.sum({a}{k}) | np.mean({a}{k}) | {a}.sum({p}) | {a}.mean({p}) | np.var({a}{k}) | np.prod({a}{k})
np.linalg.norm({a}) | np.sum({a} * {a}{k}) | np.add.reduce({a}{k}) | np.average({a}) | np.sum({a}{k}, initial=0.5)
""")
REAL_REDUCTIONS = listed("""
np.max({a}{k}) | np.min({a}{k}) | {a}.max({p}) | np.std({a} * 0.5 + np.arange({a}.size).reshape({a}.shape){k})
np.logaddexp.reduce({a}{k}) | np.ptp({a}{k}) | np.median({a}{k}) | np.std({a}{k})
""")
# Reshapes are of fresh arrays: which parts of an array a reshape copies is in test_programs_that_failed_once.
ALONG = listed("""
np.cumsum({a}, axis={i}) | np.cumprod({a}, axis={i}) | np.flip({a}, {i}) | np.roll({a}, {n}, axis={i})
np.flip({a}) | np.repeat({a}, 2, axis={i}) | np.diff({a}, axis={i}) | np.concatenate([{a}, {a} * 2], axis={i})
np.sort({a}, axis={i}) | np.stack([{a}, {a} + 1], axis={i}) | np.split({a}, [1], axis={i})[1]
np.split({a}, [1], axis={i})[0] | np.expand_dims({a}, {i}) | np.moveaxis({a}, {i}, 0) | np.swapaxes({a}, {i}, -1)
np.tile({a}, 2) | np.roll({a}, 1) | np.delete({a}, 0, axis={i}) | np.append({a}, {a}, axis={i})
np.take({a}, [0, -1, 0] if {a}.size else [], axis={i}) | np.rollaxis({a}, {i})
np.take_along_axis({a}, np.argsort({a}, axis={i}), axis={i}) | np.array_split({a}, 2, axis={i})[0] | np.ravel({a}) * 1
np.pad({a}, 1) | np.pad({a}, 1, mode='edge') | ({a} * 2).reshape(-1) | {a}.flatten() | {a}.T | {a}.squeeze() * 2
{a}.ravel() * 2 | np.reshape(-{a}, {a}.shape[::-1]) | np.atleast_2d({a}) | {a}[None] | {a}[..., None]
np.broadcast_to({a}, (2, *{a}.shape)) | np.gradient({a}, axis={i}) | abs({a}).reshape({a}.shape, order='F')
np.reshape({a} + 1, (-1, 1)) | {a}.transpose() | {a}.copy() | np.hstack([{a}, {a}]) | np.vstack([{a}, {a}])
np.linalg.norm({a} + 5, axis={i}) | np.insert({a}, 1, 0.5, axis={i})
np.lib.stride_tricks.sliding_window_view({a}, 2, axis={i}) | np.fft.fft({a}, axis={i}) | np.fft.ifft({a}, axis={i})
np.real(np.fft.rfft(np.real({a}), axis={i})) | np.fft.irfft({a}, axis={i})
""")
PRODUCTS = listed("""
np.dot({a}, {b}) | np.inner({a}, {b}) | np.outer({a}, {b}) | np.tensordot({a}, {b}, axes=0) | np.kron({a}, {b})
{a} @ {b} | np.matmul({a}, {b}) | {a}.dot({b}) | {a}.T @ {b} | {a} @ {b}.T | np.vdot({a}, {b})
np.tensordot({a}, {b}, 1) | np.multiply.outer({a}, {b}) | np.einsum('i,j->ij', {a}, {b})
np.einsum('ij,jk->ik', {a}, {b}) | np.einsum('ij,kj', {a}, {b}) | np.einsum('...i,...i->...', {a}, {b})
np.einsum('ij,ij->i', {a}, {b}) | np.einsum('i...,i->...', {a}, {b}) | np.einsum('ij,k->jk', {a}, {b})
np.einsum('ijk,k->ji', {a}, {b}) | np.einsum('i,i', {a}, {b}) | np.linalg.multi_dot([{a}, {b}])
""")
SQUARES = listed("""
np.trace({a}) | np.diag({a}) | np.tril({a}) | np.triu({a}, 1) | np.diagonal({a}) | {a} @ {a}
np.einsum('ij->ji', {a}) | np.rot90({a}) | np.fliplr({a}) | np.einsum('ij,jk,kl->il', {a}, {a}, {a})
np.einsum('ij->', {a}) | np.einsum('ij->j', {a}) | np.linalg.solve({a} + 6 * np.eye(len({a})), {a})
np.linalg.inv({a} + 6 * np.eye(len({a}))) | np.linalg.det({a}) | np.linalg.slogdet({a} + 6 * np.eye(len({a})))[1]
np.linalg.cholesky({a} @ np.conj({a}.T) + 3 * np.eye(len({a}))) | np.linalg.norm({a} + 5, axis=0)
np.linalg.matrix_power({a}, 2) | np.linalg.norm({a} + 5)
""")
NUMBERS = ["0.5", "-0.25", "1.5", "2", "-1", "3", "0.75", "np.float64(0.5)", "True", "np.int64(2)"]


def fill(g, r, templates, **names):
    g.try_value(r.choice(templates).format(**names))


def unary(g, r):
    a = g.pick(r)
    fill(g, r, REAL if is_real(g[a]) and r.random() < 0.6 else UNARY, a=a)


def binary(g, r):
    a = g.pick(r)
    b = g.pick(r, lambda v: broadcasts(np.shape(v), np.shape(g[a])))
    a, b = r.sample([a, b], 2)
    real = is_real(g[a]) and is_real(g[b])
    fill(g, r, REAL_BINARY if real and r.random() < 0.5 else BINARY, a=a, b=b)


def with_constant(g, r):
    a = g.pick(r)
    shape = tuple(n if r.random() < 0.7 else 1 for n in np.shape(g[a]))
    b = literal(r, shape[r.randint(0, len(shape)) :])
    a, b = r.sample([a, b], 2)
    fill(g, r, BINARY, a=a, b=b)


def broadcasts(*shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def literal(r, shape):
    """A number, or an array of integers or floats, as source."""
    if not shape and r.random() < 0.8:
        return r.choice(NUMBERS)
    dtype = r.choice(["int", "float", "float", "F32"])
    values = [r.choice([-2, -1, 1, 2, 3]) / (1 if dtype == "int" else 2) for _ in range(math.prod(shape))]
    text = f"np.array({values}, {dtype})"
    return text if shape == (len(values),) else f"{text}.reshape({shape})"


def reduction(g, r):
    a = g.pick(r)
    n = np.ndim(g[a])
    axis = r.choice([None, *range(-n, n), *([tuple(r.sample(range(n), 2))] if n > 1 else [])])
    keywords = ([f"axis={axis}"] if axis is not None else []) + (["keepdims=True"] if r.random() < 0.3 else [])
    p = ", ".join(keywords)
    fill(
        g,
        r,
        REAL_REDUCTIONS if is_real(g[a]) and r.random() < 0.5 else REDUCTIONS,
        a=a,
        k=f", {p}" if p else "",
        p=p,
    )


def along(g, r):
    a = g.pick(r, has_axes(1))
    n = np.ndim(g[a])
    fill(g, r, ALONG, a=a, i=r.randrange(-n, n), n=r.choice([-1, 1, 2]))


def product(g, r):
    a = g.pick(r, has_axes(1, 3))
    fill(g, r, PRODUCTS, a=a, b=g.pick(r, has_axes(1, 3)))


def square(g, r):
    a = g.pick(r, has_axes(2, 2))
    fill(g, r, SQUARES, a=a)


def join(g, r):
    a = g.pick(r)
    b = g.pick(r, lambda v: np.shape(v) == np.shape(g[a]))
    i = r.randrange(max(1, np.ndim(g[a])))
    g.try_value(
        r.choice(
            [
                f"np.stack([{a}, {b}])",
                f"np.stack([{b}, {a}, {b}], axis=-1)",
                f"np.concatenate([{a}, {b}], axis={i})",
                f"np.block([[{a}, {b}], [{b}, {a}]])",
                f"np.concatenate([np.ravel({a}), np.ravel({g.pick(r)})])",
                f"np.where(np.arange(np.size({a})).reshape(np.shape({a})) % 2 == 0, {a}, {b})",
            ]
        )
    )


# ---- parts of arrays --------------------------------------------------------------------------------------------


def index(r, shape, advanced):
    """A random index into an array of this shape, as source."""
    entries = []
    for n in shape[: r.randint(1, len(shape)) if shape else 0]:
        one = [":", "1:", ":-1", "::2", "::-1", "-2:"]
        if n:
            one += [str(r.randrange(-n, n))] * 3
        if advanced and n:
            some = [r.randrange(-n, n) for _ in range(r.choice([1, 2, 2, 3]))]
            one += [str(some), f"np.array({some})", f"np.array([{some}])"] * 2
            one += [f"np.array({[r.random() < 0.6 for _ in range(n)]})"] * 2
        entries.append(r.choice(one))
    if r.random() < 0.2:
        entries.insert(r.randint(0, len(entries)), "None")
    # An Ellipsis beside an integer for every axis makes a 0-d view, where an index without it makes a number.
    if (r.random() < 0.2 and len(entries) < len(shape)) or not entries:
        entries.insert(r.randint(0, len(entries)), "...")
    return ", ".join(entries)


def selected_shape(a, at):
    try:
        return np.shape(eval(f"a[{at}]", {"a": a, "np": np}))
    except IndexError:  # index arrays that do not broadcast
        raise NothingFits from None


def part(g, r):
    a = g.pick(r, has_axes(1))
    g.try_value(f"{a}[{index(r, np.shape(g[a]), advanced=r.random() < 0.6)}]")


def part_by_value(g, r):
    a = g.pick(r, lambda v: np.ndim(v) and is_real(v))
    before = len(g.program.lines)
    g.try_value(
        r.choice(
            [
                f"{a}[{a} > 0.1]",
                f"{a}[np.abs({a}) < 1]",
                f"{a}[np.nonzero({a} > -0.5)]",
                f"np.sum({a}, where={a} > 0.2)",
                f"{a} * 2 if np.sum({a}) > 0.3 else {a} * {a}",
                f"np.take({a}, np.argsort({a}, axis=None)[:2])",
                f"np.extract({a} > 0, {a})",
                f"np.compress([True, False], {a}, axis=0)",
            ]
        )
    )
    g.program.looks_at_values |= len(g.program.lines) > before


def view(g, r):
    """A part of an array that may be written into, or another name for it."""
    a = g.pick(r, has_axes(1), g.writable)
    before = len(g.names)
    g.try_value(r.choice([f"{a}[{index(r, np.shape(g[a]), advanced=False)}]"] * 4 + [a]))
    if len(g.names) > before:
        g.writable.add(g.names[-1])


def buffer(g, r):
    """An array to be filled."""
    a = g.pick(r)
    shape = r.choice([np.shape(g[a]), (2, 3), (3,), (1, 2), (2, 1, 2)])
    g.try_value(
        r.choice(
            [
                f"{a}.copy()",
                f"np.zeros_like({a})",
                f"np.ones_like({a})",
                f"np.full_like({a}, 0.5)",
                f"np.zeros({shape}, like={a})",
                f"np.zeros_like({a}, shape={shape})",
                f"np.full({shape}, 0.25, like={a})",
            ]
        )
    )


def write(g, r):
    a = g.pick(r, has_axes(1), g.writable)
    shape = np.shape(g[a])
    at = index(r, shape, advanced=r.random() < 0.5)
    target = selected_shape(g[a], at)
    dtype = np.asarray(g[a]).dtype
    b = g.pick(
        r,
        lambda v: (
            np.ndim(v) <= len(target)
            and broadcasts(np.shape(v), target)
            and np.can_cast(np.asarray(v).dtype, dtype, "same_kind")
        ),
    )
    whole = g.pick(r, lambda v: broadcasts(np.shape(v), shape))
    g.try_write(
        r.choice(
            [f"{a}[{at}] = {b}"] * 4
            + [f"{a}[{at}] = {r.choice(NUMBERS)}", f"{a}[{at}] = {b} * {b}", f"{a}[{at}] = np.sin({a}[{at}])"]
            + [f"{a}[{at}] += {b}", f"{a}[{at}] *= {b}", f"{a}[{at}] -= 0.5", f"np.add.at({a}, ({at},), {b})"]
            + [f"{a} += {whole}", f"{a} *= {whole}", f"{a} -= {whole} * 0.5", f"{a} /= 2", f"{a} **= 2"]
            + [f"np.multiply({a}, {whole}, out={a})", f"np.cos({whole}, out={a})", f"np.add({whole}, 1, out={a})"]
            + [f"{a}.fill(0.25)", f"{a}.sort()", f"{a}[...] = {whole}", f"np.subtract.at({a}, ({at},), {b})"]
            + [f"for i in range(1, len({a})): {a}[i] = {a}[i - 1] * 0.5 + {a}[i]"]
            + [f"for row in {a}: row *= 0.5"] * (len(shape) > 1)
        )
    )


KINDS = [unary, unary, unary, binary, binary, with_constant, reduction, along, along, product, square, join]
KINDS += [part, part, view, view, buffer, write, write, write, part_by_value]


# ---- strategies -------------------------------------------------------------------------------------------------

DIMS = st.sampled_from([2, 3, 1, 4, 2, 3, 0])
CHOICE = st.tuples(st.integers(0, len(KINDS) - 1), st.integers(0, 2**20))


def flat(lists):
    return [choice for part in lists for choice in part]


@st.composite
def programs(draw, most=200, dtypes=("float64", "float64", "float32", "complex128"), by_value=True, most_inputs=3):
    """Programs of up to `most` statements."""
    shapes = st.lists(DIMS, max_size=3).filter(lambda s: math.prod(s) <= 24)
    inputs, direction = [], []
    for _ in range(draw(st.integers(1, most_inputs))):
        shape, dtype = draw(shapes), draw(st.sampled_from(dtypes))
        r = np.random.default_rng(draw(st.integers(0, 1000)))
        x, t = r.uniform(-1.5, 1.5, shape), r.uniform(-1, 1, shape)
        if dtype == "complex128":
            x, t = x + 1j * r.uniform(-1, 1, shape), t + 1j * r.uniform(-1, 1, shape)
        inputs.append(np.asarray(np.round(x, 3), dtype))
        direction.append(np.asarray(np.round(t, 2)))
    few = st.lists(CHOICE, min_size=1, max_size=8)
    several = st.lists(few, min_size=1, max_size=8).map(flat)  # in lists of lists, from which parts can be left out
    many = st.lists(several, min_size=1, max_size=8).map(flat)
    choices = draw(st.one_of(few, several, many))[:most]
    if not by_value:
        choices = [c for c in choices if KINDS[c[0]] is not part_by_value]
    return grow(Program(inputs, direction), choices)

"""Random calls of NumPy's functions: for each function, what it may be given.

An entry of `CALLS` says what to draw for each argument and for each keyword of a function, in words that the functions
have in common (an axis, a shape, a mask). What is drawn need not be right: where NumPy raises, so must we. Arrays have
no element that is 0 and no two of the same size, so that small steps lead over no corner.
"""

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

SIDES = (3, 2, 1, 2, 3, 4, 0)


class Slot(NamedTuple):
    """The place of an array that is differentiated by."""

    index: int


class Call:
    """One call in the making."""

    def __init__(self, draw: Callable[..., Any]):
        self.draw = draw
        self.arrays: list[np.ndarray] = []
        self.drawn = 0
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.dtype = draw(st.sampled_from((np.float64, np.float64, np.float32, np.complex128)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the first array."""
        return self.arrays[0].shape if self.arrays else ()

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def one_of(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def dims(self, low: int = 0, high: int = 3) -> tuple[int, ...]:
        return tuple(self.one_of(*SIDES) for _ in range(self.integer(low, high)))

    def array(self, shape: tuple[int, ...], domain: str = "real") -> Slot:
        """An array of the call's dtype, differentiated by."""
        x = self.numbers(shape, domain)
        if np.dtype(self.dtype).kind == "c":
            x = x + 1j * self.numbers(shape, domain)
        self.arrays.append(np.asarray(x, self.dtype))
        return Slot(len(self.arrays) - 1)

    def numbers(self, shape: tuple[int, ...], domain: str = "real") -> np.ndarray:
        """Numbers of which no two are of the same size."""
        n = int(np.prod(shape))
        self.drawn += 1
        step = 9.0 ** (1 / max(n, 12))
        sizes = 0.35 * step ** (self.rng.permutation(max(n, 12))[:n].reshape(shape) + 0.29 * self.drawn)
        sizes *= self.rng.uniform(1, 1 + 0.2 * (step - 1), shape)  # or many a matrix would be singular
        signed = sizes * self.rng.choice([-1.0, 1.0], shape)
        unit = signed / (4 * max(1, np.max(sizes, initial=0) / 3))
        return {"real": signed, "positive": sizes, "unit": unit, "above": sizes + 1}[domain]


# ---- words -----------------------------------------------------------------------------------------------------------


def array(low: int = 0, high: int = 3, domain: str = "real") -> Callable[[Call], Slot]:
    """An array of that many axes."""
    return lambda c: c.array(c.dims(low, high), domain)


def like_first(domain: str = "real") -> Callable[[Call], Slot]:
    """An array that fits the first one: some axes stretched, some left away; seldom one that does not."""

    def kind(c):
        shape = [c.one_of(n, n, n, 1) for n in c.shape][c.integer(0, c.ndim) if c.one_of(0, 0, 1) else 0 :]
        return c.array(tuple(shape) if c.integer(0, 15) else (2, 3), domain)

    return kind


def one_of(*values: Any) -> Callable[[Call], Any]:
    return lambda c: c.one_of(*values)


def integer(low: int, high: int) -> Callable[[Call], int]:
    return lambda c: c.integer(low, high)


def axis(c: Call) -> int:
    return c.integer(-c.ndim, max(c.ndim - 1, 0)) if c.integer(0, 15) else c.ndim


def axis_or_none(c: Call) -> int | None:
    return None if c.one_of(0, 0, 1) else axis(c)


def some_axes(c: Call) -> Any:
    """None, one, or several."""
    several = c.draw(st.lists(st.integers(-c.ndim, c.ndim - 1), max_size=2, unique=True)) if c.ndim else []
    return c.one_of(None, axis(c), axis(c), tuple(several))


def mask(c: Call) -> np.ndarray:
    shape = tuple(c.one_of(n, n, 1) for n in c.shape)[c.one_of(0, 0, 1) :]
    return c.rng.random(shape) < 0.7


def constant(low: int = 0, high: int = 2) -> Callable[[Call], np.ndarray]:
    """An array that is not differentiated by."""
    return lambda c: c.numbers(c.dims(low, high))


def constant_like_first(c: Call) -> np.ndarray:
    return c.numbers(c.shape)


def positions(low: int = 0, high: int = 2) -> Callable[[Call], Any]:
    def kind(c):
        n = max((*c.shape, 1))
        return c.rng.integers(-n, n, c.dims(low, high)) if c.integer(0, 3) else c.integer(-n, n - 1)

    return kind


flag = one_of(True, False)
number = one_of(0.43, 2.0, -1.7, 3, 0)
floats = one_of(np.float64, np.float32, np.complex128, None, float)
dtypes = one_of(np.float64, np.float32, np.complex128, None, int, bool)


def shape_of(c: Call) -> Any:
    """A shape with as many elements as the first array, mostly."""
    n = int(np.prod(c.shape))
    turned, flat = c.shape[::-1], (-1, *c.shape[1:])
    return c.one_of(-1, n, (n,), (1, n), (n, 1, 1), (-1, 1), (2, -1), turned, c.shape, flat, (2, 3))


OUT = object()
"""The keyword out=: an array of the shape and dtype of the result, made with np.zeros_like of a traced array."""


class Entry(NamedTuple):
    """What to draw for one function, and what to call, where that is not the function itself."""

    arguments: Callable[[Call], Sequence[Any]]
    keywords: dict[str, Any]
    run: Callable[..., Any] | None = None


def call(*arguments: Callable[[Call], Any], run: Callable[..., Any] | None = None, **keywords: Any) -> Entry:
    """One thing drawn for each argument; keywords are given or not."""
    return Entry(lambda c: [draw(c) for draw in arguments], keywords, run)


def together(
    arguments: Callable[[Call], Sequence[Any]], run: Callable[..., Any] | None = None, **keywords: Any
) -> Entry:
    """The arguments drawn by one function, where they depend on each other."""
    return Entry(arguments, keywords, run)


ARRAY, VECTOR, MATRIX = array(), array(1, 1), array(2, 2)

# ---- ufuncs ----------------------------------------------------------------------------------------------------------

DOMAINS = {
    **dict.fromkeys(["arccos", "arcsin", "arctanh"], ("unit",)),
    **dict.fromkeys(["log", "log10", "log1p", "log2", "sqrt"], ("positive",)),
    **dict.fromkeys(["power", "float_power"], ("positive", "real")),
    "arccosh": ("above",),
}

INTEGER_SECOND = {"ldexp"}
UNARY = [
    "absolute",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cbrt",
    "conjugate",
    "cos",
    "cosh",
    "deg2rad",
    "degrees",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "frexp",
    "log",
    "log10",
    "log1p",
    "log2",
    "modf",
    "negative",
    "positive",
    "rad2deg",
    "radians",
    "reciprocal",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
]
BINARY = [
    "add",
    "arctan2",
    "copysign",
    "divide",
    "divmod",
    "float_power",
    "fmax",
    "fmin",
    "fmod",
    "heaviside",
    "hypot",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "multiply",
    "nextafter",
    "power",
    "remainder",
    "subtract",
]
REDUCIBLE = [
    "add",
    "multiply",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "logaddexp",
    "logaddexp2",
    "hypot",
    "subtract",
    "divide",
]

UFUNC = {"dtype": floats, "casting": one_of("same_kind", "unsafe", "safe"), "order": one_of(*"KACF"), "out": OUT}


def domain_of(name: str, i: int) -> str:
    return DOMAINS.get(name, ["real"] * 2)[i]


UFUNCS = {
    **{name: call(array(domain=domain_of(name, 0)), **UFUNC) for name in UNARY},
    **{name: call(array(domain=domain_of(name, 0)), like_first(domain_of(name, 1)), **UFUNC) for name in BINARY},
    "ldexp": call(ARRAY, lambda c: c.rng.integers(-3, 3, c.shape), out=OUT),
    **{
        f"{name}.reduce": call(ARRAY, axis=some_axes, dtype=floats, keepdims=flag, initial=number, where=mask, out=OUT)
        for name in REDUCIBLE
    },
    **{f"{name}.accumulate": call(ARRAY, axis=axis, dtype=floats, out=OUT) for name in REDUCIBLE},
    **{
        f"{name}.reduceat": call(array(1, 3), lambda c: c.rng.integers(0, 3, c.integer(1, 3)), axis=axis)
        for name in ("add", "multiply", "maximum", "minimum")
    },
    **{f"{name}.outer": call(ARRAY, array(0, 2), dtype=floats) for name in ("add", "multiply", "divide", "maximum")},
}

# ---- reductions ------------------------------------------------------------------------------------------------------

SUM = {"axis": some_axes, "dtype": floats, "keepdims": flag, "initial": number, "where": mask, "out": OUT}
EXTREME = {"axis": some_axes, "keepdims": flag, "initial": number, "where": mask, "out": OUT}
MEAN = {"axis": some_axes, "dtype": floats, "keepdims": flag, "where": mask, "out": OUT}
VAR = {**MEAN, "ddof": one_of(0, 1, 0.5, 5), "correction": one_of(0, 1)}
RUNNING = {"axis": axis_or_none, "dtype": floats, "out": OUT}

REDUCTIONS = {
    **{name: call(ARRAY, **SUM) for name in ("sum", "prod", "nansum", "nanprod")},
    **{name: call(ARRAY, **EXTREME) for name in ("max", "amax", "min", "amin", "nanmax", "nanmin")},
    **{name: call(ARRAY, **MEAN) for name in ("mean", "nanmean")},
    **{name: call(ARRAY, **VAR) for name in ("var", "std", "nanvar", "nanstd")},
    **{name: call(ARRAY, **RUNNING) for name in ("cumsum", "cumprod", "nancumsum", "nancumprod")},
    **{
        name: call(ARRAY, axis=axis_or_none, dtype=floats, include_initial=flag, out=OUT)
        for name in ("cumulative_sum", "cumulative_prod")
    },
    "ptp": call(ARRAY, axis=some_axes, keepdims=flag, out=OUT),
}

# ---- statistics, calculus, order -------------------------------------------------------------------------------------

METHODS = one_of(
    *[
        "inverted_cdf",
        "averaged_inverted_cdf",
        "closest_observation",
        "interpolated_inverted_cdf",
        "hazen",
        "weibull",
        "linear",
    ],
    *["median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"],
)
POSITIVE_LIKE_FIRST = lambda c: np.abs(c.numbers(c.shape))
QUANTILE = {
    "axis": lambda c: c.one_of(None, axis(c), axis(c), tuple(range(c.ndim))[-2:] or None),
    "method": METHODS,
    "keepdims": flag,
    "out": OUT,
    "weights": POSITIVE_LIKE_FIRST,
}
QS = one_of(0.37, [0.12, 0.83], 0.5, 0.0, 1.0, [[0.3], [0.61]], [], 1.2)


def slopes_of(c: Call) -> list[Any]:
    """For np.gradient: an array, and the distances of its points."""
    x = c.array(c.dims(1, 3))
    points = [c.one_of(0.3, 2, np.cumsum(np.abs(c.numbers((n,))))) if n > 1 else 2 for n in c.shape]
    return [x, *c.one_of([], [0.7], points)]


def samples(c: Call) -> list[Any]:
    """For np.trapezoid: an array, and perhaps the places of its points."""
    x = c.array(c.dims(1, 3))
    return [x, *c.one_of([], [c.array(c.shape)], [c.numbers(c.shape[-1:])])]


def table_of_values(c: Call) -> list[Any]:
    n = c.integer(1, 5)
    return [c.array(c.dims(0, 2)), np.cumsum(0.3 + 0.1 * c.rng.random(n)) - 1, c.array((n,))]


FILLED = lambda c: c.array(tuple(max(n, 1) for n in c.dims()))

STATISTICS = {
    "average": call(FILLED, axis=some_axes, weights=POSITIVE_LIKE_FIRST, keepdims=flag, returned=flag),
    **{name: call(ARRAY, axis=some_axes, keepdims=flag, out=OUT) for name in ("median", "nanmedian")},
    **{name: call(FILLED, QS, **QUANTILE) for name in ("quantile", "nanquantile")},
    **{name: call(FILLED, one_of(30, [12.5, 80], 50.0), **QUANTILE) for name in ("percentile", "nanpercentile")},
    "cov": call(array(0, 2), rowvar=flag, bias=flag, ddof=one_of(0, 1, 2), y=lambda c: c.array(c.shape)),
    "corrcoef": call(array(0, 2), rowvar=flag, y=lambda c: c.array(c.shape)),
    "histogram": call(
        lambda c: c.array((c.integer(2, 6),)),
        bins=one_of(3, [-1.1, 0.03, 0.77, 2.0]),
        density=flag,
        range=one_of((-2.03, 2.51), None),
        weights=lambda c: c.array(c.shape),
    ),
    "histogram_bin_edges": call(
        lambda c: c.array((c.integer(2, 6),)), bins=one_of(3, [-1.1, 0.03]), range=one_of((-2.03, 2.51), None)
    ),
    "bincount": together(
        lambda c: (lambda n: [c.rng.integers(0, 4, n), c.array((n,))])(c.integer(0, 5)), minlength=one_of(0, 6)
    ),
}

CALCULUS = {
    "diff": call(ARRAY, n=one_of(0, 1, 2, 3, -1), axis=axis, prepend=number, append=number),
    "ediff1d": call(ARRAY, to_end=number, to_begin=one_of([1.0, 2.5], 3.0)),
    "gradient": together(slopes_of, axis=some_axes, edge_order=one_of(1, 2)),
    "trapezoid": together(samples, dx=one_of(0.3, 2), axis=axis),
    "interp": together(table_of_values, left=number, right=number, period=one_of(1.37, 3)),
    "unwrap": call(ARRAY, discont=one_of(None, 1.7), axis=axis, period=one_of(6.28, 2, 1.9)),
    "convolve": call(array(0, 1), array(0, 1), mode=one_of("full", "same", "valid", "wrong")),
    "correlate": call(array(0, 1), array(0, 1), mode=one_of("full", "same", "valid")),
    "apply_along_axis": together(
        lambda c: [c.one_of(np.sum, np.sort, np.diag), *(lambda x: [axis(c), x])(c.array(c.dims(1, 3)))]
    ),
    "apply_over_axes": together(
        lambda c: (lambda x: [c.one_of(np.sum, np.max), x, some_axes(c) or 0])(c.array(c.dims()))
    ),
}

KTH = lambda c: c.one_of(*range(max(c.shape[-1:] or (1,)) or 1), -1)
SETS = {name: call(ARRAY, like_first()) for name in ("intersect1d", "union1d", "setdiff1d", "setxor1d")}

ORDER = {
    "sort": call(ARRAY, axis=axis_or_none, kind=one_of("quicksort", "stable", "heapsort"), stable=one_of(None, True)),
    "sort_complex": call(ARRAY),
    "partition": call(ARRAY, KTH, axis=axis_or_none),
    "unique": call(
        ARRAY, return_index=flag, return_inverse=flag, return_counts=flag, axis=axis_or_none, equal_nan=flag
    ),
    **{name: call(ARRAY) for name in ("unique_all", "unique_counts", "unique_inverse")},
    **SETS,
    "trim_zeros": call(array(1, 1), trim=one_of("f", "b", "fb", "x")),
}

# ---- element by element, and selections ------------------------------------------------------------------------------

LIMIT = lambda c: c.one_of(None, -0.51, 0.77, np.array(0.9), c.array(c.shape))
CONDITION = lambda c: c.rng.random(c.shape) < 0.5


def chosen(c: Call) -> list[Any]:
    shape = c.dims(0, 2)
    return [c.rng.integers(0, 2 + (c.integer(0, 9) == 0), shape), [c.array(shape), c.array(shape[1:])]]


def selected(c: Call) -> list[Any]:
    shape = c.dims(0, 2)
    return [[c.rng.random(shape) < 0.5, c.rng.random(shape) < 0.5], [c.array(shape), c.array(shape)]]


ELEMENTWISE = {
    "where": together(lambda c: (lambda x: [CONDITION(c), x, like_first()(c)])(c.array(c.dims()))),
    **{name: call(ARRAY) for name in ("real", "imag", "i0", "sinc", "fix")},
    "angle": call(ARRAY, deg=flag),
    "real_if_close": call(ARRAY, tol=one_of(100, 0.5)),
    "clip": call(ARRAY, LIMIT, LIMIT, out=OUT),
    **{name: call(ARRAY, decimals=one_of(0, 1, 2, -1), out=OUT) for name in ("round", "around")},
    "nan_to_num": call(ARRAY, copy=one_of(True), nan=number, posinf=number, neginf=number),
    "select": together(selected, default=number),
    "choose": together(chosen, mode=one_of("raise", "wrap", "clip"), out=OUT),
}

SELECTIONS = {
    "take": call(ARRAY, positions(), axis=axis_or_none, mode=one_of("raise", "wrap", "clip"), out=OUT),
    "take_along_axis": call(ARRAY, lambda c: c.rng.integers(0, max(1, *c.shape, 1), c.shape), axis=axis_or_none),
    "compress": together(
        lambda c: (lambda x: [c.rng.random(c.integer(0, 3)) < 0.5, x])(c.array(c.dims())), axis=axis_or_none, out=OUT
    ),
    "extract": together(lambda c: (lambda x: [CONDITION(c), x])(c.array(c.dims()))),
}


def index(c: Call) -> Any:
    """A basic or advanced index, or both in one."""
    parts = [index_of_axis(c, n) for n in c.shape[: c.integer(0, c.ndim)]]
    if c.one_of(False, False, True):
        parts.insert(c.integer(0, len(parts)), c.one_of(None, Ellipsis))
    if c.integer(0, 9) == 0:
        return c.rng.random(c.shape) < 0.5
    return parts[0] if len(parts) == 1 and c.one_of(False, True) else tuple(parts)


def index_of_axis(c: Call, n: int) -> Any:
    anywhere = c.integer(-n, max(n - 1, 0))
    several = c.rng.integers(-n, n, c.one_of((2,), (1,), (2, 1), (0,))) if n else slice(None)
    return c.one_of(slice(None), slice(None, None, -1), slice(1, None, 2), anywhere, several, several, n + 1)


def in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a function that writes into its first argument makes of a copy of it."""

    def run(a, *args, **kwargs):
        a = np.copy(a)
        function(a, *args, **kwargs)
        return a

    return run


VALUES = lambda c: c.array(c.dims(0, 1))
PLACES = lambda c: c.rng.integers(-1, max(1, int(np.prod(c.shape))), c.dims(0, 1))

WRITING = {
    "getitem": call(ARRAY, index, run=operator.getitem),
    "setitem": call(ARRAY, index, VALUES, run=in_place(operator.setitem)),
    "put": call(ARRAY, PLACES, VALUES, mode=one_of("raise", "wrap", "clip"), run=in_place(np.put)),
    "place": call(ARRAY, mask, VALUES, run=in_place(np.place)),
    "putmask": call(ARRAY, mask, VALUES, run=in_place(np.putmask)),
    "put_along_axis": call(
        ARRAY,
        lambda c: c.rng.integers(0, max(1, *c.shape, 1), c.shape),
        like_first(),
        axis_or_none,
        run=in_place(np.put_along_axis),
    ),
    "copyto": call(ARRAY, like_first(), where=mask, casting=one_of("same_kind", "unsafe"), run=in_place(np.copyto)),
    "fill_diagonal": call(array(1, 3), VALUES, wrap=flag, run=in_place(np.fill_diagonal)),
    "add.at": call(ARRAY, index, VALUES, run=in_place(np.add.at)),
    "multiply.at": call(ARRAY, index, VALUES, run=in_place(np.multiply.at)),
}

# ---- shapes, joining -------------------------------------------------------------------------------------------------

ORDERS = one_of("C", "F", "A")
SEVERAL = lambda c: (lambda x: [x, *(like_first()(c) for _ in range(c.integer(0, 2)))])(c.array(c.dims()))
SAME = lambda c: (lambda x: [x, *(c.array(c.shape) for _ in range(c.integer(0, 2)))])(c.array(c.dims()))
PERMUTATION = lambda c: c.one_of(None, tuple(c.rng.permutation(c.ndim)), tuple(-1 - c.rng.permutation(c.ndim)), (0, 0))
TWO_AXES = lambda c: c.one_of((0, 1), (-1, 0), (1, -2), (0, 0))
SECTIONS = one_of(1, 2, 3, [1], [1, 2], [2, 1, 5], [])
PADS = lambda c: c.one_of(0, 1, (1, 2), 3, tuple((k % 3, 2 - k % 2) for k in range(c.ndim)), ((1, 0),), 5, -1)
MODES = [
    "constant",
    "edge",
    "wrap",
    "reflect",
    "symmetric",
    "linear_ramp",
    "maximum",
    "minimum",
    "mean",
    "median",
    "empty_",
]

SHAPES = {
    "reshape": call(ARRAY, shape_of, order=ORDERS, copy=one_of(None, True)),
    "ravel": call(ARRAY, order=one_of("C", "F", "A", "K")),
    **{name: call(ARRAY, PERMUTATION) for name in ("transpose", "permute_dims")},
    "matrix_transpose": call(ARRAY),
    "swapaxes": call(ARRAY, axis, axis),
    "moveaxis": call(ARRAY, axis, axis),
    "rollaxis": call(ARRAY, axis, start=integer(-1, 3)),
    "squeeze": call(ARRAY, axis=some_axes),
    "expand_dims": call(ARRAY, one_of(0, -1, (0, 1), (1, -1), 2, (0, 0))),
    **{name: call(ARRAY) for name in ("atleast_1d", "atleast_2d", "atleast_3d", "fliplr", "flipud")},
    "broadcast_to": call(ARRAY, lambda c: c.one_of(c.shape, (2, *c.shape), (3, *c.shape[1:]), 3, (2, 3))),
    "broadcast_arrays": together(SEVERAL),
    "flip": call(ARRAY, axis=some_axes),
    "rot90": call(ARRAY, k=integer(-3, 5), axes=TWO_AXES),
    "roll": together(
        lambda c: (lambda x: [x, *c.one_of([2], [-1, axis(c)], [(1, 2), (0, -1)], [1, (0, 0)], [7])])(c.array(c.dims()))
    ),
    "ix_": together(lambda c: [c.array(c.dims(1, 1)) for _ in range(c.integer(1, 2))]),
    "copy": call(ARRAY, order=one_of(*"KACF")),
    "astype": call(ARRAY, dtypes, copy=flag),
}

JOINING = {
    "concatenate": together(
        lambda c: [SAME(c)], axis=axis_or_none, dtype=floats, out=OUT, casting=one_of("unsafe", "safe")
    ),
    "stack": together(lambda c: [SAME(c)], axis=axis, dtype=floats, out=OUT),
    **{name: together(lambda c: [SAME(c)]) for name in ("vstack", "hstack", "dstack", "column_stack", "block")},
    "append": call(ARRAY, like_first(), axis=axis_or_none),
    "insert": call(FILLED, one_of(0, 1, -1, [0, 1], [1, 1], slice(0, 2), 9), like_first(), axis=axis_or_none),
    "delete": call(ARRAY, one_of(0, -1, [0, 1], slice(None, None, 2), [], 9, [0, 0]), axis=axis_or_none),
    **{name: call(ARRAY, SECTIONS, axis=axis) for name in ("split", "array_split")},
    **{name: call(ARRAY, SECTIONS) for name in ("hsplit", "vsplit", "dsplit")},
    "unstack": call(ARRAY, axis=axis),
    "tile": call(ARRAY, one_of(2, (1, 2), (2, 1, 2), 0, ())),
    "repeat": call(ARRAY, one_of(2, 0, [1, 2, 0], [2]), axis=axis_or_none),
    "resize": call(ARRAY, one_of(4, (2, 3), (0,), (3, 1, 2), 13)),
    "pad": call(
        ARRAY,
        PADS,
        one_of(*MODES),
        constant_values=number,
        stat_length=one_of(1, 2, None),
        end_values=number,
        reflect_type=one_of("even", "odd"),
    ),
}

# ---- matrices, products, polynomials ---------------------------------------------------------------------------------

MATRICES = {
    **{name: call(array(1, 3), offset=integer(-2, 2), axis1=axis, axis2=axis) for name in ("diagonal",)},
    "trace": call(array(1, 3), offset=integer(-2, 2), axis1=axis, axis2=axis, dtype=floats, out=OUT),
    "diag": call(ARRAY, k=integer(-2, 2)),
    "diagflat": call(ARRAY, k=integer(-2, 2)),
    **{name: call(ARRAY, k=integer(-2, 2)) for name in ("tril", "triu")},
    "vander": call(array(0, 1), N=one_of(None, 0, 1, 3), increasing=flag),
}


def contracted(c: Call) -> list[Any]:
    """Two arrays whose last and first axes fit, mostly."""
    a = c.dims(0, 3)
    b = c.dims(0, 2)
    n = c.one_of(*SIDES)
    fits = c.integer(0, 9)
    return [c.array((*a[:2], n) if fits else a), c.array((n, *b) if len(b) < 2 or not fits else (*b[:-1], n, b[-1]))]


def last_axes(c: Call) -> list[Any]:
    """Two arrays with the same last axis."""
    n = c.one_of(*SIDES)
    return [c.array((*c.dims(0, 2), n)), c.array((*c.dims(0, 1), n))]


def threes(c: Call) -> list[Any]:
    n = c.one_of(3, 3, 2)
    batch = c.dims(0, 1)
    return [c.array((*batch, n)), c.array((*c.one_of(batch, ()), 3))]


def tensors(c: Call) -> list[Any]:
    a = c.dims(1, 3)
    k = c.integer(0, len(a))
    axes = c.one_of(k, ([-1 - i for i in range(k)], [k - 1 - i for i in range(k)]))
    return [c.array(a), c.array((*a[len(a) - k :], *c.dims(0, 1))), axes]


def summed(c: Call) -> list[Any]:
    """For np.einsum: subscripts, with repeated indices and without a result, and arrays that fit them, mostly."""
    sizes = {letter: c.one_of(3, 2, 1, 2) for letter in "ijk"}
    words = c.draw(st.lists(st.text("ijk", max_size=3), min_size=1, max_size=3))
    dots = c.integer(0, 3) == 0
    used = sorted(set("".join(words)))
    result = "".join(c.draw(st.permutations(used)))[: c.integer(0, len(used))]
    text = ",".join(("..." if dots else "") + word for word in words)
    text += c.one_of("", "->" + ("..." if dots else "") + result)
    one = lambda letter: sizes[letter] if c.integer(0, 30) else 1
    return [text, *(c.array((*((2,) if dots and c.one_of(0, 1) else ()), *map(one, word))) for word in words)]


PRODUCTS = {
    "dot": together(contracted, out=OUT),
    "matmul": together(contracted, dtype=floats, out=OUT),
    "vdot": call(ARRAY, lambda c: c.array(c.shape[::-1])),
    "inner": together(last_axes),
    "outer": call(ARRAY, array(0, 2), out=OUT),
    "tensordot": together(tensors),
    "kron": call(array(0, 3), array(0, 2)),
    "cross": together(threes, axis=axis),
    "einsum": together(summed, optimize=flag, out=OUT),
    "vecdot": together(last_axes, axis=axis, keepdims=flag),
    "matvec": together(lambda c: (lambda n: [c.array((*c.dims(1, 2), n)), c.array((n,))])(c.one_of(*SIDES))),
    "vecmat": together(lambda c: (lambda n: [c.array((n,)), c.array((*c.dims(0, 1), n, 2))])(c.one_of(*SIDES))),
}

FEW = array(0, 1)
POLYNOMIALS = {
    "polyval": call(FEW, array(0, 2)),
    **{name: call(FEW, FEW) for name in ("polyadd", "polysub", "polymul", "polydiv")},
    "polyder": call(FEW, m=one_of(0, 1, 2, 5, -1)),
    "polyint": call(FEW, m=one_of(0, 1, 2, -1), k=one_of(None, 0.4, [1.0, 2.0])),
    "poly": call(array(0, 2)),
    "roots": call(FEW),
    "polyfit": together(
        lambda c: (lambda n: [np.cumsum(0.4 + c.rng.random(n)), c.array((n, *c.dims(0, 1))), c.integer(0, 2)])(
            c.integer(1, 5)
        ),
        w=lambda c: np.abs(c.numbers(c.shape[:1])),
        cov=one_of(False, True, "unscaled"),
        full=flag,
    ),
}

ENDS = {"num": one_of(5, 1, 0, 2), "endpoint": flag, "dtype": floats, "axis": one_of(0, -1)}
FILL = {"dtype": floats, "shape": one_of(None, 3, (2, 1)), "order": one_of(*"KACF")}
CREATION = {
    **{name: call(ARRAY, **FILL) for name in ("zeros_like", "ones_like")},
    "full_like": call(ARRAY, number, **FILL),
    "linspace": call(array(0, 2), like_first(), retstep=flag, **ENDS),
    "logspace": call(array(0, 2), like_first(), base=one_of(10.0, 2, 2.7), **ENDS),
    "geomspace": call(array(0, 2, "positive"), like_first("positive"), **ENDS),
    "meshgrid": together(
        lambda c: [c.array(c.dims(0, 1)) for _ in range(c.integer(1, 3))],
        indexing=one_of("xy", "ij"),
        sparse=flag,
        copy=flag,
    ),
}

# ---- numpy.linalg and numpy.fft --------------------------------------------------------------------------------------


def square(c: Call) -> list[Any]:
    """A matrix, or a stack, whose size is 0, 1, 2 or 3; seldom one that is no square."""
    n = c.one_of(3, 2, 2, 1, 0)
    return [c.array((*c.dims(0, 1), n, n if c.integer(0, 15) else n + 1))]


def system(c: Call) -> list[Any]:
    (a,) = square(c)
    n = c.shape[-1]
    return [a, c.array(c.one_of((n,), (n, 2), (*c.shape[:-2], n, 1), (2,)))]


def overdetermined(c: Call) -> list[Any]:
    m, n = c.one_of(3, 2, 4), c.one_of(2, 1, 3)
    return [c.array((m, n)), c.array(c.one_of((m,), (m, 2)))]


def chain(c: Call) -> list[Any]:
    ns = [c.one_of(2, 1, 3) for _ in range(c.integer(3, 5))]
    xs = [c.array(pair) for pair in itertools.pairwise(ns)]
    if c.integer(0, 2) == 0:
        xs[-1] = c.array((ns[-2],))
    return [xs]


ORDERS_OF_VECTORS = one_of(None, 1, 2, np.inf, -np.inf, 0, 3, 0.5, -1, "fro")
ORDERS_OF_NORMS = one_of(None, 1, 2, np.inf, -np.inf, -1, -2, "fro", "nuc", 3, 0)
TRIANGLE = one_of("L", "U", "u", "x")
TALL = array(2, 3)
FILLED_MATRICES = lambda c: c.array(tuple(max(n, 1) for n in c.dims(2)))


def adjoint(a: Any) -> Any:
    return np.conjugate(np.swapaxes(a, -1, -2))


def cholesky(a, **kwargs):
    return np.linalg.cholesky(a @ adjoint(a) + np.eye(a.shape[-1], dtype=a.dtype), **kwargs)


def of_values_and_vectors(function, **always):
    """The values, and the sizes of the vectors' elements: signs and phases are LAPACK's."""

    def run(a, **kwargs):
        found = function(a, **always, **kwargs)
        return [np.abs(y) for y in found] if isinstance(found, tuple) else np.abs(found)

    return run


DECOMPOSITIONS = {
    "cholesky": together(square, upper=flag, run=cholesky),
    "eigh": together(square, UPLO=TRIANGLE, run=of_values_and_vectors(np.linalg.eigh)),
    "eig": together(square, run=of_values_and_vectors(np.linalg.eig)),
    "svd": call(FILLED_MATRICES, compute_uv=flag, run=of_values_and_vectors(np.linalg.svd, full_matrices=False)),
    "qr": call(FILLED_MATRICES, mode=one_of("reduced", "r"), run=of_values_and_vectors(np.linalg.qr)),
}

LINALG = {
    "solve": together(system),
    **{name: together(square) for name in ("inv", "det", "slogdet", "eigvals")},
    "matrix_power": call(lambda c: square(c)[0], integer(-2, 4)),
    "norm": call(ARRAY, ord=ORDERS_OF_NORMS, axis=some_axes, keepdims=flag),
    "vector_norm": call(ARRAY, ord=ORDERS_OF_VECTORS, axis=some_axes, keepdims=flag),
    "matrix_norm": call(ARRAY, ord=ORDERS_OF_NORMS, keepdims=flag),
    "cond": call(TALL, p=one_of(None, 1, -1, 2, -2, np.inf, "fro", "nuc")),
    "svdvals": call(TALL),
    "pinv": call(TALL),
    "lstsq": together(overdetermined, rcond=one_of(None, 1e-9, -1)),
    "eigvalsh": call(lambda c: square(c)[0], UPLO=TRIANGLE),
    "multi_dot": together(chain),
    "tensorsolve": together(lambda c: [c.array((2, 3, 6)), c.array((2, 3))], axes=one_of(None, (0,), (0, 2))),
    "tensorinv": together(lambda c: [c.array(c.one_of((4, 2, 2), (2, 2, 4), (6, 2, 3), (2, 3)))], ind=integer(0, 2)),
    "trace": call(TALL, offset=integer(-2, 2), dtype=floats),
    "diagonal": call(TALL, offset=integer(-2, 2)),
    **DECOMPOSITIONS,
    "matrix_transpose": call(ARRAY),
    "cross": together(threes, axis=axis),
    "outer": call(VECTOR, VECTOR),
    "tensordot": together(tensors),
    "matmul": together(contracted),
    "vecdot": together(last_axes, axis=axis),
}

NORM = one_of(None, "backward", "ortho", "forward", "wrong")
LENGTHS = one_of(None, 1, 2, 3, 5, 6, 0)
SIZES = lambda c: c.one_of(None, (2, 3), (4,), (-1, 2), (3, 2))
FILLED_AXES = lambda c: c.array(tuple(max(n, 1) for n in c.dims(1)))
FFT = {
    **{
        name: call(FILLED_AXES, n=LENGTHS, axis=axis, norm=NORM, out=OUT)
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    },
    **{
        name: call(FILLED_AXES, s=SIZES, axes=one_of((0, 1), (-2, -1), (1, 0), (0,), None), norm=NORM)
        for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
    },
    **{name: call(array(1, 3), axes=some_axes) for name in ("fftshift", "ifftshift")},
    **{name: together(lambda c: [c.integer(1, 5), c.array(())]) for name in ("fftfreq", "rfftfreq")},
}

CALLS: dict[str, Entry] = {
    **UFUNCS,
    **REDUCTIONS,
    **STATISTICS,
    **CALCULUS,
    **ORDER,
    **ELEMENTWISE,
    **SELECTIONS,
    **WRITING,
    **SHAPES,
    **JOINING,
    **MATRICES,
    **PRODUCTS,
    **POLYNOMIALS,
    **CREATION,
    **{f"linalg.{name}": entry for name, entry in LINALG.items()},
    **{f"fft.{name}": entry for name, entry in FFT.items()},
}

"""Tracers, running transforms, and `bind`: the one door that every operation goes through."""

import importlib
import itertools
import math
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from .errors import (
    LeakedTracerError,
    LostGradientError,
    MissingRuleError,
    instead,
    may_step_aside,
    scipy_function,
    user_line,
)
from .memory import Memory, read, write
from .primitive import Aval, Primitive

UFUNCS: dict[Any, Primitive] = {}
"""NumPy and SciPy ufunc -> primitive."""

FRONT_ENDS: dict[Any, Callable[..., Any]] = {}
"""NumPy function, or the name of something else a tracer is asked for -> what puts its arguments in order."""

LATE: dict[str, str] = {}
"""A module of NumPy's or SciPy's -> what enters its functions, imported when the first of them is met."""

CREATION = {np.zeros, np.empty, np.ones, np.full, np.asarray, np.asanyarray, np.array}

_levels = itertools.count(1)

_running: ContextVar[tuple["Trace", ...]] = ContextVar("chainrule_running", default=())


def running() -> tuple["Trace", ...]:
    """The transforms of the current thread or task that have started and not ended, the innermost last."""
    return _running.get()


class Trace:
    """One running transform: it says what happens at an operation on the tracers that it owns.

    `level` orders nested transforms: they are numbered as they start, so the innermost has the highest. The
    numbers are never used twice: a tracer that outlives its transform cannot be taken for another's.
    """

    __slots__ = ("level", "state")

    writes_in_place = True
    """Whether an array that only its tracer can reach may be overwritten (see core/memory.py)."""

    def __init__(self, level: int | None = None):
        self.level = next(_levels) if level is None else level

    def __enter__(self):
        _running.set((*_running.get(), self))
        return self

    def __exit__(self, *error: Any) -> None:
        """From here on its tracers are of no use: an operation on one raises."""
        _running.set(_running.get()[:-1])
        self.__class__, self.state = Ended, None  # pyright: ignore[reportAttributeAccessIssue]

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """The result of `primitive` on `args`, of which at least one belongs to this trace."""
        raise NotImplementedError

    def lift(self, value: Any) -> "Tracer":
        """`value`, a constant here, as a tracer of this trace: something that can be written into."""
        raise NotImplementedError

    def hold(self, tracer: "Tracer", value: Any) -> None:
        """Makes `tracer`, which has been written into, stand for `value`, a constant here."""
        new = self.lift(value)
        tracer.primal, tracer.companion = new.primal, new.companion

    def concrete(self, tracer: "Tracer", what: str) -> Any:
        """The plain value under `tracer`, for `what` cannot do with less; an error where there is none."""
        return concrete(tracer.primal, what)

    def is_constant(self, tracer: "Tracer") -> bool:
        """Whether `tracer` has no derivative, so that its value may be used as a Python number."""
        return False

    def frozen(self, tracer: "Tracer") -> Any:
        """What `tracer` stands for now: the same value, which nobody can write into."""
        twin = object.__new__(type(tracer))
        twin._trace, twin.primal, twin.companion, twin.memory = self, tracer.primal, tracer.companion, None
        return twin

    def check_writable(self, tracer: "Tracer") -> None:
        """Raises where `tracer` must not be written into."""

    # Operators and plain ufunc calls come through these two, which a trace may cut short.
    def apply1(self, primitive: Primitive, x: "Tracer") -> Any:
        return bind(primitive, x)

    def apply2(self, primitive: Primitive, a: Any, b: Any) -> Any:
        return bind(primitive, a, b) if _fits(a) and _fits(b) else meet(primitive, a, b)


class Ended(Trace):
    """A transform that has ended, while some of its tracers live on."""

    __slots__ = ()

    def _leaked(self, *args: Any, **kwargs: Any) -> Any:
        raise LeakedTracerError(
            f"a traced value was used (at {user_line()}) after the transform that made it had ended: return it from "
            "the function that was transformed (has_aux=True for what is no result), instead of storing it outside"
        )

    process = lift = hold = concrete = is_constant = frozen = check_writable = apply1 = apply2 = _leaked


def bind(primitive: Primitive, *args: Any, **params: Any) -> Any:
    """Applies `primitive`, handing it to the innermost trace that owns one of `args`."""
    if len(args) == 1:  # most often
        x = args[0]
        if not isinstance(x, Tracer):
            return primitive.impl(x, **params)
        if x.memory is not None:
            read(x)
        return x._trace.process(primitive, args, params)
    top, mixed = None, False
    for arg in args:
        if isinstance(arg, Tracer):
            if arg.memory is not None:
                read(arg)
            if arg._trace is not top:
                mixed = top is not None
                if top is None or arg._trace.level > top.level:
                    top = arg._trace
    if top is None:
        return primitive.impl(*args, **params)
    if mixed:  # what belongs to an outer trace is a constant here, and has to stay one
        args = tuple([frozen(a) if isinstance(a, Tracer) and a._trace is not top else a for a in args])
    return top.process(primitive, tuple(map(operand, args)), params)


def frozen(x: Any) -> Any:
    """`x` for somebody to keep: if it is a tracer, writing into that later does not reach what is kept."""
    if not isinstance(x, Tracer):
        return x
    if x.memory is not None:
        read(x)
    return x._trace.frozen(x)


def is_traced(x: Any) -> bool:
    """Whether `x` is a traced array, or a list, tuple, dict or dataclass with one in it."""
    if isinstance(x, list | tuple):
        return any(map(is_traced, x))
    if isinstance(x, dict):
        return any(map(is_traced, x.values()))
    return isinstance(x, Tracer) or any(is_traced(getattr(x, name)) for name in getattr(x, "__dataclass_fields__", ()))


NUMBERS = frozenset({bool, int, float, complex})


def operand(x: Any) -> Any:
    """`x` as an operation takes it: a tracer, an array of numbers, or a Python number; lists become arrays."""
    if isinstance(x, Tracer) or type(x) in NUMBERS:
        return x
    if type(x) is not np.ndarray and not isinstance(x, np.generic):
        x = plain_array(x)
    if x.dtype.kind not in NUMERIC:
        raise not_numbers(x.dtype)
    return x


NUMERIC = "fciub"
"""The kinds of dtypes that hold numbers."""


def not_numbers(dtype: np.dtype) -> TypeError:
    return TypeError(
        f"an array of dtype {dtype} met a traced array (at {user_line()}); derivatives are of numbers: convert it, "
        "x.astype(float)"
    )


def plain_array(x: Any) -> np.ndarray:
    """`x` as an array; an error if it is of a subclass that has arithmetic of its own, which would be lost."""
    cls = type(x)
    if isinstance(x, np.ndarray) and (
        cls.__mul__ is not np.ndarray.__mul__ or cls.__array_ufunc__ is not np.ndarray.__array_ufunc__
    ):
        raise TypeError(
            f"{cls.__module__}.{cls.__name__}: its arithmetic is not that of an array (used at {user_line()}), and "
            "chainrule differentiates arrays only: take np.asarray(x), or x.filled(...) of a masked array"
        )
    return np.asarray(x)


def aval_of(x: Any) -> Aval:
    """The shape and dtype of an array, a tracer, a number, or whatever else has both."""
    try:
        return Aval(x.shape, x.dtype)
    except AttributeError:
        return Aval((), type(x)) if type(x) in NUMBERS else aval_of(np.asarray(x))


def dtype_of(x: Any) -> np.dtype:
    """The dtype of `x`; for a Python number the one NumPy gives it where nothing else decides."""
    return np.dtype(aval_of(x).dtype)


def concrete(x: Any, what: str) -> Any:
    """The plain value of `x`, for `what`, which needs one."""
    while isinstance(x, Tracer):
        if x.memory is not None:
            read(x)
        x = x._trace.concrete(x, what)
    return x


def front_end(key: Any) -> Callable[..., Any]:
    """What to call for `key`; an error that names it if there is nothing."""
    found = FRONT_ENDS.get(key)
    if found is None and getattr(key, "__module__", None) in LATE:
        importlib.import_module(LATE[key.__module__])
        found = FRONT_ENDS.get(key)
    if found is None:
        raise missing(name_of(key))
    return found


def name_of(function: Any) -> str:
    """`numpy.linalg.solve` for that function."""
    name = getattr(function, "__name__", str(function))
    module = getattr(function, "__module__", None) or next(
        (home for home in UFUNC_HOMES if getattr(sys.modules.get(home), name, None) is function), ""
    )
    return f"{module}.{name}" if module else name


UFUNC_HOMES = ("numpy", "scipy.special")
"""Where ufuncs come from, which do not say so themselves."""


def missing(what: str) -> MissingRuleError:
    return MissingRuleError(
        f"{what}: chainrule has no derivative rule for it (used at {user_line()}). "
        "Write it with other NumPy functions, or give it a rule of your own with chainrule.custom."
    )


# ---- what a tracer answers to -----------------------------------------------------------------------------


def _unary(ufunc: np.ufunc) -> Callable[..., Any]:
    def method(self):
        return self._trace.apply1(UFUNCS[ufunc], self)

    return method


def _binary(ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """The operator, its reflection, and its in-place form."""

    def method(self, other):
        return self._trace.apply2(UFUNCS[ufunc], self, other)

    def reflected(self, other):
        return self._trace.apply2(UFUNCS[ufunc], other, self)

    def in_place(self, other):
        if not self.shape and self.memory is None:  # a NumPy scalar, which nobody can change
            return method(self, other)
        y = method(self, other)
        return write(self, y, ufunc.__name__) if _fits(y) else y

    return method, reflected, in_place


def _fits(other: Any) -> bool:
    """Whether `other` can be an operand; what cannot gets the chance to do it itself."""
    return isinstance(other, _OPERANDS)


def meet(primitive: Primitive, a: Any, b: Any) -> Any:
    """The result of an operator where `a` or `b` is no array: of what LATE knows, a sparse matrix of SciPy's."""
    other = b if isinstance(a, Tracer) else a
    for home in LATE:
        if any(cls.__module__.startswith(home + "._") for cls in type(other).__mro__):
            importlib.import_module(LATE[home])
            return FRONT_ENDS.get(home, lambda *_: NotImplemented)(primitive, a, b)
    return NotImplemented


def _method(name: str, function: Any = None) -> Callable[..., Any]:
    """An ndarray method: the NumPy function of that name, with the tracer as its first argument."""
    function = getattr(np, name) if function is None else function

    def method(self, *args, **kwargs):
        return front_end(function)(self, *args, **kwargs)

    method.__name__ = name
    return method


def _refused(name: str) -> Callable[..., Any]:
    def method(self, *args, **kwargs):
        return front_end(name)(self, *args, **kwargs)

    method.__name__ = name
    return method


MEMORY = frozenset({"base", "ctypes", "data", "flags", "strides"})
"""Attributes of an array that tell where it lies in memory."""


class Tracer:
    """Stands in for an array while a trace watches what is done to it.

    primal: the value underneath (an array, a number, or a tracer of an outer trace); companion: what travels
    with it, by the trace's choice; memory: how it shares NumPy's memory, where that matters (core/memory.py).
    """

    __slots__ = ("_trace", "companion", "memory", "primal")

    _trace: Any
    primal: Any
    companion: Any
    memory: Memory | None

    def __init__(self, trace, primal, companion=None):
        self._trace = trace
        self.primal = primal
        self.companion = companion
        self.memory = None

    # -- shape and dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.primal.shape

    @property
    def dtype(self) -> np.dtype:
        return self.primal.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    # -- NumPy's protocols

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and not kwargs:
            primitive = UFUNCS.get(ufunc)
            if primitive is not None:
                if len(inputs) == 1:
                    return self._trace.apply1(primitive, self)
                if len(inputs) == 2:
                    return self._trace.apply2(primitive, *inputs)
                return bind(primitive, *inputs)
        return front_end("ufunc")(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        if function in CREATION:  # reached through like=, which NumPy does not pass on
            kwargs["like"] = self
        return front_end(function)(*args, **kwargs)

    def __array__(self, dtype=None, copy=None) -> Any:
        if may_step_aside(sys._getframe(1)):
            # No axes: SciPy leaves it to us. One axis: coo_array.dot goes on to the operator. Neither reads the value.
            return np.empty((1,) if sys._getframe(1).f_code.co_name == "dot" else (), object)
        function = scipy_function()
        if function is not None:
            raise LostGradientError(
                f"{function} turns what it is given into a plain array, which would drop the gradient (at "
                f"{user_line()}). Of SciPy, only the ufuncs of scipy.special can be differentiated as they are: "
                f"{instead(function)}, give it a rule with chainrule.custom, or, if no gradient is wanted, pass "
                "chainrule.stop_gradient(x)."
            )
        raise LostGradientError(
            f"a traced array was about to become a plain array, which would drop its gradient (at {user_line()}). "
            "Build arrays of traced values with np.stack or np.concatenate instead of np.array, and fill arrays that "
            "were made with np.zeros_like(x) or np.zeros(shape, like=x), x being a traced array; or import "
            "chainrule.numpy as np, where np.array and np.zeros do that. If no gradient is wanted, pass "
            "chainrule.stop_gradient(x)."
        )

    # -- Python's protocols

    def _number(self, kind: str) -> Any:
        if self._trace.is_constant(self):
            return concrete(self, f"{kind}()")
        raise LostGradientError(
            f"{kind}() of a traced value would drop its gradient (at {user_line()}). Use NumPy functions on it "
            "(np.sin, not math.sin; np.floor and np.round for whole numbers). If it was written into a plain array, "
            "make that array with np.zeros_like(x) or np.zeros(shape, like=x), x being a traced array, or import "
            "chainrule.numpy as np. "
            f"If no gradient is wanted, take {kind}(chainrule.stop_gradient(x))."
        )

    def __float__(self):
        return float(self._number("float"))

    def __int__(self):
        return int(self._number("int"))

    def __complex__(self):
        return complex(self._number("complex"))

    def __index__(self):
        if self.dtype.kind in "iub":
            return concrete(self, "an index").__index__()
        return self._number("int").__index__()

    def __round__(self, ndigits=None):
        return round(self._number("round")) if ndigits is None else np.round(self, ndigits)

    def __bool__(self):
        return bool(concrete(self, "the truth value of an array (in `if`, `while`, `and`, `or`, `not`)"))

    def __iter__(self):
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value):
        return bool((self == value).any())

    __hash__ = object.__hash__

    def __repr__(self):
        return f"<{type(self).__name__} of shape {self.shape}, {self.dtype}>"

    def item(self, *args):
        return np.asarray(self._number("item")).item(*args)

    def tolist(self):
        """Nested lists of traced numbers."""
        return [part.tolist() if part.ndim else part for part in self] if self.ndim else self

    # -- reading and writing parts

    def __getitem__(self, index):
        return FRONT_ENDS["getitem"](self, index)

    def __setitem__(self, index, value):
        FRONT_ENDS["setitem"](self, index, value)

    def fill(self, value):
        self[...] = value

    # -- operators

    __neg__ = _unary(np.negative)
    __pos__ = _unary(np.positive)
    __abs__ = _unary(np.absolute)
    __invert__ = _unary(np.invert)
    __add__, __radd__, __iadd__ = _binary(np.add)
    __sub__, __rsub__, __isub__ = _binary(np.subtract)
    __mul__, __rmul__, __imul__ = _binary(np.multiply)
    __truediv__, __rtruediv__, __itruediv__ = _binary(np.true_divide)
    __floordiv__, __rfloordiv__, __ifloordiv__ = _binary(np.floor_divide)
    __mod__, __rmod__, __imod__ = _binary(np.remainder)
    __pow__, __rpow__, __ipow__ = _binary(np.power)
    __matmul__, __rmatmul__, __imatmul__ = _binary(np.matmul)
    __and__, __rand__, __iand__ = _binary(np.bitwise_and)
    __or__, __ror__, __ior__ = _binary(np.bitwise_or)
    __xor__, __rxor__, __ixor__ = _binary(np.bitwise_xor)
    __lshift__, __rlshift__, __ilshift__ = _binary(np.left_shift)
    __rshift__, __rrshift__, __irshift__ = _binary(np.right_shift)
    __eq__, _, _ = _binary(np.equal)
    __ne__, _, _ = _binary(np.not_equal)
    __lt__, _, _ = _binary(np.less)
    __le__, _, _ = _binary(np.less_equal)
    __gt__, _, _ = _binary(np.greater)
    __ge__, _, _ = _binary(np.greater_equal)
    del _

    def __divmod__(self, other):
        return front_end("ufunc")(np.divmod, "__call__", (self, other), {})

    def __rdivmod__(self, other):
        return front_end("ufunc")(np.divmod, "__call__", (other, self), {})

    # -- ndarray's methods and attributes

    T = property(lambda self: FRONT_ENDS[np.transpose](self))
    mT = property(lambda self: FRONT_ENDS[np.matrix_transpose](self))
    flat = property(lambda self: FRONT_ENDS["flat"](self))
    device = "cpu"

    @property
    def real(self):
        return FRONT_ENDS[np.real](self)

    @real.setter
    def real(self, value):
        self[...] = value + 1j * self.imag if self.dtype.kind == "c" else value

    @property
    def imag(self):
        return FRONT_ENDS[np.imag](self)

    @imag.setter
    def imag(self, value):
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        self[...] = self.real + 1j * value

    def __getattr__(self, name):
        if name in MEMORY:
            raise AttributeError(
                f"ndarray.{name}: a traced array has no memory of its own to look at (at {user_line()}): "
                f"take chainrule.stop_gradient(x).{name}"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def conj(self):
        return np.conjugate(self) if self.dtype.kind == "c" else self

    conjugate = conj

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        return FRONT_ENDS["astype"](self, dtype, casting=casting, copy=copy)

    def reshape(self, *shape, order="C", copy=None):
        return FRONT_ENDS[np.reshape](self, shape[0] if len(shape) == 1 else shape, order=order, copy=copy)

    def transpose(self, *axes):
        return FRONT_ENDS[np.transpose](self, axes[0] if len(axes) == 1 else axes or None)

    def flatten(self, order="C"):
        return FRONT_ENDS[np.copy](FRONT_ENDS[np.ravel](self, order))

    def sort(self, axis=-1, kind=None, order=None, *, stable=None):
        write(self, FRONT_ENDS[np.sort](self, axis, kind, order, stable=stable), "sort")

    def partition(self, kth, axis=-1, kind="introselect", order=None):
        write(self, FRONT_ENDS[np.partition](self, kth, axis, kind, order), "partition")

    def copy(self, order="C"):
        return FRONT_ENDS[np.copy](self, order)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self) -> Any:
        raise TypeError(
            "a traced value cannot be pickled, for it is of use only within the function that is transformed: return "
            "it from there, or pickle chainrule.stop_gradient(x)"
        )

    def to_device(self, device, /, *, stream=None):
        if device != "cpu" or stream is not None:
            raise ValueError(f"to_device: the device is 'cpu', without streams; {device!r} was asked for")
        return self

    def __array_namespace__(self, *, api_version=None):
        return np

    def __format__(self, spec):
        return format(concrete(self, "formatting"), spec) if spec else str(self)

    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argpartition = _method("argpartition")
    argsort = _method("argsort")
    choose = _method("choose")
    clip = _method("clip")
    compress = lambda self, condition, axis=None, out=None: front_end(np.compress)(condition, self, axis, out)  # noqa: E731
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    max = _method("max")
    mean = _method("mean")
    min = _method("min")
    nonzero = _method("nonzero")
    prod = _method("prod")
    put = _method("put")
    ravel = _method("ravel")
    repeat = _method("repeat")
    round = _method("round")
    searchsorted = _method("searchsorted")
    squeeze = _method("squeeze")
    std = _method("std")
    sum = _method("sum")
    swapaxes = _method("swapaxes")
    take = _method("take")
    trace = _method("trace")
    var = _method("var")

    # -- and those that a traced array refuses, with a reason (ops/signatures/refusals.py)

    byteswap = _refused("byteswap")
    dump = _refused("dump")
    dumps = _refused("dumps")
    getfield = _refused("getfield")
    resize = _refused("resize")
    setfield = _refused("setfield")
    setflags = _refused("setflags")
    tobytes = _refused("tobytes")
    tofile = _refused("tofile")
    view = _refused("view")


_OPERANDS = (Tracer, np.ndarray, np.generic, float, int, complex, list, tuple)

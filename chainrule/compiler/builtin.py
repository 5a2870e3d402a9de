"""The way from Python into a plan and back: a builtin function, itself written as IR.

It checks its arguments (type, dtype, shape, contiguity), reads where their numbers stand, makes the arrays of the
results, and calls the plan with all the pointers. Where an argument is not what the plan was made for, it returns an
`int` that says which; the caller then copies or compiles. It takes a fraction of a microsecond; ctypes takes several
for each array.

The places in Python's and NumPy's objects that it reads are those of their public headers (`object.h` and
`ndarraytypes.h`); they are compared with what Python says of the same objects before the first use. If they differ, in
an interpreter that nobody here has seen, `SlowEntry` does the same in Python.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import subnormals
from .llvm import Function, Module, Value, i8, i32, i64, ptr, void
from .native import Program, link
from .target import host

HEAD = object.__basicsize__
"""Bytes that every object begins with; the last pointer of them is its type"""


class Argument(NamedTuple):
    """What a plan was made for: the exact type of an argument, and of an array more."""

    type: type
    """`numpy.ndarray`, `float`, `int`, `bool`, `complex`, or the type of a NumPy scalar"""
    dtype: Any = None
    shape: tuple[int, ...] = ()
    written: bool = False
    """whether the plan writes into the array"""


class Result(NamedTuple):
    """An array that is made for the plan to fill; one without axes is handed out as a scalar."""

    dtype: Any
    shape: tuple[int, ...]


class Options(NamedTuple):
    """How a plan is called."""

    workspace: int = 0
    """bytes of memory that it needs while it runs; calls at the same time have their own"""
    release_gil: bool = False
    """whether other Python threads may run meanwhile: costs a tenth of a microsecond"""
    flush_subnormals: bool = True


class Layout(NamedTuple):
    """Where in an array its parts stand."""

    data: int = HEAD
    ndim: int = HEAD + 8
    dimensions: int = HEAD + 16
    descr: int = HEAD + 40
    flags: int = HEAD + 48


C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400
METH_FASTCALL = 0x80
NEW, RETURN = 93, 76
"""The places of PyArray_New and PyArray_Return in NumPy's table of functions (`__multiarray_api.h`)"""

# ---- what stands where --------------------------------------------------------------------------------------------


def _pointer(at: int) -> int:
    return ctypes.c_void_p.from_address(at).value or 0


@functools.cache
def layout_is_known() -> bool:
    """Whether arrays are laid out as the headers say, in this interpreter and with this NumPy."""
    if HEAD not in (16, 32) or np.ndarray.__basicsize__ < HEAD + 56 or sys.implementation.name != "cpython":
        return False
    at = Layout()
    samples = [np.zeros((2, 3)), np.zeros((3, 4), np.float32)[:, 1:].T, np.array(1), np.zeros((0, 2), bool)]
    for x in samples:
        here = id(x)
        dimensions = _pointer(here + at.dimensions)
        if (
            _pointer(here + HEAD - 8) != id(type(x))
            or _pointer(here + at.data) != x.ctypes.data
            or ctypes.c_int.from_address(here + at.ndim).value != x.ndim
            or any(ctypes.c_ssize_t.from_address(dimensions + 8 * k).value != n for k, n in enumerate(x.shape))
            or _pointer(here + at.descr) != id(x.dtype)
            or ctypes.c_int.from_address(here + at.flags).value & 0xFFFF != x.flags.num & 0xFFFF
        ):
            return False
    return True


@functools.cache
def number_is_known(kind: type) -> bool:
    """Whether the numbers of this type have their bits right after the head."""
    if kind in (bool, int):
        return True
    x = kind(3)
    bits = np.asarray(x).tobytes()
    return kind.__basicsize__ >= HEAD + len(bits) and ctypes.string_at(id(x) + HEAD, len(bits)) == bits


def reads(arguments: Sequence[Argument]) -> bool:
    """Whether the builtin can read such arguments; it is also to be little-endian, and of 64 bits."""
    if sys.byteorder != "little" or sys.maxsize < 2**32 or not layout_is_known():
        return False
    return all(a.type is np.ndarray or number_is_known(a.type) for a in arguments)


@functools.cache
def addresses() -> dict[str, int]:
    """The functions and objects of Python's and NumPy's that a builtin uses, by the names in its table."""
    api = ctypes.pythonapi
    functions = [
        "PyLong_FromLong",
        "PyLong_AsLongLong",
        "PyErr_Occurred",
        "PyErr_Clear",
        "PyErr_NoMemory",
        "PyTuple_New",
    ]
    functions += ["PyTuple_SetItem", "Py_IncRef", "Py_DecRef", "PyEval_SaveThread", "PyEval_RestoreThread"]
    functions += ["PyMem_RawMalloc", "PyMem_RawFree"]
    made = {name: _pointer(ctypes.addressof(getattr(api, name))) for name in functions}
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    table = get(importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API, None)
    made |= {"PyArray_New": _pointer(table + 8 * NEW), "PyArray_Return": _pointer(table + 8 * RETURN)}
    made |= {"None": id(None), "True": id(True)}
    return made


def _object(kind: Any) -> str:
    """The name in the table of a type or a dtype."""
    return f"dtype {kind.str}" if isinstance(kind, np.dtype) else f"type {kind.__module__}.{kind.__qualname__}"


def objects(arguments: Sequence[Argument]) -> dict[str, Any]:
    """The types and dtypes that a builtin for these arguments compares with, by the names in its table."""
    wanted = [k for a in arguments for k in (a.type, np.dtype(a.dtype) if a.type is np.ndarray else a.type)]
    return {_object(k): k for k in [*wanted, np.ndarray]}


ENTER, PLAN, WORKSPACE = "enter", "plan", "workspace"
"""What an entry exports, what it calls, and where it keeps memory from call to call"""

# ---- the builtin --------------------------------------------------------------------------------------------------


class _Writer:
    """Writes `PyObject *entry(PyObject *self, PyObject *const *args, Py_ssize_t nargs)`."""

    def __init__(self, arguments: Sequence[Argument], results: Sequence[Result], options: Options):
        self.module, self.arguments, self.results, self.options = Module(host()), arguments, results, options
        self.f = self.module.function(ENTER, ptr, ptr, i64, returns=ptr)
        self.pointers = self.f.scratch(ptr, max(len(arguments) + len(results), 1))

    def c(self, name: str, *args: Value, returns=ptr) -> Value:
        """A call of one of Python's functions."""
        return self.f.call(self.module.foreign(name, returns, *(a.type for a in args)), *args)

    def known(self, name: str) -> Value:
        """An object whose address is in the table."""
        return self.f.address(self.module.foreign(name))

    def require(self, condition: Value, code: int) -> None:
        """Goes on if the condition holds; else returns the number."""
        self.leave_unless(condition, lambda: self.c("PyLong_FromLong", self.f.constant(code, i64)))

    def leave_unless(self, condition: Value, result: Callable[[], Value]) -> None:
        f = self.f
        yes, no = f.label("yes"), f.label("no")
        f.do(f"br {condition!r}, label %{yes}, label %{no}")
        f.start(no)
        with f.scope():
            f.ret(result())
        f.start(yes)

    def field(self, of: Value, offset: int, type) -> Value:
        return self.f.load(type, self.f.offset(of, offset, i8), aligned=min(type.size, 8))

    def write(self) -> Module:
        f = self.f
        self.require(f.args[2].eq(len(self.arguments)), 0)
        for k, argument in enumerate(self.arguments):
            code, given = -1 - k, f.load(ptr, f.offset(f.args[1], k, ptr))
            right = self.field(given, HEAD - 8, ptr).eq(self.known(_object(argument.type)))
            self.require(right, code)
            at = (
                self.array(given, argument, code) if argument.type is np.ndarray else self.number(given, argument, code)
            )
            f.store(at, f.offset(self.pointers, k, ptr))
        made = self.make_results()
        status = self.run()
        self.leave_unless(status.eq(0), lambda: self.give_up(made, status))
        f.ret(self.handed_out(made))
        return self.module

    # ---- arguments

    def array(self, x: Value, argument: Argument, code: int) -> Value:
        at = Layout()
        wanted = C_CONTIGUOUS | ALIGNED | (WRITEABLE if argument.written else 0)
        right = self.field(x, at.ndim, i32).eq(len(argument.shape))
        right &= self.field(x, at.descr, ptr).eq(self.known(_object(np.dtype(argument.dtype))))
        right &= (self.field(x, at.flags, i32) & wanted).eq(wanted)
        self.require(right, code)
        if argument.shape:
            dimensions = self.field(x, at.dimensions, ptr)
            same = [self.field(dimensions, 8 * k, i64).eq(n) for k, n in enumerate(argument.shape)]
            self.require(functools.reduce(lambda a, b: a & b, same), code)
        return self.field(x, at.data, ptr)

    def number(self, x: Value, argument: Argument, code: int) -> Value:
        f = self.f
        if argument.type is bool:
            at = f.scratch(i8)
            f.store(f.convert(x.eq(self.known("True")), i8, signed=False), at)
            return at
        if argument.type is int:
            at = f.scratch(i64)
            value = self.c("PyLong_AsLongLong", x, returns=i64)

            def failed() -> list[Value]:
                return [self.c("PyErr_Occurred").eq(None)]

            (fits,) = f.when(value.eq(-1), failed, lambda: [f.constant(True, value.type.mask)])
            self.leave_unless(fits, lambda: self.too_large(code))
            f.store(value, at)
            return at
        return f.offset(x, HEAD, i8)

    def too_large(self, code: int) -> Value:
        self.c("PyErr_Clear", returns=void)
        return self.c("PyLong_FromLong", self.f.constant(code, i64))

    # ---- results

    def make_results(self) -> list[Value]:
        f, made = self.f, []
        for k, result in enumerate(self.results):
            dtype, shape = np.dtype(result.dtype), result.shape
            null, number = f.constant(None, ptr), f.constant(dtype.num, i32)
            sizes = self.module.array(f, f"shape{k}", i64, shape) if shape else null
            numbers = (
                f.constant(len(shape), i32),
                sizes,
                number,
                null,
                null,
                f.constant(0, i32),
                f.constant(0, i32),
                null,
            )
            x = self.c("PyArray_New", self.known(_object(np.ndarray)), *numbers)
            self.leave_unless(x.ne(None), lambda: self.dropped(made, f.constant(None, ptr)))
            f.store(self.field(x, Layout().data, ptr), f.offset(self.pointers, len(self.arguments) + k, ptr))
            made.append(x)
        return made

    def dropped(self, made: Sequence[Value], instead: Value) -> Value:
        for x in made:
            self.c("Py_DecRef", x, returns=void)
        return instead

    def give_up(self, made: Sequence[Value], status: Value) -> Value:
        memory = status.eq(-1)

        def code() -> list[Value]:
            return [self.c("PyLong_FromLong", self.f.convert(status, i64))]

        (instead,) = self.f.when(memory, lambda: [self.c("PyErr_NoMemory")], code)
        return self.dropped(made, instead)

    def handed_out(self, made: Sequence[Value]) -> Value:
        f = self.f
        if not made:
            none = self.known("None")
            self.c("Py_IncRef", none, returns=void)
            return none
        made = [x if r.shape else self.c("PyArray_Return", x) for x, r in zip(made, self.results, strict=True)]
        if len(made) == 1:
            return made[0]
        together = self.c("PyTuple_New", f.constant(len(made), i64))
        self.leave_unless(together.ne(None), lambda: self.dropped(made, f.constant(None, ptr)))
        for k, x in enumerate(made):
            self.c("PyTuple_SetItem", together, f.constant(k, i64), x, returns=i32)
        return together

    # ---- the call

    def run(self) -> Value:
        """The plan's status; -1 if there is no memory for it."""
        f, options = self.f, self.options
        thread = self.c("PyEval_SaveThread") if options.release_gil else None
        if options.workspace:
            taken = self.workspace()
            (status,) = f.when(taken.eq(None), lambda: [f.constant(-1, i32)], lambda: [self.call(self.aligned(taken))])
            self.give_back(taken)
        else:
            status = self.call(f.constant(None, ptr))
        if thread is not None:
            self.c("PyEval_RestoreThread", thread, returns=void)
        return status

    def call(self, workspace: Value) -> Value:
        f = self.f
        saved = subnormals.flush(f) if self.options.flush_subnormals else None
        status = self.c(PLAN, self.pointers, workspace, returns=i32)
        if saved is not None:
            subnormals.restore(f, saved)
        return status

    def kept(self) -> Value:
        """Where the workspace is kept between calls; null while a call has it."""
        return self.module.variable(self.f, WORKSPACE, ptr)

    def workspace(self) -> Value:
        f = self.f
        found = f.atomic("xchg", self.kept(), f.constant(None, ptr))
        size = f.constant(self.options.workspace + 64, i64)
        return f.when(found.eq(None), lambda: [self.c("PyMem_RawMalloc", size)], lambda: [found])[0]

    def aligned(self, x: Value) -> Value:
        f = self.f
        place = f.emit(i64, f"ptrtoint {x!r} to i64")
        return f.emit(ptr, f"inttoptr i64 {((place + 63) & -64).text} to ptr")

    def give_back(self, x: Value) -> None:
        f = self.f
        other = f.atomic("xchg", self.kept(), x)

        def free() -> None:
            self.c("PyMem_RawFree", other, returns=void)

        f.when(other.ne(None), free, lambda: None)


def entry_module(
    arguments: Sequence[Argument], results: Sequence[Result] = (), options: Options | None = None
) -> Module:
    """The builtin that calls a plan, as a module of its own, whose table holds the plan.

    So it is compiled quickly however hard LLVM works on the plan, and the plan can be replaced by a better one.

    Parameters
    ----------
    arguments : sequence of Argument
    results : sequence of Result
    options : Options, optional

    Returns
    -------
    Module
        It asks for `plan` and for what `addresses` and `objects` name, and it exports `enter`. A plan is
        `i32 plan(ptr pointers, ptr workspace)`: `pointers` are those to the numbers of the arguments, then of the
        results; it returns 0, or a positive number, which the builtin then returns instead of the results.
    """
    return _Writer(arguments, results, options or Options()).write()


class _MethodDef(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


def callable_of(entry: Program, name: str = "compiled") -> Callable[..., Any]:
    """The builtin of a loaded entry; the entry lives as long as it does, and is its `__self__`.

    Returns
    -------
    callable
        Takes the arguments by position. It returns the result, or a tuple of them, or None if there are none. It
        returns an `int` where it did nothing: 0 if their number is not right, -1 - k if argument k is not what the plan
        was made for, and the plan's own status if that is not 0.
    """
    definition = _MethodDef(name.encode(), entry[ENTER], METH_FASTCALL, None)
    entry.keep.append(definition)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return make(("PyCFunction_NewEx", ctypes.pythonapi))(ctypes.addressof(definition), entry, None)


def fitted(x: Any, wanted: Argument) -> np.ndarray | None:
    """A copy of an array that the builtin has refused, as it wants it; None if it is not of that shape and dtype.

    So it is with arrays that are not contiguous, or have a dtype object of their own. An array that is to be written
    into cannot be replaced by a copy.

    Examples
    --------
    >>> wanted = Argument(np.ndarray, np.dtype(float), (2, 3))
    >>> fitted(np.ones((3, 2)).T, wanted).flags.c_contiguous
    True
    >>> fitted(np.ones((3, 2)), wanted) is None
    True
    """
    if wanted.type is not np.ndarray or wanted.written or not isinstance(x, np.ndarray):
        return None
    dtype = np.dtype(wanted.dtype)
    if x.shape != wanted.shape or x.dtype.newbyteorder("=") != dtype:
        return None
    made = np.empty(wanted.shape, dtype)
    made[...] = x
    return made


class SlowEntry:
    """What the builtin does, in Python: where the layout of objects is unknown. It costs microseconds per array."""

    def __init__(self, program: Program, plan: str, arguments, results, options: Options):
        self.program, self.arguments, self.results, self.options = program, arguments, results, options
        kind = ctypes.CFUNCTYPE if options.release_gil else ctypes.PYFUNCTYPE
        self.plan = kind(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(program[plan])

    def __call__(self, *args: Any) -> Any:
        if len(args) != len(self.arguments):
            return 0
        arrays = []
        for k, (x, a) in enumerate(zip(args, self.arguments, strict=True)):
            array = self.array(x, a)
            if array is None:
                return -1 - k
            arrays.append(array)
        results = [np.empty(r.shape, r.dtype) for r in self.results]
        places = (ctypes.c_void_p * max(len(arrays) + len(results), 1))(*(x.ctypes.data for x in (*arrays, *results)))
        workspace = np.empty(self.options.workspace + 64, np.int8)
        status = self.plan(ctypes.addressof(places), (workspace.ctypes.data + 63) & -64)
        if status:
            return status
        handed_out = tuple(x if x.ndim else x[()] for x in results)
        return None if not handed_out else handed_out[0] if len(handed_out) == 1 else handed_out

    def array(self, x: Any, wanted: Argument) -> np.ndarray | None:
        if type(x) is not wanted.type:
            return None
        if wanted.type is not np.ndarray:
            if wanted.type is int and not -(2**63) <= x < 2**63:
                return None
            return np.array(x)
        flags = x.flags
        usable = flags.c_contiguous and flags.aligned and (flags.writeable or not wanted.written)
        return x if usable and x.dtype == wanted.dtype and x.shape == wanted.shape else None


def enter(
    module: Module,
    plan: Function,
    arguments: Sequence[Argument],
    results: Sequence[Result] = (),
    options: Options | None = None,
    foreign: Mapping[str, int] | None = None,
    level: int = 0,
) -> Callable[..., Any]:
    """Compiles a module and gives the callable of one of its plans.

    Parameters
    ----------
    module : Module
    plan : Function
        One of the module's.
    arguments, results, options
        As of `entry_module`.
    foreign : mapping of str to int, optional
        The addresses of what else the module calls.
    level : {0, 1, 2}

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.compiler.llvm import Module, f64, i32, ptr
    >>> from chainrule.compiler.target import host
    >>> module = Module(host())
    >>> plan = module.function("twice", ptr, ptr, returns=i32)
    >>> source, goal = (plan.load(ptr, plan.offset(plan.args[0], k, ptr)) for k in range(2))
    >>> _ = plan.vector_loop(3, 1, lambda lanes: lanes.store(lanes.load(f64, source) * 2.0, goal))
    >>> plan.ret(plan.constant(0, i32))
    >>> twice = enter(module, plan, [Argument(np.ndarray, float, (3,))], [Result(float, (3,))])
    >>> twice(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    >>> twice(np.ones(4))
    -1
    """
    options = options or Options()
    program = link(module, foreign, level)
    if not reads(arguments):
        return SlowEntry(program, plan.name, arguments, results, options)
    return callable_of(entry_of(program[plan.name], arguments, results, options, keep=[program]))


def entry_of(
    plan: int,
    arguments: Sequence[Argument],
    results: Sequence[Result] = (),
    options: Options | None = None,
    keep: Sequence[Any] = (),
) -> Program:
    """The loaded entry to the plan at an address; `entry.redirect("plan", better)` puts another in its place."""
    module, known = entry_module(arguments, results, options), objects(arguments)
    entry = link(module, addresses() | {name: id(x) for name, x in known.items()} | {PLAN: plan}, keep=[*keep, known])
    if WORKSPACE in entry.addresses:
        entry.on_unload(functools.partial(_free, entry[WORKSPACE]))
    return entry


def _free(place: int) -> None:
    """Frees the memory that a program has kept between its calls."""
    ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyMem_RawFree", ctypes.pythonapi))(_pointer(place))

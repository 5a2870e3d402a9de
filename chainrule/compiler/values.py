"""Types and values of the program that is written; `llvm.py` says how."""

from __future__ import annotations

import functools
import math
import struct
from typing import Any

# ---- types --------------------------------------------------------------------------------------------------------


class Type:
    """A number of some size, a pointer, or a vector of numbers."""

    __slots__ = ("bits", "element", "kind", "name", "short", "width")

    def __init__(self, name: str, kind: str, bits: int, short: str):
        self.name, self.kind, self.bits, self.short, self.width = name, kind, bits, short, 1
        self.element = self

    def vector(self, width: int) -> Type:
        """The type of `width` of these; of one it is the element itself."""
        return self.element if width == 1 else _vector(self.element, width)

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def size(self) -> int:
        """Bytes of one element in memory."""
        return max(self.bits // 8, 1)

    @property
    def integer(self) -> Type:
        """Integers of the same size and number."""
        return INTEGERS[self.bits].vector(self.width)

    @property
    def mask(self) -> Type:
        """One truth value for each number."""
        return i1.vector(self.width)

    def __repr__(self) -> str:
        return self.name


@functools.cache
def _vector(element: Type, width: int) -> Type:
    made = Type(f"<{width} x {element.name}>", element.kind, element.bits, f"v{width}{element.short}")
    made.width, made.element = width, element
    return made


f64 = Type("double", "float", 64, "f64")
f32 = Type("float", "float", 32, "f32")
i64 = Type("i64", "int", 64, "i64")
i32 = Type("i32", "int", 32, "i32")
i16 = Type("i16", "int", 16, "i16")
i8 = Type("i8", "int", 8, "i8")
i1 = Type("i1", "int", 1, "i1")
ptr = Type("ptr", "pointer", 64, "p0")
void = Type("void", "void", 0, "")

INTEGERS = {64: i64, 32: i32, 16: i16, 8: i8, 1: i1}


def literal(value: Any, type: Type) -> str:
    """A number as LLVM reads it: floats in decimal where that is short and exact, else their bits."""
    if type.kind == "pointer":
        return "null"
    if not type.is_float:
        return str(int(value)) if type is not i1 else ("true" if value else "false")
    value = float(value)
    if type.bits == 32:
        value = float_of(value)
    if math.isfinite(value) and abs(value) < 1e6 and value * 1024 == int(value * 1024):
        return repr(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def float_of(value: float) -> float:
    """The float32 nearest to a number."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


# ---- values -------------------------------------------------------------------------------------------------------


class Value:
    """A result of an instruction, an argument or a constant.

    Operators write instructions; a Python number stands for the constant of the same type, a single value beside a
    vector for a vector of it. Comparisons of floats mean what NumPy's do: with a NaN all are false, and `ne` is true.
    `f` is the `Function` that it belongs to.
    """

    __slots__ = ("f", "text", "type")

    def __init__(self, f: Any, text: str, type: Type):
        self.f, self.text, self.type = f, text, type

    def __repr__(self) -> str:
        return f"{self.type.name} {self.text}"

    def __add__(self, other: Any) -> Value:
        return self.f.arithmetic("fadd", "add", self, other)

    def __radd__(self, other: Any) -> Value:
        return self.f.arithmetic("fadd", "add", other, self)

    def __sub__(self, other: Any) -> Value:
        return self.f.arithmetic("fsub", "sub", self, other)

    def __rsub__(self, other: Any) -> Value:
        return self.f.arithmetic("fsub", "sub", other, self)

    def __mul__(self, other: Any) -> Value:
        return self.f.arithmetic("fmul", "mul", self, other)

    def __rmul__(self, other: Any) -> Value:
        return self.f.arithmetic("fmul", "mul", other, self)

    def __truediv__(self, other: Any) -> Value:
        return self.f.arithmetic("fdiv", "sdiv", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self.f.arithmetic("fdiv", "sdiv", other, self)

    def __and__(self, other: Any) -> Value:
        return self.f.arithmetic("and", "and", self, other)

    def __or__(self, other: Any) -> Value:
        return self.f.arithmetic("or", "or", self, other)

    def __xor__(self, other: Any) -> Value:
        return self.f.arithmetic("xor", "xor", self, other)

    def __lshift__(self, other: Any) -> Value:
        return self.f.arithmetic("shl", "shl", self, other)

    def __rshift__(self, other: Any) -> Value:
        """Shifts right and keeps the sign."""
        return self.f.arithmetic("ashr", "ashr", self, other)

    def shifted(self, other: Any) -> Value:
        """Shifts right and brings in zeros."""
        return self.f.arithmetic("lshr", "lshr", self, other)

    def __neg__(self) -> Value:
        return self.f.emit(self.type, f"fneg {self.type.name} {self.text}") if self.type.is_float else 0 - self

    def __invert__(self) -> Value:
        return self ^ (True if self.type.element is i1 else -1)

    def __lt__(self, other: Any) -> Value:
        return self.f.compare("olt", "slt", self, other)

    def __le__(self, other: Any) -> Value:
        return self.f.compare("ole", "sle", self, other)

    def __gt__(self, other: Any) -> Value:
        return self.f.compare("ogt", "sgt", self, other)

    def __ge__(self, other: Any) -> Value:
        return self.f.compare("oge", "sge", self, other)

    def eq(self, other: Any) -> Value:
        return self.f.compare("oeq", "eq", self, other)

    def ne(self, other: Any) -> Value:
        return self.f.compare("une", "ne", self, other)

    def is_nan(self) -> Value:
        return self.f.compare("uno", "", self, self)

    def bits(self) -> Value:
        """The same bits as integers."""
        return self.f.bitcast(self, self.type.integer)

    def as_float(self) -> Value:
        """The same bits as floats."""
        return self.f.bitcast(self, {64: f64, 32: f32}[self.type.bits].vector(self.type.width))

    def __bool__(self) -> bool:
        raise TypeError("a value of the program that is written has no truth while it is written: use select or branch")

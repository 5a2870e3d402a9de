"""LLVM IR, written as text: values with Python's operators, loops and branches as callbacks.

    module = Module(host())
    f = module.function("scale", ptr, ptr, i64)
    source, result, n = f.args

    def body(lanes):
        lanes.store(lanes.load(f64, source) * 2.0 + 1.0, result)

    f.vector_loop(n, module.target.lanes(64), body)
    f.ret()
    print(module)

What callbacks return is carried on (the state of a loop, the results of a branch, what is to be reduced); None stands
for nothing.

Everything is generic in the width: the same code makes vectors of eight numbers, of two, and single ones. Vectors are
explicit, and what is computed twice in one place is written once, so LLVM is asked for no optimisation before it makes
code: its passes gain nothing on such text, and double the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from .target import Target
from .values import Type, Value, f32, f64, float_of, i1, i8, i16, i32, i64, literal, ptr, void
from .vectorloops import Lanes, Reduction, VectorLoop

__all__ = [
    "RARE",
    "Foreign",
    "Function",
    "Lanes",
    "Module",
    "Reduction",
    "Type",
    "Value",
    "f32",
    "f64",
    "float_of",
    "i1",
    "i8",
    "i16",
    "i32",
    "i64",
    "literal",
    "ptr",
    "void",
]


class Foreign(NamedTuple):
    """A function of C's, called through the module's table of addresses."""

    name: str
    place: int
    returns: Type
    parameters: tuple[Type, ...]


# ---- functions ----------------------------------------------------------------------------------------------------

INTERNAL = "internal "
RARE = "noinline optnone"
"""The attributes of a function that is to be made quickly, whatever the level"""


class Function:
    """One function: instructions are added at its end.

    An instruction without effects that stands there already, where it is sure to have been executed, is not written
    again.
    """

    def __init__(
        self, module: Module, name: str, returns: Type, parameters: Sequence[Type], linkage: str, attributes: str
    ):
        self.module, self.name, self.returns, self.linkage = module, name, returns, linkage
        self.attributes = attributes
        self.args = tuple(Value(self, f"%a{k}", t) for k, t in enumerate(parameters))
        self.lines: list[str] = []
        self.here = "entry"
        """the label of the block that is being written"""
        self.flags = ""
        """what LLVM may assume of floating-point arithmetic, as `reassoc contract `; nothing unless asked for"""
        self._count = 0
        self._frame: list[str] = []
        self._scopes: list[dict[Any, Any]] = [{}]

    @property
    def target(self) -> Target:
        return self.module.target

    def __str__(self) -> str:
        parameters = ", ".join(f"{a.type.name} {a.text}" for a in self.args)
        body = "\n".join(line if line.endswith(":") else "  " + line for line in ("entry:", *self._frame, *self.lines))
        return f"define {self.linkage}{self.returns.name} @{self.name}({parameters}) {self.attributes} {{\n{body}\n}}\n"

    # ---- instructions

    def emit(self, type: Type, instruction: str, pure: bool = True) -> Value:
        """The result of an instruction; pure: it depends on what it names only, and does nothing else."""
        if pure:
            for scope in reversed(self._scopes):
                found = scope.get(instruction)
                if found is not None:
                    return found
        self._count += 1
        value = Value(self, f"%v{self._count}", type)
        self.lines.append(f"{value.text} = {instruction}")
        if pure:
            self._scopes[-1][instruction] = value
        return value

    def once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What `make` gives; where it is sure to have been executed already, what it gave then for the same key."""
        for scope in reversed(self._scopes):
            if key in scope:
                return scope[key]
        made = self._scopes[-1][key] = make()
        return made

    def do(self, instruction: str) -> None:
        """An instruction without a result."""
        self.lines.append(instruction)

    def note(self, text: str) -> None:
        """A comment."""
        self.lines.append(f"; {text}")

    def constant(self, value: Any, type: Type) -> Value:
        text = literal(value, type.element)
        return Value(self, text if type.width == 1 else f"splat ({type.element.name} {text})", type)

    def undefined(self, type: Type) -> Value:
        return Value(self, "poison", type)

    def together(self, a: Any, b: Any) -> tuple[Value, Value]:
        """Two operands of one type: a number becomes a constant, a single value beside a vector a vector."""
        if not isinstance(a, Value):
            a = self.constant(a, b.type)
        elif not isinstance(b, Value):
            b = self.constant(b, a.type)
        if a.type is not b.type:
            if a.type.width < b.type.width:
                a = self.splat(a, b.type.width)
            else:
                b = self.splat(b, a.type.width)
            if a.type is not b.type:
                raise TypeError(f"{a!r} and {b!r} are of different types")
        return a, b

    def arithmetic(self, of_floats: str, of_integers: str, a: Any, b: Any) -> Value:
        a, b = self.together(a, b)
        op = of_floats + " " + self.flags if a.type.is_float else of_integers + " "
        return self.emit(a.type, f"{op}{a.type.name} {a.text}, {b.text}")

    def compare(self, of_floats: str, of_integers: str, a: Any, b: Any) -> Value:
        a, b = self.together(a, b)
        op = f"fcmp {of_floats}" if a.type.is_float else f"icmp {of_integers}"
        return self.emit(a.type.mask, f"{op} {a.type.name} {a.text}, {b.text}")

    def select(self, condition: Value, a: Any, b: Any, *, type: Type | None = None) -> Value:
        """a where the condition holds, b elsewhere; they may be numbers, both of them if their type is given."""
        if type is not None:
            a = a if isinstance(a, Value) else self.constant(a, type)
        a, b = self.together(a, b)
        if condition.type.width < a.type.width:
            condition = self.splat(condition, a.type.width)
        elif condition.type.width > a.type.width:
            a, b = self.splat(a, condition.type.width), self.splat(b, condition.type.width)
        texts = f"{condition.type.name} {condition.text}, {a.type.name} {a.text}, {b.type.name} {b.text}"
        return self.emit(a.type, f"select {texts}")

    def intrinsic(self, name: str, *args: Value, returns: Type | None = None, pure: bool = True) -> Value:
        """`llvm.<name>` of arguments that are all of one type."""
        kind, returns = args[0].type, returns or args[0].type
        full = f"llvm.{name}.{kind.short}"
        self.module.declare(full, returns, [a.type for a in args])
        return self.emit(returns, f"call {returns.name} @{full}({', '.join(map(repr, args))})", pure)

    def convert(self, x: Value, type: Type, signed: bool = True) -> Value:
        """The same numbers as another type (its element; the width stays), rounded or cut as C does."""
        source, goal = x.type, type.element.vector(x.type.width)
        if source is goal:
            return x
        signed = signed and source.element is not i1
        if source.is_float and goal.is_float:
            op = "fpext" if goal.bits > source.bits else "fptrunc"
        elif goal.element is i1:
            return x.ne(0)
        elif goal.is_float:
            op = "sitofp" if signed else "uitofp"
        elif source.is_float:
            op = "fptosi" if signed else "fptoui"
        else:
            op = "trunc" if goal.bits < source.bits else "sext" if signed else "zext"
        return self.emit(goal, f"{op} {source.name} {x.text} to {goal.name}")

    def bitcast(self, x: Value, type: Type) -> Value:
        return x if x.type is type else self.emit(type, f"bitcast {x.type.name} {x.text} to {type.name}")

    # ---- vectors

    def splat(self, x: Value, width: int) -> Value:
        """A vector of equal elements."""
        if width == 1 or x.type.width == width:
            return x
        goal, width_of_mask = x.type.vector(width), i32.vector(width).name
        if not x.text.startswith("%"):
            return Value(self, f"splat ({x.type.name} {x.text})", goal)
        one = self.emit(goal, f"insertelement {goal.name} poison, {x!r}, i32 0")
        return self.emit(goal, f"shufflevector {one!r}, {goal.name} poison, {width_of_mask} zeroinitializer")

    def iota(self, type: Type) -> Value:
        """0, 1, 2, ..."""
        if type.width == 1:
            return self.constant(0, type)
        return self.vector([literal(k, type.element) for k in range(type.width)], type)

    def vector(self, texts: Sequence[str], type: Type) -> Value:
        """A constant vector of the given elements."""
        return Value(self, f"<{', '.join(f'{type.element.name} {t}' for t in texts)}>", type)

    def element(self, x: Value, k: int) -> Value:
        if x.type.width == 1:
            return x
        return self.emit(x.type.element, f"extractelement {x!r}, i32 {k}")

    def insert(self, x: Value, k: int, element: Value) -> Value:
        if x.type.width == 1:
            return element
        return self.emit(x.type, f"insertelement {x!r}, {element!r}, i32 {k}")

    def shuffle(self, x: Value, places: Sequence[int], y: Value | None = None) -> Value:
        """The elements of x, and of y after them, that stand at these places."""
        goal, second = x.type.vector(len(places)), "poison" if y is None else y.text
        if goal.width == 1:
            return self.element(x, places[0])
        mask = ", ".join(f"i32 {k}" for k in places)
        return self.emit(goal, f"shufflevector {x!r}, {x.type.name} {second}, <{goal.width} x i32> <{mask}>")

    def fold(self, x: Value, combine: Callable[[Value, Value], Value]) -> Value:
        """All elements combined into one, the upper half with the lower, again and again."""
        while x.type.width > 1:
            half = x.type.width // 2
            x = combine(self.shuffle(x, range(half)), self.shuffle(x, range(half, 2 * half)))
        return x

    def any(self, mask: Value) -> Value:
        """Whether one of the lanes holds."""
        if mask.type.width == 1:
            return mask
        self.module.declare(f"llvm.vector.reduce.or.{mask.type.short}", i1, [mask.type])
        return self.emit(i1, f"call i1 @llvm.vector.reduce.or.{mask.type.short}({mask!r})")

    def each(self, function: Callable[..., Value], type: Type, *args: Value) -> Value:
        """`function` of the elements, one by one: for what there is no vector form of."""
        width = args[0].type.width
        made = self.undefined(type.vector(width))
        for k in range(width):
            made = self.insert(made, k, function(*(self.element(a, k) for a in args)))
        return made

    # ---- memory

    def offset(self, base: Value, index: Value | int, element: Type) -> Value:
        """The address of `base[index]`, or a vector of such addresses."""
        if not isinstance(index, Value):
            index = self.constant(index, i64)
        goal = ptr.vector(index.type.width)
        return self.emit(goal, f"getelementptr {element.name}, ptr {base.text}, {index!r}")

    def load(self, type: Type, at: Value, mask: Value | None = None, aligned: int | None = None) -> Value:
        """What stands at an address; lanes outside the mask are zero, and are not read."""
        align = aligned or (8 if type.kind == "pointer" else type.size)
        if mask is None:
            return self.emit(type, f"load {type.name}, {at!r}, align {align}", pure=False)
        if type.width == 1:
            raise ValueError("a mask needs a vector")
        name = f"llvm.masked.load.{type.short}.p0"
        self.module.declare(name, type, [ptr, i32, mask.type, type])
        zero = "zeroinitializer"
        text = f"call {type.name} @{name}({at!r}, i32 {align}, {mask!r}, {type.name} {zero})"
        return self.emit(type, text, pure=False)

    def store(self, value: Value, at: Value, mask: Value | None = None, aligned: int | None = None) -> None:
        align = aligned or (8 if value.type.kind == "pointer" else value.type.size)
        if mask is None:
            return self.do(f"store {value!r}, {at!r}, align {align}")
        name = f"llvm.masked.store.{value.type.short}.p0"
        self.module.declare(name, void, [value.type, ptr, i32, mask.type])
        return self.do(f"call void @{name}({value!r}, {at!r}, i32 {align}, {mask!r})")

    def gather(self, element: Type, base: Value, index: Value, mask: Value | None = None) -> Value:
        """`base[index]`, lane by lane; lanes outside the mask are zero, and are not read."""
        goal, at = element.vector(index.type.width), self.offset(base, index, element)
        if goal.width == 1:
            return self.load(goal, at)
        name = f"llvm.masked.gather.{goal.short}.{at.type.short}"
        self.module.declare(name, goal, [at.type, i32, goal.mask, goal])
        mask = self.constant(True, goal.mask) if mask is None else mask
        text = f"call {goal.name} @{name}({at!r}, i32 {element.size}, {mask!r}, {goal.name} zeroinitializer)"
        return self.emit(goal, text, pure=False)

    def scatter(self, value: Value, base: Value, index: Value, mask: Value | None = None) -> None:
        """`base[index] = value`, lane after lane."""
        at = self.offset(base, index, value.type.element)
        if value.type.width == 1:
            return self.store(value, at)
        name = f"llvm.masked.scatter.{value.type.short}.{at.type.short}"
        self.module.declare(name, void, [value.type, at.type, i32, value.type.mask])
        mask = self.constant(True, value.type.mask) if mask is None else mask
        return self.do(f"call void @{name}({value!r}, {at!r}, i32 {value.type.element.size}, {mask!r})")

    def scratch(self, type: Type, count: int = 1) -> Value:
        """Memory that lasts as long as the call does; asked for in a loop, it is the same in every turn."""
        self._frame.append(f"%s{len(self._frame)} = alloca {type.element.name}, i64 {count}, align 64")
        return Value(self, f"%s{len(self._frame) - 1}", ptr)

    # ---- memory that threads share

    def atomic_load(self, type: Type, at: Value) -> Value:
        return self.emit(type, f"load atomic {type.name}, {at!r} acquire, align {type.size}", pure=False)

    def atomic_store(self, value: Value, at: Value) -> None:
        self.do(f"store atomic {value!r}, {at!r} release, align {value.type.size}")

    def atomic(self, op: str, at: Value, value: Value) -> Value:
        """`*at = op(*at, value)` in one step (xchg, add, ...); what was there before."""
        return self.emit(value.type, f"atomicrmw {op} {at!r}, {value!r} acq_rel", pure=False)

    def exchange_if(self, at: Value, expected: Value, value: Value) -> Value:
        """`*at = value` if `*at == expected`, in one step; whether it was."""
        kind = f"{{ {value.type.name}, i1 }}"
        pair = self.emit(value.type, f"cmpxchg {at!r}, {expected!r}, {value!r} acq_rel acquire", pure=False)
        return self.emit(i1, f"extractvalue {kind} {pair.text}, 1")

    def pause(self) -> None:
        """Tells the processor that this thread waits for another."""
        if self.target.is_x86:
            self.module.declare("llvm.x86.sse2.pause", void, [])
            self.do("call void @llvm.x86.sse2.pause()")
        elif self.target.is_arm:
            self.module.declare("llvm.aarch64.hint", void, [i32])
            self.do("call void @llvm.aarch64.hint(i32 1)")

    # ---- calls

    def call(self, callee: Function | Foreign | Value, *args: Value, returns: Type = void) -> Value:
        """Calls a function of the module, of C's, or at an address; only of the last `returns` has to be said."""
        texts = ", ".join(map(repr, args))
        if isinstance(callee, Value):
            where = callee.text
        else:
            where = f"@{callee.name}" if isinstance(callee, Function) else self.address(callee).text
            returns = callee.returns
        if returns is void:
            self.do(f"call void {where}({texts})")
            return self.undefined(void)
        return self.emit(returns, f"call {returns.name} {where}({texts})", pure=False)

    def do_call(self, callee: Function | Foreign | Value, *args: Value) -> None:
        """A call for its effects alone."""
        self.call(callee, *args)

    def address(self, entry: Foreign) -> Value:
        """What the module's table holds: the address of a function of C's, or of an object."""
        at = self.emit(ptr, f"getelementptr ptr, ptr @{TABLE}, i64 {entry.place}")
        return self.emit(ptr, f"load ptr, {at!r}, align 8")

    def ret(self, value: Value | None = None) -> None:
        self.do("ret void" if value is None else f"ret {value!r}")

    # ---- blocks

    def label(self, hint: str) -> str:
        self._count += 1
        return f"{hint}{self._count}"

    def start(self, label: str) -> None:
        """Begins a block; the one before must have ended."""
        self.lines.append(f"{label}:")
        self.here = label

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Code that may not be executed, or not before what follows it."""
        self._scopes.append({})
        yield
        self._scopes.pop()

    def phi(self, type: Type, *incoming: tuple[Value, str]) -> Value:
        pairs = ", ".join(f"[{value.text}, %{label}]" for value, label in incoming)
        return self.emit(type, f"phi {type.name} {pairs}", pure=False)

    def when(
        self,
        condition: Value,
        then: Callable[[], Sequence[Value] | None],
        otherwise: Callable[[], Sequence[Value] | None],
    ) -> tuple[Value, ...]:
        """What `then` gives if the (single) condition holds, else what `otherwise` gives; only one is executed."""
        yes, no, done = self.label("then"), self.label("else"), self.label("done")
        self.do(f"br {condition!r}, label %{yes}, label %{no}")
        ends = []
        for label, branch in ((yes, then), (no, otherwise)):
            self.start(label)
            with self.scope():
                ends.append((tuple(branch() or ()), self.here))
            self.do(f"br label %{done}")
        self.start(done)
        (a, from_a), (b, from_b) = ends
        return tuple(self.phi(x.type, (x, from_a), (y, from_b)) for x, y in zip(a, b, strict=True))

    def loop(
        self,
        stop: Value | int,
        body: Callable[..., Sequence[Value] | None],
        carry: Sequence[Value] = (),
        start: Value | int = 0,
        step: int = 1,
    ) -> tuple[Value, ...]:
        """`for i in range(start, stop, step): carry = body(i, *carry)`, for a positive step; the final carry."""
        first = start if isinstance(start, Value) else self.constant(start, i64)
        head, inside, done, before = self.label("loop"), self.label("body"), self.label("end"), self.here
        self.do(f"br label %{head}")
        self.start(head)
        at = len(self.lines)
        initial = (first, *carry)
        state = [self.emit(x.type, "phi", pure=False) for x in initial]
        more = self.emit(i1, f"icmp slt {state[0]!r}, {stop.text if isinstance(stop, Value) else stop}")
        self.do(f"br {more!r}, label %{inside}, label %{done}")
        self.start(inside)
        with self.scope():
            after = tuple(body(*state) or ())
            following = (state[0] + step, *after)
        for k, (x, old, new) in enumerate(zip(initial, state, following, strict=True)):
            pairs = f"[{x.text}, %{before}], [{new.text}, %{self.here}]"
            self.lines[at + k] = f"{old.text} = phi {x.type.name} {pairs}"
        self.do(f"br label %{head}")
        self.start(done)
        return tuple(state[1:])

    def repeat(
        self, condition: Callable[..., Value], body: Callable[..., Sequence[Value] | None], carry: Sequence[Value]
    ) -> tuple[Value, ...]:
        """`while condition(*carry): carry = body(*carry)`; the final carry."""
        head, inside, done, before = self.label("while"), self.label("body"), self.label("end"), self.here
        self.do(f"br label %{head}")
        self.start(head)
        at = len(self.lines)
        state = [self.emit(x.type, "phi", pure=False) for x in carry]
        with self.scope():
            self.do(f"br {condition(*state)!r}, label %{inside}, label %{done}")
            self.start(inside)
            after = tuple(body(*state) or ())
        for k, (x, old, new) in enumerate(zip(carry, state, after, strict=True)):
            pairs = f"[{x.text}, %{before}], [{new.text}, %{self.here}]"
            self.lines[at + k] = f"{old.text} = phi {x.type.name} {pairs}"
        self.do(f"br label %{head}")
        self.start(done)
        return tuple(state)

    def vector_loop(
        self,
        extent: Value | int,
        width: int,
        body: Callable[[Lanes], Sequence[Value] | None],
        reductions: Sequence[Reduction] = (),
        unroll: int = 1,
        once: bool = False,
        start: Value | int = 0,
    ) -> tuple[Value, ...]:
        """Runs `body(lanes)` over `range(start, extent)`, `width` at a time; what it returns is reduced.

        The rest that fills no vector is done with a mask where the machine has masks, and otherwise one by one.

        Parameters
        ----------
        extent, start : Value or int
        width : int
        body : callable
            Returns one vector for each of `reductions`.
        reductions : sequence of Reduction
        unroll : int
            How many vectors a turn works on: each has its accumulators, so that sums need not wait for each other.
        once : bool
            Whether every turn is masked, so that the body is written a single time. It takes half the time to compile,
            up to a quarter more to run, and needs a target with masks.

        Returns
        -------
        tuple of Value
            A single number for each of `reductions`.
        """
        return VectorLoop(self, extent, width, body, reductions, unroll, once, start).write()


# ---- modules ------------------------------------------------------------------------------------------------------

TABLE = "table"
"""The name of the array, in the module, of the addresses that it is given when it is loaded."""


class Module:
    """Functions, constant arrays, and the names of what they use of the outside."""

    def __init__(self, target: Target):
        self.target = target
        self.functions: dict[str, Function] = {}
        self.table: dict[str, Foreign] = {}
        """what is to be entered in the table when the code is loaded, in order"""
        self.variables: list[str] = []
        self._declared: dict[str, str] = {}
        self._globals: dict[str, str] = {}

    def function(
        self, name: str, *parameters: Type, returns: Type = void, exported: bool = True, attributes: str = ""
    ) -> Function:
        """A new function; one that is not exported may be called in this module only."""
        if name in self.functions:
            raise ValueError(f"there is a function named {name!r} already")
        width = f'"prefer-vector-width"="{self.target.vector_bits}"' if self.target.is_x86 else ""
        text = f'nounwind "no-stack-arg-probe" {width} {attributes}'.rstrip()
        f = Function(self, name, returns, parameters, "" if exported else INTERNAL, text)
        self.functions[name] = f
        return f

    def foreign(self, name: str, returns: Type = ptr, *parameters: Type) -> Foreign:
        """A function of C's, or another object, by a name that stands for its address when the code is loaded."""
        if name not in self.table:
            self.table[name] = Foreign(name, len(self.table), returns, parameters)
        return self.table[name]

    def declare(self, name: str, returns: Type, parameters: Sequence[Type]) -> None:
        if name not in self._declared:
            texts = ", ".join(t.name for t in parameters)
            self._declared[name] = f"declare {returns.name} @{name}({texts})"

    def array(self, f: Function, name: str, element: Type, values: Sequence[Any]) -> Value:
        """A constant array, as a pointer to use in `f`; arrays of one name are one array."""
        if name not in self._globals:
            texts = ", ".join(f"{element.name} {literal(v, element)}" for v in values)
            kind = f"[{len(values)} x {element.name}]"
            self._globals[name] = f"@{name} = internal constant {kind} [{texts}], align 64"
        return Value(f, f"@{name}", ptr)

    def variable(self, f: Function, name: str, element: Type) -> Value:
        """A number, at first zero, that stays from call to call; its address."""
        zero = "null" if element is ptr else literal(0, element)
        if name not in self._globals:
            self._globals[name] = f"@{name} = global {element.name} {zero}, align 8"
            self.variables.append(name)
        return Value(f, f"@{name}", ptr)

    def __str__(self) -> str:
        parts = [f'target triple = "{self.target.triple}"']
        if "windows" in self.target.triple:
            parts.append("@_fltused = global i32 0")  # what Windows' linkers ask of code that uses floats
        if self.table:
            parts.append(f"@{TABLE} = global [{len(self.table)} x ptr] zeroinitializer, align 64")
        parts += [*self._globals.values(), *self._declared.values(), *map(str, self.functions.values())]
        return "\n".join(parts) + "\n"

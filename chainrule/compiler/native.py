"""LLVM IR -> object code -> functions in memory, and out of it again when they are no longer needed.

The bytes of the object depend on the text, the target and the level alone, so they are kept on disk (cache.py) and
loaded in other processes: what differs between those, the addresses of what the code calls, is written into a table
of the module's when it is loaded.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .cache import Cache, default_place
from .llvm import TABLE, Module
from .target import Target, host

LEVELS = (0, 1, 2)
"""How hard LLVM works on the choice of instructions and registers: 0 is made in a quarter of the time of 2."""


class NativeCodeError(RuntimeError):
    """LLVM did not accept a program, or could not load it: an error in the compiler, not in the user's program."""


_lock = threading.RLock()
"""LLVM's own objects are used by one thread at a time"""


@functools.cache
def _llvm() -> Any:
    """llvmlite's binding, loaded when it is first used."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def _machine(target: Target, level: int, jit: bool) -> Any:
    llvm = _llvm()
    if target != host():
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    made = llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=level, jit=jit, reloc="default" if jit else "pic"
    )
    return made


class _Linkers:
    """LLVM's linkers, each for a few programs: one takes a third of a millisecond, and forgets nothing till its end."""

    PROGRAMS = 16

    def __init__(self) -> None:
        self._linker, self._left = None, 0

    def next(self) -> Any:
        """The linker for one more program; it is disposed of with the last of its programs."""
        if self._left == 0:
            self._linker = _llvm().create_lljit_compiler(_machine(host(), 2, True), use_jit_link=False)
            self._left = self.PROGRAMS
        self._left -= 1
        return self._linker


_linkers = _Linkers()


def object_code(module: Module | str, target: Target | None = None, level: int = 0) -> bytes:
    r"""The machine code of a module, as an object file.

    Parameters
    ----------
    module : Module or str
    target : Target, optional
        That of the module; this machine's for a text.
    level : {0, 1, 2}

    Returns
    -------
    bytes
        ELF, Mach-O or COFF, as the target has it.

    Raises
    ------
    NativeCodeError
        LLVM refuses the text; the message shows the line.

    Examples
    --------
    >>> from chainrule.compiler.llvm import Module, f64, ptr
    >>> from chainrule.compiler.target import baseline
    >>> module = Module(baseline("x86_64-unknown-linux-gnu"))
    >>> f = module.function("double_it", ptr)
    >>> f.store(f.load(f64, f.args[0]) * 2.0, f.args[0])
    >>> f.ret()
    >>> object_code(module)[:4]
    b'\x7fELF'
    """
    if level not in LEVELS:
        raise ValueError(f"object_code: level is {level!r}, it has to be one of {LEVELS}")
    target = target or (module.target if isinstance(module, Module) else host())
    text, kept = str(module), _cache()
    key = "\0".join((llvm_version(), repr(target), str(level), text)).encode()
    return kept.get(key, lambda: _compiled(text, target, level)) if kept else _compiled(text, target, level)


@functools.cache
def _cache() -> Cache | None:
    place = default_place()
    return Cache(place) if place else None


def llvm_version() -> str:
    import llvmlite

    return f"{llvmlite.__version__} {'.'.join(map(str, _llvm().llvm_version_info))}"


def _compiled(text: str, target: Target, level: int) -> bytes:
    llvm = _llvm()
    with _lock:
        machine = _machine(target, level, target == host())
        context = llvm.create_context()
        try:
            parsed = llvm.parse_assembly(text, context=context)
        except RuntimeError as error:
            raise NativeCodeError(_with_line(str(error), text)) from None
        parsed.triple, parsed.data_layout = target.triple, str(machine.target_data)
        made = machine.emit_object(parsed)
        parsed.close()
        context.close()
    return made


def _with_line(message: str, text: str) -> str:
    """LLVM's message, and the lines that it is about."""
    found = re.search(r":(\d+):(\d+): error: (.*)", message)
    if found is None:
        return f"LLVM refuses the program: {message.strip()}"
    number, lines = int(found[1]), text.splitlines()
    first = max(number - 3, 1)
    shown = [
        f"{'>' if k == number else ' '} {k:5d} | {lines[k - 1]}" for k in range(first, min(number, len(lines)) + 1)
    ]
    function = next((s for s in reversed(lines[:number]) if s.startswith("define ")), "")
    where = re.search(r"@(\S+)\(", function)
    inside = f", in {where[1]}" if where else ""
    return f"LLVM refuses line {number}{inside}: {found[3]}\n" + "\n".join(shown)


class Program:
    """Code in memory: the addresses of its functions, for as long as this object lives.

    Attributes
    ----------
    addresses : dict of str to int
    keep : list
        What lives as long as the program.
    """

    def __init__(
        self, code: bytes, exports: Iterable[str], table: Mapping[str, int] | None = None, keep: Iterable[Any] = ()
    ):
        llvm, table = _llvm(), table or {}
        self.keep = list(keep)
        wanted = [*exports, *([TABLE] if table else [])]
        self._last: list[Callable[[], None]] = []
        builder = llvm.JITLibraryBuilder().add_object_img(code)
        for name in wanted:
            builder.export_symbol(name)
        try:
            with _lock:
                linker = _linkers.next()
                tracker = builder.link(linker, f"chainrule{next(_numbers)}")
        except RuntimeError as error:
            raise NativeCodeError(f"the linker refuses the program: {error}") from None
        # At exit threads may still be in the code, so it stays where it is.
        weakref.finalize(self, _unload, tracker, linker, self._last).atexit = False
        self.addresses = {name: tracker[name] for name in wanted}
        self._places = {name: k for k, name in enumerate(table)}
        for name, address in table.items():
            self._place(name).value = address

    def __getitem__(self, name: str) -> int:
        return self.addresses[name]

    def _place(self, name: str) -> ctypes.c_void_p:
        return ctypes.c_void_p.from_address(self.addresses[TABLE] + 8 * self._places[name])

    def redirect(self, name: str, address: int, keep: Any = None) -> None:
        """Has the program call something else from now on; `keep` and what it called before stay with the program."""
        self.keep.append(keep)
        self._place(name).value = address

    def on_unload(self, action: Callable[[], None]) -> None:
        """Has something done before the code and its variables go."""
        self._last.append(action)

    def function(self, name: str, *parameters: Any, returns: Any = None) -> Any:
        """A function of the program as one of ctypes, which keeps the program alive."""
        made: Any = ctypes.CFUNCTYPE(returns, *parameters)(self.addresses[name])
        made.program = self
        return made


_numbers = itertools.count()


def _unload(tracker: Any, linker: Any, last: Iterable[Callable[[], None]]) -> None:
    """Takes a program out of memory; its linker is kept as an argument until then."""
    for action in last:
        action()
    with _lock:
        tracker.close()


def load(
    code: bytes, exports: Iterable[str], table: Mapping[str, int] | None = None, keep: Iterable[Any] = ()
) -> Program:
    """Loads an object into memory.

    Parameters
    ----------
    code : bytes
        From `object_code`, for this machine.
    exports : iterable of str
        The names whose addresses are wanted.
    table : mapping of str to int, optional
        An address for each entry of the module's table, in its order.
    keep : iterable of objects, optional
        Whatever has to live as long as the program does, such as the owners of those addresses.

    Returns
    -------
    Program
    """
    return Program(code, exports, table, keep)


def link(
    module: Module, addresses: Mapping[str, int] | None = None, level: int = 0, keep: Iterable[Any] = ()
) -> Program:
    """Compiles a module and loads it; all that it exports can be called.

    Parameters
    ----------
    module : Module
    addresses : mapping of str to int, optional
        The address of each name in the module's table; it may hold more.
    level : {0, 1, 2}
    keep : iterable of objects, optional
        Whatever has to live as long as the program does.

    Raises
    ------
    NativeCodeError
        LLVM refuses the module, or a name in its table has no address.

    Examples
    --------
    >>> import ctypes
    >>> from chainrule.compiler.llvm import Module, f64
    >>> from chainrule.compiler.target import host
    >>> module = Module(host())
    >>> f = module.function("square", f64, returns=f64)
    >>> f.ret(f.args[0] * f.args[0])
    >>> link(module).function("square", ctypes.c_double, returns=ctypes.c_double)(3.0)
    9.0
    """
    addresses = addresses or {}
    missing = [name for name in module.table if name not in addresses]
    if missing:
        raise NativeCodeError(f"the program calls {', '.join(missing)}, and no address is given for that")
    table = {name: addresses[name] for name in module.table}
    exports = [f.name for f in module.functions.values() if not f.linkage] + module.variables
    return load(object_code(module, level=level), exports, table, keep)

"""Numbers below the normal range taken as zero while a plan runs: on many machines each of them costs over 100 cycles.

The state is the thread's own: a register that says what arithmetic does with them (Intel 64 manual, volume 1, section
10.2.3, MXCSR; Arm Architecture Reference Manual, FPCR). Where neither is, nothing changes.
"""

from __future__ import annotations

from .llvm import Function, Type, Value, i32, i64, ptr, void

FLUSH = {"x86": 0x8040, "arm": 1 << 24}
"""The bits: results are flushed to zero, and on x86 operands are taken as zero"""


def _kind(f: Function) -> str:
    return "x86" if f.target.is_x86 else "arm" if f.target.is_arm else ""


def state(f: Function) -> Value:
    """The register, as 64 bits."""
    if _kind(f) == "x86":
        at = f.scratch(i32)
        _call(f, "llvm.x86.sse.stmxcsr", void, at)
        return f.convert(f.load(i32, at), i64, signed=False)
    if _kind(f) == "arm":
        return _call(f, "llvm.aarch64.get.fpcr", i64)
    return f.constant(0, i64)


def restore(f: Function, saved: Value) -> None:
    """Sets the register."""
    if _kind(f) == "x86":
        at = f.scratch(i32)
        f.store(f.convert(saved, i32), at)
        _call(f, "llvm.x86.sse.ldmxcsr", void, at)
    elif _kind(f) == "arm":
        _call(f, "llvm.aarch64.set.fpcr", void, saved)


def flush(f: Function) -> Value:
    """Sets the bits; returns what was there before."""
    saved = state(f)
    if _kind(f):
        restore(f, saved | FLUSH[_kind(f)])
    return saved


def _call(f: Function, name: str, returns: Type, *args: Value) -> Value:
    f.module.declare(name, returns, [ptr if a.type is ptr else a.type for a in args])
    text = f"call {returns.name} @{name}({', '.join(map(repr, args))})"
    if returns is void:
        f.do(text)
        return f.undefined(void)
    return f.emit(returns, text, pure=False)

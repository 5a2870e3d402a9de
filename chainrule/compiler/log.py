"""What `compile` does, told as it does it, to those who set `CHAINRULE_LOG=compile`."""

from __future__ import annotations

import os
import sys
from typing import Any


def wanted(what: str) -> bool:
    """Whether `CHAINRULE_LOG`, a list with commas, has this in it; it is looked at each time."""
    return what in os.environ.get("CHAINRULE_LOG", "").split(",")


def told(name: str, line: str) -> None:
    if wanted("compile"):
        print(f"chainrule: compile {name}: {line}", file=sys.stderr, flush=True)


def compiled(name: str, kinds: Any, way: int, program: Any) -> None:
    """Tells of a new program: for what, what was made, and how long each phase took."""
    if not wanted("compile"):
        return
    recorded, left, count = program.recorded, len(program.graph.equations), program.counts()
    phases = ", ".join(f"{phase} {1e3 * took:.1f}" for phase, took in program.seconds.items())
    memory = f"{(program.workspace + program.buffers) / 1024:.0f} KiB between calls"
    told(name, f"for {', '.join(map(kind, kinds)) or 'no arguments'}" + (f", way {way} through it" if way > 1 else ""))
    told(
        name,
        f"{recorded} equations recorded, {left} left; {plural(count['kernels'], 'kernel')}, "
        f"{plural(count['loops'], 'loop')}, {plural(count['calls'], 'call')}; {memory}",
    )
    told(name, f"{phases} ms")


def plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def kind(k: Any) -> str:
    """A leaf's type, dtype and shape in short."""
    if isinstance(k, tuple):
        return f"{k[1]}[{','.join(map(str, k[2]))}]"
    return k.__name__

"""What the compiler has to know of the machine that it writes for."""

from __future__ import annotations

import functools
from dataclasses import dataclass

WINDOWS, MACOS, LINUX = "windows", "darwin", "linux"


@dataclass(frozen=True)
class Target:
    """A kind of machine: its name as LLVM spells it, the CPU, and the instructions that the CPU has.

    Examples
    --------
    >>> arm = Target("aarch64-unknown-linux-gnu", "generic", "+neon")
    >>> arm.vector_bits, arm.fused, arm.masks
    (128, True, False)
    """

    triple: str
    cpu: str = ""
    features: str = ""
    """comma-separated, each after a plus or a minus"""

    @property
    def is_x86(self) -> bool:
        return self.triple.startswith(("x86_64", "amd64"))

    @property
    def is_arm(self) -> bool:
        return self.triple.startswith(("aarch64", "arm64"))

    @functools.cached_property
    def has(self) -> frozenset[str]:
        """The names of the instruction sets that the CPU has."""
        return frozenset(name[1:] for name in self.features.split(",") if name.startswith("+"))

    @property
    def vector_bits(self) -> int:
        """The size of a vector register."""
        if self.is_x86 and {"avx512f", "avx512dq", "avx512vl", "avx512bw"} <= self.has:
            return 512
        return 256 if self.is_x86 and "avx2" in self.has else 128

    @property
    def masks(self) -> bool:
        """Whether any instruction can be told, at no cost, to leave out some lanes."""
        return self.vector_bits == 512

    @property
    def fused(self) -> bool:
        """Whether `a * b + c` with a single rounding is one instruction; where it is none it takes a call."""
        return self.is_arm or "fma" in self.has

    def lanes(self, bits: int) -> int:
        """How many numbers of so many bits fill a vector register."""
        return self.vector_bits // bits


@functools.cache
def host() -> Target:
    """The machine that this process runs on."""
    import llvmlite.binding as llvm

    return Target(llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


def baseline(triple: str) -> Target:
    """What every machine with this triple has: for objects that are to run elsewhere.

    Examples
    --------
    >>> baseline("x86_64-pc-windows-msvc").vector_bits
    128
    """
    return Target(triple, "generic" if triple.startswith(("aarch64", "arm64")) else "x86-64", "")

"""What `import chainrule` costs beside `import numpy`, as whole processes: start, import, exit.

The runs alternate, so that a slow moment of the machine hits both. `--peers` times PyTorch, JAX and autograd too;
`--modules` lists what chainrule imports beyond NumPy, by the time each module takes for itself.

    python benchmarks/imports.py [--quick] [--peers] [--modules] [--json FILE]
"""

import os
import subprocess
import sys
import tempfile

from harness import Ratio, Report, interleave, parser

TARGET = 1.3
BYTECODE = tempfile.TemporaryDirectory(prefix="bytecode-")
"""Compiled modules, for all alike and whatever the environment says: an installed package comes with its own."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPYCACHEPREFIX"] = BYTECODE.name


def starter(statement: str):
    # Not from here: `-c` puts the working directory first on the path, and this one holds a `harness`.
    return lambda: subprocess.run([sys.executable, "-c", statement], check=True, cwd=os.path.sep, env=ENVIRONMENT)


def own_times(statement: str) -> dict[str, int]:
    """Microseconds that each module takes for itself, without what it imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement],
        check=True,
        cwd=os.path.sep,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    rows = (line.removeprefix("import time:").split("|") for line in done.stderr.splitlines()[1:] if "|" in line)
    return {name.strip(): int(own) for own, _, name in rows if own.strip().isdigit()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--peers", action="store_true", help="also PyTorch, JAX and HIPS autograd")
    options.add_argument("--modules", action="store_true", help="list the modules that come on top of NumPy's")
    options = options.parse_args()
    names = ["numpy", "chainrule"] + ["autograd", "jax", "torch"] * options.peers
    report = Report("Importing, as whole processes", options)
    report.section("Milliseconds a process", "statement", "median", "minimum", "/ numpy")
    times = interleave(
        {"pass": starter("pass")} | {name: starter(f"import {name}") for name in names},
        rounds=7 if options.quick else 41,
        seconds=0,
    )
    for name, timing in times.items():
        ratio = timing.median / times["numpy"].median
        report.row(
            "pass" if name == "pass" else f"import {name}",
            timing.median * 1e3,
            timing.minimum * 1e3,
            Ratio(ratio, TARGET) if name == "chainrule" else ratio,
        )
    if options.modules:
        report.section("On top of NumPy's modules: milliseconds for itself (one run)", "module", "ms")
        numpys = own_times("import numpy")
        extra = {name: own for name, own in own_times("import chainrule").items() if name not in numpys}
        for name, own in sorted(extra.items(), key=lambda item: -item[1])[:25]:
            report.row(name, own / 1e3)
    report.finish()


if __name__ == "__main__":
    main()

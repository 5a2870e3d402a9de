"""docs/coverage.md, from the tables that the tests hold.

python tests/coverage_page.py
"""

import pathlib
import re
from collections.abc import Iterable, Mapping

import numpy as np

import coverage_table as table
import test_scipy_fft as fft
import test_scipy_integrate as integrate
import test_scipy_interpolate as interpolate
import test_scipy_linalg as linalg
import test_scipy_optimize as optimize
import test_scipy_signal as signal
import test_scipy_special as special
import test_scipy_stats as stats
from chainrule.numpy import creation, functional
from signature_cases import FUNCTIONS, METHODS
from special_cases import LINES
from test_special import CONSTANT, REFUSED

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "coverage.md"

LINALG_CONSTANT = {"matrix_rank"}
FFT_CONSTANT = {"fftfreq", "rfftfreq"}

COLUMNS: dict[str, dict[str, Iterable[str]]] = {
    "numpy": {
        "differentiable": {**FUNCTIONS, **table.DEPRECATED},
        "constant": table.CONSTANT,
        "not of numbers": table.NOT_NUMBERS,
        "refused": table.REFUSED,
    },
    "numpy.ndarray": {
        "differentiable": METHODS,
        "constant": table.METHODS_CONSTANT,
        "not of numbers": table.METHODS_NOT_NUMBERS,
        "refused": table.METHODS_REFUSED,
    },
    "numpy.linalg": {
        "differentiable": {*np.linalg.__all__} - LINALG_CONSTANT - {"LinAlgError"},
        "constant": LINALG_CONSTANT,
        "not of numbers": {"LinAlgError"},
        "refused": (),
    },
    "numpy.fft": {
        "differentiable": {*np.fft.__all__} - FFT_CONSTANT,
        "constant": FFT_CONSTANT,
        "not of numbers": (),
        "refused": (),
    },
    "scipy.special": {
        "differentiable": {name for line in LINES for name in re.findall(r"\bsc\.(\w+)", line)} - CONSTANT,
        "constant": CONSTANT,
        "not of numbers": (),
        "refused": REFUSED,
    },
}

STATS = stats.columns()

COLUMNS |= {
    "chainrule.numpy": {
        "differentiable": creation.__all__ + functional.__all__,
        "constant": (),
        "not of numbers": (),
        "refused": (),
    },
    "scipy.special, what is no ufunc": {
        "differentiable": special.FUNCTIONS,
        "constant": special.CONSTANT,
        "not of numbers": special.NOT_OF_NUMBERS,
        "refused": special.REFUSED,
    },
    "scipy.fft": {
        "differentiable": fft.FUNCTIONS,
        "constant": fft.CONSTANT,
        "not of numbers": fft.NOT_OF_NUMBERS,
        "refused": fft.REFUSED,
    },
    "scipy.stats": {
        "differentiable": STATS["declared"] | STATS["vectors"] | STATS["functions"],
        "constant": (),
        "not of numbers": STATS["passed"],
        "refused": STATS["undeclared"] | STATS["refused"],
    },
    "scipy.linalg": {
        "differentiable": linalg.FUNCTIONS,
        "constant": linalg.CONSTANT,
        "not of numbers": linalg.NOT_OF_NUMBERS,
        "refused": linalg.REFUSED,
    },
    "scipy.integrate": {
        "differentiable": integrate.DIFFERENTIABLE,
        "constant": integrate.CONSTANT,
        "not of numbers": integrate.NO_NUMBERS,
        "refused": integrate.REFUSED,
    },
    "scipy.optimize": {
        "differentiable": optimize.DIFFERENTIABLE,
        "constant": optimize.CONSTANT,
        "not of numbers": optimize.NO_NUMBERS,
        "refused": optimize.REFUSED,
    },
    "scipy.interpolate": {
        "differentiable": interpolate.DIFFERENTIABLE,
        "constant": (),
        "not of numbers": interpolate.NO_NUMBERS,
        "refused": interpolate.REFUSED,
    },
    "scipy.signal": {
        "differentiable": signal.DIFFERENTIABLE,
        "constant": signal.CONSTANT | signal.POSITIONS,
        "not of numbers": signal.NO_NUMBERS | signal.AS_THEY_ARE,
        "refused": {*signal.REFUSED} - signal.DIFFERENTIABLE,
    },
}
"""Through namespaces of ours."""

HEADINGS = {
    "differentiable": "Differentiable, in both modes and to second order",
    "constant": "Constant: the derivative is zero wherever there is one",
    "not of numbers": "No function of numbers",
    "refused": "Refused, with an error that names it",
}

TITLE = (
    "# Coverage\n\n"
    "What becomes of every public function of NumPy and SciPy on a traced array: of NumPy's, and of the ufuncs of "
    "`scipy.special`, as they are; of SciPy's other functions through `chainrule.scipy`. What NumPy's protocols do not "
    "hand over (`array`, `asarray`, `r_`, ...) is refused of `numpy`, and differentiable of `chainrule.numpy`. Written "
    "by `python tests/coverage_page.py` from the tables of the tests: these enumerate what is installed, so a function "
    "that a new release brings fails them until somebody finds its column. A method with the name of a function is "
    "where the function is.\n\n"
    "A function that is differentiable takes all its keywords, or refuses one by name.\n\n"
)


def page() -> str:
    rows = ["| | " + " | ".join(COLUMNS["numpy"]) + " |", "| --- |" + " ---: |" * len(HEADINGS)]
    for module, columns in COLUMNS.items():
        rows.append(f"| `{module}` | " + " | ".join(str(len({*names})) for names in columns.values()) + " |")
    parts = [TITLE + "\n".join(rows) + "\n"]
    for module, columns in COLUMNS.items():
        parts.append(f"\n## {module}\n")
        for column, names in columns.items():
            if names:
                parts.append(f"\n**{HEADINGS[column]}.** {listed(names, column)}\n")
    return "".join(parts)


def listed(names: Iterable[str], column: str) -> str:
    """The names; those of no numbers by their reasons."""
    if column == "not of numbers" and isinstance(names, Mapping):
        reasons = dict.fromkeys(names.values())
        return "; ".join(
            f"{reason}: {listed([n for n, why in names.items() if why == reason], '')}" for reason in reasons
        )
    return ", ".join(f"`{name}`" for name in sorted({*names}, key=lambda n: (n.lower(), n)))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

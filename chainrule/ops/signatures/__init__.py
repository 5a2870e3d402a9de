"""NumPy's own signatures, with all their keywords, down to `bind` or to other NumPy functions.

One file per subject. A function that is made of others is written with those, in plain NumPy. The keywords that say
how a result lies in memory, or how it is come by, change no value and are taken as they come: order, subok, device,
kind, stable, optimize, overwrite_input.

numpy.linalg, numpy.fft and scipy.special are entered when somebody uses them.
"""

from ...core.trace import LATE
from . import (
    calculus,
    contractions,
    creation,
    elementwise,
    histograms,
    joining,
    matrices,
    padding,
    polynomials,
    reductions,
    refusals,
    selections,
    shapes,
    sorting,
    statistics,
    ufuncs,
)

__all__ = [
    "calculus",
    "contractions",
    "creation",
    "elementwise",
    "histograms",
    "joining",
    "matrices",
    "padding",
    "polynomials",
    "reductions",
    "refusals",
    "selections",
    "shapes",
    "sorting",
    "statistics",
    "ufuncs",
]

LATE["numpy.fft"] = f"{__name__}.fft"
LATE["numpy.linalg"] = f"{__name__}.decompositions"
LATE["scipy.sparse"] = "chainrule.scipy.sparse"
LATE["scipy.special"] = f"{__name__.removesuffix('.signatures')}.special"

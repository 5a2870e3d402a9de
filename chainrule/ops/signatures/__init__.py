"""NumPy's own signatures, with all their keywords, down to `bind` or to other NumPy functions.

One file per subject. A function that is made of others is written with those, in plain NumPy.
"""

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

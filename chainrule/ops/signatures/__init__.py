"""NumPy's own signatures, with all their keywords, down to `bind` or to other NumPy functions.

One file per subject. A function that is made of others is written with those, in plain NumPy.
"""

from . import contractions, reductions, selections, shapes, ufuncs

__all__ = ["contractions", "reductions", "selections", "shapes", "ufuncs"]

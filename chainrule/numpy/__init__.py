"""NumPy, with what its protocols cannot hand over: `import chainrule.numpy as np`.

A program needs this module only where it makes arrays of traced values by other ways than NumPy's functions of arrays:
`np.array([t0, t1])`, `np.zeros(3)` that are filled with traced values, `np.r_[t0, t1]`, `np.vectorize(f)(t)`. Arrays
that are made here can be filled (:class:`Buffer`). All other names are NumPy's own, passed through.

Examples
--------
>>> import chainrule as cr
>>> import chainrule.numpy as np
>>> def rotated(angle):
...     c, s = np.cos(angle), np.sin(angle)
...     return np.array([[c, -s], [s, c]]) @ np.array([1.0, 0.0])
>>> cr.jacobian(rotated)(0.0)
array([0., 1.])
"""

import numpy

from . import creation, functional
from .buffers import Buffer
from .creation import *  # noqa: F403
from .functional import *  # noqa: F403

__all__ = ["Buffer"]
__all__ += creation.__all__
__all__ += functional.__all__


def __getattr__(name: str):
    found = getattr(numpy, name)
    if not name.startswith("__"):
        globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*dir(numpy), *__all__})

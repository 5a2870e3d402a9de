"""SciPy's functions on traced arrays, in modules laid out as SciPy's own.

The ufuncs of `scipy.special` can be differentiated as they are. SciPy's other functions turn what they are given into
plain arrays before anybody can step in; those that are differentiable are here, under their own names and with their
own signatures. Of plain arrays they are SciPy's, to the last bit; but for the solvers of `optimize` and `integrate`,
which hand SciPy the exact derivatives that it would take by differences. Whatever is not here is passed through from
SciPy, and raises when it is given a traced array.

Examples
--------
>>> import numpy as np
>>> import chainrule as cr
>>> from chainrule.scipy import special
>>> cr.grad(lambda x: special.logsumexp(x))(np.zeros(4))
array([0.25, 0.25, 0.25, 0.25])
"""

import importlib
import pkgutil

import scipy

MODULES = frozenset(module.name for module in pkgutil.iter_modules(__path__) if module.name != "namespace")


def __getattr__(name: str):
    if name in MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(scipy, name)


def __dir__() -> list[str]:
    return sorted({*dir(scipy), *MODULES})

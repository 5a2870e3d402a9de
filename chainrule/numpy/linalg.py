"""numpy.linalg as it is, where it is in NumPy: `from chainrule.numpy.linalg import ...`."""

import numpy.linalg


def __getattr__(name: str):
    return getattr(numpy.linalg, name)


def __dir__() -> list[str]:
    return dir(numpy.linalg)

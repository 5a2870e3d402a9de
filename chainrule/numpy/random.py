"""numpy.random as it is, where it is in NumPy: `from chainrule.numpy.random import ...`."""

import numpy.random


def __getattr__(name: str):
    return getattr(numpy.random, name)


def __dir__() -> list[str]:
    return dir(numpy.random)

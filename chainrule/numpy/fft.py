"""numpy.fft as it is, where it is in NumPy: `from chainrule.numpy.fft import ...`."""

import numpy.fft


def __getattr__(name: str):
    return getattr(numpy.fft, name)


def __dir__() -> list[str]:
    return dir(numpy.fft)

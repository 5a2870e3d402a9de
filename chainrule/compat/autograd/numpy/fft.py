"""`autograd.numpy.fft` is `chainrule.numpy.fft`."""

import chainrule.numpy.fft

from ..refused import passing_through

__getattr__, __dir__ = passing_through(__name__, chainrule.numpy.fft)

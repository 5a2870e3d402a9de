"""`autograd.numpy.random` is `chainrule.numpy.random`."""

import chainrule.numpy.random

from ..refused import passing_through

__getattr__, __dir__ = passing_through(__name__, chainrule.numpy.random)

"""`autograd.numpy.linalg` is `chainrule.numpy.linalg`."""

import chainrule.numpy.linalg

from ..refused import passing_through

__getattr__, __dir__ = passing_through(__name__, chainrule.numpy.linalg)

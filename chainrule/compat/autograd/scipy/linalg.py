"""`autograd.scipy.linalg` is `chainrule.scipy.linalg`."""

from chainrule.scipy import linalg

from ..refused import passing_through

__getattr__, __dir__ = passing_through(__name__, linalg)

"""`autograd.scipy.special` is `chainrule.scipy.special`."""

from chainrule.scipy import special

from ..refused import passing_through

__getattr__, __dir__ = passing_through(__name__, special)

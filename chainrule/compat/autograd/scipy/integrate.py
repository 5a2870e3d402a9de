"""`autograd.scipy.integrate` is `chainrule.scipy.integrate`."""

from chainrule.scipy import integrate

from ..refused import passing_through

__getattr__, __dir__ = passing_through(__name__, integrate)

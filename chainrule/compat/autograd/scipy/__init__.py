"""`autograd.scipy` is `chainrule.scipy`, and so are its modules; only `signal.convolve` is autograd's own."""

import chainrule.scipy

from ..refused import passing_through
from . import integrate as integrate, linalg as linalg, signal as signal, special as special, stats as stats

__getattr__, __dir__ = passing_through(__name__, chainrule.scipy)

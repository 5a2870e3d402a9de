"""chainrule, as the judge calls it: through the namespaces that hold what NumPy's protocols cannot hand over."""

import chainrule as cr
import chainrule.numpy as np  # noqa: F401
import chainrule.scipy.linalg as sl  # noqa: F401
import chainrule.scipy.special as sc  # noqa: F401

CONJ = False


def grad(f, argnums):
    return cr.grad(f, argnums=tuple(argnums))


def jvp(f, s):
    return cr.jvp(f, (s,), (1.0,))

"""For functions with rules of their own."""

from .core import (
    VSpace as VSpace,
    def_linear as def_linear,
    defjvp as defjvp,
    defjvp_argnum as defjvp_argnum,
    defjvp_argnums as defjvp_argnums,
    defvjp as defvjp,
    defvjp_argnum as defvjp_argnum,
    defvjp_argnums as defvjp_argnums,
    vspace as vspace,
)
from .refused import refusing
from .tracer import notrace_primitive as notrace_primitive, primitive as primitive

__getattr__ = refusing(__name__)

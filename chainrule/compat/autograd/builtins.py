"""Python's containers, which need no replacement here, and `isinstance` and `type` of what is traced."""

import builtins

from .extend import (
    VSpace as VSpace,
    defjvp as defjvp,
    defjvp_argnum as defjvp_argnum,
    defvjp as defvjp,
    defvjp_argnum as defvjp_argnum,
    notrace_primitive as notrace_primitive,
    primitive as primitive,
    vspace as vspace,
)
from .refused import refusing
from .util import subvals as subvals

__getattr__ = refusing(__name__)

dict = dict_ = builtins.dict
list = list_ = builtins.list
tuple = tuple_ = builtins.tuple
isinstance_, type_ = builtins.isinstance, builtins.type

isinstance = notrace_primitive(builtins.isinstance)
type = notrace_primitive(builtins.type)

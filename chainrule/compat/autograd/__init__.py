"""HIPS autograd's names and meanings, on chainrule: to move a program, change its import lines.

`import autograd.numpy as np` becomes `import chainrule.compat.autograd.numpy as np`, and `from autograd import grad`
becomes `from chainrule.compat.autograd import grad`. docs/from_autograd.md says what differs, and what is gained.

Examples
--------
>>> import chainrule.compat.autograd.numpy as np
>>> from chainrule.compat.autograd import grad
>>> grad(lambda x: np.sum(np.tanh(x)))(np.zeros(2))
array([1., 1.])
"""

from . import (
    builtins as builtins,
    core as core,
    differential_operators as differential_operators,
    extend as extend,
    numpy as numpy,
    tracer as tracer,
    util as util,
    wrap_util as wrap_util,
)
from .builtins import (
    dict as dict,
    isinstance as isinstance,
    list as list,
    tuple as tuple,
    type as type,
)
from .differential_operators import (
    checkpoint as checkpoint,
    deriv as deriv,
    elementwise_grad as elementwise_grad,
    grad as grad,
    grad_and_aux as grad_and_aux,
    grad_named as grad_named,
    hessian as hessian,
    hessian_tensor_product as hessian_tensor_product,
    hessian_vector_product as hessian_vector_product,
    holomorphic_grad as holomorphic_grad,
    jacobian as jacobian,
    make_ggnvp as make_ggnvp,
    make_hvp as make_hvp,
    make_jvp as make_jvp,
    make_vjp as make_vjp,
    multigrad_dict as multigrad_dict,
    tensor_jacobian_product as tensor_jacobian_product,
    value_and_grad as value_and_grad,
    vector_jacobian_product as vector_jacobian_product,
)
from .extend import primitive as primitive

"""chainrule: exact derivatives of NumPy programs, in either mode, to any order."""

from . import ops as _ops  # noqa: F401  (fills the table of operations)
from .core.errors import FreedTapeError as FreedTapeError
from .core.errors import LeakedTracerError as LeakedTracerError
from .core.errors import LostGradientError as LostGradientError
from .core.errors import MissingRuleError as MissingRuleError
from .core.errors import ModifiedArrayError as ModifiedArrayError
from .jacobians.dense import hessian as hessian
from .jacobians.dense import hvp as hvp
from .jacobians.dense import jacobian as jacobian
from .transforms.batching import vmap as vmap
from .transforms.custom import checkpoint as checkpoint
from .transforms.custom import custom as custom
from .transforms.custom import stop_gradient as stop_gradient
from .transforms.forward import jvp as jvp
from .transforms.forward import linearize as linearize
from .transforms.recording import record as record
from .transforms.reverse import Variable as Variable
from .transforms.reverse import grad as grad
from .transforms.reverse import no_grad as no_grad
from .transforms.reverse import value_and_grad as value_and_grad
from .transforms.reverse import variable as variable
from .transforms.reverse import vjp as vjp
from .transforms.sparsity import sparsity as sparsity

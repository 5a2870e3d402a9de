"""chainrule: exact derivatives of NumPy programs, in either mode, to any order."""

from . import ops as _ops  # noqa: F401  (fills the table of operations)
from .compiler.entry import compile as compile
from .core.errors import (
    FreedTapeError as FreedTapeError,
    LeakedTracerError as LeakedTracerError,
    LostGradientError as LostGradientError,
    MissingRuleError as MissingRuleError,
    ModifiedArrayError as ModifiedArrayError,
    NonFiniteError as NonFiniteError,
)
from .explain import explain as explain
from .implicit.functions import implicit as implicit
from .implicit.newton import newton as newton
from .jacobians.affine import affine as affine
from .jacobians.coloring import coloring as coloring
from .jacobians.dense import hvp as hvp
from .jacobians.jacobian import hessian as hessian, jacobian as jacobian
from .jacobians.operators import linear_operator as linear_operator
from .jacobians.programs import nlp as nlp
from .jacobians.propagation import propagate as propagate
from .jacobians.sparse import sparsity as sparsity
from .jacobians.structures import (
    Banded as Banded,
    BlockDiagonal as BlockDiagonal,
    Diagonal as Diagonal,
    Kronecker as Kronecker,
    LowRank as LowRank,
    Stencil as Stencil,
)
from .ops.control import stop_gradient as stop_gradient
from .patching import patch_numpy as patch_numpy
from .transforms.batching import vmap as vmap
from .transforms.checking import checked as checked
from .transforms.control import (
    cond as cond,
    fori_loop as fori_loop,
    scan as scan,
    while_loop as while_loop,
)
from .transforms.custom import checkpoint as checkpoint, custom as custom
from .transforms.forward import jvp as jvp, linearize as linearize
from .transforms.recording import record as record
from .transforms.reverse import (
    Variable as Variable,
    grad as grad,
    no_grad as no_grad,
    value_and_grad as value_and_grad,
    variable as variable,
    vjp as vjp,
)

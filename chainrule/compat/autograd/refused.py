"""Names of autograd's that have no counterpart here, with the reasons; asking for one raises an error that says it."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import chainrule as cr

TAPE = "is a part of autograd's tape; chainrule's own is built otherwise, and is read through chainrule.explain"
BOX = (
    "is what autograd wraps values in; here containers stay Python's own, isbox(x) recognises a traced array, and "
    "getval(x) gives its value"
)
RULE = "is the rule of one of autograd's operations; chainrule's own operations have theirs"
SPACE = "says how autograd treats one type; here vspace(x) is for every tree of arrays"
WRAPPING = "is how autograd wraps NumPy's functions; here NumPy's own are differentiated as they are"

REFUSED = {
    "builtins": {
        "DictBox SequenceBox SparseObject Box": BOX,
        "ContainerVSpace DictVSpace ListVSpace NamedTupleVSpace SequenceVSpace TupleVSpace": SPACE,
        "DictMeta ListMeta TupleMeta container_take container_untake make_sequence sequence_extend_left "
        "sequence_extend_right": BOX,
        "fwd_grad_make_sequence grad_container_take grad_sequence_extend_left grad_sequence_extend_right": RULE,
    },
    "core": {
        "JVPNode Node VJPNode add_outgrads backward_pass sparse_add sum_outgrads toposort trace": TAPE,
        "Box SparseBox SparseObject sparse_object_types": BOX,
        "identity_jvp identity_vjp primitive_jvps primitive_vjps translate_jvp translate_vjp": RULE,
        "deprecated_defgrad deprecated_defvjp deprecated_defvjp_is_zero deprecated_defvjp_message primitive_ "
        "primitive_with_deprecation_warnings": "has been deprecated in autograd itself: use defvjp(f, ...)",
    },
    "extend": {
        "JVPNode VJPNode": TAPE,
        "Box SparseObject": BOX,
        "register_notrace": "tells autograd's tape what not to keep; use notrace_primitive(f) or "
        "chainrule.stop_gradient(x)",
    },
    "misc.fixed_points": {"fixed_point_vjp": RULE},
    "misc.tracers": {
        "ConstGraphNode FullGraphNode Node full_graph toposort trace": TAPE,
    },
    "tracer": {
        "Node TraceStack find_top_boxed_args toposort trace trace_primitives_map trace_stack": TAPE,
        "Box box_type_mappings box_types new_box": BOX,
        "notrace_primitives register_notrace": "tells autograd's tape what not to keep; use notrace_primitive(f) or "
        "chainrule.stop_gradient(x)",
    },
    "util": {
        "toposort": TAPE,
        "deprecation_msg quick_grad_check": "has been deprecated in autograd itself: use test_util.check_grads",
    },
    "numpy": {
        "Box numpy_boxes": BOX,
        "numpy_vspaces": SPACE,
        "numpy_jvps numpy_vjps": RULE,
        "array_from_args c_class concatenate_args custom_where metadata notrace_functions notrace_primitive "
        "numpy_version numpy_wrapper parse_einsum_input primitive r_class wrap_if_boxes_inside wrap_intdtype "
        "wrap_namespace": WRAPPING,
        "make_diagonal": "is no function of NumPy's: write np.eye(n) * d[..., None]",
    },
    "numpy.fft": {
        "check_even_shape check_no_repeated_axes fft_grad get_fft2_args get_fft_args get_fftn_args irfft_grad "
        "make_rfft_factors match_complex rfft_grad truncate_pad": RULE,
        "wrap_namespace": WRAPPING,
    },
    "numpy.linalg": {
        "grad_cholesky grad_eig grad_eigh grad_inv grad_pinv grad_solve grad_svd norm_jvp norm_vjp": RULE,
        "T": "is no function of NumPy's: write np.swapaxes(x, -1, -2)",
        "add2d": "is no function of NumPy's: write x[..., None]",
        "wrap_namespace": WRAPPING,
    },
    "numpy.random": {"wrap_namespace": WRAPPING},
    "scipy.integrate": {"argnums_unpack grad_odeint": RULE},
    "scipy.linalg": {"grad_solve_banded grad_solve_triangular": RULE, "wrap_namespace": WRAPPING},
    "scipy.signal": {"compute_conv_size einsum_tensordot flipped_idxs grad_convolve parse_axes": RULE},
    "scipy.special": {
        "fwd_grad_logsumexp inv_root_pi make_gammainc_vjp_arg1 make_grad_logsumexp repeat_to_match_shape root_pi "
        "unbroadcast_f": RULE,
    },
}
"""Module of autograd's -> names, separated by spaces -> why they are not here."""


def reasons(module: str) -> dict[str, str]:
    """The names of autograd's `module` that are refused, each with its reason."""
    return {name: reason for names, reason in REFUSED.get(module, {}).items() for name in names.split()}


def refusing(module: str) -> Callable[[str], Any]:
    """`__getattr__` of a module that stands in for autograd's: it says why a name is not there."""
    name = module.removeprefix(f"{__package__}.")
    why = reasons(name)

    def __getattr__(attribute: str) -> Any:
        if attribute in why:
            raise cr.MissingRuleError(f"autograd.{name}.{attribute} {why[attribute]}")
        raise AttributeError(f"module {module!r} has no attribute {attribute!r}")

    return __getattr__


def passing_through(module: str, source: ModuleType) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module that has the names of `source`, and says why autograd's are not there."""
    missing = refusing(module)

    def __getattr__(attribute: str) -> Any:
        try:
            found = getattr(source, attribute)
        except AttributeError:
            return missing(attribute)
        if not attribute.startswith("__"):
            setattr(sys.modules[module], attribute, found)  # so that it is asked for once
        return found

    def __dir__() -> list[str]:
        return dir(source)

    return __getattr__, __dir__

"""The public names of HIPS autograd 1.9.1.

Read off the installed modules with `vars(module)`, without underscored names, what they import from elsewhere, and, in
`autograd.numpy`, its modules, and `autograd.scipy.linalg`, without the names of NumPy's and SciPy's own modules, all of
which autograd wraps.
"""

NAMES = {
    "autograd": """
        builtins checkpoint core deriv dict differential_operators elementwise_grad extend grad grad_and_aux
        grad_named hessian hessian_tensor_product hessian_vector_product holomorphic_grad isinstance jacobian
        list make_ggnvp make_hvp make_jvp make_vjp multigrad_dict numpy primitive tensor_jacobian_product tracer
        tuple type util value_and_grad vector_jacobian_product wrap_util
    """,
    "autograd.builtins": """
        Box ContainerVSpace DictBox DictMeta DictVSpace ListMeta ListVSpace NamedTupleVSpace SequenceBox
        SequenceVSpace SparseObject TupleMeta TupleVSpace VSpace container_take container_untake defjvp
        defjvp_argnum defvjp defvjp_argnum dict dict_ fwd_grad_make_sequence grad_container_take
        grad_sequence_extend_left grad_sequence_extend_right isinstance isinstance_ list list_ make_sequence
        notrace_primitive primitive sequence_extend_left sequence_extend_right subvals tuple tuple_ type type_
        vspace
    """,
    "autograd.core": """
        Box JVPNode Node SparseBox SparseObject VJPNode VSpace add_outgrads backward_pass def_linear defjvp
        defjvp_argnum defjvp_argnums defvjp defvjp_argnum defvjp_argnums deprecated_defgrad deprecated_defvjp
        deprecated_defvjp_is_zero deprecated_defvjp_message func getval identity_jvp identity_vjp isbox make_jvp
        make_vjp primitive primitive_ primitive_jvps primitive_vjps primitive_with_deprecation_warnings
        sparse_add sparse_object_types subval sum_outgrads toposort trace translate_jvp translate_vjp vspace
    """,
    "autograd.differential_operators": """
        checkpoint defvjp_argnum deriv elementwise_grad grad grad_and_aux grad_named hessian
        hessian_tensor_product hessian_vector_product holomorphic_grad jacobian make_ggnvp make_hvp make_jvp
        make_jvp_reversemode make_vjp multigrad_dict primitive tensor_jacobian_product unary_to_nary
        value_and_grad vector_jacobian_product vspace
    """,
    "autograd.extend": """
        Box JVPNode SparseObject VJPNode VSpace def_linear defjvp defjvp_argnum defjvp_argnums defvjp
        defvjp_argnum defvjp_argnums notrace_primitive primitive register_notrace vspace
    """,
    "autograd.misc": """
        const_graph flatten tracers
    """,
    "autograd.misc.fixed_points": """
        fixed_point fixed_point_vjp
    """,
    "autograd.misc.flatten": """
        flatten flatten_func
    """,
    "autograd.misc.optimizers": """
        adam rmsprop sgd unflatten_optimizer
    """,
    "autograd.misc.tracers": """
        ConstGraphNode FullGraphNode Node const_graph const_graph_unary full_graph toposort trace
    """,
    "autograd.numpy": """
        Box array_from_args c_class concatenate_args custom_where make_diagonal metadata notrace_functions
        notrace_primitive numpy_boxes numpy_jvps numpy_version numpy_vjps numpy_vspaces numpy_wrapper
        parse_einsum_input primitive r_class wrap_if_boxes_inside wrap_intdtype wrap_namespace
    """,
    "autograd.numpy.fft": """
        check_even_shape check_no_repeated_axes fft_grad get_fft2_args get_fft_args get_fftn_args irfft_grad
        make_rfft_factors match_complex rfft_grad truncate_pad wrap_namespace
    """,
    "autograd.numpy.linalg": """
        T add2d grad_cholesky grad_eig grad_eigh grad_inv grad_pinv grad_solve grad_svd norm_jvp norm_vjp
        wrap_namespace
    """,
    "autograd.numpy.random": """
        wrap_namespace
    """,
    "autograd.scipy": """
        integrate signal special stats
    """,
    "autograd.scipy.integrate": """
        argnums_unpack grad_odeint odeint
    """,
    "autograd.scipy.linalg": """
        grad_solve_banded grad_solve_triangular wrap_namespace
    """,
    "autograd.scipy.signal": """
        compute_conv_size convolve einsum_tensordot flipped_idxs grad_convolve parse_axes
    """,
    "autograd.scipy.special": """
        beta betainc betaln digamma erf erfc erfcinv erfinv expit fwd_grad_logsumexp gamma gammainc gammaincc
        gammaln gammasgn i0 i1 inv_root_pi iv ive j0 j1 jn logit logsumexp make_gammainc_vjp_arg1
        make_grad_logsumexp multigammaln polygamma psi repeat_to_match_shape rgamma root_pi unbroadcast_f y0 y1
        yn
    """,
    "autograd.scipy.stats": """
        beta chi2 dirichlet gamma multivariate_normal norm poisson t
    """,
    "autograd.scipy.stats.beta": """
        cdf grad_beta_logpdf_arg0 grad_beta_logpdf_arg1 grad_beta_logpdf_arg2 logpdf pdf
    """,
    "autograd.scipy.stats.chi2": """
        cdf grad_chi2_logpdf logpdf pdf
    """,
    "autograd.scipy.stats.dirichlet": """
        logpdf pdf rvs
    """,
    "autograd.scipy.stats.gamma": """
        cdf grad_gamma_logpdf_arg0 grad_gamma_logpdf_arg1 logpdf pdf
    """,
    "autograd.scipy.stats.multivariate_normal": """
        covgrad entropy generalized_outer_product logpdf pdf solve
    """,
    "autograd.scipy.stats.norm": """
        cdf logcdf logpdf logsf pdf sf
    """,
    "autograd.scipy.stats.poisson": """
        cdf grad_poisson_logpmf logpmf pmf
    """,
    "autograd.scipy.stats.t": """
        cdf grad_tlogpdf_df grad_tlogpdf_diff grad_tlogpdf_loc grad_tlogpdf_scale grad_tlogpdf_x logcdf logpdf
        pdf
    """,
    "autograd.test_util": """
        EPS RTOL TOL check_equivalent check_grads check_jvp check_vjp combo_check get_name make_jvp
        make_numerical_jvp make_vjp scalar_close unary_to_nary vspace
    """,
    "autograd.tracer": """
        Box Node TraceStack box_type_mappings box_types find_top_boxed_args getval isbox new_box
        notrace_primitive notrace_primitives primitive register_notrace subvals toposort trace
        trace_primitives_map trace_stack wraps
    """,
    "autograd.util": """
        deprecation_msg func quick_grad_check subval subvals toposort
    """,
    "autograd.wrap_util": """
        get_doc get_name subvals unary_to_nary wrap_nary_f wraps
    """,
}
"""Module -> its names, separated by spaces."""

RULE = "the rule of one of autograd's operations"

OF_DISTRIBUTIONS = {
    "autograd.scipy.stats.beta": {"grad_beta_logpdf_arg0 grad_beta_logpdf_arg1 grad_beta_logpdf_arg2": RULE},
    "autograd.scipy.stats.chi2": {"grad_chi2_logpdf": RULE},
    "autograd.scipy.stats.gamma": {"grad_gamma_logpdf_arg0 grad_gamma_logpdf_arg1": RULE},
    "autograd.scipy.stats.multivariate_normal": {"covgrad generalized_outer_product solve": RULE},
    "autograd.scipy.stats.poisson": {"grad_poisson_logpmf": RULE},
    "autograd.scipy.stats.t": {
        "grad_tlogpdf_df grad_tlogpdf_diff grad_tlogpdf_loc grad_tlogpdf_scale grad_tlogpdf_x": RULE,
    },
}
"""Distributions, which are modules in autograd and objects here -> names that those do not have -> why."""

"""What the examples of `tests/cases.py` do not say of numpy.linalg: keywords, names, degenerate matrices, errors."""

import inspect
import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.trace import FRONT_ENDS
from chainrule.testing import check_gradients

rng = np.random.default_rng(7)
S, T = rng.normal(size=(2, 3, 3))
TALL, TALLC = rng.normal(size=(4, 2)), rng.normal(size=(4, 2)) + 1j * rng.normal(size=(4, 2))
SC = S + 1j * T
G = rng.normal(size=(3, 3))
TURN = np.linalg.qr(S)[0]
POSITIVE = S @ S.T + np.eye(3)
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, -1.0, 0.5]])
POINTS = [POSITIVE, SC @ SC.conj().T + np.eye(3), np.stack([POSITIVE, POSITIVE + S]), POSITIVE.astype(np.float32)]
SHAPES = [*POINTS, np.zeros((0, 0)), np.zeros((2, 0, 0)), np.zeros((0, 3, 3)), np.eye(1), np.eye(3), np.zeros((3, 3))]
OBLONG = [*SHAPES, TALL, TALL.T, TALLC, TALLC.T, np.zeros((3, 0)), np.zeros((0, 3)), np.zeros((2, 3, 0))]


def leaves(y):
    return list(y) if isinstance(y, tuple | list) else [y]


def turned(y):
    """Arrays whose columns have no sign: what is left of vectors that NumPy's own run may turn otherwise."""
    return [np.abs(np.asarray(leaf)) for leaf in leaves(y)]


def fields(y):
    return getattr(y, "_fields", None)


# ---- values ----------------------------------------------------------------------------------------------------------

SQUARE_KEYWORDS = {
    "cholesky": [{}, {"upper": True}, {"upper": False}],
    "eigh": [{}, {"UPLO": "U"}, {"UPLO": "l"}],
    "eigvalsh": [{}, {"UPLO": "U"}],
    "eig": [{}],
    "eigvals": [{}],
    "inv": [{}],
    "det": [{}],
    "slogdet": [{}],
    "matrix_power": [{"n": n} for n in (0, 1, 3, -2)],
}
OBLONG_KEYWORDS = {
    "svd": [{}, {"full_matrices": False}, {"compute_uv": False}],
    "svdvals": [{}],
    "qr": [{}, {"mode": "complete"}, {"mode": "r"}],
    "pinv": [{}, {"rcond": 1e-3}, {"rtol": None}, {"rtol": 1e-4}],
    "matrix_rank": [{}, {"tol": 1.0}, {"rtol": 0.5}],
    "cond": [{}, {"p": 2}, {"p": -2}],
    "norm": [{"ord": p, "axis": (-2, -1)} for p in (None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)],
    "matrix_norm": [{}, {"ord": "nuc", "keepdims": True}],
    "vector_norm": [{}, {"axis": -1, "ord": 3}, {"ord": np.inf, "keepdims": True}],
    "trace": [{}, {"offset": 1}],
    "diagonal": [{}, {"offset": -1}],
    "matrix_transpose": [{}],
}
HERMITIAN_KEYWORDS = {
    "svd": [{"hermitian": True}, {"hermitian": True, "compute_uv": False}],
    "pinv": [{"hermitian": True}],
    "matrix_rank": [{"hermitian": True}],
    "cond": [{"p": p} for p in (1, -1, np.inf, -np.inf, "fro", "nuc")],
}
CALLS = [
    (name, keywords, xs)
    for table, xs in ((SQUARE_KEYWORDS, SHAPES), (OBLONG_KEYWORDS, OBLONG), (HERMITIAN_KEYWORDS, SHAPES))
    for name, all_keywords in table.items()
    for keywords in all_keywords
]


@pytest.mark.parametrize(("name", "keywords", "xs"), CALLS, ids=[f"{n}-{k}" for n, k, _ in CALLS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_value_name_and_dtype_are_numpys(name, keywords, xs):
    """Where NumPy raises, so do we, with an error of the same type."""
    for x in xs:

        def f(a):
            return getattr(np.linalg, name)(a, **keywords)

        names = []

        def g(a, f=f, names=names):
            y = f(a)
            names.append(fields(y))
            return leaves(y)

        try:
            expected = f(x)
        except (np.linalg.LinAlgError, ValueError) as error:
            if "converge" in str(error):  # of the inverse of a singular matrix, which is NaN; ours is infinite
                continue
            with pytest.raises(type(error)):
                cr.vjp(g, x)
            continue
        found = cr.vjp(g, x)[0]
        assert names[0] == fields(expected)
        eps = np.finfo(x.dtype).eps
        for ours, numpys in zip(found, leaves(expected), strict=True):
            assert np.shape(ours) == np.shape(numpys)
            assert np.asarray(ours).dtype == np.asarray(numpys).dtype
        for ours, numpys in zip(turned(found), turned(expected), strict=True):
            np.testing.assert_allclose(ours, numpys, rtol=200 * eps, atol=200 * eps)


LEAST_SQUARES = [
    (TALL, np.ones(4)),
    (TALL, np.ones((4, 3))),
    (TALL.T, np.ones(2)),
    (POSITIVE, np.ones((3, 1))),
    (TALLC, np.ones(4)),
    (TALL, TALLC),
    (TALL @ TALL.T, np.ones(4)),
    (TALL.astype(np.float32), np.ones(4, np.float32)),
    (TALL.astype(np.float32), np.ones(4)),
    (TALL, np.ones((4, 0))),
    (np.zeros((4, 0)), np.ones(4)),
    (np.zeros((0, 3)), np.ones((0, 2))),
]


@pytest.mark.parametrize("rcond", [None, -1, 1e-6])
@pytest.mark.parametrize(("a", "b"), LEAST_SQUARES, ids=lambda x: f"{x.dtype}{x.shape}")
def test_lstsq_is_numpys(a, b, rcond):
    expected = np.linalg.lstsq(a, b, rcond)
    for found in (cr.vjp(lambda a, b: tuple(np.linalg.lstsq(a, b, rcond)), a, b)[0],):
        for ours, numpys in zip(found, expected, strict=True):
            assert np.shape(ours) == np.shape(numpys)
            assert np.asarray(ours).dtype == np.asarray(numpys).dtype
            eps = max(np.finfo(a.dtype).eps, np.finfo(b.dtype).eps)
            np.testing.assert_allclose(ours, numpys, rtol=200 * eps, atol=200 * eps)


def test_lstsq_of_a_batch():
    a, b = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4))
    f = lambda a, b: np.linalg.lstsq(a, b)[:2]
    for ours, numpys in zip(cr.vmap(f)(a, b), zip(*map(f, a, b), strict=True), strict=True):
        np.testing.assert_allclose(ours, np.stack(numpys), rtol=1e-12)


def test_every_public_function_has_a_signature_with_numpys_parameters():
    for name in np.linalg.__all__:
        function = getattr(np.linalg, name)
        if name == "LinAlgError":
            continue
        ours, numpys = (inspect.signature(f).parameters for f in (FRONT_ENDS[function], function))
        assert list(ours) == list(numpys), name
        for key, parameter in numpys.items():
            assert ours[key].kind == parameter.kind or parameter.kind == parameter.POSITIONAL_OR_KEYWORD, (name, key)


# ---- matrices of which some are empty ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"),
    [(n, s) for n in SQUARE_KEYWORDS for s in ((0, 0), (2, 0, 0), (0, 3, 3)) if n != "matrix_power"]
    + [(n, s) for n in ("svd", "qr", "pinv", "svdvals") for s in ((0, 0), (0, 3), (3, 0), (2, 3, 0), (0, 3, 2))],
)
def test_derivatives_of_empty_matrices(name, shape):
    def f(a):
        return sum(np.sum(np.abs(leaf)) for leaf in leaves(getattr(np.linalg, name)(a)))

    x = np.zeros(shape)
    assert cr.grad(f)(x).shape == shape
    assert cr.jvp(f, (x,), (x,))[1] == 0
    assert cr.hvp(f)(x, x).shape == shape


# ---- triangles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cholesky", "eigvalsh"])
@pytest.mark.parametrize("upper", [False, True])
def test_the_triangle_that_is_not_read_has_no_slope(name, upper):
    keyword = {"upper": upper} if name == "cholesky" else {"UPLO": "U" if upper else "L"}
    c = cr.grad(lambda a: np.sum(np.sin(getattr(np.linalg, name)(a, **keyword))))(POSITIVE)
    assert not np.any(np.tril(c, -1) if upper else np.triu(c, 1))
    assert np.count_nonzero(c) == 6


def test_of_a_matrix_made_symmetric_the_gradient_is_symmetric():
    c = cr.grad(lambda a: np.sum(np.linalg.eigvalsh((a + a.T) / 2) ** 3))(POSITIVE)
    np.testing.assert_allclose(c, 3 * POSITIVE @ POSITIVE, rtol=1e-12)


# ---- repeated values ---------------------------------------------------------------------------------------------

REPEATED = TURN @ np.diag([1.0, 2.0, 2.0]) @ TURN.T
SPECIAL = {"0": np.zeros((3, 3)), "1": np.eye(3), "diagonal": np.diag([0.0, 0.0, 1.0]), "turned": REPEATED}


def eigenvalues(a):
    return np.linalg.eigh(a)[0]


def singular_values(a):
    return np.linalg.svd(a)[1]


@pytest.mark.parametrize("a", SPECIAL.values(), ids=SPECIAL)
def test_functions_of_repeated_eigenvalues(a):
    """d tr f(A) = tr(f'(A) dA)."""
    full = lambda c: np.tril(c, -1) / 2 + np.tril(c, -1).T / 2 + np.diag(np.diag(c))
    w, v = np.linalg.eigh(a)
    for values in (np.linalg.eigvalsh, eigenvalues):
        c = cr.grad(lambda a, values=values: np.sum(np.exp(values(a))))(a)
        np.testing.assert_allclose(full(c), v * np.exp(w) @ v.T, atol=1e-12)
    for values in (np.linalg.eigvals, lambda a: np.linalg.eig(a)[0]):
        c = cr.grad(lambda a, values=values: np.real(np.sum(np.exp(values(a)))))(a)
        np.testing.assert_allclose(c, v * np.exp(w) @ v.T, atol=1e-12)
    for values in (np.linalg.svdvals, singular_values):
        c = cr.grad(lambda a, values=values: np.sum(values(a) ** 2))(a)
        np.testing.assert_allclose(c, 2 * a, atol=1e-12)
    slope = cr.jvp(lambda a: np.sum(np.exp(np.linalg.eigvalsh(a))), (a,), (G + G.T,))[1]
    np.testing.assert_allclose(slope, np.sum((v * np.exp(w) @ v.T) * (G + G.T)), rtol=1e-12)


REBUILT = {
    "eigh": lambda a, f: (lambda w, v: np.sum(G * ((v * f(w)) @ v.T)))(*np.linalg.eigh(a)),
    "svd": lambda a, f: (lambda u, s, vh: np.sum(G * ((u * f(s)) @ vh)))(*np.linalg.svd(a)),
    "eig": lambda a, f: (lambda w, v: np.sum(G * np.real((v * f(w)) @ np.linalg.inv(v))))(*np.linalg.eig(a)),
}


@pytest.mark.parametrize("f", [np.exp, np.sin], ids=["exp", "sin"])
@pytest.mark.parametrize("name", REBUILT)
@pytest.mark.parametrize("at", SPECIAL)
def test_a_matrix_rebuilt_of_repeated_values_is_refused(name, at, f):
    """Its derivative needs f' between equal values, and no cotangent of the values and vectors tells that."""
    with pytest.raises(np.linalg.LinAlgError, match=rf"numpy\.linalg\.{name}: the derivative of the vectors"):
        cr.grad(lambda a: REBUILT[name](a, f))(SPECIAL[at])
    with pytest.raises(np.linalg.LinAlgError, match=rf"numpy\.linalg\.{name}: the derivative of the vectors"):
        cr.jvp(lambda a: REBUILT[name](a, f), (SPECIAL[at],), (G,))


@pytest.mark.parametrize("a", [np.outer([1.0, 2.0, 3.0], [1.0, 1.0]), SINGULAR], ids=["tall", "square"])
def test_a_rebuilt_matrix_of_lower_rank_is_right_or_refused(a):
    g = rng.normal(size=a.shape)
    f = lambda a: (lambda u, s, vh: np.sum(g * ((u * s) @ vh)))(*np.linalg.svd(a, full_matrices=False))
    if a is SINGULAR:
        np.testing.assert_allclose(cr.grad(f)(a), g, atol=1e-12)
    else:
        with pytest.raises(np.linalg.LinAlgError, match=r"numpy\.linalg\.svd"):
            cr.grad(f)(a)


def test_the_largest_part_of_a_matrix_of_lower_rank():
    """Its best approximation of rank 1: dA projected onto the tangent space."""
    u, v = np.array([[1.0], [2.0], [2.0]]) / 3, np.array([[0.6], [0.8]])
    g = rng.normal(size=(3, 2))
    p, q = u @ u.T, v @ v.T
    f = lambda a: (lambda u, s, vh: np.sum(g * (u[:, :1] * s[:1] @ vh[:1])))(*np.linalg.svd(a, full_matrices=False))
    np.testing.assert_allclose(cr.grad(f)(5 * u @ v.T), p @ g + g @ q - p @ g @ q, atol=1e-12)


def test_the_space_of_a_repeated_eigenvalue():
    p = TURN[:, 1:] @ TURN[:, 1:].T
    f = lambda a: (lambda v: np.sum(G * (v[:, 1:] @ v[:, 1:].T)))(np.linalg.eigh((a + a.T) / 2)[1])
    g = (G + G.T) / 2
    rest = (np.eye(3) - p) @ g @ p
    np.testing.assert_allclose(cr.grad(f)(REPEATED), rest + rest.T, atol=1e-12)


def test_one_vector_beside_a_repeated_eigenvalue():
    f = lambda a: np.sum(np.linalg.eigh((a + a.T) / 2)[1][:, 0] ** 4)
    check_gradients(f, REPEATED)


def test_the_polar_factor_of_equal_singular_values():
    f = lambda a: (lambda u, s, vh: np.sum(G * (u @ vh)))(*np.linalg.svd(a))
    k = TURN.T @ G
    np.testing.assert_allclose(cr.grad(f)(2 * TURN), TURN @ (k - k.T) / 4, atol=1e-12)


def test_a_defective_matrix_is_refused():
    for jordan in (np.array([[1.0, 1.0], [0.0, 1.0]]), np.eye(3) + np.eye(3, k=1), np.eye(2, k=1), np.eye(3, k=1)):
        for f in (np.linalg.eigvals, lambda a: np.linalg.eig(a)[0], lambda a: np.linalg.eig(a)[1]):
            g = lambda a, f=f: np.sum(np.abs(f(a)))
            with pytest.raises(np.linalg.LinAlgError, match="fewer independent eigenvectors"):
                cr.grad(g)(jordan)
            with pytest.raises(np.linalg.LinAlgError, match="fewer independent eigenvectors"):
                cr.jvp(g, (jordan,), (jordan,))


# ---- phases and signs ------------------------------------------------------------------------------------------------


def test_a_function_of_the_phase_is_refused():
    a = SC + SC.conj().T
    with pytest.raises(np.linalg.LinAlgError, match=r"numpy\.linalg\.eigh: the function depends on the phase"):
        cr.grad(lambda a: np.sum(np.real(np.linalg.eigh(a)[1])))(a)
    with pytest.raises(np.linalg.LinAlgError, match=r"numpy\.linalg\.svd: the function depends on the phase"):
        cr.grad(lambda a: np.sum(np.real(np.linalg.svd(a)[0])))(a)


@pytest.mark.parametrize("a", [np.array([[0.3, -1.2], [0.9, 0.1]]), SC], ids=["real", "complex"])
def test_eigenvectors_keep_the_phase_that_lapack_gives_them(a):
    check_gradients(lambda a: np.sum(np.real(np.linalg.eig(a)[1] * (1 + 2j))), a)


def test_real_eigenvalues_are_real_and_the_others_complex():
    found = []
    f = lambda a: found.append(np.linalg.eigvals(a).dtype) or np.sum(a)
    cr.grad(f)(POSITIVE)
    cr.grad(f)(np.array([[0.0, -1.0], [1.0, 0.0]]))
    cr.vmap(f)(np.stack([POSITIVE]))  # a batch may hold both
    assert found == [np.float64, np.complex128, np.complex128]


def test_what_fills_up_a_basis_is_refused():
    with pytest.raises(
        np.linalg.LinAlgError, match=r"numpy\.linalg\.svd: the function depends on the vectors that fill"
    ):
        cr.grad(lambda a: np.sum(np.linalg.svd(a)[0][:, 2:] ** 3))(TALL)
    with pytest.raises(
        np.linalg.LinAlgError, match=r"numpy\.linalg\.qr: the function depends on the vectors that fill"
    ):
        cr.grad(lambda a: np.sum(np.linalg.qr(a, "complete")[0][:, 2:] ** 3))(TALL)


def test_a_single_vector_that_fills_up_a_basis_has_a_derivative():
    check_gradients(lambda a: np.sum(np.linalg.qr(a, "complete")[0] ** 4), S[:, :2])
    check_gradients(lambda a: np.sum(np.linalg.svd(a)[0] ** 4), S[:, :2])
    check_gradients(lambda a: np.sum(np.linalg.svd(a)[2] ** 4), S[:2])


# ---- singular matrices -----------------------------------------------------------------------------------------------


def test_singular_matrices():
    for f in (np.linalg.inv, lambda a: np.linalg.solve(a, np.ones(2))):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            cr.grad(lambda a, f=f: np.sum(f(a)))(np.array([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        cr.grad(lambda a: np.sum(np.linalg.cholesky(a)))(-np.eye(2))
    np.testing.assert_allclose(cr.grad(np.linalg.det)(np.array([[1.0, 2.0], [2.0, 4.0]])), [[4, -2], [-2, 1]])
    np.testing.assert_array_equal(cr.grad(np.linalg.det)(np.zeros((3, 3))), np.zeros((3, 3)))


@pytest.mark.parametrize("p", [None, 2, 1, np.inf, "fro"])
def test_the_condition_of_a_singular_matrix_is_infinite_and_constant(p):
    value, c = cr.value_and_grad(lambda a: np.linalg.cond(a, p))(
        np.ones((2, 2)) if p not in (None, 2) else np.zeros((2, 2))
    )
    assert value == np.inf
    np.testing.assert_array_equal(c, np.zeros((2, 2)))


def test_pinv_of_what_is_left_out_is_refused():
    a = np.diag([1.0, 1e-3])
    with pytest.raises(np.linalg.LinAlgError, match=r"numpy\.linalg\.pinv: rtol"):
        cr.grad(lambda a: np.sum(np.linalg.pinv(a, rtol=0.1)))(a)
    with pytest.raises(np.linalg.LinAlgError, match=r"numpy\.linalg\.pinv: rtol"):
        cr.grad(lambda a: np.sum(np.linalg.lstsq(a, np.ones(2), 0.1)[0]))(a)


def test_pinv_and_norms_of_zero():
    zeros = np.zeros((2, 3))
    np.testing.assert_array_equal(cr.grad(lambda a: np.sum(np.linalg.pinv(a)))(zeros), zeros)
    for p in (None, "fro", "nuc", 2, 1, np.inf):
        np.testing.assert_array_equal(cr.grad(lambda a, p=p: np.linalg.norm(a, p))(zeros), zeros)


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_what_is_refused_is_named():
    with pytest.raises(cr.MissingRuleError, match=r"numpy\.linalg\.qr: mode='raw'"):
        cr.grad(lambda a: np.sum(np.linalg.qr(a, "raw")[0]))(TALL)
    with pytest.raises(ValueError, match="Unrecognized mode 'thin'"):
        cr.grad(lambda a: np.sum(np.linalg.qr(a, "thin")[0]))(TALL)
    with pytest.raises(ValueError, match="UPLO argument must be 'L' or 'U'"):
        cr.grad(lambda a: np.sum(np.linalg.eigvalsh(a, "X")))(POSITIVE)
    with pytest.raises(ValueError, match="`rtol` and `rcond` can't be both set"):
        cr.grad(lambda a: np.sum(np.linalg.pinv(a, 0.1, rtol=0.1)))(TALL)
    for name in ("eigh", "eig", "cholesky", "inv", "det"):
        with pytest.raises(np.linalg.LinAlgError, match="must be square"):
            cr.grad(lambda a, name=name: np.sum(leaves(getattr(np.linalg, name)(a))[0]))(TALL)
    with pytest.raises(np.linalg.LinAlgError, match="at least two-dimensional"):
        cr.grad(lambda a: np.sum(np.linalg.svdvals(a)))(np.ones(3))
    with pytest.raises(np.linalg.LinAlgError, match="cond is not defined on empty arrays"):
        cr.grad(np.linalg.cond)(np.zeros((0, 0)))


def test_nan_is_not_hidden():
    a = np.full((2, 2), np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        assert np.isnan(cr.grad(np.linalg.det)(a)).all()
        assert np.isnan(cr.vjp(lambda a: np.linalg.cond(a, 1), a)[0])


# ---- single precision ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["cholesky", "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals", "qr", "pinv", "inv", "det", "cond"]
)
@pytest.mark.parametrize("a", [POINTS[0], POINTS[1]], ids=["real", "complex"])
def test_single_precision_is_kept(name, a):
    x = a.astype(np.complex64 if a.dtype.kind == "c" else np.float32)

    def f(a):
        return sum(np.sum(np.abs(leaf) ** 2) for leaf in leaves(getattr(np.linalg, name)(a)))

    c, second = cr.grad(f)(x), cr.hvp(f)(x, x)
    assert c.dtype == second.dtype == x.dtype
    np.testing.assert_allclose(c, cr.grad(f)(a), rtol=2e-3, atol=2e-3 * np.max(np.abs(c)))

"""scipy.linalg on traced arrays: values are SciPy's, derivatives are right in every mode, and nothing is left out."""

import inspect
import warnings

import numpy as np
import pytest
import scipy.linalg

import chainrule as cr
import columns
from cases import Case
from chainrule.core.primitive import PRIMITIVES
from chainrule.scipy import linalg
from chainrule.scipy.linalg.constants import REFUSED
from chainrule.testing import check_rules

# ---- one line for each way to call each function: its names stand for these arrays, which are differentiated --------

_rng = np.random.default_rng(5)


def _normal(*shape):
    return _rng.normal(size=shape)


def _complex(*shape):
    return _normal(*shape) + 1j * _normal(*shape)


TRACED = {
    "A": _normal(3, 3) + 2 * np.eye(3),
    "B": _normal(3, 3),
    "Z": _complex(3, 3) + 2 * np.eye(3),
    "S": _normal(2, 3, 3) + 2 * np.eye(3),
    "b": _normal(3),
    "z": _complex(3),
    "M": _normal(3, 2),
    "Y": _complex(3, 2),
    "T": _normal(4, 2),
    "W": _normal(2, 4),
    "tall": _complex(4, 2),
    "wide": _complex(2, 4),
    "e": _normal(4),
    "g": _normal(5),
    "h": _normal(5, 2),
    "k": _complex(5, 2),
    "band": _normal(3, 5) + np.array([[0], [6], [0]]),
    "zband": _complex(3, 5) + np.array([[0], [6], [0]]),
    "c": _normal(5) + 8 * np.eye(5)[0],
    "d": _complex(5) + 8 * np.eye(5)[0],
    "t": np.float64(0.4),
}
TRACED["P"] = TRACED["A"] @ TRACED["A"].T + np.eye(3)
TRACED["H"] = TRACED["Z"] @ TRACED["Z"].conj().T + np.eye(3)
PLAIN = {
    "np": np,
    "sl": linalg,
    "I": np.eye(3),
    "low": np.array([[6.0], [0], [0]]),
    "high": np.array([[0], [0], [20.0]]),
    "turn": np.array([[0.0, 5, 0], [-5, 0, 0], [0, 0, 0]]),
    "space": lambda x: x @ np.conjugate(x).T,
    "sizes": lambda xs: [np.abs(x) for x in xs],
}

ROWS = """
sl.solve(A, b)                                       sl.solve(Z, Y)
sl.solve(A, M, assume_a='sym')                       sl.solve(Z, Y, True, assume_a='sym')
sl.solve(Z + 9 * I, Y, assume_a='her')               sl.solve(P, M, assume_a='pos')
sl.solve(H, Y, assume_a='pos', lower=True)           sl.solve(A, b, transposed=True)
sl.inv(A)                                            sl.inv(Z)
sl.det(A)                                            sl.det(Z)
sl.solve_triangular(A, b)                            sl.solve_triangular(Z, Y, trans=2)
sl.solve_triangular(A, M, lower=True, unit_diagonal=True)
sl.solve_triangular(Z, Y, 'T', True)
sl.solve_banded((1, 1), band, g)                     sl.solve_banded((2, 0), band + low, h)
sl.solve_banded((0, 2), zband + high, k)
sl.solveh_banded(band[1:], h, lower=True)            sl.solveh_banded(zband[:2], k)
sl.solveh_banded(zband + high, g)
sl.cholesky_banded(band[1:], lower=True)             sl.cholesky_banded(zband[:2])
sl.cho_solve_banded((band[1:], True), h)             sl.cho_solve_banded((zband[:2], False), k)
sl.cholesky(P)                                       sl.cholesky(H, lower=True)
sl.cho_factor(P)[0]                                  sl.cho_factor(H, lower=True)[0]
sl.cho_solve((A, True), b)                           sl.cho_solve((Z, False), Y)
sl.lu(A)                                             sl.lu(T)[1:]
sl.lu(wide, permute_l=True)
sl.lu_factor(Z)[0]                                   sl.lu_factor(W)[0]
sl.lu_solve((A, [2, 2, 2]), M)                       sl.lu_solve((Z, [1, 1, 2]), z, trans=1)
sl.lu_solve((Z, [2, 1, 2]), z, 2)                    sl.lu_solve(sl.lu_factor(A), b)
sl.qr(A)                                             sl.qr(W)
sl.qr(wide, mode='economic', pivoting=True)[:2]      sl.qr(T, mode='economic')
sl.qr(tall, mode='r')
sl.qr_multiply(T, W)                                 sl.qr_multiply(T, A[:2, :2], 'left')
sl.qr_multiply(tall, e, conjugate=True)              sl.qr_multiply(W, A[:2, :2], 'left', pivoting=True)[:2]
sl.rq(A)                                             sl.rq(T)
sl.rq(W, mode='economic')                            sl.rq(wide, mode='r')
sl.polar(A)                                          sl.polar(T)
sl.polar(wide)                                       sl.polar(tall, side='left')
sl.orthogonal_procrustes(A, B)
sl.solve_sylvester(A, P, B)                          sl.solve_sylvester(Z, H, B)
sl.solve_continuous_lyapunov(A, B)                   sl.solve_continuous_lyapunov(Z, B)
sl.solve_lyapunov(A, B)
sl.solve_discrete_lyapunov(A, B)                     sl.solve_discrete_lyapunov(Z, B, method='bilinear')
sl.solve_continuous_are(A / 3, M, P + P.T, space(M.T) + 3 * I[:2, :2])
sl.solve_continuous_are(Z, Y, space(B), space(M.T) + I[:2, :2], e=A, s=M / 9)
sl.solve_discrete_are(A / 3, M, P + P.T, I[:2, :2])
sl.solve_discrete_are(Z, Y, space(B), space(M.T) + I[:2, :2], e=P, s=M / 9)
sl.expm(A)                                           sl.expm(Z)
sl.expm(b[:1])
sl.expm_frechet(A, B)                                sl.expm_frechet(Z, 1e6 * B, compute_expm=False)
sl.cosm(A)                                           sl.cosm(Z)
sl.sinm(A)                                           sl.sinm(Z)
sl.tanm(A)                                           sl.coshm(A)
sl.sinhm(Z)                                          sl.tanhm(A)
sl.logm(P)                                           sl.logm(Z)
sl.sqrtm(P)                    sl.sqrtm(A - 4 * I)
sl.fractional_matrix_power(P, t)                     sl.fractional_matrix_power(Z, -1.7)
sl.fractional_matrix_power(A, 3)
sl.signm(B)                                          sl.signm(Z - 1.5 * I)
sl.eigh(P)[0]                                        sizes(sl.eigh(P))
sl.eigh(P, lower=False, driver='ev')                 sizes(sl.eigh(H, driver='evd'))
sizes(sl.eigh(A, subset_by_index=[1, 2]))            sizes(sl.eigh(A, subset_by_value=[0, 9.5]))
sizes(sl.eigh(A, P))                                 sizes(sl.eigh(A, P, type=2))
sizes(sl.eigh(A, P, type=3))                         sizes(sl.eigh(Z, H))
sizes(sl.eigh(Z, H, type=2, lower=False))            sizes(sl.eigh(Z, H, type=3))
sizes(sl.eigh(A, P, subset_by_index=[0, 0]))         sl.eigh(A, P, eigvals_only=True, type=3)
sl.eigvalsh(P)                                       sl.eigvalsh(Z, H, type=2)
sl.eigvalsh(A, subset_by_index=(0, 1))               sl.eigvalsh(A, P)
sl.eig_banded(band[1:], lower=True)                  sizes(sl.eig_banded(zband))
sizes(sl.eig_banded(band[:2], select='i', select_range=(1, 3)))
sizes(sl.eig_banded(band[:2], select='v', select_range=(2, 8), max_ev=5))
sl.eigvals_banded(zband)
sizes(sl.eigh_tridiagonal(g, e))                     sizes(sl.eigh_tridiagonal(g, e, select=2, select_range=(0, 2)))
sl.eigvalsh_tridiagonal(g, e)                        sl.eigvalsh_tridiagonal(g, e, 'v', (-1, 1))
sl.eig(A)                                            sl.eig(P, left=True)
sl.eig(Z, left=True)                                 sl.eig(A, left=True, right=False)
sizes(sl.eig(Z, H + 9 * I, left=True))                       sizes(sl.eig(A, P, left=True))
sl.eigvals(A)                                        sl.eigvals(Z, H)               sl.eigvals(A, P)
sl.cdf2rdf(*np.linalg.eig(A + turn))                 sl.cdf2rdf(z.real + 0j, Z)
sl.matrix_balance(A)                                 sl.matrix_balance(np.triu(Z), separate=True)[0]
sl.svd(A)                                            sl.svd(T)[1]
sl.svd(T, full_matrices=False, lapack_driver='gesvd')
sl.svdvals(wide)
sl.orth(T)                                           space(sl.null_space(W))        space(sl.null_space(wide))
sl.pinv(T)                                           sl.pinv(wide, return_rank=True)[0]
sl.pinvh(A)                                          sl.pinvh(Z, lower=False)
sl.lstsq(T, e)                                       sl.lstsq(tall, W.T, lapack_driver='gelsy')[0]
sl.lstsq(W, A[:2])
sl.norm(b)                                           sl.norm(z)                     sl.norm(A)
sl.norm(Z, 'nuc')                                    sl.norm(z, 3)                  sl.norm(A, -np.inf)
sl.norm(A, 2, axis=(0, 1), keepdims=True)             sl.norm(A, 1)
sl.subspace_angles(T, W.T)                           sl.subspace_angles(tall, tall + 0.1 * W.T)
sl.subspace_angles(tall, W.T[:, :1])
sl.toeplitz(b)                                       sl.toeplitz(z, e)              sl.circulant(e)
sl.hankel(z, e)                                      sl.hankel(b)
sl.block_diag(A, M, e)                               sl.leslie(e, b)                sl.companion(e)
sl.fiedler(e)                                        sl.fiedler_companion(g)        sl.fiedler_companion(e)
sl.convolution_matrix(e, 3)                          sl.convolution_matrix(z, 2, 'same')
sl.khatri_rao(A, B)                                  sl.diagsvd(b, 3, 5)            sl.diagsvd(z, 4, 3)
sl.clarkson_woodruff_transform(A, 2, 3)
sl.solve_circulant(c, g)                             sl.solve_circulant(d, h)
sl.solve_circulant(c, h, singular='lstsq', outaxis=-1)
sl.matmul_toeplitz(e, W.T)                           sl.matmul_toeplitz((e, z), Y)  sl.matmul_toeplitz((c, e), e)
sl.solve_toeplitz(c, g)                              sl.solve_toeplitz((c, d), h)   sl.solve_toeplitz(d, k)
"""
SINCE_STRUCTURES = """
sl.solve(A, M, assume_a='diagonal')                  sl.solve(A, M, assume_a='tridiagonal')
sl.solve(A, M, assume_a='upper triangular', transposed=True)
sl.solve(A, b, assume_a='banded')
"""
SINCE_STACKS = """
sl.solve_banded((1, 1), band * np.ones((2, 1, 1)), g)
sl.sqrtm(Z)
sl.solve(S, b)
sl.solve(A, S)
sl.inv(S)
sl.det(S)
sl.solve_triangular(S, b, trans='C', unit_diagonal=True)
sl.lu(S, p_indices=True)[1:]
sl.qr(S)
sl.solve_sylvester(S, P, B)
sl.expm(S)
sl.svdvals(S)
sl.lstsq(S, M)[0]
sl.norm(S, axis=1)
sl.inv(P, assume_a='pos')                            sl.toeplitz(S[0])              sl.circulant(M)
sl.companion(tall)                                   sl.fiedler_companion(W)        sl.block_diag(S, M)
sl.convolution_matrix(W, 3, 'same')                  sl.logm(S @ np.swapaxes(S, -1, -2) + I)
"""


def lines(rows):
    return [line.strip() for row in rows.splitlines() for line in row.split("  ") if line.strip()]


LINES = lines(ROWS)
if hasattr(scipy.linalg, "kron"):
    LINES.append("sl.kron(A, M)")
if "'tridiagonal'" in str(scipy.linalg.solve.__doc__):
    LINES += lines(SINCE_STRUCTURES)
STACKS = "assume_a" in inspect.signature(scipy.linalg.inv).parameters
if STACKS:
    LINES += lines(SINCE_STACKS)


def program(line, traced=TRACED):
    """The line as a function of the arrays of `traced` that it names, and those arrays."""
    code = compile(line, line, "eval")
    names = [name for name in traced if name in code.co_names]
    f = lambda *xs: leaves(eval(code, {**PLAIN, **traced, **dict(zip(names, xs, strict=True))}))
    f.__name__ = line
    return f, [traced[name] for name in names]


def leaves(y):
    """The arrays of a result, of whatever tuples they are in; some of LAPACK's drivers leave one out."""
    return [leaf for part in y for leaf in leaves(part)] if isinstance(y, tuple | list) else [] if y is None else [y]


def function_of(line):
    return line.split("sl.")[1].split("(")[0]


FUNCTIONS = {function_of(line): line for line in reversed(LINES)}
"""Each function, and its first line."""


@pytest.fixture(autouse=True)
def quiet():
    """SciPy warns of what it finds ill-conditioned, and of what will change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- the lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    """The value is SciPy's, and every column of the rules holds: to second order for one line of each function."""
    f, xs = program(line)
    found, expected = cr.vjp(f, *xs)[0], f(*xs)
    assert len(found) == len(expected)
    for y, plain in zip(found, expected, strict=True):
        assert (y.shape, y.dtype) == (np.shape(plain), np.asarray(plain).dtype)
        np.testing.assert_allclose(y, plain, rtol=0, atol=3e-14 * np.max(np.abs(plain), initial=0))
    check_rules(f, *xs, order=2 if line == FUNCTIONS[function_of(line)] else 1)


ROUGH = (
    "logm",
    "fractional",
    "are(",
    "sqrtm(A",
    "signm",
    "sl.eig(",
    "sl.eig_banded(band[1:]",
    "sl.eigh_tridiagonal(g, e)",
)
"""Where SciPy itself loses digits, so that a single one is left, or where signs depend on the precision."""


@pytest.mark.parametrize("line", LINES)
def test_single_precision_stays(line):
    """Results have SciPy's dtypes, gradients those of the arguments, and the numbers are right to that precision."""
    low = {n: x.astype(np.complex64 if x.dtype.kind == "c" else np.float32) for n, x in TRACED.items()}
    (f, xs), (_, exact) = program(line, low), program(line)
    y, pullback = cr.vjp(f, *xs)
    for v, plain in zip(y, f(*xs), strict=True):  # norm returns a Python number
        expected = np.float32 if type(plain) is float else np.asarray(plain).dtype
        assert v.dtype == expected or "fractional" in line  # where older SciPy's depends on the values
    high, whole = cr.vjp(f, *exact)
    cts = pullback([np.ones_like(v) for v in y])
    slopes = whole([np.ones_like(v) for v in high])
    largest = max(np.max(np.abs(slope)) for slope in slopes)
    for ct, slope, x in zip(cts, slopes, xs, strict=True):
        assert (ct.shape, ct.dtype) == (x.shape, x.dtype)
        if not any(name in line for name in ROUGH):
            np.testing.assert_allclose(ct, slope, rtol=0, atol=5e-3 * largest)


# ---- the operations -------------------------------------------------------------------------------------------------

OPERATIONS = [name for name, p in PRIMITIVES.items() if name.startswith("scipy.linalg.")]


def examples():
    """Each line as an example of the operations that it does."""
    found = {name: [] for name in OPERATIONS}
    for line in LINES:
        f, xs = program(line)
        for name in {e.primitive.name for e in cr.record(f, *xs).equations} & found.keys():
            found[name].append(Case(name, line, f, tuple(xs), 1))
    return found


@pytest.fixture(scope="module")
def by_operation():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return examples()


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, by_operation, monkeypatch):
    """Every operation has an example, and all columns of tests/columns.py hold."""
    assert by_operation[name], f"no line is an example of {name}"
    monkeypatch.setattr(columns, "examples_of", lambda name: by_operation[name][:4])
    for column, holds in columns.OF_PRIMITIVES.items():
        if columns.applies(column, PRIMITIVES[name]):
            holds(name)


# ---- that each function is accounted for ----------------------------------------------------------------------------

CONSTANT = {"bandwidth", "ishermitian", "issymmetric"}
NOT_OF_NUMBERS = {
    **dict.fromkeys(("LinAlgError", "LinAlgWarning"), "an error, a warning"),
    **dict.fromkeys(("find_best_blas_type", "get_blas_funcs", "get_lapack_funcs"), "it looks up functions"),
    **dict.fromkeys(("dft", "hadamard", "helmert", "hilbert", "invhilbert"), "a matrix of a given size"),
    **dict.fromkeys(("invpascal", "pascal"), "a matrix of a given size"),
    "test": "it runs SciPy's tests",
}


def public():
    return [name for name in dir(scipy.linalg) if not name.startswith("_") and callable(getattr(scipy.linalg, name))]


def test_every_function_is_in_one_column():
    tables = (FUNCTIONS, CONSTANT, NOT_OF_NUMBERS, REFUSED)
    wrong = {name: sum(name in table for table in tables) for name in public()}
    assert {name: n for name, n in wrong.items() if n != 1} == {}, "these are in no column, or in several"


GONE = {"turbo", "eigvals", "cond", "rcond"}
"""Keywords that release 1.13 still has, and whose use is an error there."""


@pytest.mark.parametrize("name", [n for n in public() if n not in NOT_OF_NUMBERS])
def test_a_function_has_scipys_name_and_signature(name):
    ours, original = getattr(linalg, name), getattr(scipy.linalg, name)
    assert ours is not original
    assert ours.__name__ == original.__name__
    assert inspect.signature(ours) == inspect.signature(original)
    assert ours.__doc__
    assert ours.__doc__ != original.__doc__
    accepted = inspect.signature(ours.__wrapped__).parameters
    if name not in REFUSED and not any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
        assert set(inspect.signature(original).parameters) - GONE <= set(accepted), "a keyword that is not accepted"


@pytest.mark.parametrize("name", [n for n in REFUSED if hasattr(scipy.linalg, n)])
def test_refused_by_name(name):
    with pytest.raises(cr.MissingRuleError, match=rf"scipy\.linalg\.{name}: .*test_scipy_linalg.py"):
        cr.grad(lambda x: np.sum(getattr(linalg, name)(x)))(np.eye(3))


def test_plain_arrays_go_to_scipy():
    a = TRACED["A"]
    np.testing.assert_array_equal(linalg.expm(a), scipy.linalg.expm(a))
    np.testing.assert_array_equal(linalg.schur(a)[0], scipy.linalg.schur(a)[0])
    assert linalg.hilbert is scipy.linalg.hilbert
    assert linalg.LinAlgError is np.linalg.LinAlgError
    assert set(public()) <= set(dir(linalg))


def test_constants():
    def f(x):
        assert linalg.bandwidth(x) == (0, 2)
        assert not linalg.issymmetric(x)
        assert linalg.ishermitian(x + x.T, atol=1e-9)
        return np.sum(x)

    np.testing.assert_array_equal(cr.grad(f)(np.triu(TRACED["A"])), np.ones((3, 3)))


# ---- keywords -------------------------------------------------------------------------------------------------------


def slope(f, x):
    return cr.grad(lambda x: np.sum(np.sin(f(x))))(x)


def test_what_is_not_read_has_no_slope():
    """Only the triangle, the diagonals, that SciPy reads: silently wrong in other libraries."""
    a, p, b = TRACED["A"], TRACED["P"], TRACED["M"]
    upper, strict = np.triu(np.ones((3, 3), bool)), np.triu(np.ones((3, 3), bool), 1)
    for f, x, read in (
        (lambda a: linalg.solve_triangular(a, b), a, upper),
        (lambda a: linalg.solve_triangular(a, b, lower=True), a, upper.T),
        (lambda a: linalg.solve_triangular(a, b, trans=1), a, upper),
        (lambda a: linalg.solve_triangular(a, b, unit_diagonal=True), a, strict),
        (lambda a: linalg.solve_triangular(a, b, trans=1, lower=True, unit_diagonal=True), a, strict.T),
        (lambda a: linalg.solve(a, b, assume_a="pos"), p, upper),
        (lambda a: linalg.solve(a, b, assume_a="sym", lower=True), a, upper.T),
        (lambda a: linalg.cholesky(a), p, upper),
        (lambda a: linalg.cholesky(a, lower=True), p, upper.T),
        (lambda a: linalg.cho_solve((a, False), b), a, upper),
        (lambda a: linalg.eigvalsh(a), a, upper.T),
        (lambda a: linalg.eigvalsh(a, lower=False), a, upper),
        (lambda a: linalg.pinvh(a), a, upper.T),
    ):
        np.testing.assert_array_equal(slope(f, x) != 0, read)
    band = TRACED["band"]
    inside = np.array([[0, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0]], bool)
    g = TRACED["g"]
    np.testing.assert_array_equal(slope(lambda ab: linalg.solve_banded((1, 1), ab, g), band) != 0, inside)
    np.testing.assert_array_equal(slope(lambda ab: linalg.solveh_banded(ab, g), band[:2]) != 0, inside[:2])
    np.testing.assert_array_equal(slope(lambda ab: linalg.eigvals_banded(ab, lower=True), band[1:]) != 0, inside[1:])
    r = cr.grad(lambda r: np.sum(np.sin(linalg.solve_toeplitz((TRACED["c"], r), g))))(TRACED["d"].real)
    np.testing.assert_array_equal(r != 0, [False, True, True, True, True])


def test_arguments_that_scipy_refuses():
    a, b = TRACED["A"], TRACED["b"]
    value, error = ValueError, np.linalg.LinAlgError
    for kind, f in (
        (value, lambda x: linalg.solve(x[:2], b)),
        (value, lambda x: linalg.solve(x, b[:2])),
        (value, lambda x: linalg.solve(x, b, assume_a="round")),
        (value, lambda x: linalg.solve_triangular(x, b[:2])),
        (value, lambda x: linalg.solve_banded((1, 2), x, b)),
        (value, lambda x: linalg.cholesky(x[:2])),
        (value, lambda x: linalg.qr(x, mode="raw_")),
        (value, lambda x: linalg.polar(x, side="up")),
        (value, lambda x: linalg.eigh(x, type=4, b=x)),
        (value, lambda x: linalg.eigh(x, subset_by_index=[1, 5])),
        (value, lambda x: linalg.eigh(x, driver="fast")),
        (value, lambda x: linalg.eigh(x, subset_by_index=[0, 1], driver="evd")),
        (value, lambda x: linalg.svd(x, lapack_driver="fast")),
        (value, lambda x: linalg.lstsq(x, b, lapack_driver="fast")),
        (value, lambda x: linalg.pinv(x, atol=-1.0)),
        (value, lambda x: linalg.companion(0 * x[0])),
        (value, lambda x: linalg.convolution_matrix(x[0], 0)),
        (value, lambda x: linalg.solve_continuous_are(x, x, x, x)),
        (value, lambda x: linalg.solve_discrete_lyapunov(x, x, method="fast")),
        (error, lambda x: linalg.expm(x[:2])),
        (error, lambda x: linalg.solve(0 * x, b)),
        (error, lambda x: linalg.inv(0 * x)),
        (error, lambda x: linalg.cholesky(-x)),
        (error, lambda x: linalg.solve_circulant(0 * x[0], b)),
        (NotImplementedError, lambda x: linalg.solve(1j * x, b, transposed=True)),
        (TypeError, lambda x: linalg.solve(x, b, nonsense=True)),
    ):
        with pytest.raises(kind):
            f(a)
        with pytest.raises(kind):
            cr.vjp(f, a)


def test_not_a_number():
    """check_finite= does what SciPy's does."""
    a, b = TRACED["A"], np.array([1.0, np.nan, 0.0])
    with pytest.raises(ValueError, match="infs or NaNs"):
        cr.vjp(lambda a: linalg.solve(a, b), a)
    assert np.isnan(cr.vjp(lambda a: linalg.solve(a, b, check_finite=False), a)[0]).any()


def test_what_has_no_derivative_is_refused():
    a = TRACED["A"]
    for f, why in (
        (lambda x: linalg.qr(x, mode="raw"), "mode='raw'"),
        (lambda x: linalg.eig(x, homogeneous_eigvals=True), "homogeneous_eigvals=True"),
        (lambda x: linalg.logm(x, disp=False), "disp=False"),
        (lambda x: linalg.eigvalsh(np.stack([x, x]), subset_by_value=[0, 1]), "an interval"),
    ):
        with pytest.raises(cr.MissingRuleError, match=why):
            cr.vjp(f, a)


# ---- where the matrix is special ------------------------------------------------------------------------------------


def test_repeated_values():
    """Symmetric functions of repeated values are smooth; their vectors are not determined."""
    np.testing.assert_allclose(cr.grad(lambda x: np.sum(linalg.eigvalsh(x) ** 2))(np.eye(3)), 2 * np.eye(3), atol=1e-14)
    np.testing.assert_allclose(cr.grad(lambda x: np.sum(linalg.svdvals(x)))(np.eye(3)), np.eye(3), atol=1e-14)
    for f in (
        lambda x: linalg.eigh(x)[1],
        lambda x: linalg.eigh(x, x)[1],
        lambda x: linalg.svd(x)[0],
        lambda x: linalg.eig(x)[1],
    ):
        with pytest.raises(np.linalg.LinAlgError, match="two values are the same"):
            cr.grad(lambda x, f=f: np.sum(f(x)[0]))(np.eye(3))


def test_phases():
    z, h = TRACED["Z"], TRACED["H"]
    for f in (lambda x: linalg.eigh(x)[1], lambda x: linalg.eigh(x, h)[1], lambda x: linalg.eig(x, h)[1]):
        with pytest.raises(np.linalg.LinAlgError, match="phase"):
            cr.grad(lambda x, f=f: np.sum(np.imag(f(x))))(z)
        assert np.isfinite(cr.grad(lambda x, f=f: np.sum(np.abs(f(x)) ** 4))(z)).all()


def test_bases_are_not_determined():
    with pytest.raises(np.linalg.LinAlgError, match="fill up the basis"):
        cr.grad(lambda x: linalg.null_space(x)[0, 0])(TRACED["W"])
    with pytest.raises(np.linalg.LinAlgError, match="not independent"):
        cr.vjp(lambda x: linalg.subspace_angles(x, TRACED["T"]), np.ones((4, 2)))


def test_infinite_slopes_raise():
    singular, one, shift = np.diag([1.0, 0.0]), np.eye(2), np.array([[0.0, 1.0], [0.0, 0.0]])
    for f, a in (
        (linalg.sqrtm, singular),
        (linalg.logm, -one),
        (lambda x: linalg.fractional_matrix_power(x, 0.5), -one),
        (lambda x: linalg.polar(x)[0], singular),
        (lambda x: linalg.eigvals(one, x), singular),
        (lambda x: linalg.eigvals(x, one), shift),
        (linalg.eigvals, shift),
    ):
        y, pullback = cr.vjp(lambda x, f=f: np.real(f(x)), a)
        with pytest.raises(np.linalg.LinAlgError):
            pullback(np.arange(1.0, y.size + 1).reshape(y.shape))


def test_smooth_where_factors_are_not():
    """The polar factor of an orthogonal matrix is smooth, though its singular values are all the same."""
    check_rules(lambda x: linalg.polar(x), np.eye(3))
    check_rules(lambda x: linalg.expm(x), np.array([[0.0, 1.0], [0.0, 0.0]]))
    check_rules(lambda x: linalg.sqrtm(x), np.eye(3))
    check_rules(lambda x: linalg.logm(x), np.eye(3))
    check_rules(lambda x: linalg.det(x), np.diag([1.0, 2.0, 0.0]))
    check_rules(lambda x: linalg.orthogonal_procrustes(x, np.eye(3)), np.eye(3))


def test_complex_with_real():
    """SciPy solves a x + x b = q wrongly where one matrix is complex and the other real with complex eigenvalues."""
    z, turn, q = TRACED["Z"], PLAIN["turn"] + TRACED["A"], TRACED["B"]
    x = cr.vjp(lambda z: linalg.solve_sylvester(z, turn, q), z)[0]
    np.testing.assert_allclose(z @ x + x @ turn, q, atol=1e-13)
    x = cr.vjp(lambda q: linalg.solve_continuous_lyapunov(turn, q), z)[0]
    np.testing.assert_allclose(turn @ x + x @ turn.T, z, atol=1e-12)


def test_of_a_batch_all_or_none_are_real():
    p = TRACED["P"]
    for f in (linalg.sqrtm, linalg.logm, lambda x: linalg.eig(x)[1]):
        assert cr.vmap(f)(np.stack([p, 2 * p])).dtype == float
    assert cr.vmap(linalg.sqrtm)(np.stack([p, -p])).dtype == complex
    replay = cr.record(cr.vmap(linalg.sqrtm), np.stack([p, 2 * p]))
    np.testing.assert_allclose(replay(np.stack([p, 3 * p])), np.stack([linalg.sqrtm(p), linalg.sqrtm(3 * p)]))
    with pytest.raises(ValueError, match="record it again"):
        replay(np.stack([p, -p]))


# ---- closed forms ---------------------------------------------------------------------------------------------------


def test_third_derivative_of_the_exponential():
    f = lambda t: linalg.expm(t * np.array([[0.0, -1.0], [1.0, 0.0]]))[0, 0]
    for order, expected in enumerate((np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t), np.sin)):
        g = f
        for _ in range(order):
            g = cr.grad(g)
        assert g(0.3) == pytest.approx(expected(0.3), abs=1e-12)


def test_inverse_functions():
    p, e = TRACED["P"], TRACED["B"]
    for f in (
        lambda x: linalg.expm(linalg.logm(x)),
        lambda x: linalg.sqrtm(x) @ linalg.sqrtm(x),
        lambda x: linalg.fractional_matrix_power(linalg.fractional_matrix_power(x, 0.25), 4),
        lambda x: linalg.inv(linalg.inv(x)),
        lambda x: linalg.polar(x)[0] @ linalg.polar(x)[1],
        lambda x: np.matmul(*linalg.rq(x)),
    ):
        np.testing.assert_allclose(cr.jvp(f, (p,), (e,))[1], e, atol=1e-10)


def test_the_slope_of_the_exponential_keeps_its_digits():
    """Along a huge direction, at a rotation by 40: half of it commutes with the rotation, half is turned back by it."""
    a, e = np.array([[0.0, 40.0], [-40.0, 0.0]]), np.array([[1e9, 0.0], [0.0, 0.0]])
    slope = cr.jvp(linalg.expm, (a,), (e,))[1]
    c, s = np.cos(40.0), np.sin(40.0)
    expected = 1e9 * np.array([[(c + s / 40) / 2, s / 2], [-s / 2, (c - s / 40) / 2]])
    np.testing.assert_allclose(slope, expected, rtol=1e-12)


def test_norms_neither_overflow_nor_vanish():
    for scale in (1e200, 1e-200):
        x = scale * np.array([3.0, 4.0])
        value, g = cr.value_and_grad(linalg.norm)(x)
        assert value == pytest.approx(5 * scale)
        np.testing.assert_allclose(g, [0.6, 0.8])
    np.testing.assert_array_equal(cr.grad(linalg.norm)(np.zeros(2)), [0, 0])


@pytest.mark.parametrize("d", [1, 4, 41])
def test_a_banded_factor_in_blocks(d):
    """Blocks of 32 rows, or of as many as the band has; the last one is smaller."""
    band = np.random.default_rng(d).normal(size=(d, 100)) / d
    band[0] += 4.0
    factor, pullback = cr.vjp(lambda ab: linalg.cholesky_banded(ab, lower=True), band)
    np.testing.assert_allclose(factor, scipy.linalg.cholesky_banded(band, lower=True), rtol=1e-13, atol=1e-13)
    weights = np.where(np.arange(100) < 100 - np.arange(d)[:, None], np.random.default_rng(0).normal(size=(d, 100)), 0)
    lower = sum(np.diag(row[: 100 - k], -k) for k, row in enumerate(band))
    of_dense = sum(np.diag(row[: 100 - k], -k) for k, row in enumerate(weights))
    whole = cr.vjp(lambda a: linalg.cholesky(a, lower=True), lower)[1](of_dense)[0]
    found = pullback(weights)[0]
    for k in range(d):
        np.testing.assert_allclose(found[k, : 100 - k], np.diagonal(whole, -k), rtol=1e-10, atol=1e-10)


def test_a_large_band():
    """Neither the time nor the memory of a matrix written out in full."""
    n = 20_000
    band = np.stack([np.full(n, 4.0), np.full(n, -1.0)])
    right = np.ones(n)
    loss = lambda ab: np.sum(linalg.solveh_banded(ab, right, lower=True))
    factored = lambda ab: np.sum(linalg.cho_solve_banded((linalg.cholesky_banded(ab, lower=True), True), right))
    np.testing.assert_allclose(cr.grad(factored)(band), cr.grad(loss)(band), rtol=1e-10, atol=1e-14)


@pytest.mark.skipif(not STACKS, reason="SciPy takes them from release 1.17 on")
def test_empty_matrices():
    for f in (linalg.inv, linalg.det, linalg.expm, linalg.cholesky, linalg.svdvals, linalg.eigvalsh, linalg.pinv):
        y, pullback = cr.vjp(f, np.zeros((0, 0)))
        plain = f(np.zeros((0, 0)))
        assert (y.shape, y.dtype) == (np.shape(plain), np.asarray(plain).dtype)
        assert pullback(np.ones_like(y))[0].shape == (0, 0)
    y, pullback = cr.vjp(lambda a: linalg.solve_triangular(a, np.ones(3)), np.zeros((0, 3, 3)))
    assert y.shape == (0, 3)
    assert pullback(y)[0].shape == (0, 3, 3)


def test_integers_are_constants():
    b = TRACED["b"]
    a = np.array([[2, 1, 0], [0, 3, 1], [1, 0, 2]])
    np.testing.assert_allclose(
        cr.jacobian(lambda b: linalg.solve(a, b))(b), scipy.linalg.inv(a.astype(float)), atol=1e-15
    )
    assert cr.vjp(lambda x: linalg.toeplitz([1, 2, 3], x), b)[0].dtype == float

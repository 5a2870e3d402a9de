"""scipy.sparse: constant sparse operands in the user's own code, and matrices whose stored values are traced."""

import inspect
import re

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import chainrule as cr
from chainrule.core.errors import LostGradientError, MissingRuleError, ModifiedArrayError
from chainrule.core.trace import NUMBERS
from chainrule.scipy import sparse as cs
from chainrule.scipy.sparse import linalg as csl
from chainrule.scipy.sparse.matrices import Sparse
from chainrule.testing import check_rules

rng = np.random.default_rng(7)

D = rng.normal(size=(4, 6)) * (rng.random((4, 6)) < 0.5)
FORMATS = ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")
KINDS = ("array", "matrix")


def dense(y):
    """A result as an array, and SciPy's np.matrix as one."""
    return y.toarray() if sp.issparse(y) or isinstance(y, Sparse) else np.asarray(y) if isinstance(y, np.matrix) else y


def of_dense(f):
    return lambda *xs: dense(f(*xs))


def alike(ours, plain, rtol=1e-13, atol=1e-14):
    plain = np.asarray(dense(plain))
    assert (np.shape(ours), ours.dtype) == (plain.shape, plain.dtype)
    np.testing.assert_allclose(ours, plain, rtol=rtol, atol=atol)


# ---- a constant matrix of SciPy's -----------------------------------------------------------------------------------

X, XX, ROW, ROWS, FULL = (rng.normal(size=shape) for shape in (6, (6, 2), 4, (2, 4), (4, 6)))

OPERATORS = {
    "A @ t": X,
    "A @ t[:, None]": X,
    "A @ T": XX,
    "t @ A": ROW,
    "T @ A": ROWS,
    "A.T @ t": ROW,
    "A.dot(t)": X,
    "(A @ t) @ A": X,
    "A + T": FULL,
    "T + A": FULL,
    "A - T": FULL,
    "T - A": FULL,
    "A / T": FULL,
    "A * t[0]": X,
    "t[0] * A": X,
    "A / t[0]": X,
}
OF_ARRAYS = {"A * T": FULL, "T * A": FULL, "A * t": X, "A * T[:, :1]": FULL}
OF_MATRICES = {"A * t": X, "A * T": XX, "t * A": ROW, "T * A": ROWS}


def operators():
    for kind in KINDS:
        for line, x in {**OPERATORS, **(OF_ARRAYS if kind == "array" else OF_MATRICES)}.items():
            yield pytest.param(kind, line, x, id=f"{line}, {kind}")


def of_line(line, A):
    return lambda x: eval(line, {"A": A, "t": x, "T": x})


@pytest.mark.parametrize(("kind", "line", "x"), list(operators()))
def test_a_constant_matrix_in_the_users_own_code(kind, line, x):
    for format in FORMATS:
        for values in (D, D * (1 + 0.5j)):
            f = of_line(line, getattr(sp, f"{format}_{kind}")(values))
            found = []
            y = cr.vjp(of_dense(lambda x, f=f, found=found: found.append(f(x)) or found[-1]), x)[0]
            alike(y, f(x))
            assert isinstance(found[0], Sparse) == sp.issparse(f(x))


@pytest.mark.parametrize(("kind", "line", "x"), list(operators()))
def test_rules_of_a_constant_matrix(kind, line, x):
    for format, order in (("csr", 2), ("dia", 1)) if kind == "array" else (("bsr", 1),):
        check_rules(of_dense(of_line(line, getattr(sp, f"{format}_{kind}")(D))), x, order=order)
    check_rules(of_dense(of_line(line, getattr(sp, f"coo_{kind}")(D * (1 - 0.4j)))), x * (1 + 0.2j), order=1)


def test_the_pattern_is_that_of_the_matrix():
    for format in ("csr", "csc", "coo"):
        A = getattr(sp, f"{format}_array")(D)
        np.testing.assert_array_equal(cr.sparsity(lambda t, A=A: A @ t, X).toarray(), D != 0)
        np.testing.assert_array_equal(cr.sparsity(lambda t, A=A: t @ A, ROW).toarray(), D.T != 0)
        found = cr.sparsity(lambda t, A=A: A @ t, XX).toarray()
        np.testing.assert_array_equal(found, np.kron(D != 0, np.eye(2)) > 0)


def test_single_precision_stays():
    A, x = sp.csr_array(D.astype(np.float32)), X.astype(np.float32)
    y, pullback = cr.vjp(lambda t: A @ t, x)
    assert y.dtype == np.float32
    assert pullback(y)[0].dtype == np.float32
    assert (cr.vjp(lambda t: sp.csr_array(D) @ t, x)[0]).dtype == np.float64


def test_integers_and_booleans_in_the_matrix():
    for values in ((D != 0), (D != 0).astype(np.int64)):
        A = sp.csr_array(values)
        alike(cr.grad(lambda t, A=A: np.sum(A @ t))(X), A.sum(axis=0).astype(float))


def test_comparisons_are_of_elements():
    A = sp.csr_array(D)
    for line in ("A == T", "A != T", "A < T", "T <= A"):
        found = cr.vjp(lambda t, line=line: (np.sum(t), cr.stop_gradient(of_line(line, A)(t) * 1.0)), FULL)[0][1]
        np.testing.assert_array_equal(found, eval(line, {"A": D, "T": FULL}))


def test_writing_in_place():
    A = sp.csr_array(D)

    def f(t):
        y = t * 1.0
        y += A
        return np.sum(y * y)

    alike(cr.grad(f)(FULL), 2 * (FULL + D))


def test_variables_and_batches():
    A = sp.csr_array(D)
    v = cr.variable(X)
    np.sum((A @ v) ** 2).backward()
    alike(v.grad, 2 * D.T @ (D @ X))
    xs = rng.normal(size=(3, 6))
    alike(cr.vmap(lambda t: A @ t)(xs), xs @ D.T)
    alike(cr.vmap(cr.grad(lambda t: np.sum((A @ t) ** 2)))(xs), 2 * xs @ D.T @ D)
    alike(cr.vmap(lambda t: A @ t)(np.zeros((0, 6))), np.zeros((0, 4)))


def test_empty_matrices():
    for shape in ((0, 3), (3, 0)):
        A = sp.csr_array(shape)
        alike(cr.vjp(lambda t, A=A: A @ t, np.ones(shape[1]))[0], np.zeros(shape[0]))


def test_nothing_is_dense():
    n = 100_000  # a dense matrix would take 80 GB
    A = sp.diags_array([np.ones(n), np.ones(n - 1)], offsets=[0, 1]).tocsr()
    alike(cr.grad(lambda t: np.sum((A @ t) ** 2))(np.ones(n)), 2 * (A.T @ (A @ np.ones(n))))
    gradient = cr.grad(lambda d: np.sum(cs.csr_array((d, A.indices, A.indptr), shape=A.shape) @ np.ones(n)))(A.data)
    alike(gradient, np.ones(A.nnz))


def test_a_change_of_the_matrix_is_noticed():
    n = 10_000
    A = sp.eye_array(n, format="csr")
    y, pullback = cr.vjp(lambda t: A @ t, np.ones(n))
    A.data[5] = 3
    with pytest.raises(ModifiedArrayError):
        pullback(y)
    B = sp.eye_array(3, format="csr")  # a small one is copied
    y, pullback = cr.vjp(lambda t: B @ t, np.ones(3))
    B.data[:], B.indices[:] = 5, 0
    alike(pullback(y)[0], np.ones(3))


ERRORS = {
    "A @ t[:2]": (ValueError, "dimension mismatch"),
    "A @ 0 * t[0] if 0 else A @ t[0]": (ValueError, "Scalar operands are not allowed"),
    "A + t[0]": (NotImplementedError, "adding a nonzero scalar to a sparse array"),
    "A + t[:4]": (ValueError, "."),
    "A.multiply(t)": (LostGradientError, "scipy.sparse.csr_array.multiply .* A \\* x"),
    "A.maximum(t)": (LostGradientError, "scipy.sparse.csr_array.maximum"),
    "spla.spsolve(A, t)": (LostGradientError, "use chainrule.scipy.sparse.linalg.spsolve"),
    "spla.gmres(S, t)": (LostGradientError, "use chainrule.scipy.sparse.linalg.gmres"),
    "sp.csr_array((t, ([0] * 6, range(6))))": (LostGradientError, "use chainrule.scipy.sparse.csr_array"),
    "sp.diags_array([t], offsets=[0])": (LostGradientError, "use chainrule.scipy.sparse.diags_array"),
    "np.dot(A, t)": (TypeError, "object"),
    "A[0] @ t": (MissingRuleError, "reshape"),
}


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("line", ERRORS)
def test_errors(line):
    kind, message = ERRORS[line]
    scope = {"A": sp.csr_array(D), "S": sp.eye_array(6, format="csc"), "sp": sp, "spla": spla, "np": np}
    with pytest.raises(kind, match=message):
        cr.grad(lambda t: np.sum(eval(line, scope | {"t": t})))(X)


# ---- traced values: what they are made into -------------------------------------------------------------------------

R, C = np.array([0, 0, 1, 2, 2, 2, 1]), np.array([0, 3, 1, 2, 0, 0, 1])  # two places are met twice
P = sp.csc_array(rng.normal(size=(3, 4)) * (rng.random((3, 4)) < 0.6))
Q = sp.csr_array(rng.normal(size=(4, 5)) * (rng.random((4, 5)) < 0.5))
E = rng.normal(size=(3, 4))
V, W = rng.normal(size=4), rng.normal(size=3)
DATA = rng.normal(size=7)

CONSTRUCTED = """
s.coo_array((d, (R, C)), shape=(3, 4))
s.csr_array((d, (R, C)))
s.csr_array((d, (R, C)), shape=(3, 4), dtype=np.complex128)
s.csr_array((d, np.array([3, 0, 1, 2, 0, 3, 2]), np.array([0, 2, 4, 7])), shape=(3, 4))
s.csc_array((d, np.array([0, 1, 0, 1, 2, 0, 2]), np.array([0, 2, 3, 5, 7])), shape=(3, 4))
s.csc_matrix((d, (R, C)))
s.coo_matrix((d, (R, C)))
s.csr_matrix((d, (R, C)), (3, 5))
s.bsr_array((d[:6].reshape(3, 1, 2), np.array([0, 1, 0]), np.array([0, 2, 3, 3])), shape=(3, 4))
s.bsr_matrix((d[:6].reshape(3, 1, 2), np.array([0, 1, 0]), np.array([0, 2, 3, 3])), shape=(3, 4))
s.dia_array((d[:6].reshape(2, 3), [0, -1]), shape=(3, 4))
s.dia_matrix((d[:6].reshape(2, 3), [1, -1]), shape=(3, 4))
s.csr_array(d[:6].reshape(2, 3))
s.csr_array(s.coo_array((d, (R, C))))
s.csc_matrix(s.csr_array((d, (R, C))))
s.diags_array([d[:3], d[3:6]], offsets=[0, 1], shape=(3, 4))
s.diags_array([d[:3], np.ones(1)], offsets=[0, 1], shape=(3, 4), format="csr")
s.diags([d[:3], d[3:6]], [0, 1], shape=(3, 4))
s.diags([d[0], 2.0], [0, -1], shape=(3, 3))
s.spdiags(d[:6].reshape(2, 3), [0, 1], 3, 4)
s.hstack([s.coo_array((d, (R, C))), P])
s.vstack([P, s.csr_array((d, (R, C)))], format="csr")
s.bmat([[s.csr_array((d, (R, C))), None], [None, P]])
s.block_array([[s.csr_array((d, (R, C))), P], [None, P]], format="csc")
s.block_diag([s.csr_array((d, (R, C))), P, d[:4].reshape(2, 2)])
s.kron(s.csr_array((d, (R, C))), P)
s.kron(s.csr_array((d, (R, C))), s.diags_array([d[:2]], offsets=[0]))
s.kronsum(s.diags_array([d[:2], d[3:4]], offsets=[0, 1]), P[:, :3])
s.tril(s.csr_array((d, (R, C))))
s.triu(s.csr_array((d, (R, C))), 1, format="csr")
s.find(s.csr_array((d, (R, C))))[2]
""".strip().splitlines()

METHODS = """
A @ V                       A @ V[:, None]              W @ A
A.T @ W                     A.conj().T @ W              A.dot(V)
A.toarray()                 A.todense()                 A.diagonal()
A.diagonal(1)               A.trace()                   A.sum()
A.sum(axis=0)               A.sum(axis=1)               A.mean(axis=-1)
A.mean()                    A + P                       P - A
A + A                       A + E                       E - A
-A                          abs(A)                      A * d[0]
d[0] * A                    2 * A                       A / d[1]
A.multiply(P)               A.multiply(E)               A * E[0]
A.multiply(E[:, :1])        A.multiply(sp.csr_array(E[:, :1]))
E / (3 + A.toarray())       A / E                       A @ Q
P.T @ A                     A @ A.T                     A @ sp.csr_matrix(Q)
A[1:]                       A[:, [0, 2]]                A[0, 3]
A[1, 1]                     A[[0, 2, 2], [0, 0, 2]]     A[::-1]
A[[1], :]                   A.tocsc()                   A.tocoo()
A.tobsr()                   A.todia()                   A.reshape(4, 3)
A.reshape((2, 6))           A.power(2)                  A ** 3
A.sin()                     A.expm1()                   A.real
A.imag                      A.astype(complex)           A.copy()
""".strip()
METHODS = [line.strip() for line in re.split(r"\n|\s{3,}", METHODS) if line.strip()]

OF_MATRIX_KIND = [
    "A * V",
    "W * A",
    "A * Q",
    "(A[:, :3]) ** 2",
    "A.sum(axis=0)",
    "A.sum(axis=1)",
    "A * d[0]",
    "A.getH() * W",
]


def constructed(line):
    code = compile(line, line, "eval")
    return lambda s, d: eval(code, {**globals(), "s": s, "d": d})


def method(line, kind="csr_array"):
    code = compile(line, line, "eval")
    return lambda s, d: eval(code, {**globals(), "A": getattr(s, kind)((d, (R, C)), shape=(3, 4)), "d": d})


def check_line(f, line):
    """The value is SciPy's, as is the format; and the rules hold."""
    highest = 2 if re.search(r"@|d\[.\]$|kron|\*\*|power|sin|expm1|abs|^d", line) else 1  # of what is not linear
    for data, order in ((DATA, highest), (DATA * (1 + 0.3j * rng.normal(size=7)), 1)):
        plain, found = f(sp, data), []
        y = cr.vjp(of_dense(lambda d, found=found: found.append(f(cs, d)) or found[-1]), data)[0]
        alike(y, plain)
        if sp.issparse(plain):
            (ours,) = found
            assert isinstance(ours, Sparse)
            assert (ours.shape, ours.is_matrix) == (plain.shape, isinstance(plain, sp.spmatrix))
            assert ours.format == plain.format or line in ("P - A",)
        check_rules(of_dense(lambda d: f(cs, d)), data, order=order)


@pytest.mark.parametrize("line", CONSTRUCTED)
def test_constructors_and_builders(line):
    check_line(constructed(line), line)


@pytest.mark.parametrize("line", METHODS)
def test_methods(line):
    check_line(method(line), line)


@pytest.mark.parametrize("line", OF_MATRIX_KIND)
def test_methods_of_the_matrix_kind(line):
    check_line(method(line, "csr_matrix"), line)


def test_plain_values_give_scipys_own_matrices():
    for line in CONSTRUCTED:
        ours, plain = constructed(line)(cs, DATA), constructed(line)(sp, DATA)
        assert type(ours) is type(plain)
        if sp.issparse(plain):
            np.testing.assert_array_equal(ours.data, plain.data)


def test_values_at_one_place_add():
    data = np.arange(1.0, 8.0)
    gradient = cr.grad(lambda d: cs.csr_array((d, (R, C)), shape=(3, 4))[2, 0] ** 2)(data)
    alike(gradient, np.where((R == 2) & (C == 0), 2 * (data[4] + data[5]), 0.0))


def test_the_gradient_is_that_of_the_stored_values_only():
    n = 4
    data = rng.normal(size=n)
    ct = rng.normal(size=n)
    gradient = cr.vjp(lambda d: cs.csr_array((d, (range(n), [1, 2, 3, 0]))) @ V, data)[1](ct)[0]
    alike(gradient, ct * V[[1, 2, 3, 0]])


def test_what_it_looks_like():
    def f(d):
        A = cs.csr_array((d, ([0, 1, 1], [1, 0, 2])), shape=(2, 3))
        assert (A.shape, A.nnz, A.dtype, A.format, A.ndim) == ((2, 3), 3, np.float64, "csr", 2)
        assert (A.indices.tolist(), A.indptr.tolist()) == ([1, 0, 2], [0, 1, 3])
        assert A.tocoo().row.tolist() == [0, 1, 1]
        assert [cs.issparse(A), cs.isspmatrix(A), cs.issparse(d)] == [True, False, False]
        assert repr(A) == "<csr_array with 3 traced values, shape (2, 3), float64>"
        assert [A.getnnz(axis=axis).tolist() for axis in (0, 1)] == [[1, 1, 1], [1, 2]]
        assert [part.tolist() for part in A.nonzero()] == [[0, 1, 1], [1, 0, 2]]
        assert not hasattr(A, "eliminate_zeros")
        return A.sum()

    cr.grad(f)(np.ones(3))


REFUSED = {
    "A.__setitem__((0, 0), 1.0)": (TypeError, "cannot be written into"),
    "A.tolil()": (MissingRuleError, "tolil: .* immutable"),
    "A.eliminate_zeros()": (AttributeError, "csr_array.eliminate_zeros: not there"),
    "A[1]": (MissingRuleError, "use A\\[\\[i\\], :\\]"),
    "cs.lil_array(A)": (MissingRuleError, "scipy.sparse.lil_array"),
    "cs.dok_matrix(A)": (MissingRuleError, "scipy.sparse.dok_matrix"),
    "A.sum(out=np.zeros(3))": (MissingRuleError, "out="),
    "A @ np.ones(7)": (ValueError, "dimension mismatch"),
    "A @ 2": (ValueError, "Scalar operands"),
    "A + 1": (NotImplementedError, "nonzero scalar"),
    "A + P[:2]": (ValueError, "inconsistent shapes"),
    "A.multiply(np.ones((5, 4)))": (ValueError, "."),
    "csl.inv(A)": (MissingRuleError, "scipy.sparse.linalg.inv: .* dense"),
    "csl.spsolve(A, V)": (ValueError, "must be square"),
    "csl.spsolve(A @ A.T, P)": (MissingRuleError, "b.toarray()"),
    "csl.splu(A @ A.T).L": (MissingRuleError, "splu: L"),
    "csl.eigsh(A @ A.T, k=1, M=np.eye(3))": (MissingRuleError, "M="),
    "csl.norm(A, np.inf, axis=0)": (MissingRuleError, "with an axis"),
    "csl.spilu(A)": (MissingRuleError, "scipy.sparse.linalg.spilu"),
    "csl.lsqr(A, W)": (MissingRuleError, "normal equations"),
    "spla.spsolve(A @ A.T, W)": (ValueError, "with . traced values"),
    "sp.hstack([A, A])": (Exception, "chainrule.scipy.sparse.hstack"),
    "bool(A)": (ValueError, "ambiguous"),
    "len(A)": (TypeError, "ambiguous"),
}


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused(line):
    kind, message = REFUSED[line]
    f = method(line)
    with pytest.raises(kind, match=message):
        cr.grad(lambda d: np.sum(dense(f(cs, d))))(DATA)


STANDING_IN = [
    (module, name)
    for module in (cs, csl)
    for name in vars(module)
    if inspect.isfunction(vars(module)[name])
    and hasattr({cs: sp, csl: spla}[module], name)
    and not name.startswith("_")
]


@pytest.mark.parametrize(("module", "name"), STANDING_IN, ids=[name for _, name in STANDING_IN])
def test_parameters_are_scipys(module, name):
    original = getattr({cs: sp, csl: spla}[module], name)
    ours = inspect.signature(getattr(module, name))
    assert list(ours.parameters) == list(inspect.signature(original).parameters)
    assert inspect.getdoc(getattr(module, name))


def test_everything_else_is_scipys():
    assert cs.random_array is sp.random_array
    assert csl.LinearOperator is spla.LinearOperator
    assert "csgraph" in dir(cs)


# ---- solving --------------------------------------------------------------------------------------------------------

N = 5
AT = np.array([0, 1, 2, 3, 4, 0, 1, 3, 4, 2, 2]), np.array([0, 1, 2, 3, 4, 2, 0, 2, 1, 4, 2])
LOWER = np.array([0, 1, 2, 3, 4, 1, 2, 3, 4, 4, 3]), np.array([0, 1, 2, 3, 4, 0, 1, 1, 3, 0, 0])
VALUES = np.concatenate([rng.uniform(3, 5, N), rng.normal(size=6)])
B, BB = rng.normal(size=N), rng.normal(size=(N, 2))
PRECONDITIONER = np.diag([0.3, 0.2, 0.25, 0.3, 0.2])
TIGHT = {"rtol": 1e-13, "atol": 0}


def square(s, d, format="csc"):
    return getattr(s, f"{format}_array")((d, AT), shape=(N, N))


def triangle(s, d):
    return s.csr_array((d, LOWER), shape=(N, N))


def definite(s, d):
    A = square(s, d, "csr")
    return A.T.conj() @ A


def hermitian(s, d):
    A = square(s, d, "csr")
    return A + A.T.conj()


SOLVED = """
l.spsolve(square(s, d), b)
l.spsolve(square(s, d, "csr"), B)
l.spsolve(square(s, d), b[:, None])
l.spsolve(square(s, d), b, permc_spec="NATURAL")
l.splu(square(s, d)).solve(b)
l.splu(square(s, d)).solve(B, "T")
l.splu(square(s, d)).solve(b, "H")
l.factorized(square(s, d))(b)
l.spsolve_triangular(triangle(s, d), b)
l.spsolve_triangular(triangle(s, d).T.tocsr(), B, lower=False)
l.spsolve_triangular(triangle(s, d), b, unit_diagonal=True)
l.gmres(square(s, d), b, **TIGHT)[0]
l.gmres(square(s, d), b, M=PRECONDITIONER, restart=3, **TIGHT)[0]
l.bicgstab(square(s, d), b, rtol=1e-11)[0]
l.bicg(square(s, d), b, x0=b0, rtol=1e-11)[0]
l.cg(definite(s, d), b, **TIGHT)[0]
l.expm_multiply(square(s, d) / 8, b)
l.expm_multiply(square(s, d) / 8, B, start=0.1, stop=0.7, num=3, endpoint=True)
l.matrix_power(square(s, d), 3) @ b
""".strip().splitlines()


def solved(line):
    code = compile(line, line, "eval")
    return lambda s, d, b: eval(
        code, {**globals(), "s": s, "l": csl if s is cs else spla, "d": d, "b": b, "B": b, "b0": np.ones(N)}
    )


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.filterwarnings("ignore:.*a derivative of it did not:RuntimeWarning")  # of directions that are all zero
@pytest.mark.parametrize("line", SOLVED)
def test_solutions(line):
    f = solved(line)
    b = BB if re.search(r"\bB\b", line) else B
    turned = VALUES * (1 + 0.3j * rng.normal(size=11))
    # A product with many terms is checked to first order only where it is complex: the second takes seconds.
    for d, right, order in ((VALUES, b, 2), (turned, b * (1 - 0.4j), 1), (VALUES, b * (1 - 0.4j), 1)):
        if re.search("splu|factorized", line) and d.dtype != right.dtype:  # SciPy's own take one dtype only
            continue
        order = 1 if "expm" in line else order
        y = cr.vjp(lambda d, b: f(cs, d, b), d, right)[0]
        alike(y, f(sp, d, right), rtol=1e-11, atol=1e-12)
        check_rules(lambda d, b: f(cs, d, b), d, right, order=order)


def test_second_order_of_the_exponential():
    check_rules(lambda d: csl.expm_multiply(cs.csr_array((d, ([0, 1, 1], [0, 0, 1]))) * 0.1, np.ones(2)), np.ones(3))


def test_a_large_exponential():
    A = sp.random_array((30, 30), density=0.2, rng=np.random.default_rng(1), format="csr") * 12 - 5 * sp.eye_array(30)
    b = np.ones(30)
    ours = cr.vjp(lambda b: csl.expm_multiply(A, b), b)[0]
    np.testing.assert_allclose(ours, spla.expm_multiply(A, b), rtol=1e-11)
    y, t = cr.jvp(lambda d: csl.expm_multiply(cs.csr_array((d, A.indices, A.indptr)), b), (A.data,), (A.data,))
    np.testing.assert_allclose(t, A @ y, rtol=1e-10)  # d/ds exp(s A) b = A exp(s A) b


def test_one_factorisation_serves_both_modes(monkeypatch):
    count = []
    splu = spla.splu
    monkeypatch.setattr(spla, "splu", lambda *args, **kwargs: count.append(1) or splu(*args, **kwargs))
    for d in (VALUES, VALUES * (1 + 0.2j)):
        count.clear()
        cr.value_and_grad(lambda d: np.sum(np.abs(csl.spsolve(square(cs, d), B)) ** 2))(d)
        assert len(count) == 1
        count.clear()
        cr.jvp(lambda d: csl.spsolve(square(cs, d), B), (d,), (d,))
        assert len(count) == 1
        count.clear()
        lu = csl.splu(square(sp, d))
        cr.hessian(lambda b, lu=lu: np.sum(np.real(lu.solve(b)) ** 2 + np.sin(b)))(B)
        assert len(count) == 1


def test_real_factors_of_a_complex_right_hand_side():
    lu, A = csl.splu(square(sp, VALUES)), square(sp, VALUES).toarray()
    b = B * (1 + 0.5j)
    for trans, turned in (("N", A), ("T", A.T), ("H", A.T)):
        y, pullback = cr.vjp(lambda b, trans=trans: lu.solve(b, trans), b)
        alike(y, np.linalg.solve(turned, b), 1e-11)
        alike(pullback(b)[0], np.linalg.solve(turned.T, b), 1e-11)


def test_plain_factors_are_scipys():
    A = square(sp, VALUES)
    ours, plain = csl.splu(A), spla.splu(A)
    np.testing.assert_array_equal(ours.solve(B), plain.solve(B))
    np.testing.assert_array_equal(csl.factorized(A)(B), plain.solve(B))
    assert ((ours.L != plain.L).nnz, ours.shape) == (0, plain.shape)


def test_a_singular_matrix():
    A = lambda d: cs.csc_array((d, ([0, 1], [0, 0])), shape=(2, 2))
    with pytest.warns(spla.MatrixRankWarning):
        y = cr.jvp(lambda d: csl.spsolve(A(d), np.ones(2)), (np.ones(2),), (np.ones(2),))[0]
    assert np.isnan(y).all()
    with pytest.raises(RuntimeError, match="singular"):
        cr.jvp(lambda d: csl.splu(A(d)).solve(np.ones(2)), (np.ones(2),), (np.ones(2),))
    with pytest.raises(np.linalg.LinAlgError, match="not triangular"):
        cr.grad(lambda d: np.sum(csl.spsolve_triangular(square(cs, d), B)))(VALUES)


def test_single_precision_solutions():
    d, b = VALUES.astype(np.float32), B.astype(np.float32)
    y, pullback = cr.vjp(lambda d, b: csl.spsolve(square(cs, d), b), d, b)
    assert y.dtype == np.float32
    assert [g.dtype for g in pullback(y)] == [np.float32, np.float32]


def test_a_linear_operator_passes_through():
    A = square(sp, VALUES)
    operator = spla.aslinearoperator(A)
    gradient = cr.grad(lambda b: np.sum(csl.gmres(operator, b, **TIGHT)[0] ** 2))(B)
    x = np.linalg.solve(A.toarray(), B)
    np.testing.assert_allclose(gradient, np.linalg.solve(A.toarray().T, 2 * x), rtol=1e-10)


def test_the_iteration_is_the_users():
    """x0 and the callback are for the solution; info tells of it; the tolerance is passed on."""
    seen = []

    def f(b):
        x, info = csl.cg(sp.diags_array(np.arange(1.0, 41.0)).tocsr(), b, x0=b, rtol=1e-2, callback=seen.append)
        assert info == 0
        return np.sum(x * np.cos(np.arange(40)))

    gradient = cr.grad(f)(np.ones(40))
    forward = len(seen)
    seen.clear()
    f(np.ones(40))
    assert len(seen) == forward
    exact = np.cos(np.arange(40)) / np.arange(1, 41)
    error = np.linalg.norm(gradient - exact) / np.linalg.norm(exact)
    assert 1e-8 < error < 0.1


def test_what_does_not_converge_says_so():
    A = definite(sp, VALUES)
    x, info = csl.cg(A, B, maxiter=1)
    assert info == 1
    np.testing.assert_array_equal(cr.vjp(lambda b: csl.cg(A, b, maxiter=1)[0], B)[0], x)
    start = np.linalg.solve(A.toarray(), B)
    with pytest.warns(RuntimeWarning, match="a derivative of it did not"):
        cr.grad(lambda b: np.sum(csl.cg(A, b, x0=start, maxiter=1)[0] ** 2))(B)


def test_no_sparse_solution_is_dense():
    n = 40_000
    off = -np.ones(n - 1)

    def f(d):
        return np.sum(csl.spsolve(cs.diags_array([off, d, off], offsets=[-1, 0, 1], format="csc"), np.ones(n)))

    gradient = cr.grad(f)(np.full(n, 4.0))
    A = sp.diags_array([off, np.full(n, 4.0), off], offsets=[-1, 0, 1], format="csc")
    x = spla.spsolve(A, np.ones(n))
    np.testing.assert_allclose(gradient, -x * x, rtol=1e-12)


# ---- eigenvalues and norms ------------------------------------------------------------------------------------------

PAIRS = """
l.eigsh(hermitian(s, d), k=2, return_eigenvectors=False)
l.eigsh(hermitian(s, d), k=2, which="SA", return_eigenvectors=False)
(lambda w, v: np.abs(v) ** 2 @ w)(*l.eigsh(hermitian(s, d), k=2))
np.sum(l.eigs(square(s, d), k=3, which="LR", return_eigenvectors=False))
l.svds(square(s, d)[:4], k=2, return_singular_vectors=False)
(lambda u, s, v: np.abs(u) ** 2 @ s + np.sum(np.abs(v) ** 2, axis=1)[0])(*l.svds(square(s, d)[:4], k=1))
l.norm(square(s, d))
l.norm(square(s, d), 1)
l.norm(square(s, d), -np.inf)
l.norm(square(s, d), 2)
l.norm(square(s, d), axis=0)
l.norm(square(s, d), 1, axis=1)
l.norm(square(s, d), 3, axis=(1,))
""".strip().splitlines()


@pytest.mark.parametrize("line", PAIRS)
def test_eigenvalues_and_norms(line):
    f = solved(line)
    for d, order in ((VALUES, 2), (VALUES * (1 + 0.1j * np.arange(11)), 1)):
        y, plain = cr.vjp(lambda d: f(cs, d, B), d)[0], np.asarray(f(sp, d, B))
        if "eigsh" in line and d.dtype.kind == "c":  # which SciPy has in no order
            y, plain = np.sort(y, axis=None), np.sort(plain, axis=None)
        alike(y, plain, rtol=1e-10, atol=1e-11)
        check_rules(lambda d: f(cs, d, B), d, order=order)


def test_repeated_eigenvalues():
    one = lambda d: cs.diags_array(d, format="csr")
    d = np.array([1.0, 3.0, 3.0, 0.5, 0.1])
    alike(cr.grad(lambda d: np.sum(csl.eigsh(one(d), k=2, return_eigenvectors=False)))(d), 1.0 * (d == 3), 1e-8, 1e-8)
    with pytest.raises(np.linalg.LinAlgError, match="repeated"):
        cr.grad(lambda d: np.sum(csl.eigsh(one(d), k=2)[1] ** 3))(d)


def test_the_phase_of_complex_vectors():
    with pytest.raises(np.linalg.LinAlgError, match="phase"):
        cr.grad(lambda d: np.real(csl.eigsh(hermitian(cs, d), k=1)[1][0, 0]))(VALUES * (1 + 0.3j * np.arange(11)))


def test_the_norm_of_a_zero_row():
    gradient = cr.grad(lambda d: np.sum(csl.norm(cs.csr_array((d, ([0, 1], [0, 1]))), axis=1)))(np.array([2.0, 0.0]))
    alike(gradient, np.array([1.0, 0.0]))


# ---- sums and numbers -----------------------------------------------------------------------------------------------


def test_a_jacobian_of_a_jacobian():
    """Third order through a product of two traced matrices, against the closed form."""
    d = np.array([0.7, -1.3])
    f = lambda d: (cs.diags_array(d, format="csr") @ cs.diags_array(d, format="csr") @ cs.diags_array(d)).sum()
    third = cr.jacobian(cr.hessian(f))(d)
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = expected[1, 1, 1] = 6
    alike(third, expected)


def test_numbers_are_numbers():
    assert all(type(n) in NUMBERS for n in (1, 1.0, 1j, True))
    A = sp.csr_array(D)
    f = lambda t: (A * t).sum()
    assert cr.grad(f)(2.0) == pytest.approx(D.sum())
    assert isinstance(cr.grad(f)(2.0), np.float64)

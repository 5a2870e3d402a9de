"""Slips that somebody could make in a rule: a piece of the source, and what to read in its place.

`tests/mutants.py` plants each of them, and asks whether the examples of the operations that it concerns notice. What
is to be replaced must stand in its module once. To add one, add a line.
"""

from typing import NamedTuple


class Slip(NamedTuple):
    """`old` becomes `new` in a module of the library; the examples of `operations` should notice."""

    module: str
    operations: tuple[str, ...]
    old: str
    new: str

    def __str__(self) -> str:
        return (
            f"{', '.join(self.operations)}: {' '.join(self.old.split())} -> {' '.join(self.new.split()) or 'nothing'}"
        )


SLIPS: list[Slip] = []


def slips(module: str, *planted: tuple[str, str, str]) -> None:
    """In each the operations that it concerns, what stands there, and what is to stand there."""
    SLIPS.extend(Slip(f"chainrule.{module}", tuple(names.split()), old, new) for names, old, new in planted)


slips(
    "ops.arithmetic",
    # a sign, a factor, a power, the wrong function
    ("subtract", "np.subtract, d=(1, -1)", "np.subtract, d=(1, 1)"),
    ("multiply", "d=(lambda b: b, lambda a: a)", "d=(lambda a: a, lambda b: b)"),
    ("divide", "lambda y, b: -y / b", "lambda y, b: y / b"),
    ("divide", "lambda y, b: -y / b", "lambda y, b: -y"),
    ("negative", "np.negative, d=-1", "np.negative, d=1"),
    ("reciprocal", "d=lambda y: -y * y", "d=lambda y: -y"),
    ("square", "d=lambda x: 2.0 * x", "d=lambda x: x"),
    ("sqrt", "d=lambda y: 0.5 / y", "d=lambda y: 2.0 / y"),
    ("cbrt", "d=lambda y: 1 / (3 * y * y)", "d=lambda y: 1 / (3 * y)"),
    ("exp2", "d=lambda y: LN2 * y", "d=lambda y: y"),
    ("expm1", "np.expm1, d=lambda x: np.exp(x)", "np.expm1, d=lambda x: np.expm1(x)"),
    ("log10", "1 / (LN10 * x)", "1 / (LN2 * x)"),
    ("log1p", "d=lambda x: 1.0 / (1.0 + x)", "d=lambda x: 1.0 / x"),
    ("sin", "d=lambda x: np.cos(x)", "d=lambda x: -np.cos(x)"),
    ("cos", "d=lambda x: -np.sin(x)", "d=lambda x: np.sin(x)"),
    ("tan", "d=lambda y: 1.0 + y * y", "d=lambda y: 1.0 - y * y"),
    ("arccos", "-1.0 / np.sqrt(1.0 - x * x)", "-1.0 / np.sqrt(1.0 + x * x)"),
    ("cosh", "d=lambda x: np.sinh(x)", "d=lambda x: -np.sinh(x)"),
    ("tanh", "d=lambda y: 1.0 - y * y", "d=lambda y: 1.0 - y"),
    ("arccosh", "np.sqrt(x - 1) * np.sqrt(x + 1)", "np.sqrt(x * x - 1)"),  # another branch, left of zero
    ("deg2rad", "d=float(np.pi / 180)", "d=float(180 / np.pi)"),
    (
        "arctan2",
        "over_square(b, a, b), lambda a, b: over_square(-a",
        "over_square(a, a, b), lambda a, b: over_square(-b",
    ),
    ("hypot", "lambda b, y: direction(b, y)", "lambda a, y: direction(a, y)"),
    ("copysign", "np.sign(a) * np.sign(y)", "np.sign(y)"),
    ("remainder", "-np.floor_divide(a, b)", "-np.trunc(a / b)"),
    ("fmod", "-np.trunc(a / b)", "-np.floor_divide(a, b)"),
    ("ldexp", "d=(lambda b: np.exp2(b), None)", "d=(lambda b: b, None)"),
    # right to first order only: the slope is a constant for the next derivative
    ("square", "d=lambda x: 2.0 * x", "d=lambda x: 2.0 * (x.primal if isinstance(x, Tracer) else x)"),
    ("exp", "np.exp, d=lambda y: y", "np.exp, d=lambda y: y.primal if isinstance(y, Tracer) else y"),
    ("power", "b * np.power(a, exponent)", "b * np.power(a.primal if isinstance(a, Tracer) else a, exponent)"),
    # where an argument is special: zero, a tie, the other branch
    ("power", "zero = (a == 0) & (np.real(b) >= 0)", "zero = (a == 0) & (np.real(b) < 0)"),
    ("power", "return b * np.power(a, exponent)", "return np.power(a, exponent)"),
    ("power", "b - 1) if np.ndim(b)", "b) if np.ndim(b)"),
    ("power", "1.0, a).astype(y.dtype)", "1.0, a)"),
    ("maximum", "np.logical_not(a <= b), dtype=dtype)", "np.logical_not(a < b), dtype=dtype)"),
    (
        "minimum",
        "d=(lambda a, b: larger(b, a), lambda a, b: larger(a, b))",
        "d=(lambda a, b: larger(a, b), lambda a, b: larger(b, a))",
    ),
    ("fmax", "np.where(other == y, half, one)", "one"),
    ("hypot", "u / np.where(zero, 1.0, y))\n\n\nhypot", "u)\n\n\nhypot"),
    (
        "logaddexp",
        "exp(np.where(finite, this - np.where(finite, y, 0.0), 0.0))",
        "exp(np.where(finite, other - np.where(finite, y, 0.0), 0.0))",
    ),
    (
        "logaddexp2",
        "share(a, b, y, np.exp2), lambda a, b, y: share(b, a, y, np.exp2)",
        "share(a, b, y, np.exp), lambda a, b, y: share(b, a, y, np.exp)",
    ),
    ("minimum", "halves=(loses, wins)", "halves=(wins, loses)"),
    # a slope where there is none, none where there is one, and a wrong dtype
    ("heaviside", "d=(None, lambda a: np.where(a == 0, 1.0, 0.0))", "d=(None, None)"),
    ("nextafter", "np.nextafter, d=(1, None)", "np.nextafter, d=(1, 1)"),
    ("floor", "np.floor, d=None", "np.floor, d=1"),
    (
        "maximum",
        "dtype = np.result_type(*(x.dtype for x in map(aval_of, (a, b)) if x.dtype not in NUMBERS))",
        "dtype = float",
    ),
)

slips(
    "core.zeros",
    # broadcasting and promotion
    (
        "add multiply",
        "    if ct.shape != x.shape:\n        shape",
        "    if len(ct.shape) != len(x.shape):\n        shape",
    ),
    (
        "add multiply",
        "ct = np.reshape(np.sum(ct, axis=(*range(lead), *stretched)), shape)",
        "ct = np.reshape(np.mean(ct, axis=(*range(lead), *stretched)), shape)",
    ),
    ("add broadcast_to", "if n == 1 and ct.shape[lead + i] != 1]", "if n == 1 and ct.shape[i] != 1]"),
    ("add multiply", "return ct if ct.dtype == dtype else ct.astype(dtype)", "return ct"),
    (
        "multiply",
        'if ct.dtype.kind == "c" and dtype.kind != "c":\n        ct = np.real(ct)',
        'if ct.dtype.kind == "c" and dtype.kind != "c":\n        ct = np.imag(ct)',
    ),
)

slips(
    "ops.families",
    # broadcasting and promotion of tangents
    ("add", "    if np.shape(t) != y.shape:\n        t = stretched(t, y.shape)\n", ""),
    ("add multiply", "return t if t.dtype == y.dtype else t.astype(y.dtype)", "return t"),
    # conjugation
    ("multiply sin", 'np.conjugate(d) if ct.dtype.kind == "c" else d)', "d)"),
    ("matmul prod", 'return np.conjugate(d) if dtype_of(d).kind == "c" else d', "return d"),
    # forward
    ("multiply add", "total = term if total is None else total + term", "total = term"),
    ("subtract", "return t if d == 1 else -t if d == -1 else t * d", "return t if d in (1, -1) else t * d"),
    # the short rules
    ("subtract", "(lambda ct, y, a, b: -ct) if d == -1", "(lambda ct, y, a, b: ct) if d == -1"),
    (
        "multiply",
        "    if reads == (1,):\n        return lambda ct, y, a, b: ct * d(b)",
        "    if reads == (1,):\n        return lambda ct, y, a, b: ct * d(a)",
    ),
    ("tanh", "return lambda ct, y, a, b: ct * d(y)", "return lambda ct, y, a, b: d(y)"),
    ("multiply", "bool(bits >> i & 1)", "bool(bits >> (1 - i) & 1)"),
    ("maximum", "    d *= 0.5\n", ""),
    # what is kept
    ("multiply", "if on for n in need}", "for n in need}"),
    ("sin exp", '"y" in read)', "False)"),
    ("einsum matmul", "any(wanted[:i] + wanted[i + 1 :])", "wanted[i]"),
    ("prod", "saves = keeps_all if callable(d) else keeps_nothing", "saves = keeps_nothing"),
    ("sum", "saves = keeps_all if callable(d) else keeps_nothing", "saves = keeps_all"),
    # batches
    ("add", "return np.reshape(x, (shape[0], *(1,) * (ndim + 1 - len(shape)), *shape[1:]))", "return x"),
    (
        "multiply",
        "*aligned(is_batched, x))\n\n    def slots_of(wanted, y, *x):\n        return partials(",
        "*x)\n\n    def slots_of(wanted, y, *x):\n        return partials(",
    ),
    ("sum", "axes=tuple(i + 1 for i in axes), keepdims=keepdims)", "axes=axes, keepdims=keepdims)"),
    ("solve", "[pad_axes(a, ndim + len(c)) if on else a for a, on, c in", "[a for a, on, c in"),
    # shapes and dtypes
    ("sum max", "if i not in axes)\n", "if i in axes)\n"),
    ("sum", "tuple(1 if i in axes else n for", "tuple(n if i in axes else 1 for"),
    (
        "absolute sum",
        "dtype = np.asarray(impl(np.ones((1,) * len(x.shape), x.dtype), axis=axes)).dtype",
        "dtype = np.dtype(float)",
    ),
    ("add", "return _resolved(ufunc, avals)[len(avals)]", "return np.dtype(float)"),
    ("reshape", "x.shape), **params)), x.dtype)", "x.shape), **params)), np.dtype(float))"),
    # reductions
    ("sum", "ct = stretched(kept(ct, x.shape, axes), x.shape)", "ct = stretched(ct, x.shape)"),
    ("prod", "if selects else t) * weights", "if selects else t) * y"),
    (
        "sum",
        "return spread(np.sum(t, axis=axes, keepdims=keepdims), y)",
        "return spread(np.sum(t, axis=axes[:1], keepdims=keepdims), y)",
    ),
    # patterns
    (
        "add multiply",
        "(link(d_i, read, x_i),) if on and d_i is not None else ()\n",
        "(link(d_i, read, x_i),) if on and d_i is d[0] else ()\n",
    ),
    (
        "multiply",
        "_slots.stretched(x_i.shape, y.shape), weight, selects)",
        "_slots.stretched(x_i.shape, y.shape), 1, selects)",
    ),
    ("add", "_slots.Link(_slots.stretched(x_i.shape, y.shape), weight", "_slots.Link(None, weight"),
    ("max", "weight = (lambda: move(d(", "weight = (lambda: (d("),
    ("solve", "counts = [len(c) for c in cores_in]", "counts = [0 for c in cores_in]"),
)

slips(
    "ops.reductions",
    ("max min", "return chosen / np.sum(chosen, axis=axes, keepdims=True)", "return chosen"),
    ("max min", "return chosen / np.sum(chosen, axis=axes, keepdims=True)", "return chosen / np.sum(chosen)"),
    ("prod", "running_product(rows[..., :0:-1])[..., ::-1]", "running_product(rows[..., :0:-1])"),
    (
        "prod",
        "np.concatenate([one, before], axis=-1) * np.concatenate([after, one], axis=-1)",
        "np.concatenate([before, one], axis=-1) * np.concatenate([after, one], axis=-1)",
    ),
    ("prod", "step *= 2", "step *= 3"),
    (
        "prod",
        "return np.moveaxis(back, range(len(shape) - len(axes), len(shape)), axes)",
        "return np.reshape(back, shape)",
    ),
    (
        "logsumexp",
        "weights = np.exp(np.where(finite, x, 0.0) - np.where(finite, y, 0.0))",
        "weights = np.exp(np.where(finite, x, 0.0))",
    ),
    (
        "logsumexp",
        "np.max(x, axis=axis, keepdims=True, initial=-np.inf)",
        "np.min(x, axis=axis, keepdims=True, initial=np.inf)",
    ),
    ("cumsum", "np.flip(np.cumsum(np.flip(ct, axis), axis=axis), axis)", "np.cumsum(np.flip(ct, axis), axis=axis)"),
    ("cumsum", "np.flip(np.cumsum(np.flip(ct, axis), axis=axis), axis)", "np.cumsum(ct, axis=axis)"),
    ("cumsum", "bind(cumsum, x, axis=axis + 1)", "bind(cumsum, x, axis=axis)"),
    ("cumsum", "slice(n - 1 - k, 2 * n - 1 - k)", "slice(n - k, 2 * n - k)"),
    (
        "cumsum",
        "saves=keeps_nothing,\n        batch=lambda is_batched, x, *, axis: bind(cumsum",
        "saves=prod.saves,\n        batch=lambda is_batched, x, *, axis: bind(cumsum",
    ),
    (
        "argmax argsort",
        "return bind(primitive, x, axis=axis + 1, **params)",
        "return bind(primitive, x, axis=axis, **params)",
    ),
    ("argmax", "Aval(shape(x, axis), np.dtype(np.intp))", "Aval(shape(x, axis), x.dtype)"),
)

slips(
    "ops.selections",
    ("where", "selected(np.where(c, zero, ct), ", "selected(np.where(c, ct, zero), "),
    (
        "where",
        "return spread(np.where(c, zero if ta is None else ta, zero if tb is None else tb), y)",
        "return spread(np.where(c, zero if tb is None else tb, zero if ta is None else ta), y)",
    ),
    ("where", "np.broadcast_to(chosen, ct.shape)).fit(x)", "np.broadcast_to(chosen, ct.shape))"),
    ("where", "saves=keeps((), (0,), (0,))", "saves=keeps((), (0, 1), (0, 2))"),
    ("where", "link(b, lambda: np.equal(c, 0)) if", "link(b, lambda: np.not_equal(c, 0)) if"),
    ("where", "link(b, lambda: np.equal(c, 0)) if wanted[2] else ()", "()"),
    ("imag", "ct * 1j if", "ct * -1j if"),
    ("imag", "jvp=lambda tangents, y, x: np.imag(tangents[0])", "jvp=lambda tangents, y, x: np.real(tangents[0])"),
    ("conjugate", "vjp=lambda wanted, ct, y, x: (np.conjugate(ct),)", "vjp=lambda wanted, ct, y, x: (ct,)"),
    ("absolute", "np.real(np.conjugate(phase(x, y)) * tangents[0])", "np.real(phase(x, y) * tangents[0])"),
    ("absolute", "x / np.where(zero, 1.0, y))", "x)"),
    ("sign", "y * np.real(np.conjugate(y) * tangents[0])", "y * np.conjugate(y) * tangents[0]"),
    ("angle", "return 1j * x * np.where", "return x * np.where"),
)

slips(
    "ops.moves",
    ("reshape", "np.reshape(ct, x.shape)", 'np.reshape(ct, x.shape, order="F")'),
    ("transpose", "np.transpose(ct, inverse_permutation(axes))", "np.transpose(ct, axes)"),
    (
        "transpose",
        "bind(transpose, x, axes=(0, *(i + 1 for i in axes)))",
        "bind(transpose, x, axes=(0, *(i + 1 for i in inverse_permutation(axes))))",
    ),
    (
        "broadcast_to",
        "transpose=lambda ct, x, *, shape: fit(ct, x)",
        "transpose=lambda ct, x, *, shape: ct[(0,) * (len(shape) - len(x.shape))]",
    ),
    ("broadcast_to", "*(1,) * (len(shape) - len(inner)), *inner))", "*inner, *(1,) * (len(shape) - len(inner))))"),
    ("astype", "return (cast(ct, x.dtype),)", "return (ct,)"),
    (
        "astype",
        "jvp=lambda tangents, y, x, *, dtype: cast(tangents[0], np.dtype(dtype))",
        "jvp=lambda tangents, y, x, *, dtype: tangents[0]",
    ),
    (
        "astype_constant",
        "aval=lambda x, *, dtype: Aval(x.shape, np.dtype(dtype)),\n        jvp=None",
        "aval=lambda x, *, dtype: Aval(x.shape, x.dtype),\n        jvp=None",
    ),
    ("concatenate", "        start = stop\n", "        start = 0\n"),
    (
        "concatenate",
        "parts.append(cast(ct[(*lead, slice(start, stop))], v.dtype) if on else None)",
        "parts.append(ct[(*lead, slice(start, stop))] if on else None)",
    ),
    ("concatenate", "[v if on else np.broadcast_to(v, (n, *np.shape(v)))", "[v if on else np.zeros((n, *np.shape(v)))"),
    ("concatenate", "np.zeros(np.shape(v), y.dtype) if t is None", "np.ones(np.shape(v), y.dtype) if t is None"),
    (
        "concatenate",
        "place = range(end, end + np.shape(v)[axis])",
        "place = range(end, end + np.shape(x[0])[axis])",
    ),
    ("add_windows", "out[tuple(place)] += ct[(..., *offset)]", "out[tuple(place)] = ct[(..., *offset)]"),
    ("sliding_window_view", "sizes=sizes, axes=tuple(a + 1 for a in axes)),\n", "sizes=sizes, axes=axes),\n"),
    ("add_windows", "box[a] = range(o, o + ct.shape[a])", "box[a] = range(ct.shape[a])"),
)

slips(
    "ops.contractions",
    ("matmul", "fit(ct @ swap(adjoint(b)), a) if on_a", "fit(ct @ adjoint(b), a) if on_a"),
    ("matmul", "fit(swap(adjoint(a)) @ ct, b) if on_b", "fit(swap(a) @ ct, b) if on_b"),
    ("matmul", "ct_a = fit(ct_a[..., 0, :] if vector_a else ct_a, a)", "ct_a = ct_a[..., 0, :] if vector_a else ct_a"),
    ("matmul", "        ct = ct[..., None]\n", "        ct = ct[None]\n"),
    ("matmul", "y = np.matmul(pad_axes(a, ndim) if on_a else a,", "y = np.matmul(a,"),
    ("matmul", "None if tb is None else a @ tb)), y)", "None if tb is None else tb)), y)"),
    (
        "matmul",
        'right = lead[len(lead) - max(len(b.shape) - 2, 0) :] + "K" + columns',
        'right = lead[len(lead) - max(len(b.shape) - 2, 0) :] + columns + "K"',
    ),
    ("matmul", "rows = left[-2:-1] if len(a.shape) > 1 else ()", "rows = left[-2:-1]"),
    ("einsum", "others = [(letters, adjoint(v))", "others = [(letters, v)"),
    (
        "einsum",
        "terms.append((letter + other, np.eye(n, dtype=ct.dtype)))",
        "terms.append((letter + other, np.ones((n, n), dtype=ct.dtype)))",
    ),
    ("einsum", '+ "->" + b + out)', '+ "->" + out + b)'),
    (
        "einsum",
        "bind(einsum, *x[:i], t, *x[i + 1 :], subscripts=subscripts)",
        "bind(einsum, t, *x[1:], subscripts=subscripts)",
    ),
    (
        "einsum",
        'product = np.einsum(",".join(letters for letters, _ in others)',
        'product = -np.einsum(",".join(letters for letters, _ in others)',
    ),
    ("convolve", 'np.correlate(ct, b, "full")[m - 1', 'np.convolve(ct, b, "full")[m - 1'),
    ("convolve", 'fit(np.correlate(ct, a, "full")[n - 1 : n - 1 + m], b)', 'fit(np.correlate(ct, a, "full")[:m], b)'),
    ("convolve", "Aval((a.shape[0] + b.shape[0] - 1,)", "Aval((a.shape[0] + b.shape[0],)"),
    (
        "convolve",
        "terms, places, index=(slice(None), ARRAY), shape=shape)",
        "terms[::-1], places, index=(slice(None), ARRAY), shape=shape)",
    ),
)

slips(
    "ops.subscripts",
    ("getitem put", "return np.moveaxis(y, at, 0) if at else y\n", "return y\n"),
    ("put setitem", "return np.moveaxis(y, 0, at) if at else y\n", "return y\n"),
    ("getitem", "arrays = [pad_axes(a, count) if on else a for a, on in", "arrays = [a for a, on in"),
    ("getitem", "if where[-1] - where[0] + 1 != len(where):", "if False:"),
    ("getitem", "tuple(i >= first for i in range(len(wanted)))", "tuple(i > first for i in range(len(wanted)))"),
)

slips(
    "ops.indexing",
    (
        "getitem",
        "        np.add.at(total, where, ct)\n",
        "        total[where] += ct\n",
    ),
    ("getitem", "    else:\n        total[index] += ct\n", "    else:\n        total[index] = ct\n"),
    ("getitem", "        total[index] = total[index] + ct\n", "        total[index] = ct\n"),
    ("put", "source[turn, target.ravel()] =", "source[0, target.ravel()] ="),
    ("setitem", "        total[fill_in(index, arrays)] = 0\n", "        pass\n"),
    ("setitem", "ct_x = bind(setitem, ct, np.zeros((), ct.dtype), *arrays, index=index, in_place=False)", "ct_x = ct"),
    ("setitem", "            if isinstance(alive, Tracer) or not alive.all():\n", "            if False:\n"),
    ("setitem", "        ct_v = sum_to(ct_v, v)\n", "        ct_v = cast(ct_v, v.dtype)\n"),
    ("setitem", "tv = np.zeros((), y.dtype) if tv is None else tv", "tv = np.ones((), y.dtype) if tv is None else tv"),
    (
        "setitem",
        "return cast(np.reshape(np.sum(ct, axis=axes) if axes else ct, v.shape), v.dtype)",
        "return np.reshape(np.sum(ct, axis=axes) if axes else ct, v.shape)",
    ),
    (
        "setitem",
        "for side in (range(r.start), *between, range(r[-1] + 1, shape[k])):",
        "for side in (range(r.start), *between):",
    ),
)

slips(
    "ops.fft",
    ("fft", "np.fft.ifft(ct, n, axis, norm)", "np.fft.fft(ct, n, axis, norm)"),
    ("fft rfft", "OTHER_NORM[norm]), x.dtype)", "norm), x.dtype)"),
    ("rfft", "mirrored(ct, n, axis, 0.5)", "mirrored(ct, n, axis, 1.0)"),
    ("irfft", "n, axis, 2.0)", "n, axis, 1.0)"),
    ("rfft irfft", "    if n % 2 == 0:\n", "    if n % 2 == 1:\n"),
    ("rfft irfft", "    weights[0] = 1\n", ""),
    ("fft", "return (resized(ct_x, x.shape[axis], axis),)", "return (ct_x,)"),
    ("fft", "n=n, axis=axis + 1, norm=norm)", "n=n, axis=axis, norm=norm)"),
    ("irfft", "return n // 2 + 1", "return n // 2"),
    ("irfft", "return np.finfo(complex_dtype(dtype)).dtype", "return complex_dtype(dtype)"),
    ("fft", "count = min(reads(n), x.shape[axis])", "count = x.shape[axis]"),
)

slips(
    "ops.linalg",
    ("solve", "c = np.linalg.solve(hermitian(a), ct)", "c = np.linalg.solve(swap(a), ct)"),
    ("solve", "fit(-(c @ hermitian(y)), a)", "fit(c @ hermitian(y), a)"),
    ("solve", "None if da is None else -(da @ y)", "None if da is None else -(y @ da)"),
    ("solve", 'saves=keeps((0, "y"), (0,))', "saves=keeps((0, 1), (0,))"),
    ("inv", "fit(-(hermitian(y) @ ct @ hermitian(y)), a)", "fit(-(y @ ct @ y), a)"),
    ("inv", "spread(-(y @ tangents[0] @ y), y)", "spread(-(tangents[0] @ y @ y), y)"),
    ("det", "fit(ct[..., None, None] * hermitian(adjugate(a)), a)", "fit(ct[..., None, None] * adjugate(a), a)"),
    (
        "det",
        "return scale * (det_c[..., None, None] * inverse + left @ adj_c @ right)",
        "return scale * det_c[..., None, None] * inverse",
    ),
    ("slogdet", "c = turning if c is None else c + turning", "c = turning if c is None else c - turning"),
    ("slogdet", "hermitian(np.linalg.inv(a)), a),)", "np.linalg.inv(a), a),)"),
    ("slogdet", "(floating(a), real_part_of(floating(a)))", "(floating(a), floating(a))"),
    ("norm", "x / np.where(at_zero, np.ones((), x.dtype), y)", "x"),
)

slips(
    "ops.decompositions",
    ("cholesky", "return np.tril(a) - 0.5 * a", "return np.tril(a) - 1.0 * a"),
    ("cholesky", "lower_half(hermitian(y) @ ct)", "lower_half(swap(y) @ ct)"),
    ("cholesky", "hermitian(left))), uplo), a),)", 'hermitian(left))), "L"), a),)'),
    ("qr", "dq = filled_up(over(da - q1 @ dr, r1), q, n)", "dq = filled_up(over(da + q1 @ dr, r1), q, n)"),
    ("qr", "w = gr @ hermitian(r) - hermitian(q) @ gq", "w = gr @ hermitian(r)"),
    ("qr", 'q @ whole(w, "U"), hermitian(r)', 'q @ whole(w, "U"), r'),
    ("eigh", "dv = v @ quotient(off_diagonal(m), gaps(w), w", "dv = v @ quotient(off_diagonal(m), -gaps(w), w"),
    (
        "eigh",
        "inner = inner + quotient(off_diagonal(skew(p)), gaps(w)",
        "inner = quotient(off_diagonal(skew(p)), gaps(w)",
    ),
    ("eigvalsh", "fit(part((v * columns(ct)) @ hermitian(v), uplo)", "fit(part((v * columns(ct)) @ swap(v), uplo)"),
    ("eigvalsh", "np.conjugate(v) * (whole(tangents[0], uplo) @ v)", "np.conjugate(v) * (tangents[0] @ v)"),
    ("eig", "x - v * np.real(along(v, x)) - 1j * v * turn", "x - v * np.real(along(v, x))"),
    ("eig", "np.conjugate(gaps(w)), w, p", "gaps(w), w, p"),
    ("eigvals", "np.linalg.solve(vh, ct[..., None] * vh)", "np.linalg.solve(vh, ct[..., None, :] * vh)"),
    ("svd", "dv = filled_up(v1 @ (f - g)", "dv = filled_up(v1 @ (f + g)"),
    ("svd", "+ u1 @ hermitian(right)", "- u1 @ hermitian(right)"),
    ("svd", "without_phase(x + z, SVD, like)", "without_phase(x - z, SVD, like)"),
    ("svd", "return g1 - u2 @ (hermitian(g2) @ u1)", "return g1"),
    ("svdvals", "fit((u * columns(ct)) @ vh, a)", "fit((u * columns(ct)) @ hermitian(vh), a)"),
)

slips(
    "ops.special.errors",
    (
        "special.erf",
        "erf = special(sc.erf, d=lambda x: 2 / SQRT_PI * np.exp(-x * x))",
        "erf = special(sc.erf, d=lambda x: 2 / SQRT_PI * np.exp(x * x))",
    ),
    ("special.erfc", "d=lambda x: -2 / SQRT_PI", "d=lambda x: 2 / SQRT_PI"),
    ("special.erfinv", "d=lambda y: SQRT_PI / 2 * np.exp(y * y)", "d=lambda y: SQRT_PI / 2 * np.exp(-y * y)"),
    ("special.wofz", "2j / SQRT_PI - 2 * x * y", "2 / SQRT_PI - 2 * x * y"),
)

slips(
    "ops.special.gamma",
    ("special.gamma", "d=lambda x, y: y * sc.digamma(x)", "d=lambda x: sc.digamma(x)"),
    ("special.psi", "return np.where(left, PI * PI / (sine * sine) - whole, whole)", "return whole"),
    ("special.zeta", "-a * sc.zeta(a + 1.0, b)", "a * sc.zeta(a + 1.0, b)"),
    ("special.beta", "lambda a, b, y: -y * digamma_gap(b, a)", "lambda a, b, y: -y * digamma_gap(b, b)"),
    ("special.gammaincc", "lambda a, b: -gamma_density(a, b)", "lambda a, b: gamma_density(a, b)"),
)

slips(
    "ops.special.bessel",
    ("special.jv", "return 0.5 * (f(a - 1, b) - f(a + 1, b))", "return 0.5 * (f(a - 1, b) + f(a + 1, b))"),
    ("special.kve", "y - modified(sc.kve, a, b)", "-modified(sc.kve, a, b)"),
    ("special.j1", "0.5 * (sc.j0(x) - at(sc.jv, 2.0, x))", "sc.j0(x)"),
    ("special.airy", "lambda y: y[1], lambda x, y: x * y[0]", "lambda y: y[1], lambda x, y: x * y[2]"),
)

slips(
    "ops.special.elementary",
    ("special.expit", "d=lambda x, y: y * sc.expit(-x)", "d=lambda x, y: y * sc.expit(x)"),
    ("special.xlogy", "lambda a, b: ratio(a, b))", "lambda a, b: ratio(b, a))"),
    ("special.boxcox", "log * log * exprel_slope(x, sc.exprel(x))", "log * exprel_slope(x, sc.exprel(x))"),
)

slips(
    "core.accumulate",
    (
        "multiply",
        "            self[node] = total + ct\n        elif id(node) in self._own and",
        "            self[node] = ct\n        elif id(node) in self._own and",
    ),
    ("getitem", "            self[node] = np.copy(total)\n", "            self[node] = total\n"),
    ("setitem", "        self.clear(total)\n", ""),
    ("special.airy slogdet", "outputs[position] = ct if", "outputs[-1 - position] = ct if"),
)

slips(
    "transforms.tape",
    (
        "multiply",
        "                    elif total.size < SMALL:\n                        sums[parent] = total + ct_x\n",
        "                    elif total.size < SMALL:\n                        sums[parent] = ct_x\n",
    ),
    ("multiply", "wanted = tuple([p is not None for p in node.parents])", "wanted = (True,) * len(node.parents)"),
    ("add multiply", "return sorted(seen, key", "return sorted(seen, reverse=True, key"),
)

slips(
    "core.slots",
    ("sum", "order = [*range(lead), *(lead + p for p in (*self.slots, *kept))]", "order = list(range(a.ndim))"),
    ("transpose", "if order != list(range(len(order))):", "if False:"),
    ("setitem", "return any(move.fills for move in self.moves)", "return False"),
)

slips(
    "transforms.slots",
    (
        "add multiply",
        "new = Piece(new.index, old.coef + new.coef, new.box)",
        "new = Piece(new.index, new.coef, new.box)",
    ),
    ("where", "return np.where(weight, float(coef), 0.0)", "return float(coef)"),
    ("subtract", "-coef if weight == -1 else", "coef if weight == -1 else"),
)

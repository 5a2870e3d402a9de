"""What becomes of every public function of NumPy, and of every method and attribute of its arrays, on a traced array.

Four columns. *Differentiable* is what has lines in signature_cases.py; the other three are here. The names in the lines
are explained there.
"""

CONSTANT = {
    # comparisons, logic, bits
    "equal": ["x == y", "np.equal(x, 0)"],
    "not_equal": ["x != y"],
    "less": ["x < y", "np.less(x, y, out=np.zeros((3, 4), bool))"],
    "less_equal": ["x <= 0.2"],
    "greater": ["x > y", "np.greater.outer(v, u)"],
    "greater_equal": ["x >= y"],
    "logical_and": ["np.logical_and(x, y > 0)", "np.logical_and.reduce(x > 0, axis=0)"],
    "logical_or": ["np.logical_or(x > 1, y > 0)", "np.logical_or.reduce(x > 0)"],
    "logical_xor": ["np.logical_xor(x > 0, y > 0)"],
    "logical_not": ["np.logical_not(x > 0)"],
    "isfinite": ["np.isfinite(gaps(x))"],
    "isinf": ["np.isinf(x / 0.1)"],
    "isnan": ["np.isnan(gaps(x))"],
    "isneginf": ["np.isneginf(np.where(mask, -inf, x))"],
    "isposinf": ["np.isposinf(np.where(mask, inf, x))"],
    "isreal": ["np.isreal(z)", "np.isreal(x)"],
    "iscomplex": ["np.iscomplex(z)", "np.iscomplex(x)"],
    "isclose": ["np.isclose(x, x + 1e-9)", "np.isclose(gaps(x), x, equal_nan=True, rtol=0.1, atol=0.2)"],
    "allclose": ["np.allclose(x, y)", "np.allclose(gaps(x), gaps(x), equal_nan=True)"],
    "array_equal": ["np.array_equal(x, x)", "np.array_equal(gaps(x), gaps(x), equal_nan=True)"],
    "array_equiv": ["np.array_equiv(x, x[None])"],
    "signbit": ["np.signbit(x)"],
    "all": ["np.all(x)", "np.all(x > -1, axis=1, keepdims=True)", "np.all(x > 0, axis=0, where=mask)", "x.all(0)"],
    "any": ["np.any(x)", "np.any(x > 1, axis=(0, 1))", "np.any(x > 0, axis=0, where=mask)", "x.any(1)"],
    "bitwise_and": ["(x > 0) & (y > 0)", "x.astype(int) & 3"],
    "bitwise_or": ["(x > 0) | (y > 0)"],
    "bitwise_xor": ["(x > 0) ^ (y > 0)"],
    "bitwise_count": ["np.bitwise_count((9 * x).astype(int))"],
    "invert": ["~(x > 0)"],
    "left_shift": ["(9 * x).astype(int) << 2", "1 << (3 * W).astype(int)"],
    "right_shift": ["(9 * x).astype(int) >> 1"],
    "gcd": ["np.gcd((9 * x).astype(int), 6)"],
    "lcm": ["np.lcm((9 * x).astype(int), 6)"],
    # rounding
    "ceil": ["np.ceil(x)"],
    "floor": ["np.floor(3 * x)"],
    "floor_divide": ["x // W", "5 // W"],
    "rint": ["np.rint(3 * x)"],
    "spacing": ["np.spacing(x)"],
    "trunc": ["np.trunc(3 * x)"],
    # positions
    "argmax": [
        "np.argmax(x)",
        "np.argmax(x, axis=1, keepdims=True)",
        "np.argmax(x, 0, np.zeros(4, int))",
        "x.argmax(1)",
    ],
    "argmin": ["np.argmin(x)", "np.argmin(x, axis=0)", "x.argmin()", "np.argmin(s, axis=0)"],
    "nanargmax": ["np.nanargmax(gaps(x))", "np.nanargmax(gaps(x), axis=1, keepdims=True)"],
    "nanargmin": ["np.nanargmin(gaps(x), axis=0)"],
    "argsort": ["np.argsort(x)", "np.argsort(x, axis=None)", "np.argsort(x, 0, stable=True)", "x.argsort(0)"],
    "argpartition": ["np.argpartition(v, 2)[2]", "x.argpartition(1, axis=0)[1]"],
    "lexsort": ["np.lexsort((x[0], x[1]))", "np.lexsort(x)", "np.lexsort((x, y), axis=0)"],
    "searchsorted": [
        "np.searchsorted(knots, x)",
        "np.searchsorted(np.sort(v), u, side='right')",
        "np.searchsorted(v, 0.3, sorter=np.argsort(v))",
        "np.searchsorted([0.1, 0.5], s)",
        "knots.searchsorted([1.0, 2.0])",
    ],
    "digitize": ["np.digitize(x, knots)", "np.digitize(x, knots[::-1], right=True)", "np.digitize(s, [0.1, 0.7])"],
    "nonzero": ["np.nonzero(x > 0)", "np.nonzero(x)", "x.nonzero()", "np.where(x > 0)"],
    "flatnonzero": ["np.flatnonzero(x > 0)"],
    "argwhere": ["np.argwhere(x)"],
    "count_nonzero": ["np.count_nonzero(x)", "np.count_nonzero(x > 0, axis=1, keepdims=True)"],
    "isin": ["np.isin(x, x[1])", "np.isin(x, x[1], invert=True)"],
    "unravel_index": ["np.unravel_index(np.argmax(x), x.shape)"],
    "ravel_multi_index": ["np.ravel_multi_index(np.nonzero(x > 0), x.shape)"],
    "packbits": ["np.packbits(x > 0)"],
    "unpackbits": ["np.unpackbits((9 * W).astype(np.uint8))"],
}
"""Zero derivative wherever there is one."""

DEPRECATED = {"row_stack": "vstack"}
"""Old names, which warn and call the function of the new one."""

NOT_NUMBERS = {
    # known without the values
    **dict.fromkeys(
        ["shape", "ndim", "size", "iterable", "isscalar", "iscomplexobj", "isrealobj", "isfortran"], "shape or kind"
    ),
    **dict.fromkeys(
        ["result_type", "can_cast", "common_type", "min_scalar_type", "promote_types", "mintypecode"], "dtypes"
    ),
    **dict.fromkeys(["isdtype", "issubdtype", "typename", "finfo", "iinfo", "dtype"], "dtypes"),
    **dict.fromkeys(["shares_memory", "may_share_memory"], "memory"),
    **dict.fromkeys(["broadcast_shapes", "diag_indices", "diag_indices_from", "indices", "mask_indices"], "sizes"),
    **dict.fromkeys(["tril_indices", "tril_indices_from", "triu_indices", "triu_indices_from", "ndindex"], "sizes"),
    **dict.fromkeys(
        ["zeros", "ones", "empty", "eye", "identity", "tri"], "sizes; with like= a constant that can be filled"
    ),
    **dict.fromkeys(["bartlett", "blackman", "hamming", "hanning"], "sizes"),
    "einsum_path": "an order of contraction, from shapes",
    "fromfunction": "calls the function with plain positions, and returns what it returns",
    # text, files, dates, settings
    **dict.fromkeys(["array2string", "array_repr", "array_str", "base_repr", "binary_repr"], "text"),
    **dict.fromkeys(["format_float_positional", "format_float_scientific", "info"], "text"),
    **dict.fromkeys(
        ["load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "fromstring", "frombuffer", "memmap"], "reads data"
    ),
    **dict.fromkeys(["from_dlpack", "get_include", "show_config", "show_runtime", "test"], "of the installation"),
    **dict.fromkeys(["busdaycalendar", "datetime_data"], "dates"),
    **dict.fromkeys(
        ["errstate", "geterr", "geterrcall", "seterr", "seterrcall", "getbufsize", "setbufsize"], "settings"
    ),
    **dict.fromkeys(["get_printoptions", "set_printoptions", "printoptions"], "settings"),
    "ufunc": "a class of functions",
    "flatiter": "a class without a constructor",
    # classes of array and of scalar that are made by other functions
    **dict.fromkeys(
        ["ndarray", "recarray", "record", "void", "flexible", "generic", "character", "str_", "bytes_", "object_"],
        "a type",
    ),
    **dict.fromkeys(
        ["number", "inexact", "floating", "complexfloating", "integer", "signedinteger", "unsignedinteger"], "a type"
    ),
    **dict.fromkeys(["datetime64", "timedelta64"], "dates"),
}
"""Not a function of numbers: no value can carry a gradient in or out."""

REFUSED = {
    # NumPy hands these over: the error says why
    "save": "np.save('x.npy', x)",
    "savez": "np.savez('x.npz', x)",
    "savez_compressed": "np.savez_compressed('x.npz', x)",
    "savetxt": "np.savetxt('x.txt', x)",
    "busday_count": "np.busday_count(x, '2026-11-23')",
    "busday_offset": "np.busday_offset(x, 1)",
    "is_busday": "np.is_busday(x)",
    "datetime_as_string": "np.datetime_as_string(x)",
    "isnat": "np.isnat(x)",
    # these it does not: the error names the user's line
    "array": "np.array([s, s])",
    "asarray": "np.asarray(x)",
    "asanyarray": "np.asanyarray([x, x])",
    "ascontiguousarray": "np.ascontiguousarray(x)",
    "asfortranarray": "np.asfortranarray(x)",
    "asarray_chkfinite": "np.asarray_chkfinite(x)",
    "require": "np.require(x, float, 'C')",
    "matrix": "np.matrix(x)",
    "asmatrix": "np.asmatrix(x)",
    "bmat": "np.bmat([[x, x]])",
    "vectorize": "np.vectorize(lambda t: t * 2)(x)",
    "frompyfunc": "np.frompyfunc(lambda t: t * 2, 1, 1)(x)",
    "fromiter": "np.fromiter(v, float)",
    "arange": "np.arange(s)",
    "full": "np.full(3, s)",
    "kaiser": "np.kaiser(5, s)",
    "nditer": "np.nditer(x)",
    "nested_iters": "np.nested_iters(x, [[0], [1]])",
    "ndenumerate": "next(np.ndenumerate(x))",
    "broadcast": "np.broadcast(x, x)",
    "r_": "np.r_[x, x]",
    "c_": "np.c_[x, x]",
    **{
        name: f"np.{name}(x)"
        for name in [
            "bool",
            "bool_",
            "int8",
            "int16",
            "int32",
            "int64",
            "int_",
            "intc",
            "intp",
            "byte",
            "short",
            "long",
            "longlong",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "uint",
            "uintc",
            "uintp",
            "ubyte",
            "ushort",
            "ulong",
            "ulonglong",
            "float16",
            "float32",
            "float64",
            "half",
            "single",
            "double",
            "longdouble",
            "complex64",
            "complex128",
            "csingle",
            "cdouble",
            "clongdouble",
            "float128",
            "complex256",
        ]
    },
}
"""An error that says what to use instead."""

METHODS_NOT_NUMBERS = {
    **dict.fromkeys(["shape", "ndim", "size", "itemsize", "nbytes", "dtype", "__len__"], "shape or kind"),
    **dict.fromkeys(["device", "__class_getitem__", "__dir__", "__sizeof__", "__hash__", "__class__"], "of the object"),
    **dict.fromkeys(["__repr__", "__str__", "__format__"], "text"),
    **dict.fromkeys(
        ["__getattribute__", "__setattr__", "__delattr__", "__new__", "__init__", "__init_subclass__"], "Python's own"
    ),
    **dict.fromkeys(["__subclasshook__", "__doc__", "__getstate__", "__reduce__", "__reduce_ex__"], "Python's own"),
    "__deepcopy__": "a copy; of a value on the tape an error",
    **dict.fromkeys(["__bool__", "__index__"], "the value decides: a branch, a place"),
    **dict.fromkeys(
        ["__array_ufunc__", "__array_function__", "__array_priority__", "__array_finalize__"], "a protocol"
    ),
}

METHODS_CONSTANT = {
    "__eq__": ["x == y"],
    "__ne__": ["x != y"],
    "__lt__": ["x < y"],
    "__le__": ["x <= y"],
    "__gt__": ["x > y"],
    "__ge__": ["x >= y"],
    "__invert__": ["~(x > 0)"],
    "__and__": ["(x > 0) & mask"],
    "__rand__": ["mask & (x > 0)"],
    "__iand__": ["(x > 0).__iand__(mask)"],
    "__or__": ["(x > 0) | mask"],
    "__ror__": ["mask | (x > 0)"],
    "__ior__": ["(x > 0).__ior__(mask)"],
    "__xor__": ["(x > 0) ^ mask"],
    "__rxor__": ["mask ^ (x > 0)"],
    "__ixor__": ["(x > 0).__ixor__(mask)"],
    "__lshift__": ["(9 * x).astype(int) << 1"],
    "__rlshift__": ["1 << (3 * W).astype(int)"],
    "__ilshift__": ["(9 * x).astype(int).__ilshift__(1)"],
    "__rshift__": ["(9 * x).astype(int) >> 1"],
    "__rrshift__": ["99 >> (3 * W).astype(int)"],
    "__irshift__": ["(9 * x).astype(int).__irshift__(1)"],
    "__floordiv__": ["x // 0.3"],
    "__rfloordiv__": ["5 // W"],
}

METHODS_REFUSED = {
    **{name: f"x.{name}" for name in ["base", "ctypes", "data", "flags", "strides"]},
    **{name: f"x.{name}" for name in ["__array_interface__", "__array_struct__", "__dlpack__", "__dlpack_device__"]},
    **{name: f"x.{name}" for name in ["__array_wrap__", "__setstate__"]},
    **{
        name: f"x.{name}()"
        for name in ["byteswap", "dumps", "tobytes", "item", "__float__", "__int__", "__complex__", "__array__"]
    },
    "dump": "x.dump('x.pkl')",
    "tofile": "x.tofile('x.bin')",
    "getfield": "x.getfield(np.int32)",
    "setfield": "x.setfield(1, np.int32)",
    "setflags": "x.setflags(write=False)",
    "resize": "x.resize(2, 2)",
    "view": "x.view(np.int64)",
    "__delitem__": "x.__delitem__",
}

"""Operations that choose: `where` selects and never multiplies, so an infinite slope not taken does no harm."""

import numpy as np

from ..core.primitive import Aval, Primitive, register
from ..core.slots import Link, stretched
from ..core.trace import UFUNCS, aval_of, bind
from ..core.zeros import Supported, cast, fit
from .families import aligned, keeps, spread, stretched_index


def where_aval(c, a, b):
    shape = np.broadcast_shapes(c.shape, a.shape, b.shape)
    dtypes = [v.dtype if isinstance(v.dtype, np.dtype) else v.dtype(1) for v in (a, b)]
    return Aval(shape, np.result_type(*dtypes))


def where_jvp(tangents, y, c, a, b):
    _, ta, tb = tangents
    if ta is None and tb is None:
        return None
    zero = np.zeros((), y.dtype)
    return spread(np.where(c, zero if ta is None else ta, zero if tb is None else tb), y)


def where_vjp(wanted, ct, y, c, a, b):
    zero = np.zeros((), ct.dtype)
    return (
        None,
        selected(np.where(c, ct, zero), c, a) if wanted[1] else None,
        selected(np.where(c, zero, ct), np.logical_not(c), b) if wanted[2] else None,
    )


def selected(ct, chosen, x):
    """The cotangent of `x`, which knows where `x` was chosen."""
    if not x.shape and ct.shape:  # chosen somewhere, or of no effect
        return fit(ct, x)
    chosen = chosen if aval_of(chosen).dtype == bool else np.not_equal(chosen, 0)
    return Supported(ct, chosen if np.shape(chosen) == ct.shape else np.broadcast_to(chosen, ct.shape)).fit(x)


def where_slots(wanted, y, c, a, b):
    def link(x, chosen):
        return (Link(stretched(x.shape, y.shape), chosen, selects=True),)

    return (
        (),
        link(a, lambda: np.not_equal(c, 0)) if wanted[1] else (),
        link(b, lambda: np.equal(c, 0)) if wanted[2] else (),
    )


def where_element(body, i, c, a, b):
    dtype = where_aval(c.aval, a.aval, b.aval).dtype
    condition, x, y = (v(stretched_index(i, v.shape)) for v in (c, a, b))
    return body.where(body.cast(condition, bool), body.cast(x, dtype), body.cast(y, dtype))


where = register(
    Primitive(
        "where",
        impl=np.where,
        aval=where_aval,
        jvp=where_jvp,
        vjp=where_vjp,
        saves=keeps((), (0,), (0,)),
        batch=lambda is_batched, *x: bind(where, *aligned(is_batched, x)),
        element=where_element,
        slots=where_slots,
        zeros="stay",
    )
)


# ---- real and imaginary parts, |z|: the operations on complex numbers that are not holomorphic ---------------


def complex_parts(name, impl, jvp, vjp, saves, real=True):
    """An elementwise operation of one input whose rules are not a multiplication by one partial derivative.

    real: whether it has a slope in real numbers.
    """

    def element(body, i, x):
        return body.apply(name, [x(i)], [x.dtype], aval(x).dtype)

    def aval(x):
        return Aval(x.shape, np.asarray(impl(np.ones((), x.dtype))).dtype)

    def batch(is_batched, x):
        return bind(primitive, x)

    def slots_of(wanted, y, x):
        return ((Link(push=lambda coef: jvp((coef,), y, x)),) if real or x.dtype.kind == "c" else (),)

    rules = impl, aval, jvp, vjp, saves, batch, slots_of
    primitive = register(Primitive(name, *rules, element=element, zeros="stay"))
    return primitive


real = complex_parts(
    "real",
    impl=lambda x: np.real(x),
    jvp=lambda tangents, y, x: np.real(tangents[0]),
    vjp=lambda wanted, ct, y, x: (ct.astype(x.dtype),),
    saves=keeps(()),
)
imag = complex_parts(
    "imag",
    impl=lambda x: np.imag(x),
    jvp=lambda tangents, y, x: np.imag(tangents[0]),
    vjp=lambda wanted, ct, y, x: (ct * 1j if x.dtype.kind == "c" else None,),
    saves=keeps(()),
    real=False,
)
conjugate = complex_parts(
    "conjugate",
    impl=np.conjugate,
    jvp=lambda tangents, y, x: np.conjugate(tangents[0]),
    vjp=lambda wanted, ct, y, x: (np.conjugate(ct),),
    saves=keeps(()),
)


def phase(x, y):
    """x / |x|, and 0 at 0: the sign, as a function of x that can be differentiated again."""
    if aval_of(x).dtype.kind != "c":
        return np.sign(x)
    zero = y == 0
    return np.where(zero, 0.0, x / np.where(zero, 1.0, y))


def absolute_jvp(tangents, y, x):
    return np.real(np.conjugate(phase(x, y)) * tangents[0])


absolute = complex_parts(
    "absolute",
    impl=np.absolute,
    jvp=absolute_jvp,
    vjp=lambda wanted, ct, y, x: (ct * phase(x, y),),
    saves=keeps((0, "y")),
)


def sign_jvp(tangents, y, x):
    """For complex x: the part of t across x, over |x|; zero for real x."""
    if aval_of(x).dtype.kind != "c":
        return None
    size = np.abs(x)
    inverse = np.where(size == 0, 0.0, 1 / np.where(size == 0, 1.0, size))
    return (tangents[0] - y * np.real(np.conjugate(y) * tangents[0])) * inverse


def sign_vjp(wanted, ct, y, x):
    return (sign_jvp((ct,), y, x),)  # the projection across x is its own adjoint


sign = complex_parts("sign", np.sign, sign_jvp, sign_vjp, keeps((0, "y")), real=False)


def angle_of(x):
    return np.angle(x)


def across(x):
    """i x / |x|^2, and 0 at 0: the gradient of the angle."""
    r2 = np.real(x) ** 2 + np.imag(x) ** 2
    return 1j * x * np.where(r2 == 0, 0.0, 1 / np.where(r2 == 0, 1.0, r2))


angle = complex_parts(
    "angle",
    impl=angle_of,
    jvp=lambda tangents, y, x: np.real(np.conjugate(across(x)) * tangents[0]),
    vjp=lambda wanted, ct, y, x: (cast(ct * across(x), x.dtype),),
    saves=keeps((0,)),
    real=False,
)

UFUNCS.update({np.conjugate: conjugate, np.absolute: absolute, np.sign: sign})

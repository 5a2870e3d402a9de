"""Integrals of functions, from a to b, and their derivatives in the limits and in what else the function is given.

By Leibniz, d of the integral of f(x, w) is f(b, w) db - f(a, w) da, and the integral of (df/dw) dw. That one is found
as the first one is, with the same tolerances, which are relative to the size of the tangent or cotangent.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

from ...core import slots
from ...core.primitive import Aval, Primitive, keeps_args, register
from ...core.trace import bind, is_traced
from ...ops.families import add_up, adjoint, fit
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import plain, refuse
from ...transforms.forward import jvp
from ...transforms.reverse import vjp
from ..namespace import instead_of, plainly, untraced
from .functions import Parameters, largest, like, real_vector, replaced

# ---- rules: what differs between quad and quad_vec -------------------------------------------------------------------


class Rule:
    """How to integrate: `rule(f, a, b, aval)` gives the integral, of this shape and dtype, and an estimated error."""

    name = ""

    def __init__(self, options: dict[str, Any]):
        self.options = options
        self.report: list[Any] = []  # what else SciPy said about the last integral

    def __call__(self, f: Callable[..., Any], a: Any, b: Any, aval: Aval) -> tuple[Any, Any]:
        raise NotImplementedError

    def weight(self, x: Any) -> Any:
        """What the integrand is multiplied by."""
        return 1.0

    def of_derivatives(self) -> "Rule":
        return type(self)({k: v for k, v in self.options.items() if k != "full_output"})

    def __repr__(self) -> str:
        return self.name


class Quad(Rule):
    """scipy.integrate.quad, of each element of what the function gives."""

    name = "quad"

    def __call__(self, f, a, b, aval):
        if not aval.shape:
            return self.one(lambda x: number(f(x)), a, b, aval.dtype.kind == "c")
        seen: dict[float, Any] = {}  # most places are the same for all elements

        def element(x, at):
            if x not in seen:
                seen[x] = f(x)
            return seen[x][at]

        found = [self.one(lambda x, i=i: element(x, i), a, b, aval.dtype.kind == "c") for i in np.ndindex(aval.shape)]
        values, errors = (np.array(part) for part in zip(*found, strict=True))
        return values.reshape(aval.shape).astype(aval.dtype), np.max(errors)

    def one(self, f, a, b, complex_func):
        y, error, *self.report = scipy.integrate.quad(f, a, b, complex_func=complex_func, **self.options)
        return y, error

    def weight(self, x):
        weight, wvar = self.options.get("weight"), self.options.get("wvar")
        if weight is None:
            return 1.0
        if weight == "cauchy":
            return 1 / (x - wvar)
        if weight in ("cos", "sin"):
            return np.cos(wvar * x) if weight == "cos" else np.sin(wvar * x)
        raise refuse("scipy.integrate.quad", f"no derivative in the limits, for weight={weight!r} is singular there")


class QuadVec(Rule):
    """scipy.integrate.quad_vec."""

    name = "quad_vec"

    def __call__(self, f, a, b, aval):
        y, error, *self.report = scipy.integrate.quad_vec(f, a, b, **self.options)
        return y, error


def number(x):
    """A function value as SciPy takes it: an array of one element is a number."""
    return x.reshape(()) if np.size(x) == 1 else x


# ---- the operation: limits a, b and parameters w -> the integral, its error ------------------------------------------


def integral_impl(a, b, *w, f, rule, aval):
    """The integral of f(x, *w) dx."""
    what = f"integrate.{rule.name}"
    y, error = rule(lambda x: untraced(f(x, *w), what), a, b, aval)
    return np.asarray(y, aval.dtype)[()], np.asarray(error)[()]


def at_limit(f, rule, x, other, w):
    """The weighted integrand at the limit x, and 0 at an infinite one: moving that changes nothing."""
    inside = finite(x, other)
    return np.where(np.isfinite(x), f(inside, *w) * rule.weight(inside), 0.0)


def finite(x, other):
    """The limit x, or another place if it is infinite."""
    return np.where(np.isfinite(x), x, np.where(np.isfinite(other), other, 0.0))


def integral_jvp(tangents, ys, a, b, *w, f, rule, aval):
    da, db, *dw = tangents
    on = [i for i, d in enumerate(dw) if d is not None]
    terms = [
        None if db is None else at_limit(f, rule, b, a, w) * db,
        None if da is None else at_limit(f, rule, a, b, w) * -da,
    ]
    if on:
        size = largest(*dw)

        def along(x, *arrays):
            w, dw = arrays[: len(arrays) - len(on)], arrays[len(arrays) - len(on) :]
            return jvp(lambda *some: f(x, *replaced(w, on, some)), [w[i] for i in on], dw)[1]

        arrays = (*w, *(dw[i] / size for i in on))
        terms.append(size * bind(integral, a, b, *arrays, f=along, rule=rule.of_derivatives(), aval=aval)[0])
    return add_up(terms), None


def integral_vjp(wanted, cts, ys, a, b, *w, f, rule, aval):
    ct, _ = cts
    ct_w: list[Any] = [None] * len(w)
    if ct is None:
        return None, None, *ct_w
    ct_a = np.sum(-ct * adjoint(at_limit(f, rule, a, b, w))) if wanted[0] else None
    ct_b = np.sum(ct * adjoint(at_limit(f, rule, b, a, w))) if wanted[1] else None
    on = [i for i, wants in enumerate(wanted[2:]) if wants]
    if on:
        size = largest(ct)

        def pulled(x, ct, *w):
            _, pullback = vjp(lambda *some: f(x, *replaced(w, on, some)), *(w[i] for i in on))
            return np.concatenate([real_vector(c) for c in pullback(ct)])

        ends = np.cumsum([0, *(len(real_vector(w[i])) for i in on)])
        whole = Aval((int(ends[-1]),), np.dtype(float))
        g = size * bind(integral, a, b, ct / size, *w, f=pulled, rule=rule.of_derivatives(), aval=whole)[0]
        for k, i in enumerate(on):
            ct_w[i] = like(w[i], g[ends[k] : ends[k + 1]])
    return None if ct_a is None else fit(ct_a, a), None if ct_b is None else fit(ct_b, b), *ct_w


def integral_batch(is_batched, *x, **params):
    """Each example is an integral of its own."""
    count = next(np.shape(v)[0] for v, on in zip(x, is_batched, strict=True) if on)
    rows = [[v[k] if on else v for v, on in zip(x, is_batched, strict=True)] for k in range(count)]
    values, errors = zip(*(bind(integral, *row, **params) for row in rows), strict=True)
    return np.stack(values), np.stack(errors)


def integral_slots(wanted, y, *x, **params):
    """The value depends on everything; the estimate of its error is a constant."""
    return slots.everything(wanted, y[0], *x), ((),) * len(x)


integral = register(
    Primitive(
        "scipy.integrate.quad",
        impl=integral_impl,
        aval=lambda *avals, f, rule, aval: (aval, Aval((), aval.dtype if rule.name == "quad" else np.dtype(float))),
        jvp=integral_jvp,
        vjp=integral_vjp,
        saves=keeps_args,
        batch=integral_batch,
        slots=integral_slots,
        multi=True,
    )
)

# ---- the functions ---------------------------------------------------------------------------------------------------


def limit(x: Any, what: str) -> Any:
    x = nested(x)
    if x.shape:
        raise ValueError(f"{what}: a limit of integration must be a number; one of shape {x.shape} was given")
    return x.astype(float)


def of_arrays(function: Callable[..., Any], parameters: Parameters) -> Callable[..., Any]:
    return lambda x, *w: nested(function(x, *parameters.args(w)))


@instead_of(plainly(scipy.integrate.quad, "integrate.quad"))
def quad(
    func, a, b, args=(), full_output=0, epsabs=1.49e-8, epsrel=1.49e-8, limit=50, points=None, weight=None, wvar=None,
    wopts=None, maxp1=50, limlst=50, complex_func=False,
):  # fmt: skip
    """The integral of func(x, *args) from a to b, and an estimate of its error, which is a constant.

    Differentiable in the limits and in args, which may hold arrays, numbers, and trees of them; in both modes and to
    any order. What func uses of traced values must be in args. The derivative in args is the integral of the
    derivative, found by quad with the same options: func must be smooth enough in args for that, and of the places in
    `points` the integral must not depend. In reverse mode each number in args takes an integral; there are few of
    them, or :func:`quad_vec` is what one wants. There is no derivative in wvar.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import quad
    >>> cr.grad(lambda k: quad(lambda x, k: np.exp(-k * x), 0, np.inf, args=(k,))[0])(2.0)  # of 1/k
    np.float64(-0.25)
    """
    what = "scipy.integrate.quad"
    if is_traced((wvar, wopts)):
        raise refuse(what, "no derivative in wvar: write the weight into the function")
    if not callable(func):
        raise refuse(what, "no derivative of a LowLevelCallable: pass a Python function")
    given = {"epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points, "maxp1": maxp1, "limlst": limlst}
    options = {k: plain(v, f"{what}: {k}") for k, v in given.items()}
    rule = Quad({**options, "weight": weight, "wvar": wvar, "wopts": wopts, "full_output": full_output})
    return _integral(rule, func, a, b, args, Aval((), np.dtype(complex if complex_func else float)), what)


def _integral(rule, func, a, b, args, aval, what):
    parameters = Parameters(args if isinstance(args, tuple) else (args,))
    f = of_arrays(func, parameters)
    a, b = limit(a, what), limit(b, what)
    if aval is None:  # that of the function
        with np.errstate(all="ignore"):
            value = f((finite(a, b) + finite(b, a)) / 2, *parameters.arrays)
        aval = Aval(value.shape, np.result_type(value.dtype, float))
    y, error = bind(integral, a, b, *parameters.arrays, f=f, rule=rule, aval=aval)
    return (y, error, *rule.report)


@instead_of(plainly(scipy.integrate.quad_vec, "integrate.quad_vec"))
def quad_vec(
    f, a, b, epsabs=1e-200, epsrel=1e-8, norm="2", cache_size=100e6, limit=10000, workers=1, points=None,
    quadrature=None, full_output=False, *, args=(),
):  # fmt: skip
    """The integral of an array-valued function f(x, *args) from a to b, and an estimate of its error.

    Differentiable as :func:`quad` is; a derivative is one integral of an array-valued function.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import quad_vec
    >>> k = np.array([1.0, 2.0])
    >>> cr.jacobian(lambda k: quad_vec(lambda x, k: np.exp(k * x), 0.0, 1.0, args=(k,))[0])(k)
    array([[1.        , 0.        ],
           [0.        , 2.09726402]])
    """
    what = "scipy.integrate.quad_vec"
    given = {"epsabs": epsabs, "epsrel": epsrel, "points": points}
    options = {k: plain(v, f"{what}: {k}") for k, v in given.items()}
    others = {"norm": norm, "cache_size": cache_size, "limit": limit, "workers": workers, "quadrature": quadrature}
    return _integral(QuadVec({**options, **others, "full_output": full_output}), f, a, b, args, None, what)


def _nested(func, ranges, args, options, full_output=False):
    """The integral over several variables, the first of them innermost.

    ranges: for each variable `(limits, fixed)`, where `limits(fixed, *outer variables, *args)` is (low, high) and
    `fixed` a tree of numbers; options: for each a function of the outer variables and args.
    """
    errors, calls = [], []

    def over(i):
        """The integral over the variable i and those before it, as a function of the others, args and all `fixed`."""

        def inner(x, *rest):
            return over(i - 1)(x, *rest)[0] if i else func(x, *rest[:-2], *rest[-2])

        def value(*rest):
            *outer, args, fixed = rest
            low, high = ranges[i][0](fixed[i], *outer, *args)
            chosen = dict(options[i](*outer, *args))
            if "points" in chosen:
                chosen["points"] = [x for x in chosen["points"] if low <= x <= high]
            y, error, *report = quad(inner, low, high, args=rest, full_output=full_output, **chosen)
            if not is_traced((rest, low, high)):
                errors.append(error)
                if full_output and i == 0:
                    calls.append(report[0]["neval"])
            return y, error

        return value

    y, error = over(len(ranges) - 1)(tuple(args), [fixed for _, fixed in ranges])
    found = (y, np.maximum(error, max(errors, default=0.0)))
    return (*found, {"neval": sum(calls)}) if full_output else found


def _range(ends, arguments=lambda *outer: outer):
    """A range whose two ends are numbers, or functions of what `arguments` makes of the outer variables."""

    def limits(fixed, *rest):
        return [end(*arguments(*rest)) if callable(end) else x for end, x in zip(ends, fixed, strict=True)]

    return limits, [None if callable(end) else end for end in ends]


@instead_of(plainly(scipy.integrate.nquad, "integrate.nquad"))
def nquad(func, ranges, args=None, opts=None, full_output=False):
    """The integral over several variables, by :func:`quad` in each.

    Differentiable in args and in the numbers in `ranges`. What the functions use of traced values must be in args,
    which those in `ranges` are given, too.
    """
    ranges = [(lambda fixed, *rest, r=r: r(*rest), None) if callable(r) else _range(r) for r in ranges]
    opts = [opts or {}] * len(ranges) if opts is None or isinstance(opts, dict) else opts
    options = [opt if callable(opt) else lambda *rest, opt=opt: opt for opt in opts]
    return _nested(func, ranges, args or (), options, full_output)


@instead_of(plainly(scipy.integrate.dblquad, "integrate.dblquad"))
def dblquad(func, a, b, gfun, hfun, args=(), epsabs=1.49e-8, epsrel=1.49e-8):
    """The integral of func(y, x, *args), for x from a to b and y from gfun(x) to hfun(x).

    Differentiable in a, b, args, and in gfun and hfun that are numbers. To functions for the limits args are not
    given, so they can use no traced value: see :func:`nquad`.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import dblquad
    >>> cr.grad(lambda k: dblquad(lambda y, x, k: k**2 * x * y, 0, 1, 0, lambda x: x, args=(k,))[0])(3.0)
    np.float64(0.75)
    """
    ranges = [_range((gfun, hfun), lambda x, *args: (x,)), _range((a, b))]
    return _nested(func, ranges, args, [lambda *rest: {"epsabs": epsabs, "epsrel": epsrel}] * 2)


@instead_of(plainly(scipy.integrate.tplquad, "integrate.tplquad"))
def tplquad(func, a, b, gfun, hfun, qfun, rfun, args=(), epsabs=1.49e-8, epsrel=1.49e-8):
    """The integral of func(z, y, x, *args); z goes from qfun(x, y) to rfun(x, y), y from gfun(x) to hfun(x).

    Differentiable as :func:`dblquad` is.
    """
    ranges = [
        _range((qfun, rfun), lambda y, x, *args: (x, y)),
        _range((gfun, hfun), lambda x, *args: (x,)),
        _range((a, b)),
    ]
    return _nested(func, ranges, args, [lambda *rest: {"epsabs": epsabs, "epsrel": epsrel}] * 3)

"""Initial value problems y' = f(y, t, w), y(t[0]) = y0, and the derivatives of each y(t[i]) in y0, t and w.

In forward mode the tangent s(t) of the solution solves the variational equations s' = (df/dy) s + (df/dw) dw, beside
y. In reverse mode the adjoint a(t) solves a' = -(df/dy)^T a backwards, and jumps by the cotangent of y(t[i]) where it
comes to t[i]; the cotangent of w is the integral of (df/dw)^T a (Pontryagin et al. 1962; Chen et al. 2018, Neural
ordinary differential equations, appendices B and C). Both are initial value problems of functions that are written
with jvp and vjp, so the same solver solves them, and their solutions have derivatives again.

The adjoint needs y(t) on its way back. For a first derivative that is the interpolant of a second solution forwards
(Hindmarsh and Serban 2005, CVODES, section 2.7), which is stable wherever the problem is. Where the derivative shall
have derivatives itself, y is solved for again, backwards from each t[i] to the one before.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

from ...core import slots
from ...core.primitive import Aval, Kept, Primitive, register
from ...core.trace import Tracer, bind, is_traced
from ...ops.families import add_up
from ...ops.signatures.creation import nested
from ...ops.signatures.tools import plain, refuse
from ...transforms.forward import jvp
from ...transforms.reverse import vjp
from ..namespace import instead_of, plainly, standing_for, untraced
from .discrete import replayed
from .functions import Parameters, largest, like, real_vector, replaced
from .stiff import exact, of_function, takes_jacobian

# ---- solvers: what differs between odeint and solve_ivp --------------------------------------------------------------


class Solver:
    """How to solve an initial value problem: `solver(f, y0, t, jac)` gives y at each t, one a row."""

    name = ""
    inherited: tuple[str, ...] = ()
    """Options that hold for the derivatives, too"""

    def __init__(self, options: dict[str, Any], jac: Callable[..., Any] | None = None):
        self.options, self.jac = options, jac
        self.report: Any = None  # what SciPy said about the last problem

    def __call__(self, f: Callable[..., Any], y0: Any, t: Any, jac: Callable[..., Any] | None) -> np.ndarray:
        raise NotImplementedError

    def interpolant(self, f: Callable[..., Any], y0: Any, t: Any, jac: Callable[..., Any] | None) -> Any:
        """The solution as a function of the time."""
        raise NotImplementedError

    def of_derivatives(self, n: int, size: int, direction: int = 1, copies: int = 2) -> "Solver":
        """For a system of `size` equations: `copies` times as many as the n of the problem, and others.

        With direction -1 it runs backwards, in the time -t.
        """
        options = {k: self.options[k] for k in self.inherited if k in self.options}
        for k in ("rtol", "atol"):
            if np.ndim(options.get(k, 0)):
                options[k] = np.concatenate([options[k]] * copies + [np.full(size - copies * n, np.min(options[k]))])
        return type(self)(options)

    def __repr__(self) -> str:
        return self.name


class Odeint(Solver):
    """scipy.integrate.odeint."""

    name = "odeint"
    inherited = ("rtol", "atol", "tcrit", "hmax", "hmin", "mxstep", "mxordn", "mxords")

    def __call__(self, f, y0, t, jac):
        options = dict(self.options)
        critical = options.pop("tcrit", None)
        if critical is not None and np.any(critical > t[0]):  # LSODA takes none that lies behind
            options["tcrit"] = critical[critical > t[0]]
        y, self.report = scipy.integrate.odeint(f, y0, t, Dfun=jac, full_output=True, **options)
        return y

    def interpolant(self, f, y0, t, jac):
        tolerances = {k: self.options.get(k, ODEINT_TOLERANCE) for k in ("rtol", "atol")}
        return SolveIvp({"method": "LSODA", **tolerances}).interpolant(f, y0, t, None)

    def of_derivatives(self, n, size, direction=1, copies=2):
        solver = super().of_derivatives(n, size, direction, copies)
        if "tcrit" in solver.options:
            solver.options["tcrit"] = np.sort(direction * solver.options["tcrit"])
        return solver


class SolveIvp(Solver):
    """scipy.integrate.solve_ivp."""

    name = "solve_ivp"
    inherited = ("method", "rtol", "atol", "max_step", "min_step")

    def __call__(self, f, y0, t, jac):
        if self.options.get("end", t[-1]) == t[0]:
            return np.stack([y0] * len(t))
        return np.vstack([y0, self.solved(f, y0, t[0], t[-1], jac, t[1:]).y.T])

    def solved(self, f, y0, start, end, jac, t_eval):
        options = {"end": end, **self.options}
        span = (start, options.pop("end"))
        if jac is not None:
            options["jac"] = lambda t, y: jac(y, t)
        elif takes_jacobian(options):
            options |= exact(f, y0, start, options)
        self.report = scipy.integrate.solve_ivp(lambda t, y: f(y, t), span, y0, t_eval=t_eval, **options)
        if self.report.status:
            raise RuntimeError(f"scipy.integrate.solve_ivp: it came to t = {self.report.t[-1:]}: {self.report.message}")
        return self.report

    def interpolant(self, f, y0, t, jac):
        solver = SolveIvp({**self.options, "end": t[-1], "dense_output": True})
        return solver.solved(f, y0, t[0], t[-1], jac, t[-1:]).sol

    def steps(self, f, y0, start, jac):
        """The times that the method chooses."""
        return self.solved(f, y0, start, None, jac, None).t


ODEINT_TOLERANCE = 1.49012e-8

# ---- the operation: y0 (n,), t (k,), parameters w -> y (k, n) --------------------------------------------------------


def solution(y0, t, *w, system, solver):
    """The solution for dy/dt = system(y, t, *w)."""
    return solver(untraced_by(system, w, solver), y0, t, untraced_by(solver.jac, w, solver))


def untraced_by(function, w, solver):
    """A function of y, t and w, as the one of y and t that SciPy calls, or a transform of ours that asks for more."""

    def of_plain(y, t):
        found = function(y, t, *w)
        return found if isinstance(y, Tracer) else untraced(found, f"integrate.{solver.name}")

    return function and of_plain


def rates(y, t, w, system):
    """dy/dt at each of the times."""
    return np.stack([system(y[i], t[i], *w) for i in range(t.shape[0])])


def solution_jvp(tangents, y, y0, t, *w, system, solver):
    dy0, dt, *dw = tangents
    n, on = y0.shape[0], [i for i, d in enumerate(dw) if d is not None]
    size = largest(*tangents)
    moved = None if dt is None else rates(y, t, w, system) * (dt / size)[:, None]
    start = add_up((None if dy0 is None else dy0 / size, None if moved is None else -moved[0]))

    def variational(z, t, *arrays):
        w, dw = arrays[: len(arrays) - len(on)], arrays[len(arrays) - len(on) :]
        primals, tangents = [z[:n], *(w[i] for i in on)], [z[n:], *dw]
        return np.concatenate(jvp(lambda y, *some: system(y, t, *replaced(w, on, some)), primals, tangents))

    z0 = np.concatenate([y0, np.zeros(n) if start is None else start])
    arrays = (*w, *(dw[i] / size for i in on))
    z = bind(ode, z0, t, *arrays, system=variational, solver=solver.of_derivatives(n, 2 * n))
    return size * add_up((z[:, n:], moved))


def adjoint_at_start(ct, y, t, w, on, system, solver):
    """The adjoint at t[0] and the integrals for the parameters `on`, with y(t) from an interpolant; all is plain."""
    n, counts = y.shape[1], [len(real_vector(w[i])) for i in on]
    back = solver.of_derivatives(n, n + sum(counts), -1, copies=1)
    if t[0] == t[-1]:
        return np.sum(ct, axis=0), np.zeros(sum(counts))
    y_at = solver.interpolant(untraced_by(system, w, solver), y[0], t, untraced_by(solver.jac, w, solver))

    def adjoint(z, minus_t):
        f = lambda y, *some: system(y, -minus_t, *replaced(w, on, some))  # noqa: E731
        ct_y, *ct_w = vjp(f, y_at(-minus_t), *(w[i] for i in on))[1](z[:n])
        return np.concatenate([ct_y, *map(real_vector, ct_w)])

    z = np.concatenate([ct[-1], np.zeros(sum(counts))])
    for i in range(len(t) - 1, 0, -1):
        if t[i] != t[i - 1]:
            z = back(adjoint, z, -t[i - 1 : i + 1][::-1], None)[1]
        z[:n] += ct[i - 1]
    return z[:n], z[n:]


def adjoint_of_traced(ct, y, t, w, on, system, solver):
    """The same where derivatives of the result are wanted: y is solved for again, beside the adjoint."""
    n, counts = y.shape[1], [len(real_vector(w[i])) for i in on]
    back = solver.of_derivatives(n, 2 * n + sum(counts), -1)

    def adjoint(z, minus_t, *w):
        """The problem with its adjoint and the integrals, in the time -t."""
        f = lambda y, *some: system(y, -minus_t, *replaced(w, on, some))  # noqa: E731
        rate, pullback = vjp(f, z[:n], *(w[i] for i in on))
        ct_y, *ct_w = pullback(z[n : 2 * n])
        return np.concatenate([-rate, ct_y, *map(real_vector, ct_w)])

    a, integrals = ct[-1], np.zeros(sum(counts))
    for i in range(t.shape[0] - 1, 0, -1):
        z = bind(ode, np.concatenate([y[i], a, integrals]), -t[i - 1 : i + 1][::-1], *w, system=adjoint, solver=back)[1]
        a, integrals = z[n : 2 * n] + ct[i - 1], z[2 * n :]
    return a, integrals


def solution_vjp(wanted, ct, y, y0, t, *w, system, solver):
    on = [i for i, wants in enumerate(wanted[2:]) if wants]
    counts = [len(real_vector(w[i])) for i in on]
    size = largest(ct)
    ct = ct / size
    solved = adjoint_of_traced if is_traced((ct, y, t, w)) else adjoint_at_start
    a, integrals = solved(ct, y, t, w, on, system, solver)

    ct_t = None
    if wanted[1]:
        moved = rates(y, t, w, system)
        ct_t = np.sum(moved * ct, axis=1)
        ct_t = size * np.concatenate([ct_t[:1] - np.sum(moved[:1] * a, axis=1), ct_t[1:]])
    ends = np.cumsum([0, *counts])
    ct_w: list[Any] = [None] * len(w)
    for k, i in enumerate(on):
        ct_w[i] = like(w[i], size * integrals[ends[k] : ends[k + 1]])
    return size * a if wanted[0] else None, ct_t, *ct_w


def solution_batch(is_batched, *x, system, solver):
    """Each example is a problem of its own, with steps of its own."""
    count = next(np.shape(a)[0] for a, on in zip(x, is_batched, strict=True) if on)
    rows = [[a[k] if on else a for a, on in zip(x, is_batched, strict=True)] for k in range(count)]
    return np.stack([bind(ode, *row, system=system, solver=solver) for row in rows])


def solution_aval(y0, t, *w, system, solver):
    return Aval((*t.shape, *y0.shape), np.dtype(float))


def saves(wanted):
    return Kept((False,) + (True,) * (len(wanted) - 1), True)  # y0 is y[0]


ode = register(
    Primitive(
        "scipy.integrate.ode",
        impl=solution,
        aval=solution_aval,
        jvp=solution_jvp,
        vjp=solution_vjp,
        saves=saves,
        batch=solution_batch,
        slots=slots.everything,
    )
)

# ---- the functions ---------------------------------------------------------------------------------------------------


def initial(y0: Any, what: str) -> Any:
    """y0 as a vector in double precision."""
    y0 = np.atleast_1d(nested(y0))
    if y0.dtype.kind == "c":
        raise refuse(what, "no derivative of a complex initial value problem: solve for the real and imaginary parts")
    if y0.ndim != 1:
        raise ValueError(f"{what}: y0 must be one-dimensional; its shape is {y0.shape}")
    return y0.astype(float)


def of_arrays(function: Callable[..., Any], parameters: Parameters, time_first: bool) -> Callable[..., Any]:
    """A function of y, t and `args`, as f(y, t, *arrays)."""

    def f(y, t, *w):
        return np.atleast_1d(nested(function(*((t, y) if time_first else (y, t)), *parameters.args(w))))

    return f


@instead_of(plainly(scipy.integrate.odeint, "integrate.odeint"))
def odeint(
    func, y0, t, args=(), Dfun=None, col_deriv=0, full_output=0, ml=None, mu=None, rtol=None, atol=None, tcrit=None,
    h0=0.0, hmax=0.0, hmin=0.0, ixpr=0, mxstep=0, mxhnil=0, mxordn=12, mxords=5, printmessg=0, tfirst=False,
):  # fmt: skip
    """The solution of an initial value problem at each of the times `t`, by LSODA.

    Differentiable in y0, t and args, which may hold arrays, numbers, and trees of them; in both modes and to any order.
    What func uses of traced values must be in args.

    A derivative is the solution of another initial value problem, which LSODA solves with the same tolerances (1.5e-8
    where rtol and atol are not given): it has errors of that size, relative to the largest tangent or cotangent.
    Reverse mode solves for y once more, forwards, and for its adjoint backwards; forward mode is faster for a few
    parameters. Where a derivative of reverse mode is differentiated again, y is solved for backwards from each time to
    the one before: where that is unstable (y' = -1000 y), ask for more times, or take forward mode first.
    Dfun, ml, mu and h0 serve for the solution itself only. The infodict of full_output is a constant; under vmap it
    is that of the last example.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import odeint
    >>> def end(k):
    ...     return odeint(lambda y, t, k: -k * y, 1.0, [0.0, 2.0], args=(k,), rtol=1e-10, atol=1e-10)[-1, 0]
    >>> cr.grad(end)(0.5)  # -2 exp(-1)
    np.float64(-0.735758882)
    """
    what = "scipy.integrate.odeint"
    if not isinstance(args, tuple):
        raise TypeError(f"{what}: args must be a tuple; it is of type {type(args).__name__}")
    y0, t = initial(y0, what), nested(t)
    if t.ndim != 1:
        raise ValueError(f"{what}: t must be one-dimensional; its shape is {t.shape}")
    options = {
        **{"col_deriv": col_deriv, "ml": ml, "mu": mu, "rtol": rtol, "atol": atol, "tcrit": tcrit, "h0": h0},
        **{"hmax": hmax, "hmin": hmin, "ixpr": ixpr, "mxstep": mxstep, "mxhnil": mxhnil, "mxordn": mxordn},
        **{"mxords": mxords, "printmessg": printmessg},
    }
    options = {k: plain(v, f"{what}: {k}") for k, v in options.items() if v is not None}
    if "tcrit" in options:
        options["tcrit"] = np.atleast_1d(options["tcrit"])
    parameters = Parameters(args)
    solver = Odeint(options, None if Dfun is None else of_arrays(Dfun, parameters, tfirst))
    y = bind(ode, y0, t.astype(float), *parameters.arrays, system=of_arrays(func, parameters, tfirst), solver=solver)
    return (y, solver.report) if full_output else y


@standing_for(scipy.integrate.solve_ivp)
def solve_ivp(
    fun, t_span, y0, method="RK45", t_eval=None, dense_output=False, events=None, vectorized=False, args=None, **options
):
    """The solution of an initial value problem, by any of SciPy's methods.

    The implicit ones, "BDF", "Radau" and "LSODA", get the exact Jacobian where `jac` and `jac_sparsity` are not given:
    dense below 100 equations; above as the sparse matrix that BDF and Radau factorise (CSC), and for LSODA as a band
    where that is narrow.

    Of the result, `y` is differentiable in y0, t_span, t_eval and args, in both modes and to any order, as that of
    :func:`odeint` is: by the same method, with the same tolerances. Without t_eval the times are those that the method
    chooses; of these the first and the last depend on t_span, the others are constants. Events and the interpolant of
    dense_output have no derivative.

    With `adjoint="discrete"`, an option of ours, it is the derivative of the very numbers that "RK23", "RK45",
    "DOP853" or "Radau" give: the steps that SciPy has chosen are done again, cut where t_eval asks for a value, and
    differentiated.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.scipy.integrate import solve_ivp
    >>> def end(k):
    ...     return solve_ivp(lambda t, y, k: -k * y, (0, 2), [1.0], args=(k,), rtol=1e-10, atol=1e-10).y[0, -1]
    >>> cr.grad(end)(0.5)  # -2 exp(-1)
    np.float64(-0.735758882)
    """
    what = "scipy.integrate.solve_ivp"
    adjoint = options.pop("adjoint", "continuous")
    if adjoint not in ("continuous", "discrete"):
        raise ValueError(f'{what}: adjoint is "continuous" or "discrete"; got {adjoint!r}')
    if adjoint == "continuous" and not is_traced((t_span, y0, t_eval, args, options)):
        options["method"] = method
        if takes_jacobian(options):
            options |= exact(of_function(fun, args, vectorized), np.atleast_1d(y0), t_span[0], options)
        return plainly(scipy.integrate.solve_ivp, "integrate.solve_ivp")(
            fun, t_span, y0, t_eval=t_eval, dense_output=dense_output, events=events, vectorized=vectorized, args=args,
            **options,
        )  # fmt: skip
    if events is not None:
        raise refuse(what, "events= has no derivative: solve up to a given time, which may be traced")
    if dense_output:
        raise refuse(what, "dense_output= has no derivative: name the times that are needed in t_eval")
    y0 = initial(y0, what)
    start, end = (nested(x).astype(float) for x in t_span)
    parameters = Parameters(() if args is None else tuple(args))
    system = of_arrays(
        (lambda t, y, *more: np.ravel(fun(t, y[:, None], *more))) if vectorized else fun, parameters, True
    )
    jac = options.pop("jac", None)
    if jac is not None and not callable(jac):
        options["jac"], jac = jac, None
    options = {k: plain(v, f"{what}: {k}") for k, v in {**options, "method": method}.items()}
    options["end"] = plain(end, f"{what}: the end of t_span")
    solver = SolveIvp(options, None if jac is None else of_arrays(jac, parameters, True))
    steps = np.zeros(0)
    if t_eval is None or adjoint == "discrete":
        y0_, start_, *w = (plain(x, f"{what}: the times, without t_eval") for x in (y0, start, *parameters.arrays))
        steps = solver.steps(untraced_by(system, w, solver), y0_, start_, untraced_by(solver.jac, w, solver))
    t = None
    if t_eval is None:
        times = np.concatenate([start[None], steps[1:-1], end[None]])
    else:
        t = nested(t_eval).astype(float)
        if t.ndim != 1:
            raise ValueError("`t_eval` must be 1-dimensional.")
        times = np.concatenate([start[None], t])
    if adjoint == "discrete":
        y = replayed(system, y0, times, parameters.arrays, steps, method)
    else:
        y = bind(ode, y0, times, *parameters.arrays, system=system, solver=solver)
    t, y = (times, y) if t_eval is None else (t, y[1:])
    return type(solver.report)({**solver.report, "t": t, "y": np.swapaxes(y, 0, 1)})

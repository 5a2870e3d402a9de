"""Checks of derivatives against finite differences along random directions.

`chainrule.testing.check_rules` checks more, and needs no directions.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from .core import make_jvp, make_vjp, vspace
from .wrap_util import get_name, unary_to_nary

TOL = RTOL = EPS = 1e-6


def scalar_close(a: Any, b: Any) -> bool:
    """Whether two numbers are equal within TOL, or within RTOL of their sum."""
    return bool(abs(a - b) < TOL or abs(a - b) < RTOL * abs(a + b))


def make_numerical_jvp(f: Callable[..., Any], x: Any) -> Callable[..., Any]:
    """A function that takes a tangent of x, and returns that of f(x), by a central difference."""
    of_x, of_y = vspace(x), vspace(f(x))

    def jvp(v):
        after, before = (f(of_x.add(x, of_x.scalar_mul(v, step))) for step in (EPS / 2, -EPS / 2))
        return of_y.scalar_mul(of_y.add(after, of_y.scalar_mul(before, -1.0)), 1 / EPS)

    return jvp


def check_vjp(f: Callable[..., Any], x: Any) -> None:
    """Compares the vjp of f at x with finite differences; an AssertionError where they differ."""
    vjp, y = make_vjp(f, x)
    of_x, of_y = vspace(x), vspace(y)
    v, seed = of_x.randn(), of_y.randn()
    ct = of_x.covector(vjp(of_y.covector(seed)))
    assert vspace(ct) == of_x, f"the vjp of {get_name(f)} gives {vspace(ct)} for an argument in {of_x}"
    exact, numeric = of_x.inner_prod(v, ct), of_y.inner_prod(seed, make_numerical_jvp(f, x)(v))
    assert scalar_close(numeric, exact), (
        f"Derivative (VJP) check of {get_name(f)} failed with arg {x}:\nanalytic: {exact}\nnumeric:  {numeric}"
    )


def check_jvp(f: Callable[..., Any], x: Any) -> None:
    """Compares the jvp of f at x with finite differences; an AssertionError where they differ."""
    v = vspace(x).randn()
    check_equivalent(make_jvp(f, x)(v)[1], make_numerical_jvp(f, x)(v))


def check_equivalent(x: Any, y: Any) -> None:
    """Compares two trees of arrays: their shapes and dtypes, and their products with a random one."""
    of_x, of_y = vspace(x), vspace(y)
    assert of_x == of_y, f"VSpace mismatch:\nx: {of_x}\ny: {of_y}"
    v = of_x.randn()
    assert scalar_close(of_x.inner_prod(v, x), of_x.inner_prod(v, y)), f"Value mismatch:\nx: {x}\ny: {y}"


@unary_to_nary
def check_grads(f: Callable[..., Any], x: Any, modes: Sequence[str] = ("fwd", "rev"), order: int = 2) -> None:
    """Compares the derivatives of f at x with finite differences, up to `order`.

    Examples
    --------
    >>> import chainrule.compat.autograd.numpy as np
    >>> from chainrule.compat.autograd.test_util import check_grads
    >>> check_grads(lambda x: np.tanh(x) * x, modes=["fwd", "rev"], order=2)(np.array([0.5, -1.0]))
    """
    derivatives = {
        "fwd": (check_jvp, lambda x, v: make_jvp(f, x)(v)[1], lambda: vspace(x).randn()),
        "rev": (check_vjp, lambda x, v: make_vjp(f, x)[0](v), lambda: vspace(f(x)).randn()),
    }
    if unknown := set(modes) - derivatives.keys():
        raise ValueError(f'check_grads: modes are "fwd" and "rev"; got {", ".join(map(repr, unknown))}')
    for mode in modes:
        check, derivative, direction = derivatives[mode]
        check(f, x)
        if order > 1:
            derivative.__name__ = f"{'jvp' if mode == 'fwd' else 'vjp'}_{get_name(f)}"
            check_grads(derivative, (0, 1), modes, order=order - 1)(x, direction())


def combo_check(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., None]:
    """check_grads for all combinations of the arguments, each given as a list of choices."""

    def check(*choices, **keyword_choices):
        for chosen in itertools.product(*choices):
            for values in itertools.product(*keyword_choices.values()):
                keywords = dict(zip(keyword_choices, values, strict=True))
                check_grads(fun, *args, **kwargs)(*chosen, **keywords)

    return check

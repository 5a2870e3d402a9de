"""What the entries share: entering a ufunc of scipy.special, and what to say where there is no formula."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import MissingRuleError, user_line
from ...core.primitive import Primitive
from ...core.trace import NUMBERS, aval_of
from ..families import elementwise, jointly

PI = math.pi
SQRT_PI = math.sqrt(math.pi)
SQRT_2PI = math.sqrt(2 * math.pi)
SQRT_2 = math.sqrt(2)
DEGREE = math.pi / 180


class Unknown(NamedTuple):
    """Stands for a partial derivative that has no formula here: asking for it is an error."""

    argument: str


def special(ufunc: Any, *, d: Any, name: str | None = None) -> Primitive:
    """A primitive for a ufunc of scipy.special, from its partials `d`; of several outputs, a row for each.

    `name` is that of the public function, where the ufunc behind it has another.
    """
    own = ufunc.__name__.lstrip("_")
    public = name or own
    rows = d if type(d) is tuple else (d,)
    d = tuple(tuple(_resolved(v, public) for v in r) if type(r) is tuple else _resolved(r, public) for r in rows)
    family = elementwise if ufunc.nout == 1 else jointly
    return family(ufunc, d=d, name=f"special.{own}")


def _resolved(d: Any, public: str) -> Any:
    return refusal(f"scipy.special.{public}", d.argument) if isinstance(d, Unknown) else d


def refusal(what: str, argument: str) -> Callable[[], Any]:
    def partial() -> Any:
        raise MissingRuleError(
            f"{what}: chainrule has no rule for its derivative in the argument {argument} (asked for at "
            f"{user_line()}). Pass {argument} as a constant, chainrule.stop_gradient({argument}), or give the "
            "function a rule of your own with chainrule.custom."
        )

    return partial


class Behind:
    """Makes a Python function hand over the ufunc that it is a wrapper of: `Behind.ufunc(sc.zeta, 2.0)`."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ufunc

    @classmethod
    def ufunc(cls, function: Any, *first: Any) -> Any:
        return function(*first, cls())


def is_complex(x: Any) -> bool:
    return np.dtype(aval_of(x).dtype).kind == "c"


def real(x: Any, what: str) -> Any:
    """`x`, for a rule of scipy.special's `what` that holds for real numbers only."""
    if is_complex(x):
        raise MissingRuleError(
            f"scipy.special.{what}: chainrule has a rule for its derivative at real arguments only; this one is "
            f"complex (asked for at {user_line()})"
        )
    return x


def common(*xs: Any) -> list[Any]:
    """The arguments in the dtype that they have in common, to which Python numbers adapt."""
    dtype = np.result_type(*(x if type(x) in NUMBERS else x.dtype for x in xs), np.float32(0).dtype)
    return [dtype.type(x) if type(x) in NUMBERS else x.astype(dtype) for x in xs]


def at(ufunc: Any, *xs: Any) -> Any:
    """`ufunc(*xs)` with Python numbers in the precision of the rest: some of SciPy's go to float64 for their sake."""
    precision = np.finfo(np.result_type(*(x.dtype for x in xs if type(x) not in NUMBERS))).dtype.type
    return ufunc(*(precision(x) if type(x) in NUMBERS else x for x in xs))

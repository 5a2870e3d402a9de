"""The two operators that the others are made of, the rules of primitives, and vector spaces."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optree

import chainrule as cr

from .conventions import conjugated
from .refused import refusing
from .tracer import getval as getval, isbox as isbox, primitive as primitive
from .util import func as func, subval as subval
from .wrap_util import get_name

__getattr__ = refusing(__name__)

# ---- operators on functions of one argument ---------------------------------------------------------------------


def make_vjp(fun: Callable[..., Any], x: Any) -> tuple[Callable[..., Any], Any]:
    """The pullback of fun at x, and fun(x)."""
    ans, pullback = cr.vjp(fun, x)

    def vjp(g):
        (ct,) = pullback(conjugated(g))
        return conjugated(ct)

    return vjp, ans


def make_jvp(fun: Callable[..., Any], x: Any) -> Callable[..., Any]:
    """A function that takes a tangent v of x, and returns fun(x) and its tangent."""
    return lambda v: cr.jvp(fun, (x,), (v,))


# ---- rules ------------------------------------------------------------------------------------------------------


def checked(fun: Any, define: str) -> primitive:
    if isinstance(fun, primitive):
        return fun
    raise TypeError(
        f"{define}: {get_name(fun)} is no primitive; make one, f = primitive({get_name(fun)}), give it the rule, and "
        "call f. NumPy's and SciPy's own functions have their rules"
    )


def defvjp_argnums(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Sets the rule of reverse mode for all arguments at once: `vjpmaker(argnums, ans, args, kwargs)(g)`, a tuple."""
    checked(fun, "defvjp_argnums").vjps = vjpmaker


def defvjp_argnum(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Sets the rule of reverse mode for any one argument: `vjpmaker(argnum, ans, args, kwargs)(g)`."""

    def of_several(argnums, ans, args, kwargs):
        vjps = [vjpmaker(argnum, ans, args, kwargs) for argnum in argnums]
        return lambda g: tuple(vjp(g) for vjp in vjps)

    defvjp_argnums(fun, of_several)


def defvjp(fun: Any, *vjpmakers: Any, argnums: Any = None) -> None:
    """Sets the rules of reverse mode, one for each argument: `vjpmaker(ans, *args, **kwargs)(g)`; None for zero."""
    makers = dict(zip(itertools.count() if argnums is None else argnums, vjpmakers, strict=False))
    for maker in makers.values():
        if maker is not None and not callable(maker):
            raise TypeError(f"Bad VJP '{maker}' for '{get_name(fun)}': it must be a function, or None")

    def of_one(argnum, ans, args, kwargs):
        if argnum not in makers:
            raise NotImplementedError(f"VJP of {get_name(fun)} wrt argnum {argnum} not defined")
        maker = makers[argnum]
        return (lambda g: None) if maker is None else maker(ans, *args, **kwargs)

    defvjp_argnum(fun, of_one)


def defjvp_argnums(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Sets the rule of forward mode for all arguments at once: `jvpmaker(argnums, gs, ans, args, kwargs)`."""
    checked(fun, "defjvp_argnums").jvps = jvpmaker


def defjvp_argnum(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Sets the rule of forward mode for any one argument: `jvpmaker(argnum, g, ans, args, kwargs)`."""

    def of_several(argnums, gs, ans, args, kwargs):
        found = [jvpmaker(argnum, g, ans, args, kwargs) for argnum, g in zip(argnums, gs, strict=True)]
        return functools.reduce(vspace(ans).add, [t for t in found if t is not None] or [vspace(ans).zeros()])

    defjvp_argnums(fun, of_several)


def defjvp(fun: Any, *jvpfuns: Any, argnums: Any = None) -> None:
    """Sets the rules of forward mode, one for each argument.

    A rule is `jvpfun(g, ans, *args, **kwargs)`; "same" if the function is linear in the argument, None for zero.
    """
    rules = dict(zip(itertools.count() if argnums is None else argnums, jvpfuns, strict=False))
    for rule in rules.values():
        if rule is not None and rule != "same" and not callable(rule):
            raise TypeError(f"Bad JVP '{rule}' for '{get_name(fun)}': it must be a function, \"same\", or None")

    def of_one(argnum, g, ans, args, kwargs):
        if argnum not in rules:
            raise NotImplementedError(f"JVP of {get_name(fun)} wrt argnum {argnum} not defined")
        rule = rules[argnum]
        if rule == "same":
            return fun(*subval(args, argnum, g), **kwargs)
        return None if rule is None else rule(g, ans, *args, **kwargs)

    defjvp_argnum(fun, of_one)


def def_linear(fun: Any) -> None:
    """Says that a primitive is linear in each of its arguments."""
    defjvp_argnum(fun, lambda argnum, g, ans, args, kwargs: fun(*subval(args, argnum, g), **kwargs))


# ---- vector spaces ----------------------------------------------------------------------------------------------


class VSpace:
    """The vector space that a tree of arrays belongs to: its zero, its units, and what is done with its elements.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.compat.autograd.extend import vspace
    >>> space = vspace({"w": np.ones(2), "b": 1.0})
    >>> space.zeros()
    {'w': array([0., 0.]), 'b': array(0.)}
    >>> space.size
    3
    """

    def __init__(self, value: Any):
        leaves, self.structure = optree.tree_flatten(value)
        self.shapes: list[tuple[int, ...]] = [np.shape(x) for x in leaves]
        self.dtypes = [np.result_type(x) for x in leaves]
        for x, dtype in zip(leaves, self.dtypes, strict=True):
            if dtype.kind not in "fc":
                raise TypeError(f"vspace: {x!r} is no floating point number; convert it")

    @property
    def iscomplex(self) -> bool:
        return any(dtype.kind == "c" for dtype in self.dtypes)

    @property
    def size(self) -> int:
        """How many real numbers an element is made of."""
        sizes = map(math.prod, self.shapes)
        return sum(n * (1 + (dtype.kind == "c")) for n, dtype in zip(sizes, self.dtypes, strict=True))

    @property
    def shape(self) -> Any:
        """The shape, or the tree of shapes."""
        return self.structure.unflatten(self.shapes)

    def _of(self, make: Callable[..., Any]) -> Any:
        return self.structure.unflatten(list(map(make, self.shapes, self.dtypes)))

    def zeros(self) -> Any:
        return self._of(np.zeros)

    def ones(self) -> Any:
        return self._of(np.ones)

    def randn(self) -> Any:
        """An element with random numbers."""
        normal = np.random.randn

        def element(shape, dtype):
            return np.asarray(normal(*shape) + (1j * normal(*shape) if dtype.kind == "c" else 0), dtype)

        return self._of(element)

    def standard_basis(self) -> Iterator[Any]:
        """The unit vectors; of a complex number the real and the imaginary one."""
        for i, (shape, dtype) in enumerate(zip(self.shapes, self.dtypes, strict=True)):
            for at in np.ndindex(*shape):
                for unit in (1, 1j) if dtype.kind == "c" else (1,):
                    leaves = list(map(np.zeros, self.shapes, self.dtypes))
                    leaves[i][at] = unit
                    yield self.structure.unflatten(leaves)

    def add(self, x: Any, y: Any) -> Any:
        return optree.tree_map(np.add, x, y)

    mut_add = add

    def scalar_mul(self, x: Any, a: Any) -> Any:
        return optree.tree_map(lambda leaf: leaf * a, x)

    def inner_prod(self, x: Any, y: Any) -> Any:
        """The inner product of x and y as vectors of real numbers."""
        products = optree.tree_map(lambda a, b: np.real(np.sum(np.conjugate(a) * b)), x, y)
        return sum(optree.tree_leaves(products))

    def covector(self, x: Any) -> Any:
        return conjugated(x)

    @classmethod
    def register(cls, value_type: Any, vspace_maker: Any = None) -> None:
        raise cr.MissingRuleError(
            f"VSpace.register: types cannot be added; make {get_name(value_type)} a dataclass or a namedtuple of "
            "arrays, which are trees as they are"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VSpace) and (self.structure, self.shapes, self.dtypes) == (
            other.structure,
            other.shapes,
            other.dtypes,
        )

    def __hash__(self) -> int:
        return hash((self.structure, *self.shapes, *self.dtypes))

    def __repr__(self) -> str:
        return f"VSpace({self._of(lambda shape, dtype: f'{dtype}{list(shape)}')})"


def vspace(value: Any) -> VSpace:
    """The vector space of `value`, an array, a number, or a tree of them."""
    return VSpace(value)

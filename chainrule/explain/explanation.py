"""`explain`: runs a function forwards and backwards, and shows every value and adjoint on the way.

`import chainrule` comes by here, so words and pictures are imported when somebody asks for them.
"""

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.accumulate import Cleared, Scattered
from ..core.graph import Equation, Graph, Var
from ..core.trace import concrete
from ..core.tree import Leaf, flatten
from ..core.zeros import dense, pull
from ..transforms.recording import record_leaves
from .values import Value


@dataclass(frozen=True, eq=False)
class Explanation:
    """What `explain(f)(*args)` found: every value that f computed, with its adjoint.

    Attributes
    ----------
    call : str
        What was explained: `f(x, y)`.
    values : tuple of Value
        In the order of computation, inputs first.
    inputs, outputs : tuple of Value
        The leaves of the arguments and of the result.

    Notes
    -----
    It prints as a table, and shows itself as a picture in a notebook.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> e = cr.explain(lambda x, y: np.sin(x) * y)(0.0, 3.0)
    >>> e["v3"].operation, e["v3"].adjoint
    ('sin', np.float64(3.0))
    >>> [float(v.adjoint) for v in e.inputs]
    [3.0, 0.0]
    """

    call: str
    values: tuple[Value, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def __getitem__(self, name: str) -> Value:
        """The value of this name."""
        for value in self.values:
            if value.name == name:
                return value
        raise KeyError(f"{name}: the values are named v1 to v{len(self.values)}")

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        from .text import table

        return f"{self.title}\n\n{table(self.values)}"

    __repr__ = __str__

    @property
    def title(self) -> str:
        """`f(x, y) = v7 = 11.6521`, and why there are no adjoints if there are none."""
        from .text import summary

        names = ", ".join(v.name for v in self.outputs)
        if len(self.outputs) != 1:
            return f"{self.call} = ({names}); no adjoints, the result is {len(self.outputs)} values"
        (y,) = self.outputs
        text = f"{self.call} = {names} = {summary(y.value)}"
        if _is_number(y.value):
            return text
        kind = f"an array of shape {y.value.shape}" if y.value.shape else f"of dtype {y.value.dtype}"
        return f"{text}; no adjoints, the result is {kind}"

    def svg(self) -> str:
        """The graph as a picture: boxes with values and adjoints, edges with local partial derivatives.

        Returns
        -------
        str
            An SVG document.

        Examples
        --------
        >>> import chainrule as cr
        >>> cr.explain(lambda x: x * x)(3.0).svg()[:5]
        '<svg '
        """
        from .svg import drawing

        return drawing(self.title, self.values, self.inputs, self.outputs)

    _repr_svg_ = svg  # what a notebook asks for

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture (`.svg`) or the table (`.txt`) to a file.

        Parameters
        ----------
        path : str or path
            Directories that are missing are made.

        Raises
        ------
        ValueError
            If the name ends in anything else.

        Examples
        --------
        >>> import chainrule as cr
        >>> cr.explain(lambda x: x * x)(3.0).save("graph.png")
        Traceback (most recent call last):
            ...
        ValueError: save: 'graph.png' must end in .svg (the picture) or .txt (the table)
        """
        folder, name = os.path.split(path)
        suffix = os.path.splitext(name)[1]
        if suffix not in (".svg", ".txt"):
            raise ValueError(f"save: {name!r} must end in .svg (the picture) or .txt (the table)")
        os.makedirs(folder or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg() if suffix == ".svg" else f"{self}\n")


def explain(f: Callable[..., Any]) -> Callable[..., Explanation]:
    """A function that runs f forwards and backwards and returns all there is to see on the way.

    Parameters
    ----------
    f : callable
        A NumPy function of trees of arrays, `if`, `for` and `while` included; or a transform of one. Keyword
        arguments are constants. There are adjoints if it returns a single real number.

    Returns
    -------
    callable
        Takes f's arguments and returns an :class:`Explanation`: print it, draw it with `.svg()` or
        `.save(path)`, or read its `.values`.

    Raises
    ------
    TypeError
        If an argument or a result is neither an array nor a number.

    Notes
    -----
    Cost: one evaluation of f and, if there are adjoints, a backward pass of one to three times as much. Keeps
    every intermediate value.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> def f(x1, x2):
    ...     return np.log(x1) + x1 * x2 - np.sin(x2)
    >>> print(cr.explain(f)(2.0, 5.0))
    f(x1, x2) = v7 = 11.6521
    <BLANKLINE>
        operation  value      adjoint  local partials
    v1  x1         2          5.5
    v2  x2         5          1.71634
    v3  log(v1)    0.693147   1        dv3/dv1 = 0.5
    v4  v1 * v2    10         1        dv4/dv1 = 5, dv4/dv2 = 2
    v5  v3 + v4    10.6931    1        dv5/dv3 = 1, dv5/dv4 = 1
    v6  sin(v2)    -0.958924  -1       dv6/dv2 = 0.283662
    v7  v5 - v6    11.6521    1        dv7/dv5 = 1, dv7/dv6 = -1
    """

    @functools.wraps(f, updated=())
    def explain_f(*args: Any, **kwargs: Any) -> Explanation:
        graph, values, _, _ = record_leaves(functools.partial(f, **kwargs), args, "explain")
        plain = {var: _plain(x) for var, x in values.items()}
        labels, names = _labels(f, args)
        adjoints = _adjoints(graph, plain)
        made = _described(graph, plain, dict(zip(graph.inputs, labels, strict=True)), adjoints)
        return Explanation(
            f"{_name(f)}({', '.join(names)})",
            tuple(made.values()),
            tuple(made[v] for v in graph.inputs),
            tuple(made[v] for v in graph.outputs),
        )

    return explain_f


def _name(f: Callable[..., Any]) -> str:
    while isinstance(f, functools.partial):
        f = f.func
    name = getattr(f, "__name__", type(f).__name__)
    return "f" if name == "<lambda>" else name


def _plain(x: Any) -> Any:
    """`x` without the traces around it, as an array or a NumPy scalar."""
    return np.asarray(concrete(x, "explain"))[()]


def _is_number(x: Any) -> bool:
    """Whether `x` is a single real number."""
    return x.shape == () and x.dtype.kind == "f"


def _labels(f: Callable[..., Any], args: Sequence[Any]) -> tuple[list[str], list[str]]:
    """What f calls the leaves of its arguments, and the arguments."""
    names = _parameter_names(f, len(args))
    labels = []
    for name, arg in zip(names, args, strict=True):
        structure = flatten(arg)[1]
        paths = [""] if isinstance(structure, Leaf) else [a.codify("") for a in structure.spec.accessors()]
        labels += [name + path for path in paths]
    return labels, names


def _parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """What f calls its first `count` positional arguments."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # a ufunc, or another function not written in Python
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    return names[:count] + [f"{rest}[{i}]" for i in range(count - len(names))]


# ---- adjoints and local partials ---------------------------------------------------------------------------


def _cotangents(equation: Equation, values: dict[Var, Any], ct: Any) -> Sequence[Any]:
    """The cotangents of the arguments of one equation, from that of its output (a tuple of several)."""
    x = [values[a] if isinstance(a, Var) else concrete(a, "explain") for a in equation.args]
    y = tuple(values[v] for v in equation.outputs)
    wanted = tuple(isinstance(a, Var) and v.dtype.kind in "fc" for a, v in zip(equation.args, x, strict=True))
    primitive = equation.primitive
    if primitive.vjp is None or not any(wanted):
        return (None,) * len(x)
    return pull(primitive, wanted, ct, y if primitive.multi else y[0], x, equation.params)


def _adjoints(graph: Graph, values: dict[Var, Any]) -> dict[Var, Any]:
    """The derivative of the result with respect to every variable; nothing if it is no single real number."""
    if len(graph.outputs) != 1 or not _is_number(values[graph.outputs[0]]):
        return {}
    (result,) = graph.outputs
    found: dict[Var, Any] = {result: np.ones_like(values[result])[()]}
    for equation in reversed(graph.equations):
        cts = tuple(found.get(v) for v in equation.outputs)
        if all(ct is None for ct in cts):
            continue
        ct = tuple(None if c is None else dense(c) for c in cts) if equation.primitive.multi else cts[0]
        pulled = _cotangents(equation, values, ct)
        for arg, ct in zip(equation.args, pulled, strict=True):
            if isinstance(arg, Var) and ct is not None:
                ct = ct.whole() if isinstance(ct, Scattered | Cleared) else ct
                found[arg] = found[arg] + ct if arg in found else ct
    floating = {v: x for v, x in values.items() if x.dtype.kind in "fc"}
    return {v: np.asarray(dense(found.get(v, np.zeros(x.shape, x.dtype))))[()] for v, x in floating.items()}


def _partials(equation: Equation, values: dict[Var, Any]) -> tuple[Any, ...]:
    """dy/dx for every argument x of an equation whose output y is a single number, where x is one too."""
    first, *others = equation.outputs
    if others or not _is_number(values[first]):
        return (None,) * len(equation.args)
    one = np.ones_like(values[first])[()]
    slopes = _cotangents(equation, values, (one,) if equation.primitive.multi else one)
    return tuple(
        (values[a].dtype.type(0) if d is None else np.asarray(d)[()])
        if isinstance(a, Var) and _is_number(values[a])
        else None
        for a, d in zip(equation.args, slopes, strict=True)
    )


def _described(
    graph: Graph, values: dict[Var, Any], labels: dict[Var, str], adjoints: dict[Var, Any]
) -> dict[Var, Value]:
    """Every variable of the graph as a `Value`, in the order of computation."""
    source = {v: (e, i) for e in graph.equations for i, v in enumerate(e.outputs)}
    partials = {id(e): _partials(e, values) for e in graph.equations} if adjoints else {}
    made: dict[Var, Value] = {}
    for var, x in values.items():
        if var not in source:
            label = labels.get(var, "constant")
            made[var] = Value(var.name, None, (), {}, label, None, x, adjoints.get(var), ())
            continue
        equation, part = source[var]
        operands = tuple(made[a] if isinstance(a, Var) else concrete(a, "explain") for a in equation.args)
        made[var] = Value(
            name=var.name,
            operation=equation.primitive.name,
            operands=operands,
            params=equation.params,
            label="",
            part=part if len(equation.outputs) > 1 else None,
            value=x,
            adjoint=adjoints.get(var),
            partials=partials.get(id(equation), (None,) * len(operands)),
        )
    return made

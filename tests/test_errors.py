"""Errors, by their exact text: what was wrong, what was given, what to do, and the user's own line."""

import ast
import copy
import functools
import math
import pathlib
import pickle
import re
import sys
import traceback
import unittest.mock

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import chainrule as cr
from chainrule.core.primitive import PRIMITIVES, register
from chainrule.transforms.bodies import LooksAtValuesError

x = np.array([1.0, 2.0, 3.0])
X = np.ones((2, 3))


def held():
    return cr.variable(x)


def backward_twice():
    y = np.sum(held() ** 2)
    y.backward()
    y.backward()


def leak(transform):
    """A traced value that outlived the transform that made it."""
    store = []
    transform(lambda x: (store.append(x), np.sum(x))[1])
    return store[0]


LEAKS = {
    "grad": lambda: leak(lambda f: cr.grad(f)(x)),
    "vjp": lambda: leak(lambda f: cr.vjp(f, x)),
    "jvp": lambda: leak(lambda f: cr.jvp(f, (x,), (x,))),
    "vmap": lambda: leak(lambda f: cr.vmap(f)(X)),
    "record": lambda: leak(lambda f: cr.record(f, x)),
    "linearize": lambda: leak(lambda f: cr.linearize(f, x)),
    "sparsity": lambda: leak(lambda f: cr.sparsity(f, x)),
    "hessian": lambda: leak(lambda f: cr.hessian(f)(x)),
}


def custom(rule=None, jvp=None, f=lambda x: x * 2.0):
    @cr.custom
    def doubled(*args, **kwargs):
        return f(*args, **kwargs)

    if rule is not None:
        doubled.defvjp(rule)
    if jvp is not None:
        doubled.defjvp(jvp)
    return doubled


def unsteady():
    steps = iter([1.0, 2.0])
    return cr.checkpoint(lambda x: x * next(steps))


def filled_by_numbers(x):
    a = np.zeros(3)
    a[0] = x[0]
    return np.sum(a)


def filled_by_arrays(x):
    a = np.zeros(3)
    a[1:] = x[1:]
    return np.sum(a)


def modified():
    data = np.ones(10_000)
    y = held()[0] * data
    data[0] = 2.0
    y.backward(data)


def looped(x):
    return cr.scan(lambda c, _: (cr.while_loop(lambda v: v < 9, lambda v: v * x, c) / 4, None), x, length=2)[0]


def writes(x):
    x[0] = 1.0


def updates(x):
    x += 1.0


def in_place(x, update):
    y = x * 1.0
    if update == "shape":
        y += np.ones((2, 3))
    elif update == "dtype":
        y *= 1j
    elif update == "element":
        y[0] = 1j
    return y


def loop_within_loop(x):
    grow = lambda c, _: (cr.while_loop(lambda v: v < 9, lambda v: v * x, c) / 4, None)
    return cr.scan(grow, x, length=2)[0]


def set_imaginary(x):
    x.imag = 1.0


def recorded(f=lambda x: x * 2.0 if np.sum(x) > 0 else -x):
    return cr.record(f, x)


PLAIN = (
    "a traced array was about to become a plain array, which would drop its gradient (at {here}). Build arrays of "
    "traced values with np.stack or np.concatenate instead of np.array, and fill arrays that were made with "
    "np.zeros_like(x) or np.zeros(shape, like=x), x being a traced array; or import chainrule.numpy as np, where "
    "np.array and np.zeros do that. If no gradient is wanted, pass chainrule.stop_gradient(x)."
)
SCIPY = (
    "{name} turns what it is given into a plain array, which would drop the gradient (at {{here}}). Of SciPy, only the "
    "ufuncs of scipy.special can be differentiated as they are: {instead}, give it a rule with "
    "chainrule.custom, or, if no gradient is wanted, pass chainrule.stop_gradient(x)."
)
NUMBER = (
    "{kind}() of a traced value would drop its gradient (at {{here}}). Use NumPy functions on it (np.sin, not "
    "math.sin; np.floor and np.round for whole numbers). If it was written into a plain array, make that array with "
    "np.zeros_like(x) or np.zeros(shape, like=x), x being a traced array, or import chainrule.numpy as np. If no "
    "gradient is wanted, take "
    "{kind}(chainrule.stop_gradient(x))."
)
RULE = (
    "{name}: chainrule has no derivative rule for it (used at {{here}}). Write it with other NumPy functions, or "
    "give it a rule of your own with chainrule.custom."
)
FLOATS = (
    "{where} has {found}; derivatives are taken with respect to floating point numbers. Convert it (x.astype(float), "
    "float(x)), or leave it out of what is differentiated (argnums, lambda)"
)
LEAKED = (
    "a traced value was used (at {here}) after the transform that made it had ended: return it from the function "
    "that was transformed (has_aux=True for what is no result), instead of storing it outside"
)
BATCH = (
    "vmap: {what} was asked for, and it differs from example to example (at {{here}}): choose with np.where, or loop "
    "over the examples in Python"
)
TRUTH = "the truth value of an array (in `if`, `while`, `and`, `or`, `not`)"
SCALAR = (
    "grad: the function must return a single number; it returned {found}. Reduce it (np.sum, np.mean), or use "
    "chainrule.jacobian, or chainrule.vjp with a seed"
)
TUPLE = (
    "doubled: its vjp rule must return a tuple with a cotangent (or None) for each of its 1 arguments; it returned "
    "{found}"
)


def without_ipopt():
    with unittest.mock.patch.dict(sys.modules, {"cyipopt": None}):
        cr.nlp(np.sum, None, x).ipopt()


def step(a, b):
    return a


UFUNC = np.frompyfunc(step, 2, 1)

# name: (what raises, the type, the whole text; {here} is the line in this file that was reached last)
CASES = {
    "a result that is not finite": (
        lambda: cr.checked(lambda x: x * np.inf)(1.0),
        cr.NonFiniteError,
        "checked: the result of <lambda> is not finite. It was there to begin with, in a constant, met at {here}.",
    ),
    # -- what would drop a gradient
    "np.array": (lambda: cr.grad(lambda x: np.sum(np.array(x)))(x), cr.LostGradientError, PLAIN),
    "np.array of a list": (lambda: cr.grad(lambda x: np.sum(np.array([x[0], 1])))(x), cr.LostGradientError, PLAIN),
    "np.r_": (lambda: cr.jvp(lambda x: np.r_[x, x], (x,), (x,)), cr.LostGradientError, PLAIN),
    "fill with arrays": (lambda: cr.grad(filled_by_arrays)(x), cr.LostGradientError, PLAIN),
    "scipy.special.logsumexp": (  # bugs.md 27
        lambda: cr.grad(lambda x: scipy.special.logsumexp(x))(x),
        cr.LostGradientError,
        SCIPY.format(name="scipy.special.logsumexp", instead="use chainrule.scipy.special.logsumexp"),
    ),
    "scipy.linalg.inv": (
        lambda: cr.grad(lambda X: scipy.linalg.inv(X)[0, 0])(np.eye(2)),
        cr.LostGradientError,
        SCIPY.format(name="scipy.linalg.inv", instead="use chainrule.scipy.linalg.inv"),
    ),
    "float": (lambda: cr.grad(lambda x: float(x[0]))(x), cr.LostGradientError, NUMBER.format(kind="float")),
    "int": (lambda: cr.grad(lambda x: int(x[0]))(x), cr.LostGradientError, NUMBER.format(kind="int")),
    "complex": (lambda: cr.grad(lambda x: complex(x[0]))(x), cr.LostGradientError, NUMBER.format(kind="complex")),
    "item": (lambda: cr.grad(lambda x: x[0].item())(x), cr.LostGradientError, NUMBER.format(kind="item")),
    "math.sin": (lambda: cr.grad(lambda x: math.sin(x))(1.0), cr.LostGradientError, NUMBER.format(kind="float")),
    "a list's index": (lambda: cr.grad(lambda x: [1.0, 2.0][x])(1.0), cr.LostGradientError, NUMBER.format(kind="int")),
    "a variable": (lambda: float(held()[0]), cr.LostGradientError, NUMBER.format(kind="float")),
    "a traced index": (
        lambda: cr.grad(lambda x: np.sum(x[x]))(x),
        cr.LostGradientError,
        "a traced array of dtype float64 was used as an index (at {here}): indices are integers; use "
        "stop_gradient(i).astype(int), or interpolate if the position itself is to be differentiated",
    ),
    # -- what has no rule
    "no rule, a ufunc": (
        lambda: cr.grad(lambda x: np.sum(UFUNC(x, 1.0)))(x),
        cr.MissingRuleError,
        RULE.format(name="step (vectorized)"),
    ),
    "no rule, a reduction": (
        lambda: cr.jvp(UFUNC.reduce, (x,), (x,)),
        cr.MissingRuleError,
        RULE.format(name="step (vectorized).reduce"),
    ),
    "no rule, a function": (
        lambda: held().__array_function__(step, (), (), {}),
        cr.MissingRuleError,
        RULE.format(name=f"{__name__}.step"),
    ),
    # -- what may be differentiated
    "grad of an integer": (
        lambda: cr.grad(np.sin)(1),
        TypeError,
        "grad: " + FLOATS.format(where="argument 0", found="type int"),
    ),
    "the second argument": (
        lambda: cr.grad(lambda a, b: a * b, argnums=(0, 1))(1.0, np.int32(2)),
        TypeError,
        "grad: " + FLOATS.format(where="argument 1", found="dtype int32"),
    ),
    "jvp of booleans": (
        lambda: cr.jvp(np.sum, (x > 1,), (x,)),
        TypeError,
        "jvp: " + FLOATS.format(where="primal 0", found="dtype bool"),
    ),
    "variable of text": (
        lambda: cr.variable("text"),
        TypeError,
        "variable: " + FLOATS.format(where="the value", found="dtype <U4"),
    ),
    "argnums of another type": (
        lambda: cr.grad(np.sum, argnums="x")(x),
        TypeError,
        "grad: argnums must be integers; got 'x'",
    ),
    "argnums out of range": (
        lambda: cr.jacobian(np.sin, argnums=1)(x),
        ValueError,
        "jacobian: argnums 1 does not fit a call with 1 positional arguments",
    ),
    "argnums for a keyword": (
        lambda: cr.grad(lambda x: x)(x=1.0),
        ValueError,
        "grad: argnums 0 does not fit a call with 0 positional arguments",
    ),
    "argnums twice": (
        lambda: cr.grad(lambda a, b: a, argnums=(0, -2))(1.0, 2.0),
        ValueError,
        "grad: argnums (0, -2) names an argument twice",
    ),
    # -- what a function may return
    "no single number": (
        lambda: cr.grad(np.sin)(x),
        TypeError,
        SCALAR.format(found="an array of shape (3,) and dtype float64"),
    ),
    "one element is no number": (
        lambda: cr.grad(np.sin)(x[:1]),
        TypeError,
        SCALAR.format(found="an array of shape (1,) and dtype float64"),
    ),
    "nothing": (lambda: cr.grad(lambda x: None)(x), TypeError, SCALAR.format(found="None")),
    "a dict": (lambda: cr.grad(lambda x: {"a": 1.0})(x), TypeError, SCALAR.format(found="{'a': np.float64(1.0)}")),
    "a complex number": (
        lambda: cr.grad(lambda x: x * 1j)(1.0),
        TypeError,
        "grad: the function must return a real number; it returned a complex one. Take np.real or np.abs of it, or use "
        "chainrule.vjp with a complex seed",
    ),
    "text": (
        lambda: cr.vjp(lambda x: (x, "text"), x),
        TypeError,
        "vjp: the function returned 'text' among its results; return arrays and numbers, and anything else as "
        "auxiliary data (has_aux=True)",
    ),
    "a long object": (
        lambda: cr.jvp(lambda x: "long" * 50, (x,), (x,)),
        TypeError,
        "jvp: the function returned a str among its results; return arrays and numbers, and anything else as auxiliary "
        "data (has_aux=True)",
    ),
    "text from vmap": (
        lambda: cr.vmap(lambda x: "text")(x),
        TypeError,
        "vmap: the function returned 'text' among its results; return arrays and numbers only",
    ),
    "no aux": (
        lambda: cr.grad(np.sum, has_aux=True)(x),
        TypeError,
        "grad: with has_aux=True the function must return a pair (result, aux); it returned an array of shape () and "
        "dtype float64",
    ),
    # -- seeds and tangents
    "seed of another shape": (
        lambda: cr.vjp(np.sin, x)[1](np.ones(2)),
        ValueError,
        "pullback: the seed has shape (2,), the output has shape (3,)",
    ),
    "seed of another structure": (
        lambda: cr.vjp(lambda x: (x, x), x)[1](x),
        ValueError,
        "pullback: the seed: its structure * differs from PyTreeSpec((*, *))",
    ),
    "complex seed": (
        lambda: cr.vjp(np.sin, x)[1](x * 1j),
        TypeError,
        "pullback: the seed has dtype complex128, the output has dtype float64",
    ),
    "seed of text": (
        lambda: cr.vjp(np.sin, x)[1](np.array(["a"] * 3)),
        TypeError,
        "pullback: the seed has dtype <U1, the output has dtype float64",
    ),
    "seed of backward": (
        lambda: held().backward(np.ones(2)),
        ValueError,
        "backward: the seed has shape (2,), the output has shape (3,)",
    ),
    "tangent of another shape": (
        lambda: cr.jvp(np.sin, (x,), (x[:2],)),
        ValueError,
        "jvp: tangent 0 has shape (2,), its primal has shape (3,)",
    ),
    "complex tangent": (
        lambda: cr.jvp(np.sin, (x,), (x * 1j,)),
        TypeError,
        "jvp: tangent 0 has dtype complex128, its primal has dtype float64",
    ),
    "tangent of another structure": (
        lambda: cr.jvp(lambda p: p["a"], ({"a": x},), (x,)),
        ValueError,
        "jvp: tangent 0: its structure * differs from PyTreeSpec({'a': *})",
    ),
    "no tuple of tangents": (
        lambda: cr.jvp(np.sin, x, x),
        TypeError,
        "jvp: primals and tangents must be tuples of the same length: jvp(f, (x,), (t,))",
    ),
    "push of too many": (
        lambda: cr.linearize(np.sin, x)[1](x, x),
        TypeError,
        "push: 1 tangents are needed; 2 were given",
    ),
    "push of another shape": (
        lambda: cr.linearize(np.sin, x)[1](x[:2]),
        ValueError,
        None,
    ),
    "hvp without a vector": (  # bugs.md 29
        lambda: cr.hvp(np.sum)(),
        TypeError,
        "hvp: the arguments of the function and a vector are needed: hvp(f)(x, v)",
    ),
    "mode of jacobian": (
        lambda: cr.jacobian(np.sin, mode="backward"),
        ValueError,
        "jacobian: mode is one of auto, forward, reverse, slots, colored; got 'backward'",
    ),
    "mode of a structured hessian": (
        lambda: cr.hessian(np.sum, structure=True, mode="reverse"),
        ValueError,
        "hessian: a structured one is made in mode 'slots' or 'colored'; got mode 'reverse'",
    ),
    "colors for complex arguments": (
        lambda: cr.jacobian(np.exp, sparse=True, mode="colored")(1j * x),
        TypeError,
        "jacobian: mode 'colored' is for real arguments; use mode 'slots'",
    ),
    "a jacobian that is not sparse on the way": (
        lambda: cr.jacobian(lambda x: np.cumsum(x)[::2], sparse=True)(np.ones(30_000)),
        ValueError,
        "jacobian: 900000000 entries would be needed for one operation (at {here}), so this Jacobian is not sparse "
        "there: take products with it (cr.linear_operator), or a dense one of fewer inputs",
    ),
    "a loop over text": (
        lambda: cr.record(lambda x: cr.scan(lambda c, x: (c, x), "a", x)[1], x),
        TypeError,
        "scan: the carry holds 'a', which is no array of numbers (at {here})",
    ),
    "rows of another structure": (
        lambda: cr.scan(lambda c, r: (c + 1, r if c else (r, r)), 0, x),
        TypeError,
        "scan: f returned y of the structure PyTreeSpec((*, *)) first, and * later (at {here})",
    ),
    "a scan of a number": (
        lambda: cr.scan(lambda c, x: (c, x), 0, 1.0),
        ValueError,
        "scan: xs holds a single number, which has no axis to run over (at {here})",
    ),
    "a scan of no length": (
        lambda: cr.scan(lambda c, x: (c, x), 0, None),
        ValueError,
        "scan: how many steps? there is neither xs nor length (at {here}): give arrays of one length, or length=n",
    ),
    "a scan of no pair": (
        lambda: cr.scan(lambda c, x: c, 0, x),
        TypeError,
        "scan: f must return a pair (carry, y); it returned 0 (at {here}): return (carry, None) if there is no y",
    ),
    "a condition of many": (
        lambda: cr.cond(x > 0, np.sin, np.cos, x),
        ValueError,
        "cond: pred must be a single truth value; it has shape (3,) (at {here}): reduce it (np.all, np.any), "
        "or choose element by element with np.where",
    ),
    "branches of another structure": (
        lambda: cr.record(lambda x: cr.cond(x[0] > 0, lambda: (x, x), lambda: x), x),
        ValueError,
        "cond: true_f returned the structure PyTreeSpec((*, *)), false_f * (at {here})",
    ),
    "branches of another shape": (
        lambda: cr.record(lambda x: cr.cond(x[0] > 0, lambda: x, lambda: x[0]), x),
        ValueError,
        "cond: true_f returned an array of shape (3,) where false_f returned one of shape () (at {here}): both must "
        "return the same",
    ),
    "an if in a loop": (
        lambda: cr.record(
            cr.grad(
                lambda x: cr.fori_loop(0, 3, lambda i, v: custom(lambda cts, y, v: (cts if v > 0 else -cts,))(v), x)
            ),
            1.0,
        ),
        LooksAtValuesError,
        "the truth value of an array (in `if`, `while`, `and`, `or`, `not`) was asked for in the body of a loop or "
        "branch (at {here}), and it differs from one iteration to the next: choose with chainrule.cond or np.where",
    ),
    "the backward pass of a loop in a loop": (
        lambda: cr.record(cr.grad(looped), 2.0),
        LooksAtValuesError,
        "while_loop: its backward pass has to know how often it goes round (at {here}), and that differs from one "
        "iteration of the loop around it to the next: use chainrule.fori_loop or chainrule.scan with as many rounds as "
        "may be needed, and np.where for those that are not",
    ),
    "format of jacobian": (
        lambda: cr.jacobian(np.sin, sparse=True, format="dense"),
        ValueError,
        "jacobian: format is one of csr, csc, coo, bsr; got 'dense'",
    ),
    "format of hessian": (
        lambda: cr.hessian(np.sum, sparse=True, format="dok"),
        ValueError,
        "hessian: format is one of csr, csc, coo, bsr; got 'dok'",
    ),
    "mode of a sparse jacobian": (
        lambda: cr.jacobian(np.sin, mode="forward", sparse=True),
        ValueError,
        "jacobian: a sparse one is made in mode 'slots' or 'colored'; got mode 'forward'",
    ),
    "a dense one prepared": (
        lambda: cr.jacobian(np.sin).prepare(x),
        TypeError,
        "jacobian: only a sparse one without aux can be prepared: jacobian(f, sparse=True).prepare(x)",
    ),
    "prepared for another shape": (
        lambda: cr.jacobian(np.sin, sparse=True).prepare(x).data(x[:2]),
        ValueError,
        "jacobian: it was prepared for arrays of float64(3,); got float64(2,): prepare it again",
    ),
    "a sparse jacobian in a gradient": (
        lambda: cr.grad(lambda x: np.sum(cr.jacobian(np.sin, sparse=True)(x)))(x),
        TypeError,
        "jacobian: SciPy's matrices cannot hold traced numbers (at {here}): take the entries, "
        "cr.jacobian(f, sparse=True).entries(x), or a dense Jacobian",
    ),
    "a global pattern that values decide": (
        lambda: cr.sparsity(lambda x: x if x[0] > 0 else 2 * x, x),
        ValueError,
        "sparsity: the truth value of an array (in `if`, `while`, `and`, `or`, `not`) was asked for (at {here}), so "
        "the pattern depends on the values: with local=True it is that of the branches and indices taken at x",
    ),
    "a sparse jacobian of what is not holomorphic": (
        lambda: cr.jacobian(np.linalg.svdvals, sparse=True)(1j * X + X[::-1]),
        TypeError,
        "svdvals of these complex numbers is not holomorphic, so that one complex number an entry cannot hold its "
        "derivative; differentiate with respect to the real and the imaginary part",
    ),
    "jacobian of what is not holomorphic": (
        lambda: cr.jacobian(np.conjugate)(1j * x),
        TypeError,
        "jacobian: the function is not holomorphic (conjugate, abs, real and imag are not), so that one complex number "
        "an entry cannot hold its derivative; take its Jacobian with respect to the real and the imaginary part: "
        "cr.jacobian(lambda x, y: f(x + 1j * y), argnums=(0, 1))",
    ),
    # -- variables held by hand
    "backward without a seed": (
        lambda: np.sin(held()).backward(),
        ValueError,
        "backward: a value of shape (3,) has no single gradient: give a seed of that shape, or use chainrule.jacobian",
    ),
    "backward twice": (
        backward_twice,
        cr.FreedTapeError,
        "backward: an earlier backward pass has released the values on this tape; call it with retain_graph=True to "
        "go back a second time",
    ),
    "backward of a constant": (
        lambda: np.sum(np.zeros_like(held())).backward(),
        ValueError,
        "backward: this value does not depend on any variable",
    ),
    "a variable is written into": (
        lambda: writes(held()),
        ValueError,
        "a variable was written into (at {here}), which would lose its place on the tape: write into a copy(), set a "
        "new value with `variable.value = ...`, or update it under chainrule.no_grad()",
    ),
    "a variable is updated": (
        lambda: updates(held()),
        ValueError,
        "a variable was written into (at {here}), which would lose its place on the tape: write into a copy(), set a "
        "new value with `variable.value = ...`, or update it under chainrule.no_grad()",
    ),
    "value of a result": (
        lambda: setattr(held() * 2, "value", x),
        TypeError,
        "only the value of a variable can be set, not that of a result computed from variables",
    ),
    "value of another shape": (
        lambda: setattr(held(), "value", np.ones(2)),
        ValueError,
        "value: this variable has shape (3,); the new value has shape (2,)",
    ),
    "gradient of a result": (
        lambda: setattr(held() * 2, "grad", None),
        TypeError,
        "only variables have a settable gradient, not the results computed from them",
    ),
    "a copy of a result": (
        lambda: copy.deepcopy(held() * 2),
        TypeError,
        "a value on the tape cannot be copied or pickled with its history; take its value with detach(), or pickle the "
        "variables that it was computed from",
    ),
    "a changed array": (
        modified,
        cr.ModifiedArrayError,
        None,
    ),
    # -- writing in place
    "another shape": (
        lambda: cr.vjp(lambda x: in_place(x, "shape"), x),
        ValueError,
        "add: an array of shape (3,) cannot hold a result of shape (2, 3) in place (at {here})",
    ),
    "another dtype": (
        lambda: cr.vjp(lambda x: in_place(x, "dtype"), x),
        TypeError,
        "multiply: a result of dtype complex128 cannot be written into an array of dtype float64 (at {here})",
    ),
    "a complex element": (
        lambda: cr.vjp(lambda x: in_place(x, "element"), x),
        TypeError,
        "a complex value cannot be written into an array of dtype float64 (at {here}): make the array complex, "
        "np.zeros(shape, complex, like=x), or write np.real(value)",
    ),
    "a read-only view": (
        lambda: cr.vjp(lambda x: writes(np.broadcast_to(x * 2, (2, 3))), x),
        ValueError,
        None,
    ),
    "an imaginary part": (
        lambda: cr.vjp(set_imaginary, x),
        TypeError,
        "array does not have imaginary part to set",
    ),
    # -- what NumPy says, too
    "len": (lambda: cr.grad(lambda x: len(x))(1.0), TypeError, "len() of unsized object"),
    "iteration": (lambda: cr.grad(lambda x: list(x))(1.0), TypeError, "iteration over a 0-d array"),
    "the truth of several": (
        lambda: cr.grad(lambda x: 1.0 if x > 0 else 0.0)(x),
        ValueError,
        "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()",
    ),
    "no attribute": (
        lambda: cr.grad(lambda x: x.sine())(x),
        AttributeError,
        "'Variable' object has no attribute 'sine'",
    ),
    "memory": (
        lambda: cr.grad(lambda x: x.strides)(x),
        AttributeError,
        "ndarray.strides: a traced array has no memory of its own to look at (at {here}): take "
        "chainrule.stop_gradient(x).strides",
    ),
    "a device": (
        lambda: cr.grad(lambda x: x.to_device("gpu"))(x),
        ValueError,
        "to_device: the device is 'cpu', without streams; 'gpu' was asked for",
    ),
    "shapes that do not fit": (
        lambda: cr.grad(lambda x: np.sum(x + np.ones(2)))(x),
        ValueError,
        "operands could not be broadcast together with shapes (3,) (2,) ",
    ),
    # -- vmap
    "vmap, if": (
        lambda: cr.vmap(lambda x: x if x > 0 else -x)(x),
        cr.LostGradientError,
        BATCH.format(what=TRUTH),
    ),
    "vmap, a mask": (
        lambda: cr.vmap(lambda x: np.sum(x[x > 0]))(X),
        cr.LostGradientError,
        BATCH.format(what="a boolean mask as an index (np.where keeps the shape)"),
    ),
    "vmap, float": (lambda: cr.vmap(lambda x: float(x))(x), cr.LostGradientError, NUMBER.format(kind="float")),
    "vmap, sizes": (
        lambda: cr.vmap(np.add)(x, X),
        ValueError,
        "vmap: the batch axes have different sizes: [2, 3]",
    ),
    "vmap, no axis": (
        lambda: cr.vmap(np.add, in_axes=None)(x, x),
        ValueError,
        "vmap: no argument has a batch axis; in_axes is None for all of them",
    ),
    "vmap, a number": (
        lambda: cr.vmap(np.sin)(1.0),
        ValueError,
        "vmap: argument 0 has shape (): it has no axis 0 to map over",
    ),
    "vmap, an axis too many": (
        lambda: cr.vmap(np.sin, in_axes=2)(X),
        ValueError,
        "vmap: argument 0 has shape (2, 3): it has no axis 2 to map over",
    ),
    "vmap, in_axes": (
        lambda: cr.vmap(np.sin, in_axes=(0, 0))(X),
        ValueError,
        "vmap: in_axes has 2 entries; 1 arguments were given",
    ),
    "vmap, in_axes of a tree": (
        lambda: cr.vmap(lambda p: p[0], in_axes=((0, 0, 0),))((X, X)),
        ValueError,
        "vmap: in_axes of argument 0: 3 entries were given for 2 values",
    ),
    "vmap, in_axes of another kind": (
        lambda: cr.vmap(lambda p: p[0], in_axes=({"a": 0},))((X, X)),
        ValueError,
        "vmap: in_axes of argument 0: {'a': 0} is no prefix of the structure PyTreeSpec((*, *))",
    ),
    # -- record
    "record, text": (
        lambda: cr.record(lambda x, s: x, x, "text"),
        TypeError,
        "record: argument 1 holds 'text', which is no array of numbers; bind such arguments beforehand "
        "(functools.partial, lambda)",
    ),
    "graph, another shape": (
        lambda: recorded()(np.ones(2)),
        ValueError,
        "graph: v1:float64[3] was recorded; an array of shape (2,) and dtype float64 was given: record the function "
        "again for it",
    ),
    "graph, another dtype": (
        lambda: recorded()(x.astype(np.float32)),
        ValueError,
        "graph: v1:float64[3] was recorded; an array of shape (3,) and dtype float32 was given: record the function "
        "again for it",
    ),
    "graph, another way": (
        lambda: recorded()(-x),
        ValueError,
        "graph: the function was recorded where v3 is True, and it is False for these arguments: record it again for "
        "them",
    ),
    "graph, too many": (
        lambda: recorded()(x, x),
        TypeError,
        "graph: 1 arguments are needed; 2 were given",
    ),
    "graph, another structure": (
        lambda: cr.record(lambda p: p["a"], {"a": x})([x]),
        ValueError,
        "graph: an argument: its structure PyTreeSpec([*]) differs from PyTreeSpec({'a': *})",
    ),
    # -- users' rules
    "rule, no tuple": (
        lambda: cr.grad(custom(lambda ct, y, x: ct))(1.0),
        TypeError,
        TUPLE.format(found="np.float64(1.0)"),
    ),
    "rule, too many": (
        lambda: cr.grad(custom(lambda ct, y, x: (ct, ct)))(1.0),
        TypeError,
        None,
    ),
    "rule, another shape": (
        lambda: cr.vjp(custom(lambda ct, y, x: (np.ones(2),)), x)[1](x),
        ValueError,
        "doubled: its vjp rule returned an array of shape (2,) where (3,) was expected",
    ),
    "jvp rule, another shape": (
        lambda: cr.jvp(custom(jvp=lambda t, y, x: np.ones(2)), (x,), (x,)),
        ValueError,
        "doubled: its jvp rule returned an array of shape (2,) where (3,) was expected",
    ),
    "jvp rule, another structure": (
        lambda: cr.jvp(custom(jvp=lambda t, y, x: (t[0], t[0])), (x,), (x,)),
        ValueError,
        "doubled: the tangent that its jvp rule returned: its structure PyTreeSpec((*, *)) differs from *",
    ),
    "custom, a traced value from outside": (
        lambda: cr.grad(lambda x: np.sum(custom(lambda ct, y, z: (ct,), f=lambda z: z * x)(np.ones(3))))(x),
        cr.LeakedTracerError,
        "doubled: the function uses a traced value from outside; its rule cannot see that: pass the value as an "
        "argument",
    ),
    "checkpoint, another result": (
        lambda: cr.grad(unsteady())(1.0),
        cr.ModifiedArrayError,
        "<lambda>: done again for the backward pass, this checkpointed function gave another result: it must depend "
        "on its arguments only. Pass it every array that changes, and a seed for random numbers",
    ),
    # -- control flow as functions
    "scan, no pair": (
        lambda: cr.scan(lambda c, _: c, 1.0, length=1),
        TypeError,
        "scan: f must return a pair (carry, y); it returned 1.0 (at {here}): return (carry, None) if there is no y",
    ),
    "scan, no number": (
        lambda: cr.record(lambda x: cr.scan(lambda c, _: (c, None), (x, "a"), length=1), 1.0),
        TypeError,
        "scan: the carry holds 'a', which is no array of numbers (at {here})",
    ),
    "scan, a single number": (
        lambda: cr.scan(lambda c, x: (c, None), 1.0, 2.0),
        ValueError,
        "scan: xs holds a single number, which has no axis to run over (at {here})",
    ),
    "scan, no length": (
        lambda: cr.scan(lambda c, _: (c, None), 1.0),
        ValueError,
        "scan: how many steps? there is neither xs nor length (at {here}): give arrays of one length, or length=n",
    ),
    "scan, y of two structures": (
        lambda: cr.scan(lambda c, _: (c + 1, (c, c) if c else c), 0, length=2),
        TypeError,
        "scan: f returned y of the structure * first, and PyTreeSpec((*, *)) later (at {here})",
    ),
    "scan, a carry of another shape": (
        lambda: cr.scan(lambda c, _: (c[1:], None), x, length=2),
        TypeError,
        "scan: the carry was an array of shape (3,) and dtype float64 before a step and is an array of shape (2,) and "
        "dtype float64 after it (at {here}): it must keep its structure, shapes and dtypes",
    ),
    "cond, of several": (
        lambda: cr.cond(x > 0, np.sin, np.cos, x),
        ValueError,
        "cond: pred must be a single truth value; it has shape (3,) (at {here}): reduce it (np.all, np.any), or choose "
        "element by element with np.where",
    ),
    "cond, two structures": (
        lambda: cr.record(lambda x: cr.cond(x > 0, lambda: (x, x), lambda: x), 1.0),
        ValueError,
        "cond: true_f returned the structure PyTreeSpec((*, *)), false_f * (at {here})",
    ),
    "cond, two shapes": (
        lambda: cr.record(lambda x: cr.cond(np.all(x > 0), lambda: x, lambda: x[1:]), x),
        ValueError,
        "cond: true_f returned an array of shape (3,) where false_f returned one of shape (2,) (at {here}): both must "
        "return the same",
    ),
    "while_loop, a gradient of unknown length within a loop": (
        lambda: cr.record(cr.grad(loop_within_loop), 2.0),
        LooksAtValuesError,
        None,
    ),
    # -- after the end
    **{f"leaked from {k}": (lambda v=v: v() * 2, cr.LeakedTracerError, LEAKED) for k, v in LEAKS.items()},
    "leaked, in a ufunc": (lambda: np.sin(LEAKS["grad"]()), cr.LeakedTracerError, LEAKED),
    "leaked, in a function": (lambda: np.sum(LEAKS["grad"]()), cr.LeakedTracerError, LEAKED),
    "leaked, an index": (lambda: LEAKS["jvp"]()[0], cr.LeakedTracerError, LEAKED),
    "leaked, written into": (lambda: writes(LEAKS["jvp"]()), cr.LeakedTracerError, LEAKED),
    "leaked, made like": (lambda: np.zeros_like(LEAKS["vjp"]()), cr.LeakedTracerError, LEAKED),
    "leaked, its truth": (lambda: bool(LEAKS["grad"]()[0] > 0), cr.LeakedTracerError, LEAKED),
    "leaked, in another transform": (
        lambda: cr.grad(lambda z: np.sum(z * LEAKS["grad"]()))(x),
        cr.LeakedTracerError,
        LEAKED,
    ),
    "leaked, returned": (
        lambda: cr.vjp(lambda z: leak(lambda f: cr.grad(f)(z)), x),
        cr.LeakedTracerError,
        "vjp: the function returned a traced value of a transform that has ended; return it from the function that was "
        "transformed, instead of storing it outside",
    ),
    **{
        f"leaked, returned from a later {name}": (lambda use=use: use(LEAKS["grad"]()), cr.LeakedTracerError, None)
        for name, use in {  # bugs.md 30
            "vjp": lambda y: cr.vjp(lambda z: y, 1.0),
            "jvp": lambda y: cr.jvp(lambda z: y, (1.0,), (1.0,)),
            "record": lambda y: cr.record(lambda z: y, 1.0),
            "sparsity": lambda y: cr.sparsity(lambda z: y, 1.0),
            "vmap": lambda y: cr.vmap(lambda z: y)(x),
        }.items()
    },
    "leaked, stopped": (lambda: cr.stop_gradient(LEAKS["jvp"]()), cr.LeakedTracerError, None),
    "leaked, with a variable": (lambda: held() * LEAKS["vjp"](), cr.LeakedTracerError, LEAKED),
    "leaked, backward": (lambda: LEAKS["grad"]().backward(x), cr.LeakedTracerError, None),  # bugs.md 17
    # -- the library's own
    "a name taken": (
        lambda: register(PRIMITIVES["sin"]),
        ValueError,
        "register: there is a primitive named 'sin' already",
    ),
    # -- values that are no arrays of numbers
    "object array": (
        lambda: cr.grad(lambda x: np.sum(x * np.array([1, 2, 3], object)))(x),
        TypeError,
        "an array of dtype object met a traced array (at {here}); derivatives are of numbers: convert it, "
        "x.astype(float)",
    ),
    "dates": (
        lambda: cr.grad(lambda x: np.sum(np.where(x > 0, x, np.array("2020-01-01", "M8[D]"))))(x),
        TypeError,
        "an array of dtype datetime64[D] met a traced array (at {here}); derivatives are of numbers: convert it, "
        "x.astype(float)",
    ),
    "masked array": (
        lambda: cr.grad(np.sum)(np.ma.masked_array(x, x > 1)),
        TypeError,
        "numpy.ma.MaskedArray: its arithmetic is not that of an array (used at {here}), and chainrule differentiates "
        "arrays only: take np.asarray(x), or x.filled(...) of a masked array",
    ),
    "pickled inside": (
        lambda: cr.grad(lambda x: np.sum(pickle.loads(pickle.dumps(x))))(x),
        TypeError,
        "a traced value cannot be pickled, for it is of use only within the function that is transformed: return it "
        "from there, or pickle chainrule.stop_gradient(x)",
    ),
    "backward inside": (
        lambda: cr.grad(lambda x: np.sum(x).backward())(x),
        TypeError,
        "backward: this value (at {here}) belongs to a function that is being transformed; return it from there, or "
        "take gradients of it with chainrule.grad",
    ),
    "traced keyword": (
        lambda: cr.grad(lambda x: np.sum(custom(lambda ct, y, x, c: (ct,))(x, c=x)))(x),
        TypeError,
        "doubled: the keyword argument c is a traced value (at {here}), and rules give derivatives in positional "
        "arguments only: pass it as one",
    ),
    # -- affine functions, covariances, nonlinear programs
    "affine, curved": (
        lambda: cr.affine(lambda x: x**2, 3),
        ValueError,
        "affine: power of what depends on x is not affine (at {here}); the result must be a constant plus constants "
        "times elements of x",
    ),
    "affine, printed": (
        lambda: cr.affine(lambda x: x * float(f"{x[0]:.3f}"), 3),
        ValueError,
        "affine: formatting was asked of what depends on x (at {here}): that is not affine",
    ),
    "affine, size": (
        lambda: cr.affine(lambda x: x, 2.5),
        ValueError,
        "affine: n is the size or the shape of the argument; got 2.5",
    ),
    "covariance, NaN": (
        lambda: cr.propagate(np.sin, x, x * np.nan),
        ValueError,
        "propagate: cov holds NaN or infinity",
    ),
    "covariance, shape": (
        lambda: cr.propagate(np.sin, x, X),
        ValueError,
        "propagate: cov has shape (2, 3); for x of shape (3,) it holds variances, of that shape, or is a matrix of "
        "shape (3, 3)",
    ),
    "covariance, negative": (
        lambda: cr.propagate(np.sin, x, -x),
        ValueError,
        "propagate: cov has a negative variance; variances are squares of standard deviations",
    ),
    "covariance, not symmetric": (
        lambda: cr.propagate(np.sin, x, np.triu(np.ones((3, 3)))),
        ValueError,
        "propagate: cov is not symmetric: it differs from its transpose by up to 1",
    ),
    "program, structure": (
        lambda: cr.nlp(lambda x: x[0] * x[1] if x[0] > 0 else x[1] * x[2], None, x).hessian(-x, np.zeros(0), 1.0),
        ValueError,
        "nlp: the Hessian of the Lagrangian has an entry at (2, 1) that it did not have at x0: its structure depends "
        "on values (a branch, an index), and solvers need one that does not change",
    ),
    "program, NaN": (lambda: cr.nlp(np.sum, None, x * np.nan), ValueError, "nlp: x0 holds NaN or infinity"),
    "program, several numbers": (
        lambda: cr.nlp(np.sin, None, x),
        ValueError,
        "nlp: the objective must be a single number; it has the shape (3,)",
    ),
    "program, traced": (
        lambda: cr.grad(lambda a: cr.nlp(np.sum, lambda x: a * x, x).m * a)(1.0),
        cr.LeakedTracerError,
        "nlp: a function uses a traced value from outside (at {here}): pass plain arrays",
    ),
    "program, no IPOPT": (
        without_ipopt,
        ImportError,
        'nlp: IPOPT is not installed: pip install "chainrule[ipopt]"',
    ),
}

# Texts with something in them that is not known beforehand, or that a rule of later will take away: a pattern.
PATTERNS = {
    "push of another shape": r"push: .* has shape \(2,\), .* has shape \(3,\)",
    "a changed array": r"an array of shape \(10000,\) and dtype float64 was changed in place after it was used at "
    r".*test_errors.py:\d+, in modified, and the backward pass needs its old values: use a copy\(\) there, or change "
    r"the array after the backward pass",
    "a read-only view": r"writing into a view that NumPy shares with another traced array \(at .*test_errors.py:\d+, "
    r"in writes\): write into that array itself, or into a copy\(\) of the view|.*read-only.*",
    "rule, too many": r"doubled: its vjp rule must return a tuple with a cotangent \(or None\) for each of its 1 "
    r"arguments; it returned .*",
    "while_loop, a gradient of unknown length within a loop": r"while_loop: its backward pass has to know how often it "
    r"goes round \(at .*\), and that differs from one iteration of the loop around it to the next: use "
    r"chainrule.fori_loop or chainrule.scan with as many rounds as may be needed, and np.where for those that are not",
    "a body that looks at values": r".* was asked for in the body of a loop or branch \(at .*\), and it differs from "
    r"one iteration to the next: choose with chainrule.cond or np.where",
}
HAS_ENDED = r".*transform that (made it )?had ended.*|.*transform that has ended.*"


def own_line(error):
    """The line of this file that was reached last before the error: what the text has to name."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == __file__]
    return f"{__file__}:{frames[-1].lineno}, in {frames[-1].name}"


@pytest.mark.parametrize(("name", "raises", "kind", "text"), [(n, *c) for n, c in CASES.items()], ids=CASES.keys())
def test_the_text_of_an_error(name, raises, kind, text):
    with pytest.raises(kind) as caught:
        raises()
    assert type(caught.value) is kind
    if text is None:
        assert re.fullmatch(PATTERNS.get(name, HAS_ENDED), str(caught.value))
    else:
        assert str(caught.value) == text.replace("{here}", own_line(caught.value))


def test_a_loop_of_unknown_length_says_what_it_asked_for():
    with pytest.raises(cr.LostGradientError) as caught:
        cr.record(cr.grad(loop_within_loop), 2.0)
    assert re.fullmatch(PATTERNS["a body that looks at values"], str(caught.value.__cause__))


def test_filling_a_plain_array_with_numbers_says_which_array_to_make():
    # NumPy puts an error of its own, which says nothing, in front of ours.
    with pytest.raises((TypeError, ValueError), match="setting an array element with a sequence") as caught:
        cr.grad(filled_by_numbers)(x)
    text = NUMBER.format(kind="float").replace("{here}", own_line(caught.value))
    assert str(caught.value.__cause__ or caught.value).endswith(text)


def test_errors_are_of_kinds_that_are_caught_as_one_would_expect():
    assert issubclass(cr.LostGradientError, TypeError)
    assert issubclass(cr.NonFiniteError, FloatingPointError)
    assert issubclass(cr.MissingRuleError, NotImplementedError)
    for kind in (cr.ModifiedArrayError, cr.FreedTapeError, cr.LeakedTracerError):
        assert issubclass(kind, RuntimeError)


def test_every_error_of_the_core_has_its_text_here():
    """The longest constant piece of the text of each error that is made in core, transforms and jacobians."""
    known = " ".join([text or "" for _, _, text in CASES.values()]) + " ".join(PATTERNS.values()).replace("\\", "")
    package = pathlib.Path(cr.__file__).parent
    missing = []
    for part in ("core", "transforms", "jacobians"):
        for path in sorted((package / part).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Error"):
                    for piece in pieces(node):
                        if piece not in known:
                            missing.append(f"{path.name}:{node.lineno}: {piece}")
    assert missing == []


def pieces(call):
    """The longest piece of each text that may stand in an error: of both, where there is an `if`."""
    for arg in call.args:
        texts = [arg.body, arg.orelse] if isinstance(arg, ast.IfExp) else [arg]
        for text in texts:
            found = [n.value for n in ast.walk(text) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            if found:
                yield max(found, key=len)


# -- nothing is left half done -------------------------------------------------------------------------------


def test_an_error_in_the_function_leaves_nothing_behind():
    class Stop(Exception):
        pass

    def stops(x):
        y = np.sin(x)
        if np.sum(y) < 10:
            raise Stop
        return np.sum(y)

    for use in (
        cr.grad(stops),
        cr.hessian(stops),
        lambda x: cr.jvp(stops, (x,), (x,)),
        lambda x: cr.record(stops, x),
        lambda x: cr.sparsity(stops, x, local=True),
        cr.grad(cr.checkpoint(stops)),
        lambda x: cr.grad(lambda x: cr.grad(stops)(x)[0])(x),
    ):
        with pytest.raises(Stop):
            use(x)
        assert np.array_equal(cr.grad(np.sum)(x), np.ones(3))
        assert np.array_equal(cr.grad(lambda x: np.sum(cr.grad(lambda x: np.sum(x * x))(x)))(x), [2, 2, 2])


def test_a_singular_matrix_raises_as_in_numpy_and_harms_nothing():  # needs the rules of numpy.linalg
    w = cr.variable(np.ones((2, 2)))
    for f in (np.linalg.inv, lambda A: np.linalg.solve(A, np.ones(2)), lambda A: np.linalg.cholesky(-A)):
        with pytest.raises(np.linalg.LinAlgError):
            f(w)
    np.sum(w * 2).backward()
    assert np.array_equal(w.grad, np.full((2, 2), 2.0))


def test_an_index_out_of_range_raises_as_in_numpy():
    with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 3"):
        cr.grad(lambda x: x[5])(x)
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        cr.grad(lambda x: np.sum(x[np.array([0, 7])]))(x)
    with pytest.raises(IndexError, match="boolean index did not match indexed array along axis 0; size of axis is 3"):
        cr.grad(lambda x: np.sum(x[np.array([True, False])]))(x)
    with pytest.raises(IndexError, match="out of bounds"):
        cr.grad(lambda x: np.sum(np.take(x, [4])))(x)


def test_the_line_is_that_of_the_user_however_deep():
    def inner(x):
        return np.sum(np.array(x))  # the line

    line = inner.__code__.co_firstlineno + 1
    for use in (
        lambda: cr.grad(inner)(x),
        lambda: cr.hessian(inner)(x),
        lambda: cr.jvp(lambda x: inner(x * 2), (x,), (x,)),
        lambda: cr.vmap(inner)(X),
        lambda: cr.grad(lambda x: np.apply_along_axis(inner, 0, x))(x),
        lambda: cr.grad(functools.partial(inner))(x),
        lambda: cr.record(inner, x),
        lambda: inner(held()),
    ):
        with pytest.raises(cr.LostGradientError, match=rf"\(at .*test_errors.py:{line}, in inner\)"):
            use()


def test_equality_hash_and_membership():
    w = held()
    assert (w == w).tolist() == [True] * 3
    assert {w: 1}[w] == 1  # by identity, as for arrays in sets of variables
    assert 2.0 in w
    assert 5.0 not in w
    assert hash(w) != hash(held())

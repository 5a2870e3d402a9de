"""Trees of arrays in and out of every transform: dict, list, tuple, namedtuple, dataclass, None, and nests of them."""

import dataclasses
from collections import OrderedDict, namedtuple
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr
from chainrule.core.tree import flatten

agree = partial(assert_allclose, rtol=1e-12, atol=1e-14, strict=True)

Point = namedtuple("Point", ["x", "y"])
A, B = np.array([1.0, 2.0]), np.array([[3.0, 4.0], [5.0, 6.0]])


@dataclasses.dataclass
class Layer:
    weight: np.ndarray
    bias: np.ndarray


@dataclasses.dataclass(frozen=True)
class Frozen:
    weight: np.ndarray
    bias: np.ndarray


@dataclasses.dataclass(slots=True)
class Slotted:
    weight: np.ndarray
    bias: np.ndarray


@dataclasses.dataclass
class Checked:
    """One whose constructor looks at its arguments, which a tree of gradients need not satisfy."""

    weight: np.ndarray
    bias: np.ndarray
    total: float = dataclasses.field(init=False, default=1.0)

    def __post_init__(self):
        if isinstance(self.weight, np.ndarray) and np.any(self.weight < 0):
            raise ValueError("negative")


TREES = {
    "dict": {"b": B, "a": A},
    "list": [A, B],
    "tuple": (A, B),
    "namedtuple": Point(A, B),
    "dataclass": Layer(A, B),
    "frozen dataclass": Frozen(A, B),
    "dataclass with slots": Slotted(A, B),
    "dataclass with a check": Checked(A, B),
    "ordered dict": OrderedDict(z=A, y=B),
    "nested": {"layers": [Layer(A, B), (Point(A, 2.0), {"deep": [[[B]]]})], "scale": 3.0},
    "None leaves": {"a": A, "none": None, "list": [None, (B, None)]},
    "empty parts": {"a": A, "empty": {}, "list": [], "tuple": ()},
    "numbers": (1.0, np.float64(2.0), np.array(3.0)),
    "one array": A,
    "one number": 2.0,
}


def total(tree):
    """A function of all leaves, with gradient 3 leaf^2."""
    return sum(np.sum(leaf**3) for leaf in flatten(tree)[0])


def same_tree(found, expected):
    """The same structure, types included, and the same leaves."""
    leaves, structure = flatten(found)
    expected_leaves, expected_structure = flatten(expected)
    assert structure == expected_structure, f"{structure} instead of {expected_structure}"
    for a, b in zip(leaves, expected_leaves, strict=True):
        agree(a, b)


def mapped(f, tree):
    leaves, structure = flatten(tree)
    return structure.unflatten([f(np.float64(leaf) if isinstance(leaf, float) else leaf) for leaf in leaves])


@pytest.fixture(params=TREES)
def tree(request):
    return TREES[request.param]


# ---- in and out of each transform -------------------------------------------------------------------------------


def test_gradients_have_the_structure_of_the_argument(tree):
    same_tree(cr.grad(total)(tree), mapped(lambda a: 3 * a**2, tree))
    value, gradient = cr.value_and_grad(total)(tree)
    agree(value, total(tree))
    same_tree(gradient, mapped(lambda a: 3 * a**2, tree))


def test_containers_keep_their_type(tree):
    assert type(cr.grad(total)(tree)) in (type(tree), np.ndarray, np.float64)


def test_vjp_takes_and_returns_trees(tree):
    twice = lambda tree: mapped(lambda a: a * a, tree)
    y, pullback = cr.vjp(twice, tree)
    same_tree(y, twice(tree))
    (found,) = pullback(y)
    same_tree(found, mapped(lambda a: 2 * a**3, tree))


def test_jvp_and_linearize_take_and_return_trees(tree):
    twice = lambda tree: mapped(lambda a: a * a, tree)
    y, t = cr.jvp(twice, (tree,), (tree,))
    same_tree(y, twice(tree))
    same_tree(t, mapped(lambda a: 2 * a * a, tree))
    y, push = cr.linearize(twice, tree)
    same_tree(y, twice(tree))
    same_tree(push(tree), mapped(lambda a: 2 * a * a, tree))


def test_vmap_takes_and_returns_trees(tree):
    batch = mapped(lambda a: np.stack([a, 2 * a, 3 * a]), tree)
    found = cr.vmap(lambda tree: mapped(np.sin, tree))(batch)
    same_tree(found, mapped(np.sin, batch))
    agree(cr.vmap(total)(batch), np.array([1.0, 8.0, 27.0]) * total(tree))


def test_record_and_checkpoint_take_and_return_trees(tree):
    twice = lambda tree: mapped(lambda a: a * a, tree)
    same_tree(cr.record(twice, tree)(twice(tree)), twice(twice(tree)))
    same_tree(cr.checkpoint(twice)(tree), twice(tree))
    same_tree(cr.grad(lambda tree: total(cr.checkpoint(twice)(tree)))(tree), mapped(lambda a: 6 * a**5, tree))


def test_hvp_takes_and_returns_trees(tree):
    same_tree(cr.hvp(total)(tree, tree), mapped(lambda a: 6 * a**2, tree))


def test_jacobian_returns_trees_of_trees(tree):
    J = cr.jacobian(lambda tree: {"s": total(tree)})(tree)
    same_tree(J["s"], mapped(lambda a: 3 * a**2, tree))


def test_stop_gradient_takes_trees(tree):
    gradient = cr.grad(lambda tree: total(cr.stop_gradient(tree)) + 0.0)(tree)
    same_tree(gradient, mapped(lambda a: 0 * a, tree))


def test_compositions_take_trees(tree):
    same_tree(cr.grad(lambda tree: total(cr.grad(total)(tree)))(tree), mapped(lambda a: 162 * a**5, tree))
    batch = mapped(lambda a: np.stack([a, 2 * a]), tree)
    same_tree(cr.vmap(cr.grad(total))(batch), mapped(lambda a: 3 * a**2, batch))


# ---- argnums, several arguments ---------------------------------------------------------------------------------


def test_argnums_with_trees():
    f = lambda p, x, q: total(p) * x + np.sum(q[0])
    p, x, q = {"a": A}, 2.0, (B, 1.0)
    gp, gq = cr.grad(f, argnums=(0, 2))(p, x, q)
    same_tree(gp, {"a": 2 * 3 * A**2})
    same_tree(gq, (np.ones_like(B), np.float64(0.0)))
    agree(cr.grad(f, argnums=1)(p, x, q), total(p))
    (only,) = cr.grad(f, argnums=[-1])(p, x, q)
    same_tree(only, gq)


def test_a_tree_of_leaves_that_are_not_all_floating_point_is_an_error_that_says_where():
    with pytest.raises(TypeError, match=r"argument 0 has (dtype int64|type int)"):
        cr.grad(lambda p: p["a"] * p["n"])({"a": 1.0, "n": 3})
    with pytest.raises(TypeError, match="type str"):
        cr.grad(lambda p: p["a"])({"a": 1.0, "name": "x"})


# ---- auxiliary results ------------------------------------------------------------------------------------------


AUX = {
    "int": 3,
    "string": "label",
    "None": None,
    "bool": True,
    "list of strings": ["a", "b"],
    "tree of all": {"n": 3, "s": "label", "none": None, "flag": False, "t": (1, "x")},
    "array of integers": np.arange(3),
    "array of strings": np.array(["a", "b"]),
    "a function": np.sin,
    "a set": {1, 2},
    "bytes": b"abc",
}


@pytest.mark.parametrize("name", AUX)
def test_auxiliary_results_of_any_kind(name):
    aux = AUX[name]

    def check(found):
        if isinstance(aux, np.ndarray):
            assert np.array_equal(found, aux)
        else:
            assert found == aux
            assert type(found) is type(aux)

    f = lambda x: (np.sum(x**2), aux)
    gradient, found = cr.grad(f, has_aux=True)(A)
    agree(gradient, 2 * A)
    check(found)
    (value, found), gradient = cr.value_and_grad(f, has_aux=True)(A)
    agree(value, np.sum(A**2))
    check(found)
    _, pullback, found = cr.vjp(f, A, has_aux=True)
    agree(pullback(1.0)[0], 2 * A)
    check(found)
    _, t, found = cr.jvp(f, (A,), (A,), has_aux=True)
    agree(t, 2 * np.sum(A**2))
    check(found)
    J, found = cr.jacobian(f, has_aux=True)(A)
    agree(J, 2 * A)
    check(found)


@pytest.mark.parametrize("transform", ["grad", "value_and_grad", "vjp", "jvp", "jacobian"])
def test_traced_values_in_the_auxiliary_result_come_back_plain(transform):
    def f(x):
        return np.sum(x**2), {"half": x / 2, "label": "half", "list": [np.sum(x), None, 1]}

    aux = {
        "grad": lambda: cr.grad(f, has_aux=True)(A)[1],
        "value_and_grad": lambda: cr.value_and_grad(f, has_aux=True)(A)[0][1],
        "vjp": lambda: cr.vjp(f, A, has_aux=True)[2],
        "jvp": lambda: cr.jvp(f, (A,), (A,), has_aux=True)[2],
        "jacobian": lambda: cr.jacobian(f, has_aux=True)(A)[1],
    }[transform]()
    assert type(aux["half"]) is np.ndarray
    agree(aux["half"], A / 2)
    assert aux["label"] == "half"
    assert float(aux["list"][0]) == 3.0
    assert aux["list"][1:] == [None, 1]


def test_an_auxiliary_result_of_an_inner_transform_is_traced_by_the_outer_one():
    def f(x):
        gradient, half = cr.grad(lambda y: (np.sum(y**2) * x, x * y), has_aux=True)(A)
        return np.sum(gradient) + np.sum(half)

    agree(cr.grad(f)(2.0), np.float64(2 * 3.0 + 3.0))


def test_without_has_aux_what_is_no_array_is_an_error_that_names_it():
    for transform in (
        lambda f: cr.vjp(f, A),
        lambda f: cr.jvp(f, (A,), (A,)),
        lambda f: cr.linearize(f, A),
        lambda f: cr.jacobian(f)(A),
        lambda f: cr.vmap(f)(A),
        lambda f: cr.record(f, A),
    ):
        with pytest.raises(TypeError, match="returned 'text' among its results"):
            transform(lambda x: (x, "text"))


@pytest.mark.parametrize("wrong", [lambda x: np.sum(x), lambda x: [np.sum(x), 1], lambda x: (np.sum(x), 1, 2)])
def test_with_has_aux_a_pair_is_needed(wrong):
    with pytest.raises(TypeError, match="pair"):
        cr.grad(wrong, has_aux=True)(A)


# ---- structures that do not fit ---------------------------------------------------------------------------------


def test_tangents_and_cotangents_of_another_structure_are_errors():
    f = lambda p: p["a"] * p["b"]
    p = {"a": A, "b": A}
    with pytest.raises(ValueError, match="structure"):
        cr.jvp(f, (p,), ({"a": A},))
    with pytest.raises(ValueError, match="structure"):
        cr.jvp(f, (p,), ((A, A),))
    with pytest.raises(ValueError, match="structure"):
        cr.vjp(f, p)[1]((A,))
    with pytest.raises(ValueError, match="structure"):
        cr.linearize(f, p)[1](A)


def test_in_axes_may_be_a_prefix_of_the_tree():
    f = lambda p, x: p["w"] * x + p["b"]
    p = {"w": np.array([1.0, 2.0]), "b": 5.0}
    x = np.array([10.0, 20.0])
    agree(cr.vmap(f, ({"w": 0, "b": None}, 0))(p, x), np.array([15.0, 45.0]))
    agree(cr.vmap(f, (None, 0))(p, x).shape, (2, 2))
    with pytest.raises(ValueError, match="prefix"):
        cr.vmap(f, ({"w": 0}, 0))(p, x)


def test_a_tree_is_not_changed():
    p = {"b": B.copy(), "a": [A.copy()]}
    cr.grad(total)(p)
    assert list(p) == ["b", "a"]
    agree(p["b"], B)
    agree(p["a"][0], A)

"""What explain says: every value, adjoint and local partial derivative; its text, letter by letter; its picture."""

import re
import subprocess
import sys
from functools import partial
from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose

import chainrule as cr
from chainrule.explain import Explanation, Value
from chainrule.explain.layout import layered
from chainrule.explain.svg import drawing

agree = partial(assert_allclose, rtol=1e-13, atol=1e-15, strict=True)  # strict: shapes and dtypes agree too


def log_product_sine(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def cells_of(f, *args):
    """What the table says in each line, but for the name: the cells that are not empty."""
    return [re.split(r"\s{2,}", line)[1:] for line in str(cr.explain(f)(*args)).splitlines()[3:]]


def adjoints_of(f, *args):
    return {v.name: v.adjoint for v in cr.explain(f)(*args).values}


# ---- numbers: values, adjoints, local partials -------------------------------------------------------------------


def test_every_value_of_the_logarithm_product_and_sine():
    e = cr.explain(log_product_sine)(2.0, 5.0)
    agree([v.value for v in e.values], [2, 5, np.log(2), 10.0, np.log(2) + 10, np.sin(5), np.log(2) + 10 - np.sin(5)])


def test_every_adjoint_of_the_logarithm_product_and_sine():
    e = cr.explain(log_product_sine)(2.0, 5.0)
    agree([v.adjoint for v in e.values], [5.5, 2 - np.cos(5), 1, 1, 1, -1, 1])


def test_every_local_partial_of_the_logarithm_product_and_sine():
    e = cr.explain(log_product_sine)(2.0, 5.0)
    found = {v.name: [(o.name, d) for o, d in zip(v.operands, v.partials, strict=True)] for v in e.values}
    assert found == {
        "v1": [],
        "v2": [],
        "v3": [("v1", 0.5)],
        "v4": [("v1", 5.0), ("v2", 2.0)],
        "v5": [("v3", 1.0), ("v4", 1.0)],
        "v6": [("v2", np.cos(5.0))],
        "v7": [("v5", 1.0), ("v6", -1.0)],
    }


def test_an_adjoint_is_the_sum_over_its_uses_of_adjoint_times_local_partial():
    e = cr.explain(lambda x, y: np.tanh(x * y) * np.exp(x - y) / (x * x + y))(0.3, 1.7)
    expected = dict.fromkeys(e.values, 0.0)
    expected[e.outputs[0]] = 1.0
    for v in reversed(e.values):
        for operand, d in zip(v.operands, v.partials, strict=True):
            expected[operand] += expected[v] * d
    agree([v.adjoint for v in e.values], list(expected.values()))


def test_the_adjoints_of_the_inputs_are_the_gradient():
    def f(x, y):
        return np.sum(np.exp(x @ y) * y[0]) + np.max(x)

    x, y = np.arange(6.0).reshape(2, 3) / 7, np.arange(3.0) - 1
    e = cr.explain(f)(x, y)
    for v, gradient in zip(e.inputs, cr.grad(f, argnums=(0, 1))(x, y), strict=True):
        agree(v.adjoint, gradient)


def test_gradients_add_where_a_value_branches():
    e = cr.explain(lambda x: x * x + x)(7.0)
    assert e["v2"].partials == (7.0, 7.0)
    agree(e["v1"].adjoint, np.float64(15.0))


def test_a_value_that_the_result_does_not_depend_on_has_the_adjoint_zero():
    def f(x, y):
        np.exp(y)
        return 3 * x

    e = cr.explain(f)(1.0, np.ones(2))
    agree([v.adjoint for v in e.values if v.value.shape == ()], [3.0, 1.0])
    agree(e["v2"].adjoint, np.zeros(2))
    agree(e["v3"].adjoint, np.zeros(2))


def test_matrices_have_adjoints_of_their_own_shape():
    W, x, seed = np.arange(6.0).reshape(2, 3), np.array([1.0, -1.0, 2.0]), np.array([3.0, 4.0])
    adjoints = adjoints_of(lambda W, x: seed @ (W @ x), W, x)
    agree(adjoints["v1"], np.outer(seed, x))
    agree(adjoints["v2"], seed @ W)
    agree(adjoints["v3"], seed)


def test_broadcasting_sums_the_adjoint_back_to_the_shape_of_the_value():
    adjoints = adjoints_of(lambda X, b: np.sum(X * b), np.ones((4, 3)), np.array([1.0, 2.0, 3.0]))
    agree(adjoints["v1"], np.tile([1.0, 2.0, 3.0], (4, 1)))
    agree(adjoints["v2"], np.full(3, 4.0))


def test_float32_stays_float32():
    e = cr.explain(lambda x: np.sum(np.sin(x) * 2))(np.ones(3, np.float32))
    assert {v.value.dtype for v in e.values} == {v.adjoint.dtype for v in e.values} == {np.dtype(np.float32)}


def test_a_complex_input_has_the_gradient_as_its_adjoint():
    agree(adjoints_of(np.abs, 3 + 4j)["v1"], np.complex128(0.6 + 0.8j))


def test_at_a_pole_the_numbers_are_infinite():
    with np.errstate(divide="ignore"):
        e = cr.explain(np.log)(0.0)
    assert e["v2"].value == -np.inf
    assert e["v1"].adjoint == e["v2"].partials[0] == np.inf


# ---- programs ----------------------------------------------------------------------------------------------------


def test_of_an_if_there_is_the_branch_that_was_taken():
    def bent(x):
        return x**3 if x > 1 else 5 * x

    assert cells_of(bent, 2.0) == [["x", "2", "12"], ["v1 > 1", "True"], ["v1 ** 3", "8", "1", "dv3/dv1 = 12"]]
    assert cells_of(bent, 0.5) == [["x", "0.5", "5"], ["v1 > 1", "False"], ["5 * v1", "2.5", "1", "dv3/dv1 = 5"]]


def test_of_a_loop_there_are_all_the_turns():
    def f(x):
        while x < 10:
            x = x * 2
        return x

    e = cr.explain(f)(3.0)
    assert [v.operation for v in e.values] == [None, "less", "multiply", "less", "multiply", "less"]
    agree(e["v1"].adjoint, np.float64(4.0))
    assert e.outputs == (e["v5"],)


def test_writes_in_place_are_values_of_their_own():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0] * x[1]
        y[1:] = 3 * x[1:]
        y += 1
        return np.sum(y)

    assert cells_of(f, np.array([2.0, 5.0])) == [
        ["x", "[2, 5]", "[5, 5]"],
        ["constant", "[0, 0]", "[0, 0]"],
        ["v1[0]", "2", "5"],
        ["v1[1]", "5", "2"],
        ["v3 * v4", "10", "1", "dv5/dv3 = 5, dv5/dv4 = 2"],
        ["v2 with [0] = v5", "[10, 0]", "[1, 0]"],
        ["v1[1:]", "[5]", "[3]"],
        ["3 * v7", "[15]", "[1]"],
        ["v6 with [1:] = v8", "[10, 15]", "[1, 1]"],
        ["v9 + 1", "[11, 16]", "[1, 1]"],
        ["sum(v10, axes=(0,))", "27", "1"],
    ]


def test_a_custom_function_is_one_operation_under_its_name():
    @cr.custom
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    @sigmoid.defvjp
    def _(ct, y, x):
        return (ct * y * (1 - y),)

    assert cells_of(sigmoid, 0.0) == [["x", "0", "0.25"], ["sigmoid(v1)", "0.5", "1", "dv2/dv1 = 0.25"]]


def test_stop_gradient_has_the_local_partial_zero():
    e = cr.explain(lambda x: cr.stop_gradient(x) * x)(2.0)
    assert e["v2"].partials == (0.0,)
    agree(e["v1"].adjoint, np.float64(2.0))


def test_the_gradient_of_a_function_is_a_function_to_explain():
    e = cr.explain(cr.grad(log_product_sine))(2.0, 5.0)
    assert e.call == "log_product_sine(x1, x2)"
    agree(e.outputs[0].value, np.float64(5.5))
    agree([v.adjoint for v in e.inputs], [-1 / 4, 1.0])  # 1/x1 + x2


def test_an_explanation_inside_a_transform_is_one_of_plain_numbers():
    seen = []

    def f(x):
        seen.append(cr.explain(lambda y: y * y)(x))
        return x**3

    agree(cr.grad(f)(2.0), np.float64(12.0))
    assert str(seen[0]) == str(cr.explain(lambda y: y * y)(2.0))


# ---- arguments and results ---------------------------------------------------------------------------------------


class Point(NamedTuple):
    x: float
    y: float


def test_the_leaves_of_trees_are_inputs_with_the_names_that_reach_them():
    def f(p, rest):
        return p["W"] * p["b"] + rest[0] * rest[1].y

    e = cr.explain(f)({"W": 2.0, "b": 3.0}, (4.0, Point(5.0, 6.0)))
    assert e.title == "f(p, rest) = v8 = 30"
    assert [v.label for v in e.inputs] == ["p['W']", "p['b']", "rest[0]", "rest[1].x", "rest[1].y"]
    agree([v.adjoint for v in e.inputs], [3.0, 2.0, 6.0, 0.0, 4.0])


def test_a_function_of_any_number_of_arguments_names_them_by_position():
    e = cr.explain(lambda first, *others: first * others[1])(1.0, 2.0, 3.0)
    assert [v.label for v in e.inputs] == ["first", "others[0]", "others[1]"]


def test_a_ufunc_and_a_partial_function_have_names():
    assert cr.explain(np.arctan2)(0.0, 1.0).title == "arctan2(x1, x2) = v3 = 0"
    assert cr.explain(partial(log_product_sine, 2.0))(5.0).title == "log_product_sine(x2) = v5 = 11.6521"


def test_keyword_arguments_are_constants():
    def power(x, *, n, mode):
        return x**n if mode == "up" else x

    e = cr.explain(power)(2.0, n=3, mode="up")
    assert e.title == "power(x) = v2 = 8"
    assert e["v2"].operands == (e["v1"], 3)


def test_an_integer_argument_has_no_adjoint():
    e = cr.explain(lambda x, n: x * n)(2.0, 3)
    assert e["v2"].adjoint is None
    assert e["v3"].partials == (3.0, None)
    agree(e["v1"].adjoint, np.float64(3.0))


@pytest.mark.parametrize(
    ("f", "title"),
    [
        (lambda x: np.stack([x, x**2]), "f(x) = v5 = [3, 9]; no adjoints, the result is an array of shape (2,)"),
        (lambda x: (x, 2 * x), "f(x) = (v1, v2); no adjoints, the result is 2 values"),
        (lambda x: x > 2, "f(x) = v2 = True; no adjoints, the result is of dtype bool"),
        (lambda x: x + 0j, "f(x) = v2 = 3+0j; no adjoints, the result is of dtype complex128"),
        (lambda x: {}, "f(x) = (); no adjoints, the result is 0 values"),
    ],
)
def test_without_a_single_real_result_there_are_values_only(f, title):
    e = cr.explain(f)(3.0)
    assert e.title == title
    assert all(v.adjoint is None for v in e.values)
    assert all(d is None for v in e.values for d in v.partials)
    assert "adjoint" not in "".join(str(e).splitlines()[1:])
    assert "adjoint" not in ElementTree.fromstring(e.svg())[-1].text


def test_a_result_that_is_an_input_or_a_constant():
    agree(adjoints_of(lambda x: x, 3.0)["v1"], np.float64(1.0))
    assert cells_of(lambda x: 7.0, 3.0) == [["x", "3", "0"], ["constant", "7", "1"]]


def test_the_values_stand_on_their_own():
    x = np.array([1.0, 2.0])
    e = cr.explain(lambda x: x @ x)(x)
    assert isinstance(e, Explanation)
    assert isinstance(e["v2"], Value)
    assert len(e) == len(e.values) == 2
    assert e.inputs == (e["v1"],)
    assert e.outputs == (e["v2"],)
    assert repr(e["v1"]) == "<v1: x, shape (2,)>"
    with pytest.raises(KeyError, match="v9: the values are named v1 to v2"):
        e["v9"]


def test_a_later_change_of_an_argument_does_not_change_the_explanation():
    x = np.array([1.0, 2.0])
    e = cr.explain(lambda x: np.sum(x))(x)
    x[:] = 7
    agree(e["v1"].value, np.array([1.0, 2.0]))


# ---- errors ------------------------------------------------------------------------------------------------------


def test_an_argument_that_is_no_array():
    with pytest.raises(TypeError) as refused:
        cr.explain(lambda x, mode: x)(1.0, "sum")
    assert str(refused.value) == (
        "explain: argument 1 holds 'sum', which is no array of numbers; bind such arguments beforehand "
        "(functools.partial, lambda)"
    )


def test_a_result_that_is_no_array():
    with pytest.raises(TypeError) as refused:
        cr.explain(lambda x: {"a": x, "b": "text"})(1.0)
    assert str(refused.value) == (
        "explain: the function returned 'text' among its results; return arrays and numbers only"
    )


def test_an_error_in_the_function_comes_out_as_it_is():
    with pytest.raises(ZeroDivisionError, match="by hand"):
        cr.explain(lambda x: (_ for _ in ()).throw(ZeroDivisionError("by hand")))(1.0)


def test_saving_under_a_name_that_says_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"^save: 'graph.png' must end in .svg \(the picture\) or .txt \(the table\)$"):
        cr.explain(np.sin)(1.0).save(tmp_path / "graph.png")
    assert list(tmp_path.iterdir()) == []


# ---- text --------------------------------------------------------------------------------------------------------


def test_the_table_of_a_regression():
    def loss(w, X, t):
        return np.mean((X @ w - t) ** 2)

    X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    e = cr.explain(loss)(np.array([0.5, -0.25]), X, np.array([0.0, 1.0, 1.0]))
    assert (
        str(e)
        == repr(e)
        == """\
loss(w, X, t) = v8 = 0.604167

    operation           value              adjoint                         local partials
v1  w                   [0.5, -0.25]       [-0.833333, -1.83333]
v2  X                   (3, 2) in 0 .. 2   (3, 2) in -0.3333 .. 0.1667
v3  t                   [0, 1, 1]          [-0.333333, 0.5, 0.666667]
v4  v2 @ v1             [0.5, 0.25, 0]     [0.333333, -0.5, -0.666667]
v5  v4 - v3             [0.5, -0.75, -1]   [0.333333, -0.5, -0.666667]
v6  v5 ** 2             [0.25, 0.5625, 1]  [0.333333, 0.333333, 0.333333]
v7  sum(v6, axes=(0,))  1.8125             0.333333
v8  v7 / 3              0.604167           1                               dv8/dv7 = 0.333333"""
    )


def test_expressions_read_like_the_program():
    def f(x, y):
        a = -x[0, ::2] + y[:, None, 1]
        b = a[np.array([1, 0])] @ np.eye(2)
        return np.sum(np.where(b > 0, b, np.maximum(b, 0.5))) / 2

    assert [expression for expression, *_ in cells_of(f, np.ones((2, 4)), np.ones((2, 3)))] == [
        "x",
        "y",
        "v1[0, ::2]",
        "-v3",
        "v2[:, None, 1]",
        "v4 + v5",
        "v6[[1, 0]]",
        "v7 @ array(2, 2)",
        "v8 > 0",
        "maximum(v8, 0.5)",
        "where(v9, v8, v10)",
        "sum(v11, axes=(0, 1))",
        "v12 / 2",
    ]


def test_saving_writes_what_is_shown_and_makes_the_directories(tmp_path):
    e = cr.explain(log_product_sine)(2.0, 5.0)
    e.save(tmp_path / "deep" / "down" / "graph.txt")
    e.save(str(tmp_path / "graph.svg"))
    assert (tmp_path / "deep" / "down" / "graph.txt").read_text(encoding="utf-8") == f"{e}\n"
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == e.svg() == e._repr_svg_()


# ---- the picture -------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def network(p, x):
    hidden = np.tanh(p["W1"] @ x + p["b1"])
    return np.sum((p["W2"] @ hidden - 1) ** 2)


def unrolled(w, xs):
    h = 0.0
    for x in xs:
        h = np.tanh(w * h + x)
    return h


def tangled(x, y):
    a, b, c = x * x * x * x, np.sin(x) * np.cos(y) / x, np.exp(y - x * y)
    return a + b * c + a / c - x


PICTURED = {
    "logarithm, product, sine": (log_product_sine, (2.0, 5.0)),
    "one value": (lambda x: x, (1.0,)),
    "one operation": (np.sin, (1.0,)),
    "constants only": (lambda: 1.0, ()),
    "nothing": (lambda: (), ()),
    "a network": (network, ({"W1": np.ones((4, 3)), "b1": np.zeros(4), "W2": np.ones((2, 4))}, np.ones(3))),
    "unrolled": (unrolled, (0.5, list(np.linspace(-1, 1, 6)))),
    "tangled": (tangled, (0.3, 0.7)),
    "a gradient": (cr.grad(log_product_sine), (2.0, 5.0)),
    "several results": (lambda x: (x, x[0] > 1, np.sum(x)), (np.ones(2),)),
    "letters to escape": (lambda p: p["<a> & 'b'"] * 2, ({"<a> & 'b'": 1.0},)),
}


@pytest.fixture(params=PICTURED.values(), ids=list(PICTURED))
def explanation(request):
    f, args = request.param
    return cr.explain(f)(*args)


def boxes_of(picture):
    """Left, top, right and bottom of every box."""
    found = []
    for rect in picture.iter(f"{SVG}rect"):
        if rect.get("class") == "box":
            x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
    return found


def test_the_picture_has_a_box_for_every_value(explanation):
    picture = ElementTree.fromstring(explanation.svg())
    groups = [g for g in picture.iter(f"{SVG}g") if g.get("class")]
    assert [g.find(f"{SVG}title").text.split(" = ")[0] for g in groups] == [v.name for v in explanation.values]
    for group, value in zip(groups, explanation.values, strict=True):
        lines = ["".join(text.itertext()) for text in group.iter(f"{SVG}text")]
        assert lines[0].startswith(f"{value.name} = ")
        assert len(lines) == (2 if value.adjoint is None else 3)


def test_the_picture_has_an_arrow_for_every_operand(explanation):
    picture = ElementTree.fromstring(explanation.svg())
    tips = [path for path in picture.iter(f"{SVG}path") if path.get("class") == "tip"]
    assert len(tips) == sum(isinstance(o, Value) for v in explanation.values for o in v.operands)


def test_the_picture_has_a_label_for_every_local_partial(explanation):
    picture = ElementTree.fromstring(explanation.svg())
    labels = [text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "partial"]
    assert labels == [f"{d:.4g}" for v in explanation.values for d in v.partials if d is not None]


def test_the_boxes_of_a_picture_are_inside_it_and_apart(explanation):
    picture = ElementTree.fromstring(explanation.svg())
    boxes = boxes_of(picture)
    for a, b in combinations(boxes, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
    (shift,) = (g.get("transform") for g in picture.iter(f"{SVG}g") if not g.get("class"))
    x, y = map(float, shift.removeprefix("translate(").removesuffix(")").split())
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert top >= -0.05
        assert right + x <= float(picture.get("width"))
        assert bottom + y <= float(picture.get("height"))


def test_the_labels_of_a_picture_are_apart_from_each_other():
    picture = ElementTree.fromstring(cr.explain(tangled)(0.3, 0.7).svg())
    places = [
        (float(t.get("x")), float(t.get("y")), 0.61 * 11 * len(t.text))
        for t in picture.iter(f"{SVG}text")
        if t.get("class") == "partial"
    ]
    for (x, y, w), (u, v, z) in combinations(places, 2):
        assert abs(x - u) >= (w + z) / 2 or abs(y - v) >= 11


def test_inputs_and_the_output_are_marked_in_the_picture():
    picture = ElementTree.fromstring(cr.explain(log_product_sine)(2.0, 5.0).svg())
    kinds = [g.get("class") for g in picture.iter(f"{SVG}g") if g.get("class")]
    assert kinds == ["input", "input", "operation", "operation", "operation", "operation", "output"]


def test_edges_go_from_left_to_right():
    e = cr.explain(tangled)(0.3, 0.7)
    boxes = boxes_of(ElementTree.fromstring(e.svg()))
    place = dict(zip(e.values, boxes, strict=True))
    for v in e.values:
        assert all(place[o][2] < place[v][0] for o in v.operands if isinstance(o, Value))


def test_a_line_that_several_edges_share_is_drawn_once():
    def chain(w, x):
        for _ in range(200):
            x = np.tanh(w * x)
        return x

    assert len(cr.explain(chain)(0.9, 1.0).svg()) < 500_000


def test_a_graph_without_boxes_has_a_layout():
    assert layered([], []).width == 0
    ElementTree.fromstring(drawing("nothing", (), (), ()))


# ---- the package -------------------------------------------------------------------------------------------------


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_chainrule_loads_neither_words_nor_pictures():
    assert not {"rich", "chainrule.explain.svg", "chainrule.explain.text"} & set(
        run("import sys, chainrule; print(*sys.modules)").split()
    )


def test_the_function_keeps_its_name_beside_its_package():
    run(
        "import chainrule as cr; from chainrule.explain.svg import drawing; import chainrule.explain.layout; "
        "print(cr.explain(lambda x: x)(1.0))"
    )

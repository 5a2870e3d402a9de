"""A first course on backpropagation, with every number computed twice.

Each section writes a small program in NumPy, shows what every step computes, and sets the derivatives that
chainrule finds beside the ones that the formulas give:

    python examples/lecture.py

The adjoint of a value is the derivative of the output by it. Inputs keep theirs in `.grad`. For a value in
the middle of a program, `Walk.step` adds a zero to it: a small change of that zero does to the output what a
small change of the value would do.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import chainrule as cr

console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 110)


class Comparison(NamedTuple):
    """A derivative as chainrule finds it, and as the formula gives it."""

    found: Any
    formula: str
    expected: Any

    def check(self, name: str) -> None:
        found, expected = np.asarray(self.found), np.asarray(self.expected)
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-10, atol=1e-12):
            raise AssertionError(f"{name}: found {found}, but {self.formula} is {expected}")


def written(x) -> str:
    """An array row by row; of one with long rows, the shape and the first entry."""
    rows = np.atleast_2d(x)
    if rows.shape[1] > 3:
        return f"{rows.shape[0]} x {rows.shape[1]}: {rows[0, 0]:.3f}, ..."
    return "\n".join(" ".join(f"{entry:7.3f}" for entry in row) for row in rows)


def table_of(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


class Walk:
    """A program walked through one named value at a time."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[str, Any, Any]] = {}

    def input(self, name: str, value):
        """An input of the program: a leaf of its graph."""
        leaf = cr.variable(value)
        self.steps[name] = "input", leaf.value, leaf
        return leaf

    def step(self, name: str, expression: str, value):
        """A value in the middle, which a leaf of zeros is added to."""
        nudge = cr.variable(np.zeros(value.shape))
        self.steps[name] = expression, value.value, nudge
        return value + nudge

    def show(self, **formulas: tuple[str, Any]) -> None:
        """Every value beside its adjoint and the formula of it; the backward pass has been done."""
        table = table_of("", "is", "value", "adjoint", "formula", "gives")
        for name, (expression, value, leaf) in self.steps.items():
            comparison = Comparison(leaf.grad, *formulas[name])
            comparison.check(name)
            table.add_row(
                name,
                expression,
                written(value),
                written(comparison.found),
                comparison.formula,
                written(comparison.expected),
            )
        console.print(table)


def compare(rows: dict[str, tuple[Any, str, Any]], found: str = "found") -> None:
    """Derivatives beside their formulas, with their shapes."""
    table = table_of("", "shape", found, "formula", "gives")
    for name, row in rows.items():
        comparison = Comparison(*row)
        comparison.check(name)
        table.add_row(
            name,
            str(np.shape(comparison.found)),
            written(comparison.found),
            comparison.formula,
            written(comparison.expected),
        )
    console.print(table)


def heading(title: str, paragraph: str) -> None:
    console.print()
    console.rule(title, align="left")
    console.print(paragraph)


def sigma(u):
    return 1 / (1 + np.exp(-u))


def sum_times_a_number() -> None:
    heading(
        "f(x, y, z) = (x + y) z",
        "A sum hands the adjoint on; a product swaps its factors. Read the adjoints from the bottom up.",
    )
    walk = Walk()
    x, y, z = walk.input("x", -2.0), walk.input("y", 5.0), walk.input("z", -4.0)
    q = walk.step("q", "x + y", x + y)
    f = walk.step("f", "q z", q * z)
    f.backward()
    walk.show(f=("1", 1.0), q=("z", -4.0), z=("q", 3.0), y=("z", -4.0), x=("z", -4.0))


def logarithm_product_and_sine() -> None:
    heading(
        "f(x1, x2) = ln x1 + x1 x2 - sin x2",
        "Two branches leave x1, and two leave x2: their adjoints add.",
    )
    walk = Walk()
    x1, x2 = walk.input("x1", 2.0), walk.input("x2", 5.0)
    v1 = walk.step("v1", "ln x1", np.log(x1))
    v2 = walk.step("v2", "x1 x2", x1 * x2)
    v3 = walk.step("v3", "sin x2", np.sin(x2))
    v4 = walk.step("v4", "v1 + v2", v1 + v2)
    f = walk.step("f", "v4 - v3", v4 - v3)
    f.backward()
    walk.show(
        f=("1", 1.0),
        v4=("1", 1.0),
        v3=("-1", -1.0),
        v2=("1", 1.0),
        v1=("1", 1.0),
        x2=("x1 - cos x2", 2 - np.cos(5.0)),
        x1=("1/x1 + x2", 1 / 2 + 5.0),
    )

    def program(x1, x2):
        v1, v2, v3 = np.log(x1), x1 * x2, np.sin(x2)
        v4 = v1 + v2
        return {"v1": v1, "v2": v2, "v3": v3, "v4": v4, "f": v4 - v3}

    console.print("Forward mode carries a tangent along instead; one pass for each input.")
    _, along_x1 = cr.jvp(program, (2.0, 5.0), (1.0, 0.0))
    _, along_x2 = cr.jvp(program, (2.0, 5.0), (0.0, 1.0))
    formulas = {
        "v1": ("1/x1, 0", [1 / 2, 0.0]),
        "v2": ("x2, x1", [5.0, 2.0]),
        "v3": ("0, cos x2", [0.0, np.cos(5.0)]),
        "v4": ("1/x1 + x2, x1", [5.5, 2.0]),
        "f": ("1/x1 + x2, x1 - cos x2", [5.5, 2 - np.cos(5.0)]),
    }
    compare(
        {name: (np.stack([along_x1[name], along_x2[name]]), *formulas[name]) for name in formulas},
        found="tangents along x1, x2",
    )


def product_and_sine() -> None:
    heading("f(x1, x2) = x1 x2 + sin x2", "The adjoint of every node, w3 and w4 included.")
    walk = Walk()
    w1, w2 = walk.input("w1", 2.0), walk.input("w2", 5.0)
    w3 = walk.step("w3", "w1 w2", w1 * w2)
    w4 = walk.step("w4", "sin w2", np.sin(w2))
    w5 = walk.step("w5", "w3 + w4", w3 + w4)
    w5.backward()
    walk.show(w5=("1", 1.0), w4=("1", 1.0), w3=("1", 1.0), w2=("w1 + cos w2", 2 + np.cos(5.0)), w1=("w2", 5.0))


def negative_log_of_a_sigmoid() -> None:
    heading(
        "L(w) = -log(1 / (1 + e^(-w.x)))",
        "Six nodes above w.x, whose factors combine to -(1 - sigma(w^T x)) x^T.",
    )
    x, point = np.array([-1.0, -2.0, 1.0]), np.array([2.0, -3.0, -3.0])
    walk = Walk()
    w = walk.input("w", point)
    u = walk.step("u", "w . x", w @ x)
    a = walk.step("a", "-u", -u)
    e = walk.step("e", "exp a", np.exp(a))
    d = walk.step("d", "1 + e", 1 + e)
    s = walk.step("s", "1 / d", 1 / d)
    log_s = walk.step("l", "log s", np.log(s))
    loss = walk.step("L", "-l", -log_s)
    loss.backward()
    p = sigma(point @ x)
    walk.show(
        L=("1", 1.0),
        l=("-1", -1.0),
        s=("-1/s", -1 / p),
        d=("1/d", p),
        e=("1/d", p),
        a=("e/d = 1 - s", 1 - p),
        u=("-(1 - s)", -(1 - p)),
        w=("-(1 - s) x^T", -(1 - p) * x),
    )


def layouts() -> None:
    heading(
        "Numerator layout",
        "A row for each output and a column for each input. The Jacobian of a function from shape S_in "
        "to S_out has the shape S_out + S_in; scalars of shape (1,) make the columns and rows visible.",
    )
    s, x, w = np.array([3.0]), np.array([0.5, 1.5, -1.0]), np.array([1.0, -2.0, 3.0])
    A = np.array([[2.0, 1.0, 0.0], [-1.0, 3.0, 5.0], [4.0, 0.5, -2.0]])
    W = np.array([[1.0, 2.0, -1.0], [0.5, -3.0, 4.0]])
    by_matrix = cr.jacobian(lambda W: W @ x)(W)
    compare(
        {
            "y = [s, s^2]": (
                cr.jacobian(lambda s: np.concatenate([s, s**2]))(s),
                "[1, 2s], a column",
                [[1.0], [6.0]],
            ),
            "w^T x, by x": (cr.jacobian(lambda x: w[None, :] @ x)(x), "w^T, a row", w[None, :]),
            "w^T x, by w": (cr.jacobian(lambda w: w @ x[:, None])(w), "x^T, a row", x[None, :]),
            "w^T A w": (
                cr.jacobian(lambda w: (w @ A @ w).reshape(1))(w),
                "w^T (A + A^T), a row",
                w[None, :] @ (A + A.T),
            ),
            "W x, by x": (cr.jacobian(lambda x: W @ x)(x), "W, a matrix", W),
            "(W x)_1, by W_1": (by_matrix[0, 0], "x^T", x),
            "(W x)_1, by W_2": (by_matrix[0, 1], "0", np.zeros(3)),
        }
    )


def fully_connected_layer() -> None:
    heading(
        "The fully connected layer z = W h + b, with L = |sigma(z)|^2 above it",
        "The row dL/dz comes from above. Row i of W meets z_i alone, so dL/dW_i = dL/dz_i h^T, and those "
        "rows on top of each other are the column (dL/dz)^T times the row h^T.",
    )
    h0, b0 = np.array([1.0, -2.0, 0.5]), np.array([0.1, -0.2])
    W0 = np.array([[0.2, -0.4, 1.0], [0.7, 0.3, -0.5]])
    walk = Walk()
    W, b, h = walk.input("W", W0), walk.input("b", b0), walk.input("h", h0)
    z = walk.step("z", "W h + b", W @ h + b)
    y = walk.step("y", "sigma(z)", sigma(z))
    loss = walk.step("L", "y . y", y @ y)
    loss.backward()
    top = sigma(W0 @ h0 + b0)
    dz = 2 * top * top * (1 - top)
    walk.show(
        L=("1", 1.0),
        y=("2 y^T", 2 * top),
        z=("dL/dy (1 - y) y", dz),
        h=("dL/dz W", dz @ W0),
        b=("dL/dz", dz),
        W=("(dL/dz)^T h^T", dz[:, None] @ h0[None, :]),
    )


def routers_and_branches() -> None:
    heading("ReLU, max and branches", "A switch, a router, and the place where adjoints add.")
    x = np.array([-2.0, 3.0, 1.0])
    compare(
        {
            "sum of max(x, 0)": (
                cr.grad(lambda x: np.sum(np.maximum(x, 0)))(x),
                "1 where x > 0",
                [0.0, 1.0, 1.0],
            ),
            "max x": (cr.grad(np.max)(x), "1 at the largest", [0.0, 1.0, 0.0]),
            "x x at 7": (cr.grad(lambda x: x * x)(7.0), "x + x", 14.0),
            "x + tanh x at 0.5": (
                cr.grad(lambda x: x + np.tanh(x))(0.5),
                "1 + 1 - tanh^2 x",
                2 - np.tanh(0.5) ** 2,
            ),
        }
    )


def logistic_regression() -> None:
    heading(
        "Logistic regression on labels +1 and -1",
        "L(w) = sum log(1 + exp(-y w^T x)) + lambda/2 |w|^2, its gradient and its Hessian, with "
        "s = sigma(y w^T x); then Newton's method with the two.",
    )
    rng = np.random.default_rng(0)
    X, w, penalty = rng.standard_normal((50, 3)), np.array([0.5, -1.0, 2.0]), 0.1
    y = np.where(X @ np.array([1.0, -2.0, 0.5]) > 0, 1.0, -1.0)

    def loss(w):
        return np.sum(np.log(1 + np.exp(-y * (X @ w)))) + penalty / 2 * w @ w

    s = sigma(y * (X @ w))
    compare(
        {
            "dL/dw": (cr.grad(loss)(w), "-sum (1 - s) y x^T + lambda w^T", -((1 - s) * y) @ X + penalty * w),
            "d2L/dw2": (
                cr.hessian(loss)(w),
                "X^T diag(s (1 - s)) X + lambda I",
                (X.T * (s * (1 - s))) @ X + penalty * np.eye(3),
            ),
        }
    )
    for step in range(9):
        value, gradient = cr.value_and_grad(loss)(w)
        console.print(f"Newton step {step}: loss {float(value):8.4f}   |gradient| {np.linalg.norm(gradient):.1e}")
        w = w - np.linalg.solve(cr.hessian(loss)(w), gradient)


def recurrent_step() -> None:
    heading(
        "One recurrent step: next_h = tanh(W_x x^T + W_h prev_h^T)",
        "The output is a column of 20 numbers, so the backward pass starts from a column of 20 adjoints, "
        "here ones. Below, d = 1 - next_h^2.",
    )
    rng = np.random.default_rng(1)
    W_x0, x0 = rng.standard_normal((20, 10)) / 5, rng.standard_normal((1, 10))
    W_h0, prev_h0 = rng.standard_normal((20, 20)) / 5, rng.standard_normal((1, 20))
    W_x, x, W_h, prev_h = map(cr.variable, (W_x0, x0, W_h0, prev_h0))
    i2h = W_x @ x.T
    h2h = W_h @ prev_h.T
    next_h = np.tanh(i2h + h2h)
    next_h.backward(np.ones((20, 1)))
    delta = 1 - np.tanh(W_x0 @ x0.T + W_h0 @ prev_h0.T) ** 2
    compare(
        {
            "W_x": (W_x.grad, "d x", delta @ x0),
            "W_h": (W_h.grad, "d prev_h", delta @ prev_h0),
            "x": (x.grad, "d^T W_x", delta.T @ W_x0),
            "prev_h": (prev_h.grad, "d^T W_h", delta.T @ W_h0),
        }
    )


def dynamic_graph() -> None:
    heading(
        "if, for, while, and a gradient taken half-way",
        "The graph is what Python did. At x = 3 two squarings pass 50 and y = x^4. Its gradient decides how "
        "the program goes on; then more nodes hang on the same graph, and the gradient is taken again.",
    )
    x = cr.variable(3.0)
    y = x
    while y < 50:
        y = y * y
    y.backward(retain_graph=True)
    half_way = x.grad

    x.grad = None
    total: Any = 0.0
    for k in (1, 2, 3):
        total = total + (k * np.log(y) if half_way > 100 else k * y)
    total.backward()
    compare(
        {
            "half-way: y = x^4": (half_way, "4 x^3", 108.0),
            "then: 6 log y": (x.grad, "24 / x", 8.0),
        }
    )


def main() -> None:
    sum_times_a_number()
    logarithm_product_and_sine()
    product_and_sine()
    negative_log_of_a_sigmoid()
    layouts()
    fully_connected_layer()
    routers_and_branches()
    logistic_regression()
    recurrent_step()
    dynamic_graph()
    console.print("\nEvery derivative agrees with its formula.")


if __name__ == "__main__":
    main()

"""A first course on backpropagation, with every derivative computed twice.

Each section is a small program in plain NumPy. `cr.explain` shows every value on the way and its adjoint,
the derivative of the result with respect to it; `cr.grad`, `cr.jvp`, `cr.jacobian` and `cr.variable` find
derivatives in their ways. Beside each stands the formula that one works out on paper, and how far apart the
two numbers are, relative to the largest:

    python examples/lecture.py
"""

from itertools import zip_longest
from textwrap import fill

import numpy as np

import chainrule as cr

# ---- the blackboard ----------------------------------------------------------------------------------------


def heading(title, paragraph):
    print(f"\n{title}\n{'=' * len(title)}\n{fill(paragraph, 79)}\n")


def show(heads, rows):
    """A table of cells of one or more lines; names and formulas go to the left, numbers to the right."""
    lines = [heads, *(line for row in rows for line in zip_longest(*(c.split("\n") for c in row), fillvalue=""))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = ["<" if head in ("", "formula") else ">" for head in heads]
    for line in lines:
        print("  ".join(f"{c:{s}{w}}" for c, s, w in zip(line, sides, widths, strict=True)).rstrip())
    print()


def walk(f, args, formulas):
    """Every value of f and its adjoint. `formulas` has a line for each, inputs first, in the order of computation."""
    lines = zip(cr.explain(f)(*args).values, formulas.items(), strict=True)
    rows = [
        (what, written(v.value), written(v.adjoint), formula, off_by(v.adjoint, expected, what))
        for v, (what, (formula, expected)) in lines
    ]
    show(("", "value", "adjoint", "formula", "off by"), rows)


def compare(lines):
    """Derivatives and their shapes, beside their formulas."""
    rows = [
        (what, str(np.shape(found)), written(found), formula, off_by(found, expected, what))
        for what, (found, formula, expected) in lines.items()
    ]
    show(("", "shape", "derivative", "formula", "off by"), rows)


def written(x):
    """An array row by row; of one with long rows only the beginning."""
    rows = [[f"{entry:.3f}" for entry in row] for row in np.atleast_2d(x)]
    if len(rows[0]) > 3:
        return f"{rows[0][0]} {rows[0][1]} ..."
    width = max(len(entry) for row in rows for entry in row)
    return "\n".join(" ".join(entry.rjust(width) for entry in row) for row in rows)


def off_by(found, expected, what):
    """How far a derivative is from its formula, relative to the largest entry. They must agree in shape, too."""
    found, expected = np.asarray(found), np.asarray(expected, float)
    assert found.shape == expected.shape, f"{what} has shape {found.shape}, its formula {expected.shape}"
    error = np.max(np.abs(found - expected)) / max(np.max(np.abs(expected)), 1e-300)
    assert error < 1e-10, f"{what} is {found}, its formula gives {expected}"
    return f"{error:.0e}" if error else "0"


def sigma(u):
    return 1 / (1 + np.exp(-u))


# ---- graphs of numbers -------------------------------------------------------------------------------------


def sum_times_a_number():
    heading(
        "f(x, y, z) = (x + y) z at (-2, 5, -4)",
        "Values come from the top down, adjoints from the bottom up. A sum hands its adjoint on; a product "
        "gives to each factor the other one.",
    )

    def f(x, y, z):
        q = x + y
        return q * z

    walk(
        f,
        (-2.0, 5.0, -4.0),
        {
            "x": ("df/dq", -4),
            "y": ("df/dq", -4),
            "z": ("q", 3),
            "q = x + y": ("z", -4),
            "f = q z": ("1", 1),
        },
    )


def logarithm_product_and_sine():
    heading(
        "f(x1, x2) = ln x1 + x1 x2 - sin x2 at (2, 5)",
        "Two branches leave x1, and two leave x2: their adjoints add.",
    )

    def f(x1, x2):
        return np.log(x1) + x1 * x2 - np.sin(x2)

    x1, x2 = 2.0, 5.0
    walk(
        f,
        (x1, x2),
        {
            "x1": ("1 / x1 + x2", 1 / x1 + x2),
            "x2": ("x1 - cos x2", x1 - np.cos(x2)),
            "v1 = ln x1": ("df/dv3", 1),
            "v2 = x1 x2": ("df/dv3", 1),
            "v3 = v1 + v2": ("1", 1),
            "v4 = sin x2": ("-1", -1),
            "f = v3 - v4": ("1", 1),
        },
    )

    def program(x1, x2):
        v1, v2 = np.log(x1), x1 * x2
        v3, v4 = v1 + v2, np.sin(x2)
        return {"v1": v1, "v2": v2, "v3": v3, "v4": v4, "f": v3 - v4}

    print("Forward mode carries tangents along instead, in one pass for each input; for x1:\n")
    _, tangents = cr.jvp(program, (x1, x2), (1.0, 0.0))
    formulas = {
        "v1": ("1 / x1", 1 / x1),
        "v2": ("x2", x2),
        "v3": ("v1' + v2'", 1 / x1 + x2),
        "v4": ("0", 0),
        "f": ("v3' - v4'", 1 / x1 + x2),
    }
    compare({f"d{name}/dx1": (tangents[name], *formulas[name]) for name in formulas})


def product_and_sine():
    heading("f(x1, x2) = x1 x2 + sin x2 at (2, 5)", "The adjoint of every node, w3 and w4 included.")
    w1, w2 = 2.0, 5.0
    walk(
        lambda x1, x2: x1 * x2 + np.sin(x2),
        (w1, w2),
        {
            "w1 = x1": ("w2", w2),
            "w2 = x2": ("w1 + cos w2", w1 + np.cos(w2)),
            "w3 = w1 w2": ("df/dw5", 1),
            "w4 = sin w2": ("df/dw5", 1),
            "w5 = w3 + w4": ("1", 1),
        },
    )


def negative_log_of_a_sigmoid():
    heading(
        "L(w) = -log(1 / (1 + exp(-w.x)))",
        "Seven operations, whose factors combine: dL/dw is -(1 - sigma(w^T x)) x^T, a row.",
    )
    w, x = np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0, 1.0])
    s = sigma(w @ x)
    walk(
        lambda w: -np.log(1 / (1 + np.exp(-(w @ x)))),
        (w,),
        {
            "w": ("-(1 - s) x^T", -(1 - s) * x),
            "u = w . x": ("-(1 - s)", -(1 - s)),
            "a = -u": ("e / d = 1 - s", 1 - s),
            "e = exp a": ("1 / d", s),
            "d = 1 + e": ("1 / d", s),
            "s = 1 / d": ("-1 / s", -1 / s),
            "l = log s": ("-1", -1),
            "L = -l": ("1", 1),
        },
    )
    row = cr.jacobian(lambda w: -np.log(sigma(w[None, :] @ x)))(w)
    compare({"dL/dw": (row, "-(1 - sigma(w^T x)) x^T", -(1 - s) * x[None, :])})


# ---- vectors and matrices ----------------------------------------------------------------------------------


def layouts():
    heading(
        "Numerator layout",
        "A derivative has a row for each output and a column for each input: from shape S_in to shape S_out "
        "it has the shape S_out + S_in. A scalar of shape (1,) makes its row or column visible.",
    )
    s, x, w = np.array([3.0]), np.array([0.5, 1.5, -1.0]), np.array([1.0, -2.0, 3.0])
    A = np.array([[2.0, 1.0, 0.0], [-1.0, 3.0, 5.0], [4.0, 0.5, -2.0]])
    W = np.array([[1.0, 2.0, -1.0], [0.5, -3.0, 4.0]])
    by_matrix = cr.jacobian(lambda W: W @ x)(W)
    assert by_matrix.shape == (2, 2, 3)
    compare(
        {
            "d[s, s^2]/ds": (cr.jacobian(lambda s: np.concatenate([s, s**2]))(s), "[1, 2s]^T", [[1], [6]]),
            "d(w^T x)/dx": (cr.jacobian(lambda x: w[None, :] @ x)(x), "w^T", w[None, :]),
            "d(w^T x)/dw": (cr.jacobian(lambda w: w @ x[:, None])(w), "x^T", x[None, :]),
            "d(w^T A w)/dw": (cr.jacobian(lambda w: w[None, :] @ A @ w)(w), "w^T (A + A^T)", w[None, :] @ (A + A.T)),
            "d(W x)/dx": (cr.jacobian(lambda x: W @ x)(x), "W", W),
            "d(W x)_1/dW_1": (by_matrix[0, 0], "x^T", x),
            "d(W x)_1/dW_2": (by_matrix[0, 1], "0", np.zeros(3)),
        }
    )


def fully_connected_layer():
    heading(
        "The fully connected layer z = W h + b, with L = |tanh z|^2 above it",
        "The row dL/dz comes from above. Row i of W meets z_i alone, so dL/dW_i = dL/dz_i h^T; those rows, one "
        "on top of the other, are the column (dL/dz)^T times the row h^T.",
    )
    W = np.array([[0.2, -0.4, 1.0], [0.7, 0.3, -0.5]])
    b, h = np.array([0.1, -0.2]), np.array([1.0, -2.0, 0.5])

    def loss(W, b, h):
        y = np.tanh(W @ h + b)
        return y @ y

    y = np.tanh(W @ h + b)
    dz = 2 * y * (1 - y**2)
    walk(
        loss,
        (W, b, h),
        {
            "W": ("(dL/dz)^T h^T", dz[:, None] @ h[None, :]),
            "b": ("dL/dz", dz),
            "h": ("dL/dz W", dz @ W),
            "a = W h": ("dL/dz", dz),
            "z = a + b": ("dL/dy (1 - y^2)", dz),
            "y = tanh z": ("2 y^T", 2 * y),
            "L = y^T y": ("1", 1),
        },
    )

    def loss_of_row(i):
        return lambda row: loss(np.stack([row if k == i else W[k] for k in range(2)]), b, h)

    compare({f"dL/dW_{i + 1}": (cr.grad(loss_of_row(i))(W[i]), f"dL/dz_{i + 1} h^T", dz[i] * h) for i in range(2)})


def routers_and_branches():
    heading("ReLU, max and branches", "A switch, a router, and the places where adjoints add.")
    x = np.array([-2.0, 3.0, 1.0])
    compare(
        {
            "dmax(x, 0)/dx": (cr.jacobian(lambda x: np.maximum(x, 0))(x), "diag(x > 0)", np.diag(x > 0)),
            "d(max x)/dx": (cr.grad(np.max)(x), "1 at the largest", [0, 1, 0]),
            "d(x x)/dx at 7": (cr.grad(lambda x: x * x)(7.0), "x + x", 14),
            "d(x + tanh x)/dx at 1": (cr.grad(lambda x: x + np.tanh(x))(1.0), "1 + 1 - tanh^2 x", 2 - np.tanh(1) ** 2),
        }
    )


def logistic_regression():
    heading(
        "Logistic regression on labels +1 and -1, with an L2 penalty",
        "L(w) = sum_i log(1 + exp(-y_i w^T x_i)) + lambda/2 |w|^2. With s_i = sigma(y_i w^T x_i):",
    )
    rng = np.random.default_rng(0)
    X, w, penalty = rng.standard_normal((50, 3)), np.array([0.5, -1.0, 2.0]), 0.1
    y = np.where(X @ np.array([1.0, -2.0, 0.5]) > 0, 1.0, -1.0)

    def loss(w):
        return np.sum(np.log(1 + np.exp(-y * (X @ w)))) + penalty / 2 * w @ w

    s = sigma(y * (X @ w))
    hessian = (X.T * (s * (1 - s))) @ X + penalty * np.eye(3)
    compare(
        {
            "dL/dw": (cr.grad(loss)(w), "-sum (1-s) y x^T + lambda w^T", -((1 - s) * y) @ X + penalty * w),
            "d2L/dw2": (cr.hessian(loss)(w), "X^T diag(s (1-s)) X + lambda I", hessian),
        }
    )
    print("Newton's method with the two:\n")
    for step in range(9):
        value, gradient = cr.value_and_grad(loss)(w)
        print(f"step {step}   loss {value:8.4f}   |gradient| {np.linalg.norm(gradient):.1e}")
        w = w - np.linalg.solve(cr.hessian(loss)(w), gradient)
    print()


# ---- graphs made on the fly --------------------------------------------------------------------------------


def recurrent_step():
    heading(
        "One recurrent step: next_h = tanh(W_x x^T + W_h prev_h^T)",
        "The graph, held by hand. Its output is a column of 20 numbers, so the backward pass starts from a "
        "column of 20 adjoints: next_h.backward(np.ones((20, 1))). Below, d = 1 - next_h^2.",
    )
    rng = np.random.default_rng(1)
    W_x, x = cr.variable(rng.standard_normal((20, 10)) / 5), cr.variable(rng.standard_normal((1, 10)))
    W_h, prev_h = cr.variable(rng.standard_normal((20, 20)) / 5), cr.variable(rng.standard_normal((1, 20)))

    i2h = W_x @ x.T
    h2h = W_h @ prev_h.T
    next_h = np.tanh(i2h + h2h)
    next_h.backward(np.ones((20, 1)))

    d = 1 - next_h.value**2
    compare(
        {
            "W_x.grad": (W_x.grad, "d x", d @ x.value),
            "W_h.grad": (W_h.grad, "d prev_h", d @ prev_h.value),
            "x.grad": (x.grad, "d^T W_x", d.T @ W_x.value),
            "prev_h.grad": (prev_h.grad, "d^T W_h", d.T @ W_h.value),
        }
    )


def dynamic_graph():
    heading(
        "if, for, while, and a gradient taken half-way",
        "The graph is what Python did. At x = 3 two squarings pass 50, so y = x^4. Its gradient decides how "
        "the program goes on; more nodes hang on the same graph, and the gradient is taken again.",
    )
    x = cr.variable(3.0)
    y = x
    while y < 50:
        y = y * y
    y.backward(retain_graph=True)
    half_way = x.grad

    x.grad = None
    total = 0.0
    for k in (1, 2, 3):
        if half_way > 100:
            total = total + k * np.log(y)
        else:
            total = total + k * y
    total.backward()
    compare(
        {
            "half-way, y = x^4": (half_way, "4 x^3", 108),
            "then, 6 log y": (x.grad, "24 / x", 8),
        }
    )


def main():
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
    print("Every derivative agrees with its formula.")


if __name__ == "__main__":
    main()

"""The main job, what `make run` does: fits models to real data with gradients of plain NumPy losses.

Logistic regression and small neural networks, on scikit-learn's breast cancer and digits data, by SciPy's
optimisers and by mini-batch gradient descent, beside scikit-learn's own models on the same split:

    python examples/main_job.py

Then a gradient is checked against finite differences, and the computation graph of a small function is
printed and drawn. It ends with an error if anything is clearly worse than it should be. With
`CHAINRULE_EXAMPLE_QUICK=1` in the environment the networks learn for a moment only.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import chainrule as cr

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
EPOCHS = 8 if QUICK else 40
BATCH, RATE, MOMENTUM = 64, 0.05, 0.9
HIDDEN, DECAY = 32, 1e-3
CONVEX, RANDOM = 0.01, 0.03  # how much accuracy may be lacking: for one minimum, and from random weights
PICTURE = Path("build", "graph.svg")

console = Console(highlight=False)


# ---- the data ----------------------------------------------------------------------------------------------


class Data(NamedTuple):
    """A data set, split, and standardised by what is known of the training half."""

    name: str
    x: np.ndarray
    t: np.ndarray
    x_test: np.ndarray
    t_test: np.ndarray

    @property
    def classes(self) -> int:
        return int(self.t.max()) + 1


def prepared(name, load) -> Data:
    x, t = load(return_X_y=True)
    x, x_test, t, t_test = train_test_split(x, t, test_size=0.25, random_state=0, stratify=t)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1
    return Data(name, (x - mean) / spread, t, (x_test - mean) / spread, t_test)


# ---- the models: plain NumPy -------------------------------------------------------------------------------


def logistic_scores(w, x):
    return x @ w[:-1] + w[-1]


def logistic_loss(w, x, t):
    """-log of the likelihood of labels 0 and 1, and half the squared weights, the bias left out."""
    sign = 2 * t - 1
    return np.sum(np.logaddexp(0, -sign * logistic_scores(w, x))) + 0.5 * np.sum(w[:-1] ** 2)


def cross_entropy(scores, t):
    """The mean of -log of the probability that the softmax of `scores` gives to the classes `t`."""
    top = np.max(scores, axis=1, keepdims=True)
    total = np.log(np.sum(np.exp(scores - top), axis=1)) + top[:, 0]
    return np.mean(total - scores[np.arange(len(t)), t])


def softmax_scores(w, x):
    """`w` holds a row of weights per feature and a row of biases, all in one vector."""
    w = np.reshape(w, (x.shape[1] + 1, -1))
    return x @ w[:-1] + w[-1]


def softmax_loss(w, x, t):
    weights = w[: -(len(w) // (x.shape[1] + 1))]
    return len(t) * cross_entropy(softmax_scores(w, x), t) + 0.5 * np.sum(weights**2)


def network_scores(p, x):
    hidden = np.tanh(x @ p["W1"] + p["b1"])
    return hidden @ p["W2"] + p["b2"]


def network_loss(p, x, t):
    return cross_entropy(network_scores(p, x), t) + 0.5 * DECAY * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))


def network_start(rng, features, classes):
    """Weights at random, in the range of Glorot and Bengio (2010); biases zero."""

    def weights(m, n):
        bound = np.sqrt(6 / (m + n))
        return rng.uniform(-bound, bound, (m, n))

    return {
        "W1": weights(features, HIDDEN),
        "b1": np.zeros(HIDDEN),
        "W2": weights(HIDDEN, classes),
        "b2": np.zeros(classes),
    }


# ---- fitting -----------------------------------------------------------------------------------------------


def by_quasi_newton(loss, size, data):
    """SciPy's L-BFGS-B, which takes the value and the gradient together."""
    found = minimize(
        cr.value_and_grad(loss),
        np.zeros(size),
        (data.x, data.t),
        "L-BFGS-B",
        jac=True,
        options={"maxiter": 500},
    )
    return found.x, f"L-BFGS-B, {found.nfev} gradients"


def by_newton(loss, size, data):
    """SciPy's trust-region Newton method, by products with the Hessian, which is never formed."""
    product = cr.hvp(loss)
    found = minimize(
        loss,
        np.zeros(size),
        (data.x, data.t),
        "trust-ncg",
        jac=cr.grad(loss),
        hessp=lambda w, v, x, t: product(w, x, t, v),
    )
    return found.x, f"trust-ncg, {found.nhev} products"


def by_gradient_descent(loss, parameters, data, rng):
    """Mini-batches and momentum; parameters, gradients and speeds are dicts of the same structure."""
    step = cr.value_and_grad(loss)
    speed = {k: np.zeros_like(v) for k, v in parameters.items()}
    columns = TextColumn("{task.description:<22}"), BarColumn(), TextColumn("{task.fields[loss]}")
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{data.name}, network", total=EPOCHS, loss="")
        for epoch in range(EPOCHS):
            order = rng.permutation(len(data.x))
            losses = []
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                value, gradient = step(parameters, data.x[chosen], data.t[chosen])
                losses.append(value)
                for k in parameters:
                    speed[k] = MOMENTUM * speed[k] - RATE * gradient[k]
                    parameters[k] = parameters[k] + speed[k]
            progress.update(task, advance=1, loss=f"epoch {epoch + 1:2d}/{EPOCHS}, loss {np.mean(losses):.4f}")
    return parameters, f"mini-batches, {EPOCHS * -(-len(data.x) // BATCH)} steps"


# ---- comparing ---------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One fit: our accuracies, scikit-learn's, and how much worse ours may be."""

    data: str
    model: str
    fit: str
    ours: tuple[float, float]
    theirs: tuple[float, float]
    slack: float

    @property
    def good(self) -> bool:
        return all(a >= b - self.slack for a, b in zip(self.ours, self.theirs, strict=True))


def accuracies(scores, w, data) -> tuple[float, float]:
    def accuracy(x, t):
        s = scores(w, x)
        return float(np.mean((s.argmax(axis=1) if s.ndim == 2 else s > 0) == t))

    return accuracy(data.x, data.t), accuracy(data.x_test, data.t_test)


def theirs(model, data) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops after as many epochs as we do
        model.fit(data.x, data.t)
    return float(model.score(data.x, data.t)), float(model.score(data.x_test, data.t_test))


def fits(cancer: Data, digits: Data):
    """Every model fitted to its data, and scikit-learn's model of the same kind."""
    known = theirs(LogisticRegression(tol=1e-8, max_iter=1000), cancer)
    for fit in (by_quasi_newton, by_newton):
        w, how = fit(logistic_loss, cancer.x.shape[1] + 1, cancer)
        yield Row(cancer.name, "logistic", how, accuracies(logistic_scores, w, cancer), known, CONVEX)

    known = theirs(LogisticRegression(tol=1e-6, max_iter=1000), digits)
    w, how = by_quasi_newton(softmax_loss, (digits.x.shape[1] + 1) * digits.classes, digits)
    yield Row(digits.name, "softmax", how, accuracies(softmax_scores, w, digits), known, CONVEX)

    for data in (cancer, digits):
        rng = np.random.default_rng(0)
        p, how = by_gradient_descent(network_loss, network_start(rng, data.x.shape[1], data.classes), data, rng)
        known = theirs(
            MLPClassifier(
                HIDDEN,
                activation="tanh",
                solver="sgd",
                alpha=DECAY * BATCH,  # which it divides by the size of the batch
                batch_size=BATCH,
                learning_rate_init=RATE,
                momentum=MOMENTUM,
                nesterovs_momentum=False,
                max_iter=EPOCHS,
                random_state=0,
            ),
            data,
        )
        yield Row(data.name, "network", how, accuracies(network_scores, p, data), known, RANDOM)


def shown(rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("data", "model", "fitted by"):
        table.add_column(column, no_wrap=True)
    for column in ("chainrule", "scikit-learn"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        both = [f"{100 * train:.1f} / {100 * test:.1f}" for train, test in (row.ours, row.theirs)]
        table.add_row(row.data, row.model, row.fit, *both)
    return table


# ---- checking a gradient -----------------------------------------------------------------------------------


def worst_error(data: Data) -> tuple[float, int]:
    """The network's gradient against central differences in every parameter.

    The largest error, relative to the largest derivative, and how many derivatives were compared.
    """
    p = network_start(np.random.default_rng(1), data.x.shape[1], data.classes)
    x, t = data.x[:32], data.t[:32]
    gradient = cr.grad(network_loss)(p, x, t)
    errors, h = [], 1e-5
    for k, values in p.items():
        for i in np.ndindex(values.shape):
            middle = values[i]
            values[i] = middle + h
            above = network_loss(p, x, t)
            values[i] = middle - h
            below = network_loss(p, x, t)
            values[i] = middle
            errors.append(abs(gradient[k][i] - (above - below) / (2 * h)))
    return max(errors) / max(np.abs(g).max() for g in gradient.values()), len(errors)


# ---- a graph -----------------------------------------------------------------------------------------------


def f(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


# ---- the job -----------------------------------------------------------------------------------------------


def heading(title):
    console.print()
    console.rule(title, align="left", style="dim")


def main() -> int:
    heading("Models fitted to real data, with gradients of plain NumPy losses")
    cancer, digits = prepared("breast cancer", load_breast_cancer), prepared("digits", load_digits)
    rows = list(fits(cancer, digits))

    heading("Accuracies in percent, training / test, beside scikit-learn's own")
    console.print(shown(rows))
    console.print(f"A network has one layer of {HIDDEN} hidden units.")

    heading("A gradient checked against central differences")
    error, count = worst_error(digits)
    console.print(f"The network's, on digits, in all {count} parameters: the worst error is {error:.1e} of")
    console.print("the largest derivative.")

    heading("The graph of f = ln x1 + x1 x2 - sin x2 at (2, 5)")
    explanation = cr.explain(f)(2.0, 5.0)
    console.print("Every value, and its adjoint, the derivative of f with respect to it:\n")
    console.print(str(explanation), markup=False, soft_wrap=True)
    explanation.save(PICTURE)

    failures = [f"{r.data}, {r.model}, {r.fit}: less accurate than scikit-learn" for r in rows if not r.good]
    if error > 1e-7:
        failures.append(f"the gradient is off by {error:.1e}")
    for failure in failures:
        console.print(f"\n[bold red]Wrong:[/] {failure}")
    console.print(f"\nIts picture is in {PICTURE}.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

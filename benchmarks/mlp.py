"""The gradient of a 784-256-128-10 perceptron on a batch of 128 float32 images: where the arithmetic decides.

ReLU, softmax cross-entropy, gradients of all six parameters, eager, no update. PyTorch gets its own fused
operations (`addmm`, `cross_entropy`), chainrule and autograd the NumPy that a user would write. Every library computes
on the same number of threads, set before it is loaded; one process for each number, 1 and all cores.

    python benchmarks/mlp.py [--quick] [--threads N ...] [--batch N] [--json FILE]
"""

import os
import subprocess
import sys

from harness import THREADS, Ratio, Report, Tool, load, parser, time_tools

import numpy
import itertools

TARGET = 1.5
LAYERS = 784, 256, 128, 10


def data(batch: int):
    """Parameters (W1, b1, W2, b2, W3, b3), images and labels."""
    random = numpy.random.default_rng(0)
    parameters = []
    for n_in, n_out in itertools.pairwise(LAYERS):
        parameters.append((random.standard_normal((n_in, n_out)) * (2 / n_in) ** 0.5).astype(numpy.float32))
        parameters.append(numpy.zeros(n_out, numpy.float32))
    images = random.random((batch, LAYERS[0]), numpy.float32)
    return parameters, images, random.integers(0, LAYERS[-1], batch)


def loss(np, W1, b1, W2, b2, W3, b3, x, labels):
    """Mean cross-entropy, in plain NumPy."""
    h = np.maximum(x @ W1 + b1, 0)
    h = np.maximum(h @ W2 + b2, 0)
    z = h @ W3 + b3
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[numpy.arange(len(labels)), labels])


def torch_loss(torch, W1, b1, W2, b2, W3, b3, x, labels):
    """The same with the operations that PyTorch's layers are made of."""
    h = torch.relu(torch.addmm(b1, x, W1))
    h = torch.relu(torch.addmm(b2, h, W2))
    return torch.nn.functional.cross_entropy(torch.addmm(b3, h, W3), labels)


def gradient(tool: Tool, batch: int):
    """A call that computes all six gradients."""
    parameters, images, labels = data(batch)
    program = torch_loss if tool.name == "torch" else loss
    g = tool.grad(lambda *args: program(tool.np, *args), tuple(range(6)))
    args = *map(tool.wanted, parameters), tool.constant(images), tool.constant(labels)
    return lambda: g(*args)


def by_hand(batch: int):
    """The NumPy calls of `loss` and of its backward pass, with no library around them."""
    np = numpy
    (W1, b1, W2, b2, W3, b3), x, labels = data(batch)

    def run():
        h1 = np.maximum(x @ W1 + b1, 0)
        h2 = np.maximum(h1 @ W2 + b2, 0)
        z = h2 @ W3 + b3
        p = np.exp(z - np.max(z, axis=1, keepdims=True))
        p /= np.sum(p, axis=1, keepdims=True)
        rows = np.arange(batch)
        np.mean(-np.log(p[rows, labels]))
        p[rows, labels] -= 1
        p /= np.float32(batch)
        ct2 = (p @ W3.T) * (h2 > 0)
        ct1 = (ct2 @ W2.T) * (h1 > 0)
        return x.T @ ct1, ct1.sum(0), h1.T @ ct2, ct2.sum(0), h2.T @ p, p.sum(0)

    return run


def measure(options) -> None:
    tools = load(["chainrule", "torch", "autograd"])
    ours, *peers = (tool.name for tool in tools)
    report = Report(f"Gradient of a {'-'.join(map(str, LAYERS))} perceptron, batch {options.batch}, float32", options)
    report.section("Milliseconds a gradient", "threads", ours, *peers, "by hand", *(f"/ {peer}" for peer in peers))
    runs = {tool.name: gradient(tool, options.batch) for tool in tools} | {"by hand": by_hand(options.batch)}
    rounds, seconds = (7, 0.05) if options.quick else (25, 0.1)
    times = time_tools("mlp", runs, rounds, seconds, rtol=1e-5)
    report.row(
        os.environ["OMP_NUM_THREADS"],
        *(times[name].median * 1e3 for name in (ours, *peers, "by hand")),
        *(Ratio(times[ours].median / times[peer].median, TARGET) for peer in peers),
    )
    report.finish()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    options.add_argument("--batch", type=int, default=128)
    options = options.parse_args()
    if len(options.threads) == 1 and os.environ["OMP_NUM_THREADS"] == str(options.threads[0]):
        return measure(options)
    for n in options.threads:
        arguments = ["--threads", str(n), "--batch", str(options.batch), *["--quick"] * options.quick]
        if options.json:
            stem, extension = os.path.splitext(options.json)
            arguments += ["--json", f"{stem}-{n}{extension}"]
        subprocess.run(
            [sys.executable, __file__, *arguments],
            check=True,
            env=os.environ | dict.fromkeys(THREADS, str(n)),
        )
        print()


if __name__ == "__main__":
    main()

"""Peak memory of one training step of a 784-256-128-10 perceptron, float32, beside PyTorch's.

A step is the gradient of all parameters (`mlp.py`: the same programs) and plain gradient descent. Every tool runs in
a process of its own and is measured by the same means: the kernel's high-water mark of the process (VmHWM) during
a step, over what it held before the step (VmRSS) - when the library, the parameters and the batch are
there, and one step has been made already. So that a step cannot live on memory that the one before has freed,
malloc is told to give every block from 16 kB on back at once, alike for all. The median of several steps.

Beside it stands what no tool can do without when the step is written as it is: the activations that the backward pass
reads (the outputs of both hidden layers and of the softmax), all gradients, and the cotangent of the largest
activation.

    python benchmarks/memory.py [--quick] [--batch N ...] [--json FILE]
"""

import ctypes
import json
import statistics
import sys

from harness import TOOLS, Ratio, Report, in_own_process, load, parser, peak_over_start
from mlp import LAYERS, data, loss, torch_loss
import itertools

TARGET = 1.2
RATE = 0.1


def needed(batch: int) -> int:
    """Bytes: see above."""
    activations = batch * sum(LAYERS[1:])
    parameters = sum(n_in * n_out + n_out for n_in, n_out in itertools.pairwise(LAYERS))
    return 4 * (activations + parameters + batch * max(LAYERS[1:]))


def step_of(name: str, batch: int):
    (tool,) = load([name])
    parameters, images, labels = data(batch)
    program = torch_loss if name == "torch" else loss
    gradient = tool.grad(lambda *args: program(tool.np, *args), tuple(range(6)))
    parameters = [tool.wanted(parameter) for parameter in parameters]
    x, labels = tool.constant(images), tool.constant(labels)

    def step():
        for parameter, slope in zip(parameters, gradient(*parameters, x, labels), strict=True):
            values = parameter.detach() if name == "torch" else parameter
            values -= RATE * slope

    return step


def worker(name: str, batch: str, steps: str) -> list[int]:
    step = step_of(name, int(batch))
    step()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)
    peaks = []
    for _ in range(int(steps)):
        give_back(0)
        peaks.append(peak_over_start(step))
    return peaks


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--batch", type=int, nargs="+", default=[128, 1024, 4096])
    options = options.parse_args()
    names = [name for name in TOOLS if name != "jax"]
    report = Report("Peak memory of a training step", options)
    report.section("MB over the start of the step", "batch", *names, "needed", "/ torch", "/ autograd")
    for batch in options.batch:
        peaks = {
            name: statistics.median(in_own_process(__file__, "worker", name, str(batch), "3" if options.quick else "9"))
            for name in names
        }
        report.row(
            str(batch),
            *(peaks[name] / 1e6 for name in names),
            needed(batch) / 1e6,
            Ratio(peaks["chainrule"] / peaks["torch"], TARGET),
            peaks["chainrule"] / peaks["autograd"],
        )
    report.finish()


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        print(json.dumps(worker(*sys.argv[2:])))
    else:
        main()

"""AlexNet, forward and backward, in plain NumPy.

All eight layers of Krizhevsky, Sutskever and Hinton (2012) with their real shapes: five convolutions (three
of them in two groups), local response normalisation, overlapping max-pooling, three dense layers, dropout,
and the cross-entropy of a softmax over 1000 classes; 60,965,224 parameters in a tree of dicts. Images are
227 x 227 x 3, unpadded: of the 224 that the paper names, an 11 x 11 filter at stride 4 does not make 55 x 55.

What it shows: the network is a page of NumPy functions that know nothing of derivatives, and one call of
`chainrule.value_and_grad` returns all 61 million partial derivatives. A sample from each array, its largest
one included, is checked against central differences of the same NumPy loss along single coordinates; and all
of an array at once, along its gradient.

Run it with `python examples/alexnet.py` (about three minutes and 2.5 GB); with `CHAINRULE_EXAMPLE_QUICK=1` in
the environment it is the same network on one image, with fewer derivatives checked, in ten seconds.
"""

import os
import time
import tracemalloc

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import chainrule as cr

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
BATCH = 1 if QUICK else 4
SAMPLES = 1 if QUICK else 20
CHECKED = ("weight",) if QUICK else ("weight", "bias")

STEPS = (1e-5, 1e-6, 1e-4)
TOLERANCE = 1e-5

CLASSES = 1000
SHAPES = {  # filters as (in channels / groups, height, width, out channels)
    "conv1": (3, 11, 11, 96),
    "conv2": (48, 5, 5, 256),
    "conv3": (256, 3, 3, 384),
    "conv4": (192, 3, 3, 384),
    "conv5": (192, 3, 3, 256),
    "fc6": (6 * 6 * 256, 4096),
    "fc7": (4096, 4096),
    "fc8": (4096, CLASSES),
}


# ---------------------------------------------------------------- the layers; images: (batch, y, x, channel)


def conv(layer, x, stride=1, pad=0, groups=1):
    """Every patch of the image times every filter; each group of filters sees its share of the channels."""
    weight = layer["weight"]
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    patches = sliding_window_view(x, weight.shape[1:3], axis=(1, 2))[:, ::stride, ::stride]
    pairs = zip(np.split(patches, groups, axis=3), np.split(weight, groups, axis=3), strict=True)
    return np.concatenate([np.tensordot(p, w, axes=3) for p, w in pairs], axis=-1) + layer["bias"]


def relu(x):
    return np.maximum(x, 0)


def lrn(x, size=5, k=2.0, alpha=1e-4, beta=0.75):
    """Local response normalisation (section 3.3): each value over a power of its neighbours' energy."""
    squares = np.pad(x**2, ((0, 0), (0, 0), (0, 0), (size // 2, size // 2)))
    energy = sliding_window_view(squares, size, axis=3).sum(axis=-1)
    return x / (k + alpha * energy) ** beta


def max_pool(x, size=3, stride=2):
    """The largest of each window; windows overlap, since they are larger than the stride (section 3.4)."""
    windows = sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return windows.max(axis=(-2, -1))


def dropout(x, rng, rate=0.5):
    """Each value is zero or, so that the mean stays what it was, `1 / (1 - rate)` times itself."""
    return x * (rng.random(x.shape) >= rate) / (1 - rate)


def dense(layer, x):
    return x @ layer["weight"] + layer["bias"]


def cross_entropy(scores, labels):
    """Mean of -log softmax(scores)[label]."""
    top = scores.max(axis=-1, keepdims=True)
    log_total = top[:, 0] + np.log(np.exp(scores - top).sum(axis=-1))
    return np.mean(log_total - scores[np.arange(len(labels)), labels])


# ---------------------------------------------------------------- the network


def alexnet(params, images, rng):
    """Scores of the classes (batch, 1000), and what each of the eight layers passes on."""
    out = {}
    x = out["conv1"] = max_pool(lrn(relu(conv(params["conv1"], images, stride=4))))
    x = out["conv2"] = max_pool(lrn(relu(conv(params["conv2"], x, pad=2, groups=2))))
    x = out["conv3"] = relu(conv(params["conv3"], x, pad=1))
    x = out["conv4"] = relu(conv(params["conv4"], x, pad=1, groups=2))
    x = out["conv5"] = max_pool(relu(conv(params["conv5"], x, pad=1, groups=2)))
    x = x.reshape(len(x), -1)
    x = out["fc6"] = dropout(relu(dense(params["fc6"], x)), rng)
    x = out["fc7"] = dropout(relu(dense(params["fc7"], x)), rng)
    x = out["fc8"] = dense(params["fc8"], x)
    return x, out


def loss(params, images, labels, seed):
    """The loss, and beside it the shape of every layer's output. The seed fixes what dropout drops."""
    scores, outputs = alexnet(params, images, np.random.default_rng(seed))
    return cross_entropy(scores, labels), {name: x.shape for name, x in outputs.items()}


def init_params(rng):
    """Gaussian weights under which signals keep their size from layer to layer, and small random biases."""

    def layer(shape, gain):
        scale = np.sqrt(gain / np.prod(shape[:-1]))
        return {"weight": scale * rng.standard_normal(shape), "bias": 0.1 * rng.standard_normal(shape[-1])}

    # Scores near zero leave every class some probability, and so every partial derivative some size to check.
    return {name: layer(shape, gain=0.02 if name == "fc8" else 2) for name, shape in SHAPES.items()}


# ---------------------------------------------------------------- the check


def central_difference(f, array, where, direction, step):
    """Slope of `f` as `array[where]` moves, in place, along a direction."""
    here = array[where].copy()
    array[where] = here + step * direction
    above = f()
    array[where] = here - step * direction
    below = f()
    array[where] = here
    return (above - below) / (2 * step)


def relative_error(f, array, where, direction, slope, size):
    """How far a derivative is from central differences, as a part of its size.

    Long steps may cross a kink of a rectifier or of max-pooling, short ones drown in rounding: several are tried
    until one agrees. A wrong derivative agrees with none of them.
    """
    error = np.inf
    for step in STEPS:
        error = min(error, abs(central_difference(f, array, where, direction, step) - slope) / size)
        if error < TOLERANCE / 10:
            break
    return error


def sample(rng, gradient, count):
    """Where to check: at the largest partial derivative, at random ones that are not zero, and at any.

    Most are zero in the dense layers, where rectifiers and dropout silence rows and columns; so should be the
    differences there.
    """
    flat = gradient.ravel()
    largest = max(flat.argmin(), flat.argmax(), key=lambda i: abs(flat[i]))
    tried = rng.integers(flat.size, size=100 * count)
    alive = tried[flat[tried] != 0][: count // 2]
    chosen = [largest, *alive, *rng.integers(flat.size, size=count - 1 - len(alive))]
    return [np.unravel_index(i, gradient.shape) for i in chosen]


def check_array(f, array, gradient, rng):
    """Worst error of single partial derivatives, and that of all at once: of the slope along the gradient."""
    length = np.linalg.norm(gradient)
    floor = 0.01 * length / np.sqrt(gradient.size)  # below a hundredth of the usual size, differences are rounding
    places = sample(rng, gradient, SAMPLES)
    single = max(relative_error(f, array, i, 1.0, gradient[i], max(abs(gradient[i]), floor)) for i in places)
    return single, relative_error(f, array, ..., gradient / length, length, length)


def check_layer(f, layer, gradients):
    rng = np.random.default_rng(2)
    return np.max([check_array(f, layer[kind], gradients[kind], rng) for kind in CHECKED], axis=0)


# ---------------------------------------------------------------- the report


def show_gradient(params, batch, seed):
    """Loss, gradients and shapes, with what they took."""
    tracemalloc.start()
    start = time.perf_counter()
    (value, shapes), grads = cr.value_and_grad(loss, has_aux=True)(params, *batch, seed)
    seconds = time.perf_counter() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"loss {value:.4f} (blind guessing: {np.log(CLASSES):.4f})")
    print(f"forward and backward: {seconds:.2f} s, at most {peak / 2**20:.0f} MiB beside the parameters\n")
    return grads, shapes


def show_checks(params, grads, shapes, f):
    """The table, a line per layer; returns the worst error."""
    print("Relative errors against central differences: of partial derivatives, the worst of")
    print(f"{SAMPLES * len(CHECKED)}, and of the slope along the gradient, in which every parameter has its part.\n")
    print(f"{'layer':<7}{'output':<19}{'parameters':>11}  {'|gradient|':>10}  {'partials':>9}  {'slope':>9}")
    worst = 0.0
    for name, layer in params.items():
        single, along = check_layer(f, layer, grads[name])
        worst = max(worst, single, along)
        size = sum(array.size for array in layer.values())
        norm = np.sqrt(sum(np.sum(g**2) for g in grads[name].values()))
        shape = " x ".join(map(str, shapes[name]))
        print(f"{name:<7}{shape:<19}{size:>11,}  {norm:>10.4f}  {single:>9.1e}  {along:>9.1e}", flush=True)
    return worst


def main():
    rng = np.random.default_rng(0)
    params = init_params(rng)
    batch = rng.standard_normal((BATCH, 227, 227, 3)), rng.integers(0, CLASSES, BATCH)
    seed = 3
    count = sum(array.size for layer in params.values() for array in layer.values())
    print(f"AlexNet: {count:,} parameters in float64, a batch of {BATCH}")

    grads, shapes = show_gradient(params, batch, seed)
    start = time.perf_counter()
    worst = show_checks(params, grads, shapes, lambda: loss(params, *batch, seed)[0])
    print(f"\nworst relative error {worst:.1e}, checked in {time.perf_counter() - start:.0f} s")
    assert worst < TOLERANCE, f"a derivative is off by {worst:.1e} of its size, {TOLERANCE:.0e} is allowed"


if __name__ == "__main__":
    main()

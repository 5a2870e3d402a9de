"""A Neural Turing Machine learns to copy, in plain NumPy.

The machine of Graves, Wayne and Danihelka (2014, arXiv:1410.5401): a small feed-forward controller that reads
from and writes to a memory matrix through two heads. Each head decides where to look by content (cosine
similarity with a key) and by location (gate, shift, sharpen). All of it is differentiable, so the machine is
trained by gradients that run back through every read and every write.

What it shows: the program is a Python loop over time whose length changes from one training step to the next,
and the state that travels through it (the memory, two attention weightings, the vector last read) is made
anew at every turn. There is nothing to declare: the graph is whatever the loop did, and
`chainrule.value_and_grad` is the only line that knows about derivatives.

The task: a sequence of random bits is shown, then an end mark, and the machine has to say the sequence from
memory while its input stays blank. The controller keeps no state of its own, so what it recalls it must have
written down and found again.

Run it with `python examples/neural_turing_machine.py` (one to two minutes); with `CHAINRULE_EXAMPLE_QUICK=1` in
the environment it is a smaller machine that learns shorter sequences, in a few seconds.
"""

import os
import sys
import time
from typing import NamedTuple

import numpy as np

import chainrule as cr

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
SHIFTS = (-1, 0, 1)


class Setting(NamedTuple):
    """The size of the machine, of its task and of its training."""

    bits: int
    longest: int
    slots: int
    width: int
    hidden: int
    batch: int
    steps: int
    rate: float


FULL_SETTING = Setting(bits=8, longest=10, slots=20, width=16, hidden=64, batch=16, steps=3000, rate=1e-2)
QUICK_SETTING = Setting(bits=4, longest=4, slots=10, width=8, hidden=32, batch=16, steps=500, rate=1e-2)


class State(NamedTuple):
    """What the machine carries from one time step to the next."""

    memory: np.ndarray  # (batch, slots, width)
    read_at: np.ndarray  # (batch, slots), a weighting: it sums to one
    write_at: np.ndarray  # (batch, slots)
    read: np.ndarray  # (batch, width)


# ---------------------------------------------------------------- the machine


def sigmoid(x):
    return 0.5 * (np.tanh(0.5 * x) + 1)


def softplus(x):
    return np.logaddexp(0, x)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def affine(layer, x):
    return x @ layer["weight"] + layer["bias"]


def cosine_similarity(memory, key):
    """How alike the key (batch, width) and each slot of the memory are: (batch, slots)."""
    product = np.einsum("bnm,bm->bn", memory, key)
    lengths = np.sqrt(np.sum(memory**2, axis=-1) * np.sum(key**2, axis=-1, keepdims=True) + 1e-12)
    return product / lengths


def shift_weights(weights, shift):
    """Circular convolution of a weighting with a distribution over `SHIFTS`."""
    return sum(shift[:, i : i + 1] * np.roll(weights, step, axis=-1) for i, step in enumerate(SHIFTS))


def sharpen(weights, exponent):
    powered = (weights + 1e-12) ** exponent
    return powered / powered.sum(axis=-1, keepdims=True)


def address(head, memory, previous, hidden):
    """Where a head looks next: by content, then by location (figure 2 of the paper, from left to right)."""
    width = memory.shape[-1]
    ends = np.cumsum([width, 1, 1, len(SHIFTS)])
    key, strength, gate, shift, exponent = np.split(affine(head, hidden), ends, axis=-1)
    by_content = softmax(softplus(strength) * cosine_similarity(memory, np.tanh(key)))
    g = sigmoid(gate)
    gated = g * by_content + (1 - g) * previous
    return sharpen(shift_weights(gated, softmax(shift)), 1 + softplus(exponent))


def write(memory, where, erase, add):
    """Each slot forgets part of what it held and takes in something new, as far as the head looks at it."""
    where = where[:, :, None]
    return memory * (1 - where * erase[:, None, :]) + where * add[:, None, :]


def step(params, state, x):
    """One time step: the next state, and the logits of the output bits."""
    hidden = np.tanh(affine(params["controller"], np.concatenate([x, state.read], axis=-1)))

    write_at = address(params["write_head"], state.memory, state.write_at, hidden)
    erase, add = np.split(affine(params["writing"], hidden), 2, axis=-1)
    memory = write(state.memory, write_at, sigmoid(erase), np.tanh(add))

    read_at = address(params["read_head"], memory, state.read_at, hidden)
    read = np.einsum("bn,bnm->bm", read_at, memory)

    logits = affine(params["output"], np.concatenate([hidden, read], axis=-1))
    return State(memory, read_at, write_at, read), logits


def initial_state(setting, batch):
    """Both heads on slot 0 of a blank memory.  (Not quite blank: a zero vector has no direction.)"""
    at = np.zeros((batch, setting.slots))
    at[:, 0] = 1
    memory = np.full((batch, setting.slots, setting.width), 1e-3)
    return State(memory, at, at, np.zeros((batch, setting.width)))


def run(params, state, inputs):
    """The machine over a whole sequence (time, batch, channels): all states and all logits."""
    states, logits = [], []
    for x in inputs:
        state, out = step(params, state, x)
        states.append(state)
        logits.append(out)
    return states, np.stack(logits)


# ---------------------------------------------------------------- the task


def copy_task(rng, setting, length, batch):
    """Inputs (2 length + 1, batch, bits + 1), the end mark in the last channel, and the bits to recall."""
    target = rng.integers(0, 2, (length, batch, setting.bits)).astype(float)
    inputs = np.zeros((2 * length + 1, batch, setting.bits + 1))
    inputs[:length, :, :-1] = target
    inputs[length, :, -1] = 1
    return inputs, target


def loss(params, state, inputs, target):
    """Cross-entropy per bit in bits, so that 1 is blind guessing and 0 is a perfect copy."""
    _, logits = run(params, state, inputs)
    recalled = logits[len(inputs) - len(target) :]
    return np.mean(np.logaddexp(0, recalled) - target * recalled) / np.log(2)


# ---------------------------------------------------------------- training


def init_params(rng, setting):
    def layer(n_in, n_out):
        return {"weight": rng.normal(0, 1 / np.sqrt(n_in), (n_in, n_out)), "bias": np.zeros(n_out)}

    address_size = setting.width + 3 + len(SHIFTS)
    return {
        "controller": layer(setting.bits + 1 + setting.width, setting.hidden),
        "read_head": layer(setting.hidden, address_size),
        "write_head": layer(setting.hidden, address_size),
        "writing": layer(setting.hidden, 2 * setting.width),
        "output": layer(setting.hidden + setting.width, setting.bits),
    }


def tree_map(f, tree, *others):
    if isinstance(tree, dict):
        return {k: tree_map(f, tree[k], *(other[k] for other in others)) for k in tree}
    return f(tree, *others)


def leaves(tree):
    return [leaf for branch in tree.values() for leaf in leaves(branch)] if isinstance(tree, dict) else [tree]


def clip_by_norm(grads, limit):
    """Long products of Jacobians explode now and then; one such step would undo a thousand good ones."""
    norm = np.sqrt(sum(np.sum(g * g) for g in leaves(grads)))
    return tree_map(lambda g: g * min(1.0, limit / (norm + 1e-12)), grads)


class Adam:
    """Kingma and Ba (2015), algorithm 1, over a tree of arrays."""

    def __init__(self, params, rate, decay=(0.9, 0.999)):
        self.rate, self.decay, self.time = rate, decay, 0
        self.mean = tree_map(np.zeros_like, params)
        self.square = tree_map(np.zeros_like, params)

    def update(self, params, grads):
        self.time += 1
        b1, b2 = self.decay
        self.mean = tree_map(lambda m, g: b1 * m + (1 - b1) * g, self.mean, grads)
        self.square = tree_map(lambda s, g: b2 * s + (1 - b2) * g * g, self.square, grads)
        rate = self.rate * np.sqrt(1 - b2**self.time) / (1 - b1**self.time)
        return tree_map(lambda p, m, s: p - rate * m / (np.sqrt(s) + 1e-8), params, self.mean, self.square)


def train(rng, setting, params):
    """Adam on batches of random sequences, a new length each step.  Returns the parameters and every loss."""
    value_and_grad = cr.value_and_grad(loss)
    optimiser = Adam(params, setting.rate)
    state = initial_state(setting, setting.batch)
    losses, start = [], time.perf_counter()
    for i in range(1, setting.steps + 1):
        length = int(rng.integers(1, setting.longest + 1))
        value, grads = value_and_grad(params, state, *copy_task(rng, setting, length, setting.batch))
        params = optimiser.update(params, clip_by_norm(grads, 1.0))
        losses.append(float(value))
        show_progress(i, setting.steps, losses, time.perf_counter() - start)
    return params, np.array(losses)


def show_progress(i, steps, losses, seconds):
    """One line that rewrites itself on a terminal, ten lines in a log."""
    live = sys.stdout.isatty()
    if i % (10 if live else steps // 10) and i != steps:
        return
    line = f"step {i:5d}/{steps}  loss {np.mean(losses[-100:]):.4f} bits per bit  {seconds:6.1f} s"
    print(line, end="\r" if live and i != steps else "\n", flush=True)


# ---------------------------------------------------------------- what was learned


def recall(params, setting, inputs, length):
    states, logits = run(params, initial_state(setting, inputs.shape[1]), inputs)
    return states, (logits[-length:] > 0).astype(int)


def wrong_bits(rng, params, setting, length, batch=200):
    """Bits recalled wrongly per sequence, on fresh sequences."""
    inputs, target = copy_task(rng, setting, length, batch)
    _, bits = recall(params, setting, inputs, length)
    return np.abs(bits - target).sum() / batch


def show_copy(rng, params, setting, length):
    inputs, target = copy_task(rng, setting, length, 1)
    states, bits = recall(params, setting, inputs, length)
    print(f"\none sequence of {length}, and the slots that the heads looked at most:")
    print(f"  {'target':<{setting.bits}}  written to  {'copy':<{setting.bits}}  read from")
    for want, got, writing, reading in zip(target, bits, states, states[-length:], strict=False):
        want, got = ("".join(".#"[int(b)] for b in row[0]).ljust(6) for row in (want, got))
        wrote, read = writing.write_at[0].argmax(), reading.read_at[0].argmax()
        print(f"  {want}  {wrote:^10}  {got}  {read:^9}{'' if want == got else '  wrong'}")


def main():
    setting = QUICK_SETTING if QUICK else FULL_SETTING
    rng = np.random.default_rng(0)
    params = init_params(rng, setting)
    count = sum(p.size for p in leaves(params))
    print(
        f"Neural Turing Machine: {count} parameters, memory {setting.slots} x {setting.width}; "
        f"copies 1 to {setting.longest} vectors of {setting.bits} bits"
    )
    lengths = range(1, setting.longest + 1)
    before = np.mean([wrong_bits(rng, params, setting, n) for n in lengths])

    params, losses = train(rng, setting, params)

    first, last = losses[:100].mean(), losses[-100:].mean()
    after = np.mean([wrong_bits(rng, params, setting, n) for n in lengths])
    longer = setting.longest * 3 // 2
    beyond = wrong_bits(rng, params, setting, longer)
    print(f"\nloss, mean of 100 steps: {first:.4f} bits per bit at first, {last:.4f} at last")
    print(f"wrong bits per sequence: {before:.2f} before training, {after:.2f} after;")
    print(f"with {longer} vectors, more than it was trained on: {beyond:.2f} of {longer * setting.bits}")
    show_copy(rng, params, setting, setting.longest)
    assert last < first / 4, f"training should quarter the loss; it went from {first:.4f} to {last:.4f}"


if __name__ == "__main__":
    main()

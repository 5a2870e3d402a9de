"""A language model of diagonal LSTM layers: the loss of a sequence, a scalar of all weights.

Row 2i of `main` holds the weights of layer i and row 2i + 1 its biases, each as four blocks: forget, ingate, outgate
and change; rows 2i and 2i + 1 of `state` are its hidden values and its cell. All products are elementwise.
"""


def sigmoid(np, x):
    return 1 / (1 + np.exp(-x))


def cell(np, x, h, c, weight, bias):
    """One layer in one step of time; `weight` and `bias` have shape `(4, b)`."""
    forget = sigmoid(np, x * weight[0] + bias[0])
    ingate = sigmoid(np, h * weight[1] + bias[1])
    outgate = sigmoid(np, x * weight[2] + bias[2])
    change = np.tanh(h * weight[3] + bias[3])
    c = c * forget + ingate * change
    return outgate * np.tanh(c), c


def objective(np, main, extra, state, sequence):
    """The mean loss.

    `main` has shape `(2 * layers, 4 * b)`, `extra` `(3, b)`, `state` `(2 * layers, b)` and `sequence` `(steps, b)`.
    """
    layers, (steps, b) = len(main) // 2, sequence.shape
    blocks = main.reshape(2 * layers, 4, b)
    hidden, cells = [state[2 * i] for i in range(layers)], [state[2 * i + 1] for i in range(layers)]
    total = 0.0
    for t in range(steps - 1):
        x = sequence[t] * extra[0]
        for i in range(layers):
            hidden[i], cells[i] = cell(np, x, hidden[i], cells[i], blocks[2 * i], blocks[2 * i + 1])
            x = hidden[i]
        y = x * extra[1] + extra[2]
        total = total + np.sum(sequence[t + 1] * (y - np.log(2 + np.sum(np.exp(y)))))
    return -total / ((steps - 1) * b)


def scanned(jax, main, extra, state, sequence):
    """The same with `jax.lax.scan` over the time, as JAX wants to see it: unrolled, XLA takes minutes."""
    np, layers, (steps, b) = jax.numpy, len(main) // 2, sequence.shape
    blocks = main.reshape(2 * layers, 4, b)

    def step(state, before_and_after):
        before, after = before_and_after
        x, states = before * extra[0], []
        for i in range(layers):
            x, c = cell(np, x, state[2 * i], state[2 * i + 1], blocks[2 * i], blocks[2 * i + 1])
            states += [x, c]
        y = x * extra[1] + extra[2]
        return np.stack(states), np.sum(after * (y - np.log(2 + np.sum(np.exp(y)))))

    return -np.sum(jax.lax.scan(step, state, (sequence[:-1], sequence[1:]))[1]) / ((steps - 1) * b)

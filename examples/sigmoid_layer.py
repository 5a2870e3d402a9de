"""A layer whose forward and backward passes are written by hand, as all layers once were.

`forward` and `backward` are plain NumPy, in the manner of a Caffe layer: the bottom goes in and the top comes
out; on the way back the gradient of the top becomes that of the bottom. `cr.custom` makes them one operation
of chainrule, which takes part in every transform like any other:

    python examples/sigmoid_layer.py
"""

import numpy as np

import chainrule as cr


def forward(bottom):
    """top = 1 / (1 + e^(-bottom)), through tanh, which does not overflow."""
    return 0.5 * np.tanh(0.5 * bottom) + 0.5


def backward(top_diff, top):
    """d top / d bottom = top (1 - top): the output is enough, and the input need not be kept."""
    return top_diff * top * (1 - top)


@cr.custom
def sigmoid(bottom):
    return forward(bottom)


@sigmoid.defvjp
def _(top_diff, top, bottom):
    return (backward(top_diff, top),)


@sigmoid.defjvp
def _(tangents, top, bottom):
    (bottom_tangent,) = tangents
    return bottom_tangent * top * (1 - top)


def formula(x):
    """The same function as one writes it down, for chainrule to differentiate by itself."""
    return 1 / (1 + np.exp(-x))


def network(activation, parameters, x):
    """Two inner products with an activation between them, and a squared error."""
    hidden = activation(parameters["W1"] @ x + parameters["b1"])
    return np.sum((parameters["W2"] @ hidden - 1.0) ** 2)


def results(activation):
    """What each transform makes of the activation."""
    rng = np.random.default_rng(0)
    x, u = np.linspace(-4.0, 4.0, 5), rng.standard_normal(5)
    batch = rng.standard_normal((3, 5))
    parameters = {
        "W1": rng.standard_normal((4, 5)),
        "b1": rng.standard_normal(4),
        "W2": rng.standard_normal((2, 4)),
    }

    def weighted(x):
        return u @ activation(x)

    held = cr.variable(x)
    activation(held).backward(u)
    return {
        "value": activation(x),
        "grad": cr.grad(weighted)(x),
        "variable.backward": held.grad,
        "vjp": cr.vjp(activation, x)[1](u)[0],
        "jvp": cr.jvp(activation, (x,), (u,))[1],
        "jacobian, forward": cr.jacobian(activation, mode="forward")(x),
        "jacobian, reverse": cr.jacobian(activation, mode="reverse")(x),
        "hessian": cr.hessian(weighted)(x),
        "hvp": cr.hvp(weighted)(x, x),
        "vmap": cr.vmap(activation)(batch),
        "vmap of grad": cr.vmap(cr.grad(weighted))(batch),
        "grad of vmap": cr.grad(lambda batch: np.sum(cr.vmap(activation)(batch) ** 2))(batch),
        "third derivative": cr.grad(cr.grad(cr.grad(activation)))(0.7),
        "grad of a network": cr.grad(lambda p: network(activation, p, x))(parameters)["W1"],
        "hessian of a network": cr.hessian(lambda b1: network(activation, {**parameters, "b1": b1}, x))(
            parameters["b1"]
        ),
    }


def main():
    print("The layer written by hand, beside 1 / (1 + exp(-x)) differentiated by")
    print("chainrule: the first entry of each result, and the largest difference.\n")
    print(f"{'':20}  {'shape':>6}  {'by hand':>12}  {'by chainrule':>12}  difference")
    by_formula = results(formula)
    for name, found in results(sigmoid).items():
        found, expected = np.asarray(found), np.asarray(by_formula[name])
        difference = np.max(np.abs(found - expected))
        assert found.shape == expected.shape, f"{name}: shape {found.shape} instead of {expected.shape}"
        assert difference < 1e-12, f"{name}: the layer gives {found}, the formula {expected}"
        first, second = found.flat[0], expected.flat[0]
        print(f"{name:20}  {found.shape!s:>6}  {first:12.9f}  {second:12.9f}  {difference:10.0e}")

    far = np.array([-1000.0, 1000.0])
    with np.errstate(over="ignore", invalid="ignore"):
        naive = cr.grad(lambda x: np.sum(formula(x)))(far)
    print("\nFar out, where exp(1000) overflows, the derivatives at -1000 and 1000:")
    print(f"  by hand       {cr.grad(lambda x: np.sum(sigmoid(x)))(far)}")
    print(f"  by chainrule  {naive}")


if __name__ == "__main__":
    main()

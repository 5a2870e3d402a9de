"""A fluid is stirred so that its smoke ends up in the shape of a ring.

An incompressible fluid on a torus, as in Stam's Stable Fluids (1999): in each step the velocity carries itself and the
smoke along, back along the flow with bilinear interpolation, and is then made free of divergence, in Fourier space.
What is sought is the velocity at the start; the gradient of the mismatch at the end runs back through every step.

The model is written once, for the array namespace `np`. It runs twice: as plain NumPy under `chainrule`, and under
`chainrule.compat.autograd` as a program for HIPS autograd would. The results must be equal.

Run it with `python examples/fluid_simulation.py` (seconds); a number gives another size of the grid.
"""

import functools
import os
import sys

import numpy as np
import scipy.optimize
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel

import chainrule as cr
import chainrule.compat.autograd.numpy as anp
from chainrule.compat import autograd

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
SIZE = 12 if QUICK else 32
STEPS, ROUNDS = (4, 6) if QUICK else (20, 60)
SHADES = " ░▒▓█"


# ---- the model --------------------------------------------------------------------------------------------------


def incompressible(np, velocity):
    """The part of a velocity field (2, n, n) that has no divergence."""
    n = velocity.shape[-1]
    k = np.fft.fftfreq(n) * n
    k = np.stack(np.meshgrid(k, k, indexing="ij")) * (np.abs(k) < n / 2) * (np.abs(k)[:, None] < n / 2)
    v = np.fft.fft2(velocity)
    along = np.sum(k * v, axis=0) / np.maximum(np.sum(k**2, axis=0), 1)
    return np.real(np.fft.ifft2(v - k * along))


def advect(np, fields, velocity):
    """Fields (..., n, n), each carried along by the velocity for one step."""
    n = fields.shape[-1]
    rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    from_row, from_column = rows - velocity[0], columns - velocity[1]
    i, j = np.floor(from_row), np.floor(from_column)
    down, right = from_row - i, from_column - j
    i, j = i.astype(int) % n, j.astype(int) % n
    below, beside = (i + 1) % n, (j + 1) % n
    upper = (1 - right) * fields[..., i, j] + right * fields[..., i, beside]
    lower = (1 - right) * fields[..., below, j] + right * fields[..., below, beside]
    return (1 - down) * upper + down * lower


def simulate(np, velocity, smoke, steps):
    """The smoke after some steps, and on the way there."""
    frames = [smoke]
    velocity = incompressible(np, velocity)
    for _ in range(steps):
        velocity = incompressible(np, advect(np, velocity, velocity))
        smoke = advect(np, smoke, velocity)
        frames.append(smoke)
    return frames


def mismatch(np, velocity, smoke, target, steps):
    """How far the smoke is from the target at the end. The velocity is a vector, as SciPy's optimisers have it."""
    velocity = np.reshape(velocity, (2, *smoke.shape))
    return np.mean((simulate(np, velocity, smoke, steps)[-1] - target) ** 2)


# ---- the program ------------------------------------------------------------------------------------------------


def scene(n):
    """Smoke in the left half; and a ring, of as much smoke."""
    at = (np.arange(n) - (n - 1) / 2) / n
    radius = np.hypot(at[:, None], at)
    smoke = np.where(at < 0, 1.0, 0.0) * np.ones((n, 1))
    ring = np.exp(-(((radius - 0.28) / 0.08) ** 2))
    return smoke, ring * (smoke.sum() / ring.sum())


def stir(value_and_grad, smoke, target):
    """The velocity to begin with, found by L-BFGS from rest."""
    start = 1e-3 * np.sin(np.arange(2.0 * smoke.size))  # not quite at rest: there the smoke does not care
    return scipy.optimize.minimize(
        value_and_grad, start, args=(smoke, target, STEPS), jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS}
    )


def picture(field, title):
    shade = np.clip(field * len(SHADES), 0, len(SHADES) - 1).astype(int)
    return Panel("\n".join("".join(2 * SHADES[s] for s in row) for row in shade), title=title, expand=False)


def main():
    smoke, target = scene(int(sys.argv[1]) if len(sys.argv) > 1 else SIZE)
    plain = cr.value_and_grad(functools.partial(mismatch, np))
    moved = autograd.value_and_grad(functools.partial(mismatch, anp))
    found = stir(plain, smoke, target)
    for at in (np.zeros(2 * smoke.size), found.x):
        for a, b in zip(plain(at, smoke, target, STEPS), moved(at, smoke, target, STEPS), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)

    console = Console(highlight=False)
    frames = simulate(np, np.reshape(found.x, (2, *smoke.shape)), smoke, STEPS)
    pictures = [picture(frames[i], f"step {i}") for i in (0, STEPS // 2, STEPS)]
    console.print(Columns([*pictures, picture(target, "target")]))
    still = np.mean((smoke - target) ** 2)
    console.print(f"The mismatch is {still:.4f} without stirring, and {found.fun:.4f} after {found.nit} rounds.")
    console.print("Both ways to write it give the same value and gradient, at rest and at the end.")


if __name__ == "__main__":
    main()

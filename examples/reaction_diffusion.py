"""The parameters of a reaction-diffusion model are fitted to data, through an implicit solver, with their uncertainty.

Two chemicals diffuse along a line and react (Schnakenberg, J. Theor. Biol. 81, 1979):

    u' = u_xx / 1000 + a - u + u² v,    v' = d v_xx / 1000 + b - u² v,    no flow through the ends

From a noisy start spots of high u grow; where and how fast depends on a, b and d. The equations are stiff, so each step
in time is implicit (BDF2; the first by Euler's method): its unknowns solve a system of nonlinear equations, two for
each cell, which `cr.newton` does with the sparse Jacobian that it gets from the residual below. Observed is u at a few
places and times, with noise. `least_squares` finds a, b and d; the Jacobian of what is observed goes through every
step by the implicit function theorem, and reuses the factors of its last matrix. From the Jacobian follow standard
errors, correlations, and by `cr.propagate` how well the profile is known where nothing was observed.

Run it with `python examples/reaction_diffusion.py` (seconds).
"""

import os
import time

import numpy as np
from rich.console import Console
from rich.table import Table

import chainrule as cr
from chainrule.scipy.optimize import least_squares

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
CELLS = 40 if QUICK else 500
STEPS = 8 if QUICK else 30
DT = 0.5
NAMES = ("a, supply of u", "b, supply of v", "d, diffusion of v")
TRUE = np.array([0.1, 0.9, 40.0])
GUESS = np.array([0.15, 0.7, 25.0])
NOISE = 0.02
PLACES = slice(CELLS // 40, None, CELLS // 20)
TIMES = slice(STEPS // 4, None, STEPS // 4)


def laplacian(y):
    """Second differences along a line, with no flow through its ends."""
    padded = np.concatenate([y[:1], y, y[-1:]])
    return (padded[2:] - 2 * y + padded[:-2]) * len(y) ** 2


def change(state, p):
    """By how much u and v change in a unit of time; they alternate, so that the Jacobian is a narrow band."""
    u, v = state[::2], state[1::2]
    reaction = u**2 * v
    du = laplacian(u) / 1000 + p[0] - u + reaction
    dv = p[2] * laplacian(v) / 1000 + p[1] - reaction
    return np.stack([du, dv], axis=1).ravel()


def residual(new, old, older, p):
    """What is zero after a step of BDF2."""
    return new - 4 / 3 * old + 1 / 3 * older - 2 / 3 * DT * change(new, p)


def first_residual(new, old, p):
    """What is zero after a step of Euler's implicit method."""
    return new - old - DT * change(new, p)


def start():
    """The state that would not change without diffusion, with noise."""
    rng = np.random.default_rng(0)
    steady = np.stack([np.full(CELLS, 1.0), np.full(CELLS, 0.9)], axis=1)
    smooth = np.convolve(rng.normal(size=CELLS), np.ones(CELLS // 10) * 0.3, "same") / np.sqrt(CELLS)
    return (steady * (1 + smooth[:, None] * [1, -1])).ravel()


def profiles(p):
    """u at all times and in all cells: `(STEPS, CELLS)`."""
    older = start()
    old = cr.newton(first_residual, older, (older, p)).x
    found = [old[::2]]
    for _ in range(STEPS - 1):
        old, older = cr.newton(residual, old, (old, older, p)).x, old
        found.append(old[::2])
    return np.stack(found)


def observed(p):
    """What is measured: u at the observed times and places, one after the other."""
    return profiles(p)[TIMES, PLACES].ravel()


def fit(data):
    """The parameters, their covariance, and how the fit went. Logarithms are fitted, so that all stay positive."""
    found = least_squares(lambda q: (observed(np.exp(q)) - data) / NOISE, np.log(GUESS), xtol=1e-10)
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    scale = np.diag(np.exp(found.x))
    return np.exp(found.x), scale @ covariance @ scale, found


def main():
    rng = np.random.default_rng(1)
    data = observed(TRUE) + NOISE * rng.normal(size=observed(TRUE).shape)
    begin = time.perf_counter()
    p, covariance, found = fit(data)
    took = time.perf_counter() - begin
    errors = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(errors, errors)

    console = Console()
    table = Table("parameter", "true", "start", "fitted", "± error", "off, in errors")
    for row in zip(NAMES, TRUE, GUESS, p, errors, (p - TRUE) / errors, strict=True):
        table.add_row(row[0], *(f"{v:.4g}" for v in row[1:]))
    console.print(table)
    console.print(
        f"{len(data)} observations; {STEPS} implicit steps with {2 * CELLS} unknowns each\n"
        f"{found.nfev} evaluations and {found.njev} Jacobians in {took:.1f} s\n"
        f"chi² / (observations - 3) = {2 * found.cost / (len(data) - 3):.2f}\n"
        f"correlations: a b {correlation[0, 1]:.2f}, a d {correlation[0, 2]:.2f}, b d {correlation[1, 2]:.2f}"
    )

    last = lambda p: profiles(p)[-1]
    profile, band = cr.propagate(last, p, covariance)
    spread = np.sqrt(np.diag(band))
    truth = last(TRUE)
    console.print("\nu at the end, at places that were not observed:")
    table = Table("place", "fitted", "± error", "true")
    for k in range(CELLS // 20, CELLS, CELLS // 8):
        table.add_row(f"{(k + 0.5) / CELLS:.2f}", f"{profile[k]:.4f}", f"{spread[k]:.4f}", f"{truth[k]:.4f}")
    console.print(table)

    J = cr.jacobian(observed)(p)
    h = 1e-4 * p
    differences = np.stack([(observed(p + h * e) - observed(p - h * e)) / (2 * h @ e) for e in np.eye(3)], axis=1)
    off = np.max(np.abs(J - differences)) / np.max(np.abs(J))
    console.print(f"The Jacobian and central differences agree to {off:.0e} of its largest entry.")
    assert off < 1e-4
    assert np.all(np.abs(p - TRUE) < 4 * errors)


if __name__ == "__main__":
    main()

"""An ODE is fitted to data: lynxes and hares in Canada, 1900 to 1920, by the equations of Lotka and Volterra.

The data are the pelts that the Hudson's Bay Company bought, in thousands (Elton and Nicholson 1942, as given by
Carpenter, Stan Case Studies 5, 2018). Prey grows by itself and is eaten, predators starve and eat:

    hares' = hares (a - b lynxes),    lynxes' = lynxes (-c + d hares)

Six numbers are unknown: a, b, c, d, and how many animals there were in 1900. The solver is SciPy's `odeint`, and its
gradient comes from the equations, not from the solver's steps. The data are fitted on a logarithmic scale.

The model is written once, for a namespace `np` and a solver. It runs twice: as plain NumPy under `chainrule`, and under
`chainrule.compat.autograd` as a program for HIPS autograd would. The results must be equal.

Run it with `python examples/predator_and_prey.py` (seconds).
"""

import functools
import os

import numpy as np
import scipy.optimize
from rich.console import Console
from rich.table import Table

import chainrule as cr
import chainrule.compat.autograd.numpy as anp
from chainrule.compat import autograd
from chainrule.compat.autograd.scipy.integrate import odeint as autograd_odeint
from chainrule.scipy.integrate import odeint

QUICK = os.environ.get("CHAINRULE_EXAMPLE_QUICK") == "1"
YEARS = np.arange(1900.0, 1921)
HARES = "30 47.2 70.2 77.4 36.3 20.6 18.1 21.4 22 25.4 27.1 40.3 57 76.6 52.3 19.5 11.2 7.6 14.6 16.2 24.7"
LYNXES = "4 6.1 9.8 35.2 59.4 41.7 19 13 8.3 9.1 7.4 8 12.3 19.5 45.7 51.1 29.7 15.8 9.7 10.1 8.6"
PELTS = np.array([HARES.split(), LYNXES.split()], float).T
NAMES = (
    "a, growth of hares",
    "c, starving of lynxes",
    "b, hares eaten",
    "d, lynxes fed",
    "hares in 1900",
    "lynxes in 1900",
)
SIGNS = np.array([1.0, -1.0, -1.0, 1.0])
START = np.log([0.5, 1.0, 0.03, 0.03, 30.0, 4.0])


# ---- the model --------------------------------------------------------------------------------------------------


def change(animals, t, rates):
    """By how much hares and lynxes change in a year."""
    return animals * (rates[:2] + rates[2:] * animals[::-1])


def misfit(np, solve, theta):
    """The sum of squares of the errors in the logarithms; theta holds logarithms, too."""
    animals = solve(change, np.exp(theta[4:]), YEARS, SIGNS * np.exp(theta[:4]))
    return np.sum((np.log(animals) - np.log(PELTS)) ** 2)


# ---- the program ------------------------------------------------------------------------------------------------


def fit(value_and_grad):
    return scipy.optimize.minimize(
        value_and_grad, START, jac=True, method="BFGS", options={"maxiter": 4 if QUICK else 200, "gtol": 1e-3}
    )


def main():
    plain = cr.value_and_grad(functools.partial(misfit, np, lambda f, y0, t, *args: odeint(f, y0, t, args)))
    # autograd knows tuples by a type of its own
    solve = lambda f, y0, t, *args: autograd_odeint(f, y0, t, autograd.tuple(args))
    found, moved = fit(plain), fit(autograd.value_and_grad(functools.partial(misfit, anp, solve)))
    np.testing.assert_allclose(moved.x, found.x, rtol=1e-3)

    console = Console(highlight=False)
    title = f"{found.nit} steps: misfit {plain(START)[0]:.3f} to {found.fun:.3f}"
    table = Table("", "start", "plain NumPy", "compat.autograd", title=title)
    for name, *values in zip(NAMES, *np.exp([START, found.x, moved.x]), strict=True):
        table.add_row(name, *(f"{value:.5f}" for value in values))
    console.print(table)

    model = odeint(change, np.exp(found.x[4:]), YEARS, (SIGNS * np.exp(found.x[:4]),))
    table = Table("year", "hares", "model", "lynxes", "model ", title="Thousands of pelts")
    for year, (hares, lynxes), (of_hares, of_lynxes) in zip(YEARS, PELTS, model, strict=True):
        table.add_row(f"{year:.0f}", f"{hares:.1f}", f"{of_hares:.1f}", f"{lynxes:.1f}", f"{of_lynxes:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()

"""Functions that are written in exponentials, logarithms and powers, and are there for the sake of accuracy."""

import math

import numpy as np
import scipy.special as sc

from ..arithmetic import direction, power_in_base, power_in_exponent
from .table import DEGREE, at, common, special

LN10, LN2 = math.log(10), math.log(2)

exp2 = special(sc.exp2, d=lambda y: LN2 * y)
exp10 = special(sc.exp10, d=lambda y: LN10 * y)
expm1 = special(sc.expm1, d=lambda x: np.exp(x))  # y + 1 has no digits left where y is next to -1
log1p = special(sc.log1p, d=lambda x: 1.0 / (1.0 + x))
cbrt = special(sc.cbrt, d=lambda y: 1 / (3 * y * y))
powm1 = special(sc.powm1, d=(lambda a, b: power_in_base(a, b), lambda a, b: power_in_exponent(a, b, np.power(a, b))))
round_ = special(sc.round, d=None)


def exprel_slope(x, y):
    """(exp(x) - y) / x; near 0, where that cancels, y is M(1, 2, x), whose slope is M(2, 3, x) / 2, 13.3.15."""
    near = np.abs(x) < 1
    close = 0.5 * at(sc.hyp1f1, 2.0, 3.0, np.where(near, x, 0.0))
    x, y = np.where(near, 1.0, x), np.where(near, 1.0, y)
    right = x > 0  # in two forms: both exp(x) - y and 1 - y lose digits at one end
    return np.where(near, close, np.where(right, y * (1 - 1 / x) + 1 / x, (np.exp(np.where(right, 0.0, x)) - y) / x))


exprel = special(sc.exprel, d=lambda x, y: exprel_slope(x, y))

# ---- angles in degrees ----------------------------------------------------------------------------------------------

sindg = special(sc.sindg, d=lambda x: DEGREE * sc.cosdg(x))
cosdg = special(sc.cosdg, d=lambda x: -DEGREE * sc.sindg(x))
tandg = special(sc.tandg, d=lambda x: DEGREE / np.square(sc.cosdg(x)))
cotdg = special(sc.cotdg, d=lambda x: -DEGREE / np.square(sc.sindg(x)))
cosm1 = special(sc.cosm1, d=lambda x: -np.sin(x))
radian = special(sc.radian, d=(DEGREE, DEGREE / 60, DEGREE / 3600))

# ---- the logistic function: each factor is computed where it is small -----------------------------------------------

expit = special(sc.expit, d=lambda x, y: y * sc.expit(-x))
log_expit = special(sc.log_expit, d=lambda x: sc.expit(-x))
logit = special(sc.logit, d=lambda x: 1 / (x * (1 - x)))

# ---- entropy: x log x, and what is 0 where x is 0 although the logarithm is infinite --------------------------------


def log_unless(zero, x):
    """log x, and 0 where `zero`: there the function jumps, from 0 to infinity, and has no derivative."""
    return np.where(zero, 0.0, np.log(np.where(zero, 1.0, x)))


def ratio(a, b):
    """a / b, and 0 where both are 0."""
    a, b = common(a, b)
    zero = (a == 0) & (b == 0)
    return np.where(zero, 0.0, a / np.where(zero, 1.0, b))


def log_ratio(a, b, more):
    """log(a / b) + more, and 0 where both are 0, for the same reason."""
    a, b = common(a, b)
    zero = (a == 0) & (b == 0)
    return np.where(zero, 0.0, np.log(np.where(zero, 1.0, a) / np.where(zero, 1.0, b)) + more)


def log1p_unless(zero, x):
    return np.where(zero, 0.0, np.log1p(np.where(zero, 0.0, x)))


xlogy = special(sc.xlogy, d=(lambda a, b: log_unless((a == 0) & (b == 0), common(a, b)[1]), lambda a, b: ratio(a, b)))
xlog1py = special(
    sc.xlog1py,
    d=(lambda a, b: log1p_unless((a == 0) & (b == -1), common(a, b)[1]), lambda a, b: ratio(a, 1.0 + b)),
)
entr = special(sc.entr, d=lambda x: -np.log(x) - 1)
rel_entr = special(sc.rel_entr, d=(lambda a, b: log_ratio(a, b, 1), lambda a, b: -ratio(a, b)))
kl_div = special(sc.kl_div, d=(lambda a, b: log_ratio(a, b, 0), lambda a, b: 1 - ratio(a, b)))

# ---- the transformations of Box and Cox -----------------------------------------------------------------------------
# boxcox(x, p) = (x^p - 1) / p = log(x) exprel(p log x), and its inverse is (1 + p x)^(1/p) = exp(x log1p(p x) / (p x)).
# In p these are smooth at 0, so the quotients that vanish there are taken in one piece.


def in_power(log, p):
    """log^2 exprel'(p log), and its limit 1/p^2 where x is 0."""
    zero = (log == -np.inf) & (p > 0)
    x = p * np.where(zero, 0.0, log)
    return np.where(zero, 1 / np.square(np.where(zero, p, 1.0)), log * log * exprel_slope(x, sc.exprel(x)))


def inverse_in_power(x, p, y):
    """The slope of log1p(w) / w = F(1, 1; 2; -w) is -F(2, 2; 3; -w) / 2."""
    return -0.5 * y * x * x * at(sc.hyp2f1, 2.0, 2.0, 3.0, -p * x)


boxcox = special(
    sc.boxcox,
    d=(lambda a, b: np.power(*common(a, b - 1.0)), lambda a, b: in_power(np.log(common(a, b)[0]), b)),
)
boxcox1p = special(
    sc.boxcox1p,
    d=(lambda a, b: np.power(*common(1.0 + a, b - 1.0)), lambda a, b: in_power(np.log1p(common(a, b)[0]), b)),
)
inv_boxcox = special(sc.inv_boxcox, d=(lambda a, b, y: y / (1.0 + a * b), lambda a, b, y: inverse_in_power(a, b, y)))
inv_boxcox1p = special(
    sc.inv_boxcox1p,
    d=(lambda a, b, y: (1.0 + y) / (1.0 + a * b), lambda a, b, y: inverse_in_power(a, b, 1.0 + y)),
)

# ---- losses ---------------------------------------------------------------------------------------------------------


def huber_in_threshold(a, b):
    over = np.abs(b) - a
    return np.where(over > 0, over, 0.0)


huber = special(sc.huber, d=(lambda a, b: huber_in_threshold(*common(a, b)), lambda a, b: np.clip(b, -a, a)))


def pseudo_huber_in_threshold(a, b):
    """With h = hypot(a, b): a ((h / a)^2 - 2 h / a + 1) a / h = (h - a)^2 / h, and h - a = b^2 / (h + a)."""
    h = np.hypot(a, b)
    return direction(np.square(direction(b * b, h + a)), h)


pseudo_huber = special(
    sc.pseudo_huber,
    d=(
        lambda a, b: pseudo_huber_in_threshold(*common(a, b)),
        lambda a, b: direction(a * b, np.hypot(*common(a, b))),
    ),
)

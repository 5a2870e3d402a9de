"""`autograd.scipy.stats` is `chainrule.scipy.stats`."""

import sys

from chainrule.scipy import stats

from ..refused import passing_through

DISTRIBUTIONS = "beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"

__getattr__, __dir__ = passing_through(__name__, stats)

for _name in DISTRIBUTIONS:  # modules in autograd: `import autograd.scipy.stats.norm as norm`
    sys.modules[f"{__name__}.{_name}"] = getattr(stats, _name)

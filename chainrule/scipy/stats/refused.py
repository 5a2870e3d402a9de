"""What is not differentiable here: the other distributions and functions of scipy.stats, each refused by its name."""

import inspect
from typing import Any

import scipy.stats

from ..namespace import instead_of
from .standing_in import refuse, stand_in

RANKS = "it depends on the order of the data alone, which does not change with small steps"
SEARCH = "its result is that of a search, through which there is no rule"
RANDOM = "it draws random samples"
COUNTS = "it counts"
UNKNOWN = "it has no rule here: write it with NumPy, or pass stop_gradient of what is a constant"

REASONS = {
    RANKS: "kendalltau mannwhitneyu kruskal rankdata ranksums spearmanr somersd tiecorrect weightedtau wilcoxon "
    "friedmanchisquare brunnermunzel mood page_trend_test chatterjeexi",
    SEARCH: "boxcox_normmax yeojohnson_normmax expectile fit ppcc_max boxcox_normplot yeojohnson_normplot",
    RANDOM: "bootstrap permutation_test monte_carlo_test goodness_of_fit power sobol_indices",
    COUNTS: "binned_statistic cumfreq mode percentileofscore relfreq ecdf",
}
BY_NAME = {name: reason for reason, names in REASONS.items() for name in names.split()}
METHODS = ("pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "mean", "var", "std")
METHODS += ("median", "interval", "entropy", "expect", "moment", "stats", "fit", "fit_loc_scale", "nnlf", "rvs")


def function_refused(name: str) -> Any:
    def function(*args, **kwargs):
        raise refuse(name, BY_NAME.get(name, UNKNOWN))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"It is not differentiable here: {BY_NAME.get(name, UNKNOWN)}."
    return instead_of(getattr(scipy.stats, name))(function)


def method_refused(name: str) -> Any:
    def method(self, *args, **kwargs):
        raise refuse(f"{self.name}.{name}", "the distribution has no rules here; write its density with NumPy")

    method.__name__ = method.__qualname__ = name
    method.__doc__ = "It is not differentiable here."
    return method


Undeclared = type("Undeclared", (), {name: method_refused(name) for name in METHODS})


def is_undeclared(x: Any) -> bool:
    return isinstance(x, scipy.stats.rv_continuous | scipy.stats.rv_discrete)


def others(entered: dict[str, Any]) -> dict[str, Any]:
    """Whatever is not among these names, and is a function or a distribution."""
    found = {name: getattr(scipy.stats, name) for name in scipy.stats.__all__ if name not in entered}
    functions = {name: function_refused(name) for name, x in found.items() if inspect.isfunction(x)}
    return functions | {name: stand_in(x, Undeclared, {}) for name, x in found.items() if is_undeclared(x)}

"""Readers of the graph: what a function computed, and what its result owes to every value on the way."""

from .explanation import Explanation, explain
from .values import Value

__all__ = ["Explanation", "Value", "explain"]

"""Containers as vectors, optimisers, fixed points, and functions that are traced once."""

from . import tracers as tracers
from .flatten import flatten as flatten
from .tracers import const_graph as const_graph

"""Colorings of sparse patterns: which columns, or rows, of a matrix can be evaluated together."""

from .compression import Coloring as Coloring
from .kinds import coloring as coloring

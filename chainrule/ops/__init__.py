"""What is known about each operation: one entry each. Importing this package fills the tables."""

from . import arithmetic, contractions, control, indexing, moves, reductions, selections, signatures

__all__ = [
    "arithmetic",
    "contractions",
    "control",
    "indexing",
    "moves",
    "reductions",
    "selections",
    "signatures",
]

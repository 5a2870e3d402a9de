"""Matrices that are kept as what they are: diagonal, block diagonal, banded, stencils, low rank, Kronecker products."""

from .banded import Banded as Banded, Diagonal as Diagonal
from .blocks import BlockDiagonal as BlockDiagonal
from .products import Kronecker as Kronecker, LowRank as LowRank
from .recognition import from_pieces as from_pieces, recognize as recognize
from .stencil import Stencil as Stencil
from .structured import Structured as Structured

"""Where autograd's conventions differ from chainrule's."""

from typing import Any

import numpy as np
import optree


def conjugated(tree: Any) -> Any:
    """A cotangent of autograd's as one of chainrule's, and the other way round.

    With respect to z = x + iy autograd's is df/dx - i df/dy, and chainrule's df/dx + i df/dy.
    """
    return conjugated_leaf(tree) if hasattr(tree, "dtype") else optree.tree_map(conjugated_leaf, tree)


def conjugated_leaf(x: Any) -> Any:
    return np.conjugate(x) if np.iscomplexobj(x) else x

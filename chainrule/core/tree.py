"""Trees of arrays: dicts, lists, tuples, namedtuples and dataclasses, with arrays and numbers as leaves.

`optree` does the work; it is imported when the first real tree comes along, for an array alone needs none.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

NAMESPACE = "chainrule"

_registered: set[type] = set()


class Leaf:
    """The structure of a single leaf."""

    num_leaves = 1

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        (leaf,) = leaves
        return leaf

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaf)

    def __hash__(self) -> int:
        return hash(Leaf)

    def __repr__(self) -> str:
        return "*"


LEAF = Leaf()


def is_leaf(x: Any) -> bool:
    """Whether `x` is no container, so that no tree library is needed to see it."""
    return isinstance(x, np.ndarray | np.generic | float | int | complex | str) or hasattr(x, "companion")


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of `tree` and its structure, which puts leaves together again: `structure.unflatten(leaves)`."""
    if is_leaf(tree):
        return [tree], LEAF
    import optree

    leaves, structure = optree.tree_flatten(tree, namespace=NAMESPACE)  # type: ignore[arg-type]
    if any(type(leaf) not in _registered and dataclasses.is_dataclass(leaf) for leaf in leaves):
        leaves, structure = optree.tree_flatten(tree, is_leaf=_register, namespace=NAMESPACE)  # type: ignore[arg-type]
    return (leaves, LEAF) if structure.is_leaf() else (leaves, _Structure(structure))


class _Structure:
    """An optree structure, with `unflatten` as a method."""

    __slots__ = ("num_leaves", "spec")

    def __init__(self, spec: Any):
        self.spec, self.num_leaves = spec, spec.num_leaves

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        return self.spec.unflatten(leaves)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(self.spec)

    def __repr__(self) -> str:
        return str(self.spec)


def _register(x: Any) -> bool:
    """Tells optree about the type of `x` if it is a dataclass met for the first time. Nothing is a leaf for it."""
    cls = type(x)
    if dataclasses.is_dataclass(cls) and cls not in _registered:
        import optree

        names = [f.name for f in dataclasses.fields(cls)]

        def unflatten(_, children, cls=cls, names=names):
            new = object.__new__(cls)
            for name, child in zip(names, children, strict=True):
                object.__setattr__(new, name, child)
            return new

        optree.register_pytree_node(
            cls, lambda d, names=names: ([getattr(d, n) for n in names], None), unflatten, namespace=NAMESPACE
        )
        _registered.add(cls)
    return False


def map_leaves(f: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree of `f(leaf, ...)`; the other trees must have the structure of the first."""
    leaves, structure = flatten(tree)
    rest = [leaves_like(structure, other, "tree") for other in others]
    return structure.unflatten([f(*row) for row in zip(leaves, *rest, strict=True)])


def leaves_like(structure: Any, tree: Any, what: str) -> list[Any]:
    """The leaves of `tree`, which must have this structure."""
    leaves, found = flatten(tree)
    if found != structure:
        raise ValueError(f"{what}: its structure {found} differs from {structure}")
    return leaves


def broadcast_prefix(prefix: Any, tree: Any, what: str) -> list[Any]:
    """One entry of `prefix` for every leaf of `tree`: a prefix tree has leaves where `tree` may have subtrees."""
    if prefix is None or isinstance(prefix, int):
        return [prefix] * len(flatten(tree)[0])
    if isinstance(prefix, tuple | list) and isinstance(tree, tuple | list):
        if len(prefix) != len(tree):
            raise ValueError(f"{what}: {len(prefix)} entries were given for {len(tree)} values")
        return [leaf for p, t in zip(prefix, tree, strict=True) for leaf in broadcast_prefix(p, t, what)]
    if isinstance(prefix, dict) and isinstance(tree, dict) and prefix.keys() == tree.keys():
        keys = sorted(tree)
        return [leaf for k in keys for leaf in broadcast_prefix(prefix[k], tree[k], what)]
    raise ValueError(f"{what}: {prefix!r} is no prefix of the structure {flatten(tree)[1]}")

"""Arrays that are made in their place in others: fewer copies, and the same results."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainrule as cr

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(300, 3)), rng.normal(size=(300, 2))
Z = rng.normal(size=200)


def joined(x, y):
    return np.concatenate([np.sin(x), y * 2], axis=1)


FUSED = {
    "within another": (lambda x, y, z: np.concatenate([joined(x, y).reshape(-1), -z]), 2),
    "at its end": (lambda x, y, z: np.concatenate([-z, joined(x, y).reshape(-1)]), 2),
    "three deep": (
        lambda x, y, z: np.concatenate([np.concatenate([joined(x, y).reshape(-1), -z]), z + 1, z - 1]),
        3,
    ),
    "one beside the other": (lambda x, y, z: joined(x, y), 1),
}
KEPT = {
    "a result too": lambda x, y, z: (lambda j: (np.concatenate([j.reshape(-1), -z]), j))(joined(x, y)),
    "read once more": lambda x, y, z: (lambda j: (np.concatenate([j.reshape(-1), -z]), np.sum(j, axis=0)))(
        joined(x, y)
    ),
    "in two places": lambda x, y, z: (lambda j: np.concatenate([j, -z, j]))(joined(x, y).reshape(-1)),
    "overwritten": lambda x, y, z: overwritten(joined(x, y).reshape(-1), z),
    "read backwards": lambda x, y, z: np.concatenate([joined(x, y).reshape(-1)[::-1], -z]),
    "read by a call": lambda x, y, z: (lambda j: (np.concatenate([j.reshape(-1), -z]), np.linalg.svd(j)[1]))(
        joined(x, y)
    ),
    "with a call between": lambda x, y, z: (lambda j: np.concatenate([j, z * np.linalg.svd(x)[1][0]]))(
        joined(x, y).reshape(-1)
    ),
    "with a call between that reads it": lambda x, y, z: (lambda j: np.concatenate([j, np.fft.fft(j).real * 2]))(
        joined(x, y).reshape(-1)
    ),
    "an input": lambda x, y, z: np.concatenate([x.reshape(-1), -z]),
    "read where it is computed": lambda x, y, z: (lambda j: (np.concatenate([j, -z]), j[np.argsort(z)]))(
        joined(x, y).reshape(-1)
    ),
    "of another dtype": lambda x, y, z: np.concatenate([joined(x, y).astype(np.float32).reshape(-1), -z]),
}


def overwritten(j, z):
    whole = np.concatenate([j, -z])
    whole[10:40] = 7.0
    return whole, np.sum(whole)


def same(f):
    compiled, expected = cr.compile(f), f(X, Y, Z)
    for _ in range(2):
        found = compiled(X, Y, Z)
        for a, b in zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]:
            np.testing.assert_allclose(a, b, rtol=1e-13)
            assert a.dtype == b.dtype
    return compiled


@pytest.mark.parametrize("name", FUSED)
def test_what_is_joined_twice_is_written_once(name):
    f, kernels = FUSED[name]
    assert same(f).stats()["kernels"] == kernels


@pytest.mark.parametrize("name", KEPT)
def test_where_somebody_could_tell_the_results_are_as_ever(name):
    same(KEPT[name])


@given(st.data())
@settings(max_examples=60)
def test_trees_of_joins(data):
    """Arrays joined along their first axis to any depth, some of them read elsewhere."""
    leaves = [lambda x, k=k: np.sin(x + k) for k in range(4)]

    def tree(depth):
        if depth == 0 or data.draw(st.booleans()):
            return data.draw(st.sampled_from(leaves))
        parts = [tree(depth - 1) for _ in range(data.draw(st.integers(1, 3)))]
        turned = data.draw(st.booleans())
        read = data.draw(st.booleans())

        def join(x):
            whole = np.concatenate([p(x) for p in parts])
            extra = [np.sum(whole, axis=0, keepdims=True)] if read else []
            return np.concatenate([whole[::-1] if turned else whole, *extra])

        return join

    f = tree(3)
    x = rng.normal(size=(40, 2))
    np.testing.assert_allclose(cr.compile(f)(x), f(x), rtol=1e-12, atol=1e-12)

"""Compiled against eager: every line of the rule table, its cotangents and its tangents."""

import numpy as np
import pytest

import chainrule as cr
from cases import CASES
from chainrule import testing

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # slopes at the edges of domains


def is_low(x):
    return np.asarray(x).dtype in (np.float16, np.float32, np.complex64)


def agree(f, xs, name):
    expected = f(*xs)
    compiled = cr.compile(f)
    low = any(map(is_low, (*xs, *expected)))
    rtol, atol = (1e-4, 1e-5) if low else (1e-12, 1e-12)
    for _ in range(2):
        found = compiled(*xs)
        for ours, y in zip(found, expected, strict=True):
            assert np.asarray(ours).dtype == np.asarray(y).dtype, name
            np.testing.assert_allclose(ours, y, rtol, atol, err_msg=name)


@pytest.mark.parametrize("primitive", dict.fromkeys(case.primitive for case in CASES))
def test_every_line(primitive):
    for case in (case for case in CASES if case.primitive == primitive):
        example = testing.example(str(case), case.f, case.args)
        seeds, directions = example.seeds(), example.directions()
        xs = tuple(example.xs)
        with np.errstate(all="ignore"):
            agree(example.f, xs, f"{case}")
            agree(lambda *xs, e=example, s=seeds: list(cr.vjp(e.f, *xs)[1](s)), xs, f"{case}: the vjp")
            agree(lambda *xs, e=example, t=directions: list(cr.jvp(e.f, xs, t)[1]), xs, f"{case}: the jvp")

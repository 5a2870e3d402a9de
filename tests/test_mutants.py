"""Wrong rules are caught, all of them: `python tests/mutants.py` plants the same ones and prints the score."""

import sys

import pytest

import mutants
from columns import OPERATIONS
from slips import SLIPS, Slip


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_a_slip_is_caught(slip):
    assert mutants.caught(slip), f"{slip.module}: nothing notices"


@pytest.mark.parametrize("name", OPERATIONS)
def test_faults_of_a_record_are_noticed(name):
    survivors = [fault.what for fault in mutants.faults_of(name) if not mutants.noticed(fault)]
    assert not survivors


def test_there_are_mutants_enough():
    assert len(SLIPS) >= 150
    assert len({slip.module for slip in SLIPS}) >= 14
    assert len(set(SLIPS)) == len(SLIPS)


def test_what_was_planted_is_gone():
    before = {name: module for name, module in sys.modules.items() if name.startswith("chainrule")}
    mutants.caught(SLIPS[0])
    assert {name: module for name, module in sys.modules.items() if name.startswith("chainrule")} == before


def test_a_slip_whose_place_has_changed_is_an_error():
    lost = Slip("chainrule.ops.arithmetic", ("sin",), "d=lambda x: np.cosine(x)", "d=lambda x: x")
    with pytest.raises(LookupError, match="0 times"):
        mutants.caught(lost)

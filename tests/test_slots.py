"""The arithmetic of moves (core/slots.py): parts of arrays that go through slices."""

from hypothesis import given, strategies as st

from chainrule.core import slots

starts, steps = st.integers(-20, 20), st.integers(-5, 5).filter(bool)


@given(starts, st.integers(0, 12), steps, starts, st.integers(0, 12), st.integers(1, 6))
def test_what_two_ranges_have_in_common(start, count, step, other_start, other_count, other_step):
    read = range(start, start + count * step, step)
    held = range(other_start, other_start + other_count * other_step, other_step)
    here, there = slots._common(read, held)
    assert [read[i] for i in here] == [n for n in read if n in held]
    assert [held[j] for j in there] == [n for n in read if n in held]
    assert here.step > 0

"""Keys have a label's number and a process id in them, and tell what changed between reports."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from API.app.facts import NO_PID
from API.app.ingest.keys import compared, key_of, keys_of, parts_of

HIGHEST = 2**31 - 1
PARTS = st.tuples(
    st.integers(1, HIGHEST), st.sampled_from([NO_PID, 0, HIGHEST]) | st.integers(0, 9)
)


@given(st.lists(PARTS))
def test_a_key_has_both_parts(parts: list[tuple[int, int]]) -> None:
    keys = keys_of([number for number, _ in parts], array("i", [pid for _, pid in parts]))
    assert keys.tolist() == [key_of(*each) for each in parts]
    assert list(map(parts_of, keys)) == parts


FEW = st.lists(st.integers(0, 5), max_size=8)


@given(FEW, FEW)
def test_what_differs_between_two_reports(before: list[int], now: list[int]) -> None:
    gone, come = compared(array("q", before), array("q", now), restart=False)
    assert set(gone) == {key for key in before if before.count(key) != now.count(key)}
    assert come == {key: now.count(key) for key in now if before.count(key) != now.count(key)}

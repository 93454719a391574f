"""Stretches of time: against sets of moments, for any of them."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from API.app.auditing.spans import Span, common, length, merged, without

spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair))),
    max_size=6,
)


def moments(found: list[Span]) -> set[int]:
    return {moment for begin, end in found for moment in range(begin, end)}


@given(spans, spans)
def test_they_are_as_the_moments_they_have(one: list[Span], other: list[Span]) -> None:
    a, b = merged(one), merged(other)
    assert moments(a) == moments(one)
    assert moments(common(a, b)) == moments(one) & moments(other)
    assert moments(without(a, b)) == moments(one) - moments(other)
    assert length(a) == len(moments(one))
    for found in (a, common(a, b), without(a, b)):
        assert all(begin < end for begin, end in found)
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(found))

"""Stretches of time, half-open: sorted lists of them that do not overlap. Pure."""

from collections.abc import Iterable, Sequence

Span = tuple[int, int]
"""From this moment on, up to but not at that one; milliseconds since 1970."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """Sort stretches and join those that touch; empty ones are left out."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Give what two lists have in common."""
    found, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        begin, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if begin < end:
            found.append((begin, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(whole: Sequence[Span], parts: Sequence[Span]) -> list[Span]:
    """Give what is in `whole` and not in `parts`."""
    if not whole:
        return []
    edges = [whole[0][0], *(moment for part in parts for moment in part), whole[-1][1]]
    gaps = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
    return common(whole, [gap for gap in gaps if gap[0] < gap[1]])


def length(spans: Iterable[Span]) -> int:
    """Add up how long they are."""
    return sum(end - begin for begin, end in spans)

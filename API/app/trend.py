"""How many servers complied with every policy, at moments of the last 30 days. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import NamedTuple

DAYS = 30
STEP_MS = 6 * 3_600_000
SPAN_MS = DAYS * 86_400_000


class Point(NamedTuple):
    """How many servers were judged at a moment, and how many of them complied."""

    momento: int
    judged: int
    complying: int


def trend_of(
    first_judged: Mapping[int, int], failing: Iterable[tuple[int, int, int]], end: int
) -> list[Point]:
    """Count the servers that complied.

    Args:
        first_judged: since when each server of today is judged, by its number.
        failing: server, from when and until when it failed something; in the order of servers and
            moments, each maybe several times at once.
        end: the last moment; all are in milliseconds since 1970.
    """
    moments = [end - SPAN_MS + step for step in range(0, SPAN_MS, STEP_MS)] + [end]
    change = [0] * (len(moments) + 1)
    before, reached = 0, 0
    for server, since, until in failing:
        if server not in first_judged:
            continue
        begin = bisect_left(moments, since)
        if server == before:
            begin = max(begin, reached)  # what it failed then already counts once
        else:
            before, reached = server, 0
        ends = bisect_left(moments, until)
        if ends > begin:
            change[begin] += 1
            change[ends] -= 1
            reached = ends
    judged = sorted(first_judged.values())
    return [
        Point(moment, there := bisect_right(judged, moment), max(0, there - failed))
        for moment, failed in zip(moments, accumulate(change), strict=False)
    ]

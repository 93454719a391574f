"""How many servers complied when; without a database."""

from API.app.trend import SPAN_MS, STEP_MS, trend_of

END = 100 * SPAN_MS
BEGIN = END - SPAN_MS


def complying(failing: list[tuple[int, int, int]], servers: int = 2) -> list[int]:
    first = dict.fromkeys(range(1, servers + 1), 0)
    return [point.complying for point in trend_of(first, failing, END)]


def test_it_works() -> None:
    points = complying([(1, BEGIN + STEP_MS, BEGIN + 3 * STEP_MS)])
    assert points[:5] == [2, 1, 1, 2, 2]
    assert len(points) == SPAN_MS // STEP_MS + 1


def test_what_fails_still_counts_now() -> None:
    assert complying([(1, END - 1, END + 1)])[-2:] == [2, 1]


def test_a_server_that_fails_several_things_counts_once() -> None:
    step = [BEGIN + number * STEP_MS for number in range(8)]
    failing = [(1, step[1], step[3]), (1, step[2], step[5]), (1, step[2], step[3]),
               (2, step[4], step[6])]  # fmt: skip
    assert complying(failing)[:8] == [2, 1, 1, 1, 0, 1, 2, 2]


def test_servers_count_from_their_first_report_on() -> None:
    points = trend_of({1: 0, 2: BEGIN + 2 * STEP_MS}, [(3, 0, END)], END)
    assert [(point.judged, point.complying) for point in points[:3]] == [(1, 1), (1, 1), (2, 2)]

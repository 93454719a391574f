"""How many lines a transaction brings in, by how long those before took."""

from API.app.ingest.pace import FEW, STEP_S, Pace


def test_it_grows_while_lines_are_quick() -> None:
    pace = Pace(100)
    seen = []
    while pace.lines < 100:
        seen.append(pace.lines)
        pace.took(pace.lines, 0.0)
    assert seen == [2, 4, 8, 16, 32, 64]


def test_it_takes_so_many_as_fit() -> None:
    pace = Pace(1_000)
    for _ in range(20):
        pace.took(pace.lines, pace.lines * STEP_S / 50)
    assert pace.lines == 50
    pace.took(50, 5 * STEP_S)
    assert pace.lines == 10


def test_it_takes_some_however_slow_they_are() -> None:
    pace = Pace(1_000)
    pace.took(2, 60.0)
    assert pace.lines == FEW


def test_what_was_little_for_there_was_no_more_says_how_long_each_takes() -> None:
    pace = Pace(1_000)
    for _ in range(9):
        pace.took(pace.lines, 0.0)
    pace.took(1, STEP_S / 100)
    assert pace.lines == 100


def test_it_begins_anew_with_few() -> None:
    pace = Pace(1)
    pace.took(1, 0.0)
    assert pace.lines == 1
    pace = Pace(8)
    pace.took(2, 0.0)
    pace.begin_anew()
    assert pace.lines == FEW

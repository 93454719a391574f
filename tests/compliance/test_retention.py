"""What the policies no longer say goes with the periods of the past; what they say stays.

What is said of the past rests on reports that are gone some day: it isn't said anew without them.
"""

from typing import Any

import pytest

from API.app.compliance.past import LOOK_BACK_MS
from API.app.housekeeping import Rows, Way, alone
from API.app.ingest.sql import to_ms
from createDB.views import Layout
from tests.compliance.conftest import POLICIES, NewTrial, Trial
from tests.ingest.conftest import BASE, entry, processes

LOOK_BACK_S = LOOK_BACK_MS // 1_000
MINER = processes((7, "xmrig"))


def cleaning(trial: Trial) -> Rows:
    return Rows(trial.engine, trial.court.reader, Way(alone, lambda _seconds: False))


def forget_before(trial: Trial, seconds: float) -> None:
    """Remove the reports before so many seconds after BASE."""
    cleaning(trial).reports(at(seconds))


def at(seconds: float) -> int:
    return to_ms(BASE) + round(seconds * 1_000)


def verdicts(trial: Trial, policy: str = "direccion") -> list[tuple[Any, ...]]:
    return [row[:2] for row in trial.history(policy)]


@pytest.fixture
def moved(new_trial: NewTrial) -> Trial:
    """A server that once had another address: that is why it fails, and nothing of it is left."""
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 0, 1, ipaddress="10.0.0.2"))
    trial.stores(*(entry(0, second, second) for second in (60, 120, 180)))
    trial.judges()
    assert verdicts(trial) == [(0, "cumple"), (60, "no_cumple")]
    forget_before(trial, 60)
    return trial


def test_verdicts_that_are_past_their_days_go(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    for number in range(6):
        trial.stores(entry(0, 60 * number, number, procesos=MINER * (number % 2)))
    trial.judges()
    cleaning(trial).verdicts(at(121))
    assert [row[0] for row in trial.history("mineros")] == [120, 180, 240, 300]
    assert [row[0] for row in trial.history("nucleo")] == [0]


def test_a_late_report_turns_no_verdict_whose_reports_are_gone(moved: Trial) -> None:
    moved.stores(entry(0, 90, 90, procesos=MINER))
    assert moved.judges() == 1
    assert verdicts(moved) == [(0, "cumple"), (60, "no_cumple")]
    assert verdicts(moved, "mineros") == [(0, "cumple"), (90, "no_cumple"), (120, "cumple")]
    assert moved.rows("SELECT * FROM por_juzgar") == []


def test_where_all_is_left_that_a_policy_looks_at_it_judges_anew(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    first = -LOOK_BACK_S
    moments = (first - 60, first, -1, 0, 60)
    trial.stores(*(entry(0, second, number) for number, second in enumerate(moments)))
    trial.judges()
    forget_before(trial, first)
    trial.stores(entry(0, first + 30, len(moments), ipaddress="10.0.0.2"))
    trial.judges()
    assert verdicts(trial) == [(first - 60, "cumple"), (0, "no_cumple")]


def test_a_changed_policy_says_nothing_anew_of_a_server_whose_reports_are_gone(
    moved: Trial,
) -> None:
    requires, query = POLICIES["direccion"]
    moved.put("direccion", requires, f"{query} -- the same")
    moved.put("mineros", ["procesos"], "SELECT 1 AS uno FROM servers WHERE id_serv = :id_serv")
    moved.put("otra", requires, query)
    assert moved.court.library.refresh()
    moved.court.synchronize()
    moved.judges()
    assert verdicts(moved) == [(0, "cumple"), (60, "no_cumple")]
    assert verdicts(moved, "mineros") == [(0, "cumple"), (180, "no_cumple")]
    assert verdicts(moved, "otra") == [(180, "cumple")], "nothing was said of it before"
    moved.stores(entry(0, 240, 240))
    moved.judges()
    assert verdicts(moved) == [(0, "cumple"), (60, "no_cumple"), (240, "cumple")]


def test_a_policy_that_comes_back_goes_on_where_its_reports_are_gone(moved: Trial) -> None:
    (moved.folder / "direccion.yaml").unlink()
    for _ in range(2):
        assert moved.court.library.refresh()
        moved.court.synchronize()
        moved.judges()
        moved.put("direccion", *POLICIES["direccion"])
    assert verdicts(moved) == [(0, "cumple"), (60, "no_cumple")]
    assert moved.rows("SELECT count(*) FROM historial_cumplimiento WHERE id_politica = 'direccion' "
                      "AND hasta IS NULL") == [(1,)]  # fmt: skip

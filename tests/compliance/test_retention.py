"""What the policies no longer say goes with the periods of the past; what they say stays."""

from API.app.housekeeping import Rows, Way, alone
from createDB.views import Layout
from tests.compliance.conftest import NewTrial
from tests.ingest.conftest import BASE, entry, processes


def test_verdicts_that_are_past_their_days_go(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    for number in range(6):
        miner = processes((7, "xmrig")) * (number % 2)
        trial.stores(entry(0, 60 * number, number, procesos=miner))
    trial.judges()
    start = int((BASE - type(BASE)(1970, 1, 1)).total_seconds() * 1000)
    rows = Rows(trial.engine, trial.court.reader, Way(alone, lambda _seconds: False))
    rows.verdicts(start + 121_000)
    assert [row[0] for row in trial.history("mineros")] == [120, 180, 240, 300]
    assert [row[0] for row in trial.history("nucleo")] == [0]

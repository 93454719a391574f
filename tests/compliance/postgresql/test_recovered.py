"""A report that comes back from the log after others were judged is judged, too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from createDB.views import Layout
from tests.compliance.conftest import Trial
from tests.ingest.conftest import AGENTS, BASE, entry

MINING = {"procesos": [{"pid": 7, "name": "xmrig", "username": "root"}]}
SAID = """
    SELECT veredicto FROM historial_cumplimiento
    WHERE id_agente = ? AND id_politica = 'mineros' ORDER BY desde
"""


@pytest.fixture
def trial(url: str, tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path, Layout.COMPLETO, url)
    yield trial
    trial.close()


def test_numbers_that_judging_has_passed_are_not_used(trial: Trial) -> None:
    with trial.engine.connect() as connection:
        trial.store.store(connection, [entry(0, 0, 1, **MINING)], BASE)
        connection.rollback()  # number 1 is in the log, and nowhere else
    trial.store.forget()
    trial.stores(entry(1, 0, 2), entry(2, 0, 3))
    assert trial.judges() == 0
    assert trial.judges() == 2
    back, new = entry(0, 0, 1, **MINING), entry(0, 60, 4)
    trial.stores(back._replace(id_serv=1), new._replace(id_serv=90))
    assert trial.judges() == 2
    assert trial.rows(SAID, AGENTS[0]) == [("no_cumple",), ("cumple",)]
    assert trial.rows("SELECT id_serv FROM servers ORDER BY 1") == [(2,), (3,), (4,), (90,)]

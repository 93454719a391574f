"""What the judge reads of its own tables."""

import itertools
from contextlib import closing

import pytest

from API.app.compliance.ledger import _WITHIN, periods_within
from API.app.compliance.sandbox import empty
from API.app.compliance.timeline import Period
from createDB.views import Layout
from tests.compliance.conftest import NewTrial
from tests.ingest.conftest import entry, processes


def test_what_is_said_of_a_server_is_found_without_that_of_all() -> None:
    with closing(empty(Layout.COMPACTO)) as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {_WITHIN}", ("[[1, 0, 1]]",)).fetchall()
    assert "SEARCH c USING PRIMARY KEY (num_agente=?)" in [step for *_, step in steps]


@pytest.mark.both_databases
def test_what_is_said_between_two_moments_is_found(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    for agent, second in itertools.product((0, 1), range(6)):
        miner = processes((7, "xmrig")) * (second % 2)
        trial.stores(entry(agent, second, 6 * agent + second, procesos=miner))
    trial.judges()
    columns = ", ".join(Period._fields)
    said = [Period(*row) for row in trial.rows(
        f"SELECT {columns} FROM cumplimiento"
    )]  # fmt: skip
    marks = sorted({period.desde for period in said})
    moments = [moment + more for moment in marks for more in (-1, 0, 1)]
    with trial.court.reader.connect() as connection:
        for first, last in itertools.combinations_with_replacement(moments, 2):
            found = periods_within(connection, {1: (first, last)})
            assert set(found) == {
                period
                for period in said
                if period.num_agente == 1 and period.hasta > first and period.desde <= last
            }
            assert [period.desde for period in found] == sorted(period.desde for period in found)

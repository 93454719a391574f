"""The clock in a running collector: silence is judged without a report, and a return ends it."""

import time
from collections.abc import Iterator

import pytest

from createDB.schema import OPEN
from tests.compliance.test_continuous import shows, verdicts
from tests.conftest import ROOT, CollectorProcess, NewCollector, make_report, wait_until

HASTY = """
import sys
sys.path[0] = sys.argv.pop(1)
from API.app.compliance import clock
clock.TICK_S, clock.SETTLED_S = 0.1, 2.0
from API.app.program import main
sys.exit(main(sys.argv[1:]))
"""
"""A collector whose rounds come often, and that soon believes what it does not hear."""


class HastyCollector(CollectorProcess):
    """Its judge is forked from the program, and has its constants."""

    def command(self) -> list[str]:
        [python, _, *options] = super().command()
        return [python, "-c", HASTY, str(ROOT), *options]


@pytest.fixture(scope="module")
def hasty(new_shared_collector: NewCollector) -> Iterator[CollectorProcess]:
    made = new_shared_collector()
    collector = HastyCollector(made.storage, postgresql=made.postgresql)
    yield collector.start()
    collector.release()


def test_silence_is_judged_without_a_report_and_a_return_ends_it(hasty: CollectorProcess) -> None:
    report = make_report(intervalo=0.5)
    agent = report["id_agente"]
    began = time.time()
    assert hasty.post(report).status_code == 201
    wait_until(shows(hasty, agent, "cumple", policy="silencio"), "it is heard")
    grow_old(hasty, agent)
    wait_until(shows(hasty, agent, "cumple", "no_cumple", policy="silencio"), "it is missed")
    [row] = hasty.rows(PERIODS.format("AND veredicto = 'no_cumple'"), agent)
    assert began * 1_000 < row["desde"] <= time.time() * 1_000  # of the collector's clock
    assert '"ultimo_reporte":"2026-11-01 00:00:00.000000"' in row["evidencia"]
    assert verdicts(hasty, agent) == ["cumple"]  # what reports tell stays as it was
    back = make_report(id_agente=agent, intervalo=0.5)
    assert hasty.post(back).status_code == 201
    wait_until(
        shows(hasty, agent, "cumple", "no_cumple", "cumple", policy="silencio"), "it is back"
    )
    ends = hasty.rows(PERIODS.format(""), agent)
    assert [row["hasta"] for row in ends] == [*(row["desde"] for row in ends[1:]), OPEN]


def test_who_reports_seldom_is_not_missed_until_the_collector_could_tell(
    hasty: CollectorProcess,
) -> None:
    seldom, often = make_report(intervalo=3_600), make_report(intervalo=0.5)
    for report in (seldom, often):
        assert hasty.post(report).status_code == 201
        grow_old(hasty, report["id_agente"])
    wait_until(
        lambda: "no_cumple" in verdicts(hasty, often["id_agente"], "silencio"), "it is missed"
    )
    assert verdicts(hasty, seldom["id_agente"], "silencio") == []


def grow_old(collector: CollectorProcess, agent: str) -> None:
    """Let a server's report have come long ago."""
    collector.execute(
        "UPDATE servers SET recibido = '2026-11-01 00:00:00.000000' WHERE id_agente = ?", agent
    )


PERIODS = """
    SELECT c.* FROM cumplimiento c JOIN politicas USING (num_politica)
    JOIN agentes USING (num_agente)
    WHERE id_politica = 'silencio' AND id_agente = ? {} ORDER BY desde
"""

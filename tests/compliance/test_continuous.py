"""A real collector judges what it stores: at once, after kills, after changes of its policies."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compliance.test_reading import GOOD
from tests.conftest import LAYOUTS, CollectorProcess, NewCollector, make_report, wait_until

MINER = {"pid": 7, "name": "xmrig", "username": "www-data"}
VERDICTS = """
    SELECT veredicto, evidencia FROM historial_cumplimiento
    WHERE id_agente = ? AND id_politica = ? ORDER BY desde
"""


def verdicts(collector: CollectorProcess, agent: str, policy: str = "mineros") -> list[str]:
    return [row["veredicto"] for row in collector.rows(VERDICTS, agent, policy)]


def shows(
    collector: CollectorProcess, agent: str, *wanted: str, policy: str = "mineros"
) -> Callable[[], bool]:
    return lambda: verdicts(collector, agent, policy) == list(wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_report_is_judged_right_after_it_is_stored(
    new_collector: NewCollector, layout: str
) -> None:
    collector = new_collector(layout=layout).start()
    report = make_report(procesos=[MINER], fecha_hora="2026-11-20T10:00:00Z")
    agent = report["id_agente"]
    collector.post(report)
    wait_until(shows(collector, agent, "no_cumple"), "the miner is noticed")
    [row] = collector.rows(VERDICTS, agent, "mineros")
    assert row["evidencia"] == '[{"pid":7,"name":"xmrig","username":"www-data"}]'
    collector.post(make_report(id_agente=agent, fecha_hora="2026-11-20T10:05:00Z", procesos=[]))
    wait_until(shows(collector, agent, "no_cumple", "cumple"), "its end is noticed")
    assert collector.stop() == 0


def test_nothing_is_skipped_when_it_is_killed_between_storing_and_judging(
    new_collector: NewCollector,
) -> None:
    collector = new_collector()
    agent = make_report()["id_agente"]
    wanted = []
    for number in range(4):
        collector.start()
        for second in range(5):
            bad = second % 2 == 0
            report = make_report(id_agente=agent, procesos=[MINER] if bad else [],
                                 fecha_hora=f"2026-11-20T10:0{number}:0{second}Z")  # fmt: skip
            assert collector.post(report).status_code == 201
            wanted.append("no_cumple" if bad else "cumple")
        collector.kill()
    changes = [verdict for i, verdict in enumerate(wanted) if i == 0 or wanted[i - 1] != verdict]
    collector.start()
    wait_until(shows(collector, agent, *changes), "every report is judged")


def assert_another_judges_after(collector: CollectorProcess, number: int) -> None:
    """Send the process that judges a signal, and see a report judged all the same."""
    agent = make_report()["id_agente"]
    collector.post(make_report(id_agente=agent, fecha_hora="2026-11-20T10:00:00Z"))
    wait_until(shows(collector, agent, "cumple"), "the first report is judged")
    [judge] = re.findall(r"event=judging .*pid=([0-9]+)", collector.log)
    os.kill(int(judge), number)
    collector.post(
        make_report(id_agente=agent, procesos=[MINER], fecha_hora="2026-11-20T10:05:00Z")
    )
    wait_until(shows(collector, agent, "cumple", "no_cumple"), "another one judges")


def test_a_process_that_judges_and_dies_is_started_again(collector: CollectorProcess) -> None:
    assert_another_judges_after(collector, signal.SIGKILL)
    assert "the judge ended; starting another" in collector.log


class Impatient(CollectorProcess):
    """A collector that takes seconds for a sign that a process hangs, not minutes."""

    def command(self) -> list[str]:
        program = (
            "import sys; from API.app import program, server; server.LOOK_S = 3.0; "
            "sys.exit(program.main(sys.argv[1:]))"
        )
        return [sys.executable, "-c", program, *super().command()[2:]]


@pytest.fixture
def impatient(tmp_path: Path, empty_database: Path) -> Iterator[CollectorProcess]:
    collector = Impatient(tmp_path / "storage")
    collector.database.parent.mkdir(0o750, parents=True)
    shutil.copy(empty_database, collector.database)
    yield collector.start()
    collector.release()


def test_a_process_that_judges_and_hangs_is_replaced(impatient: CollectorProcess) -> None:
    assert_another_judges_after(impatient, signal.SIGSTOP)
    assert "the judge hangs; ending it" in impatient.log
    assert impatient.stop() == 0


def test_policies_may_change_while_it_works(new_collector: NewCollector, tmp_path: Path) -> None:
    folder = tmp_path / "politicas"
    folder.mkdir()
    collector = new_collector("--politicas", str(folder)).start()
    report = make_report(procesos=[{"pid": 9, "name": "telnetd", "username": "root"}])
    collector.post(report)
    agent = report["id_agente"]
    (folder / "rota.yaml").write_text("id: [")
    wait_until(lambda: "rota.yaml" in collector.log, "the file that is no policy is named")
    (folder / "mia.yaml").write_text(GOOD)
    wait_until(lambda: verdicts(collector, agent, "sin-telnet") == ["no_cumple"], "it is judged")
    (folder / "mia.yaml").write_text(GOOD.replace("'telnetd'", "'otro'"))
    wait_until(lambda: verdicts(collector, agent, "sin-telnet") == ["cumple"], "it is judged anew")

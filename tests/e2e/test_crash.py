"""What was answered 201 is in both places once, and nothing is there in part, whatever happens."""

import os
import random
import signal
import subprocess
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.conftest import (
    DEADLINE_S,
    LAYOUTS,
    CollectorProcess,
    NewCollector,
    make_report,
    wait_until,
)

Answered = dict[str, int]
"""id_reporte -> id_serv of every report that was answered."""


class Load:
    """Posts reports from several threads until it is stopped, and remembers what was answered."""

    def __init__(self, collector: CollectorProcess, clients: int = 4) -> None:
        self.collector = collector
        self.answered: Answered = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._post) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _post(self) -> None:
        session = requests.Session()
        while not self._stop.is_set():
            report = numbered_report(random.randrange(60))
            report["id_agente"] = str(uuid.UUID(int=random.randrange(5) + (4 << 76), version=4))
            report["fecha_hora"] = datetime.now(UTC).isoformat()
            try:
                answer = session.post(f"{self.collector.url}/servers", json=report, timeout=10)
            except requests.RequestException:
                continue
            if answer.status_code in (200, 201):
                self.answered[report["id_reporte"]] = answer.json()["id_serv"]

    def wait_for(self, number: int) -> None:
        wait_until(lambda: len(self.answered) > number, "no answers")

    def stop(self) -> Answered:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.answered


def numbered_report(processes: int) -> dict[str, Any]:
    """Make a report whose `pid_agente` says how many processes belong to it."""
    names = [{"pid": pid, "name": f"p{pid}", "username": "root"} for pid in range(processes)]
    return make_report(procesos=names, pid_agente=processes)


def assert_history(collector: CollectorProcess) -> None:
    """Check the periods: they do not overlap, and say what each server's last report had."""
    assert not collector.rows(
        "SELECT 1 FROM periodos a JOIN periodos b USING (num_agente, id_hecho, pid) "
        "WHERE a.desde < b.desde AND a.hasta > b.desde"
    )
    reports = {line["id_reporte"]: line["reporte"] for line in collector.journal()}
    for row in collector.rows("SELECT id_reporte FROM agentes JOIN servers USING (id_serv)"):
        report = reports[row["id_reporte"]]
        rows = collector.rows(
            "SELECT pid, name, username FROM historial_procesos "
            "WHERE id_agente = ? AND hasta IS NULL ORDER BY pid",
            report["id_agente"],
        )
        assert rows == sorted(report["procesos"], key=lambda process: process["pid"])


def assert_whole(collector: CollectorProcess, answered: Answered) -> None:
    """Check both places against what was answered and against each other."""
    rows = collector.rows(
        "SELECT id_reporte, id_serv, pid_agente AS expected, (SELECT count(*) FROM procesos p"
        " WHERE p.id_serv = s.id_serv) AS processes, (SELECT count(*) FROM usuarios_activos u"
        " WHERE u.id_serv = s.id_serv) AS sessions FROM servers s"
    )
    in_database = {row["id_reporte"]: row["id_serv"] for row in rows}
    assert len(in_database) == len(rows)
    assert all(row["processes"] == row["expected"] and row["sessions"] == 2 for row in rows)
    lines = collector.journal()
    in_log = {line["id_reporte"]: line["id_serv"] for line in lines}
    assert len(in_log) == len(lines), "a report stands twice in the log"
    assert in_database.keys() == in_log.keys()
    # On PostgreSQL what comes back from the log is given another number: nobody was told the first.
    assert in_database == in_log or collector.postgresql
    assert answered.items() <= in_database.items()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_kill_9_under_load_loses_nothing(
    new_collector: NewCollector, long_run: bool, layout: str
) -> None:
    collector = new_collector(layout=layout).start()
    answered: Answered = {}
    kills = 30 if long_run else 4
    for _ in range(kills):
        load = Load(collector)
        load.wait_for(random.randrange(20, 80))
        collector.kill()
        answered |= load.stop()
        collector.start()
        assert_whole(collector, answered)
        assert_history(collector)
    assert len(answered) > 20 * kills


def test_stop_answers_what_was_accepted(collector: CollectorProcess) -> None:
    load = Load(collector, clients=8)
    load.wait_for(50)
    assert collector.stop() == 0
    assert_whole(collector, load.stop())


def test_writer_that_is_killed_comes_back(collector: CollectorProcess) -> None:
    collector.post(make_report())
    os.kill(int((collector.storage / ".lock").read_text()), signal.SIGKILL)
    report = make_report()
    wait_until(lambda: collector.post(report).status_code in (200, 201), "no new writer")
    assert collector.post(report).json() == {"id_serv": 2}


def test_collector_whose_parent_is_killed_can_be_started_again(
    collector: CollectorProcess,
) -> None:
    assert collector.process
    collector.post(make_report())
    collector.process.send_signal(signal.SIGKILL)
    collector.process.wait()
    collector.start()
    assert collector.post(make_report()).json() == {"id_serv": 2}


def test_two_collectors_do_not_share_a_folder(collector: CollectorProcess) -> None:
    second = CollectorProcess(collector.storage, postgresql=collector.postgresql)
    done = subprocess.run(second.command(), check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "la usa otro colector" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_ends_the_collector_at_once(collector: CollectorProcess, long_run: bool) -> None:
    """In a terminal it reaches parent and worker together."""
    for _ in range(30 if long_run else 5):
        assert collector.process
        collector.post(make_report())
        os.killpg(collector.process.pid, signal.SIGINT)
        assert collector.process.wait(DEADLINE_S) == 0, collector.log
        collector.start()


@pytest.mark.sqlite
def test_two_collectors_do_not_share_a_database(
    collector: CollectorProcess, new_collector: NewCollector
) -> None:
    second = new_collector("--database", str(collector.database))
    done = subprocess.run(second.command(), check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "la usa otro colector" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_writer_that_cannot_start_ends_the_start(new_collector: NewCollector) -> None:
    collector = new_collector()
    (collector.storage / "text").write_text("no folder")
    done = subprocess.run(collector.command(), check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("init_app.py: ")

"""A collector on PostgreSQL: what it answered is there once, whatever ends, and when."""

import random
import threading
from pathlib import Path

import psycopg
import pytest
import requests

from API.app.locks import UNKNOWN
from tests.agente.conftest import AgentRunner
from tests.conftest import (
    DEADLINE_S,
    CollectorProcess,
    NewCollector,
    collector_in,
    create_database,
    free_port,
    make_report,
    wait_until,
)
from tests.e2e.test_crash import Answered, Load, assert_history, assert_whole
from tests.postgresql import PostgresServer

both = pytest.mark.both_databases
TABLES = ("servers", "procesos", "usuarios_activos", "agentes", "periodos", "hechos", "bitacoras")


@both
def test_what_an_agent_sends_is_in_all_tables_and_answers(
    new_collector: NewCollector, agent: AgentRunner
) -> None:
    collector = new_collector().start()
    done = agent.run("--url", collector.url, "--once")
    assert done.returncode == 0, done.stderr
    for _ in range(2):
        [row] = collector.rows("SELECT id_serv, id_agente FROM servers")
        empty = [t for t in TABLES if not collector.rows(f"SELECT * FROM {t} LIMIT 1")]  # noqa: S608
        assert set(empty) <= {"usuarios_activos"}, "who is logged in is the machine's to say"
        [agent_row] = collector.get("/agentes").json()["agentes"]
        assert agent_row["id_agente"] == row["id_agente"]
        state = collector.get(f"/agentes/{row['id_agente']}/estado").json()
        assert state["procesos"]
        assert collector.stop() == 0
        collector.start()
    assert len(collector.journal()) == 1


def test_kill_9_under_load_loses_nothing(
    postgresql: PostgresServer, tmp_path: Path, long_run: bool
) -> None:
    with postgresql.database("completo") as url:
        collector = collector_in(tmp_path / "collector", Path(), postgresql=url).start()
        answered: Answered = {}
        for _ in range(20 if long_run else 2):
            load = Load(collector)
            load.wait_for(random.randrange(20, 80))
            collector.kill()
            answered |= load.stop()
            collector.start()
            assert_whole(collector, answered)
            assert_history(collector)
        collector.release()


class Reporting:
    """Posts reports, each of a new server, until it is stopped; remembers which were taken."""

    def __init__(self, collector: CollectorProcess) -> None:
        self.taken: list[str] = []
        self.answers: list[int] = []
        self._collector, self._stop = collector, threading.Event()
        self._thread = threading.Thread(target=self._post)
        self._thread.start()

    def _post(self) -> None:
        session = requests.Session()
        while not self._stop.wait(0.02):
            report = make_report()
            answer = session.post(f"{self._collector.url}/servers", json=report, timeout=DEADLINE_S)
            self.answers.append(answer.status_code)
            if answer.ok:
                self.taken.append(report["id_reporte"])
            else:
                assert answer.headers["Retry-After"]

    def stop(self) -> list[str]:
        self._stop.set()
        self._thread.join()
        return self.taken

    def wait_for(self, *wanted: int) -> None:
        """Wait for some answers of these alone."""
        wait_until(lambda: set(wanted) >= set(self.answers[-5:]) > set(), f"no {wanted}")


def test_postgresql_may_be_restarted_under_load(tmp_path: Path) -> None:
    with PostgresServer(free_port()) as server:
        create_database(server.url())
        collector = collector_in(tmp_path / "collector", Path(), postgresql=server.url()).start()
        load = Reporting(collector)
        try:
            for _ in range(2):
                load.wait_for(201)
                server.stop()
                load.wait_for(202, 503)
                assert collector.get("/agentes").status_code == 503
                server.start()
            load.wait_for(201)
            wait_until(lambda: collector.get("/readyz").ok, "it does not recover")
        finally:
            taken = load.stop()
        rows = collector.rows("SELECT id_reporte FROM servers")
        stored = [row["id_reporte"] for row in rows]
        assert len(stored) == len(set(stored))
        assert set(taken) <= set(stored)
        assert set(stored) == {line["id_reporte"] for line in collector.journal()}
        assert collector.get("/agentes").status_code == 200
        collector.release()


def test_what_cannot_be_read_says_who_has_locked_it(
    postgresql: PostgresServer, tmp_path: Path
) -> None:
    with postgresql.database("completo") as url:
        collector = collector_in(tmp_path / "collector", Path(), postgresql=url).start()
        with psycopg.connect(url, application_name="psql") as other:
            other.execute("LOCK TABLE bitacoras, credenciales, excepciones")
            answer = collector.get("/excepciones")
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            process = other.info.backend_pid
            who = f"bitacoras: postgres with psql, process {process} of PostgreSQL"
            assert f"somebody else has locked {who}" in answer.json()["detail"]
            ready = collector.get("/readyz").json()["comprobaciones"]
            assert ready["base_de_datos"] == f"somebody else has locked {who}"
            token = {"Authorization": "Bearer persona_x"}
            enrolled = requests.post(f"{collector.url}/agentes", json={}, headers=token, timeout=60)
            assert enrolled.status_code == 503
            assert enrolled.json()["detail"].endswith(UNKNOWN)
        assert collector.get("/excepciones").status_code == 200
        collector.release()

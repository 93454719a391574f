"""While somebody holds the database, reports are accepted; then all go in, once and in order."""

import random
import re
import sqlite3
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import requests

from tests.agente.conftest import AgentRunner
from tests.api.people import as_administrator, command, make_account
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
from tests.e2e.reporters import wait_for_logs
from tests.postgresql import PostgresServer, execute_on


@contextmanager
def locked(collector: CollectorProcess) -> Iterator[None]:
    """Have the database open in a client, in a transaction that nobody can write beside."""
    if collector.postgresql:
        with psycopg.connect(collector.postgresql) as psql:
            psql.execute("LOCK TABLE servers, bitacoras IN SHARE ROW EXCLUSIVE MODE")
            yield
        return
    with closing(sqlite3.connect(collector.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


class Server(threading.Thread):
    """Posts one server's reports, each until it is taken, as an agent does."""

    def __init__(self, collector: CollectorProcess, id_agente: str) -> None:
        super().__init__()
        self.collector = collector
        self.id_agente = id_agente
        self.reports: list[dict[str, Any]] = []
        """What was taken, in its order."""
        self.statuses: list[int] = []
        self.stopping = threading.Event()
        self.start()

    def run(self) -> None:
        session = requests.Session()
        while not self.stopping.is_set():
            report = self.next_report()
            while not self.is_taken(session, report):
                if self.stopping.is_set():
                    return
            self.reports.append(report)

    def next_report(self) -> dict[str, Any]:
        pids = random.sample(range(40), 20)
        names = [{"pid": pid, "name": f"p{pid}", "username": "root"} for pid in sorted(pids)]
        now = datetime.now(UTC).isoformat()
        return make_report(id_agente=self.id_agente, procesos=names, fecha_hora=now)

    def is_taken(self, session: requests.Session, report: dict[str, Any]) -> bool:
        try:
            answer = session.post(f"{self.collector.url}/servers", json=report, timeout=DEADLINE_S)
        except requests.RequestException:
            self.stopping.wait(0.05)
            return False
        self.statuses.append(answer.status_code)
        if answer.status_code == 202:
            assert answer.json() == {"id_reporte": report["id_reporte"]}
        return answer.status_code in (200, 201, 202)

    def stop(self) -> None:
        self.stopping.set()
        self.join()


class Fleet:
    """Some servers that report as fast as they are answered."""

    def __init__(self, collector: CollectorProcess, known: Sequence[str] = ()) -> None:
        idents = known or [str(uuid.uuid4()) for _ in range(3)]
        self.servers = [Server(collector, ident) for ident in idents]

    def statuses(self) -> list[int]:
        return [status for server in self.servers for status in server.statuses]

    def wait_for(self, status: int, number: int) -> None:
        """Wait until so many more reports were answered with `status`, one after the other."""
        count = self.statuses().count(status)
        wanted = count + number
        while count < wanted:
            before = count
            wait_until(lambda: self.statuses().count(status) > before, f"no more {status}")  # noqa: B023
            count = self.statuses().count(status)

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


def assert_everything_is_in(collector: CollectorProcess, fleet: Fleet) -> None:
    """Check that the database has what was taken, once, in order, and with its history."""
    found = defaultdict(list)
    for row in collector.rows("SELECT id_agente, id_reporte FROM servers ORDER BY id_serv"):
        found[row["id_agente"]].append(row["id_reporte"])
    for server in fleet.servers:
        taken = [report["id_reporte"] for report in server.reports]
        assert found[server.id_agente][: len(taken)] == taken
        assert len(found[server.id_agente]) <= len(taken) + 1, "but for one that was on its way"
        assert found[server.id_agente] == lines_of(collector, server.id_agente)
        last = last_report(collector, server.id_agente)
        assert open_processes(collector, server.id_agente) == last["procesos"]
    assert not collector.rows(
        "SELECT 1 FROM periodos a JOIN periodos b USING (num_agente, id_hecho, pid) "
        "WHERE a.desde < b.desde AND a.hasta > b.desde"
    )


def lines_of(collector: CollectorProcess, id_agente: str) -> list[str]:
    """Give a server's reports as the log has them, each once."""
    lines = collector.journal()
    return list(
        dict.fromkeys(
            line["id_reporte"] for line in lines if line["reporte"]["id_agente"] == id_agente
        )
    )


def last_report(collector: CollectorProcess, id_agente: str) -> dict[str, Any]:
    lines = [line["reporte"] for line in collector.journal()]
    report: dict[str, Any] = [line for line in lines if line["id_agente"] == id_agente][-1]
    return report


def open_processes(collector: CollectorProcess, id_agente: str) -> list[dict[str, Any]]:
    return collector.rows(
        "SELECT pid, name, username FROM historial_procesos "
        "WHERE id_agente = ? AND hasta IS NULL ORDER BY pid",
        id_agente,
    )


def has_everything(collector: CollectorProcess) -> bool:
    return not (collector.storage / "pendientes.json").exists()


def test_no_server_sees_that_the_database_is_away(
    shared_collector: CollectorProcess, long_run: bool
) -> None:
    fleet = Fleet(shared_collector)
    fleet.wait_for(201, 20)
    with locked(shared_collector):
        fleet.wait_for(202, 20_000 if long_run else 100)
    wait_for_logs([shared_collector])
    fleet.wait_for(201, 20)
    fleet.stop()
    assert set(fleet.statuses()) == {201, 202}
    assert_everything_is_in(shared_collector, fleet)
    assert has_everything(shared_collector)


def test_kill_9_loses_nothing(collector: CollectorProcess) -> None:
    """Neither while the database is away, nor while it gets what came meanwhile."""
    fleet = Fleet(collector)
    fleet.wait_for(201, 10)
    with locked(collector):
        fleet.wait_for(202, 20)
        collector.kill()
    collector.start()
    fleet.wait_for(201, 10)
    wait_until(lambda: killed_while_they_come_in(collector, fleet), "it has always been too late")
    fleet.wait_for(201, 10)
    fleet.stop()
    assert_everything_is_in(collector, fleet)


def test_a_stop_says_what_the_next_start_brings_in(collector: CollectorProcess) -> None:
    said = "the next start brings in what the database has not"
    assert collector.post(make_report()).status_code == 201
    with locked(collector):
        assert [collector.post(make_report()).status_code for _ in range(2)] == [202] * 2
        assert collector.stop() == 0
    *_, before, last = collector.log.splitlines()
    assert f'event="{said}" reports=2' in before
    assert "event=stopped" in last
    collector.start()
    assert len(collector.numbers()) == 3
    assert collector.stop() == 0
    assert "event=stopped" in collector.log.splitlines()[-1]
    assert collector.log.count(said) == 1


def killed_while_they_come_in(collector: CollectorProcess, fleet: Fleet) -> bool:
    """Kill it while the database gets what waited; it may have got all by then."""
    with locked(collector):
        fleet.wait_for(202, 300)
    before = len(collector.numbers())
    wait_until(lambda: len(collector.numbers()) > before, "nothing comes in")
    collector.kill()
    early = not has_everything(collector)
    collector.start()
    return early


def test_no_server_sees_that_postgresql_is_restarted(tmp_path: Path) -> None:
    with PostgresServer(free_port()) as server:
        create_database(server.url())
        known = [str(uuid.uuid4()) for _ in range(2)]
        for ident in known:
            statement = "INSERT INTO agentes (id_agente, estado) VALUES (?, 'activo')"
            execute_on(server.url(), statement, (ident,))
        collector = collector_in(tmp_path / "collector", Path(), postgresql=server.url()).start()
        wait_until((collector.storage / "conocidos.sqlite").exists, "nobody is known")
        make_account(collector, "prometheus")
        watches, other = (token_of(collector, "prometheus", name) for name in ("uno", "otro"))
        assert collector.get("/metrics", headers=watches).status_code == 200
        fleet = Fleet(collector, known)
        try:
            fleet.wait_for(201, 10)
            server.stop()
            fleet.wait_for(202, 50)
            scraped = collector.get("/metrics", headers=watches)
            assert scraped.status_code == 200
            assert re.search(r"^compliance_pendientes_reportes [1-9]", scraped.text, re.MULTILINE)
            assert collector.get("/agentes", headers=watches).status_code == 503
            assert collector.get("/metrics", headers=other).status_code == 503
            assert collector.get("/metrics", headers={"Cookie": "sesion=x"}).status_code == 503
            server.start()
            fleet.wait_for(201, 10)
        finally:
            fleet.stop()
        assert set(fleet.statuses()) == {201, 202}
        assert_everything_is_in(collector, fleet)
        collector.release()


def token_of(collector: CollectorProcess, account: str, name: str) -> dict[str, str]:
    """Make a personal token; give it as the header of a request."""
    made = command(collector, "cuentas", "token", account, "--nombre", name)
    return {"Authorization": f"Bearer {made.stdout.strip()}"}


def test_past_the_bound_it_is_503_and_what_waits_is_told(new_collector: NewCollector) -> None:
    collector = new_collector("--pendientes", "3").start()
    reports = [make_report() for _ in range(5)]
    assert collector.post(reports[0]).status_code == 201
    with locked(collector):
        assert collector.post(reports[1]).status_code == 202
        assert pending(collector).startswith("1 report waits in the log for the database: ")
        assert [collector.post(report).status_code for report in reports[2:4]] == [202] * 2
        wait_until(lambda: collector.get("/readyz").status_code == 503, "it says it is ready")
        assert pending(collector).startswith("3 reports wait in the log for the database: ")
        assert "no more are kept" in pending(collector)
        answer = collector.post(reports[4])
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "3 reports wait for the database" in answer.json()["detail"]
        assert collector.post(reports[2]).status_code == 202, "it is safe already"
    wait_until(lambda: collector.post(reports[4]).status_code in (200, 201), "it stores nothing")
    assert collector.post(reports[1]).status_code == 200
    assert len(collector.numbers()) == 5


def pending(collector: CollectorProcess) -> str:
    """Give what it says of the reports that wait, once it says anything."""

    def said() -> str:
        told = str(collector.get("/readyz").json()["comprobaciones"]["pendientes"])
        return told.removeprefix("bien")

    return str(wait_until(said, "it says nothing of them"))


def test_it_says_that_it_accepts_and_how_much_waits(shared_collector: CollectorProcess) -> None:
    collector = shared_collector
    collector.post(make_report())
    assert metric(collector, "compliance_base_datos_ausente_seconds") == 0
    someone = as_administrator(collector) | {"Accept-Language": "es"}
    with locked(collector):
        for _ in range(2):
            assert collector.post(make_report()).status_code == 202
        ready = collector.get("/readyz")
        assert ready.status_code == 200
        reason = "else has locked bitacoras" if collector.postgresql else "database is locked"
        assert reason in ready.json()["comprobaciones"]["base_de_datos"]
        assert reason in pending(collector)
        wait_until(
            lambda: (
                collector.post(make_report()).ok
                and metric(collector, "compliance_pendientes_reportes") > 2
            ),
            "the metrics do not say so",
        )
        assert metric(collector, "compliance_pendientes_bytes") > 1_000
        waiting = metric(collector, "compliance_pendientes_seconds")
        assert 0 < waiting <= metric(collector, "compliance_base_datos_ausente_seconds") + 5
        assert metric(collector, 'compliance_reportes_total{resultado="pendiente"}') >= 3
        wait_until(
            lambda: "reportes esperan a la base de datos" in home(collector, someone),
            "the console does not say so",
        )
    wait_until(lambda: has_everything(collector), "the database is not found back")
    assert metric(collector, "compliance_pendientes_reportes") == 0
    assert set(collector.get("/readyz").json()["comprobaciones"].values()) == {"bien"}


def home(collector: CollectorProcess, someone: dict[str, str]) -> str:
    return collector.get("/consola", headers=someone).text


def metric(collector: CollectorProcess, name: str) -> float:
    [line] = [
        line for line in collector.get("/metrics").text.splitlines() if line.startswith(f"{name} ")
    ]
    return float(line.rpartition(" ")[2])


def test_agent_takes_it_as_delivered(
    shared_collector: CollectorProcess, agent: AgentRunner
) -> None:
    before = len(shared_collector.numbers())
    with locked(shared_collector):
        assert agent.run("--url", shared_collector.url, "--once").returncode == 0
    assert not list(agent.spool.glob("*.json.gz"))
    wait_until(lambda: len(shared_collector.numbers()) > before, "the report is not there")

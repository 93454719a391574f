"""The ten queries of README and docs/queries.md, on databases that a real collector filled."""

import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from createDB.postgresql.engine import use_written_values
from tests.conftest import LAYOUTS, ROOT, CollectorProcess, NewCollector, make_report
from tests.documentation import blocks, queries

pytestmark = pytest.mark.both_databases

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

OF_LARGE_FLEETS = [block.text for block in blocks(ROOT / "docs" / "database.md", "sql")]

Rows = list[tuple[Any, ...]]


class Fleet:
    """Servers that report to a collector, each under a name."""

    def __init__(self, collector: CollectorProcess) -> None:
        self.collector = collector
        self.now = datetime.now(UTC)
        self.identities: dict[str, str] = {}

    def report(
        self, hostname: str, processes: str, *, ago: timedelta = timedelta(), **changes: Any
    ) -> None:
        """Post a report; processes are written as 'pid name user, ...'."""
        identity = self.identities.setdefault(hostname, str(uuid.uuid4()))
        rows = [line.split() for line in processes.split(", ") if line]
        named = [{"pid": int(pid), "name": name, "username": user} for pid, name, user in rows]
        common = {
            "hostname": hostname,
            "id_agente": identity,
            "procesos": named,
            "usuarios_activos": [],
            "ipaddress": f"10.0.0.{len(self.identities)}",
            "fecha_hora": (self.now - ago).isoformat(),
        }
        answer = self.collector.post(make_report(**(common | changes)))
        assert answer.status_code == 201, answer.text


def fill(fleet: Fleet) -> None:
    """Several servers, several reports of each: what is old must not show in what is now."""
    fleet.report("web-1", "1 systemd root, 20 sshd root, 30 nginx root, 31 nginx www, 666 old root",
                 ago=10 * MINUTE, nucleo="6.1.0-23-amd64", pid_agente=30)  # fmt: skip
    fleet.report("web-1", "1 systemd root, 20 sshd root, 40 nginx root, 41 nginx www, 44 agent ana",
                 ago=5 * MINUTE, nucleo="6.1.0-23-amd64", pid_agente=44)  # fmt: skip
    fleet.report(
        "web-1",
        "1 systemd root, 20 sshd root, 40 nginx root, 41 nginx apache, 77 xmrig root, 45 agent ana",
        nucleo="6.1.0-25-amd64", pid_agente=45,
        usuarios_activos=[{"pid": 400, "name": "juan"}, {"pid": 401, "name": "ana"}],
    )  # fmt: skip
    fleet.report("db-1", "1 systemd root, 21 sshd root, 50 postgres postgres, 9 kworker/0:1 root",
                 distribucion="ubuntu", version_distribucion="24.04", nucleo="6.8.0-40",
                 errores={"usuarios_activos": "no hay utmp ni logind"})  # fmt: skip
    fleet.report("db-1", "1 systemd root, 666 old root", ago=2 * DAY, nucleo="6.8.0-31")  # late
    fleet.report("gone-1", "1 systemd root, 22 sshd root, 51 postgres postgres", nucleo=None,
                 distribucion=None, version_distribucion=None, intervalo=None)  # fmt: skip
    fleet.report("quiet-1", "", ago=-3 * MINUTE, distribucion="arch", version_distribucion=None,
                 nucleo="7.0")  # fmt: skip
    fleet.report("slow-1", "1 systemd root", ago=10 * MINUTE, nucleo="6.1.0-25-amd64")


def let_time_pass(collector: CollectorProcess) -> None:
    """Make the last word of two servers old, as the collector's clock has it."""
    for hostname, past in (("gone-1", 50 * 60 * MINUTE), ("quiet-1", 16 * MINUTE)):
        then = (datetime.now(UTC) - past).strftime("%Y-%m-%d %H:%M:%S.%f")
        collector.execute(
            "UPDATE agentes SET ultimo_reporte = ? WHERE hostname = ?", then, hostname
        )


@pytest.fixture(scope="module", params=LAYOUTS)
def database(
    request: pytest.FixtureRequest, new_shared_collector: NewCollector
) -> CollectorProcess:
    """The same fleet in either layout: the same queries give the same rows."""
    collector = new_shared_collector(layout=request.param).start()
    fill(Fleet(collector))
    collector.stop()
    let_time_pass(collector)
    return collector


def ask(database: CollectorProcess, number: int) -> Rows:
    """Ask the query with that number, counted from 1, as somebody does who may only read."""
    return asked(database, queries()[number - 1])


def asked(database: CollectorProcess, query: str) -> Rows:
    """Ask a query as it is written, in PostgreSQL far from UTC."""
    if database.postgresql:
        options = "-c default_transaction_read_only=on -c timezone=America/Bogota"
        with psycopg.connect(database.postgresql, options=options) as client:
            use_written_values(client)
            return client.execute(query.encode()).fetchall()
    with closing(sqlite3.connect(f"{database.database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def test_who_runs_sshd_now(database: CollectorProcess) -> None:
    assert ask(database, 1) == [
        ("db-1", "10.0.0.2", 21, "root"),
        ("gone-1", "10.0.0.3", 22, "root"),
        ("web-1", "10.0.0.1", 20, "root"),
    ]


def test_who_is_logged_in_and_who_cannot_tell(database: CollectorProcess) -> None:
    assert ask(database, 2) == [
        ("db-1", None, None, "no hay utmp ni logind"),
        ("web-1", "ana", 401, None),
        ("web-1", "juan", 400, None),
    ]


def test_servers_by_operating_system(database: CollectorProcess) -> None:
    assert ask(database, 3) == [("debian 12", 2), ("Linux", 1), ("arch", 1), ("ubuntu 24.04", 1)]


def test_servers_that_stopped_reporting(database: CollectorProcess) -> None:
    found = [(hostname, hours) for hostname, _, _, hours in ask(database, 4)]
    assert found == [("gone-1", 50), ("quiet-1", 0)]


def test_what_runs_as_root_and_should_not(database: CollectorProcess) -> None:
    assert ask(database, 5) == [("nginx", 1), ("xmrig", 1)]


def test_kernels_and_since_when(database: CollectorProcess) -> None:
    found = {hostname: (kernel, since) for hostname, kernel, since in ask(database, 6)}
    [newest] = asked(
        database,
        "SELECT max(fecha_hora) FROM servers JOIN agentes USING (id_agente) "
        "WHERE agentes.hostname = 'web-1'",
    )
    assert found["web-1"] == ("6.1.0-25-amd64", *newest)
    assert [found[name][0] for name in ("db-1", "gone-1", "quiet-1")] == ["6.8.0-40", None, "7.0"]


def test_programs_under_different_users(database: CollectorProcess) -> None:
    assert ask(database, 7) == [("nginx", 2, "apache", "root", 1)]


def test_what_changed_between_the_last_two_reports(database: CollectorProcess) -> None:
    assert ask(database, 8) == [
        ("nuevo", 41, "nginx", "apache"),
        ("terminado", 41, "nginx", "www"),
        ("nuevo", 77, "xmrig", "root"),
    ]


def test_programs_that_most_servers_run(database: CollectorProcess) -> None:
    found = ask(database, 9)
    assert found[:4] == [("systemd", 4, 4), ("sshd", 3, 3), ("postgres", 2, 2), ("nginx", 1, 2)]
    assert ("old", 1, 1) not in found


def test_clocks_that_are_off(database: CollectorProcess) -> None:
    found: dict[str, float] = dict(ask(database, 10))
    assert set(found) == {"slow-1", "quiet-1"}
    assert found["slow-1"] == pytest.approx(-600, abs=60)
    assert found["quiet-1"] == pytest.approx(180, abs=60)


def test_changes_of_the_last_hour(database: CollectorProcess) -> None:
    """The query of docs/database.md for large fleets."""
    [query] = [text for text in OF_LARGE_FLEETS if "FROM momentos" in text]
    found = [(hostname, kind, name) for hostname, kind, _, name, *_ in asked(database, query)]
    assert ("web-1", "inicia", "xmrig") in found
    assert ("db-1", "inicia", "6.8.0-31") not in found, "that was two days ago"


def test_ten_queries_change_nothing(database: CollectorProcess) -> None:
    assert len(queries()) == 10
    if database.postgresql:  # which was asked to let nobody write
        return
    before = database.database.read_bytes()
    for number in range(1, 11):
        ask(database, number)
    assert database.database.read_bytes() == before

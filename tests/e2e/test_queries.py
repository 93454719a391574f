"""The ten queries of README and docs/queries.md, on a database that a real collector filled."""

import copy
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LAYOUTS, CollectorProcess, collector_in, make_report
from tests.documentation import queries

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

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


def let_time_pass(database: Path) -> None:
    """Make the last word of two servers old, as the collector's clock has it."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for hostname, past in (("gone-1", "-50 hours"), ("quiet-1", "-16 minutes")):
            connection.execute(
                "UPDATE agentes SET ultimo_reporte = datetime('now', ?) WHERE hostname = ?",
                (past, hostname),
            )


@pytest.fixture(scope="module", params=LAYOUTS)
def database(
    request: pytest.FixtureRequest,
    empty_databases: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The same fleet in either layout: the same queries give the same rows."""
    folder = tmp_path_factory.mktemp("queries")
    collector = collector_in(folder, empty_databases[request.param]).start()
    fill(Fleet(collector))
    collector.stop()
    let_time_pass(collector.database)
    return collector.database


def ask(database: Path, number: int) -> Rows:
    """Ask the query with that number, counted from 1."""
    query = queries()[number - 1]
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def test_there_are_ten() -> None:
    assert len(queries()) == 10


def test_who_runs_sshd_now(database: Path) -> None:
    assert ask(database, 1) == [
        ("db-1", "10.0.0.2", 21, "root"),
        ("gone-1", "10.0.0.3", 22, "root"),
        ("web-1", "10.0.0.1", 20, "root"),
    ]


def test_who_is_logged_in_and_who_cannot_tell(database: Path) -> None:
    assert ask(database, 2) == [
        ("db-1", None, None, "no hay utmp ni logind"),
        ("web-1", "ana", 401, None),
        ("web-1", "juan", 400, None),
    ]


def test_servers_by_operating_system(database: Path) -> None:
    assert ask(database, 3) == [("debian 12", 2), ("Linux", 1), ("arch", 1), ("ubuntu 24.04", 1)]


def test_servers_that_stopped_reporting(database: Path) -> None:
    found = [(hostname, hours) for hostname, _, _, hours in ask(database, 4)]
    assert found == [("gone-1", 50), ("quiet-1", 0)]


def test_what_runs_as_root_and_should_not(database: Path) -> None:
    assert ask(database, 5) == [("nginx", 1), ("xmrig", 1)]


def test_kernels_and_since_when(database: Path) -> None:
    found = {hostname: (kernel, since) for hostname, kernel, since in ask(database, 6)}
    with closing(sqlite3.connect(database)) as connection:
        newest = connection.execute(
            "SELECT max(fecha_hora) FROM servers JOIN agentes USING (id_agente) "
            "WHERE agentes.hostname = 'web-1'"
        ).fetchone()
    assert found["web-1"] == ("6.1.0-25-amd64", *newest)
    assert [found[name][0] for name in ("db-1", "gone-1", "quiet-1")] == ["6.8.0-40", None, "7.0"]


def test_programs_under_different_users(database: Path) -> None:
    assert ask(database, 7) == [("nginx", 2, "apache", "root", 1)]


def test_what_changed_between_the_last_two_reports(database: Path) -> None:
    assert ask(database, 8) == [
        ("nuevo", 41, "nginx", "apache"),
        ("terminado", 41, "nginx", "www"),
        ("nuevo", 77, "xmrig", "root"),
    ]


def test_programs_that_most_servers_run(database: Path) -> None:
    found = ask(database, 9)
    assert found[:4] == [("systemd", 4, 4), ("sshd", 3, 3), ("postgres", 2, 2), ("nginx", 1, 2)]
    assert ("old", 1, 1) not in found


def test_clocks_that_are_off(database: Path) -> None:
    found: dict[str, float] = dict(ask(database, 10))
    assert set(found) == {"slow-1", "quiet-1"}
    assert found["slow-1"] == pytest.approx(-600, abs=60)
    assert found["quiet-1"] == pytest.approx(180, abs=60)


def test_queries_change_nothing(database: Path) -> None:
    before = copy.copy(database.read_bytes())
    for number in range(1, 11):
        ask(database, number)
    assert database.read_bytes() == before

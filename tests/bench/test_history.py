"""The databases that the benchmarks make are as the collector would have left them."""

import shutil
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from API.app.ingest.entry import entry_from_body
from API.app.ingest.store import Store
from bench.history import INTERVAL_MS, TRANSIT_MS, Fleet, Size, history_database
from bench.lives import Life
from createDB.engine import database_url, open_engine
from createDB.views import Layout
from tests.conftest import LAYOUTS, ROOT, CollectorProcess, NewCollector, make_report

END = datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()
SERVERS, DAYS, SEED = 3, 1, 132
"""Of this fleet two are rebooted, one of them with another kernel."""

PERIODS = """
    SELECT num_agente, hasta, campo, nombre, valor, pid, desde, veces, inicio, propio
    FROM periodos JOIN hechos USING (id_hecho) ORDER BY 1, 2, 3, 4, 5, 6
"""
PRESENCES = """
    SELECT num_agente, campo, nombre, valor FROM presencias JOIN hechos USING (id_hecho)
    ORDER BY 1, 2, 3, 4
"""
SAME = (
    PERIODS,
    PRESENCES,
    "SELECT * FROM momentos ORDER BY 1, 2",
    "SELECT * FROM agentes ORDER BY 1",
    "SELECT * FROM arranques ORDER BY 1, 2",
    "SELECT campo, nombre, valor FROM hechos ORDER BY 1, 2, 3",
    "SELECT * FROM repeticiones",
)
OF_THE_REPORTS_KEPT = (
    "SELECT * FROM servers WHERE momento >= ? ORDER BY 1",
    """
    SELECT id_serv, p.ip_server, p.fecha_hora, pid, name, username
    FROM procesos p JOIN servers USING (id_serv) WHERE momento >= ? ORDER BY 1, 4
    """,
    """
    SELECT id_serv, u.ip_server, u.fecha_hora, pid, username
    FROM usuarios_activos u JOIN servers USING (id_serv) WHERE momento >= ? ORDER BY 1, 4
    """,
)


def moment(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def report_of(fleet: Fleet, life: Life, number: int) -> bytes:
    """What the agent of a server sends in the midst of this life."""
    facts = [turn for turns in life.facts.values() for turn in turns]
    now = [stay for stay in life.stays + facts if stay.first <= number < stay.end]
    report: dict[str, Any] = {stay.field: stay.name for stay in now}
    report["procesos"] = [
        {"pid": stay.pid, "name": stay.name, "username": stay.value,
         "inicio": moment(fleet.moment(life.phase, stay.started))}
        for stay in now if stay.started is not None
    ]  # fmt: skip
    report["usuarios_activos"] = [
        {"pid": stay.pid, "name": stay.name} for stay in now if stay.field == "usuarios_activos"
    ]
    report |= {
        "fecha_hora": moment(fleet.moment(life.phase, number)),
        "id_agente": life.id_agente,
        "id_reporte": uuid.uuid5(uuid.UUID(life.id_agente), str(number)),
        "intervalo": INTERVAL_MS / 1_000,
        "pid_agente": next(stay.pid for stay in life.agents if stay.first <= number < stay.end),
        "descartados": 0,
    }
    return msgspec.json.encode(report)


def fill(database: Path, fleet: Fleet) -> None:
    """Store every report of a fleet by the collector's own code, as they come."""
    lives = [fleet.life(number) for number in range(fleet.size.servers)]
    sent = sorted(
        (fleet.moment(life.phase, number), life.number, number)
        for life in lives
        for number in range(fleet.size.reports)
    )
    store = Store(rows=fleet.size.layout is Layout.COMPLETO)
    engine = open_engine(database_url(str(database)))
    with engine.begin() as connection:
        for life in lives:  # a server's number is that of its first report; here they are in order
            query = "INSERT INTO agentes (id_agente, siguiente) VALUES (?, 0)"
            connection.exec_driver_sql(query, (life.id_agente,))
        for at, server, number in sent:
            entry = entry_from_body(report_of(fleet, lives[server], number))
            recibido = moment(at + TRANSIT_MS).replace(tzinfo=None)
            store.store(connection, [entry], recibido)
    engine.dispose()


def rows(database: Path, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query, arguments).fetchall()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_collector_would_have_written_the_same(
    tmp_path: Path, empty_databases: dict[str, Path], layout: str
) -> None:
    size = Size(SERVERS, DAYS, Layout(layout), SEED)
    made = history_database(tmp_path, size, END)
    stored = tmp_path / "stored.sqlite"
    shutil.copy(empty_databases[layout], stored)
    fleet = Fleet(size, END)
    fill(stored, fleet)
    assert len(rows(made, PERIODS)) > SERVERS * 200
    for query in SAME:
        assert rows(made, query) == rows(stored, query), query
    kept_from = fleet.moment(0, size.first_kept)
    for query in OF_THE_REPORTS_KEPT:
        assert rows(made, query, kept_from) == rows(stored, query, kept_from), query
    assert rows(made, "SELECT min(momento) FROM servers") >= [(kept_from,)]


def test_a_life_has_reboots_sessions_and_upgrades() -> None:
    life = Fleet(Size(1, 300), END).life(0)
    assert len(life.agents) > 2
    assert len({turn.name for turn in life.facts["nucleo"]}) > 1
    assert any(stay.field == "usuarios_activos" for stay in life.stays)
    assert all(stay.first < stay.end for stay in life.stays)


def test_no_key_stands_twice_at_a_time() -> None:
    life = Fleet(Size(1, 60), END).life(0)
    last: dict[tuple[Any, ...], int] = {}
    for stay in sorted(life.stays, key=lambda stay: stay.first):
        assert last.get(stay[:4], 0) <= stay.first
        last[stay[:4]] = stay.end


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    size = Size(1, 1)
    path = history_database(tmp_path, size, END)
    made = path.stat().st_ino
    assert history_database(tmp_path, size).stat().st_ino == made
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.sqlite
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_collector_goes_on_with_it(
    tmp_path: Path, new_collector: NewCollector, layout: str
) -> None:
    made = history_database(tmp_path, Size(2, 1, Layout(layout)), datetime.now(UTC).timestamp())
    collector = new_collector(layout=layout)
    shutil.copy(made, collector.database)
    collector.start()
    [server] = collector.rows("SELECT * FROM agentes ORDER BY num_agente LIMIT 1")
    report = make_report(id_agente=server["id_agente"], fecha_hora=datetime.now(UTC).isoformat(),
                         procesos=[], usuarios_activos=[], hostname=server["hostname"])  # fmt: skip
    answer = collector.post(report)
    assert answer.status_code == 201, answer.text
    assert answer.json()["id_serv"] == 2 * 288 + 1
    state = collector.get(f"/agentes/{server['id_agente']}/estado").json()
    assert state["procesos"] == []
    assert state["sistema"]["hostname"] == server["hostname"]
    collector.stop()
    assert check(collector) == 0


def check(collector: CollectorProcess) -> int:
    """Run `createDB.py --check`; give its exit code."""
    program = [sys.executable, str(ROOT / "createDB" / "createDB.py"), "--check"]
    paths = ["--storage", str(collector.storage), "--database", str(collector.database)]
    done = subprocess.run([*program, *paths], capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    return done.returncode

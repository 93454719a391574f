"""The fleet simulator: its reports are reports, and what it says of a collector is so."""

import gzip
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import structlog

from API.app.compliance.court import Court
from API.app.compliance.library import SHIPPED, Library
from API.app.compliance.present import judge_new
from API.app.compliance.review import review
from API.app.ingest.entry import entry_from_body
from API.app.ingest.store import Store
from API.app.report import decode_report
from bench import fleet as simulator
from bench import servers as fleet
from bench.enrolled import enrolled_database
from bench.fleet import simulate
from bench.record import Result
from bench.servers import Plan, Servers
from bench.truth import findings
from createDB.engine import database_url, open_engine
from createDB.views import Layout
from tests.bench.test_history import SAME, rows
from tests.conftest import LAYOUTS

BEGIN = datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()
ROUGH = Plan(servers=40, interval=0.5, speed=600, clones=2, silent=0.05, seed=8)
"""A life of five minutes in half a second, with everything that can happen in it."""

LISTS = (
    "SELECT * FROM procesos ORDER BY id_serv, pid",
    "SELECT * FROM usuarios_activos ORDER BY id_serv, pid",
)
JUDGED = """
    SELECT num_agente, num_politica, desde, hasta, veredicto, evidencia, evidencia_ultima, razon
    FROM cumplimiento ORDER BY 1, 2, 3
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """A fleet, an outage of its collector in the midst, and the database at the end."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = tmp_path_factory.mktemp("fleet")
    result = simulate(ROUGH, 8, 2, folder, warm=1)
    return result, folder / "storage" / "database" / "servers.sqlite"


def test_every_report_arrives_once_and_the_history_is_what_happened(
    run: tuple[Result, Path],
) -> None:
    result, database = run
    assert result.is_right(), result.table()
    assert (result.errors, result.herd.waiting) == (0, 0), result.table()
    assert result.refused > 0, "there was an outage"
    assert len(result.herd.renamed) == 2, "each clone was noticed"
    assert max(sample.waiting for sample in result.samples) > ROUGH.servers
    reports = len(result.herd.numbers)
    assert reports > 10 * ROUGH.servers
    [(stored,)] = rows(database, "SELECT count(*) FROM servers")
    assert stored == ROUGH.servers + reports


def test_a_run_is_told_in_tables_and_drawn(run: tuple[Result, Path], tmp_path: Path) -> None:
    result, _ = run
    table = result.table()
    for said in ("| 40 | 0.5 s | compacto |", "| writer |", "| simulator |", "outage: "):
        assert said in table
    drawing = tmp_path / "run.svg"
    result.plot(drawing)
    assert "reports a second" in drawing.read_text()


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ("DELETE FROM servers WHERE id_serv = 100", {"lost": 1, "numbers": 1}),
        ("UPDATE servers SET id_reporte = 'x' WHERE id_serv = 99", {"lost": 1, "strange": 1}),
        ("DELETE FROM periodos WHERE num_agente = 2 AND hasta > 1e14", {"servers": 1}),
        ("UPDATE periodos SET desde = desde + 1 WHERE num_agente = 3", {"servers": 1}),
    ],
)
def test_what_is_wrong_in_a_database_is_found(
    run: tuple[Result, Path], tmp_path: Path, harm: str, found: dict[str, int]
) -> None:
    result, database = run
    harmed = tmp_path / "harmed.sqlite"
    shutil.copy(database, harmed)
    with closing(sqlite3.connect(harmed)) as connection, connection:
        connection.execute(harm)
    assert findings(harmed, result.herd, 40) == result.found._replace(**found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_fleet_that_is_copied_is_as_the_collector_would_have_stored_it(
    tmp_path: Path, empty_databases: dict[str, Path], layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "TRACKS", 3)
    few = Servers(Plan(7, layout=Layout(layout), processes=90), BEGIN, 600)
    made, stored = tmp_path / "made.sqlite", tmp_path / "stored.sqlite"
    enrolled_database(made, few)
    shutil.copy(empty_databases[layout], stored)
    store_all(stored, few)
    for query in (*SAME, JUDGED, "SELECT * FROM servers ORDER BY 1", "SELECT * FROM avance"):
        assert rows(made, query) == rows(stored, query), query
    for query in LISTS:
        assert [row[1:] for row in rows(made, query)] == [row[1:] for row in rows(stored, query)]


def store_all(database: Path, few: Servers) -> None:
    """Store and judge the first report of each server by the collector's own code."""
    url = database_url(str(database))
    engine = open_engine(url)
    store = Store(rows=few.plan.layout is Layout.COMPLETO)
    with engine.begin() as connection:
        for number in range(few.plan.servers):
            body = gzip.decompress(few.report(number, 0, few.identity(number)))
            received = datetime.fromtimestamp(few.due(number, 0), UTC).replace(tzinfo=None)
            store.store(connection, [entry_from_body(body)], received)
    engine.dispose()
    with closing(Court(url, Library([SHIPPED]))) as court:
        while judge_new(court).reports or review(court):
            pass


def test_a_report_is_one_and_the_same_for_the_same_seed() -> None:
    made = [Servers(Plan(50, seed=5), BEGIN, 3600).report(49, 9, "a" * 8) for _ in range(2)]
    assert made[0] == made[1]
    identity = Servers(Plan(50), BEGIN, 3600).identity(7)
    report = decode_report(gzip.decompress(Servers(Plan(50), BEGIN, 3600).report(7, 3, identity)))
    assert len(report.procesos) >= 200
    assert str(report.id_agente) == identity
    assert msgspec.to_builtins(report.id_reporte) == str(report.id_reporte)


def test_that_a_plot_cannot_be_drawn_is_said_before_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(sys, "argv", ["fleet.py", "--plot", "fleet.png"])
    with pytest.raises(SystemExit) as ended:
        simulator.main()
    assert ended.value.code == 2
    assert "matplotlib" in capsys.readouterr().err

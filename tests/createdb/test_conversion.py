"""--layout compacto on a database of completo: the same rows, or the same database."""

import itertools
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.ingest.entry import Entry
from API.app.ingest.store import Store
from createDB.build import build
from createDB.conversion import convert, give_back
from createDB.state import head_revision
from createDB.views import Layout
from tests.createdb.conftest import Change, Rows, Run
from tests.createdb.conversions import (
    Answers,
    answers,
    copies,
    dump,
    fill,
    layout_of,
    make_completo,
    options,
    settings_in,
)
from tests.ingest.test_history import BOOTLESS, ERRORS, SOON, any_boot, sequences
from tests.ingest.test_housekeeping import ROWS, Kept, some_report


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_completo(tmp_path_factory.mktemp("completo"))


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path))


def test_it_works(run: Run, database: Path, tmp_path: Path, rows: Rows) -> None:
    before, size = answers(database), database.stat().st_size
    done = run(*options(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    [copy] = copies(tmp_path)
    assert f"{database}: pasó de completo a compacto; copia anterior en {copy}\n" in done.stdout
    assert "KiB devueltos al disco" in done.stdout
    assert (layout_of(database), layout_of(copy)) == ("compacto", "completo")
    assert answers(database) == answers(copy) == before
    assert rows(database, "SELECT count(*) = count(DISTINCT id_proc) FROM procesos") == [(1,)]
    assert rows(database, "PRAGMA freelist_count") == [(0,)]
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]
    assert database.stat().st_size < size / 5
    again = run(*options(tmp_path))
    assert again.stdout == f"{database}: ya está al día (esquema {head_revision()}, compacto)\n"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> dict[Layout, Path]:
    """An empty database of each layout."""
    made = {}
    for layout in Layout:
        settings = settings_in(tmp_path_factory.mktemp(layout))
        build(settings.database, layout)
        made[layout] = Path(str(settings.database.database))
    return made


@given(entries=sequences(SOON, any_boot, ERRORS | BOOTLESS), data=st.data())
def test_any_reports_are_there_as_before_and_as_in_one_made_so(
    empty: dict[Layout, Path],
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[Entry],
    data: st.DataObject,
) -> None:
    cut = data.draw(st.integers(0, len(entries)))
    found: dict[Layout, Answers] = {}
    for layout in Layout:
        folder = tmp_path_factory.mktemp(layout)
        shutil.copy(empty[layout], folder)
        settings = settings_in(folder)
        path = folder / "servers.sqlite"
        fill(settings, layout, entries[:cut])
        before = answers(path)
        assert convert(settings, Layout.COMPACTO)[0]
        give_back(settings)
        assert answers(path) == before
        fill(settings, Layout.COMPACTO, entries[cut:])
        found[layout] = answers(path)
        shutil.rmtree(folder)
    assert found[Layout.COMPLETO] == found[Layout.COMPACTO]


def test_file_that_could_not_shrink_can_afterwards(
    database: Path, tmp_path: Path, run: Run, change: Change, rows: Rows
) -> None:
    change(database, "PRAGMA auto_vacuum = NONE; VACUUM")
    assert rows(database, "PRAGMA auto_vacuum") == [(0,)]
    assert run(*options(tmp_path)).returncode == 0
    assert rows(database, "PRAGMA auto_vacuum") == [(2,)]
    assert rows(database, "PRAGMA freelist_count") == [(0,)]


NOT_IN_THE_PERIODS = {
    "edited": ("UPDATE procesos SET username = 'ana' WHERE id_proc = 7", "procesos, reporte 1"),
    "number as text": (
        "UPDATE usuarios_activos SET pid = 'x' WHERE id_usr = 1",
        "usuarios_activos, reporte ",
    ),
    "address": ("UPDATE procesos SET ip_server = NULL WHERE id_serv = 9", "procesos, reporte 9"),
    "of another": (
        "UPDATE procesos SET id_serv = 2 WHERE id_proc = 9",
        "procesos, reporte 2",
    ),
    "removed": ("DELETE FROM procesos WHERE id_serv = 600", "procesos, reporte 600"),
    "period": ("DELETE FROM periodos WHERE pid = 3", "procesos, reporte 1"),
    "of no report": ("INSERT INTO procesos (id_serv) VALUES (7000), (NULL)", "procesos, 2"),
    "of a report between": (
        "PRAGMA foreign_keys = OFF; DELETE FROM servers WHERE id_serv = 5",
        "filas sin su reporte: procesos, 60",
    ),
    "column": ("ALTER TABLE procesos ADD COLUMN nota", "la columna nota de procesos"),
    "computed column": (
        "ALTER TABLE procesos ADD COLUMN largo AS (length(name))",
        "la columna largo de procesos",
    ),
    "index": ("CREATE INDEX por_nombre ON procesos (name)", "el índice por_nombre"),
    "trigger": (
        "CREATE TRIGGER anota AFTER INSERT ON procesos BEGIN SELECT NEW.pid; END",
        "el disparador anota",
    ),
    "trigger elsewhere": (
        "CREATE TRIGGER marca AFTER INSERT ON servers BEGIN DELETE FROM procesos; END",
        "el disparador marca",
    ),
    "foreign key": (
        "CREATE TABLE notas (id_proc REFERENCES Procesos (id_proc))",
        "la clave foránea de notas hacia procesos",
    ),
}


@pytest.mark.parametrize("what", NOT_IN_THE_PERIODS)
def test_what_would_be_lost_is_named_and_nothing_changes(
    run: Run, database: Path, tmp_path: Path, change: Change, what: str
) -> None:
    script, named = NOT_IN_THE_PERIODS[what]
    change(database, script)
    before = dump(database)
    done = run(*options(tmp_path))
    assert (done.returncode, done.stderr) == (1, "")
    assert named in done.stdout
    assert done.stdout.endswith("sigue completo: como compacto perdería lo de arriba\n")
    assert dump(database) == before
    assert not copies(tmp_path)


def test_what_only_reads_the_tables_stays(
    run: Run, database: Path, tmp_path: Path, change: Change, rows: Rows
) -> None:
    change(database, "CREATE VIEW root AS SELECT name FROM procesos WHERE username = 'root'")
    before = rows(database, "SELECT name, count(*) FROM root GROUP BY 1")
    assert run(*options(tmp_path)).returncode == 0
    assert rows(database, "SELECT name, count(*) FROM root GROUP BY 1") == before


def test_not_back_to_completo(run: Run, database: Path, tmp_path: Path) -> None:
    run(*options(tmp_path))
    before = database.read_bytes()
    done = run(*options(tmp_path, "completo"))
    assert done.returncode == 3
    assert f"{database}: es compacto; para tenerla completo hágala de nuevo" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert database.read_bytes() == before


def test_first_generation_is_upgraded_first(
    run: Run, seed: Path, tmp_path: Path, change: Change
) -> None:
    done = run(*options(tmp_path))
    assert done.returncode == 1
    assert "actualizada de primera generación" in done.stdout
    assert "filas sin su reporte: procesos, 2" in done.stdout
    assert layout_of(seed) == "completo"
    for table in ("procesos", "usuarios_activos"):
        change(seed, f"DELETE FROM {table} WHERE id_serv IS NULL OR id_serv > 10")  # noqa: S608
    done = run(*options(tmp_path))
    assert (done.returncode, "procesos, reporte 8\n" in done.stdout) == (1, True)  # another time
    change(seed, "UPDATE procesos SET fecha_hora = (SELECT fecha_hora FROM servers s "
                 "WHERE s.id_serv = procesos.id_serv)")  # fmt: skip
    before = answers(seed)
    assert run(*options(tmp_path)).returncode == 0
    assert layout_of(seed) == "compacto"
    assert answers(seed) == before


@pytest.mark.parametrize("seed", range(3))
def test_retention_means_the_same_afterwards(tmp_path: Path, seed: int) -> None:
    """What came when its days were over has rows in completo alone: it goes next, and is told."""
    chance, numbers = random.Random(seed), itertools.count(1)
    old = [some_report(chance, next(numbers), 0, 1_000) for _ in range(40)]
    late = [some_report(chance, next(numbers), 0, 1_200) for _ in range(20)]
    sides = [Kept(tmp_path, layout) for layout in Layout]
    for side in sides:
        side.put(*old)
        side.clean(500, 300)
        side.put(*late)
        side.close()
    done, lines = convert(sides[0].settings, Layout.COMPACTO)
    assert done, lines
    assert "reportes que llegaron tras pasar sus días" in lines[0]
    sides[0] = Kept(tmp_path, Layout.COMPLETO)  # the same file
    sides[0].store = Store(rows=False)
    rows = [{name: side.rows(query) for name, query in ROWS.items()} for side in sides]
    assert rows[0] == rows[1]
    for side in sides:
        side.clean(700, 700)
        side.assert_sound()
    rows = [{name: side.rows(query) for name, query in ROWS.items()} for side in sides]
    assert rows[0] == rows[1]
    for side in sides:
        side.close()

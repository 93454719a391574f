"""Building a database: what there is afterwards, however often and from wherever it is run."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from createDB.build import build
from createDB.engine import database_url, open_for_building
from createDB.migrations.running import alembic_config
from createDB.schema import metadata
from createDB.state import head_revision, known_revisions
from tests.createdb.conftest import Change, Rows, Run, Start


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_works_from_any_folder(run: Run, tmp_path: Path, rows: Rows) -> None:
    path = tmp_path / "new" / "database" / "servers.sqlite"
    done = run("--database", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: creada (esquema {head_revision()}, completo)\n"
    tables = {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type='table'")}
    assert set(metadata.tables) <= tables
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_the_revision_is_known_and_written_as_by_alembic(tmp_path: Path) -> None:
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == head_revision()
    assert {script.revision for script in scripts.walk_revisions()} == known_revisions()

    url = database_url(str(tmp_path / "servers.sqlite"))
    build(url)
    table = "SELECT sql FROM sqlite_master WHERE tbl_name = 'version_esquema' ORDER BY name"
    revision = "SELECT * FROM version_esquema"
    engine = open_for_building(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        made = connection.exec_driver_sql(table).all()
        written = connection.exec_driver_sql(revision).all()
        connection.exec_driver_sql("DROP TABLE version_esquema")
        command.stamp(config, "head")
        assert connection.exec_driver_sql(table).all() == made
        assert connection.exec_driver_sql(revision).all() == written
    engine.dispose()


def test_folders_and_file_are_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "new" / "database" / "servers.sqlite"
    build(database_url(str(path)))
    assert [mode(part) for part in (path.parent.parent, path.parent, path)] == [0o750, 0o750, 0o640]


def test_running_it_again_changes_nothing(run: Run, tmp_path: Path, change: Change) -> None:
    path = tmp_path / "servers.sqlite"
    run("--database", path)
    change(path, "INSERT INTO servers (ipaddress) VALUES ('10.0.0.1')")
    before = path.read_bytes()
    done = run("--database", path)
    assert (done.returncode, done.stdout) == (
        0,
        f"{path}: ya está al día (esquema {head_revision()}, completo)\n",
    )
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["servers.sqlite"]


def test_it_is_up_to_date_while_a_collector_writes(tmp_path: Path) -> None:
    url = database_url(str(tmp_path / "servers.sqlite"))
    build(url)
    with closing(sqlite3.connect(str(url.database))) as collector:
        collector.execute("INSERT INTO servers (ipaddress) VALUES ('10.0.0.1')")
        collector.commit()
        assert "ya está al día" in build(url)


def test_two_at_once_do_not_break_each_other(start: Start, tmp_path: Path, rows: Rows) -> None:
    path = tmp_path / "servers.sqlite"
    both = [start("--database", path) for _ in range(2)]
    outputs = sorted(process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert ["creada" in output for output in outputs] == [True, False]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_two_upgrades_at_once_upgrade_once(start: Start, seed: Path, tmp_path: Path) -> None:
    both = [start("--database", seed) for _ in range(2)]
    outputs = sorted(process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert ["actualizada" in output for output in outputs] == [True, False]
    assert len(list(tmp_path.glob("*.antes-de-*"))) == 1


def test_tables_of_somebody_else_are_left_alone(tmp_path: Path, change: Change, rows: Rows) -> None:
    path = tmp_path / "shared.sqlite"
    change(path, "CREATE TABLE clientes (nombre); INSERT INTO clientes VALUES ('Ana')")
    assert "creada" in build(database_url(str(path)))
    assert rows(path, "SELECT * FROM clientes") == [("Ana",)]


def test_environment_and_file_name_the_database(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.ini"
    config.write_text(f"[database]\nurl = {tmp_path}/file.sqlite\n")
    run("--config", config)
    run("--config", config, COMPLIANCE_DATABASE_URL=f"sqlite:///{tmp_path}/env.sqlite")
    made = sorted(path.name for path in tmp_path.glob("*.sqlite"))
    assert made == ["env.sqlite", "file.sqlite"]


def test_a_wrong_setting_is_named(run: Run) -> None:
    done = run("--database", "mysql://somewhere/db")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--database = 'mysql://somewhere/db'" in done.stderr


def test_a_dry_run_of_nothing_is_refused_and_builds_nothing(run: Run, tmp_path: Path) -> None:
    done = run("--dry-run", "--database", tmp_path / "new.sqlite")
    assert done.returncode == 2
    assert "--housekeeping" in done.stderr
    assert not (tmp_path / "new.sqlite").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--from-log", ".", "--rollback"], "--rollback"),
        (["--from-log", ".", "--from-database", "x.sqlite"], "--from-database"),
        (["--from-database", "x.sqlite", "--layout", "compacto"], "--layout"),
        (["--rollback", "--layout", "compacto"], "--layout"),
        (["--check", "--layout", "compacto"], "--layout"),
        (["--housekeeping", "--layout", "compacto"], "--layout"),
    ],
)
def test_what_would_be_left_undone_is_refused(
    run: Run, tmp_path: Path, options: list[str], named: str
) -> None:
    done = run(*options, "--database", tmp_path / "new.sqlite")
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_help_lists_every_option_its_other_places_and_the_exit_codes(run: Run) -> None:
    text = " ".join(run("--help").stdout.split())
    for option in ("--database", "--storage", "--config", "--from-log", "--check", "--snapshot"):
        assert option in text
    for place in ("COMPLIANCE_DATABASE_URL", "COMPLIANCE_STORAGE_CARPETA", "[database] url"):
        assert place in text
    assert "Código de salida" in text
    assert text.count("por omisión") >= 6

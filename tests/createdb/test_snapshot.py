"""--snapshot: a whole, checked copy, also of a database in use, and never over something else."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from createDB.build import build
from createDB.engine import database_url
from createDB.errors import DatabaseUnusableError
from createDB.snapshot import snapshot
from tests.createdb.conftest import Change, Rows, Run


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "servers.sqlite"
    build(database_url(str(path)))
    return path


def test_it_copies_what_is_committed_while_somebody_writes(
    run: Run, database: Path, tmp_path: Path, rows: Rows
) -> None:
    target = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(database)) as collector:
        collector.execute("INSERT INTO servers (ipaddress) VALUES ('10.0.0.1')")
        collector.commit()
        collector.execute("INSERT INTO servers (ipaddress) VALUES ('10.0.0.2')")
        done = run("--database", database, "--snapshot", target)
    assert (done.returncode, done.stdout) == (0, f"{target}: copia íntegra de {database}\n")
    assert rows(target, "SELECT ipaddress FROM servers") == [("10.0.0.1",)]
    assert rows(target, "PRAGMA integrity_check") == [("ok",)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert not list(tmp_path.glob(".*"))


def test_what_is_there_is_not_overwritten(run: Run, database: Path, tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("mine")
    done = run("--database", database, "--snapshot", target)
    assert (done.returncode, target.read_text()) == (3, "mine")
    assert done.stderr == f"createDB.py: {target}: ya existe y no se sobrescribe\n"


def test_a_damaged_database_makes_no_copy(database: Path, tmp_path: Path, change: Change) -> None:
    change(database, "PRAGMA journal_mode = DELETE; INSERT INTO servers (ipaddress) VALUES (1)")
    with database.open("rb+") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)
    target = tmp_path / "copy.sqlite"
    with pytest.raises(DatabaseUnusableError, match=r"dañada|íntegra"):
        snapshot(database_url(str(database)), target)
    assert [path.name for path in tmp_path.iterdir()] == [database.name]


def test_there_is_nothing_to_copy(run: Run, tmp_path: Path) -> None:
    done = run("--database", tmp_path / "none.sqlite", "--snapshot", tmp_path / "copy.sqlite")
    assert (done.returncode, done.stderr) == (
        3,
        f"createDB.py: {tmp_path}/none.sqlite: no existe\n",
    )
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "none" / "copy.sqlite"
    with pytest.raises(DatabaseUnusableError, match=f"{target}: no existe"):
        snapshot(database_url(str(database)), target)

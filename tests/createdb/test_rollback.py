"""Back to the version before: the copy from before the upgrade takes the database's place."""

import fcntl
from pathlib import Path

import pytest

from createDB.build import build
from createDB.engine import database_url
from createDB.snapshot import safety_copy
from tests.createdb.conftest import Change, Rows, Run

NEWER = "9999"
HOSTNAMES = "SELECT hostname FROM servers ORDER BY 1"


@pytest.fixture
def newer(tmp_path: Path, change: Change) -> Path:
    """A database with a report of now that a newer version has upgraded, and then written into."""
    path = tmp_path / "servers.sqlite"
    build(database_url(str(path)))
    add_report(change, path, "antes")
    upgrade(change, path)
    add_report(change, path, "después")
    return path


def add_report(change: Change, path: Path, hostname: str) -> None:
    change(path, f"INSERT INTO servers (ipaddress, hostname) VALUES ('10.0.0.1', '{hostname}')")  # noqa: S608


def upgrade(change: Change, path: Path) -> None:
    safety_copy(database_url(str(path)), NEWER)
    change(path, f"UPDATE version_esquema SET version_num = '{NEWER}'")  # noqa: S608


def go_back(run: Run, path: Path) -> tuple[int, str]:
    done = run("--rollback", "--database", path, "--storage", path.parent / "storage")
    return done.returncode, done.stdout + done.stderr


def test_it_works(run: Run, newer: Path, rows: Rows) -> None:
    code, said = go_back(run, newer)
    assert code == 0, said
    assert rows(newer, HOSTNAMES) == [("antes",)]
    [aside] = newer.parent.glob(f"servers.sqlite.de-{NEWER}-*")
    assert str(aside) in said
    assert rows(aside, HOSTNAMES) == [("antes",), ("después",)]
    assert not list(newer.parent.glob("servers.sqlite.antes-de-*"))
    assert run("--database", newer).returncode == 0


def test_again_it_changes_nothing(run: Run, newer: Path, rows: Rows) -> None:
    go_back(run, newer)
    code, said = go_back(run, newer)
    assert (code, "queda como está" in said) == (0, True)
    assert rows(newer, HOSTNAMES) == [("antes",)]


def test_the_latest_copy_of_this_schema_is_taken(
    run: Run, newer: Path, rows: Rows, change: Change
) -> None:
    go_back(run, newer)
    add_report(change, newer, "otra vez")
    upgrade(change, newer)
    upgrade(change, newer)  # a copy of the newer schema, later than the one that is wanted
    go_back(run, newer)
    assert rows(newer, HOSTNAMES) == [("antes",), ("otra vez",)]


def test_without_a_copy_it_says_so_and_changes_nothing(run: Run, newer: Path, rows: Rows) -> None:
    [copy] = newer.parent.glob("servers.sqlite.antes-de-*")
    copy.unlink()
    code, said = go_back(run, newer)
    assert code == 3
    assert "--from-log" in said
    assert len(rows(newer, HOSTNAMES)) == 2


def test_a_collector_at_work_is_left_alone(run: Run, newer: Path, rows: Rows) -> None:
    with newer.open("rb") as used:
        fcntl.flock(used, fcntl.LOCK_EX)
        code, said = go_back(run, newer)
    assert (code, "deténgalo antes" in said) == (3, True)
    assert len(rows(newer, HOSTNAMES)) == 2


def test_whoever_meets_a_newer_database_is_told(run: Run, newer: Path) -> None:
    done = run("--database", newer)
    assert done.returncode == 3
    assert "--rollback" in done.stderr

"""A database that cannot be used gets one clear line, from createDB.py and from the collector."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.errors import DatabaseUnusableError
from createDB.state import ready
from tests.createdb.conftest import SCRIPT, Change, Run

# Root may write where permission bits say no; without this capability it may not either.
AS_ANYBODY = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)

PROGRAM = (sys.executable, str(SCRIPT))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "servers.sqlite"
    build(database_url(str(path)))
    return path


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    """Give the one line with which the program ended."""
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def collectors_refusal(path: Path) -> str:
    engine = open_engine(database_url(str(path)))
    with pytest.raises(DatabaseUnusableError) as refused:
        ready(engine)
    engine.dispose()
    return str(refused.value)


def test_missing(tmp_path: Path) -> None:
    path = tmp_path / "servers.sqlite"
    assert collectors_refusal(path) == f"{path}: no existe; ejecute createDB.py"
    assert not path.exists()


def test_without_our_tables(tmp_path: Path, change: Change) -> None:
    path = tmp_path / "servers.sqlite"
    change(path, "CREATE TABLE clientes (nombre)")
    assert "no tiene las tablas; ejecute createDB.py" in collectors_refusal(path)


def test_newer(run: Run, database: Path, change: Change) -> None:
    change(database, "UPDATE version_esquema SET version_num = '9999'")
    line = refusal(run("--database", database))
    assert f"{database}: la hizo una versión más nueva" in line
    assert "9999" in line
    assert collectors_refusal(database) in line


def test_locked_by_an_open_transaction(run: Run, database: Path) -> None:
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        line = refusal(run("--database", database))
        assert f"{database}: está ocupada por otro programa" in line
        assert collectors_refusal(database) in line


def test_locked_while_it_would_be_upgraded(run: Run, seed: Path) -> None:
    with closing(sqlite3.connect(seed)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "está ocupada por otro programa" in refusal(run("--database", seed))
    assert not list(seed.parent.glob("*antes-de*"))


@pytest.mark.parametrize("state", ["current", "first generation"])
def test_read_only_file(run: Run, database: Path, seed: Path, state: str) -> None:
    path = database if state == "current" else seed
    path.chmod(0o440)
    line = refusal(run("--database", path, prefix=AS_ANYBODY))
    assert f"{path}: es de sólo lectura" in line


def test_read_only_folder(run: Run, database: Path) -> None:
    database.parent.chmod(0o550)
    line = refusal(run("--database", database, prefix=AS_ANYBODY))
    database.parent.chmod(0o750)
    assert f"{database}: " in line
    assert "permisos" in line or "sólo lectura" in line


def test_read_only_folder_of_a_first_generation(run: Run, seed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    path = seed.rename(folder / seed.name)
    folder.chmod(0o550)
    line = refusal(run("--database", path, prefix=AS_ANYBODY))
    folder.chmod(0o750)
    assert str(folder) in line
    assert "permisos" in line


def test_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(0o550)
    line = refusal(run("--database", folder / "new" / "servers.sqlite", prefix=AS_ANYBODY))
    folder.chmod(0o750)
    assert f"{folder / 'new'}: " in line


def test_folder_that_is_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = refusal(run("--database", tmp_path / "file" / "servers.sqlite"))
    assert str(tmp_path / "file") in line


def test_unreadable_file(run: Run, database: Path) -> None:
    database.chmod(0)
    assert "permisos" in refusal(run("--database", database, prefix=AS_ANYBODY))


@pytest.mark.parametrize(
    "option", ["--database", "--storage", "--config", "--snapshot", "--from-log", "--layout"]
)
def test_an_argument_that_is_no_text(run: Run, database: Path, option: str) -> None:
    done = run("--database", database, option, os.fsdecode(b"caf\xe9"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "createDB.py: 'caf\\xe9' no es texto en UTF-8\n"


@pytest.mark.parametrize("content", [b"fecha,servidor\n" * 100, b"x", b"\0" * 4096])
def test_not_a_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "servers.sqlite"
    path.write_bytes(content)
    with pytest.raises(DatabaseUnusableError, match="no es una base de datos SQLite"):
        build(database_url(str(path)))
    assert path.read_bytes() == content
    assert "no es una base de datos SQLite" in collectors_refusal(path)


@pytest.mark.parametrize("size", [60, 100, 5_000, 20_000])
def test_cut_short(database: Path, size: int) -> None:
    with database.open("rb+") as file:
        file.truncate(size)
    with pytest.raises(DatabaseUnusableError, match="está dañada o incompleta"):
        build(database_url(str(database)))
    assert "está dañada o incompleta" in collectors_refusal(database)


def test_a_directory(run: Run, tmp_path: Path) -> None:
    assert refusal(run("--database", tmp_path)) == f"createDB.py: {tmp_path}: no es un archivo\n"


def test_a_table_is_gone(database: Path, change: Change) -> None:
    change(database, "DROP TABLE bitacoras")
    assert "le falta la tabla bitacoras" in collectors_refusal(database)


def test_limit_on_the_size_of_files(run: Run, tmp_path: Path, seed: Path) -> None:
    """What a quota does: a write fails in the middle, and nothing stays half done."""
    before = seed.read_bytes()
    done = run("--database", seed, prefix=("prlimit", "--fsize=16384"))
    assert str(seed) in refusal(done)
    assert seed.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [seed.name]


def own_mounts() -> list[str] | None:
    """Give the command that lets a program mount what nobody else sees, if that is allowed."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    command = ["unshare", "--mount", *user]
    if not shutil.which("unshare"):
        return None
    probe = [*command, "mount", "-t", "tmpfs", "none", "/mnt"]
    allowed = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    return command if allowed else None


@pytest.mark.parametrize("which", ["new", "first generation"])
def test_full_disk(environment: dict[str, str], tmp_path: Path, seed: Path, which: str) -> None:
    command = own_mounts()
    if command is None:
        pytest.skip("needs a mount namespace, which this system doesn't give")
    disk = tmp_path / "disk"
    disk.mkdir()
    path = disk / "servers.sqlite"
    fill = f"cp {seed} {path} && " if which == "first generation" else ""
    script = (
        f"mount -t tmpfs -o size=32k tmpfs {disk} && {fill}"
        f'"$@"; code=$?; ls -A {disk} >&2; exit $code'
    )
    done = subprocess.run(
        [*command, "sh", "-c", script, "sh", *PROGRAM, "--database", path],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said, *left = done.stderr.splitlines()
    assert done.returncode == 3
    assert "no queda espacio en el disco" in said
    assert left == ([] if which == "new" else [Path(path).name])

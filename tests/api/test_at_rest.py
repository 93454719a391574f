"""What is stored, as other users of the machine find it."""

import grp
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from API.app.at_rest import AtRestError, protect
from tests.conftest import CollectorProcess, NewCollector, collector_in, make_report

NOBODY = 65_534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users")
READ = "import sys; sys.stdout.write(str(len(open(sys.argv[1], 'rb').read(16))))"


def modes(folder: Path) -> dict[str, int]:
    """The permissions of everything in a folder, and its own."""
    found = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in found}


def may_read(path: Path, user: int, group: int) -> bool:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    done = subprocess.run(
        [python, "-c", READ, str(path)], user=user, group=group, extra_groups=[], check=False,
        capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    assert "PermissionError" in done.stderr or done.stdout == "16", done.stderr
    return done.stdout == "16"


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user reaches, with a database in it; pytest's own are for its user."""
    folder = Path(tempfile.mkdtemp(prefix="at-rest-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_everything_that_a_collector_writes_is_closed(collector: CollectorProcess) -> None:
    assert collector.post(make_report()).status_code == 201
    found = modes(collector.storage)
    database = "conocidos.sqlite" if collector.postgresql else "database/servers.sqlite-wal"
    assert {"acceso-local", ".lock", database, "text"} < set(found)
    assert not {path: oct(mode) for path, mode in found.items() if mode & 0o027}
    copy = collector.storage.parent / "copy.sqlite"
    program = Path(__file__).parents[2] / "createDB" / "createDB.py"
    arguments = ["--database", collector.database_url, "--snapshot", str(copy)]
    subprocess.run([sys.executable, str(program), *arguments], check=True, capture_output=True)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o640


@pytest.mark.sqlite
def test_a_start_closes_what_was_open(new_collector: NewCollector) -> None:
    collector = new_collector()
    text = collector.storage / "text"
    text.mkdir()
    old, private = text / "reportes-2026-01-01.jsonl.gz", collector.storage / "privado"
    old.write_bytes(b"")
    private.write_bytes(b"")
    for folder in (collector.storage, text, collector.database.parent):
        folder.chmod(0o777)
    for path, mode in ((collector.database, 0o666), (old, 0o644), (private, 0o600)):
        path.chmod(mode)
    collector.start()
    found = modes(collector.storage)
    assert not {path: oct(mode) for path, mode in found.items() if mode & 0o027}
    assert found["privado"] == 0o600, "what is closed further stays so"
    assert f"path={collector.database} mode=0666" in collector.log


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / "link").symlink_to(outside)
    protect(storage, storage / "servers.sqlite", None)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_group_that_there_is_not_stops_the_start(new_collector: NewCollector) -> None:
    command = new_collector("--grupo", "no-hay-tal-grupo").command()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        done.stderr
        == "init_app.py: --grupo = 'no-hay-tal-grupo': no hay tal grupo en este equipo\n"
    )


@as_root
def test_the_group_may_read_and_nobody_else(reachable: Path, empty_database: Path) -> None:
    group = next(group for group in grp.getgrall() if group.gr_gid not in (0, NOBODY))
    options = ("--grupo", group.gr_name)
    collector = collector_in(reachable, empty_database, options)
    try:
        assert collector.start().post(make_report()).status_code == 201
        [log] = (collector.storage / "text").iterdir()
        wal = collector.database.with_name("servers.sqlite-wal")
        for path in (collector.database, wal, log, collector.storage / "acceso-local"):
            assert may_read(path, NOBODY, group.gr_gid), path
            assert not may_read(path, NOBODY, NOBODY), path
    finally:
        collector.release()


@as_root
def test_what_is_somebody_elses_stops_the_start(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    os.chown(storage, NOBODY, NOBODY)
    database = storage / "servers.sqlite"
    database.write_text("x")
    database.chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(0o711)
    os.seteuid(NOBODY)
    try:
        with pytest.raises(AtRestError, match="es de otro usuario"):
            protect(storage, database, None)
    finally:
        os.seteuid(0)

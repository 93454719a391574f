"""A conversion that is killed, finds the disk full or a collector at work loses nothing."""

import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from createDB.conversion import convert
from createDB.views import Layout
from tests import nursery
from tests.conftest import CollectorProcess, NewCollector, make_report
from tests.createdb.conftest import SCRIPT, Rows, Run, Start, When
from tests.createdb.conversions import (
    answers,
    copies,
    dump,
    layout_of,
    make_completo,
    options,
    settings_in,
)
from tests.createdb.test_unusable import own_mounts


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_completo(tmp_path_factory.mktemp("completo"))


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path))


def test_killed_at_any_moment_it_goes_on(
    database: Path, template: Path, tmp_path: Path, environment: dict[str, str], long_run: bool
) -> None:
    before = answers(database)
    begin = partial(nursery.run, SCRIPT, options(tmp_path), env=environment)

    def whole() -> float:
        began = time.monotonic()
        done = begin()
        assert done.returncode == 0, done.stderr
        return time.monotonic() - began

    nursery.run(SCRIPT, ["--help"])  # the modules are imported before anything is timed
    takes = whole()
    chance = random.Random(3)
    seen = set()
    for _ in range(60 if long_run else 10):
        if layout_of(database) == "compacto":
            shutil.copy(template, database)
        with suppress(subprocess.TimeoutExpired):
            begin(timeout=chance.uniform(0, 1) * takes)
        seen.add(layout_of(database))
        assert answers(database) == before
        for copy in copies(tmp_path):
            assert answers(copy) == before
            copy.unlink()
    whole()
    assert layout_of(database) == "compacto"
    assert answers(database) == before
    assert not [path for path in tmp_path.iterdir() if "parcial" in path.name]
    assert "completo" in seen


def test_killed_while_it_copies_nothing_is_left_of_that(
    database: Path, tmp_path: Path, start: Start, when: When, run: Run
) -> None:
    before = dump(database)
    process = start(*options(tmp_path))
    when(process, lambda: any(tmp_path.glob(".servers.sqlite.antes-de-*.parcial-*")))
    process.kill()
    process.wait()
    assert dump(database) == before
    assert run(*options(tmp_path)).returncode == 0
    assert len(copies(tmp_path)) == 1
    assert not list(tmp_path.glob("*.parcial-*"))


def test_killed_after_it_the_space_comes_back_later(
    database: Path, tmp_path: Path, run: Run, rows: Rows
) -> None:
    before = answers(database)
    assert convert(settings_in(tmp_path), Layout.COMPACTO)[0]
    assert rows(database, "SELECT freelist_count > 0 FROM pragma_freelist_count") == [(1,)]
    done = run(*options(tmp_path))
    assert "KiB devueltos al disco" in done.stdout
    assert rows(database, "PRAGMA freelist_count") == [(0,)]
    assert answers(database) == before


def test_two_at_once_convert_once(start: Start, database: Path, tmp_path: Path) -> None:
    before = answers(database)
    both = [start(*options(tmp_path)) for _ in range(2)]
    errors = [process.communicate()[1] for process in both]
    for process, error in zip(both, errors, strict=True):
        assert process.returncode == 0 or "la usa otro" in error, error
    assert 0 in [process.returncode for process in both]
    assert len(copies(tmp_path)) == 1
    assert answers(database) == before


DISKS = {"no copy": ("no queda espacio en el disco para una copia", 1 << 20),
         "nothing after the copy": ("no queda espacio en el disco", -64 << 10)}  # fmt: skip


@pytest.mark.parametrize("room", DISKS)
def test_full_disk_changes_nothing(
    database: Path, tmp_path: Path, environment: dict[str, str], room: str
) -> None:
    command = own_mounts()
    if command is None:
        pytest.skip("needs a mount namespace, which this system doesn't give")
    said, short = DISKS[room]
    size = database.stat().st_size
    disk, after = tmp_path / "disk", tmp_path / "after.sqlite"
    disk.mkdir()
    path = disk / "servers.sqlite"
    script = (
        f"mount -t tmpfs -o size={(2 * size - short) >> 10}k tmpfs {disk} && cp {database} {path}"
        f' && "$@"; code=$?; ls -A {disk} >&2; cp {path} {after}; exit $code'
    )
    places = ["--database", str(path), "--storage", str(tmp_path / "storage")]
    done = subprocess.run(
        [*command, "sh", "-c", script, "sh", sys.executable, str(SCRIPT), *places,
         "--layout", "compacto"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    line, *left = done.stderr.splitlines()
    assert done.returncode == 3
    assert said in line
    assert left == ["servers.sqlite"]
    assert dump(after) == dump(database)


@pytest.fixture
def collector(new_collector: NewCollector) -> CollectorProcess:
    """A running collector with some reports, one of which could not tell its processes."""
    made = new_collector().start()
    for number in range(20):
        errors = {"procesos": "hidepid"} if number == 9 else {}
        names = [{"pid": pid, "name": f"p{pid}", "username": None} for pid in range(number)]
        assert made.post(make_report(procesos=names, errores=errors)).status_code == 201
    return made


def places(collector: CollectorProcess) -> tuple[str, ...]:
    return ("--database", str(collector.database), "--storage", str(collector.storage))


@pytest.mark.sqlite
def test_collector_goes_on_with_what_it_became(collector: CollectorProcess, run: Run) -> None:
    assert collector.stop() == 0
    before = answers(collector.database)[:2]
    assert run(*places(collector), "--layout", "compacto").returncode == 0
    assert answers(collector.database)[:2] == before
    collector.start()
    for _ in range(5):
        assert collector.post(make_report()).status_code == 201
    done = run(*places(collector), "--layout", "compacto")
    assert (done.returncode, done.stderr) == (0, "")
    assert collector.stop() == 0
    assert layout_of(collector.database) == "compacto"
    assert all(found > old for found, old in zip(map(len, answers(collector.database)),
                                                 map(len, before), strict=False))  # fmt: skip
    checked = run(*places(collector), "--check")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.sqlite
@pytest.mark.parametrize("folder", ["its own", "another"])
def test_not_while_a_collector_works(
    collector: CollectorProcess, run: Run, tmp_path: Path, folder: str
) -> None:
    storage = collector.storage if folder == "its own" else tmp_path / "another"
    done = run("--database", collector.database, "--storage", storage, "--layout", "compacto")
    assert done.returncode == 3
    assert "la usa otro colector" in done.stderr
    assert done.stderr.endswith("deténgalo antes\n")
    assert len(done.stderr.splitlines()) == 1
    assert layout_of(collector.database) == "completo"
    assert collector.post(make_report()).status_code == 201

"""--from-log: PostgreSQL from the JSON logs of several collectors, whatever interrupts it."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from API.app.storage import own_name
from createDB.engine import database_url
from createDB.errors import DatabaseUnusableError
from createDB.rebuild import rebuild
from createDB.views import Layout
from tests.conftest import wait_until
from tests.createdb.conftest import LogLine, Run
from tests.createdb.moves import FORK, assert_equal, place_of
from tests.postgresql import PostgresServer, rows_of


@pytest.fixture
def target(postgresql: PostgresServer) -> Iterator[str]:
    with postgresql.database() as url:
        yield url


@pytest.fixture
def logs(storage: Path, tmp_path: Path, log_line: LogLine) -> list[Path]:
    """The log of `storage`, and that of another collector, to which some of it was sent again."""
    other = tmp_path / "other" / "text"
    other.mkdir(parents=True)
    lines = b"".join(log_line(number) for number in range(25, 41))
    (other / "reportes-2026-11-21.jsonl.gz").write_bytes(gzip.compress(lines))
    return [storage / "text", other]


def test_each_report_is_taken_once(target: str, logs: list[Path], tmp_path: Path, run: Run) -> None:
    owner = own_name(logs[0].parent)
    done = run("--database", target, "--from-log", *logs)
    assert (done.returncode, done.stderr) == (0, "")
    words = f"{target}: creada desde {logs[0]} y {logs[1]}: 40 reportes"
    assert done.stdout == f"{words}; 6 repetidos, tomados una vez\n"
    assert not place_of(target)
    file = tmp_path / "servers.sqlite"
    rebuild(database_url(str(file)), *logs)
    assert_equal(target, file, numbers=False)
    assert rows_of(target, "SELECT 1 FROM servers_resto") == []
    places = rows_of(target, "SELECT archivo FROM bitacoras ORDER BY 1")
    assert [row["archivo"] for row in places] == [
        f"{owner}/reportes-2026-11-20.jsonl.gz",
        f"{owner}/reportes-2026-11-21.jsonl",
    ]


def test_killed_it_goes_on(target: str, logs: list[Path], tmp_path: Path) -> None:
    url, layout = database_url(target), Layout.COMPACTO
    process = FORK.Process(target=rebuild, args=(url, *logs), kwargs={"layout": layout})
    process.start()
    wait_until(lambda: place_of(target), "a beginning")
    process.kill()
    process.join()
    with pytest.raises(DatabaseUnusableError, match="empezó a llenarse desde otra"):
        rebuild(url, logs[0], layout=layout)
    whole, lines = rebuild(url, *logs, layout=layout)
    assert whole, lines
    file = tmp_path / "servers.sqlite"
    rebuild(database_url(str(file)), *logs, layout=layout)
    assert_equal(target, file, numbers=False)

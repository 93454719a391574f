"""One batch, two places: a report is in the log and in the database, or in neither."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from API.app.errors import StorageUnavailableError
from API.app.ingest.entry import Entry, Pending, Stored
from API.app.ingest.journal import Journal
from API.app.ingest.store import Store, utc_now
from API.app.ingest.writer import Waiting, Writer
from createDB.build import build
from createDB.engine import database_url, open_engine
from tests.ingest.conftest import entry, processes

REFUSE = """
    CREATE TRIGGER refuse BEFORE INSERT ON hechos WHEN new.nombre = 'refused'
    BEGIN SELECT RAISE(ABORT, 'refused'); END
"""
"""Stands for whatever makes one report impossible once it has its number."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "text"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = database_url(str(tmp_path / "servers.sqlite"))
    build(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(REFUSE)
    yield engine
    engine.dispose()


def write(engine: Engine, log: Path, *entries: Entry) -> list[Stored | Pending | Exception]:
    """What each of those who wait is told."""
    told: list[Stored | Pending | Exception] = []
    writer = Writer(engine, Journal(log), Store(rows=True))
    writer.write([Waiting(item, told.append) for item in entries])
    return told


def reports(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id_reporte FROM servers ORDER BY id_serv")
        return list(found.scalars())


def lines(log: Path) -> list[bytes]:
    return [line for path in log.iterdir() for line in path.read_bytes().splitlines()]


def test_a_report_that_cannot_be_stored_spoils_no_neighbour_and_leaves_no_line(
    engine: Engine, log: Path
) -> None:
    good, bad, other = (
        entry(agent, 0, agent, procesos=processes((1, name)))
        for agent, name in enumerate(("init", "refused", "init"))
    )
    first, second, third = write(engine, log, good, bad, other)
    assert isinstance(first, Stored)
    assert "refused" in str(second)
    assert isinstance(third, Stored)
    assert reports(engine) == [good.id_reporte, other.id_reporte]
    assert [json.loads(line)["id_reporte"] for line in lines(log)] == reports(engine)


def test_two_reports_of_one_server_in_one_batch_are_two_lines(engine: Engine, log: Path) -> None:
    batch = [entry(0, seconds, seconds) for seconds in range(3)]
    assert all(isinstance(told, Stored) for told in write(engine, log, *batch, batch[0]))
    assert len(lines(log)) == len(reports(engine)) == 3


def test_what_the_log_does_not_take_is_not_in_the_database(engine: Engine, log: Path) -> None:
    log.mkdir()
    (log / f"reportes-{utc_now().date()}.jsonl").symlink_to("/dev/full")
    (told,) = write(engine, log, entry(0, 0, 1))
    assert isinstance(told, StorageUnavailableError)
    assert not reports(engine)

"""A collector that hangs in the middle of a COPY keeps no other's log out for long."""

import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from API.app.errors import StorageUnavailableError
from API.app.ingest.backlog import Backlog
from API.app.ingest.entry import Entry, Pending, Stored
from API.app.ingest.journal import format_line
from API.app.ingest.lockout import ANYWAY_S, Lockout
from API.app.ingest.postgresql import holding
from API.app.ingest.postgresql.holding import lockers
from API.app.ingest.recovery import Recovered
from API.app.ingest.store import utc_now
from API.app.ingest.writer import Waiting
from API.app.locks import UNKNOWN
from createDB.engine import database_url, open_engine
from tests.conftest import wait_until
from tests.ingest.conftest import AGENTS, entry
from tests.ingest.test_several import Collector, stored
from tests.postgresql import PostgresServer

SOON_S = 25.0


@contextmanager
def hung(url: str) -> Iterator[None]:
    """Hold the rows of all servers, and be in the middle of a COPY."""
    with closing(psycopg.connect(url)) as connection, suppress(psycopg.Error):
        connection.execute("SELECT FROM agentes FOR UPDATE")
        with connection.cursor().copy("COPY reportes FROM STDIN"):
            yield


def keep(backlog: Backlog, report: Entry) -> None:
    """Have a report lie in the log alone, as while the database is away."""
    told: list[Stored | Pending | Exception] = []
    backlog.away([Waiting(report, told.append)], StorageUnavailableError("away"))
    assert told == [Pending(report.id_reporte)]


def append(collector: Collector, report: Entry) -> None:
    """Have a report in the log of a collector that was killed."""
    now = utc_now()
    recibido = now.isoformat(timespec="microseconds") + "+00:00"
    collector.journal.append(
        now.date(), [format_line(recibido, None, report.id_reporte, report.body)]
    )


def test_it_is_ended(tmp_path: Path, url: str, engine: Engine) -> None:
    """Both by one that starts, and by one whose database was away."""
    first, of_start, of_backlog = (entry(0, number, number) for number in range(3))
    starts, goes_on = Collector(tmp_path, "one", url), Collector(tmp_path, "two", url)
    starts.write(first)
    append(starts, of_start)
    backlog = Backlog(goes_on.writer, goes_on.engine, goes_on.journal, goes_on.store, 9)
    keep(backlog, of_backlog)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool, hung(url):
        starting = pool.submit(starts.reconcile)
        wait_until(lambda: backlog.tend() is None, "it does not go on", SOON_S)
        assert starting.result() == Recovered(imported=1)
    assert time.monotonic() - began < SOON_S
    assert sorted(stored(engine)) == sorted(
        report.id_reporte for report in (first, of_start, of_backlog)
    )
    backlog.close()
    for collector in (starts, goes_on):
        collector.engine.dispose()
        collector.journal.close()


def test_patience_ends(monkeypatch: pytest.MonkeyPatch, url: str, engine: Engine) -> None:
    monkeypatch.setattr("API.app.ingest.lockout.PATIENCE_S", 0.0)
    lockout = Lockout(engine)
    with closing(psycopg.connect(url)) as other:
        other.execute("LOCK TABLE agentes")
        with engine.begin() as asked, pytest.raises(OperationalError) as refusal:
            asked.exec_driver_sql("LOCK TABLE agentes NOWAIT")
    assert not lockout.note(refusal.value)
    assert not lockout.note(ValueError(AGENTS[0]))
    assert not lockout.note(None)


@pytest.fixture
def stranger(url: str) -> Iterator[Engine]:
    """Connect as a role that may look at nobody else's doings."""
    role = f"r{uuid.uuid4().hex}"
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        engine = open_engine(database_url(url).set(username=role))
        yield engine
        engine.dispose()
        connection.execute(f"DROP ROLE {role}")


def test_it_is_told_who_has_locked_a_table(url: str, engine: Engine, stranger: Engine) -> None:
    with closing(psycopg.connect(url, application_name="psql")) as other:
        other.execute("LOCK TABLE servers")
        with engine.begin() as asked, pytest.raises(OperationalError) as refusal:
            asked.exec_driver_sql("LOCK TABLE servers NOWAIT")
        who = f"servers: postgres with psql, process {other.info.backend_pid} of PostgreSQL"
        for each in (engine, stranger):
            assert Lockout(each).reason_of(refusal.value) == f"somebody else has locked {who}"
        other.rollback()
        assert Lockout(engine).reason_of(refusal.value) == UNKNOWN, "nobody has it any more"
    assert Lockout(engine).reason_of(ValueError("away")) == "away"


def test_while_a_table_is_locked_nobody_asks_for_it(
    tmp_path: Path, url: str, engine: Engine, postgresql: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """PostgreSQL would log an error each time."""
    monkeypatch.setattr("API.app.ingest.backlog.TRY_S", 0.01)
    looks = 0

    def looked(connection: Connection) -> Sequence[str]:
        nonlocal looks
        looks += 1
        return lockers(connection)

    monkeypatch.setattr(holding, "lockers", looked)
    collector, reports = Collector(tmp_path, "one", url), [entry(0, n, n) for n in range(2)]
    collector.write(reports[0])
    backlog = Backlog(collector.writer, collector.engine, collector.journal, collector.store, 9)
    logged = len(postgresql.log)
    with closing(psycopg.connect(url)) as other:
        other.execute("LOCK TABLE servers")
        keep(backlog, reports[1])
        wait_until(lambda: backlog.tend() is not None and looks > 20, "nobody looks")
        assert postgresql.log[logged:].count("lock timeout") == 1
    wait_until(lambda: backlog.tend() is None, "it does not go on", ANYWAY_S / 2)
    assert len(stored(engine)) == 2
    backlog.close()
    collector.engine.dispose()
    collector.journal.close()

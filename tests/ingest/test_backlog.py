"""While the database is away the log takes reports; then they go in, in order and once."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from API.app.errors import StorageUnavailableError
from API.app.ingest import backlog
from API.app.ingest.backlog import Backlog
from API.app.ingest.entry import Entry, Pending, Stored
from API.app.ingest.journal import Journal
from API.app.ingest.recovery import reconcile
from API.app.ingest.standing import standing_of
from API.app.ingest.store import Store, utc_now
from API.app.ingest.writer import Waiting, Writer
from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.errors import DatabaseUnusableError
from tests.conftest import wait_until
from tests.ingest.conftest import entry, processes

MOST = 5

REFUSE = """
    CREATE TRIGGER refuse BEFORE INSERT ON hechos WHEN new.nombre = 'refused'
    BEGIN SELECT RAISE(ABORT, 'refused'); END
"""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("template") / "servers.sqlite"
    build(database_url(str(path)))
    return path.read_bytes()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "TRY_S", 0.02)
    monkeypatch.setattr(backlog, "TRY_MS", 1)
    monkeypatch.setattr(backlog, "MOST", 2)
    monkeypatch.setattr(backlog, "SHOW_S", -1.0)


class Bench:
    """A writer with a backlog, its log and its database, without processes around them."""

    def __init__(self, folder: Path, database: bytes, most: int = MOST) -> None:
        self.folder = folder
        self.log = folder / "text"
        self.database = folder / "servers.sqlite"
        self.database.write_bytes(database)
        self.most = most
        self.start()

    def start(self) -> None:
        """Start, as the process that writes does."""
        self.engine = open_engine(database_url(str(self.database)), wait_ms=1)
        self.journal, store = Journal(self.log), Store(rows=True)
        reconcile(self.engine, self.journal, store)
        writer = Writer(self.engine, self.journal, store)
        self.backlog = Backlog(writer, self.engine, self.journal, store, self.most)

    def stop(self) -> None:
        """End, as a kill does: nothing is finished."""
        self.backlog.close()
        self.journal.close()
        self.engine.dispose()

    def put(self, *entries: Entry) -> list[Stored | Pending | Exception]:
        """Hand over a batch; give what each of those who wait is told."""
        told: list[Stored | Pending | Exception] = []
        self.backlog.write([Waiting(item, told.append) for item in entries])
        return told

    def tend(self) -> bool:
        return self.backlog.tend() is None

    @property
    def reason(self) -> str:
        """Tell why the database is away, as it is shown to others."""
        standing = standing_of(self.folder)
        return standing.motivo if standing else ""

    def stored(self) -> list[str]:
        """Give the reports in the database, by their numbers."""
        return self.ask("SELECT id_reporte FROM servers ORDER BY id_serv")

    def ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as connection:
            return [value for (value,) in connection.execute(query)]

    def lines(self) -> list[tuple[int | None, str]]:
        """Give number and report of each line of the log."""
        texts = [
            text for path in sorted(self.log.iterdir()) for text in path.read_text().splitlines()
        ]
        found = map(json.loads, texts)
        return [(line["id_serv"], line["id_reporte"]) for line in found]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have somebody hold the database's lock."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield


@pytest.fixture
def bench(tmp_path: Path, empty: bytes) -> Iterator[Bench]:
    made = Bench(tmp_path, empty)
    yield made
    made.stop()


def ids(*entries: Entry) -> list[str]:
    return [item.id_reporte for item in entries]


def test_reports_wait_in_the_log_and_go_in_when_the_database_is_back(bench: Bench) -> None:
    first, second, third, last = (entry(0, number, number) for number in range(1, 5))
    assert bench.put(first) == [Stored(1, created=True)]
    with bench.locked():
        assert bench.put(second, third) == [Pending(second.id_reporte), Pending(third.id_reporte)]
        assert bench.stored() == ids(first)
        assert not bench.tend()
        standing = standing_of(bench.folder)
        assert standing
        assert (standing.reportes, standing.motivo) == (2, "database is locked")
    wait_until(bench.tend, "the database is not found back")
    assert bench.stored() == ids(first, second, third)
    assert standing_of(bench.folder) is None
    assert bench.put(last) == [Stored(4, created=True)]
    assert bench.lines() == [
        (1, first.id_reporte),
        (None, second.id_reporte),
        (None, third.id_reporte),
        (4, last.id_reporte),
    ]


def test_a_report_that_is_sent_again_has_one_line(bench: Bench) -> None:
    report, other = entry(0, 1, 1), entry(1, 1, 1)
    with bench.locked():
        for _ in range(2):
            assert bench.put(report, report) == [Pending(report.id_reporte)] * 2
        assert bench.put(other) == [Pending(other.id_reporte)], "another server's"
    assert len(bench.lines()) == 2
    wait_until(bench.tend, "the database is not found back")
    assert bench.put(report) == [Stored(1, created=False)]


def test_past_the_bound_reports_are_refused_and_those_before_are_not(bench: Bench) -> None:
    reports = [entry(0, number, number) for number in range(MOST + 2)]
    with bench.locked():
        told = bench.put(*reports[:3]) + bench.put(*reports[3:])
        assert told[:MOST] == [Pending(report.id_reporte) for report in reports[:MOST]]
        assert all(isinstance(outcome, StorageUnavailableError) for outcome in told[MOST:])
        assert bench.put(reports[0]) == [Pending(reports[0].id_reporte)]
        bench.tend()
        standing = standing_of(bench.folder)
        assert standing
        assert standing.is_full()
    wait_until(bench.tend, "the database is not found back")
    assert bench.put(*reports[MOST:]) == [Stored(6, created=True), Stored(7, created=True)]
    assert bench.stored() == ids(*reports)


def test_without_a_bound_nothing_is_kept(tmp_path: Path, empty: bytes) -> None:
    bench = Bench(tmp_path, empty, most=0)
    with bench.locked():
        (told,) = bench.put(entry(0, 1, 1))
        assert isinstance(told, StorageUnavailableError)
    assert bench.put(entry(0, 1, 1)) == [Stored(1, created=True)]
    bench.stop()


def test_what_the_log_does_not_take_is_refused(bench: Bench) -> None:
    with bench.locked():
        (bench.log / f"reportes-{utc_now().date()}.jsonl").symlink_to("/dev/full")
        (told,) = bench.put(entry(0, 1, 1))
        assert isinstance(told, StorageUnavailableError)
        (bench.log / f"reportes-{utc_now().date()}.jsonl").unlink()
    wait_until(bench.tend, "the database is not found back")
    bench.journal.close()
    assert bench.put(entry(0, 1, 1)) == [Stored(1, created=True)]


def test_a_report_that_cannot_be_stored_keeps_nobody_waiting(bench: Bench) -> None:
    good, bad, other = (
        entry(agent, 0, agent, procesos=processes((1, name)))
        for agent, name in enumerate(("init", "refused", "init"))
    )
    with closing(sqlite3.connect(bench.database)) as connection:
        connection.execute(REFUSE)
    with bench.locked():
        bench.put(good, bad, other)
    wait_until(bench.tend, "the database is not found back")
    assert bench.stored() == ids(good, other)
    assert len(bench.lines()) == 3


def test_what_a_failed_commit_took_back_is_not_remembered(bench: Bench) -> None:
    """As of a disk that fills at that moment; the report is brought in again, in its place."""
    reports = [
        entry(0, number, number, procesos=processes((number, f"p{number}"))) for number in (1, 2)
    ]
    failures = 1

    def fail(_connection: object) -> None:
        nonlocal failures
        if failures and bench.backlog.is_open():
            failures -= 1
            full = sqlite3.OperationalError("database or disk is full")
            raise OperationalError("COMMIT", {}, full)

    bench.put(reports[0])
    with bench.locked():
        bench.put(reports[1])
    event.listen(bench.engine, "commit", fail)
    wait_until(bench.tend, "the database is not found back")
    assert not failures
    assert bench.stored() == ids(*reports)
    assert bench.ask("SELECT pid FROM historial_procesos WHERE hasta IS NULL") == [2]
    assert bench.ask("SELECT pid FROM historial_procesos WHERE hasta IS NOT NULL") == [1]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [("gone", "no existe"), ("no database", "no es una base"), ("another version", "versión")],
)
def test_a_database_that_is_not_ours_is_not_taken_for_it(
    bench: Bench, damage: str, reason: str
) -> None:
    reports = [entry(0, number, number) for number in range(1, 4)]
    bench.put(reports[0])
    with bench.locked():
        bench.put(reports[1])
    bench.engine.dispose()
    whole = bench.database.read_bytes()
    if damage == "gone":
        bench.database.unlink()
    elif damage == "no database":
        bench.database.write_bytes(b"x" * 10_000)
    else:
        with closing(sqlite3.connect(bench.database, isolation_level=None)) as connection:
            connection.execute("UPDATE version_esquema SET version_num = 'x'")
    with pytest.raises(DatabaseUnusableError):
        backlog.require_back(bench.engine)
    wait_until(lambda: not bench.tend() and reason in bench.reason, "it does not say so")
    assert bench.put(reports[2]) == [Pending(reports[2].id_reporte)]
    assert not bench.tend()
    assert bench.database.exists() == (damage != "gone")
    copy = bench.folder / "copy.sqlite"
    copy.write_bytes(whole)
    copy.rename(bench.database)
    wait_until(bench.tend, "the database is not found back")
    assert bench.stored() == ids(*reports)


@settings(max_examples=settings().max_examples // 3)
@given(
    steps=st.lists(
        st.sampled_from(["lock", "unlock", "kill", "tend", "tend", "tend"])
        | st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=1, max_size=4)
    )
)
def test_order_and_number_hold_whatever_happens(
    steps: list[str | list[tuple[int, int]]], tmp_path_factory: pytest.TempPathFactory, empty: bytes
) -> None:
    """What was taken goes in once; of each server in the order in which it came."""
    bench = Bench(tmp_path_factory.mktemp("order"), empty, most=50)
    holder = sqlite3.connect(bench.database, isolation_level=None, timeout=0)
    taken: list[Entry] = []
    for step in steps:
        if step == "lock" and not holder.in_transaction:
            holder.execute("BEGIN IMMEDIATE")
        elif step == "unlock" and holder.in_transaction:
            holder.rollback()
        elif step == "kill" and not holder.in_transaction:
            bench.stop()
            bench.start()
        elif step == "tend":
            bench.tend()
        elif isinstance(step, list):
            batch = [entry(agent, number, number) for agent, number in step]
            for item, told in zip(batch, bench.put(*batch), strict=True):
                assert isinstance(told, Stored | Pending)
                if _name(item) not in map(_name, taken):
                    taken.append(item)
    if holder.in_transaction:
        holder.rollback()
    holder.close()
    wait_until(bench.tend, "the database is not found back")
    assert bench.ask("SELECT id_agente || id_reporte FROM servers ORDER BY id_serv") == list(
        map(_name, taken)
    )
    bench.stop()


def _name(item: Entry) -> str:
    return item.id_agente + item.id_reporte

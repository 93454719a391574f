"""Several collectors in one database of PostgreSQL: none loses a report, none spoils a history."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from API.app.errors import StorageUnavailableError
from API.app.ingest.entry import Entry, Pending, Stored
from API.app.ingest.journal import Journal
from API.app.ingest.recovery import Recovered, reconcile
from API.app.ingest.store import Store
from API.app.ingest.writer import Waiting, Writer
from createDB.engine import database_url, open_engine
from tests.ingest.conftest import Bench, entry, processes
from tests.ingest.test_history import ALL_PERIODS
from tests.ingest.wire import Wire
from tests.postgresql import PostgresServer

REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON hechos FOR EACH ROW
        WHEN (new.nombre = 'refused') EXECUTE FUNCTION refuse()
"""
"""Stands for whatever makes one report impossible."""


class Collector:
    """What of a collector writes: a log, a connection, a memory of its own."""

    def __init__(self, folder: Path, name: str, url: str) -> None:
        self.engine = open_engine(database_url(url))
        self.journal = Journal(folder / name, name)
        self.store = Store(rows=True)
        self.writer = Writer(self.engine, self.journal, self.store)

    def write(self, *entries: Entry) -> list[Stored | Pending | Exception]:
        """What each of those who wait is told."""
        told: list[Stored | Pending | Exception] = []
        self.writer.write([Waiting(item, told.append) for item in entries])
        return told

    def lines(self) -> list[str]:
        """Give the identity of the report of each line of its log."""
        texts = [path.read_text() for path in sorted(self.journal.folder.iterdir())]
        return [json.loads(line)["id_reporte"] for line in "".join(texts).splitlines()]

    def reconcile(self) -> Recovered:
        return reconcile(self.engine, self.journal, self.store)


NewCollector = Callable[[str], Collector]


@pytest.fixture
def new(tmp_path: Path, url: str) -> Iterator[NewCollector]:
    made = []

    def make(name: str) -> Collector:
        made.append(Collector(tmp_path, name, url))
        return made[-1]

    yield make
    for collector in made:
        collector.engine.dispose()


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    port = make_url(url).port
    assert port
    with Wire(port) as wire:
        yield wire


@pytest.fixture
def far(tmp_path: Path, url: str, wire: Wire) -> Iterator[Collector]:
    """A collector whose wire to the database can be cut."""
    through = make_url(url).set(port=wire.port).render_as_string()
    collector = Collector(tmp_path, "far", through)
    with closing(collector.journal):
        yield collector
    collector.engine.dispose()


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def stored(engine: Engine) -> list[str]:
    return [row[0] for row in rows(engine, "SELECT id_reporte FROM servers ORDER BY id_serv")]


def history(seed: int) -> list[Entry]:
    """Reports of three servers whose processes, users and names come and go."""
    chance = random.Random(seed)
    running = [(pid, name, user) for pid in range(6) for name in "ab" for user in ("x", "y")]
    return [
        entry(
            agent,
            seconds,
            1_000 * agent + seconds,
            procesos=processes(*chance.choices(running, k=chance.randrange(8))),
            usuarios_activos=[{"name": chance.choice("uvw"), "pid": None}],
            hostname=f"h{chance.randrange(3)}",
            errores={} if chance.random() < 0.8 else {"procesos": "x"},
        )
        for agent in range(3)
        for seconds in range(25)
    ]


def test_both_store_the_same_servers_at_once(
    new: NewCollector, engine: Engine, shared_bench: Bench, postgresql: PostgresServer
) -> None:
    entries = history(1)
    chance = random.Random(2)

    def deliver(
        collector: Collector, order: list[Entry]
    ) -> list[tuple[str, Stored | Pending | Exception]]:
        told = []
        while order:
            batch, order = order[:7], order[7:]
            told += list(zip((item.id_reporte for item in batch), collector.write(*batch),
                             strict=True))  # fmt: skip
        return told

    collectors = [new("one"), new("two"), new("three")]
    with ThreadPoolExecutor(3) as pool:
        asked = [
            pool.submit(deliver, collector, chance.sample(entries, len(entries)))
            for collector in collectors
        ]
        told = [answer for answers in asked for answer in answers.result()]
    numbers: dict[str, int] = {}
    for report, answer in told:
        assert isinstance(answer, Stored), answer
        assert numbers.setdefault(report, answer.id_serv) == answer.id_serv
    assert len({*numbers.values()}) == len(entries)
    assert sum(isinstance(answer, Stored) and answer.created for _, answer in told) == len(entries)
    lines = [line for collector in collectors for line in collector.lines()]
    assert sorted(lines) == sorted(stored(engine)) == sorted(numbers)
    shared_bench.clear()
    shared_bench.put(*entries)
    assert sorted(map(repr, rows(engine, ALL_PERIODS))) == sorted(
        map(repr, shared_bench.rows(ALL_PERIODS))
    )
    assert rows(engine, "SELECT count(*) FROM agentes a JOIN servers s USING (id_serv) "
                "WHERE s.momento = a.momento") == [(3,)]  # fmt: skip
    assert "deadlock" not in (postgresql.folder / "log").read_text()


def test_a_report_that_spoils_its_batch_goes_alone(new: NewCollector, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(REFUSE)
    good, bad, other = (
        entry(agent, 0, agent, procesos=processes((1, name)))
        for agent, name in enumerate(("init", "refused", "init"))
    )
    collector = new("one")
    first, second, third = collector.write(good, bad, other)
    assert isinstance(first, Stored)
    assert "refused" in str(second)
    assert isinstance(third, Stored)
    assert stored(engine) == collector.lines() == [good.id_reporte, other.id_reporte]


def test_what_ended_without_a_new_number_is_known_to_the_other(
    new: NewCollector, engine: Engine
) -> None:
    """A late report ends what is open, and neither opens a period nor is the latest."""
    one, two = new("one"), new("two")
    one.write(entry(0, 0, 1, procesos=processes((1, "a"))))
    one.write(entry(0, 120, 2, errores={"procesos": "x"}))
    two.write(entry(0, 60, 3))
    one.write(entry(0, 180, 4, procesos=processes((1, "a"))))
    found = rows(engine, "SELECT desde, hasta FROM historial_procesos ORDER BY desde")
    assert found == [
        ("2026-11-20 10:00:00.000000", "2026-11-20 10:01:00.000000"),
        ("2026-11-20 10:03:00.000000", None),
    ]


def test_a_name_that_somebody_removed_is_found_anew(new: NewCollector, engine: Engine) -> None:
    collector = new("one")
    collector.write(entry(0, 0, 1, procesos=processes((1, "a"))))
    collector.write(entry(0, 60, 2))
    with engine.begin() as connection:
        for table in ("periodos", "presencias"):
            connection.exec_driver_sql(
                f"DELETE FROM {table} WHERE id_hecho = "  # noqa: S608 - ours
                "(SELECT id_hecho FROM hechos WHERE nombre = 'a')"
            )
        connection.exec_driver_sql("UPDATE agentes SET siguiente = siguiente")
        connection.exec_driver_sql("DELETE FROM hechos WHERE nombre = 'a'")
    [told] = collector.write(entry(0, 120, 3, procesos=processes((1, "a"))))
    assert isinstance(told, Stored)
    assert rows(engine, "SELECT name FROM historial_procesos") == [("a",)]
    assert rows(engine, "SELECT count(*) FROM presencias JOIN hechos USING (id_hecho) "
                "WHERE nombre = 'a'") == [(1,)]  # fmt: skip


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("at", ["question", "answer"])
def test_a_commit_that_is_not_answered(
    far: Collector, wire: Wire, engine: Engine, at: str, down: bool
) -> None:
    """Whatever became of it, no report is lost and none is there twice, in neither place."""
    before, doubtful, after = (entry(0, number, number) for number in range(3))
    far.write(before)
    wire.cut_at, wire.down_after = at, down
    [told] = far.write(doubtful)
    if at == "answer" and not down:
        assert isinstance(told, Stored)
    else:
        assert isinstance(told, StorageUnavailableError)
        assert far.lines() == [before.id_reporte, *([doubtful.id_reporte] if down else [])]
    wire.is_down = False
    told, again = far.write(after, doubtful)
    assert isinstance(told, Stored)
    assert isinstance(again, Stored)
    assert again.created == (at == "question")
    assert sorted(far.lines()) == sorted(stored(engine))
    assert len(stored(engine)) == 3
    assert far.reconcile() == Recovered()


def test_a_collector_that_ends_in_doubt_finds_it_settled(
    far: Collector, wire: Wire, engine: Engine
) -> None:
    before, doubtful = (entry(0, number, number) for number in range(2))
    far.write(before)
    wire.cut_at, wire.down_after = "question", True
    far.write(doubtful)
    assert stored(engine) == [before.id_reporte]
    wire.is_down = False
    assert far.reconcile() == Recovered(imported=1)
    assert stored(engine) == far.lines() == [before.id_reporte, doubtful.id_reporte]


def test_each_brings_in_its_own_log(new: NewCollector, engine: Engine) -> None:
    one, two = new("one"), new("two")
    one.write(*(entry(0, seconds, seconds) for seconds in range(3)))
    two.write(*(entry(1, seconds, 10 + seconds) for seconds in range(4)))
    numbers = rows(engine, "SELECT id_reporte, id_serv FROM servers ORDER BY 1")
    assert (one.reconcile(), two.reconcile()) == (Recovered(), Recovered())
    with engine.begin() as connection:
        for table in ("procesos", "periodos", "servers", "reportes", "momentos", "presencias",
                      "agentes"):  # fmt: skip
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - ours
        connection.exec_driver_sql("UPDATE bitacoras SET posicion = 0")
    assert (one.reconcile(), two.reconcile()) == (Recovered(imported=3), Recovered(imported=4))
    assert rows(engine, "SELECT id_reporte, id_serv FROM servers ORDER BY 1") == numbers


def test_a_log_that_was_lost_is_written_anew(new: NewCollector, engine: Engine) -> None:
    """With the reports of the other's log too: which was whose, the database does not know."""
    one, two = new("one"), new("two")
    one.write(*(entry(0, seconds, seconds, procesos=processes((1, "a"))) for seconds in range(3)))
    two.write(entry(1, 0, 10))
    one.journal.close()
    [log] = one.journal.folder.iterdir()
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    assert one.reconcile() == Recovered(restored=3)
    assert sorted(one.lines()) == sorted(stored(engine))
    assert json.loads(log.read_text().splitlines()[1])["reporte"]["procesos"] == [
        {"pid": 1, "name": "a", "username": "root"}
    ]
    assert (one.reconcile(), two.reconcile()) == (Recovered(), Recovered())
    one.journal.close()

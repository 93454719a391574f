"""Housekeeping on PostgreSQL: partitions go, what must stay stays, and nobody waits for it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from API.app import housekeeper, partitioned
from API.app.housekeeper import look_after
from API.app.housekeeping import StoppedError, Way, alone, housekeeping_engine
from API.app.ingest.journal import Journal
from API.app.ingest.retention import Limits, limits_of
from API.app.ingest.sql import to_ms
from API.app.ingest.store import Store
from API.app.ingest.writer import Writer
from API.app.jobs import Turn
from API.app.settings import settings_from
from createDB.engine import open_engine
from createDB.housekeeping import housekeeping
from createDB.postgresql import statistics
from createDB.postgresql.locks import Lock
from createDB.postgresql.partitions import make_partitions, reports_tables
from createDB.postgresql.retiring import detach
from createDB.schema import OPEN
from tests.conftest import wait_until
from tests.ingest.conftest import BASE, entry, processes
from tests.postgresql import PostgresServer, rows_of

DAY_S = 86_400
FIRST = f"{BASE:%Y%m%d}"
END_HOLDERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND datname = current_database()
"""
STRAYS = """
    SELECT nombre FROM periodos_resto JOIN hechos USING (id_hecho) WHERE campo = 'procesos'
"""
NAMED = "SELECT nombre FROM hechos WHERE nombre IN ('uno', 'dos')"


class Kept:
    """A database with partitions of the week from `BASE` on, and what looks after it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.settings = settings_from({"database": url, "storage": str(folder)}, {}, folder / "no")
        self.engine = open_engine(self.settings.database)
        self.reader = open_engine(self.settings.database, read_only=True)
        self.keeper = housekeeping_engine(self.settings)
        self.store = Store(rows=True)
        with self.engine.begin() as connection:
            make_partitions(connection, BASE.date(), BASE.date() + timedelta(days=6))

    def report(self, agent: int, day: int, number: int, **fields: Any) -> None:
        """Store a report that came so many days after `BASE`."""
        given = {"procesos": processes((1, f"p{number}"), (2, "sshd"))} | fields
        given["usuarios_activos"] = [{"pid": 1, "name": "ana"}]
        moment = BASE + timedelta(days=day)
        made = entry(agent, day * DAY_S, number, **given)._replace(recibido=moment)
        with self.engine.begin() as connection:
            self.store.store(connection, [made], moment)

    def clean(self, *limits: float, rest: Any = lambda _seconds: False) -> dict[str, int]:
        """Make a pass with limits in days after the day of `BASE`; gives what it told of."""
        told: dict[str, int] = {}

        def tell(what: str, count: int) -> None:
            told[what] = told.get(what, 0) + count

        midnight = BASE.replace(hour=0)
        kept = Limits(*(to_ms(midnight + timedelta(days=days)) if days else 0 for days in limits))
        way = Way(alone, rest, told=tell)
        look_after(self.keeper, self.reader, self.settings, kept, way)
        return told

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        return rows_of(self.url, query, arguments)

    def numbers(self, table: str = "servers") -> list[int]:
        query = f"SELECT DISTINCT id_serv FROM {table} ORDER BY 1"  # noqa: S608 - ours
        return [row["id_serv"] for row in self.rows(query)]

    def tables(self) -> set[str]:
        return {row["relname"] for row in self.rows("SELECT relname FROM pg_class")}

    def close(self) -> None:
        for engine in (self.engine, self.reader, self.keeper):
            engine.dispose()


@pytest.fixture
def kept(postgresql: PostgresServer, tmp_path: Path) -> Iterator[Kept]:
    with postgresql.database("completo") as url:
        made = Kept(url, tmp_path)
        yield made
        made.close()


@pytest.mark.parametrize("most_moved", [100, 0], ids=["moved", "apart"])
def test_days_go_and_the_latest_reports_stay(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, most_moved: int
) -> None:
    monkeypatch.setattr(partitioned, "MOST_MOVED", most_moved)
    for number, (agent, day) in enumerate([(0, 0), (1, 0), (0, 1), (2, 1), (0, 2), (0, 4)]):
        kept.report(agent, day, number)
    of_latest = "SELECT * FROM procesos WHERE id_serv IN (2, 4) ORDER BY id_proc"
    before = kept.rows(of_latest)
    assert kept.clean(3.1) == {"reportes": 3}
    for table in ("servers", "procesos", "usuarios_activos", "reportes"):
        assert kept.numbers(table) == [2, 4, 6]
    assert kept.rows(of_latest) == before
    there = kept.tables()
    assert not there & {f"{table}_{FIRST}" for table in ("servers", "procesos")}
    assert not [name for name in there if name.endswith(("por_borrar", "nueva"))]
    with kept.reader.connect() as connection:
        assert limits_of(connection).reportes == to_ms(BASE.replace(hour=0) + timedelta(days=3.1))
    kept.report(1, 4, 9)
    kept.report(2, 4, 10)
    assert kept.clean(3.1) == {"reportes": 2}
    assert kept.numbers() == [6, 7, 8]
    assert not [name for name in kept.tables() if "ultimos" in name]
    assert kept.clean(3.1) == {}


def test_a_day_stays_until_all_of_it_is_past(kept: Kept) -> None:
    kept.report(0, 0, 0)
    kept.report(0, 1, 1)
    assert kept.clean(1) == {}, "a clock may be five minutes ahead"
    assert kept.clean(1.01) == {"reportes": 1}


def test_open_periods_stay_and_months_go(kept: Kept) -> None:
    for day, name in enumerate(["uno", "dos", "dos"]):
        kept.report(0, day, day, procesos=processes((1, name), (2, "siempre")))
    assert kept.clean(0, 5) == {}, "the month is not over"
    [past] = kept.rows("SELECT count(*) AS n FROM periodos WHERE hasta < ?", OPEN)
    still = kept.rows("SELECT * FROM periodos_abiertos ORDER BY id_hecho, pid")
    assert kept.clean(0, 30) == {"periodos": past["n"]}
    assert kept.rows("SELECT * FROM periodos ORDER BY id_hecho, pid") == still
    assert kept.rows(NAMED) == [{"nombre": "dos"}]


@pytest.fixture
def stray(kept: Kept) -> Kept:
    """Periods of before the first partition: `uno` ended 59 days before `BASE`, `dos` 30."""
    days = {-60: "uno", -59: "", -58: "dos", -30: "tres", 0: "tres"}
    for number, (day, name) in enumerate(days.items()):
        kept.report(0, day, number, procesos=processes((1, name)) if name else [])
    assert {row["nombre"] for row in kept.rows(STRAYS)} == {"uno", "dos"}
    return kept


def test_periods_that_lie_in_no_month_go_too(stray: Kept) -> None:
    moment = "SELECT 1 FROM momentos WHERE momento = ?"
    ended = [to_ms(BASE + timedelta(days=days)) for days in (-59, -58)]
    assert stray.clean(0, -59) == {}, "none ended before"
    assert stray.clean(0, -40) == {"periodos": 1}
    assert [row["nombre"] for row in stray.rows(STRAYS)] == ["dos"]
    assert stray.rows(NAMED) == [{"nombre": "dos"}]
    assert [bool(stray.rows(moment, each)) for each in ended] == [False, True]
    assert stray.clean(0, -40) == {}
    with stray.reader.connect() as connection:
        limit = to_ms(BASE.replace(hour=0) - timedelta(days=40))
        assert limits_of(connection).periodos == limit
    assert not [name for name in stray.tables() if name.endswith("por_borrar")]


def test_a_pass_that_is_stopped_among_them_goes_on_later(stray: Kept) -> None:
    with pytest.raises(StoppedError):
        stray.clean(0, -40, rest=lambda _seconds: True)
    assert [row["nombre"] for row in stray.rows(STRAYS)] == ["dos"]
    assert {row["nombre"] for row in stray.rows(NAMED)} == {"uno", "dos"}
    stray.clean(0, -40)
    assert stray.rows(NAMED) == [{"nombre": "dos"}]


def test_what_a_month_named_goes_though_the_pass_that_took_it_out_was_killed(kept: Kept) -> None:
    for day, name in enumerate(["uno", "dos", "dos"]):
        kept.report(0, day, day, procesos=processes((1, name)))
    with kept.engine.begin() as connection:
        detach(connection, [f"periodos_{BASE:%Y%m}"])
    kept.clean()
    assert kept.rows(NAMED) == [{"nombre": "dos"}]
    assert f"periodos_{BASE:%Y%m}_por_borrar" not in kept.tables()


def test_what_is_in_use_is_left_for_later(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned, "TRIES", 3)
    waits: list[float] = []

    def counted(seconds: float) -> bool:
        waits.append(seconds)
        return False

    kept.report(0, 0, 0)
    kept.report(0, 1, 1)
    with kept.reader.connect() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM servers").scalar()
        assert kept.clean(3, rest=counted) == {}
    assert len(waits) == 3
    assert kept.clean(3) == {"reportes": 1}


def test_a_pass_that_is_stopped_goes_on_later(kept: Kept) -> None:
    for day in range(3):
        kept.report(0, day, day)
    with pytest.raises(StoppedError):
        kept.clean(3, rest=lambda _seconds: True)
    kept.clean(3)
    assert kept.numbers() == [3]


def test_a_pass_whose_job_became_anothers_ends(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = open_engine(kept.settings.database)

    def robbed(*arguments: Any) -> bool:
        kept.rows(END_HOLDERS)
        assert Turn(thief, Lock.HOUSEKEEPING).is_ours()
        return look_after(*arguments)

    monkeypatch.setattr(housekeeper, "look_after", robbed)
    writer = Writer(kept.engine, Journal(tmp_path / "text"), kept.store)
    with structlog.testing.capture_logs() as said:
        keeper = housekeeper.Housekeeper(kept.settings, kept.reader, writer)
        wait_until(lambda: said, "it goes on")
        keeper.close()
    assert [line["event"] for line in said] == ["another collector does the housekeeping"]
    thief.dispose()


def test_what_a_pass_that_was_killed_left_is_taken_away(kept: Kept) -> None:
    kept.report(0, 0, 0)
    kept.report(0, 1, 1)
    with kept.engine.begin() as connection:
        tables = reports_tables(connection)
        detach(connection, [f"{table}_{FIRST}" for table in tables])
    assert kept.numbers("reportes") == [1, 2]
    kept.clean()
    assert not [name for name in kept.tables() if name.endswith("por_borrar")]
    assert kept.numbers("reportes") == [2]


def test_partitions_are_made_ahead(kept: Kept) -> None:
    last = datetime.now(UTC).date() + timedelta(days=7)
    with kept.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE servers_{last:%Y%m%d}, procesos_{last:%Y%m%d}")
    kept.clean()
    assert {f"servers_{last:%Y%m%d}", f"procesos_{last:%Y%m%d}"} <= kept.tables()


def test_by_hand_it_says_what_it_would_remove(kept: Kept, tmp_path: Path) -> None:
    kept.report(0, 0, 0)
    kept.report(0, 1, 1)
    days = (datetime.now(UTC).date() - BASE.date()).days
    given = {"database": kept.url, "storage": str(tmp_path), "keep_reports": str(days - 3)}
    settings = settings_from(given, {}, tmp_path / "no")
    [said] = housekeeping(settings, dry_run=True)
    assert "2 reportes" in said
    assert kept.numbers() == [1, 2]
    [said] = housekeeping(settings, dry_run=False)
    assert "1 reporte," in f"{said},"
    assert kept.numbers() == [2]


def test_the_size_of_tables_with_partitions_is_known(kept: Kept) -> None:
    kept.report(0, 0, 0)
    seen = set[str]()
    end = time.monotonic() + 20
    while not {"servers", "procesos", "periodos"} <= seen and time.monotonic() < end:
        with kept.engine.begin() as connection:  # what PostgreSQL counts comes a second later
            seen |= set(statistics.refresh(connection))
        time.sleep(0.1)
    found = kept.rows("SELECT relname, reltuples FROM pg_class WHERE relkind = 'p'")
    assert {row["relname"] for row in found if row["reltuples"] >= 1} >= {"servers", "procesos"}
    with kept.engine.begin() as connection:
        assert statistics.refresh(connection) == []

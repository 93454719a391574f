"""Housekeeping removes what is past its days, and nothing else, in either layout."""

import itertools
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from API.app.housekeeper import Hourly, look_after, running_out
from API.app.housekeeping import TARGET_S, Pace, StoppedError, Way, alone, housekeeping_engine, plan
from API.app.ingest.entry import Entry, Pending, Stored
from API.app.ingest.expiry import old_files
from API.app.ingest.journal import Journal
from API.app.ingest.retention import Limits, limits_of
from API.app.ingest.sql import to_ms
from API.app.ingest.store import Store
from API.app.ingest.writer import Waiting, Writer
from API.app.settings import Settings, settings_from
from createDB.build import build
from createDB.engine import open_engine
from createDB.views import Layout
from tests.ingest.conftest import BASE, entry, processes

ROWS = {
    "servers": "SELECT id_serv, id_agente, momento FROM servers ORDER BY 1",
    "procesos": "SELECT id_serv, pid, name, username FROM procesos ORDER BY 1, 2, 3, 4",
    "usuarios_activos": "SELECT id_serv, username, pid FROM usuarios_activos ORDER BY 1, 2, 3",
    "periodos": "SELECT num_agente, id_hecho, pid, desde, hasta FROM periodos ORDER BY 1, 2, 3, 4",
}
OVERLAPS = """
    SELECT 1 FROM periodos p JOIN periodos q USING (num_agente, id_hecho, pid)
    WHERE p.desde < q.desde AND p.hasta > q.desde OR p.desde >= p.hasta
"""
DANGLING = """
    SELECT id_hecho, num_agente FROM periodos EXCEPT SELECT id_hecho, num_agente FROM presencias
"""
UNMARKED = """
    SELECT desde, num_agente FROM periodos EXCEPT SELECT momento, num_agente FROM momentos
"""
ORPHANS = """
    SELECT id_hecho, num_agente FROM presencias EXCEPT SELECT id_hecho, num_agente FROM periodos
    UNION SELECT nombre, campo FROM hechos WHERE id_hecho NOT IN (SELECT id_hecho FROM presencias)
"""


class Kept:
    """A database of one layout, with its writer's memory and its housekeeping."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        places = {"database": str(folder / f"{layout}.sqlite"), "storage": str(folder)}
        self.settings: Settings = settings_from(places, {}, folder / "none")
        build(self.settings.database, layout)
        self.engine: Engine = open_engine(self.settings.database)
        self.reader: Engine = open_engine(self.settings.database, read_only=True)
        self.keeper: Engine = housekeeping_engine(self.settings)
        self.store = Store(rows=layout is Layout.COMPLETO)

    def put(self, *entries: Entry) -> None:
        with self.engine.begin() as connection:
            self.store.store(connection, entries, BASE + timedelta(days=1))

    def aside(self, step: Callable[[], bool]) -> None:
        if step():
            self.store.forget_names()

    def clean(self, *limits: int, **way: Any) -> bool:
        chosen = Way(**({"aside": self.aside, "rest": lambda _: False} | way))
        kept = Limits(*(at(seconds) for seconds in limits))
        return look_after(self.keeper, self.reader, self.settings, kept, chosen)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.reader.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def assert_sound(self) -> None:
        for query in ("PRAGMA foreign_key_check", OVERLAPS, DANGLING, UNMARKED, ORPHANS):
            assert self.rows(query) == [], query
        assert self.rows("PRAGMA integrity_check") == [("ok",)]

    def close(self) -> None:
        for engine in (self.engine, self.reader, self.keeper):
            engine.dispose()


def at(seconds: float) -> int:
    return to_ms(BASE + timedelta(seconds=seconds))


@pytest.fixture
def both(tmp_path: Path) -> Iterator[dict[Layout, Kept]]:
    """The two layouts, which get the same reports."""
    made = {layout: Kept(tmp_path, layout) for layout in Layout}
    yield made
    for kept in made.values():
        kept.close()


@pytest.fixture
def kept(both: dict[Layout, Kept]) -> Kept:
    """One database, where the layout makes no difference."""
    return both[Layout.COMPLETO]


def some_report(chance: random.Random, number: int, low: int, high: int) -> Entry:
    denied = chance.random() < 0.1
    pids = [] if denied else chance.sample(range(1, 12), chance.randint(0, 5))
    names = [(pid, chance.choice("abcd")) for pid in pids]
    sessions = [{"name": chance.choice("jk"), "pid": None}] * chance.randint(0, 2)
    return entry(
        chance.randrange(3), chance.randint(low, high), number,
        procesos=processes(*names), usuarios_activos=sessions,
        hostname=chance.choice("xy"),
        errores={"procesos": "denied"} if denied else None,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_what_remains_is_equal_in_both_layouts(both: dict[Layout, Kept], seed: int) -> None:
    chance = random.Random(seed)
    numbers = itertools.count(1)
    old = [some_report(chance, next(numbers), 0, 1_000) for _ in range(40)]
    late = [some_report(chance, next(numbers), 0, 1_200) for _ in range(20)]
    for kept in both.values():
        kept.put(*old)
        latest = kept.rows("SELECT max(momento) FROM servers GROUP BY num_agente")
        kept.clean(500, 300)
        kept.assert_sound()
        remaining = {row[2] for row in kept.rows(ROWS["servers"])}
        assert {row[0] for row in latest} <= remaining
        assert not [m for m in remaining - {row[0] for row in latest} if m < at(500)]
        kept.put(*late)
        assert kept.rows(OVERLAPS) == []
        kept.clean(700, 700)
        kept.assert_sound()
    for query in ROWS.values():
        assert both[Layout.COMPLETO].rows(query) == both[Layout.COMPACTO].rows(query)
    assert both[Layout.COMPLETO].rows(ROWS["procesos"])


def test_history_is_as_if_nothing_had_been_removed(both: dict[Layout, Kept]) -> None:
    """What comes late, but within its days, finds the periods that it belongs between."""
    chance = random.Random(0)
    early = [some_report(chance, number, 0, 1_000) for number in range(40)]
    late = [some_report(chance, number, 500, 1_000) for number in range(40, 60)]
    kept, whole = both.values()
    for side in (kept, whole):
        side.put(*early)
        if side is kept:
            side.clean(500, 500)
        side.put(*late)
    query = (
        "SELECT id_agente, campo, nombre, valor, pid, desde, hasta FROM periodos "
        "JOIN hechos USING (id_hecho) JOIN agentes USING (num_agente)"
    )
    expected = {row for row in whole.rows(query) if row[-1] >= at(500)}
    assert set(kept.rows(query)) == expected


def store_one(writer: Writer, report: Entry) -> None:
    outcome: Future[Stored | Pending | Exception] = Future()
    writer.write([Waiting(report, outcome.set_result)])
    assert isinstance(outcome.result(0), Stored)


def test_names_that_come_back_after_they_were_removed(kept: Kept, tmp_path: Path) -> None:
    """The writer remembers names: it must not go on using what is gone."""
    writer = Writer(kept.engine, Journal(tmp_path / "text"), kept.store)
    for second, name in ((1, "gone"), (2, "here"), (3, "here")):
        store_one(writer, entry(0, second, second, procesos=processes((1, name))))
    kept.clean(3, 3, aside=writer.aside)
    assert kept.rows("SELECT 1 FROM hechos WHERE nombre = 'gone'") == []
    store_one(writer, entry(0, 4, 4, procesos=processes((1, "gone"))))
    kept.assert_sound()
    assert kept.rows("SELECT name FROM procesos WHERE id_serv = 4") == [("gone",)]
    assert len(kept.rows("SELECT 1 FROM historial_procesos WHERE name = 'gone'")) == 1


def test_names_stay_while_another_process_remembers_them(kept: Kept) -> None:
    kept.put(*(entry(0, n, n, procesos=processes((1, f"p{n}"))) for n in (1, 2, 3)))
    kept.clean(4, 4, names=False, aside=alone)
    assert kept.rows("SELECT name FROM historial_procesos") == [("p3",)]
    kept.put(entry(0, 4, 4, procesos=processes((1, "p1"))))
    for query in ("PRAGMA foreign_key_check", DANGLING, UNMARKED):
        assert kept.rows(query) == []


def test_what_is_true_still_and_the_latest_report_stay(kept: Kept) -> None:
    kept.put(entry(0, 1, 1, procesos=processes((1, "init"))))
    kept.clean(1_000, 1_000, 0)
    assert len(kept.rows("SELECT 1 FROM procesos")) == 1
    assert kept.rows("SELECT name, hasta FROM historial_procesos") == [("init", None)]
    with kept.reader.connect() as connection:
        assert limits_of(connection) == Limits()


def test_file_shrinks_again(kept: Kept) -> None:
    many = processes(*((pid, "x" * 60) for pid in range(1, 400)))
    kept.put(*(entry(0, n, n, procesos=many) for n in range(40)))
    pages = kept.rows("PRAGMA page_count")[0][0]
    steps: list[tuple[str, int]] = []
    assert kept.clean(39, 39, told=lambda *step: steps.append(step))
    assert kept.rows("PRAGMA page_count")[0][0] < pages / 5
    assert kept.rows("PRAGMA freelist_count") == [(0,)]
    assert max(count for what, count in steps if what == "paginas") >= 64


def test_pass_that_is_stopped_goes_on_later(kept: Kept) -> None:
    kept.put(*(entry(0, n, n) for n in range(1, 60)))
    with pytest.raises(StoppedError):
        kept.clean(59, 59, rest=lambda _: len(kept.rows(ROWS["servers"])) < 59)
    assert 1 < len(kept.rows(ROWS["servers"])) < 59
    kept.clean(59, 59)
    assert len(kept.rows(ROWS["servers"])) == 1


def test_plan_counts_in_days(kept: Kept) -> None:
    text = {"keep_reports": "2", "keep_periods": "3", "keep_log": "1"}
    settings = settings_from(text, {}, Path("none"))
    assert plan(settings, BASE) == Limits(at(-2 * 86400), at(-3 * 86400), at(-34 * 3600))
    assert plan(kept.settings, BASE) == Limits()


def test_log_goes_by_whole_days_and_only_what_is_in_the_database(tmp_path: Path) -> None:
    for day, size in ((17, 5), (18, 5), (19, 5), (20, 5)):
        (tmp_path / f"reportes-2026-11-{day}.jsonl").write_bytes(b"." * size)
    positions = {"reportes-2026-11-17.jsonl": 4, "reportes-2026-11-18.jsonl": 5}
    found = old_files(tmp_path, Limits(bitacora=to_ms(BASE)), positions)
    assert [path.name for path in found] == ["reportes-2026-11-18.jsonl"]


def test_steps_become_smaller_until_they_are_short_enough() -> None:
    pace = Pace(size=64, most=128)
    pace.took(TARGET_S * 4)
    assert pace.size == 16
    for _ in range(9):
        pace.took(TARGET_S / 100)
    assert pace.size == 128
    pace.took(1_000)
    assert pace.size == 12


def test_warning_comes_long_before_the_collector_stops() -> None:
    mib, gib = 1 << 20, 1 << 30
    assert running_out(500 * mib, 100 * gib, 64 * mib)
    assert running_out(4 * gib, 100 * gib, 64 * mib)
    assert not running_out(6 * gib, 100 * gib, 64 * mib)
    assert not running_out(11 * gib, 10_000 * gib, 64 * mib)


def test_warning_is_repeated_once_an_hour() -> None:
    told: list[float] = []
    full = True

    def warn() -> bool:
        told.append(now)
        return full

    hourly = Hourly(warn)
    for minute in range(121):
        now = minute * 60.0
        hourly.tick(now)
    assert told == [0, 3600, 7200]

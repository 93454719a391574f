"""Removes what is past its days from PostgreSQL: partitions, and row by row what lies in none.

A partition goes once all that is in it is past its days. It is taken out in a transaction that
waits for its locks no longer than reports may be held up, and dropped when nobody sees it any more.
The latest report of each server stays (docs/adr/0030-housekeeping-drops-partitions.md).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from API.app.housekeeping import Pace, StoppedError, Way
from API.app.ingest.postgresql.holding import look_up_by_keys
from API.app.ingest.retention import Limits, raise_limit
from API.app.ingest.sql import to_ms
from API.app.ingest.store import CLOCK_AHEAD
from API.app.pruning import prune
from createDB.postgresql.partitions import OF_PERIODS, make_ahead, reports_tables
from createDB.postgresql.retiring import (
    GOING,
    attach_copies,
    copy_reports,
    detach,
    left_behind,
    move,
    partitions_of,
)

LOCK_MS = 20
"""How long a table's lock is waited for: whoever writes reports waits behind, for three of them."""

TRIES = 50
"""How often that is tried in a pass."""

RETRY_S = 0.2

BUSY = ("55P03", "40P01")
"""The codes of a lock that was not to be had, and of two who waited for each other."""

MOST_MOVED = 100
"""Reports that are moved while a partition is detached; more get a partition of their own."""


T = TypeVar("T")


class Partitioned:
    """Looks after the partitions of one database."""

    def __init__(self, engine: Engine, way: Way) -> None:
        """Make one.

        Args:
            engine: of `housekeeping_engine`, which has the job's lock.
            way: how to go about it.
        """
        self._engine, self._way = engine, way
        with engine.connect() as connection:
            self._tables = reports_tables(connection)

    def prepare(self) -> bool:
        """Make the partitions of the days to come, and finish what an earlier pass began."""
        for name in self._listed(left_behind):
            self._finish(name)
        today = datetime.now(UTC).date()
        return self._briefly(lambda connection: make_ahead(connection, today))

    def reports(self, before: int) -> None:
        """Remove the reports before a moment, but for the latest of each server."""
        days = [day for day in self._days("servers") if _is_over(day, before)]
        if days:
            self._limit("reportes", before)
        for day in days:
            if not self._remove_day(day):
                return
        for suffix in self._left_over():
            self._thin_out(suffix, before)

    def periods(self, before: int) -> None:
        """Remove the periods that ended before a moment, whole months and those in none."""
        months = [month for month in self._days(OF_PERIODS) if _ends_ms(month) <= before]
        with self._engine.connect() as connection:
            strays = _strays(connection, before)
        if months or strays:
            self._limit("periodos", before)
        if strays:
            self._remove_strays(before)
        for month in months:
            name = f"{OF_PERIODS}_{month:%Y%m}"
            rows = self._count(name)
            if not self._briefly(lambda connection, name=name: detach(connection, [name])):  # type: ignore[misc]
                return
            self._finish(f"{name}_{GOING}")
            self._way.told("periodos", rows)

    def _remove_strays(self, before: int) -> None:
        """Remove the periods that ended before a moment and lie in no month's partition.

        They go into a table that is as a month's that was taken out.
        """
        pace, last = Pace(size=128, most=4_096), 0
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE {_STRAYS} (LIKE {OF_PERIODS} INCLUDING ALL)")

        def take_out(connection: Connection) -> list[int]:
            found = connection.exec_driver_sql(_TAKE_OUT, (last, before, pace.size))
            return list(found.scalars())

        while servers := self._step(pace, take_out):
            last = max(servers)
            self._way.told("periodos", len(servers))
        self._finish(_STRAYS)

    def _finish(self, name: str) -> None:
        """Drop a table that is no partition any more, after what belonged to its rows alone."""
        if name.endswith(f"_{GOING}"):
            if name.startswith("servers_"):
                self._forget_reports(name)
            elif name.startswith(f"{OF_PERIODS}_"):
                self._prune(name)
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE {name}")

    def _prune(self, month: str) -> None:
        """Remove what only the periods of a month referred to, some servers at a time."""
        with self._engine.connect() as connection:
            last = connection.exec_driver_sql("SELECT max(num_agente) FROM agentes").scalar() or 0
        pace, first = Pace(size=1, most=256), 1
        while first <= last:
            bounds = (first, first + pace.size - 1)
            first += pace.size
            self._step(pace, lambda connection, bounds=bounds: prune(connection, month, *bounds))  # type: ignore[misc]

    def _remove_day(self, day: date) -> bool:
        """Remove the reports of a day; False where its tables are in use all the time."""
        suffix = f"{day:%Y%m%d}"
        rows, kept = self._count(f"servers_{suffix}"), self._latest(suffix)
        copied = len(kept) > MOST_MOVED
        if copied:
            with self._engine.begin() as connection:
                copy_reports(connection, self._tables, day, kept)

        def take_out(connection: Connection) -> None:
            detach(connection, [f"{table}_{suffix}" for table in self._tables])
            latest = set(_latest(connection, f"{suffix}_{GOING}"))
            if copied:
                attach_copies(connection, self._tables, day)
                latest -= set(kept)
            for table in self._tables:
                move(connection, f"{table}_{suffix}_{GOING}", table, sorted(latest))

        if not self._briefly(take_out):
            return False
        for table in self._tables:
            self._finish(f"{table}_{suffix}_{GOING}")
        self._way.told("reportes", rows - len(kept))
        return True

    def _forget_reports(self, day: str) -> None:
        """Forget the reports of a day's table, but for those that are among the others still."""
        pace, last = Pace(size=4, most=2_048), 0

        def next_ones(connection: Connection) -> list[int]:
            rows = connection.exec_driver_sql(_NEXT.format(day), (last, pace.size))
            return list(rows.scalars())

        def forget(connection: Connection) -> int:
            look_up_by_keys(connection)
            return _run(connection, _FORGET.format(day), ([*{*numbers} - kept],))

        with self._engine.connect() as connection:
            kept = set(connection.exec_driver_sql(_KEPT.format(day)).scalars())
        while numbers := self._listed(next_ones):
            self._step(pace, forget)
            last = numbers[-1]

    def _thin_out(self, suffix: str, before: int) -> None:
        """Remove, row by row, old reports that are no longer the latest of their servers."""
        pace = Pace(size=4, most=512)

        def remove(connection: Connection) -> int:
            old = _OLD.format(suffix)
            numbers = list(connection.exec_driver_sql(old, (before, pace.size)).scalars())
            _run(connection, _FORGET.format(f"servers_{suffix}"), (numbers,))
            for table in reversed(self._tables):
                _run(connection, _REMOVE.format(table, suffix), (numbers,))
            return len(numbers)

        while removed := self._step(pace, remove):
            self._way.told("reportes", removed)
        if suffix != "resto" and not self._count(f"servers_{suffix}"):
            names = [f"{table}_{suffix}" for table in self._tables]
            if self._briefly(lambda connection: detach(connection, names)):
                for name in names:
                    self._finish(f"{name}_{GOING}")

    def _left_over(self) -> Iterator[str]:
        """Name the partitions, by what stands after their table's name, that are not a day's."""
        names = self._listed(lambda connection: partitions_of(connection, "servers"))
        suffixes = (name.removeprefix("servers_") for name in names)
        return (suffix for suffix in suffixes if not suffix.isdecimal())

    def _days(self, table: str) -> list[date]:
        """Give the first days of the partitions of a table that are of a day, or a month."""
        names = self._listed(lambda connection: partitions_of(connection, table))
        return sorted(_days_of(table, names))

    def _latest(self, suffix: str) -> list[int]:
        with self._engine.connect() as connection:
            return _latest(connection, suffix)

    def _count(self, name: str) -> int:
        with self._engine.connect() as connection:
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {name}")  # noqa: S608 - ours
            return int(count.scalar_one())

    def _listed(self, names: Callable[[Connection], Sequence[T]]) -> Sequence[T]:
        with self._engine.connect() as connection:
            return names(connection)

    def _limit(self, what: str, before: int) -> None:
        with self._engine.begin() as connection:
            raise_limit(connection, what, before)

    def _step(self, pace: Pace, act: Callable[[Connection], T]) -> T:
        start = time.monotonic()
        with self._engine.begin() as connection:
            done = act(connection)
        seconds = time.monotonic() - start
        pace.took(seconds)
        if self._way.rest(seconds):
            raise StoppedError
        return done

    def _briefly(self, act: Callable[[Connection], object]) -> bool:
        """Run what needs tables to itself; False where they were in use whenever it was tried."""
        for _ in range(TRIES):
            try:
                with self._engine.begin() as connection:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_MS}")
                    act(connection)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) not in BUSY:
                    raise
            else:
                return True
            if self._way.rest(RETRY_S):
                raise StoppedError
        return False


def counts(connection: Connection, limits: Limits) -> Iterator[tuple[str, int]]:
    """Count what a pass would remove with whole partitions: kind and number."""
    days = _days_of("servers", partitions_of(connection, "servers"))
    months = _days_of(OF_PERIODS, partitions_of(connection, OF_PERIODS))
    names = {
        "reportes": [f"servers_{d:%Y%m%d}" for d in days if _is_over(d, limits.reportes)],
        "periodos": [f"{OF_PERIODS}_{m:%Y%m}" for m in months if _ends_ms(m) <= limits.periodos],
    }
    apart = {"reportes": 0, "periodos": _strays(connection, limits.periodos)}
    for what, tables in names.items():
        each = (connection.exec_driver_sql(f"SELECT count(*) FROM {name}") for name in tables)  # noqa: S608
        yield what, sum(found.scalar_one() for found in each) + apart[what]


def _days_of(table: str, names: Iterable[str]) -> Iterator[date]:
    """Give the days, or first days of the months, whose partitions these are."""
    for name in names:
        digits = name.removeprefix(f"{table}_")
        if digits.isdecimal():
            yield date.fromisoformat(digits if len(digits) == len("20261101") else f"{digits}01")


def _is_over(day: date, before: int) -> bool:
    """Tell whether no report that came on a day belongs to a moment after `before`."""
    return to_ms(_midnight(day + timedelta(days=1)) + CLOCK_AHEAD) <= before


def _ends_ms(month: date) -> int:
    return to_ms(_midnight((month + timedelta(days=31)).replace(day=1)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())


def _latest(connection: Connection, suffix: str) -> list[int]:
    """Give the numbers of reports that are the latest of their servers, among others'."""
    return list(connection.exec_driver_sql(_LATEST.format(suffix)).scalars())


def _strays(connection: Connection, before: int) -> int:
    """Count the periods that ended before a moment and lie in no month's partition."""
    found = connection.exec_driver_sql(_COUNT_STRAYS, (before,))
    return int(found.scalar_one())


def _run(connection: Connection, statement: str, values: tuple[Any, ...]) -> int:
    return connection.exec_driver_sql(statement, values).rowcount


_LATEST = """
    SELECT id_serv FROM agentes WHERE id_serv BETWEEN
    (SELECT min(id_serv) FROM servers_{0}) AND (SELECT max(id_serv) FROM servers_{0})
    AND EXISTS (SELECT FROM servers_{0} s WHERE s.id_serv = agentes.id_serv)
"""
_NEXT = "SELECT id_serv FROM {} WHERE id_serv > ? ORDER BY id_serv LIMIT ?"
_KEPT = """
    SELECT id_serv FROM servers WHERE id_serv
    BETWEEN (SELECT min(id_serv) FROM {0}) AND (SELECT max(id_serv) FROM {0})
"""
_FORGET = """
    DELETE FROM reportes r USING {} s WHERE s.id_serv = ANY(?)
    AND r.num_agente = s.num_agente AND r.id_reporte = s.id_reporte AND r.id_serv = s.id_serv
"""
_OLD = """
    SELECT s.id_serv FROM servers_{} s JOIN agentes a ON a.num_agente = s.num_agente
    WHERE s.momento < ? AND s.id_serv <> coalesce(a.id_serv, 0) LIMIT ?
"""
_STRAYS = f"{OF_PERIODS}_resto_{GOING}"
_COUNT_STRAYS = f"SELECT count(*) FROM {OF_PERIODS}_resto WHERE hasta < ?"  # noqa: S608 - ours
_TAKE_OUT = f"""
    WITH gone AS (
        DELETE FROM {OF_PERIODS}_resto WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {OF_PERIODS}_resto WHERE num_agente >= ? AND hasta < ?
            ORDER BY num_agente, hasta LIMIT ?)) RETURNING *)
    INSERT INTO {_STRAYS} SELECT * FROM gone RETURNING num_agente
"""  # noqa: S608
_REMOVE = "DELETE FROM {}_{} WHERE id_serv = ANY(?)"

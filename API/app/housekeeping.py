"""Removes what is past its days, in steps too small for a report to notice.

What is to go is decided first, from the settings and the clock alone (`plan`). Then a `Pass` does
it: reports, then the periods that no report is shown through any more, then files of the JSON
log, and at last the room they took goes back to the disk. Each step is one short transaction, so
that a pass may be killed at any moment; the next one goes on where it ended.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, event

from API.app.ingest.retention import Limits, raise_limit
from API.app.ingest.sql import to_ms
from API.app.settings import Settings
from createDB.engine import is_postgresql, open_engine
from createDB.views import Layout, layout_of

TARGET_S = 0.025
"""How long a step should hold the database, in seconds: a quarter of what may hold up a report."""

CHOSEN = 2_000
"""Reports that are looked up at a time, outside of the steps."""


def plan(settings: Settings, now: datetime) -> Limits:
    """Decide what is past its days.

    Args:
        settings: of the collector.
        now: UTC, without offset.

    Returns:
        for each kind, the moment before which it goes; 0 where all is kept. Of the log only whole
        days go.
    """

    def before(days: int, moment: datetime) -> int:
        return max(0, to_ms(moment - timedelta(days=days))) if days else 0

    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Limits(
        before(settings.keep_reports, now),
        before(settings.keep_periods, now),
        before(settings.keep_log, midnight),
    )


@dataclass
class Pace:
    """How much one step takes on, learnt from how long the steps before it took."""

    size: int
    most: int

    def took(self, seconds: float) -> None:
        """Learn from a step of the present size."""
        if seconds > TARGET_S:
            self.size = max(1, int(self.size * max(TARGET_S / seconds, 0.1)))
        elif seconds < TARGET_S / 2:
            self.size = min(self.most, self.size * 2)


class Removed(NamedTuple):
    """What a step has done: how many it removed, and whether there were names among them."""

    rows: int
    names: bool = False


Step = Callable[[Connection, int], Removed]
Aside = Callable[[Callable[[], bool]], None]
"""Runs a step while nobody else writes: `Writer.aside`, or `alone`."""


def alone(step: Callable[[], bool]) -> None:
    """Run a step where no writer of this process must be kept waiting."""
    step()


class Way(NamedTuple):
    """How a pass goes about it."""

    aside: Aside
    rest: Callable[[float], bool]
    """Waits for so many seconds; tells whether to stop."""
    names: bool = True
    """Whether names may go; not while a writer in another process remembers them."""
    told: Callable[[str, int], object] = lambda _what, _count: None
    """Hears of everything that is removed: kind and number."""


class StoppedError(Exception):
    """A pass was told to stop; what is left is for the next."""


def housekeeping_engine(settings: Settings, *, checkpoints: bool = True) -> Engine:
    """Open the database for a pass.

    Children are removed before their parents here; for SQLite to check it would cost a look at
    every period for each name.

    Args:
        settings: of the collector.
        checkpoints: False where a writer in another process works (see `open_engine`).
    """
    engine = open_engine(settings.database, checkpoints=checkpoints)
    if is_postgresql(settings.database):
        return engine

    @event.listens_for(engine, "connect")
    def set_up(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.execute("PRAGMA foreign_keys = OFF")

    return engine


class Rows:
    """Removes rows of the database, step by step."""

    def __init__(self, engine: Engine, reader: Engine, way: Way) -> None:
        """Make one.

        Args:
            engine: of `housekeeping_engine`, for the steps.
            reader: for looking up what they are to remove: that keeps nobody waiting.
            way: how to go about it.
        """
        self._engine, self._reader, self._way = engine, reader, way
        with reader.connect() as connection:
            self._items = layout_of(connection) is Layout.COMPLETO

    def reports(self, before: int) -> None:
        """Remove the reports before a moment, but for the latest of each server."""
        pace = Pace(size=4, most=512)
        while chosen := self._numbers(_OLD_REPORTS, before, CHOSEN):
            self.limit("reportes", before)
            while chosen:
                numbers, chosen = chosen[: pace.size], chosen[pace.size :]

                def drop(
                    connection: Connection, _size: int, text: str = json.dumps(numbers)
                ) -> Removed:
                    return self._drop_reports(connection, text)

                self._step("reportes", pace, drop)

    def periods(self, before: int) -> None:
        """Remove the periods that ended before a moment."""
        servers = self._numbers(_OLD_PERIODS, before)
        if servers:
            self.limit("periodos", before)
        for server in servers:
            pace = Pace(size=128, most=4_096)

            def drop(connection: Connection, size: int, server: int = server) -> Removed:
                return _drop_periods(connection, server, before, size, self._way.names)

            while self._step("periodos", pace, drop):
                pass

    def verdicts(self, before: int) -> None:
        """Remove what the policies said up to a moment and no longer say."""
        pace = Pace(size=128, most=4_096)

        def drop(connection: Connection, size: int) -> Removed:
            return Removed(connection.exec_driver_sql(_DROP_VERDICTS, (before, size)).rowcount)

        while self._step("cumplimiento", pace, drop):
            pass

    def alerts(self, before: int) -> None:
        """Remove alerts that were over before a moment, and of whose end everybody was told."""
        pace = Pace(size=64, most=1_024)
        while self._step("alertas", pace, _drop_alerts(before)):
            pass
        while self._step("mensajes", pace, _drop_messages(before)):
            pass

    def shrink(self) -> bool:
        """Give free pages back to the disk; tell whether the file is of a kind that can."""
        pace = Pace(size=64, most=8_192)
        with self._reader.connect() as connection:
            if connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() != INCREMENTAL:
                return False
        while self._step("paginas", pace, _shrink):
            pass
        return True

    def _numbers(self, query: str, *arguments: int) -> list[int]:
        with self._reader.connect() as connection:
            return list(connection.exec_driver_sql(query, arguments).scalars())

    def limit(self, what: str, hasta: int) -> None:
        """Note up to when is about to go, before anything does."""

        def note(connection: Connection, _size: int) -> Removed:
            raise_limit(connection, what, hasta)
            return Removed(0)

        self.once(what, note)

    def once(self, what: str, step: Step) -> None:
        """Run a step that has no size."""
        self._step(what, Pace(1, 1), step)

    def _step(self, what: str, pace: Pace, step: Step) -> int:
        """Run one step; give how many it removed. Afterwards it's others' turn for as long."""
        done, seconds = Removed(0), 0.0

        def run() -> bool:
            nonlocal done, seconds
            with self._engine.connect() as connection:
                with connection.begin():
                    start = time.monotonic()  # the lock is ours
                    done = step(connection, pace.size)
                seconds = time.monotonic() - start
            return done.names

        self._way.aside(run)
        pace.took(seconds)
        if done.rows:
            self._way.told(what, done.rows)
        if self._way.rest(seconds):
            raise StoppedError
        return done.rows

    def _drop_reports(self, connection: Connection, numbers: str) -> Removed:
        if self._items:
            for table in ("procesos", "usuarios_activos"):
                connection.exec_driver_sql(_DROP_ITEMS.format(table), (numbers,))
        return Removed(connection.exec_driver_sql(_DROP_REPORTS, (numbers,)).rowcount)


def _drop_periods(
    connection: Connection, server: int, before: int, size: int, names: bool
) -> Removed:
    """Remove up to `size` periods of a server, and what nothing refers to after that."""
    gone = connection.exec_driver_sql(_DROP_PERIODS, (server, before, size)).all()
    if not gone:
        return Removed(0)
    moments = json.dumps([moment for row in gone for moment in (row.desde, row.hasta)])
    connection.exec_driver_sql(_DROP_MOMENTS, (server, moments, server, server))
    if not names:
        return Removed(len(gone))
    labels = json.dumps([row.id_hecho for row in gone])
    rows = connection.exec_driver_sql(_DROP_PRESENCES, (server, labels, server)).scalars()
    absent = list(rows)
    connection.exec_driver_sql(_DROP_LABELS, (json.dumps(absent),))
    return Removed(len(gone), bool(absent))


def _drop_alerts(before: int) -> Step:
    def drop(connection: Connection, size: int) -> Removed:
        found = connection.exec_driver_sql(f"{_OLD_ALERTS} LIMIT ?", (before, size)).scalars()
        numbers = json.dumps(found.all())
        connection.exec_driver_sql(_DROP_DELIVERIES, (numbers,))
        return Removed(connection.exec_driver_sql(_DROP_ALERTS, (numbers,)).rowcount)

    return drop


def _drop_messages(before: int) -> Step:
    def drop(connection: Connection, size: int) -> Removed:
        return Removed(connection.exec_driver_sql(_DROP_MESSAGES, (before, size)).rowcount)

    return drop


def _shrink(connection: Connection, pages: int) -> Removed:
    def free() -> int:
        return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())

    before = free()
    cursor = connection.connection.cursor()
    for _ in range(min(pages, before)):
        # Asked for more, the sqlite3 module stops after one all the same.
        cursor.execute("PRAGMA incremental_vacuum(1)").fetchall()
    return Removed(before - free())


def waiting(connection: Connection, limits: Limits) -> Iterator[tuple[str, int]]:
    """Count what a pass would remove: kind and number; on PostgreSQL, beside whole partitions."""
    of_reports = (
        ("reportes", _COUNT_REPORTS, limits.reportes),
        ("periodos", _COUNT_PERIODS, limits.periodos),
    )
    for what, query, before in (
        *(() if connection.dialect.name == "postgresql" else of_reports),
        ("cumplimiento", _COUNT_VERDICTS, limits.periodos),
        ("alertas", _COUNT_ALERTS, limits.periodos),
    ):
        yield what, int(connection.exec_driver_sql(query, (before,)).scalar_one())


INCREMENTAL = 2
"""What `PRAGMA auto_vacuum` says of a file that can shrink."""

_OLD_REPORTS = """
    SELECT s.id_serv FROM agentes a CROSS JOIN servers s
    ON s.num_agente = a.num_agente AND s.momento < ? WHERE s.id_serv IS NOT a.id_serv LIMIT ?
"""
_COUNT_REPORTS = _OLD_REPORTS.replace("s.id_serv FROM", "count(*) FROM", 1).replace("LIMIT ?", "")
_OLD_PERIODS = """
    SELECT num_agente FROM agentes a WHERE EXISTS (
        SELECT 1 FROM periodos p WHERE p.num_agente = a.num_agente AND p.hasta < ?)
"""
_COUNT_PERIODS = "SELECT count(*) FROM periodos WHERE hasta < ?"
_COUNT_VERDICTS = "SELECT count(*) FROM cumplimiento WHERE hasta < ?"
_DROP_VERDICTS = """
    DELETE FROM cumplimiento WHERE (num_agente, num_politica, desde) IN (
        SELECT c.num_agente, c.num_politica, c.desde FROM politicas o CROSS JOIN cumplimiento c
        ON c.num_politica = o.num_politica AND c.hasta < ? LIMIT ?)
"""
_OLD_ALERTS = """
    SELECT al.id_alerta FROM alertas al WHERE al.resuelta < ? AND al.por_avisar IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM entregas e LEFT JOIN mensajes m USING (id_mensaje)
        WHERE e.id_alerta = al.id_alerta AND coalesce(m.estado, 'espera') = 'espera')
"""
_COUNT_ALERTS = _OLD_ALERTS.replace("al.id_alerta", "count(*)", 1)
_DROP_DELIVERIES = (
    "DELETE FROM entregas WHERE id_alerta IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
)
_DROP_ALERTS = (
    "DELETE FROM alertas WHERE id_alerta IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
)
_DROP_MESSAGES = """
    DELETE FROM mensajes WHERE id_mensaje IN (
        SELECT m.id_mensaje FROM mensajes m WHERE m.terminado < ?
        AND NOT EXISTS (SELECT 1 FROM entregas e WHERE e.id_mensaje = m.id_mensaje) LIMIT ?)
"""
_DROP_ITEMS = "DELETE FROM {} WHERE id_serv IN (SELECT value FROM json_each(?))"
_DROP_REPORTS = _DROP_ITEMS.format("servers")
_DROP_PERIODS = """
    DELETE FROM periodos WHERE (num_agente, hasta, id_hecho, pid) IN (
        SELECT num_agente, hasta, id_hecho, pid FROM periodos
        WHERE num_agente = ? AND hasta < ? ORDER BY hasta LIMIT ?)
    RETURNING id_hecho, desde, hasta
"""
_DROP_MOMENTS = """
    DELETE FROM momentos WHERE num_agente = ? AND momento IN (
        SELECT value FROM json_each(?)
        EXCEPT SELECT desde FROM periodos WHERE num_agente = ?
        EXCEPT SELECT hasta FROM periodos WHERE num_agente = ?)
"""
_DROP_PRESENCES = """
    DELETE FROM presencias WHERE num_agente = ? AND id_hecho IN (
        SELECT value FROM json_each(?)
        EXCEPT SELECT id_hecho FROM periodos WHERE num_agente = ?)
    RETURNING id_hecho
"""
_DROP_LABELS = """
    DELETE FROM hechos WHERE id_hecho IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM presencias p WHERE p.id_hecho = hechos.id_hecho)
"""

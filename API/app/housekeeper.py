"""The collector's own housekeeping: a thread that removes what is past its days and looks at disks.

`look_after` is what a pass does, for this thread and for `createDB.py --housekeeping` alike.
"""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from API.app.housekeeping import (
    Removed,
    Rows,
    StoppedError,
    Way,
    alone,
    housekeeping_engine,
    plan,
)
from API.app.ingest.expiry import old_files, remove_files
from API.app.ingest.positions import forget_file, positions_in
from API.app.ingest.retention import Limits
from API.app.ingest.store import utc_now
from API.app.ingest.writer import Writer
from API.app.jobs import TakenError, Turn
from API.app.partitioned import Partitioned
from API.app.settings import Settings
from API.app.storage import owner_of
from createDB.engine import database_file, is_postgresql, said_by
from createDB.postgresql.locks import Lock

log = structlog.get_logger()

LOOK_S = 60.0
"""Between two looks at the free space, in seconds."""

PASS_S = 3600.0
"""Between two passes, and between two warnings of the same."""

PLENTY = 10 << 30
"""Bytes free that are enough on a disk of any size."""


def look_after(
    engine: Engine, reader: Engine, settings: Settings, limits: Limits, way: Way
) -> bool:
    """Make one pass; tell whether the database's file is of a kind that can shrink.

    Raises:
        StoppedError: `way` said so; the next pass goes on.
    """
    rows = Rows(engine, reader, way)
    shared = is_postgresql(settings.database)
    bulk = Partitioned(engine, way) if shared else rows
    if isinstance(bulk, Partitioned):
        bulk.prepare()
    if limits.reportes:
        bulk.reports(limits.reportes)
    if limits.periodos:
        bulk.periods(limits.periodos)
        rows.verdicts(limits.periodos)
        rows.alerts(limits.periodos)
    return shared or rows.shrink()


def remove_log(
    engine: Engine, reader: Engine, settings: Settings, limits: Limits, way: Way
) -> None:
    """Remove the files of the collector's own log that are past their days.

    Raises:
        StoppedError: `way` said so; the next pass goes on.
    """
    owner = owner_of(settings)
    with reader.connect() as connection:
        paths = old_files(settings.storage / "text", limits, positions_in(connection, owner))
    if not paths:
        return
    rows = Rows(engine, reader, way)
    rows.limit("bitacora", limits.bitacora)

    def removed(path: Path) -> None:
        def forget(connection: Connection, _size: int) -> Removed:
            forget_file(connection, path, owner)
            return Removed(1)

        rows.once("bitacora", forget)

    remove_files(paths, removed)


def running_out(free: int, total: int, least: int) -> bool:
    """Tell whether a disk fills: long before `least`, where the collector is no longer ready.

    Args:
        free: bytes free.
        total: bytes the disk has.
        least: the setting `min_free`.
    """
    return free < max(8 * least, min(total // 20, PLENTY))


class Housekeeper:
    """Passes every hour, and a look at the disks every minute."""

    def __init__(self, settings: Settings, reader: Engine, writer: Writer) -> None:
        self._settings, self._reader, self._writer = settings, reader, writer
        self._engine = housekeeping_engine(settings)
        self._turn = Turn(self._engine, Lock.HOUSEKEEPING)
        self._own = housekeeping_engine(settings)
        self._stop = threading.Event()
        self._removed: dict[str, int] = {}
        self._told_of_size = False
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the step at hand."""
        self._stop.set()
        self._thread.join()
        self._engine.dispose()
        self._own.dispose()

    def _run(self) -> None:
        watch, look_after_it = Hourly(self._warn), Hourly(self._pass)
        while True:
            now = time.monotonic()
            watch.tick(now)
            look_after_it.tick(now)
            self._refresh_statistics()
            if self._stop.wait(LOOK_S):
                return

    def _warn(self) -> bool:
        """Warn of each disk that fills; tell whether there was one."""
        full = False
        file = database_file(self._settings.database)
        for folder in {self._settings.storage, file.parent} if file else {self._settings.storage}:
            disk = shutil.disk_usage(folder)
            if running_out(disk.free, disk.total, self._settings.min_free):
                full = True
                log.warning(
                    "the disk fills; see [retencion] in config.ini",
                    folder=str(folder),
                    free_mib=disk.free >> 20,
                )
        return full

    def _refresh_statistics(self) -> None:
        """Have PostgreSQL know how large its tables have become; two at once do no harm."""
        if not is_postgresql(self._settings.database):
            return
        from createDB.postgresql.statistics import refresh

        try:
            with self._own.begin() as connection:
                refresh(connection)
        except DBAPIError as error:
            log.warning("statistics are made later", reason=said_by(error))
        finally:
            self._own.dispose()

    def _pass(self) -> bool:
        self._removed.clear()
        way = self._way()
        limits = plan(self._settings, utc_now())
        try:
            shrinks = not self._turn.is_ours() or look_after(
                self._engine, self._reader, self._settings, limits, way
            )
            remove_log(self._own, self._reader, self._settings, limits, way)
            if self._removed and not shrinks and not self._told_of_size:
                self._told_of_size = True
                log.warning("the database keeps its size; what was freed is used again")
        except StoppedError:
            pass
        except TakenError:
            log.warning("another collector does the housekeeping")
        except (DBAPIError, OSError) as error:
            log.warning("housekeeping goes on later", reason=said_by(error))
        finally:
            self._engine.dispose()  # nothing is held open until the next pass, no job either
            self._own.dispose()
        if self._removed:
            log.info("housekeeping", **self._removed)
        return True

    def _way(self) -> Way:
        """Give the way of a pass: PostgreSQL has no writer that everybody must wait for."""
        aside = alone if is_postgresql(self._settings.database) else self._writer.aside
        return Way(aside, self._rest, told=self._count)

    def _rest(self, seconds: float) -> bool:
        return self._stop.wait(max(seconds, 0.002))

    def _count(self, what: str, count: int) -> None:
        self._removed[what] = self._removed.get(what, 0) + count


class Hourly:
    """Does something when it is due; it is due again an hour after it had something to do."""

    def __init__(self, action: Callable[[], bool]) -> None:
        self._action = action
        self._due = 0.0

    def tick(self, now: float) -> None:
        """Do it, if it is time; `now` is in seconds, by any clock that only goes forward."""
        if now >= self._due and self._action():
            self._due = now + PASS_S

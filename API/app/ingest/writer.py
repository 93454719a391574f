"""The one writer: stores batches of reports, each in one transaction.

However many there are, they cost one fsync of the JSON log and one of the database. Within the
transaction the reports get their numbers; then their lines are appended and fsynced while their
other rows go in, and when both is done comes the commit. A transaction that fails takes its lines
back. Where nobody knows whether it failed, for the connection ended while it was committed, its
lines stay until the database says.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from API.app.errors import StorageUnavailableError
from API.app.ingest.entry import Entry, Pending, Stored
from API.app.ingest.journal import Journal, Mark, format_line
from API.app.ingest.positions import is_past, remember
from API.app.ingest.store import Store, utc_now
from createDB.engine import is_postgresql, said_by
from createDB.errors import DatabaseUnusableError

log = structlog.get_logger()

Appended = Future[tuple[Mark, Mark]]
"""Lines that are on their way to the log: the places before and after them."""

Tell = Callable[[Stored | Pending | Exception], None]
"""Told what became of a report, once; must not block."""


class Waiting(NamedTuple):
    """A report, and who waits for it."""

    entry: Entry
    tell: Tell


class Patient(Protocol):
    """Whoever knows what to do while the database is away."""

    def write(self, batch: Sequence[Waiting]) -> None:
        """Store a batch; once the database is away, without trying."""

    def away(self, batch: Sequence[Waiting], error: Exception) -> None:
        """Take a batch that the database alone refuses, and tell those who wait."""


class Doubt(NamedTuple):
    """Lines in the log of which nobody knows whether their reports are in the database."""

    before: Mark
    after: Mark


class Writer:
    """Stores reports in the JSON log and in the database."""

    def __init__(self, engine: Engine, journal: Journal, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._journal = journal
        self._disk = ThreadPoolExecutor(1, "log")
        self._turn = threading.Lock()
        self._doubt: Doubt | None = None

    def write(self, batch: Sequence[Waiting], patient: Patient | None = None) -> None:
        """Store `batch` and tell each of those who wait; a report that spoils it goes alone.

        A report is on disk in both places when they hear of it. They hear
        `StorageUnavailableError` where disk or database refuse; then nothing was kept.

        Args:
            batch: reports, and who waits for them.
            patient: on whose behalf; is given what the database refuses.
        """
        try:
            with self._turn:
                results = self._keep([item.entry for item in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            if len(batch) > 1 and not is_outage(error):
                for item in batch:
                    (patient or self).write([item])
                return
            if patient and is_outage(error) and not isinstance(error, OSError):
                patient.away(batch, error)
                return
            failure = _as_failure(error)
            for item in batch:
                item.tell(failure)
            return
        for item, result in zip(batch, results, strict=True):
            item.tell(result)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep everybody else of this process from writing, to do it oneself."""
        with self._turn:
            yield

    def aside(self, step: Callable[[], bool]) -> None:
        """Run `step` between two batches, while reports wait.

        Both write: SQLite's own way of waiting for each other would cost the reports more.

        Args:
            step: a short transaction of somebody else's. It tells whether it removed names
                (`hechos`, `presencias`), which the writer must then look up again.
        """
        with self._turn:
            removed_names = True  # as far as anybody knows, should it fail
            try:
                removed_names = step()
            finally:
                if removed_names:
                    self._store.forget_names()

    def _keep(self, entries: Sequence[Entry]) -> list[Stored]:
        """Store a batch; at a second attempt where another collector was in its way."""
        self._settle()
        try:
            return self._commit(entries)
        except DBAPIError as error:
            if not _is_collision(error):
                raise
            log.warning("reports are stored at a second attempt", reason=said_by(error))
            return self._commit(entries)

    def _commit(self, entries: Sequence[Entry]) -> list[Stored]:
        now = utc_now()
        results: list[Stored] = []
        appended: list[Appended] = []
        committing = False
        try:
            with self._engine.begin() as connection:
                for numbered in self._store.storing(connection, entries, now):
                    lines = _lines(entries[len(results) :], numbered, now)
                    results += numbered
                    if lines:
                        appended.append(self._disk.submit(self._journal.append, now.date(), lines))
                for done in appended:
                    _, after = done.result()
                    remember(connection, after)
                committing = True
        except BaseException:
            self._store.forget()
            if committing and self._was_committed(appended):
                return results
            self._take_back(appended)
            raise
        return results

    def _was_committed(self, appended: Sequence[Appended]) -> bool:
        """Find out what became of a transaction whose commit failed.

        A server that is elsewhere may have committed it, and its answer got lost. As long as it
        cannot be asked, the lines stay in the log.
        """
        if appended and is_postgresql(self._engine.url):
            self._doubt = Doubt(appended[0].result()[0], appended[-1].result()[1])
            with suppress(DBAPIError):
                return self._settle()
        return False

    def _settle(self) -> bool:
        """Settle what became of the last batch, if that is in doubt; tell whether it is stored.

        Raises:
            DBAPIError: the database is away still.
        """
        if self._doubt is None:
            return False
        with self._engine.begin() as connection:
            is_stored = is_past(connection, self._doubt.after)
        log.warning("an unanswered commit is settled", stored=is_stored)
        if not is_stored and self._journal.ends_at(self._doubt.after):
            self._journal.cut(self._doubt.before)
        self._doubt = None
        return is_stored

    def _take_back(self, appended: Sequence[Appended]) -> None:
        """Cut the log back to where it was, once nothing more is being written to it."""
        wait(appended)
        whole = [done.result() for done in appended if not done.exception()]
        if whole and self._doubt is None and self._journal.ends_at(whole[-1][1]):
            self._journal.cut(whole[0][0])


def _lines(entries: Sequence[Entry], results: Sequence[Stored], now: datetime) -> list[bytes]:
    recibido = now.isoformat(timespec="microseconds") + "+00:00"
    return [
        format_line(recibido, result.id_serv, entry.id_reporte, entry.body)
        for entry, result in zip(entries, results, strict=False)
        if result.created
    ]


def _is_collision(error: DBAPIError) -> bool:
    """Tell whether what failed may succeed at once, with nothing of it remembered.

    A deadlock, or a name that housekeeping has removed meanwhile
    (https://www.postgresql.org/docs/current/errcodes-appendix.html).
    """
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01", "23503")


def is_outage(error: Exception) -> bool:
    """Tell whether the disk or the database is the matter, and not one of the reports."""
    if isinstance(error, OperationalError | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if hasattr(error.orig, "sqlstate"):  # PostgreSQL says of what class it is
        return not isinstance(error, IntegrityError | DataError)
    # sqlite3 has no class of its own for a damaged file; it is the base class that it raises.
    return type(error.orig) is sqlite3.DatabaseError


def reason_of(error: BaseException) -> str:
    """Give what disk or database say is the matter, in a line."""
    if isinstance(error, DatabaseUnusableError) and error.__cause__:
        return reason_of(error.__cause__)
    return said_by(error)


def _as_failure(error: Exception) -> Exception:
    if is_outage(error):
        reason = reason_of(error)
        log.error("cannot store reports", reason=reason)
        return StorageUnavailableError(f"reports cannot be stored now: {reason}")
    return error

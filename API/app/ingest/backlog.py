"""Keeps reports while the database is away: the JSON log runs ahead of it, up to a bound.

From the first batch that the database does not take, reports go into the log alone, without a
number. Once a second somebody tries whether the database is back. Then the writer goes on at its
last place in the log, as a start does, with some lines between two batches; until the last of them
is in, whatever comes goes behind them, so that reports enter in the order in which they came.
Nothing of this is needed to find them again: a start after a kill brings in the same lines.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from API.app.errors import StorageUnavailableError
from API.app.ingest.detained import Detained
from API.app.ingest.entry import Entry, Pending
from API.app.ingest.journal import Journal, Mark, format_line
from API.app.ingest.lockout import Lockout
from API.app.ingest.pace import Pace
from API.app.ingest.recovery import Recovered, ahead, import_chunk, lines_of
from API.app.ingest.standing import Standing, hide, show
from API.app.ingest.store import Store, utc_now
from API.app.ingest.writer import Waiting, Writer
from API.app.locks import is_locked
from API.app.logs import Trouble
from createDB.engine import ANSWER_S, open_engine
from createDB.errors import DatabaseUnusableError
from createDB.state import require_current

log = structlog.get_logger()

TRY_S = 1.0
"""How often it is tried whether the database is back, in seconds."""

LOOK_S = 0.05
"""How soon the outcome of a try is looked at, in seconds."""

TRY_MS = 100
"""How long a try waits for somebody else's lock: reports do not wait for it."""

MOST = 256
"""Lines that are brought in by one transaction, at most."""

FOR_EACH = 4
"""Lines that are brought in for each that is added meanwhile, at least: so it comes to an end
however many reports come."""

SHOW_S = 0.5
"""How often others are shown how it stands, at most, in seconds."""

Key = tuple[str, str]
"""Who sent which report."""


class Claim(Protocol):
    """What a collector must hold to write, where others write too."""

    def is_held(self) -> bool:
        """Tell whether it is held."""

    def take(self) -> bool:
        """Take it, or tell that somebody else has it."""


class Backlog:
    """What `Writer` is to those who hand over reports, with patience for the database.

    Used by one thread.
    """

    def __init__(
        self, writer: Writer, engine: Engine, journal: Journal, store: Store, most: int,
        claim: Claim | None = None,
    ) -> None:  # fmt: skip
        """Make it, with the parts that the writer works with.

        Args:
            writer: that stores reports while the database is there.
            engine: of the database.
            journal: the log, which may be no further than the database.
            store: that has the writer's turn.
            most: how many reports may lie in the log alone; 0 for none.
            claim: what must be held to write; None where nobody else could.
        """
        self._writer, self._engine, self._journal, self._store = writer, engine, journal, store
        self._most, self._claim = most, claim
        self._aside = ThreadPoolExecutor(1, "backlog")
        self._detained = Detained(engine)
        self._is_sorting = False
        self._standing: Standing | None = None
        self._shown = 0.0
        self._waiting: dict[Key, float] = {}
        self._end = Mark("", 0)
        self._pace = Pace(MOST)
        self._owed = 0
        self._lockout = Lockout(engine)
        self._try: Future[bool] | None = None
        self._is_worth_it = False
        self._trouble = Trouble("the database is away still")
        self._next_try = 0.0
        hide(journal.folder.parent)

    def is_open(self) -> bool:
        """Tell whether the log may have lines that the database has not."""
        return self._standing is not None

    def reports(self) -> int:
        """Tell how many are in the log alone."""
        return len(self._waiting)

    def close(self) -> None:
        """Leave what is not in the database to the next start."""
        self._aside.shutdown(wait=False, cancel_futures=True)
        hide(self._journal.folder.parent)

    def write(self, batch: Sequence[Waiting]) -> None:
        """Store `batch`, or keep it, and tell each of those who wait.

        They hear `Pending` of what is safe in the log alone, and `StorageUnavailableError` where
        the log refuses too, or has too much that the database has not; then nothing was kept.
        """
        if self._standing:
            self._keep(batch)
        elif self._claim and not self._claim.is_held():
            self.away(batch, StorageUnavailableError("the database ended a connection"))
        elif self._detained:
            self._store_free(batch)
        elif self._most:
            self._writer.write(batch, self)
        else:
            self._writer.write(batch)

    def away(self, batch: Sequence[Waiting], error: Exception) -> None:
        """Keep `batch`, which the database did not take, and all that comes after it.

        Where all that stands in the way is a lock, others may have only some of its servers.
        """
        if is_locked(error) and not self._is_sorting:
            self._store_free(batch)
            return
        reason = self._lockout.reason_of(error)
        log.error("the database is away; reports are kept in the log", reason=reason)
        self._trouble.was_told()
        self._standing = Standing(time.time(), reason, self._most)
        self._next_try = time.monotonic() + TRY_S
        self._keep([*self._detained.release(), *batch])

    def _store_free(self, batch: Sequence[Waiting]) -> None:
        """Store those reports whose servers nobody else holds; the others wait."""
        self._is_sorting = True
        try:
            free = self._detained.sort_out(batch)
            if free:
                self._writer.write(free, self)
        except DBAPIError as error:
            self.away(batch, error)
        finally:
            self._is_sorting = False

    def _look_at_detained(self) -> float | None:
        """Store the reports that waited for others, where they need not wait any more."""
        if self._detained.is_too_long():
            self.away([], StorageUnavailableError("somebody else holds the rows of servers"))
        elif not self._detained.pause():
            self._store_free([])
        return self._detained.pause() if self._detained else None

    def tend(self) -> float | None:
        """Do what there is to do between two batches.

        Returns:
            in how many seconds it is to be called again, where no report comes before; None where
            it need not be.
        """
        pause = self._look_at_detained() if self._detained else None
        if self._standing is None:
            return pause
        self._show(self._standing)
        if self._is_worth_it:
            self._bring_in(self._standing)
            return 0.0
        now = time.monotonic()
        if self._try is None:
            if now < self._next_try:
                return self._next_try - now
            self._next_try = now + TRY_S
            self._try = self._aside.submit(self._is_back)
        if not self._try.done():
            return LOOK_S
        self._is_worth_it, self._try = self._try.result(), None
        if self._is_worth_it:
            self._pace.begin_anew()
            self._owed = 0
            self._engine.dispose()  # what was connected to it before may lead nowhere
        return 0.0

    def _is_back(self) -> bool:
        """Try whether the database takes a batch, of this collector."""
        try:
            reason = self._lockout.still()
            if reason is None:
                require_back(self._engine)
                self._lockout.end_hung()
                if self._claim is None or self._claim.take():
                    return True
                reason = "another collector has taken this one's name; see docs/postgresql.md"
        except (DBAPIError, DatabaseUnusableError, OSError) as error:
            reason = self._lockout.reason_of(error)
        self._turn_away(reason)
        return False

    def _keep(self, batch: Sequence[Waiting]) -> None:
        """Append to the log what is not there yet, as far as there is room."""
        now = utc_now()
        recibido = now.isoformat(timespec="microseconds") + "+00:00"
        lines: dict[Key, bytes] = {}
        for item in batch:
            key = _key(item.entry)
            is_new = key not in self._waiting and key not in lines
            if is_new and len(self._waiting) + len(lines) < self._most:
                entry = item.entry
                lines[key] = format_line(recibido, None, entry.id_reporte, entry.body)
        refusal = self._full()
        try:
            if lines:
                _, self._end = self._journal.append(now.date(), lines.values())
                self._waiting.update(dict.fromkeys(lines, time.time()))
                self._count(sum(map(len, lines.values())))
                self._owed += FOR_EACH * len(lines)
        except OSError as error:
            log.error("cannot store reports", reason=str(error))
            refusal = StorageUnavailableError(f"reports cannot be stored now: {error}")
        for item in batch:
            kept = _key(item.entry) in self._waiting
            item.tell(Pending(item.entry.id_reporte) if kept else refusal)

    def _full(self) -> StorageUnavailableError:
        reason = self._standing.motivo if self._standing else ""
        return StorageUnavailableError(
            f"{self._most:,} reports wait for the database already, which is away: {reason}"
        )

    def _bring_in(self, standing: Standing) -> None:
        """Bring lines into the database, in short transactions, and more than were added.

        Where there are none left, all is as before.
        """
        try:
            brought = self._import_some()
            if brought and not standing.volviendo:
                log.warning("the database is back; it gets what came while it was away")
                self._trouble.over()
                standing.volviendo = True
            while brought and self._owed:
                brought = self._import_some()
        except Exception as error:  # noqa: BLE001 - what is in the log can wait for whatever it is
            self._lockout.note(error)
            self._turn_away(self._lockout.reason_of(error))
            self._next_try = time.monotonic() + TRY_S
            return
        self._lockout.note(None)
        if not brought:
            self._end_of_it()

    def _turn_away(self, reason: str) -> None:
        """Note why the database takes nothing; it is told now and then, as it goes on."""
        self._is_worth_it = False
        if self._standing:
            self._trouble.met(reason)
            self._standing.volviendo, self._standing.motivo = False, reason

    def _import_some(self) -> int:
        """Bring in the next lines; tell how many there were."""
        began = time.monotonic()
        for path, start in ahead(self._engine, self._journal):
            name = self._journal.known_as(path.name)
            end = self._end.size if name == self._end.name else None
            done = Recovered()
            chunk = lines_of(path, start, self._pace.lines, end, done)
            if not chunk:
                continue
            with self._writer.turn():
                import_chunk(self._engine, self._store, name, chunk, done)
            for _, entry in chunk:
                if entry:
                    self._waiting.pop(_key(entry), None)
            self._count(start - chunk[-1][0])
            self._owed = max(0, self._owed - len(chunk))
            self._pace.took(len(chunk), time.monotonic() - began)
            return len(chunk)
        return 0

    def _end_of_it(self) -> None:
        if self._standing:
            seconds = round(time.time() - self._standing.desde)
            log.warning("the database has what came while it was away", seconds=seconds)
        self._standing, self._is_worth_it = None, False
        self._waiting.clear()
        hide(self._journal.folder.parent)

    def _count(self, size: int) -> None:
        """Note so many bytes more, or fewer."""
        if self._standing:
            self._standing.bytes = max(0, self._standing.bytes + size)
            self._standing.reportes = len(self._waiting)
            self._standing.primero = next(iter(self._waiting.values()), None)

    def _show(self, standing: Standing) -> None:
        if time.monotonic() - self._shown > SHOW_S:
            self._shown = time.monotonic()
            show(self._journal.folder.parent, standing)


def require_back(engine: Engine) -> None:
    """Try whether the database of `engine` takes a batch, over connections of its own.

    Raises:
        DBAPIError, DatabaseUnusableError, OSError: it doesn't; and why not.
    """
    trial = open_engine(engine.url, wait_ms=TRY_MS, checkpoints=False, answer_s=ANSWER_S)
    try:
        require_current(engine.url)  # before it is opened to write, which would make a file anew
        with trial.begin() as connection:
            connection.exec_driver_sql("UPDATE bitacoras SET posicion = posicion WHERE 1 = 0")
            connection.exec_driver_sql("UPDATE servers SET momento = momento WHERE 1 = 0")
    finally:
        trial.dispose()


def _key(entry: Entry) -> Key:
    return entry.id_agente, entry.id_reporte

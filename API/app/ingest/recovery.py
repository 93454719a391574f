"""Brings the JSON log and the database together at start, whatever the last run left behind.

The log may be ahead by a batch whose commit never came; the database may be ahead where a file of
the log was damaged or lost. Either way the other one holds the reports.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice, takewhile
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from API.app.ingest.entry import Entry, entry_from_line
from API.app.ingest.journal import (
    DamagedLineError,
    Journal,
    Mark,
    day_of,
    format_line,
    journal_files,
    parse_line,
    read_lines,
)
from API.app.ingest.lockout import Lockout
from API.app.ingest.pace import Pace
from API.app.ingest.positions import forget, positions_in, remember
from API.app.ingest.retention import first_day_kept, limits_of, was_removed
from API.app.ingest.sql import to_ms
from API.app.ingest.store import Store, moment_of, utc_now
from API.app.ingest.writer import is_outage
from API.app.queries.servers import StoredReport, report_as_posted, stored_on
from API.app.report import InvalidReportError

log = structlog.get_logger()

CHUNK = 500
"""Reports that are brought in by one transaction, at most."""


Read = tuple[int, Entry | None]
"""Where a line ends, and its report; None where it is damaged."""


@dataclass(slots=True)
class Recovered:
    """What a start had to mend."""

    imported: int = 0
    """Reports that were in the log alone."""
    restored: int = 0
    """Reports that were in the database alone."""
    damaged: int = 0
    """Lines of the log that are none."""
    refused: int = 0
    """Reports of the log that the database does not take."""


def reconcile(engine: Engine, journal: Journal, store: Store) -> Recovered:
    """Make sure that every report is in both places; what is there already stays as it is."""
    done = Recovered()
    known = _positions(engine, journal)
    kept_from = _first_day(engine)
    for path in journal_files(journal.folder):
        name, position = journal.known_as(path.name), known.get(path.name, 0)
        if path.suffix == ".gz":
            # Of a compressed file its own size is remembered: it is read as a whole or not at all.
            if path.stat().st_size != position:
                _import_file(engine, store, path, Mark(name, 0), done)
                _remember_whole(engine, path, name)
            continue
        repair_tail(path)
        if path.stat().st_size > position:
            _import_file(engine, store, path, Mark(name, position), done)
    for name, position in known.items():
        if day_of(name) < kept_from and not (journal.folder / name).exists():
            _forget(engine, journal, name)
        else:
            _mend_file(engine, journal, name, position, done)
    if done != Recovered():
        log.warning("log and database brought together", **asdict(done))
    return done


def repair_tail(path: Path) -> None:
    """Cut off a last line that a crash left half-written; nobody was told that it was stored."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        keep = _end_of_last_line(file.fileno(), size)
        if keep < size:
            log.warning("half a line cut off", file=path.name, bytes=size - keep)
            file.truncate(keep)
            os.fsync(file.fileno())


def _positions(engine: Engine, journal: Journal) -> Mapping[str, int]:
    with engine.connect() as connection:
        return positions_in(connection, journal.owner)


def _first_day(engine: Engine) -> str:
    """Give the first day whose file of the log is kept; those before it may be gone for good."""
    with engine.connect() as connection:
        return first_day_kept(limits_of(connection))


def _end_of_last_line(descriptor: int, size: int) -> int:
    """Give the position just after the last line feed, looking from the end backwards."""
    block = 1 << 16
    end = size
    while end > 0:
        start = max(0, end - block)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _import_file(engine: Engine, store: Store, path: Path, start: Mark, done: Recovered) -> None:
    """Bring in the lines of `path` past `start`, chunk by chunk."""
    found, pace, lockout = _entries(path, start.size, done), Pace(CHUNK), Lockout(engine)
    while chunk := list(islice(found, pace.lines)):
        began = time.monotonic()
        while not _import_unless_locked(engine, store, start.name, chunk, done, lockout):
            began = time.monotonic()
        pace.took(len(chunk), time.monotonic() - began)


def _import_unless_locked(
    engine: Engine, store: Store, name: str, chunk: Sequence[Read], done: Recovered,
    lockout: Lockout,
) -> bool:  # fmt: skip
    """Bring in lines; tell whether nobody held their servers, if it is worth another try."""
    try:
        import_chunk(engine, store, name, chunk, done)
    except DBAPIError as error:
        if not lockout.note(error):
            raise
        lockout.end_hung()
        return False
    lockout.note(None)
    return True


def ahead(engine: Engine, journal: Journal) -> Iterator[tuple[Path, int]]:
    """Give the files of the log that have more than is in the database, and where that begins.

    Those that are compressed are not looked at: only a start does that.
    """
    known = _positions(engine, journal)
    for path in journal_files(journal.folder):
        position = known.get(path.name, 0)
        if path.suffix != ".gz" and path.stat().st_size > position:
            yield path, position


def lines_of(path: Path, start: int, most: int, end: int | None, done: Recovered) -> Sequence[Read]:
    """Read up to `most` lines of `path` that begin at `start` or after it, and end by `end`."""
    found = takewhile(lambda line: end is None or line[0] <= end, _entries(path, start, done))
    return list(islice(found, most))


def import_chunk(
    engine: Engine, store: Store, name: str, chunk: Sequence[Read], done: Recovered
) -> None:
    """Bring in lines of the file `name`; a report that spoils it for the others goes alone."""
    entries = [entry for _, entry in chunk if entry]
    place = Mark(name, chunk[-1][0])
    try:
        done.imported += _import_chunk(engine, store, entries, place)
    except Exception as error:
        if is_outage(error):
            raise
        for entry in entries:
            _import_alone(engine, store, name, entry, done)
        _import_chunk(engine, store, [], place)


def _import_alone(engine: Engine, store: Store, name: str, entry: Entry, done: Recovered) -> None:
    """Store one report, or say why that cannot be done: it stays in the log, and others go on."""
    try:
        done.imported += _import_one(engine, store, entry)
    except Exception as error:
        if is_outage(error):
            raise
        done.refused += 1
        log.error("report not stored", file=name, id_reporte=entry.id_reporte, reason=repr(error))


def _remember_whole(engine: Engine, path: Path, name: str) -> None:
    with engine.begin() as connection:
        remember(connection, Mark(name, path.stat().st_size))


@contextlib.contextmanager
def _storing(engine: Engine, store: Store) -> Iterator[Connection]:
    """Give a transaction; `store` remembers nothing of one that failed, be it with its commit."""
    try:
        with engine.begin() as connection:
            yield connection
    except BaseException:
        store.forget()
        raise


def _import_chunk(engine: Engine, store: Store, entries: list[Entry], place: Mark) -> int:
    with _storing(engine, store) as connection:
        results = store.store(connection, _kept(connection, entries), utc_now())
        remember(connection, place)
    return sum(result.created for result in results)


def _import_one(engine: Engine, store: Store, entry: Entry) -> int:
    """Store one report; under a number of its own where another report has taken the one it had."""
    try:
        with _storing(engine, store) as connection:
            results = store.store(connection, _kept(connection, [entry]), utc_now())
            return sum(result.created for result in results)
    except IntegrityError:
        log.warning("number taken by another report", id_serv=entry.id_serv)
        with _storing(engine, store) as connection:
            anew = entry._replace(id_serv=None)
            return store.store(connection, [anew], utc_now())[0].created


def _kept(connection: Connection, entries: list[Entry]) -> list[Entry]:
    """Leave out what housekeeping has removed from the database."""
    limit = limits_of(connection).reportes
    return [
        entry
        for entry in entries
        if _place(entry) >= limit or not was_removed(connection, entry.id_agente, _place(entry))
    ]


def _place(entry: Entry) -> int:
    return to_ms(moment_of(entry.report.fecha_hora, entry.recibido or utc_now()))


def _entries(path: Path, start: int, done: Recovered) -> Iterator[Read]:
    """Give each line's end and its report; None in place of a line that is damaged."""
    position = start
    try:
        for position, text in read_lines(path, start):
            try:
                line = parse_line(text, f"{path.name}, before byte {position}")
                yield position, entry_from_line(line)
            except (DamagedLineError, InvalidReportError) as error:
                done.damaged += 1
                log.error("damaged line", file=path.name, before=position, reason=str(error))
                yield position, None
    except DamagedLineError as error:
        done.damaged += 1
        log.error("damaged file", reason=str(error))
        yield position, None


def _mend_file(engine: Engine, journal: Journal, name: str, position: int, done: Recovered) -> None:
    """Put back into the log what the database has of a file that is shorter than it was.

    A compressed day that is gone is left alone: somebody made room on the disk by hand.
    """
    path = journal.folder / name
    if path.exists() and (path.suffix == ".gz" or path.stat().st_size >= position):
        return
    with engine.begin() as connection:
        if path.suffix == ".gz" or path.with_name(name + ".gz").exists():
            forget(connection, journal.known_as(name))
            return
        log.warning("the log is shorter than it was", file=name)
        done.restored += _restore(connection, journal, path)


def _forget(engine: Engine, journal: Journal, name: str) -> None:
    """Finish what housekeeping began when it removed a file."""
    with engine.begin() as connection:
        forget(connection, journal.known_as(name))


def _restore(connection: Connection, journal: Journal, path: Path) -> int:
    """Append to `path` a line for each report of its day that is in the database alone."""
    day = date.fromisoformat(path.name.removeprefix("reportes-").removesuffix(".jsonl"))
    there = _reports_in(path) if path.exists() else set()
    missing = [
        row
        for row in stored_on(connection, day)
        if row.id_serv not in there and (row.id_agente, row.id_reporte) not in there
    ]
    for start in range(0, len(missing), CHUNK):
        rows = missing[start : start + CHUNK]
        _, end = journal.append(day, (_line_from_database(connection, row) for row in rows))
        remember(connection, end)
    if not missing:
        size = path.stat().st_size if path.exists() else 0
        remember(connection, Mark(journal.known_as(path.name), size))
    return len(missing)


def _line_from_database(connection: Connection, row: StoredReport) -> bytes:
    body = msgspec.json.encode(report_as_posted(connection, row.id_serv))
    recibido = row.recibido.isoformat(timespec="microseconds") + "+00:00"
    return format_line(recibido, row.id_serv, row.id_reporte, body)


def _reports_in(path: Path) -> set[int | tuple[str, str]]:
    """Give the numbers in a file of the log; of a line without one, who sent which report."""
    found: set[int | tuple[str, str]] = set()
    for position, text in read_lines(path):
        with contextlib.suppress(DamagedLineError, InvalidReportError):
            line = parse_line(text, f"{path.name}, before byte {position}")
            if line.id_serv is None:
                found.add((entry_from_line(line).id_agente, line.id_reporte))
            else:
                found.add(line.id_serv)
    return found

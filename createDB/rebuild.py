"""Makes a new database from the JSON log."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

from API.app.ingest.entry import Entry, Stored
from API.app.ingest.journal import Mark
from API.app.ingest.positions import remember
from API.app.ingest.store import Store, utc_now
from createDB.build import one_builder
from createDB.engine import (
    database_path,
    is_postgresql,
    name_of,
    open_engine,
    open_for_building,
    unusable,
)
from createDB.errors import DatabaseUnusableError
from createDB.reading import NO_NUMBER, LogReader, Row
from createDB.snapshot import FILE_MODE, publish
from createDB.state import ready
from createDB.tables import create_tables
from createDB.views import Layout
from createDB.words import counted

IDENTITY = ["id_agente", "id_reporte"]


def rebuild(url: URL, *folders: Path, layout: Layout = Layout.COMPLETO) -> tuple[bool, list[str]]:
    """Make the database of `url`, which must not exist, from the logs in `folders`.

    A file gets its name when it is finished and on disk; interrupted, nothing is left of it. On
    PostgreSQL the same command goes on.

    Returns:
        whether every line could be read, and what to tell the operator.

    Raises:
        DatabaseUnusableError: there is such a database, or it can't be written.
    """
    logs = [LogReader(folder, "bitácora") for folder in folders]
    for log in logs:
        if not log.limits:
            raise DatabaseUnusableError(f"{log.folder}: no hay bitácora (reportes-*.jsonl)")
    if is_postgresql(url):
        from createDB.moving.refill import refill  # psycopg, which SQLite needs not

        moved, stored = refill(url, logs, layout)
    else:
        moved, stored = _make_file(url, logs, layout)
    well = not moved and not any(log.damaged for log in logs)
    return well, _lines(name_of(url), logs, moved, stored)


def _make_file(url: URL, logs: Sequence[LogReader], layout: Layout) -> tuple[list[str], int]:
    path = database_path(url)
    with one_builder(path):
        _require_absent(path)
        partial = path.with_name(f".{path.name}.parcial")
        _remove(partial)
        try:
            moved, stored = _fill(url.set(database=str(partial)), logs, layout)
            publish(partial, path)
        except OSError as error:
            raise unusable(error, path) from error
        finally:
            _remove(partial)
        engine = open_engine(url)
        try:
            ready(engine)
        finally:
            engine.dispose()
    return moved, stored


def _require_absent(path: Path) -> None:
    if path.is_dir():
        raise DatabaseUnusableError(f"{path}: no es un archivo")
    if path.exists() and path.stat().st_size:
        raise DatabaseUnusableError(
            f"{path}: ya existe y no se sobrescribe; dé otro nombre con --database"
        )
    path.unlink(missing_ok=True)


def _remove(partial: Path) -> None:
    """Remove an unfinished database, of this run or of one that was killed."""
    for suffix in ("", "-journal"):
        partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _fill(url: URL, logs: Sequence[LogReader], layout: Layout) -> tuple[list[str], int]:
    """Store what is in `logs`.

    Returns:
        what to say of reports whose number was taken, and how many reports there are now.
    """
    database_path(url).touch(FILE_MODE)
    engine = open_for_building(url, durable=False)
    into = Into(engine, Store(rows=layout is Layout.COMPLETO))
    try:
        with engine.begin() as connection:
            create_tables(connection, layout)
        moved = store_all(into, logs)
        with engine.begin() as connection:
            # Files of several logs have the same names: a collector reads its own once more then.
            for name, position in logs[0].positions() if len(logs) == 1 else ():
                remember(connection, Mark(name, position))
            stored = connection.exec_driver_sql("SELECT count(*) FROM servers").scalar_one()
    except DBAPIError as error:
        raise unusable(error, database_path(url)) from error
    finally:
        engine.dispose()
    return moved, stored


class Into(NamedTuple):
    """The database that is being filled."""

    engine: Engine
    rows: Store
    prepare: Callable[[Sequence[Entry]], object] = len
    """Is told of reports before they are stored."""

    def store(self, entries: Sequence[Entry]) -> list[Stored]:
        """Store reports, in a transaction."""
        self.prepare(entries)
        with self.engine.begin() as connection:
            return self.rows.store(connection, entries, utc_now())


def store_all(into: Into, logs: Iterable[LogReader]) -> list[str]:
    """Store every report once; give what to say of those whose number another one has."""
    taken: list[Row] = []
    for log in logs:
        for frame in log.frames():
            taken += _store_frame(into, frame)
    return [_store_anew(into, row) for row in taken]


def _store_frame(into: Into, frame: pd.DataFrame) -> list[Row]:
    """Store the reports of `frame` by their numbers, each once; give those it could not."""
    once = _by_number(frame.drop_duplicates(IDENTITY))
    try:
        into.store(list(once["entry"]))
    except IntegrityError:
        rows = [Row(*row) for row in once.itertuples(index=False)]
        return [row for row in rows if not _stored_alone(into, row)]
    return []


def _by_number(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort reports by their numbers; what has none stays behind the one it came after."""
    numbers = frame["id_serv"].astype("Int64")
    order = numbers.mask(numbers == NO_NUMBER).ffill().fillna(NO_NUMBER)
    return frame.loc[order.sort_values(kind="stable").index]


def _stored_alone(into: Into, row: Row) -> bool:
    try:
        into.store([row.entry])
    except IntegrityError:
        return False
    return True


def _store_anew(into: Into, row: Row) -> str:
    """Store a report whose number another one has, under the next that is free."""
    (found,) = into.store([row.entry._replace(id_serv=None)])
    return f"{row.where}: el número {row.id_serv} lo tiene otro reporte; quedó como {found.id_serv}"


def _lines(name: str, logs: Sequence[LogReader], moved: list[str], stored: int) -> list[str]:
    repeated = sum(log.reports for log in logs) - stored
    damaged = sum(log.damaged for log in logs)
    lines = [*(f"línea dañada: {line}" for log in logs for line in log.complaints), *moved]
    folders = " y ".join(str(log.folder) for log in logs)
    lines.append(f"{name}: creada desde {folders}: {counted(stored, 'reporte', 'reportes')}")
    if repeated:
        lines[-1] += f"; {counted(repeated, 'repetido, tomado', 'repetidos, tomados')} una vez"
    if damaged:
        missing = counted(damaged, "línea dañada, que no está", "líneas dañadas, que no están")
        lines[-1] += f"; {missing} en ella"
    return lines

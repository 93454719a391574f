"""Makes a new database from the JSON log."""

from collections.abc import Sequence
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
from createDB.engine import database_path, open_engine, open_for_building, unusable
from createDB.errors import DatabaseUnusableError
from createDB.reading import NO_NUMBER, LogReader, Row
from createDB.snapshot import FILE_MODE, publish
from createDB.state import ready
from createDB.tables import create_tables
from createDB.views import Layout

IDENTITY = ["id_agente", "id_reporte"]


def rebuild(url: URL, folder: Path, layout: Layout = Layout.COMPLETO) -> tuple[bool, list[str]]:
    """Make the database of `url`, which must not exist, from the log in `folder`.

    It gets its name when it is finished and on disk; interrupted, nothing is left of it.

    Returns:
        whether every line could be read, and what to tell the operator.

    Raises:
        DatabaseUnusableError: there is such a database, or it can't be written.
    """
    path = database_path(url)
    with one_builder(path):
        _require_absent(path)
        log = LogReader(folder, "bitácora")
        if not log.limits:
            raise DatabaseUnusableError(f"{folder}: no hay bitácora (reportes-*.jsonl)")
        partial = path.with_name(f".{path.name}.parcial")
        _remove(partial)
        try:
            moved, stored = _fill(url.set(database=str(partial)), log, layout)
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
    return not (log.damaged or moved), _lines(path, log, moved, stored)


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


def _fill(url: URL, log: LogReader, layout: Layout) -> tuple[list[str], int]:
    """Store what is in `log`.

    Returns:
        what to say of reports whose number was taken, and how many reports there are now.
    """
    database_path(url).touch(FILE_MODE)
    engine = open_for_building(url, durable=False)
    into = _Into(engine, Store(rows=layout is Layout.COMPLETO))
    taken: list[Row] = []
    try:
        with engine.begin() as connection:
            create_tables(connection, layout)
        for frame in log.frames():
            taken += _store_frame(into, frame)
        moved = [_store_anew(into, row) for row in taken]
        with engine.begin() as connection:
            for name, position in log.positions():
                remember(connection, Mark(name, position))
            stored = connection.exec_driver_sql("SELECT count(*) FROM servers").scalar_one()
    except DBAPIError as error:
        raise unusable(error, database_path(url)) from error
    finally:
        engine.dispose()
    return moved, stored


class _Into(NamedTuple):
    """The database that is being filled."""

    engine: Engine
    rows: Store

    def store(self, entries: Sequence[Entry]) -> list[Stored]:
        with self.engine.begin() as connection:
            return self.rows.store(connection, entries, utc_now())


def _store_frame(into: _Into, frame: pd.DataFrame) -> list[Row]:
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


def _stored_alone(into: _Into, row: Row) -> bool:
    try:
        into.store([row.entry])
    except IntegrityError:
        return False
    return True


def _store_anew(into: _Into, row: Row) -> str:
    """Store a report whose number another one has, under the next that is free."""
    (found,) = into.store([row.entry._replace(id_serv=None)])
    return f"{row.where}: el número {row.id_serv} lo tiene otro reporte; quedó como {found.id_serv}"


def _lines(path: Path, log: LogReader, moved: list[str], stored: int) -> list[str]:
    repeated = log.reports - stored
    lines = [*(f"línea dañada: {line}" for line in log.complaints), *moved]
    lines.append(f"{path}: creada desde {log.folder}: {stored} reportes")
    if repeated:
        lines[-1] += f"; {repeated} repetidos, tomados una vez"
    if log.damaged:
        lines[-1] += f"; {log.damaged} líneas dañadas, que no están en ella"
    return lines

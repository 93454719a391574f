"""Makes a new database from the JSON log."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

from API.app.ingest.journal import Mark
from API.app.ingest.store import Entry, store, utc_now
from API.app.ingest.writer import remember
from createDB.build import create_tables, one_builder
from createDB.engine import (
    DatabaseUnusableError,
    database_path,
    open_engine,
    open_for_building,
    unusable,
)
from createDB.reading import LogReader, Row
from createDB.snapshot import FILE_MODE, publish
from createDB.state import ready

IDENTITY = ["id_agente", "id_reporte"]


def rebuild(url: URL, folder: Path) -> tuple[bool, list[str]]:
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
            moved, stored = _fill(url.set(database=str(partial)), log)
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


def _fill(url: URL, log: LogReader) -> tuple[list[str], int]:
    """Store what is in `log`.

    Returns:
        what to say of reports whose number was taken, and how many reports there are now.
    """
    database_path(url).touch(FILE_MODE)
    engine = open_for_building(url, durable=False)
    taken: list[Row] = []
    try:
        with engine.begin() as connection:
            create_tables(connection)
        for frame in log.frames():
            taken += _store_frame(engine, frame)
        moved = [_store_anew(engine, row) for row in taken]
        with engine.begin() as connection:
            for name, position in log.positions():
                remember(connection, Mark(name, position))
            stored = connection.exec_driver_sql("SELECT count(*) FROM servers").scalar_one()
    except DBAPIError as error:
        raise unusable(error, database_path(url)) from error
    finally:
        engine.dispose()
    return moved, stored


def _store_frame(engine: Engine, frame: pd.DataFrame) -> list[Row]:
    """Store the reports of `frame` by their numbers, each once; give those it could not."""
    once = frame.drop_duplicates(IDENTITY).sort_values("id_serv", kind="stable")
    try:
        _store(engine, list(once["entry"]))
    except IntegrityError:
        rows = [Row(*row) for row in once.itertuples(index=False)]
        return [row for row in rows if not _stored_alone(engine, row)]
    return []


def _store(engine: Engine, entries: Sequence[Entry]) -> None:
    with engine.begin() as connection:
        store(connection, entries, utc_now())


def _stored_alone(engine: Engine, row: Row) -> bool:
    try:
        _store(engine, [row.entry])
    except IntegrityError:
        return False
    return True


def _store_anew(engine: Engine, row: Row) -> str:
    """Store a report whose number another one has, under the next that is free."""
    with engine.begin() as connection:
        (found,) = store(connection, [row.entry._replace(id_serv=None)], utc_now())
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

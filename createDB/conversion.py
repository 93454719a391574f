"""Turns a database of the layout `completo` into one of `compacto`, in place and without loss.

One transaction proves that the periods give every row, puts the views in the place of the tables
and copies what was before: whatever ends it, the database is what it was or is `compacto`. The
space comes back after that (docs/adr/0008-conversion-in-one-transaction.md).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from API.app.settings import Settings
from API.app.storage import StorageInUseError
from createDB.engine import (
    database_path,
    is_postgresql,
    name_of,
    open_engine,
    open_for_building,
    unusable,
)
from createDB.errors import DatabaseUnusableError
from createDB.exclusive import alone
from createDB.proof import find_losses
from createDB.snapshot import require_room, safety_copy
from createDB.views import COMPACT, Layout, layout_of, make_views


def convert(settings: Settings, layout: Layout) -> tuple[bool, list[str]]:
    """Give the database, which is current, the layout that is asked for.

    Returns:
        whether it has it now, and what to tell the operator: what would be lost, where it has not.

    Raises:
        DatabaseUnusableError: it can't be done, or not now; the database is as it was.
    """
    url = settings.database
    found = _layout_of(url)
    if found is layout:
        return True, []
    if is_postgresql(url):
        raise DatabaseUnusableError(
            f"{name_of(url)}: es {found}, y en PostgreSQL eso no cambia: escriba una copia con "
            f"--snapshot ARCHIVO, pásela con --database ARCHIVO --layout {layout}, y llévela a "
            "otra base con --from-database ARCHIVO (docs/postgresql.md)"
        )
    if found is Layout.COMPACTO:
        raise DatabaseUnusableError(
            f"{database_path(url)}: es {found}; para tenerla {layout} hágala de nuevo desde la "
            f"bitácora: --database OTRO_ARCHIVO --layout {layout} --from-log CARPETA"
        )
    try:
        with alone(settings):
            return _switch(url)
    except StorageInUseError as error:
        raise DatabaseUnusableError(f"{error}; deténgalo antes") from None


def give_back(settings: Settings) -> list[str]:
    """Give the disk the space that a converted database doesn't use; left to a collector at work.

    Returns:
        what to tell the operator.

    Raises:
        DatabaseUnusableError: the disk has no room for what is left of the database once more.
    """
    if is_postgresql(settings.database):
        return []  # it has its own way of using again what is free
    path = database_path(settings.database)
    try:
        with alone(settings), closing(sqlite3.connect(path, isolation_level=None)) as database:
            before = _pages(database)
            if not database.execute("PRAGMA freelist_count").fetchone()[0]:
                return []
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # for one that an old version made
            database.execute("VACUUM")
            size = database.execute("PRAGMA page_size").fetchone()[0]
            freed = (before - _pages(database)) * size
    except StorageInUseError:
        return []
    except sqlite3.Error as error:
        raise unusable(error, path) from error
    return [f"{path}: {freed >> 10} KiB devueltos al disco"]


def _layout_of(url: URL) -> Layout:
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return layout_of(connection)
    except DBAPIError as error:
        raise unusable(error, name_of(url)) from error
    finally:
        engine.dispose()


def _switch(url: URL) -> tuple[bool, list[str]]:
    path = database_path(url)
    require_room(url)
    copy: Path | None = None
    try:
        with open_for_building(url).begin() as connection:
            losses = find_losses(connection)
            if losses.counts:
                refused = f"{path}: sigue completo: como compacto perdería lo de arriba"
                return False, [*losses.lines(), refused]
            _replace_tables(connection)
            _require_whole(connection, path)
            copy = safety_copy(url, Layout.COMPACTO)
    except (sqlite3.Error, DBAPIError) as error:
        if copy:
            copy.unlink()
        raise unusable(error, path) from error
    return True, [*losses.lines(), f"{path}: pasó de completo a compacto; copia anterior en {copy}"]


def _replace_tables(connection: Connection) -> None:
    """Put the views in the place of the tables: that is what the layout is known by."""
    # What is dropped need not be overwritten: the space goes back to the disk.
    connection.exec_driver_sql("PRAGMA secure_delete = OFF")
    for view in COMPACT:
        connection.exec_driver_sql(f"DROP TABLE {view.name}")
    make_views(connection, Layout.COMPACTO)


def _require_whole(connection: Connection, path: Path) -> None:
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    if found != "ok":
        raise DatabaseUnusableError(f"{path}: no quedaría íntegra, y sigue completo: {found}")


def _pages(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA page_count").fetchone()[0])

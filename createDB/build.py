"""Makes the tables of a new database and brings an existing one up to date."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from createDB.adopt import adopt_reports
from createDB.engine import (
    database_path,
    is_postgresql,
    name_of,
    open_engine,
    open_for_building,
    unusable,
)
from createDB.moving.place import require_finished
from createDB.snapshot import FILE_MODE, safety_copy
from createDB.state import (
    State,
    head_revision,
    look_at,
    ready,
    require_not_newer,
    state_of,
)
from createDB.tables import create_tables
from createDB.views import Layout, layout_of, make_views

FOLDER_MODE = 0o750


def build(url: URL, layout: Layout = Layout.COMPLETO) -> str:
    """Make or upgrade the database of `url`; one that is current is only looked at.

    Args:
        url: where it is, or will be.
        layout: of a new one; one that exists keeps its own.

    Returns:
        what was done, in one line.

    Raises:
        DatabaseUnusableError: it can't be done; the database is as it was.
    """
    if is_postgresql(url):
        return _build_postgresql(url, layout)
    path = database_path(url)
    with one_builder(path):
        look = look_at(url)
        done = None if look and look[0] is State.CURRENT else _make_or_upgrade(url, layout)
        # Still alone: SQLite doesn't wait for its turn to switch the file to WAL, it fails.
        engine = open_engine(url)
        try:
            ready(engine)
            if done is None:
                with engine.connect() as connection:
                    done = _up_to_date(connection, str(path))
        finally:
            engine.dispose()
    return done


def _build_postgresql(url: URL, layout: Layout) -> str:
    """Make or upgrade the tables in one transaction, which keeps other builders waiting."""
    from createDB.postgresql.building import become_builder, make_functions
    from createDB.postgresql.partitions import make_ahead

    engine = open_engine(url, wait_ms=0)
    name = name_of(url)
    try:
        with engine.begin() as connection:
            become_builder(connection)
            require_finished(connection)
            state, revision = state_of(connection)
            require_not_newer(state, revision, name)
            if state is State.NEW:
                create_tables(connection, layout)
                return f"{name}: creada (esquema {head_revision()}, {layout})"
            make_ahead(connection, datetime.now(UTC).date())
            if state is State.CURRENT:
                return _up_to_date(connection, name)
            make_functions(connection)
            _upgrade(connection)
            return f"{name}: actualizada de {revision} a {head_revision()}"
    except DBAPIError as error:
        raise unusable(error, name) from error
    finally:
        engine.dispose()


@contextmanager
def one_builder(path: Path) -> Iterator[None]:
    """Keep other builders of databases in the folder of `path` waiting; makes the folder.

    The lock is on the folder itself, so it leaves no file behind and ends with the process.

    Raises:
        DatabaseUnusableError: the folder can't be made or read.
    """
    try:
        _make_folder(path.parent)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unusable(error, path.parent) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(FOLDER_MODE, exist_ok=True)


def _make_or_upgrade(url: URL, layout: Layout) -> str:
    made = _make_file(database_path(url))
    engine = open_for_building(url)
    try:
        with engine.begin() as connection:
            return _bring_up_to_date(connection, url, layout, made)
    except BaseException as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error | DBAPIError):
            raise unusable(error, database_path(url)) from error
        raise


def _make_file(path: Path) -> list[Path]:
    """Make an empty file with our permissions where there is none; give what was made."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    except FileExistsError:
        return []
    except OSError as error:
        raise unusable(error, path) from error
    return [path]


def _bring_up_to_date(connection: Connection, url: URL, layout: Layout, made: list[Path]) -> str:
    """Do what the state asks for; nobody else can write before the transaction ends.

    Files that come into being are added to `made`, for whoever has to take them back.
    """
    path = database_path(url)
    state, revision = state_of(connection)
    require_not_newer(state, revision, str(path))
    if state is State.CURRENT:
        return _up_to_date(connection, str(path))
    if state is State.NEW:
        create_tables(connection, layout)
        return f"{path}: creada (esquema {head_revision()}, {layout})"
    copy = safety_copy(url, head_revision())
    made.append(copy)
    _upgrade(connection)
    found = revision or "primera generación"
    return f"{path}: actualizada de {found} a {head_revision()}; copia anterior en {copy}"


def _up_to_date(connection: Connection, name: str) -> str:
    """Say that there was nothing to do, and what there is, as of a new one."""
    return f"{name}: ya está al día (esquema {head_revision()}, {layout_of(connection)})"


def _upgrade(connection: Connection) -> None:
    from createDB.migrations.running import run_migrations  # Alembic takes its time to import

    run_migrations(connection)
    make_views(connection, layout_of(connection))
    adopt_reports(connection)

"""Tells which state a database is in: new, of the first generation, older, current or newer."""

import sqlite3
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, create_engine, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from createDB.engine import (
    ANSWER_S,
    BUSY_TIMEOUT_MS,
    database_path,
    is_postgresql,
    name_of,
    open_engine,
    unusable,
)
from createDB.errors import DatabaseUnusableError
from createDB.moving.place import require_finished
from createDB.schema import metadata

MIGRATIONS = Path(__file__).resolve().parent / "migrations"

VERSION_TABLE = "version_esquema"
"""Where the revision is kept; a name of its own, as the file may hold other programs' tables."""

SQLITE_HEADER = b"SQLite format 3\0"

SEED_COLUMNS = {
    "servers": {"id_serv", "ipaddress", "fecha_hora", "arquitectura_proc", "marca_proc",
                "nombre_so", "version_so"},
    "procesos": {"id_proc", "id_serv", "ip_server", "fecha_hora", "pid", "name", "username"},
    "usuarios_activos": {"id_usr", "id_serv", "ip_server", "fecha_hora", "username", "pid"},
}  # fmt: skip
"""What a database of the first generation has, and what tells it from somebody else's."""


class State(Enum):
    """What there is to do about a database."""

    NEW = "there are no tables of ours"
    FIRST_GENERATION = "made before there were revisions"
    OLDER = "made by an older version"
    CURRENT = "as the code wants it"
    NEWER = "made by a newer version, or by another program"


def head_revision() -> str:
    """Give the revision that the code wants."""
    return max(known_revisions())


def known_revisions() -> set[str]:
    """Give every revision that a migration leads to.

    Its file's name has it: programs that upgrade nothing do without Alembic, which takes a sixth of
    a start to import.
    """
    return {path.name[1:5] for path in MIGRATIONS.glob("versions/v[0-9][0-9][0-9][0-9]_*.py")}


def state_of(connection: Connection) -> tuple[State, str | None]:
    """Look at the tables.

    Returns:
        the state, and the revision written in the database, if any.

    Raises:
        DatabaseUnusableError: a table with the name of one of ours is somebody else's.
    """
    tables = table_names(connection)
    if VERSION_TABLE not in tables:
        return _state_without_revision(connection, tables), None
    query = f"SELECT max(version_num) FROM {VERSION_TABLE}"  # noqa: S608
    revision = connection.exec_driver_sql(query).scalar()
    if revision == head_revision():
        return State.CURRENT, revision
    return (State.OLDER if revision in known_revisions() else State.NEWER), revision


def metadata_of(dialect: str) -> MetaData:
    """Give the tables as a database of this dialect has them."""
    if dialect == "postgresql":
        from createDB.postgresql import tables  # for SQLite nobody needs them

        return tables.metadata
    return metadata


def table_names(connection: Connection) -> set[str]:
    """Name the tables and views there are."""
    found = inspect(connection)
    return {*found.get_table_names(), *found.get_view_names()}


def column_names(connection: Connection, table: str) -> list[str]:
    """Name the columns of `table`, in their order."""
    return [column["name"] for column in inspect(connection).get_columns(table)]


def ready(engine: Engine) -> None:
    """Make sure that the database of `engine` can be read, written and is the code's own version.

    Raises:
        DatabaseUnusableError: it isn't; the message says why, and what to do.
    """
    url = engine.url
    require_current(url)
    try:
        with engine.connect() as connection:
            _require_tables(connection, name_of(url))
            _probe_writing(connection)
    except (sqlite3.Error, DBAPIError) as error:
        raise unusable(error, name_of(url)) from error


def look_at(url: URL) -> tuple[State, str | None] | None:
    """Give the state of the database of `url` without changing it; None where there is no file.

    Raises:
        DatabaseUnusableError: it cannot be read.
    """
    if is_postgresql(url):
        return _look_at_postgresql(url)
    path = database_path(url)
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise DatabaseUnusableError(f"{path}: no es un archivo")
        _require_header(path)
    except OSError as error:
        raise unusable(error, path) from error
    existing = url.set(database=f"{path.as_uri()}?mode=rw", query={"uri": "true"})
    wait = {"timeout": BUSY_TIMEOUT_MS / 1000}
    try:
        with create_engine(existing, poolclass=NullPool, connect_args=wait).connect() as connection:
            return state_of(connection)
    except (sqlite3.Error, DBAPIError) as error:
        raise unusable(error, database_path(url)) from error


def _look_at_postgresql(url: URL) -> tuple[State, str | None]:
    engine = open_engine(url, read_only=True, answer_s=ANSWER_S)
    try:
        with engine.connect() as connection:
            require_finished(connection)
            return state_of(connection)
    except DBAPIError as error:
        raise unusable(error, name_of(url)) from error
    finally:
        engine.dispose()


def _require_header(path: Path) -> None:
    """Refuse a short file that isn't SQLite's: SQLite itself would take it for an empty one."""
    with path.open("rb") as file:
        start = file.read(len(SQLITE_HEADER))
    if start and start != SQLITE_HEADER:
        raise DatabaseUnusableError(f"{path}: no es una base de datos SQLite")


def require_not_newer(state: State, revision: str | None, name: str) -> None:
    """Refuse a database that this code is too old for.

    Raises:
        DatabaseUnusableError: it is one.
    """
    if state is State.NEWER:
        raise DatabaseUnusableError(
            f"{name}: la hizo una versión más nueva de este programa (esquema {revision}, aquí se "
            f"conoce hasta {head_revision()}); actualice el programa, o vuelva con createDB.py "
            "--rollback a la copia que se hizo antes de actualizarla"
        )


def require_current(url: URL) -> None:
    """Refuse a database that is missing, or that another version of this code made.

    Raises:
        DatabaseUnusableError: it is such, or can't be read.
    """
    name = name_of(url)
    look = look_at(url)
    if look is None:
        raise DatabaseUnusableError(f"{name}: no existe; ejecute createDB.py")
    state, revision = look
    require_not_newer(state, revision, name)
    if state is State.NEW:
        raise DatabaseUnusableError(f"{name}: no tiene las tablas; ejecute createDB.py")
    if state is not State.CURRENT:
        found = revision or "primera generación"
        raise DatabaseUnusableError(
            f"{name}: es más antigua que este programa (esquema {found}, se necesita "
            f"{head_revision()}); ejecute createDB.py"
        )


def _require_tables(connection: Connection, name: str) -> None:
    declared = metadata_of(connection.dialect.name)
    missing = sorted(set(declared.tables) - table_names(connection))
    if missing:
        raise DatabaseUnusableError(
            f"{name}: le falta la tabla {missing[0]}; recupérela de una copia o con --from-log"
        )


def _probe_writing(connection: Connection) -> None:
    """Change something and take it back: only a write finds out that the folder refuses one."""
    if connection.dialect.name == "postgresql":
        if not connection.exec_driver_sql(_WRITABLE).scalar():
            raise DatabaseUnusableError("la base de datos es de sólo lectura para este usuario")
        return
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    connection.exec_driver_sql(f"PRAGMA user_version = {version}")
    connection.rollback()


_WRITABLE = "SELECT NOT pg_is_in_recovery() AND has_table_privilege('servers', 'INSERT')"


def _state_without_revision(connection: Connection, tables: set[str]) -> State:
    for table in SEED_COLUMNS.keys() & tables:
        missing = SEED_COLUMNS[table] - set(column_names(connection, table))
        if missing:
            raise DatabaseUnusableError(
                f"la tabla '{table}' que hay en la base de datos no es la de este sistema: "
                f"le falta la columna {min(missing)}"
            )
    taken = sorted((metadata.tables.keys() - SEED_COLUMNS.keys()) & tables)
    if taken:
        raise DatabaseUnusableError(
            f"la base de datos tiene ya una tabla '{taken[0]}', que no es la de este sistema"
        )
    return State.FIRST_GENERATION if SEED_COLUMNS.keys() & tables else State.NEW

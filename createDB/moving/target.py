"""The database of PostgreSQL that is filled: claimed first, given free when it is whole."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from createDB.engine import name_of, open_engine, unusable
from createDB.errors import DatabaseUnusableError
from createDB.moving import place
from createDB.moving.place import called
from createDB.postgresql.building import become_builder
from createDB.postgresql.locks import Lock
from createDB.postgresql.tables import metadata
from createDB.state import State, state_of
from createDB.tables import create_tables
from createDB.views import Layout, layout_of, tables_in

HANDOVER_S = 10.0
"""How long to wait for a run that was killed, whose connection is not gone yet."""

_AT_REST = "SELECT pg_try_advisory_xact_lock(?)"
"""Takes the lock of a job that collectors at work never leave undone."""

ANEW = "empiece de nuevo, con una base de PostgreSQL vacía"

STARTS_WITH = {"repeticiones"}
"""Tables that have rows when they are made."""


@contextmanager
def connected(url: URL) -> Iterator[Connection]:
    """Connect, as the only one that fills this database.

    Commits don't wait for the disk: what a power cut takes back is whole transactions, each with
    the place up to which it came.

    Raises:
        DatabaseUnusableError: somebody else fills it, or what is done with it fails.
    """
    engine = open_engine(url, wait_ms=0, durable=False)
    try:
        with engine.connect() as connection:
            _take_turn(connection)
            yield connection
    except (psycopg.Error, DBAPIError) as error:
        lost = isinstance(error, psycopg.OperationalError) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        )
        more = "; repita la orden, que sigue donde quedó" if lost else ""
        raise DatabaseUnusableError(f"{unusable(error, name_of(url))}{more}") from error
    finally:
        engine.dispose()


def _take_turn(connection: Connection) -> None:
    deadline = time.monotonic() + HANDOVER_S
    while True:
        with connection.begin():
            if connection.exec_driver_sql(
                "SELECT pg_try_advisory_lock(?)", (int(Lock.MOVING),)
            ).scalar():
                # So that it finds out that this end is gone while it makes an index.
                connection.exec_driver_sql("SET client_connection_check_interval = '2s'")
                return
        if time.monotonic() > deadline:
            name = called(connection)
            raise DatabaseUnusableError(f"{name}: otro createDB.py la está llenando")
        time.sleep(0.2)


def claim(connection: Connection, layout: Layout, way: str, mark: str) -> None:
    """Make the tables, or find them as the same command has left them.

    Args:
        connection: outside a transaction.
        layout: of the tables.
        way: the options with which the command goes on.
        mark: what tells that from which it is filled from anything else.

    Raises:
        DatabaseUnusableError: it holds something else.
    """
    name = called(connection)
    with connection.begin():
        become_builder(connection)
        if not connection.exec_driver_sql(_AT_REST, (Lock.JUDGING,)).scalar():
            raise DatabaseUnusableError(f"{name}: la usa un colector; deténgalo antes")
        state, revision = state_of(connection)
        if state is State.NEW:
            create_tables(connection, layout)
        elif state is not State.CURRENT:
            raise DatabaseUnusableError(f"{name}: es de otra versión (esquema {revision})")
        if not place.is_under_way(connection):
            _require_empty(connection, layout)
            place.begin(connection, way, mark)
        elif place.mark_of(connection) != mark:
            raise DatabaseUnusableError(
                f"{name}: empezó a llenarse desde otra parte, o lo que hay allí cambió desde "
                f"entonces; {ANEW}"
            )


def finish(connection: Connection) -> None:
    """Give the database free, for good."""
    with connection.begin():
        connection.exec_driver_sql("ANALYZE")
    with connection.begin():
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
        place.end(connection)


def _require_empty(connection: Connection, layout: Layout) -> None:
    name = called(connection)
    if layout_of(connection) is not layout:
        raise DatabaseUnusableError(
            f"{name}: ya tiene tablas, y no son {layout}; dé una base de PostgreSQL vacía"
        )
    for table in sorted(table.name for table in tables_in(metadata, layout)):
        if table in STARTS_WITH:
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
        elif connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first():  # noqa: S608
            raise DatabaseUnusableError(
                f"{name}: ya tiene datos ({table}); dé una base de PostgreSQL vacía. Si la orden "
                "ya había terminado, no hay más que hacer: arranque el colector"
            )

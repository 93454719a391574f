"""Moves a database of SQLite to PostgreSQL; whatever interrupts it, the same command goes on."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from tqdm import tqdm

from API.app.settings import Settings
from createDB import schema
from createDB.engine import database_path, is_postgresql, name_of, open_engine, unusable
from createDB.errors import DatabaseUnusableError
from createDB.moving import place
from createDB.moving.copying import copy_part
from createDB.moving.origin import Origin, opened
from createDB.moving.place import called
from createDB.moving.proof import arrived, differences, sum_of
from createDB.postgresql.building import become_builder
from createDB.postgresql.partitions import make_days, make_months
from createDB.state import State, require_current, state_of
from createDB.tables import create_tables
from createDB.views import layout_of

MOVING = 0x636F6D70_00000004
"""The advisory lock of whoever moves a database; PostgreSQL takes it back with the connection."""

HANDOVER_S = 10.0
"""How long to wait for a run that was killed, whose connection is not gone yet."""

TOGETHER = 30
"""Days whose partitions are made in one transaction: each one made holds locks until its end."""

ANEW = "empiece de nuevo, con una base de PostgreSQL vacía"

STARTS_WITH = {"repeticiones"}
"""Tables that have rows when they are made."""


def move(settings: Settings, source: URL) -> tuple[bool, list[str]]:
    """Fill the database of `settings` with what that of `source` holds.

    Returns:
        whether both hold the same rows now, and what to tell the operator.

    Raises:
        DatabaseUnusableError: it can't be done, or not to its end; what has arrived stays.
    """
    url = settings.database
    if not is_postgresql(url) or is_postgresql(source):
        raise DatabaseUnusableError(
            "--from-database lleva una base de SQLite a PostgreSQL: --database postgresql://... "
            "--from-database ARCHIVO; de vuelta, --snapshot ARCHIVO"
        )
    require_current(source)
    try:
        with opened(source, settings.storage) as origin, _connected(url) as connection:
            _begin(connection, origin, source)
            _copy(connection, origin)
            _number_on(connection, origin)
            with connection.begin():
                connection.exec_driver_sql("ANALYZE")
            return _prove(connection, origin, name_of(url), source)
    except sqlite3.Error as error:
        raise unusable(error, database_path(source)) from error
    except (psycopg.Error, DBAPIError) as error:
        lost = isinstance(error, psycopg.OperationalError) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        )
        why = unusable(error, name_of(url))
        more = "; repita la orden, que sigue donde quedó" if lost else ""
        raise DatabaseUnusableError(f"{why}{more}") from error


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    """Connect, as the only one that fills this database.

    Commits don't wait for the disk: what a power cut takes back is whole transactions, each with
    the place up to which it came.
    """
    engine = open_engine(url, wait_ms=0, durable=False)
    try:
        with engine.connect() as connection:
            _take_turn(connection)
            yield connection
    finally:
        engine.dispose()


def _take_turn(connection: Connection) -> None:
    deadline = time.monotonic() + HANDOVER_S
    while True:
        with connection.begin():
            if connection.exec_driver_sql("SELECT pg_try_advisory_lock(?)", (MOVING,)).scalar():
                # So that it finds out that this end is gone while it makes an index.
                connection.exec_driver_sql("SET client_connection_check_interval = '2s'")
                return
        if time.monotonic() > deadline:
            name = called(connection)
            raise DatabaseUnusableError(f"{name}: otro createDB.py le está llevando una base")
        time.sleep(0.2)


def _begin(connection: Connection, origin: Origin, source: URL) -> None:
    """Make the tables, or find them as this very move has left them; make the partitions."""
    name = called(connection)
    with connection.begin():
        become_builder(connection)
        state, revision = state_of(connection)
        if state is State.NEW:
            create_tables(connection, origin.layout)
        elif state is not State.CURRENT:
            raise DatabaseUnusableError(f"{name}: es de otra versión (esquema {revision})")
        if not place.is_under_way(connection):
            _require_empty(connection, origin)
            place.begin(connection, str(database_path(source)), origin.mark())
        elif place.mark_of(connection) != origin.mark():
            raise DatabaseUnusableError(
                f"{database_path(source)}: no es la base con que empezó el traslado a {name}, o "
                f"cambió desde entonces; {ANEW}"
            )
    days = sorted(origin.days())
    for start in range(0, len(days), TOGETHER):
        with connection.begin():
            make_days(connection, days[start : start + TOGETHER])
    with connection.begin():
        make_months(connection, origin.months())


def _require_empty(connection: Connection, origin: Origin) -> None:
    name = called(connection)
    if layout_of(connection) is not origin.layout:
        raise DatabaseUnusableError(
            f"{name}: ya tiene tablas, y no son {origin.layout} como la base de origen; dé una "
            "base de PostgreSQL vacía"
        )
    for part in origin.parts:
        if part.name in STARTS_WITH:
            connection.exec_driver_sql(f"DELETE FROM {part.name}")  # noqa: S608
        elif connection.exec_driver_sql(f"SELECT 1 FROM {part.name} LIMIT 1").first():  # noqa: S608
            raise DatabaseUnusableError(
                f"{name}: ya tiene datos ({part.name}); dé una base de PostgreSQL vacía"
            )


def _copy(connection: Connection, origin: Origin) -> None:
    total = sum(map(origin.count, origin.parts))
    with connection.begin():
        done = sum(place.reached(connection, part.name).rows for part in origin.parts)
    with _bar(total, "traslado", done) as bar:
        for part in origin.parts:
            copy_part(connection, origin, part, bar.update)


def _number_on(connection: Connection, origin: Origin) -> None:
    """Have what is numbered go on above the highest number that there ever was."""
    highest = origin.highest()
    with connection.begin():
        for table in schema.metadata.sorted_tables:
            keys = [column.name for column in table.primary_key.columns]
            sequence = f"{table.name}_{keys[0]}_seq"
            found = connection.exec_driver_sql("SELECT to_regclass(?)::text", (sequence,)).scalar()
            if found and len(keys) == 1 and (number := highest.get(table.name)):
                connection.exec_driver_sql("SELECT setval(?::regclass, ?)", (sequence, number))


def _prove(
    connection: Connection, origin: Origin, name: str, source: URL
) -> tuple[bool, list[str]]:
    """Compare every row on both sides; the move has ended if they are the same."""
    lines, wrong, rows = [], list[str](), 0
    with _bar(2 * sum(map(origin.count, origin.parts)), "comprobación") as bar:
        for part in origin.parts:
            with connection.begin():
                ours = sum_of(origin.rows(part), bar.update)
                theirs = sum_of(arrived(connection, part), bar.update)
                if ours != theirs:
                    counts = f"{ours.rows} filas en el origen y {theirs.rows} aquí"
                    wrong += [f"{part.name}: {counts}, que no son las mismas"]
                    wrong += differences(connection, origin, part)
            if ours.rows:
                lines.append(f"{part.name}: {ours.rows} filas, iguales")
                rows += ours.rows
    if wrong:
        return False, [*wrong, f"{name}: no quedó igual que {database_path(source)}; {ANEW}"]
    with connection.begin():
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
        place.end(connection)
    whole = f"{name}: tiene ya todo lo de {database_path(source)}"
    return True, [*lines, f"{whole}: {rows} filas, comprobadas una a una"]


def _bar(total: int, title: str, done: int = 0) -> "tqdm[Any]":
    return tqdm(total=total, initial=done, desc=title, unit=" filas", unit_scale=True, disable=None)

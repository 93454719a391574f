"""How far it has come: a table in the database that is being filled, gone when it is whole."""

import json
from typing import Any, NamedTuple

from sqlalchemy import Connection

from createDB.engine import name_of
from createDB.errors import DatabaseUnusableError

TABLE = "traslado"

WAY, MARK = "orden", "huella"


class Reached(NamedTuple):
    """What of a table has arrived."""

    key: list[Any] | None
    """The key of its last row; None before the first."""
    rows: int
    """How many rows that makes."""


def begin(connection: Connection, way: str, mark: str) -> None:
    """Note in the caller's transaction that the database is being filled.

    Args:
        connection: to the database.
        way: the options of createDB.py that go on with it.
        mark: what tells that from which it is filled from anything else.
    """
    connection.exec_driver_sql(f"CREATE TABLE {TABLE} (que text PRIMARY KEY, valor text NOT NULL)")
    _note(connection, WAY, way)
    _note(connection, MARK, mark)


def is_under_way(connection: Connection) -> bool:
    """Tell whether it has begun to be filled, and has not ended."""
    return bool(connection.exec_driver_sql("SELECT to_regclass(?)::text", (TABLE,)).scalar())


def mark_of(connection: Connection) -> str:
    """Give the mark that it was begun with."""
    return _noted(connection, MARK) or ""


def reached(connection: Connection, table: str) -> Reached:
    """Tell up to where `table` has arrived."""
    found = _noted(connection, f"tabla {table}")
    return Reached(*json.loads(found)) if found else Reached(None, 0)


def remember(connection: Connection, table: str, reached: Reached) -> None:
    """Note up to where `table` has arrived, in the transaction that brings it there."""
    _note(connection, f"tabla {table}", json.dumps(reached))


def end(connection: Connection) -> None:
    """Note that all has arrived."""
    connection.exec_driver_sql(f"DROP TABLE {TABLE}")


def require_finished(connection: Connection) -> None:
    """Refuse a database that has not got all of its rows yet.

    Raises:
        DatabaseUnusableError: it is one; the message says how to go on.
    """
    if is_under_way(connection):
        raise DatabaseUnusableError(
            f"{called(connection)}: no ha terminado de llenarse; siga con createDB.py "
            f"--database URL {_noted(connection, WAY)}"
        )


def called(connection: Connection) -> str:
    """Give what people call the database by."""
    return name_of(connection.engine.url.set(drivername="postgresql"))


def _note(connection: Connection, what: str, value: str) -> None:
    connection.exec_driver_sql(
        f"INSERT INTO {TABLE} VALUES (?, ?) "  # noqa: S608 - a name of ours
        "ON CONFLICT (que) DO UPDATE SET valor = excluded.valor",
        (what, value),
    )


def _noted(connection: Connection, what: str) -> str | None:
    query = f"SELECT valor FROM {TABLE} WHERE que = ?"  # noqa: S608 - a name of ours
    found: str | None = connection.exec_driver_sql(query, (what,)).scalar()
    return found

"""Rows in the text form of COPY, and their way to the server.

A line for each row, tabs between values, backslash and N for NULL, and a backslash before what
would be mistaken for one of these (https://www.postgresql.org/docs/current/sql-copy.html).
"""

from collections.abc import Iterable
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_in(connection: Connection, target: str, lines: str) -> None:
    """Send lines to the server.

    Args:
        connection: inside a transaction.
        target: the table, and its columns.
        lines: each with its line feed.

    Raises:
        DBAPIError: what psycopg raises, as every other statement's error comes.
    """
    statement = f"COPY {target} FROM STDIN"
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            copy.write(lines)
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error
    finally:
        cursor.close()


def line(values: Iterable[Any]) -> str:
    """Write one row."""
    return "\t".join(map(value, values)) + "\n"


def value(given: Any) -> str:
    """Write one value: a text, a number, or None."""
    if given is None:
        return r"\N"
    return given.translate(_ESCAPES) if isinstance(given, str) else str(given)

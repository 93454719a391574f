"""Rows in the binary form of COPY, and their way to the server.

A row is the number of its values, and each value the number of its bytes and these; -1 for NULL
(https://www.postgresql.org/docs/current/sql-copy.html). Against text that saves the server a third
of its work on the rows of a report's lists: it need not read moments and numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from struct import Struct

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

NULL = b"\xff\xff\xff\xff"
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_MOMENTS_BEGIN = datetime(2000, 1, 1)  # noqa: DTZ001 - UTC, as everywhere in the database
_LENGTH, _COUNT = Struct("!i"), Struct("!h")
_SHORT, _LONG = Struct("!ii"), Struct("!iq")


@contextmanager
def copying(connection: Connection, target: str) -> Iterator[psycopg.Copy]:
    """Copy what is written into it; the connection can do nothing else meanwhile.

    Args:
        connection: inside a transaction.
        target: the table, and its columns.

    Raises:
        DBAPIError: what psycopg raises, as every other statement's error comes.
    """
    statement = f"COPY {target} FROM STDIN (FORMAT binary)"
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            copy.write(_HEADER)
            yield copy
            copy.write(_TRAILER)
    except psycopg.Error as error:
        if cursor.connection.closed:
            connection.invalidate(error)  # else its rollback would fail too, and be what is told
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error
    finally:
        cursor.close()


def count(values: int) -> bytes:
    """Begin a row of so many values."""
    return _COUNT.pack(values)


def text(given: str | None) -> bytes:
    """Write a text."""
    if given is None:
        return NULL
    data = given.encode()
    return _LENGTH.pack(len(data)) + data


def integer(given: int | None) -> bytes:
    """Write a value of the type integer."""
    return NULL if given is None else _SHORT.pack(4, given)


def bigint(given: int | None) -> bytes:
    """Write a value of the type bigint."""
    return NULL if given is None else _LONG.pack(8, given)


def moment(given: str | None) -> bytes:
    """Write a moment, from the text that is its form everywhere else."""
    if given is None:
        return NULL
    since = datetime.fromisoformat(given) - _MOMENTS_BEGIN
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return _LONG.pack(8, micros)

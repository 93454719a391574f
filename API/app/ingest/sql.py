"""Statements as plain text, made once from the schema.

At a thousand reports a second, building a statement anew for each would be a good part of the cost.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as everywhere in the database
_MILLISECOND = timedelta(milliseconds=1)


def insert_statement(table: Table) -> str:
    """Write an INSERT of one row with all columns."""
    names = [column.name for column in table.columns]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608


def sql_time(moment: datetime) -> str:
    """Write a moment (UTC, no offset) in the form in which the database sorts and keeps it."""
    return moment.isoformat(" ", "microseconds")


def to_ms(moment: datetime) -> int:
    """Give a moment (UTC, no offset) in milliseconds since 1970, as the periods keep it."""
    return (moment - _EPOCH) // _MILLISECOND


ROWS_A_STATEMENT = 256
"""Rows that one statement takes, a power of two. More gain nothing, and SQLite has a limit of
32,766 parameters (https://sqlite.org/limits.html)."""


def run_for_rows(
    connection: Connection,
    statement: Callable[[int], str],
    rows: Sequence[tuple[Any, ...]],
    shared: tuple[Any, ...] = (),
) -> None:
    """Run a statement for many rows at once.

    One statement for 200 rows takes half the time of `executemany`, and gives the interpreter's
    lock away once instead of 200 times (docs/adr/0003-statements-of-many-rows.md). Rows are cut
    into pieces whose sizes are powers of two, so that few statements serve all.

    Args:
        connection: inside a transaction.
        statement: makes the text for so many rows.
        rows: the parameters of each.
        shared: parameters that come before those of the rows.
    """
    start, size = 0, ROWS_A_STATEMENT
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        parameters = tuple(chain.from_iterable(rows[start : start + size]))
        connection.exec_driver_sql(statement(size), shared + parameters)
        start += size


def values_of(columns: int, rows: int) -> str:
    """Write a VALUES clause of so many rows; its columns are column1, column2 and so on."""
    row = f"({', '.join('?' * columns)})"
    return f"VALUES {', '.join([row] * rows)}"

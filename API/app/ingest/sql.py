"""Statements as plain text, made once from the schema.

At a thousand reports a second, building a statement anew for each would be a good part of the cost.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, Table

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as everywhere in the database
_MILLISECOND = timedelta(milliseconds=1)


def insert_statement(table: Table, rows: int = 1) -> str:
    """Write an INSERT of so many rows with all columns."""
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) {values_of(len(names), rows)}"


def sql_time(moment: datetime) -> str:
    """Write a moment (UTC, no offset) in the form in which the database sorts and keeps it."""
    return moment.isoformat(" ", "microseconds")


def to_ms(moment: datetime) -> int:
    """Give a moment (UTC, no offset) in milliseconds since 1970, as the periods keep it."""
    return (moment - _EPOCH) // _MILLISECOND


SIZES = (256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""How many rows a statement may take: so few sizes, that the driver keeps every statement prepared.
More rows gain nothing, and SQLite has a limit of 32,766 parameters (sqlite.org/limits.html)."""


def run_for_rows(
    connection: Connection,
    statement: Callable[[int], str],
    rows: Sequence[Sequence[Any]],
    shared: tuple[Any, ...] = (),
) -> list[Row[Any]]:
    """Run a statement for many rows at once.

    One statement for 200 rows takes half the time of `executemany`, and gives the interpreter's
    lock away once instead of 200 times (docs/adr/0003-periods-of-numbers.md).

    Args:
        connection: inside a transaction.
        statement: makes the text for so many rows.
        rows: the parameters of each.
        shared: parameters that come before those of the rows.

    Returns:
        what the statements return, where they do.
    """
    found: list[Row[Any]] = []
    start = 0
    for size in SIZES:
        while size <= len(rows) - start:
            parameters = (*shared, *chain.from_iterable(rows[start : start + size]))
            result = connection.exec_driver_sql(statement(size), parameters)
            if result.returns_rows:
                found += result.all()
            start += size
    return found


def values_of(columns: int, rows: int, shared: int = 0) -> str:
    """Write a VALUES clause of so many rows; its columns are column1, column2 and so on.

    Args:
        columns: of each row, without those that are shared.
        rows: how many there are.
        shared: how many parameters come first and are the first columns of every row.
    """
    before = [f"?{number}" for number in range(1, shared + 1)]
    numbers = (
        range(shared + row * columns + 1, shared + (row + 1) * columns + 1) for row in range(rows)
    )
    texts = (", ".join([*before, *(f"?{number}" for number in own)]) for own in numbers)
    return f"VALUES {', '.join(f'({text})' for text in texts)}"

"""Statements as plain text, made once from the schema.

At a thousand reports a second, building a statement anew for each would be a good part of the cost.
"""

from datetime import datetime, timedelta

from sqlalchemy import Table

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as everywhere in the database
_MILLISECOND = timedelta(milliseconds=1)


def insert_statement(table: Table, skip: tuple[str, ...] = ()) -> str:
    """Write an INSERT of one row with all columns but those in `skip`."""
    names = [column.name for column in table.columns if column.name not in skip]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608


def sql_time(moment: datetime) -> str:
    """Write a moment (UTC, no offset) in the form in which the database sorts and keeps it."""
    return moment.isoformat(" ", "microseconds")


def to_ms(moment: datetime) -> int:
    """Give a moment (UTC, no offset) in milliseconds since 1970, as the periods keep it."""
    return (moment - _EPOCH) // _MILLISECOND

"""Databases in memory, with the tables that there are: for what is tried and not kept."""

import sqlite3
from functools import cache

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from createDB.tables import create_tables
from createDB.views import Layout


def empty(layout: Layout) -> sqlite3.Connection:
    """Make a database with empty tables."""
    connection = sqlite3.connect(
        ":memory:", isolation_level=None, check_same_thread=False, cached_statements=1_000
    )
    connection.deserialize(_template(layout))
    return connection


def engine_of(connection: sqlite3.Connection) -> Engine:
    """Give a connection to those who want an engine; its transactions begin as elsewhere."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin(connection) -> None:  # type: ignore[no-untyped-def]
        connection.exec_driver_sql("BEGIN")

    return engine


@cache
def _template(layout: Layout) -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with engine_of(connection).begin() as made:
        create_tables(made, layout)
    template = connection.serialize()
    connection.close()
    return template

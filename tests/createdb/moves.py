"""What the tests share that fill a database of PostgreSQL."""

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from createDB.schema import servers
from createDB.views import HISTORY
from tests.createdb.conversions import LISTS
from tests.postgresql import rows_of

FORK = multiprocessing.get_context("fork")
"""What is forked has what it needs already, and is killed before it gets to its end."""

FACTS = ", ".join(column.name for column in servers.columns)
ASKED = (
    f"SELECT {FACTS} FROM servers",  # noqa: S608
    *LISTS,
    *(f"SELECT {', '.join(view.columns)} FROM {view.name}" for view in HISTORY),  # noqa: S608
)


def place_of(target: str) -> list[dict[str, str]]:
    """Tell how far an unfinished move has come."""
    try:
        return rows_of(target, "SELECT * FROM traslado")
    except psycopg.errors.UndefinedTable:
        return []


def assert_equal(target: str, origin: Path, *, numbers: bool = True) -> None:
    """Compare the rows of the contract, and all of the past; servers' own numbers where told so."""
    asked = ASKED if numbers else [query.replace(", num_agente", "") for query in ASKED]
    with closing(sqlite3.connect(origin)) as connection:
        for query in asked:
            ours = connection.execute(query).fetchall()
            theirs = [tuple(row.values()) for row in rows_of(target, query)]
            assert sorted(theirs, key=repr) == sorted(ours, key=repr), query

"""A database of PostgreSQL for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.conftest import wait_until
from tests.postgresql import PostgresServer, rows_of

CONNECTIONS = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
READ = """
    SELECT sum(seq_tup_read)::int AS whole, sum(idx_tup_fetch)::int AS by_key
    FROM pg_stat_user_tables WHERE relname LIKE 'servers%'
"""


@pytest.fixture
def url(postgresql: PostgresServer) -> Iterator[str]:
    """Make one with empty tables; give its URL."""
    with postgresql.database("completo") as url:
        yield url


@dataclass
class Reads:
    """Rows of reports that were read."""

    whole: int = 0
    """Of tables that were read from end to end."""
    by_key: int = 0


@contextmanager
def noting_reads(url: str) -> Iterator[Reads]:
    """Tell afterwards what was read over connections that begin and end within."""
    [before], connections = rows_of(url, READ), rows_of(url, CONNECTIONS)
    reads = Reads()
    yield reads
    # A process of PostgreSQL tells what it read when it ends at the latest.
    wait_until(lambda: rows_of(url, CONNECTIONS) == connections, "a connection is left")
    [after] = rows_of(url, READ)
    reads.whole = after["whole"] - before["whole"]
    reads.by_key = after["by_key"] - before["by_key"]

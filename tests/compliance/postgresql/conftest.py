"""A database of PostgreSQL for each test."""

from collections.abc import Iterator

import pytest

from tests.postgresql import PostgresServer


@pytest.fixture
def url(postgresql: PostgresServer) -> Iterator[str]:
    """Make one with empty tables; give its URL."""
    with postgresql.database("completo") as url:
        yield url

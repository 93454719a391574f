"""The measurement beside COPY stores what it says it stores."""

import itertools

from bench.load import bodies, fleet
from bench.postgresql import copy_alone, table, writer
from createDB.engine import database_url
from tests.postgresql import PostgresServer


def test_it_measures_and_leaves_nothing_behind(postgresql: PostgresServer) -> None:
    server = database_url(postgresql.url())
    reports = list(itertools.islice(bodies(fleet(2, processes=3), 1_790_000_000), 6))
    figures = [
        copy_alone(server, reports),
        writer(server, "compacto", reports[:2], reports[2:]),
    ]
    assert [line.count("|") for line in table(figures).splitlines()] == [5] * 4
    with postgresql.connect() as connection:
        query = "SELECT count(*) FROM pg_database WHERE datname LIKE 'bench%'"
        assert connection.execute(query).fetchone() == (0,)

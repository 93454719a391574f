"""The measurement of two collectors: what a fleet sends while one is killed is there once."""

import pytest

from bench.collectors import killing
from bench.servers import Plan
from createDB.engine import database_url
from tests.postgresql import PostgresServer


def test_a_fleet_reports_while_a_collector_is_killed(
    postgresql: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server = database_url(postgresql.url())
    assert killing(server, Plan(12, interval=1.0, processes=5), 6), capsys.readouterr().out
    said = capsys.readouterr().out
    assert "lost: 0" in said
    assert "201: " in said

"""The fleet as it is read for the pages."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from API.app.overview import Overview
from API.app.questions import Questions
from createDB.engine import database_url
from tests.past import Past, make_past


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    yield from make_past(tmp_path)


def test_who_is_not_judged_yet_does_not_comply(past: Past) -> None:
    past.policy(1, "ftp")
    for number in (1, 2, 3):
        past.server(number, 0, ultimo_reporte=datetime(2026, 11, 1))  # noqa: DTZ001
    past.said(1, 1, "cumple", 0)
    past.said(2, 1, "no_cumple", 0)
    with closing(Questions(database_url(str(past.path)))) as questions:
        overview = Overview(questions)
        fleet, _ = overview.fleet(overview.version())
    standings = {server.hostname: server.standing for server in fleet.servers}
    assert standings == {"web-1": "cumple", "web-2": "alta", "web-3": "sin_veredicto"}
    assert (fleet.complying, fleet.judged) == (1, 2)

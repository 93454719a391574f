"""Two collectors bring in what came while their database was away, of the same servers."""

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import pytest

from API.app.ingest.standing import FILE
from tests.conftest import CollectorProcess, collector_in, make_report, wait_until
from tests.e2e.cable import Cable
from tests.e2e.proofs import assert_stored_once
from tests.e2e.reporters import Taken
from tests.postgresql import PostgresServer, execute_on

SERVERS = 6
REPORTS = 36
DELAY_S = 0.005
PROMPT_S = 3.0
"""How soon a report is answered that just came."""


class Place(NamedTuple):
    """Two collectors and their database."""

    server: PostgresServer
    database: str
    cable: Cable
    """Between the first collector and the database; the other one has its own way."""
    slow: CollectorProcess
    quick: CollectorProcess
    agents: list[str]


@pytest.fixture
def place(postgresql: PostgresServer, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as ending:
        url = ending.enter_context(postgresql.database("completo"))
        agents = [str(uuid.uuid4()) for _ in range(SERVERS)]
        execute_on(url, "INSERT INTO agentes (id_agente) SELECT unnest(?::text[])", [agents])
        cable = ending.enter_context(Cable(postgresql.port))
        over_cable = url.replace(str(postgresql.port), str(cable.port))
        slow = collector_in(tmp_path / "a", Path(), postgresql=over_cable)
        quick = collector_in(tmp_path / "b", Path(), postgresql=url)
        for collector in (slow, quick):
            ending.callback(collector.release)
            collector.start()
        yield Place(postgresql, url.rpartition("/")[2], cable, slow, quick, agents)


def test_neither_keeps_the_other_waiting(place: Place) -> None:
    """Nor what just comes, though the way of one of them to the database is long."""
    agents, taken, slowest = cycle(place.agents), list[Taken](), 0.0
    of_others = len(place.server.log)  # tests that came before

    def post(collector: CollectorProcess) -> int:
        nonlocal slowest
        number = len(taken)
        running = [
            {"pid": pid, "name": f"p{pid}", "username": "root"}
            for pid in range(20)
            if (number + pid) % 3
        ]
        now = datetime.now(UTC).isoformat()
        report = make_report(id_agente=next(agents), procesos=running, fecha_hora=now)
        began = time.monotonic()
        answer = collector.post(report)
        slowest = max(slowest, time.monotonic() - began)
        taken.append(Taken(report, collector, answer.status_code, answer.json().get("id_serv")))
        return answer.status_code

    with closing(place.server.connect(place.database)) as psql:
        psql.execute("BEGIN")
        psql.execute("LOCK TABLE servers")
        for number in range(REPORTS):
            # A server's reports go to either.
            assert post((place.slow, place.quick)[number // SERVERS % 2]) == 202
    with place.cable.slow(DELAY_S):
        wait_until(lambda: not (place.quick.storage / FILE).exists(), "it is kept waiting")
        slowest, live = 0.0, 0
        while (place.slow.storage / FILE).exists():
            assert post(place.quick) == 201
            live += 1
    assert live
    assert slowest < PROMPT_S
    assert "while locking tuple" not in place.server.log[of_others:]
    assert_stored_once([place.slow, place.quick], taken)

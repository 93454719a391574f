"""A collector that hangs while it stores a report keeps nobody else from going on for long."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from API.app.ingest.standing import FILE
from tests.conftest import CollectorProcess, collector_in, make_report, wait_until
from tests.e2e.proofs import assert_stored_once
from tests.e2e.reporters import Taken
from tests.postgresql import PostgresServer, execute_on, rows_of

WAITS_FOR_A_LOCK = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE ?
"""


class Place(NamedTuple):
    """Two collectors and their database."""

    url: str
    server: PostgresServer
    first: CollectorProcess
    other: CollectorProcess


@pytest.fixture(scope="module")
def place(postgresql: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    with postgresql.database("completo") as url:
        made = [collector_in(folder / name, Path(), postgresql=url) for name in ("uno", "otro")]
        yield Place(url, postgresql, *(collector.start() for collector in made))
        for collector in made:
            collector.release()


def report_of(agent: str) -> dict[str, Any]:
    running = [{"pid": 1, "name": "systemd", "username": "root"}]
    now = datetime.now(UTC).isoformat()
    return make_report(id_agente=agent, fecha_hora=now, procesos=running)


def signal_all(collector: CollectorProcess, number: int) -> None:
    assert collector.process
    os.killpg(collector.process.pid, number)


@pytest.mark.parametrize(("locked", "statement"), [("reportes", "INSERT"), ("servers", "COPY")])
def test_others_go_on(place: Place, locked: str, statement: str) -> None:
    """It hangs between two statements, or in the middle of a COPY."""
    agent = str(uuid.uuid4())
    own = report_of(agent)
    taken = []

    def post(collector: CollectorProcess, report: dict[str, Any], *statuses: int) -> float:
        start = time.monotonic()
        answer = collector.post(report)
        assert answer.status_code in statuses, answer.text
        taken.append(Taken(report, collector, answer.status_code, answer.json().get("id_serv")))
        return time.monotonic() - start

    execute_on(place.url, "INSERT INTO agentes (id_agente) VALUES (?)", [agent])
    with ThreadPoolExecutor(3) as pool:
        with closing(place.server.connect(place.url.rpartition("/")[2])) as psql:
            psql.execute("BEGIN")
            psql.execute(f"LOCK TABLE {locked} IN SHARE MODE")
            hanging = pool.submit(post, place.first, own, 200, 201, 202)
            wait_until(lambda: rows_of(place.url, WAITS_FOR_A_LOCK, [f"%{statement}%"]), "it waits")
            signal_all(place.first, signal.SIGSTOP)
        try:
            same = pool.submit(post, place.other, report_of(agent), 201)
            again = pool.submit(post, place.other, own, 201)
            for _ in range(20):
                assert post(place.other, report_of(str(uuid.uuid4())), 201) < 4
            assert same.result() < 16
            assert again.result() < 16
        finally:
            signal_all(place.first, signal.SIGCONT)
        hanging.result()
    wait_until(lambda: not (place.first.storage / FILE).exists(), "it has brought in what it kept")
    post(place.first, own, 200)
    post(place.first, report_of(agent), 201)
    assert_stored_once([place.first, place.other], taken)

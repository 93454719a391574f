"""A collector that hangs while it stores a report keeps nobody else from going on for long."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
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


AT = (("reportes", "INSERT"), ("servers", "COPY"))
"""What a collector waits for when it hangs: a table, and in which statement."""


class Place(NamedTuple):
    """Three collectors and their database."""

    url: str
    server: PostgresServer
    hang: list[CollectorProcess]
    other: CollectorProcess


@pytest.fixture
def place(postgresql: PostgresServer, tmp_path: Path) -> Iterator[Place]:
    with postgresql.database("completo") as url, ExitStack() as ending:
        made = [collector_in(tmp_path / name, Path(), postgresql=url) for name in ("a", "b", "c")]
        for collector in made:
            ending.callback(collector.release)
            collector.start()
        yield Place(url, postgresql, made[:2], made[2])


def report_of(agent: str) -> dict[str, Any]:
    running = [{"pid": 1, "name": "systemd", "username": "root"}]
    now = datetime.now(UTC).isoformat()
    return make_report(id_agente=agent, fecha_hora=now, procesos=running)


def signal_all(collector: CollectorProcess, number: int) -> None:
    assert collector.process
    os.killpg(collector.process.pid, number)


@contextmanager
def locked(place: Place, table: str) -> Iterator[None]:
    """Have whoever writes into a table wait."""
    with closing(place.server.connect(place.url.rpartition("/")[2])) as psql:
        psql.execute("BEGIN")
        psql.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield


def test_others_go_on(place: Place) -> None:
    """One collector hangs between two statements, one in the middle of a COPY."""
    agents = [str(uuid.uuid4()) for _ in place.hang]
    own = [report_of(agent) for agent in agents]
    taken = []

    def post(collector: CollectorProcess, report: dict[str, Any], *statuses: int) -> float:
        start = time.monotonic()
        answer = collector.post(report)
        assert answer.status_code in statuses, answer.text
        taken.append(Taken(report, collector, answer.status_code, answer.json().get("id_serv")))
        return time.monotonic() - start

    execute_on(place.url, "INSERT INTO agentes (id_agente) SELECT unnest(?::text[])", [agents])
    with ThreadPoolExecutor(6) as pool:
        hanging = []
        try:
            for collector, report, (table, statement) in zip(place.hang, own, AT, strict=True):
                with locked(place, table):
                    hanging.append(pool.submit(post, collector, report, 200, 201, 202))
                    asked = [f"%{statement}%"]
                    wait_until(lambda: rows_of(place.url, WAITS_FOR_A_LOCK, asked), "it waits")  # noqa: B023
                    signal_all(collector, signal.SIGSTOP)
            waiting = [
                pool.submit(post, place.other, report, 201)
                for report in (*own, *map(report_of, agents))
            ]
            for _ in range(20):
                assert post(place.other, report_of(str(uuid.uuid4())), 201) < 8
            assert max(answer.result() for answer in waiting) < 30
        finally:
            for collector in place.hang:
                signal_all(collector, signal.SIGCONT)
        for answer in hanging:
            answer.result()
    for collector, report in zip(place.hang, own, strict=True):
        kept = collector.storage / FILE
        wait_until(lambda: not kept.exists(), "it has brought in what it kept")  # noqa: B023
        post(collector, report, 200)
        post(collector, report_of(report["id_agente"]), 201)
    assert_stored_once([*place.hang, place.other], taken)

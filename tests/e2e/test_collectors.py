"""Two collectors with one database: one judges and tells at a time, and the other takes over."""

import itertools
import os
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.alerts.receivers import Receiver, write_file
from tests.conftest import CollectorProcess, collector_in, make_report, wait_until
from tests.postgresql import PostgresServer

TAKEN_OVER_S = 30.0
TURNS = 10
GOOD = [{"pid": 1, "name": "systemd", "username": "root"}]
MINING = [{"pid": 7, "name": "xmrig", "username": "root"}]
STORED = """
    SELECT id_agente, momento AS since, EXISTS (
        SELECT 1 FROM procesos p WHERE p.id_serv = s.id_serv AND name = 'xmrig') AS mining
    FROM servers s ORDER BY momento
"""
SAID = """
    SELECT id_agente, c.desde AS since, veredicto = 'no_cumple' AS mining
    FROM cumplimiento c JOIN agentes USING (num_agente) JOIN politicas USING (num_politica)
    WHERE id_politica = 'mineros' ORDER BY c.desde
"""
LEFT = """
    SELECT count(*) + (SELECT count(*) FROM por_juzgar) AS n FROM servers
    WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
"""

WAITING = """
    SELECT (SELECT count(*) FROM alertas LEFT JOIN politicas USING (num_politica)
            WHERE por_avisar IS NOT NULL OR (resuelta IS NULL AND id_politica = 'mineros'))
        + (SELECT count(*) FROM entregas WHERE id_mensaje IS NULL)
        + (SELECT count(*) FROM mensajes WHERE estado = 'espera') AS n
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().up() as receiver:
        yield receiver


@pytest.fixture
def pair(
    postgresql: PostgresServer, tmp_path: Path, receiver: Receiver
) -> Iterator[list[CollectorProcess]]:
    miners = [{"canales": ["gancho"], "politicas": ["mineros"]}]
    file = write_file(tmp_path, receiver.url, reglas=miners)
    with postgresql.database("completo") as url:
        made = [
            collector_in(tmp_path / name, Path(), ("--alertas", str(file)), url)
            for name in ("uno", "otro")
        ]
        yield [collector.start() for collector in made]
        for collector in made:
            collector.release()


class Servers(threading.Thread):
    """Servers that report to a collector, and to the other one when that is gone.

    Each mines for `TURNS` reports, then not for as many; at last it doesn't.
    """

    def __init__(self, first: CollectorProcess, other: CollectorProcess) -> None:
        super().__init__()
        self._collector, self._other = first, other
        self._stopping = threading.Event()
        self.start()

    def close(self) -> None:
        self._stopping.set()
        self.join()

    def run(self) -> None:
        agents = [str(make_report()["id_agente"]) for _ in range(2)]
        for turn in itertools.count():
            for agent in agents:
                moment = f"2026-11-20T10:{turn // 60:02}:{turn % 60:02}Z"
                processes = MINING if turn // TURNS % 2 else GOOD
                self._post(make_report(id_agente=agent, fecha_hora=moment, procesos=processes))
            if self._stopping.is_set() and turn // TURNS % 2 == 0:
                return

    def _post(self, report: dict[str, Any]) -> None:
        try:
            assert self._collector.post(report).status_code == 201
        except requests.ConnectionError:
            self._collector = self._other
            assert self._collector.post(report).status_code in (200, 201)
        time.sleep(0.05)


def changes(rows: list[dict[str, Any]]) -> dict[str, list[tuple[int, bool]]]:
    """Give since when each server mined, and since when not, by what is known of its moments."""
    found: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for row in rows:
        history = found[row["id_agente"]]
        if not history or history[-1][1] != row["mining"]:
            history.append((row["since"], row["mining"]))
    return found


def test_another_goes_on_and_nothing_is_skipped_or_told_twice(
    pair: list[CollectorProcess], receiver: Receiver
) -> None:
    first, other = pair
    wait_until(lambda: "event=judging" in first.log, "the first judges")
    assert "event=judging" not in other.log
    with closing(Servers(first, other)), closing(Servers(other, first)):
        wait_until(lambda: len(receiver.posted) > 1, "alerts are told")
        first.kill()
        wait_until(lambda: "event=judging" in other.log, "the other judges", TAKEN_OVER_S)
        told = len(receiver.posted)
        wait_until(lambda: len(receiver.posted) > told + 1, "the other tells", TAKEN_OVER_S)
    wait_until(lambda: other.rows(LEFT) == [{"n": 0}], "all is judged")
    assert changes(other.rows(SAID)) == changes(other.rows(STORED))
    wait_until(lambda: other.rows(WAITING) == [{"n": 0}], "all is told")
    messages = {posted.json["mensaje"]: posted.json for posted in receiver.posted}
    alerts = Counter(
        (alert["id_alerta"], alert["estado"])
        for message in messages.values()
        for alert in message["alertas"]
    )
    assert set(alerts.values()) == {1}
    opened = {number for number, state in alerts if state == "abierta"}
    assert opened == {number for number, state in alerts if state == "resuelta"}


def test_another_goes_on_where_one_hangs(pair: list[CollectorProcess], receiver: Receiver) -> None:
    first, other = pair
    wait_until(lambda: "event=judging" in first.log, "the first judges")
    agent = str(make_report()["id_agente"])
    assert first.process
    os.killpg(first.process.pid, signal.SIGSTOP)
    try:
        assert other.post(make_report(id_agente=agent, procesos=MINING)).status_code == 201
        wait_until(lambda: receiver.posted, "the other judges and tells", TAKEN_OVER_S)
    finally:
        os.killpg(first.process.pid, signal.SIGCONT)
    assert first.post(make_report(id_agente=agent, procesos=GOOD)).status_code == 201
    wait_until(lambda: len(receiver.posted) > 1, "it is told that all is well")
    assert [
        [alert["estado"] for alert in posted.json["alertas"]] for posted in receiver.posted
    ] == [["abierta"], ["resuelta"]]

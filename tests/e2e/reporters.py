"""Servers that report to several collectors, and go to another one where one takes nothing."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, Self

import requests

from API.app.ingest.standing import standing_of
from tests.conftest import CollectorProcess, make_report, wait_until

SERVERS = 4
"""That each client reports for, in turn."""

PATIENCE_S = 5.0
PAUSE_S = 0.04

LONG_S = 300.0
"""How long what is waited for may take on a machine that has much else to do, in seconds."""

LOOK_S = 0.2
"""Between two looks at what is left, in seconds: a look is work for the machine too."""

Clock = Callable[[], datetime]


def wait_for_the_last(left: Callable[[], list[int]], what: str) -> None:
    """Wait until nothing is left, however long it takes, as long as there is less and less.

    Args:
        left: tells how much there is left; of several numbers the first counts most.
        what: is waited for.
    """
    least, since = left(), time.monotonic()
    while any(least):
        time.sleep(LOOK_S)
        if (now := left()) < least:
            least, since = now, time.monotonic()
        assert time.monotonic() - since < LONG_S, f"{what}: {now} left, and it goes on no more"


def wait_for_logs(collectors: Sequence[CollectorProcess]) -> None:
    """Wait until the database has all that is in the collectors' logs."""
    for collector in collectors:
        wait_for_the_last(lambda: [_behind(collector)], "the log is brought in")  # noqa: B023


def _behind(collector: CollectorProcess) -> int:
    """Tell how much is to be done until the database has all: a step for each report, and one."""
    standing = standing_of(collector.storage)
    return standing.reportes + 1 if standing else 0


class Taken(NamedTuple):
    """How a report was taken: by whom, and what was answered."""

    report: dict[str, Any]
    collector: CollectorProcess
    status: int
    number: int | None


class Reporter(threading.Thread):
    """A client: reports for some servers, one report after the other."""

    def __init__(
        self, collectors: Sequence[CollectorProcess], agents: Sequence[str], clock: Clock
    ) -> None:
        super().__init__()
        self._collectors, self._agents, self._clock = collectors, agents, clock
        self._chance = random.Random(agents[0])
        self._session = requests.Session()
        self.taken: list[Taken] = []
        self.stopping = threading.Event()
        self.giving_up = threading.Event()

    def run(self) -> None:
        """Report until told to stop; what was begun is brought to its end."""
        while not self.stopping.is_set():
            for agent in self._agents:
                self._deliver(self._report(agent))
                self.stopping.wait(PAUSE_S)

    def _report(self, agent: str) -> dict[str, Any]:
        running = sorted(self._chance.sample(range(30), 12))
        processes = [{"pid": pid, "name": f"p{pid % 7}", "username": "root"} for pid in running]
        if self._chance.random() < 0.3:
            processes.append({"pid": 99, "name": "xmrig", "username": None})
        now = self._clock().isoformat()
        return make_report(id_agente=agent, procesos=processes, fecha_hora=now)

    def _deliver(self, report: dict[str, Any]) -> None:
        """Send a report until somebody takes it."""
        while not self.giving_up.is_set():
            collector = self._chance.choice(self._collectors)
            try:
                answer = self._session.post(
                    f"{collector.url}/servers", json=report, timeout=PATIENCE_S
                )
            except requests.RequestException:
                time.sleep(PAUSE_S)
                continue
            if answer.status_code in (200, 201, 202):
                number = answer.json().get("id_serv")
                self.taken.append(Taken(report, collector, answer.status_code, number))
                return
            assert answer.status_code == 503, answer.text
            time.sleep(PAUSE_S)


def utc() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def ahead(by: timedelta) -> Clock:
    """Give a clock that is wrong."""
    return lambda: utc() + by


class Reporters:
    """Some clients, as long as the context lasts; then all they began has been taken."""

    def __init__(
        self,
        collectors: Sequence[CollectorProcess],
        identities: Iterator[str],
        clients: int = 6,
        clock: Clock = utc,
    ) -> None:
        self._clients = [
            Reporter(collectors, list(islice(identities, SERVERS)), clock) for _ in range(clients)
        ]

    def __enter__(self) -> Self:
        """Begin."""
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, error: object, *_: object) -> None:
        """Bring it to an end."""
        for client in self._clients:
            client.stopping.set()
            if error:
                client.giving_up.set()
        for client in self._clients:
            client.join()

    @property
    def taken(self) -> list[Taken]:
        """Everything that was taken."""
        return [taken for client in self._clients for taken in client.taken]

    def wait_for(self, number: int, status: int, by: CollectorProcess | None = None) -> None:
        """Wait until so many more reports were taken, with this answer, by one or by any."""

        def count() -> int:
            return sum(
                taken.status == status and by in (None, taken.collector) for taken in self.taken
            )

        wanted = count() + number
        wait_until(lambda: count() >= wanted, f"no {number} more answers {status}", LONG_S)

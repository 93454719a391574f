"""Judges by the clock what no report tells: who is silent, how a server differs from the others."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from API.app.compliance.court import Changes, Court
from API.app.compliance.subjects import select_subjects
from API.app.compliance.timeline import Judged
from API.app.ingest.sql import sql_time, to_ms

TICK_S = 15.0
"""Between two rounds, in seconds."""

SHARE = 0.02
"""Of one processor, at most, that rounds take: the larger the fleet, the rarer they are."""

SERVERS = 100
"""Servers at a time, so that reports need not wait."""

SETTLED_INTERVALS = 3
SETTLED_S = 60.0
"""How long a collector must have been up before it judges by the clock, in a server's intervals and
seconds: while it was away nobody could report."""


class Clock:
    """Rounds through the fleet."""

    def __init__(self, court: Court) -> None:
        self._court = court
        self._began = time.monotonic()
        self._due = 0.0
        self._round: Iterator[None] = iter(())

    def tick(self) -> bool:
        """Do a part of the round, when it is time for one; tell whether there is more to do."""
        for _ in self._round:
            return True
        if self._court.rulebook.by_clock and time.monotonic() >= self._due:
            self._round = self._go_round()
        return False

    def _go_round(self) -> Iterator[None]:
        self._due = float("inf")
        spent, last = 0.0, 0
        while True:
            start = time.thread_time()
            last = self._judge_some(last)
            spent += time.thread_time() - start
            if not last:
                break
            yield
        self._due = time.monotonic() + max(TICK_S, spent / SHARE)

    def _judge_some(self, since: int) -> int:
        """Judge some servers; give the number of the last, 0 where there was none."""
        court, changes, last = self._court, Changes(), 0
        now = datetime.now(UTC).replace(tzinfo=None)
        up = time.monotonic() - self._began
        with court.reader.connect() as connection, court.guard.snapshot():
            settled = (since, up - SETTLED_S, SETTLED_INTERVALS, SERVERS)
            subjects = select_subjects(connection, _SETTLED, *settled)
            court.remember(connection, [subject.num_agente for subject in subjects])
            for subject in subjects:
                last = subject.num_agente
                standing = court.standings[last]
                for number in court.rulebook.by_clock:
                    outcome = court.outcome(number, subject, sql_time(now))
                    period = standing.open.get(number)
                    at = max(to_ms(now), period.desde + 1 if period else 0)
                    changes.judge(standing, number, subject, Judged(at, outcome))
        if changes.periods:
            court.commit(changes, court.place)
        return last


_SETTLED = """
    s.id_serv = a.id_serv AND a.num_agente > ? AND ? > ? * coalesce(a.intervalo, 0)
    ORDER BY a.num_agente LIMIT ?
"""

"""The agents of a simulated fleet: what each has to send next, and when.

They keep to the agent's own rules: the oldest report first, one at a time; after a refusal the
pause that `agente/sender.py` has; after a 409 another identity, enrolled with the old token.
"""

import hashlib
import heapq
import json
import math
import random
from array import array
from collections import Counter, deque
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

from sender import next_pause

from bench.servers import Servers

STORED = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED)


class Request(NamedTuple):
    """What a machine sends."""

    path: bytes
    token: bytes
    body: bytes
    packed: bool


class Answer(NamedTuple):
    """What it hears; status 0 where it hears nothing."""

    status: int
    body: bytes = b""
    retry_after: float = 0.0


class Herd:
    """All agents. Moments are those of one clock, whichever."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        count = servers.plan.machines
        self._order = sorted(range(count), key=servers.phase)
        self._place, self._round = 0, 0
        self.made = array("L", bytes(8 * count))
        """The latest beat of each."""
        self.sent = array("L", bytes(8 * count))
        """Up to which one it has delivered."""
        self._failures = bytearray(count)
        self._busy = bytearray(count)
        """Whether it has a request in `ready` or on its way, or makes a pause."""
        self._silent: dict[int, int] = {}
        self._paused: list[tuple[float, int]] = []
        self.ready: deque[tuple[int, float]] = deque()
        """Who has something to send now, and since when."""
        self.waiting = 0
        """Reports that were gathered and not yet delivered."""
        self.renamed: dict[int, tuple[int, str]] = {}
        """Who took another identity, from which beat on, and which."""
        self._enrolling: set[int] = set()
        self.numbers = array("Q")
        """`id_serv` of every report that was answered 201."""
        self.found = 0
        """How many were answered 200: they were there already."""
        self.statuses: Counter[int] = Counter()
        self._chance = random.Random(servers.plan.seed)  # noqa: S311 - a load, not a secret

    def next_beat(self) -> float:
        """Tell when somebody gathers next, in seconds since the start."""
        number = self._order[self._place]
        return (self._round + self.servers.phase(number)) * self.servers.plan.interval

    def next_event(self, *, gathering: bool) -> float:
        """Tell when there is something to do next, but for requests."""
        beat = self.next_beat() if gathering else math.inf
        return min(beat, self._paused[0][0]) if self._paused else beat

    def advance(self, now: float, *, gathering: bool = True) -> None:
        """Let all happen that is due."""
        while gathering and self.next_beat() <= now:
            self._gather(self._order[self._place], self.next_beat())
            self._place += 1
            if self._place == len(self._order):
                self._place, self._round = 0, self._round + 1
        while self._paused and self._paused[0][0] <= now:
            at, number = heapq.heappop(self._paused)
            self.ready.append((number, at))

    def end_silence(self, now: float) -> None:
        """Let everybody be in reach who has something to send."""
        for number in self._silent:
            self._offer(number, now)
        self._silent.clear()

    def _gather(self, number: int, at: float) -> None:
        self.made[number] += 1
        self.waiting += 1
        beat = self.made[number]
        if self._silent.get(number, 0) > beat:
            return
        self._silent.pop(number, None)
        silence = self.servers.silence(number, beat)
        if silence:
            self._silent[number] = beat + silence
        else:
            self._offer(number, at)

    def _offer(self, number: int, at: float) -> None:
        if not self._busy[number] and self.sent[number] < self.made[number]:
            self._busy[number] = 1
            self.ready.append((number, at))

    def identity(self, number: int, beat: int | None = None) -> str:
        """Give the identity under which a machine reports, at a beat or now."""
        since, name = self.renamed.get(number, (0, ""))
        if name and (beat is None or beat >= since):
            return name
        return self.servers.identity(self.servers.original(number))

    def request(self, number: int) -> Request:
        """Give what a machine sends now."""
        identity = self.identity(number)
        token = identity.encode()
        if number in self._enrolling:
            new = self.servers.identity(number, 1)
            asked = {"id_agente": new, "token_sha256": hashlib.sha256(new.encode()).hexdigest()}
            return Request(b"/agentes", token, json.dumps(asked).encode(), packed=False)
        body = self.servers.report(number, self.sent[number] + 1, identity)
        return Request(b"/servers", token, body, packed=True)

    def answered(self, number: int, answer: Answer, now: float) -> None:
        """Do what an answer asks for."""
        self.statuses[answer.status] += 1
        if answer.status == HTTPStatus.CONFLICT and number not in self.renamed:
            self._enrolling.add(number)
        elif answer.status not in STORED:
            self._pause(number, answer, now)
            return
        elif number in self._enrolling:
            self._enrolling.remove(number)
            self.renamed[number] = (self.sent[number] + 1, self.servers.identity(number, 1))
        else:
            self._delivered(number, answer)
        self._failures[number] = 0
        self._busy[number] = 0
        if self._silent.get(number, 0) <= self.made[number]:
            self._offer(number, now)

    def _delivered(self, number: int, answer: Answer) -> None:
        if answer.status == HTTPStatus.CREATED:
            self.numbers.append(json.loads(answer.body)["id_serv"])
        elif answer.status == HTTPStatus.OK:
            self.found += 1
        self.sent[number] += 1
        self.waiting -= 1

    def _pause(self, number: int, answer: Answer, now: float) -> None:
        self._failures[number] = min(self._failures[number] + 1, 255)
        interval = self.servers.plan.interval
        chance = self._chance.random()
        pause = next_pause(self._failures[number], interval, answer.retry_after, chance)
        heapq.heappush(self._paused, (now + pause, number))

    def delivered(self) -> Iterator[tuple[str, str]]:
        """Give identity and id of every report that was delivered."""
        for number, last in enumerate(self.sent):
            for beat in range(1, last + 1):
                yield self.identity(number, beat), self.servers.report_id(number, beat)

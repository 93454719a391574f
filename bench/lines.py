"""Connections over which a simulated fleet talks to its collectors: few, kept, and one loop."""

import contextlib
import re
import selectors
import socket
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence

from bench.herd import STORED, Answer, Herd, Request
from bench.load import is_whole

LINES = 128
"""Connections at a time to a collector, fewer than it lets one address have."""

PATIENCE_S = 60.0
"""An agent's own: `[agente] plazo`."""

TICK_S = 1.0


class Line:
    """A connection, and what is going on there."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = -1
        """Whose request it has; -1 while it rests."""
        self.since = 0.0
        self.received = b""
        self.fresh = True


class Lines:
    """The loop: sends for a herd what is to be sent, and tells it what comes back."""

    def __init__(
        self, herd: Herd, ports: Sequence[int], on_tick: Callable[["Lines", float], None]
    ) -> None:
        """Make it, with nothing open.

        Args:
            herd: whose requests these are.
            ports: of the collectors; the herd divides evenly over them, and who hears nothing from
                its own goes to the next.
            on_tick: is called once a second, with the time.
        """
        self._herd, self._ports, self._on_tick = herd, ports, on_tick
        self._moved: Counter[int] = Counter()
        """How often a machine went to another collector."""
        self._selector = selectors.DefaultSelector()
        self._idle: dict[int, list[Line]] = {port: [] for port in ports}
        self._open: Counter[int] = Counter()
        self._began = time.monotonic()
        self._ticked = 0.0
        self.latencies = array("f")
        """Of each answer that stored a report: from when it could go, in seconds."""

    def now(self) -> float:
        """Tell the seconds since the start."""
        return time.monotonic() - self._began

    def run(self, seconds: float, *, gathering: bool = True) -> bool:
        """Run up to a moment; while nobody gathers, until all is delivered, if that is before.

        Returns:
            whether all is delivered.
        """
        while (now := self.now()) < seconds and (gathering or self._herd.waiting):
            self._herd.advance(now, gathering=gathering)
            while self._herd.ready and self._has_line(self._herd.ready[0][0]):
                number, since = self._herd.ready.popleft()
                self._send(number, since)
            event = self._herd.next_event(gathering=gathering)
            due = min(event, seconds, self._ticked + TICK_S)
            for key, _ in self._selector.select(max(0.0, due - self.now())):
                self._receive(key.data)
            if self.now() >= self._ticked + TICK_S:
                self._ticked = self.now()
                self._on_tick(self, self._ticked)
        return not self._herd.waiting

    def close(self) -> None:
        """Close all."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def _port(self, number: int) -> int:
        """Tell which collector a machine reports to."""
        return self._ports[(number + self._moved[number]) % len(self._ports)]

    def _has_line(self, number: int) -> bool:
        port = self._port(number)
        return bool(self._idle[port]) or self._open[port] < LINES

    def _send(self, number: int, since: float) -> None:
        request, port = self._herd.request(number), self._port(number)
        try:
            line = self._idle[port].pop() if self._idle[port] else self._connect(port)
            line.number, line.since = number, since
            line.socket.sendall(_text(request))
        except ConnectionRefusedError:
            self._unheard(number)
        except OSError:
            self._lost(line)

    def _connect(self, port: int) -> Line:
        line = Line(port)
        self._selector.register(line.socket, selectors.EVENT_READ, line)
        self._open[port] += 1
        return line

    def _receive(self, line: Line) -> None:
        try:
            piece = line.socket.recv(65_536)
        except OSError:
            piece = b""
        if not piece:
            self._lost(line)
            return
        line.received += piece
        if not is_whole(line.received):
            return
        answer, number = _parse(line.received), line.number
        line.received, line.number, line.fresh = b"", -1, False
        self._idle[line.port].append(line)
        now = self.now()
        if answer.status in STORED:
            self.latencies.append(now - line.since)
        self._herd.answered(number, answer, now)

    def _lost(self, line: Line) -> None:
        """Let go of a connection; what was sent as it ended is sent again, as by any client."""
        self._selector.unregister(line.socket)
        line.socket.close()
        self._open[line.port] -= 1
        with contextlib.suppress(ValueError):
            self._idle[line.port].remove(line)
        if line.number < 0:
            return
        if line.fresh or line.received:
            self._unheard(line.number)
        else:
            self._herd.ready.appendleft((line.number, line.since))

    def _unheard(self, number: int) -> None:
        """Let a machine that heard nothing go to another collector."""
        self._moved[number] += 1
        self._herd.answered(number, Answer(0), self.now())


def _text(request: Request) -> bytes:
    packed = b"Content-Encoding: gzip\r\n" if request.packed else b""
    return (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%b"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
    ) % (request.path, packed, request.token, len(request.body), request.body)


def _parse(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    asked = re.search(rb"(?i)\r\nretry-after: *(\d+)", head)
    return Answer(int(head[9:12]), body, float(asked[1]) if asked else 0.0)

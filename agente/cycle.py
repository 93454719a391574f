"""The rhythm: gathering once or at every beat, while a sender empties the spool."""

import math
import os
import random
import select
import signal
import threading
import time
from types import FrameType

import report
from credentials import Credentials
from exits import DELIVERED, KEPT, LOST, REFUSED
from gatherer import Gatherer
from guest import Watch
from member import members
from messages import say
from route import Route
from sender import LONGEST_PAUSE, Sender
from settings import Settings
from spool import Spool

GRACE = 3.0  # seconds that an exchange under way gets when the agent is told to stop


def next_beat(first: float, interval: float, now: float) -> float:
    """Return the next of the moments first + k * interval that is after now.

    Beats come from the first one, not from the last, so they do not drift; those that were missed
    are skipped.
    """
    if now < first:
        return first
    return first + interval * (math.floor((now - first) / interval) + 1)


class Bell:
    """Waits for time to pass, a signal to stop, or another thread.

    A signal's handler may not take a lock that what it interrupts may hold, so the signal's byte
    comes through a pipe (signal.set_wakeup_fd).
    """

    def __init__(self) -> None:
        self.stopping = False
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def ring(self) -> None:
        """End the wait of the main thread."""
        os.write(self._write, b"\0")

    def wait(self, seconds: float | None) -> bool:
        """Wait until the bell rings; False when the time (None: any) was over before."""
        if not select.select([self._read], [], [], seconds)[0]:
            return False
        os.read(self._read, 4096)
        return True


class Agent:
    """Gathers into a spool and sends from it. Raises SpoolBusyError, OSError when made."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._gatherer = Gatherer(settings)
        self.spool = Spool(settings.spool, settings.spool_mib << 20)
        self._bell = Bell()
        interval = settings.intervalo or LONGEST_PAUSE
        self._credentials = Credentials(settings.estado, self._gatherer.who)
        ways = members(settings.alta, self._credentials, settings)
        way = ways[0] if len(ways) == 1 else Route(ways, interval)
        self.sender = Sender(self.spool, way, self._gatherer.budget, interval)
        self._watch = Watch(settings.memoria_mib, self._gatherer.budget)
        self._trouble, self._dropping = "", False

    def beat(self) -> str:
        """Gather a report into the spool; return its id."""
        before = self.spool.dropped
        gathered = self._gatherer.gather(before, self._credentials.id_agente)
        name = str(gathered["id_reporte"])
        trouble = self.spool.put(name, report.encode(gathered))
        if trouble and trouble != self._trouble:
            say(f"no puedo guardar el reporte ({trouble}): espera en memoria y se intenta enviar")
        self._trouble = trouble
        if self.spool.dropped > before and not self._dropping:
            say(f"el spool está lleno: se van los más viejos ({self.spool.dropped} hasta ahora)")
        if self.spool.dropped > before:
            self._dropping = True
        elif self.spool.has_room():  # some beats of an outage find room for theirs
            self._dropping = False
        self._watch.look()
        return name

    def once(self) -> int:
        """Gather and send one report, and those that wait before it; return the exit code."""
        name = self.beat()
        thread = threading.Thread(target=self._drain, daemon=True)
        thread.start()
        self._bell.wait(None)
        self._stop(thread)
        waiting = any(name in waits for waits in self.spool.names())
        if self.spool.close():
            say("el reporte se perdió: ni el disco ni el colector lo tomaron")
            return LOST
        if waiting:
            return KEPT
        return REFUSED if self.spool.was_set_aside(name) else DELIVERED

    def _drain(self) -> None:
        try:
            self.sender.drain()
        finally:
            self._bell.ring()

    def endless(self, interval: float) -> int:
        """Gather at every beat until told to stop; return the exit code."""
        thread = threading.Thread(target=self.sender.run, daemon=True)
        thread.start()
        offset = random.random() * interval  # noqa: S311 - so that a fleet does not arrive together
        first = time.monotonic() + offset
        self.sender.wake()
        while self._rest(next_beat(first, interval, time.monotonic())):
            self.beat()
            self.sender.wake()
        self._stop(thread)
        lost = self.spool.close()
        if lost:
            say(f"reportes perdidos, que el disco no tomó: {lost}")
        return LOST if lost else DELIVERED

    def _rest(self, until: float) -> bool:
        """Wait for a moment (monotonic); False when told to stop."""
        while not self._bell.stopping:
            left = until - time.monotonic()
            if left <= 0:
                return True
            self._bell.wait(left)
        return False

    def _stop(self, thread: threading.Thread) -> None:
        self.sender.stop()
        thread.join(GRACE)

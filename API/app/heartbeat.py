"""How a process tells the one that watches over it that it gets on, and does not hang."""

import time
from contextlib import suppress
from multiprocessing.connection import Connection

BEAT_S = 1.0
"""Between two signs of life at least, in seconds."""


class Heartbeat:
    """Signs of life of the thread that does the work."""

    def __init__(self, watcher: Connection) -> None:
        """Make it, with where they are told."""
        self._watcher = watcher
        self._due = 0.0

    def beat(self) -> None:
        """Tell that something is done; to be called at every step."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + BEAT_S
            with suppress(OSError):  # nobody watches any more: this process is to end
                self._watcher.send_bytes(b"alive")

    def close(self) -> None:
        """Let it beat no more from here."""
        self._watcher.close()

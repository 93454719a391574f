"""Somebody else's locks: how they are told from an outage, and for how long they are borne.

Of several collectors, one that hangs in the middle of a transaction holds the servers of its batch
until PostgreSQL ends that (`HUNG` of its engine), or, where it hangs in a COPY, another collector.
"""

import time

from sqlalchemy import Engine

from API.app import locks
from API.app.ingest.writer import reason_of
from API.app.locks import is_locked, locker

HUNG_S = 11.0
"""After so long PostgreSQL should have ended what holds a lock, in seconds."""

PATIENCE_S = 20.0
"""How long a lock is waited for at most, in seconds."""

ANYWAY_S = 10.0
"""How often what somebody has locked is tried all the same, in seconds: it may be a table that no
report needs."""


class Lockout:
    """Since when locks have been in the way of what is tried again and again."""

    def __init__(self, engine: Engine) -> None:
        """Make it; nothing has been in the way yet."""
        self._engine = engine
        self._since: float | None = None
        self._is_lock = False
        self._tried = float("-inf")

    def note(self, error: Exception | None) -> bool:
        """Note how a try ended; tell whether it is a lock, and time to be patient still."""
        if error is None or not is_locked(error):
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return self._seconds() < PATIENCE_S

    def reason_of(self, error: Exception) -> str:
        """Say what is the matter; of a table that somebody has locked, who that is."""
        self._is_lock = is_locked(error)
        return locks.reason_of(error, self._engine) if self._is_lock else reason_of(error)

    def still(self) -> str | None:
        """Say who has a table locked that was in the way; None where it is worth another try.

        PostgreSQL logs as an error whoever waits for a lock in vain, but not who looks.

        Raises:
            DBAPIError: the database is away.
        """
        now = time.monotonic()
        is_too_soon = self._is_lock and now - self._tried < ANYWAY_S
        who = locker(self._engine) if is_too_soon else None
        if who is None:
            self._tried = now
        return who

    def end_hung(self) -> None:
        """End the collectors' transactions that hang, if it has taken so long.

        Raises:
            DBAPIError: the database is away.
        """
        if self._seconds() > HUNG_S:
            from API.app.ingest.postgresql.holding import end_hung

            with self._engine.begin() as connection:
                end_hung(connection)

    def _seconds(self) -> float:
        return 0.0 if self._since is None else time.monotonic() - self._since

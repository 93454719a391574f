"""Somebody else's locks: how they are told from an outage, and for how long they are borne.

Of several collectors, one that hangs in the middle of a transaction holds the servers of its batch
until PostgreSQL ends that (`HUNG` of its engine), or, where it hangs in a COPY, another collector.
"""

import time
from contextlib import suppress

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from API.app.ingest.writer import reason_of

LOCKED = "55P03"
"""The code of a lock that was not to be had in time."""

HUNG_S = 11.0
"""After so long PostgreSQL should have ended what holds a lock, in seconds."""

PATIENCE_S = 20.0
"""How long a lock is waited for at most, in seconds."""


def is_locked(error: Exception) -> bool:
    """Tell whether somebody else's lock was the matter, as PostgreSQL says it."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == LOCKED


class Lockout:
    """Since when locks have been in the way of what is tried again and again."""

    def __init__(self, engine: Engine) -> None:
        """Make it; nothing has been in the way yet."""
        self._engine = engine
        self._since: float | None = None

    def note(self, error: Exception | None) -> bool:
        """Note how a try ended; tell whether it is a lock, and time to be patient still."""
        if error is None or not is_locked(error):
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return self._seconds() < PATIENCE_S

    def reason_of(self, error: Exception) -> str:
        """Say what is the matter; of a table that somebody has locked, who that is."""
        if is_locked(error):
            from API.app.ingest.postgresql.holding import lockers

            with suppress(DBAPIError), self._engine.begin() as connection:
                if others := lockers(connection):
                    return f"somebody else has locked {others[0]}"
        return reason_of(error)

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

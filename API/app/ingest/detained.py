"""Reports that wait because somebody else holds the rows of their servers.

Of several collectors, one that hangs in the middle of a transaction holds the servers of its batch
until PostgreSQL ends that. Meanwhile the reports of all other servers go on.
"""

import time
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from API.app.ingest.lockout import HUNG_S, PATIENCE_S
from API.app.ingest.writer import Waiting

log = structlog.get_logger()

AGAIN_S = 0.25
"""How often it is looked whether they are free, in seconds."""


class Detained:
    """The reports that wait, in the order in which they came."""

    def __init__(self, engine: Engine) -> None:
        """Make it, for a database of any kind; where one writer is alone, none ever waits."""
        self._engine = engine
        self._waiting: list[Waiting] = []
        self._since = 0.0
        self._next_look = 0.0

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._waiting)

    def pause(self) -> float:
        """Tell in how many seconds it is time to look at them again."""
        return max(0.0, self._next_look - time.monotonic())

    def is_too_long(self) -> bool:
        """Tell whether some have waited for as long as they may."""
        return bool(self._waiting) and time.monotonic() - self._since > PATIENCE_S

    def release(self) -> list[Waiting]:
        """Give them all, and keep none."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def sort_out(self, batch: Sequence[Waiting]) -> list[Waiting]:
        """Take in a batch; give the reports, of it and of before, whose servers nobody holds.

        Raises:
            DBAPIError: the database is away; then all is as it was.
        """
        from API.app.ingest.postgresql.holding import end_hung, held_by_others

        now = time.monotonic()
        is_first = not self._waiting
        waiting = [*self._waiting, *batch]
        with self._engine.begin() as connection:
            idents = {item.entry.id_agente for item in waiting}
            if not is_first and now - self._since > HUNG_S:
                end_hung(connection)
            held = held_by_others(connection, idents)
        self._waiting = [item for item in waiting if item.entry.id_agente in held]
        self._next_look = time.monotonic() + AGAIN_S
        if is_first and held:
            self._since = now
            log.warning("reports wait: somebody else holds their servers", servers=len(held))
        return [item for item in waiting if item.entry.id_agente not in held]

"""Jobs that one collector at a time does, of those that share a database.

Whoever does one holds a lock of the database's, on the connection that does its work: when that
ends, however it ends, the lock is free, and whatever it had not committed is undone. PostgreSQL
ends it where nothing is heard on it for a while: whoever does the job hangs. SQLite has one
collector, whose job everything is.
"""

import time
from typing import Any

from sqlalchemy import Engine, event

from createDB.engine import is_postgresql
from createDB.postgresql.locks import Lock

AGAIN_S = 5.0
"""How long to wait before it is tried again to take a job that somebody else has, in seconds."""

HUNG_S = 15.0
"""After how long without a word the job is another's, in seconds: whoever does it says something
several times meanwhile, if only by `is_ours`."""


class TakenError(Exception):
    """Another collector does the job."""


class Turn:
    """The turn at a job, taken by each connection of an engine as it is made.

    A connection of the engine that was not refused has the job; so the engine is for that job
    alone, with one connection at a time.
    """

    def __init__(self, engine: Engine, job: Lock) -> None:
        self._engine, self._job = engine, job
        self._shared = is_postgresql(engine.url)
        self._not_before = 0.0
        self.taken = 0
        """How often it was taken: after another time than before, somebody else may have done the
        job meanwhile, and what is remembered of it is no longer good."""
        if self._shared:
            event.listen(engine, "connect", self._take)
        else:
            self.taken = 1

    def is_ours(self) -> bool:
        """Take the job if nobody has it, and tell whether it is ours; whoever has it keeps it so.

        Raises:
            DBAPIError: the database is away.
        """
        if not self._shared:
            return True
        if time.monotonic() < self._not_before:
            return False
        try:
            self._engine.connect().close()
        except TakenError:
            self._not_before = time.monotonic() + AGAIN_S
            return False
        return True

    def _take(self, connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            [has_it, _] = cursor.execute(_TAKE, (int(self._job), f"{HUNG_S}s")).fetchone()
        connection.commit()
        if not has_it:
            connection.close()
            raise TakenError
        self.taken += 1


_TAKE = "SELECT pg_try_advisory_lock(%s), set_config('idle_session_timeout', %s, false)"

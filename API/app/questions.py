"""Connections for the small questions that every report asks, such as whose token it bears.

They go to the driver directly: through SQLAlchemy and its pool the same question takes ten times
as long, which a thousand times a second is a good part of a processor.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import NamedTuple, cast

from sqlalchemy.engine import URL

from API.app.errors import RETRY_AFTER_S, ProblemError
from API.app.locks import reason_of
from API.app.queries.direct import Direct
from createDB.engine import BUSY_TIMEOUT_MS, database_path, is_postgresql

SMALL_ANSWER_S = 3.0
"""How long PostgreSQL may take for an answer, in seconds: an event loop waits for it."""


class _Source(NamedTuple):
    """Where connections are from."""

    error: type[Exception]
    """What they raise, and its kinds."""
    open: Callable[[], Direct]
    lasts: Callable[[Direct], bool]
    """Tells whether one can be used again."""


class Questions:
    """Read-only connections, as many as are in use at a time; each statement sees the latest."""

    def __init__(self, url: URL) -> None:
        self._source = _postgresql(url) if is_postgresql(url) else _sqlite(url)
        self._idle: deque[Direct] = deque()

    @contextmanager
    def connect(self) -> Iterator[Direct]:
        """Give a connection that nobody else has until the context ends.

        Raises:
            ProblemError: 503 where the database cannot be read.
        """
        try:
            connection = self._one_that_lasts() or self._open()
        except self._source.error as error:
            raise _away(error) from error
        try:
            yield connection
        except self._source.error as error:
            raise _away(error) from error
        finally:
            self._idle.append(connection)

    def close(self) -> None:
        """Let go of the connections that nobody has."""
        while self._idle:
            self._idle.pop().close()

    def _open(self) -> Direct:
        return self._source.open()

    def _one_that_lasts(self) -> Direct | None:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last
                return None
            if self._source.lasts(connection):
                return connection
            connection.close()
        return None


def _sqlite(url: URL) -> _Source:
    uri = f"{database_path(url).as_uri()}?mode=ro"

    def connect() -> Direct:
        return sqlite3.connect(
            uri,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )

    return _Source(sqlite3.Error, connect, lambda _connection: True)


def _postgresql(url: URL) -> _Source:
    import psycopg  # for SQLite nobody needs it

    from createDB.postgresql.direct import DirectConnection

    def connect() -> Direct:
        return DirectConnection(
            url, read_only=True, wait_ms=BUSY_TIMEOUT_MS, answer_s=SMALL_ANSWER_S
        )

    def lasts(connection: Direct) -> bool:
        return cast("DirectConnection", connection).is_idle()

    return _Source(psycopg.Error, connect, lasts)


def _away(error: Exception) -> ProblemError:
    wait = {"Retry-After": str(RETRY_AFTER_S)}
    detail = f"the database cannot be read: {reason_of(error)}"
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, wait)

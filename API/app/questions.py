"""Connections for the small questions that every report asks, such as whose token it bears.

They go to the driver directly: through SQLAlchemy and its pool the same question takes ten times
as long, which a thousand times a second is a good part of a processor.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from sqlalchemy.engine import URL

from API.app.errors import RETRY_AFTER_S, ProblemError
from createDB.engine import BUSY_TIMEOUT_MS, database_path


class Questions:
    """Read-only connections, as many as are in use at a time; each statement sees the latest."""

    def __init__(self, url: URL) -> None:
        self._uri = f"{database_path(url).as_uri()}?mode=ro"
        self._idle: deque[sqlite3.Connection] = deque()

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that nobody else has until the context ends.

        Raises:
            ProblemError: 503 where the database cannot be read.
        """
        try:
            connection = self._idle.pop() if self._idle else self._open()
        except IndexError:  # another thread took the last
            connection = self._open()
        try:
            yield connection
        except sqlite3.Error as error:
            raise _away(error) from error
        finally:
            self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        try:
            return sqlite3.connect(
                self._uri,
                timeout=BUSY_TIMEOUT_MS / 1000,
                isolation_level=None,
                check_same_thread=False,
                uri=True,
            )
        except sqlite3.Error as error:
            raise _away(error) from error


def _away(error: sqlite3.Error) -> ProblemError:
    wait = {"Retry-After": str(RETRY_AFTER_S)}
    detail = f"the database cannot be read: {error}"
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, wait)

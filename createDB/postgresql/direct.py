"""Connections of the driver's own, with the interface that those of sqlite3 have."""

import select
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import URL

from createDB.postgresql.answers import connect
from createDB.postgresql.engine import connect_arguments, use_written_values
from createDB.postgresql.statements import translated


class DirectConnection:
    """Takes statements in SQLite's words; each is a transaction, unless it stands after a BEGIN."""

    def __init__(
        self, url: URL, *, read_only: bool, wait_ms: int, answer_s: float | None = None
    ) -> None:
        """Open it.

        Args:
            url: as `createDB.engine.database_url` gives it.
            read_only: refuse every write.
            wait_ms: how long a statement waits for somebody else's lock, in milliseconds.
            answer_s: how long an answer may take, in seconds; None: as long as it takes.

        Raises:
            psycopg.Error: it cannot be had.
        """
        dialect = url.set(drivername="postgresql+psycopg").get_dialect()()
        places, given = dialect.create_connect_args(url)
        ours = connect_arguments(
            read_only=read_only, wait_ms=wait_ms, durable=True, answer_s=answer_s
        )
        self._connection = connect(answer_s, *places, autocommit=True, **{**given, **ours})
        use_written_values(self._connection)
        self._poll = select.poll()
        self._poll.register(self._connection.fileno(), select.POLLIN)

    @property
    def process(self) -> int:
        """Which process of the server is at the other end."""
        return self._connection.info.backend_pid

    def execute(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /
    ) -> psycopg.Cursor[Any]:
        """Ask something."""
        return self._connection.execute(*translated(statement, parameters))

    def rollback(self) -> None:
        """End the transaction at hand, where there is one."""
        self._connection.rollback()

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    def is_idle(self) -> bool:
        """Tell whether it can be used again, without asking the server.

        One that says something unasked has ended the connection: it stopped, or threw us out.
        """
        status = self._connection.info.transaction_status
        return status is TransactionStatus.IDLE and not self._poll.poll(0)

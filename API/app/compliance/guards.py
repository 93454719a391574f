"""Opens a database for queries of policies: who runs which of them where."""

import math
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from sqlalchemy.engine import URL

from API.app.compliance.desk import Desk
from API.app.compliance.guard import Found, Guard, QueryError, reason_of
from createDB.engine import database_path, is_postgresql

if TYPE_CHECKING:
    from API.app.compliance.postgresql.guard import PostgresGuard


def open_guard(url: URL) -> "Opened":
    """Open a database for queries of policies."""
    if is_postgresql(url):
        from API.app.compliance.postgresql.guard import PostgresGuard

        return PostgresGuard.open(url)
    return FileGuard.open(database_path(url))


Opened = Union["FileGuard", "PostgresGuard"]
AnyGuard = Union["Guard", "PostgresGuard"]


class FileGuard(Guard):
    """A database of SQLite, and a desk for queries that look at their report alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take over a connection, for nothing else from now on."""
        super().__init__(connection)
        self.desk = Desk(self._rows_of)

    @classmethod
    def open(cls, path: Path) -> "FileGuard":
        """Open the database at `path` for reading."""
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, cached_statements=1_000, check_same_thread=False
        )
        connection.execute("PRAGMA busy_timeout = 2000")
        return cls(connection)

    def close(self) -> None:
        """Close the connections."""
        self.desk.close()
        super().close()

    def interrupt(self) -> None:
        """Stop the query that runs, if one does; from another thread."""
        self.desk.interrupt()
        super().interrupt()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Have every query within see the same state of the database."""
        with super().snapshot(), self.desk.snapshot():
            yield

    def run(
        self, query: str, id_serv: int, en: str, own: Collection[str] | None = None,
        _other_words: str | None = None,
    ) -> Found:  # fmt: skip
        """Run a policy's query; where it looks at some tables for its report alone, at the desk."""
        if own:
            return self.desk.run(query, id_serv, en, own)
        return super().run(query, id_serv, en)

    def _rows_of(self, statement: str, id_serv: int) -> Sequence[Sequence[Any]]:
        self._deadline = None
        try:
            return self._connection.execute(statement, (id_serv,)).fetchall()
        except sqlite3.Error as error:
            raise QueryError(reason_of(error)) from None
        finally:
            self._deadline = math.inf

"""Runs a policy's query where it can read, for a short while, and do nothing else."""

import math
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from sqlalchemy.engine import URL

from createDB.engine import database_path, is_postgresql

if TYPE_CHECKING:
    from API.app.compliance.postgresql.guard import PostgresGuard

TIME_S = 0.5
"""Processor time that a query may take, in seconds."""

MAX_ROWS = 50
"""Rows of evidence that are kept."""

MAX_SIZE = 1 << 18
"""Characters of text that these have together: what comes after them is only known to be there."""

STEPS = 10_000
"""SQLite's instructions between two looks at the clock; some 0.2 ms."""

LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1 << 18,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 17,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 64,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}

TABLES = frozenset(
    ("servers", "procesos", "usuarios_activos", "agentes", "historial_procesos",
     "historial_usuarios", "historial_sistema", "periodos", "hechos", "presencias", "repeticiones")
)  # fmt: skip
"""What a query may read: no accounts, no audit trail."""

COLUMNS_OF_AGENTS = frozenset(
    ("num_agente", "id_agente", "hostname", "ipaddress", "id_serv", "momento", "etiquetas",
     "primer_reporte", "ultimo_reporte", "intervalo", "version_agente", "descartados", "estado")
)  # fmt: skip
"""No tokens either."""

FORBIDDEN_FUNCTIONS = frozenset(
    ("load_extension", "fts3_tokenizer", "random", "randomblob", "printf", "format")
)
"""What reaches out, says something else each time, or cannot be stopped: nobody looks at the clock
within printf('%.*c', 500000000, 'x')."""


class QueryError(Exception):
    """A query could not be run to its end; the message says why, in Spanish."""


class Found(NamedTuple):
    """The rows that a query gave."""

    rows: list[dict[str, Any]]
    more: bool
    """Whether there were more than are kept."""


def authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
    """Let a statement read the tables of reports, and call harmless functions."""
    allowed = action in (
        sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION
    )  # fmt: skip
    if action == sqlite3.SQLITE_READ:
        # A read of no column counts rows: that is also how a query reads one of its own WITH.
        allowed = not second or (
            first in TABLES and (first != "agentes" or second in COLUMNS_OF_AGENTS)
        )
    elif action == sqlite3.SQLITE_FUNCTION:
        allowed = second not in FORBIDDEN_FUNCTIONS
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def wrapped(query: str) -> str:
    """Write a query such that nothing but a SELECT can be one, with its limit of rows."""
    return f"SELECT * FROM (\n{query.strip().rstrip(';')}\n) LIMIT {MAX_ROWS + 1}"  # noqa: S608


def open_guard(url: URL) -> "AnyGuard":
    """Open a database for queries of policies."""
    if is_postgresql(url):
        from API.app.compliance.postgresql.guard import PostgresGuard

        return PostgresGuard.open(url)
    return Guard.open(database_path(url))


AnyGuard = Union["Guard", "PostgresGuard"]


class Guard:
    """A connection to SQLite that policies' queries run on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take over a connection, for nothing else from now on."""
        connection.isolation_level = None
        connection.row_factory = sqlite3.Row
        for limit, value in LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_authorizer(self._authorize)
        connection.set_progress_handler(self._look_at_the_clock, STEPS)
        self._connection = connection
        self._deadline = math.inf
        """Of the query that runs: SQLite counts steps over all runs of a statement, BEGIN too."""
        self._rows: Rows | None = None

    @classmethod
    def open(cls, path: Path) -> "Guard":
        """Open the database at `path` for reading."""
        guard = cls(_open(path))
        guard._rows = Rows(_open(path))
        return guard

    def close(self) -> None:
        """Close the connection."""
        if self._rows:
            self._rows.close()
        self._connection.close()

    def interrupt(self) -> None:
        """Stop the query that runs, if one does; from another thread."""
        self._connection.interrupt()

    def _authorize(self, *given: Any) -> int:
        return authorize(*given)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Have every query within see the same state of the database."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def run(
        self, query: str, id_serv: int, en: str, own: Collection[str] | None = None,
        _other_words: str | None = None,
    ) -> Found:  # fmt: skip
        """Run a policy's query.

        Args:
            query: one SELECT.
            id_serv: the report.
            en: the moment of the judgement, as the database writes moments.
            own: tables that it looks at, where it looks at its report alone.

        Raises:
            QueryError: it is no such query, it failed, or it took too long.
        """
        if own and self._rows and not ROWS.keys().isdisjoint(own):
            return self._rows.run(query, id_serv, en, own)
        self._deadline = time.thread_time() + TIME_S
        try:
            cursor = self._connection.execute(wrapped(query), {"id_serv": id_serv, "en": en})
            with closing(cursor):
                return kept((dict(row), _size_of(row)) for row in cursor)
        except sqlite3.Warning:
            raise QueryError("hay más de una sentencia") from None
        except sqlite3.Error as error:
            raise QueryError(_reason(error)) from None
        finally:
            self._deadline = math.inf

    def _look_at_the_clock(self) -> bool:
        return time.thread_time() > self._deadline


class Rows(Guard):
    """A guard that has the processes and sessions of one report at hand, found by name.

    Most queries look for names among the rows of their report, one after another. In temporary
    tables of the same names, which SQLite finds first (https://sqlite.org/lang_naming.html), an
    index has them; the views of `compacto` would put them together anew for each query.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take over a connection, and make the tables."""
        connection.execute("PRAGMA temp_store = MEMORY")
        for statement in _TABLES_OF_ROWS:
            connection.execute(statement)
        self._fetching = False
        self._held: dict[str, int] = {}
        """Of which report each table has the rows."""
        super().__init__(connection)

    def run(
        self, query: str, id_serv: int, en: str, own: Collection[str] | None = None,
        _other_words: str | None = None,
    ) -> Found:  # fmt: skip
        """Run a policy's query over the rows of its report."""
        for name in own or ():
            if self._held.get(name) != id_serv:
                self._fetch(name, id_serv)
        return super().run(query, id_serv, en)

    def _fetch(self, name: str, id_serv: int) -> None:
        self._held.pop(name, None)
        self._deadline = time.thread_time() + TIME_S
        self._fetching = True  # no policy's statement runs meanwhile
        try:
            self._fill(name, id_serv)
        except sqlite3.Error as error:
            raise QueryError(_reason(error)) from None
        finally:
            self._fetching = False
        self._held[name] = id_serv

    def _fill(self, name: str, id_serv: int) -> None:
        """Have a table hold the rows of a report; `servers` has them."""
        if name in ROWS:
            columns = ", ".join(ROWS[name])
            fetch = f"INSERT INTO temp.{name} SELECT {columns} FROM main.{name} WHERE id_serv = ?"  # noqa: S608
            self._connection.execute(f"DELETE FROM temp.{name}")  # noqa: S608 - names of our own
            self._connection.execute(fetch, (id_serv,))

    def _authorize(self, *given: Any) -> int:
        return sqlite3.SQLITE_OK if self._fetching else authorize(*given)


ROWS = {
    "procesos": ("id_serv", "pid", "name", "username"),
    "usuarios_activos": ("id_serv", "username", "pid"),
}
"""What there is at hand of a report's rows."""

_TABLES_OF_ROWS = (
    "CREATE TEMP TABLE procesos (id_serv INTEGER, pid INTEGER, name TEXT, username TEXT)",
    "CREATE INDEX temp.ix_name ON procesos (name)",
    "CREATE TEMP TABLE usuarios_activos (id_serv INTEGER, username TEXT, pid INTEGER)",
)


def kept(found: Iterable[tuple[dict[str, Any], int]]) -> Found:
    """Take rows as they come, as many as may be kept.

    Args:
        found: each with the characters of text that it has.

    Raises:
        QueryError: the first one alone is too large.
    """
    rows: list[dict[str, Any]] = []
    left = MAX_SIZE
    for row, size in found:
        left -= size
        if left < 0 and not rows:
            raise QueryError(f"una fila ocupa más de {MAX_SIZE} caracteres")
        if left < 0 or len(rows) == MAX_ROWS:
            return Found(rows, more=True)
        rows.append(row)
    return Found(rows, more=False)


def _size_of(row: sqlite3.Row) -> int:
    return sum(len(value) for value in row if isinstance(value, str | bytes))


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, cached_statements=1_000, check_same_thread=False
    )
    connection.execute("PRAGMA busy_timeout = 2000")
    return connection


def _reason(error: sqlite3.Error) -> str:
    text = str(error)
    if text == "interrupted":
        return slow(round(TIME_S * 1000))
    if "not authorized" in text or "prohibited" in text:
        return f"la consulta hace lo que no debe: {text}"
    return f"la consulta falla: {text}"


def slow(milliseconds: int) -> str:
    """Say that a query did not come to its end in time."""
    return f"{_TOO_SLOW} {milliseconds} ms"


def too_slow(reason: str | None) -> bool:
    """Tell whether a query did not come to its end in time."""
    return reason is not None and reason.startswith(_TOO_SLOW)


_TOO_SLOW = "la consulta tardó más de"

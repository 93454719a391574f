"""Runs a policy's query where it can read, for a short while, and do nothing else."""

import math
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

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


ROWS = {
    "procesos": ("id_serv", "pid", "name", "username"),
    "usuarios_activos": ("id_serv", "username", "pid"),
}
"""What a query may look at of its report's rows to be run where these are at hand (`desk`)."""


class QueryError(Exception):
    """A query could not be run to its end; the message says why, in Spanish."""


class Found(NamedTuple):
    """The rows that a query gave."""

    rows: list[dict[str, Any]]
    more: bool
    """Whether there were more than are kept."""


Query = tuple[str, Collection[str] | None, str | None]
"""A query, the tables that it looks at for its report alone, and its other words; see `run`."""

NOTHING = Found([], more=False)


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


@lru_cache(maxsize=4_096)
def wrapped(query: str) -> str:
    """Write a query such that nothing but a SELECT can be one, with its limit of rows."""
    return f"SELECT * FROM (\n{query.strip().rstrip(';')}\n) LIMIT {MAX_ROWS + 1}"  # noqa: S608


class Guard:
    """A connection to SQLite that policies' queries run on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take over a connection, for nothing else from now on."""
        connection.isolation_level = None
        for limit, value in LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_authorizer(self._authorize)
        connection.set_progress_handler(self._look_at_the_clock, STEPS)
        self._connection = connection
        self._deadline: float | None = math.inf
        """Of the query that runs, None until the first look at the clock; SQLite counts steps over
        all runs of a statement, BEGIN too."""

    def close(self) -> None:
        """Close the connection."""
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
        self, query: str, id_serv: int, en: str, _own: Collection[str] | None = None,
        _other_words: str | None = None,
    ) -> Found:  # fmt: skip
        """Run a policy's query.

        Args:
            query: one SELECT.
            id_serv: the report.
            en: the moment of the judgement, as the database writes moments.

        Raises:
            QueryError: it is no such query, it failed, or it took too long.
        """
        self._deadline = None
        try:
            cursor = self._connection.execute(wrapped(query), {"id_serv": id_serv, "en": en})
            first = cursor.fetchone()
            if first is None:
                return NOTHING
            with closing(cursor):
                names = [column[0] for column in cursor.description]
                rows = chain((first,), cursor)
                return kept((dict(zip(names, row, strict=True)), _size_of(row)) for row in rows)
        except sqlite3.Warning:
            raise QueryError("hay más de una sentencia") from None
        except sqlite3.Error as error:
            raise QueryError(reason_of(error)) from None
        finally:
            self._deadline = math.inf

    def ahead(self, query: Query, reports: Sequence[tuple[int, str]]) -> None:
        """Prepare for a query that will be run for each of some reports: nothing to do here."""

    def _look_at_the_clock(self) -> bool:
        if self._deadline is None:
            self._deadline = time.thread_time() + TIME_S
        return time.thread_time() > self._deadline


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


def _size_of(row: Sequence[Any]) -> int:
    size = 0
    for value in row:
        if isinstance(value, _TEXTS):
            size += len(value)
    return size


def reason_of(error: sqlite3.Error) -> str:
    """Say why a query failed."""
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
_TEXTS = (str, bytes)

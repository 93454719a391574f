"""Runs a policy's query on PostgreSQL, where it can read, for a short while, and do nothing else.

What a query looks at of its own report alone is fetched once, and SQLite runs it on that, as it
does where it is the database: the same query, the same verdict, and PostgreSQL is asked once for
all of them. The others run there, in a transaction that cannot write, after `vetting`.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from API.app.compliance.desk import Desk
from API.app.compliance.guard import MAX_ROWS, MAX_SIZE, Found, Query, QueryError, kept
from API.app.compliance.postgresql.vetting import TIME_MS, Vetted, refusal, vet, was_stopped
from createDB.engine import LONG_ANSWER_S, open_engine
from createDB.postgresql.engine import AS_IT_IS, use_plain_values
from createDB.postgresql.statements import says_otherwise, with_values

SETTINGS = {
    "statement_timeout": str(TIME_MS),
    "lock_timeout": str(TIME_MS // 2),  # sooner: a query that waits for others is not slow itself
    "max_parallel_workers_per_gather": "0",
    # By keys, as long as it knows nothing of what is new: a fleet's first minute, each day's table.
    "enable_seqscan": "off",
    "work_mem": "8MB",
    "jit": "off",
    "standard_conforming_strings": "on",
}

_NOTHING = {"id_serv": " CAST(NULL AS bigint) ", "en": " CAST(NULL AS timestamp) "}
_PLACES = {"id_serv": " CAST(%(id_serv)s AS bigint) ", "en": " CAST(%(en)s AS timestamp) "}


class _Query(NamedTuple):
    text: str
    columns: tuple[str, ...]
    together: str | None
    """The same for several reports; None where that cannot be."""


TOGETHER = 128
"""Reports that a query is asked for at a time, in the time of one: to plan it, with a partition for
each day, takes as long as to run it for thirty."""

QUICK_S = TIME_MS / 1_000 / 4
"""What takes no longer may well be asked for twice as many, in seconds."""

SMALL = 4_096
"""Characters of a row up to which it is given for several reports at a time."""


class PostgresGuard:
    """Connections that policies' queries run on."""

    def __init__(self, engine: Engine) -> None:
        """Take over an engine, for nothing else from now on."""
        event.listen(engine, "connect", _set_up)
        self._engine = engine
        self._connection: Connection | None = None
        self._snapshot = False
        self._allowed: dict[tuple[str, bool], _Query | str] = {}
        self._most: dict[str, int] = {}
        """For how many reports at a time queries are asked for that failed for more; 1: alone."""
        self._answers: dict[tuple[str, int, str], Found] = {}
        """What was found ahead, by query, report and moment."""
        self.desk = Desk(self._rows_of)

    @classmethod
    def open(cls, url: URL) -> "PostgresGuard":
        """Open the database for reading."""
        return cls(open_engine(url, read_only=True, answer_s=LONG_ANSWER_S))

    def close(self) -> None:
        """Close every connection."""
        self.desk.close()
        self._engine.dispose()

    def interrupt(self) -> None:
        """Stop the query that runs, if one does; from another thread."""
        self.desk.interrupt()
        if self._connection and (raw := self._connection.connection.driver_connection):
            raw.cancel()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Have every query within see the same state of the database, until one fails."""
        self._snapshot = True
        try:
            with self.desk.snapshot():
                yield
        finally:
            self._snapshot = False
            self._answers.clear()
            self._let_go()

    def run(
        self, query: str, id_serv: int, en: str, own: Collection[str] | None = None,
        other_words: str | None = None,
    ) -> Found:  # fmt: skip
        """Run a policy's query.

        Args:
            query: one SELECT, in SQLite's words.
            id_serv: the report.
            en: the moment of the judgement, as the database writes moments.
            own: tables that it looks at, where it looks at its report alone.
            other_words: the same in PostgreSQL's words, where those are to be used.

        Raises:
            QueryError: it is no such query, it failed, or it took too long.
        """
        if own is not None and other_words is None:
            return self.desk.run(query, id_serv, en, own)
        allowed = self._look_up(query, other_words)
        if (found := self._answers.pop((allowed.text, id_serv, en), None)) is not None:
            return found
        values = {"id_serv": id_serv, "en": en or None}
        with self._connected() as connection:
            try:
                rows = connection.exec_driver_sql(
                    allowed.text, values, execution_options={AS_IT_IS: True}
                )
                return kept(
                    (dict(zip(allowed.columns, row, strict=False)), row[-1]) for row in rows
                )
            except DBAPIError as error:
                connection.rollback()
                raise refusal(error) from None

    def ahead(self, query: Query, reports: Sequence[tuple[int, str]]) -> None:
        """Run a query for several reports at a time, to have the answers when it is run.

        One that fails so is run for each report alone from then on, and what it says is said there;
        one that takes too long is run so this time, and for half as many at a time from then on,
        until it is quick again.

        Raises:
            DBAPIError: it isn't the query's fault.
        """
        text, own, other_words = query
        if own is None or other_words is not None:
            with suppress(QueryError):
                self._run_together(self._look_up(text, other_words), reports)

    def _run_together(self, query: _Query, reports: Sequence[tuple[int, str]]) -> None:
        left = reports
        while query.together and len(left) > 1:
            most = self._most.get(query.text, TOGETHER)
            if most == 1:
                return
            some, left = left[:most], left[most:]
            began = time.monotonic()
            values = {"id_serv": [report for report, _ in some],
                      "en": [en or None for _, en in some]}  # fmt: skip
            with self._connected() as connection:
                try:
                    rows = connection.exec_driver_sql(
                        query.together, values, execution_options={AS_IT_IS: True}
                    ).all()
                except DBAPIError as error:
                    connection.rollback()
                    refusal(error)
                    fewer = max(len(some) // 2, 2) if was_stopped(error) else 1
                    self._most[query.text] = fewer
                    return
            if len(some) == most and time.monotonic() - began < QUICK_S:
                self._most[query.text] = min(2 * most, TOGETHER)
            self._keep(query, some, rows)

    def _keep(
        self, query: _Query, reports: Sequence[tuple[int, str]], rows: Sequence[Row[Any]]
    ) -> None:
        found: dict[int, list[tuple[Any, ...]]] = {report: [] for report, _ in reports}
        for _, report, *row in sorted(map(tuple, rows), key=itemgetter(0)):
            found[report].append(tuple(row))
        for id_serv, en in reports:
            given = found[id_serv]
            if all(row[-1] <= SMALL for row in given):
                self._answers[query.text, id_serv, en] = kept(
                    (dict(zip(query.columns, row, strict=False)), row[-1]) for row in given
                )

    def vet(self, query: str, other_words: str | None = None) -> Vetted:
        """Find out what a query would do, without running it.

        Raises:
            QueryError: it is none that may run.
        """
        text, as_it_is = (query, False) if other_words is None else (other_words, True)
        if odd := says_otherwise(text):
            raise QueryError(f"la consulta hace lo que no debe: {odd}")
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ WRITE")
            return vet(connection, with_values(_bare(text), _NOTHING, as_it_is=as_it_is))

    def _rows_of(self, statement: str, id_serv: int) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement, (id_serv,))]

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Give the connection; its transaction ends with the snapshot, where there is one."""
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            yield self._connection
        finally:
            if not self._snapshot:
                self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look_up(self, query: str, other_words: str | None) -> _Query:
        """Give a query as it runs; what it does is found out the first time.

        Raises:
            QueryError: it must not run.
        """
        text, as_it_is = (query, False) if other_words is None else (other_words, True)
        known = self._allowed.get((text, as_it_is))
        if known is None:
            try:
                columns = self.vet(query, other_words).columns
                known = _Query(
                    _wrapped(text, len(columns), as_it_is=as_it_is), columns,
                    _wrapped_together(text, len(columns), as_it_is=as_it_is),
                )  # fmt: skip
            except QueryError as error:
                known = str(error)
            self._allowed[text, as_it_is] = known
        if isinstance(known, str):
            raise QueryError(known)
        return known


def _bare(query: str) -> str:
    return query.strip().rstrip(";")


def _wrapped(query: str, columns: int, *, as_it_is: bool) -> str:
    """Write a query with its limits of rows, and of what one row takes.

    Each row comes with its size, and without its values where it is too large.
    """
    names = [f"c{number}" for number in range(columns)]
    values = "".join(f"CASE WHEN tamano <= {MAX_SIZE} THEN {name} END, " for name in names)
    text = with_values(_bare(query).replace("%", "%%"), _PLACES, as_it_is=as_it_is)
    return f"""
        SELECT {values} tamano FROM (
            SELECT consulta.*, octet_length(CAST(consulta AS text)) AS tamano
            FROM (\n{text}\n) AS consulta ({", ".join(names)}) LIMIT {MAX_ROWS + 1}) AS filas
    """  # noqa: S608 - vetted


def _wrapped_together(query: str, columns: int, *, as_it_is: bool) -> str | None:
    """Write a query for several reports: each row with its place, its report and its size."""
    if _REPORTS in query:
        return None  # it would mean something else there
    names = [f"c{number}" for number in range(columns)]
    values = "".join(f"CASE WHEN tamano <= {SMALL} THEN {name} END, " for name in names)
    places = {name: f" {_REPORTS}.{name} " for name in ("id_serv", "en")}
    text = with_values(_bare(query).replace("%", "%%"), places, as_it_is=as_it_is)
    return f"""
        SELECT filas.lugar, {_REPORTS}.id_serv, {values} tamano
        FROM unnest(CAST(%(id_serv)s AS bigint[]), CAST(%(en)s AS timestamp[]))
            AS {_REPORTS} (id_serv, en)
        CROSS JOIN LATERAL (
            SELECT consulta.*, octet_length(CAST(consulta AS text)) AS tamano,
                row_number() OVER () AS lugar
            FROM (\n{text}\n) AS consulta ({", ".join(names)}) LIMIT {MAX_ROWS + 1}) AS filas
    """  # noqa: S608 - vetted


_REPORTS = "reportes_que_se_juzgan"


def _set_up(connection: Any, _record: Any) -> None:
    """Have names mean what they mean in the tables' own schema, and values be numbers or text."""
    use_plain_values(connection)
    with connection.cursor() as cursor:
        for name, value in SETTINGS.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        cursor.execute(
            "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false)"
        )
    connection.commit()

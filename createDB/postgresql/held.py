"""What a database of PostgreSQL holds, in the form in which it is compared with a JSON log."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import psycopg
from sqlalchemy import Table, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

from createDB.engine import name_of, unusable
from createDB.findings import Asked, Findings
from createDB.postgresql.direct import DirectConnection
from createDB.postgresql.partitions import HERE
from createDB.postgresql.tables import NO_AGENT
from createDB.reading import LogReader
from createDB.schema import metadata, procesos, servers, usuarios_activos
from createDB.words import counted


class Held:
    """The rows of some reports, in a database of SQLite in memory."""

    def __init__(self, database: DirectConnection) -> None:
        self._database = database
        kinds = dict(map(tuple, database.execute(_KINDS)))
        self._whole = kinds["procesos"] == "p"
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self._engine, tables=[servers, procesos, usuarios_activos])
        self._connection = self._engine.connect()

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
        self._engine.dispose()

    def of(self, numbers: Sequence[int]) -> sqlite3.Connection:
        """Give the rows of the reports with these numbers, in the place of those before."""
        driver: Any = self._connection.connection.driver_connection
        held: sqlite3.Connection = driver
        for table in (usuarios_activos, procesos, servers):
            held.execute(f"DELETE FROM {table.name}")  # noqa: S608 - a name of ours
        self._fetch(held, servers, numbers)
        came = held.execute("SELECT min(recibido), max(recibido) FROM servers").fetchone()
        for table in (procesos, usuarios_activos):
            self._fetch(held, table, numbers, came if self._whole else ())
        return held

    def _fetch(
        self, held: sqlite3.Connection, table: Table, numbers: Sequence[int], came: Any = ()
    ) -> None:
        columns = ", ".join(column.name for column in table.columns)
        days = "AND recibido BETWEEN ? AND ?" if came else ""  # which partitions to look into
        query = f"SELECT {columns} FROM {table.name} WHERE id_serv = ANY(?) {days}"  # noqa: S608
        rows = self._database.execute(query, (list(numbers), *came))
        places = ", ".join("?" * len(table.columns))
        held.executemany(f"INSERT INTO {table.name} VALUES ({places})", rows)  # noqa: S608


def this_moment(url: URL, log: LogReader, wait_ms: int) -> int:
    """Take the log's files and give the last number while no batch is being stored.

    Who may only read goes without the lock, which is as good while collectors rest.

    Args:
        url: of the database.
        log: whose files are taken anew.
        wait_ms: how long to wait for batches to end, in milliseconds.

    Raises:
        DatabaseUnusableError: it cannot be read, or batches take longer.
    """
    try:
        with closing(DirectConnection(url, read_only=False, wait_ms=wait_ms)) as lock:
            lock.execute("BEGIN")
            try:
                lock.execute("LOCK TABLE reportes IN SHARE MODE")
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
                lock.rollback()
            log.take_files()
            found = lock.execute("SELECT coalesce(max(id_serv), 0) FROM servers").fetchone()
            return int(found[0]) if found else 0
    except psycopg.Error as error:
        raise unusable(error, name_of(url)) from error


def check_rows(database: Asked, findings: Findings) -> None:
    """Look for what keys would not let be in SQLite; add to `findings` what there is."""
    for what, query in _WRONG.items():
        for (number,) in database.execute(query):
            findings.add(what, f"id_serv {number}")
    for table in (procesos, usuarios_activos):
        if database.execute(f"{_KINDS} AND relname = ?", (table.name,)).fetchone() != (
            table.name, "p",
        ):  # fmt: skip
            continue
        for (number,) in database.execute(_STRAY.format(table.name)):
            findings.add("fila sin su reporte", f"{table.name}, id_serv {number}")
        old = database.execute(_OLD.format(table.name), (NO_AGENT,)).fetchone()
        if old and old[0]:
            words = f"{counted(old[0], 'fila', 'filas')} de {table.name} sin su reporte"
            findings.notes.append(f"{words}, de la primera generación")


_KINDS = (
    "SELECT relname::text, relkind::text FROM pg_class "  # noqa: S608 - text of ours
    f"WHERE {HERE} AND relname IN "
    "('procesos', 'usuarios_activos')"
)
_WRONG = {
    "reporte sin su número en reportes": """
        SELECT id_serv FROM servers WHERE id_reporte IS NOT NULL
        EXCEPT SELECT s.id_serv FROM servers s
        JOIN reportes USING (num_agente, id_reporte, id_serv, recibido)
    """,
    "número de reportes sin su reporte": """
        SELECT id_serv FROM reportes
        EXCEPT SELECT r.id_serv FROM reportes r
        JOIN servers USING (num_agente, id_reporte, id_serv, recibido)
    """,
}
_STRAY = f"""
    SELECT DISTINCT id_serv FROM {{}} t WHERE num_agente <> {NO_AGENT} AND NOT EXISTS (
        SELECT FROM servers s WHERE s.id_serv = t.id_serv AND s.num_agente = t.num_agente
        AND s.recibido = t.recibido)
"""  # noqa: S608 - names of ours
_OLD = "SELECT count(*) FROM {} WHERE num_agente = ?"

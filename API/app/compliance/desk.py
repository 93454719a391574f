"""One report at hand, in SQLite in memory: there run the queries that look at their report alone.

Most policies' queries do, and most of them look for names among its processes, one after another.
To read 200 rows for each report would cost more than to judge it, and few of them changed since the
report before: so what the latest report of a server lists is kept, and brought up to the next one
by what came and went. A query sees the report that lies in front, and no other.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from API.app.compliance.guard import ROWS, Found, Guard, authorize
from API.app.compliance.sandbox import empty
from API.app.compliance.subjects import COLUMNS as COLUMNS_OF_SERVERS
from API.app.compliance.subjects import Subject
from API.app.facts import NO_PID
from createDB.views import Layout

PROCESSES = "procesos"

COLUMNS = ROWS | {"servers": COLUMNS_OF_SERVERS}

KEPT = 400_000
"""Rows that are kept, of all servers: some 50 MiB. Those of other servers are read when needed."""

Fetch = Callable[[str, int], Iterable[Sequence[Any]]]
"""Runs a SELECT of `_ROWS_OF` in the database for a report, and gives its rows."""


class Item(NamedTuple):
    """Something that a report lists: a process or a session."""

    campo: str
    nombre: str
    valor: str | None
    id_hecho: int
    """The number of these three."""
    pid: int
    """-1 without one."""
    veces: int
    """How many equal ones the report lists."""


class Desk(Guard):
    """A guard whose tables have the rows of one report, and which has those of others ready."""

    def __init__(self, fetch: Fetch) -> None:
        """Make the tables.

        Args:
            fetch: asked for a report that is not kept.
        """
        connection = empty(Layout.COMPLETO)
        connection.executescript(_TABLES)
        self._ours = False
        super().__init__(connection)
        self._fetch = fetch
        self._front: int | None = None
        self._filled: set[str] = set()
        """The tables that have the rows of the report in front."""
        self.names: frozenset[str] | None = None
        self._kept: dict[int, tuple[Subject, int]] = {}
        """Server -> its report that is kept, and how many rows it has; the oldest first."""
        self._reports: dict[int, Subject] = {}
        """The same by their numbers."""
        self._rows = 0

    def look_for(self, names: frozenset[str] | None) -> None:
        """Keep of processes only those of some names from now on.

        Args:
            names: those that are asked for; None where all are looked at.
        """
        if names != self.names:
            self.clear()
            self.names = names

    def clear(self) -> None:
        """Keep nothing any more."""
        for num_agente in list(self._kept):
            self.drop(num_agente)

    def keeps(self, id_serv: int) -> bool:
        """Tell whether the rows of a report are kept."""
        return id_serv in self._reports

    def take(self, subject: Subject, items: Iterable[Item]) -> None:
        """Keep the rows of a report, and of no other one of its server."""
        self.drop(subject.num_agente)
        self._note(subject, self._add(subject.num_agente, items))
        while self._rows > KEPT and len(self._kept) > 1:
            self.drop(next(iter(self._kept)))

    def follow(self, subject: Subject, gone: Iterable[Item], come: Iterable[Item]) -> None:
        """Bring what is kept of a server up to its next report."""
        rows = self._forget(subject.num_agente)
        rows -= self._remove(subject.num_agente, gone)
        self._note(subject, rows + self._add(subject.num_agente, come))

    def drop(self, num_agente: int) -> None:
        """Keep nothing of a server any more."""
        if num_agente in self._kept:
            self._forget(num_agente)
            self._write(_CLEAR, [(num_agente,)])

    def run(
        self, query: str, id_serv: int, en: str, own: Collection[str] | None = None,
        _other_words: str | None = None,
    ) -> Found:  # fmt: skip
        """Run a policy's query over the rows of its report."""
        if self._front != id_serv or not self._filled.issuperset(own or ()):
            self._put_in_front(id_serv, own or ())
        return super().run(query, id_serv, en)

    def _put_in_front(self, id_serv: int, tables: Collection[str]) -> None:
        kept = self._reports.get(id_serv)
        with self._writing() as connection:
            if self._front != id_serv:
                self._front = id_serv
                self._filled = set(ROWS) if kept else set()
                place = kept.num_agente if kept else _SPARE
                connection.execute(_TO_THE_FRONT, (id_serv, place))
            for table in (COLUMNS.keys() & tables) - self._filled:
                clear, insert = _SPARES[table]
                known = [kept.row] if kept and table == "servers" else None
                rows = known or self._fetch(_ROWS_OF[table], id_serv)
                connection.execute(clear)
                connection.executemany(insert, rows)
                self._filled.add(table)

    def _note(self, subject: Subject, rows: int) -> None:
        self._kept[subject.num_agente] = (subject, rows)
        self._reports[subject.id_serv] = subject
        self._rows += rows + _ITSELF

    def _forget(self, num_agente: int) -> int:
        """Take a server out of the books; tell how many rows it has."""
        subject, rows = self._kept.pop(num_agente)
        del self._reports[subject.id_serv]
        self._rows -= rows + _ITSELF
        if subject.id_serv == self._front:
            self._front = None
        return rows

    def _add(self, num_agente: int, items: Iterable[Item]) -> int:
        rows = [
            (num_agente, campo, nombre, None if pid == NO_PID else pid, valor, id_hecho)
            for campo, nombre, valor, id_hecho, pid, veces in self._wanted(items)
            for _ in range(veces)
        ]
        return self._write(_ADD, rows)

    def _remove(self, num_agente: int, items: Iterable[Item]) -> int:
        rows = [
            (num_agente, campo, nombre, None if pid == NO_PID else pid, id_hecho)
            for campo, nombre, _, id_hecho, pid, _ in self._wanted(items)
        ]
        return self._write(_REMOVE, rows)

    def _wanted(self, items: Iterable[Item]) -> list[Item]:
        names = self.names
        return [
            item
            for item in items
            if item[0] in ROWS and (names is None or item[1] in names or item[0] != PROCESSES)
        ]

    def _write(self, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        """Write or remove rows; tell how many."""
        if not rows:
            return 0
        with self._writing() as connection:
            return connection.executemany(statement, rows).rowcount

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for statements of our own."""
        self._ours = True
        try:
            yield self._connection
        finally:
            self._ours = False

    def _authorize(self, *given: Any) -> int:
        read = given[0] == sqlite3.SQLITE_READ and given[1] in _BEHIND
        return sqlite3.SQLITE_OK if self._ours or read else authorize(*given)


_SPARE = 0
"""The place of a report that is not kept; those that are have the number of their server."""

_ITSELF = 16
"""What a report takes itself, in rows."""

_TABLES = """
    DROP TABLE procesos;
    DROP TABLE usuarios_activos;
    DROP INDEX ix_servers_num_agente_momento;
    DROP INDEX ix_servers_num_agente_id_reporte;
    CREATE TABLE frente (fila INTEGER PRIMARY KEY, id_serv INTEGER, lugar INTEGER);
    CREATE TABLE filas (
        lugar INTEGER, campo TEXT, nombre TEXT, pid INTEGER, valor TEXT, hecho INTEGER);
    CREATE INDEX ix_filas ON filas (lugar, campo, nombre, pid, hecho, valor);
    CREATE VIEW procesos (id_serv, pid, name, username) AS
        SELECT a.id_serv, f.pid, f.nombre, f.valor
        FROM frente a CROSS JOIN filas f ON f.lugar = a.lugar AND f.campo = 'procesos';
    CREATE VIEW usuarios_activos (id_serv, username, pid) AS
        SELECT a.id_serv, f.nombre, f.pid
        FROM frente a CROSS JOIN filas f ON f.lugar = a.lugar AND f.campo = 'usuarios_activos';
"""
"""The index has all that there is of a row, and gives the order, whichever way they came."""

_BEHIND = ("frente", "filas")
"""What the views read: no policy names them, since there is nothing like that in the database."""

_TO_THE_FRONT = "INSERT OR REPLACE INTO frente VALUES (1, ?, ?)"
_CLEAR = "DELETE FROM filas WHERE lugar = ?"
_ADD = "INSERT INTO filas VALUES (?, ?, ?, ?, ?, ?)"
_REMOVE = """
    DELETE FROM filas WHERE lugar = ? AND campo = ? AND nombre = ? AND pid IS ? AND hecho = ?
"""
_ROWS_OF = {
    table: f"SELECT {', '.join(columns)} FROM {table} WHERE id_serv = ?"  # noqa: S608 - our own
    for table, columns in COLUMNS.items()
}
_SPARES = {
    "procesos": (
        "DELETE FROM filas WHERE lugar = 0 AND campo = 'procesos'",
        "INSERT INTO filas SELECT 0, 'procesos', ?3, ?2, ?4, ?1",
    ),
    "usuarios_activos": (
        "DELETE FROM filas WHERE lugar = 0 AND campo = 'usuarios_activos'",
        "INSERT INTO filas SELECT 0, 'usuarios_activos', ?2, ?3, NULL, ?1",
    ),
    "servers": (
        "DELETE FROM servers",
        f"INSERT INTO servers VALUES ({', '.join('?' for _ in COLUMNS['servers'])})",  # noqa: S608
    ),
}
"""How a table gets the rows of a report that are fetched, as `COLUMNS` has them."""

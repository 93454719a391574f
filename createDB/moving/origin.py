"""The database of SQLite that is moved: what each table of PostgreSQL gets of it.

Nobody writes into it meanwhile: it is read within one transaction, which keeps writers away.
"""

import hashlib
import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlalchemy.engine import URL

from API.app.storage import StorageInUseError, lock_database, lock_storage, own_name
from createDB import schema
from createDB.engine import BUSY_TIMEOUT_MS, database_path
from createDB.errors import DatabaseUnusableError
from createDB.postgresql import tables
from createDB.postgresql.partitions import OF_REPORTS
from createDB.postgresql.tables import NO_AGENT
from createDB.schema import OPEN
from createDB.state import VERSION_TABLE
from createDB.views import Layout, tables_in

Row = tuple[Any, ...]
Rows = Generator[list[Row], None, None]

PIECE = 500
"""Rows that are taken at a time: one may have a text as long as an evidence."""

DAYS, MONTHS = 1_500, 240
"""How many partitions are made at most; what is older than all of them lies in `*_resto`.

A server without a clock may tell of any year, and each partition takes locks of every question."""

# The first generation noted no time of its own: what its reports say stands for it.
_CAME = (
    "coalesce({0}.recibido, strftime('%Y-%m-%d %H:%M:%f000', {0}.momento / 1000.0, 'unixepoch'), "
    "'1970-01-01 00:00:00.000000')"
)


class Part(NamedTuple):
    """What one table gets."""

    table: Table
    """As PostgreSQL has it; its columns are those of the rows."""
    source: str
    """The rows, as a FROM clause."""
    values: tuple[str, ...]
    """What of them each column gets."""
    key: tuple[str, ...]
    """Columns that make each row's key: they say in which order the rows come."""

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self.table.name)

    def key_of(self, row: Row) -> list[Any]:
        """Give a row's key."""
        names = self.table.columns.keys()
        return [row[names.index(column)] for column in self.key]


class Origin:
    """The database that is moved, opened for that."""

    def __init__(self, connection: sqlite3.Connection, owner: str) -> None:
        """Look at it.

        Args:
            connection: to it.
            owner: of the JSON log, as it is known where several collectors share a database.
        """
        self.connection = connection
        self._owner = owner
        is_view = "SELECT 1 FROM sqlite_master WHERE name = 'procesos' AND type = 'view'"
        self.layout = Layout.COMPACTO if self._value(is_view) else Layout.COMPLETO
        self.parts = [_part(table, owner) for table in tables_in(tables.metadata, self.layout)]

    def count(self, part: Part) -> int:
        """Count the rows that a table gets."""
        return int(self._value(f"SELECT count(*) FROM {part.source}"))  # noqa: S608

    def rows(self, part: Part, after: Sequence[Any] | None = None) -> Rows:
        """Give the rows that a table gets, in the order of their keys, some at a time.

        Args:
            part: what to give.
            after: the key of the row after which to begin.
        """
        while True:
            try:
                for piece in self._pieces(part, after):
                    yield piece
                    after = part.key_of(piece[-1])
            except sqlite3.OperationalError as error:
                if _UNDECODABLE not in str(error) or self.connection.text_factory is not str:
                    raise
                self.connection.text_factory = _decode_anything
            else:
                return

    def mark(self) -> str:
        """Tell this state from another: by numbers given, reports imported, layout and owner."""
        queries = ("SELECT * FROM sqlite_sequence ORDER BY 1", "SELECT * FROM bitacoras ORDER BY 1")
        found = [self.connection.execute(query).fetchall() for query in queries]
        return hashlib.sha256(json.dumps([self.layout, self._owner, *found]).encode()).hexdigest()

    def additions(self) -> list[str]:
        """Name the tables and columns that somebody else has put there: they have no place."""
        ours = schema.metadata.tables
        query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
        found = [name for (name,) in self.connection.execute(query)]
        known = {*ours, VERSION_TABLE}
        strange = [
            f"la tabla {name}"
            for name in found
            if name not in known and not name.startswith("sqlite_")
        ]
        for name in ours:
            columns = self.connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
            if name in found:
                strange += [f"la columna {column} de {name}" for (column,) in columns
                            if column not in ours[name].columns]  # fmt: skip
        return strange

    def days(self) -> list[date]:
        """Give the days on which reports came, the last `DAYS` of them."""
        came = _CAME.format("servers")
        query = f"SELECT DISTINCT substr({came}, 1, 10) FROM servers"  # noqa: S608
        found = self.connection.execute(query)
        return sorted(day for (text,) in found if (day := _day(text)))[-DAYS:]

    def months(self) -> list[date]:
        """Give a day of each month in which a period ended, of the last `MONTHS` of them."""
        query = f"SELECT DISTINCT hasta / 86400000 FROM periodos WHERE hasta < {OPEN}"  # noqa: S608
        found = [datetime.fromtimestamp(day * 86_400, UTC).date()
                 for (day,) in self.connection.execute(query)]  # fmt: skip
        return sorted({day.replace(day=1) for day in found})[-MONTHS:]

    def highest(self) -> dict[str, int]:
        """Give the highest number that was ever given in each table, by the table's name."""
        numbers = dict(self.connection.execute("SELECT name, seq FROM sqlite_sequence"))
        for part in self.parts:
            if part.name in schema.metadata.tables and len(part.key) == 1:
                query = f"SELECT max({part.key[0]}) FROM {part.name}"  # noqa: S608
                last = self._value(query)
                if isinstance(last, int):
                    numbers[part.name] = max(last, numbers.get(part.name, 0))
        return numbers

    def _pieces(self, part: Part, after: Sequence[Any] | None) -> Iterator[list[Row]]:
        cursor = self.connection.execute(_select(part, after), after or ())
        while piece := cursor.fetchmany(PIECE):
            yield piece

    def _value(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()
        return row and row[0]


@contextmanager
def opened(url: URL, storage: Path) -> Iterator[Origin]:
    """Open the database of `url`, which is current, and keep writers away from it.

    Args:
        url: where it is.
        storage: the folder of the collector that goes on with what it is moved to.

    Raises:
        DatabaseUnusableError: a collector works on it, or in the folder.
        sqlite3.Error: it can't be read.
    """
    # The lock's file is closed last: closing it lets go of SQLite's own locks.
    with _locked(url, storage), closing(_connect(url)) as connection:
        yield Origin(connection, own_name(storage))


@contextmanager
def _locked(url: URL, storage: Path) -> Iterator[None]:
    with ExitStack() as locks:
        try:
            locks.enter_context(lock_storage(storage))
            locks.enter_context(lock_database(database_path(url)))
        except StorageInUseError as error:
            raise DatabaseUnusableError(
                f"{error}; deténgalo antes, o lleve una copia, con otra --storage"
            ) from None
        yield


def _connect(url: URL) -> sqlite3.Connection:
    uri = f"{database_path(url).as_uri()}?mode=rw"
    wait = BUSY_TIMEOUT_MS / 1000
    connection = sqlite3.connect(uri, timeout=wait, isolation_level=None, uri=True)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            connection.close()
            raise
        connection.execute("BEGIN")  # whoever may only read it finds nobody who writes
    return connection


def _part(table: Table, owner: str) -> Part:
    """Say what of SQLite's tables a table of PostgreSQL gets."""
    name, came = table.name, _CAME.format("s")
    if name == "reportes":
        own = ("s.num_agente", "s.id_reporte", "s.id_serv", came)
        return Part(table, "servers s WHERE s.id_reporte IS NOT NULL", own, ("id_serv",))
    columns = schema.metadata.tables[name].columns
    key = tuple(column.name for column in columns if column.primary_key)
    values = [f"s.{column.name}" for column in columns]
    if name == "servers":
        values[columns.keys().index("recibido")] = came
    elif name in OF_REPORTS:
        values = [f"t.{column.name}" for column in columns]
        values += [f"coalesce(s.num_agente, {NO_AGENT})", came]
        source = f"{name} t LEFT JOIN servers s USING (id_serv)"
        return Part(table, source, tuple(values), key)
    elif name == "bitacoras":
        # A copy of a database that several shared has their files by their names already.
        own_file = "'{}/' || s.archivo".format(owner.replace("'", "''"))
        values[0] = f"iif(instr(s.archivo, '/'), s.archivo, {own_file})"
    return Part(table, f"{name} s", tuple(values), key)


def _select(part: Part, after: Sequence[Any] | None) -> str:
    names = part.table.columns.keys()
    key = ", ".join(part.values[names.index(column)] for column in part.key)
    where = ""
    if after is not None:
        word = "AND" if " WHERE " in part.source else "WHERE"
        where = f" {word} ({key}) > ({', '.join('?' * len(part.key))})"
    return f"SELECT {', '.join(part.values)} FROM {part.source}{where} ORDER BY {key}"  # noqa: S608


_UNDECODABLE = "Could not decode to UTF-8"


def _decode_anything(text: bytes) -> str:
    """Keep what is no UTF-8 as lone surrogates, so that its row can be named."""
    return text.decode("utf-8", "surrogateescape")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

"""The same rows in both databases, for what must answer alike on them."""

import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import URL, Engine, Row

from createDB.engine import database_url, open_engine
from createDB.postgresql.partitions import make_partitions
from createDB.postgresql.tables import metadata


class Both(NamedTuple):
    """The same rows in SQLite and in PostgreSQL."""

    sqlite: Engine
    postgresql: Engine
    now: datetime
    urls: tuple[URL, URL]

    def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Ask both, hold that they say the same, and give what SQLite said."""
        here, there = (_asked(engine, question, arguments) for engine in self[:2])
        assert_same(there, here)
        return here

    def identity(self, number: int) -> str:
        """Give the `id_agente` of a server."""
        query = "SELECT id_agente FROM agentes WHERE num_agente = ?"
        with self.sqlite.connect() as connection:
            return str(connection.exec_driver_sql(query, (number,)).scalar_one())


def _asked(engine: Engine, question: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    with engine.connect() as connection:
        return plain(question(connection, *arguments))


def plain(value: Any) -> Any:
    """Turn what a question gives into lists, dictionaries and values of their own."""
    if isinstance(value, Row | Sequence | Iterator) and not isinstance(value, str):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return value


def assert_same(there: Any, here: Any, where: str = "") -> None:
    """Hold that PostgreSQL said what SQLite did, whose julianday knows milliseconds alone."""
    assert type(there) is type(here) or {type(there), type(here)} == {bool, int}, (
        f"{where}: {there!r} is not {here!r}"
    )
    if isinstance(here, list):
        assert len(there) == len(here), f"{where}: {len(there)} and {len(here)}"
        for place, pair in enumerate(zip(there, here, strict=True)):
            assert_same(*pair, f"{where}[{place}]")
    elif isinstance(here, dict):
        assert list(there) == list(here), where
        for key in here:
            assert_same(there[key], here[key], f"{where}.{key}")
    elif isinstance(here, float):
        assert math.isclose(there, here, rel_tol=1e-9, abs_tol=0.002), f"{where}: {there} {here}"
    else:
        assert there == here, f"{where}: {there!r} is not {here!r}"


_OF_REPORTS = "SELECT i.*, s.num_agente, s.recibido FROM {} i JOIN servers s USING (id_serv)"
_SOURCES = {
    "reportes": "SELECT num_agente, id_reporte, id_serv, recibido FROM servers",
    "procesos": _OF_REPORTS.format("procesos"),
    "usuarios_activos": _OF_REPORTS.format("usuarios_activos"),
}


def copy_rows(path: Path, url: str) -> None:
    """Copy all rows of a database of SQLite to an empty one of PostgreSQL, of the same layout."""
    with closing(sqlite3.connect(path)) as source:
        _make_partitions(source, url)
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        there = {name for (name,) in source.execute(names)} | {"reportes"}
        with psycopg.connect(url) as target:
            target.execute("DELETE FROM repeticiones")
            for table in metadata.sorted_tables:
                if table.name in there:
                    columns = ", ".join(column.name for column in table.columns)
                    every = f"SELECT * FROM {table.name}"  # noqa: S608 - of our own schema
                    rows = source.execute(_SOURCES.get(table.name, every))
                    with target.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
            target.execute("ANALYZE")


def _make_partitions(source: sqlite3.Connection, url: str) -> None:
    query = "SELECT (SELECT min(hasta) FROM periodos), (SELECT min(momento) FROM servers)"
    first = min(each for each in source.execute(query).fetchone() if each is not None)
    day = datetime.fromtimestamp(first / 1_000, UTC).date()
    engine = open_engine(database_url(url))
    with engine.begin() as connection:
        make_partitions(connection, day, datetime.now(UTC).date())
    engine.dispose()

"""Writes what a database of PostgreSQL holds into a file of SQLite, all of one moment."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from tqdm import tqdm

from createDB import schema
from createDB.engine import database_url, name_of, open_engine, open_for_building, unusable
from createDB.errors import DatabaseUnusableError
from createDB.moving.origin import PIECE, Part, Row
from createDB.moving.proof import Sum, arrived, sum_of
from createDB.postgresql.partitions import OF_REPORTS
from createDB.tables import create_tables
from createDB.views import Layout, layout_of, tables_in

CACHE_KIB = 64 << 10
"""What SQLite may keep in memory of the file that it fills."""


def write_file(url: URL, target: Path, owner: str, *, progress: bool) -> None:
    """Fill the empty file `target` with all of the database of `url`, and compare every row.

    Args:
        url: of the database.
        target: the file.
        owner: whose JSON log the file is to know as its own.
        progress: whether to show how far it has come.

    Raises:
        DatabaseUnusableError: the database can't be read, or the file is not the same.
        sqlite3.Error: the file can't be written.
    """
    engine = open_engine(url, read_only=True, wait_ms=0)
    try:
        with engine.connect() as connection:  # one transaction, which sees one moment
            layout = layout_of(connection)
            _make_tables(target, layout)
            parts = _parts(layout, owner)
            total = 2 * sum(_count(connection, part) for part in parts)
            bar = tqdm(total=total, desc="copia", unit=" filas", unit_scale=True,
                       disable=None if progress else True)  # fmt: skip
            with bar, closing(sqlite3.connect(target, isolation_level=None)) as file:
                sums = _fill(connection, file, parts, bar)
                _require_same(file, sums, bar, target)
    except (psycopg.Error, DBAPIError) as error:
        if isinstance(cause := getattr(error, "orig", None), sqlite3.Error):
            raise cause from error
        raise unusable(error, name_of(url)) from error
    finally:
        engine.dispose()


def _make_tables(target: Path, layout: Layout) -> None:
    engine = open_for_building(database_url(str(target)), durable=False)
    try:
        with engine.begin() as connection:
            create_tables(connection, layout)
            connection.exec_driver_sql("DELETE FROM repeticiones")
    finally:
        engine.dispose()


def _parts(layout: Layout, owner: str) -> list[Part]:
    """Say what each table of the file gets."""
    before = owner.replace("'", "''") + "/"
    own = f"regexp_replace(archivo, '^{re.escape(before)}', '')"
    parts = []
    for table in tables_in(schema.metadata, layout):
        columns = [column.name for column in table.columns]
        values = tuple(own if name == "archivo" else name for name in columns)
        key = tuple(column.name for column in table.columns if column.primary_key)
        parts.append(Part(table, table.name, values, key))
    return parts


def _count(connection: Connection, part: Part) -> int:
    query = f"SELECT count(*) FROM {part.name}"  # noqa: S608 - a name of ours
    return int(connection.exec_driver_sql(query).scalar_one())


def _fill(
    connection: Connection, file: sqlite3.Connection, parts: list[Part], bar: "tqdm[Any]"
) -> list[tuple[Part, Sum]]:
    """Copy every row; give the sums of what the tables of PostgreSQL hold."""
    # What is written is thrown away unless it is finished.
    file.execute("PRAGMA synchronous = OFF")
    file.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    file.execute("BEGIN IMMEDIATE")
    sums = [(part, sum_of(_inserted(connection, file, part), bar.update)) for part in parts]
    query = (
        "SELECT sequencename, last_value FROM pg_sequences "
        "WHERE schemaname = current_schema() AND last_value IS NOT NULL"
    )
    _number_on(file, dict(map(tuple, connection.exec_driver_sql(query))))
    file.execute("COMMIT")
    return sums


def _inserted(connection: Connection, file: sqlite3.Connection, part: Part) -> Iterator[list[Row]]:
    """Give rows once they are in the file. Reports lie by their days, which is how they came."""
    statement = f"INSERT INTO {part.name} VALUES ({', '.join('?' * len(part.values))})"  # noqa: S608
    in_order = part.name not in OF_REPORTS
    for rows in arrived(connection, part, values=part.values, in_order=in_order):
        file.executemany(statement, rows)
        yield rows


def _number_on(file: sqlite3.Connection, reached: dict[str, int]) -> None:
    """Have what is numbered go on above the highest number that PostgreSQL has given."""
    numbered = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
    for (name,) in file.execute(numbered).fetchall():
        (key,) = schema.metadata.tables[name].primary_key.columns.keys()
        number = reached.get(f"{name}_{key}_seq", 0)
        changed = file.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?",
                               (number, name))  # fmt: skip
        if number and not changed.rowcount:
            file.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (name, number))


def _require_same(
    file: sqlite3.Connection, sums: list[tuple[Part, Sum]], bar: "tqdm[Any]", target: Path
) -> None:
    for part, theirs in sums:
        query = f"SELECT * FROM {part.name}"  # noqa: S608 - a name of ours
        ours = sum_of(_rows(file.execute(query)), bar.update)
        if ours != theirs:
            raise DatabaseUnusableError(
                f"{target}: en la copia, {part.name} no es igual: {theirs.rows} filas en la base, "
                f"{ours.rows} en la copia"
            )


def _rows(cursor: sqlite3.Cursor) -> Iterator[list[Row]]:
    while piece := cursor.fetchmany(PIECE):
        yield piece

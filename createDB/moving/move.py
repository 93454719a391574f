"""Moves a database of SQLite to PostgreSQL; whatever interrupts it, the same command goes on."""

import sqlite3
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from tqdm import tqdm

from API.app.settings import Settings
from createDB import schema
from createDB.engine import database_path, is_postgresql, name_of, unusable
from createDB.errors import DatabaseUnusableError
from createDB.moving import place
from createDB.moving.copying import copy_part
from createDB.moving.origin import Origin, opened
from createDB.moving.proof import arrived, differences, sum_of
from createDB.moving.target import ANEW, claim, connected, finish
from createDB.postgresql.partitions import make_days, make_months
from createDB.state import require_current
from createDB.words import counted

TOGETHER = 30
"""Days or months whose partitions one transaction makes: what it makes, it locks to its end."""


def move(settings: Settings, source: URL) -> tuple[bool, list[str]]:
    """Fill the database of `settings` with what that of `source` holds.

    Returns:
        whether both hold the same rows now, and what to tell the operator.

    Raises:
        DatabaseUnusableError: it can't be done, or not to its end; what has arrived stays.
    """
    url = settings.database
    if not is_postgresql(url) or is_postgresql(source):
        raise DatabaseUnusableError(
            "--from-database lleva una base de SQLite a PostgreSQL: --database postgresql://... "
            "--from-database ARCHIVO; de vuelta, --snapshot ARCHIVO"
        )
    if not database_path(source).exists():
        raise DatabaseUnusableError(f"{database_path(source)}: no existe")
    require_current(source)
    try:
        with opened(source, settings.storage) as origin, connected(url) as connection:
            way = f"--from-database {database_path(source)}"
            claim(connection, origin.layout, way, origin.mark())
            _make_partitions(connection, origin)
            _copy(connection, origin)
            _number_on(connection, origin)
            return _prove(connection, origin, name_of(url), source)
    except sqlite3.Error as error:
        raise unusable(error, database_path(source)) from error


def _make_partitions(connection: Connection, origin: Origin) -> None:
    for make, days in ((make_days, origin.days()), (make_months, origin.months())):
        for start in range(0, len(days), TOGETHER):
            with connection.begin():
                make(connection, days[start : start + TOGETHER])


def _copy(connection: Connection, origin: Origin) -> None:
    total = sum(map(origin.count, origin.parts))
    with connection.begin():
        done = sum(place.reached(connection, part.name).rows for part in origin.parts)
    with _bar(total, "traslado", done) as bar:
        for part in origin.parts:
            copy_part(connection, origin, part, bar.update)


def _number_on(connection: Connection, origin: Origin) -> None:
    """Have what is numbered go on above the highest number that there ever was."""
    highest = origin.highest()
    with connection.begin():
        for table in schema.metadata.sorted_tables:
            keys = [column.name for column in table.primary_key.columns]
            sequence = f"{table.name}_{keys[0]}_seq"
            found = connection.exec_driver_sql("SELECT to_regclass(?)::text", (sequence,)).scalar()
            if found and len(keys) == 1 and (number := highest.get(table.name)):
                connection.exec_driver_sql("SELECT setval(?::regclass, ?)", (sequence, number))


def _prove(
    connection: Connection, origin: Origin, name: str, source: URL
) -> tuple[bool, list[str]]:
    """Compare every row on both sides; the move has ended if they are the same."""
    lines, wrong, rows = [], list[str](), 0
    with _bar(2 * sum(map(origin.count, origin.parts)), "comprobación") as bar:
        for part in origin.parts:
            with connection.begin():
                ours = sum_of(origin.rows(part), bar.update)
                theirs = sum_of(arrived(connection, part), bar.update)
                if ours != theirs:
                    rows_there = counted(ours.rows, "fila", "filas")
                    counts = f"{rows_there} en el origen y {theirs.rows} aquí"
                    wrong += [f"{part.name}: {counts}, que no son las mismas"]
                    wrong += differences(connection, origin, part)
            if ours.rows:
                same = counted(ours.rows, "fila, igual", "filas, iguales")
                lines.append(f"{part.name}: {same}")
                rows += ours.rows
    if wrong:
        return False, [*wrong, f"{name}: no quedó igual que {database_path(source)}; {ANEW}"]
    finish(connection)
    whole = f"{name}: tiene ya todo lo de {database_path(source)}"
    lines += [f"nota: {what} no es de este sistema, y no se lleva" for what in origin.additions()]
    return True, [*lines, f"{whole}: {rows} filas, comprobadas una a una"]


def _bar(total: int, title: str, done: int = 0) -> "tqdm[Any]":
    return tqdm(total=total, initial=done, desc=title, unit=" filas", unit_scale=True, disable=None)

"""Proves that two databases hold the same rows: reads every one of them on both sides."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from marshal import dumps
from typing import Any, NamedTuple

from sqlalchemy import Connection

from createDB.moving.fitting import short
from createDB.moving.origin import PIECE, Origin, Part, Row

SHOWN = 20
"""Rows that differ which are named."""

WHOLE = 1 << 128


class Sum(NamedTuple):
    """How many rows there are, and the sum of their hashes: their order does not count."""

    rows: int
    hashes: int


def sum_of(pieces: Iterable[list[Row]], told: Callable[[int], object]) -> Sum:
    """Sum up rows, of which some at a time are held."""
    rows = hashes = 0
    for piece in pieces:
        hashes += sum(map(_hash, piece))
        rows += len(piece)
        told(len(piece))
    return Sum(rows, hashes % WHOLE)


def arrived(
    connection: Connection, part: Part, *, values: Sequence[str] = (), in_order: bool = False
) -> Iterator[list[Row]]:
    """Give the rows that a table has, in the form in which SQLite gives them, some at a time.

    Args:
        connection: inside a transaction of PostgreSQL.
        part: whose rows.
        values: what to give of each row; its columns, if nothing else is said.
        in_order: by their keys.
    """
    query = f"SELECT {', '.join(values or part.table.columns.keys())} FROM {part.name}"  # noqa: S608
    if in_order:
        query += f" ORDER BY {', '.join(part.key)}"
    driver: Any = connection.connection.driver_connection
    with driver.cursor(name="filas") as cursor:
        cursor.itersize = PIECE
        cursor.execute(query)
        while piece := cursor.fetchmany(PIECE):
            yield piece


def differences(connection: Connection, origin: Origin, part: Part) -> list[str]:
    """Name the first rows of a table that are not the same on both sides."""
    ours = (row for piece in origin.rows(part) for row in piece)
    theirs = (row for piece in arrived(connection, part, in_order=True) for row in piece)
    return list(islice(_merged(part, ours, theirs), SHOWN))


def _hash(row: Row) -> int:
    # In this version of the format equal values have equal bytes, whatever else refers to them.
    return int.from_bytes(blake2b(dumps(row, 2), digest_size=16).digest(), "little")


def _merged(part: Part, ours: Iterator[Row], theirs: Iterator[Row]) -> Iterator[str]:
    """Go through rows on both sides that are sorted by their keys."""
    one, other = next(ours, None), next(theirs, None)
    while one or other:
        key = part.key_of(one) if one else None
        other_key = part.key_of(other) if other else None
        if other_key is None or (key is not None and key < other_key):
            yield f"{part.name}: falta {short(key)}"
            one = next(ours, None)
        elif key is None or other_key < key:
            yield f"{part.name}: sobra {short(other_key)}"
            other = next(theirs, None)
        else:
            if one != other:
                yield f"{part.name}: {short(key)} no dice lo mismo"
            one, other = next(ours, None), next(theirs, None)

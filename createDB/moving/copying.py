"""Copies rows into PostgreSQL, and remembers with each batch of them how far it has come."""

from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from createDB.errors import DatabaseUnusableError
from createDB.moving import place
from createDB.moving.fitting import kinds_of, misfit
from createDB.moving.origin import Origin, Part, Row
from createDB.moving.place import Reached

BATCH = 20
"""Pieces of rows that are committed together."""


def copy_part(
    connection: Connection, origin: Origin, part: Part, told: Callable[[int], object]
) -> None:
    """Copy what a table has not got yet.

    Args:
        connection: outside a transaction.
        origin: where the rows come from.
        part: which rows.
        told: is called with the number of rows that have come, whenever some are committed.

    Raises:
        DatabaseUnusableError: a row holds what cannot be in PostgreSQL; those before it are there.
    """
    with connection.begin():
        reached = place.reached(connection, part.name)
    with closing(origin.rows(part, reached.key)) as pieces:
        while True:
            with connection.begin():
                count, last = _copy_batch(connection, part, islice(pieces, BATCH))
                if last is None:
                    return
                reached = Reached(part.key_of(last), reached.rows + count)
                place.remember(connection, part.name, reached)
            told(count)


def _copy_batch(
    connection: Connection, part: Part, pieces: Iterable[list[Row]]
) -> tuple[int, Row | None]:
    """Copy some rows in the caller's transaction; give how many, and the last of them."""
    kinds, count, last = kinds_of(part.table), 0, None
    driver: Any = connection.connection.driver_connection
    names = ", ".join(part.table.columns.keys())
    with driver.cursor() as cursor, cursor.copy(f"COPY {part.name} ({names}) FROM STDIN") as copy:
        for rows in pieces:
            if wrong := misfit(part, kinds, rows):
                raise DatabaseUnusableError(
                    f"{wrong}; corríjalo en la base de origen y repita la orden, que sigue donde "
                    "quedó"
                )
            for row in rows:
                copy.write_row(row)
            count, last = count + len(rows), rows[-1]
    return count, last

"""Up to where each file of the JSON log is in the database: the table `bitacoras`.

Where collectors share a database, each has a log of its own; its files are known there by the
collector's own name before theirs (`Journal.known_as`).
"""

from pathlib import Path

from sqlalchemy import Connection

from API.app.ingest.journal import Mark


def positions_in(connection: Connection, owner: str = "") -> dict[str, int]:
    """Read up to where each file of a log is in the database, by the file's name.

    Args:
        connection: of the database.
        owner: of the log, as `Journal` has it.
    """
    before = f"{owner}/" if owner else ""
    rows = connection.exec_driver_sql("SELECT archivo, posicion FROM bitacoras")
    return {
        row.archivo.removeprefix(before): row.posicion
        for row in rows
        if row.archivo.startswith(before) and "/" not in row.archivo.removeprefix(before)
    }


def remember(connection: Connection, place: Mark) -> None:
    """Note, in the same transaction, up to where a file of the log is in the database."""
    connection.exec_driver_sql(_REMEMBER, (place.name, place.size))


def is_past(connection: Connection, place: Mark) -> bool:
    """Tell whether a file of the log is in the database up to `place`, or further.

    A transaction that is about to say so, or to say that it isn't, is waited for.
    """
    reached = connection.exec_driver_sql(_REACHED, (place.name,)).scalar_one()
    return bool(reached >= place.size)


def forget_file(connection: Connection, path: Path, owner: str = "") -> None:
    """Remove what the database remembers of a file that is gone.

    Args:
        connection: inside a transaction.
        path: of the file, compressed or not.
        owner: of the log, as `Journal` has it.
    """
    before = f"{owner}/" if owner else ""
    for name in {path.name, path.name.removesuffix(".gz")}:
        forget(connection, before + name)


def forget(connection: Connection, name: str) -> None:
    """Remove what the database remembers of a file, by the name it has for it."""
    connection.exec_driver_sql("DELETE FROM bitacoras WHERE archivo = ?", (name,))


_REMEMBER = (
    "INSERT INTO bitacoras (archivo, posicion) VALUES (?, ?) "
    "ON CONFLICT (archivo) DO UPDATE SET posicion = excluded.posicion"
)
_REACHED = (
    "INSERT INTO bitacoras (archivo, posicion) VALUES (?, 0) "
    "ON CONFLICT (archivo) DO UPDATE SET posicion = bitacoras.posicion RETURNING posicion"
)

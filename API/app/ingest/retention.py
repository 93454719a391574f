"""Up to when housekeeping has removed what: the table `retencion`.

The limit is written before the first row goes, and only ever moves forward. Whoever stores or
compares reports asks here, in its own transaction: what is past its days is not missing, and is
not brought back.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection


class Limits(NamedTuple):
    """What ended before these moments (milliseconds since 1970) may be gone; 0: nothing is."""

    reportes: int = 0
    periodos: int = 0
    bitacora: int = 0


def limits_of(connection: Connection) -> Limits:
    """Read how far housekeeping has come."""
    rows = connection.exec_driver_sql("SELECT que, hasta FROM retencion")
    return Limits(**{row.que: row.hasta for row in rows})


def first_day_kept(limits: Limits) -> str:
    """Give the first UTC day whose file of the log is kept, as in 2026-11-20."""
    return datetime.fromtimestamp(limits.bitacora / 1000, UTC).date().isoformat()


def raise_limit(connection: Connection, what: str, hasta: int) -> None:
    """Note that what ended before `hasta` is about to go; inside a transaction.

    Args:
        connection: of the database.
        what: the name of a field of `Limits`.
        hasta: in milliseconds since 1970.
    """
    connection.exec_driver_sql(_RAISE, (what, hasta))


def was_removed(connection: Connection, id_agente: str, momento: int) -> bool:
    """Tell whether a report that is not in the database was removed when its days were over.

    The latest report of a server never is.
    """
    row = (momento, id_agente, momento)
    return connection.exec_driver_sql(WAS_REMOVED, row).first() is not None


_RAISE = """
    INSERT INTO retencion (que, hasta) VALUES (?, ?)
    ON CONFLICT (que) DO UPDATE SET hasta = max(retencion.hasta, excluded.hasta)
"""
WAS_REMOVED = """
    SELECT 1 FROM retencion, agentes
    WHERE que = 'reportes' AND hasta > ? AND id_agente = ? AND momento > ?
"""

"""The audit trail: who did what, from where, when."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

NEWEST = (1 << 63) - 1


class TrailFilters(NamedTuple):
    """What the trail is narrowed to, each where it is given."""

    quien: str = ""
    accion: str = ""
    """An action, or what it begins with, such as `agente.`."""
    objeto: str = ""


class TrailPage(NamedTuple):
    """Some entries, the newest first, and the last one's number where there are more."""

    entries: Sequence[Row[Any]]
    end: int | None


def entries(connection: Connection, filters: TrailFilters, before: int, limit: int) -> TrailPage:
    """List what was done.

    Args:
        connection: to the database.
        filters: which of it.
        before: only entries with a smaller number; `NEWEST` for all.
        limit: how many at most.
    """
    values = filters._asdict() | {"before": before, "most": limit + 1}
    rows = connection.exec_driver_sql(_ENTRIES, values).all()
    return TrailPage(rows[:limit], rows[limit - 1].id_auditoria if len(rows) > limit else None)


def known(connection: Connection) -> dict[str, list[str]]:
    """Give the actors and actions that there are, by column."""
    found: dict[str, list[str]] = {"quien": [], "accion": []}
    for column, value in connection.exec_driver_sql(_KNOWN):
        found[column].append(value)
    return found


_ENTRIES = """
    SELECT id_auditoria, momento, quien, desde, accion, objeto, detalle FROM auditoria
    WHERE id_auditoria < :before AND (:quien = '' OR quien = :quien)
        AND (:objeto = '' OR objeto = :objeto)
        AND substr(accion, 1, length(:accion)) = :accion
    ORDER BY id_auditoria DESC LIMIT :most
"""
_KNOWN = """
    SELECT DISTINCT 'quien', quien FROM auditoria
    UNION ALL SELECT DISTINCT 'accion', accion FROM auditoria ORDER BY 1, 2
"""

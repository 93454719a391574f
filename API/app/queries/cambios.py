"""What began and what ceased to be true, newest first."""

import json
from typing import Any, NamedTuple

from sqlalchemy import Connection

from API.app.queries.times import from_ms
from createDB.schema import OPEN

MOMENTS_AT_ONCE = 100
MOMENTS_A_PAGE = 2_000
"""How far one page looks back; a filter that finds little gives short pages, not slow ones."""


class Place(NamedTuple):
    """Where a page ends: all that is newer stands on pages before."""

    momento: int
    num_agente: int


NEWEST = Place(OPEN, 0)


class ChangeFilters(NamedTuple):
    """What the list is narrowed to, each where it is given."""

    agente: str | None = None
    campo: str | None = None
    tipo: str | None = None
    nombre: str | None = None
    usuario: str | None = None


class Page(NamedTuple):
    """Some changes, and where the next page begins; None after the last."""

    changes: list[dict[str, Any]]
    end: Place | None


def changes(
    connection: Connection, filters: ChangeFilters, since: int, before: Place, limit: int
) -> Page:
    """List changes, all of one moment of a server on the same page.

    Args:
        connection: to the database.
        filters: which changes.
        since: how far back, in milliseconds since 1970.
        before: where the page before ended.
        limit: how many changes at least make a page, where there are as many.
    """
    server = _number_of(connection, filters.agente) if filters.agente else None
    if filters.agente and server is None:
        return Page([], None)
    found: list[dict[str, Any]] = []
    for _ in range(MOMENTS_A_PAGE // MOMENTS_AT_ONCE):
        moments = _moments(connection, server, since, before)
        if not moments:
            return Page(found, None)
        found += _changes_at(connection, moments, filters)
        before = moments[-1]
        if len(found) >= limit:
            break
    return Page(found, before)


_MOMENTS = """
    SELECT momento, num_agente FROM momentos
    WHERE momento >= ? AND (momento, num_agente) < (?, ?)
    ORDER BY momento DESC, num_agente DESC LIMIT ?
"""
# A server's own moments are few: they are read off its periods.
_MOMENTS_OF_ONE = """
    SELECT DISTINCT momento, ?1 FROM (
        SELECT desde AS momento FROM periodos WHERE num_agente = ?1
        UNION ALL SELECT hasta FROM periodos WHERE num_agente = ?1
    )
    WHERE momento >= ?2 AND momento < ?3 ORDER BY momento DESC LIMIT ?4
"""
_WANTED = """
    p.propio = 0 AND (:campo IS NULL OR h.campo = :campo)
    AND (:nombre IS NULL OR h.nombre = :nombre) AND (:usuario IS NULL OR h.valor = :usuario)
"""
_SHOWN = "m.momento, a.id_agente, a.hostname, h.campo, h.nombre, h.valor, p.pid"
_JOINED = "JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente)"
_AT = f"""
    WITH m (momento, num_agente) AS (
        SELECT value ->> 0, value ->> 1 FROM json_each(:moments)
    )
    SELECT 'inicia' AS tipo, {_SHOWN} FROM m CROSS JOIN periodos p
        ON p.num_agente = m.num_agente AND p.hasta > m.momento AND p.desde = m.momento {_JOINED}
    WHERE coalesce(:tipo, 'inicia') = 'inicia' AND {_WANTED}
    UNION ALL
    SELECT 'termina', {_SHOWN} FROM m CROSS JOIN periodos p
        ON p.num_agente = m.num_agente AND p.hasta = m.momento {_JOINED}
    WHERE coalesce(:tipo, 'termina') = 'termina' AND {_WANTED}
    ORDER BY 2 DESC, 3, 1 DESC, 8
"""  # noqa: S608 - text of our own


def _number_of(connection: Connection, id_agente: str) -> int | None:
    query = "SELECT num_agente FROM agentes WHERE id_agente = ?"
    number: int | None = connection.exec_driver_sql(query, (id_agente,)).scalar()
    return number


def _moments(connection: Connection, server: int | None, since: int, before: Place) -> list[Place]:
    """Give the next moments at which anything changed, newest first."""
    if server is None:
        rows = connection.exec_driver_sql(_MOMENTS, (since, *before, MOMENTS_AT_ONCE))
    else:
        bounds = (server, since, before.momento, MOMENTS_AT_ONCE)
        rows = connection.exec_driver_sql(_MOMENTS_OF_ONE, bounds)
    return [Place(*row) for row in rows]


def _changes_at(
    connection: Connection, moments: list[Place], filters: ChangeFilters
) -> list[dict[str, Any]]:
    parameters = filters._asdict() | {"moments": json.dumps(moments)}
    rows = connection.exec_driver_sql(_AT, parameters)
    return [
        {
            "momento": from_ms(row.momento),
            "tipo": row.tipo,
            "id_agente": row.id_agente,
            "hostname": row.hostname,
            "campo": row.campo,
            "pid": None if row.pid < 0 else row.pid,
            "nombre": row.nombre,
            "valor": row.valor,
        }
        for row in rows
    ]

"""What began and what ceased to be true, newest first."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from API.app.queries.nombres import Name, changes_in, stretch_of
from API.app.queries.times import from_ms
from createDB.schema import OPEN

MOMENTS_AT_ONCE = (5, 20, 100)
"""How many moments are looked at together: first few, as a moment may have many changes."""

MOMENTS_A_PAGE = 2_000
"""How far one page looks back; a filter that finds little gives short pages, not slow ones."""

KINDS = ("inicia", "termina")


class Place(NamedTuple):
    """Where a page ends: all that is newer stands on pages before."""

    momento: int
    num_agente: int
    shown: int = 0
    """Changes of this very moment and server that pages before have shown; 0 for all of them."""


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
    """List changes.

    Args:
        connection: to the database.
        filters: which changes.
        since: how far back, in milliseconds since 1970.
        before: where the page before ended.
        limit: how many changes make a page.
    """
    server = _number_of(connection, filters.agente) if filters.agente else None
    if filters.agente and server is None:
        return Page([], None)
    if filters.nombre or filters.usuario:
        page = _page_of_name(connection, filters, server, since, before, limit)
        if page:
            return page
    found: list[Row[Any]] = []
    looked_at, begin = 0, before
    while looked_at < MOMENTS_A_PAGE:
        size = MOMENTS_AT_ONCE[min(looked_at // 20, len(MOMENTS_AT_ONCE) - 1)]
        moments = _moments(connection, server, since, before, size)
        if not moments:
            return Page([_shown(row) for row in found], None)
        rows = _changes_at(connection, moments, filters)
        found += rows[before.shown :]
        if len(found) > limit:
            return Page([_shown(row) for row in found[:limit]], _end(found[:limit], begin))
        before = moments[-1]
        looked_at += len(moments)
    return Page([_shown(row) for row in found], before)


def _page_of_name(
    connection: Connection,
    filters: ChangeFilters,
    server: int | None,
    since: int,
    before: Place,
    limit: int,
) -> Page | None:
    """List the changes of a name that is rare, or recent; None where it is neither."""
    name = Name(filters.campo, filters.nombre, filters.usuario)
    stretch = stretch_of(connection, name, server, since, before.momento, limit)
    if stretch is None:
        return None
    rows = changes_in(connection, stretch, server, filters.tipo, before, limit + 1)
    shown = [_shown(row) for row in rows[:limit]]
    if len(rows) > limit:
        return Page(shown, _end(rows[:limit], before))
    return Page(shown, Place(stretch.since, 0) if stretch.since > since else None)


def _end(rows: Sequence[Row[Any]], before: Place) -> Place:
    """Tell where a page ends whose last moment has more to show."""
    last = rows[-1]
    place = (last.momento, last.num_agente)
    shown = sum((row.momento, row.num_agente) == place for row in rows)
    return Place(*place, shown + (before.shown if before[:2] == place else 0))


_MOMENTS = """
    SELECT momento, num_agente FROM momentos
    WHERE momento >= ?1 AND (momento, num_agente) <= (?2, ?3)
        AND NOT ((momento, num_agente) = (?2, ?3) AND ?4 = 0)
    ORDER BY momento DESC, num_agente DESC LIMIT ?5
"""
# A server's own moments are few: they are read off its periods.
_MOMENTS_OF_ONE = """
    SELECT DISTINCT momento, ?1 FROM (
        SELECT desde AS momento FROM periodos WHERE num_agente = ?1
        UNION ALL SELECT hasta FROM periodos WHERE num_agente = ?1
    ) m
    WHERE momento >= ?2 AND momento <= ?3 AND NOT (momento = ?3 AND ?4 = 0)
    ORDER BY momento DESC LIMIT ?5
"""
_WANTED = """
    p.propio = 0 AND (h.campo = :campo OR :campo IS NULL)
    AND (h.nombre = :nombre OR :nombre IS NULL) AND (h.valor = :usuario OR :usuario IS NULL)
"""
_SHOWN = "m.momento, m.num_agente, a.id_agente, a.hostname, h.campo, h.nombre, h.valor, p.pid"
_JOINED = "JOIN hechos h USING (id_hecho) JOIN agentes a ON a.num_agente = m.num_agente"
_AT = f"""
    WITH m (momento, num_agente) AS (
        SELECT CAST(json_extract(value, '$[0]') AS BIGINT),
            CAST(json_extract(value, '$[1]') AS INTEGER) FROM json_each(:moments)
    )
    SELECT 'inicia' AS tipo, {_SHOWN} FROM m CROSS JOIN periodos p
        ON p.num_agente = m.num_agente AND p.hasta > m.momento AND p.desde = m.momento {_JOINED}
    WHERE coalesce(:tipo, 'inicia') = 'inicia' AND {_WANTED}
    UNION ALL
    SELECT 'termina', {_SHOWN} FROM m CROSS JOIN periodos p
        ON p.num_agente = m.num_agente AND p.hasta = m.momento {_JOINED}
    WHERE coalesce(:tipo, 'termina') = 'termina' AND {_WANTED}
    ORDER BY 2 DESC, 3 DESC, 1 DESC, 6, 9, 7, 8 NULLS FIRST
"""  # noqa: S608 - text of our own


def _number_of(connection: Connection, id_agente: str) -> int | None:
    query = "SELECT num_agente FROM agentes WHERE id_agente = ?"
    number: int | None = connection.exec_driver_sql(query, (id_agente,)).scalar()
    return number


def _moments(
    connection: Connection, server: int | None, since: int, before: Place, size: int
) -> list[Place]:
    """Give the next moments at which anything changed, newest first."""
    if server is None:
        rows = connection.exec_driver_sql(_MOMENTS, (since, *before, size))
    else:
        bounds = (server, since, before.momento, before.shown, size)
        rows = connection.exec_driver_sql(_MOMENTS_OF_ONE, bounds)
    return [Place(*row) for row in rows]


def _changes_at(
    connection: Connection, moments: list[Place], filters: ChangeFilters
) -> Sequence[Row[Any]]:
    parameters = filters._asdict() | {"moments": json.dumps(moments)}
    return connection.exec_driver_sql(_AT, parameters).all()


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "momento": from_ms(row.momento),
        "tipo": row.tipo,
        "id_agente": row.id_agente,
        "hostname": row.hostname,
        "campo": row.campo,
        "pid": None if row.pid < 0 else row.pid,
        "nombre": row.nombre,
        "valor": row.valor,
    }

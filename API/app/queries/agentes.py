"""The servers that report or have enrolled, with all that an operator wants to see of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from API.app.queries.direct import Direct
from API.app.queries.estados import STATE, as_bound
from API.app.queries.latest import LATEST, database_of

SKEW_REPORTS = 20
"""Of so many reports the promptest tells how far off a clock is: one that waited seems late."""

SKEW = f"""(SELECT max(julianday(r.fecha_hora) - julianday(r.recibido)) * 86400 FROM
    (SELECT fecha_hora, recibido FROM servers
     WHERE num_agente = a.num_agente ORDER BY momento DESC LIMIT {SKEW_REPORTS}) r)"""  # noqa: S608
"""By how many seconds the clock of `agentes a` is ahead, or less than 0."""

_PROMPT_S = 60
"""A last report that is no further off its reception tells of the clock by itself."""

_LAST_SKEW = "(julianday(s.fecha_hora) - julianday(s.recibido)) * 86400"
_WATCHED = f"""
    SELECT a.id_agente, a.hostname, {STATE}, a.version_agente, a.ultimo_reporte, a.etiquetas,
        CASE WHEN abs({_LAST_SKEW}) <= {_PROMPT_S} THEN {_LAST_SKEW} ELSE {SKEW} END,
        coalesce(a.descartados, 0), a.clon_de, a.clon_visto, a.rotacion IS NOT NULL,
        EXISTS (SELECT 1 FROM credenciales c WHERE c.num_agente = a.num_agente)
    FROM agentes a LEFT JOIN servers s ON {{latest}} {{where}}
    ORDER BY a.hostname NULLS FIRST, a.id_agente
"""  # noqa: S608
_RELATED = """WHERE :agente IN (a.id_agente, a.clon_de)
    OR a.id_agente = (SELECT c.clon_de FROM agentes c WHERE c.id_agente = :agente)"""
_ALL = f"""
    SELECT a.id_agente, a.hostname, a.ipaddress, a.estado, a.etiquetas, a.ultimo_reporte,
        a.version_agente, a.rotacion, a.clon_de, a.clon_visto,
        EXISTS (SELECT 1 FROM credenciales c WHERE c.num_agente = a.num_agente) AS tiene_token,
        {SKEW} AS desfase
    FROM agentes a ORDER BY a.hostname NULLS FIRST, a.id_agente
"""  # noqa: S608


def all_servers(connection: Connection) -> Sequence[Row[Any]]:
    """List them all, whatever their state; `desfase` is in seconds, plus where a clock is ahead."""
    return connection.exec_driver_sql(_ALL).all()


class WatchedRow(NamedTuple):
    """What the tables say of an agent."""

    id_agente: str
    hostname: str | None
    situacion: str
    version_agente: str | None
    ultimo_reporte: str | None
    etiquetas: str | None
    desfase: float | None
    """By how many seconds its clock is ahead."""
    descartados: int
    clon_de: str | None
    clon_visto: str | None
    rotacion: int
    tiene_token: int


def watched(connection: Direct, at: datetime, related_to: str | None = None) -> list[WatchedRow]:
    """List every agent with how it stands at a moment (UTC without an offset).

    Asked of the driver itself: of 20,000 servers SQLAlchemy would make 20,000 rows of its own.

    Args:
        connection: to the database.
        at: the moment.
        related_to: only this one, those that enrolled with its token, and whose token it had.
    """
    where = "" if related_to is None else _RELATED
    query = _WATCHED.format(latest=LATEST[database_of(connection)], where=where)
    values = {"ahora": as_bound(at), "agente": related_to}
    return [WatchedRow(*row) for row in connection.execute(query, values)]

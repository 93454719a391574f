"""What people were told, are to be told, and could not be told yet."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from API.app.alerts.incidents import Kind
from API.app.queries.cumplimiento import SEVERITIES
from API.app.queries.times import from_ms

KINDS = tuple(kind.value for kind in Kind)
STATES = ("abierta", "resuelta")
NEWEST = (1 << 63) - 1


class AlertFilters(NamedTuple):
    """What a list of alerts is narrowed to, each where it is given."""

    agente: str | None = None
    politica: str | None = None
    severidad: str | None = None
    tipo: str | None = None
    estado: str | None = None
    etiqueta: str | None = None
    """A label of the server, as `name:value`."""
    mensaje: str | None = None
    """The identity of a message that tells of it."""


class AlertPage(NamedTuple):
    """Some alerts, and the last one's number where there are more."""

    alerts: list[dict[str, Any]]
    end: int | None


def alerts(connection: Connection, filters: AlertFilters, before: int, limit: int) -> AlertPage:
    """List alerts, the newest first, each with what became of telling people.

    Args:
        connection: to the database.
        filters: which of them.
        before: only those with a smaller number; `NEWEST` for all.
        limit: how many at most.
    """
    conditions = list(_conditions(filters))
    where = " AND ".join(["al.id_alerta < ?", *(text for text, _ in conditions)])
    values = [value for _, given in conditions for value in given]
    query = f"{_ALERTS} WHERE {where} ORDER BY al.id_alerta DESC LIMIT ?"
    rows = connection.exec_driver_sql(query, (before, *values, limit + 1)).all()
    told = _told(connection, [row.id_alerta for row in rows[:limit]])
    found = [_as_json(row, told.get(row.id_alerta, [])) for row in rows[:limit]]
    return AlertPage(found, rows[limit - 1].id_alerta if len(rows) > limit else None)


def open_counts(connection: Connection) -> dict[str, int]:
    """Count the alerts that are open, by severity."""
    found = {row.severidad: row.n for row in connection.exec_driver_sql(_OPEN)}
    return {severity: found.get(severity, 0) for severity in SEVERITIES}


def waiting(connection: Connection) -> list[dict[str, Any]]:
    """Tell what waits to be delivered, by channel, the one that waits longest first."""
    return [
        {
            "canal": row.canal,
            "mensajes": row.mensajes,
            "alertas": row.alertas,
            "desde": from_ms(row.desde),
            "intentos": row.intentos,
            "proximo": None if row.proximo is None else from_ms(row.proximo),
            "error": row.error,
        }
        for row in connection.exec_driver_sql(_WAITING)
    ]


def undecided(connection: Connection) -> int:
    """Count the alerts of which it is not decided yet who is told."""
    return int(connection.exec_driver_sql(_UNDECIDED).scalar_one())


def _conditions(filters: AlertFilters) -> Iterator[tuple[str, tuple[str, ...]]]:
    for column, value in (
        ("a.id_agente", filters.agente),
        ("o.id_politica", filters.politica),
        ("al.severidad", filters.severidad),
        ("al.tipo", filters.tipo),
    ):
        if value is not None:
            yield f"{column} = ?", (value,)
    if filters.estado is not None:
        yield f"al.resuelta IS {'' if filters.estado == 'abierta' else 'NOT '}NULL", ()
    if filters.etiqueta is not None:
        name, _, value = filters.etiqueta.partition(":")
        yield _LABELLED, (name, value)
    if filters.mensaje is not None:
        yield _IN_MESSAGE, (filters.mensaje,)


def _told(connection: Connection, numbers: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Give who was told what of some alerts, and who waits."""
    told: dict[int, list[dict[str, Any]]] = {}
    text = msgspec.json.encode(numbers).decode()
    for row in connection.exec_driver_sql(_TOLD, (text,)):
        told.setdefault(row.id_alerta, []).append(
            {
                "canal": row.canal,
                "que": row.que,
                "mensaje": row.clave,
                "estado": row.estado or "espera",
                "entregado": None if row.terminado is None else from_ms(row.terminado),
                "error": row.error,
            }
        )
    return told


def _as_json(row: Row[Any], told: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id_alerta": row.id_alerta,
        "tipo": row.tipo,
        "severidad": row.severidad,
        "estado": "abierta" if row.resuelta is None else "resuelta",
        "id_agente": row.id_agente,
        "hostname": row.hostname,
        "politica": row.id_politica,
        "titulo": row.titulo,
        "desde": from_ms(row.desde),
        "abierta": from_ms(row.abierta),
        "resuelta": None if row.resuelta is None else from_ms(row.resuelta),
        "resolucion": row.resolucion,
        "evidencia": msgspec.json.decode(row.evidencia) if row.evidencia else [],
        "razon": row.razon,
        "avisos": told,
    }


_ALERTS = """
    SELECT al.*, a.id_agente, a.hostname, o.id_politica, o.titulo
    FROM alertas al JOIN agentes a USING (num_agente) LEFT JOIN politicas o USING (num_politica)
"""
_LABELLED = "EXISTS (SELECT 1 FROM json_each(a.etiquetas) l WHERE l.key = ? AND l.value = ?)"
_IN_MESSAGE = """EXISTS (SELECT 1 FROM entregas e JOIN mensajes m USING (id_mensaje)
    WHERE e.id_alerta = al.id_alerta AND m.clave = ?)"""
_OPEN = "SELECT severidad, count(*) AS n FROM alertas WHERE resuelta IS NULL GROUP BY 1"
_UNDECIDED = "SELECT count(*) FROM alertas WHERE por_avisar IS NOT NULL"
_TOLD = """
    SELECT e.id_alerta, e.canal, e.que, m.clave, m.estado, m.terminado, m.error
    FROM json_each(?) n CROSS JOIN entregas e ON e.id_alerta = CAST(n.value AS BIGINT)
        LEFT JOIN mensajes m USING (id_mensaje)
    ORDER BY e.id_alerta, e.que, e.canal
"""
_WAITING = """
    SELECT canal, sum(mensajes) AS mensajes, sum(alertas) AS alertas, min(desde) AS desde,
        max(intentos) AS intentos, min(proximo) AS proximo, max(error) AS error
    FROM (
        SELECT m.canal, 1 AS mensajes, m.creado AS desde, m.intentos, m.proximo, m.error,
            (SELECT count(*) FROM entregas e WHERE e.id_mensaje = m.id_mensaje) AS alertas
        FROM mensajes m WHERE m.estado = 'espera'
        UNION ALL
        SELECT e.canal, 0, coalesce(al.resuelta, al.abierta), 0, NULL, NULL, 1
        FROM entregas e JOIN alertas al USING (id_alerta) WHERE e.id_mensaje IS NULL
    ) w GROUP BY canal ORDER BY desde
"""

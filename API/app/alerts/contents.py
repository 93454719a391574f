"""What a message says: made once, of the alerts that go into it, and the same on every attempt."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from API.app.alerts.words import summary
from API.app.queries.times import from_ms

DETAILED = 200
"""Alerts that a message shows one by one; of the others it says how many they are."""

EVIDENCE_ROWS = 5
EVIDENCE_SIZE = 2_000
"""Rows of evidence that go with each of them, and characters that they may take."""

SEVEREST_FIRST = "instr('critica,alta,media,baja', al.severidad)"


def contents_of(connection: Connection, id_mensaje: int, link: str | None) -> str:
    """Make what a message says.

    Args:
        connection: to the database, in which the message has its alerts.
        id_mensaje: its number.
        link: where people reach the collector.
    """
    key, creado = connection.exec_driver_sql(_MESSAGE, (id_mensaje,)).one()
    shown = connection.exec_driver_sql(_ALERTS, (id_mensaje, DETAILED)).all()
    groups = [dict(row._mapping) for row in connection.exec_driver_sql(_GROUPS, (id_mensaje,))]
    total = sum(group["total"] for group in groups)
    alerts = [_alert(row, link) for row in shown]
    document: dict[str, Any] = {
        "mensaje": key,
        "creado": from_ms(creado),
        "resumen": summary(groups, alerts),
        "enlace": f"{link}/consola/alertas?mensaje={key}" if link else None,
        "total": total,
        "omitidas": total - len(alerts),
        "grupos": groups,
        "alertas": alerts,
    }
    return msgspec.json.encode(document).decode()


def _alert(row: Row[Any], link: str | None) -> dict[str, Any]:
    rows, cut = _evidence(row.evidencia)
    return {
        "id_alerta": row.id_alerta,
        "estado": row.que,
        "tipo": row.tipo,
        "severidad": row.severidad,
        "politica": row.id_politica,
        "titulo": row.titulo,
        "id_agente": row.id_agente,
        "hostname": row.hostname,
        "ipaddress": row.ipaddress,
        "etiquetas": msgspec.json.decode(row.etiquetas) if row.etiquetas else {},
        "desde": from_ms(row.desde),
        "abierta": from_ms(row.abierta),
        "resuelta": from_ms(row.resuelta) if row.que == "resuelta" else None,
        "resolucion": row.resolucion if row.que == "resuelta" else None,
        "evidencia": rows,
        "evidencia_omitida": cut,
        "enlace": f"{link}/consola/servidores/{row.id_agente}" if link else None,
    }


def _evidence(text: str | None) -> tuple[Sequence[Any], int]:
    """Give the first rows of the evidence, and how many there are besides."""
    rows = msgspec.json.decode(text) if text else []
    kept, size = 0, 0
    for row in rows[:EVIDENCE_ROWS]:
        size += len(msgspec.json.encode(row))
        if size > EVIDENCE_SIZE and kept:
            break
        kept += 1
    return rows[:kept], len(rows) - kept


_MESSAGE = "SELECT clave, creado FROM mensajes WHERE id_mensaje = ?"
_ALERTS = f"""
    SELECT al.*, e.que, a.id_agente, a.hostname, a.ipaddress, a.etiquetas, o.id_politica, o.titulo
    FROM entregas e JOIN alertas al USING (id_alerta) JOIN agentes a USING (num_agente)
        LEFT JOIN politicas o USING (num_politica)
    WHERE e.id_mensaje = ?
    ORDER BY e.que, {SEVEREST_FIRST}, al.tipo, o.id_politica NULLS FIRST, al.id_alerta LIMIT ?
"""  # noqa: S608 - text of our own
_GROUPS = f"""
    SELECT e.que AS estado, al.tipo, al.severidad, o.id_politica AS politica, o.titulo,
        json_extract(o.documento, '$.remedio') AS remedio, count(*) AS total
    FROM entregas e JOIN alertas al USING (id_alerta) LEFT JOIN politicas o USING (num_politica)
    WHERE e.id_mensaje = ? GROUP BY e.que, al.tipo, al.severidad, o.num_politica
    ORDER BY e.que, {SEVEREST_FIRST}, al.tipo, o.id_politica NULLS FIRST
"""  # noqa: S608

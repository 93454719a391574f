"""The servers that report or have enrolled, with all that an operator wants to see of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

SKEW_REPORTS = 20
"""Of so many reports the promptest tells how far off a clock is: one that waited seems late."""

SKEW = f"""(SELECT max(julianday(r.fecha_hora) - julianday(r.recibido)) * 86400 FROM
    (SELECT fecha_hora, recibido FROM servers
     WHERE num_agente = a.num_agente ORDER BY momento DESC LIMIT {SKEW_REPORTS}) r)"""  # noqa: S608
"""By how many seconds the clock of `agentes a` is ahead, or less than 0."""

_ALL = f"""
    SELECT a.id_agente, a.hostname, a.ipaddress, a.estado, a.etiquetas, a.ultimo_reporte,
        a.version_agente, a.rotacion, a.clon_de, a.clon_visto,
        EXISTS (SELECT 1 FROM credenciales c WHERE c.num_agente = a.num_agente) AS tiene_token,
        {SKEW} AS desfase
    FROM agentes a ORDER BY a.hostname, a.id_agente
"""  # noqa: S608


def all_servers(connection: Connection) -> Sequence[Row[Any]]:
    """List them all, whatever their state; `desfase` is in seconds, plus where a clock is ahead."""
    return connection.exec_driver_sql(_ALL).all()

"""What was true of a server at a moment."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from API.app.facts import LISTS
from API.app.queries.servidor import forgotten
from API.app.queries.times import from_ms, with_offset

_SERVER = "SELECT num_agente, hostname FROM agentes WHERE id_agente = ?"
_BEFORE = """
    SELECT id_serv, fecha_hora, recibido, momento, errores FROM servers
    WHERE num_agente = ? AND momento <= ? ORDER BY momento DESC LIMIT 1
"""
_AFTER = """
    SELECT id_serv, fecha_hora, recibido, momento, errores FROM servers
    WHERE num_agente = ? AND momento > ? ORDER BY momento LIMIT 1
"""
_TRUE_THEN = """
    SELECT campo, nombre, valor, pid, desde, inicio, veces
    FROM periodos JOIN hechos USING (id_hecho)
    WHERE num_agente = ? AND hasta > ? AND desde <= ?
    ORDER BY campo, pid, nombre, valor NULLS FIRST
"""


def state_at(connection: Connection, id_agente: str, momento: int) -> dict[str, Any] | None:
    """Give what was known of a server at a moment; None where there is no such server.

    Args:
        connection: to the database.
        id_agente: the server.
        momento: in milliseconds since 1970.

    Returns:
        the reports before and after, with their times (what lies between them nobody saw), each
        list of a report with what was in it, and the facts of the system.
    """
    server = connection.exec_driver_sql(_SERVER, (id_agente,)).first()
    if server is None:
        return None
    state: dict[str, Any] = {
        "id_agente": id_agente,
        "en": from_ms(momento),
        "reporte_anterior": _report(connection, _BEFORE, server.num_agente, momento),
        "reporte_siguiente": _report(connection, _AFTER, server.num_agente, momento),
        "sistema": {},
        **{fact.field: [] for fact in LISTS},
    }
    columns = {fact.field: fact.columns for fact in LISTS}
    rows = connection.exec_driver_sql(_TRUE_THEN, (server.num_agente, momento, momento))
    for row in rows:
        if row.campo in columns:
            state[row.campo] += [_item(row, columns[row.campo])] * row.veces
        else:
            state["sistema"][row.campo] = row.nombre
    return state


def removed_since(connection: Connection, momento: int) -> dict[str, str]:
    """Tell up to when housekeeping has removed `reportes` and `periodos`, where after a moment."""
    return {
        what: from_ms(limit)
        for what, limit in sorted(forgotten(connection).items())
        if what in ("periodos", "reportes") and limit > momento
    }


def _report(
    connection: Connection, query: str, num_agente: int, momento: int
) -> dict[str, Any] | None:
    row = connection.exec_driver_sql(query, (num_agente, momento)).first()
    if row is None:
        return None
    return {
        "id_serv": row.id_serv,
        "fecha_hora": with_offset(row.fecha_hora),
        "recibido": with_offset(row.recibido),
        "momento": from_ms(row.momento),
        "errores": msgspec.json.decode(row.errores) if row.errores else {},
    }


def _item(row: Any, columns: tuple[str, ...]) -> dict[str, Any]:
    """Show one item under the names it has in a report, and since when it was there."""
    item = {"pid": None if row.pid < 0 else row.pid}
    item |= dict(zip(columns, (row.nombre, row.valor), strict=False))
    if row.inicio is not None:
        item["inicio"] = from_ms(row.inicio)
    item["desde"] = from_ms(row.desde)
    return item

"""Reports as they were posted."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, DateTime, Text, func, select, type_coerce

from createDB.schema import procesos, servers, usuarios_activos


class StoredReport(NamedTuple):
    """Where a report stands in both places."""

    id_serv: int
    id_agente: str
    id_reporte: str
    recibido: datetime


def report_as_posted(connection: Connection, id_serv: int) -> dict[str, Any] | None:
    """Give one report in the shape in which it was posted; None where there is none."""
    query = select(*_COLUMNS).where(servers.c.id_serv == id_serv)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    report = {
        name: value
        for name, value in _as_json(dict(row)).items()
        if name not in ("id_serv", "recibido") and (value is not None or name in _SEED)
    }
    report["procesos"] = _processes(connection, id_serv)
    report["usuarios_activos"] = _sessions(connection, id_serv)
    return report


def stored_on(connection: Connection, day: date) -> Sequence[StoredReport]:
    """List the reports that were received on `day` (UTC), in the order of their numbers."""
    query = (
        select(servers.c.id_serv, servers.c.id_agente, servers.c.id_reporte, servers.c.recibido)
        .where(servers.c.recibido >= _midnight(day))
        .where(servers.c.recibido < _midnight(day + timedelta(days=1)))
        .where(servers.c.id_reporte.is_not(None))
        .order_by(servers.c.id_serv)
    )
    return [StoredReport(*row) for row in connection.execute(query)]


_SEED = frozenset(
    ("ipaddress", "fecha_hora", "arquitectura_proc", "marca_proc", "nombre_so", "version_so")
)


def _with_offset(column: ColumnElement[datetime]) -> ColumnElement[str]:
    """Write a moment as ISO 8601; what the first generation wrote may be any text."""
    return func.replace(type_coerce(column, Text), " ", "T") + "+00:00"


# What a report says.
_COLUMNS = tuple(
    _with_offset(column).label(column.name) if isinstance(column.type, DateTime) else column
    for column in servers.columns
    if column.name not in ("momento", "num_agente")
)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the database holds UTC


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Turn a row of `servers` into what JSON can say: errors are an object."""
    if values["errores"] is not None:
        values["errores"] = json.loads(values["errores"])
    return values


def _processes(connection: Connection, id_serv: int) -> list[dict[str, Any]]:
    query = (
        select(procesos.c.pid, procesos.c.name, procesos.c.username)
        .where(procesos.c.id_serv == id_serv)
        .order_by(procesos.c.id_proc)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _sessions(connection: Connection, id_serv: int) -> list[dict[str, Any]]:
    query = (
        select(usuarios_activos.c.pid, usuarios_activos.c.username.label("name"))
        .where(usuarios_activos.c.id_serv == id_serv)
        .order_by(usuarios_activos.c.id_usr)
    )
    return [dict(row) for row in connection.execute(query).mappings()]

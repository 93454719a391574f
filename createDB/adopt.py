"""Gives reports that were stored before there was a history their place in it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row
from tqdm import tqdm

from API.app.ingest.store import Store, utc_now
from API.app.report import Process, Report, Session

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as everywhere in the database
"""Where a report stands whose time cannot be read: before all others."""

_REPORTS = "SELECT * FROM servers WHERE momento IS NULL ORDER BY fecha_hora, id_serv"
_PROCESSES = "SELECT pid, name, username FROM procesos WHERE id_serv = ?"
_SESSIONS = "SELECT username, pid FROM usuarios_activos WHERE id_serv = ?"


def adopt_reports(connection: Connection) -> None:
    """Place every report that has no moment yet, oldest first, in the caller's transaction."""
    store, now = Store(rows=False), utc_now()
    found = connection.exec_driver_sql(_REPORTS).all()
    for row in tqdm(found, desc="historial", unit=" reportes", disable=None):
        moment = _moment(row.fecha_hora)
        report = _report(connection, row, moment or EPOCH)
        came = moment and min(moment, now)  # the first generation noted no time but the server's
        store.adopt(connection, row.id_serv, row.id_agente, report, came)


def _report(connection: Connection, row: Row[Any], moment: datetime) -> Report:
    """Make a report of its rows, whatever they hold: the first generation checked nothing."""
    return Report(
        arquitectura_proc=_text(row.arquitectura_proc),
        marca_proc=_text(row.marca_proc),
        nombre_so=_text(row.nombre_so),
        version_so=_text(row.version_so),
        ipaddress=_text(row.ipaddress),
        fecha_hora=moment,
        procesos=[
            Process(pid, _text(name), username)
            for pid, name, username in connection.exec_driver_sql(_PROCESSES, (row.id_serv,))
            if _pid(pid) is not None
        ],
        usuarios_activos=[
            Session(_text(name), _pid(pid))
            for name, pid in connection.exec_driver_sql(_SESSIONS, (row.id_serv,))
        ],
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _pid(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None

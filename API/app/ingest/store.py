"""How reports become rows: the only code that writes into the tables of the seed and `agentes`.

Used by the live writer and by whoever brings in reports from the JSON log, always inside the
caller's transaction. Statements are plain SQL text, made once from the schema: at a thousand
reports a second, building them anew for each report would be a good part of the cost.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from API.app.ingest.journal import Line
from API.app.report import Report, agent_of, decode_report, identity_of
from createDB.schema import agentes, procesos, servers, usuarios_activos

CLOCK_AHEAD = timedelta(minutes=5)
"""How far a server's clock may run ahead before its word about the moment no longer counts."""


class Entry(NamedTuple):
    """A report on its way into the tables."""

    report: Report
    body: bytes
    """The report's JSON text as it was received."""
    id_agente: str
    id_reporte: str
    recibido: datetime | None = None
    """When it was received, in UTC without offset; None for a report that is only now stored."""
    id_serv: int | None = None
    """The number it already has, where it comes from the JSON log."""


class Stored(NamedTuple):
    """What became of an entry: its number, and whether it is new."""

    id_serv: int
    created: bool


def entry_from_body(body: bytes) -> Entry:
    """Check the JSON text `body` and identify it.

    Raises:
        InvalidReportError: it is not a report.
    """
    report = decode_report(body)
    return Entry(report, body, agent_of(report), identity_of(report, body))


def entry_from_line(line: Line) -> Entry:
    """Take a report back from its line of the JSON log, with the number and times it has there.

    Raises:
        InvalidReportError: what stands there is not a report.
    """
    body = bytes(line.reporte)
    report = decode_report(body)
    recibido = line.recibido.astimezone(UTC).replace(tzinfo=None)
    return Entry(report, body, agent_of(report), line.id_reporte, recibido, line.id_serv)


def store(connection: Connection, entries: Sequence[Entry], now: datetime) -> list[Stored]:
    """Write `entries` into the tables; those that are there already are left as they are.

    Args:
        connection: inside a transaction, which the caller commits or rolls back.
        entries: reports in the order in which they came; one may stand in it twice.
        now: for entries without a `recibido`, in UTC without offset.

    Returns:
        one `Stored` for each entry, in their order.
    """
    results, new = [], []
    for entry in entries:
        recibido = entry.recibido or now
        found = _insert_server(connection, entry, recibido)
        results.append(found)
        if found.created:
            new.append((found.id_serv, entry, recibido))
    if new:
        _insert_children(connection, [(id_serv, entry.report) for id_serv, entry, _ in new])
        connection.exec_driver_sql(
            _UPSERT_AGENT, [_agent_row(id_serv, entry, at) for id_serv, entry, at in new]
        )
    return results


def moment_of(fecha_hora: datetime, recibido: datetime) -> datetime:
    """Give a report's place in its server's history, from both clocks."""
    return recibido if fecha_hora > recibido + CLOCK_AHEAD else fecha_hora


def sql_time(moment: datetime) -> str:
    """Write a moment (UTC, no offset) in the form in which the database sorts and keeps it."""
    return moment.isoformat(" ", "microseconds")


def _insert_statement(table: Table, skip: tuple[str, ...] = ()) -> str:
    names = [column.name for column in table.columns if column.name not in skip]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608


_INSERT_SERVER = (
    _insert_statement(servers) + " ON CONFLICT (id_agente, id_reporte) DO NOTHING RETURNING id_serv"
)
_FIND_SERVER = "SELECT id_serv FROM servers WHERE id_agente = ? AND id_reporte = ?"
_INSERT_PROCESS = _insert_statement(procesos, skip=("id_proc",))
_INSERT_SESSION = _insert_statement(usuarios_activos, skip=("id_usr",))
_UPSERT_AGENT = (
    _insert_statement(agentes)
    + """
    ON CONFLICT (id_agente) DO UPDATE SET
        ultimo_reporte = max(ultimo_reporte, excluded.ultimo_reporte),
        descartados = max(coalesce(descartados, 0), coalesce(excluded.descartados, 0)),
        hostname = iif(excluded.momento >= momento, excluded.hostname, hostname),
        ipaddress = iif(excluded.momento >= momento, excluded.ipaddress, ipaddress),
        id_serv = iif(excluded.momento >= momento, excluded.id_serv, id_serv),
        intervalo = iif(excluded.momento >= momento, excluded.intervalo, intervalo),
        version_agente = iif(excluded.momento >= momento, excluded.version_agente, version_agente),
        momento = max(momento, excluded.momento)
    """
)


def _insert_server(connection: Connection, entry: Entry, recibido: datetime) -> Stored:
    row = connection.exec_driver_sql(_INSERT_SERVER, _server_row(entry, recibido)).first()
    if row:
        return Stored(row[0], created=True)
    identity = (entry.id_agente, entry.id_reporte)
    found = connection.exec_driver_sql(_FIND_SERVER, identity).scalar_one()
    return Stored(found, created=False)


def _server_row(entry: Entry, recibido: datetime) -> tuple[Any, ...]:
    """Give the values of one row of `servers`, in the order of its columns."""
    report = entry.report
    return (
        entry.id_serv,
        report.ipaddress,
        sql_time(report.fecha_hora),
        report.arquitectura_proc,
        report.marca_proc,
        report.nombre_so,
        report.version_so,
        report.hostname,
        entry.id_agente,
        entry.id_reporte,
        sql_time(recibido),
        report.distribucion,
        report.version_distribucion,
        report.nucleo,
        report.id_arranque,
        report.pid_agente,
        json.dumps(report.errores, ensure_ascii=False) if report.errores else None,
        sql_time(moment_of(report.fecha_hora, recibido)),
    )


def _agent_row(id_serv: int, entry: Entry, recibido: datetime) -> tuple[Any, ...]:
    """Give the values of one row of `agentes`, in the order of its columns."""
    report = entry.report
    at = sql_time(recibido)
    return (
        entry.id_agente,
        report.hostname,
        report.ipaddress,
        id_serv,
        sql_time(moment_of(report.fecha_hora, recibido)),
        at,
        at,
        report.intervalo,
        report.version_agente,
        report.descartados,
    )


def _insert_children(connection: Connection, reports: Sequence[tuple[int, Report]]) -> None:
    processes = list(_process_rows(reports))
    if processes:
        connection.exec_driver_sql(_INSERT_PROCESS, processes)
    sessions = list(_session_rows(reports))
    if sessions:
        connection.exec_driver_sql(_INSERT_SESSION, sessions)


def _process_rows(reports: Sequence[tuple[int, Report]]) -> Iterator[tuple[Any, ...]]:
    for id_serv, report in reports:
        ip, at = report.ipaddress, sql_time(report.fecha_hora)
        for process in report.procesos:
            yield id_serv, ip, at, process.pid, process.name, process.username


def _session_rows(reports: Sequence[tuple[int, Report]]) -> Iterator[tuple[Any, ...]]:
    for id_serv, report in reports:
        ip, at = report.ipaddress, sql_time(report.fecha_hora)
        for session in report.usuarios_activos:
            yield id_serv, ip, at, session.name, session.pid


def utc_now() -> datetime:
    """Tell the time: UTC, without offset, as the database keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)

"""How reports become rows: the only code that writes into the tables that reports fill.

Used by the live writer and by whoever brings in reports from the JSON log, always inside the
caller's transaction.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from API.app.ingest.boots import Boots
from API.app.ingest.history import History
from API.app.ingest.journal import Line
from API.app.ingest.periods import Server
from API.app.ingest.sql import insert_statement, run_for_rows, sql_time, to_ms, values_of
from API.app.report import Report, agent_of, decode_report, identity_of
from createDB.schema import servers

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


class Store:
    """Writes reports into one database. It remembers what it wrote: `forget` after a rollback."""

    def __init__(self, *, rows: bool) -> None:
        """Make one.

        Args:
            rows: whether each report's processes and sessions get rows of their own (the layout
                `completo`), or stand in the periods alone (`compacto`).
        """
        self._rows = rows
        self._history = History()
        self._boots = Boots()

    def store(
        self, connection: Connection, entries: Sequence[Entry], now: datetime
    ) -> list[Stored]:
        """Write `entries` into the tables; those that are there already are left as they are.

        Args:
            connection: inside a transaction, which the caller commits or rolls back.
            entries: reports in the order in which they came; one may stand in it twice.
            now: for entries without a `recibido`, in UTC without offset.

        Returns:
            one `Stored` for each entry, in their order.
        """
        try:
            results, agents = [], []
            for entry in entries:
                at = entry.recibido or now
                server = self._history.server(connection, entry.id_agente)
                momento = _free_moment(connection, server, entry.report.fecha_hora, at)
                found = _insert_server(connection, server, entry, at, momento)
                results.append(found)
                if found.created:
                    if self._rows:
                        _insert_children(connection, found.id_serv, entry.report)
                    self._boots.follow(connection, server, entry.report.id_arranque, momento)
                    self._history.record(connection, server, entry.report, momento)
                    agents.append(_agent_row(found.id_serv, server, entry.report, at, momento))
            self._history.flush(connection)
            if agents:
                connection.exec_driver_sql(_UPDATE_AGENT, agents)
        except BaseException:
            self.forget()
            raise
        return results

    def adopt(
        self,
        connection: Connection,
        id_serv: int,
        id_agente: str,
        report: Report,
        recibido: datetime | None,
    ) -> None:
        """Give a report whose rows are there already its place in its server's history.

        Args:
            connection: inside a transaction.
            id_serv: number of the report.
            id_agente: identity of the server.
            report: what it says.
            recibido: when it came, so far as anybody knows, in UTC without offset.
        """
        server = self._history.server(connection, id_agente)
        momento = _free_moment(connection, server, report.fecha_hora, recibido or report.fecha_hora)
        connection.exec_driver_sql(_PLACE, (momento, server.num_agente, id_serv))
        self._history.record(connection, server, report, momento)
        self._history.flush(connection)
        row = _agent_row(id_serv, server, report, recibido, momento)
        connection.exec_driver_sql(_UPDATE_AGENT, row)

    def forget(self) -> None:
        """Drop what is remembered: the caller's transaction was rolled back."""
        self._history.forget()
        self._boots.forget()

    def forget_names(self) -> None:
        """Drop what is remembered of names alone: housekeeping has removed some."""
        self._history.forget_names()


def moment_of(fecha_hora: datetime, recibido: datetime) -> datetime:
    """Tell when a report was true, from both clocks."""
    return recibido if fecha_hora > recibido + CLOCK_AHEAD else fecha_hora


def utc_now() -> datetime:
    """Tell the time: UTC, without offset, as the database keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


_INSERT_SERVER = (
    insert_statement(servers) + " ON CONFLICT (num_agente, id_reporte) DO NOTHING RETURNING id_serv"
)
_FIND_SERVER = "SELECT id_serv FROM servers WHERE num_agente = ? AND id_reporte = ?"
_TAKEN = "SELECT momento FROM servers WHERE num_agente = ? AND momento >= ? ORDER BY momento"
_PLACE = "UPDATE servers SET momento = ?, num_agente = ? WHERE id_serv = ?"
_UPDATE_AGENT = """
    UPDATE agentes SET
        siguiente = max(siguiente, :siguiente),
        primer_reporte =
            coalesce(min(coalesce(primer_reporte, :recibido), :recibido), primer_reporte),
        ultimo_reporte =
            coalesce(max(coalesce(ultimo_reporte, :recibido), :recibido), ultimo_reporte),
        descartados = max(coalesce(descartados, 0), coalesce(:descartados, 0)),
        hostname = iif(:momento >= coalesce(momento, :momento), :hostname, hostname),
        ipaddress = iif(:momento >= coalesce(momento, :momento), :ipaddress, ipaddress),
        id_serv = iif(:momento >= coalesce(momento, :momento), :id_serv, id_serv),
        intervalo = iif(:momento >= coalesce(momento, :momento), :intervalo, intervalo),
        version_agente =
            iif(:momento >= coalesce(momento, :momento), :version_agente, version_agente),
        momento = max(coalesce(momento, :momento), :momento)
    WHERE num_agente = :num_agente
"""


def _free_moment(
    connection: Connection, server: Server, fecha_hora: datetime, recibido: datetime
) -> int:
    """Find the report's place in its server's history: a millisecond that no other has."""
    momento = to_ms(moment_of(fecha_hora, recibido))
    if server.momento is None or momento > server.momento:
        return momento
    taken = connection.exec_driver_sql(_TAKEN, (server.num_agente, momento))
    for row in taken:
        if row.momento > momento:
            break
        momento += 1
    taken.close()
    return momento


def _insert_server(
    connection: Connection, server: Server, entry: Entry, recibido: datetime, momento: int
) -> Stored:
    row = _server_row(entry, recibido, momento, server.num_agente)
    created = connection.exec_driver_sql(_INSERT_SERVER, row).first()
    if created:
        return Stored(created[0], created=True)
    identity = (server.num_agente, entry.id_reporte)
    return Stored(connection.exec_driver_sql(_FIND_SERVER, identity).scalar_one(), created=False)


def _server_row(entry: Entry, recibido: datetime, momento: int, num_agente: int) -> tuple[Any, ...]:
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
        momento,
        num_agente,
    )


def _agent_row(
    id_serv: int, server: Server, report: Report, recibido: datetime | None, momento: int
) -> dict[str, Any]:
    return {
        "num_agente": server.num_agente,
        "siguiente": server.next_number,
        "hostname": report.hostname,
        "ipaddress": report.ipaddress,
        "id_serv": id_serv,
        "momento": momento,
        "recibido": None if recibido is None else sql_time(recibido),
        "intervalo": report.intervalo,
        "version_agente": report.version_agente,
        "descartados": report.descartados,
    }


def _insert_children(connection: Connection, id_serv: int, report: Report) -> None:
    """Give each item a row, but for the lists that could not be gathered: they say nothing."""
    shared = (id_serv, report.ipaddress, sql_time(report.fecha_hora))
    unknown = report.errores or ()
    if "procesos" not in unknown:
        processes = [(item.pid, item.name, item.username) for item in report.procesos]
        run_for_rows(connection, _insert_processes, processes, shared)
    if "usuarios_activos" not in unknown:
        sessions = [(item.name, item.pid) for item in report.usuarios_activos]
        run_for_rows(connection, _insert_sessions, sessions, shared)


@cache
def _insert_processes(rows: int) -> str:
    return _insert_items("procesos", "pid, name, username", "column1, column2, column3", 3, rows)


@cache
def _insert_sessions(rows: int) -> str:
    return _insert_items("usuarios_activos", "username, pid", "column1, column2", 2, rows)


def _insert_items(table: str, columns: str, found: str, width: int, rows: int) -> str:
    """Write an INSERT of rows that share their report's number, address and time."""
    return (
        "WITH report (id_serv, ip, at) AS (VALUES (?, ?, ?)) "  # noqa: S608 - text of our own
        f"INSERT INTO {table} (id_serv, ip_server, fecha_hora, {columns}) "
        f"SELECT id_serv, ip, at, {found} FROM report, ({values_of(width, rows)})"
    )
